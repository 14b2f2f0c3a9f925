"""Rules about which axis is meant, on definitions: kernels, normalisation, reshapes and dtypes, without Keras."""

from __future__ import annotations

import pytest

from graphlint.model.definition import CallDefinition, TensorRef, TensorSpec
from graphlint.model.graph import Tensor
from rules.architecture.regression_accuracy import RegressionAccuracy
from rules.architecture.regression_activation import RegressionActivation
from rules.architecture.unbounded_recurrence import UnboundedRecurrence
from rules.redundancy.no_op_layer import NoOpLayer
from rules.shapes.batchnorm_axis import BatchnormAxis
from rules.shapes.float16_output import Float16Output
from rules.shapes.oversized_kernel import OversizedKernel
from rules.shapes.reshape_as_transpose import ReshapeAsTranspose
from tests.model.definitions import call, input_call, layer, model
from tests.rules.test_definitions import chain, dense, entering, graph_of, made, op, places, step, told


def conv(name="conv", /, **config):
    return made(name, config.pop("kind", "Conv2D"), **{"padding": "same", "data_format": "channels_last", **config})


# -- H011 oversized-kernel ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "config", "kernel"),
    [
        ((None, 4, 9, 3), {"kernel_size": [5, 5]}, "5x5"),
        ((None, 9, 4, 3), {"kernel_size": [5, 5]}, "5x5"),
        ((None, 9, 4, 3), {"kernel_size": 5}, "5x5"),
        ((None, 5, 5, 3), {"kernel_size": [5, 5]}, None),
        ((None, 2, 2, 3), {"kernel_size": [3, 3]}, "3x3"),
        ((None, 1, 1, 3), {"kernel_size": [3, 3]}, None),
        ((None, None, None, 3), {"kernel_size": [3, 3]}, None),
        ((None, None, 2, 3), {"kernel_size": [3, 3]}, "3x3"),
        ((None, 3, 9, 4), {"kernel_size": [5, 5], "data_format": "channels_first"}, "5x5"),
        ((None, 3, 9, 9), {"kernel_size": [5, 5], "data_format": "channels_first"}, None),
        ((None, 4, 9, 3), {"kernel_size": [5, 5], "padding": "valid"}, None),
        ((None, 4, 9, 3), {"kernel_size": [5, 5], "dilation_rate": [2, 2]}, None),
        ((None, 4, 9, 3), {"kernel_size": [5, 5], "dilation_rate": [1, 1]}, "5x5"),
        ((None, 4, 9, 3), {"kernel_size": [5, 5], "dilation_rate": 2}, None),
        ((None, 4, 9, 3), {"kernel_size": [5, 5], "kind": "Conv2DTranspose"}, None),
        ((None, 4, 9, 3), {"kernel_size": [5, 5], "kind": "MaxPooling2D"}, None),
        ((None, 4, 3), {"kernel_size": [5], "kind": "Conv1D"}, "5"),
        ((None, 4), {"kernel_size": [5], "kind": "Conv1D"}, None),
        (None, {"kernel_size": [5, 5]}, None),
        ((None, 4, 9, 3), {"kernel_size": None}, None),
        ((None, 4, 9, 3), {"kernel_size": ["5", 5]}, "5"),
    ],
)
def test_kernels_that_are_larger_than_what_they_slide_over(shape, config, kernel):
    one, other = conv("one", **config), conv("other", kernel_size=[1, 1])
    calls = [entering(shape), step(other, 0, shape=shape), step(one, 1, shape=shape), step(one, 2, shape=shape)]
    found = [(problem.node, problem.message, problem.related) for problem in OversizedKernel().check(graph_of(calls))]
    if kernel is None:
        assert found == []
        return
    text = f"({', '.join('?' if dim is None else str(dim) for dim in shape)})"
    message = f"a kernel of {kernel} slides over {text}, which is shorter: part of it covers padding at every position"
    assert found == [("one#0", message, (Tensor("other#0", 0),))]


# -- H017 batchnorm-axis ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axis", "data_format", "expected"),
    [
        (-1, "channels_last", None),
        (3, "channels_last", None),
        ([3], "channels_last", None),
        (1, "channels_last", "Set axis=-1."),
        ([1], "channels_last", "Set axis=-1."),
        (-1, "channels_first", "Set axis=1."),
        (1, "channels_first", None),
        (-3, "channels_first", None),
        ([1, 2], "channels_last", None),
        ("1", "channels_last", None),
        (None, "channels_first", "Set axis=1."),
    ],
)
def test_the_axis_of_a_normalisation_after_a_convolution(axis, data_format, expected):
    shape = (None, 8, 8, 4)
    norm = made("norm", "BatchNormalization", **({} if axis is None else {"axis": axis}))
    good = made("good", "BatchNormalization", axis=1 if data_format == "channels_first" else -1)
    for between in ([], [made("act", "Activation", activation="relu")], [made("drop", "Dropout", rate=0.1)]):
        parts = [conv(data_format=data_format), *between, good, *between[:0], conv("again", data_format=data_format)]
        graph = chain(*parts, norm, shape=shape)
        found = [(one.node, one.hint, one.related) for one in BatchnormAxis().check(graph)]
        assert found == ([] if expected is None else [("norm#0", expected, ("again#0",))])
    assert places(BatchnormAxis(), chain(dense("d"), norm, shape=shape)) == []
    assert places(BatchnormAxis(), chain((conv(data_format=data_format), (None, 4)), norm, shape=shape)) == []
    twice = [entering(shape), step(conv(data_format=data_format), 0, shape=shape)]
    twice += [step(norm, 1, shape=shape), step(norm, 2, shape=shape)]
    assert len(list(BatchnormAxis().check(graph_of(twice)))) == (expected is not None)


# -- H014 float16-output ------------------------------------------------------------------------------------------


def half(target, source, dtype="float16"):
    return CallDefinition(target, (TensorRef(source, 0),), outputs=(TensorSpec((None, 4), dtype),))


def test_outputs_in_half_precision():
    good, last = dense("good", activation="softmax"), dense("last", activation="sigmoid")
    linear, drop = dense("linear"), made("drop", "Dropout", rate=0.5)
    calls = [entering(), half(good, 0, "float32"), half(linear, 0), half(last, 0), half(drop, 3)]
    graph = graph_of(calls, [1, 2, 4, 3])
    (problem,) = Float16Output().check(graph)
    assert (problem.node, problem.message, problem.related) == (
        "last#0",
        "an output ends in sigmoid and is float16",
        (Tensor("drop#0", 0),),
    )
    assert [edit.layer for edit in problem.fix.edits] == ["last", "drop"]
    (problem,) = Float16Output().check(graph_of(calls, [3]))
    assert problem.related == () and [edit.layer for edit in problem.fix.edits] == ["last"]
    calls = [entering(), half(last, 0), half(last, 1)]
    (problem,) = Float16Output().check(graph_of(calls))
    assert problem.fix is None
    (problem,) = Float16Output().check(graph_of([entering(), half(op("s", "Softmax"), 0)]))
    assert problem.fix is None


# -- H006 reshape-as-transpose ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "dims"),
    [
        ((None, 3, 5), (None, 5, 3), [2, 1]),
        ((None, 3, 5, 7), (None, 7, 3, 5), [3, 1, 2]),
        ((None, 3, 5), (None, 3, 5), None),
        ((None, 3, 3), (None, 3, 3), None),
        ((None, 3, 5), (None, 15), None),
        ((None, 1, 5), (None, 5, 1), None),
        ((None, 3, 3, 5), (None, 5, 3, 3), ()),
        ((None, 1, 3, 5), (None, 5, 3), ()),
        ((None, None, 5), (None, 5, None), None),
    ],
)
def test_reshapes_that_swap_sizes(before, after, dims):
    graph = chain((made("r", "Reshape"), after), (dense("end"), (None, 4)), shape=before)
    found = list(ReshapeAsTranspose().check(graph))
    assert [one.node for one in found] == ([] if dims is None else ["r#0"])
    for one in found:  # Which of two equal sizes went where cannot be known.
        assert (one.fix and one.fix.edits[0].config) == ({"dims": dims, "name": "r"} if dims else None)


# -- names of losses, metrics and layers --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"])
def test_every_accuracy_is_none_of_a_regression(name):
    graph = chain((dense("end", 1), (None, 1)), loss="mse", metrics=["mae", name])
    ((node, message),) = told(RegressionAccuracy(), graph)
    assert node == "end#0" and message.startswith(f"{name} counts how often output 'end' equals its target, and mean")


@pytest.mark.parametrize(
    "loss",
    [
        *("mean_squared_error", "mean_absolute_error", "mean_squared_logarithmic_error", "log_cosh", "huber"),
        *("mean_absolute_percentage_error", "poisson"),
    ],
)
def test_every_regression_loss_after_a_softmax(loss):
    graph = chain(dense("end", 4, "softmax"), loss=loss)
    assert [node for node, _ in told(RegressionActivation(), graph)] == ["end#0"]
    assert told(RegressionActivation(), chain(dense("end", 4, "softmax"), loss="categorical_crossentropy")) == []


@pytest.mark.parametrize(
    ("name", "grows"),
    [*((one, True) for one in ("LSTM", "GRU", "LSTMV2", "GRUV2")), ("SimpleRNN", False), ("Dense", False)],
)
def test_gates_whose_state_is_not_bounded(name, grows):
    one = made("rnn", name, activation="relu")
    assert places(UnboundedRecurrence(), chain((one, (None, 4)), shape=(None, 90, 8))) == (["rnn"] if grows else [])


# -- R001: which fixes can be made --------------------------------------------------------------------------------


def test_permutations_are_merged_where_the_first_has_one_output_in_the_same_model():
    first, second = made("a", "Permute", dims=[2, 1]), made("b", "Permute", dims=[2, 1])
    end = dense("end")
    two = CallDefinition(layer("two", "Split"), (TensorRef(0, 0),), outputs=(TensorSpec((None, 4), "float32"),) * 2)
    (problem,) = NoOpLayer().check(graph_of([entering(), two, step(first, 1), step(second, 2), step(end, 3)]))
    assert (problem.node, problem.fix) == ("b#0", None)
    inner = model("inner", [input_call("x"), call(first, 0)], [0], [1])
    (problem,) = NoOpLayer().check(graph_of([entering(), step(inner, 0), step(second, 1), step(end, 2)]))
    assert (problem.node, problem.fix) == ("b#0", None)
    calls = [entering(), step(first, 0), step(second, 1), step(end, 2), step(second, 1), step(end, 4)]
    (problem,) = NoOpLayer().check(graph_of(calls))
    assert (problem.node, problem.fix) == ("b#0", None)


def test_what_changes_no_value_and_is_no_dropout():
    for config in ({"rate": 0}, {"p": 0.0}):
        assert places(NoOpLayer(), chain(made("a", "Rescaling", scale=2.0, **config), dense("end"))) == []
    many = [layer(f"f{place}", "Dropout", config={"rate": 0}) for place in range(4)]
    held = model("inner", [input_call("x"), *(call(one, place) for place, one in enumerate(many))], [0], [4])
    around = layer("around", "TimeDistributed", children={"layer": held})
    assert places(NoOpLayer(), chain(around, dense("end"))) == []
