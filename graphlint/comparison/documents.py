"""A difference as one JSON document, version 1. Keys are always there."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from graphlint.comparison.changes import Change, Part
from graphlint.reports.json import dumps

if TYPE_CHECKING:
    from graphlint.comparison.difference import Difference

VERSION = 1


def render(difference: Difference) -> str:
    """The difference as JSON in ASCII."""
    return dumps(document(difference))


def document(difference: Difference) -> dict[str, Any]:
    """The difference as plain data."""
    return {
        "version": VERSION,
        "old": asdict(difference.old),
        "new": asdict(difference.new),
        "equal": difference.equal,
        "changes": [_change(change) for change in difference.changes],
        "summary": {part.value: len(difference.in_part(part)) for part in Part},
        "equal_variables": difference.equal_variables,
        "findings": {"compared": difference.findings_compared, "still": difference.still},
        "notes": list(difference.notes),
    }


def _change(change: Change) -> dict[str, Any]:
    numbers = None
    if change.numbers is not None:
        numbers = {key: _finite(value) for key, value in asdict(change.numbers).items()}
    return {
        "part": change.part.value,
        "kind": change.kind.value,
        "old": change.old,
        "new": change.new,
        "argument": change.argument,
        "before": change.before,
        "after": change.after,
        "inside": change.inside,
        "block": change.block,
        "numbers": numbers,
    }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def render_all(differences: list[Difference], notes: list[str]) -> str:
    """Several differences, and what has no partner, as one document."""
    return dumps({"version": VERSION, "differences": [document(one) for one in differences], "notes": list(notes)})
