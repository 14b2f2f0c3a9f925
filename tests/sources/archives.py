"""Zip archives written byte by byte, so that each field can lie."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field


@dataclass
class Entry:
    """One member. What is None in ``local`` and ``central`` fields is filled in truthfully."""

    name: str | bytes
    content: bytes = b""
    deflate: bool = False
    flags: int = 0
    method: int | None = None
    attributes: int = 0
    extra: bytes = b""
    local: dict[str, object] = field(default_factory=dict)
    central: dict[str, object] = field(default_factory=dict)


def archive(entries: list[Entry], *, prefix: bytes = b"", suffix: bytes = b"", count: int | None = None) -> bytes:
    """A zip archive of ``entries``; ``count`` is what the end record claims."""
    body, directory = bytearray(prefix), bytearray()
    for entry in entries:
        name = entry.name.encode() if isinstance(entry.name, str) else entry.name
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        stored = packer.compress(entry.content) + packer.flush() if entry.deflate else entry.content
        true = {
            "name": name,
            "flags": entry.flags,
            "method": entry.method if entry.method is not None else (8 if entry.deflate else 0),
            "crc": zlib.crc32(entry.content),
            "stored": len(stored),
            "size": len(entry.content),
            "offset": len(body) - len(prefix),
        }
        local, central = true | entry.local, true | entry.central
        body += struct.pack(
            "<4s5H3L2H",
            b"PK\x03\x04",
            20,
            local["flags"],
            local["method"],
            0,
            0,
            local["crc"],
            local["stored"],
            local["size"],
            len(local["name"]),
            len(entry.extra),
        )
        body += local["name"] + entry.extra + stored
        directory += struct.pack(
            "<4s6H3L5H2L",
            b"PK\x01\x02",
            20 | 3 << 8,
            20,
            central["flags"],
            central["method"],
            0,
            0,
            central["crc"],
            central["stored"],
            central["size"],
            len(central["name"]),
            len(entry.extra),
            0,
            0,
            0,
            entry.attributes,
            central["offset"],
        )
        directory += central["name"] + entry.extra
    count = len(entries) if count is None else count
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(body) - len(prefix), 0)
    return bytes(body + directory) + end + suffix
