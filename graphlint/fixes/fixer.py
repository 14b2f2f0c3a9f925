"""Fix a model in memory: apply what the rules offer, check again, until nothing that can be fixed is left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from graphlint.engine.finding import Applicability, Finding, Fix
from graphlint.engine.linter import LIVE, Linter
from graphlint.engine.selection import Selection
from graphlint.errors import GraphlintError
from graphlint.extras import require_keras
from graphlint.fixes.errors import FixError, one_line
from graphlint.fixes.report import Applied, FixReport, Left

if TYPE_CHECKING:
    import keras

MAX_ROUNDS = 50
"""Rounds of fixing and checking again before the fixes are taken to undo each other."""


def fix(
    model: keras.Model,
    *,
    select: str | Iterable[str] | None = None,
    ignore: str | Iterable[str] | None = None,
    unsafe: bool = False,
    targets: Iterable[str] = (),
) -> tuple[keras.Model, FixReport]:
    """Fix what graphlint finds in a model and can mend. The model itself stays as it is.

    Args:
        model: a ``keras.Model``.
        select: codes, names or prefixes of the rules whose findings to fix; without it, of all default rules.
        ignore: codes, names or prefixes of rules to leave alone.
        unsafe: also make fixes that change outputs or training.
        targets: addresses; without them, findings at any address are fixed.

    Returns:
        The fixed model and a report. Without anything to fix, the model that was passed in.

    Raises:
        FixError: fixes undo each other.
        GraphlintError: this is no ``keras.Model``, or a code is unknown.

    >>> import keras
    >>> inputs = keras.Input((4,))
    >>> x = keras.layers.Dropout(0.0)(keras.layers.Dense(3)(inputs))
    >>> fixed, report = fix(keras.Model(inputs, keras.layers.Dense(2, activation="relu")(x)), select="R001")
    >>> print(report)
    fixed R001 no-op-layer at dropout#0: remove it (outputs equal)
    largest output difference: 0
    parameters: 23 before, 23 after
    >>> len(fixed.layers)
    3
    """
    require_keras("fixing a model")
    return Fixer(Linter(None, Selection(_several(select), (), _several(ignore) or ())), unsafe, targets).run(model)


def _measure(old: keras.Model, new: keras.Model, fix: Fix) -> float | None:
    """The largest difference of any output; None where an unsafe fix changed what can be compared.

    Raises:
        FixError: a safe fix would change the outputs, or nothing proves that it does not.
    """
    from graphlint.replay.verify import verify

    try:
        proof = verify(old, new)
    except Exception as error:
        if fix.applicability is Applicability.UNSAFE:
            return None
        raise FixError(f"the outputs cannot be compared: {one_line(error)}") from error
    if fix.applicability is Applicability.SAFE and not proof.differences:
        raise FixError("the outputs cannot be compared, so nothing proves that they stay equal")
    if fix.applicability is Applicability.SAFE and not proof.close:
        raise FixError(f"the outputs would differ by {proof.largest:.2g}")
    return proof.largest if proof.differences else None


def _several(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    return (value,) if isinstance(value, str) else tuple(value)


class Fixer:
    """One set of rules, applied to models in memory."""

    def __init__(self, linter: Linter, unsafe: bool = False, targets: Iterable[str] = ()) -> None:
        self.linter = linter
        self.unsafe = unsafe
        self.targets = frozenset(targets)

    def run(self, model: keras.Model) -> tuple[keras.Model, FixReport]:
        """Fix a model; see `fix`."""
        findings = self.findings(model)
        before = self.parameters
        if not list(self.fixable(findings)):
            return model, FixReport(left=tuple(self.left(findings, {})), before=before, after=before)
        from graphlint.fixes.edits import apply_edits
        from graphlint.replay.clone import clone

        applied: list[Applied] = []
        failed: dict[str, str] = {}
        notes: list[str] = []
        current, difference = clone(model), 0.0
        for _ in range(MAX_ROUNDS):
            findings = self.findings(current)
            todo = next((one for one in self.fixable(findings) if one.fingerprint not in failed), None)
            if todo is None:
                notes = list(dict.fromkeys(notes))
                left = tuple(self.left(findings, failed))
                result = current if applied else model
                return result, FixReport(
                    tuple(applied), left, difference if applied else None, before, self.parameters, tuple(notes)
                )
            assert todo.fix is not None
            try:
                edited, said = apply_edits(current, todo.fix.edits)
                measured = _measure(current, edited, todo.fix)
            except GraphlintError as error:
                failed[todo.fingerprint] = str(error)
                continue
            if todo.fix.applicability is Applicability.SAFE and measured is not None:
                difference = max(difference, measured)
            applied.append(Applied(todo, measured))
            notes += said
            current = edited
        codes = ", ".join(sorted({one.finding.code for one in applied}))
        raise FixError(f"fixes of {codes} did not come to an end after {MAX_ROUNDS} rounds: fix them one at a time")

    def findings(self, model: keras.Model) -> list[Finding]:
        """What the selected rules report on a model."""
        checked = self.linter.check_model(model, LIVE)
        self.parameters = checked.parameters
        return list(checked.findings)

    def fixable(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """The findings that may be fixed, in order of the report."""
        return (one for one in findings if self.may_fix(one.fix) and self.is_target(one))

    def may_fix(self, offered: Fix | None) -> bool:
        """Whether a fix is one that was asked for."""
        if offered is None or not offered.edits:
            return False
        return self.unsafe or offered.applicability is Applicability.SAFE

    def is_target(self, finding: Finding) -> bool:
        """Whether a finding lies at one of the addresses asked for."""
        if not self.targets:
            return True
        where = finding.location
        return where is not None and bool({where.address, where.layer} & self.targets)

    def left(self, findings: Iterable[Finding], failed: dict[str, str]) -> Iterator[Left]:
        """The findings that stay, each with why."""
        for finding in findings:
            if finding.fingerprint in failed:
                yield Left(finding, f"not fixed: {failed[finding.fingerprint]}")
            elif finding.fix is None or not finding.fix.edits:
                yield Left(finding, f"no fix: {finding.hint}" if finding.hint else "no fix")
            elif not self.may_fix(finding.fix):
                yield Left(finding, f"unsafe fix ({finding.fix.changes}): pass --unsafe")
            else:
                yield Left(finding, "not asked for")
