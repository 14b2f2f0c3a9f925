"""Writes the sample models beside this script: ``python tests/data/make.py``.

Run it with the oldest Keras that pyproject.toml allows, so that every newer one can load what it writes.
"""

from pathlib import Path

import keras
from keras import layers

HERE = Path(__file__).parent


def backbone() -> keras.Model:
    """A small image encoder."""
    image = keras.Input((32, 32, 3), name="image")
    x = layers.Conv2D(8, 3, strides=2, use_bias=False, name="conv")(image)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(name="relu")(x)
    return keras.Model(image, layers.GlobalAveragePooling2D(name="pool")(x), name="backbone")


def good() -> keras.Model:
    """A frozen encoder with a trainable head."""
    encoder = backbone()
    encoder.trainable = False
    image = keras.Input((32, 32, 3), name="photo")
    is_cat = layers.Dense(1, activation="sigmoid", name="is_cat")(encoder(image))
    model = keras.Model(image, is_cat, name="cats")
    model.compile("adam", "binary_crossentropy")
    return model


def bad() -> keras.Model:
    """The same with three mistakes: an unused input, half an encoder unfrozen, a softmax over one class."""
    encoder = backbone()
    encoder.trainable = False
    encoder.get_layer("conv").trainable = True
    image = keras.Input((32, 32, 3), name="photo")
    weekday = keras.Input((7,), name="weekday")
    layers.Dense(4, name="forgotten")(weekday)
    is_cat = layers.Dense(1, activation="softmax", name="is_cat")(encoder(image))
    model = keras.Model([image, weekday], is_cat, name="cats")
    model.compile("adam", "binary_crossentropy")
    return model


if __name__ == "__main__":
    for build in (good, bad):
        keras.utils.set_random_seed(0)
        build().save(HERE / f"{build.__name__}.keras")
