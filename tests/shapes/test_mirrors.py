"""Each shape rule names the method of Keras that it mirrors, and Keras takes the shape from there."""

import importlib
import pkgutil
import re

import keras
import keras.src.ops
import pytest

from graphlint.shapes.inference import LAYERS, OPERATIONS

METHODS = ("compute_output_spec", "compute_output_shape")
NOT_KERAS = {"TFOpLambda", "TensorFlowOpLayer", "SlicingOpLambda"}


def classes_of(module):
    """Every class of operations or of layers of a package of Keras, by name."""
    found = {}
    for one in pkgutil.walk_packages(module.__path__, f"{module.__name__}."):
        if not one.name.endswith("_test"):
            for value in vars(importlib.import_module(one.name)).values():
                if isinstance(value, type) and issubclass(value, keras.Operation):
                    found[value.__name__] = value
    return found


OF_OPERATIONS = {name: one for name, one in classes_of(keras.src.ops).items() if not issubclass(one, keras.Layer)}
OF_LAYERS = {
    **classes_of(keras.src.applications),
    **{name: one for name, one in vars(keras.layers).items() if isinstance(one, type)},
}


def source(cls):
    """The method that says what a class returns; ``call`` if Keras has to run it symbolically."""
    for one in cls.__mro__:
        if one in (keras.Layer, keras.Operation):
            break
        for name in METHODS:
            if name in vars(one):
                return name
    return "call"


@pytest.mark.parametrize(
    ("name", "rule", "cls"),
    [
        *((name, entry.rule, OF_LAYERS.get(name)) for name, entry in LAYERS.items()),
        *((name, entry.rule, OF_OPERATIONS.get(name)) for name, entry in OPERATIONS.items()),
    ],
)
def test_a_rule_names_the_method_that_it_mirrors(name, rule, cls):
    assert "Mirrors " in (rule.__doc__ or ""), f"{rule.__module__}.{rule.__name__}: expected 'Mirrors ``method``.'"
    named = re.search(r"Mirrors ``(?:(\w+)\.)?(\w+)``\.", rule.__doc__)
    if name in NOT_KERAS:
        assert "of TensorFlow" in rule.__doc__
    else:
        assert named is not None and named[1] in (None, name)
        assert cls is None or named[2] == source(cls)


def test_most_classes_are_compared():
    known = [name for name in LAYERS if name in OF_LAYERS] + [name for name in OPERATIONS if name in OF_OPERATIONS]
    assert len(known) > 0.85 * (len(LAYERS) + len(OPERATIONS))
