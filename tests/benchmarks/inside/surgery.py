"""How much of what code calls can be cut and rebuilt: `python -m tests.benchmarks.inside.surgery [SET] [MODEL...]`.

For each model of the set (`kerashub` or `published`): whether it is or becomes Functional as a whole; and with every
custom layer opened at once, which of them are whole, why the others are not, how far the outputs of the opened model
are from those of the model, and whether features at the first inner layer of each class are what that layer returns.
"""

from __future__ import annotations

import gc
import sys
import time
import warnings
from collections import Counter
from importlib import import_module
from typing import Any

import keras
import numpy as np

from graphlint.errors import GraphlintError, one_line
from graphlint.knowledge import keras_internals
from graphlint.model.address import ROOT
from graphlint.replay.extract import features
from graphlint.replay.functional import as_functional
from graphlint.replay.opened import Opened
from graphlint.replay.transaction import Transaction
from graphlint.replay.verify import States
from graphlint.replay.watching import Watch
from tests.benchmarks.inside.prove import array_like


def main() -> None:
    chosen = sys.argv[1] if len(sys.argv) > 1 else "kerashub"
    module = import_module(f"tests.benchmarks.inside.{chosen}")
    models, sizes = module.MODELS, getattr(module, "SIZES", {})
    totals: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for name in sys.argv[2:] or models:
        start = time.perf_counter()
        keras.utils.set_random_seed(0)
        keras.backend.clear_session()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                row = _row(models[name](), sizes.get(name, 8), totals, reasons)
            except GraphlintError as error:
                totals["nothing opened"] += 1
                row = f"nothing opened: {one_line(error, 200)}"
            except Exception as error:
                totals["failed"] += 1
                row = f"FAILED {one_line(error, 200)}"
        print(f"{name:28} {row} ({time.perf_counter() - start:.0f} s)", flush=True)
        gc.collect()
    print(dict(totals))
    for reason, count in reasons.most_common():
        print(f"{count:4} {reason}")


def _row(model: keras.Model, size: int, totals: Counter[str], reasons: Counter[str]) -> str:
    was = keras_internals.graph_model(model) is not None
    try:
        whole = "is Functional" if as_functional(model) is model else "becomes Functional"
        totals[whole] += 1
    except GraphlintError as error:
        whole = "refused"
        totals["refused"] += 1
        reasons[f"model: {_short(error)}"] += 1
    opened = Opened(model)
    graph = opened.graph
    opened.opens = {scope.layer for scope in graph.scopes.values() if scope.id != ROOT and opened.is_traced(scope.id)}
    with Transaction(keras_internals.all_layers(model), keep=False):
        built, _ = opened.build()
        inside = len(opened.opens)
        stuck = set(opened.stuck)
        for path in stuck:
            reasons[f"layer: {graph.layers[path].class_name}: {opened.stuck[path].partition(' ')[2][:90]}"] += 1
        totals["layers"] += inside
        totals["layers whole"] += inside - len(stuck)
        far = "-" if built is None or opened.incomplete is not None else f"{_distance(model, built, opened, size):.1g}"
    found = _features(model, opened, stuck, size)
    totals[f"features {found}"] += 1
    kind = "Functional" if was else type(model).__mro__[1].__name__
    return f"{kind:10} {whole:18} layers {inside - len(stuck)}/{inside} outputs {far} features {found}"


def _short(error: Exception) -> str:
    text = str(error).replace("\n", " ")
    return text.partition(": ")[2][:110] or text[:110]


def _batch(model: keras.Model, opened: Opened, size: int) -> tuple[Any, Any]:
    """What the model is called on, and its Functional twin: two rows, ``size`` entries in other free dimensions."""
    if opened.is_traced(ROOT):
        args, kwargs, structure = opened.declared()
    else:
        structure = keras_internals.declared_inputs(keras_internals.graph_model(model))
        args, kwargs = (structure,), {}
    symbols = keras.tree.flatten(structure)
    random = np.random.default_rng(5)
    arrays = {id(one): keras.ops.convert_to_tensor(array_like(one, random, size)) for one in symbols}
    filled = keras.tree.map_structure(lambda leaf: arrays.get(id(leaf), leaf), (args, kwargs, structure))
    return (filled[0], filled[1]), filled[2]


def _distance(model: keras.Model, built: keras.Model, opened: Opened, size: int) -> float:
    (args, kwargs), structure = _batch(model, opened, size)
    states = States(keras_internals.all_layers(model))
    expected = keras.tree.flatten(model(*args, **kwargs, training=False))
    states.restore()
    pairs = zip(expected, keras.tree.flatten(built(structure, training=False)), strict=True)
    return max(
        float(np.max(np.abs(np.asarray(one, "float64") - np.asarray(other, "float64")), initial=0.0))
        for one, other in pairs
    )


def _features(model: keras.Model, opened: Opened, stuck: set[str], size: int) -> str:
    graph = opened.graph
    # A layer that code makes in each call is another one when the model runs.
    kept = {id(layer) for layer in keras_internals.all_layers(model)}
    addresses: dict[str, str] = {}
    for call in graph.calls.values():
        scope = graph.scopes[call.scope]
        layer = graph.layers[call.layer]
        if scope.id == ROOT or not opened.is_traced(scope.id) or id(layer.obj) not in kept:
            continue
        if scope.layer not in stuck and len(call.outputs) == 1:
            addresses.setdefault(str(graph.layers[scope.layer].class_name), call.id)
    if not addresses:
        return "none"
    ids = list(addresses.values())[:3]
    try:
        made = features(model, [graph.address(one) for one in ids])
    except GraphlintError as error:
        return f"refused ({_short(error)})"
    (args, kwargs), structure = _batch(model, opened, size)
    watch, states = Watch(model), States(keras_internals.all_layers(model))
    with watch.running():
        model(*args, **kwargs, training=False)
    states.restore()
    results = made(structure, training=False)
    for one in ids:
        layer = graph.layers[graph.calls[one].layer].obj
        seen = [each.outputs[0] for each in watch.seen if each.layer is layer and each.outputs]
        value = np.asarray(results[graph.address(one)])
        if not any(each.shape == value.shape and np.allclose(each, value, atol=1e-5) for each in seen):
            return f"DIFFER at {one}"
    return "equal"


if __name__ == "__main__":
    main()
