from dataclasses import replace
from pathlib import Path

import pytest

from graphlint import Problem, Rule, Severity
from graphlint.engine.config import Config, Ignore, RuleSettings
from graphlint.engine.linter import Linter, nothing_to_check
from graphlint.errors import ConfigError, LimitError, UnreadableError
from graphlint.findings.finding import Location
from graphlint.model.graph import Tensor
from graphlint.reports.report import Report, SkippedRule, Status
from tests.engine.pack import check, codes, linter, network
from tests.model.definitions import call, definition, input_call, layer, model


def rule(problems, **attributes):
    """A rule that yields, or raises, these."""

    def run(self, graph):
        for problem in problems:
            if isinstance(problem, Exception):
                raise problem
            yield problem

    body = {"code": "QQ001", "name": "some-rule", "severity": Severity.WARNING, "check": run}
    return type("Made", (Rule,), body | attributes)


def test_a_problem_becomes_a_finding():
    report = check(network(20), select=("ZZ001",))
    (finding,) = report.findings
    assert (finding.code, finding.name, finding.severity) == ("ZZ001", "big-layer", Severity.WARNING)
    assert (finding.message, finding.model, finding.hint) == ("20 numbers", "m.keras", "Make it smaller.")
    assert finding.location == Location("dense@kernel", "dense")
    assert finding.related == ("dense",)
    assert report.explanations == {"ZZ001": "It is big."}
    assert report.parameters.total == 20


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("inner#0", Location("inner#0", "inner")),
        ("inner#1/dense#0", Location("inner#1/dense#0", "inner/dense")),
        ("inner/dense", Location("inner/dense", "inner/dense")),
        ("inner/dense@kernel", Location("inner/dense@kernel", "inner/dense")),
        (".", Location(".", ".")),
        (None, None),
    ],
)
def test_locations(node, expected):
    inner = network(3, name="inner")
    root = model("net", [input_call("a"), call(inner, 0), call(inner, 1)], [0], [2])
    (finding,) = check(root, rules=[rule([Problem("here", node)])]).findings
    assert finding.location == expected


def test_a_rule_that_crashes_is_a_finding_and_the_others_run():
    report = check(network(20), select=("ZZ001", "ZZ002"))
    assert codes(report) == ["E002", "ZZ001", "ZZ002"]
    assert report.findings[0].message == "ZZ002 crash crashed: ValueError: boom"
    assert report.exit_code("never") == 2


def test_a_problem_at_a_node_that_is_not_there_is_a_crash_of_the_rule():
    assert codes(check(network(1), rules=[rule([Problem("x", "nowhere")])])) == ["E002"]


@pytest.mark.parametrize(
    ("error", "code"), [(UnreadableError("a bad checksum"), "E001"), (LimitError("too much"), "E003")]
)
def test_numbers_that_turn_out_unreadable_refuse_the_model_once(error, code):
    rules = [
        rule([error]),
        rule([error], code="QQ002", name="another"),
        rule([Problem("fine")], code="QQ003", name="c"),
    ]
    report = check(network(1), rules=rules)
    assert codes(report) == [code, "QQ003"]
    (found,) = report.models
    assert (found.status, found.reason, found.parameters) == (Status.REFUSED, str(error), None)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UnreadableError("no model"), "E001", "no model"),
        (LimitError("too much"), "E003", "too much"),
        (PermissionError(13, "Permission denied"), "E001", "cannot be read: Permission denied"),
        (KeyError("layers"), "E001", "cannot be read: KeyError: 'layers'"),
    ],
)
def test_what_cannot_be_read_is_a_finding(error, code, message):
    def read():
        raise error

    model = linter().check_source(read, "m.keras")
    assert (model.status, model.reason) == (Status.REFUSED, message)
    assert [(finding.code, finding.message) for finding in model.findings] == [(code, message)]


def test_a_model_over_the_limit_of_calls_is_refused():
    config = Config(limits=replace(Config().limits, graph_calls=3))
    assert codes(check(network(1, 1), config)) == ["Z001"]
    assert codes(check(network(1, 1, 1), config)) == ["E003"]


def test_rules_that_cannot_run_are_skipped_with_the_reason():
    assert check(network(1)).models[0].skipped_rules == (SkippedRule("Z002", "needs a live model"),)


def test_worst_first_then_by_code_then_in_graph_order():
    report = check(network(20, 1, 30), preview=True)
    assert [(one.code, one.location.layer) for one in report.findings] == [
        ("ZZ101", "dense_2"),
        ("ZZ001", "dense"),
        ("ZZ001", "dense_2"),
        ("Z001", "."),
    ]


# -- configuration --------------------------------------------------------------------------------------------------


def test_severity_and_options_of_a_rule():
    config = Config(rules={"big-layer": RuleSettings(Severity.ERROR, {"min-elements": 3})})
    assert [(one.code, one.severity) for one in check(network(3), config, select=("ZZ",)).findings] == [
        ("ZZ001", "error")
    ]
    assert codes(check(network(3), select=("ZZ",))) == []


def test_the_severity_of_one_problem_and_that_of_the_configuration():
    rules = [rule([Problem("x", severity=Severity.INFO)])]
    assert check(network(1), rules=rules).findings[0].severity == "info"
    config = Config(rules={"QQ001": RuleSettings(Severity.ERROR)})
    assert check(network(1), config, rules=rules).findings[0].severity == "error"


def nested():
    inner = model("backbone", [input_call("x"), call(layer("conv", size=20), 0)], [0], [1])
    return model("net", [input_call("x"), call(inner, 0), call(layer("head", size=20), 1)], [0], [2])


@pytest.mark.parametrize(
    ("ignore", "left", "stale"),
    [
        ({"layer": "backbone/**"}, ["head"], False),
        ({"layer": "backbone/*"}, ["head"], False),
        ({"layer": "**/conv"}, ["head"], False),
        ({"layer": "*"}, ["backbone/conv"], False),
        ({}, [], False),
        ({"model": "*.keras"}, [], False),
        ({"model": "models/*.keras"}, [], False),
        ({"model": "other/*.keras"}, ["backbone/conv", "head"], False),
        ({"layer": "backbone"}, ["backbone/conv", "head"], True),
    ],
)
def test_one_object_is_ignored(ignore, left, stale):
    config = Config(root=Path("/project"), ignores=(Ignore(("ZZ",), "because", **ignore),))
    report = check(nested(), config, shown="/project/models/m.keras", select=("ZZ",))
    assert [finding.location.layer for finding in report.findings] == left
    assert report.summary.suppressed == 2 - len(left)
    assert bool(report.notes) is stale
    if stale:
        assert "ignore matches nothing: rules = ['ZZ'], layer = 'backbone'" in str(report)


def test_an_ignore_of_a_rule_that_did_not_run_is_not_stale():
    config = Config(ignores=(Ignore(("ZZ001",), "because", layer="nowhere"), Ignore(("live-only",), "because")))
    assert check(network(1), config, select=("Z",)).notes == ()


def test_rules_are_ignored_by_file():
    config = Config(root=Path("/project"), per_file_ignores=(("legacy/*.h5", ("ZZ", "a-note")),))
    assert codes(check(network(20), config, shown="/project/legacy/m.h5")) == []
    assert codes(check(network(20), config, shown="/project/m.h5")) == ["ZZ001", "Z001"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (Config(rules={"ZZ001": RuleSettings(None, {"min-element": 3})}), "did you mean min-elements"),
        (Config(rules={"ZZ001": RuleSettings(None, {"min-elements": "3"})}), r"expected int \(elements\), got '3'"),
        (Config(rules={"ZZ001": RuleSettings(None, {"min-elements": True})}), "expected int"),
        (Config(rules={"ZZ001": RuleSettings(None, {"min-elements": 0})}), "expected 1 to 1000"),
        (Config(rules={"ZZ001": RuleSettings(None, {"share": "all"})}), "expected number"),
        (Config(rules={"ZZ001": RuleSettings(None, {"strict": 1})}), "expected bool"),
        (Config(rules={"ZZ999": RuleSettings()}), "no rule is called 'ZZ999'"),
        (Config(ignores=(Ignore(("E001",), "because"),)), "cannot be ignored"),
        (Config(per_file_ignores=(("*.h5", ("QQ",)),)), r"per-file-ignores '\*\.h5': no rule matches 'QQ'"),
    ],
)
def test_a_configuration_must_fit_the_rules(config, message):
    with pytest.raises(ConfigError, match=message):
        linter(config)


@pytest.mark.parametrize("selector", ["E", "E001", "unreadable"])
def test_findings_of_the_tool_itself_cannot_be_ignored(selector):
    with pytest.raises(ConfigError, match="cannot be ignored"):
        linter(ignore=(selector,))


def test_numbers_and_words_as_options():
    settings = RuleSettings(None, {"share": 1, "word": "y", "strict": True})
    assert linter(Config(rules={"ZZ001": settings}))


# -- exit codes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("severity", "fail_on", "expected"),
    [
        ("error", None, 1),
        ("warning", None, 1),
        ("info", None, 0),
        ("info", "info", 1),
        ("warning", "error", 0),
        ("error", "error", 1),
        ("error", "never", 0),
    ],
)
def test_exit_codes(severity, fail_on, expected):
    report = check(network(1), rules=[rule([Problem("x", severity=Severity(severity))])])
    assert report.exit_code(fail_on) == expected


def test_a_configuration_sets_what_fails():
    assert check(network(1), Config(fail_on="info"), select=("Z001",)).exit_code() == 1
    assert check(network(1), Config(fail_on="info"), select=("Z001",)).exit_code("warning") == 0


def test_nothing_to_check_is_not_clean():
    assert Report(general=(nothing_to_check(".", "nothing there"),)).exit_code("never") == 2
    assert Report().exit_code() == 0


# -- fingerprints ---------------------------------------------------------------------------------------------------


def prints(root, **arguments):
    return [finding.fingerprint for finding in check(root, **arguments).findings]


def test_fingerprints_survive_moving_and_automatic_renaming():
    first = prints(network(20, 30), shown="a.keras")
    assert first == prints(network(21, 31, first=7), shown="b/c.keras")
    assert len(set(first)) == len(first)
    assert first != prints(network(20, 30, prefix="mine"))


def test_fingerprints_tell_two_problems_at_one_node_apart():
    same = prints(network(1), rules=[rule([Problem("x", "dense"), Problem("y", "dense")])])
    keyed = prints(network(1), rules=[rule([Problem("x", "dense", key="a"), Problem("x", "dense", key="b")])])
    assert len({*same, *keyed}) == 4


def test_fingerprints_tell_the_outputs_of_a_call_apart():
    """A finding at the second output that is fixed does not take the one at the first along."""
    outputs = [Tensor("dense#0", 0), Tensor("dense#0", 1)]
    together = prints(network(1), rules=[rule([Problem("x", one) for one in outputs])])
    apart = [prints(network(1), rules=[rule([Problem("x", one)])])[0] for one in outputs]
    assert sorted(together) == sorted(apart) and len(set(apart)) == 2


def test_the_default_linter_has_the_installed_rules():
    made = Linter()
    assert made.check_source(lambda: definition(network(1)), "m.keras").status == "checked"
    assert {"A001", "D001"} <= {rule.code for rule in made.rules}
