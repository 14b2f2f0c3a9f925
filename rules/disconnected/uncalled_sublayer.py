"""D009: sublayers with weights that the code of a custom layer never calls."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.graph import ModelGraph
from graphlint.questions.unreached import uncalled_in_code


class UncalledSublayer(Rule):
    """A custom layer or subclassed model builds a sublayer with weights and never calls it.

    ## What it does
    Finds sublayers with weights that a custom layer or subclassed model holds and calls neither in inference nor in
    training: attributes that none of its methods mentions, and layers of a list of which it calls others.

    ## Why is this bad?
    The weights are stored, loaded, counted and given to the optimizer, and nothing depends on them: a projection was
    left out of `call`, or a loop ends too early.

    ## Example
    ```python
    @keras.saving.register_keras_serializable(package="docs")
    class Pair(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.first, self.second = layers.Dense(4, activation="relu"), layers.Dense(2)

        def build(self, shape):
            self.first.build(shape)
            self.second.build((None, 4))

        def call(self, x):
            return self.first(x)


    model = Pair()
    model(np.zeros((1, 3), "float32"))
    ```

    ## Use instead
    ```python
    @keras.saving.register_keras_serializable(package="docs")
    class Pair(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.first, self.second = layers.Dense(4, activation="relu"), layers.Dense(2)

        def build(self, shape):
            self.first.build(shape)
            self.second.build((None, 4))

        def call(self, x):
            return self.second(self.first(x))


    model = Pair()
    model(np.zeros((1, 3), "float32"))
    ```

    ## Fix
    None: call the sublayer, or do not create it.

    ## Not reported
    - layers without weights;
    - an attribute that another method mentions, which may use it under other arguments;
    - layers of which a variable is read without a call;
    - layers inside a layer that stays closed, or that is itself never called.
    """

    code = "D009"
    name = "uncalled-sublayer"
    severity = Severity.WARNING
    in_code = "Only there: everywhere else, see uncalled-layer (D008)."
    needs = frozenset({Need.GRAPH, Need.LIVE})
    preview = True

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for found in uncalled_in_code(graph):
            first, *others = found.layers
            size = sum(variable.size for layer in found.layers for variable in graph.variables_below(layer.path))
            name = found.owner.class_name
            if found.among:
                what = f"{name} calls {found.among - len(found.layers)} of the {found.among} layers in "
                what += f"{found.attribute!r}, and not this{' and others' if others else ''}"
            else:
                what = f"no method of {name} calls it"
            yield Problem(
                f"{what}: {size:,} parameters influence nothing",
                first.path,
                f"Call it in {name}.call, or do not create it.",
                related=tuple(layer.path for layer in others),
            )
