"""What holds for the project as a whole."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from graphlint.engine.documentation import offered_fix
from graphlint.engine.registry import load_registry

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


def test_the_readme_says_how_many_rules_offer_a_fix() -> None:
    rules = [rule for rule in load_registry() if rule.__module__.startswith("graphlint_rules.")]
    count = Counter(offered_fix(rule) for rule in rules)
    fixable = count["safe"] + count["unsafe"]
    sentence = (
        f"{fixable} of the {len(rules)} rules offer a fix: {count['safe']} of them a safe one, {count['unsafe']} an "
        "unsafe one"
    )
    assert sentence in " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())


DOCUMENTS = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "SECURITY.md", "CHANGELOG.md")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_name_files_that_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    quoted = re.findall(r"`((?:graphlint|rules|tests|\.ci)/[\w./]*)`", text)
    missing = [one for one in [*linked, *quoted] if not (ROOT / one).exists()]
    assert not missing


def test_the_changelog_has_the_version() -> None:
    version = PROJECT["project"]["version"]
    assert re.search(rf"^## {re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
