"""What an interrupted run found so far, for one that goes on from there. After a run that was not, it is gone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from graphlint.errors import OutputError
from graphlint.fleet import content
from graphlint.fleet.cache import context
from graphlint.fleet.content import Content
from graphlint.fleet.entries import directory, make_private
from graphlint.fleet.stored import from_data, to_data
from graphlint.fleet.tasks import Task
from graphlint.reports.report import ModelReport
from graphlint.sources.urls import is_url

_FOLDER = "runs"


class Journal:
    """The reports of a run, each written as soon as it is there. Use it as a context manager.

    ``run`` is what tells this run from others: the directory, the arguments. The journal lies with the cache, where
    nobody else can write: beside the models, or what is written, somebody could have put one that says they are clean.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, run: Sequence[str], folder: Path | None = None) -> None:
        where = (directory() if folder is None else folder) / _FOLDER
        name = hashlib.sha256(json.dumps(list(run)).encode()).hexdigest()[:32]
        self.path = where / f"{name}.jsonl"
        self.folder = None
        self.taken = 0
        """Reports that were there already."""
        self._known: dict[bytes, tuple[int, int]] = {}
        try:
            make_private(where, self.path)
            self._file: IO[bytes] = self.path.open("a+b")
        except OSError as error:
            raise OutputError(f"cannot write {self.path.as_posix()!r}: {error.strerror or error}") from error
        self._end = self._index()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def finished(self) -> None:
        """The run came to its end: nothing has to be remembered of it."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def is_empty(self) -> bool:
        """Whether no report was there already."""
        return not self._known

    def place(self, task: Task) -> _Entry | None:
        """Where the report on a model is kept; None for what may be another one by now without showing it."""
        if task.settings.keeper is not None or not isinstance(task.source, str):
            return None
        seen = None
        if not is_url(task.source):
            seen = content.state(task.source)
            if seen is None:
                return None
        key = hashlib.sha256(json.dumps([task.source, task.shown, context(task), seen]).encode()).digest()
        return _Entry(self, key, task.source, seen)

    def _index(self) -> int:
        """Find the whole entries; the last may have been cut off, and is written over. Where the next one begins."""
        self._file.seek(0)
        end = 0
        for line in self._file:
            if not line.endswith(b"\n") or _checksum(line[65:-1]) != line[:64]:
                break
            self._known[bytes.fromhex(line[65:129].decode("ascii"))] = end, len(line)
            end += len(line)
        self._file.truncate(end)
        return end

    def get(self, key: bytes) -> tuple[str, ModelReport] | None:
        """The report of an entry, and what was said of an object in a store."""
        place = self._known.get(key)
        if place is None:
            return None
        self._file.seek(place[0])
        line = self._file.read(place[1])
        state, report = json.loads(line[130:])
        return state, from_data(report)

    def put(self, key: bytes, state: str, report: ModelReport) -> None:
        """Write an entry; what is written survives this process."""
        text = key.hex().encode() + b" " + json.dumps([state, to_data(report)], separators=(",", ":")).encode()
        try:
            self._file.write(_checksum(text) + b" " + text + b"\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"cannot write {self.path.as_posix()!r}: {error.strerror or error}") from error


@dataclass(slots=True)
class _Entry:
    """The entry of one model. That of an object in a store counts while the store says the same of it."""

    journal: Journal
    key: bytes
    source: str
    before: content.State | None
    seen: Content | None = None

    def found(self) -> ModelReport | None:
        known = self.journal.get(self.key)
        if known is None or (self.before is None and known[0] != _text(content.state(self.source))):
            return None
        self.journal.taken += 1
        return known[1]

    def keep(self, report: ModelReport, held: Content | None) -> None:
        if self.before is not None:
            self.journal.put(self.key, "", report)
        elif held is not None:
            self.journal.put(self.key, _text(held.state), report)


def _text(state: content.State | None) -> str:
    return "" if state is None else json.dumps(state)


def _checksum(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()
