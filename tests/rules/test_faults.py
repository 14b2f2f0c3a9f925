"""Faults of training that a file shows: what must fire, in other forms than the examples of the pages."""

import json

import keras
import numpy as np
import pytest
from keras import layers, ops

import graphlint
from graphlint.questions.heads import activation_name


def sequential(*stack, inputs=(8,), loss=None, metrics=None):
    model = keras.Sequential([keras.Input(inputs), *stack])
    if loss is not None:
        model.compile("sgd", loss, metrics=metrics)
    return model


def severities(model, code):
    return [str(one.severity) for one in graphlint.check(model, select=code).findings]


@pytest.mark.parametrize(
    ("activation", "loss", "metrics", "expected"),
    [
        ("softmax", "mse", None, ["warning"]),
        ("softmax", "mae", ["mae"], ["warning"]),
        ("softmax", keras.losses.Huber(), ["accuracy"], ["info"]),
        ("softmax", "msle", [keras.metrics.MeanSquaredError], ["warning"]),
        ("softmax", "poisson", ["accuracy"], ["warning"]),
        ("sigmoid", "mape", ["accuracy"], ["warning"]),
        ("sigmoid", "mape", None, ["info"]),
        ("relu", "mse", None, ["info"]),
        ("relu", "msle", None, []),
        ("linear", "mse", ["accuracy"], []),
    ],
)
def test_losses_of_numbers(activation, loss, metrics, expected):
    metrics = metrics and [one() if isinstance(one, type) else one for one in metrics]
    model = sequential(layers.Dense(3, activation=activation), loss=loss, metrics=metrics)
    assert severities(model, "A006") == expected


def test_metrics_belong_to_their_outputs():
    x = keras.Input((4,))
    outputs = [layers.Dense(2, "softmax", name="a")(x), layers.Dense(2, "softmax", name="b")(x)]
    model = keras.Model(x, outputs)
    model.compile("sgd", "mse", metrics={"a": ["mae"], "b": ["accuracy"]})
    assert severities(model, "A006") == ["warning", "info"]
    model.compile("sgd", "mse", metrics=[["mae"], None])
    assert severities(model, "A006") == ["warning", "warning"]
    model.compile("sgd", "binary_crossentropy", metrics=[[], [keras.metrics.Accuracy()]])
    (found,) = graphlint.check(model, select="A019").findings
    assert "'b'" in found.message


@pytest.mark.parametrize(
    "written",
    [
        "softmax_v2",
        {"module": "builtins", "class_name": "function", "config": "softmax_v2", "registered_name": "function"},
    ],
)
def test_functions_of_tensorflow_are_seen_as_what_they_are(written, tmp_path):
    assert activation_name(written) == "softmax"
    model = sequential(
        layers.Dense(3, activation="softmax"), loss=keras.losses.CategoricalCrossentropy(from_logits=True)
    )
    config = json.loads(model.to_json())
    config["config"]["layers"][1]["config"]["activation"] = written
    path = tmp_path / "model.json"
    path.write_text(json.dumps(config))
    codes = {one.code for one in graphlint.check(path, select=["A003", "K010"]).findings}
    assert codes == {"A003", "K010"}
    (obstacle,) = graphlint.check(path, select="K010").findings
    assert 'activation="softmax"' in obstacle.hint


def convolutions(*between):
    stack = layers.Conv2D(8, 3, name="first"), *between, layers.Conv2D(8, 3, activation="relu", name="second")
    return sequential(*stack, inputs=(24, 24, 3))


@pytest.mark.parametrize(
    ("between", "words"),
    [
        ([layers.MaxPooling2D], "only the max-pooling"),
        ([layers.AveragePooling2D], "one linear map"),
    ],
)
def test_convolutions_without_an_activation(between, words):
    model = convolutions(*(make(2) for make in between), layers.Dropout(0.1))
    (found,) = graphlint.check(model, select="A007").findings
    assert found.location.layer == "first" and words in found.message


def test_a_linear_layer_through_flatten():
    flat = layers.Conv2D(8, 3, name="first"), layers.Flatten(), layers.Dense(10, "softmax")
    assert severities(sequential(*flat, inputs=(12, 12, 1)), "A007") == ["warning"]
    narrow = layers.Conv2D(1, 3, strides=3, name="first"), layers.Flatten(), layers.Dense(40, "softmax")
    assert severities(sequential(*narrow, inputs=(12, 12, 8)), "A007") == []


def test_dropout_between_logits_and_their_activation():
    x = keras.Input((8,))
    for last in (ops.sigmoid, layers.Softmax(), layers.Activation("softmax")):
        model = keras.Model(x, last(layers.Dropout(0.2)(layers.Dense(3)(x))))
        (found,) = graphlint.check(model, select="A010").findings
        assert "of the logits" in found.message and found.fix is not None
    hidden = keras.Model(x, layers.Dense(2)(layers.Softmax()(layers.Dropout(0.2)(layers.Dense(3)(x)))))
    assert severities(hidden, "A010") == []


def test_a_head_that_was_left_on_a_nested_model():
    image = keras.Input((8, 8, 3))
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(16, 3, activation="relu")(image))
    backbone = keras.Model(
        image, layers.Activation("softmax", name="predictions")(layers.Dense(50)(pooled)), name="net"
    )
    outer = keras.Input((8, 8, 3))
    model = keras.Model(outer, layers.Dense(2, "softmax")(layers.Dropout(0.1)(backbone(outer))))
    (found,) = graphlint.check(model, select="A014").findings
    assert found.location.layer == "net/predictions" and "50 classes" in found.message and "include_top" in found.hint


def test_what_a_few_steps_leave_of_a_constant():
    stack = layers.Dense(16, "tanh", kernel_initializer="ones"), layers.Dense(1)
    model = sequential(*stack, loss="mse")
    x, y = np.random.default_rng(0).standard_normal((32, 8)), np.ones((32, 1))
    model.fit(x, y, epochs=2, verbose=0)
    (found,) = graphlint.check(model, select="A011").findings
    assert "after 2 training steps" in found.message
    kernel = model.layers[0].kernel
    kernel.assign(np.random.default_rng(0).standard_normal(kernel.shape))
    assert severities(model, "A011") == []


@pytest.mark.parametrize("activation", ["relu", "elu", "linear", layers.ReLU()])
def test_cells_whose_state_can_grow(activation):
    direct = sequential(layers.GRU(4, activation=activation), inputs=(50, 4))
    assert severities(direct, "A017") == ["warning"]
    cell = sequential(layers.RNN(layers.LSTMCell(4, activation=activation)), inputs=(50, 4))
    assert severities(cell, "A017") == ["warning"]
    both_ways = sequential(layers.Bidirectional(layers.LSTM(4, activation=activation)), inputs=(5, 4))
    assert severities(both_ways, "A017") == ["info"]


def test_positions_that_are_trimmed_or_classified_alone():
    trimmed = layers.Conv1D(8, 3, activation="relu"), layers.Dense(3, "softmax")
    (found,) = graphlint.check(
        sequential(*trimmed, inputs=(20, 2), loss="categorical_crossentropy"), select="H005"
    ).findings
    assert "without padding" in found.message
    alone = layers.Dense(16, "relu"), layers.Dense(10, "softmax")
    (found,) = graphlint.check(
        sequential(*alone, inputs=(28, 28), loss="sparse_categorical_crossentropy"), select="H005"
    ).findings
    assert "alone" in found.message


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (lambda: keras.optimizers.Adam(10.0), ["warning"]),
        (lambda: keras.optimizers.RMSprop(1.0), ["warning"]),
        (lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.AdamW(10.0)), ["warning"]),
        (lambda: keras.optimizers.Adam(0.05), []),
        (lambda: keras.optimizers.Adagrad(10.0), []),
        (lambda: keras.optimizers.SGD(1.0), []),
        (lambda: keras.optimizers.SGD(30.0), ["warning"]),
        (lambda: keras.optimizers.SGD(30.0, clipnorm=0.25), []),
        (lambda: keras.optimizers.Adam(1e-8), ["info"]),
        (lambda: keras.optimizers.SGD(1e-5), ["info"]),
        (lambda: keras.optimizers.Adam(0.0), ["warning"]),
        ("adam", []),
    ],
)
def test_learning_rates(optimizer, expected):
    optimizer = optimizer if isinstance(optimizer, str) else optimizer()
    model = sequential(layers.Dense(32, "relu"), layers.Dense(32, "relu"), layers.Dense(1))
    model.compile(optimizer, "mse")
    assert severities(model, "A020") == expected
    model.layers[0].trainable = model.layers[1].trainable = False
    model.compile(optimizer, "mse")
    assert severities(model, "A020") == []


def test_masking_goes_before_the_first_layer_that_changes_padding():
    stack = layers.Dense(8, "relu", name="first"), layers.Dense(8, "relu"), layers.Masking(0.0), layers.LSTM(4)
    model = sequential(*stack, inputs=(6, 3))
    (found,) = graphlint.check(model, select="H019").findings
    assert found.hint == "Put Masking before 'first'."
    mended, _ = graphlint.fix(model, select="H019", unsafe=True)
    assert [type(one).__name__ for one in mended.layers if not one.name.startswith("input")] == [
        "Masking",
        "Dense",
        "Dense",
        "LSTM",
    ]
    data = np.random.default_rng(0).standard_normal((1, 3, 3)).astype("float32")
    unpadded = data
    for one in mended.layers[-3:]:
        unpadded = one(unpadded)
    assert np.allclose(mended(np.pad(data, ((0, 0), (0, 3), (0, 0)))), unpadded, atol=1e-6)
    convolved = sequential(layers.Conv1D(8, 3, padding="same"), layers.Masking(0.0), layers.LSTM(4), inputs=(6, 3))
    (found,) = graphlint.check(convolved, select="H019").findings
    assert found.fix is None


def test_a_pooling_layer_that_is_called_twice_is_one_finding():
    inputs = keras.Input((8, 8, 3))
    pool = layers.MaxPooling2D(2, data_format="channels_first")
    outputs = [pool(layers.Conv2D(4, 3)(inputs)) for _ in range(2)]
    assert severities(keras.Model(inputs, outputs), "H017") == ["warning"]
