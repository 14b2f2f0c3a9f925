"""H020: a convolution along an axis that has size 1 from the start."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import Layer, ModelGraph, Tensor
from graphlint.questions.heads import FAR

_RESHAPING = ("Reshape", "ExpandDims", "RepeatVector", "Permute")


class KernelOnOne(Rule):
    """A kernel covers several positions of an axis that has only one.

    ## What it does
    Reports convolutions with `padding="same"` and a kernel longer than 1 on an axis whose size is 1 already where it
    enters the model (in an Input or a Reshape).

    ## Why is this bad?
    All but one of the kernel's positions on that axis only ever cover padding: the layer is one along the other axes
    alone, and most of its weights never receive a gradient. Usually the axes of the data are in another order than the
    layer expects, such as (channels, height, width) for (height, width, channels), or a row of numbers was given as a
    sequence of one step.

    ## Example
    ```python
    model = keras.Sequential(
        [keras.Input((1, 20, 56)), layers.Conv2D(8, 3, padding="same", activation="relu"), layers.Flatten()]
    )
    ```

    ## Use instead
    ```python
    model = keras.Sequential(
        [keras.Input((20, 56, 1)), layers.Conv2D(8, 3, padding="same", activation="relu"), layers.Flatten()]
    )
    ```

    ## Fix
    None: it is mostly the data whose axes are in another order, which no edit of the model mends. Else write a kernel
    of size 1 on that axis, such as `kernel_size=(1, 3)`.

    ## Not reported
    An axis that poolings or strides have shrunk to 1, as in a network for large images that is given small ones; a
    kernel of size 1 on that axis; axes of unknown size; images and volumes of which every axis has size 1, such as the
    features (1, 1, 2048) that another network made.

    ## References
    Stack Overflow 45711636
    """

    code = "H020"
    name = "kernel-on-one"
    severity = Severity.WARNING
    preview = True

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        found: dict[str, dict[str, tuple[str, str]]] = {}
        told: set[str] = set()
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            if layer.traits.family is not Family.CONVOLUTION or layer.traits.transposed or layer.path in told:
                continue
            sources = graph.producers(call.id)
            shape = graph.spec(sources[0]).shape if len(sources) == 1 else None
            if shape is None or len(shape) < 3 or layer.config.get("padding") not in ("same", "causal"):
                continue
            first = layer.config.get("data_format") == "channels_first"
            axes = range(2, len(shape)) if first else range(1, len(shape) - 1)
            kernel = _kernel(layer, len(axes))
            if len(axes) > 1 and all(shape[axis] == 1 for axis in axes):
                continue
            idle = [axis for axis, size in zip(axes, kernel, strict=False) if size > 1 and shape[axis] == 1]
            starts = [start for axis in idle if (start := _start(graph, sources[0], axis)) is not None]
            if not starts:
                continue
            told.add(layer.path)
            weights = "x".join(map(str, kernel))
            text = f"a kernel of {weights} slides over {shape_text(shape)}, whose axis {idle[0]} has size 1"
            found.setdefault(starts[0], {})[call.id] = (layer.name, text)
        for start, calls in found.items():
            first, *others = calls
            names = ", ".join(repr(calls[call][0]) for call in others[:3])
            yield Problem(
                f"{calls[first][1]}: on that axis all but one position of the kernel covers padding"
                f"{f'; the same holds for {names}' if others else ''}",
                first,
                "Bring the axes of the data into the order that the layer expects, or write a kernel of size 1 on that "
                "axis.",
                related=(*others, start),
            )


def _kernel(layer: Layer, rank: int) -> list[int]:
    size = layer.config.get("kernel_size")
    found = list(size) if isinstance(size, (list, tuple)) else [size] * rank
    return [one if isinstance(one, int) else 0 for one in found]


def _start(graph: ModelGraph, tensor: Tensor, axis: int) -> str | None:
    """The Input of the model or reshape from which on an axis had size 1 all the way; None if it was longer before."""
    for _ in range(FAR):
        shape = graph.spec(tensor).shape
        if shape is None or len(shape) <= axis or shape[axis] != 1:
            return None
        layer = graph.layer(tensor.call)
        if tensor.call in graph.inputs or (layer.traits.name or layer.operation.name) in _RESHAPING:
            return tensor.call
        sources = graph.producers(tensor.call)
        if not sources:
            return None
        tensor = sources[0]
    return None
