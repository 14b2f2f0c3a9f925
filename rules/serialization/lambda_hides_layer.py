"""K001: layers and variables that a Lambda uses without owning them."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any

from graphlint.engine.rule import Rule
from graphlint.findings.finding import Problem, Severity
from graphlint.knowledge.layers import LayerTraits, builds_variables, layer_traits
from graphlint.knowledge.origin import is_keras_package
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.references import is_lambda


class LambdaHidesLayer(Rule):
    """A Lambda layer uses a layer, model or variable from outside.

    ## What it does
    Reports Lambda layers whose function captures a layer with weights, a model or a `keras.Variable`: in its closure,
    its default values or its `arguments`, and in a live model also among the globals that it uses.

    ## Why is this bad?
    Keras does not see what is inside the function. The hidden weights are not in `model.weights`: they are not counted,
    not trained and not saved, and are random again after the file is loaded.

    ## Example
    ```python
    @keras.saving.register_keras_serializable(package="docs")
    def apply(tensor, layer):
        return layer(tensor)


    x = keras.Input((4,))
    hidden = layers.Dense(3)
    model = keras.Model(x, layers.Lambda(apply, arguments={"layer": hidden}, output_shape=(3,))(x))
    ```

    ## Use instead
    ```python
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(3)(x))
    ```

    ## Fix
    None: call the layer directly instead of inside the Lambda, or write a `keras.layers.Layer` that owns it.

    ## Not reported
    Numbers, strings, arrays and functions in the closure; layers without weights; a number that the function reads from
    a model (`self.scale`), if that can be determined.

    ## References
    keras-team/keras#9740
    """

    code = "K001"
    name = "lambda-hides-layer"
    severity = Severity.ERROR

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        for layer in graph.layers.values():
            if not is_lambda(layer):
                continue
            hidden = _in_memory(layer) if layer.obj is not None else _in_file(layer)
            if hidden:
                yield Problem(
                    f"the Lambda uses {', '.join(hidden)} from outside: those weights are neither tracked nor saved",
                    layer.path,
                    "Call the layer directly, or write a keras.layers.Layer that owns it.",
                )


def _in_file(layer: Layer) -> list[str]:
    """The layers among the captured values of the function that the file stores."""
    held = [layer.config.get(key) for key in ("function", "output_shape", "mask", "arguments")]
    found: dict[str, None] = {}
    while held:
        value = held.pop(0)
        if isinstance(value, dict):
            name, config = value.get("class_name"), value.get("config")
            if isinstance(name, str) and isinstance(config, dict) and name != "__lambda__" and _has_weights(value):
                found[f"{_traits(value).name or name} {config.get('name', '')!r}"] = None
            else:
                held.extend(value.values())
        elif isinstance(value, (list, tuple)):
            held.extend(value)
    return list(found)


def _has_weights(serialized: dict[str, Any]) -> bool:
    """Whether a serialized object is a layer with variables of its own or in a layer that it holds."""
    held: list[Any] = [serialized]
    while held:
        value = held.pop()
        if isinstance(value, (list, tuple)):
            held.extend(value)
        if not isinstance(value, dict):
            continue
        config, traits = value.get("config"), _traits(value)
        if isinstance(config, dict) and traits.family is not None:
            if builds_variables(traits, config):
                return True
        elif "build_config" in value and isinstance(value.get("module"), str) and not is_keras_package(value["module"]):
            return True
        held.extend(value.values())
    return False


def _traits(serialized: dict[str, Any]) -> LayerTraits:
    given = [serialized.get(key) for key in ("class_name", "module", "registered_name")]
    return layer_traits(*(one if isinstance(one, str) else None for one in given))


def _in_memory(layer: Layer) -> list[str]:
    """The layers and variables that the functions of a live Lambda can reach by name."""
    found: dict[str, None] = {}
    functions = [getattr(layer.obj, name, None) for name in ("function", "_output_shape", "mask")]
    held: list[Any] = [*functions, getattr(layer.obj, "arguments", None)]
    seen: set[int] = set()
    while held:
        value = held.pop(0)
        if value is None or id(value) in seen:
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
        elif isinstance(value, (list, tuple)):
            held += value
        elif any(value is function for function in functions) and not _is_keras_object(value):
            held.append(value.__call__)
        elif _is_keras_object(value) and _holds_weights(value):
            name = layer_traits(type(value).__name__, type(value).__module__, None).name or type(value).__name__
            found[f"{name} {getattr(value, 'name', '')!r}"] = None
    return list(found)


def _holds_weights(value: Any) -> bool:
    """Whether an object of Keras is a variable, or has variables or will have them once it is built."""
    weights = getattr(value, "weights", None)
    if weights is None or weights:
        return True
    cls = type(value)
    if getattr(value, "built", True) or layer_traits(cls.__name__, cls.__module__, None).family is None:
        return not getattr(value, "built", True)
    try:
        config = value.get_config()
    except Exception:
        return True
    return _has_weights({"class_name": cls.__name__, "module": cls.__module__, "config": config})


def _taken_from(owner: Any, method: Any) -> list[Any]:
    """What a method uses of its object: the object itself, if that is a layer."""
    code = getattr(method, "__code__", None)
    if _is_keras_object(owner) or code is None:
        return [owner]
    held = getattr(owner, "__dict__", {})
    return [held[name] for name in code.co_names if name in held]


def _surroundings(function: FunctionType) -> list[Any]:
    """What a function uses from outside: for ``self.scale`` the scale, not all of ``self``."""
    outside: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            outside[name] = cell.cell_contents
        except ValueError:  # the variable was never assigned
            continue
    found: list[Any] = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    for kind, name, attribute in _reads(function.__code__):
        value = outside.get(name) if kind == "closure" else function.__globals__.get(name)
        if kind == "global" and not _is_keras_object(value):
            continue
        attributes = getattr(value, "__dict__", {})
        found.append(attributes[attribute] if _is_keras_object(value) and attribute in attributes else value)
    return found


def _reads(code: CodeType) -> Iterator[tuple[str, str, str]]:
    """Every read of an outer variable in a function and its inner functions, with the attribute that is read."""
    stack = [code]
    while stack:
        one = stack.pop()
        stack += [constant for constant in one.co_consts if isinstance(constant, CodeType)]
        instructions = list(dis.get_instructions(one))
        for index, instruction in enumerate(instructions):
            kind = _READS.get(instruction.opname)
            if kind is not None:
                after = instructions[index + 1] if index + 1 < len(instructions) else None
                taken = after is not None and after.opname in ("LOAD_ATTR", "LOAD_METHOD")
                yield kind, str(instruction.argval), str(after.argval) if after is not None and taken else ""


_READS = {
    "LOAD_DEREF": "closure",
    "LOAD_CLASSDEREF": "closure",
    "LOAD_FROM_DICT_OR_DEREF": "closure",
    "LOAD_GLOBAL": "global",
    "LOAD_NAME": "global",
}


def _is_keras_object(value: Any) -> bool:
    """Whether a value is a layer or a variable, by its class, so that Keras need not be imported."""
    names = {f"{cls.__module__}.{cls.__name__}" for cls in type(value).__mro__}
    return any(name.startswith("keras.") and name.endswith((".Layer", ".Variable")) for name in names)
