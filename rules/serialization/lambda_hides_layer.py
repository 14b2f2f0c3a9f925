"""K001: layers and variables that code uses and Keras does not track."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.errors import listed
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.hidden_weights import (
    hidden_in_code,
    hidden_in_lambda,
    serialized_has_weights,
    serialized_traits,
)
from graphlint.questions.references import is_lambda


class LambdaHidesLayer(Rule):
    """A Lambda or a custom layer uses a layer, model or variable that Keras does not track.

    ## What it does
    Reports Lambda layers whose function captures a layer with weights, a model or a `keras.Variable`: in its closure,
    its default values or its `arguments`, and in a live model also among the globals that it uses. In a live model
    also reports custom layers and models that keep such a thing in an object of another class, a closure, a global or a
    `tf.Variable`, or make a layer in each call.

    ## Why is this bad?
    Keras does not see what is inside the function. The hidden weights are not in `model.weights`: they are not counted,
    not trained and not saved, and are random again after the file is loaded.

    ## Example
    ```python
    @keras.saving.register_keras_serializable(package="docs")
    def apply(tensor, layer):
        return layer(tensor)


    x = keras.Input((4,))
    hidden = layers.Dense(3)
    model = keras.Model(x, layers.Lambda(apply, arguments={"layer": hidden}, output_shape=(3,))(x))
    ```

    ## Use instead
    ```python
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(3)(x))
    ```

    ## Fix
    None: call the layer directly instead of inside the Lambda, or write a `keras.layers.Layer` that owns it.

    ## Not reported
    Numbers, strings, arrays and functions in the closure; layers without weights; a number that the function reads from
    a model (`self.scale`), if that can be determined; layers and variables that another part of the model tracks.

    ## References
    keras-team/keras#9740
    """

    code = "K001"
    name = "lambda-hides-layer"
    severity = Severity.ERROR
    in_code = "Reads the code of every custom layer itself, whether it was opened or not."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for layer in graph.layers.values():
            if not is_lambda(layer):
                continue
            live = layer.obj is not None
            hidden = [one.text for one in hidden_in_lambda(layer)] if live else _in_file(layer)
            if hidden:
                yield Problem(
                    f"the Lambda uses {', '.join(hidden)} from outside: those weights are neither tracked nor saved",
                    layer.path,
                    "Call the layer directly, or write a keras.layers.Layer that owns it.",
                )
        for layer, held, made in hidden_in_code(graph):
            if held:
                trains = any(one.trains for one in held)
                yield Problem(
                    f"{layer.class_name} uses {listed([one.text for one in held], 4)}, which Keras does not track: "
                    f"those weights are {'neither trained nor saved' if trains else 'not saved'}",
                    layer.path,
                    "Assign each layer to an attribute of the layer itself, or to a list or dictionary there, and "
                    "create variables with self.add_weight.",
                    severity=Severity.ERROR if trains else Severity.WARNING,
                    key="held",
                )
            if made:
                yield Problem(
                    f"{layer.class_name} makes a new {' and a new '.join(made)} in each call: its weights are random "
                    "every time, and neither trained nor saved",
                    layer.path,
                    "Create the layer in __init__ or build, and only call it in call.",
                    key="made",
                )


def _in_file(layer: Layer) -> list[str]:
    """The layers among the captured values of the function that the file stores."""
    held = [layer.config.get(key) for key in ("function", "output_shape", "mask", "arguments")]
    found: dict[str, None] = {}
    while held:
        value = held.pop(0)
        if isinstance(value, dict):
            name, config = value.get("class_name"), value.get("config")
            if (
                isinstance(name, str)
                and isinstance(config, dict)
                and name != "__lambda__"
                and serialized_has_weights(value)
            ):
                found[f"{serialized_traits(value).name or name} {config.get('name', '')!r}"] = None
            else:
                held.extend(value.values())
        elif isinstance(value, (list, tuple)):
            held.extend(value)
    return list(found)
