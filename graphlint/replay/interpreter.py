"""The interpreter: runs a plan over a live graph in one value domain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import keras

from graphlint.errors import ShapeMismatch
from graphlint.knowledge import keras_internals
from graphlint.model.graph import Tensor
from graphlint.replay.live_graph import Arguments, LiveGraph, call_parameters
from graphlint.replay.plan import Mode, Plan

Environment = dict[Tensor, Any]
Proceed = Callable[[Any, tuple[Any, ...], dict[str, Any]], list[Any]]
Hook = Callable[[Any, tuple[Any, ...], dict[str, Any], Proceed], list[Any]]
"""Runs instead of a call: receives the operation, its arguments, and the function that runs a call as it was."""


class Domain(Protocol):
    """What values are: symbolic tensors, arrays, specs."""

    def call(
        self, unit: str, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], recorded: Any
    ) -> list[Any]:
        """Run one call and return its outputs, flat. ``recorded`` is the node, None if the call was changed."""

    def bind(self, operation: Any, value: Any) -> Any:
        """A value as the Input of an opened container returns it: its dtype, its rank."""

    def attach_mask(self, value: Any, mask: Any) -> Any:
        """The value with a mask attached."""

    def container(self, walk: Interpreter, plan: Plan, environment: Environment, context: Mapping[str, Any]) -> None:
        """Run a container that is rebuilt under its own name, and store its required outputs."""


@dataclass(slots=True)
class _Frame:
    steps: Iterator[str | Plan]
    context: dict[str, Any]
    """Call arguments that a container passes to everything inside it: ``training``."""


class Interpreter:
    """Walks the calls of a plan in graph order. A value that is already in the environment always wins.

    ``hooks`` run instead of single units; ``operations`` replaces layers, by the ``id`` of the one replaced.
    """

    def __init__(
        self,
        live: LiveGraph,
        domain: Domain,
        *,
        hooks: Mapping[str, Hook] | None = None,
        operations: Mapping[int, Any] | None = None,
    ) -> None:
        self.live = live
        self.domain = domain
        self.hooks = hooks or {}
        self.operations = operations or {}

    def run(self, plan: Plan, environment: Environment, context: Mapping[str, Any] | None = None) -> None:
        """Run a plan; ``environment`` holds the given values and receives the others."""
        frames = [_Frame(iter(plan.steps), dict(context or {}))]
        while frames:
            frame = frames[-1]
            step = next(frame.steps, None)
            if step is None:
                frames.pop()
            elif isinstance(step, str):
                self._call(step, environment, frame.context)
            elif step.mode is Mode.WHOLE:
                self._unit(step.scope, environment, frame.context)
            elif step.mode is Mode.NESTED:
                self.domain.container(self, step, environment, frame.context)
            else:
                frames.append(_Frame(iter(step.steps), self.inner_context(step, environment, frame.context)))

    def _call(self, unit: str, environment: Environment, context: Mapping[str, Any]) -> None:
        if not self.live.is_input(unit):
            self._unit(unit, environment, context)
            return
        tensor = Tensor(unit, 0)
        hook = self.hooks.get(unit)
        if tensor not in environment:
            bound = self.live.binding(unit)
            value = environment[bound] if isinstance(bound, Tensor) else plain(bound)
            value = self.domain.bind(self.operation(unit), value)
            mask = context.get("masks", {}).get(unit)
            environment[tensor] = value if mask is None else self.domain.attach_mask(value, mask)
        if hook is not None:
            (environment[tensor],) = hook(self.operation(unit), (environment[tensor],), {}, _passed_on)

    def _unit(self, unit: str, environment: Environment, context: Mapping[str, Any]) -> None:
        live = self.live
        operation = self.operation(unit)
        arguments = live.arguments(unit)
        args, kwargs = self.fill_in(unit, arguments, environment)
        kwargs = with_training(operation, kwargs, context.get("training"))
        hook = self.hooks.get(unit)
        if hook is None:
            recorded = live.node(unit) if operation is live.operation(unit) else None
            outputs = self.domain.call(unit, operation, args, kwargs, recorded)
        else:
            outputs = hook(operation, args, kwargs, proceed(self.domain, unit))
            self.require_outputs(unit, live.outputs(unit), outputs)
        self.store(live.outputs(unit), outputs, environment)

    def require_outputs(self, unit: str, tensors: tuple[Tensor, ...], values: list[Any]) -> None:
        """Check that what ran instead of a unit returned every tensor that something receives.

        Raises:
            ShapeMismatch: one is missing.
        """
        graph = self.live.graph
        for index, tensor in enumerate(tensors[len(values) :], len(values)):
            if self._leaves(unit, tensor):
                address = graph.address(unit)
                raise ShapeMismatch(
                    f"{address} returned {len(tensors)} tensors and would return {len(values)}, but {address}:{index} "
                    "is used: give it a layer with as many outputs, or change what receives them first"
                )

    def _leaves(self, unit: str, tensor: Tensor) -> bool:
        """Whether a tensor is received or returned outside of a unit."""
        graph, inside = self.live.graph, f"{unit}/"
        outside = (name for name in graph.scopes if name != unit and not name.startswith(inside))
        return any(not edge.target.startswith(inside) for edge in graph.consumers(tensor)) or any(
            tensor in graph.scopes[name].outputs for name in outside
        )

    @staticmethod
    def store(tensors: tuple[Tensor, ...], values: list[Any], environment: Environment) -> None:
        """Store what a unit returned; a value that is there already wins."""
        for tensor, value in zip(tensors, values, strict=False):
            environment.setdefault(tensor, value)

    def operation(self, unit: str) -> Any:
        """The layer that runs as a unit, after replacement."""
        operation = self.live.operation(unit)
        return self.operations.get(id(operation), operation)

    def fill_in(
        self, unit: str, arguments: Arguments, environment: Environment
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a unit with the values of its tensors."""
        symbols = self.live.symbols[self.live.parent[unit]]
        if not arguments.kwargs and len(arguments.args) == 1:
            only = arguments.args[0]
            if isinstance(only, keras.KerasTensor):
                return (environment[symbols[id(only)]],), {}

        def fill(leaf: Any) -> Any:
            return environment[symbols[id(leaf)]] if isinstance(leaf, keras.KerasTensor) else leaf

        args, kwargs = keras.tree.map_structure(fill, (arguments.args, arguments.kwargs))
        return tuple(args), kwargs

    def inner_context(self, plan: Plan, environment: Environment, context: Mapping[str, Any]) -> dict[str, Any]:
        """What an inlined container passes inward: ``training``, and masks passed to it by its Inputs."""
        live = self.live
        kwargs = live.arguments(plan.scope).kwargs
        inner: dict[str, Any] = {}
        training = context.get("training")
        inner["training"] = kwargs.get("training") if training is None else training
        if kwargs.get("mask") is not None:
            symbols = live.symbols[live.parent[plan.scope]]
            masks = [
                environment[symbols[id(one)]] if isinstance(one, keras.KerasTensor) else one
                for one in keras.tree.flatten(kwargs["mask"])
            ]
            inner["masks"] = {
                unit: mask
                for unit, mask in zip(live.graph.scopes[plan.scope].inputs, masks, strict=False)
                if mask is not None
            }
        return inner


def proceed(domain: Domain, unit: str) -> Proceed:
    """The function that a hook runs a call with."""

    def run(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        return domain.call(unit, operation, args, kwargs, None)

    return run


def _passed_on(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    return [args[0]]


def with_training(operation: Any, kwargs: dict[str, Any], training: Any) -> dict[str, Any]:
    """The keyword arguments with what the container says about ``training``, which overrides the call's own."""
    if training is None or not isinstance(operation, keras.Layer):
        return kwargs
    if "training" in call_parameters(operation) or keras_internals.tracked_layers(operation):
        return {**kwargs, "training": training}
    return kwargs


def plain(bound: Any) -> Any:
    """What an Input is bound to that is no tensor of the graph: the array of a `Constant`, or nothing."""
    return getattr(bound, "obj", bound)
