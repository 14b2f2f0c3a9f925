"""Two or more inputs through one encoder."""

from __future__ import annotations

import keras
from keras import layers, ops

from tests.models.classification import conv_bn
from tests.models.registry import architecture


@architecture
def siamese_triplet() -> keras.Model:
    """keras.io: one embedding network on three inputs, frozen backbone layers, a distance layer."""

    @keras.saving.register_keras_serializable("architectures")
    class Distance(layers.Layer):
        def call(self, anchor, positive, negative):
            return ops.sum(ops.square(anchor - positive), -1), ops.sum(ops.square(anchor - negative), -1)

    shape = (16, 16, 3)
    image = keras.Input(shape)
    x = conv_bn(image, 8)
    x = layers.Flatten()(x)
    x = layers.Dense(32, activation="relu")(x)
    x = layers.Dense(16, activation="relu")(x)
    embedding = keras.Model(image, layers.Dense(8)(x), name="embedding")
    for layer in embedding.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    anchor, positive, negative = (keras.Input(shape, name=name) for name in ("anchor", "positive", "negative"))
    distances = Distance()(embedding(anchor), embedding(positive), embedding(negative))
    return keras.Model([anchor, positive, negative], distances)


@architecture
def siamese_contrastive() -> keras.Model:
    """keras.io: BatchNormalization inside the shared tower and after the distance."""
    inputs = keras.Input((28, 28, 1))
    x = layers.BatchNormalization()(inputs)
    x = layers.Conv2D(4, 5, activation="tanh")(x)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Conv2D(8, 5, activation="tanh")(x)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.BatchNormalization()(x)
    tower = keras.Model(inputs, layers.Dense(10, activation="tanh")(x))
    left, right = keras.Input((28, 28, 1)), keras.Input((28, 28, 1))
    a, b = tower(left), tower(right)
    distance = ops.sqrt(ops.maximum(ops.sum(ops.square(a - b), axis=1, keepdims=True), keras.config.epsilon()))
    distance = layers.BatchNormalization()(distance)
    model = keras.Model([left, right], layers.Dense(1, activation="sigmoid")(distance))
    model.compile("RMSprop", "binary_crossentropy", metrics=["accuracy"])
    return model


@architecture
def simclr() -> keras.Model:
    """Two augmented views through one encoder and projection head."""
    encoder = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(8, 3, 2, activation="relu"),
            layers.Conv2D(8, 3, 2, activation="relu"),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
        ],
        name="encoder",
    )
    head = keras.Sequential([keras.Input((16,)), layers.Dense(16, activation="relu"), layers.Dense(16)], name="head")
    augment = keras.Sequential(
        [keras.Input((16, 16, 3)), layers.Rescaling(1 / 255), layers.RandomFlip(), layers.RandomTranslation(0.2, 0.2)]
    )
    images = keras.Input((16, 16, 3))
    first, second = (ops.normalize(head(encoder(augment(images))), axis=1) for _ in range(2))
    similarity = ops.matmul(first, ops.transpose(second)) / 0.1
    return keras.Model(images, similarity)
