"""Public architectures as they are usually written, and whether a default rule reports an error or warning on one.

    python tests/benchmarks/architectures.py [--only NAME]... [--train]

Each is built small, compiled where a training script would compile it, and checked in memory and as a saved file.
``--train`` trains each for some steps on random data before. Exits with 1 when something was reported.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras
import numpy as np
from keras import layers, ops

from tests.benchmarks.applications_gate import findings

ARCHITECTURES: dict[str, Callable[[], keras.Model]] = {}


def architecture(build: Callable[[], keras.Model]) -> Callable[[], keras.Model]:
    ARCHITECTURES[build.__name__] = build
    return build


# -- images -----------------------------------------------------------------------------------------------------------


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
def unet_xception() -> keras.Model:
    """keras.io oxford pets: separable convolutions, residuals, upsampling."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    previous = x
    for filters in (16, 32):
        for _ in range(2):
            x = layers.Activation("relu")(x)
            x = layers.SeparableConv2D(filters, 3, padding="same")(x)
            x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        residual = layers.Conv2D(filters, 1, strides=2, padding="same")(previous)
        x = layers.add([x, residual])
        previous = x
    for filters in (32, 16, 8):
        for _ in range(2):
            x = layers.Activation("relu")(x)
            x = layers.Conv2DTranspose(filters, 3, padding="same")(x)
            x = layers.BatchNormalization()(x)
        x = layers.UpSampling2D(2)(x)
        residual = layers.UpSampling2D(2)(previous)
        residual = layers.Conv2D(filters, 1, padding="same")(residual)
        x = layers.add([x, residual])
        previous = x
    model = keras.Model(inputs, layers.Conv2D(3, 3, activation="softmax", padding="same")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def unet_classic() -> keras.Model:
    inputs = keras.Input((32, 32, 1))
    x, skips = inputs, []
    for filters in (4, 8):
        x = layers.Conv2D(filters, 3, activation="relu", padding="same", kernel_initializer="he_normal")(x)
        x = layers.Conv2D(filters, 3, activation="relu", padding="same", kernel_initializer="he_normal")(x)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.5)(layers.Conv2D(16, 3, activation="relu", padding="same")(x))
    for filters in (8, 4):
        x = layers.Conv2DTranspose(filters, 2, strides=2, padding="same")(x)
        x = layers.concatenate([x, skips.pop()])
        x = layers.Conv2D(filters, 3, activation="relu", padding="same")(x)
    model = keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x))
    model.compile(keras.optimizers.Adam(1e-4), "binary_crossentropy", metrics=["accuracy"])
    return model


@architecture
def attention_unet() -> keras.Model:
    """Additive attention gates on the skips: two 1x1 convolutions summed, psi, upsampled gate."""
    inputs = keras.Input((32, 32, 3))
    skip = conv_bn(inputs, 8)
    x = conv_bn(layers.MaxPooling2D()(skip), 16)
    theta = layers.Conv2D(8, 2, strides=2, padding="same")(skip)
    phi = layers.Conv2D(8, 1, padding="same")(x)
    gate = layers.Activation("relu")(layers.add([theta, phi]))
    gate = layers.Conv2D(1, 1, padding="same")(gate)
    gate = layers.UpSampling2D()(layers.Activation("sigmoid")(gate))
    y = layers.multiply([skip, gate])
    x = layers.concatenate([layers.UpSampling2D()(x), y])
    model = keras.Model(inputs, layers.Conv2D(4, 1, activation="softmax")(conv_bn(x, 8)))
    model.compile("adam", "categorical_crossentropy")
    return model


@architecture
def deeplab() -> keras.Model:
    """keras.io: dilated pyramid with image pooling, low-level skip, logits at the end."""

    def block(x, filters, kernel=3, rate=1):
        x = layers.Conv2D(filters, kernel, dilation_rate=rate, padding="same", use_bias=False)(x)
        return ops.nn.relu(layers.BatchNormalization()(x))

    def pyramid(x):
        dims = x.shape
        y = layers.AveragePooling2D(pool_size=(dims[-3], dims[-2]))(x)
        y = layers.Conv2D(8, 1, padding="same", use_bias=True)(y)
        y = ops.nn.relu(layers.BatchNormalization()(y))
        pool = layers.UpSampling2D((dims[-3] // y.shape[1], dims[-2] // y.shape[2]), interpolation="bilinear")(y)
        return block(layers.Concatenate()([pool, *(block(x, 8, rate=rate) for rate in (1, 6, 12))]), 8, 1)

    inputs = keras.Input((64, 64, 3))
    low = block(layers.MaxPooling2D(2)(block(inputs, 8)), 8)
    high = block(layers.MaxPooling2D(4)(low), 16)
    a = layers.UpSampling2D(4, interpolation="bilinear")(pyramid(high))
    b = block(low, 4, 1)
    x = layers.Concatenate()([a, b])
    x = block(block(x, 8), 8)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    model = keras.Model(inputs, layers.Conv2D(5, 1, padding="same")(x))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


@architecture
def feature_pyramid() -> keras.Model:
    """RetinaNet: linear lateral and output convolutions, shared heads over all levels, prior-probability bias."""
    inputs = keras.Input((64, 64, 3))
    c3 = conv_bn(conv_bn(inputs, 8, strides=2), 8, strides=2)
    c4 = conv_bn(c3, 16, strides=2)
    c5 = conv_bn(c4, 32, strides=2)
    p3, p4, p5 = (layers.Conv2D(8, 1, padding="same")(c) for c in (c3, c4, c5))
    p4 = p4 + layers.UpSampling2D(2)(p5)
    p3 = p3 + layers.UpSampling2D(2)(p4)
    p3, p4, p5 = (layers.Conv2D(8, 3, padding="same")(p) for p in (p3, p4, p5))
    p6 = layers.Conv2D(8, 3, 2, padding="same")(c5)
    p7 = layers.Conv2D(8, 3, 2, padding="same")(ops.relu(p6))

    def head(filters, bias, name):
        head = keras.Sequential([keras.Input((None, None, 8))], name=name)
        for _ in range(2):
            head.add(layers.Conv2D(8, 3, padding="same", kernel_initializer=keras.initializers.RandomNormal(0.0, 0.01)))
            head.add(layers.ReLU())
        head.add(layers.Conv2D(filters, 3, padding="same", bias_initializer=bias))
        return head

    classes = head(9 * 4, keras.initializers.Constant(-np.log(0.99 / 0.01)), "classes")
    boxes = head(9 * 4, "zeros", "boxes")
    levels = [p3, p4, p5, p6, p7]
    class_out = layers.Concatenate(axis=1)([layers.Reshape((-1, 4))(classes(p)) for p in levels])
    box_out = layers.Concatenate(axis=1)([layers.Reshape((-1, 4))(boxes(p)) for p in levels])
    return keras.Model(inputs, layers.Concatenate(axis=-1)([box_out, class_out]), name="retinanet")


@architecture
def yolo_like() -> keras.Model:
    """Detection heads at two scales, LeakyReLU, reshaped raw outputs."""

    def block(x, filters, kernel=3, strides=1):
        x = layers.Conv2D(filters, kernel, strides, padding="same", use_bias=False)(x)
        return layers.LeakyReLU(negative_slope=0.1)(layers.BatchNormalization()(x))

    inputs = keras.Input((64, 64, 3))
    a = block(block(block(inputs, 8, 3, 2), 16, 3, 2), 16, 3, 2)
    b = block(a, 32, 3, 2)
    head = layers.Conv2D(3 * 9, 1)(block(b, 16, 1))
    low = layers.Reshape((4, 4, 3, 9), name="low")(head)
    up = layers.UpSampling2D()(block(b, 8, 1))
    head = layers.Conv2D(3 * 9, 1)(block(layers.Concatenate()([up, a]), 16))
    return keras.Model(inputs, [layers.Reshape((8, 8, 3, 9), name="high")(head), low])


@architecture
def super_resolution() -> keras.Model:
    """keras.io ESPCN: convolutions, then depth to space by reshape and transpose."""
    inputs = keras.Input((None, None, 1))
    settings = {"activation": "relu", "kernel_initializer": "orthogonal", "padding": "same"}
    x = layers.Conv2D(16, 5, **settings)(inputs)
    x = layers.Conv2D(16, 3, **settings)(x)
    x = layers.Conv2D(8, 3, **settings)(x)
    x = layers.Conv2D(9, 3, **settings)(x)
    model = keras.Model(inputs, layers.Conv2DTranspose(1, 3, strides=3, padding="same")(x))
    model.compile("adam", "mean_squared_error")
    return model


@architecture
def pixel_shuffle() -> keras.Model:
    """EDSR with a proper pixel shuffle: Reshape, Permute, Reshape."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Rescaling(scale=1.0 / 255)(inputs)
    x = skip = layers.Conv2D(8, 3, padding="same")(x)
    for _ in range(2):
        y = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
        y = layers.Conv2D(8, 3, padding="same")(y)
        x = layers.Add()([x, y])
    x = layers.Conv2D(8, 3, padding="same")(x)
    x = layers.Add()([x, skip])
    x = layers.Conv2D(8 * 4, 3, padding="same")(x)
    x = layers.Reshape((8, 8, 2, 2, 8))(x)
    x = layers.Permute((1, 3, 2, 4, 5))(x)
    x = layers.Reshape((16, 16, 8))(x)
    x = layers.Conv2D(3, 3, padding="same")(x)
    model = keras.Model(inputs, layers.Rescaling(scale=255)(x))
    model.compile("adam", "mae")
    return model


@architecture
def denoising_autoencoder() -> keras.Model:
    inputs = keras.Input((28, 28, 1))
    x = layers.Conv2D(8, 3, activation="relu", padding="same")(inputs)
    x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.Conv2D(8, 3, activation="relu", padding="same")(x)
    x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.Conv2DTranspose(8, 3, strides=2, activation="relu", padding="same")(x)
    x = layers.Conv2DTranspose(8, 3, strides=2, activation="relu", padding="same")(x)
    model = keras.Model(inputs, layers.Conv2D(1, 3, activation="sigmoid", padding="same")(x))
    model.compile("adam", "binary_crossentropy")
    return model


@architecture
def pix2pix_generator() -> keras.Model:
    """Down to 1x1 and up again, instance-like GroupNormalization, dropout on the way up, tanh."""
    inputs = keras.Input((16, 16, 3))
    x, skips = inputs, []
    for index, filters in enumerate((8, 16, 16, 16)):
        x = layers.Conv2D(filters, 4, strides=2, padding="same", use_bias=False)(x)
        if index:
            x = layers.BatchNormalization()(x)
        x = layers.LeakyReLU()(x)
        skips.append(x)
    for filters, skip in zip((16, 16, 8), reversed(skips[:-1]), strict=True):
        x = layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Dropout(0.5)(x)
        x = layers.ReLU()(x)
        x = layers.Concatenate()([x, skip])
    last = layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh")
    return keras.Model(inputs, last(x))


@architecture
def pix2pix_discriminator() -> keras.Model:
    source, target = keras.Input((32, 32, 3), name="input_image"), keras.Input((32, 32, 3), name="target_image")
    x = layers.concatenate([source, target])
    for filters in (8, 16):
        x = layers.LeakyReLU()(layers.Conv2D(filters, 4, strides=2, padding="same", use_bias=False)(x))
    x = layers.ZeroPadding2D()(x)
    x = layers.Conv2D(32, 4, strides=1, use_bias=False)(x)
    x = layers.LeakyReLU()(layers.BatchNormalization()(x))
    x = layers.ZeroPadding2D()(x)
    return keras.Model([source, target], layers.Conv2D(1, 4, strides=1)(x))


@architecture
def combined_gan() -> keras.Model:
    """The classical generator-through-frozen-discriminator model."""
    generator = keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dense(7 * 7 * 8, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Reshape((7, 7, 8)),
            layers.Conv2DTranspose(8, 5, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(1, 5, strides=2, padding="same", use_bias=False, activation="tanh"),
        ],
        name="generator",
    )
    discriminator = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 5, strides=2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="discriminator",
    )
    discriminator.trainable = False
    noise = keras.Input((16,))
    model = keras.Model(noise, discriminator(generator(noise)))
    model.compile("adam", "binary_crossentropy")
    return model


@architecture
def conditional_generator() -> keras.Model:
    label = keras.Input((1,), dtype="int32", name="label")
    noise = keras.Input((16,), name="noise")
    x = layers.Embedding(10, 8)(label)
    x = layers.Dense(7 * 7)(x)
    x = layers.Reshape((7, 7, 1))(x)
    y = layers.Dense(7 * 7 * 4)(noise)
    y = layers.LeakyReLU(negative_slope=0.2)(y)
    y = layers.Reshape((7, 7, 4))(y)
    z = layers.Concatenate()([y, x])
    z = layers.Conv2DTranspose(8, 4, strides=2, padding="same")(z)
    z = layers.LeakyReLU(negative_slope=0.2)(z)
    return keras.Model([noise, label], layers.Conv2D(1, 7, activation="tanh", padding="same")(z))


@architecture
def diffusion_unet() -> keras.Model:
    """DDPM: time embedding by sines, added over space, residual blocks with GroupNormalization, attention."""

    @keras.saving.register_keras_serializable("architectures")
    class SinusoidalEmbedding(layers.Layer):
        def call(self, time):
            frequencies = ops.exp(ops.linspace(0.0, 5.0, 8))
            angles = ops.expand_dims(time, -1) * frequencies
            return ops.concatenate([ops.sin(angles), ops.cos(angles)], -1)

    image = keras.Input((16, 16, 3), name="image")
    time = keras.Input((), name="time")
    embedding = SinusoidalEmbedding()(time)
    embedding = layers.Dense(32, activation="swish")(embedding)
    embedding = layers.Dense(32)(embedding)

    def residual(x, width):
        skip = x if x.shape[-1] == width else layers.Conv2D(width, 1)(x)
        t = layers.Dense(width)(ops.silu(embedding))[:, None, None, :]
        x = layers.GroupNormalization(4)(x) if x.shape[-1] % 4 == 0 else x
        x = layers.Conv2D(width, 3, padding="same")(ops.silu(x))
        x = layers.Add()([x, t])
        x = ops.silu(layers.GroupNormalization(4)(x))
        x = layers.Conv2D(width, 3, padding="same", kernel_initializer="zeros")(x)
        return layers.Add()([x, skip])

    x = layers.Conv2D(8, 3, padding="same")(image)
    x = skip = residual(x, 8)
    x = layers.AveragePooling2D(2)(x)
    x = residual(x, 16)
    y = layers.GroupNormalization(4)(x)
    y = layers.Reshape((64, 16))(y)
    y = layers.MultiHeadAttention(2, 8)(y, y)
    x = layers.Add()([x, layers.Reshape((8, 8, 16))(y)])
    x = layers.UpSampling2D(interpolation="bilinear")(x)
    x = residual(layers.Concatenate()([x, skip]), 8)
    x = ops.silu(layers.GroupNormalization(4)(x))
    return keras.Model([image, time], layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros")(x))


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


@architecture
def variational_autoencoder_parts() -> keras.Model:
    """Encoder with three outputs, reparameterisation by a custom layer, decoder."""

    @keras.saving.register_keras_serializable("architectures")
    class Sampling(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seed_generator = keras.random.SeedGenerator(1337)

        def call(self, inputs):
            mean, log_var = inputs
            epsilon = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
            return mean + ops.exp(0.5 * log_var) * epsilon

    inputs = keras.Input((28, 28, 1))
    x = layers.Conv2D(8, 3, activation="relu", strides=2, padding="same")(inputs)
    x = layers.Flatten()(x)
    x = layers.Dense(16, activation="relu")(x)
    mean, log_var = layers.Dense(2, name="z_mean")(x), layers.Dense(2, name="z_log_var")(x)
    encoder = keras.Model(inputs, [mean, log_var, Sampling()([mean, log_var])], name="encoder")
    latent = keras.Input((2,))
    x = layers.Dense(7 * 7 * 8, activation="relu")(latent)
    x = layers.Reshape((7, 7, 8))(x)
    x = layers.Conv2DTranspose(8, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Conv2DTranspose(8, 3, activation="relu", strides=2, padding="same")(x)
    decoder = keras.Model(latent, layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(x), name="decoder")
    mean, log_var, z = encoder(inputs)
    return keras.Model(inputs, [decoder(z), mean, log_var])


@architecture
def vae_end_to_end() -> keras.Model:
    """encoder(inputs)[2] only: mean and variance go to a loss added by a subclass elsewhere."""
    return variational_autoencoder_parts().get_layer("encoder")


@architecture
def vector_quantized_autoencoder() -> keras.Model:
    """keras.io VQ-VAE: a straight-through estimator and losses in a custom layer."""

    @keras.saving.register_keras_serializable("architectures")
    class VectorQuantizer(layers.Layer):
        def __init__(self, num_embeddings, dim, **kwargs):
            super().__init__(**kwargs)
            self.num_embeddings, self.dim = num_embeddings, dim

        def build(self, shape):
            self.codes = self.add_weight(shape=(self.dim, self.num_embeddings), initializer="uniform", name="codes")

        def call(self, x):
            flat = ops.reshape(x, (-1, self.dim))
            nearest = ops.argmin(ops.sum(self.codes**2, 0) - 2 * ops.matmul(flat, self.codes), 1)
            quantized = ops.reshape(ops.take(ops.transpose(self.codes), nearest, 0), ops.shape(x))
            self.add_loss(0.25 * ops.mean((ops.stop_gradient(quantized) - x) ** 2))
            self.add_loss(ops.mean((quantized - ops.stop_gradient(x)) ** 2))
            return x + ops.stop_gradient(quantized - x)

        def compute_output_shape(self, shape):
            return shape

        def get_config(self):
            return {**super().get_config(), "num_embeddings": self.num_embeddings, "dim": self.dim}

    inputs = keras.Input((16, 16, 1))
    x = layers.Conv2D(8, 3, 2, activation="relu", padding="same")(inputs)
    x = layers.Conv2D(4, 1, padding="same")(x)
    x = VectorQuantizer(16, 4)(x)
    x = layers.Conv2DTranspose(8, 3, strides=2, activation="relu", padding="same")(x)
    model = keras.Model(inputs, layers.Conv2DTranspose(1, 3, padding="same")(x))
    model.compile("adam", "mse")
    return model


@architecture
def style_transfer() -> keras.Model:
    """Reflect padding by ops, instance normalisation, residual blocks, resize-convolution."""

    def block(x, filters, kernel, strides=1, activation=True):
        pad = kernel // 2
        x = ops.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="reflect")
        x = layers.Conv2D(filters, kernel, strides)(x)
        x = layers.GroupNormalization(groups=-1)(x)
        return layers.ReLU()(x) if activation else x

    inputs = keras.Input((32, 32, 3))
    x = block(block(inputs, 8, 9), 16, 3, 2)
    for _ in range(2):
        x = x + block(block(x, 16, 3), 16, 3, activation=False)
    x = block(layers.UpSampling2D()(x), 8, 3)
    x = layers.Conv2D(3, 9, padding="same", activation="tanh")(x)
    return keras.Model(inputs, (x + 1) * 127.5)


@architecture
def nerf() -> keras.Model:
    """keras.io: an MLP on encoded positions with a skip; linear output."""
    inputs = keras.Input((32, 2 * 3 * 4 + 3))
    x = inputs
    for index in range(8):
        x = layers.Dense(16, activation="relu")(x)
        if index % 4 == 0 and index > 0:
            x = layers.concatenate([x, inputs], axis=-1)
    model = keras.Model(inputs, layers.Dense(4)(x))
    model.compile("adam", "mse")
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


# -- transformers -----------------------------------------------------------------------------------------------------


@architecture
def vision_transformer() -> keras.Model:
    """keras.io ViT: patches by strided convolution, learned positions, pre-norm blocks, MLP head."""

    @keras.saving.register_keras_serializable("architectures")
    class PatchEncoder(layers.Layer):
        def __init__(self, patches, dim, **kwargs):
            super().__init__(**kwargs)
            self.patches, self.dim = patches, dim
            self.projection = layers.Dense(dim)
            self.position = layers.Embedding(patches, dim)

        def build(self, shape):
            self.projection.build(shape)
            self.position.build(None)

        def call(self, patch):
            return self.projection(patch) + self.position(ops.expand_dims(ops.arange(0, self.patches), 0))

        def get_config(self):
            return {**super().get_config(), "patches": self.patches, "dim": self.dim}

    inputs = keras.Input((32, 32, 3))
    augmented = keras.Sequential(
        [layers.Normalization(), layers.Resizing(32, 32), layers.RandomFlip("horizontal"), layers.RandomZoom(0.2, 0.2)]
    )(inputs)
    x = layers.Conv2D(12, 8, strides=8)(augmented)
    x = layers.Reshape((16, 12))(x)
    x = PatchEncoder(16, 16)(x)
    for _ in range(2):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        y = layers.MultiHeadAttention(num_heads=2, key_dim=8, dropout=0.1)(y, y)
        x = layers.Add()([y, x])
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        y = layers.Dropout(0.1)(layers.Dense(32, activation=keras.activations.gelu)(y))
        y = layers.Dropout(0.1)(layers.Dense(16, activation=keras.activations.gelu)(y))
        x = layers.Add()([y, x])
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.5)(x)
    for units in (32, 16):
        x = layers.Dropout(0.5)(layers.Dense(units, activation=keras.activations.gelu)(x))
    model = keras.Model(inputs, layers.Dense(10)(x))
    model.compile(
        keras.optimizers.AdamW(1e-3, weight_decay=1e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(), keras.metrics.SparseTopKCategoricalAccuracy(5)],
    )
    return model


@keras.saving.register_keras_serializable("architectures")
class TokensAndPositions(layers.Layer):
    """keras.io: token and position embedding."""

    def __init__(self, length, vocabulary, dim, **kwargs):
        super().__init__(**kwargs)
        self.sizes = length, vocabulary, dim
        self.tokens = layers.Embedding(vocabulary, dim)
        self.positions = layers.Embedding(length, dim)

    def build(self, shape):
        self.tokens.build(shape)
        self.positions.build(None)

    def call(self, x):
        return self.tokens(x) + self.positions(ops.arange(0, ops.shape(x)[-1], 1))

    def get_config(self):
        length, vocabulary, dim = self.sizes
        return {**super().get_config(), "length": length, "vocabulary": vocabulary, "dim": dim}


@architecture
def text_transformer() -> keras.Model:
    inputs = keras.Input((20,))
    x = TokensAndPositions(20, 100, 16)(inputs)
    y = layers.Dropout(0.1)(layers.MultiHeadAttention(2, 16)(x, x))
    x = layers.LayerNormalization(epsilon=1e-6)(x + y)
    y = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(16)])(x)
    x = layers.LayerNormalization(epsilon=1e-6)(x + layers.Dropout(0.1)(y))
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dropout(0.1)(x)
    x = layers.Dropout(0.1)(layers.Dense(20, activation="relu")(x))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@architecture
def gpt() -> keras.Model:
    """Decoder only: causal attention, positions by ops, output tied to the embedding through its transpose."""
    inputs = keras.Input((16,), dtype="int32")
    tokens = layers.Embedding(50, 16)(inputs)
    positions = layers.Embedding(16, 16)(ops.arange(16))
    x = tokens + positions
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(2, 8)(y, y, use_causal_mask=True)
        y = layers.LayerNormalization()(x)
        x = x + layers.Dense(16)(layers.Dense(64, activation="gelu")(y))
    x = layers.LayerNormalization()(x)
    model = keras.Model(inputs, layers.Dense(50, use_bias=False)(x))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@architecture
def bert_masked_language_model() -> keras.Model:
    """Three inputs, post-norm, a padding mask passed by hand, a language and a sentence head."""
    ids = keras.Input((16,), dtype="int32", name="token_ids")
    segments = keras.Input((16,), dtype="int32", name="segment_ids")
    padding = keras.Input((16,), dtype="int32", name="padding_mask")
    x = layers.Embedding(50, 16)(ids) + layers.Embedding(2, 16)(segments)
    x = layers.Dropout(0.1)(layers.LayerNormalization()(x))
    mask = ops.expand_dims(padding, 1)
    for _ in range(2):
        y = layers.MultiHeadAttention(2, 8, dropout=0.1)(x, x, attention_mask=mask)
        x = layers.LayerNormalization()(x + y)
        y = layers.Dropout(0.1)(layers.Dense(16)(layers.Dense(32, activation="gelu")(x)))
        x = layers.LayerNormalization()(x + y)
    y = layers.LayerNormalization()(layers.Dense(16, activation="gelu")(x))
    language = layers.Dense(50, activation="softmax", name="language")(y)
    pooled = layers.Dense(16, activation="tanh", name="pooler")(x[:, 0, :])
    sentence = layers.Dense(2, activation="softmax", name="sentence")(pooled)
    model = keras.Model([ids, segments, padding], [language, sentence])
    model.compile("adamw", ["sparse_categorical_crossentropy", "sparse_categorical_crossentropy"])
    return model


@architecture
def translation_transformer() -> keras.Model:
    """keras.io: encoder and decoder with cross attention."""
    source = keras.Input((None,), dtype="int64", name="encoder_inputs")
    target = keras.Input((None,), dtype="int64", name="decoder_inputs")
    x = TokensAndPositions(20, 50, 16)(source)
    y = layers.MultiHeadAttention(2, 16)(x, x)
    x = layers.LayerNormalization()(x + y)
    encoded = layers.LayerNormalization()(x + layers.Dense(16)(layers.Dense(32, activation="relu")(x)))
    x = TokensAndPositions(20, 50, 16)(target)
    y = layers.MultiHeadAttention(2, 16)(query=x, value=x, key=x, use_causal_mask=True)
    x = layers.LayerNormalization()(x + y)
    y = layers.MultiHeadAttention(2, 16)(query=x, value=encoded, key=encoded)
    x = layers.LayerNormalization()(x + y)
    x = layers.LayerNormalization()(x + layers.Dense(16)(layers.Dense(32, activation="relu")(x)))
    x = layers.Dropout(0.5)(x)
    model = keras.Model([source, target], layers.Dense(50, activation="softmax")(x))
    model.compile("rmsprop", keras.losses.SparseCategoricalCrossentropy(ignore_class=0), metrics=["accuracy"])
    return model


@architecture
def llama_like() -> keras.Model:
    """RMSNormalization, grouped-query attention, SwiGLU: a gate and a linear branch multiplied, then a linear layer."""
    inputs = keras.Input((12,), dtype="int32")
    embedding = layers.ReversibleEmbedding(40, 16, tie_weights=True)
    x = embedding(inputs)
    for _ in range(2):
        y = layers.RMSNormalization()(x)
        y = layers.GroupQueryAttention(8, 4, 2)(y, y, use_causal_mask=True)
        x = layers.Add()([x, y])
        y = layers.RMSNormalization()(x)
        gate = layers.Dense(32, activation="silu", use_bias=False)(y)
        up = layers.Dense(32, use_bias=False)(y)
        x = layers.Add()([x, layers.Dense(16, use_bias=False)(layers.Multiply()([gate, up]))])
    x = layers.RMSNormalization()(x)
    return keras.Model(inputs, embedding(x, reverse=True))


@architecture
def attention_by_hand() -> keras.Model:
    """Query, key and value projections, scores, softmax, weighted sum in plain operations; output projection."""
    inputs = keras.Input((10, 16))
    query, key, value = (layers.Dense(16)(inputs) for _ in range(3))
    scores = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / np.sqrt(16.0)
    x = ops.matmul(ops.softmax(scores), value)
    x = layers.Dense(16)(x)
    x = layers.LayerNormalization()(x + inputs)
    model = keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(x)))
    model.compile("adam", "mae")
    return model


@architecture
def mlp_mixer() -> keras.Model:
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(16, 8, 8)(inputs)
    x = layers.Reshape((-1, 16))(x)
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        y = layers.Permute((2, 1))(y)
        y = layers.Dense(16)(layers.Dropout(0.1)(layers.Dense(32, activation="gelu")(y)))
        x = x + layers.Permute((2, 1))(y)
        y = layers.LayerNormalization()(x)
        x = x + layers.Dense(16)(layers.Dense(32, activation="gelu")(y))
    x = layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def gmlp() -> keras.Model:
    """A spatial gating unit: half of the channels projected over positions with bias one and a kernel near zero."""
    inputs = keras.Input((16, 8))
    x = inputs
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        y = layers.Dense(16, activation="gelu")(y)
        u, v = ops.split(y, 2, axis=2)
        v = layers.LayerNormalization()(v)
        v = layers.Permute((2, 1))(v)
        v = layers.Dense(16, bias_initializer="ones")(v)
        v = layers.Permute((2, 1))(v)
        x = x + layers.Dense(8)(u * v)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(x)))
    model.compile("adam", "categorical_crossentropy")
    return model


@architecture
def image_captioning() -> keras.Model:
    """A frozen image encoder, merged with an LSTM over a masked caption."""
    image = keras.Input((64,), name="features")
    a = layers.Dropout(0.5)(image)
    a = layers.Dense(16, activation="relu")(a)
    caption = keras.Input((12,), name="caption")
    b = layers.Embedding(50, 16, mask_zero=True)(caption)
    b = layers.Dropout(0.5)(b)
    b = layers.LSTM(16)(b)
    x = layers.add([a, b])
    x = layers.Dense(16, activation="relu")(x)
    model = keras.Model([image, caption], layers.Dense(50, activation="softmax")(x))
    model.compile("adam", "categorical_crossentropy")
    return model


@architecture
def two_tower_clip() -> keras.Model:
    """Image and text towers with projections: linear projection, gelu, linear, residual; similarity logits."""

    def project(x):
        projected = layers.Dense(16)(x)
        y = ops.gelu(projected)
        y = layers.Dropout(0.1)(layers.Dense(16)(y))
        return layers.LayerNormalization()(layers.Add()([projected, y]))

    image, text = keras.Input((32, 32, 3), name="image"), keras.Input((12,), dtype="int32", name="text")
    a = layers.GlobalAveragePooling2D()(conv_bn(image, 8, strides=2))
    b = layers.Bidirectional(layers.LSTM(8))(layers.Embedding(50, 8, mask_zero=True)(text))
    a, b = project(a), project(b)
    return keras.Model([image, text], ops.matmul(ops.normalize(a), ops.transpose(ops.normalize(b))) / 0.07)


@architecture
def perceiver() -> keras.Model:
    """Cross attention from a learned latent that comes from an Embedding of constant positions."""
    inputs = keras.Input((32, 8))
    latent = layers.Embedding(4, 8)(ops.arange(4))
    latent = ops.expand_dims(latent, 0)
    latent = latent + ops.zeros_like(inputs[:, :1, :])
    x = layers.MultiHeadAttention(2, 4)(latent, inputs)
    x = layers.LayerNormalization()(x + latent)
    x = layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


# -- sequences --------------------------------------------------------------------------------------------------------


@architecture
def bidirectional_imdb() -> keras.Model:
    inputs = keras.Input((None,), dtype="int32")
    x = layers.Embedding(200, 16)(inputs)
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(8))(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@architecture
def char_lstm() -> keras.Model:
    model = keras.Sequential([keras.Input((40, 30)), layers.LSTM(32), layers.Dense(30), layers.Activation("softmax")])
    model.compile(keras.optimizers.RMSprop(0.01), "categorical_crossentropy")
    return model


@architecture
def stateful_forecaster() -> keras.Model:
    model = keras.Sequential(
        [keras.Input(batch_shape=(4, 10, 2)), layers.LSTM(8, stateful=True, return_sequences=True), layers.LSTM(8)]
    )
    model.add(layers.Dense(1))
    model.compile("adam", "mse")
    return model


@architecture
def sequence_to_sequence_teacher_forcing() -> keras.Model:
    """keras.io: encoder states into the decoder; encoder outputs are not used."""
    source, target = keras.Input((None, 20), name="encoder"), keras.Input((None, 25), name="decoder")
    _, h, c = layers.LSTM(16, return_state=True)(source)
    x, _, _ = layers.LSTM(16, return_sequences=True, return_state=True)(target, initial_state=[h, c])
    model = keras.Model([source, target], layers.Dense(25, activation="softmax")(x))
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    return model


@architecture
def sequence_to_sequence_attention() -> keras.Model:
    """Masked embeddings, Luong attention by the Attention layer, context concatenated."""
    source, target = keras.Input((None,), name="source"), keras.Input((None,), name="target")
    x = layers.Embedding(30, 16, mask_zero=True)(source)
    encoded, state = layers.GRU(16, return_sequences=True, return_state=True)(x)
    y = layers.Embedding(30, 16, mask_zero=True)(target)
    decoded = layers.GRU(16, return_sequences=True)(y, initial_state=state)
    context = layers.Attention()([decoded, encoded])
    z = layers.Concatenate()([context, decoded])
    z = layers.TimeDistributed(layers.Dense(16, activation="tanh"))(z)
    model = keras.Model([source, target], layers.TimeDistributed(layers.Dense(30, activation="softmax"))(z))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def repeat_vector_autoencoder() -> keras.Model:
    """LSTM autoencoder; keras.io addition RNN."""
    model = keras.Sequential(
        [
            keras.Input((7, 12)),
            layers.LSTM(16),
            layers.RepeatVector(4),
            layers.LSTM(16, return_sequences=True),
            layers.Dense(12, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


@architecture
def masked_autoencoder() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((10, 4)),
            layers.Masking(-1.0),
            layers.LSTM(8),
            layers.RepeatVector(10),
            layers.LSTM(8, return_sequences=True),
            layers.TimeDistributed(layers.Dense(4)),
        ]
    )
    model.compile("adam", "mse")
    return model


@architecture
def anomaly_conv_autoencoder() -> keras.Model:
    """keras.io: 1D convolutions, dropout between."""
    model = keras.Sequential(
        [
            keras.Input((32, 1)),
            layers.Conv1D(16, 7, padding="same", strides=2, activation="relu"),
            layers.Dropout(0.2),
            layers.Conv1D(8, 7, padding="same", strides=2, activation="relu"),
            layers.Conv1DTranspose(8, 7, padding="same", strides=2, activation="relu"),
            layers.Dropout(0.2),
            layers.Conv1DTranspose(16, 7, padding="same", strides=2, activation="relu"),
            layers.Conv1DTranspose(1, 7, padding="same"),
        ]
    )
    model.compile("adam", "mse")
    return model


@architecture
def temporal_convolution() -> keras.Model:
    """TCN: dilated causal convolutions, spatial dropout, 1x1 shortcut, relu around residuals."""
    inputs = keras.Input((32, 4))
    x = inputs
    for rate in (1, 2, 4):
        y = x
        for _ in range(2):
            y = layers.Conv1D(8, 3, padding="causal", dilation_rate=rate, kernel_initializer="he_normal")(y)
            y = layers.BatchNormalization()(y)
            y = layers.Activation("relu")(y)
            y = layers.SpatialDropout1D(0.1)(y)
        shortcut = x if x.shape[-1] == 8 else layers.Conv1D(8, 1, padding="same")(x)
        x = layers.Activation("relu")(layers.add([shortcut, y]))
    x = x[:, -1, :]
    model = keras.Model(inputs, layers.Dense(1)(x))
    model.compile("adam", "huber")
    return model


@architecture
def wavenet() -> keras.Model:
    """Gated activations, residual and skip connections, quantized output."""
    inputs = keras.Input((64, 1))
    x = layers.Conv1D(8, 2, padding="causal")(inputs)
    skips = []
    for rate in (1, 2, 4, 8):
        a = layers.Conv1D(8, 2, dilation_rate=rate, padding="causal", activation="tanh")(x)
        b = layers.Conv1D(8, 2, dilation_rate=rate, padding="causal", activation="sigmoid")(x)
        gated = layers.Multiply()([a, b])
        gated = layers.Conv1D(8, 1)(gated)
        skips.append(gated)
        x = layers.Add()([x, gated])
    x = layers.Activation("relu")(layers.Add()(skips))
    x = layers.Conv1D(8, 1, activation="relu")(x)
    model = keras.Model(inputs, layers.Conv1D(16, 1, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def captcha_crnn() -> keras.Model:
    """keras.io: convolutions, reshape of height into features, BiLSTMs, softmax with the CTC loss."""
    inputs = keras.Input((50, 20, 1), name="image")
    x = layers.Conv2D(8, 3, activation="relu", kernel_initializer="he_normal", padding="same")(inputs)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(16, 3, activation="relu", kernel_initializer="he_normal", padding="same")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Reshape((12, 5 * 16))(x)
    x = layers.Dense(16, activation="relu")(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Bidirectional(layers.LSTM(16, return_sequences=True, dropout=0.25))(x)
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True, dropout=0.25))(x)
    model = keras.Model(inputs, layers.Dense(20, activation="softmax", name="characters")(x))
    model.compile("adam", keras.losses.CTC())
    return model


@architecture
def speech_ctc_logits() -> keras.Model:
    """DeepSpeech 2: Reshape, BatchNormalization, GRUs, raw logits into CTC."""
    inputs = keras.Input((None, 16))
    x = layers.Reshape((-1, 16, 1))(inputs)
    x = layers.Conv2D(4, (11, 5), strides=(2, 2), padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Reshape((-1, x.shape[-2] * x.shape[-1]))(x)
    for _ in range(2):
        x = layers.Bidirectional(layers.GRU(8, return_sequences=True, reset_after=True))(x)
        x = layers.Dropout(0.5)(x)
    x = layers.Dense(16)(x)
    x = layers.Dropout(0.5)(layers.ReLU()(x))
    model = keras.Model(inputs, layers.Dense(12)(x))
    model.compile("adam", keras.losses.CTC())
    return model


@architecture
def tagger_masked() -> keras.Model:
    inputs = keras.Input((None,), dtype="int32")
    x = layers.Embedding(100, 16, mask_zero=True)(inputs)
    x = layers.SpatialDropout1D(0.1)(x)
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True, recurrent_dropout=0.1))(x)
    model = keras.Model(inputs, layers.TimeDistributed(layers.Dense(7, activation="softmax"))(x))
    model.compile("rmsprop", "categorical_crossentropy")
    return model


@architecture
def text_cnn() -> keras.Model:
    """Kim 2014: parallel widths over one embedding."""
    inputs = keras.Input((30,), dtype="int32")
    x = layers.Embedding(100, 16)(inputs)
    pooled = []
    for width in (3, 4, 5):
        y = layers.Conv1D(8, width, activation="relu")(x)
        pooled.append(layers.GlobalMaxPooling1D()(y))
    x = layers.Dropout(0.5)(layers.concatenate(pooled))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy")
    return model


@architecture
def fast_text() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((20,)),
            layers.Embedding(100, 16, mask_zero=True),
            layers.GlobalAveragePooling1D(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def text_from_strings() -> keras.Model:
    """keras.io: a vectorizer inside the model."""
    vectorize = layers.TextVectorization(max_tokens=50, output_sequence_length=12)
    vectorize.adapt(["the cat sat on the mat", "a dog ran"])
    inputs = keras.Input((1,), dtype="string")
    x = layers.Embedding(50, 16)(vectorize(inputs))
    x = layers.Dropout(0.5)(x)
    x = layers.Conv1D(8, 5, padding="valid", activation="relu", strides=3)(x)
    x = layers.GlobalMaxPooling1D()(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy")
    return model


@architecture
def pretrained_embeddings() -> keras.Model:
    """A frozen Embedding filled with given vectors, a row of zeros for padding."""
    embedding = layers.Embedding(30, 8, trainable=False)
    embedding.build((1,))
    vectors = np.random.default_rng(0).normal(size=(30, 8))
    vectors[0] = 0
    embedding.set_weights([vectors])
    inputs = keras.Input((None,), dtype="int32")
    x = embedding(inputs)
    x = layers.Conv1D(16, 5, activation="relu")(x)
    x = layers.GlobalMaxPooling1D()(x)
    model = keras.Model(inputs, layers.Dense(5, activation="softmax")(x))
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["acc"])
    return model


@architecture
def memory_network() -> keras.Model:
    """bAbI: two encoders of one input, a match by dot product and softmax, Permute, LSTM reader."""
    story, question = keras.Input((10,)), keras.Input((4,))
    m = keras.Sequential([layers.Embedding(30, 8), layers.Dropout(0.3)])(story)
    c = keras.Sequential([layers.Embedding(30, 4), layers.Dropout(0.3)])(story)
    q = keras.Sequential([layers.Embedding(30, 8), layers.Dropout(0.3)])(question)
    match = layers.Activation("softmax")(layers.dot([m, q], axes=(2, 2)))
    response = layers.Permute((2, 1))(layers.add([match, c]))
    answer = layers.LSTM(8)(layers.concatenate([response, q]))
    answer = layers.Dropout(0.3)(answer)
    model = keras.Model([story, question], layers.Activation("softmax")(layers.Dense(30)(answer)))
    model.compile("rmsprop", "sparse_categorical_crossentropy")
    return model


@architecture
def attention_pooling() -> keras.Model:
    """A score for each step, softmax over time, weighted sum."""
    inputs = keras.Input((12, 8))
    x = layers.LSTM(16, return_sequences=True)(inputs)
    score = layers.Dense(1, activation="tanh")(x)
    score = layers.Flatten()(score)
    score = layers.Activation("softmax")(score)
    score = layers.RepeatVector(16)(score)
    score = layers.Permute((2, 1))(score)
    x = layers.Multiply()([x, score])
    x = ops.sum(x, axis=1)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    model.compile("adam", "categorical_crossentropy")
    return model


@architecture
def softmax_over_time() -> keras.Model:
    """The same with the softmax on axis 1 of (batch, time, 1)."""
    inputs = keras.Input((12, 8))
    x = layers.GRU(16, return_sequences=True)(inputs)
    score = layers.Softmax(axis=1)(layers.Dense(1)(x))
    x = ops.sum(x * score, axis=1)
    model = keras.Model(inputs, layers.Dense(1)(x))
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    return model


@architecture
def multiple_instance_attention() -> keras.Model:
    """keras.io: one network on every instance of a bag; attention weights normalised over the bag."""
    inputs = [keras.Input((8, 8)) for _ in range(3)]
    flat, first, second = layers.Flatten(), layers.Dense(16, activation="relu"), layers.Dense(8, activation="relu")
    features = [second(first(flat(one))) for one in inputs]
    score = layers.Dense(1, use_bias=False, name="score")
    scores = layers.Softmax(axis=1)(layers.Concatenate(axis=1)([score(ops.tanh(one)) for one in features]))
    stacked = ops.stack(features, axis=1)
    x = ops.sum(stacked * ops.expand_dims(scores, -1), axis=1)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def traffic_graph_lstm() -> keras.Model:
    """A fixed adjacency as a constant in the graph, matmul over nodes, then an LSTM over time."""
    adjacency = np.eye(5, dtype="float32") * 0.5 + 0.1
    inputs = keras.Input((12, 5, 1))
    x = layers.Dense(8)(inputs)
    x = ops.matmul(adjacency, x)
    x = ops.relu(x)
    x = ops.transpose(x, (0, 2, 1, 3))
    x = layers.TimeDistributed(layers.LSTM(8))(x)
    model = keras.Model(inputs, layers.Dense(3)(x))
    model.compile("rmsprop", "mse")
    return model


# -- tables, recommenders, reinforcement ------------------------------------------------------------------------------


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


# -- precision, adaptation, models in models --------------------------------------------------------------------------


@architecture
def mixed_precision_classifier() -> keras.Model:
    policy = "mixed_float16"
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, activation="relu", dtype=policy)(inputs)
    x = layers.BatchNormalization(dtype=policy)(x)
    x = layers.GlobalAveragePooling2D(dtype=policy)(x)
    x = layers.Dense(10, dtype=policy)(x)
    model = keras.Model(inputs, layers.Activation("softmax", dtype="float32")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def lora_fine_tuning() -> keras.Model:
    model = text_classifier_with_dense(12)
    for layer in model.layers:
        if isinstance(layer, layers.Dense) and layer.units > 4:
            layer.enable_lora(2)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def text_classifier_with_dense(length: int) -> keras.Model:
    inputs = keras.Input((length,), dtype="int32")
    x = layers.Embedding(30, 8)(inputs)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dense(16, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


@architecture
def quantized_int8() -> keras.Model:
    model = text_classifier_with_dense(10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.quantize("int8")
    return model


@architecture
def knowledge_distillation_pair() -> keras.Model:
    """A frozen teacher beside a student, both on one input, outputs of both."""
    teacher = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(16, 3, activation="relu"), layers.Flatten(), layers.Dense(5)],
        name="teacher",
    )
    teacher.trainable = False
    student = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(5)],
        name="student",
    )
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, {"teacher": teacher(inputs), "student": student(inputs)})


@architecture
def ensemble() -> keras.Model:
    """Averaged members, each its own model of the same shape."""
    members = []
    for index in range(3):
        inputs = keras.Input((8,))
        x = layers.Dense(8, activation="relu")(inputs)
        members.append(keras.Model(inputs, layers.Dense(3, activation="softmax")(x), name=f"member_{index}"))
    inputs = keras.Input((8,))
    return keras.Model(inputs, layers.average([member(inputs) for member in members]))


@architecture
def feature_extractor() -> keras.Model:
    """Several intermediate layers of a backbone as outputs; the head is gone."""
    base = keras.applications.MobileNet((64, 64, 3), alpha=0.25, include_top=False, weights=None)
    names = ("conv_pw_3_relu", "conv_pw_5_relu", "conv_pw_13_relu")
    return keras.Model(base.input, [base.get_layer(name).output for name in names])


@architecture
def grad_cam() -> keras.Model:
    """The last convolution beside the prediction."""
    base = lenet()
    return keras.Model(base.inputs, [base.layers[3].output, base.layers[-1].output])


@architecture
def sequential_with_probabilities_for_serving() -> keras.Model:
    """keras.io beginner: a trained logits model wrapped with Softmax."""
    model = vgg_logits()
    return keras.Sequential([keras.Input((32, 32, 3)), model, layers.Softmax()])


@architecture
def classes_for_serving() -> keras.Model:
    """argmax at the end of a serving model."""
    model = vgg_logits()
    inputs = keras.Input((32, 32, 3), dtype="uint8")
    x = ops.cast(inputs, "float32") / 255.0
    logits = model(x)
    return keras.Model(inputs, {"label": ops.argmax(logits, -1), "score": ops.max(ops.softmax(logits), -1)})


@architecture
def nested_autoencoder() -> keras.Model:
    """keras.io functional guide: encoder and decoder are models, and a model of both."""
    image = keras.Input((28, 28, 1), name="original_img")
    x = layers.Conv2D(16, 3, activation="relu")(image)
    x = layers.Conv2D(16, 3, activation="relu")(x)
    x = layers.MaxPooling2D(3)(x)
    x = layers.Conv2D(16, 3, activation="relu")(x)
    encoder = keras.Model(image, layers.GlobalMaxPooling2D()(x), name="encoder")
    code = keras.Input((16,), name="encoded_img")
    x = layers.Reshape((4, 4, 1))(code)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    x = layers.Conv2DTranspose(16, 3, activation="relu")(x)
    x = layers.UpSampling2D(3)(x)
    x = layers.Conv2DTranspose(8, 3, activation="relu")(x)
    decoder = keras.Model(code, layers.Conv2DTranspose(1, 3, activation="relu")(x), name="decoder")
    inputs = keras.Input((28, 28, 1), name="img")
    return keras.Model(inputs, decoder(encoder(inputs)), name="autoencoder")


@architecture
def ticket_triage() -> keras.Model:
    """keras.io functional guide: several inputs and outputs, losses by name."""
    title, body = keras.Input((None,), name="title"), keras.Input((None,), name="body")
    tags = keras.Input((12,), name="tags")
    a = layers.LSTM(16)(layers.Embedding(50, 16)(title))
    b = layers.LSTM(8)(layers.Embedding(50, 16)(body))
    x = layers.concatenate([a, b, tags])
    outputs = {
        "priority": layers.Dense(1, name="priority")(x),
        "department": layers.Dense(4, name="department")(x),
    }
    model = keras.Model([title, body, tags], outputs)
    model.compile(
        keras.optimizers.RMSprop(1e-3),
        {
            "priority": keras.losses.BinaryCrossentropy(from_logits=True),
            "department": keras.losses.CategoricalCrossentropy(from_logits=True),
        },
        loss_weights={"priority": 1.0, "department": 0.2},
    )
    return model


@architecture
def shared_embedding_questions() -> keras.Model:
    """keras.io functional guide: one Embedding for two texts, one LSTM; Manhattan similarity."""
    embedding, lstm = layers.Embedding(50, 16, mask_zero=True), layers.LSTM(16)
    first, second = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="int32")
    a, b = lstm(embedding(first)), lstm(embedding(second))
    similarity = ops.exp(-ops.sum(ops.abs(a - b), axis=1, keepdims=True))
    model = keras.Model([first, second], similarity)
    model.compile("adadelta", "mse")
    return model


@architecture
def relation_pairs() -> keras.Model:
    """All pairs by one-sided expansion on both sides, concatenated or multiplied, never added."""
    inputs = keras.Input((6, 4))
    a = layers.Dense(8, activation="relu")(inputs)
    scores = ops.matmul(a, ops.transpose(a, (0, 2, 1)))
    scores = layers.Flatten()(scores)
    model = keras.Model(inputs, layers.Dense(1)(scores))
    model.compile("adam", "mse")
    return model


@keras.saving.register_keras_serializable("architectures")
class PooledEncoder(keras.Model):
    """A backbone as libraries write them: its constructor makes the graph, a file has only the arguments."""

    def __init__(self, vocabulary, width, **kwargs):
        ids = keras.Input((None,), dtype="int32", name="ids")
        embedding = layers.Embedding(vocabulary, width, name="tokens")
        x = layers.LayerNormalization()(embedding(ids))
        x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, width // 2)(x, x))
        pooled = layers.Dense(width, activation="tanh", name="pooled")(x[:, 0])
        super().__init__(ids, {"sequence": x, "pooled": pooled}, **kwargs)
        self.embedding, self.arguments = embedding, {"vocabulary": vocabulary, "width": width}

    def get_config(self):
        return {"name": self.name, **self.arguments}


@architecture
def tagger_on_a_library_backbone() -> keras.Model:
    """Uses the sequence of a backbone that also has a pooled output."""
    backbone = PooledEncoder(50, 8, name="backbone")
    x = layers.Dropout(0.1)(backbone(backbone.input)["sequence"])
    model = keras.Model(backbone.input, layers.Dense(5, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@architecture
def separable_attention_on_a_small_image() -> keras.Model:
    """MobileViTv2 at an input so small that one patch is left for the attention."""
    inputs = keras.Input((16, 16, 3))
    x = conv_bn(conv_bn(conv_bn(inputs, 8, strides=2), 16, strides=2), 16, strides=2)
    patches = layers.Reshape((4, 1, 16))(x)
    weights = layers.Softmax(axis=2)(layers.Dense(1)(patches))
    context = ops.sum(weights * layers.Dense(16)(patches), axis=2, keepdims=True)
    x = layers.Dense(16)(layers.ReLU()(layers.Dense(16)(patches)) * context)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(layers.Add()([x, patches])))


def train(model: keras.Model, steps: int = 12) -> None:
    """Train on random data of the declared shapes, where the model is compiled and its inputs are numbers."""
    loss = getattr(model, "loss", None)
    if loss is None or any(one.dtype == "string" for one in model.inputs) or isinstance(loss, keras.losses.CTC):
        return
    random = np.random.default_rng(0)

    def like(tensor, batch):
        shape = [dim or 8 for dim in tensor.shape[1:]]
        wide = 2 if "int" in tensor.dtype else 1.0
        low = random.uniform(0, wide, (batch, *shape))
        return np.floor(low) if "int" in tensor.dtype else low

    batch = model.inputs[0].shape[0] or 8
    x = [like(one, batch) for one in model.inputs]
    x = x if len(x) > 1 else x[0]
    sparse = "sparse" in str(loss).lower()
    y = keras.tree.map_structure(lambda one: np.zeros(one.shape[:-1]) if sparse else np.ones(one.shape), model(x))
    for _ in range(steps):
        model.train_on_batch(x, y)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="only this architecture")
    parser.add_argument("--train", action="store_true", help="train each for some steps before")
    options = parser.parse_args()
    reported = 0
    chosen = [name for name in ARCHITECTURES if not options.only or name in options.only]
    for name in chosen:
        model = ARCHITECTURES[name]()
        if options.train:
            train(model)
        lines = list(findings(model))
        keras.utils.clear_session(free_memory=False)
        reported += len(lines)
        print(f"{name}: {len(lines) or 'nothing'}", *lines, sep="\n    ", flush=True)
    print(f"\n{len(chosen)} architectures, {reported} errors and warnings")
    return int(reported > 0)


if __name__ == "__main__":
    sys.exit(main())
