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
from rules.several_models.frozen_for_another import FrozenForAnother
from rules.several_models.inputs_of_another_kind import InputsOfAnotherKind
from rules.several_models.sharing_lost_on_saving import SharingLostOnSaving
from rules.several_models.statistics_moved_by_several import StatisticsMovedBySeveral
from rules.several_models.target_is_online import TargetIsOnline
from rules.several_models.trained_by_none import TrainedByNone
from rules.several_models.trained_by_several import TrainedBySeveral
from rules.several_models.trained_elsewhere import TrainedElsewhere
from rules.several_models.trained_since import TrainedSince
from rules.trainable.optimizer_mismatch import OptimizerMismatch
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


def whole(rule, **members):
    """All that a rule says: node, message, related, key and severity."""
    problems = rule().check(together(**members))
    return [(one.node, one.message, one.related, one.key, one.severity) for one in problems]


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


# -- M001 frozen-for-another --------------------------------------------------------------------------------------


def gan(*, begun=None, own=False, lost=("d",), flagged=(), steps=(3, 3), frozen=True, compiled=True, **state):
    """A discriminator that was compiled while layers were trainable, and a model compiled with them frozen.

    ``begun`` are the layers that the discriminator trains, ``flagged`` those that were frozen when it was compiled.
    """
    parts = [held(name, frozen=frozen) for name in lost]
    others = [held("head")] if own else []
    generator = held("g")
    first = member(*parts, *others, begun=[] if begun is None else begun, compiled=compiled, name="disc", **state)
    second = member(generator, *parts, begun=[generator], name="gan")
    for one, steps_ in zip((first, second), steps, strict=True):
        every = [*parts, *others, generator]
        one.training.learnable = frozenset(id(variable.obj) for part in every for variable in part.variables)
        one.training.steps = steps_
    first.training.flags = {id(part.obj): part.name not in flagged for part in (*parts, *others)}
    second.training.flags = {id(part.obj): False for part in parts} | {id(generator.obj): True}
    first.training.begun = begun is not None
    return {"disc": first, "gan": second}


def built(models, *names):
    """The models, where the first has begun to train these layers of its own before they were frozen."""
    first = models["disc"]
    layers = [one for one in first.root.body.layers if one.name in names]
    first.training.built_for = frozenset(id(variable.obj) for one in layers for variable in one.variables)
    return models


LATER = "disc was compiled to train 16 parameters that are frozen now for gan: "
AGAIN = f"{LATER}its flags are read on each step, and it trains them only while they are trainable"


def test_layers_that_are_frozen_before_a_first_batch():
    told = [("disc:", f"{LATER}it would train 0 in all", ("disc:d",), "disc gan", None)]
    assert whole(FrozenForAnother, **gan()) == told
    (problem,) = FrozenForAnother().check(together(**gan()))
    assert problem.hint.startswith("Train disc on one batch before freezing its layers for gan")
    told = ("disc:", f"{LATER}it would train 16 in all", ("disc:d",), "disc gan", None)
    assert whole(FrozenForAnother, **gan(own=True)) == [told]
    (problem,) = FrozenForAnother().check(together(**gan(own=True)))
    assert problem.hint.startswith("Train disc on one batch before freezing its layers for gan")
    ((_, message, related, _, _),) = whole(FrozenForAnother, **gan(lost=("d", "e"), own=True))
    assert message.startswith("disc was compiled to train 32 parameters") and related == ("disc:d", "disc:e")
    names = [f"d{place}" for place in range(12)]
    ((_, _, related, _, _),) = whole(FrozenForAnother, **gan(lost=names, own=True))
    assert related == tuple(f"disc:{name}" for name in names[:10])
    assert whole(FrozenForAnother, **gan(frozen=False)) == whole(FrozenForAnother, **gan(compiled=False)) == []
    assert whole(FrozenForAnother, **gan(flagged=("d",))) == whole(FrozenForAnother, **gan(own_step=True)) == []
    alone = gan()
    assert whole(FrozenForAnother, disc=alone["disc"]) == []
    alone["gan"].compile_config = alone["gan"].optimizer = None
    assert whole(FrozenForAnother, **alone) == []


def test_layers_that_are_frozen_after_a_first_batch():
    none = "disc was compiled to train 16 parameters that are frozen for gan: its flags were read meanwhile, and it"
    ((node, message, _, _, severity),) = whole(FrozenForAnother, **gan(begun=[]))
    assert (node, message, severity) == ("disc:", f"{none} trains none", None)
    (problem,) = FrozenForAnother().check(together(**gan(begun=[])))
    assert problem.hint.startswith("Train disc on one batch")
    for read, message in (
        (FlagsRead.EACH_STEP, AGAIN),
        (FlagsRead.EACH_FIT, f"{LATER}it trains them only while they are trainable, and raises otherwise"),
    ):
        models = built(gan(begun=[], own=True, flags_read=read), "head")
        assert whole(FrozenForAnother, **models) == [("disc:", message, ("disc:d",), "disc gan", "info")]
        (problem,) = FrozenForAnother().check(together(**models))
        assert problem.hint == "Set trainable before each batch: True for disc, and False for gan."
    assert whole(FrozenForAnother, **built(gan(begun=[], own=True), "head")) == []


@pytest.mark.parametrize(
    ("mine", "others", "severity"),
    [(3, 30, "info"), (3, 31, None), (0, 10, "info"), (0, 11, None), (1, 10, "info"), (1, 11, None), (5, 5, "info")],
)
def test_a_model_that_was_left_behind(mine, others, severity):
    models = built(gan(begun=[], own=True, flags_read=FlagsRead.EACH_STEP, steps=(mine, others)), "head")
    first = member(held("first"), begun=[], steps=999)
    told = whole(FrozenForAnother, first=first, **models, last=member(held("last"), begun=[], steps=999))
    assert [(message, one) for _, message, _, _, one in told] == [(AGAIN, severity)]


# -- what findings name: node, related, key -----------------------------------------------------------------------


COPIES = "saved each by itself they are separate after loading, with"


def rows(count, name="d", **fields):
    return [held(f"{name}{place}", **fields) for place in range(count)]


def paths(model, parts):
    return tuple(f"{model}:{one.name}" for one in parts)


def test_shared_variables_in_words():
    many, one, other = rows(12), held("one"), held("other")
    assert whole(TrainedBySeveral, a=member(*many, one), b=member(*many, other)) == [
        (
            "a:d0",
            "a and b train the same 12 variables (192 parameters), each with an optimizer of its own (Adam, Adam)",
            paths("a", many[1:10]),
            "a b",
            None,
        )
    ]
    assert whole(SharingLostOnSaving, a=member(*many, one), b=member(*many, other)) == [
        (
            "a:d0",
            f"a, b share 12 variables (192 parameters): {COPIES} 192 parameters more",
            paths("a", many[1:10]),
            "",
            None,
        )
    ]
    assert whole(TrainedByNone, a=member(*many, compiled=False), b=member(other)) == [
        (
            "a:d0",
            "none of the models trains 12 trainable variables of a (192 parameters)",
            paths("a", many[1:10]),
            "a",
            None,
        )
    ]
    assert whole(TrainedElsewhere, a=member(*many, one, begun=[one]), b=member(*many, other)) == [
        (
            "a:d0",
            "a began to train with 192 parameters frozen that b trains",
            ("a:", *paths("a", many[1:10])),
            "a b",
            None,
        )
    ]
    norms = [norm(f"n{place}") for place in range(12)]
    assert whole(StatisticsMovedBySeveral, a=member(*norms, one), b=member(*norms, other)) == [
        ("a:n0", "a, b move the statistics of 12 normalisations that they share", paths("a", norms[1:10]), "a b", None)
    ]


def test_three_models_that_train_one_layer():
    base, two = held("base"), held("two")
    text = "train the same 1 variables (16 parameters), each with an optimizer of its own"
    a, b, c = member(base, held("h")), member(base, two, held("i")), member(base, two, held("j"))
    assert [(node, message, key) for node, message, _, key, _ in whole(TrainedBySeveral, a=a, b=b, c=c)] == [
        ("a:base", f"a, b and c {text} (Adam, Adam, Adam)", "a b c"),
        ("b:two", f"b and c {text} (Adam, Adam)", "b c"),
    ]
    again = whole(TrainedBySeveral, a=a, again=a, b=b)
    assert [message for _, message, _, _, _ in again] == [f"a and b {text} (Adam, Adam)"]
    idle = member(base, held("k"), compiled=False)
    a.optimizer = None
    assert [message for _, message, _, _, _ in whole(TrainedBySeveral, x=idle, a=a, b=b)] == [f"a and b {text} (Adam)"]
    ((_, message, _, _, _),) = whole(SharingLostOnSaving, a=a, again=a, c=idle)
    assert message == f"a, again, c share 1 variables (16 parameters): {COPIES} 16 parameters more"


def test_three_models_that_move_one_normalisation():
    first, second = norm("n1"), norm("n2")
    models = {"a": member(first, held("h")), "b": member(first, second, held("i")), "c": member(second, held("j"))}
    assert [(node, message, key) for node, message, _, key, _ in whole(StatisticsMovedBySeveral, **models)] == [
        ("a:n1", "a, b move the statistics of one normalisation that they share", "a b"),
        ("b:n2", "b, c move the statistics of one normalisation that they share", "b c"),
    ]
    same = models["a"]
    assert whole(StatisticsMovedBySeveral, a=same, again=same) == []


def test_which_models_are_trained_elsewhere():
    base, one, other, third = held("base"), held("one"), held("other"), held("third")
    a, b, c = member(base, one, begun=[one]), member(base, other), member(base, third, begun=[base])
    told = whole(TrainedElsewhere, x=member(held("x"), compiled=False), y=member(base, begun=[]), a=a, b=b, c=c)
    assert [(message, key) for _, message, _, key, _ in told] == [
        ("a began to train with 16 parameters frozen that b trains", "a b"),
        ("a began to train with 16 parameters frozen that c trains", "a c"),
    ]
    assert whole(TrainedElsewhere, a=a, again=a, b=member(other)) == []


def test_variables_that_none_of_several_trains():
    parts = [held(name) for name in "abcd"]
    models = {
        "one": member(parts[0], parts[1], compiled=False),
        "two": member(parts[1], parts[2], compiled=False),
        "three": member(parts[3], held("e")),
    }
    text = "none of the models trains {} trainable variables of {} ({} parameters)"
    assert [(node, message, key) for node, message, _, key, _ in whole(TrainedByNone, **models)] == [
        ("one:a", text.format(2, "one", 32), "one"),
        ("two:c", text.format(1, "two", 16), "two"),
    ]


# -- M002 flag-without-effect -------------------------------------------------------------------------------------

ONCE = "a read the flags when it began to train: since then 16 parameters, which it shares with b, are"
ONLY_BUILT = (
    "the optimizer of a was built when it began to train: since then 16 parameters, which it shares with b, are"
)
RAISES = "it raises when it trains, as its optimizer was built for others"


def changed_flags(read, *, frozen, count=1, also=()):
    """A model that began to train with layers whose flags are the opposite now, and one that holds them as well."""
    bases, head = rows(count, frozen=frozen), held("head")
    begun = member(*bases, head, begun=[head], flags_read=read)
    if frozen:
        begun.training.built_for |= {id(variable.obj) for base in bases for variable in base.variables}
    return {"a": begun, "b": member(*bases, compiled=False), **{one: member(*bases, compiled=False) for one in also}}


@pytest.mark.parametrize(
    ("read", "frozen", "message"),
    [
        (FlagsRead.ONCE, True, f"{ONCE} frozen now, and it goes on training them"),
        (FlagsRead.ONCE, False, f"{ONCE} trainable now, and neither it nor another of the models trains them"),
        (FlagsRead.EACH_FIT, True, f"{ONLY_BUILT} frozen now, and {RAISES}"),
        (FlagsRead.EACH_FIT, False, f"{ONLY_BUILT} trainable now, and {RAISES}"),
        (FlagsRead.EACH_STEP, True, None),
        (FlagsRead.EACH_STEP, False, f"{ONLY_BUILT} trainable now, and {RAISES}"),
    ],
)
def test_flags_that_changed_too_late(read, frozen, message):
    told = whole(FlagWithoutEffect, **changed_flags(read, frozen=frozen))
    expected = [] if message is None else [("a:", message, ("a:d0",), message.partition("b, ")[2], None)]
    assert told == expected
    for one in FlagWithoutEffect().check(together(**changed_flags(read, frozen=frozen))):
        assert one.hint == "Compile a again after changing trainable."


def test_flags_of_many_layers_and_models():
    models = changed_flags(FlagsRead.ONCE, frozen=True, count=12, also=("c",))
    ((_, message, related, _, _),) = whole(FlagWithoutEffect, **models)
    assert "since then 192 parameters, which it shares with b, c, are frozen now" in message
    assert related == tuple(f"a:d{place}" for place in range(10))
    alone = changed_flags(FlagsRead.ONCE, frozen=True)
    assert whole(FlagWithoutEffect, a=alone["a"], b=member(held("else"), compiled=False)) == []


# -- M009 target-is-online ----------------------------------------------------------------------------------------


def test_targets_in_words():
    base, other = held("base"), held("other")
    one, two = member(base), member(base)
    hint = "Make target with keras.models.clone_model(q), and copy its weights."
    for order in (("q", "target"), ("target", "q")):
        graph = together(**dict(zip(order, (one, two), strict=True)))
        (problem,) = TargetIsOnline().check(graph)
        assert (problem.node, problem.related, problem.key) == ("target:", ("q:",), "target q")
        assert problem.hint == hint
    (problem,) = TargetIsOnline().check(together(q=one, target=one))
    assert problem.related == () and problem.hint == hint
    models = {"first": member(other), "q": one, "second": member(held("s")), "target": two, "third": member(held("t"))}
    assert [(node, key) for node, _, _, key, _ in whole(TargetIsOnline, **models)] == [("target:", "target q")]
    models = {"q": one, "p": member(base), "target": two}
    assert [key for _, _, _, key, _ in whole(TargetIsOnline, **models)] == ["target q", "target p"]
    empty = {"q": member(layer("r", "ReLU")), "target": member(layer("r", "ReLU")), "p": one, "ema": two}
    assert [key for _, _, _, key, _ in whole(TargetIsOnline, **empty)] == ["ema p"]


# -- M008 inputs-of-another-kind ----------------------------------------------------------------------------------


def receiving(shape, *parts, dtype="float32", last="h"):
    """A model of layers one after another on an input of a shape."""
    one = member(*parts, held(last))
    one.root.body.calls[0].outputs = (TensorSpec(shape, dtype),)
    return one


def received(**members):
    return [(node, message, key) for node, message, _, key, _ in whole(InputsOfAnotherKind, **members)]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (((None, 4), "float32"), ((None, 4), "int32"), "(?, 4) float32 in a, and (?, 4) int32 in b"),
        (((8, 4), "float32"), ((None, 4), "float32"), None),
        (((None, 8, 4), "float32"), ((None, 9, 5), "float32"), "(?, ?, 4) float32 in a, and (?, ?, 5) float32 in b"),
        (((None, None), "float32"), ((None, 4), "float32"), "(?, ?) float32 in a, and (?, 4) float32 in b"),
        (((), "float32"), ((None,), "float32"), "() float32 in a, and (?,) float32 in b"),
        (((), "float32"), ((), "float32"), None),
        ((None, "float32"), ((None, 5), "float32"), None),
        (((None, 5), "float32"), (None, "float32"), None),
    ],
)
def test_what_a_shared_layer_receives(first, second, message):
    base = held("base")
    (one, ours), (other, theirs) = first, second
    models = {"a": receiving(one, base, dtype=ours), "b": receiving(other, base, dtype=theirs, last="i")}
    told = whole(InputsOfAnotherKind, **models)
    sites = ("a:base#0", "b:base#0")
    assert told == ([] if message is None else [("a:base", f"receives {message}", sites, "b", None)])


def test_what_three_models_give_to_one_layer():
    base = held("base")
    four, five, six, unknown = (receiving(shape, base) for shape in ((None, 4), (None, 5), (None, 6), None))
    text = "receives (?, 4) float32 in a, and (?, {}) float32 in {}"
    assert received(a=four, b=five, c=six) == [("a:base", text.format(5, "b"), "b")]
    assert received(a=four, b=receiving((None, 4), base), c=six) == [("a:base", text.format(6, "c"), "c")]
    assert received(a=four, b=unknown, c=six) == [("a:base", text.format(6, "c"), "c")]
    assert received(a=unknown, b=four, c=six) == []
    assert received(a=four, b=receiving((None, 4), held("own")), c=six) == [("a:base", text.format(6, "c"), "c")]
    constant = member(base)
    constant.root.body.calls[1].args = ()
    assert received(a=four, b=constant, c=six) == [("a:base", text.format(6, "c"), "c")]


def test_what_comes_before_a_shared_layer():
    base = held("base")
    both = receiving((None, 4), layer("s", "Rescaling"), layer("n", "Normalization"), base)
    plain = receiving((None, 4), layer("relu", "ReLU"), base)
    text = "receives (?, 4) float32{} in a, and (?, 4) float32{} in b"
    assert received(a=both, b=plain) == [("a:base", text.format(" after Rescaling, Normalization", ""), "b")]
    assert received(a=plain, b=both) == [("a:base", text.format("", " after Rescaling, Normalization"), "b")]
    twice = receiving((None, 4), layer("s", "Rescaling"), layer("t", "Rescaling"), base)
    once = receiving((None, 4), layer("s", "Rescaling"), base)
    assert received(a=twice, b=once) == []
    late = receiving((None, 4), base, layer("s", "Rescaling"))
    assert received(a=plain, b=late) == []


def test_layers_after_another_that_is_shared():
    first, second, third = held("first"), held("second"), held("third")

    def both(shape, *between):
        calls = [input_call("x"), input_call("y"), call(first, 0)]
        for one in (*between, second):
            calls.append(call(one, len(calls) - 1))
        calls[-2].outputs = (TensorSpec(shape, "float32"),)
        calls += [call(third, 1), call(layer("add", "Add"), len(calls) - 1, len(calls))]
        calls[1].outputs = (TensorSpec(shape, "float32"),)
        root = model("net", calls, [0, 1], [len(calls) - 1])
        return ModelDefinition(root, FrontEnd.LIVE, Format.LIVE, has_weights=True)

    text = "receives (?, 4) float32 in a, and (?, 5) float32 in b"
    for between in ((), ("own",), ("own", "more")):
        a, b = (both((None, size), *(held(f"{name}{size}") for name in between)) for size in (4, 5))
        for definition in (a, b):
            for one in definition.root.body.layers:
                one.obj = one.obj or object()
                for variable in one.variables:
                    variable.obj = variable.obj or object()
        assert received(a=a, b=b) == [("a:third", text, "b")]


def around(one, *before, shape=(None, 4), name="outer"):
    """A model with other layers around one that is called whole."""
    outer = member(*before, one.root, name=name)
    outer.root.body.calls[0].outputs = (TensorSpec(shape, "float32"),)
    return outer


def test_a_model_around_the_one_that_was_trained():
    base = held("base")
    inner = receiving((None, 4), base)
    exported = around(inner, layer("s", "Rescaling"))
    assert received(a=inner, b=exported) == received(a=exported, b=inner) == []
    twice = around(around(inner, name="mid"), layer("s", "Rescaling"))
    assert received(a=inner, b=twice) == received(a=twice, b=inner) == []
    apart = receiving((None, 4), layer("s", "Rescaling"), base, last="i")
    text = "receives (?, 4) float32 in a, and (?, 4) float32 after Rescaling in b"
    assert received(a=inner, b=apart) == [("a:base", text, "b")]
    beside = {"a": inner, "b": exported, "c": apart}
    assert [key for _, _, key in received(**beside)] == ["c"]


def test_flags_for_another_model_are_no_mismatch():
    models = built(gan(begun=[], own=True), "d", "head")
    graph = together(**models)
    first, second = graph.members
    assert OptimizerMismatch().settled(graph, first) is True
    assert OptimizerMismatch().settled(graph, second) is False
    assert list(OptimizerMismatch().check(graph)) == []


def test_which_calls_of_which_layers_are_compared():
    relu, base = layer("relu", "ReLU"), held("base")
    relu.obj = object()
    models = {name: receiving((None, size), relu, last=name) for name, size in (("a", 4), ("b", 5))}
    assert received(**models) == []
    calls = [input_call("x"), input_call("y"), call(base, 0), call(base, 1), call(layer("sum", "Add"), 2, 3)]
    calls[1].outputs = (TensorSpec((None, 5), "float32"),)
    twice = member(base)
    twice.root.body = model("net", calls, [0, 1], [4]).body
    assert received(a=twice, b=receiving((None, 4), base)) == received(a=receiving((None, 4), base), b=twice) == []
    assert len(received(a=twice, b=receiving((None, 5), base))) == 1


def test_which_files_were_trained_since():
    def told(**files):
        return [(one.node, one.related, one.key) for one in TrainedSince().check(expand(several(files)))]

    one = file({"one": 1, "two": 2})
    both = [("b:two", ("a:two", "b:two"), "a b")]
    assert told(a=one, b=file({"one": 1, "two": 3})) == both
    assert told(x=file({"z": 8}), y=file({"z": 8}), a=one, b=file({"one": 1, "two": 3})) == both
    many = {f"l{place}": 10 + place for place in range(7)}
    moved = {name: seed + 50 for name, seed in many.items()}
    ((_, related, _),) = told(a=file({"one": 1, **many}), b=file({"one": 1, **moved}))
    assert related == tuple(f"{name}:l{place}" for place in range(5) for name in "ab")


def test_what_comes_after_a_layer_that_only_one_model_calls():
    first, second = held("first"), held("second")
    a, b = receiving((None, 4), first, second), receiving((None, 5), second, last="i")
    b.root.body.layers.append(first)
    for one in a.root.body.calls:
        one.outputs = (TensorSpec((None, 4), "float32"),)
    assert received(a=a, b=b) == [("a:second", "receives (?, 4) float32 in a, and (?, 5) float32 in b", "b")]


def test_what_comes_after_a_shared_layer_in_one_of_the_models():
    first, second = held("first"), held("second")
    calls = [input_call("x"), call(first, 0), call(second, 0), call(layer("sum", "Add"), 1, 2)]
    apart = member(first, second)
    apart.root.body = model("net", calls, [0], [3]).body
    calls[0].outputs = (TensorSpec((None, 5), "float32"),)
    chained = receiving((None, 5), first, second)
    assert received(a=chained, b=apart) == received(a=apart, b=chained) == []
