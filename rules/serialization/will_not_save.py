"""K012: parts of a live model that model.save cannot serialize."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph


class WillNotSave(Rule):
    """`model.save` would fail.

    ## What it does
    Assembles what `model.save("model.keras")` would write for a live model, without writing anything: the configuration
    of every layer, every argument of its calls, and the compile configuration. Reports whatever is neither plain data
    nor has a `get_config`.

    ## Why is this bad?
    A failed `model.save(path)` does not preserve the old file: it has already been truncated to 0 bytes. After a night
    of training, neither the new nor the old model exists.

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
    None: write `get_config` in the custom class, returning every argument of its constructor; if `layer.activation =
    None` was assigned, assign `keras.activations.linear`.

    ## Not reported
    Models in files, which have been saved; layers that the constructor of a model creates, whose configuration is never
    written.

    ## References
    Seen on 15 of 111 example models.
    """

    code = "K012"
    name = "will-not-save"
    severity = Severity.ERROR
    in_code = "As elsewhere: what code holds is saved as well."
    needs = frozenset({Need.GRAPH, Need.LIVE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        from graphlint.portability.saving import unsaved

        for one in unsaved(graph):
            yield Problem(one.message, one.node, one.hint, key=one.key)
