"""Rules on what is connected to what, and on what files name, on definitions that are written down here."""

from __future__ import annotations

import numpy as np
import pytest

from graphlint.knowledge.advisories import Danger
from graphlint.model.definition import (
    CallDefinition,
    FrontEnd,
    LayerDefinition,
    ModelDefinition,
    ProblemKind,
    SourceProblem,
    TensorRef,
    TensorSpec,
    VariableDefinition,
)
from graphlint.model.expand import expand
from graphlint.model.graph import Tensor
from rules.disconnected.constant_output import ConstantOutput
from rules.disconnected.dead_branch import DeadBranchRule
from rules.disconnected.never_received_gradient import NeverReceivedGradient
from rules.disconnected.non_differentiable_cut import NonDifferentiableCut
from rules.disconnected.output_without_loss import OutputWithoutLoss
from rules.disconnected.uncalled_layer import UncalledLayer
from rules.disconnected.uncalled_sublayer import UncalledSublayer
from rules.disconnected.unused_input import UnusedInput
from rules.disconnected.weights_without_graph import WeightsWithoutGraph
from rules.security.archive_or_h5_trick import ArchiveOrH5Trick
from rules.security.foreign_reference import ForeignReference
from rules.security.gadget import Gadget
from rules.security.lambda_code import LambdaCode
from tests.model.definitions import SPEC, call, input_call, layer, model
from tests.questions.test_statistics import Stored
from tests.rules.test_definitions_of_training import adam, found, held, inside, opened, passed, waiting

ALONE = TensorSpec((None, 1), "float32")


def graph_of(*calls, inputs=(0,), outputs=None, more=(), class_name="Functional", **fields):
    root = model("net", list(calls), list(inputs), outputs or [len(calls) - 1])
    root.body.layers += more
    root.class_name = class_name
    front_end, format_ = fields.pop("front_end", FrontEnd.STATIC), fields.pop("format", "keras")
    return expand(ModelDefinition(root, front_end, format_, **{"has_weights": True, **fields}))


def op(name, class_name):
    return layer(name, class_name, is_operation=True)


def returning(spec, target, *sources):
    return CallDefinition(target, tuple(TensorRef(one, 0) for one in sources), outputs=(spec,))


X = input_call("x")

# -- D001 unused-input, D006 constant-output, D008 uncalled-layer -------------------------------------------------


def test_inputs_that_reach_no_output():
    message = "input (?, 4) float32 reaches no output: "
    spare = [X, input_call("y"), passed(held("a"), 0)]
    (problem,) = UnusedInput().check(graph_of(*spare, inputs=(0, 1)))
    assert (problem.node, problem.message, problem.related) == ("y#0", f"{message}nothing uses it", ())
    assert problem.fix.edits[0].inputs == ("y",)
    ends = [X, input_call("y"), passed(held("b"), 1), passed(held("c"), 2), passed(held("a"), 0)]
    (problem,) = UnusedInput().check(graph_of(*ends, inputs=(0, 1)))
    assert problem.message == f"{message}the 2 calls that it feeds stop short of one" and problem.related == ("c#0",)
    assert list(UnusedInput().check(graph_of(X, passed(held("a"), 0)))) == []
    (problem,) = UnusedInput().check(graph_of(X, passed(held("a")), inputs=(0,)))
    assert problem.fix is None
    (problem,) = UnusedInput().check(graph_of(*spare, inputs=(0, 1), class_name="Mine"))
    assert problem.fix is None


def test_inputs_that_may_be_unused():
    for config, count in (({"optional": True}, 0), ({"optional": False}, 1), ({"optional": 1}, 1)):
        optional = CallDefinition(layer("y", "InputLayer", config=config), outputs=(SPEC,))
        graph = graph_of(X, optional, input_call("z"), passed(held("a"), 0), inputs=(0, 1, 2))
        assert len(list(UnusedInput().check(graph))) == count + 1
    for one, count in ((layer("r", "ActivityRegularization"), 0), (held("r"), 1)):
        graph = graph_of(X, input_call("y"), passed(one, 1), passed(held("a"), 0), inputs=(0, 1))
        assert len(list(UnusedInput().check(graph))) == count


def test_outputs_that_no_input_can_change():
    apart = [X, passed(held("a"), 0), passed(held("table"))]
    (problem,) = ConstantOutput().check(graph_of(*apart, outputs=[1, 2]))
    assert (problem.node, problem.severity, problem.key) == (Tensor("table#0", 0), None, "1")
    assert problem.message == "output 1 depends on none of the 1 inputs: it is the same for all data"
    assert problem.related == () and problem.hint.startswith("Connect the output")
    assert list(ConstantOutput().check(graph_of(*apart, outputs=[1]))) == []
    shapes = [X, passed(op("ones", "OnesLike"), 0), passed(held("a"), 1)]
    assert len(list(ConstantOutput().check(graph_of(*shapes)))) == 1


@pytest.mark.parametrize(("spec", "told"), [(ALONE, True), (SPEC, False)])
def test_normalisations_of_one_value(spec, told):
    norm = layer("norm", "LayerNormalization")
    graph = graph_of(X, returning(spec, held("a"), 0), returning(spec, norm, 1), passed(held("b"), 2))
    problems = list(ConstantOutput().check(graph))
    assert len(problems) == told
    for problem in problems:
        assert problem.message.startswith("output 0 comes after a LayerNormalization over an axis of size 1")
        assert problem.related == ("norm#0",) and problem.hint.startswith("Normalise over")


def test_layers_that_are_never_called():
    calls = [X, passed(held("a"), 0)]
    (problem,) = UncalledLayer().check(graph_of(*calls, more=[held("b"), layer("relu", "ReLU")]))
    assert (problem.node, problem.message) == ("b", "it is never called, and it holds 16 parameters")
    assert problem.fix.changes is None
    penalised = held("b", kernel_regularizer={"class_name": "L2"})
    (problem,) = UncalledLayer().check(graph_of(*calls, more=[penalised]))
    assert problem.fix.changes is not None
    wrapped = layer("w", "TimeDistributed", children={"layer": penalised})
    (problem,) = UncalledLayer().check(graph_of(*calls, more=[wrapped]))
    assert problem.node == "w" and problem.fix.changes is not None
    assert list(UncalledLayer().check(graph_of(*calls))) == []


# -- D002 dead-branch ---------------------------------------------------------------------------------------------


def branches(*side, class_name="Functional", returned=True):
    """A nested model with a chain of layers beside its main one, which it returns as well, and nothing uses."""
    calls = [input_call("i"), passed(held("main"), 0)]
    for place, one in enumerate(side):
        calls.append(passed(one, 0 if place == 0 else place + 1))
    inner = model("inner", calls, [0], [1, len(calls) - 1] if returned else [1])
    inner.class_name = class_name
    outer = CallDefinition(inner, (TensorRef(0, 0),), outputs=(SPEC,) * (2 if returned else 1))
    return graph_of(X, outer, passed(held("end"), 1))


@pytest.mark.parametrize(
    ("side", "returned", "message"),
    [
        ([held("a")], True, "one layer with 16 trainable parameters feeds only output 1 of the model inner, which"),
        ([held("a"), held("b")], True, "2 layers with 32 trainable parameters feed only output 1 of the model inner"),
        ([held("a")], False, "one layer with 16 trainable parameters feeds only what reaches no output of the model"),
        ([held("a", frozen=True)], True, None),
    ],
)
def test_branches_of_nested_models(side, returned, message):
    problems = list(DeadBranchRule().check(branches(*side, returned=returned)))
    assert len(problems) == (message is not None)
    for one in problems:
        assert one.message.startswith(message) and one.node == Tensor(f"inner#0/{side[-1].name}#0", 0)
        assert one.fix.edits[0].layers == ("inner",) and one.fix.changes is None


def test_branches_of_the_model_itself_and_of_classes_of_ones_own():
    (problem,) = DeadBranchRule().check(graph_of(X, passed(held("a"), 0), passed(held("b"), 0), outputs=[1]))
    assert problem.message.endswith("feeds only what reaches no output of the model") and problem.fix is None
    assert list(DeadBranchRule().check(branches(held("a"), class_name="Mine"))) == []
    (problem,) = DeadBranchRule().check(branches(held("a"), class_name="Mine", returned=False))
    assert problem.fix is None
    penalised = held("a", kernel_regularizer={"class_name": "L2"})
    (problem,) = DeadBranchRule().check(branches(penalised))
    assert problem.fix.changes is not None


# -- D005 non-differentiable-cut, D004 output-without-loss --------------------------------------------------------

LOSS = {"compile_config": {"loss": "mse"}}
NEVER = "{} lets no gradient through: {} before it with {} trainable parameters never learn"
INTEGERS = TensorSpec((None, 4), "int32")
END = held("end")


@pytest.mark.parametrize(
    ("calls", "message", "related"),
    [
        ([passed(held("a"), 0), passed(op("cut", "Argmax"), 1)], NEVER.format("Argmax", "one layer", 16), ("a",)),
        (
            [passed(held("a"), 0), passed(held("b"), 1), passed(op("cut", "Argmax"), 2)],
            NEVER.format("Argmax", "2 layers", 32),
            ("a", "b"),
        ),
        ([passed(held("a"), 0), passed(op("fine", "Exp"), 1)], None, ()),
        ([passed(held("a", frozen=True), 0), passed(op("cut", "Argmax"), 1)], None, ()),
        ([passed(layer("a", "ReLU"), 0), passed(op("cut", "Argmax"), 1)], None, ()),
        (
            [passed(held("a"), 0), returning(INTEGERS, op("cut", "Cast"), 1)],
            NEVER.format("Cast", "one layer", 16),
            ("a",),
        ),
        ([passed(END, 0), passed(op("cut", "Argmax"), 1)], None, ()),
        (
            [passed(held("a"), 0), passed(op("cut", "Argmax"), 1), passed(held("b"), 2), passed(op("last", "Sign"), 3)],
            NEVER.format("Argmax", "2 layers", 32),
            ("a", "b", "last#0"),
        ),
    ],
)
def test_what_lets_no_gradient_through(calls, message, related):
    calls = [X, *calls]
    graph = graph_of(*calls, passed(END, len(calls) - 1), **LOSS)
    problems = [(one.node, one.message, one.related) for one in NonDifferentiableCut().check(graph)]
    assert problems == ([("cut#0", message, related)] if message else [])
    assert found(NonDifferentiableCut, graph_of(*calls, passed(END, len(calls) - 1))) == []
    mine = graph_of(*calls, passed(END, len(calls) - 1), class_name="Mine", **LOSS)
    assert found(NonDifferentiableCut, mine) == []


def test_a_way_around_a_cut():
    around = [X, passed(held("a"), 0), passed(op("cut", "Argmax"), 1), call(layer("sum", "Add"), 1, 2)]
    assert found(NonDifferentiableCut, graph_of(*around, **LOSS)) == []


def two(loss, first=None, second=None, **fields):
    calls = [X, passed(first or held("one"), 0), passed(second or held("other"), 0)]
    return graph_of(*calls, outputs=[1, 2], compile_config={"loss": loss}, **fields)


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        ({"one": "mse"}, [("other", "output 'other' has no loss: 16 trainable parameters feed only this output and")]),
        ({"one": "mse", "other": "mse"}, []),
        ("mse", []),
        (None, []),
        ({"one": None, "other": None}, []),
        (["mse", None], [("other", "output 'other' has no loss: 16 trainable parameters feed only this output and")]),
        (
            {"one": "mse", "that": "mse"},
            [("unknown:that", "the loss 'that' is for no output of the model, which has 'one', 'other': fit")],
        ),
        ({"one": "mse", "other": "mse", "that": None}, []),
    ],
)
def test_outputs_without_a_loss(loss, told):
    problems = list(OutputWithoutLoss().check(two(loss)))
    assert [one.key for one in problems] == [key for key, _ in told]
    assert all(one.message.startswith(start) for one, (_, start) in zip(problems, told, strict=True))
    assert list(OutputWithoutLoss().check(two(loss, class_name="Mine"))) == []


def test_what_only_an_output_without_a_loss_trains():
    (problem,) = OutputWithoutLoss().check(two({"one": "mse"}))
    assert (problem.node, problem.related, problem.severity) == (Tensor("other#0", 0), ("other",), None)
    for second in (held("other", frozen=True), layer("other", "ReLU")):
        (problem,) = OutputWithoutLoss().check(two({"one": "mse"}, second=second))
        assert problem.message.endswith("nothing trainable depends on it alone") and problem.severity == "info"
        assert problem.related == ()
    calls = [X, passed(held("one"), 0), passed(held("a"), 1), passed(layer("other", "ReLU"), 2)]
    compiled = {"compile_config": {"loss": {"one": "mse"}}}
    (problem,) = OutputWithoutLoss().check(graph_of(*calls, outputs=[1, 3], **compiled))
    assert problem.related == ("a",)
    (problem,) = OutputWithoutLoss().check(
        graph_of(*calls, passed(layer("r", "ActivityRegularization"), 2), outputs=[1, 3], **compiled)
    )
    assert problem.severity == "info"


# -- D003 never-received-gradient ---------------------------------------------------------------------------------

STEPS = 20


def trained(*parts, touched, steps=STEPS, calls=None, class_name="Adam", **fields):
    """A chain of layers, with an Adam whose averages are 0 but for those of some of the trainable variables."""
    own = [variable for one in parts for variable in one.variables if variable.trainable]
    optimizer = adam(*(one.shape for one in own), class_name=class_name)
    optimizer.variables[0].values = Stored(steps)
    for place, one in enumerate(optimizer.variables[2:]):
        variable = own[place // 2]
        fill = 0.5 if f"{variable.slot}{own.index(variable)}" in touched else 0.0
        one.values = Stored([[fill] * variable.shape[-1]] * variable.shape[0])
    calls = calls or [X, *(passed(one, place) for place, one in enumerate(parts))]
    return graph_of(*calls, optimizer=optimizer, **{**LOSS, **fields})


@pytest.mark.parametrize(
    ("touched", "steps", "message"),
    [
        ({"kernel1"}, STEPS, "kernel (16 parameters) show no trace of a gradient after 20 steps of Adam"),
        ({"kernel1"}, 10, "kernel (16 parameters) show no trace of a gradient after 10 steps of Adam"),
        ({"kernel1"}, 9, None),
        ({"kernel0", "kernel1"}, STEPS, None),
        (set(), STEPS, None),
    ],
)
def test_variables_without_a_trace_of_a_gradient(touched, steps, message):
    def parts():
        return held("a", shapes=((4, 4),)), held("b")

    assert found(NeverReceivedGradient, trained(*parts(), touched=touched, steps=steps)) == (
        [("a", message)] if message else []
    )
    assert found(NeverReceivedGradient, trained(*parts(), touched=touched, steps=steps, class_name="Adagrad")) == []


def test_several_layers_without_a_trace():
    (problem,) = NeverReceivedGradient().check(trained(held("a"), held("b"), held("c"), touched={"kernel2"}))
    assert problem.message.startswith("2 variables of 2 layers (32 parameters) show no trace")
    assert (problem.node, problem.related) == ("a", ("b",)) and problem.hint.startswith("Find what stops gradients")


def test_what_is_explained_elsewhere_is_not_told():
    parts = held("a"), held("b")
    calls = [X, passed(parts[0], 0), passed(op("cut", "Argmax"), 1), passed(parts[1], 2)]
    assert found(NeverReceivedGradient, trained(*parts, touched={"kernel1"}, calls=calls)) == []
    aside = [X, passed(parts[0], 0), passed(parts[1], 0)]
    assert found(NeverReceivedGradient, trained(*parts, touched={"kernel1"}, calls=aside)) == []


def test_a_recurrent_layer_of_one_step():
    for steps, start in ((1, "Check the time axis"), (5, "Find what stops gradients")):
        spec = TensorSpec((None, steps, 4), "float32")
        parts = held("rnn", "LSTM"), held("b")
        entering = CallDefinition(layer("x", "InputLayer"), outputs=(spec,))
        calls = [entering, passed(parts[0], 0), passed(parts[1], 1)]
        (problem,) = NeverReceivedGradient().check(trained(*parts, touched={"kernel1"}, calls=calls))
        assert problem.hint.startswith(start)


def emptied(parts, touched, *, class_name, columns, **config):
    """A chain with an optimizer of another class, of which each slot is filled with a number of its own."""
    graph = trained(*parts, touched=touched)
    optimizer = graph.definition.optimizer
    optimizer.class_name, optimizer.config = class_name, {"learning_rate": 0.1, **config}
    slots = [
        VariableDefinition(f"{name}{place}", place, (4, 4), dtype="float32", trainable=False)
        for name in ("a", "b")
        for place in range(len(columns))
    ]
    for place, one in enumerate(slots):
        number = columns[place % len(columns)] if place < len(columns) else 7.0
        one.values = Stored(np.full((4, 4), number, "float32"))
    optimizer.variables = [*optimizer.variables[:2], *slots]
    return expand(graph.definition)


@pytest.mark.parametrize(
    ("class_name", "columns", "config", "told"),
    [
        ("Adagrad", [0.1], {}, False),
        ("Ftrl", [0.1, 0.0], {}, True),
        ("Ftrl", [0.1, 0.5], {}, False),
        ("Ftrl", [0.5, 0.0], {"initial_accumulator_value": 0.5}, True),
        ("Ftrl", [0.1, 0.0], {"initial_accumulator_value": 0.5}, False),
        ("RMSprop", [0.0], {}, True),
        ("Adam", [0.0, 0.0], {}, True),
        ("Adam", [0.0, 0.5], {}, False),
    ],
)
def test_what_each_optimizer_keeps_of_no_gradient(class_name, columns, config, told):
    graph = emptied((held("a"), held("b")), {"kernel1"}, class_name=class_name, columns=columns, **config)
    message = f"kernel (16 parameters) show no trace of a gradient after 20 steps of {class_name}"
    assert found(NeverReceivedGradient, graph) == ([("a", message)] if told else [])


def test_what_says_nothing_of_gradients():
    parts = held("a"), held("b")
    graph = trained(*parts, touched={"kernel1"})
    assert len(found(NeverReceivedGradient, graph)) == 1
    graph.definition.optimizer.variables[0].values = None
    assert found(NeverReceivedGradient, expand(graph.definition)) == []
    graph.definition.optimizer = None
    assert found(NeverReceivedGradient, expand(graph.definition)) == []
    graph = trained(*parts, touched={"kernel1"}, steps=1)
    assert len(list(NeverReceivedGradient(iterations=1).check(graph))) == 1
    assert list(NeverReceivedGradient(iterations=2).check(graph)) == []
    assert NeverReceivedGradient.options["iterations"].minimum == 1
    assert list(NeverReceivedGradient().check(trained(held("a"), touched=set()))) == []
    assert list(NeverReceivedGradient().check(trained(held("a"), touched={"kernel0"}))) == []


def test_the_variables_of_one_layer_without_a_trace():
    one = held("a", slots=("kernel", "bias"), shapes=((4, 4), (3, 3)))
    (problem,) = NeverReceivedGradient().check(trained(one, held("b"), touched={"kernel2"}))
    assert problem.message.startswith("kernel, bias (25 parameters) show no trace")
    assert (problem.node, problem.related) == ("a", ("a@kernel", "a@bias"))
    (problem,) = NeverReceivedGradient().check(trained(one, held("b"), touched={"kernel0", "kernel2"}))
    assert problem.message.startswith("bias (9 parameters)") and problem.related == ("a@bias",)


def test_variables_in_models_that_cannot_be_seen():
    for opaque, own_class, told in ((False, False, ["inner/a"]), (True, True, []), (True, False, [])):
        part, end = held("a"), held("b")
        inner = inside("inner", part)
        inner.opaque = opaque
        inner.class_name = "Mine" if own_class else "Functional"
        graph = trained(part, end, touched={"kernel1"}, calls=[X, passed(inner, 0), passed(end, 1)])
        graph.definition.root.opaque = False
        assert [node for node, _ in found(NeverReceivedGradient, graph)] == told
    graph = trained(held("a"), held("b"), touched={"kernel1"})
    graph.definition.root.opaque = True
    assert len(found(NeverReceivedGradient, expand(graph.definition))) == 1


def test_what_comes_before_a_constant_output_is_explained():
    def graph(*, outputs, after=()):
        a, norm, b = held("a"), held("norm", "LayerNormalization", slots=("gamma",), shapes=((1, 1),)), held("b")
        calls = [X, returning(ALONE, a, 0), returning(ALONE, norm, 1), passed(b, 0), *after]
        return trained(a, norm, b, touched={"kernel2"}, calls=calls, outputs=outputs, compile_config=None)

    assert found(NeverReceivedGradient, graph(outputs=[2, 3])) == []
    (problem,) = NeverReceivedGradient().check(graph(outputs=[1, 2, 3]))
    assert problem.node == "a" and problem.message.startswith("kernel (16 parameters)")
    joined = graph(outputs=[4], after=[call(layer("sum", "Add"), 2, 3)])
    (problem,) = NeverReceivedGradient().check(joined)
    assert problem.message.startswith("2 variables of 2 layers (17 parameters)")
    assert problem.hint.startswith("Normalise over an axis longer than 1, or remove the LayerNormalization: 'norm'")
    assert problem.hint.endswith("gives its offset, whatever it receives.")


def test_hints_of_layers_that_come_before_no_normalisation_of_one():
    a, norm, b, c = (
        held("a"),
        held("norm", "LayerNormalization", slots=("gamma",), shapes=((1, 1),)),
        held("b"),
        held("c"),
    )
    calls = [X, returning(ALONE, a, 0), returning(ALONE, norm, 1), passed(b, 0), passed(c, 0)]
    calls.append(call(layer("sum", "Add"), 2, 3, 4))
    for touched, start in (({"kernel2", "kernel3"}, "Normalise over"), ({"kernel3"}, "Find what stops gradients")):
        graph = trained(a, norm, b, c, touched=touched, calls=calls, compile_config=None)
        (problem,) = NeverReceivedGradient().check(graph)
        assert problem.hint.startswith(start), touched
    (problem,) = NeverReceivedGradient().check(
        trained(a, norm, b, c, touched={"kernel0", "kernel2", "kernel3"}, calls=calls, **LOSS)
    )
    assert problem.node == "norm" and problem.hint.startswith("Normalise over")


@pytest.mark.parametrize(
    ("shapes", "start"),
    [
        ([(None, 1, 4)], "Check the time axis"),
        ([(None, 5, 4)], "Find what stops gradients"),
        ([(None, 1, 4), (None, 5, 4)], "Check the time axis"),
        ([(None, 5, 4), (None, 1, 4)], "Check the time axis"),
        ([None], "Find what stops gradients"),
        ([(None,)], "Find what stops gradients"),
    ],
)
def test_recurrent_layers_of_one_step(shapes, start):
    rnn, end = held("rnn", "LSTM"), held("b")
    calls = [
        CallDefinition(layer(f"x{n}", "InputLayer"), outputs=(TensorSpec(one, "float32"),))
        for n, one in enumerate(shapes)
    ]
    count = len(calls)
    calls += [passed(rnn, place) for place in range(count)]
    calls += [passed(end, count + place) for place in range(count)]
    graph = trained(
        rnn, end, touched={"kernel1"}, calls=calls, inputs=range(count), outputs=list(range(2 * count, 3 * count))
    )
    (problem,) = NeverReceivedGradient().check(graph)
    assert problem.node == "rnn" and problem.hint.startswith(start)


def test_only_what_a_recurrent_layer_receives_first_is_its_sequence():
    one, five = (
        CallDefinition(layer(f"x{n}", "InputLayer"), outputs=(TensorSpec((None, n, 4), "float32"),)) for n in (1, 5)
    )
    for class_name, sources, start in (
        ("LSTM", (0, 1), "Check"),
        ("LSTM", (1, 0), "Find"),
        ("Dense", (0, 1), "Find"),
    ):
        rnn, end = held("rnn", class_name), held("b")
        calls = [one, five, passed(rnn, *sources), passed(end, 2)]
        (problem,) = NeverReceivedGradient().check(trained(rnn, end, touched={"kernel1"}, calls=calls, inputs=(0, 1)))
        assert problem.hint.startswith(start)
    rnn, other, end = held("rnn", "LSTM"), held("other"), held("b")
    calls = [one, passed(rnn, 0), passed(other, 1), passed(end, 2)]
    for touched, start in (({"kernel2"}, "Find"), ({"kernel1", "kernel2"}, "Check")):
        (problem,) = NeverReceivedGradient().check(trained(rnn, other, end, touched=touched, calls=calls))
        assert problem.hint.startswith(start)


# -- D009 uncalled-sublayer ---------------------------------------------------------------------------------------


def holding(*spare, called=(), **attributes):
    """A custom layer in memory with sublayers of which its code calls some."""
    calls = [input_call("i"), *(passed(one, place) for place, one in enumerate(called))]
    block = opened(*calls)
    block.body.layers = [*block.body.layers, *spare]
    for one in (*called, *spare):
        one.obj = one.obj or object()
    owner = type("Block", (), {"__module__": "mine"})()
    for name, value in attributes.items():
        setattr(owner, name, [one.obj for one in value] if isinstance(value, (list, tuple)) else value.obj)
    block.obj = owner
    return graph_of(X, passed(block, 0), front_end=FrontEnd.LIVE)


def test_sublayers_that_code_never_calls():
    def told(graph):
        return [(one.node, one.message, one.related, one.hint) for one in UncalledSublayer().check(graph)]

    hint = "Call it in Block.call, or do not create it."
    a, b, c, d = (held(name) for name in "abcd")
    assert told(holding(b, called=(a,), first=a, second=b)) == [
        ("block/b", "no method of Block calls it: 16 parameters influence nothing", (), hint)
    ]
    assert told(holding(called=(a,), first=a)) == []
    assert told(holding(b, called=(a,), stages=[a, b])) == [
        (
            "block/b",
            "Block calls 1 of the 2 layers in 'stages', and not this: 16 parameters influence nothing",
            (),
            hint,
        )
    ]
    assert told(holding(c, d, called=(a, b), stages=[a, b, c, d])) == [
        (
            "block/c",
            "Block calls 2 of the 4 layers in 'stages', and not this and others: 32 parameters influence nothing",
            ("block/d",),
            hint,
        )
    ]
    assert [node for node, *_ in told(holding(b, c, called=(a,), first=a, second=b, third=c))] == ["block/b", "block/c"]


# -- what findings name -------------------------------------------------------------------------------------------


def test_the_ends_of_what_an_unused_input_feeds():
    fed = [X, input_call("y"), passed(held("z"), 1), passed(held("b"), 1), passed(held("c"), 1), passed(held("a"), 0)]
    (problem,) = UnusedInput().check(graph_of(*fed, inputs=(0, 1)))
    assert problem.related == ("b#0", "c#0", "z#0")
    several = [X, input_call("y"), input_call("z"), passed(held("a"), 0)]
    assert [one.node for one in UnusedInput().check(graph_of(*several, inputs=(0, 1, 2)))] == ["y#0", "z#0"]
    for dtype, words in (("int32", "input (?, 4) int32 reaches"), (None, "input (?, 4) of unknown dtype reaches")):
        odd = CallDefinition(layer("y", "InputLayer"), outputs=(TensorSpec((None, 4), dtype),))
        (problem,) = UnusedInput().check(graph_of(X, odd, passed(held("a"), 0), inputs=(0, 1)))
        assert problem.message.startswith(words)


def test_the_ends_of_a_dead_branch():
    def branch():
        parts = {name: held(name) for name in ("main", "a", "z", "b")}
        calls = [input_call("i"), passed(parts["main"], 0), passed(parts["a"], 0)]
        calls += [passed(parts["z"], 2), passed(parts["b"], 2)]
        return model("inner", calls, [0], [1])

    (problem,) = DeadBranchRule().check(graph_of(X, passed(branch(), 0), passed(held("end"), 1)))
    assert problem.node == Tensor("inner#0/z#0", 0)
    assert problem.related == ("inner/a", "inner/z", "inner/b", Tensor("inner#0/b#0", 0))
    assert problem.message.startswith("3 layers with 48 trainable parameters feed only what reaches no output")
    around = branch()
    for name in ("d", "c", "b", "a"):
        around = model(name, [input_call("o"), passed(around, 0)], [0], [1])
    (problem,) = DeadBranchRule().check(graph_of(X, passed(around, 0), passed(held("end"), 1)))
    assert problem.fix.edits[0].layers == ("a", "a/b", "a/b/c", "a/b/c/d", "a/b/c/d/inner")


def test_a_constant_output_of_code():
    for traced, severity in ((True, "info"), (False, None)):
        table = held("table")
        if traced:
            block = opened(input_call("i"), passed(table))
            calls = [X, passed(block, 0)]
        else:
            calls = [X, passed(table)]
        (problem,) = ConstantOutput().check(graph_of(*calls))
        assert problem.severity == severity
    two_outputs = [X, passed(held("a"), 0), passed(held("table")), passed(held("more"))]
    found_ = list(ConstantOutput().check(graph_of(*two_outputs, outputs=[2, 1, 3])))
    assert [one.key for one in found_] == ["0", "2"]


def test_a_model_that_stays_closed_has_no_constant_output():
    root = layer("sub", "MyModel", is_model=True, opaque=True)
    assert list(ConstantOutput().check(expand(ModelDefinition(root, FrontEnd.STATIC, "keras", has_weights=True)))) == []


def test_constant_outputs_name_only_what_comes_before_them():
    norm = layer("norm", "LayerNormalization")
    calls = [X, returning(ALONE, held("a"), 0), returning(ALONE, norm, 1), passed(held("b"), 2), passed(held("table"))]
    calls.append(call(layer("sum", "Add"), 3, 0))
    told = [(one.key, one.related, one.severity) for one in ConstantOutput().check(graph_of(*calls, outputs=[5, 4, 3]))]
    assert told == [("1", (), None), ("2", ("norm#0",), None)]
    block = opened(input_call("i"), returning(ALONE, held("a"), 0), returning(ALONE, norm, 1))
    (problem,) = ConstantOutput().check(graph_of(X, passed(block, 0)))
    assert problem.severity is None and problem.related == ("block#0/norm#0",)


def test_a_dead_branch_inside_a_class_of_ones_own():
    inner = model("inner", [input_call("i"), passed(held("main"), 0), passed(held("side"), 0)], [0], [1])
    outer = model("outer", [input_call("o"), passed(inner, 0)], [0], [1])
    for one, fixed in ((outer, False), (inner, False), (None, True)):
        for each in (inner, outer):
            each.class_name = "Mine" if each is one else "Functional"
        (problem,) = DeadBranchRule().check(graph_of(X, passed(outer, 0), passed(END, 1)))
        assert (problem.fix is not None) is fixed


def test_a_dead_call_that_returns_nothing():
    nothing = CallDefinition(held("a"), (TensorRef(2, 0),), outputs=())
    (problem,) = DeadBranchRule().check(
        graph_of(X, passed(held("main"), 0), passed(held("b"), 0), nothing, outputs=[1])
    )
    assert (problem.node, problem.related) == ("a#0", ("b", "a"))


def test_penalties_of_one_of_several_dead_layers():
    penalised = held("b", kernel_regularizer={"class_name": "L2"})
    (problem,) = DeadBranchRule().check(branches(held("a"), penalised))
    assert problem.fix.changes == "the penalties on the removed weights no longer count"


def test_one_branch_says_nothing_of_the_next():
    first = model("m", [input_call("i"), passed(held("main"), 0), passed(held("side"), 0)], [0], [1, 2])
    first.class_name = "Mine"
    second = model("n", [input_call("i"), passed(held("main"), 0), passed(held("side"), 0)], [0], [1, 2])
    calls = [
        X,
        *(
            CallDefinition(one, (TensorRef(place, 0),), outputs=(SPEC,) * 2)
            for place, one in enumerate((first, second))
        ),
    ]
    assert [one.node for one in DeadBranchRule().check(graph_of(*calls, passed(END, 2)))] == [Tensor("n#0/side#0", 0)]


def test_what_cuts_gradients_in_words():
    norm = layer("norm", "LayerNormalization")
    calls = [X, returning(ALONE, held("a"), 0), returning(ALONE, norm, 1), call(layer("sum", "Add"), 2, 0)]
    (problem,) = NonDifferentiableCut().check(graph_of(*calls, passed(END, 3), **LOSS))
    assert problem.message == NEVER.format(
        "LayerNormalization over an axis of size 1, which gives its offset whatever it receives,", "one layer", 16
    )
    assert problem.hint == "Normalise over an axis longer than 1, or remove the LayerNormalization."
    two_parts = [
        *(X, passed(held("a"), 0), passed(op("cut", "Argmax"), 1), passed(held("b"), 0), passed(op("stop", "Sign"), 3)),
        call(layer("sum", "Add"), 2, 4),
    ]
    told = [
        (one.node, one.related) for one in NonDifferentiableCut().check(graph_of(*two_parts, passed(END, 5), **LOSS))
    ]
    assert told == [("cut#0", ("a",)), ("stop#0", ("b",))]
    frozen_first = [
        *(X, passed(held("a", frozen=True), 0), passed(op("cut", "Argmax"), 1), passed(held("b"), 0)),
        *(passed(op("stop", "Sign"), 3), call(layer("sum", "Add"), 2, 4)),
    ]
    told = [one.node for one in NonDifferentiableCut().check(graph_of(*frozen_first, passed(END, 5), **LOSS))]
    assert told == ["stop#0"]


def test_an_output_of_integers_lets_no_gradient_through():
    calls = [X, passed(held("a"), 0), returning(INTEGERS, op("whole", "Round"), 1)]
    (problem,) = NonDifferentiableCut().check(graph_of(*calls, **LOSS))
    assert problem.message == NEVER.format("Round", "one layer", 16) and problem.node == "whole#0"
    ends = [X, passed(held("a"), 0), returning(INTEGERS, held("whole"), 1)]
    (problem,) = NonDifferentiableCut().check(graph_of(*ends, **LOSS))
    assert (problem.node, problem.related) == ("whole#0", ("a", "whole"))


def test_many_outputs_and_one_loss_that_fits_none():
    for count, names in ((8, ""), (9, " and 1 more")):
        parts = [held(f"o{place}") for place in range(count)]
        calls = [X, *(passed(one, 0) for one in parts)]
        graph = graph_of(*calls, outputs=list(range(1, count + 1)), compile_config={"loss": {"that": "mse"}})
        (problem,) = OutputWithoutLoss().check(graph)
        shown = ", ".join(repr(f"o{place}") for place in range(8))
        assert problem.message == (
            f"the loss 'that' is for no output of the model, which has {shown}{names}: fit refuses it"
        )
        assert (problem.severity, problem.node, problem.key) == ("error", None, "unknown:that")


def test_outputs_without_a_loss_that_share_a_layer():
    trunk = held("trunk")
    calls = [X, passed(trunk, 0), passed(held("one"), 1), passed(held("two"), 1), passed(held("three"), 1)]

    def told(loss):
        graph = graph_of(*calls, outputs=[2, 3, 4], compile_config={"loss": loss})
        return [(one.key, one.related, one.hint) for one in OutputWithoutLoss().check(graph)]

    freeze = "Give {!r} a loss in compile(loss=...), or freeze the layers that feed only it."
    assert told({"one": "mse"}) == [
        ("two", ("two",), freeze.format("two")),
        ("three", ("three",), freeze.format("three")),
    ]
    side = [X, passed(trunk, 0), passed(held("one"), 0), passed(held("two"), 1), passed(held("three"), 1)]
    graph = graph_of(*side, outputs=[2, 3, 4], compile_config={"loss": {"one": "mse"}})
    assert [(one.key, one.related) for one in OutputWithoutLoss().check(graph)] == [
        ("two", ("trunk", "two")),
        ("three", ("three",)),
    ]
    twice = graph_of(*side, outputs=[2, 3, 3], compile_config={"loss": ["mse", None, None]})
    assert [(one.related, one.severity) for one in OutputWithoutLoss().check(twice)] == [
        (("trunk", "two"), None),
        ((), "info"),
    ]


# -- D007 weights-without-graph -----------------------------------------------------------------------------------


def test_layers_without_weights_and_weights_without_layers():
    def told(*parts, **fields):
        calls = [X, *(passed(one, place) for place, one in enumerate(parts))]
        return found(WeightsWithoutGraph, graph_of(*calls, **fields))

    whole = held("a", slots=("kernel", "bias"), shapes=((4, 2), (2,)), units=2)
    half = held("a", slots=("kernel",), shapes=((4, 2),), units=2)
    assert told(whole) == []
    assert told(whole, waiting("b")) == [("b", "Dense is called and has no weights in the file, expected kernel, bias")]
    assert told(half) == [("a", "Dense needs 2 variables (kernel, bias), but the file has 1")]
    live = {"front_end": FrontEnd.LIVE}
    assert told(half, waiting("b"), stray_weights={"y": 1}, **live) == []
    stray = {f"g{place}": 2 for place in range(4)}
    (three,) = told(whole, stray_weights=dict(list(stray.items())[:3]))
    assert three[1].startswith("3 stored groups with 6 values") and three[1].endswith(": g0, g1, g2")
    (four,) = told(whole, stray_weights=stray)
    assert four[1].startswith("4 stored groups with 8 values") and four[1].endswith(": g0, g1, g2, ...")


# -- X rules ------------------------------------------------------------------------------------------------------


def file(raw=None, format_="keras", **fields):
    root = LayerDefinition("net", "Sequential", "keras", is_model=True, opaque=True)
    return expand(ModelDefinition(root, FrontEnd.STATIC, format_, raw=raw, **fields))


@pytest.mark.parametrize(
    ("kind", "trick", "gadget"),
    [
        (ProblemKind.ARCHIVE, True, False),
        (ProblemKind.HDF5, True, False),
        (ProblemKind.JSON, True, False),
        (ProblemKind.STRUCTURE, False, False),
        (ProblemKind.UNSEEN, False, True),
        (ProblemKind.GADGET, False, True),
    ],
)
def test_problems_of_files(kind, trick, gadget):
    for danger, whom in ((None, ""), (Danger.FOREIGN_NAME, "; endangers Keras up to 3.8 (CVE-2025-1550)")):
        graph = file(problems=[SourceProblem(kind, "odd", danger=danger)])
        assert found(ArchiveOrH5Trick, graph) == ([(".", f"odd{whom}")] if trick else [])
        said = "odd: what they do could not be judged" if kind is ProblemKind.UNSEEN else f"odd{whom}"
        assert found(Gadget, graph) == ([(".", said)] if gadget else [])
        assert all(one.key == "odd" for rule in (ArchiveOrH5Trick, Gadget) for one in rule().check(graph))


def test_the_layer_that_a_problem_concerns():
    one = held("a")
    problems = [
        SourceProblem(ProblemKind.HDF5, "odd", layer=one),
        SourceProblem(ProblemKind.HDF5, "odd", layer=held("b")),
    ]
    graph = graph_of(X, passed(one, 0), problems=problems)
    assert [node for node, _ in found(ArchiveOrH5Trick, graph)] == ["a", "."]


def entry(module, name, class_name="function", **config):
    if class_name != "function":
        return {"class_name": name, "module": module, "config": config}
    return {"class_name": "function", "module": module, "config": name, "registered_name": name}


SYSTEM, GET_FILE = entry("os", "system"), entry("keras.utils", "get_file")
CODE = {"class_name": "__lambda__", "config": {"code": "4wE"}}


@pytest.mark.parametrize(
    ("held_", "foreign", "gadget", "code"),
    [
        (SYSTEM, True, False, False),
        (GET_FILE, False, True, False),
        (CODE, False, False, True),
        (entry("keras.activations", "relu"), False, False, False),
    ],
)
def test_each_danger_is_told_by_one_rule(held_, foreign, gadget, code):
    graph = file({"class_name": "Dense", "module": "keras.layers", "config": {"activation": held_}})
    assert [len(found(rule, graph)) for rule in (ForeignReference, Gadget, LambdaCode)] == [foreign, gadget, code]


def test_dangers_in_words():
    ((node, message),) = found(ForeignReference, file({"class_name": "Dense", "config": {"held": SYSTEM}}))
    assert node == "." and message.startswith("names 'os.system' in ") and "held" in message.partition(",")[0]
    assert "a part of Python's standard library" in message and message.endswith("(CVE-2025-1550)")
    ((_, message),) = found(Gadget, file({"class_name": "Dense", "config": {"held": GET_FILE}}))
    assert message.startswith("names 'get_file' in ") and "; endangers " in message
    for format_, old in (("keras", False), ("h5", True)):
        ((_, message),) = found(LambdaCode, file({"class_name": "Dense", "config": {"held": CODE}}, format_))
        assert (
            message.startswith("serialized Python code in ") and ("safe_mode does not apply to .h5" in message) is old
        )


def test_many_gadgets_of_one_layer():
    for count, more in ((10, ""), (11, "; and 1 more")):
        operations = [{"class_name": "TFOpLambda", "config": {"function": f"io.read_file_{n}"}} for n in range(count)]
        told = found(Gadget, file({"class_name": "Dense", "config": {"held": operations}}))
        assert len(told) == 1 and f"{more}; endangers" in told[0][1] and ("more" in told[0][1]) is bool(more)


def test_variables_of_layers_that_code_makes():
    part, end = held("a"), held("b")
    block = opened(input_call("i"), passed(part, 0))
    graph = trained(part, end, touched={"kernel1"}, calls=[X, passed(block, 0), passed(end, 1)])
    assert [node for node, _ in found(NeverReceivedGradient, graph)] == ["block/a"]
    block.is_model = True
    graph = trained(part, end, touched={"kernel1"}, calls=[X, passed(block, 0), passed(end, 1)])
    assert found(NeverReceivedGradient, graph) == []


def test_a_gradient_that_comes_by_another_call():
    a, b = held("a"), held("b")
    calls = [X, passed(a, 0), passed(op("cut", "Argmax"), 1), passed(a, 0), passed(b, 3)]
    graph = trained(a, b, touched={"kernel1"}, calls=[*calls, call(layer("sum", "Add"), 2, 4)])
    assert [node for node, _ in found(NeverReceivedGradient, graph)] == ["a"]


def test_layers_are_named_in_the_order_of_the_model():
    def kernel(name, shape):
        return held(name, "EinsumDense", shapes=(shape,))

    children = {"key_dense": kernel("k", (2, 2)), "query_dense": kernel("q", (3, 3))}
    attends, end = layer("mha", "MultiHeadAttention", children=children), held("b")
    optimizer = adam((3, 3), (2, 2), (4, 4))
    optimizer.variables[0].values = Stored(STEPS)
    for place, one in enumerate(optimizer.variables[2:]):
        one.values = Stored(np.full(one.shape, 0.5 if place > 3 else 0.0))
    graph = graph_of(X, passed(attends, 0), passed(end, 1), optimizer=optimizer, **LOSS)
    (problem,) = NeverReceivedGradient().check(graph)
    assert (problem.node, problem.related) == ("mha/key_dense", ("mha/query_dense",))
    assert problem.message.startswith("2 variables of 2 layers (13 parameters)")


def test_several_calls_where_gradients_stop():
    whole = [op(name, "Round") for name in ("one", "other")]
    calls = [X, passed(held("a"), 0), *(returning(INTEGERS, one, 1) for one in whole), call(layer("sum", "Add"), 2, 3)]
    (problem,) = NonDifferentiableCut().check(graph_of(*calls, passed(END, 4), **LOSS))
    assert (problem.node, problem.related) == ("one#0", ("a", "other#0"))
    casts = [held(name) for name in ("one", "other")]
    calls = [X, passed(held("a"), 0), *(returning(INTEGERS, one, 1) for one in casts), call(layer("sum", "Add"), 2, 3)]
    (problem,) = NonDifferentiableCut().check(graph_of(*calls, passed(END, 4), **LOSS))
    assert (problem.node, problem.related) == ("one#0", ("a", "one", "other", "other#0"))


def test_hints_for_outputs_without_a_loss():
    (problem,) = OutputWithoutLoss().check(two({"one": "mse"}, second=layer("other", "ReLU")))
    assert problem.hint == "Give 'other' a loss in compile(loss=...) if it should be trained."
    assert list(OutputWithoutLoss().check(file())) == []
