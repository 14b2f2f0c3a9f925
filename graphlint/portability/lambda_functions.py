"""What becomes of the function of a Lambda layer when a file is loaded: named in it, or stored as code."""

from __future__ import annotations

import builtins
import dis
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from graphlint.findings.finding import Severity
from graphlint.knowledge.releases import is_known_class
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.references import is_lambda, last_name

_PARTS = ("function", "output_shape", "mask")


@dataclass(frozen=True, slots=True)
class Misbound:
    """A function that loading does not find, or takes for another."""

    layer: str
    message: str
    hint: str
    severity: Severity


def misbound_functions(graph: ModelGraph, keras_3: bool) -> Iterator[Misbound]:
    """The functions of Lambda layers that come back as another one, or not at all."""
    for layer in graph.layers.values():
        if is_lambda(layer):
            yield from _in_memory(layer) if layer.obj is not None else _in_file(layer, keras_3)


def _in_file(layer: Layer, keras_3: bool) -> Iterator[Misbound]:
    for part in _PARTS:
        value = layer.config.get(part)
        named = isinstance(value, dict) and value.get("class_name") == "function"
        name = value.get("config") if isinstance(value, dict) and named else value if part == "function" else None
        if not isinstance(name, str) or layer.config.get(f"{part}_type") == "lambda":
            continue
        if not last_name(name).isidentifier():
            yield Misbound(
                layer.path,
                f"{part} of the Lambda is the text {name[:60]!r}, which is no name of a function: it cannot be loaded, "
                "and no Keras writes it",
                "Do not load the file unless you trust its source; write the Lambda as a registered layer.",
                Severity.ERROR,
            )
        elif not named and keras_3 and layer.module is not None:
            yield Misbound(
                layer.path,
                f"{part} of the Lambda is only the name {name!r}, not code: Keras 3 does not look it up, and the layer "
                "cannot be called",
                "Load it with the tf_keras package and the function in custom_objects, or write a registered layer.",
                Severity.ERROR,
            )
        elif named and isinstance(value, dict) and value.get("module") == "builtins" and _is_of_keras(name):
            yield Misbound(
                layer.path,
                f"{part} of the Lambda is only the name {name!r}: loading takes Keras's function of that name, "
                "whichever was saved",
                "If your own function was meant, rename and register it, and save again.",
                Severity.INFO,
            )


def _in_memory(layer: Layer) -> Iterator[Misbound]:
    for part, attribute in zip(_PARTS, ("function", "_output_shape", "mask"), strict=True):
        function = getattr(layer.obj, attribute, None)
        if not isinstance(function, FunctionType):
            continue
        name = function.__name__
        if name != "<lambda>":
            if _is_of_keras(name) and not str(function.__module__).startswith("keras."):
                yield Misbound(
                    layer.path,
                    f"{part} of the Lambda is a function of your own named {name!r}: loading silently takes Keras's "
                    "own of that name",
                    "Rename the function and register it, or write a registered layer.",
                    Severity.WARNING,
                )
            continue
        missing = [one for one in _globals_read(function.__code__) if not _is_there(one)]
        if missing:
            yield Misbound(
                layer.path,
                f"{part} of the Lambda reads {', '.join(map(repr, missing))} from the module that it was written in: "
                "after loading there is no such name, and the layer fails",
                "Import what it needs inside the function, use keras.ops in a layer of your own, or register a named "
                "function.",
                Severity.WARNING,
            )


def _is_of_keras(name: str) -> bool:
    return is_known_class(name, ("functions",))


def _globals_read(code: CodeType) -> list[str]:
    found: dict[str, None] = {}
    stored: set[Any] = set()
    stack = [code]
    while stack:
        one = stack.pop()
        stack += [constant for constant in one.co_consts if isinstance(constant, CodeType)]
        for instruction in dis.get_instructions(one):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                found[str(instruction.argval)] = None
            elif instruction.opname in ("STORE_GLOBAL", "STORE_NAME"):
                stored.add(str(instruction.argval))
    return [name for name in found if name not in stored]


def _is_there(name: str) -> bool:
    """Whether a name means something where Keras runs the code of a loaded Lambda."""
    if hasattr(builtins, name):
        return True
    from graphlint.knowledge import keras_internals

    return name in keras_internals.names_around_loaded_code()
