"""Pooling."""

from __future__ import annotations

from collections.abc import Iterable

from graphlint.model.definition import Shape
from graphlint.model.dimensions import Dim, ShapeError, shape_text, windows
from graphlint.shapes.convolution import assembled, padding_of, spatial, spatial_rank
from graphlint.shapes.inference import Insufficient, LayerCall, integers, shape_of


def _check_rank(call: LayerCall, shape: Shape) -> int:
    rank = spatial_rank(call)
    if len(shape) != rank + 2:
        raise ShapeError(f"got an input of shape {shape_text(shape)}, expected rank {rank + 2}")
    return rank


@shape_of(
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
)
def pooling(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``compute_output_shape``."""
    rank = _check_rank(call, shape)
    declared = call.config.get("pool_size", call.config.get("pool_length", 2))
    size = integers(declared, rank)
    strides = call.config.get("strides")
    steps = size if strides is None else integers(strides, rank)
    if min(*size, *steps) < 1:
        raise Insufficient
    padding = padding_of(call)
    extents = [
        windows(length, window, step, padding)
        for length, window, step in zip(spatial(shape, call.channels_first), size, steps, strict=True)
    ]
    return assembled(shape, extents, shape[call.channel_axis], call.channels_first)


@shape_of(
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
)
def global_pooling(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``compute_output_shape``."""
    rank = _check_rank(call, shape)
    channels = shape[call.channel_axis]
    if call.config.get("keepdims") is True:
        return assembled(shape, (1,) * rank, channels, call.channels_first)
    return shape[0], channels


@shape_of(
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
)
def adaptive_pooling(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``compute_output_shape``."""
    rank = _check_rank(call, shape)
    return assembled(shape, call.integers("output_size", rank), shape[call.channel_axis], call.channels_first)
