"""A009: dropout whose output a BatchNormalization normalises."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.layers import Family
from graphlint.model.graph import ModelGraph


class DropoutBeforeBatchnorm(Rule):
    """Dropout directly before a BatchNormalization.

    ## What it does
    Reports BatchNormalization layers whose input is the output of a dropout layer with a rate above 0.

    ## Why is this bad?
    Dropout raises the variance of its output in training but not at inference. The moving variance is learned in
    training, so at inference the normalisation divides by too much, which silently costs some accuracy.

    ## Example
    ```python
    model = keras.Sequential(
        [keras.Input((8,)), layers.Dense(8), layers.ReLU(), layers.Dropout(0.5), layers.BatchNormalization()]
    )
    ```

    ## Use instead
    ```python
    model = keras.Sequential(
        [keras.Input((8,)), layers.Dense(8), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.5)]
    )
    ```

    ## Fix
    None: move the dropout after the normalisation and train again.

    ## Not reported
    A rate of 0; dropout before other normalisations; a layer with weights between the two.

    ## References
    Li et al., Understanding the Disharmony between Dropout and Batch Normalization (CVPR 2019); NeuraLint
    """

    code = "A009"
    name = "dropout-before-batchnorm"
    severity = Severity.INFO

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        reported: set[str] = set()
        for call in graph.calls_of_classes(lambda layer: layer.traits.batch_statistics):
            layer = graph.layers[call.layer]
            if layer.path in reported:
                continue
            for source in graph.producers(call.id):
                dropout = graph.layer(source.call)
                rate = dropout.config.get("rate", dropout.config.get("p"))
                if dropout.traits.family is Family.DROPOUT and isinstance(rate, (int, float)) and rate > 0:
                    reported.add(layer.path)
                    yield Problem(
                        f"{dropout.class_name} {dropout.name!r} (rate {rate:g}) feeds this BatchNormalization: "
                        "dropout raises the variance in training, and with it the moving variance",
                        call.id,
                        "Move the dropout after it: layers.Dropout(rate)(layers.BatchNormalization()(x)).",
                        related=(source.call,),
                    )
