"""Rules on data, on observations that are written down here: each condition of a rule from both sides."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from graphlint.model.definition import CallDefinition, Constant, ConstantKind, TensorRef
from graphlint.model.expand import expand
from graphlint.model.graph import Tensor
from graphlint.model.observations import Failure, Movement, ObservedCall, ObservedMask
from graphlint.questions.observed import INDICES
from rules.batch.batch_fails import BatchFails
from rules.batch.class_index import ClassIndex
from rules.batch.dead_units import DeadUnits
from rules.batch.exploding_gradient import ExplodingGradient
from rules.batch.frozen_moves import FrozenMoves
from rules.batch.growing_signal import GrowingSignal
from rules.batch.idle_mask import IdleMask
from rules.batch.index_beyond_embedding import IndexBeyondEmbedding
from rules.batch.loss_at_start import LossAtStart
from rules.batch.loss_rises import LossRises
from rules.batch.no_gradient import NoGradient
from rules.batch.non_finite_batch import NonFiniteBatch
from rules.batch.same_output import SameOutput
from rules.batch.saturated_output import SaturatedOutput
from rules.batch.saturated_units import SaturatedUnits
from rules.batch.scaled_twice import ScaledTwice
from rules.batch.statistics_stay import StatisticsStay
from rules.batch.target_beyond_activation import TargetBeyondActivation
from rules.batch.target_beyond_loss import TargetBeyondLoss
from rules.batch.target_distribution import TargetDistribution
from rules.batch.target_shape import TargetShape
from rules.batch.trainable_stays import TrainableStays
from rules.batch.unscaled_input import UnscaledInput
from rules.batch.unscaled_target import UnscaledTarget
from rules.batch.vanishing_gradient import VanishingGradient
from tests.model.definitions import SPEC, call, definition, input_call, layer, model
from tests.questions.test_observed import (
    NAN,
    chain,
    dense,
    embedding,
    gradient,
    numbers,
    ran,
    seen,
    sized,
    target,
)
from tests.rules.test_definitions_of_training import opened

MSE, BINARY, DISTRIBUTION = "mean_squared_error", "binary_crossentropy", "categorical_crossentropy"


def found(rule, graph, /, **fields):
    """The node and the message of each finding."""
    return [(one.node, one.message) for one in rule().check(seen(graph, **fields))]


def hints(rule, graph, /, **fields):
    return [one.hint for one in rule().check(seen(graph, **fields))]


def of_target(rule, one, *parts, **fields):
    """The message of a rule on a model with one target; None where there is no finding."""
    graph = chain(*(parts or [dense("head")]))
    messages = found(rule, graph, targets=(one,), **fields)
    assert len(messages) < 2 and all(
        node == Tensor(f"{parts[-1].name if parts else 'head'}#0", 0) for node, _ in messages
    )
    return messages[0][1] if messages else None


# -- B001 batch-fails, B013 non-finite-batch ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "one", "expected"),
    [
        ("forward", None, "calling the model on the batch raises E"),
        ("loss", None, "the loss raises on what the model returned and the targets E"),
        ("step", None, "the training step raises on the batch E"),
        ("loss", target(true=(4, 2), predicted=(4, 3)), None),
        ("step", target(true=(4, 2), predicted=(4, 3)), "the training step raises on the batch E"),
        ("loss", target(INDICES, predicted=(4, 3), given=numbers(4, maximum=3.0, whole=True)), None),
        (
            "loss",
            target(INDICES, predicted=(4, 3), given=numbers(4, maximum=2.0, whole=True)),
            "the loss raises on what the model returned and the targets E",
        ),
    ],
)
def test_what_a_batch_raises(stage, one, expected):
    failure = Failure(stage=stage, message="E", layer="head")
    given = () if one is None else (one,)
    assert found(BatchFails, chain(dense("head")), failure=failure, targets=given) == (
        [] if expected is None else [("head", expected)]
    )
    assert found(BatchFails, chain(dense("head")), targets=given) == []


def test_what_an_index_beyond_a_table_raises_is_told_there():
    failure = Failure(stage="forward", message="E")
    for largest, expected in ((4.0, [(None, "calling the model on the batch raises E")]), (5.0, [])):
        calls = [ran("table", inputs=[numbers(maximum=largest, whole=True)])]
        assert found(BatchFails, chain(embedding()), failure=failure, calls=calls) == expected


def test_where_a_batch_is_not_finite():
    good = {"outputs": (numbers(),), "loss": 1.0}
    assert found(NonFiniteBatch, chain(dense("a")), inputs=(NAN,), **good) == [
        ("x#0", "the batch holds 1 NaN of 16 numbers")
    ]
    assert found(NonFiniteBatch, chain(dense("a")), inputs=(numbers(),), **good) == []


# -- targets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "message", "hint"),
    [
        (0, 2, None, None),
        (1, 3, "targets from 1 to 3 for 3 classes, which are 0 to 2", "Subtract 1"),
        (1, 4, "targets from 1 to 4 for 3 classes, which are 0 to 2", "Give the last layer 5 units"),
        (0, 3, "targets from 0 to 3 for 3 classes, which are 0 to 2", "Give the last layer 4 units"),
        (-1, 1, "targets from -1 to 1 for 3 classes, which are 0 to 2", "Map the classes to 0 to 2."),
        (0, 1.5, "targets from 0 to 1.5 with fractions, where the loss takes an index below 3", "Use a regression"),
    ],
)
def test_targets_that_are_no_class(low, high, message, hint):
    given = numbers(4, minimum=low, maximum=high, whole=high != 1.5)
    one = target(INDICES, predicted=(4, 3), given=given)
    assert of_target(ClassIndex, one) == message
    told = hints(ClassIndex, chain(dense("head")), targets=(one,))
    assert len(told) == (message is not None) and all(text.startswith(hint) for text in told)


@pytest.mark.parametrize(
    ("loss", "true", "predicted", "what", "hint"),
    [
        (MSE, (4, 3), (4, 3), None, None),
        (
            MSE,
            (4, 1),
            (4, 3),
            "mean_squared_error stretches both to (4, 3) and compares",
            "Give the last layer as many",
        ),
        (MSE, (4, 2), (4, 3), "mean_squared_error cannot compare them", "Give the last layer as many"),
        (MSE, (4, 2), (4, 5, 3), "mean_squared_error cannot compare them", "Return one step"),
        (MSE, (4, 2), (5, 6, 3), "mean_squared_error cannot compare them", "Give the last layer as many"),
        (MSE, (4, 2, 3), (4, 5, 3), "mean_squared_error cannot compare them", "Return one step"),
        (MSE, (4, 6, 2, 3), (4, 3), "mean_squared_error cannot compare them", "Give the last layer as many"),
        (DISTRIBUTION, (4,), (4, 3), "categorical_crossentropy cannot compare them", "Use sparse_categorical"),
        (DISTRIBUTION, (4, 1), (4, 3), "categorical_crossentropy cannot compare them", "Use sparse_categorical"),
        (DISTRIBUTION, (4, 2), (4, 3), "categorical_crossentropy cannot compare them", "Give the last layer as many"),
        (INDICES, (4, 3), (4, 3), f"{INDICES} cannot compare them", "Give the last layer as many"),
    ],
)
def test_targets_of_another_shape(loss, true, predicted, what, hint):
    one = target(loss, true=true, predicted=predicted)
    message = of_target(TargetShape, one)
    assert (message is None) is (what is None)
    for told in hints(TargetShape, chain(dense("head")), targets=(one,)):
        assert what in message and told.startswith(hint)


@pytest.mark.parametrize(("loss", "sparse"), [(INDICES, True), (MSE, False)])
def test_one_hot_targets_under_a_loss_of_indices(loss, sparse):
    one = target(loss, true=(4, 3), predicted=(4, 2), one_hot=True)
    (hint,) = hints(TargetShape, chain(dense("head")), targets=(one,))
    assert hint.startswith("Use categorical_crossentropy for one-hot") is sparse


@pytest.mark.parametrize(
    ("loss", "fields", "rest", "message"),
    [
        (DISTRIBUTION, {}, {"uneven_rows": 0.5}, "50% of the rows of targets do not add up to 1"),
        (DISTRIBUTION, {}, {"uneven_rows": 0.01}, None),
        (DISTRIBUTION, {"minimum": -1.0}, {}, "targets from -1 to 0, where categorical_crossentropy takes prob"),
        (DISTRIBUTION, {"minimum": -1e-7}, {}, None),
        (DISTRIBUTION, {"minimum": -1e-6}, {}, None),
        (DISTRIBUTION, {"minimum": -1.0, "nan": 1}, {"uneven_rows": 0.5}, None),
        ("categorical_hinge", {"minimum": -1.0}, {"uneven_rows": 0.5}, None),
        ("kl_divergence", {}, {"uneven_rows": 0.5}, "50% of the rows of targets do not add up to 1"),
        (MSE, {"minimum": -1.0}, {"uneven_rows": 0.5}, None),
        (None, {"minimum": -1.0}, {"uneven_rows": 0.5}, None),
    ],
)
def test_targets_that_are_no_distribution(loss, fields, rest, message):
    found_ = of_target(TargetDistribution, target(loss, given=numbers(**fields), **rest))
    assert found_ is message or found_.startswith(message)
    assert of_target(TargetDistribution, target(loss, given=numbers(4, 1, **fields), **rest)) is None


@pytest.mark.parametrize(
    ("loss", "fields", "words"),
    [
        (BINARY, {"maximum": 1.0}, None),
        (BINARY, {"maximum": 1.005}, None),
        (BINARY, {"minimum": -0.01, "maximum": 1 + 0.01}, None),
        ("hinge", {"minimum": -1 - 0.01, "maximum": 1 + 0.01}, None),
        ("poisson", {"minimum": -0.01}, None),
        ("mean_squared_logarithmic_error", {"minimum": -0.01}, None),
        (BINARY, {"maximum": 1.5}, "targets from 0 to 1.5, where binary_crossentropy takes 0 to 1"),
        (BINARY, {"minimum": -0.005}, None),
        (BINARY, {"minimum": -1.0}, "targets from -1 to 0, where binary_crossentropy takes 0 to 1"),
        ("binary_focal_crossentropy", {"maximum": 2.0}, "where binary_focal_crossentropy takes 0 to 1"),
        ("hinge", {"minimum": -1.0, "maximum": 1.0}, None),
        ("hinge", {"minimum": -2.0}, "targets from -2 to 0, where hinge takes -1 and 1"),
        ("squared_hinge", {"maximum": 2.0}, "targets from 0 to 2, where squared_hinge takes -1 and 1"),
        ("categorical_hinge", {"maximum": 2.0}, None),
        ("poisson", {"minimum": -1.0}, "where a Poisson loss takes counts"),
        ("poisson", {"minimum": -0.005, "maximum": 9.0}, None),
        ("mean_squared_logarithmic_error", {"minimum": -1.0}, "of which the logarithm is taken"),
        ("mean_squared_logarithmic_error", {"minimum": -0.005}, None),
        ("mean_absolute_percentage_error", {"zeros": 0.25}, "25.0% of the targets are 0"),
        ("mean_absolute_percentage_error", {"zeros": 0.0, "minimum": -9.0}, None),
        (MSE, {"minimum": -9.0, "maximum": 9.0, "zeros": 0.5}, None),
        (None, {"minimum": -9.0}, None),
    ],
)
def test_targets_that_a_loss_does_not_take(loss, fields, words):
    message = of_target(TargetBeyondLoss, target(loss, given=numbers(**fields)))
    assert (message is None) is (words is None)
    assert message is None or words in message
    whole = target(loss, whole=numbers(40, 4, **fields))
    assert of_target(TargetBeyondLoss, whole) == message
    assert of_target(TargetBeyondLoss, target(loss, given=numbers(4, 2, **fields), predicted=(4, 3))) is None
    assert of_target(TargetBeyondLoss, target(loss, given=numbers(0, 4, **fields), predicted=(0, 4))) is None


@pytest.mark.parametrize(
    ("fields", "classes", "hint"),
    [
        ({"maximum": 2.0}, 3, "Use a softmax over 3 units"),
        ({"maximum": 2.0}, 2, "Use 0 and 1 for two classes"),
        ({"maximum": 2.0}, None, "Use 0 and 1 for two classes"),
        ({"maximum": 255.0}, None, "Divide the targets by 255."),
        ({"maximum": 254.0}, None, "Use 0 and 1 for two classes"),
        ({"maximum": 255.0, "minimum": -1.0}, None, "Use 0 and 1 for two classes"),
        ({"maximum": 255.0}, 9, "Use a softmax over 256 units"),
    ],
)
def test_what_to_do_with_targets_of_a_binary_loss(fields, classes, hint):
    one = target(BINARY, given=numbers(**fields), classes=classes)
    (told,) = hints(TargetBeyondLoss, chain(dense("head")), targets=(one,))
    assert told.startswith(hint)


@pytest.mark.parametrize(
    ("activation", "low", "high", "returns"),
    [
        ("sigmoid", 0, 1, None),
        ("sigmoid", 0, 1.009, None),
        ("sigmoid", -0.01, 1 + 0.01, None),
        ("relu6", 0, 6 + 0.01 * 6, None),
        ("sigmoid", 0, 1.02, "sigmoid returns 0 to 1"),
        ("sigmoid", -0.009, 1, None),
        ("sigmoid", -0.02, 1, "sigmoid returns 0 to 1"),
        ("hard_sigmoid", 0, 2, "hard_sigmoid returns 0 to 1"),
        ("softmax", 0, 2, "softmax returns 0 to 1"),
        ("tanh", -1.019, 1.019, None),
        ("tanh", -1.03, 0, "tanh returns -1 to 1"),
        ("softsign", -2, 0, "softsign returns -1 to 1"),
        ("relu", -1, 1e9, None),
        ("relu", -1, 1, "relu returns from 0 up"),
        ("relu6", 0, 7, "relu6 returns 0 to 6"),
        ("relu6", 0, 6.05, None),
        ("softplus", -1, 1, "softplus returns from 0 up"),
        ("exponential", -1, 1, "exponential returns from 0 up"),
        ("linear", -9, 9, None),
        ("gelu", -9, 9, None),
    ],
)
def test_targets_that_an_activation_never_returns(activation, low, high, returns):
    given = numbers(minimum=low, maximum=high)
    for one in (target(given=given), target(whole=given)):
        message = of_target(TargetBeyondActivation, one, dense("head", activation))
        assert message is None if returns is None else message.endswith(returns)
    assert of_target(TargetBeyondActivation, target(BINARY, given=given), dense("head", activation)) is None
    assert of_target(TargetBeyondActivation, target(None, given=given), dense("head", activation)) is None
    unknown = target("mine", given=given)
    assert of_target(TargetBeyondActivation, unknown, dense("head", activation)) is None
    graph = chain(dense("head", activation))
    assert found(TargetBeyondActivation, graph, targets=(target(given=given, output=1),)) == []


@pytest.mark.parametrize(
    ("loss", "true", "predicted", "told"),
    [
        (MSE, {"mean": 500.0}, {}, True),
        (MSE, {"mean": 499.0}, {}, False),
        (MSE, {"mean": 300.0, "deviation": 400.0}, {}, True),
        (MSE, {"mean": 300.0, "deviation": 399.0}, {}, False),
        (MSE, {"mean": 500.0}, {"mean": 49.0}, True),
        (MSE, {"mean": 500.0}, {"mean": 50.0}, False),
        (MSE, {"mean": 500.0}, {"mean": 30.0, "deviation": 40.0}, False),
        (MSE, {"mean": 500.0}, {"deviation": 40.0}, True),
        (MSE, {"mean": 500.0}, {"nan": 1}, False),
        ("mean_absolute_percentage_error", {"mean": 500.0}, {}, False),
        ("huber", {"mean": 500.0}, {}, True),
        (BINARY, {"mean": 500.0}, {}, False),
        ("mine", {"mean": 500.0}, {}, False),
        (None, {"mean": 500.0}, {}, False),
    ],
)
def test_targets_far_beyond_what_is_returned(loss, true, predicted, told):
    one = target(loss, given=numbers(**true), prediction=numbers(**predicted))
    assert (of_target(UnscaledTarget, one) is not None) is told


# -- inputs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "whole", "message", "hint"),
    [
        (0, 4, True, None, None),
        (0, 5, True, "receives indices from 0 to 5, and its 5 rows are 0 to 4", "Set input_dim=6."),
        (-1, 4, True, "receives indices from -1 to 4, and its 5 rows are 0 to 4", "Map the indices to numbers from 0."),
        (0, 1.5, False, "receives numbers from 0 to 1.5 with fractions", "Give it the indices as they are"),
    ],
)
def test_indices_beyond_a_table(low, high, whole, message, hint):
    fields = {"calls": [ran("table", inputs=[numbers(minimum=low, maximum=high, whole=whole)])]}
    told = found(IndexBeyondEmbedding, chain(embedding()), **fields)
    assert [node for node, _ in told] == ([] if message is None else ["table"])
    assert all(text.startswith(message) for _, text in told)
    assert all(text.startswith(hint) for text in hints(IndexBeyondEmbedding, chain(embedding()), **fields))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"maximum": 100.0}, True),
        ({"maximum": 99.0}, False),
        ({"minimum": -1.0, "maximum": 255.0}, False),
        ({"minimum": -1.0, "mean": 300.0}, True),
        ({"minimum": -1.0, "mean": 299.0}, False),
        ({"minimum": -1.0, "mean": 180.0, "deviation": 240.0}, True),
        ({"minimum": -1.0, "mean": 180.0, "deviation": 239.0}, False),
    ],
)
def test_inputs_that_are_not_scaled(fields, told):
    given = numbers(**fields)
    expected = [
        ("x#0", f"numbers from {fields.get('minimum', 0):g} to {fields.get('maximum', 0):g} reach a as they are")
    ]
    assert found(UnscaledInput, chain(dense("a")), inputs=(given,)) == (expected if told else [])
    assert found(UnscaledInput, chain(layer("scale", "Rescaling"), dense("a")), inputs=(given,)) == []
    assert found(UnscaledInput, chain(dense("a")), inputs=(given, given)) == []


@pytest.mark.parametrize(
    ("shape", "fields", "pixels"),
    [
        ((4, 8, 8, 3), {"maximum": 255.0}, True),
        ((4, 8, 8, 3), {"maximum": 256.0}, False),
        ((4, 8, 8, 3), {"maximum": 255.0, "minimum": -1.0, "mean": 300.0}, False),
        ((4, 8, 8), {"maximum": 255.0}, False),
    ],
)
def test_how_inputs_are_scaled(shape, fields, pixels):
    (hint,) = hints(UnscaledInput, chain(dense("a")), inputs=(numbers(*shape, **fields),))
    assert hint == (
        "Put Rescaling(1 / 255) after it." if pixels else "Put an adapted Normalization after it, or scale the data."
    )


def passed(name, received, returned=None):
    return ObservedCall(layer=name, number=0, inputs=(received,), outputs=(returned or numbers(),))


@pytest.mark.parametrize(
    ("scale", "fields", "told"),
    [
        (1 / 255, {}, True),
        (0.05, {}, True),
        (0.06, {}, False),
        (0, {}, False),
        (-0.01, {}, False),
        ("0.01", {}, False),
        ([0.01], {}, False),
        (1 / 255, {"maximum": 1.5}, False),
        (1 / 255, {"whole": True}, False),
        (1 / 255, {"spread": 0.0}, False),
        (1 / 255, {"nan": 1}, False),
    ],
)
def test_what_is_scaled_twice(scale, fields, told):
    received = numbers(**{"maximum": 1.0, "spread": 1.0, **fields})
    graph = chain(layer("scale", "Rescaling", config={"scale": scale}), dense("a"))
    expected = [("scale", "receives numbers from 0 to 1, and scales them by 0.0039 once more")] if told else []
    if scale == 0.05:
        expected = [("scale", "receives numbers from 0 to 1, and scales them by 0.05 once more")]
    assert found(ScaledTwice, graph, calls=[passed("scale", received)]) == expected
    assert found(ScaledTwice, graph, calls=[passed("a", received)]) == []
    assert (
        found(ScaledTwice, graph, calls=[ran("scale"), ObservedCall(layer="scale", number=1, inputs=(received,))]) == []
    )
    assert len(found(ScaledTwice, graph, calls=[passed("scale", received)] * 2)) == told
    other = chain(layer("scale", "Mine", config={"scale": scale}), dense("a"))
    assert found(ScaledTwice, other, calls=[passed("scale", received)]) == []


@pytest.mark.parametrize(
    ("received", "deviation", "told"),
    [
        ({"maximum": 1.0, "spread": 1.0}, 0.01, True),
        ({"maximum": 10.0, "spread": 1.0}, 0.01, True),
        ({"maximum": 10.1, "spread": 1.0}, 0.01, False),
        ({"maximum": 1.0, "spread": 1.0}, 0.02, False),
        ({"maximum": 1.0, "spread": 0.0}, 0.01, False),
    ],
)
def test_what_was_scaled_before_a_normalisation(received, deviation, told):
    calls = [passed("norm", numbers(**received), numbers(deviation=deviation))]
    messages = found(ScaledTwice, chain(layer("norm", "Normalization"), dense("a")), calls=calls)
    assert [node for node, _ in messages] == (["norm"] if told else [])
    assert all("unlike those it was adapted to" in text for _, text in messages)
    assert found(ScaledTwice, chain(layer("norm", "LayerNormalization"), dense("a")), calls=calls) == []


DARK = numbers(4, 8, 8, 3, maximum=0.005, spread=0.001)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (DARK, True),
        (replace(DARK, maximum=0.01), False),
        (replace(DARK, minimum=-0.001), False),
        (replace(DARK, spread=0.0), False),
        (replace(DARK, shape=(4, 8, 8)), False),
        (replace(DARK, dtype="uint8"), False),
    ],
)
def test_images_that_are_nearly_black(given, told):
    assert found(ScaledTwice, chain(dense("a")), inputs=(given,)) == (
        [("x#0", "images from 0 to 0.005")] if told else []
    )
    assert found(ScaledTwice, chain(dense("a")), inputs=(given, given)) == []
    assert found(ScaledTwice, chain(dense("a", trainable=False)), inputs=(given,)) == []


# -- what layers return -------------------------------------------------------------------------------------------


def units(path="a", size=10, dead=9, rows=32):
    return ran(path, units=size, dead_units=dead, rows_per_unit=rows)


@pytest.mark.parametrize(
    ("activation", "one", "told"),
    [
        ("relu", units(), True),
        ("relu6", units(), True),
        ("hard_swish", units(), True),
        ("gelu", units(), False),
        ("relu", units(dead=8), False),
        ("relu", units(size=8, dead=8), True),
        ("relu", units(size=7, dead=7), False),
        ("relu", units(rows=31), False),
    ],
)
def test_units_that_are_dead(activation, one, told):
    graph = chain(dense("a", activation), dense("b"))
    expected = [("a", f"{one.dead_units} of {one.units} units are 0 for all 4 rows")] if told else []
    assert found(DeadUnits, graph, calls=[one]) == expected
    assert found(DeadUnits, graph, calls=[one], loss=1.0, first_loss=1.0) == expected
    assert found(DeadUnits, graph, calls=[one], loss=1.0, first_loss=2.0) == []


def test_several_layers_of_dead_units():
    graph = chain(dense("a", "relu"), dense("b", "relu"), dense("c"))
    calls = [units("a"), units("a", dead=10), units("b")]
    (problem,) = DeadUnits().check(seen(graph, calls=calls))
    assert (problem.node, problem.related) == ("a", ("b",))
    assert problem.message == "9 of 10 units are 0 for all 4 rows; so it is in 1 more layers"
    (problem,) = DeadUnits().check(seen(graph, calls=[units("a", dead=1), units("b")]))
    assert (problem.node, problem.related) == ("b", ())


@pytest.mark.parametrize(("before", "after", "told"), [(1.0, 1000.0, True), (1.0, 999.0, False), (1.1, 1000.0, False)])
def test_numbers_that_grow(before, after, told):
    graph = chain(dense("a"), dense("b"), dense("head"))
    messages = found(GrowingSignal, graph, calls=[sized("a", before), sized("b", after)])
    assert messages == ([("b", "returns numbers of about 1,000, where a returns about 1")] if told else [])
    assert found(GrowingSignal, graph, calls=[sized("a", 0.1), sized("b", 999.0)]) == []
    assert found(GrowingSignal, graph, calls=[sized("a", 1.0)]) == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"repeats_at_end": True}, "masks none of 20 steps, and rows are padded with another value"),
        ({"empty_rows": 2}, "masks every step of 2 of 4 rows"),
        ({"empty_rows": 1}, None),
        ({"empty_rows": 5, "rows": 10}, "masks every step of 5 of 10 rows"),
        ({"empty_rows": 4, "rows": 10}, None),
        ({}, None),
        ({"empty_rows": 4, "repeats_at_end": True}, "masks none of 20 steps, and rows are padded with another value"),
    ],
)
def test_masks_that_do_nothing(fields, message):
    mask = ObservedMask(**{"rows": 4, "steps": 5, "kept": 20, "empty_rows": 0, **fields})
    calls = [ran("a"), ran("b", mask=mask), ran("b", mask=mask), ran("c", mask=mask)]
    told = found(IdleMask, chain(dense("a"), dense("b"), dense("c")), calls=calls)
    assert told == ([] if message is None else [("b", message), ("c", message)])


@pytest.mark.parametrize(
    ("share", "rows", "activation", "told"),
    [
        (0.25, 8, "sigmoid", True),
        (0.24, 8, "sigmoid", False),
        (None, 8, "sigmoid", False),
        (0.25, 7, "sigmoid", False),
        (0.25, 8, "linear", False),
    ],
)
def test_probabilities_that_are_sure_and_wrong(share, rows, activation, told):
    graph = seen(chain(dense("head", activation)), targets=(target(saturated_wrong=share),))
    graph.observations.rows = rows
    messages = [(one.node, one.message) for one in SaturatedOutput().check(graph)]
    assert messages == (
        [(Tensor("head#0", 0), "in 25% of the rows a probability is 0 or 1, and wrong")] if told else []
    )


def full(path, share=0.9, size=64, **fields):
    return ran(path, numbers(size), saturated=share, **fields)


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (full("a"), "90% of the units are saturated"),
        (full("a", 0.89), None),
        (full("a", None), None),
        (full("a", size=63), None),
        (full("a", innermost=False), None),
        (full("head"), None),
        (full("rnn"), "90% of the gates are saturated"),
        (full("rnn", innermost=False), "90% of the gates are saturated"),
    ],
)
def test_units_that_are_saturated(one, message):
    graph = chain(dense("a", "tanh"), layer("rnn", "LSTM", 4), dense("head", "tanh"))
    assert found(SaturatedUnits, graph, calls=[one]) == ([] if message is None else [(one.layer, message)])


def test_saturated_gates_and_several_layers():
    graph = chain(dense("a", "tanh"), layer("rnn", "LSTM", 4), dense("head"))
    (problem,) = SaturatedUnits().check(seen(graph, calls=[full("a"), full("a", 1.0), full("rnn")]))
    assert (problem.node, problem.related) == ("a", ("rnn",))
    assert problem.message == "90% of the units are saturated, in 2 layers"
    for first in (full("a", 0.1), full("a", None), full("a", size=9)):
        assert found(SaturatedUnits, graph, calls=[first, full("rnn")]) == [("rnn", "90% of the gates are saturated")]
    gated = chain(dense("a", "sigmoid"), layer("times", "Multiply"), dense("head"))
    assert found(SaturatedUnits, gated, calls=[full("a")]) == []
    ends = chain(layer("rnn", "LSTM", 4))
    assert found(SaturatedUnits, ends, calls=[full("rnn")]) == [("rnn", "90% of the gates are saturated")]


ALIKE = numbers(maximum=2.0, mean=1.5)
VARIES = numbers(spread=1.0)


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (ALIKE, True),
        (replace(ALIKE, spread=2e-7), True),
        (replace(ALIKE, spread=3e-7), False),
        (replace(ALIKE, nan=1), False),
        (replace(ALIKE, dtype="int32"), False),
        (replace(ALIKE, dtype="bfloat16"), True),
        (replace(ALIKE, shape=(3, 4)), False),
    ],
)
def test_outputs_that_are_the_same_for_all_rows(output, told):
    graph = chain(dense("a"), dense("head"))
    expected = [(Tensor("head#0", 0), "returns 1.5 on average, and the same for all 4 rows")] if told else []
    assert found(SameOutput, graph, inputs=(VARIES,), outputs=(output,)) == expected
    assert found(SameOutput, graph, inputs=(numbers(), VARIES), outputs=(output,)) == expected
    assert found(SameOutput, graph, inputs=(numbers(),), outputs=(output,)) == []


def test_outputs_of_few_rows_say_nothing():
    for rows, told in ((4, 1), (3, 0)):
        alike = replace(ALIKE, shape=(rows, 4))
        graph = seen(chain(dense("head")), inputs=(VARIES,), outputs=(alike,))
        graph.observations.rows = rows
        assert len(list(SameOutput().check(graph))) == told


def test_outputs_that_may_well_be_the_same():
    fields = {"inputs": (VARIES,), "outputs": (ALIKE,)}
    frozen = chain(dense("a", trainable=False), dense("head"))
    assert found(SameOutput, frozen, **fields) == []
    assert len(found(SameOutput, frozen, steps=1, **fields)) == 1
    zeros = dense("a")
    zeros.variables[0].shape = (2, 2)
    assert found(SameOutput, chain(zeros, dense("head")), zero_variables=("a@kernel",), **fields) == []
    one = {"inputs": (VARIES,), "outputs": (replace(ALIKE, shape=(4, 1)),)}
    assert found(SameOutput, chain(dense("head", "softmax")), **one) == []
    assert len(found(SameOutput, chain(dense("head", "sigmoid")), **one)) == 1
    assert len(found(SameOutput, chain(dense("head", "softmax")), **fields)) == 1
    calls = [input_call("x"), call(dense("a"), 0), call(dense("loose"))]
    apart = expand(definition(model("net", calls, [0], [2])))
    assert found(SameOutput, apart, **fields) == []
    assert [node for node, _ in found(SameOutput, chain(dense("head")), inputs=(VARIES,), outputs=(VARIES, ALIKE))] == [
        "."
    ]


def test_one_output_that_varies_says_nothing_of_the_next_that_does_not():
    calls = [input_call("x"), call(dense("one", "softmax"), 0), call(dense("other"), 0)]
    graph = expand(definition(model("net", calls, [0], [1, 2])))
    for first in (replace(ALIKE, dtype="int32"), replace(ALIKE, nan=1), VARIES, replace(ALIKE, shape=(4, 1))):
        assert [node for node, _ in found(SameOutput, graph, inputs=(VARIES,), outputs=(first, ALIKE))] == [
            Tensor("other#0", 0)
        ]


def test_where_outputs_begin_to_be_the_same():
    graph = chain(dense("a"), dense("head"))
    fields = {"inputs": (VARIES,), "outputs": (ALIKE,)}
    (problem,) = SameOutput().check(seen(graph, calls=[ran("a", ALIKE), ran("head", ALIKE)], **fields))
    assert problem.message.endswith("all 4 rows, as is what a returns") and problem.related == ("a",)
    (problem,) = SameOutput().check(seen(graph, calls=[ran("a", VARIES), ran("head", ALIKE)], **fields))
    assert problem.message.endswith("all 4 rows") and problem.related == ("head",)
    (problem,) = SameOutput().check(seen(graph, **fields))
    assert problem.message.endswith("all 4 rows") and problem.related == ()


# -- gradients ----------------------------------------------------------------------------------------------------


def gradients(*sizes, **fields):
    """Kernel gradients of these sizes in layers ``d0``, ``d1``, ..., and their calls."""
    graph = chain(*(dense(f"d{place}") for place in range(len(sizes))))
    given: dict = {}
    for place, size in enumerate(sizes):
        shape = numbers(2, 2, maximum=size or 0.0)
        given |= gradient(f"d{place}@kernel", None if size is None else shape, norm=2 * (size or 0.0), value_norm=1.0)
    return seen(graph, gradients=given, calls=[ran(f"d{place}") for place in range(len(sizes))], **fields)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((9e-6, 1.0, 1.0), "1 in the last layer and 9e-06 in the first, of 3 layers; below 1e-05 of the last in 1"),
        ((9e-6, 8e-6, 1.0), "1 in the last layer and 9e-06 in the first, of 3 layers; below 1e-05 of the last in 2"),
        ((1.1e-5, 1.0, 1.0), None),
        ((1e-5, 1.0, 1.0), None),
        ((9e-6, 1e-5, 1.0), "1 in the last layer and 9e-06 in the first, of 3 layers; below 1e-05 of the last in 1"),
        ((1e-9, 1.0), None),
        ((0.0, 1e-9, 1.0), None),
        (
            (0.0, 1e-9, 1.0, 1.0),
            "1 in the last layer and 1e-09 in the first, of 3 layers; below 1e-05 of the last in 1",
        ),
        ((1.0, 1e-9, 1.0), None),
    ],
)
def test_gradients_that_vanish(sizes, message):
    graph = gradients(*sizes)
    told = [(one.node, one.message) for one in VanishingGradient().check(graph)]
    first = "d0" if sizes[0] else "d1"
    assert told == ([] if message is None else [(first, f"the gradient of a weight is {message}")])
    graph.observations.zero_variables = ("d1@kernel",)
    graph.variables["d1@kernel"].slot = "gamma"
    assert list(VanishingGradient().check(graph)) == []


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ((1.1e4, 1.0, 1.0), True),
        ((1e4, 1.0, 1.0), False),
        ((1.5e4, 1.0, 2.0), False),
        ((1.1e4, 1.0), False),
        ((1.1e4, 0.0, 1.0), False),
        ((1.1e4, 0.0, 1.0, 1.0), True),
        ((1.0, 1.1e4, 1.0), False),
    ],
)
def test_gradients_that_explode(sizes, told):
    expected = [("d0", "the gradient of a weight is 1 in the last layer and 11,000 in the first, of 3 layers")]
    for optimizer in ({}, {"optimizer": "Adam", "learning_rate": 9.0}, {"optimizer": "SGD"}):
        graph = gradients(*sizes, **optimizer)
        problems = list(ExplodingGradient().check(graph))
        assert [(one.node, one.message) for one in problems] == (expected if told else [])
        assert [one.related for one in problems] == ([(f"d{len(sizes) - 1}",)] if told else [])
    assert list(ExplodingGradient().check(gradients(*sizes, clipped=True))) == []
    assert list(ExplodingGradient().check(gradients(*sizes, loss_scaled=True))) == []


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, True),
        ({"norm": 100.0}, False),
        ({"norm": 150.0, "value_norm": 2.0}, False),
        ({"value_norm": 0.0}, False),
        ({"numbers": None}, False),
        ({"numbers": numbers(2, 2, nan=1)}, False),
        ({"numbers": numbers(4)}, False),
    ],
)
def test_steps_that_throw_kernels_away(fields, told):
    one = {"numbers": numbers(2, 2), "norm": 110.0, "value_norm": 1.0, **fields}
    given = gradient("a@kernel", one.pop("numbers"), **one) | gradient(
        "b@kernel", numbers(2, 2), norm=9.0, value_norm=1.0
    )
    run = {"gradients": given, "calls": [ran("a"), ran("b")]}
    graph = chain(dense("a"), dense("b"))
    message = (
        "one step of SGD at a learning rate of 0.1 changes this kernel by 11 times its size: its gradient has a norm"
    )
    messages = found(ExplodingGradient, graph, optimizer="SGD", learning_rate=0.1, **run)
    assert [node for node, _ in messages] == (["a@kernel"] if told else [])
    assert all(text == f"{message} of 110" for _, text in messages)
    assert found(ExplodingGradient, graph, optimizer="Adam", learning_rate=0.1, **run) == []
    assert found(ExplodingGradient, graph, optimizer="SGD", **run) == []
    assert found(ExplodingGradient, graph, optimizer="SGD", learning_rate=0.1) == []


def test_a_step_is_told_before_the_growth():
    graph = gradients(1.1e4, 1.0, 1.0, optimizer="SGD", learning_rate=0.1)
    assert [one.node for one in ExplodingGradient().check(graph)] == ["d0@kernel"]
    graph = gradients(1.1e4, 1.0, 1.0, optimizer="SGD", learning_rate=1e-4)
    assert [one.node for one in ExplodingGradient().check(graph)] == ["d0"]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((1.0, 1.0), []),
        ((None, 1.0), [("d0", "no variable of this layer received a gradient", ())]),
        ((None, None, 1.0), [("d0", "no variable of 2 layers received a gradient", ("d1",))]),
        ((None, None), []),
        ((0.0, 1.0), [("d0", "the gradient of this layer is exactly 0, from the first layer on", ())]),
        ((0.0, 0.0, 1.0), [("d1", "the gradient of 2 layers is exactly 0, from the first layer on", ("d0",))]),
        (
            (0.0, 0.0),
            [("d1", "the gradient of 2 layers (all there are) is exactly 0, from the first layer on", ("d0",))],
        ),
        ((1.0, 0.0), []),
        (
            (None, 0.0),
            [
                ("d0", "no variable of this layer received a gradient", ()),
                ("d1", "the gradient of this layer (all there are) is exactly 0, from the first layer on", ()),
            ],
        ),
        (
            (0.0, None, 1.0),
            [
                ("d1", "no variable of this layer received a gradient", ()),
                ("d0", "the gradient of this layer is exactly 0, from the first layer on", ()),
            ],
        ),
        ((math.nan, 0.0), []),
    ],
)
def test_layers_without_a_gradient(sizes, expected):
    def told(**fields):
        graph = gradients(*(0.0 if size is not None and math.isnan(size) else size for size in sizes), **fields)
        for place, size in enumerate(sizes):
            if size is not None and math.isnan(size):
                graph.observations.gradients |= gradient(f"d{place}@kernel", NAN)
        return [(one.node, one.message, one.related) for one in NoGradient().check(graph)]

    missing = [one for one in expected if one[1].startswith("no variable")]
    assert told() == told(loss=1.0) == told(loss=1e-4) == told(loss=-1.0, steps=3) == expected
    assert told(steps=3) == expected
    assert told(loss=1e-3, steps=3) == told(loss=math.inf, steps=3) == expected
    assert told(loss=0.0) == told(loss=9e-4, steps=1) == missing


def test_zeros_and_what_reaches_no_output_need_no_gradient():
    graph = gradients(0.0, 1.0, zero_variables=("d1@kernel",))
    graph.variables["d1@kernel"].slot = "gamma"
    assert list(NoGradient().check(graph)) == []
    calls = [input_call("x"), call(dense("a"), 0), call(dense("dead"), 0)]
    apart = expand(definition(model("net", calls, [0], [1])))
    given = gradient("a@kernel", numbers(2, 2, maximum=1.0)) | gradient("dead@kernel", None)
    assert found(NoGradient, apart, gradients=given, calls=[ran("a"), ran("dead")]) == []
    assert found(NoGradient, apart, gradients=given, calls=[ran("dead"), ran("a")]) == []


def test_one_gradient_of_a_layer_is_enough():
    two = dense("a")
    two.variables += layer("spare", size=2).variables
    two.variables[1].slot, two.variables[1].index = "bias", 1
    graph, calls = chain(two, dense("b")), [ran("a"), ran("b")]
    rest = gradient("b@kernel", numbers(2, 2, maximum=1.0))
    for kernel, bias, expected in (
        (None, numbers(2, maximum=1.0), []),
        (None, None, ["a"]),
        (None, numbers(2), ["a"]),
        (numbers(2, 2), numbers(2, minimum=-1.0), []),
        (numbers(2, 2), numbers(2), ["a"]),
    ):
        given = gradient("a@kernel", kernel) | gradient("a@bias", bias) | rest
        assert [node for node, _ in found(NoGradient, graph, gradients=given, calls=calls)] == expected


def test_one_variable_that_reaches_an_output_is_enough():
    used, spare = (layer(name, size=2).variables[0] for name in ("used", "spare"))
    spare.slot, spare.index, used.obj = "spare", 1, object()
    constant = Constant(ConstantKind.VARIABLE, None, dtype="float32", shape=(2,), obj=used.obj)
    times = CallDefinition(layer("times", "Multiply", is_operation=True), outputs=(SPEC,))
    for read, expected in ((True, ["block"]), (False, [])):
        times.args = (TensorRef(0, 0), constant) if read else (TensorRef(0, 0),)
        block = opened(input_call("i"), times)
        block.variables = [used, spare]
        given = gradient("block@kernel", None) | gradient("block@spare", None)
        given |= gradient("b@kernel", numbers(2, 2, maximum=1.0))
        graph = chain(block, dense("b"))
        told = found(NoGradient, graph, gradients=given, calls=[ran("b"), ran("block")])
        assert [node for node, _ in told] == expected


# -- the loss -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "classes", "value", "told"),
    [
        (INDICES, 10, 11.6, "the loss before training is 11.6, and that of a guess 2.3"),
        (INDICES, 10, 11.4, None),
        (INDICES, 10, 5 * math.log(10), None),
        (INDICES, 3, 6.2, "the loss before training is 6.2, and that of a guess 1.1"),
        (INDICES, 3, 6.0, None),
        (INDICES, 2, 5.7, "the loss before training is 5.7, and that of a guess 0.693"),
        (INDICES, 2, 5.6, None),
        (DISTRIBUTION, 10, 12.0, "the loss before training is 12, and that of a guess 2.3"),
        (DISTRIBUTION, 10, 11.4, None),
        (DISTRIBUTION, 100, 14.1, "the loss before training is 14.1, and that of a guess 4.61"),
        (DISTRIBUTION, 100, 13.9, None),
        (DISTRIBUTION, 10**5, 16.6, "the loss before training is 16.6, and that of a guess 11.5"),
        (DISTRIBUTION, 10**5, 16.4, None),
        (DISTRIBUTION, 1, 5.7, "the loss before training is 5.7, and that of a guess 0.693"),
        (BINARY, 10, 5.7, "the loss before training is 5.7, and that of a guess 0.693"),
        (BINARY, 10, 5.6, None),
        (BINARY, 10, -0.5, "the loss is -0.5, which binary_crossentropy of probabilities never is"),
        (BINARY, 10, 0.0, None),
        (BINARY, 10, math.inf, None),
        (BINARY, 10, None, None),
        ("binary_focal_crossentropy", 10, 99.0, None),
        (MSE, 10, 99.0, None),
        ("mine", 10, 99.0, None),
        (None, 10, 99.0, None),
    ],
)
def test_losses_at_the_start(loss, classes, value, told):
    one = target(loss, prediction=numbers(4, classes))
    fields = {"loss": value, "outputs": (numbers(),)}
    assert of_target(LossAtStart, one, **fields) == told
    trained = of_target(LossAtStart, one, steps=1, **fields)
    assert trained == (told if value is not None and value < 0 else None)
    assert of_target(LossAtStart, one, weighted=True, **fields) is None
    assert of_target(LossAtStart, one, loss=value, outputs=(numbers(), numbers())) is None
    assert found(LossAtStart, chain(dense("head")), targets=(one, one), **fields) == []
    added = layer("penalty", "ActivityRegularization", config={"l2": 0.1})
    assert found(LossAtStart, chain(dense("head"), added), targets=(one,), **fields) == []
    head = dense("head")
    head.config["kernel_regularizer"] = {"class_name": "L2", "config": {"l2": 0.1}}
    assert found(LossAtStart, chain(head), targets=(one,), **fields) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (1.0, 3.1, True),
        (1.0, 3.0, False),
        (0.0, 3.1, False),
        (-1.0, 3.1, False),
        (None, 3.1, False),
        (1.0, None, False),
        (1.0, math.inf, False),
        (1.0, math.nan, False),
    ],
)
def test_losses_that_rise(before, after, told):
    moves = Movement(steps=7, moved=frozenset(), still=frozenset(), loss_before=before, loss_after=after)
    message = "the loss was 1 before the first step, and is 3.1 in the last epoch, after 7 steps"
    expected = [(None, message)] if told else []
    assert found(LossRises, chain(dense("a")), movement=moves) == expected
    assert found(LossRises, chain(dense("a")), movement=moves, targets=(target(),)) == expected
    assert found(LossRises, chain(dense("a")), movement=moves, targets=(target(), target(None))) == []
    mine = definition(model("net", [input_call("x"), call(dense("a"), 0)], [0], [1]))
    mine.root.class_name, mine.root.module, mine.root.registered_name = "Mine", "mine", "x>Mine"
    assert found(LossRises, expand(mine), movement=moves) == []


# -- steps of training --------------------------------------------------------------------------------------------


def moving(graph, *moved, steps=3):
    ids = frozenset(moved)
    return seen(graph, movement=Movement(steps=steps, moved=ids, still=frozenset(graph.variables) - ids))


def around(frozen, *parts):
    inner = model("inner", [input_call("i"), *(call(one, place) for place, one in enumerate(parts))], [0], [len(parts)])
    inner.trainable = not frozen
    return inner


def test_frozen_weights_that_moved():
    graph = chain(dense("a", trainable=False), dense("b"), dense("c", trainable=False))
    (problem,) = FrozenMoves().check(moving(graph, "a@kernel", "b@kernel", "c@kernel"))
    assert (problem.node, problem.related) == ("a", ("c",))
    assert problem.message == "kernel of this frozen layer and 1 more frozen layers changed in 3 steps"
    (problem,) = FrozenMoves().check(moving(graph, "b@kernel", "c@kernel"))
    assert (problem.node, problem.message) == ("c", "kernel of this frozen layer changed in 3 steps")
    assert list(FrozenMoves().check(moving(graph, "b@kernel"))) == []
    for frozen, expected in ((True, ["inner/a"]), (False, [])):
        inside = chain(around(frozen, dense("a")), dense("b"))
        assert [one.node for one in FrozenMoves().check(moving(inside, "inner/a@kernel"))] == expected


def test_a_layer_with_one_trainable_weight_is_not_frozen():
    for trainable, expected in ((True, []), (False, ["a"])):
        mixed = dense("a")
        mixed.variables += layer("spare", size=2).variables
        mixed.variables[1].slot, mixed.variables[1].index = "bias", 1
        mixed.variables[0].trainable, mixed.variables[1].trainable = False, trainable
        assert [one.node for one in FrozenMoves().check(moving(chain(mixed), "a@kernel"))] == expected


def test_trainable_weights_that_stayed():
    graph = chain(dense("a"), dense("b"), dense("c"))
    (problem,) = TrainableStays().check(moving(graph, "b@kernel", steps=2))
    assert (problem.node, problem.related) == ("a", ("c",))
    assert problem.message == "no trainable weight of this and 1 more layers changed in 2 steps"
    (problem,) = TrainableStays().check(moving(graph, "a@kernel", "b@kernel", steps=2))
    assert (problem.node, problem.message) == ("c", "no trainable weight of this layer changed in 2 steps")
    assert list(TrainableStays().check(moving(graph, "b@kernel", steps=1))) == []
    assert list(TrainableStays().check(moving(graph, *graph.variables))) == []


def norm(name="norm", class_name="BatchNormalization", **fields):
    made = layer(name, class_name, **{"config": {"momentum": 0.99}, **fields})
    for place, slot in enumerate(("gamma", "moving_mean", "moving_variance")):
        (one,) = layer("spare", size=2).variables
        one.slot, one.index = slot, place
        made.variables.append(one)
    return made


STATISTICS = ("norm@moving_mean", "norm@moving_variance")


@pytest.mark.parametrize(
    ("one", "moved", "told"),
    [
        (norm(), (), True),
        (norm(), ("norm@gamma",), True),
        (norm(), STATISTICS, False),
        (norm(), STATISTICS[:1], False),
        (norm(), STATISTICS[1:], False),
        (norm(config={"momentum": 1}), (), False),
        (norm(config={}), (), True),
        (norm(trainable=False), (), False),
        (norm(class_name="LayerNormalization"), (), False),
        (layer("norm", "BatchNormalization", 2), (), False),
    ],
)
def test_statistics_that_stayed(one, moved, told):
    message = "the moving statistics of this layer did not change in 2 steps"
    graph = chain(one, dense("a"))
    messages = [(p.node, p.message) for p in StatisticsStay().check(moving(graph, *moved, steps=2))]
    assert messages == ([("norm", message)] if told else [])
    assert list(StatisticsStay().check(moving(graph, *moved, steps=1))) == []
    inside = chain(around(True, one), dense("a"))
    assert list(StatisticsStay().check(moving(inside, *(f"inner/{name}" for name in moved)))) == []
    inside = chain(around(False, one), dense("a"))
    assert len(list(StatisticsStay().check(moving(inside, *(f"inner/{name}" for name in moved))))) == told


def test_statistics_are_all_that_stayed():
    graph = chain(norm(), dense("a"))
    assert [one.node for one in StatisticsStay().check(moving(graph, "norm@gamma", "a@kernel"))] == ["norm"]


def test_several_statistics_that_stayed():
    (problem,) = StatisticsStay().check(moving(chain(norm("one"), norm("other"))))
    assert (problem.node, problem.related) == ("one", ("other",))
    assert problem.message == "the moving statistics of this layer and of 1 more did not change in 3 steps"


# -- several outputs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (SaturatedOutput, {"saturated_wrong": 0.0}, {"saturated_wrong": 0.5}),
        (TargetBeyondActivation, {}, {"given": numbers(maximum=2.0)}),
        (TargetBeyondActivation, {"loss": BINARY}, {"given": numbers(maximum=2.0)}),
        (TargetBeyondActivation, {"loss": None}, {"given": numbers(maximum=2.0)}),
        (UnscaledTarget, {"loss": None}, {"given": numbers(mean=500.0)}),
        (TargetBeyondLoss, {"loss": None}, {"loss": BINARY, "given": numbers(maximum=2.0)}),
        (UnscaledTarget, {"loss": BINARY}, {"given": numbers(mean=500.0)}),
        (UnscaledTarget, {}, {"given": numbers(mean=500.0)}),
        (TargetDistribution, {}, {"loss": DISTRIBUTION, "uneven_rows": 0.5}),
        (TargetDistribution, {"loss": "categorical_hinge"}, {"loss": DISTRIBUTION, "uneven_rows": 0.5}),
        (TargetBeyondLoss, {"loss": BINARY}, {"loss": BINARY, "given": numbers(maximum=2.0)}),
    ],
)
def test_one_output_says_nothing_of_the_next(rule, good, bad):
    calls = [input_call("x"), call(dense("one", "sigmoid"), 0), call(dense("other", "sigmoid"), 0)]
    graph = expand(definition(model("net", calls, [0], [1, 2])))
    graph = seen(graph, targets=(target(output=0, **good), target(output=1, **bad)))
    graph.observations.rows = 8
    assert [one.node for one in rule().check(graph)] == [Tensor("other#0", 0)]
