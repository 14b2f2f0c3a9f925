"""B024: numbers that grow from layer to layer."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import growth, shown

_GROWTH = 1e3
_LARGE = 1e3


class GrowingSignal(Rule):
    """What layers return explodes on its way through the model.

    ## What it does
    Reports a model in which a hidden layer with a kernel returns numbers whose root mean square is above 1,000, and
    more than a thousand times that of the first such layer.

    ## Why is this bad?
    Each layer multiplies what it receives: the initial weights are too large. A softmax, sigmoid or gate after it is
    saturated and lets no gradient through, and other gradients explode in the same way as the numbers do.

    ## Example
    ```python
    wide = keras.initializers.RandomNormal(stddev=5.0)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            *(layers.Dense(32, activation="relu", kernel_initializer=wide) for _ in range(4)),
            layers.Dense(1),
        ]
    )
    data = np.random.randn(16, 4)
    ```

    ## Use instead
    ```python
    model = keras.Sequential(
        [
            keras.Input((4,)),
            *(layers.Dense(32, activation="relu", kernel_initializer="he_normal") for _ in range(4)),
            layers.Dense(1),
        ]
    )
    data = np.random.randn(16, 4)
    ```

    ## Fix
    None: choose a smaller initializer, such as `he_normal` for relu and `glorot_uniform` else, or add normalisation.

    ## Not reported
    Outputs, and layers that a normalisation follows at once.
    """

    code = "B024"
    name = "growing-signal"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        found = growth(graph)
        if found is None or found.after < _LARGE or found.after < _GROWTH * found.before:
            return
        yield Problem(
            f"returns numbers of about {shown(found.after)}, where {graph.address(found.first)} returns about "
            f"{shown(found.before)}",
            found.last,
            'Choose a smaller initializer, such as kernel_initializer="he_normal", or add normalisation.',
            related=(found.first,),
        )
