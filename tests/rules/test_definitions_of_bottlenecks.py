"""Bottlenecks of one unit, on definitions without Keras."""

from __future__ import annotations

import pytest

from rules.architecture.one_unit_bottleneck import OneUnitBottleneck
from tests.model.definitions import layer
from tests.rules.test_definitions import chain, dense, entering, graph_of, made, op, step

ONE, NEXT = (None, 1), (None, 3)


def narrow(name="one", units=1):
    return made(name, "Dense", shape=(4, 1), units=units)


def severities(graph):
    return [(one.node, str(one.severity), one.related) for one in OneUnitBottleneck().check(graph)]


@pytest.mark.parametrize(
    ("between", "found"),
    [
        ([], True),
        *(([made("b", name)], True) for name in ("Dropout", "GaussianNoise", "BatchNormalization", "ReLU", "Identity")),
        ([op("b", "Relu")], True),
        ([op("b", "Exp")], False),
        ([made("b", "Reshape")], False),
        ([layer("b", "Mine", registered_name="x>Mine")], False),
    ],
)
def test_one_unit_between_two_layers(between, found):
    graph = chain((narrow(), ONE), *((one, ONE) for one in between), (dense("next", 3), NEXT))
    assert severities(graph) == ([("one#0", "warning", ("next#0",))] if found else [])


@pytest.mark.parametrize(
    ("first", "shape", "units", "expected"),
    [
        (narrow(), (None, 4), 3, "warning"),
        (narrow(), (None, 4), 1, "info"),
        (narrow(), (None, 2), 3, "warning"),
        (narrow(), (None, 1), 3, None),
        (narrow(), (None, 5, 4), 3, None),
        (narrow(), None, 3, None),
        (narrow(units=2), (None, 4), 3, None),
        (made("one", "EinsumDense", units=1), (None, 4), 3, None),
    ],
)
def test_how_narrow_is_narrow(first, shape, units, expected):
    graph = chain((first, ONE), (dense("next", units), (None, units)), shape=shape)
    assert [severity for _, severity, _ in severities(graph)] == ([] if expected is None else [expected])


def test_a_bottleneck_of_what_is_not_built_yet():
    graph = chain((dense("wide", 4), None), (narrow(), None), (dense("next", 3), NEXT), shape=None)
    assert [node for node, _, _ in severities(graph)] == ["one#0"]


def test_what_makes_one_unit_enough():
    calls = [entering(), step(narrow(), 0, shape=ONE), step(dense("next", 3), 1, shape=NEXT)]
    assert severities(graph_of(calls, [2, 1])) == []
    assert severities(graph_of(calls)) != []
    for name in ("Multiply", "Dot", "Matmul", "Einsum", "Divide", "TrueDivide"):
        product = made("p", name) if name in ("Multiply", "Dot") else op("p", name)
        assert severities(graph_of([*calls, step(product, 2, 0, shape=(None, 9))])) == []
    assert severities(graph_of([*calls, step(op("p", "Add"), 2, 0, shape=(None, 9))])) != []
    assert severities(graph_of([*calls, step(dense("back"), 2, shape=(None, 4))])) == []
    other = [*calls, step(made("r", "LSTM"), 1)]
    assert severities(graph_of(other, [2, 3])) == []
    two = [*calls, step(dense("also", 1), 1, shape=ONE)]
    assert severities(graph_of(two, [2, 3])) == [("one#0", "warning", ("next#0", "also#0"))]


def test_a_bottleneck_that_is_called_twice_is_told_once():
    shared = narrow()
    calls = [entering(), step(shared, 0, shape=ONE), step(shared, 0, shape=ONE)]
    calls += [step(dense("a", 3), 1, shape=NEXT), step(dense("b", 3), 2, shape=NEXT)]
    assert [node for node, _, _ in severities(graph_of(calls, [3, 4]))] == ["one#0"]
