"""B022: trainable weights that training did not change."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import movement, still_layers


class TrainableStays(Rule):
    """Trainable weights did not change in training.

    ## What it does
    Reports layers all of whose trainable weights are bit for bit what they were before `fit`, after at least two steps
    that `graphlint.callbacks.Watch` saw, although other weights changed.

    ## Why is this bad?
    The layer does not train: the optimizer was built for other variables, the layer was unfrozen after `compile`, or it
    receives no gradient.

    ## Example
    ```python
    import warnings

    import graphlint

    inputs = keras.Input((4,))
    hidden = layers.Dense(4, activation="relu")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(ops.stop_gradient(hidden)))
    model.compile("adam", "mse")
    watch = graphlint.callbacks.Watch(fail_on="never", ignore=["D", "B01"])
    with warnings.catch_warnings(action="ignore"):
        model.fit(np.random.rand(16, 4), np.random.rand(16, 1), epochs=3, verbose=0, callbacks=[watch])
    report = watch.report
    ```

    ## Use instead
    ```python
    import graphlint

    inputs = keras.Input((4,))
    hidden = layers.Dense(4, activation="relu")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    model.compile("adam", "mse")
    watch = graphlint.callbacks.Watch(fail_on="never")
    model.fit(np.random.rand(16, 4), np.random.rand(16, 1), epochs=3, verbose=0, callbacks=[watch])
    report = watch.report
    ```

    ## Fix
    None: compile again after unfreezing, and let the loss depend on the layer.

    ## Not reported
    Layers that no output depends on (D002), and tables of which no step used a row.
    """

    code = "B022"
    name = "trainable-stays"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.STEPS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        seen = movement(graph)
        found = still_layers(graph)
        if found and seen.steps > 1:
            more = f" and {len(found) - 1} more layers" if len(found) > 1 else ""
            yield Problem(
                f"no trainable weight of this{more or ' layer'} changed in {seen.steps:,} steps",
                found[0],
                "Compile again after unfreezing, and let the loss depend on it.",
                related=tuple(found[1:]),
            )
