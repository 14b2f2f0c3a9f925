"""Inference and training: whether code may do another thing in training, and one body of what it does in both."""

from __future__ import annotations

import ast
import difflib
import inspect
import json
import textwrap
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import keras

from graphlint.model.definition import (
    INFERENCE,
    TRAINING,
    Body,
    CallDefinition,
    Constant,
    LayerDefinition,
    TensorRef,
    flat,
    map_leaves,
)
from graphlint.tracing.bodies import GLUE, GLUE_MODULE

# -- whether it matters ---------------------------------------------------------------------------------------------


def depends_on_mode(layer: keras.Layer) -> bool:
    """Whether the code of a layer does more with ``training`` than to hand it on to other layers.

    Where its source cannot be read, or what it hands the argument to is not known, it may.
    """
    return _looks(layer, type(layer).call, set())


def _looks(layer: keras.Layer, function: Any, seen: set[Any]) -> bool:
    function = inspect.unwrap(function)
    if function in seen:
        return False
    seen.add(function)
    try:
        parameters = inspect.signature(function).parameters
        source = inspect.getsource(function)
        if "training" not in source:
            return any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
        tree = ast.parse(textwrap.dedent(source))
        if any(_fixes_mode(node) for node in ast.walk(tree)):
            return True
        if "training" not in parameters:
            return any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    except (OSError, TypeError, ValueError, SyntaxError):
        return True
    handed_on = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        for keyword in node.keywords:
            if keyword.arg == "training" and isinstance(keyword.value, ast.Name):
                target = _target(layer, node.func)
                if isinstance(target, keras.Layer) or (callable(target) and not _looks(layer, target, seen)):
                    handed_on.add(id(keyword.value))
    return any(
        isinstance(node, ast.Name) and node.id == "training" and id(node) not in handed_on for node in ast.walk(tree)
    )


def _fixes_mode(node: ast.AST) -> bool:
    """Whether a piece of code is an argument ``training=True`` or ``training=False``: it shows in the other mode."""
    return isinstance(node, ast.keyword) and node.arg == "training" and isinstance(node.value, ast.Constant)


def _target(layer: keras.Layer, node: ast.expr) -> Any:
    """What an expression such as ``self.dense`` or ``super().call`` means on a layer; None where that is not known."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id != "self":
        return None
    found: Any = layer
    for name in reversed(names):
        found = inspect.getattr_static(found, name, None) if found is None else getattr(found, name, None)
    return found


# -- one body for both ----------------------------------------------------------------------------------------------


class Merger:
    """Makes one body of what a layer does in inference and in training."""

    def __init__(self, closed: Collection[int] = ()) -> None:
        """``closed`` are the ids of the layers of which nothing is known in training."""
        self.closed = closed
        self.done: dict[tuple[int, int], Body] = {}

    def merged(self, inference: Body, training: Body, owner: LayerDefinition) -> Body:
        """One body with the calls of both; the first one itself where they do the same.

        Calls are matched in order. What goes in or out of a matched call in one mode only passes through an operation
        that stands for the choice.
        """
        key = (id(inference), id(training))
        found = self.done.get(key)
        if found is None:
            found = inference if inference is training else _Merge(self, inference, training).run()
            self.done[key] = found
            if owner.body is inference:
                owner.body = found
        return found


class _Merge:
    def __init__(self, merger: Merger, inference: Body, training: Body) -> None:
        self.merger = merger
        self.bodies = (inference, training)
        self.places: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.calls: list[CallDefinition] = []
        self.differs = False
        self.layers = {id(layer): layer for body in self.bodies for layer in body.layers}

    def run(self) -> Body:
        inference, training = self.bodies
        matcher = difflib.SequenceMatcher(
            a=[_key(call) for call in inference.calls], b=[_key(call) for call in training.calls], autojunk=False
        )
        for kind, start, end, other, last in matcher.get_opcodes():
            if kind == "equal":
                for place, twin in zip(range(start, end), range(other, last), strict=True):
                    self.both(place, twin)
                continue
            self.differs = True
            for place in range(start, end):
                self.one(0, place, INFERENCE)
            for place in range(other, last):
                self.one(1, place, TRAINING)
        outputs = self.chosen(inference.outputs, training.outputs)
        effects = [effect._replace(tensors=tuple(self.moved(0, list(effect.tensors)))) for effect in inference.effects]
        for effect in training.effects:
            moved = effect._replace(tensors=tuple(self.moved(1, list(effect.tensors))))
            if moved not in effects:
                effects.append(moved)
                self.differs = True
        if not self.differs:
            return inference
        inputs = self.moved(0, inference.inputs)
        known = {ref.call for ref in flat(inputs)}
        arguments = list(inference.arguments)
        for ref, argument in zip(flat(training.inputs), training.arguments, strict=True):
            place = self.places[1][ref.call]
            if place not in known:
                inputs = [*inputs, TensorRef(place, 0)]
                arguments.append(argument)
        return replace(
            inference,
            layers=list(self.layers.values()),
            calls=self.calls,
            inputs=inputs,
            outputs=outputs,
            arguments=tuple(arguments),
            effects=tuple(effects),
        )

    def add(self, call: CallDefinition) -> int:
        self.calls.append(call)
        return len(self.calls) - 1

    def one(self, side: int, place: int, mode: str) -> None:
        call = self.bodies[side].calls[place]
        moved = replace(
            call,
            args=self.moved(side, call.args),
            kwargs=self.moved(side, call.kwargs),
            captured=self.moved(side, call.captured),
            modes=frozenset({mode}),
        )
        self.places[side][place] = self.add(moved)

    def both(self, place: int, twin: int) -> None:
        one, other = self.bodies[0].calls[place], self.bodies[1].calls[twin]
        args = self.chosen(one.args, other.args)
        kwargs = self.chosen(one.kwargs, other.kwargs)
        captured = self.chosen(one.captured, other.captured)
        call = replace(one, args=args, kwargs=kwargs, captured=captured)
        known = id(one.layer.obj) not in self.merger.closed
        if known and one.body is not None and other.body is not None and one.body is not other.body:
            body = self.merger.merged(one.body, other.body, one.layer)
            call.form = None if body is one.layer.body else body
            self.differs |= body is not one.body
        position = self.add(call)
        self.places[0][place] = self.places[1][twin] = position

    def moved(self, side: int, structure: Any) -> Any:
        """A structure of references into one of the bodies as references into the merged one."""
        places = self.places[side]

        def leaf(value: Any) -> Any:
            return TensorRef(places[value.call], value.output) if isinstance(value, TensorRef) else value

        return map_leaves(structure, leaf)

    def chosen(self, one: Any, other: Any) -> Any:
        """Two structures as one, with an operation where their tensors differ."""
        one, other = self.moved(0, one), self.moved(1, other)
        firsts, seconds = list(flat(one)), list(flat(other))
        if len(firsts) != len(seconds):
            self.differs = True
            if isinstance(one, dict):
                return {**other, **one}
            return one if len(firsts) > len(seconds) else other
        pairs = iter(seconds)

        def leaf(first: Any) -> Any:
            second = next(pairs)
            if _same(first, second):
                return first
            self.differs = True
            if not isinstance(first, TensorRef) and not isinstance(second, TensorRef):
                return first
            config = {"ops": ["inference or training"]}
            definition = LayerDefinition("by_mode", GLUE, GLUE_MODULE, config=config, is_operation=True)
            self.layers[id(definition)] = definition
            return TensorRef(self.add(CallDefinition(definition, ([first, second],), outputs=self.spec(first))), 0)

        return _in_order(one, leaf)

    def spec(self, ref: Any) -> Any:
        call = self.calls[ref.call] if isinstance(ref, TensorRef) else None
        specs = call.outputs if call is not None else None
        return (specs[ref.output],) if specs and ref.output < len(specs) else None


def _in_order(structure: Any, leaf: Callable[[Any], Any]) -> Any:
    """``map_leaves`` in the order of ``flat``: dicts by sorted key."""
    if isinstance(structure, dict):
        found = {key: _in_order(structure[key], leaf) for key in sorted(structure, key=str)}
        return {key: found[key] for key in structure}
    if type(structure) in (list, tuple):
        return type(structure)(_in_order(item, leaf) for item in structure)
    return leaf(structure)


def _key(call: CallDefinition) -> Any:
    layer = call.layer
    if not layer.is_operation and layer.class_name != "InputLayer":
        return id(layer)
    name = layer.name if layer.class_name == "InputLayer" else ""
    return layer.class_name, name, json.dumps(layer.config, sort_keys=True, default=str), call.outputs


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Constant) and isinstance(other, Constant):
        return one == other and (one.kind != "variable" or one.obj is other.obj)
    return type(one) is type(other) and bool(one == other)
