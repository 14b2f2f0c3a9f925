"""H016: a recurrent layer over a single time step."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import Layer, ModelGraph


class RecurrenceOverOne(Rule):
    """A recurrent layer runs over sequences of one step.

    ## What it does
    Reports LSTM, GRU and other recurrent layers whose input has a time axis of static size 1.

    ## Why is this bad?
    There is no recurrence: the state is 0 at the only step, the recurrent weights are never used and never trained,
    and the layer is a Dense layer with three gates. Usually the steps were given as features: data of shape
    (samples, 1, steps) in place of (samples, steps, 1).

    ## Example
    ```python
    model = keras.Sequential([keras.Input((1, 12)), layers.LSTM(4), layers.Dense(1)])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((12, 1)), layers.LSTM(4), layers.Dense(1)])
    ```

    ## Fix
    None: give the layer the steps on axis 1, or use a Dense layer for data without an order.

    ## Not reported
    Layers that receive or return their state or keep it between batches (`stateful=True`), which run step by step: the
    decoder of a sequence-to-sequence model, a model for streams; time axes of unknown size.

    ## References
    Stack Overflow 55431081
    """

    code = "H016"
    name = "recurrence-over-one"
    severity = Severity.WARNING
    preview = True

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        found: dict[str, tuple[str, str]] = {}
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            if not layer.traits.recurrent or layer.path in found:
                continue
            sources = graph.producers(call.id)
            shape = graph.spec(sources[0]).shape if len(sources) == 1 else None
            if shape is None or len(shape) < 3 or shape[1] != 1 or _steps_through(graph, layer):
                continue
            found[layer.path] = call.id, shape_text(shape)
        if found:
            (first, shape_of_first), *others = found.values()
            names = ", ".join(repr(graph.layer(call).name) for call, _ in others[:3])
            yield Problem(
                f"{graph.layer(first).class_name} over {shape_of_first}: one time step, so its recurrent weights are "
                f"never used{f'; the same holds for {names}' if others else ''}",
                first,
                "Give it the steps on axis 1, (samples, steps, features), or use a Dense layer.",
                related=tuple(call for call, _ in others),
            )


def _steps_through(graph: ModelGraph, layer: Layer) -> bool:
    """Whether a layer carries its state from call to call."""
    inside = [layer, *(graph.layers[path] for path in graph.children.get(layer.path, []))]
    return any(one.config.get("stateful") or one.config.get("return_state") for one in inside)
