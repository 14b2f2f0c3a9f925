"""A010: predictions that pass through dropout last."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import InsertBefore, Remove
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.graph import ModelGraph
from graphlint.questions.heads import FAR, Head, applies_alone, trace_activation
from graphlint.questions.losses import losses


class DropoutOnOutput(Rule):
    """Dropout is the last layer before an output.

    ## What it does
    Reports outputs that come directly, or through reshapes, from a dropout layer with a rate above 0, if the output is
    a prediction: it has a compiled loss, or ends in a softmax or sigmoid. Dropout between the last layer with weights
    and its softmax or sigmoid is reported too.

    ## Why is this bad?
    In training, predictions are set to 0 at random and the rest are scaled up, so the loss is computed on values that
    the model never predicts. Probabilities no longer add up to 1, and the cross-entropy of a dropped one is huge. A
    logit that is set to 0 is no missing value but a vote of its own, for a class that the model had ruled out.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax"), layers.Dropout(0.5)])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dropout(0.5), layers.Dense(3, activation="softmax")])
    ```

    ## Fix
    Unsafe: the dropout moves before the last layer with weights. Predictions do not change until the model is trained
    again; the output takes the name of the layer that produces it.

    ## Not reported
    A rate of 0; backbones, whose outputs are features for another model.

    ## References
    NeuraLint
    """

    code = "A010"
    name = "dropout-on-output"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        with_loss = {loss.output for loss in losses(graph) or () if loss.loss is not None}
        reported: set[str] = set()
        for output in dict.fromkeys(graph.outputs):
            head = trace_activation(graph, output)
            dropout = next((call for call in head.through if _rate(graph, call)), None)
            if dropout is None and head.activation in ("softmax", "sigmoid"):
                yield from _before_activation(graph, head, reported)
            if dropout is None or dropout in reported:
                continue
            if output in with_loss or head.activation in ("softmax", "sigmoid"):
                reported.add(dropout)
                rate = _rate(graph, dropout)
                yield Problem(
                    f"an output comes directly from {graph.layer(dropout).class_name} (rate {rate:g}): in training "
                    f"{rate:.0%} of the predictions are random zeros",
                    dropout,
                    "Move the dropout before the last layer with weights.",
                    related=(head.call,),
                    fix=_moved(graph, dropout, head.call),
                )


def _before_activation(graph: ModelGraph, last: Head, reported: set[str]) -> Iterator[Problem]:
    """Dropout of logits, between the layer that gives them and an activation of its own."""
    sources = graph.producers(last.call)
    if not applies_alone(graph, last.call) or len(sources) != 1:
        return
    logits = trace_activation(graph, sources[0])
    dropout = next((call for call in logits.through if _rate(graph, call)), None)
    if dropout is None or dropout in reported or logits.activation != "linear":
        return
    reported.add(dropout)
    rate = _rate(graph, dropout)
    yield Problem(
        f"{graph.layer(dropout).class_name} (rate {rate:g}) lies between the logits of "
        f"{graph.layers[logits.layer].name!r} and their {last.activation}: in training {rate:.0%} of the logits are "
        "random zeros",
        dropout,
        "Move the dropout before the last layer with weights.",
        related=(logits.call, last.call),
        fix=_moved(graph, dropout, logits.call),
    )


def _rate(graph: ModelGraph, call: str) -> float:
    layer = graph.layer(call)
    rate = layer.config.get("rate", layer.config.get("p"))
    return rate if layer.traits.family is Family.DROPOUT and isinstance(rate, (int, float)) else 0


def _moved(graph: ModelGraph, dropout: str, head: str) -> Fix | None:
    """Moves it before the last layer with weights, if a single chain of calls leads from there to the output."""
    layer = graph.layer(dropout)
    if not graph.called_directly(layer.path, once=True):
        return None
    target = head
    for _ in range(FAR):
        if graph.variables_of(graph.calls[target].layer):
            break
        sources = graph.producers(target)
        if len(sources) != 1 or "units" in graph.layer(target).config or "filters" in graph.layer(target).config:
            break
        target = sources[0].call
    if graph.layer(target).is_input or len(graph.producers(target)) != 1:
        return None
    before = InsertBefore(call=target, class_name=layer.class_name or "", config=layer.config)
    edits = before, Remove(calls=(dropout,))
    return Fix.unsafe("move it before the last layer with weights", "training drops features, not outputs", *edits)
