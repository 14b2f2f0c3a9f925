"""Copies of what edits of variables and flags touch: all other layers of a model stay the same objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from graphlint.errors import InvalidEdit
from graphlint.knowledge import keras_internals
from graphlint.replay.clone import Cloner, copy_layers, copy_model
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.measure import require_alike


@dataclass(frozen=True, slots=True)
class StateEdit:
    """An edit of variables or flags. ``touched`` are the layers that it is made on, in the model that was given."""

    touched: tuple[Any, ...]
    apply: Callable[[Touched], None]
    flags: bool = False
    """Whether it sets flags of variables, which all layers that hold a variable have in common."""


class Touched:
    """The layers and variables of a model in a copy of it, in which only what some edits touch was copied.

    ``given`` is the model that the edits were written for, ``live`` what edits of its structure have made of it, and
    ``addresses`` leads from one to the other. The copies are compared with what they are copies of.

    Raises:
        CannotClone: a layer that is touched cannot be copied.
        InvalidEdit: a layer that is touched is no longer there.
    """

    def __init__(
        self, given: LiveGraph, live: LiveGraph, addresses: Mapping[str, str], edits: Iterable[StateEdit]
    ) -> None:
        self._given = given
        self._live = live
        self._addresses = addresses
        self._objects = {id(layer.obj): path for path, layer in live.graph.layers.items()}
        edits = list(edits)
        touched = [self._now(layer) for edit in edits for layer in edit.touched]
        operations = self._operations(touched, flags=any(edit.flags for edit in edits))
        self.clone: keras.Model | None = None
        """The copy of the whole model, where not everything that is touched is called by the graph."""
        if operations is None:
            self._cloner = Cloner("copy", "preserve")
            self.clone = copy_model(live.model, self._cloner)
            return
        self._cloner = copy_layers(operations)
        require_alike(live.model, self._cloner.copies)
        self._hold_what_others_hold()

    @property
    def variables(self) -> dict[int, Any]:
        """``id`` of a variable of what was copied -> the variable in its place."""
        return self._cloner.variables

    @property
    def copies(self) -> dict[int, Any]:
        """``id`` of a layer that was copied -> the copy."""
        return self._cloner.made

    @property
    def pairs(self) -> list[tuple[Any, Any]]:
        """Every layer that was copied, with its copy."""
        return self._cloner.pairs

    def replacements(self) -> dict[str, Any]:
        """The calls that run a copy now, by unit; inside a container that is copied as a whole there are none."""
        live, made = self._live, self._cloner.made
        copied = dict.fromkeys(unit for unit in live.position if id(live.operation(unit)) in made)
        return {
            unit: made[id(live.operation(unit))]
            for unit in copied
            if not live.is_input(unit) and copied.keys().isdisjoint(self._around(unit))
        }

    def layer(self, layer: Any) -> Any:
        """What a layer of the model that was given is in the copy."""
        now = self._now(layer)
        return self._cloner.made.get(id(now), now)

    def variable(self, layer: Any, variable: Any) -> Any:
        """The variable that ``layer`` holds in the copy in the place of ``variable``."""
        places = [index for index, one in enumerate(keras_internals.own_variables(layer)) if one is variable]
        return keras_internals.own_variables(self.layer(layer))[places[0]]

    # -- what to copy -------------------------------------------------------------------------------------------

    def _now(self, layer: Any) -> Any:
        """A layer of the model that was given, or what it was rebuilt as."""
        if layer is self._given.model:
            return self._live.model
        if id(layer) in self._objects:
            return layer
        paths = (path for path, one in self._given.graph.layers.items() if one.obj is layer)
        now = self._addresses.get(next(paths, ""), "")
        if now not in self._live.graph.layers:
            raise InvalidEdit(f"expected a layer of the edited model, got {layer.name!r}, which another edit removes")
        return self._live.graph.layers[now].obj

    def _operations(self, touched: list[Any], *, flags: bool) -> list[Any] | None:
        """The called operations to copy; None where the graph does not call all that holds what is touched."""
        live = self._live
        called = {id(live.operation(unit)): live.operation(unit) for unit in live.position if not live.is_input(unit)}
        bodies = {id(live.operation(unit)) for unit in live.position if live.is_scope(unit)}
        chosen: dict[int, Any] = {}
        members: set[int] = set()

        def choose(operation: Any) -> None:
            chosen[id(operation)] = operation
            for layer in _layers(operation):
                members.add(id(layer))
            if flags:
                members.update(map(id, _variables(operation)))

        for one in touched:
            if id(one) in called:
                choose(one)
                continue
            holders = [other for key, other in called.items() if key not in bodies and one in _layers(other)]
            if not holders:
                return None
            for holder in holders:
                choose(holder)
        grown = True
        while grown:
            grown = False
            for key, operation in called.items():
                if key in members or key in bodies:
                    continue
                held = {id(layer) for layer in _layers(operation)}
                if flags:
                    held.update(map(id, _variables(operation)))
                if held & members:
                    choose(operation)
                    grown = True
        return list(chosen.values())

    def _around(self, unit: str) -> Iterable[str]:
        scope = self._live.parent[unit]
        while scope in self._live.parent:
            yield scope
            scope = self._live.parent[scope]

    def _hold_what_others_hold(self) -> None:
        """Let copies hold the variables that are also those of layers which were not copied: ties stay."""
        copied = {id(old) for old, _ in self._cloner.pairs}
        others = {
            id(variable)
            for layer in keras_internals.all_layers(self._live.model)
            if id(layer) not in copied
            for variable in keras_internals.own_variables(layer)
        }
        for old, new in self._cloner.pairs:
            held = zip(keras_internals.own_variables(old), keras_internals.own_variables(new), strict=True)
            for variable, twin in list(held):
                if id(variable) in others:
                    keras_internals.replace_member(new, twin, variable)
                    self._cloner.variables[id(variable)] = variable


def _variables(operation: Any) -> list[Any]:
    """The variables of what a call runs; an operation that is no layer has none."""
    layers = _layers(operation) if isinstance(operation, keras.Layer) else []
    return [variable for layer in layers for variable in keras_internals.own_variables(layer)]


def _layers(operation: Any) -> list[Any]:
    return keras_internals.all_layers(operation) if isinstance(operation, keras.Layer) else [operation]
