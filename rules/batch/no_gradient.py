"""B010: trainable layers that receive no gradient."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import layer_gradients, observed, starts_at_zero

_SOLVED = 1e-3
"""A loss below which probabilities may have become exactly what the targets are."""


class NoGradient(Rule):
    """Trainable layers receive no gradient.

    ## What it does
    Reports trainable layers of which no variable received a gradient in the step of the batch, or all of them one of
    exactly 0 from the first layer on.

    ## Why is this bad?
    These layers do not train: the loss does not depend on them, or what lies after them lets no gradient through.

    ## Example
    ```python
    inputs = keras.Input((4,))
    hidden = layers.Dense(8, activation="relu", bias_initializer=keras.initializers.Constant(9.0))(inputs)
    hidden = layers.Dense(1)(layers.ReLU(max_value=1)(hidden))
    model = keras.Model(inputs, layers.Add()([hidden, layers.Dense(1)(inputs)]))
    model.compile("adam", "mse")
    data = np.random.rand(16, 4), np.random.rand(16, 1)
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    hidden = layers.Dense(8, activation="relu")(inputs)
    hidden = layers.Dense(1)(layers.ReLU(max_value=1)(hidden))
    model = keras.Model(inputs, layers.Add()([hidden, layers.Dense(1)(inputs)]))
    model.compile("adam", "mse")
    data = np.random.rand(16, 4), np.random.rand(16, 1)
    ```

    ## Fix
    None: connect the layers to the loss, or freeze them.

    ## Not reported
    Layers that influence no output (D002, P004); single variables of a layer; parts that the batch did not choose, such
    as experts; models with kernels of zeros, which start so on purpose; a loss of exactly 0 or, after training, below
    0.001.
    """

    code = "B010"
    name = "no-gradient"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA, Need.GRADIENTS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        seen = observed(graph)
        layers = layer_gradients(graph)
        live = graph.live_nodes
        missing = [
            path
            for path, found in layers.items()
            if all(one.numbers is None for one in found) and any(one.variable in live for one in found)
        ]
        if missing and len(missing) < len(layers):
            yield Problem(
                f"no variable of {_count(missing)} received a gradient",
                missing[0],
                "Let the loss depend on it, or freeze it.",
                related=tuple(missing[1:]),
            )
        solved = seen.loss == 0 or (seen.steps > 0 and seen.loss is not None and 0 < seen.loss < _SOLVED)
        if solved or starts_at_zero(graph):
            return
        zero = []
        for path, found in layers.items():
            known = [one.numbers for one in found if one.numbers is not None]
            if path in missing:
                continue
            if not known or any(not one.finite or one.magnitude for one in known):
                break
            zero.append(path)
        if zero:
            every = " (all there are)" if len(zero) + len(missing) == len(layers) else ""
            yield Problem(
                f"the gradient of {_count(zero)}{every} is exactly 0, from the first layer on",
                zero[-1],
                "Look at what follows: dead units, a saturated activation or an operation without a gradient.",
                related=tuple(zero[:-1]),
            )


def _count(layers: list[str]) -> str:
    return "this layer" if len(layers) == 1 else f"{len(layers)} layers"
