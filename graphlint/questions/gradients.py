"""Where gradients stop."""

from __future__ import annotations

from graphlint.model.graph import TENSOR, Edge, ModelGraph, Tensor

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
    if layer.traits.name != "LayerNormalization":
        return False
    edges = graph.in_edges(call, TENSOR)
    if len(edges) != 1:
        return False
    shape, axis = edges[0].spec.shape, layer.config.get("axis", -1)
    axes = axis if isinstance(axis, (list, tuple)) else (axis,)
    if not shape or not axes or not all(isinstance(one, int) and -len(shape) <= one < len(shape) for one in axes):
        return False
    return all(shape[one] == 1 for one in axes)


def cuts_gradient(graph: ModelGraph, call: str) -> bool:
    """Whether no gradient passes from the outputs of a call to what it receives."""
    layer = graph.layer(call)
    if layer.operation.zero_gradient or normalises_one(graph, call):
        return True
    if layer.traits.name == "TFOpLambda":
        return layer.config.get("function") in _LEGACY_ZERO_GRADIENT
    return False


def carries_gradient(edge: Edge) -> bool:
    """Whether a gradient can flow back along an edge: integers, booleans and text carry none."""
    return edge.spec.dtype is None or edge.spec.dtype.startswith(("float", "bfloat", "complex"))


def gradient_reach(graph: ModelGraph, tensors: list[Tensor], also: list[str]) -> set[str]:
    """The calls that a gradient from the given tensors, or from inside the calls ``also``, reaches."""
    reached: set[str] = set(also)
    for tensor in tensors:
        dtype = graph.spec(tensor).dtype
        if dtype is None or dtype.startswith(("float", "bfloat", "complex")):
            reached.add(tensor.call)
    stack = list(reached)
    while stack:
        call = stack.pop()
        if cuts_gradient(graph, call):
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
    reached = set(sources)
    stack = list(reached)
    while stack:
        for call in graph.receivers(stack.pop()):
            if call in reached:
                continue
            layer = graph.layer(call)
            if not layer.operation.shape_only and not normalises_one(graph, call):
                reached.add(call)
                stack.append(call)
    return reached
