"""A006: a regression loss on the output of a relu or softmax."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.heads import trace_activation
from graphlint.questions.losses import losses


class RegressionActivation(Rule):
    """A regression loss on an output that ends in relu or softmax.

    ## What it does
    Reports mean squared error, mean absolute error and similar losses on an output that ends in a relu or a softmax.
    Off by default.

    ## Why is this bad?
    A relu cannot predict negative values and gets no gradient where it is 0, so a unit that starts there stays there.
    The values of a softmax add up to 1. Both may be intended, which is why the rule is off.

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
    None: remove the activation of the last layer, or use softplus if the target cannot be negative.

    ## Not reported
    Sigmoid and tanh, which are common for targets in a fixed range; custom losses.

    ## References
    DeepLocalize (ICSE 2021)
    """

    code = "A006"
    name = "regression-activation"
    severity = Severity.INFO
    needs = frozenset({Need.GRAPH, Need.COMPILE})
    default = False

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for loss in losses(graph) or ():
            if loss.traits is None or not loss.traits.regression or loss.weight == 0:
                continue
            head = trace_activation(graph, loss.output)
            if head.activation in ("relu", "softmax"):
                yield Problem(
                    f"{loss.loss} on output {loss.name!r}, which ends in {head.activation}",
                    head.call,
                    'Remove the last activation, or write activation="softplus" if the target cannot be negative.',
                    related=() if loss.output.call == head.call else (loss.output,),
                    key=f"{loss.name}:{loss.loss}",
                )
