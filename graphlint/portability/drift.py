"""What Keras 3 computes otherwise from a file that Keras 1 or 2 wrote, although it loads.

Measured by ``tests/benchmarks/release_drift.py``, setting by setting of the layers of Keras 2.15: all others are equal,
or do not load.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphlint.knowledge.layers import Family
from graphlint.model.definition import FrontEnd
from graphlint.model.graph import ModelGraph
from graphlint.portability.hard_sigmoid import cannot_keep, computed_otherwise
from graphlint.portability.layers_of_files import inside, of_keras_3
from graphlint.portability.masks_of_keras_2 import masks_handed_on_otherwise


@dataclass(frozen=True, slots=True)
class Drift:
    """One cause: what is computed otherwise, at which layers or calls, and why a rewrite cannot make up for it."""

    message: str
    nodes: tuple[str, ...]
    refused: str | None = None


def drifts(graph: ModelGraph) -> list[Drift]:
    """What the model of a file computes otherwise in Keras 3; nothing for a file of Keras 3 or a model in memory."""
    definition = graph.definition
    if definition.front_end == FrontEnd.LIVE or of_keras_3(definition):
        return []
    found = []
    layers = [graph.layer_of[id(one)] for one in computed_otherwise(definition) if id(one) in graph.layer_of]
    if layers:
        message = "hard_sigmoid is another function in Keras 3: clip(x / 6 + 0.5) instead of clip(0.2 x + 0.5)"
        found.append(Drift(message, tuple(dict.fromkeys(layers)), cannot_keep(definition.root)))
    crops = [one for one in inside(definition.root) if one.class_name == "RandomCrop" and one.is_keras]
    paths = tuple(graph.layer_of[id(one)] for one in crops if id(one) in graph.layer_of)
    if paths:
        refused = (
            f"RandomCrop {crops[0].name!r} crops in Keras 2 also outside of training, in Keras 3 not: use Resizing or "
            "CenterCrop, build the model in code, load the weights"
        )
        found.append(Drift("RandomCrop crops outside of training in Keras 2, and does not in Keras 3", paths, refused))
    calls = tuple(masks_handed_on_otherwise(graph))
    if calls:
        layer = graph.layer(calls[0])
        refused = (
            f"{layer.class_name} {layer.name!r} hands masks on, which Keras 3 does in another way: build the model in "
            "code, pass the mask explicitly to the layers that use it, load the weights"
        )
        message = (
            "joins the masks of its inputs: Keras 2 drops each step that one of them drops, Keras 3 keeps it where "
            "another input keeps it, or has no mask"
            if layer.traits.family is Family.MERGE
            else f"{layer.class_name} hands the mask of its input on, which it does not in Keras 2"
        )
        found.append(Drift(message, calls, refused))
    return found
