"""Faults of family S."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
from keras import layers, ops

from tests.benchmarks.mutations.mutant import Clean, Mutant, injects


def weighted(clean: Clean) -> Iterator[tuple[str, tuple[int | None, ...], str]]:
    """Name, input shape and dtype of each layer of the root with weights, one input tensor and one output."""
    for name, layer, _ in clean.calls():
        if isinstance(layer, keras.Layer) and not isinstance(layer, keras.Model) and layer.weights:
            tensor = layer._inbound_nodes[0].input_tensors
            if len(tensor) == 1:
                yield name, tensor[0].shape[1:], tensor[0].dtype


def and_again(model: keras.Model, layer: keras.Layer, shape: tuple[int | None, ...], dtype: str) -> keras.Model:
    """The model, with the layer called on another Input as a further output."""
    other = keras.Input(shape, dtype=dtype, name="injected_input")
    return keras.Model([*model.inputs, other], [*model.outputs, layer(other)])


def without_live_norms(model: keras.Model) -> None:
    """Freeze every BatchNormalization: two inputs would move its mean (S004)."""
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False


@injects("S001")
def layer_of_a_nested_model_called_outside(clean: Clean) -> Iterator[Mutant]:
    for name, shape, dtype in weighted(clean):
        inner = clean.cloned()
        inputs = [keras.Input(batch_shape=one.shape, dtype=one.dtype) for one in inner.inputs]
        other = keras.Input(shape, dtype=dtype)
        outputs = keras.tree.flatten(inner(keras.tree.pack_sequence_as(inner.input, inputs)))
        without_live_norms(inner)
        model = keras.Model([*inputs, other], [*outputs, inner.get_layer(name)(other)])
        yield Mutant((name, f"{inner.name}/{name}"), model)


@injects("S002")
def shared_layer_in_legacy_file(clean: Clean) -> Iterator[Mutant]:
    if not all(isinstance(one, keras.Layer) for one in clean.functional.operations):
        return  # Legacy files with operations do not load at all.
    for mutant in layer_of_a_nested_model_called_outside(clean):
        layer = mutant.model.get_layer(mutant.expected[0])
        if max(np.prod(variable.shape) for variable in layer.weights) == 1:
            continue
        for variable in layer.weights:
            variable.assign(np.random.default_rng(0).uniform(0.1, 1, variable.shape))
        path = clean.target(".h5")
        mutant.model.save(path)
        yield Mutant(mutant.expected, path=path)


@injects("S003")
def called_twice(clean: Clean) -> Iterator[Mutant]:
    for name, shape, dtype in weighted(clean):
        model = clean.cloned()
        without_live_norms(model)
        yield Mutant((name,), and_again(model, model.get_layer(name), shape, dtype))


@injects("S004")
def norm_called_twice(clean: Clean) -> Iterator[Mutant]:
    for name, shape, dtype in weighted(clean):
        layer = clean.functional.get_layer(name)
        if isinstance(layer, layers.BatchNormalization) and layer.trainable:
            model = clean.cloned()
            yield Mutant((name,), and_again(model, model.get_layer(name), shape, dtype))


@injects("S005")
def tower_with_one_layer_of_its_own(clean: Clean) -> Iterator[Mutant]:
    chain = clean.model.layers
    if not isinstance(clean.model, keras.Sequential):
        return
    own = [layer.name for layer in chain if layer.weights and "Normalization" not in type(layer).__name__]
    for name in own if len(own) > 2 else ():
        model = clean.cloned()
        without_live_norms(model)
        results, inputs = [], []
        for tower in range(2):
            x = keras.Input(batch_shape=model.inputs[0].shape, dtype=model.inputs[0].dtype)
            inputs.append(x)
            for layer in chain:
                one = model.get_layer(layer.name)
                if tower and layer.name == name:
                    one = type(one).from_config({**one.get_config(), "name": "injected"})
                x = one(x)
            results.append(x)
        yield Mutant((name, "injected"), keras.Model(inputs, layers.Subtract()(results)))


@injects("S006")
def called_on_another_shape(clean: Clean) -> Iterator[Mutant]:
    for name, shape, dtype in weighted(clean):
        if isinstance(clean.functional.get_layer(name), layers.Dense):
            model = clean.cloned()
            yield Mutant((name,), and_again(model, model.get_layer(name), (7, *shape), dtype))


@injects("S007")
def untied_output(clean: Clean) -> Iterator[Mutant]:
    for name, layer, _ in clean.calls():
        if isinstance(layer, layers.Embedding) and layer.input_dim * layer.output_dim >= 64:
            model = clean.cloned()
            features = keras.Input((layer.output_dim,))
            head = layers.Dense(layer.input_dim, use_bias=False, name="injected")
            extended = keras.Model([*model.inputs, features], [*model.outputs, head(features)])
            head.kernel.assign(ops.transpose(model.get_layer(name).embeddings))
            yield Mutant((name, "injected"), extended)


@injects("S008")
def variable_in_the_graph(clean: Clean) -> Iterator[Mutant]:
    for name, tensor in clean.places():
        scale = keras.Variable(np.linspace(0.5, 1.5, tensor.shape[-1], dtype="float32"), dtype=tensor.dtype)
        model = clean.after(name, lambda x, scale=scale: x * scale)
        yield Mutant((new_operation(clean, model),), model, live_only=True)


def new_operations(clean: Clean, model: keras.Model) -> tuple[str, ...]:
    """The names of the operations that a rebuilt model has and the clean one has not."""
    before = {one.name for one in clean.functional.operations}
    return tuple(
        one.name for one in model.operations if one.name not in before and not isinstance(one, layers.InputLayer)
    )


def new_operation(clean: Clean, model: keras.Model) -> str:
    """The name of the one such operation."""
    (name,) = new_operations(clean, model)
    return name


@injects("S009")
def computed_twice(clean: Clean) -> Iterator[Mutant]:
    for name, layer, tensor in clean.calls():
        random = any(word in type(layer).__name__ for word in ("Dropout", "Random", "Noise", "Lambda"))
        stochastic = any(getattr(layer, rate, 0) for rate in ("dropout", "recurrent_dropout", "_dropout"))
        if (
            not isinstance(layer, keras.Layer)
            or not layer.weights
            or random
            or stochastic
            or "float" not in tensor.dtype
        ):
            continue
        if isinstance(layer, keras.Model) or not type(layer).__module__.startswith("keras."):
            continue

        def twice(layer, args, kwargs):
            return layers.Maximum(name="injected")([layer(*args, **kwargs), layer(*args, **kwargs)])

        yield Mutant((name,), clean.with_call(name, twice))


@injects("S010")
def layers_of_another_model(clean: Clean) -> Iterator[Mutant]:
    model = clean.cloned()
    last = next(layer for layer in reversed(model.layers) if layer.weights)
    other = keras.Model(model.inputs, keras.layers.Softmax()(keras.layers.Flatten()(last.output)))
    yield Mutant((), model, live_only=True)
    assert other.inputs
