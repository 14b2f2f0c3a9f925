"""B002: targets whose shape does not fit the output."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.dimensions import shape_text
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import DISTRIBUTIONS, INDICES, Mismatch, mismatches, output_node


class TargetShape(Rule):
    """The shape of the targets does not fit the output that the loss compares them with.

    ## What it does
    Compares the shape of the targets with that of the output, as the loss does it: after Keras has added or dropped a
    last axis of size 1. Reports what the loss refuses, and what it stretches silently so that each number is compared
    with several.

    ## Why is this bad?
    Where shapes differ and can be broadcast, the loss is a mean over pairs that do not belong together: the model
    learns the mean of the targets, and nothing looks wrong.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((6, 3)), layers.LSTM(4, return_sequences=True), layers.Dense(1)])
    model.compile("adam", "mse")
    data = np.random.rand(8, 6, 3), np.random.rand(8, 1)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((6, 3)), layers.LSTM(4), layers.Dense(1)])
    model.compile("adam", "mse")
    data = np.random.rand(8, 6, 3), np.random.rand(8, 1)
    ```

    ## Fix
    None: give targets and outputs one shape.

    ## Not reported
    Losses that do not compare number with number (CTC, dice, Tversky, circle), and losses of your own. A last axis of
    size 1 that only one of the two has.
    """

    code = "B002"
    name = "target-shape"
    severity = Severity.ERROR
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA, Need.TARGETS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for found in mismatches(graph):
            target = found.target
            true, predicted = shape_text(target.target.shape), shape_text(target.prediction.shape)
            shapes = f"targets of shape {true} for an output of {predicted}"
            if found.stretched is not None:
                size = shape_text(found.stretched)
                what = f"{target.loss} stretches both to {size} and compares what does not belong together"
            else:
                what = f"{target.loss} cannot compare them"
            yield Problem(f"{shapes}: {what}", output_node(graph, target.output), _hint(found))


def _hint(found: Mismatch) -> str:
    target = found.target
    true, predicted = target.target.shape, target.prediction.shape
    if target.loss == INDICES and target.one_hot:
        return "Use categorical_crossentropy for one-hot targets, or give the index of each class."
    if target.loss in DISTRIBUTIONS and len(true) < len(predicted) + (true[-1:] == (1,)):
        return "Use sparse_categorical_crossentropy for indices of classes, or one-hot targets."
    if len(predicted) > 2 and predicted[:1] == true[:1]:
        return "Return one step (return_sequences=False), or flatten or pool before the last layer."
    return "Give the last layer as many units as there are targets in a row."
