"""What a run found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from graphlint.findings.finding import Finding
from graphlint.reports.listing import listed
from graphlint.reports.tally import Summary, Tally

if TYPE_CHECKING:
    from graphlint.model.graph import ModelGraph
    from graphlint.model.parameters import Parameters
    from graphlint.questions.together import Together
    from graphlint.reports.writer import RulePage


class Status(StrEnum):
    """The outcome for one model."""

    CHECKED = "checked"
    REFUSED = "refused"
    SKIPPED = "skipped"


class SkippedRule(NamedTuple):
    """A selected rule that could not run on a model, and why."""

    code: str
    reason: str


class Suppressed(NamedTuple):
    """A finding that is not reported, and why: the reason of an ignore, or a baseline."""

    finding: Finding
    reason: str


@dataclass(frozen=True, slots=True)
class Protection:
    """What configuration files had to do with the security rules and limits under which one model was checked.

    ``file`` is the user's, which switches rules off or raises limits; ``other`` may have come with the model, so that
    some of its keys were not followed.
    """

    file: str | None = None
    switched_off: tuple[str, ...] = ()
    raised_limits: tuple[str, ...] = ()
    other: str | None = None
    not_followed: tuple[str, ...] = ()

    def notes(self) -> Iterator[str]:
        """The same in sentences."""
        if self.switched_off:
            yield f"{self.file} switches off {' '.join(self.switched_off)}: not looked at is not clean"
        if self.raised_limits:
            yield f"{self.file} raises limits: {', '.join(self.raised_limits)}"
        if self.not_followed:
            yield (
                f"{self.other} may have come with the models: what it says on security rules and limits "
                f"({', '.join(self.not_followed)}) was not followed; --config {self.other} follows it"
            )


@dataclass(frozen=True, slots=True)
class ModelReport:
    """What a run found in one model.

    ``opaque`` are the paths of opaque layers, ``opened`` those of layers whose code was run to see inside;
    ``parameters`` is None if no weights are known or the model was refused; ``graph`` is only kept for models that were
    checked through the Python API, alone or together. ``tried_ignores`` and ``used_ignores`` are indices into the
    configuration's list.
    """

    path: str
    status: Status
    reason: str | None = None
    _: KW_ONLY
    format: str | None = None
    keras_version: str | None = None
    opaque: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    loaded: str | None = None
    """Of a file: that it was loaded with the user's classes and checked as a model in memory, or why it was not."""
    depth: str = "weights"
    """How much of the file was read: ``config``, ``structure`` or ``weights``."""
    guessed_classes: tuple[tuple[str, str], ...] = ()
    """Layers that only their stored variables show, with the classes that they probably have."""
    skipped_rules: tuple[SkippedRule, ...] = ()
    parameters: Parameters | None = None
    findings: tuple[Finding, ...] = ()
    suppressed: int = 0
    """Findings that the configuration suppresses."""
    in_baseline: int = 0
    """Findings that are known from a baseline, and not reported."""
    suppressions: tuple[Suppressed, ...] = ()
    """The first of both."""
    fail_on: str = "warning"
    severity: str = "warning"
    """The lowest severity that the formats for reading list; what is below is counted."""
    security_fail_on: str | None = None
    """``fail_on`` for findings of security rules, where that is another."""
    protection: Protection = Protection()
    tried_ignores: frozenset[int] = frozenset()
    used_ignores: frozenset[int] = frozenset()
    no_model: bool = False
    """Whether the file is sound, and holds something else, such as a data set."""
    graph: ModelGraph | None = field(default=None, repr=False, compare=False)
    ran: tuple[str, ...] = ()
    """Codes of the rules that ran to their end."""
    together: Together | None = None
    """Of several models together: what belongs to which. Each has a report of its own as well."""
    picture: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)
    """What a page shows of the model, where it was made while the graph was at hand."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled without the graph, which would take the stored numbers along, or an open file."""
        values = {one.name: getattr(self, one.name) for one in fields(self)} | {"graph": None}
        return partial(ModelReport, **values), ()


OF_FILES = "KPSX"
"""The families of rules about what a file holds."""


def together(file: ModelReport, live: ModelReport, loaded: str) -> ModelReport:
    """One report on a file and on the model that Keras loads from it.

    What a file holds is said of the file: by the rules of `OF_FILES`, except of layers that are closed in the file
    alone; and by those that need what loading leaves out, such as a compilation. All else is said of the model.
    """

    def of_file(code: str) -> bool:
        if code == "K008":
            return False
        return code[0] in OF_FILES or code not in live.ran

    findings = [one for one in file.findings if of_file(one.code)]
    findings += [one for one in live.findings if not of_file(one.code)]
    findings.sort(key=lambda one: one.severity.rank)
    return replace(
        file,
        findings=tuple(findings),
        opaque=live.opaque,
        opened=live.opened,
        guessed_classes=(),
        skipped_rules=tuple(one for one in file.skipped_rules if one.code not in live.ran),
        ran=tuple(dict.fromkeys([*file.ran, *live.ran])),
        suppressed=max(file.suppressed, live.suppressed),
        suppressions=max(file.suppressions, live.suppressions, key=len),
        used_ignores=file.used_ignores | live.used_ignores,
        tried_ignores=file.tried_ignores | live.tried_ignores,
        loaded=loaded,
    )


@dataclass(frozen=True)
class Report:
    """What a run found; ``str(report)`` is the report for reading. A notebook draws it as a page.

    ``general`` are findings that belong to no model, ``notes`` what the reader should know about the run itself
    (ignores that match nothing), ``explanations`` why each reported code is bad, in one sentence, and ``pages`` the
    pages of their rules.
    """

    models: tuple[ModelReport, ...] = ()
    general: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    _: KW_ONLY
    explanations: Mapping[str, str] = field(default_factory=dict)
    pages: Mapping[str, RulePage] = field(default_factory=dict)

    @property
    def findings(self) -> list[Finding]:
        """Every finding, model by model; within a model the most severe first."""
        return [*self.general, *(finding for model in self.models for finding in model.findings)]

    def listing(self, severity: str | None) -> Report:
        """The same report, of which the formats for reading list everything from a severity up."""
        if severity is None:
            return self
        return replace(self, models=tuple(replace(model, severity=severity) for model in self.models))

    def listed(self) -> list[Finding]:
        """The findings that the formats for reading list."""
        return [*self.general, *(finding for model in self.models for finding in listed(model))]

    @property
    def graph(self) -> ModelGraph | None:
        """The graph of the model, or of several together; None where models were checked separately, or not read."""
        return self._whole.graph if self._whole is not None else None

    @property
    def parameters(self) -> Parameters | None:
        """The parameter counts of the model, or of several together, each variable once, if its weights are known."""
        return self._whole.parameters if self._whole is not None else None

    @property
    def _whole(self) -> ModelReport | None:
        if len(self.models) == 1:
            return self.models[0]
        return next((one for one in self.models if one.together is not None), None)

    def tally(self, fail_on: str | None = None) -> Tally:
        """The counts over everything in the report."""
        tally = Tally(fail_on)
        for finding in self.general:
            tally.general(finding)
        for model in self.models:
            tally.model(model)
        return tally

    @property
    def summary(self) -> Summary:
        return self.tally().summary

    def exit_code(self, fail_on: str | None = None) -> int:
        """2 if something was not checked, 1 for a finding at or above ``fail_on``, otherwise 0.

        ``fail_on`` is ``error``, ``warning``, ``info`` or ``never``; None leaves it to each model's configuration.
        """
        return self.tally(fail_on).exit_code

    def _repr_html_(self) -> str:
        from graphlint.reports import render
        from graphlint.reports.html.frame import framed

        return framed(render(self, "html"))

    def __str__(self) -> str:
        from graphlint.reports import render

        return render(self, "full")
