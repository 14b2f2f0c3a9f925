"""What has to run: the calls between given tensors and required ones, and how each container on the way runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from graphlint.errors import OpaqueBody
from graphlint.model.address import ROOT
from graphlint.model.graph import Tensor
from graphlint.replay.live_graph import LiveGraph


class Mode(Enum):
    """How one call of a container runs."""

    WHOLE = "whole"
    """The container itself is called: nothing inside it changes."""
    NESTED = "nested"
    """A new model replaces it, under its name, with those of its calls that are needed."""
    INLINE = "inline"
    """Its calls run in the enclosing scope."""


@dataclass(slots=True)
class Plan:
    """The part of one scope that runs."""

    scope: str
    mode: Mode
    wanted: tuple[Tensor, ...]
    """Tensors from inside that are needed outside, or required."""
    steps: list[str | Plan] = field(default_factory=list)
    """Calls, and plans of containers, in graph order."""
    inputs: list[str] = field(default_factory=list)
    """Inputs of the scope that are needed, in declared order."""
    taken: list[Tensor] = field(default_factory=list)
    """Given tensors that something inside receives, in graph order."""
    changes: list[tuple[str, object]] = field(default_factory=list)
    """Units below the scope that are changed, and what changes them."""

    def plans(self) -> Iterable[Plan]:
        """This plan and every plan below it."""
        stack = [self]
        while stack:
            plan = stack.pop()
            yield plan
            stack.extend(step for step in plan.steps if isinstance(step, Plan))


class Planner:
    """Plans a replay.

    ``given`` are tensors whose values are there already and always win. ``touched`` are units whose replay differs from
    their call, with what distinguishes one change from another: the containers around them are opened. ``inline`` are
    paths of containers to run in the enclosing scope, ``opened`` paths of containers to rebuild although nothing in
    them changes, without outputs that nothing needs if ``prune`` is set; with ``whole`` every container is called
    whole.
    """

    def __init__(
        self,
        live: LiveGraph,
        given: Collection[Tensor] = (),
        *,
        touched: Mapping[str, object] | None = None,
        inline: Collection[str] = (),
        inline_all: bool = False,
        opened: Collection[str] = (),
        keep_outputs: bool = False,
        prune: bool = False,
        whole: bool = False,
    ) -> None:
        self.live = live
        self.given = frozenset(given)
        self.inline, opened = set(inline), set(opened)
        self.inline_all = inline_all
        self.keep_outputs = keep_outputs
        self.prune = prune
        self.whole = whole
        self.open_scopes = {scope for tensor in self.given for scope in live.enclosing(tensor)}
        self.edited_scopes: set[str] = set()
        self.changes: dict[str, list[tuple[str, object]]] = {}
        for unit, change in (touched or {}).items():
            scope = live.parent[unit]
            while scope != ROOT:
                self.edited_scopes.add(scope)
                self.changes.setdefault(scope, []).append((unit[len(scope) + 1 :], change))
                scope = live.parent[scope]
        for scope in live.graph.scopes:
            if live.graph.scopes[scope].layer in opened:
                while scope != ROOT:
                    self.edited_scopes.add(scope)
                    scope = live.parent[scope]
        self._computable: set[str] | None = None

    def plan(self, wanted: Iterable[Tensor]) -> Plan:
        """Plan the replay that computes the required tensors."""
        plan = self._plan(ROOT, Mode.INLINE, tuple(dict.fromkeys(wanted)))
        if self.inline_all:
            return plan
        while True:
            more = _differing_containers(self.live, plan) - self.inline
            if not more:
                return plan
            self.inline |= more
            plan = self._plan(ROOT, Mode.INLINE, plan.wanted)

    def _plan(self, scope: str, mode: Mode, wanted: tuple[Tensor, ...]) -> Plan:
        live = self.live
        plan = Plan(scope, mode, wanted)
        pending: dict[str, dict[Tensor, None]] = {}
        taken: set[Tensor] = set()

        def need(tensor: Tensor) -> None:
            if tensor in self.given:
                taken.add(tensor)
            else:
                pending.setdefault(live.unit_in(scope, tensor), {})[tensor] = None

        for tensor in wanted:
            need(tensor)
        inputs = set(live.graph.scopes[scope].inputs)
        needed_inputs = set()
        for unit in reversed(live.units[scope]):
            if unit not in pending:
                continue
            if live.is_scope(unit):
                inner = self._plan_container(unit, tuple(sorted(pending[unit], key=self._order)))
                if inner.mode is Mode.WHOLE:
                    for _, tensor in live.arguments(unit).tensors:
                        need(tensor)
                else:
                    taken.update(inner.taken)
                    for tensor in self._outer_tensors(inner):
                        need(tensor)
                plan.steps.append(inner)
            else:
                plan.steps.append(unit)
                if unit in inputs:
                    needed_inputs.add(unit)
                else:
                    for _, tensor in live.arguments(unit).tensors:
                        need(tensor)
        plan.steps.reverse()
        plan.inputs = [one for one in dict.fromkeys(live.graph.scopes[scope].inputs) if one in needed_inputs]
        plan.taken = sorted(taken, key=self._order)
        plan.changes = self.changes.get(scope, [])
        return plan

    def _order(self, tensor: Tensor) -> tuple[int, int]:
        return self.live.position[tensor.call], tensor.output

    def _plan_container(self, unit: str, wanted: tuple[Tensor, ...]) -> Plan:
        live = self.live
        outputs = live.outputs(unit)
        inside = not set(wanted) <= set(outputs)
        concerned = inside or unit in self.open_scopes or unit in self.edited_scopes
        if not live.runs_its_graph(unit):
            if inside:
                raise OpaqueBody(
                    f"{live.graph.address(unit)} has its own call(), so nothing inside it can be reached: "
                    "cut at its inputs or outputs"
                )
            return Plan(unit, Mode.WHOLE, wanted)
        if self.whole:
            return Plan(unit, Mode.WHOLE, wanted)
        inline = self.inline_all or live.graph.scopes[unit].layer in self.inline
        mode = Mode.INLINE if inline else Mode.NESTED
        if not concerned and not inline and self._arguments_computable(unit):
            return Plan(unit, Mode.WHOLE, wanted)
        if self.keep_outputs:
            wanted = tuple(dict.fromkeys((*outputs, *wanted)))
        plan = self._plan(unit, mode, wanted)
        all_inputs = len(plan.inputs) == len(set(live.graph.scopes[unit].inputs))
        if not inline and not inside and not plan.taken and unit not in self.edited_scopes and all_inputs:
            return Plan(unit, Mode.WHOLE, wanted)
        if not self.prune and not inside and not set(outputs) <= set(wanted):
            # Prefer the container's own signature if all of its outputs come at no further cost.
            full = self._plan(unit, mode, tuple(dict.fromkeys((*outputs, *wanted))))
            if full.inputs == plan.inputs and full.taken == plan.taken:
                return full
        return plan

    def _outer_tensors(self, plan: Plan) -> Iterable[Tensor]:
        live = self.live
        bindings = (live.binding(one) for one in plan.inputs)
        yield from (tensor for tensor in bindings if isinstance(tensor, Tensor))
        # A mask passed to the container explicitly.
        kept = {tensor for one in plan.inputs if isinstance(tensor := live.binding(one), Tensor)}
        for name, tensor in live.arguments(plan.scope).tensors:
            if name == "mask" and tensor not in kept and plan.inputs:
                yield tensor

    def _arguments_computable(self, unit: str) -> bool:
        if not self.given:
            return True
        if self._computable is None:
            self._computable = self._find_computable()
        return all(
            tensor in self.given or tensor.call in self._computable for _, tensor in self.live.arguments(unit).tensors
        )

    def _find_computable(self) -> set[str]:
        """Calls that need no model input other than the given ones."""
        live = self.live
        found: set[str] = set()
        roots = set(live.graph.inputs)
        for call in live.graph.calls:
            if live.is_input(call):
                bound = live.binding(call)
                tensors = [bound] if isinstance(bound, Tensor) else []
            else:
                tensors = [tensor for _, tensor in live.arguments(call).tensors]
            if call not in roots and all(tensor in self.given or tensor.call in found for tensor in tensors):
                found.add(call)
        return found


def _differing_containers(live: LiveGraph, plan: Plan) -> set[str]:
    """Paths of containers that would be in the result in more than one form.

    Their layers would belong to two models at once, which Keras saves but cannot load.
    """
    forms: dict[str, set[object]] = {}
    for one in plan.plans():
        forms.setdefault(live.graph.scopes[one.scope].layer, set()).add(form(one))
    return {layer for layer, found in forms.items() if len(found) > 1}


def form(plan: Plan) -> object:
    """What two calls of a container must have in common to be calls of one rebuilt container."""
    if plan.mode is Mode.WHOLE:
        return plan.mode
    prefix = len(plan.scope) + 1

    def relative(tensor: Tensor) -> tuple[str, int]:
        return tensor.call[prefix:], tensor.output

    return (
        tuple(sorted(relative(tensor) for tensor in plan.wanted)),
        tuple(relative(tensor) for tensor in plan.taken),
        tuple(one[prefix:] for one in plan.inputs),
        frozenset(plan.changes),
    )
