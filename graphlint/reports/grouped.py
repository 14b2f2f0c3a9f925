"""For reading many models: each with its findings below it, one line each, addresses aligned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from graphlint.reports.listing import listed
from graphlint.reports.safe import in_line
from graphlint.reports.text import statistics_lines, summary_line
from graphlint.reports.writer import Ending, Writer

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport

_WIDEST = 40
_COLORS = {"error": "red", "warning": "yellow", "info": "cyan"}


class Grouped(Writer):
    """Nothing of a model without findings."""

    def general(self, finding: Finding) -> Iterable[str]:
        return self._group(finding.model, [finding])

    def model(self, model: ModelReport) -> Iterable[str]:
        findings = listed(model)
        return self._group(model.path, findings) if findings else ()

    def end(self, ending: Ending) -> Iterable[str]:
        if self.setting.statistics:
            yield from (*statistics_lines(ending.tally), "")
        yield from (f"note: {in_line(note)}" for note in ending.notes)
        yield self._style(summary_line(ending.tally), bold=True)

    def _group(self, path: str, findings: list[Finding]) -> Iterator[str]:
        yield self._style(f"{in_line(path)}:", bold=True)
        places = ["" if one.location is None else in_line(one.location.address) for one in findings]
        width = min(_WIDEST, max(map(len, places)))
        for finding, place in zip(findings, places, strict=True):
            severity = self._style(f"{finding.severity.value:<7}", fg=_COLORS[finding.severity])
            message = in_line(f"{finding.name}: {finding.message}")
            yield f"  {f'{place:<{width}}  ' if width else ''}{severity} {finding.code} {message}"
        yield ""

    def _style(self, text: str, *, fg: str | None = None, bold: bool | None = None) -> str:
        return click.style(text, fg=fg, bold=bold) if self.setting.color else text
