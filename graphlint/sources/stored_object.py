"""Files that are not on a disk of this machine: in an object store, on a web server, in memory."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path, PurePosixPath


class Depth(StrEnum):
    """How much of a model is read."""

    CONFIG = "config"
    """Its configuration."""
    STRUCTURE = "structure"
    """Also which weights are stored, with their shapes."""
    WEIGHTS = "weights"
    """Also their numbers."""


class StoredObject(ABC):
    """A file or folder by its name, with what is asked of a `pathlib.Path` when a model is read. ``str`` is for people.

    Each `open` gives a file with a position of its own.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """The last part of the name."""

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> PurePosixPath:
        """Where it lies, for messages."""
        return PurePosixPath(str(self)).parent

    @abstractmethod
    def open(self) -> io.RawIOBase:
        """The content, to be read.

        Raises:
            UnreadableError: there is none, or it cannot be read.
        """

    def finish(self) -> None:  # noqa: B027
        """Look whether everything read so far belongs together.

        Raises:
            UnreadableError: it changed while it was read.
        """

    def is_file(self) -> bool:
        return True

    def is_dir(self) -> bool:
        return False

    def with_suffix(self, suffix: str) -> PurePosixPath:
        """What it would be called with another ending, for messages."""
        return PurePosixPath(self.name).with_suffix(suffix)

    def with_name(self, name: str) -> Anywhere:
        """The file beside this one with another name."""
        raise NotImplementedError

    def __truediv__(self, name: str) -> Anywhere:
        raise NotImplementedError

    def iterdir(self) -> Iterator[Anywhere]:
        raise NotImplementedError

    def rglob(self, pattern: str) -> Iterator[Anywhere]:
        raise NotImplementedError

    def relative_to(self, other: Anywhere) -> PurePosixPath:
        return PurePosixPath(str(self).removeprefix(f"{other}").lstrip("/"))


Anywhere = Path | StoredObject
"""A path on this machine, or something that is read like one."""


class View(io.RawIOBase):
    """A file that is read by position through ``read_at``; it has no descriptor, so nothing maps it into memory."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self._at = 0

    def read_at(self, start: int, size: int) -> bytes:
        """Bytes from a position on; fewer only at the end."""
        raise NotImplementedError

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        remaining = max(0, self._size - self._at)
        size = remaining if size is None or size < 0 else min(size, remaining)
        data = self.read_at(self._at, size) if size else b""
        self._at += len(data)
        return data

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        target = memoryview(buffer).cast("B")
        data = self.read(len(target))
        target[: len(data)] = data
        return len(data)

    def prefetch(self, positions: list[int]) -> None:
        """What will be read from these positions soon: a hint."""
