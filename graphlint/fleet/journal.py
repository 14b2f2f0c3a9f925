"""What an interrupted run found so far, for one that goes on from there. After a run that was not, it is gone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from graphlint.errors import OutputError
from graphlint.fleet.cache import context, directory, identity, make_private
from graphlint.fleet.stored import from_data, to_data
from graphlint.fleet.tasks import Task
from graphlint.reports.report import ModelReport
from graphlint.sources.urls import is_url

_FOLDER = "runs"


class Place(Protocol):
    """Where the report on one model is kept."""

    def found(self) -> ModelReport | None: ...

    def keep(self, report: ModelReport) -> None: ...


class Store(Protocol):
    """What keeps reports."""

    def place(self, task: Task) -> Place | None: ...

    def is_empty(self) -> bool: ...


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
        seen: tuple[int, ...] = ()
        if not is_url(task.source):
            now = identity(Path(task.source))
            if now is None:
                return None
            seen = now
        key = hashlib.sha256(json.dumps([task.source, task.shown, context(task), seen]).encode()).digest()
        return _Entry(self, key)

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

    def get(self, key: bytes) -> ModelReport | None:
        """The report of an entry."""
        place = self._known.get(key)
        if place is None:
            return None
        self._file.seek(place[0])
        line = self._file.read(place[1])
        self.taken += 1
        return from_data(json.loads(line[130:]))

    def put(self, key: bytes, report: ModelReport) -> None:
        """Write an entry; what is written survives this process."""
        text = key.hex().encode() + b" " + json.dumps(to_data(report), separators=(",", ":")).encode()
        try:
            self._file.write(_checksum(text) + b" " + text + b"\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"cannot write {self.path.as_posix()!r}: {error.strerror or error}") from error


@dataclass(slots=True)
class _Entry:
    journal: Journal
    key: bytes

    def found(self) -> ModelReport | None:
        return self.journal.get(self.key)

    def keep(self, report: ModelReport) -> None:
        self.journal.put(self.key, report)


@dataclass(slots=True)
class Stores:
    """Several stores, of which the first that knows a report is asked; each keeps what none knew."""

    stores: Sequence[Store]

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

    def found(self) -> ModelReport | None:
        for number, place in enumerate(self.places):
            report = place.found()
            if report is not None:
                for other in self.places[:number]:
                    other.keep(report)
                return report
        return None

    def keep(self, report: ModelReport) -> None:
        for place in self.places:
            place.keep(report)


def _checksum(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()
