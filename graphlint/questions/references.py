"""What the configuration of a model names: every class, function and piece of code, at any depth.

One walk over every dictionary. Nothing that is named is imported, opened or unpacked.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from graphlint.model.address import ROOT, join
from graphlint.model.definition import CallDefinition, Constant, flat
from graphlint.model.graph import Layer, ModelGraph

KERAS_ROOTS = frozenset({"keras", "tf_keras", "tensorflow"})
"""Packages that hold Keras's own classes."""

CODE_RUNNERS = frozenset(
    """
    __import__ breakpoint compile delattr eval exec exit getattr globals help input locals memoryview open print quit
    setattr vars
    """.split()
)
"""Functions of the Python language that no model needs."""

_LITERALS = frozenset(
    {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__", "__lambda__"}
)
_CODE_KEYS = ("function", "output_shape", "mask")
_MARSHALLED = re.compile(r"^\s*[4Y]w[A-Za-z0-9+/]AAA")
"""Base64 of a marshalled code object: its type byte, then an argument count below 16 as four bytes."""
_SHORTEST_CODE = 40


class Kind(StrEnum):
    """What a reference stands for."""

    CLASS = "class"
    FUNCTION = "function"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Reference:
    """One dictionary that names a class or a function, or holds Python code.

    ``layer`` is the path of the layer of a body whose configuration holds it (the root's for what the model itself
    and its compilation name), ``where`` the keys that lead there (``compile_config/loss``). ``name`` is the class or
    function; ``module``, ``class_name``, ``registered_name`` and ``config`` are as written, to be read together.
    ``is_layer`` says that the dictionary is the layer itself.
    """

    kind: Kind
    name: str
    module: str | None
    class_name: str | None
    registered_name: str | None
    config: Any
    layer: str
    where: str
    is_layer: bool = False

    @property
    def root(self) -> str | None:
        """The top-level package, from the module or else from a dotted class name."""
        for text in (self.module, self.name if "." in self.name else None):
            if text:
                return text.partition(".")[0]
        return None

    @property
    def last_name(self) -> str:
        """The name without package or module: ``Lambda`` for ``keras.layers.Lambda`` and ``Package>Lambda``."""
        return last_name(self.name)


def last_name(name: str) -> str:
    """What is left of a dotted or registered name.

    >>> last_name("keras.layers.Lambda"), last_name("Package>Lambda")
    ('Lambda', 'Lambda')
    """
    return name.rpartition(">")[2].rpartition(".")[2]


_known: weakref.WeakKeyDictionary[ModelGraph, list[Reference]] = weakref.WeakKeyDictionary()


def references(graph: ModelGraph) -> list[Reference]:
    """Every reference of a model, in the order of its configuration, the compile configuration included."""
    found = _known.get(graph)
    if found is None:
        found = _known[graph] = list(_walk(graph))
    return found


def is_lambda(layer: Layer) -> bool:
    """Whether a layer is Keras's Lambda, however its class is written."""
    return any(last_name(name) == "Lambda" for name in (layer.class_name, layer.registered_name) if name)


_Item = tuple[Any, tuple[str, ...], str, bool]
"""A value still to look at, the keys that lead there, the layer, and whether it belongs to code reported already."""


def _walk(graph: ModelGraph) -> Iterator[Reference]:
    stack: list[_Item] = [(*start, False) for start in _starts(graph)]
    stack.reverse()
    seen: set[int] = set()
    while stack:
        value, where, layer, coded = stack.pop()
        if isinstance(value, dict):
            if id(value) in seen:
                continue
            seen.add(id(value))
            found = _reference(value, layer, where)
            if found is not None and not (coded and found.kind is Kind.CODE):
                yield found
                coded = coded or found.kind is Kind.CODE
            inside = _inside(graph, value, where, layer, coded)
            inside.reverse()
            stack += inside
        elif isinstance(value, (list, tuple)):
            stack.extend((inner, where, layer, coded) for inner in reversed(value) if _can_refer(inner))
        elif isinstance(value, str) and not coded and _MARSHALLED.match(value):
            yield Reference(Kind.CODE, "marshalled code", None, None, None, None, layer, "/".join(where))


def _can_refer(value: Any) -> bool:
    """Whether there can be a reference in a value. Most of a configuration is numbers, names and nothing."""
    return bool(value) and (isinstance(value, (dict, list, tuple)) or _is_long(value))


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= _SHORTEST_CODE


def _starts(graph: ModelGraph) -> Iterator[tuple[Any, tuple[str, ...], str]]:
    definition = graph.definition
    if definition.raw is not None:
        yield definition.raw, (), ROOT
    else:
        for layer in _configured(graph):
            yield _entry(layer), (), layer.path
            for call in _body_calls(layer):
                for leaf in flat((call.args, call.kwargs)):
                    if isinstance(leaf, Constant) and leaf.kind == "object":
                        yield leaf.value, ("inbound_nodes",), graph.layer_of.get(id(call.layer), layer.path)
    yield definition.compile_config, ("compile_config",), ROOT


def _body_calls(layer: Layer) -> list[CallDefinition]:
    return layer.definition.body.calls if layer.definition.body is not None else []


def _inside(graph: ModelGraph, value: dict[str, Any], where: tuple[str, ...], layer: str, coded: bool) -> list[_Item]:
    """What a dictionary holds; the layers of a model under their own paths."""
    found: list[_Item] = []
    for key, inner in value.items():
        if not _can_refer(inner):
            continue
        if key != "config":
            found.append((inner, (*where, str(key)), layer, coded))
            continue
        body = inner.get("layers") if isinstance(inner, dict) else inner
        if not isinstance(body, list) or not any(isinstance(entry, dict) for entry in body):
            found.append((inner, where, layer, coded))
            continue
        if isinstance(inner, dict):
            found += (
                (held, (*where, str(name)), layer, coded)
                for name, held in inner.items()
                if name != "layers" and _can_refer(held)
            )
        for entry in body:
            if _can_refer(entry):
                path = _path(graph, entry, layer)
                found.append((entry, () if path != layer else where, path, coded))
    return found


def _path(graph: ModelGraph, entry: Any, outer: str) -> str:
    """The path of one entry of a model's layers; that of the model where it cannot be told."""
    if not isinstance(entry, dict):
        return outer
    config = entry.get("config")
    names = (entry.get("name"), config.get("name") if isinstance(config, dict) else None)
    name = next((name for name in names if isinstance(name, str)), None)
    if name is None:
        return outer
    path = join(outer, name)
    return graph.aliases.get(path, path if path in graph.layers else outer)


def _configured(graph: ModelGraph) -> Iterator[Layer]:
    """The layers whose configuration stands for itself: the root and the layers of bodies."""
    for layer in graph.layers.values():
        if all(outer.container for outer in graph.enclosing(layer.path)):
            yield layer


def _entry(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "class_name": layer.class_name,
        "module": layer.module,
        "registered_name": layer.registered_name,
        "config": layer.config,
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _reference(value: dict[str, Any], layer: str, where: tuple[str, ...]) -> Reference | None:
    class_name, module = _text(value.get("class_name")), _text(value.get("module"))
    registered, config = _text(value.get("registered_name")), value.get("config")
    named = _named(value, class_name, module, registered, config)
    if named is None:
        return None
    kind, name = named
    return Reference(kind, name, module, class_name, registered, config, layer, "/".join(where), not where)


def _named(
    value: dict[str, Any], class_name: str | None, module: str | None, registered: str | None, config: Any
) -> tuple[Kind, str] | None:
    """What a dictionary stands for, and the name of it; None for one that names nothing."""
    if class_name == "__lambda__":
        return Kind.CODE, "lambda"
    if isinstance(config, dict):
        code = _code_key(config, class_name, registered)
        if code is not None:
            return Kind.CODE, code
    if isinstance(value.get("code"), str) and ("closure" in value or "defaults" in value):
        return Kind.CODE, "code"
    if class_name == "__typespec__":
        return Kind.CLASS, str(value.get("spec_name"))
    if class_name == "function" and isinstance(config, str):
        return Kind.FUNCTION, config
    if class_name in _LITERALS or (class_name is None and module is None and registered is None):
        return None
    if class_name is None and "config" not in value and registered is None:
        return None
    return Kind.CLASS, class_name or registered or ""


def _code_key(config: dict[str, Any], class_name: str | None, registered: str | None) -> str | None:
    """The key under which Keras 1 and 2 keep the code of a Lambda layer: a marshalled list."""
    for key in _CODE_KEYS:
        held = config.get(key)
        if not isinstance(held, (list, str)):
            continue
        if config.get(f"{key}_type") == "lambda":
            return key
        legacy = isinstance(held, list) and len(held) == 3 and isinstance(held[0], str)
        if legacy and any(name is not None and last_name(name) == "Lambda" for name in (class_name, registered)):
            return key
    return None
