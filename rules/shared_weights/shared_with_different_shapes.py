"""S006: shared layers whose calls have inputs of different shapes."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.definition import Shape
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import Layer, ModelGraph

_FREE = frozenset({Family.CONVOLUTION, Family.RECURRENT, Family.WRAPPER, Family.EMBEDDING, Family.ATTENTION})
"""Families that accept inputs of any length or size: this rule's judgement."""


class SharedWithDifferentShapes(Rule):
    """One layer is called on inputs of different shapes.

    ## What it does
    Compares the input shapes of the calls of a shared layer, without the batch axis. A warning if the weights of the
    layer depend on an axis that differs.

    ## Why is this bad?
    A Dense that is shared between `(?, 8)` and `(?, 3, 8)` usually comes from a flatten or pooling that is missing in
    one of the branches. It runs nevertheless, and is sometimes meant.

    ## Example
    ```python
    a = keras.Input((8,), name="a")
    b = keras.Input((3, 8), name="b")
    dense = layers.Dense(4)
    model = keras.Model([a, b], [dense(a), dense(b)])
    ```

    ## Use instead
    ```python
    a = keras.Input((8,), name="a")
    b = keras.Input((3, 8), name="b")
    dense = layers.Dense(4)
    model = keras.Model([a, b], [dense(a), dense(layers.GlobalAveragePooling1D()(b))])
    ```

    ## Fix
    None: reduce both inputs to the same shape, for example with `GlobalAveragePooling1D()`, or create two layers.

    ## Not reported
    - convolutions, recurrent layers, attention and embeddings over variable spatial and time axes;
    - unknown dimensions;
    - layers without weights.
    """

    code = "S006"
    name = "shared-with-different-shapes"
    severity = Severity.INFO

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for path in graph.shared_layers:
            layer = graph.layers[path]
            if not graph.variables_below(path):
                continue
            shapes: dict[Shape, str] = {}
            for call in graph.call_sites(path):
                edges = graph.in_edges(call)
                if edges and edges[0].spec.shape is not None and graph.calls[call].layer == path:
                    shapes.setdefault(edges[0].spec.shape[1:], call)
            first, *others = shapes or {(): ""}
            other = next((shape for shape in others if _differ(first, shape)), None)
            if other is None:
                continue
            depends = _weight_depends(layer, first, other)
            if not depends and len(first) == len(other) and layer.traits.family in _FREE:
                continue
            yield Problem(
                f"called on {shape_text((None, *first))} and on {shape_text((None, *other))}"
                + (", and its weights depend on an axis that differs" if depends else ""),
                path,
                "Bring both inputs to one shape with layers.Reshape or layers.Dense, or create one layer for each.",
                related=(shapes[first], shapes[other]),
                severity=Severity.WARNING if depends else None,
            )


def _differ(first: Shape, other: Shape) -> bool:
    if len(first) != len(other):
        return True
    return any(a is not None and b is not None and a != b for a, b in zip(first, other, strict=True))


def _weight_depends(layer: Layer, first: Shape, other: Shape) -> bool:
    """Whether an axis that the weights of a layer depend on differs: the channel axis, or those it normalises."""
    if not layer.is_keras or layer.traits.family is Family.EMBEDDING:
        return False
    config = layer.config
    axes = config.get("axis", config.get("axes", -1))
    if config.get("data_format") == "channels_first":
        axes = 1
    if isinstance(config.get("axis"), dict):
        axes = (
            config["axis"].get("config", {}).get("items", -1) if isinstance(config["axis"].get("config"), dict) else -1
        )
    rank = len(first) + 1
    for axis in axes if isinstance(axes, list) else [axes]:
        if not isinstance(axis, int) or len(first) != len(other):
            a, b = (first[-1:] or (None,))[0], (other[-1:] or (None,))[0]
        else:
            place = axis % rank - 1 if -rank <= axis < rank else -1
            a, b = (first[place], other[place]) if place >= 0 else (None, None)
        if a is not None and b is not None and a != b:
            return True
    return False
