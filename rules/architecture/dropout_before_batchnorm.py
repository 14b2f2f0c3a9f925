"""A009."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph

_DROPOUT = frozenset(
    {"Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout", "AlphaDropout"}
)


class DropoutBeforeBatchnorm(Rule):
    """Dropout directly in front of a BatchNormalization.

    ## What it does
    Reports BatchNormalization layers that are fed by a dropout layer with a rate above 0.

    ## Why is this bad?
    Dropout raises the variance of its output in training, and not in prediction. The moving variance is learned in
    training, so in prediction the normalisation divides by too much. Accuracy suffers a little, and silently.

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
    None: move the dropout behind the normalisation and train again.

    ## Not reported
    A rate of 0; dropout in front of other normalisations; dropout with a weighted layer in between.

    ## References
    Li et al., Understanding the Disharmony between Dropout and Batch Normalization (CVPR 2019); NeuraLint
    """

    code = "A009"
    name = "dropout-before-batchnorm"
    severity = Severity.INFO

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        reported: set[str] = set()
        for call in graph.calls.values():
            layer = graph.layers[call.layer]
            if layer.class_name != "BatchNormalization" or not layer.is_builtin or layer.path in reported:
                continue
            for source in graph.producers(call.id):
                dropout = graph.layer(source.call)
                rate = dropout.config.get("rate", dropout.config.get("p"))
                if (
                    dropout.class_name in _DROPOUT
                    and dropout.is_builtin
                    and isinstance(rate, (int, float))
                    and rate > 0
                ):
                    reported.add(layer.path)
                    yield Problem(
                        f"{dropout.class_name} {dropout.name!r} (rate {rate:g}) feeds this BatchNormalization: its "
                        "moving variance is that of training, which dropout raises",
                        call.id,
                        "Move the dropout behind it: layers.Dropout(rate)(layers.BatchNormalization()(x)).",
                        (source.call,),
                    )
