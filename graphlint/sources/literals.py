"""Call arguments and dtype policies as Keras serializes them: one decoder for files and for live models."""

from __future__ import annotations

from typing import Any

from graphlint.model.definition import Constant, ConstantKind

_ARRAYS = {"__tensor__": ConstantKind.TENSOR, "__numpy__": ConstantKind.NUMPY}


def decode_constant(serialized: Any) -> Any:
    """A serialized call argument as plain values, lists, dicts and `Constant`.

    ``serialized`` is what ``keras.saving.serialize_keras_object`` returns, before or after a JSON round trip. Tensors
    of the graph (``__keras_tensor__``) are not constants: the caller resolves them first; any that remain here become
    ``ConstantKind.MISSING``.

    >>> decode_constant({"class_name": "__slice__", "config": {"start": None, "stop": 2, "step": None}})
    Constant(kind=<ConstantKind.SLICE: 'slice'>, value=[None, 2, None], shape=None, dtype=None)
    >>> decode_constant((1, "same", None))
    [1, 'same', None]
    """
    if isinstance(serialized, (list, tuple)):
        return [decode_constant(item) for item in serialized]
    if not isinstance(serialized, dict):
        return serialized
    if serialized.get("class_name") == "__ellipsis__":
        return Constant(ConstantKind.ELLIPSIS)
    if "class_name" not in serialized or "config" not in serialized:
        return {key: decode_constant(item) for key, item in serialized.items()}
    kind, config = serialized["class_name"], serialized["config"]
    if kind == "__keras_tensor__":
        return Constant(ConstantKind.MISSING)
    if isinstance(config, dict):
        if kind == "__slice__":
            return Constant(ConstantKind.SLICE, [decode_constant(config.get(key)) for key in ("start", "stop", "step")])
        if isinstance(kind, str) and kind in _ARRAYS:
            value, dtype = config.get("value"), config.get("dtype")
            return Constant(_ARRAYS[kind], value, nested_shape(value), dtype=dtype if isinstance(dtype, str) else None)
    return Constant(ConstantKind.OBJECT, serialized)


def nested_shape(value: Any) -> tuple[int, ...]:
    """The shape of an array written as nested lists.

    >>> nested_shape([[1, 2, 3], [4, 5, 6]]), nested_shape(7)
    ((2, 3), ())
    """
    shape = []
    while isinstance(value, (list, tuple)):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(shape)


def policy_name(dtype: Any) -> str | None:
    """The name of the dtype policy that a layer's configuration has under ``dtype``, as in ``policy.name``.

    >>> policy_name({"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}})
    'mixed_float16'
    >>> policy_name({"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8", "source_name": "float32"}})
    'int8_from_float32'
    """
    if isinstance(dtype, str):
        return dtype
    config = dtype.get("config") if isinstance(dtype, dict) else None
    if not isinstance(config, dict):
        return None
    if isinstance(config.get("name"), str):
        return str(config["name"])
    if "mode" in config and "source_name" in config:
        return f"{config['mode']}_from_{config['source_name']}"
    if "default_policy" in config:
        default = policy_name(config["default_policy"])
        return None if default is None else f"map_{default}"
    return None
