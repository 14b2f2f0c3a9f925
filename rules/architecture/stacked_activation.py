"""A008."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.finding import Problem, Severity
from graphlint.engine.rule import Rule
from graphlint.graph.heads import activation_of, trace_activation
from graphlint.graph.model_graph import ModelGraph

_SEVERITY = {"relu": Severity.INFO, "softmax": Severity.WARNING, "sigmoid": Severity.WARNING}
_KEEPS_AXES = frozenset({"InputLayer", "Identity", "Activation", "Cast", "Dropout"})


class StackedActivation(Rule):
    """The same activation twice in a row.

    ## What it does
    Reports a relu on what a relu made (information), a softmax on a softmax and a sigmoid on a sigmoid (warning), as
    layers or as the `activation` of the layer in front.

    ## Why is this bad?
    The second relu does nothing. A second softmax or sigmoid squeezes probabilities that were right: the largest that
    two classes can get is 0.73, and gradients get small.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax"), layers.Softmax()])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    ```

    ## Fix
    None: remove the second activation. For relu the outputs stay the same.

    ## Not reported
    Different activations in a row, a softmax over another axis, attention weights (a product lies in between).

    ## References
    DeepLocalize (ICSE 2021)
    """

    code = "A008"
    name = "stacked-activation"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        reported: set[str] = set()
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            activation, axis = activation_of(graph, call.id)
            if activation not in _SEVERITY or "use_bias" in layer.config or "bias_axes" in layer.config:
                continue
            sources = graph.producers(call.id)
            if len(sources) != 1 or layer.path in reported or layer.class_name == "TimeDistributed":
                continue
            head = trace_activation(graph, sources[0])
            if head.activation != activation or head.call == call.id:
                continue
            between = {graph.layer(passed).class_name for passed in head.through}
            if activation == "softmax" and (head.axis != axis or not between <= _KEEPS_AXES):
                continue
            reported.add(layer.path)
            effect = "does nothing" if activation == "relu" else "squeezes its probabilities a second time"
            yield Problem(
                f"{activation} on what {graph.layers[head.layer].name!r} made with {activation}: the second {effect}",
                call.id,
                "Remove one of the two activations.",
                (head.call,),
                severity=_SEVERITY[activation],
            )
