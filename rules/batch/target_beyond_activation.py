"""B007: targets that the last activation cannot reach."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.losses import loss_row
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import output_head, output_node, span, targets

_INFINITE = float("inf")
_RANGES = {
    "sigmoid": (0, 1),
    "hard_sigmoid": (0, 1),
    "softmax": (0, 1),
    "tanh": (-1, 1),
    "softsign": (-1, 1),
    "relu": (0, _INFINITE),
    "relu6": (0, 6),
    "softplus": (0, _INFINITE),
    "exponential": (0, _INFINITE),
}
_SLACK = 0.01


class TargetBeyondActivation(Rule):
    """The last activation cannot give what the targets are.

    ## What it does
    Reports an output with a regression loss whose targets lie outside of what its last activation returns: beyond 0 and
    1 for a sigmoid or softmax, beyond -1 and 1 for tanh, below 0 for relu and softplus.

    ## Why is this bad?
    The output saturates at the end of its range, the gradient there is almost 0, and the error remains.

    ## Example
    ```python
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(8, activation="tanh"), layers.Dense(1, activation="sigmoid")]
    )
    model.compile("adam", "mse")
    data = np.random.rand(8, 4), np.linspace(5, 50, 8)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="tanh"), layers.Dense(1)])
    model.compile("adam", "mse")
    data = np.random.rand(8, 4), np.linspace(5, 50, 8)
    ```

    ## Fix
    None: use a linear last layer, or scale the targets into its range.

    ## Not reported
    Targets outside by less than 1 % of the range. Outputs of code that is not seen.
    """

    code = "B007"
    name = "target-beyond-activation"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA, Need.TARGETS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for target in targets(graph):
            row = loss_row(target.loss) if target.loss is not None else None
            head = output_head(graph, target.output)
            if row is None or not row.regression or head is None or head.activation not in _RANGES:
                continue
            low, high = _RANGES[head.activation]
            numbers = target.all
            slack = _SLACK * (high - low if high < _INFINITE else numbers.magnitude)
            if numbers.minimum < low - slack or numbers.maximum > high + slack:
                span_of_it = f"{low} to {high}" if high < _INFINITE else f"from {low} up"
                yield Problem(
                    f"targets from {span(numbers)}, and {head.activation} returns {span_of_it}",
                    output_node(graph, target.output),
                    "Use a linear last layer, or scale the targets into its range.",
                    related=(head.call,),
                )
