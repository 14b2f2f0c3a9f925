"""From a ``keras.Model`` in memory to a `ModelDefinition`. The model is only read, never changed."""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

from graphlint.errors import GraphlintError
from graphlint.knowledge import keras_internals
from graphlint.knowledge.layers import Family
from graphlint.knowledge.origin import is_keras_package
from graphlint.model.definition import (
    Body,
    CallDefinition,
    Constant,
    ConstantKind,
    FlagsRead,
    Format,
    FrontEnd,
    LayerDefinition,
    ModelDefinition,
    OptimizerDefinition,
    Shape,
    TensorRef,
    TensorSpec,
    TrainingState,
    VariableDefinition,
)
from graphlint.sources.configuration import sequential_body
from graphlint.sources.keras_2 import no_model_of_keras_3
from graphlint.sources.literals import decode_constant, policy_name
from graphlint.tracing.structure import plain

_CHUNK_BYTES = 1 << 20
_WHOLE_BYTES = 1 << 24
_GRAPH_KEYS = frozenset({"layers", "input_layers", "output_layers"})
_AUTOMATIC_NAME = re.compile(r"variable(_\d+)?")
_PLAIN = (type(None), bool, int, float, str)


class LiveValues:
    """The values of one live variable, copied from the backend on demand."""

    def __init__(self, variable: keras.Variable) -> None:
        self._variable = variable
        self.position = 0
        self.nbytes = math.prod(variable.shape) * _itemsize(str(variable.dtype))

    def read(self) -> np.ndarray:
        """The whole value as an array."""
        return np.asarray(keras.ops.convert_to_numpy(self._variable))

    def chunks(self) -> Iterator[np.ndarray]:
        """The value in flat pieces of at most 1 MiB; a large one is never copied as a whole."""
        size = math.prod(self._variable.shape)
        step = max(1, _CHUNK_BYTES * size // max(1, self.nbytes))
        if self.nbytes <= _WHOLE_BYTES:
            whole = self.read().reshape(-1)
            yield from (whole[start : start + step] for start in range(0, size, step))
            return
        flat = keras.ops.reshape(self._variable.value, (-1,))
        for start in range(0, size, step):
            yield np.asarray(keras.ops.convert_to_numpy(flat[start : start + step]))


def _itemsize(dtype: str) -> int:
    if dtype == "bool":
        return 1
    digits = "".join(character for character in dtype.partition("_")[0] if character.isdigit())
    bits = 8 if dtype.startswith("float8") else int(digits or 0)
    return max(1, bits // 8)


def require_model(model: Any) -> None:
    """Refuse what is no ``keras.Model``.

    Raises:
        GraphlintError: it is none.
    """
    if not isinstance(model, keras.Model):
        raise GraphlintError(no_model_of_keras_3(model))


def read_live(
    model: keras.Model, *, structure_only: bool = False, open_layers: bool = False, inputs: Any = None
) -> ModelDefinition:
    """Define a model in memory, and everything inside it.

    With ``structure_only`` there are layers and calls, but no configurations, variables or compilation, which saves
    most of the time. With ``open_layers`` the model is run once, abstractly, to see what is inside custom layers and
    subclassed models; ``inputs`` is what it is called with, where that is not known.

    Raises:
        GraphlintError: this is not a ``keras.Model``, or the inputs are none.
        UnknownKerasError: graphlint does not know the installed Keras.
    """
    require_model(model)
    keras_internals.self_test()
    with warnings.catch_warnings(), keras_internals.kept_global_state():
        warnings.simplefilter("ignore")
        reader = _Reader(structure_only)
        root = reader.read(model, open_layers, inputs)
        return ModelDefinition(
            root,
            FrontEnd.LIVE,
            Format.LIVE,
            keras_version=keras.__version__,
            has_weights=not structure_only,
            compile_config=None if structure_only else _compile_config(model),
            optimizer=None if structure_only else _optimizer(model),
            training=None if structure_only else _training(model),
            outside={} if structure_only else _outside(reader.known.values()),
            unbuilt_layers=tuple(definition.name for definition in reader.waiting_for_build),
            obj=model,
        )


class _Reader:
    """Turns layers into definitions, one per object, without recursion."""

    def __init__(self, structure_only: bool) -> None:
        self.structure_only = structure_only
        self.known: dict[int, LayerDefinition] = {}
        self.waiting: list[LayerDefinition] = []
        self.waiting_for_build: list[LayerDefinition] = []
        self.called: set[int] = set()
        """Ids of the layers that were seen to be called."""

    def read(self, model: keras.Model, open_layers: bool, inputs: Any) -> LayerDefinition:
        root = self.whole(model)
        if open_layers:
            self.open(model, inputs)
        if not self.structure_only:
            self.waiting_for_build = self.find_unbuilt(root)
        self.drop_weightless()
        return root

    def whole(self, operation: keras.Operation) -> LayerDefinition:
        """The definition of a layer or operation with everything inside."""
        root = self.define(operation)
        while self.waiting:
            self.fill(self.waiting.pop())
        return root

    def open(self, model: keras.Model, inputs: Any) -> None:
        """Put traced bodies into the definitions, and why not where that could not be done."""
        from graphlint.tracing.opening import NO_CALL, open_bodies
        from graphlint.tracing.parts import body_of_parts

        layers = [one.obj for one in self.known.values() if isinstance(one.obj, keras.Layer)]
        root = self.known[id(model)]
        if root.body is None and not keras_internals.has_call(model):
            root.body = body_of_parts(root)
            for definition in self.known.values():
                definition.opaque_because = NO_CALL
            return
        try:
            opening = open_bodies(model, layers, self.whole, inputs)
        except GraphlintError:
            raise
        except Exception as error:  # The code of a model may do anything; then it stays as opaque as it was.
            self.close(f"what it calls cannot be followed: {type(error).__name__}: {' '.join(str(error).split())}")
            return
        self.called = opening.called
        for definition in self.known.values():
            definition.opaque_because = opening.closed.get(id(definition.obj))
            definition.not_in_training = opening.in_training.get(id(definition.obj))

    def close(self, reason: str) -> None:
        """Take out every traced body."""
        for definition in self.known.values():
            definition.opaque_because, definition.not_in_training = reason, None
            if definition.body is not None and definition.body.traced:
                definition.body = None
            for call in definition.body.calls if definition.body is not None else ():
                call.form, call.captured, call.masks = None, (), ()

    def find_unbuilt(self, root: LayerDefinition) -> list[LayerDefinition]:
        """The layers that have no variables yet: all of a model that was never run, and those inside a custom layer
        that was only asked for its shapes."""
        model = root.obj
        whole = keras_internals.graph_model(model) is None and (
            isinstance(model, keras.Sequential) or not keras_internals.was_called(model)
        )
        if whole:
            return [
                definition
                for definition in self.known.values()
                if isinstance(definition.obj, keras.Layer) and keras_internals.waits_for_build(definition.obj)
            ]
        found = []
        for definition in self.known.values():
            if definition.is_operation or definition.is_model or definition.is_keras:
                continue
            inner = keras_internals.all_layers(definition.obj)[1:]
            waiting = [one for one in inner if keras_internals.waits_for_build(one)]
            if waiting and not any(one.weights for one in inner) and keras_internals.skips_its_call(definition.obj):
                found += [self.known[id(one)] for one in waiting if id(one) in self.known]
        return list(dict.fromkeys(found))

    def define(self, operation: keras.Operation) -> LayerDefinition:
        """The definition of a layer or operation; its inside follows later."""
        definition = self.known.get(id(operation))
        if definition is None:
            definition = self.known[id(operation)] = _define(operation, self.structure_only)
            if isinstance(operation, keras.Layer):
                self.waiting.append(definition)
        return definition

    def fill(self, definition: LayerDefinition) -> None:
        layer = definition.obj
        if not self.structure_only:
            definition.variables = _variables(layer)
            if definition.traits.family is Family.LOOKUP:
                definition.vocabulary_size = int(layer.vocabulary_size())
        graph = keras_internals.graph_model(layer)
        own: list[LayerDefinition] = []
        if isinstance(layer, keras.Sequential):
            definition.body = self.sequential(layer, graph)
            own = [self.define(one) for one in keras_internals.added_layers(layer)]
        elif graph is not None:
            definition.body = self.functional(graph)
            own = definition.body.layers
        elif not keras_internals.tracked_layers(layer) and definition.is_keras:
            return
        if own and self.structure_only:
            return
        seen = {id(one.obj) for one in own} | {id(layer), id(graph)}
        for path, sublayer in keras_internals.sublayers(layer):
            if id(sublayer) not in seen:
                seen.add(id(sublayer))
                definition.children[path] = self.define(sublayer)

    # -- bodies -------------------------------------------------------------------------------------------------

    def functional(self, model: Any) -> Body:
        nodes = keras_internals.own_nodes(model)
        positions = {id(node): position for position, node in enumerate(nodes)}

        def leaf(value: Any) -> Any:
            return _reference(value, positions) if isinstance(value, keras.KerasTensor) else _constant(value)

        calls = []
        for node in nodes:
            args, kwargs = keras_internals.node_arguments(node)
            calls.append(
                CallDefinition(
                    self.define(keras_internals.node_operation(node)),
                    tuple(plain(arg, leaf) for arg in args),
                    {key: plain(value, leaf) for key, value in kwargs.items()},
                    outputs=_specs(node),
                    obj=node,
                )
            )
        return Body(
            [self.define(operation) for operation in keras_internals.operations(model)],
            calls,
            plain(keras_internals.declared_inputs(model), leaf),
            outputs=plain(keras_internals.declared_outputs(model), leaf),
        )

    def sequential(self, model: keras.Sequential, graph: Any | None) -> Body:
        """A chain, as in the file: what Keras adds to the calls (masks, defaults) is not part of it."""
        layers = keras_internals.added_layers(model)
        if graph is None:
            return sequential_body([], [self.define(layer) for layer in layers], None)
        by_layer: dict[int, list[Any]] = {}
        for node in keras_internals.own_nodes(graph):
            by_layer.setdefault(id(keras_internals.node_operation(node)), []).append(node)
        nodes = [by_layer[id(layer)].pop(0) for layer in layers]
        positions = {id(node): position for position, node in enumerate(nodes)}

        def leaf(value: Any) -> Any:
            if not isinstance(value, keras.KerasTensor):
                return value
            return _reference(keras_internals.before_cast(value, positions), positions)

        calls = []
        for layer, node in zip(layers, nodes, strict=True):
            args, _ = keras_internals.node_arguments(node)
            calls.append(
                CallDefinition(
                    self.define(layer),
                    tuple(plain(arg, leaf) for arg in args[:1]),
                    {},
                    outputs=_specs(node),
                    obj=node,
                )
            )
        return Body(
            [self.define(layer) for layer in dict.fromkeys(layers)],
            calls,
            [TensorRef(0, 0)],
            outputs=plain(keras_internals.declared_outputs(graph), leaf),
        )

    # -- sublayers ----------------------------------------------------------------------------------------------

    def drop_weightless(self) -> None:
        """Keep the sublayers with weights inside, now or once built, and those that a built-in wrapper has in its
        configuration.

        A file mentions no others.
        """
        holders: dict[int, list[LayerDefinition]] = {}
        for definition in self.known.values():
            inner = [*definition.children.values(), *(definition.body.layers if definition.body else ())]
            for one in inner:
                holders.setdefault(id(one), []).append(definition)
        stack = [definition for definition in self.known.values() if definition.variables] + self.waiting_for_build
        weighted = {id(definition) for definition in stack}
        while stack:
            for holder in holders.get(id(stack.pop()), ()):
                if id(holder) not in weighted:
                    weighted.add(id(holder))
                    stack.append(holder)
        for definition in self.known.values():
            if not self.structure_only:
                definition.children = {
                    path: child
                    for path, child in definition.children.items()
                    if id(child) in weighted or id(child.obj) in self.called or _in_configuration(definition, path)
                }
            if definition.body is None:
                custom = not definition.is_operation and not definition.is_keras
                definition.opaque = definition.is_model or (custom and bool(definition.children))


def _in_configuration(definition: LayerDefinition, path: str) -> bool:
    if not definition.is_keras:
        return False
    if path in ("forward_layer", "backward_layer"):
        return "layer" in definition.config
    key, _, inside = path.partition("/")
    if key == "cells":
        return isinstance(definition.config.get(key), list)
    return key in ("layer", "cell") and not inside and isinstance(definition.config.get(key), dict)


# -- one layer --------------------------------------------------------------------------------------------------


def _define(operation: keras.Operation, structure_only: bool) -> LayerDefinition:
    layer = operation if isinstance(operation, keras.Layer) else None
    class_name, module, registered_name = keras_internals.class_identity(type(operation))
    definition = LayerDefinition(
        name=str(operation.name),
        class_name=class_name,
        module=module,
        registered_name=registered_name,
        trainable=bool(layer.trainable) if layer is not None else True,
        is_operation=layer is None,
        is_model=isinstance(operation, keras.Model),
        obj=operation,
    )
    if structure_only:
        return definition
    try:
        if keras_internals.graph_model(operation) is not None or isinstance(operation, keras.Sequential):
            found, definition.rebuilt = _model_config(operation)
            config = keras.saving.serialize_keras_object(found)
            build = operation.get_build_config()
        else:
            serialized = keras.saving.serialize_keras_object(operation)
            definition.module = serialized.get("module")
            config, build = serialized["config"], serialized.get("build_config")
        definition.config = json.loads(json.dumps(config))
        definition.build_shape = _json(build.get("input_shape")) if isinstance(build, dict) else None
    except Exception as error:
        definition.config_error = f"{type(error).__name__}: {' '.join(str(error).split())}"
    definition.dtype_policy = policy_name(definition.config.get("dtype"))
    if definition.config_error is not None and layer is not None:
        definition.dtype_policy = layer.dtype_policy.name
    return definition


def _model_config(model: Any) -> tuple[dict[str, Any], bool]:
    """The configuration of a model with a graph, without its layers, and whether it says nothing about the graph.

    The layers are not serialized if that can be avoided.
    """
    cls = type(model)
    if isinstance(model, keras.Sequential) and cls.get_config is keras.Sequential.get_config:
        config: dict[str, Any] = keras.Model.get_config(model)
        config["name"] = model.name
        if keras_internals.graph_model(model) is not None:
            config["build_input_shape"] = keras_internals.added_layers(model)[0].batch_shape
        return config, False
    if cls.get_config is keras_internals.functional_get_config():
        if keras_internals.has_functional_constructor(cls):
            return {"name": model.name, "trainable": model.trainable}, False
        return dict(keras.Model.get_config(model)), True
    config = model.get_config()
    return {key: value for key, value in config.items() if key not in _GRAPH_KEYS}, "layers" not in config


def _json(value: Any) -> Any:
    """A configuration as it would be read from a file."""
    return json.loads(json.dumps(keras.saving.serialize_keras_object(value)))


def _variables(layer: keras.Layer) -> list[VariableDefinition]:
    found: list[VariableDefinition] = []
    taken: set[str] = set()
    for index, variable in enumerate(keras_internals.own_variables(layer)):
        name = slot = _slot(layer, variable, index)
        number = 1
        while slot in taken:
            slot, number = f"{name}_{number}", number + 1
        taken.add(slot)
        found.append(_variable(variable, slot, index))
    return found


def _slot(layer: keras.Layer, variable: keras.Variable, index: int) -> str:
    """The name of a variable; its attribute if Keras generated and numbered the name."""
    name = str(variable.name)
    if _AUTOMATIC_NAME.fullmatch(name) is None:
        return name
    return next((key.lstrip("_") for key, value in vars(layer).items() if value is variable), str(index))


def _variable(variable: keras.Variable, slot: str, index: int) -> VariableDefinition:
    return VariableDefinition(
        slot,
        index,
        tuple(int(size) for size in variable.shape),
        dtype=str(variable.dtype),
        trainable=bool(variable.trainable),
        values=LiveValues(variable),
        obj=variable,
    )


# -- calls ------------------------------------------------------------------------------------------------------


def _reference(tensor: keras.KerasTensor, positions: dict[int, int]) -> Any:
    made = keras_internals.producer(tensor)
    if made is None or id(made[0]) not in positions:
        return Constant(ConstantKind.MISSING)
    return TensorRef(positions[id(made[0])], made[1])


def _constant(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, keras_internals.VARIABLE):
        return Constant(ConstantKind.VARIABLE, None, tuple(value.shape), dtype=str(value.dtype), obj=value)
    try:
        decoded = decode_constant(keras.saving.serialize_keras_object(value))
    except Exception:
        return Constant(ConstantKind.OBJECT, {"class_name": type(value).__name__, "config": None}, obj=value)
    if isinstance(decoded, Constant):
        kind = decoded.kind
        data = _json(decoded.value) if kind == "object" else decoded.value
        return Constant(kind, data, decoded.shape, dtype=decoded.dtype, obj=value)
    return decoded


def _specs(node: Any) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(_shape(tensor.shape), str(tensor.dtype)) for tensor in keras_internals.node_outputs(node))


def _shape(shape: Any) -> Shape | None:
    return None if shape is None else tuple(None if size is None else int(size) for size in shape)


# -- around the model -------------------------------------------------------------------------------------------


def compile_settings(model: keras.Model) -> dict[str, Any]:
    """What a model was compiled with, as Keras writes it, and its optimizer: saving as HDF5 takes it out of that."""
    config = dict(model.get_compile_config())
    optimizer = getattr(model, "optimizer", None)
    if config and config.get("optimizer") is None and isinstance(optimizer, keras.optimizers.Optimizer):
        config["optimizer"] = keras.saving.serialize_keras_object(optimizer)
    return config


def _compile_config(model: keras.Model) -> dict[str, Any] | None:
    if not getattr(model, "compiled", False):
        return None
    try:
        config = _json(compile_settings(model))
    except Exception:
        return {}
    return config if isinstance(config, dict) else None


def _outside(known: Iterable[LayerDefinition]) -> dict[int, int]:
    """The recorded calls of layers that are of no body here, and receive something from outside or are used there.

    A Sequential model calls its layers again whenever it is built: those calls lead nowhere, and do not count.
    """
    definitions = {id(one.obj): one for one in known}
    bodies = [one.body for one in definitions.values() if one.body is not None and not one.body.traced]
    own = {id(call.obj) for body in bodies for call in body.calls}
    found: dict[int, int] = {}
    leads: dict[int, bool] = {}
    for key, definition in definitions.items():
        operation = definition.obj
        count = sum(_from_outside(node, definitions, own, leads) for node in keras_internals.inbound_nodes(operation))
        count += sum(
            id(keras_internals.node_operation(node)) not in definitions
            for node in keras_internals.outbound_nodes(operation)
        )
        if count:
            found[key] = count
    return found


def _from_outside(node: Any, known: dict[int, Any], own: set[int], leads: dict[int, bool]) -> bool:
    """Whether a call is of no body and receives, directly or not, what something unknown returned."""
    stack = [node]
    while stack:
        one = stack[-1]
        if id(one) in leads or id(one) in own:
            leads.setdefault(id(one), False)
            stack.pop()
            continue
        made = [keras_internals.producer(tensor) for tensor in keras_internals.node_inputs(one)]
        before = [producer[0] for producer in made if producer is not None]
        if any(id(keras_internals.node_operation(other)) not in known for other in before):
            leads[id(one)] = True
            continue
        waiting = [other for other in before if id(other) not in leads and id(other) not in own]
        if waiting:
            stack += waiting
        else:
            leads[id(one)] = any(leads.get(id(other), False) for other in before)
    return leads[id(node)]


def _training(model: keras.Model) -> TrainingState:
    optimizers = [one for one in vars(model).values() if isinstance(one, keras.optimizers.Optimizer)]
    optimizers = [getattr(one, "inner_optimizer", one) for one in optimizers]
    step = getattr(type(model), "train_step", None)
    return TrainingState(
        getattr(model, "train_function", None) is not None,
        _flags_read(model),
        max(map(_steps, optimizers), default=0),
        frozenset(id(variable) for one in optimizers for variable in keras_internals.optimized_variables(one)),
        not is_keras_package(getattr(step, "__module__", None)),
        keras_internals.flags_when_compiled(model),
        frozenset(
            id(variable)
            for layer in keras_internals.all_layers(model)
            for variable in keras_internals.learnable_variables(layer)
        ),
    )


def _steps(optimizer: keras.optimizers.Optimizer) -> int:
    try:
        return int(keras.ops.convert_to_numpy(optimizer.iterations))
    except Exception:  # While `fit` runs on JAX, variables have no values.
        return 0


def _flags_read(model: keras.Model) -> FlagsRead:
    backend = keras.backend.backend()
    if backend == "jax":
        return FlagsRead.EACH_FIT
    eager = backend != "tensorflow" or bool(getattr(model, "run_eagerly", False))
    return FlagsRead.EACH_STEP if eager else FlagsRead.ONCE


def _optimizer(model: keras.Model) -> OptimizerDefinition | None:
    optimizer = getattr(model, "optimizer", None)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        return None
    class_name, module, _ = keras_internals.class_identity(type(optimizer))
    try:
        config = _json(optimizer.get_config())
    except Exception:
        config = {}
    variables = [_variable(variable, str(variable.path), index) for index, variable in enumerate(optimizer.variables)]
    return OptimizerDefinition(class_name, module, config, variables=variables)
