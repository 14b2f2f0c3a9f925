"""Models as bytes, and in files that are open already."""

from __future__ import annotations

import io
import threading
from typing import IO, Any

from graphlint.errors import GraphlintError, UnreadableError
from graphlint.sources.stored_object import StoredObject, View

BYTES = "<bytes>"
_FILE = "<file>"


class _Named(StoredObject):
    """What is called as somebody said."""

    _name: str

    def __str__(self) -> str:
        return self._name

    @property
    def name(self) -> str:
        return self._name.rpartition("/")[2]


class Bytes(_Named):
    """A model whose file is in memory."""

    def __init__(self, data: bytes, name: str = BYTES) -> None:
        self._data = data
        self._name = name

    def open(self) -> io.RawIOBase:
        return _BytesView(self._data)


class _BytesView(View):
    def __init__(self, data: bytes) -> None:
        super().__init__(len(data))
        self._data = data

    def read_at(self, start: int, size: int) -> bytes:
        return self._data[start : start + size]


class OpenFile(_Named):
    """A file that somebody opened. It is read from its beginning, and stays open; its position is as it was at the end.

    Raises:
        GraphlintError: it is not open for reading bytes.
    """

    def __init__(self, file: IO[bytes], name: str | None = None) -> None:
        given: Any = getattr(file, "name", None)
        self._name = name or (given if isinstance(given, str) else _FILE)
        self._file = file
        self._lock = threading.Lock()
        if not hasattr(file, "seekable") or not file.seekable():
            raise GraphlintError(
                f"{self._name} cannot be read from any position: pass its bytes, as with check(file.read())"
            )
        before = file.tell()
        self._size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if not isinstance(file.read(0), bytes):
            raise GraphlintError(f"{self._name} is open as text: expected a file of bytes, as open(path, 'rb') gives")
        file.seek(before)

    def open(self) -> io.RawIOBase:
        return _FileView(self, self._size)

    def read_at(self, start: int, size: int) -> bytes:
        """Bytes from a position on."""
        with self._lock:
            before = self._file.tell()
            try:
                self._file.seek(start)
                found = bytearray()
                while len(found) < size and (data := self._file.read(size - len(found))):
                    found += data
                return bytes(found)
            except (OSError, ValueError) as error:
                raise UnreadableError(f"{self._name} cannot be read: {error}") from error
            finally:
                self._file.seek(before)


class _FileView(View):
    def __init__(self, file: OpenFile, size: int) -> None:
        super().__init__(size)
        self._file = file

    def read_at(self, start: int, size: int) -> bytes:
        return self._file.read_at(start, size)
