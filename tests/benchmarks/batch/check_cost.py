"""How long `check(model, data=)` takes.

    python tests/benchmarks/batch/check_cost.py

For some models, the processor time (of all threads of the process) and the elapsed time of the first check and of a
second one, and of a check without data.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[3]))

import keras
import numpy as np

import graphlint
from tests.benchmarks.batch.plausible import plausible
from tests.benchmarks.batch.watch_cost import MODELS
from tests.models import ARCHITECTURES

SMALL = ("lenet", "tagger_masked", "deep_and_cross", "text_transformer")


def taken(run: Callable[[], object]) -> str:
    """The times of one run, in seconds."""
    begun, worked = time.perf_counter(), time.process_time()
    run()
    return f"{time.process_time() - worked:.2f} ({time.perf_counter() - begun:.2f})"


def main() -> None:
    warnings.simplefilter("ignore")
    print("| model | parameters | without data | with data, first | again |", "|---|---|---|---|---|", sep="\n")
    for name in (*SMALL, *MODELS):
        if name in MODELS:
            model, x, y = MODELS[name]()
        else:
            model = ARCHITECTURES[name]()
            x, y = plausible(model)
        data = x if y is None else (x, y)
        times = [taken(lambda: graphlint.check(model, preview=True))]  # noqa: B023  runs at once
        times += [taken(lambda: graphlint.check(model, data=data)) for _ in range(2)]  # noqa: B023  runs at once
        size = sum(int(np.prod(one.shape)) for one in model.weights)
        print(f"| {name} on {keras.backend.backend()} | {size:,} | {' | '.join(times)} |", flush=True)


if __name__ == "__main__":
    main()
