"""A run over many targets, written as it goes: what is kept of a model after it was written does not grow with it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphlint.findings.tool_findings import TOOL_FINDINGS

if TYPE_CHECKING:
    from graphlint.engine.linter import Linter
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport
    from graphlint.reports.writer import RulePage


@dataclass(slots=True)
class _OfLinter:
    """What a run has to remember of the models that one linter checked."""

    codes: set[str] = field(default_factory=set)
    protection: dict[str, None] = field(default_factory=dict)
    tried: set[int] = field(default_factory=set)
    used: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Gathered:
    """What the end of a report says of all models, and what each format may say of the rules."""

    explanations: dict[str, str] = field(default_factory=dict)
    pages: dict[str, RulePage] = field(default_factory=dict)
    _linters: dict[Linter, _OfLinter] = field(default_factory=dict)

    def general(self, finding: Finding) -> None:
        """Take in a finding that belongs to no model."""
        if finding.code in TOOL_FINDINGS:
            self.explanations[finding.code] = TOOL_FINDINGS[finding.code][1]

    def model(self, model: ModelReport, linter: Linter) -> None:
        """Take in a model, before it is written."""
        seen = self._linters.setdefault(linter, _OfLinter())
        found = (*model.findings, *(one.finding for one in model.suppressions))
        new = {finding.code for finding in found} - seen.codes
        if new:
            seen.codes |= new
            self.explanations.update(linter.explanations(new))
            self.pages.update(linter.pages(new))
        seen.protection.update(dict.fromkeys(model.protection.notes()))
        seen.tried |= model.tried_ignores
        seen.used |= model.used_ignores

    def notes(self) -> Iterator[str]:
        """What is said of the run as a whole."""
        for linter, seen in self._linters.items():
            yield from seen.protection
            yield from linter.stale_ignores(seen.tried, seen.used)


@contextmanager
def interruptible() -> Iterator[None]:
    """What ends a process politely (SIGTERM, as services that run jobs send it) is an interruption, like Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGTERM)
    if before is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        if before is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def interrupted(done: int, of: int) -> str:
    """What a report says that ends early."""
    return f"interrupted after {done:,} of {of:,} models: the others were not checked"


def every(notes: Iterable[str], gathered: Gathered) -> list[str]:
    """The notes on a run, each once."""
    return list(dict.fromkeys([*notes, *gathered.notes()]))
