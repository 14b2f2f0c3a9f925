"""B015: hidden sigmoids, tanhs and gates that are saturated."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import feeds_products, observed, output_head

_SHARE = 0.9
_NUMBERS = 64


class SaturatedUnits(Rule):
    """Hidden units or gates are saturated.

    ## What it does
    Reports a hidden sigmoid or tanh layer, or the gates of an LSTM or GRU as the inputs alone drive them, of which 90 %
    of the numbers lie where the slope is below 1 % of the steepest.

    ## Why is this bad?
    A saturated unit passes on almost no gradient, and a saturated gate is always open or always shut: nothing before it
    trains. The usual cause is inputs that were not scaled.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((6, 3)), layers.LSTM(8), layers.Dense(1)])
    data = 200 * np.random.randn(16, 6, 3)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((6, 3)), layers.LSTM(8), layers.Dense(1)])
    data = np.random.randn(16, 6, 3)
    ```

    ## Fix
    None: scale the inputs, or normalise before the layer.

    ## Not reported
    Outputs of the model (B009). Gates that multiply something, as in squeeze-and-excite blocks.
    """

    code = "B015"
    name = "saturated-units"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        heads = {head.layer for place in range(len(graph.outputs)) if (head := output_head(graph, place)) is not None}
        found: dict[str, tuple[float, bool]] = {}
        for call in observed(graph).calls:
            if call.saturated is None or call.saturated < _SHARE or call.outputs[0].size < _NUMBERS:
                continue
            recurrent = graph.layers[call.layer].traits.recurrent
            hidden = recurrent or (call.innermost and call.layer not in heads)
            if hidden and not feeds_products(graph, call.layer):
                found.setdefault(call.layer, (call.saturated, recurrent))
        if found:
            path, (share, recurrent) = next(iter(found.items()))
            what = "the gates" if recurrent else "the units"
            yield Problem(
                f"{share:.0%} of {what} are saturated" + (f", in {len(found)} layers" if len(found) > 1 else ""),
                path,
                "Scale what it receives to about -1 to 1, or normalise before it.",
                related=tuple(found)[1:],
            )
