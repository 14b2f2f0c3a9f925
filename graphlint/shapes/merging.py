"""Merge layers."""

from __future__ import annotations

from graphlint.model.definition import Shape
from graphlint.model.dimensions import Dim, ShapeError, agree, axis_of, concatenated, shape_text
from graphlint.shapes.inference import Insufficient, LayerCall, Outcome, integer, layer


@layer("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
def merge(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shapes = [spec.shape for spec in call.tensors() if spec.shape is not None]
    if call.layer.class_name == "Subtract" and len(shapes) != 2:
        raise ShapeError(f"got {len(shapes)} inputs, expected 2")
    batches = {shape[0] for shape in shapes if shape} - {None}
    if len(batches) > 1:
        raise ShapeError(f"got the shapes {', '.join(map(shape_text, shapes))}, expected one batch size")
    found = shapes[0][1:]
    for shape in shapes[1:]:
        found = _merged(found, shape[1:], shapes)
    return call.returns((next(iter(batches), None), *found))


def _merged(first: Shape, second: Shape, shapes: list[Shape]) -> Shape:
    if len(first) < len(second):
        first, second = second, first
    if not second:
        return first
    found: list[Dim] = list(first[: -len(second)])
    for one, other in zip(first[-len(second) :], second, strict=True):
        if one is None or other is None:
            found.append(None)
        elif one == 1 or other == 1 or one == other:
            found.append(other if one == 1 else one)
        else:
            raise ShapeError(
                f"got the shapes {', '.join(map(shape_text, shapes))}, "
                f"expected shapes that broadcast: {one} is not {other}"
            )
    return tuple(found)


@layer("Concatenate")
def concatenate(call: LayerCall) -> Outcome:
    """Mirrors ``Concatenate.compute_output_shape``."""
    shapes = [spec.shape for spec in call.tensors() if spec.shape is not None]
    return call.returns(concatenated(shapes, call.integer("axis", -1)))


@layer("Dot")
def dot(call: LayerCall) -> Outcome:
    """Mirrors ``Dot.compute_output_shape``."""
    specs = call.tensors()
    if len(specs) != 2:
        raise ShapeError(f"got {len(specs)} inputs, expected 2")
    first, second = list(specs[0].shape or ()), list(specs[1].shape or ())
    declared = call.config.get("axes")
    if isinstance(declared, (list, tuple)) and len(declared) == 2:
        axes = [axis_of(integer(declared[0]), len(first)), axis_of(integer(declared[1]), len(second))]
    else:
        axis = integer(declared)
        axes = [axis_of(axis, len(first)), axis_of(axis, len(second))]
    if not first or not second:
        raise Insufficient
    if not agree(first[axes[0]], second[axes[1]]):
        raise ShapeError(
            f"got the shapes {shape_text(first)} and {shape_text(second)}, "
            f"expected axis {axes[0]} of the first ({first[axes[0]]}) "
            f"to equal axis {axes[1]} of the second ({second[axes[1]]})"
        )
    first.pop(axes[0])
    second.pop(axes[1])
    second.pop(0)
    found = first + second
    return call.returns(found if len(found) > 1 else [*found, 1])
