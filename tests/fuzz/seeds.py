"""Good files to start from, and the same numbers in every form of HDF5 that h5py writes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

LIBVERS = ("earliest", "v108", "v110", "latest")


class Seeds:
    """`.keras` archives, `.h5` files and configurations in JSON of one directory.

    ``configs`` are pairs of a configuration, as text, and the weights that belong to it; ``archives`` whole archives;
    ``hdf5`` pairs of an HDF5 file and the configuration that belongs to it, None where the file holds it itself.
    """

    def __init__(self, folder: Path) -> None:
        self.configs: list[tuple[bytes, bytes]] = []
        self.archives: list[bytes] = []
        self.hdf5: list[tuple[bytes, bytes | None]] = []
        for path in sorted(folder.rglob("*.keras")):
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    config = archive.read("config.json")
                    weights = archive.read("model.weights.h5") if "model.weights.h5" in archive.namelist() else b""
                self.archives.append(path.read_bytes())
                self.configs.append((config, weights))
                self.hdf5 += [(weights, config)] if weights else []
        self.hdf5 += [(path.read_bytes(), None) for path in sorted(folder.rglob("*.h5"))]
        self.configs += [(path.read_bytes(), b"") for path in sorted(folder.rglob("*.json"))]
        if not self.archives or not self.hdf5:
            raise ValueError(
                f"expected .keras and .h5 files in {folder}, got {len(self.archives)} and {len(self.hdf5)}"
            )
        for number, (data, config) in enumerate(list(self.hdf5)):
            self.hdf5.append((rewritten(data, number), config))
        self.configs += [(as_keras_2(config), weights) for config, weights in self.configs]


def rewritten(data: bytes, number: int) -> bytes:
    """The same groups, attributes and arrays as another h5py would write them; ``number`` chooses how."""
    content = io.BytesIO()
    options: dict[str, Any] = {"libver": LIBVERS[number % 4], "track_order": number % 3 == 2}
    if number % 5 == 4:
        options["userblock_size"] = 512
    with h5py.File(io.BytesIO(data), "r") as old, h5py.File(content, "w", **options) as new:
        stack = [(old, new)]
        while stack:
            source, target = stack.pop()
            _copy_attributes(source, target, crowded=number % 2 == 0)
            for name, item in source.items():
                if isinstance(item, h5py.Group):
                    stack.append((item, target.create_group(name)))
                else:
                    number += 1
                    _copy_attributes(item, _dataset(target, name, item, number), crowded=number % 7 == 0)
        if number % 2:
            for index in range(40):  # enough for an index of several levels
                new.create_group(f"optimizer/of_no_importance_{index}")
    return content.getvalue()


def _copy_attributes(source: Any, target: Any, crowded: bool) -> None:
    """Copy attributes; where ``crowded``, add so many, of so many types, that they get a heap of their own."""
    for name, value in source.attrs.items():
        target.attrs[name] = value
    if crowded:
        for name, value in _attributes(target):
            target.attrs[f"more_{name}"] = value


def _attributes(target: Any) -> Iterator[tuple[str, Any]]:
    yield from (("integer", 7), ("float", np.float16(0.5)), ("text", "text"), ("bytes", np.bytes_(b"fixed")))
    yield from (("texts", ["a", "bc", ""]), ("array", np.arange(6.0).reshape(2, 3)), ("boolean", np.True_))
    yield "empty", h5py.Empty("f4")
    yield "compound", np.zeros(2, [("a", "f4"), ("b", ">i2")])
    yield "complex", np.complex64(1j)
    yield "opaque", np.void(b"opaque")
    yield "reference", target.ref
    yield "big", np.zeros(700)


def _dataset(target: h5py.Group, name: str, item: h5py.Dataset, number: int) -> h5py.Dataset:
    """One array, stored in one of the ways that there are."""
    values = item[()]
    options: list[dict[str, Any]] = [{}, {}]
    if item.shape and item.size and item.dtype.kind in "fiu":
        options += [
            {"chunks": True},
            {"chunks": tuple(max(1, size // 2) for size in item.shape), "compression": "gzip", "shuffle": True},
            {"chunks": True, "fletcher32": True},
            {"chunks": True, "maxshape": (None, *item.shape[1:])},
            {"chunks": True, "maxshape": (None,) * len(item.shape), "compression": "lzf"},
            {"chunks": True, "scaleoffset": 0 if item.dtype.kind in "iu" else 3},
            {"dtype": item.dtype.newbyteorder(">")},
            {"fillvalue": 1},
        ]
        if item.nbytes < 60_000:
            compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            compact.set_layout(h5py.h5d.COMPACT)
            options.append({"dcpl": compact})
    return target.create_dataset(name, data=values, **options[number % len(options)])


def as_keras_2(text: bytes) -> bytes:
    """A configuration of Keras 3 with calls written as lists, and without modules, as Keras 2 wrote them."""
    config = json.loads(text)
    stack: list[Any] = [config]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            if isinstance(one.get("inbound_nodes"), list):
                one["inbound_nodes"] = [_as_list(node) for node in one["inbound_nodes"]]
            if "class_name" in one:
                one.pop("module", None)
                one.pop("registered_name", None)
                one.pop("build_config", None)
            if one.get("class_name") == "InputLayer" and isinstance(one.get("config"), dict):
                one["config"]["batch_input_shape"] = one["config"].pop("batch_shape", None)
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
    return json.dumps(config).encode()


def _as_list(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    found, stack = [], [node.get("args")]
    while stack:
        one = stack.pop()
        if isinstance(one, dict) and one.get("class_name") == "__keras_tensor__":
            found.append([*one["config"]["keras_history"], {}])
        elif isinstance(one, (dict, list)):
            stack.extend(reversed(list(one.values()) if isinstance(one, dict) else one))
    return found
