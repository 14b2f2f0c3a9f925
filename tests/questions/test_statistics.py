"""What is asked of stored numbers, beside numpy."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphlint.errors import LimitError, UnreadableError
from graphlint.model.definition import FrontEnd, ModelDefinition, OptimizerDefinition, VariableDefinition
from graphlint.model.expand import expand
from graphlint.questions.equal_weights import (
    LEAST_ELEMENTS,
    equal,
    equal_transposed,
    interchangeable,
    may_be_equal,
    same_form,
)
from graphlint.questions.statistics import (
    Measuring,
    asked,
    holds_only,
    known,
    measure,
    note,
    statistics,
    stored_number,
    training_steps,
)
from tests.model.definitions import call, input_call, layer, model


class Stored:
    """Numbers that are read in pieces, and how often they were."""

    def __init__(self, numbers, size=3, position=0, error=None):
        self.numbers, self.size, self.position, self.error = np.asarray(numbers), size, position, error
        self.pieces = self.reads = 0
        self.nbytes = self.numbers.nbytes

    def read(self):
        self.reads += 1
        return self.numbers

    def chunks(self):
        if self.error is not None:
            raise self.error
        flat = self.numbers.reshape(-1)
        for start in range(0, flat.size, self.size):
            self.pieces += 1
            yield flat[start : start + self.size]


def variable(values, index=0, slot="kernel", **fields):
    shape, dtype = values.numbers.shape, str(values.numbers.dtype)
    return VariableDefinition(slot, index, shape, dtype=dtype, trainable=True, values=values, **fields)


def weighted(name, *values, class_name="Dense"):
    made = layer(name, class_name)
    made.variables = [variable(one, place, f"v{place}") for place, one in enumerate(values)]
    return made


def graph_of(*layers, depth="weights", optimizer=None):
    calls = [input_call("x"), *(call(one, place) for place, one in enumerate(layers))]
    root = model("net", calls, [0], [len(layers)])
    made = ModelDefinition(root, FrontEnd.STATIC, "keras", has_weights=True, depth=depth, optimizer=optimizer)
    return expand(made)


def first(graph):
    return next(iter(graph.variables.values()))


FLOATS = st.sampled_from([0.0, 1.0, -2.5, 1e30, -1e30, np.nan, np.inf, -np.inf])


@given(st.lists(FLOATS, max_size=12), st.sampled_from(["float16", "float32", "float64"]), st.integers(1, 5))
def test_the_statistics_are_those_of_numpy(numbers, dtype, size):
    with np.errstate(over="ignore"):
        array = np.array(numbers, dtype)
    measuring = Measuring()
    for start in range(0, array.size, size):
        measuring.add(array[start : start + size])
    found = measuring.result()
    good, bad = array[np.isfinite(array)], ~np.isfinite(array)
    assert (found.count, found.nan, found.infinite) == (array.size, np.isnan(array).sum(), np.isinf(array).sum())
    assert found.nonfinite == bad.sum()
    assert found.first_nonfinite == (int(bad.argmax()) if bad.any() else None)
    assert (found.minimum, found.maximum) == ((float(good.min()), float(good.max())) if good.size else (None, None))
    assert found.constant == (array.size > 0 and len(set(array.tolist())) == 1 and not bad.any())


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([True, False]), (2, 0, 0.0, 1.0)),
        (np.array([np.nan, np.nan]), (2, 2, None, None)),
        (np.array([3, -7], "int8"), (2, 0, -7.0, 3.0)),
        (np.array([200], "uint8"), (1, 0, 200.0, 200.0)),
        (np.array([1 + 2j, -3 + 4j], "complex64"), (2, 0, -3.0, 4.0)),
        (np.array([1 + 2j, complex(np.nan, 0)], "complex64"), (2, 1, 0.0, 2.0)),
        (np.array([1.5, -2.0], ml_dtypes.bfloat16), (2, 0, -2.0, 1.5)),
        (np.array([1.5, np.nan], ml_dtypes.float8_e4m3fn), (2, 1, 1.5, 1.5)),
        (np.array(["a", "b"]), (2, 0, None, None)),
        (np.array([b"a"], object), (1, 0, None, None)),
        (np.array([], "float32"), (0, 0, None, None)),
    ],
    ids=lambda one: str(getattr(one, "dtype", "")),
)
def test_numbers_of_every_dtype(array, expected):
    measuring = Measuring()
    measuring.add(array)
    found = measuring.result()
    assert (found.count, found.nan, found.minimum, found.maximum) == expected


def test_numbers_are_measured_once():
    graph = graph_of(weighted("a", Stored([1.0, 2.0])))
    one = first(graph)
    assert known(graph, one) is None
    found = statistics(graph, one)
    assert (found.minimum, found.maximum) == (1.0, 2.0)
    assert statistics(graph, one) is found and known(graph, one) is found
    assert one.values.pieces == 1
    note(graph, one, other := type(found)(9))
    assert statistics(graph, one) is other
    one.values = None
    assert statistics(graph, one) is None
    shallow = graph_of(weighted("a", Stored([1.0])), depth="structure")
    assert statistics(shallow, first(shallow)) is None


def test_all_are_measured_in_the_order_of_the_file():
    order = []

    class Noting(Stored):
        def chunks(self):
            order.append(self.position)
            return super().chunks()

    stored = [Noting([1.0], position=place) for place in (3, 2, 1)]
    graph = graph_of(*(weighted(name, one) for name, one in zip("abc", stored, strict=True)))
    statistics(graph, first(graph))
    graph.variables["b@v0"].values.error = UnreadableError("damaged")
    measure(graph)
    assert order == [3, 1, 2]
    assert [known(graph, one) is not None for one in graph.variables.values()] == [True, False, True]
    graph.variables["b@v0"].values.error = LimitError("too large")
    measure(graph)
    graph.variables["b@v0"].values.error = ValueError("a bug")
    with pytest.raises(ValueError, match="a bug"):
        measure(graph)
    graph.variables["b@v0"].values = None
    measure(graph)


@pytest.mark.parametrize(
    ("pieces", "only"),
    [
        ([[2.0], []], True),
        ([[], [2.0]], True),
        ([[2.0], [2.0], []], True),
        ([[]], False),
        ([], False),
        ([[2.0], [3.0], []], False),
    ],
)
def test_pieces_without_numbers_say_nothing(pieces, only):
    class Pieces(Stored):
        def chunks(self):
            yield from (np.asarray(one, "float32") for one in pieces)

    graph = graph_of(weighted("a", Pieces([2.0])))
    assert holds_only(graph, first(graph), 2.0) is only


def test_answers_are_carried_from_one_graph_to_another():
    one, other = graph_of(weighted("a", Stored([2.0]))), graph_of(weighted("b", Stored([3.0])))
    for graph in (one, other):
        statistics(graph, first(graph))
        holds_only(graph, first(graph), 2.0)
        stored_number(graph, first(graph))
    before = asked(one)
    before.update(asked(other))
    assert set(before.statistics) == {"a@v0", "b@v0"}
    assert sorted(before.scalars.values()) == [2.0, 3.0] and sorted(before.only.values()) == [False, True]


@pytest.mark.parametrize(
    ("numbers", "number"),
    [(5, 5), ([5], 5), ([[5]], 5), (2.5, 2.5), ([1, 2], None), ([], None)],
    ids=str,
)
def test_the_one_number_of_a_variable(numbers, number):
    graph = graph_of(weighted("a", Stored(numbers)))
    one = first(graph)
    assert stored_number(graph, one) == stored_number(graph, one) == number
    assert one.values.reads == (number is not None)
    one.values = None
    assert stored_number(graph, one) is None


@pytest.mark.parametrize(
    ("numbers", "number", "only"),
    [
        ([2.0] * 7, 2.0, True),
        ([2.0] * 6 + [1.0], 2.0, False),
        ([1.0], 2.0, False),
        ([], 2.0, False),
        ([0, 0], 0.0, True),
        ([np.nan], np.nan, False),
    ],
)
def test_variables_of_one_number(numbers, number, only):
    graph = graph_of(weighted("a", Stored(numbers)))
    one = first(graph)
    assert holds_only(graph, one, number) is only
    pieces = one.values.pieces
    assert holds_only(graph, one, number) is only and one.values.pieces == pieces
    one.values = None
    assert holds_only(graph, one, number) is False


def test_reading_stops_at_the_first_other_number():
    graph = graph_of(weighted("a", Stored([1.0] + [2.0] * 20)))
    assert not holds_only(graph, first(graph), 2.0) and first(graph).values.pieces == 1


@pytest.mark.parametrize(
    ("numbers", "steps"),
    [
        (np.array(7, "int64"), 7),
        (np.array(7, "uint32"), 7),
        (np.array(7.0, "float32"), None),
        (np.array([7], "int64"), None),
    ],
)
def test_the_steps_of_an_optimizer(numbers, steps):
    variables = [variable(Stored(numbers)), variable(Stored(np.array(9, "int64")))]
    optimizer = OptimizerDefinition("Adam", None, {}, variables=variables)
    assert training_steps(graph_of(layer("a"), optimizer=optimizer)) == steps
    variables[0].values = None
    assert training_steps(graph_of(layer("a"), optimizer=optimizer)) is None
    optimizer.variables.clear()
    assert training_steps(graph_of(layer("a"), optimizer=optimizer)) is None
    assert training_steps(graph_of(layer("a"))) is None


# -- equal numbers and equal forms ----------------------------------------------------------------------------------

MANY = np.arange(LEAST_ELEMENTS, dtype="float32")


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [
        (MANY, MANY, True),
        (MANY, MANY[::-1], True),
        (MANY, MANY.reshape(2, -1), True),
        (MANY, MANY + 1, False),
        (MANY, MANY.astype("float64"), False),
        (MANY, np.arange(LEAST_ELEMENTS + 1, dtype="float32"), False),
        (MANY, np.repeat(MANY, 2), False),
        (MANY[:-1], MANY[:-1], False),
        (MANY * 0, MANY * 0, False),
        (MANY * np.nan, MANY * np.nan, False),
    ],
)
def test_what_may_be_equal(one, other, may):
    graph = graph_of(weighted("a", Stored(one, 1000)), weighted("b", Stored(other, 1000)))
    assert may_be_equal(graph, *graph.variables.values()) is may


def test_equal_numbers_in_whatever_pieces():
    graph = graph_of(*(weighted(name, Stored(MANY, size)) for name, size in (("a", 7), ("b", 10))))
    a, b = graph.variables.values()
    assert equal(a, b) and equal(b, a)
    b.values = Stored(MANY[:-1], 7)
    assert not equal(a, b) and not equal(b, a)
    matrix = MANY.reshape(2, -1)
    a.values, b.values = Stored(matrix), Stored(matrix.T)
    assert equal_transposed(a, b) and not equal_transposed(a, a)
    for lacking in ((a, None), (None, a)):
        pair = [one or b for one in lacking]
        b.values = None
        assert not equal(*pair) and not equal_transposed(*pair)


def tower(name, *parts, inputs=(0,), outputs=None):
    calls = [input_call("i"), *(call(one, place) for place, one in enumerate(parts))]
    return model(name, calls, list(inputs), outputs or [len(parts)])


def part(name="part", class_name="Dense", children=None, **config):
    return layer(name, class_name, config={"name": name, **config}, children=children or {})


SHARED = part("shared")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (part("a", units=2), part("b", units=2), True),
        (part("a", units=2), part("b", units=3), False),
        (part("a"), part("b", "ReLU"), False),
        (part("a"), tower("b", part()), False),
        (part("a", children={"x": part()}), part("b", children={"x": part()}), True),
        (part("a", children={"x": part()}), part("b", children={"y": part()}), False),
        (part("a", children={"x": part()}), part("b", children={"x": part(units=1)}), False),
        (tower("a", part("p")), tower("b", part("q")), True),
        (tower("a", part("p")), tower("b", part("q", units=2)), False),
        (tower("a", part("p"), part("q")), tower("b", part("p")), False),
        (tower("a", part("p"), outputs=[0]), tower("b", part("p"), outputs=[1]), False),
        (tower("a", part("p"), inputs=[0]), tower("b", part("p"), inputs=[0, 0]), False),
        (tower("a", SHARED, SHARED), tower("b", part("p"), part("q")), False),
        (tower("a", part("p"), part("q")), tower("b", SHARED, SHARED), False),
        (tower("a", SHARED, SHARED), tower("b", SHARED, SHARED), True),
    ],
)
def test_equal_forms(one, other, same):
    assert same_form(one, other) is same


def test_calls_with_other_arguments_are_another_form():
    plain, trained = tower("a", part("p")), tower("b", part("p"))
    trained.body.calls[1].kwargs = {"training": True}
    assert not same_form(plain, trained)


def test_one_difference_is_enough():
    same, other, third = part("s", units=1), part("t", units=1), part("u", units=2)
    assert same_form(tower("a", same, same), tower("b", other, other))
    assert not same_form(tower("a", third, same, same), tower("b", part("v", units=3), other, other))
    assert not same_form(tower("a", same), part("p", "Functional"))
    assert not same_form(part("p", "Functional"), tower("a", same))
    longer = tower("b", other, part("dead"), outputs=[1])
    assert not same_form(tower("a", same), longer) and not same_form(longer, tower("a", same))


def test_numbers_that_are_not_known_are_not_compared():
    graph = graph_of(weighted("a", Stored(MANY, 1000)), weighted("b", Stored(MANY, 1000)))
    one, other = graph.variables.values()
    assert may_be_equal(graph, one, other)
    one.values = None
    assert not may_be_equal(graph, one, other) and not may_be_equal(graph, other, one)


def paired(values, others, **fields):
    one, other = weighted("a", *map(Stored, values)), weighted("b", *map(Stored, others))
    for key, value in fields.items():
        setattr(other.variables[0], key, value)
    return graph_of(one, other)


@pytest.mark.parametrize(
    ("values", "others", "fields", "same"),
    [
        ([[1.0, 2.0]], [[1.0, 2.0]], {}, True),
        ([[1.0, 2.0]], [[1.0, 3.0]], {}, False),
        ([[1.0, 2.0]], [[[1.0, 2.0]]], {}, False),
        ([[1.0, 2.0]], [[1.0, 2.0]], {"trainable": False}, False),
        ([[1.0, 2.0]], [[1.0, 2.0]], {"dtype": "float32"}, False),
        ([[1.0, 2.0], [3.0]], [[1.0, 2.0]], {}, False),
        ([[1.0, 2.0], [3.0]], [[1.0, 2.0], [4.0]], {}, False),
    ],
)
def test_layers_that_may_take_each_others_place(values, others, fields, same):
    assert interchangeable(paired(values, others, **fields), "a", "b") is same


def test_only_in_one_model_may_layers_take_each_others_place():
    inner = tower("inner", weighted("a", Stored([1.0])))
    graph = graph_of(weighted("a", Stored([1.0])), inner, weighted("c", Stored([1.0]), class_name="Other"))
    assert not interchangeable(graph, "a", "inner/a")
    assert not interchangeable(graph, "a", "c")
