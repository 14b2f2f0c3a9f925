"""K012."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph


class WillNotSave(Rule):
    """`model.save` would fail.

    ## What it does
    Puts together what `model.save("model.keras")` would write of a live model, without writing anything: the
    configuration of every layer, every argument of its calls, and what it is compiled with. Reports what is no plain
    data and has no `get_config`.

    ## Why is this bad?
    A failed `model.save(path)` does not leave the old file alone: it has been truncated to 0 bytes by then. After a
    night of training, neither the new nor the old model is there.

    ## Example
    ```python
    class Scale(layers.Layer):
        def __init__(self, factor, table, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x):
            return x * self.factor


    keras.saving.register_keras_serializable("docs")(Scale)
    x = keras.Input((4,))
    model = keras.Model(x, Scale(2.0, object())(x))
    ```

    ## Use instead
    ```python
    x = keras.Input((4,))
    model = keras.Model(x, layers.Rescaling(2.0)(x))
    ```

    ## Fix
    None: write `get_config` in the custom class, returning every argument of its constructor; where
    `layer.activation = None` was assigned, assign `keras.activations.linear`.

    ## Not reported
    Models in files: they have been saved. Layers that the constructor of a model makes, whose configuration no file
    has.

    ## References
    Seen on 15 of 111 example models.
    """

    code = "K012"
    name = "will-not-save"
    severity = Severity.ERROR
    needs = frozenset({Need.GRAPH, Need.LIVE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        from graphlint.portability.saving import unsaved

        for one in unsaved(graph):
            yield Problem(one.message, one.node, one.hint, key=one.key)
