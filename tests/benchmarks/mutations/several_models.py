"""Faults of family M: a clean model, and a second one that shares its layers."""

from __future__ import annotations

from collections.abc import Iterator

import keras
from keras import layers

from tests.benchmarks.mutations.mutant import Clean, Mutant, injects


def _twins(clean: Clean) -> tuple[keras.Model, keras.Model]:
    """A model, and another one with the same inputs, layers and outputs; neither is compiled."""
    model = clean.cloned()
    return keras.Model(model.inputs, model.outputs), keras.Model(model.inputs, model.outputs)


def _begun(model: keras.Model) -> None:
    """Make the training function of a compiled model, as its first batch does."""
    model.optimizer.build(model.trainable_variables)
    model.make_train_function()


@injects("M001")
def frozen_for_the_other_before_its_first_batch(clean: Clean) -> Iterator[Mutant]:
    one, other = _twins(clean)
    one.compile("sgd")
    one.trainable = False
    other.compile("sgd")
    yield Mutant((), models={"one": one, "other": other})


@injects("M002")
def frozen_after_the_other_began(clean: Clean) -> Iterator[Mutant]:
    one, other = _twins(clean)
    one.compile("sgd")
    _begun(one)
    other.trainable = False
    yield Mutant((), models={"one": one, "other": other})


@injects("M003")
def both_compiled(clean: Clean) -> Iterator[Mutant]:
    one, other = _twins(clean)
    one.compile("sgd")
    other.compile("adam")
    yield Mutant((), models={"one": one, "other": other})


@injects("M004")
def one_layer_frozen_here_and_trained_there(clean: Clean) -> Iterator[Mutant]:
    one, other = _twins(clean)
    weighted = [layer for layer in one.layers if layer.trainable_variables]
    if len(weighted) < 2:
        return
    weighted[0].trainable = False
    one.compile("sgd")
    _begun(one)
    weighted[0].trainable = True
    other.compile("sgd")
    yield Mutant((), models={"one": one, "other": other})


@injects("M005")
def statistics_of_two_models(clean: Clean) -> Iterator[Mutant]:
    one, other = _twins(clean)
    if any(isinstance(layer, layers.BatchNormalization) for layer in one.layers):
        one.compile("sgd")
        other.compile("sgd")
        yield Mutant((), models={"one": one, "other": other})


@injects("M006")
def nothing_trains_one_of_them(clean: Clean) -> Iterator[Mutant]:
    one, _ = _twins(clean)
    other = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    other.compile("sgd")
    yield Mutant((), models={"one": one, "other": other})


@injects("M007")
def two_models_of_the_same_layers(clean: Clean) -> Iterator[Mutant]:
    one, other = _twins(clean)
    yield Mutant((), models={"one": one, "other": other})


@injects("M008")
def rescaled_in_one_of_them(clean: Clean) -> Iterator[Mutant]:
    one, _ = _twins(clean)
    if any(isinstance(layer, (layers.Rescaling, layers.Normalization)) for layer in one.layers):
        return
    for layer in one.layers:
        if isinstance(layer, (layers.Dense, layers.Conv2D)) and len(layer._inbound_nodes) == 1:
            received = layer.input
            inputs = keras.Input(received.shape[1:], dtype=received.dtype)
            other = keras.Model(inputs, layer(layers.Rescaling(1 / 255)(inputs)))
            yield Mutant((), models={"one": one, "other": other})


@injects("M009")
def one_object_as_its_own_target(clean: Clean) -> Iterator[Mutant]:
    one, other = _twins(clean)
    yield Mutant((), models={"model": one, "target_model": one})
    yield Mutant((), models={"model": one, "target_model": other})


@injects("M010")
def one_layer_trained_since_it_was_saved(clean: Clean) -> Iterator[Mutant]:
    model = clean.cloned()
    weighted = [layer for layer in model.layers if any(variable.ndim > 1 for variable in layer.weights)]
    if len(weighted) < 2:
        return
    before, after = clean.target(), clean.target()
    model.save(before)
    kernel = next(variable for variable in weighted[-1].weights if variable.ndim > 1)
    kernel.assign(keras.ops.add(kernel, 1))
    model.save(after)
    yield Mutant((), models={"before": before, "after": after})
