"""The parameter audit counts what Keras counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from graphlint.model.expand import expand
from graphlint.sources import read
from graphlint.sources.live import read_live


def network() -> keras.Model:
    features = keras.Input((4,))
    body = keras.Model(features, layers.Dense(3, name="deep")(features), name="body")
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(2, name="head")(layers.BatchNormalization(name="norm")(body(inputs))))


def frozen(*names: str) -> Callable[[keras.Model], None]:
    def freeze(model: keras.Model) -> None:
        for name in names:
            model.get_layer(name).trainable = False

    return freeze


def frozen_root(model: keras.Model) -> None:
    model.trainable = False


def thawed_below_a_frozen_root(model: keras.Model) -> None:
    model.trainable = False
    model.get_layer("head").trainable = True


def thawed_below_a_frozen_body(model: keras.Model) -> None:
    model.get_layer("body").trainable = False
    model.get_layer("body").get_layer("deep").trainable = True


@pytest.mark.parametrize(
    "change",
    [
        frozen(),
        frozen("head"),
        frozen("norm", "body"),
        frozen_root,
        thawed_below_a_frozen_root,
        thawed_below_a_frozen_body,
    ],
    ids=lambda change: change.__name__,
)
def test_counts_are_those_of_keras(change: Callable[[keras.Model], None], tmp_path: Path) -> None:
    model = network()
    change(model)
    model.save(tmp_path / "model.keras")
    trainable = sum(int(np.prod(one.shape)) for one in model.trainable_variables)
    for definition in (read_live(model), read(tmp_path / "model.keras")):
        counts = expand(definition).parameters
        assert (counts.total, counts.trainable) == (model.count_params(), trainable)
        assert counts.non_trainable == model.count_params() - trainable
        assert (counts.counted_twice, counts.unreachable) == (0, 0)


def test_a_layer_of_several_nested_models_is_counted_once_more_for_each() -> None:
    shared, inputs = layers.Dense(3, name="shared"), keras.Input((4,))
    nested = [keras.Sequential([keras.Input((4,)), shared], name=f"nested_{number}") for number in range(3)]
    model = keras.Model(inputs, [one(inputs) for one in nested])
    counts = expand(read_live(model)).parameters
    assert (counts.total, counts.counted_per_layer, counts.counted_twice) == (15, 45, 30)
