"""What is seen of a call without reading: which layers are the same, what is frozen, dead, opaque or cut off."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.model.graph import MASK, TENSOR, ModelGraph, Tensor
from graphlint.model.masks import masked
from graphlint.questions.gradients import cuts_gradient

MARKS = {
    "frozen": "its weights are not trained",
    "leaks": "trained, inside a container that is frozen",
    "opaque": "a body that could not be seen",
    "dead": "reaches no output",
    "mask lost": "receives a tensor with a mask, and neither uses the mask nor passes it on",
    "gradient stops": "lets no gradient through",
    "output": "an output of the model",
}
"""Every mark, and what it means."""


def marks(graph: ModelGraph) -> dict[str, list[str]]:
    """The marks of every call that has any."""
    carried = masked(graph)
    live, outputs = graph.live_nodes, {tensor.call for tensor in graph.outputs}
    of_layer: dict[str, list[str]] = {}
    found: dict[str, list[str]] = {}
    for call in graph.calls.values():
        if call.layer not in of_layer:
            of_layer[call.layer] = list(_of_layer(graph, call.layer))
        here = list(of_layer[call.layer])
        if call.id not in live:
            here.append("dead")
        if carried and _loses_mask(graph, call.id, carried):
            here.append("mask lost")
        if cuts_gradient(graph, call.id):
            here.append("gradient stops")
        if call.id in outputs:
            here.append("output")
        if here:
            found[call.id] = here
    return found


def _of_layer(graph: ModelGraph, path: str) -> Iterator[str]:
    layer = graph.layers[path]
    variables = graph.variables_below(path)
    around = [outer for outer in graph.enclosing(path) if not outer.trainable]
    if variables and not any(variable.trainable for variable in variables) and (around or not layer.trainable):
        yield "frozen"
    elif around and any(variable.trainable for variable in variables):
        yield "frozen" if any(outer.path == "." for outer in around) else "leaks"
    if layer.opaque:
        yield "opaque"


def _loses_mask(graph: ModelGraph, call: str, carried: dict[Tensor, str]) -> bool:
    if graph.in_edges(call, MASK) or not any(tensor in carried for tensor in graph.producers(call)):
        return False
    return not any(Tensor(call, output) in carried for output in range(len(graph.calls[call].outputs)))


def ties(graph: ModelGraph) -> dict[str, int]:
    """A number for every layer that runs several times or shares a variable, the same for all that are tied."""
    leader: dict[str, str] = {}

    def find(path: str) -> str:
        while leader.setdefault(path, path) != path:
            leader[path] = leader[leader[path]]
            path = leader[path]
        return path

    tied: set[str] = set()
    for path, layer in graph.layers.items():
        if layer.is_operation or layer.is_input:
            continue
        runs = graph.container_calls(path) or [
            call for call in graph.call_sites(path) if graph.calls[call].layer == path
        ]
        if len(runs) > 1:
            tied.add(path)
    for variable in graph.variables:
        holders = graph.holders(variable)
        for other in holders[1:]:
            tied.update((holders[0], other))
            leader[find(other)] = find(holders[0])
    numbers: dict[str, int] = {}
    return {path: numbers.setdefault(find(path), len(numbers)) for path in graph.layers if path in tied}


def flows(graph: ModelGraph) -> Iterator[tuple[str, str, bool, str]]:
    """Every tensor and mask between two calls: source, target, whether it is a mask, and its shape."""
    from graphlint.model.dimensions import shape_text

    for call in graph.calls:
        for kind in (TENSOR, MASK):
            for edge in graph.out_edges(call, kind):
                yield edge.source, edge.target, kind == MASK, shape_text(edge.spec.shape)
