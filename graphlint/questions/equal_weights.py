"""Whether two variables have the same values, reading no more than necessary."""

from __future__ import annotations

from graphlint.model.definition import LayerDefinition, leaves
from graphlint.model.graph import ModelGraph, Variable
from graphlint.questions.statistics import statistics
from graphlint.questions.towers import without_names

LEAST_ELEMENTS = 256
"""Smaller variables may be equal by chance or by their meaning."""


def may_be_equal(graph: ModelGraph, first: Variable, second: Variable) -> bool:
    """Whether size, dtype and range agree, and both are large and varied enough for equality to mean something."""
    if first.dtype != second.dtype or first.size != second.size or first.size < LEAST_ELEMENTS:
        return False
    one = statistics(graph, first)
    if one is None or one.minimum is None or one.constant:
        return False
    return one == statistics(graph, second)


def equal(first: Variable, second: Variable) -> bool:
    """Whether two variables of one shape and dtype are byte for byte equal; reads until the first difference."""
    if first.values is None or second.values is None:
        return False
    one, other = first.values.chunks(), second.values.chunks()
    left = right = b""
    while True:
        if not left:
            left = next((chunk.tobytes() for chunk in one), b"")
        if not right:
            right = next((chunk.tobytes() for chunk in other), b"")
        size = min(len(left), len(right))
        if not size:
            return not left and not right
        if left[:size] != right[:size]:
            return False
        left, right = left[size:], right[size:]


def equal_transposed(first: Variable, second: Variable) -> bool:
    """Whether a matrix equals the transpose of another; reads both whole, so ask `may_be_equal` before."""
    if first.values is None or second.values is None:
        return False
    import numpy as np

    return bool(np.array_equal(first.values.read(), second.values.read().T))


def interchangeable(graph: ModelGraph, one: str, other: str) -> bool:
    """Whether two layers or nested models of one model have the same form and the same values throughout."""
    first, second = graph.layers[one], graph.layers[other]
    if first.parent != second.parent or not same_form(first.definition, second.definition):
        return False
    ours, theirs = graph.variables_below(one), graph.variables_below(other)
    return len(ours) == len(theirs) and all(
        (a.shape, a.dtype, a.trainable) == (b.shape, b.dtype, b.trainable) and equal(a, b)
        for a, b in zip(ours, theirs, strict=True)
    )


def same_form(one: LayerDefinition, other: LayerDefinition) -> bool:
    """Whether two layers or models are equal except for names, weights and flags."""
    stack = [(one, other)]
    twins: dict[int, LayerDefinition] = {}
    taken: set[int] = set()
    while stack:
        first, second = stack.pop()
        if id(first) in twins or id(second) in taken:
            if twins.get(id(first)) is not second:
                return False
            continue
        twins[id(first)] = second
        taken.add(id(second))
        if first.class_name != second.class_name or (first.body is None) != (second.body is None):
            return False
        if first.body is None or second.body is None:
            if without_names(first.config) != without_names(second.config) or first.children.keys() != (
                second.children.keys()
            ):
                return False
            stack += [(child, second.children[name]) for name, child in first.children.items()]
            continue
        calls = list(zip(first.body.calls, second.body.calls, strict=False))
        if len(first.body.calls) != len(second.body.calls) or any(
            (list(leaves([a.args, a.kwargs]))) != list(leaves([b.args, b.kwargs])) for a, b in calls
        ):
            return False
        if [first.body.inputs, first.body.outputs] != [second.body.inputs, second.body.outputs]:
            return False
        stack += [(a.layer, b.layer) for a, b in calls]
    return True
