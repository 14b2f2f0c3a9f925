"""A019: a metric that compares probabilities with labels for equality."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.heads import last_size, trace_activation
from graphlint.questions.losses import losses
from graphlint.questions.metrics import metrics_of

_PROBABILITIES = ("softmax", "sigmoid", "log_softmax", "hard_sigmoid")


class ExactMatchAccuracy(Rule):
    """The class `Accuracy` on an output that gives probabilities.

    ## What it does
    Reports the metric `keras.metrics.Accuracy()` on an output that ends in a softmax or sigmoid, or that has a
    cross-entropy as loss.

    ## Why is this bad?
    `Accuracy` counts how often a prediction equals its label exactly. A probability of 0.98 does not equal 1, so the
    metric stays at 0 (or at the share of outputs that have saturated) however good the model is. The text `"accuracy"`
    is something else: with it, Keras chooses the accuracy that fits the loss and the shape of the output.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=[keras.metrics.Accuracy()])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    ```

    ## Fix
    None: compile again with `metrics=["accuracy"]`.

    ## Not reported
    The text `"accuracy"`; outputs of another kind, such as class numbers that the model computes itself; metrics that
    cannot be told apart by output.

    ## References
    keras-team/keras#18796; keras-team/tf-keras#15
    """

    code = "A019"
    name = "exact-match-accuracy"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.COMPILE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        told: set[int] = set()
        for loss in losses(graph) or ():
            metrics = metrics_of(graph, loss.index) or []
            if loss.index in told or not any(metric.class_name == "Accuracy" for metric in metrics):
                continue
            head = trace_activation(graph, loss.output)
            cross_entropy = loss.traits is not None and loss.traits.cross_entropy
            if head.activation not in _PROBABILITIES and not cross_entropy:
                continue
            told.add(loss.index)
            fitting = "BinaryAccuracy" if last_size(graph, loss.output) == 1 else "CategoricalAccuracy"
            yield Problem(
                f"Accuracy() compares output {loss.name!r} with the labels for equality, and probabilities hardly ever "
                "equal them",
                head.call,
                f'Compile with metrics=["accuracy"], or with the class that fits, such as {fitting}.',
                key=loss.name,
            )
