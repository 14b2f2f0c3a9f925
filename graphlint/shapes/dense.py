"""Dense, EinsumDense, Embedding and the layers that keep the shape of their input."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from graphlint.model.definition import Shape, TensorSpec
from graphlint.model.dimensions import Dim, ShapeError, agree, shape_text
from graphlint.shapes.inference import Insufficient, LayerCall, Outcome, check_build, integer, layer, shape_of
from graphlint.shapes.structure import flat_specs


@shape_of("Dense")
def dense(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``Dense.compute_output_shape``."""
    if not shape:
        raise ShapeError("got a scalar, expected an input of rank 1 or more")
    check_build(call, shape, -1, "features")
    return (*shape[:-1], call.integer("units"))


@shape_of("EinsumDense")
def einsum_dense(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``EinsumDense.compute_output_shape``."""
    return einsum_shapes(call.config, shape)[1]


_EINSUM = re.compile(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")


def einsum_shapes(config: dict[str, Any], shape: Shape) -> tuple[Shape, Shape, Shape | None]:
    """Kernel, output and bias shapes of an EinsumDense for an input shape."""
    equation, declared = config.get("equation"), config.get("output_shape")
    parsed = _EINSUM.fullmatch(equation) if isinstance(equation, str) else None
    declared = [declared] if isinstance(declared, int) else declared
    if parsed is None or not isinstance(declared, (list, tuple)):
        raise Insufficient
    left_elided, first, right_elided, kernel, _, result, _ = parsed.groups()
    elided = len(shape) - len(first)
    if elided < 0 or (elided > 0 and not left_elided and not right_elided):
        more = " or more" if left_elided or right_elided else ""
        raise ShapeError(
            f"got an input of shape {shape_text(shape)}, expected rank {len(first)}{more} for {equation!r}"
        )
    output: list[Dim] = [shape[0], *(None if dim is None else integer(dim) for dim in declared)]
    if left_elided:
        for axis in range(1, elided):
            output.insert(1, shape[axis])
    else:
        output += shape[len(first) :]
    # With a leading ellipsis, letters count from the right.
    offset = elided if left_elided else 0
    sizes = dict(zip(first, shape[offset:], strict=False))
    of_output = dict(zip(result, output[offset:], strict=False))
    if len(of_output) != len(result) or not set(kernel) <= set(sizes) | set(of_output):
        raise Insufficient
    for letter in set(sizes) & set(of_output):
        if not agree(sizes[letter], of_output[letter]):
            raise ShapeError(
                f"got an input of shape {shape_text(shape)} where {letter!r} of {equation!r} is {sizes[letter]}, "
                f"expected {of_output[letter]}"
            )
    kernel_shape = tuple(
        of_output[letter] if of_output.get(letter) is not None else sizes.get(letter) for letter in kernel
    )
    bias_axes = config.get("bias_axes")
    bias = None
    if isinstance(bias_axes, str) and bias_axes:
        start = min(result.find(letter) for letter in bias_axes)
        bias = tuple(of_output[letter] if letter in bias_axes else 1 for letter in result[start:])
        bias += (1,) * (0 if left_elided else elided)
    return kernel_shape, tuple(output), bias


@layer("Embedding")
def embedding(call: LayerCall) -> Outcome:
    """Mirrors ``Embedding.compute_output_spec``."""
    return call.returns((*call.shape(), call.integer("output_dim")))


@layer("ReversibleEmbedding")
def reversible_embedding(call: LayerCall) -> Outcome:
    """Mirrors ``ReversibleEmbedding.compute_output_spec``."""
    shape = call.shape()
    if call.argument(1, "reverse", False) is True:
        return call.returns((*shape[:-1], call.integer("input_dim")))
    return call.returns((*shape, call.integer("output_dim")))


@layer("Identity")
def identity(call: LayerCall) -> Outcome:
    """Mirrors ``Identity.compute_output_spec``."""
    return flat_specs(call.args[0] if call.args else call.kwargs.get("inputs"))


@layer(
    "Activation",
    "ELU",
    "LeakyReLU",
    "ReLU",
    "ThresholdedReLU",
    "Dropout",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "ActivityRegularization",
    "Masking",
)
def elementwise(call: LayerCall) -> Outcome:
    """The shape of the input; these take nested inputs as well. Mirrors ``compute_output_shape``."""
    value = call.args[0] if call.args else call.kwargs.get("inputs")
    return [TensorSpec(spec.shape, call.dtype) for spec in flat_specs(value)]


@layer("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D")
def spatial_dropout(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_shape``."""
    rank = {"SpatialDropout1D": 3, "SpatialDropout2D": 4, "SpatialDropout3D": 5}[call.layer.class_name or ""]
    shape = call.shape()
    if len(shape) != rank:
        raise ShapeError(f"got an input of shape {shape_text(shape)}, expected rank {rank}")
    return call.returns(shape)


@layer("Softmax")
def softmax(call: LayerCall) -> Outcome:
    """Mirrors ``Softmax.compute_output_shape``."""
    return call.returns(call.shape())


@layer("PReLU")
def prelu(call: LayerCall) -> Outcome:
    """Mirrors ``PReLU.compute_output_shape``."""
    shape = call.shape()
    shared = call.axes("shared_axes") or []
    for axis in range(1, len(shape)):
        if axis not in shared:
            check_build(call, shape, axis, f"on axis {axis}")
    return call.returns(shape)
