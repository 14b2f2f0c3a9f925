"""Rules on frozen layers and stored numbers, on definitions that are written down here, without Keras."""

from __future__ import annotations

import pytest

from graphlint.model.definition import (
    Body,
    CallDefinition,
    FlagsRead,
    FrontEnd,
    LayerDefinition,
    ModelDefinition,
    OptimizerDefinition,
    TensorRef,
    TensorSpec,
    TrainingState,
    VariableDefinition,
)
from graphlint.model.expand import expand
from rules.numbers.batchnorm_never_updated import BatchnormNeverUpdated
from rules.numbers.constant_kernel import ConstantKernel
from rules.numbers.huge_weight import HugeWeight
from rules.numbers.negative_variance import NegativeVariance
from rules.numbers.non_finite import NonFinite
from rules.trainable.hardcoded_training import HardcodedTraining
from rules.trainable.live_batchnorm_in_frozen_backbone import LiveBatchnormInFrozenBackbone
from rules.trainable.nothing_trainable import NothingTrainable
from rules.trainable.optimizer_mismatch import OptimizerMismatch
from rules.trainable.shared_freeze import SharedFreeze
from rules.trainable.trainable_leak import TrainableLeak
from rules.trainable.training_fixed_in_code import TrainingFixedInCode
from tests.model.definitions import SPEC, call, input_call, layer, model
from tests.questions.test_statistics import Stored

NAN, INFINITE = float("nan"), float("inf")


def held(name, class_name="Dense", /, *, frozen=False, values=None, shapes=((4, 4),), slots=("kernel",), **config):
    """A layer with variables of some slots; their numbers by slot in ``values``."""
    made = layer(name, class_name, config=config, trainable=not frozen)
    for place, (slot, shape) in enumerate(zip(slots, shapes, strict=True)):
        still = frozen or slot in ("moving_mean", "moving_variance", "mean", "variance")
        stored = None if values is None or slot not in values else Stored(values[slot])
        shape = shape if stored is None else stored.numbers.shape
        dtype = "float32" if stored is None else str(stored.numbers.dtype)
        one = VariableDefinition(slot, place, shape, dtype=dtype, trainable=not still, values=stored)
        made.variables.append(one)
    return made


def waiting(name, class_name="Dense", **fields):
    """A layer without variables, which has some once it is built."""
    return layer(name, class_name, config={"units": 2}, **fields)


NORM = ("gamma", "moving_mean", "moving_variance")


def norm(name="norm", /, *, class_name="BatchNormalization", frozen=False, mean=None, variance=None, **config):
    values = {"moving_mean": mean, "moving_variance": variance}
    given = {slot: numbers for slot, numbers in values.items() if numbers is not None}
    return held(name, class_name, frozen=frozen, values=given, shapes=((2,),) * 3, slots=NORM, **config)


def inside(name, *parts, frozen=False):
    """A nested model of layers one after another."""
    made = model(name, [input_call("i"), *(call(one, place) for place, one in enumerate(parts))], [0], [len(parts)])
    made.trainable = not frozen
    return made


def graph_of(*parts, calls=None, outputs=None, frozen=False, steps=None, optimizer=None, **fields):
    """A model of layers one after another, or of calls."""
    calls = calls or [input_call("x"), *(call(one, place) for place, one in enumerate(parts))]
    root = model("net", calls, [0], outputs or [len(calls) - 1])
    root.trainable = not frozen
    if steps is not None:
        count = VariableDefinition("0", 0, (), dtype="int64", trainable=False, values=Stored(steps))
        optimizer = OptimizerDefinition("SGD", "keras.optimizers", {}, variables=[count])
    front_end = fields.pop("front_end", FrontEnd.STATIC)
    format_ = fields.pop("format", "keras")
    made = ModelDefinition(root, front_end, format_, **{"has_weights": True, "optimizer": optimizer, **fields})
    return expand(made)


def found(rule, graph):
    return [(one.node, one.message) for one in rule().check(graph)]


def nodes(rule, graph):
    return [one.node for one in rule().check(graph)]


def passed(target, *sources, **kwargs):
    return CallDefinition(target, tuple(TensorRef(one, 0) for one in sources), kwargs, outputs=(SPEC,))


# -- T001 trainable-leak ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (inside("inner", held("a"), frozen=True), ["inner"]),
        (inside("inner", held("a")), []),
        (inside("inner", held("a", frozen=True), frozen=True), []),
        (inside("outer", inside("inner", held("a"), frozen=True)), ["outer/inner"]),
        (inside("outer", inside("inner", held("a"), frozen=True), frozen=True), ["outer"]),
        (
            inside("outer", inside("one", held("a"), frozen=True), inside("two", held("b"), frozen=True)),
            ["outer/one", "outer/two"],
        ),
        (layer("wrap", "TimeDistributed", trainable=False, children={"layer": held("a")}), ["wrap"]),
        (held("a", frozen=True), []),
    ],
)
def test_trainable_layers_in_frozen_models(part, expected):
    assert nodes(TrainableLeak, graph_of(part, held("end"))) == expected
    assert nodes(TrainableLeak, graph_of(part, held("end"), frozen=True)) == []


def test_what_leaks_in_words():
    (problem,) = TrainableLeak().check(
        graph_of(inside("inner", held("a"), held("b", frozen=True), held("c"), frozen=True))
    )
    assert problem.message.startswith("trainable=False, but 2 of the layers inside, with 32 parameters, are trained")
    assert problem.related == ("inner/a", "inner/c") and problem.fix.edits[0].layers == ("inner",)
    own = inside("inner", held("b", frozen=True), frozen=True)
    own.variables = held("spare").variables
    assert nodes(TrainableLeak, graph_of(own)) == []


def test_what_will_leak_once_it_is_built():
    def graph(inner, **fields):
        calls = [input_call("x"), call(inner, 0)]
        for one in (*calls, *inner.body.calls):
            one.outputs = (TensorSpec(None, None),)
        return graph_of(calls=calls, **fields)

    open_ = inside("inner", waiting("a"), waiting("b", trainable=False), waiting("relu", "ReLU"), frozen=True)
    (problem,) = TrainableLeak().check(graph(open_))
    assert (problem.node, problem.related) == ("inner", ("inner/a",))
    assert problem.message.startswith("trainable=False, but 1 of the layers inside will be trained")
    assert list(TrainableLeak().check(graph(inside("inner", waiting("b", trainable=False), frozen=True)))) == []
    assert list(TrainableLeak().check(graph(inside("inner", waiting("a"))))) == []


# -- T002 live-batchnorm-in-frozen-backbone -----------------------------------------------------------------------


def backbone(frozen, live=(), name="inner", **fields):
    return inside(name, *(held(f"d{place}", frozen=True) for place in range(frozen)), *live, **fields)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (backbone(8, [norm(), held("own")]), ["inner"]),
        (backbone(7, [norm(), held("own")]), []),
        (backbone(8, [norm()]), []),
        (backbone(8, [norm(frozen=True), held("own")]), []),
        (backbone(8, [norm(class_name="LayerNormalization"), held("own")]), []),
        (backbone(8, [held("one"), held("other")]), []),
        (inside("outer", backbone(8, [norm(), held("own")]), held("a"), held("b")), ["outer/inner"]),
        (
            inside(
                "outer", *(backbone(8, [norm(), held("own")], f"b{place}") for place in range(2)), *map(held, "abcd")
            ),
            ["outer/b0", "outer/b1"],
        ),
    ],
)
def test_live_normalisations_in_frozen_models(part, expected):
    assert nodes(LiveBatchnormInFrozenBackbone, graph_of(part, held("head"))) == expected
    assert nodes(LiveBatchnormInFrozenBackbone, graph_of(part, held("head"), frozen=True)) == []


def test_live_normalisations_in_words():
    graph = graph_of(backbone(8, [norm(), held("own")]))
    (problem,) = LiveBatchnormInFrozenBackbone().check(graph)
    assert problem.message == (
        "8 of 10 layers with weights are frozen, and 1 BatchNormalization updates its averages nevertheless"
    )
    assert problem.related == problem.fix.edits[0].layers == ("inner/norm",)
    graph = graph_of(backbone(12, [norm("n1"), norm("n2"), norm("n3", frozen=True), held("own")]))
    (problem,) = LiveBatchnormInFrozenBackbone().check(graph)
    assert "13 of 16 layers with weights are frozen, and 2 BatchNormalization update their" in problem.message
    assert problem.related == ("inner/n1", "inner/n2")
    assert len(list(LiveBatchnormInFrozenBackbone(frozen=0.9).check(graph))) == 0
    assert list(LiveBatchnormInFrozenBackbone(frozen=0).check(graph_of(layer("a")))) == []


# -- T003 hardcoded-training, T008 training-fixed-in-code ---------------------------------------------------------

FIXED = "training=True on BatchNormalization: predict() overrides it and uses the moving averages"


def noise(rate, class_name="Dropout"):
    return f"training=True on {class_name} ({rate}): predict() overrides it, so nothing is dropped in prediction"


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (layer("a", "Dropout", config={"rate": 0.5}), noise(0.5)),
        (layer("a", "Dropout", config={"rate": 1}), noise("on")),
        (layer("a", "Dropout", config={"rate": 0}), None),
        (layer("a", "Dropout"), None),
        (layer("a", "GaussianNoise", config={"stddev": 0.1}), noise(0.1, "GaussianNoise")),
        (layer("a", "LSTM", config={"dropout": 0.2, "recurrent_dropout": 0.3}), noise(0.2, "LSTM")),
        (layer("a", "LSTM", config={"dropout": 0.0, "recurrent_dropout": 0.3}), noise(0.3, "LSTM")),
        (layer("a", "LSTM", config={"dropout": 0.3, "recurrent_dropout": 0.0}), noise(0.3, "LSTM")),
        (layer("a", "LSTM", config={"recurrent_dropout": 0.3}), noise(0.3, "LSTM")),
        (layer("a", "LSTM", config={"dropout": 0.0, "recurrent_dropout": 0.0}), None),
        (layer("a", "LSTM", config={"dropout": "0.2"}), None),
        (layer("a", "LSTM", config={"rate": 0.2}), None),
        (layer("a", "Dropout", config={"dropout": 0.2}), None),
        (norm("a"), FIXED),
        (norm("a", class_name="LayerNormalization"), None),
        (layer("a", "Mine", config={"dropout": 0.5}, registered_name="x>Mine"), None),
        (layer("a", "Dropout", config={"dropout": 0.5}, is_operation=True), None),
        (layer("a", "TimeDistributed", children={"layer": layer("a", "Dropout", config={"rate": 0.5})}), noise(0.5)),
        (layer("a", "TimeDistributed", children={"layer": norm("a")}), FIXED),
    ],
)
def test_training_that_is_fixed(one, message):
    def told(*calls):
        return found(HardcodedTraining, graph_of(calls=[input_call("x"), *calls]))

    expected = [] if message is None else [("a#0", message)]
    assert told(passed(one, 0, training=True)) == expected
    assert told(passed(one, 0, training=False)) == told(passed(one, 0)) == told(passed(one, 0, training=1)) == []
    again = [] if message is None else [("a#1", message)]
    assert told(passed(one, 0), passed(one, 1, training=True)) == again
    assert told(passed(one, 0, training=True), passed(one, 1, training=True)) == expected + again


def test_the_fix_drops_the_argument():
    for one, severity in ((layer("a", "Dropout", config={"rate": 0.5}), None), (norm("a"), "info")):
        (problem,) = HardcodedTraining().check(graph_of(calls=[input_call("x"), passed(one, 0, training=True)]))
        (edit,) = problem.fix.edits
        assert (edit.calls, edit.argument, problem.severity) == (("a#0",), "training", severity)


@pytest.mark.parametrize(
    ("parts", "message", "related"),
    [
        ([held("d"), layer("a", "Dropout", config={"rate": 0.5})], noise(0.5), ("inner/a",)),
        ([norm(), layer("a", "Dropout", config={"rate": 0.5})], noise(0.5), ("inner/a",)),
        ([norm("n1"), norm("n2")], FIXED, ("inner/n1", "inner/n2")),
        ([held("d")], None, ()),
    ],
)
def test_training_that_is_fixed_for_a_nested_model(parts, message, related):
    inner = inside("inner", *parts)
    for kwargs, told in (({"training": True}, True), ({"training": False}, False), ({}, False)):
        graph = graph_of(calls=[input_call("x"), passed(inner, 0, **kwargs)])
        problems = [(one.node, one.message, one.related) for one in HardcodedTraining().check(graph)]
        assert problems == ([("inner", message, related)] if told and message else [])
    one = passed(inner, 0, training=True)
    outer = model("outer", [input_call("i"), one], [0], [1])
    graph = graph_of(calls=[input_call("x"), passed(outer, 0), passed(outer, 1)])
    assert len(found(HardcodedTraining, graph)) == (message is not None)


def opened(*calls, **fields):
    """A custom layer whose code makes calls."""
    layers = list({id(one.layer): one.layer for one in calls}.values())
    body = Body(
        layers, list(calls), [TensorRef(0, 0)], outputs=[TensorRef(len(calls) - 1, 0)], traced=True, arguments=("0",)
    )
    return LayerDefinition("block", "Block", "mine", registered_name="mine>Block", body=body, opaque=True, **fields)


@pytest.mark.parametrize(
    ("one", "training", "message"),
    [
        (layer("a", "Dropout", config={"rate": 0.5}), False, "training=False: it changes nothing in training either"),
        (layer("a", "Dropout", config={"rate": 0}), False, None),
        (layer("a", "Dropout", config={"rate": "0.5"}), False, None),
        (layer("a", "GaussianNoise", config={"stddev": 1}), False, "training=False: it changes nothing in training"),
        (layer("a", "Dense", config={"rate": 0.5}), False, None),
        (layer("a", "Dropout", config={"rate": 0.5}), True, None),
        (layer("a", "Dropout", config={"rate": 0.5}), None, None),
        (norm("a"), False, "training=False: its moving averages stay as they are"),
        (norm("a", frozen=True), False, None),
        (norm("a"), True, "training=True: a prediction depends on the other rows"),
        (norm("a", frozen=True), True, "training=True: a prediction depends on the other rows"),
        (norm("a"), 1, None),
    ],
)
def test_training_that_is_fixed_in_code(one, training, message):
    def graph(*calls):
        return graph_of(calls=[input_call("x"), passed(opened(input_call("i"), *calls), 0)])

    told = found(TrainingFixedInCode, graph(passed(one, 0, training=training)))
    assert [node for node, _ in told] == ([] if message is None else ["block#0/a#0"])
    assert all(text.startswith(f"it is called with {message}") for _, text in told)
    twice = graph(passed(one, 0, training=training), passed(one, 1, training=training))
    assert len(found(TrainingFixedInCode, twice)) == (message is not None)
    assert found(TrainingFixedInCode, graph(passed(one, 0, training=training), passed(one, 1))) == []
    assert found(TrainingFixedInCode, graph_of(calls=[input_call("x"), passed(one, 0, training=training)])) == []
    assert found(HardcodedTraining, graph(passed(one, 0, training=True))) == []


# -- T005 nothing-trainable ---------------------------------------------------------------------------------------

LOSS = {"loss": "mse"}


def state(**fields):
    given = {"begun": True, "flags_read": FlagsRead.ONCE, "steps": 1, "built_for": frozenset({1}), **fields}
    return TrainingState(**given, own_step=False, flags={}, learnable=frozenset())


@pytest.mark.parametrize(
    ("parts", "fields", "told"),
    [
        ([held("a", frozen=True)], {}, True),
        ([held("a")], {}, False),
        ([held("a")], {"frozen": True}, True),
        ([held("a", frozen=True)], {"compile_config": None}, False),
        ([held("a", frozen=True)], {"compile_config": {}}, False),
        ([held("a", frozen=True)], {"compile_config": {"loss": None}}, False),
        ([held("a", frozen=True)], {"training": state()}, False),
        ([held("a", frozen=True)], {"training": state(begun=False)}, True),
        ([held("a", frozen=True)], {"training": state(built_for=frozenset())}, True),
        ([held("a", frozen=True)], {"training": state(flags_read=FlagsRead.EACH_STEP)}, True),
        ([layer("relu", "ReLU")], {}, False),
        ([held("a", "Normalization", slots=("mean",))], {}, False),
        ([held("a", frozen=True), waiting("b")], {}, False),
        ([held("a", frozen=True), waiting("b", trainable=False)], {}, True),
    ],
)
def test_compiled_models_in_which_nothing_trains(parts, fields, told):
    graph = graph_of(*parts, **{"compile_config": LOSS, **fields})
    message = "compiled with a loss, but none of the 16 parameters is trainable"
    messages = found(NothingTrainable, graph)
    why = "the model itself is frozen" if fields.get("frozen") else "every layer with weights is frozen"
    assert messages == ([(None, f"{message}: {why}")] if told else [])


def test_models_in_which_nothing_will_train():
    def graph(*parts):
        calls = [input_call("x"), *(call(one, place) for place, one in enumerate(parts))]
        for one in calls:
            one.outputs = (TensorSpec(None, None),)
        return graph_of(calls=calls, compile_config=LOSS)

    message = "compiled with a loss, but no weight will be trainable: every layer with weights is frozen"
    assert found(NothingTrainable, graph(waiting("a", trainable=False))) == [(None, message)]
    assert found(NothingTrainable, graph(waiting("a"))) == []
    assert found(NothingTrainable, graph(waiting("a", "ReLU"))) == []


# -- T004 optimizer-mismatch --------------------------------------------------------------------------------------


def adam(*shapes, class_name="Adam", **config):
    """An Adam that was built for variables of these shapes."""
    every = [(), (), *(shape for shape in shapes for _ in range(2))]
    made = [
        VariableDefinition(str(place), place, shape, dtype="float32" if place else "int64", trainable=False)
        for place, shape in enumerate(every)
    ]
    return OptimizerDefinition(class_name, "keras.optimizers", {"learning_rate": 0.1, **config}, variables=made)


A, B = (4, 4), (2, 2)
ADAM = "Adam keeps state for {} variables, {} are trainable"


@pytest.mark.parametrize(
    ("parts", "shapes", "fields", "message"),
    [
        ([held("a"), held("b")], [A, A], {}, None),
        ([held("a"), held("b")], [A], {}, "1 trainable variables have no state"),
        ([held("a"), held("b", frozen=True)], [A, A], {}, "1 of its variables are no longer trainable"),
        (
            [held("a", shapes=(B,)), held("b", frozen=True)],
            [A, A],
            {},
            "2 of its variables are no longer trainable and 1 trainable variables have no state",
        ),
        ([held("a")], [A, A], {}, None),
        ([held("a")], [A, A], {"frozen": True, "compile_config": None}, "2 of its variables are no longer trainable"),
        ([held("a", frozen=True)], [A], {"compile_config": LOSS}, None),
        (
            [held("a", frozen=True)],
            [A],
            {"compile_config": {"loss": None}},
            "1 of its variables are no longer trainable",
        ),
        ([held("a"), held("b", lora_rank=4)], [A], {}, None),
        ([held("a"), held("b")], [A], {"format": "h5"}, "1 trainable variables have no state"),
        ([held("a"), inside("m", held("a"))], [A], {"format": "h5"}, None),
        ([held("a"), inside("m", held("a", "EinsumDense"))], [A], {"format": "h5"}, "1 trainable variables have no"),
    ],
)
def test_optimizers_of_other_variables(parts, shapes, fields, message):
    graph = graph_of(*parts, optimizer=adam(*shapes), **{"compile_config": LOSS, **fields})
    told = found(OptimizerMismatch, graph)
    assert len(told) == (message is not None)
    for node, text in told:
        assert node is None and text.startswith(ADAM.format(len(shapes), text.split(", ")[1].split()[0]))
        assert message in text and text.endswith("flags changed after the optimizer was built")
    assert found(OptimizerMismatch, graph_of(*parts, **{"compile_config": LOSS, **fields})) == []


def test_which_layers_an_optimizer_has_lost():
    graph = graph_of(held("a"), inside("m", held("b", frozen=True), frozen=True), optimizer=adam(A, A))
    (problem,) = OptimizerMismatch().check(graph)
    assert problem.related == ("m/b",)
    graph = graph_of(held("a"), held("c", shapes=(B,)), held("b", frozen=True), optimizer=adam(A))
    (problem,) = OptimizerMismatch().check(graph)
    assert problem.related == ()


def test_variables_of_custom_layers_may_be_trainable_or_not():
    mine = held("mine", "Mine", shapes=(B,))
    mine.registered_name = "x>Mine"
    for shapes in ([A], [A, B]):
        assert found(OptimizerMismatch, graph_of(held("a"), mine, optimizer=adam(*shapes))) == []
    gone = held("gone", frozen=True)
    assert len(found(OptimizerMismatch, graph_of(held("a"), mine, gone, optimizer=adam(A, A)))) == 1
    assert found(OptimizerMismatch, graph_of(held("a"), mine, gone, optimizer=adam(A, B))) == []


def test_classes_with_their_own_training_step():
    graph = graph_of(held("a"), held("b"), optimizer=adam(A))
    graph.definition.root.class_name, graph.definition.root.registered_name = "Mine", "x>Mine"
    assert found(OptimizerMismatch, expand(graph.definition)) == []


def test_equal_variables_that_were_one():
    values = [[float(place) for place in range(20)]] * 20
    one, other = held("a", values={"kernel": values}), held("b", values={"kernel": values})
    shape = (20, 20)
    (problem,) = OptimizerMismatch().check(graph_of(one, other, optimizer=adam(shape)))
    assert "a@kernel and b@kernel are equal and were one variable when it trained" in problem.message
    assert problem.related == ("a@kernel", "b@kernel")
    third = held("c", values={"kernel": [row[::-1] for row in values]})
    (problem,) = OptimizerMismatch().check(graph_of(one, third, optimizer=adam(shape)))
    assert problem.message.endswith("flags changed after the optimizer was built")
    (problem,) = OptimizerMismatch().check(graph_of(one, other, third, optimizer=adam(shape)))
    assert problem.message.endswith("flags changed after the optimizer was built")
    (problem,) = OptimizerMismatch().check(graph_of(one, other, third, optimizer=adam(shape, shape)))
    assert problem.related == ("a@kernel", "b@kernel")
    still = held("b", frozen=True, values={"kernel": values})
    (problem,) = OptimizerMismatch().check(graph_of(one, still, third, optimizer=adam(shape)))
    assert problem.message.endswith("flags changed after the optimizer was built")


# -- N rules ------------------------------------------------------------------------------------------------------

ZERO, UNIT = [0.0, 0.0], [1.0, 1.0]


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (norm(mean=ZERO, variance=UNIT), True),
        (norm(mean=[0.0, 0.1], variance=UNIT), False),
        (norm(mean=ZERO, variance=[1.0, 2.0]), False),
        (norm(mean=[0.5, 0.5], variance=UNIT), False),
        (norm(mean=ZERO, variance=[2.0, 2.0]), False),
        (norm(mean=ZERO), False),
        (norm(variance=UNIT), False),
        (norm(mean=ZERO, variance=UNIT, frozen=True), False),
        (norm(mean=ZERO, variance=UNIT, momentum=1), False),
        (norm(mean=ZERO, variance=UNIT, momentum=0.9), True),
        (norm(mean=ZERO, variance=UNIT, class_name="LayerNormalization"), False),
    ],
)
def test_normalisations_that_never_ran_in_training(one, told):
    message = "still has a moving mean of 0 and variance of 1 after 5 training steps"
    assert found(BatchnormNeverUpdated, graph_of(one, held("a"), steps=5)) == ([("norm", message)] if told else [])
    assert found(BatchnormNeverUpdated, graph_of(one, held("a"), steps=0)) == []
    assert found(BatchnormNeverUpdated, graph_of(one, held("a"))) == []
    aside = [input_call("x"), call(held("a"), 0), call(one, 0)]
    assert found(BatchnormNeverUpdated, graph_of(calls=aside, outputs=[1], steps=5)) == []
    for frozen in (False, True):
        graph = graph_of(inside("inner", one, frozen=frozen), steps=5)
        assert len(found(BatchnormNeverUpdated, graph)) == (told and not frozen)


def test_several_normalisations_that_never_ran():
    parts = [norm(name, mean=ZERO, variance=UNIT) for name in ("a", "b")]
    (problem,) = BatchnormNeverUpdated().check(graph_of(*parts, steps=5))
    assert (problem.node, problem.related) == ("a", ("b",))
    assert problem.message.startswith("2 BatchNormalization layers still have a moving mean")


@pytest.mark.parametrize(
    ("values", "slot", "fields", "told"),
    [
        ([[0.5, 0.5]], "kernel", {}, "all 2 values are 0.5 after 5 training steps"),
        ([[0.5, 0.6]], "kernel", {}, None),
        ([[0.5]], "kernel", {}, None),
        ([[0.0, 0.0]], "kernel", {}, "all 2 values are 0 after 5 training steps"),
        ([[0.5, 0.5]], "bias", {}, None),
        ([[0.5, 0.5]], "embeddings", {}, "all 2 values are 0.5 after 5 training steps"),
        ([[0.5, 0.5]], "recurrent_kernel", {}, "all 2 values are 0.5 after 5 training steps"),
        ([[0.5, 0.5]], "depthwise_kernel", {}, "all 2 values are 0.5 after 5 training steps"),
        ([[0.5, 0.5]], "pointwise_kernel", {}, "all 2 values are 0.5 after 5 training steps"),
        ([[0.5, 0.5]], "kernel", {"frozen": True}, None),
    ],
)
def test_kernels_of_one_number(values, slot, fields, told):
    one = held("a", slots=(slot,), values={slot: values}, **fields)
    expected = [] if told is None else [(f"a@{slot}", told)]
    assert found(ConstantKernel, graph_of(one, held("end"), steps=5)) == expected
    assert found(ConstantKernel, graph_of(one, held("end"), steps=0)) == found(ConstantKernel, graph_of(one)) == []
    aside = [input_call("x"), call(held("end"), 0), call(one, 0)]
    assert found(ConstantKernel, graph_of(calls=aside, outputs=[1], steps=5)) == []
    for frozen in (False, True):
        graph = graph_of(inside("inner", one, frozen=frozen), steps=5)
        assert len(found(ConstantKernel, graph)) == (told is not None and not frozen)
    assert found(ConstantKernel, graph_of(held("a", slots=(slot,)), steps=5)) == []


def test_pruned_kernels_may_be_zero():
    for number, expected in ((0.0, []), (0.5, ["a@kernel"])):
        one = held("a", values={"kernel": [[number, number]]})
        assert nodes(ConstantKernel, graph_of(one, layer("p", "PruneLowMagnitude"), steps=5)) == expected


@pytest.mark.parametrize(
    ("values", "dtype", "frozen", "told"),
    [
        ([1.0, 2e6], "float32", False, "a value of 2e+06: training has diverged"),
        ([1.0, -2e6], "float32", False, "a value of -2e+06: training has diverged"),
        ([-3e6, 2e6], "float32", False, "a value of -3e+06: training has diverged"),
        ([1.0, 1e6], "float32", False, None),
        ([1.0, 2e6], "bfloat16", False, "a value of 2e+06: training has diverged"),
        ([1.0, 2e6], "int32", False, None),
        ([1.0, 2e6], "float32", True, None),
        ([NAN, 2e6], "float32", False, None),
        ([INFINITE, INFINITE], "float32", False, None),
        ([], "float32", False, None),
    ],
)
def test_weights_that_diverged(values, dtype, frozen, told):
    one = held("a", values={"kernel": values}, frozen=frozen)
    one.variables[0].dtype = dtype
    assert found(HugeWeight, graph_of(one, held("end"))) == ([] if told is None else [("a@kernel", told)])


def test_the_largest_weight_of_a_layer():
    both = held("a", slots=("kernel", "bias"), shapes=((2,),) * 2, values={"kernel": [2e6, 0.0], "bias": [0.0, -3e6]})
    other = held("b", slots=("kernel", "bias"), shapes=((2,),) * 2, values={"kernel": [4e6, 0.0], "bias": [0.0, 3e6]})
    told = [(one.node, one.message, one.related) for one in HugeWeight().check(graph_of(both, held("c"), other))]
    assert told == [
        ("a@kernel", "a value of -3e+06: training has diverged", ("a@bias",)),
        ("b@kernel", "a value of 4e+06: training has diverged", ("b@bias",)),
    ]


@pytest.mark.parametrize(
    ("class_name", "slot", "values", "told"),
    [
        ("BatchNormalization", "moving_variance", [1.0, -0.5], "moving_variance has a minimum of -0.5; a variance"),
        ("BatchNormalization", "moving_variance", [1.0, 0.0], None),
        ("BatchNormalization", "moving_variance", [NAN, NAN], None),
        ("BatchNormalization", "moving_mean", [1.0, -0.5], None),
        ("BatchNormalization", "variance", [1.0, -0.5], None),
        ("Normalization", "variance", [1.0, -0.5], "variance has a minimum of -0.5; a variance"),
        ("Normalization", "moving_variance", [1.0, -0.5], None),
        ("LayerNormalization", "variance", [1.0, -0.5], None),
    ],
)
def test_variances_below_0(class_name, slot, values, told):
    messages = found(NegativeVariance, graph_of(held("a", class_name, slots=(slot,), values={slot: values}), held("b")))
    assert [node for node, _ in messages] == ([] if told is None else [f"a@{slot}"])
    assert all(text.startswith(told) for _, text in messages)
    assert found(NegativeVariance, graph_of(held("a", class_name, slots=(slot,)))) == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([[1.0, 2.0], [3.0, 4.0]], None),
        ([[1.0, 2.0], [NAN, NAN]], "2 NaN of 4 values, the first at [1, 0]"),
        ([[1.0, INFINITE], [3.0, 4.0]], "1 infinite of 4 values, the first at [0, 1]"),
        ([[1.0, 2.0], [-INFINITE, NAN]], "1 NaN and 1 infinite of 4 values, the first at [1, 0]"),
        ([[[1.0, 2.0, 3.0], [4.0, 5.0, NAN]]] * 2, "2 NaN of 12 values, the first at [0, 1, 2]"),
        (NAN, "1 NaN of 1 values, the first at []"),
    ],
)
def test_where_numbers_are_not_finite(values, told):
    graph = graph_of(held("a", values={"kernel": values}), held("b"))
    assert found(NonFinite, graph) == ([] if told is None else [("a@kernel", told)])


def test_several_variables_that_are_not_finite():
    values = {"kernel": [NAN, 1.0], "bias": [1.0, INFINITE], "gamma": [1.0, 1.0]}
    one = held("a", slots=tuple(values), shapes=((2,),) * 3, values=values)
    two = held("b", values={"kernel": [NAN, NAN]})
    told = [(found.node, found.message, found.related) for found in NonFinite().check(graph_of(one, two))]
    assert told == [
        ("a@kernel", "1 NaN of 2 values, the first at [0]; 2 in 2 variables of this layer", ("a@bias",)),
        ("b@kernel", "2 NaN of 2 values, the first at [0]", ()),
    ]


def test_one_layer_says_nothing_of_the_next():
    varied = held("a", values={"kernel": [[0.1, 0.2]]})
    alike = held("b", values={"kernel": [[0.5, 0.5]]})
    for first in (varied, held("a"), held("a", slots=("bias",)), held("a", frozen=True)):
        assert nodes(ConstantKernel, graph_of(first, alike, steps=5)) == ["b@kernel"]
    huge = held("b", values={"kernel": [2e6]})
    for first in (varied, held("a"), held("a", frozen=True)):
        assert nodes(HugeWeight, graph_of(first, huge)) == ["b@kernel"]


# -- T006 shared-freeze -------------------------------------------------------------------------------------------


def shared_with(*parts, frozen=True, name="inner"):
    """A nested model, and after it the same layers again."""
    inner = inside(name, *parts, frozen=frozen)
    calls = [input_call("x"), passed(inner, 0)]
    for one in parts:
        calls.append(passed(one, len(calls) - 1))
    return graph_of(calls=calls)


def test_layers_that_are_frozen_with_a_model_and_used_outside_it():
    (problem,) = SharedFreeze().check(shared_with(held("a", frozen=True)))
    assert (problem.node, problem.related) == ("inner", (problem.fix.edits[0].layers[0],))
    assert problem.message == "frozen, and with it one layer (16 parameters) also used outside it: a"
    assert problem.fix.edits[0].containers == ("inner",)
    assert nodes(SharedFreeze, shared_with(held("a", frozen=True), frozen=False)) == []
    assert nodes(SharedFreeze, shared_with(held("a"))) == []
    assert nodes(SharedFreeze, shared_with(layer("relu", "ReLU", trainable=False))) == []
    for count, elsewhere in ((2, "a, b"), (3, "a, b, c"), (4, "a, b, c, ...")):
        (problem,) = SharedFreeze().check(shared_with(*(held(name, frozen=True) for name in "abcd"[:count])))
        assert problem.message.endswith(f"{count} layers ({16 * count} parameters) also used outside it: {elsewhere}")
    assert nodes(SharedFreeze, shared_with(held("a"), held("b", frozen=True))) == ["inner"]


def test_layers_of_two_frozen_models():
    one = held("a", frozen=True)
    for other in (True, False):
        first, second = inside("m", one, frozen=True), inside("n", one, frozen=other)
        calls = [input_call("x"), passed(first, 0), passed(second, 1)]
        assert nodes(SharedFreeze, graph_of(calls=calls)) == ([] if other else ["m"])
    deep = inside("outer", inside("inner", one), frozen=True)
    calls = [input_call("x"), passed(deep, 0), passed(one, 1)]
    assert nodes(SharedFreeze, graph_of(calls=calls)) == ["outer"]
    assert nodes(SharedFreeze, graph_of(calls=calls, frozen=True)) == ["outer"]


# -- what one finding says of the next, and what findings name ------------------------------------------------------


def test_training_in_models_that_are_called_again():
    drop = layer("d", "Dropout", config={"rate": 0.5})
    inner = model("inner", [input_call("i"), passed(drop, 0, training=True)], [0], [1])
    other = layer("e", "Dropout", config={"rate": 0.2})
    calls = [input_call("x"), passed(inner, 0), passed(inner, 1), passed(other, 2, training=True)]
    assert found(HardcodedTraining, graph_of(calls=calls)) == [("inner#0/d#0", noise(0.5)), ("e#0", noise(0.2))]
    quiet = layer("d", "Dropout", config={"rate": 0})
    calls = [input_call("x"), passed(quiet, 0, training=True), passed(other, 1, training=True)]
    assert found(HardcodedTraining, graph_of(calls=calls)) == [("e#0", noise(0.2))]
    deep = model("deep", [input_call("i"), passed(inside("m", held("k"), drop), 0, training=True)], [0], [1])
    last = inside("n", other)
    calls = [input_call("x"), passed(deep, 0), passed(deep, 1), passed(last, 2, training=True)]
    problems = [
        (one.node, one.related, one.fix.edits[0].calls) for one in HardcodedTraining().check(graph_of(calls=calls))
    ]
    assert problems == [("deep/m", ("deep/m/d",), ("deep#0/m#0",)), ("n", ("n/e",), ("n#0",))]


def test_training_that_code_fixes_is_told_by_another_rule():
    drop, other = (layer(name, "Dropout", config={"rate": 0.5}) for name in "de")
    inner = inside("m", drop)
    for part in (drop, inner):
        block = opened(input_call("i"), passed(part, 0, training=True))
        calls = [input_call("x"), passed(block, 0), passed(inside("n", other), 1, training=True)]
        assert [node for node, _ in found(HardcodedTraining, graph_of(calls=calls))] == ["n"]
        calls = [input_call("x"), passed(block, 0), passed(other, 1, training=True)]
        assert [node for node, _ in found(HardcodedTraining, graph_of(calls=calls))] == ["e#0"]


def test_training_that_code_fixes_for_several_layers():
    kept, dropped, last = (layer(name, "Dropout", config={"rate": 0.5}) for name in "kde")
    calls = [input_call("i"), passed(kept, 0, training=False), passed(kept, 1), passed(dropped, 2, training=False)]
    calls += [passed(dropped, 3, training=False), passed(norm("n"), 4, training=True), passed(last, 5, training=False)]
    graph = graph_of(calls=[input_call("x"), passed(opened(*calls), 0)])
    problems = [(one.node, one.severity) for one in TrainingFixedInCode().check(graph)]
    assert problems == [("block#0/d#0", None), ("block#0/n#0", "info"), ("block#0/e#0", None)]


def test_mostly_frozen_models_in_a_wrapper():
    wrapped = layer("w", "TimeDistributed", children={"layer": backbone(8, [norm(), held("own")])})
    graph = graph_of(wrapped, held("head"))
    assert nodes(LiveBatchnormInFrozenBackbone, graph) == ["w/layer"]
    graph = graph_of(held("first"), wrapped, backbone(8, [norm(), held("own")], "last"), layer("relu", "ReLU"))
    assert nodes(LiveBatchnormInFrozenBackbone, graph) == ["w/layer", "last"]
    limits = LiveBatchnormInFrozenBackbone.options["frozen"]
    assert (limits.minimum, limits.maximum) == (0, 1)
    for share, told in ((0, ["inner"]), (0.8, ["inner"]), (0.81, [])):
        graph = graph_of(backbone(8, [norm(), held("own")]))
        assert [one.node for one in LiveBatchnormInFrozenBackbone(frozen=share).check(graph)] == told


def test_leaks_of_wrappers_with_weights_of_their_own():
    wrap = layer("w", "TimeDistributed", trainable=False, children={"layer": held("a")})
    wrap.variables = held("own").variables
    (problem,) = TrainableLeak().check(graph_of(wrap, held("end")))
    assert problem.message.startswith("trainable=False, but 1 of the layers inside, with 16 parameters")
    assert problem.related == ("w/layer",)
    for part in (held("a", frozen=True), layer("relu", "ReLU", trainable=False), waiting("b", trainable=False)):
        assert nodes(TrainableLeak, graph_of(part, inside("inner", held("a"), frozen=True))) == ["inner"]


def test_copies_that_are_frozen_with_a_model():
    one, copy = held("a", frozen=True), layer("a", trainable=False)
    one.shared_object_id = copy.shared_object_id = 1
    for frozen, told in (((True, False), ["m"]), ((False, True), ["n"]), ((True, True), []), ((False, False), [])):
        first, second = inside("m", one, frozen=frozen[0]), inside("n", copy, frozen=frozen[1])
        assert nodes(SharedFreeze, graph_of(first, second)) == told
    same = held("a", frozen=True)
    same.shared_object_id = 1
    graph = graph_of(inside("m", same, frozen=True), same)
    (problem,) = SharedFreeze().check(graph)
    assert problem.message == "frozen, and with it one layer (16 parameters) also used outside it: a"


# -- T002 optimizer-mismatch in memory ------------------------------------------------------------------------------


class Stock:
    def train_step(self):
        """As in a model of Keras."""


Stock.train_step.__module__ = "keras.src.models.model"


class Own:
    def train_step(self):
        """One that trains in its own way."""


def in_memory(*parts, optimizer, obj=None, **fields):
    graph = graph_of(*parts, optimizer=optimizer, front_end=FrontEnd.LIVE, **fields)
    graph.definition.obj = obj or Stock()
    return [(one.message, one.related) for one in OptimizerMismatch().check(graph)]


CHANGED = "; flags changed after the optimizer was built"


def test_optimizers_of_models_in_memory():
    gone = "1 of its variables are no longer trainable"
    assert in_memory(held("a"), held("b", frozen=True), optimizer=adam(A, A)) == [
        (f"{ADAM.format(2, 1)}: {gone}{CHANGED}", ("b",))
    ]
    assert in_memory(held("a"), held("b", frozen=True), optimizer=adam(A, A), obj=Own()) == []
    assert in_memory(held("a"), held("b", frozen=True), optimizer=adam(A, A), obj=object()) == []
    assert in_memory(held("a"), optimizer=adam(A, A)) == [(f"{ADAM.format(2, 1)}: {gone}{CHANGED}", ())]
    values = [[float(place) for place in range(20)]] * 20
    pair = [held(name, values={"kernel": values}) for name in "ab"]
    assert in_memory(*pair, optimizer=adam((20, 20))) == [
        (f"{ADAM.format(1, 2)}: 1 trainable variables have no state{CHANGED}", ())
    ]
    mine = held("mine", "Mine", shapes=(B,))
    mine.registered_name = "x>Mine"
    assert in_memory(held("a"), mine, optimizer=adam(A)) == [
        (f"{ADAM.format(1, 2)}: 1 trainable variables have no state{CHANGED}", ())
    ]
    lora = held("b", frozen=True, lora_rank=4)
    assert len(in_memory(held("a"), lora, optimizer=adam(A, A))) == 1


def test_which_frozen_layers_are_named():
    many = [held(f"d{place}", frozen=True) for place in range(12)]
    relu, own = layer("relu", "ReLU", trainable=False), inside("own", held("k"), frozen=True)
    own.variables = held("spare", frozen=True).variables
    graph = graph_of(relu, own, *many, held("a"), optimizer=adam(*([A] * 15)))
    (problem,) = OptimizerMismatch().check(graph)
    assert problem.related == tuple(f"d{place}" for place in range(10))
    assert f"{ADAM.format(15, 2)}: 13 of its variables are no longer trainable{CHANGED}" == problem.message
    graph = graph_of(relu, held("a"), optimizer=adam(A, A))
    assert found(OptimizerMismatch, graph) == []


def test_many_variables_of_custom_layers():
    def mine(name, shape=B):
        one = held(name, "Mine", shapes=(shape,))
        one.registered_name = "x>Mine"
        return one

    gone = held("gone", frozen=True)
    parts = [held("a"), mine("m"), mine("n"), gone]
    assert found(OptimizerMismatch, graph_of(*parts, optimizer=adam(A, B, B))) == []
    ((_, text),) = found(OptimizerMismatch, graph_of(*parts, optimizer=adam(A, B, B, B)))
    assert text == f"{ADAM.format(4, 1)}: 1 of its variables are no longer trainable{CHANGED}"


def test_equal_variables_and_others_that_are_gone():
    values = [[float(place) for place in range(20)]] * 20
    pair = [held(name, values={"kernel": values}) for name in "ab"]
    graph = graph_of(*pair, held("gone", frozen=True), optimizer=adam((20, 20), A))
    ((_, text),) = found(OptimizerMismatch, graph)
    gone = "1 of its variables are no longer trainable and 1 trainable variables have no state"
    assert text == f"{ADAM.format(2, 2)}: {gone}{CHANGED}"
    flat = held("c", values={"kernel": [float(place) for _ in range(20) for place in range(20)]})
    ((_, text),) = found(
        OptimizerMismatch, graph_of(pair[0], flat, held("d", shapes=((20, 20),)), optimizer=adam((20, 20), (400,)))
    )
    assert text.endswith(CHANGED)
    small = [held(name, values={"kernel": [[1.0, 2.0], [3.0, 4.0]]}) for name in "ab"]
    ((_, text),) = found(OptimizerMismatch, graph_of(*small, optimizer=adam(B)))
    assert text.endswith(CHANGED)
    four = [held(name, values={"kernel": values}) for name in "abcd"]
    (problem,) = OptimizerMismatch().check(graph_of(*four, optimizer=adam((20, 20), (20, 20))))
    assert problem.related == ("a@kernel", "b@kernel", "a@kernel", "c@kernel")
    assert f"{ADAM.format(2, 4)}: a@kernel and b@kernel are equal" in problem.message


def test_names_that_an_hdf5_file_has_twice():
    told = f"{ADAM.format(1, 2)}: 1 trainable variables have no state{CHANGED}"

    def named(*parts, **fields):
        return [text for _, text in found(OptimizerMismatch, graph_of(*parts, optimizer=adam(A), **fields))]

    assert named(held("a"), inside("m", held("a"))) == [told]
    assert named(held("a"), inside("m", held("a")), format="h5") == []
    relus = [inside(name, layer("relu", "ReLU"), held(f"d{name}")) for name in "mn"]
    assert named(*relus, format="h5") == [told]


# -- N rules: what one variable says of the next --------------------------------------------------------------------


def test_numbers_of_layers_that_do_not_count():
    alike = [[0.5, 0.5]]
    still = inside("m", held("k", values={"kernel": alike}), frozen=True)
    aside = held("aside", values={"kernel": alike})
    calls = [input_call("x"), passed(still, 0), passed(aside, 0), passed(held("z", values={"kernel": alike}), 1)]
    graph = graph_of(calls=calls, outputs=[3], steps=5)
    assert found(ConstantKernel, graph) == [("z@kernel", "all 2 values are 0.5 after 5 training steps")]
    before = held("b", slots=("variance",), values={"variance": [-1.0, 1.0]})
    bad = held(
        "a",
        "BatchNormalization",
        slots=("gamma", "moving_variance"),
        shapes=((2,),) * 2,
        values={"moving_variance": [1.0, -0.5]},
    )
    text = "moving_variance has a minimum of -0.5; a variance cannot be below 0"
    assert found(NegativeVariance, graph_of(before, bad)) == [("a@moving_variance", text)]
    both = [norm(name, variance=[1.0, -0.5]) for name in ("n1", "n2")]
    assert nodes(NegativeVariance, graph_of(*both)) == ["n1@moving_variance", "n2@moving_variance"]
