"""Dense, EinsumDense, Embedding and the layers that keep the shape of their input."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphlint.graph.definition import Shape, TensorSpec
from graphlint.shapes.dimensions import Dim, ShapeError, agree, text
from graphlint.shapes.inference import Insufficient, LayerCall, Outcome, check_build, layer, shape_of
from graphlint.shapes.structure import flat_specs


@shape_of("Dense")
def dense(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    if not shape:
        raise ShapeError("got a scalar, expected an input of rank 1 or more")
    check_build(call, shape, -1, "features")
    return (*shape[:-1], call.integer("units"))


@shape_of("EinsumDense")
def einsum_dense(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    return einsum_shapes(call.config, shape)[1]


def einsum_shapes(config: dict[str, Any], shape: Shape) -> tuple[Shape, Shape, Shape | None]:
    """Kernel, output and bias shapes of an EinsumDense for an input shape."""
    equation = config.get("equation")
    declared = config.get("output_shape")
    if not isinstance(equation, str) or equation.count("->") != 1 or equation.partition("->")[0].count(",") != 1:
        raise Insufficient
    declared = [declared] if isinstance(declared, int) else declared
    if not isinstance(declared, (list, tuple)) or not all(dim is None or isinstance(dim, int) for dim in declared):
        raise Insufficient
    left, _, result = equation.replace(" ", "").partition("->")
    first, _, kernel = left.partition(",")
    ellipsis_left = first.startswith("...") and result.startswith("...")
    ellipsis_right = first.endswith("...") and result.endswith("...")
    if not (ellipsis_left or ellipsis_right) and "." in equation:
        raise Insufficient
    first, result = first.replace(".", ""), result.replace(".", "")
    if ellipsis_left or ellipsis_right:
        if len(first) > len(shape):
            raise ShapeError(
                f"got an input of shape {text(shape)}, expected rank {len(first)} or more for {equation!r}"
            )
    elif len(first) != len(shape):
        raise ShapeError(f"got an input of shape {text(shape)}, expected rank {len(first)} for {equation!r}")
    # Keras reads the letters of an input with a leading ellipsis from the right, otherwise from the left.
    elided = len(shape) - len(first)
    named = shape[elided:] if ellipsis_left else shape[: len(first)]
    hidden = shape[:elided] if ellipsis_left else shape[len(first) :]
    sizes = dict(zip(first, named, strict=True))
    output: list[Dim]
    if ellipsis_left:
        # The declared output leaves out the batch axis, which lies in the ellipsis.
        missing = len(result) + elided - len(declared)
        if missing < 0:
            raise Insufficient
        output = list(shape[:missing]) + list(declared)
        letters: list[str | None] = [None] * elided + list(result)
    else:
        output = [shape[0], *declared]
        letters = [*result, *([None] * elided)]
        if ellipsis_right and len(output) < len(letters):
            output += list(hidden)
    if len(output) != len(letters):
        raise Insufficient
    of_output = {letter: dim for letter, dim in zip(letters, output, strict=True) if letter is not None}
    for position, letter in enumerate(letters):
        if letter is None:
            if output[position] is None:
                output[position] = hidden[position] if ellipsis_left else hidden[position - len(result)]
        elif letter in sizes:
            # A dimension declared as None stays unknown, as Keras has it.
            if not agree(output[position], sizes[letter]):
                raise ShapeError(
                    f"got an input of shape {text(shape)} where {letter!r} of {equation!r} is {sizes[letter]}, "
                    f"expected {output[position]}"
                )
    kernel_shape = tuple(sizes.get(letter, of_output.get(letter)) for letter in kernel)
    bias_axes = config.get("bias_axes")
    bias = None
    if isinstance(bias_axes, str) and bias_axes:
        wanted = [of_output.get(letter, sizes.get(letter)) if letter in bias_axes else 1 for letter in result]
        start = next((i for i, letter in enumerate(result) if letter in bias_axes), 0)
        bias = tuple(wanted[start:]) if not ellipsis_right else (*wanted[start:], *([1] * elided))
    return kernel_shape, tuple(output), bias


@layer("Embedding")
def embedding(call: LayerCall) -> Outcome:
    return call.returns((*call.shape(), call.integer("output_dim")))


@layer("ReversibleEmbedding")
def reversible_embedding(call: LayerCall) -> Outcome:
    shape = call.shape()
    if call.argument(1, "reverse", False) is True:
        return call.returns((*shape[:-1], call.integer("input_dim")))
    return call.returns((*shape, call.integer("output_dim")))


@layer("Identity")
def identity(call: LayerCall) -> Outcome:
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
    """The shape of the input; these take nested inputs as well."""
    value = call.args[0] if call.args else call.kwargs.get("inputs")
    return [TensorSpec(spec.shape, call.dtype) for spec in flat_specs(value)]


@layer("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D")
def spatial_dropout(call: LayerCall) -> Outcome:
    rank = {"SpatialDropout1D": 3, "SpatialDropout2D": 4, "SpatialDropout3D": 5}[call.layer.class_name or ""]
    shape = call.shape()
    if len(shape) != rank:
        raise ShapeError(f"got an input of shape {text(shape)}, expected rank {rank}")
    return call.returns(shape)


@layer("Softmax")
def softmax(call: LayerCall) -> Outcome:
    return call.returns(call.shape())


@layer("PReLU")
def prelu(call: LayerCall) -> Outcome:
    shape = call.shape()
    shared = call.config.get("shared_axes") or ()
    for axis in range(1, len(shape)):
        if axis not in shared:
            check_build(call, shape, axis, f"on axis {axis}")
    return call.returns(shape)
