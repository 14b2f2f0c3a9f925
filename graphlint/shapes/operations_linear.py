"""Matrix products and linear algebra."""

from __future__ import annotations

import re

from graphlint.model.definition import Shape, TensorSpec
from graphlint.model.dimensions import Dim, ShapeError, agree, axis_of, broadcast, matmul, multiply, shape_text
from graphlint.shapes.dtypes import result_type, standard
from graphlint.shapes.inference import Insufficient, LayerCall, Outcome, integer, operand, operation
from graphlint.shapes.operations_elementwise import first


@operation("Matmul")
def matmul_operation(call: LayerCall) -> Outcome:
    """Mirrors ``Matmul.compute_output_spec``."""
    (left, one), (right, other) = call.operand(0, "x1"), call.operand(1, "x2")
    dtype = "int32" if one == other == "int8" else result_type(standard(one), standard(other))
    return TensorSpec(matmul(left, right), dtype)


@operation("Dot")
def dot(call: LayerCall) -> Outcome:
    """Mirrors ``Dot.compute_output_spec``."""
    (left, one), (right, other) = call.operand(0, "x1"), call.operand(1, "x2")
    dtype = result_type(one, other)
    if not left or not right:
        return TensorSpec(broadcast(left, right), dtype)
    axis = max(len(right) - 2, 0)
    _check_equal(left, len(left) - 1, right, axis)
    return TensorSpec((*left[:-1], *right[:axis], *right[axis + 1 :]), dtype)


def _check_equal(left: Shape, axis: int, right: Shape, other: int) -> None:
    if not agree(left[axis], right[other]):
        raise ShapeError(
            f"got the shapes {shape_text(left)} and {shape_text(right)}, "
            f"expected axis {axis} of the first ({left[axis]}) to equal "
            f"axis {other} of the second ({right[other]})"
        )


@operation("Inner")
def inner(call: LayerCall) -> Outcome:
    """Mirrors ``Inner.compute_output_spec``."""
    (left, one), (right, other) = call.operand(0, "x1"), call.operand(1, "x2")
    if left and right:
        _check_equal(left, len(left) - 1, right, len(right) - 1)
        return TensorSpec((*left[:-1], *right[:-1]), result_type(one, other))
    return TensorSpec(left or right, result_type(one, other))


@operation("Vdot")
def vdot(call: LayerCall) -> Outcome:
    """Mirrors ``Vdot.compute_output_spec``."""
    (_, one), (_, other) = call.operand(0, "x1"), call.operand(1, "x2")
    return TensorSpec((), result_type(one, other))


@operation("Outer")
def outer(call: LayerCall) -> Outcome:
    """Mirrors ``Outer.compute_output_spec``."""
    (left, one), (right, other) = call.operand(0, "x1"), call.operand(1, "x2")
    return TensorSpec((multiply(*left), multiply(*right)), result_type(one, other))


@operation("Kron")
def kron(call: LayerCall) -> Outcome:
    """Mirrors ``Kron.compute_output_spec``."""
    (left, one), (right, other) = call.operand(0, "x1"), call.operand(1, "x2")
    found = tuple(multiply(*pair) for pair in zip(left, right, strict=False))
    return TensorSpec(found, result_type(standard(one), standard(other)))


@operation("Cross")
def cross(call: LayerCall) -> Outcome:
    """Mirrors ``Cross.compute_output_spec``."""
    (left, one), (right, other) = call.operand(0, "x1"), call.operand(1, "x2")
    first_axis = axis_of(call.integer("axisa", -1), len(left))
    second_axis = axis_of(call.integer("axisb", -1), len(right))
    sizes = [left[first_axis], right[second_axis]]
    for size in sizes:
        if size not in (2, 3, None):
            raise ShapeError(f"got vectors of {size} elements, expected 2 or 3")
    found = list(
        broadcast(
            (*left[:first_axis], *left[first_axis + 1 :]),
            (*right[:second_axis], *right[second_axis + 1 :]),
        )
    )
    if 3 in sizes:
        found.insert(axis_of(call.integer("axisc", -1), len(found) + 1), 3)
    return TensorSpec(tuple(found), result_type(one, other))


@operation("Tensordot")
def tensordot(call: LayerCall) -> Outcome:
    """Mirrors ``Tensordot.compute_output_spec``."""
    (left, one), (right, other) = call.operand(0, "x1"), call.operand(1, "x2")
    dtype = result_type(one, other)
    axes = call.config.get("axes", 2)
    if isinstance(axes, (list, tuple)):
        if len(axes) != 2:
            raise Insufficient
        pairs = [[integer(axis) for axis in side] if isinstance(side, list) else [integer(side)] for side in axes]
        first_axes = [axis_of(axis, len(left)) for axis in pairs[0]]
        second_axes = [axis_of(axis, len(right)) for axis in pairs[1]]
    else:
        count = integer(axes)
        if count > min(len(left), len(right)):
            raise ShapeError(
                f"got the shapes {shape_text(left)} and {shape_text(right)}, expected {count} axes or more in each"
            )
        first_axes = list(range(len(left) - count, len(left))) if count > 0 else []
        second_axes = list(range(count)) if count > 0 else []
    if len(first_axes) != len(second_axes):
        raise Insufficient
    for axis, other_axis in zip(first_axes, second_axes, strict=True):
        _check_equal(left, axis, right, other_axis)
    found = [dim for axis, dim in enumerate(left) if axis not in first_axes]
    found += [dim for axis, dim in enumerate(right) if axis not in second_axes]
    return TensorSpec(tuple(found), dtype)


@operation("Einsum")
def einsum(call: LayerCall) -> Outcome:
    """Mirrors ``Einsum.compute_output_spec``."""
    subscripts = call.config.get("subscripts")
    if not isinstance(subscripts, str):
        raise Insufficient
    left, arrow, result = subscripts.replace(" ", "").partition("->")
    specs = left.split(",")
    operands = [operand(value) for value in call.args]
    if len(operands) != len(specs) or not re.fullmatch(r"[A-Za-z.,]*", left + result):
        raise Insufficient
    sizes: dict[str, Dim] = {}
    hidden: Shape = ()
    for (shape, _), spec in zip(operands, specs, strict=True):
        before, ellipsis, after = spec.partition("...")
        named = len(before) + len(after)
        if "." in before + after or (len(shape) < named if ellipsis else len(shape) != named):
            raise ShapeError(
                f"got an operand of shape {shape_text(shape)}, expected the axes {spec!r} of {subscripts!r}"
            )
        end = len(shape) - len(after)
        hidden = broadcast(hidden, shape[len(before) : end])
        for letter, dim in zip(before + after, (*shape[: len(before)], *shape[end:]), strict=True):
            known = sizes.setdefault(letter, dim)
            if known is None or known == 1:
                sizes[letter] = dim if dim is not None else known
            elif not agree(known, dim) and dim != 1:
                raise ShapeError(f"got {dim} and {known} for {letter!r} of {subscripts!r}, expected equal sizes")
    if not arrow:
        once = sorted(letter for letter in sizes if left.count(letter) == 1)
        result = "..." + "".join(once)
    before, ellipsis, after = result.partition("...")
    if not set(before + after) <= set(sizes):
        raise Insufficient
    found = (*(sizes[one] for one in before), *(hidden if ellipsis else ()), *(sizes[one] for one in after))
    kinds = {standard(dtype) for _, dtype in operands}
    return TensorSpec(found, "int32" if kinds == {"int8"} else result_type(*kinds))


# -- linear algebra ---------------------------------------------------------------------------------------------


def _matrix(call: LayerCall, square: bool = False) -> tuple[Shape, str | None]:
    shape, dtype = first(call)
    if len(shape) < 2:
        raise ShapeError(f"got the shape {shape_text(shape)}, expected rank 2 or more")
    if square and not agree(shape[-1], shape[-2]):
        raise ShapeError(f"got the shape {shape_text(shape)}, expected square matrices")
    return shape, dtype


def _shorter(shape: Shape) -> Dim:
    rows, columns = shape[-2:]
    return None if rows is None or columns is None else min(rows, columns)


@operation("Cholesky", "CholeskyInverse", "Inv")
def square_matrix(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    return TensorSpec(*_matrix(call, square=True))


@operation("Det")
def determinant(call: LayerCall) -> Outcome:
    """Mirrors ``Det.compute_output_spec``."""
    shape, dtype = _matrix(call, square=True)
    return TensorSpec(shape[:-2], dtype)


@operation("Logdet")
def log_determinant(call: LayerCall) -> Outcome:
    """Mirrors ``Logdet.compute_output_spec``."""
    shape, dtype = _matrix(call)
    return TensorSpec(shape[:-2], dtype)


@operation("Slogdet")
def sign_and_log_determinant(call: LayerCall) -> Outcome:
    """Mirrors ``Slogdet.compute_output_spec``."""
    shape, dtype = _matrix(call)
    # Keras declares one sign for the whole batch.
    return [TensorSpec((), dtype), TensorSpec(shape[:-2], dtype)]


@operation("Eig", "Eigh")
def eigen(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = _matrix(call, square=True)
    return [TensorSpec(shape[:-1], dtype), TensorSpec(shape, dtype)]


@operation("LuFactor")
def lu_factor(call: LayerCall) -> Outcome:
    """Mirrors ``LuFactor.compute_output_spec``."""
    shape, dtype = _matrix(call)
    return [TensorSpec(shape, dtype), TensorSpec((*shape[:-2], _shorter(shape)), dtype)]


@operation("MatrixRank")
def matrix_rank(call: LayerCall) -> Outcome:
    """Mirrors ``MatrixRank.compute_output_spec``."""
    return TensorSpec(_matrix(call)[0][:-2], "int32")


@operation("Pinv")
def pseudo_inverse(call: LayerCall) -> Outcome:
    """Mirrors ``Pinv.compute_output_spec``."""
    shape, dtype = _matrix(call)
    return TensorSpec((*shape[:-2], shape[-1], shape[-2]), dtype)


@operation("Qr")
def qr(call: LayerCall) -> Outcome:
    """Mirrors ``Qr.compute_output_spec``."""
    shape, dtype = _matrix(call)
    batch, (rows, columns) = shape[:-2], shape[-2:]
    inner = _shorter(shape) if call.config.get("mode", "reduced") == "reduced" else rows
    return [TensorSpec((*batch, rows, inner), dtype), TensorSpec((*batch, inner, columns), dtype)]


@operation("SVD")
def singular_values(call: LayerCall) -> Outcome:
    """Mirrors ``SVD.compute_output_spec``."""
    shape, dtype = _matrix(call)
    batch, (rows, columns), inner = shape[:-2], shape[-2:], _shorter(shape)
    values = TensorSpec((*batch, inner), dtype)
    if call.config.get("compute_uv") is False:
        return values
    wide = call.config.get("full_matrices") is not False
    return [
        TensorSpec((*batch, rows, rows if wide else inner), dtype),
        values,
        TensorSpec((*batch, columns if wide else inner, columns), dtype),
    ]


@operation("Solve", "SolveTriangular")
def solve(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    _matrix(call, square=True)
    return TensorSpec(*call.operand(1, "b"))


@operation("Lstsq")
def least_squares(call: LayerCall) -> Outcome:
    """Mirrors ``Lstsq.compute_output_spec``."""
    shape, dtype = _matrix(call)
    right, _ = call.operand(1, "b")
    return TensorSpec((shape[-1], *right[1:]), dtype)
