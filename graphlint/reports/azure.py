"""Issues in the log of Azure Pipelines: one command for each error and warning."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from graphlint.findings.finding import Severity
from graphlint.reports.concise import line
from graphlint.reports.listing import listed
from graphlint.reports.places import LINE, described, relative
from graphlint.reports.safe import in_line
from graphlint.reports.writer import Writer

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport


class Azure(Writer):
    """Errors and warnings as commands; infos, which Azure has none of, as lines if they are listed."""

    def general(self, finding: Finding) -> Iterable[str]:
        return [_command(finding)]

    def model(self, model: ModelReport) -> Iterable[str]:
        shown = {id(finding) for finding in listed(model)}
        for finding in model.findings:
            if finding.severity is not Severity.INFO:
                yield _command(finding)
            elif id(finding) in shown:
                yield line(finding)


def _command(finding: Finding) -> str:
    properties = {
        "type": finding.severity.value,
        "sourcepath": relative(finding.model),
        "linenumber": LINE,
        "code": finding.code,
    }
    said = "".join(f"{key}={_property(str(value))};" for key, value in properties.items())
    return f"##vso[task.logissue {said}]{_data(f'{finding.name}: {described(finding)}')}"


def _data(text: str) -> str:
    return in_line(text).replace("%", "%AZP25")


def _property(text: str) -> str:
    return _data(text).replace(";", "%3B").replace("]", "%5D")
