"""Whether a cut separates the inputs of a model from its outputs, and if not, what bypasses it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass

from graphlint.model.expand import MASK_ARGUMENTS
from graphlint.model.graph import Tensor
from graphlint.replay.live_graph import LiveGraph


@dataclass(frozen=True, slots=True)
class Boundary:
    """What a cut leaves open."""

    live: frozenset[str]
    """Calls between the cut and the outputs."""
    side_tensors: tuple[Tensor, ...]
    """Tensors from outside that calls after the cut receive, or that are outputs themselves."""
    side_masks: tuple[Tensor, ...]
    """Side tensors that are received only as masks."""
    _: KW_ONLY
    leaking_inputs: tuple[str, ...]
    """Inputs of the model that reach the outputs without passing the cut."""
    idle: tuple[Tensor, ...]
    """Cut tensors that no output depends on."""


def boundary(live: LiveGraph, cuts: Sequence[Tensor], outputs: Iterable[Tensor]) -> Boundary:
    """Find what bypasses a cut, in time linear in the number of calls."""
    outputs = list(outputs)
    given = set(cuts)
    received = {call: _received(live, call) for call in live.graph.calls}
    needed = _needed(received, given, outputs)
    behind: set[str] = set()
    for call in live.graph.calls:
        if call in needed and any(tensor in given or tensor.call in behind for _, tensor in received[call]):
            behind.add(call)
    side: dict[Tensor, bool] = {}
    used = set(outputs)
    for call in live.graph.calls:
        if call in behind:
            for name, tensor in received[call]:
                if tensor in given:
                    used.add(tensor)
                elif tensor.call not in behind:
                    side[tensor] = side.get(tensor, True) and name in MASK_ARGUMENTS
    for tensor in outputs:
        if tensor not in given and tensor.call not in behind:
            side[tensor] = False
    order = sorted(side, key=lambda tensor: (live.position[tensor.call], tensor.output))
    return Boundary(
        frozenset(behind),
        tuple(tensor for tensor in order if not side[tensor]),
        tuple(tensor for tensor in order if side[tensor]),
        leaking_inputs=tuple(one for one in live.graph.inputs if one in needed),
        idle=tuple(tensor for tensor in cuts if tensor not in used),
    )


def _received(live: LiveGraph, call: str) -> list[tuple[str, Tensor]]:
    if not live.is_input(call):
        return live.arguments(call).tensors
    bound = live.binding(call)
    found = [("0", bound)] if isinstance(bound, Tensor) else []
    scope = live.parent[call]
    if scope in live.parent:
        found += [(name, tensor) for name, tensor in live.arguments(scope).tensors if name == "mask"]
    return found


def _needed(received: dict[str, list[tuple[str, Tensor]]], given: set[Tensor], outputs: list[Tensor]) -> set[str]:
    needed: set[str] = set()
    stack = [tensor for tensor in outputs if tensor not in given]
    while stack:
        call = stack.pop().call
        if call not in needed:
            needed.add(call)
            stack.extend(tensor for _, tensor in received[call] if tensor not in given)
    return needed
