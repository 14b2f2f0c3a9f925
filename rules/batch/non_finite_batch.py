"""B013: where NaN or infinity begins."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import begins


class NonFiniteBatch(Rule):
    """NaN or infinity appears, and where it begins.

    ## What it does
    Reports NaN or infinity in the batch, in weights, in what a layer makes of finite numbers, in the loss, and in
    gradients: the first place, not those that it spreads to. For gradients this is the first layer on the way back.

    ## Why is this bad?
    One such number makes the loss NaN, and the next step makes all weights NaN.

    ## Example
    ```python
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1)(ops.log(layers.Dense(8)(inputs))))
    model.compile("adam", "mse")
    data = np.random.rand(16, 4), np.random.rand(16, 1)
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    hidden = layers.Dense(8, activation="softplus")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(ops.log(hidden)))
    model.compile("adam", "mse")
    data = np.random.rand(16, 4), np.random.rand(16, 1)
    ```

    ## Fix
    None: keep the numbers out of it, or the arguments of logarithms, roots and divisions away from 0.

    ## Not reported
    Infinity on the way, such as in a mask of attention scores, from which nothing that is not finite reaches an output
    or the loss. Infinite gradients below a scaled loss, which the optimizer expects.
    """

    code = "B013"
    name = "non-finite-batch"
    severity = Severity.ERROR
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        found = begins(graph)
        if found is not None:
            yield Problem(found.message, found.node, found.hint)
