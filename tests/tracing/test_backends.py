"""What a backend that is not TensorFlow shows, and what it does not load."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest

from graphlint.model.expand import expand
from graphlint.sources.live import read_live
from tests.tracing.cases import Compiled

_CHECKS = """
import sys
sys.modules["tensorflow"] = None  # As where it is not installed.
import keras
import graphlint

class Block(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return keras.ops.relu(self.dense(x))

inputs = keras.Input((4,))
report = graphlint.check(keras.Model(inputs, Block()(inputs)))
print(*report.models[0].opened)
"""


@pytest.mark.backend("jax", "torch")
def test_tensorflow_is_not_needed() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    run = subprocess.run(
        [sys.executable, "-c", _CHECKS], env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    assert run.stdout.split() == ["block"]


@pytest.mark.backend("torch")
def test_what_is_written_in_place_reads_what_is_written() -> None:
    class Writes(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.last = (keras.layers.Dense(4) for _ in range(3))

        def call(self, x: Any) -> Any:
            found = self.one(x) * 1.0
            found[:, :1] = self.two(x)[:, :1]
            return self.last(found)

    model = Writes()
    model(np.zeros((2, 4), "float32"))
    graph = expand(read_live(model, open_layers=True))
    assert not graph.opaque_layers
    assert graph.parameters.unreachable == 0
    (last,) = [call for call in graph.calls if graph.layer(call).obj is model.last]
    before = [graph.layer(call).obj for call in graph.ancestors({last}) if call in graph.calls]
    assert any(one is model.one for one in before)
    assert any(one is model.two for one in before)


@pytest.mark.backend("torch")
def test_a_loop_over_a_free_size_stays_closed_and_a_fixed_one_does_not() -> None:
    class Steps(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def build(self, shape: Any) -> None:
            self.dense.build((shape[0], shape[2]))
            self.built = True

        def call(self, x: Any) -> Any:
            found = x[:, 0] * 0
            for step in range(x.shape[1]):
                found = found + self.dense(x[:, step])
            return found

    for length, opened in ((None, False), (3, True)):
        inputs = keras.Input((length, 4))
        graph = expand(read_live(keras.Model(inputs, Steps()(inputs)), open_layers=True))
        assert [layer.class_name for layer in graph.opened_layers] == ["Steps"] * opened
        assert [graph.layer(call).class_name for call in graph.calls].count("Dense") == 3 * opened
        for layer in graph.opaque_layers:
            assert "needs the size of a dimension as a number" in str(layer.definition.opaque_because)


@pytest.mark.backend("jax", "torch")
def test_sizes_that_are_free_stay_so() -> None:
    class Flat(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def build(self, shape: Any) -> None:
            self.dense.build(shape)
            self.built = True

        def call(self, x: Any) -> Any:
            rows, steps, width = keras.ops.shape(x)
            return keras.ops.reshape(self.dense(keras.ops.reshape(x, (rows * steps, width))), (rows, steps, 3))

    inputs = keras.Input((None, 4))
    graph = expand(read_live(keras.Model(inputs, Flat()(inputs)), open_layers=True))
    (call,) = [call for call in graph.calls if graph.layer(call).class_name == "Dense"]
    assert graph.calls[call].outputs[0].shape == (None, 3)
    assert graph.calls[graph.outputs[0].call].outputs[0].shape == (None, None, 3)


@pytest.mark.backend("tensorflow", "jax")
def test_a_compiled_function_is_seen_each_time() -> None:
    """Backends do not run its code again for shapes that they have traced it with."""
    inputs = keras.Input(batch_shape=(2, 4))
    model = keras.Model(inputs, Compiled()(inputs))
    for _ in range(2):
        calls = [
            str(call.layer).rpartition("/")[2] for call in expand(read_live(model, open_layers=True)).calls.values()
        ]
        assert calls.count("body") == 1
        model(np.ones((2, 4), "float32"))
