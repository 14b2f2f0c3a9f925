"""What depends on one layer, variable, call or tensor: what changes with it, and what stops training without it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from graphlint.model.address import inside
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.questions.training import (
    Training,
    calls_in,
    in_order,
    learning,
    moved_statistics,
    outputs_of,
    size,
    trainings,
    with_loss,
)


@dataclass(frozen=True, slots=True)
class ModelImpact:
    """What one model has to do with a part.

    ``calls`` are the addresses of its calls whose results change with the part, of ``all_calls``; ``outputs`` those of
    its outputs that do, of ``all_outputs``. ``losses`` says on how many of these outputs it trains. ``trains`` counts
    the parameters of the part that it trains, ``statistics`` those that are moving averages and that it updates,
    ``cut_off`` the other parameters that it trains and that no loss would reach any more.
    """

    name: str
    calls: tuple[str, ...]
    all_calls: int
    outputs: tuple[str, ...]
    all_outputs: int
    losses: int
    trains: int
    statistics: int
    cut_off: int


@dataclass(frozen=True, slots=True)
class Impact:
    """What a part of a model, or of several, is for.

    ``parameters`` counts those of the part, ``shared_by`` names the models that hold or run it. ``models`` has each
    model in which anything changes when the part is retrained, replaced or quantized; when it is removed, the same
    calls cannot run, and the same outputs are lost. ``loses_training`` are the other variables that a model would no
    longer train then. ``opaque`` are layers whose inside cannot be seen: what depends on the part there is not
    known.
    """

    address: str
    kind: str
    class_name: str | None
    parameters: int
    shared_by: tuple[str, ...]
    models: tuple[ModelImpact, ...]
    loses_training: tuple[str, ...]
    opaque: tuple[str, ...]

    def __str__(self) -> str:
        kind = f"{self.kind}, {self.class_name}" if self.class_name else self.kind
        held = f"{', '.join(self.shared_by)}: " if len(self.shared_by) > 1 else ""
        lines = [f"{self.address} ({kind}): {held}{self.parameters:,} parameters"]
        if not self.models:
            lines.append("  nothing depends on it: no call receives it")
        else:
            lines.append("  retrained, replaced or quantized, it changes:")
        for one in self.models:
            where = f"{one.name}: " if one.name else ""
            outputs = f"{len(one.outputs)} of {one.all_outputs} outputs" + _listed(one.outputs)
            lines.append(f"    {where}{len(one.calls):,} of {one.all_calls:,} calls; {outputs}")
        trained = [one for one in self.models if one.trains or one.statistics]
        if trained:
            lines.append("  frozen, it stops training:")
            for one in trained:
                still = f" and {one.statistics:,} of statistics" if one.statistics else ""
                lines.append(f"    {one.name + ': ' if one.name else ''}{one.trains:,} parameters{still}")
        else:
            lines.append("  frozen, nothing changes: no model trains it")
        losing = [one for one in self.models if one.outputs or one.cut_off]
        if losing:
            lines.append("  removed, these are lost:")
        for one in losing:
            where = f"{one.name}: " if one.name else ""
            losses = f", and the loss on {one.losses} of them" if one.losses else ""
            cut = f"; {one.cut_off:,} other parameters stop training" if one.cut_off else ""
            lines.append(f"    {where}{len(one.outputs)} outputs{losses}{cut}")
        if self.opaque:
            lines.append(f"  not known inside: {', '.join(self.opaque[:5])}")
        return "\n".join(lines)


def _listed(addresses: tuple[str, ...]) -> str:
    if not addresses:
        return ""
    more = f" and {len(addresses) - 3} more" if len(addresses) > 3 else ""
    return f" ({', '.join(addresses[:3])}{more})"


class Effect(StrEnum):
    """What happens at a call if a part of a model is retrained, replaced, quantized or removed."""

    STOPS = "stops training"
    """Weights of its layer reach no output any more without the part."""
    OUTPUT = "output changes"
    CHANGES = "changes"


def impact(graph: ModelGraph, node: str | Tensor) -> Impact:
    """What depends on a node of a graph, of one model or of several."""
    part = _Part(graph, node)
    models = []
    lost: dict[str, None] = {}
    for training in trainings(graph):
        member = training.member
        calls = calls_in(graph, member)
        mine = [call for call in calls if call in part.reached]
        outputs = outputs_of(graph, member)
        changing = [tensor for tensor in outputs if tensor.call in part.reached]
        losses = [tensor for tensor in with_loss(graph, training) if tensor.call in part.reached]
        trained = part.held & learning(graph, training)
        still = part.held & moved_statistics(graph, training)
        cut = part.cut_off(training)
        lost |= dict.fromkeys(cut)
        if mine or trained:
            models.append(
                ModelImpact(
                    member.name if graph.several else "",
                    tuple(graph.address(call) for call in mine),
                    len(calls),
                    tuple(graph.address(tensor) for tensor in changing),
                    len(outputs),
                    len(losses),
                    size(graph, trained),
                    size(graph, still),
                    size(graph, cut),
                )
            )
    holders = {one.name for one in graph.members_with(part.start if part.kind == "variable" else part.layer)}
    holders |= {graph.member_of(call).name for call in part.starts if call in graph.calls}
    shared_by = [one.name for one in graph.members if one.name in holders]
    return Impact(
        graph.address(node),
        part.kind,
        graph.layers[part.layer].class_name,
        size(graph, part.held),
        tuple(shared_by) if graph.several else (),
        tuple(models),
        tuple(lost),
        tuple(one.path for one in graph.opaque_layers),
    )


def calls_of(graph: ModelGraph, node: str | Tensor) -> list[str]:
    """The calls that a node of a graph is, or is part of."""
    part = _Part(graph, node)
    if part.kind == "variable":
        holders = {graph.variables[part.start].layer, *graph.holders(part.start)}
        return [call for call, one in graph.calls.items() if one.layer in holders]
    return [call for call in graph.calls if call in part.starts]


def effects(graph: ModelGraph, node: str | Tensor) -> list[tuple[str, Effect]]:
    """What happens at which calls of a graph, in its order; a call may have two effects."""
    part = _Part(graph, node)
    outputs = {tensor.call for tensor in graph.outputs}
    stopping: set[str] = set()
    for training in trainings(graph):
        lost = part.cut_off(training)
        holders = {holder for one in lost for holder in (graph.variables[one].layer, *graph.holders(one))}
        stopping |= {call for call in calls_in(graph, training.member) if graph.calls[call].layer in holders}
    found = []
    for call in graph.calls:
        if call in stopping:
            found.append((call, Effect.STOPS))
        if call in part.reached:
            found.append((call, Effect.OUTPUT if call in outputs else Effect.CHANGES))
    return found


class _Part:
    """A node of a graph, with what belongs to it and what it reaches."""

    def __init__(self, graph: ModelGraph, node: str | Tensor) -> None:
        self.graph = graph
        self.start = node.call if isinstance(node, Tensor) else node
        self.kind, self.layer = _kind(graph, node)
        self.starts = dict.fromkeys(_starts(graph, self.start))
        self.held: set[str] = set()
        if self.kind in ("layer", "model"):
            self.held = {one.id for one in graph.variables_below(self.layer)}
        elif self.kind == "variable":
            self.held = {self.start}
        self.reached = graph.descendants([*self.starts, *self.held])

    def cut_off(self, training: Training) -> tuple[str, ...]:
        """The other variables that a model trains and that no loss reaches without the part."""
        rest = learning(self.graph, training, self.reached)
        return in_order(self.graph, learning(self.graph, training) - rest - self.held)


def _kind(graph: ModelGraph, node: str | Tensor) -> tuple[str, str]:
    """What a node is, in one word, and the layer there."""
    if isinstance(node, Tensor):
        return "tensor", graph.calls[node.call].layer
    if node in graph.variables:
        return "variable", graph.variables[node].layer
    if node in graph.calls:
        return "call", graph.calls[node].layer
    if node not in graph.layers:
        return "call", graph.scopes[node].layer
    return ("model" if graph.layers[node].is_model else "layer"), node


def _starts(graph: ModelGraph, node: str) -> Iterable[str]:
    """The nodes from which influence is followed: a layer with all inside, and a scope with all calls inside.

    The Inputs of a model are what it receives, and not of it.
    """
    if node in graph.layers:
        layers = {layer.path for layer in graph.layers_below(node) if layer.path == node or not layer.is_input}
        yield from layers
        yield from (call for call, one in graph.calls.items() if one.layer in layers)
    elif node in graph.scopes:
        yield from _inside(graph, node)
    else:
        yield node


def _inside(graph: ModelGraph, scope: str) -> Iterable[str]:
    """The calls in a scope, but for its Inputs."""
    prefix = inside(scope)
    return (call for call in graph.calls if call.startswith(prefix) and not graph.layer(call).is_input)
