"""H002: elementwise operations that align the batch axis with another axis."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.questions.batch import batched

_GIVE_AN_AXIS = ("ExpandDims", "GetItem", "Reshape")
"""What people write to align two tensors on purpose: this rule's judgement."""


class BatchAxisBroadcast(Rule):
    """Two tensors of different rank are combined so that the batch axis of one is broadcast against another axis.

    ## What it does
    Reports elementwise operations whose operands have different ranks and whose batch axis is axis 0 in both. Axes
    align from the right, so `(batch,)` and `(batch, 1)` give `(batch, batch)`.

    ## Why is this bad?
    Every sample is mixed with every other sample of its batch. The result has the wrong shape or, after a mean, a wrong
    value without any error.

    ## Example
    ```python
    x = keras.Input((4,))
    score = ops.sum(x, axis=1)
    model = keras.Model(x, layers.Dense(1)(x) - score)
    ```

    ## Use instead
    ```python
    x = keras.Input((4,))
    score = ops.sum(x, axis=1, keepdims=True)
    model = keras.Model(x, layers.Dense(1)(x) - score)
    ```

    ## Fix
    None: set `keepdims=True` in the reduction, or `ops.expand_dims(x, -1)`.

    ## Not reported
    Merge layers, which insert the missing axes after the batch axis; operands without a batch axis, or with one that is
    not certain (after Lambda or custom layers); deliberate pairs, made by expanding an axis of the other operand.

    ## References
    keras-team/keras#14627
    """

    code = "H002"
    name = "batch-axis-broadcast"
    severity = Severity.ERROR

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        proven: set[Tensor] | None = None
        seen: set[int] = set()
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            if not layer.operation.broadcasting:
                continue
            sources = graph.producers(call.id)
            shapes = [graph.spec(source).shape for source in sources]
            ranked = [(len(shape), source) for shape, source in zip(shapes, sources, strict=True) if shape is not None]
            if len(ranked) < 2 or len({rank for rank, _ in ranked}) == 1:
                continue
            proven = batched(graph) if proven is None else proven
            ranked = [(rank, source) for rank, source in ranked if source in proven]
            low, high = min(ranked, default=None), max(ranked, default=None)
            if low is None or high is None or low[0] == high[0] or low[0] == 0:
                continue
            if _expanded(graph, high[1]) or id(call.definition) in seen:
                continue
            seen.add(id(call.definition))
            axis = high[0] - low[0]
            yield Problem(
                f"{layer.class_name} of {shape_text(graph.spec(high[1]).shape)} and "
                f"{shape_text(graph.spec(low[1]).shape)}: the second tensor's batch axis is broadcast against axis "
                f"{axis} of the first",
                call.id,
                "Give both operands the same rank: keepdims=True in the reduction, or ops.expand_dims(x, -1).",
                related=(low[1], high[1]),
            )


def _expanded(graph: ModelGraph, tensor: Tensor) -> bool:
    """Whether the call that produced a tensor added an axis to it."""
    if graph.layer(tensor.call).class_name not in _GIVE_AN_AXIS:
        return False
    before = [graph.spec(source).shape for source in graph.producers(tensor.call)[:1]]
    after = graph.spec(tensor).shape
    return not before or before[0] is None or after is None or len(after) > len(before[0])
