"""What each layer inside models returns while they run."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from graphlint.replay.watching import Watch


class Pair(layers.Layer):
    """Returns a tensor and a number."""

    def call(self, x: Any) -> Any:
        return {"tensor": x, "number": 3, "nothing": None}


def test_what_layers_return_and_in_which_call() -> None:
    inputs = keras.Input((4,), name="i")
    inner = keras.Model(inputs, layers.ReLU(name="relu")(inputs), name="inner")
    x = keras.Input((4,), name="x")
    model = keras.Model(x, ops.exp(layers.Add(name="sum")([inner(x), inner(inner(x))])), name="net")
    other = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="d")], name="other")
    watch, ones = Watch(model, other), np.ones((2, 4), "float32")
    with watch.running():
        model(ones)
        other(ones)
    found = [(one.path, one.number, [value.shape for value in one.outputs]) for one in watch.seen]
    calls = [(path, number, [(2, 4)]) for number in range(3) for path in ("inner/relu", "inner")]
    assert found == [*calls, ("sum", 0, [(2, 4)]), ("d", 0, [(2, 2)])]
    assert all(type(value) is np.ndarray for one in watch.seen for value in one.outputs)
    assert {id(one.layer) for one in watch.seen} >= {id(inner), id(other.layers[0])}
    model(ones)
    assert len(watch.seen) == len(found)


def test_a_layer_of_two_models_has_its_path_in_the_first() -> None:
    shared, x = layers.ReLU(name="relu"), keras.Input((4,), name="x")
    inner = keras.Model(x, shared(x), name="inner")
    watch = Watch(keras.Model(x, inner(x)), keras.Model(x, shared(x)))
    with watch.running():
        shared(np.ones((2, 4), "float32"))
    assert [one.path for one in watch.seen] == ["inner/relu"]


def test_only_tensors_are_kept() -> None:
    pair = Pair(name="pair")
    x = keras.Input((4,), name="x")
    watch = Watch(keras.Model(x, layers.ReLU(name="relu")(x)), keras.Sequential([pair], name="chain"))
    with watch.running():
        pair(np.ones((2, 4), "float32"))
    assert [(one.path, [value.shape for value in one.outputs]) for one in watch.seen] == [("pair", [(2, 4)])]
