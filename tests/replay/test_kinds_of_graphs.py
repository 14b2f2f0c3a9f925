"""Cuts at every tensor of small models that are awkward in one way each."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers, ops

from graphlint.errors import UnboundedCut
from graphlint.model.graph import Tensor
from graphlint.replay.clone import clone
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.verify import verify
from tests.replay.invariants import assert_same, batch, call, check_split

KINDS: dict[str, Callable[[], keras.Model]] = {}

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*passed an input with a mask attached.*"),
    pytest.mark.filterwarnings("ignore:.*structure of `inputs`.*"),
]


def kind(build: Callable[[], keras.Model]) -> Callable[[], keras.Model]:
    KINDS[build.__name__] = build
    return build


def two_layers(shape: tuple[int | None, ...], name: str = "inner") -> keras.Model:
    inputs = keras.Input(shape, name="f")
    return keras.Model(inputs, layers.Dense(3, name="b")(layers.Dense(4, name="a")(inputs)), name=name)


@kind
def inputs_that_are_cast_and_widened() -> keras.Model:
    inner = two_layers((1,))
    left, right = keras.Input((), dtype="int32", name="left"), keras.Input((1,), name="right")
    return keras.Model([left, right], layers.Dense(2, name="out")(layers.Add(name="add")([inner(left), inner(right)])))


@kind
def dictionaries_into_and_out_of_a_nested_model() -> keras.Model:
    a, b = keras.Input((3,), name="a"), keras.Input((4,), name="b")
    hidden = layers.Dense(5, name="h")(layers.Concatenate(name="c")([a, b]))
    outputs = {"s": layers.Dense(2, name="s")(hidden), "t": layers.Dense(2, name="t")(hidden)}
    inner = keras.Model({"a": a, "b": b}, outputs, name="inner")
    x, y, z = keras.Input((3,), name="x"), keras.Input((4,), name="y"), keras.Input((4,), name="z")
    first, second = inner({"a": x, "b": y}), inner({"a": x, "b": z})
    return keras.Model([x, y, z], layers.Concatenate(name="out")([first["s"], first["t"], second["t"]]))


@kind
def a_nested_model_called_by_the_names_of_its_inputs() -> keras.Model:
    a, b = keras.Input((3,), name="a"), keras.Input((4,), name="b")
    both = [layers.Dense(2, name="d")(a), layers.Dense(2, name="e")(b)]
    inner = keras.Model([b, a], layers.Concatenate(name="c")(both), name="inner")
    x, y = keras.Input((3,), name="x"), keras.Input((4,), name="y")
    return keras.Model([x, y], layers.Dense(2, name="out")(inner({"a": x, "b": y})))


@kind
def a_mask_passed_to_a_nested_model() -> keras.Model:
    inputs = keras.Input((5, 3), name="s")
    inner = keras.Model(inputs, layers.LSTM(3, name="l2")(layers.LSTM(4, return_sequences=True, name="l1")(inputs)))
    x, y = keras.Input((5, 3), name="x"), keras.Input((5, 3), name="y")
    mask = keras.Input((5,), dtype="bool", name="mask")
    return keras.Model([x, y, mask], layers.Add(name="add")([inner(x, mask=mask), inner(y)]))


@kind
def masks_passed_to_a_nested_model_with_two_inputs() -> keras.Model:
    one, other = keras.Input((5, 3), name="one"), keras.Input((5, 3), name="other")
    parts = [layers.LSTM(3, name="l1")(one), layers.LSTM(3, name="l2")(layers.Dense(3, name="d")(other))]
    inner = keras.Model([one, other], layers.Concatenate(name="c")(parts), name="inner")
    x, mask = keras.Input((5, 3), name="x"), keras.Input((5,), dtype="bool", name="mask")
    return keras.Model([x, mask], layers.Dense(2, name="out")(inner([x, x], mask=[mask, None])))


class SecondAlone(layers.Layer):
    """Its first argument may be left out."""

    def call(self, first=None, second=None, mask=None, training=False):
        return second if first is None else first + second


@kind
def arguments_passed_by_name() -> keras.Model:
    x = keras.Input((4,), name="x")
    sums = SecondAlone(name="alone")
    hidden = layers.Dense(4, name="a")(x)
    return keras.Model(x, layers.Dense(2, name="out")(sums(first=hidden, second=x, training=False)))


@kind
def a_mask_that_is_not_the_one_attached() -> keras.Model:
    """The same operation on the same tensor with another number, and another operation."""
    tokens = keras.Input((5,), dtype="int32", name="tokens")
    x = layers.Embedding(6, 3, mask_zero=True, name="embedding")(tokens)
    ones = layers.LSTM(3, name="ones")(x, mask=ops.not_equal(tokens, 1))
    more = layers.LSTM(3, name="more")(x, mask=ops.greater(tokens, 0))
    same = layers.LSTM(3, name="same")(x, mask=ops.not_equal(tokens, 0))
    return keras.Model(tokens, layers.Concatenate(name="out")([ones, more, same]))


@kind
def an_argument_passed_by_name_without_those_before_it() -> keras.Model:
    x = keras.Input((4,), name="x")
    alone = SecondAlone(name="alone")
    return keras.Model(x, layers.Dense(2, name="out")(alone(second=layers.Dense(4, name="a")(x), training=False)))


@kind
def a_nested_model_called_in_two_modes() -> keras.Model:
    inputs = keras.Input((4,), name="s")
    norm = layers.BatchNormalization(name="norm")
    inner = keras.Model(inputs, layers.Dense(3, name="d2")(norm(layers.Dense(3, name="d1")(inputs))), name="inner")
    inner.trainable = False
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    return keras.Model([x, y], layers.Add(name="add")([inner(x, training=False), inner(y)]))


@kind
def one_model_at_three_levels() -> keras.Model:
    def wrap(build: Callable[..., object], name: str) -> keras.Model:
        inputs = keras.Input((4,), name="s")
        return keras.Model(inputs, build(inputs), name=name)

    a = wrap(lambda s: layers.Dense(4, name="d2")(layers.Dense(4, name="d1")(s)), "a")
    b = wrap(lambda s: a(layers.ReLU(name="r")(a(s))), "b")
    return wrap(lambda s: layers.Add(name="add")([b(s), a(s)]), "c")


@kind
def names_with_a_meaning_in_addresses() -> keras.Model:
    inputs = keras.Input((4,), name="we:ird")
    return keras.Model(inputs, layers.Dense(2, name="o@x")(layers.Dense(3, name="a#1")(inputs)))


@kind
def a_nested_model_that_returns_its_input() -> keras.Model:
    inputs = keras.Input((4,), name="s")
    inner = keras.Model(inputs, [inputs, layers.Dense(4, name="d")(inputs)], name="inner")
    x = keras.Input((4,), name="x")
    return keras.Model(x, layers.Add(name="add")(inner(x)))


@kind
def an_output_that_is_an_input() -> keras.Model:
    x = keras.Input((4,), name="x")
    return keras.Model(x, [x, layers.Dense(2, name="d")(x)])


@kind
def attention_with_scores_and_masks() -> keras.Model:
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    embedded = layers.Embedding(10, 8, mask_zero=True, name="e")(tokens)
    attention = layers.MultiHeadAttention(2, 4, name="mha")
    mixed, scores = attention(embedded, embedded, return_attention_scores=True, use_causal_mask=True)
    normal = layers.LayerNormalization(name="norm")(layers.Add(name="add")([embedded, mixed]))
    return keras.Model(tokens, [layers.GlobalAveragePooling1D(name="pool")(normal), scores])


@kind
def masks_through_wrappers() -> keras.Model:
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    x = layers.Embedding(10, 8, mask_zero=True, name="e")(tokens)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both")(x)
    return keras.Model(tokens, layers.GRU(3, name="gru")(layers.TimeDistributed(layers.Dense(4), name="each")(x)))


@kind
def states_into_layers_whose_input_is_masked() -> keras.Model:
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    embedded = layers.Embedding(10, 4, mask_zero=True, name="e")(tokens)
    _, state = layers.GRU(3, return_state=True, name="first")(embedded)
    sequence = layers.GRU(3, return_sequences=True, name="second")(embedded, initial_state=state)
    return keras.Model(tokens, layers.GRU(2, name="third")(sequence))


@kind
def masks_of_two_nested_models_meet() -> keras.Model:
    def tower(name: str) -> keras.Model:
        tokens = keras.Input((6,), dtype="int32", name="tokens")
        embedded = layers.Embedding(10, 4, mask_zero=True, name="e")(tokens)
        return keras.Model(tokens, layers.GRU(3, return_sequences=True, name="gru")(embedded), name=name)

    x, y = keras.Input((6,), dtype="int32", name="x"), keras.Input((6,), dtype="int32", name="y")
    query = layers.Dense(3, name="query")(tower("left")(x))
    return keras.Model([x, y], layers.Attention(name="attention")([query, tower("right")(y)]))


@kind
def attention_takes_masks_off() -> keras.Model:
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    embedded = layers.Embedding(10, 4, mask_zero=True, name="e")(tokens)
    mixed = layers.MultiHeadAttention(2, 2, name="first")(embedded, embedded)
    mixed = layers.LayerNormalization(name="norm")(layers.Add(name="add")([embedded, mixed]))
    again, scores = layers.MultiHeadAttention(2, 2, name="second")(mixed, embedded, return_attention_scores=True)
    return keras.Model(tokens, [layers.GlobalAveragePooling1D(name="pool")(again), scores])


@kind
def mixed_precision_in_a_nested_model() -> keras.Model:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        inner = two_layers((4,))
    finally:
        keras.config.set_dtype_policy("float32")
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    return keras.Model([x, y], layers.Dense(2, name="out")(layers.Add(name="add")([inner(x), inner(y)])))


@kind
def constants_and_slices() -> keras.Model:
    x = keras.Input((4,), name="x")
    constant = np.ones((1, 4), "float32")
    first, second = ops.add(x, constant), ops.multiply(x, ops.convert_to_tensor(constant))
    return keras.Model(x, {"sum": [first[:, ::2], second[..., 1:]], "last": (first,)})


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_tensor_is_a_cut(name: str) -> None:
    keras.utils.set_random_seed(3)
    model = KINDS[name]()
    live = LiveGraph(model)
    for call_id, node in live.graph.calls.items():
        for output in range(len(node.outputs)):
            try:
                check_split(model, live.graph.address(Tensor(call_id, output)), complete=True)
            except UnboundedCut as error:
                assert "no output is reached" in str(error)
                assert not live.graph.consumers(Tensor(call_id, output)) or call_id not in live.graph.live_nodes


@pytest.mark.parametrize("name", sorted(KINDS))
def test_copies_are_equal(name: str) -> None:
    keras.utils.set_random_seed(3)
    model = KINDS[name]()
    found = verify(model, clone(model))
    assert found and found.exact, str(found)
    undone = clone(model, sharing="undo")
    assert_same(call(undone, batch(model)), call(model, batch(model)))


def test_a_stateful_layer_starts_from_the_same_state() -> None:
    x = keras.Input(batch_shape=(3, 5, 4), name="x")
    model = keras.Model(x, layers.Dense(2, name="out")(layers.LSTM(4, stateful=True, name="lstm")(x)))
    model(batch(model))
    assert verify(model, clone(model)).exact
