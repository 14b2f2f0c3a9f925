"""`canonical`: what the graph of a file and that of a live model must agree on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from graphlint.model.definition import Constant, ConstantKind
from graphlint.model.graph import HELD_BY, MASK, READ_BY, RUNS_AS, TENSOR, Call, Layer, ModelGraph, Tensor, Variable

_IGNORED_CONFIG = frozenset({"name", "trainable", "dtype", "build_input_shape", "batch_shape"})
_ADDED_LATER = frozenset({"shared_object_id", "renorm_momentum", "implementation", "batch_input_shape", "build_config"})
_RENAMED = {"OrthogonalInitializer": "Orthogonal", "IdentityInitializer": "Identity"}


def canonical(graph: ModelGraph) -> dict[str, Any]:
    """The parts of a graph that do not depend on where it was read from, as plain comparable data.

    ``canonical(static graph of a saved file) == canonical(live graph of the model loaded from it)``, and also of the
    model before saving but for what saving itself loses. Left out, because Keras itself does not keep it:

    - variable paths as Keras prints them: they change on reload; identity is layer names, attribute names, slot;
    - the slot name of a variable of a custom class: the file numbers variables, so the index stands;
    - variable-level ``trainable``, which is lost on save, and the ``trainable`` of a Sequential, which reloads as True;
    - the ``trainable`` of an InputLayer, which is not in its configuration;
    - seed generators: they are in ``variables`` and not in ``weights``;
    - the values of a constant tensor: a ``keras.Variable`` argument is saved as one;
    - the low-rank matrices of LoRA: saving merges them into the kernel;
    - stray nodes of calls outside the model;
    - optimizer slots: unnamed in the file;
    - models in which one layer sits in two containers (rule S001): one layer live, two in the file;
    - the graph of a Functional subclass whose constructor builds it: the file has what its ``get_config`` returns;
    - the byte code of a lambda: it is marshalled differently each time;
    - ``shared_object_id``: an address in the memory of the process that saved;
    - entries of a configuration that are None or False, and ``renorm_momentum``: versions of Keras differ in which of
      them they write, and the initializers that Keras has renamed count as one;
    - layers inside an opaque layer, except their paths and weights, which is all the file has of them;
    - masks that a custom layer receives or passes on: the file does not say whether it does;
    - the module of built-in objects inside a configuration, ``implementation`` and ``batch_input_shape``: Keras 1 and 2
      write other ones than Keras 3 after loading (the shape of an Input is that of its output);
    - the build shape of a layer that a wrapper holds, which loading an HDF5 file loses, and whether its dtype is a name
      or a policy of that name;
    - call arguments that are None, which is what leaving them out means;
    - outputs of a Lambda or of a custom layer that no other call receives: the file records shapes on the edges only;
    - the name of the root model.

    >>> import graphlint
    >>> import keras
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="head")])
    >>> canonical(graphlint.check(model).graph)["variables"]["head@kernel"]["shape"]
    [4, 2]
    """
    kept = {path: layer for path, layer in graph.layers.items() if _seen(graph, layer) or graph.variables_below(path)}
    return {
        "inputs": list(graph.inputs),
        "outputs": [list(tensor) for tensor in graph.outputs],
        "layers": {path: _layer(graph, layer) for path, layer in sorted(kept.items())},
        "aliases": dict(sorted(graph.aliases.items())),
        "calls": {call.id: _call(graph, call) for call in sorted(graph.calls.values(), key=lambda call: call.id)},
        "scopes": sorted(graph.scopes),
        "variables": dict(
            sorted(_variable(graph, one) for one in graph.variables.values() if not _merged_on_save(one))
        ),
        "edges": sorted(edge for edge in _edges(graph) if edge[0] in kept or edge[0] not in graph.layers),
    }


def _inferable(layer: Layer) -> bool:
    return layer.is_keras and layer.traits.name != "Lambda"


def _seen(graph: ModelGraph, layer: Layer) -> bool:
    """Whether the file has the configuration of a layer: it is in the body of every enclosing model."""
    for outer in graph.enclosing(layer.path):
        if not outer.container or any(one is layer.definition for one in outer.definition.children.values()):
            return False
        layer = outer
    return True


def _layer(graph: ModelGraph, layer: Layer) -> dict[str, Any]:
    if not _seen(graph, layer):
        return {}
    keep_flag = not layer.container and not layer.is_operation and not layer.is_input
    return {
        "class": layer.class_name,
        "module": layer.module,
        "container": layer.container,
        "opaque": layer.opaque,
        "dtype_policy": layer.dtype_policy,
        "trainable": layer.trainable if keep_flag else None,
        "config": {} if layer.container else plain({k: v for k, v in layer.config.items() if k not in _IGNORED_CONFIG}),
    }


def _call(graph: ModelGraph, call: Call) -> dict[str, Any]:
    return {
        "layer": call.layer,
        "arguments": {
            path: plain(leaf)
            for path, leaf in graph.leaves(call.id)
            if leaf is not None and not isinstance(leaf, Tensor)
        },
        "outputs": {
            index: [None if spec.shape is None else list(spec.shape), spec.dtype]
            for index, spec in enumerate(call.outputs)
            if _inferable(graph.layer(call.id)) or graph.consumers(Tensor(call.id, index))
        },
    }


def _variable(graph: ModelGraph, variable: Variable) -> tuple[str, dict[str, Any]]:
    layer = graph.layers[variable.layer]
    known = layer.is_keras and _seen(graph, layer)
    slot = variable.slot if known else str(variable.index)
    return f"{variable.layer}@{slot}", {"shape": list(variable.shape), "dtype": variable.dtype}


def _masks_of_custom_layers(graph: ModelGraph) -> set[str]:
    """Calls whose result has a mask only because a custom layer passed it on."""
    found: set[str] = set()
    for call in graph.calls:
        incoming = graph.in_edges(call, MASK)
        if incoming and (not graph.layer(call).is_keras or all(edge.source in found for edge in incoming)):
            found.add(call)
    return found


def _edges(graph: ModelGraph) -> Iterator[list[Any]]:
    unknown = _masks_of_custom_layers(graph)
    for source, target, data in graph.nx.edges(data=True):
        if data["kind"] == MASK and (source in unknown or not graph.layer(target).is_keras):
            continue
        if data["kind"] in (TENSOR, MASK):
            yield [source, target, data["kind"], data["output"], data["argument"]]
        elif data["kind"] == RUNS_AS:
            yield [source, target, RUNS_AS, 0, ""]
        elif data["kind"] == READ_BY:
            continue
        elif not _merged_on_save(graph.variables[source]):
            yield [_variable(graph, graph.variables[source])[0], target, HELD_BY, 0, ""]


def _merged_on_save(variable: Variable) -> bool:
    return variable.slot.startswith("lora_")


def _is_keras(key: str, value: Any) -> bool:
    return key == "module" and isinstance(value, str) and value.partition(".")[0] == "keras"


def plain(value: Any) -> Any:
    """A configuration value as sorted plain JSON data, without object ids."""
    if isinstance(value, Constant):
        if value.kind in (ConstantKind.TENSOR, ConstantKind.VARIABLE):
            return ["tensor", list(value.shape or ()), value.dtype]
        return [value.kind, plain(value.value), value.dtype]
    if isinstance(value, dict):
        if value.get("class_name") == "__lambda__":
            return "__lambda__"
        if value.get("class_name") == "DTypePolicy" and isinstance(value.get("config"), dict):
            return value["config"].get("name")
        return {
            str(key): _RENAMED.get(item, item) if key == "class_name" and isinstance(item, str) else plain(item)
            for key, item in sorted(value.items(), key=str)
            if key not in _ADDED_LATER and item is not None and item is not False and not _is_keras(key, item)
        }
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return json.loads(json.dumps(value, default=str))
