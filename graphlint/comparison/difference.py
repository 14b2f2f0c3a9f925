"""What changed from one model to another, as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from graphlint.comparison.changes import Change, Described, Kind, Part


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
