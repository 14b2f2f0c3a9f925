"""What code of models in memory uses that Keras does not track."""

from __future__ import annotations

import sys
from functools import partial
from types import ModuleType

import keras
import pytest
from keras import layers

from graphlint.model.expand import expand
from graphlint.questions.hidden_weights import hidden_in_code, hidden_in_lambda
from graphlint.sources.live import read_live


class Box:
    """Somebody's own object, in which Keras tracks nothing."""

    def __init__(self, **held):
        self.__dict__.update(held)

    def project(self, x):
        return self.dense(x)

    def scale(self, x):
        return x * self.factor


def dense(name="hidden", **kwargs):
    return layers.Dense(4, name=name, **kwargs)


def built(layer):
    layer.build((None, 4))
    return layer


class Custom(layers.Layer):
    """Its call runs methods, one of which uses what the box holds."""

    def __init__(self, **held):
        super().__init__()
        self.box = Box(**held)

    def deep(self, x):
        return self.box.dense(x)

    def one(self, x):
        return self.other(x)

    def other(self, x):
        return x

    def call(self, x):
        self.deep(x)
        self.other(x)
        return self.one(x)


class Unused(Custom):
    def call(self, x):
        return self.other(x)


class Recursive(Custom):
    def call(self, x):
        return self.call(x) if x is None else self.deep(x)


class Mixin:
    """Its method is one of the layer that has it among its bases."""

    def help(self, x):
        return self.box.dense(x)


class Helped(layers.Layer, Mixin):
    def __init__(self, **held):
        super().__init__()
        self.box = Box(**held)

    def call(self, x):
        return self.help(x)


class NoCall(layers.Layer):
    pass


def told(layer):
    """What is said of a layer in a model that is not run."""
    model = keras.Sequential([layer])
    return [
        ([(one.text, one.trains) for one in found], made) for _, found, made in hidden_in_code(expand(read_live(model)))
    ]


@pytest.mark.parametrize("cls", [Custom, Recursive, Helped])
def test_what_a_call_reaches_through_other_methods(cls):
    assert told(cls(dense=built(dense()))) == [([("Dense 'hidden'", True)], [])]


def test_what_no_call_reaches_or_keras_tracks():
    assert told(Unused(dense=built(dense()))) == []
    tracked = Custom()
    tracked.mine = dense()
    tracked.box.dense = tracked.mine
    assert told(tracked) == []
    tracked.mine.build((None, 4))
    tracked.box.dense = tracked.mine.kernel
    assert told(tracked) == []
    assert told(NoCall()) == []
    assert told(layers.Dense(2)) == []


def module_with(layer):
    made = ModuleType("made")
    made.dense = layer
    return made


def test_custom_layers_among_others_and_in_several_places():
    custom, other = Custom(dense=built(dense())), Custom(dense=built(dense("second")))
    inputs = keras.Input((4,))
    x = custom(keras.ops.relu(custom(layers.Dense(4)(inputs))))
    found = list(hidden_in_code(expand(read_live(keras.Model(inputs, other(x))))))
    assert [[one.text for one in texts] for _, texts, _ in found] == [["Dense 'hidden'"], ["Dense 'second'"]]


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (lambda: dense(), ("Dense 'hidden'", True)),
        (lambda: built(dense(trainable=False)), ("Dense 'hidden'", False)),
        (lambda: layers.ReLU(), None),
        (lambda: layers.Activation("relu"), None),
        (lambda: layers.Bidirectional(layers.LSTM(2), name="both"), ("Bidirectional 'both'", True)),
        (lambda: keras.Variable([1.0], name="number"), ("Variable 'number'", True)),
        (lambda: keras.Variable([1.0], name="number", trainable=False), ("Variable 'number'", False)),
        (lambda: keras.Sequential([layers.ReLU()], name="plain"), None),
        (lambda: keras.Sequential([keras.Input((4,)), dense()], name="net"), ("Sequential 'net'", True)),
        (lambda: [1, {"a": (dense(),)}], ("Dense 'hidden'", True)),
        (lambda: {dense()}, ("Dense 'hidden'", True)),
        (lambda: partial(print, dense()), ("Dense 'hidden'", True)),
        (lambda: partial(print, end=dense()), ("Dense 'hidden'", True)),
        (lambda: Box(deeper=Box(deepest=dense())), ("Dense 'hidden'", True)),
        (lambda: sys, None),
        (lambda: type("Holder", (), {"dense": dense()}), None),
        (lambda: module_with(dense()), None),
        (lambda: Box, None),
        (lambda: None, None),
        (lambda: 3, None),
        (lambda: "text", None),
    ],
)
def test_what_counts_as_hidden(held, expected):
    found = told(Custom(dense=held()))
    assert [text for texts, _ in found for text in texts] == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("held", "method", "hidden"),
    [("dense", "project", True), ("dense", "scale", False), ("factor", "scale", True), ("factor", "project", False)],
)
def test_of_a_method_only_what_it_uses_of_its_object(held, method, hidden):
    box = Box(**{"dense": 1, "factor": 2, held: dense()})
    graph = expand(read_live(keras.Sequential([layers.Lambda(getattr(box, method), name="code")])))
    assert bool(hidden_in_lambda(graph.layers["code"])) is hidden


def makes(function):
    """What is said of a layer whose call is a function."""
    cls = type("Made", (layers.Layer,), {"call": function, "__module__": __name__})
    return [made for _, made in told(cls())]


class Weighted(layers.Layer):
    def build(self, shape):
        self.kernel = self.add_weight(shape=(1,))


class Weightless(layers.Layer):
    def call(self, x):
        return x


def closed_over(made):
    def call(self, x):
        return made(2)(x)

    return call


def unassigned():
    def call(self, x):
        return never(x) if x is None else layers.Dense(2)(x)

    if sys is None:
        never = 1
    return call


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda self, x: layers.Dense(2)(x), ["Dense"]),
        (lambda self, x: keras.layers.Dense(2)(layers.Dense(3)(x)), ["Dense"]),
        (lambda self, x: layers.Conv1D(2, 1)(layers.Dense(3)(x)), ["Conv1D", "Dense"]),
        (lambda self, x: layers.ReLU()(x), []),
        (lambda self, x: Weighted()(x), ["Weighted"]),
        (lambda self, x: Weightless()(x), []),
        (lambda self, x: isinstance(x, layers.Dense), []),
        (lambda self, x: [layers.Dense(2)(one) for one in x], ["Dense"]),
        (closed_over(layers.Dense), ["Dense"]),
        (closed_over(layers.ReLU), []),
        (unassigned(), ["Dense"]),
    ],
)
def test_layers_that_are_new_in_each_call(function, expected):
    found = makes(function)
    assert [sorted(names) for names in found] == ([sorted(expected)] if expected else [])


def kept(self, x):
    if self.layer is None:
        self.layer = layers.Dense(2)
    return self.layer(x)


def test_layers_that_are_made_once_and_kept():
    assert makes(kept) == []
