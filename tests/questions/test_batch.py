"""Which tensors certainly have the batch on axis 0, on definitions, among them what no program writes."""

import pytest

from graphlint.model.definition import CallDefinition, Constant, ConstantKind, LayerDefinition, TensorRef, TensorSpec
from graphlint.model.expand import expand
from graphlint.model.graph import Tensor
from graphlint.questions.batch import batched
from tests.model.definitions import call, definition, input_call, layer, model

CUBE = (None, 5, 4)
X, Y, LOST = (TensorRef(place, 0) for place in range(3))
"""Two Inputs and a tensor whose first axis may be anything."""
WHOLE, PART = (Constant(ConstantKind.SLICE, bounds) for bounds in ([None, None, None], [0, None, None]))
REST, OBJECT = Constant(ConstantKind.ELLIPSIS), Constant(ConstantKind.OBJECT, [None, None, None])


def operation(name, **config):
    return layer("operation", name, is_operation=True, config=config)


def keeps(made, *args, x=CUBE, y=CUBE, lost=CUBE, **kwargs):
    calls = [
        CallDefinition(layer("x", "InputLayer"), outputs=(TensorSpec(x, "float32"),)),
        CallDefinition(layer("y", "InputLayer"), outputs=(TensorSpec(y, "float32"),)),
        CallDefinition(layer("lost", "Lambda"), (X,), outputs=(TensorSpec(lost, "float32"),)),
        CallDefinition(made, args, kwargs, outputs=(TensorSpec(None, "float32"),) * 2),
    ]
    graph = expand(definition(model("net", calls, [0, 1], [3])))
    found = {output for output in (0, 1) if Tensor(f"{made.name}#0", output) in batched(graph)}
    assert found in ({0, 1}, set())
    return bool(found)


VECTOR = {"x": (None, 4), "lost": CUBE}
TABLE = {"lost": (5, 4)}


@pytest.mark.parametrize(
    ("name", "args", "settings", "expected"),
    [
        ("Add", (X, Y), {}, True),
        ("Add", (X, LOST), {}, False),
        ("Add", (X, LOST), TABLE, True),
        ("Add", (LOST, X), TABLE, True),
        ("Add", (X, LOST), VECTOR, False),
        ("Add", (X, Y), {"y": (None, 4)}, True),
        ("Add", (X, LOST), {"lost": None}, False),
        ("Add", (LOST, LOST), {}, False),
        ("Add", (X, 2.0), {}, True),
        ("Exp", (X,), {}, True),
        ("Exp", (LOST,), {}, False),
        ("Exp", (X,), {"x": None}, False),
        ("Exp", (X,), {"x": (None,)}, True),
        ("Relu", (X,), {}, True),
        ("Where", (LOST, X, Y), {}, False),
        ("Mean", (X,), {}, False),
        ("Mean", (X,), {"axis": 1}, True),
        ("Mean", (X,), {"axis": [1, 2]}, True),
        ("Mean", (X,), {"axis": [1, 0]}, False),
        ("Mean", (X,), {"axis": "1"}, False),
        ("Mean", (X,), {"axis": -3}, False),
        ("Average", (X, LOST), {"axis": 1}, True),
        ("Concatenate", ([X, Y],), {}, False),
        ("Concatenate", ([X, Y],), {"axis": 1}, True),
        ("Concatenate", ([X, LOST],), {"axis": 1}, False),
        ("Concatenate", ([LOST, X],), {"axis": 1}, False),
        ("Stack", ([X, Y],), {"axis": 1}, True),
        ("Stack", ([X, Y],), {"axis": -3}, False),
        ("Stack", ([X, Y],), {"axis": -4}, False),
        ("ExpandDims", (X,), {}, False),
        ("ExpandDims", (X, 0), {}, False),
        ("ExpandDims", (X, 1), {}, True),
        ("ExpandDims", (X, -3), {}, True),
        ("ExpandDims", (X, -4), {}, False),
        ("ExpandDims", (X,), {"axis": 1}, True),
        ("Transpose", (X,), {}, False),
        ("Transpose", (X, []), {}, False),
        ("Transpose", (X, (0, 2, 1)), {}, True),
        ("Transpose", (X, [2, 1, 0]), {}, False),
        ("Transpose", (X, 0), {}, False),
        ("Transpose", (X, [0]), {"x": (None,)}, True),
        ("Transpose", (X,), {"axes": (0, 2, 1)}, True),
        ("Swapaxes", (X, 1, 2), {}, True),
        ("Swapaxes", (X, 0, 2), {}, False),
        ("Swapaxes", (X, 1, 0), {}, False),
        ("Swapaxes", (X, 1, -3), {}, False),
        ("Swapaxes", (X, 1), {}, False),
        ("Moveaxis", (X, 1, 2), {}, True),
        ("Moveaxis", (X, 0, 2), {}, False),
        ("Moveaxis", (X, 1, 0), {}, False),
        ("Moveaxis", (X, [1, 2], [2, 1]), {}, True),
        ("GetItem", (X, WHOLE), {}, True),
        ("GetItem", (X, REST), {}, True),
        ("GetItem", (X, (WHOLE, 0)), {}, True),
        ("GetItem", (X, [REST, 0]), {}, True),
        ("GetItem", (X, (0, WHOLE)), {}, False),
        ("GetItem", (X, PART), {}, False),
        ("GetItem", (X, OBJECT), {}, False),
        ("GetItem", (X, ()), {}, False),
        ("GetItem", (X, 0), {}, False),
        ("GetItem", (X,), {"key": REST}, True),
        ("Reshape", (X, (-1, 20)), {}, True),
        ("Reshape", (X, [None, 4, 5]), {}, True),
        ("Reshape", (X, (-1, 10)), {}, False),
        ("Reshape", (X, (3, 20)), {}, False),
        ("Reshape", (X, (20, -1)), {}, False),
        ("Reshape", (X, (-1, -1)), {}, False),
        ("Reshape", (X, (-1, None)), {}, False),
        ("Reshape", (X, ()), {}, False),
        ("Reshape", (X, -1), {}, False),
        ("Reshape", (X, (-1, -4, -5)), {}, False),
        ("Reshape", (X, (-1, 4.0, 5)), {}, False),
        ("Reshape", (X, (-1, 0)), {"x": (None, 0, 4)}, True),
        ("Reshape", (X, (-1, 20)), {"x": (None, None, 4)}, False),
        ("Reshape", (X, (-1, *[2**200] * 2)), {"x": (None, *[2**200] * 2)}, False),
        ("Matmul", (X, LOST), {}, True),
        ("Matmul", (LOST, X), {}, False),
        ("Matmul", (X, Y), {"x": (None, 4)}, False),
        ("Einsum", (X, Y), {}, False),
        ("NoOperationOfKeras", (X,), {}, False),
    ],
)
def test_operations_by_their_arguments(name, args, settings, expected):
    shapes = {key: value for key, value in settings.items() if key in ("x", "y", "lost")}
    rest = {key: value for key, value in settings.items() if key not in shapes}
    assert keeps(operation(name), *args, **shapes, **rest) is expected
    assert keeps(operation(name, **rest), *args, **shapes) is expected
    if rest:
        assert keeps(operation(name, **dict.fromkeys(rest, 0)), *args, **shapes, **rest) is expected


@pytest.mark.parametrize(
    ("made", "args", "expected"),
    [
        (layer("dense"), (X,), True),
        (layer("dense"), (LOST,), False),
        (layer("add", "Add"), ([X, Y],), True),
        (layer("add", "Add"), ([X, LOST],), False),
        (layer("lambda", "Lambda"), (X,), False),
        (layer("mine", "Mine", registered_name="mine>Mine"), (X,), False),
        (layer("closed", "Model", opaque=True), (X,), False),
        (LayerDefinition("stored", None), (X,), False),
        (layer("variable"), (), False),
        (layer("dense"), (3.0,), False),
    ],
    ids=lambda one: getattr(one, "name", None),
)
def test_layers_keep_it_if_all_that_they_receive_has_it(made, args, expected):
    assert keeps(made, *args) is expected


@pytest.mark.parametrize("source", [X, LOST], ids=["of the batch", "lost"])
def test_a_nested_model_has_what_it_receives(source):
    inner = model("inner", [input_call("inside"), call(layer("dense"), 0)], [0], [1])
    calls = [
        CallDefinition(layer("x", "InputLayer"), outputs=(TensorSpec(CUBE, "float32"),)),
        CallDefinition(layer("y", "InputLayer"), outputs=(TensorSpec(CUBE, "float32"),)),
        CallDefinition(layer("lost", "Lambda"), (X,), outputs=(TensorSpec(CUBE, "float32"),)),
        CallDefinition(inner, ([source],), outputs=(TensorSpec(CUBE, "float32"),)),
    ]
    graph = expand(definition(model("net", calls, [0, 1], [3])))
    assert {Tensor(f"inner#0/{name}#0", 0) in batched(graph) for name in ("inside", "dense")} == {source is X}


def test_a_scalar_has_no_axis():
    scalar = CallDefinition(layer("x", "InputLayer"), outputs=(TensorSpec((), "float32"),))
    assert batched(expand(definition(model("net", [scalar], [0], [0])))) == set()


def test_what_follows_a_call_without_tensors_and_one_that_returns_a_scalar():
    calls = [
        CallDefinition(layer("x", "InputLayer"), outputs=(TensorSpec(CUBE, "float32"),)),
        CallDefinition(layer("variable"), outputs=(TensorSpec(CUBE, "float32"),)),
        CallDefinition(layer("odd"), (X,), outputs=(TensorSpec((), "float32"),)),
        CallDefinition(operation("Exp"), (TensorRef(2, 0),), outputs=(TensorSpec((), "float32"),)),
        CallDefinition(layer("sum", "Add"), ([TensorRef(1, 0), X],), outputs=(TensorSpec(CUBE, "float32"),)),
    ]
    graph = expand(definition(model("net", calls, [0], [1, 3, 4])))
    assert list(graph.calls) == ["x#0", "variable#0", "odd#0", "operation#0", "sum#0"]
    assert batched(graph) == {Tensor("x#0", 0), Tensor("odd#0", 0)}
