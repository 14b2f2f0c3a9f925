"""What a model contains and does not use: calls that reach no output, layers that are never called."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from graphlint.model.address import ROOT
from graphlint.model.graph import Layer, ModelGraph, Tensor, Variable
from graphlint.model.parameters import trained
from graphlint.questions.losses import losses_added, stock_model


@dataclass(frozen=True, slots=True)
class DeadBranch:
    """Connected calls that reach no output of the model, and what only they use.

    ``ends`` are the tensors where the branch stops, ``layers`` the layers of which every call is dead, and
    ``variables`` what those hold and the model would train.
    """

    ends: tuple[Tensor, ...]
    calls: tuple[str, ...]
    layers: tuple[str, ...]
    _: KW_ONLY
    variables: tuple[Variable, ...]


def dead_branches(graph: ModelGraph) -> list[DeadBranch]:
    """The branches that reach no output and hold trainable weights used nowhere else, in graph order.

    Branches that end in a layer that adds a loss are used. A nested model that is called twice counts as one branch.
    """
    live = graph.live_nodes
    dead = [call for call in graph.calls if call not in live]
    if not dead:
        return []
    used = graph.ancestors([call for call in losses_added(graph) if call not in live and _stops(graph, call)])
    roots = set(graph.inputs)
    dead = [call for call in dead if call not in used and call not in roots]
    found, seen = [], set()
    needed = {graph.calls[call].layer for call in (*live, *used) if call in graph.calls}
    for branch in graph.components(dead):
        inside = set(branch)
        layers = tuple(path for path in dict.fromkeys(graph.calls[call].layer for call in branch) if path not in needed)
        variables = {v.id: v for path in layers for v in graph.variables_below(path) if trained(graph, v)}
        if not variables or layers in seen:
            continue
        seen.add(layers)
        ends = [
            Tensor(call, output)
            for call in branch
            for output in range(len(graph.calls[call].outputs))
            if not any(edge.target in inside for edge in graph.consumers(Tensor(call, output)))
        ]
        found.append(DeadBranch(tuple(ends), tuple(branch), layers, variables=tuple(variables.values())))
    return found


def _stops(graph: ModelGraph, call: str) -> bool:
    return not graph.out_edges(call)


def uncalled_layers(graph: ModelGraph) -> list[Layer]:
    """Layers with weights and nested models that a model contains but never calls, outermost first.

    Only in models of Keras's own classes: the methods of another class may use them.
    """
    found = []
    uncalled: set[str] = set()
    for layer in graph.layers.values():
        if layer.path == ROOT or layer.parent is None:
            continue
        if layer.parent in uncalled:
            uncalled.add(layer.path)
            continue
        parent = graph.layers[layer.parent]
        if not parent.container or parent.opaque or not stock_model(parent):
            continue
        if graph.call_sites(layer.path) or graph.container_calls(layer.path):
            continue
        if parent.path != ROOT and not graph.container_calls(parent.path):
            continue
        uncalled.add(layer.path)
        if graph.variables_below(layer.path):
            found.append(layer)
    return found
