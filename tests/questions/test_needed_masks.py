"""Which calls would use a mask, and which steps stay the same, on definitions without Keras."""

from __future__ import annotations

import pytest

from graphlint.model.definition import CallDefinition, Constant, ConstantKind, TensorRef, TensorSpec
from graphlint.model.expand import expand
from graphlint.model.graph import Tensor
from graphlint.questions.needed_masks import (
    keeps_time,
    last_step_matters,
    masked_arguments,
    receives,
    same_time,
    unfolded,
    users_of_mask,
)
from tests.model.definitions import definition, layer, model

STEPS = (None, 5, 4)
WHOLE = Constant(ConstantKind.SLICE, [None, None, None])
OBJECT = Constant(ConstantKind.OBJECT, 1)


def made(name, class_name, **config):
    return layer(name, class_name, config=config)


def op(name, class_name=None, **config):
    return layer(name, class_name or name, is_operation=True, config=config)


def step(one, *args, shape=STEPS, outputs=1, **kwargs):
    args = tuple(TensorRef(arg, 0) if isinstance(arg, int) and not isinstance(arg, bool) else arg for arg in args)
    return CallDefinition(one, args, kwargs, outputs=(TensorSpec(shape, "float32"),) * outputs)


def graph_of(*calls, outputs=None, shape=STEPS):
    every = [CallDefinition(layer("x", "InputLayer"), outputs=(TensorSpec(shape, "float32"),)), *calls]
    return expand(definition(model("net", every, [0], outputs or [len(every) - 1])))


LSTM, POOL = made("user", "LSTM"), made("user", "GlobalAveragePooling1D")
X = TensorRef(0, 0)


@pytest.mark.parametrize(
    ("between", "used"),
    [
        ([], True),
        ([step(made("a", "Dense"), 0)], True),
        ([step(made("a", "Dropout"), 0)], True),
        ([step(op("a", "Add"), 0, 0)], True),
        ([step(op("a", "Exp"), 0)], True),
        ([step(op("a", "Mean"), 0, axis=-1)], False),
        ([step(op("a", "Concatenate"), [X, X])], True),
        ([step(op("a", "Transpose"), 0)], False),
        ([step(op("a", "Concatenate"), [X, X], shape=(None, 10, 4))], False),
        ([step(made("a", "Reshape"), 0)], True),
        ([step(op("a", "Reshape"), 0)], True),
        ([step(op("a", "Squeeze"), 0)], True),
        ([step(op("a", "Squeeze"), 0, shape=(None, 5, 2))], False),
        ([step(made("a", "Reshape"), 0, shape=(None, 4, 5))], False),
        ([step(made("a", "Reshape"), 0, shape=(None, 5, None))], False),
        ([step(op("a", "Squeeze"), 0)], True),
        ([step(made("a", "Dense"), 0, shape=(None, 6, 4))], False),
        ([step(made("a", "Dense"), 0, shape=(None, 5))], False),
        ([step(made("a", "Dense"), 0, shape=None)], False),
        ([step(op("a", "GetItem"), 0, (WHOLE, WHOLE), shape=(None, 3, 4))], True),
        ([step(op("a", "GetItem"), 0, (WHOLE,), shape=(None, 3, 4))], False),
        ([step(op("a", "GetItem"), 0, WHOLE, shape=(None, 3, 4))], False),
        ([step(op("a", "GetItem"), 0, (WHOLE, 2), shape=(None, 3, 4))], False),
        ([step(op("a", "GetItem"), 0, (WHOLE, OBJECT), shape=(None, 3, 4))], False),
        ([step(op("a", "Exp"), 0, (WHOLE, WHOLE), shape=(None, 3, 4))], False),
        ([step(made("a", "Lambda"), 0)], True),
        ([step(layer("a", "Lambda", registered_name="x>Lambda"), 0)], False),
        ([step(layer("a", "Mine", registered_name="x>Mine"), 0)], False),
        ([step(made("a", "LSTM"), 0)], None),
        ([step(made("a", "Dense"), 0), step(made("b", "Dense"), 1)], True),
    ],
)
def test_a_mask_would_be_used_behind_what_keeps_the_steps(between, used):
    graph = graph_of(*between, step(LSTM, len(between)))
    found = users_of_mask(graph, Tensor("x#0", 0))
    if used is None:
        assert "a#0" in found
    else:
        assert found == (["user#0"] if used else [])


@pytest.mark.parametrize(
    ("user", "args", "kwargs", "masked"),
    [
        (LSTM, (0,), {}, [0]),
        (LSTM, (), {"inputs": X}, [0]),
        (LSTM, ([X, TensorRef(1, 0)],), {}, [0]),
        (LSTM, ([],), {}, []),
        (LSTM, ([3.0, X],), {}, []),
        (LSTM, (0,), {"mask": TensorRef(1, 0)}, []),
        (LSTM, (0,), {"mask": None}, [0]),
        *((LSTM, (0,), {key: TensorRef(1, 0)}, []) for key in ("attention_mask", "value_mask", "key_mask")),
        *((LSTM, (0,), {key: TensorRef(1, 0)}, []) for key in ("query_mask", "padding_mask")),
        (POOL, (0,), {}, [0]),
        (made("user", "GlobalMaxPooling1D"), (0,), {}, []),
        (made("user", "ConvLSTM1D"), (0,), {}, []),
        (made("user", "Dense"), (0,), {}, []),
        (made("user", "MultiHeadAttention"), (0, 1), {}, [1]),
        (made("user", "MultiHeadAttention"), (0,), {"value": TensorRef(1, 0)}, [1]),
        (made("user", "MultiHeadAttention"), (0,), {}, []),
        (made("user", "Attention"), ([X, TensorRef(1, 0)],), {}, [1]),
        (made("user", "Attention"), ([X, TensorRef(1, 0), X],), {}, [1]),
        (made("user", "Attention"), ([X],), {}, []),
        (made("user", "Attention"), (0,), {}, []),
        (made("user", "Bidirectional"), (0,), {}, [0]),
    ],
)
def test_whose_mask_a_call_would_use(user, args, kwargs, masked):
    graph = graph_of(step(made("y", "Dense"), 0), step(user, *args, **kwargs), outputs=[1, 2])
    found = masked_arguments(graph, graph.calls["user#0"], graph.layers["user"])
    assert list(found) == [Tensor(("x#0", "y#0")[place], 0) for place in masked]


def test_every_way_is_followed_once():
    calls = [step(made("a", "Dense"), 0), step(made("b", "Dense"), 0), step(op("sum", "Add"), 1, 2), step(LSTM, 3)]
    calls.append(step(made("also", "GRU"), 0))
    graph = graph_of(*calls, outputs=[4, 5])
    assert sorted(users_of_mask(graph, Tensor("x#0", 0))) == ["also#0", "user#0"]


@pytest.mark.parametrize(
    ("one", "outputs", "used", "matters"),
    [
        (made("rnn", "LSTM"), 1, [], True),
        (made("rnn", "LSTM", return_sequences=True), 1, [], False),
        (made("rnn", "LSTM", return_sequences=True), 3, [], False),
        (made("rnn", "LSTM", return_sequences=True), 3, [1], True),
        (made("rnn", "LSTM", return_sequences=True), 3, [2], True),
        (made("rnn", "LSTM", return_sequences=True), 3, [0], False),
        (made("rnn", "Bidirectional"), 1, [], False),
        (made("rnn", "ConvLSTM1D"), 1, [], False),
        (made("rnn", "Dense"), 1, [], False),
    ],
)
def test_whether_the_last_step_is_used(one, outputs, used, matters):
    calls = [step(one, 0, outputs=outputs), *(step(made(f"d{place}", "Dense"), TensorRef(1, place)) for place in used)]
    graph = graph_of(*calls)
    assert last_step_matters(graph, graph.calls["rnn#0"], graph.layers["rnn"]) is matters


def test_a_state_that_is_an_output_is_used():
    calls = [step(made("rnn", "LSTM", return_sequences=True), 0, outputs=2)]
    graph = graph_of(*calls)
    assert not last_step_matters(graph, graph.calls["rnn#0"], graph.layers["rnn"])
    every = [CallDefinition(layer("x", "InputLayer"), outputs=(TensorSpec(STEPS, "float32"),)), *calls]
    root = model("net", every, [0], [1])
    root.body.outputs = [TensorRef(1, 1)]
    graph = expand(definition(root))
    assert last_step_matters(graph, graph.calls["rnn#0"], graph.layers["rnn"])


def test_what_a_squeeze_undoes():
    wide = step(op("wide", "ExpandDims"), 0, shape=(None, 5, 4, 1))
    graph = graph_of(wide, step(op("narrow", "Squeeze"), 1))
    assert unfolded(graph, graph.calls["narrow#0"]) == [Tensor("x#0", 0)]
    assert unfolded(graph, graph.calls["wide#0"]) == [Tensor("x#0", 0)]
    other = graph_of(step(op("wide", "Exp"), 0), step(op("narrow", "Squeeze"), 1))
    assert unfolded(other, other.calls["narrow#0"]) == [Tensor("wide#0", 0)]
    plain = graph_of(wide, step(op("narrow", "Exp"), 1))
    assert unfolded(plain, plain.calls["narrow#0"]) == [Tensor("wide#0", 0)]
    several = graph_of(wide, step(op("narrow", "Squeeze"), 1, 0))
    assert len(unfolded(several, several.calls["narrow#0"])) == 2


def test_masks_that_are_received():
    graph = graph_of(step(made("mask", "Masking"), 0), step(LSTM, 1), step(made("d", "Dense"), 0), outputs=[2, 3])
    assert [receives(graph, graph.calls[name]) for name in ("mask#0", "user#0", "d#0")] == [False, True, False]
    assert keeps_time(graph, graph.calls["d#0"], graph.layers["d"])
    assert same_time(graph, Tensor("x#0", 0), Tensor("d#0", 0))


def test_every_user_is_told_in_order():
    users = [step(made(f"user{place}", "LSTM"), 0) for place in range(8)]
    graph = graph_of(*users, outputs=list(range(1, 9)))
    assert users_of_mask(graph, Tensor("x#0", 0)) == [f"user{place}#0" for place in range(8)]


def test_what_is_no_tensor_has_no_mask():
    for args in ((), (3.0, X), ({"a": X},), ([],), (None,)):
        for one in (made("user", "Attention"), LSTM, POOL):
            graph = graph_of(step(one, *args, **({} if args else {"inputs": None})))
            assert list(masked_arguments(graph, graph.calls["user#0"], graph.layers["user"])) == []


@pytest.mark.parametrize(
    ("shape", "name", "users"),
    [
        (None, "Dense", []),
        ((None, None, 4), "Dense", ["user#0"]),
        ((None, None, 4), "Reshape", []),
        ((None, 5, None), "Reshape", []),
        ((None, 5, 4), "Reshape", ["user#0"]),
        ((None, 5), "Dense", []),
    ],
)
def test_steps_that_are_not_known_to_stay(shape, name, users):
    graph = graph_of(step(made("a", name), 0, shape=shape), step(LSTM, 1), shape=shape)
    assert users_of_mask(graph, Tensor("x#0", 0)) == users
    for before, after in ((None, STEPS), (STEPS, None), (STEPS, (None, 5))):
        graph = graph_of(step(made("a", name), 0, shape=after), step(LSTM, 1), shape=before)
        assert users_of_mask(graph, Tensor("x#0", 0)) == []
