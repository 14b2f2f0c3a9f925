"""T007: flags on single variables, which a file does not keep."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph


class VariableFlagLost(Rule):
    """A single variable is frozen, which saving does not keep.

    ## What it does
    On a live model, finds variables with `trainable = False` in a built-in layer that is trainable itself.

    ## Why is this bad?
    A file stores the flag of each layer, and none of its variables. The loaded model trains the variable again.

    ## Example
    ```python
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(2, name="head")(layers.Dense(4, activation="relu", name="body")(x)))
    model.get_layer("body").bias.trainable = False
    ```

    ## Use instead
    ```python
    x = keras.Input((4,))
    body = layers.Dense(4, activation="relu", use_bias=False, name="body")
    model = keras.Model(x, layers.Dense(2, name="head")(body(x)))
    ```

    ## Fix
    None: freeze the whole layer, build it without the variable, or set the flag again each time after loading.

    ## Not reported
    Custom layers, whose code may set the flag itself; layers with LoRA or quantized weights, which do.

    ## References
    tensorflow/tensorflow#47597
    """

    code = "T007"
    name = "variable-flag-lost"
    severity = Severity.WARNING
    in_code = "Quiet below a layer that code makes."
    needs = frozenset({Need.GRAPH, Need.LIVE})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        from graphlint.knowledge.keras_internals import optimizable_variables

        for layer in graph.layers.values():
            held = graph.variables_of(layer.path)
            if not held or not layer.trainable or not layer.is_keras or not graph.written(layer.path):
                continue
            if getattr(layer.obj, "lora_enabled", False) or getattr(layer.obj, "quantization_mode", None):
                continue
            trained = {id(variable) for variable in optimizable_variables(layer.obj)}
            frozen = [one for one in held if id(one.obj) in trained and not one.trainable]
            if frozen and len(frozen) < len(trained):
                names = ", ".join(one.slot for one in frozen)
                yield Problem(
                    f"{names} {'is' if len(frozen) == 1 else 'are'} frozen in a trainable layer: a file does not keep "
                    "that, and the loaded model trains it",
                    layer.path,
                    f"Set {layer.name}.trainable = False, or set the flag of the variable again after each loading.",
                    related=tuple(one.id for one in frozen),
                )
