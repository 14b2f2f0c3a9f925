"""Output formats, one module each, with one subclass of `graphlint.reports.writer.Writer` that writes it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphlint.reports.report import Report
    from graphlint.reports.writer import Setting, Writer

FORMATS = {
    "full": "for reading: where, what, why, what to do",
    "concise": "one line per finding",
    "grouped": "one line per finding, below its model",
    "json": "everything, for programs (version 1)",
    "json-lines": "the same with a line for each model, written as the run goes",
    "sarif": "SARIF 2.1.0, for code scanning",
    "github": "annotations in a GitHub workflow",
    "gitlab": "the Code Quality report of GitLab",
    "azure": "issues in the log of Azure Pipelines",
    "junit": "JUnit XML, a suite for each model",
    "markdown": "a summary for the page of a job, or a comment",
    "rdjson": "the diagnostics of reviewdog",
    "pylint": "one line per finding, as Pylint prints it for programs",
    "html": "one page to look at, for a browser: the graph with the findings on it",
}
"""Name -> what it is for."""

_WRITERS = {
    "full": "full:Full",
    "concise": "concise:Concise",
    "grouped": "grouped:Grouped",
    "json": "json:Json",
    "json-lines": "json_lines:JsonLines",
    "sarif": "sarif:Sarif",
    "github": "github:GitHub",
    "gitlab": "gitlab:GitLab",
    "azure": "azure:Azure",
    "junit": "junit:JUnit",
    "markdown": "markdown:Markdown",
    "rdjson": "rdjson:ReviewDog",
    "pylint": "pylint:Pylint",
    "html": "html:Html",
}


def writer_for(format: str, setting: Setting) -> Writer:
    """The writer of a format."""
    module, _, name = _WRITERS[format].partition(":")
    found: Writer = getattr(import_module(f"graphlint.reports.{module}"), name)(setting)
    return found


def render(
    report: Report,
    format: str = "full",
    *,
    color: bool = False,
    statistics: bool = False,
    width: int | None = None,
    fail_on: str | None = None,
) -> str:
    """A report as text, without a final newline.

    ``color`` and ``statistics`` (counts per code) only affect the formats for reading, and ``width`` (in columns, where
    lines are broken) only ``full``. ``fail_on`` overrides the severity from which a finding is a failure.

    >>> from graphlint.reports.report import Report
    >>> render(Report(), "concise")
    ''
    """
    from graphlint.reports.writer import Ending, Setting

    setting = Setting(
        report.explanations, report.pages, color=color, statistics=statistics, width=width, fail_on=fail_on
    )
    writing = writer_for(format, setting)
    lines = [*writing.begin()]
    for finding in report.general:
        lines += writing.general(finding)
    for model in report.models:
        lines += writing.model(model)
    lines += writing.end(Ending(report.tally(fail_on), report.notes))
    return "\n".join(lines)
