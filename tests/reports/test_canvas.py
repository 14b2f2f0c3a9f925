"""Boxes, groups and repeated blocks, without a browser."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from graphlint.model.expand import expand
from graphlint.reports.canvas.canvas import canvas
from graphlint.reports.canvas.distribution import distribution
from graphlint.reports.canvas.outline import MOST
from graphlint.reports.canvas.repeats import find_repeats
from graphlint.reports.canvas.view import view
from tests.model.definitions import bodies, call, definition, input_call, layer, model


def chain(length, make):
    calls = [input_call("x")]
    for number in range(length):
        calls.append(call(make(number), number))
    return expand(definition(model("m", calls, [0], [length])))


def residual(blocks):
    """Blocks of convolution, normalisation and a sum with what came before, as in a ResNet."""
    calls = [input_call("x")]
    for block in range(blocks):
        start = len(calls) - 1
        calls.append(call(layer(f"block{block}_conv", "Conv2D", size=3), start))
        calls.append(call(layer(f"block{block}_bn", "BatchNormalization", size=2), start + 1))
        calls.append(call(layer(f"block{block}_add", "Add"), start + 2, start))
    return expand(definition(model("m", calls, [0], [len(calls) - 1])))


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), max_size=60))
def test_repeats_are_equal_blocks_that_do_not_overlap(kinds):
    end = 0
    for repeat in find_repeats(kinds, [[] for _ in kinds]):
        assert end <= repeat.start and repeat.stop <= len(kinds)
        end = repeat.stop
        blocks = {tuple(kinds[at : at + repeat.period]) for at in range(repeat.start, repeat.stop, repeat.period)}
        assert len(blocks) == 1 and repeat.blocks > 1


def test_blocks_are_cut_where_their_names_change():
    drawn = canvas(residual(12))
    (stack,) = [group for group in drawn.groups if group["k"] == "stack"]
    assert stack["x"] == 12
    blocks = [index for index, group in enumerate(drawn.groups) if group["k"] == "block"]
    for number, block in enumerate(blocks):
        assert [drawn.nodes[node]["n"] for node in drawn.nodes_in(block)] == [
            f"block{number}_{part}" for part in ("conv", "bn", "add")
        ]


def test_blocks_that_are_wired_or_set_differently_are_not_stacked():
    assert find_repeats([1, 2] * 4, [[], [0], [], [], [], [], [], [6]]) == []
    drawn = canvas(chain(9, lambda number: layer(f"l{number}", config={"units": number})))
    assert [group["k"] for group in drawn.groups] == ["model"]


def test_no_group_has_too_many_boxes_at_once():
    drawn = canvas(chain(5000, lambda number: layer(f"l{number}", config={"units": number})))
    inside = [0] * len(drawn.groups)
    for one in (*drawn.nodes, *drawn.groups[1:]):
        inside[one["g"]] += 1
    assert max(inside) <= MOST
    assert len(drawn.nodes) == 5001


@settings(deadline=None)
@given(bodies(), st.integers(0, 3))
def test_folding_keeps_every_flow_between_different_boxes(root, depth):
    graph = expand(definition(root))
    shown = view(graph, depth=depth)
    pairs = {(shown.box_of(source), shown.box_of(target)) for source, target, *_ in shown.canvas.edges}
    links = {(link.source, link.target) for link in shown.links()}
    assert links == {(one, other) for one, other in pairs if one != other or one[0] == "n"}
    assert {key for pair in links for key in pair} <= {shown.box_of(node) for node in range(len(shown.canvas.nodes))}


@settings(deadline=None)
@given(bodies(), st.data())
def test_what_is_near_nodes_is_kept_and_nothing_else(root, data):
    drawn = canvas(expand(definition(root)))
    some = set(data.draw(st.lists(st.integers(0, len(drawn.nodes) - 1), max_size=3)))
    near = drawn.near(some)
    part = drawn.only(near)
    assert [node["a"] for node in part.nodes] == [drawn.nodes[node]["a"] for node in sorted(near)]
    assert len(part.edges) == sum(edge[0] in near and edge[1] in near for edge in drawn.edges)
    assert all(group["g"] < index for index, group in enumerate(part.groups))


def test_a_stack_is_named_after_what_is_stacked():
    blocks = [model(f"block_{number}", [input_call("x"), call(layer("d", size=2), 0)], [0], [1]) for number in range(5)]
    calls = [input_call("x"), *(call(block, number) for number, block in enumerate(blocks))]
    drawn = canvas(expand(definition(model("m", calls, [0], [5]))))
    (stack,) = [group for group in drawn.groups if group["k"] == "stack"]
    assert (stack["n"], stack["x"]) == ("block…", 5)


def test_two_models_of_one_architecture_have_one_shape():
    first, second = (chain(4, lambda number, name=name: layer(f"{name}{number}")) for name in ("a", "b"))
    other = chain(5, lambda number: layer(f"a{number}"))
    assert canvas(first).shape == canvas(second).shape != canvas(other).shape


class Numbers:
    """The values of a variable, in two chunks."""

    def __init__(self, numbers):
        self.numbers = np.asarray(numbers).reshape(-1)

    def chunks(self):
        middle = len(self.numbers) // 2
        yield self.numbers[:middle]
        yield self.numbers[middle:]


@settings(deadline=None)
@given(arrays(np.float32, st.integers(1, 50)))
def test_a_distribution_is_what_numpy_says_of_the_finite_numbers(numbers):
    found = distribution(Numbers(numbers))
    finite = numbers[np.isfinite(numbers)].astype("float64")
    assert found["count"] == len(numbers)
    assert found.get("nan", 0) == np.isnan(numbers).sum()
    assert found.get("inf", 0) == np.isinf(numbers).sum()
    json.dumps(found, allow_nan=False)
    if finite.size:
        assert np.isclose(found["min"], finite.min(), rtol=1e-3, atol=0)
        assert np.isclose(found["mean"], finite.mean(), rtol=1e-3, atol=1e-3 * np.abs(finite).max())
        assert np.isclose(found["std"], finite.std(), rtol=1e-3, atol=1e-3 * np.abs(finite).max())
        assert np.isclose(found.get("zeros", 0), (finite == 0).mean(), rtol=1e-3)


@pytest.mark.parametrize(
    "numbers",
    [
        [1e308, -1e308, 1e308],
        [1.0, np.nextafter(1.0, 2)],
        [5e-324, 0.0],
        [True, False],
        [2**63 - 1, 0],
        [1 + 2j, 0j],
        [np.nan],
        [],
    ],
)
def test_a_distribution_of_odd_numbers_is_plain_data(numbers):
    assert json.dumps(distribution(Numbers(numbers)), allow_nan=False)
