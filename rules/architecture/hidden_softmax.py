"""A014: softmax as the activation of a hidden layer."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Configure
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.questions.heads import activation_of, innermost

_DENSE = frozenset({"Dense", "EinsumDense"})
_BETWEEN = frozenset({"Dropout", "BatchNormalization", "Flatten", "InputLayer"})


class HiddenSoftmax(Rule):
    """A Dense layer with a softmax feeds nothing but another Dense layer.

    ## What it does
    Reports a Dense layer with a softmax over its units if all that becomes of its output is the input of other Dense
    layers.

    ## Why is this bad?
    A softmax makes its units compete for a sum of 1: with many units each is close to 0, little of what the layer
    learned gets through, and gradients are small. It is the activation of an output, or of attention weights.

    ## Example
    ```python
    x = keras.Input((4,))
    hidden = layers.Dense(16, activation="softmax")(x)
    model = keras.Model(x, layers.Dense(3, activation="softmax")(hidden))
    ```

    ## Use instead
    ```python
    x = keras.Input((4,))
    hidden = layers.Dense(16, activation="relu")(x)
    model = keras.Model(x, layers.Dense(3, activation="softmax")(hidden))
    ```

    ## Fix
    Unsafe: relu takes the place of the softmax, which changes the outputs.

    ## Not reported
    A softmax that is an output too, or that something else uses: a product, a dot product, an attention.
    """

    code = "A014"
    name = "hidden-softmax"
    severity = Severity.WARNING
    preview = True

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        told: set[str] = set()
        for call in graph.calls.values():
            layer = innermost(graph, graph.layers[call.layer])
            if layer.path in told or layer.traits.name != "Dense":
                continue
            if activation_of(graph, call.id)[0] != "softmax" or layer.config.get("units") == 1:
                continue
            users = _users(graph, call.id)
            if not users or not all(graph.layer(user).traits.name in _DENSE for user in users):
                continue
            told.add(layer.path)
            names = ", ".join(repr(graph.layer(user).name) for user in users[:3])
            fix = None
            if graph.called_directly(layer.path):
                edit = Configure(layer=layer.path, config={"activation": "relu"})
                fix = Fix.unsafe("write relu", "the outputs of the layer no longer add up to 1", edit)
            yield Problem(
                f"softmax over {layer.config.get('units')} hidden units that only {names} uses",
                call.id,
                'Write activation="relu" in this layer; keep the softmax for the last one.',
                related=tuple(users),
                fix=fix,
            )


def _users(graph: ModelGraph, call: str) -> list[str]:
    """What uses a result in the end; nothing where it is an output of the model."""
    found: dict[str, None] = {}
    stack, passed = [call], {call}
    while stack:
        tensor = Tensor(stack.pop(), 0)
        if graph.is_output(tensor):
            return []
        for edge in graph.consumers(tensor):
            if graph.layer(edge.target).traits.name in _BETWEEN:
                stack += {edge.target} - passed
                passed.add(edge.target)
            else:
                found[edge.target] = None
    return list(found)
