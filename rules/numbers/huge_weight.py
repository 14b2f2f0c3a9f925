"""N005: weights that have grown beyond use."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.model.parameters import trained
from graphlint.questions.statistics import statistics

_HUGE = 1e6


class HugeWeight(Rule):
    """A trainable weight is above a million.

    ## What it does
    Reports trainable variables of floating point with a value above 1,000,000 or below -1,000,000.

    ## Why is this bad?
    Training has diverged: the learning rate was too high, or inputs or targets were not scaled. What such a layer
    returns is beyond what the next ones can use, losses are huge or NaN soon after, and in float16 the value is
    infinite.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    model.layers[0].kernel.assign(np.full((4, 2), 3e7) * np.arange(1, 3))
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    ```

    ## Fix
    None: use an earlier checkpoint, or train again with a smaller learning rate and scaled data.

    ## Not reported
    Frozen variables and those that are not trained, such as the statistics of normalisation; NaN and infinity (N001).

    ## References
    AUTOTRAINER (ICSE 2021)
    """

    code = "N005"
    name = "huge-weight"
    severity = Severity.WARNING
    preview = True
    in_code = "As elsewhere: numbers are read wherever a layer holds them, also where it stays closed."
    needs = frozenset({Need.GRAPH, Need.NUMBERS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        found: dict[str, tuple[float, list[str]]] = {}
        for variable in graph.variables.values():
            if not variable.dtype.startswith(("float", "bfloat")) or not trained(graph, variable):
                continue
            numbers = statistics(graph, variable)
            if numbers is None or numbers.nonfinite or numbers.minimum is None or numbers.maximum is None:
                continue
            largest = max(numbers.minimum, numbers.maximum, key=abs)
            if abs(largest) <= _HUGE:
                continue
            before, ids = found.get(variable.layer, (0.0, []))
            found[variable.layer] = (max(before, largest, key=abs), [*ids, variable.id])
        for largest, ids in found.values():
            yield Problem(
                f"a value of {largest:.3g}: training has diverged",
                ids[0],
                "Use an earlier checkpoint, or train again with a smaller learning rate and scaled data.",
                related=tuple(ids[1:]),
            )
