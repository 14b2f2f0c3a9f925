"""Thirteen kinds of sound models, as people write them, each with places to operate on."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

Batch = Any
Build = Callable[[bool], keras.Model]

KINDS: dict[str, Kind] = {}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of model."""

    name: str
    build: Build
    """Makes the model; if asked to, with a Dropout of 0 named ``nothing`` somewhere, which a fix removes."""
    batch: Callable[[np.random.Generator], Batch]
    cut: str
    """Address of a tensor that separates the outputs from the inputs."""
    unit: str
    """Address of a layer with weights after the cut, which can be replaced by a Dense of the same width."""
    reports: frozenset[str] = frozenset()
    """Codes of what is rightly reported in it."""

    def made(self, faulty: bool = False) -> keras.Model:
        """A model of this kind, compiled; the same numbers each time."""
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(7)
        model = self.build(faulty)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not getattr(model, "compiled", False):
                model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
            if not model.built or not model.weights:
                model(self.sample())
        return model

    def sample(self) -> Batch:
        """A batch of two."""
        return self.batch(np.random.default_rng(3))


def kind(batch: Callable[[np.random.Generator], Batch], cut: str, unit: str, *reports: str) -> Callable[[Build], Build]:
    """Registers a kind of model under the name of its function."""

    def register(build: Build) -> Build:
        name = build.__name__
        KINDS[name] = Kind(name, build, batch, cut, unit, frozenset(reports))
        return build

    return register


def floats(*shape: int) -> Callable[[np.random.Generator], Batch]:
    """A batch of two of this shape."""
    return lambda random: random.normal(size=(2, *shape)).astype("float32")


def nothing(faulty: bool, x: Any) -> Any:
    """A layer that does nothing, if asked for."""
    return layers.Dropout(0.0, name="nothing")(x) if faulty else x


def chain(faulty: bool, *members: Any) -> list[Any]:
    """Layers of a Sequential model, the last but one of which does nothing if asked for."""
    return [*members[:-1], *([layers.Dropout(0.0, name="nothing")] if faulty else []), members[-1]]


# -- graphs -----------------------------------------------------------------------------------------------------


@kind(floats(8, 8, 3), cut="joined", unit="head")
def functional(faulty: bool) -> keras.Model:
    """A residual block."""
    inputs = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(6, 3, padding="same", use_bias=False, name="stem")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    before = layers.Activation("relu", name="relu")(x)
    x = layers.Conv2D(6, 3, padding="same", name="conv")(before)
    x = nothing(faulty, layers.Add(name="joined")([before, x]))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(3, name="head")(x))


@kind(floats(8), cut="hidden", unit="head")
def sequential(faulty: bool) -> keras.Model:
    """Layers in a row."""
    return keras.Sequential(
        chain(
            faulty,
            keras.Input((8,)),
            layers.Dense(12, activation="relu", name="hidden"),
            layers.Dropout(0.3, name="drop"),
            layers.Dense(3, name="head"),
        )
    )


@kind(floats(6), cut="inner/middle", unit="inner/last")
def nested(faulty: bool) -> keras.Model:
    """A model in a model in a model, cut inside the innermost."""
    inside = keras.Input((5,), name="inside")
    x = layers.Dense(4, activation="relu", name="middle")(inside)
    inner = keras.Model(inside, layers.Dense(4, name="last")(nothing(faulty, x)), name="inner")
    inputs = keras.Input((6,), name="x")
    x = inner(layers.Dense(5, activation="tanh", name="first")(inputs))
    return keras.Model(inputs, layers.Dense(2, name="head")(layers.Activation("relu", name="relu")(x)))


def _pair(random: np.random.Generator) -> Batch:
    return [floats(7)(random), floats(7)(random)]


@kind(_pair, cut="distance", unit="head")
def shared(faulty: bool) -> keras.Model:
    """Two inputs through one tower, and one layer called twice."""
    inside = keras.Input((7,), name="inside")
    x = layers.Dense(6, activation="relu", name="hidden")(inside)
    tower = keras.Model(inside, layers.Dense(4, name="code")(nothing(faulty, x)), name="tower")
    left, right = keras.Input((7,), name="left"), keras.Input((7,), name="right")
    apart = layers.Subtract(name="distance")([tower(left), tower(right)])
    again = layers.Dense(4, name="again")
    x = layers.Activation("relu", name="relu")(again(apart))
    return keras.Model([left, right], layers.Dense(1, name="head")(again(x)))


def _named(random: np.random.Generator) -> Batch:
    return {"number": floats(4)(random), "image": floats(6, 6, 2)(random)}


@kind(_named, cut="both", unit="score")
def several_ends(faulty: bool) -> keras.Model:
    """A dict of inputs, and a dict of outputs."""
    number, image = keras.Input((4,), name="number"), keras.Input((6, 6, 2), name="image")
    x = layers.Conv2D(3, 3, activation="relu", name="conv")(image)
    x = layers.Flatten(name="flat")(x)
    x = layers.Concatenate(name="both")([layers.Dense(5, activation="relu", name="wide")(number), x])
    x = nothing(faulty, layers.Dense(6, activation="relu", name="trunk")(x))
    outputs = {"score": layers.Dense(1, name="score")(x), "code": layers.Dense(2, name="code")(x)}
    model = keras.Model({"number": number, "image": image}, outputs)
    model.compile(keras.optimizers.SGD(0.1), loss={"score": "mse", "code": "mse"})
    return model


# -- code -------------------------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("every_keras")
class Classifier(keras.Model):
    """A subclassed model."""

    def __init__(self, faulty: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.faulty = faulty
        self.hidden = layers.Dense(6, activation="relu", name="hidden")
        self.drop = layers.Dropout(0.0 if faulty else 0.4, name="nothing" if faulty else "drop")
        self.stack = [layers.Dense(6, activation="relu", name=f"part_{number}") for number in range(2)]
        self.head = layers.Dense(2, name="head")

    def call(self, x: Any) -> Any:
        x = self.drop(self.hidden(x))
        for layer in self.stack:
            x = x + layer(x)
        return self.head(ops.multiply(x, 2.0))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "faulty": self.faulty}


@kind(floats(5), cut="hidden", unit="head")
def subclassed(faulty: bool) -> keras.Model:
    """A model that is code."""
    return Classifier(faulty)


@keras.saving.register_keras_serializable("every_keras")
class Block(layers.Layer):
    """A layer with layers and a weight of its own."""

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width
        self.expand = layers.Dense(2 * width, activation="relu", name="expand")
        self.drop = layers.Dropout(0.1, name="drop")
        self.contract = layers.Dense(width, name="contract")

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(self.width,), initializer="ones", name="scale")
        self.expand.build(shape)
        self.contract.build((*shape[:-1], 2 * self.width))
        self.built = True

    def call(self, x: Any, training: bool | None = None) -> Any:
        found = self.contract(self.drop(self.expand(x), training=training))
        return x + found * self.scale

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


@kind(floats(6), cut="block", unit="block/contract")
def custom_layer(faulty: bool) -> keras.Model:
    """A custom layer, with an address inside it."""
    inputs = keras.Input((6,), name="x")
    x = nothing(faulty, Block(6, name="block")(inputs))
    return keras.Model(inputs, layers.Dense(2, name="head")(layers.Activation("relu", name="relu")(x)))


@kind(floats(6), "halves", "head", "X001")
def lambdas(faulty: bool) -> keras.Model:
    """A Lambda, operations, slices and a variable among the arguments."""
    inputs = keras.Input((6,), name="x")
    x = layers.Dense(8, activation="relu", name="hidden")(inputs)
    x = layers.Lambda(lambda one: one[:, :4] * one[:, 4:], output_shape=(4,), name="halves")(x)
    x = ops.where(x > 0.5, x, ops.sqrt(ops.abs(x) + 0.25))
    x = nothing(faulty, x * np.array([1.0, 2.0, 0.5, 1.5], "float32"))
    return keras.Model(inputs, layers.Dense(2, name="head")(x[:, 1:] - ops.max(x, axis=-1, keepdims=True)))


# -- states, masks, precisions ----------------------------------------------------------------------------------


@kind(floats(5, 4), cut="first", unit="head")
def recurrent(faulty: bool) -> keras.Model:
    """A stateful LSTM (which Keras itself cannot train on PyTorch), states handed over, and a Bidirectional GRU."""
    inputs = keras.Input(batch_shape=(2, 5, 4), name="x")
    x = layers.LSTM(4, stateful=keras.backend.backend() != "torch", return_sequences=True, name="first")(inputs)
    x, state = layers.GRU(3, return_sequences=True, return_state=True, name="second")(nothing(faulty, x))
    x = layers.GRU(3, return_sequences=True, name="third")(x, initial_state=state)
    x = layers.Bidirectional(layers.GRU(2), name="both_ways")(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(x))


@kind(floats(8), cut="hidden", unit="head")
def mixed_precision(faulty: bool) -> keras.Model:
    """A Sequential model of which the layers compute in float16, on float32 inputs."""
    return keras.Sequential(
        chain(
            faulty,
            keras.Input((8,)),
            layers.Dense(12, activation="relu", dtype="mixed_float16", name="hidden"),
            layers.LayerNormalization(dtype="mixed_float16", name="norm"),
            layers.Dense(6, activation="relu", dtype="mixed_float16", name="middle"),
            layers.Dense(3, dtype="float32", name="head"),
        )
    )


def _tokens(random: np.random.Generator) -> Batch:
    tokens = random.integers(1, 12, (2, 6))
    tokens[0, 3:] = 0
    return tokens.astype("int32")


@kind(_tokens, cut="embed", unit="head")
def masked(faulty: bool) -> keras.Model:
    """An Embedding with a mask that the layers after the cut read."""
    inputs = keras.Input((6,), dtype="int32", name="tokens")
    x = layers.Embedding(12, 4, mask_zero=True, name="embed")(inputs)
    x = layers.LSTM(5, return_sequences=True, name="lstm")(layers.Dropout(0.2, name="drop")(x))
    x = layers.TimeDistributed(layers.Dense(4, activation="relu"), name="each")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(nothing(faulty, x)))


@kind(_tokens, cut="added", unit="head")
def attention(faulty: bool) -> keras.Model:
    """A block of a transformer, with padding and a causal mask."""
    inputs = keras.Input((6,), dtype="int32", name="tokens")
    x = layers.Embedding(12, 8, name="embed")(inputs)
    present = ops.expand_dims(ops.not_equal(inputs, 0), 1)
    seen = layers.MultiHeadAttention(2, 4, name="attend")(x, x, attention_mask=present, use_causal_mask=True)
    x = layers.LayerNormalization(name="norm")(layers.Add(name="added")([x, seen]))
    inside = layers.Dense(8, name="down")(nothing(faulty, layers.Dense(16, activation="gelu", name="up")(x)))
    x = layers.LayerNormalization(name="last_norm")(layers.Add(name="added_again")([x, inside]))
    return keras.Model(inputs, layers.Dense(3, name="head")(layers.GlobalAveragePooling1D(name="pool")(x)))


@kind(floats(8), cut="norm", unit="head")
def normalised(faulty: bool) -> keras.Model:
    """An adapted Normalization, BatchNormalization, noise and dropout with seeds, and frozen layers."""
    adapted = layers.Normalization(name="adapted")
    adapted.adapt(np.random.default_rng(0).normal(3.0, 2.0, (64, 8)).astype("float32"))
    inputs = keras.Input((8,), name="x")
    x = layers.GaussianNoise(0.1, seed=5, name="noise")(adapted(inputs))
    x = layers.Dense(6, use_bias=False, trainable=False, name="frozen")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = nothing(faulty, layers.Activation("relu", name="relu")(x))
    x = layers.Dense(6, activation="relu", name="hidden")(layers.Dropout(0.3, seed=9, name="drop")(x))
    x = layers.SpectralNormalization(layers.Dense(4), name="spectral")(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(layers.GroupNormalization(2, name="groups")(x)))
