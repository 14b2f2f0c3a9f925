"""B001: the model cannot be trained on the batch at all."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import mismatches, observed, odd_indices, odd_lookups

_WHERE = {
    "forward": "calling the model on the batch raises",
    "loss": "the loss raises on what the model returned and the targets",
    "step": "the training step raises on the batch",
}


class BatchFails(Rule):
    """The model raises on the batch.

    ## What it does
    Runs the model on one batch as `fit` would, and reports what it raises: in the forward pass, in the loss, or in the
    rest of the training step.

    ## Why is this bad?
    `fit` fails in its first step.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy")
    data = np.random.rand(8, 5), np.eye(3)[np.arange(8) % 3]
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy")
    data = np.random.rand(8, 4), np.eye(3)[np.arange(8) % 3]
    ```

    ## Fix
    None: give the model what it expects, or build it for the data.

    ## Not reported
    A loss that raises because of the shape of the targets, which B002 reports, or because of their values (B003); an
    index beyond an Embedding (B006).

    ## References
    None.
    """

    code = "B001"
    name = "batch-fails"
    severity = Severity.ERROR
    preview = True
    needs = frozenset({Need.GRAPH, Need.DATA})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        failure = observed(graph).failure
        if failure is None or any(odd_lookups(graph)):
            return
        if failure.stage == "loss" and (any(mismatches(graph)) or any(odd_indices(graph))):
            return
        yield Problem(
            f"{_WHERE[failure.stage]} {failure.message}",
            failure.layer,
            "Compare the shapes and dtypes of the batch with what the model was built for.",
        )
