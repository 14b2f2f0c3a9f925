"""Rules of compiled losses and metrics on definitions: each condition from both sides, without Keras."""

from __future__ import annotations

import pytest

from graphlint.findings.finding import Severity
from rules.architecture.activation_with_logits_loss import ActivationWithLogitsLoss
from rules.architecture.exact_match_accuracy import ExactMatchAccuracy
from rules.architecture.logits_without_flag import LogitsWithoutFlag
from rules.architecture.loss_activation_mismatch import LossActivationMismatch
from rules.architecture.regression_activation import RegressionActivation
from tests.model.definitions import layer
from tests.rules.test_definitions import chain, dense, entering, graph_of, made, op, places, step, two

WIDE = ((None, 4), (None, 4))


def named(class_name, **config):
    return {"module": "keras.losses", "class_name": class_name, "config": config, "registered_name": None}


BINARY, CATEGORICAL = named("BinaryCrossentropy"), named("CategoricalCrossentropy")
SPARSE = named("SparseCategoricalCrossentropy")
LOGITS = named("CategoricalCrossentropy", from_logits=True)
BINARY_LOGITS = named("BinaryCrossentropy", from_logits=True)
SPARSE_LOGITS = named("SparseCategoricalCrossentropy", from_logits=True)


def ends(activation, units=4, **compiled):
    return chain((dense("end", units, activation), (None, units)), **compiled)


def reports(rule, graph):
    return [(one.node, one.related, one.severity) for one in rule.check(graph)]


def compiled_with(problem):
    (edit,) = problem.fix.edits
    ((place, new),) = edit.losses.items()
    return place, new["class_name"], new["config"]


def reshaped(activation, loss, units=4):
    return chain(
        (dense("end", units, activation), (None, 1, units)), (made("flat", "Flatten"), (None, units)), loss=loss
    )


RULES = {
    ActivationWithLogitsLoss: (LOGITS, dense("bad", activation="softmax"), dense("good")),
    LogitsWithoutFlag: (CATEGORICAL, dense("bad"), dense("good", activation="softmax")),
    LossActivationMismatch: (CATEGORICAL, dense("bad", activation="sigmoid"), dense("good", activation="softmax")),
    RegressionActivation: ("mse", dense("bad", activation="relu"), dense("good")),
}


@pytest.mark.parametrize("rule", RULES)
def test_each_output_and_its_loss_by_themselves(rule):
    loss, bad, good = RULES[rule]
    other = dense("other", activation=bad.config["activation"])

    def found(ending, **compiled):
        return places(rule(), two(ending, WIDE, **compiled))

    assert found([bad, other]) == []
    assert found([bad, other], loss=loss) == ["bad#0", "other#0"]
    assert found([good, bad], loss=loss) == ["bad#0"]
    assert found([other, bad], loss=["mine", loss]) == ["bad#0"]
    assert found([other, bad], loss=[None, loss]) == ["bad#0"]
    assert found([other, bad], loss=["cosine_similarity", loss]) == ["bad#0"]
    assert found([other, bad], loss=loss, loss_weights=[0, 1]) == ["bad#0"]
    assert found([other, bad], loss=loss, loss_weights=[0, 0.0]) == []
    assert found([made("rnn", "LSTM"), bad], loss=loss) == ["bad#0"]
    one = dense("one", 1, bad.config["activation"])
    assert places(rule(), two([one, bad], ((None, 1), (None, 4)), loss=loss))[-1] == "bad#0"
    (problem,) = rule().check(two([good, bad], WIDE, loss=[loss, loss]))
    assert problem.key.startswith("bad:") and problem.related == ()
    foreign = {**(loss if isinstance(loss, dict) else named("MeanSquaredError")), "registered_name": "x>Mine"}
    assert found([other, bad], loss=[foreign, loss]) == ["bad#0"]
    (problem,) = rule().check(reshaped(bad.config["activation"], loss))
    assert (problem.node, [each.call for each in problem.related]) == ("end#0", ["flat#0"])


# -- A003 activation-with-logits-loss -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("activation", "units", "loss", "found"),
    [
        ("softmax", 4, LOGITS, True),
        ("sigmoid", 4, BINARY_LOGITS, True),
        ("softmax", 4, SPARSE_LOGITS, True),
        ("sigmoid", 1, BINARY_LOGITS, True),
        ("softmax", 1, LOGITS, False),
        ("softmax", 4, CATEGORICAL, False),
        ("linear", 4, LOGITS, False),
        ("tanh", 4, LOGITS, False),
        ("softmax", 4, "mse", False),
    ],
)
def test_probabilities_for_a_loss_of_logits(activation, units, loss, found):
    problems = list(ActivationWithLogitsLoss().check(ends(activation, units, loss=loss)))
    assert len(problems) == found
    for one in problems:
        assert f"applies {activation}" in one.message
        assert compiled_with(one) == (None, loss["class_name"], {"from_logits": False})


def test_other_arguments_of_a_loss_of_logits_stay():
    loss = named("CategoricalCrossentropy", from_logits=True, label_smoothing=0.1)
    (problem,) = ActivationWithLogitsLoss().check(ends("softmax", loss=loss))
    assert compiled_with(problem)[2] == {"from_logits": False, "label_smoothing": 0.1}
    both = [dense("a", activation="softmax"), dense("b", activation="softmax")]
    assert [one.fix for one in ActivationWithLogitsLoss().check(two(both, WIDE, loss=LOGITS))] == [None, None]


# -- A002 logits-without-flag -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("activation", "units", "loss", "severity"),
    [
        ("linear", 4, CATEGORICAL, Severity.ERROR),
        ("linear", 4, "sparse_categorical_crossentropy", Severity.ERROR),
        ("linear", 4, BINARY, Severity.ERROR),
        ("linear", 1, BINARY, Severity.ERROR),
        ("relu", 4, CATEGORICAL, Severity.WARNING),
        ("tanh", 4, CATEGORICAL, Severity.WARNING),
        ("softmax", 4, CATEGORICAL, None),
        ("sigmoid", 4, CATEGORICAL, None),
        ("softplus", 4, CATEGORICAL, None),
        ("linear", 4, LOGITS, None),
        ("linear", 1, CATEGORICAL, None),
        ("linear", 4, "mse", None),
        ("linear", 4, "poisson", None),
    ],
)
def test_raw_values_for_a_loss_of_probabilities(activation, units, loss, severity):
    found = reports(LogitsWithoutFlag(), ends(activation, units, loss=loss))
    assert found == ([("end#0", (), severity)] if severity else [])


def test_how_raw_values_become_probabilities():
    def fixed(graph):
        (problem,) = LogitsWithoutFlag().check(graph)
        return problem

    smooth = named("BinaryCrossentropy", label_smoothing=0.1)
    problem = fixed(ends("linear", loss=smooth))
    assert compiled_with(problem) == (None, "BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1})
    assert "remove the activation" not in problem.hint and 'activation="sigmoid"' in problem.hint
    for loss, wanted in ((CATEGORICAL, "softmax"), (SPARSE, "softmax"), (BINARY, "sigmoid")):
        problem = fixed(ends("relu", loss=loss))
        (edit,) = problem.fix.edits
        assert (edit.layer, edit.config) == ("end", {"activation": wanted})
        assert "and remove the activation" in problem.hint and wanted in problem.hint
    (edit,) = fixed(chain(dense("a"), made("last", "ReLU"), loss=CATEGORICAL)).fix.edits
    assert (edit.layer, edit.class_name) == ("last", "Activation")
    assert edit.config == {"activation": "softmax", "name": "last"}
    assert fixed(chain(dense("a"), op("last", "Relu"), loss=CATEGORICAL)).fix is None
    wrapped = layer("steps", "TimeDistributed", children={"layer": dense("a", activation="relu")})
    assert fixed(chain(wrapped, loss=CATEGORICAL)).fix is None
    found = list(LogitsWithoutFlag().check(two([dense("a"), dense("b")], WIDE, loss=CATEGORICAL)))
    assert [one.fix for one in found] == [None, None]


# -- A004 loss-activation-mismatch --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("activation", "units", "loss", "fitting"),
    [
        ("softmax", 3, BINARY, "CategoricalCrossentropy"),
        ("softmax", 3, "binary_focal_crossentropy", "CategoricalFocalCrossentropy"),
        ("sigmoid", 3, CATEGORICAL, "BinaryCrossentropy"),
        ("sigmoid", 3, "categorical_focal_crossentropy", "BinaryFocalCrossentropy"),
        ("sigmoid", 2, CATEGORICAL, "BinaryCrossentropy"),
        ("sigmoid", None, CATEGORICAL, "BinaryCrossentropy"),
        ("softmax", 2, BINARY, None),
        ("softmax", None, BINARY, None),
        ("softmax", 1, BINARY, None),
        ("sigmoid", 1, CATEGORICAL, None),
        ("softmax", 3, CATEGORICAL, None),
        ("sigmoid", 3, BINARY, None),
        ("softmax", 3, BINARY_LOGITS, None),
        ("linear", 3, BINARY, None),
        ("softmax", 3, "mse", None),
        ("softmax", 3, "poisson", None),
    ],
)
def test_losses_that_do_not_fit_the_activation(activation, units, loss, fitting):
    problems = list(LossActivationMismatch().check(ends(activation, units, loss=loss)))
    assert len(problems) == (fitting is not None)
    for one in problems:
        assert compiled_with(one) == (None, fitting, {})
        assert f"over {units or '?'} units" in one.message
        other = "sigmoid" if activation == "softmax" else "softmax"
        assert ("focal" in fitting.lower()) is (f"trains a {other}" not in one.message)
        assert f'activation="{other}"' in one.hint
        assert ("Compile with a binary cross-entropy" in one.hint) is (activation == "sigmoid")


def test_a_sigmoid_with_one_label():
    (problem,) = LossActivationMismatch().check(ends("sigmoid", loss=SPARSE))
    (edit,) = problem.fix.edits
    assert (edit.layer, edit.config) == ("end", {"activation": "softmax"})
    (problem,) = LossActivationMismatch().check(chain(dense("a"), op("last", "Sigmoid"), loss=SPARSE))
    assert problem.fix is None
    wrapped = layer("steps", "TimeDistributed", children={"layer": dense("a", activation="sigmoid")})
    (problem,) = LossActivationMismatch().check(chain(wrapped, loss=SPARSE))
    assert problem.fix is None
    smooth = named("CategoricalCrossentropy", label_smoothing=0.1, axis=-1)
    (problem,) = LossActivationMismatch().check(ends("sigmoid", loss=smooth))
    assert compiled_with(problem)[2] == {"label_smoothing": 0.1}
    both = [dense("a", activation="sigmoid"), dense("b", activation="sigmoid")]
    assert [one.fix for one in LossActivationMismatch().check(two(both, WIDE, loss=CATEGORICAL))] == [None, None]


# -- A006 regression-activation -----------------------------------------------------------------------------------

INFO, WARNING = Severity.INFO, Severity.WARNING


@pytest.mark.parametrize(
    ("activation", "units", "loss", "metrics", "severity"),
    [
        ("relu", 1, "mse", [], INFO),
        ("relu", 1, "mse", ["mae"], INFO),
        ("relu", 1, "poisson", [], None),
        ("linear", 1, "mse", [], None),
        ("tanh", 1, "mse", [], None),
        ("relu", 4, CATEGORICAL, [], None),
        ("softmax", 4, "mse", [], WARNING),
        ("softmax", 1, "mse", [], None),
        ("softmax", 4, "mse", ["mae"], WARNING),
        ("softmax", 4, "mse", ["accuracy"], INFO),
        ("softmax", 4, "mse", ["mae", "accuracy"], INFO),
        ("softmax", 4, "poisson", ["accuracy"], WARNING),
        ("softmax", 4, "mse", "unknown", WARNING),
        ("sigmoid", 1, "mse", [], None),
        ("sigmoid", 1, "poisson", [], INFO),
        ("sigmoid", 1, "poisson", ["accuracy"], WARNING),
        ("sigmoid", 1, "poisson", ["mae"], INFO),
        ("sigmoid", 1, "poisson", ["accuracy", "mae"], INFO),
        ("sigmoid", 1, "msle", ["accuracy"], WARNING),
        ("sigmoid", 1, "mape", ["accuracy"], WARNING),
        ("softmax", 4, CATEGORICAL, [], None),
    ],
)
def test_activations_of_numbers(activation, units, loss, metrics, severity):
    given = {"nowhere": "mae"} if metrics == "unknown" else metrics
    expected = INFO if metrics == "unknown" else severity
    found = list(RegressionActivation().check(ends(activation, units, loss=loss, metrics=given)))
    assert [(one.node, one.severity) for one in found] == ([("end#0", expected)] if severity else [])
    assert all(one.message.endswith(f"ends in {activation}") for one in found)
    assert all(one.hint.startswith("Remove" if activation == "relu" else "Compile with") for one in found)


# -- A019 exact-match-accuracy ------------------------------------------------------------------------------------

EXACT = {"module": "keras.metrics", "class_name": "Accuracy", "config": {"name": "accuracy"}}


@pytest.mark.parametrize(
    ("activation", "units", "loss", "metrics", "fitting"),
    [
        *((name, 4, "mse", [EXACT], "CategoricalAccuracy") for name in ("softmax", "log_softmax")),
        *((name, 1, "mse", [EXACT], "BinaryAccuracy") for name in ("sigmoid", "hard_sigmoid")),
        ("linear", 4, "mse", [EXACT], None),
        ("linear", 4, LOGITS, [EXACT], "CategoricalAccuracy"),
        ("softmax", 4, "mine", [EXACT], "CategoricalAccuracy"),
        ("linear", 4, "mine", [EXACT], None),
        ("softmax", 4, CATEGORICAL, ["accuracy"], None),
        ("softmax", 4, CATEGORICAL, ["mae", EXACT], "CategoricalAccuracy"),
        ("softmax", 4, CATEGORICAL, [], None),
        ("softmax", 4, CATEGORICAL, [{**EXACT, "class_name": "CategoricalAccuracy"}], None),
        ("softmax", 4, CATEGORICAL, {"nowhere": EXACT}, None),
    ],
)
def test_probabilities_that_are_compared(activation, units, loss, metrics, fitting):
    found = list(ExactMatchAccuracy().check(ends(activation, units, loss=loss, metrics=metrics)))
    assert [one.node for one in found] == (["end#0"] if fitting else [])
    assert all(f"such as {fitting}." in one.hint for one in found)


def test_probabilities_of_several_outputs():
    a, b = dense("a", activation="softmax"), dense("b", activation="softmax")
    exact = ExactMatchAccuracy()
    assert places(exact, two([a, b], WIDE, loss="mse", metrics=[[EXACT], [EXACT]])) == ["a#0", "b#0"]
    assert places(exact, two([a, b], WIDE, loss="mse", metrics=[["mae"], [EXACT]])) == ["b#0"]
    assert places(exact, two([dense("a"), b], WIDE, loss="mse", metrics=[[EXACT], [EXACT]])) == ["b#0"]
    one = graph_of([entering(), step(a, 0)], loss=["mse", "mae"], metrics=[EXACT])
    assert places(exact, one) == ["a#0"]
