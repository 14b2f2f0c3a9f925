"""B012: gradients that grow towards the inputs, or beyond the weights."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import kernel_gradients, layer_gradients, observed, shown

_FACTOR = 10
_GROWTH = 1e4


class ExplodingGradient(Rule):
    """The gradient explodes.

    ## What it does
    Reports gradients so large that one step of plain SGD at the compiled learning rate changes a kernel by more than
    ten times its own size, and gradients that grow more than ten-thousandfold from the last kernel to the first.

    ## Why is this bad?
    The first steps throw the weights far away from where they can learn; often the loss becomes NaN.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    data = np.random.rand(16, 4), 300 + 100 * np.random.rand(16, 1)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    data = np.random.rand(16, 4), 7 + np.random.rand(16, 1)
    ```

    ## Fix
    None: scale inputs and targets, lower the learning rate, or clip gradients.

    ## Not reported
    Optimizers that clip gradients and, of the first kind, those that adapt the size of the step, such as Adam.
    """

    code = "B012"
    name = "exploding-gradient"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA, Need.GRADIENTS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        seen = observed(graph)
        if seen.clipped or seen.loss_scaled:
            return
        if seen.optimizer == "SGD" and seen.learning_rate is not None:
            steps = [
                (one.norm * seen.learning_rate / one.value_norm, one)
                for found in layer_gradients(graph).values()
                for one in found
                if one.numbers is not None and one.numbers.finite and len(one.numbers.shape) > 1 and one.value_norm > 0
            ]
            largest = max(steps, key=lambda step: step[0], default=None)
            if largest is not None and largest[0] > _FACTOR:
                ratio, one = largest
                yield Problem(
                    f"one step of SGD at a learning rate of {shown(seen.learning_rate)} changes this kernel by "
                    f"{shown(ratio)} times its size: its gradient has a norm of {shown(one.norm)}",
                    one.variable,
                    "Scale inputs and targets, lower the learning rate, or pass clipnorm=1.0 to the optimizer.",
                )
                return
        kernels = [(path, size) for path, size in kernel_gradients(graph) if size > 0]
        if len(kernels) > 2 and kernels[0][1] > _GROWTH * kernels[-1][1]:
            yield Problem(
                f"the gradient of a weight is {shown(kernels[-1][1])} in the last layer and "
                f"{shown(kernels[0][1])} in the first, of {len(kernels)} layers",
                kernels[0][0],
                "Choose a smaller initializer, add normalisation, or pass clipnorm=1.0 to the optimizer.",
                related=(kernels[-1][0],),
            )
