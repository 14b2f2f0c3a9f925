"""The calls of each body, once however often it runs: what `show` prints and `diff` pairs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field
from functools import cache
from typing import Any, NamedTuple

from graphlint.comparison.arguments import text_of
from graphlint.findings.fingerprint import has_automatic_name
from graphlint.knowledge.layers import Family
from graphlint.knowledge.naming import snake_case
from graphlint.knowledge.tables import read_table
from graphlint.model.address import escape
from graphlint.model.definition import Body, CallDefinition, LayerDefinition, TensorRef, TensorSpec, leaves, refs
from graphlint.model.expand import graph_order
from graphlint.model.graph import Layer, ModelGraph
from graphlint.model.masks import MASK_ARGUMENTS

_NUMBER = re.compile(r"_\d+$")
_MASK_MAKERS = frozenset({"NotEqual", "Any"})
"""The operations of ``compute_mask`` of Embedding and Masking."""
_INPUT_OF_KERAS = "keras_tensor"
"""The name of an Input that Keras makes around a tensor."""


class Source(NamedTuple):
    """A tensor that a call receives: which call of the body makes it, and as which output."""

    argument: str
    item: int
    output: int


@dataclass(eq=False, slots=True)
class Item:
    """One call in a body. ``layer`` is the path of its layer, ``index`` counts the calls of that layer there.

    ``arguments`` are what the call itself is given besides tensors and None.
    """

    layer: str
    index: int
    definition: LayerDefinition
    _: KW_ONLY
    call: CallDefinition
    sources: tuple[Source, ...]
    arguments: dict[str, str]

    @property
    def body(self) -> Body | None:
        return self.call.body

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return self.call.outputs or ()


@dataclass(eq=False, slots=True)
class Unit:
    """A body with its calls in graph order. ``outputs`` are what it returns, each with its place in the structure."""

    container: str
    body: Body
    items: list[Item]
    inputs: list[int]
    outputs: list[Source]
    consumers: list[list[tuple[int, int, int]]] = field(default_factory=list)
    """Of each item, who receives what it makes: the item, the place among its sources, and the output."""
    masks: frozenset[str] = frozenset()
    """The operations that are left out, because Keras makes the masks of layers again."""

    def times_called(self) -> Counter[str]:
        """How often the body calls each layer."""
        return Counter(item.layer for item in self.items)


class Bodies:
    """All bodies of a graph, each read when it is asked for."""

    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph
        self._units: dict[int, Unit] = {}

    def unit(self, body: Body, container: str) -> Unit:
        """The calls of a body that belongs to a layer."""
        found = self._units.get(id(body))
        if found is None:
            found = self._units[id(body)] = _unit(self.graph, body, container)
        return found

    @property
    def root(self) -> Unit | None:
        body = self.graph.root.definition.body
        return None if body is None else self.unit(body, self.graph.root.path)

    def all(self) -> list[Unit]:
        """The body of the root and of whatever is called in it, each once, outer ones first."""
        root = self.root
        found = [] if root is None else [root]
        seen = {id(unit.body) for unit in found}
        for unit in found:
            for item in unit.items:
                if item.body is not None and id(item.body) not in seen:
                    seen.add(id(item.body))
                    found.append(self.unit(item.body, item.layer))
        return found


def _unit(graph: ModelGraph, body: Body, container: str) -> Unit:
    computed_again = _mask_makers(body)
    order = [position for position in graph_order(body) if position not in computed_again]
    number = {position: place for place, position in enumerate(order)}
    counts: Counter[str] = Counter()
    items = []
    for position in order:
        call = body.calls[position]
        path = graph.layer_of[id(call.layer)]
        sources, arguments = [], {}
        for group, structure in (("", list(call.args)), ("", call.kwargs), ("captured", list(call.captured))):
            for argument, leaf in leaves(structure, group):
                if isinstance(leaf, TensorRef):
                    if leaf.call in number and not _is_noted_mask(body, argument, leaf):
                        sources.append(Source(argument, number[leaf.call], leaf.output))
                elif leaf is not None and group != "captured" and not _is_no_training(call, argument, leaf):
                    arguments[argument] = text_of(leaf)
        items.append(Item(path, counts[path], call.layer, call=call, sources=tuple(sources), arguments=arguments))
        counts[path] += 1
    unit = Unit(
        container,
        body,
        items,
        [place for _, ref in leaves(body.inputs) if (place := _place(ref, number)) is not None],
        [
            Source(where, place, ref.output)
            for where, ref in leaves(body.outputs)
            if (place := _place(ref, number)) is not None
        ],
        masks=frozenset(graph.layer_of[id(body.calls[position].layer)] for position in computed_again),
    )
    unit.consumers = [[] for _ in items]
    for place, item in enumerate(items):
        for slot, source in enumerate(item.sources):
            unit.consumers[source.item].append((place, slot, source.output))
    return unit


def _is_noted_mask(body: Body, argument: str, leaf: TensorRef) -> bool:
    """Whether a mask came with the tensor that it belongs to: some releases of Keras note that as an argument."""
    maker = body.calls[leaf.call].layer
    return argument in MASK_ARGUMENTS and maker.is_operation and maker.class_name in _MASK_MAKERS


def _mask_makers(body: Body) -> set[int]:
    """The calls that make the masks of Embedding and Masking layers again, for nothing but mask arguments: a Functional
    model notes them, a Sequential model does not."""
    made = {
        position
        for position, call in enumerate(body.calls)
        if call.layer.is_operation and call.layer.class_name in _MASK_MAKERS
    }
    if not made:
        return made
    masked = {key for call in body.calls for key in _masked_input(call)}
    for position in sorted(made):
        call = body.calls[position]
        tensors, others = refs(call.args), [leaf for _, leaf in leaves(list(call.args)) if type(leaf) in (int, float)]
        if call.layer.class_name == "NotEqual":
            is_like_keras = len(tensors) == 1 and len(others) == 1 and (tensors[0], float(others[0])) in masked
        else:
            is_like_keras = len(tensors) == 1 and tensors[0].call in made
        if not is_like_keras:
            made.discard(position)
    made -= {ref.call for ref in refs(body.outputs)}
    readers: dict[int, list[tuple[int, bool]]] = {position: [] for position in made}
    for position, call in enumerate(body.calls):
        for structure in (list(call.args), call.kwargs, list(call.captured)):
            for argument, leaf in leaves(structure):
                if isinstance(leaf, TensorRef) and leaf.call in made:
                    readers[leaf.call].append((position, _is_noted_mask(body, argument, leaf)))
    while kept := {
        position
        for position in made
        if not readers[position] or not all(noted or reader in made for reader, noted in readers[position])
    }:
        made -= kept
    return made


def _masked_input(call: CallDefinition) -> Iterator[tuple[TensorRef, float]]:
    """The tensors of which a layer makes a mask, each with the value that is masked."""
    config = call.layer.config
    if call.layer.class_name == "Embedding" and config.get("mask_zero"):
        value: Any = 0
    elif call.layer.class_name == "Masking":
        value = config.get("mask_value", 0.0)
    else:
        return
    if type(value) in (int, float):
        for tensor in refs(call.args):
            yield tensor, float(value)


def _is_no_training(call: CallDefinition, argument: str, leaf: Any) -> bool:
    """Whether Keras noted that a layer of its own was called outside training, which binds no later call."""
    return argument == "training" and leaf is False and call.body is None and call.layer.is_keras


def _place(ref: Any, number: dict[int, int]) -> int | None:
    return number.get(ref.call) if isinstance(ref, TensorRef) else None


class Names:
    """What layers are called, without numbers that only count: ``dense_7`` is ``dense``, the next one ``dense_1``."""

    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph
        self._parts: dict[str, str] = {}
        self._paths: dict[str, str] = {}
        taken: dict[str | None, set[str]] = {}
        automatic: list[tuple[Layer, str]] = []
        for layer in graph.layers.values():
            base = automatic_base(layer)
            last = layer.path.rpartition("/")[2]
            if base is None:
                self._parts[layer.path] = last
                taken.setdefault(layer.parent, set()).add(last)
            else:
                automatic.append((layer, base))
        self._automatic = {layer.path for layer, _ in automatic}
        counts: Counter[tuple[str | None, str]] = Counter()
        for layer, base in automatic:
            names = taken.setdefault(layer.parent, set())
            while True:
                count = counts[layer.parent, base]
                counts[layer.parent, base] += 1
                name = f"{base}_{count}" if count else base
                if name not in names:
                    break
            names.add(name)
            self._parts[layer.path] = name

    def part(self, path: str) -> str:
        """The name of a layer in what contains it."""
        return self._parts[path]

    def path(self, path: str) -> str:
        """The whole path of a layer."""
        found = self._paths.get(path)
        if found is None:
            steps: list[str] = []
            at: str | None = path
            while at is not None and at != self.graph.root.path and at not in self._paths:
                steps.append(at)
                at = self.graph.layers[at].parent
            for step in reversed(steps):
                parent = self.graph.layers[step].parent
                outer = self._paths.get(parent or "", "")
                self._paths[step] = f"{outer}/{self._parts[step]}" if outer else self._parts[step]
            found = self._paths.get(path, path)
        return found

    def automatic(self, path: str) -> bool:
        """Whether a layer has a name that Keras made."""
        return path in self._automatic


def automatic_base(layer: Layer) -> str | None:
    """The name that Keras made for a layer, without its number; None for a name that somebody chose.

    What lies under the name of an attribute, or of a group of a file, goes by that.
    """
    last = layer.path.rpartition("/")[2]
    without = _NUMBER.sub("", last)
    if layer.is_input and without == _INPUT_OF_KERAS:
        return "input_layer"
    if layer.class_name is None:
        return without if without in _made_names() else None
    made = escape(snake_case(layer.class_name))
    if last != escape(layer.name):
        return made if without == made else None
    if layer.definition.traits.family is Family.OPERATION:
        return without
    return made if has_automatic_name(layer) else None


@cache
def _made_names() -> frozenset[str]:
    """The names that Keras makes for its layers, without numbers."""
    return frozenset(snake_case(name) for name in read_table("layers"))
