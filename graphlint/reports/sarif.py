"""SARIF 2.1.0. Addresses are logical locations; paths are relative URIs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from graphlint.reports.json import dumps
from graphlint.reports.writer import Elements, Ending, Setting, Writer

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


class Sarif(Writer):
    """A SARIF log with one run: results as they come, then what is known of their rules."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._results = Elements('"results": ', 6)
        self._places: dict[str, int] = {}
        self._names: dict[str, str] = {}

    def begin(self) -> Iterable[str]:
        schema = "https://json.schemastore.org/sarif-2.1.0.json"
        return [
            "{",
            f'  "$schema": "{schema}",',
            '  "version": "2.1.0",',
            '  "runs": [',
            "    {",
            '      "columnKind": "unicodeCodePoints",',
        ]

    def general(self, finding: Finding) -> Iterable[str]:
        place = self._places.setdefault(finding.code, len(self._places))
        self._names.setdefault(finding.code, finding.name)
        return self._results.add(dumps(_result(finding, place)))

    def model(self, model: ModelReport) -> Iterable[str]:
        for finding in model.findings:
            yield from self.general(finding)

    def end(self, ending: Ending) -> Iterable[str]:
        from graphlint import __version__

        yield from self._results.close(",")
        explanations = self.setting.explanations
        driver = {
            "name": "graphlint",
            "semanticVersion": __version__,
            "rules": [_rule(code, name, explanations.get(code, "")) for code, name in self._names.items()],
        }
        rest = {
            "tool": {"driver": driver},
            "invocations": [{"executionSuccessful": ending.tally.exit_code != 2}],
        }
        lines = dumps(rest).split("\n")[1:-1]
        yield from (f"    {line}" for line in lines)
        yield from ("    }", "  ]", "}")


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
