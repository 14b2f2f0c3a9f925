"""P001: parameters that a sum over layers counts more than once."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.address import ROOT
from graphlint.model.graph import ModelGraph


class DoubleCounted(Rule):
    """Summing the parameters of the layers counts some of them twice.

    ## What it does
    Compares the sum of the parameter counts of the top-level layers with the number of distinct parameters, and names
    the layers that share parameters.

    ## Why is this bad?
    `sum(layer.count_params() for layer in model.layers)`, and every table computed in this way, overstates the size of
    the model.

    ## Example
    ```python
    inputs = keras.Input((3, 4))
    dense = layers.Dense(4, name="dense")
    x = layers.TimeDistributed(dense, name="steps")(layers.ReLU()(dense(inputs)))
    model = keras.Model(inputs, x)
    ```

    ## Use instead
    ```python
    inputs = keras.Input((3, 4))
    dense = layers.Dense(4, name="dense")
    model = keras.Model(inputs, dense(layers.ReLU()(dense(inputs))))
    ```

    ## Fix
    None: count with `model.count_params()`, which counts each variable once.

    ## Not reported
    One layer called several times, which Keras counts once.

    ## References
    keras-team/keras#3661
    """

    code = "P001"
    name = "double-counted"
    severity = Severity.INFO

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        counts = graph.parameters
        if not counts.counted_twice:
            return
        holders: dict[str, list[str]] = {variable.id: [ROOT] for variable in graph.variables_of(ROOT)}
        for layer in graph.children.get(ROOT, []):
            for variable in graph.variables_below(layer):
                holders.setdefault(variable.id, []).append(layer)
        groups: dict[tuple[str, ...], int] = {}
        for name, several in holders.items():
            if len(several) > 1:
                key = tuple(several)
                groups[key] = groups.get(key, 0) + graph.variables[name].size
        parts = [f"{' and '.join(key)} both hold {size:,}" for key, size in list(groups.items())[:3]]
        if len(groups) > 3:
            parts.append(f"and {len(groups) - 3} more pairs")
        yield Problem(
            f"the layers add up to {counts.counted_per_layer:,} parameters, the model has "
            f"{counts.counted_per_layer - counts.counted_twice:,}: {'; '.join(parts)}",
            None,
            "Count with model.count_params().",
            related=tuple(dict.fromkeys(path for key in groups for path in key)),
        )
