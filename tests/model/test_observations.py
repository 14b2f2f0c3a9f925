"""What follows from the numbers of one batch."""

from __future__ import annotations

import math

import pytest

from graphlint.model.observations import (
    Movement,
    Numbers,
    Observations,
    ObservedCall,
    ObservedGradient,
    ObservedMask,
    ObservedTarget,
)


def numbers(*shape, **fields):
    return Numbers(shape=shape, dtype="float32", **fields)


@pytest.mark.parametrize(
    ("fields", "finite", "magnitude"),
    [
        ({}, True, 0),
        ({"nan": 1, "minimum": -3.0, "maximum": 2.0}, False, 3),
        ({"infinite": 1, "minimum": -2.0, "maximum": 3.0}, False, 3),
        ({"nan": 2, "infinite": 1, "minimum": 1.0, "maximum": 4.0}, False, 4),
        ({"minimum": -4.0, "maximum": -1.0}, True, 4),
    ],
)
def test_numbers(fields, finite, magnitude):
    one = numbers(2, 3, **fields)
    assert (one.size, one.finite, one.magnitude) == (6, finite, magnitude)
    other = numbers(5)
    for outputs, expected in (((), True), ((other,), True), ((other, one), finite), ((one, other), finite)):
        assert ObservedCall(layer="d", number=0, outputs=outputs).finite is expected
    assert numbers().size == 1


def test_nothing_is_claimed_that_was_not_observed():
    none = numbers(4)
    stated = (none.nan, none.infinite, none.mean, none.deviation, none.zeros, none.spread, none.whole)
    assert stated == (0, 0, 0, 0, 0, 0, False)
    call = ObservedCall(layer="d", number=1)
    assert (call.units, call.dead_units, call.rows_per_unit, call.innermost) == (0, 0, 0, True)
    assert ObservedMask(rows=1, steps=2, kept=2, empty_rows=0).repeats_at_end is False
    gradient = ObservedGradient(variable="d@kernel", numbers=None)
    assert (gradient.norm, gradient.value_norm, gradient.value_finite) == (0, 0, True)
    seen = Observations(rows=1)
    assert (seen.steps, seen.loss_scaled, seen.clipped, seen.weighted) == (0, False, False, False)


def test_all_targets_are_those_of_the_batch_where_no_others_are_known():
    batch, whole = numbers(2), numbers(100)
    target = ObservedTarget(output=0, name="o", loss=None, target=batch, prediction=batch)
    assert target.all is batch and target.uneven_rows == 0 and target.one_hot is False
    assert ObservedTarget(output=0, name="o", loss=None, target=batch, prediction=batch, whole=whole).all is whole


@pytest.mark.parametrize(
    ("loss", "first", "learns"),
    [(1.0, 2.0, True), (2.0, 2.0, False), (3.0, 2.0, False), (None, 2.0, False), (1.0, None, False), (0.0, 1.0, True)],
)
def test_a_model_learns_if_its_loss_falls(loss, first, learns):
    assert Observations(rows=4, loss=loss, first_loss=first).learns is learns
    assert not Observations(rows=4, loss=math.nan, first_loss=first).learns


def test_movement_knows_no_losses_where_none_were_computed():
    moved = Movement(steps=1, moved=frozenset({"a"}), still=frozenset())
    assert (moved.step, moved.loss_before, moved.loss_after) == (None, None, None)
