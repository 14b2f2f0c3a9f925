"""Masks that meet in an Add or another merging layer, which Keras 2 and 3 join in different ways.

Keras 2 keeps the steps that every mask keeps, whichever inputs have one. Keras 3 keeps the steps that any mask keeps,
and has no mask at all where one input has none.
"""

from __future__ import annotations

from graphlint.knowledge.layers import Family
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.model.masks import masked

_JOINED_ALIKE = frozenset({"Concatenate", "Dot"})


def masks_joined_otherwise(graph: ModelGraph) -> list[str]:
    """The calls of merging layers that join different masks, or a mask and none, for something that uses it."""
    calls = [
        call.id
        for call in graph.calls.values()
        if graph.layer(call.id).traits.family is Family.MERGE and graph.layer(call.id).traits.name not in _JOINED_ALIKE
    ]
    if not calls:
        return []
    carried = masked(graph)
    found = []
    for call in calls:
        makers = [carried.get(tensor) for tensor in graph.producers(call)]
        if any(makers) and len(set(makers)) > 1 and _uses_masks(graph, call):
            found.append(call)
    return found


def _uses_masks(graph: ModelGraph, call: str) -> bool:
    """Whether a mask would reach something that uses it, along layers that keep masks."""
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
