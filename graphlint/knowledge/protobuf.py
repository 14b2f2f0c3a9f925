"""The wire format of protocol buffers, for messages that are in memory already."""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


def message_fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message in order: their numbers, with an integer, or a view of text or an inner message.

    Raises:
        ValueError: cut off, or no message.

    >>> [(number, value) for number, value in message_fields(memoryview(bytes([0x08, 0x96, 0x01])))]
    [(1, 150)]
    """
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if number == 0 or kind not in (_VARINT, _FIXED_64, _FIXED_32, _BYTES):
            raise ValueError(f"no field at byte {start:,}")
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        length, at = _varint(data, at) if kind == _BYTES else (8 if kind == _FIXED_64 else 4, at)
        if at + length > len(data):
            raise ValueError(f"truncated: a field of {length:,} bytes in the last {len(data) - at:,}")
        yield number, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("truncated in a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError(f"a number of more than ten bytes at byte {at:,}")
