"""B009: probabilities that are 0 or 1, and wrong."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import observed, output_node, probabilities, targets

_SHARE = 0.25
_ROWS = 8


class SaturatedOutput(Rule):
    """The model is certain, and wrong, for many rows.

    ## What it does
    Reports an output of probabilities of which, in at least a quarter of the rows, one is 0 or 1 within a millionth and
    belongs to another class. At least 8 rows.

    ## Why is this bad?
    There a softmax or sigmoid is flat: the gradient is almost 0 or, in the loss, cut off, so that these rows teach the
    model nothing. The inputs or the weights are too large.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    model.layers[0].set_weights([100 * np.random.randn(4, 1), np.zeros(1)])
    model.optimizer.iterations.assign(100)
    data = np.random.randn(16, 4), np.arange(16) % 2
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    data = np.random.randn(16, 4), np.arange(16) % 2
    ```

    ## Fix
    None: scale the inputs, and start from smaller weights.

    ## Not reported
    Rows that are certain and right. Outputs that are no probabilities: by their last activation or, where that is not
    known, by the loss.
    """

    code = "B009"
    name = "saturated-output"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA, Need.TARGETS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for target in targets(graph):
            share = target.saturated_wrong
            if share is None or share < _SHARE or observed(graph).rows < _ROWS or not probabilities(graph, target):
                continue
            yield Problem(
                f"in {share:.0%} of the rows a probability is 0 or 1, and wrong",
                output_node(graph, target.output),
                "Scale the inputs to about -1 to 1, and look at the size of the weights.",
            )
