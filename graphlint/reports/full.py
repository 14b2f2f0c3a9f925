"""The report for reading: each model with its findings and what could not be seen; then, once, what did not run, what
was refused and what can be fixed."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from graphlint.errors import listed as enumerated
from graphlint.findings.tool_findings import TOOL_FINDINGS
from graphlint.model.address import ROOT
from graphlint.model.definition import Format
from graphlint.reports.listing import listed
from graphlint.reports.report import Status
from graphlint.reports.safe import in_line
from graphlint.reports.text import counted, hanging, skipped_rules, statistics_lines, summary_line
from graphlint.reports.writer import Ending, Setting, Writer

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.questions.together import Together
    from graphlint.reports.report import ModelReport
    from graphlint.reports.tally import Paths, Tally

_SHARED = 20
"""Shared layers that are listed."""
_NAMED = 5
"""Layers that are listed of those that two files have, or do not have, in common."""
_COLORS = {"error": "red", "warning": "yellow", "info": "cyan"}


class Full(Writer):
    """Lines longer than the width are broken, with a hanging indent."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._explained: set[str] = set()

    def general(self, finding: Finding) -> Iterable[str]:
        return self._fitted([*self._finding(finding, finding.model), ""])

    def model(self, model: ModelReport) -> Iterable[str]:
        lines = list(self._model(model))
        return self._fitted([*lines, ""]) if lines else ()

    def end(self, ending: Ending) -> Iterable[str]:
        return self._fitted(self._end(ending))

    def _end(self, ending: Ending) -> Iterator[str]:
        if self.setting.statistics:
            yield from (*statistics_lines(ending.tally), "")
        yield from self._footer(ending)

    def _fitted(self, lines: Iterable[str]) -> Iterable[str]:
        width = self.setting.width
        return lines if width is None else (part for line in lines for part in hanging(line, width))

    def _style(self, text: str, color: str | None = None, *, bold: bool = False, dim: bool = False) -> str:
        return click.style(text, fg=color, bold=bold or None, dim=dim or None) if self.setting.color else text

    def _model(self, model: ModelReport) -> Iterator[str]:
        """What there is to say of a model; nothing of one that was looked at as a whole, and is clean."""
        findings = listed(model)
        partly = model.format == Format.WEIGHTS and model.ran
        if model.together is not None:
            yield from self._together(model, model.together)
            return
        if not (findings or model.opaque or partly or model.loaded) and model.status == Status.CHECKED:
            return
        about = in_line(", ".join(part for part in (model.format, self._version(model)) if part))
        name = self._style(in_line(model.path), bold=True)
        yield f"{name} ({about})" if about else name
        if model.status == Status.SKIPPED:
            yield f"  skipped: {in_line(model.reason or '')}"
        for finding in findings:
            yield from self._finding(finding)
        if model.loaded:
            yield self._style(f"  {in_line(model.loaded)}", dim=True)
        if model.opaque:
            opaque = [self._place(path) for path in model.opaque]
            yield self._style(f"  opaque, not checked inside: {enumerated(opaque, 5)}", dim=True)
        if partly:
            yield self._style(f"  looked at: the stored weights alone, by {' '.join(model.ran)}", dim=True)
        if model.parameters is not None:
            yield self._style(f"  parameters: {self._parameters(model)}", dim=True)

    def _together(self, model: ModelReport, every: Together) -> Iterator[str]:
        """Several models as one: what belongs to which, what they share, and what rules find over all of them."""
        yield self._style(f"together: {in_line(model.path)}", bold=True)
        for part in every.parts:
            trains = "as its own training step does" if part.trains is None else f"{part.trains:,}"
            state = part.begun if part.begun == "is not compiled" else f"trains {trains}, {part.begun}"
            yield f"  {in_line(part.name)}: {part.parameters:,} parameters, {part.shared:,} shared; {in_line(state)}"
        for one in every.shared[:_SHARED]:
            calls = ", ".join(f"{in_line(name)} ({counted(count, 'call')})" for name, count in one.calls)
            trained = f"; trained by {', '.join(map(in_line, one.trained_by))}" if one.trained_by else ""
            holders = calls or ", ".join(map(in_line, one.models))
            yield f"  shared: {in_line(one.address)} ({one.parameters:,} parameters) in {holders}{trained}"
        if len(every.shared) > _SHARED:
            yield f"  and {counted(len(every.shared) - _SHARED, 'shared layer')} more"
        for pair in every.kin:
            yield f"  {in_line(pair.relation)}"
            yield f"    equal: {counted(len(pair.equal), 'layer')} ({pair.parameters:,} parameters)"
            for label, paths in (
                ("differ", [f"{one} and {other}" for one, other in pair.retrained]),
                (f"only in {pair.first}", pair.only_first),
                (f"only in {pair.second}", pair.only_second),
            ):
                if paths:
                    yield f"    {in_line(label)}: {enumerated([in_line(path) for path in paths], _NAMED)}"
        for finding in listed(model):
            yield from self._finding(finding)
        if model.parameters is not None:
            count = model.parameters
            alone = f"; {count.counted_per_layer:,} model by model" if count.counted_twice else ""
            yield self._style(f"  parameters: {count.total:,}, each counted once{alone}", dim=True)

    def _version(self, model: ModelReport) -> str | None:
        return f"Keras {model.keras_version}" if model.keras_version else None

    def _place(self, address: str) -> str:
        return "the model" if address == ROOT else in_line(address)

    def _finding(self, finding: Finding, model: str | None = None) -> Iterator[str]:
        head = self._style(f"{finding.severity}: {finding.code} {finding.name}", _COLORS[finding.severity], bold=True)
        where = in_line(model or "") if finding.location is None else self._place(finding.location.address)
        yield f"  {head}" + (f" at {self._style(where, bold=True)}" if where else "")
        yield f"    {in_line(finding.message)}"
        why = self.setting.explanations.get(finding.code)
        if why and finding.code not in self._explained:
            self._explained.add(finding.code)
            label = "what it means" if finding.code in TOOL_FINDINGS else "why"
            yield self._style(f"    {label}: {in_line(why)}", dim=True)
        if finding.hint:
            yield f"    hint: {in_line(finding.hint)}"
        if finding.related:
            yield f"    see also: {', '.join(map(self._place, finding.related))}"
        if finding.fix is not None:
            changes = f" ({finding.fix.changes})" if finding.fix.changes else ""
            how = f"{finding.fix.applicability}{f' with {finding.fix.condition}' if finding.fix.condition else ''}"
            yield f"    fix, {in_line(how)}: {in_line(finding.fix.title + changes)}"

    def _parameters(self, model: ModelReport) -> str:
        count = model.parameters
        assert count is not None
        parts = [f"{count.total:,} ({count.trainable:,} trainable, {count.non_trainable:,} not)"]
        if count.counted_twice:
            parts.append(f"{count.counted_twice:,} counted twice, {count.counted_per_layer:,} layer by layer")
        if count.unreachable:
            parts.append(f"{count.unreachable:,} reach no output")
        return "; ".join(parts)

    # -- once, at the end ---------------------------------------------------------------------------------------

    def _footer(self, ending: Ending) -> Iterator[str]:
        tally = ending.tally
        skipped = "; ".join(skipped_rules(tally))
        if skipped:
            yield self._style(f"not run: {skipped}", dim=True)
        for note in ending.notes:
            yield f"note: {in_line(note)}"
        yield self._style(summary_line(tally), bold=True)
        if tally.refused.count:
            yield f"refused: {in_line(str(tally.refused))}"
        if tally.fixable:
            yield _fixable(tally)


def _fixable(tally: Tally) -> str:
    """How many findings a command can fix, and the command."""
    found, safe = tally.fixable, tally.safely
    how = "safely" if safe == found else "with --unsafe" if not safe else f"{safe:,} of them safely"
    return f"{found:,} can be fixed, {how}: {_command(tally.to_fix, not safe, tally.conditions)}"


def _command(files: Paths, unsafe: bool, conditions: Iterable[str]) -> str:
    if files.imported:
        return f"graphlint.fix(model{', unsafe=True' if unsafe else ''})"
    more = ["..."] if files.count > len(files.first) else []
    named = [shlex.quote(in_line(path)) for path in files.first] + more
    where = "-o FIXED.keras" if files.count == 1 else "--in-place"
    words = ["graphlint fix", *(["--unsafe"] if unsafe else []), *map(in_line, conditions), where, "--", *named]
    return " ".join(word for word in words if word != "--" or any(name.startswith("-") for name in named))
