"""Prove what graphlint sees inside public models: run each opened body again, perturb each variable, time the trace.

    python -m tests.benchmarks.inside.prove kerashub
    python -m tests.benchmarks.inside.prove published vector_quantizer

For each model: bodies replayed (one layer of each class, in both modes, at two sizes) as exact, within 1e-5, or wrong,
and those that cannot be compared because the layer differs from itself or fails on its own; variables perturbed, of
those how many the graph calls unreachable, and contradictions; conflicts of shapes; seconds of Keras's own inference of
the whole model, of one recorded run, and of opening it.
"""

from __future__ import annotations

import argparse
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import keras
import numpy as np

from graphlint.knowledge import keras_internals
from graphlint.model.expand import expand
from graphlint.sources.live import read_live
from graphlint.tracing.inputs import known_arguments
from graphlint.tracing.record import record
from graphlint.tracing.structure import mapped
from tests.tracing.oracles import Influence, influence, repeats_itself, replay, shape_conflicts, units

COLUMNS = ("exact", "1e-5", "wrong", "none", "tried", "unreached", "contradictions", "shapes", "Keras", "run", "open")


def arrays(model: keras.Model) -> Any:
    """Arrays that a model can be called with: two rows, eight entries in other free dimensions."""
    arguments = known_arguments(model)
    assert arguments is not None
    random = np.random.default_rng(5)

    def array(leaf: Any) -> Any:
        if not isinstance(leaf, keras.KerasTensor):
            return leaf
        shape = tuple((2 if axis == 0 else 8) if size is None else size for axis, size in enumerate(leaf.shape))
        if leaf.dtype == "bool" or "mask" in str(leaf.name):
            return np.ones(shape, leaf.dtype)
        if str(leaf.dtype).startswith(("int", "uint")):
            return random.integers(0, 2, shape).astype(leaf.dtype)
        return random.uniform(-1, 1, shape).astype(leaf.dtype)

    return mapped(arguments, array)


def replayed(model: keras.Model, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, unit in units(model, args, kwargs).items():
        for training in (False, True):
            try:
                if not repeats_itself(unit.layer, unit.args, unit.kwargs, training=training):
                    found["none"] += 1
                    continue
            except Exception as error:
                print(f"    {name} fails on its own, training={training}: {type(error).__name__}: {str(error)[:200]}")
                found["none"] += 1
                continue
            try:
                worst = replay(unit.layer, unit.args, unit.kwargs, training=training, specs=unit.specs)
            except Exception:
                print(f"    {name} training={training}: {traceback.format_exc()[-600:]}")
                found["wrong"] += 1
                continue
            found["exact" if worst == 0 else "1e-5" if worst <= 1e-5 else "wrong"] += 1
            if not worst <= 1e-5:
                print(f"    {name} training={training} differs by {worst}")
    return found


def least(function: Callable[[], Any], repeats: int = 3) -> float:
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return min(times)


def cost(model: keras.Model) -> tuple[float, float, float]:
    """Seconds of Keras's inference of the model, of one recorded run, and of opening it."""
    arguments = known_arguments(model)
    assert arguments is not None
    args, kwargs = arguments
    tensors = [leaf for leaf in keras.tree.flatten((args, kwargs)) if isinstance(leaf, keras.KerasTensor)]

    def run(*values: Any) -> Any:
        given = dict(zip(map(id, tensors), values, strict=True))
        filled = keras.tree.map_structure(lambda leaf: given.get(id(leaf), leaf), (args, kwargs))
        return model(*filled[0], **filled[1])

    spec = least(lambda: keras_internals.run_abstractly(run, *tensors))
    one = least(lambda: record(model, args, kwargs, training=False))
    closed = least(lambda: read_live(model))
    opened = least(lambda: read_live(model, open_layers=True))
    return spec, one, opened - closed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("set")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    models = import_module(f"tests.benchmarks.inside.{options.set}").MODELS
    totals: dict[str, float] = {"failed": 0}
    print(
        f"{'model':36}{'exact':>6}{'1e-5':>6}{'wrong':>6}{'none':>6}{'tried':>7}{'unreached':>10}{'contra':>7}"
        f"{'shapes':>7}{'Keras':>8}{'run':>7}{'open':>7}"
    )
    for name in options.names or models:
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(7)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = models[name]()
            found: Counter[str] = Counter()
            perturbed = Influence()
            seconds = (0.0, 0.0, 0.0)
            conflicts = []
            try:
                seconds = cost(model)
                conflicts = shape_conflicts(expand(read_live(model, open_layers=True)))
                args, kwargs = arrays(model)
                found = replayed(model, args, kwargs)
                perturbed = influence(model, partial(model, *args, **kwargs, training=False))
            except Exception:
                print(f"    {name}: {traceback.format_exc()[-600:]}")
                totals["failed"] += 1
        for conflict in conflicts:
            print(f"    shape: {conflict}")
        for what in perturbed.contradictions:
            print(f"    contradiction: {what}")
        row = [found[key] for key in ("exact", "1e-5", "wrong", "none")]
        row += [perturbed.tried, len(perturbed.unreached), len(perturbed.contradictions), len(conflicts)]
        print(
            f"{name:36}{row[0]:6}{row[1]:6}{row[2]:6}{row[3]:6}{row[4]:7}{row[5]:10}{row[6]:7}{row[7]:7}"
            f"{seconds[0]:8.3f}{seconds[1]:7.3f}{seconds[2]:7.3f}",
            flush=True,
        )
        keys = (
            "exact",
            "1e-5",
            "wrong",
            "none",
            "tried",
            "unreached",
            "contradictions",
            "shapes",
            "Keras",
            "run",
            "open",
        )
        for key, value in zip(keys, (*row, *seconds), strict=True):
            totals[key] = totals.get(key, 0) + value
    print(", ".join(f"{key} {value:.4g}" for key, value in totals.items()))


if __name__ == "__main__":
    main()
