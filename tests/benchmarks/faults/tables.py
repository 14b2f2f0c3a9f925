"""Programs on tables: what goes in is a row of numbers."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from tests.benchmarks.faults.program import (
    HIDDEN,
    INITIAL,
    LABELS,
    LAST,
    METRIC,
    MISSING,
    SCALE,
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
    yes_no,
)

Dense, Dropout, Activation = layers.Dense, layers.Dropout, layers.Activation
DEEPLOCALIZE = "https://github.com/Wardat-ISU/DeepLocalize"
NEURALINT = "https://doi.org/10.1145/3470006"
TAXONOMY = "https://doi.org/10.1145/3377811.3380395"
UMLAUT = "https://doi.org/10.1145/3411764.3445538"
AUTOTRAINER = "https://doi.org/10.1109/ICSE43902.2021.00043"


# -- a softmax over one unit ------------------------------------------------------------------------------------


@program(question(31880720), LAST, "A001")
def predictions_are_all_ones(right: bool) -> Case:
    model = sequential(
        (128,),
        Dense(50, "relu"),
        Dropout(0.2),
        Dense(50, "relu"),
        Dropout(0.2),
        Dense(1),
        Activation("sigmoid" if right else "softmax"),
    )
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    return model, features(128), yes_no()


@program(question(33969059), LAST, "A001", "B007")
def noisy_curve(right: bool) -> Case:
    model = sequential(
        (20,),
        Dense(20, "tanh"),
        Dropout(0.5),
        Dense(2, "tanh"),
        Dropout(0.5),
        Dense(1, "linear" if right else "softmax"),
    )
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True), "mse")
    return model, features(20), features(1)


@program(question(34311586), LAST, "A001")
def exclusive_or(right: bool) -> Case:
    last = "sigmoid" if right else "softmax"
    model = sequential((2,), Dense(2, "sigmoid"), Dense(3, "sigmoid"), Dense(1, last))
    model.compile(keras.optimizers.SGD(0.1 if right else 0.001, momentum=0.9), "mse")
    return model, several(2), yes_no()


@program(question(45337371), LAST, "A001")
def two_classes_from_a_table(right: bool) -> Case:
    model = sequential((30,), Dense(60, "relu"), Dense(50, "relu"), Dense(1, "sigmoid" if right else "softmax"))
    model.compile("adam", "binary_crossentropy")
    return model, features(30), yes_no()


@program(question(45442843), LAST, "A001")
def a_threshold(right: bool) -> Case:
    model = sequential((1,), Dense(1, "sigmoid"), Dense(1, "sigmoid" if right else "softmax"))
    model.compile("rmsprop", "binary_crossentropy" if right else "mae", metrics=["accuracy"])
    return model, features(1), yes_no()


@program("https://github.com/keras-team/keras/issues/126", LAST, "A001")
def the_example_makes_no_progress(right: bool) -> Case:
    model = sequential(
        (2,),
        Dense(64, "tanh"),
        Dropout(0.5),
        Dense(64, "tanh"),
        Dropout(0.5),
        Dense(1, "sigmoid" if right else "softmax"),
    )
    model.compile("sgd", "binary_crossentropy" if right else "mse")
    return model, features(2), yes_no()


@program("https://github.com/keras-team/keras/issues/17029", LAST, "A005")
def one_unit_for_a_class_number(right: bool) -> Case:
    model = sequential((12,), Dense(16, "relu"), Dense(1, "sigmoid"))
    model.compile("adam", "binary_crossentropy" if right else "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, features(12), yes_no()


# -- a regression loss for classes, and the other way round -------------------------------------------------------


@program(question(38648195), LAST, "A006")
def three_classes_under_squared_error(right: bool) -> Case:
    model = sequential(
        (20,), Dense(20, "relu"), Dropout(0.5), Dense(20, "relu"), Dropout(0.5), Dense(3), Activation("softmax")
    )
    model.compile("sgd", "categorical_crossentropy" if right else "mean_squared_error", metrics=["accuracy"])
    return model, features(20), one_hot(3)


@program(question(34673164), LAST, "A006")
def letters_under_squared_error(right: bool) -> Case:
    model = sequential(
        (16,), Dense(64, "tanh"), Dropout(0.5), Dense(64, "tanh"), Dropout(0.5), Dense(2), Activation("softmax")
    )
    model.compile("sgd", "categorical_crossentropy" if right else "mse", metrics=["accuracy"])
    return model, features(16), one_hot(2)


@program(TAXONOMY, LAST, "A006", "B007")
def shares_under_absolute_error(right: bool) -> Case:
    model = sequential((9,), Dense(32, "relu"), Dense(4, "linear" if right else "softmax"))
    model.compile("adam", "mae", metrics=["mae"])
    return model, features(9), features(4)


@program(TAXONOMY, LAST, "A006")
def counts_of_a_softmax(right: bool) -> Case:
    model = sequential((9,), Dense(32, "relu"), Dense(4, "softmax"))
    model.compile("adam", "categorical_crossentropy" if right else "poisson", metrics=["accuracy"])
    return model, features(9), one_hot(4)


@program(TAXONOMY, LAST, "A006")
def percentage_error_of_a_probability(right: bool) -> Case:
    model = sequential((9,), Dense(32, "relu"), Dense(1, "sigmoid"))
    model.compile(
        "adam", "binary_crossentropy" if right else "mean_absolute_percentage_error", metrics=["binary_accuracy"]
    )
    return model, features(9), yes_no()


@program(question(48251943), LAST, "A006", "B007")
def the_sign_of_a_product(right: bool) -> Case:
    model = sequential((2,), Dense(4, "relu"), Dense(1, "tanh" if right else "relu"))
    model.compile("sgd", "mean_squared_error", metrics=["mse"])
    return model, features(2), np.sign(features(1))


@program("https://community.deeplearning.ai/t/loss-values-do-not-change/324182", LAST, "A006", "B007")
def a_line_through_relu(right: bool) -> Case:
    model = sequential((1,), Dense(4, "relu"), Dense(2, "relu"), Dense(1, "linear" if right else "relu"))
    model.compile(keras.optimizers.Adam(0.001), keras.losses.MeanSquaredError())
    x = features(1, scale=3)
    return model, x, 2 * x - 1


@program(question(44066044), LAST, "A002")
def wine_through_relu(right: bool) -> Case:
    model = sequential((11,), Dense(12, "relu"), Dense(12, "relu"), Dense(1, "sigmoid" if right else "relu"))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model, features(11), yes_no()


@program("https://geeksmental.com/question/why-does-accuracy-remain-the-same", LAST, "A002")
def above_a_threshold(right: bool) -> Case:
    model = sequential((1,), Dense(3, "relu"), Dense(5, "relu"), Dense(1, "sigmoid" if right else "relu"))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model, features(1), yes_no()


@program(question(51930566), LAST, "A004")
def iris_through_sigmoid(right: bool) -> Case:
    model = sequential((4,), Dense(4, "relu"), Dense(3, "softmax" if right else "sigmoid"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, features(4), one_hot(3)


@program(question(59278771), LAST, "A004")
def iris_with_normal_weights(right: bool) -> Case:
    stack = [Dense(4, "relu", kernel_initializer="normal")]
    if right:
        stack.append(Dense(8, "relu", kernel_initializer="normal"))
    last = Dense(3, kernel_initializer="normal")
    model = sequential((4,), *stack, last, Activation("softmax" if right else "sigmoid"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, features(4), one_hot(3)


@program(question(55328966), LAST, "A004", "A007")
def digits_with_a_linear_layer(right: bool) -> Case:
    l2 = keras.regularizers.L2(0.001)
    model = sequential(
        (784,),
        Dense(128, "relu" if right else "linear"),
        Dense(64, "relu", kernel_regularizer=l2),
        Dense(10, "softmax" if right else "sigmoid", kernel_regularizer=l2),
    )
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    return model, unit(784) if right else pixels(784), one_hot(10)


@program("https://github.com/keras-team/keras-hub/issues/1008", LAST, "A002")
def logits_without_the_flag(right: bool) -> Case:
    model = sequential((40,), Dense(32, "relu"), Dense(5))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=right))
    return model, features(40), classes(5)


@program(UMLAUT, LAST, "A002")
def digits_without_a_softmax(right: bool) -> Case:
    model = sequential((784,), Dense(64, "relu"), Dense(32, "relu"), Dense(10, "softmax" if right else None))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, unit(784), classes(10)


@program(NEURALINT, LAST, "A003")
def softmax_for_a_loss_of_logits(right: bool) -> Case:
    model = sequential((20,), Dense(32, "relu"), Dense(6, None if right else "softmax"))
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model, features(20), one_hot(6)


@program("https://github.com/keras-team/keras/issues/13621", LAST, "A008")
def softmax_twice(right: bool) -> Case:
    stack = [Dense(64, "relu"), Dense(4, "softmax")]
    model = sequential((30,), *stack, *([] if right else [Activation("softmax")]))
    model.compile("adam", "categorical_crossentropy")
    return model, features(30), one_hot(4)


@program("https://openillumi.com/en/en-keras-tf-fix-huge-negative-loss-regression", LABELS, "B005", "B007")
def prices_under_binary_crossentropy(right: bool) -> Case:
    model = sequential((12,), Dense(64, "relu"), Dense(32, "relu"), Dense(1, "linear" if right else "sigmoid"))
    model.compile("adam", "mse" if right else "binary_crossentropy", metrics=["mae" if right else "accuracy"])
    prices = features(1) if right else features(1, scale=40_000, shift=200_000)
    return model, features(12), prices


# -- activations ------------------------------------------------------------------------------------------------


@program(DEEPLOCALIZE, MISSING, "A007")
def keypoints_without_activations(right: bool) -> Case:
    activation = "relu" if right else None
    model = sequential((96,), Dense(50, activation), Dense(100, activation), Dense(30))
    model.compile(keras.optimizers.Adam(0.001), "mean_squared_error")
    return model, unit(96), features(30)


@program(DEEPLOCALIZE, MISSING, "A007")
def an_average_of_networks(right: bool) -> Case:
    model = sequential((2,), Dense(2, "tanh" if right else None), Dense(1))
    model.compile("rmsprop", "mse")
    return model, features(2), features(1)


@program(question(48385830), MISSING, "A007")
def digits_by_two_linear_layers(right: bool) -> Case:
    normal = keras.initializers.RandomNormal(stddev=0.05)
    first, last = ("sigmoid", "softmax") if right else (None, None)
    model = sequential((784,), Dense(30, first, kernel_initializer=normal), Dense(10, last, kernel_initializer=normal))
    loss = "categorical_crossentropy" if right else "mean_squared_error"
    model.compile(keras.optimizers.SGD(0.1 if right else 3.0), loss, metrics=["accuracy"])
    return model, unit(784), one_hot(10)


@program(NEURALINT, MISSING, "A007")
def three_layers_are_one(right: bool) -> Case:
    activation = "relu" if right else None
    model = sequential((40,), Dense(64, activation), Dense(64, activation), Dense(8, "softmax"))
    model.compile("adam", "categorical_crossentropy")
    return model, features(40), one_hot(8)


@program(question(39217567), HIDDEN, "A016")
def copy_the_bits(right: bool) -> Case:
    hidden = "relu" if right else "sigmoid"
    model = sequential((10,), Dense(10, hidden), Dense(10, hidden), Dense(10, "sigmoid"))
    model.compile("sgd", "binary_crossentropy" if right else "mse", metrics=["accuracy"])
    bits = several(10)
    return model, bits, bits


@program(question(58609115), HIDDEN, "A016")
def sixty_nine_sigmoids(right: bool) -> Case:
    hidden, last = ("relu", "softmax") if right else ("sigmoid", "sigmoid")
    model = sequential((1,), Dense(69, hidden), Dense(69, hidden), Dense(69, last))
    model.compile("adam", "categorical_crossentropy" if right else "binary_crossentropy", metrics=["accuracy"])
    return model, features(1), one_hot(69) if right else several(69)


@program(AUTOTRAINER, HIDDEN, "A016", "B011")
def gradients_vanish_in_sigmoids(right: bool) -> Case:
    hidden = "relu" if right else "sigmoid"
    model = sequential((2,), *(Dense(16, hidden) for _ in range(8)), Dense(3, "softmax"))
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    return model, features(2), one_hot(3)


@program(AUTOTRAINER, HIDDEN, "A014")
def a_hidden_softmax(right: bool) -> Case:
    model = sequential((30,), Dense(64, "relu" if right else "softmax"), Dense(64, "relu"), Dense(5, "softmax"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, features(30), one_hot(5)


@program(NEURALINT, HIDDEN, "A018")
def relu_before_the_softmax(right: bool) -> Case:
    between = [] if right else [Activation("relu")]
    model = sequential((20,), Dense(64, "relu"), Dense(10), *between, Activation("softmax"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, features(20), one_hot(10)


# -- order and sizes of layers ------------------------------------------------------------------------------------


@program(question(50306988), STRUCTURE, "A015")
def one_unit_in_the_middle(right: bool) -> Case:
    model = sequential((13,), Dense(16 if right else 1, "relu"), Dense(3, "softmax"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, features(13), one_hot(3)


@program(TAXONOMY, STRUCTURE, "A015")
def too_few_neurons(right: bool) -> Case:
    model = sequential((24,), Dense(32, "relu"), Dense(8 if right else 1, "relu"), Dense(16, "relu"), Dense(1))
    model.compile("adam", "mse")
    return model, features(24), features(1)


@program(NEURALINT, STRUCTURE, "A010")
def dropout_after_the_predictions(right: bool) -> Case:
    rest = [Dropout(0.5), Dense(6, "softmax")] if right else [Dense(6, "softmax"), Dropout(0.5)]
    model = sequential((20,), Dense(64, "relu"), *rest)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, features(20), one_hot(6)


@program(NEURALINT, STRUCTURE, "A010")
def dropout_of_logits(right: bool) -> Case:
    rest = [Dropout(0.5), Dense(6)] if right else [Dense(6), Dropout(0.5)]
    model = sequential((20,), Dense(64, "relu"), *rest, Activation("softmax"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, features(20), one_hot(6)


@program(NEURALINT, STRUCTURE, "A009")
def dropout_before_the_norm(right: bool) -> Case:
    pair = [Dropout(0.3), layers.BatchNormalization()]
    model = sequential((20,), Dense(64, "relu"), *(reversed(pair) if right else pair), Dense(6, "softmax"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, features(20), one_hot(6)


# -- initial values and metrics -----------------------------------------------------------------------------------


@program(NEURALINT, INITIAL, "A011")
def weights_start_at_zero(right: bool) -> Case:
    start = "glorot_uniform" if right else "zeros"
    model = sequential((20,), Dense(32, "relu", kernel_initializer=start), Dense(4, "softmax"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, features(20), one_hot(4)


@program(TAXONOMY, INITIAL, "A011")
def weights_started_at_one(right: bool) -> Case:
    start = "glorot_uniform" if right else "ones"
    model = sequential((8,), Dense(16, "tanh", kernel_initializer=start), Dense(1))
    model.compile("sgd", "mse")
    x, y = features(8), features(1)
    model.fit(x, y, epochs=3, verbose=0)
    return model, x, y


@program("https://github.com/keras-team/keras/issues/18796", METRIC, "A019")
def accuracy_is_always_zero(right: bool) -> Case:
    model = sequential((10,), Dense(16, "relu"), Dense(1, "sigmoid"))
    metric = keras.metrics.BinaryAccuracy() if right else keras.metrics.Accuracy()
    model.compile("adam", "binary_crossentropy", metrics=[metric])
    return model, features(10), yes_no()


@program("https://github.com/keras-team/tf-keras/issues/15", METRIC, "A019")
def exact_matches_of_a_softmax(right: bool) -> Case:
    model = sequential((10,), Dense(16, "relu"), Dense(3, "softmax"))
    model.compile(
        "adam", "categorical_crossentropy", metrics=["accuracy" if right else keras.metrics.Accuracy(name="acc")]
    )
    return model, features(10), one_hot(3)


# -- what only the data tell ----------------------------------------------------------------------------------------


@program(question(44164749), SCALE, "B017")
def digits_that_were_not_scaled(right: bool) -> Case:
    model = sequential((784,), Dense(64, "relu"), Dropout(0.1), Dense(32, "relu"), Dense(10, "softmax"))
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "categorical_crossentropy", metrics=["accuracy"])
    return model, unit(784) if right else pixels(784), one_hot(10)


@program(question(47724077), SCALE, "B017")
def incomes_that_were_not_scaled(right: bool) -> Case:
    model = sequential((14,), Dense(21, "relu"), Dense(2, "softmax"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, features(14) if right else features(14, scale=60_000, shift=90_000), one_hot(2)


@program(question(31627380), SCALE, "B017")
def policies_that_were_not_scaled(right: bool) -> Case:
    model = sequential((50,), Dense(64, "relu"), Dropout(0.5), Dense(2, "softmax"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, features(50) if right else features(50, scale=3_000, shift=5_000), one_hot(2)


@program(question(52800582), SCALE, "B017", "B018")
def the_fourth_power(right: bool) -> Case:
    model = sequential((1,), Dense(50, "relu" if right else "sigmoid"), Dense(50, "elu"), Dense(1))
    model.compile("adam", "mse")
    x = np.linspace(-1, 1, 32, dtype="float32")[:, None]
    return model, x if right else 100 * x, x**4 if right else (100 * x) ** 4


@program(question(48221692), LABELS, "B007")
def a_sine_through_sigmoid(right: bool) -> Case:
    model = sequential((1,), Dense(5, "sigmoid"), Dense(1, "linear" if right else "sigmoid"))
    model.compile("sgd", "mean_squared_error")
    x = features(1, scale=2)
    return model, x, np.sin(x)


@program(question(50555434), LABELS, "B007")
def angles_through_sigmoid(right: bool) -> Case:
    model = sequential((28,), Dense(20, "relu"), Dense(15, "relu"), Dense(6, "linear" if right else "sigmoid"))
    model.compile("adam", "mae")
    return model, features(28), features(6, scale=3)


@program(TAXONOMY, LABELS, "B004")
def class_numbers_for_one_hot_rows(right: bool) -> Case:
    model = sequential((10,), Dense(16, "relu"), Dense(4, "softmax"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model, features(10), one_hot(4) if right else np.tile(classes(4)[:, None], 4).astype("float32")


@program(TAXONOMY, LABELS, "B003")
def classes_count_from_one(right: bool) -> Case:
    model = sequential((10,), Dense(16, "relu"), Dense(5, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, features(10), classes(5) + (0 if right else 1)


@program(question(48934338), TRAINING, "B017", "B018", "B013", "B012")
def squares_at_a_high_rate(right: bool) -> Case:
    model = sequential((1,), Dense(50, "relu"), Dense(30, "relu"), Dense(1))
    model.compile(keras.optimizers.SGD(0.001 if right else 0.1), "mse")
    x = features(1) if right else features(1, scale=100)
    return model, x, x**2


@program(UMLAUT, TRAINING, "A020")
def adam_at_a_rate_of_ten(right: bool) -> Case:
    model = sequential((20,), Dense(64, "relu"), Dense(64, "relu"), Dense(10, "softmax"))
    model.compile(keras.optimizers.Adam(0.001 if right else 10.0), "sparse_categorical_crossentropy")
    return model, features(20), classes(10)
