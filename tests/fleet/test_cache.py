"""Files that have not changed are not checked again, and nothing else is taken for them."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import graphlint
from graphlint.cli import main
from graphlint.engine.config import Config
from graphlint.engine.linter import Linter
from graphlint.findings.finding import Finding, Fix, Location, Severity
from graphlint.fleet import cache as caching
from graphlint.fleet import code, content, entries
from graphlint.fleet.cache import Cache, CacheUnusable
from graphlint.fleet.stored import from_data, to_data
from graphlint.fleet.tasks import Settings, Task
from graphlint.reports.report import ModelReport, Status, Suppressed

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
GOOD = (DATA / "good.keras").read_bytes()
BAD = (DATA / "bad.keras").read_bytes()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Two old models in the current directory: what was just written is not kept, as it might change unseen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(content, "_TICK", 0)
    for name, data in (("a.keras", GOOD), ("b.keras", BAD)):
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.fixture
def checks(monkeypatch):
    """The names of the files that were really checked."""
    done = []
    check_file = Linter.check_file

    def check(self, source, *more):
        done.append(Path(str(source)).name)
        return check_file(self, source, *more)

    monkeypatch.setattr(Linter, "check_file", check)
    return done


def run(*arguments) -> str:
    result = CliRunner().invoke(main, ["check", "--format", "json", *map(str, arguments)])
    assert isinstance(result.exception, (SystemExit, type(None))), result.exception
    return result.stdout


def test_the_second_run_checks_nothing_and_says_the_same(here, checks):
    first = run()
    assert checks == ["a.keras", "b.keras"]
    assert run() == first
    assert run("-j", "auto") == first
    assert checks == ["a.keras", "b.keras"]


def test_without_it_everything_is_checked(here, checks):
    assert run() == run("--no-cache")
    assert checks == ["a.keras", "b.keras"] * 2
    assert run("a.keras", "--no-cache") == run("a.keras", "--no-cache")
    assert checks[4:] == ["a.keras"] * 2


def test_what_is_kept_can_be_removed(here, checks):
    run()
    removed = CliRunner().invoke(main, ["cache", "clean"])
    assert removed.exit_code == 0 and removed.stdout.startswith("removed ")
    run()
    assert len(checks) == 4
    CliRunner().invoke(main, ["cache", "clean"])
    assert CliRunner().invoke(main, ["cache", "clean"]).stdout.startswith("nothing is kept in ")


def test_another_content_of_the_same_size_and_times_is_checked(here, checks):
    path = here / "a.keras"
    assert "A001" not in run("a.keras")
    before = path.stat()
    other = BAD[: len(GOOD)].ljust(len(GOOD), b"\0")
    path.write_bytes(other)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert json.loads(run("a.keras"))["models"][0]["status"] == "refused"
    assert checks == ["a.keras"] * 2


def test_what_is_no_whole_report_is_not_kept(here, checks):
    (here / "broken.keras").write_bytes(BAD[:9000])
    (here / "config.json").write_text("{}")
    for _ in range(2):
        run("broken.keras", "config.json", "missing.keras")
    assert len(checks) == 6


def test_what_changes_while_it_is_read_is_not_kept(here, monkeypatch):
    check_file, path = Linter.check_file, here / "a.keras"

    def swap(self, *arguments):
        found = check_file(self, *arguments)
        path.write_bytes(BAD)  # The good report must not become that of the bad model, nor the other way round.
        return found

    monkeypatch.setattr(Linter, "check_file", swap)
    run("a.keras")
    monkeypatch.setattr(Linter, "check_file", check_file)
    assert "A001" in run("a.keras")
    path.write_bytes(GOOD)
    assert "A001" not in run("a.keras")


def test_what_was_just_written_is_not_kept(here, checks, monkeypatch):
    monkeypatch.setattr(content, "_TICK", 10**12)
    run("a.keras")
    run("a.keras")
    assert checks == ["a.keras"] * 2


@pytest.mark.parametrize(
    "other",
    [
        ("--select", "A"),
        ("--ignore", "D"),
        ("--preview",),
        ("--target-keras", "3.8"),
        ("--depth", "structure"),
        ("--config", "other.toml"),
    ],
)
def test_whatever_a_report_depends_on_makes_it_another(here, checks, other):
    (here / "other.toml").write_text('[per-file-ignores]\n"b.*" = ["A001"]\n')
    run("b.keras")
    run("b.keras", *other)
    assert len(checks) == 2


def test_other_code_is_another_version(here, checks, monkeypatch):
    run("a.keras")
    monkeypatch.setattr(caching, "_contexts", {})
    run("a.keras")
    assert len(checks) == 1
    monkeypatch.setattr(caching, "_contexts", {})
    monkeypatch.setattr(code, "files", lambda packages: ["edited"])
    run("a.keras")
    assert len(checks) == 2


def test_an_edited_file_of_a_rule_is_other_code(tmp_path, monkeypatch):
    module = tmp_path / "edited_rules.py"
    module.write_text("import graphlint\n")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("edited_rules")
    before = code.files.__wrapped__(frozenset({"edited_rules", "graphlint"}))
    module.write_text("import graphlint  # edited\n")
    assert code.files.__wrapped__(frozenset({"edited_rules", "graphlint"})) != before


# -- damage -----------------------------------------------------------------------------------------------------------


def store() -> Path:
    return caching.directory() / "reports-2.sqlite"


@pytest.mark.parametrize("damage", ["cut", "junk", "empty", "noise"])
def test_a_damaged_store_is_done_without(here, checks, damage):
    expected = run()
    data = store().read_bytes()
    broken = {
        "cut": data[: len(data) // 2],
        "junk": b"junk" * 1000,
        "empty": b"",
        "noise": data[:4096] + bytes(byte ^ 0x55 for byte in data[4096:]),
    }
    store().write_bytes(broken[damage])
    assert run() == expected
    assert len(checks) == 4
    assert run() == run() == expected


def test_a_forged_or_damaged_entry_is_ignored(here, checks):
    run("b.keras")
    with sqlite3.connect(store()) as connection:
        clean = entries.zlib.compress(json.dumps(to_data(ModelReport("b.keras", Status.CHECKED))).encode())
        connection.execute("UPDATE entries SET data = ?", (clean,))
    connection.close()
    assert "A001" in run("b.keras")
    assert checks == ["b.keras"] * 2


@pytest.mark.skipif(os.name == "nt", reason="permissions")
def test_a_store_that_others_may_write_to_is_not_used(here, checks):
    run()
    caching.directory().chmod(0o777)
    run()
    assert len(checks) == 4
    with pytest.raises(CacheUnusable, match="others may write to"):
        Cache()


def test_no_place_for_it_is_no_error(here, checks, monkeypatch):
    (here / "file").write_text("")
    monkeypatch.setenv("GRAPHLINT_CACHE_DIR", str(here / "file" / "below"))
    run("a.keras")
    assert checks == ["a.keras"]


def test_several_at_a_time(here):
    """Processes that write to one store at once: each says the same, and what they leave is whole."""
    for number in range(40):
        (here / f"m{number:02}.keras").write_bytes(BAD if number % 2 else GOOD)
    code = (
        "from graphlint.fleet import content, entries; content._TICK = 0; entries._BATCH = 3\n"
        "from graphlint.cli import main; main(['check', '--format', 'json'])"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=here, env=environment) for _ in range(3)]
    said = {process.communicate()[0] for process in running}
    assert len(said) == 1
    connection = sqlite3.connect(store())
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("SELECT count(*) FROM entries").fetchone() == (42,)
    connection.close()


def test_what_is_not_used_goes_when_there_is_too_much(here, monkeypatch):
    monkeypatch.setattr(entries, "_LARGEST", 0)
    run()
    connection = sqlite3.connect(store())
    assert connection.execute("SELECT count(*) FROM entries").fetchone() == (1,)
    connection.close()


# -- reports as data --------------------------------------------------------------------------------------------------


def test_a_report_comes_back_whole():
    known = {"graph", "picture"}  # What no file keeps.
    linter = Linter(Config(ignores=()), None, preview=True)
    found = linter.check_file(DATA / "bad.keras", "b")
    finding = Finding(
        "A001", "x", Severity.INFO, message="m", model="b", location=Location("a", "l"), fix=Fix.unsafe("t", "c")
    )
    odd = ModelReport(
        "b",
        found.status,
        "reason",
        loaded="l",
        depth="config",
        opened=("o",),
        guessed_classes=(("a", "B"),),
        in_baseline=3,
        suppressed=2,
        suppressions=(Suppressed(finding, "why"),),
        security_fail_on="error",
        used_ignores=frozenset({1}),
        tried_ignores=frozenset({1, 2}),
        no_model=True,
        findings=(finding,),
    )
    for report in (found, odd):
        back = from_data(json.loads(json.dumps(to_data(report))))
        for one in fields(ModelReport):
            if one.name not in known:
                expected = getattr(report, one.name)
                if one.name == "findings":
                    expected = tuple(replace(f, fix=f.fix and replace(f.fix, edits=())) for f in expected)
                assert getattr(back, one.name) == expected, one.name


def test_python_has_it_on_request(here, checks):
    for cache in (True, True, False):
        list(graphlint.check_many(["a.keras"], cache=cache))
    assert len(checks) == 2
    list(graphlint.check_many(["a.keras"], cache=here / "mine"))
    assert (here / "mine" / "reports-2.sqlite").is_file()


def test_what_is_in_memory_has_no_place(here):
    with Cache() as cache:
        assert cache.place(Task(0, GOOD, "<bytes>", Settings())) is None
