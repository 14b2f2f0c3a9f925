"""Addresses with the attributes that hold layers, where files have other names for them."""

from __future__ import annotations

import keras

from graphlint.knowledge import keras_internals
from graphlint.model.address import ROOT, escape
from graphlint.model.graph import ModelGraph
from graphlint.model.resolve import calls_at, known_path


def add_attributes(graph: ModelGraph) -> None:
    """Let layers inside code be addressed by the attributes that hold them, where files have other names for them."""
    paths = {id(layer.obj): path for path, layer in graph.layers.items() if layer.obj is not None}
    for path, layer in list(graph.layers.items()):
        if not isinstance(layer.obj, keras.Layer) or (layer.is_keras and not layer.container):
            continue
        held_by_name = [(escape(one.name), one) for one in getattr(layer.obj, "layers", ())] if layer.container else []
        by_attribute = [
            ("/".join(map(escape, attribute.split("/"))), held)
            for attribute, held in keras_internals.attributes(layer.obj)
        ]
        for attribute, held in [*by_attribute, *held_by_name]:
            alias = attribute if path == ROOT else f"{path}/{attribute}"
            if alias not in graph.layers and id(held) in paths and paths[id(held)] != ROOT:
                graph.aliases.setdefault(alias, paths[id(held)])


def canonical(graph: ModelGraph, address: str) -> str:
    """An address with every part as the graph spells it, where it is written with attributes.

    A layer that is also elsewhere is spelled as what calls it here has it.
    """
    body, separator, output = address.partition(":")
    written = body.split("/")
    spelled: list[str] = []
    start = 0
    while start < len(written):
        above = [_name(piece) for piece in spelled]
        for end in range(start + 1, len(written) + 1):
            names = [_name(piece) for piece in written[start:end]]
            known = known_path(graph, "/".join([*above, *names]))
            if known is not None:
                pieces = known.split("/")
                number = written[end - 1].partition("#")[1:]
                if pieces[: len(above)] == above:
                    kept, new = spelled, pieces[len(above) :]
                else:
                    spellings = [[*above, *names], [*above, pieces[-1]]]
                    here = next((one for one in spellings if calls_at(graph, "/".join(one))), None)
                    kept, new = (spelled, here[len(above) :]) if here is not None else ([], pieces)
                spelled = [*kept, *new[:-1], new[-1] + "".join(number)] if new else kept
                start = end
                break
        else:
            return address
    return "/".join(spelled) + separator + output


def _name(piece: str) -> str:
    return piece.partition("#")[0]
