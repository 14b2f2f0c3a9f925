"""Processor time of every rule relative to building the graph, on graphs of about 100,000 calls of several shapes.

    python tests/benchmarks/rule_cost.py [--calls 100000] [--all]

Each shape is also built at half the size: the last column is how the time grows when the size doubles, 2 for a linear
rule. Prints the slowest rules of each shape, all with ``--all``.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from graphlint.engine.registry import load_registry
from graphlint.engine.rule import Need
from graphlint.model.definition import (
    Body,
    CallDefinition,
    LayerDefinition,
    ModelDefinition,
    TensorRef,
    TensorSpec,
    VariableDefinition,
)
from graphlint.model.expand import expand

WIDTH = 8
SPEC = TensorSpec((None, WIDTH), "float32")
LOSS = {"loss": "categorical_crossentropy", "optimizer": {"class_name": "Adam", "config": {}}, "metrics": None}


def layer(
    name: str, class_name: str, shapes: dict[str, tuple[int, ...]] | None = None, **config: Any
) -> LayerDefinition:
    variables = [
        VariableDefinition(slot, index, shape, dtype="float32", trainable=not slot.startswith("moving"))
        for index, (slot, shape) in enumerate((shapes or {}).items())
    ]
    settings = {"name": name, "trainable": True, "dtype": "float32", **config}
    return LayerDefinition(name, class_name, "keras.layers", config=settings, variables=variables)


def dense(name: str, activation: str = "linear") -> LayerDefinition:
    shapes = {"kernel": (WIDTH, WIDTH), "bias": (WIDTH,)}
    return layer(name, "Dense", shapes, units=WIDTH, activation=activation, use_bias=True)


def norm(name: str) -> LayerDefinition:
    shapes = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (WIDTH,))
    return layer(name, "BatchNormalization", shapes, axis=-1, momentum=0.99, center=True, scale=True)


class Builder:
    """A body in the making; every method returns the index of the call it adds."""

    def __init__(self) -> None:
        self.calls: list[CallDefinition] = []

    def input(self, name: str) -> int:
        return self.call(layer(name, "InputLayer", batch_shape=[None, WIDTH]))

    def call(self, target: LayerDefinition, *sources: int, merge: bool = False) -> int:
        refs = [TensorRef(source, 0) for source in sources]
        arguments = ([refs],) if merge else tuple(refs)
        self.calls.append(CallDefinition(target, tuple(map(list, arguments)) if merge else arguments, outputs=(SPEC,)))
        return len(self.calls) - 1

    def model(self, name: str, inputs: list[int], outputs: list[int]) -> LayerDefinition:
        layers = list({id(one.layer): one.layer for one in self.calls}.values())
        body = Body(layers, self.calls, [TensorRef(i, 0) for i in inputs], outputs=[TensorRef(i, 0) for i in outputs])
        config = {"name": name, "trainable": True}
        module = "keras.src.models.functional"
        return LayerDefinition(name, "Functional", module, config=config, is_model=True, body=body)


def chain(calls: int) -> LayerDefinition:
    """Residual blocks one after the other, every layer its own."""
    made = Builder()
    x = start = made.input("input")
    for number in range(calls // 5):
        y = made.call(dense(f"dense_{number}"), x)
        y = made.call(norm(f"norm_{number}"), y)
        y = made.call(layer(f"relu_{number}", "ReLU"), y)
        y = made.call(layer(f"dropout_{number}", "Dropout", rate=0.1), y)
        x = made.call(layer(f"add_{number}", "Add"), x, y, merge=True)
    return made.model("chain", [start], [x])


def doublings(calls: int) -> LayerDefinition:
    """A block inside a model that calls it twice, inside a model that calls that twice, and so on."""
    made = Builder()
    start = made.input("input")
    x = made.call(layer("relu", "ReLU"), made.call(norm("norm"), made.call(dense("dense"), start)))
    inner = made.model("block", [start], [x])
    size = 4
    while size * 2 + 1 < calls * 1.2:
        made = Builder()
        start = made.input("input")
        inner = made.model(f"twice_{size}", [start], [made.call(inner, made.call(inner, start))])
        size = size * 2 + 1
    return inner


def shared(calls: int) -> LayerDefinition:
    """One layer called on very many inputs, all concatenated."""
    made = Builder()
    one = dense("dense", "relu")
    inputs = [made.input(f"input_{number}") for number in range(calls // 2)]
    ends = [made.call(one, start) for start in inputs]
    return made.model("shared", inputs, [made.call(layer("maximum", "Maximum"), *ends, merge=True)])


def towers(calls: int) -> LayerDefinition:
    """Very many branches from one input, each an output."""
    made = Builder()
    start = made.input("input")
    ends = []
    for number in range(calls // 4):
        x = made.call(dense(f"dense_{number}", "relu"), start)
        x = made.call(layer(f"dropout_{number}", "Dropout", rate=0.1), x)
        ends.append(made.call(dense(f"head_{number}", "softmax"), x))
    return made.model("towers", [start], ends)


SHAPES: dict[str, Callable[[int], LayerDefinition]] = {one.__name__: one for one in (chain, doublings, shared, towers)}


def measure(build: Callable[[int], LayerDefinition], calls: int) -> tuple[int, float, dict[str, float]]:
    """Number of calls, seconds to build the graph, and seconds of each rule; without collections, as in a check."""
    gc.collect()
    gc.disable()
    definition = ModelDefinition(
        build(calls), "static", "keras", keras_version="3.15.0", has_weights=True, compile_config=LOSS
    )
    start = time.process_time()
    graph = expand(definition)
    building = time.process_time() - start
    rules = {}
    for rule in load_registry():
        if Need.LIVE not in rule.needs:
            start = time.process_time()
            for _ in rule().check(graph):
                pass
            rules[rule.code] = time.process_time() - start
    return len(graph.calls), building, rules


def report(name: str, calls: int, everything: bool) -> Iterator[str]:
    _, half_building, half = measure(SHAPES[name], calls // 2)
    count, building, rules = measure(SHAPES[name], calls)
    yield f"{name}: {count:,} calls, graph built in {building:.2f} s (x{building / half_building:.1f})"
    slowest = sorted(rules, key=lambda code: -rules[code])
    for code in slowest if everything else slowest[:8]:
        growth = rules[code] / max(half[code], 1e-4)
        yield f"    {code} {rules[code]:7.3f} s {rules[code] / building:6.2f} of building   x{growth:.1f}"
    yield f"    all rules {sum(rules.values()):.2f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--all", action="store_true", help="every rule")
    parser.add_argument("--shape", action="append", default=[], choices=[*SHAPES, []])
    options = parser.parse_args()
    for name in options.shape or SHAPES:
        print(*report(name, options.calls, options.all), sep="\n", flush=True)


if __name__ == "__main__":
    main()
