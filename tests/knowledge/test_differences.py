"""Where releases of Keras differ in what models in memory do."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
from keras import layers

import graphlint
from graphlint.knowledge import keras_internals
from graphlint.knowledge.keras_internals import DIFFERENCES, Difference
from graphlint.knowledge.supported import NEWEST, OLDEST
from graphlint.model.expand import expand
from graphlint.sources.live import read_live

INSTALLED = tuple(int(number) for number in re.findall(r"\d+", keras.__version__)[:2])


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda one: one.what)
def test_the_installed_release_does_what_it_is_known_for(difference: Difference) -> None:
    assert OLDEST < difference.since <= NEWEST
    assert difference.is_there() is (difference.since <= INSTALLED)


def test_a_mask_is_found_where_it_was_put() -> None:
    inputs = keras.Input((4,), dtype="int32")
    embedded = layers.Embedding(5, 2, mask_zero=True)(inputs)
    assert keras_internals.mask_of(embedded).shape == (None, 4)
    other = keras.KerasTensor((None, 4, 2))
    assert keras_internals.mask_of(other) is None
    keras_internals.set_mask(other, keras_internals.mask_of(embedded))
    assert keras_internals.mask_of(other) is keras_internals.mask_of(embedded)


def test_a_chain_of_layers_of_several_precisions_is_a_chain() -> None:
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, dtype="mixed_float16"), layers.Dense(2, dtype="float32")]
    )
    graph = expand(read_live(model))
    assert not [one for one in graphlint.check(model).models[0].findings if one.code == "D006"]
    assert graph.live_nodes >= set(graph.calls)


def test_states_that_are_carried_on_are_found() -> None:
    inputs = keras.Input(batch_shape=(2, 3, 4))
    layer = layers.LSTM(5, stateful=True)
    model = keras.Model(inputs, layer(inputs))
    states = keras_internals.carried_states(layer)
    assert [tuple(one.shape) for one in states] == [(2, 5), (2, 5)]
    model(np.ones((2, 3, 4), "float32"))
    before = [keras_internals.numbers(one) for one in states]
    assert graphlint.verify(model, model).exact
    for one, value in zip(states, before, strict=True):
        np.testing.assert_array_equal(keras_internals.numbers(one), value)


def test_a_model_that_is_written_as_the_installed_release_writes_it_will_load() -> None:
    inputs = {"a": keras.Input((2,), name="a"), "b": keras.Input((2,), name="b")}
    model = keras.Model(inputs, layers.Add()([inputs["a"], inputs["b"]]))
    assert not [one for one in graphlint.check(model).models[0].findings if one.code == "K010"]
