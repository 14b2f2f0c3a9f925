"""K008: layers and models whose calls no rule can see."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.guessed import described, guesses_below


class Opaque(Rule):
    """An opaque layer or model, whose inside no rule has checked.

    ## What it does
    Lists subclassed models and custom layers that stay closed: their `call` is Python code, of which a file has no
    graph. In memory the model is run once without data to see inside, and the finding says why that was not possible:
    its inputs are not known, its code depends on the values of a tensor, it raises. A layer that raises in training
    alone is named as well: only what it does in inference was seen. Of layers in a file that only their stored
    variables show, it says which classes they probably have, by their names, what is stored inside them and the shapes;
    no rule counts on such a guess.

    ## Why is this bad?
    Not checked is not the same as clean: rules about connections, shapes and losses treat such a layer as one node. Its
    stored weights are still checked.

    ## Example
    ```python
    class Pair(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.first, self.second = layers.Dense(4, activation="relu"), layers.Dense(2)

        def call(self, x):
            if ops.mean(x) > 1:
                x = x / ops.mean(x)
            return self.second(self.first(x))


    keras.saving.register_keras_serializable("docs")(Pair)
    model = Pair()
    model(np.zeros((1, 3), "float32"))
    ```

    ## Use instead
    ```python
    x = keras.Input((3,))
    model = keras.Model(x, layers.Dense(2)(layers.Dense(4, activation="relu")(x)))
    ```

    ## Fix
    None: build the model from `keras.Input` and `keras.Model(inputs, outputs)` if its structure allows that, or check
    it in memory with `graphlint.check(model, inputs=...)`.

    ## Not reported
    A custom layer inside another, or inside a subclassed model: the finding on the outer one covers it.

    ## References
    keras-team/keras#19150
    """

    code = "K008"
    name = "opaque"
    severity = Severity.INFO
    in_code = "Names what stayed closed, and why; what was opened is not opaque."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        by_class: dict[tuple[str | None, str | None, str | None], list[Layer]] = {}
        for layer in graph.opaque_layers:
            if not graph.seen(layer.path):
                continue
            because = layer.definition.opaque_because
            by_class.setdefault((layer.class_name, layer.registered_name, because), []).append(layer)
        for (class_name, _, because), (first, *others) in by_class.items():
            inner = sum(1 for _ in graph.layers_below(first.path)) - 1
            size = sum(variable.size for variable in graph.variables_below(first.path))
            more = f", {len(others) + 1} layers of this class" if others else ""
            held = f"{inner} sublayer{'' if inner == 1 else 's'}" if inner else "no sublayers known"
            probably = described(guesses_below(graph, first.path).values())
            if probably:
                held += f", by their stored names and shapes {probably}"
            reason = f", since {because}" if because else ""
            yield Problem(
                f"{class_name} is opaque ({held}, {size:,} parameters{more}): "
                f"rules about connections, shapes and losses have not checked its inside{reason}",
                first.path,
                "Build it as a functional model to have it checked, or check its parts separately.",
                related=tuple(layer.path for layer in others),
            )
        for layer in graph.opened_layers:
            because = layer.definition.not_in_training
            if because is not None:
                yield Problem(
                    f"what {layer.class_name} does in training is not seen, since {because}: rules have checked what "
                    "it does in inference",
                    layer.path,
                    "Call it with training=True on data, and mend what it raises.",
                )
