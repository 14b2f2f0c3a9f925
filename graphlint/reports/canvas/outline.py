"""The outline of a graph: nested models, opened bodies, repeated blocks and parts, each a group that can be folded.

Every group is a contiguous piece of the graph order, so that folding it never makes a cycle.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from graphlint.model.address import ROOT
from graphlint.model.graph import MASK, TENSOR, ModelGraph
from graphlint.reports.canvas.repeats import beginning, find_repeats

MOST = 140
"""Boxes directly in one group; where there are more, parts are made of them."""
_PART = 12
"""Boxes in the smallest part that is made for that."""


@dataclass(eq=False, slots=True)
class Group:
    """Boxes that fold into one. ``kind`` is ``model`` (a nested model), ``code`` (a body that code makes), ``stack``
    (equal blocks in a row, ``count`` of them), ``block`` (one of them) or ``part``.

    ``scope`` is the id of the scope that a model or code group is; ``items`` are calls and groups in graph order.
    """

    kind: str
    items: list[str | Group] = field(default_factory=list)
    _: KW_ONLY
    scope: str | None = None
    count: int = 0

    def calls(self) -> Iterator[str]:
        """Every call in the group, in graph order."""
        stack: list[str | Group] = [self]
        while stack:
            one = stack.pop()
            if isinstance(one, Group):
                stack.extend(reversed(one.items))
            else:
                yield one

    def names(self) -> Iterator[str]:
        """The names of what is directly inside; of blocks and parts, which have none, of what is inside them."""
        stack: list[str | Group] = list(reversed(self.items))
        while stack:
            one = stack.pop()
            if isinstance(one, str):
                yield _last(one)
            elif one.scope is not None:
                yield _last(one.scope)
            else:
                stack.extend(reversed(one.items))

    def label(self) -> str:
        """A name for a group that no scope names: what the names in it have in common, or the first and the last."""
        names = list(self.names())
        common = beginning(names).rstrip("_-.0123456789") if len(names) > 1 and self.kind != "part" else ""
        if common and all(len(common) < len(one) for one in names):
            return f"{common}…"
        return names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"


def outline(graph: ModelGraph) -> Group:
    """The root group of a graph."""
    return _Outline(graph).root()


class _Outline:
    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph
        self.kinds: dict[Any, int] = {}
        self.kind_of: dict[str, int] = {}
        self.layer_kinds: dict[str, Any] = {}
        self.items: dict[str, list[str]] = {}
        """Scope -> the calls and scopes directly inside, in graph order."""
        self.depths: dict[str, int] = {}
        for call in graph.calls.values():
            self.place(call.id, call.scope)
        self.edges: dict[str, list[tuple[str, str]]] = {}
        for source in graph.calls:
            for kind in (TENSOR, MASK):
                for edge in graph.out_edges(source, kind):
                    self.connect(edge.source, edge.target)

    def place(self, item: str, scope: str) -> None:
        while scope not in self.items:
            self.items[scope] = [item]
            holder = self.graph.scopes.get(scope)
            if holder is None or holder.parent is None:
                return
            item, scope = scope, holder.parent
        self.items[scope].append(item)

    def scope_of(self, item: str) -> str | None:
        if item in self.graph.calls:
            return self.graph.calls[item].scope
        holder = self.graph.scopes.get(item)
        return None if holder is None else holder.parent

    def depth(self, scope: str | None) -> int:
        trail = []
        one = scope
        while one is not None and one not in self.depths:
            trail.append(one)
            one = self.graph.scopes[one].parent if one in self.graph.scopes else None
        known = 0 if one is None else self.depths[one]
        for place, inner in enumerate(reversed(trail)):
            self.depths[inner] = known + place + 1
        return 0 if scope is None else self.depths[scope]

    def connect(self, source: str, target: str) -> None:
        """Note an edge in the innermost scope that contains both its ends."""
        above, below = self.scope_of(source), self.scope_of(target)
        while above != below:
            if self.depth(above) >= self.depth(below):
                assert above is not None
                source, above = above, self.scope_of(above)
            else:
                assert below is not None
                target, below = below, self.scope_of(below)
        if source != target and above is not None:
            self.edges.setdefault(above, []).append((source, target))

    def root(self) -> Group:
        groups: dict[str, Group] = {}
        inner_first = [scope for scope in reversed(self.graph.scopes) if scope in self.items]
        for scope in inner_first or [ROOT]:
            groups[scope] = self.group(scope, groups)
        return groups.get(ROOT) or next(iter(groups.values()))

    def number(self, kind: Any) -> int:
        return self.kinds.setdefault(kind, len(self.kinds))

    def layer_kind(self, path: str) -> Any:
        found = self.layer_kinds.get(path)
        if found is None:
            layer = self.graph.layers[path]
            config = {key: value for key, value in layer.config.items() if key != "name"}
            text = json.dumps(config, sort_keys=True, default=str)
            found = self.layer_kinds[path] = self.number((layer.class_name, text, layer.trainable))
        return found

    def group(self, scope: str, groups: dict[str, Group]) -> Group:
        names = self.items[scope]
        places = {name: place for place, name in enumerate(names)}
        sources: list[list[int]] = [[] for _ in names]
        last_use = list(range(len(names)))
        for source, target in self.edges.get(scope, ()):
            one, other = places.get(source), places.get(target)
            if one is not None and other is not None and one < other:
                sources[other].append(one)
                last_use[one] = max(last_use[one], other)
        crossing = [0] * (len(names) + 1)
        for place, last in enumerate(last_use):
            crossing[min(place + 1, last + 1)] += 1
            crossing[last + 1 if last + 1 <= len(names) else len(names)] -= 1
        for place in range(1, len(crossing)):
            crossing[place] += crossing[place - 1]
        kinds = []
        for place, name in enumerate(names):
            inside = self.kind_of.get(name)
            own = self.layer_kind(self.graph.calls[name].layer) if inside is None else inside
            kinds.append(self.number((own, len(sources[place]), place - 1 in sources[place])))
        holder = self.graph.scopes.get(scope)
        layer = self.graph.layers[ROOT if holder is None else holder.layer]
        self.kind_of[scope] = self.number((layer.class_name, layer.trainable, tuple(kinds)))
        items: list[str | Group] = [groups.get(name, name) for name in names]
        folded: list[str | Group] = []
        borders: list[int] = []
        at = 0
        for start, period, count in find_repeats(kinds, sources, crossing, [_last(name) for name in names]):
            folded += items[at:start]
            borders += crossing[at:start]
            blocks: list[str | Group] = []
            for number in range(count):
                block = items[start + number * period : start + (number + 1) * period]
                blocks.append(block[0] if period == 1 else Group("block", _parts(block)))
            folded.append(Group("stack", _parts(blocks), count=count))
            borders.append(crossing[start])
            at = start + period * count
        folded += items[at:]
        borders += crossing[at : len(items)]
        body = None if holder is None else holder.body
        kind = "code" if body is not None and body.traced else "model"
        return Group(kind, _parts(folded, borders), scope=scope)


def _parts(items: list[str | Group], borders: list[int] | None = None) -> list[str | Group]:
    """The items, or parts of them if there are too many; a part ends where few tensors cross."""
    while len(items) > MOST:
        size = max(_PART, -(-len(items) // 40))
        parts: list[str | Group] = []
        crossed: list[int] = []
        start = 0
        while start < len(items):
            stop = min(start + size, len(items))
            if borders is not None and stop < len(items):
                near = range(start + size * 2 // 3, min(start + size * 4 // 3, len(items) - 1) + 1)
                stop = min((borders[place], abs(place - stop), place) for place in near)[2]
            parts.append(Group("part", items[start:stop]) if stop - start > 1 else items[start])
            crossed.append(0 if borders is None else borders[start])
            start = stop
        items, borders = parts, None if borders is None else crossed
    return items


def _last(call: str) -> str:
    return call.rpartition("/")[2].rpartition("#")[0]
