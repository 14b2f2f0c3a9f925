"""B018: large targets of a regression."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.losses import loss_row
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import output_node, span, targets

_LARGE = 500
_SHARE = 0.1
_RELATIVE = "mean_absolute_percentage_error"


class UnscaledTarget(Rule):
    """The targets of a regression are large, and the model starts far from them.

    ## What it does
    Reports targets with a root mean square of 500 or more, of a linear output with a squared, absolute or Huber loss,
    where the model returns less than a tenth of that.

    ## Why is this bad?
    A squared error has gradients as large as the targets, which throw the weights far away; an absolute one takes
    thousands of steps only to reach their size.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    model.compile("adam", "mse")
    data = np.random.rand(16, 4), 200000 + 50000 * np.random.rand(16, 1)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    model.compile("adam", "mse")
    data = np.random.rand(16, 4), 2 + 0.5 * np.random.rand(16, 1)
    ```

    ## Fix
    None: subtract the mean of the targets and divide by their deviation, and undo it for predictions.

    ## Not reported
    Outputs that a Rescaling or other layer makes large; losses of ratios and logarithms; models that are trained.
    """

    code = "B018"
    name = "unscaled-target"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA, Need.TARGETS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for target in targets(graph):
            row = loss_row(target.loss) if target.loss is not None else None
            if row is None or not row.regression or row.name == _RELATIVE:
                continue
            true, predicted = target.target, target.prediction
            size = (true.mean**2 + true.deviation**2) ** 0.5
            returned = (predicted.mean**2 + predicted.deviation**2) ** 0.5
            if size >= _LARGE and predicted.finite and returned < _SHARE * size:
                yield Problem(
                    f"targets from {span(true)}, and the model returns {span(predicted)}",
                    output_node(graph, target.output),
                    "Subtract the mean of the targets and divide by their deviation.",
                )
