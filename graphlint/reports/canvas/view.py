"""What is drawn of a graph: with which findings, how deep, and whether only what is near findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graphlint.findings.finding import Finding, Severity
from graphlint.model.graph import ModelGraph
from graphlint.reports.canvas.canvas import Canvas, canvas
from graphlint.reports.canvas.places import Places

_NESTED = ("model", "code")


class Link(NamedTuple):
    """A tensor or mask between two boxes; boxes are ``n`` and the number of a node, or ``g`` and that of a group."""

    source: str
    target: str
    text: str
    mask: bool


@dataclass(frozen=True, slots=True)
class Marking:
    """What is marked on a graph beside findings: ``labels`` names the severities, ``marks`` has some for some calls."""

    labels: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass
class View:
    """A canvas with the groups that are open: the others are drawn as one box."""

    canvas: Canvas
    open: set[int]
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folded: list[int] = []
        """For each group the outermost folded group that contains it, or -1."""
        for index, group in enumerate(self.canvas.groups):
            outer = self.folded[group["g"]] if group["g"] >= 0 else -1
            self.folded.append(outer if outer >= 0 else -1 if index in self.open else index)

    def box_of(self, node: int) -> str:
        """The box that stands for a node."""
        folded = self.folded[self.canvas.nodes[node]["g"]]
        return f"n{node}" if folded < 0 else f"g{folded}"

    def links(self) -> list[Link]:
        """Every flow between two boxes; those of folded groups once for each pair and text."""
        found: list[Link] = []
        seen: set[Link] = set()
        for source, target, text, *mask in self.canvas.edges:
            link = Link(self.box_of(source), self.box_of(target), self.canvas.texts[text], bool(mask))
            if link.source == link.target and link.source[0] == "g":
                continue
            if (link.source[0] == "g" or link.target[0] == "g") and link in seen:
                continue
            seen.add(link)
            found.append(link)
        return found

    def severity(self, group: int) -> str | None:
        """The worst severity in a group."""
        found = [self.canvas.groups[group].get("e")]
        found += [self.canvas.nodes[node].get("e") for node in self.canvas.nodes_in(group)]
        known = [Severity(one) for one in found if one is not None]
        return min(known, key=lambda one: one.rank).value if known else None

    def label(self, severity: str | None) -> str | None:
        """What a severity is called in the picture."""
        return None if severity is None else self.labels.get(severity, severity)

    def box(self, key: str) -> dict[str, Any]:
        """The data of a box."""
        return (self.canvas.nodes if key[0] == "n" else self.canvas.groups)[int(key[1:])]


def view(
    graph: ModelGraph,
    findings: Iterable[Finding] = (),
    *,
    depth: int | None = None,
    only_findings: bool = False,
    stacks: bool = False,
    marking: Marking | None = None,
) -> View:
    """The view of a graph. ``depth`` is how many levels of nested models are open (all, if None); with ``stacks``
    repeated blocks are folded."""
    marking = marking or Marking()
    drawn = canvas(graph)
    drawn.mark(marking.marks)
    about = Places(graph, drawn).mark(findings)
    if only_findings:
        drawn = drawn.only(drawn.near(about))
    opened: set[int] = set()
    levels: list[int] = []
    for index, group in enumerate(drawn.groups):
        level = levels[group["g"]] if group["g"] >= 0 else -1
        levels.append(level + 1 if group["k"] in _NESTED else level)
        deep = depth is not None and levels[-1] > depth
        if not deep and not (stacks and group["k"] == "stack"):
            opened.add(index)
    return View(drawn, opened, marking.labels)
