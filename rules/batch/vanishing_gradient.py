"""B011: gradients that shrink towards the inputs."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import kernel_gradients, shown, starts_at_zero

_SHARE = 1e-5
_LAYERS = 3


class VanishingGradient(Rule):
    """The gradient vanishes on its way back to the first layers.

    ## What it does
    Reports a model of at least three layers with kernels in which the gradient of the first kernels is, for each
    weight, below a hundred-thousandth of that of the last ones.

    ## Why is this bad?
    The first layers do not train: their weights stay what they were, random.

    ## Example
    ```python
    model = keras.Sequential(
        [keras.Input((4,)), *(layers.Dense(8, activation="sigmoid") for _ in range(10)), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    data = np.random.rand(16, 4), np.random.rand(16, 1)
    ```

    ## Use instead
    ```python
    model = keras.Sequential(
        [keras.Input((4,)), *(layers.Dense(8, activation="relu") for _ in range(10)), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    data = np.random.rand(16, 4), np.random.rand(16, 1)
    ```

    ## Fix
    None: use relu or a like it instead of sigmoid and tanh, add normalisation or residual connections.

    ## Not reported
    Gradients that are exactly 0 (B010). Models with kernels of zeros, which start so on purpose.
    """

    code = "B011"
    name = "vanishing-gradient"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA, Need.GRADIENTS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        kernels = [(path, size) for path, size in kernel_gradients(graph) if size > 0]
        if len(kernels) < _LAYERS or starts_at_zero(graph):
            return
        (first, least), (last, most) = kernels[0], kernels[-1]
        if least < _SHARE * most:
            small = [path for path, size in kernels if size < _SHARE * most]
            yield Problem(
                f"the gradient of a weight is {shown(most)} in the last layer and {shown(least)} in the first, of "
                f"{len(kernels)} layers; below {_SHARE:g} of the last in {len(small)}",
                first,
                "Use relu instead of sigmoid or tanh, or add normalisation or residual connections.",
                related=(last,),
            )
