"""H003: additions that broadcast both operands."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.definition import Shape
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import Layer, ModelGraph, Tensor
from graphlint.questions.batch import argument

_ON_PURPOSE = frozenset(
    {"ExpandDims", "GetItem", "Reshape", "Transpose", "Swapaxes", "Permute", "Moveaxis", "RepeatVector", "Lambda"}
)
"""What people write to give a tensor the axes they want: this rule's judgement."""
_SUMS = ("Add", "Subtract", "Average")
"""Of other operations, all pairs are what is meant."""


class OddBroadcast(Rule):
    """A sum or difference that broadcasts both operands.

    ## What it does
    Reports Add, Subtract and Average whose operands each have an axis of size 1, other than the batch axis, on which
    the other operand is longer: `(10, 1) + (1, 10)` gives `(10, 10)`.

    ## Why is this bad?
    The sum of two vectors was meant and the result is a table of all pairs. Nothing fails; the following layers simply
    receive more values.

    ## Example
    ```python
    a, b = keras.Input((10, 4)), keras.Input((1, 10))
    model = keras.Model([a, b], layers.Add()([layers.Dense(1)(a), b]))
    ```

    ## Use instead
    ```python
    a, b = keras.Input((10, 4)), keras.Input((1, 10))
    model = keras.Model([a, b], layers.Add()([layers.Dense(1)(a), layers.Permute((2, 1))(b)]))
    ```

    ## Fix
    None: transpose one operand, or expand one deliberately with `ops.expand_dims`.

    ## Not reported
    Broadcasts that expand one operand only (duelling heads, position embeddings, gates); operands whose axis of size 1
    was made deliberately by expanding, reshaping, transposing or `keepdims`, as additive and graph attention do.

    ## References
    Seen in public code: a scalar head added to a row.
    """

    code = "H003"
    name = "odd-broadcast"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for call in graph.calls_of_classes(_sums):
            layer = graph.layers[call.layer]
            sources = graph.producers(call.id)
            if len(sources) != 2 or any(_deliberate(graph, source) for source in sources):
                continue
            first, second = (graph.spec(source).shape for source in sources)
            if first is None or second is None or len(first) != len(second):
                continue
            if _expanded(first, second) and _expanded(second, first):
                result = tuple(other if one == 1 else one for one, other in zip(first, second, strict=True))
                yield Problem(
                    f"{layer.class_name} of {shape_text(first)} and {shape_text(second)} broadcasts both operands to "
                    f"{shape_text(result)}",
                    call.id,
                    "Transpose one operand if an elementwise sum was meant; use ops.expand_dims if all pairs were.",
                    related=tuple(sources),
                )


def _sums(layer: Layer) -> bool:
    return layer.class_name in _SUMS and (layer.is_operation or layer.is_keras)


def _expanded(shape: Shape, other: Shape) -> bool:
    """Whether an axis of size 1, other than the batch axis, is broadcast to that of the other operand."""
    return any(one == 1 and two not in (1, None) for one, two in zip(shape[1:], other[1:], strict=True))


def _deliberate(graph: ModelGraph, tensor: Tensor) -> bool:
    """Whether the call that produced a tensor names its axes explicitly."""
    layer, call = graph.layer(tensor.call), graph.calls[tensor.call]
    if layer.class_name in _ON_PURPOSE or not (layer.is_operation or layer.is_keras):
        return True
    return bool(layer.config.get("keepdims") or argument(layer, call, 99, "keepdims"))
