"""Which layers would use the mask of a tensor, and along what the steps that it is for stay the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphlint.knowledge.layers import Family
from graphlint.knowledge.operations import Batch
from graphlint.model.definition import Constant, ConstantKind
from graphlint.model.graph import MASK, Call, Layer, ModelGraph, Tensor
from graphlint.questions.batch import argument
from graphlint.questions.references import is_lambda

_RESHAPING = ("Reshape", "Squeeze")
"""Layers and operations that drop the mask, and may leave the shape as it is."""
_MASK_ARGUMENTS = ("mask", "attention_mask", "value_mask", "key_mask", "query_mask", "padding_mask")


def users_of_mask(graph: ModelGraph, tensor: Tensor) -> list[str]:
    """The calls that would use a mask of a tensor, if it had one that was kept along its steps."""
    found: dict[str, None] = {}
    stack, seen = [tensor], {tensor}
    while stack:
        one = stack.pop()
        for call in sorted({edge.target for edge in graph.consumers(one)}):
            layer = graph.layer(call)
            if one in masked_arguments(graph, graph.calls[call], layer):
                found[call] = None
            output = Tensor(call, 0)
            if output not in seen and keeps_time(graph, graph.calls[call], layer) and same_time(graph, one, output):
                seen.add(output)
                stack.append(output)
    return list(found)


def masked_arguments(graph: ModelGraph, call: Call, layer: Layer) -> Iterator[Tensor]:
    """The tensors whose mask a call would use and does not receive explicitly."""
    traits = layer.traits
    if any(call.kwargs.get(key) is not None for key in _MASK_ARGUMENTS):
        return
    if _reads_sequence(layer) or (traits.family is Family.GLOBAL_POOLING and traits.uses_mask):
        value = call.args[0] if call.args else call.kwargs.get("inputs")
        yield from _tensors([value])
    elif traits.query_mask:
        yield from _tensors([call.args[1] if len(call.args) > 1 else call.kwargs.get("value")])
    elif traits.family is Family.ATTENTION and call.args and isinstance(call.args[0], (list, tuple)):
        yield from _tensors(list(call.args[0])[1:2])


def _reads_sequence(layer: Layer) -> bool:
    """Whether a layer carries a state over a sequence of vectors."""
    return layer.traits.recurrent and layer.traits.rank is None


def _tensors(values: list[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Tensor):
            yield value[0]


def receives(graph: ModelGraph, call: Call) -> bool:
    """Whether a call receives a mask."""
    return bool(graph.in_edges(call.id, MASK))


def last_step_matters(graph: ModelGraph, call: Call, layer: Layer) -> bool:
    """Whether a recurrent layer's last step or state, which is that of the padding, is used."""
    if not _reads_sequence(layer) or layer.traits.family is not Family.RECURRENT:
        return False
    if layer.config.get("return_sequences") is not True:
        return True
    states = [Tensor(call.id, output) for output in range(1, len(call.outputs))]
    return any(graph.consumers(state) or graph.is_output(state) for state in states)


def keeps_time(graph: ModelGraph, call: Call, layer: Layer) -> bool:
    """Whether the steps of what a call returns may be those of what it receives."""
    if _reshapes(layer):
        return True
    if layer.is_operation:
        traits = layer.operation
        along = traits.batch in (Batch.KEPT, Batch.AXIS) and not traits.reduction
        return traits.broadcasting or along or traits.name in ("Concatenate", "GetItem")
    return layer.traits.per_step or (layer.is_keras and is_lambda(layer))


def _reshapes(layer: Layer) -> bool:
    return (layer.traits.name or layer.operation.name) in _RESHAPING


def unfolded(graph: ModelGraph, call: Call) -> list[Tensor]:
    """What a call receives; of a Squeeze that undoes an ExpandDims, what that received."""
    sources = graph.producers(call.id)
    folded = graph.layer(call.id).operation.name == "Squeeze" and len(sources) == 1
    if folded and graph.layer(sources[0].call).operation.name == "ExpandDims":
        return graph.producers(sources[0].call)
    return sources


def same_time(graph: ModelGraph, source: Tensor, output: Tensor) -> bool:
    """Whether two tensors have as many steps."""
    before, after = graph.spec(source).shape, graph.spec(output).shape
    if before is None or after is None or not len(before) == len(after) >= 3:
        return False
    if _reshapes(graph.layer(output.call)):
        return before == after and None not in before[1:]
    return before[1] == after[1] or _slices_time(graph.layer(output.call), graph.calls[output.call])


def _slices_time(layer: Layer, call: Call) -> bool:
    """Whether a call takes some of the steps, as ``x[:, 1:]`` does."""
    key = argument(layer, call, 1, "key") if layer.operation.name == "GetItem" else None
    return (
        isinstance(key, (list, tuple))
        and len(key) > 1
        and isinstance(key[1], Constant)
        and key[1].kind == ConstantKind.SLICE
    )
