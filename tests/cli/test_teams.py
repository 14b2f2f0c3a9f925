"""Where teams run graphlint: pytest, GitHub, GitLab, shells."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from graphlint.cli import main

ROOT = Path(__file__).parents[2]
GOOD, BAD = ((ROOT / "tests" / "data" / name).read_bytes() for name in ("good.keras", "bad.keras"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(**files):
    for name, content in files.items():
        path = Path(name.replace("__", "/").replace("_dot_", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


# -- pytest ---------------------------------------------------------------------------------------------------------


def pytest_run(*args):
    """Outcomes by node, and what was printed."""
    command = [sys.executable, "-m", "pytest", "-p", "graphlint.pytest_plugin", "-rA", "--tb=short", *args]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    words = [line.split() for line in done.stdout.splitlines() if "::" in line]
    return {line[1]: line[0] for line in words if line[0] in ("PASSED", "FAILED")}, done.stdout


def test_each_model_is_a_test_of_pytest(here):
    import h5py

    put(models__good_dot_keras=GOOD, models__bad_dot_keras=BAD, models__broken_dot_h5=b"PK\x03\x04 cut off")
    put(old__bad_dot_keras=BAD, graphlint_dot_toml='exclude = ["old"]\nignore = ["T001"]\n')
    with h5py.File("models/data.h5", "w") as file:
        file["images"] = [1]
    outcomes, text = pytest_run("--graphlint")
    assert outcomes == {
        "models/good.keras::graphlint": "PASSED",
        "models/bad.keras::graphlint": "FAILED",
        "models/broken.h5::graphlint": "FAILED",
    }
    assert "FAILED models/bad.keras::graphlint - 1 error, 1 warning in 1 model: A001 D001" in text
    assert "error: A001 softmax-on-one at is_cat#0" in text and "T001" not in text
    assert "excluded by 'old' in graphlint.toml" in text and "HDF5 without a Keras model" in text
    assert pytest_run("--graphlint", "models/data.h5")[0] == {"models/data.h5::graphlint": "FAILED"}


def test_pytest_keeps_to_the_baseline_and_has_a_fixture(here):
    put(bad_dot_keras=BAD, graphlint_dot_toml='baseline = "known.txt"\nignore = ["D001"]\n')
    command = [sys.executable, "-m", "graphlint", "check", "--write-baseline", "known.txt"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    put(test_models_dot_py="def test(assert_clean):\n    assert_clean('bad.keras', ignore=['A001', 'T001'])\n")
    outcomes, text = pytest_run("--graphlint")
    assert outcomes == {"test_models.py::test": "PASSED", "bad.keras::graphlint": "PASSED"}, text
    Path("test_models.py").unlink()
    put(bad_dot_keras=GOOD)
    assert "known.txt: 2 entries match nothing any more" in pytest_run("--graphlint")[1]


# -- services -------------------------------------------------------------------------------------------------------


def schema_errors(name, path):
    """What the schema that its authors publish says of a file."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", name, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_action_for_github(here):
    assert schema_errors("vendor.github-actions", ROOT / "action.yml") == ""
    put(models__bad_dot_keras=BAD, a_space_dot_keras=GOOD)
    Path("a_space.keras").rename("a space$(touch oops).keras")
    binary = here / "runner" / "graphlint" / "bin" / "graphlint"
    binary.parent.mkdir(parents=True)
    binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m graphlint "$@"\n')
    binary.chmod(0o755)
    run = runpy.run_path(str(ROOT / ".ci" / "action.py"))["run"]
    paths = "models\na space$(touch oops).keras\n"
    code, said, summary = run(
        {"paths": paths, "args": "--ignore\nT001", "sarif": "s.sarif"}, here / "runner", skip=("Install graphlint",)
    )
    assert (code, [line.partition(" ")[0] for line in said.splitlines()]) == (1, ["::error", "::warning"])
    assert "**1 error, 1 warning in 2 models**" in summary
    assert len(json.loads(Path("s.sarif").read_text())["runs"][0]["results"]) == 2
    assert not Path("oops").exists()


def test_the_component_for_gitlab(here):
    text = (ROOT / "templates" / "graphlint.yml").read_text()
    head, job = yaml.safe_load_all(text)
    for name, one in head["spec"]["inputs"].items():
        text = text.replace(f"$[[ inputs.{name} ]]", one["default"])
    assert "$[[" not in text
    put(job_dot_yml=text.partition("\n---\n")[2], bad_dot_keras=BAD)
    assert schema_errors("vendor.gitlab-ci", "job.yml") == ""
    script = yaml.safe_load(Path("job.yml").read_text())["graphlint"]["script"]
    command = script[-1].replace("/tmp/graphlint/bin/graphlint", f"{sys.executable} -m graphlint")
    done = subprocess.run(["sh", "-ec", command], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "1 error, 2 warnings in 1 model" in done.stdout, done.stderr
    for kind, path in job["graphlint"]["artifacts"]["reports"].items():
        assert "A001" in Path(path).read_text(), kind


# -- shells ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("graphlint ch", ["check"]),
        ("graphlint check --sev", ["--severity"]),
        ("graphlint check --format json", ["json", "json-lines"]),
        ("graphlint check --select S,A00", ["S,A001", "S,A002", "S,A003"]),
        ("graphlint rule softmax-on", ["softmax-on-one"]),
    ],
)
def test_a_shell_completes(line, offered):
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1), "_GRAPHLINT_COMPLETE": "bash_complete"}
    result = CliRunner().invoke(main, prog_name="graphlint", env=words)
    assert result.exit_code == 0
    assert [one.partition(",")[2] for one in result.stdout.split()][: len(offered)] == offered
