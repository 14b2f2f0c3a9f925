"""Which layers a file should have weights for, without Keras."""

from __future__ import annotations

import pytest

from graphlint.model.definition import (
    CallDefinition,
    FrontEnd,
    ModelDefinition,
    ProblemKind,
    SourceProblem,
    TensorRef,
    TensorSpec,
    VariableDefinition,
)
from graphlint.model.expand import expand
from graphlint.questions.missing_weights import layers_without_weights, miscounted_weights, shapeless, variable_names
from tests.model.definitions import SPEC, call, definition, input_call, layer, model


def dense(name, size=0, **fields):
    return layer(name, "Dense", size, config={"units": 2, "use_bias": False}, build_shape=[None, 4], **fields)


def stack(*parts, shape=SPEC):
    first = CallDefinition(layer("x", "InputLayer"), outputs=(shape,))
    calls = [first, *(call(one, place) for place, one in enumerate(parts))]
    return model("net", calls, [0], [len(parts)])


def graph(*parts, shape=SPEC, front_end=FrontEnd.STATIC, has_weights=True, problems=()):
    root = stack(*parts, shape=shape)
    made = ModelDefinition(root, front_end, "keras", has_weights=has_weights, problems=list(problems))
    return expand(made)


def without(*parts, **fields):
    return [(one.path, names) for one, names in layers_without_weights(graph(*parts, **fields))]


def test_a_layer_that_has_none_is_named():
    assert without(dense("a", 8), dense("b")) == [("b", ["kernel"])]
    assert without(dense("a", 8), dense("b", 4)) == []


UNKNOWN = TensorSpec(None, "float32")
TRICKS = [SourceProblem(ProblemKind.HDF5, "an external link")]
OTHER = [SourceProblem(ProblemKind.ARCHIVE, "a member twice")]


@pytest.mark.parametrize(
    ("fields", "reported"),
    [
        ({}, True),
        ({"front_end": FrontEnd.LIVE}, False),
        ({"has_weights": False}, False),
        ({"problems": TRICKS}, False),
        ({"problems": OTHER}, True),
    ],
)
def test_a_file_that_holds_no_such_numbers_says_nothing(fields, reported):
    assert (without(dense("a", 8), dense("b"), **fields) != []) is reported


@pytest.mark.parametrize(
    ("shape", "size", "reported"),
    [(SPEC, 0, True), (UNKNOWN, 0, False), (SPEC, 8, True), (UNKNOWN, 8, True)],
    ids=["built", "not built", "built, some stored", "not built, some stored"],
)
def test_a_chain_of_no_known_input_was_not_built(shape, size, reported):
    assert shapeless(graph(dense("a", size), dense("b"), shape=shape)) is (shape is UNKNOWN)
    assert (("b", ["kernel"]) in without(dense("a", size), dense("b"), shape=shape)) is reported


def test_a_model_without_inputs_is_not_shapeless():
    root = layer("net", None, is_model=True, opaque=True)
    assert not shapeless(expand(definition(root)))


@pytest.mark.parametrize(
    "part",
    [
        layer("norm", "Normalization"),
        layer("relu", "ReLU"),
        layer("own", "Mine", opaque=True),
        stack(dense("deep", 8)),
    ],
    ids=lambda one: one.class_name,
)
def test_what_needs_no_stored_weights_is_left_alone(part):
    if part.class_name == "Mine":
        part.module = "mine"
    assert without(dense("a", 8), part) == []


def test_what_nothing_calls_is_left_alone():
    root = stack(dense("a", 8))
    root.body.layers.append(dense("b"))
    assert layers_without_weights(expand(definition(root))) == []


@pytest.mark.parametrize(("module", "reported"), [("keras.layers", ["wrapper/layer"]), ("mine", [])])
def test_what_a_custom_wrapper_holds_may_be_kept_by_it(module, reported):
    wrapper = layer("wrapper", "TimeDistributed" if module != "mine" else "Mine", children={"layer": dense("dense")})
    wrapper.module = module
    assert [path for path, _ in without(dense("a", 8), wrapper)] == reported


def attention(*stored):
    parts = {
        f"{name}_dense": layer(f"{name}_dense", "EinsumDense", 4 if name in stored else 0)
        for name in ("query", "key", "value", "output")
    }
    return layer("attention", "MultiHeadAttention", children=parts)


@pytest.mark.parametrize(
    "stored", [(), ("query",), ("query", "value"), ("query", "key", "value", "output")], ids=lambda stored: len(stored)
)
def test_the_projections_that_have_none_are_named(stored):
    missing = [name for name in ("query", "key", "value", "output") if name not in stored]
    found = dict(without(dense("a", 8), attention(*stored)))
    assert found.get("attention", []) == missing


def test_the_second_of_two_that_were_one_is_not_named():
    def twin(size):
        return dense("twin", size, shared_object_id=7)

    first, second = (
        model(name, [input_call("x"), call(twin(size), 0)], [0], [1]) for name, size in (("a", 8), ("b", 0))
    )
    calls = [input_call("x")] + [
        CallDefinition(one, ((TensorRef(place, 0),),), outputs=(SPEC,)) for place, one in enumerate((first, second))
    ]
    assert layers_without_weights(expand(definition(model("net", calls, [0], [2])))) == []


@pytest.mark.parametrize(
    ("class_name", "expected"),
    [
        ("LSTM", ["kernel", "recurrent_kernel", "bias"]),
        ("MultiHeadAttention", ["query", "key", "value", "output"]),
        ("Dense", ["kernel", "bias"]),
        ("ReLU", []),
        ("Mine", []),
    ],
)
def test_what_a_class_holds(class_name, expected):
    made = graph(layer("one", class_name, config={"units": 2}, build_shape=[None, 4]))
    assert variable_names(made.layers["one"]) == expected


def weighted(class_name, *slots, **fields):
    variables = [
        VariableDefinition(slot, place, (2,), dtype="float32", trainable=True) for place, slot in enumerate(slots)
    ]
    return layer("one", class_name, **fields), variables


@pytest.mark.parametrize(
    ("class_name", "config", "count", "reported"),
    [
        ("Dense", {"units": 2}, 2, None),
        ("Dense", {"units": 2}, 1, ["kernel", "bias"]),
        ("Dense", {"units": 2}, 3, ["kernel", "bias"]),
        ("Dense", {"units": 2}, 0, None),
        ("Dense", {"units": 2, "use_bias": False}, 1, None),
        ("Dense", {"units": 2, "lora_rank": 1}, 4, None),
        ("Dense", {"units": 2, "lora_rank": 1}, 2, None),
        ("Dense", {"units": 2, "lora_rank": 1}, 3, ["kernel", "bias"]),
        ("Normalization", {}, 1, None),
        ("ReLU", {}, 1, None),
        ("Mine", {"units": 2}, 1, None),
    ],
)
@pytest.mark.parametrize("called", [True, False])
def test_some_of_the_weights(class_name, config, count, reported, called):
    one, variables = weighted(class_name, *map(str, range(count)), config=config, build_shape=[None, 4])
    one.variables = variables
    root = stack(one) if called else stack(layer("relu", "ReLU"))
    if not called:
        root.body.layers.append(one)
    made = ModelDefinition(root, "static", "keras", has_weights=True)
    found = [(layer.path, names, stored) for layer, names, stored in miscounted_weights(expand(made))]
    assert found == ([("one", reported, count)] if reported and called else [])
    made.problems = TRICKS
    assert miscounted_weights(expand(made)) == []
    made.problems, made.front_end = OTHER, FrontEnd.LIVE
    assert miscounted_weights(expand(made)) == []


def test_cells_are_called_by_their_layers():
    cell = layer("cell", "LSTMCell", 4, config={"units": 2}, build_shape=[None, 4])
    found = miscounted_weights(graph(layer("rnn", "RNN", children={"cell": cell})))
    assert [(one.path, stored) for one, _, stored in found] == [("rnn/cell", 1)]
    inner = dense("dense", 8)
    inner.config = {"units": 2}
    assert miscounted_weights(graph(layer("steps", "TimeDistributed", children={"layer": inner}))) == []


RECURRENT, ATTENTION = ["kernel", "recurrent_kernel", "bias"], ["query", "key", "value", "output"]


@pytest.mark.parametrize(
    ("class_name", "names"),
    [
        *((name, RECURRENT) for name in ("LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")),
        *((name, ATTENTION) for name in ("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention")),
        ("ReLU", []),
    ],
)
def test_what_layers_hold_in_sublayers_that_they_make(class_name, names):
    assert variable_names(graph(layer("a", class_name)).layers["a"]) == names


def test_what_is_not_listed_hides_nothing_after_it():
    custom = layer("mine", "Mine", registered_name="mine>Mine", children={"layer": dense("held")})
    adapting = layer("normal", "Normalization")
    assert without(dense("a", 8), adapting, custom, dense("b")) == [("b", ["kernel"])]
    recurrent = layer("rnn", "LSTM", config={"units": 2}, children={"cell": layer("cell", "LSTMCell", 3)})
    assert without(recurrent, dense("b")) == [("b", ["kernel"])]
    own = stack(dense("deep"))
    own.name, own.class_name, own.registered_name = "own", "Mine", "mine>Mine"
    assert without(dense("a", 8), own) == [("own/deep", ["kernel"])]
    root = stack(dense("a", 8))
    uncalled = dense("never", 8)
    uncalled.variables *= 2
    doubled = dense("b", 8)
    doubled.variables += layer("more", size=2).variables
    doubled.variables[1].slot, doubled.variables[1].index = "more", 1
    spare = dense("spare", 8)
    spare.variables += layer("more", size=2).variables
    spare.variables[1].slot, spare.variables[1].index = "more", 1
    steps = layer("steps", "TimeDistributed", children={"layer": spare})
    root.body.calls += [call(steps, 1), call(doubled, 2)]
    root.body.layers += [steps, doubled]
    made = expand(ModelDefinition(root, FrontEnd.STATIC, "keras", has_weights=True))
    assert [(one.path, names, count) for one, names, count in miscounted_weights(made)] == [("b", ["kernel"], 2)]


def test_what_lies_in_a_copy_is_not_listed():
    def around(name, one):
        made = stack(one)
        made.name = name
        return made

    whole, copy = around("m", dense("s", 8)), around("m", dense("s"))
    copy.shared_object_id = 3
    assert without(around("a", whole), around("b", copy), dense("end")) == [("end", ["kernel"])]
    deeper = around("m", around("n", dense("s")))
    deeper.shared_object_id = 3
    whole = around("m", around("n", dense("s", 8)))
    assert without(around("a", whole), around("b", deeper), dense("end")) == [("end", ["kernel"])]
