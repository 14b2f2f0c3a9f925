"""B020: a loss that is far above chance before training, or negative."""

from __future__ import annotations

from collections.abc import Iterator
from math import log

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.losses import loss_row
from graphlint.model.graph import ModelGraph
from graphlint.questions.losses import losses_added
from graphlint.questions.observed import observed, output_node, shown, targets

_TIMES, _AT_MOST = 5, 14
_ABOVE = 5
"""How far above that of a guess a loss counts as too high. Probabilities cut off at 1e-7 give at most 16."""


class LossAtStart(Rule):
    """The loss before training is far above that of a guess, or a cross-entropy is negative.

    ## What it does
    Reports a model of one output with a cross-entropy whose loss, before the first step, is more than five times that
    of equal probabilities (or above 14), and more than 5 above it; and one whose loss is below 0.

    ## Why is this bad?
    An untrained classifier should be unsure. If it is certain and wrong, its inputs or weights are too large, and the
    first part of training only undoes that. A cross-entropy below 0 compares with numbers that are no probabilities.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    data = 50 * np.random.randn(18, 4), np.arange(18) % 3
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    data = np.random.randn(18, 4), np.arange(18) % 3
    ```

    ## Fix
    None: scale the inputs, and start the last layer from small weights.

    ## Not reported
    Models that were trained, several outputs, losses that layers add, weighted rows.
    """

    code = "B020"
    name = "loss-at-start"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA, Need.TARGETS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        seen, every = observed(graph), list(targets(graph))
        if seen.loss is None or len(every) != 1 or len(seen.outputs) != 1 or seen.weighted or losses_added(graph):
            return
        target = every[0]
        row = loss_row(target.loss) if target.loss is not None else None
        if (
            row is None
            or not row.cross_entropy
            or "focal" in row.name
            or any(one.penalised for one in graph.layers.values())
        ):
            return
        node = output_node(graph, target.output)
        if seen.loss < 0:
            hint = "Give targets from 0 to 1."
            yield Problem(f"the loss is {shown(seen.loss)}, which {row.name} of probabilities never is", node, hint)
        classes = target.prediction.shape[-1] if row.one_label else 2
        chance = log(max(2, classes))
        high = max(chance + _ABOVE, min(_TIMES * chance, _AT_MOST))
        if seen.steps == 0 and high < seen.loss < float("inf"):
            yield Problem(
                f"the loss before training is {shown(seen.loss)}, and that of a guess {shown(chance)}",
                node,
                "Scale the inputs, and start the last layer from small weights.",
            )
