"""Arguments of operations that are tensors of the backend itself, or variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import graphlint
from graphlint.knowledge import keras_internals
from tests.replay.invariants import assert_same, batch

NUMBERS = np.array([1.0, -2.0, 3.0, 0.5], "float32")


def native(trained: bool = False) -> Any:
    """A tensor as the users of a backend make it, without Keras."""
    match keras.backend.backend():
        case "torch":
            import torch

            return torch.tensor(NUMBERS, requires_grad=trained)
        case "jax":
            import jax.numpy

            return jax.numpy.asarray(NUMBERS)
        case "tensorflow":
            import tensorflow as tf

            return tf.constant(NUMBERS)
    return ops.convert_to_tensor(NUMBERS)


def scaled(by: Any) -> keras.Model:
    inputs = keras.Input((4,))
    x = ops.multiply(layers.Dense(4, activation="tanh", name="first")(inputs), by)
    return keras.Model(inputs, layers.Dense(2, name="last")(x))


def _before_last(model: keras.Model) -> str:
    return str(keras_internals.operations(model)[-2].name)


ARGUMENTS = {
    "tensor": native,
    "tensor with a gradient": lambda: native(trained=True),
    "variable": lambda: keras.Variable(NUMBERS),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_what_is_rebuilt_computes_the_same(name: str) -> None:
    model = scaled(ARGUMENTS[name]())
    values = batch(model)
    expected = model(values)
    first, rest = graphlint.split(model, "last")
    assert_same(rest(first(values)), expected)
    assert_same(graphlint.clone(model)(values), expected)
    assert_same(graphlint.features(model, ["last"])(values)["last"], expected)
    assert graphlint.verify(model, graphlint.clone(model))


@pytest.mark.parametrize("after", [None, layers.ReLU, layers.Dropout], ids=str)
def test_a_dense_product_is_cut_as_a_dense_tensor(after: Any) -> None:
    """Keras records a product with a number as a sparse tensor, which not every backend has."""
    inputs = keras.Input((4,))
    x = layers.Dense(4)(inputs) * 2.0
    x = after(rate=0.5)(x) if after is layers.Dropout else after()(x) if after else x
    model = keras.Model(inputs, layers.Dense(2, name="last")(x))
    first, rest = graphlint.split(model, _before_last(model))
    assert not rest.inputs[0].sparse
    values = batch(model)
    assert_same(rest(first(values)), model(values))


@pytest.mark.backend("tensorflow", "jax")
@pytest.mark.parametrize("made", [False, True])
def test_a_sparse_tensor_is_cut_as_one(made: bool) -> None:
    inputs = keras.Input((6,), dtype="int32" if made else "float32", sparse=not made)
    x = layers.CategoryEncoding(8, output_mode="multi_hot", sparse=True)(inputs) if made else inputs
    model = keras.Model(inputs, layers.Dense(2, name="last")(x * 2.0))
    _, rest = graphlint.split(model, _before_last(model))
    assert rest.inputs[0].sparse


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_model_that_keras_does_not_save_is_named(name: str, tmp_path: Path) -> None:
    model = scaled(ARGUMENTS[name]())
    codes = {finding.code for finding in graphlint.check(model).findings}
    assert "S008" in codes
    try:
        model.save(tmp_path / "model.keras")
    except TypeError:
        assert "K012" in codes
    else:
        assert "K012" not in codes
        values = batch(model)
        assert_same(keras.saving.load_model(tmp_path / "model.keras")(values), model(values))
