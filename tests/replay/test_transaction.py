"""Calls that are taken back, and who waits meanwhile."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import keras
import pytest
from keras import layers

from graphlint.replay.transaction import ONE_AT_A_TIME, Transaction
from tests.replay.invariants import node_counts

MASKED = "Layer 'x' was passed an input with a mask attached to it"


def parts() -> tuple[Any, layers.Layer, keras.Model]:
    inputs = keras.Input((4,), name="x")
    layer = layers.Dense(4, name="d")
    return inputs, layer, keras.Model(inputs, layer(inputs))


@pytest.mark.parametrize(
    ("keep", "fails", "stays"), [(True, False, True), (True, True, False), (False, False, False), (False, True, False)]
)
def test_calls_stay_or_are_taken_back(keep: bool, fails: bool, stays: bool) -> None:
    inputs, layer, model = parts()
    before = node_counts(model)
    try:
        with Transaction(model.layers, keep=keep) as transaction:
            assert transaction.keep == keep
            layer(layer(inputs))
            if fails:
                raise KeyError("it")
    except KeyError as error:
        assert fails and error.args == ("it",)
    grown = {id(layer): (before[id(layer)][0] + 2, before[id(layer)][1] + 1)}
    grown[id(model.layers[0])] = (1, before[id(model.layers[0])][1] + 1)
    assert node_counts(model) == {**before, **(grown if stays else {})}
    inputs, layer, model = parts()
    with Transaction(model.layers):
        layer(inputs)
    assert node_counts(model)[id(layer)] == (2, 0)


def test_one_thread_at_a_time() -> None:
    taken: list[bool] = []

    def take() -> None:
        taken.append(ONE_AT_A_TIME.acquire(blocking=False))
        if taken[-1]:
            ONE_AT_A_TIME.release()

    def asked() -> bool:
        other = threading.Thread(target=take)
        other.start()
        other.join()
        return taken[-1]

    with Transaction([]):
        assert not asked()
        with Transaction([]):
            assert not asked()
        assert not asked()
    assert asked()
    with pytest.raises(KeyError), Transaction([]):
        raise KeyError
    assert asked()


def test_what_keras_says_of_masks_is_silent_meanwhile() -> None:
    before = list(warnings.filters)
    with Transaction([]):
        warnings.warn(MASKED, stacklevel=1)
        with pytest.warns(UserWarning, match="something else"):
            warnings.warn("something else", stacklevel=1)
    assert list(warnings.filters) == before
