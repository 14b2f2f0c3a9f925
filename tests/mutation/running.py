"""Run tests against mutants: each in a process of its own, forked from one that has collected the tests already.

Before that, one fork runs all the tests once to see which of them come by which mutants.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pytest

from tests.mutation.operators import Mutant
from tests.mutation.patching import Functions
from tests.mutation.reaching import Probes, Reached

ROOT = Path(__file__).parents[2]
QUICK = 5.0
"""Recorded seconds of tests that a mutant meets at first; if it lives, it meets more."""


class Outcome(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    LIVES = "lives"
    HUNG = "hung"
    """It waited for something for ever: it says nothing."""
    UNTESTED = "untested"
    """No test runs the line."""
    SKIPPED = "skipped"
    """A fault that cannot be put into a process, as in a default of an argument."""


def copy_tree(target: Path) -> None:
    """A copy of the project in which files may be changed, importable under the names that are installed."""
    skipped = shutil.ignore_patterns(".git", ".venv*", "__pycache__", "build", "dist", ".*_cache", "*.egg-info")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT, target, ignore=skipped, symlinks=True)
    (target / "graphlint_rules").symlink_to("rules", target_is_directory=True)


def prepare(tree: Path, *, keras: bool) -> None:
    """Make this process one that runs the copy; nothing of graphlint is imported yet; Keras is, or never will be."""
    os.environ.update({"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "-1"})
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.update({"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"})
    sys.dont_write_bytecode = True
    sys.path = [str(tree), *(one for one in sys.path if Path(one or ".").resolve() != ROOT)]
    os.chdir(tree)
    if keras:
        importlib.import_module("keras")
    else:
        sys.modules.update(dict.fromkeys(("keras", "tensorflow")))  # type: ignore[arg-type]
    import h5py  # noqa: F401
    import networkx  # noqa: F401
    import pyfive  # noqa: F401
    import rich.console  # noqa: F401

    for name in [one for one in sys.modules if one.partition(".")[0] in ("tests", "graphlint", "graphlint_rules")]:
        del sys.modules[name]


class Runner:
    """A pytest plugin that, in place of running the tests, lets every mutant meet those that reach it."""

    def __init__(
        self,
        tree: Path,
        reached: Path,
        mutants: list[Mutant],
        told: Callable[[Result], None],
        *,
        seconds: float,
        each: float,
    ) -> None:
        self.tree, self.mutants, self.told = tree, mutants, told
        self.path, self.limit, self.each = reached, seconds, each
        self.items: dict[str, pytest.Item] = {}
        self.failure: Path = tree / "failure"
        self.is_met = False
        self.failed: set[str] = set()
        self.threads = _threads()

    def run(self, tests: list[str]) -> None:
        """Collect tests and go through the mutants."""
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--tb=no", "--continue-on-collection-errors"]
        if os.environ["KERAS_BACKEND"] == "numpy":
            options += ["-W", "ignore::RuntimeWarning"]  # Other backends say nothing of an overflow.
        pytest.main([*options, *tests], plugins=[self])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if _threads() > self.threads:
            raise pytest.UsageError(
                f"{report.nodeid} computes when it is collected, which starts threads, and then no fork is safe: build "
                "what it needs inside the tests"
            )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        for package in ("graphlint", "graphlint_rules"):
            import_all(package)
        functions = Functions()
        _forked(lambda: self.record(functions), self.limit + 600)
        self.reached = Reached(self.path)
        sound: dict[str, bool] = {}
        for place, mutant in enumerate(self.mutants):
            began = time.monotonic()
            outcome, met, by = self.meet(place, functions)
            if outcome is Outcome.KILLED:
                if by not in sound:
                    sound[by] = self.child([by], None)[0] is Outcome.LIVES
                if not sound[by]:  # The test fails by itself when it runs alone here.
                    del self.items[by]
                    outcome, met, by = self.meet(place, functions)
            self.told(Result(mutant, outcome, met, by, time.monotonic() - began))
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.failed.add(report.nodeid)
        if self.is_met and report.failed:
            self.failure.write_text(report.nodeid)
            os._exit(1)

    def record(self, functions: Functions) -> int:
        """Run the tests, as many as the time allows, and write down what each of them comes by."""
        probes = Probes()
        probes.put(self.tree, self.mutants, functions)
        items = list(self.items.values())
        until = time.monotonic() + self.limit
        with self.path.open("w") as file:
            for item, following in zip(items, [*items[1:], None], strict=True):
                began = time.process_time()
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                seconds, passed = time.process_time() - began, item.nodeid not in self.failed
                row = {"test": item.nodeid, "seconds": seconds, "passed": passed, "reached": sorted(probes.taken())}
                file.write(f"{json.dumps(row)}\n")
                file.flush()
                if time.monotonic() > until:
                    break
        return 0

    def meet(self, place: int, functions: Functions) -> tuple[Outcome, int, str]:
        """Run the tests that reach a mutant, until one fails; how many they were, and which failed."""
        mutant = self.mutants[place]
        tests = [test for test in self.reached.tests(place) if test in self.items]
        met = 0
        outcome, by = Outcome.UNTESTED, ""
        for limit in (min(QUICK, self.each), self.each):
            chosen = _within(tests[met:], limit, self.reached.seconds)
            if not chosen:
                break
            outcome, by = self.child(chosen, lambda: functions.patch(self.tree, mutant))
            met += len(chosen)
            if outcome is not Outcome.LIVES:
                break
        return outcome, met, by

    def child(self, tests: list[str], prepare: Callable[[], bool] | None) -> tuple[Outcome, str]:
        """Run tests in a fork; what came out, and which test failed."""
        expected = sum(self.reached.seconds[one] for one in tests)
        self.failure.unlink(missing_ok=True)

        def run() -> int:
            seconds = int(30 + 5 * expected)
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            self.is_met = True
            if prepare is not None and not prepare():
                return 3
            items = [self.items[one] for one in tests]
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            return 0

        code = _forked(run, 120 + 8 * expected)
        if code is None:
            return Outcome.HUNG, ""
        known = {
            0: Outcome.LIVES,
            3: Outcome.SKIPPED,
            -signal.SIGXCPU: Outcome.TIMEOUT,
            -signal.SIGKILL: Outcome.TIMEOUT,
        }
        return known.get(code, Outcome.KILLED), self.failure.read_text() if self.failure.exists() else tests[0]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a mutant after so many tests; ``by`` is the one that failed."""

    mutant: Mutant
    outcome: Outcome
    tests: int
    by: str
    seconds: float


def files_of(tree: Path, package: str) -> list[str]:
    """The Python files of a folder, or a file."""
    root = tree / package
    return [str(path.relative_to(tree)) for path in (sorted(root.rglob("*.py")) if root.is_dir() else [root])]


def lived(path: Path) -> set[tuple[str, str, str, str]]:
    """The mutants that lived in the results of an earlier run: file, kind, old text and new."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {
        (row["file"], row["kind"], row["old"], row["new"])
        for row in rows
        if row["outcome"] in (Outcome.LIVES, Outcome.UNTESTED)
    }


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def import_all(package: str) -> None:
    """Import what is mostly imported when it is first needed, so that it can be changed."""
    found = importlib.import_module(package)
    for one in pkgutil.walk_packages(found.__path__, f"{package}."):
        if not one.name.endswith("__main__"):
            try:
                importlib.import_module(one.name)
            except ModuleNotFoundError as error:
                if (error.name or "").partition(".")[0] in ("graphlint", "graphlint_rules"):
                    raise
                print(f"{one.name}: no {error.name} here")


def _within(tests: list[str], limit: float, seconds: dict[str, float]) -> list[str]:
    chosen: list[str] = []
    for test in tests:
        limit -= seconds[test] + 0.02
        if chosen and limit < 0:
            break
        chosen.append(test)
    return chosen


def _forked(function: Callable[[], int], seconds: float) -> int | None:
    """The exit code of a function in a child process; None if it took longer than allowed."""
    child = os.fork()
    if child == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        code = 70
        try:
            code = function()
            sys.stdout.flush()
        except BaseException:
            code = 1
        finally:
            os._exit(code)
    until = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.05)
