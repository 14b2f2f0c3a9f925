"""What holds for the project as a whole."""

import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HEAVY = {"fsspec", "h5py", "keras", "networkx", "numpy", "pyfive", "rich", "tensorflow"}


def imported_by(code: str, *arguments: str) -> set[str]:
    """The heavy packages that a fresh process has imported when ``code`` has run."""
    report = "import sys, atexit; atexit.register(lambda: print('\\n', *sys.modules, file=sys.stderr))\n"
    command = [sys.executable, "-c", report + code, *arguments]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    return HEAVY & set(process.stderr.splitlines()[-1].split())


def test_importing_graphlint_imports_nothing_heavy() -> None:
    assert imported_by("import graphlint") == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["check", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert imported_by("from graphlint.cli import main; main()", *arguments) == set()


def test_checking_a_file_imports_no_framework() -> None:
    model = str(ROOT / "tests" / "data" / "good.keras")
    frameworks = {"h5py", "keras", "tensorflow"}
    assert not imported_by("from graphlint.cli import main; main()", "check", model) & frameworks


def test_the_installed_version_is_this_one() -> None:
    assert importlib.metadata.version("keras-graphlint") == PROJECT["project"]["version"]


@pytest.mark.parametrize(("package", "folder"), PROJECT["tool"]["setuptools"]["package-dir"].items())
def test_every_folder_with_code_is_packaged(package: str, folder: str) -> None:
    folders = {path.parent.relative_to(ROOT / folder) for path in (ROOT / folder).rglob("*.py")}
    packaged = {name for name in PROJECT["tool"]["setuptools"]["packages"] if name.split(".")[0] == package}
    assert packaged == {".".join([package, *path.parts]) for path in folders}


@pytest.mark.parametrize("name", ["lint", "test"])
def test_the_readme_command_starts_from_a_bare_python(name: str) -> None:
    script = ROOT / ".ci" / "readme_command.py"
    command = subprocess.run([sys.executable, script, name], cwd=ROOT, capture_output=True, text=True, check=True)
    assert command.stdout.startswith("python3 -m venv ")
    assert command.stdout.count("\n") == 1


def test_the_readme_shows_what_its_command_prints() -> None:
    arguments = ["check", "--fail-on", "never", "tests/data/bad.keras"]
    command = [sys.executable, "-m", "graphlint", *arguments]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f"```\n{printed}```" in (ROOT / "README.md").read_text(encoding="utf-8")
