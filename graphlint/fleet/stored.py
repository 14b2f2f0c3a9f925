"""The report on a model as plain data and back, for what outlives a process. Nothing is run when it is read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from graphlint.findings.finding import Applicability, Finding, Fix, Location, Severity
from graphlint.model.parameters import Parameters
from graphlint.reports.report import ModelReport, Protection, SkippedRule, Status, Suppressed

_LISTS = ("opaque", "opened", "ran")


def to_data(report: ModelReport) -> dict[str, Any]:
    """Everything that a report on a file says. The edits of its fixes are left out, and so is its graph."""
    return {
        "path": report.path,
        "status": report.status.value,
        "reason": report.reason,
        "format": report.format,
        "keras_version": report.keras_version,
        "loaded": report.loaded,
        "depth": report.depth,
        **{name: list(getattr(report, name)) for name in _LISTS},
        "guessed_classes": [list(pair) for pair in report.guessed_classes],
        "skipped_rules": [list(rule) for rule in report.skipped_rules],
        "parameters": None if report.parameters is None else asdict(report.parameters),
        "findings": [_finding(finding) for finding in report.findings],
        "suppressed": report.suppressed,
        "in_baseline": report.in_baseline,
        "no_model": report.no_model,
        "suppressions": [[_finding(one.finding), one.reason] for one in report.suppressions],
        "fail_on": report.fail_on,
        "severity": report.severity,
        "security_fail_on": report.security_fail_on,
        "protection": asdict(report.protection),
        "tried_ignores": sorted(report.tried_ignores),
        "used_ignores": sorted(report.used_ignores),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    fix = finding.fix
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "location": None if finding.location is None else [finding.location.address, finding.location.layer],
        "related": list(finding.related),
        "hint": finding.hint,
        "fix": None if fix is None else [fix.title, fix.applicability.value, fix.changes, fix.condition],
        "fingerprint": finding.fingerprint,
    }


def from_data(data: dict[str, Any]) -> ModelReport:
    """The report that `to_data` was given.

    Raises:
        KeyError, TypeError, ValueError: this is something else.
    """
    path = data["path"]
    parameters, protection = data["parameters"], data["protection"]
    return ModelReport(
        path,
        Status(data["status"]),
        data["reason"],
        format=data["format"],
        keras_version=data["keras_version"],
        loaded=data["loaded"],
        depth=data["depth"],
        opaque=tuple(data["opaque"]),
        opened=tuple(data["opened"]),
        ran=tuple(data["ran"]),
        guessed_classes=tuple((layer, name) for layer, name in data["guessed_classes"]),
        skipped_rules=tuple(SkippedRule(code, reason) for code, reason in data["skipped_rules"]),
        parameters=None if parameters is None else Parameters(**parameters),
        findings=tuple(_found(path, finding) for finding in data["findings"]),
        suppressed=data["suppressed"],
        in_baseline=data["in_baseline"],
        no_model=data["no_model"],
        suppressions=tuple(Suppressed(_found(path, finding), reason) for finding, reason in data["suppressions"]),
        fail_on=data["fail_on"],
        severity=data["severity"],
        security_fail_on=data["security_fail_on"],
        protection=Protection(
            protection["file"],
            tuple(protection["switched_off"]),
            tuple(protection["raised_limits"]),
            protection["other"],
            tuple(protection["not_followed"]),
        ),
        tried_ignores=frozenset(data["tried_ignores"]),
        used_ignores=frozenset(data["used_ignores"]),
    )


def _found(path: str, data: dict[str, Any]) -> Finding:
    fix = data["fix"]
    return Finding(
        data["code"],
        data["name"],
        Severity(data["severity"]),
        message=data["message"],
        model=path,
        location=None if data["location"] is None else Location(*data["location"]),
        related=tuple(data["related"]),
        hint=data["hint"],
        fix=None if fix is None else Fix(fix[0], Applicability(fix[1]), changes=fix[2], condition=fix[3]),
        fingerprint=data["fingerprint"],
    )
