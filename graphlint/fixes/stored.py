"""Edits on a `.keras` file itself, for findings that keep Keras from loading it.

Only the configuration and the weights member are written anew; every other member is carried over byte for byte.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlint.errors import GraphlintError
from graphlint.model.definition import LayerDefinition
from graphlint.model.graph import ModelGraph
from graphlint.sources.keras_archive import CONFIG, WEIGHTS
from graphlint.sources.weights import VARIABLES

if TYPE_CHECKING:
    import h5py

StoredEdit = Callable[["StoredModel", ModelGraph, dict[str, Any]], None]


class StoredModel:
    """The configuration and weights of a `.keras` file, open for editing."""

    def __init__(self, path: Path) -> None:
        import h5py

        self._archive = zipfile.ZipFile(path)
        self.config: Any = json.loads(self._archive.read(CONFIG))
        self._buffer = io.BytesIO(self._archive.read(WEIGHTS))
        self.weights: h5py.File = h5py.File(self._buffer, "r+")

    def save(self, path: Path) -> None:
        """Write the edited model."""
        changed = {CONFIG: json.dumps(self.config).encode(), WEIGHTS: self._packed()}
        with self._archive:
            members = [(one, changed.get(one.filename) or self._archive.read(one)) for one in self._archive.infolist()]
        with zipfile.ZipFile(path, "w") as target:
            for member, content in members:
                target.writestr(member, content)

    def _packed(self) -> bytes:
        """The weights in a fresh file: HDF5 does not give back the space of what was deleted."""
        import h5py

        packed = io.BytesIO()
        with self.weights as source, h5py.File(packed, "w") as target:
            for name in source:
                source.copy(name, target)
            for name, value in source.attrs.items():
                target.attrs[name] = value
        return packed.getvalue()

    def entry(self, graph: ModelGraph, layer: LayerDefinition) -> dict[str, Any]:
        """The configuration entry of a layer of ``graph``, which was read from the same file.

        Raises:
            GraphlintError: the layer has none; it is known from its weights only.
        """
        steps = _steps(graph.definition.raw, layer)
        if steps is None:
            raise GraphlintError(f"expected a layer with a configuration, got {layer.name!r}, which only has weights")
        found = self.config
        for step in steps:
            found = found[step]
        assert isinstance(found, dict)
        return found


def _steps(raw: Any, layer: LayerDefinition) -> tuple[str | int, ...] | None:
    """The keys that lead from the root of a configuration to the entry that a definition was read from."""
    stack: list[tuple[Any, tuple[str | int, ...]]] = [(raw, ())]
    while stack:
        value, steps = stack.pop()
        if isinstance(value, dict):
            if value.get("config") is layer.config or (
                value.get("class_name") == layer.class_name
                and layer.shared_object_id is not None
                and value.get("shared_object_id") == layer.shared_object_id
            ):
                return steps
            stack.extend((item, (*steps, key)) for key, item in value.items())
        elif isinstance(value, list):
            stack.extend((item, (*steps, index)) for index, item in enumerate(value))
    return None


def share_identity(model: StoredModel, graph: ModelGraph, arguments: dict[str, Any]) -> None:
    """Mark ``layer`` as the object that ``copy`` already says it is: loading makes one layer of the two again."""
    copy = graph.layers[arguments["copy"]].definition
    owner = graph.layers[arguments["layer"]].definition
    model.entry(graph, owner)["shared_object_id"] = copy.shared_object_id


def copy_weights(model: StoredModel, graph: ModelGraph, arguments: dict[str, Any]) -> None:
    """Give ``copy`` weights of its own, with the values of ``layer``: loading works, and they are shared no longer."""
    copy = graph.layers[arguments["copy"]].definition
    owner = graph.layers[arguments["layer"]].definition
    if owner.stored_at is None or copy.stored_at is None:
        raise GraphlintError(f"expected stored weights for {arguments['layer']!r}, got a layer without a group")
    source = model.weights[owner.stored_at]
    target = model.weights.require_group(copy.stored_at)
    for name in source:
        if name in target:
            del target[name]
        source.copy(name, target)
    model.entry(graph, copy).pop("shared_object_id", None)


def drop_variables(model: StoredModel, graph: ModelGraph, arguments: dict[str, Any]) -> None:
    """Remove the variables that ``layers`` themselves hold, not those inside."""
    for path in arguments["layers"]:
        group = f"{graph.layers[path].definition.stored_at or ''}{VARIABLES}"
        if group in model.weights:
            for name in list(model.weights[group]):
                del model.weights[group][name]


def drop_arguments(model: StoredModel, graph: ModelGraph, arguments: dict[str, Any]) -> None:
    """Take the keyword ``argument`` with ``value`` out of the calls of ``layers``."""
    for path in arguments["layers"]:
        for node in model.entry(graph, graph.layers[path].definition).get("inbound_nodes", []):
            kwargs = node.get("kwargs", {})
            if kwargs.get(arguments["argument"], arguments) == arguments["value"]:
                del kwargs[arguments["argument"]]


STORED_EDITS: dict[str, StoredEdit] = {
    "share_identity": share_identity,
    "copy_weights": copy_weights,
    "drop_variables": drop_variables,
    "drop_arguments": drop_arguments,
}
"""Edits by the name under which a rule's fix asks for them."""

LOST_ON_SAVE = frozenset({"share_identity", "drop_arguments"})
"""Edits to be made again on a file that Keras has written."""
