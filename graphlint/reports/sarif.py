"""SARIF 2.1.0. Addresses are logical locations; paths are relative URIs."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from graphlint.reports.json import dumps

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import Report

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def render(report: Report, *, color: bool = False, statistics: bool = False) -> str:
    """The report as a SARIF log with one run."""
    from graphlint import __version__

    rules = {finding.code: finding.name for finding in report.findings}
    codes = sorted(rules)
    driver = {
        "name": "graphlint",
        "semanticVersion": __version__,
        "rules": [_rule(code, rules[code], report.explanations.get(code, "")) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": report.exit_code() != 2}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, codes.index(finding.code)) for finding in report.findings],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return dumps({"$schema": schema, "version": "2.1.0", "runs": [run]})


def _rule(code: str, name: str, why: str) -> dict[str, Any]:
    described = {"fullDescription": {"text": why}} if why else {}
    return {"id": code, "name": name, "shortDescription": {"text": name.replace("-", " ")}, **described}


def _result(finding: Finding, index: int) -> dict[str, Any]:
    artifact = {"artifactLocation": {"uri": _uri(finding.model)}}
    location: dict[str, Any] = {"physicalLocation": artifact}
    if finding.location is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.location.address, "kind": "member"}]
    text = f"{finding.message} {finding.hint}".strip()
    return {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [location],
        "partialFingerprints": {"graphlint/v1": finding.fingerprint},
    }


def _uri(path: str) -> str:
    """A path relative to the current directory, as a URI; a file URI for a path elsewhere."""
    given = PurePath(path)
    if not given.is_absolute():
        return quote(path, errors="replace")
    here = Path.cwd()
    if given.is_relative_to(here):
        return quote(given.relative_to(here).as_posix(), errors="replace")
    return "file://" + quote(given.as_posix(), errors="replace")
