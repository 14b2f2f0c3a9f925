"""Calls of layers and of functions of Keras on symbols, and what says that one cannot be made again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from graphlint.knowledge import keras_internals
from graphlint.knowledge.raised import told
from graphlint.model.definition import TensorRef
from graphlint.replay.held import HeldConstant


@dataclass(frozen=True, slots=True)
class Stuck:
    """In the place of a tensor: why it cannot be made again."""

    reason: str


class StuckError(Exception):
    """A call cannot be made again."""


def symbolic_call(address: str, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], anchor: Any) -> Any:
    """Call a layer on symbols; arrays become what a layer returns, so that the call is part of the graph.

    Raises:
        StuckError: Keras cannot, or the layer receives no tensor.
    """
    found = keras.tree.flatten((args, kwargs))
    if not any(isinstance(one, keras.KerasTensor) for one in found):
        if not any(isinstance(one, np.ndarray) for one in found):
            raise StuckError(f"{address} is called on no tensor")

        def lifted(leaf: Any) -> Any:
            if not isinstance(leaf, np.ndarray):
                return leaf
            return HeldConstant(leaf, leaf.dtype.name, name=f"{operation.name}_constant")(anchor)

        args, kwargs = keras.tree.map_structure(lifted, (args, kwargs))
    try:
        return operation(*args, **kwargs)
    except Exception as error:
        raise StuckError(f"{address} cannot be called on symbols ({told(error, 100)})") from None


def by_path(structure: Any, function: Callable[[Any, str], Any], path: str = "") -> Any:
    """A structure with ``function`` applied to each leaf and its path.

    >>> by_path({"a": [1, 2]}, lambda leaf, path: (leaf, path))
    {'a': [(1, 'a/0'), (2, 'a/1')]}
    """
    prefix = f"{path}/" if path else ""
    if isinstance(structure, dict):
        return {key: by_path(value, function, f"{prefix}{key}") for key, value in structure.items()}
    if isinstance(structure, TensorRef):
        return function(structure, path)
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*[by_path(value, function, f"{prefix}{n}") for n, value in enumerate(structure)])
    if isinstance(structure, (list, tuple)):
        items = [by_path(value, function, f"{prefix}{n}") for n, value in enumerate(structure)]
        return tuple(items) if isinstance(structure, tuple) else items
    return function(structure, path)


def target_shape(address: str, name: str, args: Any, kwargs: Any, shape: Any) -> Any:
    """What to reshape to, where some sizes are only known at run time: at most one can be left to Keras."""
    target = args[1] if len(args) > 1 else kwargs.get("newshape", kwargs.get("shape"))
    sizes: list[Any] = [target] if isinstance(target, (int, type(None))) else list(target)
    x = args[0] if args else kwargs.get("x")
    if all(isinstance(size, (int, np.integer)) for size in sizes):
        return tuple(int(size) for size in sizes)
    if shape is None:
        raise StuckError(f"{address} has a shape that is only known when it runs")
    known = [-1 if size is None else size for size in shape]
    free = [place for place, size in enumerate(known) if size == -1]
    if name.endswith("broadcast_to"):
        raise StuckError(f"{address} broadcasts to a size that is only known when it runs")
    if len(free) <= 1:
        return tuple(known)
    keeps_batch = sizes[0] is None and free[0] == 0 and x.shape and x.shape[0] is None
    if keeps_batch and len(free) == 2 and len(x.shape) > 1:
        return keras.layers.Reshape(tuple(known[1:]), dtype=x.dtype)(x)
    raise StuckError(f"{address} reshapes to {len(free)} sizes that are only known when it runs")


def node_of(value: Any) -> Any:
    made = keras_internals.producer(value)
    return made[0] if made is not None else None
