"""Rules of parameters and repeated functions on definitions: each condition from both sides, without Keras."""

from __future__ import annotations

import numpy as np
import pytest

from graphlint.findings.edits import DropVariables, Prune
from graphlint.model.definition import (
    CallDefinition,
    Constant,
    ConstantKind,
    Format,
    FrontEnd,
    TensorRef,
    VariableDefinition,
)
from graphlint.model.expand import expand
from rules.parameters.double_counted import DoubleCounted
from rules.parameters.duplicate_weights import DuplicateWeights
from rules.parameters.unreachable_parameters import UnreachableParameters
from rules.redundancy.identical_lambdas import IdenticalLambdas
from tests.model.definitions import SPEC, call, input_call, layer, model
from tests.questions.test_statistics import Stored
from tests.rules.test_definitions import chain, dense, entering, graph_of, made, op, places, step
from tests.rules.test_definitions_of_training import opened, passed


def variable(slot="kernel", shape=(4, 4), index=0, **fields):
    return VariableDefinition(slot, index, shape, **{"dtype": "float32", "trainable": True, **fields})


def around(name, *inside):
    return model(name, [input_call("i"), *(call(one, place) for place, one in enumerate(inside))], [0], [len(inside)])


# -- P001 double-counted ------------------------------------------------------------------------------------------


def test_sums_over_layers():
    a, b = dense("a"), dense("b", 2)
    assert list(DoubleCounted().check(graph_of([entering(), step(a, 0), step(a, 1), step(b, 2)]))) == []
    graph = graph_of([entering(), step(a, 0), step(around("inner", a, b), 1)])
    (problem,) = DoubleCounted().check(graph)
    assert problem.message == ("the layers add up to 40 parameters, the model has 24: a and inner both hold 16")
    assert problem.related == ("a", "inner")
    graph = graph_of([entering(), step(a, 0), step(b, 0), step(around("inner", a, b), 1)], [2, 3])
    (problem,) = DoubleCounted().check(graph)
    assert "a and inner both hold 16" in problem.message and "b and inner both hold 8" in problem.message
    assert sorted(problem.related) == ["a", "b", "inner"]
    several = around("one", a, b), around("two", a, b)
    (problem,) = DoubleCounted().check(graph_of([entering(), step(several[0], 0), step(several[1], 1)]))
    assert problem.message.endswith("the model has 24: one and two both hold 24")
    many = [dense(f"d{place}") for place in range(5)]
    for count, ending in ((5, "; and 2 more pairs"), (4, "; and 1 more pairs"), (3, "d2 and inner both hold 16")):
        calls = [entering(), *(step(one, 0) for one in many[:count]), step(around("inner", *many[:count]), 0)]
        (problem,) = DoubleCounted().check(graph_of(calls, list(range(1, count + 2))))
        assert problem.message.endswith(ending) and problem.message.count(" both hold ") == 3


# -- P002 duplicate-weights ---------------------------------------------------------------------------------------

NUMBERS = np.arange(256, dtype="float32").reshape(16, 16)
OTHERS = np.concatenate([NUMBERS[:1, ::-1], NUMBERS[1:]])


def holding(name, values=NUMBERS, class_name="Dense", slot="kernel", **config):
    found = layer(name, class_name, config=config)
    stored = None if values is None else Stored(values)
    shape = (16, 16) if values is None else values.shape
    dtype = "float32" if values is None else str(values.dtype)
    found.variables = [variable(slot, shape, dtype=dtype, values=stored)]
    return found


def duplicates(*parts, form=Format.KERAS):
    graph = chain(*parts)
    graph.definition.format = form
    return [(one.node, one.related) for one in DuplicateWeights().check(graph)]


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (holding("a"), holding("b"), True),
        (holding("a"), holding("b", OTHERS), False),
        (holding("a"), holding("b", None), False),
        (holding("a"), holding("b", NUMBERS.reshape(8, 32)), False),
        (holding("a"), holding("b", NUMBERS.astype("float64")), False),
        (holding("a", NUMBERS[:15, :15]), holding("b", NUMBERS[:15, :15]), False),
        (holding("a", np.ones((16, 16), "float32")), holding("b", np.ones((16, 16), "float32")), False),
        (holding("a", class_name="Embedding"), holding("b"), False),
        (holding("a", class_name="Embedding"), holding("b", class_name="Embedding"), True),
        (holding("a", class_name="Conv1D"), holding("b"), True),
        *(
            (holding("a"), holding(name), False)
            for name in ("ema_b", "b_target", "teacher.b", "b-frozen", "b momentum")
        ),
        *((holding("a"), holding(name), True) for name in ("schema", "behold", "retarget")),
    ],
)
def test_equal_numbers(first, second, found):
    assert duplicates(first, second) == ([("a@kernel", (f"{second.name}@kernel",))] if found else [])


@pytest.mark.parametrize(("count", "found"), [(64, [("n63@kernel", ("again@kernel",))]), (65, [])])
def test_only_so_many_different_variables_with_the_same_extremes_are_compared(count, found):
    rolled = [np.roll(NUMBERS, number) for number in range(count)]
    unlike = [holding(f"n{number}", values) for number, values in enumerate(rolled)]
    assert duplicates(*unlike, holding("again", rolled[-1])) == found


def test_copies_in_words():
    def said(*parts):
        graph = chain(*parts)
        return [one.message for one in DuplicateWeights().check(graph)]

    end = "elsewhere, equal byte for byte"
    assert said(holding("a"), holding("b")) == [f"kernel [16, 16] (256 values) has a copy {end}"]
    three = holding("a"), holding("b"), holding("c")
    assert said(*three) == [f"kernel [16, 16] (256 values) has 2 copies {end}"]
    assert duplicates(*three) == [("a@kernel", ("b@kernel", "c@kernel"))]
    two = [holding(name) for name in "ab"]
    for one in two:
        one.variables.append(variable("more", (16, 16), 1, values=Stored(OTHERS)))
    assert said(*two) == [f"2 variables (512 values) have a copy {end}"]
    assert duplicates(*two) == [("a", ("b@kernel", "b@more"))]
    mixed = [holding("a"), holding("z", OTHERS), holding("b"), holding("y", OTHERS)]
    assert duplicates(*mixed) == [("a@kernel", ("b@kernel",)), ("z@kernel", ("y@kernel",))]
    alone, nothing = holding("alone", NUMBERS.reshape(8, 32)), np.full((16, 16), np.nan, "float32")
    assert duplicates(alone, holding("n", nothing), holding("o", nothing)) == []
    assert duplicates(alone, holding("a"), holding("n", nothing), holding("b")) == [("a@kernel", ("b@kernel",))]
    constant = holding("zero", np.zeros((16, 16), "float32"))
    assert duplicates(constant, holding("a"), holding("b")) == [("a@kernel", ("b@kernel",))]


def test_copies_in_nested_models():
    def pairs(names, form=Format.KERAS):
        return duplicates(*(around(outer, holding(inner)) for outer, inner in names), form=form)

    alike, unlike = [("one", "d"), ("two", "d")], [("one", "d"), ("two", "e")]
    assert pairs(alike) == [("one/d@kernel", ("two/d@kernel",))]
    assert pairs(alike, Format.H5) == []
    assert pairs(unlike, Format.H5) == [("one/d@kernel", ("two/e@kernel",))]
    graph = chain(around("one", holding("d"), holding("e", OTHERS)), around("two", holding("d"), holding("e", OTHERS)))
    (problem,) = DuplicateWeights().check(graph)
    assert problem.message.startswith("2 variables") and problem.node == "one/d"
    (edit,) = problem.fix.edits
    assert (edit.keep, edit.drop) == ("one", "two")
    (problem,) = DuplicateWeights().check(chain(around("one", holding("d")), holding("e")))
    assert problem.fix is None


def test_copies_that_become_one_layer():
    (problem,) = DuplicateWeights().check(chain(holding("a"), holding("b"), holding("c")))
    assert [(edit.keep, edit.drop) for edit in problem.fix.edits] == [("a", "b"), ("a", "c")]
    (problem,) = DuplicateWeights().check(chain(holding("a"), holding("b", units=3)))
    assert problem.fix is None
    (problem,) = DuplicateWeights().check(chain(holding("a"), holding("b"), holding("c", units=3)))
    assert problem.fix is None
    wrapped = [layer(name, "TimeDistributed", children={"layer": holding("d")}) for name in ("one", "two")]
    (problem,) = DuplicateWeights().check(chain(*wrapped))
    assert [(edit.keep, edit.drop) for edit in problem.fix.edits] == [("one", "two")]
    twice = holding("a")
    twice.variables.append(variable("more", (16, 16), 1, values=Stored(NUMBERS)))
    for form in (Format.KERAS, Format.H5):
        assert duplicates(twice, form=form) == [("a@kernel", ("a@more",))]
    (problem,) = DuplicateWeights().check(chain(twice))
    assert problem.fix is None
    graph = chain(holding("a"))
    graph.definition.root.body.layers.append(holding("b"))
    (problem,) = DuplicateWeights().check(expand(graph.definition))
    assert problem.related == ("b@kernel",) and problem.fix is None
    held = layer("both", "Bidirectional", children={"forward_layer": holding("d"), "backward_layer": holding("e")})
    (problem,) = DuplicateWeights().check(chain(held))
    assert problem.fix is None


# -- P004 unreachable-parameters ----------------------------------------------------------------------------------


def unused(root="Functional", form=Format.KERAS, inner_class="Functional", front_end="static", **fields):
    inner = around("inner", dense("a"))
    inner.class_name, inner.registered_name = inner_class, None if inner_class == "Functional" else "x>Mine"
    inner.variables = [variable("lost", (3,), **fields)]
    graph = graph_of([entering(), step(inner, 0), step(dense("end"), 1)])
    graph.definition.format, graph.definition.front_end = form, front_end
    graph.root.definition.class_name = root
    return graph


def test_parameters_that_influence_nothing():
    (problem,) = UnreachableParameters().check(unused())
    assert problem.message == "3 of 35 parameters (9%) influence no output"
    assert (problem.node, problem.related) == ("inner", ())
    (edit,) = problem.fix.edits
    assert isinstance(edit, DropVariables) and edit.layers == ("inner",)
    (problem,) = UnreachableParameters().check(unused(form=Format.H5))
    assert problem.fix is None
    (problem,) = UnreachableParameters().check(unused(front_end=FrontEnd.LIVE))
    assert isinstance(problem.fix.edits[0], Prune) and problem.fix.edits[0].layers == ("inner",)
    assert list(UnreachableParameters().check(unused(trainable=False))) == []
    assert list(UnreachableParameters().check(unused(inner_class="Mine"))) == []
    two = around("one", dense("a")), around("two", dense("b"))
    for one in two:
        one.variables = [variable("lost", (3,)), variable("more", (2,), 1)]
    (problem,) = UnreachableParameters().check(graph_of([entering(), step(two[0], 0), step(two[1], 1)]))
    assert problem.message.startswith("10 of 42") and (problem.node, problem.related) == ("one", ("two",))
    assert problem.fix.edits[0].layers == ("one", "two")
    assert list(UnreachableParameters().check(chain(dense("a")))) == []
    inner = around("inner", dense("a"))
    inner.variables = [variable("lost", (3,))]
    (problem,) = UnreachableParameters().check(chain(around("outer", inner), dense("end")))
    assert (problem.node, problem.fix.edits[0].layers) == ("outer/inner", ("outer/inner",))


def test_variables_of_a_model_that_are_used():
    inner = around("inner", dense("a"))
    inner.variables = [variable("scale", (4,))]
    inner.variables[0].obj = object()
    constant = Constant(ConstantKind.VARIABLE, None, dtype="float32", shape=(4,), obj=inner.variables[0].obj)
    for used in (True, False):
        inner.body.calls[1].kwargs = {"by": constant} if used else {}
        problems = list(UnreachableParameters().check(chain(inner, dense("end"))))
        assert [one.node for one in problems] == ([] if used else ["inner"])
    calls = [
        input_call("i"),
        call(dense("main"), 0),
        call(op("times"), 0),
        call(layer("r", "ActivityRegularization"), 2),
    ]
    penalised = model("inner", calls, [0], [1])
    penalised.variables = inner.variables
    for used in (True, False):
        calls[2].kwargs = {"by": constant} if used else {}
        problems = list(UnreachableParameters().check(chain(penalised, dense("end"))))
        assert [one.node for one in problems] == ([] if used else ["inner"])
    graph = chain(dense("main"))
    graph.definition.root.body.layers.append(inner)
    assert list(UnreachableParameters().check(expand(graph.definition))) == []


def test_what_code_may_use():
    code = opened(input_call("i"), passed(dense("a"), 0))
    code.variables = [variable("lost", (3,))]
    assert list(UnreachableParameters().check(graph_of([entering(), step(code, 0), step(dense("end"), 1)]))) == []
    inner = around("inner", dense("a"))
    inner.variables = [variable("lost", (3,))]
    for outer in (opened(input_call("i"), passed(inner, 0)), around("outer", inner)):
        problems = list(UnreachableParameters().check(graph_of([entering(), step(outer, 0), step(dense("end"), 1)])))
        assert [one.node for one in problems] == (["outer/inner"] if outer.name == "outer" else [])


def test_what_other_rules_tell():
    calls = [entering(), step(dense("a"), 0), step(dense("dead"), 0)]
    assert list(UnreachableParameters().check(graph_of(calls, [1]))) == []
    calls = [entering(), step(dense("a"), 0), step(dense("side"), 0), step(made("add", "ActivityRegularization"), 2)]
    assert list(UnreachableParameters().check(graph_of(calls, [1]))) == []
    graph = graph_of([entering(), step(dense("a"), 0)])
    graph.definition.root.body.layers.append(dense("uncalled"))
    graph = expand(graph.definition)
    assert "uncalled" in graph.layers and list(UnreachableParameters().check(graph)) == []


def attention(*args, axes=None, keys=True, trainable=True, class_name="MultiHeadAttention", length=1, **kwargs):
    children = {
        name: layer(name, "EinsumDense", 5, config={})
        for name in ("query_dense", "key_dense", "value_dense")[not keys :]
    }
    for one in children.values():
        one.variables[0].trainable = trainable
    attends = layer("mha", class_name, children=children, config={"attention_axes": axes})
    calls = [entering((None, 6, 4), "query"), entering((None, length, 4), "one"), entering((None, 6, 4), "many")]
    places_of = {"query": 0, "one": 1, "many": 2}
    turned = tuple(TensorRef(places_of[one], 0) if one in places_of else one for one in args)
    named = {key: TensorRef(places_of[one], 0) for key, one in kwargs.items()}
    calls.append(CallDefinition(attends, turned, named, outputs=(SPEC,)))
    return [(one.node, one.related) for one in UnreachableParameters().check(graph_of(calls)) if one.key == "attention"]


IDLE = [("mha", ("mha/query_dense@kernel", "mha/key_dense@kernel"))]


@pytest.mark.parametrize(
    ("args", "kwargs", "found"),
    [
        (("query", "one"), {}, True),
        (("query", "many"), {}, False),
        (("query", "many", "one"), {}, True),
        (("query", "one", "many"), {}, False),
        (("query",), {"value": "one"}, True),
        (("query",), {"value": "many"}, False),
        (("query",), {"value": "many", "key": "one"}, True),
        (("query",), {"value": "one", "key": "many"}, False),
        (("query",), {}, False),
        (("query", 3), {}, False),
    ],
)
def test_attention_to_one_position(args, kwargs, found):
    assert attention(*args, **kwargs) == (IDLE if found else [])


def test_which_attention_has_no_effect():
    for axes, found in ((1, True), ([1], True), (2, False), ([1, 2], False)):
        assert attention("query", "one", axes=axes) == (IDLE if found else [])
    assert attention("query", "one", length=2) == []
    assert attention("query", "one", length=None) == []
    assert attention("query", "one", class_name="GroupedQueryAttention") == []
    assert attention("query", "one", trainable=False) == []
    assert attention("query", "one", keys=False) == [("mha", ("mha/key_dense@kernel",))]
    children = {name: layer(name, "EinsumDense", 5) for name in ("query_dense", "key_dense")}
    attends = layer("mha", "MultiHeadAttention", children=children)
    flat, one = entering((None, 1)), entering((None, 1, 4), "one")
    assert places(UnreachableParameters(), graph_of([flat, step(attends, 0, 0)])) == []
    deep = entering((None, 1, 1, 4))
    assert places(UnreachableParameters(), graph_of([deep, step(attends, 0, 0)])) == []
    many = entering((None, 6, 4), "many")
    both = [one, many, step(attends, 0, 0), step(attends, 0, 1)]
    assert places(UnreachableParameters(), graph_of(both, [2, 3])) == []
    apart = {name: layer(name, "EinsumDense", 5) for name in ("query_dense", "key_dense")}
    other = layer("other", "MultiHeadAttention", children=apart)
    (problem,) = UnreachableParameters().check(graph_of([many, one, step(attends, 0, 1)]))
    assert "so 10 parameters of query and key have no effect" in problem.message
    several = [many, one, step(other, 0, 0), step(attends, 0, 1)]
    assert places(UnreachableParameters(), graph_of(several, [2, 3])) == ["mha"]
    graph = graph_of([many, step(dense("a"), 0)])
    graph.definition.root.body.layers.append(attends)
    assert places(UnreachableParameters(), expand(graph.definition)) == []
    steps = layer("steps", "TimeDistributed", children={"layer": attends})
    assert places(UnreachableParameters(), graph_of([one, step(steps, 0, 0)])) == []


# -- R002 identical-lambdas ---------------------------------------------------------------------------------------


def function(name, code="abc", number=None, class_name="Lambda", **config):
    code = {"class_name": "__lambda__", "config": {"code": code}} if code else None
    if number is not None:
        code["shared_object_id"] = number
    return made(name, class_name, **{"function": code, "name": name, **config})


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (function("a"), function("b"), True),
        (function("a"), function("b", "other"), False),
        (function("a", None), function("b", None), False),
        (function("a", number=1), function("b", number=2), True),
        (function("a", arguments={"i": [1, 2]}), function("b", arguments={"i": [1, 2]}), True),
        (function("a", arguments={"i": [1, 2]}), function("b", arguments={"i": [1, 3]}), False),
        (
            function("a", arguments={"i": [{"shared_object_id": 1, "x": 2}]}),
            function("b", arguments={"i": ({"shared_object_id": 3, "x": 2},)}),
            True,
        ),
        (function("a", mask="x"), function("b", mask="y"), False),
        (function("a", output_shape="x"), function("b", output_shape="y"), True),
        (function("a"), function("b", class_name="Dense"), False),
    ],
)
def test_functions_that_are_repeated(first, second, found):
    calls = [entering(), entering(name="y"), step(first, 0), step(second, 0)]
    problems = list(IdenticalLambdas().check(graph_of(calls, [2, 3])))
    assert [(one.node, one.related) for one in problems] == ([("a#0", ("b#0",))] if found else [])
    if found:
        assert problems[0].message.startswith("2 Lambda layers 'a', 'b' apply the same function")
    calls[-1] = step(second, 1)
    assert list(IdenticalLambdas().check(graph_of(calls, [2, 3]))) == []
    assert list(IdenticalLambdas().check(graph_of([entering(), step(first, 0), step(first, 0)], [1, 2]))) == []


def test_many_functions_that_are_repeated():
    calls = [entering(), step(function("none", None), 0), step(function("z", "other"), 0)]
    calls += [step(function(name), 0) for name in "abcde"] + [step(op("abs", "Abs"), 0)]
    (problem,) = IdenticalLambdas().check(graph_of(calls, list(range(1, len(calls)))))
    assert problem.message.startswith("5 Lambda layers 'a', 'b', 'c', 'd' apply") and len(problem.related) == 4
