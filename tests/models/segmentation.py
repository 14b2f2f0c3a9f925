"""Images into maps and boxes: segmentation, detection."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from tests.models.classification import conv_bn
from tests.models.registry import architecture


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
