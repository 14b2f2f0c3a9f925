"""Errors that the command line shows as one line, with exit code 2: what was received, what was expected, what to do.

All of them can be caught as ``graphlint.GraphlintError``, and each under its own name.
"""

from __future__ import annotations

from collections.abc import Sequence


class GraphlintError(Exception):
    """Base of every error that graphlint raises on purpose."""


# -- reading ----------------------------------------------------------------------------------------------------


class UnreadableError(GraphlintError):
    """A model cannot be read (reported as E001)."""


class NoModelError(UnreadableError):
    """A file is sound, and holds something else than a model, such as a data set."""


class LimitError(GraphlintError):
    """A model exceeds a limit (reported as E003)."""


class ImportTargetError(GraphlintError):
    """``package.module:attribute`` does not lead to a model."""


class UnknownKerasError(GraphlintError):
    """The installed Keras does not look like any that graphlint knows."""


# -- configuration and rules ------------------------------------------------------------------------------------


class ConfigError(GraphlintError):
    """A configuration that cannot be used: names the file, the key, what was received and what was expected."""


class BaselineError(GraphlintError):
    """A file of known findings that cannot be used."""


class RuleError(GraphlintError):
    """A rule, or a package of rules, that cannot be used."""


class UnknownRuleError(GraphlintError):
    """A code, name or prefix that no rule has."""


# -- addresses --------------------------------------------------------------------------------------------------


class AddressError(GraphlintError, ValueError):
    """An address that does not follow the grammar, names nothing, or names more than one thing."""


class UnknownAddress(AddressError):
    """An address that names nothing; the message suggests near ones."""


class AmbiguousAddress(AddressError):
    """An address that names more than one thing; the message lists them."""


# -- surgery ----------------------------------------------------------------------------------------------------


class ReplayError(GraphlintError):
    """Base of the errors of the replay engine. The model has not changed."""


class UnboundedCut(ReplayError):
    """The given tensors do not separate the outputs from the inputs.

    ``side_tensors`` are the addresses that bypass the cut, ``leaking_inputs`` the model inputs they come from.
    """

    def __init__(self, message: str, side_tensors: Sequence[str] = (), leaking_inputs: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.side_tensors = list(side_tensors)
        self.leaking_inputs = list(leaking_inputs)


class OpaqueBody(ReplayError):
    """The inside of a subclassed model, custom layer or wrapper is opaque, so nothing in it can be addressed."""


class NotBuilt(ReplayError):
    """The model has no graph yet."""


class LostTie(ReplayError):
    """The result would have two copies of what is one variable in the model."""


class NameCollision(ReplayError):
    """Two layers with one name would end up in one model."""


class ShapeMismatch(ReplayError):
    """An edit gives a tensor a shape that its consumers do not accept."""


class Unequal(ReplayError):
    """The result of a surgery does not compute what the model does."""


class InvalidEdit(ReplayError):
    """An edit that does not apply at this place, or that contradicts another one."""


class CannotClone(ReplayError):
    """A layer does not tell how to make another one like it. ``layers`` are those for which this was found."""

    def __init__(self, message: str, layers: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.layers = list(layers)


class CannotLoad(ReplayError):
    """Keras cannot load a file."""


class Untrusted(CannotLoad):
    """Keras does not get to load a file: a security rule finds something in it, or it cannot be read."""


# -- fixes ------------------------------------------------------------------------------------------------------


class FixError(GraphlintError):
    """A fix was not made, and nothing was changed."""


class Unmendable(FixError):
    """The file needs something that rewriting cannot provide: a class, Python code, a removed argument."""


class WriteError(GraphlintError):
    """A file cannot be written, and nothing was changed."""


class OutputError(GraphlintError):
    """A report cannot be written."""


class WatchError(GraphlintError):
    """Something was found while a model was trained; the message is the report."""


# -- what messages are made of ----------------------------------------------------------------------------------


def one_line(error: BaseException, limit: int = 200) -> str:
    """The class of an error and what it says, as one line; of an error of graphlint only what it says.

    >>> one_line(ValueError("bad\\nworse")), one_line(GraphlintError("expected a model"))
    ('ValueError: bad worse', 'expected a model')
    """
    text = " ".join(str(error).split())[:limit]
    if isinstance(error, GraphlintError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def quoted(name: object, limit: int = 200) -> str:
    r"""A name that a file gives, as messages print it: quoted, with what cannot be printed escaped.

    >>> quoted("dense"), quoted("a\x1bb")
    ("'dense'", "'a\\x1bb'")
    """
    return (repr(name) if isinstance(name, str) and name.isprintable() else ascii(name))[:limit]


def listed(items: Sequence[str], most: int) -> str:
    """The first items of a list, and how many more there are.

    >>> listed(["a", "b"], 2), listed(["a", "b", "c"], 1)
    ('a, b', 'a and 2 more')
    """
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
