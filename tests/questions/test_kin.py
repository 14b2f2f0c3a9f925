"""Which of several files have weights in common, on numbers that are written down here."""

from __future__ import annotations

import numpy as np
import pytest

from graphlint.model.definition import FrontEnd, ModelDefinition
from graphlint.model.expand import expand
from graphlint.model.several import several
from graphlint.questions.kin import kin
from tests.model.definitions import call, input_call, model
from tests.questions.test_statistics import Stored, weighted


def numbers(seed, count=16):
    return np.random.default_rng(seed).normal(size=count).astype("float32")


def file(seeds, *, saved=None, front_end=FrontEnd.STATIC, frozen=(), prefix=""):
    """A model of layers by name; the numbers of each are those of a seed, or an array."""
    layers = []
    for name, seed in seeds.items():
        made = weighted(f"{prefix}{name}", Stored(numbers(seed) if isinstance(seed, int) else seed, 5))
        made.variables[0].trainable = name not in frozen
        layers.append(made)
    calls = [input_call("x"), *(call(one, place) for place, one in enumerate(layers))]
    root = model("net", calls, [0], [len(layers)])
    return ModelDefinition(root, front_end, "keras", has_weights=True, saved=saved)


def found(**definitions):
    return kin(expand(several(definitions)))


def told(one):
    return (one.first, one.second, [pair[0].partition(":")[2] for pair in one.equal], one.relation)


def only(**definitions):
    (one,) = found(**definitions)
    return told(one)


MADE = "one was made from the other, and only some layers were trained since"
A, B, C = {"one": 1}, {"two": 2}, {"three": 3}


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (A, A, ("a", "b", ["one"], "a and b have equal weights throughout")),
        (A | B, A, ("b", "a", ["one"], "b is a part of a")),
        (A, A | B, ("a", "b", ["one"], "a is a part of b")),
        (A | B, A | C, ("a", "b", ["one"], MADE)),
        (A | B, A | {"two": 9}, ("a", "b", ["one"], MADE)),
    ],
)
def test_what_the_one_is_to_the_other(ours, theirs, expected):
    assert only(a=file(ours), b=file(theirs)) == expected
    assert found(a=file(ours), b=file({"one": 5})) == []


def test_the_later_one_is_the_second():
    early, late = {"saved": "2024-01-01"}, {"saved": "2024-02-01"}
    pairs = [({}, {}, False, "a"), (early, late, True, "a"), (late, early, True, "b"), (early, early, False, "a")]
    pairs += [(early, {}, False, "a"), ({}, late, False, "a")]
    for ours, theirs, dated, first in pairs:
        (one,) = found(a=file(A | B, **ours), b=file(A | C, **theirs))
        assert (one.dated, one.first) == (dated, first)
    (one,) = found(a=file(A | B, **early), b=file(A, **late))
    assert told(one) == ("a", "b", ["one"], "b is a part of a")
    (one,) = found(a=file(A | B, **early), b=file(A | C, **late))
    assert one.relation == "b was made from a, or both from one model, and only some layers were trained since"


def test_frozen_parts_are_named():
    (one,) = found(a=file(A), b=file(A | B, frozen=("one",)))
    assert one.frozen and one.relation == "a is a part of b, which has it frozen"
    (one,) = found(a=file(A | C), b=file(A | B, frozen=("one",)))
    assert one.relation == "b has the weights of a in a frozen part, and layers of its own trained on it"
    (one,) = found(a=file(A | {"four": 4}), b=file(A | {"four": 4} | B, frozen=("one",)))
    assert not one.frozen and one.parameters == 32


def test_what_is_left_on_each_side():
    (one,) = found(a=file({"one": 1, "two": 2, "same": 3}), b=file({"one": 1, "new": 5, "same": 6}))
    assert one.equal == (("a:one", "b:one"),) and one.parameters == 16
    assert one.retrained == (("a:same", "b:same"),)
    assert (one.only_first, one.only_second) == (("a:two",), ("b:new",))


def test_layers_of_one_name_elsewhere_are_retrained_if_there_is_but_one():
    def nested(seed, *others, name="inner"):
        inner = file({"dense": seed}).root
        inner.name = name
        more = [weighted("head", Stored(numbers(7)))]
        for place, other in enumerate(others):
            wrapped = file({"dense": other}).root
            wrapped.name = f"other{place}"
            more.append(wrapped)
        parts = [inner, *more]
        calls = [input_call("x"), *(call(one, place) for place, one in enumerate(parts))]
        root = model("net", calls, [0], [len(parts)])
        return ModelDefinition(root, FrontEnd.STATIC, "keras", has_weights=True)

    (one,) = found(a=nested(1), b=nested(2, name="outer"))
    assert one.retrained == (("a:inner/dense", "b:outer/dense"),)
    (one,) = found(a=nested(1), b=nested(2))
    assert one.retrained == (("a:inner/dense", "b:inner/dense"),)
    (one,) = found(a=nested(1), b=nested(2, 3, name="outer"))
    assert one.retrained == () and len(one.only_second) == 2
    (one,) = found(a=nested(1, 4), b=nested(2, name="outer"))
    assert one.retrained == ()


@pytest.mark.parametrize(
    ("array", "equal"),
    [
        (numbers(1, 16), True),
        (numbers(1, 15), False),
        (np.zeros(64, "float32"), False),
        (np.full(64, 3.0, "float32"), False),
        (np.array([0.0] * 63 + [1.0], "float32"), True),
        (np.repeat(np.arange(4, dtype="float32"), 5), True),
        (np.array([0.0, 1.0] + [0.0] * 18, "float32"), True),
    ],
)
def test_equal_numbers_that_mean_something(array, equal):
    assert bool(found(a=file({"one": array}), b=file({"one": array.copy()}))) is equal


def test_equal_numbers_in_another_form_are_no_kin():
    flat, square = numbers(1), numbers(1).reshape(4, 4)
    assert found(a=file({"one": flat}), b=file({"one": square})) == []
    assert found(a=file({"one": flat}), b=file({"one": flat.view("int32")})) == []
    other = numbers(2).reshape(4, 4)
    assert found(a=file({"one": flat, "two": other}), b=file({"one": 5, "two": square})) == []


def test_two_layers_of_equal_numbers_are_matched_once():
    (one,) = found(a=file({"one": 1, "again": 1}), b=file({"one": 1}))
    assert (one.first, one.second, len(one.equal), len(one.only_second)) == ("b", "a", 1, 1)
    (one,) = found(a=file({"one": 1, "again": 1}), b=file({"p": 1, "q": 1}))
    assert one.equal == (("a:one", "b:p"), ("a:again", "b:q"))


def test_models_in_memory_are_compared_with_files_alone():
    live = {"front_end": FrontEnd.LIVE}
    assert found(a=file(A, **live), b=file(A, **live)) == []
    assert len(found(a=file(A, **live), b=file(A))) == 1
    three = found(a=file(A), b=file(A), c=file(A))
    assert [(one.first, one.second) for one in three] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert len(found(a=file(A), b=file(A, **live))) == 1
    mixed = found(a=file(A, **live), b=file(A, **live), c=file(A))
    assert [(one.first, one.second) for one in mixed] == [("a", "c"), ("b", "c")]


def test_layers_whose_numbers_are_not_known_are_left_out():
    lacking = file(A | B)
    lacking.root.body.layers[1].variables[0].values = None
    assert found(a=lacking, b=file(A)) == []
    assert len(found(a=lacking, b=file(A | B))) == 1
    partly = file(A | B)
    partly.root.body.layers[1].variables += file(C).root.body.layers[1].variables
    partly.root.body.layers[1].variables[1].slot, partly.root.body.layers[1].variables[1].index = "v1", 1
    assert len(found(a=partly, b=partly)) == 0
    partly.root.body.layers[1].variables[1].values = None
    assert [one.equal for one in found(a=partly, b=file(A | B))] == [(("a:two", "b:two"),)]
    again = file({"one": 1, "three": 3})
    again.root.body.layers[1].variables += partly.root.body.layers[1].variables[1:]
    assert found(a=partly, b=again) == []


def test_numbers_that_do_not_vary_count_for_nothing():
    def two(count):
        made = file({"one": numbers(1, count)})
        made.root.body.layers[1].variables += file({"more": np.zeros(8, "float32")}).root.body.layers[1].variables
        made.root.body.layers[1].variables[1].slot = "more"
        return made

    assert (len(found(a=two(15), b=two(15))), len(found(a=two(16), b=two(16)))) == (0, 1)


def inside(seeds, **fields):
    """A file of models, each with one layer of the same name."""
    parts = []
    for name, seed in seeds.items():
        parts.append(file({"dense": seed}).root)
        parts[-1].name = name
    calls = [input_call("x"), *(call(one, place) for place, one in enumerate(parts))]
    return ModelDefinition(model("net", calls, [0], [len(parts)]), FrontEnd.STATIC, "keras", has_weights=True, **fields)


EARLY, LATE = {"saved": "2024-01-01"}, {"saved": "2024-02-01"}


@pytest.mark.parametrize(
    ("ours", "theirs", "retrained"),
    [
        ({"m": 1, "n": 2}, {"p": 1, "q": 9}, ["n q"]),
        ({"m": 1, "n": 2}, {"q": 9, "p": 1}, ["n q"]),
        ({"e": 1, "m": 2, "n": 3}, {"e": 1, "m": 8, "n": 9}, ["m m", "n n"]),
        ({"e": 1, "m": 2, "n": 3}, {"e": 1, "m": 8, "z": 9}, ["m m", "n z"]),
        ({"e": 1, "m": 2, "n": 3}, {"e": 1, "z": 9}, []),
        ({"e": 1, "m": 2}, {"e": 1, "y": 8, "z": 9}, []),
        ({"e": 1, "m": 2, "n": 3}, {"e": 1, "y": 8, "z": 9}, []),
    ],
)
def test_layers_of_one_name_are_matched_where_it_is_clear(ours, theirs, retrained):
    (one,) = found(a=inside(ours, **EARLY), b=inside(theirs, **LATE))
    assert one.retrained == tuple(
        (f"a:{first}/dense", f"b:{second}/dense") for first, second in map(str.split, retrained)
    )


def test_one_model_of_two_names_is_not_its_own_kin():
    one = file(A | B)
    assert found(a=one, b=one) == []
