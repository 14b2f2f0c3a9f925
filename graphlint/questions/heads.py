"""What an output of a model ends in: the activation that produced it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from graphlint.model.graph import Layer, ModelGraph, Tensor

_TRANSPARENT = frozenset(
    {
        "InputLayer",
        "Reshape",
        "Flatten",
        "Permute",
        "Dropout",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "AlphaDropout",
        "GaussianDropout",
        "GaussianNoise",
        "Identity",
        "Masking",
        "Squeeze",
        "ExpandDims",
        "Transpose",
        "Cast",
    }
)
"""Layers and operations that move values, or drop some, without changing the others."""

_ACTIVATION_LAYERS = {
    "Softmax": "softmax",
    "ReLU": "relu",
    "Relu": "relu",
    "LeakyReLU": "leaky_relu",
    "LeakyRelu": "leaky_relu",
    "PReLU": "prelu",
    "ELU": "elu",
    "Elu": "elu",
    "Selu": "selu",
    "Gelu": "gelu",
    "Silu": "silu",
    "Sigmoid": "sigmoid",
    "HardSigmoid": "hard_sigmoid",
    "LogSigmoid": "log_sigmoid",
    "LogSoftmax": "log_softmax",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
    "Relu6": "relu6",
}
"""Layers and operations that are an activation."""

_WITH_ACTIVATION = frozenset(
    {
        "Dense",
        "EinsumDense",
        *(f"Conv{n}D" for n in (1, 2, 3)),
        *(f"Convolution{n}D" for n in (1, 2, 3)),
        *(f"Conv{n}DTranspose" for n in (1, 2, 3)),
        "DepthwiseConv1D",
        "DepthwiseConv2D",
        "SeparableConv1D",
        "SeparableConv2D",
        "LocallyConnected1D",
        "LocallyConnected2D",
    }
)
"""Linear layers whose ``activation`` argument is applied last."""


_KEEPS_LAST = frozenset(
    {
        "Activation",
        "Dropout",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "AlphaDropout",
        "GaussianDropout",
        "GaussianNoise",
        "Identity",
        "Masking",
        "BatchNormalization",
        "LayerNormalization",
        "Rescaling",
    }
)
"""Layers that keep the shape of what they receive."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where an output comes from, seen through reshapes and dropout.

    ``call`` is the call that produced the values and ``layer`` the layer that has the activation (the wrapped layer of
    a TimeDistributed). ``activation`` is its name, ``linear`` for none, and None if it cannot be determined: the call
    is of another kind (Add, LSTM, Lambda, a custom layer) or its activation is. ``axis`` is that of a softmax.
    ``through`` are the calls in between, from the output backwards.
    """

    call: str
    layer: str
    activation: str | None
    _: KW_ONLY
    axis: int | tuple[int, ...] | None
    through: tuple[str, ...]


def trace_activation(graph: ModelGraph, tensor: Tensor) -> Head:
    """Follow a tensor back to the call that produced its values.

    Goes through Reshape, Flatten, Permute, Dropout, linear activations and the like, and through nested models. Stops
    at everything else: at Lambda and custom layers the activation is unknown.
    """
    through: list[str] = []
    while True:
        layer = innermost(graph, graph.layer(tensor.call))
        if not _own(layer):
            return Head(tensor.call, layer.path, None, axis=None, through=tuple(through))
        name = layer.class_name or ""
        activation, axis = _activation(graph, tensor.call, layer, name)
        passes = name in _TRANSPARENT or (name == "Activation" and activation == "linear")
        sources = graph.producers(tensor.call) if passes else []
        if not passes or len(sources) != 1:
            return Head(tensor.call, layer.path, activation, axis=axis, through=tuple(through))
        through.append(tensor.call)
        tensor = sources[0]


def activation_of(graph: ModelGraph, call: str) -> tuple[str | None, int | tuple[int, ...] | None]:
    """The activation that a call applies last, and the axis of a softmax; None if it cannot be determined."""
    layer = innermost(graph, graph.layer(call))
    return _activation(graph, call, layer, layer.class_name or "") if _own(layer) else (None, None)


def last_size(graph: ModelGraph, tensor: Tensor) -> int | None:
    """The size of a tensor's last axis; before a model is built, that which the layers themselves tell."""
    seen_shape = graph.spec(tensor).shape
    if seen_shape is not None:
        return seen_shape[-1] if seen_shape else None
    while True:
        layer = innermost(graph, graph.layer(tensor.call))
        if not _own(layer):
            return None
        size = units(layer)
        sources = graph.producers(tensor.call)
        keeps = layer.class_name in _KEEPS_LAST or layer.class_name in _ACTIVATION_LAYERS
        if size is not None or not keeps or len(sources) != 1:
            return size
        tensor = sources[0]


def units(layer: Layer) -> int | None:
    """The size of the last axis that a layer of Keras gives, where its arguments alone tell."""
    config = layer.config
    name = layer.class_name or ""
    if name == "Reshape":
        target = config.get("target_shape")
        size = target[-1] if isinstance(target, list) and target and target[-1] != -1 else None
    elif name == "Dense":
        size = config.get("units")
    elif name in _WITH_ACTIVATION and name != "EinsumDense" and not name.startswith("Depthwise"):
        size = config.get("filters") if config.get("data_format") != "channels_first" else None
    else:
        return None
    return size if isinstance(size, int) and not isinstance(size, bool) else None


def innermost(graph: ModelGraph, layer: Layer) -> Layer:
    """The layer inside a TimeDistributed, else the layer itself."""
    while layer.class_name == "TimeDistributed" and layer.is_keras:
        children = graph.children.get(layer.path, [])
        if len(children) != 1 or graph.layers[children[0]].container:
            return layer
        layer = graph.layers[children[0]]
    return layer


def activation_name(value: Any) -> str | None:
    """The name of a serialized activation, None if it is not built in.

    >>> activation_name("relu"), activation_name(None)
    ('relu', 'linear')
    """
    if value is None:
        return "linear"
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        registered = value.get("registered_name")
        if isinstance(registered, str) and ">" in registered:
            return None
        config = value.get("config")
        if isinstance(config, str):
            return config
        name = value.get("class_name")
        if name == "Activation" and isinstance(config, dict):
            return activation_name(config.get("activation"))
        return _ACTIVATION_LAYERS.get(name) if isinstance(name, str) else None
    return None


def _own(layer: Layer) -> bool:
    """Whether the class is Keras's own, with a configuration; files of Keras 1 and 2 name no module."""
    if layer.definition.config_error is not None:
        return False
    return layer.is_keras or layer.is_operation or (layer.module is None and not layer.opaque)


def _activation(
    graph: ModelGraph, call: str, layer: Layer, name: str
) -> tuple[str | None, int | tuple[int, ...] | None]:
    config = layer.config
    if name in _ACTIVATION_LAYERS:
        axis = config.get("axis", -1)
        if layer.is_operation:
            arguments = graph.calls[call]
            axis = arguments.kwargs.get("axis", arguments.args[1] if len(arguments.args) > 1 else axis)
        activation = _ACTIVATION_LAYERS[name]
        if isinstance(axis, (list, tuple)):
            axis = tuple(axis) if all(isinstance(one, int) for one in axis) else None
        return activation, axis if activation.endswith("softmax") and isinstance(axis, (int, tuple)) else None
    if name == "Activation" or name in _WITH_ACTIVATION:
        activation_or_none = activation_name(config.get("activation"))
        return activation_or_none, -1 if (activation_or_none or "").endswith("softmax") else None
    return None, None
