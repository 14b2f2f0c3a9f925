"""Layers that move, repeat, pad or drop elements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphlint.model.definition import Shape, TensorSpec
from graphlint.model.dimensions import Dim, ShapeError, add, multiply, reshaped, shape_text
from graphlint.shapes.convolution import spatial_rank
from graphlint.shapes.inference import Insufficient, LayerCall, Outcome, integer, integers, layer, shape_of


@layer("Flatten")
def flatten(call: LayerCall) -> Outcome:
    """Mirrors ``Flatten.compute_output_spec``."""
    spec, shape = call.tensor(), call.shape()
    if not shape:
        raise ShapeError("got a scalar, expected an input with a batch axis")
    return TensorSpec((shape[0], multiply(*shape[1:])), spec.dtype)


@layer("Reshape")
def reshape(call: LayerCall) -> Outcome:
    """Mirrors ``Reshape.compute_output_spec``."""
    spec, shape = call.tensor(), call.shape()
    target = call.config.get("target_shape")
    if not isinstance(target, (list, tuple)) or not shape:
        raise Insufficient
    return TensorSpec((shape[0], *reshaped(shape[1:], [integer(dim) for dim in target])), spec.dtype)


@layer("Permute")
def permute(call: LayerCall) -> Outcome:
    """Mirrors ``Permute.compute_output_spec``."""
    spec, shape = call.tensor(), call.shape()
    dims = call.config.get("dims")
    if not isinstance(dims, (list, tuple)):
        raise Insufficient
    order = [integer(dim) for dim in dims]
    if sorted(order) != list(range(1, len(order) + 1)):
        raise Insufficient
    if len(shape) != len(order) + 1:
        raise ShapeError(f"got an input of shape {shape_text(shape)}, expected rank {len(order) + 1}")
    return TensorSpec((shape[0], *(shape[dim] for dim in order)), spec.dtype)


@shape_of("RepeatVector", rank=2)
def repeat_vector(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``RepeatVector.compute_output_shape``."""
    return shape[0], call.integer("n"), shape[1]


@shape_of("UpSampling1D", "UpSampling2D", "UpSampling3D")
def up_sampling(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``compute_output_shape``."""
    rank = _check_rank(call, shape)
    declared = call.config.get("size", call.config.get("length", 2))
    sizes = integers(declared, rank)
    extents = [multiply(dim, size) for dim, size in zip(_extents(call, shape), sizes, strict=True)]
    return _spatially(call, shape, extents)


@shape_of("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def zero_padding(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``compute_output_shape``."""
    rank = _check_rank(call, shape)
    amounts = _pairs(call.config.get("padding", 1), rank)
    extents = [add(dim, *pair) for dim, pair in zip(_extents(call, shape), amounts, strict=True)]
    return _spatially(call, shape, extents)


@shape_of("Cropping1D", "Cropping2D", "Cropping3D")
def cropping(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``compute_output_shape``."""
    rank = _check_rank(call, shape)
    amounts = _pairs(call.config.get("cropping", 1), rank)
    extents = []
    for dim, pair in zip(_extents(call, shape), amounts, strict=True):
        if dim is not None and dim <= sum(pair):
            raise ShapeError(
                f"got the shape {shape_text(shape)} with an extent of {dim}, expected more than {sum(pair)}"
            )
        extents.append(add(dim, -sum(pair)))
    return _spatially(call, shape, extents)


def _check_rank(call: LayerCall, shape: Shape) -> int:
    rank = spatial_rank(call)
    if len(shape) != rank + 2:
        raise ShapeError(f"got an input of shape {shape_text(shape)}, expected rank {rank + 2}")
    return rank


def _extents(call: LayerCall, shape: Shape) -> Shape:
    return shape[2:] if call.channels_first else shape[1:-1]


def _spatially(call: LayerCall, shape: Shape, extents: list[Dim]) -> Shape:
    return (*shape[:2], *extents) if call.channels_first else (shape[0], *extents, shape[-1])


def _pairs(value: Any, rank: int) -> list[tuple[int, ...]]:
    """``(before, after)`` for each spatial dimension, from any form that Keras takes."""
    if rank == 1:
        return [integers(value, 2)]
    if not isinstance(value, (list, tuple)):
        return [(integer(value),) * 2] * rank
    if len(value) != rank:
        raise Insufficient
    return [integers(item, 2) for item in value]
