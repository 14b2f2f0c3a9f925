"""Operations of neural networks, signals and images."""

from __future__ import annotations

from typing import Any

from graphlint.model.definition import Shape, TensorSpec
from graphlint.model.dimensions import Dim, ShapeError, add, agree, axis_of, broadcast, multiply, shape_text, windows
from graphlint.shapes.convolution import assembled, spatial, transposed_length
from graphlint.shapes.dtypes import FLOATX, result_type, standard
from graphlint.shapes.inference import Insufficient, LayerCall, Outcome, as_spec, integer, integers, operand, operation
from graphlint.shapes.operations_elementwise import first
from graphlint.shapes.structure import flat_specs

# -- convolution and pooling ------------------------------------------------------------------------------------


def _padding(call: LayerCall) -> str:
    padding = call.config.get("padding", "valid")
    if padding not in ("valid", "same", "causal"):
        raise Insufficient
    return str(padding)


def _slid(call: LayerCall, shape: Shape, kernel: Any, channels: Dim, strides: Any, dilation: Any = 1) -> Shape:
    """The shape after sliding windows over the spatial dimensions."""
    rank = len(shape) - 2
    if rank < 1:
        raise Insufficient
    sizes, steps, spread = integers(kernel, rank), integers(strides, rank), integers(dilation, rank)
    if min(*sizes, *steps, *spread) < 1:
        raise Insufficient
    padding = _padding(call)
    extents = [
        windows(length, size, step, padding, gap)
        for length, size, step, gap in zip(spatial(shape, call.channels_first), sizes, steps, spread, strict=True)
    ]
    return assembled(shape, extents, channels, call.channels_first)


def _kernel(call: LayerCall, position: int, name: str, shape: Shape, axis: int) -> list[int]:
    """The shape of a kernel that fits the channels of an input; ``axis`` of the kernel holds the input channels."""
    kernel, _ = call.operand(position, name)
    if len(shape) < 3:
        raise Insufficient
    if len(kernel) != len(shape):
        raise ShapeError(f"got a kernel of shape {shape_text(kernel)} for {shape_text(shape)}, expected equal ranks")
    channels = shape[call.channel_axis]
    if not agree(kernel[axis], channels):
        raise ShapeError(
            f"got {channels} channels in {shape_text(shape)}, expected {kernel[axis]} as in {shape_text(kernel)}"
        )
    return [integer(dim) for dim in kernel]


@operation("Conv")
def conv(call: LayerCall) -> Outcome:
    """Mirrors ``Conv.compute_output_spec``."""
    shape, dtype = first(call)
    kernel = _kernel(call, 1, "kernel", shape, -2)
    strides, dilation = call.config.get("strides", 1), call.config.get("dilation_rate", 1)
    return TensorSpec(_slid(call, shape, kernel[:-2], kernel[-1], strides, dilation), dtype)


@operation("DepthwiseConv", "SeparableConv")
def depthwise_conv(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = first(call)
    separable = call.layer.class_name == "SeparableConv"
    kernel = _kernel(call, 1, "depthwise_kernel" if separable else "kernel", shape, -2)
    filters: Dim = kernel[-1] * kernel[-2]
    if separable:
        pointwise, _ = call.operand(2, "pointwise_kernel")
        if not pointwise:
            raise Insufficient
        filters = pointwise[-1]
    strides, dilation = call.config.get("strides", 1), call.config.get("dilation_rate", 1)
    return TensorSpec(_slid(call, shape, kernel[:-2], filters, strides, dilation), dtype)


@operation("ConvTranspose")
def conv_transpose(call: LayerCall) -> Outcome:
    """Mirrors ``ConvTranspose.compute_output_spec``."""
    shape, dtype = first(call)
    kernel = _kernel(call, 1, "kernel", shape, -1)
    rank = len(shape) - 2
    declared = call.config.get("output_padding")
    extents = [
        transposed_length(*each, _padding(call))
        for each in zip(
            spatial(shape, call.channels_first),
            kernel[:-2],
            call.integers("strides", rank, 1),
            call.integers("dilation_rate", rank, 1),
            (None,) * rank if declared is None else integers(declared, rank),
            strict=True,
        )
    ]
    return TensorSpec(assembled(shape, extents, kernel[-2], call.channels_first), dtype)


@operation("MaxPool", "AveragePool")
def pool(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = first(call, least_rank=3)
    size, strides = call.config.get("pool_size"), call.config.get("strides")
    channels = shape[call.channel_axis]
    return TensorSpec(_slid(call, shape, size, channels, size if strides is None else strides), dtype)


@operation("AdaptiveMaxPool", "AdaptiveAveragePool")
def adaptive_pool(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = first(call, least_rank=3)
    sizes = call.integers("output_size", len(shape) - 2)
    if call.channels_first:
        return TensorSpec((*shape[:2], *sizes), dtype)
    # Keras declares one spatial dimension too many here.
    return TensorSpec((*shape[: -len(sizes)], *sizes, shape[-1]), dtype)


@operation("Unfold")
def unfold(call: LayerCall) -> Outcome:
    """Mirrors ``Unfold.compute_output_spec``."""
    shape, dtype = first(call)
    if len(shape) != 4:
        raise ShapeError(f"got the shape {shape_text(shape)}, expected rank 4")
    kernel, dilation = call.integers("kernel_size", 2), call.integers("dilation", 2, 1)
    padding, stride = call.integers("padding", 2, 0), call.integers("stride", 2, 1)
    if min(stride) < 1:
        raise Insufficient
    counts = [
        None if length is None else (length + 2 * pad - gap * (size - 1) - 1) // step + 1
        for length, size, gap, pad, step in zip(shape[2:], kernel, dilation, padding, stride, strict=True)
    ]
    return TensorSpec((shape[0], multiply(shape[1], *kernel), multiply(*counts)), dtype)


@operation("Fold")
def fold(call: LayerCall) -> Outcome:
    """Mirrors ``Fold.compute_output_spec``."""
    shape, dtype = first(call, least_rank=2)
    kernel, size = call.integers("kernel_size", 2), call.integers("output_size", 2)
    area = kernel[0] * kernel[1]
    if area < 1:
        raise Insufficient
    if shape[1] is not None and shape[1] % area:
        raise ShapeError(f"got {shape[1]} channels, expected a multiple of {area}")
    return TensorSpec((shape[0], None if shape[1] is None else shape[1] // area, *size), dtype)


@operation("DepthToSpace", "SpaceToDepth")
def depth_to_space(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = first(call)
    if len(shape) != 4:
        raise ShapeError(f"got the shape {shape_text(shape)}, expected rank 4")
    block = call.positive("block_size")
    height, width = spatial(shape, call.channels_first)
    channels = shape[call.channel_axis]
    if call.layer.class_name == "DepthToSpace":
        found = [multiply(height, block), multiply(width, block), _divided(channels, block * block)]
    else:
        found = [_divided(height, block), _divided(width, block), multiply(channels, block * block)]
    return TensorSpec(assembled(shape, found[:2], found[2], call.channels_first), dtype)


def _divided(size: Dim, by: int) -> Dim:
    if size is not None and size % by:
        raise ShapeError(f"got an extent of {size}, expected a multiple of {by}")
    return None if size is None else size // by


# -- classes, losses, attention ---------------------------------------------------------------------------------


@operation("OneHot")
def one_hot(call: LayerCall) -> Outcome:
    """Mirrors ``OneHot.compute_output_spec``."""
    shape = list(first(call)[0])
    axis = call.integer("axis", -1)
    shape.insert(len(shape) if axis == -1 else axis_of(axis, len(shape)), call.integer("num_classes"))
    return TensorSpec(tuple(shape), standard(call.config.get("dtype") or FLOATX))


@operation("MultiHot")
def multi_hot(call: LayerCall) -> Outcome:
    """Mirrors ``MultiHot.compute_output_spec``."""
    found, dtype = first(call)
    shape: list[Dim] = list(found)
    axis = call.integer("axis", -1)
    shape.insert(len(shape) if axis == -1 else axis_of(axis, len(shape)), call.integer("num_classes"))
    return TensorSpec((shape[-1],) if len(shape) == 2 else (shape[0], *shape[2:]), dtype)


@operation("Glu")
def gated_linear_unit(call: LayerCall) -> Outcome:
    """Mirrors ``Glu.compute_output_spec``."""
    shape, dtype = first(call)
    axis = axis_of(call.integer("axis", -1), len(shape))
    size = shape[axis]
    if size is not None and size % 2:
        raise ShapeError(f"got {size} on the gated axis of {shape_text(shape)}, expected an even number")
    return TensorSpec((*shape[:axis], None if size is None else size // 2, *shape[axis + 1 :]), dtype)


@operation("BinaryCrossentropy")
def binary_crossentropy(call: LayerCall) -> Outcome:
    """Mirrors ``BinaryCrossentropy.compute_output_spec``."""
    return TensorSpec(*call.operand(1, "output"))


@operation("CategoricalCrossentropy")
def categorical_crossentropy(call: LayerCall) -> Outcome:
    """Mirrors ``CategoricalCrossentropy.compute_output_spec``."""
    shape, dtype = call.operand(1, "output")
    return TensorSpec(shape[:-1], dtype)


@operation("SparseCategoricalCrossentropy")
def sparse_categorical_crossentropy(call: LayerCall) -> Outcome:
    """Mirrors ``SparseCategoricalCrossentropy.compute_output_spec``."""
    shape, dtype = call.operand(1, "output")
    axis = axis_of(call.integer("axis", -1), len(shape))
    return TensorSpec((*shape[:axis], *shape[axis + 1 :]), dtype)


@operation("CTCLoss")
def ctc_loss(call: LayerCall) -> Outcome:
    """Mirrors ``CTCLoss.compute_output_spec``."""
    target, _ = call.operand(0, "target")
    return TensorSpec(target[:1], result_type(call.operand(1, "output")[1], "float32"))


@operation("CTCDecode")
def ctc_decode(call: LayerCall) -> Outcome:
    """Mirrors ``CTCDecode.compute_output_spec``."""
    shape, dtype = first(call, least_rank=2)
    paths = 1 if call.config.get("strategy", "greedy") == "greedy" else call.integer("top_paths", 1)
    return [
        TensorSpec((paths, shape[0], shape[1]), "int32"),
        TensorSpec((shape[0], paths), result_type(dtype, "float32")),
    ]


@operation("PSNR")
def peak_signal_to_noise(call: LayerCall) -> Outcome:
    """Mirrors ``PSNR.compute_output_spec``."""
    return TensorSpec((), FLOATX)


@operation("DotProductAttention")
def dot_product_attention(call: LayerCall) -> Outcome:
    """Mirrors ``DotProductAttention.compute_output_spec``."""
    (query, one), (_, two), (_, three) = call.operand(0, "query"), call.operand(1, "key"), call.operand(2, "value")
    return TensorSpec(query, result_type(one, two, three))


# -- segments, ranks, distances ---------------------------------------------------------------------------------


@operation("SegmentSum", "SegmentMax", "SegmentMin", "SegmentProd")
def segment(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = first(call)
    count = call.config.get("num_segments")
    return TensorSpec((None if count is None else integer(count), *shape[1:]), dtype)


@operation("TopK")
def top_k(call: LayerCall) -> Outcome:
    """Mirrors ``TopK.compute_output_spec``."""
    shape, dtype = first(call)
    found = (*shape[:-1], call.integer("k"))
    return [TensorSpec(found, dtype), TensorSpec(found, "int32")]


@operation("CDist")
def pairwise_distance(call: LayerCall) -> Outcome:
    """Mirrors ``CDist.compute_output_spec``."""
    (left, one), (right, other) = call.operand(0, "x"), call.operand(1, "y")
    if len(left) < 2 or len(right) < 2 or not agree(left[-1], right[-1]):
        raise ShapeError(f"got the shapes {shape_text(left)} and {shape_text(right)}, expected equal last dimensions")
    return TensorSpec((*broadcast(left[:-2], right[:-2]), left[-2], right[-2]), result_type(one, other, float))


# -- signals ----------------------------------------------------------------------------------------------------


@operation("ExtractSequences")
def extract_sequences(call: LayerCall) -> Outcome:
    """Mirrors ``ExtractSequences.compute_output_spec``."""
    shape, dtype = first(call, least_rank=1)
    length, last = call.integer("sequence_length"), shape[-1]
    count = None if last is None else 1 + (last - length) // call.positive("sequence_stride")
    return TensorSpec((*shape[:-1], count, length), dtype)


@operation("FFT", "FFT2", "IFFT2")
def fourier(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    return flat_specs([call.args, call.kwargs])


@operation("RFFT")
def real_fourier(call: LayerCall) -> Outcome:
    """Mirrors ``RFFT.compute_output_spec``."""
    shape, dtype = first(call, least_rank=1)
    declared, last = call.config.get("fft_length"), shape[-1]
    size = last if declared is None else integer(declared)
    return [TensorSpec((*shape[:-1], None if size is None else size // 2 + 1), dtype)] * 2


def _real_part(call: LayerCall, least_rank: int) -> tuple[Shape, Any]:
    """Shape and dtype of the first of the two tensors that stand for a complex one."""
    shape, dtype = operand(flat_specs([call.args, call.kwargs])[0])
    if len(shape) < least_rank:
        raise Insufficient
    return shape, dtype


@operation("IRFFT")
def inverse_real_fourier(call: LayerCall) -> Outcome:
    """Mirrors ``IRFFT.compute_output_spec``."""
    shape, dtype = _real_part(call, least_rank=1)
    declared, last = call.config.get("fft_length"), shape[-1]
    size = integer(declared) if declared is not None else None if last is None else 2 * (last - 1)
    return TensorSpec((*shape[:-1], size), dtype)


@operation("STFT")
def short_time_fourier(call: LayerCall) -> Outcome:
    """Mirrors ``STFT.compute_output_spec``."""
    shape, dtype = first(call, least_rank=1)
    size, last = call.integer("fft_length"), shape[-1]
    padded = 0 if call.config.get("center") is False else size // 2 * 2
    count = None if last is None else 1 + (last + padded - size) // call.positive("sequence_stride")
    return [TensorSpec((*shape[:-1], count, size // 2 + 1), dtype)] * 2


@operation("ISTFT")
def inverse_short_time_fourier(call: LayerCall) -> Outcome:
    """Mirrors ``ISTFT.compute_output_spec``."""
    shape, dtype = _real_part(call, least_rank=2)
    size, length, frames = call.integer("fft_length"), call.config.get("length"), shape[-2]
    found: Dim = None
    if length is not None:
        found = integer(length)
    elif frames is not None:
        found = (frames - 1) * call.positive("sequence_stride") + size
        if call.config.get("center") is not False:
            found -= size // 2 * 2
    return TensorSpec((*shape[:-2], found), dtype)


@operation("ViewAsComplex")
def view_as_complex(call: LayerCall) -> Outcome:
    """Mirrors ``ViewAsComplex.compute_output_spec``."""
    return TensorSpec(first(call)[0][:-1], "complex64")


@operation("ViewAsReal")
def view_as_real(call: LayerCall) -> Outcome:
    """Mirrors ``ViewAsReal.compute_output_spec``."""
    return TensorSpec((*first(call)[0], 2), "float32")


@operation("Correlate")
def correlate(call: LayerCall) -> Outcome:
    """Mirrors ``Correlate.compute_output_spec``."""
    (left, one), (right, other) = call.operand(0, "x1"), call.operand(1, "x2")
    if len(left) != 1 or len(right) != 1:
        raise ShapeError(f"got the shapes {shape_text(left)} and {shape_text(right)}, expected rank 1")
    if left[0] is None or right[0] is None:
        raise Insufficient
    longer, shorter = max(left[0], right[0]), min(left[0], right[0])
    mode = call.config.get("mode", "valid")
    size = {"valid": longer - shorter + 1, "same": longer, "full": longer + shorter - 1}[mode]
    dtype = result_type(one, other)
    dtype = "float64" if dtype == "int64" else dtype if dtype in ("bfloat16", "float16", "float64") else "float32"
    return TensorSpec((size,), dtype)


# -- images -----------------------------------------------------------------------------------------------------


def _image(call: LayerCall) -> tuple[list[Dim], str | None, int, int, int]:
    """Shape and dtype of images, and their height, width and channel axes."""
    shape, dtype = first(call)
    if len(shape) not in (3, 4):
        raise ShapeError(f"got images of shape {shape_text(shape)}, expected rank 3 or 4")
    height, width, channels = (-2, -1, -3) if call.channels_first else (-3, -2, -1)
    return list(shape), dtype, height, width, channels


@operation("RGBToGrayscale", "RGBToHSV", "HSVToRGB")
def colour(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype, _, _, channels = _image(call)
    gray = call.layer.class_name == "RGBToGrayscale"
    if shape[channels] not in (None, 3) and not (gray and shape[channels] == 1):
        raise ShapeError(f"got {shape[channels]} channels in images of shape {shape_text(shape)}, expected 3")
    if gray:
        shape[channels] = 1
    return TensorSpec(tuple(shape), dtype)


@operation("Resize")
def resize(call: LayerCall) -> Outcome:
    """Mirrors ``Resize.compute_output_spec``."""
    shape, dtype, height, width, _ = _image(call)
    shape[height], shape[width] = call.integers("size", 2)
    return TensorSpec(tuple(shape), dtype)


@operation("AffineTransform", "PerspectiveTransform", "GaussianBlur", "ElasticTransform")
def keeps_image(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype, _, _, _ = _image(call)
    return TensorSpec(tuple(shape), dtype)


@operation("SobelEdges")
def sobel_edges(call: LayerCall) -> Outcome:
    """Mirrors ``SobelEdges.compute_output_spec``."""
    shape, dtype = first(call)
    if len(shape) != 4:
        raise ShapeError(f"got images of shape {shape_text(shape)}, expected rank 4")
    return TensorSpec((*shape, 2), dtype)


@operation("SSIM")
def structural_similarity(call: LayerCall) -> Outcome:
    """Mirrors ``SSIM.compute_output_spec``."""
    shape, dtype, _, _, _ = _image(call)
    return TensorSpec(() if len(shape) == 3 else (shape[0],), dtype)


@operation("ExtractPatches")
def extract_patches(call: LayerCall) -> Outcome:
    """Mirrors ``ExtractPatches.compute_output_spec``."""
    found, dtype = first(call)
    declared = call.config.get("size")
    volume = isinstance(declared, (list, tuple)) and len(declared) == 3
    rank = 3 if volume else 2
    size = integers(declared, rank)
    shape = found if len(found) == rank + 2 else (1, *found)
    if len(shape) != rank + 2:
        raise ShapeError(f"got images of shape {shape_text(found)}, expected rank {rank + 1} or {rank + 2}")
    strides = call.config.get("strides")
    channels = multiply(shape[call.channel_axis], *size)
    dilation = call.config.get("dilation_rate", 1)
    patched = _slid(call, shape, size, channels, size if strides is None else strides, dilation)
    return TensorSpec(patched if len(found) == rank + 2 else patched[1:], dtype)


@operation("MapCoordinates")
def map_coordinates(call: LayerCall) -> Outcome:
    """Mirrors ``MapCoordinates.compute_output_spec``."""
    (_, dtype), (coordinates, _) = call.operand(0, "inputs"), call.operand(1, "coordinates")
    return TensorSpec(coordinates[1:], dtype)


@operation("PadImages", "CropImages")
def pad_images(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype, height, width, _ = _image(call)
    crops = call.layer.class_name == "CropImages"
    kind, sign = ("cropping", -1) if crops else ("padding", 1)
    for axis, target, sides in ((height, "height", ("top", "bottom")), (width, "width", ("left", "right"))):
        declared = call.config.get(f"target_{target}")
        if declared is not None:
            shape[axis] = integer(declared)
        else:
            amounts = [sign * integer(call.config.get(f"{side}_{kind}")) for side in sides]
            shape[axis] = add(shape[axis], *amounts)
    return TensorSpec(tuple(shape), dtype)


@operation("ScaleAndTranslate")
def scale_and_translate(call: LayerCall) -> Outcome:
    """Mirrors ``ScaleAndTranslate.compute_output_spec``."""
    _, dtype = first(call)
    target = call.argument(1, "output_shape")
    if not isinstance(target, (list, tuple)) or as_spec(target) is not None:
        raise Insufficient
    return TensorSpec(tuple(integer(dim) for dim in target), dtype)
