"""Configurations of real models, changed, in every container that one can be in."""

from __future__ import annotations

import contextlib
import io
import json
import random
from collections.abc import Iterator
from typing import Any

import h5py

from graphlint.shapes.inference import LAYERS, OPERATIONS
from tests.fuzz.mutations import Input, flip
from tests.fuzz.seeds import Seeds
from tests.sources.archives import Entry, archive

LAMBDA = {"class_name": "__lambda__", "config": {"code": "AAAA", "defaults": None, "closure": None}}
STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 2**31, 2**63 - 1, -(2**63), 10**9, 10**12, 0.5, -0.0, 1e308, float("nan"),
    float("inf"), "", "x", "0", "a/b", "..", "../../x", "\0", "\ud800", "\x1b[31m", "\u202e", "keras.layers", "Lambda",
    "__keras_tensor__", "Functional", "x" * 5000, "same", "float16", "channels_first", "softmax", "ij,jk->ik",
    "...a->a",
    [], {}, [None], [[]], [None, 0], [None, -3], [10**9] * 4, [None, 4], [0, 0], [[None, 4], [None, 4]], [1] * 3000,
    {"class_name": "Dense", "config": {}}, {"class_name": "__tensor__"}, {"class_name": "__tuple__", "items": [1]},
    LAMBDA, {"class_name": "__numpy__", "config": {"value": [1], "dtype": "float32"}},
    {"class_name": "slice", "config": {"start": 0, "stop": 10**12, "step": 0}}, {"class_name": "__ellipsis__"},
    {"class_name": "Lambda", "config": {"name": "l", "function": LAMBDA}, "module": "keras.layers"},
    {"module": "os", "class_name": "system", "config": "true", "registered_name": "system"},
    {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"},
    ["in", 0, 0], ["in", -1, 7, {}], [["in", 0, 0, {}]], {"a": {"b": {"c": 1}}}, {"0": 1, "1": 2},
)  # fmt: skip
KEYS = (
    "class_name", "config", "module", "registered_name", "name", "layers", "input_layers", "output_layers",
    "inbound_nodes", "units", "filters", "kernel_size", "axis", "batch_shape", "batch_input_shape", "build_config",
    "input_shape", "dtype", "trainable", "args", "kwargs", "keras_history", "shape", "layer", "cell", "cells",
    "activation", "rate", "value", "shared_object_id", "compile_config", "optimizer", "loss", "metrics", "loss_weights",
    "target_shape", "equation", "data_format", "strides", "padding", "dilation_rate", "groups", "depth_multiplier",
    "num_heads", "key_dim", "return_sequences", "return_state", "go_backwards", "merge_mode", "backward_layer",
    "dims", "axes", "pool_size", "input_dim", "output_dim", "mask_zero", "use_bias", "quantization_config",
    "vocabulary",
)  # fmt: skip
CLASSES = (
    *sorted(LAYERS), "InputLayer", "Functional", "Sequential", "Model", "Lambda", "RNN", "TFOpLambda",
    "SlicingOpLambda", "TensorFlowOpLayer", "TFSMLayer", "Custom>Layer", "Wrapper", "Merge",
)  # fmt: skip
ARGUMENTS = (
    "axis", "axes", "axis1", "axis2", "shape", "newshape", "repeats", "pad_width", "indices_or_sections", "sections",
    "k", "n", "num", "num_classes", "num_segments", "size", "kernel_size", "strides", "padding", "dilation_rate",
    "output_shape", "subscripts", "perm", "source", "destination", "shift", "start", "stop", "step", "key", "indices",
    "weights", "minlength", "sequence_length", "sequence_stride", "fft_length", "window", "bins", "keepdims", "dtype",
    "data_format", "N", "M", "num_lower", "full_matrices", "compute_uv", "mode", "block_size", "height", "width",
)  # fmt: skip
WRAPPERS = ("TimeDistributed", "Bidirectional", "SpectralNormalization", "Wrapper")


def configurations(chance: random.Random, seeds: Seeds) -> Iterator[Input]:
    """Configurations with types swapped, keys dropped, classes aliased, nodes rewired, layers wrapped and repeated."""
    while True:
        text, weights = chance.choice(seeds.configs)
        config = json.loads(text)
        for _ in range(chance.choice((1, 1, 2, 3, 8, 20))):
            config = _change(chance, config, seeds)
        text = json.dumps(config).encode()
        if chance.random() < 0.08:
            text = _change_text(chance, text)
        yield _contained(chance, text, config, weights, seeds)


def _contained(chance: random.Random, text: bytes, config: Any, weights: bytes, seeds: Seeds) -> Input:
    kind = chance.random()
    if kind < 0.1:
        return {"input.json": text}
    if kind < 0.15:
        wrapped = {"modelTopology": {"model_config": config, "keras_version": "2.4.0", "training_config": config}}
        return {"input.json": json.dumps(wrapped).encode()}
    if kind < 0.25:
        whole = [data for data, config in seeds.hdf5 if config is None]
        return {"input.h5": _with_config(chance.choice(whole), text)}
    if kind < 0.35:
        return _saved_model(chance, text)
    metadata = b'{"keras_version": "3.15.1"}' if chance.random() < 0.95 else _change_text(chance, b'{"a": null}')
    members = {"config.json": text, "metadata.json": metadata} | ({"model.weights.h5": weights} if weights else {})
    return {"input.keras": archive([Entry(name, data) for name, data in members.items()])}


def _with_config(data: bytes, text: bytes) -> bytes:
    content = io.BytesIO(data)
    with h5py.File(content, "a") as file:
        for name in ("model_config", "training_config"):
            if name in file.attrs:
                file.attrs[name] = text.replace(b"\0", b"")
    return content.getvalue()


def _saved_model(chance: random.Random, text: bytes) -> Input:
    """A SavedModel directory of Keras 2; its metadata is a protobuf message."""
    root = b'{"keras_version": "2.12.0", "class_name": "Functional", "model_config": ' + text + b"}"
    content = b"".join(_field(1, _field(3, path) + _field(4, b"_tf_keras_network") + _field(5, json_text))
                       for path, json_text in ((b"root.layer-0", b"{}"), (b"root", root)))  # fmt: skip
    if chance.random() < 0.3:
        content = flip(chance, content, 3, end=chance.choice((40, len(content))))
    graph = flip(chance, b"\x08\x01\x12\x03abc", 2) if chance.random() < 0.2 else b"\x08\x01\x12\x03abc"
    return {"input/saved_model.pb": graph, "input/keras_metadata.pb": content}


def _field(number: int, content: bytes) -> bytes:
    size, length = len(content), b""
    while size > 0x7F:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every ``(container, key)`` in a configuration."""
    found: list[tuple[Any, Any]] = []
    stack = [value]
    while stack:
        one = stack.pop()
        items = one.items() if isinstance(one, dict) else enumerate(one)
        for key, inner in items:
            found.append((one, key))
            if isinstance(inner, (dict, list)):
                stack.append(inner)
    return found


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _change(chance: random.Random, config: Any, seeds: Seeds) -> Any:
    everywhere = places = _places(config) if isinstance(config, (dict, list)) else []
    if not places or chance.random() < 0.003:
        return _copy(chance.choice(STRANGE))
    if chance.random() < 0.6:  # most of a configuration is about initializers, and few rules read those
        wanted = chance.choice(KEYS)
        places = [one for one in places if one[1] == wanted] or places
    holder, key = chance.choice(places)
    kind = chance.randrange(14)
    if kind <= 2:
        holder[key] = _copy(chance.choice(STRANGE))
    elif kind == 3:
        del holder[key]
    elif kind == 4 and isinstance(holder, dict):
        holder[chance.choice(KEYS)] = holder[key] if chance.random() < 0.5 else _copy(chance.choice(STRANGE))
    elif kind == 5:
        other, place = chance.choice(everywhere)
        with contextlib.suppress(KeyError, IndexError):
            holder[key] = _copy(other[place])
    elif kind == 6 and isinstance(holder, list):
        holder.insert(key, _copy(chance.choice((holder[key], *STRANGE))))
    elif kind == 7:
        other, place = chance.choice(_places(json.loads(chance.choice(seeds.configs)[0])))
        holder[key] = other[place]
    elif kind == 8 and isinstance(holder[key], list):
        holder[key] = (holder[key] * chance.choice((2, 3, 40)))[:2000]
    elif kind == 9:
        _wrap(chance, everywhere)
    elif kind == 10:
        _swap_number(chance, holder, key)
    elif kind == 11:
        _make_operation(chance, everywhere)
    else:
        _rewire(chance, everywhere)
    return config


def _swap_number(chance: random.Random, holder: Any, key: Any) -> None:
    old = holder[key]
    if isinstance(old, (int, float)):
        holder[key] = chance.choice((-old, old + 1, old - 1, old * 2, 0, float(old), str(old), [old, old], 10**9, True))
    elif isinstance(old, list):
        chance.shuffle(old)
    elif isinstance(old, str):
        holder[key] = chance.choice((old.upper(), old + " ", old * 2, old[:-1], [old], {old: old}))


def _wrap(chance: random.Random, places: list[tuple[Any, Any]]) -> None:
    """Put a layer into a wrapper, or into a model of its own."""
    layers = [one[key] for one, key in places if isinstance(one[key], dict) and "class_name" in one[key]]
    if not layers:
        return
    layer = chance.choice(layers)
    inside = _copy(layer)
    if chance.random() < 0.6:
        layer["class_name"] = chance.choice(WRAPPERS)
        layer["config"] = {"name": "wrapped", "layer": inside, "backward_layer": inside}
    else:
        layer["class_name"] = "Sequential"
        layer["config"] = {"name": "wrapped", "layers": [inside, _copy(chance.choice(layers))]}


def _make_operation(chance: random.Random, places: list[tuple[Any, Any]]) -> None:
    """Make a layer an operation, with arguments that it may or may not take."""
    layers = [one for one, key in places if key == "inbound_nodes" and isinstance(one, dict)]
    if not layers:
        return
    layer = chance.choice(layers)
    values = {name: _copy(chance.choice(STRANGE)) for name in chance.sample(ARGUMENTS, 4)}
    layer["module"] = chance.choice(("keras.src.ops.numpy", "keras.src.ops.nn"))
    layer["class_name"] = layer["registered_name"] = chance.choice(tuple(OPERATIONS))
    if chance.random() < 0.5:
        layer["config"] = {"name": layer.get("name"), **values}
    nodes = layer["inbound_nodes"]
    for node in nodes if isinstance(nodes, list) else []:
        if isinstance(node, dict) and isinstance(node.get("kwargs"), dict) and chance.random() < 0.7:
            node["kwargs"] |= values
        if isinstance(node, dict) and isinstance(node.get("args"), list) and chance.random() < 0.5:
            node["args"] += list(values.values())[: chance.randrange(4)]


def _rewire(chance: random.Random, places: list[tuple[Any, Any]]) -> None:
    """Alias a class, rename a layer, or make a call take another tensor."""
    wanted = chance.choice(("class_name", "class_name", "name", "keras_history", "module", "shape", "inbound_nodes"))
    found = [(holder, key) for holder, key in places if key == wanted]
    if len(found) < 2:
        return
    (holder, key), (other, place) = chance.sample(found, 2)
    if wanted == "class_name" and chance.random() < 0.6:
        holder[key] = chance.choice(CLASSES)
    elif wanted == "keras_history" and isinstance(holder[key], list) and len(holder[key]) == 3:
        if chance.random() < 0.5:
            holder[key][chance.randrange(1, 3)] = chance.choice((-1, 1, 2, 7, 10**9))
        else:
            holder[key] = _copy(other[place])
    else:
        holder[key] = _copy(other[place])


def _change_text(chance: random.Random, text: bytes) -> bytes:
    kind = chance.randrange(8)
    at = chance.randrange(len(text) + 1)
    if kind == 0:
        return text[:at]
    if kind == 1:
        return text.decode().encode(chance.choice(("utf-16", "utf-16-le", "utf-32", "utf-32-be", "utf-8-sig")))
    if kind == 2:
        return text.replace(b"null", chance.choice((b"NaN", b"1e999", b"9" * 400, b"-Infinity")), chance.randrange(4))
    if kind == 3:
        return text[:at] + b"[" * chance.choice((10, 300, 5000)) + text[at:]
    if kind == 4:
        return json.dumps(text.decode()).encode()
    if kind == 5:
        return text.replace(b'{"', b'{"' + chance.choice((b"name", b"class_name", b"config")) + b'": 1, "', at % 9)
    if kind == 6:
        return text[:at] + chance.choice((b'"' + b"x" * 100_000 + b'",', b"1e400,", b"\\ud800", b"\0")) + text[at:]
    return flip(chance, text, 3)
