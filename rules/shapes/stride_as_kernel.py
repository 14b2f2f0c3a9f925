"""H018: convolutions whose stride is their kernel, as a call of Keras 1 means today."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.graph import Layer, ModelGraph, Tensor

_BETWEEN = (Family.DROPOUT, Family.NORMALIZATION, Family.ACTIVATION)


class StrideAsKernel(Rule):
    """`Conv2D(64, 3, 3)` is a kernel of 3x3 with strides of 3.

    ## What it does
    Reports two-dimensional convolutions whose strides equal their odd kernel size of 3 or more, if the model has
    several of them or pools right after one.

    ## Why is this bad?
    In Keras 1, `Convolution2D(64, 3, 3)` had a kernel of three rows and three columns, and strides of 1. Today the
    third argument is the strides: the layer looks at separate tiles, each number of its input is seen once, and the
    image shrinks to a third in each layer.

    ## Example
    ```python
    model = keras.Sequential(
        [
            keras.Input((64, 64, 3)),
            layers.Conv2D(16, 3, 3, activation="relu"),
            layers.Conv2D(32, 3, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    ```

    ## Use instead
    ```python
    model = keras.Sequential(
        [
            keras.Input((64, 64, 3)),
            layers.Conv2D(16, (3, 3), activation="relu"),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    ```

    ## Fix
    None: with strides of 1 the shapes of all layers after it change. Write the kernel as `(3, 3)`, and train again.

    ## Not reported
    Even kernels and a single convolution that is not followed by pooling, as in the patches of vision transformers;
    one-dimensional and depthwise convolutions.

    ## References
    keras-team/keras#10300
    """

    code = "H018"
    name = "stride-as-kernel"
    severity = Severity.WARNING
    preview = True

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        found: dict[str, str] = {}
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            if _tiles(layer) is not None:
                found.setdefault(layer.path, call.id)
        if not found or (len(found) == 1 and not _pooled(graph, *found.values())):
            return
        first, *others = found.values()
        size = _tiles(graph.layer(first))
        several = f"{len(found)} convolutions have" if others else "its kernel has"
        yield Problem(
            f"{several} strides as long as the kernel ({size} here): what Conv2D(filters, {size}, {size}) of Keras 1 "
            "means today",
            first,
            f"Write kernel_size=({size}, {size}) and no strides.",
            related=tuple(others),
        )


def _tiles(layer: Layer) -> int | None:
    """The size of a square odd kernel that its strides equal."""
    traits = layer.traits
    if traits.family is not Family.CONVOLUTION or traits.rank != 2 or traits.transposed or traits.depthwise:
        return None
    kernel, strides = layer.config.get("kernel_size"), layer.config.get("strides")
    if not isinstance(kernel, (list, tuple)) or not isinstance(strides, (list, tuple)):
        return None
    size = kernel[0] if len(kernel) == 2 and len(strides) == 2 else None
    same = isinstance(size, int) and all(one == size for one in (*kernel, *strides))
    return size if same and isinstance(size, int) and size >= 3 and size % 2 else None


def _pooled(graph: ModelGraph, call: str) -> bool:
    """Whether pooling follows, after activations and the like."""
    stack, seen = [call], {call}
    while stack:
        for edge in graph.consumers(Tensor(stack.pop(), 0)):
            layer = graph.layer(edge.target)
            if layer.traits.family is Family.POOLING:
                return True
            if edge.target not in seen and (layer.traits.family in _BETWEEN or layer.operation.applies is not None):
                seen.add(edge.target)
                stack.append(edge.target)
    return False
