"""The report for reading: each model with its findings and what could not be seen; then, once, what did not run, what
was refused and what can be fixed."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from graphlint.errors import listed as enumerated
from graphlint.findings.finding import Applicability, Severity
from graphlint.findings.tool_findings import TOOL_FINDINGS
from graphlint.model.address import ROOT
from graphlint.model.definition import Format
from graphlint.reports.report import Status, listed
from graphlint.reports.safe import in_line
from graphlint.reports.text import counted, hanging, statistics_lines, summary_line

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport, Report

_SHOWN = 20
"""Rules that did not run for one reason are counted, and not listed, where there are more of them."""
_NAMED = 5
"""Files that the summary names."""
_COLORS = {"error": "red", "warning": "yellow", "info": "cyan"}


def render(report: Report, *, color: bool = False, statistics: bool = False, width: int | None = None) -> str:
    """The report in full. Lines longer than ``width`` columns are broken, with a hanging indent."""
    lines = _Renderer(report, color).lines(statistics)
    return "\n".join(lines if width is None else (part for line in lines for part in hanging(line, width)))


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
            lines = list(self.model(model))
            if lines:
                yield from (*lines, "")
        if statistics:
            yield from statistics_lines(self.report)
            yield ""
        yield from self.footer()

    def model(self, model: ModelReport) -> Iterator[str]:
        """What there is to say of a model; nothing of one that was looked at as a whole, and is clean."""
        findings = listed(model)
        partly = model.format == Format.WEIGHTS and model.ran
        if not (findings or model.opaque or partly or model.loaded) and model.status == Status.CHECKED:
            return
        about = in_line(", ".join(part for part in (model.format, self.version(model)) if part))
        name = self.style(in_line(model.path), bold=True)
        yield f"{name} ({about})" if about else name
        if model.status == Status.SKIPPED:
            yield f"  skipped: {in_line(model.reason or '')}"
        for finding in findings:
            yield from self.finding(finding)
        if model.loaded:
            yield self.style(f"  {in_line(model.loaded)}", dim=True)
        if model.opaque:
            opaque = [self.place(path) for path in model.opaque]
            yield self.style(f"  opaque, not checked inside: {enumerated(opaque, 5)}", dim=True)
        if partly:
            yield self.style(f"  looked at: the stored weights alone, by {' '.join(model.ran)}", dim=True)
        if model.parameters is not None:
            yield self.style(f"  parameters: {self.parameters(model)}", dim=True)

    def version(self, model: ModelReport) -> str | None:
        return f"Keras {model.keras_version}" if model.keras_version else None

    def place(self, address: str) -> str:
        return "the model" if address == ROOT else in_line(address)

    def finding(self, finding: Finding, model: str | None = None) -> Iterator[str]:
        head = self.style(f"{finding.severity}: {finding.code} {finding.name}", _COLORS[finding.severity], bold=True)
        where = in_line(model or "") if finding.location is None else self.place(finding.location.address)
        yield f"  {head}" + (f" at {self.style(where, bold=True)}" if where else "")
        yield f"    {in_line(finding.message)}"
        why = self.report.explanations.get(finding.code)
        if why and finding.code not in self.explained:
            self.explained.add(finding.code)
            label = "what it means" if finding.code in TOOL_FINDINGS else "why"
            yield self.style(f"    {label}: {in_line(why)}", dim=True)
        if finding.hint:
            yield f"    hint: {in_line(finding.hint)}"
        if finding.related:
            yield f"    see also: {', '.join(map(self.place, finding.related))}"
        if finding.fix is not None:
            changes = f" ({finding.fix.changes})" if finding.fix.changes else ""
            how = f"{finding.fix.applicability}{f' with {finding.fix.condition}' if finding.fix.condition else ''}"
            yield f"    fix, {in_line(how)}: {in_line(finding.fix.title + changes)}"

    def parameters(self, model: ModelReport) -> str:
        count = model.parameters
        assert count is not None
        parts = [f"{count.total:,} ({count.trainable:,} trainable, {count.non_trainable:,} not)"]
        if count.counted_twice:
            parts.append(f"{count.counted_twice:,} counted twice, {count.counted_per_layer:,} layer by layer")
        if count.unreachable:
            parts.append(f"{count.unreachable:,} reach no output")
        return "; ".join(parts)

    # -- once, at the end ---------------------------------------------------------------------------------------

    def footer(self) -> Iterator[str]:
        skipped = "; ".join(self.skipped())
        if skipped:
            yield self.style(f"not run: {skipped}", dim=True)
        for note in self.report.notes:
            yield f"note: {in_line(note)}"
        yield self.style(summary_line(self.report), bold=True)
        refused = [in_line(model.path) for model in self.report.models if model.status == Status.REFUSED]
        if refused:
            yield f"refused: {enumerated(refused, _NAMED)}"
        yield from self.fixable()

    def skipped(self) -> Iterator[str]:
        """The rules that did not run, for each reason, and in how many models if not in all."""
        checked = sum(model.status == Status.CHECKED for model in self.report.models)
        models: dict[tuple[str, str], int] = {}
        for model in self.report.models:
            for rule in model.skipped_rules:
                models[rule.reason, rule.code] = models.get((rule.reason, rule.code), 0) + 1
        together: dict[tuple[str, int], list[str]] = {}
        for (reason, code), count in models.items():
            together.setdefault((reason, count), []).append(code)
        for (reason, count), codes in together.items():
            named = " ".join(codes) if len(codes) <= _SHOWN else f"{len(codes)} rules"
            some = "" if count >= checked else f", in {counted(count, 'model')}"
            yield f"{named} ({reason}{some})"

    def fixable(self) -> Iterator[str]:
        """How many findings a command can fix, and the command."""
        found = [
            (model, one.fix)
            for model in self.report.models
            for one in model.findings
            if one.fix is not None and one.severity is not Severity.INFO
        ]
        if not found:
            return
        safe = sum(fix.applicability is Applicability.SAFE for _, fix in found)
        how = "safely" if safe == len(found) else "with --unsafe" if not safe else f"{safe:,} of them safely"
        conditions = dict.fromkeys(fix.condition for _, fix in found if fix.condition)
        yield f"{len(found):,} can be fixed, {how}: {self.command([m.path for m, _ in found], not safe, conditions)}"

    def command(self, paths: Iterable[str], unsafe: bool, conditions: Iterable[str]) -> str:
        files = list(dict.fromkeys(paths))
        if any(path.startswith("<") or ":" in path for path in files):
            return f"graphlint.fix(model{', unsafe=True' if unsafe else ''})"
        named = [shlex.quote(in_line(path)) for path in files[:_NAMED]] + (["..."] if len(files) > _NAMED else [])
        where = "-o FIXED.keras" if len(files) == 1 else "--in-place"
        words = ["graphlint fix", *(["--unsafe"] if unsafe else []), *map(in_line, conditions), where, "--", *named]
        return " ".join(word for word in words if word != "--" or any(name.startswith("-") for name in named))
