"""What an output of a model ends in: the activation that produced it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from graphlint.knowledge.activations import FOREIGN_ACTIVATIONS
from graphlint.knowledge.layers import Family, layer_row
from graphlint.knowledge.operations import operation_row
from graphlint.model.graph import Layer, ModelGraph, Tensor

FAR = 50
"""Calls that are followed from each of many places, which no honest chain of reshapes and dropouts is as long as."""


def moves_numbers(layer: Layer) -> bool:
    """Whether a layer or operation moves values, or drops some, without changing the others."""
    moves = layer.traits.same_numbers or layer.operation.same_numbers
    return moves or layer.traits.family is Family.MASKING or layer.operation.name == "Cast"


def _keeps_shape(layer: Layer) -> bool:
    """Whether a layer or operation on one tensor keeps its shape."""
    if layer.is_operation:
        return layer.operation.elementwise or (layer.operation.applies or "").endswith("softmax")
    return layer.traits.elementwise or layer.traits.family in (Family.NORMALIZATION, Family.ACTIVATION)


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


def applies_alone(graph: ModelGraph, call: str) -> bool:
    """Whether a call does nothing but apply an activation: ``Activation``, ``Softmax``, ``keras.ops.softmax``."""
    layer = innermost(graph, graph.layer(call))
    return layer.traits.family is Family.ACTIVATION or layer.operation.applies is not None


def trace_activation(graph: ModelGraph, tensor: Tensor) -> Head:
    """Follow a tensor back to the call that produced its values.

    Goes through Reshape, Flatten, Permute, Dropout, linear activations and the like, and through nested models. Stops
    at everything else: at Lambda and custom layers the activation is unknown.
    """
    through: list[str] = []
    for _ in range(FAR):
        layer = innermost(graph, graph.layer(tensor.call))
        if not _own(layer):
            return Head(tensor.call, layer.path, None, axis=None, through=tuple(through))
        activation, axis = _activation(graph, tensor.call, layer)
        passes = moves_numbers(layer) or (layer.traits.name == "Activation" and activation == "linear")
        sources = graph.producers(tensor.call) if passes else []
        if not passes or len(sources) != 1:
            return Head(tensor.call, layer.path, activation, axis=axis, through=tuple(through))
        through.append(tensor.call)
        tensor = sources[0]
    return Head(tensor.call, layer.path, None, axis=None, through=tuple(through))


def activation_of(graph: ModelGraph, call: str) -> tuple[str | None, int | tuple[int, ...] | None]:
    """The activation that a call applies last, and the axis of a softmax; None if it cannot be determined."""
    layer = innermost(graph, graph.layer(call))
    return _activation(graph, call, layer) if _own(layer) else (None, None)


def last_size(graph: ModelGraph, tensor: Tensor) -> int | None:
    """The size of a tensor's last axis; before a model is built, that which the layers themselves tell."""
    seen_shape = graph.spec(tensor).shape
    if seen_shape is not None:
        return seen_shape[-1] if seen_shape else None
    for _ in range(FAR):
        layer = innermost(graph, graph.layer(tensor.call))
        if not _own(layer):
            return None
        sources = graph.producers(tensor.call)
        if not _keeps_shape(layer) or len(sources) != 1:
            return units(layer)
        tensor = sources[0]
    return None


def units(layer: Layer) -> int | None:
    """The size of the last axis that a layer of Keras gives, where its arguments alone tell."""
    config = layer.config
    traits = layer.traits
    if traits.name == "Reshape":
        target = config.get("target_shape")
        size = target[-1] if isinstance(target, list) and target and target[-1] != -1 else None
    elif traits.family is Family.DENSE:
        size = config.get("units")
    elif traits.family in (Family.CONVOLUTION, Family.LOCALLY_CONNECTED) and not traits.depthwise:
        size = config.get("filters") if config.get("data_format") != "channels_first" else None
    else:
        return None
    return size if isinstance(size, int) and not isinstance(size, bool) else None


def innermost(graph: ModelGraph, layer: Layer) -> Layer:
    """The layer inside a TimeDistributed, else the layer itself."""
    while layer.traits.name == "TimeDistributed":
        children = graph.children.get(layer.path, [])
        if len(children) != 1 or graph.layers[children[0]].container:
            return layer
        layer = graph.layers[children[0]]
    return layer


def activation_name(value: Any) -> str | None:
    """The name of a serialized activation, None if it is not built in.

    >>> activation_name("relu"), activation_name(None), activation_name("softmax_v2")
    ('relu', 'linear', 'softmax')
    """
    if value is None:
        return "linear"
    if isinstance(value, str):
        return FOREIGN_ACTIVATIONS.get(value, value)
    if isinstance(value, dict):
        registered = value.get("registered_name")
        if isinstance(registered, str) and ">" in registered:
            return None
        config = value.get("config")
        if isinstance(config, str):
            return FOREIGN_ACTIVATIONS.get(config, config)
        name = value.get("class_name")
        if name == "Activation" and isinstance(config, dict):
            return activation_name(config.get("activation"))
        row = layer_row(name) or operation_row(name) if isinstance(name, str) else None
        return row.applies if row is not None else None
    return None


def _own(layer: Layer) -> bool:
    """Whether the class is Keras's own, with a configuration."""
    return layer.is_keras and layer.definition.config_error is None


def _activation(graph: ModelGraph, call: str, layer: Layer) -> tuple[str | None, int | tuple[int, ...] | None]:
    config = layer.config
    traits = layer.traits
    activation = traits.applies or layer.operation.applies
    if activation is not None:
        axis = config.get("axis", -1)
        if layer.is_operation:
            arguments = graph.calls[call]
            axis = arguments.kwargs.get("axis", arguments.args[1] if len(arguments.args) > 1 else axis)
        if isinstance(axis, (list, tuple)):
            axis = tuple(axis) if all(isinstance(one, int) for one in axis) else None
        return activation, axis if activation.endswith("softmax") and isinstance(axis, (int, tuple)) else None
    if traits.activation and (traits.linear or traits.name == "Activation"):
        activation_or_none = activation_name(config.get("activation"))
        return activation_or_none, -1 if (activation_or_none or "").endswith("softmax") else None
    return None, None
