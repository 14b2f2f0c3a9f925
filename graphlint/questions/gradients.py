"""Where gradients stop."""

from __future__ import annotations

from graphlint.model.graph import TENSOR, Edge, Layer, ModelGraph, Tensor

_LEGACY_ZERO_GRADIENT = frozenset(
    {"math.argmax", "math.argmin", "round", "math.round", "sign", "math.sign", "floor", "math.floor", "math.ceil"}
    | {"stop_gradient", "one_hot", "math.greater", "math.less", "math.equal", "zeros_like", "ones_like"}
)
"""The same as Keras 2 records them (``TFOpLambda``)."""


NORMALISES_ONE = "Normalise over an axis longer than 1, or remove the LayerNormalization."
"""What to do about a normalisation of single values."""


def normalises_one(graph: ModelGraph, call: str) -> bool:
    """Whether a call normalises over axes of size 1, which leaves only the learned offset."""
    layer = graph.layer(call)
    if not _normalises(layer):
        return False
    edges = graph.in_edges(call, TENSOR)
    if len(edges) != 1:
        return False
    shape, axis = edges[0].spec.shape, layer.config.get("axis", -1)
    axes = axis if isinstance(axis, (list, tuple)) else (axis,)
    if not shape or not axes or not all(isinstance(one, int) and -len(shape) <= one < len(shape) for one in axes):
        return False
    return all(shape[one] == 1 for one in axes)


def _normalises(layer: Layer) -> bool:
    return layer.traits.name == "LayerNormalization"


def cuts_gradient(graph: ModelGraph, call: str) -> bool:
    """Whether no gradient passes from the outputs of a call to what it receives."""
    layer = graph.layer(call)
    if layer.operation.zero_gradient or normalises_one(graph, call):
        return True
    if _calls_tensorflow(layer):
        return layer.config.get("function") in _LEGACY_ZERO_GRADIENT
    return False


def _calls_tensorflow(layer: Layer) -> bool:
    return layer.traits.name == "TFOpLambda"


def _may_cut(layer: Layer) -> bool:
    return layer.operation.zero_gradient or _normalises(layer) or _calls_tensorflow(layer)


def carries_gradient(edge: Edge) -> bool:
    """Whether a gradient can flow back along an edge: integers, booleans and text carry none."""
    return edge.spec.dtype is None or edge.spec.dtype.startswith(("float", "bfloat", "complex"))


def gradient_reach(graph: ModelGraph, tensors: list[Tensor], also: list[str]) -> set[str]:
    """The calls that a gradient from the given tensors, or from inside the calls ``also``, reaches."""
    cuts = {call.id for call in graph.calls_of_classes(_may_cut) if cuts_gradient(graph, call.id)}
    reached: set[str] = set(also)
    for tensor in tensors:
        dtype = graph.spec(tensor).dtype
        if dtype is None or dtype.startswith(("float", "bfloat", "complex")):
            reached.add(tensor.call)
    stack = list(reached)
    while stack:
        call = stack.pop()
        if call in cuts:
            continue
        for edge in graph.in_edges(call, TENSOR):
            if edge.source not in reached and carries_gradient(edge):
                reached.add(edge.source)
                stack.append(edge.source)
    return reached


def value_reach(graph: ModelGraph, sources: list[str]) -> set[str]:
    """The calls whose values depend on the given calls.

    Dependence on shapes alone (``ops.ones_like``) does not count, nor does what a normalisation over one value leaves.
    """
    stopped = {
        call.id
        for call in graph.calls_of_classes(lambda layer: layer.operation.shape_only or _normalises(layer))
        if graph.layer(call.id).operation.shape_only or normalises_one(graph, call.id)
    }
    reached = set(sources)
    stack = list(reached)
    while stack:
        new = [call for call in graph.receivers(stack.pop()) if call not in reached and call not in stopped]
        reached.update(new)
        stack += new
    return reached
