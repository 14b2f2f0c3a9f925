"""Layers and variables that code of a live model uses and that Keras does not track: what functions can reach."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from graphlint.knowledge.attributes import attributes_of
from graphlint.knowledge.layers import LayerTraits, builds_variables, layer_traits
from graphlint.knowledge.origin import is_keras_package
from graphlint.model.graph import Layer, ModelGraph

_MOST = 20_000
"""Objects that are looked at for one layer."""
_NOT_RUN = frozenset({"__init__", "build", "get_config", "from_config", "get_build_config", "build_from_config"})
_LIBRARIES = frozenset({"keras", "tensorflow", "numpy", "jax", "jaxlib", "torch", "builtins", "collections", "logging"})
_READS = {
    "LOAD_DEREF": "closure",
    "LOAD_CLASSDEREF": "closure",
    "LOAD_FROM_DICT_OR_DEREF": "closure",
    "LOAD_GLOBAL": "global",
    "LOAD_NAME": "global",
}


@dataclass(frozen=True, slots=True)
class Hidden:
    """One layer or variable that Keras does not track, in words; ``trains`` if some of it could be trained."""

    text: str
    trains: bool


def serialized_has_weights(serialized: dict[str, Any]) -> bool:
    """Whether a serialized object is a layer with variables of its own or in a layer that it holds."""
    held: list[Any] = [serialized]
    while held:
        value = held.pop()
        if isinstance(value, (list, tuple)):
            held.extend(value)
        if not isinstance(value, dict):
            continue
        config, traits = value.get("config"), serialized_traits(value)
        if isinstance(config, dict) and traits.family is not None:
            if builds_variables(traits, config):
                return True
        elif "build_config" in value and isinstance(value.get("module"), str) and not is_keras_package(value["module"]):
            return True
        held.extend(value.values())
    return False


def serialized_traits(serialized: dict[str, Any]) -> LayerTraits:
    given = [serialized.get(key) for key in ("class_name", "module", "registered_name")]
    return layer_traits(*(one if isinstance(one, str) else None for one in given))


def hidden_in_lambda(layer: Layer) -> list[Hidden]:
    """What the functions of a live Lambda can reach by name."""
    functions = [getattr(layer.obj, name, None) for name in ("function", "_output_shape", "mask")]
    return _search([*functions, getattr(layer.obj, "arguments", None)], functions, frozenset())


def hidden_in_code(graph: ModelGraph) -> Iterator[tuple[Layer, list[Hidden], list[str]]]:
    """For each custom layer and model in memory: what its call uses untracked, and the layers that it makes anew."""
    if graph.definition.obj is None:
        return
    import keras

    from graphlint.knowledge import keras_internals

    everything = keras_internals.all_layers(graph.definition.obj)
    tracked = {id(one) for layer in everything for one in (layer, *keras_internals.own_variables(layer))}
    tracked |= {id(variable) for variable in graph.definition.obj.variables}
    told: set[int] = set()
    for layer in graph.layers.values():
        obj = layer.obj
        if not isinstance(obj, keras.Layer) or layer.is_keras or id(obj) not in tracked or id(obj) in told:
            continue
        told.add(id(obj))
        methods, names = _reached_from_call(type(obj))
        attributes = [value for key, value in attributes_of(obj).items() if key in names]
        found = _search([*attributes, *methods], [], frozenset(tracked))
        made = [name for method in methods for name in _made_by(method)]
        if found or made:
            yield layer, found, list(dict.fromkeys(made))


def _reached_from_call(cls: type) -> tuple[list[FunctionType], set[str]]:
    """The functions of the custom classes that a call runs, and every name that they use, attributes among them."""
    own: dict[str, FunctionType] = {}
    for one in cls.__mro__:
        if one.__module__.partition(".")[0] in _LIBRARIES:
            continue
        for name, value in vars(one).items():
            if isinstance(value, FunctionType) and name not in _NOT_RUN:
                own.setdefault(name, inspect.unwrap(value))
    found: dict[str, FunctionType] = {}
    names: set[str] = set()
    waiting = ["call"] if "call" in own else []
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = own[name]
        for code in _codes(own[name].__code__):
            names.update(code.co_names)
            waiting += [used for used in code.co_names if used in own]
    return list(found.values()), names


_KEPT_BY_KERAS = frozenset({"_layers", "_modules", "_operations"})
"""Attributes in which Keras lists the layers of a layer or model."""
_ANY_ATTRIBUTE = frozenset({"getattr", "vars", "__dict__", "layers", "_layers", "_flatten_layers"})
"""Names in code that may mean any attribute."""


def attribute_of(owner: Any, held: Any) -> str:
    """The attribute under which an object holds another, itself or in a list or dictionary; empty where none does."""
    found: list[str] = []
    for name, value in attributes_of(owner).items():
        items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
        if value is held:
            return str(name)
        if name not in _KEPT_BY_KERAS and any(item is held for item in items):
            found.append(str(name))
    return found[0] if found else ""


def may_use(cls: type, attribute: str) -> bool:
    """Whether a method of a custom class, constructors aside, mentions an attribute or may take any."""
    for one in cls.__mro__:
        if one.__module__.partition(".")[0] in _LIBRARIES:
            continue
        for name, value in vars(one).items():
            methods = [value.fget] if isinstance(value, property) else [getattr(value, "__func__", value)]
            for method in methods:
                if not isinstance(method, FunctionType) or name in _NOT_RUN:
                    continue
                for code in _codes(inspect.unwrap(method).__code__):
                    if attribute in code.co_names or _ANY_ATTRIBUTE & set(code.co_names):
                        return True
    return False


def _search(held: list[Any], functions: list[Any], tracked: frozenset[int]) -> list[Hidden]:
    found: dict[str, Hidden] = {}
    seen: set[int] = set()
    while held and len(seen) < _MOST:
        value = held.pop(0)
        if value is None or id(value) in seen or id(value) in tracked:
            continue
        seen.add(id(value))
        if isinstance(value, MethodType):
            held += [*_taken_from(value.__self__, value.__func__), value.__func__]
        elif isinstance(value, partial):
            held += [value.func, *value.args, *value.keywords.values()]
        elif isinstance(value, FunctionType):
            held += _surroundings(value)
        elif isinstance(value, dict):
            held += value.values()
        elif isinstance(value, (list, tuple, set, frozenset)):
            held += value
        elif any(value is function for function in functions) and not _is_tracking(value):
            held.append(value.__call__)
        elif _is_tracking(value):
            hidden = _hidden(value)
            if hidden is not None:
                found[hidden.text] = hidden
        elif tracked and _is_plain_object(value):
            held += attributes_of(value).values()
    return list(found.values())


def _hidden(value: Any) -> Hidden | None:
    name = str(getattr(value, "name", "")).partition(":")[0]
    if _is_of(value, "Variable"):
        return Hidden(f"{type(value).__name__} {name!r}", value.trainable is not False)
    if not _is_of(value, "Layer"):
        held = tuple(getattr(value, "variables", ()))
        return Hidden(f"{type(value).__name__} {name!r}", bool(value.trainable_variables)) if held else None
    if not _holds_weights(value):
        return None
    trains = not value.weights or bool(value.trainable_variables)
    shown = layer_traits(type(value).__name__, type(value).__module__, None).name or type(value).__name__
    return Hidden(f"{shown} {name!r}", trains)


def _holds_weights(value: Any) -> bool:
    """Whether a layer has variables or will have them once it is built."""
    if value.weights:
        return True
    cls = type(value)
    if getattr(value, "built", True) or layer_traits(cls.__name__, cls.__module__, None).family is None:
        return not getattr(value, "built", True)
    try:
        config = value.get_config()
    except Exception:
        return True
    return serialized_has_weights({"class_name": cls.__name__, "module": cls.__module__, "config": config})


def _is_plain_object(value: Any) -> bool:
    """Whether a value is an object of somebody's own class, which may hold layers."""
    if isinstance(value, (type, ModuleType)) or not hasattr(value, "__dict__"):
        return False
    return type(value).__module__.partition(".")[0] not in _LIBRARIES


def _taken_from(owner: Any, method: Any) -> list[Any]:
    """What a method uses of the object that it belongs to: the object itself if that is a layer."""
    code = getattr(method, "__code__", None)
    if _is_tracking(owner) or code is None:
        return [owner]
    held = attributes_of(owner)
    return [held[name] for name in code.co_names if name in held]


def _surroundings(function: FunctionType) -> list[Any]:
    """What a function uses from outside: of ``self.scale`` the scale and not the whole of ``self``."""
    outside: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            outside[name] = cell.cell_contents
        except ValueError:  # the variable was never assigned
            continue
    found: list[Any] = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    for kind, name, attribute in _reads(function.__code__):
        value = outside.get(name) if kind == "closure" else function.__globals__.get(name)
        if kind == "global" and not _is_tracking(value):
            continue
        attributes = attributes_of(value)
        found.append(attributes[attribute] if _is_tracking(value) and attribute in attributes else value)
    return found


def _reads(code: CodeType) -> Iterator[tuple[str, str, str]]:
    """Every read of an outer variable in a function and those inside it, with the attribute that is taken of it."""
    for one in _codes(code):
        for instruction, after in pairwise(dis.get_instructions(one)):
            kind = _READS.get(instruction.opname)
            if kind is not None:
                taken = after.opname in ("LOAD_ATTR", "LOAD_METHOD")
                yield kind, str(instruction.argval), str(after.argval) if taken else ""


def _codes(code: CodeType) -> Iterator[CodeType]:
    stack = [code]
    while stack:
        one = stack.pop()
        stack += [constant for constant in one.co_consts if isinstance(constant, CodeType)]
        yield one


def _made_by(function: FunctionType) -> Iterator[str]:
    """The classes of layers with weights that a function calls: layers that are new each time."""
    if any(instruction.opname == "STORE_ATTR" for instruction in dis.get_instructions(function.__code__)):
        return  # It may be made once and kept.
    outside = dict(function.__globals__)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            outside[name] = cell.cell_contents
        except ValueError:
            continue
    for code in _codes(function.__code__):
        value: Any = None
        called = False  # Whether what is being loaded is called: by a NULL before it, with it or after it.
        before = ""
        for instruction in dis.get_instructions(code):
            if instruction.opname in _READS:
                value = outside.get(str(instruction.argval))
                called = before == "PUSH_NULL" or "NULL" in instruction.argrepr
            elif instruction.opname in ("LOAD_ATTR", "LOAD_METHOD") and isinstance(value, ModuleType):
                value = getattr(value, str(instruction.argval), None)
                called = called or instruction.opname == "LOAD_METHOD" or "NULL" in instruction.argrepr
            else:
                called = called or instruction.opname == "PUSH_NULL"
                if called and _makes_weights(value):
                    yield str(value.__name__)
                value, called = None, False
            before = instruction.opname


def _makes_weights(value: Any) -> bool:
    import keras

    if not isinstance(value, type) or not issubclass(value, keras.Layer):
        return False
    traits = layer_traits(value.__name__, value.__module__, None)
    if traits.family is not None:
        return builds_variables(traits, {})
    build: Any = getattr(value, "build", None)
    return inspect.unwrap(build) is not keras.Layer.build


def _is_tracking(value: Any) -> bool:
    """Whether a value is a layer or a variable, told by its class so that Keras need not be imported."""
    return _is_of(value, "Layer") or _is_of(value, "Variable") or _is_of(value, "Module")


def _is_of(value: Any, name: str) -> bool:
    packages = ("keras",) if name == "Layer" else ("tensorflow",) if name == "Module" else ("keras", "tensorflow")
    return any(
        cls.__name__ in (name, f"Base{name}", f"Resource{name}", f"BaseResource{name}")
        and cls.__module__.partition(".")[0] in packages
        for cls in type(value).__mro__
    )
