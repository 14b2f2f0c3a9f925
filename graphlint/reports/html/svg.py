"""The graph as a picture (SVG): the first view of the page, or as deep as asked.

The page is laid out by the browser that shows it; a picture is laid out here, by the same code, in the JavaScript
engine of the extra ``svg``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from graphlint.errors import GraphlintError
from graphlint.findings.finding import Finding, Severity
from graphlint.reports.canvas.view import Marking, View, view
from graphlint.reports.html.page import asset, layout_library
from graphlint.reports.safe import in_xml

if TYPE_CHECKING:
    from graphlint.model.graph import ModelGraph

_LINE = 15
_MOST = 600
_STYLE = """
text { font: 11.5px ui-monospace, "DejaVu Sans Mono", monospace; fill: #1b1f24 }
.title { font-weight: 700 } .minor { fill: #525b66 } .marks { font-style: italic; font-weight: 600 }
.box { fill: #ffffff; stroke: #7a8491; stroke-width: 1.2 }
.frame { fill: #f5f6f8; stroke: #a9b1bb } .group { fill: #eef0f3 }
.link { fill: none; stroke: #7a8491; stroke-width: 1.3 } .mask { stroke-dasharray: 4 4 } .dead { stroke-dasharray: 2 3 }
.opaque { fill: #c9ced6 } .badge { font-weight: 700; fill: #ffffff }
.error { stroke: #b3140f; stroke-width: 4 } .warning { stroke: #8a4b00; stroke-width: 3 }
.info { stroke: #0b5a8a; stroke-width: 2.2 }
.on-error { fill: #b3140f } .on-warning { fill: #8a4b00 } .on-info { fill: #0b5a8a } .page { fill: #ffffff }
""".strip()


def svg(
    graph: ModelGraph,
    findings: Iterable[Finding] = (),
    *,
    depth: int | None = None,
    only_findings: bool = False,
    marking: Marking | None = None,
) -> str:
    """The picture as text.

    Raises:
        GraphlintError: the JavaScript engine is not installed, or there is too much to lay out.
    """
    shown = view(graph, findings, depth=depth, only_findings=only_findings, stacks=True, marking=marking)
    laid_out = _laid_out(shown, None if depth is None else sorted(shown.open))
    return "\n".join(_Picture(shown, laid_out).lines())


def _laid_out(shown: View, opened: list[int] | None) -> dict[str, Any]:
    try:
        from py_mini_racer import MiniRacer
    except ImportError:
        raise GraphlintError(
            "a picture is laid out by a JavaScript engine, which is not installed: "
            "pip install 'keras-graphlint[svg]', or use --format html, dot or mermaid"
        ) from None
    boxes = {shown.box_of(node) for node in range(len(shown.canvas.nodes))}
    if opened is not None and len(boxes) > _MOST:
        raise GraphlintError(f"expected at most {_MOST} boxes, got {len(boxes):,}: use a smaller --depth")
    engine = MiniRacer()
    try:
        engine.eval("globalThis.structuredClone ??= (value) => JSON.parse(JSON.stringify(value));")
        engine.eval("\n".join([layout_library(), *(asset(f"{part}.js") for part in ("text", "model", "layout"))]))
        engine.eval(f"globalThis.model = makeModel({{canvas: {json.dumps(shown.canvas.data())}, findings: []}});")
        groups = "firstOpen(model, 150)" if opened is None else f"new Set({json.dumps(opened)})"
        keep = "({width, height, boxes, links, frames}) => JSON.stringify({width, height, boxes, links, frames})"
        found: dict[str, Any] = json.loads(str(engine.eval(f"({keep})(layout(model, {groups}))")))
        return found
    finally:
        engine.close()


class _Picture:
    def __init__(self, shown: View, laid_out: dict[str, Any]) -> None:
        self.shown = shown
        self.laid_out = laid_out

    def lines(self) -> Iterator[str]:
        width, height = self.laid_out["width"], self.laid_out["height"] + 20
        size = f'width="{width:.0f}" height="{height:.0f}"'
        yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -16 {width:.0f} {height:.0f}" {size} role="img">'
        yield f"<title>{_text(self.shown.canvas.groups[0]['n'] if self.shown.canvas.groups else 'nothing')}</title>"
        yield f"<style>{_STYLE}</style>"
        yield '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" orient="auto" markerWidth="7" '
        yield 'markerHeight="7">'
        yield '<path d="M0,0 L8,4 L0,8 z" fill="#7a8491"/></marker></defs>'
        yield f'<rect class="page" x="0" y="-16" {size}/>'
        for frame in self.laid_out["frames"]:
            yield from self.frame(frame)
        for link in self.laid_out["links"]:
            points = "L".join(f"{point['x']},{point['y']}" for point in link["points"])
            kind = "link mask" if link["mask"] else "link"
            yield f'<path class="{kind}" d="M{points}" marker-end="url(#arrow)">'
            yield f"<title>{_text(link['text'])}</title></path>"
        for box in self.laid_out["boxes"]:
            yield from self.box(box)
        yield "</svg>"

    def frame(self, frame: dict[str, Any]) -> Iterator[str]:
        group = self.shown.canvas.groups[frame["group"]]
        x, y = frame["x"] - frame["width"] / 2, frame["y"] - frame["height"] / 2 - 14
        repeated = f"\N{MULTIPLICATION SIGN} {group['x']}" if "x" in group else ""
        tied = f"· shared {group['t'] + 1}" if "t" in group else ""
        label = " ".join(filter(None, [str(group.get("n", "")), repeated, tied, self.shown.label(group.get("e"))]))
        classes = " ".join(filter(None, ["frame", group.get("e")]))
        yield f'<g><title>{_text(group.get("a") or label)}</title><rect class="{classes}" x="{x:.1f}" y="{y:.1f}" '
        yield f'width="{frame["width"]:.1f}" height="{frame["height"] + 14:.1f}" rx="8"/>'
        yield f'<text class="minor" x="{x + 8:.1f}" y="{y + 14:.1f}">{_text(label)}</text></g>'

    def box(self, box: dict[str, Any]) -> Iterator[str]:
        folded = "group" in box
        data = self.shown.canvas.groups[box["group"]] if folded else self.shown.canvas.nodes[box["node"]]
        severity = self.shown.severity(box["group"]) if folded else data.get("e")
        x, y, width, height = box["x"] - box["width"] / 2, box["y"] - box["height"] / 2, box["width"], box["height"]
        states = [mark for mark in box["marks"] if mark in ("dead", "opaque")]
        classes = " ".join(filter(None, ["box", "group" if folded else "", *states, severity]))
        place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="5"'
        tie = f' style="fill:hsl({_hue(data["t"]):.0f} 60% 92%)"' if "t" in data else ""
        yield f'<g><title>{_text(data.get("a") or data.get("n", ""))}</title><rect class="{classes}"{tie} {place}/>'
        for number, line in enumerate(box["lines"]):
            kind = "minor" if number else "title"
            yield f'<text class="{kind}" x="{x + 12:.1f}" y="{y + 16 + number * _LINE:.1f}">{_text(line)}</text>'
        if box["marks"]:
            below = y + 16 + len(box["lines"]) * _LINE
            yield f'<text class="marks" x="{x + 12:.1f}" y="{below:.1f}">{_text("  ".join(box["marks"]))}</text>'
        if "t" in data:
            hue = f"hsl({_hue(data['t']):.0f} 65% 34%)"
            yield f'<rect x="{x:.1f}" y="{y:.1f}" width="5" height="{height:.1f}" rx="2" style="fill:{hue}"/>'
            for at in (24, 19):
                yield f'<circle cx="{x + width - at:.1f}" cy="{y + 10:.1f}" r="3.5" style="fill:none;stroke:{hue}"/>'
            yield f'<text x="{x + width - 13:.1f}" y="{y + 13.5:.1f}">{data["t"] + 1}</text>'
        if severity is not None:
            right, kind = x + width, Severity(severity).value
            yield f'<rect class="on-{kind}" x="{right - 12:.1f}" y="{y - 9:.1f}" width="16" height="16" rx="8"/>'
            letter = str(self.shown.label(kind))[0].upper()
            yield f'<text class="badge" x="{right - 4:.1f}" y="{y + 3:.1f}" text-anchor="middle">{letter}</text>'
        yield "</g>"


def _hue(tie: int) -> float:
    return (tie * 137.5 + 200) % 360


def _text(text: str) -> str:
    """Text for XML."""
    return in_xml(str(text))
