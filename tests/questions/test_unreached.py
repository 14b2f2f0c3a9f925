"""What a model holds and does not use, and models that were not built, on definitions without Keras."""

from __future__ import annotations

import pytest

from graphlint.model.definition import (
    Body,
    CallDefinition,
    Constant,
    ConstantKind,
    FrontEnd,
    LayerDefinition,
    ModelDefinition,
    TensorRef,
    TensorSpec,
    VariableDefinition,
)
from graphlint.model.expand import expand
from graphlint.model.graph import Tensor
from graphlint.questions.guessed import described, guesses_below
from graphlint.questions.unbuilt import unbuilt, will_have_weights
from graphlint.questions.unreached import dead_branches, uncalled_in_code, uncalled_layers
from tests.model.definitions import SPEC, call, definition, input_call, layer, model


def graph_of(calls, outputs, inputs=(0,), more=(), **fields):
    root = model("net", calls, list(inputs), outputs)
    root.children = {one.name: one for one in more}
    front_end = fields.pop("front_end", FrontEnd.STATIC)
    return expand(ModelDefinition(root, front_end, "keras", **{"has_weights": True, **fields}))


def dead(graph):
    return [(one.calls, one.layers, [variable.id for variable in one.variables]) for one in dead_branches(graph)]


MAIN, PENALTY = layer("main", size=2), layer("loss", "ActivityRegularization")


def beside(*parts, after=()):
    """A model of one layer, with a chain beside it that reaches no output."""
    calls = [input_call("x"), call(MAIN, 0)]
    for place, one in enumerate(parts):
        calls.append(call(one, 0 if place == 0 else place + 1))
    return graph_of([*calls, *after], [1])


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([layer("a", size=3)], (("a#0",), ("a",), ["a@kernel"])),
        ([layer("a", size=3), layer("b", size=1)], (("a#0", "b#0"), ("a", "b"), ["a@kernel", "b@kernel"])),
        ([layer("relu", "ReLU")], None),
        ([layer("relu", "ReLU"), layer("a", size=3)], (("relu#0", "a#0"), ("relu", "a"), ["a@kernel"])),
        ([MAIN], None),
        ([MAIN, layer("a", size=3)], (("main#1", "a#0"), ("a",), ["a@kernel"])),
        ([layer("a", size=3), PENALTY], None),
        (
            [layer("loss", "ActivityRegularization"), layer("a", size=3)],
            (("loss#0", "a#0"), ("loss", "a"), ["a@kernel"]),
        ),
        ([layer("own", "Mine", size=3, registered_name="x>Mine")], None),
        ([layer("w", "TimeDistributed", children={"layer": MAIN})], None),
        (
            [layer("w", "TimeDistributed", children={"layer": MAIN, "own": layer("own", size=1)})],
            (("w#0",), ("w",), ["w/own@kernel"]),
        ),
    ],
)
def test_branches_that_reach_no_output(parts, expected):
    assert dead(beside(*parts)) == ([] if expected is None else [expected])


def test_frozen_branches_train_nothing():
    frozen = layer("a", size=3)
    frozen.variables[0].trainable = False
    assert dead(beside(frozen)) == []
    frozen.variables[0].trainable = True
    assert len(dead(beside(frozen))) == 1


def test_the_ends_of_a_branch():
    split = CallDefinition(layer("a", size=3), (TensorRef(0, 0),), outputs=(SPEC, SPEC))
    graph = graph_of([input_call("x"), call(MAIN, 0), split, call(layer("relu", "ReLU"), (2, 1))], [1])
    (branch,) = dead_branches(graph)
    assert branch.ends == (Tensor("a#0", 0), Tensor("relu#0", 0))
    apart = graph_of([input_call("x"), call(MAIN, 0), split, call(layer("b", size=1), 0)], [1])
    assert [one.layers for one in dead_branches(apart)] == [("a",), ("b",)]


def test_a_branch_of_a_nested_model_is_told_once():
    inner = model("inner", [input_call("i"), call(layer("used", size=1), 0), call(layer("side", size=2), 0)], [0], [1])
    calls = [input_call("x"), call(inner, 0), call(inner, 1)]
    assert dead(graph_of(calls, [2])) == [(("inner#0/side#0",), ("inner/side",), ["inner/side@kernel"])]


def test_an_input_alone_is_no_branch():
    lonely = input_call("y")
    lonely.layer.variables = layer("v", size=1).variables
    assert dead(graph_of([input_call("x"), call(MAIN, 0), lonely], [1], inputs=(0, 2))) == []


def test_what_adds_a_loss_is_used_and_the_rest_beside_it_is_not():
    a, b = layer("a", size=3), layer("b", size=4)
    calls = [input_call("x"), call(MAIN, 0), call(a, 0), call(PENALTY, 2), call(b, 2)]
    assert dead(graph_of(calls, [1])) == [(("b#0",), ("b",), ["b@kernel"])]
    tied = layer("tied", size=3)
    tied.variables = a.variables
    assert dead(graph_of([*calls[:4], call(tied, 2)], [1])) == []
    ended = [input_call("x"), call(MAIN, 0), call(PENALTY, 1), call(b, 1)]
    assert dead(graph_of(ended, [2])) == [(("b#0",), ("b",), ["b@kernel"])]


def test_a_branch_without_weights_hides_none_after_it():
    calls = [input_call("x"), call(MAIN, 0), call(layer("relu", "ReLU"), 0), call(layer("a", size=3), 0)]
    assert dead(graph_of(calls, [1])) == [(("a#0",), ("a",), ["a@kernel"])]


# -- sublayers that code never calls --------------------------------------------------------------------------------


class Code:
    """What a custom layer is in memory, as far as it matters: its attributes, and what its methods mention."""

    def __init__(self, **held):
        self.__dict__.update(held)

    def call(self, x):
        return self.mentioned(self.used(x))


def code(calls, name="block", cls=Code, obj=True, more=(), **held):
    """A custom layer that holds layers by attribute and whose code was seen to make some calls."""
    body = Body([one.layer for one in calls], calls, [TensorRef(0, 0)], outputs=[TensorRef(len(calls) - 1, 0)])
    body.traced, body.arguments = True, ("0",)
    made = LayerDefinition(name, "Block", "mine", registered_name="mine>Block", body=body)
    for attribute, value in held.items():
        items = {f"{attribute}/{place}": one for place, one in enumerate(value)} if isinstance(value, list) else {}
        for path, one in (items or {attribute: value}).items():
            made.children[path] = one
            one.obj = one.obj or object()
    objects = {key: [one.obj for one in value] if isinstance(value, list) else value.obj for key, value in held.items()}
    made.obj = cls(**{key: value for key, value in objects.items() if key not in more}) if obj else None
    return made


def held(name, **fields):
    return layer(name, size=2, **fields)


def skipped(*parts):
    graph = expand(definition(model("net", [input_call("x"), *(call(one, 0) for one in parts)], [0], [1])))
    return [
        (one.owner.path, one.attribute, [inner.path for inner in one.layers], one.among)
        for one in uncalled_in_code(graph)
    ]


def test_sublayers_that_code_never_calls():
    used, spare, other = held("used"), held("spare"), held("other")
    calls = [input_call("i"), call(used, 0)]
    found = [("block", "spare", ["block/spare"], 0), ("block", "other", ["block/other"], 0)]
    assert skipped(code(calls, used=used, spare=spare, other=other)) == found
    assert skipped(code(calls, used=used, spare=spare, other=other), held("after")) == found
    assert skipped(code(calls, used=used, mentioned=spare)) == []
    assert skipped(code(calls, used=used, spare=layer("spare", "ReLU"), other=other)) == found[1:]
    assert skipped(code(calls, used=used)) == []
    assert skipped(code(calls, used=used, spare=spare, more=("spare",))) == []
    assert skipped(code(calls, used=used, spare=spare, obj=False)) == []
    operation = layer("spare", size=2, is_operation=True)
    assert skipped(code(calls, used=used, spare=operation, other=other)) == found[1:]
    closed = LayerDefinition("block", "Block", "mine", registered_name="mine>Block", children={"spare": spare})
    closed.obj = Code(spare=spare.obj)
    assert skipped(closed) == []
    graph = model("graph", [input_call("i"), call(used, 0)], [0], [1])
    graph.children, graph.obj = {"spare": spare}, Code(spare=spare.obj)
    assert skipped(graph) == []


def test_sublayers_in_a_list_of_which_others_are_called():
    lists = [[held(f"{name}{place}") for place in range(3)] for name in "mn"]
    calls = [input_call("i"), call(lists[0][0], 0), call(lists[0][2], 1)]
    block = code(calls, mentioned=lists[0], other=lists[1])
    assert skipped(block) == [
        ("block", "mentioned", ["block/mentioned/1"], 3),
        ("block", "other", [f"block/other/{place}" for place in range(3)], 0),
    ]
    assert skipped(code(calls[:2], mentioned=lists[0])) == [
        ("block", "mentioned", ["block/mentioned/1", "block/mentioned/2"], 3)
    ]
    lost = [held("l0"), held("l1")]
    assert skipped(code(calls, used=held("u"), mentioned=[*lists[0], *lost]))[0][3] == 5
    assert skipped(code([input_call("i"), call(held("u"), 0)], mentioned=lists[0])) == []


def test_what_runs_in_another_way_is_called():
    used, table, plain = held("used"), held("table"), held("plain")
    table.variables = [VariableDefinition("a", 0, (2,), dtype="float32", trainable=True, obj=object())]
    table.variables += [VariableDefinition("b", 1, (2,), dtype="float32", trainable=True, obj=object())]
    read = Constant(ConstantKind.VARIABLE, obj=table.variables[1].obj)
    calls = [input_call("i"), CallDefinition(used, (TensorRef(0, 0),), outputs=(SPEC,), captured=(read,))]
    assert skipped(code(calls, used=used, table=table, spare=plain)) == [("block", "spare", ["block/spare"], 0)]
    nested = model("nested", [input_call("n"), call(held("deep"), 0)], [0], [1])
    wrapper = layer("w", "TimeDistributed", children={"layer": held("cell")})
    calls = [input_call("i"), call(nested, 0), call(wrapper, 1)]
    assert skipped(code(calls, nested=nested, wrapper=wrapper)) == []
    assert skipped(code(calls[:2], nested=nested, wrapper=wrapper)) == [("block", "wrapper", ["block/wrapper"], 0)]


def test_of_what_is_never_called_only_the_outermost_is_told():
    deep, spare, used = held("deep"), held("spare"), held("used")
    inner = code([input_call("i"), call(deep, 0)], "inner", deep=deep, spare=spare)
    block = code([input_call("i"), call(used, 0)], used=used, inner=inner)
    assert skipped(block) == [("block", "inner", ["block/inner"], 0)]
    both = code([input_call("i"), call(inner, 0), call(used, 1)], used=used, inner=inner)
    assert skipped(both) == [("block/inner", "spare", ["block/inner/spare"], 0)]


def uncalled(graph):
    return [one.path for one in uncalled_layers(graph)]


INNER = model("inner", [input_call("i"), call(layer("deep", size=1), 0)], [0], [1])


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ([layer("a", size=1)], ["a"]),
        ([layer("a")], []),
        ([MAIN], []),
        ([INNER], ["inner"]),
        ([layer("w", "TimeDistributed", children={"layer": layer("own", size=1)})], ["w"]),
        ([layer("w", "TimeDistributed", children={"layer": MAIN})], ["w"]),
        ([layer("a", size=1), layer("b", size=1)], ["a", "b"]),
    ],
)
def test_layers_that_are_never_called(more, expected):
    calls = [input_call("x"), call(MAIN, 0)]
    assert uncalled(graph_of(calls, [1], more=more)) == expected
    root = model("net", calls, [0], [1])
    root.children = {one.name: one for one in more}
    root.class_name, root.registered_name = "Mine", "x>Mine"
    assert uncalled(expand(definition(root))) == []


def test_what_a_wrapper_or_an_uncalled_model_holds_is_no_finding_of_its_own():
    wrapper = layer("w", "Bidirectional", children={"forward_layer": layer("f", size=1)})
    calls = [input_call("x"), call(wrapper, 0)]
    assert uncalled(graph_of(calls, [1])) == []
    nested = model("outer", [input_call("o"), call(INNER, 0)], [0], [1])
    nested.children = {"spare": layer("spare", size=1)}
    assert uncalled(graph_of([input_call("x"), call(nested, 0)], [1])) == ["outer/spare"]
    assert uncalled(graph_of([input_call("x"), call(MAIN, 0)], [1], more=[nested])) == ["outer"]
    held = layer("holder", "TimeDistributed", children={"layer": nested})
    assert uncalled(graph_of([input_call("x"), call(held, 0)], [1])) == []


def test_a_model_that_a_class_of_its_own_holds_is_no_reason_to_stop():
    nested = model("outer", [input_call("o"), call(layer("used", size=1), 0)], [0], [1])
    nested.children = {"spare": layer("spare", size=1)}
    root = model("net", [input_call("x"), call(nested, 0)], [0], [1])
    root.children, root.class_name, root.registered_name = {"inner": INNER}, "Mine", "x>Mine"
    assert uncalled(expand(definition(root))) == ["outer/spare"]


# -- models that are not built --------------------------------------------------------------------------------------

NO_SHAPE = TensorSpec(None, "float32")


def chain(size=0, spec=NO_SHAPE, front_end=FrontEnd.STATIC, **fields):
    calls = [CallDefinition(layer("x", "InputLayer"), outputs=(spec,)), call(layer("a", size=size), 0)]
    root = model("net", calls, [0], [1])
    return expand(ModelDefinition(root, front_end, "keras", **{"has_weights": True, **fields}))


def opaque(front_end=FrontEnd.STATIC, build_shape=None, format_="keras", **fields):
    root = LayerDefinition("net", "Mine", is_model=True, opaque=True, build_shape=build_shape)
    return expand(ModelDefinition(root, front_end, format_, **{"has_weights": True, **fields}))


LIVE = FrontEnd.LIVE


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (chain(), "saved before it was built"),
        (chain(has_weights=False), "the configuration is that of a model that was not built"),
        (chain(spec=SPEC), None),
        (chain(spec=SPEC, has_weights=False), None),
        (chain(size=3), None),
        (chain(has_graph=False), None),
        (opaque(), "saved before it was built"),
        (opaque(build_shape=[None, 4]), None),
        (opaque(build_shape=[None, 4], unbuilt_layers=("a",)), "saved before it was built"),
        (opaque(format_="h5"), None),
        (opaque(has_weights=False), None),
        (chain(front_end=LIVE), "the model is not built: its layers have no weights"),
        (chain(front_end=LIVE, spec=SPEC), None),
        (chain(front_end=LIVE, spec=SPEC, unbuilt_layers=("a",)), "the model is not built: its layers"),
        (chain(front_end=LIVE, size=3), "the model is not built: its layers"),
        (chain(front_end=LIVE, size=3, spec=SPEC, unbuilt_layers=("b",)), "1 of its layers (b) have"),
        (chain(front_end=LIVE, size=3, spec=SPEC, unbuilt_layers=tuple("bcd")), "3 of its layers (b, c, d) have"),
        (chain(front_end=LIVE, size=3, spec=SPEC, unbuilt_layers=tuple("bcde")), "4 of its layers (b, c, d, ...) have"),
    ],
)
def test_why_a_model_counts_as_not_built(graph, words):
    found = unbuilt(graph)
    assert (found is None) if words is None else (words in found.message)
    if found is not None:
        assert ("Save the model after" in found.hint) is not graph.live


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (layer("a", "Dense", config={"units": 2}), True),
        (layer("a", "LSTM"), True),
        (layer("a", "ReLU"), False),
        (layer("a", "Dense", 2, config={"units": 2}), False),
        (layer("a", "Mine", config={"units": 2}, registered_name="x>Mine"), False),
        (layer("a", "LSTM", config={"units": 2}, registered_name="x>LSTM"), False),
    ],
)
def test_layers_that_will_have_weights(made, expected):
    calls = [CallDefinition(layer("x", "InputLayer"), outputs=(NO_SHAPE,)), call(made, 0)]
    graph = graph_of(calls, [1])
    assert will_have_weights(graph, graph.layers["a"]) is expected
    waiting = graph_of([input_call("x"), call(made, 0)], [1], front_end=LIVE, unbuilt_layers=("b",))
    assert will_have_weights(waiting, waiting.layers["a"]) is expected
    built = graph_of([input_call("x"), call(made, 0)], [1])
    assert will_have_weights(built, built.layers["a"]) is False


# -- guesses ----------------------------------------------------------------------------------------------------------


def test_guesses_of_what_a_closed_layer_holds():
    children = {
        "dense": LayerDefinition("dense", None, guessed_class="Dense"),
        "known": layer("known", "ReLU", guessed_class="Dense"),
        "unknown": LayerDefinition("unknown", None),
    }
    closed = LayerDefinition("closed", None, guessed_class="Block", children=children)
    graph = graph_of([input_call("x"), call(closed, 0)], [1])
    assert guesses_below(graph, "closed") == {"closed/dense": "Dense"}
    assert guesses_below(graph, ".") == {"closed": "Block", "closed/dense": "Dense"}


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ([], ""),
        (["Dense"], "Dense"),
        (["A", "B", "B", None], "2 B, A"),
        (["A", "B", "C"], "A, B, C"),
        (["A", "B", "C", "D", "D"], "2 D, A, B, ..."),
    ],
)
def test_guesses_in_words(classes, words):
    assert described(classes) == words
