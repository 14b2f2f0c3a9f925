"""The numbers of one tensor, measured."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from graphlint.knowledge import keras_internals
from graphlint.model.observations import Numbers, ObservedMask

_SAMPLE = 1 << 20
"""Numbers of a tensor from which on its mean and deviation are those of a part of it."""


def array_of(tensor: Any) -> np.ndarray | None:
    """The numbers of a tensor or array; None where there are none: text, a tensor of a graph, a sparse one."""
    if isinstance(tensor, (np.ndarray, np.generic, bool, int, float)):
        array = np.asarray(tensor)
    else:
        try:
            if not isinstance(tensor, keras_internals.VARIABLE) and not keras.ops.is_tensor(tensor):
                return None
            array = np.asarray(keras.ops.convert_to_numpy(tensor))
        except Exception:  # Tensors of a graph have none, and each backend says so in its own way.
            return None
    if array.dtype.kind == "V" or array.dtype.name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        array = array.astype("float32")
    return array if array.dtype.kind in "biuf" else None


def measured(array: np.ndarray, dtype: str | None = None) -> Numbers:
    """What there is to say of an array."""
    shape, name = tuple(map(int, array.shape)), dtype or array.dtype.name
    if not array.size:
        return Numbers(shape=shape, dtype=name)
    nan = infinite = 0
    flat = array.reshape(-1)
    if array.dtype.kind == "b":
        flat = flat.astype("uint8")
    if array.dtype.kind == "f" and not np.isfinite(_extremes(flat)).all():
        nan = int(np.isnan(flat).sum())
        infinite = int(np.isinf(flat).sum())
        flat = flat[np.isfinite(flat)]
        if not flat.size:
            return Numbers(shape=shape, dtype=name, nan=nan, infinite=infinite)
    minimum, maximum = map(float, _extremes(flat))
    part = (flat if flat.size <= _SAMPLE else flat[:: flat.size // _SAMPLE]).astype("float64")
    return Numbers(
        shape=shape,
        dtype=name,
        nan=nan,
        infinite=infinite,
        minimum=minimum,
        maximum=maximum,
        mean=float(part.mean()),
        deviation=float(part.std()),
        zeros=float(np.count_nonzero(part == 0)) / part.size,
        spread=0.0 if nan or infinite or minimum == maximum or array.ndim == 0 else _spread(array),
        whole=bool(array.dtype.kind in "biu" or np.array_equal(part, np.round(part))),
    )


def _extremes(flat: np.ndarray) -> tuple[Any, Any]:
    with np.errstate(all="ignore"):
        return flat.min(), flat.max()


def _spread(array: np.ndarray) -> float:
    """The largest difference between rows, of a part of the places where there are many."""
    rows = array.reshape(len(array), -1)
    if rows.shape[1] > 4096:
        rows = rows[:, :: rows.shape[1] // 4096]
    return float((rows.max(axis=0).astype("float64") - rows.min(axis=0)).max())


def dead_units(array: np.ndarray, axis: int) -> tuple[int, int, int]:
    """How many units of a layer there are, how many were 0 throughout, and how many numbers each returned."""
    units = array.shape[axis]
    others = tuple(one for one in range(array.ndim) if one != axis % array.ndim)
    dead = int(np.count_nonzero(~array.any(axis=others)))
    return units, dead, array.size // max(1, units)


def measured_mask(mask: np.ndarray, masked: np.ndarray | None) -> ObservedMask | None:
    """A mask of rows and steps, and what it was made of."""
    if mask.ndim != 2 or not mask.size:
        return None
    rows, steps = mask.shape
    return ObservedMask(
        rows=rows,
        steps=steps,
        kept=int(np.count_nonzero(mask)),
        empty_rows=int(np.count_nonzero(~mask.any(axis=1))),
        repeats_at_end=bool(mask.all()) and masked is not None and _padded(masked),
    )


def _padded(array: np.ndarray) -> bool:
    """Whether a quarter of the rows end, or begin, in at least three equal steps, the same ones in every row.

    So that padding is seen which no mask tells: one row that ends in equal steps may well be data.
    """
    if array.ndim < 2 or array.shape[1] < 4 or len(array) < 4:
        return False
    steps = array.reshape(len(array), array.shape[1], -1)
    for edge, inner in ((-1, slice(-3, None)), (0, slice(0, 3))):
        values, counts = np.unique(steps[:, edge], axis=0, return_counts=True)
        value = values[counts.argmax()]
        ends = (steps[:, inner] == value).all(axis=(1, 2))
        varied = (steps != value).any(axis=(1, 2))
        if np.count_nonzero(ends & varied) >= max(2, len(array) // 4):
            return True
    return False
