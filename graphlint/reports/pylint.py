"""What Pylint prints for programs (``--output-format=parseable``), which many of them read.

Its letter is the severity: E, W and I, and F for what graphlint could not check.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from graphlint.findings.tool_findings import TOOL_FINDINGS
from graphlint.reports.places import LINE, relative
from graphlint.reports.safe import in_line
from graphlint.reports.writer import Writer

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport

_LETTERS = {"error": "E", "warning": "W", "info": "I"}


class Pylint(Writer):
    """One line for each finding: ``path:1: [E(S001-name), address] message``."""

    def general(self, finding: Finding) -> Iterable[str]:
        return [_line(finding)]

    def model(self, model: ModelReport) -> Iterable[str]:
        return map(_line, model.findings)


def _line(finding: Finding) -> str:
    letter = "F" if finding.code in TOOL_FINDINGS else _LETTERS[finding.severity]
    address = "" if finding.location is None else finding.location.address
    hint = f" ({finding.hint})" if finding.hint else ""
    about = f"{letter}({finding.code}-{finding.name}), {address}"
    return in_line(f"{relative(finding.model)}:{LINE}: [{about}] {finding.message}{hint}")
