"""Annotations in a GitHub workflow: one command per finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphlint.reports.safe import in_line

if TYPE_CHECKING:
    from graphlint.reports.report import Report

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(report: Report, *, color: bool = False, statistics: bool = False) -> str:
    """The findings as workflow commands."""
    lines = []
    for finding in report.findings:
        where = "" if finding.location is None else f"{finding.location.address}: "
        title = _property(f"{finding.code} {finding.name}")
        text = f"{where}{finding.message}" + (f" ({finding.hint})" if finding.hint else "")
        lines.append(f"::{_COMMANDS[finding.severity]} file={_property(finding.model)},title={title}::{_data(text)}")
    return "\n".join(lines)


def _data(text: str) -> str:
    return in_line(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
