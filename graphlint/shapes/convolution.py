"""Convolutions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from graphlint.model.definition import Shape
from graphlint.model.dimensions import Dim, ShapeError, multiply, shape_text, windows
from graphlint.shapes.inference import Insufficient, LayerCall, check_build, integer, integers, shape_of


def spatial_rank(call: LayerCall) -> int:
    """The number of spatial dimensions, from the class name."""
    name = call.layer.class_name or ""
    match = re.search(r"([123])D", name)
    if match is None:
        raise Insufficient
    return int(match[1])


def padding_of(call: LayerCall) -> str:
    padding = call.config.get("padding", call.config.get("border_mode", "valid"))
    padding = padding.lower() if isinstance(padding, str) else ""
    if padding not in ("valid", "same", "causal"):
        raise Insufficient
    return padding


def spatial(shape: Sequence[Dim], channels_first: bool) -> tuple[Dim, ...]:
    return tuple(shape[2:] if channels_first else shape[1:-1])


def assembled(shape: Sequence[Dim], inner: Iterable[Dim], channels: Dim, channels_first: bool) -> Shape:
    """Batch, spatial dimensions and channels in the order of the data format."""
    return (shape[0], channels, *inner) if channels_first else (shape[0], *inner, channels)


def _check_rank(shape: Shape, rank: int) -> None:
    """Refuse an input with too few dimensions. Keras 2 took more than one batch dimension."""
    if len(shape) < rank + 2:
        raise ShapeError(f"got an input of shape {shape_text(shape)}, expected rank {rank + 2}")
    if len(shape) > rank + 2:
        raise Insufficient


def convolved(call: LayerCall, shape: Shape, filters: Dim) -> Shape:
    rank = spatial_rank(call)
    _check_rank(shape, rank)
    check_build(call, shape, call.channel_axis, "channels")
    kernel = call.integers("kernel_size", rank)
    strides = call.integers("strides", rank, 1)
    dilation = call.integers("dilation_rate", rank, 1)
    if min(*kernel, *strides, *dilation) < 1:
        raise Insufficient
    padding = padding_of(call)
    extents = [
        windows(length, size, stride, padding, step)
        for length, size, stride, step in zip(
            spatial(shape, call.channels_first), kernel, strides, dilation, strict=True
        )
    ]
    return assembled(shape, extents, filters, call.channels_first)


@shape_of("Conv1D", "Conv2D", "Conv3D", "Convolution1D", "Convolution2D", "Convolution3D")
def conv(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``compute_output_shape``."""
    found = convolved(call, shape, call.integer("filters"))
    channels = shape[call.channel_axis]
    groups = call.integer("groups", 1)
    if groups > 1 and channels is not None and channels % groups:
        raise ShapeError(f"got {channels} channels, expected a multiple of the {groups} groups")
    return found


@shape_of("SeparableConv1D", "SeparableConv2D", "SeparableConvolution1D", "SeparableConvolution2D")
def separable_conv(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``compute_output_shape``."""
    return convolved(call, shape, call.integer("filters"))


@shape_of("DepthwiseConv1D", "DepthwiseConv2D")
def depthwise_conv(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``compute_output_shape``."""
    if len(shape) < 3:
        raise ShapeError(f"got an input of shape {shape_text(shape)}, expected rank {spatial_rank(call) + 2}")
    return convolved(call, shape, multiply(shape[call.channel_axis], call.integer("depth_multiplier", 1)))


@shape_of(
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "Convolution1DTranspose",
    "Convolution2DTranspose",
    "Convolution3DTranspose",
)
def conv_transpose(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``compute_output_shape``."""
    rank = spatial_rank(call)
    _check_rank(shape, rank)
    check_build(call, shape, call.channel_axis, "channels")
    kernel = call.integers("kernel_size", rank)
    strides = call.integers("strides", rank, 1)
    dilation = call.integers("dilation_rate", rank, 1)
    declared = call.config.get("output_padding")
    output_padding = (None,) * rank if declared is None else integers(declared, rank)
    extents = [
        transposed_length(*each, padding_of(call))
        for each in zip(spatial(shape, call.channels_first), kernel, strides, dilation, output_padding, strict=True)
    ]
    return assembled(shape, extents, integer(call.config.get("filters")), call.channels_first)


def transposed_length(
    length: Dim, size: int, stride: int, dilation: int, output_padding: int | None, padding: str
) -> Dim:
    """The extent after a transposed convolution."""
    if length is None:
        return None
    size = (size - 1) * dilation + 1
    if padding == "valid":
        extra = max(size, stride) - size if output_padding is None else output_padding
        return (length - 1) * stride + size + extra
    if output_padding is None:
        return length * stride
    return (length - 1) * stride + size % 2 + output_padding
