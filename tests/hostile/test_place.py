"""The tool in a folder that somebody else filled: modules, configurations and file names in it get nothing to run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from graphlint.cli import COMMANDS, main
from tests.hostile.dangerous.case import old_lambda, with_layer
from tests.hostile.files import keras_archive

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
GOOD = (DATA / "good.keras").read_bytes()
MARK = "open({path!r}, 'a').close()\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    return folder


@pytest.fixture
def canary(tmp_path):
    """Must not be there in the end."""
    return tmp_path / "canary"


def lambda_model():
    return keras_archive(with_layer("Lambda", old_lambda("never")))


def python(*arguments, cwd, before="", **environment):
    command = f"{before}{sys.executable} " + " ".join(arguments)
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def check(*arguments):
    result = CliRunner().invoke(main, ["check", "--format", "json", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result, json.loads(result.stdout) if result.stdout else None


def codes(document):
    return {one["code"] for one in document["findings"] if one["severity"] != "info"}


# -- modules in the current directory -------------------------------------------------------------------------------

STANDARD = (
    "multiprocessing concurrent pickle json logging queue select selectors signal socket socketserver copyreg struct "
    "tempfile random hashlib tomllib zipfile ast inspect dataclasses csv email http numpy click networkx pyfive rich "
    "graphlint_rules keras sitecustomize usercustomize"
).split()


@pytest.mark.skipif(sys.platform == "win32", reason="runs a shell")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_modules_of_the_current_directory_are_not_imported(here, canary, jobs):
    for name in STANDARD:
        (here / f"{name}.py").write_text(MARK.format(path=f"{canary}.{name}"))
    for name in ("a", "b"):
        (here / f"{name}.keras").write_bytes(GOOD)
    command = "-m graphlint"
    if jobs == "2":  # So that processes start, although there is little to do.
        code = "from graphlint.cli import main; from graphlint.fleet import dispatch; dispatch._WORTHWHILE = 0; main()"
        command = f"-P -c '{code}'"
    result = python(command, "check --no-cache -j", jobs, "a.keras b.keras", cwd=here)
    assert (result.returncode, list(canary.parent.glob("canary*"))) == (0, []), result.stderr
    assert "Nothing found in 2 models" in result.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="runs a shell")
def test_the_modules_would_be_imported_otherwise(here, canary):
    """Otherwise the test above would prove nothing."""
    (here / "multiprocessing.py").write_text(MARK.format(path=str(canary)))
    python("-c 'import multiprocessing'", cwd=here)
    assert canary.exists()


# -- a configuration that comes with the model ----------------------------------------------------------------------

SILENCERS = {
    "select": 'select = ["D"]',
    "ignore": 'ignore = ["X"]',
    "per-file-ignores": '[per-file-ignores]\n"**" = ["X", "D001"]',
    "ignores": '[[ignores]]\nrules = ["X001", "X002"]\nreason = "trust me"',
    "rules": '[rules.X001]\nseverity = "info"',
    "fail-on": 'fail-on = "never"',
    "exclude": 'exclude = ["**"]',
    "limits": "[limits]\njson-bytes = 999999999\ngraph-calls = 999999999",
}


@pytest.mark.parametrize("key", SILENCERS)
def test_it_does_not_touch_security(here, key):
    (here / "downloads").mkdir()
    (here / "downloads" / "graphlint.toml").write_text(SILENCERS[key])
    (here / "downloads" / "a.keras").write_bytes(lambda_model())
    for path in ("downloads", "downloads/a.keras", here / "downloads" / "a.keras"):
        result, document = check(path)
        assert (result.exit_code, "X001" in codes(document)) == (1, True), path
        (model,) = document["models"]
        source = (here / "downloads" / "graphlint.toml").as_posix()
        assert model["configuration"]["not_followed"] == [key]
        assert model["configuration"]["other"] == source
        (note,) = document["notes"]
        assert source in note and key in note and "was not followed" in note
        assert note in CliRunner().invoke(main, ["check", str(path)]).stdout


def test_it_has_its_say_on_the_rest(here):
    (here / "downloads").mkdir()
    (here / "downloads" / "graphlint.toml").write_text('ignore = ["A001", "D001", "T001"]')
    (here / "downloads" / "a.keras").write_bytes((DATA / "bad.keras").read_bytes())
    result, document = check("downloads")
    assert (result.exit_code, codes(document), document["notes"]) == (0, set(), [])
    (here / "downloads" / "graphlint.toml").write_text('exclude = ["**"]')
    result, document = check("downloads")
    assert (result.exit_code, codes(document)) == (0, set())
    assert {one["code"][0] for one in document["models"][0]["skipped_rules"]} >= set("ADTS")


def test_limits_of_another_folder_are_not_raised(here):
    (here / "downloads").mkdir()
    (here / "downloads" / "graphlint.toml").write_text("[limits]\njson-nodes = 999999999")
    (here / "downloads" / "a.keras").write_bytes(GOOD)
    (here / "graphlint.toml").write_text("[limits]\njson-nodes = 3")
    assert check("downloads")[0].exit_code == 2


def test_what_the_users_own_configuration_switches_off_is_said(here):
    (here / "a.keras").write_bytes(lambda_model())
    (here / "graphlint.toml").write_text('ignore = ["X001"]\n[limits]\njson-bytes = 999999999')
    document = check("a.keras")[1]
    assert "X001" not in codes(document)
    configuration = document["models"][0]["configuration"]
    assert configuration["switched_off"] == ["X001"]
    assert configuration["raised_limits"] == ["json-bytes"]
    assert any("switches off X001" in note for note in document["notes"])
    text = CliRunner().invoke(main, ["check", "a.keras"])
    assert "switches off X001" in text.stdout and "raises limits: json-bytes" in text.stdout
    assert check("a.keras", "--isolated")[1]["notes"] == []
    assert not any("switches off" in note for note in check("a.keras", "--select", "D")[1]["notes"])


def test_in_processes_the_same(here, monkeypatch):
    monkeypatch.setattr("graphlint.fleet.dispatch._WORTHWHILE", 0.0)
    (here / "downloads").mkdir()
    (here / "downloads" / "graphlint.toml").write_text('ignore = ["X"]')
    for name in ("a", "b"):
        (here / "downloads" / f"{name}.keras").write_bytes(lambda_model())
    first, second = check("downloads")[1], check("downloads", "--no-cache", "-j", "2")[1]
    assert first == second and codes(first) >= {"X001"}


# -- plugins --------------------------------------------------------------------------------------------------------

PLUGIN = """
from graphlint import Problem, Rule, Severity

class Always(Rule):
    "Always fires."
    code, name, severity = "ZP001", "always-here", Severity.WARNING

    def check(self, graph):
        yield Problem("here", ".")
"""


def plugin(folder, canary):
    """A configuration with a plugin; the module has the name of its folder, as modules stay imported."""
    name = f"plugin_of_{abs(hash(str(folder)))}"
    folder.mkdir(exist_ok=True)
    (folder / "graphlint.toml").write_text(f'plugins = ["{name}"]')
    (folder / f"{name}.py").write_text(MARK.format(path=str(canary)) + PLUGIN)
    (folder / "a.keras").write_bytes(GOOD)


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "a.keras"],
        ["check", "-j", "2", "a.keras", "a.keras"],
        ["check", "--config", "graphlint.toml", "a.keras"],
        ["rules"],
        ["rule", "always-here"],
        ["fix", "--diff", "a.keras"],
    ],
)
def test_plugins_need_consent(here, canary, arguments):
    plugin(here, canary)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "--allow-plugins" in result.stderr and "graphlint.toml" in result.stderr
    assert not canary.exists()


def test_plugins_with_consent(here, canary):
    plugin(here, canary)
    assert "ZP001" in codes(check("a.keras", "--allow-plugins")[1])
    assert canary.exists()


def test_plugins_of_a_folder_that_the_user_lists(here, canary, tmp_path):
    plugin(here, canary)
    plugin(here / "inner", canary)
    own = tmp_path / "own" / "graphlint"
    own.mkdir(parents=True)
    (own / "graphlint.toml").write_text(f"trusted-plugins = [{str(here)!r}]")
    assert "ZP001" in codes(check("a.keras")[1])
    assert check("inner/a.keras")[0].exit_code == 2
    for wrong in ("trusted-plugins = 3", 'trusted-plugins = ["relative"]', "select = []", "["):
        (own / "graphlint.toml").write_text(wrong)
        result, _ = check("a.keras")
        assert result.exit_code == 2 and str(own) in result.stderr


def test_plugins_that_come_with_a_model(here, canary):
    plugin(here / "downloads", canary)
    for arguments in (["downloads"], ["downloads", "--allow-plugins"]):
        result, _ = check(*arguments)
        assert result.exit_code == 2 and "--config" in result.stderr
    assert not canary.exists()
    result, document = check("downloads", "--config", "downloads/graphlint.toml", "--allow-plugins")
    assert "ZP001" in codes(document)


# -- names of files as arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["--config=evil.toml", "-q", "--allow-plugins", "-oreport", "--select=D"])
def test_an_option_that_is_a_file_is_refused(here, name):
    (here / name).write_bytes(lambda_model())
    for command in COMMANDS:
        result = CliRunner().invoke(main, [command, name])
        assert (result.exit_code, result.stdout) == (2, ""), command
        assert "write -- before" in result.stderr and result.stderr.count("\n") == 1
    for arguments in (["--", name], [f"./{name}"]):
        assert "X001" in codes(check("--isolated", *arguments)[1])


def evil(here, canary):
    (here / "evil.py").write_text(MARK.format(path=str(canary)) + "def run(): pass\n")


@pytest.mark.parametrize(
    "name", ["x evil:run y.keras", "a.keras evil:run b.keras", "evil:run a.keras", "a.keras evil:run", "x\nevil:run"]
)
def test_pieces_of_a_name_are_not_imported(here, canary, name):
    evil(here, canary)
    for each in ("a.keras", "b.keras"):
        (here / each).write_bytes(GOOD)
    (here / name).write_bytes(GOOD)
    result, document = check(*name.split())
    assert result.exit_code == 2
    assert "--model evil:run" in next(one["message"] for one in document["findings"] if one["model"] == "evil:run")
    assert check("evil:run")[0].exit_code == 2  # as `xargs -n 1` would
    assert not canary.exists()


@pytest.mark.parametrize("where", ["deep/er/x evil:run y.keras", "x evil:run z/deep.keras"])
def test_pieces_of_a_name_further_down(here, canary, where):
    evil(here, canary)
    (here / where).parent.mkdir(parents=True)
    (here / where).write_bytes(GOOD)
    assert check("evil:run")[0].exit_code == 2
    assert not canary.exists()


def test_after_the_end_of_options_there_are_only_paths(here, canary):
    evil(here, canary)
    result, document = check("--", "evil:run", "-")
    assert (result.exit_code, [one["code"] for one in document["findings"]]) == (2, ["E001", "E001"])
    assert not canary.exists()


@pytest.mark.parametrize("name", ["evil:run.keras", "evil:run.h5", "evil:run.JSON"])
def test_the_name_of_a_file_that_is_gone_is_no_attribute(here, canary, name):
    evil(here, canary)
    assert check(name)[0].exit_code == 2
    assert not canary.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="runs a shell")
@pytest.mark.parametrize("xargs", ["xargs", "xargs -n 1", "xargs -I{}", "xargs -d,"])
def test_xargs(here, canary, xargs):
    evil(here, canary)
    place = here.parent / "elsewhere"
    place.mkdir()
    (place / "x evil:run y.keras").write_bytes(GOOD)
    (place / "x,evil:run,y.keras").write_bytes(GOOD)
    command = f"find {place} -type f -name '*.keras' | {xargs} "
    replaced = " {}" if "{}" in xargs else ""
    result = python(f"-m graphlint check --format concise{replaced}", cwd=here, before=command)
    assert result.returncode not in (0, 1) or replaced
    assert not canary.exists()


def test_what_somebody_typed_is_imported(here, canary):
    evil(here, canary)
    (here / "a.keras").write_bytes(GOOD)
    document = check("a.keras", "evil:run")[1]
    assert canary.exists()
    assert "to return a keras.Model" in document["findings"][0]["message"]
    canary.unlink()
    sys.modules.pop("evil")
    (here / "x evil:run y.keras").write_bytes(GOOD)
    check("a.keras", "--model", "evil:run")
    assert canary.exists()
    sys.modules.pop("evil")
