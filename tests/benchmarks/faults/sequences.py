"""Programs on texts and series: recurrent layers and masks."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from tests.benchmarks.faults.program import (
    HIDDEN,
    LABELS,
    SCALE,
    SHAPE,
    STRUCTURE,
    TRAINING,
    Case,
    classes,
    features,
    one_hot,
    program,
    question,
    sequential,
    words,
    yes_no,
)
from tests.benchmarks.faults.tables import TAXONOMY

Dense, Dropout, LSTM, GRU = layers.Dense, layers.Dropout, layers.LSTM, layers.GRU


@program("https://github.com/keras-team/keras/issues/2194", HIDDEN, "A017")
def words_of_a_sentence(right: bool) -> Case:
    model = sequential(
        (40, 16),
        layers.Masking(),
        LSTM(32, activation="tanh" if right else "relu"),
        Dropout(0.2),
        layers.RepeatVector(40),
        layers.TimeDistributed(Dense(4)),
        layers.Activation("softmax"),
    )
    model.compile("adam", "categorical_crossentropy")
    return model, features(40, 16), one_hot(4, 40)


@program("https://github.com/keras-team/keras/issues/13221", HIDDEN, "A017")
def relu_with_recurrent_dropout(right: bool) -> Case:
    model = sequential(
        (67, 16),
        LSTM(12, return_sequences=True, activation="tanh" if right else "relu", recurrent_dropout=0.2),
        LSTM(12, activation="tanh" if right else "relu", recurrent_dropout=0.2),
        Dense(1, "sigmoid"),
    )
    model.compile("adam", "binary_crossentropy")
    return model, features(67, 16), yes_no()


@program("https://github.com/AlexanderVNikitin/tsgm/issues/59", HIDDEN, "A017")
def convolutions_before_relu_cells(right: bool) -> Case:
    model = sequential(
        (64, 3),
        layers.Conv1D(32, 3, activation="relu"),
        Dropout(0.2),
        LSTM(32, activation="tanh" if right else "relu"),
        Dense(32, "relu"),
        Dense(4, "softmax"),
    )
    model.compile("adam", "categorical_crossentropy")
    return model, features(64, 3), one_hot(4)


@program(TAXONOMY, HIDDEN, "A017")
def a_linear_gate(right: bool) -> Case:
    model = sequential((50, 8), layers.Bidirectional(GRU(16, activation="tanh" if right else "linear")), Dense(1))
    model.compile("adam", "mse")
    return model, features(50, 8), features(1)


@program("https://stackoverflow.com/q/55431081", SHAPE, "H016")
def a_series_of_single_steps(right: bool) -> Case:
    steps, width = (12, 1) if right else (1, 12)
    model = sequential((steps, width), LSTM(4), Dense(1))
    model.compile("adam", "mse")
    return model, features(steps, width), features(1)


@program(TAXONOMY, SHAPE, "H016")
def columns_as_one_step(right: bool) -> Case:
    stack = [] if right else [layers.Reshape((1, 20)), LSTM(32)]
    model = sequential((20,), *stack, *([Dense(32, "tanh")] if right else []), Dense(3, "softmax"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, features(20), one_hot(3)


@program(TAXONOMY, STRUCTURE, "H019", "B016")
def a_mask_after_a_layer(right: bool) -> Case:
    masking = layers.Masking(0.0)
    stack = [masking, Dense(16, "relu")] if right else [Dense(16, "relu"), masking]
    model = sequential((30, 8), *stack, LSTM(16), Dense(1, "sigmoid"))
    model.compile("adam", "binary_crossentropy")
    x = features(30, 8)
    for row, length in enumerate(np.arange(len(x)) % 15 + 10):
        x[row, length:] = 0
    return model, x, yes_no()


@program("https://github.com/keras-team/keras/issues/18543", STRUCTURE, "H007")
def a_product_drops_the_mask(right: bool) -> Case:
    ids = keras.Input((20,), dtype="int32")
    x = layers.Embedding(100, 8, mask_zero=True)(ids)
    x = layers.Rescaling(2.0)(x) if right else x * 2.0
    model = keras.Model(ids, Dense(1, "sigmoid")(LSTM(8)(x)))
    model.compile("adam", "binary_crossentropy")
    texts = words(100, 20)
    texts[:, 14:] = 0
    return model, texts, yes_no()


@program(TAXONOMY, SHAPE, "H010")
def more_words_than_rows(right: bool) -> Case:
    lookup = layers.StringLookup(vocabulary=[f"word{number}" for number in range(20)])
    texts = keras.Input((6,), dtype="string")
    x = layers.Embedding(lookup.vocabulary_size() if right else 20, 8)(lookup(texts))
    model = keras.Model(texts, Dense(1, "sigmoid")(layers.GlobalAveragePooling1D()(x)))
    model.compile("adam", "binary_crossentropy")
    found = np.array([[f"word{(row + column) % 20}" for column in range(6)] for row in range(32)])
    return model, found, yes_no()


@program(TAXONOMY, LABELS, "B006")
def word_numbers_beyond_the_table(right: bool) -> Case:
    model = sequential(
        (20,), layers.Embedding(120 if right else 80, 8), layers.GlobalAveragePooling1D(), Dense(1, "sigmoid")
    )
    model.compile("adam", "binary_crossentropy")
    return model, words(120, 20), yes_no()


@program(question(42913869), SCALE, "B017", "B018")
def prices_that_were_not_scaled(right: bool) -> Case:
    model = sequential((30, 1), LSTM(16), Dense(1))
    model.compile("adam", "mse")
    scale, shift = (1.0, 0.0) if right else (300.0, 9_000.0)
    return model, features(30, 1, scale=scale, shift=shift), features(1, scale=scale, shift=shift)


@program(TAXONOMY, LABELS, "B002")
def one_label_for_every_step(right: bool) -> Case:
    model = sequential((20, 6), LSTM(16, return_sequences=not right), Dense(1))
    model.compile("adam", "mse")
    return model, features(20, 6), features(1)


@program("https://doi.org/10.1109/ICSE43902.2021.00043", TRAINING, "B012", "B013", "B020", "B024")
def gradients_explode(right: bool) -> Case:
    start = "glorot_uniform" if right else keras.initializers.RandomNormal(stddev=5.0)
    model = sequential(
        (30, 6), *(Dense(32, "relu", kernel_initializer=start) for _ in range(6)), LSTM(8), Dense(3, "softmax")
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model, features(30, 6), classes(3)
