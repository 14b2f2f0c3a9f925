"""The Reviewdog Diagnostic Format, as one document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from graphlint.reports.json import dumps
from graphlint.reports.places import LINE, described, relative
from graphlint.reports.writer import Elements, Ending, Setting, Writer

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport


class ReviewDog(Writer):
    """The findings as diagnostics."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._diagnostics = Elements('"diagnostics": ')

    def begin(self) -> Iterable[str]:
        return ["{", '  "source": {"name": "graphlint"},']

    def general(self, finding: Finding) -> Iterable[str]:
        return self._diagnostics.add(dumps(_diagnostic(finding)))

    def model(self, model: ModelReport) -> Iterable[str]:
        for finding in model.findings:
            yield from self.general(finding)

    def end(self, ending: Ending) -> Iterable[str]:
        return [*self._diagnostics.close(), "}"]


def _diagnostic(finding: Finding) -> dict[str, Any]:
    return {
        "message": described(finding),
        "location": {"path": relative(finding.model), "range": {"start": {"line": LINE}}},
        "severity": finding.severity.value.upper(),
        "code": {"value": f"{finding.code} {finding.name}"},
    }
