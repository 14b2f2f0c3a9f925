"""Tests for people who write rules: one call holds a rule to the form, and runs the examples in its docstring."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import Any

from graphlint.config import Config
from graphlint.engine.documentation import EXAMPLE, INSTEAD, REFERENCES, SECTIONS, page
from graphlint.engine.finding import Finding, Severity
from graphlint.engine.linter import Linter
from graphlint.engine.registry import Registry, load_registry
from graphlint.engine.report import ModelReport, Status
from graphlint.engine.rule import Need, Rule
from graphlint.engine.selection import Selection


def check_rule(rule: type[Rule], tmp_path: Path) -> None:
    """Hold one rule to the form of a rule, and run its examples.

    The docstring has a summary line and the sections of `graphlint.engine.documentation.SECTIONS`, in order. The Python
    block below *Example* leaves a ``model`` or the ``path`` of a file on which the rule fires, and nothing else at
    warning or error; on the one below *Use instead* the rule is silent, and so is everything else at warning or error.
    A ``model`` is checked in memory and, unless the rule needs a live model, saved as ``.keras``. The blocks run with
    ``keras``, ``layers`` (``keras.layers``), ``ops`` (``keras.ops``), ``np`` and ``tmp_path``.

    Parameters
    ----------
    rule
        The class. It need not be installed.
    tmp_path
        An empty folder, such as pytest's fixture of this name.

    Raises
    ------
    AssertionError
        Says what is wrong with the rule or its examples.
    """
    _check_form(rule)
    linter = _linter(rule)
    for title, fires in ((EXAMPLE, True), (INSTEAD, False)):
        folder = tmp_path / title.partition(" ")[0].lower()
        folder.mkdir()
        for where, report in _reports(rule, linter, title, folder):
            _check_report(rule, f"{rule.code}, {title!r}, {where}", report, fires)


def _check_form(rule: type[Rule]) -> None:
    Registry([rule])
    described = page(rule)
    assert described.summary, f"{rule.code}: expected a summary in the first line of the docstring, got none"
    titles = list(described.sections)
    wanted = [title for title in SECTIONS if title != REFERENCES or REFERENCES in titles]
    assert titles == wanted, f"{rule.code}: expected the sections {wanted}, got {titles}"
    for title, text in described.sections.items():
        assert text, f"{rule.code}: expected some text below {title!r}, got none"
    for title in (EXAMPLE, INSTEAD):
        assert described.code(title), f"{rule.code}: expected a Python block below {title!r}, got none"


def _linter(rule: type[Rule]) -> Linter:
    installed = [one for one in load_registry() if one is not rule]
    return Linter(Config(), Selection(extend_select=(rule.code,)), registry=Registry([*installed, rule]))


def _reports(rule: type[Rule], linter: Linter, title: str, folder: Path) -> list[tuple[str, ModelReport]]:
    made = run_example(rule, title, folder)
    if "path" in made:
        return [("the file", linter.check_file(made["path"]))]
    model = made["model"]
    live = [("in memory", linter.check_model(model))]
    if Need.LIVE in rule.needs:
        return live
    saved = folder / "saved.keras"
    model.save(saved)
    return [*live, ("saved", linter.check_file(saved))]


def run_example(rule: type[Rule], title: str, folder: Path) -> dict[str, Any]:
    """Run the Python block of a section; what it leaves behind, with at least ``model`` or ``path``.

    Raises
    ------
    AssertionError
        The block raises, or leaves neither.
    """
    import keras
    import numpy as np

    code = page(rule).code(title)
    assert code is not None
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
    names: dict[str, Any] = {
        "keras": keras,
        "layers": keras.layers,
        "ops": keras.ops,
        "np": np,
        "tmp_path": folder,
        "__name__": re.sub(r"\W", "_", f"example_of_{rule.name}"),
    }
    try:
        exec(compile(code, f"<{rule.code} {title}>", "exec"), names)
    except Exception as error:
        raise AssertionError(f"{rule.code}: the block below {title!r} raises\n{traceback.format_exc()}") from error
    assert "model" in names or "path" in names, f"{rule.code}: the block below {title!r} leaves no `model` or `path`"
    return names


def _check_report(rule: type[Rule], where: str, report: ModelReport, fires: bool) -> None:
    mine = [finding for finding in report.findings if finding.code == rule.code]
    others = [one for one in report.findings if one.code != rule.code and one.severity is not Severity.INFO]
    assert report.status is Status.CHECKED, f"{where}: expected a model that can be read: {report.reason}"
    assert not others, f"{where}: expected nothing else at warning or error, got {_shown(others)}"
    if fires:
        skipped = {one.code: one.reason for one in report.skipped_rules}
        assert mine, f"{where}: expected a finding, got none" + f" ({skipped.get(rule.code, 'it ran')})"
    else:
        assert not mine, f"{where}: expected no finding, got {_shown(mine)}"


def _shown(findings: list[Finding]) -> str:
    return "; ".join(
        f"{one.code} at {one.location.address if one.location else '.'}: {one.message}" for one in findings
    )
