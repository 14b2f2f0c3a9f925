"""What code uses that Keras does not track, and what it may use."""

from __future__ import annotations

import pytest

from graphlint.questions.hidden_weights import attribute_of, may_use, serialized_has_weights


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
    owner._layers.append(owner)
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
