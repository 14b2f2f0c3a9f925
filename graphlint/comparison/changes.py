"""One change between two models, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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
    OPTIMIZER = "optimizer state"
    NEW_FINDING = "new finding"
    GONE_FINDING = "gone finding"


PARTS = {
    Kind.INPUT: Part.SIGNATURE,
    Kind.OUTPUT: Part.SIGNATURE,
    Kind.VARIABLE: Part.WEIGHTS,
    Kind.NUMBERS: Part.WEIGHTS,
    Kind.OPTIMIZER: Part.WEIGHTS,
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
    block: str | None = None
    """Of a layer that came or went: between which layers, the same for all that hang together."""

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
