"""What all fuzzing shares: the form of an input, bits that flip, numbers that lie."""

from __future__ import annotations

import random

Input = dict[str, bytes]
"""Files by their names in a folder. The first part of the first name is what is checked."""


def flip(chance: random.Random, data: bytes, most: int, start: int = 0, end: int | None = None) -> bytes:
    """Some bits of the data turned, between ``start`` and ``end``."""
    changed = bytearray(data)
    end = len(data) if end is None else min(end, len(data))
    for _ in range(chance.randrange(1, most + 1)):
        if start < end:
            changed[chance.randrange(start, end)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def lie(chance: random.Random, data: bytearray, at: int, width: int) -> None:
    """Set a little-endian number to one that is nearly right, or as wrong as can be."""
    top = (1 << 8 * width) - 1
    old = int.from_bytes(data[at : at + width], "little")
    new = chance.choice(
        (0, 1, 2, old + 1, old - 1, old * 2, old // 2, top, top - 1, top - 15, top // 2, top // 2 + 1, len(data), at,
         chance.randrange(top + 1), old ^ 1 << chance.randrange(8 * width))
    )  # fmt: skip
    if at + width <= len(data):
        data[at : at + width] = (new & top).to_bytes(width, "little")
