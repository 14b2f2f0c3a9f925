"""Parameter counts: how many parameters a model holds, trains, counts twice and never uses."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

from graphlint.model.address import ROOT

if TYPE_CHECKING:
    from graphlint.model.graph import ModelGraph, Variable


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameter counts in elements.

    ``total`` counts each distinct variable once and equals ``model.count_params()``. ``trainable`` is what the root
    model gives to its optimizer. ``counted_per_layer`` is the sum of the counts of the model's top-level layers, each
    counted separately, and ``counted_twice`` by how much that exceeds the distinct variables below them.
    ``unreachable`` counts parameters that influence no output.
    """

    total: int
    trainable: int
    non_trainable: int
    _: KW_ONLY
    counted_per_layer: int
    counted_twice: int
    unreachable: int


def trained(graph: ModelGraph, variable: Variable) -> bool:
    """Whether a model gives a variable to its optimizer, when it trains.

    Keras consults the flags of the root and of the variable; containers in between are not consulted
    (keras-team/keras#18092).
    """
    return variable.trainable and any(graph.layers[one.layer].trainable for one in graph.members_with(variable.id))


def audit(graph: ModelGraph) -> Parameters:
    """Count the parameters of a graph."""
    total = trainable = unreachable = 0
    live = graph.live_nodes
    for variable in graph.variables.values():
        total += variable.size
        trainable += variable.size if trained(graph, variable) else 0
        unreachable += 0 if variable.id in live else variable.size
    per_layer = sum(variable.size for variable in graph.variables_of(ROOT))
    seen = {variable.id for variable in graph.variables_of(ROOT)}
    distinct = per_layer
    for layer in graph.children.get(ROOT, []):
        for variable in graph.variables_below(layer):
            per_layer += variable.size
            if variable.id not in seen:
                seen.add(variable.id)
                distinct += variable.size
    return Parameters(
        total,
        trainable,
        total - trainable,
        counted_per_layer=per_layer,
        counted_twice=per_layer - distinct,
        unreachable=unreachable,
    )
