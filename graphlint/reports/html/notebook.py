"""What `graphlint.show` returns, and how notebooks draw graphs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from graphlint.reports.html.frame import framed

if TYPE_CHECKING:
    from graphlint.model.graph import ModelGraph


class Page:
    """Something that can be looked at: a notebook draws it, and `save` writes a page."""

    @property
    def html(self) -> str:
        """The page as text."""
        raise NotImplementedError

    def save(self, path: str | Path) -> Path:
        """Write the page to a file, and return its path."""
        target = Path(path)
        target.write_text(self.html, encoding="utf-8")
        return target

    def _repr_html_(self) -> str:
        return framed(self.html)


class Shown(Page):
    """A page to look at. In a notebook it is drawn; elsewhere, save it and open it in a browser.

    ``html`` is the page as text; ``str`` of it is the model as ``graphlint show`` prints it.
    """

    def __init__(self, page: str, about: str, text: Callable[[], str]) -> None:
        self._page = page
        self._about = about
        self._text = text

    @property
    def html(self) -> str:
        """The page as text."""
        return self._page

    def __str__(self) -> str:
        return self._text()

    def __repr__(self) -> str:
        return f"<{self._about}: .save('report.html') writes the page>"


def of_graph(graph: ModelGraph) -> str:
    """The graph alone, without findings, as a cell shows it."""
    from graphlint.reports.html.page import model_page
    from graphlint.reports.report import ModelReport, Status

    model = ModelReport(
        graph.root.name,
        Status.CHECKED,
        format=graph.definition.format,
        keras_version=graph.definition.keras_version,
        parameters=graph.parameters if graph.has_weights else None,
        graph=graph,
    )
    return framed(model_page(model, {}, ("This is the graph alone: no rule was run.",)))


def install(holder: type[ModelGraph], draw: Callable[[ModelGraph], str] = of_graph) -> None:
    """Let notebooks draw graphs."""
    holder.notebook_view = staticmethod(draw)
