"""What a model in memory loses when it is saved and loaded, told by making each custom object from its configuration.

Nothing is written. `load_model` gives the configuration that `get_config` returned, as JSON has it, to `from_config`;
the same is done here, object by object, and what comes back is compared with what there is.
"""

from __future__ import annotations

import copy
import inspect
import json
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import keras
import numpy as np

from graphlint.errors import listed
from graphlint.knowledge import keras_internals
from graphlint.knowledge.attributes import attributes_of
from graphlint.model.graph import Layer, ModelGraph
from graphlint.portability.saving import Unsaved, compiled_parts

_MOST_NUMBERS = 50_000_000
"""Of a larger object, a second one is not made to compare: there may be no room for it."""
_UNLIKE = frozenset({"name", "trainable", "dtype", "seed", "build_config", "shared_object_id"})
"""Keys of configurations in which an object that was made again may differ."""
_PLAIN = (bool, int, float, str, bytes, type(None))
_NOT_FOUND = ("Could not locate", "Unknown ", "Could not deserialize", "safe_mode")
_RETURN = "Return {} from get_config."


def unlike_after_loading(graph: ModelGraph) -> Iterator[Unsaved]:
    """The custom layers, models, losses, metrics and optimizers that would not be loaded, or not as they are."""
    classes = _custom_classes(graph)
    seen: set[int] = set()
    for layer in graph.layers.values():
        obj = layer.obj
        if id(obj) in seen or not isinstance(obj, keras.Layer) or layer.is_keras or not graph.written(layer.path):
            continue
        seen.add(id(obj))
        if layer.definition.config_error is not None:
            continue
        config = _config(layer)
        if config is not None:
            for message, hint, key in _differences(obj, config, classes, remake=_can_be_made(obj)):
                yield Unsaved(layer.path, f"{layer.class_name} {message}", hint, key=key)
    for layer in graph.layers.values():
        if not layer.is_model:
            continue
        for part, what in compiled_parts(layer.obj):
            if id(part) in seen or not callable(getattr(part, "get_config", None)) or _is_keras_class(type(part)):
                continue
            seen.add(id(part))
            try:
                config = json.loads(json.dumps(keras.saving.serialize_keras_object(part)))["config"]
            except Exception:  # K012 says that it cannot be saved.
                continue
            for message, hint, key in _differences(part, config, classes, remake=True):
                yield Unsaved(layer.path, f"{what} {message}", hint, key=f"{what}:{key}")


def _custom_classes(graph: ModelGraph) -> dict[str, Any]:
    """Every custom class of the model, by the names under which a configuration may have it."""
    found: dict[str, Any] = {}
    for layer in graph.layers.values():
        cls = type(layer.obj)
        if layer.obj is not None and not layer.is_keras:
            found[cls.__name__] = found[keras.saving.get_registered_name(cls)] = cls
    return found


def _is_keras_class(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "keras"


def _config(layer: Layer) -> dict[str, Any] | None:
    """What `from_config` would be given; None for a model whose file holds its graph."""
    obj = layer.obj
    if keras_internals.graph_model(obj) is None and not isinstance(obj, keras.Sequential):
        return layer.definition.config
    if not layer.definition.rebuilt:
        return None
    try:
        return dict(json.loads(json.dumps(keras.saving.serialize_keras_object(obj.get_config()))))
    except Exception:
        return None


def _can_be_made(obj: keras.Layer) -> bool:
    if keras_internals.graph_model(obj) is not None:
        return False
    return sum(int(np.prod(variable.shape)) for variable in obj.variables) <= _MOST_NUMBERS


def _differences(
    obj: Any, config: dict[str, Any], classes: dict[str, Any], *, remake: bool
) -> Iterator[tuple[str, str, str]]:
    """Message, hint and key for each thing that is not as it was."""
    cls = type(obj)
    arguments = _arguments(cls)
    own = keras_internals.has_own_from_config(cls)
    if arguments is not None and not own:
        named, takes_all = arguments
        unknown = [key for key in config if key not in named]
        if unknown and not takes_all:
            yield (
                f"cannot be loaded: its constructor takes no {_quoted(unknown)}, which get_config returns",
                "Add **kwargs to the constructor and pass it to super().__init__(**kwargs).",
                "unknown",
            )
            return
        missing = [name for name, required in named.items() if required and name not in config]
        if missing:
            yield (
                f"cannot be loaded: get_config leaves out {_quoted(missing)}, which the constructor requires",
                _RETURN.format(_quoted(missing)),
                "missing",
            )
            return
    if not remake:
        return
    try:
        with warnings.catch_warnings(), keras_internals.global_state_kept(), keras_internals.trusting_scope():
            warnings.simplefilter("ignore")
            with keras.saving.custom_object_scope(classes):
                again = cls.from_config(copy.deepcopy(config))
    except Exception as error:  # Whatever the code of a custom class raises.
        text = " ".join(str(error).split())
        if not any(words in text for words in _NOT_FOUND):
            reason = text.rpartition("Exception encountered: ")[2]
            yield (
                f"cannot be loaded: from_config fails with {type(error).__name__}: {reason[:160]}",
                "Make from_config and the constructor accept what get_config returns, after it was JSON.",
                "fails",
            )
        return
    yield from _forgotten(obj, again, config, arguments[0] if arguments else {})


def _arguments(cls: type) -> tuple[dict[str, bool], bool] | None:
    """The arguments of a constructor, with whether each is required, and whether it takes any others too."""
    try:
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]  # type: ignore[misc]
    except (TypeError, ValueError):
        return None
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    named = {one.name: one.default is inspect.Parameter.empty for one in parameters if one.kind in by_name}
    return named, any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)


def _forgotten(obj: Any, again: Any, config: dict[str, Any], named: dict[str, bool]) -> Iterator[tuple[str, str, str]]:
    if type(again) is not type(obj):
        yield (
            f"comes back as {type(again).__name__}: from_config does not return the class",
            "Return cls(**config) from from_config.",
            "class",
        )
        return
    for name in named:
        old, new = _value(obj, name), _value(again, name)
        if name in _UNLIKE or old is _ABSENT or new is _ABSENT:
            continue
        if isinstance(old, (keras.Layer, keras_internals.VARIABLE)) and not isinstance(
            new, (keras.Layer, keras_internals.VARIABLE)
        ):
            yield (
                (
                    f"cannot be loaded: get_config returns the layer {name!r} as it is, and the constructor receives "
                    f"{'nothing' if new is None else 'a dictionary'} in its place"
                ),
                (
                    f"Serialize {name!r} with keras.saving.serialize_keras_object in get_config, and make it again in "
                    "from_config with keras.saving.deserialize_keras_object."
                ),
                name,
            )
            return
        if not _alike(old, new):
            reason = "which get_config leaves out" if name not in config else "whatever get_config returns"
            yield (
                f"forgets {name} when it is loaded: {_shown(new)} instead of {_shown(old)}, {reason}",
                _RETURN.format(repr(name)),
                name,
            )
            return
    if not isinstance(obj, keras.Layer):
        return
    before, after = dict(keras_internals.sublayers(obj)), dict(keras_internals.sublayers(again))
    for path, layer in before.items():
        if path not in after:
            continue
        for key, old, new in _changed(layer, after[path]):
            left_out = [name for name in named if name not in config and name not in _UNLIKE]
            cause = f"get_config leaves out {_quoted(left_out)}" if left_out else "get_config does not say it"
            yield (
                f"is not the same when loaded: {key} of {path} is {_shown(new)} instead of {_shown(old)}; {cause}",
                _RETURN.format(_quoted(left_out) if left_out else "every argument of the constructor"),
                f"{path}:{key}",
            )
            return


def _changed(old: keras.Layer, new: keras.Layer) -> Iterator[tuple[str, Any, Any]]:
    if type(old) is not type(new):
        yield "the class", type(old).__name__, type(new).__name__
        return
    if hasattr(old, "adapt"):  # What it has learned is in the weights or assets of the file.
        return
    found = _other_settings(old, new)
    if found and old.built and not new.built:
        # Building writes settings: the axes of an attention, the Input of a Sequential.
        with suppress(Exception), keras_internals.global_state_kept():
            new.build_from_config(old.get_build_config())
            found = _other_settings(old, new)
    yield from found


def _other_settings(old: keras.Layer, new: keras.Layer) -> list[tuple[str, Any, Any]]:
    try:
        before, after = old.get_config(), new.get_config()
        before, after = (json.loads(json.dumps(keras.saving.serialize_keras_object(one))) for one in (before, after))
    except Exception:  # What has no configuration cannot be compared.
        return []
    return [
        (key, value, after.get(key))
        for key, value in before.items()
        if key not in _UNLIKE and _alone(_named_apart(value)) != _alone(_named_apart(after.get(key)))
    ]


def _named_apart(value: Any) -> Any:
    """A configuration without the keys in which two objects may differ."""
    if isinstance(value, dict):
        return {key: _named_apart(item) for key, item in value.items() if key not in _UNLIKE}
    return [_named_apart(item) for item in value] if isinstance(value, list) else value


def _alone(value: Any) -> Any:
    """One value for itself and a list of it: a layer that was built says ``axis=[-1]`` where it was given ``-1``."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


_ABSENT = object()


def _value(obj: Any, name: str) -> Any:
    """What an object keeps of an argument, under its name or that with an underscore."""
    attributes = attributes_of(obj)
    for key in (name, f"_{name}"):
        if key in attributes:
            return attributes[key]
    return _ABSENT


def _alike(old: Any, new: Any) -> bool:
    """Whether two values are the same; what is no plain data, array or function cannot be compared."""
    if isinstance(old, _PLAIN) and isinstance(new, _PLAIN):
        return bool(old == new) or (old != old and new != new)
    if isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)):
        return len(old) == len(new) and all(_alike(*pair) for pair in zip(old, new, strict=True))
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_alike(value, new[key]) for key, value in old.items())
    if isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        return old.shape == new.shape and bool(np.array_equal(old, new, equal_nan=old.dtype.kind in "fc"))
    if inspect.isfunction(old) and inspect.isfunction(new):
        return (old.__module__, old.__qualname__) == (new.__module__, new.__qualname__)
    return (old is None) is (new is None) or not isinstance(new if old is None else old, _PLAIN)


def _shown(value: Any) -> str:
    if inspect.isfunction(value):
        return value.__name__
    if isinstance(value, dict) and isinstance(value.get("class_name"), str):
        return str(value["config"] if isinstance(value.get("config"), str) else value["class_name"])
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _quoted(names: list[str]) -> str:
    return listed([*map(repr, names)], 4)
