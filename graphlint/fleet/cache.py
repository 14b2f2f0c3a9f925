"""What was found in models before, by their content: what has not changed is not checked again.

The key of an entry is a hash of everything that its report depends on: the content, what it is called, the code of
graphlint and of every rule, the configuration, and the Keras release that should load it. Only what was checked to its
end is kept. A store that others may write to is not used.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlint.findings.tool_findings import TOOL_FINDINGS
from graphlint.fleet import content
from graphlint.fleet.code import code, versions
from graphlint.fleet.content import Content
from graphlint.fleet.entries import CacheUnusable, Entries, clean, directory
from graphlint.fleet.stored import from_data, to_data
from graphlint.fleet.tasks import Task, linter_of
from graphlint.reports.report import Status
from graphlint.sources.urls import is_url

if TYPE_CHECKING:
    from graphlint.engine.linter import Linter
    from graphlint.reports.report import ModelReport

__all__ = ["Cache", "CacheUnusable", "clean", "context", "directory"]

_NAME = "reports-2.sqlite"


class Cache:
    """The reports of earlier runs. Use it as a context manager, or call `close`.

    Any number of processes may use one at a time.

    Raises:
        CacheUnusable: the folder cannot be made, or somebody else may write to it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._entries = Entries(folder, _NAME)
        self.folder = self._entries.folder

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what is new."""
        self._entries.close()

    def is_empty(self) -> bool:
        """Whether nothing is known of any model."""
        return self._entries.is_empty()

    def place(self, task: Task) -> Place | None:
        """Where the report on a model is kept; None if it has none, or its graph is asked for.

        What the store of an object says of it is asked where it is checked.
        """
        if not isinstance(task.source, str) or task.settings.keeper is not None:
            return None
        return Place(self, task, hashlib.sha256(json.dumps([task.shown, context(task)]).encode()).digest())

    def knows(self, hint: bytes) -> bool:
        """Whether there may be a report on a model of this name and size."""
        return self._entries.knows(hint)

    def get(self, key: bytes) -> ModelReport | None:
        """The report of an entry, if there is one and it is whole."""
        found = self._entries.get(key)
        if found is None:
            return None
        try:
            return from_data(json.loads(found))
        except (ValueError, TypeError, KeyError, IndexError):
            return None

    def put(self, key: bytes, hint: bytes, report: ModelReport) -> None:
        """Keep a report."""
        self._entries.put(key, hint, json.dumps(to_data(report), separators=(",", ":")).encode())


@dataclass(slots=True)
class Place:
    """The entry of one model under one configuration."""

    cache: Cache
    task: Task
    context: bytes
    seen: Content | None = None
    """What the model held before it was checked, where that was looked at."""

    def found(self) -> ModelReport | None:
        """The report of an earlier run on the same content.

        Where there is none for a file of this name and size, its content is hashed while it is checked.
        """
        report = None
        if not is_url(self.task.source):
            state = content.state(self.task.source)
            if state is not None and (content.is_small(state) or self.cache.knows(self._hint(state))):
                self.seen = Content(state, content.digest(self.task.source, state))
                report = self.of(self.seen)
        return report

    def of(self, seen: Content) -> ModelReport | None:
        """The report of an earlier run on some content."""
        return None if seen.digest is None else self.cache.get(self._key(seen.digest))

    def keep(self, report: ModelReport, held: Content | None) -> None:
        """Keep the report on what the model held, unless not everything was looked at."""
        if held is not None and held.digest is not None and is_whole(report):
            self.cache.put(self._key(held.digest), self._hint(held.state), report)

    def _key(self, digest: bytes) -> bytes:
        return hashlib.sha256(self.context + digest).digest()

    def _hint(self, state: content.State) -> bytes:
        return hashlib.sha256(self.context + state.size.to_bytes(16, "little")).digest()[:16]


def is_whole(report: ModelReport) -> bool:
    """Whether everything was looked at that could be, so that the same content would be reported in the same way."""
    return report.status is Status.CHECKED and not any(one.code in TOOL_FINDINGS for one in report.findings)


_contexts: dict[str, str] = {}
"""Of settings: a hash of everything that they and the code say."""


def context(task: Task) -> list[Any]:
    """Everything but the content of a file that a report on it depends on."""
    linter = linter_of(task.settings)
    known = _contexts.get(task.settings.digest)
    if known is None:
        text = json.dumps([task.settings.digest, code(linter), versions()])
        known = _contexts[task.settings.digest] = hashlib.sha256(text.encode()).hexdigest()
    return [known, _per_file(linter, task.shown if is_url(task.shown) else task.source)]


def _per_file(linter: Linter, name: str) -> Any:
    """What a configuration says of one file."""
    config = linter.config
    if config.guard is None and not (config.ignores or config.per_file_ignores or config.exclude):
        return None
    path, said = Path(name), []
    for one in (config, config.guard):
        if one is not None:
            places = [place for place, _ in one.ignores_at(path)]
            said.append([places, one.ignored_at(path), one.excluded(path)])
    return said
