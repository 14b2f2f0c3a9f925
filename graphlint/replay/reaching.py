"""Addresses as tensors of a graph that can be replayed, where needed by opening the code that they lie in."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import keras

from graphlint.errors import AddressError, OpaqueBody
from graphlint.knowledge import keras_internals
from graphlint.model.address import ROOT, parse
from graphlint.model.graph import Tensor
from graphlint.model.resolve import resolve_call, resolve_tensor
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.opened import Opened
from graphlint.replay.spelling import canonical
from graphlint.replay.symbolic import Stuck
from graphlint.replay.targets import tensor_at
from graphlint.replay.transaction import Transaction


def reach(
    model: keras.Model, addresses: Sequence[str], *, cuts: Collection[str] = (), whole: bool = False
) -> tuple[LiveGraph, list[Tensor]]:
    """The graph of a model, and the tensors that addresses are in it.

    A model that is code, and custom layers that addresses lead into, are opened: the graph is that of an equal model in
    which what their code calls is called by a graph, and layers and variables are those of the model. ``cuts`` are the
    addresses behind which everything must be part of the graph; with ``whole`` that is so for every address, and no
    tensor is added to the outputs.

    Raises:
        AddressError: an address is malformed, unknown or ambiguous.
        OpaqueBody: something needed is code that cannot be called again; the message names it.
    """
    try:
        live = LiveGraph(model)
        return live, [tensor_at(live, address) for address in addresses]
    except OpaqueBody as closed:
        first: OpaqueBody = closed
    except AddressError as unknown:
        # The address may name a call that only tracing shows.
        if not _has_code(model):
            raise
        try:
            return _opened(model, addresses, cuts, whole)
        except OpaqueBody:
            raise unknown from None
    try:
        return _opened(model, addresses, cuts, whole)
    except OpaqueBody as error:
        raise error from first


def _has_code(model: keras.Model) -> bool:
    from graphlint.tracing.functions import is_open

    return any(is_open(layer) for layer in keras_internals.all_layers(model))


def _opened(
    model: keras.Model, addresses: Sequence[str], cuts: Collection[str], whole: bool
) -> tuple[LiveGraph, list[Tensor]]:
    opened = Opened(model)
    graph = opened.graph
    tensors = [_tensor(opened, address) for address in addresses]
    opened.reach(tensors)
    complete = {address: tensor for address, tensor in zip(addresses, tensors, strict=True) if whole or address in cuts}
    around = {graph.scopes[scope].layer for tensor in complete.values() for scope in opened.around(tensor)}
    if not whole:
        opened.exports = tuple(dict.fromkeys(tensors))
        inner = [next(opened.around(tensor)) for tensor in tensors]
        if len(set(inner)) == 1 and len(complete) < len(set(addresses)):
            around.clear()  # All lie in one body: what comes after them need not be called again.
    opened.strict = lambda path: whole and path in around
    layers = keras_internals.all_layers(model)
    with Transaction(layers):
        built, exported = opened.build()
        for tensor, value in zip(opened.exports, exported, strict=True):
            if isinstance(value, Stuck):
                raise OpaqueBody(f"{graph.address(tensor.call)} cannot be called again: {value.reason}")
        if built is None:
            raise OpaqueBody(f"what {model.name} returns cannot be called again: {opened.incomplete}")
        for layer, reason in opened.stuck.items():
            if layer in around:
                raise OpaqueBody(f"what follows the cut inside {layer} cannot be called again: {reason}")
        live = LiveGraph(built)
        found = []
        for address, tensor in zip(addresses, tensors, strict=True):
            here = opened.tensor_in(live, tensor)
            if here is None:
                raise OpaqueBody(f"{address} reaches no output of {model.name!r}, so nothing can be cut there")
            found.append(here)
        live.declared = len(live.graph.outputs) - sum(isinstance(one, keras.KerasTensor) for one in exported)
        live.incomplete = opened.incomplete
        live.keep_masks()
        return live, found


def _tensor(opened: Opened, address: str) -> Tensor:
    """The tensor that an address names: of a call, or of a scope, which need not be opened then."""
    graph = opened.graph
    address = canonical(graph, address)
    tensor = resolve_tensor(graph, address)
    call = resolve_call(graph, address)
    if call in graph.scopes and call != ROOT:
        return Tensor(call, graph.scopes[call].outputs.index(tensor))
    if len(parse(address).parts) > tensor.call.count("/") + 1:
        owner = graph.layer(tensor.call)
        because = owner.definition.opaque_because
        raise OpaqueBody(
            f"{address} lies in {graph.address(tensor.call)}, a {owner.class_name}, whose inside cannot be seen"
            f"{f' ({because})' if because else ''}: cut at what it receives or returns"
        )
    return tensor


def original_outputs(live: LiveGraph) -> list[Tensor]:
    """The outputs of a model, without what `reach` has added to them.

    Raises:
        OpaqueBody: they cannot be called again.
    """
    if live.incomplete is not None:
        raise OpaqueBody(f"what {live.model.name} returns cannot be called again: {live.incomplete}")
    return list(live.graph.outputs)[: live.declared]
