"""What a run of fixes did, what it left, and how it was verified."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from graphlint.findings.finding import Applicability, Finding
from graphlint.model.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Applied:
    """A finding that was fixed. ``difference`` is the largest absolute difference of any output; None: not compared."""

    finding: Finding
    difference: float | None

    def __str__(self) -> str:
        fix = self.finding.fix
        assert fix is not None
        address = f" at {self.finding.location.address}" if self.finding.location else ""
        proof = ""
        if self.difference == 0:
            proof = " (outputs equal)"
        elif self.difference is not None:
            proof = f" (outputs differ by at most {self.difference:.2g})"
        unsafe = f"; {fix.changes}" if fix.applicability is Applicability.UNSAFE and fix.changes else ""
        return f"{self.finding.code} {self.finding.name}{address}: {fix.title}{proof}{unsafe}"


@dataclass(frozen=True, slots=True)
class Left:
    """A finding that was not fixed, and why."""

    finding: Finding
    reason: str

    def __str__(self) -> str:
        address = f" at {self.finding.location.address}" if self.finding.location else ""
        return f"{self.finding.code} {self.finding.name}{address}: {self.reason}"


@dataclass(frozen=True, slots=True)
class FixReport:
    """The outcome of `graphlint.fix`. Truthy if anything was fixed; prints as a report.

    ``difference`` is the largest absolute difference of any output between the model before and after all safe fixes;
    None if there was nothing to compare. ``notes`` say what could not be carried over.
    """

    applied: tuple[Applied, ...] = ()
    left: tuple[Left, ...] = ()
    difference: float | None = None
    _: KW_ONLY
    before: Parameters | None = None
    after: Parameters | None = None
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.applied)

    def __str__(self) -> str:
        return self.text()

    def text(self, *, planned: bool = False) -> str:
        """The report for reading; ``planned`` says what would be fixed, of a model that is not written."""
        verb = "would fix" if planned else "fixed"
        lines = [f"{verb} {one}" for one in self.applied] or ["nothing to fix"]
        lines += [f"left {one}" for one in self.left]
        lines += [f"note: {note}" for note in self.notes]
        if self.applied and self.difference is not None:
            lines.append(f"largest output difference: {self.difference:.2g}")
        if self.applied and self.before is not None and self.after is not None:
            counts = [f"{one.total:,} ({one.trainable:,} trainable)" for one in (self.before, self.after)]
            lines.append(f"parameters: {counts[0]} before, {counts[1]} after")
        return "\n".join(lines)
