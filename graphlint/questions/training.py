"""Which model of a graph trains which variables, and what two models of one graph share.

Keras reads the ``trainable`` flags when it makes the training function of a model, on the first batch, and not again
before the next ``compile`` (measured on Keras 3.15, TensorFlow). So what a model trains is known for sure once that
has happened, by what its optimizer was built for; before, it is what the flags say now.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from graphlint.model.graph import ModelGraph, ModelNode
from graphlint.questions.losses import stock_model


class Begun(StrEnum):
    """How a model trains."""

    NEVER = "is not compiled"
    LATER = "has not begun"
    """Compiled; its flags are read on the first batch."""
    NOW = "has begun"
    """Its optimizer was built: its training function goes on with these variables."""
    OWN = "has its own training step"
    """Which variables it trains is known only where its optimizers are built."""


@dataclass(frozen=True, slots=True)
class Training:
    """What one model trains: the ids of the variables, and how far that has come."""

    member: ModelNode
    begun: Begun
    variables: frozenset[str]

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
        return Training(member, Begun.NOW, ids)
    return Training(member, Begun.LATER, flagged(graph, member))


def flagged(graph: ModelGraph, member: ModelNode) -> frozenset[str]:
    """The variables that a model would train as the flags are now."""
    if not graph.layers[member.layer].trainable:
        return frozenset()
    return frozenset(one.id for one in graph.variables_below(member.layer) if one.trainable)


def held(graph: ModelGraph, member: ModelNode) -> frozenset[str]:
    """The variables of a model."""
    return frozenset(one.id for one in graph.variables_below(member.layer))


@dataclass(frozen=True, slots=True)
class Changed:
    """Flags that no longer agree with what a model trains, which has begun.

    ``frozen`` are variables that it trains although they are frozen now, ``thawed`` those that it does not train
    although they are trainable now; both without those whose flags are for another model, which needs them frozen or
    trains them.
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
        *(held(graph, one.member) - one.variables for one in others if one.begun is not Begun.OWN),
        *(held(graph, one.member) for one in others if one.begun is Begun.OWN),
    )
    trained = frozenset[str]().union(
        *(one.variables if one.known else held(graph, one.member) for one in others),
    )
    return Changed(
        in_order(graph, (training.variables & mine) - now - purpose),
        in_order(graph, now - training.variables - trained),
    )


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
    return {
        member.layer
        for member in graph.members
        if graph.layers[member.layer].aliases and len(graph.members_with(member.layer)) > 1
    }


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
    now, and its flags are not read yet; or where they were read while everything was frozen. A release of Keras that
    does not record the flags of the last ``compile`` says it only of a model that is frozen as a whole.
    """
    state = training.member.definition.training
    if state is None or state.own_step or not training.member.compiled:
        return {}
    if training.begun is Begun.NOW and training.variables:
        return {}
    now = frozenset[str]() if training.begun is Begun.NOW else flagged(graph, training.member)
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
    """Whether a model in memory goes on training variables that are frozen now: its flags were read before."""
    state = graph.definition.training
    return state is not None and state.begun and bool(state.built_for)
