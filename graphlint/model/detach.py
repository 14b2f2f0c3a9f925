"""Cutting a graph off from the model in memory that it was made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphlint.model.definition import Constant, map_leaves
from graphlint.model.graph import ModelGraph


def detach(graph: ModelGraph) -> None:
    """Drop every reference to layers, variables and values of a live model; names, shapes and edges stay."""
    definition = graph.definition
    for one in (definition, *(member.definition for member in definition.members)):
        one.obj = None
        if one.optimizer is not None:
            for variable in one.optimizer.variables:
                variable.obj = variable.values = None
    waiting, seen = [definition.root, *(layer.definition for layer in graph.layers.values())], set()
    while waiting:
        layer = waiting.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        layer.obj = None
        for variable in layer.variables:
            variable.obj = variable.values = None
        waiting += layer.children.values()
        bodies = [layer.body] if layer.body is not None else []
        while bodies:
            body = bodies.pop()
            if id(body) in seen:
                continue
            seen.add(id(body))
            waiting += body.layers
            body.outputs = map_leaves(body.outputs, _plain)
            body.effects = tuple(effect._replace(variable=None) for effect in body.effects)
            for made in body.calls:
                made.obj = None
                made.args = map_leaves(made.args, _plain)
                made.kwargs = map_leaves(made.kwargs, _plain)
                made.captured = map_leaves(made.captured, _plain)
                waiting.append(made.layer)
                bodies += [made.form] if made.form is not None else []
    for node in graph.variables.values():
        node.obj = node.values = None
    for call in graph.calls.values():
        call.args, call.kwargs = map_leaves(call.args, _plain), map_leaves(call.kwargs, _plain)
    for scope in graph.scopes.values():
        scope.args, scope.kwargs = map_leaves(scope.args, _plain), map_leaves(scope.kwargs, _plain)


def _plain(leaf: Any) -> Any:
    """A constant without the object that it was."""
    if not isinstance(leaf, Constant) or leaf.obj is None:
        return leaf
    return replace(leaf, obj=None)
