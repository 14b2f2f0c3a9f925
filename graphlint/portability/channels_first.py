"""Convolutions over images whose channels come first, which TensorFlow does not compute on a CPU.

Files of Keras 1 and 2 from Theano, or from a GPU, have them. Each is called between two Permute layers instead, with
the channels last: the kernel is the same, and so is every output.
"""

from __future__ import annotations

from graphlint.knowledge.layers import Family
from graphlint.model.definition import Body, LayerDefinition
from graphlint.portability.insertion import free_name, put_around


def put_channels_last(body: Body) -> list[str]:
    """Let the convolutions of a body receive and return the channels last; the names of those that were changed."""
    changed = []
    for layer in list(body.layers):
        steps = layer.class_name == "TimeDistributed" and layer.is_keras
        inner = layer.children.get("layer", layer) if steps else layer
        rank = inner.traits.rank
        if inner.traits.family is not Family.CONVOLUTION or rank is None or not inner.is_keras:
            continue
        if inner.config.get("data_format") != "channels_first":
            continue
        inner.config = {**inner.config, "data_format": "channels_last"}
        axes = list(range(1, rank + 2 + steps))
        first = 1 if steps else 0
        last = [*axes[:first], *axes[first + 1 :], axes[first]]
        back = [*axes[:first], axes[-1], *axes[first:-1]]
        put_around(
            body,
            layer,
            before=_permute(free_name(body, f"{layer.name}_channels_last"), last),
            after=_permute(free_name(body, f"{layer.name}_channels_first"), back),
        )
        changed.append(layer.name)
    return changed


def _permute(name: str, dims: list[int]) -> LayerDefinition:
    return LayerDefinition(name, "Permute", "keras.layers", config={"name": name, "dims": dims})
