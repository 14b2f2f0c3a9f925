"""Shapes are those that NumPy has for known dimensions; what is free stays free, and what cannot be is refused."""

import itertools

import numpy as np
import pytest

from graphlint.model.dimensions import (
    ShapeError,
    add,
    agree,
    axis_of,
    broadcast,
    concatenated,
    matmul,
    multiply,
    reduced,
    reshaped,
    shape_text,
    transposed,
    windows,
)
from graphlint.model.observations import Numbers, Observations, ObservedCall, ObservedTarget


def answer(refused, function, *given):
    """What a function returns, of an array its shape; None if it refuses."""
    try:
        found = function(*given)
    except refused:
        return None
    return getattr(found, "shape", found)


def same(ours, theirs):
    """Two functions with their arguments have one answer, ours and that of NumPy."""
    assert answer(ShapeError, *ours) == answer((ValueError, IndexError), *theirs), ours


SHAPES = [(), (1,), (2,), (3,), (1, 1), (2, 1), (1, 3), (2, 3), (3, 2), (1, 2, 3), (2, 1, 3), (2, 3, 1), (4, 2, 3)]


@pytest.mark.parametrize("first", SHAPES)
def test_two_shapes_are_those_of_numpy(first):
    for second in SHAPES:
        one, other = np.zeros(first), np.zeros(second)
        same((broadcast, first, second), (np.broadcast_shapes, first, second))
        same((matmul, first, second), (np.matmul, one, other))
        if first and second:
            for axis in range(-len(first) - 1, len(first) + 1):
                same((concatenated, [first, second, first], axis), (np.concatenate, [one, other, one], axis))
            same((reshaped, first, second), (np.reshape, one, second))
            same((reshaped, first, (-1, *second)), (np.reshape, one, (-1, *second)))


@pytest.mark.parametrize("shape", [(2,), (2, 3), (4, 2, 3)])
def test_axes_are_those_of_numpy(shape):
    array, rank = np.zeros(shape), len(shape)
    assert reduced(shape, None, False) == () and reduced(shape, None, True) == (1,) * rank
    for axis in range(-rank - 1, rank + 1):
        same((axis_of, axis, rank), (list(range(rank)).__getitem__, axis))
        for keep in (False, True):
            same((reduced, shape, [axis], keep), (np.mean, array, axis, None, None, keep))
    if rank > 1:
        assert reduced(shape, [0, -1], False) == shape[1:-1] and reduced(shape, [0, -1], True) == (1, *shape[1:-1], 1)
    assert transposed(shape, None) == shape[::-1]
    for axes in itertools.product(range(-rank, rank), repeat=rank):
        same((transposed, shape, axes), (np.transpose, array, axes))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (lambda: add(1, 2, 3), 6),
        (lambda: add(1, None), None),
        (lambda: add(), 0),
        (lambda: multiply(2, 3, 4), 24),
        (lambda: multiply(), 1),
        (lambda: multiply(2, None), None),
        (lambda: multiply(0, None), None),
        (lambda: multiply(0, 2**200, 2**200), 0),
        (lambda: multiply(2**256), 2**256),
        (lambda: multiply(2**256 + 1), None),
        (lambda: multiply(2**255, 2), 2**256),
        (lambda: multiply(2**255, 3), None),
        (lambda: multiply(-(2**255), 3), None),
        (lambda: multiply(2**255, 3, 0), 0),
        (lambda: agree(1, 1), True),
        (lambda: agree(1, 2), False),
        (lambda: agree(None, 2), True),
        (lambda: agree(2, None), True),
        (lambda: broadcast((None,), (1,)), (None,)),
        (lambda: broadcast((1,), (None,)), (None,)),
        (lambda: broadcast((None,), (3,)), (3,)),
        (lambda: broadcast((3,), (None,)), (3,)),
        (lambda: broadcast((None,), (None,)), (None,)),
        (lambda: broadcast((None, 3), (2, 1, 1)), (2, None, 3)),
        (lambda: broadcast((), (2, None)), (2, None)),
        (lambda: reshaped((None, 4), (-1, 2)), (None, 2)),
        (lambda: reshaped((2, 4), (None, -1)), (None, None)),
        (lambda: reshaped((2, 4), (None, 4)), (None, 4)),
        (lambda: reshaped((None, 4), (3, 5)), (3, 5)),
        (lambda: reshaped((2**200, 2**200), (-1, 2)), (None, 2)),
        (lambda: reshaped((2, 2), (-1, 2**200, 2**200)), (None, 2**200, 2**200)),
        (lambda: reshaped((0, 4), (0, 7)), (0, 7)),
        (lambda: reshaped((0, 4), (-1, 7)), (0, 7)),
        (lambda: concatenated([(None, 2), (None, 3)], 1), (None, 5)),
        (lambda: concatenated([(None, 2), (4, 3)], -1), (None, 5)),
        (lambda: concatenated([(2, None), (2, 3)], -1), (2, None)),
        (lambda: concatenated([(2, 3)], 0), (2, 3)),
        (lambda: reduced((None, 3), [-1], False), (None,)),
        (lambda: reduced((None, 3), [0], True), (1, 3)),
        (lambda: reduced((None, 3), [], False), (None, 3)),
        (lambda: matmul((None, 3), (3, None)), (None, None)),
        (lambda: matmul((2, None), (3, 4)), (2, 4)),
        (lambda: matmul((2, 3), (None, 4)), (2, 4)),
        (lambda: matmul((None, 2, 3), (3,)), (None, 2)),
        (lambda: matmul((3,), (None, 3, 2)), (None, 2)),
        (lambda: transposed((None, 3, 4), (2, 0, 1)), (4, None, 3)),
        (lambda: shape_text(None), "(unknown)"),
        (lambda: shape_text(()), "()"),
        (lambda: shape_text((3,)), "(3,)"),
        (lambda: shape_text((None, 3)), "(?, 3)"),
    ],
)
def test_free_dimensions(found, expected):
    assert found() == expected


def test_windows_are_those_that_fit():
    for length, size, stride, dilation in itertools.product(range(1, 9), (1, 2, 3), (1, 2, 3), (1, 2)):
        extent = dilation * (size - 1) + 1
        starts = range(0, length - extent + 1, stride)
        assert answer(ShapeError, windows, length, size, stride, "valid", dilation) == (len(starts) or None)
        for padding in ("same", "causal"):
            assert windows(length, size, stride, padding, dilation) == len(range(0, length, stride))
    assert windows(None, 3, 2, "valid") is None and windows(None, 3, 2, "same") is None
    assert windows(5, 3, 1, "valid") == 3 and windows(0, 3, 2, "same") == 0


LAST = "expected the last dimension of the first (3) to equal the second-to-last of the second (4)"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: axis_of(2, 2), "got axis 2 for a tensor of rank 2, expected one from -2 to 1"),
        (lambda: axis_of(-3, 2), "got axis -3 for a tensor of rank 2, expected one from -2 to 1"),
        (lambda: axis_of(0, 0), "got axis 0 for a tensor of rank 0, expected one from 0 to -1"),
        (lambda: broadcast((2, 3), (4,)), "got the shapes (2, 3) and (4,), expected shapes that broadcast: 3 is not 4"),
        (lambda: windows(3, 2, 1, "valid", 3), "got an extent of 3 for a window of 4, expected the window to fit"),
        (lambda: windows(0, 1, 1, "valid"), "got an extent of 0 for a window of 1, expected the window to fit"),
        (lambda: reshaped((2, 3), (4,)), "got 6 elements in the shape (2, 3), expected as many as (4,) holds"),
        (lambda: reshaped((2, 3), (-1, 0)), "got 6 elements in the shape (2, 3), expected as many as (-1, 0) holds"),
        (lambda: reshaped((2, 3), (-1, 4)), "got 6 elements in the shape (2, 3), expected as many as (-1, 4) holds"),
        (
            lambda: concatenated([(2, 3), (2, 3, 1)], 0),
            "got the shapes (2, 3), (2, 3, 1), expected shapes that are equal except on axis 0",
        ),
        (
            lambda: concatenated([(2, 3), (2, 4), (3, 3)], -1),
            "got the shapes (2, 3), (2, 4), (3, 3), expected shapes that are equal except on axis 1",
        ),
        (lambda: matmul((), (2,)), "got the shapes () and (2,), expected at least one dimension in each"),
        (lambda: matmul((2,), ()), "got the shapes (2,) and (), expected at least one dimension in each"),
        (
            lambda: matmul((2, 3), (4, 5)),
            f"got the shapes (2, 3) and (4, 5), {LAST}",
        ),
        (lambda: transposed((2, 3), (0, 0)), "got the axes [0, 0] for the shape (2, 3), expected each axis once"),
        (lambda: transposed((2, 3), (0,)), "got the axes [0] for the shape (2, 3), expected each axis once"),
    ],
)
def test_what_cannot_be_is_said(wrong, said):
    with pytest.raises(ShapeError) as caught:
        wrong()
    assert str(caught.value) == said


# -- what was observed ------------------------------------------------------------------------------------------------


def numbers(**fields):
    return Numbers(shape=(2, 3), dtype="float32", **fields)


def test_numbers_of_a_tensor():
    assert numbers().size == 6 and Numbers(shape=(), dtype="float32").size == 1
    assert [numbers(**odd).finite for odd in ({}, {"nan": 1}, {"infinite": 1}, {"nan": 2, "infinite": 2})] == [
        True,
        False,
        False,
        False,
    ]
    assert [numbers(minimum=low, maximum=high).magnitude for low, high in ((-3, 2), (1, 2), (-3, -1), (0, 0))] == [
        3,
        2,
        3,
        0,
    ]
    plain = numbers()
    assert (plain.nan, plain.infinite, plain.minimum, plain.maximum, plain.mean, plain.deviation) == (0,) * 6
    assert (plain.zeros, plain.spread, plain.whole) == (0, 0, False)


def test_a_call_is_finite_if_all_that_it_returns_is():
    bad = numbers(nan=1)
    for outputs, finite in (((), True), ((numbers(),), True), ((numbers(), bad), False), ((bad, numbers()), False)):
        assert ObservedCall(layer="a", number=0, outputs=outputs, inputs=(bad,)).finite == finite
    plain = ObservedCall(layer="a", number=0)
    assert (plain.units, plain.dead_units, plain.rows_per_unit, plain.innermost) == (0, 0, 0, True)


def test_targets_are_those_of_the_batch_if_no_more_are_known():
    batch, whole = numbers(mean=1.0), numbers(mean=2.0)
    given = {"output": 0, "name": "a", "loss": None, "target": batch, "prediction": numbers()}
    assert ObservedTarget(**given).all is batch and ObservedTarget(**given, whole=whole).all is whole
    assert not ObservedTarget(**given).one_hot and ObservedTarget(**given).uneven_rows == 0


@pytest.mark.parametrize(
    ("loss", "first", "learns"),
    [
        (1.0, 2.0, True),
        (2.0, 2.0, False),
        (3.0, 2.0, False),
        (None, 2.0, False),
        (1.0, None, False),
        (None, None, False),
    ],
)
def test_what_learns_has_a_smaller_loss_than_at_first(loss, first, learns):
    assert Observations(rows=1, loss=loss, first_loss=first).learns == learns


def test_what_was_not_observed():
    plain = Observations(rows=1)
    assert (plain.steps, plain.loss_scaled, plain.clipped, plain.weighted) == (0, False, False, False)
