"""Towers: parts of a graph that repeat with the same layers on another input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphlint.model.graph import Layer, ModelGraph

MAX_TOWERS = 16
"""Calls of one layer that are compared with its first; more are not towers."""


@dataclass(frozen=True, slots=True)
class Towers:
    """Two parts of equal form. ``pairs`` are their calls side by side, in graph order of the first.

    ``merged`` says that a later call receives both.
    """

    pairs: tuple[tuple[str, str], ...]
    merged: bool


def towers(graph: ModelGraph) -> Iterator[Towers]:
    """Find towers, starting from every layer that is called several times inside one model.

    From a pair of calls of one layer it continues, forward and back, while both sides have one neighbour and the two
    neighbours are the same layer or layers of one class and configuration.
    """
    seen: set[tuple[str, str]] = set()
    position = {call: index for index, call in enumerate(graph.calls)}
    for path in graph.shared_layers:
        by_scope: dict[str, list[str]] = {}
        for call in graph.call_sites(path):
            by_scope.setdefault(graph.calls[call].scope, []).append(call)
        for first, *others in by_scope.values():
            for other in others[: MAX_TOWERS - 1]:
                if (first, other) not in seen:
                    pairs, merged = _grow(graph, (first, other))
                    seen |= pairs
                    yield Towers(tuple(sorted(pairs, key=lambda pair: position[pair[0]])), merged)


def _grow(graph: ModelGraph, start: tuple[str, str]) -> tuple[set[tuple[str, str]], bool]:
    pairs = {start}
    left, right = {start[0]}, {start[1]}
    stack = [start]
    merged = False
    while stack:
        one, other = stack.pop()
        neighbours = []
        after = [list(dict.fromkeys(edge.target for edge in graph.out_edges(call))) for call in (one, other)]
        if len(after[0]) == len(after[1]) == 1:
            if after[0] == after[1]:
                merged = True
            else:
                neighbours.append((after[0][0], after[1][0]))
        before = [list(dict.fromkeys(edge.source for edge in graph.in_edges(call))) for call in (one, other)]
        if len(before[0]) == len(before[1]) == 1 and before[0] != before[1]:
            neighbours.append((before[0][0], before[1][0]))
        for pair in neighbours:
            a, b = pair
            if a in left or a in right or b in left:
                continue
            if graph.calls[a].scope == graph.calls[b].scope and same_form(graph.layer(a), graph.layer(b)):
                pairs.add(pair)
                left.add(a)
                right.add(b)
                stack.append(pair)
    return pairs, merged


def same_form(first: Layer, second: Layer) -> bool:
    """Whether two layers are one, or of the same class and configuration but for their names."""
    if first is second:
        return True
    if first.class_name is None or (first.class_name, first.module) != (second.class_name, second.module):
        return False
    return bool(settings(first) == settings(second))


def settings(layer: Layer) -> Any:
    """The configuration of a layer without what tells it from others: names and object ids."""
    return without_names({key: value for key, value in layer.config.items() if key != "trainable"})


def without_names(value: Any) -> Any:
    """Plain data without names and object ids, at any depth."""
    if isinstance(value, dict):
        return {key: without_names(item) for key, item in value.items() if key not in ("shared_object_id", "name")}
    if isinstance(value, list):
        return [without_names(item) for item in value]
    return value
