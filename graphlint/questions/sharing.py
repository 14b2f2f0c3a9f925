"""Layers in several places of a model, and whether a file keeps them shared.

A Keras 3 file records the identity of a layer (``shared_object_id``) from its second occurrence on. The first
occurrence gets it too where it lies directly in the body that also holds the others, and not where it lies inside a
nested model or a wrapper, whose configuration was copied before: then loading makes two layers, and the weights, which
are stored once, are missing for the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass

from graphlint.model.definition import Format, LayerDefinition, refs
from graphlint.model.graph import Layer, ModelGraph, Variable


@dataclass(frozen=True, slots=True)
class Place:
    """One occurrence of a layer: in the body of a model, or under an attribute of a wrapper or custom layer."""

    holder: LayerDefinition
    path: str


@dataclass(frozen=True, slots=True)
class SharedAcrossScopes:
    """A weighted layer that a Keras 3 file does not keep shared between ``first`` and ``second``.

    ``layer`` is the path of the layer that holds the weights. ``copy`` is the path of the layer without weights that
    the file has at the second place; live, where both are one object, it equals ``layer``. ``disconnects`` is True
    where the file keeps the identity and it is the calls that cannot be told apart on loading.
    """

    layer: str
    copy: str
    first: Place
    _: KW_ONLY
    second: Place
    disconnects: bool = False

    @property
    def is_copy(self) -> bool:
        """Whether the graph has two layers where the model that was saved had one."""
        return self.copy != self.layer


def places(graph: ModelGraph) -> dict[str, list[Place]]:
    """The occurrences of every layer that has more than one, in the order in which Keras writes them."""
    found: dict[int, list[Place]] = {}
    stack = list(reversed(list(_inside(graph, graph.definition.root))))
    while stack:
        holder, layer, path = stack.pop()
        occurrences = found.setdefault(id(layer), [])
        occurrences.append(Place(holder, path))
        if len(occurrences) == 1:
            stack.extend(reversed(list(_inside(graph, layer))))
    return {
        graph.layer_of[key]: several for key, several in found.items() if len(several) > 1 and key in graph.layer_of
    }


def _inside(graph: ModelGraph, holder: LayerDefinition) -> Iterator[tuple[LayerDefinition, LayerDefinition, str]]:
    path = graph.layer_of.get(id(holder))
    prefix = "" if path in (None, ".") else f"{path}/"
    if holder.body is not None:
        for layer in {id(layer): layer for layer in holder.body.layers}.values():
            yield holder, layer, prefix + layer.name
    for attribute, child in holder.children.items():
        yield holder, child, prefix + attribute


def shared_across_scopes(graph: ModelGraph) -> list[SharedAcrossScopes]:
    """The weighted layers that a file does not keep shared, each reported once, outermost."""
    found = list(_one_object(graph)) if graph.aliases else []
    if not graph.live:
        found += _twins(graph)
    return found


def _one_object(graph: ModelGraph) -> Iterator[SharedAcrossScopes]:
    """Layers that are one object at several places: all of them live, in a file those with an id at each place."""
    where = places(graph)
    made = {one.path for one in graph.layers.values() if one.definition.rebuilt or one.opaque or one.traced}
    for path, (first, *others) in where.items():
        if not graph.variables_below(path) or not _known(graph, first.holder):
            continue
        around_first = _around(graph, where, first.holder)
        for second in others:
            if second.holder is first.holder or not _known(graph, second.holder):
                continue
            around_second = _around(graph, where, second.holder)
            # Code of a layer or model around both creates them again on loading, shared as they were.
            if not made.isdisjoint(around_first & around_second):
                continue
            nested = graph.layer_of[id(first.holder)] in around_second
            if _has_graph(first.holder) and _has_graph(second.holder):
                # A model over Inputs of the one that contains it: both load as they were. Not if what they share is
                # written inside the inner one first.
                if nested and _inputs(first.holder) & _inputs(second.holder):
                    continue
                if graph.live or _keras_3(graph):
                    yield SharedAcrossScopes(path, path, first, second=second, disconnects=nested)
                break
            if graph.live and not (nested and _has_graph(first.holder)):
                yield SharedAcrossScopes(path, path, first, second=second)
                break


def _has_graph(holder: LayerDefinition) -> bool:
    return holder.body is not None


def _keras_3(graph: ModelGraph) -> bool:
    return graph.definition.format == Format.KERAS and (graph.definition.keras_version or "3").startswith("3")


def tied_across_layers(graph: ModelGraph) -> Iterator[tuple[Variable, str, str]]:
    """Variables in memory that two built-in layers hold, neither of them inside the other; a file stores each twice.

    What code makes, it may tie again when it is loaded.
    """
    for variable in graph.variables.values():
        holders = [path for path in graph.holders(variable.id) if graph.layers[path].is_keras and graph.written(path)]
        for second in holders[1:]:
            if all(outer.path != holders[0] for outer in graph.enclosing(second)):
                yield variable, holders[0], second


def _known(graph: ModelGraph, holder: LayerDefinition) -> bool:
    """Whether it is known how a holder writes its layers: models with a graph and Keras's own wrappers.

    Also a custom layer whose configuration the file has: it is made again by itself, with what it holds.
    """
    path = graph.layer_of.get(id(holder))
    if path is None:
        return False
    layer = graph.layers[path]
    if layer.opaque or layer.traced:
        return not layer.is_model and graph.written(path)
    return holder.body is not None or layer.is_keras


def _around(graph: ModelGraph, where: dict[str, list[Place]], layer: LayerDefinition) -> set[str]:
    """The paths of a layer and of all that it lies in, in any of its places."""
    found: set[str] = set()
    stack = [layer]
    while stack:
        path = graph.layer_of[id(stack.pop())]
        if path in found:
            continue
        found.add(path)
        parent = graph.layers[path].parent
        if path in where:
            stack += [place.holder for place in where[path]]
        elif parent is not None:
            stack.append(graph.layers[parent].definition)
    return found


def _inputs(model: LayerDefinition) -> set[int]:
    assert model.body is not None
    return {id(model.body.calls[ref.call].layer) for ref in refs(model.body.inputs)}


def _alike(one: Layer, other: Layer) -> bool:
    return bool(one.config == other.config and one.build_shape == other.build_shape)


_MANY = 100
"""A name that so many layers have says nothing about which of them was shared."""


def _twins(graph: ModelGraph) -> Iterator[SharedAcrossScopes]:
    """Layers without weights whose id occurs nowhere else, next to one of the same class and name with weights."""
    suspects = [
        layer
        for layer in graph.layers.values()
        if layer.definition.shared_object_id is not None
        and not layer.aliases
        and not layer.is_input
        and not layer.is_operation
    ]
    wanted = {(layer.class_name, layer.name) for layer in suspects}
    owners: dict[tuple[str | None, str], list[str]] = {}
    for layer in graph.layers.values():
        if layer.parent is not None and (layer.class_name, layer.name) in wanted:
            owners.setdefault((layer.class_name, layer.name), []).append(layer.path)
    reported: set[str] = set()
    for layer in suspects:
        if layer.parent in reported:
            reported.add(layer.path)
            continue
        named = owners.get((layer.class_name, layer.name), [])
        if len(named) >= _MANY or graph.variables_below(layer.path):
            continue
        named = sorted(named, key=lambda path: (not _alike(graph.layers[path], layer), path.count("/")))
        twin = next((path for path in named if graph.variables_below(path)), None)
        if twin is None:
            continue
        reported.add(layer.path)
        yield SharedAcrossScopes(twin, layer.path, _place(graph, twin), second=_place(graph, layer.path))


def _place(graph: ModelGraph, path: str) -> Place:
    parent = graph.layers[path].parent
    assert parent is not None
    return Place(graph.layers[parent].definition, path)
