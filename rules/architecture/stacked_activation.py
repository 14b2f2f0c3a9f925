"""A008: an activation of what the same activation produced."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Configure, Edit, Remove
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.graph import Layer, ModelGraph, Tensor
from graphlint.questions.heads import Head, activation_of, innermost, trace_activation

_SEVERITY = {"relu": Severity.INFO, "softmax": Severity.WARNING, "sigmoid": Severity.WARNING}
_NEVER_NEGATIVE = frozenset({"sigmoid", "hard_sigmoid", "softmax", "softplus", "relu6"})


class StackedActivation(Rule):
    """The same activation twice in a row.

    ## What it does
    Reports a relu after a relu or after what is never negative, such as a softmax (info), a softmax after a softmax and
    a sigmoid after a sigmoid (warning), whether as a layer or as the `activation` of the previous layer.

    ## Why is this bad?
    The second relu does nothing. A second softmax or sigmoid squeezes probabilities that were right: with two classes
    none can exceed 0.73, and gradients become small.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax"), layers.Softmax()])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    ```

    ## Fix
    Safe for relu, which changes nothing the second time; unsafe for softmax and sigmoid, whose probabilities are then
    no longer squeezed. Removes the second activation, or the first if the second names an output. Not offered if an
    activation is shared, or noise lies in between.

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
            config = innermost(graph, layer).config
            if activation not in _SEVERITY or "use_bias" in config or "bias_axes" in config:
                continue
            sources = graph.producers(call.id)
            if len(sources) != 1 or layer.path in reported:
                continue
            head = trace_activation(graph, sources[0])
            unchanged = activation == "relu" and head.activation in _NEVER_NEGATIVE
            if (head.activation != activation and not unchanged) or head.call == call.id:
                continue
            between = [graph.layer(passed) for passed in head.through]
            if activation == "softmax" and (head.axis != axis or not all(map(_keeps_axes, between))):
                continue
            reported.add(layer.path)
            effect = "does nothing" if activation == "relu" else "squeezes its probabilities a second time"
            yield Problem(
                f"{activation} after the {head.activation} of {graph.layers[head.layer].name!r}: the second {effect}",
                call.id,
                "Remove one of the two activations." if head.activation == activation else "Remove the relu.",
                related=(head.call,),
                severity=_SEVERITY[activation],
                fix=_dropped(graph, call.id, head, activation),
            )


def _dropped(graph: ModelGraph, second: str, head: Head, activation: str) -> Fix | None:
    """Removes the second activation, or the first if the second names an output."""
    layer, first = graph.layer(second), graph.layers[head.layer]
    if not all(_keeps_positive(graph.layer(one)) for one in head.through):
        return None
    if not graph.called_directly(layer.path, once=True):
        return None
    edit: Edit
    if head.activation != activation and any(graph.is_output(Tensor(site, 0)) for site in graph.call_sites(layer.path)):
        return None
    if not any(graph.is_output(Tensor(site, 0)) for site in graph.call_sites(layer.path)):
        edit = Remove(calls=(second,))
        title = f"remove the second {activation}"
    else:
        passed = [head.call, *head.through]
        alone = all(len(graph.out_edges(one)) == 1 and not graph.is_output(Tensor(one, 0)) for one in passed)
        if not alone or "activation" not in first.config or not graph.called_directly(first.path, once=True):
            return None
        edit = Configure(layer=first.path, config={"activation": "linear"})
        title = f"remove the {activation} of {first.name!r}"
    if activation == "relu":
        return Fix.safe(title, edit)
    return Fix.unsafe(title, "probabilities are no longer squeezed", edit)


def _keeps_positive(layer: Layer) -> bool:
    """Whether a layer lets nothing negative come out where nothing negative goes in, in training as well."""
    if layer.traits.family is Family.DROPOUT:
        return layer.traits.name not in ("AlphaDropout", "GaussianDropout")
    return layer.traits.family in (Family.INPUT, Family.IDENTITY, Family.RESHAPING)


def _keeps_axes(layer: Layer) -> bool:
    return layer.traits.elementwise or layer.operation.elementwise
