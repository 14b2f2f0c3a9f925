"""What `Watch` costs while it trains, as a ratio of the time of a step.

    python tests/benchmarks/batch/watch_cost.py [--blocks N] [--steps N] [--model NAME]...

Trains ResNet50 and a small transformer in one `fit`, in short blocks of steps, every other one without `Watch`.
Compares the processor time of both, which is that of all threads of the process, so that what else runs on the machine
hardly counts. Left out are the first blocks, in which the step is compiled, and the check and the look before the first
step, which are paid once and are printed apart. A look that falls due later is counted.
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

Trained = tuple[keras.Model, np.ndarray, np.ndarray]
WARM_UP = 2
"""Blocks that are left out at the start."""


def resnet() -> Trained:
    model = keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3), classes=10)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, np.random.rand(16, 64, 64, 3).astype("float32"), np.arange(16) % 10


def transformer() -> Trained:
    inputs = keras.Input((64,), dtype="int32")
    x = layers.Embedding(5000, 128)(inputs)
    for _ in range(4):
        x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(4, 32)(x, x)]))
        y = layers.Dense(128)(layers.Dense(512, activation="gelu")(x))
        x = layers.LayerNormalization()(layers.Add()([x, y]))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling1D()(x)))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, np.random.randint(0, 5000, (32, 64)), np.arange(32) % 2


MODELS = {"ResNet50": resnet, "transformer": transformer}


class Blocks(keras.callbacks.Callback):
    """Takes the watch away from every other block of steps, and notes the processor time of each block."""

    def __init__(self, watch: Watch, steps: int) -> None:
        super().__init__()
        self.watch, self.steps = watch, steps
        self.seconds: dict[bool, list[float]] = {True: [], False: []}
        self.watched = True
        self.began = 0.0

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        if (batch + 1) % self.steps:
            return
        # The logs are read so that no step of this block is still running.
        float(np.asarray(keras.ops.convert_to_numpy(keras.tree.flatten(logs)[0])))
        now = time.process_time()
        if batch + 1 > WARM_UP * self.steps:
            self.seconds[self.watched].append((now - self.began) / self.steps)
        self.watched = not self.watched
        if self.watched:
            self.model.train_function = self.watching
        else:
            self.watching = self.model.train_function
            self.model.train_function = self.watching.original
        self.began = time.process_time()

    def on_train_end(self, logs: object = None) -> None:
        if not self.watched:
            self.model.train_function = self.watching


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--blocks", type=int, default=20, help="pairs of blocks that are compared")
    parser.add_argument("--steps", type=int, default=8, help="steps of a block")
    parser.add_argument("--model", action="append", choices=list(MODELS), default=[])
    arguments = parser.parse_args()
    for name in arguments.model or MODELS:
        model, x, y = MODELS[name]()
        steps = (WARM_UP + 2 * arguments.blocks) * arguments.steps

        def batches(x: np.ndarray = x, y: np.ndarray = y, steps: int = steps) -> object:
            for _ in range(steps):
                yield x, y

        watch = Watch(fail_on="never")
        blocks = Blocks(watch, arguments.steps)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(batches(), steps_per_epoch=steps, epochs=1, verbose=0, callbacks=[watch, blocks])
        watched, plain = blocks.seconds[True], blocks.seconds[False]
        pairs = [one / other for one, other in zip(watched, plain, strict=True)]
        print(
            f"{keras.backend.backend()}, {name}: {statistics.median(plain):.4f} s of processor time a step, watched "
            f"{statistics.median(watched):.4f} s; ratio of {len(pairs)} pairs of blocks of {arguments.steps} steps: "
            f"median {statistics.median(pairs):.3f}, of their sums {sum(watched) / sum(plain):.3f}; "
            f"before and in the first step {watch.seconds - watch.seconds_while_training:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
