"""What depends on one layer, variable, call or tensor: what changes with it, and what stops training without it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graphlint.model.address import ROOT
from graphlint.model.graph import ModelGraph, ModelNode, Tensor
from graphlint.questions.training import Begun, in_order, size, trainings


@dataclass(frozen=True, slots=True)
class ModelImpact:
    """What one model has to do with a part.

    ``calls`` are the addresses of its calls whose results change with the part, of ``all_calls``; ``outputs`` those of
    its outputs that do, of ``all_outputs``. ``losses`` says how many of these outputs a compiled model trains on (all
    of them, for what is known). ``trains`` counts the parameters of the part that it trains, ``cut_off`` the other
    parameters that it trains and that would reach none of its outputs any more.
    """

    name: str
    calls: tuple[str, ...]
    all_calls: int
    outputs: tuple[str, ...]
    all_outputs: int
    losses: int
    trains: int
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
        trained = [one for one in self.models if one.trains]
        if trained:
            lines.append("  frozen, it stops training:")
            lines += [f"    {one.name + ': ' if one.name else ''}{one.trains:,} parameters" for one in trained]
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


def impact(graph: ModelGraph, node: str | Tensor) -> Impact:
    """What depends on a node of a graph, of one model or of several."""
    start = node.call if isinstance(node, Tensor) else node
    kind, layer = _kind(graph, node)
    starts = list(_starts(graph, start))
    held = {one.id for path in [layer] for one in graph.variables_below(path)} if kind in ("layer", "model") else set()
    if start in graph.variables:
        held = {start}
    reached = graph.descendants([*starts, *held])
    changed = [call for call in graph.calls if call in reached]
    models = []
    lost: dict[str, None] = {}
    for training in trainings(graph):
        member = training.member
        calls = _calls(graph, member)
        mine = [call for call in calls if call in reached]
        outputs = _outputs(graph, member)
        changing = [tensor for tensor in outputs if tensor.call in reached]
        whole = graph.ancestors({tensor.call for tensor in outputs})
        kept = graph.ancestors({tensor.call for tensor in outputs if tensor.call not in reached})
        cut = [one for one in in_order(graph, training.variables) if one in whole and one not in kept | held]
        lost |= dict.fromkeys(cut)
        compiled = training.begun is not Begun.NEVER
        if mine or held & training.variables:
            models.append(
                ModelImpact(
                    member.name if graph.several else "",
                    tuple(graph.address(call) for call in mine),
                    len(calls),
                    tuple(graph.address(tensor) for tensor in changing),
                    len(outputs),
                    len(changing) if compiled else 0,
                    size(graph, held & training.variables),
                    size(graph, cut),
                )
            )
    sites = {graph.member_of(call).name for call in changed if call in starts or graph.calls[call].layer == layer}
    holders = [one.name for one in graph.members_with(layer)] if layer in graph.layers else []
    shared_by = [one.name for one in graph.members if one.name in sites or one.name in holders]
    return Impact(
        graph.address(node),
        kind,
        graph.layers[layer].class_name,
        size(graph, held),
        tuple(shared_by) if graph.several else (),
        tuple(models),
        tuple(lost),
        tuple(one.path for one in graph.opaque_layers),
    )


def _kind(graph: ModelGraph, node: str | Tensor) -> tuple[str, str]:
    """What a node is, in one word, and the layer there."""
    if isinstance(node, Tensor):
        return "tensor", graph.calls[node.call].layer
    if node in graph.variables:
        return "variable", graph.variables[node].layer
    if node in graph.calls:
        return "call", graph.calls[node].layer
    if node in graph.scopes and node != ROOT and node not in graph.layers:
        return "call", graph.scopes[node].layer
    return ("model" if graph.layers[node].is_model else "layer"), node


def _starts(graph: ModelGraph, node: str) -> Iterable[str]:
    """The nodes from which influence is followed: a layer with all inside, and a scope with all calls inside."""
    if node in graph.layers:
        inside = {layer.path for layer in graph.layers_below(node)}
        yield from inside
        yield from (call for call, one in graph.calls.items() if one.layer in inside)
        for scope in graph.container_calls(node):
            yield from _inside(graph, scope)
    elif node in graph.scopes:
        yield from _inside(graph, node)
    else:
        yield node


def _inside(graph: ModelGraph, scope: str) -> Iterable[str]:
    """The calls in a scope, but for its Inputs, which are what it receives."""
    from graphlint.model.address import inside

    prefix = inside(scope)
    return (call for call in graph.calls if call.startswith(prefix) and not graph.layer(call).is_input)


def _calls(graph: ModelGraph, member: ModelNode) -> list[str]:
    if not graph.several:
        return list(graph.calls)
    return [call for call in graph.calls if graph.member_of(call) is member]


def _outputs(graph: ModelGraph, member: ModelNode) -> list[Tensor]:
    if not graph.several:
        return graph.outputs
    return [tensor for tensor in graph.outputs if graph.member_of(tensor.call) is member]
