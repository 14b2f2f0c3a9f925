"""Output formats, one module each. A module has ``render(report, *, color, statistics) -> str``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphlint.reports.report import Report

FORMATS = {
    "full": "for reading: where, what, why, what to do",
    "concise": "one line per finding",
    "json": "everything, for programs (version 1)",
    "sarif": "SARIF 2.1.0, for code scanning",
    "github": "annotations in a GitHub workflow",
    "html": "one page to look at, for a browser: the graph with the findings on it",
}
"""Name -> what it is for; each is the module of the same name in this package."""


def render(
    report: Report, format: str = "full", *, color: bool = False, statistics: bool = False, width: int | None = None
) -> str:
    """A report as text, without a final newline.

    ``color`` and ``statistics`` (counts per code) only affect the formats for reading, and ``width`` (in columns, where
    lines are broken) only ``full``.

    >>> from graphlint.reports.report import Report
    >>> render(Report(), "concise")
    ''
    """
    module = import_module(f"graphlint.reports.{format}")
    more = {"width": width} if format == "full" else {}
    text: str = module.render(report, color=color, statistics=statistics, **more)
    return text
