"""The input shape of a Sequential that was never given one, from the stored kernel of its first layer with weights."""

from __future__ import annotations

from graphlint.knowledge.layers import Family
from graphlint.model.definition import Body, LayerDefinition

_CHANNELS_KEPT = frozenset({Family.DROPOUT, Family.NOISE, Family.REGULARIZATION, Family.IDENTITY, Family.MASKING})


def shape_given(layer: LayerDefinition) -> bool:
    """Whether an InputLayer has a shape."""
    return layer.config.get("batch_shape", layer.config.get("batch_input_shape")) is not None


def implied_shape(body: Body) -> tuple[list[int | None], LayerDefinition] | None:
    """The shape with the batch axis, free but for the channels, and the layer whose kernel tells them.

    None if nothing tells: the first layer with weights is of another kind, or comes after one that changes the shape.
    """
    for call in body.calls[1:]:
        layer = call.layer
        shape = _received(layer)
        if shape is not None:
            return shape, layer
        kept = layer.is_keras and not layer.variables and layer.traits.family in _CHANNELS_KEPT
        if not kept and not (layer.is_keras and layer.class_name == "Activation"):
            return None
    return None


def _received(layer: LayerDefinition) -> list[int | None] | None:
    family, rank = layer.traits.family, layer.traits.rank
    if family is Family.EMBEDDING and layer.variables:
        return [None, None]
    inner = layer
    if layer.class_name == "Bidirectional" and "forward_layer" in layer.children:
        inner = layer.children["forward_layer"]
    if inner.traits.family is Family.RECURRENT:
        cell = inner.children.get("cell", inner)
        variables = cell.variables or inner.variables
        kernel = variables[0].shape if variables else ()
        if len(kernel) == 2:
            return [None, None, kernel[0]]
        if len(kernel) > 2 and inner.traits.rank == len(kernel) - 2:
            return [None, None, *_placed(inner, kernel[-2], len(kernel) - 2)]
        return None
    kernel = layer.variables[0].shape if layer.variables else ()
    if family is Family.DENSE and len(kernel) == 2:
        return [None, kernel[0]]
    if family is Family.CONVOLUTION and rank is not None and len(kernel) == rank + 2:
        groups = layer.config.get("groups")
        channels = kernel[-1] if "Transpose" in (layer.class_name or "") else kernel[-2]
        return [None, *_placed(layer, channels * (groups if isinstance(groups, int) else 1), rank)]
    return None


def _placed(layer: LayerDefinition, channels: int, rank: int) -> list[int | None]:
    free: list[int | None] = [None] * rank
    return [channels, *free] if layer.config.get("data_format") == "channels_first" else [*free, channels]
