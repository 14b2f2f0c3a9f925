"""What a model contains and does not use: calls that reach no output, layers that are never called."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from graphlint.model.graph import Layer, ModelGraph, Tensor, Variable
from graphlint.model.parameters import trained
from graphlint.questions.hidden_weights import attribute_of, may_use
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
    used = graph.ancestors([call for call in losses_added(graph) if _stops(graph, call)])
    roots = set(graph.inputs)
    dead = [call for call in dead if call not in used and call not in roots]
    found, seen = [], set()
    needed = {graph.calls[call].layer for call in (*live, *used) if call in graph.calls}
    for branch in graph.components(dead):
        inside = set(branch)
        layers = tuple(path for path in dict.fromkeys(graph.calls[call].layer for call in branch) if path not in needed)
        below = (variable for path in layers for variable in graph.variables_below(path))
        variables = {v.id: v for v in below if v.id not in live and v.id not in used and trained(graph, v)}
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


@dataclass(frozen=True, slots=True)
class Uncalled:
    """Sublayers with weights that the code of ``owner`` never calls. ``among`` is how many it holds in the same list;
    0 where they are attributes of their own."""

    owner: Layer
    attribute: str
    layers: tuple[Layer, ...]
    among: int


def uncalled_in_code(graph: ModelGraph) -> list[Uncalled]:
    """Sublayers of opened layers that no call reaches, in either mode, and that no other method can mean.

    A sublayer that a method mentions may be used under other arguments; one of a list of which others are called is
    skipped by the code all the same.
    """
    waiting: dict[tuple[str, str], list[Layer]] = {}
    called: dict[tuple[str, str], int] = {}
    uncalled: set[str] = set()
    for layer in graph.layers.values():
        if layer.parent is None or layer.is_operation:
            continue
        owner = graph.layers[layer.parent]
        if owner.path in uncalled or not _runs(graph, layer):
            uncalled.add(layer.path)
        if not owner.traced or owner.path in uncalled:
            continue
        place = owner.path, attribute_of(owner.obj, layer.obj)
        if layer.path not in uncalled:
            called[place] = called.get(place, 0) + 1
        elif graph.variables_below(layer.path):
            waiting.setdefault(place, []).append(layer)
    found = []
    for (path, attribute), layers in waiting.items():
        owner, others = graph.layers[path], called.get((path, attribute), 0)
        if attribute and (others or not may_use(type(owner.obj), attribute)):
            among = others + len(layers) if others else 0
            found.append(Uncalled(owner, attribute, tuple(layers), among))
    return found


def _runs(graph: ModelGraph, layer: Layer) -> bool:
    """Whether a layer is called, or a call reads a variable inside."""
    if graph.call_sites(layer.path) or graph.container_calls(layer.path):
        return True
    return any(graph.read_by.get(variable.id) for variable in graph.variables_below(layer.path))


def uncalled_layers(graph: ModelGraph) -> list[Layer]:
    """Layers with weights and nested models that a model contains but never calls, outermost first.

    Only in models of Keras's own classes: the methods of another class may use them.
    """
    return [
        layer
        for layer in graph.layers.values()
        if layer.parent is not None
        and stock_model(graph.layers[layer.parent])
        and graph.container_calls(layer.parent)
        and not (graph.call_sites(layer.path) or graph.container_calls(layer.path))
        and graph.variables_below(layer.path)
    ]
