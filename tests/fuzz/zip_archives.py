"""Archives whose headers, directory and end records lie."""

from __future__ import annotations

import random
import re
import stat
import struct
from collections.abc import Iterator

from tests.fuzz.mutations import Input, flip, lie
from tests.fuzz.seeds import Seeds
from tests.sources.archives import Entry, archive

NAMES = (
    "config.json", "Config.json", "metadata.json", "model.weights.h5", "../config.json", "/config.json",
    "C:config.json",
    "assets/", "assets/vocabulary.txt", "config.json\0x", "config.json ", "con\u017fig.json", "_layer_checkpoint", "",
    "x" * 2000, "a\\b", "\u202egnosj", "./config.json", "a/../config.json", "model.weights.npz", "\x1b[2J",
)  # fmt: skip
EXTRAS = (
    b"", b"\1\0\0\0", b"\1\0\x10\0" + bytes(16), b"\1\0\x18\0" + b"\xff" * 24, b"\1\0\x20\0" + bytes(4),
    b"\x75\x70\x09\0\1\0\0\0\0evil", b"\xfe\xca\0\0", b"\xff\xff\xff\xff", b"\x55\x54\x05\0\3\0\0\0\0", b"\1",
)  # fmt: skip
WIDTHS = {"flags": 2, "method": 2, "crc": 4, "stored": 4, "size": 4, "offset": 4}
RECORDS = {
    b"PK\x01\x02": ((4, 2), (6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (34, 2),
                    (38, 4), (42, 4), (46, 1), (47, 1)),
    b"PK\x03\x04": ((4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2), (30, 1), (31, 1)),
    b"PK\x05\x06": ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)),
    b"PK\x06\x06": ((4, 8), (12, 2), (14, 2), (16, 4), (20, 4), (24, 8), (32, 8), (40, 8), (48, 8)),
    b"PK\x06\x07": ((4, 4), (8, 8), (16, 4)),
}  # fmt: skip
_RECORD = re.compile(b"|".join(map(re.escape, RECORDS)))


def zip_archives(chance: random.Random, seeds: Seeds) -> Iterator[Input]:
    """Archives with bytes turned, most of them in headers and directory, and members that lie, hide and escape."""
    while True:
        kind = chance.random()
        data = chance.choice(seeds.archives) if kind < 0.3 else _built(chance, seeds)
        changed = bytearray(data)
        if kind < 0.3 or kind > 0.6:
            for _ in range(chance.choice((1, 1, 2, 4))):
                _change(chance, changed)
        yield {"input.keras": bytes(changed)}


def _built(chance: random.Random, seeds: Seeds) -> bytes:
    """A fresh archive of a few members, some of them untrue."""
    config, weights = chance.choice(seeds.configs)
    members = {"metadata.json": b"{}", "config.json": config, "model.weights.h5": weights}
    entries = [Entry(name, content, deflate=chance.random() < 0.3) for name, content in members.items()]
    for _ in range(chance.choice((0, 1, 1, 2))):
        name = chance.choice(NAMES)
        content = chance.choice((b"", b"{}", config, bytes(5000)))
        mode = chance.choice((0, stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755, stat.S_IFREG | 0o6777))
        entry = Entry(name, content, deflate=chance.random() < 0.5, attributes=mode << 16)
        entries.insert(chance.randrange(len(entries) + 1), entry)
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        _make_lie(chance, chance.choice(entries))
    if chance.random() < 0.1:
        chance.shuffle(entries)
    data = archive(
        entries,
        prefix=chance.choice((b"",) * 8 + (b"#!/bin/sh\n", b"PK\x05\x06" + bytes(18))),
        suffix=chance.choice((b"",) * 18 + (b"tail", b"PK\x05\x06" + bytes(18))),
        count=chance.choice((None,) * 27 + (len(entries) - 1, len(entries) + 1, 0xFFFF)),
    )
    return _with_zip64(chance, data) if chance.random() < 0.25 else data


def _make_lie(chance: random.Random, entry: Entry) -> None:
    field = chance.choice(tuple(WIDTHS))
    top = (1 << 8 * WIDTHS[field]) - 1
    size = len(entry.content) & top
    value = chance.choice((0, 1, 8, top, top - 1, size, size ^ 1, chance.randrange(top)))
    kind = chance.randrange(6)
    if kind == 0:
        entry.extra = chance.choice(EXTRAS)
    elif kind == 1:
        entry.local["name"] = chance.choice(NAMES).encode("utf-8", "surrogatepass")
    else:
        for fields in {2: [entry.local], 3: [entry.central]}.get(kind, [entry.local, entry.central]):
            fields[field] = value
    if field == "size" and value == top and chance.random() < 0.5:
        entry.extra = struct.pack("<HHQQ", 1, 16, len(entry.content), len(entry.content))


def _with_zip64(chance: random.Random, data: bytes) -> bytes:
    """The same archive with the end records of a large one in front of its end record."""
    end = data.rfind(b"PK\x05\x06")
    count, size, offset = struct.unpack_from("<HLL", data, end + 10)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end + chance.choice((0, 0, 0, 1, -1, -56)), 1)
    last = bytearray(data[end:])
    if chance.random() < 0.5:
        last[8:20] = b"\xff" * 12
    return data[:end] + record + locator + bytes(last)


def _change(chance: random.Random, data: bytearray) -> None:
    kind = chance.randrange(9)
    if not data or kind == 0:
        data[:] = flip(chance, bytes(data), 4)
    elif kind == 1:
        del data[chance.randrange(len(data)) :]
    elif kind == 2:
        at = chance.randrange(len(data))
        data[at:at] = chance.randbytes(chance.choice((1, 30, 1000)))
    else:
        places = [(found.start(), found.group()) for found in _RECORD.finditer(data)]
        if places:
            wanted = chance.choice(sorted({signature for _, signature in places}))
            at = chance.choice([place for place, signature in places if signature == wanted])
            offset, width = chance.choice(RECORDS[wanted])
            lie(chance, data, at + offset, width)
