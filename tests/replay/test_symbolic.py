"""Calls on symbols, and what cannot be called again."""

from __future__ import annotations

from collections import namedtuple
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from graphlint.knowledge import keras_internals
from graphlint.replay.attached_masks import reads_mask_unasked
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.symbolic import StuckError, by_path, node_of, symbolic_call, target_shape

Pair = namedtuple("Pair", "one two")


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "shape", "expected"),
    [
        ("reshape", ("x", (2, 6)), {}, None, (2, 6)),
        ("reshape", ("x", [np.int64(2), -1]), {}, None, (2, -1)),
        ("reshape", ("x", -1), {}, None, (-1,)),
        ("reshape", ("x",), {"newshape": (3,)}, None, (3,)),
        ("reshape", (), {"x": "x", "shape": (4,)}, None, (4,)),
        ("broadcast_to", ("x", (2, 6)), {}, None, (2, 6)),
        ("reshape", ("x", (None, 3)), {}, (None, 3), (-1, 3)),
        ("reshape", ("x", (3, None)), {}, (3, None), (3, -1)),
        ("reshape", ("x", None), {}, (None,), (-1,)),
        ("reshape", ("x", (None, 3)), {}, (2, 3), (2, 3)),
        ("reshape", ("x", (None, 3)), {}, None, "a shape that is only known when it runs"),
        ("broadcast_to", ("x", (None, 3)), {}, (None, 3), "broadcasts to a size that is only known"),
        ("reshape", ("x", (3, None, None)), {}, (3, None, None), "reshapes to 2 sizes that are only known"),
        ("reshape", ("x", (None, None, None)), {}, (None, None, None), "reshapes to 3 sizes"),
        ("reshape", ("fixed", (None, None, 3)), {}, (None, None, 3), "reshapes to 2 sizes"),
        ("reshape", ("flat", (None, None, 3)), {}, (None, None, 3), "reshapes to 2 sizes"),
        ("reshape", ("x", (2, None, 3)), {}, (None, None, 3), "reshapes to 2 sizes"),
        ("reshape", ("x", (None, None, None)), {}, (2, None, None), "reshapes to 2 sizes"),
        ("reshape", ("scalar", (None, None, 3)), {}, (None, None, 3), "reshapes to 2 sizes"),
    ],
)
def test_what_is_reshaped_to(name: str, args: Any, kwargs: Any, shape: Any, expected: Any) -> None:
    known = {"x": (None, 12), "fixed": (2, 12), "flat": (None,), "scalar": ()}

    def filled(value: Any) -> Any:
        return keras.KerasTensor(known[value]) if isinstance(value, str) else value

    args, kwargs = tuple(map(filled, args)), {key: filled(value) for key, value in kwargs.items()}
    if isinstance(expected, str):
        with pytest.raises(StuckError, match=expected):
            target_shape("it", f"keras.ops.{name}", args, kwargs, shape)
    else:
        found = target_shape("it", f"keras.ops.{name}", args, kwargs, shape)
        assert found == expected and all(type(size) is int for size in found)


def test_a_batch_of_unknown_size_is_kept() -> None:
    x = keras.KerasTensor((None, 12), dtype="int32")
    found = target_shape("it", "keras.ops.reshape", (x, (None, None, 3)), {}, (None, None, 3))
    assert found.shape == (None, 4, 3) and found.dtype == "int32"


def test_leaves_by_path() -> None:
    def shown(leaf: Any, path: str) -> str:
        return f"{path}={leaf}"

    assert by_path(3, shown) == "=3" and by_path(3, shown, "a") == "a=3"
    assert by_path({"a": [1, (2,)], "b": Pair(3, {"c": 4})}, shown) == {
        "a": ["a/0=1", ("a/1/0=2",)],
        "b": Pair("b/0=3", {"c": "b/1/c=4"}),
    }
    assert isinstance(by_path(Pair(1, 2), shown), Pair)
    leaf = SimpleNamespace(_fields=("one", "two"))
    assert by_path([leaf], lambda one, path: (one, path)) == [(leaf, "0")]


class Scales(layers.Layer):
    def call(self, x: Any, factor: float = 1.0) -> Any:
        return x * factor


def test_calls_on_symbols() -> None:
    x = keras.KerasTensor((None, 4))
    add = layers.Add(name="sum")
    assert symbolic_call("it", layers.Dense(2), (x,), {}, x).shape == (None, 2)
    lifted = symbolic_call("it", add, ([np.ones((1, 4), "float32"), np.zeros((1, 4), "float32")],), {}, x)
    assert isinstance(lifted, keras.KerasTensor) and lifted.shape == (1, 4)
    drop, ones = layers.Dropout(0.5, name="drop"), np.ones((1, 4), "float32")
    for given in (x, ones):
        found = symbolic_call("it", drop, (given,), {"training": False}, x)
        assert isinstance(found, keras.KerasTensor) and found.shape == given.shape
    scaled = symbolic_call("it", Scales(name="scales"), (ones,), {"factor": 3.0}, x)
    (held,), kwargs = keras_internals.node_arguments(node_of(scaled))
    assert held.shape == (1, 4) and kwargs == {"factor": 3.0}
    with pytest.raises(StuckError, match="it is called on no tensor"):
        symbolic_call("it", add, ([1, 2],), {}, x)
    with pytest.raises(StuckError, match="it cannot be called on symbols"):
        symbolic_call("it", add, ([x, keras.KerasTensor((None, 5))],), {}, x)
    assert node_of(lifted) is not None and node_of(3) is None and node_of(keras.KerasTensor(())) is None


class Without(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs


class With(layers.Layer):
    def __init__(self, *inside: Any, **options: Any) -> None:
        super().__init__(**options)
        self.inside = list(inside)

    def call(self, inputs: Any, mask: Any = None) -> Any:
        return inputs


class WithQuery(Without):
    def call(self, query: Any, query_mask: Any = None) -> Any:
        return query


def test_which_calls_read_a_mask_that_they_do_not_ask_for() -> None:
    x = inputs = keras.Input((6, 4), name="x")
    inner = keras.Input((6, 4), name="i")
    called = [
        Without(name="a"),
        With(name="b"),
        With(layers.ReLU(), name="c"),
        WithQuery(name="d"),
        layers.ReLU(name="e"),
    ]
    for layer in (*called, keras.Model(inner, layers.ReLU()(inner), name="f")):
        x = layer(x)
    live = LiveGraph(keras.Model(inputs, x))
    assert [name for name in "abcdef" if reads_mask_unasked(live, f"{name}#0")] == ["a", "c"]
