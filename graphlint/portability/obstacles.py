"""Why a model will not load on a given Keras release, as far as its configuration shows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from graphlint.errors import listed
from graphlint.knowledge.activations import FOREIGN_ACTIVATIONS
from graphlint.knowledge.loading import FUNCTIONS_FOUND, KERAS_3, NESTED, NO_IMPORTS
from graphlint.knowledge.origin import KERAS_ROOTS
from graphlint.knowledge.releases import (
    RELEASES,
    has_class,
    is_known_class,
    next_release,
    operation_key,
    release_index,
    releases_with,
    takes_argument,
)
from graphlint.model.address import ROOT, join
from graphlint.model.definition import Format, flat
from graphlint.model.graph import Layer, ModelGraph, Tensor
from graphlint.portability.compilation import compile_obstacles
from graphlint.portability.implied_shapes import shape_given
from graphlint.portability.removed_arguments import gone_value
from graphlint.portability.tensorflow_operations import OPERATION_LAYERS
from graphlint.questions.references import CODE_RUNNERS, Kind, references

_OPERATION_LAYERS = OPERATION_LAYERS | {"Lambda"}
_ACTIVATIONS = ("activation", "recurrent_activation")
_WRAPPED = ("layer", "backward_layer", "cell", "cells")
"""Keys under which a built-in layer holds other layers."""
_HUBS = ("keras_hub", "keras_cv", "keras_nlp")
_PARTS = {"initializer": "initializers", "regularizer": "regularizers", "constraint": "constraints"}
_FEW = 100
"""Keys of a configuration up to which what is known of them is remembered."""
_SHOWN = 8
"""Arguments that a message names."""
_REGISTER = "put @keras.saving.register_keras_serializable() on it and save again, or pass it in custom_objects"
_RECOMPILE = "load it with compile=False, compile it and save it again as .keras"
_SAVED_MODEL = "load it with the tf_keras package, or with keras.layers.TFSMLayer for inference only"
_TF_KERAS = "load it with the tf_keras package, or build the model again from code and load its weights"


@dataclass(slots=True)
class Obstacle:
    """One cause: what prevents loading, what to do, and the layers it concerns.

    ``certain``: the file does not load, whatever is passed in ``custom_objects``; ``compiling``: it loads without
    compiling the model.
    """

    message: str
    hint: str
    layers: list[str] = field(default_factory=list)
    certain: bool = True
    compiling: bool = False


def obstacles(graph: ModelGraph, release: int) -> list[Obstacle]:
    """What prevents a Keras release (an index into `RELEASES`) from loading a model, one entry per cause.

    Custom classes without a module, Lambda code and TensorFlow operation layers are left to their own rules.
    """
    found: dict[str, Obstacle] = {}
    for layer, message, hint, certain in _all(graph, release):
        found.setdefault(message, Obstacle(message, hint, certain=certain)).layers.append(layer)
    if not any(obstacle.certain for obstacle in found.values()):
        for message in compile_obstacles(graph, release):
            found[message] = Obstacle(f"{message}: load_model stops there", _RECOMPILE, [ROOT], compiling=True)
    return list(found.values())


_Finding = tuple[str, str, str, bool]


def _all(graph: ModelGraph, release: int) -> Iterator[_Finding]:
    dialect = list(_dialect(graph, release))
    if dialect:
        yield from dialect
        return
    legacy = isinstance(graph.definition.raw, dict) and "module" not in graph.definition.raw
    known: dict[int | None, list[tuple[str, str, bool]]] = {}
    for layer in graph.layers.values():
        if layer.class_name is None or not graph.written(layer.path, wrapped=False):
            continue
        if layer.is_operation:
            yield from _operation(layer, release, legacy)
        elif not layer.is_keras:
            yield from _custom(layer, release)
        elif layer.container:
            if legacy and release >= KERAS_3:
                yield from _implied_input(graph, layer)
            if KERAS_3 <= release < NESTED and not _is_written_flat(graph):
                yield from _structure(layer, release)
        elif not layer.is_model:
            alike = layer.definition.alike
            found = known.get(alike) if alike is not None else None
            if found is None:
                found = [one for entry in _with_wrapped(layer, legacy) for one in _entry(entry, release)]
                known[alike] = found
            for message, hint, certain in found:
                yield layer.path, message, hint, certain
    if release >= KERAS_3:
        yield from _held_by_layers(graph, release)
        if legacy:
            yield from _states_as_inputs(graph, release)
            if not (graph.definition.keras_version or "2").startswith("3"):
                yield from _structured_inputs(graph)
            yield from _tensors_by_name(graph, release)
            yield from _counted_from_one(graph, release)
        if graph.definition.format == Format.H5 and release >= FUNCTIONS_FOUND:
            yield from _texts_as_functions(graph, release)


def _dialect(graph: ModelGraph, release: int) -> Iterator[_Finding]:
    """Whether the release cannot read files of this kind at all."""
    raw = graph.definition.raw
    target = RELEASES[release]
    if graph.definition.format == Format.SAVED_MODEL and release >= KERAS_3:
        yield ROOT, f"a SavedModel directory, which Keras {target} does not load", _SAVED_MODEL, True
        return
    if not isinstance(raw, dict):
        return
    if isinstance(raw.get("config"), list):
        yield (
            ROOT,
            f"the Sequential is a bare list of layers, as before Keras 2.2.3: Keras {target} expects an object",
            _TF_KERAS,
            True,
        )
    elif release >= KERAS_3 and graph.definition.format == Format.JSON and "module" not in raw:
        yield (
            ROOT,
            f"written by Keras 1 or 2: Keras {target} cannot find the class {raw.get('class_name')!r} without a module",
            _TF_KERAS,
            True,
        )
    for layer in graph.layers.values():
        module = layer.module or ""
        engine = module.startswith(("keras.src.engine.", "keras.engine.", "tf_keras."))
        if layer.is_model and engine and release >= KERAS_3:
            yield layer.path, f"refers to the module {module}, which Keras {target} does not have", _TF_KERAS, True
        written = "module" in raw and module.startswith("keras.src.models.")
        if layer.is_model and written and release < KERAS_3:
            yield (
                layer.path,
                f"written by Keras 3: Keras {target} does not have the module {module}",
                "load it with Keras 3, or build the model again from code",
                True,
            )


class _Entry(NamedTuple):
    """One built-in layer as the configuration has it. ``module`` is None in files of Keras 1 and 2."""

    class_name: str
    module: str | None
    config: dict[str, Any]
    wrapper: str | None = None


def _with_wrapped(layer: Layer, legacy: bool) -> Iterator[_Entry]:
    """A layer and the layers that built-in wrappers hold in their configuration."""
    stack = [_Entry(layer.class_name or "", None if legacy else layer.module, layer.config)]
    while stack:
        entry = stack.pop()
        yield entry
        cells = entry.config.get("cells")
        held = [entry.config.get(key) for key in ("layer", "backward_layer", "cell")]
        for one in [*held, *(cells if isinstance(cells, list) else ())]:
            if not isinstance(one, dict) or not isinstance(one.get("class_name"), str):
                continue
            config, module, registered = one.get("config"), one.get("module"), one.get("registered_name")
            if isinstance(config, dict) and "layers" not in config and registered is None:
                stack.append(
                    _Entry(one["class_name"], module if isinstance(module, str) else None, config, entry.class_name)
                )


def _entry(entry: _Entry, release: int) -> Iterator[tuple[str, str, bool]]:
    name, module, config, wrapper = entry
    target = RELEASES[release]
    if name in _OPERATION_LAYERS or module not in (None, "keras", "keras.layers"):
        return
    if module is None and wrapper is not None and release >= KERAS_3:
        yield (
            f"{wrapper} holds a {name} without a module, as Keras 2 wrote it: Keras {target} does not find the class",
            _TF_KERAS,
            True,
        )
        return
    if not has_class(name, release):
        when = releases_with(name) if has_class(name, release) is False else "1 or 2"
        yield (
            f"{name} exists in Keras {when}, not in {target}",
            _newer(release, next_release(name, release))
            or "build the model again with a layer that Keras has, or load it with the release that wrote it",
            True,
        )
        return
    keys = tuple(config)
    few = len(keys) <= _FEW
    refused = (_refused if few else _refused.__wrapped__)(name, keys, release, module is None)
    if refused:
        since = "; ".join(sorted({_taken(name, key) for key in refused}))
        yield (
            f"{name} of Keras {target} does not accept {listed(list(map(repr, refused)), _SHOWN)} ({since})",
            _newer(release, *(next_release(name, release, argument=key) for key in refused))
            or "remove it if its value is the default and save again, or build the model again and load the weights",
            True,
        )
    yield from _dtype(name, config.get("dtype"), release)
    if name == "RandomShear" and any(_below_zero(config.get(key)) for key in ("x_factor", "y_factor")):
        yield (
            f"RandomShear of Keras {target} writes its factors as -f to f, but rejects those below 0 on reading",
            "build the model without it, or with factors such as (0, 0.2)",
            True,
        )
    if release >= KERAS_3:
        yield from _misread(entry, target)
    for key, kind in (_parts if few else _parts.__wrapped__)(keys):
        value = config[key]
        if kind is None:
            yield from _activation(value, release)
        elif isinstance(value, dict):
            yield from _part(value, kind, release)


@lru_cache(1024)
def _refused(name: str, keys: tuple[str, ...], release: int, legacy: bool) -> list[str]:
    """The keys of a configuration that a layer of a release does not take."""
    return [
        key for key in keys if not (legacy and key == "batch_input_shape") and not takes_argument(name, key, release)
    ]


@lru_cache(1024)
def _parts(keys: tuple[str, ...]) -> list[tuple[str, str | None]]:
    """The keys of a configuration that hold initializers and the like, each with the kind; None for activations."""
    kinds = [(key, _PARTS.get(key.rpartition("_")[2])) for key in keys]
    return [(key, kind) for key, kind in kinds if kind is not None or key in _ACTIVATIONS]


def _misread(entry: _Entry, target: str) -> Iterator[tuple[str, str, bool]]:
    """Arguments of Keras 2 that Keras 3 interprets differently."""
    name, module, config, _ = entry
    gone = gone_value(name, config)
    if gone is not None:
        yield f"{name} has {gone}, which Keras {target} does not have", _TF_KERAS, True
    axis = config.get("axis")
    if isinstance(axis, list):
        if module is None and len(axis) != 1:
            yield f"{name} has several axes, which Keras {target} loses on loading an HDF5 file", _TF_KERAS, True
        elif module is not None and name == "BatchNormalization":
            yield f"{name} has a list as its axis, as in Keras 2: Keras {target} expects a number", _TF_KERAS, True


def _below_zero(factor: Any) -> bool:
    return isinstance(factor, list) and any(isinstance(one, (int, float)) and one < 0 for one in factor)


def _newer(release: int, *versions: str | None) -> str | None:
    """What to do about a file that needs a newer Keras; None if no newer one helps."""
    found = [RELEASES.index(version) for version in versions if version is not None]
    if len(found) < len(versions):
        return None
    newest = RELEASES[max(found)]
    return (
        f"load it with Keras {newest} or later, or build the model with Keras {RELEASES[release]} and load the weights"
    )


def _activation(value: Any, release: int) -> Iterator[tuple[str, str, bool]]:
    if isinstance(value, dict) and value.get("class_name") == "function" and value.get("module") == "builtins":
        value = value.get("config")
    if not isinstance(value, str) or value in CODE_RUNNERS or ">" in value:
        return
    known = has_class(value, release, "activations")
    if known is False:
        since = releases_with(value, "activations")
        newer = _newer(release, next_release(value, release, "activations"))
        text = f"the activation {value!r} exists in Keras {since}, not in {RELEASES[release]}"
        yield text, newer or "use one that it has", True
    elif known is None and (release >= KERAS_3 or not has_class(value, release)):
        yield (
            f"Keras {RELEASES[release]} has no activation {value!r}",
            f'write activation="{FOREIGN_ACTIVATIONS[value]}" in place of the function of TensorFlow'
            if value in FOREIGN_ACTIVATIONS
            else "pass it in custom_objects, or use a built-in activation",
            False,
        )


def _dtype(name: str, policy: Any, release: int) -> Iterator[tuple[str, str, bool]]:
    """A dtype policy or quantization mode that was added later."""
    if release < KERAS_3:
        return
    if isinstance(policy, dict) and policy.get("class_name") == "Policy":
        text = f"{name} has a mixed-precision Policy as Keras 2 wrote it, which Keras {RELEASES[release]} cannot read"
        yield text, _TF_KERAS, True
        return
    config = policy.get("config") if isinstance(policy, dict) else None
    mode = policy if isinstance(policy, str) else config.get("mode") if isinstance(config, dict) else None
    needed = []
    if isinstance(mode, str):
        needed.append(("quantizations", mode.partition("_from_")[0].partition("/")[0], "is quantized to"))
    if isinstance(policy, dict) and isinstance(policy.get("class_name"), str):
        needed.append(("dtype_policies", policy["class_name"], "has a"))
    for kind, which, words in needed:
        if (isinstance(policy, dict) or "_from_" in policy) and has_class(which, release, kind) is False:
            newer = _newer(release, next_release(which, release, kind))
            text = (
                f"{name} {words} {which}, which Keras {releases_with(which, kind)} has, but {RELEASES[release]} does "
                "not"
            )
            yield text, newer or "quantize the model again", True
            return


def _is_written_flat(graph: ModelGraph) -> bool:
    """Whether this is a model in memory that the installed Keras will write as lists, whatever its structure is."""
    writes = release_index(graph.definition.keras_version or "") if graph.live else None
    return writes is not None and writes < NESTED


def _structure(layer: Layer, release: int) -> Iterator[_Finding]:
    body = layer.definition.body
    if body is None or layer.traits.name == "Sequential":
        return
    for word, held in (("inputs", body.inputs), ("outputs", body.outputs)):
        inside = list(held.values()) if isinstance(held, dict) else held if isinstance(held, list) else None
        if inside is None or any(isinstance(one, (list, dict)) for one in inside):
            yield (
                layer.path,
                f"the {word} are written as a structure: Keras {RELEASES[release]} expects a list, or one dictionary",
                _newer(release, RELEASES[NESTED]) or "",
                True,
            )


def _implied_input(graph: ModelGraph, layer: Layer) -> Iterator[_Finding]:
    """A Sequential of Keras 2.3 and before has no InputLayer: Keras 3 counts the batch axis twice.

    One that was built by its first batch has no shape at all, so that Keras 3 has nothing to load its weights into.
    """
    body = layer.definition.body
    if layer.traits.name != "Sequential" or body is None or len(body.layers) < 2:
        return
    implied, first = body.layers[:2]
    if graph.has_weights and implied.is_input and not shape_given(implied) and graph.variables_below(layer.path):
        text = "the Sequential has no input shape: Keras 3 does not build it, and has no variables to load into"
        yield layer.path, text, "build the model again from code with an Input, and load the weights", True
        return
    # An InputLayer of the file has batch_input_shape; the Input that the reader adds does not.
    if "batch_input_shape" not in implied.config and isinstance(first.config.get("batch_input_shape"), list):
        yield (
            layer.path,
            f"no InputLayer but batch_input_shape in {first.name!r}: Keras 3 counts the batch axis twice",
            _TF_KERAS,
            True,
        )


def _tensors_by_name(graph: ModelGraph, release: int) -> Iterator[_Finding]:
    """Keras 3 resolves the inputs of calls that Keras 2 wrote, but ignores tensors that are passed by keyword."""
    for call in graph.calls.values():
        layer = graph.layers[call.layer]
        if layer.is_keras and layer.class_name not in _OPERATION_LAYERS:
            named = [key for key, value in call.kwargs.items() if any(isinstance(one, Tensor) for one in flat(value))]
            if named and not layer.traits.recurrent:
                yield (
                    layer.path,
                    f"{layer.class_name} receives a tensor as {named[0]}=, which Keras {RELEASES[release]} ignores",
                    _TF_KERAS,
                    True,
                )


def _counted_from_one(graph: ModelGraph, release: int) -> Iterator[_Finding]:
    """Keras 2 counted the calls of a nested model from 1, because building the model was its call 0."""
    target = RELEASES[release]
    stack: list[tuple[str, Any]] = [(ROOT, graph.definition.raw)]
    while stack:
        path, entry = stack.pop()
        config = entry.get("config") if isinstance(entry, dict) else None
        layers = config.get("layers") if isinstance(config, dict) else None
        if not isinstance(config, dict) or not isinstance(layers, list):
            continue
        calls: dict[str, int] = {}
        for inner in layers:
            if isinstance(inner, dict) and isinstance(inner.get("name"), str):
                stack.append((join(path, inner["name"]), inner))
                nodes, nested = inner.get("inbound_nodes"), inner.get("config")
                if isinstance(nodes, list) and isinstance(nested, dict) and isinstance(nested.get("layers"), list):
                    calls[inner["name"]] = len(nodes)
        if not calls:
            continue
        for inner in layers:
            nodes = inner.get("inbound_nodes") if isinstance(inner, dict) else None
            for number, node in enumerate(nodes if isinstance(nodes, list) else ()):
                for name, index in _sources(node):
                    if name not in calls or index < (number if name == inner.get("name") else calls[name]):
                        continue
                    where = join(path, name)
                    yield (
                        where if where in graph.layers else ROOT,
                        f"the calls of nested models are counted from 1, as in Keras 2; Keras {target} counts from 0",
                        _TF_KERAS,
                        True,
                    )


def _sources(nodes: Any) -> Iterator[tuple[str, int]]:
    """Layers and calls from which the calls of a layer of Keras 2 receive their tensors."""
    stack = [nodes]
    while stack:
        one = stack.pop()
        if not isinstance(one, list):
            continue
        if len(one) >= 3 and isinstance(one[0], str) and isinstance(one[1], int):
            yield one[0], one[1]
        else:
            stack += one


def _taken(name: str, argument: str) -> str:
    if argument == "batch_input_shape":
        return "Keras 2 did"
    when = releases_with(name, argument=argument)
    return "no release since 2.12 does" if when == "no release" else f"Keras {when} does"


def _part(value: dict[str, Any], kind: str, release: int) -> Iterator[tuple[str, str, bool]]:
    """An initializer, regularizer or constraint."""
    name, config = value.get("class_name"), value.get("config")
    if not isinstance(name, str) or not isinstance(config, dict) or ">" in str(value.get("registered_name") or ""):
        return
    if has_class(name, release, kind) is False:
        yield (
            f"{kind[:-1]} {name} exists in Keras {releases_with(name, kind)}, not in {RELEASES[release]}",
            _newer(release, next_release(name, release, kind)) or "use one that it has",
            True,
        )
    for key in config:
        if takes_argument(name, key, release, kind) is False:
            yield (
                f"{kind[:-1]} {name} of Keras {RELEASES[release]} does not accept {key!r}",
                _newer(release, next_release(name, release, kind, key))
                or f"remove {key!r} from the configuration, and save again",
                True,
            )


def _operation(layer: Layer, release: int, legacy: bool) -> Iterator[_Finding]:
    module, name = layer.module or "", layer.class_name or ""
    if legacy:
        yield (
            layer.path,
            f"uses keras.ops or operators on tensors, which Keras {RELEASES[release]} reads as layers from HDF5",
            "save the model as .keras, or replace the operations with layers",
            True,
        )
        return
    key, target = operation_key(module, name), RELEASES[release]
    if has_class(key, release, "operations") is False:
        newer = _newer(release, next_release(key, release, "operations"))
        text = f"Keras {target} has no operation {module.removeprefix('keras.src.')}.{name}"
        yield layer.path, text, newer or "express the operation differently", True
        return
    refused = [one for one in layer.config if takes_argument(key, one, release, "operations") is False]
    if not refused:
        return
    newer = _newer(release, *(next_release(key, release, "operations", one) for one in refused))
    operation = f"{module.removeprefix('keras.src.')}.{name}"
    text = f"{operation} of Keras {target} does not accept {listed(list(map(repr, refused)), _SHOWN)}"
    if refused == ["name"]:
        text = f"Keras {target} does not accept the name of an operation, which Keras 3.11 and later write"
    yield layer.path, text, newer or "express the operation differently", True


def _custom(layer: Layer, release: int) -> Iterator[_Finding]:
    module, registered = layer.module, layer.registered_name or ""
    if release < NO_IMPORTS or module in (None, "__main__") or ">" in registered or ">" in (layer.class_name or ""):
        return
    if layer.is_keras or not _is_foreign((module or "").partition(".")[0]):
        return
    yield (
        layer.path,
        f"class {layer.class_name!r} of {module} is not registered: Keras {RELEASES[release]} does not import {module}",
        _REGISTER,
        False,
    )


def _held_by_layers(graph: ModelGraph, release: int) -> Iterator[_Finding]:
    """Custom functions and classes in the configuration of built-in layers: wrapped layers, initializers and others."""
    target = RELEASES[release]
    for one in references(graph):
        layer, place = graph.layers[one.layer], one.where.rpartition("/")[2]
        if one.kind is Kind.CODE or one.is_layer or one.where.startswith("compile_config") or not layer.is_keras:
            continue
        if layer.container or ">" in f"{one.registered_name}{one.class_name}{one.name}" or one.name in CODE_RUNNERS:
            continue
        foreign = one.root is not None and one.root not in ("builtins", "__main__")
        if foreign and not _is_foreign(str(one.root)):
            continue
        if one.kind is Kind.FUNCTION:
            found = place in _ACTIVATIONS or is_known_class(one.name, ("functions",))
        else:  # K002 reports wrapped layers without a module.
            found = is_known_class(one.name) or (release < NO_IMPORTS if foreign else place in _WRAPPED)
        if found:
            continue
        what = f"{layer.class_name} refers to the {one.kind} {one.name!r}, which is not registered"
        yield one.layer, f"{what}: Keras {target} cannot find it", _REGISTER, False


def _is_foreign(root: str) -> bool:
    """Whether a package belongs neither to Keras nor to Python, which X002 reports."""
    return root not in (*KERAS_ROOTS, *_HUBS) and (root not in sys.stdlib_module_names or root == "test")


def _texts_as_functions(graph: ModelGraph, release: int) -> Iterator[_Finding]:
    for layer in graph.layers.values():
        if not layer.is_keras or layer.container:
            continue
        for key, value in layer.config.items():
            if key != "name" and isinstance(value, str) and has_class(value, release, "layer_functions"):
                what = f"{layer.class_name} has {key}={value!r}, which Keras {RELEASES[release]} takes"
                why = f"{what} for its function keras.layers.{value} in an .h5 file"
                yield layer.path, why, "save the model as .keras", True


def _states_as_inputs(graph: ModelGraph, release: int) -> Iterator[_Finding]:
    """Keras 2 wrote the initial states of a recurrent layer among its inputs."""
    for call in graph.calls.values():
        layer = graph.layers[call.layer]
        if not layer.traits.recurrent or not call.args:
            continue
        count = sum(isinstance(leaf, Tensor) for leaf in flat(call.args[0]))
        if count > 1:
            yield (
                layer.path,
                f"{layer.class_name} receives {count} input tensors, with states as in Keras 2: Keras 3 expects one",
                _TF_KERAS,
                True,
            )


def _structured_inputs(graph: ModelGraph) -> Iterator[_Finding]:
    """Keras 3 reads the calls of Keras 2 only if they pass one tensor or a flat list of tensors."""
    for outer in list(graph.layers.values()):
        for call in outer.definition.body.calls if outer.definition.body is not None else ():
            inputs = call.args[0] if call.args else None
            nested = isinstance(inputs, list) and any(isinstance(item, (list, dict)) for item in inputs)
            if nested or isinstance(inputs, dict):
                what = "a dictionary of tensors" if isinstance(inputs, dict) else "nested lists of tensors"
                path = graph.layer_of.get(id(call.layer), outer.path)
                yield path, f"receives {what}, as Keras 2 wrote it: Keras 3 cannot read the call", _TF_KERAS, True
