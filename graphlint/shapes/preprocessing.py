"""Preprocessing and augmentation layers."""

from __future__ import annotations

import math
from collections.abc import Iterable

from graphlint.model.definition import Shape, TensorSpec, leaves
from graphlint.model.dimensions import Dim, ShapeError, multiply, shape_text, windows
from graphlint.shapes.convolution import assembled
from graphlint.shapes.dtypes import FLOATX, variable_dtype
from graphlint.shapes.inference import (
    Insufficient,
    LayerCall,
    Outcome,
    as_spec,
    definition_of,
    infer,
    integer,
    is_serialized,
    layer,
    shape_of,
)


@shape_of(
    "Rescaling",
    "Normalization",
    "AugMix",
    "AutoContrast",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Solarization",
    "RandomHeight",
    "RandomWidth",
)
def keeps_shape(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``compute_output_shape``."""
    if call.layer.class_name in ("RandomHeight", "RandomWidth"):
        raise Insufficient  # Keras 2 only: the extent is random
    return shape


@layer("CutMix", "MixUp", "MaxNumBoundingBoxes")
def augments_labels(call: LayerCall) -> Outcome:
    """These take images alone, or with labels and boxes in a dict, and return the same structure.

    Mirrors ``compute_output_shape``.
    """
    value = call.args[0] if call.args else next(iter(call.kwargs.values()), None)
    found = []
    for path, leaf in leaves(value):
        spec = as_spec(leaf)
        if spec is None or spec.shape is None:
            raise Insufficient
        shape = spec.shape
        if call.layer.class_name == "MaxNumBoundingBoxes" and path.startswith("bounding_boxes/"):
            shape = (shape[0], call.integer("max_number"), *shape[2:])
        found.append(TensorSpec(shape, call.dtype))
    return found


@layer("Equalization", "RandomGrayscale")
def keeps_spec(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    return call.tensor()


@shape_of("Resizing", "CenterCrop", "RandomCrop")
def resizing(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``compute_output_shape``."""
    if len(shape) not in (3, 4):
        raise ShapeError(f"got images of shape {shape_text(shape)}, expected rank 3 or 4")
    found = list(shape)
    height, width = (-2, -1) if call.channels_first else (-3, -2)
    found[height], found[width] = call.integer("height"), call.integer("width")
    return found


# -- tokens -----------------------------------------------------------------------------------------------------


def _encoded(shape: Shape, depth: Dim, one_hot: bool) -> Shape:
    """The shape after a one-hot (or, over the last axis, a multi-hot) encoding."""
    if not shape:
        return (depth,)
    if one_hot and (len(shape) == 1 or shape[-1] != 1):
        return (*shape, depth)
    return (*shape[:-1], depth)


@layer("CategoryEncoding", autocast=False)
def category_encoding(call: LayerCall) -> Outcome:
    """Mirrors ``CategoryEncoding.compute_output_spec``."""
    one_hot = call.config.get("output_mode", "multi_hot") == "one_hot"
    return call.returns(_encoded(call.shape(), call.integer("num_tokens"), one_hot))


@layer("Hashing", autocast=False)
def hashing(call: LayerCall) -> Outcome:
    """Mirrors ``Hashing.compute_output_spec``."""
    shape, dtype = call.shape(), variable_dtype(call.layer.dtype_policy)
    if call.config.get("output_mode", "int") == "int":
        return TensorSpec(shape, dtype)
    return TensorSpec(_encoded(shape, call.integer("num_bins"), one_hot=False), dtype)


@layer("HashedCrossing", autocast=False)
def hashed_crossing(call: LayerCall) -> Outcome:
    """Mirrors ``HashedCrossing.compute_output_shape``."""
    specs = call.tensors()
    if len(specs) != 2:
        raise ShapeError(f"got {len(specs)} inputs, expected 2")
    shape = specs[0].shape or ()
    if call.config.get("output_mode", "int") == "int":
        return call.returns(shape)
    bins = call.integer("num_bins")
    return call.returns((*shape, bins) if not shape or shape[-1] != 1 else (*shape[:-1], bins))


@layer("Discretization")
def discretization(call: LayerCall) -> Outcome:
    """Mirrors ``Discretization.compute_output_spec``."""
    shape, mode = call.shape(), call.config.get("output_mode", "int")
    if mode == "int":
        return TensorSpec(shape, "int32")
    boundaries = call.config.get("bin_boundaries")
    depth = len(boundaries) + 1 if isinstance(boundaries, list) else integer(call.config.get("num_bins"))
    if mode == "one_hot":
        return call.returns(_encoded(shape, depth, one_hot=True))
    return call.returns((shape[0], *shape[2:], depth) if len(shape) >= 2 else (depth,))


@layer("StringLookup", "IntegerLookup", autocast=False)
def lookup(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape = call.shape()
    return _looked_up(call, shape)


def _looked_up(call: LayerCall, shape: Shape) -> Outcome:
    mode = call.config.get("output_mode", "int")
    if mode == "int":
        return TensorSpec(shape, "int64")
    size = call.config.get("max_tokens" if call.config.get("pad_to_max_tokens") is True else "vocabulary_size")
    depth = None if size is None else integer(size)
    if mode == "one_hot" and len(shape) <= 1:
        return TensorSpec((*shape, depth), FLOATX)
    return TensorSpec(_encoded(shape, depth, mode == "one_hot"), FLOATX)


@layer("TextVectorization", autocast=False)
def text_vectorization(call: LayerCall) -> Outcome:
    """Mirrors ``TextVectorization.compute_output_spec``."""
    shape = call.shape()
    if call.config.get("output_mode", "int") == "int":
        if not shape:
            raise Insufficient
        length = call.config.get("output_sequence_length")
        return TensorSpec((shape[0], None if length is None else integer(length)), "int64")
    if call.config.get("split", "whitespace") is not None:
        shape = (*shape, None)
    elif len(shape) <= 1:
        shape = (*shape, 1)
    return _looked_up(call, shape)


# -- audio ------------------------------------------------------------------------------------------------------


@shape_of("MelSpectrogram")
def mel_spectrogram(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``MelSpectrogram.compute_output_shape``."""
    if len(shape) not in (1, 2):
        raise ShapeError(f"got an input of shape {shape_text(shape)}, expected rank 1 or 2")
    stride, samples = call.positive("sequence_stride"), shape[-1]
    frames = None if samples is None else (samples + stride + 1) // stride
    return (*shape[:-1], call.integer("num_mel_bins"), frames)


@shape_of("STFTSpectrogram", rank=3)
def stft_spectrogram(call: LayerCall, shape: Shape) -> Iterable[Dim]:
    """Mirrors ``STFTSpectrogram.compute_output_shape``."""
    length = call.positive("frame_length", 256)
    step = call.config.get("frame_step") or length // 2
    frequencies = spectrogram_bins(call) * (2 if call.config.get("mode", "log") == "stft" else 1)
    channels = shape[call.channel_axis]
    samples = shape[2] if call.channels_first else shape[1]
    frames = windows(samples, length, integer(step), call.config.get("padding", "valid"))
    if call.config.get("expand_dims") is True:
        return assembled(shape, (frames, frequencies), channels, call.channels_first)
    return assembled(shape, (frames,), multiply(frequencies, channels), call.channels_first)


def spectrogram_bins(call: LayerCall) -> int:
    """The number of frequencies of a short-time Fourier transform."""
    length = call.positive("frame_length", 256)
    size = call.config.get("fft_length") or 2 ** math.ceil(math.log2(length))
    return integer(size) // 2 + 1


# -- containers of functions and layers -------------------------------------------------------------------------


@layer("Lambda")
def lambda_layer(call: LayerCall) -> Outcome:
    """Only a declared output shape is believed: the function cannot be run. Mirrors ``Lambda.compute_output_shape``."""
    declared = call.config.get("output_shape")
    if not isinstance(declared, (list, tuple)) or not declared:
        raise Insufficient
    batch = call.tensors()[0].shape or (None,)
    shapes = declared if all(isinstance(one, (list, tuple)) for one in declared) else [declared]
    return call.returns(*((batch[0], *(None if dim is None else integer(dim) for dim in shape)) for shape in shapes))


@layer("Pipeline", autocast=False)
def pipeline(call: LayerCall) -> Outcome:
    """Mirrors ``Pipeline.call``."""
    serialized = call.config.get("layers")
    if not isinstance(serialized, list) or not all(is_serialized(one) for one in serialized):
        raise Insufficient
    found: tuple[TensorSpec, ...] = (call.tensor(),)
    for one in serialized:
        outputs = infer(definition_of(one), found, {})
        if outputs is None:
            raise Insufficient
        found = outputs
    return found
