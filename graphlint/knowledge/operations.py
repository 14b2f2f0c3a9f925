"""What is known of every operation of Keras (``keras.ops``): one row for each class, in ``rows/operations.txt``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from graphlint.knowledge import rows


class Batch(StrEnum):
    """When axis 0 of what an operation returns is axis 0 of what it receives, sample by sample."""

    KEPT = "kept"
    """Always: of its first tensor."""
    OPERANDS = "operands"
    """As broadcasting has it: it aligns the axes of its tensors from the right."""
    AXIS = "axis"
    """Unless its ``axis`` touches axis 0; None stands for every axis."""
    JOIN = "join"
    """As `AXIS`, of all its tensors."""
    DEPENDS = "depends"
    """It depends on the other arguments or on the rank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationTraits:
    """What an operation of one class does, whatever its arguments."""

    name: str = ""
    """The class name, second names resolved; empty for a class that has no row."""
    batch: Batch | None = None
    axis: str | None = None
    """The default of its ``axis`` as text."""
    elementwise: bool = False
    """Each number depends on the one at the same place of the one tensor alone."""
    reduction: bool = False
    """It reduces ``axis`` to nothing, or with ``keepdims`` to 1."""
    same_numbers: bool = False
    """It returns the numbers that it receives, in whatever order and shape."""
    zero_gradient: bool = False
    """Its derivative is zero everywhere, or Keras stops it there."""
    shape_only: bool = False
    """Its result does not depend on the numbers that it receives."""
    applies: str | None = None
    """The activation that the operation is."""

    @property
    def broadcasting(self) -> bool:
        return self.batch is Batch.OPERANDS

    @property
    def default_axis(self) -> int | None:
        """The default of ``axis``."""
        return None if self.axis in (None, "None") else int(self.axis)


UNKNOWN = OperationTraits()
"""The traits of what is no operation that any release has."""


@lru_cache(1024)
def operation_row(name: str) -> OperationTraits | None:
    """The row of an operation by its class name; None if there is no such operation.

    >>> operation_row("Nanstd").batch, operation_row("Abs").name, operation_row("MyOperation")
    (<Batch.AXIS: 'axis'>, 'Absolute', None)
    """
    words = rows.read("operations").get(name)
    if words is None:
        return None
    found = rows.arguments(OperationTraits, words.split())
    if "batch" in found:
        found["batch"] = Batch(found["batch"])
    return OperationTraits(name=rows.aliases("operations").get(name, name), **found)


def operation_traits(class_name: str | None) -> OperationTraits:
    """The traits of an operation by its class name."""
    return (operation_row(class_name) if class_name is not None else None) or UNKNOWN


def operation_names() -> list[str]:
    """Every name of an operation that has a row."""
    return list(rows.read("operations"))
