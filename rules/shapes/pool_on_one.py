"""H008: pooling over an axis of size 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Configure, Remove
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import Layer, ModelGraph, Tensor


class PoolOnOne(Rule):
    """Pooling over an axis of size 1.

    ## What it does
    Reports pooling layers with a window and a stride longer than 1 on an axis whose static size is 1.

    ## Why is this bad?
    There is nothing to pool: the layer copies its input. Too many poolings or strides before it have made the input
    smaller than expected.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((1, 1, 8)), layers.MaxPooling2D(2, padding="same"), layers.Flatten()])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((8, 8, 8)), layers.MaxPooling2D(2, padding="same"), layers.Flatten()])
    ```

    ## Fix
    Safe: the layer is removed if nothing is left to pool; otherwise its window becomes 1 on the axes of size 1. Outputs
    stay exactly equal. Look for the pooling or stride that was one too many.

    ## Not reported
    Global pooling, which only drops the axis; an axis on which the window is 1 (`pool_size=(1, 2)`); pooling with a
    stride of 1, as in blocks that keep the size: keras.applications.InceptionV3 at 75x75 and NASNetMobile at 32x32 end
    in such blocks.

    ## References
    NeuraLint
    """

    code = "H008"
    name = "pool-on-one"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        reported: set[str] = set()
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            if not _pools(layer) or call.layer in reported:
                continue
            sources = graph.producers(call.id)
            shape = graph.spec(sources[0]).shape if len(sources) == 1 else None
            if shape is None or len(shape) < 3:
                continue
            spatial = shape[2:] if layer.config.get("data_format") == "channels_first" else shape[1:-1]
            size = layer.config.get("pool_size")
            sizes = size if isinstance(size, (list, tuple)) else [size] * len(spatial)
            if len(sizes) == 1:
                sizes = list(sizes) * len(spatial)
            pairs = list(zip(spatial, sizes, strict=False))
            strides = _strides(layer, pairs)
            if any(
                dim == 1 and isinstance(one, int) and one > 1 and stride != 1
                for (dim, one), stride in zip(pairs, strides, strict=False)
            ):
                reported.add(call.layer)
                window = "x".join(map(str, sizes))
                yield Problem(
                    f"a window of {window} pools an input of {shape_text(shape)}, which has an axis of size 1",
                    call.id,
                    "Remove the layer, or a pooling or stride before it.",
                    related=tuple(sources),
                    fix=_without(graph, layer, pairs),
                )


def _pools(layer: Layer) -> bool:
    return layer.traits.family is Family.POOLING or layer.operation.name in ("MaxPool", "AveragePool")


def _strides(layer: Layer, pairs: list[tuple[int | None, Any]]) -> list[Any]:
    """The stride on each axis; the window, if none is given."""
    written = layer.config.get("strides")
    given = written if written is not None else [size for _, size in pairs]
    strides = list(given) if isinstance(given, (list, tuple)) else [given] * len(pairs)
    return strides * len(pairs) if len(strides) == 1 else strides


def _without(graph: ModelGraph, layer: Layer, pairs: list[tuple[int | None, Any]]) -> Fix | None:
    """Sets the window to 1 on the axes of size 1; removes the layer if nothing is left to pool."""
    if not graph.called_directly(layer.path, once=True) or not all(isinstance(size, int) for _, size in pairs):
        return None
    strides = _strides(layer, pairs)
    config = {
        "pool_size": [1 if dim == 1 else size for dim, size in pairs],
        "strides": [1 if dim == 1 else stride for (dim, _), stride in zip(pairs, strides, strict=False)],
    }
    idle = {*config["pool_size"], *config["strides"]} == {1}
    if idle and not any(graph.is_output(Tensor(call, 0)) for call in graph.call_sites(layer.path)):
        return Fix.safe("remove it", Remove(calls=tuple(graph.call_sites(layer.path))))
    return Fix.safe("pool over the other axes only", Configure(layer=layer.path, config=config))
