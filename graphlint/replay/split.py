"""Cut a model in two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import keras

from graphlint.errors import ReplayError, UnboundedCut
from graphlint.knowledge import keras_internals
from graphlint.model.address import ROOT, parse
from graphlint.model.graph import Tensor
from graphlint.replay.attached_masks import (
    attached_masks,
    changes_masks_unseen,
    mask_readers,
    masks_at_run_time,
    reads_mask_unasked,
)
from graphlint.replay.boundary import Boundary, boundary
from graphlint.replay.interpreter import Environment, Interpreter
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.plan import Plan, Planner
from graphlint.replay.reaching import reach
from graphlint.replay.rebuild import (
    Rebuild,
    build_model,
    declared_inputs,
    declared_outputs,
    in_structure,
    input_like,
    root_inputs,
    step_names,
    unique,
)
from graphlint.replay.targets import addresses
from graphlint.replay.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Cut:
    """A tensor to cut at, and its name."""

    tensor: Tensor
    name: str


@dataclass(frozen=True, slots=True)
class Frontier:
    """A cut that separates inputs from outputs: its tensors, and which of them carry a mask to the other side."""

    cuts: tuple[Cut, ...]
    masked: tuple[Cut, ...]
    attached: tuple[Cut, ...]
    """Those of ``masked`` whose mask is read from the tensor itself."""
    _: KW_ONLY
    explicit: bool
    """Whether masks can be passed as arguments to all others that read them."""
    masks: frozenset[Tensor]
    """Every tensor of the model to which a mask is attached."""


Weights = Literal["share", "copy"]


def owned(model: keras.Model, weights: Weights) -> keras.Model:
    """A model itself where the result shares its layers, or a copy.

    Raises:
        ReplayError: ``weights`` is something else.
        CannotClone: a layer cannot be copied.
    """
    if weights not in ("share", "copy"):
        raise ReplayError(f"expected share or copy for weights=, got {weights!r}")
    if weights == "share":
        return model
    from graphlint.replay.clone import clone

    return clone(model)


def split(
    model: keras.Model, at: str | Sequence[str], *, complete: bool = False, weights: Weights = "share"
) -> tuple[keras.Model, keras.Model]:
    """Cut a model at one or several tensors into a head and a tail, so that ``tail(head(x))`` equals ``model(x)``.

    The layers are shared with the model, which does not change: training a half trains the model. The head has the
    inputs of the model and returns the cut tensors in the order of ``at``; the tail takes them and returns the outputs
    of the model. A mask that crosses the cut becomes a boolean tensor after the others.

    Args:
        model: any model with a known call; one that is code is opened, as are custom layers with an address inside.
        at: addresses of tensors, at any depth.
        complete: add the tensors that bypass the cut, after those of ``at``, instead of raising.
        weights: ``share`` the layers of the model, or ``copy`` them.

    Raises:
        UnboundedCut: tensors bypass the cut; names them and the model inputs they come from.
        AddressError: an address is malformed, unknown or ambiguous.
        OpaqueBody: something between is code that no graph can call; the message names it.

    >>> import keras
    >>> inputs = keras.Input((4,), name="x")
    >>> middle = keras.layers.Dense(3, name="middle")(inputs)
    >>> model = keras.Model(inputs, keras.layers.Dense(2, name="end")(middle))
    >>> head, tail = split(model, at=["middle"])
    >>> head.output_shape, tail.input_shape, [layer.name for layer in tail.layers]
    ((None, 3), (None, 3), ['middle', 'end'])
    """
    named = addresses(at, "at")
    model = owned(model, weights)
    live, tensors = reach(model, named, whole=True)
    cuts = [Cut(tensor, cut_name(address)) for tensor, address in zip(tensors, named, strict=True)]
    frontier = bound(live, cuts, live.graph.outputs, complete=complete)
    with Transaction(live.operations()):
        return _head(live, frontier), _tail(live, frontier)


def cut_name(address: str) -> str:
    """The name for the Input at an address: its last part, with the output index if one is given.

    >>> cut_name("encoder#1/dense"), cut_name("split:1")
    ('dense', 'split_1')
    """
    parsed = parse(address)
    name = parsed.parts[-1].name
    return name if parsed.output is None else f"{name}_{parsed.output}"


def bound(live: LiveGraph, cuts: Sequence[Cut], outputs: Sequence[Tensor], *, complete: bool) -> Frontier:
    """Make sure that cuts separate the inputs of a model from some outputs.

    Raises:
        UnboundedCut: they do not, and ``complete`` is False; or no output depends on them.
    """
    chosen = {cut.tensor: cut for cut in cuts}
    found = boundary(live, list(chosen), outputs)
    if any(live.graph.spec(tensor).dtype == "bool" for tensor in found.idle):
        # It may be a mask that Keras recorded automatically.
        live.keep_masks()
        found = boundary(live, list(chosen), outputs)
    if len(found.idle) == len(chosen):
        raise _unreached(live, list(chosen.values()))
    if found.leaking_inputs:
        if found.side_tensors and not complete:
            raise _unbounded(live, list(chosen.values()), found)
        for tensor in (*found.side_tensors, *found.side_masks):
            chosen[tensor] = Cut(tensor, cut_name(live.graph.address(tensor)))
        found = boundary(live, list(chosen), outputs)
    masks = attached_masks(live)
    readers = {cut: list(mask_readers(live, cut.tensor, masks, found.live)) for cut in chosen.values()}
    masked = tuple(cut for cut, calls in readers.items() if calls)
    unasked = tuple(cut for cut in masked if any(reads_mask_unasked(live, call) for call in readers[cut]))
    explicit = bool(masked) and not changes_masks_unseen(live, masks, found.live)
    if not explicit:
        at_run_time = masks_at_run_time(live, masks, found.live)
        unasked = tuple(cut for cut in masked if cut.tensor in at_run_time)
    return Frontier(tuple(chosen.values()), masked, unasked, explicit=explicit, masks=frozenset(masks))


def _unbounded(live: LiveGraph, cuts: list[Cut], found: Boundary) -> UnboundedCut:
    side = [live.graph.address(tensor) for tensor in found.side_tensors]
    inputs = [live.graph.address(one) for one in found.leaking_inputs]
    at = ", ".join(live.graph.address(cut.tensor) for cut in cuts)
    return UnboundedCut(
        f"the cut at {at} does not separate the outputs from the inputs: {', '.join(side)} "
        f"{'bypasses' if len(side) == 1 else 'bypass'} it, from the {'input' if len(inputs) == 1 else 'inputs'} "
        f"{', '.join(inputs)}: add {'it' if len(side) == 1 else 'them'} to the cut, or pass complete=True",
        side,
        inputs,
    )


def _unreached(live: LiveGraph, cuts: list[Cut]) -> UnboundedCut:
    at = ", ".join(live.graph.address(cut.tensor) for cut in cuts)
    return UnboundedCut(
        f"expected tensors that an output depends on, got {at}, from which no output is reached: cut elsewhere",
        [],
        [live.graph.address(one) for one in live.graph.inputs],
    )


def masked_containers(live: LiveGraph, frontier: Frontier) -> set[str]:
    """Containers to open because a mask has to be traced to its source: a container does not return masks."""
    if not frontier.masked:
        return set()
    return {live.graph.scopes[scope].layer for tensor in frontier.masks for scope in live.enclosing(tensor)}


def _head(live: LiveGraph, frontier: Frontier) -> keras.Model:
    domain = Rebuild(live, thread_masks=bool(frontier.masked))
    wanted = [cut.tensor for cut in frontier.cuts]
    plan = Planner(live, opened=masked_containers(live, frontier)).plan(wanted)
    environment = root_inputs(live)
    Interpreter(live, domain).run(plan, environment)
    outputs = [environment[tensor] for tensor in wanted]
    outputs += [keras_internals.mask_of(environment[cut.tensor]) for cut in frontier.masked]
    return finish(live, domain, plan, declared_root_inputs(live, environment), outputs, "head")


def _tail(live: LiveGraph, frontier: Frontier) -> keras.Model:
    inputs, environment, plan, domain = given_inputs(live, frontier, live.graph.outputs)
    Interpreter(live, domain).run(plan, environment)
    outputs = in_structure(live, ROOT, environment, declared_outputs(live, ROOT))
    return finish(live, domain, plan, inputs, outputs, "tail")


def declared_root_inputs(live: LiveGraph, environment: Environment) -> Any:
    """The new Inputs in the structure in which the model declares its own."""
    return in_structure(live, ROOT, environment, declared_inputs(live, ROOT))


def given_inputs(
    live: LiveGraph, frontier: Frontier, wanted: Sequence[Tensor]
) -> tuple[list[Any], Environment, Plan, Rebuild]:
    """The Inputs of the part after a cut, one per tensor and mask that crosses it, and the plan to run it."""
    domain = Rebuild(live, explicit_masks=frontier.explicit)
    plan = Planner(live, [cut.tensor for cut in frontier.cuts]).plan(wanted)
    names = step_names(live, plan)
    inputs, environment = [], {}
    for cut in frontier.cuts:
        symbol = live.symbol(cut.tensor)
        value = environment[cut.tensor] = input_like(symbol, unique(cut.name, names))
        inputs.append(value)
    for cut in frontier.masked:
        symbol = live.symbol(cut.tensor)
        mask = keras.Input(batch_shape=symbol.shape[:2], dtype="bool", name=unique(f"{cut.name}_mask", names))
        inputs.append(mask)
        if cut in frontier.attached:
            environment[cut.tensor] = domain.attach_mask(environment[cut.tensor], mask)
        else:
            keras_internals.set_mask(environment[cut.tensor], mask)
    return inputs, environment, plan, domain


def finish(live: LiveGraph, domain: Rebuild, plan: Plan, inputs: Any, outputs: Any, part: str) -> keras.Model:
    """Build the model of one part, with the trainable flag of the whole."""
    if isinstance(inputs, list) and len(inputs) == 1:
        inputs = inputs[0]
    if isinstance(outputs, list) and len(outputs) == 1:
        outputs = outputs[0]
    model = build_model(inputs, outputs, f"{live.model.name}_{part}", domain.known, len(live.graph.calls))
    keras_internals.set_own_trainable(model, live.model.trainable)
    return model
