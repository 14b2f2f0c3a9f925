"""Everything, for programs: one JSON document, version 1. Keys are always there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from graphlint.reports.safe import in_json

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport, Report

VERSION = 1

_SURROGATE = re.compile("[\ud800-\udfff]")


def render(report: Report, *, color: bool = False, statistics: bool = False) -> str:
    """The report as JSON in ASCII."""
    return dumps(document(report))


def dumps(value: Any, default: Callable[[Any], Any] | None = None) -> str:
    """JSON that every parser accepts: ASCII, lone surrogates written as ``\\udXXX`` in the text."""
    return in_json(json.dumps(_clean(value), indent=2, ensure_ascii=True, default=default))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", value)
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, (list, tuple)) else value


def document(report: Report) -> dict[str, Any]:
    """The report as plain data."""
    return {
        "version": VERSION,
        "models": [_model(model) for model in report.models],
        "findings": [_finding(finding) for finding in report.findings],
        "summary": asdict(report.summary),
        "notes": list(report.notes),
    }


def _model(model: ModelReport) -> dict[str, Any]:
    return {
        "path": model.path,
        "status": model.status.value,
        "reason": model.reason,
        "format": model.format,
        "keras_version": model.keras_version,
        "opaque": list(model.opaque),
        "opened": list(model.opened),
        "loaded": model.loaded,
        "guessed_classes": dict(model.guessed_classes),
        "skipped_rules": [rule._asdict() for rule in model.skipped_rules],
        "parameters": None if model.parameters is None else asdict(model.parameters),
        "configuration": {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(model.protection).items()
        },
    }


def _finding(finding: Finding) -> dict[str, Any]:
    location, fix = finding.location, finding.fix
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "model": finding.model,
        "location": None if location is None else asdict(location),
        "related": list(finding.related),
        "hint": finding.hint,
        "fix": None
        if fix is None
        else {"title": fix.title, "applicability": fix.applicability.value, "condition": fix.condition or None},
        "fingerprint": finding.fingerprint,
    }
