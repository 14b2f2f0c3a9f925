"""The variables that a layer of Keras creates: names, shapes and flags, in the order in which it saves them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from graphlint.graph.definition import LayerDefinition, Shape
from graphlint.shapes.convolution import spatial_rank
from graphlint.shapes.dense import einsum_shapes
from graphlint.shapes.dimensions import Dim, multiply
from graphlint.shapes.inference import LAYERS, Insufficient, LayerCall, integer, is_custom
from graphlint.shapes.preprocessing import spectrogram_bins


class Slot(NamedTuple):
    """One variable: its name inside the layer, its shape (None where it is unknown), and whether it can train."""

    name: str
    shape: tuple[int, ...] | None
    trainable: bool


Rule = Callable[["_Layer"], list[Slot]]
_RULES: dict[str, Rule] = {}


def _slots_of(*names: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        for name in names:
            _RULES[name] = rule
        return rule

    return register


class _Layer(LayerCall):
    """A layer with the shape it was built for."""

    __slots__ = ()

    @property
    def build(self) -> Shape:
        """The shape the layer was built for; empty where it is unknown."""
        shape = self.layer.build_shape
        if isinstance(shape, (list, tuple)) and all(dim is None or isinstance(dim, int) for dim in shape):
            return tuple(shape)
        return ()

    def dim(self, axis: int) -> Dim:
        """One dimension of the build shape, None where it is unknown."""
        shape = self.build
        return shape[axis] if -len(shape) <= axis < len(shape) else None

    @property
    def channels(self) -> Dim:
        return self.dim(self.channel_axis)

    def flag(self, name: str, default: bool = True) -> bool:
        return bool(self.config.get(name, default))

    @property
    def quantization(self) -> str | None:
        """The quantization mode that the dtype policy names."""
        policy = self.layer.dtype_policy or ""
        for separator in ("_from_", "/"):
            if separator in policy:
                return policy.partition(separator)[0].partition("/")[0]
        return None


def _slot(name: str, *dims: Dim, trainable: bool = True) -> Slot:
    known = [dim for dim in dims if dim is not None]
    return Slot(name, tuple(known) if len(known) == len(dims) else None, trainable)


def slots(definition: LayerDefinition) -> list[Slot] | None:
    """The variables of a layer itself, without those of its sublayers, in saved order.

    None where the class is unknown or not Keras's own. ``trainable`` leaves the flag of the layer aside.

    >>> slots(LayerDefinition("d", "Dense", "keras.layers", config={"units": 3}, build_shape=[None, 4]))
    [Slot(name='kernel', shape=(4, 3), trainable=True), Slot(name='bias', shape=(3,), trainable=True)]
    """
    if definition.body is not None:
        return []
    if definition.class_name is None or is_custom(definition):
        return None
    if definition.is_operation:
        return []
    rule = _RULES.get(definition.class_name)
    if rule is None:
        return [] if definition.class_name in LAYERS or definition.class_name == "InputLayer" else None
    try:
        return rule(_Layer(definition, (), {}, ""))
    except Insufficient:
        return None
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError):
        # A configuration that has no form Keras writes.
        return None


# -- core -------------------------------------------------------------------------------------------------------


@_slots_of("Dense")
def _dense(layer: _Layer) -> list[Slot]:
    inputs, units = layer.dim(-1), layer.integer("units")
    bias = [_slot("bias", units)] if layer.flag("use_bias") else []
    mode = layer.quantization
    if mode is None:
        return [*_kernel_and_lora(layer, (inputs, units), bias)]
    packed = (units + 1) // 2
    if mode == "int8":
        kernel = _slot("kernel", inputs, units, trainable=False)
        return [kernel, *bias, _slot("kernel_scale", units, trainable=False), *_lora(layer, "kernel", inputs, units)]
    if mode == "float8":
        return [_slot("kernel", inputs, units), *bias, *_FLOAT8]
    groups = _groups(layer, inputs, 128)
    if mode == "int4":
        kernel = _slot("kernel", inputs, packed, trainable=False)
        if groups is _UNGROUPED:
            scale = [_slot("kernel_scale", units, trainable=False)]
        else:
            scale = [
                _slot("kernel_scale", groups, units, trainable=False),
                _slot("kernel_zero", groups, units, trainable=False),
                _slot("g_idx", inputs, trainable=False),
            ]
        return [kernel, *bias, *scale, *_lora(layer, "kernel", inputs, units)]
    if mode in ("gptq", "awq"):
        return [*bias, *_calibrated(layer, mode, inputs, units, "kernel_zero")]
    raise Insufficient


def _kernel_and_lora(layer: _Layer, shape: tuple[Dim, ...], bias: list[Slot]) -> list[Slot]:
    rank = layer.config.get("lora_rank")
    if not rank:
        return [_slot("kernel", *shape), *bias]
    return [_slot("kernel", *shape, trainable=False), *bias, *_lora(layer, "kernel", shape[0], shape[1])]


def _lora(layer: _Layer, name: str, rows: Dim, columns: Dim) -> list[Slot]:
    declared = layer.config.get("lora_rank")
    if not declared:
        return []
    rank = integer(declared)
    return [_slot(f"lora_{name}_a", rows, rank), _slot(f"lora_{name}_b", rank, columns)]


_FLOAT8 = [
    Slot(name, None if "history" in name else (), True)
    for name in (
        "inputs_scale",
        "inputs_amax_history",
        "kernel_scale",
        "kernel_amax_history",
        "outputs_grad_scale",
        "outputs_grad_amax_history",
    )
]
_UNGROUPED = -1


def _groups(layer: _Layer, rows: Dim, default: int) -> Dim:
    """Into how many groups a quantized kernel is divided; ``_UNGROUPED`` where it is not."""
    found: Any = layer.config.get("quantization_config")
    policy = layer.layer.dtype_policy or ""
    size: Any = default
    if isinstance(found, dict):
        inner = found.get("config")
        if isinstance(inner, dict):
            size = inner.get("block_size", inner.get("group_size", default))
    elif "/" in policy:
        parts = policy.partition("_from_")[0].split("/")
        size = int(parts[-1])
    if size is None or size == -1:
        return _UNGROUPED
    return None if rows is None else math.ceil(rows / integer(size))


def _calibrated(layer: _Layer, mode: str, rows: Dim, columns: Dim, zero: str) -> list[Slot]:
    groups = _groups(layer, rows, 128)
    groups = 1 if groups == _UNGROUPED else groups
    bits = 4
    policy = (layer.layer.dtype_policy or "").split("/")
    if len(policy) > 1:
        bits = int(policy[1])
    packed = columns
    if columns is not None and bits == 4:
        packed = (columns + 1) // 2
    found = [
        _slot("kernel", packed, rows, trainable=False),
        _slot("kernel_scale", columns, groups, trainable=False),
        _slot(zero, columns, groups, trainable=False),
    ]
    if mode == "awq":
        found.append(_slot("awq_scales", rows, trainable=False))
    return [*found, _slot("g_idx", rows, trainable=False)]


@_slots_of("EinsumDense")
def _einsum_dense(layer: _Layer) -> list[Slot]:
    has_bias = bool(layer.config.get("bias_axes"))
    mode = layer.quantization
    if mode is not None:
        bias_slots = [_unknown("bias")] if has_bias else []
        if mode == "float8":
            return [_unknown("kernel"), *bias_slots, *_FLOAT8]
        if mode not in ("int8", "int4"):
            raise Insufficient
        return [_unknown("kernel", False), *bias_slots, *_scales(layer, mode, "kernel")]
    if not layer.build:
        kernel: Shape | None = None
        bias: Shape | None = None
    else:
        kernel, _, bias = einsum_shapes(layer.config, layer.build)
    trainable = not layer.config.get("lora_rank")
    found = [_unknown("kernel", trainable) if kernel is None else _slot("kernel", *kernel, trainable=trainable)]
    if has_bias:
        found.append(_unknown("bias") if bias is None else _slot("bias", *bias))
    if not trainable:
        rank = layer.integer("lora_rank")
        wide = kernel if kernel is not None else (None, None)
        found += [
            _slot("lora_kernel_a", *wide[:-1], rank),
            _slot("lora_kernel_b", rank, wide[-1]),
        ]
    return found


def _unknown(name: str, trainable: bool = True) -> Slot:
    return Slot(name, None, trainable)


def _scales(layer: _Layer, mode: str, name: str) -> list[Slot]:
    """What a quantized layer holds beside its integers, without the shapes."""
    grouped = mode == "int4" and _groups(layer, None, 128) != _UNGROUPED
    return [Slot(slot, None, False) for slot in (f"{name}_scale", *((f"{name}_zero", "g_idx") if grouped else ()))]


@_slots_of("Embedding")
def _embedding(layer: _Layer) -> list[Slot]:
    rows, columns = layer.integer("input_dim"), layer.integer("output_dim")
    mode = layer.quantization
    if mode == "int8":
        return [
            _slot("embeddings", rows, columns, trainable=False),
            _slot("embeddings_scale", rows, trainable=False),
            *_lora(layer, "embeddings", rows, columns),
        ]
    if mode == "int4":
        return [_unknown("embeddings", False), *_scales(layer, mode, "embeddings")]
    if mode is not None:
        raise Insufficient
    trainable = not layer.config.get("lora_rank")
    return [_slot("embeddings", rows, columns, trainable=trainable), *_lora(layer, "embeddings", rows, columns)]


@_slots_of("ReversibleEmbedding")
def _reversible_embedding(layer: _Layer) -> list[Slot]:
    rows, columns = layer.integer("input_dim"), layer.integer("output_dim")
    if layer.quantization not in (None, "int8"):
        raise Insufficient
    found = _embedding(layer)
    if layer.flag("tie_weights"):
        return found
    if layer.quantization == "int8":
        return [
            *found[:2],
            _slot("reverse_embeddings", columns, rows, trainable=False),
            _slot("reverse_embeddings_scale", rows, trainable=False),
            *found[2:],
        ]
    lora = found[1:]
    return [found[0], *lora, _slot("reverse_embeddings", columns, rows)]


# -- convolution ------------------------------------------------------------------------------------------------


@_slots_of("Conv1D", "Conv2D", "Conv3D", "Convolution1D", "Convolution2D", "Convolution3D")
def _conv(layer: _Layer) -> list[Slot]:
    rank, filters = spatial_rank(layer), layer.integer("filters")
    channels = layer.channels
    inputs = None if channels is None else channels // layer.integer("groups", 1)
    kernel = (*layer.integers("kernel_size", rank), inputs, filters)
    lora = layer.config.get("lora_rank")
    found = [_slot("kernel", *kernel, trainable=not lora), *_bias(layer, filters)]
    if lora:
        found += [
            _slot("lora_kernel_a", *kernel[:-1], integer(lora)),
            _slot("lora_kernel_b", integer(lora), filters),
        ]
    return found


def _bias(layer: _Layer, *dims: Dim) -> list[Slot]:
    return [_slot("bias", *dims)] if layer.flag("use_bias") else []


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
    kernel = _slot("kernel", *layer.integers("kernel_size", spatial_rank(layer)), filters, layer.channels)
    return [kernel, *_bias(layer, filters)]


@_slots_of("DepthwiseConv1D", "DepthwiseConv2D")
def _depthwise_conv(layer: _Layer) -> list[Slot]:
    multiplier = layer.integer("depth_multiplier", 1)
    kernel = _slot("kernel", *layer.integers("kernel_size", spatial_rank(layer)), layer.channels, multiplier)
    return [kernel, *_bias(layer, multiply(layer.channels, multiplier))]


@_slots_of("SeparableConv1D", "SeparableConv2D", "SeparableConvolution1D", "SeparableConvolution2D")
def _separable_conv(layer: _Layer) -> list[Slot]:
    rank, filters, multiplier = spatial_rank(layer), layer.integer("filters"), layer.integer("depth_multiplier", 1)
    return [
        _slot("depthwise_kernel", *layer.integers("kernel_size", rank), layer.channels, multiplier),
        _slot("pointwise_kernel", *(1,) * rank, multiply(layer.channels, multiplier), filters),
        *_bias(layer, filters),
    ]


# -- normalization ----------------------------------------------------------------------------------------------


def _axis(layer: _Layer) -> tuple[Dim, ...]:
    axis = layer.config.get("axis", -1)
    axes = sorted(axis) if isinstance(axis, (list, tuple)) else [axis]
    return tuple(layer.dim(integer(one)) for one in axes)


@_slots_of("BatchNormalization", "SyncBatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2")
def _batch_normalization(layer: _Layer) -> list[Slot]:
    size = _axis(layer)
    found = [_slot(name, *size) for name, flag in (("gamma", "scale"), ("beta", "center")) if layer.flag(flag)]
    names = ["moving_mean", "moving_variance"]
    if layer.flag("renorm", False):
        names += ["moving_stddev", "renorm_mean", "renorm_stddev"]
    return found + [_slot(name, *size, trainable=False) for name in names]


@_slots_of("LayerNormalization")
def _layer_normalization(layer: _Layer) -> list[Slot]:
    size, rms = _axis(layer), layer.flag("rms_scaling", False)
    found = [_slot("gamma", *size)] if layer.flag("scale") or rms else []
    return found + ([_slot("beta", *size)] if layer.flag("center") and not rms else [])


@_slots_of("GroupNormalization")
def _group_normalization(layer: _Layer) -> list[Slot]:
    size = _axis(layer)
    return [_slot(name, *size) for name, flag in (("gamma", "scale"), ("beta", "center")) if layer.flag(flag)]


@_slots_of("RMSNormalization")
def _rms_normalization(layer: _Layer) -> list[Slot]:
    return [_slot("scale", *_axis(layer))]


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
    return [Slot(kernel.name, kernel.shape, kernel.trainable), _slot("vector_u", 1, last, trainable=False)]


@_slots_of("LayerScale")
def _layer_scale(layer: _Layer) -> list[Slot]:
    return [_slot("gamma", layer.integer("projection_dim"))]


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
        _slot("mean", *shape, trainable=False),
        _slot("variance", *shape, trainable=False),
        Slot("count", (), False),
    ]


# -- activation and attention -----------------------------------------------------------------------------------


@_slots_of("PReLU")
def _prelu(layer: _Layer) -> list[Slot]:
    if not layer.build:
        return [_unknown("alpha")]
    shape = list(layer.build[1:])
    for axis in layer.config.get("shared_axes") or ():
        shape[axis - 1] = 1
    return [_slot("alpha", *shape)]


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
    return [_slot("scale", query[-1])]


# -- recurrent --------------------------------------------------------------------------------------------------


@_slots_of("LSTMCell", "GRUCell", "SimpleRNNCell")
def _cell(layer: _Layer) -> list[Slot]:
    gates = {"LSTMCell": 4, "GRUCell": 3, "SimpleRNNCell": 1}[layer.layer.class_name or ""]
    units = layer.integer("units")
    wide = gates * units
    found = [_slot("kernel", layer.dim(-1), wide), _slot("recurrent_kernel", units, wide)]
    if layer.flag("use_bias"):
        two = layer.layer.class_name == "GRUCell" and layer.flag("reset_after")
        found.append(_slot("bias", 2, wide) if two else _slot("bias", wide))
    return found


@_slots_of("ConvLSTMCell")
def _conv_lstm_cell(layer: _Layer) -> list[Slot]:
    filters = layer.integer("filters")
    size = layer.config.get("kernel_size")
    rank = layer.config.get("rank")
    kernel = layer.integers("kernel_size", len(size) if isinstance(size, (list, tuple)) else integer(rank))
    found = [
        _slot("kernel", *kernel, layer.channels, 4 * filters),
        _slot("recurrent_kernel", *kernel, filters, 4 * filters),
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
    return [_slot(f"{name}_kernel", *shape) for name, present in kernels.items() if present]
