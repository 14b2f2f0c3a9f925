"""One line per finding: ``path: address: severity CODE name: message``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphlint.reports.safe import in_line
from graphlint.reports.text import statistics_lines

if TYPE_CHECKING:
    from graphlint.reports.report import Report


def render(report: Report, *, color: bool = False, statistics: bool = False) -> str:
    """The findings, one line each."""
    lines = []
    for finding in report.listed():
        where = finding.model if finding.location is None else f"{finding.model}: {finding.location.address}"
        lines.append(in_line(f"{where}: {finding.severity} {finding.code} {finding.name}: {finding.message}"))
    return "\n".join([*lines, *(statistics_lines(report) if statistics else ())])
