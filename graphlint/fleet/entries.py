"""Entries that outlive a run, by their keys, in one file that any number of processes may use at a time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import stat
import sys
import time
import zlib
from pathlib import Path

from graphlint.errors import GraphlintError

DIRECTORY = "GRAPHLINT_CACHE_DIR"
"""Environment variable: where the cache is kept."""
_SIDE_FILES = ("", "-journal", "-wal", "-shm")
_LARGEST = 256 << 20
"""Bytes of one file from which what was not used for longest is dropped."""
_BATCH, _SECONDS = 256, 1.0
"""After so many entries, or seconds, what is new is written."""
_TABLE = """CREATE TABLE IF NOT EXISTS entries (
    key BLOB PRIMARY KEY, hint BLOB NOT NULL, used INTEGER NOT NULL, checksum BLOB NOT NULL, data BLOB NOT NULL
) WITHOUT ROWID"""
_INDEX = "CREATE INDEX IF NOT EXISTS hints ON entries (hint)"
_READ = "SELECT used, checksum, data FROM entries WHERE key = ?"


def directory() -> Path:
    """Where the cache is kept: as the environment says, or where the system keeps caches.

    Raises:
        RuntimeError: nothing says where the user's home is.
    """
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


class Entries:
    """Bytes by key. Use it as a context manager, or call `close`.

    An entry that does not match its checksum is as good as none, and a file that is damaged is replaced. What was
    killed while it wrote leaves the entries before that.

    Raises:
        CacheUnusable: the folder cannot be made, or somebody else may write to it.
    """

    def __init__(self, folder: Path | None, name: str) -> None:
        try:
            self.folder = directory() if folder is None else folder
            make_private(self.folder, self.folder / name)
        except (OSError, RuntimeError) as error:
            raise CacheUnusable(f"no cache: {getattr(error, 'strerror', None) or error}") from error
        self._name = name
        self._path = self.folder / name
        self._day = int(time.time() // 86400)
        self._new: dict[bytes, tuple[bytes, bytes]] = {}
        self._seen: set[bytes] = set()
        self._written = time.monotonic()
        self._connection = self._connected()

    def __enter__(self) -> Entries:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what is new."""
        self.write()
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._drop_unused()
                self._connection.close()
            self._connection = None

    def _connected(self) -> sqlite3.Connection | None:
        """An open store; a damaged one is replaced, and one that is in use for too long is done without."""
        for attempt in range(2):
            connection = None
            try:
                connection = sqlite3.connect(self._path, timeout=5.0, isolation_level=None)
                connection.execute("PRAGMA synchronous = OFF")  # A lost entry is only made again.
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
        with contextlib.suppress(OSError):
            for ending in _SIDE_FILES:
                self._path.with_name(self._name + ending).unlink(missing_ok=True)

    def _failed(self, error: sqlite3.Error) -> None:
        """After an error this run goes on without; a damaged store is removed, so that the next one has a new one."""
        with contextlib.suppress(sqlite3.Error):
            if self._connection is not None:
                self._connection.close()
        self._connection = None
        if not isinstance(error, sqlite3.OperationalError):
            self._remove()

    def is_empty(self) -> bool:
        """Whether there is no entry."""
        return not self._has("SELECT 1 FROM entries LIMIT 1")

    def knows(self, hint: bytes) -> bool:
        """Whether there may be an entry with this hint."""
        return self._has("SELECT 1 FROM entries WHERE hint = ?", hint)

    def _has(self, question: str, *values: bytes) -> bool:
        if self._connection is None:
            return False
        try:
            return self._connection.execute(question, values).fetchone() is not None
        except sqlite3.Error as error:
            self._failed(error)
            return False

    def get(self, key: bytes) -> bytes | None:
        """The entry of a key, if there is one and it is whole."""
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
            found = zlib.decompress(packed)
        except (zlib.error, TypeError):
            return None
        if used != self._day:
            self._seen.add(key)
        return found

    def put(self, key: bytes, hint: bytes, data: bytes) -> None:
        """Keep an entry. It is written with others, at the latest when this is closed."""
        self._new[key] = hint, zlib.compress(data, 1)
        if len(self._new) >= _BATCH or time.monotonic() - self._written > _SECONDS:
            self.write()

    def write(self) -> None:
        """Write what is new."""
        self._written = time.monotonic()
        if self._connection is None or not (self._new or self._seen):
            return
        rows = [(key, hint, self._day, _checksum(key, packed), packed) for key, (hint, packed) in self._new.items()]
        used = [(self._day, key) for key in self._seen]
        self._new, self._seen = {}, set()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", rows)
            self._connection.executemany("UPDATE entries SET used = ? WHERE key = ?", used)
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
            "DELETE FROM entries WHERE key IN "
            "(SELECT key FROM entries ORDER BY used LIMIT (SELECT count(*) / 2 FROM entries))"
        )
        connection.execute("VACUUM")


def _checksum(key: bytes, packed: bytes) -> bytes:
    return hashlib.sha256(key + packed).digest()


def clean(folder: Path | None = None) -> tuple[Path, int]:
    """Remove the cache; where it was, and how many bytes it took.

    Raises:
        OSError: it cannot be removed.
    """
    where = directory() if folder is None else folder
    freed = 0
    for pattern in ("reports-*.sqlite*", "structures-*.sqlite*"):
        for path in sorted(where.glob(pattern)) if where.is_dir() else ():
            freed += path.lstat().st_size
            path.unlink()
    return where, freed
