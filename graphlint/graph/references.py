"""What the configuration of a model names: every class, function and piece of code, at any depth.

One walk over every dictionary. Nothing that is named is imported, opened or unpacked.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from graphlint.address import ROOT, join
from graphlint.graph.definition import CallDefinition, Constant, leaves
from graphlint.graph.model_graph import Layer, ModelGraph

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
_MARSHALLED = re.compile(r"^[4Y]w[A-Za-z0-9+/]AAA")
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


def _walk(graph: ModelGraph) -> Iterator[Reference]:
    stack = [_Item(*start) for start in _starts(graph)]
    stack.reverse()
    seen: set[int] = set()
    while stack:
        item = stack.pop()
        value = item.value
        if isinstance(value, (list, tuple)):
            stack.extend(item._replace(value=inner) for inner in reversed(value))
        elif isinstance(value, str):
            if not item.coded and len(value) >= _SHORTEST_CODE and _MARSHALLED.match(value):
                place = "/".join(item.where)
                yield Reference(Kind.CODE, "marshalled code", None, None, None, None, item.layer, place)
        elif isinstance(value, dict) and id(value) not in seen:
            seen.add(id(value))
            found = _reference(value, item.layer, item.where)
            if found is not None and not (item.coded and found.kind is Kind.CODE):
                yield found
                item = item._replace(coded=item.coded or found.kind is Kind.CODE)
            stack.extend(reversed(list(_inside(graph, value, item))))


class _Item(NamedTuple):
    """A value still to look at. ``coded``: it belongs to code that has been reported already."""

    value: Any
    where: tuple[str, ...]
    layer: str
    coded: bool = False


def _starts(graph: ModelGraph) -> Iterator[tuple[Any, tuple[str, ...], str]]:
    definition = graph.definition
    if definition.raw is not None:
        yield definition.raw, (), ROOT
    else:
        for layer in _configured(graph):
            yield _entry(layer), (), layer.path
            for call in _body_calls(layer):
                for _, leaf in leaves((call.args, call.kwargs)):
                    if isinstance(leaf, Constant) and leaf.kind == "object":
                        yield leaf.value, ("inbound_nodes",), graph.layer_of.get(id(call.layer), layer.path)
    yield definition.compile_config, ("compile_config",), ROOT


def _body_calls(layer: Layer) -> list[CallDefinition]:
    return layer.definition.body.calls if layer.definition.body is not None else []


def _inside(graph: ModelGraph, value: dict[str, Any], item: _Item) -> Iterator[_Item]:
    """What a dictionary holds; the layers of a model under their own paths."""
    config = value.get("config")
    body = config.get("layers") if isinstance(config, dict) else config
    if not isinstance(body, list) or not any(isinstance(entry, dict) for entry in body):
        body = None
    for key, inner in value.items():
        if key != "config":
            yield item._replace(value=inner, where=(*item.where, str(key)))
            continue
        if isinstance(inner, dict) and body is not None:
            for name, held in inner.items():
                if name != "layers":
                    yield item._replace(value=held, where=(*item.where, str(name)))
        elif body is None:
            yield item._replace(value=inner)
        for entry in body or ():
            path = _path(graph, entry, item.layer)
            yield item._replace(value=entry, where=() if path != item.layer else item.where, layer=path)


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
    place = "/".join(where)

    def made(kind: Kind, name: str) -> Reference:
        return Reference(kind, name, module, class_name, registered, config, layer, place, not where)

    if class_name == "__lambda__":
        return made(Kind.CODE, "lambda")
    if isinstance(config, dict):
        names = {last_name(name) for name in (class_name, registered) if name}
        code = _code_key(config, "Lambda" in names)
        if code is not None:
            return made(Kind.CODE, code)
    if isinstance(value.get("code"), str) and ("closure" in value or "defaults" in value):
        return made(Kind.CODE, "code")
    if class_name == "__typespec__":
        return made(Kind.CLASS, str(value.get("spec_name")))
    if class_name == "function" and isinstance(config, str):
        return made(Kind.FUNCTION, config)
    if class_name in _LITERALS or (class_name is None and module is None and registered is None):
        return None
    if class_name is None and "config" not in value and registered is None:
        return None
    return made(Kind.CLASS, class_name or registered or "")


def _code_key(config: dict[str, Any], is_lambda_layer: bool) -> str | None:
    """The key under which Keras 1 and 2 keep the code of a Lambda layer: a marshalled list."""
    for key in _CODE_KEYS:
        held = config.get(key)
        legacy = isinstance(held, list) and len(held) == 3 and isinstance(held[0], str)
        if config.get(f"{key}_type") == "lambda" and isinstance(held, (list, str)):
            return key
        if legacy and is_lambda_layer:
            return key
    return None
