"""S002: layers that an HDF5 file stores once per model that shares them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.edits import Share
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.definition import Format
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.equal_weights import equal, interchangeable
from graphlint.questions.statistics import statistics
from graphlint.questions.towers import settings


class UnsharedOnLoad(Rule):
    """A layer that was shared between nested models is stored twice in an `.h5` file, and loads as two.

    ## What it does
    In a whole-model HDF5 file, finds layers with the same name, class and configuration in different models whose
    weights are equal byte for byte.

    ## Why is this bad?
    The legacy format writes the weights of a layer under every model that contains it, and does not record that they
    were one. After loading there are two layers, which diverge with the first training step.

    ## Example
    ```python
    shared = layers.Dense(4, name="shared")
    first = keras.Sequential([keras.Input((4,)), shared], name="first")
    second = keras.Sequential([keras.Input((4,)), shared], name="second")
    inputs = keras.Input((4,))
    shared_model = keras.Model(inputs, second(layers.ReLU()(first(inputs))))
    path = tmp_path / "shared.h5"
    shared_model.save(path)
    ```

    ## Use instead
    ```python
    tower = keras.Sequential([keras.Input((4,)), layers.Dense(4, name="shared")], name="tower")
    inputs = keras.Input((4,))
    shared_model = keras.Model(inputs, tower(layers.ReLU()(tower(inputs))))
    path = tmp_path / "shared.h5"
    shared_model.save(path)
    ```

    ## Fix
    Unsafe: if the two models are equal throughout, the first is called in both places, and trains as one again. Models
    that differ elsewhere have to be built again, with one submodel that is called in both places (S001 explains why).

    ## Not reported
    Constant weights, such as biases at their initial value; layers of which any weight differs.
    """

    code = "S002"
    name = "unshared-on-load"
    severity = Severity.WARNING
    in_code = "Reads configurations, in which the bodies that code makes are not."
    needs = frozenset({Need.GRAPH, Need.NUMBERS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        if graph.live or graph.definition.format != Format.H5:
            return
        named: dict[tuple[str, str | None], list[Layer]] = {}
        for layer in graph.layers.values():
            inside = layer.parent is not None and graph.layers[layer.parent].container
            if inside and not layer.container and graph.variables_below(layer.path):
                named.setdefault((layer.name, layer.class_name), []).append(layer)
        groups: dict[tuple[str | None, str | None], list[tuple[Layer, Layer]]] = {}
        for several in named.values():
            first, *others = several
            for other in others:
                if other.parent != first.parent and _same(graph, first, other):
                    groups.setdefault((first.parent, other.parent), []).append((first, other))
        for (first_model, second_model), pairs in groups.items():
            size = sum(variable.size for first, _ in pairs for variable in graph.variables_below(first.path))
            count = f"{len(pairs)} layers" if len(pairs) > 1 else "one layer"
            models = [path if path and path != "." else "the model itself" for path in (first_model, second_model)]
            yield Problem(
                f"{count} ({size:,} parameters) stored in {models[0]} and again in {models[1]}, equal byte for byte: "
                "shared before saving, two after loading",
                pairs[0][0].path,
                "Build the model with one submodel that is called in both places, and save it as .keras.",
                related=tuple(path for first, other in pairs for path in (first.path, other.path))[1:],
                fix=_shared(graph, first_model, second_model),
            )


def _shared(graph: ModelGraph, first: str | None, second: str | None) -> Fix | None:
    if first is None or second is None or not interchangeable(graph, first, second):
        return None
    edit = Share(keep=first, drop=second)
    return Fix.unsafe("call the first model in both places", "both places train as one again", edit)


def _same(graph: ModelGraph, first: Layer, other: Layer) -> bool:
    ours, theirs = graph.variables_below(first.path), graph.variables_below(other.path)
    if [v.shape for v in ours] != [v.shape for v in theirs] or [v.dtype for v in ours] != [v.dtype for v in theirs]:
        return False
    if json.dumps(settings(first), sort_keys=True) != json.dumps(settings(other), sort_keys=True):
        return False
    telling = False
    for variable in ours:
        numbers = statistics(graph, variable)
        telling = telling or (numbers is not None and numbers.minimum is not None and not numbers.constant)
    return telling and all(equal(a, b) for a, b in zip(ours, theirs, strict=True))
