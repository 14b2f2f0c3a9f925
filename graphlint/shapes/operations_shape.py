"""Operations that join, divide, move or repeat elements, and those that make tensors."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from graphlint.model.definition import Constant, ConstantKind, Shape, TensorSpec
from graphlint.model.dimensions import (
    Dim,
    ShapeError,
    add,
    agree,
    axis_of,
    broadcast,
    concatenated,
    multiply,
    reshaped,
    shape_text,
    transposed,
)
from graphlint.shapes.dtypes import FLOATX, result_type, standard
from graphlint.shapes.inference import (
    MAX_OUTPUTS,
    Insufficient,
    LayerCall,
    Outcome,
    as_spec,
    integer,
    integers,
    operand,
    operation,
)
from graphlint.shapes.operations_elementwise import first
from graphlint.shapes.structure import flat_specs

# -- joining ----------------------------------------------------------------------------------------------------


def _joined(call: LayerCall) -> tuple[list[Shape], str | None]:
    """The shapes of a list of tensors and their common dtype."""
    specs = flat_specs(call.args[0] if call.args else next(iter(call.kwargs.values()), None))
    shapes = [spec.shape for spec in specs if spec.shape is not None]
    if len(shapes) != len(specs):
        raise Insufficient
    return shapes, result_type(*(spec.dtype for spec in specs))


@operation("Concatenate")
def concatenate(call: LayerCall) -> Outcome:
    """Mirrors ``Concatenate.compute_output_spec``."""
    shapes, dtype = _joined(call)
    return TensorSpec(concatenated(shapes, call.integer("axis", 0)), dtype)


@operation("Hstack")
def hstack(call: LayerCall) -> Outcome:
    """Mirrors ``Hstack.compute_output_spec``."""
    shapes, dtype = _joined(call)
    return TensorSpec(concatenated(shapes, 1), dtype)


@operation("Vstack")
def vstack(call: LayerCall) -> Outcome:
    """Mirrors ``Vstack.compute_output_spec``."""
    shapes, dtype = _joined(call)
    return TensorSpec(concatenated(shapes, 0), dtype)


@operation("Dstack")
def dstack(call: LayerCall) -> Outcome:
    """Mirrors ``Dstack.compute_output_spec``."""
    shapes, dtype = _joined(call)
    return TensorSpec(concatenated([_deep(shape) for shape in shapes], 2), dtype)


def _deep(shape: Shape) -> Shape:
    if len(shape) < 2:
        return (1, *(shape or (1,)), 1)
    return (*shape, 1) if len(shape) == 2 else shape


@operation("Stack")
def stack(call: LayerCall) -> Outcome:
    """Mirrors ``Stack.compute_output_spec``."""
    shapes, dtype = _joined(call)
    for shape in shapes[1:]:
        if len(shape) != len(shapes[0]) or not all(map(agree, shape, shapes[0])):
            raise ShapeError(f"got the shapes {', '.join(map(shape_text, shapes))}, expected equal shapes")
    found = list(shapes[0])
    found.insert(axis_of(call.integer("axis", 0), len(found) + 1), len(shapes))
    return TensorSpec(tuple(found), dtype)


@operation("Append")
def append(call: LayerCall) -> Outcome:
    """Mirrors ``Append.compute_output_spec``."""
    (left, one), (right, other) = call.operand(0, "x1"), call.operand(1, "x2")
    dtype = result_type(one, other)
    axis = call.axis()
    if axis is None:
        return TensorSpec((add(multiply(*left), multiply(*right)),), dtype)
    return TensorSpec(concatenated([left, right], axis), dtype)


@operation("Meshgrid")
def meshgrid(call: LayerCall) -> Outcome:
    """Mirrors ``Meshgrid.compute_output_spec``."""
    operands = [operand(value) for value in call.args]
    sizes = [multiply(*shape) for shape, _ in operands]
    if call.config.get("indexing", "xy") == "ij":
        return [TensorSpec(tuple(sizes), FLOATX)] * len(sizes)
    if len(sizes) > 1:
        sizes[0], sizes[1] = sizes[1], sizes[0]
    found = tuple(sizes)
    return [TensorSpec(found, dtype) for _, dtype in operands]


# -- dividing ---------------------------------------------------------------------------------------------------


def _divided(shape: Shape, dtype: str | None, sections: Any, axis: int) -> Outcome:
    axis = axis_of(axis, len(shape))
    size = shape[axis]

    def part(length: Dim) -> TensorSpec:
        return TensorSpec((*shape[:axis], length, *shape[axis + 1 :]), dtype)

    if isinstance(sections, (list, tuple)):
        bounds: list[Dim] = [0, *(integer(one) for one in sections), size]
        return [part(None if end is None or start is None else end - start) for start, end in pairwise(bounds)]
    count = integer(sections)
    if not 0 < count <= MAX_OUTPUTS:
        raise Insufficient
    if size is not None and size % count:
        raise ShapeError(
            f"got the shape {shape_text(shape)} with {size} on axis {axis}, expected a multiple of {count}"
        )
    return [part(None if size is None else size // count)] * count


@operation("Split")
def split(call: LayerCall) -> Outcome:
    """Mirrors ``Split.compute_output_spec``."""
    shape, dtype = first(call)
    return _divided(shape, dtype, call.config.get("indices_or_sections"), call.integer("axis", 0))


@operation("Hsplit", "Vsplit", "Dsplit")
def split_on(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = first(call)
    axis = {"Hsplit": 0 if len(shape) == 1 else 1, "Vsplit": 0, "Dsplit": 2}[call.layer.class_name or ""]
    return _divided(shape, dtype, call.config.get("indices_or_sections"), axis)


@operation("ArraySplit")
def array_split(call: LayerCall) -> Outcome:
    """Mirrors ``ArraySplit.compute_output_spec``."""
    shape, dtype = first(call)
    axis = axis_of(call.integer("axis", 0), len(shape))
    count, size = call.integer("indices_or_sections"), shape[axis]
    if not 0 < count <= MAX_OUTPUTS:
        raise Insufficient
    lengths = [None if size is None else size // count + (index < size % count) for index in range(count)]
    return [TensorSpec((*shape[:axis], length, *shape[axis + 1 :]), dtype) for length in lengths]


@operation("Unstack")
def unstack(call: LayerCall) -> Outcome:
    """Mirrors ``Unstack.compute_output_spec``."""
    shape, dtype = first(call)
    axis = axis_of(call.integer("axis", 0), len(shape))
    declared = call.config.get("num")
    count = shape[axis] if declared is None else integer(declared)
    if count is None or not 0 <= count <= MAX_OUTPUTS:
        raise Insufficient
    return [TensorSpec((*shape[:axis], *shape[axis + 1 :]), dtype)] * count


# -- moving -----------------------------------------------------------------------------------------------------


@operation("Reshape")
def reshape(call: LayerCall) -> Outcome:
    """Mirrors ``Reshape.compute_output_spec``."""
    shape, dtype = first(call)
    target = call.config.get("newshape", call.config.get("shape"))
    if not isinstance(target, (list, tuple)):
        raise Insufficient
    return TensorSpec(reshaped(shape, [dim if dim is None else integer(dim) for dim in target]), dtype)


@operation("Ravel")
def ravel(call: LayerCall) -> Outcome:
    """Mirrors ``Ravel.compute_output_spec``."""
    shape, dtype = first(call)
    return TensorSpec((multiply(*shape),), dtype)


@operation("ExpandDims")
def expand_dims(call: LayerCall) -> Outcome:
    """Mirrors ``ExpandDims.compute_output_spec``."""
    shape, dtype = first(call)
    axes = call.axes() or [len(shape)]
    rank = len(shape) + len(axes)
    new = {axis_of(axis, rank) for axis in axes}
    if len(new) != len(axes):
        raise Insufficient
    rest = iter(shape)
    return TensorSpec(tuple(1 if axis in new else next(rest) for axis in range(rank)), dtype)


@operation("Squeeze")
def squeeze(call: LayerCall) -> Outcome:
    """Mirrors ``Squeeze.compute_output_spec``."""
    shape, dtype = first(call)
    axes = call.axes()
    if axes is None:
        return TensorSpec(tuple(dim for dim in shape if dim != 1), dtype)
    gone = {axis_of(axis, len(shape)) for axis in axes}
    for axis in gone:
        if not agree(shape[axis], 1):
            raise ShapeError(f"got the shape {shape_text(shape)}, expected 1 on the squeezed axis {axis}")
    return TensorSpec(tuple(dim for axis, dim in enumerate(shape) if axis not in gone), dtype)


@operation("Transpose")
def transpose(call: LayerCall) -> Outcome:
    """Mirrors ``Transpose.compute_output_spec``."""
    shape, dtype = first(call)
    return TensorSpec(transposed(shape, call.axes("axes")), dtype)


@operation("Swapaxes")
def swapaxes(call: LayerCall) -> Outcome:
    """Mirrors ``Swapaxes.compute_output_spec``."""
    shape, dtype = first(call)
    return TensorSpec(_swapped(shape, call.integer("axis1"), call.integer("axis2")), dtype)


def _swapped(shape: Shape, one: int, other: int) -> Shape:
    found = list(shape)
    one, other = axis_of(one, len(shape)), axis_of(other, len(shape))
    found[one], found[other] = found[other], found[one]
    return tuple(found)


@operation("Rot90")
def rot90(call: LayerCall) -> Outcome:
    """Mirrors ``Rot90.compute_output_spec``."""
    shape, dtype = first(call)
    axes = call.axes("axes", [0, 1]) or []
    # Keras exchanges the two axes even where the number of turns is even.
    if len(axes) != 2:
        raise Insufficient
    return TensorSpec(_swapped(shape, *axes), dtype)


@operation("Moveaxis")
def moveaxis(call: LayerCall) -> Outcome:
    """Mirrors ``Moveaxis.compute_output_spec``."""
    shape, dtype = first(call)
    rank = len(shape)
    sources = [axis_of(axis, rank) for axis in call.axes("source") or []]
    targets = [axis_of(axis, rank) for axis in call.axes("destination") or []]
    if len(sources) != len(targets):
        raise Insufficient
    order = [axis for axis in range(rank) if axis not in sources]
    for target, source in sorted(zip(targets, sources, strict=True)):
        order.insert(target, source)
    return TensorSpec(tuple(shape[axis] for axis in order), dtype)


@operation("BroadcastTo")
def broadcast_to(call: LayerCall) -> Outcome:
    """Mirrors ``BroadcastTo.compute_output_spec``."""
    shape, dtype = first(call)
    target = _listed(call.config.get("shape"))
    broadcast(shape, target)
    return TensorSpec(target, dtype)


def _listed(value: Any) -> Shape:
    if not isinstance(value, (list, tuple)):
        raise Insufficient
    return tuple(None if dim is None else integer(dim) for dim in value)


@operation("Diagonal", "Trace")
def diagonal(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = first(call)
    axes = [axis_of(call.integer("axis1", 0), len(shape)), axis_of(call.integer("axis2", 1), len(shape))]
    rest = tuple(dim for axis, dim in enumerate(shape) if axis not in axes)
    if call.layer.class_name == "Trace":
        small = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}
        return TensorSpec(rest, small.get(dtype or "", dtype))
    return TensorSpec((*rest, _diagonal(shape[axes[0]], shape[axes[1]], call.integer("offset", 0))), dtype)


def _diagonal(rows: Dim, columns: Dim, offset: int) -> Dim:
    if rows is None or columns is None:
        return None
    remaining = columns - offset if offset > 0 else rows + offset
    return max(0, min(remaining, rows, columns))


@operation("Diag")
def diag(call: LayerCall) -> Outcome:
    """Mirrors ``Diag.compute_output_spec``."""
    shape, dtype = first(call)
    offset = call.integer("k", 0)
    if len(shape) == 1:
        return TensorSpec((add(shape[0], abs(offset)),) * 2, dtype)
    if len(shape) != 2:
        raise ShapeError(f"got the shape {shape_text(shape)}, expected rank 1 or 2")
    return TensorSpec((_diagonal(shape[0], shape[1], offset),), dtype)


@operation("Diagflat")
def diagflat(call: LayerCall) -> Outcome:
    """Mirrors ``Diagflat.compute_output_spec``."""
    shape, dtype = first(call)
    return TensorSpec((add(multiply(*shape), abs(call.integer("k", 0))),) * 2, dtype)


# -- repeating and padding --------------------------------------------------------------------------------------


@operation("Repeat")
def repeat(call: LayerCall) -> Outcome:
    """Mirrors ``Repeat.compute_output_spec``."""
    shape, dtype = first(call)
    given = call.config.get("repeats")
    counts = [integer(one) for one in given] if isinstance(given, (list, tuple)) else [integer(given)]
    along = call.axis()
    if along is None:
        size = multiply(*shape)
        return TensorSpec((None if size is None else size * counts[0] if len(counts) == 1 else sum(counts),), dtype)
    axis = axis_of(along, len(shape))
    size = shape[axis]
    if size is not None:
        if len(counts) not in (1, size):
            raise ShapeError(f"got {len(counts)} repeats for the shape {shape_text(shape)}, expected 1 or {size}")
        size = size * counts[0] if len(counts) == 1 else sum(counts)
    return TensorSpec((*shape[:axis], size, *shape[axis + 1 :]), dtype)


@operation("Tile")
def tile(call: LayerCall) -> Outcome:
    """Mirrors ``Tile.compute_output_spec``."""
    shape, dtype = first(call)
    given = call.config.get("repeats")
    counts = [integer(one) for one in given] if isinstance(given, (list, tuple)) else [integer(given)]
    rank = max(len(shape), len(counts))
    dims = [1] * (rank - len(shape)) + list(shape)
    counts = [1] * (rank - len(counts)) + counts
    return TensorSpec(tuple(multiply(dim, count) for dim, count in zip(dims, counts, strict=True)), dtype)


@operation("Pad")
def pad(call: LayerCall) -> Outcome:
    """Mirrors ``Pad.compute_output_spec``."""
    shape, dtype = first(call)
    given = call.config.get("pad_width")
    if isinstance(given, (list, tuple)) and len(given) == 2 and not isinstance(given[0], (list, tuple)):
        given = [given]
    widths: list[Any] = list(given) if isinstance(given, (list, tuple)) else [given]
    if len(widths) == 1:
        widths = widths * len(shape)
    if len(widths) != len(shape):
        raise ShapeError(f"got {len(widths)} pad widths for the shape {shape_text(shape)}, expected 1 or {len(shape)}")
    found = []
    for dim, width in zip(shape, widths, strict=True):
        found.append(add(dim, *integers(width, 2)))
    return TensorSpec(tuple(found), dtype)


@operation("Diff")
def diff(call: LayerCall) -> Outcome:
    """Mirrors ``Diff.compute_output_spec``."""
    shape, dtype = first(call)
    axis = axis_of(call.integer("axis", -1), len(shape))
    size = shape[axis]
    size = None if size is None else max(size - call.integer("n", 1), 0)
    return TensorSpec((*shape[:axis], size, *shape[axis + 1 :]), dtype)


# -- indexing ---------------------------------------------------------------------------------------------------


@operation("GetItem")
def get_item(call: LayerCall) -> Outcome:
    """Mirrors ``GetItem.compute_output_spec``."""
    shape, dtype = first(call)
    key = call.argument(1, "key")
    keys = list(key) if isinstance(key, (list, tuple)) and not isinstance(key, TensorSpec) else [key]
    if not any(_is_ellipsis(one) for one in keys):
        keys.append(Constant(ConstantKind.ELLIPSIS))
    consuming = sum(one is not None and not _is_ellipsis(one) for one in keys)
    if consuming > len(shape):
        raise ShapeError(f"got {consuming} indices for the shape {shape_text(shape)}, expected at most {len(shape)}")
    rest = list(shape)
    found: list[Dim] = []
    for position, one in enumerate(keys):
        if one is None:
            found.append(1)
        elif _is_ellipsis(one):
            needed = sum(later is not None for later in keys[position + 1 :])
            taken = len(rest) - needed
            found += rest[:taken]
            rest = rest[taken:]
        elif isinstance(one, Constant) and one.kind == ConstantKind.SLICE:
            found.append(_sliced(rest.pop(0), one.value))
        else:
            index, size = integer(one), rest.pop(0)
            if size is not None and not -size <= index < size:
                raise ShapeError(f"got the index {index} for the shape {shape_text(shape)}, expected one below {size}")
    return TensorSpec(tuple(found), dtype)


def _is_ellipsis(key: Any) -> bool:
    return isinstance(key, Constant) and key.kind == ConstantKind.ELLIPSIS


def _sliced(size: Dim, bounds: Any) -> Dim:
    if not isinstance(bounds, (list, tuple)) or len(bounds) != 3:
        raise Insufficient
    if size is None or not all(bound is None or isinstance(bound, int) for bound in bounds):
        return None
    return len(range(*slice(*bounds).indices(size)))


@operation("Slice")
def static_slice(call: LayerCall) -> Outcome:
    """Mirrors ``Slice.compute_output_spec``."""
    shape, dtype = first(call)
    wanted, starts = _listed(call.config.get("shape")), call.argument(1, "start_indices")
    if len(wanted) != len(shape):
        raise ShapeError(f"got a slice of shape {shape_text(wanted)}, expected as many axes as {shape_text(shape)}")
    found: list[Dim] = []
    for axis, (dim, size) in enumerate(zip(shape, wanted, strict=True)):
        if size != -1:
            found.append(size)
        elif dim is None or not isinstance(starts, list):
            found.append(None)
        else:
            found.append(dim - integer(starts[axis]))
    return TensorSpec(tuple(found), dtype)


@operation("Take")
def take(call: LayerCall) -> Outcome:
    """Mirrors ``Take.compute_output_spec``."""
    shape, dtype = first(call)
    indices = _array_shape(call.argument(1, "indices"))
    along = call.axis()
    if along is None:
        return TensorSpec(indices, dtype)
    axis = axis_of(along, len(shape))
    return TensorSpec((*shape[:axis], *indices, *shape[axis + 1 :]), dtype)


def _array_shape(value: Any) -> Shape:
    """The shape of what numpy makes of a value."""
    spec = as_spec(value)
    if spec is not None:
        if spec.shape is None:
            raise Insufficient
        return spec.shape
    if isinstance(value, (list, tuple)):
        return (len(value), *(_array_shape(value[0]) if value else ()))
    if isinstance(value, (bool, int, float)):
        return ()
    raise Insufficient


@operation("TakeAlongAxis")
def take_along_axis(call: LayerCall) -> Outcome:
    """Mirrors ``TakeAlongAxis.compute_output_spec``."""
    shape, dtype = first(call)
    indices = _array_shape(call.argument(1, "indices"))
    along = call.axis()
    if along is None:
        return TensorSpec((multiply(*indices),), dtype)
    if len(indices) != len(shape):
        raise ShapeError(f"got indices of shape {shape_text(indices)} for {shape_text(shape)}, expected equal ranks")
    axis = axis_of(along, len(shape))
    found = list(broadcast((*shape[:axis], 1, *shape[axis + 1 :]), (*indices[:axis], 1, *indices[axis + 1 :])))
    found[axis] = indices[axis]
    return TensorSpec(tuple(found), dtype)


@operation("Nonzero")
def nonzero(call: LayerCall) -> Outcome:
    """Mirrors ``Nonzero.compute_output_spec``."""
    shape, _ = first(call)
    return [TensorSpec((None,), "int32")] * len(shape)


@operation("Unique")
def unique(call: LayerCall) -> Outcome:
    """Mirrors ``Unique.compute_output_spec``."""
    shape, dtype = first(call)
    size = call.config.get("size")
    along = call.axis()
    if along is None:
        values: Shape = (size,)
        inverse: Shape = shape
    else:
        axis = axis_of(along, len(shape))
        values = (*shape[:axis], size, *shape[axis + 1 :])
        inverse = (shape[axis],)
    found = [TensorSpec(values, dtype)]
    for name, one in (("return_index", (size,)), ("return_inverse", inverse), ("return_counts", (size,))):
        if call.config.get(name) is True:
            found.append(TensorSpec(one, "int32"))
    return found


@operation("UnravelIndex")
def unravel_index(call: LayerCall) -> Outcome:
    """Mirrors ``UnravelIndex.compute_output_spec``."""
    shape, dtype = first(call)
    target = _listed(call.config.get("shape"))
    return [TensorSpec((None,) if None in target else shape, dtype)] * len(target)


@operation("SearchSorted")
def search_sorted(call: LayerCall) -> Outcome:
    """Mirrors ``SearchSorted.compute_output_spec``."""
    (sequence, _), (values, _) = call.operand(0, "sorted_sequence"), call.operand(1, "values")
    short = len(sequence) == 1 and sequence[0] is not None and sequence[0] < 2**31
    return TensorSpec(values, "int32" if short else "int64")


@operation("Bincount")
def bincount(call: LayerCall) -> Outcome:
    """Mirrors ``Bincount.compute_output_spec``."""
    shape, _ = first(call)
    if call.config.get("weights") is not None:
        raise Insufficient
    return TensorSpec((*shape[:-1], None), "int32")


@operation("Histogram")
def histogram(call: LayerCall) -> Outcome:
    """Mirrors ``Histogram.compute_output_spec``."""
    _, dtype = first(call)
    bins = call.integer("bins", 10)
    return [TensorSpec((bins,), dtype), TensorSpec((bins + 1,), dtype)]


@operation("Scatter")
def scatter(call: LayerCall) -> Outcome:
    """Mirrors ``Scatter.compute_output_spec``."""
    return TensorSpec(_listed(call.config.get("shape")), call.operand(1, "values")[1])


# -- making -----------------------------------------------------------------------------------------------------


@operation("Size")
def size_of(call: LayerCall) -> Outcome:
    """Mirrors ``Size.compute_output_spec``."""
    return TensorSpec((), "int32")


@operation("Ndim")
def ndim(call: LayerCall) -> Outcome:
    """Mirrors ``Ndim.compute_output_spec``."""
    shape, _ = first(call)
    return TensorSpec((len(shape),), FLOATX)


@operation("Full")
def full(call: LayerCall) -> Outcome:
    """Mirrors ``Full.compute_output_spec``."""
    declared = call.config.get("dtype")
    return TensorSpec(_listed(call.config.get("shape")), FLOATX if declared is None else standard(declared))


@operation("Arange")
def arange(call: LayerCall) -> Outcome:
    """Mirrors ``Arange.compute_output_spec``."""
    start, stop, step = call.argument(0, "start"), call.argument(1, "stop"), call.argument(2, "step")
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    numbers = [start, stop, step]
    if not all(isinstance(number, (int, float)) and math.isfinite(number) for number in numbers) or not step:
        raise Insufficient
    declared = call.config.get("dtype")
    dtype = result_type(*map(type, numbers)) if declared is None else standard(declared)
    return TensorSpec((max(0, math.ceil((stop - start) / step)),), dtype)


@operation("Linspace", "Logspace", "Geomspace")
def linspace(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    if call.config.get("retstep") is True:
        raise Insufficient
    (left, one), (right, _) = call.operand(0, "start"), call.operand(1, "stop")
    found = list(broadcast(left, right))
    found.insert(axis_of(call.integer("axis", 0), len(found) + 1), call.integer("num", 50))
    declared = call.config.get("dtype")
    dtype = standard(one) if declared is None else standard(declared)
    return TensorSpec(tuple(found), result_type(dtype, float))


@operation("View")
def view(call: LayerCall) -> Outcome:
    """Mirrors ``View.compute_output_spec``."""
    shape, dtype = first(call)
    declared = call.config.get("dtype")
    new = dtype if declared is None else standard(declared)
    old_size, new_size = _itemsize(dtype), _itemsize(new)
    if old_size == new_size or not shape:
        return TensorSpec(shape, new)
    last = shape[-1]
    return TensorSpec((*shape[:-1], None if last is None else last * old_size // new_size), new)


def _itemsize(dtype: str | None) -> int:
    digits = "".join(character for character in dtype or "" if character.isdecimal())
    if dtype == "bool":
        return 1
    if not digits:
        raise Insufficient
    if int(digits) < 8:
        raise Insufficient
    return int(digits) // 8


@operation("Vander")
def vander(call: LayerCall) -> Outcome:
    """Mirrors ``Vander.compute_output_spec``."""
    shape, dtype = first(call, least_rank=1)
    count = call.config.get("N")
    return TensorSpec((*shape, shape[0] if count is None else integer(count)), dtype)


@operation("Trapezoid")
def trapezoid(call: LayerCall) -> Outcome:
    """Mirrors ``Trapezoid.compute_output_spec``."""
    shape, dtype = first(call)
    axis = call.axis(default=-1)
    found = list(shape)
    if axis is not None and found:
        found.pop(axis_of(axis, len(found)))
    return TensorSpec(tuple(found), result_type(dtype, float))
