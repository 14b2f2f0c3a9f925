"""Whether two variables hold the same numbers, reading no more than it takes to tell."""

from __future__ import annotations

from graphlint.graph.model_graph import ModelGraph, Variable
from graphlint.graph.statistics import statistics

LEAST_ELEMENTS = 256
"""Smaller variables are equal by chance, or by the nature of what they hold."""


def may_be_equal(graph: ModelGraph, first: Variable, second: Variable) -> bool:
    """Whether size, dtype and range agree, and both are large enough and not constant to say something."""
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
