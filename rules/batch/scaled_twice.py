"""B019: data that is scaled twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.observed import observed, raw_readers, span

if TYPE_CHECKING:
    from graphlint.model.observations import ObservedCall

_SCALE = 0.05
_DARK = 0.01
_FLAT = 0.02


class ScaledTwice(Rule):
    """The data was scaled before, and is scaled again.

    ## What it does
    Reports a Rescaling by a twentieth or less that receives numbers within -1 and 1, an adapted Normalization after
    which hardly any variation is left, and images of floats that are all below 1/100.

    ## Why is this bad?
    The model sees a hundredth of the contrast that it was made for: all images look alike to it.

    ## Example
    ```python
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(),
         layers.Dense(1)]
    )
    data = np.random.rand(8, 8, 8, 3)
    ```

    ## Use instead
    ```python
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(),
         layers.Dense(1)]
    )
    data = np.random.rand(8, 8, 8, 3) * 255
    ```

    ## Fix
    None: scale once, in the model or in the data.

    ## Not reported
    Batches without variation.
    """

    code = "B019"
    name = "scaled-twice"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        seen = observed(graph)
        for call in seen.calls:
            said = _said(graph.layers[call.layer], call) if call.inputs and call.outputs else None
            if said is not None:
                yield Problem(said, call.layer, "Scale once: in the model, or in the data.")
                return
        if len(seen.inputs) == len(graph.inputs):
            for node, numbers in zip(graph.inputs, seen.inputs, strict=True):
                dark = (
                    "float" in numbers.dtype and len(numbers.shape) == 4 and numbers.spread > 0 and numbers.minimum >= 0
                )
                if dark and numbers.maximum < _DARK and raw_readers(graph, node):
                    yield Problem(f"images from {span(numbers)}", node, "Divide by 255 once.")


def _said(layer: Layer, call: ObservedCall) -> str | None:
    received, returned = call.inputs[0], call.outputs[0]
    if not received.spread or not received.finite:
        return None
    if layer.traits.name == "Rescaling":
        scale = layer.config.get("scale")
        small = isinstance(scale, (int, float)) and 0 < scale <= _SCALE
        if small and received.magnitude <= 1 and not received.whole:
            return f"receives numbers from {span(received)}, and scales them by {scale:.2g} once more"
    if layer.traits.name == "Normalization" and received.magnitude <= 10 and returned.deviation < _FLAT:
        return f"receives numbers from {span(received)}, unlike those it was adapted to, and returns {span(returned)}"
    return None
