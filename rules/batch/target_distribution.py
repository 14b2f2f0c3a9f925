"""B004: targets of a categorical loss that are no probabilities."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import DISTRIBUTIONS, output_node, span, targets

_NEGATIVE = -1e-6
_SHARE = 0.01


class TargetDistribution(Rule):
    """A categorical loss receives targets that are no probabilities of classes.

    ## What it does
    Reports targets of a categorical cross-entropy or Kullback-Leibler divergence that are negative, or more than 1 % of
    whose rows add up to something else than 1.

    ## Why is this bad?
    The loss is minus the sum of targets times logarithms of probabilities that add up to 1: with several classes in a
    row the best output is wrong for each of them, and with plain numbers the loss means nothing.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    data = np.random.rand(8, 4), np.array([[1, 1, 0], [0, 1, 1]] * 4, "float32")
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    data = np.random.rand(8, 4), np.array([[1, 1, 0], [0, 1, 1]] * 4, "float32")
    ```

    ## Fix
    None: use a sigmoid with `binary_crossentropy` where several classes can be right, or one-hot rows.

    ## Not reported
    Rows of zeros, which stand for places that do not count.
    """

    code = "B004"
    name = "target-distribution"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA, Need.TARGETS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for target in targets(graph):
            if target.loss not in DISTRIBUTIONS or target.target.shape != target.prediction.shape:
                continue
            if target.loss == "categorical_hinge" or not target.target.finite:
                continue
            node = output_node(graph, target.output)
            if target.target.minimum < _NEGATIVE:
                message = f"targets from {span(target.target)}, where {target.loss} takes probabilities"
                yield Problem(message, node, "Use a regression loss for numbers, and one-hot rows for classes.")
            elif target.uneven_rows > _SHARE:
                yield Problem(
                    f"{target.uneven_rows:.0%} of the rows of targets do not add up to 1, which {target.loss} expects",
                    node,
                    "Use a sigmoid and binary_crossentropy where several classes can be right, or one-hot rows.",
                )
