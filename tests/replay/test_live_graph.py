"""What calls receive, as the user chose it and as Keras fills it in; nothing is computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from graphlint.errors import NotBuilt, OpaqueBody, ReplayError
from graphlint.knowledge import keras_internals
from graphlint.replay.live_graph import LiveGraph, chosen_kwargs, filled_masks, same_computation


class Symbols:
    """Tensors with and without masks: ``x`` and ``q`` carry one, ``y`` and ``m`` (a mask itself) do not."""

    def __init__(self) -> None:
        tokens = keras.Input((6,), dtype="int32", name="tokens")
        self.x = layers.Embedding(9, 4, mask_zero=True)(tokens)
        self.q = layers.Embedding(8, 4, mask_zero=True)(tokens)
        self.y = keras.Input((6, 4), name="y")
        self.m = keras.Input((6,), dtype="bool", name="m")
        self.of_x, self.of_q = keras_internals.mask_of(self.x), keras_internals.mask_of(self.q)
        self.again = ops.not_equal(tokens, 0)


class Plain(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs


class Merges(layers.Layer):
    def call(self, inputs: Any, mask: Any = None) -> Any:
        return inputs[0]


class Trains(layers.Layer):
    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        return inputs[0]


LSTM, DENSE, ATTENTION = (lambda: layers.LSTM(3)), (lambda: layers.Dense(3)), (lambda: layers.MultiHeadAttention(2, 2))


@pytest.mark.parametrize(
    ("make", "args", "given", "kept"),
    [
        (LSTM, "y", {"training": False}, []),
        (LSTM, "y", {"training": None}, ["training"]),
        (LSTM, "y", {"training": True, "mask": None}, ["training"]),
        (LSTM, "x", {"training": False}, ["training"]),
        (LSTM, "", {"sequences": "x", "training": False}, ["sequences", "training"]),
        (LSTM, "", {"sequences": "y", "training": False}, ["sequences"]),
        (LSTM, "x", {"training": False, "mask": "of_x"}, []),
        (LSTM, "x", {"training": True, "mask": "of_x"}, ["training"]),
        (LSTM, "x", {"mask": "again"}, []),
        (LSTM, "x", {"mask": "of_q"}, []),
        (LSTM, "x", {"mask": "m"}, ["mask"]),
        (LSTM, "y", {"mask": "of_x"}, ["mask"]),
        (LSTM, "x", {"mask": "of_x", "initial_state": ["y", "y"]}, ["mask", "initial_state"]),
        (Trains, [["y", "x"]], {"training": False}, ["training"]),
        (Trains, [["y", "y"]], {"training": False}, []),
        (DENSE, "x", {"training": None}, []),
        (Plain, "x", {"training": None}, ["training"]),
        (ATTENTION, "xy", {"query_mask": "of_x", "value_mask": None, "training": None}, []),
        (ATTENTION, "xq", {"query_mask": "of_x", "value_mask": "of_q", "key_mask": None}, []),
        (ATTENTION, "xq", {"query_mask": "m", "attention_mask": "of_x"}, ["query_mask", "attention_mask"]),
        (ATTENTION, "xq", {"use_causal_mask": True}, ["use_causal_mask"]),
        (Merges, [["x", "y"]], {"mask": ["of_x", None]}, []),
        (Merges, [["x", "y"]], {"mask": [None, "of_x"]}, ["mask"]),
        (Merges, [["x", "y"]], {"mask": ["of_x"]}, ["mask"]),
        (Merges, [["x", "y"]], {"mask": [None, None]}, []),
    ],
)
def test_what_the_user_chose(make: Callable[[], Any], args: Any, given: dict[str, Any], kept: list[str]) -> None:
    """Masks that travel with tensors and defaults are nobody's choice."""
    symbols = Symbols()

    def found(value: Any) -> Any:
        if isinstance(value, list):
            return [found(one) for one in value]
        return getattr(symbols, value) if isinstance(value, str) else value

    operation, args = make(), tuple(map(found, list(args)))
    kwargs = {key: found(value) for key, value in given.items()}
    chosen = chosen_kwargs(operation, args, kwargs)
    assert list(chosen) == kept and all(chosen[key] is kwargs[key] for key in kept)
    masks = [key for key, value in given.items() if key.endswith("mask") and value not in (None, [None, None])]
    assert [key for key in chosen_kwargs(operation, args, kwargs, keep_masks=True) if key.endswith("mask")] == masks


def test_masks_that_keras_fills_in() -> None:
    s = Symbols()
    lstm, attention = layers.LSTM(3), layers.MultiHeadAttention(2, 2)
    assert filled_masks(lstm, (s.x,), {}) == {"mask": s.x} == filled_masks(lstm, (), {"sequences": s.x})
    assert filled_masks(lstm, (s.x,), {"initial_state": [s.y, s.y]}) == {}
    assert filled_masks(lstm, (s.x,), {"mask": s.m}) == {}
    assert filled_masks(lstm, (s.x,), {"mask": None, "training": True}) == {"mask": s.x}
    assert filled_masks(layers.Dense(2), (s.x,), {}) == {}
    assert filled_masks(attention, (s.x, s.y), {}) == {"query_mask": s.x, "value_mask": s.y}
    assert filled_masks(attention, (s.x, s.y, s.q), {"query_mask": s.m}) == {"value_mask": s.y, "key_mask": s.q}
    pair = [s.x, None]
    assert filled_masks(Merges(), (pair,), {}) == {"mask": pair}
    assert filled_masks(Merges(), ([s.x, 3],), {}) == {} == filled_masks(Merges(), ([],), {})
    array = np.zeros((2, 6, 4))
    assert list(filled_masks(lstm, (array,), {})) == ["mask"]


def test_tensors_that_are_computed_alike() -> None:
    x, z = keras.KerasTensor((2, 4)), keras.KerasTensor((2, 4))
    dense = layers.Dense(2)
    once, twice = dense(x), dense(x)
    pairs = [
        (x, x, True),
        (x, z, False),
        (None, None, True),
        (x, None, False),
        (None, x, False),
        (1, 1, True),
        (once, twice, False),
        (ops.exp(x), ops.exp(x), True),
        (ops.exp(x), ops.exp(z), False),
        (ops.exp(x), ops.log(x), False),
        (ops.exp(x), x, False),
        (x, ops.exp(x), False),
        (ops.not_equal(x, 0), ops.not_equal(x, 0), True),
        (ops.not_equal(x, 0), ops.not_equal(x, 1), False),
        (ops.not_equal(x, 0), ops.not_equal(x, False), False),
        (ops.not_equal(x, 0), ops.not_equal(x, 0.0), False),
        (ops.not_equal(x, 0), ops.not_equal(x, z), False),
        (ops.multiply(x, float("0.3")), ops.multiply(x, float("0.3")), True),
        (ops.multiply(x, float("0.3")), ops.multiply(x, 0.4), False),
        (ops.add(x, z), ops.add(z, x), False),
        (ops.exp(ops.add(x, z)), ops.exp(ops.add(x, z)), True),
        (ops.exp(ops.add(x, z)), ops.exp(ops.add(x, x)), False),
        (ops.sum(x, axis=0), ops.sum(x, axis=0), True),
        (ops.sum(x, axis=0), ops.sum(x, axis=1), False),
        (ops.split(x, 2)[0], ops.split(x, 2)[0], True),
        (ops.split(x, 2)[0], ops.split(x, 2)[1], False),
        (ops.exp(once), ops.exp(once), True),
        (ops.exp(once), ops.exp(twice), False),
        (ops.concatenate([x, z]), ops.concatenate([x, z]), True),
        (ops.concatenate([x, z]), ops.concatenate([x, z, z]), False),
    ]
    for number, (one, other, same) in enumerate(pairs):
        assert same_computation(one, other) == same, number
    table = np.ones(4)
    assert same_computation(ops.add(x, table), ops.add(x, table))
    assert not same_computation(ops.add(x, table), ops.add(x, np.ones(4)))


def test_what_units_are_and_receive() -> None:
    inner = keras.Input((4,), name="i")
    body = keras.Sequential(
        [keras.Input((4,), name="s"), layers.Dense(4, name="a"), layers.Dropout(0.5, name="b")], name="seq"
    )
    nested = keras.Model(inner, [body(inner), layers.ReLU(name="r")(inner)], name="nested")
    x = keras.Input((4,), name="x")
    first, second = nested(x)
    model = keras.Model(x, layers.Add(name="sum")([second, first]))
    live = LiveGraph(model)
    assert live.units == {
        ".": ["x#0", "nested#0", "sum#0"],
        "nested#0": ["nested#0/i#0", "nested#0/seq#0", "nested#0/r#0"],
        "nested#0/seq#0": ["nested#0/seq#0/s#0", "nested#0/seq#0/a#0", "nested#0/seq#0/b#0"],
    }
    assert {unit for unit in live.position if live.is_scope(unit)} == {"nested#0", "nested#0/seq#0"}
    assert live.layer_path("nested#0/seq#0") == "nested/seq" and live.layer_path("sum#0") == "sum"
    assert live.operation("nested#0/seq#0/a#0") is body.get_layer("a") and live.operation("nested#0") is nested
    inputs = [unit for unit in live.position if live.is_input(unit)]
    assert sorted(inputs) == ["nested#0/i#0", "nested#0/seq#0/s#0", "x#0"]
    deepest = live.outputs("nested#0/seq#0")[0]
    assert deepest.call == "nested#0/seq#0/b#0" and live.outputs("nested#0")[0] == deepest
    assert list(live.enclosing(deepest)) == ["nested#0/seq#0", "nested#0"]
    assert live.unit_in(".", deepest) == "nested#0" and live.unit_in("nested#0", deepest) == "nested#0/seq#0"
    assert [tensor.call for _, tensor in live.arguments("sum#0").tensors] == ["nested#0/r#0", "nested#0/seq#0/b#0"]
    assert [name for name, _ in live.arguments("sum#0").tensors] == ["0", "0"]
    assert live.arguments("nested#0/seq#0/b#0").kwargs == {} and len(live.arguments("nested#0/seq#0/b#0").args) == 1
    assert live.binding("nested#0/i#0").call == "x#0" and live.binding("x#0") is None
    assert {one.name for one in live.operations()} >= {"x", "nested", "i", "seq", "a", "b", "r", "sum"}
    assert live.arguments("sum#0") is live.arguments("sum#0")
    before = live.arguments("sum#0")
    live.keep_masks()
    assert live.arguments("sum#0") is not before


class Calls(keras.Model):
    """Has a graph, and does something else."""

    def call(self, inputs: Any) -> Any:
        return super().call(inputs) * 2


def without_graph() -> list[tuple[Any, type[ReplayError], str]]:
    x = keras.Input((4,))
    code = type("Code", (keras.Model,), {})(name="net")
    return [
        (3, ReplayError, "expected a keras.Model, got int: pass the model itself, not its output"),
        (
            keras.Sequential([layers.Dense(2)], name="seq"),
            NotBuilt,
            (
                "expected a built model, got Sequential 'seq' without a graph: give it a keras.Input or call "
                "model.build(input_shape) first"
            ),
        ),
        (
            code,
            OpaqueBody,
            (
                "expected a Functional or Sequential model, got Code 'net', whose inside is code and cannot be "
                "replayed: cut the Functional models inside it"
            ),
        ),
        (
            Calls(x, layers.ReLU()(x), name="own"),
            OpaqueBody,
            "Calls 'own' has its own call(), so its graph is not what runs: cut the Functional models inside it",
        ),
    ]


def test_what_has_no_graph() -> None:
    for model, kind, message in without_graph():
        with pytest.raises(ReplayError) as raised:
            LiveGraph(model)
        assert type(raised.value) is kind and str(raised.value) == message


def test_what_each_argument_is_called() -> None:
    """Tensors by place or keyword, in structures, beside constants; of what Keras filled in, only with keep_masks."""
    tokens, x, y = (
        keras.Input((6,), dtype="int32", name="t"),
        keras.Input((6, 4), name="x"),
        keras.Input((4,), name="y"),
    )
    words = layers.Embedding(9, 4, mask_zero=True, name="words")(tokens)
    found = layers.MultiHeadAttention(2, 2, name="attend")(words, x, use_causal_mask=True)
    state = layers.LSTM(4, name="lstm")(found, initial_state=[y, y], training=True)
    both = layers.LSTM(4, name="after")(words)
    live = LiveGraph(keras.Model([tokens, x, y], layers.Concatenate(name="all")([state, y, both])))

    def received(call: str) -> list[str]:
        return [f"{name} {tensor.call}" for name, tensor in live.arguments(call).tensors]

    assert received("words#0") == ["0 t#0"]
    assert received("attend#0") == ["0 words#0", "1 x#0"] and live.arguments("attend#0").kwargs == {
        "use_causal_mask": True
    }
    assert received("lstm#0") == ["0 attend#0", "initial_state y#0", "initial_state y#0"]
    assert live.arguments("lstm#0").kwargs["training"] is True and set(live.arguments("lstm#0").kwargs) == {
        "initial_state",
        "training",
    }
    assert received("after#0") == ["0 words#0"] and live.arguments("after#0").kwargs == {}
    assert received("all#0") == ["0 lstm#0", "0 y#0", "0 after#0"]
    live.keep_masks()
    assert [one.partition(" ")[0] for one in received("after#0")] == ["0", "mask"]
    assert received("all#0") == ["0 lstm#0", "0 y#0", "0 after#0"]


def test_what_a_sequential_model_hands_on() -> None:
    """Each layer receives the tensor before it, without the casts and masks between them."""
    model = keras.Sequential(
        [
            keras.Input((6,), dtype="int32", name="t"),
            layers.Embedding(9, 4, mask_zero=True, name="words"),
            layers.LSTM(3, name="state"),
            layers.Dense(2, dtype="float64", name="out"),
        ]
    )
    live = LiveGraph(model)
    for unit, before in (("words#0", "t#0"), ("state#0", "words#0"), ("out#0", "state#0")):
        found = live.arguments(unit)
        assert [(name, tensor.call) for name, tensor in found.tensors] == [("0", before)]
        assert len(found.args) == 1 and found.kwargs == {} and found.args[0] is live.symbol(found.tensors[0][1])
