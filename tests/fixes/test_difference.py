"""What fixes change, as a diff of calls and of how a model is compiled."""

import dataclasses

from graphlint.fixes.difference import difference
from graphlint.model.definition import CallDefinition, TensorRef, TensorSpec
from graphlint.model.expand import expand
from tests.model.definitions import call, definition, input_call, layer, model


def graph(calls, outputs, *, never_called=(), **more):
    """A model of one Input and some calls after it."""
    root = model("net", [input_call("x"), *calls], [0], outputs)
    root.body.layers += never_called
    return expand(dataclasses.replace(definition(root), **more))


def shown(after, before=None):
    """What a diff says of a model that has more than another one, without its heading."""
    lines = difference(before or graph([], [0]), after).split("\n")
    assert lines[:2] == ["--- before", "+++ after"]
    return lines[2:]


def test_equal_models_have_no_difference():
    assert difference(graph([call(layer("a"), 0)], [1]), graph([call(layer("a"), 0)], [1])) == ""


def test_a_call_has_its_settings_and_what_it_receives():
    config = {"name": "d", "trainable": False, "dtype": "float16", "optional": True, "sparse": False}
    config |= {"units": 4, "rate": 0.5, "activation": "relu", "use_bias": True, "bias": None, "axes": [1, 2]}
    dense = layer("d", config=config, size=4)
    called = CallDefinition(dense, (TensorRef(0, 0),), {"training": False, "scale": 2, "by": 0.5, "mode": "x"})
    called.outputs = (TensorSpec((None, 4), "float32"),)
    assert shown(graph([called], [1])) == [
        "+d#0 = Dense(units=4, rate=0.5, activation=relu, use_bias=True, training=False, scale=2, by=0.5) of x#0"
    ]
    two = graph([call(layer("split", "Split"), 0, outputs=2), call(layer("add", "Add"), (1, 1), (1, 0))], [2])
    assert shown(two) == ["+split#0 = Split() of x#0", "+add#0 = Add() of split#0:1, split#0:0"]


def test_an_input_has_its_shape():
    def of(spec):
        return graph([CallDefinition(layer("y", "InputLayer"), outputs=spec)], [0])

    assert shown(of((TensorSpec((None, 3), "int32"),))) == ["+y#0 = InputLayer() [None, 3]"]
    assert shown(of((TensorSpec(None, None),))) == shown(of(())) == ["+y#0 = InputLayer() []"]


def test_layers_that_are_frozen_and_layers_that_are_never_called():
    frozen, plain = layer("f", size=2, trainable=False), layer("p", "Dropout", trainable=False)
    assert shown(graph([call(frozen, 0), call(plain, 1)], [2])) == [
        "+f#0 = Dense() of x#0  frozen",
        "+p#0 = Dropout() of f#0",
    ]
    inner = model("inner", [input_call("i")], [0], [0])
    inner.variables = layer("offset", size=2).variables
    spare = [layer("spare", size=3), layer("nothing", "ReLU"), inner]
    assert shown(graph([], [0], never_called=spare)) == [
        "+spare = Dense, never called",
    ]
    around = layer("each", "TimeDistributed", children={"layer": layer("inside", size=3)})
    assert shown(graph([call(around, 0)], [1])) == ["+each#0 = TimeDistributed() of x#0"]


def test_how_a_model_is_compiled():
    settings = {"loss": {"b": 1, "a": "mse"}, "loss_weights": None, "metrics": ["mae"], "optimizer": "sgd"}
    one = graph([], [0], compile_config=settings)
    assert shown(one) == ['+compiled with loss={"a": "mse", "b": 1}']
    other = graph([], [0], compile_config={"loss": "mse", "loss_weights": [1, 2]})
    assert shown(other, one) == [
        '-compiled with loss={"a": "mse", "b": 1}',
        '+compiled with loss="mse"',
        "+compiled with loss_weights=[1, 2]",
    ]
