"""One line per finding: ``path: address: severity CODE name: message``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from graphlint.reports.listing import listed
from graphlint.reports.safe import in_line
from graphlint.reports.text import statistics_lines
from graphlint.reports.writer import Ending, Writer

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport


class Concise(Writer):
    """The findings, one line each."""

    def general(self, finding: Finding) -> Iterable[str]:
        return [line(finding)]

    def model(self, model: ModelReport) -> Iterable[str]:
        return map(line, listed(model))

    def end(self, ending: Ending) -> Iterable[str]:
        return statistics_lines(ending.tally) if self.setting.statistics else ()


def line(finding: Finding) -> str:
    """A finding in one line."""
    where = finding.model if finding.location is None else f"{finding.model}: {finding.location.address}"
    return in_line(f"{where}: {finding.severity} {finding.code} {finding.name}: {finding.message}")
