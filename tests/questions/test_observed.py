"""What rules ask of the observations of a batch, on observations that are written down here."""

from __future__ import annotations

import math

import pytest

from graphlint.model.definition import CallDefinition, TensorRef
from graphlint.model.expand import expand
from graphlint.model.graph import Tensor
from graphlint.model.observations import (
    Failure,
    Movement,
    Numbers,
    Observations,
    ObservedCall,
    ObservedGradient,
    ObservedTarget,
)
from graphlint.questions import observed
from tests.model.definitions import SPEC, call, definition, input_call, layer, model


def numbers(*shape, **fields):
    return Numbers(shape=shape or (4, 4), dtype="float32", **fields)


def seen(graph, **fields):
    graph.observations = Observations(rows=4, **fields)
    return graph


def ran(path, *outputs, inputs=(), **fields):
    return ObservedCall(layer=path, number=0, inputs=tuple(inputs), outputs=outputs or (numbers(),), **fields)


def chain(*parts):
    calls = [input_call("x"), *(call(one, place) for place, one in enumerate(parts))]
    return expand(definition(model("net", calls, [0], [len(parts)])))


def dense(name, activation="linear", **fields):
    return layer(name, "Dense", 4, config={"activation": activation}, **fields)


NAN, INFINITE = numbers(nan=1), numbers(infinite=2)


# -- where numbers stop being finite ------------------------------------------------------------------------------


def begins(graph, **fields):
    found = observed.begins(seen(graph, **fields))
    return None if found is None else (found.node, found.message)


GOOD = {"inputs": (numbers(),), "outputs": (numbers(),), "loss": 1.0}


def target(loss="mean_squared_error", output=0, true=(4, 4), predicted=(4, 4), given=None, **fields):
    made = {"target": given or numbers(*true), "prediction": numbers(*predicted)}
    return ObservedTarget(output=output, name="out", loss=loss, **{**made, **fields})


def gradient(variable, found, **fields):
    return {variable: ObservedGradient(variable=variable, numbers=found, **fields)}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"inputs": (NAN,)}, ("x#0", "the batch holds 1 NaN of 16 numbers")),
        ({"inputs": (INFINITE,)}, ("x#0", "the batch holds 2 infinite of 16 numbers")),
        ({"inputs": (numbers(nan=1, infinite=2),)}, ("x#0", "the batch holds 1 NaN and 2 infinite of 16 numbers")),
        ({"inputs": (numbers(), NAN)}, (".", "the batch holds 1 NaN of 16 numbers")),
        (
            {"calls": [ran("a", INFINITE)], "outputs": (INFINITE,)},
            ("a", "returns 2 infinite of 16 numbers"),
        ),
        (
            {"calls": [ran("a", INFINITE, inputs=[numbers(maximum=3.0)])], "outputs": (INFINITE,)},
            ("a", "returns 2 infinite of 16 numbers from numbers of 0 to 3"),
        ),
        (
            {"calls": [ran("a"), ran("b", numbers(), INFINITE)], "outputs": (INFINITE,)},
            ("b", "returns 2 infinite of 16 numbers"),
        ),
        ({"calls": [ran("a", INFINITE)]}, None),
        ({"calls": [ran("a", NAN)]}, ("a", "returns 1 NaN of 16 numbers")),
        ({"calls": [ran("a", INFINITE)], "outputs": ()}, ("a", "returns 2 infinite of 16 numbers")),
        ({"calls": [ran("a", INFINITE)], "outputs": (), "failure": Failure(stage="loss", message="")}, None),
        ({"calls": [ran("a", INFINITE)], "loss": math.inf}, ("a", "returns 2 infinite of 16 numbers")),
        ({"calls": [ran("a", NAN, innermost=False)]}, None),
        ({"calls": [ran("a", NAN, inputs=[INFINITE])]}, None),
        ({"calls": [ran("a", NAN, inputs=[INFINITE]), ran("b", NAN)]}, ("b", "returns 1 NaN of 16 numbers")),
        (
            {"calls": [ran("a", NAN)], "odd_variables": ("a@kernel",)},
            ("a@kernel", "holds numbers that are not finite"),
        ),
        ({"calls": [ran("a", NAN)], "odd_variables": ("b@kernel",)}, ("a", "returns 1 NaN of 16 numbers")),
        (
            {"calls": [ran("a", NAN)], "gradients": gradient("a@kernel", None, value_finite=False)},
            ("a@kernel", "holds numbers that are not finite"),
        ),
        (
            {"calls": [ran("a", NAN)], "gradients": gradient("a@kernel", None)},
            ("a", "returns 1 NaN of 16 numbers"),
        ),
        ({"targets": (target(given=NAN),)}, (Tensor("b#0", 0), "the targets hold 1 NaN of 16 numbers")),
        ({"targets": (target(given=NAN, output=1),)}, (".", "the targets hold 1 NaN of 16 numbers")),
        ({"loss": math.nan}, (None, "the loss is NaN although every output is finite")),
        ({"loss": -math.inf}, (None, "the loss is infinite although every output is finite")),
        (
            {"loss": math.nan, "targets": (target(),)},
            (Tensor("b#0", 0), "the loss is NaN although every output is finite"),
        ),
        (
            {"loss": math.nan, "targets": (target(), target())},
            (None, "the loss is NaN although every output is finite"),
        ),
        ({"loss": None}, None),
        ({"gradients": gradient("a@kernel", numbers())}, None),
        ({"gradients": gradient("a@kernel", None)}, None),
        ({"gradients": gradient("a@kernel", NAN)}, ("a@kernel", "its gradient holds 1 NaN of 16 numbers")),
        (
            {"gradients": gradient("a@kernel", NAN) | gradient("b@kernel", INFINITE)},
            ("b@kernel", "its gradient holds 2 infinite of 16 numbers"),
        ),
        ({"gradients": gradient("a@kernel", NAN), "loss_scaled": True}, None),
        (
            {"gradients": gradient("a@kernel", NAN), "flows": (("b", False), ("a", False))},
            ("b", "the gradient of the loss itself is not finite"),
        ),
        (
            {"gradients": gradient("a@kernel", NAN), "flows": (("b", True), ("a", False))},
            ("b", "the gradient is finite before it passes back through this, and not at a"),
        ),
        (
            {"gradients": gradient("a@kernel", NAN), "flows": (("b", True), ("c", True), ("a", False))},
            ("b", "the gradient is finite before it passes back through this, and not at a"),
        ),
        (
            {"gradients": gradient("a@kernel", NAN), "flows": (("c", True), ("a", False))},
            ("c", "the gradient is finite before it passes back through this, and not at a"),
        ),
        (
            {"gradients": gradient("a@kernel", NAN), "flows": (("b", True), ("a", True))},
            ("a@kernel", "its gradient holds 1 NaN of 16 numbers"),
        ),
    ],
)
def test_where_numbers_stop_being_finite(fields, expected):
    assert begins(chain(dense("a"), dense("b")), **{**GOOD, **fields}) == expected


# -- targets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "true", "predicted", "expected"),
    [
        ("mean_squared_error", (4, 1), (4, 1), None),
        ("mean_squared_error", (4,), (4, 1), None),
        ("mean_squared_error", (4, 1), (4,), None),
        ("mean_squared_error", (4, 3, 1), (4, 3), None),
        ("mean_squared_error", (4, 3), (4, 3, 1), None),
        ("mean_squared_error", (4, 1), (4, 3), (True, (4, 3))),
        ("mean_squared_error", (4,), (4, 3), (False, None)),
        ("mean_squared_error", (4,), (4, 4), (True, (4, 4))),
        ("mean_squared_error", (3, 4, 5), (4, 5), (True, (3, 4, 5))),
        ("mean_squared_error", (4, 5), (3, 4, 5), (True, (3, 4, 5))),
        ("mean_squared_error", (1, 1), (4,), (True, (4, 1))),
        ("mean_squared_error", (1,), (4, 1), (True, (4, 1))),
        ("mean_squared_error", (4, 2), (4, 3), (False, None)),
        ("mean_squared_error", (4, 5, 1), (4, 1), (True, (4, 5))),
        ("mean_squared_error", (4, 1), (4, 3, 1), (True, (4, 3))),
        ("mean_squared_error", (4, 3, 1), (4, 1), (True, (4, 3))),
        ("categorical_crossentropy", (4, 1), (4, 3), (False, None)),
        ("kl_divergence", (4, 1), (4, 3), (False, None)),
        ("categorical_hinge", (4, 1), (4, 3), (False, None)),
        ("categorical_focal_crossentropy", (4, 1), (4, 3), (False, None)),
        ("sparse_categorical_crossentropy", (4,), (4, 3), None),
        ("sparse_categorical_crossentropy", (4, 1), (4, 3), None),
        ("sparse_categorical_crossentropy", (4, 3), (4, 3), (False, None)),
        ("sparse_categorical_crossentropy", (4, 5), (4, 5, 3), None),
        *((loss, (4, 1), (4, 3), None) for loss in ("ctc", "circle", "dice", "tversky", None)),
        ("categorical_generalized_cross_entropy", (4, 1), (4, 3), None),
    ],
)
def test_targets_of_another_shape(loss, true, predicted, expected):
    graph = seen(chain(dense("a")), targets=(target(loss, true=true, predicted=predicted),))
    found = [(one.silent, one.stretched) for one in observed.mismatches(graph)]
    assert found == ([] if expected is None else [expected])


def test_every_target_is_looked_at():
    bad = [target(true=(4, 1), predicted=(4, 3)), target(observed.INDICES, true=(4, 3), predicted=(4, 3))]
    good = [target("ctc", true=(4, 1), predicted=(4, 3)), target(observed.INDICES, true=(4,), predicted=(4, 3))]
    graph = seen(chain(dense("a")), targets=(good[0], bad[0], good[1], bad[1], bad[0]))
    assert [one.target for one in observed.mismatches(graph)] == [bad[0], bad[1], bad[0]]
    odd = target(observed.INDICES, given=numbers(4, maximum=3.0, whole=True), predicted=(4, 3))
    graph = seen(chain(dense("a")), targets=(good[0], odd, bad[1], odd))
    assert [one.target for one in observed.odd_indices(graph)] == [odd, odd]


SCALAR = Numbers(shape=(), dtype="int32", minimum=-1.0)


@pytest.mark.parametrize(
    ("fields", "odd"),
    [
        ({"maximum": 2.0, "whole": True}, False),
        ({"maximum": 3.0, "whole": True}, True),
        ({"minimum": -1.0, "maximum": 2.0, "whole": True}, True),
        ({"maximum": 2.0, "whole": False}, True),
    ],
)
def test_targets_that_are_no_index(fields, odd):
    made = {"predicted": (4, 3), "loss": observed.INDICES}
    for shape in ((4,), (4, 1)):
        graph = seen(chain(dense("a")), targets=(target(given=numbers(*shape, **fields), **made),))
        assert [one.classes for one in observed.odd_indices(graph)] == ([3] if odd else [])
    other = {**made, "loss": "mean_squared_error"}
    for given in (
        target(given=numbers(4, 3, **fields), **made),
        target(given=numbers(4, **fields), **other),
        target(observed.INDICES, given=SCALAR, prediction=SCALAR),
    ):
        assert list(observed.odd_indices(seen(chain(dense("a")), targets=(given,)))) == []
    whole = target(given=numbers(4, maximum=1.0, whole=True), whole=numbers(40, **fields), **made)
    assert bool(list(observed.odd_indices(seen(chain(dense("a")), targets=(whole,))))) is odd


@pytest.mark.parametrize(
    ("activation", "loss", "from_logits", "expected"),
    [
        *((name, "mean_squared_error", False, True) for name in ("softmax", "sigmoid", "hard_sigmoid", "sparsemax")),
        ("linear", "categorical_crossentropy", False, False),
        ("relu", None, None, False),
        (None, "categorical_crossentropy", False, True),
        (None, None, None, False),
        (None, "categorical_crossentropy", True, False),
        (None, "mean_squared_error", None, False),
        (None, None, None, False),
        (None, "no_loss_of_keras", None, False),
    ],
)
def test_outputs_that_are_probabilities(activation, loss, from_logits, expected):
    end = layer("end", "Lambda") if activation is None else dense("end", activation)
    graph = seen(chain(end))
    assert observed.probabilities(graph, target(loss, from_logits=from_logits)) is expected
    hidden = loss is not None and "crossentropy" in loss and not from_logits
    assert observed.probabilities(graph, target(loss, output=1, from_logits=from_logits)) is hidden


# -- lookups ----------------------------------------------------------------------------------------------------


def embedding(name="table", rows=5):
    return layer(name, "Embedding", 4, config={"input_dim": rows})


def looked_up(graph, given, *, whole=(), times=1):
    calls = [ran("table", inputs=[given]) for _ in range(times)]
    return [(one.layer, one.rows) for one in observed.odd_lookups(seen(graph, calls=calls, all_inputs=tuple(whole)))]


@pytest.mark.parametrize(
    ("fields", "odd"),
    [
        ({"maximum": 4.0, "whole": True}, False),
        ({"maximum": 5.0, "whole": True}, True),
        ({"minimum": -1.0, "whole": True}, True),
        ({"maximum": 4.5}, True),
    ],
)
def test_lookups_of_what_a_table_does_not_have(fields, odd):
    given, good = numbers(**fields), numbers(whole=True)
    expected = [("table", 5)] if odd else []
    assert looked_up(chain(embedding()), given, times=2) == expected
    assert looked_up(chain(embedding()), good, whole=[given]) == expected
    assert looked_up(chain(embedding()), given, whole=[good]) == []
    assert looked_up(chain(embedding()), given, whole=[None]) == expected
    assert looked_up(chain(embedding()), given, whole=[good, good]) == expected
    assert looked_up(chain(dense("a"), embedding()), given, whole=[good]) == expected
    assert looked_up(chain(embedding(rows="5")), given) == []
    other = layer("table", "Hashing", config={"input_dim": 5})
    assert looked_up(chain(other), given) == []
    twice = embedding()
    calls = [input_call("x"), call(twice, 0), call(twice, 0)]
    graph = expand(definition(model("net", calls, [0], [1, 2])))
    assert looked_up(graph, given, whole=[good]) == expected
    assert list(observed.odd_lookups(seen(chain(embedding()), calls=[ran("table")]))) == []


# -- gradients and outputs ----------------------------------------------------------------------------------------


def test_gradients_by_layer_in_the_order_of_the_run():
    graph = chain(dense("a"), dense("b"), dense("c"))
    found = gradient("a@kernel", numbers()) | gradient("b@kernel", numbers())
    calls = [ran("b"), ran("a"), ran("b"), ran("c")]
    assert list(observed.layer_gradients(seen(graph, calls=calls, gradients=found))) == ["b", "a"]


def test_the_size_of_kernel_gradients():
    graph = chain(embedding(), dense("a"), dense("b"), dense("c"), dense("d"))
    found = gradient("table@kernel", numbers(2, 2), norm=1.0) | gradient("a@kernel", numbers(2, 2), norm=1.0)
    found |= gradient("b@kernel", numbers(4), norm=1.0) | gradient("c@kernel", NAN, norm=1.0)
    found |= gradient("d@kernel", None)
    calls = [ran(path) for path in ("table", "a", "b", "c", "d")]
    assert observed.kernel_gradients(seen(graph, calls=calls, gradients=found)) == [("a", 0.5)]


def growth(graph, *calls):
    found = observed.growth(seen(graph, calls=list(calls)))
    return None if found is None else tuple(found)


def sized(path, mean, deviation=0.0, **fields):
    return ran(path, numbers(mean=mean, deviation=deviation), **fields)


def test_growth_from_the_first_kernel_to_the_largest():
    graph = chain(dense("a"), layer("relu", "ReLU"), dense("b"), dense("c"), dense("head"))
    a, b, c, head = sized("a", 3.0, 4.0), sized("b", 9.0), sized("c", 7.0), sized("head", 100.0)
    assert growth(graph, a, sized("relu", 50.0), b, c, head) == ("a", 5.0, "b", 9.0)
    assert growth(graph, a, head) is None
    assert growth(graph) is None
    assert growth(graph, sized("a", 0.0), b) is None
    assert growth(graph, a, ran("b", INFINITE)) is None
    assert growth(graph, a, sized("b", 9.0, innermost=False)) is None
    assert growth(graph, a, ObservedCall(layer="b", number=0)) is None


def test_growth_leaves_out_what_a_normalisation_follows():
    graph = chain(dense("a"), layer("norm", "LayerNormalization", 2), dense("b"), dense("c"), dense("head"))
    assert growth(graph, sized("a", 1.0), sized("b", 2.0), sized("c", 4.0)) == ("b", 2.0, "c", 4.0)
    weightless = chain(layer("a", "Dense"), dense("b"), dense("c"), dense("head"))
    assert growth(weightless, sized("a", 1.0), sized("b", 2.0), sized("c", 4.0)) == ("b", 2.0, "c", 4.0)


@pytest.mark.parametrize(
    ("slot", "shape", "trainable", "zero", "expected"),
    [
        ("kernel", (2, 2), True, True, True),
        ("kernel", (2, 2), True, False, False),
        ("kernel", (2, 2), False, True, False),
        ("bias", (2,), True, True, False),
        ("gamma", (2,), True, True, True),
    ],
)
def test_kernels_and_factors_of_zeros(slot, shape, trainable, zero, expected):
    made = dense("a")
    (variable,) = made.variables
    variable.slot, variable.shape, variable.trainable = slot, shape, trainable
    graph = seen(chain(made), zero_variables=(f"a@{slot}",) if zero else ())
    assert observed.starts_at_zero(graph) is expected


@pytest.mark.parametrize(
    ("slot", "own", "around", "expected"),
    [
        ("kernel", True, True, False),
        ("kernel", False, True, True),
        ("kernel", True, False, True),
        ("depthwise_kernel", False, True, True),
        ("bias", False, True, False),
    ],
)
def test_frozen_kernels(slot, own, around, expected):
    made = dense("a", trainable=own)
    made.variables[0].slot = slot
    inner = model("inner", [input_call("x"), call(made, 0)], [0], [1])
    inner.trainable = around
    assert observed.frozen_kernels(chain(inner)) is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"maximum": 2.0}, "a"),
        ({"minimum": -2.0, "spread": 2e-7}, "a"),
        ({"maximum": 2.0, "spread": 3e-7}, None),
        ({"maximum": 2.0, "nan": 1}, None),
    ],
)
def test_what_is_the_same_for_every_row(fields, expected):
    graph = chain(dense("a"))
    alike, other = numbers(**fields), numbers(3, 4, **fields)
    assert observed.constant_from(seen(graph, calls=[ran("x", alike), ran("a", alike)])) == expected
    assert observed.constant_from(seen(graph, calls=[ran("a", other)])) is None
    assert observed.constant_from(seen(graph, calls=[ran("a", alike, innermost=False)])) is None
    held = chain(layer("around", "TimeDistributed", children={"layer": dense("a")}))
    assert observed.constant_from(seen(held, calls=[ran("around/layer", alike)])) is None


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([dense("a")], ["a"]),
        ([layer("drop", "Dropout"), dense("a")], ["a"]),
        ([layer("flat", "Flatten"), layer("shape", "Reshape"), layer("rnn", "LSTM", 2)], ["rnn"]),
        ([layer("scale", "Rescaling"), dense("a")], []),
        ([layer("norm", "LayerNormalization", 2), dense("a")], []),
        ([dense("a"), layer("norm", "BatchNormalization", 2)], []),
        ([dense("a"), dense("b")], ["a"]),
        ([dense("a", trainable=False)], []),
        ([layer("a", "Dense")], []),
        ([layer("a", "Mine", 3, registered_name="x>Mine")], []),
    ],
)
def test_who_reads_an_input_as_it_is(parts, expected):
    graph = chain(*parts)
    assert observed.raw_readers(graph, "x#0") == expected
    inner = model("inner", [input_call("i"), *(call(one, place) for place, one in enumerate(parts))], [0], [len(parts)])
    inside = chain(inner)
    assert observed.raw_readers(inside, "x#0") == [f"inner/{path}" for path in expected]
    inner.trainable = False
    assert observed.raw_readers(chain(inner), "x#0") == []


def test_all_readers_of_an_input_each_once():
    drop = layer("drop", "Dropout")
    sum_ = layer("add", "Add")
    calls = [input_call("x"), call(drop, 0), call(dense("a"), 0), call(dense("b"), 1), call(sum_, 2, 3)]
    calls += [call(layer("norm", "LayerNormalization", 2), 2)]
    graph = expand(definition(model("net", calls, [0], [4, 5])))
    assert sorted(observed.raw_readers(graph, "x#0")) == ["a", "b"]
    double = dense("both")
    calls = [input_call("x"), call(double, 0, 0)]
    calls += [call(dense("last"), 0)]
    assert observed.raw_readers(expand(definition(model("net", calls, [0], [1, 2]))), "x#0") == ["both", "last"]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ([layer("end", "Multiply")], True),
        ([layer("end", "Multiply", is_operation=True)], True),
        ([layer("end", "Matmul", is_operation=True)], True),
        ([layer("end", "Reshape")], True),
        ([layer("end", "Add")], False),
        ([], False),
        ([layer("one", "Multiply"), layer("other", "Add")], False),
        ([layer("one", "Multiply"), layer("other", "Reshape")], True),
    ],
)
def test_what_is_multiplied_with_something(after, expected):
    calls = [input_call("x"), call(dense("gate", "sigmoid"), 0), *(call(one, 1) for one in after)]
    outputs = list(range(2, len(calls))) or [1]
    assert observed.feeds_products(expand(definition(model("net", calls, [0], outputs))), "gate") is expected


def test_the_activation_of_the_first_call():
    graph = chain(dense("a", "tanh"), layer("mine", "Lambda"))
    assert [observed.applied_activation(graph, path) for path in ("a", "mine", "none")] == ["tanh", None, None]


# -- steps of training ------------------------------------------------------------------------------------------


def test_what_moved_and_what_stayed():
    frozen = dense("frozen", trainable=False)
    parts = [dense("a"), dense("b"), frozen, embedding()]
    calls = [input_call("x"), *(call(one, place) for place, one in enumerate(parts)), call(dense("dead"), 0)]
    graph = expand(definition(model("net", calls, [0], [4])))
    every = frozenset(graph.variables)
    one = frozenset({"a@kernel"})
    seen(graph, movement=Movement(steps=3, moved=one, still=every - one))
    assert [one.id for one in observed.moved_weights(graph)] == ["a@kernel"]
    assert observed.still_layers(graph) == ["b"]
    seen(graph, movement=Movement(steps=3, moved=frozenset(), still=every))
    assert observed.moved_weights(graph) == observed.still_layers(graph) == []
    seen(graph, movement=Movement(steps=3, moved=every, still=frozenset()))
    assert observed.still_layers(graph) == []


def test_variables_that_came_later_say_nothing_of_a_layer():
    partly, later = dense("partly"), dense("later")
    partly.variables += layer("spare", size=2).variables
    partly.variables[1].slot, partly.variables[1].index = "bias", 1
    graph = chain(partly, later, dense("moving"))
    moves = Movement(steps=1, moved=frozenset({"moving@kernel"}), still=frozenset({"partly@kernel"}))
    assert observed.still_layers(seen(graph, movement=moves)) == ["partly"]
    moves = Movement(steps=1, moved=frozenset({"moving@kernel", "partly@bias"}), still=frozenset({"partly@kernel"}))
    assert observed.still_layers(seen(graph, movement=moves)) == []


def test_names_of_what_counts_as_a_weight():
    slots = ["kernel", "bias", "gamma", "beta", "embeddings", "recurrent_kernel", "depthwise_kernel", "moving_mean"]
    parts = [dense(f"d{place}") for place in range(len(slots))]
    for slot, one in zip(slots, parts, strict=True):
        one.variables[0].slot = slot
    graph = chain(*parts)
    seen(graph, movement=Movement(steps=1, moved=frozenset(graph.variables), still=frozenset()))
    assert [one.slot for one in observed.moved_weights(graph)] == slots[:-1]


def test_a_layer_inside_a_frozen_model_is_no_still_layer():
    inner = model("inner", [input_call("x"), call(dense("a"), 0)], [0], [1])
    for around, expected in ((True, ["inner/a"]), (False, [])):
        inner.trainable = around
        calls = [input_call("x"), CallDefinition(inner, ((TensorRef(0, 0),),), outputs=(SPEC,)), call(dense("b"), 1)]
        graph = expand(definition(model("net", calls, [0], [2])))
        moves = Movement(steps=1, moved=frozenset({"b@kernel"}), still=frozenset({"inner/a@kernel"}))
        assert observed.still_layers(seen(graph, movement=moves)) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (255.0, "255"),
        (999_999.0, "999,999"),
        (1e6, "1e+06"),
        (-3.0, "-3"),
        (0.01, "0.01"),
        (0.0099, "0.0099"),
        (0.012345, "0.0123"),
        (0.0012345, "0.0012"),
        (9999.5, "1e+04"),
        (12345.6, "1.2e+04"),
        (0.0, "0"),
    ],
)
def test_numbers_in_messages(value, text):
    assert observed.shown(value) == text


def test_where_an_output_comes_from():
    graph = chain(dense("a"))
    assert observed.output_node(graph, 0) == Tensor("a#0", 0) and observed.output_node(graph, 1) == "."
    assert observed.output_head(graph, 0).layer == "a" and observed.output_head(graph, 1) is None
    calls = [ran("a"), ran("x"), ran("a"), ran("a", innermost=False), ObservedCall(layer="a", number=3)]
    seen(graph, calls=calls)
    assert len(observed.calls_seen(graph, "a")) == 4
    assert [one.layer for one in observed.innermost_calls(graph)] == ["a", "x", "a"]


def test_every_lookup_and_gradient_is_looked_at_and_one_of_each_layer_told():
    first, second = embedding(), embedding()
    first.name, second.name = "first", "second"
    graph = chain(dense("a"), first, second)
    rows = first.config["input_dim"]
    given = numbers(4, maximum=float(rows), whole=True)
    calls = [ran(name, inputs=[given]) for name in ("a", "first", "first", "second")]
    assert [one.layer for one in observed.odd_lookups(seen(graph, calls=calls))] == ["first", "second"]
    recurrent = layer("rnn", "LSTM", 4)
    recurrent.variables += layer("more", size=2).variables
    recurrent.variables[1].slot, recurrent.variables[1].index = "recurrent_kernel", 1
    graph = chain(first, recurrent, dense("b"))
    found = {}
    for name in ("first@kernel", "rnn@kernel", "rnn@recurrent_kernel", "b@kernel"):
        found |= gradient(name, numbers(4, 4), norm=8.0)
    seen(graph, gradients=found, calls=[ran("first"), ran("rnn"), ran("b")])
    assert observed.kernel_gradients(graph) == [("rnn", 2.0), ("b", 2.0)]


def test_what_grows_without_what_is_scaled_again():
    parts = [
        layer("rnn", "LSTM", 4),
        layer("relu", "ReLU"),
        layer("n", "LayerNormalization", 4),
        dense("b"),
        dense("c"),
    ]
    calls = [input_call("x"), *(call(one, place) for place, one in enumerate(parts))]
    calls += [call(layer("norm", "BatchNormalization", 4), 4), call(dense("end"), 5)]
    graph = expand(definition(model("net", calls, [0], [6, 7])))
    sizes = {"end": 1000.0, "rnn": 1.0, "relu": 50.0, "n": 60.0, "b": 100.0, "c": 3.0}
    seen(graph, calls=[ran(name, numbers(mean=size)) for name, size in sizes.items()])
    assert observed.growth(graph) == ("rnn", 1.0, "c", 3.0)


def test_statistics_are_no_weights_that_stay():
    norm = layer("norm", "BatchNormalization", 4)
    norm.variables += layer("more", size=4).variables
    for place, (slot, trains) in enumerate((("gamma", True), ("moving_mean", False))):
        norm.variables[place].slot, norm.variables[place].index = slot, place
        norm.variables[place].trainable = trains
    graph = chain(norm, dense("a"))
    moves = Movement(steps=1, moved=frozenset({"a@kernel", "norm@moving_mean"}), still=frozenset({"norm@gamma"}))
    assert observed.still_layers(seen(graph, movement=moves)) == ["norm"]
    moves = Movement(steps=1, moved=frozenset({"a@kernel"}), still=frozenset({"norm@moving_mean"}))
    assert observed.still_layers(seen(graph, movement=moves)) == []
