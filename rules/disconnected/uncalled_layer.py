"""D008: layers with weights that are part of a model but never called."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import SaveAgain
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.unreached import uncalled_layers


class UncalledLayer(Rule):
    """A model contains a layer with weights that is never called.

    ## What it does
    Finds layers and nested models with weights, inside a Functional or Sequential model, that are never called.

    ## Why is this bad?
    The weights are stored, loaded, counted and given to the optimizer, and nothing depends on them.

    ## Example
    ```python
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1)(inputs))
    model.old_head = layers.Dense(8)
    model.old_head.build((None, 4))
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1)(inputs))
    ```

    ## Fix
    Safe: a copy of the model is built from the layers that are called, and saved. Outputs stay exactly equal, and the
    removed weights had no gradient. Unsafe if a regularizer on them adds to the loss.

    ## Not reported
    - layers without weights;
    - layers of a custom model class, whose methods may use them.
    """

    code = "D008"
    name = "uncalled-layer"
    severity = Severity.WARNING
    in_code = "Quiet: the methods of a class may call a layer. See uncalled-sublayer (D009)."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for layer in uncalled_layers(graph):
            size = sum(variable.size for variable in graph.variables_below(layer.path))
            yield Problem(
                f"it is never called, and it holds {size:,} parameters",
                layer.path,
                "Call it, or rebuild the model without it: keras.Model(model.inputs, model.outputs).",
                fix=_dropped(graph, layer),
            )


def _dropped(graph: ModelGraph, layer: Layer) -> Fix:
    title = "save the model without it"
    if any(inner.penalised for inner in graph.layers_below(layer.path)):
        return Fix.unsafe(title, "the penalties on its weights no longer count", SaveAgain())
    return Fix.safe(title, SaveAgain())
