"""A020: a learning rate far beyond what weights can be trained with."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph, Variable
from graphlint.model.parameters import trained
from graphlint.questions.learning_rate import Rate, compiled_rate, start_scale
from graphlint.questions.statistics import training_steps

_TIMES = 3
"""How many times its start one step may change each weight of a kernel."""
_HIGH = 10
_LOW = {True: 1e-6, False: 1e-5}


class LearningRate(Rule):
    """A learning rate that is far too high, or so low that hardly anything moves.

    ## What it does
    Reports, where two or more kernels are trained, a rate of Adam, AdamW, Adamax, Nadam, RMSprop or Lion that is more
    than three times the standard deviation of Glorot's start of some hidden kernel, and one of SGD without clipping of
    10 or more. Before training, a rate of 0 as well and, as an info, one of at most 1e-6, or 1e-5 for SGD.

    ## Why is this bad?
    Adam and its like move each weight by about the learning rate in each step, however small its gradient is. If that
    is more than the weights themselves, the first steps replace whatever the initializer or training has made of them:
    relus die, sigmoids saturate, the loss jumps. With a rate of 1e-7, a weight of 0.1 needs a million steps to change
    by its own size, and the loss looks constant.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((8,)), layers.Dense(64, activation="relu"), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(1.0), "mse")
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((8,)), layers.Dense(64, activation="relu"), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.001), "mse")
    ```

    ## Fix
    None: compile again with another learning rate.

    ## Not reported
    Schedules; optimizers that scale a step by the weights or by all gradients before (Adafactor, Adagrad, Adadelta,
    Ftrl, Muon); models of one trained kernel, which take high rates; low rates of models that were trained, where a
    schedule may have ended.

    ## References
    UMLAUT; AUTOTRAINER
    """

    code = "A020"
    name = "learning-rate"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.COMPILE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        rate = compiled_rate(graph)
        kernels = [
            one
            for one in graph.variables.values()
            if one.slot.endswith("kernel") and len(one.shape) > 1 and trained(graph, one)
        ]
        if rate is None or len(kernels) < 2:
            return
        if rate.adaptive:
            yield from _too_high(rate, kernels)
        elif rate.optimizer == "SGD" and rate.value >= _HIGH and not rate.clipped:
            yield Problem(
                f"a learning rate of {rate.value:g} for SGD, which changes each weight by {rate.value:g} times its "
                "gradient",
                None,
                "Compile with a learning rate of about 0.01, and raise it while the loss still falls.",
            )
        if (
            rate.value <= _LOW[rate.adaptive]
            and (rate.adaptive or rate.optimizer == "SGD")
            and not training_steps(graph)
        ):
            yield _too_low(rate)


def _too_high(rate: Rate, kernels: list[Variable]) -> Iterator[Problem]:
    widest = min(kernels[:-1], key=start_scale)
    scale = start_scale(widest)
    if rate.value > _TIMES * scale:
        yield Problem(
            f"a learning rate of {rate.value:g}: each step of {rate.optimizer} changes each weight by about that, and "
            f"the weights of {widest.id} start at about {scale:.2g}",
            None,
            "Compile with a learning rate of about 0.001.",
            related=(widest.id,),
        )


def _too_low(rate: Rate) -> Problem:
    if rate.value <= 0:
        return Problem("a learning rate of 0: no step changes anything", None, "Compile with a learning rate above 0.")
    usual = 0.001 if rate.adaptive else 0.01
    return Problem(
        f"a learning rate of {rate.value:g} for {rate.optimizer}: the default is {usual / rate.value:,.0f} times that",
        None,
        f"If the loss hardly moves, compile with a learning rate of about {usual}.",
        severity=Severity.INFO,
    )
