"""A014: a softmax in the middle of a model: as a hidden activation, or left over from another head."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Configure
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.questions.heads import activation_of, applies_alone, innermost, last_size

_DENSE = frozenset({"Dense", "EinsumDense"})
_BETWEEN = frozenset({"Dropout", "BatchNormalization", "Flatten", "Reshape", "InputLayer"})


class HiddenSoftmax(Rule):
    """A softmax feeds nothing but another Dense layer.

    ## What it does
    Reports a Dense layer with a softmax over its units, and a softmax of its own over the classes of a model, if all
    that becomes of the result is the input of other Dense layers. The latter is the head of a pretrained model that was
    left on it.

    ## Why is this bad?
    A softmax makes its units compete for a sum of 1: with many units each is close to 0, little of what the layer
    learned gets through, and gradients are small. It is the activation of an output, or of attention weights. A new
    head on the old one sees 1,000 class probabilities, nearly all 0, in place of the features of the image.

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
    Unsafe: relu takes the place of the softmax of a hidden layer, which changes the outputs. None for the head of a
    nested model: build it with `include_top=False`.

    ## Not reported
    A softmax that is an output too, or that something else uses: a product, a dot product, an attention.

    ## References
    AUTOTRAINER (ICSE 2021)
    """

    code = "A014"
    name = "hidden-softmax"
    severity = Severity.WARNING
    preview = True

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        told: set[str] = set()
        for call in graph.calls.values():
            layer = innermost(graph, graph.layers[call.layer])
            alone = layer.traits.name != "Dense"
            if layer.path in told or (alone and not applies_alone(graph, call.id)):
                continue
            activation, axis = activation_of(graph, call.id)
            width = last_size(graph, Tensor(call.id, 0))
            if activation != "softmax" or width == 1 or (alone and not _classes(graph, call.id, axis)):
                continue
            users = _users(graph, call.id)
            if not users or not all(graph.layer(user).traits.name in _DENSE for user in users):
                continue
            told.add(layer.path)
            names = ", ".join(repr(graph.layer(user).name) for user in users[:3])
            outer = graph.layers[graph.scopes[call.scope].layer]
            if outer.path != graph.root.path and call.scope != graph.calls[users[0]].scope:
                yield Problem(
                    f"the softmax over {width} classes is the old head of {outer.name!r}, and only {names} uses it",
                    call.id,
                    "Build the nested model with include_top=False, or cut it before its head.",
                    related=tuple(users),
                )
                continue
            fix = None
            if graph.called_directly(layer.path) and not alone:
                edit = Configure(layer=layer.path, config={"activation": "relu"})
                fix = Fix.unsafe("write relu", "the outputs of the layer no longer add up to 1", edit)
            yield Problem(
                f"softmax over {width} hidden units that only {names} uses",
                call.id,
                'Write activation="relu" in this layer; keep the softmax for the last one.',
                related=tuple(users),
                fix=fix,
            )


def _classes(graph: ModelGraph, call: str, axis: object) -> bool:
    """Whether a softmax of its own is over the classes of one prediction for each sample, and no attention weight."""
    shape = graph.calls[call].outputs[0].shape
    return axis in (-1, 1) and shape is not None and len(shape) == 2


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
