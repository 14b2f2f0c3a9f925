"""K012."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.finding import Problem, Severity
from graphlint.engine.rule import Need, Rule
from graphlint.graph.definition import Constant
from graphlint.graph.model_graph import ModelGraph


class WillNotSave(Rule):
    """`model.save` would fail.

    ## What it does
    Serializes the configuration of every layer of a live model, and every argument of its calls, without writing
    anything, and reports what cannot be serialized.

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
        for layer in graph.layers.values():
            error = layer.definition.config_error
            if error is not None and not layer.is_operation and graph.written(layer.path, wrapped=False):
                yield Problem(
                    f"the configuration of {layer.class_name} cannot be saved: {_shortened(error)}",
                    layer.path,
                    "Write get_config in the class, returning every argument of its constructor as plain data.",
                )
        for call in graph.calls.values():
            if not graph.written(call.layer):
                continue
            for argument, leaf in graph.leaves(call.id):
                if isinstance(leaf, Constant) and leaf.kind == "object" and _unserializable(leaf):
                    yield Problem(
                        f"argument {argument!r} is a {leaf.value['class_name']}, which cannot be saved",
                        call.id,
                        "Pass a tensor or plain data, or make the object part of a layer with get_config.",
                        key=argument,
                    )


def _unserializable(leaf: Constant) -> bool:
    return isinstance(leaf.value, dict) and leaf.value.get("config") is None and leaf.value.get("module") is None


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:197]}..."
