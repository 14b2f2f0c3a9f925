"""Broken and hostile inputs made from good ones: configurations, zip archives, HDF5 files."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

Input = tuple[str, bytes]
"""An ending and the content of a file."""

STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63 - 1, -(2**63), 10**12, 0.5, -0.0, 1e308, float("nan"), float("inf"),
    "", "x", "a/b", "..", "\ud800", "\x1b[31m", "keras.layers", "Lambda", "__keras_tensor__", "Functional", "x" * 5000,
    [], {}, [None], [[]], [None, 0], [None, -3], {"class_name": "Dense", "config": {}}, {"class_name": "__tensor__"},
    {"class_name": "__lambda__", "config": {"code": "AAAA"}}, {"class_name": "__numpy__", "config": {"value": [1]}},
    {"module": "os", "class_name": "system", "config": "true", "registered_name": "system"},
    ["in", 0, 0], ["in", -1, 7, {}], [["in", 0, 0, {}]], {"a": {"b": {"c": 1}}},
)  # fmt: skip
KEYS = (
    "class_name", "config", "module", "registered_name", "name", "layers", "input_layers", "output_layers",
    "inbound_nodes", "units", "filters", "kernel_size", "axis", "batch_shape", "build_config", "input_shape", "dtype",
    "trainable", "args", "kwargs", "keras_history", "shape", "layer", "cell", "cells", "activation", "rate", "value",
    "shared_object_id", "compile_config", "optimizer", "loss", "metrics", "target_shape", "equation", "data_format",
)  # fmt: skip


class Seeds:
    """Good files to start from: `.keras` archives and whole-model `.h5` files in one directory."""

    def __init__(self, folder: Path) -> None:
        self.archives: list[tuple[Any, bytes, bytes]] = []
        self.hdf5: list[bytes] = []
        for path in sorted(folder.rglob("*.keras")):
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    weights = archive.read("model.weights.h5") if "model.weights.h5" in archive.namelist() else b""
                    self.archives.append((json.loads(archive.read("config.json")), weights, path.read_bytes()))
                    self.hdf5 += [weights] if weights else []
        for path in sorted(folder.rglob("*.h5")):
            self.hdf5.append(path.read_bytes())
        if not self.archives or not self.hdf5:
            raise ValueError(
                f"expected .keras and .h5 files in {folder}, got {len(self.archives)} and {len(self.hdf5)}"
            )


# -- configurations ---------------------------------------------------------------------------------------------


def configurations(chance: random.Random, seeds: Seeds) -> Iterator[Input]:
    """Real configurations with types swapped, keys dropped, classes aliased and nodes rewired."""
    while True:
        config, weights, _ = chance.choice(seeds.archives)
        config = copy.deepcopy(config)
        for _ in range(chance.choice((1, 1, 2, 3, 8))):
            config = _change(chance, config)
        text = json.dumps(config).encode()
        kind = chance.random()
        if kind < 0.1:
            yield ".json", _change_text(chance, text)
        elif kind < 0.2:
            yield ".h5", _with_config(chance.choice(seeds.hdf5), text)
        else:
            if chance.random() < 0.05:
                text = _change_text(chance, text)
            yield ".keras", archive({"config.json": text, "metadata.json": b"{}", "model.weights.h5": weights})


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return content.getvalue()


def _with_config(data: bytes, text: bytes) -> bytes:
    content = io.BytesIO(data)
    with h5py.File(content, "a") as file:
        file.attrs["model_config"] = text
    return content.getvalue()


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every ``(container, key)`` in a configuration."""
    found: list[tuple[Any, Any]] = []
    stack = [value]
    while stack:
        one = stack.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one))
        for key in keys:
            found.append((one, key))
            if isinstance(one[key], (dict, list)):
                stack.append(one[key])
    return found


def _change(chance: random.Random, config: Any) -> Any:
    places = _places(config) if isinstance(config, (dict, list)) else []
    if not places or chance.random() < 0.005:
        return copy.deepcopy(chance.choice(STRANGE))
    holder, key = chance.choice(places)
    kind = chance.randrange(9)
    if kind <= 2:
        holder[key] = copy.deepcopy(chance.choice(STRANGE))
    elif kind == 3:
        del holder[key]
    elif kind == 4 and isinstance(holder, dict):
        holder[chance.choice(KEYS)] = holder[key] if chance.random() < 0.5 else copy.deepcopy(chance.choice(STRANGE))
    elif kind == 5:
        other, place = chance.choice(places)
        with contextlib.suppress(KeyError, IndexError):
            holder[key] = copy.deepcopy(other[place])
    elif kind == 6 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(chance.choice((holder[key], *STRANGE))))
    else:
        _rewire(chance, places)
    return config


def _rewire(chance: random.Random, places: list[tuple[Any, Any]]) -> None:
    """Alias a class, rename a layer, or make a call take another tensor."""
    wanted = chance.choice(("class_name", "name", "keras_history", "module", "shape"))
    found = [(holder, key) for holder, key in places if key == wanted]
    if len(found) < 2:
        return
    (holder, key), (other, place) = chance.sample(found, 2)
    if wanted == "keras_history" and isinstance(holder[key], list) and len(holder[key]) == 3 and chance.random() < 0.5:
        holder[key][chance.randrange(1, 3)] = chance.choice((-1, 1, 2, 7, 10**9))
    else:
        holder[key] = copy.deepcopy(other.get(place)) if isinstance(other, dict) else holder[key]


def _change_text(chance: random.Random, text: bytes) -> bytes:
    kind = chance.randrange(6)
    at = chance.randrange(len(text) + 1)
    if kind == 0:
        return text[:at]
    if kind == 1:
        return text.decode().encode(chance.choice(("utf-16", "utf-32", "utf-8-sig")))
    if kind == 2:
        return text.replace(b"null", chance.choice((b"NaN", b"1e999", b"9" * 400, b"-Infinity")), chance.randrange(4))
    if kind == 3:
        return text[:at] + b"[" * chance.choice((10, 300, 5000)) + text[at:]
    if kind == 4:
        return json.dumps(text.decode()).encode()
    return flip(chance, text, 3)


# -- zip archives -----------------------------------------------------------------------------------------------


def archives(chance: random.Random, seeds: Seeds) -> Iterator[Input]:
    """Archives with flipped bytes, most of them in the headers and the directory, and fields set to lie."""
    while True:
        config, weights, data = chance.choice(seeds.archives)
        if chance.random() < 0.3:
            members = {"config.json": json.dumps(config).encode(), "model.weights.h5": weights[:20_000]}
            data = archive(members, chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 4))):
            _change_archive(chance, changed)
        yield ".keras", bytes(changed)


def _change_archive(chance: random.Random, data: bytearray) -> None:
    kind = chance.randrange(8)
    if not data or kind == 0:
        data[:] = flip(chance, bytes(data), 4)
        return
    if kind == 1:
        del data[chance.randrange(len(data)) :]
        return
    if kind == 2:
        at = chance.randrange(len(data))
        data[at:at] = chance.randbytes(chance.choice((1, 30, 1000)))
        return
    signature, fields = chance.choice(
        (
            (b"PK\x01\x02", ((4, 2), (6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2),
                             (34, 2), (38, 4), (42, 4), (46, 1), (47, 1))),
            (b"PK\x03\x04", ((6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2), (30, 1), (31, 1))),
            (b"PK\x05\x06", ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2))),
        )
    )  # fmt: skip
    places = (
        [at for at in range(len(data)) if data.startswith(signature, at)]
        if len(data) < 400_000
        else _find(data, signature)
    )
    if not places:
        return
    at, size = chance.choice(fields)
    at += chance.choice(places)
    old = int.from_bytes(data[at : at + size], "little")
    top = (1 << 8 * size) - 1
    new = chance.choice((0, 1, old + 1, old - 1, old * 2, top, top - 1, chance.randrange(top + 1), old ^ 8, old ^ 1))
    data[at : at + size] = (new & top).to_bytes(size, "little")


def _find(data: bytearray, signature: bytes) -> list[int]:
    found, at = [], data.find(signature)
    while at >= 0:
        found.append(at)
        at = data.find(signature, at + 1)
    return found


# -- HDF5 -------------------------------------------------------------------------------------------------------


def hdf5_files(chance: random.Random, seeds: Seeds) -> Iterator[Input]:
    """HDF5 files with flipped bytes and swapped pointers."""
    while True:
        data = bytearray(chance.choice(seeds.hdf5))
        for _ in range(chance.choice((1, 1, 2, 5))):
            _change_hdf5(chance, data)
        if chance.random() < 0.3:
            config = json.dumps(chance.choice(seeds.archives)[0]).encode()
            yield ".keras", archive({"config.json": config, "model.weights.h5": bytes(data)})
        else:
            yield ".h5", bytes(data)


def _change_hdf5(chance: random.Random, data: bytearray) -> None:
    kind = chance.randrange(6)
    marks = [at for mark in (b"TREE", b"HEAP", b"SNOD", b"GCOL", b"OHDR", b"FRHP") for at in _find(data, mark)]
    near = chance.choice(marks) + chance.randrange(64) if marks else 0
    at = near if chance.random() < 0.7 else chance.randrange(len(data))
    if kind == 0:
        data[:] = flip(chance, bytes(data), 4)
    elif kind == 1:
        del data[at + 1 :]
    elif kind <= 3 and len(marks) > 1:
        pointers = [place for place in range(0, min(len(data), 60_000) - 8, 8) if 0 < _pointer(data, place) < len(data)]
        if len(pointers) > 1:
            one, other = chance.sample(pointers, 2)
            new = _pointer(data, other) if chance.random() < 0.7 else chance.choice(marks)
            data[one : one + 8] = struct.pack("<Q", new)
    elif kind == 4 and at + 8 <= len(data):
        data[at : at + 8] = struct.pack("<Q", chance.choice((0, 1, 2**64 - 1, 2**64 - 16, 2**63, len(data), at)))
    elif at < len(data):
        data[at] = chance.choice((0, 1, 2, 0x10, 0x7F, 0x80, 0xFF, data[at] ^ 1 << chance.randrange(8)))


def _pointer(data: bytearray, at: int) -> int:
    return int(struct.unpack_from("<Q", data, at)[0])


def flip(chance: random.Random, data: bytes, most: int) -> bytes:
    """Some bits of the data turned."""
    changed = bytearray(data)
    for _ in range(chance.randrange(1, most + 1)):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)
