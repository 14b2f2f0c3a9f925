"""Prove what graphlint sees inside public models: run each opened body again, perturb each variable, time the trace.

    python -m tests.benchmarks.inside.prove kerashub
    python -m tests.benchmarks.inside.prove published vector_quantizer

For each model: bodies replayed (one layer of each class, in both modes, at two sizes) as exact, within 1e-5, or wrong,
and those that cannot be compared because the layer differs from itself or fails on its own; variables perturbed, of
those XX
"""

from __future__ import annotations

import argparse
import gc
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
from tests.tracing.oracles import influence, repeats_itself, replay, shape_conflicts, units

COSTS = ("Keras", "run", "open", "run/Keras", "open/Keras")
TURNS = 9
PROVED = ("exact", "1e-5", "wrong", "none", "perturbed", "unreachable", "contradictions", "shapes")


def arrays(model: keras.Model, size: int = 8) -> Any:
    """Arrays that a model can be called with: two rows, ``size`` entries in other free dimensions."""
    arguments = known_arguments(model)
    assert arguments is not None
    random = np.random.default_rng(5)
    return mapped(
        arguments, lambda leaf: array_like(leaf, random, size) if isinstance(leaf, keras.KerasTensor) else leaf
    )


def array_like(symbol: keras.KerasTensor, random: np.random.Generator, size: int) -> np.ndarray:
    """An array for an Input: masks let everything through, numbers of tokens are 0 or 1."""
    shape = tuple((2 if axis == 0 else size) if known is None else known for axis, known in enumerate(symbol.shape))
    if symbol.dtype == "bool" or "mask" in str(symbol.name):
        return np.ones(shape, symbol.dtype)
    if str(symbol.dtype).startswith(("int", "uint")):
        return random.integers(0, 2, shape).astype(symbol.dtype)
    return random.uniform(-1, 1, shape).astype(symbol.dtype)


def replayed(model: keras.Model, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, unit in units(model, args, kwargs).items():
        for training in (False, True):
            try:
                worst = replay(unit.layer, unit.args, unit.kwargs, training=training, specs=unit.specs)
                what = "exact" if worst == 0 else "1e-5" if worst <= 1e-5 else f"wrong: differs by {worst}"
            except Exception:
                what = f"wrong: {traceback.format_exc()[-600:]}"
            if what.startswith("wrong"):
                try:
                    if not repeats_itself(unit.layer, unit.args, unit.kwargs, training=training):
                        what = "none: the layer differs from itself"
                except Exception as error:
                    what = f"none: the layer fails on its own: {type(error).__name__}: {str(error)[:200]}"
            kind, _, more = what.partition(":")
            found[kind] += 1
            if more:
                print(f"    {name} training={training} {what}")
    return found


def proved(model: keras.Model, size: int = 8) -> tuple[float, ...]:
    graph = expand(read_live(model, open_layers=True))
    conflicts = shape_conflicts(graph)
    args, kwargs = arrays(model, size)
    found = replayed(model, args, kwargs)
    perturbed = influence(graph, partial(model, *args, **kwargs, training=False))
    for what in (*conflicts, *perturbed.contradictions):
        print(f"    {what}")
    return (
        *(found[key] for key in PROVED[:4]),
        perturbed.tried,
        len(perturbed.unreached),
        len(perturbed.contradictions),
        len(conflicts),
    )


def cost(model: keras.Model) -> tuple[float, ...]:
    """Seconds of this process for Keras's inference of the model, one recorded run and opening the model; the last two
    as multiples of the first.

    Each is the least of several, in turns, so that what else runs on the machine slows them alike.
    """
    arguments = known_arguments(model)
    assert arguments is not None
    args, kwargs = arguments
    tensors = [leaf for leaf in keras.tree.flatten((args, kwargs)) if isinstance(leaf, keras.KerasTensor)]

    def run(*values: Any) -> Any:
        given = dict(zip(map(id, tensors), values, strict=True))
        filled = keras.tree.map_structure(lambda leaf: given.get(id(leaf), leaf), (args, kwargs))
        return model(*filled[0], **filled[1])

    measured: list[Callable[[], Any]] = [
        lambda: keras_internals.run_abstractly(run, *tensors),
        lambda: record(model, args, kwargs, training=False),
        lambda: read_live(model),
        lambda: read_live(model, open_layers=True),
    ]
    least = [float("inf")] * len(measured)
    for _ in range(TURNS):
        for place, function in enumerate(measured):
            gc.collect()
            started = time.process_time()
            function()
            least[place] = min(least[place], time.process_time() - started)
    spec, one, closed, opened = least
    return spec, one, opened - closed, one / spec, (opened - closed) / spec


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("set")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--cost", action="store_true", help="only measure the time")
    options = parser.parse_args()
    module = import_module(f"tests.benchmarks.inside.{options.set}")
    models, sizes = module.MODELS, getattr(module, "SIZES", {})
    totals: dict[str, float] = {}
    columns = COSTS if options.cost else PROVED
    print(f"{'model':36}" + "".join(f"{column:>15}" for column in columns))
    for name in options.names or models:
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(7)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = models[name]()
                row = cost(model) if options.cost else proved(model, sizes.get(name, 8))
        except Exception:
            print(f"    {name}: {traceback.format_exc()[-600:]}")
            totals["failed"] = totals.get("failed", 0) + 1
            continue
        print(f"{name:36}" + "".join(f"{value:15.4g}" for value in row), flush=True)
        for column, value in zip(columns, row, strict=True):
            totals[column] = totals.get(column, 0) + value
    print(", ".join(f"{column} {value:.4g}" for column, value in totals.items()))


if __name__ == "__main__":
    main()
