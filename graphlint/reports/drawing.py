"""The graph of a model in the formats of other programs: DOT, Mermaid, GraphML, JSON.

DOT and Mermaid show the calls and the tensors between them, each call of a nested model in its own box; GraphML and
JSON contain the whole graph, with variables and layers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from graphlint.model.address import ROOT
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import MASK, TENSOR, Scope
from graphlint.reports.text import printable

if TYPE_CHECKING:
    from graphlint.model.graph import ModelGraph


def dot(graph: ModelGraph) -> str:
    """For Graphviz."""
    numbers = {call: number for number, call in enumerate(graph.calls)}
    calls = _calls_by_scope(graph)
    lines = ["digraph model {", "  rankdir=TB;", '  node [shape=box, fontname="sans-serif"];']
    for depth, scope, opens in _scopes(graph):
        indent = "  " * (depth + 1)
        if not opens:
            lines.append(f"{indent}}}")
            continue
        if scope.id != ROOT:
            lines.append(f"{indent}subgraph {_quoted('cluster ' + scope.id)} {{")
            lines.append(f"{indent}  label={_quoted(graph.address(scope.id))};")
        for call in calls.get(scope.id, ()):
            lines.append(f"{indent}  n{numbers[call]} [label={_quoted(_label(graph, call, chr(10)))}];")
    if ROOT not in graph.scopes:
        lines += [f"  n{numbers[call]} [label={_quoted(_label(graph, call, chr(10)))}];" for call in graph.calls]
    for source, target, kind, shape in _flows(graph):
        style = ", style=dashed" if kind == MASK else ""
        lines.append(f"  n{numbers[source]} -> n{numbers[target]} [label={_quoted(shape)}{style}];")
    return "\n".join([*lines, "}"])


def mermaid(graph: ModelGraph) -> str:
    """For Markdown that renders Mermaid."""
    numbers = {call: number for number, call in enumerate(graph.calls)}
    calls = _calls_by_scope(graph)
    boxes = {scope: number for number, scope in enumerate(graph.scopes)}
    lines = ["flowchart TD"]
    for depth, scope, opens in _scopes(graph):
        indent = "  " * depth
        if not opens:
            lines.append(f"{indent}  end")
            continue
        if scope.id != ROOT:
            lines.append(f'{indent}  subgraph s{boxes[scope.id]}["{_entities(graph.address(scope.id))}"]')
        for call in calls.get(scope.id, ()):
            lines.append(f'{indent}    n{numbers[call]}["{_entities(_label(graph, call, " · "))}"]')
    if ROOT not in graph.scopes:
        lines += [f'    n{numbers[call]}["{_entities(_label(graph, call, " · "))}"]' for call in graph.calls]
    for source, target, kind, shape in _flows(graph):
        arrow = "-.->" if kind == MASK else "-->"
        lines.append(f'  n{numbers[source]} {arrow}|"{_entities(shape)}"| n{numbers[target]}')
    return "\n".join(lines)


def graph_json(graph: ModelGraph) -> str:
    """The node-link form of networkx, with every attribute."""
    import networkx as nx

    from graphlint.projections.plain import plain

    return json.dumps(nx.node_link_data(plain(graph), edges="edges"), indent=2, default=str)


def graphml(graph: ModelGraph) -> str:
    """GraphML has numbers, booleans and strings: lists and configurations are written as JSON."""
    import networkx as nx

    from graphlint.projections.plain import plain

    whole = plain(graph)
    holders = [
        whole.graph,
        *(data for _, data in whole.nodes(data=True)),
        *(data for *_, data in whole.edges(data=True)),
    ]
    for data in holders:
        for key in [key for key, value in data.items() if value is None]:
            del data[key]
        for key, value in data.items():
            if isinstance(value, str):
                data[key] = printable(value)
            elif not isinstance(value, (bool, int, float)):
                data[key] = printable(json.dumps(value, default=str))
    return "\n".join(nx.generate_graphml(whole))


FORMATS: dict[str, Callable[[ModelGraph], str]] = {
    "dot": dot,
    "mermaid": mermaid,
    "graphml": graphml,
    "json": graph_json,
}


def _scopes(graph: ModelGraph) -> Iterator[tuple[int, Scope, bool]]:
    """Every scope as ``(depth, scope, True)`` where it begins; all but the root as ``(..., False)`` at its end."""
    inside: dict[str | None, list[Scope]] = {}
    for scope in graph.scopes.values():
        inside.setdefault(scope.parent, []).append(scope)
    stack = [(0, scope, True) for scope in reversed(inside.get(None, []))]
    while stack:
        depth, scope, opens = stack.pop()
        yield depth, scope, opens
        if opens:
            if scope.id != ROOT:
                stack.append((depth, scope, False))
            stack += [(depth + 1, inner, True) for inner in reversed(inside.get(scope.id, []))]


def _calls_by_scope(graph: ModelGraph) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for call in graph.calls.values():
        found.setdefault(call.scope, []).append(call.id)
    return found


def _flows(graph: ModelGraph) -> Iterator[tuple[str, str, str, str]]:
    for source, target, data in graph.nx.edges(data=True):
        if data["kind"] in (TENSOR, MASK):
            yield source, target, data["kind"], shape_text(data["shape"])


def _label(graph: ModelGraph, call: str, separator: str) -> str:
    layer = graph.layer(call)
    outputs = ", ".join(shape_text(spec.shape) for spec in graph.calls[call].outputs)
    name = call.rpartition("/")[2]
    name = name.rpartition("#")[0] if len(graph.call_sites(layer.path)) == 1 else name
    return separator.join([printable(name), printable(layer.class_name or "(unknown)"), outputs])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _entities(text: str) -> str:
    return (
        text.replace("&", "&amp;")
        .replace('"', "&quot;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("#", "&#35;")
    )
