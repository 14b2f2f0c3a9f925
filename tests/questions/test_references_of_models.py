"""What files and models in memory name."""

import keras
import pytest
from keras import layers, ops

from graphlint.model.expand import expand
from graphlint.questions.references import references
from graphlint.sources import read
from graphlint.sources.live import read_live
from graphlint.testing.samples import SAMPLES


@pytest.mark.parametrize("name", ["nested", "bidirectional", "trained", "transformer", "custom_layer"])
def test_file_and_memory_name_the_same(name, tmp_path):
    model = SAMPLES[name]()
    path = tmp_path / "model.keras"
    model.save(path)

    def summary(graph):
        return {(one.kind, one.last_name, one.layer) for one in references(graph) if one.class_name != "DTypePolicy"}

    assert summary(expand(read(path))) == summary(expand(read_live(model)))


def test_objects_among_call_arguments(tmp_path):
    x = keras.Input((4,))
    model = keras.Model(x, ops.cast(layers.Dense(2)(x), "float16"))
    assert {one.last_name for one in references(expand(read_live(model)))} >= {"Dense", "Cast"}
