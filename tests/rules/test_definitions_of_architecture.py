"""Rules of hidden layers on definitions: bottlenecks, activations in the middle, dropout, seeds; without Keras."""

from __future__ import annotations

import numpy as np
import pytest

from graphlint.findings.finding import Severity
from graphlint.model.definition import VariableDefinition
from graphlint.model.expand import expand
from rules.architecture.dropout_before_batchnorm import DropoutBeforeBatchnorm
from rules.architecture.dropout_on_output import DropoutOnOutput
from rules.architecture.hidden_softmax import HiddenSoftmax
from rules.architecture.learning_rate import LearningRate
from rules.architecture.linear_sandwich import LinearSandwich
from rules.architecture.one_unit_bottleneck import OneUnitBottleneck
from rules.architecture.relu_before_softmax import ReluBeforeSoftmax
from rules.architecture.same_seed_siblings import SameSeedSiblings
from rules.architecture.stacked_sigmoids import StackedSigmoids
from rules.architecture.unbounded_recurrence import UnboundedRecurrence
from tests.model.definitions import layer, model
from tests.questions.test_statistics import Stored
from tests.rules.test_definitions import chain, dense, entering, graph_of, made, op, places, step, told


def active(name, activation="softmax"):
    return made(name, "Activation", activation=activation)


def dropout(name="drop", class_name="Dropout", **config):
    return made(name, class_name, **(config or {"rate": 0.5}))


def nested(calls, outputs, class_name="Functional"):
    inner = model("inner", calls, [0], outputs)
    inner.class_name = class_name
    inner.registered_name = None if class_name == "Functional" else f"x>{class_name}"
    return inner


# -- A015 one-unit-bottleneck -------------------------------------------------------------------------------------

ONE = (None, 1)


def narrow(*after, one=None, shape=(None, 8)):
    after = [part if isinstance(part, tuple) else (part, ONE) for part in after]
    return chain((one or dense("one", 1), ONE), *after, shape=shape)


@pytest.mark.parametrize(
    ("after", "users"),
    [
        ([dense("end")], ["end"]),
        ([], []),
        *(
            ([made("between", name), dense("end")], ["end"])
            for name in ("Dropout", "GaussianNoise", "BatchNormalization", "ReLU", "Identity")
        ),
        ([op("relu", "Relu"), dense("end")], ["end"]),
        ([made("between", "Dropout"), made("more", "Dropout"), dense("end")], ["end"]),
        ([made("flat", "Reshape"), dense("end")], []),
        ([op("sum", "Abs"), dense("end")], []),
        ([made("rnn", "LSTM")], []),
        ([made("between", "Dropout")], []),
        ([dense("a"), dense("end")], ["a"]),
        ([dense("a"), (dense("end"), (None, 8))], []),
        *(([dense("a"), op("product", name)], []) for name in ("Multiply", "Dot", "Matmul", "Einsum", "Divide")),
        ([dense("a"), op("product", "TrueDivide")], []),
        ([dense("a"), made("product", "Multiply"), dense("end")], []),
        ([dense("a"), made("sum", "Add"), dense("end")], ["a"]),
    ],
)
def test_what_receives_one_unit(after, users):
    found = list(OneUnitBottleneck().check(narrow(*after)))
    assert [(one.node, list(one.related)) for one in found] == (
        [("one#0", [f"{one}#0" for one in users])] * bool(users)
    )
    names = ", ".join(map(repr, users))
    assert [one.message for one in found] == [f"one unit of 8 inputs is all that {names} receives"] * bool(users)


@pytest.mark.parametrize(
    ("shape", "one", "found"),
    [
        ((None, 2), dense("one", 1), True),
        ((None, 1), dense("one", 1), False),
        ((None, None), dense("one", 1), False),
        ((None, 5, 8), dense("one", 1), False),
        (None, dense("one", 1), False),
        ((None, 8), dense("one", 2), False),
        ((None, 8), made("one", "EinsumDense", units=1), False),
    ],
)
def test_what_is_one_unit(shape, one, found):
    end = (dense("end"), (None, 3))
    assert bool(places(OneUnitBottleneck(), narrow(end, one=one, shape=shape))) is found


def test_widths_that_only_layers_tell():
    parts = [(dense("wide", 8), None), (dense("one", 1), None), (dense("end", 3), (None, 3))]
    assert places(OneUnitBottleneck(), chain(*parts)) == ["one#0"]
    parts[0] = (made("wide", "Conv1D", filters=1), None)
    assert places(OneUnitBottleneck(), chain(*parts)) == []


def test_how_narrow_a_bottleneck_is():
    def severities(*units):
        calls = [entering((None, 8)), step(dense("one", 1), 0, shape=ONE)]
        calls += [step(dense(f"d{place}", each), 1, shape=(None, each)) for place, each in enumerate(units)]
        graph = graph_of(calls, list(range(2, len(calls))))
        return [(one.severity, len(one.related)) for one in OneUnitBottleneck().check(graph)]

    assert severities(1) == [(Severity.INFO, 1)]
    assert severities(3) == [(Severity.WARNING, 1)]
    assert severities(1, 3) == [(Severity.WARNING, 2)]


def test_bottlenecks_in_several_places():
    one = dense("one", 1)
    calls = [entering((None, 8)), step(one, 0, shape=ONE), step(one, 0, shape=ONE)]
    calls += [step(dense("a"), 1), step(dense("b"), 2)]
    assert places(OneUnitBottleneck(), graph_of(calls, [3, 4])) == ["one#0"]
    calls = [entering((None, 8)), entering((None, 8), "y"), step(one, 0, 1, shape=ONE), step(dense("a"), 2)]
    assert places(OneUnitBottleneck(), graph_of(calls)) == []
    mixed = [entering((None, 8)), step(one, 0, shape=ONE), step(dense("a"), 1), step(made("rnn", "LSTM"), 1)]
    assert places(OneUnitBottleneck(), graph_of(mixed, [2, 3])) == []
    returned = [entering((None, 8)), step(one, 0, shape=ONE), step(dense("a"), 1)]
    assert places(OneUnitBottleneck(), graph_of(returned, [1, 2])) == []
    same = [entering((None, 8)), step(one, 0, shape=ONE), step(dense("a"), 1), step(dense("b"), 1, shape=(None, 8))]
    assert places(OneUnitBottleneck(), graph_of(same, [2, 3])) == []
    later = [
        entering((None, 8)),
        step(dense("end", 1), 0, shape=ONE),
        step(one, 0, shape=ONE),
        step(dense("a"), 2),
    ]
    assert places(OneUnitBottleneck(), graph_of(later, [1, 3])) == ["one#0"]
    inner = nested([entering((None, 8), "i"), step(one, 0, shape=ONE)], [1])
    calls = [entering((None, 8)), step(inner, 0, shape=ONE), step(dense("a"), 1)]
    assert places(OneUnitBottleneck(), graph_of(calls)) == []
    others = [dense(name, 1) for name in ("flat", "alone", "gate")]
    calls = [entering((None, 8)), entering((None, 5, 8), "y"), step(others[0], 1), step(others[1], 3.0)]
    calls += [step(others[2], 0), step(dense("b"), 4), step(op("product", "Multiply"), 5)]
    calls += [step(one, 0, shape=ONE), *(step(dense(name), 7) for name in "cdef")]
    ((place, message),) = told(OneUnitBottleneck(), graph_of(calls, [2, 3, 6, 8, 9, 10, 11]))
    assert place == "one#0" and message.endswith("is all that 'c', 'd', 'e' receives")


# -- A014 hidden-softmax ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ([dense("a", activation="softmax"), dense("end")], "a"),
        ([dense("a", activation="sigmoid"), dense("end")], None),
        ([dense("a", activation="softmax")], None),
        ([dense("a", activation="softmax"), made("drop", "Dropout")], None),
        ([dense("a", activation="softmax"), made("e", "EinsumDense")], "a"),
        *(
            ([dense("a", activation="softmax"), made("b", name), dense("end")], "a")
            for name in ("Dropout", "BatchNormalization", "Flatten", "Reshape")
        ),
        *(
            ([dense("a", activation="softmax"), made("b", name), dense("end")], None)
            for name in ("LayerNormalization", "Multiply", "LSTM", "Activation")
        ),
        ([(dense("a", 1, "softmax"), (None, 1)), dense("end")], None),
        ([made("e", "EinsumDense", activation="softmax"), dense("end")], None),
        ([active("s"), dense("end")], "s"),
        ([made("s", "Softmax", axis=-1), dense("end")], "s"),
        ([made("s", "Softmax", axis=1), dense("end")], "s"),
        ([made("s", "Softmax", axis=0), dense("end")], None),
        ([op("s", "Softmax"), dense("end")], "s"),
        ([(active("s"), (None, 3, 4)), dense("end")], None),
        ([(active("s"), None), dense("end")], None),
        ([(dense("a", activation="softmax"), (None, 3, 4)), dense("end")], "a"),
    ],
)
def test_a_softmax_in_the_middle(parts, found):
    assert places(HiddenSoftmax(), chain(*parts)) == ([] if found is None else [f"{found}#0"])


def test_which_softmax_becomes_a_relu():
    (problem,) = HiddenSoftmax().check(chain(dense("a", activation="softmax"), dense("end")))
    assert problem.message == "softmax over 4 hidden units that only 'end' uses" and problem.related == ("end#0",)
    (edit,) = problem.fix.edits
    assert (edit.layer, edit.config) == ("a", {"activation": "relu"})
    (problem,) = HiddenSoftmax().check(chain(active("s"), dense("end")))
    assert problem.fix is None
    wrapped = layer("steps", "TimeDistributed", children={"layer": dense("a", activation="softmax")})
    (problem,) = HiddenSoftmax().check(chain(wrapped, dense("end")))
    assert problem.fix is None


def test_users_of_a_softmax():
    a = dense("a", activation="softmax")
    calls = [entering(), step(a, 0), step(dense("b"), 1), step(made("rnn", "LSTM"), 1)]
    assert places(HiddenSoftmax(), graph_of(calls, [2, 3])) == []
    calls = [entering(), step(a, 0), step(dense("b"), 1)]
    assert places(HiddenSoftmax(), graph_of(calls, [1, 2])) == []
    calls = [entering(), step(a, 0), step(a, 1), step(dense("b"), 2)]
    assert places(HiddenSoftmax(), graph_of(calls)) == ["a#0"]
    calls = [entering(), step(dense("end", activation="softmax"), 0), step(a, 0), step(dense("b"), 2)]
    assert places(HiddenSoftmax(), graph_of(calls, [1, 3])) == ["a#0"]
    calls = [entering(), step(dense("tall", activation="tanh"), 0), step(a, 1), *(step(dense(e), 2) for e in "cdef")]
    ((place, message),) = told(HiddenSoftmax(), graph_of(calls, [3, 4, 5, 6]))
    assert place == "a#0" and message.endswith("that only 'c', 'd', 'e' uses")


def test_the_softmax_of_a_nested_model():
    head = dense("head", activation="softmax")
    inner = nested([entering(name="i"), step(head, 0)], [1])
    (problem,) = HiddenSoftmax().check(graph_of([entering(), step(inner, 0), step(dense("end"), 1)]))
    assert problem.message == "the softmax over 4 classes is the old head of 'inner', and only 'end' uses it"
    assert problem.fix is None and problem.related == ("end#0",)
    calls = [entering(), step(inner, 0), step(dense("b"), 1), step(dense("c", activation="softmax"), 2)]
    assert places(HiddenSoftmax(), graph_of([*calls, step(dense("end"), 3)])) == ["inner/head#0", "c#0"]
    inner = nested([entering(name="i"), step(head, 0), step(dense("b"), 1)], [2])
    (problem,) = HiddenSoftmax().check(graph_of([entering(), step(inner, 0), step(dense("end"), 1)]))
    assert problem.message.startswith("softmax over 4 hidden units") and problem.fix is not None
    inner = nested([entering(name="i"), step(dense("b"), 0)], [1])
    (problem,) = HiddenSoftmax().check(graph_of([entering(), step(head, 0), step(inner, 1)]))
    assert problem.message.startswith("softmax over 4 hidden units") and problem.node == "head#0"


# -- A010 dropout-on-output ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "loss", "found"),
    [
        ([dense("a"), dropout()], "mse", True),
        ([dense("a"), dropout()], None, False),
        ([dense("a", activation="softmax"), dropout()], None, True),
        ([dense("a", activation="sigmoid"), dropout()], None, True),
        ([dense("a", activation="relu"), dropout()], None, False),
        ([made("rnn", "LSTM"), dropout()], "mse", True),
        ([dense("a"), dropout(rate=0.0)], "mse", False),
        ([dense("a"), dropout(rate="half")], "mse", False),
        ([dense("a"), dropout(p=0.5)], "mse", True),
        ([dense("a"), dropout(class_name="SpatialDropout1D")], "mse", True),
        ([dense("a"), dropout(class_name="GaussianNoise", stddev=0.5)], "mse", False),
        ([dense("a"), made("flat", "Reshape", rate=0.5)], "mse", False),
        ([dense("a"), dropout(), made("flat", "Flatten")], "mse", True),
        ([dense("a"), dropout(), dense("end")], "mse", False),
        ([dense("a"), dropout(), active("s")], None, True),
        ([dense("a"), dropout(), active("s", "sigmoid")], None, True),
        ([dense("a"), dropout(), active("s", "tanh")], "mse", False),
        ([dense("a"), dropout(rate=0), active("s")], None, False),
        ([dense("a", activation="tanh"), dropout(), active("s")], None, False),
        ([dense("a"), dropout(), dense("s", activation="softmax")], None, False),
        ([made("rnn", "LSTM"), dropout(), active("s")], None, False),
    ],
)
def test_dropout_of_predictions(parts, loss, found):
    graph = chain(*parts, **({"loss": loss} if loss else {}))
    assert places(DropoutOnOutput(), graph) == (["drop#0"] if found else [])


def test_dropout_that_is_told_once():
    a, drop = dense("a", activation="softmax"), dropout()
    calls = [entering(), step(a, 0), step(drop, 1), step(made("flat", "Flatten"), 2)]
    graph = graph_of(calls, [2, 3, 2])
    ((place, message),) = told(DropoutOnOutput(), graph)
    assert place == "drop#0" and message.endswith("(rate 0.5): in training 50% of the predictions are random zeros")
    calls = [entering(), step(dense("a"), 0), step(drop, 1), step(active("s"), 2), step(active("t", "sigmoid"), 2)]
    (problem,) = DropoutOnOutput().check(graph_of(calls, [3, 4]))
    assert problem.message.startswith("Dropout (rate 0.5) lies between the logits of 'a' and their softmax:")
    assert problem.related == ("a#0", "s#0")
    other = [entering(), step(dense("z"), 0), step(a, 0), step(drop, 2)]
    assert places(DropoutOnOutput(), graph_of(other, [1, 3])) == ["drop#0"]
    assert places(DropoutOnOutput(), graph_of(other, [1, 3], loss=["mse", None])) == ["drop#0"]
    plain = [entering(), step(dense("a"), 0), step(drop, 1), step(dense("b"), 0)]
    assert places(DropoutOnOutput(), graph_of(plain, [2, 3], loss=[None, "mse"])) == []
    assert places(DropoutOnOutput(), graph_of(plain, [2, 3], loss=["mse", None])) == ["drop#0"]
    both = chain(dense("a"), dropout("first"), active("s"), dropout("last"))
    assert places(DropoutOnOutput(), both) == ["last#0"]
    calls = [entering(), step(dense("a"), 0), step(drop, 1), step(active("s"), 2, 1)]
    assert places(DropoutOnOutput(), graph_of(calls)) == []


@pytest.mark.parametrize(
    ("parts", "before"),
    [
        ([dense("a"), dropout()], "a"),
        ([dense("b"), dense("a"), dropout()], "a"),
        ([dense("a"), active("r", "relu"), dropout()], "a"),
        ([dense("a"), active("s"), dropout()], "a"),
        ([made("a", "Dense", units=4), active("s"), dropout()], "a"),
        ([made("a", "Conv1D", filters=4), active("s"), dropout()], "a"),
        ([dense("b"), made("a", "LSTM", 3), dropout()], "a"),
        ([active("s"), dropout()], None),
        ([dropout()], None),
    ],
)
def test_where_dropout_moves(parts, before):
    (problem,) = DropoutOnOutput().check(chain(*parts, loss="mse"))
    if before is None:
        assert problem.fix is None
        return
    insert, remove = problem.fix.edits
    assert (insert.call, insert.class_name, insert.config) == (f"{before}#0", "Dropout", {"rate": 0.5})
    assert remove.calls == ("drop#0",)


def test_dropout_that_stays():
    drop = dropout()
    calls = [entering(), step(drop, 0), step(dense("a"), 1), step(drop, 2)]
    (problem,) = DropoutOnOutput().check(graph_of(calls, loss="mse"))
    assert problem.fix is None
    calls = [entering(), entering(name="y"), step(made("sum", "Add"), 0, 1), step(dropout(), 2)]
    (problem,) = DropoutOnOutput().check(graph_of(calls, loss="mse"))
    assert problem.fix is None


# -- A009 dropout-before-batchnorm --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (dropout(), made("norm", "BatchNormalization"), True),
        (dropout(p=0.5), made("norm", "BatchNormalization"), True),
        (dropout(rate=0), made("norm", "BatchNormalization"), False),
        (dropout(rate="0.5"), made("norm", "BatchNormalization"), False),
        (dropout(), made("norm", "LayerNormalization"), False),
        (made("noise", "GaussianNoise", rate=0.5), made("norm", "BatchNormalization"), False),
    ],
)
def test_dropout_before_batch_statistics(before, after, found):
    problems = list(DropoutBeforeBatchnorm().check(chain(before, after, dense("end"))))
    assert [(one.node, one.related) for one in problems] == ([("norm#0", ("drop#0",))] if found else [])


def test_each_normalisation_is_told_once():
    norm, drop = made("norm", "BatchNormalization"), dropout()
    calls = [entering(), step(drop, 0), step(norm, 1), step(norm, 1), step(made("more", "BatchNormalization"), 1)]
    assert places(DropoutBeforeBatchnorm(), graph_of(calls, [2, 3, 4])) == ["norm#0", "more#0"]


# -- A018 relu-before-softmax -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ([dense("a", activation="relu"), active("s")], True),
        ([dense("a", activation="relu"), active("s", "log_softmax")], True),
        ([dense("a", activation="relu"), op("s", "Softmax")], True),
        ([dense("a", activation="relu"), made("s", "Softmax")], True),
        ([dense("a", activation="relu"), active("s", "sigmoid")], False),
        ([dense("a", activation="relu"), dense("s", activation="softmax")], False),
        ([dense("a", activation="linear"), active("s")], False),
        ([made("a", "ReLU"), dropout(), active("s")], True),
    ],
)
def test_a_softmax_of_a_relu(parts, found):
    problems = list(ReluBeforeSoftmax().check(chain(*parts)))
    assert [(one.node, one.related) for one in problems] == ([("s#0", ("a#0",))] if found else [])


def test_each_softmax_of_a_relu_is_told_once():
    a, s = dense("a", activation="relu"), active("s")
    calls = [entering(), step(a, 0), step(s, 1), step(s, 1), step(active("t"), 0), step(active("u"), 1)]
    assert places(ReluBeforeSoftmax(), graph_of(calls, [2, 3, 4, 5])) == ["s#0", "u#0"]
    calls = [entering(), step(a, 0), step(s, 1, 0)]
    assert places(ReluBeforeSoftmax(), graph_of(calls)) == []


# -- A016 stacked-sigmoids ----------------------------------------------------------------------------------------


def curved(name, units=8, class_name="Dense", activation="sigmoid", **config):
    return made(name, class_name, shape=(4, 4), units=units, activation=activation, **config)


def rows(*between, width=8, activation="sigmoid", last=8):
    first, second = curved("a", width, activation=activation), curved("b", width, activation=activation)
    return chain(first, *between, second, curved("c", last))


@pytest.mark.parametrize(
    ("graph", "found"),
    [
        (rows(), True),
        (rows(activation="hard_sigmoid"), True),
        (rows(activation="tanh"), False),
        (rows(width=4), True),
        (rows(width=3), False),
        (rows(last=1), True),
        (rows(width=None), True),
        *((rows(made("m", name)), True) for name in ("Dropout", "GaussianNoise", "Identity", "MaxPooling1D")),
        *((rows(made("m", name)), True) for name in ("Flatten", "ZeroPadding1D")),
        *((rows(made("m", name)), False) for name in ("BatchNormalization", "Multiply", "LSTM", "ReLU")),
        (chain(curved("a"), curved("b")), False),
        (chain(curved("a", activation="linear"), active("s", "sigmoid"), curved("b"), curved("c")), True),
        (chain(curved("a", activation="linear"), active("s", "tanh"), curved("b"), curved("c")), False),
        (chain(curved("a", activation="linear"), curved("b"), curved("c")), False),
        (chain(curved("a", activation="tanh"), active("s", "sigmoid"), curved("b"), curved("c")), False),
        (chain(made("a", "LSTM", activation="sigmoid"), curved("b"), curved("c")), False),
        (chain(*(curved(name, class_name="Conv1D", filters=8) for name in "abc")), True),
        (chain(active("a", "sigmoid"), active("b", "sigmoid"), active("c", "sigmoid")), False),
    ],
)
def test_sigmoids_in_a_row(graph, found):
    assert places(StackedSigmoids(), graph) == (["a#0"] if found else [])


def test_what_is_left_of_a_gradient():
    (problem,) = StackedSigmoids().check(rows())
    assert problem.message.startswith("3 layers in a row") and "0.016 of it" in problem.message
    assert problem.related == ("b#0", "c#0")
    assert [(one.layer, one.config["activation"]) for one in problem.fix.edits] == [("a", "relu"), ("b", "relu")]
    (problem,) = StackedSigmoids().check(
        chain(curved("a", activation="linear"), active("s", "sigmoid"), curved("b"), curved("c"))
    )
    assert [one.layer for one in problem.fix.edits] == ["s", "b"]
    wrapped = layer("steps", "TimeDistributed", children={"layer": curved("a")})
    (problem,) = StackedSigmoids().check(chain(wrapped, curved("b"), curved("c")))
    assert problem.fix is None
    operation = chain(curved("a", activation="linear"), op("s", "Sigmoid"), curved("b"), curved("c"))
    (problem,) = StackedSigmoids().check(operation)
    assert problem.fix is None


def test_sigmoids_that_are_used_elsewhere():
    a, b, c = curved("a"), curved("b"), curved("c")
    calls = [entering(), step(a, 0), step(b, 1), step(c, 2)]
    assert places(StackedSigmoids(), graph_of(calls, [3])) == ["a#0"]
    assert places(StackedSigmoids(), graph_of(calls, [2, 3])) == []
    calls = [entering(), step(a, 0), step(b, 1), step(dense("d"), 1), step(c, 2)]
    assert places(StackedSigmoids(), graph_of(calls, [3, 4])) == []
    assert places(StackedSigmoids(), graph_of([*calls[:3], step(c, 2), step(dense("d"), 2)], [3, 4])) == []
    calls = [entering(), step(curved("a", activation="linear"), 0), step(active("s", "sigmoid"), 1), step(b, 2)]
    calls += [step(c, 3), step(dense("d"), 1)]
    assert places(StackedSigmoids(), graph_of(calls, [4, 5])) == []
    two_rows = [entering(), *(step(one, place) for place, one in enumerate([a, b, c, dense("d")]))]
    two_rows += [step(curved(name), 4 + place) for place, name in enumerate("efg")]
    assert places(StackedSigmoids(), graph_of(two_rows)) == ["a#0", "e#0"]
    short_first = [entering(), step(curved("y"), 0), step(curved("z"), 1), step(dense("d"), 2)]
    short_first += [step(one, 3 + place) for place, one in enumerate([a, b, c])]
    assert places(StackedSigmoids(), graph_of(short_first)) == ["a#0"]
    four = [entering(), *(step(one, place) for place, one in enumerate([a, b, curved("m"), c]))]
    assert places(StackedSigmoids(), graph_of(four)) == ["a#0"]
    assert places(StackedSigmoids(), chain(a, curved("n", 3), c)) == []
    steps = layer("steps", "TimeDistributed", children={"layer": a})
    calls = [entering(), step(a, 0), step(b, 1), step(c, 2), step(steps, 0)]
    (problem,) = StackedSigmoids().check(graph_of(calls, [3, 4]))
    assert problem.fix is None
    again = [entering(), *(step(one, place) for place, one in enumerate([a, b, c, dense("d"), a, b, c]))]
    assert places(StackedSigmoids(), graph_of(again)) == ["a#0"]


# -- A017 unbounded-recurrence ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("class_name", "activation", "steps", "severity"),
    [
        *(("LSTM", name, 50, Severity.WARNING) for name in ("relu", "elu", "linear", "leaky_relu", None)),
        ("LSTM", "tanh", 50, None),
        ("GRU", "relu", 50, Severity.WARNING),
        ("SimpleRNN", "relu", 50, None),
        ("LSTM", "relu", 33, Severity.WARNING),
        ("LSTM", "relu", 32, Severity.INFO),
        ("LSTM", "relu", 2, Severity.INFO),
        ("LSTM", "relu", 1, None),
        ("LSTM", "relu", None, Severity.WARNING),
    ],
)
def test_states_that_grow(class_name, activation, steps, severity):
    rnn = made("rnn", class_name, activation=activation)
    found = list(UnboundedRecurrence().check(chain((rnn, (None, 4)), shape=(None, steps, 8))))
    assert [one.severity for one in found] == ([severity] if severity else [])
    for one in found:
        assert one.node == "rnn" and (f"over {steps or 'an unknown number of'} steps" in one.message)
        assert one.fix.edits[0].config == {"activation": "tanh"}


def test_recurrent_layers_in_several_places():
    assert places(UnboundedRecurrence(), chain(made("rnn", "LSTM"), shape=(None, 50, 8))) == []
    shape = (None, 50, 8)
    for unknown in (None, (None,)):
        (problem,) = UnboundedRecurrence().check(chain((made("rnn", "LSTM", activation="relu"), ONE), shape=unknown))
        assert problem.severity is Severity.WARNING
    foreign = made("rnn", "LSTM", activation="relu")
    foreign.registered_name = "x>LSTM"
    assert places(UnboundedRecurrence(), chain(foreign, shape=shape)) == []
    around = layer("both", "RNN", children={"cell": made("cell", "LSTMCell", activation="relu")})
    (problem,) = UnboundedRecurrence().check(chain(around, shape=shape))
    assert problem.fix is None and problem.node.endswith("cell")
    cells = {name: made(name, "LSTMCell", activation="relu") for name in ("one", "two")}
    assert len(list(UnboundedRecurrence().check(chain(layer("both", "RNN", children=cells), shape=shape)))) == 1
    uncalled = chain(dense("a"))
    uncalled.definition.root.body.layers.append(made("idle", "LSTM", activation="relu"))
    assert places(UnboundedRecurrence(), expand(uncalled.definition)) == []
    rnn, tame = made("rnn", "LSTM", activation="relu"), made("tame", "LSTM", activation="tanh")
    one_step = made("single", "LSTM", activation="relu")
    calls = [entering(shape), step(tame, 0), entering((None, 1, 8), "y"), step(one_step, 2), step(rnn, 0)]
    assert places(UnboundedRecurrence(), graph_of(calls, [1, 3, 4])) == ["rnn"]


# -- A012 same-seed-siblings --------------------------------------------------------------------------------------


def seeded(name, seed=7, key="kernel_initializer", values=None, shape=(2,), class_name="Dense", **config):
    config = {key: {"class_name": "GlorotUniform", "config": {"seed": seed}}, "name": name, **config}
    found = layer(name, class_name, config=config)
    if values is not None:
        stored = Stored(np.array(values, "float32").reshape(shape))
        found.variables = [VariableDefinition("kernel", 0, shape, dtype="float32", trainable=True, values=stored)]
    return found


def siblings(*several, meet=True, sources=None):
    calls = [entering(), entering(name="y")]
    calls += [step(one, source) for one, source in zip(several, sources or [0] * len(several), strict=True)]
    places_of = list(range(2, len(calls)))
    if not meet:
        return graph_of(calls, places_of)
    return graph_of([*calls, step(made("sum", "Add"), *places_of)])


@pytest.mark.parametrize(
    ("several", "found"),
    [
        ([seeded("a"), seeded("b")], ["b"]),
        ([seeded("a"), seeded("b"), seeded("c")], ["b", "c"]),
        ([seeded("a"), seeded("b", 8)], None),
        ([seeded("a", None), seeded("b", None)], None),
        ([seeded("a", True), seeded("b", True)], None),
        ([seeded("a", "7"), seeded("b", "7")], None),
        ([seeded("a"), seeded("b", units=3)], None),
        ([seeded("a"), seeded("b", class_name="EinsumDense")], None),
        *(
            ([seeded("a", key=key), seeded("b", key=key)], ["b"])
            for key in ("depthwise_initializer", "embeddings_initializer")
        ),
        ([seeded("a", key="bias_initializer"), seeded("b", key="bias_initializer")], None),
        ([made("a", "Dense", kernel_initializer="ones"), made("b", "Dense", kernel_initializer="ones")], None),
        ([seeded("a", values=[1, 2]), seeded("b", values=[1, 2])], ["b"]),
        ([seeded("a", values=[1, 2]), seeded("b", values=[1, 3])], None),
        ([seeded("a", values=[1, 2]), seeded("b", values=[1, 2], shape=(1, 2))], None),
        ([seeded("a", values=[1, 2]), seeded("b")], ["b"]),
        ([seeded("a"), seeded("b", values=[1, 2])], ["b"]),
        ([seeded("a", values=[1, 2, 3, 4], shape=(4,)), seeded("b", values=[1, 2, 3, 5], shape=(4,))], None),
        ([seeded("a", units=3, use_bias=True), seeded("b", use_bias=True, units=3)], ["b"]),
        ([seeded("a", values=[1, 2]), seeded("b", values=[1, 3]), seeded("c", values=[1, 2])], ["c"]),
    ],
)
def test_layers_that_start_alike(several, found):
    problems = list(SameSeedSiblings().check(siblings(*several)))
    assert [(one.node, one.related) for one in problems] == (
        [] if found is None else [("a#0", tuple(f"{one}#0" for one in found))]
    )


def test_siblings_that_never_meet():
    a, b = seeded("a"), seeded("b")
    assert places(SameSeedSiblings(), siblings(a, b, meet=False)) == []
    assert places(SameSeedSiblings(), siblings(a, b, sources=[0, 1])) == []
    assert places(SameSeedSiblings(), siblings(a, a)) == []
    assert places(SameSeedSiblings(), siblings(made("z", "Dense"), seeded("y", 5), a, b)) == ["a#0"]
    foreign = seeded("a"), seeded("b")
    for one in foreign:
        one.registered_name = "x>Dense"
    assert places(SameSeedSiblings(), siblings(*foreign)) == []
    for place in (0, 1):
        no_values = seeded("a", values=[1, 2]), seeded("b", values=[1, 3])
        no_values[place].variables[0].values = None
        assert places(SameSeedSiblings(), siblings(*no_values)) == ["a#0"]
    assert places(SameSeedSiblings(), siblings(a, a, b)) == ["a#0"]
    calls = [entering(), step(seeded("y", 5), 0), step(seeded("z", 5), 0), step(a, 0), step(b, 0)]
    assert places(SameSeedSiblings(), graph_of([*calls, step(made("sum", "Add"), 3, 4)], [1, 2, 5])) == ["a#0"]
    calls = [entering(), step(a, 0), step(b, 0), step(seeded("c"), 0)]
    calls += [step(dense("d"), 1), step(made("sum", "Add"), 2, 3)]
    assert places(SameSeedSiblings(), graph_of(calls, [4, 5])) == ["a#0"]


# -- A007 linear-sandwich and A020 learning-rate, in nested models and wrappers -----------------------------------


def conv(name, activation="linear", **config):
    return made(name, "Conv2D", 3, activation=activation, **config)


def test_linear_layers_of_several_models():
    a, b = dense("a"), dense("b")
    inner = nested([entering(name="i"), step(a, 0)], [1])
    assert places(LinearSandwich(), graph_of([entering(), step(inner, 0), step(b, 1)])) == []
    inner = nested([entering(name="i"), step(b, 0)], [1])
    assert places(LinearSandwich(), graph_of([entering(), step(a, 0), step(inner, 1)])) == []
    both = nested([entering(name="i"), step(a, 0), step(b, 1)], [2])
    calls = [entering(), step(both, 0), step(made("relu", "ReLU"), 1), step(both, 2)]
    assert places(LinearSandwich(), graph_of(calls)) == ["inner#0/a#0"]
    wrapped = [layer(name, "TimeDistributed", children={"layer": dense(f"d{name}")}) for name in ("one", "two")]
    (problem,) = LinearSandwich().check(chain(*wrapped, shape=(None, 5, 4)))
    assert (problem.node, problem.related, problem.fix) == ("one#0", ("two#0",), None)
    recurrent = [layer(name, "TimeDistributed", children={"layer": made("r", "LSTM")}) for name in ("one", "two")]
    assert places(LinearSandwich(), chain(*recurrent, shape=(None, 5, 4))) == []


def test_linear_layers_in_a_row_that_are_told():
    bare = dense("a"), dense("b")
    bare[0].variables = []
    graph = chain(*bare)
    assert places(LinearSandwich(), graph) == []
    graph.definition.has_weights = False
    assert places(LinearSandwich(), graph) == ["a#0"]
    after = chain(*bare, made("relu", "ReLU"), dense("c"), dense("d"))
    assert places(LinearSandwich(), after) == ["c#0"]
    drop = made("drop", "Dropout")
    calls = [entering(), step(dense("a"), 0), step(drop, 1, 0), step(dense("b"), 2)]
    assert places(LinearSandwich(), graph_of(calls)) == []
    again = dense("b")
    calls = [entering(), step(dense("a"), 0), step(again, 1), step(made("relu", "ReLU"), 2), step(again, 3)]
    assert places(LinearSandwich(), graph_of(calls)) == []
    penalised = chain(dense("a"), dense("b", bias_regularizer={"l2": 1}))
    (problem,) = LinearSandwich().check(penalised)
    assert problem.fix is None


@pytest.mark.parametrize(
    ("data_format", "before", "between", "found"),
    [
        ("channels_last", (None, 8, 8, 3), (None, 8, 8, 3), True),
        ("channels_last", (None, 3, 8, 8), (None, 3, 8, 3), False),
        ("channels_first", (None, 3, 8, 8), (None, 3, 8, 8), True),
        ("channels_first", (None, 8, 8, 3), (None, 3, 8, 3), False),
    ],
)
def test_where_convolutions_have_their_channels(data_format, before, between, found):
    after = (None, 5, 8, 5)
    parts = (conv("a", data_format=data_format), between), (conv("b", data_format=data_format), after)
    assert bool(places(LinearSandwich(), chain(*parts, shape=before))) is found


IMAGE = (None, 8, 8, 3)


def test_convolutions_around_max_pooling():
    def pooled(*calls, outputs=None):
        return [(one.node, one.related) for one in LinearSandwich().check(graph_of([entering(IMAGE), *calls], outputs))]

    a, pool, b = conv("a"), made("pool", "MaxPooling2D"), conv("b")

    def stepped(one, *sources):
        return step(one, *sources, shape=IMAGE)

    rows_of = [stepped(a, 0), stepped(pool, 1), stepped(b, 2)]
    assert pooled(*rows_of) == [("a#0", ("pool#0", "b#0"))]
    assert pooled(*rows_of, outputs=[2, 3]) == []
    assert pooled(*rows_of, outputs=[1, 3]) == []
    assert pooled(*rows_of, stepped(conv("c"), 2), outputs=[3, 4]) == []
    assert pooled(stepped(a, 0), stepped(pool, 1, 0), stepped(b, 2)) == []
    assert pooled(stepped(a, 0), stepped(pool, 1), stepped(conv("b", groups=3), 2)) == []
    assert pooled(stepped(a, 0), stepped(made("pool", "AveragePooling2D"), 1), stepped(conv("b", groups=3), 2)) == []
    inner = model("inner", [entering(IMAGE, "i"), stepped(b, 0)], [0], [1])
    assert pooled(stepped(a, 0), stepped(pool, 1), stepped(inner, 2)) == []
    whole = model("inner", [entering(IMAGE, "i"), *rows_of], [0], [3])
    twice = pooled(stepped(whole, 0), stepped(made("relu", "ReLU"), 1), stepped(whole, 2))
    assert [related for _, related in twice] == [("inner#0/pool#0", "inner#0/b#0")]
    first = [stepped(a, 0), stepped(conv("m"), 1), stepped(pool, 2), stepped(b, 3)]
    assert [place for place, _ in pooled(*first)] == ["a#0", "m#0"]


def test_which_kernel_a_rate_is_measured_by():
    def related(*units, frozen=()):
        parts = [made(f"d{place}", "Dense", shape=(each, each)) for place, each in enumerate(units)]
        for place in frozen:
            parts[place].variables[0].trainable = False
        graph = chain(*parts)
        config = {"learning_rate": 0.5}
        graph.definition.compile_config = {"optimizer": {"class_name": "Adam", "config": config}, "loss": "mse"}
        return [one.related for one in LearningRate().check(graph)]

    assert related(64, 256, 64) == [("d1@kernel",)]
    assert related(4, 256) == [] and related(256, 4) == [("d0@kernel",)]
    assert related(4, 256, 4, frozen=[1]) == [] and related(256, 4, frozen=[1]) == []
