"""Runs the steps of action.yml as GitHub's runner does, with inputs from the command line: NAME=VALUE.

The last line is the summary that the page of a run would show. Exits as the step that fails, else with 0.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def run(inputs: dict[str, str], temporary: Path, *, skip: tuple[str, ...] = (), **env: str) -> tuple[int, str, str]:
    """The exit code, what was printed, and the summary. ``skip`` are names of steps, for what was done before."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    values = {name: one["default"] for name, one in action["inputs"].items()} | inputs
    summary = temporary / "summary.md"
    summary.touch()
    runner = {"RUNNER_TEMP": str(temporary), "GITHUB_ACTION_PATH": str(ROOT), "GITHUB_STEP_SUMMARY": str(summary)}
    said = ""
    for step in action["runs"]["steps"]:
        if step["name"] in skip:
            continue
        given = {key: _filled(text, values) for key, text in step.get("env", {}).items()}
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
        variables = {**os.environ, "GITHUB_ACTIONS": "true", **runner, **given, **env}
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        said += done.stdout
        sys.stderr.write(done.stderr)
        if done.returncode:
            return done.returncode, said, summary.read_text()
    return 0, said, summary.read_text()


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("${{ inputs." + name + " }}", value)
    assert "${{" not in text, text
    return text


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        code, output, page = run(dict(pair.split("=", 1) for pair in sys.argv[1:]), Path(folder))
    print(output)
    print(page)
    sys.exit(code)
