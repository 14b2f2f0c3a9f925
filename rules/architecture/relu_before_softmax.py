"""A018: a softmax of what a relu has cut off."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.heads import activation_of, applies_alone, trace_activation


class ReluBeforeSoftmax(Rule):
    """A softmax receives what a relu returns.

    ## What it does
    Reports a softmax, as a layer or an operation of its own, on the output of a relu, with nothing but reshapes and
    dropout in between.

    ## Why is this bad?
    A softmax needs negative values: they are how a model says that a class is unlikely. After a relu all classes below
    zero are equally likely, the least probable of ten classes keeps a share as long as no other is large, and units
    that are 0 for every sample get no gradient.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="relu"), layers.Softmax()])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Softmax()])
    ```

    ## Fix
    None: remove the activation of the layer before the softmax, and train again.

    ## Not reported
    A softmax in a layer with weights of its own: `Dense(3, activation="softmax")` after a relu is as it should be. A
    relu after a softmax is reported by A008.

    ## References
    NeuraLint
    """

    code = "A018"
    name = "relu-before-softmax"
    severity = Severity.INFO
    preview = True

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        told: set[str] = set()
        for call in graph.calls.values():
            if not applies_alone(graph, call.id) or activation_of(graph, call.id)[0] not in ("softmax", "log_softmax"):
                continue
            sources = graph.producers(call.id)
            if len(sources) != 1 or call.layer in told:
                continue
            head = trace_activation(graph, sources[0])
            if head.activation != "relu":
                continue
            told.add(call.layer)
            yield Problem(
                f"softmax of what the relu of {graph.layers[head.layer].name!r} returns, which is never below 0",
                call.id,
                "Remove the relu before the softmax.",
                related=(head.call,),
            )
