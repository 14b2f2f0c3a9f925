"""Convolutions over images whose channels come first, which TensorFlow does not compute on a CPU.

Files of Keras 1 and 2 from Theano, or from a GPU, have them. Each is called between two Permute layers instead, with
the channels last: the kernel is the same, and so is every output.
"""

from __future__ import annotations

from graphlint.knowledge.layers import Family
from graphlint.model.definition import Body, LayerDefinition
from graphlint.portability.insertion import free_name, put_around


def put_channels_last(bodies: list[Body]) -> list[str]:
    """Let the convolutions of a model receive and return the channels last; the names of those that were changed."""
    found = [(body, layer) for body in bodies for layer in body.layers if _is_channels_first(_inner(layer))]
    for body, layer in found:
        inner = _inner(layer)
        steps = inner is not layer
        axes = list(range(1, (inner.traits.rank or 0) + 2 + steps))
        first = 1 if steps else 0
        last = [*axes[:first], *axes[first + 1 :], axes[first]]
        back = [*axes[:first], axes[-1], *axes[first:-1]]
        put_around(
            body,
            layer,
            before=_permute(free_name(body, f"{layer.name}_channels_last"), last),
            after=_permute(free_name(body, f"{layer.name}_channels_first"), back),
        )
    for _, layer in found:
        inner = _inner(layer)
        inner.config = {**inner.config, "data_format": "channels_last"}
    return list(dict.fromkeys(layer.name for _, layer in found))


def _inner(layer: LayerDefinition) -> LayerDefinition:
    """The layer that runs at each step of a TimeDistributed; a layer itself otherwise."""
    return layer.children.get("layer", layer) if layer.class_name == "TimeDistributed" and layer.is_keras else layer


def _is_channels_first(layer: LayerDefinition) -> bool:
    known = layer.is_keras and layer.traits.family is Family.CONVOLUTION and layer.traits.rank is not None
    return known and layer.config.get("data_format") == "channels_first"


def _permute(name: str, dims: list[int]) -> LayerDefinition:
    return LayerDefinition(name, "Permute", "keras.layers", config={"name": name, "dims": dims})
