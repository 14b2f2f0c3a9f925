"""Programs on images and signals: convolutions."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from tests.benchmarks.faults.program import (
    HIDDEN,
    LAST,
    MISSING,
    SCALE,
    SHAPE,
    STRUCTURE,
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
    yes_no,
)
from tests.benchmarks.faults.tables import DEEPLOCALIZE, NEURALINT, TAXONOMY, UMLAUT

Conv1D, Conv2D, Dense = layers.Conv1D, layers.Conv2D, layers.Dense
Dropout, Activation = layers.Dropout, layers.Activation
MaxPooling1D, MaxPooling2D, Flatten = layers.MaxPooling1D, layers.MaxPooling2D, layers.Flatten


# -- the last layer -----------------------------------------------------------------------------------------------


@program(question(51749207), LAST, "A001")
def signal_through_softmax(right: bool) -> Case:
    model = sequential(
        (600, 1),
        Conv1D(20, 4, activation="relu", padding="same"),
        MaxPooling1D(2),
        Dropout(0.3),
        Flatten(),
        Dense(50, "relu"),
        Dense(1, "sigmoid" if right else "softmax"),
    )
    model.compile("nadam", "binary_crossentropy", metrics=["accuracy"])
    return model, features(600, 1), yes_no()


@program(question(45378493), LAST, "A001")
def prices_up_or_down(right: bool) -> Case:
    model = sequential(
        (10, 4),
        Conv1D(16, 4, padding="same"),
        layers.BatchNormalization(),
        layers.LeakyReLU(),
        Dropout(0.2),
        Flatten(),
        Dense(64),
        layers.BatchNormalization(),
        layers.LeakyReLU(),
        Dense(1),
        Activation("sigmoid" if right else "softmax"),
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model, features(10, 4), yes_no()


@program(question(50079585), LAST, "A001")
def three_kinds_of_images(right: bool) -> Case:
    model = sequential(
        (32, 32, 3),
        Conv2D(8, 3),
        Activation("relu"),
        MaxPooling2D(),
        Conv2D(16, 3),
        Activation("relu"),
        MaxPooling2D(),
        Flatten(),
        Dense(64, "relu"),
        Dropout(0.5),
        Dense(3 if right else 1),
        Activation("softmax"),
    )
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    return model, unit(32, 32, 3), one_hot(3) if right else yes_no()


@program(question(58844149), LAST, "A001")
def one_class_of_scans(right: bool) -> Case:
    model = sequential(
        (48, 48, 1),
        Conv2D(16, 11, padding="same", activation="relu"),
        MaxPooling2D(3, 2),
        Conv2D(16, 3, padding="same", activation="relu"),
        MaxPooling2D(2),
        Flatten(),
        Dense(30, "relu"),
        Dropout(0.2),
        Dense(1),
        Activation("sigmoid" if right else "softmax"),
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model, unit(48, 48, 1), yes_no()


@program(question(47352366), LAST, "A002")
def digits_through_relu(right: bool) -> Case:
    model = sequential(
        (784,),
        layers.Reshape((28, 28, 1)),
        Conv2D(8, 5, padding="same", activation="relu"),
        MaxPooling2D(padding="same"),
        Conv2D(16, 5, padding="same", activation="relu"),
        MaxPooling2D(padding="same"),
        Flatten(),
        Dense(64, "relu"),
        Dropout(0.5),
        Dense(10, "softmax" if right else "relu"),
    )
    model.compile("adam", keras.losses.categorical_crossentropy, metrics=["accuracy"])
    return model, unit(784), one_hot(10)


@program(question(44399299), LAST, "A004")
def four_images_together(right: bool) -> Case:
    inputs = [keras.Input((20, 20, 1)) for _ in range(4)]
    towers = []
    for one in inputs:
        x = Conv2D(8, 3, activation="relu")(one)
        x = Conv2D(8, 3, activation="relu")(x)
        towers.append(Flatten()(x))
    x = Dense(32, "relu")(layers.Concatenate()(towers))
    model = keras.Model(inputs, Dense(4, "softmax" if right else "sigmoid")(x))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, [unit(20, 20, 1) for _ in inputs], one_hot(4)


@program(question(44322611), LAST, "A004")
def dogs_under_binary_loss(right: bool) -> Case:
    model = sequential(
        (32, 32, 3),
        Conv2D(16, 11, activation="relu", padding="same"),
        Dropout(0.2),
        Conv2D(16, 5, activation="relu", padding="same"),
        MaxPooling2D(),
        Flatten(),
        Dense(32, "relu", kernel_constraint="MaxNorm"),
        Dropout(0.2),
        Dense(7, "softmax"),
    )
    model.compile("sgd", "categorical_crossentropy" if right else "binary_crossentropy", metrics=["accuracy"])
    return model, unit(32, 32, 3), one_hot(7)


@program(question(59325381), LAST, "A002", "A007")
def clothes_without_activations(right: bool) -> Case:
    model = sequential(
        (28, 28, 1),
        Conv2D(8, 3, padding="same", activation="relu" if right else None),
        Conv2D(8, 3, padding="same", activation="relu" if right else None),
        Flatten(),
        Dense(32, "relu" if right else None),
        Dense(10, "softmax" if right else None),
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, unit(28, 28, 1), classes(10)


@program("https://github.com/tensorflow/tensorflow/issues/46001", LAST, "A003")
def softmax_of_tensorflow(right: bool) -> Case:
    import tensorflow as tf

    last = None if right else tf.nn.softmax
    model = sequential((28, 28), Flatten(), Dense(32, "relu"), Dense(10, activation=last))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model, unit(28, 28), classes(10)


@program(TAXONOMY, LAST, "A004")
def sigmoid_of_tensorflow(right: bool) -> Case:
    import tensorflow as tf

    last = "softmax" if right else tf.nn.sigmoid
    model = sequential((28, 28), Flatten(), Dense(32, activation=tf.nn.relu), Dense(10, activation=last))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, unit(28, 28), one_hot(10)


# -- activations that are missing ---------------------------------------------------------------------------------


@program(DEEPLOCALIZE, MISSING, "A007")
def keypoints_by_convolutions(right: bool) -> Case:
    activation = "relu" if right else None
    model = sequential(
        (48, 48, 1),
        Conv2D(8, 3, activation=activation),
        MaxPooling2D(2),
        Conv2D(16, 2, activation=activation),
        MaxPooling2D(2),
        Flatten(),
        Dense(64, "relu"),
        Dense(30),
    )
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9, clipnorm=1), "mean_squared_error")
    return model, unit(48, 48, 1), features(30)


@program(NEURALINT, MISSING, "A007")
def lenet_without_relus(right: bool) -> Case:
    activation = "relu" if right else None
    model = sequential(
        (28, 28, 1),
        Conv2D(6, 5, activation=activation),
        layers.AveragePooling2D(2),
        Conv2D(16, 5, activation=activation),
        Flatten(),
        Dense(84, activation),
        Dense(10, "softmax"),
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, unit(28, 28, 1), one_hot(10)


# -- shapes -------------------------------------------------------------------------------------------------------


@program(question(45120429), SHAPE, "H005", "B002")
def bits_of_a_signal(right: bool) -> Case:
    convolutions = [Conv1D(32, 2, activation="relu") for _ in range(4)]
    model = sequential((32, 1), *convolutions, *([Flatten()] if right else []), Dense(32, "sigmoid"))
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    return model, features(32, 1), several(32)


@program(question(53119432), SHAPE, "H005", "B002")
def pulses(right: bool) -> Case:
    model = sequential(
        (30, 1),
        Conv1D(64, 3, activation="relu"),
        Conv1D(64, 3, activation="relu"),
        MaxPooling1D(4),
        Conv1D(128, 3, activation="relu"),
        *([Flatten()] if right else []),
        Dropout(0.5),
        Dense(1, "sigmoid"),
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model, features(30, 1), yes_no()


@program(question(61030068), SHAPE, "H005", "B002")
def twenty_eight_classes(right: bool) -> Case:
    model = sequential(
        (72, 1),
        Conv1D(64, 3, activation="relu"),
        MaxPooling1D(2),
        Conv1D(64, 3, activation="relu"),
        MaxPooling1D(2),
        *([Flatten()] if right else []),
        Dense(64, "relu"),
        Dense(28, "softmax"),
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, features(72, 1), one_hot(28)


@program(question(38584268), SHAPE, "H005", "B002")
def characters_of_an_alphabet(right: bool) -> Case:
    model = sequential(
        (28, 28, 1),
        Conv2D(15, 7, activation="relu", padding="same"),
        MaxPooling2D(2, padding="same"),
        Conv2D(45, 6, activation="relu", padding="same"),
        MaxPooling2D((4, 3), padding="same"),
        *([Flatten()] if right else []),
        Dense(50, "relu"),
        Dense(12, "softmax"),
    )
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    return model, unit(28, 28, 1), one_hot(12)


@program(TAXONOMY, SHAPE, "H005", "B002")
def rows_that_were_never_flattened(right: bool) -> Case:
    model = sequential((28, 28), *([Flatten()] if right else []), Dense(64, "relu"), Dense(10, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, unit(28, 28), classes(10)


@program(question(45711636), SHAPE, "H020")
def channels_where_the_height_belongs(right: bool) -> Case:
    model = sequential(
        (20, 56, 1) if right else (1, 20, 56),
        Conv2D(16, 3, padding="same", activation="relu"),
        Dropout(0.25),
        Conv2D(16, 3, padding="same", activation="relu"),
        Flatten(),
        Dense(64, "relu"),
        Dropout(0.5),
        Dense(5, "softmax"),
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, unit(20, 56, 1) if right else unit(1, 20, 56), one_hot(5)


@program(NEURALINT, SHAPE, "H008")
def too_much_pooling(right: bool) -> Case:
    blocks = 4 if right else 6
    stack = []
    for filters in (8, 8, 16, 16, 16, 16)[:blocks]:
        stack += [Conv2D(filters, 3, padding="same", activation="relu"), MaxPooling2D(2, padding="same")]
    model = sequential((32, 32, 3), *stack, Flatten(), Dense(32, "relu"), Dense(2, "softmax"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, unit(32, 32, 3), one_hot(2)


@program("https://github.com/TUT-ARG/DCASE2017-baseline-system/pull/18", SHAPE, "H017")
def pooling_over_the_channels(right: bool) -> Case:
    side = "channels_last"
    model = sequential(
        (40, 48, 2),
        Conv2D(16, 3, padding="same", activation="relu", data_format=side),
        MaxPooling2D(2, data_format=side if right else "channels_first"),
        Flatten(),
        Dense(32, "relu"),
        Dense(6, "softmax"),
    )
    model.compile("adam", "categorical_crossentropy")
    return model, features(40, 48, 2), one_hot(6)


@program("https://github.com/orobix/retina-unet/issues/43", SHAPE, "H017")
def an_encoder_that_pools_features(right: bool) -> Case:
    side = "channels_last" if right else "channels_first"
    image = keras.Input((32, 32, 1))
    x = Conv2D(16, 3, padding="same")(image)
    x = MaxPooling2D(2, data_format=side)(layers.ReLU()(layers.BatchNormalization()(x)))
    x = Conv2D(16, 3, padding="same", activation="relu")(x)
    x = layers.UpSampling2D(2, data_format=side)(x)
    model = keras.Model(image, Dense(2, "softmax")(Flatten()(x)))
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    return model, unit(32, 32, 1), one_hot(2)


@program(DEEPLOCALIZE, SHAPE, "H018")
def sandwiches_of_keras_1(right: bool) -> Case:
    arguments = [(5, 1), (3, 1)] if right else [(5, 5), (3, 3)]
    stack = []
    for filters, (kernel, strides) in zip((8, 16), arguments, strict=True):
        stack += [Conv2D(filters, kernel, strides), Dropout(0.5), Activation("relu")]
    model = sequential((64, 64, 1), *stack, Flatten(), Dense(24, "relu"), Dense(2, "softmax"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, unit(64, 64, 1), one_hot(2)


@program("https://github.com/keras-team/keras/issues/10300", SHAPE, "H018")
def letters_of_keras_1(right: bool) -> Case:
    strides = 1 if right else 5
    model = sequential(
        (50, 50, 1),
        Conv2D(6, 5, strides, padding="same"),
        Activation("relu"),
        MaxPooling2D(2),
        Conv2D(16, 5, strides, padding="same"),
        Activation("relu"),
        Flatten(),
        Dense(84, "relu"),
        Dense(10, "softmax"),
    )
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    return model, unit(50, 50, 1), one_hot(10)


# -- order of layers ------------------------------------------------------------------------------------------------


@program("https://github.com/keras-team/keras-io/issues/1549", STRUCTURE, "A013", "B019")
def scaled_twice(right: bool) -> Case:
    image = keras.Input((32, 32, 3))
    backbone = keras.Sequential(
        [keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), Conv2D(8, 3, activation="relu")], name="backbone"
    )
    x = backbone(image if right else layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, Dense(4, "softmax")(layers.GlobalAveragePooling2D()(x)))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, pixels(32, 32, 3), classes(4)


def _meets(backbone: keras.Model, images: Any) -> None:
    """Give the normalisations of random weights the statistics of images, as those of trained weights have them."""
    kept = [layer for layer in backbone.layers if isinstance(layer, layers.BatchNormalization)]
    for layer in kept:
        layer.momentum = 0.0
    backbone(images, training=True)
    for layer in kept:
        layer.momentum = 0.99


@program(TAXONOMY, STRUCTURE, "A014")
def a_head_on_the_old_head(right: bool) -> Case:
    backbone = keras.applications.MobileNet(
        weights=None, input_shape=(32, 32, 3), alpha=0.25, include_top=not right, pooling="avg", classes=1000
    )
    _meets(backbone, unit(32, 32, 3) * 2 - 1)
    backbone.trainable = False
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, Dense(2, "softmax")(backbone(image)))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, unit(32, 32, 3) * 2 - 1, one_hot(2)


@program(NEURALINT, STRUCTURE, "P003")
def a_bias_before_the_norm(right: bool) -> Case:
    model = sequential(
        (28, 28, 1),
        Conv2D(16, 3, use_bias=not right),
        layers.BatchNormalization(),
        Activation("relu"),
        MaxPooling2D(),
        Flatten(),
        Dense(10, "softmax"),
    )
    model.compile("adam", "categorical_crossentropy")
    return model, unit(28, 28, 1), one_hot(10)


@program("https://github.com/keras-team/keras/issues/18909", HIDDEN, "A001")
def attention_over_features(right: bool) -> Case:
    image = keras.Input((20, 16))
    score = Dense(1)(image)
    weights = layers.Softmax(axis=1 if right else -1)(score)
    model = keras.Model(image, Dense(3, "softmax")(ops.sum(weights * image, axis=1)))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, features(20, 16), classes(3)


# -- what only the data tell ----------------------------------------------------------------------------------------


@program(UMLAUT, SCALE, "B017")
def photographs_that_were_not_scaled(right: bool) -> Case:
    model = sequential(
        (32, 32, 3),
        Conv2D(16, 3, activation="relu"),
        MaxPooling2D(),
        Conv2D(16, 3, activation="relu"),
        Flatten(),
        Dense(32, "relu"),
        Dense(10, "softmax"),
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, unit(32, 32, 3) if right else pixels(32, 32, 3), classes(10)
