"""A model of an older release, changed so that Keras 3 computes what that release computed.

Layers that Keras 3 has under another name get it, with their numbers in its order; functions that changed their meaning
are made up for (``hard_sigmoid``); what a file does not say and its numbers tell is completed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from graphlint.errors import Unmendable
from graphlint.knowledge.layers import Family
from graphlint.model.definition import Body, LayerDefinition, ModelDefinition
from graphlint.portability.arrays import (
    arrays_of,
    change,
    give_cell,
    of_cudnn,
    of_keras_1_gates,
    of_keras_1_kernel,
    recurrent_variables,
    turned,
)
from graphlint.portability.channels_first import put_channels_last
from graphlint.portability.hard_sigmoid import OLD, SCALE, cannot_keep, put_scales, recurrence, scale_weights
from graphlint.portability.implied_shapes import implied_shape, shape_given
from graphlint.portability.keras_1 import in_keras_2, is_keras_1
from graphlint.portability.layers_of_files import bodies, inside, of_keras_3

CUDNN = {"CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU"}
_GATES = {"LSTM": 4, "ConvLSTM2D": 4, "GRU": 3}
_KERNEL_CHANGED = frozenset({"Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose"})
"""Convolutions of Keras 1 and of Theano whose kernels are known to lie otherwise."""


def in_todays_words(layer: LayerDefinition) -> LayerDefinition:
    """A layer of Keras 1 or 2 with the class and the arguments that it has today, without its numbers."""
    name, config = layer.class_name or "", layer.config
    if name in CUDNN:
        name, config = CUDNN[name], {key: value for key, value in config.items() if key != "activation"}
        config |= {"reset_after": True} if name == "GRU" else {}
    else:
        name, config = in_keras_2(name, config)
    return replace(layer, class_name=name, config=config)


@dataclass(slots=True)
class _Work:
    definition: ModelDefinition
    notes: list[str] = field(default_factory=list)
    scaled: list[str] = field(default_factory=list)
    unscaled: list[str] = field(default_factory=list)
    penalised: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)

    def say(self, note: str, names: list[str] | None = None) -> None:
        if names is None or names:
            text = note.replace("NAMES", ", ".join(map(repr, names or ())))
            if text not in self.notes:
                self.notes.append(text)


def modernize(definition: ModelDefinition) -> list[str]:
    """Change a definition that was read from a file of Keras 1 or 2 in place; returns what was done, for a report.

    Raises:
        Unmendable: what a layer computed cannot be had from Keras 3 by a change of its arguments and numbers.
    """
    if of_keras_3(definition):
        return []
    refused = cannot_keep(definition.root)
    if refused is not None:
        raise Unmendable(refused)
    work = _Work(definition)
    for layer in inside(definition.root):
        if layer.class_name == "Bidirectional" and layer.is_keras:
            _share_out(layer)
        elif layer.class_name == "TimeDistributed" and layer.is_keras and "layer" in layer.children:
            inner = layer.children["layer"]
            if layer.variables and inner.body is None and not inner.variables:
                inner.variables, layer.variables = layer.variables, []
    for layer in list(inside(definition.root)):
        if layer.is_keras and not layer.is_operation and layer.body is None:
            _rename(work, layer)
            _turn(work, layer)
            _scale(work, layer)
    for body in bodies(definition.root):
        work.scaled += put_scales(body)
        _give_shape(work, body)
    work.moved += put_channels_last(bodies(definition.root))
    work.say(
        f"{OLD} is another function in Keras 3: what it is applied to is multiplied by {SCALE} in NAMES, so that "
        "outputs stay as they were",
        work.scaled,
    )
    work.say(
        f"{OLD} is another function in Keras 3: weights that are loaded into NAMES later have to be multiplied "
        f"by {SCALE} first, which `graphlint fix WEIGHTS --architecture MODEL.json` does",
        work.unscaled,
    )
    work.say("regularizers and constraints of NAMES see the scaled weights when training goes on", work.penalised)
    work.say("NAMES receive the channels last, between two Permute layers, so that they also run on a CPU", work.moved)
    return work.notes


def _share_out(layer: LayerDefinition) -> None:
    """Give both layers of a Bidirectional their class and their variables, where the file has them all together."""
    forward, backward = layer.children.get("forward_layer"), layer.children.get("backward_layer")
    if forward is None:
        return
    if backward is None or backward.class_name is None:
        backward = backward or LayerDefinition(f"backward_{forward.name}", None, trainable=layer.trainable)
        backward.class_name, backward.module = forward.class_name, forward.module
        backward.config = {**forward.config, "go_backwards": not forward.config.get("go_backwards", False)}
        if layer.variables or backward.children or backward.variables:
            layer.children["backward_layer"] = backward
    half = len(layer.variables) // 2
    if layer.variables and not forward.variables and not backward.variables:
        forward.variables, backward.variables = layer.variables[:half], layer.variables[half:]
        layer.variables = []


def _rename(work: _Work, layer: LayerDefinition) -> None:
    """Give a layer of Keras 1 or of cuDNN the class, arguments and numbers that it has today."""
    name, old = layer.class_name or "", is_keras_1(layer.class_name or "", layer.config)
    if name not in CUDNN and not old:
        return
    translated = in_todays_words(layer)
    today = translated.class_name or ""
    layer.class_name, layer.config = today, translated.config
    if not layer.variables:
        return
    if name in CUDNN:
        if len(layer.variables) != 3:
            raise Unmendable(f"expected a kernel, a recurrent kernel and a bias of {name} {layer.name!r}")
        give_cell(layer, of_cudnn(today, arrays_of(layer.variables)))
        return
    first = layer.config.get("data_format") == "channels_first"
    if len(layer.variables) == 3 * _GATES.get(today, 0):
        give_cell(layer, of_keras_1_gates(today, arrays_of(layer.variables), first))
    elif today in _KERNEL_CHANGED:
        kernel = layer.variables[0]
        if first and not work.definition.backend and max(kernel.shape[2:]) > 1:
            work.say("the file does not say with which backend it was trained: kernels are taken to be TensorFlow's")
        change(kernel, lambda array: of_keras_1_kernel(today, array, first, layer.config.get("filters")))


def _turn(work: _Work, layer: LayerDefinition) -> None:
    """Theano convolves, with the kernel turned around, where TensorFlow correlates."""
    if work.definition.backend != "theano":
        return
    if recurrence(layer.class_name) == "ConvLSTM":
        for variable in recurrent_variables(layer)[:2]:
            change(variable, turned)
    elif layer.traits.family is Family.CONVOLUTION and layer.variables:
        if layer.class_name not in _KERNEL_CHANGED:
            raise Unmendable(f"{layer.class_name} {layer.name!r} is from Theano: how its kernels lie is not known")
        change(layer.variables[0], turned)


def _scale(work: _Work, layer: LayerDefinition) -> None:
    if not scale_weights(layer):
        return
    if not work.definition.has_weights:
        work.unscaled.append(layer.name)
        return
    work.scaled.append(layer.name)
    if any(layer.config.get(key) for key in layer.config if key.endswith(("_regularizer", "_constraint"))):
        work.penalised.append(layer.name)


def _give_shape(work: _Work, body: Body) -> None:
    """Give a Sequential without any input shape the one that its first kernel tells."""
    first = body.layers[0] if body.layers else None
    if first is None or not first.is_input or shape_given(first):
        return
    implied = implied_shape(body)
    if implied is None:
        return
    shape, layer = implied
    dtype = "int32" if layer.traits.family is Family.EMBEDDING else first.config.get("dtype")
    first.config = {**first.config, "batch_shape": shape, "dtype": dtype}
    text = ", ".join("None" if dim is None else str(dim) for dim in shape)
    work.notes.append(f"the file has no input shape: ({text}) is that of the weights of {layer.name!r}")
