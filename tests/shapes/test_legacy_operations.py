"""Operations of Keras 2, against what TensorFlow returns."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from graphlint.model.definition import Constant, LayerDefinition, TensorSpec
from graphlint.shapes import ShapeError, infer

A = np.zeros((2, 3, 4), "float32")
B = np.zeros((2, 1, 4), "float32")
SPECS = {"a": TensorSpec((2, 3, 4), "float32"), "b": TensorSpec((2, 1, 4), "float32")}

CASES = {
    "__operators__.add": (lambda: tf.add(A, B), ("a",), {"y": "b", "name": None}),
    "math.multiply": (lambda: tf.multiply(A, 2.0), ("a",), {"y": 2.0}),
    "math.truediv": (lambda: tf.truediv(A, B), ("a",), {"y": "b"}),
    "math.greater": (lambda: tf.greater(A, B), ("a",), {"y": "b"}),
    "nn.relu": (lambda: tf.nn.relu(A), ("a",), {}),
    "math.reduce_mean": (lambda: tf.reduce_mean(A, axis=[1], keepdims=True), ("a",), {"axis": [1], "keepdims": True}),
    "math.reduce_sum": (lambda: tf.reduce_sum(A), ("a",), {}),
    "math.argmax": (lambda: tf.argmax(A, axis=-1), ("a",), {"axis": -1}),
    "reshape": (lambda: tf.reshape(A, [2, -1]), ("a",), {"shape": [2, -1]}),
    "expand_dims": (lambda: tf.expand_dims(A, 1), ("a",), {"axis": 1}),
    "compat.v1.squeeze": (lambda: tf.squeeze(B, 1), ("b",), {"axis": 1}),
    "compat.v1.transpose": (lambda: tf.transpose(A, [0, 2, 1]), ("a",), {"perm": [0, 2, 1]}),
    "concat": (lambda: tf.concat([A, B], axis=1), (["a", "b"],), {"axis": 1}),
    "stack": (lambda: tf.stack([A, A], axis=1), (["a", "a"],), {"axis": 1}),
    "tile": (lambda: tf.tile(A, [1, 2, 3]), ("a",), {"multiples": [1, 2, 3]}),
    "cast": (lambda: tf.cast(A, "int32"), ("a",), {"dtype": "int32"}),
    "linalg.matmul": (lambda: tf.matmul(A, B, transpose_b=True), ("a",), {"b": "b", "transpose_b": True}),
}


def bound(value):
    if isinstance(value, list):
        return [bound(item) for item in value]
    return SPECS.get(value, value) if isinstance(value, str) else value


@pytest.mark.parametrize("function", CASES)
def test_functions_return_what_tensorflow_returns(function):
    compute, args, kwargs = CASES[function]
    expected = compute()
    layer = LayerDefinition("op", "TFOpLambda", None, config={"function": function})
    found = infer(layer, tuple(map(bound, args)), {key: bound(value) for key, value in kwargs.items()})
    assert found == (TensorSpec(tuple(expected.shape), expected.dtype.name),)


def test_an_unknown_function_is_not_inferred():
    layer = LayerDefinition("op", "TFOpLambda", None, config={"function": "image.resize"})
    assert infer(layer, (SPECS["a"],), {}) is None


SLICES = [
    ([{"start": None, "stop": None, "step": None}, 0], (2, 4)),
    ([{"start": None, "stop": None, "step": None}, {"start": 1, "stop": None, "step": 2}], (2, 1, 4)),
    ([Constant("ellipsis"), 0], (2, 3)),
    ([None, 1], (1, 3, 4)),
]


@pytest.mark.parametrize("keys, shape", SLICES)
def test_slices(keys, shape):
    layer = LayerDefinition("op", "SlicingOpLambda", None, config={"function": "__operators__.getitem"})
    assert infer(layer, (SPECS["a"],), {"slice_spec": keys}) == (TensorSpec(shape, "float32"),)


def test_too_many_indices_conflict():
    layer = LayerDefinition("op", "SlicingOpLambda", None, config={"function": "__operators__.getitem"})
    with pytest.raises(ShapeError):
        infer(layer, (SPECS["a"],), {"slice_spec": [0, 0, 0, 0]})
