"""Models as configurations, without Keras: lists of layers, and edits of them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph
from graphlint.sources import read_text


class Made(NamedTuple):
    """One layer: its name (None: Keras numbers it), class, settings, and what it receives, by place in the list."""

    name: str | None
    class_name: str
    settings: tuple[tuple[str, Any], ...] = ()
    sources: tuple[int, ...] = ()


AUTOMATIC = {"Dense": "dense", "ReLU": "re_lu", "Dropout": "dropout", "Add": "add", "LayerNormalization": "layer_norm"}
AUTOMATIC["LayerNormalization"] = "layer_normalization"


def graph(made: list[Made], outputs: tuple[int, ...] = (-1,), start: int = 0) -> ModelGraph:
    """The graph of a Functional model; names that Keras makes are counted from ``start``."""
    counts: dict[str, int] = {}
    names = []
    for one in made:
        if one.name is not None:
            names.append(one.name)
            continue
        base = AUTOMATIC[one.class_name]
        number = counts.get(base, start)
        counts[base] = number + 1
        names.append(f"{base}_{number}" if number else base)
    layers: list[dict[str, Any]] = [
        {
            "class_name": "InputLayer",
            "config": {"batch_input_shape": [None, 4], "name": "image"},
            "name": "image",
            "inbound_nodes": [],
        }
    ]
    for name, one in zip(names, made, strict=True):
        received = [["image" if source < 0 else names[source], 0, 0, {}] for source in one.sources]
        layers.append(
            {
                "class_name": one.class_name,
                "config": {"name": name, **dict(one.settings)},
                "name": name,
                "inbound_nodes": [received],
            }
        )
    ends = [[names[place] if made else "image", 0, 0] for place in outputs]
    config = {"name": "model", "layers": layers, "input_layers": [["image", 0, 0]], "output_layers": ends}
    return expand(read_text(json.dumps({"class_name": "Functional", "config": config}).encode()))


def chain(*made: tuple[str | None, str, dict[str, Any]]) -> list[Made]:
    """Layers one after the other."""
    return [Made(name, kind, tuple(config.items()), (place - 1,)) for place, (name, kind, config) in enumerate(made)]
