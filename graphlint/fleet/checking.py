"""The check of one model, or a few, wherever that is done."""

from __future__ import annotations

import time
from collections.abc import Sequence

from graphlint.engine.linter import without_graph
from graphlint.fleet.tasks import Checked, Outcome, Task, linter_of


def check_one(task: Task) -> Checked:
    """The report on one model, without its graph."""
    linter = linter_of(task.settings)
    if task.kept and isinstance(task.source, str):
        from graphlint.fleet.remembering import checked

        return checked(task, linter)
    found = linter.check_file(task.source, task.shown)
    keeper = task.settings.keeper
    return Checked(without_graph(found) if keeper is None else keeper.kept(found, linter, task.place))


def check_all(tasks: Sequence[Task], attempt: int = 0) -> Outcome:
    """What is found of some models. ``attempt`` makes calls differ: some engines compute equal ones only once."""
    start = time.perf_counter()
    found = [check_one(task) for task in tasks]
    if any(task.folder is not None for task in tasks):
        from graphlint.fleet.remembering import written

        written()
    return Outcome(found, (time.perf_counter() - start) / max(1, len(tasks)))
