"""Addresses as arguments of the surgery functions."""

from __future__ import annotations

from collections.abc import Sequence

from graphlint.address import AddressError
from graphlint.graph.model_graph import Tensor
from graphlint.graph.resolve import resolve_tensor
from graphlint.replay.live_graph import LiveGraph


def addresses(value: str | Sequence[str], argument: str) -> list[str]:
    """One address or several, as a list.

    Raises:
        AddressError: there is none, or something in the list is no string.
    """
    found = [value] if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else [value]
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
        AddressError: it names none, or more than one.
        OpaqueBody: it leads into a body that cannot be seen.
    """
    return resolve_tensor(live.graph, address)
