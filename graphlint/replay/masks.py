"""Masks that travel with tensors and are no arguments: where they are, and who would miss them behind a cut."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import keras

from graphlint import keras_internals
from graphlint.graph.model_graph import Tensor
from graphlint.replay.domains import Symbolic
from graphlint.replay.interpreter import Environment, Interpreter
from graphlint.replay.live_graph import LiveGraph, call_parameters
from graphlint.replay.plan import Planner
from graphlint.replay.rebuild import fresh_input
from graphlint.replay.transaction import Transaction


def carries_masks(live: LiveGraph) -> bool:
    """Whether any layer of a model can attach a mask to a tensor."""
    return any(_attaches_mask(layer.obj) for layer in live.graph.layers.values() if layer.obj is not None)


def _attaches_mask(operation: Any) -> bool:
    if isinstance(operation, keras.layers.Masking) or getattr(operation, "mask_zero", False):
        return True
    cls = type(operation)
    own = getattr(cls, "compute_mask", None) is not keras.Layer.compute_mask
    return own and isinstance(operation, keras.Layer) and not cls.__module__.startswith("keras.")


def attached_masks(live: LiveGraph) -> dict[Tensor, Any]:
    """The tensors to which a mask is attached at run time, with the symbolic mask.

    The model is replayed with every container opened, since a container does not tell of masks on what it returns;
    the nodes that this makes are taken back.
    """
    if not carries_masks(live):
        return {}
    plan = Planner(live, inline_all=True).plan(live.graph.outputs)
    environment: Environment = {Tensor(unit, 0): fresh_input(live.operation(unit)) for unit in live.graph.inputs}
    with Transaction(live.operations(), keep=False):
        Interpreter(live, Symbolic(infer=True)).run(plan, environment)
    found = {tensor: keras_internals.mask_of(value) for tensor, value in environment.items()}
    return {tensor: mask for tensor, mask in found.items() if mask is not None}


def needs_mask(live: LiveGraph, tensor: Tensor, masks: Collection[Tensor], behind: Collection[str]) -> bool:
    """Whether a call behind the cut sees the mask that is attached to a cut tensor."""
    return any(True for _ in mask_readers(live, tensor, masks, behind))


def mask_readers(live: LiveGraph, tensor: Tensor, masks: Collection[Tensor], behind: Collection[str]) -> Iterable[str]:
    """The calls behind a cut that see the mask attached to a tensor, itself or passed on by calls between."""
    if tensor not in masks:
        return
    consumers = _consumers(live, behind)
    seen: set[str] = set()
    stack = [tensor]
    while stack:
        carried = stack.pop()
        for call, argument in consumers.get(carried, ()):
            if call in seen:
                continue
            if live.is_input(call) or not _reads(live, call, argument):
                seen.add(call)
            else:
                seen.add(call)
                yield call
            stack.extend(output for output in live.outputs(call) if output in masks)


def reads_mask_unasked(live: LiveGraph, call: str) -> bool:
    """Whether a call can see a mask only as an attribute of its tensor: code of its own, and no mask argument."""
    operation = live.operation(call)
    takes = any(name == "mask" or name.endswith("_mask") for name in call_parameters(operation))
    return not takes and _is_code(operation)


def _reads(live: LiveGraph, call: str, argument: str) -> bool:
    operation = live.operation(call)
    parameters = list(call_parameters(operation))
    chosen = live.arguments(call).kwargs
    position = int(argument) if argument.isdecimal() else None
    name = parameters[position] if position is not None and position < len(parameters) else argument
    if f"{name}_mask" in parameters:
        return f"{name}_mask" not in chosen
    if "mask" in parameters and parameters[0] == name:
        return "mask" not in chosen
    return _is_code(operation)


def _is_code(operation: Any) -> bool:
    """Whether a layer is somebody's code with sublayers, or a model, inside which the mask may be read."""
    if not isinstance(operation, keras.Layer) or keras_internals.graph_model(operation) is not None:
        return False
    return not type(operation).__module__.startswith("keras.")


def _consumers(live: LiveGraph, behind: Collection[str]) -> dict[Tensor, list[tuple[str, str]]]:
    found: dict[Tensor, list[tuple[str, str]]] = {}
    for call in live.graph.calls:
        if call not in behind:
            continue
        if live.is_input(call):
            bound = live.binding(call)
            if isinstance(bound, Tensor):
                found.setdefault(bound, []).append((call, "0"))
            continue
        for argument, tensor in live.arguments(call).tensors:
            found.setdefault(tensor, []).append((call, argument))
    return found
