"""The numbers of variables as they lie in files or in memory, compared and hashed piece by piece."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphlint.model.graph import Variable
from graphlint.questions.statistics import Measuring

if TYPE_CHECKING:
    import numpy as np

    from graphlint.model.definition import Values, VariableDefinition

_PIECE = 1 << 18
"""Numbers that are compared at once."""


def content_hash(values: Values) -> str:
    """A hash of the numbers, the same for a file of any format and for memory; they are read once, piece by piece.

    Raises:
        UnreadableError: the file is damaged.
    """
    found = hashlib.sha256()
    for piece in values.chunks():
        found.update(_comparable(piece).tobytes())
    return found.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class NumbersChange:
    """How the numbers of two variables of one shape differ.

    ``largest`` is the largest absolute difference of finite numbers, ``relative`` that over the largest absolute
    number of the old ones, ``cosine`` the cosine of the angle between the two as vectors (None if one is zero).
    ``became_nan`` counts numbers that were finite and are NaN or infinite now, ``no_longer_nan`` the reverse.
    """

    differing: int
    count: int
    largest: float = 0.0
    relative: float = 0.0
    cosine: float | None = None
    became_nan: int = 0
    no_longer_nan: int = 0
    exact_cast: bool = False
    """Whether the new numbers are the old ones in another dtype, rounded once."""

    def mirrored(self) -> tuple[object, ...]:
        """What is the same when old and new are exchanged."""
        return (self.differing, self.count, self.largest, self.became_nan + self.no_longer_nan)


def compare_numbers(
    old: Variable | VariableDefinition,
    new: Variable | VariableDefinition,
    measured: tuple[Measuring, Measuring] | None = None,
) -> NumbersChange | None:
    """How the numbers of two variables with as many elements differ; None if every bit is the same.

    ``measured`` gets the statistics of both in the same pass.

    Raises:
        UnreadableError: a file is damaged.
    """
    import numpy as np

    assert old.values is not None and new.values is not None
    same_dtype = old.dtype == new.dtype
    differing = count = became = ceased = 0
    largest = highest = dot = ours = theirs = 0.0
    cast = not same_dtype
    for one, other in _side_by_side(old.values.chunks(), new.values.chunks()):
        count += one.size
        if measured is not None:
            measured[0].add(one)
            measured[1].add(other)
        if same_dtype and one.dtype == other.dtype and one.tobytes() == other.tobytes():
            square, most = _measured(one)
            ours, theirs, dot = ours + square, theirs + square, dot + square
            highest = max(highest, most)
            continue
        if one.dtype.kind not in "fiubc" or other.dtype.kind not in "fiubc":
            differing += int((one != other).sum()) if one.shape == other.shape else one.size
            cast = False
            continue
        if cast and not _is_cast(one, other, new.dtype):
            cast = False
        first, second = _wide(one), _wide(other)
        bad_before, bad_after = ~np.isfinite(first), ~np.isfinite(second)
        became += int((bad_after & ~bad_before).sum())
        ceased += int((bad_before & ~bad_after).sum())
        unequal = (first != second) & ~(np.isnan(first) & np.isnan(second))
        if same_dtype:
            unequal |= np.signbit(first.real) != np.signbit(second.real)
        differing += int(unequal.sum())
        either = bad_before | bad_after
        if either.any():
            first, second = np.where(either, 0.0, first), np.where(either, 0.0, second)
        if first.size:
            largest = max(largest, float(np.abs(second - first).max()))
        ours, theirs, dot, highest = _added(first, second, ours, theirs, dot, highest)
    if same_dtype and not differing:
        return None
    cosine = min(1.0, max(-1.0, dot / math.sqrt(ours * theirs))) if ours > 0 and theirs > 0 else None
    relative = largest / highest if highest else math.inf if largest else 0.0
    return NumbersChange(
        differing,
        count,
        largest,
        relative,
        cosine,
        became_nan=became,
        no_longer_nan=ceased,
        exact_cast=cast,
    )


def _measured(piece: np.ndarray) -> tuple[float, float]:
    """The sum of squares and the largest absolute value of the finite numbers of a piece."""
    import numpy as np

    if piece.dtype.kind not in "fiubc" or not piece.size:
        return 0.0, 0.0
    if piece.dtype.kind == "f" and piece.dtype.itemsize >= 4:
        with np.errstate(over="ignore", invalid="ignore"):
            square = float(np.dot(piece, piece))
        if math.isfinite(square):
            return square, max(float(piece.max()), -float(piece.min()))
    wide = _wide(piece)
    wide = wide[np.isfinite(wide)]
    return float(np.vdot(wide, wide).real), float(np.abs(wide).max()) if wide.size else 0.0


def _added(
    first: np.ndarray, second: np.ndarray, ours: float, theirs: float, dot: float, highest: float
) -> tuple[float, float, float, float]:
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        ours += float(np.vdot(first, first).real)
        theirs += float(np.vdot(second, second).real)
        dot += float(np.vdot(first, second).real)
    if first.size:
        highest = max(highest, float(np.abs(first).max()))
    return ours, theirs, dot, highest


def _wide(piece: np.ndarray) -> np.ndarray:
    return piece.astype("complex128" if piece.dtype.kind == "c" else "float64")


def _is_cast(one: np.ndarray, other: np.ndarray, dtype: str) -> bool:
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        if dtype == "bfloat16":
            wide = one.astype(np.float32).view(np.uint32).astype(np.uint64)
            rounded = ((wide + 0x7FFF + ((wide >> 16) & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)
            return bool(np.array_equal(rounded, other.astype(np.float32), equal_nan=True))
        made = one.astype(other.dtype)
    return bool(np.array_equal(made, other, equal_nan=made.dtype.kind in "fc"))


def _comparable(piece: np.ndarray) -> np.ndarray:
    """A flat piece in one byte order; bfloat16 and the like as the single precision that files widen them to."""
    import numpy as np

    flat = np.ascontiguousarray(piece).reshape(-1)
    if flat.dtype.kind == "V" or flat.dtype.name in ("bfloat16",) or flat.dtype.name.startswith("float8"):
        flat = flat.astype(np.float32)
    return flat.astype(flat.dtype.newbyteorder("<"), copy=False)


def _side_by_side(ours: Iterator[np.ndarray], theirs: Iterator[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Two streams in pieces of equal size; ends with the shorter one."""
    one = other = None
    while True:
        if one is None or not one.size:
            one = next((_comparable(piece) for piece in ours if piece.size), None)
        if other is None or not other.size:
            other = next((_comparable(piece) for piece in theirs if piece.size), None)
        if one is None or other is None:
            return
        size = min(one.size, other.size, _PIECE)
        yield one[:size], other[:size]
        one, other = one[size:], other[size:]
