"""Rebuild models from symbolic tensors: names stay, layers are shared, containers keep their place."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras

from graphlint import keras_internals
from graphlint.graph.model_graph import Tensor
from graphlint.replay.domains import Symbolic
from graphlint.replay.errors import NameCollision
from graphlint.replay.interpreter import Environment, Interpreter, proceed, with_training
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.plan import Mode, Plan, form


class Rebuild(Symbolic):
    """The symbolic domain of one surgery, which also rebuilds the containers on its way."""

    def __init__(self, live: LiveGraph, *, infer: bool = False, explicit_masks: bool = False) -> None:
        super().__init__(infer=infer, explicit_masks=explicit_masks)
        self.live = live
        self.known = {id(operation) for operation in live.operations()}
        self.rebuilt: dict[object, Any] = {}
        """What a container became, by layer path and form."""

    def container(self, walk: Interpreter, plan: Plan, environment: Environment, context: Mapping[str, Any]) -> None:
        live = self.live
        scope = live.graph.scopes[plan.scope]
        key = (scope.layer, form(plan))
        model = self.rebuilt.get(key)
        if model is None:
            model = self.rebuilt[key] = self._build_container(walk, plan)
        arguments = live.arguments(plan.scope)
        args, kwargs = walk.fill_in(plan.scope, arguments, _available(live, plan, environment))
        if plan.taken or len(plan.inputs) < len(set(scope.inputs)):
            bound = [live.binding(one) for one in plan.inputs]
            values = [environment[one] if isinstance(one, Tensor) else one for one in bound]
            values += [environment[tensor] for tensor in plan.taken]
            if kwargs.get("mask") is not None:
                by_input = dict(zip(scope.inputs, keras.tree.flatten(kwargs["mask"]), strict=False))
                masks = [by_input.get(one) for one in plan.inputs] + [None] * len(plan.taken)
                kwargs["mask"] = masks if len(values) > 1 else masks[0]
            args = (values if len(values) > 1 else values[0],)
        kwargs = with_training(model, kwargs, context.get("training"))
        hook = walk.hooks.get(plan.scope)
        if hook is None:
            outputs = self.call(plan.scope, model, args, kwargs, None)
        else:
            outputs = hook(model, args, kwargs, proceed(self, plan.scope))
        walk.store(_returned(live, plan), outputs, environment)

    def _build_container(self, walk: Interpreter, plan: Plan) -> Any:
        live = self.live
        container = live.operation(plan.scope)
        environment: Environment = {}
        names = step_names(live, plan)
        inputs = {}
        for unit in plan.inputs:
            environment[Tensor(unit, 0)] = inputs[unit] = fresh_input(walk.operation(unit))
            names.add(live.operation(unit).name)
        taken = []
        for tensor in plan.taken:
            environment[tensor] = input_like(live.symbol(tensor), unique(live.operation(tensor.call).name, names))
            taken.append(environment[tensor])
        walk.run(plan, environment)
        if not taken and len(inputs) == len(set(live.graph.scopes[plan.scope].inputs)):
            declared: Any = in_structure(live, plan.scope, environment, declared_inputs(live, plan.scope))
        else:
            declared = [*inputs.values(), *taken]
            declared = declared if len(declared) > 1 else declared[0]
        if returns_all(live, plan):
            outputs = in_structure(live, plan.scope, environment, declared_outputs(live, plan.scope))
        else:
            outputs = [environment[tensor] for tensor in plan.wanted]
        model = build_model(declared, outputs, container.name, self.known, len(plan.steps))
        model.dtype_policy = container.dtype_policy
        keras_internals.set_own_trainable(model, container.trainable)
        return model


def _available(live: LiveGraph, plan: Plan, environment: Environment) -> Environment:
    """The environment, with nothing in place of arguments that a partial container does not receive."""
    missing = [tensor for _, tensor in live.arguments(plan.scope).tensors if tensor not in environment]
    return {**environment, **dict.fromkeys(missing)} if missing else environment


def returns_all(live: LiveGraph, plan: Plan) -> bool:
    """Whether a rebuilt container returns exactly what the container does."""
    return set(plan.wanted) == set(live.outputs(plan.scope))


def _returned(live: LiveGraph, plan: Plan) -> tuple[Tensor, ...]:
    return live.outputs(plan.scope) if returns_all(live, plan) else plan.wanted


def declared_inputs(live: LiveGraph, scope: str) -> Any:
    """The Inputs of a scope in their declared structure, as the tensors of the original model."""
    return keras_internals.declared_inputs(_graph_of(live, scope))


def declared_outputs(live: LiveGraph, scope: str) -> Any:
    """The outputs of a scope in their declared structure, as the tensors of the original model."""
    return keras_internals.declared_outputs(_graph_of(live, scope))


def _graph_of(live: LiveGraph, scope: str) -> Any:
    return keras_internals.graph_model(live.graph.layers[live.graph.scopes[scope].layer].obj)


def in_structure(live: LiveGraph, scope: str, environment: Environment, structure: Any) -> Any:
    """A structure of tensors of the original model with their values."""
    symbols = live.symbols[scope]
    return keras.tree.map_structure(lambda symbol: environment[symbols[id(symbol)]], structure)


def step_names(live: LiveGraph, plan: Plan) -> set[str]:
    """Names of the layers that run in one model: the steps of a plan and of what is inlined into it."""
    names = set()
    stack = [plan]
    while stack:
        for step in stack.pop().steps:
            if isinstance(step, Plan) and step.mode is Mode.INLINE:
                stack.append(step)
            else:
                names.add(live.operation(step.scope if isinstance(step, Plan) else step).name)
    return names


def fresh_input(operation: Any) -> Any:
    """A new Input with the specs and name of an InputLayer."""
    return fresh_input_layer(operation).output


def fresh_input_layer(operation: Any) -> Any:
    """A new InputLayer like another one."""
    layer = type(operation).from_config(operation.get_config())
    keras_internals.set_own_trainable(layer, operation.trainable)
    return layer


def input_like(symbol: Any, name: str, *, dtype: str | None = None) -> Any:
    """A new Input for a tensor."""
    return keras.Input(batch_shape=symbol.shape, dtype=dtype or symbol.dtype, sparse=symbol.sparse, name=name)


def unique(name: str, taken: set[str]) -> str:
    """The name, or the name with ``_input`` or a number where a layer of the model has it; adds it to ``taken``."""
    number, found = 0, name
    while found in taken:
        found = f"{name}_input_{number}" if number else f"{name}_input"
        number += 1
    taken.add(found)
    return found


def build_model(
    inputs: Any, outputs: Any, name: str | None, known: Collection[int], depth: int, cls: Any = keras.Model
) -> Any:
    """A Functional model from symbolic tensors.

    Operations made on the way (``known`` holds the ``id`` of all others) give up a name that is taken.

    Raises:
        NameCollision: two layers of the user have one name.
    """
    with _recursion_limit(2 * depth), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return cls(inputs, outputs, name=name)
        except ValueError as error:
            if "All operation names should be unique" not in str(error):
                raise
        _rename_made_operations(inputs, outputs, known)
        return cls(inputs, outputs, name=name)


def _rename_made_operations(inputs: Any, outputs: Any, known: Collection[int]) -> None:
    reached: dict[int, Any] = {}
    seen = set()
    stack = [*keras.tree.flatten(outputs), *keras.tree.flatten(inputs)]
    while stack:
        made = keras_internals.producer(stack.pop())
        if made is not None and id(made[0]) not in seen:
            seen.add(id(made[0]))
            operation = keras_internals.node_operation(made[0])
            reached[id(operation)] = operation
            stack.extend(keras_internals.node_inputs(made[0]))
    names: set[str] = set()
    for key, operation in sorted(reached.items(), key=lambda item: item[0] not in known):
        if operation.name not in names:
            names.add(operation.name)
        elif key in known:
            raise NameCollision(
                f"two layers named {operation.name!r} would be in one model: give one of them another name, or cut so "
                "that they stay in different models"
            )
        else:
            number = 1
            while f"{operation.name}_{number}" in names:
                number += 1
            operation.name = f"{operation.name}_{number}"
            names.add(operation.name)


@contextmanager
def _recursion_limit(needed: int) -> Iterator[None]:
    """Room for Keras, which walks the graph of a new model recursively."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, needed + 1000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
