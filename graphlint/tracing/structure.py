"""Nested arguments and outputs, as code has them and as definitions have them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras

from graphlint.model.definition import flat


def mapped(structure: Any, function: Callable[[Any], Any]) -> Any:
    """New lists, tuples and dicts of the same structure, with ``function`` applied to the leaves."""
    kind = type(structure)
    if kind is list or kind is tuple:
        return kind(mapped(item, function) for item in structure)
    if kind is dict:
        return {key: mapped(item, function) for key, item in structure.items()}
    if isinstance(structure, (list, tuple, dict)):
        return keras.tree.map_structure(function, structure)
    return function(structure)


def plain(structure: Any, leaf: Callable[[Any], Any]) -> Any:
    """Sequences as lists and dicts with text keys, as definitions have them, with ``leaf`` applied to the leaves."""
    if isinstance(structure, (list, tuple)):
        return [plain(item, leaf) for item in structure]
    if isinstance(structure, dict):
        return {str(key): plain(item, leaf) for key, item in structure.items()}
    return leaf(structure)


def as_it_is(value: Any) -> Any:
    """The leaf function that changes nothing."""
    return value


def members(structure: Any) -> Iterator[Any]:
    """The leaves in the order in which definitions have them."""
    return iter(flat(plain(structure, as_it_is)))
