"""S001."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.engine.rule import Need, Rule
from graphlint.findings.edits import CopyWeights, ShareIdentity
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.model.address import ROOT
from graphlint.model.graph import ModelGraph
from graphlint.questions.sharing import Place, SharedAcrossScopes, shared_across_scopes


class SharedAcrossScopesRule(Rule):
    """One layer sits in two models, or in a model and a wrapper, and the saved file cannot be loaded.

    ## What it does
    Finds a layer with weights that two nested models, a nested model and its parent, or a wrapper and its parent hold.
    In a file the sign is a layer that is marked as shared, whose partner has lost the mark, and that has no weights.

    ## Why is this bad?
    `model.save()` succeeds. `load_model()` then fails, because Keras makes two layers of the one and finds the weights
    of only one of them. The training run is lost unless the code that built the model still exists.

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
    Safe, on a file that will not load, where a wrapper holds the layer: the file gets the mark that it lacks, and
    loading shares the layer again. Unsafe where two models hold it: each gets weights of its own, with the values that
    they shared, and training moves them apart. In code, call one submodel, or one wrapper, in both places.

    ## Not reported
    - the same submodel called twice: it loads;
    - layers without weights, and marks on initializers and dtype policies;
    - a layer called directly and, later, through a wrapper in the same model: Keras keeps that shared;
    - a nested model made from the Inputs of the model around it;
    - layers that custom layers hold: their own `from_config` decides;
    - what lies inside a model of a class whose own constructor builds it, as the backbones of KerasHub are: loading
      calls the constructor.

    ## References
    keras-team/keras#10898, keras-team/keras#9571, keras-team/keras#7116; seen on Keras 3.3, 3.8 and 3.15.
    """

    code = "S001"
    name = "shared-across-scopes"
    severity = Severity.ERROR
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
            else "the file keeps their weights once, and loading it fails on the second"
        )
        wrapped = first.first.holder.body is None or first.second.holder.body is None
        hint = (
            "Share the wrapper instead of the layer in it: make it once and call it in both places."
            if wrapped
            else "Put what is shared into one submodel and call that in both places, or give each place its own layer."
        )
        nodes = dict.fromkeys(path for one in [first, *others] for path in (one.layer, one.copy))
        fix = None if graph.live or first.disconnects else _salvage([first, *others], wrapped)
        return Problem(f"{what} ({size:,} parameters): {loss}", first.layer, hint, tuple(nodes)[1:], fix=fix)


def _salvage(found: list[SharedAcrossScopes], wrapped: bool) -> Fix:
    kind = ShareIdentity if wrapped else CopyWeights
    edits = [kind(layer=one.layer, copy=one.copy) for one in found]
    if wrapped:
        return Fix.safe("mark the layers as one, so that the file loads", *edits)
    changes = "the places share their weights no longer"
    return Fix.unsafe("give each place the weights, so that the file loads", changes, *edits)


def _holder(graph: ModelGraph, place: Place) -> str:
    path = graph.layer_of[id(place.holder)]
    return "the model itself" if path == ROOT else path
