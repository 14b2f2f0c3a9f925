"""From the groups of a Keras 3 weights file to variables of layer definitions.

Keras stores a layer's variables at ``vars/0``, ``vars/1``, ... of its group. The layers of a Functional or Sequential
model lie below ``layers``, named by class in snake case and numbered in order; sublayers of any other layer lie under
their attribute names. From 3.6 a ``name`` attribute on ``vars`` gives the layer's name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from graphlint.knowledge.layers import Family
from graphlint.knowledge.naming import snake_case
from graphlint.model.definition import LayerDefinition, OptimizerDefinition, Values, VariableDefinition
from graphlint.model.stored_names import group_name, is_sequential, stored_names
from graphlint.shapes import slots
from graphlint.shapes.slots import Slot, always_weighted
from graphlint.sources.guesses import guess_classes

if TYPE_CHECKING:
    from graphlint.sources.hdf5 import Hdf5File

VARIABLES = "vars"
CHECKPOINT_LAYERS = "_layer_checkpoint_dependencies"
"""Where Keras 2.13 and 2.14 store the layers; it lists each layer with weights twice, so that numbers are skipped."""
LAYERS = ("layers", CHECKPOINT_LAYERS)
_PROJECTIONS = ("query_dense", "key_dense", "value_dense", "output_dense")
_SLOT_NAMES = {
    "EinsumDense": ("kernel", "bias"),
    **dict.fromkeys(("LSTMCell", "GRUCell", "SimpleRNNCell", "ConvLSTMCell"), ("kernel", "recurrent_kernel", "bias")),
}
"""Names in saved order for sublayers whose shapes cannot be inferred."""
NOT_LAYERS = frozenset(
    {"optimizer", "metrics", "_metrics", "_compile_metrics", "_compile_loss", "_loss_tracker", "loss"}
)
"""Groups of a model without parameters."""
_NUMBER = re.compile(r"_\d+$")
_SPECTRAL = re.compile(r"(^|/)spectral_normalization(_\d+)?/$")


class StoredArray(Values, Protocol):
    """One stored array. ``stored`` is False if the file declares it but does not contain its values."""

    shape: tuple[int, ...]
    dtype: str
    stored: bool


@dataclass(slots=True)
class StoredGroup:
    """A group of a weights file: arrays and groups by name, and the ``name`` attribute if there is one."""

    arrays: dict[str, StoredArray] = field(default_factory=dict)
    groups: dict[str, StoredGroup] = field(default_factory=dict)
    name: str | None = None

    def place(self, path: str, array: StoredArray | None = None) -> StoredGroup:
        """Add an array, or just the group, at a path; backslashes (files written on Windows) separate as well."""
        parts = [part for part in path.replace("\\", "/").split("/") if part]
        group = self
        for part in parts if array is None else parts[:-1]:
            group = group.groups.setdefault(part, StoredGroup())
        if array is not None:
            group.arrays[parts[-1]] = array
        return group

    @property
    def variables(self) -> list[StoredArray]:
        """The arrays of ``vars``, in saved order."""
        inside = self.groups.get(VARIABLES)
        if inside is None:
            return []
        numbered = sorted((int(name), array) for name, array in inside.arrays.items() if name.isdecimal())
        named = [array for name, array in sorted(inside.arrays.items()) if not name.isdecimal()]
        return [array for _, array in numbered] + named

    @property
    def layer_name(self) -> str | None:
        inside = self.groups.get(VARIABLES)
        return inside.name if inside is not None else None

    def total(self) -> int:
        """Number of elements in this group and below."""
        count, stack = 0, [self]
        while stack:
            group = stack.pop()
            count += sum(math.prod(array.shape) for array in group.arrays.values())
            stack.extend(group.groups.values())
        return count


def stored_groups(file: Hdf5File) -> StoredGroup:
    """The groups of an open weights file. Values stay in the file until they are asked for."""
    root = StoredGroup()
    for group in file.groups:
        node = root.place(group.path)
        for name, dataset in group.datasets.items():
            node.place(name, dataset)
        if group.path.replace("\\", "/").rpartition("/")[2] == VARIABLES:
            recorded = group.attributes.get("name")
            node.name = recorded if isinstance(recorded, str) else None
    return root


def attach_weights(root: LayerDefinition, stored: StoredGroup) -> dict[str, int]:
    """Give every layer its stored variables. Returns the stored groups that no layer claims, with element counts."""
    stray: dict[str, int] = {}
    visited: set[int] = set()
    wrapped: list[LayerDefinition] = []
    stack: list[tuple[LayerDefinition, StoredGroup, str]] = [(root, stored, "")]
    while stack:
        layer, group, path = stack.pop()
        if id(layer) in visited:
            continue
        visited.add(id(layer))
        layer.variables = _variables(layer, group)
        layer.stored_at, layer.has_weight_group = path, True
        inside: list[tuple[LayerDefinition, StoredGroup, str]] = []
        if layer.traits.family is Family.LOOKUP:
            layer.variables = []
            continue
        claimed = {VARIABLES} | (NOT_LAYERS if layer.is_model else set())
        if layer.body is not None:
            key = next((key for key in LAYERS if key in group.groups), None)
            if key is not None:
                claimed.add(key)
                for child, name in _match(layer, group.groups[key], f"{path}{key}/", stray):
                    found = group.groups[key].groups.get(name)
                    if found is not None:
                        inside.append((child, found, f"{path}{key}/{name}/"))
                    elif id(child) not in visited:
                        child.stored_at, child.has_weight_group = f"{path}{key}/{name}/", False
            else:
                names = stored_names(layer)
                for child in layer.body.layers:
                    child.has_weight_group = id(child) in visited
                    if child.stored_at is None and id(child) in names:
                        child.stored_at = f"{path}{LAYERS[0]}/{names[id(child)]}/"
        children = dict(layer.children)
        for attribute, inner in _attribute_groups(group, claimed):
            if layer.is_model and attribute.partition("/")[0] not in LAYERS and _is_metric(inner):
                continue
            place = attribute
            if layer.traits.name == "MultiHeadAttention":
                attribute = attribute.removeprefix("_")  # Keras 2 saved the private attributes.
            known = children.get(attribute)
            if known is None and inner.total() == 0:
                continue
            if known is None:
                known = _sublayer(layer, attribute, inner.layer_name)
                children[attribute] = known
            inside.append((known, inner, f"{path}{place}/"))
        layer.children = children
        stack.extend(reversed(inside))
        if layer.traits.name == "SpectralNormalization" or (layer.class_name is None and _SPECTRAL.search(path)):
            wrapped.append(layer)
        if layer.class_name is not None and layer.body is None and not layer.is_keras and children:
            layer.opaque = True
    for wrapper in wrapped:
        _share_kernel(wrapper)
    guess_classes(root)
    return stray


def is_weighted_name(name: str) -> bool:
    """Whether a layer's name is the one that Keras gives to a layer of a class that always has variables.

    >>> is_weighted_name("conv2d_12"), is_weighted_name("dropout")
    (True, False)
    """
    return _NUMBER.sub("", name) in {snake_case(one) for one in always_weighted()}


def unbuilt_layers(stored: StoredGroup) -> tuple[str, ...]:
    """The names of stored layers that have no variables, although layers of the class in their name have some."""
    found: dict[str, None] = {}
    stack = [stored]
    while stack:
        group = stack.pop()
        name = group.layer_name
        if name is not None and not group.variables and is_weighted_name(name):
            found[name] = None
        stack.extend(reversed(group.groups.values()))
    return tuple(found)


def _sublayer(layer: LayerDefinition, attribute: str, name: str | None) -> LayerDefinition:
    """A sublayer that the configuration does not mention. Its class is known if it is in a built-in layer."""
    known = None
    if attribute == "cell":
        known = layer.traits.cell
    elif layer.traits.query_mask and attribute in _PROJECTIONS:
        known = "EinsumDense"
    return LayerDefinition(
        name or attribute.rpartition("/")[2],
        known,
        "keras.layers" if known else None,
        config=layer.config if known else {},
        trainable=layer.trainable,
    )


def _share_kernel(wrapper: LayerDefinition) -> None:
    """SpectralNormalization has the kernel of the layer it wraps as its own first variable, and saves it twice."""
    inner = wrapper.children.get("layer")
    if inner is None or not wrapper.variables:
        return
    kernel = wrapper.variables[0]
    for index, variable in enumerate(inner.variables):
        if variable.slot == kernel.slot and variable.shape == kernel.shape:
            inner.variables[index] = kernel


def _variables(layer: LayerDefinition, group: StoredGroup) -> list[VariableDefinition]:
    arrays = group.variables
    if not arrays:
        return []
    known = slots(layer) if layer.class_name is not None else None
    names = _SLOT_NAMES.get(layer.class_name or "") if layer.is_keras else None
    if names is not None and len(known or ()) < len(arrays) <= len(names):
        known = [Slot(name, None, True) for name in names]
    found = []
    for index, array in enumerate(arrays):
        slot = known[index] if known is not None and index < len(known) else None
        found.append(
            VariableDefinition(
                slot.name if slot is not None else str(index),
                index,
                tuple(array.shape),
                dtype=array.dtype,
                trainable=layer.trainable and (slot.trainable if slot is not None else True),
                values=array if array.stored else None,
            )
        )
    return found


def _match(
    model: LayerDefinition, group: StoredGroup, path: str, stray: dict[str, int]
) -> Iterator[tuple[LayerDefinition, str]]:
    """Pair the layers of a body with the groups below ``layers``, by number, else by recorded name.

    A layer without a group is returned with the name that its group would have.
    """
    body = model.body
    assert body is not None
    counts: dict[str, int] = {}
    skip_inputs = is_sequential(model)
    expected = {}
    for layer in body.layers:
        if layer.is_operation or (skip_inputs and layer.is_input):
            continue
        name = group_name(layer, counts)
        expected[name] = layer
        if path.endswith(f"{CHECKPOINT_LAYERS}/") and name in group.groups and group.groups[name].total():
            group_name(layer, counts)
    by_name = {inner.layer_name: name for name, inner in group.groups.items() if inner.layer_name is not None}
    taken = set()
    for name, layer in expected.items():
        inner = group.groups.get(name)
        if inner is None or inner.layer_name not in (None, layer.name):
            name = by_name.get(layer.name, name)
        taken.add(name)
        yield layer, name
    for name, inner in group.groups.items():
        if name not in taken and inner.total():
            stray[path + name] = inner.total()


def _attribute_groups(group: StoredGroup, claimed: set[str]) -> Iterator[tuple[str, StoredGroup]]:
    """Sublayers by attribute path; a group without ``vars`` is a list or dict of them."""
    stack = [(name, inner) for name, inner in reversed(group.groups.items()) if name not in claimed]
    while stack:
        name, inner = stack.pop()
        if VARIABLES in inner.groups or not inner.groups:
            yield name, inner
        else:
            stack.extend((f"{name}/{key}", below) for key, below in reversed(inner.groups.items()))


def _is_metric(group: StoredGroup) -> bool:
    """A metric that a model keeps as an attribute: a total and a count."""
    arrays = group.variables
    return len(arrays) == 2 and all(array.shape == () for array in arrays) and len(group.groups) == 1


def attach_optimizer(optimizer: OptimizerDefinition | None, stored: StoredGroup) -> None:
    """Give the optimizer its stored variables; the file numbers them and has no names."""
    group = stored.groups.get("optimizer")
    if optimizer is None or group is None:
        return
    optimizer.variables = [
        VariableDefinition(
            str(index),
            index,
            tuple(array.shape),
            dtype=array.dtype,
            trainable=False,
            values=array if array.stored else None,
        )
        for index, array in enumerate(group.variables)
    ]
