"""What was found in files before, by their content: a file that has not changed is not checked again.

The key of an entry is a hash of everything that its report depends on: the bytes of the file, what it is called, the
code of graphlint and of every rule, the configuration, and the Keras release that should load it. Only what was checked
to its end is kept. An entry that does not match its checksum is ignored, and so is a store that others may write to.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import stat
import sys
import threading
import time
import zlib
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlint.errors import GraphlintError
from graphlint.findings.tool_findings import TOOL_FINDINGS
from graphlint.fleet.stored import from_data, to_data
from graphlint.fleet.tasks import Task, linter_of, plain
from graphlint.reports.report import Status
from graphlint.sources.urls import is_url

if TYPE_CHECKING:
    from graphlint.engine.linter import Linter
    from graphlint.reports.report import ModelReport

DIRECTORY = "GRAPHLINT_CACHE_DIR"
"""Environment variable: where the cache is kept."""
_NAME = "reports-1.sqlite"
_SIDE_FILES = ("", "-journal", "-wal", "-shm")
_LARGEST = 256 << 20
"""Bytes of the store from which what was not used for longest is dropped."""
_BATCH, _SECONDS = 256, 1.0
"""After so many entries, or seconds, what is new is written."""
_TICK = 50_000_000
"""Nanoseconds within which a file system may give two changes one time."""
_HEADS = (b"PK\x03\x04", b"PK\x05\x06", b"\x89HDF\r\n\x1a\n")
"""How files begin that are one model by themselves, without others beside them."""
_TABLE = """CREATE TABLE IF NOT EXISTS reports (
    key BLOB PRIMARY KEY, hint BLOB NOT NULL, used INTEGER NOT NULL, checksum BLOB NOT NULL, report BLOB NOT NULL
) WITHOUT ROWID"""
_INDEX = "CREATE INDEX IF NOT EXISTS hints ON reports (hint)"
_READ = "SELECT used, checksum, report FROM reports WHERE key = ?"


def directory() -> Path:
    """Where the cache is kept: as the environment says, or where the system keeps caches."""
    named = os.environ.get(DIRECTORY)
    if named:
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "graphlint" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "graphlint"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "graphlint"


class CacheUnusable(GraphlintError):
    """There is no place for a cache, or it is not the user's own."""


class Cache:
    """The reports of earlier runs. Use it as a context manager, or call `close`.

    Any number of processes may use one at a time. What was killed while it wrote leaves the entries before that.

    Raises:
        CacheUnusable: the folder cannot be made, or somebody else may write to it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.hits = self.misses = 0
        try:
            self._folder = directory() if folder is None else folder
            make_private(self._folder, self._folder / _NAME)
        except (OSError, RuntimeError) as error:
            raise CacheUnusable(f"no cache: {getattr(error, 'strerror', None) or error}") from error
        self._path = self._folder / _NAME
        self._day = int(time.time() // 86400)
        self._new: dict[bytes, tuple[bytes, bytes]] = {}
        self._seen: set[bytes] = set()
        self._written = time.monotonic()
        self._connection = self._connected()

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def place(self, task: Task) -> Place | None:
        """Where the report on a model is kept; None if it depends on more than one file, or cannot be read at all."""
        if not isinstance(task.source, str) or is_url(task.source) or task.settings.keeper is not None:
            return None
        return Place.of(self, task)

    def close(self) -> None:
        """Write what is new."""
        self._write()
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._drop_unused()
                self._connection.close()
            self._connection = None

    # -- the store ----------------------------------------------------------------------------------------------

    def _connected(self) -> sqlite3.Connection | None:
        """An open store; a damaged one is replaced, and one that is in use for too long is done without."""
        for attempt in range(2):
            connection = None
            try:
                connection = sqlite3.connect(self._path, timeout=5.0, isolation_level=None)
                connection.execute("PRAGMA synchronous = OFF")  # A lost entry is only checked again.
                for statement in (_TABLE, _INDEX):
                    connection.execute(statement)
                return connection
            except sqlite3.OperationalError as error:
                if connection is not None:
                    connection.close()
                if attempt or "locked" in str(error) or "readonly" in str(error):
                    return None
                self._remove()
            except sqlite3.DatabaseError:
                if connection is not None:
                    connection.close()
                self._remove()
        return None

    def _remove(self) -> None:
        for ending in _SIDE_FILES:
            self._path.with_name(_NAME + ending).unlink(missing_ok=True)

    def _failed(self, error: sqlite3.Error) -> None:
        """After an error this run goes on without; a damaged store is removed, so that the next one has a new one."""
        with contextlib.suppress(sqlite3.Error):
            if self._connection is not None:
                self._connection.close()
        self._connection = None
        if not isinstance(error, sqlite3.OperationalError):
            with contextlib.suppress(OSError):
                self._remove()

    def is_empty(self) -> bool:
        """Whether nothing is known of any file."""
        if self._connection is None:
            return True
        try:
            return self._connection.execute("SELECT 1 FROM reports LIMIT 1").fetchone() is None
        except sqlite3.Error as error:
            self._failed(error)
            return True

    def knows(self, hint: bytes) -> bool:
        """Whether there may be an entry for a file of this name and size."""
        if self._connection is None:
            return False
        try:
            return self._connection.execute("SELECT 1 FROM reports WHERE hint = ?", (hint,)).fetchone() is not None
        except sqlite3.Error as error:
            self._failed(error)
            return False

    def get(self, key: bytes) -> ModelReport | None:
        """The report of an entry, if there is one and it is whole."""
        if self._connection is None:
            return None
        try:
            row = self._connection.execute(_READ, (key,)).fetchone()
        except sqlite3.Error as error:
            self._failed(error)
            return None
        if row is None:
            return None
        used, checksum, packed = row
        try:
            if _checksum(key, packed) != checksum:
                return None
            report = from_data(json.loads(zlib.decompress(packed)))
        except (zlib.error, ValueError, TypeError, KeyError, IndexError):
            return None
        if used != self._day:
            self._seen.add(key)
        return report

    def put(self, key: bytes, hint: bytes, report: ModelReport) -> None:
        """Keep a report. It is written with others, at the latest when the cache is closed."""
        packed = zlib.compress(json.dumps(to_data(report), separators=(",", ":")).encode(), 1)
        self._new[key] = hint, packed
        if len(self._new) >= _BATCH or time.monotonic() - self._written > _SECONDS:
            self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        if self._connection is None or not (self._new or self._seen):
            return
        rows = [(key, hint, self._day, _checksum(key, packed), packed) for key, (hint, packed) in self._new.items()]
        used = [(self._day, key) for key in self._seen]
        self._new, self._seen = {}, set()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR REPLACE INTO reports VALUES (?, ?, ?, ?, ?)", rows)
            self._connection.executemany("UPDATE reports SET used = ? WHERE key = ?", used)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            if "locked" not in str(error):
                self._failed(error)

    def _drop_unused(self) -> None:
        connection = self._connection
        if connection is None or self._path.stat().st_size <= _LARGEST:
            return
        connection.execute(
            "DELETE FROM reports WHERE key IN "
            "(SELECT key FROM reports ORDER BY used LIMIT (SELECT count(*) / 2 FROM reports))"
        )
        connection.execute("VACUUM")


@dataclass(slots=True)
class Place:
    """The entry of one file under one configuration."""

    cache: Cache
    path: Path
    before: tuple[int, ...]
    """What the file system said of the file before it was read."""
    context: bytes
    hint: bytes
    digest: Future[bytes | None]

    @classmethod
    def of(cls, cache: Cache, task: Task) -> Place | None:
        """The place of a model; None if it has none."""
        path = Path(task.source)
        before = identity(path)
        if before is None:
            return None
        known = hashlib.sha256(json.dumps([task.shown, context(task)]).encode()).digest()
        hint = hashlib.sha256(known + before[0].to_bytes(8, "little")).digest()[:16]
        return cls(cache, path, before, known, hint, Future())

    def found(self) -> ModelReport | None:
        """The report of an earlier run on the same content.

        Where there is none for a file of this name and size, its content is hashed while it is checked.
        """
        small = self.before[0] <= _INLINE
        if small or self.cache.knows(self.hint):
            self.digest.set_result(_digest(self.path, small))
            key = self._key()
            report = None if key is None else self.cache.get(key)
            if report is not None:
                self.cache.hits += 1
                return report
        else:
            _hash_later(self.path, self.digest)
        self.cache.misses += 1
        return None

    def keep(self, report: ModelReport) -> None:
        """Keep a report, unless the file may have changed meanwhile or not everything was looked at."""
        whole = report.status is Status.CHECKED and not any(one.code in TOOL_FINDINGS for one in report.findings)
        key = self._key() if whole else None
        if key is not None and identity(self.path) == self.before:
            self.cache.put(key, self.hint, report)

    def _key(self) -> bytes | None:
        digest = self.digest.result()
        return None if digest is None else hashlib.sha256(self.context + digest).digest()


def identity(path: Path) -> tuple[int, ...] | None:
    """What changes when a file is written to, or replaced; None for what is no regular file, or was just written.

    A file system gives changes in quick succession one time, so that what is written now may not be seen to change.
    """
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode) or abs(time.time_ns() - found.st_ctime_ns) < _TICK:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev


def _digest(path: Path, small: bool) -> bytes | None:
    """A hash of the bytes of a file that is one model by itself."""
    try:
        with path.open("rb", buffering=0) as file:
            if small:
                data = file.read()
                return hashlib.sha256(data).digest() if data.startswith(_HEADS) else None
            if not file.read(8).startswith(_HEADS):
                return None
            file.seek(0)
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return None


_INLINE = 1 << 20
"""Bytes of a file that is hashed before a thread would have started."""


def _hash_later(path: Path, future: Future[bytes | None]) -> None:
    threading.Thread(target=lambda: future.set_result(_digest(path, False)), daemon=True).start()


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


def _checksum(key: bytes, packed: bytes) -> bytes:
    return hashlib.sha256(key + packed).digest()


def make_private(folder: Path, file: Path) -> None:
    """Make a folder for a file that nobody else may write to.

    Raises:
        OSError: it cannot be made.
        CacheUnusable: somebody else may write to it.
    """
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not hasattr(os, "geteuid"):
        return
    for path in (folder, file):
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise CacheUnusable(
                f"no cache: others may write to {path.as_posix()!r}: make it yours alone, or name another folder in "
                f"{DIRECTORY}"
            )


# -- what the code is -------------------------------------------------------------------------------------------


_contexts: dict[str, str] = {}
"""Of settings: a hash of everything that they and the code say."""


def context(task: Task) -> list[Any]:
    """Everything but the content of a file that a report on it depends on."""
    linter = linter_of(task.settings)
    known = _contexts.get(task.settings.digest)
    if known is None:
        text = json.dumps([task.settings.digest, code(linter), _target()])
        known = _contexts[task.settings.digest] = hashlib.sha256(text.encode()).hexdigest()
    return [known, _per_file(linter, task.shown if is_url(task.shown) else task.source)]


def code(linter: Linter) -> str:
    """A hash of what runs: the files of graphlint and of every package that has a rule, the rules that run, Python."""
    packages = frozenset(rule.__module__.partition(".")[0] for rule in linter.registry)
    rules = [(rule.code, rule.__module__, plain(linter.settings(rule))) for rule in linter.rules]
    text = json.dumps([_files(packages | {"graphlint"}), rules, sys.version, sys.platform])
    return hashlib.sha256(text.encode()).hexdigest()


@once
def _files(packages: frozenset[str]) -> list[list[Any]]:
    """The files of some packages with sizes and times: another version of graphlint, or an edited rule, differs."""
    found: list[list[Any]] = []
    for name in sorted(packages):
        module = sys.modules.get(name)
        origin = getattr(module, "__file__", None)
        folders = list(getattr(module, "__path__", ()))
        paths = sorted(path for folder in folders for path in Path(folder).rglob("*") if path.suffix in (".py", ".txt"))
        if not folders and origin:  # A module beside others that it may import.
            paths = sorted(Path(origin).parent.glob("*.py"))
        for path in paths:
            status = path.stat()
            found.append([name, path.name, status.st_size, status.st_mtime_ns])
    return found


@once
def _target() -> list[str]:
    """The releases that rules ask for by default."""
    from importlib import metadata

    found = []
    for name in ("keras-graphlint", "keras", "numpy", "pyfive"):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(name)
    return found


def clean(folder: Path | None = None) -> tuple[Path, int]:
    """Remove the cache; where it was, and how many bytes it took.

    Raises:
        OSError: it cannot be removed.
    """
    where = directory() if folder is None else folder
    freed = 0
    for path in sorted(where.glob("reports-*.sqlite*")) if where.is_dir() else ():
        freed += path.lstat().st_size
        path.unlink()
    return where, freed
