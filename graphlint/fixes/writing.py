"""Replacing a model file so that, whatever happens, it is either the old or the new one.

The new bytes go to a temporary file in the same directory, are forced to disk and checked there; only then does one
rename replace the original, which is locked meanwhile; if it has changed, nothing is renamed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from graphlint.errors import WriteError

Produce = Callable[[Path], None]
"""Writes the new file at the given path, and raises if the result is not usable."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What a file was when it was read: a later difference means that another program wrote it."""

    device: int
    inode: int
    size: int
    modified: int
    digest: str

    @classmethod
    def take(cls, path: Path) -> _Snapshot:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            found = os.fstat(file.fileno())
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, digest)


def write_new(path: Path, produce: Produce, *, force: bool = False) -> None:
    """Create ``path``, whole or not at all.

    Raises:
        WriteError: it exists and ``force`` is not set, or the directory is not writable.
    """
    require_free(path, force=force)
    if path.is_symlink() or path.exists():
        _require_regular(path)
        path = path.resolve()
    with _temporary(path) as temporary:
        produce(temporary)
        _sync(temporary)
        if path.exists() and force:
            _copy_permissions(path.stat(), temporary)
            temporary.replace(path)
        else:
            _permissions_of_new_files(temporary)
            try:
                _take_name(temporary, path)
            except FileExistsError:
                raise _taken(path) from None
        _sync_directory(path.parent)


def require_free(path: Path, *, force: bool) -> None:
    """Refuse to overwrite, before any work is done.

    Raises:
        WriteError: there is something at ``path`` and ``force`` is not set.
    """
    if not force and (path.is_symlink() or path.exists()):
        raise _taken(path)


def _taken(path: Path) -> WriteError:
    return WriteError(f"{path} exists: choose another name, or pass --force to overwrite it")


@contextmanager
def locked(path: Path, *, force: bool = False) -> Iterator[InPlace]:
    """Open a file to be replaced: no other fixer touches it until the block ends.

    A symbolic link is kept: its target is replaced.

    Raises:
        WriteError: not a regular writable file, one with several hard links (unless ``force``), or another fixer is at
            work on it.
    """
    real = path.resolve()
    _require_regular(real)
    links = real.stat().st_nlink
    if links > 1 and not force:
        raise WriteError(f"{path} has {links} hard links: replacing it would separate them; pass --force to do so")
    if not os.access(real, os.W_OK):
        raise WriteError(f"{path} is read-only: make it writable, or write to another file with -o")
    with real.open("rb") as file, _lock(file.fileno(), path):
        if not _same_file(os.fstat(file.fileno()), real):
            raise WriteError(f"{path} was replaced by another program: nothing was changed, run the fix again")
        yield InPlace(path, real, _Snapshot.take(real))


@dataclass(frozen=True, slots=True)
class InPlace:
    """A locked file. ``real`` is its path without symbolic links."""

    path: Path
    real: Path
    _before: _Snapshot

    def replace(self, produce: Produce) -> Path:
        """Replace the file with what ``produce`` writes. Returns where the old bytes are kept (``name.bak``).

        Raises:
            WriteError: the file changed since it was locked, or the new one cannot be written.
        """
        with _temporary(self.real) as temporary:
            produce(temporary)
            old = self.real.stat()
            _copy_permissions(old, temporary)
            _sync(temporary)
            backup = self._back_up()
            try:
                self._require_unchanged()
                temporary.replace(self.real)
            except BaseException:
                backup.unlink(missing_ok=True)
                raise
            _sync_directory(self.real.parent)
            return backup

    def _back_up(self) -> Path:
        with _temporary(self.real) as copy:
            with _disk_errors(self.path):
                shutil.copy2(self.real, copy)
            _sync(copy)
            number = 0
            while True:
                backup = self.real.with_name(f"{self.real.name}.bak{number or ''}")
                with contextlib.suppress(FileExistsError):
                    _take_name(copy, backup)
                    return backup
                number += 1

    def _require_unchanged(self) -> None:
        try:
            now = _Snapshot.take(self.real)
        except OSError:
            now = None
        if now != self._before:
            raise WriteError(f"{self.path} was changed by another program: nothing was written, run the fix again")


def _require_regular(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror or error}") from None
    if not stat.S_ISREG(mode):
        raise WriteError(f"{path} is not a regular file: expected a model file")


def _same_file(found: os.stat_result, path: Path) -> bool:
    try:
        return os.path.samestat(found, path.stat())
    except OSError:
        return False


@contextmanager
def _lock(descriptor: int, path: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise WriteError(f"another graphlint process is using {path}: wait for it, then run the fix again") from None
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """A name next to ``path`` with its suffix, created exclusively and removed when the block ends."""
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(6)}{path.suffix}")
    with _disk_errors(path):
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror or error}; nothing was changed") from error


def _copy_permissions(old: os.stat_result, new: Path) -> None:
    new.chmod(stat.S_IMODE(old.st_mode))
    if hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):
            os.chown(new, old.st_uid, old.st_gid)


def _take_name(temporary: Path, path: Path) -> None:
    """Give a finished file its name, unless that is taken (FileExistsError)."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        temporary.replace(path)


def _permissions_of_new_files(path: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
