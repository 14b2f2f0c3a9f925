"""Everything, for programs that read while graphlint runs: one JSON document in each line, which says its type.

First ``run``; then for each model a ``model`` with its findings, and for what belongs to no model a ``finding``; last
the ``summary``. A file without one was not finished.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from graphlint.reports.json import VERSION, dumps, finding_document, model_document
from graphlint.reports.writer import Ending, Writer

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport


class JsonLines(Writer):
    """One line for each model."""

    def begin(self) -> Iterable[str]:
        from graphlint import __version__

        return [dumps({"type": "run", "version": VERSION, "graphlint": __version__}, indent=None)]

    def general(self, finding: Finding) -> Iterable[str]:
        return [dumps({"type": "finding", **finding_document(finding)}, indent=None)]

    def model(self, model: ModelReport) -> Iterable[str]:
        findings = [finding_document(finding) for finding in model.findings]
        return [dumps({"type": "model", **model_document(model), "findings": findings}, indent=None)]

    def end(self, ending: Ending) -> Iterable[str]:
        summary = {
            "type": "summary",
            **asdict(ending.tally.summary),
            "notes": list(ending.notes),
            "exit_code": ending.tally.exit_code,
            "interrupted": ending.interrupted,
        }
        return [dumps(summary, indent=None)]
