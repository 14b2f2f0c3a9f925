"""The Code Quality report of GitLab: a list of findings, each with a fingerprint that no other has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from graphlint.findings.tool_findings import TOOL_FINDINGS
from graphlint.reports.json import dumps
from graphlint.reports.places import LINE, described, relative, unique
from graphlint.reports.writer import Elements, Ending, Setting, Writer

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport

_SEVERITIES = {"error": "major", "warning": "minor", "info": "info"}


class GitLab(Writer):
    """The findings; what was not checked is a blocker."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._findings = Elements("", 0)

    def general(self, finding: Finding) -> Iterable[str]:
        return self._findings.add(dumps(_issue(finding)))

    def model(self, model: ModelReport) -> Iterable[str]:
        for finding in model.findings:
            yield from self.general(finding)

    def end(self, ending: Ending) -> Iterable[str]:
        return self._findings.close()


def _issue(finding: Finding) -> dict[str, Any]:
    return {
        "description": f"{finding.code} {finding.name}: {described(finding)}",
        "check_name": f"graphlint/{finding.code}",
        "fingerprint": unique(finding),
        "severity": "blocker" if finding.code in TOOL_FINDINGS else _SEVERITIES[finding.severity],
        "location": {"path": relative(finding.model), "lines": {"begin": LINE}},
    }
