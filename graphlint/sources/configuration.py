"""From the parsed configuration of a model, in any dialect of Keras 1 to 3, to layer definitions.

Nothing that the configuration names is imported. A reference to something that does not exist becomes a
`SourceProblem`; only text that is not a model configuration at all is refused.

Dialects of the calls of a layer (``inbound_nodes``):

- Keras 3: ``{"args": [...], "kwargs": {...}}`` with ``__keras_tensor__`` leaves that record shape and dtype;
- Keras 2: a list of ``[layer, node, tensor, {kwargs}]``, or a structure of lists and dictionaries of them, where the
  node index of a nested model starts at 1;
- Keras 2 operations (``TFOpLambda``): one flat ``[layer, node, tensor, {kwargs}]`` with tensors inside the kwargs.
"""

from __future__ import annotations

import marshal
from collections.abc import Container
from dataclasses import KW_ONLY, dataclass, field
from operator import is_
from typing import Any

from graphlint.errors import UnreadableError
from graphlint.model.definition import (
    Body,
    CallDefinition,
    Constant,
    ConstantKind,
    LayerDefinition,
    Likeness,
    ProblemKind,
    SourceProblem,
    TensorRef,
    TensorSpec,
    flat,
    refs,
)
from graphlint.model.expand import graph_order
from graphlint.model.stored_names import group_name
from graphlint.shapes import ShapeError, infer
from graphlint.sources.dialects import default_dtype, identity
from graphlint.sources.limits import DEFAULT, Limits
from graphlint.sources.literals import decode_constant, policy_name

_ORIGIN = ("module", "class_name", "registered_name", "build_config")
_LONGEST_CONFIG = 1 << 14
_HOLDERS = frozenset({"layer", "backward_layer", "cell", "cells"})
_CALL = {"args", "kwargs"}
_TENSOR = {"class_name", "config"}
_TENSOR_CONFIG = {"shape", "dtype", "keras_history"}
_LONGEST_DTYPE = 16
_NUMBERS = frozenset({type(None), bool, int, float})
_OPERATION_MODULES = ("keras.src.ops", "keras.ops")


class _Otherwise(Exception):
    """A call is not written in the most common way."""


_Arguments = tuple[list[Any], dict[str, Any]]


@dataclass(eq=False, slots=True)
class _Reference:
    """A tensor as the configuration names it: layer name, stored node index, output."""

    layer: str
    node: int
    output: int
    _: KW_ONLY
    spec: TensorSpec | None = None


Known = dict[tuple[Any, ...], tuple[TensorSpec, ...] | None]
"""What layers that are alike return for the same arguments."""


@dataclass(slots=True)
class _Reader:
    problems: list[SourceProblem] = field(default_factory=list)
    shared: dict[int, LayerDefinition] = field(default_factory=dict)
    budget: Budget = field(default_factory=lambda: Budget(DEFAULT))
    whole: bool = True
    kinds: dict[bytes, int] = field(default_factory=dict)
    """A number for each layer that is unlike all others, by what its configuration says but for its name."""
    known: Known = field(default_factory=dict)
    specs: dict[TensorSpec, TensorSpec] = field(default_factory=dict)
    """Each is kept once."""

    def layers(self, entries: list[Any]) -> list[LayerDefinition]:
        """The layers of a body, each with the number that those like it have."""
        found = [_layer(self, entry) for entry in entries]
        for entry, layer in zip(entries, found, strict=True):
            config = entry.get("config")
            if layer.body is None and layer.likeness is None and isinstance(config, dict):
                origin = [entry.get(key, 0) for key in _ORIGIN]
                said = marshal.dumps((origin, {**config, "name": None}), 2)
                if len(said) <= _LONGEST_CONFIG:
                    layer.likeness = Likeness(self.kinds.setdefault(said, len(self.kinds)), config)
        return found


class Budget:
    """Counts the outputs of all calls, for each of which a spec is kept up to the highest that is used."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._outputs = 0

    def spend(self, outputs: int) -> None:
        """Count outputs of a call before anything is made for them.

        Raises:
            LimitError: all calls together have too many.
        """
        self._outputs += outputs
        self._limits.check("graph_tensors", self._outputs, "the outputs of its calls, up to the highest that is used")


def read_configuration(
    config: Any, limits: Limits = DEFAULT, *, whole: bool = True
) -> tuple[LayerDefinition, list[SourceProblem]]:
    """Turn a parsed model configuration into the definition of its root layer and the problems found in it.

    Without ``whole``, calls that hold nothing but tensors are taken out of ``config``.

    Raises:
        UnreadableError: this is not a model configuration.
        LimitError: its calls have more outputs than the limits allow.
    """
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise UnreadableError(
            f"expected a model configuration (an object with class_name and config), got {_describe(config)}: "
            "save the model with model.save() or model.to_json()"
        )
    reader = _Reader(budget=Budget(limits), whole=whole)
    root = _layer(reader, config)
    root.is_model = True
    root.opaque = root.body is None
    return root, reader.problems


def _describe(value: Any) -> str:
    if isinstance(value, dict):
        keys = ", ".join(sorted(map(str, value))[:5])
        return f"an object with the keys {keys or '(none)'}"
    return {list: "a list", str: "a string", type(None): "null"}.get(
        type(value), f"{type(value).__name__} {value!r:.40}"
    )


def _layer(reader: _Reader, entry: Any) -> LayerDefinition:
    if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
        raise UnreadableError(f"expected a layer (an object with class_name and config), got {_describe(entry)}")
    shared_id = entry.get("shared_object_id")
    if isinstance(shared_id, int) and shared_id in reader.shared:
        return reader.shared[shared_id]
    config = entry.get("config")
    layers: Any = None
    if isinstance(config, list) and entry["class_name"] == "Sequential":
        config, layers = {}, config
    if not isinstance(config, dict):
        if config is not None:
            raise UnreadableError(
                f"expected the config of {entry['class_name']} to be an object, got {_describe(config)}"
            )
        config = {}
    class_name, module, registered_name = identity(entry)
    name = _text(entry.get("name")) or _text(config.get("name")) or entry["class_name"].lower()
    build_config = entry.get("build_config")
    definition = LayerDefinition(
        name=name,
        class_name=class_name,
        module=module,
        registered_name=registered_name,
        config=config,
        trainable=config.get("trainable") is not False,
        dtype_policy=policy_name(config.get("dtype")) or default_dtype(entry, module),
        build_shape=build_config.get("input_shape") if isinstance(build_config, dict) else None,
        is_operation=module is not None and module.startswith(_OPERATION_MODULES),
        is_model="compile_config" in entry,
        shared_object_id=shared_id if isinstance(shared_id, int) else None,
    )
    if isinstance(config.get("layers"), list):
        layers = config["layers"]
    if layers is not None and "input_layers" in config and "output_layers" in config:
        definition.is_model = True
        definition.config = {k: v for k, v in config.items() if k not in ("layers", "input_layers", "output_layers")}
        definition.body = _functional(reader, layers, config["input_layers"], config["output_layers"])
    elif layers is not None and (entry["class_name"] == "Sequential" or "build_input_shape" in config):
        definition.is_model = True
        definition.config = {k: v for k, v in config.items() if k != "layers"}
        definition.body = _sequential(reader, layers, config.get("build_input_shape"))
    else:
        _children(reader, definition)
        definition.opaque = definition.is_model
    if isinstance(shared_id, int):  # only now, as in Keras: nothing can contain itself
        reader.shared[shared_id] = definition
    return definition


def _children(reader: _Reader, definition: LayerDefinition) -> None:
    """The layers that built-in wrappers have in their configuration."""
    config = definition.config
    if _HOLDERS.isdisjoint(config):
        return
    for key in ("layer", "backward_layer", "cell"):
        if _is_object(config.get(key)):
            definition.children[key] = _layer(reader, config[key])
    cells = config.get("cells")
    if isinstance(cells, list) and cells and all(_is_object(cell) for cell in cells):
        counts: dict[str, int] = {}
        for cell in cells:
            child = _layer(reader, cell)
            definition.children[f"cells/{group_name(child, counts)}"] = child
    if definition.traits.name == "Bidirectional" and "layer" in definition.children:
        forward = definition.children.pop("layer")
        definition.children = {"forward_layer": forward, **definition.children}


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("class_name"), str) and "config" in value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


# -- functional models ------------------------------------------------------------------------------------------


def _functional(reader: _Reader, entries: list[Any], inputs: Any, outputs: Any) -> Body:
    layers = reader.layers(entries)
    body = Body(layers, [], None, outputs=None)
    by_name: dict[str, list[int]] = {}
    names: dict[str, LayerDefinition] = {}
    stored: list[tuple[dict[str, Any], list[Any]]] = []
    for entry, layer in zip(entries, layers, strict=True):
        name = layer.name
        if name in names:
            reader.problems.append(SourceProblem(ProblemKind.STRUCTURE, f"two layers are named {name!r}", layer))
        names[name] = layer
        nodes = entry.get("inbound_nodes")
        if not isinstance(nodes, list):
            nodes = []
        if layer.is_input and not nodes:
            nodes = [None]
        stored.append((entry, nodes))
        for _ in nodes:
            by_name.setdefault(name, []).append(len(body.calls))
            body.calls.append(CallDefinition(layer))

    parsed: list[_Arguments] = []
    for entry, nodes in stored:
        plain = [_only_tensors(node, names, reader.specs) for node in nodes]
        if not reader.whole and nodes and all(plain):
            entry["inbound_nodes"] = []
        parsed += [found or _call_arguments(node, names) for found, node in zip(plain, nodes, strict=True)]
    models = any(layer.body is not None or layer.is_model for layer in layers)
    references = [leaf for leaf in flat(parsed) if leaf.__class__ is _Reference] if models else []
    legacy = any(isinstance(node, list) for _, nodes in stored for node in nodes)
    offsets = _offsets(references, by_name, names, legacy) if models else {}
    output_offsets = {
        name: 1 if name in names and names[name].body is not None and names[name].class_name != "Sequential" else 0
        for name in by_name
    }
    recorded: dict[TensorRef, TensorSpec] = {}

    def resolve(reference: _Reference, layer: LayerDefinition | None, offset: int) -> Any:
        calls = by_name.get(reference.layer, [])
        where = f"{reference.layer!r}, call {reference.node}, output {reference.output}"
        if reference.layer not in names:
            reader.problems.append(
                SourceProblem(
                    ProblemKind.STRUCTURE, f"refers to layer {reference.layer!r}, which is not in the model", layer
                )
            )
            return Constant(ConstantKind.MISSING)
        index = reference.node - offset if reference.node - offset >= 0 else reference.node
        if not 0 <= index < len(calls) or reference.output < 0:
            reader.problems.append(
                SourceProblem(ProblemKind.STRUCTURE, f"refers to {where}, but that layer has {len(calls)} calls", layer)
            )
            return Constant(ConstantKind.MISSING)
        ref = TensorRef(calls[index], reference.output)
        if reference.spec is not None:
            recorded.setdefault(ref, reference.spec)
        return ref

    for call, (args, kwargs) in zip(body.calls, parsed, strict=True):

        def bind(leaf: Any, layer: LayerDefinition = call.layer) -> Any:
            return resolve(leaf, layer, offsets.get(leaf.layer, 0)) if isinstance(leaf, _Reference) else leaf

        if len(args) == 1 and args[0].__class__ is _Reference:
            call.args = (bind(args[0]),)
        else:
            call.args = tuple([_map(arg, bind) for arg in args])
        if kwargs:
            call.kwargs = {key: _map(value, bind) for key, value in kwargs.items()}

    def bind_output(leaf: Any) -> Any:
        if not isinstance(leaf, _Reference):
            reader.problems.append(
                SourceProblem(
                    ProblemKind.STRUCTURE, f"expected an output as [layer, call, output], got {_describe(leaf)}"
                )
            )
            return Constant(ConstantKind.MISSING)
        offset = offsets.get(leaf.layer, 0) if legacy else output_offsets.get(leaf.layer, 0)
        return resolve(leaf, None, offset)

    body.inputs = _map(_output_structure(inputs), bind_output)
    body.outputs = _map(_output_structure(outputs), bind_output)
    infer_specs(reader.problems, body, recorded, budget=reader.budget, known=reader.known)
    return body


def _offsets(
    references: list[_Reference], by_name: dict[str, list[int]], names: dict[str, LayerDefinition], legacy: bool
) -> dict[str, int]:
    """By how much the node indices of each nested model are too high: Keras 2 counts a node of the model itself."""
    offsets = {}
    lowest: dict[str, int] = {}
    highest: dict[str, int] = {}
    for reference in references:
        lowest[reference.layer] = min(lowest.get(reference.layer, reference.node), reference.node)
        highest[reference.layer] = max(highest.get(reference.layer, reference.node), reference.node)
    for name, calls in by_name.items():
        layer = names[name]
        if layer.body is None and not layer.is_model:
            continue
        beyond = highest.get(name, 0) >= len(calls)
        if beyond and lowest[name] >= 1:
            offsets[name] = highest[name] - len(calls) + 1
        elif (legacy and lowest.get(name, 0) >= 1) or (legacy and name not in lowest):
            offsets[name] = 1
    return offsets


def _output_structure(value: Any) -> Any:
    """``input_layers``/``output_layers``: one ``[name, node, tensor]``, or lists and dicts of them."""
    if isinstance(value, list):
        if len(value) in (3, 4) and isinstance(value[0], str) and _is_index(value[1]) and _is_index(value[2]):
            return _Reference(value[0], value[1], value[2])
        return [_output_structure(item) for item in value]
    if isinstance(value, dict):
        return {key: _output_structure(item) for key, item in value.items()}
    return value


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _map(structure: Any, function: Any) -> Any:
    kind = structure.__class__
    if kind is list:
        return [_map(value, function) for value in structure]
    if kind is dict:
        return {key: _map(value, function) for key, value in structure.items()}
    return function(structure)


def _call_arguments(node: Any, names: dict[str, LayerDefinition]) -> _Arguments:
    if isinstance(node, dict) and ("args" in node or "kwargs" in node or not node):
        args, kwargs = _decode(node.get("args", [])), _decode(node.get("kwargs", {}))
        return args if isinstance(args, list) else [args], kwargs if isinstance(kwargs, dict) else {}
    if not isinstance(node, (list, dict)) or not node:
        return [], {}
    kwargs = {}
    inputs = _legacy_inputs(node, names, kwargs)
    return [inputs[0] if isinstance(inputs, list) and len(inputs) == 1 else inputs], kwargs


def _legacy_inputs(value: Any, names: dict[str, LayerDefinition], kwargs: dict[str, Any]) -> Any:
    """Lists and dictionaries of ``[layer, call, output, keywords]``; the keywords of all are those of the call."""
    if isinstance(value, dict):
        return {key: _legacy_inputs(item, names, kwargs) for key, item in value.items()}
    if not isinstance(value, list):
        return Constant(ConstantKind.MISSING)
    if not value or not isinstance(value[0], str):
        return [_legacy_inputs(item, names, kwargs) for item in value]
    if len(value) > 3 and isinstance(value[3], dict):
        kwargs.update({key: _decode_legacy(item, names) for key, item in value[3].items()})
    if value[0] == "_CONSTANT_VALUE" and len(value) > 2:
        return _decode(value[2])
    if len(value) > 2 and _is_index(value[1]) and _is_index(value[2]):
        return _Reference(value[0], value[1], value[2])
    return Constant(ConstantKind.MISSING)


def _only_tensors(node: Any, names: Container[str], specs: dict[TensorSpec, TensorSpec]) -> _Arguments | None:
    """The arguments of a call, as Keras 3 writes it, that holds nothing but tensors of layers that exist, numbers and
    flags; None for any other."""
    if node.__class__ is not dict or node.keys() != _CALL:
        return None
    args, kwargs = node["args"], node["kwargs"]
    if args.__class__ is not list or kwargs.__class__ is not dict:
        return None

    try:
        return (
            [_plain(value, names, specs) for value in args],
            {key: _plain(value, names, specs) for key, value in kwargs.items()},
        )
    except _Otherwise:
        return None


def _plain(value: Any, names: Container[str], specs: dict[TensorSpec, TensorSpec]) -> Any:
    """A tensor as a reference, and numbers and flags as they are.

    Raises:
        _Otherwise: it is something else.
    """
    kind = value.__class__
    if kind in _NUMBERS:
        return value
    if kind is list:
        return [_plain(item, names, specs) for item in value]
    if kind is not dict or value.keys() != _TENSOR or value["class_name"] != "__keras_tensor__":
        raise _Otherwise
    config = value["config"]
    if config.__class__ is not dict or config.keys() != _TENSOR_CONFIG:
        raise _Otherwise
    shape, dtype, history = config["shape"], config["dtype"], config["keras_history"]
    if shape.__class__ is not list or not _NUMBERS.issuperset(map(type, shape)):
        raise _Otherwise
    if dtype.__class__ is not str or len(dtype) > _LONGEST_DTYPE:
        raise _Otherwise
    if history.__class__ is not list or len(history) != 3 or history[0].__class__ is not str:
        raise _Otherwise
    layer, call, output = history
    if layer not in names or call.__class__ is not int or output.__class__ is not int:
        raise _Otherwise
    spec = TensorSpec(_shape(shape), dtype)
    return _Reference(layer, call, output, spec=specs.setdefault(spec, spec))


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "__keras_tensor__" and isinstance(value.get("config"), dict):
        config = value["config"]
        history = config.get("keras_history")
        if not (isinstance(history, list) and len(history) == 3 and isinstance(history[0], str)):
            return Constant(ConstantKind.MISSING)
        if not (_is_index(history[1]) and _is_index(history[2])):
            return Constant(ConstantKind.MISSING)
        return _Reference(
            history[0], history[1], history[2], spec=TensorSpec(_shape(config.get("shape")), _text(config.get("dtype")))
        )
    if "class_name" in value and ("config" in value or value["class_name"] == "__ellipsis__"):
        return decode_constant(value)
    return {key: _decode(item) for key, item in value.items()}


def _decode_legacy(value: Any, names: dict[str, LayerDefinition]) -> Any:
    if isinstance(value, list):
        if (
            len(value) >= 3
            and isinstance(value[0], str)
            and value[0] in names
            and _is_index(value[1])
            and _is_index(value[2])
        ):
            return _Reference(value[0], value[1], value[2])
        if len(value) >= 3 and value[0] == "_CONSTANT_VALUE":
            return _decode(value[2])
        return [_decode_legacy(item, names) for item in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _decode_legacy(item, names) for key, item in value.items()}
    return _decode(value)


def _shape(value: Any) -> tuple[int | None, ...] | None:
    if not isinstance(value, (list, tuple)):
        return None
    return tuple(dim if _is_index(dim) and dim >= 0 else None for dim in value)


# -- sequential models ------------------------------------------------------------------------------------------


def _sequential(reader: _Reader, entries: list[Any], build_input_shape: Any) -> Body:
    layers = reader.layers(entries)
    return sequential_body(reader.problems, layers, build_input_shape, reader.budget, reader.known)


def sequential_body(
    problems: list[SourceProblem],
    layers: list[LayerDefinition],
    build_input_shape: Any,
    budget: Budget | None = None,
    known: Known | None = None,
) -> Body:
    """The layers of a Sequential as a chain, after the Input that it implies if it has none."""
    if not layers or not layers[0].is_input:
        layers = [_implied_input(layers[0] if layers else None, build_input_shape), *layers]
    calls = [CallDefinition(layers[0])]
    for layer in layers[1:]:
        calls.append(CallDefinition(layer, (TensorRef(len(calls) - 1, 0),)))
    body = Body(layers, calls, [TensorRef(0, 0)], outputs=[TensorRef(len(calls) - 1, 0)])
    built = {
        TensorRef(position, 0): TensorSpec(_shape(layer.build_shape), None) for position, layer in enumerate(layers[1:])
    }
    infer_specs(problems, body, {}, built, budget, known)
    return body


def _implied_input(first: LayerDefinition | None, build_input_shape: Any) -> LayerDefinition:
    """The implied Input of a Sequential without one, from the shape it was built with or that of its first layer."""
    candidates: list[Any] = [build_input_shape]
    dtype = "float32"
    name = "input_layer"
    if first is not None:
        declared = first.config.get("batch_input_shape")
        if declared is None and isinstance(first.config.get("input_shape"), list):
            declared = [None, *first.config["input_shape"]]
        if declared is None and first.body is not None:
            specs = [
                first.body.calls[ref.call].outputs for ref in flat(first.body.inputs) if isinstance(ref, TensorRef)
            ]
            declared = specs[0][0].shape if len(specs) == 1 and specs[0] else None
        candidates += [declared, first.build_shape]
        dtype = _text(first.config.get("dtype")) or dtype
        dtype = "int32" if first.class_name == "Embedding" and dtype == "float32" else dtype
        name = f"{first.name}_input"
    shape = next((_shape(candidate) for candidate in candidates if _shape(candidate) is not None), None)
    config = {"batch_shape": list(shape) if shape is not None else None, "dtype": dtype, "name": name}
    return LayerDefinition(name, "InputLayer", "keras.layers", config=config, dtype_policy=dtype)


# -- shapes -----------------------------------------------------------------------------------------------------


def infer_specs(
    problems: list[SourceProblem],
    body: Body,
    recorded: dict[TensorRef, TensorSpec],
    built: dict[TensorRef, TensorSpec] | None = None,
    budget: Budget | None = None,
    known: Known | None = None,
) -> None:
    """Give every call of a body its output specs: as recorded on the edges, else as inferred, else as ``built``.

    ``recorded`` wins if both are known; a rule reports if they disagree. ``built`` is the shape with which the next
    layer of a Sequential was built. ``known`` is what layers that are alike were found to return.
    """
    built = built or {}
    budget = budget or Budget(DEFAULT)
    used = [0] * len(body.calls)
    needed = [refs(call.args) + refs(call.kwargs) for call in body.calls]
    for received in needed:
        for ref in received:
            if ref.output > used[ref.call]:
                used[ref.call] = ref.output
    for ref in (*refs(body.inputs), *refs(body.outputs)):
        used[ref.call] = max(used[ref.call], ref.output)
    for position in graph_order(body, needed):
        call = body.calls[position]
        call.inferred = _output_specs(body, call, known)
        inferred = call.inferred or ()
        last = used[position]
        if inferred and last >= len(inferred):
            text = f"output {last} is used, but there are {len(inferred)} outputs"
            problems.append(SourceProblem(ProblemKind.STRUCTURE, text, call.layer))
        count = max(len(inferred), last + 1)
        budget.spend(count)
        specs = []
        for output in range(count):
            ref = TensorRef(position, output)
            spec = merge(recorded.get(ref), inferred[output] if output < len(inferred) else None)
            specs.append(merge(spec, built[ref]) if ref in built else spec)
        call.outputs = inferred if len(specs) == len(inferred) and all(map(is_, specs, inferred)) else tuple(specs)


def merge(first: TensorSpec | None, second: TensorSpec | None) -> TensorSpec:
    """The first spec, completed from the second where a whole shape or a dtype is unknown."""
    if first is None:
        return second or TensorSpec(None, None)
    if second is None:
        return first
    if first == second:
        return second
    shape = first.shape if first.shape is not None else second.shape
    return TensorSpec(shape, first.dtype if first.dtype is not None else second.dtype)


def _output_specs(body: Body, call: CallDefinition, known: Known | None) -> tuple[TensorSpec, ...] | None:
    """What a call returns; nothing if that is not known, None if its arguments do not fit."""
    layer = call.layer
    if layer.is_input:
        config = layer.config
        shape = config.get("batch_shape", config.get("batch_input_shape"))
        if shape is None and isinstance(config.get("shape"), list):
            shape = [None, *config["shape"]]
        return (TensorSpec(_shape(shape), policy_name(config.get("dtype")) or "float32"),)
    if layer.body is not None:
        return _body_specs(layer.body)

    def spec(leaf: Any) -> Any:
        if isinstance(leaf, TensorRef):
            outputs = body.calls[leaf.call].outputs
            return outputs[leaf.output] if outputs and leaf.output < len(outputs) else TensorSpec(None, None)
        return leaf

    args = [spec(arg) if arg.__class__ is TensorRef else _map(arg, spec) for arg in call.args]
    kwargs = _map(call.kwargs, spec) if call.kwargs else {}
    alike = layer.alike
    if known is None or alike is None:
        return _inferred(layer, args, kwargs)
    try:
        key = (alike, _frozen(args), _frozen(kwargs) if kwargs else None)
    except TypeError:
        return _inferred(layer, args, kwargs)
    if key not in known:
        known[key] = _inferred(layer, args, kwargs)
    return known[key]


def _inferred(layer: LayerDefinition, args: list[Any], kwargs: dict[str, Any]) -> tuple[TensorSpec, ...] | None:
    try:
        return infer(layer, args, kwargs) or ()
    except ShapeError:
        return None


def _frozen(structure: Any) -> Any:
    """An argument structure as something that can be looked up.

    Raises:
        TypeError: it holds something else than tensors and plain values.
    """
    kind = structure.__class__
    if kind is TensorSpec or kind is str or structure is None:
        return structure
    if kind is list:
        return (list, *[_frozen(value) for value in structure])
    if kind is dict:
        return (dict, *[(key, _frozen(value)) for key, value in structure.items()])
    if kind is bool or kind is int or kind is float:
        return kind, structure
    raise TypeError


def _body_specs(body: Body) -> tuple[TensorSpec, ...]:
    found = []
    for ref in flat(body.outputs):
        outputs = body.calls[ref.call].outputs if isinstance(ref, TensorRef) else None
        found.append(outputs[ref.output] if outputs and ref.output < len(outputs) else TensorSpec(None, None))
    return tuple(found)
