"""Which findings are listed, and which are failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphlint.findings.finding import Severity, is_security

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport


def fails(model: ModelReport, finding: Finding, fail_on: str | None = None) -> bool:
    """Whether a finding makes the run fail: by ``fail_on``, or if that is None, by the configuration of its model."""
    lowest = fail_on or (model.security_fail_on if is_security(finding.code) else None) or model.fail_on
    return lowest != "never" and finding.severity.rank <= Severity(lowest).rank


def listed(model: ModelReport) -> list[Finding]:
    """The findings of a model that the formats for reading list: from its severity up, and whatever makes it fail."""
    lowest = Severity(model.severity).rank
    return [one for one in model.findings if one.severity.rank <= lowest or fails(model, one)]
