"""Models built by Python code: ``package.module:attribute``. Imported only because the user asks for it."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from graphlint.errors import ImportTargetError

if TYPE_CHECKING:
    import keras

T = TypeVar("T")

_FILE_ENDINGS = frozenset({"keras", "h5", "hdf5", "json", "npz", "npy", "pb", "pkl", "pickle", "zip", "toml", "py"})


def is_target(text: str) -> bool:
    """Whether a text has the form ``package.module:attribute``, and not the ending of a file.

    >>> is_target("models.detector:build"), is_target("models/detector.keras"), is_target("C:\\\\models")
    (True, False, False)
    >>> is_target("C:model.keras")
    False
    """
    module, colon, attribute = text.partition(":")
    _, dot, ending = attribute.rpartition(".")
    if dot and ending.lower() in _FILE_ENDINGS:
        return False
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), *attribute.split(".")))


def is_model(value: Any) -> bool:
    """Whether a value is a model, of Keras 3 or of Keras 2."""
    import keras

    from graphlint.sources.keras_2 import package_of

    return isinstance(value, keras.Model) or package_of(value) is not None


def load_attribute(target: str, call_args: str | None = None) -> keras.Model:
    """Import a module and return the model at one of its attributes; a callable that is not a model is called.

    ``call_args`` are arguments of that call as JSON: a list of positional ones, or an object of named ones. The current
    directory is searched first, as by ``python -m``.

    Raises:
        ImportTargetError: not of that form, not importable, missing, or not a ``keras.Model`` in the end.
    """
    made = load_models(target, call_args)
    if not isinstance(made, dict):
        return made
    several = f"{len(made)} models ({', '.join(made)})"
    raise ImportTargetError(f"expected {target} to be or return one keras.Model, got {several}: name one of them")


def load_models(target: str, call_args: str | None = None) -> keras.Model | dict[str, keras.Model]:
    """The same for one model or several: a tuple, list or dict of models, or an object that holds them.

    Several are returned by name: that of the key or attribute, or that of the model itself.

    Raises:
        ImportTargetError: as `load_attribute`, or there is no model.
    """
    if not is_target(target):
        raise ImportTargetError(
            f"expected package.module:attribute, got {target!r}: write for example models.net:build"
        )
    args, kwargs = _arguments(call_args)
    name, _, attribute = target.partition(":")
    found = _attribute(_module(name), name, attribute)
    if is_model(found):
        if call_args is not None:
            raise ImportTargetError(f"{target} is already a model: leave out the call arguments")
        return found
    several = models_in(found)
    if several and call_args is None:
        return several
    if not callable(found):
        raise ImportTargetError(f"expected {target} to be a keras.Model or to return one, got {type(found).__name__}")
    try:
        made = found(*args, **kwargs)
    except Exception as error:
        raise ImportTargetError(
            f"calling {target} failed with {_line(error)}: give its arguments as JSON, or fix the function"
        ) from error
    if is_model(made):
        return made
    several = models_in(made)
    if not several:
        raise ImportTargetError(
            f"expected {target} to return a keras.Model, or several in a tuple, list, dict or object, got "
            f"{type(made).__name__}"
        )
    return several


def models_in(found: Any) -> dict[str, keras.Model]:
    """The models in a tuple, list or dict, or in the attributes of an object, by name; empty if it is none of these.

    An object may be held under several names, and then is there under each.
    """
    import keras

    if isinstance(found, (type, keras.Layer)) or is_model(found):
        return {}
    if isinstance(found, (list, tuple)):
        items = [(str(getattr(one, "name", place)), one) for place, one in enumerate(found)]
        if any(isinstance(one, (list, tuple, dict)) for _, one in items):
            items = [inner for _, one in items for inner in _nested(one)]
    elif isinstance(found, dict):
        items = [(str(key), one) for key, one in found.items()]
    else:
        items = list(getattr(found, "__dict__", {}).items())
    named = [(key.lstrip("_") or key, one) for key, one in items if is_model(one)]
    return unique(named)


def _nested(one: Any) -> list[tuple[str, Any]]:
    if isinstance(one, dict):
        return [(str(key), value) for key, value in one.items()]
    return [(str(getattr(value, "name", "")), value) for value in (one if isinstance(one, (list, tuple)) else [one])]


def unique(named: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Things by name, a number added to a name that was there before.

    >>> unique([("a", 1), ("b", 2), ("a", 3)])
    {'a': 1, 'b': 2, 'a_2': 3}
    """
    found: dict[str, T] = {}
    for name, one in named:
        free, number = name, 2
        while free in found:
            free, number = f"{name}_{number}", number + 1
        found[free] = one
    return found


def load_data(target: str) -> Any:
    """Import a module and return the data at one of its attributes; a function that returns it is called.

    Raises:
        ImportTargetError: not of that form, not importable, missing, or the function fails.
    """
    if not is_target(target):
        raise ImportTargetError(f"expected package.module:attribute, got {target!r}: write for example data:batch")
    name, _, attribute = target.partition(":")
    found = _attribute(_module(name), name, attribute)
    if not callable(found) or hasattr(found, "__iter__") or hasattr(found, "__getitem__"):
        return found
    try:
        return found()
    except Exception as error:
        raise ImportTargetError(
            f"calling {target} failed with {_line(error)}: it is called without arguments, and returns a batch"
        ) from error


def _arguments(call_args: str | None) -> tuple[list[Any], dict[str, Any]]:
    if call_args is None:
        return [], {}
    try:
        found = json.loads(call_args)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ImportTargetError(
            f'expected call arguments as JSON, got {call_args!r:.80} ({error}): write [1, 2] or {{"units": 2}}'
        ) from None
    if isinstance(found, list):
        return found, {}
    if isinstance(found, dict):
        return [], found
    raise ImportTargetError(
        f'expected call arguments as a JSON list or object, got {call_args!r:.80}: write [1, 2] or {{"units": 2}}'
    )


def _module(name: str) -> Any:
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise ImportTargetError(
                f"no module {error.name!r} in the current directory or the environment: check the name"
            ) from error
        raise ImportTargetError(f"importing {name} failed with {_line(error)}: install what it needs") from error
    except Exception as error:
        raise ImportTargetError(f"importing {name} failed with {_line(error)}: fix the module") from error
    finally:
        if added and here in sys.path:
            sys.path.remove(here)


def _attribute(module: Any, name: str, attribute: str) -> Any:
    found = module
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            public = ", ".join(key for key in vars(module) if not key.startswith("_"))[:200]
            raise ImportTargetError(
                f"module {name} has no attribute {attribute!r}: it has {public or 'none'}"
            ) from None
    return found


def _line(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
