"""Counts over a run, made as it goes: what a summary says, and the exit code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphlint.findings.finding import Applicability, Severity
from graphlint.findings.tool_findings import TOOL_FINDINGS
from graphlint.reports.listing import fails, listed

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport

NAMED = 5
"""Files that a summary names; the others are counted."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts over a run. ``models`` does not count those that were skipped."""

    models: int
    error: int
    warning: int
    info: int
    suppressed: int
    in_baseline: int = 0


class Tally:
    """Counts over the models and general findings that it was given so far. Its size does not grow with their number.

    ``fail_on`` is the lowest severity that makes the run fail; None leaves it to each model's configuration.
    """

    def __init__(self, fail_on: str | None = None) -> None:
        self._fail_on = fail_on
        self._unseen = self._failed = False
        self._severities: Counter[Severity] = Counter()
        self._models = self._suppressed = self._in_baseline = 0
        self.codes: Counter[tuple[str, str]] = Counter()
        """Findings of each code and name."""
        self.skipped = self.checked = 0
        """Models with these outcomes."""
        self.hidden = 0
        """Findings that the formats for reading do not list."""
        self.skipped_rules: Counter[tuple[str, str]] = Counter()
        """For each reason and code, the models on which the rule did not run."""
        self.refused = Paths()
        """Models that could not be checked."""
        self.fixable = self.safely = 0
        """Findings that can be fixed, and those among them that can be safely."""
        self.to_fix = Paths()
        """The models with these findings."""
        self.conditions: dict[str, None] = {}
        """What fixing them needs."""

    def general(self, finding: Finding) -> None:
        """Count a finding that belongs to no model."""
        self._count(finding)

    def model(self, model: ModelReport) -> None:
        """Count a model."""
        self._models += model.status != "skipped" and model.together is None
        self.skipped += model.status == "skipped"
        self.checked += model.status == "checked" and model.together is None
        self._suppressed += model.suppressed
        self._in_baseline += model.in_baseline
        self.hidden += len(model.findings) - len(listed(model))
        if model.status == "refused":
            self.refused.add(model.path)
        for rule in model.skipped_rules:
            self.skipped_rules[rule.reason, rule.code] += 1
        for finding in model.findings:
            self._count(finding)
            self._failed = self._failed or fails(model, finding, self._fail_on)
            if finding.fix is not None and finding.severity is not Severity.INFO:
                self.fixable += 1
                self.safely += finding.fix.applicability is Applicability.SAFE
                self.to_fix.add("<live>" if model.format == "live" else model.path)
                if finding.fix.condition:
                    self.conditions.setdefault(finding.fix.condition)

    def _count(self, finding: Finding) -> None:
        self._severities[finding.severity] += 1
        self.codes[finding.code, finding.name] += 1
        self._unseen = self._unseen or finding.code in TOOL_FINDINGS

    @property
    def models(self) -> int:
        """Models that were given, skipped ones included."""
        return self._models + self.skipped

    @property
    def summary(self) -> Summary:
        """The counts of a summary."""
        found = self._severities
        return Summary(
            self._models,
            found[Severity.ERROR],
            found[Severity.WARNING],
            found[Severity.INFO],
            self._suppressed,
            self._in_baseline,
        )

    @property
    def exit_code(self) -> int:
        """2 if something was not checked, 1 for a finding at or above ``fail_on``, otherwise 0."""
        return 2 if self._unseen else int(self._failed)


class Paths:
    """Paths that are counted, of which the first are kept. The same path may be added again directly after itself."""

    def __init__(self) -> None:
        self.first: list[str] = []
        self.count = 0
        self.imported = False
        """Whether one of them is no path of a file."""
        self._last: str | None = None

    def add(self, path: str) -> None:
        """Count a path."""
        if path == self._last:
            return
        self._last = path
        self.count += 1
        self.imported = self.imported or path.startswith("<") or ":" in path
        if len(self.first) < NAMED:
            self.first.append(path)

    def __str__(self) -> str:
        more = f" and {self.count - len(self.first):,} more" if self.count > len(self.first) else ""
        return ", ".join(self.first) + more
