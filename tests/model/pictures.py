"""A whole graph as text, so that a test says all of it."""

from graphlint.model.graph import MASK, TENSOR, Tensor


def picture(graph):
    """Every part of a graph that is not empty, as short lines."""
    shown = {
        "layers": [_layer(one) for one in graph.layers.values()],
        "children": graph.children,
        "variables": [_variable(graph, one) for one in graph.variables.values()],
        "aliases": graph.aliases,
        "variable aliases": graph.variable_aliases,
        "calls": [_call(graph, one) for one in graph.calls.values()],
        "scopes": [_scope(one) for one in graph.scopes.values()],
        "inputs": graph.inputs,
        "outputs": [_text(one) for one in graph.outputs],
        "calls of": graph.calls_of,
        "runs inside": graph.runs_inside,
        "running": graph.running,
        "constants": graph.with_constants,
        "read by": graph.read_by,
        "effects": [(one.kind, one.scope, _text(one.tensors), one.variable) for one in graph.effects],
        "members": [(one.name, one.scope, one.layer) for one in graph.members],
    }
    return {name: part for name, part in shown.items() if part}


def _layer(one):
    marks = [f"in {one.parent}"] * (one.parent is not None) + ["hidden"] * one.hidden
    return " ".join([one.path, *marks, *(f"={alias}" for alias in one.aliases)])


def _variable(graph, one):
    return f"{one.id} {one.index} {one.shape} held by {' '.join(graph.held_by[one.id])}"


def _call(graph, one):
    received = [edge for kind in (TENSOR, MASK) for edge in graph.in_edges(one.id, kind)]
    edges = [
        f"{'~' if edge.kind == MASK else ''}{edge.argument}<{edge.source}:{edge.output}"
        for edge in sorted(received, key=lambda edge: edge.position)
    ]
    places = [edge.position for edge in received]
    assert sorted(places) == list(range(len(places)))
    return " ".join([f"{one.id} {one.layer} in {one.scope} {one.index}", *edges, f">{len(one.outputs)}"])


def _scope(one):
    given = f"{_text(one.args)} {_text(one.kwargs)}"
    return f"{one.id} {one.layer} in {one.parent} {one.index} {given} {' '.join(one.inputs)} > {_text(one.outputs)}"


def _text(value):
    if isinstance(value, Tensor):
        return f"{value.call}:{value.output}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_text(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(map(_text, value)) + ")"
    return str(getattr(value, "kind", value))
