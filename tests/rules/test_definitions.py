"""Rules on definitions that are written down here: each condition of a rule from both sides, without Keras."""

from __future__ import annotations

import pytest

from graphlint.model.definition import (
    Body,
    CallDefinition,
    LayerDefinition,
    ModelDefinition,
    OptimizerDefinition,
    TensorRef,
    TensorSpec,
    VariableDefinition,
)
from graphlint.model.expand import expand
from rules.architecture.categorical_on_one_unit import CategoricalOnOneUnit
from rules.architecture.double_rescaling import DoubleRescaling
from rules.architecture.learning_rate import LearningRate
from rules.architecture.linear_sandwich import LinearSandwich
from rules.architecture.loss_activation_mismatch import LossActivationMismatch
from rules.architecture.regression_accuracy import RegressionAccuracy
from rules.architecture.softmax_on_one import SoftmaxOnOne
from rules.disconnected.dead_branch import DeadBranchRule
from rules.redundancy.no_op_layer import NoOpLayer
from rules.shapes.channel_axis import ChannelAxis
from rules.shapes.late_masking import LateMasking
from rules.shapes.missing_flatten import MissingFlatten
from tests.model.definitions import SPEC, call, input_call, layer, model
from tests.questions.test_statistics import Stored


def made(name, class_name, count=0, /, *, shape=None, **config):
    """A layer with a configuration, and a kernel of so many elements or of a shape."""
    found = layer(name, class_name, count, config=config)
    if shape is not None:
        found.variables = [VariableDefinition("kernel", 0, shape, dtype="float32", trainable=True)]
    return found


def op(name, class_name=None, **config):
    return layer(name, class_name or name, is_operation=True, config=config)


def dense(name, units=4, activation="linear", **config):
    return made(name, "Dense", shape=(4, units), units=units, activation=activation, **config)


def step(target, *sources, shape=(None, 4), **kwargs):
    args = [TensorRef(one, 0) if isinstance(one, int) else one for one in sources]
    return CallDefinition(target, tuple(args), kwargs, outputs=(TensorSpec(shape, "float32"),))


def entering(shape=(None, 4), name="x"):
    return CallDefinition(layer(name, "InputLayer"), outputs=(TensorSpec(shape, "float32"),))


def graph_of(calls, outputs=None, *, optimizer=None, **compiled):
    layers = list({id(one.layer): one.layer for one in calls}.values())
    inputs = [TensorRef(place, 0) for place, one in enumerate(calls) if one.layer.class_name == "InputLayer"]
    ends = [TensorRef(place, 0) for place in (outputs or [len(calls) - 1])]
    root = LayerDefinition("net", "Functional", "keras", is_model=True)
    root.body = Body(layers, calls, inputs, outputs=ends)
    return expand(
        ModelDefinition(root, "static", "keras", has_weights=True, compile_config=compiled or None, optimizer=optimizer)
    )


def chain(*parts, shape=(None, 4), **fields):
    """A model of layers one after another; a pair is a layer with the shape that it returns."""
    calls = [entering(shape)]
    for place, part in enumerate(parts):
        one, after = part if isinstance(part, tuple) else (part, shape)
        shape = after
        calls.append(step(one, place, shape=after))
    return graph_of(calls, **fields)


def told(rule, graph):
    return [(graph.address(one.node), one.message) for one in rule.check(graph) if one.node is not None]


def places(rule, graph):
    return [place for place, _ in told(rule, graph)]


# -- R001 no-op-layer -------------------------------------------------------------------------------------------

END = dense("end")


@pytest.mark.parametrize(
    ("class_name", "config", "reason"),
    [
        ("GaussianNoise", {"stddev": 0}, "the deviation is 0"),
        ("GaussianNoise", {"stddev": 0.1}, None),
        ("GaussianNoise", {}, None),
        ("Rescaling", {"scale": 1.0}, "the factor is 1"),
        ("Rescaling", {"scale": 1, "offset": 0}, "the factor is 1"),
        ("Rescaling", {"scale": 1, "offset": 1}, None),
        ("Rescaling", {"scale": 2}, None),
        ("Rescaling", {"scale": [1.0]}, None),
        ("Permute", {"dims": [1, 2]}, "the axes keep their order"),
        ("Permute", {"dims": [2, 1]}, None),
        ("Permute", {"dims": "12"}, None),
        ("Dropout", {"rate": 0.0}, "the rate is 0"),
        ("Dropout", {"p": 0}, "the rate is 0"),
        ("Dropout", {"rate": 0.5, "p": 0}, None),
        ("SpatialDropout1D", {"rate": 0}, "the rate is 0"),
        ("Activation", {"activation": "linear"}, "the activation is linear"),
        ("Activation", {"activation": "relu"}, None),
        ("ZeroPadding2D", {"padding": [[0, 0], [0, 0]]}, "0 rows are added or removed"),
        ("ZeroPadding2D", {"padding": [[0, 0], [0, 1]]}, None),
        ("ZeroPadding1D", {"padding": 0}, "0 rows are added or removed"),
        ("ZeroPadding1D", {}, None),
        ("Cropping1D", {"cropping": [0, 0]}, "0 rows are added or removed"),
        ("Cropping1D", {"cropping": [0, 1]}, None),
        ("UpSampling2D", {"size": [1, 1]}, "the size is 1"),
        ("UpSampling2D", {"size": [1, 2]}, None),
        ("UpSampling1D", {"size": 1}, "the size is 1"),
        ("UpSampling1D", {}, None),
        ("MaxPooling2D", {"pool_size": [1, 1], "strides": [1, 1]}, "window and strides are 1"),
        ("MaxPooling2D", {"pool_size": [1, 1], "strides": None}, "window and strides are 1"),
        ("MaxPooling2D", {"pool_size": [1, 1], "strides": [1, 2]}, None),
        ("MaxPooling2D", {"pool_size": [1, 2], "strides": [1, 1]}, None),
        ("AveragePooling1D", {}, None),
        ("Reshape", {}, "the shape is already (?, 4)"),
        ("Dense", {}, None),
    ],
)
def test_what_does_nothing(class_name, config, reason):
    one = made("one", class_name, **config)
    found = told(NoOpLayer(), chain(one, END))
    assert found == ([] if reason is None else [("one#0", f"does nothing: {reason}")])
    assert told(NoOpLayer(), chain(one)) == []
    kept = made("my_Identity_block", class_name, **config)
    assert told(NoOpLayer(), chain(kept, END)) == []
    foreign = made("one", class_name, **config)
    foreign.registered_name = f"x>{class_name}"
    assert told(NoOpLayer(), chain(foreign, END)) == []


@pytest.mark.parametrize(
    ("before", "after", "already"),
    [
        ((None, 4), (None, 4), True),
        ((None, 4), (None, 2, 2), False),
        ((None, None), (None, None), False),
        ((None,), (None,), False),
        (None, None, False),
    ],
)
def test_reshapes_to_the_same(before, after, already):
    graph = chain((made("one", "Reshape"), after), END, shape=before)
    assert bool(places(NoOpLayer(), graph)) is already


@pytest.mark.parametrize(
    ("first", "second", "undone"),
    [
        ([2, 1], [2, 1], True),
        ([2, 3, 1], [3, 1, 2], True),
        ([2, 3, 1], [2, 3, 1], False),
        ([2, 1], [2, 3, 1], False),
        ([2, 1], [2, "1"], False),
        ([2, 1], [2, 3], False),
        ([2, 1], "21", False),
    ],
)
def test_permutations_that_undo_another(first, second, undone):
    graph = chain(made("a", "Permute", dims=first), made("b", "Permute", dims=second), END)
    assert told(NoOpLayer(), graph) == ([("b#0", "does nothing: it undoes the Permute 'a'")] if undone else [])
    (problem,) = list(NoOpLayer().check(graph)) if undone else [None]
    if problem is not None:
        (edit,) = problem.fix.edits
        assert (edit.keep, edit.drop) == ("x#0", ("b#0",))
    other = chain(made("a", "Reshape", dims=first), made("b", "Permute", dims=second), END, shape=None)
    assert places(NoOpLayer(), other) == []


@pytest.mark.parametrize(
    ("before", "between", "undone"),
    [
        ((None, 4), "ExpandDims", True),
        ((None, 1), "ExpandDims", False),
        (None, "ExpandDims", False),
        ((None, 4), "Abs", False),
        ((None, 5), "ExpandDims", False),
    ],
)
def test_a_squeeze_that_undoes_an_expansion(before, between, undone):
    after = (None, 4) if before == (None, 5) else before
    graph = chain((op("more", between), (None, 4, 1)), (op("less", "Squeeze"), after), END, shape=before)
    assert told(NoOpLayer(), graph) == ([("less#0", "does nothing: it undoes the ExpandDims 'more'")] if undone else [])
    assert all(one.fix is None for one in NoOpLayer().check(graph))


def test_many_of_one_reason_are_one_finding():
    drops = [made(f"drop{place}", "Dropout", rate=0) for place in range(4)]
    graph = chain(*drops, made("pool", "MaxPooling1D", pool_size=1), END)
    (first, second) = NoOpLayer().check(graph)
    assert first.message == "4 Dropout layers do nothing: the rate is 0" and len(first.fix.edits) == 4
    assert (first.node, first.related) == ("drop0#0", ("drop1#0", "drop2#0", "drop3#0"))
    assert second.node == "pool#0"
    assert len(list(NoOpLayer().check(chain(*drops[:3], END)))) == 3


def test_a_layer_that_is_called_again_is_told_once():
    one = made("one", "Dropout", rate=0)
    calls = [entering(), step(one, 0), step(one, 1), step(END, 2)]
    (problem,) = NoOpLayer().check(graph_of(calls))
    assert problem.fix.edits[0].calls == ("one#0", "one#1")
    wrapped = layer("steps", "TimeDistributed", children={"layer": made("one", "Dropout", rate=0)})
    assert places(NoOpLayer(), chain(wrapped, END)) == []


def test_one_layer_says_nothing_of_the_next():
    ends, named, busy = (
        made("a", "Dropout", rate=0),
        made("identity", "Dropout", rate=0),
        made("c", "Dropout", rate=0.5),
    )
    calls = [
        entering(),
        step(ends, 0),
        step(named, 0),
        step(busy, 2),
        step(made("d", "Dropout", rate=0), 3),
        step(END, 4),
    ]
    assert places(NoOpLayer(), graph_of(calls, [1, 5])) == ["d#0"]


def test_what_stops_a_mask_is_kept():
    shape = (None, 5, 4)
    graph = chain(made("mask", "Masking"), made("one", "Reshape"), made("rnn", "LSTM"), shape=shape)
    (problem,) = NoOpLayer().check(graph)
    assert problem.message.startswith("changes no value, and stops the mask") and problem.fix is None
    kept = chain(made("mask", "Masking"), made("one", "Dropout", rate=0), made("rnn", "LSTM"), shape=shape)
    (problem,) = NoOpLayer().check(kept)
    assert problem.message.startswith("does nothing") and problem.fix is not None


# -- A007 linear-sandwich ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "chains"),
    [
        ([dense("a"), dense("b")], [("a#0", ["b#0"])]),
        ([dense("a"), dense("b"), dense("c")], [("a#0", ["b#0", "c#0"])]),
        ([dense("a", activation="relu"), dense("b")], []),
        ([dense("a"), dense("b", activation="relu")], [("a#0", ["b#0"])]),
        ([dense("a"), made("drop", "Dropout"), dense("b")], [("a#0", ["b#0"])]),
        ([dense("a"), made("one", "Activation", activation="linear"), dense("b")], [("a#0", ["b#0"])]),
        ([dense("a"), made("one", "Activation", activation="relu"), dense("b")], []),
        ([dense("a"), made("one", "LayerNormalization"), dense("b")], []),
        ([dense("a", activity_regularizer={"l2": 1}), dense("b")], []),
        ([dense("a"), dense("b", activity_regularizer={"l2": 1})], [("a#0", ["b#0"])]),
        ([dense("a"), made("one", "MaxPooling1D"), dense("b")], []),
        ([dense("a"), made("one", "AveragePooling1D"), dense("b")], [("a#0", ["b#0"])]),
        ([made("a", "DepthwiseConv1D", 3), dense("b")], []),
        ([made("a", "Conv1D", 3, groups=2, activation="linear"), dense("b")], []),
        ([dense("a"), made("b", "Conv1D", 3, groups=2)], []),
        ([made("a", "Conv1D", 3, activation="linear"), dense("b")], [("a#0", ["b#0"])]),
    ],
)
def test_linear_layers_after_each_other(parts, chains):
    found = [(one.node, list(one.related)) for one in LinearSandwich().check(chain(*parts))]
    assert found == chains


def test_frozen_and_repeated_layers_are_left_as_they_are():
    frozen = dense("a")
    frozen.trainable = False
    assert places(LinearSandwich(), chain(frozen, dense("b"))) == []
    later = dense("b")
    later.trainable = False
    assert places(LinearSandwich(), chain(dense("a"), later)) == ["a#0"]
    twice = dense("a")
    calls = [entering(), step(twice, 0), step(dense("b"), 1), step(twice, 2)]
    assert places(LinearSandwich(), graph_of(calls)) == []
    calls = [entering(), step(dense("a"), 0), step(dense("b"), 1), step(dense("c"), 1)]
    assert places(LinearSandwich(), graph_of(calls, [2, 3])) == []
    assert places(LinearSandwich(), graph_of([entering(), step(dense("a"), 0), step(dense("b"), 1)], [1, 2])) == []
    calls = [entering(), step(dense("a"), 0), step(made("sum", "Add"), 1, 0), step(dense("b"), 2)]
    assert places(LinearSandwich(), graph_of(calls)) == []


@pytest.mark.parametrize(
    ("enters", "inner", "outer", "told_"),
    [
        *((4, 4, 4, True), (4, 2, 4, False), (4, 4, 2, True), (2, 4, 8, True), (8, 4, 4, True), (8, 4, 5, False)),
        *((4, 5, 9, True), (5, 4, 9, False)),
    ],
)
def test_bottlenecks_are_no_sandwich(enters, inner, outer, told_):
    graph = chain((dense("a", inner), (None, inner)), (dense("b", outer), (None, outer)), shape=(None, enters))
    found = told(LinearSandwich(), graph)
    assert bool(found) is told_
    if found:
        assert f"2 consecutive linear layers ({inner} -> {outer} features)" in found[0][1]


def test_what_a_bottleneck_is_of_where_no_shape_is_known():
    for inner, outer, found in ((2, 4, False), (4, 2, True), (4, 4, True)):
        graph = chain((dense("a", inner), (None, inner)), (dense("b", outer), (None, outer)), shape=None)
        assert bool(places(LinearSandwich(), graph)) is found
    assert places(LinearSandwich(), chain(dense("a", 4), dense("b", 4), shape=None)) == ["a#0"]
    assert places(LinearSandwich(), chain(dense("a", 2), dense("b", 4), shape=None)) == []
    assert places(LinearSandwich(), chain(dense("a", "4"), dense("b", 4), shape=None)) == []


@pytest.mark.parametrize(
    ("first", "second", "merged", "now"),
    [
        (dense("a", 8), dense("b", 4), 20, 64),
        (dense("a", 8, use_bias=False), dense("b", 4, use_bias=False), 16, 64),
        (dense("a", 8, use_bias=False), dense("b", 4), 20, 64),
        (dense("a", 2), dense("b", 2), 10, 12),
        (dense("a", 4), dense("b", 16), None, None),
        (dense("a", 4), dense("b", 15), 75, 76),
        (dense("a", 8), made("b", "Conv1D", shape=(8, 4), units=4), None, None),
    ],
)
def test_what_one_layer_in_place_of_two_needs(first, second, merged, now):
    second.variables[0].shape = (first.variables[0].shape[1], second.variables[0].shape[1])
    graph = chain((first, (None, first.config["units"])), second)
    ((_, message),) = told(LinearSandwich(), graph)
    assert ("parameters can hold" in message) is (merged is not None)
    assert merged is None or f"which {merged} parameters can hold instead of {now}" in message


def test_the_fix_merges_two_dense_layers_side_by_side():
    (problem,) = LinearSandwich().check(chain(dense("a"), dense("b"), dense("c")))
    (edit,) = problem.fix.edits
    assert (edit.first, edit.second) == ("a", "b")
    (problem,) = LinearSandwich().check(chain(dense("a", kernel_regularizer={"l2": 1}), dense("b"), dense("c")))
    assert (problem.fix.edits[0].first, problem.fix.edits[0].second) == ("b", "c")
    for parts in ([dense("a"), made("drop", "Dropout"), dense("b")], [made("a", "Conv1D", 3), dense("b")]):
        (problem,) = LinearSandwich().check(chain(*parts))
        assert problem.fix is None


def image(*parts, shape=(None, 8, 8, 3)):
    return chain(*parts, shape=shape)


def conv(name, activation="linear", class_name="Conv2D", **config):
    return made(name, class_name, 3, activation=activation, **config)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([conv("a", kernel_size=[1, 7]), conv("b", kernel_size=[7, 1])], []),
        ([conv("a", kernel_size=[3, 3]), conv("b", kernel_size=[3, 3])], ["a#0"]),
        ([conv("a", kernel_size=[3, 3]), conv("b", kernel_size=[1, 1])], ["a#0"]),
        ([conv("a", kernel_size=[1, 7]), conv("b", kernel_size=[7])], ["a#0"]),
        ([conv("a", kernel_size=["1", 7]), conv("b", kernel_size=[7, 1])], ["a#0"]),
        ([conv("a", class_name="Conv2DTranspose", strides=[2, 2]), conv("b")], []),
        ([conv("a", class_name="Conv2DTranspose", strides=2), conv("b")], []),
        ([conv("a", class_name="Conv2DTranspose", strides=[1, 1]), conv("b")], ["a#0"]),
        ([conv("a", strides=[2, 2]), conv("b")], ["a#0"]),
        ([conv("a"), made("pad", "ZeroPadding2D"), conv("b")], ["a#0"]),
        ([conv("a"), made("pool", "MaxPooling2D"), conv("b")], ["a#0"]),
        ([conv("a", "relu"), made("pool", "MaxPooling2D"), conv("b")], []),
        ([conv("a"), made("pool", "MaxPooling2D"), conv("b", class_name="DepthwiseConv2D")], []),
        ([conv("a"), made("pool", "MaxPooling2D"), made("drop", "Dropout"), conv("b")], ["a#0"]),
        ([conv("a"), made("drop", "Dropout"), made("pool", "MaxPooling2D"), conv("b")], ["a#0"]),
        ([conv("a"), made("pool", "MaxPooling2D"), made("more", "MaxPooling2D"), conv("b")], ["a#0"]),
        ([conv("a"), made("pool", "MaxPooling2D"), made("relu", "ReLU"), conv("b")], []),
        ([conv("a"), made("pool", "MaxPooling2D"), dense("b")], []),
        ([conv("a"), made("relu", "ReLU"), made("pool", "MaxPooling2D"), conv("b")], []),
        ([conv("a"), made("pool", "MaxPooling2D")], []),
    ],
)
def test_convolutions_after_each_other(parts, expected):
    assert places(LinearSandwich(), image(*parts)) == expected


@pytest.mark.parametrize(("inner", "told_"), [(3, True), (2, False), (4, True)])
def test_a_flatten_between_counts_numbers(inner, told_):
    parts = [(conv("a"), (None, 2, 2, inner)), (made("flat", "Flatten"), (None, 4 * inner)), (dense("b"), (None, 4))]
    assert bool(places(LinearSandwich(), chain(*parts, shape=(None, 2, 2, 3)))) is told_


# -- A001 softmax-on-one ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "shape", "found"),
    [
        (dense("end", 1, "softmax"), (None, 1), True),
        (dense("end", 2, "softmax"), (None, 2), False),
        (dense("end", 1, "sigmoid"), (None, 1), False),
        (dense("end", 1, "log_softmax"), (None, 1), True),
        (dense("end", 1, "softmax"), None, True),
        (dense("end", 2, "softmax"), None, False),
        (dense("end", 1, "softmax"), (), False),
        (made("end", "Softmax", axis=1), (None, 1, 4), True),
        (made("end", "Softmax", axis=-2), (None, 1, 4), True),
        (made("end", "Softmax", axis=2), (None, 1, 4), False),
        (made("end", "Softmax", axis=3), (None, 1, 1), False),
        (made("end", "Softmax", axis=-4), (None, 1, 1), False),
        (made("end", "Softmax", axis=-3), (1, 1, 1), True),
        (made("end", "Softmax", axis=[1, 2]), (None, 1, 1), True),
        (made("end", "Softmax", axis=[1, 2]), (None, 1, 4), False),
        (made("end", "Softmax", axis=[]), (None, 1, 4), False),
        (made("end", "Softmax", axis=1), None, False),
    ],
)
def test_a_softmax_over_one_number(end, shape, found):
    graph = chain((end, shape))
    assert bool(places(SoftmaxOnOne(), graph)) is found
    if found:
        ((_, message),) = told(SoftmaxOnOne(), graph)
        value = "0" if end.config.get("activation") == "log_softmax" else "1"
        assert message.endswith(f"every output is {value}")


@pytest.mark.parametrize(
    ("loss", "words", "title"),
    [
        ("binary_crossentropy", True, "write sigmoid"),
        ("binary_focal_crossentropy", True, "write sigmoid"),
        ("categorical_crossentropy", False, "write sigmoid and a binary cross-entropy"),
        ("sparse_categorical_crossentropy", False, "write sigmoid and a binary cross-entropy"),
        ("mse", False, "write sigmoid"),
        ({"class_name": "function", "config": "binary_crossentropy", "registered_name": "x>y"}, False, "write sigmoid"),
    ],
)
def test_a_softmax_over_one_number_under_its_loss(loss, words, title):
    (problem,) = SoftmaxOnOne().check(chain((dense("end", 1, "softmax"), (None, 1)), loss=loss))
    assert ("although the loss falls on TensorFlow" in problem.message) is words
    assert problem.fix.title == title
    (problem,) = SoftmaxOnOne().check(chain((dense("end", 1, "log_softmax"), (None, 1)), loss=loss))
    assert "although" not in problem.message and problem.fix is None


def test_fixes_of_a_softmax_over_one_number():
    (problem,) = SoftmaxOnOne().check(chain((made("end", "Softmax"), (None, 1))))
    assert problem.fix.edits[0].class_name == "Activation"
    (problem,) = SoftmaxOnOne().check(chain((op("end", "Softmax"), (None, 1))))
    assert problem.fix is None
    (problem,) = SoftmaxOnOne().check(chain((dense("end", 1, "softmax"), (None, 5, 1))))
    assert problem.fix is None
    shared = dense("end", 1, "softmax")
    calls = [entering(), step(shared, 0, shape=(None, 1)), step(shared, 1, shape=(None, 1))]
    (problem,) = SoftmaxOnOne().check(graph_of(calls))
    assert (problem.node, problem.related) == ("end#0", ("end#1",))
    calls = [entering(), step(shared, 0, shape=(None, 1)), step(dense("b"), 0)]
    both = graph_of(calls, [1, 2], loss="categorical_crossentropy")
    assert [one.fix for one in SoftmaxOnOne().check(both)] == [None]


def attention(softmax_shape, *, after="Multiply", before=None, use=True, outputs=None):
    calls = [entering((None, 1, 4)), step(before or op("scores", "Matmul"), 0, 0, shape=softmax_shape)]
    calls.append(step(op("weights", "Softmax"), 1, shape=softmax_shape))
    if use:
        calls.append(step(op("values", after), 2, 0))
    return graph_of(calls, outputs)


def test_attention_over_one_position_is_as_it_is():
    one = (None, 1, 1)
    assert places(SoftmaxOnOne(), attention(one)) == []
    assert places(SoftmaxOnOne(), attention(one, after="Einsum")) == []
    assert places(SoftmaxOnOne(), attention(one, after="Add")) == ["weights#0"]
    assert places(SoftmaxOnOne(), attention(one, use=False)) == ["weights#0"]
    assert places(SoftmaxOnOne(), attention(one, outputs=[3, 2])) == ["weights#0"]
    assert places(SoftmaxOnOne(), attention(one, before=op("scores", "Abs"))) == ["weights#0"]
    assert places(SoftmaxOnOne(), attention(one, before=dense("scores"))) == ["weights#0"]
    for axis, found in ((1, []), (2, ["weights#0"])):
        calls = [entering((None, 1, 4)), step(made("weights", "Softmax", axis=axis), 0, shape=(None, 1, 1))]
        calls.append(step(op("values", "Multiply"), 1, 0))
        assert places(SoftmaxOnOne(), graph_of(calls)) == found


def test_one_unit_in_a_body_that_cannot_be_seen():
    def closed(**config):
        inner = layer("inner", "Dense", config=config)
        return chain(layer("own", "Mine", registered_name="x>Mine", children={"inner": inner}), dense("end"))

    for activation, value in (("softmax", 1), ("log_softmax", 0)):
        words = f"{activation} in a Dense of one unit: every output is {value}"
        assert told(SoftmaxOnOne(), closed(units=1, activation=activation)) == [("own/inner", words)]
    assert places(SoftmaxOnOne(), closed(units=2, activation="softmax")) == []
    assert places(SoftmaxOnOne(), closed(units=1)) == []
    seen = chain(layer("steps", "TimeDistributed", children={"layer": dense("d", 1, "softmax")}), dense("end"))
    assert places(SoftmaxOnOne(), seen) == []


# -- H005 missing-flatten ---------------------------------------------------------------------------------------


def classified(*parts, end=None, shape=(None, 8, 8, 3), last=(None, 4, 4, 5), loss="categorical_crossentropy"):
    return chain(*parts, *(end or [(dense("end", 5, "softmax"), last)]), shape=shape, loss=loss)


POOL, WIDE = made("pool", "MaxPooling2D"), conv("conv", kernel_size=[3, 3], padding="same")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"parts": [WIDE, POOL]}, "pooling or strides have left"),
        ({"parts": [conv("conv", strides=[2, 2], kernel_size=1)]}, "pooling or strides have left"),
        ({"parts": [conv("conv", kernel_size=[3, 3])]}, "convolutions without padding have left"),
        ({"parts": [WIDE]}, None),
        ({"parts": [conv("conv", kernel_size=[1, 1])]}, "by the numbers at that position alone"),
        ({"parts": [conv("conv", kernel_size=[1, 1])], "last": (None, None, 4, 5)}, None),
        ({"parts": [POOL], "last": (None, None, 4, 5)}, "pooling or strides have left"),
        ({"parts": [POOL], "last": (None, 1, 1, 5)}, None),
        ({"parts": [POOL], "last": (None, 5)}, None),
        ({"parts": [POOL], "last": None}, None),
        ({"parts": [POOL], "loss": "mse"}, None),
        ({"parts": [POOL], "loss": "mine"}, None),
        ({"parts": [POOL, conv("up", class_name="Conv2DTranspose")]}, None),
        ({"parts": [POOL, made("up", "UpSampling2D")]}, None),
        ({"parts": [POOL, op("more", "Transpose")]}, None),
        ({"parts": [POOL, op("more", "Exp")]}, "pooling or strides have left"),
        ({"parts": [op("more", "Exp")]}, None),
        ({"parts": [POOL], "end": [conv("end", "softmax")]}, None),
        (
            {"parts": [POOL], "end": [dense("end", 5), (made("soft", "Softmax"), (None, 4, 4, 5))]},
            "pooling or strides have left",
        ),
        (
            {"parts": [POOL], "end": [dense("end", 5), (op("soft", "Softmax"), (None, 4, 4, 5))]},
            "pooling or strides have left",
        ),
    ],
)
def test_a_class_for_each_position(fields, words):
    graph = classified(*fields.pop("parts"), **fields)
    found = told(MissingFlatten(), graph)
    assert found == [] if words is None else (found[0][0] == "end#0" and words in found[0][1])


def test_the_fix_of_a_missing_flatten():
    (problem,) = MissingFlatten().check(classified(POOL))
    assert problem.fix.edits[0].class_name == "GlobalAveragePooling2D" and problem.related == ()
    ends = [dense("end", 5), (made("soft", "Softmax"), (None, 4, 4, 5))]
    (problem,) = MissingFlatten().check(classified(POOL, end=ends))
    assert [one.call for one in problem.related] == ["soft#0"]
    (problem,) = MissingFlatten().check(classified(POOL, shape=(None, 2, 2, 2, 3)))
    assert problem.fix.edits[0].class_name == "GlobalAveragePooling3D"
    (problem,) = MissingFlatten().check(classified(POOL, shape=(None, 2, 2, 2, 2, 3)))
    assert problem.fix is None


# -- H004 channel-axis ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "config", "found"),
    [
        ((None, 3, 32, 32), {}, True),
        ((None, 4, 16, 16), {}, True),
        ((None, 5, 32, 32), {}, False),
        ((None, 3, 15, 32), {}, False),
        ((None, 3, 32, 15), {}, False),
        ((None, 3, None, 32), {}, False),
        ((None, 32, 32, 3), {}, False),
        ((None, 32, 32, 3), {"data_format": "channels_first"}, True),
        ((None, 3, 32, 32), {"data_format": "channels_first"}, False),
        ((None, 3, 32, 32), {"kernel_size": [1, 3]}, False),
        ((None, 3, 32, 32), {"kernel_size": 1}, False),
        ((None, 3, 32, 32), {"kernel_size": [3]}, False),
        ((None, 3, 32, 32), {"kernel_size": 3}, True),
        ((None, 3, 32), {}, False),
        (None, {}, False),
    ],
)
def test_channels_on_the_wrong_axis(shape, config, found):
    one = conv("one", **{"kernel_size": [3, 3], **config})
    assert places(ChannelAxis(), chain(one, shape=shape)) == (["one#0"] if found else [])
    assert places(ChannelAxis(), chain(conv("one", class_name="Conv2DTranspose", kernel_size=3), shape=shape)) == []
    assert places(ChannelAxis(), chain(conv("one", class_name="Conv1D", kernel_size=[3, 3]), shape=shape)) == []


IMAGE = (None, 3, 32, 32)


@pytest.mark.parametrize(
    ("before", "found"),
    [
        *((op("one", name), True) for name in ("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Cast")),
        *((made("one", name), True) for name in ("Rescaling", "GaussianNoise", "RandomFlip")),
        (op("one", "Exp"), False),
        (made("one", "Conv2DTranspose"), False),
        (made("one", "ReLU"), False),
        (made("one", "Permute"), False),
    ],
    ids=lambda one: getattr(one, "class_name", None),
)
def test_images_behind_preprocessing(before, found):
    last = conv("conv", kernel_size=3)
    assert places(ChannelAxis(), chain(before, last, shape=IMAGE)) == (["conv#0"] if found else [])
    calls = [entering(IMAGE), entering(IMAGE, "y"), step(before, 0, 1, shape=IMAGE), step(last, 2)]
    assert places(ChannelAxis(), graph_of(calls)) == []


def test_the_fix_moves_the_channels():
    cases = (("channels_last", IMAGE, [2, 3, 1]), ("channels_first", (None, 32, 32, 3), [3, 1, 2]))
    for data_format, shape, dims in cases:
        (problem,) = ChannelAxis().check(chain(conv("one", kernel_size=3, data_format=data_format), shape=shape))
        assert problem.fix.edits[0].config == {"dims": dims}
    twice = conv("one", kernel_size=3)
    calls = [entering(IMAGE), step(twice, 0), step(twice, 0)]
    assert {one.fix for one in ChannelAxis().check(graph_of(calls, [1, 2]))} == {None}


# -- A022 and A021: compilations ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("optimizer", "config", "words"),
    [
        ("Adam", {"learning_rate": 0.001}, None),
        ("Adam", {"learning_rate": 1.0}, "each step of Adam changes each weight by about that"),
        ("Adam", {"learning_rate": 0.37}, None),
        ("Adam", {"learning_rate": 0.38}, "each step of Adam"),
        ("Adam", {"learning_rate": 1e-6}, "the default is 1,000 times that"),
        ("Adam", {"learning_rate": 1.1e-6}, None),
        ("Adam", {"learning_rate": 0}, "a learning rate of 0: no step changes anything"),
        ("SGD", {"learning_rate": 9.9}, None),
        ("SGD", {"learning_rate": 10}, "a learning rate of 10 for SGD"),
        ("SGD", {"learning_rate": 10, "clipnorm": 1.0}, None),
        ("SGD", {"learning_rate": 1e-5}, "the default is 1,000 times that"),
        ("SGD", {"learning_rate": 1.1e-5}, None),
        ("Adadelta", {"learning_rate": 1e-9}, None),
        ("Adadelta", {"learning_rate": 20}, None),
        ("Adam", {"learning_rate": {"class_name": "ExponentialDecay"}}, None),
    ],
)
def test_learning_rates(optimizer, config, words):
    def found(kernels=2, **fields):
        parts = [made(f"d{place}", "Dense", shape=(64, 64)) for place in range(kernels)]
        graph = chain(*parts, **fields)
        graph.definition.compile_config = {"optimizer": {"class_name": optimizer, "config": config}, "loss": "mse"}
        return [one.message for one in LearningRate().check(graph)]

    assert len(found()) == (words is not None) and all(words in one for one in found())
    assert found(kernels=1) == []
    flat = [made("flat", "Dense", shape=(64,)), made("other", "Dense", shape=(64, 64))]
    flat[1].variables[0].slot = "embeddings"
    graph = chain(made("d", "Dense", shape=(64, 64)), *flat)
    graph.definition.compile_config = {"optimizer": {"class_name": optimizer, "config": config}, "loss": "mse"}
    assert list(LearningRate().check(graph)) == []
    count = VariableDefinition("iteration", 0, (), dtype="int64", trainable=False, values=Stored(5))
    begun = found(optimizer=OptimizerDefinition(optimizer, None, config, variables=[count]))
    assert begun == ([] if words is None or "default" in words or "of 0:" in words else found())


def two(ends, shapes=((None, 1), (None, 1)), **compiled):
    calls = [entering(), *(step(end, 0, shape=shape) for end, shape in zip(ends, shapes, strict=True))]
    return graph_of(calls, list(range(1, len(calls))), **compiled)


def test_accuracy_of_numbers():
    a, b = dense("a", 1), dense("b", 1)
    accuracy = {"loss": "mse", "metrics": [["accuracy"], ["accuracy"]]}
    assert places(RegressionAccuracy(), two([a, b], **accuracy)) == ["a#0", "b#0"]
    assert places(RegressionAccuracy(), two([a, b], loss="mse", metrics=[["mae"], ["binary_accuracy"]])) == ["b#0"]
    losses = {**accuracy, "loss": ["categorical_crossentropy", "mse"]}
    assert places(RegressionAccuracy(), two([a, b], **losses)) == ["b#0"]
    assert places(RegressionAccuracy(), two([a, b], **{**accuracy, "loss": ["mine", "mse"]})) == ["b#0"]
    assert places(RegressionAccuracy(), two([dense("a", 1, "sigmoid"), b], **accuracy)) == ["b#0"]
    assert places(RegressionAccuracy(), two([dense("a", 1, "relu"), b], **accuracy)) == ["a#0", "b#0"]
    assert places(RegressionAccuracy(), two([a, b], shapes=((None, 2), (None, 1)), **accuracy)) == ["b#0"]
    one = graph_of([entering(), step(a, 0, shape=(None, 1))], loss=["mse", "mae"], metrics=["accuracy"])
    assert places(RegressionAccuracy(), one) == ["a#0"]


@pytest.mark.parametrize(
    ("activation", "loss", "fixed"),
    [
        ("linear", "categorical_crossentropy", True),
        ("sigmoid", "sparse_categorical_crossentropy", False),
        ("relu", "categorical_crossentropy", None),
    ],
)
def test_one_class_to_choose_from(activation, loss, fixed):
    (problem,) = CategoricalOnOneUnit().check(chain((dense("end", 1, activation), (None, 1)), loss=loss))
    assert (problem.node, problem.related) == ("end#0", ())
    assert (problem.fix is not None) is (fixed is not None)
    if fixed is not None:
        (edit,) = problem.fix.edits
        assert edit.losses[None]["config"] == {"from_logits": fixed}
    shaped = chain((dense("end", 1, activation), (None, 1, 1)), (made("flat", "Flatten"), (None, 1)), loss=loss)
    (problem,) = CategoricalOnOneUnit().check(shaped)
    assert (problem.node, [one.call for one in problem.related]) == ("end#0", ["flat#0"])
    assert places(CategoricalOnOneUnit(), chain((dense("end", 1, "softmax"), (None, 1)), loss=loss)) == []
    assert places(CategoricalOnOneUnit(), chain((dense("end", 2, activation), (None, 2)), loss=loss)) == []
    for first in (dense("a", 1, "softmax"), dense("a", 3)):
        shapes = ((None, first.config["units"]), (None, 1))
        graph = two([first, dense("end", 1, activation)], shapes, loss=loss)
        assert places(CategoricalOnOneUnit(), graph) == ["end#0"]
    weightless = chain((dense("end", 1, activation), (None, 1)), loss=loss, loss_weights=0)
    assert places(CategoricalOnOneUnit(), weightless) == []


@pytest.mark.parametrize(
    ("loss", "activation", "words"),
    [
        ("binary_crossentropy", "softmax", "on TensorFlow it trains a sigmoid in place of it"),
        ("binary_focal_crossentropy", "softmax", "3 units"),
        ("categorical_crossentropy", "sigmoid", "on TensorFlow it trains a softmax in place of it"),
        ("categorical_focal_crossentropy", "sigmoid", "3 units"),
        ("categorical_crossentropy", "softmax", None),
        ("binary_crossentropy", "sigmoid", None),
        ("mse", "softmax", None),
    ],
)
def test_activations_of_another_loss(loss, activation, words):
    graph = chain((dense("end", 3, activation), (None, 3)), loss=loss)
    found = told(LossActivationMismatch(), graph)
    assert found == [] if words is None else found[0][1].endswith(words)
    for units in (1, 2):
        few = chain((dense("end", units, activation), (None, units)), loss=loss)
        assert bool(told(LossActivationMismatch(), few)) is (
            words is not None and activation == "sigmoid" and units > 1
        )
    weightless = chain((dense("end", 3, activation), (None, 3)), loss=loss, loss_weights=0)
    assert told(LossActivationMismatch(), weightless) == []


# -- H019 late-masking --------------------------------------------------------------------------------------------

STEPS = (None, 5, 4)


def masked_after(*parts, **config):
    return chain(*parts, made("mask", "Masking", **config), made("rnn", "LSTM"), shape=STEPS)


@pytest.mark.parametrize(
    ("parts", "before"),
    [
        ([], None),
        ([dense("a")], "a"),
        ([dense("a", use_bias=False)], None),
        ([dense("a", activation="relu", use_bias=False)], None),
        ([dense("a", activation="sigmoid", use_bias=False)], "a"),
        ([dense("a"), made("drop", "Dropout")], "a"),
        ([dense("a"), dense("b", use_bias=False)], "a"),
        ([dense("b", use_bias=False), dense("a")], "a"),
        ([made("norm", "LayerNormalization")], "norm"),
        ([made("norm", "LayerNormalization", center=False)], None),
        ([made("norm", "RMSNormalization")], None),
        ([made("norm", "UnitNormalization")], None),
        ([made("steps", "TimeDistributed")], None),
        ([dense("a"), made("rnn2", "LSTM"), dense("b", use_bias=False)], None),
        ([dense("a"), made("relu", "ReLU"), dense("b", use_bias=False)], "a"),
    ],
)
def test_masks_that_are_looked_for_too_late(parts, before):
    found = [(one.node, one.related) for one in LateMasking().check(masked_after(*parts))]
    assert found == ([] if before is None else [("mask#0", (f"{before}#0",))])


@pytest.mark.parametrize(
    ("activation", "zero"),
    [
        *((name, True) for name in "linear relu tanh elu selu gelu silu leaky_relu relu6 swish".split()),
        *((name, False) for name in ("sigmoid", "softmax", "softplus", "exponential", "hard_sigmoid")),
    ],
)
def test_activations_that_leave_zeros(activation, zero):
    graph = masked_after(dense("a", activation=activation, use_bias=False))
    assert places(LateMasking(), graph) == ([] if zero else ["mask#0"])


def test_the_fix_masks_before():
    (problem,) = LateMasking().check(masked_after(dense("a"), mask_value=-1.0))
    remove, insert = problem.fix.edits
    assert (remove.calls, insert.call, insert.config) == (("mask#0",), "a#0", {"mask_value": -1.0})
    assert "steps of -1.0" in problem.message
    twice = dense("a")
    calls = [entering(STEPS), step(twice, 0, shape=STEPS), step(twice, 1, shape=STEPS)]
    calls += [step(made("mask", "Masking"), 2, shape=STEPS), step(made("rnn", "LSTM"), 3)]
    (problem,) = LateMasking().check(graph_of(calls))
    assert problem.fix is None
    calls = [entering(STEPS), step(dense("a"), 0, shape=STEPS), step(made("mask", "Masking"), 1, shape=STEPS)]
    calls += [step(made("rnn", "LSTM"), 2), step(dense("b"), 1)]
    (problem,) = LateMasking().check(graph_of(calls, [3, 4]))
    assert problem.fix is None
    (problem,) = LateMasking().check(graph_of(calls[:3], [1, 2]))
    assert problem.fix is None
    mask = made("mask", "Masking")
    calls = [entering(STEPS), step(dense("a"), 0, shape=STEPS), step(mask, 1, shape=STEPS), step(mask, 2, shape=STEPS)]
    (problem,) = LateMasking().check(graph_of(calls))
    assert problem.fix is None
    wrapper = layer("w", "TimeDistributed", children={"layer": mask})
    calls = [entering(STEPS), step(dense("a"), 0, shape=STEPS), step(mask, 1, shape=STEPS), step(wrapper, 0)]
    assert [one.fix for one in LateMasking().check(graph_of(calls, [2, 3]))] == [None]
    calls = [entering(STEPS), entering(STEPS, "y"), step(dense("a"), 0, 1, shape=STEPS), step(mask, 2, 0, shape=STEPS)]
    assert places(LateMasking(), graph_of(calls)) == []


# -- A013 double-rescaling --------------------------------------------------------------------------------------

BYTE, X = 1 / 255, object()


def rescaled(name="two", scale=BYTE):
    return made(name, "Rescaling", scale=scale)


@pytest.mark.parametrize(
    ("between", "found"),
    [
        ([], True),
        ([made("flip", "RandomFlip")], True),
        ([made("flat", "Reshape")], True),
        ([op("cast", "Cast")], True),
        ([op("item", "GetItem")], True),
        ([op("turned", "Transpose")], True),
        ([op("exp", "Exp")], False),
        ([dense("dense")], False),
    ],
)
def test_images_that_are_scaled_twice(between, found):
    graph = chain(rescaled("one"), *between, rescaled())
    assert places(DoubleRescaling(), graph) == (["two#0"] if found else [])


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (BYTE, BYTE, True),
        (BYTE, 2.0, False),
        (2.0, BYTE, False),
        (BYTE, [BYTE, BYTE], True),
        (BYTE, [BYTE, 2.0], False),
        (BYTE, "small", False),
        (BYTE, -BYTE, False),
        (BYTE, 0.0, False),
        (0.5, 1e-4, False),
        (1e-4, 0.5, False),
        (0.05, 0.05, False),
        (0.09, 0.01, True),
        (BYTE, [], False),
    ],
)
def test_factors_that_multiply(first, second, found):
    assert bool(places(DoubleRescaling(), chain(rescaled("one", first), rescaled("two", second)))) is found


@pytest.mark.parametrize(
    ("operation", "args", "found"),
    [
        ("Divide", (X, 255.0), True),
        ("TrueDivide", (X, 255), True),
        ("Multiply", (X, BYTE), True),
        ("Multiply", (BYTE, X), True),
        ("Divide", (255.0, X), False),
        ("Divide", (X, 0.0), False),
        ("Divide", (X, 2.0), False),
        ("Add", (X, BYTE), False),
        ("Multiply", (X, X), False),
    ],
)
def test_operations_that_scale(operation, args, found):
    def scales(source):
        operands = tuple(TensorRef(source, 0) if one is X else one for one in args)
        return CallDefinition(op("one", operation), operands, outputs=(SPEC,))

    assert places(DoubleRescaling(), graph_of([entering(), scales(0), step(rescaled(), 1)])) == ["two#0"] * found
    assert places(DoubleRescaling(), graph_of([entering(), step(rescaled(), 0), scales(1)])) == []


def test_the_fix_removes_the_outer_scale():
    (problem,) = DoubleRescaling().check(chain(rescaled("one"), rescaled()))
    assert problem.fix.edits[0].calls == ("one#0",)
    calls = [entering(), step(rescaled("one"), 0), step(rescaled(), 1), step(dense("b"), 1)]
    (problem,) = DoubleRescaling().check(graph_of(calls, [2, 3]))
    assert problem.fix is None
    calls = [entering(), step(op("one", "Divide"), 0, 255.0), step(rescaled(), 1)]
    (problem,) = DoubleRescaling().check(graph_of(calls))
    assert problem.fix is None


# -- D002 dead-branch -------------------------------------------------------------------------------------------


def with_side(*side, class_name="Functional", penalty=None, returned=True):
    calls = [input_call("i"), call(dense("main"), 0)]
    for place, one in enumerate(side):
        if penalty:
            one.config["kernel_regularizer"] = penalty
        calls.append(call(one, 0 if place == 0 else place + 1))
    inner = model("inner", calls, [0], [1, len(calls) - 1 if returned else 1])
    inner.class_name, inner.registered_name = class_name, None if class_name == "Functional" else f"x>{class_name}"
    outer = [input_call("x"), CallDefinition(inner, (TensorRef(0, 0),), outputs=(SPEC, SPEC)), call(dense("end"), 1)]
    return graph_of(outer)


def test_branches_in_words():
    ((place, message),) = told(DeadBranchRule(), with_side(dense("a")))
    assert place == "inner/a#0" and message.startswith("one layer with 16 trainable parameters feeds only output 1 of")
    ((place, message),) = told(DeadBranchRule(), with_side(dense("a"), dense("b")))
    assert place == "inner/b#0" and message.startswith("2 layers with 32 trainable parameters feed only output 1 of")
    assert told(DeadBranchRule(), with_side(dense("a"), class_name="Mine")) == []
    ((place, message),) = told(DeadBranchRule(), with_side(dense("a"), returned=False))
    assert place == "inner/a#0" and message.endswith("what reaches no output of the model")
    lonely = graph_of([entering(), step(dense("a"), 0), step(dense("b"), 0)], [1])
    ((place, message),) = told(DeadBranchRule(), lonely)
    assert place == "b#0" and message.endswith("feeds only what reaches no output of the model")
    (problem,) = DeadBranchRule().check(lonely)
    assert problem.fix is None
    (problem,) = DeadBranchRule().check(with_side(dense("a")))
    assert problem.fix.edits[0].layers == ("inner",) and "penalties" not in str(problem.fix)
    inside = with_side(dense("a")).definition.root.body.layers[1]
    for class_name, fixed in (("Functional", True), ("Mine", False)):
        outer = model("outer", [input_call("o"), call(inside, 0), call(dense("next"), 1)], [0], [2])
        outer.class_name, outer.registered_name = class_name, None if fixed else "x>Mine"
        (problem,) = DeadBranchRule().check(graph_of([entering(), step(outer, 0), step(dense("end"), 1)]))
        assert (problem.fix is not None) is fixed
        assert not fixed or problem.fix.edits[0].layers == ("outer", "outer/inner")
    (problem,) = DeadBranchRule().check(with_side(dense("a"), penalty={"l2": 1}))
    assert "penalties" in str(problem.fix)
