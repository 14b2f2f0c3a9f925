"""A012: parallel layers that an integer seed initialises identically."""

from __future__ import annotations

import json
from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import Layer, ModelGraph, Tensor, Variable
from graphlint.projections.canonical import plain

_INITIALIZERS = ("depthwise_initializer", "kernel_initializer", "embeddings_initializer")


class SameSeedSiblings(Rule):
    """Two branches of one input start with the same weights.

    ## What it does
    Reports layers of one class, with the same configuration, the same integer seed in the initializer of their weights
    and the same input, whose outputs are combined later.

    ## Why is this bad?
    An integer seed gives the same values every time. The branches compute the same thing; if their outputs are merged
    symmetrically they receive the same gradients and stay equal, so all but one are wasted.

    ## Example
    ```python
    x = keras.Input((4,))
    start = {"kernel_initializer": keras.initializers.GlorotUniform(seed=1), "activation": "relu"}
    model = keras.Model(x, layers.Add()([layers.Dense(8, **start)(x), layers.Dense(8, **start)(x)]))
    ```

    ## Use instead
    ```python
    x = keras.Input((4,))
    a = layers.Dense(8, activation="relu", kernel_initializer=keras.initializers.GlorotUniform(seed=1))(x)
    b = layers.Dense(8, activation="relu", kernel_initializer=keras.initializers.GlorotUniform(seed=2))(x)
    model = keras.Model(x, layers.Add()([a, b]))
    ```

    ## Fix
    None: give every layer its own seed, or call `keras.utils.set_random_seed` once and give the initializers none.

    ## Not reported
    Layers with different inputs; branches whose stored kernels differ; branches that are never combined.

    ## References
    Seen in public code: one initializer object passed to every layer.
    """

    code = "A012"
    name = "same-seed-siblings"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        groups: dict[tuple[str, tuple[Tensor, ...]], dict[str, str]] = {}
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            if not layer.is_keras or _seed(layer) is None:
                continue
            groups.setdefault((_signature(layer), tuple(graph.producers(call.id))), {}).setdefault(layer.path, call.id)
        for members in groups.values():
            if len(members) < 2:
                continue
            layers = list(members)
            same = [path for path in layers if _equal(graph, layers[0], path)]
            if not _meet(graph, [members[path] for path in same]):
                continue
            first = graph.layers[same[0]]
            yield Problem(
                f"{len(same)} layers {', '.join(repr(graph.layers[path].name) for path in same[:4])} with the same "
                f"configuration, input and initializer seed {_seed(first)} start with the same weights",
                members[same[0]],
                "Give every layer its own seed, or none: kernel_initializer='glorot_uniform'.",
                related=tuple(members[path] for path in same[1:]),
            )


def _seed(layer: Layer) -> int | None:
    """The seed of the initializer of the first weights."""
    initializer = next((layer.config[key] for key in _INITIALIZERS if layer.config.get(key) is not None), None)
    config = initializer.get("config") if isinstance(initializer, dict) else None
    seed = config.get("seed") if isinstance(config, dict) else None
    return seed if isinstance(seed, int) and not isinstance(seed, bool) else None


def _signature(layer: Layer) -> str:
    config = {key: value for key, value in layer.config.items() if key != "name"}
    return json.dumps([layer.class_name, plain(config)], sort_keys=True)


def _equal(graph: ModelGraph, first: str, second: str) -> bool:
    """Whether the stored kernels are equal; true if they are unknown."""
    left, right = _kernel(graph, first), _kernel(graph, second)
    if left is None or right is None or left is right or left.values is None or right.values is None:
        return True
    if left.shape != right.shape:
        return False
    return all((one == two).all() for one, two in zip(left.values.chunks(), right.values.chunks(), strict=True))


def _kernel(graph: ModelGraph, layer: str) -> Variable | None:
    return next(iter(graph.variables_below(layer)), None)


def _meet(graph: ModelGraph, calls: list[str]) -> bool:
    """Whether two of the calls influence a common call."""
    seen: set[str] = set()
    for call in calls:
        reached = graph.descendants([call])
        if reached & seen:
            return True
        seen |= reached
    return False
