"""Arithmetic on shapes with free dimensions, with Keras's own rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphlint.errors import GraphlintError
from graphlint.model.definition import Shape

Dim = int | None
_LARGEST = 1 << 256
"""Beyond any number of elements. Products of many large numbers would take time that grows with their square."""


class ShapeError(GraphlintError):
    """The inputs of a call are certainly incompatible: says what was received and what was expected."""


def shape_text(shape: Iterable[Dim] | None) -> str:
    """A shape as messages print it.

    >>> shape_text((None, 4)), shape_text([3]), shape_text(None)
    ('(?, 4)', '(3,)', '(unknown)')
    """
    if shape is None:
        return "(unknown)"
    dims = ["?" if dim is None else str(dim) for dim in shape]
    return f"({dims[0]},)" if len(dims) == 1 else f"({', '.join(dims)})"


def axis_of(axis: int, rank: int) -> int:
    """An axis counted from the front.

    Raises:
        ShapeError: the shape has no such axis.
    """
    if not -rank <= axis < rank:
        raise ShapeError(f"got axis {axis} for a tensor of rank {rank}, expected one from {-rank} to {rank - 1}")
    return axis % rank


def add(*dims: Dim) -> Dim:
    """The sum, free if any part is free."""
    return None if None in dims else sum(dims)  # type: ignore[arg-type]


def multiply(*dims: Dim) -> Dim:
    """The product, free if any part is free, and where no tensor can be so large.

    >>> multiply(3, 4), multiply(3, None), multiply(*[2**62] * 100_000)
    (12, None, None)
    """
    if None in dims:
        return None
    product = int(0 not in dims)
    for dim in dims:
        product *= dim  # type: ignore[operator]
        if abs(product) > _LARGEST:
            return None
    return product


def agree(first: Dim, second: Dim) -> bool:
    """Whether two dimensions can be equal."""
    return first is None or second is None or first == second


def broadcast(first: Sequence[Dim], second: Sequence[Dim]) -> Shape:
    """The shape of an elementwise operation. A known dimension replaces a free one.

    Raises:
        ShapeError: two known dimensions differ and neither is 1.

    >>> broadcast((None, 1, 3), (5, 3))
    (None, 5, 3)
    """
    rank = max(len(first), len(second))
    left = [1] * (rank - len(first)) + list(first)
    right = [1] * (rank - len(second)) + list(second)
    found: list[Dim] = []
    for one, other in zip(left, right, strict=True):
        if one == 1:
            found.append(other)
        elif one is None:
            found.append(None if other == 1 else other)
        elif other in (1, None, one):
            found.append(one)
        else:
            raise ShapeError(
                f"got the shapes {shape_text(first)} and {shape_text(second)}, "
                f"expected shapes that broadcast: {one} is not {other}"
            )
    return tuple(found)


def windows(length: Dim, size: int, stride: int, padding: str, dilation: int = 1) -> Dim:
    """How many windows of a convolution or pooling fit into a length.

    Raises:
        ShapeError: not even one.
    """
    if length is None:
        return None
    if padding == "valid":
        found = (length - dilation * (size - 1) - 1) // stride + 1
        if found <= 0:
            raise ShapeError(
                f"got an extent of {length} for a window of {dilation * (size - 1) + 1}, expected the window to fit"
            )
        return found
    return (length - 1) // stride + 1


def reshaped(shape: Sequence[Dim], target: Sequence[int | None]) -> Shape:
    """The shape after a reshape, with ``-1`` resolved where all else is known.

    Raises:
        ShapeError: the sizes cannot be equal.

    >>> reshaped((6, 4), (3, -1))
    (3, 8)
    """
    size = multiply(*shape)
    known = multiply(*(dim for dim in target if dim != -1))
    if size is None or known is None:
        return tuple(None if dim == -1 else dim for dim in target)
    fits = size == known if -1 not in target else known > 0 and size % known == 0
    if not fits:
        raise ShapeError(
            f"got {size} elements in the shape {shape_text(shape)}, expected as many as {shape_text(target)} holds"
        )
    return tuple(size // known if dim == -1 else dim for dim in target)


def concatenated(shapes: Sequence[Sequence[Dim]], axis: int) -> Shape:
    """The shape of a concatenation. Off the axis, Keras takes the dimensions of the first.

    Raises:
        ShapeError: ranks differ, or known dimensions off the axis do.
    """
    first = list(shapes[0])
    axis = axis_of(axis, len(first))
    for shape in shapes[1:]:
        fits = len(shape) == len(first) and all(
            agree(one, other) for index, (one, other) in enumerate(zip(first, shape, strict=True)) if index != axis
        )
        if not fits:
            raise ShapeError(
                f"got the shapes {', '.join(map(shape_text, shapes))}, "
                f"expected shapes that are equal except on axis {axis}"
            )
    first[axis] = add(*(shape[axis] for shape in shapes))
    return tuple(first)


def reduced(shape: Sequence[Dim], axes: Sequence[int] | None, keepdims: bool) -> Shape:
    """The shape after a reduction over some axes, over all if ``axes`` is None.

    Raises:
        ShapeError: the shape has no such axis.

    >>> reduced((2, 3, 4), [-1], False), reduced((2, 3), None, True)
    ((2, 3), (1, 1))
    """
    gone = set(range(len(shape))) if axes is None else {axis_of(axis, len(shape)) for axis in axes}
    if keepdims:
        return tuple(1 if axis in gone else dim for axis, dim in enumerate(shape))
    return tuple(dim for axis, dim in enumerate(shape) if axis not in gone)


def matmul(first: Sequence[Dim], second: Sequence[Dim]) -> Shape:
    """The shape of a matrix product, with batch dimensions broadcast.

    Raises:
        ShapeError: the inner dimensions differ.
    """
    if not first or not second:
        raise ShapeError(
            f"got the shapes {shape_text(first)} and {shape_text(second)}, expected at least one dimension in each"
        )
    inner = second[-2] if len(second) > 1 else second[0]
    if not agree(first[-1], inner):
        raise ShapeError(
            f"got the shapes {shape_text(first)} and {shape_text(second)}, "
            f"expected the last dimension of the first ({first[-1]}) "
            f"to equal the second-to-last of the second ({inner})"
        )
    found = [*broadcast(first[:-2], second[:-2])]
    if len(first) > 1:
        found.append(first[-2])
    if len(second) > 1:
        found.append(second[-1])
    return tuple(found)


def transposed(shape: Sequence[Dim], axes: Sequence[int] | None) -> Shape:
    """The shape with its axes in another order; reversed by default.

    Raises:
        ShapeError: ``axes`` is not a permutation of the axes.
    """
    if axes is None:
        return tuple(reversed(shape))
    order = [axis_of(axis, len(shape)) for axis in axes]
    if sorted(order) != list(range(len(shape))):
        raise ShapeError(f"got the axes {list(axes)} for the shape {shape_text(shape)}, expected each axis once")
    return tuple(shape[axis] for axis in order)
