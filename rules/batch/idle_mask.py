"""B016: masks that mask nothing, or everything."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import observed


class IdleMask(Rule):
    """A mask masks nothing although rows are padded, or masks whole rows.

    ## What it does
    Reports an Embedding with `mask_zero=True` or a Masking layer that keeps every step, although a quarter of the rows
    end or begin with one and the same repeated step; and one that masks every step of half of the rows or more.

    ## Why is this bad?
    Padding that is not masked is read as data. A row that is masked whole leaves the layers that follow nothing: they
    return their initial state, or NaN.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((6, 2)), layers.Masking(mask_value=0.0), layers.LSTM(4), layers.Dense(1)])
    data = np.random.rand(16, 6, 2)
    data[::2, 3:] = -1.0
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((6, 2)), layers.Masking(mask_value=-1.0), layers.LSTM(4), layers.Dense(1)])
    data = np.random.rand(16, 6, 2)
    data[::2, 3:] = -1.0
    ```

    ## Fix
    None: mask the value that the data is padded with.

    ## Not reported
    Batches of full rows, in which there is nothing to mask.
    """

    code = "B016"
    name = "idle-mask"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        seen = set()
        for call in observed(graph).calls:
            mask = call.mask
            if mask is None or call.layer in seen:
                continue
            if mask.repeats_at_end:
                seen.add(call.layer)
                yield Problem(
                    f"masks none of {mask.rows * mask.steps:,} steps, and rows are padded with another value",
                    call.layer,
                    "Mask the value that the data is padded with: 0 for an Embedding, mask_value for Masking.",
                )
            elif mask.empty_rows * 2 >= mask.rows:
                seen.add(call.layer)
                yield Problem(
                    f"masks every step of {mask.empty_rows} of {mask.rows} rows",
                    call.layer,
                    "Leave out rows without data, or choose a value to mask that is no data.",
                )
