"""Split every architecture of keras.applications, plain and nested, and compare.

For each architecture below a size limit: cuts at separating tensors spread over its depth, and random cuts of several
tensors, completed. ``tail(head(x))`` must equal ``model(x)`` exactly, eagerly on the CPU, on two batches, and the
parameters of both halves must add up to those of the model. The same again one and two models deep.

    python -m tests.benchmarks.split_applications [--limit-mb 120] [--only NAME ...]
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from graphlint.model.graph import Tensor
from graphlint.replay.boundary import boundary
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.split import split

SEPARATING = 10
RANDOM_CUTS = 5
NESTED_CUTS = 3


@dataclass
class Row:
    """What was measured on one architecture."""

    name: str
    megabytes: float
    calls: int
    separating: int
    cuts: int = 0
    nested: int = 0
    worst: float = 0.0
    split_seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        slowest = max(self.split_seconds, default=0.0)
        return (
            f"{self.name:20} {self.megabytes:6.1f} {self.calls:6} {self.separating:6} {self.cuts:5} {self.nested:6} "
            f"{self.worst:10g} {1000 * slowest:8.0f}  {'; '.join(self.failures) or 'ok'}"
        )


HEADER = (
    f"{'architecture':20} {'MB':>6} {'calls':>6} {'separ.':>6} {'cuts':>5} {'nested':>6} "
    f"{'difference':>10} {'max ms':>8}"
)


def architectures() -> Iterator[tuple[str, Callable[..., keras.Model]]]:
    """The model functions of keras.applications."""
    for name in sorted(dir(keras.applications)):
        made = getattr(keras.applications, name)
        if name[0].isupper() and callable(made):
            yield name, made


def small(make: Callable[..., keras.Model]) -> keras.Model:
    """An architecture with random weights, on the smallest images it takes."""
    for size in (32, 64, 75, 96, 224, 331):
        try:
            return make(weights=None, input_shape=(size, size, 3))
        except ValueError:
            keras.utils.clear_session()
    return make(weights=None)


def randomize(model: keras.Model) -> None:
    """Give biases and statistics other values than zeros and ones, so that a wrong wiring shows."""
    generator = np.random.default_rng(1)
    for variable in model.weights:
        value = np.asarray(variable)
        if value.ndim == 1:
            variable.assign(value + generator.uniform(0.0, 0.1, value.shape).astype(value.dtype))


def separating(live: LiveGraph) -> list[Tensor]:
    """The tensors through which everything flows, in graph order."""
    found = []
    for call, node in live.graph.calls.items():
        for output in range(len(node.outputs)):
            tensor = Tensor(call, output)
            if not boundary(live, [tensor], live.graph.outputs).leaking_inputs:
                found.append(tensor)
    return found


def measure(model: keras.Model, at: list[str], batches: list[np.ndarray], wanted: list[Any], row: Row) -> None:
    """Split once and compare."""
    begin = time.perf_counter()
    head, tail = split(model, at, complete=True)
    row.split_seconds.append(time.perf_counter() - begin)
    for batch, expected in zip(batches, wanted, strict=True):
        row.worst = max(row.worst, float(np.max(np.abs(np.asarray(tail(head(batch))) - np.asarray(expected)))))
    sizes = [{id(v): int(np.prod(v.shape)) for v in one.weights} for one in (head, tail, model)]
    both = sum(size for key, size in sizes[0].items() if key in sizes[1])
    if sum(sizes[0].values()) + sum(sizes[1].values()) - both != sum(sizes[2].values()):
        row.failures.append(f"parameters at {at}")


def nest(model: keras.Model, depth: int) -> keras.Model:
    """The model inside other models."""
    for level in range(depth):
        inputs = keras.Input(model.input_shape[1:], name=f"level_{level}_input")
        model = keras.Model(inputs, model(inputs), name=f"level_{level}")
    return model


def check(name: str, model: keras.Model, *, cuts: int = SEPARATING, random_cuts: int = RANDOM_CUTS) -> Row:
    """Everything that is measured on one architecture."""
    keras.config.disable_traceback_filtering()
    randomize(model)
    live = LiveGraph(model)
    calls = [call for call in live.graph.calls if call in live.graph.live_nodes]
    tensors = separating(live)
    megabytes = sum(int(np.prod(v.shape)) for v in model.weights) * 4 / 2**20
    row = Row(name, megabytes, len(calls), len(tensors))
    chosen = [tensors[int(i)] for i in np.unique(np.linspace(0, len(tensors) - 1, cuts).astype(int))]
    chooser = random.Random(name)
    several = [chooser.sample(calls, chooser.randint(2, 4)) for _ in range(random_cuts)]
    addresses = [[live.graph.address(tensor)] for tensor in chosen]
    addresses += [[live.graph.address(Tensor(call, 0)) for call in sorted(some)] for some in several]
    generator = np.random.default_rng(0)
    shape = model.input_shape[1:]
    batches = [generator.uniform(0, 255, (size, *shape)).astype("float32") for size in (1, 2)]
    wanted = [model(batch) for batch in batches]
    for at in addresses:
        _attempt(row, at, lambda at=at: measure(model, at, batches, wanted, row))
        row.cuts += 1
    for depth in (1, 2):
        outer = nest(model, depth)
        prefix = "/".join([f"level_{level}" for level in reversed(range(depth - 1))] + [model.name])
        for at in addresses[1 :: max(1, len(addresses) // NESTED_CUTS)]:
            inside = [f"{prefix}/{address}" for address in at]
            _attempt(row, inside, lambda outer=outer, inside=inside: measure(outer, inside, batches, wanted, row))
            row.nested += 1
    if row.worst > 0:
        row.failures.append(f"differs by {row.worst:g}")
    return row


def _attempt(row: Row, at: list[str], action: Callable[[], None]) -> None:
    try:
        action()
    except Exception as error:
        row.failures.append(f"{at}: {type(error).__name__}: {error}"[:300])


def main() -> int:
    """Run over all architectures and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit-mb", type=float, default=120.0)
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    print(HEADER, flush=True)
    failed = 0
    for name, make in architectures():
        if options.only and name not in options.only:
            continue
        keras.utils.clear_session()
        keras.utils.set_random_seed(3)
        model = small(make)
        megabytes = sum(int(np.prod(v.shape)) for v in model.weights) * 4 / 2**20
        if megabytes > options.limit_mb:
            print(f"{name:20} {megabytes:6.1f}  over the limit", flush=True)
            continue
        row = check(name, model)
        failed += bool(row.failures)
        print(row, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
