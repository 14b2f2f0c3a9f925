"""Feeds inputs to graphlint and says where it does what it must not."""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphlint.engine.linter import Linter
from graphlint.engine.registry import load_registry
from graphlint.engine.selection import Selection
from graphlint.reports import render
from tests.fuzz.mutations import Input

SECONDS = 5
BYTES = 300 << 20
"""Memory that one check may add."""
_FORBIDDEN = (
    "marshal.loads",
    "exec",
    "compile",
    "pickle.find_class",
    "subprocess.Popen",
    "os.system",
    "os.posix_spawn",
)


class TooSlow(BaseException):
    """Raised by the clock in the middle of a check."""


@dataclass
class Outcome:
    """What a run gave: figures, and every input that broke a promise, with the reason."""

    inputs: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    peak: int = 0
    failures: list[tuple[str, Path]] = field(default_factory=list)

    def __str__(self) -> str:
        codes = ", ".join(f"exit {code}: {count:,}" for code, count in sorted(self.codes.items()))
        return (
            f"{self.inputs:,} inputs ({codes}); {len(self.failures)} failures; slowest {self.slowest:.2f} s "
            f"of processor time; largest {self.peak >> 20} MiB"
        )


def run(inputs: Iterator[Input], count: int, folder: Path, again: int = 1) -> Outcome:
    """Check ``count`` inputs, every ``again``-th of them twice. Inputs that fail, and the slowest, are kept."""
    linter = Linter(overrides=Selection(extend_select=tuple(rule.code for rule in load_registry())), preview=True)
    outcome = Outcome()
    watch = _Watch()
    for number in range(count):
        files = {folder / name: content for name, content in next(inputs).items()}
        path = folder / next(iter(files)).relative_to(folder).parts[0]
        for file, content in files.items():
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
        reason = None
        memory = Memory()
        start = time.process_time()
        try:
            with _Clock():
                text, code = watch.check(linter, path)
                if watch.events:  # graphlint imports some of its own modules when they are first needed
                    text, code = watch.check(linter, path)
                reason = _broken(text)
                if reason is None and number % again == 0 and _check(linter, path) != (text, code):
                    reason = "another answer the second time"
            outcome.codes[code] += 1
        except TooSlow:
            reason = f"over {SECONDS} s"
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
        seconds, added = time.process_time() - start, memory.added()
        if seconds > outcome.slowest:
            outcome.slowest = seconds
            _keep(files, folder, "slowest")
        if added > outcome.peak:
            outcome.peak = added
            _keep(files, folder, "largest")
        outcome.inputs += 1
        if reason is None and watch.events:
            reason = f"forbidden: {watch.events[0]}"
        if reason is None and added > BYTES:
            reason = f"takes {added >> 20} MiB"
        if any(file.read_bytes() != content for file, content in files.items()):
            reason = "changed the file"
        if reason is not None:
            kept = _keep(files, folder, f"failure_{len(outcome.failures)}")
            outcome.failures.append((reason, kept / path.name))
            print(f"    {kept / path.name}: {reason}", file=sys.stderr, flush=True)
        if outcome.inputs % 10_000 == 0:
            print(f"    {outcome}", file=sys.stderr, flush=True)
    return outcome


class Memory:
    """How much memory this process has needed at most since now, beyond what it had.

    Where Linux lets a process forget its peak; elsewhere only what exceeds every earlier peak is seen.
    """

    def __init__(self) -> None:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        self._before = _peak()

    def added(self) -> int:
        """In bytes."""
        return _peak() - self._before


def _peak() -> int:
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return int(text.partition("VmHWM:")[2].split()[0]) * 1024


def _keep(files: dict[Path, bytes], folder: Path, name: str) -> Path:
    """Copy the files of one input."""
    kept = folder / name
    shutil.rmtree(kept, ignore_errors=True)
    for file, content in files.items():
        copy = kept / file.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
    return kept


def _check(linter: Linter, path: Path) -> tuple[str, int]:
    report = linter.report([linter.check_file(path)])
    concise = render(report, "concise")
    if "\x1b" in concise or concise.count("\n") > len(report.findings):
        raise AssertionError(f"not escaped: {concise!r:.200}")
    return render(report, "json"), report.exit_code()


def _broken(text: str) -> str | None:
    """The promise that a report shows to be broken."""
    document = json.loads(text)
    for finding in document["findings"]:
        if finding["code"] == "E002":
            return str(finding["message"])
        if finding["code"] == "E001" and finding["message"].startswith("cannot be read: "):
            return str(finding["message"])
    for model in document["models"]:
        if model["status"] == "refused" and not model["reason"]:
            return "refused without a reason"
    return None


class _Watch:
    """Forbidden events while a check runs."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.armed = False
        sys.addaudithook(self._hook)

    def check(self, linter: Linter, path: Path) -> tuple[str, int]:
        self.events.clear()
        self.armed = True
        try:
            return _check(linter, path)
        finally:
            self.armed = False

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.armed and event in _FORBIDDEN:
            self.events.append(event)


class _Clock:
    """Ends what takes too long; all is Python, so that a signal gets through."""

    def __enter__(self) -> None:
        signal.signal(signal.SIGPROF, self._ring)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    @staticmethod
    def _ring(*_: object) -> None:
        raise TooSlow
