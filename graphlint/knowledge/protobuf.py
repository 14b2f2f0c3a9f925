"""The wire format of protocol buffers, for messages that are in memory already."""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


def message_fields(data: bytes | memoryview) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message in order: their numbers, with an integer, or bytes for text and inner messages.

    Raises:
        ValueError: cut off, or no message.

    >>> list(message_fields(bytes([0x08, 0x96, 0x01, 0x12, 0x02, 0x68, 0x69])))
    [(1, 150), (2, b'hi')]
    """
    data = bytes(data)
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise ValueError(f"no field at byte {at}")
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind not in (_FIXED_64, _FIXED_32, _BYTES):
            raise ValueError(f"no kind of field: {kind}")
        length, at = _varint(data, at) if kind == _BYTES else (8 if kind == _FIXED_64 else 4, at)
        if at + length > len(data):
            raise ValueError(f"a field of {length} bytes ends after the message")
        yield number, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("a number is cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number of more than ten bytes")
