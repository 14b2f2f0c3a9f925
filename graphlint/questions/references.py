"""What the configuration of a model names: every class, function, operation, path and piece of code, at any depth.

One walk over every dictionary. Nothing that is named is imported, opened or unpacked.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Any

from graphlint.knowledge.protobuf import message_fields
from graphlint.model.address import ROOT, join
from graphlint.model.definition import CallDefinition, Constant, ConstantKind, flat
from graphlint.model.graph import Layer, ModelGraph

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
_CODE_KEYS = ("function", "output_shape", "mask", "mode", "output_mask")
_CODE_LAYERS = ("Lambda", "Merge")
_MARSHALLED = re.compile(r"^\s*[4Y]w[A-Za-z0-9+/]AAA")
"""Base64 of a marshalled code object: its type byte, then an argument count below 16 as four bytes."""
_SHORTEST_CODE = 40
_ALWAYS_PATHS = ("vocabulary", "vocabulary_file", "vocab_file", "idf_weights", "proto", "merges", "handle", "filepath")
"""Arguments that layers of Keras and KerasHub read a file from where they are a text."""
_PATH_KEYS = frozenset(_ALWAYS_PATHS) | frozenset(
    """
    asset_path checkpoint checkpoint_path export_dir file file_path filename model_path path saved_model
    saved_model_path weights_path
    """.split()
)
_READERS = frozenset(
    """
    FeatureSpace Hashing IndexLookup IntegerLookup KerasLayer StringLookup TFSMLayer TextVectorization
    VocabularyFileCategoricalColumn
    """.split()
)
_HUBS = frozenset({"keras_hub", "keras_nlp", "keras_cv"})
_PROSE = frozenset("citation description doc documentation homepage license reference references".split())
_ADDRESS = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://\S+\s*")
_PATH = re.compile(
    r"\s*(~|/[^/]|\.{1,2}[\\/]|[A-Za-z]:[\\/]|\\\\|//)\S.*"
    r"|\s*[\w.-]+([\\/][\w.-]+)+\s*|\s*[\w.-]+\.[A-Za-z]\w{1,7}\s*",
    re.DOTALL,
)
_CLIMBING = re.compile(r"(^|[\\/])\.\.([\\/]|$)|^\\|^[A-Za-z]:[\\/]|\0")
"""A slash at the beginning alone is what converters from ONNX give to honest layers."""
_CALLING_LAYERS = frozenset({"TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty"})
_PRIVATE_METHODS = frozenset({"__getitem__", "__len__"})
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


class Kind(StrEnum):
    """What a reference stands for."""

    CLASS = "class"
    FUNCTION = "function"
    CODE = "code"
    NAMED_FUNCTION = "named function"
    """A function that a Lambda of Keras 1 or 2 names beside its module, and not by an entry of its own."""
    SYMBOL = "symbol"
    """A function or class of TensorFlow that a layer of Keras 2 calls: ``math.add``."""
    OPERATION = "operation"
    """A registered operation of TensorFlow: the ``op`` of a node."""
    NAME = "name"
    """The name of a layer that leads out of the folder which it is saved in."""
    PATH = "path"
    """A file or an address that the layer reads."""


_OBJECTS = (Kind.CLASS, Kind.FUNCTION, Kind.CODE)


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
    _: KW_ONLY
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

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a release looks up in the module: the name, else the registered name without a package."""
        found = {self.name: None}
        if self.registered_name not in (None, "", "function") and ">" not in str(self.registered_name):
            found[str(self.registered_name)] = None
        return tuple(found)


def last_name(name: str) -> str:
    """What is left of a dotted or registered name.

    >>> last_name("keras.layers.Lambda"), last_name("Package>Lambda")
    ('Lambda', 'Lambda')
    """
    return name.rpartition(">")[2].rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class _Named:
    """What the configuration of the model names, and what the texts beside it do."""

    model: list[Reference]
    beside: list[Reference]


_known: weakref.WeakKeyDictionary[ModelGraph, _Named] = weakref.WeakKeyDictionary()


def references(graph: ModelGraph) -> list[Reference]:
    """Every class, function and piece of code of a model, in the order of its configuration, compilation included."""
    return [one for one in _named_in(graph).model if one.kind in _OBJECTS]


def everything_named(graph: ModelGraph) -> list[Reference]:
    """All that any configuration in the file names: that of the model and those beside it, of every kind."""
    found = _named_in(graph)
    return found.model + found.beside


def _named_in(graph: ModelGraph) -> _Named:
    found = _known.get(graph)
    if found is None:
        seen: set[int] = set()
        documents = [(held, (name,) if name else (), ROOT) for name, held in graph.definition.documents]
        model = list(_walk(graph, _starts(graph), seen))
        found = _known[graph] = _Named(model, list(_walk(graph, documents, seen)))
    return found


def is_lambda(layer: Layer) -> bool:
    """Whether a layer is Keras's Lambda, however its class is written."""
    return any(last_name(name) == "Lambda" for name in (layer.class_name, layer.registered_name) if name)


_Start = tuple[Any, tuple[str, ...], str]
_Item = tuple[Any, tuple[str, ...], str, bool]
"""A value still to look at, the keys that lead there, the layer, and whether it belongs to code reported already."""


def _walk(graph: ModelGraph, starts: Iterable[_Start], seen: set[int]) -> Iterator[Reference]:
    stack: list[_Item] = [(*start, False) for start in starts]
    stack.reverse()
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
            yield from _texts(value, layer, where)
            if "class_name" in value:
                yield from _symbols(value, layer, where)
                yield from _paths(value, layer, where)
                yield from _climbing_names(value, layer, where)
            inside = _inside(graph, value, where, layer, coded)
            inside.reverse()
            stack += inside
        elif isinstance(value, (list, tuple)):
            stack.extend((inner, where, layer, coded) for inner in reversed(value) if _can_refer(inner))
        elif isinstance(value, str) and not coded and _MARSHALLED.match(value):
            yield Reference(
                Kind.CODE,
                "marshalled code",
                None,
                class_name=None,
                registered_name=None,
                config=None,
                layer=layer,
                where="/".join(where),
            )


def _can_refer(value: Any) -> bool:
    """Whether there can be a reference in a value. Most of a configuration is numbers, names and nothing."""
    return bool(value) and (isinstance(value, (dict, list, tuple)) or _is_long(value))


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= _SHORTEST_CODE


def _starts(graph: ModelGraph) -> Iterator[_Start]:
    definition = graph.definition
    if definition.raw is not None:
        yield definition.raw, (), ROOT
    else:
        for layer in _configured(graph):
            yield _entry(layer), (), layer.path
            for call in _body_calls(layer):
                for leaf in flat((call.args, call.kwargs)):
                    if isinstance(leaf, Constant) and leaf.kind == ConstantKind.OBJECT:
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
    return Reference(
        kind,
        name,
        module,
        class_name=class_name,
        registered_name=registered,
        config=config,
        layer=layer,
        where="/".join(where),
        is_layer=not where,
    )


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
    """The key under which Keras 1 and 2 keep the code of a Lambda or Merge layer: a marshalled list."""
    for key, held in config.items():
        if held == "lambda" and key.endswith("_type") and isinstance(config.get(key[:-5]), (list, str)):
            return key[:-5]
    if any(name is not None and last_name(name) in _CODE_LAYERS for name in (class_name, registered)):
        for key in _CODE_KEYS:
            held = config.get(key)
            if isinstance(held, list) and len(held) == 3 and isinstance(held[0], str):
                return key
    return None


def _texts(value: dict[str, Any], layer: str, where: tuple[str, ...]) -> Iterator[Reference]:
    """Files and addresses, and the functions that Keras 1 and 2 name by text: ``function``, ``function_type``."""
    for key, held in value.items():
        if isinstance(held, str):
            if held == "function" and key.endswith("_type") and isinstance(value.get(key[:-5]), str):
                module = _text(value.get(f"{key[:-5]}_module")) or _text(value.get("module"))
                yield _mention(Kind.NAMED_FUNCTION, value[key[:-5]], layer, (*where, key[:-5]), module)
            elif _names_a_file(key, held):
                yield _mention(Kind.PATH, held, layer, (*where, key))
        elif key == "paths" and isinstance(held, list):  # the weights of a model for TensorFlow.js
            for path in held:
                if isinstance(path, str) and (_CLIMBING.search(path) or path[:1] == "/" or _ADDRESS.fullmatch(path)):
                    yield _mention(Kind.PATH, path, layer, (*where, key))


def _mention(
    kind: Kind, name: str, layer: str, where: tuple[str, ...], module: str | None = None, class_name: str | None = None
) -> Reference:
    """A reference that is no entry of its own."""
    return Reference(
        kind,
        name,
        module,
        class_name=class_name,
        registered_name=None,
        config=None,
        layer=layer,
        where="/".join(where),
    )


def _symbols(value: dict[str, Any], layer: str, where: tuple[str, ...]) -> Iterator[Reference]:
    """What of TensorFlow a layer of Keras 2 calls: `TFOpLambda`, `ClassMethod`, `InstanceProperty` and others."""

    def found(kind: Kind, name: str, key: str) -> Reference:
        return _mention(kind, name, layer, (*where, key), "tensorflow", class_name)

    config = value.get("config")
    class_name = _text(value.get("class_name"))
    if class_name is None or not isinstance(config, dict):
        return
    names = {last_name(one) for one in (class_name, _text(value.get("registered_name"))) if one}
    if not names & _CALLING_LAYERS and "node_def" not in config:
        return
    function, symbol = config.get("function"), config.get("cls_symbol", config.get("cls_ref"))
    if names & {"TFOpLambda", "SlicingOpLambda"} and isinstance(function, str):
        yield found(Kind.SYMBOL, function.removeprefix("tf."), "function")
    if "ClassMethod" in names and isinstance(symbol, str):
        yield found(Kind.SYMBOL, symbol.removeprefix("tf."), "cls_symbol")
    if names & {"InstanceMethod", "InstanceProperty", "ClassMethod"}:
        for key in ("method_name", "attr_name"):
            held = config.get(key)
            if isinstance(held, str) and held.startswith("_") and held not in _PRIVATE_METHODS:
                yield found(Kind.SYMBOL, f"Tensor.{held}", key)
    if "node_def" in config:
        for name in node_operations(config["node_def"]):
            yield found(Kind.OPERATION, name, "node_def")


def node_operations(node: Any) -> list[str]:
    """The operation of a serialized node, as an object or as bytes in a text; every name in what cannot be read so."""
    if isinstance(node, dict):
        return [node["op"]] if isinstance(node.get("op"), str) else []
    if not isinstance(node, str):
        return []
    try:
        fields = list(message_fields(memoryview(node.encode("utf-8"))))
    except ValueError:
        return re.findall(r"\b[A-Z]\w+", node)
    names = [held for number, held in fields if number == 2 and isinstance(held, memoryview)]
    return [bytes(held).decode("utf-8", "replace") for held in names]


def _paths(value: dict[str, Any], layer: str, where: tuple[str, ...]) -> Iterator[Reference]:
    """The files and addresses that the configuration of one object names."""
    config = value.get("config")
    owner = _text(value.get("class_name")) or _text(value.get("registered_name"))
    if owner is not None and isinstance(config, dict):
        for key in _ALWAYS_PATHS:
            held = config.get(key)
            if isinstance(held, str) and held and _is_reader(owner, value) and not _is_content(key, held):
                yield _mention(Kind.PATH, held, layer, (*where, key), class_name=owner)


def _climbing_names(value: dict[str, Any], layer: str, where: tuple[str, ...]) -> Iterator[Reference]:
    config = value.get("config")
    if isinstance(value.get("class_name"), str):
        names = (value.get("name"), config.get("name") if isinstance(config, dict) else None)
        for name in dict.fromkeys(name for name in names if isinstance(name, str) and not name.isidentifier()):
            if _CLIMBING.search(name):
                yield _mention(Kind.NAME, name, layer, (*where, "name"))


def _is_reader(owner: str, value: dict[str, Any]) -> bool:
    """Whether an object is one of Keras or KerasHub that takes any text under these keys for a path."""
    module = _text(value.get("module")) or ""
    registered = _text(value.get("registered_name")) or ""
    return last_name(owner) in _READERS or module.partition(".")[0] in _HUBS or registered.partition(">")[0] in _HUBS


def _is_content(key: str, text: str) -> bool:
    """Whether a text is a SentencePiece model itself, as KerasHub tells it from a path."""
    return key == "proto" and len(text) > 256 and _BASE64.fullmatch(text) is not None


def _names_a_file(key: str, text: str) -> bool:
    if "://" in text:
        return _ADDRESS.fullmatch(text) is not None and key not in _PROSE
    return key in _PATH_KEYS and _PATH.fullmatch(text) is not None
