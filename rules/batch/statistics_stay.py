"""B023: moving statistics that training did not update."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import movement


class StatisticsStay(Rule):
    """Moving statistics were not updated in training.

    ## What it does
    Reports trainable BatchNormalization layers whose moving mean and variance are bit for bit what they were before
    `fit`, after at least two steps that `graphlint.callbacks.Watch` saw.

    ## Why is this bad?
    In training the layer normalises with the statistics of each batch, and for prediction with these: the model
    predicts with numbers that it was not trained with.

    ## Example
    ```python
    import graphlint

    class Trainer(keras.Model):
        def __init__(self):
            super().__init__()
            normalised = [layers.Dense(4), layers.BatchNormalization()]
            self.inner = keras.Sequential([keras.Input((4,)), *normalised, layers.Dense(1)])

        def call(self, x, training=None):
            return self.inner(x, training=False)

    model = Trainer()
    model(np.zeros((1, 4)))
    model.compile("adam", "mse")
    watch = graphlint.callbacks.Watch(fail_on="never", ignore=["K", "T", "P"])
    model.fit(np.random.rand(16, 4), np.random.rand(16, 1), epochs=3, verbose=0, callbacks=[watch])
    report = watch.report
    ```

    ## Use instead
    ```python
    import graphlint

    class Trainer(keras.Model):
        def __init__(self):
            super().__init__()
            normalised = [layers.Dense(4), layers.BatchNormalization()]
            self.inner = keras.Sequential([keras.Input((4,)), *normalised, layers.Dense(1)])

        def call(self, x, training=None):
            return self.inner(x, training=training)

    model = Trainer()
    model(np.zeros((1, 4)))
    model.compile("adam", "mse")
    watch = graphlint.callbacks.Watch(fail_on="never", ignore=["K", "T", "P"])
    model.fit(np.random.rand(16, 4), np.random.rand(16, 1), epochs=3, verbose=0, callbacks=[watch])
    report = watch.report
    ```

    ## Fix
    None: hand `training` on to the layers, or freeze the layer if its statistics should stay.

    ## Not reported
    Frozen layers, and a momentum of 1.
    """

    code = "B023"
    name = "statistics-stay"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.STEPS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        seen = movement(graph)
        found = []
        for path, layer in graph.layers.items():
            frozen = not layer.trainable or not all(outer.trainable for outer in graph.enclosing(path))
            if not layer.traits.batch_statistics or frozen or layer.config.get("momentum") == 1:
                continue
            slots = {one.id for one in graph.variables_of(path) if one.slot in ("moving_mean", "moving_variance")}
            if slots and slots <= seen.still:
                found.append(path)
        if found and seen.steps > 1:
            more = f" and of {len(found) - 1} more" if len(found) > 1 else ""
            yield Problem(
                f"the moving statistics of this layer{more} did not change in {seen.steps:,} steps",
                found[0],
                "Call the layers with the training argument that the model receives.",
                related=tuple(found[1:]),
            )
