"""Replacing a model file so that, whatever happens, it is either the old or the new one.

The new bytes go to a temporary file in a private folder beside the model, are forced to disk and checked there; only
then does one rename replace the original, which is locked meanwhile; if it has changed, nothing is renamed. Folders and
files are held open and addressed through their descriptors, so that a link that somebody puts in their place leads
nowhere. The private folder is locked as long as its process lives: one that is not is removed by the next run.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
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

_PRIVATE = re.compile(r"\.graphlint-[0-9a-f]{12}")
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_FILE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_BY_DESCRIPTOR = os.rename in os.supports_dir_fd and os.link in os.supports_dir_fd
"""Whether the system addresses files through the descriptor of their folder; otherwise it is done by path."""


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
        descriptor = os.open(path, os.O_RDONLY | _FILE)
        with os.fdopen(descriptor, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            found = os.fstat(descriptor)
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
    with _disk_errors(path), _Folder(path.parent.resolve()) as folder:
        folder.remove_left_overs()
        with folder.private() as private:
            _write_new(path, produce, folder, private, force=force)


def _write_new(path: Path, produce: Produce, folder: _Folder, private: _Private, *, force: bool) -> None:
    file = private.produce(path.name, produce)
    old = folder.open(path.name) if force else None
    if old is not None:
        with os.fdopen(old, "rb"):
            _copy_attributes(old, file.descriptor)
        file.sync()
        file.replace(folder)
        return
    if hasattr(os, "fchmod"):
        os.fchmod(file.descriptor, 0o666 & ~_umask())
    file.sync()
    try:
        file.take_name(folder, path.name)
    except FileExistsError:
        raise _taken(path) from None


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

    A symbolic link is kept: its target is replaced. What a killed run left beside the file is removed.

    Raises:
        WriteError: not a regular writable file, one with several hard links (unless ``force``), or another fixer is at
            work on it.
    """
    real = path.resolve()
    _require_regular(real)
    if not os.access(real, os.W_OK):
        raise WriteError(f"{path} is read-only: make it writable, or write to another file with -o")
    with _disk_errors(path), _Folder(real.parent) as folder:
        folder.remove_left_overs()
        descriptor = folder.open(real.name)
        if descriptor is None:
            raise WriteError(f"{path} was replaced by another program: nothing was changed, run the fix again")
        with os.fdopen(descriptor, "rb"), _lock(descriptor, path):
            found = os.fstat(descriptor)
            if not _same_file(found, real):
                raise WriteError(f"{path} was replaced by another program: nothing was changed, run the fix again")
            if found.st_nlink > 1 and not force:
                raise WriteError(
                    f"{path} has {found.st_nlink} hard links: replacing it would separate them; pass --force to do so"
                )
            yield InPlace(path, real, folder, descriptor, _Snapshot.take(real))


@dataclass(frozen=True, slots=True)
class InPlace:
    """A locked file. ``real`` is its path without symbolic links."""

    path: Path
    real: Path
    _folder: _Folder
    _descriptor: int
    _before: _Snapshot

    def replace(self, produce: Produce) -> Path:
        """Replace the file with what ``produce`` writes. Returns where the old bytes are kept (``name.bak``).

        Raises:
            WriteError: the file changed since it was locked, or the new one cannot be written.
        """
        with _disk_errors(self.path), self._folder.private() as private:
            file = private.produce(self.real.name, produce)
            _copy_attributes(self._descriptor, file.descriptor)
            file.sync()
            backup, made = self._back_up(private)
            try:
                self._require_unchanged()
                file.replace(self._folder)
            except BaseException:
                if made:
                    self._folder.unlink(backup.name)
                raise
            return backup

    def _back_up(self, private: _Private) -> tuple[Path, bool]:
        """Where the old bytes are, and whether they were put there now; a run that was killed may have done so."""
        copy = private.produce("old", self._write_old)
        _copy_attributes(self._descriptor, copy.descriptor)
        times = os.fstat(self._descriptor)
        os.utime(
            copy.descriptor if os.utime in os.supports_fd else copy.path, ns=(times.st_atime_ns, times.st_mtime_ns)
        )
        copy.sync()
        number = 0
        while True:
            name = f"{self.real.name}.bak{number or ''}"
            try:
                copy.take_name(self._folder, name)
            except FileExistsError:
                if self._folder.holds(name, self._before.digest):
                    return self.real.with_name(name), False
                number += 1
            else:
                return self.real.with_name(name), True

    def _write_old(self, path: Path) -> None:
        with os.fdopen(os.dup(self._descriptor), "rb") as source, path.open("wb") as target:
            source.seek(0)
            shutil.copyfileobj(source, target, 1 << 20)

    def _require_unchanged(self) -> None:
        try:
            now = _Snapshot.take(self.real)
        except OSError:
            now = None
        if now != self._before:
            raise WriteError(f"{self.path} was changed by another program: nothing was written, run the fix again")


# -- folders and files through their descriptors -----------------------------------------------------------------


class _Folder:
    """A folder that is held open, given without symbolic links: what is put in its place meanwhile is not it."""

    def __init__(self, path: Path, within: _Folder | None = None) -> None:
        self.path = path
        self._within = within
        self.descriptor = -1

    def __enter__(self) -> _Folder:
        if os.name == "posix":
            where = self.path if self._within is None else self._within.at(self.path.name)
            self.descriptor = os.open(where, _FOLDER, dir_fd=None if self._within is None else self._within.dir_fd)
        return self

    def __exit__(self, *error: object) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)

    @property
    def dir_fd(self) -> int | None:
        """For functions of `os`: the descriptor, where the system has that."""
        return self.descriptor if self.descriptor >= 0 and _BY_DESCRIPTOR else None

    def at(self, name: str) -> str:
        """A file in the folder, for functions of `os` that receive ``dir_fd`` too."""
        return name if self.dir_fd is not None else str(self.path / name)

    def reached(self, name: str) -> Path:
        """The path of a file for those that take only a path; on Linux it goes through the descriptor."""
        through = Path(f"/proc/self/fd/{self.descriptor}")
        return (through if self.dir_fd is not None and through.exists() else self.path) / name

    def open(self, name: str, flags: int = os.O_RDONLY) -> int | None:
        """The descriptor of a file; None if there is none, or a link."""
        try:
            return os.open(self.at(name), flags | _FILE, 0o600, dir_fd=self.dir_fd)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK):
                return None
            raise

    def names(self) -> list[str]:
        """What is in the folder."""
        through = self.descriptor >= 0 and os.listdir in os.supports_fd
        return os.listdir(self.descriptor if through else self.path)  # noqa: PTH208

    def unlink(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.at(name), dir_fd=self.dir_fd)

    def holds(self, name: str, digest: str) -> bool:
        """Whether a file has these bytes."""
        descriptor = self.open(name)
        if descriptor is None:
            return False
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return False
        with os.fdopen(descriptor, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest

    def sync(self) -> None:
        if self.descriptor >= 0:
            os.fsync(self.descriptor)

    @contextmanager
    def private(self) -> Iterator[_Private]:
        """A new folder that only this user may enter, removed with all that is in it when the block ends."""
        private = self._make_private()
        try:
            yield private
        finally:
            private.empty()
            private.__exit__()
            with contextlib.suppress(OSError):
                os.rmdir(self.at(private.path.name), dir_fd=self.dir_fd)
            self.sync()

    def _make_private(self) -> _Private:
        while True:
            name = f".graphlint-{secrets.token_hex(6)}"
            os.mkdir(self.at(name), 0o700, dir_fd=self.dir_fd)
            private = _Private(self.path / name, self)
            try:
                private.__enter__()
            except FileNotFoundError:
                continue  # Another run took it for left over before it was locked.
            if private.descriptor < 0 or (_try_lock(private.descriptor) and os.fstat(private.descriptor).st_nlink):
                return private
            private.__exit__()

    def remove_left_overs(self) -> None:
        """Remove the private folders of runs that were killed: those that no process has locked."""
        if self.descriptor < 0:
            return
        for name in self.names():
            if _PRIVATE.fullmatch(name):
                with contextlib.suppress(OSError):
                    self._remove_left_over(name)

    def _remove_left_over(self, name: str) -> None:
        with _Private(self.path / name, self) as left:
            found = os.fstat(left.descriptor)
            if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) != 0o700 or not _try_lock(left.descriptor):
                return
            left.empty()
            os.rmdir(self.at(name), dir_fd=self.dir_fd)


class _Private(_Folder):
    """A private folder beside a model."""

    def __enter__(self) -> _Private:
        super().__enter__()
        self._files: list[_File] = []
        return self

    def __exit__(self, *error: object) -> None:
        for file in self._files:
            os.close(file.descriptor)
        super().__exit__(*error)

    def produce(self, name: str, produce: Produce) -> _File:
        """Have a file written."""
        descriptor = self.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        if descriptor is not None:
            os.close(descriptor)
        produce(self.reached(name))
        written = self.open(name, os.O_RDWR)
        if written is None:
            raise WriteError(f"{name} was removed by another program while it was written: nothing was changed")
        file = _File(name, self, written)
        self._files.append(file)
        return file

    def empty(self) -> None:
        """Remove the files in it."""
        for name in self.names():
            self.unlink(name)


@dataclass(frozen=True, slots=True)
class _File:
    """A file in a private folder, held open."""

    name: str
    folder: _Private
    descriptor: int

    @property
    def path(self) -> Path:
        return self.folder.reached(self.name)

    def sync(self) -> None:
        os.fsync(self.descriptor)

    def replace(self, folder: _Folder) -> None:
        """Give the file its own name in another folder, in place of what has it."""
        os.replace(
            self.folder.at(self.name),
            folder.at(self.name),
            src_dir_fd=self.folder.dir_fd,
            dst_dir_fd=folder.dir_fd,
        )
        folder.sync()

    def take_name(self, folder: _Folder, name: str) -> None:
        """Give the file a name in another folder, unless that is taken (FileExistsError)."""
        source, target = self.folder.at(self.name), folder.at(name)
        try:
            os.link(source, target, src_dir_fd=self.folder.dir_fd, dst_dir_fd=folder.dir_fd)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600, dir_fd=folder.dir_fd))
            os.replace(source, target, src_dir_fd=self.folder.dir_fd, dst_dir_fd=folder.dir_fd)
        folder.sync()


def _copy_attributes(old: int, new: int) -> None:
    """Owner, extended attributes (ACLs among them) and mode of one open file, for another.

    An owner that only the administrator may set is left out, as by other programs that replace files; so are attributes
    of the system.
    """
    found = os.fstat(old)
    if hasattr(os, "fchown"):
        for owner in (found.st_uid, -1):
            with contextlib.suppress(PermissionError):
                os.fchown(new, owner, found.st_gid)
                break
    mode = stat.S_IMODE(found.st_mode)
    if os.fstat(new).st_uid != found.st_uid:
        mode &= ~(stat.S_ISUID | stat.S_ISGID)
    if hasattr(os, "fchmod"):
        os.fchmod(new, mode)
    if hasattr(os, "listxattr"):
        _copy_extended_attributes(old, new)


def _copy_extended_attributes(old: int, new: int) -> None:
    try:
        names = os.listxattr(old)
        inherited = set(os.listxattr(new)) - set(names)
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENOSYS):
            return
        raise
    for name in inherited:  # a default ACL of the folder
        with contextlib.suppress(OSError):
            os.removexattr(new, name)
    for name in names:
        try:
            os.setxattr(new, name, os.getxattr(old, name))
        except OSError as error:
            if name.startswith(("security.", "trusted.")):
                continue
            raise WriteError(f"the attribute {name} cannot be kept: {error.strerror}; nothing was changed") from error


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
    if not _try_lock(descriptor):
        raise WriteError(f"another graphlint process is using {path}: wait for it, then run the fix again")
    yield  # Closing the descriptor unlocks it.


def _try_lock(descriptor: int) -> bool:
    """Lock an open file, or folder, unless another process has; True where the system has no locks."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror or error}; nothing was changed") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
