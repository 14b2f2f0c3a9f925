"""What a model held when it was looked at, so that the same is known again: of files, folders, and objects in stores.

Of a file and of a folder that is a hash of all bytes. Of an object in a store it is what the store says of its content
and gives no other one: an `ETag` that is strong, a generation, a hash. Sizes and times are never enough.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from graphlint.errors import UnreadableError
from graphlint.sources.layout import is_model_directory
from graphlint.sources.urls import is_url

if TYPE_CHECKING:
    from graphlint.sources.remote import RemoteFile

_TICK = 50_000_000
"""Nanoseconds within which a file system may give two changes one time."""
_HEADS = (b"PK\x03\x04", b"PK\x05\x06", b"\x89HDF\r\n\x1a\n")
"""How files begin that are one model by themselves, without others beside them."""
_TEXT = (b"{", b"[", b" ", b"\t", b"\r", b"\n")
"""How the configuration of a model begins."""
_ELSEWHERE = (b"weight_map", b"\\u")
"""What a text has in it that lists files of weights beside it, however that is spelled."""
_SAVED = ("saved_model.pb", "keras_metadata.pb")
_MOST_FILES = 10_000
_SMALL = 1 << 20
"""Bytes of a file that is hashed before a thread would have started."""


class State(NamedTuple):
    """What is asked of a model to see whether it may have changed; by itself it tells nothing of the content."""

    kind: str
    """``file``, ``folder`` or ``object``."""
    size: int
    parts: tuple[tuple[str, str], ...]


class Content(NamedTuple):
    """The content of a model, and the state in which it had that content."""

    state: State
    digest: bytes | None
    """None if the content cannot be told from another one in the same state, or is not all there is to the model."""


def state(source: str) -> State | None:
    """The state of a model; None for what may change without showing it.

    A file system gives changes in quick succession one time: what was just written has no state yet.
    """
    if is_url(source):
        from graphlint.sources.remote import RemoteFile

        try:
            return object_state(RemoteFile(source))
        except UnreadableError:
            return None  # Whoever reads it says so.
    path = Path(source)
    try:
        found = path.stat()
        if stat.S_ISREG(found.st_mode):
            said = _said(found)
            return None if said is None else State("file", found.st_size, (("", said),))
        if stat.S_ISDIR(found.st_mode) and (
            any((path / name).is_file() for name in _SAVED) or is_model_directory(path)
        ):
            return _folder(path)
    except (OSError, ValueError):
        pass
    return None


def _said(found: os.stat_result) -> str | None:
    if abs(time.time_ns() - found.st_ctime_ns) < _TICK:
        return None
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino} {found.st_dev}"


def _folder(path: Path) -> State | None:
    """The state of all that lies in a folder: what of it is read is for the reader to say."""
    parts: list[tuple[str, str]] = []
    size = 0
    for name, inside in _below(path, ""):
        found = inside.stat()
        said = _said(found) if stat.S_ISREG(found.st_mode) else None
        if said is None or len(parts) >= _MOST_FILES:
            return None
        parts.append((name, said))
        size += found.st_size
    return State("folder", size, tuple(sorted(parts)))


def _below(path: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    """Everything in a folder but the folders that it really has, by its name there."""
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _below(Path(entry.path), f"{prefix}{entry.name}/")
            else:
                yield f"{prefix}{entry.name}", Path(entry.path)


def object_state(remote: RemoteFile) -> State | None:
    """The state of an object or folder in a store; None if it says nothing that changes with the content.

    Raises:
        UnreadableError: the store cannot be asked.
    """
    found = remote.said()
    if not found or not all(set(said) - {"size"} for said in found.values()):
        return None
    parts = tuple(sorted((name, json.dumps(said, sort_keys=True)) for name, said in found.items()))
    return State("object", sum(int(said.get("size", 0)) for said in found.values()), parts)


def is_small(seen: State) -> bool:
    """Whether the content is hashed in less time than it takes to look whether it has to be."""
    return seen.size <= _SMALL


def digest(source: str, seen: State) -> bytes | None:
    """A hash of the content that a model has in a state; None if it cannot be told, or is not all there is to it."""
    if seen.kind == "object":
        return _of_object(source, seen)
    try:
        if seen.kind == "folder":
            return _of_folder(Path(source), seen)
        return _of_file(Path(source), is_small(seen), heads=True)
    except OSError:
        return None


class Digest:
    """The digest of a model in a state. That of something large is made in a thread, beside whatever else is done."""

    def __init__(self, source: str, seen: State) -> None:
        self._source, self._seen = source, seen
        self._found: bytes | None = None
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        if seen.kind == "object" or is_small(seen):
            self._found = digest(source, seen)
        else:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()

    @classmethod
    def known(cls, seen: Content) -> Digest:
        """One that was made before."""
        found = cls.__new__(cls)
        found._found, found._thread, found._failure = seen.digest, None, None
        return found

    def _work(self) -> None:
        try:
            self._found = digest(self._source, self._seen)
        except BaseException as error:
            self._failure = error

    @property
    def is_there(self) -> bool:
        """Whether it does not have to be waited for."""
        return self._thread is None or not self._thread.is_alive()

    def result(self) -> bytes | None:
        """It, or None if there is none."""
        if self._thread is not None:
            self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self._found


def _of_file(path: Path, small: bool, *, heads: bool) -> bytes | None:
    with path.open("rb", buffering=0) as file:
        if small:
            data = file.read()
            return hashlib.sha256(data).digest() if not heads or _is_whole(data) else None
        if heads and not file.read(8).startswith(_HEADS):
            return None
        file.seek(0)
        return hashlib.file_digest(file, "sha256").digest()


def _is_whole(data: bytes) -> bool:
    """Whether a file is one model by itself."""
    if data.startswith(_HEADS):
        return True
    return data.startswith(_TEXT) and not any(part in data for part in _ELSEWHERE)


def _of_folder(path: Path, seen: State) -> bytes | None:
    found = hashlib.sha256(b"folder")
    for name, _ in seen.parts:
        inside = _of_file(path / name, False, heads=False)
        assert inside is not None
        found.update(hashlib.sha256(os.fsencode(name)).digest() + inside)
    return found.digest()


def _of_object(url: str, seen: State) -> bytes | None:
    from graphlint.sources.remote import tells_content

    if not all(tells_content(json.loads(said)) for _, said in seen.parts):
        return None
    return hashlib.sha256(json.dumps(["object", url, seen.parts]).encode()).digest()
