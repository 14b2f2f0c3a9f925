"""What users call: `diff`, and assertions for tests."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlint.comparison.changes import Part
from graphlint.errors import GraphlintError

if TYPE_CHECKING:
    from graphlint.comparison.difference import Difference
    from graphlint.model.graph import ModelGraph

Target = Any
"""A ``keras.Model``, or the path of a model file."""

_UNCHANGED = (Part.SIGNATURE.value, Part.ARCHITECTURE.value, Part.WEIGHTS.value)


def diff(old: Target, new: Target, *, weights: bool = True, findings: bool = True) -> Difference:
    """What changed from one model to another.

    Args:
        old: a ``keras.Model``, or the path of a file.
        new: the same.
        weights: whether the numbers of variables are compared.
        findings: whether both models are checked, and what is found compared. No configuration file is read.

    Returns:
        A `Difference`: truthy if anything changed; prints as a report. ``.changes`` has the changes one by one,
        ``.in_part(part)`` those of ``"signature"``, ``"architecture"``, ``"weights"`` or ``"findings"``.

    Raises:
        UnreadableError: a file cannot be read.
        LimitError: a file exceeds a limit.
        GraphlintError: this is not a model.
    """
    from graphlint.comparison.comparing import Comparison

    ours, theirs = graphs(old, new)
    names = _name(old, "old"), _name(new, "new")
    comparison = Comparison(ours, theirs, names, numbers=weights)
    if findings:
        from graphlint.engine.linter import Linter

        comparison.findings(Linter().check_graph)
    return comparison.result


def assert_same_signature(old: Target, new: Target) -> None:
    """Fail if inputs or outputs of two models differ in number, order, name, shape or dtype.

    Raises:
        AssertionError: with the differences.
    """
    difference = diff(old, new, weights=False, findings=False)
    _fail_on(difference, (Part.SIGNATURE.value,))


def assert_unchanged(model: Target, golden: Target, *, parts: Iterable[str] = _UNCHANGED) -> None:
    """Fail if a model is not what was saved before.

    Args:
        model: the model as it is now.
        golden: the model as it should be; usually the path of a file.
        parts: what has to be equal: some of ``"signature"``, ``"architecture"``, ``"weights"`` and ``"findings"``.
            Without ``"weights"`` a model that was built again, with new random numbers, is unchanged.

    Raises:
        AssertionError: with the differences.
        GraphlintError: there is no such part, or a model cannot be read.
    """
    asked = tuple(parts)
    unknown = [part for part in asked if part not in list(Part)]
    if unknown:
        known = ", ".join(Part)
        raise GraphlintError(f"expected parts among {known}, got {unknown[0]!r}")
    difference = diff(golden, model, weights=Part.WEIGHTS.value in asked, findings=Part.FINDINGS.value in asked)
    _fail_on(difference, asked)


def graphs(old: Target, new: Target) -> tuple[ModelGraph, ModelGraph]:
    """The graphs of two models. What only one of them could show of its code stays closed in both."""
    live = [not isinstance(one, (str, os.PathLike)) for one in (old, new)]
    return _graph(old, open_layers=all(live)), _graph(new, open_layers=all(live))


def _graph(model_or_path: Target, *, open_layers: bool) -> ModelGraph:
    from graphlint.model.expand import expand

    if isinstance(model_or_path, (str, os.PathLike)):
        from graphlint.sources import read

        return expand(read(model_or_path, by_content=True, verify=False))
    from graphlint.sources.models import read_model

    return expand(read_model(model_or_path, open_layers=open_layers))


def _name(model_or_path: Target, default: str) -> str:
    return Path(model_or_path).as_posix() if isinstance(model_or_path, (str, os.PathLike)) else f"<{default}>"


def _fail_on(difference: Difference, parts: tuple[str, ...]) -> None:
    from graphlint.comparison.text import render

    if difference.exit_code(parts):
        difference.changes = [change for change in difference.changes if change.part in parts]
        raise AssertionError(render(difference))
