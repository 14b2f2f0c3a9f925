"""A difference as one page to look at: both models as one graph, with what changed marked on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphlint.comparison.changes import Change, Kind
from graphlint.comparison.merged import Merged
from graphlint.comparison.text import described
from graphlint.findings.finding import Finding, Location, Severity
from graphlint.model.address import ROOT
from graphlint.reports.html.page import model_page
from graphlint.reports.html.picture import picture
from graphlint.reports.report import ModelReport, Status

if TYPE_CHECKING:
    from graphlint.comparison.comparing import Comparison

_SEVERITIES = {
    Kind.REMOVED: Severity.ERROR,
    Kind.GONE_FINDING: Severity.INFO,
    Kind.ADDED: Severity.INFO,
    Kind.NUMBERS: Severity.INFO,
}
"""How what happened is coloured: what went in red, what came in blue, what changed in yellow."""


def render(comparison: Comparison) -> str:
    """The page. A change has its card, and its place in the graph of both models."""
    difference = comparison.result
    merged = Merged(comparison.matching)
    title = f"{difference.old.name} -> {difference.new.name}"
    cards = [_card(change, merged, title) for change in difference.changes]
    drawn = picture(merged.graph, cards, title, numbers=False)
    for card in drawn["findings"]:
        card.pop("ignore", None)
    report = ModelReport(
        title,
        Status.CHECKED,
        None,
        format=difference.new.format,
        keras_version=difference.new.keras_version,
        parameters=merged.graph.parameters if comparison.new.has_weights else None,
        findings=tuple(cards),
        graph=merged.graph,
        picture=drawn,
    )
    return model_page(report, {}, difference.notes)


def _card(change: Change, merged: Merged, title: str) -> Finding:
    place = change.new if change.new is not None else change.old or ROOT
    path = place.partition("@")[0].partition("#")[0]
    if change.new is None:
        path = merged.removed.get(path, path)
    known = path in merged.graph.layers and path != ROOT
    return Finding(
        change.kind.value,
        change.part.value,
        _SEVERITIES.get(change.kind, Severity.WARNING),
        message=described(change),
        model=title,
        location=Location(path, path) if known else None,
    )
