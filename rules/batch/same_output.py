"""B008: an output that is the same for every row."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import (
    constant_from,
    frozen_kernels,
    observed,
    output_head,
    output_node,
    shown,
    starts_at_zero,
)


class SameOutput(Rule):
    """An output is the same for every row of the batch.

    ## What it does
    Reports an output of floats that is equal in at least four rows of differing inputs.

    ## Why is this bad?
    Nothing of the input reaches the output: the units before it are dead or saturated, or the output is normalised to a
    constant. Such a model predicts one and the same thing, and mostly does not recover.

    ## Example
    ```python
    model = keras.Sequential([
        keras.Input((4,)),
        layers.Dense(4, activation="relu", bias_initializer=keras.initializers.Constant(-9.0)),
        layers.Dense(1, activation="sigmoid"),
    ])
    data = np.random.rand(8, 4)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([
        keras.Input((4,)),
        layers.Dense(4, activation="relu", bias_initializer=keras.initializers.Constant(0.1)),
        layers.Dense(1, activation="sigmoid"),
    ])
    data = np.random.rand(8, 4)
    ```

    ## Fix
    None: look for the first layer whose output is constant, and at the scale of the inputs.

    ## Not reported
    Models with kernels of zeros, which start so on purpose; untrained ones with frozen kernels; outputs that no input
    influences (D006); a softmax over one unit (A001); outputs of integers.
    """

    code = "B008"
    name = "same-output"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        seen = observed(graph)
        if seen.rows < 4 or not any(one.spread for one in seen.inputs) or starts_at_zero(graph):
            return
        if seen.steps == 0 and frozen_kernels(graph):
            return
        for output, numbers in enumerate(seen.outputs):
            if not numbers.finite or "float" not in numbers.dtype or numbers.shape[:1] != (seen.rows,):
                continue
            head = output_head(graph, output)
            if numbers.spread > 1e-7 * numbers.magnitude or (head is not None and not graph.fed_calls & {head.call}):
                continue
            if head is not None and head.activation == "softmax" and numbers.shape[-1] == 1:
                continue
            origin = constant_from(graph)
            itself = head is not None and head.layer == origin
            since = "" if origin is None or itself else f", as is what {graph.address(origin)} returns"
            yield Problem(
                f"returns {shown(numbers.mean)} on average, and the same for all {seen.rows} rows{since}",
                output_node(graph, output),
                "Look at the first layer that does not answer: scale the inputs, or choose another initializer.",
                related=() if origin is None else (origin,),
            )
