"""A difference as one page to look at: both models as one graph, with what changed marked on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlint.comparison.changes import Change, Kind
from graphlint.comparison.merged import Merged
from graphlint.comparison.text import described, summary, whole
from graphlint.comparison.text import render as as_text
from graphlint.findings.finding import Finding, Location, Severity
from graphlint.model.address import ROOT
from graphlint.reports.html.page import marked_page
from graphlint.reports.html.picture import picture
from graphlint.reports.report import ModelReport, Status

if TYPE_CHECKING:
    from graphlint.comparison.comparing import Comparison

_COLORED = {Kind.REMOVED: Severity.ERROR, Kind.ADDED: Severity.INFO, Kind.GONE_FINDING: Severity.INFO}
"""How what happened is coloured: what went in red, what came in blue, what changed in yellow."""
_LABELS = {Severity.ERROR.value: "removed", Severity.WARNING.value: "changed", Severity.INFO.value: "added"}
_REMOVED = "removed"
_MARKS = {_REMOVED: "only the old model has it"}


def render(comparison: Comparison) -> str:
    """The page. A change has its card, and its place in the graph of both models."""
    difference = comparison.result
    merged = Merged(comparison.matching)
    title = f"{difference.old.name} -> {difference.new.name}"
    cards = [_card(change, merged, title) for change in difference.changes]
    drawn = picture(merged.graph, cards, title, numbers=False)
    _mark_removed(drawn, merged)
    report = ModelReport(title, Status.CHECKED, None, findings=tuple(cards), graph=merged.graph, picture=drawn)
    notes = [*whole(difference), *difference.notes]
    plain = as_text(difference, everything=True)
    words = {"what": "change", "nothing": "No difference."}
    return marked_page(report, summary(difference), _LABELS, notes, plain, marks=_MARKS, words=words)


def _mark_removed(drawn: dict[str, Any], merged: Merged) -> None:
    """Mark the calls of layers that only the old model has, of which nothing else is to be said."""
    removed = set(merged.removed.values())
    gone = {number for number, path in enumerate(merged.graph.layers) if path in removed}
    for node in drawn["canvas"]["nodes"]:
        if node.get("l") in gone:
            node["m"] = [_REMOVED]


def _severity(change: Change) -> Severity:
    if change.kind in _COLORED:
        return _COLORED[change.kind]
    if change.kind in (Kind.NEW_FINDING, Kind.NUMBERS):
        return Severity.WARNING
    return Severity.INFO if change.old is None else Severity.ERROR if change.new is None else Severity.WARNING


def _card(change: Change, merged: Merged, title: str) -> Finding:
    place = change.new if change.new is not None else change.old or ROOT
    path = place.partition("@")[0].partition("#")[0]
    if change.new is None:
        path = merged.removed.get(path, path)
    known = path in merged.graph.layers and path != ROOT
    return Finding(
        change.kind.value,
        change.part.value,
        _severity(change),
        message=described(change),
        model=title,
        location=Location(path, path) if known else None,
    )
