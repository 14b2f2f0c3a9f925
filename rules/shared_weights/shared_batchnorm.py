"""S004: one BatchNormalization that tracks the statistics of several inputs."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.heads import innermost


class SharedBatchnorm(Rule):
    """One trainable BatchNormalization is called on different inputs.

    ## What it does
    Finds a BatchNormalization that is not frozen and has two or more calls on different tensors.

    ## Why is this bad?
    In training each call normalises with the statistics of its own input, and all of them update the same moving
    averages. At inference all inputs are normalised with a mixture that fits none of them: training looks good,
    evaluation does not. `training=False` on a call does not help: `fit` updates the averages nevertheless.

    ## Example
    ```python
    a = keras.Input((4,), name="a")
    b = keras.Input((4,), name="b")
    norm = layers.BatchNormalization(name="norm")
    model = keras.Model([a, b], layers.Concatenate()([norm(a), norm(b)]))
    ```

    ## Use instead
    ```python
    a = keras.Input((4,), name="a")
    b = keras.Input((4,), name="b")
    norm_a = layers.BatchNormalization(name="norm_a")
    norm_b = layers.BatchNormalization(name="norm_b")
    model = keras.Model([a, b], layers.Concatenate()([norm_a(a), norm_b(b)]))
    ```

    ## Fix
    None: give each input its own `BatchNormalization()`, or use `LayerNormalization`, which keeps no averages.

    ## Not reported
    - a BatchNormalization inside a submodel that is itself called twice (a siamese tower);
    - a frozen one;
    - two calls on the same tensor.

    ## References
    keras-team/keras#8794
    """

    code = "S004"
    name = "shared-batchnorm"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for path in graph.shared_layers:
            layer = innermost(graph, graph.layers[path])
            if not layer.traits.batch_statistics or not layer.trainable or not graph.root.trainable:
                continue
            calls = graph.call_sites(path)
            sources = {tuple(graph.producers(call)) for call in calls}
            if len(sources) > 1:
                yield Problem(
                    f"{len(calls)} calls on {len(sources)} different inputs update one moving mean and "
                    "variance, which then fit none of them",
                    layer.path,
                    "Give each input its own normalisation: layers.BatchNormalization()(x).",
                    related=tuple(calls),
                )
