"""Edit a saved model without Keras: its configuration and its weights."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

WEIGHTS = "model.weights.h5"


@dataclass
class StoredModel:
    """A ``.keras`` archive in memory."""

    config: dict[str, Any]
    weights: bytes
    others: dict[str, bytes]

    @classmethod
    def read(cls, path: Path) -> StoredModel:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        config = json.loads(members.pop("config.json"))
        return cls(config, members.pop(WEIGHTS), members)

    def copy(self) -> StoredModel:
        return StoredModel(copy.deepcopy(self.config), self.weights, dict(self.others))

    def write(self, path: Path) -> Path:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in self.others.items():
                archive.writestr(name, content)
            archive.writestr("config.json", json.dumps(self.config))
            archive.writestr(WEIGHTS, self.weights)
        return path

    @property
    def compile_config(self) -> dict[str, Any] | None:
        return self.config.get("compile_config")

    def layers(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Path and configuration of every layer, in nested models as well; shared ones once."""
        stack = [("", self.config)]
        while stack:
            prefix, holder = stack.pop()
            for layer in holder["config"].get("layers", []):
                path = f"{prefix}{layer.get('name') or layer['config'].get('name')}"
                yield path, layer
                if isinstance(layer["config"], dict) and "layers" in layer["config"]:
                    stack.append((f"{path}/", layer))

    def layer(self, path: str) -> dict[str, Any]:
        return next(layer for where, layer in self.layers() if where == path)

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """Name and numbers of every stored array of the model, optimizer aside."""
        found = []
        with h5py.File(io.BytesIO(self.weights), "r") as file:
            file.visititems(lambda name, item: found.append((name, item[()])) if hasattr(item, "shape") else None)
        yield from ((name, array) for name, array in found if not name.startswith("optimizer/"))

    def array(self, name: str) -> np.ndarray:
        with h5py.File(io.BytesIO(self.weights), "r") as file:
            return file[name][()]

    def names(self) -> list[str]:
        found: list[str] = []
        with h5py.File(io.BytesIO(self.weights), "r") as file:
            file.visititems(lambda name, item: found.append(name) if hasattr(item, "shape") else None)
        return found

    def with_array(self, name: str, array: np.ndarray | None) -> StoredModel:
        """A copy in which one stored array is another, or is gone."""
        changed = self.copy()
        stream = io.BytesIO(changed.weights)
        with h5py.File(stream, "r+") as file:
            if name in file:
                del file[name]
            if array is not None:
                file[name] = array
        changed.weights = stream.getvalue()
        return changed
