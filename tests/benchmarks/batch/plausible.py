"""Data as somebody would train a model on, made for whatever it is: by its inputs, losses and last layers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph
from graphlint.observing.losses import losses_of, named
from graphlint.questions.heads import moves_numbers, trace_activation
from graphlint.sources.live import read_live

ROWS = 32


def plausible(model: keras.Model, rows: int = ROWS, seed: int = 0, *, pixels: bool = False) -> tuple[Any, Any]:
    """Inputs and targets; targets are None for a model that is not compiled."""
    random = np.random.default_rng(seed)
    graph = expand(read_live(model, open_layers=True))
    symbols = model.inputs if isinstance(model, keras.Sequential) else keras.tree.flatten(model.input)
    values = [_input(symbol, graph, graph.inputs[place], rows, random, pixels) for place, symbol in enumerate(symbols)]
    x = values[0] if len(values) == 1 else keras.tree.pack_sequence_as(model.input, values)
    if not model.compiled:
        return x, None
    outputs = model(x, training=False)
    flat = [np.asarray(keras.ops.convert_to_numpy(one)) for one in keras.tree.flatten(outputs)]
    losses = losses_of(model, outputs) or [None] * len(flat)
    made = [
        _target(loss, list(array.shape), graph, place, random)
        for place, (loss, array) in enumerate(zip(losses, flat, strict=True))
    ]
    return x, made[0] if len(made) == 1 else keras.tree.pack_sequence_as(outputs, made)


def _shape(symbol: Any, rows: int) -> list[int]:
    lengths = {2: 8, 3: 12, 4: 32, 5: 8}
    return [symbol.shape[0] or rows, *(dim or lengths.get(len(symbol.shape), 8) for dim in symbol.shape[1:])]


def _input(symbol: Any, graph: ModelGraph, call: str, rows: int, random: Any, pixels: bool) -> np.ndarray:
    shape = _shape(symbol, rows)
    readers, stack = [], [call]
    while stack:
        for edge in graph.out_edges(stack.pop()):
            layer = graph.layer(edge.target)
            if moves_numbers(layer) or layer.is_input:
                stack.append(edge.target)
            else:
                readers.append(layer)
    sizes = [one.config.get(key) for one in readers for key in ("input_dim", "num_tokens")]
    sizes = [size for size in sizes if isinstance(size, int)]
    if symbol.dtype == "string":
        return np.array(["cat", "dog", "bird"])[random.integers(0, 3, shape)]
    if sizes:
        value = random.integers(1, min(sizes), shape)
        if len(shape) > 1 and shape[1] > 3:
            value[: shape[0] // 2, shape[1] * 2 // 3 :] = 0
        return value.astype("int32")
    if any(one.traits.name == "Rescaling" for one in readers) or pixels:
        return random.integers(0, 256, shape).astype("float32")
    if "int" in symbol.dtype or symbol.dtype == "bool":
        return random.integers(0, 2, shape).astype(symbol.dtype)
    value = random.normal(size=shape).astype("float32")
    masking = next((one for one in readers if one.traits.name == "Masking"), None)
    if masking is not None:
        value[: shape[0] // 2, shape[1] * 2 // 3 :] = masking.config["mask_value"]
    return value


def _target(loss: Any, shape: list[int], graph: ModelGraph, place: int, random: Any) -> np.ndarray:
    known = named(loss)
    name = None if known is None else known.name
    if name == "sparse_categorical_crossentropy":
        return random.integers(0, shape[-1], shape[:-1])
    if name in ("categorical_crossentropy", "categorical_focal_crossentropy", "kl_divergence", "categorical_hinge"):
        return np.eye(shape[-1], dtype="float32")[random.integers(0, shape[-1], shape[:-1])]
    if name is not None and (name.startswith("binary_") or name in ("hinge", "dice", "tversky")):
        return random.integers(0, 2, shape).astype("float32")
    if name in ("poisson", "mean_squared_logarithmic_error", "mean_absolute_percentage_error"):
        return (1 + random.poisson(3, shape)).astype("float32")
    if name == "ctc":
        return random.integers(1, shape[-1], (shape[0], max(1, shape[1] // 4)))
    if name is None and loss is not None:
        return random.random(shape).astype("float32")
    head = trace_activation(graph, graph.outputs[place])
    if head.activation in ("sigmoid", "softmax", "relu", "relu6", "softplus", "exponential", "hard_sigmoid"):
        return random.random(shape).astype("float32")
    return np.tanh(random.normal(size=shape)).astype("float32")
