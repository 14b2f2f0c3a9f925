"""Annotations in a GitHub workflow: one command per finding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from graphlint.reports.safe import in_line
from graphlint.reports.writer import Writer

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


class GitHub(Writer):
    """The findings as workflow commands."""

    def general(self, finding: Finding) -> Iterable[str]:
        return [_command(finding)]

    def model(self, model: ModelReport) -> Iterable[str]:
        return map(_command, model.findings)


def _command(finding: Finding) -> str:
    where = "" if finding.location is None else f"{finding.location.address}: "
    title = _property(f"{finding.code} {finding.name}")
    text = f"{where}{finding.message}" + (f" ({finding.hint})" if finding.hint else "")
    return f"::{_COMMANDS[finding.severity]} file={_property(finding.model)},title={title}::{_data(text)}"


def _data(text: str) -> str:
    return in_line(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
