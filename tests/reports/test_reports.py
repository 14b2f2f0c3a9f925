import json
from dataclasses import replace
from pathlib import Path

import click
import pytest

from graphlint.engine.config import Config, Ignore
from graphlint.engine.linter import nothing_to_check, refused, skipped
from graphlint.errors import UnreadableError
from graphlint.findings.finding import Applicability, Finding, Fix, Location, Severity
from graphlint.model.parameters import Parameters
from graphlint.reports import FORMATS, render
from graphlint.reports.report import ModelReport, Report, SkippedRule, Status
from graphlint.reports.safe import printable
from tests.engine.pack import check, network

FINDING = Finding(
    "ZZ001",
    "big-layer",
    Severity.WARNING,
    message="20 numbers",
    model="models/a.keras",
    location=Location("enc#1/dense#0", "enc/dense"),
    related=("dec/dense",),
    hint="Make it smaller.",
    fix=Fix("shrink it", Applicability.UNSAFE, changes="half the outputs go"),
    fingerprint="abc",
)


@pytest.fixture
def report():
    checked = ModelReport(
        "models/a.keras",
        Status.CHECKED,
        None,
        format="keras",
        keras_version="3.9.2",
        opaque=("enc/custom",),
        skipped_rules=(SkippedRule("A002", "needs a compiled model"), SkippedRule("Z002", "needs a live model")),
        parameters=Parameters(1200, 1000, 200, counted_per_layer=1300, counted_twice=100, unreachable=40),
        findings=(FINDING,),
        suppressed=2,
    )
    models = (checked, refused("models/b.h5", UnreadableError("no model")), skipped("c.keras", "excluded by 'c*'"))
    return Report(models, (), ("ignore matches nothing: rules = ['X']",), explanations={"ZZ001": "It is big."})


def test_full(report):
    assert render(report) == (
        """\
models/a.keras (keras, Keras 3.9.2)
  warning: ZZ001 big-layer at enc#1/dense#0
    20 numbers
    why: It is big.
    hint: Make it smaller.
    see also: dec/dense
    fix, unsafe: shrink it (half the outputs go)
  opaque, not checked inside: enc/custom
  parameters: 1,200 (1,000 trainable, 200 not); 100 counted twice, 1,300 layer by layer; 40 reach no output

models/b.h5
  error: E001 unreadable
    no model

c.keras
  skipped: excluded by 'c*'

not run: A002 (needs a compiled model); Z002 (needs a live model)
note: ignore matches nothing: rules = ['X']
1 error, 1 warning in 2 models (2 suppressed, 1 skipped)
refused: models/b.h5
1 can be fixed, with --unsafe: graphlint fix --unsafe -o FIXED.keras models/a.keras"""
    )
    assert str(report) == render(report, "full")


def test_full_with_colours_says_the_same(report):
    colored = render(report, color=True)
    assert colored != render(report)
    assert click.unstyle(colored) == render(report)


def test_full_explains_each_code_once():
    text = render(check(network(20, 30), select=("ZZ",)))
    assert text.count("ZZ001 big-layer") == 2
    assert text.count("why: It is big.") == 1


def clean(path="clean.keras", **given):
    return ModelReport(path, Status.CHECKED, format="keras", **given)


def test_clean_models_are_silent_and_what_was_not_seen_is_said():
    parameters = Parameters(1, 1, 0, counted_per_layer=1, counted_twice=0, unreachable=0)
    assert render(Report((clean(parameters=parameters), clean()))) == "Nothing found in 2 models"
    text = render(Report((clean(opaque=(".",)), clean("weights.h5", ran=("N001",)))))
    assert "opaque, not checked inside: the model" in text
    assert "weights.h5" not in text


def test_what_did_not_run_is_said_once_and_in_how_many_models():
    live, compiled = SkippedRule("K012", "needs a live model"), SkippedRule("A002", "needs a compiled model")
    text = render(Report((clean(skipped_rules=(live, compiled)), clean(skipped_rules=(live,)))))
    assert text.splitlines()[0] == ("not run: K012 (needs a live model); A002 (needs a compiled model, in 1 model)")


def test_many_that_did_not_run_for_one_reason_are_short_and_true():
    def skipping(*codes):
        return clean(skipped_rules=[SkippedRule(code, "needs a batch of data") for code in codes])

    family = [f"B{number:03}" for number in range(1, 21)]
    assert render(Report([skipping(*family, "B022")])).startswith("not run: B001-B020 B022 (needs a batch of data)\n")
    twice = render(Report([skipping(*family), skipping("B001", "B002"), clean()]))
    assert twice.startswith("not run: B001-B020 (needs a batch of data, in 1 to 2 models)\n")
    odd = [f"HR{number:03}" for number in range(1, 99, 2)]
    assert render(Report([skipping(*odd)])).startswith("not run: 49 rules (needs a batch of data)\n")


def test_info_is_counted_and_listed_on_request():
    noted = replace(FINDING, severity=Severity.INFO)
    report = Report((clean(findings=(noted,)),))
    assert render(report) == "1 info in 1 model (not all listed: --severity info lists all)"
    assert render(report, "concise") == ""
    assert "ZZ001 big-layer at" in render(report.listing("info"))
    assert "info ZZ001" in render(report.listing("info"), "concise")
    failing = Report((clean(findings=(noted,), fail_on="info"),))
    assert "ZZ001 big-layer at" in render(failing)


def test_the_summary_names_what_can_be_fixed_and_how():
    safe = replace(FINDING, fix=Fix("shrink it", Applicability.SAFE))
    several = Report(tuple(clean(f"{name}.keras", findings=(safe, FINDING)) for name in ("a b", "-c")))
    assert render(several).splitlines()[-1] == (
        "4 can be fixed, 2 of them safely: graphlint fix --in-place -- 'a b.keras' -c.keras"
    )
    alive = Report((replace(clean("<live>"), findings=(safe,)),))
    assert render(alive).splitlines()[-1] == "1 can be fixed, safely: graphlint.fix(model)"


@pytest.mark.parametrize("width", [50, 72, 200])
def test_lines_are_broken_with_a_hanging_indent(report, width):
    finding = replace(FINDING, message="many words " * 40, hint="and more " * 30)
    long = Report((replace(report.models[0], findings=(finding,)),), explanations={"ZZ001": "why not " * 50})
    text = render(long, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert " ".join(text.split()) == " ".join(render(long).split())
    assert click.unstyle(render(long, width=width, color=True)) == text


def test_concise(report):
    assert render(report, "concise") == (
        "models/a.keras: enc#1/dense#0: warning ZZ001 big-layer: 20 numbers\n"
        "models/b.h5: error E001 unreadable: no model"
    )
    assert render(Report(), "concise") == ""


@pytest.mark.parametrize("format", ["full", "concise"])
def test_statistics(report, format):
    report = Report((report.models[0], report.models[0], report.models[1]))
    assert "2  ZZ001 big-layer\n1  E001 unreadable" in render(report, format, statistics=True)


UNTOUCHED = {"file": None, "switched_off": [], "raised_limits": [], "other": None, "not_followed": []}


def test_json(report):
    assert json.loads(render(report, "json")) == {
        "version": 1,
        "models": [
            {
                "path": "models/a.keras",
                "status": "checked",
                "reason": None,
                "format": "keras",
                "depth": "weights",
                "keras_version": "3.9.2",
                "opaque": ["enc/custom"],
                "opened": [],
                "loaded": None,
                "guessed_classes": {},
                "skipped_rules": [
                    {"code": "A002", "reason": "needs a compiled model"},
                    {"code": "Z002", "reason": "needs a live model"},
                ],
                "parameters": {
                    "total": 1200,
                    "trainable": 1000,
                    "non_trainable": 200,
                    "counted_per_layer": 1300,
                    "counted_twice": 100,
                    "unreachable": 40,
                },
                "together": None,
                "configuration": UNTOUCHED,
            },
            {
                "path": "models/b.h5",
                "status": "refused",
                "reason": "no model",
                "format": None,
                "depth": "weights",
                "keras_version": None,
                "opaque": [],
                "opened": [],
                "loaded": None,
                "guessed_classes": {},
                "skipped_rules": [],
                "parameters": None,
                "together": None,
                "configuration": UNTOUCHED,
            },
            {
                "path": "c.keras",
                "status": "skipped",
                "reason": "excluded by 'c*'",
                "format": None,
                "depth": "weights",
                "keras_version": None,
                "opaque": [],
                "opened": [],
                "loaded": None,
                "guessed_classes": {},
                "skipped_rules": [],
                "parameters": None,
                "together": None,
                "configuration": UNTOUCHED,
            },
        ],
        "findings": [
            {
                "code": "ZZ001",
                "name": "big-layer",
                "severity": "warning",
                "message": "20 numbers",
                "model": "models/a.keras",
                "location": {"address": "enc#1/dense#0", "layer": "enc/dense"},
                "related": ["dec/dense"],
                "hint": "Make it smaller.",
                "fix": {"title": "shrink it", "applicability": "unsafe", "condition": None},
                "fingerprint": "abc",
            },
            {
                "code": "E001",
                "name": "unreadable",
                "severity": "error",
                "message": "no model",
                "model": "models/b.h5",
                "location": None,
                "related": [],
                "hint": "",
                "fix": None,
                "fingerprint": report.findings[1].fingerprint,
            },
        ],
        "summary": {"models": 2, "error": 1, "warning": 1, "info": 0, "suppressed": 2, "in_baseline": 0},
        "notes": list(report.notes),
    }


def test_github(report):
    assert render(report, "github").splitlines() == [
        "::warning file=models/a.keras,title=ZZ001 big-layer::enc#1/dense#0: 20 numbers (Make it smaller.)",
        "::error file=models/b.h5,title=E001 unreadable::no model",
    ]
    odd = Finding("Z001", "a-note", Severity.INFO, message="50% of it", model="a,b:c.keras")
    assert render(Report((ModelReport("x", Status.CHECKED, findings=(odd,)),)), "github") == (
        "::notice file=a%2Cb%3Ac.keras,title=Z001 a-note::50%25 of it"
    )


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("models/a b.keras", "models/a%20b.keras"),
        (str(Path.cwd() / "models" / "a.keras"), "models/a.keras"),
        ("/elsewhere/a.keras", "file:///elsewhere/a.keras"),
        ("<live>", "%3Clive%3E"),
    ],
)
def test_sarif_paths_are_relative_uris(path, uri):
    finding = Finding("Z001", "a-note", Severity.INFO, message="text", model=path)
    (run,) = json.loads(render(Report((ModelReport(path, Status.CHECKED, findings=(finding,)),)), "sarif"))["runs"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}


HOSTILE = "a\x1b[2J\x9b31m\nb\r\u202ec\ud800\u2028"


@pytest.mark.parametrize("format", FORMATS)
def test_names_from_a_file_cannot_touch_the_terminal(format):
    finding = Finding(
        "Z001",
        "a-note",
        Severity.INFO,
        message=HOSTILE,
        model=HOSTILE,
        location=Location(HOSTILE, HOSTILE),
        related=(HOSTILE,),
        hint=HOSTILE,
    )
    model = ModelReport(
        HOSTILE, Status.REFUSED, HOSTILE, format=HOSTILE, keras_version=HOSTILE, opaque=(HOSTILE,), findings=(finding,)
    )
    text = render(Report((model,), (nothing_to_check(HOSTILE, HOSTILE),), (HOSTILE,)), format)
    assert printable(text.replace("\n", "")) == text.replace("\n", "")
    assert text.encode()
    clean = Finding(
        "Z001", "a-note", Severity.INFO, message="m", model="m", location=Location("m", "m"), related=("m",), hint="m"
    )
    calm = Report(
        (ModelReport("m", Status.REFUSED, "m", format="m", keras_version="m", opaque=("m",), findings=(clean,)),)
    )
    calm = Report(calm.models, (nothing_to_check("m", "m"),), ("m",))
    assert text.count("\n") == render(calm, format).count("\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("plain ü 漢", "plain ü 漢"), ("a\tb", "a\\tb"), ("\ud800", "\\ud800"), ("\u202e", "\\u202e"), ("\x00", "\\x00")],
)
def test_printable(text, expected):
    assert printable(text) == expected


def test_a_report_is_the_same_every_time():
    config = Config(ignores=(Ignore(("Z001",), "because", layer="none"),))
    first, second = (render(check(network(20, 30, 5), config), "json") for _ in range(2))
    assert first == second
