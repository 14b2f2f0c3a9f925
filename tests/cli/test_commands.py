import json

import pytest
from click.testing import CliRunner

from graphlint.cli import COMMANDS, main


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*args):
    return CliRunner().invoke(main, args)


def test_help_lists_every_command():
    result = run("--help")
    assert result.exit_code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: graphlint {name}")


@pytest.mark.parametrize("args", [["nonsense"], ["check", "--nonsense"], ["rule"], ["rule", "S0O1"]])
def test_usage_errors_are_exit_2(args):
    result = run(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr


def test_version():
    assert run("--version").stdout.startswith("graphlint, version ")


def test_rules_are_listed_as_text_and_as_json():
    text = run("rules").stdout
    rules = json.loads(run("rules", "--format", "json").stdout)
    heads = [line.split() for line in text.splitlines() if not line.startswith(" ") and not line.endswith(":")]
    assert [head[0] for head in heads] == [one["code"] for one in rules]
    assert max(map(len, text.splitlines())) <= 80
    assert "Shared weights:" in text.splitlines()
    assert [rule["code"] for rule in rules] == sorted(rule["code"] for rule in rules)
    (rule,) = [rule for rule in rules if rule["code"] == "A001"]
    assert set(rule) == {
        "code",
        "name",
        "family",
        "severity",
        "fix",
        "summary",
        "needs",
        "preview",
        "default",
        "options",
        "documentation",
        "in_code",
    }
    assert (rule["name"], rule["severity"], rule["default"]) == ("softmax-on-one", "error", True)
    assert (rule["family"], rule["fix"]) == ("Architecture and loss", "unsafe")


@pytest.mark.parametrize("text", ["A001", "softmax-on-one"])
def test_one_rule_is_explained(text):
    result = run("rule", text)
    assert result.exit_code == 0
    assert result.stdout.startswith("A001 softmax-on-one (error")
    assert "\nWhy is this bad?\n" in result.stdout
    assert "##" not in result.stdout and "```" not in result.stdout
    assert '    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="softmax")])' in result.stdout
    assert json.loads(run("rule", text, "--format", "json").stdout)["code"] == "A001"


@pytest.mark.parametrize("text", ["E002", "rule-crashed"])
def test_findings_of_the_tool_itself_are_explained(text):
    assert run("rule", text).stdout.startswith("E002 rule-crashed (error)")
    assert json.loads(run("rule", text, "--format", "json").stdout)["name"] == "rule-crashed"


def test_a_name_that_is_almost_right():
    assert "did you mean softmax-on-one" in run("rule", "softmax-on-1").stderr
