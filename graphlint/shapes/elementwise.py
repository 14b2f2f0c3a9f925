"""Operations of one or two tensors, element by element."""

from __future__ import annotations

from typing import Any

from graphlint.graph.definition import Constant, TensorSpec
from graphlint.shapes.dimensions import broadcast
from graphlint.shapes.dtypes import result_type
from graphlint.shapes.inference import Insufficient, LayerCall, Outcome, as_spec, operation


def operand(value: Any) -> tuple[tuple[int | None, ...], Any]:
    """Shape and dtype of an operand; a plain number has no dimensions and Python's own type."""
    spec = as_spec(value)
    if spec is not None:
        if spec.shape is None:
            raise Insufficient
        return spec.shape, spec.dtype
    if isinstance(value, (bool, int, float)):
        return (), type(value)
    if isinstance(value, (list, tuple)):
        inner = [operand(item) for item in value]
        shape = inner[0][0] if inner else ()
        return (len(value), *shape), result_type(*(dtype for _, dtype in inner)) if inner else "float32"
    if isinstance(value, Constant):
        raise Insufficient
    raise Insufficient


@operation("Add", "Subtract", "Multiply", "Maximum", "Minimum")
def binary(call: LayerCall) -> Outcome:
    (left, first), (right, second) = operand(call.argument(0, "x1")), operand(call.argument(1, "x2"))
    return TensorSpec(broadcast(left, right), result_type(first, second))
