"""Small Keras files made without Keras, so that everything in them can be wrong."""

from __future__ import annotations

import copy
import io
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.sources.archives import Entry, archive

METADATA = b'{"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}'


def tensor(layer: str, node: int = 0, output: int = 0, shape: list[int | None] | None = None) -> dict[str, Any]:
    """One tensor as Keras 3 writes it into a call."""
    config = {"shape": shape or [None, 4], "dtype": "float32", "keras_history": [layer, node, output]}
    return {"class_name": "__keras_tensor__", "config": config}


def layer(
    class_name: str, name: str, config: dict[str, Any] | None = None, inputs: list[Any] | None = None, **other: Any
):
    """One layer of a functional model, called once for each structure in ``inputs``."""
    return {
        "module": "keras.layers",
        "class_name": class_name,
        "config": {"name": name, "trainable": True, "dtype": "float32"} | (config or {}),
        "registered_name": None,
        "name": name,
        "inbound_nodes": [{"args": [one], "kwargs": {}} for one in inputs or []],
    } | other


def input_layer(name: str = "in", shape: list[int | None] | None = None) -> dict[str, Any]:
    """An Input."""
    return layer("InputLayer", name, {"batch_shape": shape or [None, 4]})


def dense(name: str, source: dict[str, Any], units: Any = 4, **config: Any) -> dict[str, Any]:
    """A Dense layer of four inputs, called once."""
    return layer(
        "Dense",
        name,
        {"units": units, "activation": "linear", "use_bias": True} | config,
        [source],
        build_config={"input_shape": [None, 4]},
    )


def functional(
    layers: list[dict[str, Any]], outputs: list[Any] | None = None, inputs: list[Any] | None = None, name: str = "m"
) -> dict[str, Any]:
    """A functional model over ``layers``; the first is its input and the last its output unless said otherwise."""
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": name,
            "trainable": True,
            "layers": layers,
            "input_layers": inputs or [[layers[0]["name"], 0, 0]],
            "output_layers": outputs or [[layers[-1]["name"], 0, 0]],
        },
        "registered_name": "Functional",
        "build_config": {"input_shape": None},
    }


def model() -> dict[str, Any]:
    """A clean model: an Input and a Dense."""
    return copy.deepcopy(functional([input_layer(), dense("d", tensor("in"))]))


def weights(build: Any = None) -> bytes:
    """The weights of `model`, as one HDF5 file; ``build`` may change the open file."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        group = file.create_group("layers/dense/vars")
        group.attrs["name"] = "d"
        group["0"] = np.eye(4, dtype="f4")
        group["1"] = np.zeros(4, "f4")
        if build is not None:
            build(file)
    return content.getvalue()


def keras_archive(
    config: Any = None, stored: bytes | None = None, extra: list[Entry] | None = None, **zip_options: Any
):
    """The bytes of a `.keras` file."""
    text = config if isinstance(config, bytes) else json.dumps(model() if config is None else config).encode()
    entries = [
        Entry("metadata.json", METADATA),
        Entry("config.json", text),
        Entry("model.weights.h5", weights() if stored is None else stored),
    ]
    return archive(entries + (extra or []), **zip_options)


def h5_model(config: Any = None, build: Any = None) -> bytes:
    """The bytes of a whole-model `.h5` file."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["keras_version"] = "3.15.1"
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = json.dumps(model() if config is None else config)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([b"in", b"d"])
        group.create_group("in").attrs["weight_names"] = np.array([], "S1")
        inner = group.create_group("d")
        inner.attrs["weight_names"] = np.array([b"d/kernel", b"d/bias"])
        inner["d/kernel"] = np.eye(4, dtype="f4")
        inner["d/bias"] = np.zeros(4, "f4")
        if build is not None:
            build(file)
    return content.getvalue()


def write(folder: Path, name: str, content: bytes) -> Path:
    """Put a file into a folder."""
    path = folder / name
    path.write_bytes(content)
    return path
