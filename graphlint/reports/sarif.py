"""SARIF 2.1.0, as GitHub's code scanning and other viewers read it.

Addresses are logical locations; the physical one is the first line of the file, as viewers want a line. What graphlint
itself could not do is a result, which is tracked as the others are, and a notification of the run, which is where the
standard puts it. Findings that the configuration or a baseline suppresses are results with a suppression, if they are
asked for: GitHub takes them for open alerts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from graphlint.findings.finding import Severity, is_security
from graphlint.findings.tool_findings import TOOL_FINDINGS
from graphlint.reports.json import dumps
from graphlint.reports.places import LINE, uri
from graphlint.reports.writer import Elements, Ending, Setting, Spool, Writer

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport, Suppressed

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_PROBLEMS = {"error": "error", "warning": "warning", "info": "recommendation"}
_SECURITY = {"error": "8.8", "warning": "5.5", "info": "2.5"}
"""On the scale of CVSS, by which GitHub says critical from 9 on, high from 7, medium from 4."""


class Sarif(Writer):
    """A log with one run: results as they come, then their rules and the invocation."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._results = Elements('"results": ', 6)
        self._notifications = Spool()
        self._places: dict[str, int] = {}
        self._defaults: dict[str, tuple[str, Severity]] = {}

    def begin(self) -> Iterable[str]:
        return [
            "{",
            f'  "$schema": "{_SCHEMA}",',
            '  "version": "2.1.0",',
            '  "runs": [',
            "    {",
            '      "columnKind": "unicodeCodePoints",',
        ]

    def general(self, finding: Finding) -> Iterable[str]:
        return self._result(finding)

    def model(self, model: ModelReport) -> Iterable[str]:
        for finding in model.findings:
            yield from self._result(finding)
        for suppressed in model.suppressions if self.setting.suppressions else ():
            yield from self._result(suppressed.finding, suppressed)

    def _result(self, finding: Finding, suppressed: Suppressed | None = None) -> Iterable[str]:
        place = self._places.setdefault(finding.code, len(self._places))
        self._defaults.setdefault(finding.code, (finding.name, finding.severity))
        location: dict[str, Any] = {
            "physicalLocation": {"artifactLocation": {"uri": uri(finding.model)}, "region": {"startLine": LINE}}
        }
        if finding.location is not None:
            location["logicalLocations"] = [{"fullyQualifiedName": finding.location.address, "kind": "member"}]
        level = _LEVELS[finding.severity]
        message = {"text": f"{finding.message}. {finding.hint}" if finding.hint else finding.message}
        result: dict[str, Any] = {
            "ruleId": finding.code,
            "ruleIndex": place,
            "level": level,
            "message": message,
            "locations": [location],
            "partialFingerprints": {
                "graphlint/v1": finding.fingerprint,
                "primaryLocationLineHash": f"{finding.fingerprint}:1",
            },
        }
        if suppressed is not None:
            external = {"kind": "external", "status": "accepted", "justification": suppressed.reason}
            result["suppressions"] = [external]
        elif finding.code in TOOL_FINDINGS:
            said = {"descriptor": {"id": finding.code}, "level": level, "message": message, "locations": [location]}
            self._notifications.add(dumps(said))
        return self._results.add(dumps(result))

    def end(self, ending: Ending) -> Iterable[str]:
        from graphlint import __version__

        yield from self._results.close(",")
        driver: dict[str, Any] = {
            "name": "graphlint",
            "semanticVersion": __version__,
            "rules": [self._rule(code) for code in self._places],
        }
        tools = [code for code in self._places if code in TOOL_FINDINGS]
        if tools:
            driver["notifications"] = [self._rule(code) for code in tools]
        tool = dumps({"tool": {"driver": driver}}).split("\n")[1:-1]
        yield from (f"    {line}" for line in tool[:-1])
        yield f"    {tool[-1]},"
        yield '      "invocations": ['
        yield "        {"
        code = ending.tally.exit_code
        yield f'          "exitCode": {code},'
        yield f'          "executionSuccessful": {"false" if code == 2 or ending.interrupted else "true"},'
        notifications = Elements('"toolExecutionNotifications": ', 10)
        for text in self._notifications:
            yield from notifications.add(text)
        yield from notifications.close()
        yield from ("        }", "      ]", "    }", "  ]", "}")

    def _rule(self, code: str) -> dict[str, Any]:
        """What is known of a rule: all of its page, if it is one of this run."""
        why = self.setting.explanations.get(code, "")
        name, severity = self._defaults[code]
        found: dict[str, Any] = {"id": code, "name": name}
        page = self.setting.pages.get(code)
        tags = ["tool"] if code in TOOL_FINDINGS else ["model"]
        if page is not None:
            severity = page.severity
            tags = [page.family]
            found["shortDescription"] = {"text": page.summary}
            found["help"] = {"text": page.markdown, "markdown": page.markdown}
        else:
            found["shortDescription"] = {"text": name.replace("-", " ")}
        if why:
            found["fullDescription"] = {"text": why}
            found.setdefault("help", {"text": why, "markdown": why})
        properties: dict[str, Any] = {"precision": "high", "problem.severity": _PROBLEMS[severity]}
        if is_security(code):
            properties["security-severity"] = _SECURITY[severity]
            tags = ["security", *tags]
        found["defaultConfiguration"] = {"level": _LEVELS[severity]}
        found["properties"] = {"tags": list(dict.fromkeys(tags)), **properties}
        return found
