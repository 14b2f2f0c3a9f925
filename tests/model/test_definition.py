"""Structures of arguments, and what a definition says of itself."""

from __future__ import annotations

from collections import OrderedDict, UserDict
from typing import NamedTuple

import pytest

from graphlint.knowledge import layers, operations
from graphlint.model.definition import (
    Body,
    CallDefinition,
    Constant,
    ConstantKind,
    Format,
    FrontEnd,
    Likeness,
    ModelDefinition,
    TensorRef,
    TensorSpec,
    VariableDefinition,
    flat,
    identity,
    is_leaf,
    leaves,
    map_leaves,
    refs,
)
from tests.model.definitions import layer


class Pair(NamedTuple):
    left: object
    right: object


class Row(tuple):
    __slots__ = ()


class Listed(list):
    pass


class Named:
    """Something with fields that is no tuple."""

    _fields = ("one",)


class FieldList(list):
    _fields = ("one",)


A, B, C = (TensorRef(place, 0) for place in range(3))
TEXT, PAIR, OBJECT, USER, NAMED = "ab", Pair([1], 2), object(), UserDict(), Named()
ARRAY = Constant(ConstantKind.NUMPY, [1])

STRUCTURES = [
    (None, [("", None)]),
    (A, [("", A)]),
    ((), []),
    ([], []),
    ({}, []),
    ((A,), [("0", A)]),
    (((A,),), [("0/0", A)]),
    ((PAIR,), [("0", PAIR)]),
    ([A], [("0", A)]),
    ((A, B), [("0", A), ("1", B)]),
    ([A, (B, [C, TEXT]), 3], [("0", A), ("1/0", B), ("1/1/0", C), ("1/1/1", TEXT), ("2", 3)]),
    ({"b": A, "a": [B, {"d": 1.5, "c": True}]}, [("a/0", B), ("a/1/c", True), ("a/1/d", 1.5), ("b", A)]),
    ({10: A, 9: B, "a": ARRAY}, [("10", A), ("9", B), ("a", ARRAY)]),
    ({"same": A, "other": {}}, [("same", A)]),
    (PAIR, [("", PAIR)]),
    ([PAIR, OBJECT, USER, NAMED], [("0", PAIR), ("1", OBJECT), ("2", USER), ("3", NAMED)]),
    (Row((A, Row((B, C)))), [("0", A), ("1/0", B), ("1/1", C)]),
    (Listed([A, B, Row((C,))]), [("0", A), ("1", B), ("2/0", C)]),
    (FieldList([A, B]), [("0", A), ("1", B)]),
    (OrderedDict(b=A, a=Listed([B, C])), [("a/0", B), ("a/1", C), ("b", A)]),
    ([[], {}, (), TensorSpec(None, None)], [("3", TensorSpec(None, None))]),
]


@pytest.mark.parametrize(("structure", "expected"), STRUCTURES)
def test_leaves(structure, expected):
    found = leaves(structure)
    assert found == expected
    assert [path for path, _ in leaves(structure, "at")] == [f"at/{path}" if path else "at" for path, _ in expected]
    assert flat(structure) == [leaf for _, leaf in expected]
    assert refs(structure) == [leaf for _, leaf in expected if isinstance(leaf, TensorRef)]
    assert is_leaf(structure) == (found == [("", structure)])


@pytest.mark.parametrize(("structure", "expected"), STRUCTURES)
def test_mapped_leaves(structure, expected):
    assert map_leaves(structure, lambda leaf: leaf) == structure
    marked = map_leaves(structure, lambda leaf: ("leaf", leaf) if leaf.__class__ is TensorRef else leaf)
    assert map_leaves(structure, repr).__class__ is (str if is_leaf(structure) else _kind(structure))
    received = []
    map_leaves(structure, received.append)
    assert sorted(map(repr, received)) == sorted(repr(leaf) for _, leaf in expected)
    if A not in received:
        assert marked == structure


def _kind(structure):
    return dict if isinstance(structure, dict) else type(structure)


def test_mapped_structures_keep_their_types():
    mapped = map_leaves({"k": [A, (B, Row((C, 1)))], "l": Listed([2, PAIR])}, lambda leaf: [leaf])
    assert mapped == {"k": [[A], ([B], ([C], [1]))], "l": [[2], [PAIR]]}
    assert type(mapped["k"][1]) is tuple and type(mapped["k"][1][1]) is Row and type(mapped["l"]) is Listed


def test_the_body_of_a_call():
    first, other = (Body([], [], [], outputs=[]) for _ in range(2))
    one = layer("own", body=first)
    assert CallDefinition(one).body is first
    assert CallDefinition(one, form=other).body is other
    assert CallDefinition(layer("plain"), form=other).body is other
    assert CallDefinition(layer("plain")).body is None


def test_alike_until_the_configuration_changes():
    one, other = layer("one", config={"units": 1}), layer("other", config={"units": 1})
    assert one.alike is None
    for each in (one, other):
        each.likeness = Likeness(7, one.config)
    assert (one.alike, other.alike) == (7, None)
    one.config = {"units": 1}
    assert one.alike is None


def test_what_is_known_of_layers_and_operations():
    dense, add = layer("d"), layer("a", "Add")
    operation = layer("o", "Add", is_operation=True)
    assert dense.traits.name == "Dense" and add.traits.name == "Add"
    assert operation.traits is layers.UNKNOWN
    assert operation.operation.name == "Add" and operation.operation is operations.operation_traits("Add")
    assert add.operation is operations.UNKNOWN and dense.operation is operations.UNKNOWN
    assert [layer("i", name).is_input for name in ("InputLayer", "Input", None)] == [True, False, False]
    assert dense.is_keras and not layer("m", "Mine", registered_name="m>Mine").is_keras


@pytest.mark.parametrize(
    ("front_end", "format_", "expected"),
    [
        (FrontEnd.STATIC, Format.LIVE, True),
        (FrontEnd.LIVE, Format.LIVE, False),
        (FrontEnd.STATIC, Format.KERAS, False),
        (FrontEnd.LIVE, Format.SEVERAL, False),
    ],
)
def test_models_of_keras_2_in_memory(front_end, format_, expected):
    assert ModelDefinition(layer("m"), front_end, format_).is_keras_2 is expected


def test_what_definitions_say_where_nothing_else_is_known():
    model = ModelDefinition(layer("m"), FrontEnd.STATIC, Format.KERAS)
    assert (model.has_weights, model.has_graph, model.depth, model.members) == (False, True, "weights", ())
    one = layer("d")
    flags = (one.trainable, one.is_operation, one.is_model, one.opaque, one.rebuilt, one.has_weight_group)
    assert flags == (True, False, False, False, False, True)
    assert not Body([], [], [], outputs=[]).traced
    assert CallDefinition(one).modes == {"inference", "training"}


def test_identity_is_that_of_the_object_if_there_is_one():
    obj = object()
    one, other, file = layer("a", obj=obj), layer("b", obj=obj), layer("a")
    assert identity(one) == identity(other) == id(obj) and identity(file) == id(file)
    variable = VariableDefinition("kernel", 0, (1,), dtype="float32", trainable=True, obj=obj)
    assert identity(variable) == id(obj)
