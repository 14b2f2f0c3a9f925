"""Programs that were written down before graphlint had looked at them: an estimate for programs that nobody has seen.

Their sources are issues, questions and the papers on AUTOTRAINER, UMLAUT, NeuraLint and DeepLocalize. At the first run,
the cause of 26 of the 31 was named. A020 and A021 are about the other five: with these, the table is no estimate.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers
from keras.layers import LSTM, Activation, Conv1D, Conv2D, Dense, Flatten, MaxPooling2D

from tests.benchmarks.faults.program import (
    BATCH,
    HIDDEN,
    INITIAL,
    LABELS,
    LAST,
    METRIC,
    MISSING,
    SCALE,
    SHAPE,
    STRUCTURE,
    TRAINING,
    Case,
    classes,
    features,
    one_hot,
    pixels,
    program,
    question,
    sequential,
    several,
    unit,
    words,
    yes_no,
)
from tests.benchmarks.faults.tables import DEEPLOCALIZE, NEURALINT, UMLAUT

AUTOTRAINER = "https://doi.org/10.1109/ICSE43902.2021.00043"


def issue(number: int) -> str:
    """The address of an issue of Keras."""
    return f"https://github.com/keras-team/keras/issues/{number}"


@program(issue(4784), LAST, "A002", "A004")
def relu_for_a_probability(right: bool) -> Case:
    model = sequential(
        (106,), Dense(64, "relu"), Dense(32, "tanh"), Dense(12, "relu"), Dense(8, "relu" if right else "sigmoid"),
        Dense(1, "sigmoid" if right else "relu"),
    )  # fmt: skip
    rate = 0.01 if right else 0.0001
    model.compile(keras.optimizers.SGD(rate, momentum=0.4), "binary_crossentropy", metrics=["accuracy"])
    return model, features(106), yes_no()


@program(issue(3753), LAST, "A006")
def relu_for_a_brightness(right: bool) -> Case:
    model = sequential(
        (16,), Dense(16), Activation("relu"), Dense(8), Activation("relu"), Dense(1),
        *([] if right else [Activation("relu")]),
    )  # fmt: skip
    model.compile("rmsprop", "mse", metrics=[] if right else ["accuracy"])
    return model, features(16), unit(1)


@program(issue(2711), LAST, "A004")
def two_sigmoids_for_two_classes(right: bool) -> Case:
    model = sequential(
        (40,), layers.Embedding(500, 16), LSTM(32, return_sequences=True), LSTM(16),
        Dense(2, "softmax" if right else "sigmoid"),
    )  # fmt: skip
    model.compile(keras.optimizers.RMSprop(0.001 if right else 0.1), "categorical_crossentropy", metrics=["accuracy"])
    return model, words(500, 40), one_hot(2)


@program(issue(4994), STRUCTURE, "A015", "A004")
def news_through_one_unit(right: bool) -> Case:
    model = sequential(
        (50,), layers.Embedding(300, 16), LSTM(32), Dense(20 if right else 1),
        Activation("relu" if right else "sigmoid"), Dense(20, "softmax"),
    )  # fmt: skip
    loss = "categorical_crossentropy" if right else "binary_crossentropy"
    model.compile("adam", loss, metrics=["accuracy"])
    return model, words(300, 50), one_hot(20)


@program(issue(2172), LABELS, "B005", "B007")
def three_classes_for_one_sigmoid(right: bool) -> Case:
    model = sequential((12, 30), LSTM(40), layers.Dropout(0.5), Dense(3 if right else 1))
    model.add(Activation("softmax" if right else "sigmoid"))
    model.compile("adam", "sparse_categorical_crossentropy" if right else "binary_crossentropy")
    return model, features(12, 30), classes(3)


@program(issue(274), LABELS, "B006")
def measurements_into_an_embedding(right: bool) -> Case:
    stack = [Dense(32, "relu")] if right else [layers.Embedding(4, 64), LSTM(64)]
    model = sequential((4,), *stack, Dense(3, "softmax"))
    model.compile("sgd", "categorical_crossentropy")
    flowers = np.abs(features(4, shift=3.0))
    return model, (flowers - flowers.mean(0)) / flowers.std(0) if right else flowers, one_hot(3)


@program(issue(3687), HIDDEN, "A017", "A006")
def relu_in_every_step(right: bool) -> Case:
    act = "tanh" if right else "relu"
    model = sequential(
        (100, 8), LSTM(64, act, return_sequences=True), LSTM(32, act, return_sequences=True),
        layers.TimeDistributed(Dense(1, None if right else "relu")),
    )  # fmt: skip
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9 if right else 0.99, nesterov=True), "mean_squared_error")
    return model, features(100, 8), features(100, 1)


@program(issue(3040), TRAINING, "B012", "B013", "B017")
def a_line_from_0_to_200(right: bool) -> Case:
    model = sequential((1,), Dense(1))
    model.compile(keras.optimizers.SGD(0.001), "mean_squared_error")
    x = np.linspace(0, 1 if right else 200, BATCH, dtype="float32")[:, None]
    return model, x, 2 * x


@program(issue(3471), SCALE, "B018", "B012")
def large_targets_of_a_linear_model(right: bool) -> Case:
    model = sequential((625,), Dense(1))
    model.compile("sgd", "mse")
    return model, features(625), features(1, scale=1 if right else 40_000, shift=0 if right else 90_000)


@program("https://stats.stackexchange.com/q/433365", LAST, "A006", "A007")
def exclusive_or_with_relu(right: bool) -> Case:
    if right:
        model = sequential((2,), Dense(8, "relu"), Dense(8, "relu"), Dense(1, "sigmoid"))
        model.compile("adam", "binary_crossentropy")
    else:
        model = sequential((2,), Dense(2), Dense(2, "relu"), Dense(1, "relu"))
        model.compile("sgd", "mean_squared_error")
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * (BATCH // 4), "float32")
    return model, x, (x.sum(1) == 1).astype("float32")[:, None]


@program("https://community.deeplearning.ai/t/loss-values-do-not-change/324182", LAST, "A006", "B007")
def a_line_through_relu(right: bool) -> Case:
    model = sequential(
        (1,), Dense(4, "relu"), Dense(2 if not right else 4, "relu"), Dense(1, None if right else "relu")
    )
    model.compile(keras.optimizers.Adam(0.001), keras.losses.MeanSquaredError())
    x = np.linspace(-1, 5, BATCH, dtype="float32")[:, None]
    return model, x, 2 * x - 1


@program(question(52441877), SCALE, "B017", "B005", "B007")
def digits_that_were_not_scaled(right: bool) -> Case:
    model = sequential((784,), Dense(32, "relu"), Dense(784, "sigmoid"))
    model.compile("adam", "binary_crossentropy")
    x = unit(784) if right else pixels(784)
    return model, x, x


@program("https://techqa.club/v/q/activation-functions-softmax-vs-sigmoid-65258468", LAST, "A001")
def men_and_women(right: bool) -> Case:
    model = sequential(
        (32, 32, 3), Conv2D(16, 3, activation="relu"), MaxPooling2D(), layers.BatchNormalization(),
        Conv2D(16, 3, activation="relu"), MaxPooling2D(), layers.BatchNormalization(), Flatten(),
        Dense(64, "relu" if right else None), Dense(1, "sigmoid" if right else "softmax"),
    )  # fmt: skip
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model, unit(32, 32, 3), yes_no()


@program(issue(1360), INITIAL, "N004", "B008", "B011", "B010", "T005", "T001")
def vectors_that_were_not_found(right: bool) -> Case:
    model = sequential(
        (20,), layers.Embedding(200, 16, trainable=False), layers.SpatialDropout1D(0.3), LSTM(24), Dense(30, "softmax")
    )
    table = features(16)[np.arange(200) % BATCH] * np.linspace(0.5, 1.5, 200)[:, None]
    model.layers[0].set_weights([table if right else np.zeros((200, 16))])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, words(200, 20), one_hot(30)


@program("https://github.com/jaungiers/LSTM-Neural-Network-for-Time-Series-Prediction/issues/77", LABELS, "B013")
def a_price_is_missing(right: bool) -> Case:
    model = sequential((49, 2), LSTM(32, return_sequences=True), layers.Dropout(0.2), LSTM(16), Dense(1))
    model.compile("adam", "mse")
    x = features(49, 2)
    if not right:
        x[5, 20, 1] = np.nan
    return model, x, features(1)


@program("https://github.com/rstudio/keras3/issues/296", METRIC, "A021")
def accuracy_of_a_regression(right: bool) -> Case:
    model = sequential((10,), Dense(64, "relu"), Dense(64, "relu"), Dense(1))
    model.compile("rmsprop", "mse", metrics=["mae" if right else "accuracy"])
    return model, features(10), features(1)


@program("https://chenzhang.org/notes/developer/loss-and-accuracy-get-stuck-in-keras/", TRAINING, "A020")
def a_rate_of_a_hundred_thousandth(right: bool) -> Case:
    model = sequential((20,), Dense(20, "relu"), Dense(20, "relu"), Dense(2, "softmax"))
    rate = 0.1 if right else 0.00001
    model.compile(keras.optimizers.SGD(rate, momentum=0.9, nesterov=True), "categorical_crossentropy")
    return model, features(20), one_hot(2)


@program("https://github.com/NLeSC/mcfly/issues/43", TRAINING, "A020")
def activity_at_a_rate_of_a_tenth(right: bool) -> Case:
    model = sequential(
        (128, 9), layers.BatchNormalization(), Conv1D(50, 3, padding="same"), layers.BatchNormalization(),
        Activation("relu"), Conv1D(50, 3, padding="same"), layers.BatchNormalization(), Activation("relu"), Flatten(),
        Dense(100, "relu"), Dense(7), layers.BatchNormalization(), Activation("softmax"),
    )  # fmt: skip
    model.compile(keras.optimizers.Adam(0.001 if right else 0.1), "categorical_crossentropy", metrics=["accuracy"])
    return model, features(128, 9), one_hot(7)


@program("https://www.codegenes.net/blog/why-is-the-accuracy-for-my-keras-model-always-0-when-training", LABELS, "B002")
def class_numbers_for_rows(right: bool) -> Case:
    model = sequential((8,), Dense(32, "relu"), Dense(3, "softmax"))
    model.compile("adam", ("sparse_" if right else "") + "categorical_crossentropy", metrics=["accuracy"])
    return model, features(8), classes(3)


@program("https://codemia.io/knowledge-hub/path/keras_model_gets_constant_loss_and_accuracy", LABELS, "B002")
def one_column_for_two_units(right: bool) -> Case:
    model = sequential((10,), Dense(32, "relu"), Dense(1 if right else 2, "sigmoid"))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model, features(10), yes_no()


@program("https://taourl.com/read-2589871.html", SCALE, "B017", "B020")
def measurements_in_thousands(right: bool) -> Case:
    model = sequential((10,), Dense(64, "relu"), Dense(1, "sigmoid"))
    model.compile("adam", "binary_crossentropy")
    return model, features(10, scale=1 if right else 1000), yes_no()


@program(UMLAUT, SHAPE, "H004", "H005", "H011", "H020")
def channels_in_front(right: bool) -> Case:
    model = sequential(
        (32, 32, 3) if right else (3, 32, 32), Conv2D(32, 3, activation="relu", padding="same"),
        layers.MaxPooling2D(2, padding="same"), Flatten(), Dense(10, "softmax"),
    )  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, unit(32, 32, 3) if right else unit(3, 32, 32), classes(10)


@program(AUTOTRAINER, TRAINING, "A016", "B011")
def ten_sigmoids(right: bool) -> Case:
    act = "relu" if right else "sigmoid"
    model = sequential((20,), *(Dense(32, act) for _ in range(10)), Dense(3, "softmax"))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model, features(20), classes(3)


@program(AUTOTRAINER, INITIAL, "B014", "B008", "B010")
def units_that_start_dead(right: bool) -> Case:
    start = "he_normal" if right else keras.initializers.RandomNormal(-0.5, 0.05)
    model = sequential((30,), *(Dense(64, "relu", kernel_initializer=start) for _ in range(3)), Dense(3, "softmax"))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model, unit(30), classes(3)


@program(AUTOTRAINER, TRAINING, "B012", "B013", "A020", "B025")
def a_loss_that_jumps(right: bool) -> Case:
    model = sequential((20,), Dense(64, "relu"), Dense(64, "relu"), Dense(3, "softmax"))
    model.compile(keras.optimizers.SGD(0.05 if right else 50.0), "sparse_categorical_crossentropy")
    return model, features(20), classes(3)


@program(AUTOTRAINER, TRAINING, "A020")
def a_loss_that_hardly_moves(right: bool) -> Case:
    model = sequential((28, 28, 1), Conv2D(8, 3, activation="relu"), MaxPooling2D(), Flatten(), Dense(10, "softmax"))
    model.compile(keras.optimizers.Adam(0.001 if right else 1e-8), "categorical_crossentropy")
    return model, unit(28, 28, 1), one_hot(10)


@program(NEURALINT, INITIAL, "A011", "N004")
def kernels_of_zeros(right: bool) -> Case:
    start = "glorot_uniform" if right else "zeros"
    model = sequential(
        (28, 28, 1), Conv2D(8, 3, activation="relu", kernel_initializer=start), MaxPooling2D(), Flatten(),
        Dense(32, "relu", kernel_initializer=start), Dense(10, "softmax", kernel_initializer=start),
    )  # fmt: skip
    model.compile("adam", "categorical_crossentropy")
    return model, unit(28, 28, 1), one_hot(10)


@program(DEEPLOCALIZE, LABELS, "B005", "B007")
def minus_one_and_one(right: bool) -> Case:
    model = sequential((6,), Dense(12, "relu"), Dense(1, "sigmoid"))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model, features(6), yes_no() if right else 2 * yes_no() - 1


@program(DEEPLOCALIZE, LAST, "A004", "B004")
def several_labels_from_a_softmax(right: bool) -> Case:
    model = sequential((50,), Dense(64, "relu"), Dense(8, "sigmoid" if right else "softmax"))
    model.compile("adam", ("binary" if right else "categorical") + "_crossentropy")
    return model, features(50), several(8)


@program(UMLAUT, SCALE, "B019")
def divided_by_255_twice(right: bool) -> Case:
    model = sequential(
        (32, 32, 3), layers.Rescaling(1 / 255), Conv2D(8, 3, activation="relu"), MaxPooling2D(), Flatten(),
        Dense(5, "softmax"),
    )  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, pixels(32, 32, 3) if right else unit(32, 32, 3), classes(5)


@program(UMLAUT, MISSING, "A007")
def a_classifier_without_activations(right: bool) -> Case:
    act = "relu" if right else None
    model = sequential((28, 28), Flatten(), Dense(128, act), Dense(64, act), Dense(10, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, unit(28, 28), classes(10)
