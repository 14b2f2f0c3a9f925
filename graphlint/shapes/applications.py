"""Layers that ``keras.applications`` defines for its own architectures."""

from __future__ import annotations

from graphlint.model.definition import TensorSpec
from graphlint.model.dimensions import broadcast
from graphlint.shapes.inference import Insufficient, LayerCall, Outcome, layer


@layer("LayerScale")
def layer_scale(call: LayerCall) -> Outcome:
    """Mirrors ``LayerScale.call``."""
    return call.returns(call.shape())


@layer("CustomScaleLayer")
def scaled_sum(call: LayerCall) -> Outcome:
    """Mirrors ``CustomScaleLayer.call``."""
    specs = call.tensors()
    if len(specs) != 2:
        raise Insufficient
    first, second = specs
    return TensorSpec(broadcast(first.shape or (), second.shape or ()), call.dtype)
