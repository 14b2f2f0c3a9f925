"""Where gradients stop, on definitions that are written down here, without Keras."""

from __future__ import annotations

import pytest

from graphlint.model.definition import CallDefinition, TensorRef, TensorSpec
from graphlint.model.expand import expand
from graphlint.questions.gradients import cuts_gradient, gradient_reach, normalises_one, value_reach
from tests.model.definitions import call, definition, input_call, layer, model


def normalised(shape, sources=(0,), class_name="LayerNormalization", **config):
    made = CallDefinition(
        layer("n", class_name, config=config),
        tuple(TensorRef(one, 0) for one in sources),
        outputs=(TensorSpec(shape, "float32"),),
    )
    calls = [CallDefinition(layer("x", "InputLayer"), outputs=(TensorSpec(shape, "float32"),)), made]
    return expand(definition(model("net", calls, [0], [1])))


@pytest.mark.parametrize(
    ("shape", "fields", "expected"),
    [
        ((None, 1), {}, True),
        ((None, 4), {}, False),
        ((None, 4, 1), {}, True),
        ((None, 1, 4), {}, False),
        ((None, 1, 4), {"axis": 1}, True),
        ((None, 1, 4), {"axis": [1]}, True),
        ((None, 1, 4), {"axis": [1, 2]}, False),
        ((None, 1, 1), {"axis": [1, 2]}, True),
        ((None, 1, 1), {"axis": (-1, -2)}, True),
        ((None, 1), {"axis": []}, False),
        ((None, 1), {"axis": ["a"]}, False),
        ((None, 1), {"axis": [1, "a"]}, False),
        ((None, 1), {"axis": ["a", 1]}, False),
        ((None, 1), {"axis": 2}, False),
        ((None, 1), {"axis": -2}, False),
        ((None, 1), {"axis": -3}, False),
        (None, {}, False),
        ((), {}, False),
        ((None, 1), {"sources": ()}, False),
        ((None, 1), {"sources": (0, 0)}, False),
        ((None, 1), {"class_name": "BatchNormalization"}, False),
    ],
)
def test_a_normalisation_of_single_values(shape, fields, expected):
    graph = normalised(shape, **fields)
    assert normalises_one(graph, "n#0") is cuts_gradient(graph, "n#0") is expected
    if "sources" not in fields:
        assert gradient_reach(graph, graph.outputs, []) == ({"n#0"} if expected else {"n#0", "x#0"})
        assert value_reach(graph, ["x#0"]) == ({"x#0"} if expected else {"n#0", "x#0"})


def test_one_cut_stops_one_way_alone():
    stop, legacy = layer("stop", "StopGradient", is_operation=True), layer("tf", "TFOpLambda")
    legacy.config = {"function": "math.argmax"}
    for cut in (stop, legacy):
        calls = [
            input_call("x"),
            call(layer("a"), 0),
            call(layer("b"), 0),
            call(cut, 1),
            call(layer("sum", "Add"), 3, 2),
        ]
        calls.append(call(layer("end"), 4))
        graph = expand(definition(model("net", calls, [0], [5])))
        name = f"{cut.name}#0"
        assert gradient_reach(graph, graph.outputs, []) == {"x#0", "b#0", name, "sum#0", "end#0"}
        assert gradient_reach(graph, graph.outputs, ["a#0"]) == {"x#0", "a#0", "b#0", name, "sum#0", "end#0"}
        swapped = [*calls[:4], call(layer("sum", "Add"), 2, 3), calls[5]]
        graph = expand(definition(model("net", swapped, [0], [5])))
        assert gradient_reach(graph, graph.outputs, []) == {"x#0", "b#0", name, "sum#0", "end#0"}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "complex64", None, "int32", "bool", "string"])
def test_tensors_that_carry_gradients(dtype):
    calls = [input_call("x"), call(layer("a"), 0), call(layer("b"), 1)]
    for one in calls[1:]:
        one.outputs = (TensorSpec((None, 4), dtype),)
    graph = expand(definition(model("net", calls, [0], [2])))
    carries = dtype not in ("int32", "bool", "string")
    assert gradient_reach(graph, graph.outputs, []) == ({"x#0", "a#0", "b#0"} if carries else set())
    assert gradient_reach(graph, [], ["b#0"]) == ({"x#0", "a#0", "b#0"} if carries else {"b#0"})


def test_values_depend_on_more_than_shapes():
    ones, relu = (layer(name.lower(), name, is_operation=True) for name in ("OnesLike", "Relu"))
    calls = [input_call("x"), call(ones, 0), call(layer("a"), 1), call(relu, 0), call(layer("b"), 3)]
    graph = expand(definition(model("net", calls, [0], [2, 4])))
    assert value_reach(graph, ["x#0"]) == {"x#0", "relu#0", "b#0"}
