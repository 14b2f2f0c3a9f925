"""Small models, one on each line of ``models.jsonl``, with what is said of them: findings, for some the graph.

python -m tests.recorded

writes what is said today: what a change of the code says otherwise is then in ``git diff``. The models are
configurations from other tests with a few values changed, cut down to what tells a fault in the code from the code as
it is (`tests.mutation.searching`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from graphlint.engine.linter import Linter
from graphlint.errors import GraphlintError
from graphlint.findings.finding import Finding
from graphlint.model.expand import expand
from graphlint.projections.canonical import canonical
from graphlint.reports.report import Status
from graphlint.sources import read

RECORDED = Path(__file__).with_name("models.jsonl")


@cache
def _linter() -> Linter:
    return Linter(preview=True)


def findings(model: Any) -> Any:
    """What all rules say of the configuration of a model, without what is empty."""
    report = _linter().check_file(json.dumps(model).encode(), "model.json")
    if report.status is not Status.CHECKED:
        return report.reason
    return [_plain(one) for one in report.findings]


def graph(model: Any) -> Any:
    """What the graph of a model has."""
    try:
        return json.loads(json.dumps(canonical(expand(read(json.dumps(model).encode())))))
    except GraphlintError as error:
        return str(error)


SAID: dict[str, Callable[[Any], Any]] = {"findings": findings, "graph": graph}


def recorded() -> Iterator[dict[str, Any]]:
    """Every model with what was last written of it."""
    yield from map(json.loads, RECORDED.read_text().splitlines())


def line(model: Any, *kinds: str) -> str:
    """A model with what is said of it now."""
    return f"{json.dumps({'model': model} | {kind: SAID[kind](model) for kind in kinds})}\n"


def _plain(finding: Finding) -> dict[str, Any]:
    fix = finding.fix
    told = {
        "code": finding.code,
        "severity": str(finding.severity),
        "address": finding.location and finding.location.address,
        "message": finding.message,
        "hint": finding.hint,
        "related": list(finding.related),
        "fix": fix and {**asdict(fix), "edits": [repr(edit) for edit in fix.edits]},
    }
    return {key: value for key, value in told.items() if value}
