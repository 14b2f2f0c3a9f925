"""What can go wrong in surgery: one line each, with what was received, what was expected and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from graphlint.errors import GraphlintError


class ReplayError(GraphlintError):
    """Base of the errors of the replay engine. The model is as it was before."""


class UnboundedCut(ReplayError):
    """The tensors given do not cut the outputs off from the inputs.

    ``side_tensors`` are the addresses that go around the cut, ``leaking_inputs`` the model inputs they come from.
    """

    def __init__(self, message: str, side_tensors: Sequence[str] = (), leaking_inputs: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.side_tensors = list(side_tensors)
        self.leaking_inputs = list(leaking_inputs)


class OpaqueBody(ReplayError):
    """The inside of a subclassed model, custom layer or wrapper cannot be seen, so nothing there can be addressed."""


class NotBuilt(ReplayError):
    """The model has no graph yet."""


class LostTie(ReplayError):
    """The result would keep two copies of what is one variable in the model."""


class NameCollision(ReplayError):
    """Two layers with one name would end up in one model."""


class ShapeMismatch(ReplayError):
    """An edit gives a tensor a shape that its consumers do not accept."""


class Unequal(ReplayError):
    """The result of a surgery does not compute what the model does."""


class InvalidEdit(ReplayError):
    """An edit that means nothing at this place, or that contradicts another one."""
