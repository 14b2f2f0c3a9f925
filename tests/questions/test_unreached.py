"""What a model holds and does not use, and models that were not built, on definitions without Keras."""

from __future__ import annotations

import pytest

from graphlint.model.definition import CallDefinition, FrontEnd, LayerDefinition, ModelDefinition, TensorRef, TensorSpec
from graphlint.model.expand import expand
from graphlint.model.graph import Tensor
from graphlint.questions.guessed import described, guesses_below
from graphlint.questions.unbuilt import unbuilt, will_have_weights
from graphlint.questions.unreached import dead_branches, uncalled_layers
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
