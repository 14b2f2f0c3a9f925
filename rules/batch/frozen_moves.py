"""B021: frozen weights that training changed."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.observed import moved_weights, movement


class FrozenMoves(Rule):
    """Frozen weights changed in training.

    ## What it does
    Reports weights of frozen layers that are not what they were before `fit`, after steps that
    `graphlint.callbacks.Watch` saw.

    ## Why is this bad?
    What was meant to stay, such as a pretrained backbone, is trained all the same: the flag was set after `compile` or
    by an attribute that Keras does not follow, or a training step of its own updates all weights.

    ## Example
    ```python
    import graphlint

    class Trainer(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            self.layers[1].kernel.assign_add(ops.ones_like(self.layers[1].kernel))
            return super().compute_loss(x, y, y_pred, sample_weight, training)

    inputs = keras.Input((4,))
    model = Trainer(inputs, layers.Dense(1)(layers.Dense(4, activation="relu", trainable=False)(inputs)))
    model.compile("adam", "mse")
    watch = graphlint.callbacks.Watch(fail_on="never", ignore=["K"], preview=False)
    model.fit(np.random.rand(16, 4), np.random.rand(16, 1), epochs=2, verbose=0, callbacks=[watch])
    report = watch.report
    ```

    ## Use instead
    ```python
    import graphlint

    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1)(layers.Dense(4, activation="relu", trainable=False)(inputs)))
    model.compile("adam", "mse")
    watch = graphlint.callbacks.Watch(fail_on="never", preview=False)
    model.fit(np.random.rand(16, 4), np.random.rand(16, 1), epochs=2, verbose=0, callbacks=[watch])
    report = watch.report
    ```

    ## Fix
    None: freeze the layer before `compile`, and update only `trainable_variables` in a training step of your own.

    ## Not reported
    Statistics, seeds, counters and states, which are no weights and move in calls.
    """

    code = "B021"
    name = "frozen-moves"
    severity = Severity.WARNING
    preview = True
    needs = frozenset({Need.GRAPH, Need.STEPS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        found = [one for one in moved_weights(graph) if one.layer not in _trained(graph)]
        if found:
            layers = list(dict.fromkeys(one.layer for one in found))
            more = f" and {len(layers) - 1} more frozen layers" if len(layers) > 1 else ""
            yield Problem(
                f"{found[0].slot} of this frozen layer{more} changed in {movement(graph).steps:,} steps",
                layers[0],
                "Freeze before compile, and update only trainable_variables in a training step of your own.",
                related=tuple(layers[1:]),
            )


def _trained(graph: ModelGraph) -> set[str]:
    """The layers of which some weight is trainable, so that they are not frozen as a whole."""
    trainable = (one for one in graph.variables.values() if one.trainable)
    return {
        one.layer
        for one in trainable
        if graph.layers[one.layer].trainable and all(outer.trainable for outer in graph.enclosing(one.layer))
    }
