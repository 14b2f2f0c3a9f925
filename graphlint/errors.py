"""Errors that a user sees as one line, with exit code 2."""

from __future__ import annotations


class GraphlintError(Exception):
    """Base of every error graphlint raises on purpose: says what was received, what was expected, what to do."""


class UnreadableError(GraphlintError):
    """A model cannot be read (reported as E001)."""


class LimitError(GraphlintError):
    """A model goes over a limit (reported as E003)."""


class FixError(GraphlintError):
    """A fix was not made, and nothing was changed."""


class Unmendable(FixError):
    """The file needs something that a rewrite cannot give: a class, Python code, an argument that is gone."""


def one_line(error: BaseException, limit: int = 200) -> str:
    """What an error of Keras says, as one line of at most ``limit`` characters."""
    return " ".join(str(error).split())[:limit]
