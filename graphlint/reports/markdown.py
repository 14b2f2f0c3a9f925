"""A summary in Markdown, for the page of a job or a comment on a pull request: what was found, then each model.

GitHub refuses a summary of a job from a mebibyte on: what does not fit is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from graphlint.errors import listed as enumerated
from graphlint.reports.listing import listed
from graphlint.reports.report import Status
from graphlint.reports.safe import in_markdown
from graphlint.reports.text import counted, skipped_rules, summary_line
from graphlint.reports.writer import Ending, Setting, Writer

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport

_ROOM = 900_000
"""Bytes of models that are written."""
_MARKS = {"error": "🔴", "warning": "🟠", "info": "🔵"}


class Markdown(Writer):
    """The summary comes first, so what is said of models is kept until then; there is room for so much only."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._kept: list[str] = []
        self._size = self._left_out = 0

    def general(self, finding: Finding) -> Iterable[str]:
        return self._keep(list(self._section(finding.model, "", [finding])), 1)

    def model(self, model: ModelReport) -> Iterable[str]:
        findings = listed(model)
        if findings or model.opaque or model.status is Status.SKIPPED:
            self._keep(list(self._model(model, findings)), len(findings))
        return ()

    def _keep(self, lines: list[str], findings: int) -> Iterable[str]:
        size = sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)
        if self._size + size > _ROOM:
            self._left_out += max(findings, 1)
        else:
            self._size += size
            self._kept += lines
        return ()

    def end(self, ending: Ending) -> Iterable[str]:
        tally = ending.tally
        yield from ("## graphlint", "", f"**{in_markdown(summary_line(tally))}**")
        if ending.interrupted:
            yield from ("", "Interrupted: more models should have followed.")
        yield from self._kept
        if self._left_out:
            yield from ("", f"{self._left_out:,} more, for which there is no room here.")
        said = [f"not run: {text}" for text in skipped_rules(tally)]
        said += [f"note: {note}" for note in ending.notes]
        if said:
            yield from ("", *(f"- {in_markdown(text)}" for text in said))

    def _model(self, model: ModelReport, findings: list[Finding]) -> Iterator[str]:
        version = f"Keras {model.keras_version}" if model.keras_version else None
        about = ", ".join(part for part in (model.format, version) if part)
        yield from self._section(model.path, about, findings)
        if model.status is Status.SKIPPED:
            yield from ("", in_markdown(f"Skipped: {model.reason}"))
        if model.opaque:
            names = enumerated(["the model" if path == "." else path for path in model.opaque], 5)
            yield from ("", in_markdown(f"Opaque, not checked inside: {names}"))

    def _section(self, path: str, about: str, findings: list[Finding]) -> Iterator[str]:
        yield from ("", f"### {in_markdown(path)}" + (f" ({in_markdown(about)})" if about else ""))
        if not findings:
            return
        yield from ("", f"| {counted(len(findings), 'finding')} | where | what |", "|---|---|---|")
        for one in findings:
            where = "" if one.location is None else in_markdown(one.location.address)
            text = "<br>".join(in_markdown(part) for part in (one.message, one.hint) if part)
            yield f"| {_MARKS[one.severity]} {one.severity} {one.code} {one.name} | {where} | {text} |"
