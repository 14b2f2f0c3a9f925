"""What `Watch` costs while it trains, as a ratio of the time of a step.

    python tests/benchmarks/batch/watch_cost.py [--steps N] [--model NAME]...

Trains ResNet50 and a small transformer, one after the other in short alternating runs with and without `Watch`, and
prints the median time of a step of each, without the steps that compile, check, or look for the first time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[3]))

import keras
import numpy as np
from keras import layers

from graphlint.callbacks import Watch


def resnet() -> tuple[keras.Model, np.ndarray, np.ndarray, int]:
    model = keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3), classes=10)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, np.random.rand(16, 64, 64, 3).astype("float32"), np.arange(16) % 10, 16


def transformer() -> tuple[keras.Model, np.ndarray, np.ndarray, int]:
    inputs = keras.Input((64,), dtype="int32")
    x = layers.Embedding(5000, 128)(inputs)
    for _ in range(4):
        x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(4, 32)(x, x)]))
        y = layers.Dense(128)(layers.Dense(512, activation="gelu")(x))
        x = layers.LayerNormalization()(layers.Add()([x, y]))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling1D()(x)))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, np.random.randint(0, 5000, (32, 64)), np.arange(32) % 2, 32


MODELS = {"ResNet50": resnet, "transformer": transformer}


class Times(keras.callbacks.Callback):
    """When each step began and ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self.ends.append(time.perf_counter())


def run(model: keras.Model, x: np.ndarray, y: np.ndarray, batch: int, steps: int, watch: Watch | None) -> list[float]:
    """Seconds of each step but the first two."""
    times = Times()
    repeats = [np.concatenate([one] * steps) for one in (x, y)]
    callbacks = [watch, times] if watch is not None else [times]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(*repeats, batch_size=batch, shuffle=False, verbose=0, callbacks=callbacks)
    return [end - begin for begin, end in zip(times.ends[1:], times.ends[2:], strict=False)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", action="append", choices=list(MODELS), default=[])
    arguments = parser.parse_args()
    for name in arguments.model or MODELS:
        model, x, y, batch = MODELS[name]()
        run(model, x, y, batch, 4, None)
        plain: list[float] = []
        watched: list[float] = []
        first = 0.0
        for _ in range(arguments.rounds):
            plain += run(model, x, y, batch, arguments.steps, None)
            watch = Watch(fail_on="never")
            watched += run(model, x, y, batch, arguments.steps, watch)
            first = watch.seconds - watch.seconds_while_training
            share = watch.seconds_while_training / (sum(watched[-arguments.steps + 2 :]) or 1)
        ratio = statistics.median(watched) / statistics.median(plain)
        total = sum(watched) / sum(plain)
        print(
            f"{keras.backend.backend()}, {name}: a step {statistics.median(plain):.4f} s, watched "
            f"{statistics.median(watched):.4f} s; ratio of medians {ratio:.3f}, of all steps {total:.3f}; "
            f"copies and looks {share:.1%} of the time; before and in the first step {first:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
