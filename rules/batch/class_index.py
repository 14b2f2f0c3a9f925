"""B003: targets that are no index of a class."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import odd_indices, output_node, shown, span


class ClassIndex(Rule):
    """A sparse loss receives targets that are no index of a class.

    ## What it does
    Reports targets of a sparse categorical cross-entropy that are negative, fractions, or not below the number of
    classes that the output has. Arrays are looked at whole, other data one batch.

    ## Why is this bad?
    What happens depends on the backend: an exception, a loss of NaN, or a class that is silently left out. Fractions
    are cut off to the next class.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    data = np.random.rand(9, 4), np.arange(9) % 3 + 1
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    data = np.random.rand(9, 4), np.arange(9) % 3
    ```

    ## Fix
    None: count the classes from 0, or give the last layer a unit for each.

    ## Not reported
    The `ignore_class` of the loss.
    """

    code = "B003"
    name = "class-index"
    severity = Severity.ERROR
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA, Need.TARGETS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for found in odd_indices(graph):
            numbers, classes = found.target.all, found.classes
            node = output_node(graph, found.target.output)
            if not numbers.whole:
                message = (
                    f"targets from {span(numbers)} with fractions, where the loss takes an index below {classes:,}"
                )
                yield Problem(
                    message, node, "Use a regression loss for numbers, and indices or one-hot rows for classes."
                )
            else:
                hint = "Subtract 1: classes are counted from 0."
                if numbers.minimum != 1 or numbers.maximum > classes:
                    needed = shown(numbers.maximum + 1)
                    hint = f"Give the last layer {needed} units, or map the classes to 0 to {classes - 1:,}."
                if numbers.minimum < 0:
                    hint = f"Map the classes to 0 to {classes - 1:,}."
                yield Problem(
                    f"targets from {span(numbers)} for {classes:,} classes, which are 0 to {classes - 1:,}", node, hint
                )
