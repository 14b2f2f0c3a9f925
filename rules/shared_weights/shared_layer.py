"""S003: layers and nested models with weights that have several calls."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Rule
from graphlint.findings.edits import Unshare
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.graph import ModelGraph


class SharedLayer(Rule):
    """A layer or nested model with weights is called more than once.

    ## What it does
    Reports every layer with weights, and every nested model, that has two or more calls, with the number of parameters
    that the calls share. Layers inside a nested model that is itself called twice are not listed again.

    ## Why is this bad?
    It is not, if it is meant, as in siamese towers and tied heads. But a layer that is reused by accident (`x =
    dense(x)` in a loop) trains as one layer.

    ## Example
    ```python
    inputs = keras.Input((4,))
    dense = layers.Dense(4)
    model = keras.Model(inputs, dense(layers.ReLU()(dense(inputs))))
    ```

    ## Use instead
    ```python
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(4)(layers.ReLU()(layers.Dense(4)(inputs))))
    ```

    ## Fix
    Unsafe, for sharing that was an accident: each call after the first gets its own layer, with the same weights. From
    then on they train independently. Not offered for a layer that belongs to two models or wrappers.

    ## Not reported
    Layers without weights; layers inside a nested model that is itself called twice.
    """

    code = "S003"
    name = "shared-layer"
    severity = Severity.INFO

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for path in graph.shared_layers:
            calls = graph.container_calls(path) or graph.call_sites(path)
            variables = graph.variables_below(path)
            size = sum(variable.size for variable in variables)
            if size:
                yield Problem(
                    f"{len(calls)} calls share {size:,} parameters",
                    path,
                    "Nothing to do if the sharing is meant; otherwise create one layer per call.",
                    related=tuple(call for call in calls if call in graph.calls),
                    fix=_unshared(graph, path, calls),
                )


def _unshared(graph: ModelGraph, path: str, calls: list[str]) -> Fix | None:
    if graph.layers[path].aliases:
        return None
    definitions: dict[int, str] = {}
    for call in calls:
        node = graph.calls.get(call) or graph.scopes[call]
        definitions.setdefault(id(node.definition), call)
    edit = Unshare(calls=tuple(definitions.values())[1:])
    return Fix.unsafe("give each call its own layer", "the calls train independently, with more parameters", edit)
