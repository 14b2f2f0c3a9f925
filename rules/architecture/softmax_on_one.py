"""A001."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.finding import Problem, Severity
from graphlint.engine.rule import Rule
from graphlint.graph.heads import activation_of
from graphlint.graph.model_graph import ModelGraph, Tensor, shape_text


class SoftmaxOnOne(Rule):
    """A softmax over an axis of size 1, which is 1.0 whatever comes in.

    ## What it does
    Finds softmax activations, Softmax layers and softmax operations whose axis has, statically, one element.

    ## Why is this bad?
    The result is constant, so nothing in front of it gets a gradient: the model trains without complaint and learns
    nothing. The usual cause is one output unit for a binary problem, or an attention score normalised over its
    features instead of over time.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="softmax")])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="sigmoid")])
    ```

    ## Fix
    None: which activation was meant is for a person to say. For a binary output write `activation="sigmoid"`; for
    attention weights over time, `layers.Softmax(axis=1)`.

    ## Not reported
    An axis whose size is not known.

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
            if activation not in ("softmax", "log_softmax") or axis is None or not shape:
                continue
            if -len(shape) <= axis < len(shape) and shape[axis] == 1:
                found.setdefault(call.layer, []).append(call.id)
        for first, *others in found.values():
            shape = graph.spec(Tensor(first, 0)).shape
            activation, axis = activation_of(graph, first)
            value = "1" if activation == "softmax" else "0"
            yield Problem(
                f"{activation} over axis {axis} of {shape_text(shape)}, which has size 1: every output is {value}",
                first,
                'Write activation="sigmoid" for one unit, or normalise over the axis that is longer than 1.',
                tuple(others),
            )
