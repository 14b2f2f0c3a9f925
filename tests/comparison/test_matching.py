"""Which layer is which: edits of configurations, each named as what it is."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlint.comparison.changes import Kind
from graphlint.comparison.comparing import Comparison, compare
from graphlint.comparison.matching import common, increasing
from graphlint.comparison.merged import Merged
from graphlint.comparison.page import render
from tests.comparison.configurations import Made, chain, graph

D, R, N = ("Dense", {"units": 4}), ("ReLU", {}), ("LayerNormalization", {})
NAMED = chain(("a", *D), ("b", *R), ("c", *D), ("d", *R), ("e", *D))
COUNTED = chain(*[(None, *one) for one in (D, R, D, R, D, R, D, N, D)])


def told(old, new):
    return [(change.kind, change.old, change.new) for change in compare(old, new).changes]


def without(made, place):
    """The chain without one layer."""
    return chain(
        *[(one.name, one.class_name, dict(one.settings)) for number, one in enumerate(made) if number != place]
    )


def with_layer(made, place, layer):
    listed = [(one.name, one.class_name, dict(one.settings)) for one in made]
    return chain(*listed[:place], layer, *listed[place:])


@pytest.mark.parametrize("made", [NAMED, COUNTED])
def test_numbers_that_only_count_are_no_difference(made):
    assert told(graph(made), graph(made, start=7)) == []


@pytest.mark.parametrize("place", range(len(NAMED)))
def test_one_layer_less_is_that_alone(place):
    assert told(graph(NAMED), graph(without(NAMED, place))) == [(Kind.REMOVED, NAMED[place].name, None)]


@pytest.mark.parametrize("place", range(len(COUNTED)))
def test_one_counted_layer_more_is_that_alone(place):
    longer = with_layer(COUNTED, place, (None, "Dropout", {"rate": 0.5}))
    assert told(graph(COUNTED), graph(longer, start=3)) == [(Kind.ADDED, None, "dropout_3")]


def test_one_more_of_the_same_is_one_more():
    (change,) = told(graph(COUNTED), graph(with_layer(COUNTED, 2, (None, *D))))
    assert change[0] is Kind.ADDED


@pytest.mark.parametrize("made", [NAMED, COUNTED])
def test_an_argument(made):
    changed = [*made[:2], made[2]._replace(settings=(("units", 4), ("use_bias", False))), *made[3:]]
    (change,) = compare(graph(made), graph(changed, start=2)).changes
    assert (change.kind, change.argument, change.before, change.after) == (Kind.CHANGED, "use_bias", "True", "False")


def test_several_arguments_far_apart_are_told_apart():
    changed = [
        one._replace(settings=(("units", 5),)) if number in (0, 2, 6) else one for number, one in enumerate(COUNTED)
    ]
    assert [kind for kind, *_ in told(graph(COUNTED), graph(changed, start=1))] == [Kind.CHANGED] * 3


def test_a_new_name():
    renamed = [*NAMED[:2], NAMED[2]._replace(name="middle"), *NAMED[3:]]
    assert told(graph(NAMED), graph(renamed)) == [(Kind.RENAMED, "c", "middle")]


def test_a_name_for_what_had_none():
    named = [*COUNTED[:2], COUNTED[2]._replace(name="middle"), *COUNTED[3:]]
    assert told(graph(COUNTED), graph(named)) == [(Kind.RENAMED, "dense_1", "middle")]


def test_a_layer_that_moved():
    names = "badce"
    by_name = {one.name: one for one in NAMED}
    moved = chain(*[(name, by_name[name].class_name, dict(by_name[name].settings)) for name in names])
    kinds = [kind for kind, *_ in told(graph(NAMED), graph(moved))]
    assert set(kinds) == {Kind.MOVED} and len(kinds) <= 2


def test_a_block_that_moved_does_not_change_what_lies_around():
    end = chain(("a", *D), ("c", *D), ("d", *R), ("e", *D), ("b", *R))
    assert told(graph(NAMED), graph(end)) == [(Kind.MOVED, "b", "b")]


def test_another_class_in_the_same_place():
    replaced = [*NAMED[:1], Made("z", "Dropout", (("rate", 0.5),), (0,)), *NAMED[2:]]
    changes = compare(graph(NAMED), graph(replaced)).changes
    assert [(one.kind, one.argument) for one in changes] == [(Kind.CHANGED, "class"), (Kind.RENAMED, None)]


def test_another_source():
    skip = [*NAMED, Made("sum", "Add", (), (4, 0))]
    other = [*NAMED, Made("sum", "Add", (), (4, 2))]
    (change,) = compare(graph(skip), graph(other)).changes
    assert (change.kind, change.before, change.after) == (Kind.REWIRED, "receives e, a", "receives e, c")


def test_a_branch_more():
    skip = [*NAMED, Made("sum", "Add", (), (4, 0))]
    branch = [*NAMED, Made("sum", "Add", (), (4, 0, 6)), Made("new", "Dense", (("units", 4),), (1,))]
    kinds = {(kind, place) for kind, _, place in told(graph(skip, (5,)), graph(branch, (5,)))}
    assert kinds == {(Kind.ADDED, "new"), (Kind.REWIRED, "sum")}


def test_many_equal_blocks_and_one_more():
    block = [("Dense", {"units": 4}), ("LayerNormalization", {}), ("ReLU", {})]
    ten = chain(*[(None, *one) for one in block * 10])
    eleven = chain(*[(None, *one) for one in block * 11])
    assert [kind for kind, *_ in told(graph(ten), graph(eleven))] == [Kind.ADDED] * 3


def test_one_graph_of_both_models():
    comparison = Comparison(graph(NAMED), graph(without(NAMED, 1)))
    merged = Merged(comparison.matching)
    assert merged.removed == {"b": "b"}
    received = {call: [tensor.call for tensor in merged.graph.producers(call)] for call in merged.graph.calls}
    assert received == {
        "image#0": [],
        "a#0": ["image#0"],
        "c#0": ["a#0"],
        "d#0": ["c#0"],
        "e#0": ["d#0"],
        "b#0": ["a#0"],
    }
    page = render(comparison)
    assert page.lower().startswith("<!doctype html") and "old -&gt; new" in page


# -- properties -------------------------------------------------------------------------------------------------

KINDS = [
    ("Dense", (("units", 4),)),
    ("Dense", (("units", 4), ("activation", "relu"))),
    ("ReLU", ()),
    ("Dropout", (("rate", 0.1),)),
    ("LayerNormalization", ()),
]


@st.composite
def models(draw, least=1):
    size = draw(st.integers(least, 12))
    made = []
    for place in range(size):
        kind, config = draw(st.sampled_from(KINDS))
        name = draw(st.sampled_from([None, None, f"layer_{draw(st.integers(0, 30))}x"]))
        if name in {one.name for one in made}:
            name = None
        if place > 1 and draw(st.booleans()):
            made.append(Made(name, "Add", (), (place - 1, draw(st.integers(-1, place - 2)))))
        else:
            made.append(Made(name, kind, config, (draw(st.integers(max(-1, place - 3), place - 1)),)))
    return made


MIRROR = {Kind.ADDED: Kind.REMOVED, Kind.REMOVED: Kind.ADDED}


def mirrored(changes):
    return sorted(
        str((MIRROR.get(one.kind, one.kind), one.new, one.old, one.after, one.before, one.argument)) for one in changes
    )


def as_it_is(changes):
    return sorted(str((one.kind, one.old, one.new, one.before, one.after, one.argument)) for one in changes)


@settings(max_examples=150, deadline=None)
@given(models(), models())
def test_back_and_forth_mirror_each_other(one, other):
    there, back = compare(graph(one), graph(other)), compare(graph(other), graph(one))
    assert as_it_is(there.changes) == mirrored(back.changes)


@settings(max_examples=100, deadline=None)
@given(models(), st.integers(0, 40))
def test_a_model_and_itself_built_again(one, start):
    assert told(graph(one), graph(one, start=start)) == []


@settings(max_examples=150, deadline=None)
@given(models(least=3), st.data())
def test_one_edit_is_told_in_few_words(one, data):
    """A layer more in a chain, wherever it is put into the graph: that layer, and nothing that was there before."""
    place = data.draw(st.integers(0, len(one) - 1))
    new = Made("inserted", "Dropout", (("rate", 0.9),), (place,))
    edited = [
        item._replace(sources=tuple(len(one) if source == place else source for source in item.sources)) for item in one
    ]
    outputs = (len(one),) if place == len(one) - 1 else (len(one) - 1,)
    changes = told(graph(one), graph([*edited, new], outputs))
    assert changes == [(Kind.ADDED, None, "inserted")]


@given(st.lists(st.integers(0, 5), max_size=30), st.lists(st.integers(0, 5), max_size=30))
def test_common_is_the_longest_common_subsequence(ours, theirs):
    found = common(ours, theirs)
    assert all(ours[one] == theirs[other] for one, other in found)
    assert found == sorted(found) and len({other for _, other in found}) == len(found)
    lengths = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for one in range(len(ours)):
        for other in range(len(theirs)):
            lengths[one + 1][other + 1] = (
                lengths[one][other] + 1
                if ours[one] == theirs[other]
                else max(lengths[one][other + 1], lengths[one + 1][other])
            )
    assert len(found) == lengths[-1][-1]


def test_long_sequences_with_few_changes_are_aligned_as_a_whole():
    chance = random.Random(0)
    ours = [chance.randrange(4) for _ in range(20_000)]
    theirs = list(ours)
    for _ in range(50):
        place = chance.randrange(len(theirs))
        theirs[place : place + chance.randrange(2)] = [chance.randrange(4)] * chance.randrange(2)
    assert len(common(ours, theirs)) > len(ours) - 120


def test_increasing_is_the_longest():
    assert sorted(increasing([3, 0, 1, 2])) == [1, 2, 3] and increasing([]) == set()
