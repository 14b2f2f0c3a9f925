"""The skeleton of an HDF5 file: superblock, object headers, links and heaps, read within a budget.

What h5py writes for Keras (superblock 0, symbol tables, version 1 and 2 headers) is parsed here, because these are few
structures and importing pyfive alone takes longer than reading them. Rare structures (dense groups and attributes) are
left to pyfive. See the HDF5 File Format Specification 3.0; section numbers are given.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from types import TracebackType
from typing import Any, NamedTuple, Protocol

from graphlint.errors import GraphlintError, UnreadableError, quoted
from graphlint.sources.limits import Limits

SIGNATURE = b"\x89HDF\r\n\x1a\n"
UNDEFINED = 0xFFFFFFFFFFFFFFFF
DATASPACE, LINK_INFO, DATATYPE, FILL, LINK, EXTERNAL = 0x1, 0x2, 0x3, 0x5, 0x6, 0x7
LAYOUT, ATTRIBUTE, CONTINUATION, SYMBOL_TABLE, ATTRIBUTE_INFO = 0x8, 0xC, 0x10, 0x11, 0x15
HARD, SOFT, EXTERNAL_LINK = 0, 1, 64
_SHARED = 0x2
_LEAST_READ = 64
_PAGE = 1 << 13
_MOST_PAGES = 64
_LONGEST_NAME = 1 << 16
_MOST_MESSAGES = 1 << 16


class BinaryFile(Protocol):
    """What a file has to provide: a regular one, opened unbuffered, a view into an archive, or bytes in memory."""

    def seek(self, offset: int, whence: int = 0, /) -> int: ...

    def tell(self) -> int: ...

    def read(self, size: int = -1, /) -> bytes: ...


class Reader:
    """Reads structure by address, counted from the start of the HDF5 data, with a budget of bytes.

    The budget stops every index that refers to itself, or repeatedly to one block.
    """

    def __init__(self, file: BinaryFile, base: int, size: int, limits: Limits) -> None:
        self.size = size - base
        self._file = file
        self._base = base
        self._position = 0
        self._limits = limits
        self._pages: dict[int, bytes] = {}
        self._budget = min(limits.hdf5_metadata_bytes, (16 << 20) + 4 * size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """For pyfive."""
        self._position = offset
        return offset

    def tell(self) -> int:
        """For pyfive."""
        return self._position

    def read(self, size: int = -1) -> bytes:
        """For pyfive."""
        data = self.structure(self._position, self.size if size < 0 else size)
        self._position += len(data)
        return data

    def prefetch(self, addresses: list[int]) -> None:
        """Tell a file that is far away what will be read."""
        fetch = getattr(self._file, "prefetch", None)
        if fetch is not None:
            fetch([self._base + address for address in addresses])

    def structure(self, address: int, size: int) -> bytes:
        """Up to ``size`` bytes of structure. Structures are mostly small and adjacent, so they are read in pages.

        Raises:
            LimitError: the budget is used up.
        """
        page, at = divmod(address, _PAGE)
        if at + size <= _PAGE:
            if page not in self._pages:
                if len(self._pages) == _MOST_PAGES:
                    self._pages.clear()
                self._pages[page] = self.numbers(page * _PAGE, _PAGE)
            data = self._pages[page][at : at + size]
        else:
            data = self.numbers(address, size)
        self.spend(max(_LEAST_READ, len(data)))
        return data

    def spend(self, size: int) -> None:
        """Count bytes that were read, or read again, against the budget.

        Raises:
            LimitError: it is used up.
        """
        self._budget -= size
        if self._budget < 0:
            raise self._limits.exceeded("hdf5_metadata_bytes", "the structure of the HDF5 file, read repeatedly,")

    def unpack(self, layout: struct.Struct, address: int) -> tuple[Any, ...]:
        """One structure at an address."""
        return layout.unpack(self.structure(address, layout.size))

    def numbers(self, address: int, size: int) -> bytes:
        """Up to ``size`` bytes of the values of a dataset; these do not count against the budget."""
        size = min(size, self.size - address)
        if size <= 0:
            return b""
        self._file.seek(self._base + address)
        return self._file.read(size)


class Message(NamedTuple):
    """One message of an object header (IV.A.2)."""

    kind: int
    flags: int
    data: bytes


class Header(NamedTuple):
    """An object header: its address and messages in order."""

    address: int
    messages: list[Message]

    def has(self, kind: int) -> bool:
        """Whether there is a message of a kind."""
        return any(message.kind == kind for message in self.messages)

    def first(self, kind: int) -> bytes:
        """The first message of a kind.

        Raises:
            UnreadableError: there is none, or it is shared between objects.
        """
        for message in self.messages:
            if message.kind == kind:
                if message.flags & _SHARED:
                    raise UnreadableError("a type or shape that is shared between datasets, which Keras never writes")
                return message.data
        raise UnreadableError(f"an object header has no message of type {kind}: the file is damaged; save it again")

    @property
    def is_dataset(self) -> bool:
        return self.has(DATASPACE)

    @property
    def is_group(self) -> bool:
        return any(message.kind in (SYMBOL_TABLE, LINK_INFO, LINK) for message in self.messages)


class Link(NamedTuple):
    """A named link: ``target`` is an address for a hard link, text for any other ``kind``."""

    name: str
    kind: int
    target: Any


class _Superblock(NamedTuple):
    base: int
    end: int
    root: int


class translated:
    """Turns any exception of pyfive, struct or numpy on a damaged file into one line that says what cannot be read.

    Raises:
        UnreadableError: instead of any exception that is not one of graphlint.
    """

    __slots__ = ("_name", "_what")

    def __init__(self, what: str, name: str | None = None) -> None:
        self._what = what
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not isinstance(error, Exception) or isinstance(error, GraphlintError):
            return
        what = self._what if self._name is None else f"{self._what} {quoted(self._name)}"
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UnreadableError(
            f"{what} cannot be read ({reason[:100]}): the file is damaged or crafted; save or download it again"
        ) from error


def read_superblock(reader: Reader) -> _Superblock:
    """Base address, end of file and address of the root group (II.A).

    Raises:
        UnreadableError: its version, or the width of its addresses, is one that h5py does not write.
    """
    head = reader.structure(0, 96)
    version = head[8]
    if version in (0, 1):
        offsets, lengths = head[13], head[14]
        more = 4 * version
        base, _, end, _ = struct.unpack_from("<4Q", head, 24 + more)
        (root,) = struct.unpack_from("<Q", head, 64 + more)
    elif version in (2, 3):
        offsets, lengths = head[9], head[10]
        base, _, end, root = struct.unpack_from("<4Q", head, 12)
    else:
        raise UnreadableError(f"HDF5 of superblock version {version}: expected 0 to 3; save the model again with Keras")
    if (offsets, lengths) != (8, 8):
        raise UnreadableError(f"HDF5 with addresses of {offsets} bytes: expected 8; save the model again with Keras")
    return _Superblock(base, end, root)


# -- object headers (IV.A.1) ------------------------------------------------------------------------------------

_HEADER_1 = struct.Struct("<BxHII4x")
_MESSAGE_1 = struct.Struct("<HHB3x")
_MESSAGE_2 = struct.Struct("<BHB")


def read_header(reader: Reader, address: int) -> Header:
    """The messages of an object, its continuation blocks included.

    Raises:
        UnreadableError: there is no object header at the address.
    """
    start = reader.structure(address, 64)
    if start[:4] == b"OHDR":
        return Header(address, _header_2(reader, address, start))
    if start[:1] == b"\x01":
        return Header(address, _header_1(reader, address, start))
    raise UnreadableError(f"no object header at byte {address:,}: the file is damaged or crafted; save it again")


def _header_1(reader: Reader, address: int, start: bytes) -> list[Message]:
    _, count, _, size = _HEADER_1.unpack_from(start)
    messages: list[Message] = []
    for block in _blocks(reader, address + _HEADER_1.size, size, messages):
        at = 0
        while at + _MESSAGE_1.size <= len(block) and len(messages) < count:
            kind, length, flags = _MESSAGE_1.unpack_from(block, at)
            at += _MESSAGE_1.size
            messages.append(Message(kind, flags, block[at : at + length]))
            at += length
    return messages


def _header_2(reader: Reader, address: int, start: bytes) -> list[Message]:
    version, flags = start[4], start[5]
    if version != 2:
        raise UnreadableError(f"an object header of version {version}: expected 1 or 2; the file is damaged")
    at = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    size = int.from_bytes(start[at : at + width], "little")
    order = 2 if flags & 4 else 0
    messages: list[Message] = []
    first = True
    for block in _blocks(reader, address + at + width, size, messages):
        at = 0
        if not first:
            if block[:4] != b"OCHK":
                raise UnreadableError("an object header has no continuation where it declares one: the file is damaged")
            at, block = 4, block[:-4]
        first = False
        while at + _MESSAGE_2.size + order <= len(block):
            kind, length, message_flags = _MESSAGE_2.unpack_from(block, at)
            at += _MESSAGE_2.size + order
            messages.append(Message(kind, message_flags, block[at : at + length]))
            at += length
            if len(messages) > _MOST_MESSAGES:
                raise UnreadableError(f"an object header of more than {_MOST_MESSAGES:,} messages: the file is crafted")
    return messages


def _blocks(reader: Reader, address: int, size: int, messages: list[Message]) -> Iterator[bytes]:
    """The first block of a header, then its continuation blocks, as the messages read so far give them."""
    seen = {address}
    yield reader.structure(address, size)
    done = 0
    while done < len(messages):
        message = messages[done]
        done += 1
        if message.kind == CONTINUATION:
            address, size = struct.unpack_from("<QQ", message.data)
            if address in seen:
                raise UnreadableError("an object header continues in itself: the file is crafted; do not load it")
            seen.add(address)
            yield reader.structure(address, size)


# -- links ------------------------------------------------------------------------------------------------------

_TREE = struct.Struct("<4sBBH16x")
_HEAP = struct.Struct("<4sB3xQ8xQ")
_TABLE = struct.Struct("<4sBxH")
_ENTRY = struct.Struct("<QQI4x16s")


def read_links(reader: Reader, header: Header) -> list[Link]:
    """All links of a group.

    Raises:
        UnreadableError: damaged.
    """
    found: list[Link] = []
    for message in header.messages:
        if message.kind == SYMBOL_TABLE:
            tree, heap = struct.unpack_from("<QQ", message.data)
            found += _symbol_table(reader, tree, heap)
        elif message.kind == LINK:
            found.append(_link(message.data)[1])
        elif message.kind == LINK_INFO:
            heap, names = struct.unpack_from("<QQ", message.data, 2 + 8 * (message.data[1] & 1))
            if heap != UNDEFINED and names != UNDEFINED:
                found += _dense_links(reader, heap, names)
    return found


def _symbol_table(reader: Reader, tree: int, heap: int) -> Iterator[Link]:
    signature, version, size, address = reader.unpack(_HEAP, heap)
    if signature != b"HEAP" or version != 0:
        raise UnreadableError("no name heap where a group declares it: the file is damaged or crafted")
    names = reader.structure(address, size)

    def name(at: int) -> bytes:
        end = names.find(b"\0", at, at + _LONGEST_NAME)
        if end < 0:
            raise UnreadableError("the name of a link has no end: the file is damaged or crafted")
        reader.spend(end - at)
        return names[at:end]

    for table in _leaves(reader, tree):
        signature, version, count = reader.unpack(_TABLE, table)
        if signature != b"SNOD" or version != 1:
            raise UnreadableError("no link table where a group declares it: the file is damaged or crafted")
        entries = reader.structure(table + _TABLE.size, count * _ENTRY.size)
        if len(entries) != count * _ENTRY.size:
            raise UnreadableError("a link table is cut off: the file is truncated; save or download it again")
        for at, target, kind, scratch in _ENTRY.iter_unpack(entries):
            if kind == 2:
                (value,) = struct.unpack_from("<I", scratch)
                yield Link(name(at).decode(), SOFT, name(value).decode(errors="replace"))
            else:
                yield Link(name(at).decode(), HARD, target)


def _leaves(reader: Reader, tree: int) -> Iterator[int]:
    """The addresses that a version 1 B-tree of a group holds (III.A.1)."""
    stack: list[tuple[int, int | None]] = [(tree, None)]
    seen: set[int] = set()
    while stack:
        address, expected = stack.pop()
        signature, kind, level, count = reader.unpack(_TREE, address)
        if signature != b"TREE" or kind != 0 or (expected is not None and level != expected) or address in seen:
            raise UnreadableError("the index of a group is not a tree: the file is damaged or crafted; do not load it")
        seen.add(address)
        keys = reader.structure(address + _TREE.size, 16 * count)
        children = struct.unpack(f"<{2 * count}Q", keys)[1::2]
        if level == 0:
            yield from children
        else:
            stack.extend((child, level - 1) for child in reversed(children))


def _dense_links(reader: Reader, heap: int, names: int) -> list[Link]:
    from pyfive.btree import BTreeV2GroupNames
    from pyfive.misc_low_level import FractalHeap

    dense: Any = FractalHeap(reader, heap)
    records = BTreeV2GroupNames(reader, names).iter_records()
    return [link for _, link in sorted(_link(dense.get_data(record["heapid"])) for record in records)]


def _link(data: bytes) -> tuple[int, Link]:
    """Creation order and content of a link message (IV.A.2.g)."""
    version, flags = data[0], data[1]
    if version != 1:
        raise UnreadableError(f"a link of version {version}: expected 1; the file is damaged")
    at = 2
    kind = order = 0
    if flags & 8:
        kind = data[at]
        at += 1
    if flags & 4:
        (order,) = struct.unpack_from("<Q", data, at)
        at += 8
    if flags & 16:
        at += 1
    width = 1 << (flags & 3)
    size = int.from_bytes(data[at : at + width], "little")
    at += width
    name = data[at : at + size].decode()
    at += size
    if kind == HARD:
        return order, Link(name, kind, struct.unpack_from("<Q", data, at)[0])
    (size,) = struct.unpack_from("<H", data, at)
    return order, Link(name, kind, data[at + 2 : at + 2 + size].decode(errors="replace"))


# -- attributes and the global heap -----------------------------------------------------------------------------

_COLLECTION = struct.Struct("<4sB3xQ")
_OBJECT = struct.Struct("<HH4xQ")


def read_attribute_messages(reader: Reader, header: Header) -> Iterator[bytes | None]:
    """The attributes of an object, as messages; None for one that is shared with other objects and kept elsewhere.

    Raises:
        UnreadableError: damaged.
    """
    for message in header.messages:
        if message.kind == ATTRIBUTE:
            yield None if message.flags & _SHARED else message.data
        elif message.kind == ATTRIBUTE_INFO:
            heap, names = struct.unpack_from("<QQ", message.data, 2 + 2 * (message.data[1] & 1))
            if heap != UNDEFINED and names != UNDEFINED:
                yield from _dense_attributes(reader, heap, names)


def _dense_attributes(reader: Reader, heap: int, names: int) -> Iterator[bytes]:
    from pyfive.btree import BTreeV2AttrNames
    from pyfive.misc_low_level import FractalHeap

    dense: Any = FractalHeap(reader, heap)
    for record in BTreeV2AttrNames(reader, names).iter_records():
        yield dense.get_data(record["heapid"])


class GlobalHeap:
    """The variable-length values of a file (III.E), each collection read once."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._collections: dict[int, dict[int, bytes]] = {}

    def get(self, address: int, index: int) -> bytes:
        """One value; empty for the null address.

        Raises:
            UnreadableError: damaged, or not there.
        """
        if address == 0:
            return b""
        if address not in self._collections:
            self._collections[address] = self._read(address)
        try:
            return self._collections[address][index]
        except KeyError:
            raise UnreadableError("a string is not where an attribute points to: the file is damaged") from None

    def _read(self, address: int) -> dict[int, bytes]:
        signature, version, size = self._reader.unpack(_COLLECTION, address)
        if signature != b"GCOL" or version != 1:
            raise UnreadableError("no string heap where an attribute points to: the file is damaged or crafted")
        data = self._reader.structure(address + _COLLECTION.size, size - _COLLECTION.size)
        found: dict[int, bytes] = {}
        at = 0
        while at + _OBJECT.size <= len(data):
            index, _, length = _OBJECT.unpack_from(data, at)
            if index == 0:
                break
            at += _OBJECT.size
            if at + length > len(data):
                raise UnreadableError(
                    f"a string of {length:,} bytes in a heap of {len(data):,} bytes: the file is damaged or crafted"
                )
            found[index] = data[at : at + length]
            at += -(-length // 8) * 8
        return found
