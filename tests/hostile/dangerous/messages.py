"""Protocol buffers written field by field."""

from __future__ import annotations


def field(number: int, content: bytes | int) -> bytes:
    """One field: an integer, or text, bytes or an inner message."""
    if isinstance(content, int):
        return _number(number << 3) + _number(content)
    return _number(number << 3 | 2) + _number(len(content)) + content


def _number(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
