"""One batch, out of whatever `fit` takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from graphlint.errors import GraphlintError, one_line

FEW, MANY = 8, 128
"""Rows of a batch at least and at most."""
_NUMBERS = 1 << 20
"""Numbers of the inputs that a batch has about as many of as it may."""
_WHOLE = 1 << 24
"""Numbers of an array up to which it is looked at whole."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch as arrays; ``all_targets`` and ``all_inputs`` are what it was taken from, where these are arrays."""

    x: Any
    y: Any = None
    sample_weight: Any = None
    rows: int = 0
    of_rows: int | None = None
    all_inputs: Any = None
    all_targets: Any = None


def take(data: Any, rows: int | None = None) -> Batch:
    """The first batch of data, cut to as many rows as a look needs; of arrays, rows from all over them.

    Args:
        data: Inputs, or a tuple of inputs, targets and weights, as arrays; or a ``tf.data.Dataset``, a ``PyDataset``, a
            ``DataLoader``, a generator or any other iterable of batches. Of a generator, this takes one batch.
        rows: How many rows the model takes, where that is fixed.

    Raises:
        GraphlintError: There is no batch in it, or it is something else.
    """
    if isinstance(data, Batch):
        return data
    if _is_arrays(data):
        x, y, weight = (*data, None, None)[:3] if isinstance(data, tuple) else (data, None, None)
        whole = _arrays(x), _arrays(y), _arrays(weight)
        count = _rows(whole)
        chosen = np.unique(np.linspace(0, count - 1, min(count, rows or _suitable(whole[0], count))).astype(int))
        x, y, weight = (_cut(one, chosen, count) for one in whole)
        every = tuple(one if _numbers(one) <= _WHOLE else None for one in whole[:2])
        return Batch(x, y, weight, len(chosen), count, *every)
    x, y, weight = _unpacked(_first(data))
    x, y, weight = _arrays(x), _arrays(y), _arrays(weight)
    count = _rows((x, y, weight))
    kept = min(count, rows or _suitable(x, count))
    x, y, weight = (_cut(one, np.arange(kept), count) for one in (x, y, weight))
    return Batch(x, y, weight, kept)


def _first(data: Any) -> Any:
    if isinstance(data, keras.utils.PyDataset):
        return _got(lambda: data[0], data)
    if not hasattr(data, "__iter__") or isinstance(data, (str, bytes)):
        raise GraphlintError(
            f"expected a batch of data, got {type(data).__name__}: pass arrays as (x, y), a tf.data.Dataset, a "
            "PyDataset, a DataLoader or a generator of batches"
        )
    return _got(lambda: next(iter(data)), data)


def _got(get: Any, data: Any) -> Any:
    try:
        return get()
    except StopIteration:
        raise GraphlintError(f"expected a batch of data, got an empty {type(data).__name__}") from None
    except Exception as error:
        raise GraphlintError(
            f"taking a batch from the {type(data).__name__} failed with {type(error).__name__}: {one_line(error)}"
        ) from error


def _unpacked(element: Any) -> tuple[Any, Any, Any]:
    """As Keras unpacks what a dataset yields."""
    if isinstance(element, list):
        element = tuple(element)
    if not isinstance(element, tuple):
        return element, None, None
    if not 1 <= len(element) <= 3:
        raise GraphlintError(
            f"expected batches of inputs, targets and weights, got tuples of {len(element)}: yield (x, y), and several "
            "inputs as a list or dict"
        )
    return (*element, None, None)[:3]


def _is_arrays(data: Any) -> bool:
    """Whether these are arrays, alone or as (x, y), and nothing that yields batches."""
    if isinstance(data, tuple):
        if not 1 <= len(data) <= 3:
            raise GraphlintError(f"expected data as (x, y) or (x, y, sample_weight), got a tuple of {len(data)}")
        return all(one is None or _is_arrays([one]) for one in data)
    if isinstance(data, (str, bytes)) or _is_list_of_batches(data):
        return False
    leaves = list(_leaves(data))
    return bool(leaves) and all(_is_array(leaf) for leaf in leaves)


def _is_list_of_batches(data: Any) -> bool:
    """Whether this is ``[(x, y), ...]``, and not rows such as ``[(1.0, 2.0), ...]``."""
    return (
        isinstance(data, list)
        and bool(data)
        and all(isinstance(one, tuple) and not any(isinstance(part, _SCALARS) for part in one) for one in data)
    )


def _leaves(data: Any) -> Iterator[Any]:
    if isinstance(data, dict):
        for value in data.values():
            yield from _leaves(value)
    elif isinstance(data, (list, tuple)):
        for value in data:
            yield from _leaves(value)
    elif data is not None:
        yield data


_SCALARS = (bool, int, float, str)


def _is_array(value: Any) -> bool:
    if isinstance(value, keras.utils.PyDataset) or hasattr(value, "__next__"):
        return False
    plain = isinstance(value, (*_SCALARS, np.ndarray, np.generic))
    return plain or (hasattr(value, "shape") and (hasattr(value, "dtype") or hasattr(value, "dtypes")))


def _arrays(value: Any) -> Any:
    """A structure with an array for each tensor; what is sparse or ragged stays as it is."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {key: _arrays(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)) and not all(isinstance(one, _SCALARS) for one in _leaves(value)):
        return type(value)(_arrays(one) for one in value) if type(value) in (list, tuple) else [*map(_arrays, value)]
    return _array(value)


def _array(value: Any) -> Any:
    if type(value).__name__ in ("SparseTensor", "RaggedTensor", "BCOO"):
        return value
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    elif hasattr(value, "to_numpy"):
        value = value.to_numpy()
    elif hasattr(value, "toarray"):
        value = value.toarray()
    array = np.asarray(value)
    if array.dtype == object:
        try:
            array = array.astype("float64")
        except (TypeError, ValueError):
            array = array.astype(str)
    return array.astype(keras.config.floatx()) if array.dtype == "float64" else array


def _rows(structure: Any) -> int:
    counts = {int(leaf.shape[0]) for leaf in _leaves(structure) if len(getattr(leaf, "shape", ()))}
    if not counts:
        raise GraphlintError("expected a batch of data, got scalars: the first axis is that of the rows")
    if 0 in counts:
        raise GraphlintError("expected a batch of data, got one without rows")
    if len(counts) > 1:
        sizes = " and ".join(f"{count:,}" for count in sorted(counts))
        raise GraphlintError(f"expected inputs and targets of as many rows each, got {sizes}: pair them up first")
    return counts.pop()


def _numbers(structure: Any) -> int:
    return sum(int(np.prod(leaf.shape)) for leaf in _leaves(structure))


def _suitable(x: Any, count: int) -> int:
    each = max(1, _numbers(x) // max(1, count))
    return int(np.clip(_NUMBERS // each, FEW, MANY))


def _cut(structure: Any, chosen: Any, count: int) -> Any:
    if structure is None or len(chosen) == count:
        return structure
    if isinstance(structure, dict):
        return {key: _cut(one, chosen, count) for key, one in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)(_cut(one, chosen, count) for one in structure)
    return structure[chosen] if isinstance(structure, np.ndarray) and structure.ndim else structure
