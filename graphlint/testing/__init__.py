"""For the tests of rule authors: one call checks the form of a rule, and runs the examples in its docstring."""

from __future__ import annotations

import re
import traceback
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlint.engine.config import Config
from graphlint.engine.documentation import EXAMPLE, FIX, INSTEAD, REFERENCES, SECTIONS, offered_fix, page
from graphlint.engine.linter import Linter
from graphlint.engine.registry import Registry, load_registry
from graphlint.engine.rule import Need, Rule
from graphlint.engine.selection import Selection
from graphlint.findings.finding import Finding, Severity
from graphlint.reports.report import ModelReport, Report, Status
from graphlint.testing.robustness import check_robust

if TYPE_CHECKING:
    from graphlint.fixes.fixer import Fixer
    from graphlint.fixes.report import FixReport


def check_rule(rule: type[Rule], tmp_path: Path) -> None:
    """Check the form of one rule, and run its examples.

    The docstring has a summary line and the sections of `graphlint.engine.documentation.SECTIONS`, in order; *Fix*
    begins with None, Safe or Unsafe. The Python block below *Example* defines a ``model`` or the ``path`` of a file on
    which the rule fires, and no other rule at warning or error, except a security rule at the same layer; on the one
    below *Use instead* the rule is silent, and so is every other at warning or error. A ``model`` is checked in memory
    and, unless the rule needs a live model, saved as ``.keras``; for a rule that needs data, the block also defines the
    ``data`` that the model is run on, and the other rules on data run as well, or for one about training the
    ``report`` of a `graphlint.callbacks.Watch`. The blocks run with ``keras``, ``layers`` (``keras.layers``), ``ops``
    (``keras.ops``), ``np`` and ``tmp_path``. For a rule that needs several models they define ``models``, a dict of
    models or of paths.

    The rule then runs on `graphlint.testing.samples.SAMPLES`, in memory and saved, where it may find something but must
    not raise, and on some two hundred configurations with one odd setting each: a setting is what a file says.

    Args:
        rule: The class. It need not be installed.
        tmp_path: An empty folder, such as pytest's fixture of this name.

    Raises:
        AssertionError: Says what is wrong with the rule or its examples.
    """
    _check_form(rule)
    linter = _linter(rule, data=Need.DATA in rule.needs)
    for title, fires in ((EXAMPLE, True), (INSTEAD, False)):
        folder = tmp_path / title.partition(" ")[0].lower()
        folder.mkdir()
        if Need.SEVERAL in rule.needs:
            report = _of_several(linter, run_example(rule, title, folder)["models"])
            _check_report(rule, f"{rule.code}, {title!r}", report, fires)
            if fires:
                check_robust(rule, None)
            continue
        model, path, data = _made(rule, title, folder)
        if isinstance(data, Report):
            _check_report(rule, f"{rule.code}, {title!r}, watched", data.models[0], fires)
        elif model is not None:
            report = linter.check_model(model, data=data)
            _check_report(rule, f"{rule.code}, {title!r}, in memory", report, fires)
        if path is not None:
            where = "the file" if model is None else "saved"
            _check_report(rule, f"{rule.code}, {title!r}, {where}", linter.check_file(path), fires)
        if fires:
            check_robust(rule, path)


def check_fix(rule: type[Rule], tmp_path: Path) -> None:
    """Check that one rule does what its docstring says about a fix.

    A rule whose section *Fix* begins with Safe or Unsafe offers one on its bad example, in memory or on the saved file,
    and no other rule does. The example, fixed, is clean for the rule, has no new finding at warning or error, runs, is
    saved, and loads. After a safe fix the outputs are equal: exactly, unless the section mentions rounding.

    Args:
        rule: The class. It need not be installed.
        tmp_path: An empty folder.

    Raises:
        AssertionError: Says what is wrong with the fix.
    """
    text = page(rule).sections[FIX]
    promised = offered_fix(rule) is not None
    offered = [_fix_in_memory(rule, tmp_path), _fix_file(rule, tmp_path)]
    assert promised == any(offered), (
        f"{rule.code}: expected {'a fix' if promised else 'no fix'} on the example, since {FIX!r} says {text[:40]!r}..."
    )


def _of_several(linter: Linter, models: Mapping[str, Any]) -> ModelReport:
    """The report on several models together, with what is found in each of them."""
    checked = {
        name: linter.check_file(one) if isinstance(one, (str, Path)) else linter.check_model(one, name)
        for name, one in models.items()
    }
    *each, whole = linter.check_several(checked) if len(checked) > 1 else checked.values()
    return replace(whole, findings=tuple(one for report in (*each, whole) for one in report.findings))


def _fix_in_memory(rule: type[Rule], folder: Path) -> bool:
    """Fix the bad example in memory; whether there was a fix to make."""
    folder = folder / "memory"
    folder.mkdir()
    made = run_example(rule, EXAMPLE, folder)
    if "model" not in made:
        return False
    import keras

    linter, model = _linter(rule), made["model"]
    before = linter.check_model(model).findings
    if not any(one.fix is not None for one in before if one.code == rule.code):
        return False
    fixed, report = _fixer(rule).run(model)
    _check_outcome(rule, "in memory", report, before, linter.check_model(fixed).findings)
    fixed.save(folder / "fixed.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns about every optimizer that is saved before training.
        keras.models.load_model(folder / "fixed.keras")
    return True


def _fix_file(rule: type[Rule], folder: Path) -> bool:
    """Fix the bad example as a file; whether there was a fix to make."""
    from graphlint.fixes.files import fix_file

    folder = folder / "file"
    folder.mkdir()
    made = run_example(rule, EXAMPLE, folder)
    if "models" in made:
        return False
    path = made.get("path", folder / "saved.keras")
    if "path" not in made:
        if rule.needs & {Need.LIVE, Need.DATA, Need.STEPS}:
            return False
        made["model"].save(path)
    linter = _linter(rule)
    before = linter.check_file(path).findings
    if not any(one.fix is not None for one in before if one.code == rule.code):
        return False
    fixed = fix_file(path, _fixer(rule))
    target = folder / f"fixed{path.suffix if path.suffix == '.h5' else '.keras'}"
    fixed.save(target)
    _check_outcome(rule, "on the file", fixed.report, before, linter.check_file(target).findings)
    return True


def _fixer(rule: type[Rule]) -> Fixer:
    from graphlint.fixes.fixer import Fixer

    installed = [one for one in load_registry() if one is not rule]
    registry = Registry([*installed, rule])
    return Fixer(Linter(Config(), Selection(select=(rule.code,)), registry=registry), unsafe=True, asked=(rule.code,))


def _check_outcome(
    rule: type[Rule], where: str, report: FixReport, before: Iterable[Finding], after: Iterable[Finding]
) -> None:
    assert report, f"{rule.code} {where}: expected the fix to be made: {report}"
    left = [one for one in after if one.code == rule.code]
    assert not left, f"{rule.code} {where}: expected no finding after the fix, got {_shown(left)}"
    known = {one.code for one in before}
    new = [one for one in after if one.severity is not Severity.INFO and one.code not in known]
    assert not new, f"{rule.code} {where}: the fix introduces {_shown(new)}"
    exact = "rounding" not in page(rule).sections[FIX]
    safe = all(one.finding.fix is not None and one.finding.fix.changes is None for one in report.applied)
    if safe and exact:
        assert report.difference in (0, None), f"{rule.code} {where}: expected equal outputs, got {report.difference}"


def _check_form(rule: type[Rule]) -> None:
    Registry([rule])
    described = page(rule)
    assert described.summary, f"{rule.code}: expected a summary in the first line of the docstring, got none"
    titles = list(described.sections)
    wanted = [title for title in SECTIONS if title != REFERENCES or REFERENCES in titles]
    assert titles == wanted, f"{rule.code}: expected the sections {wanted}, got {titles}"
    for title, text in described.sections.items():
        assert text, f"{rule.code}: expected some text below {title!r}, got none"
    assert re.match(r"(None|Safe|Unsafe)\b", described.sections[FIX]), (
        f"{rule.code}: expected {FIX!r} to begin with None, Safe or Unsafe, got {described.sections[FIX][:40]!r}"
    )
    for title in (EXAMPLE, INSTEAD):
        assert described.code(title), f"{rule.code}: expected a Python block below {title!r}, got none"


def _linter(rule: type[Rule], *, data: bool = False) -> Linter:
    installed = [one for one in load_registry() if one is not rule]
    return Linter(Config(), Selection(extend_select=(rule.code,)), registry=Registry([*installed, rule]), data=data)


def _made(rule: type[Rule], title: str, folder: Path) -> tuple[Any, Path | None, Any]:
    """What an example makes: a model, and the file it is saved to unless the rule needs it live; or a file.

    For a rule that needs data, also the ``data`` that the model is run on.
    """
    made = run_example(rule, title, folder)
    if "path" in made:
        return None, Path(made["path"]), None
    if Need.STEPS in rule.needs:
        assert "report" in made, f"{rule.code}: the block below {title!r} defines no `report`"
        return made["model"], None, made["report"]
    if Need.DATA in rule.needs:
        assert "data" in made, f"{rule.code}: the block below {title!r} defines no `data`"
        return made["model"], None, made["data"]
    if Need.LIVE in rule.needs:
        return made["model"], None, None
    saved = folder / "saved.keras"
    made["model"].save(saved)
    return made["model"], saved, None


def run_example(rule: type[Rule], title: str, folder: Path) -> dict[str, Any]:
    """Run the Python block of a section; the names it defines, with at least ``model`` or ``path``.

    Raises:
        AssertionError: The block raises, or defines neither.
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
    wanted = ("models",) if Need.SEVERAL in rule.needs else ("model", "path")
    assert any(name in names for name in wanted), f"{rule.code}: the block below {title!r} defines none of {wanted}"
    return names


def _check_report(rule: type[Rule], where: str, report: ModelReport, fires: bool) -> None:
    mine = [finding for finding in report.findings if finding.code == rule.code]
    layers = {one.location.layer for one in mine if one.location is not None}
    others = [
        one
        for one in report.findings
        if one.code != rule.code and one.severity is not Severity.INFO and not _is_the_danger_of(one, layers)
    ]
    assert report.status is Status.CHECKED, f"{where}: expected a model that can be read: {report.reason}"
    assert not others, f"{where}: expected nothing else at warning or error, got {_shown(others)}"
    if fires:
        skipped = {one.code: one.reason for one in report.skipped_rules}
        assert mine, f"{where}: expected a finding, got none" + f" ({skipped.get(rule.code, 'it ran')})"
    else:
        assert not mine, f"{where}: expected no finding, got {_shown(mine)}"


def _is_the_danger_of(finding: Finding, layers: set[str]) -> bool:
    """Whether a security finding judges what the rule itself reports, at one of its layers."""
    return re.fullmatch(r"X\d{3}", finding.code) is not None and bool(
        finding.location is not None and finding.location.layer in layers
    )


def _shown(findings: list[Finding]) -> str:
    return "; ".join(
        f"{one.code} at {one.location.address if one.location else '.'}: {one.message}" for one in findings
    )
