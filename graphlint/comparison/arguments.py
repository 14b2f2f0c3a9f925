"""Configurations as text: the arguments that differ from their defaults, the same however Keras wrote them down."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Iterator
from typing import Any

from graphlint.comparison.code import code_text
from graphlint.knowledge.defaults import (
    as_given,
    layer_defaults,
    object_defaults,
    operation_defaults,
    plain_name,
    scaled_name,
)
from graphlint.knowledge.origin import is_keras_object
from graphlint.model.definition import Constant, ConstantKind, LayerDefinition
from graphlint.sources.literals import policy_name

_ELSEWHERE = frozenset(
    {
        *("name", "trainable", "dtype", "batch_shape", "batch_input_shape", "shape"),
        *("build_input_shape", "build_config", "compile_config", "shared_object_id", "registered_name", "module"),
        *("implementation", "renorm_momentum", "input_dtype"),
    }
)
"""Keys that say nothing, or what is said in another place."""
_GRAPH = frozenset({"layers", "input_layers", "output_layers"})
_UNFORMED = _ELSEWHERE - {"batch_shape", "dtype"}
_MOST_ITEMS = 16
_MOST_CHARACTERS = 120
_CODE = "__lambda__"
_DEFAULT_POLICY = "float32"


def layer_arguments(definition: LayerDefinition) -> dict[str, str]:
    """The arguments of a layer that differ from their defaults, as text.

    Left out are the name, flags and shapes, which are said elsewhere, and what Keras 1 and 2 wrote besides arguments.
    None and False say nothing where no default is known, because releases differ in whether they write them.
    """
    if definition.body is not None and not definition.body.traced:
        return {}
    found = differing(definition.config, _defaults(definition))
    policy = definition.dtype_policy
    if policy is not None and policy != _DEFAULT_POLICY and not definition.is_input and not definition.is_operation:
        found["dtype"] = text_of(policy)
    return found


def default_of(definition: LayerDefinition, argument: str) -> str | None:
    """The default of an argument of a layer as text; None if it is not known."""
    if argument == "dtype":
        return text_of(_DEFAULT_POLICY)
    defaults = _defaults(definition)
    return None if defaults is None or argument not in defaults else text_of(as_given(argument, defaults[argument]))


def differing(config: dict[str, Any], defaults: dict[str, Any] | None) -> dict[str, str]:
    """The entries of a configuration that are not as by default, as text, by sorted key.

    >>> differing({"units": 4, "activation": "linear", "use_bias": False}, {"activation": None, "use_bias": True})
    {'units': '4', 'use_bias': 'False'}
    """
    found: dict[str, str] = {}
    for key in sorted(config, key=str):
        value = config[key]
        if key in _ELSEWHERE or key in _GRAPH:
            continue
        value = as_given(key, value)
        known = defaults is not None and key in defaults
        default = defaults[key] if defaults is not None and known else None
        if known and _is_default(value, as_given(key, default)):
            continue
        if not known and (value is None or value is False):
            continue
        if key == "function" and _is_old_code(value):
            found[str(key)] = _code(*value)
            continue
        found[str(key)] = text_of(value)
    return found


def _is_old_code(value: Any) -> bool:
    """Whether a value is the byte code of a function as Keras 1 and 2 wrote it: code, defaults, closure."""
    return isinstance(value, (list, tuple)) and len(value) == 3 and isinstance(value[0], str)


def _code(code: Any, defaults: Any, closure: Any) -> str:
    """The function of a Lambda layer: what stands for its code, and the values that it was made with."""
    held = [("defaults", defaults), ("closure", closure)]
    more = [f"{name} {text_of(value)}" for name, value in held if value not in (None, [], ())]
    return f"<{', '.join([code_text(code), *more])}>"


def text_of(value: Any) -> str:
    """A value of a configuration as text, the same for every way in which Keras writes it.

    >>> text_of([3, 3]), text_of({"class_name": "GlorotUniform", "module": "keras.initializers", "config": {}})
    ('(3, 3)', "'glorot_uniform'")
    """
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Constant):
        return _constant(value)
    if isinstance(value, (list, tuple)):
        return _sequence(value)
    if isinstance(value, dict):
        return _mapping(value)
    return f"<{type(value).__name__}>"


def number_text(value: float) -> str:
    """The shortest text of a number that is the same in single precision, if it is a number of single precision.

    >>> number_text(0.0010000000474974513), number_text(0.1), number_text(1e-07)
    ('0.001', '0.1', '1e-07')
    """
    if not math.isfinite(value):
        return str(value)
    try:
        single = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return repr(value)
    if single == value:
        for digits in range(1, 10):
            short = float(f"{value:.{digits}g}")
            if struct.unpack("<f", struct.pack("<f", short))[0] == single:
                return repr(short)
    return repr(value)


def digest(data: bytes) -> str:
    """What stands for more data than a line holds."""
    return hashlib.sha256(data).hexdigest()[:16]


def _defaults(definition: LayerDefinition) -> dict[str, Any] | None:
    if definition.is_operation:
        return operation_defaults(definition.module, definition.class_name)
    return layer_defaults(definition.class_name) if definition.is_keras else None


def _is_default(value: Any, default: Any) -> bool:
    if value is default or (value == default and isinstance(value, bool) == isinstance(default, bool)):
        return True
    if value is False and default is None:
        return True
    if isinstance(default, (list, tuple)) and isinstance(value, (list, tuple)):
        return list(value) == list(default)
    if isinstance(value, (list, tuple)) and value and isinstance(default, (int, float)):
        return all(_is_default(item, default) for item in value)
    if isinstance(value, float) and isinstance(default, (int, float)) and not isinstance(default, bool):
        return number_text(value) == number_text(float(default))
    if isinstance(default, str) and isinstance(value, (dict, str)):
        return text_of(value) == text_of(default) or _plain(value) == plain_name(default)
    return False


def _plain(value: Any) -> str | None:
    """The name that stands for an object with no argument of its own."""
    if isinstance(value, str):
        return plain_name(value)
    text = _mapping(value)
    return text[1:-1] if text.startswith("'") else None


def _is_layer(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_is_layer(item) for item in value)
    if not isinstance(value, dict) or not isinstance(value.get("config"), dict):
        return False
    name, module = value.get("class_name"), value.get("module")
    if "name" in value["config"] and "trainable" in value["config"]:
        return True
    return isinstance(module, str) and ".layers" in module and isinstance(name, str)


def _mapping(value: dict[str, Any]) -> str:
    name, config = value.get("class_name"), value.get("config")
    if not isinstance(name, str) or "config" not in value:
        if name == "__tuple__" and isinstance(value.get("items"), list):
            return _sequence(value["items"])
        return "{" + ", ".join(_items((_quoted(str(key)), item) for key, item in _sorted(value))) + "}"
    if name == _CODE:
        members = config if isinstance(config, dict) else {}
        return _code(*(members.get(key) for key in ("code", "defaults", "closure")))
    if name in ("__tensor__", "__numpy__") and isinstance(config, dict):
        held = config.get("value")
        return _sequence(held if isinstance(held, list) else [held])
    if name.endswith("DTypePolicy") or name == "DTypePolicyMap":
        return text_of(policy_name(value))
    if name == "function" and isinstance(config, str):
        return config
    if not isinstance(config, dict):
        return f"{name}({'' if config is None else text_of(config)})"
    module, registered = value.get("module"), value.get("registered_name")
    of_keras = is_keras_object(name, module, registered)
    if name == "VarianceScaling" and of_keras and (scaled := scaled_name(config)) is not None:
        return _quoted(scaled)
    if _GRAPH & config.keys():
        return f"{name}({digest(json.dumps(_form(config, {}), sort_keys=True, default=str).encode())})"
    layer = layer_defaults(name) if of_keras and _is_layer(value) else None
    defaults = layer if layer is not None else object_defaults(name) if of_keras else None
    own = differing(config, defaults)
    policy = policy_name(config.get("dtype"))
    if policy not in (None, _DEFAULT_POLICY):
        own["dtype"] = text_of(policy)
    if not own and of_keras and not _is_layer(value):
        return _quoted(plain_name(name))
    return f"{name}({', '.join(f'{key}={text}' for key, text in own.items())})"


def _form(value: Any, names: dict[str, str]) -> Any:
    """The configuration of a model without names: layers go by their numbers."""
    if isinstance(value, dict):
        listed = value.get("layers")
        if isinstance(listed, list):
            held = [one.get("config") for one in listed if isinstance(one, dict)]
            found = [one.get("name") for one in held if isinstance(one, dict)]
            names = names | {str(name): f"layer {number}" for number, name in enumerate(found)}
        return {
            str(key): _form(item, names)
            for key, item in value.items()
            if key not in _UNFORMED and item is not None and item is not False
        }
    if isinstance(value, (list, tuple)):
        return [_form(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def _sorted(value: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(((str(key), item) for key, item in value.items()), key=lambda item: item[0])


def _items(pairs: Iterator[tuple[str, Any]]) -> Iterator[str]:
    return (f"{key}: {text_of(item)}" for key, item in pairs)


def _sequence(value: list[Any] | tuple[Any, ...]) -> str:
    count = _count(value)
    if count > _MOST_ITEMS:
        data = json.dumps(value, sort_keys=True, default=str).encode("utf-8", "replace")
        return f"<{count:,} values, sha256 {digest(data)}>"
    texts = [text_of(item) for item in value]
    return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"


def _count(value: Any) -> int:
    count, stack = 0, [value]
    while stack:
        item = stack.pop()
        if isinstance(item, (list, tuple)):
            stack.extend(item)
        else:
            count += 1
    return count


def _constant(constant: Constant) -> str:
    shape = ", ".join(map(str, constant.shape or ()))
    if constant.kind in (ConstantKind.TENSOR, ConstantKind.NUMPY, ConstantKind.VARIABLE):
        kind = "tensor" if constant.kind is not ConstantKind.NUMPY else "array"
        held = "" if constant.value is None else f", {text_of(constant.value)}"
        return f"{kind}(({shape}), {constant.dtype}{held})"
    if constant.kind is ConstantKind.SLICE:
        start, stop, step = ("" if one is None else text_of(one) for one in constant.value)
        return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
    if constant.kind is ConstantKind.ELLIPSIS:
        return "..."
    if constant.kind is ConstantKind.OBJECT:
        return text_of(constant.value)
    return "<missing>"


def _quoted(text: str) -> str:
    if len(text) > _MOST_CHARACTERS:
        return f"<{len(text):,} characters, sha256 {digest(text.encode('utf-8', 'surrogatepass'))}>"
    return repr(text)
