"""A model definition of any dialect, in the form that the installed Keras writes.

What older versions wrote and the installed Keras rejects falls into three groups: spelling (modules that no longer
exist, shapes under another key, calls as lists), removed arguments, and TensorFlow operations that Keras itself has
now. An argument is only dropped if it has no effect (its old default, or a shape that Keras infers); one that has an
effect raises `Unmendable`.
"""

from __future__ import annotations

import inspect
from typing import Any

import keras
import numpy as np

from graphlint.errors import Unmendable
from graphlint.knowledge.layers import Family
from graphlint.model.definition import (
    Body,
    CallDefinition,
    Constant,
    ConstantKind,
    LayerDefinition,
    TensorRef,
    flat,
    map_leaves,
)
from graphlint.model.stored_names import is_sequential
from graphlint.portability.removed_arguments import RENAMED, means_nothing
from graphlint.portability.tensorflow_operations import OPERATION_LAYERS, KerasOperation, as_keras_operation

_OBJECTS = {
    "initializer": "keras.initializers",
    "regularizer": "keras.regularizers",
    "constraint": "keras.constraints",
}
_ARITHMETIC = frozenset({"Add", "Maximum", "Minimum", "Multiply", "Subtract"})
"""Layers that Keras 2 called with a number as well, and operations of the same name: for this translation only."""


def todays_configuration(root: LayerDefinition) -> dict[str, Any]:
    """The configuration of a model as the installed Keras writes and reads it.

    Raises:
        Unmendable: names what is missing.
    """
    return _entry(root)


def _entry(layer: LayerDefinition) -> dict[str, Any]:
    if layer.body is None:
        return _leaf(layer)
    if is_sequential(layer):
        return _sequential(layer, layer.body)
    return _functional(layer, layer.body)


def _model(layer: LayerDefinition, class_name: str, config: dict[str, Any]) -> dict[str, Any]:
    own = layer.traits.family is Family.MODEL
    entry = {
        "module": "keras" if own else layer.module,
        "class_name": class_name if own else layer.class_name,
        "config": {"name": layer.name, "trainable": layer.trainable, **config},
        "registered_name": class_name if own else layer.registered_name,
    }
    if own and class_name == "Functional":
        entry["module"] = "keras.src.models.functional"
    return entry


def _sequential(layer: LayerDefinition, body: Body) -> dict[str, Any]:
    return _model(layer, "Sequential", {"layers": [_entry(call.layer) for call in body.calls]})


def _functional(layer: LayerDefinition, body: Body) -> dict[str, Any]:
    calls: dict[int, list[int]] = {id(one): [] for one in body.layers}
    for position, call in enumerate(body.calls):
        calls[id(call.layer)].append(position)
    place = {position: index for own in calls.values() for index, position in enumerate(own)}

    def history(ref: TensorRef) -> list[Any]:
        return [body.calls[ref.call].layer.name, place[ref.call], ref.output]

    def leaf(value: Any) -> Any:
        if isinstance(value, TensorRef):
            spec = (body.calls[value.call].outputs or ())[value.output]
            return {
                "class_name": "__keras_tensor__",
                "config": {
                    "shape": list(spec.shape or ()),
                    "dtype": spec.dtype or "float32",
                    "keras_history": history(value),
                },
            }
        return _constant(value)

    def output(ref: Any) -> list[Any]:
        if not isinstance(ref, TensorRef):
            raise Unmendable(f"expected every output of {layer.name!r} to be a tensor of the model, got {ref!r}")
        name, index, number = history(ref)
        return [name, index + _built_in_node(body.calls[ref.call].layer), number]

    entries = []
    operations = _operations(body, calls)
    for one in body.layers:
        if id(one) not in operations:
            continue
        operation = operations[id(one)]
        if operation is not None:
            entry = operation.entry
        else:
            entry = _arithmetic(one, [body.calls[position] for position in calls[id(one)]]) or _entry(one)
        entry["name"] = one.name
        entry["inbound_nodes"] = []
        for number, position in enumerate(calls[id(one)]):
            args, kwargs = _arguments(body.calls[position]) if operation is None else operation.arguments[number]
            if not one.is_input:
                node = {"args": [map_leaves(arg, leaf) for arg in args], "kwargs": map_leaves(kwargs, leaf)}
                entry["inbound_nodes"].append(node)
        entries.append(entry)
    return _model(
        layer,
        "Functional",
        {
            "layers": entries,
            "input_layers": map_leaves(body.inputs, lambda ref: history(ref)),
            "output_layers": map_leaves(body.outputs, output),
        },
    )


def _arithmetic(layer: LayerDefinition, calls: list[CallDefinition]) -> dict[str, Any] | None:
    """The entry of an operator on tensors, which Keras 3 writes to HDF5 files like the layer of the same name.

    The layer takes one list of tensors, the operation takes two operands.
    """
    name = layer.traits.name or layer.operation.name
    if name not in _ARITHMETIC or all(len(call.args) < 2 for call in calls):
        return None
    return {"module": "keras.src.ops", "class_name": name, "config": {"name": layer.name}, "registered_name": name}


def _operations(body: Body, calls: dict[int, list[int]]) -> dict[int, KerasOperation | None]:
    """For each layer the Keras operation that it becomes, None for a layer that is not an operation.

    An operation that nothing needs is omitted: the shape of a tensor, if a new shape was computed from it.
    """
    found: dict[int, KerasOperation | None] = {}
    layers = [body.calls[ref.call].layer for ref in flat(body.outputs) if isinstance(ref, TensorRef)]
    layers += [one for one in body.layers if one.class_name not in OPERATION_LAYERS]
    while layers:
        one = layers.pop()
        if id(one) in found:
            continue
        own = [body.calls[position] for position in calls[id(one)]]
        operation = found[id(one)] = as_keras_operation(one, own)
        arguments = operation.arguments if operation is not None else [(call.args, call.kwargs) for call in own]
        layers += [body.calls[ref.call].layer for ref in flat(arguments) if isinstance(ref, TensorRef)]
    return found


def _built_in_node(layer: LayerDefinition) -> int:
    """Reading an output of a nested Functional, Keras subtracts a node that only older versions had."""
    return 1 if layer.body is not None and not is_sequential(layer) else 0


def _arguments(call: CallDefinition) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call; initial states passed as further inputs of an RNN become what they are."""
    args, kwargs = call.args, {key: value for key, value in call.kwargs.items() if value is not None}
    recurrent = call.layer.traits.recurrent
    if recurrent and len(args) == 1 and isinstance(args[0], list) and len(args[0]) > 1:
        inputs, *states = args[0]
        return (inputs,), {**kwargs, "initial_state": states}
    if any(isinstance(leaf, Constant) and leaf.kind == ConstantKind.MISSING for leaf in flat((args, kwargs))):
        raise Unmendable(f"a call of {call.layer.name!r} refers to a tensor that the file does not contain")
    return args, kwargs


def _constant(value: Any) -> Any:
    if not isinstance(value, Constant):
        return value
    if value.kind == ConstantKind.SLICE:
        start, stop, step = value.value
        return {"class_name": "__slice__", "config": {"start": start, "stop": stop, "step": step}}
    if value.kind == ConstantKind.ELLIPSIS:
        return {"class_name": "__ellipsis__", "config": {}}
    if value.kind in (ConstantKind.TENSOR, ConstantKind.NUMPY):
        return {"class_name": f"__{value.kind}__", "config": {"value": value.value, "dtype": value.dtype}}
    return value.value


# -- layers -----------------------------------------------------------------------------------------------------


def _leaf(layer: LayerDefinition) -> dict[str, Any]:
    if layer.is_input:
        return _input(layer)
    found = getattr(keras.layers, layer.class_name or "", None) if layer.is_keras else None
    if not isinstance(found, type) and layer.module in ("keras.layers", "keras.src.engine.base_layer"):
        raise Unmendable(f"{layer.class_name} {layer.name!r} is a layer that Keras {keras.__version__} does not have")
    if not isinstance(found, type):
        return {
            "module": layer.module,
            "class_name": layer.class_name,
            "config": layer.config,
            "registered_name": layer.registered_name,
            **({"build_config": {"input_shape": layer.build_shape}} if layer.build_shape is not None else {}),
        }
    if layer.traits.name == "Lambda":
        raise Unmendable(f"Lambda {layer.name!r} contains Python code: replace it with a registered layer or keras.ops")
    given = {"reset_after": False, **layer.config} if layer.traits.name in ("GRU", "GRUCell") else layer.config
    config = arguments_of(found, given, f"{layer.class_name} {layer.name!r}")
    _same_shape(config)
    for attribute, key in (("layer", "layer"), ("forward_layer", "layer"), ("backward_layer", "backward_layer")):
        if attribute in layer.children and key in config:
            config[key] = _entry(layer.children[attribute])
    if "cell" in layer.children and "cell" in config:
        config["cell"] = _entry(layer.children["cell"])
    if "cells" in config:
        config["cells"] = [_entry(child) for name, child in layer.children.items() if name.startswith("cells/")]
    return {"module": "keras.layers", "class_name": layer.class_name, "config": config, "registered_name": None}


def _same_shape(config: dict[str, Any]) -> None:
    """Normalization of Keras 2 accepted a mean and a variance of different shapes; Keras 3 expects equal ones."""
    mean, variance = config.get("mean"), config.get("variance")
    if mean is not None and variance is not None:
        both = np.broadcast_arrays(np.asarray(mean), np.asarray(variance))
        config["mean"], config["variance"] = (one.tolist() for one in both)


def _input(layer: LayerDefinition) -> dict[str, Any]:
    config = layer.config
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    if shape is None:
        raise Unmendable(
            f"the shape of input {layer.name!r} is not in the file: build the model in code, load its weights"
        )
    today = {
        "batch_shape": list(shape),
        "dtype": config.get("dtype") or "float32",
        "sparse": bool(config.get("sparse")),
        "name": layer.name,
    }
    if config.get("ragged"):
        today["ragged"] = True
    return {"module": "keras.layers", "class_name": "InputLayer", "config": today, "registered_name": None}


def arguments_of(found: type, config: dict[str, Any], what: str) -> dict[str, Any]:
    """The arguments of a configuration that its class still accepts.

    Raises:
        Unmendable: the class no longer accepts one that has an effect.
    """
    accepted = _accepted(found)
    today = {}
    for key, value in config.items():
        name = key if key in accepted else RENAMED.get(key, key)
        if name in accepted:
            today[name] = _value(name, value, what)
        elif not means_nothing(key, value):
            raise Unmendable(
                f"{what} was made with {key}={value!r}, which {found.__name__} does not accept in Keras "
                f"{keras.__version__}"
            )
    return today


def _accepted(found: type) -> frozenset[str]:
    names: set[str] = set()
    for cls in found.__mro__:
        if "__init__" not in vars(cls):
            continue
        parameters = list(inspect.signature(vars(cls)["__init__"]).parameters.values())[1:]
        rest = [one for one in parameters if one.kind is inspect.Parameter.VAR_KEYWORD]
        names |= {
            one.name for one in parameters if one.kind is not inspect.Parameter.VAR_POSITIONAL and one not in rest
        }
        if not rest:
            break
    return frozenset(names)


def _value(key: str, value: Any, what: str) -> Any:
    if key == "dtype" and isinstance(value, dict):
        name = value.get("config", {}).get("name") if isinstance(value.get("config"), dict) else None
        known = value.get("class_name") in ("Policy", "PolicyV1", "AutoCastVariable") and isinstance(name, str)
        return {**value, "module": "keras", "class_name": "DTypePolicy"} if known else value
    module = next((module for suffix, module in _OBJECTS.items() if key.endswith(suffix)), None)
    if module is not None and isinstance(value, dict) and isinstance(value.get("class_name"), str):
        return _object(module, value, what)
    if key == "axis" and isinstance(value, list) and len(value) == 1:
        return value[0]
    return value


def _object(module: str, value: dict[str, Any], what: str) -> dict[str, Any]:
    """An initializer, regularizer or constraint."""
    found = getattr(getattr(keras, module.rpartition(".")[2]), value["class_name"], None)
    registered = value.get("registered_name")
    if not isinstance(found, type) or (isinstance(registered, str) and ">" in registered):
        return value
    config = value.get("config")
    kept = (
        arguments_of(found, _without_dtype(config), f"{value['class_name']} of {what}")
        if isinstance(config, dict)
        else {}
    )
    return {"module": module, "class_name": value["class_name"], "config": kept, "registered_name": None}


def _without_dtype(config: dict[str, Any]) -> dict[str, Any]:
    """Initializers used to record the dtype of the variable, which now comes from the layer."""
    return {key: value for key, value in config.items() if key != "dtype"}
