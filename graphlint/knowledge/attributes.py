"""Attributes of objects, as users write them."""

from __future__ import annotations

from typing import Any

_MODULES = "_modules"
"""Where an object of PyTorch keeps the layers among its attributes, which are then not among those of any object."""


def attributes_of(value: Any) -> dict[str, Any]:
    """What an object has as ``value.NAME``, by name; empty for one that takes no attributes.

    >>> class Pair:
    ...     def __init__(self):
    ...         self.one, self._modules = 1, {"two": 2}
    >>> attributes_of(Pair())
    {'one': 1, 'two': 2}
    >>> attributes_of(3)
    {}
    """
    found: dict[str, Any] = getattr(value, "__dict__", {})
    modules = found.get(_MODULES)
    if not isinstance(modules, dict):
        return found
    return {name: one for name, one in found.items() if name != _MODULES} | modules
