"""B005: targets that the loss is not made for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import mismatches, output_node, shown, span, targets

if TYPE_CHECKING:
    from graphlint.model.observations import ObservedTarget

_SLACK = 0.01
"""By how much a target may be outside."""


class TargetBeyondLoss(Rule):
    """The targets are numbers for which the loss has no meaning.

    ## What it does
    Reports targets of a binary cross-entropy below 0 or above 1, of a hinge loss beyond -1 and 1, negative ones of a
    Poisson or logarithmic loss, and zeros of a percentage error.

    ## Why is this bad?
    A binary cross-entropy of targets above 1 has no minimum, and falls for ever. A percentage of 0 is divided by a
    number close to 0: one such row outweighs all others.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    data = np.random.rand(9, 4), np.arange(9) % 3
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    data = np.random.rand(9, 4), np.arange(9) % 2
    ```

    ## Fix
    None: bring the targets into the range of the loss, or choose another loss.

    ## Not reported
    Differences in rounding. Targets of another shape than the output (B002).
    """

    code = "B005"
    name = "target-beyond-loss"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA, Need.TARGETS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        unfit = {found.target.output for found in mismatches(graph)}
        for target in targets(graph):
            found = None if target.output in unfit or not target.target.size else _said(target)
            if found is not None:
                yield Problem(found[0], output_node(graph, target.output), found[1])


def _said(target: ObservedTarget) -> tuple[str, str] | None:
    numbers, loss = target.all, target.loss or ""
    if loss.startswith("binary_") and (numbers.minimum < -_SLACK or numbers.maximum > 1 + _SLACK):
        hint = "Use 0 and 1 for two classes, and mse for numbers."
        if target.classes is not None and target.classes > 2:
            hint = f"Use a softmax over {shown(numbers.maximum + 1)} units, and sparse_categorical_crossentropy."
        elif numbers.minimum >= 0 and numbers.maximum == 255:
            hint = "Divide the targets by 255."
        return f"targets from {span(numbers)}, where {loss} takes 0 to 1", hint
    if loss in ("hinge", "squared_hinge") and (numbers.minimum < -1 - _SLACK or numbers.maximum > 1 + _SLACK):
        return f"targets from {span(numbers)}, where {loss} takes -1 and 1", "Use -1 and 1 for two classes."
    if loss == "poisson" and numbers.minimum < -_SLACK:
        return (
            f"targets from {span(numbers)}, where a Poisson loss takes counts",
            "Use mse for numbers that may be negative.",
        )
    if loss == "mean_squared_logarithmic_error" and numbers.minimum < -_SLACK:
        return (
            f"targets from {span(numbers)}, of which the logarithm is taken",
            "Use mse for numbers that may be negative.",
        )
    if loss == "mean_absolute_percentage_error" and numbers.zeros > 0:
        return (
            f"{numbers.zeros:.1%} of the targets are 0, and the error is divided by them",
            "Use mae, or leave these rows out.",
        )
    return None
