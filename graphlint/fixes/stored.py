"""Edits of a `.keras` file itself, for findings that prevent Keras from loading it.

Only the configuration and the weights member are rewritten; every other member is carried over byte for byte.
"""

from __future__ import annotations

import io
import json
import zipfile
from functools import singledispatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlint.errors import GraphlintError
from graphlint.findings import edits
from graphlint.model.definition import LayerDefinition
from graphlint.model.graph import ModelGraph
from graphlint.sources.layout import CONFIG, WEIGHTS
from graphlint.sources.weights import VARIABLES

if TYPE_CHECKING:
    import h5py


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
        """The weights in a new file: HDF5 does not release the space of deleted objects."""
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
            if _is_entry(value, layer):
                return steps
            stack.extend((item, (*steps, key)) for key, item in value.items())
        elif isinstance(value, list):
            stack.extend((item, (*steps, index)) for index, item in enumerate(value))
    return None


def _is_entry(entry: dict[str, Any], layer: LayerDefinition) -> bool:
    """Whether a definition was read from an entry. That of a model has a configuration without the layers."""
    config = entry.get("config")
    if config is layer.config:
        return True
    if layer.body is None or not isinstance(config, dict) or config.get("name") != layer.name:
        return False
    inside = {id(one.config) for one in layer.body.layers}
    return any(isinstance(one, dict) and id(one.get("config")) in inside for one in config.get("layers", ()))


@singledispatch
def make(change: edits.Edit, model: StoredModel, graph: ModelGraph) -> None:
    """Make one edit on a file, from which ``graph`` was read; an implementation is registered for each `FileEdit`.

    Raises:
        GraphlintError: there is none, or the file does not have what the edit is about.
    """
    raise GraphlintError(f"the edit {type(change).__name__} is not made on files")


@make.register
def _share_identity(change: edits.ShareIdentity, model: StoredModel, graph: ModelGraph) -> None:
    copy = graph.layers[change.copy].definition
    owner = graph.layers[change.layer].definition
    model.entry(graph, owner)["shared_object_id"] = copy.shared_object_id


@make.register
def _copy_weights(change: edits.CopyWeights, model: StoredModel, graph: ModelGraph) -> None:
    copy = graph.layers[change.copy].definition
    owner = graph.layers[change.layer].definition
    if owner.stored_at is None or copy.stored_at is None:
        raise GraphlintError(f"expected stored weights for {change.layer!r}, got a layer without a group")
    source = model.weights[owner.stored_at]
    target = model.weights.require_group(copy.stored_at)
    for name in source:
        if name in target:
            del target[name]
        source.copy(name, target)
    model.entry(graph, copy).pop("shared_object_id", None)


@make.register
def _drop_variables(change: edits.DropVariables, model: StoredModel, graph: ModelGraph) -> None:
    for path in change.layers:
        group = f"{graph.layers[path].definition.stored_at or ''}{VARIABLES}"
        if group in model.weights:
            for name in list(model.weights[group]):
                del model.weights[group][name]


@make.register
def _drop_recorded_argument(change: edits.DropRecordedArgument, model: StoredModel, graph: ModelGraph) -> None:
    for path in change.layers:
        for node in model.entry(graph, graph.layers[path].definition).get("inbound_nodes", []):
            kwargs = node.get("kwargs", {})
            if change.argument in kwargs and kwargs[change.argument] == change.value:
                del kwargs[change.argument]
