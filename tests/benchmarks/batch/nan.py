"""NaN at a known place: whether the right layer is named.

    python tests/benchmarks/batch/nan.py

Puts a layer that breaks at each of 20 places of 5 models: in the forward pass, in its weights, or only in its gradient,
for `check(model, data=)`; and in the forward pass from a certain batch on, for `Watch`. Prints what was named wrongly,
and how often the name was right. Exits with 1 if it ever was not.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[3]))

import keras
import numpy as np
from keras import layers, ops

import graphlint
from graphlint.callbacks import Watch

ROWS, STEPS, WRONG = 8, 12, 7
HUGE = 1e4
KINDS = ("forward", "weights", "gradient")


@keras.saving.register_keras_serializable("nan")
class Breaks(layers.Layer):
    """Returns what it receives, and breaks in one way; ``trigger`` breaks when an input of the model is huge."""

    def __init__(self, kind: str, **options: object) -> None:
        super().__init__(**options)
        self.kind = kind

    def build(self, shape: object, *others: object) -> None:
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x, raw):
        x = x * self.scale
        if self.kind == "forward":
            return x + ops.log(ops.min(x) * 0 - 1)
        if self.kind == "gradient":
            return x + ops.sqrt(x * 0)
        if self.kind == "trigger":
            return x + 0 * ops.sqrt(HUGE / 2 - ops.max(ops.abs(raw)))
        return x

    def compute_output_spec(self, x, raw):
        return keras.KerasTensor(x.shape, dtype=x.dtype)


Hook = Callable[[str, keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]


def mlp(at: Hook) -> keras.Model:
    inputs = x = keras.Input((6,))
    for number in range(4):
        x = at(f"{number}", layers.Dense(8, activation="relu")(x), inputs)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def cnn(at: Hook) -> keras.Model:
    inputs = x = keras.Input((12, 12, 3))
    for number in range(3):
        x = layers.Conv2D(4, 3, padding="same", use_bias=False)(x)
        x = at(f"{number}", layers.ReLU()(layers.BatchNormalization()(x)), inputs)
    x = at("3", layers.GlobalAveragePooling2D()(x), inputs)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def residual(at: Hook) -> keras.Model:
    inputs = keras.Input((6,))
    x = layers.Dense(8)(inputs)
    for number in range(2):
        y = at(f"branch {number}", layers.Dense(8, activation="gelu")(x), inputs)
        x = at(f"sum {number}", layers.Add()([x, layers.Dense(8)(y)]), inputs)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def transformer(at: Hook) -> keras.Model:
    inputs = keras.Input((10, 4))
    x = at("embedded", layers.Dense(8)(inputs), inputs)
    y = at("attended", layers.MultiHeadAttention(2, 4)(x, x), inputs)
    x = layers.LayerNormalization()(layers.Add()([x, y]))
    y = at("wide", layers.Dense(16, activation="gelu")(x), inputs)
    x = at("second sum", layers.Add()([x, layers.Dense(8)(y)]), inputs)
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def recurrent(at: Hook) -> keras.Model:
    inputs = keras.Input((6, 4))
    x = at("projected", layers.Dense(8)(inputs), inputs)
    x = at("first", layers.LSTM(8, return_sequences=True)(x), inputs)
    x = at("second", layers.Bidirectional(layers.GRU(4))(x), inputs)
    x = at("hidden", layers.Dense(8, activation="tanh")(x), inputs)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


MODELS = (mlp, cnn, residual, transformer, recurrent)


def places(build: Callable[[Hook], keras.Model]) -> list[str]:
    found: list[str] = []

    def note(place: str, x: keras.KerasTensor, raw: keras.KerasTensor) -> keras.KerasTensor:
        found.append(place)
        return x

    build(note)
    return found


def broken(build: Callable[[Hook], keras.Model], place: str, kind: str) -> keras.Model:
    def hook(here: str, x: keras.KerasTensor, raw: keras.KerasTensor) -> keras.KerasTensor:
        return Breaks(kind, name="breaks")(x, raw) if here == place else x

    keras.utils.set_random_seed(0)
    model = build(hook)
    model.compile("adam", "sparse_categorical_crossentropy")
    if kind == "weights":
        model.get_layer("breaks").scale.assign(np.nan)
    return model


def named(report: graphlint.Report) -> str:
    found = [one for one in report.findings if one.code == "B013"]
    return "nothing" if not found else found[0].location.layer if found[0].location else "the model"


def main() -> int:
    random = np.random.default_rng(0)
    right = dict.fromkeys([*KINDS, "watched"], 0)
    count = 0
    for build in MODELS:
        for place in places(build):
            count += 1
            for kind in KINDS:
                model = broken(build, place, kind)
                x = random.normal(size=(ROWS, *model.input.shape[1:])).astype("float32")
                name = named(graphlint.check(model, data=(x, np.arange(ROWS) % 3), select=["B013"]))
                right[kind] += name == "breaks"
                if name != "breaks":
                    print(f"{build.__name__}, {place}, {kind}: named {name}", flush=True)
            model = broken(build, place, "trigger")
            x = random.normal(size=(ROWS * STEPS, *model.input.shape[1:])).astype("float32")
            x[(WRONG - 1) * ROWS] = HUGE
            watch = Watch(fail_on="never", select=["B013"])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(x, np.arange(len(x)) % 3, batch_size=ROWS, shuffle=False, verbose=0, callbacks=[watch])
            name = named(watch.report)
            finite = all(np.isfinite(value).all() for value in model.get_weights())
            at_step = any(f"in step {WRONG}:" in one.message for one in watch.report.findings)
            good = name == "breaks" and finite and at_step and int(model.optimizer.iterations) == WRONG - 1
            right["watched"] += good
            if not good:
                print(f"{build.__name__}, {place}, watched: named {name}, weights finite: {finite}, step: {at_step}")
    for kind, number in right.items():
        print(f"{kind}: {number} of {count} right")
    return int(any(number != count for number in right.values()))


if __name__ == "__main__":
    sys.exit(main())
