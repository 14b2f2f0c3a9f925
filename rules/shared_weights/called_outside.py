"""S010: layers that are also called outside the model."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.model.address import ROOT
from graphlint.model.graph import ModelGraph


class CalledOutside(Rule):
    """Layers of the model are also called, or their results used, outside it.

    ## What it does
    Counts the recorded calls of the layers of a model that belong to no part of it, and the uses of their results
    elsewhere.

    ## Why is this bad?
    Another model or function has these layers: training it changes this model, and freezing a layer in one of them
    freezes it in the other. Saved each by itself, they are separate after loading.

    ## Example
    ```python
    inputs = keras.Input((4,))
    hidden = layers.Dense(3, "relu", name="hidden")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    features = keras.Model(inputs, layers.Softmax()(hidden))
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    hidden = layers.Dense(3, "relu", name="hidden")(inputs)
    model = keras.Model(inputs, [layers.Dense(1)(hidden), layers.Softmax()(hidden)])
    ```

    ## Fix
    None: check the models together, `graphlint.check([model, other])`, which says what they share; or give the
    other one a copy, `graphlint.clone(model)`.

    ## Not reported
    - layers without weights, and Inputs;
    - calls that a Sequential model makes when it is built again;
    - calls on arrays, of which Keras keeps no record.
    """

    code = "S010"
    name = "called-outside"
    severity = Severity.INFO
    preview = True
    needs = frozenset({Need.GRAPH, Need.LIVE})
    in_code = "Reads the calls that Keras recorded, not those that code makes."

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        outside = graph.definition.outside
        counts = {
            path: outside[id(layer.obj)]
            for path, layer in graph.layers.items()
            if id(layer.obj) in outside and graph.variables_below(path)
        }
        if not counts:
            return
        calls = sum(counts.values())
        layers = "the model itself is" if list(counts) == [ROOT] else f"{len(counts)} of its layers are"
        yield Problem(
            f"{layers} also called or used outside it, {calls} times: training there changes this model",
            None,
            "Check it together with the others: graphlint.check([model, other]).",
            related=tuple(path for path in counts if path != ROOT)[:10],
        )
