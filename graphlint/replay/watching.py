"""What each layer inside a model returns while it runs, also where code calls it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import keras
import numpy as np

from graphlint.knowledge import keras_internals
from graphlint.model.address import ROOT
from graphlint.model.expand import expand
from graphlint.sources.live import read_live


@dataclass(frozen=True, slots=True)
class Seen:
    """One call of a layer: which call of it, by number, and what it returned."""

    layer: Any
    path: str
    number: int
    outputs: list[np.ndarray]


class Watch:
    """The calls of the layers inside some models, each when it has returned: what a call makes inside comes first."""

    def __init__(self, *models: keras.Model) -> None:
        self.paths: dict[int, str] = {}
        for model in models:
            for path, layer in expand(read_live(model, structure_only=True)).layers.items():
                if isinstance(layer.obj, keras.Layer) and path != ROOT:
                    self.paths.setdefault(id(layer.obj), path)
        self.seen: list[Seen] = []
        self.counts: dict[int, int] = {}
        self.entering: list[int] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """While this lasts, calls are noted."""
        patches = [(cls, "__call__", self._noted(vars(cls)["__call__"])) for cls in keras_internals.classes_with_call()]
        with keras_internals.replaced(patches):
            yield

    def _noted(self, call: Any) -> Any:
        @wraps(call)
        def layer_call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            key = id(layer)
            if key not in self.paths or key in self.entering:
                return call(layer, *args, **kwargs)
            self.entering.append(key)
            try:
                outputs = call(layer, *args, **kwargs)
            finally:
                self.entering.remove(key)
            number = self.counts[key] = self.counts.get(key, -1) + 1
            arrays = [
                np.asarray(keras.ops.convert_to_numpy(one))
                for one in keras.tree.flatten(outputs)
                if keras.ops.is_tensor(one)
            ]
            self.seen.append(Seen(layer, self.paths[key], number, arrays))
            return outputs

        return layer_call
