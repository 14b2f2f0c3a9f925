"""A017: an LSTM or GRU whose state can grow without bound."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Configure
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.heads import activation_name

_UNBOUNDED = ("relu", "elu", "linear", "leaky_relu")
_GATED = ("LSTM", "GRU", "LSTMCell", "GRUCell", "LSTMV2", "GRUV2")
_SHORT = 32


class UnboundedRecurrence(Rule):
    """An LSTM or GRU with relu, elu or no activation.

    ## What it does
    Reports LSTM and GRU layers, and their cells, whose activation is relu, leaky_relu, elu or linear. It is an info for
    sequences of at most 32 steps.

    ## Why is this bad?
    The state of such a layer is a sum over all steps, of which each is multiplied by the recurrent weights. A tanh
    keeps it between -1 and 1; without that it grows from step to step, and in long sequences losses become NaN. Keras
    also uses its fast kernels (cuDNN) with tanh alone.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((50, 8)), layers.LSTM(16, activation="relu"), layers.Dense(1)])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((50, 8)), layers.LSTM(16), layers.Dense(1)])
    ```

    ## Fix
    Unsafe: tanh takes the place of the activation, which changes the outputs. Train again.

    ## Not reported
    A single step (reported by H016); SimpleRNN with relu, which with an identity as recurrent weights is a known
    architecture (IRNN).

    ## References
    keras-team/keras#2194 #13221
    """

    code = "A017"
    name = "unbounded-recurrence"
    severity = Severity.WARNING
    preview = True
    in_code = "As elsewhere: what a layer is made with is read wherever it runs. No fix is offered there."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        told: set[str] = set()
        for layer in graph.layers.values():
            if layer.traits.name not in _GATED or not layer.is_keras or "activation" not in layer.config:
                continue
            activation = activation_name(layer.config["activation"])
            sites = graph.call_sites(layer.path)
            if activation not in _UNBOUNDED or not sites or sites[0] in told:
                continue
            steps = _steps(graph, sites[0])
            if steps == 1:
                continue
            told.add(sites[0])
            over = "an unknown number of" if steps is None else f"{steps:,}"
            yield Problem(
                f"{layer.class_name} with activation {activation} over {over} steps: its state can grow at each",
                layer.path,
                'Remove the argument, or write activation="tanh".',
                severity=Severity.INFO if steps is not None and steps <= _SHORT else Severity.WARNING,
                fix=_bounded(graph, layer, str(activation)),
            )


def _steps(graph: ModelGraph, call: str) -> int | None:
    sources = graph.producers(call)
    shape = graph.spec(sources[0]).shape if sources else None
    return shape[1] if shape is not None and len(shape) > 1 else None


def _bounded(graph: ModelGraph, layer: Layer, activation: str) -> Fix | None:
    if not graph.called_directly(layer.path):
        return None
    edit = Configure(layer=layer.path, config={"activation": "tanh"})
    return Fix.unsafe("write tanh", f"the state is bounded by tanh instead of {activation}", edit)
