"""One check whose outcome is kept: what the model held is known, and what was read of it before is used again."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from graphlint.engine.linter import refused, without_graph
from graphlint.errors import UnreadableError
from graphlint.fleet import content
from graphlint.fleet.cache import Cache, is_whole
from graphlint.fleet.content import Content, Digest, State
from graphlint.fleet.entries import CacheUnusable
from graphlint.fleet.tasks import Checked, Task
from graphlint.sources.urls import is_url

if TYPE_CHECKING:
    from graphlint.engine.linter import Linter
    from graphlint.fleet.structures import Structures
    from graphlint.sources.remote import RemoteFile

_FIRST = 1
"""The model of a run from which on the structure of a small file is kept: for one file, reading is done sooner."""


def checked(task: Task, linter: Linter) -> Checked:
    """Check a model, or find the report on the same content; with what it held, if it is the same afterwards."""
    stores = _stores(task.folder)
    if is_url(task.source):
        return _checked_object(task, linter, stores)
    state = content.state(task.source) if task.seen is None else task.seen.state
    if state is None:
        return Checked(without_graph(linter.check_file(task.source, task.shown)))
    digest = Digest(task.source, state) if task.seen is None else Digest.known(task.seen)

    def unchanged() -> bool:
        return content.state(task.source) == state

    return _checked(task, linter, stores, task.source, state, digest, unchanged)


def _checked_object(task: Task, linter: Linter, stores: _Stores | None) -> Checked:
    """The same of a URL: what its store says of it is asked first, and may be all that is needed."""
    from graphlint.sources.remote import RemoteFile

    try:
        remote = RemoteFile(task.source)
        state = content.object_state(remote)
    except UnreadableError as error:
        return Checked(replace(refused(task.shown, error), fail_on=linter.config.fail_on))
    if state is None:
        return Checked(without_graph(linter.check_file(remote, task.shown)))
    digest = Digest(task.source, state)
    seen = Content(state, digest.result())
    if stores is not None:
        place = stores.cache.place(task)
        report = None if place is None else place.of(seen)
        if report is not None:
            return Checked(report, seen, known=True)

    def unchanged() -> bool:
        # Of one object this was looked at when it was read to its end.
        return not remote.is_dir() or content.state(task.source) == state

    return _checked(task, linter, stores, remote, state, digest, unchanged)


def _checked(
    task: Task,
    linter: Linter,
    stores: _Stores | None,
    source: str | RemoteFile,
    state: State,
    digest: Digest,
    unchanged: Callable[[], bool],
) -> Checked:
    structure = None
    if stores is not None and (task.place >= _FIRST or is_url(task.source) or not content.is_small(state)):
        structure = stores.structures.of(linter, task.shown, state, digest, unchanged)
    found = linter.check_file(source, task.shown, structure)
    if not unchanged():
        return Checked(without_graph(found))
    whole = is_whole(found)
    if structure is not None and whole and found.graph is not None:
        structure.keep(found.graph)
    return Checked(without_graph(found), Content(state, digest.result() if whole else None))


class _Stores:
    """What earlier runs left in a folder, for one thread."""

    def __init__(self, folder: Path) -> None:
        self.cache = Cache(folder)
        self._structures: Structures | None = None

    @property
    def structures(self) -> Structures:
        if self._structures is None:
            from graphlint.fleet.structures import Structures

            self._structures = Structures(self.cache.folder)
        return self._structures

    def write(self) -> None:
        if self._structures is not None:
            self._structures.entries.write()


class _Local(threading.local):
    stores: dict[tuple[int, str], _Stores | None]


_local = _Local()


def _stores(folder: str | None) -> _Stores | None:
    """Those of this thread of this process: nothing of SQLite may be used in another one."""
    if folder is None:
        return None
    known = _local.__dict__.setdefault("stores", {})
    key = os.getpid(), folder
    if key not in known:
        known[key] = None
        with contextlib.suppress(CacheUnusable):
            known[key] = _Stores(Path(folder))
    found: _Stores | None = known[key]
    return found


def written() -> None:
    """Write what this thread is keeping, so that other processes have it, and this one may end."""
    for (process, _), stores in _local.__dict__.get("stores", {}).items():
        if stores is not None and process == os.getpid():
            stores.write()
