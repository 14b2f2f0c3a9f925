"""Rescue: load a model that the installed Keras rejects only because of the form of its file.

The configuration is rewritten in the dialect of the installed Keras, Keras builds the model from it in safe mode, and
every stored value is copied to its variable, bit for bit; what Keras 3 computes in another way than the release that
wrote the file is changed so that outputs stay (``portability.modernizing``), or refused. Saving that model gives a file
that Keras loads.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from graphlint.errors import Unmendable, one_line
from graphlint.fixes.dialect import arguments_of, todays_configuration
from graphlint.model.definition import ModelDefinition
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph, Variable
from graphlint.portability.layers_of_files import of_keras_3
from graphlint.portability.modernizing import modernize
from graphlint.portability.rewriting import hindrance, module_named
from graphlint.sources.live import read_live

_RENAMED_LOSSES = {"huber_loss": "huber", "kullback_leibler_divergence": "kl_divergence", "logcosh": "log_cosh"}


@dataclass(frozen=True, slots=True)
class Rescued:
    """A rescued model, and what could not be carried over (never a weight)."""

    model: keras.Model
    notes: tuple[str, ...]


def rescue(definition: ModelDefinition) -> Rescued:
    """Build a Keras model from what was read from a file of any dialect.

    Raises:
        Unmendable: the file contains Python code, needs a missing class, or has no weights to carry over.
    """
    refused = hindrance(definition)
    if refused is not None:
        raise Unmendable(refused)
    notes = modernize(definition)
    _prepare(definition)
    graph = expand(definition)
    model = _load(todays_configuration(definition.root), graph)
    if definition.has_weights:
        _carry_weights(graph, expand(read_live(model)))
    else:
        notes.append("the file has no weights: the new one has freshly initialized ones")
    notes += compile_as_in_file(model, definition)
    return Rescued(model, tuple(notes))


def _prepare(definition: ModelDefinition) -> None:
    """What Keras 3 does not support: a slash in the name of a layer, and a single input as a list of one.

    Keras 2 wrote every single input and output like that, but passed the tensor itself.
    """
    keras_3 = of_keras_3(definition)
    stack, seen = [definition.root], set()
    while stack:
        layer = stack.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        inside = layer.body.layers if layer.body is not None else list(layer.children.values())
        if layer.body is not None and not keras_3:
            layer.body.inputs, layer.body.outputs = _alone(layer.body.inputs), _alone(layer.body.outputs)
        names = {one.name for one in inside}
        for one in inside:
            if "/" in one.name:
                name = one.name.replace("/", "_")
                while name in names:
                    name += "_"
                names.add(name)
                one.name = name
                if "name" in one.config:
                    one.config = {**one.config, "name": name}
        stack += inside


def _alone(structure: Any) -> Any:
    return structure[0] if isinstance(structure, (list, tuple)) and len(structure) == 1 else structure


def _load(config: dict[str, Any], graph: ModelGraph) -> keras.Model:
    try:
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
    except Exception as error:
        raise Unmendable(_cause(error, graph)) from error
    if not isinstance(model, keras.Model):
        raise Unmendable(f"expected a model, got {type(model).__name__}")
    return model


def _cause(error: BaseException, graph: ModelGraph) -> str:
    """The last line of Keras's message, which is the cause; the lines before say where."""
    text = str(error)
    unknown = re.search(r"(?:Could not locate class|Unknown \w+:) '([^']+)'", text)
    if unknown:
        return f"class {unknown[1]!r} is not part of Keras: {_how_to_import(unknown[1], graph)}"
    cause = text.rpartition("Exception encountered: ")[2]
    return " ".join(cause.partition("Full object config")[0].split())[:300]


def _how_to_import(class_name: str, graph: ModelGraph) -> str:
    names = {class_name, class_name.rpartition(">")[2]}
    for layer in graph.layers.values():
        module = module_named(layer.definition) if layer.class_name in names else None
        if module is not None:
            return f"pass --import {module}, which the file names, if that module registers it"
    return "pass --import with the module that defines and registers it, which the file does not name"


def _carry_weights(stored: ModelGraph, live: ModelGraph) -> None:
    wanted = {(variable.layer, variable.index): variable for variable in live.variables.values()}
    for variable in stored.variables.values():
        target = wanted.pop((variable.layer, variable.index), None)
        if target is None:
            raise Unmendable(f"{variable.id} is in the file, but the model that Keras builds has no such variable")
        _assign(variable, target)
    for layer in live.layers.values():
        if isinstance(layer.obj, keras.layers.Normalization):
            layer.obj.finalize_state()  # What it computes with is derived from its variables.
    if wanted:
        missing = ", ".join(sorted(variable.id for variable in wanted.values())[:3])
        raise Unmendable(f"the file has no values for {missing}: save the model again, or initialize them in code")


def _assign(source: Variable, target: Variable) -> None:
    if source.values is None:
        raise Unmendable(f"the values of {source.id} are not in this file")
    if source.shape != target.shape:
        raise Unmendable(f"{source.id} is stored with shape {source.shape}, but Keras expects {target.shape}")
    value = source.values.read()
    target.obj.assign(value)
    now = keras.ops.convert_to_numpy(target.obj)
    if not np.array_equal(now, value.astype(now.dtype), equal_nan=value.dtype.kind == "f"):
        raise Unmendable(f"{source.id} could not be carried over bit for bit")


def compile_as_in_file(model: keras.Model, definition: ModelDefinition) -> list[str]:
    """Compile as the file says; what the installed Keras does not accept is omitted with a note."""
    config = definition.compile_config
    if not config:
        return []
    try:
        optimizer = _optimizer(config.get("optimizer"))
        settings = {
            key: _setting(config[key], keras.losses if key == "loss" else keras.metrics)
            for key in ("loss", "loss_weights", "metrics", "weighted_metrics")
            if config.get(key) is not None
        }
        model.compile(optimizer=optimizer, **settings)
    except Exception as error:
        return [f"not compiled: {one_line(error, 160)}"]
    if definition.optimizer is not None and definition.optimizer.variables:
        return ["the optimizer state is not carried over: training starts with a new one"]
    return []


def _setting(value: Any, module: Any) -> Any:
    """A loss, a metric, or lists and dicts of them, as the installed Keras accepts them.

    Raises:
        Unmendable: one of them is custom.
    """
    if isinstance(value, dict) and value.get("class_name") == "function" and isinstance(value.get("config"), str):
        value = value["config"]
    if isinstance(value, str):
        return _name(value, module)
    if isinstance(value, list):
        return [_setting(item, module) for item in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value or not isinstance(value.get("config"), dict):
        return {key: _setting(item, module) for key, item in value.items()}
    name, config = str(value["class_name"]), value["config"]
    if name == "MeanMetricWrapper":
        return _name(str(config.get("fn") if isinstance(config.get("fn"), str) else config.get("name")), module)
    found = getattr(module, name, None)
    if not isinstance(found, type):
        return keras.saving.deserialize_keras_object(value, safe_mode=True)
    said = {key: item for key, item in config.items() if key != "fn" and (key, item) != ("reduction", "auto")}
    return found(**arguments_of(found, said, name))


def _name(name: str, module: Any) -> str:
    """The full name of a loss or metric, which an HDF5 file needs; names that ``compile`` interprets are kept."""
    if module is keras.metrics and name in ("accuracy", "acc", "crossentropy", "ce"):
        return name
    name = _RENAMED_LOSSES.get(name, name)
    try:
        found = module.get(name)
    except ValueError as error:
        raise Unmendable(f"{name!r} is not a built-in loss or metric") from error
    return str(found.__name__) if inspect.isfunction(found) else name


def _optimizer(config: Any) -> Any:
    if isinstance(config, str):
        return config
    name = str(config["class_name"]).removeprefix("Custom>")
    if name.startswith("LossScaleOptimizer"):
        return _loss_scale(config["config"])
    found = getattr(keras.optimizers, name, None)
    if not isinstance(found, type):
        raise Unmendable(f"optimizer {name!r} is not a built-in optimizer")
    kept = arguments_of(found, config["config"], f"optimizer {name}")
    return found(**{key: _plain(value) for key, value in kept.items()})


def _loss_scale(config: dict[str, Any]) -> Any:
    inner = config.get("inner_optimizer", config.get("optimizer"))
    if inner is None or config.get("dynamic") is False:
        raise Unmendable("the optimizer scales its loss by a fixed number, which Keras 3 does not do")
    kept = {key: config[key] for key in ("initial_scale", "dynamic_growth_steps") if config.get(key) is not None}
    return keras.optimizers.LossScaleOptimizer(_optimizer(inner), **kept)


def _plain(value: Any) -> Any:
    is_object = isinstance(value, dict) and "class_name" in value
    return keras.optimizers.schedules.deserialize(value) if is_object else value
