"""Faults of family A."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers

from tests.benchmarks.mutations.mutant import Clean, Mutant, injects

_LINEAR = (layers.Dense, layers.Conv1D, layers.Conv2D, layers.Conv3D)


@injects("A001")
def softmax_gate_of_one(clean: Clean) -> Iterator[Mutant]:
    for name, _ in clean.places(rank=2):
        gate = layers.Dense(1, activation="softmax", name="injected")
        yield Mutant(("injected",), clean.after(name, lambda x, gate=gate: layers.Multiply()([x, gate(x)])))


def _heads(clean: Clean) -> Iterator[tuple[int, str, Any]]:
    """Index of an output, and name and layer of the Dense or convolution it comes from."""
    for index, output in enumerate(clean.functional.outputs):
        layer = output._keras_history.operation
        if type(layer) in _LINEAR:
            yield index, layer.name, layer


def _replaced(clean: Clean, name: str, **changes: Any) -> keras.Model:
    """The model with one layer of another configuration."""
    return clean.with_call(
        name,
        lambda layer, args, kwargs: type(layer).from_config({**layer.get_config(), **changes})(*args, **kwargs),
    )


def _compiled(model: keras.Model, index: int, loss: Any) -> keras.Model:
    """The model compiled with one loss for an output, and none of the others."""
    losses = [None] * len(model.outputs)
    losses[index] = loss
    if len(losses) == 1:
        model.compile("adam", loss)
    elif isinstance(model.output, dict):
        model.compile("adam", {next(iter_name(model, index)): loss})
    else:
        model.compile("adam", losses)
    return model


def iter_name(model: keras.Model, index: int) -> Iterator[str]:
    """The key of an output in a model whose outputs are a dictionary."""
    for key, tensor in model.output.items():
        if tensor is model.outputs[index]:
            yield key


def _single(clean: Clean) -> bool:
    return len(clean.model.outputs) == 1


def _losses(wide: bool, **options: Any) -> Iterator[Any]:
    if wide:
        yield keras.losses.CategoricalCrossentropy(**options)
        yield keras.losses.SparseCategoricalCrossentropy(**options)
    yield keras.losses.BinaryCrossentropy(**options)


@injects("A002")
def activation_forgotten(clean: Clean) -> Iterator[Mutant]:
    for index, name, layer in _heads(clean) if _single(clean) else ():
        for loss in _losses((layer.output.shape[-1] or 1) > 1):
            for activation in ("linear", "relu", "tanh"):
                yield Mutant((name,), _compiled(_replaced(clean, name, activation=activation), index, loss))


@injects("A003")
def probabilities_into_logits(clean: Clean) -> Iterator[Mutant]:
    for index, name, layer in _heads(clean) if _single(clean) else ():
        wide = (layer.output.shape[-1] or 1) > 1
        for loss in _losses(wide, from_logits=True):
            activation = "sigmoid" if isinstance(loss, keras.losses.BinaryCrossentropy) else "softmax"
            yield Mutant((name,), _compiled(_replaced(clean, name, activation=activation), index, loss))


@injects("A004")
def activation_of_another_loss(clean: Clean) -> Iterator[Mutant]:
    for index, name, layer in _heads(clean) if _single(clean) else ():
        if (layer.output.shape[-1] or 1) > 1:
            for loss in _losses(True):
                activation = "softmax" if isinstance(loss, keras.losses.BinaryCrossentropy) else "sigmoid"
                yield Mutant((name,), _compiled(_replaced(clean, name, activation=activation), index, loss))


@injects("A005")
def one_class(clean: Clean) -> Iterator[Mutant]:
    for index, name, layer in _heads(clean) if _single(clean) else ():
        size = {"units": 1} if isinstance(layer, layers.Dense) else {"filters": 1}
        for loss in ("categorical_crossentropy", "sparse_categorical_crossentropy"):
            model = _replaced(clean, name, activation="sigmoid", **size)
            yield Mutant((name,), _compiled(model, index, loss))


@injects("A006")
def regression_through_relu(clean: Clean) -> Iterator[Mutant]:
    for index, name, _ in _heads(clean) if _single(clean) else ():
        for activation in ("relu", "softmax"):
            if activation == "relu" or clean.functional.outputs[index].shape[-1] != 1:
                yield Mutant((name,), _compiled(_replaced(clean, name, activation=activation), index, "mse"))


@injects("A007")
def linear_layer_in_front(clean: Clean) -> Iterator[Mutant]:
    """A layer that gets a second one in front, at least as wide as what goes in."""
    for name, layer, _ in clean.calls():
        if type(layer) not in _LINEAR or getattr(layer, "groups", 1) != 1:
            continue
        shape = layer._inbound_nodes[0].input_tensors[0].shape
        if shape[-1] is None:
            continue
        rank = len(shape) - 2

        def deeper(layer, args, kwargs, shape=shape, rank=rank):
            width = shape[-1] + 1
            if isinstance(layer, layers.Dense):
                extra = layers.Dense(width, name="injected")
            else:
                extra = getattr(layers, f"Conv{rank}D")(width, 1, name="injected")
            return layer(extra(args[0]), **kwargs)

        yield Mutant(("injected", *_linear_before(layer)), clean.with_call(name, deeper, copied=True))


def _linear_before(layer: Any) -> Iterator[str]:
    """A linear layer in front makes the chain longer, and is where it starts."""
    producer = layer._inbound_nodes[0].input_tensors[0]._keras_history.operation
    while isinstance(producer, (layers.Dropout, layers.ZeroPadding2D)):
        producer = producer._inbound_nodes[0].input_tensors[0]._keras_history.operation
    if type(producer) in _LINEAR and keras.activations.serialize(producer.activation) == "linear":
        yield producer.name


@injects("A008")
def activation_twice(clean: Clean) -> Iterator[Mutant]:
    for place, (name, tensor) in enumerate(clean.places()):
        activation = ("softmax", "sigmoid")[place % 2]
        if activation == "softmax" and tensor.shape[-1] == 1:
            continue

        def twice(x, activation=activation):
            first = layers.Activation(activation, name="injected_0")(x)
            return layers.Activation(activation, name="injected_1")(first)

        if tensor not in clean.functional.outputs:
            yield Mutant(("injected_0", "injected_1"), clean.after(name, twice))


@injects("A009")
def dropout_in_front_of_a_norm(clean: Clean) -> Iterator[Mutant]:
    for name, layer, _ in clean.calls():
        if isinstance(layer, layers.BatchNormalization):
            yield Mutant(
                ("injected", name),
                clean.with_call(
                    name,
                    lambda layer, args, kwargs: layer(layers.Dropout(0.5, name="injected")(args[0]), **kwargs),
                ),
            )


@injects("A007")
def linear_layers_of_a_model_called_twice(clean: Clean) -> Iterator[Mutant]:
    for name, tensor in clean.places(rank=2):
        width = tensor.shape[-1] + 1
        inside = [layers.Dense(width, name="injected"), layers.AlphaDropout(0.1), layers.Dense(width, "tanh")]
        body = keras.Sequential([keras.Input(tensor.shape[1:]), *inside], name="body")
        if tensor in clean.functional.outputs:
            continue
        model = clean.after(
            name, lambda x, body=body: layers.Dense(x.shape[-1], "tanh")(layers.Maximum()([body(x), body(x * 2.0)]))
        )
        yield Mutant(("body/injected",), model)


@injects("A010")
def dropout_at_the_end(clean: Clean) -> Iterator[Mutant]:
    if not clean.model.compiled:
        return
    for output in clean.functional.outputs:
        name = output._keras_history.operation.name
        if name in {one for one, _ in clean.places()} and len(clean.model.outputs) == 1:
            yield Mutant(("injected",), clean.after(name, layers.Dropout(0.5, name="injected")))


@injects("A011")
def kernel_of_zeros(clean: Clean) -> Iterator[Mutant]:
    """Only layers in front of a plain activation or another layer: a branch that is summed may start at zero."""
    for name, layer, _ in clean.calls():
        if type(layer) not in _LINEAR or (layer.output.shape[-1] or 0) < 2 or len(clean.consumers(layer)) != 1:
            continue
        (consumer,) = clean.consumers(layer)
        if isinstance(consumer, (*_LINEAR, layers.MaxPooling2D, layers.Dropout)) and _plain_after(clean, consumer):
            for initializer in ("zeros", "ones"):
                yield Mutant((name,), _replaced(clean, name, kernel_initializer=initializer))


def _plain_after(clean: Clean, layer: Any) -> bool:
    """Whether nothing but a chain of layers lies behind, up to an output."""
    while following := clean.consumers(layer):
        if len(following) > 1 or not isinstance(layer, keras.Layer) or _merges(layer):
            return False
        (layer,) = following
    return not _merges(layer) and isinstance(layer, keras.Layer)


def _merges(layer: Any) -> bool:
    return len(layer._inbound_nodes[0].input_tensors) > 1


@injects("A012")
def same_seed(clean: Clean) -> Iterator[Mutant]:
    for name, tensor in clean.places():
        width = tensor.shape[-1] + 1

        def branches(x, width=width):
            made = [
                layers.Dense(
                    width,
                    activation="relu",
                    name=f"injected_{index}",
                    kernel_initializer=keras.initializers.GlorotUniform(seed=3),
                )(x)
                for index in range(2)
            ]
            joined = layers.Concatenate(name="injected_join")(made)
            return layers.Dense(x.shape[-1], activation="tanh", name="injected_out")(joined)

        if tensor not in clean.functional.outputs:
            yield Mutant(("injected_0", "injected_1"), clean.after(name, branches))


@injects("A013")
def scaled_twice(clean: Clean) -> Iterator[Mutant]:
    for name, layer, _ in clean.calls():
        if isinstance(layer, layers.Rescaling) and np.all(np.asarray(layer.scale) < 0.1):

            def again(layer, args, kwargs):
                return layer(layers.Rescaling(1 / 255, name="injected")(args[0]), **kwargs)

            yield Mutant(("injected", name), clean.with_call(name, again))


@injects("A014")
def softmax_between_dense_layers(clean: Clean) -> Iterator[Mutant]:
    for name, layer, _ in clean.calls():
        if type(layer) is layers.Dense and len(layer.output.shape) == 2:
            hidden = layers.Dense(5, activation="softmax", name="injected")
            model = clean.with_call(
                name,
                lambda layer, args, kwargs, hidden=hidden: type(layer).from_config(layer.get_config())(hidden(*args)),
            )
            yield Mutant(("injected",), model)


@injects("A014")
def head_on_a_head(clean: Clean) -> Iterator[Mutant]:
    """A new head on the classes of the whole model, which becomes a nested one."""
    if len(clean.functional.outputs) != 1 or len(clean.functional.outputs[0].shape) != 2:
        return
    for _, name, layer in _heads(clean):
        if isinstance(layer, layers.Dense) and layer.units > 1:
            inner = _replaced(clean, name, activation="softmax")
            inputs = [keras.Input(one.shape[1:], dtype=one.dtype) for one in inner.inputs]
            (classes,) = keras.tree.flatten(inner(inputs if len(inputs) > 1 else inputs[0]))
            outputs = layers.Dense(3, activation="softmax", name="injected")(classes)
            yield Mutant((f"{inner.name}/{name}",), keras.Model(inputs, outputs))


@injects("A015")
def one_hidden_unit(clean: Clean) -> Iterator[Mutant]:
    multiplies = any("multiply" in one.name or "dot" in one.name for one in clean.functional.operations)
    shapes = [one.shape for one in clean.functional.inputs]
    if multiplies or any(one.shape in shapes for one in clean.functional.outputs):
        return
    for name, layer, _ in clean.calls():
        if type(layer) is layers.Dense and len(layer.output.shape) == 2 and layer.input.shape[-1] > 1:
            if clean.consumers(layer) and not all(type(one) is layers.Dense for one in clean.consumers(layer)):
                continue
            hidden = layers.Dense(1, activation="tanh", name="injected")
            yield Mutant(
                ("injected",),
                clean.with_call(name, lambda layer, args, kwargs, hidden=hidden: layer(hidden(*args)), copied=True),
            )


@injects("A016")
def sigmoids_in_a_row(clean: Clean) -> Iterator[Mutant]:
    for name, tensor in clean.places(rank=2):
        if tensor in clean.functional.outputs:
            continue

        def squeezed(x, width=tensor.shape[-1]):
            for place in range(3):
                x = layers.Dense(8, activation="sigmoid", name=f"injected_{place}")(x)
            return layers.Dense(width, activation="relu", name="injected_out")(x)

        yield Mutant(("injected_0", name), clean.after(name, squeezed))


@injects("A017")
def state_without_a_bound(clean: Clean) -> Iterator[Mutant]:
    for name, layer, _ in clean.calls():
        if isinstance(layer, (layers.LSTM, layers.GRU)):
            for activation in ("relu", "elu", "linear"):
                yield Mutant((name,), _replaced(clean, name, activation=activation))


@injects("A018")
def relu_before_a_softmax(clean: Clean) -> Iterator[Mutant]:
    for _, name, layer in _heads(clean) if _single(clean) else ():
        if (layer.output.shape[-1] or 1) > 1:
            inner = _replaced(clean, name, activation="relu")
            outputs = layers.Softmax(name="injected")(inner.outputs[0])
            yield Mutant(("injected",), keras.Model(inner.inputs, outputs))


@injects("A019")
def exact_matches(clean: Clean) -> Iterator[Mutant]:
    for _, name, layer in _heads(clean) if _single(clean) else ():
        binary = (layer.output.shape[-1] or 1) == 1
        model = _replaced(clean, name, activation="sigmoid" if binary else "softmax")
        loss = "binary_crossentropy" if binary else "categorical_crossentropy"
        model.compile("adam", loss, metrics=[keras.metrics.Accuracy()])
        yield Mutant((name,), model)


@injects("A020")
def steps_larger_than_the_weights(clean: Clean) -> Iterator[Mutant]:
    for _, _, layer in _heads(clean) if _single(clean) else ():
        kernels = [one for one in clean.functional.trainable_weights if one.path.endswith("kernel")]
        if len(kernels) > 1:
            for optimizer in (keras.optimizers.Adam(5.0), keras.optimizers.RMSprop(5.0), keras.optimizers.SGD(50.0)):
                model = clean.cloned()
                units = layer.output.shape[-1] or 1
                model.compile(optimizer, "mse" if units == 1 else "categorical_crossentropy")
                yield Mutant((), model)


@injects("A021")
def accuracy_of_numbers(clean: Clean) -> Iterator[Mutant]:
    for _, name, layer in _heads(clean) if _single(clean) else ():
        if layer.output.shape[-1] == 1:
            model = _replaced(clean, name, activation="linear")
            model.compile("adam", "mse", metrics=["accuracy"])
            yield Mutant((name,), model)
