"""Blocks that repeat in a row of calls: ``abcabcabc`` is one block of three, three times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_LONGEST = 512
"""Calls in the longest block that is looked for."""
_LEAST = 3
"""Boxes that stacking must save."""


class Repeat(NamedTuple):
    """``blocks`` blocks of ``period`` items each, from item ``start`` on."""

    start: int
    period: int
    blocks: int

    @property
    def stop(self) -> int:
        return self.start + self.period * self.blocks


def find_repeats(
    kinds: Sequence[int],
    sources: Sequence[Sequence[int]],
    crossing: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
) -> list[Repeat]:
    """The repeated blocks of a sequence, those that hide most first taken, in order and without overlap.

    ``kinds`` says which items are alike, ``sources`` from which earlier items each receives something: blocks are equal
    only if they are wired alike inside. Of several ways to cut a run into blocks, the one is taken whose borders the
    fewest tensors cross (``crossing``, for each border before an item), then the one whose first block has names that
    begin alike.

    >>> find_repeats([9, 1, 2, 1, 2, 1, 2, 8], [[]] * 8)
    [Repeat(start=1, period=2, blocks=3)]
    """
    import numpy as np

    size = len(kinds)
    row = np.asarray(kinds, dtype=np.int64)
    candidates: list[tuple[int, int, int]] = []
    """Start, period and length of every run that repeats."""
    for period in range(1, min(size // 2, _LONGEST) + 1):
        same = row[:-period] == row[period:]
        if not same.any():
            continue
        steps = np.flatnonzero(np.diff(np.concatenate(([False], same, [False])).astype(np.int8)))
        for first, last in zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True):
            if last - first >= period:
                candidates.append((first, period, last - first + period))
    candidates.sort(key=lambda one: (one[1] - one[2], one[1], one[0]))
    taken = bytearray(size)
    found: list[Repeat] = []
    for start, period, length in candidates:
        for first, last in _free(taken, start, start + length):
            best = _cut(first, last, period, sources, crossing, names)
            if best is not None:
                found.append(best)
                taken[best.start : best.stop] = b"\1" * (best.stop - best.start)
    return sorted(found)


def beginning(names: Sequence[str]) -> str:
    """The longest beginning that names have in common.

    >>> beginning(["block1_conv", "block1_add"])
    'block1_'
    """
    first, last = min(names), max(names)
    length = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length]


def _free(taken: bytearray, start: int, stop: int) -> list[tuple[int, int]]:
    """The parts of an interval that no block has taken yet."""
    found = []
    while start < stop:
        begin = taken.find(b"\0", start, stop)
        if begin < 0:
            break
        end = taken.find(b"\1", begin, stop)
        end = stop if end < 0 else end
        found.append((begin, end))
        start = end
    return found


def _cut(
    first: int,
    last: int,
    period: int,
    sources: Sequence[Sequence[int]],
    crossing: Sequence[int] | None,
    names: Sequence[str] | None,
) -> Repeat | None:
    """The best way to cut a run into blocks; None if that saves too little."""
    best: tuple[tuple[int, int, int, int], Repeat] | None = None
    for start in range(first, min(first + period, last)):
        whole = Repeat(start, period, (last - start) // period)
        one = _wired_alike(whole, sources)
        if (one.blocks - 1) * period < _LEAST or one.blocks < 2:
            continue
        borders = range(one.start, one.stop + 1, period)
        crossed = 0 if crossing is None else sum(crossing[place] for place in borders if place < len(crossing))
        alike = 0 if names is None else len(beginning(names[one.start : one.start + period]))
        rank = (-one.blocks, crossed, -alike, start)
        if best is None or rank < best[0]:
            best = rank, one
        if period == 1:
            break
    return None if best is None else best[1]


def _wired_alike(blocks: Repeat, sources: Sequence[Sequence[int]]) -> Repeat:
    """The longest run of blocks that are wired alike inside."""
    start, period, count = blocks
    best, begin = Repeat(start, period, 0), 0
    previous: list[tuple[int, ...]] | None = None
    for number in range(count):
        base = start + number * period
        wiring = [
            tuple(sorted(source - base if source >= base else -1 for source in sources[base + place]))
            for place in range(period)
        ]
        if previous is not None and wiring != previous:
            begin = number
        if number - begin + 1 > best.blocks:
            best = Repeat(start + begin * period, period, number - begin + 1)
        previous = wiring
    return best
