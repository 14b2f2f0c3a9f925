"""Public architectures as they are usually written, and whether a default rule reports an error or warning on one.

    python tests/benchmarks/architectures.py [--only NAME]... [--train]

Each is built small, compiled where a training script would compile it, and checked in memory and as a saved file.
``--train`` trains each for some steps on random data before. Exits with 1 when something was reported.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras
import numpy as np

from tests.benchmarks.applications_gate import findings
from tests.models import ARCHITECTURES


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
