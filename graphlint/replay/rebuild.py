"""Rebuild models from symbolic tensors: names are kept, layers are shared, containers keep their place."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

from graphlint.errors import NameCollision, ReplayError
from graphlint.knowledge import keras_internals
from graphlint.model.graph import Tensor
from graphlint.replay.domains import Symbolic, refused
from graphlint.replay.interpreter import Environment, Interpreter, plain, proceed, with_training
from graphlint.replay.live_graph import LiveGraph, chosen_kwargs
from graphlint.replay.plan import Mode, Plan, form


@dataclass(frozen=True, slots=True)
class _Rebuilt:
    """The rebuilt container. ``masked`` are the outputs whose masks it also returns, after all outputs."""

    model: Any
    source: str
    """The scope that it was rebuilt from."""
    masked: list[int]


class Rebuild(Symbolic):
    """The symbolic domain of one surgery, which also rebuilds the containers on its way.

    With ``thread_masks`` the masks that travel with tensors into and out of rebuilt containers become tensors that
    these receive and return, so that a mask can be traced to its source.
    """

    def __init__(
        self,
        live: LiveGraph,
        *,
        explicit_masks: bool = False,
        thread_masks: bool = False,
        keep_classes: bool = False,
    ) -> None:
        super().__init__(explicit_masks=explicit_masks)
        self.live = live
        self.thread_masks = thread_masks
        self.keep_classes = keep_classes
        self.known = {id(operation) for operation in live.operations()}
        self.rebuilt: dict[object, _Rebuilt] = {}
        """The rebuilt containers, by layer path, form and masks."""
        self.trace: dict[str, Any] = {}
        """The new node of each unit."""

    def call(
        self, unit: str, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], recorded: Any
    ) -> list[Any]:
        try:
            outputs = super().call(unit, operation, args, kwargs, recorded)
        except ReplayError:
            raise
        except Exception as error:
            raise refused(self.live.graph.address(unit), args, kwargs, error) from error
        made = keras_internals.producer(outputs[0]) if outputs else None
        if made is not None:
            self.trace[unit] = made[0]
        return outputs

    def container(self, walk: Interpreter, plan: Plan, environment: Environment, context: Mapping[str, Any]) -> None:
        live = self.live
        scope = live.graph.scopes[plan.scope]
        masks = self._masks_in(plan, environment)
        key = (scope.layer, form(plan), tuple(mask is not None for mask in masks))
        if key not in self.rebuilt:
            self.rebuilt[key] = self._build_container(walk, plan, masks)
        rebuilt = self.rebuilt[key]
        if rebuilt.source != plan.scope:
            made = {unit: node for unit, node in self.trace.items() if unit.startswith(f"{rebuilt.source}/")}
            self.trace |= {f"{plan.scope}{unit[len(rebuilt.source) :]}": node for unit, node in made.items()}
        arguments = live.arguments(plan.scope)
        args, kwargs = walk.fill_in(plan.scope, arguments, _available(live, plan, environment))
        crossing = [mask for mask in masks if mask is not None]
        if plan.taken or crossing or len(plan.inputs) < len(set(scope.inputs)):
            bound = [live.binding(one) for one in plan.inputs]
            values = [environment[one] if isinstance(one, Tensor) else plain(one) for one in bound]
            values += [*(environment[tensor] for tensor in plan.taken), *crossing]
            if kwargs.get("mask") is not None:
                by_input = dict(zip(scope.inputs, keras.tree.flatten(kwargs["mask"]), strict=False))
                explicit = [by_input.get(one) for one in plan.inputs] + [None] * (len(values) - len(plan.inputs))
                kwargs["mask"] = explicit if len(values) > 1 else explicit[0]
            kwargs.pop("inputs", None)
            args = (values if len(values) > 1 else values[0],)
        kwargs = with_training(rebuilt.model, kwargs, context.get("training"))
        hook = walk.hooks.get(plan.scope)
        if hook is None:
            outputs = self.call(plan.scope, rebuilt.model, args, kwargs, None)
        else:
            outputs = hook(rebuilt.model, args, kwargs, proceed(self, plan.scope))
        returned = _returned(live, plan)
        if hook is not None:
            walk.require_outputs(plan.scope, returned, outputs)
        walk.store(returned, outputs, environment)
        for index, mask in zip(rebuilt.masked, outputs[len(returned) :], strict=False):
            keras_internals.set_mask(environment[returned[index]], mask)

    def _masks_in(self, plan: Plan, environment: Environment) -> list[Any]:
        """The mask on what each Input of a container receives, if masks are passed through; else None."""
        bound = [self.live.binding(one) for one in plan.inputs]
        values = [environment[one] if isinstance(one, Tensor) else None for one in bound]
        return [keras_internals.mask_of(value) if self.thread_masks and value is not None else None for value in values]

    def _build_container(self, walk: Interpreter, plan: Plan, masks: list[Any]) -> _Rebuilt:
        live = self.live
        container = live.operation(plan.scope)
        environment: Environment = {}
        names = step_names(live, plan)
        inputs = []
        for unit in plan.inputs:
            environment[Tensor(unit, 0)] = fresh_input(walk.operation(unit))
            inputs.append(environment[Tensor(unit, 0)])
            names.add(live.operation(unit).name)
        extra = []
        for tensor in plan.taken:
            environment[tensor] = input_like(live.symbol(tensor), unique(live.operation(tensor.call).name, names))
            extra.append(environment[tensor])
        for symbol, mask in zip(inputs, masks, strict=True):
            if mask is not None:
                extra.append(input_like(mask, unique(f"{symbol.name}_mask", names)))
                keras_internals.set_mask(symbol, extra[-1])
        if not extra and len(inputs) == len(set(live.graph.scopes[plan.scope].inputs)):
            declared: Any = in_structure(live, plan.scope, environment, declared_inputs(live, plan.scope))
        else:
            declared = [*inputs, *extra]
            declared = declared if len(declared) > 1 else declared[0]
        walk.run(plan, environment)
        returned = [environment[tensor] for tensor in _returned(live, plan)]
        if not returns_all(live, plan):
            received = {id(symbol) for symbol in (*inputs, *extra)}
            returned = [_passed_on(value) if id(value) in received else value for value in returned]
        found = [keras_internals.mask_of(value) if self.thread_masks else None for value in returned]
        masked = [index for index, mask in enumerate(found) if mask is not None]
        if masked:
            outputs: Any = [*returned, *(found[index] for index in masked)]
        elif returns_all(live, plan):
            outputs = in_structure(live, plan.scope, environment, declared_outputs(live, plan.scope))
        else:
            outputs = returned
        model = build_like(container, declared, outputs, self.known, len(plan.steps), keep_class=self.keep_classes)
        return _Rebuilt(model, plan.scope, masked)


def _available(live: LiveGraph, plan: Plan, environment: Environment) -> Environment:
    """The environment, without the arguments that a partial container does not receive."""
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
    if hasattr(operation, "optional"):
        layer.optional = operation.optional  # Keras 3.8 does not write it to any configuration.
    keras_internals.set_own_trainable(layer, operation.trainable)
    return layer


def root_inputs(live: LiveGraph) -> Environment:
    """New Inputs to replace those of a model, with their names and specs."""
    return {Tensor(unit, 0): fresh_input(live.operation(unit)) for unit in dict.fromkeys(live.graph.inputs)}


def input_like(symbol: Any, name: str, *, dtype: str | None = None) -> Any:
    """A new Input for a tensor."""
    kind = {"ragged": True} if getattr(symbol, "ragged", False) else {"sparse": keras_internals.is_sparse(symbol)}
    return keras.Input(batch_shape=_true_shape(symbol), dtype=dtype or symbol.dtype, name=name, **kind)


def _true_shape(symbol: Any) -> tuple[int | None, ...]:
    """The shape of a tensor, except of attention scores, whose last axis Keras records with the length of the query."""
    made = keras_internals.producer(symbol)
    if (
        made is None
        or made[1] != 1
        or not isinstance(
            keras_internals.node_operation(made[0]), (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)
        )
    ):
        return tuple(symbol.shape)
    return (*symbol.shape[:-1], None)


def unique(name: str, taken: set[str]) -> str:
    """The name, or the name with ``_input`` or a number if a layer of the model has it; adds it to ``taken``."""
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

    Operations created on the way (``known`` holds the ``id`` of all others) are renamed if their name is taken.

    Raises:
        NameCollision: two layers of the user have one name.
    """
    with _recursion_limit(2 * depth), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return cls(inputs, outputs, name=name)
        except ValueError as error:
            if "`inputs` not connected to `outputs`" in str(error):
                outputs = _connect(inputs, outputs)
            elif "All operation names should be unique" in str(error):
                _rename_made_operations(inputs, outputs, known)
            else:
                raise
        try:
            return cls(inputs, outputs, name=name)
        except ValueError as error:
            if "All operation names should be unique" not in str(error):
                raise
            _rename_made_operations(inputs, outputs, known)
            return cls(inputs, outputs, name=name)


def _connect(inputs: Any, outputs: Any) -> Any:
    """The outputs of a model in which every Input has a consumer, as Keras 3.12 requires."""
    passed: dict[int, Any] = {}
    for tensor in keras.tree.flatten(inputs):
        operation = keras_internals.history(tensor)[0]  # type: ignore[index]
        if not keras_internals.outbound_nodes(operation):
            passed[id(tensor)] = _passed_on(tensor)
    return keras.tree.map_structure(lambda tensor: passed.get(id(tensor), tensor), outputs)


def _passed_on(symbol: Any) -> Any:
    """An Input followed by an Identity: called on another shape, a model would return what it receives, in a cycle."""
    name = keras_internals.history(symbol)[0].name  # type: ignore[index]
    return keras.layers.Identity(name=f"{name}_identity", dtype=symbol.dtype)(symbol)


def build_like(
    model: Any, inputs: Any, outputs: Any, known: Collection[int], depth: int, *, keep_class: bool = True
) -> Any:
    """A model that replaces another one: its name, flags and, if its constructor allows, its class."""
    made: Any = None
    if keep_class and type(model) is keras.Sequential:
        layers = _chain(inputs, outputs)
        if layers is not None:
            made = keras.Sequential([inputs, *layers], name=model.name)
    if made is None:
        cls = type(model) if keep_class and _takes_a_graph(type(model)) else keras.Model
        made = build_model(inputs, outputs, model.name, known, depth, cls)
    made.dtype_policy = model.dtype_policy
    keras_internals.set_own_trainable(made, model.trainable)
    return made


def _takes_a_graph(cls: type) -> bool:
    return not issubclass(cls, keras.Sequential) and keras_internals.has_functional_constructor(cls)


def _chain(inputs: Any, outputs: Any) -> list[Any] | None:
    """The layers between one tensor and another, if they are a chain that a Sequential model can be."""
    layers: list[Any] = []
    tensor = outputs
    while isinstance(tensor, keras.KerasTensor) and tensor is not inputs:
        made = keras_internals.producer(tensor)
        assert made is not None
        layer = keras_internals.node_operation(made[0])
        args, kwargs = keras_internals.node_arguments(made[0])
        names = {one.name for one in layers}
        if not isinstance(layer, keras.Layer) or layer.name in names or len(keras_internals.node_outputs(made[0])) != 1:
            return None
        if len(args) > 1 or any(one is not None for one in chosen_kwargs(layer, args, kwargs).values()):
            return None  # A Sequential model calls its layers with nothing but a tensor.
        tensor = args[0] if args else None
        layers.append(layer)
    return layers[::-1] if tensor is inputs and layers else None


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
    """A higher recursion limit for Keras, which walks the graph of a new model recursively."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, needed + 1000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
