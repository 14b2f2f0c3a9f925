"""Fix a model in memory: apply the fixes that rules offer and check again, until nothing fixable is left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from graphlint.engine.linter import LIVE, Linter
from graphlint.engine.selection import Selection
from graphlint.errors import AmbiguousAddress, FixError, GraphlintError, one_line
from graphlint.extras import require_keras
from graphlint.findings.edits import ModelEdit
from graphlint.findings.finding import Applicability, Finding, Location, Severity
from graphlint.fixes.report import Applied, FixReport, Left
from graphlint.model.address import overlap
from graphlint.model.expand import expand
from graphlint.model.resolve import resolve

if TYPE_CHECKING:
    import keras

    from graphlint.model.graph import ModelGraph

MAX_ROUNDS = 50
"""Rounds of fixing and checking after which the fixes are assumed to undo each other."""


def fix(
    model: keras.Model,
    *,
    select: str | Iterable[str] | None = None,
    ignore: str | Iterable[str] | None = None,
    unsafe: bool = False,
    targets: Iterable[str] = (),
) -> tuple[keras.Model, FixReport]:
    """Fix what graphlint finds in a model and can fix. The model itself does not change.

    Args:
        model: a ``keras.Model``.
        select: codes, names or prefixes of the rules whose findings to fix; without it, of all default rules.
        ignore: codes, names or prefixes of rules whose findings not to fix.
        unsafe: also apply fixes that change outputs or training. Findings of severity info, which may be intended, are
            fixed only for rules that ``select`` names in full (``"S003"``), or at ``targets``.
        targets: addresses; by default findings at any address are fixed.

    Returns:
        The fixed model and a report. If there is nothing to fix, the model that was passed in.

    Raises:
        FixError: fixes undo each other.
        AddressError: the model has no such target.
        GraphlintError: this is not a ``keras.Model``, or a code is unknown.

    >>> import keras
    >>> inputs = keras.Input((4,))
    >>> x = keras.layers.Dropout(0.0)(keras.layers.Dense(3)(inputs))
    >>> fixed, report = fix(keras.Model(inputs, keras.layers.Dense(2, activation="relu")(x)), select="R001")
    >>> print(report)
    fixed R001 no-op-layer at dropout#0: remove it (outputs equal)
    largest output difference: 0
    parameters: 23 (23 trainable) before, 23 (23 trainable) after
    >>> len(fixed.layers)
    3
    """
    require_keras("fixing a model")
    from graphlint.sources.live import require_model

    require_model(model)
    selection = Selection.of(select, ignore=ignore)
    fixer = Fixer(Linter(None, selection), unsafe, targets, asked=selection.select or ())
    if fixer.targets:
        from graphlint.sources.live import read_live

        fixer.require_targets(expand(read_live(model)))
    return fixer.run(model)


def _measure(old: keras.Model, new: keras.Model, safe: bool) -> float | None:
    """The largest difference of any output; None if an unsafe fix changed what can be compared.

    Raises:
        FixError: a safe fix would change the outputs, or that it does not cannot be verified.
    """
    from graphlint.replay.verify import verify

    try:
        proof = verify(old, new)
    except Exception as error:
        if not safe:
            return None
        raise FixError(f"the outputs cannot be compared: {one_line(error)}") from error
    if safe and not proof.differences:
        raise FixError("the outputs cannot be compared, so their equality cannot be verified")
    if safe and not proof.close:
        raise FixError(f"the outputs would differ by {proof.largest:.2g}")
    if safe and (proof.ties or proof.flags or proof.specs):
        raise FixError(f"it would change {', '.join((*proof.ties, *proof.flags, *proof.specs)[:3])}")
    return proof.largest if proof.differences else None


Place = tuple[str, Location | None]


def _place(finding: Finding) -> Place:
    return finding.code, finding.location


def _places(findings: Iterable[Finding]) -> set[Place]:
    return {_place(one) for one in findings}


def _is_safe(finding: Finding) -> bool:
    assert finding.fix is not None
    return finding.fix.applicability is Applicability.SAFE


def _may_be_meant(finding: Finding) -> bool:
    return finding.severity is Severity.INFO


def _compatible(findings: list[Finding], alone: set[str]) -> list[Finding]:
    """Findings to fix together: of one applicability, safe ones first, and no two at the same layers."""
    ordered = sorted(findings, key=lambda one: not _is_safe(one))
    batch: list[Finding] = []
    touched: set[str] = set()
    for finding in ordered:
        if batch and (_is_safe(finding) != _is_safe(batch[0]) or finding.fingerprint in alone):
            continue
        mine = _touched(finding)
        if any(overlap(one, other) for one in mine for other in touched):
            continue
        batch.append(finding)
        touched |= mine
        if finding.fingerprint in alone:
            break
    return batch


def _touched(finding: Finding) -> frozenset[str]:
    assert finding.fix is not None
    return frozenset().union(*(edit.touches() for edit in finding.fix.edits))


def _no_fix(reason: str, finding: Finding) -> str:
    return f"{reason}: {finding.hint}" if finding.hint else reason


class Fixer:
    """One set of rules, applied to models in memory."""

    def __init__(
        self, linter: Linter, unsafe: bool = False, targets: Iterable[str] = (), asked: Iterable[str] = ()
    ) -> None:
        self.linter = linter
        self.unsafe = unsafe
        self.targets = frozenset(targets)
        self.asked = frozenset(asked)
        self.ignored: set[Place] = set()

    def run(
        self, model: keras.Model, given: Iterable[Finding] = (), *, as_loaded: bool = False
    ) -> tuple[keras.Model, FixReport]:
        """Fix a model; see `fix`.

        ``given`` are findings of the file it was read from, some of which do not appear in memory. With ``as_loaded``
        they are the only ones: others in memory come from loading, such as a new optimizer.
        """
        self.ignored = set()
        findings = self.findings(model)
        before = self.parameters
        given = list(given)
        known, in_file = _places(findings), _places(given)
        self.ignored = known - in_file if as_loaded else set()
        extra = [one for one in self.fixable(given) if _place(one) not in known and self.is_live(one)]
        findings = [one for one in findings if _place(one) not in self.ignored]
        applied: list[Applied] = []
        failed: dict[str, str] = {}
        alone: set[str] = set()
        notes: list[str] = []
        current, difference = model, None
        for _ in range(MAX_ROUNDS):
            todo = [one for one in (*self.fixable(findings), *extra) if one.fingerprint not in failed]
            if not todo:
                inside, closed = ((), ()) if as_loaded else self.in_code(current, findings)
                left = (*self.left(findings, failed), *inside)
                notes = list(dict.fromkeys([*notes, *closed]))
                return current, FixReport(
                    tuple(applied), left, difference, before=before, after=self.parameters, notes=tuple(notes)
                )
            batch = _compatible(todo, alone)
            safe = _is_safe(batch[0])
            try:
                edited, measured, said = self.apply(current, batch, safe)
            except GraphlintError as error:
                if len(batch) > 1:
                    alone.update(one.fingerprint for one in batch)
                else:
                    failed[batch[0].fingerprint] = str(error)
                continue
            if safe and measured is not None:
                difference = max(difference or 0.0, measured)
            applied += [Applied(one, measured if safe or len(batch) == 1 else None) for one in batch]
            extra = [one for one in extra if one not in batch]
            notes += said
            current = edited
            findings = self.findings(current)
        codes = ", ".join(sorted({one.finding.code for one in applied}))
        raise FixError(f"fixes of {codes} still found work after {MAX_ROUNDS} rounds: fix them one at a time")

    @staticmethod
    def apply(model: keras.Model, batch: list[Finding], safe: bool) -> tuple[keras.Model, float | None, list[str]]:
        """Apply together fixes that touch different layers."""
        from graphlint.fixes.live import apply_edits

        edits = [edit for one in batch if one.fix is not None for edit in one.fix.edits]
        try:
            edited, said = apply_edits(model, edits)
        except GraphlintError:
            raise
        except Exception as error:
            raise FixError(f"Keras rejects the changed model: {one_line(error)}") from error
        return edited, _measure(model, edited, safe), said

    def findings(self, model: keras.Model) -> list[Finding]:
        """What the selected rules report on a model."""
        checked = self.linter.check_model(model, LIVE, open_layers=False)
        self.parameters = checked.parameters
        self.opaque = bool(checked.opaque)
        return [one for one in checked.findings if _place(one) not in self.ignored]

    def in_code(self, model: keras.Model, findings: Iterable[Finding]) -> tuple[list[Left], list[str]]:
        """What the rules find in the code of custom layers and models, where only its author can mend it, and notes on
        code that could not be looked into."""
        if not self.opaque:
            return [], []
        graph = (checked := self.linter.check_model(model, LIVE)).graph
        if graph is None:
            return [], []
        known, left = _places(findings), []
        for finding in checked.findings:
            where = finding.location
            if where is None or _place(finding) in known or not self.is_target(finding):
                continue
            if any(outer.traced for outer in graph.enclosing(where.layer)):
                left.append(Left(finding, _no_fix("no fix, as it is in code", finding)))
        return left, [
            f"not looked inside {layer.name!r}: {layer.definition.opaque_because}"
            for layer in graph.opaque_layers
            if layer.definition.opaque_because is not None
        ]

    def fixable(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """The findings that may be fixed, in order of the report."""
        return (one for one in findings if self.may_fix(one) and self.is_target(one))

    def may_fix(self, finding: Finding) -> bool:
        """Whether a finding has a fix of a kind that was requested."""
        if finding.fix is None or not finding.fix.edits:
            return False
        return _is_safe(finding) or (self.unsafe and (not _may_be_meant(finding) or self.is_named(finding)))

    def is_named(self, finding: Finding) -> bool:
        """Whether the rule, or the place, was requested by name."""
        return bool(self.targets) or bool({finding.code, finding.name} & self.asked)

    @staticmethod
    def is_live(finding: Finding) -> bool:
        """Whether a fix is made on a model in memory, and not on the file."""
        assert finding.fix is not None
        return all(isinstance(edit, ModelEdit) for edit in finding.fix.edits)

    def require_targets(self, graph: ModelGraph) -> None:
        """Refuse a target that the model does not have.

        Raises:
            AddressError: nothing has this address; the message suggests near ones.
        """
        for target in self.targets:
            try:
                resolve(graph, target)
            except AmbiguousAddress:
                continue

    def is_target(self, finding: Finding) -> bool:
        """Whether a finding is at one of the requested addresses."""
        if not self.targets:
            return True
        where = finding.location
        return where is not None and bool({where.address, where.layer} & self.targets)

    def left(self, findings: Iterable[Finding], failed: dict[str, str]) -> Iterator[Left]:
        """The findings that remain, each with the reason."""
        for finding in findings:
            if finding.fingerprint in failed:
                yield Left(finding, f"not fixed: {failed[finding.fingerprint]}")
            elif finding.fix is None or not finding.fix.edits:
                yield Left(finding, _no_fix("no fix", finding))
            elif not self.may_fix(finding):
                wanted = f"--unsafe --select {finding.code}" if _may_be_meant(finding) else "--unsafe"
                yield Left(finding, f"unsafe fix ({finding.fix.changes}): pass {wanted}")
            else:
                yield Left(finding, "not requested")
