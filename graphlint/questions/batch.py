"""Which tensors certainly have the batch on axis 0: traced from the Inputs, operation by operation."""

from __future__ import annotations

from typing import Any

from graphlint.knowledge.operations import Batch
from graphlint.model.definition import Constant, ConstantKind
from graphlint.model.dimensions import multiply
from graphlint.model.graph import Call, Layer, ModelGraph, Tensor
from graphlint.questions.references import is_lambda


def batched(graph: ModelGraph) -> set[Tensor]:
    """The tensors whose axis 0 is certainly the batch axis: it comes from axis 0 of an Input all the way.

    Built-in layers keep the batch axis first. An operation keeps it if its arguments say so: no reduction,
    transposition or slicing of axis 0. Nothing is certain after Lambda, custom layers and opaque models.
    """
    proven: set[Tensor] = set()
    kinds: dict[str, bool] = {}
    for call in graph.calls.values():
        sources = graph.producers(call.id)
        layer = graph.layers[call.layer]
        if layer.is_input:
            holds = all(source in proven for source in sources) and call.outputs[0].shape != ()
        elif not sources:
            continue
        elif layer.is_operation:
            holds = _operation_keeps(graph, layer, call, sources, proven)
        else:
            if layer.path not in kinds:
                kinds[layer.path] = layer.is_keras and not layer.opaque and not is_lambda(layer)
            holds = kinds[layer.path] and all(source in proven for source in sources)
        if holds:
            proven.update(Tensor(call.id, output) for output in range(len(call.outputs)))
    return proven


def argument(layer: Layer, call: Call, position: int, name: str, default: Any = None) -> Any:
    """An argument of an operation, from its call or else from its configuration."""
    if position < len(call.args):
        return call.args[position]
    return call.kwargs.get(name, layer.config.get(name, default))


def _operation_keeps(graph: ModelGraph, layer: Layer, call: Call, sources: list[Tensor], proven: set[Tensor]) -> bool:
    traits = layer.operation
    shape = graph.spec(sources[0]).shape
    if traits.broadcasting:
        ranks = [len(found) for source in sources if (found := graph.spec(source).shape) is not None]
        highest = max(ranks, default=0)
        return len(ranks) == len(sources) and all(
            source in proven for source, rank in zip(sources, ranks, strict=True) if rank == highest
        )
    if sources[0] not in proven or shape is None:
        return False
    rank = len(shape)
    if traits.batch is Batch.KEPT:
        return rank > 0
    if traits.batch in (Batch.AXIS, Batch.JOIN):
        axis = call.kwargs.get("axis", layer.config.get("axis", traits.default_axis))
        known = traits.batch is Batch.AXIS or all(source in proven for source in sources)
        # Of a stack or a one-hot, which has one axis more, the first axis is one further from the end.
        return known and not _touches(axis, rank) and not _touches(axis, rank + 1)
    name = traits.name
    if name == "ExpandDims":
        return not _touches(argument(layer, call, 1, "axis", 0), rank + 1)
    if name == "Transpose":
        axes = argument(layer, call, 1, "axes")
        return isinstance(axes, (list, tuple)) and len(axes) > 0 and axes[0] == 0
    if name == "Swapaxes":
        return not any(_touches(argument(layer, call, position, f"axis{position}"), rank) for position in (1, 2))
    if name == "Moveaxis":
        moved = argument(layer, call, 1, "source"), argument(layer, call, 2, "destination")
        return not any(_touches(axis, rank) for axis in moved)
    if name == "GetItem":
        return _keeps_first(argument(layer, call, 1, "key"))
    if name == "Reshape":
        target = argument(layer, call, 1, "newshape")
        if not isinstance(target, (list, tuple)) or not target or target[0] not in (-1, None):
            return False
        rest, before = list(target[1:]), list(shape[1:])
        if not all(isinstance(dim, int) and dim >= 0 for dim in [*rest, *before]):
            return False
        size = multiply(*rest)
        return size is not None and size == multiply(*before)
    if name == "Matmul":
        return rank >= 3
    return False


def _touches(axis: Any, rank: int) -> bool:
    """Whether an axis argument certainly or possibly means axis 0."""
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    return any(not isinstance(one, int) or one in (0, -rank) for one in axes)


def _keeps_first(key: Any) -> bool:
    first = key[0] if isinstance(key, (list, tuple)) and key else key
    if not isinstance(first, Constant):
        return False
    if first.kind == ConstantKind.ELLIPSIS:
        return True
    return first.kind == ConstantKind.SLICE and all(bound is None for bound in first.value)
