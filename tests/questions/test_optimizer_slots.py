"""The variables of optimizers beside those they are kept for, as files of several releases write them."""

from __future__ import annotations

import pytest

from graphlint.model.definition import (
    CallDefinition,
    ModelDefinition,
    OptimizerDefinition,
    TensorRef,
    VariableDefinition,
)
from graphlint.model.expand import expand
from graphlint.questions.optimizer_slots import match_slots, optimizer_slots, trainable_variables
from tests.model.definitions import SPEC, call, input_call, layer, model

RATE = {"learning_rate": 0.1}
DECAYING = {**RATE, "decay": 0.0}
"""As Keras before 2.11 writes it."""


def variable(shape, slot="0", dtype="float32", trainable=True):
    return VariableDefinition(slot, 0, shape, dtype=dtype, trainable=trainable)


def held(name, *shapes, class_name="Dense", **fields):
    made = layer(name, class_name, **fields)
    made.variables = [variable(shape, f"v{place}") for place, shape in enumerate(shapes)]
    for place, one in enumerate(made.variables):
        one.index = place
    return made


def graph_of(*layers, children=(), **optimizer):
    calls = [input_call("x"), *(call(one, place) for place, one in enumerate(layers))]
    root = model("net", calls, [0], [len(layers)])
    root.children = {one.name: one for one in children}
    made = None
    if optimizer:
        shapes = optimizer.pop("shapes")
        variables = [variable(shape, dtype="int64" if not place else "float32") for place, shape in enumerate(shapes)]
        made = OptimizerDefinition(
            optimizer.get("class_name", "Adam"),
            optimizer.get("module", "keras.optimizers"),
            optimizer.get("config", RATE),
            variables=variables,
        )
        if "dtype" in optimizer:
            variables[0].dtype = optimizer["dtype"]
    return expand(ModelDefinition(root, "static", "keras", has_weights=True, optimizer=made))


def slots(*shapes, **optimizer):
    found = optimizer_slots(graph_of(layer("a"), shapes=shapes, **optimizer))
    return None if found is None else (found.count, [one.shape for one in found.slots])


A, B, ONE = (3,), (2, 2), (1,)


@pytest.mark.parametrize(
    ("shapes", "optimizer", "expected"),
    [
        (((), (), A, A), {}, (1, [A, A])),
        (((), (), A, A, B, B), {}, (2, [A, A, B, B])),
        (((), A, A), {"config": {"learning_rate": {"class_name": "ExponentialDecay"}}}, (1, [A, A])),
        (((), A, A), {}, (1, [A, A])),
        (((), (), A), {}, None),
        (((), (), A, B), {}, None),
        (((), ()), {}, None),
        ((A, (), A, A), {}, None),
        (((), (), A, A), {"dtype": "float32"}, None),
        (((), (), A, A), {"dtype": "uint32"}, (1, [A, A])),
        (((), (), A, A), {"module": "mine.optimizers"}, None),
        (((), (), A, A), {"module": None}, (1, [A, A])),
        (((), (), A, A), {"class_name": "Mine"}, None),
        *((((), (), A, A), {"config": {**RATE, key: 2}}, None) for key in ("use_ema", "gradient_accumulation_steps")),
        (((), (), A, A), {"config": {**RATE, "loss_scale_factor": 2.0}}, None),
        (((), (), A, A), {"config": {**RATE, "use_ema": False}}, (1, [A, A])),
        (((), (), A), {"class_name": "Adagrad"}, (1, [A])),
        (((), (), A, A, ()), {"class_name": "Nadam"}, (1, [A, A])),
        (((), (), A, A, A), {"config": {**RATE, "amsgrad": True}}, (1, [A, A, A])),
        (((), A, B, A, B, ONE, ONE), {"config": {"lr": 0.1}}, (2, [A, B, A, B])),
        (((), A, A, ONE), {"config": DECAYING}, (1, [A, A])),
        (((), A, B, ONE), {"config": DECAYING}, None),
        (((), A, A, B), {"config": DECAYING}, None),
        (((), A, A, ONE, ONE), {"config": DECAYING}, (2, [A, A, ONE, ONE])),
        (((), A, B, A, B, ONE, B), {"config": DECAYING}, None),
        (((), A, ONE, ONE, A, ONE, ONE), {"config": DECAYING}, (3, [A, ONE, ONE] * 2)),
        (((), (), A, A, A, A, ONE, ONE), {}, (3, [A, A, A, A, ONE, ONE])),
        (((),), {}, None),
        (((), ()), {"class_name": "SGD", "config": {**RATE, "momentum": 0.9}}, None),
        (((), (), ()), {"config": {"learning_rate": {"class_name": "ExponentialDecay"}}}, (1, [(), ()])),
        (((), (), A), {"class_name": "SGD"}, None),
        (((), (), A), {"class_name": "SGD", "config": {**RATE, "momentum": 0.9}}, (1, [A])),
    ],
)
def test_the_slots_among_the_variables(shapes, optimizer, expected):
    assert slots(*shapes, **optimizer) == expected


def test_no_optimizer_has_no_slots():
    assert optimizer_slots(graph_of(layer("a"))) is None
    assert optimizer_slots(graph_of(layer("a"), shapes=())) is None


def matched(*layers, children=(), **optimizer):
    graph = graph_of(*layers, children=children, **optimizer)
    found = match_slots(graph, optimizer_slots(graph))
    if found is None:
        return None
    return [(one.layer, [v.id for v in one.variables], [(s.shape, start) for s, start in one.slots]) for one in found]


def test_slots_of_each_variable_in_their_order():
    a, b = held("a", A, B), held("b", ONE)
    together = matched(a, b, shapes=((), (), A, A, B, B, ONE, ONE))
    assert together == [
        ("a", ["a@v0"], [(A, 0.0), (A, 0.0)]),
        ("a", ["a@v1"], [(B, 0.0), (B, 0.0)]),
        ("b", ["b@v0"], [(ONE, 0.0), (ONE, 0.0)]),
    ]
    old = matched(a, b, shapes=((), A, B, ONE, A, B, ONE), config={"lr": 0.1})
    assert old == together
    assert matched(a, b, shapes=((), A, B, ONE, A, B, ONE), config=DECAYING) == together
    assert matched(a, shapes=((), (), A, A, B, B, ONE, ONE)) is None
    assert matched(a, b, shapes=((), (), A, A, B, B)) is None
    assert matched(a, b, shapes=((), (), B, B, A, A, ONE, ONE)) is None


@pytest.mark.parametrize(
    ("config", "start"),
    [({"initial_accumulator_value": 0.5}, 0.5), ({}, 0.1), ({"initial_accumulator_value": "half"}, 0.1)],
)
def test_what_slots_start_from(config, start):
    found = matched(held("a", A), shapes=((), (), A), class_name="Adagrad", config={**RATE, **config})
    assert found == [("a", ["a@v0"], [(A, start)])]
    both = matched(held("a", A), shapes=((), (), A, A), class_name="Ftrl", config={**RATE, **config})
    assert both == [("a", ["a@v0"], [(A, start), (A, 0.0)])]


def test_sublayers_in_an_unknown_order_are_one_group():
    parts = {f"p{place}": held(f"p{place}", shape) for place, shape in enumerate((A, B, A))}
    closed = layer("closed", "MultiHeadAttention", children=parts)
    shapes = ((), (), A, A, A, A, B, B)
    assert matched(closed, shapes=shapes) == [
        ("closed", ["closed/p0@v0", "closed/p2@v0"], [(A, 0.0)] * 4),
        ("closed", ["closed/p1@v0"], [(B, 0.0)] * 2),
    ]
    assert matched(closed, shapes=((), (), A, A, B, B, B, B)) is None
    momentum = {"class_name": "SGD", "config": {**RATE, "momentum": 0.9}}
    assert matched(closed, shapes=((), (), A, A, B), **momentum) == [
        ("closed", ["closed/p0@v0", "closed/p2@v0"], [(A, 0.0)] * 2),
        ("closed", ["closed/p1@v0"], [(B, 0.0)]),
    ]
    recurrent = layer("rnn", "LSTM", children={"cell": held("cell", A, A)})
    inner = model("inner", [input_call("i"), call(held("deep", A), 0)], [0], [1])
    inner.variables = held("own", A, A).variables
    for one, names in ((recurrent, ["rnn/cell@v0", "rnn/cell@v1"]), (inner, ["inner@v0", "inner@v1", "inner/deep@v0"])):
        found = matched(one, shapes=((), (), *([A] * 2 * len(names))))
        assert [ids for _, ids, _ in found] == [[name] for name in names]
    wrapper = layer("steps", "TimeDistributed", children={"layer": held("p", A, B)})
    assert matched(wrapper, shapes=((), (), B, B, A, A)) is None
    assert len(matched(wrapper, shapes=((), (), A, A, B, B))) == 2


def order(*layers, children=()):
    return [one.id for one in trainable_variables(graph_of(*layers, children=children))]


def test_trainable_variables_in_the_order_of_keras():
    frozen = held("frozen", A)
    frozen.variables[0].trainable = False
    inner = model("inner", [input_call("i"), call(held("deep", A), 0)], [0], [1])
    inner.variables = [variable(A, "own")]
    assert order(held("a", A), frozen, inner, held("b", A)) == ["a@v0", "inner@own", "inner/deep@v0", "b@v0"]
    assert order(held("a", A), children=[held("spare", A)]) == ["a@v0", "spare@v0"]
    shared = held("a", A)
    assert order(shared, shared, inner, inner) == ["a@v0", "inner@own", "inner/deep@v0"]
    both = layer("both", "Bidirectional")
    both.children = {"backward_layer": held("r", A), "forward_layer": held("f", A)}
    assert order(both) == ["both/forward_layer@v0", "both/backward_layer@v0"]
    cells = {name: layer(name, "RNN", children={"cell": held("c", A)}) for name in ("backward_layer", "forward_layer")}
    deep = layer("both", "Bidirectional", children=cells)
    assert order(deep) == ["both/forward_layer/cell@v0", "both/backward_layer/cell@v0"]
    one, tied = held("one", A), held("tied", A, B)
    tied.variables[0] = one.variables[0]
    assert order(one, tied) == ["one@v0", "tied@v1"]
    root = graph_of(held("a", A))
    root.definition.root.trainable = False
    assert trainable_variables(root) == []


def test_a_layer_that_is_inside_another_too_is_listed_once():
    one = held("one", A)
    wrapper = layer("steps", "TimeDistributed", children={"layer": one})
    assert order(one, wrapper, held("last", B)) == ["one@v0", "last@v0"]
    assert order(wrapper, one, held("last", B)) == ["steps/layer@v0", "last@v0"]
    inner = model("inner", [input_call("i"), CallDefinition(one, (TensorRef(0, 0),), outputs=(SPEC,))], [0], [1])
    assert order(inner, one) == ["inner/one@v0"]


def test_models_that_are_never_called_hide_nothing_after_them():
    never = model("never", [input_call("i"), call(held("deep", A), 0)], [0], [1])
    calls = [input_call("x"), call(held("a", A), 0), call(held("b", B), 1)]
    root = model("net", calls, [0], [2])
    root.body.layers.insert(1, never)
    graph = expand(ModelDefinition(root, "static", "keras", has_weights=True))
    assert [one.id for one in trainable_variables(graph)] == ["a@v0", "b@v0"]
