"""What must hold after every surgery."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from graphlint.knowledge import keras_internals
from graphlint.replay.split import split


def declared_inputs(model: keras.Model) -> Any:
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def batch(model: keras.Model, seed: int = 0, size: int = 3) -> Any:
    """Random arrays that a model can be called on; integers include the 0 that masks."""
    random = np.random.default_rng(seed)

    def one(tensor: Any) -> np.ndarray:
        shape = [5 if dim is None else dim for dim in tensor.shape]
        shape[0] = tensor.shape[0] or size
        if "int" in tensor.dtype:
            return random.integers(0, 3, shape).astype(tensor.dtype)
        if tensor.dtype == "bool":
            return random.integers(0, 2, shape).astype(bool)
        return random.normal(size=shape).astype("float32")

    return keras.tree.map_structure(one, declared_inputs(model))


def flat(values: Any) -> list[np.ndarray]:
    return [np.asarray(ops.convert_to_numpy(value)) for value in keras.tree.flatten(values)]


def call(model: Any, inputs: Any) -> Any:
    with warnings.catch_warnings():
        # Keras says so whenever a model is called on a tensor with a mask.
        warnings.filterwarnings("ignore", message=".*passed an input with a mask attached.*")
        return model(inputs)


def assert_same(first: Any, second: Any) -> None:
    left, right = flat(first), flat(second)
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        np.testing.assert_array_equal(one, other)


def sizes(model: keras.Model) -> dict[int, int]:
    return {id(variable): int(np.prod(variable.shape)) for variable in model.weights}


def node_counts(model: keras.Model) -> dict[int, tuple[int, int]]:
    return {
        id(layer): (len(keras_internals.inbound_nodes(layer)), len(keras_internals.outbound_nodes(layer)))
        for layer in keras_internals.all_layers(model)
    }


def takes_all_inputs(model: keras.Model) -> bool:
    """Whether something receives every Input of a model: Keras 3.12 loads no other."""
    nodes = keras_internals.own_nodes(keras_internals.graph_model(model))
    received = {id(tensor) for node in nodes for tensor in keras_internals.node_inputs(node)}
    returned = {id(tensor) for tensor in model.outputs}
    return received | returned >= {id(tensor) for tensor in model.inputs}


def check_split(
    model: keras.Model, at: str | Sequence[str], *, complete: bool = False, path: Path | None = None
) -> tuple[keras.Model, keras.Model]:
    """Split a model and check the invariants; with ``path`` also that both halves survive saving."""
    config = model.get_config()
    flags = {id(variable): variable.trainable for variable in model.weights}
    head, tail = split(model, at, complete=complete)
    assert model.get_config() == config
    assert {id(variable): variable.trainable for variable in model.weights} == flags
    for seed in range(2):
        inputs = batch(model, seed)
        assert_same(call(model, inputs), call(tail, call(head, inputs)))
    full, first, second = sizes(model), sizes(head), sizes(tail)
    assert set(first) | set(second) <= set(full)
    both = sum(first[key] for key in set(first) & set(second))
    assert sum(first.values()) + sum(second.values()) - both == sum(full.values())
    if path is not None:
        for half in filter(takes_all_inputs, (head, tail)):
            half.save(path / "half.keras")
            again = keras.saving.load_model(path / "half.keras")
            inputs = batch(half, 2)
            assert_same(call(half, inputs), call(again, inputs))
    return head, tail


def assert_heeds(tail: keras.Model, position: int) -> None:
    """Changing one input of a tail changes its outputs."""
    inputs = keras.tree.flatten(batch(tail))
    before = flat(call(tail, inputs if len(inputs) > 1 else inputs[0]))
    inputs[position] = inputs[position] + 1.5
    after = flat(call(tail, inputs if len(inputs) > 1 else inputs[0]))
    assert any(not np.array_equal(one, other) for one, other in zip(before, after, strict=True))
