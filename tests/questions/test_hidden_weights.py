"""What code uses that Keras does not track, and what it may use."""

from __future__ import annotations

import sys
from functools import partial
from types import MethodType, SimpleNamespace

import pytest

from graphlint.model.expand import expand
from graphlint.questions.hidden_weights import (
    attribute_of,
    hidden_in_code,
    hidden_in_lambda,
    may_use,
    serialized_has_weights,
)
from tests.model.definitions import call, definition, input_call, layer, model


class Owner:
    def __init__(self):
        self.dense, self.other = object(), object()
        self.blocks, self.named, self.pair = [object(), object()], {"a": object()}, (object(),)
        self._layers = [self.dense, self.other, *self.blocks]


def test_the_attribute_that_holds_something():
    owner = Owner()
    assert attribute_of(owner, owner.dense) == "dense" and attribute_of(owner, owner.other) == "other"
    assert [attribute_of(owner, one) for one in owner.blocks] == ["blocks", "blocks"]
    assert attribute_of(owner, owner.named["a"]) == "named" and attribute_of(owner, owner.pair[0]) == "pair"
    assert attribute_of(owner, object()) == "" and attribute_of(3, owner) == ""
    owner.first, owner.again = [owner.dense], owner.pair
    assert attribute_of(owner, owner.dense) == "dense" and attribute_of(owner, owner.pair[0]) == "pair"
    for name in ("_layers", "_operations", "_modules"):
        setattr(owner, name, [owner])
    assert attribute_of(owner, owner) == ""


class Base:
    def __init__(self):
        self.made = 1

    def build(self, shape):
        self.built_there = shape

    def get_config(self):
        return {"kept": self.kept}

    def used(self):
        return self.called


class Derived(Base):
    @property
    def short(self):
        return self.by_property

    @classmethod
    def of_class(cls):
        return cls.by_class

    @staticmethod
    def of_none():
        return Derived.by_none

    def inner(self):
        return [(lambda: self.by_lambda) for _ in range(2)]

    number = 3


NOT_RUN = ("__init__", "build", "get_config", "from_config", "get_build_config", "build_from_config")
LIBRARIES = (
    "keras.src",
    "tensorflow.python",
    "numpy",
    "jax",
    "jaxlib",
    "torch.nn",
    "builtins",
    "collections",
    "logging",
)
ANY = {
    "getattr": lambda self, name: getattr(self, name),
    "vars": lambda self: vars(self),
    "__dict__": lambda self: self.__dict__,
    "layers": lambda self: self.layers,
    "_layers": lambda self: self._layers,
    "_flatten_layers": lambda self: self._flatten_layers(),
}


@pytest.mark.parametrize("name", NOT_RUN)
def test_methods_that_are_run_only_to_make_or_save_an_object(name):
    mentions = {name: lambda self: self.held}
    assert may_use(type("Held", (), mentions), "held") is False
    assert may_use(type("Held", (), mentions | {"other": lambda self: self.held}), "held") is True
    assert may_use(type("Held", (), {f"{name}_": lambda self: self.held}), "held") is True


@pytest.mark.parametrize("module", LIBRARIES)
def test_methods_of_libraries_mean_no_attribute_of_ones_own(module):
    library = type("Library", (), {"work": lambda self: self.held, "__module__": module})
    assert may_use(type("Own", (library,), {"__module__": "mine"}), "held") is False
    mixed = type("Mixed", (), {"more": lambda self: self.held, "__module__": "mine.keras"})
    for bases in ((library, mixed), (mixed, library)):
        assert may_use(type("Own", bases, {"__module__": "mine"}), "held") is True


@pytest.mark.parametrize("name", ANY)
def test_methods_that_may_mean_any_attribute(name):
    assert may_use(type("Own", (), {"work": ANY[name]}), "held") is True
    assert may_use(type("Own", (), {"work": lambda self: len([self])}), "held") is False


class Reflecting(Base):
    def any_of_them(self, name):
        return getattr(self, name)


@pytest.mark.parametrize(
    ("attribute", "used"),
    [
        ("made", False),
        ("built_there", False),
        ("kept", False),
        ("called", True),
        ("by_property", True),
        ("by_class", True),
        ("by_none", True),
        ("by_lambda", True),
        ("number", False),
        ("unknown", False),
    ],
)
def test_attributes_that_methods_mention(attribute, used):
    assert may_use(Derived, attribute) is used
    assert may_use(Reflecting, attribute) is True
    assert may_use(dict, attribute) is False
    assert may_use(Base, attribute) is (attribute == "called")


@pytest.mark.parametrize(
    ("serialized", "expected"),
    [
        ({"class_name": "Dense", "module": "keras.layers", "config": {"units": 2}}, True),
        ({"class_name": "ReLU", "module": "keras.layers", "config": {}}, False),
        ({"class_name": "LayerNormalization", "config": {"center": False, "scale": False}}, False),
        ({"class_name": "LayerNormalization", "config": {"center": False}}, True),
        ({"class_name": "Mine", "module": "mine", "config": {}, "build_config": {}}, True),
        ({"class_name": "Mine", "module": "mine", "config": {}}, False),
        ({"class_name": "Mine", "module": "keras.layers", "config": {}, "build_config": {}}, False),
        ({"class_name": "Mine", "module": 3, "config": {}, "build_config": {}}, False),
        ({"class_name": "Dense", "module": "keras.layers"}, False),
        ({"class_name": 3, "config": {}}, False),
        ({"inner": [{"class_name": "Dense", "module": "keras.layers", "config": {}}]}, True),
        ({"inner": ({"layer": {"class_name": "Dense", "config": {}}},)}, True),
        ({}, False),
    ],
)
def test_serialized_layers_that_have_variables(serialized, expected):
    assert serialized_has_weights(serialized) is expected


# -- what the functions of a Lambda reach, with classes that have the names of Keras's ------------------------------


def kind(name, *bases, module="keras.src.layers.layer", **fields):
    return type(name, bases, {"__module__": module, **fields})


LAYER = kind("Layer")
DENSE = kind("Dense", LAYER, module="keras.src.layers.core.dense")
RELU = kind("ReLU", LAYER, module="keras.src.layers.activations.relu")
MINE = kind("Mine", LAYER, module="mine")
VARIABLE = kind("Variable", module="keras.src.backend.common.variables")
MODULE = kind("Module", module="tensorflow.python.module.module")
NET = kind("Net", MODULE, module="mine")


def made(cls=DENSE, name="hidden", **fields):
    """An object as Keras has it, as far as it is looked at: built, with weights that train."""
    one = cls()
    given = {"name": name, "weights": [1], "built": True, "trainable_variables": [1]}
    one.__dict__.update({key: value for key, value in {**given, **fields}.items() if value != "none"})
    return one


def variable(name="number"):
    return made(VARIABLE, name, trainable=True)


def reached(**fields):
    """What is said of a Lambda that has a function, a function of shapes, a mask and arguments."""
    one = layer("code", "Lambda")
    one.obj = SimpleNamespace(**fields)
    graph = expand(definition(model("net", [input_call("x"), call(one, 0)], [0], [1])))
    return [(found.text, found.trains) for found in hidden_in_lambda(graph.layers["code"])]


HIDDEN = ("Dense 'hidden'", True)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (made(), HIDDEN),
        (made(trainable_variables=[]), ("Dense 'hidden'", False)),
        (made(weights=[], built=False, get_config=lambda: {"units": 2}), HIDDEN),
        (made(weights=[], built=False, trainable_variables=[], get_config=lambda: {"units": 2}), HIDDEN),
        (made(weights=[], built=True), None),
        (made(weights=[], built="none"), None),
        (made(RELU, weights=[], built=False, get_config=dict), None),
        (made(RELU, weights=[], built=False, get_config=lambda: 1 // 0), ("ReLU 'hidden'", True)),
        (made(MINE, weights=[], built=False), ("Mine 'hidden'", True)),
        (made(MINE, weights=[], built=False, get_config=dict), ("Mine 'hidden'", True)),
        (made(MINE, weights=[]), None),
        (made(MINE), ("Mine 'hidden'", True)),
        (made(name="a:b"), ("Dense 'a'", True)),
        (made(name="none"), ("Dense ''", True)),
        (variable(), ("Variable 'number'", True)),
        (variable(name="number:0"), ("Variable 'number'", True)),
        (made(VARIABLE, "number", trainable=False), ("Variable 'number'", False)),
        (made(VARIABLE, "number", trainable=None), ("Variable 'number'", True)),
        *(
            (made(kind(f"{prefix}Variable", module="tensorflow.python.ops"), "v", trainable=True), (text, True))
            for prefix in ("", "Resource", "BaseResource", "Base")
            for text in [f"{prefix}Variable 'v'"]
        ),
        (made(kind("MyVariable", module="tensorflow.python.ops"), "v", trainable=True), None),
        (made(kind("Variable", module="mine"), "v", trainable=True), None),
        (made(kind("Layer", module="tensorflow.python"), "v"), None),
        (made(kind("Module", module="keras.src"), "v", variables=[1]), None),
        (made(NET, "net", variables=(1,)), ("Net 'net'", True)),
        (made(NET, "net", variables=(1,), trainable_variables=()), ("Net 'net'", False)),
        (made(NET, "net", variables=()), None),
        (made(NET, "net"), None),
        *((container([made()]), HIDDEN) for container in (list, tuple, set, frozenset)),
        ({"key": made()}, HIDDEN),
        ({"key": [({"deep": made()},)]}, HIDDEN),
        ([1, None, "text", made()], HIDDEN),
        (partial(print, made()), HIDDEN),
        (partial(print, end=made()), HIDDEN),
        (SimpleNamespace(dense=made()), None),
        (made, None),
        (sys, None),
    ],
)
def test_what_is_hidden_among_the_arguments(held, expected):
    assert reached(arguments=held) == ([] if expected is None else [expected])
    assert reached(arguments={"a": 1}, function=None) == []


def test_a_file_holds_no_code():
    assert list(hidden_in_code(expand(definition(model("net", [input_call("x")], [0], [0]))))) == []


def test_every_place_is_looked_at_once():
    first, second, third, fourth = (made(name=name) for name in ("first", "second", "third", "fourth"))

    def returns(one):
        return lambda x: one(x)

    found = reached(function=returns(first), _output_shape=returns(second), mask=returns(third), arguments=[fourth])
    assert sorted(found) == [(f"Dense '{name}'", True) for name in ("first", "fourth", "second", "third")]
    assert reached(arguments=[first, first, [first], second]) == [("Dense 'first'", True), ("Dense 'second'", True)]
    loop = [first]
    loop.append(loop)
    assert reached(arguments=loop) == [("Dense 'first'", True)]


def test_so_many_objects_are_looked_at():
    for count, found in ((19_998, [HIDDEN]), (19_999, [])):
        assert reached(arguments=[*(object() for _ in range(count)), made()]) == found


GLOBAL, BESIDE, LISTED = made(name="global"), SimpleNamespace(dense=made(name="beside")), [made(name="listed")]


def functions():
    one, other, owner, plain = made(name="one"), made(name="other"), made(), SimpleNamespace(dense=made(name="plain"))
    owner.scale, owner.never = variable(), variable(name="never")
    owner.x, owner.inner = variable(name="never"), made(name="inner")

    def never():
        return lost(one)

    def helper(x):
        return other(x)

    if owner is None:
        lost = None
    return [
        (lambda x: one(x), ["one"]),
        (lambda x: [other(inner) for inner in [one(x)]], ["one", "other"]),
        (lambda x: (lambda y: one(y))(x), ["one"]),
        (lambda x, held=one: held(x), ["one"]),
        (lambda x, *, held=one: held(x), ["one"]),
        (lambda x: owner(x), ["hidden"]),
        (lambda x: x * owner.scale, ["number"]),
        (lambda x: owner.method(x), ["hidden"]),
        (lambda x: owner.inner(x), ["inner"]),
        (lambda x: never(helper(x)), ["one", "other"]),
        (lambda x: LISTED[0](x), []),
        (lambda x: print(x) or GLOBAL(x), ["global"]),
        (lambda GLOBAL: GLOBAL + 1, []),
        (lambda x: plain.dense(x), []),
        (lambda x: GLOBAL(x), ["global"]),
        (lambda x: BESIDE.dense(x), []),
        (lambda x: print(x), []),
        (never, ["one"]),
        (lambda x: x, []),
    ]


@pytest.mark.parametrize("place", range(19))
def test_what_a_function_reaches_by_name(place):
    function, names = functions()[place]
    found = [text.partition("'")[2].rstrip("'") for text, _ in reached(function=function)]
    assert sorted(found) == names
    assert [text for text, _ in reached(arguments=[function])] == [text for text, _ in reached(function=function)]


class Around:
    """Somebody's own object that a Lambda calls, or whose method it calls."""

    def __init__(self, **held):
        self.__dict__.update(held)

    def __call__(self, x):
        return self.dense(x)

    def project(self, x):
        return list(self.other(x))


def test_of_a_callable_object_only_what_its_call_uses():
    around = Around(dense=made(name="dense"), other=made(name="other"))
    assert reached(function=around) == [("Dense 'dense'", True)]
    assert reached(function=around.project) == [("Dense 'other'", True)]
    assert reached(mask=around) == [("Dense 'dense'", True)]
    assert reached(arguments=[around]) == []
    assert reached(arguments=[around.project]) == [("Dense 'other'", True)]
    owner = made(kind("Block", LAYER, module="mine", project=Around.project), name="owner")
    owner.other = made(name="other")
    assert sorted(reached(function=owner.project)) == [("Block 'owner'", True)]
    assert reached(function=made()) == [HIDDEN]
    assert reached(function=MethodType(partial(print), around)) == []
