"""Columns: recommenders, regressions, mixtures."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from tests.models.classification import conv_bn
from tests.models.registry import architecture


@architecture
def wide_and_deep() -> keras.Model:
    """keras.io: crossed lookups one-hot for the wide part, embeddings for the deep one."""
    category = keras.Input((1,), dtype="string", name="category")
    number = keras.Input((1,), name="number")
    index = layers.StringLookup(vocabulary=["a", "b", "c"])(category)
    wide = layers.Flatten()(layers.CategoryEncoding(4, output_mode="one_hot")(index))
    wide = layers.BatchNormalization()(wide)
    deep = layers.concatenate([layers.Flatten()(layers.Embedding(4, 2)(index)), number])
    for units in (8, 8):
        deep = layers.Dense(units)(deep)
        deep = layers.BatchNormalization()(deep)
        deep = layers.ReLU()(deep)
        deep = layers.Dropout(0.1)(deep)
    model = keras.Model([category, number], layers.Dense(3, activation="softmax")(layers.concatenate([wide, deep])))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def deep_and_cross() -> keras.Model:
    """DCN: cross layers x0 * (W x) + x."""
    inputs = keras.Input((8,))
    x0 = layers.BatchNormalization()(inputs)
    cross = x0
    for _ in range(2):
        cross = x0 * layers.Dense(8)(cross) + cross
    cross = layers.BatchNormalization()(cross)
    deep = layers.Dropout(0.1)(layers.ReLU()(layers.BatchNormalization()(layers.Dense(8)(x0))))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(layers.concatenate([cross, deep])))
    model.compile("adam", "binary_crossentropy")
    return model


@architecture
def factorization_machine() -> keras.Model:
    """DeepFM over embeddings: square of sum minus sum of squares, plus a first-order term."""
    fields = keras.Input((6,), dtype="int32")
    factors = layers.Embedding(40, 8)(fields)
    first = ops.sum(layers.Embedding(40, 1)(fields), axis=1)
    pairwise = ops.square(ops.sum(factors, axis=1)) - ops.sum(ops.square(factors), axis=1)
    second = 0.5 * ops.sum(pairwise, axis=1, keepdims=True)
    deep = layers.Dense(1)(layers.Dense(16, activation="relu")(layers.Flatten()(factors)))
    model = keras.Model(fields, ops.sigmoid(first + second + deep))
    model.compile("adagrad", "binary_crossentropy")
    return model


@architecture
def matrix_factorization() -> keras.Model:
    """keras.io collaborative filtering: embeddings with biases, dot product."""
    user, item = keras.Input((1,), name="user"), keras.Input((1,), name="item")
    u, i = layers.Embedding(20, 8)(user), layers.Embedding(30, 8)(item)
    bu, bi = layers.Embedding(20, 1)(user), layers.Embedding(30, 1)(item)
    x = layers.Dot(axes=2)([u, i])
    x = layers.Flatten()(layers.Add()([x, bu, bi]))
    model = keras.Model([user, item], layers.Activation("sigmoid")(x))
    model.compile("adam", "binary_crossentropy")
    return model


@architecture
def two_tower() -> keras.Model:
    def tower(name, size):
        inputs = keras.Input((), dtype="int32", name=f"{name}_id")
        x = layers.Embedding(size, 8)(inputs)
        x = layers.Dense(16, activation="relu")(x)
        return keras.Model(inputs, layers.UnitNormalization()(layers.Dense(8)(x)), name=name)

    query, candidate = tower("query", 20), tower("candidate", 30)
    a, b = keras.Input((), dtype="int32"), keras.Input((), dtype="int32")
    model = keras.Model([a, b], layers.Dot(axes=1)([query(a), candidate(b)]))
    model.compile("adagrad", "mse")
    return model


@architecture
def structured_data() -> keras.Model:
    """keras.io: normalised numbers and encoded categories."""
    age, sex = keras.Input((1,), name="age"), keras.Input((1,), dtype="int64", name="sex")
    normalize = layers.Normalization()
    normalize.adapt(np.arange(10.0).reshape(-1, 1))
    lookup = layers.IntegerLookup(vocabulary=[0, 1], output_mode="binary")
    hashed = layers.Hashing(8, output_mode="one_hot")(sex)
    x = layers.concatenate([normalize(age), lookup(sex), hashed])
    x = layers.Dropout(0.5)(layers.Dense(32, activation="relu")(x))
    model = keras.Model([age, sex], layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@architecture
def gated_residual_network() -> keras.Model:
    """Temporal fusion transformer pieces: elu, linear, dropout, gated linear unit, residual; variable selection."""

    def residual(x, units):
        y = layers.Dense(units, activation="elu")(x)
        y = layers.Dense(units)(y)
        y = layers.Dropout(0.1)(y)
        if x.shape[-1] != units:
            x = layers.Dense(units)(x)
        y = x + layers.Dense(units)(y) * layers.Dense(units, activation="sigmoid")(y)
        return layers.LayerNormalization()(y)

    inputs = [keras.Input((1,), name=f"feature_{index}") for index in range(4)]
    encoded = [layers.Dense(8)(one) for one in inputs]
    weights = layers.Dense(4, activation="softmax")(residual(layers.concatenate(encoded), 8))
    weights = ops.expand_dims(weights, -1)
    features = ops.stack([residual(one, 8) for one in encoded], axis=1)
    x = ops.squeeze(ops.matmul(ops.transpose(weights, (0, 2, 1)), features), axis=1)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", keras.losses.BinaryCrossentropy())
    return model


@architecture
def mixture_of_experts() -> keras.Model:
    """Experts stacked, a softmax gate, weighted sum; two task heads."""
    inputs = keras.Input((8,))
    experts = ops.stack([layers.Dense(8, activation="relu")(inputs) for _ in range(3)], axis=1)
    outputs = []
    for name in ("click", "buy"):
        gate = layers.Dense(3, activation="softmax")(inputs)
        mixed = ops.sum(experts * ops.expand_dims(gate, -1), axis=1)
        outputs.append(layers.Dense(1, activation="sigmoid", name=name)(layers.Dense(8, activation="relu")(mixed)))
    model = keras.Model(inputs, outputs)
    model.compile("adam", {"click": "binary_crossentropy", "buy": "binary_crossentropy"})
    return model


@architecture
def quantile_regression() -> keras.Model:
    inputs = keras.Input((6,))
    x = layers.Dense(16, activation="selu", kernel_initializer="lecun_normal")(inputs)
    x = layers.AlphaDropout(0.1)(x)
    x = layers.Dense(16, activation="selu", kernel_initializer="lecun_normal")(x)
    outputs = {name: layers.Dense(1, name=name)(x) for name in ("low", "median", "high")}
    model = keras.Model(inputs, outputs)
    model.compile("adam", "mae")
    return model


@architecture
def linear_regression() -> keras.Model:
    normalize = layers.Normalization()
    normalize.adapt(np.random.default_rng(0).normal(size=(16, 9)))
    model = keras.Sequential([keras.Input((9,)), normalize, layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.1), "mean_absolute_error")
    return model


@architecture
def linear_autoencoder() -> keras.Model:
    """A linear bottleneck between two linear maps: PCA, and low-rank factorisation."""
    inputs = keras.Input((32,))
    encoded = layers.Dense(4, name="encoder")(inputs)
    model = keras.Model(inputs, layers.Dense(32, name="decoder")(encoded))
    model.compile("adam", "mse")
    return model


@architecture
def ordinal_multi_label() -> keras.Model:
    """Sigmoid over many labels with binary cross-entropy."""
    inputs = keras.Input((16,))
    x = layers.Dense(32)(inputs)
    x = layers.PReLU()(x)
    model = keras.Model(inputs, layers.Dense(9, activation="sigmoid")(x))
    model.compile("adam", keras.losses.BinaryFocalCrossentropy(), metrics=["binary_accuracy"])
    return model


@architecture
def metric_learning_softmax() -> keras.Model:
    """Cosine logits with temperature, through normalisation."""
    inputs = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D()(conv_bn(inputs, 8))
    x = layers.UnitNormalization()(layers.Dense(8)(x))
    x = layers.Dense(4, use_bias=False, kernel_constraint="unit_norm")(x)
    model = keras.Model(inputs, layers.Softmax()(x * 16.0))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model
