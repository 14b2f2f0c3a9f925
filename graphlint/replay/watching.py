"""What each layer inside a model returns while it runs, also where code calls it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from graphlint.model.address import ROOT
from graphlint.model.expand import expand
from graphlint.sources.live import read_live
from graphlint.tracing.outermost import OutermostCalls


@dataclass(frozen=True, slots=True)
class Seen:
    """One call of a layer: which call of it, by number, and what it returned."""

    layer: Any
    path: str
    number: int
    outputs: list[np.ndarray]


class Watch(OutermostCalls):
    """The calls of the layers inside some models, each when it has returned: what a call makes inside comes first."""

    def __init__(self, *models: keras.Model) -> None:
        paths: dict[int, str] = {}
        for model in models:
            for path, layer in expand(read_live(model, structure_only=True)).layers.items():
                if path != ROOT:
                    paths.setdefault(id(layer.obj), path)
        super().__init__(paths)
        self.seen: list[Seen] = []

    def called(self, layer: Any, args: Any, kwargs: Any, run: Callable[[], tuple[int, Any]]) -> Any:
        number, outputs = run()
        arrays = [
            np.asarray(keras.ops.convert_to_numpy(one))
            for one in keras.tree.flatten(outputs)
            if keras.ops.is_tensor(one)
        ]
        self.seen.append(Seen(layer, self.paths[id(layer)], number, arrays))
        return outputs
