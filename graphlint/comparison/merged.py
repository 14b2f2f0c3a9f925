"""Two models as one graph: the new one, with the calls that went put back where they were."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphlint.comparison.matching import Matching, Pairing
from graphlint.model.definition import Body, CallDefinition, LayerDefinition, TensorRef, map_leaves
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph


class Merged:
    """``graph`` is the graph of both models; ``removed`` maps layers of the old one that went to their paths in it."""

    def __init__(self, matching: Matching) -> None:
        self.matching = matching
        self.pairings = {id(pairing.new.body): pairing for pairing in matching.pairings}
        self.layers: dict[int, LayerDefinition] = {}
        self.gone: dict[str, LayerDefinition] = {}
        definition = matching.new.graph.definition
        self.graph: ModelGraph = expand(replace(definition, root=self.layer(definition.root), unverified=None))
        self.removed = {
            path: self.graph.layer_of[id(layer)]
            for path, layer in self.gone.items()
            if id(layer) in self.graph.layer_of
        }

    def layer(self, definition: LayerDefinition) -> LayerDefinition:
        """A layer of the new model, its body merged with that of its partner."""
        body = definition.body
        if body is None or body.traced or id(body) not in self.pairings:
            return definition
        found = self.layers.get(id(definition))
        if found is None:
            found = self.layers[id(definition)] = replace(definition)
            found.body = self.body(body, self.pairings[id(body)])
        return found

    def body(self, body: Body, pairing: Pairing) -> Body:
        """The body of the new model with the calls that only the old one makes."""
        calls = [replace(call, layer=self.layer(call.layer)) for call in body.calls]
        layers = [self.layer(one) for one in body.layers]
        places = {id(call): place for place, call in enumerate(body.calls)}
        old_places = {id(call): place for place, call in enumerate(pairing.old.body.calls)}
        here: dict[int, int] = {}
        """Place of a call in the old body -> its place in the merged one."""
        for place, item in enumerate(pairing.old.items):
            partner = pairing.forward[place]
            if partner >= 0:
                here[old_places[id(item.call)]] = places[id(pairing.new.items[partner].call)]
            elif item.layer not in self.matching.layers:
                here[old_places[id(item.call)]] = len(calls)
                calls.append(_put_back(item.call, here))
                layers.append(item.definition)
                self.gone[item.layer] = item.definition
        return replace(body, calls=calls, layers=layers)


def _put_back(call: CallDefinition, here: dict[int, int]) -> CallDefinition:
    def moved(leaf: Any) -> Any:
        if not isinstance(leaf, TensorRef):
            return leaf
        return TensorRef(here[leaf.call], leaf.output) if leaf.call in here else None

    return replace(call, args=map_leaves(call.args, moved), kwargs=map_leaves(call.kwargs, moved))
