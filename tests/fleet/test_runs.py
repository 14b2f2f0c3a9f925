"""Runs over many files: lists, parts, and what happens after an interruption."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from graphlint.cli import main
from graphlint.fleet.entries import directory
from tests.fleet.models import models

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(9):
        name = "bad" if number % 3 else "good"
        (tmp_path / f"m{number}.keras").write_bytes((DATA / f"{name}.keras").read_bytes())
    return tmp_path


def run(*arguments, **options):
    return CliRunner().invoke(main, ["check", "--format", "json", *map(str, arguments)], **options)


def paths(text: str) -> list[str]:
    return [model["path"] for model in json.loads(text)["models"]]


# -- lists ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\0"])
def test_a_list_of_files(here, separator):
    names = ["m1.keras", "m2.keras", "sub"]
    Path("sub").mkdir()
    Path("sub/odd name.keras").write_bytes(Path("m0.keras").read_bytes())
    text = separator.join(names) + separator
    Path("list").write_bytes(text.encode())
    for result in (run("--files-from", "list"), run("--files-from", "-", input=text)):
        assert paths(result.stdout) == ["m1.keras", "m2.keras", "sub/odd name.keras"]


def test_a_list_names_files_and_nothing_that_runs(here):
    """A line that looks like MODULE:ATTRIBUTE is a name of a file that there is not."""
    Path("evil.py").write_text("open('ran', 'w')\n")
    result = run("--files-from", "-", input="evil:build\n-\n--config=x\n")
    assert [model["status"] for model in json.loads(result.stdout)["models"]] == ["refused"] * 3
    assert not Path("ran").exists()


def test_a_list_that_is_not_there_or_empty(here):
    assert run("--files-from", "none").exit_code == 2
    empty = run("--files-from", "-", input="")
    assert empty.exit_code == 2 and "E004" in empty.stdout
    assert run("-", "--files-from", "-", input="").exit_code == 2


# -- parts ----------------------------------------------------------------------------------------------------------


def test_parts_have_each_model_once(here):
    whole = paths(run().stdout)
    parts = [paths(run("--shard", f"{number}/4").stdout) for number in range(1, 5)]
    assert sorted(path for part in parts for path in part) == whole
    (here / "m00.keras").write_bytes(b"another")
    assert [path for path in paths(run("--shard", "2/4").stdout) if path != "m00.keras"] == parts[1]


def test_a_part_without_models_is_no_error(here):
    results = [run("m0.keras", "--shard", f"{number}/2") for number in (1, 2)]
    assert sorted(len(paths(result.stdout)) for result in results) == [0, 1]
    assert [result.exit_code for result in results] == [0, 0]
    (empty,) = (result for result in results if not paths(result.stdout))
    assert "has none of the 1 models" in empty.stdout


@pytest.mark.parametrize("wrong", ["0/4", "5/4", "4", "1/0", "a/b", "1/2/3"])
def test_a_part_that_there_is_not(here, wrong):
    result = run("--shard", wrong)
    assert result.exit_code == 2 and "expected NUMBER/OF, such as 3/64" in result.stderr


# -- interruptions --------------------------------------------------------------------------------------------------

SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell has those that it runs in the background ignore it.
from graphlint.engine.linter import Linter
check_file = Linter.check_file
def slowly(self, *arguments):
    time.sleep(0.15)
    return check_file(self, *arguments)
Linter.check_file = slowly
from graphlint.cli import main
main(sys.argv[1:])
"""


def slow(*arguments: str, here: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SLOW, "check", *arguments]
    return subprocess.Popen(command, cwd=here, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def journal() -> bytes:
    return b"".join(path.read_bytes() for path in (directory() / "runs").glob("*.jsonl"))


def after(count: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until so many models are done."""
    while journal().count(b"\n") < count and process.poll() is None:
        time.sleep(0.02)


@pytest.mark.skipif(os.name == "nt", reason="kills")
@pytest.mark.parametrize("format_", ["json", "json-lines", "sarif"])
def test_a_run_that_is_killed_ends_in_the_same_report(here, format_):
    arguments = ["--no-cache", "--format", format_, "--resume", "-o", "report"]
    whole = CliRunner().invoke(main, ["check", "--no-cache", "--format", format_, "-o", "whole"])
    assert whole.exit_code == 1
    for count in (2, 5):
        process = slow(*arguments, here=here)
        after(count, process)
        process.kill()
        process.communicate()
        assert not Path("report").exists()
    for path in (directory() / "runs").glob("*.jsonl"):
        path.write_bytes(path.read_bytes() + b"cut off in the mid")
    result = CliRunner().invoke(main, ["check", "-v", *arguments])
    assert result.exit_code == 1
    taken = int(result.stderr.partition("resumed: ")[2].partition(" ")[0])
    assert 5 <= taken <= 9
    assert Path("report").read_bytes() == Path("whole").read_bytes()
    assert journal() == b""


def test_a_file_that_changed_meanwhile_is_checked_again(here, monkeypatch):
    from graphlint.fleet import content as caching

    monkeypatch.setattr(caching, "_TICK", 0)
    process = slow("--no-cache", "--format", "json", "--resume", "-o", "report", here=here)
    after(3, process)
    process.kill()
    process.communicate()
    before = Path("m0.keras").stat()
    Path("m0.keras").write_bytes(Path("m1.keras").read_bytes()[: before.st_size].ljust(before.st_size))
    os.utime("m0.keras", ns=(before.st_atime_ns, before.st_mtime_ns))
    run("--no-cache", "--resume", "-o", "report")
    assert json.loads(Path("report").read_text())["models"][0]["status"] == "refused"


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_what_is_interrupted_is_written_and_says_so(here, how):
    process = slow("--no-cache", "--resume", "--format", "json", here=here)
    after(3, process)
    process.send_signal(how)
    document = json.loads(process.communicate()[0])
    assert process.returncode == 2
    assert 3 <= len(document["models"]) < 9
    assert f"interrupted after {len(document['models'])} of 9 models" in document["notes"][0]


def test_what_was_found_is_written_at_once(here):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SLOW, "check", "--no-cache", "--format", "json-lines"]
    with subprocess.Popen(command, cwd=here, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.poll() is None
        process.kill()


def test_many_files_in_a_list_of_many(tmp_path):
    names = "\n".join(models(tmp_path, 30))
    result = run("--files-from", "-", "-j", "2", input=names)
    assert paths(result.stdout) == names.splitlines()
