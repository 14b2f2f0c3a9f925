"""Byte code of a function as it is stored in a file: read as data, for a hash, never loaded.

A code object also says where its source stood: path, line numbers, the function around it. The hash leaves these
out, so that a model built from a moved file has the same code. Each release of Python makes another of one source.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

_DEEPEST = 60
_MOST_OBJECTS = 100_000
_REF = 0x80
"""The bit of a type that says that a later object may refer to this one."""
_SIZES = {"i": 4, "I": 8, "g": 8, "y": 16}
_EMPTY = "0NFTS."
_TEXTS = {"u": 4, "t": 4, "a": 4, "A": 4, "z": 1, "Z": 1}
_LAYOUTS = (
    (5, ("+bytes", "+tuple", "+tuple", "+tuple", "+bytes", "-", "-", "-", "-line", "-", "+bytes")),
    (6, ("+bytes", "+tuple", "+tuple", "+tuple", "+tuple", "+tuple", "-", "-", "-line", "-")),
    (5, ("+bytes", "+tuple", "+tuple", "+tuple", "+tuple", "+tuple", "-", "-", "-line", "-")),
)
"""Of Python 3.11 and later, 3.8 to 3.10, and 3.0 to 3.7: how many numbers a code object begins with, and its members:
``+`` is what runs, ``-`` is where it came from."""


class _Unknown(Exception):
    """Not the format that is expected."""


def code_text(stored: Any) -> str:
    """What stands for stored byte code: a hash of what runs; of the stored text, if that cannot be read.

    >>> code_text("bm8gY29kZQ==")
    'code 56871186b677345a (of a form that is not known)'
    """
    text = stored.get("value") if isinstance(stored, dict) else stored
    if not isinstance(text, str):
        return "code"
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    for numbers, members in _LAYOUTS:
        try:
            return f"code {_Reader(data, numbers, members).whole().hex()[:16]}"
        except (_Unknown, RecursionError):
            continue
    raw = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"code {raw} (of a form that is not known)"


class _Reader:
    """One pass over a marshalled object. Each object is known by its digest, so that references cost nothing."""

    def __init__(self, data: bytes, numbers: int, members: tuple[str, ...]) -> None:
        self.data, self.at = data, 0
        self.numbers, self.members = numbers, members
        self.refs: list[tuple[str, bytes] | None] = []
        self.objects = 0

    def whole(self) -> bytes:
        kind, found = self.object(0)
        if kind != "code" or self.at != len(self.data):
            raise _Unknown
        return found

    def take(self, size: int) -> bytes:
        if size < 0 or self.at + size > len(self.data):
            raise _Unknown
        found = self.data[self.at : self.at + size]
        self.at += size
        return found

    def number(self, size: int = 4) -> int:
        return int.from_bytes(self.take(size), "little", signed=size > 1)

    def object(self, depth: int) -> tuple[str, bytes]:
        """The kind of an object and its digest."""
        self.objects += 1
        if depth > _DEEPEST or self.objects > _MOST_OBJECTS:
            raise _Unknown
        byte = self.take(1)[0]
        letter = chr(byte & ~_REF)
        if letter == "r":
            number = self.number()
            held = self.refs[number] if 0 <= number < len(self.refs) else None
            if held is None:
                raise _Unknown
            return held
        place = len(self.refs)
        if byte & _REF:
            self.refs.append(None)
        found = self.read(letter, depth)
        if byte & _REF:
            self.refs[place] = found
        return found

    def read(self, letter: str, depth: int) -> tuple[str, bytes]:
        if letter in _EMPTY:
            return letter, _digest(letter)
        if letter in _SIZES:
            return "number", _digest(letter, self.take(_SIZES[letter]))
        if letter == "l":
            count = self.number()
            return "number", _digest("l", count.to_bytes(4, "little", signed=True), self.take(2 * abs(count)))
        if letter in "fx":
            parts = [self.take(self.number(1)) for _ in range(1 if letter == "f" else 2)]
            return "number", _digest(letter, *parts)
        if letter == "s":
            return "bytes", _digest("s", self.take(self.number()))
        if letter in _TEXTS:
            return "text", _digest("u", self.take(self.number(_TEXTS[letter])))
        if letter in "()[":
            items = self.items(self.number(1 if letter == ")" else 4), depth)
            return "list" if letter == "[" else "tuple", _digest("[" if letter == "[" else "(", *items)
        if letter in "<>":
            return "set", _digest(letter, *sorted(self.items(self.number(), depth)))
        if letter == ":":
            return "slice", _digest(":", *self.items(3, depth))
        if letter == "c":
            return "code", self.code(depth)
        raise _Unknown

    def items(self, count: int, depth: int) -> list[bytes]:
        if not 0 <= count <= len(self.data):
            raise _Unknown
        return [self.object(depth + 1)[1] for _ in range(count)]

    def code(self, depth: int) -> bytes:
        parts = [self.take(4 * self.numbers)]
        for member in self.members:
            if member == "-line":
                self.number()
                continue
            kind, digest = self.object(depth + 1)
            if member.startswith("+"):
                if kind != member[1:]:
                    raise _Unknown
                parts.append(digest)
        return _digest("c", *parts)


def _digest(kind: str, *parts: bytes) -> bytes:
    found = hashlib.sha256(kind.encode())
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.digest()[:16]
