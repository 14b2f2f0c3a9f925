"""Faults of family H."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from tests.benchmarks.mutations.mutant import LOOKUPS, Clean, Mutant, injects, inside
from tests.benchmarks.mutations.shared_weights import new_operations
from tests.benchmarks.mutations.stored_numbers import stored_arrays


@injects("H001")
def other_width_than_stored(clean: Clean) -> Iterator[Mutant]:
    for path, layer in clean.layer_paths():
        key = next((key for key in ("units", "filters", "output_dim") if hasattr(layer, key)), None)
        if key is None or not type(layer).__module__.startswith("keras."):
            continue
        changed = clean.stored.copy()
        config = changed.layer(path)["config"]
        if key in config:
            config[key] += 1
            yield Mutant((path, f"{path}/cell"), path=changed.write(clean.target()))


@injects("H001")
def other_kernel_than_stored(clean: Clean) -> Iterator[Mutant]:
    for path, layer in clean.layer_paths():
        changed = clean.stored.copy()
        config = changed.layer(path)["config"]
        if isinstance(layer, (layers.Conv1D, layers.Conv2D, layers.DepthwiseConv2D)):
            config["kernel_size"] = [size + 2 for size in config["kernel_size"]]
        elif isinstance(layer, layers.MultiHeadAttention):
            config["key_dim"] += 1
        else:
            continue
        yield Mutant(inside(path, layer), path=changed.write(clean.target()))


@injects("H001")
def stored_with_another_shape(clean: Clean) -> Iterator[Mutant]:
    for path, layer, name, array in stored_arrays(clean):
        if type(layer) in (layers.Dense, layers.Conv2D, layers.BatchNormalization, layers.Embedding):
            wider = np.concatenate([array, array[-1:]], axis=0)
            yield Mutant(inside(path, layer), path=clean.stored.with_array(name, wider).write(clean.target()))


@injects("H002")
def reduction_without_its_axis(clean: Clean) -> Iterator[Mutant]:
    if any(not type(one).__module__.startswith("keras.") for one in clean.functional.operations):
        return
    for name, tensor in clean.places(rank=2):
        if tensor.shape[-1] == 1 or tensor in clean.functional.outputs:
            continue
        model = clean.after(name, lambda x: ops.subtract(x, ops.mean(x, axis=-1)))
        yield Mutant(new_operations(clean, model), model)


@injects("H003")
def table_of_all_pairs(clean: Clean) -> Iterator[Mutant]:
    for name, tensor in clean.places(rank=3):
        if 1 in tensor.shape or tensor in clean.functional.outputs:
            continue

        def pairs(x):
            rows = layers.Dense(1, activation="tanh", name="injected_rows")(x)
            columns = layers.GlobalAveragePooling1D(keepdims=True, data_format="channels_first")(x)
            columns = layers.Permute((2, 1))(layers.Permute((2, 1))(columns))
            other = layers.Conv1D(x.shape[-1], x.shape[1], activation="tanh")(x)
            return layers.Add(name="injected")([rows, other]) * ops.sigmoid(columns)

        yield Mutant(("injected",), clean.after(name, pairs))


@injects("H004")
def channels_in_front(clean: Clean) -> Iterator[Mutant]:
    if len(clean.model.inputs) > 1:
        return
    inner = clean.functional
    consumers = clean.consumers(inner.inputs[0]._keras_history.operation)
    first = next((one for one in consumers if isinstance(one, layers.Conv2D) and one.kernel_size[0] > 1), None)
    shape = inner.inputs[0].shape
    if first is None or len(shape) != 4 or shape[-1] not in (3, 4) or None in shape[1:] or min(shape[1:3]) < 16:
        return
    image = keras.Input((shape[-1], *shape[1:3]))
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="injected")(image)
    x = layers.Permute((2, 3, 1))(layers.Permute((3, 1, 2))(layers.Conv2D(shape[2], 1, activation="relu")(x)))
    yield Mutant(("injected",), keras.Model(image, layers.GlobalAveragePooling2D()(x)))


@injects("H005")
def flatten_forgotten(clean: Clean) -> Iterator[Mutant]:
    merging = any(
        len(one._inbound_nodes[0].input_tensors) > 1 or isinstance(one, keras.Model)
        for one in clean.functional.operations
    )
    if not clean.model.compiled or "crossentropy" not in str(clean.model.loss) or merging:
        return
    for name, layer, _ in clean.calls():
        if not isinstance(layer, (layers.Flatten, layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)):
            continue
        following = clean.consumers(layer)
        if len(following) == 1 and isinstance(following[0], (layers.Dense, layers.Dropout)):
            try:
                model = clean.with_call(name, lambda layer, args, kwargs: args[0], copied=True)
            except ValueError:
                continue
            if len(model.outputs[0].shape) > 2 and isinstance(model.layers[-1], layers.Dense):
                yield Mutant((model.layers[-1].name,), model)


@injects("H006")
def reshape_for_permute(clean: Clean) -> Iterator[Mutant]:
    for name, tensor in clean.places():
        shape = tensor.shape[1:]
        if len(shape) < 2 or len(set(shape)) < 2 or 1 in shape or tensor in clean.functional.outputs:
            continue
        turned = shape[::-1] if shape[::-1] != shape else (*shape[1:], shape[0])
        order = tuple(range(len(shape), 0, -1)) if turned == shape[::-1] else (len(shape), *range(1, len(shape)))

        def wrong(x, turned=turned, order=order):
            return layers.Permute(order)(layers.Reshape(turned, name="injected")(x))

        yield Mutant(("injected",), clean.after(name, wrong))


@injects("H007")
def mask_sliced_away(clean: Clean) -> Iterator[Mutant]:
    for name, layer, tensor in clean.calls():
        following = clean.consumers(layer)
        if not isinstance(layer, layers.Embedding) or not layer.mask_zero or tensor.shape[1] is not None:
            continue
        if all(isinstance(one, (layers.LSTM, layers.GRU)) and not one.return_sequences for one in following):
            call = _without_masks(name, lambda x: x[:, 1:])
            model = clean.cloned(call)
            yield Mutant(new_operations(clean, model), model)


@injects("H007")
def mask_dropped(clean: Clean) -> Iterator[Mutant]:
    recurrent = (layers.LSTM, layers.GRU, layers.Bidirectional, layers.GlobalAveragePooling1D)
    for name, layer, _ in clean.calls():
        if not isinstance(layer, layers.Embedding) or not layer.mask_zero:
            continue
        following = clean.consumers(layer)
        if all(isinstance(one, (*recurrent, layers.SpatialDropout1D, layers.Dropout)) for one in following):
            model = clean.cloned(_without_masks(name))
            yield Mutant(new_operations(clean, model), model)


def _without_masks(name: str, change: Callable[[Any], Any] = lambda x: x * 2.0) -> Callable[..., Any]:
    """Change what one layer returns; masks that Keras wrote into the calls go, as when the model is built anew."""

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs.pop("mask", None)
        return change(layer(*args, **kwargs)) if layer.name == name else layer(*args, **kwargs)

    return call


@injects("H008")
def pool_of_one(clean: Clean) -> Iterator[Mutant]:
    for name, tensor in clean.places(rank=2):
        if tensor in clean.functional.outputs:
            continue

        def pooled(x):
            image = layers.Reshape((1, 1, x.shape[-1]))(x)
            return layers.Flatten()(layers.MaxPooling2D(2, padding="same", name="injected")(image))

        yield Mutant(("injected",), clean.after(name, pooled))


@injects("H009")
def state_without_batch(clean: Clean) -> Iterator[Mutant]:
    for path, layer in clean.layer_paths():
        if isinstance(layer, (layers.LSTM, layers.GRU)) and not layer.stateful:
            changed = clean.stored.copy()
            changed.layer(path)["config"]["stateful"] = True
            yield Mutant((path,), path=changed.write(clean.target()))


@injects("H010")
def vocabulary_longer_than_the_embedding(clean: Clean) -> Iterator[Mutant]:
    lookups = [layer for _, layer, _ in clean.calls() if isinstance(layer, LOOKUPS)]
    for name, layer, _ in clean.calls():
        if isinstance(layer, layers.Embedding) and lookups:
            source = layer._inbound_nodes[0].input_tensors[0]._keras_history.operation
            if source in lookups:
                rows = source.vocabulary_size() - 1
                yield Mutant(
                    (name,),
                    clean.with_call(
                        name,
                        lambda layer, args, kwargs, rows=rows: type(layer).from_config(
                            {**layer.get_config(), "input_dim": rows}
                        )(*args, **kwargs),
                    ),
                )


@injects("H011")
def norm_over_rows(clean: Clean) -> Iterator[Mutant]:
    for name, layer, tensor in clean.calls():
        if not isinstance(layer, layers.BatchNormalization) or len(tensor.shape) != 4:
            continue
        source = layer._inbound_nodes[0].input_tensors[0]._keras_history.operation
        if isinstance(source, layers.Conv2D) and None not in tensor.shape[1:]:
            yield Mutant(
                (name,),
                clean.with_call(
                    name,
                    lambda layer, args, kwargs: layers.BatchNormalization(axis=1, name=layer.name)(*args, **kwargs),
                ),
            )


@injects("H012")
def kernel_longer_than_the_image(clean: Clean) -> Iterator[Mutant]:
    for name, layer, _ in clean.calls():
        if type(layer) is layers.Conv2D and layer.padding == "same" and layer.dilation_rate == (1, 1):
            shape = layer._inbound_nodes[0].input_tensors[0].shape
            if None not in shape[1:] and 1 < max(shape[1:3]) < 20:
                size = 2 * max(shape[1:3]) + 1

                def longer(layer, args, kwargs, size=size):
                    return layers.Conv2D.from_config({**layer.get_config(), "kernel_size": size})(*args, **kwargs)

                yield Mutant((name,), clean.with_call(name, longer))


@injects("H013")
def half_precision_probabilities(clean: Clean) -> Iterator[Mutant]:
    for output in clean.functional.outputs:
        layer = output._keras_history.operation
        activation = keras.activations.serialize(getattr(layer, "activation", None) or keras.activations.linear)
        if activation in ("softmax", "sigmoid") and isinstance(layer, layers.Dense):
            yield Mutant(
                (layer.name,),
                clean.with_call(
                    layer.name,
                    lambda layer, args, kwargs: type(layer).from_config(
                        {**layer.get_config(), "dtype": "mixed_float16"}
                    )(*args, **kwargs),
                ),
            )


@injects("H014")
def nested_input_of_half_the_width(clean: Clean) -> Iterator[Mutant]:
    for name, tensor in clean.places():
        if tensor in clean.functional.outputs:
            continue
        inner = keras.Sequential(
            [keras.Input(tensor.shape[1:], dtype="float16", name="narrow"), layers.Rescaling(2.0, name="wide")],
            name="injected",
        )
        yield Mutant(("injected/narrow", "injected"), clean.after(name, lambda x, inner=inner: inner(x)))


@keras.saving.register_keras_serializable(package="mutations")
class Unmasked(layers.Layer):
    """A custom layer that keeps the steps of what it receives, and does not say that it supports masking."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.conv = layers.Conv1D(shape[-1], 1, activation="relu")
        self.conv.build(shape)

    def call(self, x: Any) -> Any:
        return self.conv(x)


@injects("H015")
def layer_without_masking(clean: Clean) -> Iterator[Mutant]:
    for place, (name, layer, _) in enumerate(clean.calls()):
        following = clean.consumers(layer)
        if not isinstance(layer, layers.Embedding) or not layer.mask_zero or not following:
            continue
        # Keras hands on a mask that it computed for a call once more when the call is replayed.
        if any(node.arguments.kwargs.get("mask") is not None for node in clean.receiving(layer)):
            continue
        if all(isinstance(one, (layers.LSTM, layers.GRU, layers.Bidirectional)) for one in following):
            holder = Unmasked(name=f"injected_{place}", dtype="float32")
            yield Mutant((holder.name,), clean.after(name, holder), live_only=True)


def _images(clean: Clean) -> Iterator[tuple[str, Any]]:
    """Calls that return images of some size, which no other place but the next layers uses."""
    for name, tensor in clean.places(rank=4):
        if tensor not in clean.functional.outputs and min(tensor.shape[1:3]) > 3:
            yield name, tensor


@injects("H020")
def kernel_along_an_axis_of_one(clean: Clean) -> Iterator[Mutant]:
    for name, tensor in clean.places(rank=2):
        if tensor in clean.functional.outputs:
            continue
        width = tensor.shape[-1]

        def folded(x, width=width):
            x = layers.Reshape((1, width), name="injected_steps")(x)
            x = layers.Conv1D(width, 3, padding="same", activation="tanh", name="injected")(x)
            return layers.Flatten(name="injected_out")(x)

        yield Mutant(("injected",), clean.after(name, folded))


@injects("H016")
def one_time_step(clean: Clean) -> Iterator[Mutant]:
    for name, tensor in clean.places(rank=2):
        if tensor in clean.functional.outputs:
            continue
        width = tensor.shape[-1]

        def one_step(x, width=width):
            return layers.GRU(width, name="injected")(layers.Reshape((1, width), name="injected_steps")(x))

        yield Mutant(("injected",), clean.after(name, one_step))


@injects("H017")
def pooling_over_channels(clean: Clean) -> Iterator[Mutant]:
    for name, tensor in _images(clean):
        columns, channels = tensor.shape[2:]

        def pooled(x, columns=columns, channels=channels):
            x = layers.Conv2D(8, 3, padding="same", activation="relu", name="injected_in")(x)
            x = layers.MaxPooling2D(2, data_format="channels_first", name="injected")(x)
            x = layers.ZeroPadding2D(((0, 0), (0, columns - x.shape[2])), name="injected_pad")(x)
            return layers.Conv2D(channels, 1, activation="tanh", name="injected_out")(x)

        yield Mutant(("injected",), clean.after(name, pooled))


@injects("H018")
def tiles_before_pooling(clean: Clean) -> Iterator[Mutant]:
    for name, tensor in _images(clean):
        channels = tensor.shape[-1]

        def tiled(x, channels=channels):
            tiles = layers.Conv2D(8, 3, 3, padding="same", activation="relu", name="injected")(x)
            pooled = layers.MaxPooling2D(2, padding="same", name="injected_pool")(tiles)
            whole = layers.GlobalAveragePooling2D(keepdims=True, name="injected_mean")(pooled)
            return x + layers.Conv2D(channels, 1, activation="tanh", name="injected_out")(whole)

        yield Mutant(("injected",), clean.after(name, tiled))


@injects("H019")
def masking_after_weights(clean: Clean) -> Iterator[Mutant]:
    for name, layer, _ in clean.calls():
        if not isinstance(layer, (layers.LSTM, layers.GRU)) or len(layer.input.shape) != 3:
            continue

        def late(layer, args, kwargs):
            x = layers.Dense(args[0].shape[-1], activation="relu", name="injected_in")(args[0])
            return layer(layers.Masking(0.0, name="injected")(x))

        yield Mutant(("injected",), clean.with_call(name, late))
