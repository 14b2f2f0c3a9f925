"""N003: moving statistics at their initial values after training."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.statistics import statistics, training_steps


class BatchnormNeverUpdated(Rule):
    """The model was trained, but a BatchNormalization still has its initial statistics.

    ## What it does
    Reports trainable BatchNormalization layers whose moving mean is all 0 and moving variance all 1 although the
    optimizer has run steps.

    ## Why is this bad?
    In training the layer normalised with the statistics of each batch; at inference it does nothing. The model does not
    predict what it was trained to predict. The usual cause is a training loop that calls the model without
    `training=True`, or a layer that no training data reached.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.BatchNormalization(), layers.Dense(2)])
    model.compile(keras.optimizers.SGD(momentum=0.9), "mse")
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(100)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.BatchNormalization(), layers.Dense(2)])
    model.compile(keras.optimizers.SGD(), "mse")
    model.fit(np.random.rand(8, 4), np.zeros((8, 2)), verbose=0)
    ```

    ## Fix
    None: pass `training=True` in the training loop, then run the training data through the model again.

    ## Not reported
    Frozen layers, a momentum of 1, models that were never trained.

    ## References
    keras-team/keras#6752
    """

    code = "N003"
    name = "batchnorm-never-updated"
    severity = Severity.WARNING
    in_code = "As elsewhere: numbers are read wherever a layer holds them, also where it stays closed."
    needs = frozenset({Need.GRAPH, Need.NUMBERS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        if not training_steps(graph):
            return
        found = [layer for layer in graph.layers.values() if _untouched(graph, layer)]
        if found:
            count = f"{len(found)} BatchNormalization layers still have" if len(found) > 1 else "still has"
            yield Problem(
                f"{count} a moving mean of 0 and variance of 1 after {training_steps(graph):,} training steps",
                found[0].path,
                "Call model(batch, training=True) in the training loop, and once over all training data.",
                related=tuple(layer.path for layer in found[1:]),
            )


def _untouched(graph: ModelGraph, layer: Layer) -> bool:
    if not layer.traits.batch_statistics or layer.config.get("momentum") == 1:
        return False
    if not layer.trainable or not all(outer.trainable for outer in graph.enclosing(layer.path)):
        return False
    if layer.path not in graph.live_nodes:
        return False
    values = {variable.slot: statistics(graph, variable) for variable in graph.variables_of(layer.path)}
    mean, variance = values.get("moving_mean"), values.get("moving_variance")
    if mean is None or variance is None or not mean.constant or not variance.constant:
        return False
    return mean.minimum == 0 and variance.minimum == 1
