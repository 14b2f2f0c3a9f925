"""Errors that Keras raises, without what it puts around what went wrong."""

from __future__ import annotations

from graphlint.errors import GraphlintError, one_line

_BEGIN, _END = "\x1b[1m", "\x1b[0m"
_AROUND = ("Exception encountered when calling", "Arguments received by")


def innermost(error: BaseException) -> str:
    r"""The first line of what the innermost call said; empty if it said nothing.

    Keras names each layer around a call that failed, and prints what was said inside in bold
    (``traceback_utils.inject_argument_info_in_traceback``). Shape inference has words of its own around that
    (``Operation.compute_output_spec``).

    >>> innermost(ValueError("Exception encountered when calling A.call().\n\n\x1b[1mToo small\x1b[0m\n\nArguments"))
    'Too small'
    """
    text = str(error).rpartition(_BEGIN)[2].partition(_END)[0].rpartition("Error encountered:")[2]
    lines = [line.strip() for line in text.splitlines()]
    return next((line for line in lines if line and not line.startswith(_AROUND)), "")


def told(error: BaseException, limit: int = 200) -> str:
    """The class of an error and what the innermost call said, as one line; of an error of graphlint what it says.

    >>> told(ValueError("Could not infer the shape. Error encountered:\\n\\nbad rank")), told(KeyError())
    ('ValueError: bad rank', 'KeyError')
    """
    if isinstance(error, GraphlintError):
        return one_line(error, limit)
    said = innermost(error)[:limit]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
