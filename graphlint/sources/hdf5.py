"""Read an HDF5 file that somebody else wrote: the one place that knows pyfive.

pyfive is used below its file-like surface: object headers, B-trees and heaps are its work; which links are followed,
how much is read, and where the numbers are, is decided here. Every exception of pyfive becomes an `UnreadableError`.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from graphlint.errors import GraphlintError, UnreadableError
from graphlint.sources.limits import DEFAULT, Limits

if TYPE_CHECKING:
    import numpy as np
    from pyfive.dataobjects import DataObjects

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_BLOCK = 1 << 20
_UNDEFINED = 0xFFFFFFFFFFFFFFFF
_DATASPACE, _LINK_INFO, _DATATYPE, _LINK, _EXTERNAL = 0x1, 0x2, 0x3, 0x6, 0x7
_LAYOUT, _FILTERS, _ATTRIBUTE, _SYMBOL_TABLE, _ATTRIBUTE_INFO = 0x8, 0xB, 0xC, 0x11, 0x15
_SHARED = 0x2
_COMPACT, _CONTIGUOUS, _CHUNKED, _VIRTUAL = range(4)
_GZIP, _SHUFFLE, _FLETCHER32 = 1, 2, 3
_SOFT_LINK, _EXTERNAL_LINK = 1, 64


class BinaryFile(Protocol):
    """What is needed of a file: a regular one, opened unbuffered, a view into an archive, or bytes in memory."""

    def seek(self, offset: int, whence: int = 0, /) -> int: ...

    def tell(self) -> int: ...

    def read(self, size: int = -1, /) -> bytes: ...


class Hdf5File:
    """An HDF5 file, its whole structure listed on opening; numbers and attributes are read on demand.

    ``file`` is a readable, seekable binary file object; it stays open as long as numbers are to be read. ``root`` is
    the root group. ``problems`` are messages about what is readable but suspicious; more may come as attributes are
    read.

    Raises:
        UnreadableError: no HDF5, truncated, damaged, or of a kind that Keras never writes.
        LimitError: more objects, nesting or structure than the limits.
    """

    def __init__(self, file: BinaryFile, limits: Limits = DEFAULT) -> None:
        self.limits = limits
        self.problems: list[str] = []
        self._file = file
        self._declared = 0
        self._attribute_bytes = 0
        self._heaps: dict[int, Any] = {}
        with _translated("the HDF5 file"):
            file.seek(0, 2)
            self.size = file.tell()
            self._reader, root = self._find_root()
            self.root = self._walk(root)

    @property
    def groups(self) -> Iterator[Group]:
        """Every group, parents first, in the order of the file."""
        stack = [self.root]
        while stack:
            group = stack.pop()
            yield group
            stack.extend(reversed(group.groups.values()))

    @property
    def datasets(self) -> Iterator[Dataset]:
        """Every dataset, group by group."""
        for group in self.groups:
            yield from group.datasets.values()

    def _find_root(self) -> tuple[_Reader, int]:
        from pyfive.misc_low_level import SuperBlock

        start = 0
        while start + 8 <= self.size:
            self._file.seek(start)
            if self._file.read(8) == SIGNATURE:
                break
            start = max(512, 2 * start)
        else:
            raise UnreadableError("not an HDF5 file (no signature): save or download it again")
        if start:
            self.problems.append(f"{start:,} bytes stand in front of the HDF5 data; another program may read them")
        reader = _Reader(self._file, start, self.size, self.limits)
        superblock: Any = SuperBlock(reader, 0)
        declared = superblock._contents["end_of_file_address"] - superblock._contents["base_address"]
        if declared > reader.size:
            raise UnreadableError(
                f"the HDF5 file is truncated: it holds {reader.size:,} of {declared:,} bytes; save or download it again"
            )
        return reader, int(superblock.offset_to_dataobjects)

    def _walk(self, address: int) -> Group:
        """List all groups and datasets, each object once, without recursion."""
        root = Group(self, "", self._open(address, "the root group"))
        if _messages(root._header, _DATASPACE):
            raise UnreadableError("the HDF5 root is no group: the file is damaged or crafted; save it again")
        known: dict[int, Group | Dataset] = {address: root}
        stack: list[tuple[Group, int]] = [(root, 0)]
        count = 1
        while stack:
            group, depth = stack.pop()
            self.limits.check("hdf5_depth", depth, f"{_shown(group.path)}, depth")
            for name, kind, target in self._links(group):
                count += 1
                self.limits.check("hdf5_objects", count, "groups and datasets in the HDF5 file")
                path = f"{group.path}/{name}" if group.path else name
                if "/" in name or "\0" in name or name in ("", ".", ".."):
                    self.problems.append(f"an HDF5 object is named {_shown(name)}, which is no name but a path")
                    continue
                if kind != 0:
                    self.problems.append(_link_problem(path, kind, target))
                    continue
                before = known.get(target)
                if before is not None:
                    self.problems.append(
                        f"the HDF5 objects {_shown(path)} and {_shown(before.path or '/')} are one object under two "
                        "names, which Keras never writes"
                    )
                    if isinstance(before, Dataset):
                        group.datasets[name] = before
                    continue
                header = self._open(target, _shown(path))
                if _messages(header, _DATASPACE):
                    known[target] = group.datasets[name] = Dataset(self, path, header)
                elif _is_group(header):
                    known[target] = inside = group.groups[name] = Group(self, path, header)
                    stack.append((inside, depth + 1))
        return root

    def _open(self, address: int, what: str) -> DataObjects:
        from pyfive.dataobjects import DataObjects

        with _translated(what):
            return DataObjects(self._reader, address, global_heaps=self._heaps)

    def _links(self, group: Group) -> list[tuple[str, int, Any]]:
        """``(name, kind, target)`` of every link in a group: kind 0 is a hard link with its address."""
        from pyfive.btree import BTreeV1Groups, BTreeV2GroupNames
        from pyfive.misc_low_level import FractalHeap, Heap, SymbolTable

        header: Any = group._header
        found: list[tuple[str, int, Any]] = []
        with _translated(f"the HDF5 group {_shown(group.path)}"):
            for message in header.msgs:
                start = message["offset_to_message"]
                if message["type"] == _SYMBOL_TABLE:
                    tree_address, heap_address = struct.unpack_from("<QQ", header.msg_data, start)
                    tree: Any = BTreeV1Groups(self._reader, tree_address)
                    heap: Any = Heap(self._reader, heap_address)
                    for table_address in tree.symbol_table_addresses():
                        table: Any = SymbolTable(self._reader, table_address)
                        for entry in table.entries:
                            name = heap.get_object_name(entry["link_name_offset"]).decode("utf-8")
                            if entry["cache_type"] == 2:
                                (at,) = struct.unpack_from("<I", entry["scratch"])
                                target = heap.get_object_name(at).decode("utf-8", "replace")
                                found.append((name, _SOFT_LINK, target))
                            else:
                                found.append((name, 0, entry["object_header_address"]))
                elif message["type"] == _LINK:
                    found.append(_parse_link(header.msg_data, start)[1:])
                elif message["type"] == _LINK_INFO:
                    flags = header.msg_data[start + 1]
                    heap_address, names = struct.unpack_from("<QQ", header.msg_data, start + 2 + 8 * (flags & 1))
                    if heap_address == _UNDEFINED or names == _UNDEFINED:
                        continue
                    dense: Any = FractalHeap(self._reader, heap_address)
                    links = [
                        _parse_link(dense.get_data(record["heapid"]), 0)
                        for record in BTreeV2GroupNames(self._reader, names).iter_records()
                    ]
                    found.extend(link[1:] for link in sorted(links, key=lambda link: (link[0], link[1])))
            return found

    def _read_attributes(self, header: Any, what: str) -> dict[str, Any]:
        from pyfive.btree import BTreeV2AttrNames
        from pyfive.misc_low_level import FractalHeap

        attributes: dict[str, Any] = {}
        with _translated(f"the attributes of {what}"):
            for message in header.msgs:
                start = message["offset_to_message"]
                if message["type"] == _ATTRIBUTE and not message["flags"] & _SHARED:
                    self._read_attribute(header, header.msg_data, start, what, attributes)
                elif message["type"] == _ATTRIBUTE_INFO:
                    flags = header.msg_data[start + 1]
                    heap_address, names = struct.unpack_from("<QQ", header.msg_data, start + 2 + 2 * (flags & 1))
                    if heap_address == _UNDEFINED or names == _UNDEFINED:
                        continue
                    heap: Any = FractalHeap(self._reader, heap_address)
                    for record in BTreeV2AttrNames(self._reader, names).iter_records():
                        self._read_attribute(header, heap.get_data(record["heapid"]), 0, what, attributes)
        return attributes

    def _read_attribute(self, header: Any, data: bytes, at: int, what: str, attributes: dict[str, Any]) -> None:
        version, flags, name_size, type_size, space_size = struct.unpack_from("<BBHHH", data, at)
        if version not in (1, 2, 3) or (version > 1 and flags & 3):
            raise UnreadableError(f"an attribute of {what} is of version {version}, which Keras never writes")
        at += 9 if version == 3 else 8
        name = data[at : at + name_size].partition(b"\0")[0].decode("utf-8")
        pad = 8 if version == 1 else 1
        at += -(-name_size // pad) * pad
        kind = _Type.parse(data, at)
        at += -(-type_size // pad) * pad
        shape = _shape(data, at)
        at += -(-space_size // pad) * pad
        if shape is None:
            attributes[name] = None
            return
        count = math.prod(shape)
        self._count_attribute(count * kind.size, f"{what}, attribute {_shown(name)}")
        if kind.name == "vlen":
            values: Any = []
            for index in range(count):
                _, part = header._vlen_size_and_data(data, at + 16 * index)
                size = struct.unpack_from("<I", data, at + 16 * index)[0]
                self._count_attribute(size, f"{what}, attribute {_shown(name)}")
                values.append(None if part is None else _text(part[:size]))
        elif kind.numpy is None:
            attributes[name] = None
            return
        else:
            import numpy as np

            array = np.frombuffer(data, kind.numpy, count, at)
            values = [_text(item) for item in array.tolist()] if kind.name == "string" else array.tolist()
        if shape == ():
            attributes[name] = values[0]
        else:
            attributes[name] = values

    def _count_attribute(self, size: int, what: str) -> None:
        self._attribute_bytes += size
        self.limits.check("hdf5_attribute_bytes", self._attribute_bytes, f"{what}: bytes of attributes")


@dataclass(eq=False, slots=True)
class Group:
    """One group. ``path`` has no leading slash; the root's is empty."""

    file: Hdf5File = field(repr=False)
    path: str
    _header: Any = field(repr=False)
    groups: dict[str, Group] = field(default_factory=dict, repr=False)
    datasets: dict[str, Dataset] = field(default_factory=dict, repr=False)
    _attributes: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes as plain Python: text, numbers, and flat lists of them; None where the type is another.

        Raises:
            UnreadableError: damaged.
            LimitError: more bytes than the limits.
        """
        if self._attributes is None:
            self._attributes = self.file._read_attributes(self._header, _shown(self.path or "/"))
        return self._attributes

    def find(self, path: str) -> Group | Dataset | None:
        """The group or dataset at a path below this one, or None."""
        group = self
        parts = [part for part in path.split("/") if part]
        for index, part in enumerate(parts):
            if part in group.groups:
                group = group.groups[part]
            elif part in group.datasets and index == len(parts) - 1:
                return group.datasets[part]
            else:
                return None
        return group


class Dataset:
    """One dataset: shape, dtype (Keras's names) and, where the file really holds them, its numbers.

    ``stored`` says whether the numbers can be read; where not, and that is suspicious, the file's problems say why.
    """

    __slots__ = (
        "_attributes",
        "_compact",
        "_header",
        "_layout",
        "_offset",
        "_type",
        "dtype",
        "file",
        "nbytes",
        "path",
        "shape",
        "stored",
    )

    def __init__(self, file: Hdf5File, path: str, header: DataObjects) -> None:
        self.file = file
        self.path = path
        self._header: Any = header
        self._attributes: dict[str, Any] | None = None
        self._compact = b""
        self._offset = _UNDEFINED
        self._layout = _CONTIGUOUS
        with _translated(f"the HDF5 dataset {_shown(path)}"):
            self._type = _Type.parse(header.msg_data, _message(header, _DATATYPE))
            shape = _shape(header.msg_data, _message(header, _DATASPACE))
            self.shape: tuple[int, ...] = shape or ()
            file.limits.check("hdf5_rank", len(self.shape), f"{_shown(path)}, dimensions")
            self.nbytes = self._type.size * math.prod(self.shape) if shape is not None else 0
            self.dtype = self._type.name
            if self._type.name == "void16" and self.attributes.get("dtype") == "bfloat16":
                self._type = _BFLOAT16
                self.dtype = "bfloat16"
            self.stored = self._find_storage()

    def __repr__(self) -> str:
        return f"Dataset({self.path!r}, shape={self.shape}, dtype={self.dtype!r})"

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes, as for `Group.attributes`."""
        if self._attributes is None:
            self._attributes = self.file._read_attributes(self._header, _shown(self.path))
        return self._attributes

    def read(self) -> np.ndarray:
        """All numbers. bfloat16 comes as float32.

        Raises:
            UnreadableError: not stored in this file, or damaged.
        """
        import numpy as np

        parts = list(self.chunks())
        if len(parts) == 1:
            return parts[0].reshape(self.shape)
        if not parts:
            return np.empty(self.shape, self._numpy)
        return np.concatenate(parts).reshape(self.shape)

    def chunks(self) -> Iterator[np.ndarray]:
        """The numbers as flat arrays of about 1 MiB, row by row. bfloat16 comes as float32.

        Raises:
            UnreadableError: not stored in this file, or damaged.
        """
        import numpy as np

        if not self.stored:
            raise UnreadableError(f"the numbers of {_shown(self.path)} are not stored in this file")
        if not self.nbytes:
            return
        if self._layout == _CHUNKED:
            with _translated(f"the HDF5 dataset {_shown(self.path)}"):
                for band in self._bands():
                    step = max(1, _BLOCK // self._type.size)
                    flat = band.reshape(-1)
                    for start in range(0, len(flat), step):
                        yield self._widened(flat[start : start + step])
            return
        if self._layout == _COMPACT:
            yield self._widened(np.frombuffer(self._compact[: self.nbytes], self._type.numpy))
            return
        position, end = self._offset, self._offset + self.nbytes
        step = _BLOCK // self._type.size * self._type.size or self._type.size
        while position < end:
            data = self.file._reader.read_at(position, min(step, end - position))
            if not data or len(data) % self._type.size:
                raise UnreadableError(
                    f"the numbers of {_shown(self.path)} are cut off: save or download the file again"
                )
            position += len(data)
            yield self._widened(np.frombuffer(data, self._type.numpy))

    @property
    def _numpy(self) -> Any:
        return "f4" if self._type is _BFLOAT16 else self._type.numpy

    def _widened(self, array: np.ndarray) -> np.ndarray:
        if self._type is not _BFLOAT16:
            return array
        import numpy as np

        return (array.astype(np.uint32) << 16).view(np.float32)

    def _find_storage(self) -> bool:
        """Find where the numbers are; False, with a problem noted, where they are not in this file."""
        header, problems, shown = self._header, self.file.problems, _shown(self.path)
        if _messages(header, _EXTERNAL):
            problems.append(f"the HDF5 dataset {shown} takes its numbers from another file on disk")
            return False
        start = _message(header, _LAYOUT)
        data = header.msg_data
        version = data[start]
        if version in (1, 2):
            self._layout = data[start + 2]
            stored = self.nbytes
            if self._layout == _CONTIGUOUS:
                (self._offset,) = struct.unpack_from("<Q", data, start + 8)
        elif version in (3, 4):
            self._layout = data[start + 1]
            if self._layout == _COMPACT:
                (stored,) = struct.unpack_from("<H", data, start + 2)
                self._compact = data[start + 4 : start + 4 + stored]
                stored = len(self._compact)
            elif self._layout == _CONTIGUOUS:
                self._offset, stored = struct.unpack_from("<QQ", data, start + 2)
            else:
                stored = self.nbytes
        else:
            raise UnreadableError(f"{shown} has a storage layout of version {version}: expected 1 to 4")
        if self._layout == _VIRTUAL:
            problems.append(f"the HDF5 dataset {shown} is virtual: it takes its numbers from other files")
            return False
        if self._type.numpy is None or self._type.name == "string":
            return False
        if not self.nbytes:
            return True
        size, limits = self.file.size, self.file.limits
        self.file._declared += self.nbytes
        if self.file._declared > limits.zip_ratio * size and self.nbytes > limits.zip_ratio_from_bytes:
            self.file._declared -= self.nbytes
            problems.append(
                f"the HDF5 dataset {shown} of shape {self.shape} declares {self.nbytes:,} bytes in a file of {size:,} "
                "bytes: loading it exhausts memory"
            )
            return False
        if self._layout == _CHUNKED:
            return self._find_chunks(version)
        if stored < self.nbytes or (self._layout == _CONTIGUOUS and self._offset == _UNDEFINED):
            held = 0 if self._offset == _UNDEFINED and self._layout == _CONTIGUOUS else stored
            problems.append(f"the HDF5 dataset {shown} declares {self.nbytes:,} bytes and stores {held:,}")
            return False
        if self._layout == _CONTIGUOUS and self._offset + self.nbytes > self.file._reader.size:
            raise UnreadableError(
                f"{shown} lies behind the end of the file: it is truncated or crafted; save or download it again"
            )
        return True

    def _find_chunks(self, version: int) -> bool:
        shown = _shown(self.path)
        if version > 3:
            return False
        chunk = self._header.chunks
        if len(chunk) != len(self.shape) or 0 in chunk:
            raise UnreadableError(f"{shown} has {len(self.shape)} dimensions and chunks of {len(chunk)}: it is damaged")
        filters = {each["filter_id"] for each in self._header.filter_pipeline or ()}
        if not filters <= {_GZIP, _SHUFFLE, _FLETCHER32}:
            return False
        band = math.prod((chunk[0], *self.shape[1:])) * self._type.size
        largest = max(band, math.prod(chunk) * self._type.size)
        if largest > self.file.limits.hdf5_chunk_bytes:
            self.file.problems.append(
                f"the HDF5 dataset {shown} has chunks of {chunk}: reading a row of them takes {largest:,} bytes"
            )
            return False
        return True

    def _bands(self) -> Iterator[np.ndarray]:
        """The dataset in slices along its first axis, one row of chunks each, in order."""
        import numpy as np
        from pyfive.btree import BTreeV1RawDataChunks

        header, chunk = self._header, self._header.chunks
        by_row: dict[int, list[tuple[tuple[int, ...], int, int, int]]] = {}
        if header._chunk_address != _UNDEFINED:
            tree: Any = BTreeV1RawDataChunks(self.file._reader, header._chunk_address, header._chunk_dims)
            for node in tree.all_nodes[0]:
                for key, address in zip(node["keys"], node["addresses"], strict=True):
                    at = key["chunk_offset"][:-1]
                    by_row.setdefault(at[0], []).append((at, address, key["chunk_size"], key["filter_mask"]))
        fill = header.fillvalue if any(message["type"] == 0x5 for message in header.msgs) else 0
        for row in range(0, self.shape[0], chunk[0]):
            rows = min(chunk[0], self.shape[0] - row)
            band = np.full((rows, *self.shape[1:]), fill, self._type.numpy)
            for at, address, size, mask in by_row.get(row, ()):
                block = np.frombuffer(self._unpack(address, size, mask, chunk), self._type.numpy).reshape(chunk)
                area = tuple(
                    slice(start, min(start + step, end))
                    for start, step, end in zip((0, *at[1:]), chunk, band.shape, strict=True)
                )
                band[area] = block[tuple(slice(0, part.stop - part.start) for part in area)]
            yield band

    def _unpack(self, address: int, size: int, mask: int, chunk: tuple[int, ...]) -> bytes:
        from pyfive.btree import BTreeV1RawDataChunks

        expected = math.prod(chunk) * self._type.size
        data = self.file._reader.read_at(address, size)
        pipeline = self._header.filter_pipeline or []
        for index in reversed(range(len(pipeline))):
            if mask & 1 << index:
                continue
            if pipeline[index]["filter_id"] == _GZIP:
                data = zlib.decompressobj().decompress(data, expected + 64)
            else:
                data = BTreeV1RawDataChunks._filter_chunk(data, 0, pipeline[index : index + 1], self._type.size)
        if len(data) != expected:
            raise UnreadableError(
                f"a chunk of {_shown(self.path)} holds {len(data):,} bytes, expected {expected:,}: the file is damaged"
            )
        return data


@dataclass(frozen=True, slots=True)
class _Type:
    """A stored type: Keras's name for it, numpy's code (None: cannot be read as numbers), bytes of one element."""

    name: str
    numpy: str | None
    size: int

    @staticmethod
    def parse(data: bytes, at: int) -> _Type:
        kind, bits, _, _, size = struct.unpack_from("<BBBBI", data, at)
        order = ">" if bits & 1 else "<"
        match kind & 0xF:
            case 0 if size in (1, 2, 4, 8):
                sign = "i" if bits & 8 else "u"
                return _Type(f"{'' if bits & 8 else 'u'}int{8 * size}", f"{order}{sign}{size}", size)
            case 1:
                (exponent,) = struct.unpack_from("<B", data, at + 13)
                if (size, exponent) in ((2, 5), (4, 8), (8, 11)):
                    return _Type(f"float{8 * size}", f"{order}f{size}", size)
                if (size, exponent) == (2, 8) and order == "<":
                    return _BFLOAT16
                return _Type(f"void{8 * size}", None, size)
            case 3:
                return _Type("string", f"S{size}" if size else None, size)
            case 6:
                return _compound(data, at, size)
            case 8:
                base = _Type.parse(data, at + 8)
                names = data[at + 20 : at + 20 + 16]
                if base.size == 1 and names.startswith((b"FALSE\0", b"TRUE\0")):
                    return _Type("bool", "?", 1)
                return base
            case 9 if bits & 0xF in (0, 1):
                return _Type("vlen", None, 16) if bits & 0xF == 1 else _Type("sequence", None, 16)
            case 2 | 4 | 5 | 7 | 10 | 0 | 1:
                return _Type(f"void{8 * size}", None, size)
        raise UnreadableError(
            f"a data type of class {kind & 0xF}, {bits & 0xF}, which is none: the file is damaged or crafted"
        )


def _compound(data: bytes, at: int, size: int) -> _Type:
    from pyfive.datatype_msg import DatatypeMessage

    with _translated("a compound type"):
        dtype = DatatypeMessage(data, at).ptype.dtype
        if dtype.kind == "c":
            return _Type(dtype.name, dtype.str, size)
    return _Type(f"void{8 * size}", None, size)


_BFLOAT16 = _Type("bfloat16", "<u2", 2)


class _Reader:
    """What pyfive reads structure through: addresses from the start of the HDF5 data, with a budget.

    Indexes that point to themselves or to one block many times end here, whatever form they take.
    """

    def __init__(self, file: BinaryFile, base: int, size: int, limits: Limits) -> None:
        self._file = file
        self._base = base
        self.size = size - base
        self._position = 0
        self._limits = limits
        self._budget = min(limits.hdf5_metadata_bytes, (16 << 20) + 4 * size)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset
        return offset

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        remaining = max(0, self.size - self._position)
        size = remaining if size < 0 else min(size, remaining)
        self._budget -= max(64, size)
        if self._budget < 0:
            raise self._limits.exceeded("hdf5_metadata_bytes", "the structure of the HDF5 file, read again and again,")
        data = self.read_at(self._position, size)
        self._position += len(data)
        return data

    def read_at(self, address: int, size: int) -> bytes:
        """Up to ``size`` bytes at an address, without a budget."""
        size = min(size, max(0, self.size - address))
        if size <= 0:
            return b""
        self._file.seek(self._base + address)
        return self._file.read(size)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turn whatever pyfive, struct or numpy raise on a damaged file into one line."""
    try:
        yield
    except GraphlintError:
        raise
    except (Exception, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableError(
            f"{what} cannot be read ({reason[:100]}): the file is damaged or crafted; save or download it again"
        ) from error


def _messages(header: Any, kind: int) -> bool:
    return any(message["type"] == kind for message in header.msgs)


def _message(header: Any, kind: int) -> int:
    """Where the first message of a kind begins."""
    for message in header.msgs:
        if message["type"] == kind:
            if message["flags"] & _SHARED:
                raise UnreadableError("a type or shape that is shared between datasets, which Keras never writes")
            return int(message["offset_to_message"])
    raise UnreadableError(f"an object header has no message of type {kind}: the file is damaged; save it again")


def _is_group(header: Any) -> bool:
    return any(message["type"] in (_SYMBOL_TABLE, _LINK_INFO, _LINK) for message in header.msgs)


def _shape(data: bytes, at: int) -> tuple[int, ...] | None:
    """The shape in a dataspace message; None for one that holds nothing."""
    version, rank, _, kind = struct.unpack_from("<BBBB", data, at)
    if version not in (1, 2):
        raise UnreadableError(f"a dataspace of version {version}: expected 1 or 2; the file is damaged")
    if version == 2 and kind == 2:
        return None
    return struct.unpack_from(f"<{rank}Q", data, at + (8 if version == 1 else 4))


def _parse_link(data: bytes, at: int) -> tuple[int, str, int, Any]:
    """``(creation order, name, kind, target)`` of a link message."""
    version, flags = struct.unpack_from("<BB", data, at)
    if version != 1:
        raise UnreadableError(f"a link of version {version}: expected 1; the file is damaged")
    at += 2
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
    name = data[at : at + size].decode("utf-8")
    at += size
    if kind == 0:
        (target,) = struct.unpack_from("<Q", data, at)
        return order, name, kind, target
    (length,) = struct.unpack_from("<H", data, at)
    return order, name, kind, data[at + 2 : at + 2 + length].decode("utf-8", "replace")


def _link_problem(path: str, kind: int, target: Any) -> str:
    if kind == _SOFT_LINK:
        return f"the HDF5 object {_shown(path)} is a soft link to {_shown(str(target))}, which Keras refuses to follow"
    if kind == _EXTERNAL_LINK:
        names = str(target).lstrip("\0\1").split("\0")
        return f"the HDF5 object {_shown(path)} is an external link into the file {_shown(names[0])}"
    return f"the HDF5 object {_shown(path)} is a link of the unknown kind {kind}"


def _text(value: Any) -> Any:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _shown(name: str) -> str:
    return repr(name) if name.isprintable() else ascii(name)
