"""The graph of a model in the formats of other programs: DOT, Mermaid, GraphML, JSON.

DOT and Mermaid show the calls and the tensors between them, each call of a nested model in its own box, with what was
found; GraphML and JSON contain the whole graph, with variables and layers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from graphlint.findings.finding import Finding
from graphlint.reports.canvas.view import Marking, View, view
from graphlint.reports.json import dumps
from graphlint.reports.safe import in_dot, in_line, in_mermaid

if TYPE_CHECKING:
    from graphlint.model.graph import ModelGraph

_BORDERS = {"error": ("#b3140f", 4), "warning": ("#8a4b00", 3), "info": ("#0b5a8a", 2)}
"""Severity -> colour and width of a border."""


def dot(
    graph: ModelGraph,
    findings: Iterable[Finding] = (),
    *,
    depth: int | None = None,
    only_findings: bool = False,
    marking: Marking | None = None,
) -> str:
    """For Graphviz. The address of a box is its tooltip."""
    shown = view(graph, findings, depth=depth, only_findings=only_findings, marking=marking)
    lines = ["digraph model {", "  rankdir=TB;", '  node [shape=box, fontname="sans-serif"];']
    for indent, kind, key in _walk(shown):
        space = "  " * (indent + 1)
        if kind == "close":
            lines.append(f"{space}}}")
        elif kind == "open":
            group = shown.box(key)
            lines.append(f"{space}subgraph {in_dot('cluster ' + key)} {{")
            lines.append(f"{space}  label={in_dot(_words(group, ' '))};")
            border = _BORDERS.get(group.get("e", ""))
            if border is not None:
                lines.append(f'{space}  color="{border[0]}"; penwidth={border[1]};')
        else:
            lines.append(f"{space}{key} [{_dot_attributes(shown, key)}];")
    for link in shown.links():
        style = ", style=dashed" if link.mask else ""
        lines.append(f"  {link.source} -> {link.target} [label={in_dot(link.text)}{style}];")
    return "\n".join([*lines, "}"])


def mermaid(
    graph: ModelGraph,
    findings: Iterable[Finding] = (),
    *,
    depth: int | None = None,
    only_findings: bool = False,
    marking: Marking | None = None,
) -> str:
    """For Markdown that renders Mermaid."""
    shown = view(graph, findings, depth=depth, only_findings=only_findings, marking=marking)
    lines = ["flowchart TD"]
    classes: dict[str, list[str]] = {}
    for indent, kind, key in _walk(shown):
        space = "  " * (indent + 1)
        if kind == "close":
            lines.append(f"{space}end")
            continue
        box = shown.box(key)
        if kind == "open":
            lines.append(f'{space}subgraph {key}["{in_mermaid(_words(box, " · "))}"]')
            severity = box.get("e")
        else:
            severity = box.get("e") if key[0] == "n" else shown.severity(int(key[1:]))
            left, right = ("[[", "]]") if key[0] == "g" else ("[", "]")
            address = str(box.get("a", ""))
            said = [_words(box, " · ", address if "/" in address else None), shown.label(severity)]
            lines.append(f'{space}{key}{left}"{in_mermaid(" · ".join(filter(None, said)))}"{right}')
        for name in (severity, *(mark for mark in box.get("m", ()) if mark in ("frozen", "dead"))):
            if name:
                classes.setdefault(name, []).append(key)
    for link in shown.links():
        arrow = "-.->" if link.mask else "-->"
        lines.append(f'  {link.source} {arrow}|"{in_mermaid(link.text)}"| {link.target}')
    for name, keys in classes.items():
        style = f"stroke:{_BORDERS[name][0]},stroke-width:{_BORDERS[name][1]}px" if name in _BORDERS else _STYLES[name]
        lines += [f"  classDef {name} {style}", f"  class {','.join(keys)} {name}"]
    return "\n".join(lines)


_STYLES = {"frozen": "fill:#e8edf2,color:#1b1f24", "dead": "stroke-dasharray:3 3"}


def _dot_attributes(shown: View, key: str) -> str:
    box = shown.box(key)
    severity = box.get("e") if key[0] == "n" else shown.severity(int(key[1:]))
    lines = [_words(box, "\n"), shown.label(severity)]
    found = [f"label={in_dot(chr(10).join(filter(None, lines)))}", f"tooltip={in_dot(str(box.get('a', '')))}"]
    styles = []
    if key[0] == "g":
        found.append("shape=box3d")
    if severity is not None:
        found.append(f'color="{_BORDERS[severity][0]}", penwidth={_BORDERS[severity][1]}')
    if "t" in box:
        styles.append("filled")
        found.append(f'fillcolor="{(box["t"] * 137.5 + 200) % 360 / 360:.3f} 0.18 1.0"')
    if "dead" in box.get("m", ()):
        styles.append("dashed")
    if styles:
        found.append(f'style="{",".join(styles)}"')
    return ", ".join(found)


def _words(box: dict[str, object], separator: str, name: str | None = None) -> str:
    """What a box says: name, caption, shapes, how often it repeats, what it is tied to and its marks."""
    marks = box.get("m", ())
    assert isinstance(marks, (list, tuple))
    parts = [name or box.get("n"), box.get("c"), box.get("s")]
    parts += [f"x {box['x']}" if "x" in box else None]
    parts += [f"shared {int(str(box['t'])) + 1}" if "t" in box else None]
    parts += [mark for mark in marks if mark != "output"]
    return separator.join(str(part) for part in parts if part)


def _walk(shown: View) -> Iterator[tuple[int, str, str]]:
    """Depth, ``open``, ``close`` or ``box``, and the key, of every open group but the root and of every box."""
    drawn = shown.canvas
    inside: list[list[str]] = [[] for _ in drawn.groups]
    for index, group in enumerate(drawn.groups):
        if group["g"] >= 0:
            inside[group["g"]].append(f"g{index}")
    for index, node in enumerate(drawn.nodes):
        inside[node["g"]].append(f"n{index}")
    stack = [(0, "open", "g0")] if drawn.groups else []
    while stack:
        depth, kind, key = stack.pop()
        index = int(key[1:])
        if kind == "close" or key[0] == "n":
            yield depth, kind, key
        elif shown.folded[index] == index:
            yield depth, "box", key
        else:
            named = drawn.groups[index]["k"] in ("model", "code") and index > 0
            if named:
                yield depth, "open", key
                stack.append((depth, "close", key))
            deeper = depth + 1 if named else depth
            stack += [(deeper, "box" if one[0] == "n" else "open", one) for one in reversed(inside[index])]


def graph_json(graph: ModelGraph) -> str:
    """The node-link form of networkx, with every attribute.

    Written out here, as what its edges are called differs between the releases of networkx.
    """
    from graphlint.projections.plain import plain

    whole = plain(graph)
    found = {
        "directed": True,
        "multigraph": True,
        "graph": whole.graph,
        "nodes": [{**data, "id": node} for node, data in whole.nodes(data=True)],
        "edges": [
            {**data, "source": source, "target": target, "key": key}
            for source, target, key, data in whole.edges(keys=True, data=True)
        ],
    }
    return dumps(found, default=str)


def graphml(graph: ModelGraph) -> str:
    """GraphML has numbers, booleans and strings: lists and configurations are written as JSON."""
    import networkx as nx

    from graphlint.projections.plain import plain

    whole = plain(graph)
    whole = nx.relabel_nodes(whole, _identifiers(whole))
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
                data[key] = in_line(value)
            elif not isinstance(value, (bool, int, float)):
                data[key] = in_line(json.dumps(value, default=str))
    return "\n".join(nx.generate_graphml(whole))


def _identifiers(nodes: Iterable[str]) -> dict[str, str]:
    """Nodes by what they are called in XML, which does not take every character: safe, and still different."""
    taken: set[str] = set()
    found = {}
    for node in nodes:
        name = in_line(node)
        while name in taken:
            name += "'"
        taken.add(name)
        found[node] = name
    return found


FORMATS: dict[str, Callable[..., str]] = {
    "dot": dot,
    "mermaid": mermaid,
    "graphml": graphml,
    "json": graph_json,
}
