"""Serialized objects that thousands of layers of one model have in common, and that are therefore kept once."""

from __future__ import annotations

from typing import Any

MODULES = frozenset({"keras", "keras.initializers"})
"""The modules that they are in."""
_INITIALIZERS = "GlorotUniform GlorotNormal HeNormal HeUniform Zeros Ones Constant Orthogonal RandomNormal"
_NAMES = {"keras.DTypePolicy", *(f"keras.initializers.{name}" for name in _INITIALIZERS.split())}
_FEW = 4


def is_common(value: dict[str, Any]) -> bool:
    """Whether an object is a built-in initializer or dtype policy with a flat configuration.

    >>> is_common({"module": "keras.initializers", "class_name": "Zeros", "config": {}, "registered_name": None})
    True
    """
    config, name = value.get("config"), value.get("class_name")
    if config.__class__ is not dict or len(config) > _FEW or value.get("registered_name") is not None:
        return False
    if not isinstance(name, str) or f"{value.get('module')}.{name}" not in _NAMES:
        return False
    return not any(one.__class__ is dict or one.__class__ is list for one in config.values())
