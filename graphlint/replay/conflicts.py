"""Every shape conflict of a model or configuration in one pass; Keras stops at the first."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

import keras
import numpy as np

from graphlint.errors import ReplayError
from graphlint.knowledge import keras_internals
from graphlint.knowledge.raised import innermost
from graphlint.model.definition import Constant, ConstantKind, Format, FrontEnd, ModelDefinition, TensorSpec, map_leaves
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.replay.interpreter import Environment, Interpreter
from graphlint.replay.live_graph import Arguments, LiveGraph
from graphlint.replay.plan import Plan, Planner
from graphlint.replay.transaction import Transaction
from graphlint.sources.configuration import read_configuration


@dataclass(frozen=True, slots=True)
class Conflict:
    """A call that does not accept what it receives."""

    address: str
    layer: str
    """The layer's class."""
    received: str
    _: KW_ONLY
    expected: str
    """What the layer declares that it accepts; empty if it does not say."""
    reason: str
    """What Keras says about it."""

    def __str__(self) -> str:
        expected = f"expected {self.expected}, " if self.expected else ""
        return f"{self.address} ({self.layer}): {expected}received {self.received}: {self.reason}"


_CONVOLUTIONS = (keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)


class _Unknown:
    """A value of which nothing is known, after a conflict."""


UNKNOWN = _Unknown()


class Specs:
    """Values are specs: nothing is computed, and a call that fails is noted and gets the outputs it should have."""

    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph
        self.found: list[Conflict] = []
        self.seen: set[tuple[int, str]] = set()

    def call(
        self, unit: str, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], recorded: Any
    ) -> list[Any]:
        values = keras.tree.flatten((args, kwargs))
        if operation is None or any(value is UNKNOWN for value in values):
            return self.recorded(unit)
        try:
            outputs = keras.tree.flatten(operation(*args, **kwargs))
            _check_kernel(operation, args)
        except Exception as error:
            self.note(unit, operation, values, error)
            return self.outputs_of(unit, operation, args, kwargs)
        return [_spec(output) for output in outputs]

    def note(self, unit: str, operation: Any, values: list[Any], error: Exception) -> None:
        """Remember a conflict, once for all calls of a nested model."""
        received = [one for one in values if isinstance(one, keras.KerasTensor)]
        shapes = ", ".join(f"{one.dtype}{list(one.shape)}" for one in received) or "nothing"
        definition = self.graph.calls[unit].definition
        key = (id(definition), shapes)
        if key not in self.seen:
            self.seen.add(key)
            address = self.graph.address(unit)
            name = type(operation).__name__
            self.found.append(Conflict(address, name, shapes, expected=_expected(operation), reason=innermost(error)))

    def outputs_of(self, unit: str, operation: Any, args: Any, kwargs: Any) -> list[Any]:
        """The outputs that a call would have if its inputs were right."""
        recorded = self.recorded(unit)
        if all(one is not UNKNOWN for one in recorded):
            return recorded
        try:
            return [_spec(one) for one in keras.tree.flatten(operation.compute_output_spec(*args, **kwargs))]
        except Exception:
            return recorded

    def recorded(self, unit: str) -> list[Any]:
        """The outputs of a call as the model says they are."""
        return [_tensor(spec) for spec in self.graph.calls[unit].outputs]

    def bind(self, operation: Any, value: Any) -> Any:
        if value is None or value is UNKNOWN:
            return value
        shape = operation.batch_shape
        if _fits(value.shape, shape):
            return keras.KerasTensor(value.shape, dtype=operation.dtype)
        error = ValueError(f"expected shape {shape}, found shape {value.shape}")
        unit = next(call for call, node in self.graph.calls.items() if self.graph.layer(call).name == operation.name)
        self.note(unit, operation, [value], error)
        return keras.KerasTensor(shape, dtype=operation.dtype)

    def attach_mask(self, value: Any, mask: Any) -> Any:
        return value

    def container(self, walk: Interpreter, plan: Plan, environment: Environment, context: Mapping[str, Any]) -> None:
        raise AssertionError("plans for specs hold no rebuilt containers")


def find_conflicts(model: keras.Model | Mapping[str, Any] | str) -> list[Conflict]:
    """Find every call that does not accept what it receives.

    Args:
        model: a model, or its configuration: what ``model.to_json()`` gives, or that as a dict. Layers are made from
            the configuration in Keras's safe mode.

    Raises:
        ReplayError: this is neither.
        UnreadableError: this is not the configuration of a model.

    >>> import keras, json
    >>> inputs = keras.Input((4,), name="x")
    >>> a = keras.layers.Dense(3, name="a")(inputs)
    >>> b = keras.layers.Dense(3, name="b")(inputs)
    >>> model = keras.Model(inputs, keras.layers.Add(name="add")([a, b]))
    >>> config = json.loads(model.to_json())
    >>> config["config"]["layers"][1]["config"]["units"] = 5
    >>> [conflict.address for conflict in find_conflicts(config)]
    ['add#0']
    """
    live: LiveGraph
    if isinstance(model, keras.Model):
        live = LiveGraph(model)
    elif isinstance(model, (str, Mapping)):
        live = _FromConfiguration(json.loads(model) if isinstance(model, str) else dict(model))
    else:
        raise ReplayError(f"expected a keras.Model or its configuration, got {type(model).__name__}")
    domain = Specs(live.graph)
    plan = Planner(live, inline_all=True).plan(live.graph.outputs)
    environment: Environment = {Tensor(one, 0): _tensor(live.graph.calls[one].outputs[0]) for one in live.graph.inputs}
    with Transaction(live.operations(), keep=False), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Interpreter(live, domain).run(plan, environment)
    return domain.found


class _FromConfiguration(LiveGraph):
    """The graph of a configuration, with layers created individually: no layer is called."""

    def __init__(self, config: Any) -> None:
        keras_internals.self_test()
        root, _ = read_configuration(config)
        self.graph = expand(ModelDefinition(root, FrontEnd.STATIC, Format.JSON))
        self.units = {scope: [] for scope in self.graph.scopes}
        self.parent, self.position = {}, {}
        self._index_units()
        self.symbols = {scope: {} for scope in self.graph.scopes}
        self._symbol_of = {}
        self._arguments = {}
        self.made: dict[str, Any] = {}

    def runs_its_graph(self, scope: str) -> bool:
        return True

    def node(self, unit: str) -> Any:
        return None

    def symbol(self, tensor: Tensor) -> Any:
        found = self._symbol_of.get(tensor)
        if found is None:
            found = self._symbol_of[tensor] = keras.KerasTensor(())
        return found

    def operation(self, unit: str) -> Any:
        path = self.layer_path(unit)
        if path not in self.made:
            definition = self.graph.layers[path].definition
            serialized = {
                "module": definition.module,
                "class_name": definition.class_name,
                "config": definition.config,
                "registered_name": definition.registered_name,
            }
            if definition.body is not None:
                return None
            try:
                made = keras.saving.deserialize_keras_object(serialized, safe_mode=True)
            except Exception:
                made = None
            self.made[path] = made
        return self.made[path]

    def _read_arguments(self, unit: str) -> Arguments:
        scope = self.parent[unit]
        node = self.graph.scopes[unit] if unit in self.graph.scopes else self.graph.calls[unit]
        tensors = []

        def leaf(value: Any) -> Any:
            if isinstance(value, Tensor):
                symbol = self.symbol(value)
                self.symbols[scope][id(symbol)] = value
                tensors.append(("0", value))
                return symbol
            return _constant(value)

        return Arguments(tuple(map_leaves(node.args, leaf)), map_leaves(node.kwargs, leaf), tensors)


def _constant(value: Any) -> Any:
    if not isinstance(value, Constant):
        return value
    if value.kind in (ConstantKind.TENSOR, ConstantKind.NUMPY):
        return np.asarray(value.value, dtype=value.dtype)
    if value.kind == ConstantKind.SLICE:
        return slice(*value.value)
    return ... if value.kind == ConstantKind.ELLIPSIS else UNKNOWN


def _tensor(spec: TensorSpec) -> Any:
    if spec.shape is None:
        return UNKNOWN
    return keras.KerasTensor(spec.shape, dtype=spec.dtype)


def _spec(output: Any) -> Any:
    return keras.KerasTensor(output.shape, dtype=output.dtype) if hasattr(output, "shape") else UNKNOWN


def _fits(shape: tuple[int | None, ...], expected: tuple[int | None, ...]) -> bool:
    if len(shape) != len(expected):
        shorter, longer = sorted((shape, expected), key=len)
        return len(longer) == len(shorter) + 1 and longer[-1] == 1
    return all(one is None or other is None or one == other for one, other in zip(shape, expected, strict=True))


def _check_kernel(operation: Any, args: tuple[Any, ...]) -> None:
    """Shape inference reads the configuration of a layer; its weights may have another shape by now."""
    if not isinstance(operation, _CONVOLUTIONS) or not args:
        return
    kernel, groups, axis = operation.kernel.shape, getattr(operation, "groups", 1), -1
    if getattr(operation, "data_format", None) == "channels_first":
        axis = 1
    size = args[0].shape[axis]
    if size is not None and size != kernel[-2] * groups:
        raise ValueError(f"the kernel has shape {tuple(kernel)}, so axis {axis} must have {kernel[-2] * groups}")


def _expected(operation: Any) -> str:
    """What a layer declares that it accepts."""
    specs = getattr(operation, "input_spec", None)
    texts = []
    for spec in specs if isinstance(specs, (list, tuple)) else [specs]:
        if spec is None:
            continue
        if getattr(spec, "shape", None) is not None:
            texts.append(str(list(spec.shape)))
            continue
        axes = {axis: size for axis, size in (getattr(spec, "axes", None) or {}).items() if size is not None}
        parts = [f"{size} on axis {axis}" for axis, size in axes.items()]
        if getattr(spec, "ndim", None) is not None:
            parts.insert(0, f"rank {spec.ndim}")
        elif getattr(spec, "min_ndim", None) is not None and not parts:
            parts.append(f"rank {spec.min_ndim} or more")
        texts.append(" with ".join(parts))
    if not texts and isinstance(operation, keras.layers.Reshape):
        size = abs(math.prod(operation.target_shape))
        texts.append(f"a multiple of {size} elements" if -1 in operation.target_shape else f"{size} elements")
    return ", ".join(text for text in texts if text)
