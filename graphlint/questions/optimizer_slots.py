"""Optimizer variables matched to the trainable variables they belong to.

Files number the variables of an optimizer and do not name them, so the layout comes from a table of Keras's own
optimizers. Order of `keras.optimizers.Optimizer.variables`: the iteration count, the learning rate (Keras 3, unless it
is a schedule), then for each group of slots one variable per slot and trainable variable; Keras before 2.11 (known by
its ``lr`` and ``decay`` arguments) saves all of one slot before the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any

from graphlint.knowledge.optimizers import Layout, Slot, optimizer_layout
from graphlint.knowledge.origin import is_keras_package
from graphlint.model.definition import LayerDefinition, VariableDefinition
from graphlint.model.graph import Layer, ModelGraph, Variable


@dataclass(frozen=True, slots=True)
class OptimizerSlots:
    """The variables of a built optimizer of a known class.

    ``iterations`` is its step count, ``slots`` the variables kept per trainable variable, in saved order, and
    ``shapes`` the shapes of the variables it was built for, with how many of each.
    """

    class_name: str
    iterations: VariableDefinition
    slots: tuple[VariableDefinition, ...]
    _: KW_ONLY
    shapes: Counter[tuple[int, ...]]
    layout: Layout
    config: dict[str, Any]

    @property
    def count(self) -> int:
        """The number of variables the optimizer was built for."""
        return self.shapes.total()


@dataclass(frozen=True, slots=True)
class MatchedSlots:
    """A group of trainable variables and the slots that belong to them, in no particular order.

    Mostly one variable and its slots. Where a file does not tell in which order the optimizer met the variables of one
    layer, those of equal shape are one group. ``slots`` holds each slot with the value that it started from.
    """

    layer: str
    variables: tuple[Variable, ...]
    slots: tuple[tuple[VariableDefinition, float], ...]


def optimizer_slots(graph: ModelGraph) -> OptimizerSlots | None:
    """The slots of the optimizer; None if there are none or their layout is not known.

    Not known: classes that are not Keras's own or not in the table, moving averages of the weights, gradient
    accumulation, loss scaling, optimizers without slots (plain SGD), optimizers that are not built.
    """
    optimizer = graph.optimizer
    if optimizer is None or not optimizer.variables:
        return None
    config = optimizer.config
    if any(config.get(key) for key in ("use_ema", "gradient_accumulation_steps", "loss_scale_factor")):
        return None
    if optimizer.module is not None and not is_keras_package(optimizer.module):
        return None
    layout = optimizer_layout(optimizer.class_name, config)
    if layout is None:
        return None
    variables = optimizer.variables
    first = variables[0]
    if first.shape != () or not first.dtype.startswith(("int", "uint")):
        return None
    per_variable = sum(len(group) for group in layout.groups)
    rate = len(variables) > 1 and variables[1].shape == () and not isinstance(_rate(config), dict)
    slots = tuple(variables[2 if rate else 1 : len(variables) - layout.trailing])
    if _legacy(config):
        slots = _without_placeholders(slots)
    counts = Counter(slot.shape for slot in slots)
    if not slots or any(count % per_variable for count in counts.values()):
        return None
    shapes = Counter({shape: count // per_variable for shape, count in counts.items()})
    return OptimizerSlots(optimizer.class_name, first, slots, shapes=shapes, layout=layout, config=config)


def _without_placeholders(slots: tuple[VariableDefinition, ...]) -> tuple[VariableDefinition, ...]:
    """Keras up to 2.3 saves a third slot of one element for each variable of an Adam that is not AMSGrad."""
    count, rest = divmod(len(slots), 3)
    shapes = [slot.shape for slot in slots]
    if rest or shapes[:count] != shapes[count : 2 * count] or any(shape != (1,) for shape in shapes[2 * count :]):
        return slots
    return slots[: 2 * count]


def _rate(config: dict[str, Any]) -> Any:
    return config.get("learning_rate", config.get("lr"))


def match_slots(graph: ModelGraph, optimizer: OptimizerSlots) -> list[MatchedSlots] | None:
    """Match the slots of the first group of the table to the trainable variables, in Keras's order.

    None if numbers or shapes do not fit.
    """
    segments = list(_segments(graph))
    if sum(len(variables) for _, variables, _ in segments) != optimizer.count:
        return None
    return _fit(segments, _kinds(optimizer))


def trainable_variables(graph: ModelGraph) -> list[Variable]:
    """What Keras lists as ``model.trainable_variables``, in its order but for sublayers of layers such as
    MultiHeadAttention, which a file lists alphabetically."""
    return [variable for _, variables, _ in _segments(graph) for variable in variables]


_Started = tuple[VariableDefinition, float]


def _kinds(optimizer: OptimizerSlots) -> list[tuple[_Started, ...]]:
    """For each trainable variable its slots, one of each kind."""
    count = optimizer.count
    group = optimizer.layout.groups[0]
    columns: list[list[_Started]] = []
    for index, slot in enumerate(group):
        if _legacy(optimizer.config):
            chosen = optimizer.slots[index * count : (index + 1) * count]
        else:
            chosen = optimizer.slots[index : count * len(group) : len(group)]
        initial = _initial(slot, optimizer.config)
        columns.append([(variable, initial) for variable in chosen])
    return list(zip(*columns, strict=True))


def _legacy(config: dict[str, Any]) -> bool:
    """Whether the optimizer is of Keras before 2.11."""
    return "lr" in config or "decay" in config


def _initial(slot: Slot, config: dict[str, Any]) -> float:
    initial = config.get(slot.initial, 0.1) if isinstance(slot.initial, str) else slot.initial
    return initial if isinstance(initial, float) else 0.1


def _fit(
    segments: list[tuple[str, list[Variable], bool]], slots: list[tuple[_Started, ...]]
) -> list[MatchedSlots] | None:
    matched = []
    position = 0
    for layer, variables, ordered in segments:
        own = slots[position : position + len(variables)]
        position += len(variables)
        shapes = [kinds[0][0].shape for kinds in own]
        if ordered:
            if shapes != [variable.shape for variable in variables]:
                return None
            matched += [MatchedSlots(layer, (v,), kinds) for v, kinds in zip(variables, own, strict=True)]
            continue
        if Counter(variable.shape for variable in variables) != Counter(shapes):
            return None
        for shape in dict.fromkeys(shapes):
            alike = tuple(variable for variable in variables if variable.shape == shape)
            mixed = tuple(slot for kinds in own if kinds[0][0].shape == shape for slot in kinds)
            matched.append(MatchedSlots(layer, alike, mixed))
    return matched


def _segments(graph: ModelGraph) -> Iterator[tuple[str, list[Variable], bool]]:
    """Trainable variables layer by layer: path, variables, and whether their order inside the layer is Keras's."""
    if not graph.root.trainable:
        return
    seen: set[str] = set()
    visited: set[int] = set()
    stack: list[LayerDefinition] = [graph.definition.root]
    while stack:
        definition = stack.pop()
        if id(definition) in visited:
            continue
        visited.add(id(definition))
        path = graph.layer_of.get(id(definition))
        if path is None:
            continue
        if definition.body is not None:
            yield from _segment(path, graph.variables_of(path), seen, True)
            stack.extend(reversed([*definition.body.layers, *definition.children.values()]))
            continue
        inner = [
            layer for layer in graph.layers_below(path) if layer.path == path or id(layer.definition) not in visited
        ]
        backward = f"{path}/backward_layer"
        inner.sort(key=lambda layer: layer.path == backward or layer.path.startswith(f"{backward}/"))
        visited.update(id(layer.definition) for layer in inner)
        ordered = all(_ordered_children(layer) or not graph.children.get(layer.path) for layer in inner)
        yield from _segment(path, [v for layer in inner for v in graph.variables_of(layer.path)], seen, ordered)


def _ordered_children(layer: Layer) -> bool:
    """Whether it is known in which order the sublayers of a layer come."""
    return layer.traits.recurrent or layer.traits.name == "TimeDistributed"


def _segment(
    path: str, variables: list[Variable], seen: set[str], ordered: bool
) -> Iterator[tuple[str, list[Variable], bool]]:
    fresh = [variable for variable in variables if variable.trainable and variable.id not in seen]
    seen.update(variable.id for variable in fresh)
    yield path, fresh, ordered
