"""From the weights of the legacy HDF5 layout to variables of layer definitions.

One group for each layer of the root model, by layer name. Its attribute ``weight_names`` lists all arrays below that
layer, however deep, trainable ones first: which array belongs to which sublayer follows from the order in which Keras
counts them or, if a class is unknown, from the names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from graphlint.knowledge.layers import Family
from graphlint.model.definition import LayerDefinition, OptimizerDefinition, Values, VariableDefinition
from graphlint.shapes import Slot, slots
from graphlint.sources.hdf5 import Dataset, Group

TOP_LEVEL = "top_level_model_weights"
_PROJECTIONS = ("query_dense", "key_dense", "value_dense", "output_dense")
_CUDNN = ("CuDNNLSTM", "CuDNNGRU")
"""Layers that store the numbers of their cell as their own: only this format has them."""


class Numbers(Values, Protocol):
    """What holds the numbers of one array: a dataset of a file, or a variable."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> str: ...

    @property
    def stored(self) -> bool: ...


class Array(NamedTuple):
    """One array under its full name: ``bidirectional/forward_lstm/lstm_cell/kernel:0``."""

    name: str
    dataset: Numbers


class _Expected(NamedTuple):
    """A variable that a layer should have."""

    layer: LayerDefinition
    slot: Slot


def is_legacy(group: Group) -> bool:
    """Whether a group contains weights in the legacy layout."""
    return "layer_names" in group.attributes or "layer_names0" in group.attributes


def names(group: Group, attribute: str) -> list[str]:
    """A list of names in an attribute, joined again if Keras had to split it into several."""
    found = group.attributes.get(attribute)
    if found is not None:
        return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
    parts: list[list[Any]] = []
    while isinstance(part := group.attributes.get(f"{attribute}{len(parts)}"), list):
        parts.append(part)
    return [name for part in parts for name in part if isinstance(name, str)]


def arrays(group: Group) -> list[Array]:
    """The arrays that a layer's group lists, in saved order."""
    found = []
    for name in names(group, "weight_names"):
        dataset = group.find(name)
        if isinstance(dataset, Dataset):
            found.append(Array(name, dataset))
    return found


def attach_legacy_weights(root: LayerDefinition, stored: Group) -> dict[str, int]:
    """Give every layer its stored variables. Returns the stored groups that no layer claims, with element counts."""
    listed = names(stored, "layer_names")
    if root.body is not None:
        for layer in root.body.layers:
            layer.has_weight_group = layer.name in listed
    groups = {name: group for name in listed if isinstance(group := stored.find(name), Group)}
    top = stored.find(TOP_LEVEL)
    own = arrays(top) if isinstance(top, Group) else []
    return attach_arrays(root, {name: arrays(group) for name, group in groups.items()}, own)


def attach_arrays(root: LayerDefinition, by_layer: Mapping[str, list[Array]], own: Sequence[Array]) -> dict[str, int]:
    """Give every layer its variables: by the names of the layers directly in the model, and those of the model itself.

    Returns the names that no layer has, with element counts.
    """
    layers = {layer.name: layer for layer in (root.body.layers if root.body is not None else ())}
    stray: dict[str, int] = {}
    for name, found in by_layer.items():
        if name in layers:
            _attach(layers[name], found)
        elif root.body is None:
            root.children[name] = child = LayerDefinition(name, None, trainable=root.trainable)
            for array in found:
                _attach_unknown(child, array)
        elif found:
            stray[name] = sum(math.prod(array.dataset.shape) for array in found)
    if own:
        root.variables = [_variable(root, index, array) for index, array in enumerate(own)]
    return stray


def attach_legacy_optimizer(optimizer: OptimizerDefinition | None, stored: Group) -> None:
    """Give the optimizer its stored variables in saved order."""
    group = stored.groups.get("optimizer_weights")
    if optimizer is None or group is None:
        return
    owner = LayerDefinition("", None, trainable=False)
    optimizer.variables = [_variable(owner, index, array, str(index)) for index, array in enumerate(arrays(group))]


def _attach(layer: LayerDefinition, found: list[Array]) -> None:
    expected = _expected(layer)
    if expected is not None and len(expected) == len(found):
        pairs = list(zip(expected, found, strict=True))
        if all(_fits(want.slot, array) for want, array in pairs):
            _assign(pairs)
            _share_kernels(layer)
            return
    for array in _by_name(layer, found):
        _attach_unknown(layer, array)


def _attach_unknown(layer: LayerDefinition, array: Array) -> None:
    """Give one variable to a layer of an unknown class, or to the sublayer that the stored name indicates."""
    parts = array.name.split("/")[:-1]
    inside = parts[parts.index(layer.name) + 1 :] if layer.name in parts else []
    owner = layer
    if inside and layer.body is None:
        path = "/".join(inside)
        if path not in layer.children:
            layer.children[path] = LayerDefinition(inside[-1], None, trainable=layer.trainable)
        owner = layer.children[path]
        layer.opaque = layer.opaque or (layer.class_name is not None and layer.module is None)
    slot = _slot_name(array.name)
    used = {variable.slot for variable in owner.variables}
    while slot in used:
        slot += "_"
    owner.variables.append(_variable(owner, len(owner.variables), array, slot))


def _share_kernels(layer: LayerDefinition) -> None:
    """SpectralNormalization and the layer inside it share one kernel, which the file lists once."""
    stack = [layer]
    while stack:
        wrapper = stack.pop()
        stack.extend(_members(wrapper))
        inner = wrapper.children.get("layer")
        if wrapper.traits.name != "SpectralNormalization" or inner is None or not wrapper.variables:
            continue
        for variable in inner.variables:
            variable.index += 1
        inner.variables.insert(0, wrapper.variables[0])


def _assign(pairs: list[tuple[_Expected, Array]]) -> None:
    """Give each owner its variables, in the order in which it saves them."""
    owners: dict[int, tuple[LayerDefinition, list[tuple[Slot, Array]]]] = {}
    for want, array in pairs:
        owners.setdefault(id(want.layer), (want.layer, []))[1].append((want.slot, array))
    for layer, held in owners.values():
        held.sort(key=lambda pair: not pair[0].trainable)
        layer.variables = [
            _variable(layer, index, array, slot.name, slot.trainable) for index, (slot, array) in enumerate(held)
        ]


def _by_name(layer: LayerDefinition, found: list[Array]) -> list[Array]:
    """Pair sublayers of a model with the arrays whose names contain their name; returns what is left."""
    if layer.body is None:
        return found
    left = list(found)
    for inner in _leaves(layer):
        own = [array for array in left if inner.name in array.name.split("/")[:-1]]
        if own:
            left = [array for array in left if array not in own]
            _attach(inner, own)
    return left


def _leaves(model: LayerDefinition) -> Iterator[LayerDefinition]:
    stack = [model]
    while stack:
        layer = stack.pop()
        if layer.body is None:
            yield layer
        else:
            stack.extend(reversed(_members(layer)))


def _members(layer: LayerDefinition) -> list[LayerDefinition]:
    """The layers directly inside another, in Keras's order, each once."""
    inner = layer.body.layers if layer.body is not None else list(_children(layer).values())
    return list({id(one): one for one in inner}.values())


def _expected(layer: LayerDefinition) -> list[_Expected] | None:
    """All variables of a layer and its sublayers in saved order; None if a class is unknown."""
    order: list[tuple[LayerDefinition, list[Slot], bool]] = []
    seen: set[int] = set()
    shared: set[int] = set()
    stack = [(layer, layer.trainable)]
    while stack:
        inner, trainable = stack.pop()
        if id(inner) in seen:
            continue
        seen.add(id(inner))
        own = _own_slots(inner)
        if own is None:
            return None
        if id(inner) in shared:
            own = own[1:]
        if inner.traits.name == "SpectralNormalization":
            shared.update(id(one) for one in _members(inner))
        order.append((inner, own, trainable and inner.trainable))
        stack.extend((one, trainable and inner.trainable) for one in reversed(_members(inner)))
    every = [(_Expected(one, slot), flag and slot.trainable) for one, own, flag in order for slot in own]
    return [want for want, trainable in every if trainable] + [want for want, trainable in every if not trainable]


def _own_slots(layer: LayerDefinition) -> list[Slot] | None:
    if layer.class_name in _CUDNN:
        return [Slot(name, None, True) for name in ("kernel", "recurrent_kernel", "bias")]
    if layer.class_name in _PROJECTIONS:
        return [Slot("kernel", None, True)] + ([Slot("bias", None, True)] if layer.config.get("use_bias") else [])
    if layer.traits.recurrent and layer.traits.family is Family.RECURRENT:
        return []  # Keras 2 does not save the states of a stateful layer, and Keras 3 creates them when it runs.
    return slots(layer)


def _children(layer: LayerDefinition) -> dict[str, LayerDefinition]:
    """The sublayers with weights of built-in layers; those that no configuration mentions are created here."""
    name, config = layer.class_name, layer.config
    if layer.traits.cell is not None and "cell" not in layer.children and layer.module != "":
        rank = {"rank": layer.traits.rank} if layer.traits.rank is not None else {}
        cell = LayerDefinition(
            f"{layer.name}_cell",
            layer.traits.cell,
            "keras.layers",
            config={**config, **rank},
            trainable=layer.trainable,
        )
        cell.build_shape = layer.build_shape
        layer.children["cell"] = cell
    elif name == "Bidirectional" and "forward_layer" in layer.children and "backward_layer" not in layer.children:
        forward = layer.children["forward_layer"]
        turned: dict[str, Any] = {**forward.config, "go_backwards": not forward.config.get("go_backwards", False)}
        layer.children["backward_layer"] = LayerDefinition(
            f"backward_{forward.name}",
            forward.class_name,
            forward.module,
            registered_name=forward.registered_name,
            config=turned,
            trainable=forward.trainable,
            dtype_policy=forward.dtype_policy,
        )
    elif layer.traits.query_mask and not layer.children:
        bias = {"use_bias": config.get("use_bias", True) is not False}
        prefix = "" if name == "MultiHeadAttention" else "_"
        for attribute in _PROJECTIONS:
            layer.children[prefix + attribute] = LayerDefinition(
                attribute.removesuffix("_dense"), attribute, "keras.layers", config=bias, trainable=layer.trainable
            )
    return layer.children


def _fits(slot: Slot, array: Array) -> bool:
    return slot.shape is None or slot.shape == array.dataset.shape


def _variable(
    layer: LayerDefinition, index: int, array: Array, slot: str | None = None, trainable: bool = True
) -> VariableDefinition:
    dataset = array.dataset
    return VariableDefinition(
        slot if slot is not None else _slot_name(array.name),
        index,
        dataset.shape,
        dtype=dataset.dtype,
        trainable=layer.trainable and trainable,
        values=dataset if dataset.stored else None,
    )


def _slot_name(name: str) -> str:
    """The last part of a stored name without TensorFlow's output number.

    >>> _slot_name("lstm/lstm_cell/recurrent_kernel:0")
    'recurrent_kernel'
    """
    return re.sub(r":\d+$", "", name.rpartition("/")[2])
