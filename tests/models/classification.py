"""Images and points into classes."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from tests.models.registry import architecture


@architecture
def lenet() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(6, 5, activation="tanh", padding="same"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="tanh"),
            layers.Dense(84, activation="tanh"),
            layers.Dense(10),
            layers.Softmax(),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@architecture
def vgg_logits() -> keras.Model:
    """Logits and a loss that knows it, L2 and dropout in the head."""
    inputs = keras.Input((32, 32, 3))
    x = inputs
    for filters in (8, 16, 16):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(32, activation="relu", kernel_regularizer="l2")(x)
    x = layers.Dropout(0.5)(x)
    model = keras.Model(inputs, layers.Dense(10)(x))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def conv_bn(x, filters, kernel=3, strides=1, activation="relu"):
    x = layers.Conv2D(filters, kernel, strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.Activation(activation)(x) if activation else x


@architecture
def resnet_preactivation() -> keras.Model:
    """ResNet v2: normalisation and activation first, linear shortcuts, zero-initialised last gamma."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, 3, padding="same")(inputs)
    for stage, filters in enumerate((8, 16)):
        for block in range(2):
            strides = 2 if stage and not block else 1
            y = layers.BatchNormalization()(x)
            y = layers.ReLU()(y)
            shortcut = layers.Conv2D(filters * 2, 1, strides)(y) if not block else x
            y = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(y)
            y = layers.BatchNormalization()(y)
            y = layers.ReLU()(y)
            y = layers.Conv2D(filters * 2, 1)(y)
            x = layers.Add()([shortcut, y])
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "categorical_crossentropy", metrics=["accuracy"])
    return model


@architecture
def residual_zero_gamma() -> keras.Model:
    """Residual branches that start as zero: BatchNormalization with gamma 0, a Dense head that starts at zero."""
    inputs = keras.Input((16, 16, 8))
    x = inputs
    for _ in range(2):
        y = conv_bn(x, 8)
        y = layers.Conv2D(8, 3, padding="same", use_bias=False)(y)
        y = layers.BatchNormalization(gamma_initializer="zeros")(y)
        x = layers.ReLU()(x + y)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(5, activation="softmax", kernel_initializer="zeros")(x))
    model.compile("adamw", keras.losses.CategoricalCrossentropy(label_smoothing=0.1))
    return model


@architecture
def squeeze_and_excite() -> keras.Model:
    inputs = keras.Input((16, 16, 3))
    x = conv_bn(inputs, 16, activation="swish")
    for _ in range(2):
        gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
        gate = layers.Conv2D(4, 1, activation="swish")(gate)
        gate = layers.Conv2D(16, 1, activation="sigmoid")(gate)
        y = layers.Multiply()([x, gate])
        y = layers.Conv2D(16, 1, padding="same", use_bias=False)(y)
        y = layers.BatchNormalization()(y)
        y = layers.Dropout(0.2, noise_shape=(None, 1, 1, 1))(y)
        x = layers.Add()([x, y])
    x = layers.GlobalAveragePooling2D()(x)
    gate = layers.Dense(4, activation="relu")(x)
    gate = layers.Dense(16, activation="sigmoid")(gate)
    x = layers.Multiply()([x, layers.Reshape((16,))(gate)])
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    model.compile("rmsprop", "categorical_crossentropy")
    return model


@architecture
def inverted_residual() -> keras.Model:
    """MobileNet v2/v3 blocks: linear bottlenecks, depthwise convolutions, hard activations."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = conv_bn(x, 8, strides=2, activation="hard_swish")
    for _ in range(2):
        y = conv_bn(x, 24, 1, activation="relu6")
        y = layers.ZeroPadding2D(1)(y)
        y = layers.DepthwiseConv2D(3, padding="valid", use_bias=False)(y)
        y = layers.BatchNormalization()(y)
        y = layers.ReLU(6.0)(y)
        y = layers.Conv2D(8, 1, use_bias=False)(y)
        y = layers.BatchNormalization()(y)
        x = layers.Add()([x, y])
    x = layers.SeparableConv2D(16, 3, activation="relu")(x)
    x = layers.GlobalMaxPooling2D()(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["AUC"])
    return model


@architecture
def convnext() -> keras.Model:
    """Depthwise 7x7, LayerNormalization, two pointwise Dense layers, a patchify stem and linear downsampling."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, 4, 4)(inputs)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    for filters in (8, 16):
        if filters > 8:
            x = layers.LayerNormalization(epsilon=1e-6)(x)
            x = layers.Conv2D(filters, 2, 2)(x)
        for _ in range(2):
            y = layers.DepthwiseConv2D(7, padding="same")(x)
            y = layers.LayerNormalization(epsilon=1e-6)(y)
            y = layers.Dense(4 * filters)(y)
            y = layers.Activation("gelu")(y)
            y = layers.Dense(filters)(y)
            x = layers.Add()([x, y])
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    model = keras.Model(inputs, layers.Dense(10)(x))
    model.compile("adamw", keras.losses.CategoricalCrossentropy(from_logits=True))
    return model


@architecture
def convmixer() -> keras.Model:
    """keras.io: activation, then BatchNormalization, depthwise then pointwise."""

    def block(x):
        return layers.BatchNormalization()(layers.Activation("gelu")(x))

    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(scale=1.0 / 255)(inputs)
    x = block(layers.Conv2D(16, 2, strides=2)(x))
    for _ in range(2):
        x0 = x
        x = layers.DepthwiseConv2D(5, padding="same")(x)
        x = layers.Add()([block(x), x0])
        x = block(layers.Conv2D(16, 1)(x))
    x = layers.GlobalAvgPool2D()(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    model.compile("adamw", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@architecture
def inception() -> keras.Model:
    """Parallel branches and an auxiliary classifier."""
    inputs = keras.Input((32, 32, 3))
    x = conv_bn(inputs, 8)
    auxiliary = None
    for _ in range(2):
        branches = [
            conv_bn(x, 4, 1),
            conv_bn(conv_bn(x, 4, 1), 8, 3),
            conv_bn(conv_bn(x, 4, 1), 4, 5),
            conv_bn(layers.MaxPooling2D(3, strides=1, padding="same")(x), 4, 1),
        ]
        x = layers.Concatenate()(branches)
        if auxiliary is None:
            y = layers.AveragePooling2D(5, strides=3)(x)
            y = layers.Flatten()(conv_bn(y, 4, 1))
            y = layers.Dense(16, activation="relu")(y)
            y = layers.Dropout(0.7)(y)
            auxiliary = layers.Dense(10, activation="softmax", name="auxiliary")(y)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.4)(x)
    model = keras.Model(inputs, [layers.Dense(10, activation="softmax", name="main")(x), auxiliary])
    model.compile("adam", ["categorical_crossentropy"] * 2, loss_weights=[1.0, 0.3])
    return model


@architecture
def densenet() -> keras.Model:
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, padding="same")(inputs)
    for _ in range(2):
        for _ in range(3):
            y = layers.ReLU()(layers.BatchNormalization()(x))
            y = layers.Conv2D(16, 1, use_bias=False)(y)
            y = layers.ReLU()(layers.BatchNormalization()(y))
            y = layers.Conv2D(4, 3, padding="same", use_bias=False)(y)
            x = layers.Concatenate()([x, y])
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Conv2D(8, 1)(x)
        x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)
    model = keras.Model(inputs, layers.Dense(7, activation="softmax")(x))
    model.compile("nadam", "sparse_categorical_crossentropy")
    return model


@architecture
def transfer_learning() -> keras.Model:
    """keras.io: a frozen backbone called with training=False, augmentation in front."""
    base = keras.applications.MobileNetV2((64, 64, 3), alpha=0.35, include_top=False, weights=None)
    base.trainable = False
    augmentation = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)])
    inputs = keras.Input((64, 64, 3))
    x = augmentation(inputs)
    x = layers.Rescaling(scale=1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    model = keras.Model(inputs, layers.Dense(1)(x))
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=["binary_accuracy"])
    return model


@architecture
def fine_tuning_top_layers() -> keras.Model:
    """The last layers of a backbone unfrozen, BatchNormalization kept frozen; the head directly on its output."""
    base = keras.applications.MobileNet((64, 64, 3), alpha=0.25, include_top=False, weights=None, pooling="avg")
    for layer in base.layers[:-10]:
        layer.trainable = False
    for layer in base.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    x = layers.Dense(32, activation="relu")(base.output)
    x = layers.BatchNormalization()(x)
    x = layers.Dropout(0.3)(x)
    model = keras.Model(base.input, layers.Dense(4, activation="softmax")(x))
    model.compile(keras.optimizers.Adam(1e-5), "sparse_categorical_crossentropy")
    return model


@architecture
def sequential_around_backbone() -> keras.Model:
    base = keras.applications.DenseNet121(input_shape=(64, 64, 3), include_top=False, weights=None)
    base.trainable = False
    model = keras.Sequential(
        [keras.Input((64, 64, 3)), base, layers.Flatten(), layers.Dense(16, "relu"), layers.Dense(6, "softmax")]
    )
    model.compile("adam", "categorical_crossentropy")
    return model


@architecture
def point_net() -> keras.Model:
    """keras.io: a transformation net that starts as identity (zero kernel, flattened identity bias) and a dot."""

    def tnet(x, size):
        y = layers.ReLU()(layers.BatchNormalization(momentum=0.0)(layers.Conv1D(8, 1, padding="valid")(x)))
        y = layers.GlobalMaxPooling1D()(y)
        y = layers.ReLU()(layers.BatchNormalization(momentum=0.0)(layers.Dense(8)(y)))
        bias = keras.initializers.Constant(np.eye(size).flatten())
        y = layers.Dense(size * size, kernel_initializer="zeros", bias_initializer=bias)(y)
        return layers.Dot(axes=(2, 1))([x, layers.Reshape((size, size))(y)])

    inputs = keras.Input((64, 3))
    x = tnet(inputs, 3)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.0)(layers.Conv1D(8, 1)(x)))
    x = tnet(x, 8)
    x = layers.GlobalMaxPooling1D()(layers.Conv1D(16, 1, activation="relu")(x))
    x = layers.Dropout(0.3)(layers.Dense(8, activation="relu")(x))
    model = keras.Model(inputs, layers.Dense(4, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model
