"""N002: stored variances below 0."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.statistics import statistics


class NegativeVariance(Rule):
    """A stored variance is below 0.

    ## What it does
    Reports BatchNormalization layers whose moving variance, and Normalization layers whose variance, has a negative
    value.

    ## Why is this bad?
    The layer divides by its square root: the output is NaN, or, if the variance is only just below 0, explodes. The
    weights were averaged, quantized or edited in a way that is not valid for a variance.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.BatchNormalization(), layers.Dense(2)])
    model.layers[0].moving_variance.assign([1.0, 1.0, -0.5, 1.0])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.BatchNormalization(), layers.Dense(2)])
    ```

    ## Fix
    None: restore the moving statistics of an earlier checkpoint, or run some batches with `training=True` to learn them
    again.

    ## Not reported
    A variance of 0 (a constant feature).

    ## References
    tensorflow/tensorflow#18334
    """

    code = "N002"
    name = "negative-variance"
    severity = Severity.ERROR
    in_code = "As elsewhere: numbers are read wherever a layer holds them, also where it stays closed."
    needs = frozenset({Need.GRAPH, Need.NUMBERS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for variable in graph.variables.values():
            layer = graph.layers[variable.layer]
            traits = layer.traits
            slot = (
                "moving_variance" if traits.batch_statistics else "variance" if traits.name == "Normalization" else None
            )
            if variable.slot != slot:
                continue
            found = statistics(graph, variable)
            if found is not None and found.minimum is not None and found.minimum < 0:
                yield Problem(
                    f"{slot} has a minimum of {found.minimum:.3g}; a variance cannot be below 0",
                    variable.id,
                    "Restore the statistics of an earlier checkpoint, or learn new ones: model(batch, training=True).",
                )
