"""What depends on a part of a model, or of several, on definitions that are written down here, without Keras."""

from __future__ import annotations

import pytest

from graphlint.model.definition import (
    Constant,
    ConstantKind,
    FrontEnd,
    ModelDefinition,
    TrainingState,
)
from graphlint.model.expand import expand
from graphlint.model.graph import Tensor
from graphlint.questions.impact import Effect, Impact, ModelImpact, calls_of, effects, impact
from graphlint.questions.kin import Kin
from graphlint.questions.together import Part, SharedPart, together
from graphlint.questions.training import Begun
from tests.model.definitions import input_call, layer, model
from tests.questions.test_kin import file
from tests.questions.test_who_trains_what import ONCE, alone, passed
from tests.rules.test_definitions_of_several import member
from tests.rules.test_definitions_of_several import together as graph_of_several
from tests.rules.test_definitions_of_training import held, inside, norm


def split(trunk=None, loss="mse", **fields):
    """A trunk with two ends, of which the first has a layer of its own before it, and a layer that nobody needs."""
    trunk = trunk or held("trunk")
    calls = [input_call("x"), passed(trunk, 0), passed(held("neck"), 1), passed(held("one"), 2), passed(held("two"), 1)]
    return alone([*calls, passed(held("dead"), 0)], outputs=[3, 4], loss=loss, **fields)


def numbers(one):
    return one.losses, one.trains, one.statistics, one.cut_off


def told(graph, node):
    """Of each model: its name, the calls and outputs that change, and the numbers."""
    found = impact(graph, node)
    assert found.address == graph.address(node)
    return [(one.name, one.calls, one.all_calls, one.outputs, one.all_outputs, *numbers(one)) for one in found.models]


ENDS = ("one#0", "two#0")


@pytest.mark.parametrize(
    ("node", "calls", "outputs", "losses", "trains", "cut"),
    [
        ("trunk", ("trunk#0", "neck#0", *ENDS), ENDS, 2, 16, 48),
        ("trunk#0", ("trunk#0", "neck#0", *ENDS), ENDS, 2, 0, 64),
        (Tensor("trunk#0", 0), ("trunk#0", "neck#0", *ENDS), ENDS, 2, 0, 64),
        ("trunk@kernel", ("trunk#0", "neck#0", *ENDS), ENDS, 2, 16, 48),
        ("neck", ("neck#0", "one#0"), ("one#0",), 1, 16, 16),
        ("one", ("one#0",), ("one#0",), 1, 16, 16),
        ("two#0", ("two#0",), ("two#0",), 1, 0, 16),
        ("dead", ("dead#0",), (), 0, 0, 0),
        ("x", ("x#0", "trunk#0", "neck#0", *ENDS, "dead#0"), ENDS, 2, 0, 64),
        (".", ("trunk#0", "neck#0", *ENDS, "dead#0"), ENDS, 2, 64, 0),
    ],
)
def test_what_depends_on_a_part_of_one_model(node, calls, outputs, losses, trains, cut):
    graph = split()
    assert list(graph.calls) == ["x#0", "trunk#0", "neck#0", "one#0", "two#0", "dead#0"]
    expected = ("", calls, 6, outputs, 2, losses, trains, 0, cut)
    assert told(graph, node) == [expected]


@pytest.mark.parametrize(
    ("fields", "losses", "trains", "cut", "loses"),
    [
        ({"loss": ["mse", None]}, 1, 16, 32, ("neck@kernel", "one@kernel")),
        ({"loss": [None, "mse"]}, 1, 16, 16, ("two@kernel",)),
        ({"compiled": False}, 0, 0, 0, ()),
        ({"trunk": held("trunk", frozen=True)}, 2, 0, 48, ("neck@kernel", "one@kernel", "two@kernel")),
    ],
)
def test_what_stops_training_without_a_part(fields, losses, trains, cut, loses):
    graph = split(**fields)
    ((*_, found, trained, statistics, cut_off),) = told(graph, "trunk")
    assert (found, trained, statistics, cut_off) == (losses, trains, 0, cut)
    assert impact(graph, "trunk").loses_training == loses


@pytest.mark.parametrize(
    ("node", "kind", "class_name", "parameters", "opaque"),
    [
        (".", "model", "Functional", 38, ("mine",)),
        ("a", "layer", "Dense", 16, ("mine",)),
        ("a#0", "call", "Dense", 0, ("mine",)),
        (Tensor("a#0", 0), "tensor", "Dense", 0, ("mine",)),
        ("a@kernel", "variable", "Dense", 16, ("mine",)),
        ("n", "layer", "BatchNormalization", 6, ("mine",)),
        ("inner", "model", "Functional", 16, ("mine",)),
        ("inner#0", "call", "Functional", 0, ("mine",)),
        ("inner#0/deep#0", "call", "Dense", 0, ("mine",)),
        ("mine", "layer", "Mine", 0, ("mine",)),
    ],
)
def test_what_a_part_is(node, kind, class_name, parameters, opaque):
    mine = layer("mine", "Mine", registered_name="mine>Mine")
    calls = [input_call("x"), passed(held("a"), 0), passed(norm("n"), 1), passed(inside("inner", held("deep")), 2)]
    graph = alone([*calls, passed(mine, 3)])
    found = impact(graph, node)
    assert (found.kind, found.class_name, found.parameters) == (kind, class_name, parameters)
    assert (found.opaque, found.shared_by) == (opaque, ())
    assert [one.statistics for one in found.models] == [4 if node in ("n", ".") else 0]


def nested():
    """A model inside, called twice, the second time on what it returned, and another layer between."""
    inner = inside("inner", held("deep"), held("end"))
    calls = [input_call("x"), passed(inner, 0), passed(held("between"), 1), passed(inner, 2)]
    return alone(calls)


FIRST = ("inner#0/i#0", "inner#0/deep#0", "inner#0/end#0")
SECOND = ("inner#1/i#0", "inner#1/deep#0", "inner#1/end#0")


@pytest.mark.parametrize(
    ("node", "own", "reached"),
    [
        ("inner", FIRST[1:] + SECOND[1:], (*FIRST[1:], "between#0", *SECOND)),
        ("inner#0", FIRST[1:], (*FIRST[1:], "between#0", *SECOND)),
        ("inner#1", SECOND[1:], SECOND[1:]),
        ("inner/deep", ("inner#0/deep#0", "inner#1/deep#0"), (*FIRST[1:], "between#0", *SECOND)),
        ("inner/deep@kernel", ("inner#0/deep#0", "inner#1/deep#0"), (*FIRST[1:], "between#0", *SECOND)),
        ("inner#0/end#0", ("inner#0/end#0",), ("inner#0/end#0", "between#0", *SECOND)),
        (Tensor("inner#1/end#0", 0), ("inner#1/end#0",), ("inner#1/end#0",)),
        ("between", ("between#0",), ("between#0", *SECOND)),
    ],
)
def test_calls_that_a_part_is_or_changes(node, own, reached):
    graph = nested()
    assert set(calls_of(graph, node)) == set(own)
    assert [one for one in graph.calls if one in own] == calls_of(graph, node)
    ((_, calls, count, outputs, *_),) = told(graph, node)
    assert (calls, count, outputs) == (tuple(one for one in graph.calls if one in reached), 8, ("inner#1/end#0",))
    assert [one for one, effect in effects(graph, node) if effect is not Effect.STOPS] == list(calls)


def test_a_tied_variable_is_of_all_that_hold_it():
    one, tied = held("one"), held("tied")
    tied.variables = one.variables
    graph = alone([input_call("x"), passed(one, 0), passed(held("other"), 0), passed(tied, 0)], outputs=[1, 2, 3])
    assert calls_of(graph, "one@kernel") == ["one#0", "tied#0"]
    assert calls_of(graph, "one") == ["one#0"]
    assert [one.calls for one in impact(graph, "one").models] == [("one#0", "tied#0")]


def test_what_happens_at_which_call():
    graph = split()
    stops, changes, output = Effect.STOPS, Effect.CHANGES, Effect.OUTPUT
    assert effects(graph, "trunk") == [
        ("trunk#0", changes),
        ("neck#0", stops),
        ("neck#0", changes),
        ("one#0", stops),
        ("one#0", output),
        ("two#0", stops),
        ("two#0", output),
    ]
    assert effects(graph, "one") == [("neck#0", stops), ("one#0", output)]
    assert effects(graph, "dead") == [("dead#0", changes)]
    assert effects(graph, "two") == [("two#0", output)]
    assert effects(split(compiled=False), "one") == [("one#0", output)]
    tied, base = held("tied"), held("base")
    tied.variables = base.variables
    calls = [input_call("x"), passed(base, 0), passed(held("end"), 1), passed(tied, 0)]
    graph = alone(calls, outputs=[2])
    assert effects(graph, "end") == [("base#0", stops), ("end#0", output), ("tied#0", stops)]


# -- several models -----------------------------------------------------------------------------------------------


def pair(**fields):
    base = held("base")
    return graph_of_several(
        a=member(base, held("one")), b=member(base, norm("two"), **fields), c=member(held("apart"), held("end"))
    )


def test_models_that_share_a_part():
    graph = pair()
    found = impact(graph, "a:base")
    assert (found.address, found.shared_by) == ("a:base", ("a", "b"))
    assert told(graph, "a:base") == [
        ("a", ("a:base#0", "a:one#0"), 3, ("a:one#0",), 1, 1, 16, 0, 16),
        ("b", ("b:base#0", "b:two#0"), 3, ("b:two#0",), 1, 1, 16, 0, 2),
    ]
    assert found.loses_training == ("a:one@kernel", "b:two@gamma")
    assert told(graph, "b:two") == [("b", ("b:two#0",), 3, ("b:two#0",), 1, 1, 2, 4, 16)]
    assert impact(graph, "b:two").shared_by == ("b",) and impact(graph, "b:two").loses_training == ("a:base@kernel",)
    assert impact(graph, "b:base#0").shared_by == ("a", "b") and impact(graph, "a:one#0").shared_by == ("a",)
    assert [name for name, *_ in told(graph, "b:base#0")] == ["b"]
    assert [name for name, *_ in told(graph, "c:apart")] == ["c"]
    assert [name for name, *_ in told(graph, ".")] == ["a", "b", "c"]
    assert effects(graph, "b:two") == [("b:base#0", Effect.STOPS), ("b:two#0", Effect.OUTPUT)]
    assert [call for call, _ in effects(graph, "c:apart")] == ["c:apart#0", "c:end#0", "c:end#0"]
    quiet = pair(compiled=False)
    assert told(quiet, "b:two") == [("b", ("b:two#0",), 3, ("b:two#0",), 1, 0, 0, 0, 0)]


def test_models_that_share_what_is_inside_a_part():
    deep = held("deep")
    block = inside("block", deep)
    graph = graph_of_several(a=member(block), b=member(deep), c=member(held("c")))
    assert impact(graph, "a:block").shared_by == ("a", "b") and impact(graph, "a:block#0").shared_by == ("a",)
    one, tied = held("one"), held("tied")
    tied.variables = one.variables
    graph = graph_of_several(a=member(one), b=member(tied), c=member(held("c")))
    assert impact(graph, "a:one@kernel").shared_by == ("a", "b") and impact(graph, "a:one").shared_by == ("a",)
    assert impact(graph, ".").shared_by == ("a", "b", "c") and impact(graph, "b:").shared_by == ("b",)


def test_a_layer_that_is_held_and_never_called():
    spare = held("spare")
    a, b = member(held("one")), member(held("other"))
    a.root.body.layers.append(spare)
    spare.obj, spare.variables[0].obj = object(), object()
    key = id(spare.variables[0].obj)
    a.training = TrainingState(True, ONCE, 1, frozenset({key}), True, {}, frozenset())
    graph = graph_of_several(a=a, b=b)
    found = impact(graph, "a:spare")
    assert (found.shared_by, found.kind, found.parameters) == (("a",), "layer", 16)
    assert told(graph, "a:spare") == [("a", (), 2, (), 1, 0, 16, 0, 0)]
    a.training = None
    graph = graph_of_several(a=a, b=b)
    assert impact(graph, "a:spare").models == () and calls_of(graph, "a:spare") == []
    moving = norm("moving")
    a.root.body.layers.append(moving)
    assert impact(graph_of_several(a=a, b=b), "a:moving").models == ()


def test_a_layer_with_sublayers_runs_as_its_calls():
    wrap = layer("wrap", "TimeDistributed", children={"layer": held("cell")})
    plain = layer("wrap", "TimeDistributed", children={"layer": layer("relu", "ReLU")})
    graph = alone([input_call("x"), passed(plain, 0), passed(held("end"), 1)])
    assert [one.calls for one in impact(graph, "wrap/layer").models] == [("wrap#0", "end#0")]
    add = layer("add", "Add", is_operation=True)
    table = held("table")
    table.variables[0].obj = object()
    read = Constant(ConstantKind.VARIABLE, obj=table.variables[0].obj)
    calls = [input_call("x"), passed(wrap, 0), passed(add, 1, captured=(read,)), passed(held("end"), 2)]
    root = model("net", calls, [0], [3])
    root.body.layers.append(table)
    graph = alone(calls, root=root)
    assert [one.calls for one in impact(graph, "wrap").models] == [("wrap#0", "add#0", "end#0")]
    assert [one.calls for one in impact(graph, "wrap/layer").models] == [("wrap#0", "add#0", "end#0")]
    assert [one.calls for one in impact(graph, "table").models] == [("add#0", "end#0")]
    assert told(graph, "wrap/layer@kernel")[0][6] == 16
    code = ModelDefinition(layer("net", "Mine", registered_name="mine>Mine"), FrontEnd.LIVE, "live")
    code.root.is_model = True
    closed = expand(code)
    assert impact(closed, ".").kind == "model" and calls_of(closed, ".") == list(closed.calls)


# -- words --------------------------------------------------------------------------------------------------------


def part(*, kind="layer", class_name="Dense", parameters=12345, shared_by=(), models=(), opaque=()):
    return str(Impact("enc/dense", kind, class_name, parameters, shared_by, tuple(models), (), opaque))


def one_model(name="", **fields):
    given = {"calls": ("c#0",), "all_calls": 3, "outputs": (), "all_outputs": 2}
    given |= {"losses": 0, "trains": 0, "statistics": 0, "cut_off": 0}
    return ModelImpact(name, **{**given, **fields})


CHANGES = "  retrained, replaced or quantized, it changes:"
FROZEN, REMOVED = "  frozen, it stops training:", "  removed, these are lost:"
STILL = "  frozen, nothing changes: no model trains it"


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        (
            {},
            ["enc/dense (layer, Dense): 12,345 parameters", "  nothing depends on it: no call receives it", STILL],
        ),
        (
            {"class_name": None, "kind": "call", "parameters": 0, "shared_by": ("a",), "opaque": ("m",)},
            [
                "enc/dense (call): 0 parameters",
                "  nothing depends on it: no call receives it",
                STILL,
                "  not known inside: m",
            ],
        ),
        (
            {"shared_by": ("a", "b"), "models": [one_model()], "opaque": tuple("abcdef")},
            [
                "enc/dense (layer, Dense): a, b: 12,345 parameters",
                CHANGES,
                "    1 of 3 calls; 0 of 2 outputs",
                STILL,
                "  not known inside: a, b, c, d, e",
            ],
        ),
        (
            {
                "models": [
                    one_model("a", outputs=("x:0", "y:0", "z:0"), losses=1, trains=1000, calls=("c#0",) * 1200),
                    one_model("b", outputs=("p", "q", "r", "s"), statistics=2000, all_calls=4321),
                    one_model("c", cut_off=3000, trains=4, statistics=5, losses=2),
                    one_model("d"),
                ]
            },
            [
                "enc/dense (layer, Dense): 12,345 parameters",
                CHANGES,
                "    a: 1,200 of 3 calls; 3 of 2 outputs (x:0, y:0, z:0)",
                "    b: 1 of 4,321 calls; 4 of 2 outputs (p, q, r and 1 more)",
                "    c: 1 of 3 calls; 0 of 2 outputs",
                "    d: 1 of 3 calls; 0 of 2 outputs",
                FROZEN,
                "    a: 1,000 parameters",
                "    b: 0 parameters and 2,000 of statistics",
                "    c: 4 parameters and 5 of statistics",
                REMOVED,
                "    a: 3 outputs, and the loss on 1 of them",
                "    b: 4 outputs",
                "    c: 0 outputs, and the loss on 2 of them; 3,000 other parameters stop training",
            ],
        ),
        (
            {"models": [one_model(outputs=("x",), trains=7)]},
            [
                "enc/dense (layer, Dense): 12,345 parameters",
                CHANGES,
                "    1 of 3 calls; 1 of 2 outputs (x)",
                FROZEN,
                "    7 parameters",
                REMOVED,
                "    1 outputs",
            ],
        ),
    ],
)
def test_what_depends_on_a_part_in_words(fields, lines):
    assert part(**fields).split("\n") == lines


# -- what belongs to which model ----------------------------------------------------------------------------------


def test_what_several_models_hold_train_and_share():
    base, block = held("base"), inside("block", held("deep"), held("more"))
    block.obj = object()
    for one in (base, *(call.layer for call in block.body.calls)):
        one.obj = one.obj or object()
    a = member(base, block, held("one"))
    b = member(base, base, block, begun=[base])
    c = member(block, compiled=False)
    d = member(held("alone"), begun=[], own_step=True)
    found = together(graph_of_several(a=a, b=b, c=c, d=d))
    assert found.parts == (
        Part("a", 64, 48, 64, Begun.LATER),
        Part("b", 48, 48, 16, Begun.NOW),
        Part("c", 32, 32, 0, Begun.NEVER),
        Part("d", 16, 0, None, Begun.OWN),
    )
    assert found.shared == (
        SharedPart("a:base", "Dense", 16, ("a", "b"), (("a", 1), ("b", 2)), ("a", "b")),
        SharedPart("a:block", "Functional", 32, ("a", "b", "c"), (("a", 1), ("b", 1), ("c", 1)), ("a",)),
    )
    assert found.kin == ()


def test_shared_layers_are_told_in_graph_order():
    one, two, three = (held(name) for name in ("one", "two", "three"))
    a, b, c = member(one, two, three), member(two), member(one, three)
    found = together(graph_of_several(a=a, b=b, c=c))
    assert [(one.address, one.models) for one in found.shared] == [
        ("a:one", ("a", "c")),
        ("a:two", ("a", "b")),
        ("a:three", ("a", "c")),
    ]


def test_a_shared_layer_that_one_model_never_calls():
    spare = held("spare")
    a, b = member(spare), member(held("one"))
    b.root.body.layers.append(spare)
    (found,) = together(graph_of_several(a=a, b=b)).shared
    assert (found.calls, found.trained_by) == ((("a", 1),), ("a", "b"))
    tied = held("tied")
    tied.variables = [*held("tied", slots=("extra",)).variables, *spare.variables]
    tied.variables[1].index = 1
    (found,) = together(graph_of_several(a=member(spare), b=member(tied))).shared
    assert (found.address, found.parameters, found.calls) == ("a:spare", 16, (("a", 1),))


def test_of_a_layer_only_what_is_shared_counts():
    one, part = held("one", shapes=((4, 4), (4,)), slots=("kernel", "bias")), held("part")
    part.variables = one.variables[:1]
    (found,) = together(graph_of_several(a=member(one), b=member(part))).shared
    assert (found.address, found.parameters) == ("a:one", 16)


def test_files_with_equal_weights_are_told_together():
    (found,) = together(graph_of_several(a=file({"one": 1, "two": 2}), b=file({"one": 1, "two": 3}))).kin
    assert isinstance(found, Kin) and (found.first, found.second) == ("a", "b")
