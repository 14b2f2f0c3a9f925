"""Serialized objects that thousands of layers of one model have in common, and that are therefore kept once.

They name nothing but a class of Keras that every release has, and hold nothing but numbers and the names of dtypes and
distributions: whoever looks for what a configuration names may pass them by.
"""

from __future__ import annotations

from typing import Any

MODULES = frozenset({"keras", "keras.initializers"})
"""The modules that they are in."""
_INITIALIZERS = "GlorotUniform GlorotNormal HeNormal HeUniform Zeros Ones Constant Orthogonal RandomNormal"
NAMES = frozenset({"keras.DTypePolicy", *(f"keras.initializers.{name}" for name in _INITIALIZERS.split())})
_KEYS = frozenset({"module", "class_name", "config", "registered_name", "shared_object_id"})
_ARGUMENTS = frozenset("distribution gain input_axes mean mode name output_axes scale seed stddev value".split())
_LONGEST_WORD = 32


def is_common(value: dict[str, Any]) -> bool:
    """Whether an object is a built-in initializer or dtype policy with a flat configuration.

    >>> is_common({"module": "keras.initializers", "class_name": "Zeros", "config": {}, "registered_name": None})
    True
    >>> is_common({"module": "keras.initializers", "class_name": "Zeros", "config": {"code": "4wEAAA"}})
    False
    """
    config, name = value.get("config"), value.get("class_name")
    if config.__class__ is not dict or value.get("registered_name") is not None or not _KEYS.issuperset(value):
        return False
    if name.__class__ is not str or f"{value.get('module')}.{name}" not in NAMES or not _ARGUMENTS.issuperset(config):
        return False
    return isinstance(value.get("shared_object_id", 0), int) and all(map(_is_plain, config.values()))


def _is_plain(value: Any) -> bool:
    if value.__class__ is str:
        return value.isidentifier() and len(value) <= _LONGEST_WORD
    return value is None or isinstance(value, (int, float))
