"""A006: a regression loss on the output of a relu, softmax or sigmoid that it does not fit."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.heads import last_size, trace_activation
from graphlint.questions.losses import OutputLoss, losses
from graphlint.questions.metrics import metrics_of

_COUNTS = ("poisson", "mean_squared_logarithmic_error", "mean_absolute_percentage_error")
"""Losses for counts and amounts, which a probability is not."""
_NUMBERS = frozenset(
    {"mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error", "root_mean_squared_error"}
    | {"mean_squared_logarithmic_error", "log_cosh", "log_cosh_error", "huber", "r2_score", "poisson"}
)
"""Metrics of numbers, not of classes: this rule's judgement."""
_HINTS = {
    "relu": 'Remove the last activation, or write activation="softplus" if the target cannot be negative.',
    "softmax": "Compile with categorical_crossentropy for classes; remove the last activation for numbers.",
    "sigmoid": "Compile with binary_crossentropy for yes or no; remove the last activation for numbers.",
}


class RegressionActivation(Rule):
    """A regression loss on an output that ends in relu or softmax.

    ## What it does
    Reports mean squared error, mean absolute error and similar losses on an output that ends in a relu or a softmax,
    and losses of counts and percentages (Poisson, logarithmic and percentage errors) on a softmax or sigmoid. It is a
    warning where the model contradicts itself: a softmax that is trained and measured as numbers, or probabilities that
    are trained as counts.

    ## Why is this bad?
    A relu cannot predict negative values and gets no gradient where it is 0, so a unit that starts there stays there.
    The values of a softmax add up to 1, and a regression loss hardly corrects a wrong class of which the model is sure.
    A percentage of a target of 0 is infinite, and Keras divides by a tiny number instead.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, activation="relu")])
    model.compile("adam", "mse")
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    model.compile("adam", "mse")
    ```

    ## Fix
    None: remove the activation of the last layer or use softplus if the target cannot be negative; for classes, compile
    with a cross-entropy.

    ## Not reported
    Sigmoid and tanh under squared and absolute errors, which are common for targets in a fixed range; a relu under
    Poisson or logarithmic errors, whose targets are never negative; a softmax over one unit (reported by A001); custom
    losses. A softmax under squared error with an accuracy as metric, which is a Brier score, is an info.

    ## References
    DeepLocalize (ICSE 2021); Stack Overflow 38648195, 48251943
    """

    code = "A006"
    name = "regression-activation"
    severity = Severity.INFO
    needs = frozenset({Need.GRAPH, Need.COMPILE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for loss in losses(graph) or ():
            if loss.traits is None or loss.weight == 0:
                continue
            regression, counts = loss.traits.regression, loss.loss in _COUNTS
            if not regression and not counts:
                continue
            head = trace_activation(graph, loss.output)
            activation = head.activation or ""
            fires = (
                (activation == "relu" and regression)
                or (activation == "softmax" and last_size(graph, loss.output) != 1)
                or (activation == "sigmoid" and counts)
            )
            if not fires:
                continue
            yield Problem(
                f"{loss.loss} on output {loss.name!r}, which ends in {activation}",
                head.call,
                _HINTS[activation],
                related=() if loss.output.call == head.call else (loss.output,),
                severity=Severity.WARNING if _contradicts(graph, loss, activation) else Severity.INFO,
                key=f"{loss.name}:{loss.loss}",
            )


def _contradicts(graph: ModelGraph, loss: OutputLoss, activation: str) -> bool:
    """Whether loss, activation and metrics cannot all be meant."""
    metrics = metrics_of(graph, loss.index)
    if activation == "relu" or metrics is None:
        return False
    numbers = all(metric.name in _NUMBERS for metric in metrics)
    if activation == "sigmoid":
        return bool(metrics) and not any(metric.name in _NUMBERS for metric in metrics)
    return loss.loss == "poisson" or numbers
