"""Rules on several models that share variables, on definitions that are written down here, without Keras."""

from __future__ import annotations

import pytest

from graphlint.model.definition import (
    FlagsRead,
    Format,
    FrontEnd,
    ModelDefinition,
    OptimizerDefinition,
    TensorSpec,
    TrainingState,
)
from graphlint.model.expand import expand
from graphlint.model.several import several
from rules.several_models.flag_without_effect import FlagWithoutEffect
from rules.several_models.inputs_of_another_kind import InputsOfAnotherKind
from rules.several_models.sharing_lost_on_saving import SharingLostOnSaving
from rules.several_models.statistics_moved_by_several import StatisticsMovedBySeveral
from rules.several_models.target_is_online import TargetIsOnline
from rules.several_models.trained_by_none import TrainedByNone
from rules.several_models.trained_by_several import TrainedBySeveral
from rules.several_models.trained_elsewhere import TrainedElsewhere
from rules.several_models.trained_since import TrainedSince
from tests.model.definitions import call, input_call, layer, model
from tests.questions.test_kin import file
from tests.rules.test_definitions_of_training import found, held, norm


def member(*parts, begun=None, compiled=True, frozen=False, shape=None, name="net", **state):
    """A model in memory of layers one after another; ``begun`` are the layers for whose variables it trains."""
    calls = [input_call("x"), *(call(one, place) for place, one in enumerate(parts))]
    if shape is not None:
        calls[0].outputs = (TensorSpec(shape, "float32"),)
    root = model(name, calls, [0], [len(parts)])
    root.trainable = not frozen
    for one in (root, *parts):
        one.obj = one.obj or object()
        for variable in one.variables:
            variable.obj = variable.obj or object()
    training = None
    if begun is not None:
        built = frozenset(id(variable.obj) for one in begun for variable in one.variables if variable.trainable)
        given = {"flags_read": FlagsRead.ONCE, "steps": 3, "own_step": False, **state}
        training = TrainingState(begun=True, built_for=built, flags={}, learnable=frozenset(), **given)
    return ModelDefinition(
        root,
        FrontEnd.LIVE,
        Format.LIVE,
        has_weights=True,
        compile_config={"loss": "mse"} if compiled else None,
        optimizer=OptimizerDefinition("Adam", "keras.optimizers", {}) if compiled else None,
        training=training,
    )


def together(**members):
    return expand(several(members))


def messages(rule, **members):
    return [message for _, message in found(rule, together(**members))]


def pair():
    return held("base"), held("one"), held("other")


# -- M002 trained-by-several, M004 sharing-lost-on-saving ---------------------------------------------------------


def test_variables_that_several_models_train():
    base, one, other = pair()
    (problem,) = TrainedBySeveral().check(together(a=member(base, one), b=member(base, other)))
    assert problem.message == (
        "a and b train the same 1 variables (16 parameters), each with an optimizer of its own (Adam, Adam)"
    )
    assert problem.node.endswith("base") and problem.key == "a b"
    assert messages(TrainedBySeveral, a=member(base, one), b=member(base, other, compiled=False)) == []
    assert messages(TrainedBySeveral, a=member(one), b=member(other)) == []
    assert messages(TrainedBySeveral, a=member(base, one), b=member(base, other, begun=[other])) == []
    assert len(messages(TrainedBySeveral, a=member(base, one), b=member(base, other, begun=[base, other]))) == 1
    same = member(base)
    assert messages(TrainedBySeveral, a=same, b=same) == []


def test_sharing_that_files_do_not_keep():
    base, one, other = pair()
    third = held("third")
    (message,) = messages(SharingLostOnSaving, a=member(base, one), b=member(base, other))
    assert message.startswith("a, b share 1 variables (16 parameters)") and message.endswith("16 parameters more")
    (message,) = messages(SharingLostOnSaving, a=member(base, one), b=member(base, other), c=member(base, third))
    assert message.startswith("a, b, c share 1 variables (16 parameters)") and message.endswith("32 parameters more")
    assert messages(SharingLostOnSaving, a=member(one), b=member(other)) == []
    same = member(base)
    assert messages(SharingLostOnSaving, a=same, b=same) == []


# -- M003 trained-by-none, M007 trained-elsewhere -----------------------------------------------------------------


def test_variables_that_no_model_trains():
    base, one, other = pair()
    text = "none of the models trains 1 trainable variables of {} (16 parameters)"
    assert messages(TrainedByNone, a=member(base, begun=[]), b=member(other)) == [text.format("a")]
    assert messages(TrainedByNone, a=member(base, compiled=False), b=member(other)) == [text.format("a")]
    assert messages(TrainedByNone, a=member(base), b=member(other)) == []
    assert messages(TrainedByNone, a=member(base, compiled=False), b=member(other, compiled=False)) == []
    frozen = held("base", frozen=True)
    assert messages(TrainedByNone, a=member(frozen, compiled=False), b=member(other)) == []
    twice = {"a": member(base, compiled=False), "b": member(base, one, compiled=False), "c": member(other)}
    assert messages(TrainedByNone, **twice) == [text.format("a"), text.format("b")]
    assert messages(TrainedByNone, a=member(base, begun=[], own_step=True), b=member(other)) == []
    assert messages(TrainedByNone, a=member(base, one, begun=[one], own_step=True), b=member(other)) == [
        text.format("a")
    ]


def test_variables_that_another_model_trains():
    base, one, other = pair()
    (problem,) = TrainedElsewhere().check(together(a=member(base, one, begun=[one]), b=member(base, other)))
    assert problem.message == "a began to train with 16 parameters frozen that b trains" and problem.key == "a b"
    assert messages(TrainedElsewhere, a=member(base, one, begun=[base, one]), b=member(base, other)) == []
    assert messages(TrainedElsewhere, a=member(base, one, begun=[]), b=member(base, other)) == []
    assert messages(TrainedElsewhere, a=member(base, one), b=member(base, other)) == []
    assert messages(TrainedElsewhere, a=member(base, one, begun=[one]), b=member(base, other, compiled=False)) == []
    assert messages(TrainedElsewhere, a=member(base, one, begun=[one], own_step=True), b=member(base, other)) == []
    assert messages(TrainedElsewhere, a=member(base, one, begun=[one]), b=member(other)) == []


def test_flags_that_changed_after_training_began():
    base, one, other = pair()
    for read, start in ((FlagsRead.ONCE, "a read the flags"), (FlagsRead.EACH_FIT, "the optimizer of a was built")):
        told = messages(
            FlagWithoutEffect, a=member(base, one, begun=[one], flags_read=read), b=member(base, compiled=False)
        )
        assert len(told) == 1 and told[0].startswith(f"{start} when it began to train: since then 16 parameters")
        assert "which it shares with b, are trainable now" in told[0]
    assert messages(FlagWithoutEffect, a=member(base, one, begun=[one]), b=member(base, other)) == []
    assert messages(FlagWithoutEffect, a=member(base, one, begun=[base, one]), b=member(base, compiled=False)) == []
    assert messages(FlagWithoutEffect, a=member(base, one, begun=[one]), b=member(other, compiled=False)) == []


# -- M005 target-is-online ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "target"),
    [
        (("q", "target"), "target"),
        (("target_q", "q"), "target_q"),
        (("q", "q_target"), "q_target"),
        (("q", "targetnet"), "targetnet"),
        (("q", "TargetModel"), "TargetModel"),
        (("q", "teacher2"), "teacher2"),
        (("q", "ema"), "ema"),
        (("q", "momentum"), "momentum"),
        (("q", "reference"), "reference"),
        (("q", "cinema"), None),
        (("target", "teacher"), None),
        (("q", "other"), None),
    ],
)
def test_targets_that_move_with_what_they_are_a_target_of(names, target):
    base = held("base")
    one = member(base)
    told = messages(TargetIsOnline, **{names[0]: one, names[1]: member(base)})
    alone = messages(TargetIsOnline, **{names[0]: one, names[1]: one})
    if target is None:
        assert told == alone == []
    else:
        (online,) = set(names) - {target}
        assert told == [f"{target} holds the same variables as {online}: all 16 parameters move with it"]
        assert alone == [f"{target} is the same object as {online}: all 16 parameters move with it"]
    assert messages(TargetIsOnline, **{names[0]: one, names[1]: member(base, held("more"))}) == []
    relu = layer("relu", "ReLU")
    assert messages(TargetIsOnline, **{names[0]: member(relu), names[1]: member(layer("r", "ReLU"))}) == []


# -- M006 statistics-moved-by-several, M008 inputs-of-another-kind, M009 trained-since ----------------------------


def test_statistics_that_several_models_move():
    one = norm()
    told = messages(StatisticsMovedBySeveral, a=member(one, held("h")), b=member(one, held("i")))
    assert told == ["a, b move the statistics of one normalisation that they share"]
    two = norm("n2")
    told = messages(StatisticsMovedBySeveral, a=member(one, two, held("h")), b=member(one, two, held("i")))
    assert told == ["a, b move the statistics of 2 normalisations that they share"]
    assert messages(StatisticsMovedBySeveral, a=member(one), b=member(one, held("i"), compiled=False)) == []
    assert messages(StatisticsMovedBySeveral, a=member(norm()), b=member(norm())) == []
    still = norm(frozen=True)
    assert messages(StatisticsMovedBySeveral, a=member(still, held("h")), b=member(still, held("i"))) == []


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ((None, 4), (None, 4), False),
        ((None, 4), (None, 5), True),
        ((None, 8, 4), (None, 9, 4), False),
        ((None, 8, 4), (None, 4), True),
        (None, (None, 4), False),
    ],
)
def test_inputs_of_another_shape(first, second, told):
    base = held("base")
    shapes = [TensorSpec(first, "float32"), TensorSpec(second, "float32")]
    members = [member(base, held(name)) for name in "hi"]
    for one, spec in zip(members, shapes, strict=True):
        one.root.body.calls[0].outputs = (spec,)
    problems = list(InputsOfAnotherKind().check(together(a=members[0], b=members[1])))
    assert len(problems) == told
    for one in problems:
        assert one.message.startswith("receives (") and " in a, and (" in one.message and one.key == "b"


def test_inputs_of_another_scale():
    base = held("base")
    (message,) = messages(
        InputsOfAnotherKind, a=member(layer("s", "Rescaling"), base, held("h")), b=member(base, held("i"))
    )
    assert message == "receives (?, 4) float32 after Rescaling in a, and (?, 4) float32 in b"
    scaled = [member(layer(f"s{name}", "Rescaling"), base, held(name)) for name in "hi"]
    assert messages(InputsOfAnotherKind, a=scaled[0], b=scaled[1]) == []
    after = [member(base, base_two, held(name)) for base_two in [held("second")] for name in "hi"]
    assert messages(InputsOfAnotherKind, a=after[0], b=after[1]) == []


def test_layers_that_were_trained_since():
    def told(a, b):
        return [(one.message, one.key) for one in TrainedSince().check(expand(several({"a": a, "b": b})))]

    text = "a and b have equal weights in 1 layers (16 parameters), and {}"
    assert told(file({"one": 1, "two": 2}), file({"one": 1, "two": 3})) == [(text.format("one layer differs"), "a b")]
    assert told(file({"one": 1, "two": 2, "c": 4}), file({"one": 1, "two": 3, "c": 5})) == [
        (text.format("2 layers differ"), "a b")
    ]
    frozen = file({"one": 1, "two": 3}, frozen=("one",))
    assert told(file({"one": 1, "two": 2}), frozen) == [
        (text.format("one layer differs, where the rest is frozen"), "a b")
    ]
    assert told(file({"one": 1}), file({"one": 1})) == []
