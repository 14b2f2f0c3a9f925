"""B017: large inputs that no layer scales."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import observed, raw_readers, span

_PIXEL = 100
_LARGE = 300


class UnscaledInput(Rule):
    """An input of large numbers reaches the first layer with weights as it is.

    ## What it does
    Reports an input that a dense, convolutional or recurrent layer receives unscaled, and whose numbers are from 0 to
    100 or more, such as pixels of 0 to 255, or have a root mean square of 300 or more.

    ## Why is this bad?
    Initializers and learning rates are made for numbers around 1: larger ones saturate what follows, and the first
    steps throw the weights far away.

    ## Example
    ```python
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D(),
         layers.Dense(1)]
    )
    data = np.random.randint(0, 256, (8, 8, 8, 3))
    ```

    ## Use instead
    ```python
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3, activation="relu"),
         layers.GlobalAveragePooling2D(), layers.Dense(1)]
    )
    data = np.random.randint(0, 256, (8, 8, 8, 3))
    ```

    ## Fix
    None: add `Rescaling(1 / 255)` or an adapted `Normalization`, or scale the data.

    ## Not reported
    Inputs that a Normalization, Rescaling, Embedding or code receives first; a layer that a normalisation follows at
    once; images centred around 0, as several models of `keras.applications` take them; frozen layers, which were
    trained on such inputs.
    """

    code = "B017"
    name = "unscaled-input"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        seen = observed(graph)
        if len(seen.inputs) != len(graph.inputs):
            return
        for call, numbers in zip(graph.inputs, seen.inputs, strict=True):
            square = (numbers.mean**2 + numbers.deviation**2) ** 0.5
            pixels = numbers.minimum >= 0 and numbers.maximum >= _PIXEL
            readers = raw_readers(graph, call) if pixels or square >= _LARGE else []
            if readers:
                yield Problem(
                    f"numbers from {span(numbers)} reach {graph.address(readers[0])} as they are",
                    call,
                    "Put Rescaling(1 / 255) after it."
                    if numbers.maximum <= 255 and numbers.minimum >= 0 and len(numbers.shape) > 3
                    else "Put an adapted Normalization after it, or scale the data.",
                    related=(readers[0],),
                )
