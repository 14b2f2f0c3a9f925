"""Why something cannot be fixed."""

from __future__ import annotations

from graphlint.errors import GraphlintError


class FixError(GraphlintError):
    """A fix was not made, and nothing was changed."""


class Unmendable(FixError):
    """The file needs something that a rewrite cannot give: a class, Python code, an argument that is gone."""


def one_line(error: BaseException, limit: int = 200) -> str:
    """What an error of Keras says, as one line of at most ``limit`` characters."""
    return " ".join(str(error).split())[:limit]
