"""Well-made models on which no rule may report a warning or an error, each with the rule that once did."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

from graphlint.engine.linter import Linter
from tests.models import ARCHITECTURES

LINTER = Linter(preview=True)
SLOW = {"transfer_learning", "fine_tuning_top_layers", "sequential_around_backbone", "feature_extractor"}


def reported(report):
    """Code and address of every error and warning."""
    assert report.status == "checked", report.reason
    return [
        (one.code, one.location.address if one.location else "") for one in report.findings if one.severity != "info"
    ]


def check(model, folder, suffix=".keras"):
    path = folder / f"model{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(path)
    return reported(LINTER.check_model(model)) + reported(LINTER.check_file(path))


@pytest.mark.parametrize("name", sorted(set(ARCHITECTURES) - SLOW)[::4])
def test_architecture(name, tmp_path):
    keras.utils.clear_session(free_memory=False)
    assert check(ARCHITECTURES[name](), tmp_path) == []


def train(model, x, y, steps=12):
    for _ in range(steps):
        model.train_on_batch(x, y)
    return model


def test_t002_a_trained_model_with_lora(tmp_path):
    dense = layers.Dense(8, activation="relu")
    model = keras.Sequential([keras.Input((4,)), dense, layers.Dense(1)])
    dense.enable_lora(2)
    model.compile("adam", "mse", run_eagerly=True)
    assert check(train(model, np.ones((4, 4)), np.ones((4, 1)), 2), tmp_path) == []


def test_d004_adagrad_cannot_tell(tmp_path):
    inputs = keras.Input((3, 4))
    x = layers.LayerNormalization()(inputs)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.BatchNormalization()(layers.Dense(8, use_bias=False)(x))
    model = keras.Model(inputs, layers.Dense(1)(layers.ReLU()(x)))
    model.compile("adagrad", "mse", run_eagerly=True)
    random = np.random.default_rng(0)
    assert check(train(model, random.normal(size=(8, 3, 4)), random.normal(size=(8, 1))), tmp_path) == []


@pytest.mark.parametrize("change", ["lora", "int8"])
def test_h001_weights_listed_in_another_order_in_legacy_files(change, tmp_path):
    dense = layers.Dense(8, activation="relu")
    model = keras.Sequential([keras.Input((4,)), dense, layers.Dense(1)])
    if change == "lora":
        dense.enable_lora(2)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.quantize("int8")
    assert check(model, tmp_path, ".h5") == []


def convolutions(first, second):
    inputs = keras.Input((16, 16, 4))
    x = layers.ReLU()(second(first(inputs)))
    return keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))


def test_a007_large_separable_kernels(tmp_path):
    first = layers.Conv2D(8, (7, 1), padding="same")
    assert check(convolutions(first, layers.Conv2D(8, (1, 7), padding="same")), tmp_path) == []


def test_a007_upsampling_by_a_transposed_convolution(tmp_path):
    first = layers.Conv2DTranspose(8, 2, strides=2)
    assert check(convolutions(first, layers.Conv2D(8, 3)), tmp_path) == []


def test_a007_fires_on_plain_convolutions(tmp_path):
    model = convolutions(layers.Conv2D(8, 3, name="first"), layers.Conv2D(8, 3))
    assert check(model, tmp_path) == [("A007", "first#0")] * 2


@pytest.mark.parametrize(("dtype", "expected"), [("int32", []), ("uint8", [("H014", "inner/narrow#0")] * 2)])
def test_h014_token_numbers_left_at_float32(dtype, expected, tmp_path):
    inner = keras.Sequential(
        [keras.Input((5,), dtype=dtype, name="narrow"), layers.Embedding(9, 4), layers.Flatten()], name="inner"
    )
    inputs = keras.Input((5,))
    assert check(keras.Model(inputs, layers.Dense(2)(inner(inputs))), tmp_path) == expected


def test_h008_a_branch_that_keeps_the_size(tmp_path):
    """As InceptionV3 at 75x75 and NASNetMobile at 32x32 end."""
    inputs = keras.Input((1, 1, 4))
    pooled = layers.AveragePooling2D(3, strides=1, padding="same")(inputs)
    x = layers.Concatenate()([layers.Conv2D(4, 3, padding="same", activation="relu")(inputs), pooled])
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    assert check(model, tmp_path) == []


def test_d005_leaves_constant_outputs_to_d006(tmp_path):
    inputs = keras.Input((4,))
    x = layers.Dense(4, activation="relu")(inputs)
    model = keras.Model(inputs, layers.Dense(1, name="head")(ops.zeros_like(x)))
    model.compile("adam", "mse")
    assert check(model, tmp_path) == [("D006", "head#0")] * 2


def test_an_activation_that_cannot_be_serialized_is_not_a_linear_one():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    model.layers[0].kernel_regularizer = object()
    assert {code for code, _ in reported(LINTER.check_model(model))} == {"K012"}
