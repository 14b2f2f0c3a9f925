"""T001: trainable layers inside a frozen nested model or wrapper."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Freeze
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.address import ROOT
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.unbuilt import will_have_weights

_HINT = (
    "Set trainable = True on it and then False, last: False alone does nothing where it is False already; or make it "
    "trainable and freeze layers by name."
)


class TrainableLeak(Rule):
    """A nested model or wrapper is frozen, but layers inside it are trained.

    ## What it does
    Finds containers with `trainable=False` that contain a layer with trainable weights.

    ## Why is this bad?
    Keras consults the outermost model and the variable itself, not the containers in between: a part that looks frozen
    is trained by `fit`. `inner.trainable = False` freezes everything inside at that moment, but not a layer whose flag
    is set afterwards; and a wrapper created with `trainable=False` freezes nothing.

    ## Example
    ```python
    inputs = keras.Input((4,))
    x = layers.Dense(4, activation="relu", name="first")(inputs)
    backbone = keras.Model(inputs, layers.Dense(4, name="last")(x), name="backbone")
    backbone.trainable = False
    backbone.get_layer("last").trainable = True
    outer = keras.Input((4,))
    model = keras.Model(outer, layers.Dense(1, name="head")(layers.ReLU()(backbone(outer))))
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    x = layers.Dense(4, activation="relu", name="first")(inputs)
    backbone = keras.Model(inputs, layers.Dense(4, name="last")(x), name="backbone")
    backbone.trainable = True
    backbone.get_layer("first").trainable = False
    outer = keras.Input((4,))
    model = keras.Model(outer, layers.Dense(1, name="head")(layers.ReLU()(backbone(outer))))
    ```

    ## Fix
    Unsafe: freezes everything inside, as the flag says, so that nothing in it is trained any more. To train part of it
    instead, set `container.trainable = True` and freeze the other layers individually.

    ## Not reported
    A trainable container with frozen layers inside; a frozen root model, which trains nothing.

    ## References
    keras-team/keras#18092
    """

    code = "T001"
    name = "trainable-leak"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        if not graph.root.trainable:
            return
        for path in graph.children.get(ROOT, []):
            yield from self.below(graph, graph.layers[path])

    @staticmethod
    def below(graph: ModelGraph, top: Layer) -> Iterator[Problem]:
        """The outermost frozen containers below a layer."""
        stack = [top]
        while stack:
            layer = stack.pop()
            if layer.trainable:
                stack.extend(graph.layers[child] for child in reversed(graph.children.get(layer.path, [])))
                continue
            variables = [v for v in graph.variables_below(layer.path) if v.trainable and v.layer != layer.path]
            if variables:
                leaking = tuple(dict.fromkeys(variable.layer for variable in variables))
                size = sum(variable.size for variable in variables)
                yield Problem(
                    f"trainable=False, but {len(leaking)} of the layers inside, with {size:,} parameters, are "
                    "trained by the enclosing model",
                    layer.path,
                    _HINT,
                    related=leaking,
                    fix=Fix.unsafe(
                        "freeze everything inside",
                        "nothing inside is trained any more",
                        Freeze(layers=(layer.path,)),
                    ),
                )
                continue
            inside = graph.layers_below(layer.path)
            waiting = tuple(one.path for one in inside if one.trainable and will_have_weights(graph, one))
            if waiting:
                yield Problem(
                    f"trainable=False, but {len(waiting)} of the layers inside will be trained by the enclosing model "
                    "once it is built",
                    layer.path,
                    _HINT,
                    related=waiting,
                )
