"""T008: a fixed `training` in the code of a custom layer."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import Layer, ModelGraph


class TrainingFixedInCode(Rule):
    """The code of a custom layer calls dropout or a normalisation with a fixed `training`.

    ## What it does
    Finds calls with `training=False` of Dropout and similar layers and of trainable BatchNormalization, in the code of
    a custom layer or subclassed model, and `training=True` on BatchNormalization there (info).

    ## Why is this bad?
    With `training=False`, dropout drops nothing in `fit` either, and a BatchNormalization normalises by moving averages
    that nothing ever moves from 0 and 1. With `training=True`, a prediction depends on the other rows of its batch.
    Without the argument, Keras passes the mode of the surrounding call.

    ## Example
    ```python
    @keras.saving.register_keras_serializable(package="docs")
    class Block(layers.Layer):
        def build(self, shape):
            self.dense, self.drop = layers.Dense(4, activation="relu"), layers.Dropout(0.5)
            self.dense.build(shape)

        def call(self, x):
            return self.drop(self.dense(x), training=False)


    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1)(Block()(inputs)))
    ```

    ## Use instead
    ```python
    @keras.saving.register_keras_serializable(package="docs")
    class Block(layers.Layer):
        def build(self, shape):
            self.dense, self.drop = layers.Dense(4, activation="relu"), layers.Dropout(0.5)
            self.dense.build(shape)

        def call(self, x, training=None):
            return self.drop(self.dense(x), training=training)


    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1)(Block()(inputs)))
    ```

    ## Fix
    None: remove the argument, or pass on the `training` that `call` receives.

    ## Not reported
    - a rate of 0, and a frozen BatchNormalization;
    - `training=False` for a whole model, which keeps a pretrained backbone as it is;
    - `training=True` on dropout, which makes every prediction a sample;
    - a layer that some other call, without the argument, trains as well.
    """

    code = "T008"
    name = "training-fixed-in-code"
    severity = Severity.WARNING
    in_code = "Only there: everywhere else, see hardcoded-training (T003)."
    needs = frozenset({Need.GRAPH, Need.LIVE})
    preview = True

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        told: set[str] = set()
        for call in graph.calls.values():
            layer, fixed = graph.layers[call.layer], call.kwargs.get("training")
            if not isinstance(fixed, bool) or layer.path in told or not graph.called_by_code(call.id):
                continue
            told.add(layer.path)
            if any(graph.calls[site].kwargs.get("training") is not fixed for site in graph.call_sites(layer.path)):
                continue
            norm = layer.traits.batch_statistics
            if fixed and norm:
                yield Problem(
                    "it is called with training=True: a prediction depends on the other rows of its batch",
                    call.id,
                    "Remove the argument, so that predictions use the moving averages.",
                    severity=Severity.INFO,
                )
            elif not fixed and ((norm and layer.trainable) or _drops(layer)):
                effect = "its moving averages stay as they are" if norm else "it changes nothing in training either"
                yield Problem(
                    f"it is called with training=False: {effect}",
                    call.id,
                    "Remove the argument, or pass on the training that call receives.",
                )


def _drops(layer: Layer) -> bool:
    rates = [layer.config.get(key) for key in ("rate", "stddev")]
    return layer.traits.noisy and any(isinstance(rate, (int, float)) and rate > 0 for rate in rates)
