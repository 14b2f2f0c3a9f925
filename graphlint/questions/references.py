"""What the configuration of a model names: every class, function, operation, path and piece of code, at any depth.

One walk over every dictionary. Nothing that is named is imported, opened or unpacked.
"""

from __future__ import annotations

import base64
import re
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Any

from graphlint.knowledge.common_objects import MODULES, is_common
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

_PLAIN = frozenset({type(None), bool, int, float})
_CONTAINERS = (dict, list, tuple)
_NAMING_KEYS = frozenset({"class_name", "registered_name", "config", "code"})
"""A dictionary without any of these names nothing itself."""
_LITERALS = frozenset({"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"})
_CODE_KEYS = ("function", "output_shape", "mask", "mode", "output_mask")
_CODE_LAYERS = ("Lambda", "Merge")
_MARSHALLED = re.compile(r"^\s*[4Y]w[A-Za-z0-9+/]AAA")
"""Base64 of a marshalled code object: its type byte, then an argument count below 16 as four bytes."""
_PICKLED = re.compile(r"\s*gA[I-X][A-Za-z0-9+/\s]+={0,2}\s*")
"""Base64 that begins as a pickle of protocol 2 to 5 does."""
_STOP = b"."
_SHORTEST_CODE = 40
_ALWAYS_PATHS = ("vocabulary", "vocabulary_file", "vocab_file", "idf_weights", "proto", "merges", "handle", "filepath")
"""Arguments that layers of Keras and KerasHub read a file from where they are a text."""
_PATHS_ALWAYS = frozenset(_ALWAYS_PATHS)
_PATH_KEYS = _PATHS_ALWAYS | frozenset(
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
_CALLING = ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty")
_PRIVATE_METHODS = frozenset({"__getitem__", "__len__"})
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


class Kind(StrEnum):
    """What a reference stands for."""

    CLASS = "class"
    FUNCTION = "function"
    CODE = "code"
    PICKLE = "pickle"
    """A pickle as text, which layers of other packages keep functions in."""
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


@dataclass(slots=True)
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
    """Every class, function and piece of code of a model, in the order of its configuration, compilation included.

    The built-in initializers and dtype policies that most layers have are left out.
    """
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


def _walk(graph: ModelGraph, starts: Iterable[_Start], seen: set[int], within: str = "") -> Iterator[Reference]:
    """The loop sees every value of a file, so it asks a cheap question before each precise one.

    Of layers that are alike, the second is walked by itself (``within`` it); where it names nothing but its class, the
    others do not either.
    """
    stack: list[_Item] = [(*start, False) for start in starts]
    stack.reverse()
    silent: dict[int, bool] = {}
    while stack:
        value, where, layer, coded = stack.pop()
        if isinstance(value, dict):
            if id(value) in seen:
                continue
            seen.add(id(value))
            if not where and not coded and layer != within:
                alike = _alike(graph, value, layer)
                if alike is not None and alike not in silent:
                    silent[alike] = False
                elif alike is not None and _says_no_more(value):
                    if not silent[alike]:
                        named = list(_walk(graph, [(value, where, layer)], set(), layer))
                        silent[alike] = len(named) == 1
                        yield from named
                    else:
                        yield _itself(value, layer)
                    continue
            written = None if _NAMING_KEYS.isdisjoint(value) else _written(value)
            if written is not None:
                if written[1] in MODULES and is_common(value):
                    continue
                found = _reference(value, written, layer, where)
                if found is not None and not (coded and found.kind is Kind.CODE):
                    yield found
                    coded = coded or found.kind is Kind.CODE
            inside: list[_Item] = []
            for key, held in value.items():
                if held.__class__ in _PLAIN:
                    continue
                if isinstance(held, str):
                    if held == "function" or key in _PATH_KEYS or "://" in held:
                        yield from _text_of(value, key, held, layer, where)
                    if not _is_code(held):
                        continue
                elif not held or id(held) in seen or not isinstance(held, _CONTAINERS):
                    continue
                elif key == "paths" and isinstance(held, list):
                    yield from _weight_files(held, layer, (*where, key))
                if key != "config":
                    inside.append((held, (*where, str(key)), layer, coded))
                elif isinstance(held, list) or "layers" in held:
                    inside += _configuration(graph, held, where, layer, coded)
                else:
                    inside.append((held, where, layer, coded))
            if written is not None and "class_name" in value:
                yield from _of_object(value, written, layer, where)
            inside.reverse()
            stack += inside
        elif isinstance(value, (list, tuple)):
            stack += [(one, where, layer, coded) for one in reversed(value) if _can_refer(one)]
        elif isinstance(value, str) and _is_code(value):
            if not _MARSHALLED.match(value):
                yield _mention(Kind.PICKLE, "pickled object", layer, where)
            elif not coded:
                yield _mention(Kind.CODE, "marshalled code", layer, where)


_ENTRY = frozenset({"module", "class_name", "config", "registered_name", "build_config", "name", "inbound_nodes"})


def _alike(graph: ModelGraph, entry: dict[str, Any], path: str) -> int | None:
    """The number that a layer shares with those like it, if this is its entry in the configuration of a model."""
    layer = graph.layers[path]
    return layer.definition.alike if entry.get("config") is layer.config else None


def _says_no_more(entry: dict[str, Any]) -> bool:
    """Whether the entry of a layer holds nothing but what is alike, and a name that names nothing else."""
    name = entry.get("name")
    if name.__class__ is not str or not name.isidentifier() or len(name) >= _SHORTEST_CODE:
        return False
    return not entry.get("inbound_nodes") and entry["config"].get("name") == name and _ENTRY.issuperset(entry)


def _itself(entry: dict[str, Any], layer: str) -> Reference:
    class_name, module, registered, config = _written(entry)
    return Reference(
        Kind.CLASS,
        class_name or registered or "",
        module,
        class_name=class_name,
        registered_name=registered,
        config=config,
        layer=layer,
        where="",
        is_layer=True,
    )


def _can_refer(value: Any) -> bool:
    """Whether there can be a reference in a value. Most of a configuration is numbers, names and nothing."""
    if isinstance(value, _CONTAINERS):
        return bool(value)
    return isinstance(value, str) and _is_code(value)


def _is_code(text: str) -> bool:
    """Whether a text is marshalled code or a pickle in base64."""
    if len(text) < _SHORTEST_CODE:
        return False
    if _MARSHALLED.match(text):
        return True
    if not text.lstrip().startswith("gA") or not _PICKLED.fullmatch(text):
        return False
    try:
        return base64.b64decode(text).endswith(_STOP)
    except ValueError:
        return False


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


def _configuration(graph: ModelGraph, held: Any, where: tuple[str, ...], layer: str, coded: bool) -> Iterator[_Item]:
    """What the configuration of an object holds; the layers of a model under their own paths."""
    body = held.get("layers") if isinstance(held, dict) else held
    if not isinstance(body, list) or not any(isinstance(entry, dict) for entry in body):
        yield held, where, layer, coded
        return
    if isinstance(held, dict):
        for name, inner in held.items():
            if name != "layers" and _can_refer(inner):
                yield inner, (*where, str(name)), layer, coded
    for entry in body:
        if _can_refer(entry):
            path = _path(graph, entry, layer)
            yield entry, () if path != layer else where, path, coded


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


_Written = tuple[str | None, str | None, str | None, Any]
"""Class name, module and registered name of a dictionary, as far as they are texts, and its configuration."""


def _written(value: dict[str, Any]) -> _Written:
    get = value.get
    return _text(get("class_name")), _text(get("module")), _text(get("registered_name")), get("config")


def _reference(value: dict[str, Any], written: _Written, layer: str, where: tuple[str, ...]) -> Reference | None:
    named = _named(value, written)
    if named is None:
        return None
    kind, name = named
    class_name, module, registered, config = written
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


def _named(value: dict[str, Any], written: _Written) -> tuple[Kind, str] | None:
    """What a dictionary stands for, and the name of it; None for one that names nothing."""
    class_name, module, registered, config = written
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
    if "lambda" in config.values():
        for key, held in config.items():
            if held == "lambda" and key.endswith("_type") and isinstance(config.get(key[:-5]), (list, str)):
                return key[:-5]
    if _is_one_of(_CODE_LAYERS, class_name) or _is_one_of(_CODE_LAYERS, registered):
        for key in _CODE_KEYS:
            held = config.get(key)
            if isinstance(held, list) and len(held) == 3 and isinstance(held[0], str):
                return key
    return None


def _is_one_of(names: tuple[str, ...], written: str | None) -> bool:
    return written is not None and written.endswith(names) and last_name(written) in names


def _text_of(value: dict[str, Any], key: str, text: str, layer: str, where: tuple[str, ...]) -> Iterator[Reference]:
    """A file or an address, or a function that Keras 1 and 2 name by text: ``function``, ``function_type``."""
    if text == "function" and key.endswith("_type") and isinstance(value.get(key[:-5]), str):
        module = _text(value.get(f"{key[:-5]}_module")) or _text(value.get("module"))
        yield _mention(Kind.NAMED_FUNCTION, value[key[:-5]], layer, (*where, key[:-5]), module)
    elif _names_a_file(key, text):
        yield _mention(Kind.PATH, text, layer, (*where, key))


def _weight_files(paths: list[Any], layer: str, where: tuple[str, ...]) -> Iterator[Reference]:
    """The files that hold the weights of a model for TensorFlow.js, if they are elsewhere."""
    for path in paths:
        if isinstance(path, str) and (_CLIMBING.search(path) or path[:1] == "/" or _ADDRESS.fullmatch(path)):
            yield _mention(Kind.PATH, path, layer, where)


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


def _of_object(value: dict[str, Any], written: _Written, layer: str, where: tuple[str, ...]) -> list[Reference]:
    """What one serialized object names by plain texts: symbols of TensorFlow, files, its place in an archive."""
    class_name, _, registered, config = written
    found: list[Reference] = []
    inner = None
    if isinstance(config, dict):
        if class_name is not None and (registered or class_name.endswith(_CALLING) or "node_def" in config):
            found += _symbols(class_name, registered, config, layer, where)
        if not _PATHS_ALWAYS.isdisjoint(config):
            found += _paths(value, config, layer, where)
        inner = config.get("name")
    if class_name is not None:
        outer = value.get("name")
        names = (outer,) if outer == inner else (outer, inner)
        for name in names:
            if isinstance(name, str) and not name.isidentifier() and _CLIMBING.search(name):
                found.append(_mention(Kind.NAME, name, layer, (*where, "name")))
    return found


def _symbols(
    class_name: str, registered: str | None, config: dict[str, Any], layer: str, where: tuple[str, ...]
) -> Iterator[Reference]:
    """What of TensorFlow a layer of Keras 2 calls: `TFOpLambda`, `ClassMethod`, `InstanceProperty` and others."""

    def found(kind: Kind, name: str, key: str) -> Reference:
        return _mention(kind, name, layer, (*where, key), "tensorflow", class_name)

    names = {last_name(one) for one in (class_name, registered) if one}
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


def _paths(value: dict[str, Any], config: dict[str, Any], layer: str, where: tuple[str, ...]) -> Iterator[Reference]:
    """The files and addresses that the configuration of one object names."""
    owner = _text(value.get("class_name")) or _text(value.get("registered_name"))
    if owner is not None and _is_reader(owner, value):
        for key in _ALWAYS_PATHS:
            held = config.get(key)
            if isinstance(held, str) and held and not _is_content(key, held):
                yield _mention(Kind.PATH, held, layer, (*where, key), class_name=owner)


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
