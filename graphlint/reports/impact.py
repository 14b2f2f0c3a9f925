"""What depends on a part of a model, as a picture: DOT, Mermaid, SVG, or a page to look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING

from graphlint.findings.finding import Finding, Location, Severity
from graphlint.questions.impact import Effect, Impact, calls_of, effects
from graphlint.reports.canvas.view import Marking
from graphlint.reports.html.notebook import Page

if TYPE_CHECKING:
    from graphlint.model.graph import ModelGraph, Tensor

_COLORED = {Effect.STOPS: Severity.ERROR, Effect.OUTPUT: Severity.WARNING, Effect.CHANGES: Severity.INFO}
_LABELS = {severity.value: effect.value for effect, severity in _COLORED.items()}
_MEANINGS = {
    Effect.STOPS: "without the part no loss reaches the weights of this layer",
    Effect.OUTPUT: "this output changes with the part, and is lost without it",
    Effect.CHANGES: "what it returns changes with the part",
}
_PART = "the part"
_MARKS = {_PART: "what the page is about", Effect.OUTPUT.value: _MEANINGS[Effect.OUTPUT]}
_MARKS |= {Effect.CHANGES.value: _MEANINGS[Effect.CHANGES]}


class DrawnImpact(Page, Impact):
    """What depends on a part, which can be looked at: a notebook draws it, and `save` writes a page."""

    def __init__(self, found: Impact, graph: ModelGraph, node: str | Tensor) -> None:
        super().__init__(*(getattr(found, field.name) for field in fields(found)))
        object.__setattr__(self, "_draw", lambda: page(graph, node, found))

    @property
    def html(self) -> str:
        """The page as text: the graph of the models with everything that depends on the part marked."""
        draw: Callable[[], str] = vars(self)["_draw"]
        return draw()


def drawn(graph: ModelGraph, node: str | Tensor, format_: str) -> str:
    """The graph as ``dot``, ``mermaid`` or ``svg``, with everything that depends on a node marked.

    Raises:
        GraphlintError: it is too large for a picture, or what lays it out is not installed.
    """
    from graphlint.reports.drawing import dot, mermaid
    from graphlint.reports.html.svg import svg

    draw = {"dot": dot, "mermaid": mermaid, "svg": svg}[format_]
    return draw(graph, _findings(graph, node), marking=Marking(_LABELS, _marks(graph, node)))


def page(graph: ModelGraph, node: str | Tensor, found: Impact) -> str:
    """The page: one file that works offline."""
    from graphlint.reports.html.page import marked_page
    from graphlint.reports.html.picture import picture
    from graphlint.reports.report import ModelReport, Status

    title = f"{graph.root.name}: {found.address}"
    findings = _findings(graph, node)
    marks = _marks(graph, node)
    data = picture(graph, findings, title, numbers=False, marks=marks)
    report = ModelReport(title, Status.CHECKED, None, findings=tuple(findings), graph=graph, picture=data)
    text = str(found)
    about, _, notes = text.partition("\n")
    words = {"what": "effect", "nothing": "Nothing depends on it."}
    if part := calls_of(graph, node):
        words["start"] = graph.address(part[0])
    return marked_page(report, about, _LABELS, notes.splitlines(), text, marks=_MARKS, words=words)


def _marks(graph: ModelGraph, node: str | Tensor) -> dict[str, list[str]]:
    """The marks of each call: whether it is of the part, and what its colour does not say."""
    found = {call: [_PART] for call in calls_of(graph, node)}
    coloured: set[str] = set()
    for call, effect in effects(graph, node):
        if call in coloured:
            found.setdefault(call, []).append(effect.value)
        coloured.add(call)
    return found


def _findings(graph: ModelGraph, node: str | Tensor) -> list[Finding]:
    return [
        Finding(
            effect.value,
            effect.value,
            _COLORED[effect],
            message=_MEANINGS[effect],
            model=graph.root.name,
            location=Location(graph.address(call), graph.layer(call).path),
        )
        for call, effect in sorted(effects(graph, node), key=lambda one: _COLORED[one[1]].rank)
    ]
