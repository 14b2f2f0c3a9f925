"""B025: a loss that training has made larger."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.losses import stock_training
from graphlint.questions.observed import movement, shown, targets

_TIMES = 3


class LossRises(Rule):
    """Training made the loss larger.

    ## What it does
    Reports a training in which the loss of the last epoch is more than three times what it was before the first step.
    `graphlint.callbacks.Watch` notes both.

    ## Why is this bad?
    The steps are too large: each of them leaps over where the loss would be smaller, and lands higher than it began.

    ## Example
    ```python
    import warnings

    import graphlint

    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(2.0), "mse")
    watch = graphlint.callbacks.Watch(fail_on="never", select=["B025"])
    x = np.random.randn(16, 4)
    with warnings.catch_warnings(action="ignore"):
        model.fit(x, x.sum(1, keepdims=True), epochs=2, verbose=0, callbacks=[watch])
    report = watch.report
    ```

    ## Use instead
    ```python
    import graphlint

    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    watch = graphlint.callbacks.Watch(fail_on="never", select=["B025"])
    x = np.random.randn(16, 4)
    model.fit(x, x.sum(1, keepdims=True), epochs=2, verbose=0, callbacks=[watch])
    report = watch.report
    ```

    ## Fix
    None: lower the learning rate, scale inputs and targets, or clip gradients.

    ## Not reported
    Losses and training steps of the user's own, which may be made to rise; losses below 0.
    """

    code = "B025"
    name = "loss-rises"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.STEPS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        seen = movement(graph)
        before, after = seen.loss_before, seen.loss_after
        if before is None or after is None or not isfinite(after) or not stock_training(graph):
            return
        if not all(one.loss for one in targets(graph)):
            return
        if before > 0 and after > _TIMES * before:
            yield Problem(
                f"the loss was {shown(before)} before the first step, and is {shown(after)} in the last epoch, after "
                f"{seen.steps:,} steps",
                None,
                "Lower the learning rate, scale inputs and targets, or pass clipnorm=1.0 to the optimizer.",
            )
