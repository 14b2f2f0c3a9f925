"""Layers that stand for what code reads without a call: a variable, numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from graphlint.replay.held import HeldConstant, HeldVariable
from tests.replay.invariants import assert_same


def around(layer: keras.Layer) -> keras.Model:
    anchor = keras.Input((3,), name="anchor")
    return keras.Model(anchor, layer(anchor))


ANCHOR = np.zeros((4, 3), "float32")


def test_a_variable_is_held_as_it_is() -> None:
    variable = keras.Variable(np.array([1.0, 2.0], "float32"), name="scale")
    layer = HeldVariable.of(variable, "it", "float32", False)
    assert layer.held is variable and layer.built and not layer.trainable and layer.name == "it"
    assert HeldVariable.of(variable, "it", "float32", True).trainable
    model = around(layer)
    assert model.output_shape == (2,) and [one is variable for one in layer.variables] == [True]
    layer.build((None, 3))
    assert layer.held is variable and len(layer.variables) == 1
    variable.assign([3.0, 4.0])
    assert_same(layer(ANCHOR), np.array([3.0, 4.0], "float32"))


def test_a_variable_of_its_own() -> None:
    layer = HeldVariable((2,), name="it")
    assert layer.held is None and layer.compute_output_spec(ANCHOR).dtype == "float32"
    assert_same(layer(ANCHOR), np.zeros(2, "float32"))
    assert [(tuple(one.shape), one.name) for one in layer.variables] == [((2,), "held")]


@pytest.mark.parametrize(
    ("variable", "policy", "dtype"),
    [
        ("float32", "float32", "float32"),
        ("float32", "mixed_float16", "float16"),
        ("float16", "float32", "float32"),
        ("int32", "mixed_float16", "int32"),
        ("bool", "float32", "bool"),
    ],
)
def test_the_dtype_in_which_a_variable_is_read(variable: str, policy: str, dtype: str) -> None:
    held = keras.Variable(np.ones((2, 3)), dtype=variable, trainable=False)
    spec = HeldVariable.of(held, "it", policy, False).compute_output_spec(keras.KerasTensor((None, 3)))
    assert (spec.dtype, spec.shape) == (dtype, (2, 3))


@pytest.mark.parametrize(("value", "dtype"), [([[1, 2]], "int32"), ([0.5], "float16"), (True, "bool"), ([], "float32")])
def test_numbers_are_held(value: Any, dtype: str) -> None:
    layer = HeldConstant(value, dtype, name="it")
    expected = np.array(value, dtype)
    assert layer.built and not layer.variables
    spec = layer.compute_output_spec(keras.KerasTensor((None, 3)), training=True)
    assert (spec.dtype, spec.shape) == (dtype, expected.shape)
    for one in (layer, HeldConstant.from_config(layer.get_config())):
        found = np.asarray(keras.ops.convert_to_numpy(one(ANCHOR)))
        assert (found.dtype, found.shape, found.tolist(), one.name) == (dtype, expected.shape, value, "it")


def test_what_is_held_is_saved(tmp_path: Path) -> None:
    variable = keras.Variable(np.array([[1.0], [2.0]], "float32"))
    for layer in (HeldVariable.of(variable, "it", "float32", True), HeldConstant([[1], [2]], "float32", name="it")):
        model = around(layer)
        model.save(tmp_path / "held.keras")
        again = keras.saving.load_model(tmp_path / "held.keras")
        assert again.output_shape == (2, 1)
        assert_same(again(ANCHOR), np.array([[1.0], [2.0]], "float32"))
