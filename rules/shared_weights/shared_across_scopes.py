"""S001: layers in two scopes, which saving writes once and loading creates twice."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.edits import CopyWeights, ShareIdentity
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.address import ROOT
from graphlint.model.graph import ModelGraph
from graphlint.questions.sharing import Place, SharedAcrossScopes, shared_across_scopes


class SharedAcrossScopesRule(Rule):
    """One layer is part of two models, or of a model and a wrapper, and the saved file cannot be loaded.

    ## What it does
    Finds a layer with weights that belongs to two nested models, to a nested model and its parent, or to a wrapper and
    its parent. In a file, such a layer is marked as shared and has no weights, and its counterpart has lost the mark.

    ## Why is this bad?
    `model.save()` succeeds. `load_model()` then fails, because Keras creates two layers from the one and finds the
    weights of only one of them. The training run is lost unless the code that built the model still exists.

    ## Example
    ```python
    shared = layers.Dense(4, name="shared")
    first = keras.Sequential([keras.Input((4,)), shared], name="first")
    second = keras.Sequential([keras.Input((4,)), shared], name="second")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, second(layers.ReLU()(first(inputs))))
    ```

    ## Use instead
    ```python
    tower = keras.Sequential([keras.Input((4,)), layers.Dense(4, name="shared")], name="tower")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, tower(layers.ReLU()(tower(inputs))))
    ```

    ## Fix
    Safe, on a file that does not load, if a wrapper contains the layer: the missing mark is added to the file, and
    loading shares the layer again. Unsafe if two models contain it: each gets its own weights, with the values that
    they shared, and training makes them diverge. In code, call one submodel, or one wrapper, in both places.

    ## Not reported
    - the same submodel called twice: it loads;
    - layers without weights, and marks on initializers and dtype policies;
    - a layer called directly and, later, through a wrapper in the same model: Keras keeps that shared;
    - a nested model built from the Inputs of the enclosing model;
    - layers inside custom layers, whose `from_config` decides;
    - layers inside a model whose constructor builds them, such as the backbones of KerasHub: loading calls the
      constructor.

    ## References
    keras-team/keras#10898, keras-team/keras#9571, keras-team/keras#7116; seen on Keras 3.3, 3.8 and 3.15.
    """

    code = "S001"
    name = "shared-across-scopes"
    severity = Severity.ERROR
    in_code = "Quiet: code calls its layers by attributes, which a file keeps as they are."
    needs = frozenset({Need.GRAPH, Need.WEIGHTS})

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        groups: dict[tuple[int, int], list[SharedAcrossScopes]] = {}
        for found in shared_across_scopes(graph):
            groups.setdefault((id(found.first.holder), id(found.second.holder)), []).append(found)
        for first, *others in groups.values():
            yield self.problem(graph, first, others)

    def problem(self, graph: ModelGraph, first: SharedAcrossScopes, others: list[SharedAcrossScopes]) -> Problem:
        variables = {v.id: v.size for one in [first, *others] for v in graph.variables_below(one.layer)}
        size = sum(variables.values())
        if others:
            second, original = _holder(graph, first.second), _holder(graph, first.first)
            what = f"{len(others) + 1} layers of {second} are layers of {original}"
        else:
            what = f"{first.second.path} is {first.first.path}"
        loss = (
            "on loading, Keras cannot tell their calls apart and refuses"
            if first.disconnects
            else "the file stores their weights once, and loading fails on the second"
        )
        wrapped = first.first.holder.body is None or first.second.holder.body is None
        hint = (
            "Share the wrapper instead of the layer inside it: create it once and call it in both places."
            if wrapped
            else "Put the shared layers into one submodel and call it in both places, or create a layer for each place."
        )
        nodes = dict.fromkeys(path for one in [first, *others] for path in (one.layer, one.copy))
        fix = None if graph.live or first.disconnects else _salvage([first, *others], wrapped)
        return Problem(f"{what} ({size:,} parameters): {loss}", first.layer, hint, related=tuple(nodes)[1:], fix=fix)


def _salvage(found: list[SharedAcrossScopes], wrapped: bool) -> Fix:
    kind = ShareIdentity if wrapped else CopyWeights
    edits = [kind(layer=one.layer, copy=one.copy) for one in found]
    if wrapped:
        return Fix.safe("mark the layers as one, so that the file loads", *edits)
    changes = "the places no longer share their weights"
    return Fix.unsafe("give each place its own weights, so that the file loads", changes, *edits)


def _holder(graph: ModelGraph, place: Place) -> str:
    path = graph.layer_of[id(place.holder)]
    return "the model itself" if path == ROOT else path
