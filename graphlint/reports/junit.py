"""JUnit XML, which every service that runs tests shows: a suite for each model, and in it a case for each finding.

A finding that makes the run fail is a failure, one of graphlint's own run an error, any other passes and says so in its
output. A clean model is one case that passes, a skipped one a case that was skipped; rules that did not run are
properties of the suite.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from graphlint.findings.tool_findings import TOOL_FINDINGS
from graphlint.reports.listing import fails
from graphlint.reports.places import described, relative
from graphlint.reports.report import ModelReport, Status
from graphlint.reports.safe import in_xml
from graphlint.reports.text import summary_line
from graphlint.reports.writer import Ending, Writer

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding

_CLASS = "graphlint"


class JUnit(Writer):
    """The run as suites of tests."""

    def begin(self) -> Iterable[str]:
        return ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites name="graphlint">']

    def general(self, finding: Finding) -> Iterable[str]:
        return _suite(finding.model, [_case(finding, failed=True)], errors=1)

    def model(self, model: ModelReport) -> Iterable[str]:
        path = relative(model.path)
        if model.status is Status.SKIPPED:
            case = _element(
                "testcase", {"classname": path, "name": _CLASS}, _empty("skipped", message=model.reason or "")
            )
            return _suite(path, [case], skipped=1)
        failing = {id(one) for one in model.findings if fails(model, one, self.setting.fail_on)}
        errors = sum(one.code in TOOL_FINDINGS for one in model.findings)
        failures = sum(id(one) in failing and one.code not in TOOL_FINDINGS for one in model.findings)
        cases = [_case(one, failed=id(one) in failing) for one in model.findings]
        clean = _empty("testcase", classname=path, name=_CLASS)
        properties = {f"not run: {rule.code}": rule.reason for rule in model.skipped_rules}
        if model.opaque:
            properties["not checked inside"] = ", ".join(model.opaque)
        return _suite(path, cases or [clean], errors=errors, failures=failures, properties=properties)

    def end(self, ending: Ending) -> Iterable[str]:
        said = [summary_line(ending.tally), *(f"note: {note}" for note in ending.notes)]
        if ending.interrupted:
            said.append("interrupted: more models should have followed")
        yield from (f"  <!-- {in_xml(text).replace('--', '- -')} -->" for text in said)
        yield "</testsuites>"


def _suite(name: str, cases: list[str], *, properties: dict[str, str] | None = None, **counts: int) -> Iterator[str]:
    known = {"tests": len(cases), "failures": 0, "errors": 0, "skipped": 0} | counts
    yield f"  <testsuite{_attributes({'name': relative(name), **known})}>"
    if properties:
        yield "    <properties>"
        yield from (f"      {_empty('property', name=key, value=value)}" for key, value in properties.items())
        yield "    </properties>"
    yield from (f"    {case}" for case in cases)
    yield "  </testsuite>"


def _case(finding: Finding, *, failed: bool) -> str:
    where = "" if finding.location is None else f" at {finding.location.address}"
    attributes = {"classname": relative(finding.model), "name": f"{finding.code} {finding.name}{where}"}
    if not failed and finding.code not in TOOL_FINDINGS:
        return _element("testcase", attributes, _element("system-out", {}, in_xml(described(finding))))
    kind = "error" if finding.code in TOOL_FINDINGS else "failure"
    said = {"message": finding.message, "type": f"{finding.severity}"}
    return _element("testcase", attributes, _element(kind, said, in_xml(described(finding))))


def _element(tag: str, attributes: Mapping[str, object], content: str) -> str:
    return f"<{tag}{_attributes(attributes)}>{content}</{tag}>"


def _empty(tag: str, **attributes: object) -> str:
    return f"<{tag}{_attributes(attributes)}/>"


def _attributes(attributes: Mapping[str, object]) -> str:
    return "".join(f' {key}="{in_xml(str(value))}"' for key, value in attributes.items())
