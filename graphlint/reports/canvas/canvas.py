"""A canvas: nodes, groups and edges as plain data, which the page draws.

It knows nothing of findings: whoever draws a graph may put severities, marks and notes of their own on its nodes.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphlint.model.address import ROOT
from graphlint.model.dimensions import shape_text
from graphlint.reports.canvas.captions import caption, name
from graphlint.reports.canvas.marks import flows, marks, ties
from graphlint.reports.canvas.outline import Group, outline

if TYPE_CHECKING:
    from graphlint.model.graph import ModelGraph


@dataclass
class Canvas:
    """A graph to draw, as lists of plain data that refer to one another by index.

    A node has ``n`` (its name), ``a`` (address), ``c`` (caption), ``s`` (shapes of its outputs), ``p`` (parameters),
    ``g`` (its group), ``l`` (its layer) and perhaps ``m`` (marks) and ``t`` (number of the tie). A group has ``n``,
    ``k`` (kind), ``g`` (the group around it, -1 at the top) and perhaps ``a``, ``c``, ``x`` (how many blocks are
    stacked), ``p``, ``t``. Groups come before the groups inside them; nodes are in the order in which the model runs.
    An edge is ``[source, target, index of its text]``, with a fourth entry 1 for a mask.
    """

    nodes: list[dict[str, Any]] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    edges: list[list[int]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    node_of: dict[str, int] = field(default_factory=dict)
    """Id of a call -> its node."""
    group_of: dict[str, int] = field(default_factory=dict)
    """Id of a scope -> its group."""
    shape: str = ""
    """The same for two models with the same layers, settings and wiring, whatever their names."""

    def nodes_in(self, group: int) -> list[int]:
        """The nodes in a group and in the groups inside it."""
        inside = {group}
        for index in range(group + 1, len(self.groups)):
            if self.groups[index]["g"] in inside:
                inside.add(index)
        return [index for index, node in enumerate(self.nodes) if node["g"] in inside]

    def only(self, nodes: set[int]) -> Canvas:
        """The canvas with only some of its nodes, and the groups around them."""
        kept = sorted(nodes)
        groups: set[int] = set()
        for node in kept:
            group = self.nodes[node]["g"]
            while group >= 0 and group not in groups:
                groups.add(group)
                group = self.groups[group]["g"]
        new_group = {old: new for new, old in enumerate(sorted(groups))} | {-1: -1}
        new_node = {old: new for new, old in enumerate(kept)}
        return Canvas(
            [self.nodes[old] | {"g": new_group[self.nodes[old]["g"]]} for old in kept],
            [self.groups[old] | {"g": new_group[self.groups[old]["g"]]} for old in sorted(groups)],
            [
                [new_node[edge[0]], new_node[edge[1]], *edge[2:]]
                for edge in self.edges
                if edge[0] in new_node and edge[1] in new_node
            ],
            self.texts,
            {call: new_node[old] for call, old in self.node_of.items() if old in new_node},
            {scope: new_group[old] for scope, old in self.group_of.items() if old in new_group},
            self.shape,
        )

    def near(self, nodes: set[int]) -> set[int]:
        """The nodes, and what they receive from and feed directly."""
        found = set(nodes)
        for source, target, *_ in self.edges:
            if source in nodes or target in nodes:
                found.update((source, target))
        return found

    def mark(self, marks: Mapping[str, Sequence[str]]) -> None:
        """Put a mark on the nodes of some calls."""
        for call, found in marks.items():
            node = self.nodes[self.node_of[call]]
            node["m"] = [*found, *node.get("m", ())]

    def data(self) -> dict[str, Any]:
        """What the page receives."""
        return {"nodes": self.nodes, "groups": self.groups, "edges": self.edges, "texts": self.texts}


def canvas(graph: ModelGraph, layer_index: dict[str, int] | None = None) -> Canvas:
    """The canvas of a graph. ``layer_index`` numbers the layers, if details of them are shown."""
    return _Painter(graph, layer_index or {}).paint()


class _Painter:
    def __init__(self, graph: ModelGraph, layer_index: dict[str, int]) -> None:
        self.graph = graph
        self.layer_index = layer_index
        self.marks = marks(graph)
        self.ties = ties(graph)
        self.sizes: dict[str, int] = {}
        self.runs = Counter((call.scope, call.layer) for call in graph.calls.values())
        self.runs.update((scope.parent or "", scope.layer) for scope in graph.scopes.values())
        self.canvas = Canvas()

    def paint(self) -> Canvas:
        stack: list[tuple[str | Group, int]] = [(outline(self.graph), -1)]
        while stack:
            one, holder = stack.pop()
            if isinstance(one, Group):
                number = self.group(one, holder)
                stack.extend((inner, number) for inner in reversed(one.items))
            else:
                self.node(one, holder)
        numbers: dict[str, int] = {}
        for source, target, is_mask, text in flows(self.graph):
            label = numbers.setdefault(text, len(numbers))
            edge = [self.canvas.node_of[source], self.canvas.node_of[target], label]
            self.canvas.edges.append([*edge, 1] if is_mask else edge)
        self.canvas.texts = list(numbers)
        self.canvas.shape = self.shape()
        return self.canvas

    def shape(self) -> str:
        digest = hashlib.sha256()
        for node, data in zip(self.canvas.node_of, self.canvas.nodes, strict=True):
            digest.update(f"{data['c']}\n{data['s']}\n{self.graph.layer(node).class_name}\n".encode("utf-8", "replace"))
        digest.update(json.dumps(sorted(edge[:2] for edge in self.canvas.edges)).encode())
        return digest.hexdigest()[:12]

    def size(self, layer: str) -> int:
        if layer not in self.sizes:
            self.sizes[layer] = sum(variable.size for variable in self.graph.variables_below(layer))
        return self.sizes[layer]

    def group(self, one: Group, holder: int) -> int:
        graph, number = self.graph, len(self.canvas.groups)
        data: dict[str, Any] = {"k": one.kind, "g": holder}
        if one.scope is not None:
            self.canvas.group_of[one.scope] = number
            scope = graph.scopes.get(one.scope)
            layer = graph.layers[ROOT if scope is None else scope.layer]
            last = _last(one.scope)
            if scope is not None and self.runs[scope.parent or "", scope.layer] == 1:
                last = last.rpartition("#")[0] or last
            data |= {"n": name(last), "a": name(graph.address(one.scope)), "c": name(layer.class_name or "")}
            if one.scope == ROOT:
                data["n"] = name(layer.name)
            data["p"] = self.size(layer.path)
            if layer.path in self.ties:
                data["t"] = self.ties[layer.path]
            if layer.path in self.layer_index:
                data["l"] = self.layer_index[layer.path]
            if scope is not None and scope.outputs:
                data["s"] = ", ".join(shape_text(graph.spec(tensor).shape) for tensor in scope.outputs[:4])
        else:
            layers = dict.fromkeys(graph.calls[call].layer for call in one.calls())
            data |= {"n": name(one.label()), "p": sum(self.size(layer) for layer in layers)}
            if one.count:
                data["x"] = one.count
        self.canvas.groups.append(data)
        return number

    def node(self, call: str, holder: int) -> None:
        graph = self.graph
        layer = graph.layer(call)
        last = _last(call)
        data: dict[str, Any] = {
            "n": name(last.rpartition("#")[0] if self.runs[graph.calls[call].scope, layer.path] == 1 else last),
            "a": name(graph.address(call)),
            "c": caption(layer),
            "s": ", ".join(shape_text(spec.shape) for spec in graph.calls[call].outputs[:4]),
            "g": holder,
        }
        if call == f"{ROOT}#0":
            data["n"] = name(layer.name)
        if size := self.size(layer.path):
            data["p"] = size
        if layer.path in self.layer_index:
            data["l"] = self.layer_index[layer.path]
        if found := self.marks.get(call):
            data["m"] = found
        if layer.path in self.ties:
            data["t"] = self.ties[layer.path]
        self.canvas.node_of[call] = len(self.canvas.nodes)
        self.canvas.nodes.append(data)


def _last(node: str) -> str:
    return node.rpartition("/")[2]
