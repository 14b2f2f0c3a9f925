"""One self-contained page: the graph, the findings on it, parameters, compilation, releases and security."""

from __future__ import annotations

from graphlint.reports.html.page import Html

__all__ = ["Html"]
