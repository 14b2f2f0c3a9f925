"""Parts of a graph that repeat with the same layers, on definitions that are written down here, without Keras."""

from __future__ import annotations

import pytest

from graphlint.model.definition import CallDefinition, TensorRef
from graphlint.questions.towers import same_form, settings, towers, without_names
from tests.model.definitions import SPEC, call, input_call, layer, model
from tests.rules.test_definitions_of_training import graph_of, held, passed


def relu(name, class_name="ReLU", /, **config):
    return layer(name, class_name, config=config)


def soft(name):
    return relu(name, "Softmax")


def told(graph):
    return [(list(one.pairs), one.merged) for one in towers(graph)]


def chain(*parts):
    return told(graph_of(calls=[input_call("x"), *(passed(one, place) for place, one in enumerate(parts))]))


def side_by_side(*pairs, merged=True, same_input=False):
    """Two chains on two inputs, of pairs of layers side by side."""
    calls, ends = [input_call("x"), input_call("y")], [0, 0 if same_input else 1]
    for pair in pairs:
        for side in (0, 1):
            calls.append(passed(pair[side], ends[side]))
            ends[side] = len(calls) - 1
    if merged:
        calls.append(call(layer("sum", "Add"), *ends))
    return told(graph_of(calls=calls, outputs=[len(calls) - 1] if merged else ends))


A, B, R = [("a#0", "a#1")], [("b#0", "b#1")], [("r#0", "s#0")]
ENDS = [("x#0", "y#0")]
"""Inputs are alike, and belong to the towers that begin at them."""


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (lambda a, b: [a], [ENDS + A]),
        (lambda a, b: [a, b], [ENDS + A + B]),
        (lambda a, b: [(relu("r"), relu("s")), a], [ENDS + R + A]),
        (lambda a, b: [(relu("r"), relu("s")), a, b], [ENDS + R + A + B]),
        (lambda a, b: [a, (relu("r"), relu("s")), b], [ENDS + A + R + B]),
        (lambda a, b: [a, (relu("r"), relu("s", max_value=6))], [ENDS + A, []]),
        (lambda a, b: [a, (relu("r"), relu("s", "Softmax")), b], [ENDS + A, B]),
        (lambda a, b: [(relu("r"), relu("s", "Softmax")), a], [A]),
    ],
)
@pytest.mark.parametrize("merged", [True, False])
def test_two_chains_of_the_same_layers(pairs, expected, merged):
    a, b = held("a"), held("b")
    found = side_by_side(*pairs((a, a), (b, b)), merged=merged)
    assert found == [(one, merged and one is expected[-1]) for one in expected if one]


def test_of_one_input_only_what_differs_belongs_to_a_tower():
    a, r = held("a"), relu("r")
    assert side_by_side((a, a), same_input=True) == [(A, True)]
    calls = [input_call("x"), passed(r, 0), passed(a, 1), passed(a, 1), call(layer("sum", "Add"), 2, 3)]
    assert told(graph_of(calls=calls)) == [(A, True)]


def test_parts_of_several_neighbours_end_a_tower():
    a = held("a")
    calls = [input_call("x"), input_call("y")]
    calls += [passed(relu(name), place) for name, place in zip("rspq", (0, 0, 1, 1), strict=True)]
    calls += [call(layer("one", "Add"), 2, 3), call(layer("two", "Add"), 4, 5), passed(a, 6), passed(a, 7)]
    ends = [passed(relu(f"{name}{place}"), place) for place in (8, 9) for name in "uv"]
    graph = graph_of(calls=[*calls, *ends], outputs=[10, 11, 12, 13])
    assert told(graph) == [([("one#0", "two#0"), *A], False)]
    one_side = graph_of(calls=[*calls, ends[0], *ends[2:]], outputs=[10, 11, 12])
    assert told(one_side) == [([("one#0", "two#0"), *A], False)]
    other_side = graph_of(calls=[*calls, *ends[:3]], outputs=[10, 11, 12])
    assert told(other_side) == [([("one#0", "two#0"), *A], False)]
    for left, right in (((2, 3), (4,)), ((2,), (4, 5))):
        received = [*calls[:6], call(a, *left), call(a, *right)]
        assert told(graph_of(calls=received, outputs=[6, 7])) == [(A, False)]
    twice = [input_call("x"), input_call("y"), call(layer("sum", "Add"), 0, 1), passed(a, 2)]
    twice += [call(layer("other", "Add"), 0, 3), passed(a, 4)]
    assert told(graph_of(calls=twice)) == [([("sum#0", "other#0"), *A], False)]


def test_tensors_that_go_to_one_call_twice_are_one_neighbour():
    a = held("a")
    calls = [input_call("x"), input_call("y"), passed(a, 0), passed(a, 1)]
    calls += [call(layer(name, "Add"), place, place) for name, place in (("one", 2), ("two", 3))]
    b = held("b")
    calls += [passed(b, 4), passed(b, 5)]
    graph = graph_of(calls=calls, outputs=[6, 7])
    assert told(graph) == [([*ENDS, *A, ("one#0", "two#0"), *B], False)]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (lambda a: [a, a], [A]),
        (lambda a: [a, a, a], [A, [("a#0", "a#2")]]),
        (lambda a: [a, a, a, a], [A, [("a#0", "a#2"), ("a#1", "a#3")], [("a#0", "a#3")]]),
        (lambda a: [held("twin"), a, a], [A]),
        (lambda a: [a, a, held("twin")], [A]),
        (lambda a: [relu("r"), a, relu("s"), a, relu("t")], [[*A, ("s#0", "t#0")]]),
        (lambda a: [relu("r"), a, relu("s"), a], [[("r#0", "s#0"), *A]]),
        (
            lambda a: [relu("p"), soft("q"), a, relu("p2"), soft("q2"), a, relu("p3"), soft("q3")],
            [[("q#0", "q2#0"), *A, ("p2#0", "p3#0")]],
        ),
    ],
)
def test_a_layer_that_follows_itself(parts, expected):
    assert chain(*parts(held("a"))) == [(pairs, False) for pairs in expected]


def test_more_calls_than_towers_are_compared_with_the_first():
    a = held("a")
    for count, compared in ((15, 14), (16, 15), (17, 15), (18, 15)):
        calls = [input_call("x"), *(passed(a, 0) for _ in range(count))]
        found = told(graph_of(calls=calls, outputs=list(range(1, count + 1))))
        assert found == [([("a#0", f"a#{other}")], False) for other in range(1, compared + 1)]


def test_each_model_has_its_own_towers():
    a, b = held("a"), held("b")
    inner = model("inner", [input_call("i"), passed(a, 0), passed(a, 0), call(layer("sum", "Add"), 1, 2)], [0], [3])
    calls = [input_call("x"), passed(inner, 0), passed(inner, 1), passed(b, 2), passed(b, 2)]
    graph = graph_of(calls=calls, outputs=[3, 4])
    pairs = [[("inner#0/a#0", "inner#0/a#1")], [("inner#1/a#0", "inner#1/a#1")]]
    assert told(graph) == [*((pair, True) for pair in pairs), ([("b#0", "b#1")], False)]
    around = model("around", [input_call("i"), passed(relu("r"), 0)], [0], [1])
    calls = [input_call("x"), passed(a, 0), passed(a, 0), passed(around, 1), passed(relu("s"), 2)]
    assert told(graph_of(calls=calls, outputs=[3, 4])) == [(A, False)]
    assert chain(held("one"), held("two")) == []


def test_layers_inside_and_outside_a_model_are_no_pair():
    a = held("a")
    inner = model("inner", [input_call("i"), passed(a, 0), passed(a, 0), passed(relu("s"), 2)], [0], [1, 3])
    end = call(layer("end", "Add"), 2, (1, 1))
    calls = [
        input_call("x"),
        CallDefinition(inner, ([TensorRef(0, 0)],), outputs=(SPEC,) * 2),
        passed(relu("r"), 1),
        end,
    ]
    assert told(graph_of(calls=calls)) == [([("inner#0/a#0", "inner#0/a#1")], False)]


# -- layers of one form -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (relu("r"), relu("s"), True),
        (relu("r", name="r"), relu("s", name="s"), True),
        (relu("r", trainable=True), relu("s", trainable=False), True),
        (relu("r", max_value=6), relu("s", max_value=5), False),
        (relu("r", max_value=6), relu("s"), False),
        (relu("r"), relu("s", "Softmax"), False),
        (relu("r", None), relu("s", None), False),
        (layer("r", "Mine", registered_name="a"), layer("s", "Mine", registered_name="b"), True),
        (relu("r", inner={"name": "a", "units": 2}), relu("s", inner={"name": "b", "units": 2}), True),
        (relu("r", inner={"trainable": True}), relu("s", inner={"trainable": False}), False),
        (relu("r", list=[{"shared_object_id": 1}, 2]), relu("s", list=[{"shared_object_id": 2}, 2]), True),
        (relu("r", list=[1, 2]), relu("s", list=[1, 3]), False),
    ],
)
def test_layers_of_one_form(one, other, expected):
    graph = graph_of(one, other)
    first, second = graph.layers["r"], graph.layers["s"]
    assert same_form(first, second) is same_form(second, first) is expected
    assert same_form(first, first) is True
    other.module = "elsewhere"
    assert same_form(first, second) is False


def test_settings_are_the_configuration_without_names():
    given = {"name": "a", "units": 2, "trainable": True, "inner": [{"name": "b", "shared_object_id": 3, "rate": 0.5}]}
    (one,) = (one for one in graph_of(layer("r", "ReLU", config=given)).layers.values() if one.path == "r")
    assert settings(one) == {"units": 2, "inner": [{"rate": 0.5}]}
    assert without_names(given) == {"units": 2, "trainable": True, "inner": [{"rate": 0.5}]}
    assert [without_names(value) for value in (3, "a", None, [1])] == [3, "a", None, [1]]
