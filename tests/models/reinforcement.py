"""Policies and values."""

from __future__ import annotations

import keras
from keras import layers, ops

from tests.models.classification import conv_bn
from tests.models.registry import architecture


@architecture
def atari_dqn() -> keras.Model:
    """keras.io: frames first, transposed to channels last; linear values; Huber loss."""
    model = keras.Sequential(
        [
            keras.Input((4, 84, 84)),
            layers.Permute((2, 3, 1)),
            layers.Conv2D(8, 8, strides=4, activation="relu"),
            layers.Conv2D(16, 4, strides=2, activation="relu"),
            layers.Conv2D(16, 3, strides=1, activation="relu"),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(4, activation="linear"),
        ]
    )
    model.compile(keras.optimizers.Adam(2.5e-4, clipnorm=1.0), keras.losses.Huber())
    return model


@architecture
def duelling_dqn() -> keras.Model:
    inputs = keras.Input((8,))
    x = layers.Dense(32, activation="relu")(inputs)
    value = layers.Dense(1)(layers.Dense(16, activation="relu")(x))
    advantage = layers.Dense(4)(layers.Dense(16, activation="relu")(x))
    outputs = value + (advantage - ops.mean(advantage, axis=1, keepdims=True))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "mse")
    return model


@architecture
def actor_critic() -> keras.Model:
    inputs = keras.Input((4,))
    common = layers.Dense(32, activation="relu")(inputs)
    return keras.Model(inputs, [layers.Dense(2, activation="softmax")(common), layers.Dense(1)(common)])


@architecture
def ddpg_actor() -> keras.Model:
    """tanh scaled to the bound of the action."""
    inputs = keras.Input((3,))
    x = layers.Dense(32, activation="relu")(inputs)
    x = layers.Dense(32, activation="relu")(x)
    last = keras.initializers.RandomUniform(-0.003, 0.003)
    return keras.Model(inputs, layers.Dense(1, activation="tanh", kernel_initializer=last)(x) * 2.0)


@architecture
def ddpg_critic() -> keras.Model:
    state, action = keras.Input((3,)), keras.Input((1,))
    a = layers.Dense(16, activation="relu")(layers.Dense(16, activation="relu")(state))
    b = layers.Dense(16, activation="relu")(action)
    x = layers.Concatenate()([a, b])
    x = layers.Dense(32, activation="relu")(layers.Dense(32, activation="relu")(x))
    return keras.Model([state, action], layers.Dense(1)(x))


@architecture
def alpha_zero() -> keras.Model:
    """Policy and value heads, the value through tanh."""
    inputs = keras.Input((8, 8, 3))
    x = conv_bn(inputs, 8)
    for _ in range(2):
        x = layers.ReLU()(layers.Add()([x, conv_bn(conv_bn(x, 8), 8, activation=None)]))
    policy = layers.Flatten()(conv_bn(x, 2, 1))
    policy = layers.Dense(64, activation="softmax", name="policy")(policy)
    value = layers.Flatten()(conv_bn(x, 1, 1))
    value = layers.Dense(16, activation="relu")(value)
    value = layers.Dense(1, activation="tanh", name="value")(value)
    model = keras.Model(inputs, [policy, value])
    model.compile("adam", {"policy": "categorical_crossentropy", "value": "mse"})
    return model
