"""The graph as a networkx graph whose attributes are plain data, for use outside graphlint."""

from __future__ import annotations

from typing import Any

import networkx as nx

from graphlint.model.definition import Constant, map_leaves
from graphlint.model.graph import Call, Layer, ModelGraph, Tensor, Variable


class Network(nx.MultiDiGraph):  # type: ignore[misc]
    """A networkx graph made of a model; a notebook draws the model that it was made of."""

    drawn: ModelGraph | None = None

    def _repr_html_(self) -> str | None:
        return None if self.drawn is None else self.drawn._repr_html_()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "drawn"}


def plain(graph: ModelGraph) -> Network:
    """A copy of a graph whose node, edge and graph attributes are plain data."""
    copy = Network(
        name=graph.root.name,
        format=graph.definition.format,
        keras_version=graph.definition.keras_version,
        inputs=list(graph.inputs),
        outputs=[tuple(tensor) for tensor in graph.outputs],
    )
    for node, data in graph.nx.nodes(data=True):
        copy.add_node(node, kind=data["kind"].value, **_attributes(data["data"]))
    for source, target, data in graph.nx.edges(data=True):
        copy.add_edge(source, target, **{**data, "kind": data["kind"].value})
    return copy


def _attributes(node: Variable | Layer | Call) -> dict[str, Any]:
    if isinstance(node, Variable):
        return {
            "layer": node.layer,
            "slot": node.slot,
            "shape": node.shape,
            "dtype": node.dtype,
            "trainable": node.trainable,
        }
    if isinstance(node, Layer):
        return {
            "name": node.name,
            "class_name": node.class_name,
            "module": node.module,
            "config": node.config,
            "trainable": node.trainable,
            "dtype_policy": node.dtype_policy,
            "build_shape": node.build_shape,
            "container": node.container,
            "opaque": node.opaque,
            "aliases": list(node.aliases),
            "parent": node.parent,
        }
    return {
        "layer": node.layer,
        "scope": node.scope,
        "args": map_leaves(node.args, _leaf),
        "kwargs": map_leaves(node.kwargs, _leaf),
        "shapes": [spec.shape for spec in node.outputs],
        "dtypes": [spec.dtype for spec in node.outputs],
    }


def _leaf(value: Any) -> Any:
    if isinstance(value, Tensor):
        return tuple(value)
    return value.value if isinstance(value, Constant) else value
