"""Run tests against mutants: each in a process of its own, forked from one that has imported Keras already."""

from __future__ import annotations

import compileall
import os
import py_compile
import shutil
import signal
import sys
import time
import traceback
from enum import StrEnum
from pathlib import Path

import pytest

from tests.mutation.operators import Mutant
from tests.mutation.recorded import Recorded, Recorder

ROOT = Path(__file__).parents[2]
QUICK, LONG = 5.0, 25.0
"""Recorded seconds of tests that a mutant meets: at first, and if it lives."""


class Outcome(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    LIVES = "lives"
    UNTESTED = "untested"
    """No test runs the line."""


def copy_tree(target: Path) -> None:
    """A copy of the project in which files may be changed, importable under the names that are installed."""
    skipped = shutil.ignore_patterns(".git", ".venv*", "__pycache__", "build", "dist", ".*_cache", "*.egg-info")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT, target, ignore=skipped, symlinks=True)
    (target / "graphlint_rules").symlink_to("rules", target_is_directory=True)
    # Compiled files that are checked by the text, not by the time at which it was written.
    for folder in ("graphlint", "rules", "tests"):
        compileall.compile_dir(target / folder, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)


def prepare(tree: Path) -> None:
    """Make this process one that runs the copy; nothing of graphlint is imported yet, and Keras is."""
    os.environ.update({"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "-1"})
    os.environ.update({"KERAS_BACKEND": "tensorflow", "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"})
    sys.dont_write_bytecode = True
    sys.path = [str(tree), *(one for one in sys.path if Path(one or ".").resolve() != ROOT)]
    os.chdir(tree)
    import h5py  # noqa: F401
    import keras  # noqa: F401
    import networkx  # noqa: F401
    import pyfive  # noqa: F401
    import rich.console  # noqa: F401

    for name in [one for one in sys.modules if one.partition(".")[0] in ("tests", "graphlint", "graphlint_rules")]:
        del sys.modules[name]


def record(tree: Path, target: Path, arguments: list[str]) -> int:
    """Run tests in the copy and record which lines each of them runs."""
    return _forked(lambda: Recorder(tree, target).record(arguments), None, quiet=False)


def meet(mutant: Mutant, recorded: Recorded, tree: Path) -> tuple[Outcome, int]:
    """Run the tests that reach a mutant, until one fails; what became of it, and how many tests it met."""
    tests = recorded.tests(mutant)
    if not tests:
        return Outcome.UNTESTED, 0
    path = tree / mutant.file
    source = path.read_bytes()
    path.write_bytes(mutant.applied(source))
    try:
        met = 0
        for limit in (QUICK, LONG):
            chosen = _within(tests[met:], limit, recorded.seconds)
            if not chosen:
                break
            seconds = 60 + 10 * sum(recorded.seconds[one] for one in chosen)
            code = _forked(lambda chosen=chosen: _pytest(chosen), seconds)
            met += len(chosen)
            if code is None:
                return Outcome.TIMEOUT, met
            if code != 0:
                return Outcome.KILLED, met
        return Outcome.LIVES, met
    finally:
        path.write_bytes(source)


def _within(tests: list[str], limit: float, seconds: dict[str, float]) -> list[str]:
    chosen = []
    for test in tests:
        limit -= seconds[test] + 0.02
        if chosen and limit < 0:
            break
        chosen.append(test)
    return chosen


def _pytest(tests: list[str]) -> int:
    return int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "--tb=no", "--no-header", *tests]))


def _forked(function, seconds: float | None, quiet: bool = True) -> int | None:  # type: ignore[no-untyped-def]
    """The exit code of a function in a child process; None if it took longer than allowed."""
    child = os.fork()
    if child == 0:
        os.setsid()
        if quiet:
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(null, stream)
        code = 70
        try:
            code = function()
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    until = None if seconds is None else time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if until is not None and time.monotonic() > until:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.05)
