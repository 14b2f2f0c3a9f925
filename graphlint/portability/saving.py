"""Why `model.save` would fail on a model in memory. What it would write is assembled, but not written."""

from __future__ import annotations

import inspect
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any

import keras

from graphlint.knowledge import keras_internals
from graphlint.model.address import ROOT
from graphlint.model.definition import Constant
from graphlint.model.graph import Layer, ModelGraph

_GET_CONFIG = "Write get_config in {}, returning every argument of its constructor as plain data."
_PLAIN = "Replace it with numbers, strings, lists, dictionaries or arrays, or an object of a class with get_config."
_COMPILE = "Write get_config in the class, or compile the model without it before saving."
_PARTS = {"loss": "the loss", "metrics": "the metric", "weighted_metrics": "the metric", "optimizer": "the optimizer"}
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_UNFIT_ARGUMENT = re.compile(r"Object (\w+) was created by passing non-serializable")
_UNNAMED_ARGUMENT = re.compile(r"Object (\w+) was created by passing positional only")
_NO_CONFIG = re.compile(r"\.?(\w+) object> does not implement get_config")
_SCHEDULE = re.compile(r"Learning rate schedule '(\w+)' must override")
_NO_DATA = re.compile(r"Cannot serialize object .* of type <class '(?:\w+\.)*(\w+)'>")


@dataclass(frozen=True, slots=True)
class Unsaved:
    """One thing that cannot be saved, where it is in the graph, and what to do."""

    node: str
    message: str
    hint: str
    _: KW_ONLY
    key: str = ""


def unsaved(graph: ModelGraph) -> Iterator[Unsaved]:
    """What prevents a live model from being saved as ``.keras``, one entry per cause."""
    error = _error(graph.definition.obj)
    if error is not None:
        found = [*_configurations(graph), *_arguments(graph), *_compilations(graph)]
        yield from found or [Unsaved(ROOT, f"the model cannot be saved: {error}", _PLAIN)]
    yield from _states(graph)


def _error(obj: Any) -> str | None:
    """The error of Keras when it writes the configuration of an object; None if it succeeds."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            json.dumps(keras.saving.serialize_keras_object(obj))
    except Exception as error:  # get_config of a custom class may raise anything.
        return _shortened(f"{type(error).__name__}: {error}")
    return None


def _shortened(text: str) -> str:
    line = _ADDRESS.sub("", " ".join(text.split()))
    return line if len(line) <= 200 else f"{line[:197]}..."


def _configurations(graph: ModelGraph) -> Iterator[Unsaved]:
    for layer in graph.layers.values():
        error = layer.definition.config_error
        if error is not None and graph.written(layer.path, wrapped=False):
            cause, hint = _cause(layer, _shortened(error))
            yield Unsaved(layer.path, f"{layer.class_name} cannot be saved: {cause}", hint)


def _cause(layer: Layer, error: str) -> tuple[str, str]:
    layers = keras_internals.all_layers(layer.obj) if layer.is_keras and not layer.is_operation else []
    if "NoneType" in error and any(_without_activation(one) for one in layers):
        return "its activation is None", "Assign keras.activations.linear instead of None."
    cause, hint = _in_words(layer.obj, error) or (error, _GET_CONFIG.format("the class"))
    return cause, "Call the operation inside a custom layer." if layer.is_operation and layer.is_keras else hint


def _without_activation(layer: keras.Layer) -> bool:
    return getattr(layer, "activation", layer) is None


def _in_words(obj: Any, error: str) -> tuple[str, str] | None:
    """The causes that Keras names, without its example code."""
    for pattern, text in (
        (_UNFIT_ARGUMENT, "{} received an argument that is not plain data, and has no get_config"),
        (_UNNAMED_ARGUMENT, "{} has positional-only arguments, and no get_config"),
        (_NO_CONFIG, "{} has no get_config"),
        (_SCHEDULE, "{} has no get_config"),
    ):
        match = pattern.search(error)
        if match is not None:
            return text.format(match[1]), _GET_CONFIG.format(match[1])
    match = _NO_DATA.search(error)
    if match is None:
        return None
    held = match[1].removeprefix("Tracked").lower() if match[1].startswith("Tracked") else match[1]
    if held == type(obj).__name__:
        return f"{held} has no get_config", _GET_CONFIG.format(held)
    keys = _unfit_keys(obj)
    where = f"get_config returns {keys} with" if keys else "its configuration holds"
    return f"{where} {_article(held)} {held}, which is not plain data", _PLAIN


def _unfit_keys(obj: Any) -> str:
    try:
        config = obj.get_config()
    except Exception:  # Then it is the get_config of Keras itself that fails on an attribute.
        return ""
    return ", ".join(repr(key) for key, value in config.items() if _error(value) is not None)


def _article(word: str) -> str:
    return "an" if word[:1].lower() in "aeiou" else "a"


def _arguments(graph: ModelGraph) -> Iterator[Unsaved]:
    for call in graph.calls.values():
        if not graph.written(call.layer):
            continue
        for argument, leaf in graph.leaves(call.id):
            if not isinstance(leaf, Constant) or leaf.obj is None or _error(leaf.obj) is None:
                continue
            kind = type(leaf.obj).__name__
            yield Unsaved(
                call.id,
                f"argument {argument!r} is {_article(kind)} {kind}, which cannot be saved",
                "Pass a tensor or plain data, or make the object part of a layer with get_config.",
                key=argument,
            )


def _compilations(graph: ModelGraph) -> Iterator[Unsaved]:
    for layer in graph.layers.values():
        for part, what in compiled_parts(layer.obj) if layer.is_model else ():
            error = _error(part)
            if error is not None:
                cause, hint = _in_words(part, error) or (error, _COMPILE)
                yield Unsaved(layer.path, f"{what} cannot be saved: {cause}", hint, key=what)


def compiled_parts(model: keras.Model) -> Iterator[tuple[Any, str]]:
    """What a model is compiled with, object by object, each with what to call it."""
    if not getattr(model, "compiled", False):
        return
    for key, value in (keras_internals.compile_arguments(model) or {}).items():
        for part in _flat(value):
            yield part, f"{_PARTS.get(key, key)} {getattr(part, '__name__', type(part).__name__)}"


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        yield value
        return
    for item in value:
        yield from _flat(item)


def _states(graph: ModelGraph) -> Iterator[Unsaved]:
    """Custom classes with their own save_own_variables."""
    for layer in graph.layers.values():
        obj = layer.obj
        if not isinstance(obj, keras.Layer) or layer.is_keras:
            continue
        if inspect.unwrap(type(obj).save_own_variables) is keras.Layer.save_own_variables:
            continue
        try:
            obj.save_own_variables({})
        except Exception as error:  # A custom class may raise anything.
            text = _shortened(f"{type(error).__name__}: {error}")
            yield Unsaved(layer.path, f"save_own_variables of {layer.class_name} fails: {text}", "Fix that method.")
