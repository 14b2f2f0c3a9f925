"""What a configuration forgets: why a copy of a layer does not do what the layer does."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

import keras
import numpy as np

from graphlint.knowledge import keras_internals
from graphlint.knowledge.attributes import attributes_of
from graphlint.knowledge.origin import is_live_keras_class

_MOST = 10_000
"""Objects that are looked at, so that a layer which holds a data set does not take for ever."""


def why(layer: Any, copy: Any) -> str:
    """Why a copy that was made from the configuration of a layer is another one, and what to do: one line."""
    pairs = list(_pairs(layer, copy))
    for reason in (_left_out, _untracked, _changed):
        for one, other in pairs:
            found = reason(one, other)
            if found is not None:
                where = "" if one is layer else f"{type(one).__name__} {one.name!r} inside: "
                return where + found
    return "get_config() and from_config() of its class make another layer: let them describe all that call() uses"


def _pairs(layer: Any, copy: Any) -> Iterator[tuple[Any, Any]]:
    """A layer and those inside it, each with the one in its place."""
    yield layer, copy
    if not isinstance(layer, keras.Layer):
        return
    inside = dict(keras_internals.sublayers(copy))
    for path, one in keras_internals.sublayers(layer):
        if path in inside and type(inside[path]) is type(one):
            yield from _pairs(one, inside[path])


def _left_out(one: Any, other: Any) -> str | None:
    """Arguments of the constructor that the configuration does not hold."""
    if is_live_keras_class(type(one)):
        return None
    try:
        parameters = inspect.signature(type(one).__init__).parameters.values()
        config = one.get_config()
    except Exception:
        return None
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    missing = [one.name for one in list(parameters)[1:] if one.kind in named and one.name not in config]
    missing = [name for name in missing if not _kept(one, other, name)]
    if not missing:
        return None
    return (
        f"get_config() leaves out {'the argument' if len(missing) == 1 else 'the arguments'} "
        f"{', '.join(map(repr, missing))}: add {'it' if len(missing) == 1 else 'them'}"
    )


def _kept(one: Any, other: Any, name: str) -> bool:
    """Whether a layer and its copy have an attribute of this name with one plain value."""
    missing = object()
    for attribute in (name, f"_{name}"):
        value, twin = getattr(one, attribute, missing), getattr(other, attribute, missing)
        if twin is not missing and _is_plain(value):
            return _same(value, twin)
    return False


def _untracked(one: Any, other: Any) -> str | None:
    """State that Keras does not know of, and so neither saves nor copies."""
    if not isinstance(one, keras.Layer):
        return None
    found = list(dict.fromkeys(f"{type(value).__name__} in {path!r}" for path, value in untracked(one)))
    if not found:
        return None
    return (
        f"it holds state that Keras does not track ({', '.join(found[:3])}): make it with add_weight(), or assign "
        "layers and variables to attributes of the layer itself"
    )


def _changed(one: Any, other: Any) -> str | None:
    """Plain attributes, or settings, that are not what they were."""
    for name, value in vars(one).items():
        if name in _OF_KERAS or name.startswith("_") or not hasattr(other, name):
            continue
        twin = getattr(other, name)  # It may be that of the class.
        if _is_plain(value) and _is_plain(twin) and not _same(value, twin):
            return (
                f"{name!r} is {_short(value)}, and {_short(twin)} in the copy: let get_config() return it and the "
                "constructor take it"
            )
    return None


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str, np.ndarray, np.generic, FunctionType))


def _same(value: Any, twin: Any) -> bool:
    if isinstance(value, (np.ndarray, np.generic)) or isinstance(twin, (np.ndarray, np.generic)):
        return bool(np.array_equal(value, twin))
    if isinstance(value, (list, tuple)) and isinstance(twin, (list, tuple)):
        return len(value) == len(twin) and all(map(_same, value, twin))
    return bool(value == twin)


def _short(value: Any) -> str:
    text = value.__name__ if isinstance(value, FunctionType) else repr(value)
    return " ".join(text.split())[:60]


def untracked(layer: keras.Layer) -> Iterator[tuple[str, Any]]:
    """The layers with variables, and the variables, that a layer reaches and Keras does not, each with the attribute.

    They are in plain objects, sets, closures and partial functions, or are variables of the backend itself.
    """
    inside = keras_internals.all_layers(layer)
    known = {id(one) for one in (layer, *inside)} | {id(one) for one in layer.variables}
    for one in inside:
        known |= {id(held) for held in keras_internals.carried_states(one)}
        known |= {id(keras_internals.backend_value(held)) for held in one.variables}
    seen = set(known)
    stack = [(name, value) for name, value in attributes_of(layer).items() if name not in _OF_KERAS]
    while stack and len(seen) < _MOST:
        path, value = stack.pop()
        if id(value) in seen or isinstance(value, (ModuleType, type, str, bytes, np.ndarray)):
            continue
        seen.add(id(value))
        if isinstance(value, keras.Layer):
            if value.variables or not value.built:
                yield path, value
        elif isinstance(value, keras_internals.VARIABLE) or _is_backend_variable(value):
            yield path, value
        elif isinstance(value, (list, tuple, set, frozenset)):
            stack += [(path, item) for item in value]
        elif isinstance(value, dict):
            stack += [(path, item) for item in value.values()]
        elif isinstance(value, partial):
            stack += [(path, item) for item in (value.func, *value.args, *value.keywords.values())]
        elif isinstance(value, MethodType):
            stack += [(path, value.__self__), (path, value.__func__)]
        elif isinstance(value, FunctionType):
            stack += [(path, item) for item in _reached_by(value)]
        elif not type(value).__module__.startswith(("keras.", "numpy", "tensorflow", "torch", "jax")):
            stack += [(path, item) for item in getattr(value, "__dict__", {}).values()]


_OF_KERAS = frozenset(vars(keras.layers.Identity(name="graphlint_plain")))
"""Attributes that Keras itself gives to every layer."""


def _reached_by(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # It was never assigned.
            continue
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, (keras.Layer, keras_internals.VARIABLE)) or _is_backend_variable(value):
            yield value


def _is_backend_variable(value: Any) -> bool:
    """Whether a value is a variable of a backend: ``tf.Variable``, a parameter of PyTorch."""
    names = {f"{cls.__module__.partition('.')[0]}.{cls.__name__}" for cls in type(value).__mro__}
    return bool(names & {"tensorflow.Variable", "torch.Parameter"})
