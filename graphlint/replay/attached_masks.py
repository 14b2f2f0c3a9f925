"""Masks that travel with tensors and are not arguments: where they are, and who would miss them after a cut."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import keras

from graphlint.knowledge import keras_internals
from graphlint.knowledge.origin import is_live_keras_class
from graphlint.model.address import ROOT
from graphlint.model.expand import expand
from graphlint.model.graph import Tensor
from graphlint.model.masks import still_masked
from graphlint.replay.domains import Symbolic
from graphlint.replay.interpreter import Environment, Interpreter
from graphlint.replay.live_graph import LiveGraph, call_parameters, filled_masks
from graphlint.replay.plan import Planner
from graphlint.replay.rebuild import fresh_input
from graphlint.replay.transaction import Transaction
from graphlint.sources.live import read_live


def carries_masks(live: LiveGraph) -> bool:
    """Whether any layer of a model can attach a mask to a tensor."""
    return any(_attaches_mask(layer.obj) for layer in live.graph.layers.values())


def _attaches_mask(operation: Any) -> bool:
    if isinstance(operation, keras.layers.Masking) or getattr(operation, "mask_zero", False):
        return True
    cls = type(operation)
    own = getattr(cls, "compute_mask", None) is not keras.Layer.compute_mask
    return own and isinstance(operation, keras.Layer) and not is_live_keras_class(cls)


def attached_masks(live: LiveGraph) -> dict[Tensor, Any]:
    """The tensors to which a mask is attached at run time, with the symbolic mask.

    The model is replayed with every container opened, since a container does not show the masks on what it returns; the
    nodes that this adds are removed again.
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
    """Whether a call after the cut reads the mask that is attached to a cut tensor."""
    return any(True for _ in mask_readers(live, tensor, masks, behind))


def mask_readers(live: LiveGraph, tensor: Tensor, masks: Collection[Tensor], behind: Collection[str]) -> Iterable[str]:
    """The calls after a cut that read the mask attached to a tensor, directly or passed on by calls in between."""
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
            seen.add(call)
            if not live.is_input(call) and _reads(live, call, argument):
                yield call
            stack.extend(output for output in live.outputs(call) if output in masks)


def reads_mask_unasked(live: LiveGraph, call: str) -> bool:
    """Whether a call can read a mask as an attribute of its tensor alone: custom code without a mask argument, or with
    sublayers that its tensors reach."""
    operation = live.operation(call)
    takes = any(name == "mask" or name.endswith("_mask") for name in call_parameters(operation))
    return _is_code(operation) and (not takes or bool(keras_internals.tracked_layers(operation)))


def changes_masks_unseen(live: LiveGraph, masks: Collection[Tensor], behind: Collection[str]) -> bool:
    """Whether masks are attached and removed after a cut that the symbolic tensors there do not show.

    A container does not show the masks on what it returns, and MultiHeadAttention removes them from what it receives.
    """
    scopes = (scope for name, scope in live.graph.scopes.items() if name != ROOT)
    returned = any(tensor in masks and tensor.call in behind for scope in scopes for tensor in scope.outputs)
    return returned or _takes_masks_off(live)


def masks_at_run_time(live: LiveGraph, masks: Collection[Tensor], behind: Collection[str]) -> Collection[Tensor]:
    """The tensors that carry a mask before the part after a cut runs; symbolic ones may carry one that these do not."""
    return still_masked(expand(read_live(live.model)), behind) if _takes_masks_off(live) else masks


def _takes_masks_off(live: LiveGraph) -> bool:
    return any(isinstance(layer.obj, keras.layers.MultiHeadAttention) for layer in live.graph.layers.values())


def _reads(live: LiveGraph, call: str, argument: str) -> bool:
    """Whether a call sees the mask of the tensors in an argument: a position or a name."""
    operation = live.operation(call)
    arguments = live.arguments(call)
    received = arguments.args[int(argument)] if argument.isdecimal() else arguments.kwargs[argument]
    if any(masked is received for masked in filled_masks(operation, arguments.args, arguments.kwargs).values()):
        return True
    return _is_code(operation)


def _is_code(operation: Any) -> bool:
    """Whether a layer is custom code with sublayers, or a model, inside which the mask may be read."""
    if not isinstance(operation, keras.Layer) or keras_internals.graph_model(operation) is not None:
        return False
    return not is_live_keras_class(type(operation))


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
