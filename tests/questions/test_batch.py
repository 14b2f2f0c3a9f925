"""Which tensors certainly have the batch on axis 0."""

import keras
import pytest
from keras import layers, ops

from graphlint.model.definition import CallDefinition, Constant, ConstantKind, TensorRef, TensorSpec
from graphlint.model.expand import expand
from graphlint.model.graph import Tensor
from graphlint.questions.batch import batched
from graphlint.sources import read
from graphlint.sources.live import read_live
from tests.model.definitions import call, definition, input_call, layer, model

KEEPS = {
    "layer": lambda x: layers.LSTM(3)(x),
    "elementwise": lambda x: ops.exp(x) * 2.0,
    "two operands": lambda x: x + layers.Dense(4)(x),
    "a table that has no batch": lambda x: x + ops.reshape(ops.arange(20, dtype="float32"), (5, 4)),
    "reduction": lambda x: ops.mean(x, axis=-1),
    "squeeze": lambda x: ops.squeeze(ops.sum(x, axis=1, keepdims=True), axis=1),
    "expand": lambda x: ops.expand_dims(x, -1),
    "transpose": lambda x: ops.transpose(x, (0, 2, 1)),
    "swap": lambda x: ops.swapaxes(x, 1, 2),
    "slice": lambda x: x[:, 0],
    "ellipsis": lambda x: x[..., :2],
    "reshape": lambda x: ops.reshape(x, (-1, 20)),
    "concatenate": lambda x: ops.concatenate([x, x], axis=1),
    "matmul": lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))),
    "split": lambda x: ops.split(x, 2, axis=-1)[1],
}
KEEPS |= {
    name: lambda x, name=name: getattr(ops, name)(x)
    for name in "tril triu signbit isposinf isneginf isreal i0 sparse_plus fabs".split()
    if hasattr(ops, name)  # fabs came with Keras 3.15
}
KEEPS |= {
    name: lambda x, name=name: getattr(ops, name)(x, axis=1)
    for name in "nanstd nanvar nanmedian nanprod nancumsum nancumprod nanargmax sort argsort diff logsumexp".split()
}
KEEPS |= {name: lambda x, name=name: getattr(ops, name)(x, x) for name in "isclose nextafter logaddexp2 fmod".split()}
LOSES = {
    "running sum of all": lambda x: ops.cumsum(x),
    "sorted along it": lambda x: ops.sort(x, axis=0),
    "stacked in front": lambda x: ops.stack([x, x]),
    "stacked in front, from the end": lambda x: ops.stack([x, x], axis=-4),
    "reduction over it": lambda x: ops.mean(x, axis=0),
    "reduction of all": lambda x: ops.sum(x),
    "negative axis": lambda x: ops.max(x, axis=-3),
    "expand in front": lambda x: ops.expand_dims(x, 0),
    "transpose": lambda x: ops.transpose(x, (1, 0, 2)),
    "slice of it": lambda x: x[0],
    "merged with it": lambda x: ops.reshape(x, (-1, 4)),
    "concatenated along it": lambda x: ops.concatenate([x, x], axis=0),
    "lambda": lambda x: layers.Lambda(lambda t: t, output_shape=(5, 4))(x),
    "unknown operation": lambda x: ops.einsum("bij,bkj->ik", x, x),
}


@pytest.mark.parametrize(
    ("function", "keeps"),
    [*((function, True) for function in KEEPS.values()), *((function, False) for function in LOSES.values())],
    ids=[*KEEPS, *LOSES],
)
def test_where_the_batch_stays(function, keeps, tmp_path):
    x = keras.Input((5, 4))
    model = keras.Model(x, function(x))
    graph = expand(read_live(model))
    assert (graph.outputs[0] in batched(graph)) is keeps
    path = tmp_path / "model.keras"
    model.save(path)
    graph = expand(read(path))
    assert (graph.outputs[0] in batched(graph)) is keeps


def test_nested_models_hand_it_on():
    x = keras.Input((5, 4))
    inner = keras.Sequential([keras.Input((5, 4)), layers.Dense(2)])
    graph = expand(read_live(keras.Model(x, inner(x))))
    assert graph.outputs[0] in batched(graph)


# -- definitions, among them what no program writes ---------------------------------------------------------------

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
        ("Relu", (X,), {}, True),
        ("Where", (LOST, X, Y), {}, False),
        ("Mean", (X,), {}, False),
        ("Mean", (X,), {"axis": 1}, True),
        ("Mean", (X,), {"axis": [1, 2]}, True),
        ("Mean", (X,), {"axis": [1, 0]}, False),
        ("Mean", (X,), {"axis": "1"}, False),
        ("Mean", (X,), {"axis": -3}, False),
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
        ("Transpose", (X,), {}, False),
        ("Transpose", (X, []), {}, False),
        ("Transpose", (X, (0, 2, 1)), {}, True),
        ("Transpose", (X, [2, 1, 0]), {}, False),
        ("Transpose", (X, 0), {}, False),
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
        ("Reshape", (X, (-1, 20)), {}, True),
        ("Reshape", (X, [None, 4, 5]), {}, True),
        ("Reshape", (X, (-1, 10)), {}, False),
        ("Reshape", (X, (3, 20)), {}, False),
        ("Reshape", (X, (20, -1)), {}, False),
        ("Reshape", (X, (-1, -1)), {}, False),
        ("Reshape", (X, (-1, None)), {}, False),
        ("Reshape", (X, ()), {}, False),
        ("Reshape", (X, -1), {}, False),
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
