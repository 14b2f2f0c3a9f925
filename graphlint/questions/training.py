"""Which model of a graph trains which variables, and what two models of one graph share.

When Keras reads the ``trainable`` flags depends on the backend (`FlagsRead`), but nowhere does ``compile`` read them.
What a model trains is known for sure once it has begun, by what its optimizer was built for; before, it is what the
flags say now.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Set
from dataclasses import dataclass
from enum import StrEnum

from graphlint.model.definition import FlagsRead
from graphlint.model.graph import ModelGraph, ModelNode, Tensor
from graphlint.questions.gradients import gradient_reach
from graphlint.questions.losses import adds_loss, stock_model, with_losses


class Begun(StrEnum):
    """How a model trains."""

    NEVER = "is not compiled"
    LATER = "has not begun"
    """Compiled; its flags are read on the first batch."""
    NOW = "has begun"
    """Its optimizer was built for certain variables, and trains no others."""
    OWN = "has its own training step"
    """Which variables it trains is known only where its optimizers are built."""


@dataclass(frozen=True, slots=True)
class Training:
    """What one model trains: the ids of the variables, and how far that has come."""

    member: ModelNode
    begun: Begun
    variables: frozenset[str]
    flags_read: FlagsRead = FlagsRead.ONCE
    steps: int = 0

    @property
    def known(self) -> bool:
        """Whether it trains these variables and no others, when it trains."""
        return self.begun is not Begun.OWN or bool(self.variables)


def trainings(graph: ModelGraph) -> list[Training]:
    """What each model of a graph trains, in the order of ``graph.members``."""
    found = _known.get(graph)
    if found is None:
        found = _known[graph] = [_training(graph, member) for member in graph.members]
    return found


_known: weakref.WeakKeyDictionary[ModelGraph, list[Training]] = weakref.WeakKeyDictionary()


def _training(graph: ModelGraph, member: ModelNode) -> Training:
    state = member.definition.training
    built = frozenset() if state is None else state.built_for
    ids = frozenset(graph.variable_of[key] for key in built if key in graph.variable_of)
    own = not stock_model(graph.layers[member.layer]) if state is None else state.own_step
    if own:
        return Training(member, Begun.OWN if member.compiled or ids else Begun.NEVER, ids)
    if not member.compiled:
        return Training(member, Begun.NEVER, frozenset())
    if state is not None and state.begun:
        return Training(member, Begun.NOW, ids, state.flags_read, state.steps)
    return Training(member, Begun.LATER, flagged(graph, member))


def flagged(graph: ModelGraph, member: ModelNode) -> frozenset[str]:
    """The variables that a model would train as the flags are now."""
    if not graph.layers[member.layer].trainable:
        return frozenset()
    return frozenset(one.id for one in graph.variables_below(member.layer) if one.trainable)


def held(graph: ModelGraph, member: ModelNode) -> frozenset[str]:
    """The variables of a model."""
    return frozenset(one.id for one in graph.variables_below(member.layer))


def outputs_of(graph: ModelGraph, member: ModelNode) -> list[Tensor]:
    """The outputs of one model of a graph, in its order."""
    return _divided(graph)[1].get(member.scope, [])


def calls_in(graph: ModelGraph, member: ModelNode) -> list[str]:
    """The calls of one model of a graph, in the order in which they run."""
    return _divided(graph)[0].get(member.scope, [])


def _divided(graph: ModelGraph) -> tuple[dict[str, list[str]], dict[str, list[Tensor]]]:
    """The calls and the outputs of each of several models, by its scope."""
    found = _parts.get(graph)
    if found is None:
        calls: dict[str, list[str]] = {}
        outputs: dict[str, list[Tensor]] = {}
        for call in graph.calls:
            calls.setdefault(graph.member_of(call).scope, []).append(call)
        for tensor in graph.outputs:
            outputs.setdefault(graph.member_of(tensor.call).scope, []).append(tensor)
        found = _parts[graph] = calls, outputs
    return found


_parts: weakref.WeakKeyDictionary[ModelGraph, tuple[dict[str, list[str]], dict[str, list[Tensor]]]]
_parts = weakref.WeakKeyDictionary()


def with_loss(graph: ModelGraph, training: Training) -> list[Tensor]:
    """The outputs that a compiled model trains on; all of them where its losses cannot be told."""
    if training.begun is Begun.NEVER:
        return []
    outputs = outputs_of(graph, training.member)
    known = None if training.begun is Begun.OWN else with_losses(graph, training.member, outputs)
    return outputs if known is None else known


def learning(graph: ModelGraph, training: Training, without: Set[str] = frozenset()) -> frozenset[str]:
    """The variables that a model trains and that one of its losses reaches; of no call in ``without``.

    What a training step of its own does with them is not known: then they are those from which an output can be
    computed, or all if nothing is left out.
    """
    member, ends = training.member, with_loss(graph, training)
    kept = [tensor for tensor in ends if tensor.call not in without]
    if training.begun is Begun.OWN:
        used = graph.ancestors({tensor.call for tensor in ends})
        return training.variables - (used - graph.ancestors({tensor.call for tensor in kept}))
    losses = {tensor.call for effect in graph.effects if effect.kind == "loss" for tensor in effect.tensors}
    calls = [call for call in calls_in(graph, member) if call not in without]
    reached = gradient_reach(graph, kept, [call for call in calls if call in losses or _adds_loss(graph, call)])
    return frozenset(one for one in training.variables if _penalised(graph, one) or _called_in(graph, one, reached))


def _adds_loss(graph: ModelGraph, call: str) -> bool:
    """Whether a call adds a loss of its own, or code in it may that cannot be seen."""
    layer = graph.layer(call)
    return layer.config.get("activity_regularizer") is not None or adds_loss(layer)


def _penalised(graph: ModelGraph, variable: str) -> bool:
    """Whether a regularizer on a variable adds to the loss, wherever it is called."""
    key = f"{graph.variables[variable].slot}_regularizer"
    return any(graph.layers[one].config.get(key) is not None for one in graph.holders(variable))


def _called_in(graph: ModelGraph, variable: str, calls: Set[str]) -> bool:
    if any(call in calls for call in graph.read_by.get(variable, ())):
        return True
    return any(call in calls for layer in graph.held_by[variable] for call in graph.call_sites(layer))


def moved_statistics(graph: ModelGraph, training: Training) -> frozenset[str]:
    """The moving averages that a model updates when it trains: those of normalisations that run as in training."""
    if training.begun is Begun.NEVER or not graph.layers[training.member.layer].trainable:
        return frozenset()
    moving: set[str] = set()
    for call in calls_in(graph, training.member):
        layer = graph.layer(call)
        if layer.traits.batch_statistics and layer.trainable and not runs_in_inference(graph, call):
            moving.update(one.id for one in graph.variables_of(layer.path) if one.slot.startswith("moving_"))
    return frozenset(moving)


def runs_in_inference(graph: ModelGraph, call: str) -> bool:
    """Whether a call has ``training=False`` whatever the model does, by itself or from a call around it."""
    fixed = graph.calls[call].kwargs.get("training")
    scope: str | None = graph.calls[call].scope
    while not isinstance(fixed, bool) and scope in graph.scopes:
        fixed = graph.scopes[scope].kwargs.get("training")
        scope = graph.scopes[scope].parent
    return fixed is False


@dataclass(frozen=True, slots=True)
class Changed:
    """Flags that no longer agree with what a model trains, which has begun.

    ``frozen`` are variables that it was to train and that are frozen now, ``thawed`` those that it does not train
    although they are trainable now; both without those whose flags are for another model, which needs them frozen or
    trains them. Where flags are read on each step, freezing does what it says, and is not among them.
    """

    frozen: tuple[str, ...]
    thawed: tuple[str, ...]


def changed(graph: ModelGraph, training: Training) -> Changed:
    """The flags that changed to no effect after a model began to train, but for those set for another model."""
    if training.begun is not Begun.NOW:
        return Changed((), ())
    now = flagged(graph, training.member)
    mine = held(graph, training.member)
    others = [one for one in trainings(graph) if one is not training and one.begun is not Begun.NEVER]
    purpose = frozenset[str]().union(
        *(held(graph, one.member) - one.variables for one in others),
    )
    trained = frozenset[str]().union(
        *(one.variables if one.known else held(graph, one.member) for one in others),
    )
    return Changed(
        in_order(graph, (training.variables & mine) - now - purpose) if _read_late(training) else (),
        in_order(graph, now - training.variables - trained),
    )


def _read_late(training: Training) -> bool:
    return training.flags_read is not FlagsRead.EACH_STEP


def in_order(graph: ModelGraph, ids: Iterable[str]) -> tuple[str, ...]:
    """Variables in graph order."""
    wanted = set(ids)
    return tuple(one for one in graph.variables if one in wanted)


def size(graph: ModelGraph, ids: Iterable[str]) -> int:
    """How many parameters some variables have together."""
    return sum(graph.variables[one].size for one in ids)


def owners(graph: ModelGraph, ids: Iterable[str]) -> list[str]:
    """The outermost layers below the models that hold nothing but these variables, in graph order.

    So that many variables are named by few layers. Variables that are left over are named by the layer that holds them.
    """
    wanted = set(ids)
    whole = _nested(graph)
    roots = {member.layer for member in graph.members} - whole
    found: list[str] = []
    covered: set[str] = set()
    waiting: list[str] = list(reversed(list(dict.fromkeys(member.layer for member in graph.members))))
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        inside = [one.id for one in graph.variables_below(path)] if path not in roots else []
        if inside and all(one in wanted for one in inside):
            if not covered.issuperset(inside):
                found.append(path)
                covered.update(inside)
            continue
        if any(one.id in wanted and one.id not in covered for one in graph.variables_of(path)):
            found.append(path)
            covered.update(one.id for one in graph.variables_of(path))
        waiting += reversed(graph.children.get(path, []))
    return found


def _nested(graph: ModelGraph) -> set[str]:
    """The models of a graph that others contain, whole."""
    return {member.layer for member in graph.members if len(graph.members_with(member.layer)) > 1}


def shared(graph: ModelGraph) -> dict[str, list[ModelNode]]:
    """The variables that several models hold, with the models, in graph order.

    Two names for one object are two models.
    """
    found = {}
    for one in graph.variables:
        members = graph.members_with(one)
        if len(members) > 1:
            found[one] = members
    return found


def named(members: Iterable[ModelNode]) -> str:
    """The names of models, for a sentence."""
    names = [one.name for one in members]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def stopped(graph: ModelGraph, training: Training) -> dict[str, tuple[str, ...]]:
    """The variables that a model does not train because another needs them frozen: by the name of that other one.

    That is so where it was compiled while they were trainable, the other one while they were frozen, they are frozen
    now, and its flags are not read yet, or are read again; or where they were read while everything was frozen. A
    release of Keras that does not record the flags of the last ``compile`` says it only of a model that is frozen as a
    whole.
    """
    state = training.member.definition.training
    if state is None or state.own_step or not training.member.compiled:
        return {}
    if training.begun is Begun.NOW and training.variables and training.flags_read is FlagsRead.ONCE:
        return {}
    now = flagged(graph, training.member) if training.variables else frozenset[str]()
    lost = {one for one in held(graph, training.member) - now if _was_trainable(graph, training.member, one)}
    found: dict[str, tuple[str, ...]] = {}
    for other in trainings(graph):
        if other.begun not in (Begun.LATER, Begun.NOW) or other.member.layer == training.member.layer:
            continue
        mine = held(graph, other.member)
        frozen = {one for one in lost & mine - other.variables if not _was_trainable(graph, other.member, one, False)}
        if frozen:
            found[other.member.name] = in_order(graph, frozen)
            lost -= frozen
    return found


def _was_trainable(graph: ModelGraph, member: ModelNode, variable: str, unknown: bool | None = None) -> bool:
    """Whether a variable was trainable in a model when that was compiled; ``unknown`` if Keras does not record it."""
    state = member.definition.training
    obj = graph.variables[variable].obj
    if state is None or id(obj) not in state.learnable:
        return False
    if not state.flags:
        return not graph.layers[member.layer].trainable if unknown is None else unknown
    holders = [graph.layers[path].obj for path in graph.holders(variable)]
    root = state.flags.get(id(graph.layers[member.layer].obj), True)
    return root and all(state.flags.get(id(one), True) for one in holders)


def explained(graph: ModelGraph, member: ModelNode) -> bool:
    """Whether the flags of a model that trains say another thing than what it trains, and all for another model."""
    training = next(one for one in trainings(graph) if one.member is member)
    if training.begun is not Begun.NOW or not training.variables:
        return False
    left = changed(graph, training)
    return not left.frozen and not left.thawed and flagged(graph, member) != training.variables


def trained_nevertheless(graph: ModelGraph) -> bool:
    """Whether a model in memory goes on training variables that are frozen now: its flags were read for good."""
    state = graph.definition.training
    return state is not None and state.begun and bool(state.built_for) and state.flags_read is FlagsRead.ONCE
