"""What was read of a model as JSON and back, without its numbers. Nothing is run when it is read.

Objects are a list, in which they name each other by their places, so that what was one object is one object again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any

from graphlint.knowledge.advisories import Danger
from graphlint.model.definition import (
    Body,
    CallDefinition,
    Constant,
    ConstantKind,
    Effect,
    Format,
    FrontEnd,
    LayerDefinition,
    Likeness,
    ModelDefinition,
    OptimizerDefinition,
    ProblemKind,
    SourceProblem,
    TensorRef,
    TensorSpec,
    Values,
    VariableDefinition,
)

_CLASSES: tuple[type, ...] = (
    ModelDefinition,
    LayerDefinition,
    Body,
    CallDefinition,
    VariableDefinition,
    OptimizerDefinition,
    SourceProblem,
    Constant,
)
_LEFT_OUT = ("obj", "unverified")
_PLACES = {one: place for place, one in enumerate(_CLASSES)}
_ENUMS: dict[str, type] = {one.__name__: one for one in (ConstantKind, Danger, Format, FrontEnd, ProblemKind)}
_TUPLES: dict[str, type] = {one.__name__: one for one in (TensorRef, TensorSpec, Effect, Likeness)}
_SCALARS = frozenset({str, int, float, bool, type(None)})
_OBJECT, _PLAIN, _RAW, _LIST, _TUPLE, _DICT, _SET, _ENUM, _NAMED, _VALUES = range(10)


def _defaults(kind: Any) -> dict[str, Any]:
    """The fields of a class, with what each has where nothing is said of it."""
    return {
        one.name: one.default_factory() if one.default_factory is not MISSING else one.default
        for one in fields(kind)
        if one.name not in _LEFT_OUT
    }


_FIELDS = {one: _defaults(one) for one in _CLASSES}
_NEEDED = {one: {name: None for name, said in _FIELDS[one].items() if said is MISSING} for one in _CLASSES}


class NotPlain(TypeError):
    """Something that no file has in it."""


def encode(definition: ModelDefinition) -> tuple[bytes, list[Values]]:
    """A definition of a file as text, and its numbers in the order in which the text counts them.

    Raises:
        NotPlain: there is something in it that no file has.
    """
    return _Encoder().encoded(definition)


class _Encoder:
    def __init__(self) -> None:
        self.places: dict[int, int] = {}
        self.objects: list[Any] = []
        self.values: list[Values] = []
        self.numbered: dict[int, int] = {}
        self.raw: dict[int, tuple[int, Any]] = {}
        self.plain: dict[int, int] = {}
        self.plains: list[Any] = []

    def encoded(self, definition: ModelDefinition) -> tuple[bytes, list[Values]]:
        raw = definition.raw
        self.raw = _containers(raw)
        self.object(definition)
        nodes = []
        for one in self.objects:  # It grows while it is gone through.
            kind = one.__class__
            scalars: dict[str, Any] = {}
            others: dict[str, Any] = {}
            for name, said in _FIELDS[kind].items():
                value = getattr(one, name)
                if value is said or (name == "raw" and one is definition):
                    continue
                if value.__class__ in _SCALARS:
                    if value != said or value.__class__ is not said.__class__:
                        scalars[name] = value
                elif name == "values":
                    others[name] = [_VALUES, self.numbers(value)]
                elif value or said or value.__class__ is not said.__class__:
                    others[name] = self.value(value)
            nodes.append([_PLACES[kind], scalars, others])
        positions = [[one.position, one.nbytes] for one in self.values]
        try:
            return json.dumps([nodes, positions, raw, self.plains], separators=(",", ":")).encode(), self.values
        except (ValueError, RecursionError) as error:
            raise NotPlain(str(error)) from error

    def object(self, one: Any) -> list[Any]:
        place = self.places.get(id(one))
        if place is None:
            if one.__class__ not in _PLACES or getattr(one, "obj", None) is not None:
                raise NotPlain(f"a {type(one).__name__}")
            place = self.places[id(one)] = len(self.objects)
            self.objects.append(one)
        return [_OBJECT, place]

    def numbers(self, values: Values) -> int:
        place = self.numbered.get(id(values))
        if place is None:
            place = self.numbered[id(values)] = len(self.values)
            self.values.append(values)
        return place

    def value(self, value: Any) -> Any:
        kind = value.__class__
        if kind in _SCALARS:
            return value
        if kind is list or kind is dict:
            if id(value) in self.raw:
                return [_RAW, *self.path(value)]
            if id(value) in self.plain or _is_plain(value):
                place = self.plain.setdefault(id(value), len(self.plains))
                if place == len(self.plains):
                    self.plains.append(value)
                return [_PLAIN, place]
            if kind is list:
                return [_LIST, *map(self.value, value)]
            return [_DICT, *([self.value(key), self.value(one)] for key, one in value.items())]
        if kind is tuple:
            return [_TUPLE, *map(self.value, value)]
        if kind is frozenset:
            return [_SET, *sorted(map(self.value, value))]
        if kind.__name__ in _TUPLES:
            return [_NAMED, kind.__name__, *map(self.value, value)]
        if kind.__name__ in _ENUMS:
            return [_ENUM, kind.__name__, value.value]
        return self.object(value)

    def path(self, value: Any) -> list[Any]:
        """The keys and indices that lead from the configuration as a whole to a part of it."""
        found: list[Any] = []
        at = id(value)
        while (step := self.raw[at])[0]:
            at = step[0]
            found.append(step[1])
        return found[::-1]


def _containers(raw: Any) -> dict[int, tuple[int, Any]]:
    """The lists and dictionaries of a configuration, by identity: in which other one, and where there.

    Raises:
        NotPlain: JSON would not give it back as it was.
    """
    found: dict[int, tuple[int, Any]] = {id(raw): (0, None)}
    stack = [raw]
    while stack:
        one = stack.pop()
        kind = one.__class__
        if kind is list:
            items: Any = enumerate(one)
        elif kind is dict:
            items = one.items()
        elif kind in _SCALARS:
            continue
        else:
            raise NotPlain(f"a {kind.__name__} in a configuration")
        here = id(one)
        for key, inner in items:
            if inner.__class__ not in _SCALARS and id(inner) not in found:
                found[id(inner)] = here, key
                stack.append(inner)
            if key.__class__ is not str and kind is dict:
                raise NotPlain("a key that is no text")
    return found


def _is_plain(value: Any) -> bool:
    """Whether something is what JSON gives back as it was."""
    try:
        _containers(value)
    except NotPlain:
        return False
    return True


def decode(text: bytes, numbers: Callable[[int, int, int], Values]) -> tuple[ModelDefinition, list[Values]]:
    """The definition that `encode` was given, and its numbers in the same order.

    ``numbers`` makes them of their place in that order, their position in the file and their bytes.

    Raises:
        ValueError, TypeError, KeyError, IndexError, AttributeError: this is something else.
    """
    nodes, positions, raw, plains = json.loads(text)
    values = [numbers(place, *one) for place, one in enumerate(positions)]
    kinds = [_CLASSES[node[0]] for node in nodes]
    objects = [kind(**{**_NEEDED[kind], **node[1]}) for kind, node in zip(kinds, nodes, strict=True)]

    def value(one: Any) -> Any:
        if one.__class__ is not list:
            return one
        tag = one[0]
        if tag == _PLAIN:
            return plains[one[1]]
        if tag == _OBJECT:
            return objects[one[1]]
        if tag == _RAW:
            found = raw
            for step in one[1:]:
                found = found[step]
            return found
        if tag == _NAMED:
            return _TUPLES[one[1]](*map(value, one[2:]))
        if tag == _TUPLE:
            return tuple(map(value, one[1:]))
        if tag == _LIST:
            return list(map(value, one[1:]))
        if tag == _DICT:
            return {value(key): value(inner) for key, inner in one[1:]}
        if tag == _VALUES:
            return values[one[1]]
        if tag == _SET:
            return frozenset(map(value, one[1:]))
        if tag == _ENUM:
            return _ENUMS[one[1]](one[2])
        raise ValueError(f"expected what `encode` wrote, got the tag {tag!r}")

    for one, node in zip(objects, nodes, strict=True):
        for name, inner in node[2].items():
            object.__setattr__(one, name, value(inner))
    found = objects[0]
    if not isinstance(found, ModelDefinition):
        raise TypeError(f"expected a definition, got a {type(found).__name__}")
    found.raw = raw
    return found, values
