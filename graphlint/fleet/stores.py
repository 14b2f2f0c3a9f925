"""What keeps reports from one run to another, and several such as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from graphlint.fleet.content import Content
    from graphlint.fleet.tasks import Task
    from graphlint.reports.report import ModelReport


class Place(Protocol):
    """Where the report on one model is kept."""

    @property
    def seen(self) -> Content | None:
        """What the model held before it was checked, where that was looked at."""

    def found(self) -> ModelReport | None: ...

    def keep(self, report: ModelReport, held: Content | None) -> None: ...


class Store(Protocol):
    """What keeps reports."""

    @property
    def folder(self) -> Path | None:
        """Where a process that checks a model finds what was kept of its structure; None if nowhere."""

    def place(self, task: Task) -> Place | None: ...

    def is_empty(self) -> bool: ...


@dataclass(slots=True)
class Stores:
    """Several stores, of which the first that knows a report is asked; each keeps what none knew."""

    stores: Sequence[Store]

    @property
    def folder(self) -> Path | None:
        return next((store.folder for store in self.stores if store.folder is not None), None)

    def is_empty(self) -> bool:
        """Whether none of them has any."""
        return all(store.is_empty() for store in self.stores)

    def place(self, task: Task) -> Place | None:
        """The places of a model in all of them."""
        places = [place for store in self.stores if (place := store.place(task)) is not None]
        return _Places(places) if places else None


@dataclass(slots=True)
class _Places:
    places: list[Place]

    @property
    def seen(self) -> Content | None:
        return next((place.seen for place in self.places if place.seen is not None), None)

    def found(self) -> ModelReport | None:
        for number, place in enumerate(self.places):
            report = place.found()
            if report is not None:
                for other in self.places[:number]:
                    other.keep(report, place.seen)
                return report
        return None

    def keep(self, report: ModelReport, held: Content | None) -> None:
        for place in self.places:
            place.keep(report, held)
