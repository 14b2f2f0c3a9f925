"""``hard_sigmoid``, which is clip(0.2 x + 0.5) in Keras 1 and 2 and clip(x / 6 + 0.5) in Keras 3.

The old function of x is the new one of 1.2 x. Where a layer applies it to a weighted sum of its inputs, its weights and
bias are multiplied by 1.2; where it is applied to inputs themselves, a Rescaling comes before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlint.knowledge.layers import Family
from graphlint.model.definition import Body, FrontEnd, LayerDefinition, ModelDefinition
from graphlint.portability.arrays import change, recurrent_variables
from graphlint.portability.insertion import free_name, put_around
from graphlint.portability.layers_of_files import bodies, inside, of_keras_3
from graphlint.questions.heads import activation_name

if TYPE_CHECKING:
    import numpy as np

OLD = "hard_sigmoid"
SCALE = 1.2
_LINEAR = frozenset({Family.DENSE, Family.EINSUM, Family.CONVOLUTION})
_RECURRENT = frozenset({"LSTM", "ConvLSTM", "GRU", "SimpleRNN"})
_GATE_ACTIVATIONS = ("recurrent_activation", "inner_activation")
"""The name of the argument, and that of Keras 1."""


def applies_old(layer: LayerDefinition) -> bool:
    """Whether a layer of a file of Keras 1 or 2 applies ``hard_sigmoid``, as one of its activations."""
    return any(activation_name(layer.config.get(key)) == OLD for key in ("activation", *_GATE_ACTIVATIONS))


def computed_otherwise(definition: ModelDefinition) -> list[LayerDefinition]:
    """The layers of a file of Keras 1 or 2 that apply ``hard_sigmoid``, which Keras 3 computes otherwise."""
    if definition.front_end == FrontEnd.LIVE or of_keras_3(definition):
        return []
    return [layer for layer in inside(definition.root) if applies_old(layer)]


def scaled_columns(class_name: str, config: dict[str, Any]) -> tuple[tuple[float, float], ...] | None:
    """The parts (from 0 to 1) of the last axis of a recurrent layer's weights to be scaled; None if it is not exact.

    >>> scaled_columns("LSTM", {"activation": "tanh", "recurrent_activation": "hard_sigmoid"})
    ((0.0, 0.5), (0.75, 1.0))
    >>> scaled_columns("LSTM", {"activation": "hard_sigmoid", "recurrent_activation": "sigmoid"}) is None
    True
    """
    kind = recurrence(class_name)
    own = activation_name(config.get("activation")) == OLD
    gates = any(activation_name(config.get(key)) == OLD for key in _GATE_ACTIVATIONS)
    if kind in ("LSTM", "ConvLSTM"):
        # The activation is applied to the cell's state as well, which is no weighted sum.
        return None if own else ((0.0, 0.5), (0.75, 1.0)) if gates else ()
    if kind == "GRU":
        return (((0.0, 2 / 3),) if gates else ()) + (((2 / 3, 1.0),) if own else ())
    return ((0.0, 1.0),) if own else ()


def recurrence(class_name: str | None) -> str | None:
    """``LSTM`` for an LSTM and its cell, ``ConvLSTM`` for those of any rank; None for what is not recurrent."""
    name = (class_name or "").removesuffix("Cell")
    name = "ConvLSTM" if name.startswith("ConvLSTM") else name
    return name if name in _RECURRENT else None


def cannot_keep(root: LayerDefinition) -> str | None:
    """Why some layer of a file of Keras 1 or 2 cannot keep its old ``hard_sigmoid``; None if all can."""
    pointwise = {id(layer) for body in bodies(root) for layer in body.layers if is_pointwise(layer)}
    pointwise |= {id(layer.children["layer"]) for layer in inside(root) if id(layer) in pointwise and layer.children}
    for layer in inside(root):
        if not applies_old(layer) or id(layer) in pointwise:
            continue
        what = f"{layer.class_name} {layer.name!r} applies hard_sigmoid, which is another function in Keras 3"
        if not layer.is_keras:
            return f"{what}, and its own code decides on what: scale its weights there, or use clip(0.2 x + 0.5)"
        name = layer.class_name or ""
        if recurrence(name) is not None:
            if scaled_columns(name, layer.config) is None:
                return f"{what}, to its state as well: no change of weights makes up for that; use tf_keras"
        elif layer.traits.family not in _LINEAR:
            return f"{what}, and not to a sum of weighted inputs: use clip(0.2 x + 0.5) there"
        elif name.startswith("LocallyConnected"):
            return f"{what}: use tf_keras"
    return None


def is_pointwise(layer: LayerDefinition) -> bool:
    """Whether a layer does nothing but apply ``hard_sigmoid`` to each number, also at each step of time."""
    if layer.class_name == "TimeDistributed" and layer.is_keras and "layer" in layer.children:
        layer = layer.children["layer"]
    return layer.class_name == "Activation" and layer.is_keras and applies_old(layer)


def scale_weights(layer: LayerDefinition) -> bool:
    """Multiply what a layer applies ``hard_sigmoid`` to by 1.2, in its weights; whether it is such a layer."""
    if not applies_old(layer):
        return False
    if recurrence(layer.class_name) is not None:
        columns = scaled_columns(layer.class_name or "", layer.config) or ()
        for variable in recurrent_variables(layer):
            change(variable, lambda array: _scaled(array, columns))
    elif layer.traits.family in _LINEAR:
        skipped = 1 if (layer.class_name or "").startswith("Separable") else 0
        for variable in layer.variables[skipped:]:
            change(variable, lambda array: _scaled(array, ((0.0, 1.0),)))
    else:
        return False
    return True


def _scaled(array: np.ndarray, columns: tuple[tuple[float, float], ...]) -> np.ndarray:
    found = array.copy()
    for start, stop in columns:
        part = slice(round(start * array.shape[-1]), round(stop * array.shape[-1]))
        found[..., part] = array[..., part] * array.dtype.type(SCALE)
    return found


def put_scales(body: Body) -> list[str]:
    """Multiply what each Activation of a body receives, since it has no weights; the names of those layers."""
    found = [one for one in body.layers if is_pointwise(one)]
    for layer in found:
        name = free_name(body, f"{layer.name}_input")
        config = {"name": name, "scale": SCALE, "offset": 0.0, "dtype": layer.dtype_policy or "float32"}
        rescaling = LayerDefinition(name, "Rescaling", "keras.layers", config=config, dtype_policy=layer.dtype_policy)
        put_around(body, layer, before=rescaling)
    return [layer.name for layer in found]
