"""What other programs read, read by them or held against their schemas."""

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

import graphlint
from graphlint.engine.config import Config, Ignore
from graphlint.engine.linter import Linter, nothing_to_check, refused, skipped
from graphlint.engine.selection import Selection
from graphlint.errors import UnreadableError
from graphlint.findings.finding import Finding, Location, Severity
from graphlint.reports import FORMATS, render, writer_for
from graphlint.reports.report import ModelReport, Report, SkippedRule, Status, Suppressed
from graphlint.reports.tally import Tally
from graphlint.reports.writer import Elements, Ending, Setting, Spool

DATA = Path(__file__).parents[1] / "data"
BAD = str(DATA / "bad.keras")
SARIF = json.loads((DATA / "sarif-schema-2.1.0.json").read_text())
"""Of OASIS, with the first errata; packages on the Python index have it too."""
CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "not": {"pattern": r"^(/|\\./)"}},
                    "lines": {"type": "object", "required": ["begin"], "properties": {"begin": {"const": 1}}},
                },
            },
        },
    },
}
"""What the documentation of GitLab asks for: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format."""
POSITION = {"type": "object", "properties": {"line": {"type": "integer", "minimum": 1}}}
REVIEWDOG = {
    "type": "object",
    "required": ["source", "diagnostics"],
    "additionalProperties": False,
    "properties": {
        "source": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
        "diagnostics": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["message", "location", "severity", "code"],
                "additionalProperties": False,
                "properties": {
                    "message": {"type": "string"},
                    "location": {
                        "type": "object",
                        "required": ["path", "range"],
                        "properties": {
                            "path": {"type": "string"},
                            "range": {"type": "object", "required": ["start"], "properties": {"start": POSITION}},
                        },
                    },
                    "severity": {"enum": ["ERROR", "WARNING", "INFO"]},
                    "code": {"type": "object", "required": ["value"], "properties": {"value": {"type": "string"}}},
                },
            },
        },
    },
}
"""The Reviewdog Diagnostic Format, as https://github.com/reviewdog/reviewdog/tree/master/proto/rdf has it."""


def finding(code="S001", severity=Severity.WARNING, model="models/a.keras", **given):
    defaults = {"message": "it is shared", "location": Location("enc#1/dense#0", "enc/dense"), "fingerprint": "f" * 32}
    return Finding(code, "a-name", severity, model=model, **(defaults | given))


@pytest.fixture
def report():
    """Models of every outcome, with findings of every severity, suppressed ones, and one that belongs to no model."""
    findings = (finding(severity=Severity.ERROR), finding("D001"), finding("R001", Severity.INFO, location=None))
    checked = ModelReport(
        "models/a.keras",
        Status.CHECKED,
        format="keras",
        opaque=("enc/custom",),
        skipped_rules=(SkippedRule("A002", "needs a compiled model"),),
        findings=findings,
        suppressed=1,
        suppressions=(Suppressed(finding("X001", Severity.ERROR), "we wrote it"),),
    )
    models = (
        checked,
        ModelReport("clean.keras", Status.CHECKED),
        refused("b.h5", UnreadableError("no model")),
        skipped("c.keras", "excluded"),
    )
    return Report(models, (nothing_to_check("empty", "nothing there"),), ("a note",), explanations={"S001": "Bad."})


# -- SARIF ----------------------------------------------------------------------------------------------------------


def sarif(report, **setting):
    writer = writer_for("sarif", Setting(report.explanations, report.pages, **setting))
    lines = [*writer.begin()]
    for one in report.general:
        lines += writer.general(one)
    for model in report.models:
        lines += writer.model(model)
    document = json.loads("\n".join([*lines, *writer.end(Ending(report.tally(), report.notes))]))
    jsonschema.Draft4Validator(SARIF).validate(document)
    (run,) = document["runs"]
    return run


def test_sarif_of_every_outcome_is_valid(report):
    run = sarif(report)
    assert [result["ruleId"] for result in run["results"]] == ["E004", "S001", "D001", "R001", "X001", "E001"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = result["locations"]
        assert location["physicalLocation"]["region"] == {"startLine": 1}
        assert re.fullmatch(r"[0-9a-f]{32}:1", result["partialFingerprints"]["primaryLocationLineHash"])
    assert run["results"][1]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "enc#1/dense#0"
    assert [result["level"] for result in run["results"][1:4]] == ["error", "warning", "note"]
    sarif(Report())


def test_sarif_says_of_the_run_what_could_not_be_checked(report):
    (invocation,) = sarif(report)["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 2)
    said = [(one["descriptor"]["id"], one["message"]["text"]) for one in invocation["toolExecutionNotifications"]]
    assert said == [("E004", "nothing there"), ("E001", "no model")]
    known = {one["id"] for one in sarif(report)["tool"]["driver"]["notifications"]}
    assert known == {"E004", "E001"}
    (calm,) = sarif(replace(report, models=report.models[:2], general=()))["invocations"]
    assert (calm["executionSuccessful"], calm["exitCode"]) == (True, 1)


def test_sarif_has_what_is_suppressed_where_it_is_asked_for(report):
    suppressed = [one for one in sarif(report)["results"] if "suppressions" in one]
    assert [one["ruleId"] for one in suppressed] == ["X001"]
    assert suppressed[0]["suppressions"] == [{"kind": "external", "status": "accepted", "justification": "we wrote it"}]
    assert "X001" not in {one["ruleId"] for one in sarif(report, suppressions=False)["results"]}


def test_sarif_has_the_page_of_each_rule_and_how_severe_it_is():
    run = sarif(graphlint.check(BAD))
    for rule in run["tool"]["driver"]["rules"]:
        assert rule["help"]["markdown"].startswith(f"# {rule['id']} {rule['name']}\n")
        assert "## Why is this bad?" in rule["help"]["markdown"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning")
        assert "security-severity" not in rule["properties"]
    linter = Linter(Config(), Selection(extend_select=("X",)))
    unsafe = ModelReport("m", Status.CHECKED, findings=(finding("X001"),))
    report = Report((unsafe,), explanations={"X001": "because"}, pages=linter.pages(["X001"]))
    (rule,) = sarif(report)["tool"]["driver"]["rules"]
    assert "security" in rule["properties"]["tags"] and 0 < float(rule["properties"]["security-severity"]) < 10


def test_an_ignored_finding_says_why():
    ignore = Ignore(("A001",), "it is a demonstration", layer="is_cat")
    config = Config(per_file_ignores=(("*.keras", ("T001",)),), ignores=(ignore,))
    report = graphlint.check(BAD, config=config)
    found = {one.finding.code: one.reason for one in report.models[0].suppressions}
    assert found == {"A001": "it is a demonstration", "T001": "per-file-ignores"}
    assert report.summary.suppressed == 2


# -- the others -----------------------------------------------------------------------------------------------------


def test_gitlab(report):
    issues = json.loads(render(report, "gitlab"))
    jsonschema.validate(issues, CODE_QUALITY)
    assert [one["severity"] for one in issues] == ["blocker", "major", "minor", "info", "blocker"]
    twins = Report(tuple(ModelReport(path, Status.CHECKED, findings=(finding(model=path),)) for path in "ab"))
    assert len({one["fingerprint"] for one in json.loads(render(twins, "gitlab"))}) == 2
    jsonschema.validate(json.loads(render(graphlint.check(BAD), "gitlab")), CODE_QUALITY)
    assert json.loads(render(Report(), "gitlab")) == []


def test_rdjson(report):
    document = json.loads(render(report, "rdjson"))
    jsonschema.validate(document, REVIEWDOG)
    assert [one["severity"] for one in document["diagnostics"]] == ["ERROR", "ERROR", "WARNING", "INFO", "ERROR"]
    jsonschema.validate(json.loads(render(Report(), "rdjson")), REVIEWDOG)


def test_junit(report):
    from junitparser import Error, Failure, JUnitXml, Skipped

    suites = list(JUnitXml.fromstring(render(report, "junit").encode()))
    assert [suite.name for suite in suites] == ["empty", "models/a.keras", "clean.keras", "b.h5", "c.keras"]
    outcomes = [[[type(one) for one in case.result] for case in suite] for suite in suites]
    assert outcomes == [[[Error]], [[Failure], [Failure], []], [[]], [[Error]], [[Skipped]]]
    for suite in suites:
        before = (suite.tests, suite.failures, suite.errors, suite.skipped)
        suite.update_statistics()
        assert (suite.tests, suite.failures, suite.errors, suite.skipped) == before
    assert {one.name: one.value for one in suites[1].properties()} == {
        "not run: A002": "needs a compiled model",
        "not checked inside": "enc/custom",
    }
    calm = JUnitXml.fromstring(render(report, "junit", fail_on="never").encode())
    assert [type(one) for case in list(calm)[1] for one in case.result] == []


def test_json_lines(report):
    run, general, *models, summary = map(json.loads, render(report, "json-lines").splitlines())
    whole = json.loads(render(report, "json"))
    assert (run["type"], run["version"], general["type"]) == ("run", whole["version"], "finding")
    findings = [general, *(one for model in models for one in model["findings"])]
    assert [{**one, "type": None} for one in findings] == [{**one, "type": None} for one in whole["findings"]]
    assert [{key: value for key, value in model.items() if key not in ("type", "findings")} for model in models] == (
        whole["models"]
    )
    assert {key: summary[key] for key in whole["summary"]} == whole["summary"]
    assert (summary["exit_code"], summary["notes"]) == (2, ["a note"])


def test_azure(report):
    lines = render(report, "azure").splitlines()
    pattern = r"##vso\[task\.logissue type=(error|warning);sourcepath=([^;\]]*);linenumber=1;code=(\w+);\](.*)"
    assert [re.fullmatch(pattern, line)[3] for line in lines] == ["E004", "S001", "D001", "E001"]
    odd = ModelReport("a;b].keras", Status.CHECKED, findings=(finding(model="a;b].keras", message="50%"),))
    (line,) = render(Report((odd,)), "azure").splitlines()
    assert re.fullmatch(pattern, line)[2] == "a%3Bb%5D.keras" and line.endswith("50%AZP25")


def test_pylint_as_its_readers_take_lines_apart(report):
    for pattern in (
        r"(?P<path>[^:]*):(?P<line>\d+): \[(?P<letter>[A-Z])\d*(?:\((?P<symbol>.*)\), )?.*?\] (?P<message>.*)",
        r"(?P<path>.*):(?P<line>\d+): \[(?P<letter>\D\d*).*\] (?P<message>.*)",
    ):
        read = [re.fullmatch(pattern, line) for line in render(report, "pylint").splitlines()]
        assert [one["letter"] for one in read] == ["F", "E", "W", "I", "F"]
        assert read[1]["path"] == "models/a.keras" and read[1]["message"] == "it is shared"


def test_grouped(report):
    assert render(report, "grouped") == (
        "empty:\n"
        "  error   E004 nothing-to-check: nothing there\n\n"
        "models/a.keras:\n"
        "  enc#1/dense#0  error   S001 a-name: it is shared\n"
        "  enc#1/dense#0  warning D001 a-name: it is shared\n\n"
        "b.h5:\n"
        "  error   E001 unreadable: no model\n\n"
        "note: a note\n"
        "3 errors, 1 warning, 1 info in 3 models (1 suppressed, 1 skipped, not all listed: --severity info lists all)"
    )


def test_markdown_shows_names_as_they_are(report):
    text = render(report, "markdown")
    assert text.startswith("## graphlint\n\n**3 errors, 1 warning, 1 info in 3 models")
    assert "| 🔴 error S001 a-name | enc&#35;1/dense&#35;0 | it is shared |" in text
    assert "- not run: A002 (needs a compiled model, in 1 model)" in text
    odd = "a|b](http://x) <img> `c` @team"
    model = ModelReport("m", Status.CHECKED, findings=(finding(message=odd, location=Location(odd, odd)),))
    (row,) = [line for line in render(Report((model,)), "markdown").splitlines() if "S001" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 4
    assert not re.search(r"<(?!br>)|(?<!\\)[`\]]|@|http:", row)


def test_markdown_fits_a_summary_of_github():
    long = tuple(finding(message="word " * 1000) for _ in range(100))
    models = tuple(ModelReport(f"{number}.keras", Status.CHECKED, findings=long) for number in range(4))
    text = render(Report(models), "markdown")
    assert len(text.encode()) < 1024 * 1024
    assert "\n300 more, for which there is no room here." in text


# -- all of them ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"html"}))
def test_every_format_of_machines_says_what_was_not_checked(report, format):
    text = render(report, format)
    assert "E001" in text and "no model" in text
    assert "E004" in text and "nothing there" in text


@pytest.mark.parametrize("format", ["full", "concise", "grouped", "json-lines", "github", "azure", "pylint", "junit"])
def test_a_model_is_written_before_the_next_one_is_known(report, format):
    writer = writer_for(format, Setting())
    list(writer.begin())
    assert "S001" in "\n".join(writer.model(report.models[0]))


@pytest.mark.parametrize("format", ["json", "json-lines", "sarif", "gitlab", "rdjson", "junit"])
def test_an_interrupted_run_is_a_whole_document(report, format):
    from junitparser import JUnitXml

    writer, tally = writer_for(format, Setting()), Tally()
    lines = [*writer.begin(), *writer.model(report.models[0])]
    tally.model(report.models[0])
    text = "\n".join([*lines, *writer.end(Ending(tally, interrupted=True))])
    if format == "junit":
        assert len(list(JUnitXml.fromstring(text.encode()))) == 1
    else:
        assert all(json.loads(one) for one in (text.splitlines() if format == "json-lines" else [text]))


def test_a_spool_gives_lines_back_however_many_there_are():
    lines = [f"{number}\n\ud800" * 100 for number in range(3000)]
    spool = Spool()
    for line in lines:
        spool.add(line)
    assert list(spool) == lines


def test_elements_are_json_however_many_there_are():
    for number in range(4):
        elements = Elements('"a": ')
        lines = [line for each in range(number) for line in elements.add(json.dumps({"x": each}, indent=2))]
        text = "\n".join(["{", *lines, *elements.close(), "}"])
        assert text == json.dumps({"a": [{"x": each} for each in range(number)]}, indent=2)
