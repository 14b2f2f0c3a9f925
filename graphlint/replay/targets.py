"""Addresses as arguments of the surgery functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphlint.errors import AddressError, OpaqueBody
from graphlint.model.address import parse
from graphlint.model.graph import Tensor
from graphlint.model.resolve import resolve_call, resolve_layer, resolve_tensor
from graphlint.replay.live_graph import LiveGraph


def addresses(value: str | Sequence[str], argument: str) -> list[str]:
    """One address or several, as a list.

    Raises:
        AddressError: there is none, or something in the list is not a string.
    """
    found: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
    for one in found:
        if not isinstance(one, str):
            raise AddressError(
                f"expected addresses such as 'encoder/dense' in {argument}=, got {type(one).__name__} {one!r}: "
                "pass strings"
            )
    if not found:
        raise AddressError(f"expected at least one address in {argument}=, got none: name a tensor, such as 'dense'")
    return found


def tensor_at(live: LiveGraph, address: str) -> Tensor:
    """The tensor that an address names.

    Raises:
        AddressError: it matches none, or more than one.
        OpaqueBody: it leads into an opaque layer.
    """
    tensor = resolve_tensor(live.graph, address)
    depth = len(parse(address).parts)
    if resolve_call(live.graph, address).count("/") + 1 < depth <= tensor.call.count("/") + 1:
        owner = live.graph.layers[resolve_layer(live.graph, address.rpartition("/")[0])]
        raise OpaqueBody(
            f"{address} lies in {owner.path}, a {owner.class_name}, which is opaque: cut at what it receives or returns"
        )
    if depth > tensor.call.count("/") + 1:
        owner = live.graph.layer(tensor.call)
        raise OpaqueBody(
            f"{address} lies in {live.graph.address(tensor.call)}, a {owner.class_name}, which is opaque: cut at "
            "what it receives or returns"
        )
    scopes = [*live.enclosing(tensor)][::-1]
    for scope in scopes[: depth - 1]:
        if not live.runs_its_graph(scope):
            raise OpaqueBody(
                f"{address} lies in {live.graph.address(scope)}, which has its own call(), so its graph is not what "
                "runs: cut at what it receives or returns"
            )
    return tensor
