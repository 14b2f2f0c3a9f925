"""One variable of a layer."""

from __future__ import annotations

from typing import NamedTuple

from graphlint.model.dimensions import Dim


class Slot(NamedTuple):
    """One variable: its name inside the layer, its shape (None if it is unknown), and whether it can train."""

    name: str
    shape: tuple[int, ...] | None
    trainable: bool


def slot(name: str, *dims: Dim, trainable: bool = True) -> Slot:
    """A slot whose shape is known if all its dimensions are."""
    known = [dim for dim in dims if dim is not None]
    return Slot(name, tuple(known) if len(known) == len(dims) else None, trainable)


def frozen(name: str, *dims: Dim) -> Slot:
    """A slot that never trains."""
    return slot(name, *dims, trainable=False)
