"""Masks that Keras 2 and 3 hand on in different ways.

Where masks meet in an Add, a Concatenate or another merging layer, Keras 2 keeps the steps that every mask keeps,
whichever inputs have one; Keras 3 keeps those that any input keeps, and an input without a mask keeps all. A few layers
drop the mask in Keras 2 and hand it on in Keras 3.
"""

from __future__ import annotations

from graphlint.knowledge.layers import Family
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.model.masks import masked

_DROPPED_BEFORE = frozenset({"Identity", "Normalization", "Rescaling"})


def masks_handed_on_otherwise(graph: ModelGraph) -> list[str]:
    """The calls after which something uses another mask, or a mask at all, in Keras 3 than in Keras 2."""
    calls = [call.id for call in graph.calls.values() if _is_suspect(graph, call.id)]
    if not calls:
        return []
    carried = masked(graph)
    found = []
    for call in calls:
        makers = [carried.get(tensor) for tensor in graph.producers(call)]
        alone = graph.layer(call).traits.name in _DROPPED_BEFORE
        if any(makers) and (alone or len(set(makers)) > 1) and _is_used(graph, call):
            found.append(call)
    return found


def _is_suspect(graph: ModelGraph, call: str) -> bool:
    layer = graph.layer(call)
    if layer.traits.name == "Dot" or (layer.traits.name == "Concatenate" and layer.config.get("axis") == 1):
        return False  # A Dot has no mask, and steps that follow each other keep their own.
    return layer.traits.name in _DROPPED_BEFORE or layer.traits.family is Family.MERGE


def _is_used(graph: ModelGraph, call: str) -> bool:
    """Whether the mask of a call would reach something that uses it, along layers that hand masks on."""
    seen, stack = {call}, [Tensor(call, 0)]
    while stack:
        for edge in graph.consumers(stack.pop()):
            if edge.target in seen or edge.target not in graph.calls:
                continue
            seen.add(edge.target)
            layer = graph.layer(edge.target)
            if layer.traits.uses_mask or layer.traits.query_mask or layer.traits.family is Family.ATTENTION:
                return True
            if layer.traits.hands_mask_on or layer.is_input:
                stack += [Tensor(edge.target, output) for output in range(len(graph.calls[edge.target].outputs))]
    return False
