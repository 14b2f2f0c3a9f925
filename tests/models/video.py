"""Several frames at a time."""

from __future__ import annotations

import keras
from keras import layers

from tests.models.registry import architecture


@architecture
def video_3d() -> keras.Model:
    inputs = keras.Input((8, 16, 16, 1))
    x = layers.Conv3D(8, 3, activation="relu", padding="same")(inputs)
    x = layers.MaxPooling3D(2)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv3D(8, 3, activation="relu", padding="same")(x)
    x = layers.GlobalAveragePooling3D()(x)
    x = layers.Dense(16, activation="relu")(x)
    x = layers.Dropout(0.3)(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["acc"])
    return model


@architecture
def video_cnn_rnn() -> keras.Model:
    frame = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
        ]
    )
    inputs = keras.Input((5, 16, 16, 3))
    x = layers.TimeDistributed(frame)(inputs)
    x = layers.GRU(16, return_sequences=True)(x)
    x = layers.GRU(8)(x)
    x = layers.Dropout(0.4)(x)
    model = keras.Model(inputs, layers.Dense(5, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def conv_lstm_next_frame() -> keras.Model:
    inputs = keras.Input((None, 16, 16, 1))
    x = layers.ConvLSTM2D(8, 5, padding="same", return_sequences=True, activation="relu")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.ConvLSTM2D(8, 3, padding="same", return_sequences=True, activation="relu")(x)
    model = keras.Model(inputs, layers.Conv3D(1, 3, activation="sigmoid", padding="same")(x))
    model.compile("adam", "binary_crossentropy")
    return model
