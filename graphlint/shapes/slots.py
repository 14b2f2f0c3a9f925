"""The variables that a layer of Keras creates: names, shapes and flags, in the order in which it saves them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphlint.model.definition import LayerDefinition, Shape
from graphlint.model.dimensions import Dim, ShapeError, multiply
from graphlint.shapes.convolution import spatial_rank
from graphlint.shapes.dense import einsum_shapes
from graphlint.shapes.inference import LAYERS, Insufficient, LayerCall, Strictness, integer
from graphlint.shapes.preprocessing import spectrogram_bins
from graphlint.shapes.quantization import quantization_mode, quantized_embeddings, quantized_kernel
from graphlint.shapes.slot import Slot as Slot
from graphlint.shapes.slot import slot

Rule = Callable[["_Layer"], list[Slot]]
_RULES: dict[str, Rule] = {}


def _slots_of(*names: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        for name in names:
            _RULES[name] = rule
        return rule

    return register


def always_weighted() -> list[str]:
    """The classes whose layers have variables, whatever their arguments."""
    return [name for name in _RULES if name not in ("Attention", "Normalization", "STFTSpectrogram")]


class _Layer(LayerCall):
    """A layer with the shape it was built for."""

    __slots__ = ()

    @property
    def build(self) -> Shape:
        """The shape the layer was built for; empty if it is unknown."""
        shape = self.layer.build_shape
        if isinstance(shape, (list, tuple)) and all(dim is None or isinstance(dim, int) for dim in shape):
            return tuple(shape)
        return ()

    def dim(self, axis: int) -> Dim:
        """One dimension of the build shape, None if it is unknown."""
        shape = self.build
        return shape[axis] if -len(shape) <= axis < len(shape) else None

    @property
    def channels(self) -> Dim:
        return self.dim(self.channel_axis)

    @property
    def lora(self) -> int:
        """The rank of a LoRA adapter, 0 for none."""
        return integer(self.config.get("lora_rank") or 0)

    def flag(self, name: str, default: bool = True) -> bool:
        return bool(self.config.get(name, default))


def slots(definition: LayerDefinition) -> list[Slot] | None:
    """The variables of a layer itself, without those of its sublayers, in saved order.

    None if the class is unknown or not Keras's own. ``trainable`` leaves the flag of the layer aside.

    >>> slots(LayerDefinition("d", "Dense", "keras.layers", config={"units": 3}, build_shape=[None, 4]))
    [Slot(name='kernel', shape=(4, 3), trainable=True), Slot(name='bias', shape=(3,), trainable=True)]
    """
    if definition.body is not None:
        return []
    if definition.class_name is None or not definition.is_keras:
        return None
    if definition.is_operation:
        return []
    rule = _RULES.get(definition.class_name)
    if rule is None:
        return [] if definition.class_name in LAYERS or definition.is_input else None
    try:
        return rule(_Layer(definition, (), {}, dtype=""))
    except (Insufficient, ShapeError):
        return None
    except Strictness.forgiven():
        return None


# -- core -------------------------------------------------------------------------------------------------------


@_slots_of("Dense")
def _dense(layer: _Layer) -> list[Slot]:
    units = layer.integer("units")
    kernel = (layer.dim(-1), units)
    bias = [slot("bias", units)] if layer.flag("use_bias") else []
    mode = quantization_mode(layer.layer.dtype_policy)
    if mode is not None:
        found = quantized_kernel(layer, mode, kernel, [0], bias, "kernel_zero")
    else:
        found = [slot("kernel", *kernel, trainable=not layer.lora), *bias]
    return found + _lora(layer, "kernel", kernel)


def _lora(layer: _Layer, name: str, kernel: Sequence[Dim]) -> list[Slot]:
    """The two factors that train in place of a kernel."""
    if not layer.lora:
        return []
    if not kernel:
        raise Insufficient
    return [slot(f"lora_{name}_a", *kernel[:-1], layer.lora), slot(f"lora_{name}_b", layer.lora, kernel[-1])]


@_slots_of("EinsumDense")
def _einsum_dense(layer: _Layer) -> list[Slot]:
    equation = layer.config.get("equation")
    letters, _, result = str(equation).replace(" ", "").partition(",")[2].partition("->")
    kernel: Sequence[Dim] = (None,) * len(letters)
    bias_shape: Shape | None = None
    if layer.build:
        kernel, _, bias_shape = einsum_shapes(layer.config, layer.build)
    bias = []
    if layer.config.get("bias_axes"):
        bias = [slot("bias", *bias_shape) if bias_shape is not None else Slot("bias", None, True)]
    mode = quantization_mode(layer.layer.dtype_policy)
    if mode is not None:
        reduced = [axis for axis, letter in enumerate(letters) if letter not in result]
        found = quantized_kernel(layer, mode, kernel, reduced, bias, "kernel_zero" if mode == "int4" else "zero_point")
    else:
        # Inside an attention layer the equation is unknown where only the weights are: the names still hold.
        known = layer.build or letters
        found = [slot("kernel", *kernel, trainable=not layer.lora) if known else Slot("kernel", None, True), *bias]
    return found + _lora(layer, "kernel", kernel)


@_slots_of("Embedding", "ReversibleEmbedding")
def _embedding(layer: _Layer) -> list[Slot]:
    table = layer.integer("input_dim"), layer.integer("output_dim")
    reverse = layer.layer.class_name == "ReversibleEmbedding" and not layer.flag("tie_weights")
    mode = quantization_mode(layer.layer.dtype_policy)
    lora = _lora(layer, "embeddings", table)
    if mode is not None:
        return quantized_embeddings(layer, mode, *table, reverse) + lora
    back = [slot("reverse_embeddings", *reversed(table))] if reverse else []
    return [slot("embeddings", *table, trainable=not layer.lora), *lora, *back]


# -- convolution ------------------------------------------------------------------------------------------------


@_slots_of("Conv1D", "Conv2D", "Conv3D", "Convolution1D", "Convolution2D", "Convolution3D")
def _conv(layer: _Layer) -> list[Slot]:
    rank, filters = spatial_rank(layer), layer.integer("filters")
    channels = layer.channels
    inputs = None if channels is None else channels // layer.positive("groups", 1)
    kernel = (*layer.integers("kernel_size", rank), inputs, filters)
    return [slot("kernel", *kernel, trainable=not layer.lora), *_bias(layer, filters), *_lora(layer, "kernel", kernel)]


def _bias(layer: _Layer, *dims: Dim) -> list[Slot]:
    return [slot("bias", *dims)] if layer.flag("use_bias") else []


@_slots_of(
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "Convolution1DTranspose",
    "Convolution2DTranspose",
    "Convolution3DTranspose",
)
def _conv_transpose(layer: _Layer) -> list[Slot]:
    filters = layer.integer("filters")
    kernel = slot("kernel", *layer.integers("kernel_size", spatial_rank(layer)), filters, layer.channels)
    return [kernel, *_bias(layer, filters)]


@_slots_of("DepthwiseConv1D", "DepthwiseConv2D")
def _depthwise_conv(layer: _Layer) -> list[Slot]:
    multiplier = layer.integer("depth_multiplier", 1)
    kernel = slot("kernel", *layer.integers("kernel_size", spatial_rank(layer)), layer.channels, multiplier)
    return [kernel, *_bias(layer, multiply(layer.channels, multiplier))]


@_slots_of("SeparableConv1D", "SeparableConv2D", "SeparableConvolution1D", "SeparableConvolution2D")
def _separable_conv(layer: _Layer) -> list[Slot]:
    rank, filters, multiplier = spatial_rank(layer), layer.integer("filters"), layer.integer("depth_multiplier", 1)
    return [
        slot("depthwise_kernel", *layer.integers("kernel_size", rank), layer.channels, multiplier),
        slot("pointwise_kernel", *(1,) * rank, multiply(layer.channels, multiplier), filters),
        *_bias(layer, filters),
    ]


# -- normalization ----------------------------------------------------------------------------------------------


def _axis(layer: _Layer) -> tuple[Dim, ...]:
    return tuple(layer.dim(axis) for axis in sorted(layer.axes(default=-1) or []))


@_slots_of("BatchNormalization", "SyncBatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2")
def _batch_normalization(layer: _Layer) -> list[Slot]:
    size = _axis(layer)
    found = [slot(name, *size) for name, flag in (("gamma", "scale"), ("beta", "center")) if layer.flag(flag)]
    names = ["moving_mean", "moving_variance"]
    if layer.flag("renorm", False):
        names += ["moving_stddev", "renorm_mean", "renorm_stddev"]
    return found + [slot(name, *size, trainable=False) for name in names]


@_slots_of("LayerNormalization")
def _layer_normalization(layer: _Layer) -> list[Slot]:
    size, rms = _axis(layer), layer.flag("rms_scaling", False)
    found = [slot("gamma", *size)] if layer.flag("scale") or rms else []
    return found + ([slot("beta", *size)] if layer.flag("center") and not rms else [])


@_slots_of("GroupNormalization")
def _group_normalization(layer: _Layer) -> list[Slot]:
    size = _axis(layer)
    return [slot(name, *size) for name, flag in (("gamma", "scale"), ("beta", "center")) if layer.flag(flag)]


@_slots_of("RMSNormalization")
def _rms_normalization(layer: _Layer) -> list[Slot]:
    return [slot("scale", *_axis(layer))]


@_slots_of("SpectralNormalization")
def _spectral_normalization(layer: _Layer) -> list[Slot]:
    child = layer.child("layer")
    kernel = next((slot for slot in slots(child) or () if slot.name in ("kernel", "embeddings")), None)
    last = kernel.shape[-1] if kernel is not None and kernel.shape else None
    if last is None:
        last = child.config.get("filters", child.config.get("units", child.config.get("output_dim")))
    if kernel is None:
        raise Insufficient
    # The kernel of the wrapped layer is set as an attribute and so saved here as well.
    return [Slot(kernel.name, kernel.shape, kernel.trainable), slot("vector_u", 1, last, trainable=False)]


@_slots_of("LayerScale")
def _layer_scale(layer: _Layer) -> list[Slot]:
    return [slot("gamma", layer.integer("projection_dim"))]


@_slots_of("Normalization")
def _normalization(layer: _Layer) -> list[Slot]:
    if layer.config.get("mean") is not None:
        return []
    axis = layer.config.get("axis", -1)
    axes = [] if axis is None else axis if isinstance(axis, (list, tuple)) else [axis]
    rank = len(layer.build)
    kept = sorted(integer(one) % rank if rank else 0 for one in axes)
    shape = tuple(layer.dim(one) if rank else None for one in kept)
    return [
        slot("mean", *shape, trainable=False),
        slot("variance", *shape, trainable=False),
        Slot("count", (), False),
    ]


# -- activation and attention -----------------------------------------------------------------------------------


@_slots_of("PReLU")
def _prelu(layer: _Layer) -> list[Slot]:
    if not layer.build:
        return [Slot("alpha", None, True)]
    shape = list(layer.build[1:])
    for axis in layer.axes("shared_axes") or []:
        if not 1 <= axis <= len(shape):
            raise Insufficient
        shape[axis - 1] = 1
    return [slot("alpha", *shape)]


@_slots_of("Attention")
def _attention(layer: _Layer) -> list[Slot]:
    found = [Slot("scale", (), True)] if layer.flag("use_scale", False) else []
    return found + ([Slot("concat_score_weight", (), True)] if layer.config.get("score_mode") == "concat" else [])


@_slots_of("AdditiveAttention")
def _additive_attention(layer: _Layer) -> list[Slot]:
    if not layer.flag("use_scale"):
        return []
    shape = layer.layer.build_shape
    query = shape[0] if isinstance(shape, (list, tuple)) and shape and isinstance(shape[0], (list, tuple)) else (None,)
    return [slot("scale", query[-1])]


# -- recurrent --------------------------------------------------------------------------------------------------


@_slots_of("LSTMCell", "GRUCell", "SimpleRNNCell")
def _cell(layer: _Layer) -> list[Slot]:
    gates = {"LSTMCell": 4, "GRUCell": 3, "SimpleRNNCell": 1}[layer.layer.class_name or ""]
    units = layer.integer("units")
    wide = gates * units
    found = [slot("kernel", layer.dim(-1), wide), slot("recurrent_kernel", units, wide)]
    if layer.flag("use_bias"):
        two = layer.layer.class_name == "GRUCell" and layer.flag("reset_after")
        found.append(slot("bias", 2, wide) if two else slot("bias", wide))
    return found


@_slots_of("ConvLSTMCell")
def _conv_lstm_cell(layer: _Layer) -> list[Slot]:
    filters = layer.integer("filters")
    size = layer.config.get("kernel_size")
    rank = layer.config.get("rank")
    kernel = layer.integers("kernel_size", len(size) if isinstance(size, (list, tuple)) else integer(rank))
    found = [
        slot("kernel", *kernel, layer.channels, 4 * filters),
        slot("recurrent_kernel", *kernel, filters, 4 * filters),
    ]
    return found + _bias(layer, 4 * filters)


@_slots_of("LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
def _recurrent(layer: _Layer) -> list[Slot]:
    if not layer.flag("stateful", False):
        return []
    raise Insufficient


@_slots_of("STFTSpectrogram")
def _stft_spectrogram(layer: _Layer) -> list[Slot]:
    mode, shape = layer.config.get("mode", "log"), (layer.integer("frame_length", 256), 1, spectrogram_bins(layer))
    kernels = {"real": mode != "imag", "imag": mode != "real"}
    return [slot(f"{name}_kernel", *shape) for name, present in kernels.items() if present]
