"""A001: a softmax over an axis of size 1."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Configure, Edit, Replace
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import Call, ModelGraph, Tensor
from graphlint.questions.heads import FAR, activation_name, activation_of, last_size, units
from graphlint.questions.losses import kept_arguments, losses_ending_at, with_loss

_PAIRS = frozenset({"Matmul", "Einsum", "Dot", "Tensordot"})
_PRODUCTS = _PAIRS | {"Multiply"}
"""Layers and operations that multiply tensors: this rule's judgement of what attention does with its weights."""
_HINT = 'Write activation="sigmoid" for a single unit, or normalise over an axis longer than 1.'
_FROM_LOGITS = ("binary_crossentropy", "binary_focal_crossentropy")
"""Losses that Keras on TensorFlow computes from the logits before a softmax, as if they were those of a sigmoid."""
_CATEGORICAL = ("categorical_crossentropy", "sparse_categorical_crossentropy")


class SoftmaxOnOne(Rule):
    """A softmax over an axis of size 1, which is always 1.0.

    ## What it does
    Finds softmax activations, Softmax layers and softmax operations whose axis has a static size of 1.

    ## Why is this bad?
    The result is constant, so no layer before it gets a gradient: the model trains without an error and learns nothing.
    One case looks otherwise: with a binary cross-entropy on TensorFlow, Keras computes the loss from the logits before
    the activation. The weights are trained and the loss falls there, and still every prediction is 1. The usual cause
    is a single output unit for a binary problem, or an attention score normalised over features instead of over time.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="softmax")])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="sigmoid")])
    ```

    ## Fix
    Unsafe: for a single output unit, a sigmoid replaces the softmax, and binary cross-entropy a categorical loss;
    outputs are then probabilities, and the model has to be trained. In other places another axis was meant, which only
    the author can choose: for attention weights over time, `layers.Softmax(axis=1)`.

    ## Not reported
    An axis whose size is not known. Attention over what happens to be a single position, such as in a network for large
    images that is given a small one: scores that are products of queries and keys, or weights over an axis other than
    the last that multiply something.

    ## References
    keras-team/keras#18909; NeuraLint found it in 6 of 34 faulty programs.
    """

    code = "A001"
    name = "softmax-on-one"
    severity = Severity.ERROR

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        found: dict[str, list[str]] = {}
        for call in graph.calls.values():
            activation, axis = activation_of(graph, call.id)
            shape = call.outputs[0].shape
            if activation not in ("softmax", "log_softmax") or axis is None:
                continue
            if shape is None and axis == -1 and last_size(graph, Tensor(call.id, 0)) == 1:
                found.setdefault(call.layer, []).append(call.id)
            if not shape:
                continue
            axes = (axis,) if isinstance(axis, int) else axis
            alone = axes and all(-len(shape) <= one < len(shape) and shape[one] == 1 for one in axes)
            if alone and not _attends(graph, call, {one % len(shape) for one in axes}):
                found.setdefault(call.layer, []).append(call.id)
        for first, *others in found.values():
            shape = graph.spec(Tensor(first, 0)).shape
            activation, axis = activation_of(graph, first)
            value = "1" if activation == "softmax" else "0"
            binary = any(loss.loss in _FROM_LOGITS and loss.built_in for loss in losses_ending_at(graph, first))
            although = ", although the loss falls on TensorFlow" if binary and activation == "softmax" else ""
            yield Problem(
                f"{activation} over axis {axis} of {shape_text(shape)}, which has size 1: every output is "
                f"{value}{although}",
                first,
                _HINT,
                related=tuple(others),
                fix=_sigmoid(graph, first, activation),
            )
        yield from self.without_calls(graph)

    @staticmethod
    def without_calls(graph: ModelGraph) -> Iterator[Problem]:
        """Layers of bodies that cannot be seen: one unit is one unit, wherever they are called."""
        called = {call.layer for call in graph.calls.values()}
        for layer in graph.layers.values():
            if layer.path in called or graph.seen(layer.path) or not layer.is_keras or units(layer) != 1:
                continue
            activation = activation_name(layer.config.get("activation", "linear"))
            if activation in ("softmax", "log_softmax"):
                value = "1" if activation == "softmax" else "0"
                yield Problem(
                    f"{activation} in a {layer.class_name} of one unit: every output is {value}", layer.path, _HINT
                )


def _attends(graph: ModelGraph, call: Call, axes: set[int]) -> bool:
    """Whether a softmax gives attention weights over positions, of which there happens to be one."""
    if not _multiplied(graph, call.id):
        return False
    if len(call.outputs[0].shape or ()) - 1 not in axes:
        return True
    here = call.id
    for _ in range(FAR):
        if graph.layer(here).class_name in _PAIRS:
            return True
        sources = graph.producers(here)
        if not sources or graph.variables_below(graph.calls[here].layer):
            return False
        here = sources[0].call
    return False


def _multiplied(graph: ModelGraph, call: str) -> bool:
    """Whether the only use of a tensor is to multiply something."""
    stack, seen = [call], {call}
    while stack and len(seen) < FAR:
        tensor = Tensor(stack.pop(), 0)
        targets = [edge.target for edge in graph.consumers(tensor)]
        if not targets or graph.is_output(tensor):
            return False
        onward = [target for target in targets if graph.layer(target).class_name not in _PRODUCTS]
        if any(graph.variables_below(graph.calls[target].layer) for target in onward):
            return False
        stack += set(onward) - seen
        seen.update(onward)
    return not stack


def _sigmoid(graph: ModelGraph, call: str, activation: str | None) -> Fix | None:
    """For a single output unit, with a loss that takes its probability; otherwise another axis may have been meant."""
    layer, shape = graph.layer(call), graph.calls[call].outputs[0].shape
    if activation != "softmax" or not shape or len(shape) != 2 or not graph.called_directly(layer.path):
        return None
    if "activation" in layer.config:
        edit: Edit = Configure(layer=layer.path, config={"activation": "sigmoid"})
    elif layer.traits.name == "Softmax":
        config = {"activation": "sigmoid", "name": layer.name}
        edit = Replace(layer=layer.path, class_name="Activation", config=config)
    else:
        return None
    edits = [edit]
    for loss in losses_ending_at(graph, call):
        if loss.loss in _CATEGORICAL:
            binary = with_loss(graph, loss, "binary_crossentropy", **kept_arguments(loss))
            if binary is None:
                return None
            edits.append(binary)
    title = "write sigmoid" + (" and a binary cross-entropy" if len(edits) > 1 else "")
    return Fix.unsafe(title, "outputs are probabilities instead of all 1", *edits)
