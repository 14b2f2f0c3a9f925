"""Everything, for programs: one JSON document, version 1. Keys are always there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from graphlint.reports.safe import in_json
from graphlint.reports.writer import Elements, Ending, Setting, Spool, Writer

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport

VERSION = 1

_SURROGATE = re.compile("[\ud800-\udfff]")


class Json(Writer):
    """The report as one document in ASCII: models as they come, then all findings, kept in a file until then."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._models = Elements('"models": ')
        self._findings = Spool()

    def begin(self) -> Iterable[str]:
        return ["{", f'  "version": {VERSION},']

    def general(self, finding: Finding) -> Iterable[str]:
        self._findings.add(dumps(finding_document(finding)))
        return ()

    def model(self, model: ModelReport) -> Iterable[str]:
        for finding in model.findings:
            self.general(finding)
        return self._models.add(dumps(model_document(model)))

    def end(self, ending: Ending) -> Iterable[str]:
        yield from self._models.close(",")
        findings = Elements('"findings": ')
        for text in self._findings:
            yield from findings.add(text)
        yield from findings.close(",")
        rest = dumps({"summary": asdict(ending.tally.summary), "notes": list(ending.notes)})
        yield rest.removeprefix("{\n")


def dumps(value: Any, default: Callable[[Any], Any] | None = None, *, indent: int | None = 2) -> str:
    """JSON that every parser accepts: ASCII, lone surrogates written as ``\\udXXX`` in the text."""
    text = json.dumps(value, indent=indent, ensure_ascii=True, default=default)
    if "\\ud" in text:  # Where there is one, or a character that takes two.
        text = json.dumps(_clean(value), indent=indent, ensure_ascii=True, default=default)
    return in_json(text)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", value)
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, (list, tuple)) else value


def model_document(model: ModelReport) -> dict[str, Any]:
    """What a report says of a model, but for its findings, as plain data."""
    return {
        "path": model.path,
        "status": model.status.value,
        "reason": model.reason,
        "format": model.format,
        "keras_version": model.keras_version,
        "opaque": list(model.opaque),
        "opened": list(model.opened),
        "loaded": model.loaded,
        "depth": model.depth,
        "guessed_classes": dict(model.guessed_classes),
        "skipped_rules": [rule._asdict() for rule in model.skipped_rules],
        "parameters": None if model.parameters is None else _flat(model.parameters),
        "together": None if model.together is None else asdict(model.together),
        "configuration": {
            key: list(value) if isinstance(value, tuple) else value for key, value in _flat(model.protection).items()
        },
    }


def _flat(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that has no other inside; `asdict` copies each of them deeply."""
    return {one.name: getattr(value, one.name) for one in fields(value)}


def finding_document(finding: Finding) -> dict[str, Any]:
    """A finding as plain data."""
    location, fix = finding.location, finding.fix
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "model": finding.model,
        "location": None if location is None else _flat(location),
        "related": list(finding.related),
        "hint": finding.hint,
        "fix": None
        if fix is None
        else {"title": fix.title, "applicability": fix.applicability.value, "condition": fix.condition or None},
        "fingerprint": finding.fingerprint,
    }
