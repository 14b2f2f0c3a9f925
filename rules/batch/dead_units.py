"""B014: layers of relu units that are 0 for every row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import applied_activation, observed

if TYPE_CHECKING:
    from graphlint.model.observations import ObservedCall

_SHARE = 0.9
_UNITS = 8
_NUMBERS = 32
_CLIPPED = frozenset({"relu", "relu6", "hard_swish"})


class DeadUnits(Rule):
    """Nearly all units of a layer are 0 for every row of the batch.

    ## What it does
    Reports a layer of at least eight units that ends in relu, of which 90 % or more are 0 in every row and place, each
    with at least 32 numbers.

    ## Why is this bad?
    A unit that is always 0 has no gradient and never comes back: a large step, a negative bias or unscaled inputs
    killed it.

    ## Example
    ```python
    model = keras.Sequential([
        keras.Input((4,)),
        layers.Dense(16, activation="relu", bias_initializer=keras.initializers.Constant(-9.0)),
        layers.Dense(1),
    ])
    model.layers[1].set_weights([np.ones((16, 1)), np.zeros(1)])
    model.layers[0].set_weights([np.ones((4, 16)), np.array([0.0] + [-9.0] * 15)])
    data = np.random.rand(64, 4)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(16, activation="relu"), layers.Dense(1)])
    data = np.random.rand(64, 4)
    ```

    ## Fix
    None: lower the learning rate, scale the inputs, or use leaky_relu.

    ## Not reported
    Small batches and layers; a model that learns although units are 0 now: the layers before them move, so that they
    may come back.
    """

    code = "B014"
    name = "dead-units"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        if observed(graph).learns:
            return
        found: dict[str, ObservedCall] = {}
        for call in observed(graph).calls:
            if call.units < _UNITS or call.rows_per_unit < _NUMBERS or call.dead_units < _SHARE * call.units:
                continue
            if applied_activation(graph, call.layer) in _CLIPPED:
                found.setdefault(call.layer, call)
        if found:
            path, first = next(iter(found.items()))
            more = f"; so it is in {len(found) - 1} more layers" if len(found) > 1 else ""
            yield Problem(
                f"{first.dead_units:,} of {first.units:,} units are 0 for all {observed(graph).rows} rows{more}",
                path,
                "Scale the inputs, lower the learning rate, or use leaky_relu.",
                related=tuple(found)[1:],
            )
