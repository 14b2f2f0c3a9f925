"""A021: an accuracy as the metric of a regression."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.heads import last_size, trace_activation
from graphlint.questions.losses import losses
from graphlint.questions.metrics import metrics_of

_ACCURACIES = frozenset({"accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"})
_NUMBERS = ("linear", "relu", "softplus", "exponential")


class RegressionAccuracy(Rule):
    """An accuracy as the metric of a regression.

    ## What it does
    Reports an accuracy among the metrics of an output of one number that is no probability (it ends in no activation,
    or in a relu, softplus or exponential) and has a regression loss.

    ## Why is this bad?
    An accuracy counts predictions that equal their target, once they are rounded to 0 or 1. For prices or distances it
    is 0, or a number without meaning, however good the model is, and a model that learns looks like one that does not.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["accuracy"])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    ```

    ## Fix
    None: compile again with `metrics=["mae"]`.

    ## Not reported
    Outputs of several numbers, and those that end in a sigmoid, softmax or tanh, which may be classes trained by their
    squared error; accuracies of the user's own; metrics that cannot be told apart by output.

    ## References
    rstudio/keras3#296
    """

    code = "A021"
    name = "regression-accuracy"
    severity = Severity.INFO
    preview = True
    needs = frozenset({Need.GRAPH, Need.COMPILE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        told: set[int] = set()
        for loss in losses(graph) or ():
            if loss.index in told or loss.traits is None or not loss.traits.regression:
                continue
            metric = next((one for one in metrics_of(graph, loss.index) or [] if one.name in _ACCURACIES), None)
            head = trace_activation(graph, loss.output)
            if metric is None or head.activation not in _NUMBERS or last_size(graph, loss.output) != 1:
                continue
            told.add(loss.index)
            yield Problem(
                f"{metric.name} counts how often output {loss.name!r} equals its target, and {loss.traits.name} is for "
                "numbers that hardly ever do",
                head.call,
                'Compile with metrics=["mae"], unless its targets are 0 and 1.',
                key=loss.name,
            )
