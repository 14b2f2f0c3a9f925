"""Many models in this process, one after another, with what earlier runs found of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING

from graphlint.fleet.checking import check_one

if TYPE_CHECKING:
    from graphlint.fleet.stores import Place, Store
    from graphlint.fleet.tasks import Checked, Task
    from graphlint.reports.report import ModelReport


@dataclass
class InOrder:
    """Checks models, in order. ``cache`` knows what earlier runs found."""

    _: KW_ONLY
    cache: Store | None = None
    models: int = 0
    """Of how many models a report was looked for that an earlier run left."""
    known: int = 0
    """How many of them had one."""

    def reports(self, tasks: Iterable[Task]) -> Iterator[ModelReport]:
        """One report for each model, in order. What was not asked for is not checked: this is lazy."""
        try:
            for task in tasks:
                yield self._here(task)
        finally:
            self._written()

    def _here(self, task: Task) -> ModelReport:
        if task.done is not None:
            return task.done
        place = None if self.cache is None else self.cache.place(task)
        found = self._known(place)
        if found is None:
            checked = check_one(self._kept(task, place))
            self._keep(place, checked)
            found = checked.report
        return found

    def _known(self, place: Place | None) -> ModelReport | None:
        """The report of an earlier run, where that is told without asking a store."""
        self.models += 1
        found = None if place is None else place.found()
        self.known += found is not None
        return found

    def _kept(self, task: Task, place: Place | None) -> Task:
        """A task with what its check needs to know, so that its report can be kept."""
        if place is None or self.cache is None:
            return task
        folder = None if self.cache.folder is None else str(self.cache.folder)
        return replace(task, kept=True, folder=folder, seen=place.seen)

    def _keep(self, place: Place | None, checked: Checked) -> None:
        self.known += checked.known
        if place is not None:
            place.keep(checked.report, checked.held)

    def _written(self) -> None:
        if self.cache is not None and self.cache.folder is not None:
            from graphlint.fleet.remembering import written

            written()
