"""The report for reading: each model with its findings, what could not be checked, and the parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from graphlint.errors import listed
from graphlint.findings.tool_findings import TOOL_FINDINGS
from graphlint.model.definition import Format
from graphlint.reports.text import printable, statistics_lines, summary_line

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport, Report

_SHOWN = 20
"""Rules that did not run for one reason are counted, and not listed, where there are more of them."""
_COLORS = {"error": "red", "warning": "yellow", "info": "cyan"}


def render(report: Report, *, color: bool = False, statistics: bool = False) -> str:
    """The report in full."""
    return "\n".join(_Renderer(report, color).lines(statistics))


class _Renderer:
    def __init__(self, report: Report, color: bool) -> None:
        self.report = report
        self.color = color
        self.explained: set[str] = set()

    def style(self, text: str, color: str | None = None, *, bold: bool = False, dim: bool = False) -> str:
        return click.style(text, fg=color, bold=bold or None, dim=dim or None) if self.color else text

    def lines(self, statistics: bool) -> Iterator[str]:
        for finding in self.report.general:
            yield from self.finding(finding, finding.model)
            yield ""
        for model in self.report.models:
            yield from self.model(model)
            yield ""
        if statistics:
            yield from statistics_lines(self.report)
            yield ""
        for note in self.report.notes:
            yield f"note: {printable(note)}"
        yield self.style(summary_line(self.report), bold=True)

    def model(self, model: ModelReport) -> Iterator[str]:
        about = printable(", ".join(part for part in (model.format, self.version(model)) if part))
        name = self.style(printable(model.path), bold=True)
        yield f"{name} ({about})" if about else name
        if model.status == "skipped":
            yield f"  skipped: {printable(model.reason or '')}"
        for finding in model.findings:
            yield from self.finding(finding)
        if model.opaque:
            yield self.style(
                f"  opaque, not checked inside: {listed([printable(path) for path in model.opaque], 5)}", dim=True
            )
        if model.format == Format.WEIGHTS and model.ran:
            yield self.style(f"  looked at: the stored weights alone, by {' '.join(model.ran)}", dim=True)
        if model.skipped_rules:
            yield self.style(f"  not run: {self.skipped(model)}", dim=True)
        if model.parameters is not None:
            yield self.style(f"  parameters: {self.parameters(model)}", dim=True)

    def version(self, model: ModelReport) -> str | None:
        return f"Keras {model.keras_version}" if model.keras_version else None

    def finding(self, finding: Finding, model: str | None = None) -> Iterator[str]:
        head = self.style(f"{finding.severity}: {finding.code} {finding.name}", _COLORS[finding.severity], bold=True)
        where = model if finding.location is None else finding.location.address
        yield f"  {head}" + (f" at {self.style(printable(where), bold=True)}" if where else "")
        yield f"    {printable(finding.message)}"
        why = self.report.explanations.get(finding.code)
        if why and finding.code not in self.explained:
            self.explained.add(finding.code)
            label = "what it means" if finding.code in TOOL_FINDINGS else "why"
            yield self.style(f"    {label}: {printable(why)}", dim=True)
        if finding.hint:
            yield f"    hint: {printable(finding.hint)}"
        if finding.related:
            yield f"    see also: {', '.join(printable(address) for address in finding.related)}"
        if finding.fix is not None:
            changes = f" ({finding.fix.changes})" if finding.fix.changes else ""
            how = f"{finding.fix.applicability}{f' with {finding.fix.condition}' if finding.fix.condition else ''}"
            yield f"    fix, {printable(how)}: {printable(finding.fix.title + changes)}"

    def skipped(self, model: ModelReport) -> str:
        reasons: dict[str, list[str]] = {}
        for rule in model.skipped_rules:
            reasons.setdefault(rule.reason, []).append(rule.code)
        shown = {
            reason: " ".join(codes) if len(codes) <= _SHOWN else f"{len(codes)} rules"
            for reason, codes in reasons.items()
        }
        return "; ".join(f"{codes} ({reason})" for reason, codes in shown.items())

    def parameters(self, model: ModelReport) -> str:
        count = model.parameters
        assert count is not None
        parts = [f"{count.total:,} ({count.trainable:,} trainable, {count.non_trainable:,} not)"]
        if count.counted_twice:
            parts.append(f"{count.counted_twice:,} counted twice, {count.counted_per_layer:,} layer by layer")
        if count.unreachable:
            parts.append(f"{count.unreachable:,} reach no output")
        return "; ".join(parts)
