"""What changed from one model to another, as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from graphlint.comparison.numbers import NumbersChange


class Part(StrEnum):
    """What a change concerns; what ``--exit-on`` chooses from."""

    SIGNATURE = "signature"
    ARCHITECTURE = "architecture"
    WEIGHTS = "weights"
    FINDINGS = "findings"


class Kind(StrEnum):
    """What happened."""

    INPUT = "input"
    OUTPUT = "output"
    MODEL = "model"
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"
    MOVED = "moved"
    REWIRED = "rewired"
    SHARING = "sharing"
    TIE = "tie"
    FROZEN = "frozen"
    COMPILED = "compilation"
    VOCABULARY = "vocabulary"
    VARIABLE = "variable"
    NUMBERS = "numbers"
    NEW_FINDING = "new finding"
    GONE_FINDING = "gone finding"


PARTS = {
    Kind.INPUT: Part.SIGNATURE,
    Kind.OUTPUT: Part.SIGNATURE,
    Kind.VARIABLE: Part.WEIGHTS,
    Kind.NUMBERS: Part.WEIGHTS,
    Kind.NEW_FINDING: Part.FINDINGS,
    Kind.GONE_FINDING: Part.FINDINGS,
}
"""The part of each kind; what is not here is architecture."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change. ``old`` and ``new`` are where it is in each model, or None where it is not; ``before`` and ``after``
    are what is different there, as text; ``argument`` names what of it."""

    kind: Kind
    old: str | None
    new: str | None
    before: str | None = None
    after: str | None = None
    argument: str | None = None
    numbers: NumbersChange | None = None
    inside: int = 0
    """How many more layers the same is so of: all that a container holds."""

    @property
    def part(self) -> Part:
        return PARTS.get(self.kind, Part.ARCHITECTURE)

    @property
    def place(self) -> str:
        """Where it is, in the new model if it is there."""
        return self.new if self.new is not None else self.old or ""


@dataclass(frozen=True, slots=True)
class Described:
    """One of the two models as a whole."""

    name: str
    format: str | None = None
    keras_version: str | None = None
    parameters: int | None = None
    trainable: int | None = None
    layers: int = 0


@dataclass(slots=True)
class Difference:
    """What changed from ``old`` to ``new``; truthy if anything did.

    ``equal_variables`` counts the variables whose numbers are the same to the last bit, ``still`` the findings that
    both have. ``notes`` say what could not be compared, and how the numbers were.
    """

    old: Described
    new: Described
    changes: list[Change] = field(default_factory=list)
    equal_variables: int = 0
    still: int = 0
    findings_compared: bool = False
    notes: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.changes)

    @property
    def equal(self) -> bool:
        """Whether nothing changed."""
        return not self.changes

    def of(self, *kinds: Kind) -> Iterator[Change]:
        """The changes of some kinds, in order."""
        return (change for change in self.changes if change.kind in kinds)

    def in_part(self, part: Part | str) -> list[Change]:
        """The changes of one part: ``signature``, ``architecture``, ``weights``, ``findings``."""
        return [change for change in self.changes if change.part == part]

    def exit_code(self, parts: tuple[str, ...] = ()) -> int:
        """1 if something changed, or something of the parts that are named; otherwise 0."""
        return int(any(not parts or change.part in parts for change in self.changes))

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, the JSON document."""
        from graphlint.comparison.documents import document

        return document(self)

    def __str__(self) -> str:
        from graphlint.comparison.text import render

        return render(self)
