"""Which loss a compiled model has on each of its outputs, by the objects in memory, and what its targets are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import keras
import numpy as np

from graphlint.knowledge import keras_internals
from graphlint.knowledge.losses import loss_row
from graphlint.model.observations import ObservedTarget
from graphlint.observing.numbers import array_of, measured


class NamedLoss(NamedTuple):
    """A loss of Keras by the name of its function."""

    name: str
    from_logits: bool | None
    ignored: int | None = None
    """A class whose targets do not count."""


def named(loss: Any) -> NamedLoss | None:
    """A loss of Keras, of whatever form `compile` takes; None for any other."""
    if isinstance(loss, str):
        row, logits = loss_row(loss), False
    elif isinstance(loss, keras.losses.Loss):
        cls, wrapped = type(loss), getattr(loss, "fn", None)
        known = cls.__module__.startswith("keras.") and cls.__name__ != "LossFunctionWrapper"
        row = loss_row(cls.__name__) if known else named_function(wrapped)
        logits = bool(getattr(loss, "from_logits", False))
        if row is not None and not known:
            logits = bool(loss.get_config().get("from_logits", False))
    else:
        row, logits = named_function(loss), False
    if row is None:
        return None
    return NamedLoss(row.name, logits if row.from_logits else None, getattr(loss, "ignore_class", None))


def named_function(function: Any) -> Any:
    module = getattr(function, "__module__", None)
    return loss_row(function.__name__) if isinstance(module, str) and module.startswith("keras.") else None


def losses_of(model: keras.Model, outputs: Any) -> list[Any]:
    """The loss on each output, in flat order; empty where that cannot be told."""
    given = (keras_internals.compile_arguments(model) or {}).get("loss")
    count = len(keras.tree.flatten(outputs))
    if given is None:
        return []
    if not isinstance(given, (dict, list, tuple)):
        return [given] * count
    if isinstance(given, (list, tuple)):
        return list(given) if len(given) == count else []
    if isinstance(outputs, dict) and set(given) <= set(outputs):
        return [given.get(key) for key in sorted(outputs)]
    names = list(getattr(model, "output_names", None) or [])
    return [given.get(name) for name in names] if len(names) == count and set(given) <= set(names) else []


def observed_targets(model: keras.Model, y: Any, outputs: Any, whole: Any) -> Iterator[ObservedTarget]:
    """The targets of each output that a loss compares with it."""
    losses = losses_of(model, outputs)
    targets, predictions = _flat(y, outputs), keras.tree.flatten(outputs)
    every = _flat(whole, outputs) if whole is not None else []
    if len(targets) != len(predictions):
        return
    names = list(getattr(model, "output_names", None) or [])
    for place, (target, prediction) in enumerate(zip(targets, predictions, strict=True)):
        true, predicted = array_of(target), array_of(prediction)
        loss = losses[place] if place < len(losses) else None
        if true is None or predicted is None or (losses and loss is None):
            continue
        name = named(loss)
        all_of_them = array_of(every[place]) if len(every) == len(targets) else None
        ignored = None if name is None else name.ignored
        counted = true if ignored is None else true[true != ignored]
        if all_of_them is not None and ignored is not None:
            all_of_them = all_of_them[all_of_them != ignored]
        yield ObservedTarget(
            output=place,
            name=names[place] if len(names) == len(predictions) else str(place),
            loss=None if name is None else name.name,
            from_logits=None if name is None else name.from_logits,
            target=replace(measured(counted), shape=true.shape),
            prediction=measured(predicted),
            whole=None if all_of_them is None else measured(all_of_them),
            uneven_rows=_uneven_rows(true),
            one_hot=_one_hot(true),
            classes=_classes(counted if all_of_them is None else all_of_them),
            saturated_wrong=_saturated_wrong(true, predicted),
        )


def _flat(targets: Any, outputs: Any) -> list[Any]:
    if isinstance(targets, dict) and isinstance(outputs, dict):
        return [targets.get(key) for key in sorted(outputs)]
    if isinstance(targets, dict) or targets is None:
        return []
    return list(keras.tree.flatten(targets))


def _uneven_rows(array: np.ndarray) -> float:
    if array.ndim < 2 or not array.size or array.shape[-1] < 2:
        return 0.0
    sums = array.astype("float64").sum(axis=-1)
    return float(np.count_nonzero((np.abs(sums - 1) > 1e-3) & (sums != 0))) / float(sums.size)


def _one_hot(array: np.ndarray) -> bool:
    if array.ndim < 2 or not array.size or array.shape[-1] < 2:
        return False
    return bool(((array == 0) | (array == 1)).all() and (array.sum(axis=-1) == 1).all())


def _classes(array: np.ndarray) -> int | None:
    if not array.size or (array.dtype.kind == "f" and not np.array_equal(array, np.round(array))):
        return None
    return len(np.unique(array))


def _saturated_wrong(true: np.ndarray, predicted: np.ndarray) -> float | None:
    """Of probabilities of the same shape as their targets, or of one class for each index among the targets."""
    if not predicted.size or predicted.dtype.kind != "f" or predicted.ndim < 2:
        return None
    if predicted.min() < 0 or predicted.max() > 1:
        return None
    if true.size * predicted.shape[-1] == predicted.size and predicted.shape[-1] > 1:
        indices = true.reshape(-1).astype("int64")
        if indices.min() < 0 or indices.max() >= predicted.shape[-1]:
            return None
        true = np.eye(predicted.shape[-1])[indices]
    if true.size != predicted.size:
        return None
    true, rows = true.reshape(-1, predicted.shape[-1]), predicted.reshape(-1, predicted.shape[-1])
    ends = (rows <= 1e-6) | (rows >= 1 - 1e-6)
    return float(np.count_nonzero((ends & (np.abs(true - rows) > 0.5)).any(axis=1))) / len(rows)
