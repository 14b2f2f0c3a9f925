"""Read an untrusted HDF5 file: groups, attributes, and datasets whose values are streamed in place.

This module decides which links are followed, how much is read, and where the values are; any failure below, in
`graphlint.sources.hdf5_structure` or in pyfive, becomes an `UnreadableError`.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphlint.errors import UnreadableError, quoted
from graphlint.knowledge.advisories import Danger
from graphlint.model.definition import ProblemKind, SourceProblem
from graphlint.sources.hdf5_structure import (
    DATASPACE,
    DATATYPE,
    EXTERNAL,
    EXTERNAL_LINK,
    FILL,
    HARD,
    LAYOUT,
    SIGNATURE,
    SOFT,
    UNDEFINED,
    BinaryFile,
    GlobalHeap,
    Header,
    Link,
    Reader,
    read_attribute_messages,
    read_header,
    read_links,
    read_superblock,
    translated,
)
from graphlint.sources.limits import DEFAULT, Limits

if TYPE_CHECKING:
    import numpy as np

MOST_PROBLEMS = 100
_BLOCK = 1 << 20
_COMPACT, _CONTIGUOUS, _CHUNKED, _VIRTUAL = range(4)
_GZIP, _SHUFFLE, _FLETCHER32 = 1, 2, 3


class Hdf5File:
    """An HDF5 file, its whole structure listed on opening; values and attributes are read on demand.

    ``file`` is a readable, seekable binary file object; it stays open while values are read. ``root`` is the root
    group; with ``root_only`` nothing below it is listed. ``problems`` are messages about what is readable but
    suspicious; reading attributes may add more.

    Raises:
        UnreadableError: not HDF5, truncated, damaged, or of a kind that Keras never writes.
        LimitError: more objects, nesting or structure than the limits.
    """

    def __init__(self, file: BinaryFile, limits: Limits = DEFAULT, *, root_only: bool = False) -> None:
        self.limits = limits
        self.root_only = root_only
        self.problems: list[str] = []
        self._dangers: dict[str, Danger] = {}
        self._file = file
        self._declared = 0
        self._attribute_bytes = 0
        with translated("the HDF5 file"):
            file.seek(0, 2)
            self.size = file.tell()
            self._reader, root = self._find_root()
            self._texts = GlobalHeap(self._reader)
            self.root = self._walk(root)

    def note(self, problem: str, danger: Danger | None = None) -> None:
        """Note something suspicious; only the first hundred notes are kept."""
        if danger is not None:
            self._dangers[problem] = danger
        if problem in self.problems:
            return
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        elif len(self.problems) == MOST_PROBLEMS:
            self.problems.append("there are more such irregularities in the HDF5 file")

    @property
    def source_problems(self) -> list[SourceProblem]:
        """The problems as a model definition carries them."""
        return [SourceProblem(ProblemKind.HDF5, text, danger=self._dangers.get(text)) for text in self.problems]

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

    def _find_root(self) -> tuple[Reader, int]:
        start = 0
        while start + 8 <= self.size:
            self._file.seek(start)
            if self._file.read(8) == SIGNATURE:
                break
            start = max(512, 2 * start)
        else:
            raise UnreadableError("not an HDF5 file (no signature): save or download it again")
        if start:
            self.note(f"{start:,} bytes precede the HDF5 data; another program may read them")
        reader = Reader(self._file, start, self.size, self.limits)
        superblock = read_superblock(reader)
        declared = superblock.end - superblock.base
        if declared > reader.size:
            raise UnreadableError(
                f"the HDF5 file is truncated: it has {reader.size:,} of {declared:,} bytes; save or download it again"
            )
        return reader, superblock.root

    def _walk(self, address: int) -> Group:
        """List all groups and datasets, each object once, without recursion."""
        root = Group(self, "", read_header(self._reader, address))
        if root._header.is_dataset:
            raise UnreadableError("the HDF5 root is not a group: the file is damaged or crafted; save it again")
        known: dict[int, Group | Dataset] = {address: root}
        stack: list[tuple[Group, int]] = [] if self.root_only else [(root, 0)]
        count = 1
        while stack:
            group, depth = stack.pop()
            self.limits.check("hdf5_depth", depth, f"{quoted(group.path)}, depth")
            with translated("the HDF5 group", group.path or "/"):
                links = read_links(self._reader, group._header)
                self._reader.prefetch([link.target for link in links if link.kind == HARD])
            for link in links:
                count += 1
                self.limits.check("hdf5_objects", count, "groups and datasets in the HDF5 file")
                inside = self._enter(group, link, known)
                if inside is not None:
                    stack.append((inside, depth + 1))
        return root

    def _enter(self, group: Group, link: Link, known: dict[int, Group | Dataset]) -> Group | None:
        """Add what a link leads to; returns a group that has not been seen before."""
        name, kind, target = link
        path = f"{group.path}/{name}" if group.path else name
        if "/" in name or "\0" in name or name in ("", ".", ".."):
            self.note(f"an HDF5 object is named {quoted(name)}, which is a path")
            return None
        if kind != HARD:
            self.note(_link_problem(path, kind, target), Danger.EXTERNAL_DATA)
            return None
        if name in group.groups or name in group.datasets:
            self.note(f"two HDF5 objects are named {quoted(path)}; which one is used depends on the reader")
        before = known.get(target)
        if before is not None:
            self.note(
                f"the HDF5 objects {quoted(path)} and {quoted(before.path or '/')} are one object with two names, "
                "which Keras never writes"
            )
            if isinstance(before, Dataset):
                group.datasets[name] = before
            return None
        with translated("the HDF5 object", path):
            header = read_header(self._reader, target)
            if header.is_dataset:
                known[target] = group.datasets[name] = Dataset(self, path, header)
            elif header.is_group:
                known[target] = inside = group.groups[name] = Group(self, path, header)
                return inside
        return None

    def _read_attributes(self, header: Header, what: str) -> dict[str, Any]:
        attributes: dict[str, Any] = {}
        with translated(f"the attributes of {what}"):
            for data in read_attribute_messages(self._reader, header):
                if data is None:
                    self.note(f"an attribute of {what} is shared with other objects, which Keras never writes")
                    continue
                name, value = self._read_attribute(data, what)
                if name in attributes:
                    self.note(f"two attributes of {what} are named {quoted(name)}; the HDF5 library reads the first")
                    continue
                attributes[name] = value
        return attributes

    def _read_attribute(self, data: bytes, what: str) -> tuple[str, Any]:
        version, flags, name_size, type_size, space_size = struct.unpack_from("<BBHHH", data)
        if version not in (1, 2, 3) or (version > 1 and flags & 3):
            raise UnreadableError(f"an attribute of {what} is of version {version}, which Keras never writes")
        at = 9 if version == 3 else 8
        name = data[at : at + name_size].partition(b"\0")[0].decode("utf-8")
        pad = 8 if version == 1 else 1
        at += -(-name_size // pad) * pad
        kind = _Type.parse(data, at)
        at += -(-type_size // pad) * pad
        shape = _shape(data, at)
        at += -(-space_size // pad) * pad
        if shape is None:
            return name, None
        count = math.prod(shape)
        self._count_attribute(count * kind.size, f"{what}, attribute {quoted(name)}")
        values: Any
        if kind.name == "vlen":
            values = []
            for index in range(count):
                size, address, place = struct.unpack_from("<IQI", data, at + 16 * index)
                self._count_attribute(size, f"{what}, attribute {quoted(name)}")
                values.append(_text(self._texts.get(address, place)[:size]))
        elif kind.numpy is None:
            return name, None
        else:
            import numpy as np

            array = np.frombuffer(data, kind.numpy, count, at)
            values = [_text(item) for item in array.tolist()] if kind.name == "string" else array.tolist()
        return name, values[0] if shape == () else values

    def _count_attribute(self, size: int, what: str) -> None:
        self._attribute_bytes += size
        self.limits.check("hdf5_attribute_bytes", self._attribute_bytes, f"{what}: bytes of attributes")


@dataclass(eq=False, slots=True)
class Group:
    """One group. ``path`` has no leading slash; the root's is empty."""

    file: Hdf5File = field(repr=False)
    path: str
    _header: Header = field(repr=False)
    groups: dict[str, Group] = field(default_factory=dict, repr=False)
    datasets: dict[str, Dataset] = field(default_factory=dict, repr=False)
    _attributes: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes as plain Python: strings, numbers, and flat lists of them; None for any other type.

        Raises:
            UnreadableError: damaged.
            LimitError: more bytes than the limits.
        """
        if self._attributes is None:
            self._attributes = self.file._read_attributes(self._header, quoted(self.path or "/"))
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
    """One dataset: shape, dtype (Keras's names) and, if the file really contains them, its values.

    ``stored`` says whether the values can be read; if not, and that is suspicious, the file's problems say why.
    """

    __slots__ = (
        "_attributes",
        "_chunked",
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

    def __init__(self, file: Hdf5File, path: str, header: Header) -> None:
        self.file = file
        self.path = path
        self._header = header
        self._attributes: dict[str, Any] | None = None
        self._chunked: Any = None
        self._compact = b""
        self._offset = UNDEFINED
        self._layout = _CONTIGUOUS
        with translated("the HDF5 dataset", path):
            self._type = _Type.parse(header.first(DATATYPE), 0)
            shape = _shape(header.first(DATASPACE), 0)
            self.shape: tuple[int, ...] = shape or ()
            file.limits.check("hdf5_rank", len(self.shape), f"{quoted(path)}, dimensions")
            self.nbytes = self._type.size * math.prod(self.shape) if shape is not None else 0
            self.dtype = self._type.name
            if self._type.name == "void16" and self.attributes.get("dtype") == "bfloat16":
                self._type = _BFLOAT16
                self.dtype = "bfloat16"
            self.stored = self._find_storage()

    def __repr__(self) -> str:
        return f"Dataset({self.path!r}, shape={self.shape}, dtype={self.dtype!r})"

    @property
    def position(self) -> int:
        """Where the numbers are in the file, or what describes them; for reading several in order."""
        return self._offset if self._layout == _CONTIGUOUS and self._offset != UNDEFINED else self._header.address

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes, as for `Group.attributes`."""
        if self._attributes is None:
            self._attributes = self.file._read_attributes(self._header, quoted(self.path))
        return self._attributes

    def read(self) -> np.ndarray:
        """All values. bfloat16 is returned as float32.

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
        """The values as flat arrays of about 1 MiB, row by row. bfloat16 is returned as float32.

        Raises:
            UnreadableError: not stored in this file, or damaged.
        """
        import numpy as np

        if not self.stored:
            raise UnreadableError(f"the values of {quoted(self.path)} are not stored in this file")
        if not self.nbytes:
            return
        if self._layout == _CHUNKED:
            with translated("the HDF5 dataset", self.path):
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
            data = self.file._reader.numbers(position, min(step, end - position))
            if not data or len(data) % self._type.size:
                raise UnreadableError(f"the values of {quoted(self.path)} are cut off: save or download the file again")
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
        """Find where the values are; False, with a problem noted, if they are not in this file."""
        header = self._header
        if header.has(EXTERNAL):
            self.file.note(
                f"the HDF5 dataset {quoted(self.path)} takes its values from another file on disk", Danger.EXTERNAL_DATA
            )
            return False
        data = header.first(LAYOUT)
        version = data[0]
        if version in (1, 2):
            self._layout = data[2]
            stored = self.nbytes
            if self._layout == _CONTIGUOUS:
                (self._offset,) = struct.unpack_from("<Q", data, 8)
        elif version in (3, 4):
            self._layout = data[1]
            if self._layout == _COMPACT:
                (stored,) = struct.unpack_from("<H", data, 2)
                self._compact = data[4 : 4 + stored]
                stored = len(self._compact)
            elif self._layout == _CONTIGUOUS:
                self._offset, stored = struct.unpack_from("<QQ", data, 2)
            else:
                stored = self.nbytes
        else:
            raise UnreadableError(f"{quoted(self.path)} has a storage layout of version {version}: expected 1 to 4")
        if self._layout == _VIRTUAL:
            self.file.note(
                f"the HDF5 dataset {quoted(self.path)} is virtual: it takes its values from other files",
                Danger.EXTERNAL_DATA,
            )
            return False
        if self._type.numpy is None or self._type.name == "string":
            return False
        if not self.nbytes:
            return True
        size, limits = self.file.size, self.file.limits
        self.file._declared += self.nbytes
        if self.file._declared > limits.zip_ratio * size and self.nbytes > limits.zip_ratio_from_bytes:
            self.file._declared -= self.nbytes
            self.file.note(
                f"the HDF5 dataset {quoted(self.path)} of shape {self.shape} declares {self.nbytes:,} bytes in a file "
                f"of {size:,} bytes: loading it exhausts memory",
                Danger.DECLARED_SIZE,
            )
            return False
        if self._layout == _CHUNKED:
            return self._find_chunks(version)
        if stored < self.nbytes or (self._layout == _CONTIGUOUS and self._offset == UNDEFINED):
            held = 0 if self._offset == UNDEFINED and self._layout == _CONTIGUOUS else stored
            self.file.note(f"the HDF5 dataset {quoted(self.path)} declares {self.nbytes:,} bytes and stores {held:,}")
            return False
        if self._layout == _CONTIGUOUS and self._offset + self.nbytes > self.file._reader.size:
            raise UnreadableError(
                f"{quoted(self.path)} lies beyond the end of the file: it is truncated or crafted; save or download it "
                "again"
            )
        return True

    def _find_chunks(self, version: int) -> bool:
        if version > 3:
            return False
        self._chunked = chunked = self._open_chunked()
        chunk = chunked.chunks
        if len(chunk) != len(self.shape) or 0 in chunk:
            raise UnreadableError(
                f"{quoted(self.path)} has {len(self.shape)} dimensions and chunks of {len(chunk)}: it is damaged"
            )
        filters = {each["filter_id"] for each in chunked.filter_pipeline or ()}
        if not filters <= {_GZIP, _SHUFFLE, _FLETCHER32}:
            unknown = ", ".join(map(str, sorted(filters - {_GZIP, _SHUFFLE, _FLETCHER32})))
            self.file.note(
                f"the HDF5 dataset {quoted(self.path)} uses a filter that Keras never uses ({unknown}): its values "
                "were not checked"
            )
            return False
        band = math.prod((chunk[0], *self.shape[1:])) * self._type.size
        largest = max(band, math.prod(chunk) * self._type.size)
        if largest > self.file.limits.hdf5_chunk_bytes:
            self.file.note(
                f"the HDF5 dataset {quoted(self.path)} has chunks of {chunk}: reading a row of them takes "
                f"{largest:,} bytes"
            )
            return False
        return True

    def _open_chunked(self) -> Any:
        """The header as pyfive sees it: it knows the indexes and filters of chunks."""
        from pyfive.dataobjects import DataObjects

        return DataObjects(self.file._reader, self._header.address)

    def _bands(self) -> Iterator[np.ndarray]:
        """The dataset in slices along its first axis: one row of chunks each, or as many rows as fit into 1 MiB."""
        import numpy as np
        from pyfive.btree import BTreeV1RawDataChunks

        header, chunk = self._chunked, self._chunked.chunks
        by_row: dict[int, list[tuple[tuple[int, ...], int, int, int]]] = {}
        if header._chunk_address != UNDEFINED:
            tree: Any = BTreeV1RawDataChunks(self.file._reader, header._chunk_address, header._chunk_dims)
            for node in tree.all_nodes[0]:
                for key, address in zip(node["keys"], node["addresses"], strict=True):
                    at = key["chunk_offset"][:-1]
                    by_row.setdefault(at[0], []).append((at, address, key["chunk_size"], key["filter_mask"]))
        fill = header.fillvalue if self._header.has(FILL) else 0
        starts = sorted(by_row, reverse=True)
        row_bytes = math.prod((chunk[0], *self.shape[1:])) * self._type.size
        step = chunk[0] * max(1, _BLOCK // row_bytes)
        for row in range(0, self.shape[0], step):
            rows = min(step, self.shape[0] - row)
            band = np.full((rows, *self.shape[1:]), fill, self._type.numpy)
            while starts and starts[-1] < row + rows:
                start = starts.pop()
                for at, address, size, mask in by_row[start]:
                    block = np.frombuffer(self._unpack(address, size, mask, chunk), self._type.numpy).reshape(chunk)
                    area = tuple(
                        slice(begin, min(begin + length, end))
                        for begin, length, end in zip((start - row, *at[1:]), chunk, band.shape, strict=True)
                    )
                    band[area] = block[tuple(slice(0, part.stop - part.start) for part in area)]
            yield band

    def _unpack(self, address: int, size: int, mask: int, chunk: tuple[int, ...]) -> bytes:
        from pyfive.btree import BTreeV1RawDataChunks

        expected = math.prod(chunk) * self._type.size
        data = self.file._reader.numbers(address, size)
        pipeline = self._chunked.filter_pipeline or []
        for index in reversed(range(len(pipeline))):
            if mask & 1 << index:
                continue
            if pipeline[index]["filter_id"] == _GZIP:
                data = zlib.decompressobj().decompress(data, expected + 64)
            else:
                data = BTreeV1RawDataChunks._filter_chunk(data, 0, pipeline[index : index + 1], self._type.size)
        if len(data) != expected:
            raise UnreadableError(
                f"a chunk of {quoted(self.path)} has {len(data):,} bytes, expected {expected:,}: the file is damaged"
            )
        return data


@dataclass(frozen=True, slots=True)
class _Type:
    """A stored type: Keras's name for it, numpy's code (None: not readable as numbers), bytes per element."""

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
            f"a data type of class {kind & 0xF}, {bits & 0xF}, which does not exist: the file is damaged or crafted"
        )


def _compound(data: bytes, at: int, size: int) -> _Type:
    from pyfive.datatype_msg import DatatypeMessage

    try:
        dtype = DatatypeMessage(data, at).ptype.dtype
    except Exception:  # pyfive does not know every member; the only compounds that can be read are complex numbers
        return _Type(f"void{8 * size}", None, size)
    return _Type(dtype.name, dtype.str, size) if dtype.kind == "c" else _Type(f"void{8 * size}", None, size)


_BFLOAT16 = _Type("bfloat16", "<u2", 2)


def _shape(data: bytes, at: int) -> tuple[int, ...] | None:
    """The shape in a dataspace message; None for an empty one."""
    version, rank, _, kind = struct.unpack_from("<BBBB", data, at)
    if version not in (1, 2):
        raise UnreadableError(f"a dataspace of version {version}: expected 1 or 2; the file is damaged")
    if version == 2 and kind == 2:
        return None
    return struct.unpack_from(f"<{rank}Q", data, at + (8 if version == 1 else 4))


def _link_problem(path: str, kind: int, target: Any) -> str:
    if kind == SOFT:
        return f"the HDF5 object {quoted(path)} is a soft link to {quoted(str(target))}, which Keras does not follow"
    if kind == EXTERNAL_LINK:
        names = str(target).lstrip("\0\1").split("\0")
        return f"the HDF5 object {quoted(path)} is an external link into the file {quoted(names[0])}"
    return f"the HDF5 object {quoted(path)} is a link of the unknown kind {kind}"


def _text(value: Any) -> Any:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
