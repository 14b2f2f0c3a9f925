"""What a page needs of each model, kept while its graph is at hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from graphlint.engine.linter import without_graph

if TYPE_CHECKING:
    from graphlint.engine.linter import Linter
    from graphlint.reports.report import ModelReport


@dataclass(frozen=True, slots=True)
class Pictures:
    """Of a single model the picture itself; of several, a page for each that has findings is written to ``folder``.

    ``folder`` is None where no page can be written, because the report goes to stdout.
    """

    single: bool
    folder: Path | None = None

    @classmethod
    def for_report(cls, targets: int, output: Path | None) -> Pictures:
        """The pages of ``report.html`` are in ``report.models``, beside it."""
        return cls(targets == 1, None if output is None or targets == 1 else output.with_suffix(".models"))

    def kept(self, model: ModelReport, linter: Linter, place: int) -> ModelReport:
        """The report on a model without its graph, but with what the page shows of it.

        Raises:
            OutputError: a page cannot be written.
        """
        from graphlint.cli.output import write
        from graphlint.reports.html.page import model_page
        from graphlint.reports.html.picture import of_report

        if self.single:
            return replace(without_graph(model), picture=of_report(model))
        summary = {}
        if model.graph is not None:
            from graphlint.reports.canvas.canvas import canvas
            from graphlint.reports.canvas.captions import name

            summary = {"class": name(model.graph.root.class_name or ""), "shape": canvas(model.graph).shape}
        if self.folder is not None and model.findings:
            page = model_page(model, linter.explanations({finding.code for finding in model.findings}))
            self.folder.mkdir(parents=True, exist_ok=True)
            file = self.folder / f"{place:05}.html"
            write(page, file)
            summary["page"] = f"{self.folder.name}/{file.name}"
        return replace(without_graph(model), picture=summary or None)
