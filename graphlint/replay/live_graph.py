"""The graph of a live model with what replay also needs: operations, arguments as Keras recorded them, units.

A *unit* of a scope is what runs there as one step: a call, or the call of a container.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import keras

from graphlint.errors import NotBuilt, OpaqueBody, ReplayError
from graphlint.knowledge import keras_internals
from graphlint.model.address import ROOT
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.sources.keras_2 import no_model_of_keras_3
from graphlint.sources.live import read_live


@dataclass(slots=True)
class Arguments:
    """What a unit receives: the recorded arguments with symbolic tensors in place, and the tensors by argument.

    Defaults that Keras filled in by itself (masks that travel with a tensor, ``training``) are left out: they are
    derived again on replay.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    tensors: list[tuple[str, Tensor]]


class LiveGraph:
    """A `ModelGraph` of a model in memory, for replay. The model is only read.

    Raises:
        OpaqueBody: the model is subclassed, or runs code instead of its graph.
        NotBuilt: the model has no graph yet.
    """

    def __init__(self, model: keras.Model) -> None:
        if not isinstance(model, keras.Model):
            raise ReplayError(no_model_of_keras_3(model))
        keras_internals.self_test()
        if keras_internals.graph_model(model) is None:
            if isinstance(model, keras.Sequential):
                raise NotBuilt(
                    f"expected a built model, got Sequential {model.name!r} without a graph: give it a keras.Input or "
                    "call model.build(input_shape) first"
                )
            raise OpaqueBody(
                f"expected a Functional or Sequential model, got {type(model).__name__} {model.name!r}, whose inside "
                "is code and cannot be replayed: cut the Functional models inside it"
            )
        if not keras_internals.runs_its_graph(model):
            raise OpaqueBody(
                f"{type(model).__name__} {model.name!r} has its own call(), so its graph is not what runs: "
                "cut the Functional models inside it"
            )
        self.model = model
        self.graph: ModelGraph = expand(read_live(model, structure_only=True))
        self.units: dict[str, list[str]] = {scope: [] for scope in self.graph.scopes}
        self.parent: dict[str, str] = {}
        """Unit -> the scope that it is a step of."""
        self.position: dict[str, int] = {}
        """Unit -> its place in graph order."""
        self._index_units()
        self.symbols: dict[str, dict[int, Tensor]] = {}
        self._symbol_of: dict[Tensor, Any] = {}
        self._index_symbols()
        self._arguments: dict[str, Arguments] = {}
        self._keeps_masks = False
        self.declared: int | None = None
        """How many of the outputs are those of the model that this one was made of, if it was."""
        self.incomplete: str | None = None
        """Why there are none of these outputs."""

    def keep_masks(self) -> None:
        """From now on count masks that Keras recorded by itself as arguments, so that their tensors can be replaced."""
        self._keeps_masks = True
        self._arguments.clear()

    def _index_units(self) -> None:
        scopes = self.graph.scopes
        for number, (call_id, call) in enumerate(self.graph.calls.items()):
            self.position[call_id] = number
            unit, scope = call_id, call.scope
            while True:
                self.parent[unit] = scope
                self.units[scope].append(unit)
                if scope == ROOT or scope in self.parent:
                    break
                self.position[scope] = number
                parent = scopes[scope].parent
                assert parent is not None
                unit, scope = scope, parent

    def _index_symbols(self) -> None:
        for scope, units in self.units.items():
            symbols = self.symbols[scope] = {}
            for unit in units:
                made = keras_internals.node_outputs(self.node(unit))
                for symbol, tensor in zip(made, self.outputs(unit), strict=False):
                    symbols.setdefault(id(symbol), tensor)
                    known = self._symbol_of.setdefault(tensor, symbol)
                    if len(known.shape) != len(symbol.shape):
                        # The call of a container does not show which ranks it adjusts.
                        self._symbol_of[tensor] = symbol

    # -- units --------------------------------------------------------------------------------------------------

    def is_scope(self, unit: str) -> bool:
        return unit in self.graph.scopes

    def layer_path(self, unit: str) -> str:
        """Path of the layer that a unit is a call of."""
        graph = self.graph
        return graph.scopes[unit].layer if unit in graph.scopes else graph.calls[unit].layer

    def operation(self, unit: str) -> Any:
        """The live layer or operation that a unit is a call of."""
        return self.graph.layers[self.layer_path(unit)].obj

    def runs_its_graph(self, scope: str) -> bool:
        """Whether what runs when a container is called is the graph it holds, and not a custom ``call``."""
        return keras_internals.runs_its_graph(self.operation(scope))

    def node(self, unit: str) -> Any:
        """The node that Keras recorded for a unit."""
        graph = self.graph
        definition = graph.scopes[unit].definition if unit in graph.scopes else graph.calls[unit].definition
        assert definition is not None
        return definition.obj

    def outputs(self, unit: str) -> tuple[Tensor, ...]:
        """The tensors that a unit returns."""
        graph = self.graph
        if unit in graph.scopes:
            return graph.scopes[unit].outputs
        return tuple(Tensor(unit, index) for index in range(len(graph.calls[unit].outputs)))

    def is_input(self, unit: str) -> bool:
        """Whether a unit is an Input of its scope."""
        scope = self.graph.scopes[self.parent[unit]]
        return unit in scope.inputs

    def symbol(self, tensor: Tensor) -> Any:
        """The KerasTensor that a tensor was when the model was built."""
        return self._symbol_of[tensor]

    def unit_in(self, scope: str, tensor: Tensor) -> str:
        """The unit of ``scope`` that contains the call that produces a tensor."""
        unit = tensor.call
        while self.parent[unit] != scope:
            unit = self.parent[unit]
        return unit

    def enclosing(self, tensor: Tensor) -> Iterator[str]:
        """The scopes around a tensor, innermost first, without the root."""
        scope = self.parent[tensor.call]
        while scope != ROOT:
            yield scope
            scope = self.parent[scope]

    def operations(self) -> list[Any]:
        """Every live layer and operation of the model."""
        return [layer.obj for layer in self.graph.layers.values() if isinstance(layer.obj, keras.Operation)]

    # -- arguments ----------------------------------------------------------------------------------------------

    def arguments(self, unit: str) -> Arguments:
        """What a unit receives in its scope, without what Keras fills in automatically."""
        found = self._arguments.get(unit)
        if found is None:
            found = self._arguments[unit] = self._read_arguments(unit)
        return found

    def _read_arguments(self, unit: str) -> Arguments:
        scope = self.parent[unit]
        args, kwargs = keras_internals.node_arguments(self.node(unit))
        symbols = self.symbols[scope]
        if isinstance(self.graph.layers[self.graph.scopes[scope].layer].obj, keras.Sequential):
            args, kwargs = args[:1], {}
            args = tuple(one if id(one) in symbols else keras_internals.before_cast(one, ()) for one in args)
        kwargs = chosen_kwargs(self.operation(unit), args, kwargs, keep_masks=self._keeps_masks)
        tensors = []
        for name, value in (*((str(index), value) for index, value in enumerate(args)), *kwargs.items()):
            for leaf in (value,) if isinstance(value, keras.KerasTensor) else keras.tree.flatten(value):
                if isinstance(leaf, keras.KerasTensor):
                    tensors.append((name, symbols[id(leaf)]))
        return Arguments(tuple(args), kwargs, tensors)

    def binding(self, inner_input: str) -> Any:
        """What the call of a container passes to one of its Inputs: a tensor or a constant."""
        args = self.graph.calls[inner_input].args
        return args[0] if args else None


@cache
def _parameters(function: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function).parameters)


def call_parameters(operation: Any) -> dict[str, inspect.Parameter]:
    """The parameters of the ``call`` of a layer or operation, without ``self``."""
    parameters = dict(_parameters(type(operation).call))
    parameters.pop(next(iter(parameters), ""), None)
    return parameters


def chosen_kwargs(
    operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, keep_masks: bool = False
) -> dict[str, Any]:
    """The keyword arguments that the user chose, without those that Keras records although nobody passed them.

    These are ``mask`` arguments that are None or the mask attached to the tensor they belong to, and ``training``
    where it equals the default of the signature. A call that was recorded without the mask that its tensor carries
    was given ``training``: without it, Keras would record the mask. With ``keep_masks`` masks that are there are kept.
    """
    chosen = {}
    for name, value in kwargs.items():
        if name == "training":
            parameter = call_parameters(operation).get(name)
            if parameter is not None and value == parameter.default and not _mask_left_out(operation, args, kwargs):
                continue
        elif name == "mask" or name.endswith("_mask"):
            if all(one is None for one in keras.tree.flatten(value)):
                continue
            if keep_masks:
                chosen[name] = value
                continue
            others = {key: one for key, one in kwargs.items() if key != name}
            masked = filled_masks(operation, args, others).get(name)
            if masked is not None and _follows(value, masked):
                continue
        chosen[name] = value
    return chosen


def _mask_left_out(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    parameters = call_parameters(operation)
    if "mask" in kwargs or "mask" not in parameters:
        return False
    first = next(iter(parameters))
    tensors = keras.tree.flatten(kwargs[first] if first in kwargs else args[:1])
    return any(keras_internals.mask_of(tensor) is not None for tensor in tensors)


def filled_masks(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The mask arguments that Keras fills by itself, each with the argument from whose tensors it takes the masks.

    ``mask`` is filled only if one argument holds tensors: ``lstm(x, initial_state=[h, c])`` gets no mask.
    """
    names = list(call_parameters(operation))
    bound = {**dict(zip(names, args, strict=False)), **kwargs}
    tensors = {name: value for name, value in bound.items() if _holds_tensors(value)}
    if len(tensors) == 1:
        tensors = {"": next(iter(tensors.values()))}
    filled = {f"{name}_mask".removeprefix("_"): value for name, value in tensors.items()}
    return {name: value for name, value in filled.items() if name in names and bound.get(name) is None}


def _holds_tensors(value: Any) -> bool:
    found = [value] if isinstance(value, keras.KerasTensor) else keras.tree.flatten(value)
    tensors = [isinstance(one, keras.KerasTensor) or hasattr(one, "__array__") for one in found]
    return any(tensors) and all(held or one is None for held, one in zip(tensors, found, strict=True))


def _follows(mask: Any, tensor: Any) -> bool:
    masks, tensors = keras.tree.flatten(mask), keras.tree.flatten(tensor)
    return len(masks) == len(tensors) and all(
        same_computation(one, keras_internals.mask_of(other)) for one, other in zip(masks, tensors, strict=True)
    )


def same_computation(first: Any, second: Any) -> bool:
    """Whether two symbolic tensors are one, or are computed alike from the same tensors by plain operations.

    Loading a model creates its masks twice: once as stored, once as the layers attach them.
    """
    stack = [(first, second)]
    while stack:
        one, other = stack.pop()
        if one is other:
            continue
        if not isinstance(one, keras.KerasTensor) or not isinstance(other, keras.KerasTensor):
            return False
        made, again = keras_internals.producer(one), keras_internals.producer(other)
        if made is None or again is None or made[1] != again[1]:
            return False
        operation, twin = keras_internals.node_operation(made[0]), keras_internals.node_operation(again[0])
        if isinstance(operation, keras.Layer) or not _same_operation(operation, twin):
            return False
        left = keras.tree.flatten(keras_internals.node_arguments(made[0]))
        right = keras.tree.flatten(keras_internals.node_arguments(again[0]))
        if len(left) != len(right):
            return False
        for value, counterpart in zip(left, right, strict=True):
            if isinstance(value, keras.KerasTensor):
                stack.append((value, counterpart))
            elif value is not counterpart and not _equal(value, counterpart):
                return False
    return True


def _same_operation(first: Any, second: Any) -> bool:
    if type(first) is not type(second):
        return False
    return {**first.get_config(), "name": None} == {**second.get_config(), "name": None}


def _equal(first: Any, second: Any) -> bool:
    if type(first) is not type(second) or not isinstance(first, (bool, int, float, str)):
        return False
    return bool(first == second)
