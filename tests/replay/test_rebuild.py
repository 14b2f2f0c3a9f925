"""Models from symbolic tensors: names, classes, Inputs. Nothing is computed."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers

from graphlint.errors import NameCollision
from graphlint.knowledge import keras_internals
from graphlint.replay.edit import edit
from graphlint.replay.extract import features
from graphlint.replay.rebuild import build_like, build_model, fresh_input_layer, input_like, unique


def names(model: keras.Model) -> list[str]:
    return [layer.name for layer in model.layers]


def test_a_name_that_nothing_has() -> None:
    taken = {"a", "b", "b_input"}
    assert [unique("a", taken), unique("a", taken), unique("a", taken)] == ["a_input", "a_input_1", "a_input_2"]
    assert [unique("b", taken), unique("c", taken)] == ["b_input_1", "c"]
    assert taken == {"a", "b", "b_input", "a_input", "a_input_1", "a_input_2", "b_input_1", "c"}


def test_operations_that_were_made_on_the_way_are_renamed() -> None:
    x = keras.Input((4,), name="x")
    first, second = layers.ReLU(name="a"), layers.ReLU(name="a_1")
    outputs = second(layers.Identity(name="a")(layers.Softmax(name="a")(first(x))))
    model = build_model(x, outputs, "net", {id(first), id(second)}, 4)
    assert sorted(names(model)) == ["a", "a_1", "a_2", "a_3", "x"] and model.name == "net"
    assert (first.name, second.name) == ("a", "a_1")
    outputs = layers.Identity(name="b")(first(x))
    other = layers.ReLU(name="b")
    with pytest.raises(NameCollision, match="two layers named 'b' would be in one model"):
        build_model(
            x, [outputs, other(outputs)], "net", {id(other), id(keras_internals.producer(outputs)[0].operation)}, 4
        )


def test_inputs_that_nothing_receives_are_connected() -> None:
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    model = build_model([x, y], [layers.ReLU(name="a")(x), y], "net", set(), 3)
    assert [one.shape for one in model.outputs] == [(None, 4)] * 2 and set(names(model)) >= {"x", "y", "a"}
    with pytest.raises(ValueError, match="not connected"):
        build_model(x, layers.ReLU()(y), "net", set(), 3)


def test_a_graph_with_many_paths_is_walked_once() -> None:
    x = found = keras.Input((4,), name="x")
    for _ in range(40):
        found = layers.Add()([found, found])
    model = build_model(x, layers.ReLU(name="a")(layers.ReLU(name="a")(found)), "net", set(), 42)
    assert names(model)[-2:] == ["a_1", "a"]


def strict_model(inputs: Any, outputs: Any, name: str | None = None) -> keras.Model:
    """Refuses Inputs that nothing receives, as Keras 3.12 does."""
    makers = [keras_internals.history(one)[0] for one in inputs]  # type: ignore[index]
    if not all(keras_internals.outbound_nodes(one) for one in makers):
        raise ValueError("`inputs` not connected to `outputs`")
    return keras.Model(inputs, outputs, name=name)


def test_inputs_that_nothing_receives_are_passed_on_where_keras_wants_it() -> None:
    x, y = keras.Input((4,), name="x"), keras.Input((3,), name="y", dtype="int32")
    found = layers.ReLU(name="a")(x)
    model = build_model([x, y], {"a": found, "x": x, "y": y}, "net", set(), 3, strict_model)
    assert names(model) == ["x", "y", "a", "y_identity"] and model.name == "net"
    assert model.output["a"] is found and model.output["x"] is x
    assert (model.output["y"].shape, model.output["y"].dtype) == ((None, 3), "int32")
    x, y = keras.Input((4,), name="x"), keras.Input((3,), name="y")
    twins = layers.ReLU(name="a")(layers.ReLU(name="a")(x))
    model = build_model([x, y], [twins, y], "net", set(), 3, strict_model)
    assert sorted(names(model)) == ["a", "a_1", "x", "y", "y_identity"] and model.name == "net"


def built(layer_or_layers: Any, **flags: Any) -> tuple[Any, Any]:
    x = keras.Input((4, 3), name="x")
    out = x
    for layer in layer_or_layers if isinstance(layer_or_layers, list) else [layer_or_layers]:
        out = layer(out, **flags)
    return x, out


def test_what_replaces_a_sequential_model() -> None:
    """It is one again where its layers are a chain that receives nothing but tensors."""
    old = keras.Sequential([keras.Input((4, 3)), layers.ReLU()], name="old")
    old.trainable = False
    one, two = layers.Dense(3, name="one"), layers.Dropout(0.5, name="two")
    chain = build_like(old, *built([one, two]), set(), 3)
    assert type(chain) is keras.Sequential and chain.name == "old" and chain.layers == [one, two]
    assert not chain.trainable and one.trainable
    assert type(build_like(old, *built(layers.Dropout(0.5), training=True), set(), 3)) is not keras.Sequential
    assert type(build_like(old, *built([one, one]), set(), 3)) is not keras.Sequential
    assert type(build_like(old, *built([one, two]), set(), 3, keep_class=False)) is not keras.Sequential
    x, out = built(one)
    assert type(build_like(old, x, [out], set(), 3)) is not keras.Sequential
    assert type(build_like(old, [x], out, set(), 3)) is not keras.Sequential
    assert type(build_like(old, x, keras.ops.exp(out), set(), 3)) is not keras.Sequential
    assert type(build_like(old, x, layers.Add()([out, out]), set(), 3)) is not keras.Sequential
    states = layers.LSTM(3, return_state=True)(x)
    assert type(build_like(old, x, states[0], set(), 3)) is not keras.Sequential
    assert type(build_like(old, x, x, set(), 3)) is not keras.Sequential
    x, y = keras.Input((4, 3)), keras.Input((4, 3))
    assert type(build_like(old, [x, y], one(y), set(), 3)) is not keras.Sequential


class OfAGraph(keras.Model):
    """Is only its graph."""


class OfItsOwn(keras.Model):
    def __init__(self, inputs: Any, outputs: Any, size: int, **options: Any) -> None:
        super().__init__(inputs, outputs, **options)
        self.size = size


def test_classes_and_flags_are_kept_where_they_can_be() -> None:
    x, out = built(layers.Dense(3))
    half = OfAGraph(x, out, name="half")
    half.dtype_policy = keras.DTypePolicy("mixed_float16")
    again = build_like(half, *built(layers.ReLU()), set(), 2)
    assert type(again) is OfAGraph and again.trainable and again.dtype_policy.name == "mixed_float16"
    assert type(build_like(half, *built(layers.ReLU()), set(), 2, keep_class=False)) is not OfAGraph
    assert type(build_like(OfItsOwn(x, out, 3), *built(layers.ReLU()), set(), 2)) is not OfItsOwn


def test_a_part_of_a_nested_model_has_the_inputs_that_it_needs() -> None:
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    left, right = layers.Dense(4, name="left")(a), layers.Dense(4, name="right")(b)
    inner = keras.Model(
        {"a": a, "b": b}, [layers.Dense(2, name="end")(left), layers.Add(name="sum")([left, right])], name="inner"
    )
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    model = keras.Model([x, y], layers.Add(name="out")(inner({"a": x, "b": y})[1:] * 2))
    part = features(model, "inner/right").get_layer("inner")
    assert not isinstance(part.input, (list, dict)) and part.inputs[0].name == "b" and names(part) == ["b", "right"]
    whole = features(model, "inner/sum").get_layer("inner")
    assert whole is inner


def test_an_opened_model_keeps_the_structure_of_what_it_receives_and_returns() -> None:
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    left, right = layers.Dense(3, name="left")(a), layers.Dense(2, name="right")(b)
    inner = keras.Model({"a": a, "b": b}, {"r": right, "l": left}, name="inner")
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    found = inner({"a": x, "b": y})
    model = keras.Model([x, y], layers.Concatenate(name="out")([found["r"], found["l"]]))
    changed = edit(model).insert_after("inner/left", layers.ReLU(name="relu")).build().get_layer("inner")
    assert {key: one.name for key, one in changed.input.items()} == {"a": "a", "b": "b"}
    (received,), _ = keras_internals.node_arguments(keras_internals.inbound_nodes(changed)[-1])
    assert {key: one.name for key, one in received.items()} == {"a": "x", "b": "y"}
    assert {key: one.shape for key, one in changed.output.items()} == {"r": (None, 2), "l": (None, 3)}


def test_an_opened_model_returns_no_mask_that_nobody_asked_for() -> None:
    words = keras.Input((6,), dtype="int32", name="words")
    inner = keras.Model(words, layers.Embedding(9, 4, mask_zero=True, name="embedding")(words), name="inner")
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    model = keras.Model(tokens, layers.LSTM(3, name="lstm")(inner(tokens)))
    changed = edit(model).insert_after("inner/embedding", layers.Dropout(0.5, name="drop")).build()
    assert changed.get_layer("inner").output_shape == (None, 6, 4) and names(changed) == ["tokens", "inner", "lstm"]


def test_inputs_like_tensors() -> None:
    x = keras.Input((6, 4), name="x")
    found, scores = layers.MultiHeadAttention(2, 2, name="attention")(x, x, return_attention_scores=True)
    assert input_like(scores, "s").shape == (None, 2, 6, None) and input_like(found, "f").shape == (None, 6, 4)
    _, state = layers.GRU(3, return_state=True)(x)
    assert input_like(state, "t").shape == (None, 3)
    narrow = input_like(keras.Input((4,), dtype="int32"), "p", dtype="float32")
    assert narrow.dtype == "float32" and narrow.name == "p" and not input_like(x, "q").sparse
    old = keras.layers.InputLayer((4,), name="old", optional=True)
    old.trainable = False
    new = fresh_input_layer(old)
    assert new is not old and new.name == "old" and new.optional and not new.trainable


def test_sparse_inputs_stay_sparse() -> None:
    sparse = input_like(keras.Input((4,), sparse=True, dtype="int32"), "p")
    assert sparse.sparse and sparse.dtype == "int32"
