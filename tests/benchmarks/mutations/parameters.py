"""Faults of family P."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
from keras import layers

from tests.benchmarks.mutations.disconnected import compile_again
from tests.benchmarks.mutations.mutant import Clean, Mutant, injects
from tests.benchmarks.mutations.shared_weights import without_live_norms
from tests.benchmarks.mutations.trainable import models_up_to_a_layer


@injects("P001")
def layer_of_two_models(clean: Clean) -> Iterator[Mutant]:
    for model, part in models_up_to_a_layer(clean):
        without_live_norms(model)
        other = keras.Input(batch_shape=model.inputs[0].shape, dtype=model.inputs[0].dtype)
        yield Mutant((), keras.Model([*model.inputs, other], [*model.outputs, part(other)]))


@injects("P002")
def copied_weights(clean: Clean) -> Iterator[Mutant]:
    arrays = {name: array for name, array in clean.stored.arrays() if array.size >= 256 and np.ptp(array) > 0}
    names = list(arrays)
    for index, first in enumerate(names):
        for second in names[index + 1 :]:
            if arrays[first].shape == arrays[second].shape:
                yield Mutant((), path=clean.stored.with_array(second, arrays[first]).write(clean.target()))
                break


@injects("P003")
def bias_in_front_of_a_norm(clean: Clean) -> Iterator[Mutant]:
    for name, layer, _ in clean.calls():
        if not isinstance(layer, (layers.Dense, layers.Conv2D, layers.Conv1D)) or layer.use_bias:
            continue
        consumers = clean.consumers(layer)
        if len(consumers) == 1 and isinstance(consumers[0], layers.BatchNormalization) and consumers[0].center:
            yield Mutant((name,), clean.with_call(name, _with_bias))


def _with_bias(layer, args, kwargs):
    return type(layer).from_config({**layer.get_config(), "use_bias": True})(*args, **kwargs)


@injects("P004")
def variable_of_the_model(clean: Clean) -> Iterator[Mutant]:
    model = clean.cloned()
    if type(model).__name__ == "Functional":
        model.injected = keras.Variable(np.linspace(0.0, 1.0, 5, dtype="float32"), name="injected")
        compile_again(model)
        yield Mutant((".",), model)
