"""Read an untrusted zip archive: members in place, nothing unpacked to a named file.

The standard library's reader trusts the central directory. This one also reads every local header, because an archive
in which the two disagree is one model to one reader and another to the next.
"""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import tempfile
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from graphlint.errors import UnreadableError, quoted
from graphlint.sources.limits import DEFAULT, Limits
from graphlint.sources.stored_object import StoredObject

_BLOCK = 1 << 20
_GAP = 1 << 16
_END = struct.Struct("<4s4H2LH")
_END_64_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MAX_16, _MAX_32 = 0xFFFF, 0xFFFFFFFF
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_DESCRIPTOR = 0x8
_UTF8 = 0x800
_ZIP64, _UNICODE_PATH = 0x1, 0x7075
_IN_MEMORY = 16 << 20
_MOST_PROBLEMS = 100
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of the archive. ``start`` is where its data begin in the file; sizes are in bytes."""

    name: str
    method: int
    crc: int
    _: KW_ONLY
    stored_size: int
    size: int
    start: int


class ZipArchive:
    """A zip archive, opened for reading. Use it as a context manager, or call `close`.

    ``source`` is a path, or a member of another archive. ``members`` maps names to entries; of several entries with
    one name the last counts, as in Python's reader. ``problems`` are messages about what is readable but suspicious,
    ``escaping`` those of them about members that unpacking writes elsewhere.

    Raises:
        UnreadableError: not a regular file, or not a zip archive, or a truncated or inconsistent one.
        LimitError: more or larger entries than the limits.
    """

    def __init__(self, source: str | os.PathLike[str] | StoredObject | MemberView, limits: Limits = DEFAULT) -> None:
        self.limits = limits
        self.problems: list[str] = []
        self.escaping: set[str] = set()
        self._file = cast("IO[bytes]", source if isinstance(source, MemberView) else open_regular(source))
        try:
            self._size = self._file.seek(0, os.SEEK_END)
            self.members: dict[str, Member] = {}
            self._read_directory()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __contains__(self, name: object) -> bool:
        return name in self.members

    def close(self) -> None:
        """Close the file. Views of members end with it."""
        self._file.close()

    def read(self, name: str, maximum: int | None = None) -> bytes:
        """The whole content of a member, checked against its checksum.

        Raises:
            UnreadableError: no such member, or its content does not match its size or checksum.
            LimitError: larger than ``maximum`` bytes (default: ``json_bytes``).
        """
        member = self._member(name)
        if maximum is None:
            self.limits.check("json_bytes", member.size, f"{quoted(name)}, bytes")
        elif member.size > maximum:
            raise self.limits.exceeded("json_bytes", f"{quoted(name)}, bytes: {member.size:,}")
        return b"".join(self.blocks(name))

    def blocks(self, name: str) -> Iterator[bytes]:
        """The content of a member in blocks of at most 1 MiB, checked against its checksum at the end.

        Raises:
            UnreadableError: no such member, or its content does not match its size or checksum.
        """
        member = self._member(name)
        crc = size = 0
        for block in self._blocks(member):
            crc = zlib.crc32(block, crc)
            size += len(block)
            yield block
        self._compare(member, size, crc)

    def view(self, name: str) -> MemberView:
        """A member as a readable, seekable file object without a file descriptor; a stored one is read in place.

        A deflated member is unpacked first, checked on the way, into memory or, above 16 MiB, an unnamed temporary
        file.
        """
        member = self._member(name)
        if member.method == _STORED:
            return MemberView(self._file, member.start, member.size, name, member.crc)
        content: IO[bytes] = io.BytesIO() if member.size <= _IN_MEMORY else tempfile.TemporaryFile()  # noqa: SIM115
        for block in self.blocks(name):
            content.write(block)
        content.flush()
        return MemberView(content, 0, member.size, name, member.crc, checked=member.size)

    def verify(self, name: str) -> None:
        """Read a member once and compare its checksum.

        Raises:
            UnreadableError: size or checksum do not match.
        """
        member = self._member(name)
        if member.method == _STORED:
            self.view(name).verify()
            return
        for _ in self.blocks(name):
            pass

    def _member(self, name: str) -> Member:
        try:
            return self.members[name]
        except KeyError:
            raise UnreadableError(
                f"no member {quoted(name)} in the archive: expected config.json, metadata.json and model.weights.h5; "
                "is this a model saved by Keras?"
            ) from None

    def _compare(self, member: Member, size: int, crc: int) -> None:
        if size != member.size:
            raise UnreadableError(
                f"{quoted(member.name)} has {size:,} bytes, but the archive declares {member.size:,}: "
                "the file is damaged or crafted; save or download it again"
            )
        if crc != member.crc:
            raise bad_checksum(member.name)

    def _blocks(self, member: Member) -> Iterator[bytes]:
        """The content of a member in blocks of at most 1 MiB; stops one block after the declared size."""
        position, end = member.start, member.start + member.stored_size
        if member.method == _STORED:
            while position < end:
                block = self._at(position, min(_BLOCK, end - position))
                position += len(block)
                yield block
            return
        inflate = zlib.decompressobj(-15)
        produced = 0
        rest = b""
        while not inflate.eof and produced <= member.size:
            if not rest:
                if position >= end:
                    break
                rest = self._at(position, min(_BLOCK, end - position))
                position += len(rest)
            try:
                block = inflate.decompress(rest, _BLOCK)
            except zlib.error as error:
                raise UnreadableError(
                    f"{quoted(member.name)} cannot be unpacked ({error}): save or download the file again"
                ) from None
            rest = inflate.unconsumed_tail
            produced += len(block)
            yield block
        while not inflate.eof and produced <= member.size:
            block = inflate.flush(_BLOCK)
            if not block:
                break
            produced += len(block)
            yield block

    def _at(self, position: int, size: int) -> bytes:
        self._file.seek(position)
        block = self._file.read(size)
        if len(block) != size:
            raise UnreadableError(
                f"the archive ends at byte {self._size:,}, but its directory points to byte {position + size:,}: "
                "it is truncated; save or download it again"
            )
        return block

    def _read_directory(self) -> None:
        count, size, offset, end = self._find_directory()
        self.limits.check("zip_members", count, "members in the zip archive")
        start = end - size
        shift = start - offset
        if start < 0 or shift < 0:
            raise UnreadableError(
                f"the zip directory should begin at byte {offset:,} and take {size:,} bytes, but ends at byte {end:,}: "
                "the archive is truncated; save or download it again"
            )
        if shift:
            self.problems.append(
                f"{shift:,} bytes precede the zip archive; another reader may find another model in them"
            )
        directory = self._at(start, size)
        entries = self._entries(directory, count, shift)
        spans = sorted((*self._check_local_header(entry, start), entry.member.name) for entry in entries)
        previous_end, previous = shift, ""
        for begin, finish, name in spans:
            if begin < previous_end:
                raise UnreadableError(
                    f"the zip members {quoted(previous)} and {quoted(name)} overlap: the archive is crafted; "
                    "do not load it"
                )
            if begin > previous_end:
                self._gap(begin - previous_end)
            previous_end, previous = finish, name
        if previous_end > start:
            raise UnreadableError(
                f"the zip member {quoted(previous)} reaches into the directory: the archive is damaged or crafted; "
                "save or download it again"
            )
        if previous_end < start:
            self._gap(start - previous_end)
        self._check_names([entry.member for entry in entries])

    def _escapes(self, problem: str) -> None:
        self.problems.append(problem)
        self.escaping.add(problem)

    def _gap(self, size: int) -> None:
        message = "bytes of the zip archive belong to no member"
        for index, problem in enumerate(self.problems):
            if problem.endswith(message):
                size += int(problem.partition(" ")[0].replace(",", ""))
                del self.problems[index]
                break
        self.problems.append(f"{size:,} {message}")

    def _find_directory(self) -> tuple[int, int, int, int]:
        """``(entries, bytes, recorded offset, end)`` of the central directory."""
        if self._at(0, min(4, self._size)) == b"":
            raise UnreadableError("the file is empty (0 bytes): saving failed or was interrupted; save the model again")
        tail_size = min(self._size, _END.size + _MAX_16)
        tail_start = self._size - tail_size
        tail = self._at(tail_start, tail_size)
        index = tail.rfind(b"PK\x05\x06", 0, max(0, tail_size - _END.size + 4))
        if index < 0:
            raise UnreadableError(
                "not a complete zip archive (no end record): it is truncated or not a .keras file; save or download it "
                "again"
            )
        _, disk, first_disk, here, count, size, offset, comment = _END.unpack_from(tail, index)
        end = tail_start + index
        trailing = self._size - end - _END.size - comment
        if trailing > 0:
            self.problems.append(f"{trailing:,} bytes follow the zip archive")
        elif trailing < 0:
            self.problems.append("the comment of the zip archive is cut off")
        if comment:
            self.problems.append(f"the zip archive has a comment of {comment:,} bytes, which Keras never writes")
        if end >= _END_64_LOCATOR.size:
            signature, _, end_64, _ = _END_64_LOCATOR.unpack(self._at(end - _END_64_LOCATOR.size, _END_64_LOCATOR.size))
            if signature == b"PK\x06\x07":
                end -= _END_64_LOCATOR.size + _END_64.size
                if end < 0:
                    raise UnreadableError("the zip64 end record is cut off: save or download the file again")
                signature, _, _, _, disk, first_disk, here, count, size, offset = _END_64.unpack(
                    self._at(end, _END_64.size)
                )
                if signature != b"PK\x06\x06" or end_64 > end:
                    raise UnreadableError("the zip64 end record is missing: save the model again")
        if disk or first_disk or here != count:
            raise UnreadableError("a zip archive in several parts: join the parts first; Keras writes one part")
        return count, size, offset, end

    def _entries(self, directory: bytes, count: int, shift: int) -> list[_Entry]:
        entries: list[_Entry] = []
        position = 0
        for _ in range(count):
            if position + _CENTRAL.size > len(directory):
                break
            fields = _CENTRAL.unpack_from(directory, position)
            (signature, made_by, _, flags, method, _, _, crc, stored, size, name_size, extra_size, comment_size) = (
                fields[:13]
            )
            attributes, offset = fields[15:17]
            self.limits.check("zip_name_bytes", name_size, "bytes in the name of a zip member")
            position += _CENTRAL.size
            raw_name = directory[position : position + name_size]
            extra = directory[position + name_size : position + name_size + extra_size]
            position += name_size + extra_size + comment_size
            if signature != b"PK\x01\x02" or position > len(directory):
                break
            name = raw_name.decode("utf-8" if flags & _UTF8 else "cp437", "replace")
            if "\0" in name or _has_second_name(extra):
                self.problems.append(
                    f"the zip member {quoted(name)} has two names; which one is used depends on the reader"
                )
                name = name.partition("\0")[0]
            if flags & _ENCRYPTED:
                raise UnreadableError(
                    f"the zip member {quoted(name)} is encrypted: Keras cannot read it; save it without a password"
                )
            if method not in (_STORED, _DEFLATED):
                raise UnreadableError(
                    f"the zip member {quoted(name)} is compressed by method {method}, expected 0 (stored) or "
                    "8 (deflate): save the model again with Keras"
                )
            stored, size, offset = _zip64(extra, name, stored, size, offset)
            if method == _STORED and stored != size:
                raise UnreadableError(
                    f"the zip member {quoted(name)} is stored, but declares {stored:,} bytes stored and {size:,} "
                    "unpacked: the archive is damaged or crafted"
                )
            if size > self.limits.zip_ratio_from_bytes and size > stored * self.limits.zip_ratio:
                raise self.limits.exceeded(
                    "zip_ratio", f"{quoted(name)}, unpacking {stored:,} bytes to {size:,} bytes,"
                )
            if method == _DEFLATED:
                self.limits.check("zip_member_bytes", size, f"{quoted(name)}, bytes")
            if made_by >> 8 == 3 and stat.S_ISLNK(attributes >> 16):
                self._escapes(f"the zip member {quoted(name)} is a symbolic link")
            entries.append(
                _Entry(
                    Member(name, method, crc, stored_size=stored, size=size, start=0),
                    raw_name,
                    flags,
                    offset=offset + shift,
                )
            )
        if len(entries) != count or position != len(directory):
            raise UnreadableError(
                f"the zip directory declares {count:,} members in {len(directory):,} bytes and contains "
                f"{len(entries):,} "
                f"in {position:,}: the archive is damaged or crafted"
            )
        return entries

    def _check_local_header(self, entry: _Entry, directory: int) -> tuple[int, int]:
        """Compare the local header with the directory, record the member, and return its size in bytes."""
        member, offset = entry.member, entry.offset
        shown = quoted(member.name)
        if offset + _LOCAL.size > directory:
            raise UnreadableError(f"the zip member {shown} lies outside the archive: it is damaged or crafted")
        header = self._at(offset, _LOCAL.size)
        signature, _, flags, method, _, _, crc, stored, size, name_size, extra_size = _LOCAL.unpack(header)
        if signature != b"PK\x03\x04":
            raise UnreadableError(f"no header where the zip member {shown} begins: the archive is damaged")
        rest = self._at(offset + _LOCAL.size, name_size + extra_size)
        if rest[:name_size] != entry.raw_name:
            local = rest[:name_size].decode("utf-8" if flags & _UTF8 else "cp437", "replace")
            raise UnreadableError(
                f"the zip directory calls a member {shown}, its local header {quoted(local)}: the archive is crafted "
                "to "
                "show two readers two models"
            )
        start = offset + _LOCAL.size + name_size + extra_size
        finish = start + member.stored_size
        stored, size, _ = _zip64(rest[name_size:], member.name, stored, size, 0)
        described = bool(flags & _DESCRIPTOR)
        same = (crc, stored, size) == (member.crc, member.stored_size, member.size)
        if method != member.method or (flags ^ entry.flags) & (_ENCRYPTED | _DESCRIPTOR) or not (same or described):
            raise UnreadableError(
                f"the zip directory and the header of {shown} disagree about size, checksum or compression: "
                "the archive is damaged or crafted"
            )
        if finish > directory:
            raise UnreadableError(
                f"the zip member {shown} declares {member.stored_size:,} bytes, more than the archive holds: it is "
                "truncated or crafted"
            )
        if described and not same and (stored, size) != (0, 0):
            self.problems.append(f"the zip directory and the header of {shown} disagree about its size")
        if described:
            finish += self._descriptor_size(member, finish, directory)
        self.members[member.name] = Member(
            member.name, member.method, member.crc, stored_size=member.stored_size, size=member.size, start=start
        )
        return offset, finish

    def _descriptor_size(self, member: Member, position: int, directory: int) -> int:
        """Bytes of the record after the data that repeats checksum and sizes; 0 if there is none."""
        after = self._at(position, min(24, directory - position))
        for signature in (b"PK\x07\x08", b""):
            for layout in ("<LLL", "<LQQ"):
                try:
                    record = signature + struct.pack(layout, member.crc, member.stored_size, member.size)
                except struct.error:
                    continue
                if after.startswith(record):
                    return len(record)
        return 0

    def _check_names(self, members: list[Member]) -> None:
        seen: dict[str, list[str]] = {}
        found: list[str] = []
        for member in members:
            seen.setdefault(_folded(member.name), []).append(member.name)
            parts = re.split(r"[/\\]", member.name)
            if ".." in parts or parts[0] == "" or _DRIVE.match(member.name):
                found.append(f"the zip member {quoted(member.name)} would be unpacked outside its directory")
                self.escaping.add(found[-1])
            elif "\\" in member.name:
                found.append(f"the zip member {quoted(member.name)} has a backslash in its name")
            elif not member.name.isprintable():
                found.append(f"the zip member {quoted(member.name)} has invisible characters in its name")
            elif "." in parts or "" in parts[:-1] or any(part != part.rstrip(" .") for part in parts):
                found.append(f"the zip member {quoted(member.name)} gets another name when it is unpacked")
        for names in seen.values():
            if len(names) == 1:
                continue
            if len(set(names)) == 1:
                found.append(f"the zip archive contains {quoted(names[0])} {len(names)} times; Keras reads the last")
            else:
                shown = ", ".join(quoted(name) for name in dict.fromkeys(names))
                found.append(f"the zip members {shown} differ only in case or accents; one may hide the other")
        self.problems += found[:_MOST_PROBLEMS]
        if len(found) > _MOST_PROBLEMS:
            self.problems.append(f"{len(found) - _MOST_PROBLEMS:,} more names in the zip archive have such problems")


@dataclass(frozen=True, slots=True)
class _Entry:
    member: Member
    raw_name: bytes
    flags: int
    _: KW_ONLY
    offset: int


class MemberView(io.RawIOBase):
    """One member of a zip archive as a separate file, read in place.

    It has no ``fileno``, so nothing maps the whole archive. What is read sequentially from the beginning, with gaps of
    up to 64 KiB, is added to a running checksum; `verify` reads only the rest. After `read_in_one_pass`, gaps of any
    size are.
    """

    def __init__(self, file: IO[bytes], start: int, size: int, name: str, crc: int, checked: int = 0) -> None:
        super().__init__()
        self.name = name
        self.size = size
        self._file = file
        self._start = start
        self._position = 0
        self._crc = crc
        self._checked = checked
        self._running = 0 if checked == 0 else crc
        self._gap = _GAP
        self._read = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, all the rest if negative; fewer only at the end."""
        remaining = max(0, self.size - self._position)
        size = remaining if size is None or size < 0 else min(size, remaining)
        if not size:
            return b""
        self._file.seek(self._start + self._position)
        data = self._file.read(size)
        self._advance(memoryview(data))
        return data

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        target = memoryview(buffer).cast("B")
        size = min(len(target), max(0, self.size - self._position))
        self._file.seek(self._start + self._position)
        count: int = self._file.readinto(target[:size])  # type: ignore[attr-defined]
        self._advance(target[:count])
        return count

    def prefetch(self, positions: list[int]) -> None:
        """Tell a file that is far away what will be read."""
        fetch = getattr(self._file, "prefetch", None)
        if fetch is not None:
            fetch([self._start + position for position in positions if position < self.size])

    def _advance(self, data: memoryview) -> None:
        begin = self._position
        self._position += len(data)
        self._read = True
        if self._checked >= self._position or begin > self._checked + self._gap:
            return
        while begin > self._checked:
            self._file.seek(self._start + self._checked)
            between = self._file.read(min(_BLOCK, begin - self._checked))
            if not between:
                return
            self._running = zlib.crc32(between, self._running)
            self._checked += len(between)
        self._running = zlib.crc32(data[self._checked - begin :], self._running)
        self._checked = self._position

    def read_in_one_pass(self) -> None:
        """From now on add whatever is read to the checksum, with all that lies before it and was not read."""
        self._gap = self.size
        self._read = False

    def finish(self) -> None:
        """`verify`, if anything was read since `read_in_one_pass`.

        Raises:
            UnreadableError: the content is not what the archive declares.
        """
        if self._read:
            self.verify()

    def verify(self) -> None:
        """Read what was not yet read sequentially and compare the checksum.

        Raises:
            UnreadableError: the content is not what the archive declares.
        """
        before = self._position
        buffer = bytearray(min(_BLOCK, max(1, self.size - self._checked)))
        self._position = self._checked
        while self._checked < self.size:
            if not self.readinto(buffer):
                raise UnreadableError(f"{quoted(self.name)} is truncated: save or download the file again")
        self._position = before
        if self._running != self._crc:
            raise bad_checksum(self.name)


def open_regular(path: str | os.PathLike[str] | StoredObject) -> io.RawIOBase:
    """Open a regular file for reading, unbuffered.

    Raises:
        UnreadableError: there is none, it may not be read, or it is a directory, device, pipe or socket.
    """
    if isinstance(path, StoredObject):
        return path.open()
    shown = repr(os.fspath(path))
    try:
        found = Path(path).stat()
        if not stat.S_ISREG(found.st_mode):
            raise UnreadableError(f"{shown} is a {_kind(found.st_mode)}: expected a regular file")
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise UnreadableError(f"no file {shown}: check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableError(f"cannot open {shown}: {reason}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableError(f"{shown} changed while it was opened: expected a regular file")
    return _OwnedFile(descriptor, "rb")


class _OwnedFile(io.FileIO):
    """Closes the file when the last reader of a weight is gone, which no ``with`` block outlives."""

    def __del__(self) -> None:
        self.close()


def bad_checksum(name: str) -> UnreadableError:
    """The error for a member whose content changed after it was written."""
    return UnreadableError(
        f"{quoted(name)} does not match its checksum: the file is damaged; save or download it again"
    )


def _kind(mode: int) -> str:
    for test, name in (
        (stat.S_ISDIR, "directory"),
        (stat.S_ISFIFO, "named pipe"),
        (stat.S_ISCHR, "device"),
        (stat.S_ISBLK, "device"),
        (stat.S_ISSOCK, "socket"),
    ):
        if test(mode):
            return name
    return "special file"


def _extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        yield kind, extra[position + 4 : position + 4 + length]
        position += 4 + length


def _has_second_name(extra: bytes) -> bool:
    return any(kind == _UNICODE_PATH for kind, _ in _extra_fields(extra))


def _zip64(extra: bytes, name: str, stored: int, size: int, offset: int) -> tuple[int, int, int]:
    """Replace sizes and offset that do not fit into 32 bits with those of the zip64 extra field."""
    data = next((data for kind, data in _extra_fields(extra) if kind == _ZIP64), b"")
    values = [value for (value,) in struct.iter_unpack("<Q", data[: len(data) // 8 * 8])]
    try:
        if size == _MAX_32:
            size = values.pop(0)
        if stored == _MAX_32:
            stored = values.pop(0)
        if offset == _MAX_32:
            offset = values.pop(0)
    except IndexError:
        raise UnreadableError(
            f"the zip member {quoted(name)} is marked as larger than 4 GiB without its size: it is damaged"
        ) from None
    return stored, size, offset


def _folded(name: str) -> str:
    """A name as it is to systems that ignore case and the form of accents."""
    return name.casefold() if name.isascii() else unicodedata.normalize("NFKC", name).casefold()
