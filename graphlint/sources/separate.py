"""A configuration and its weights in two files: ``model.json`` of ``to_json``, and what ``save_weights`` wrote."""

from __future__ import annotations

from dataclasses import replace

from graphlint.errors import UnreadableError
from graphlint.model.definition import Format, ModelDefinition
from graphlint.sources import read
from graphlint.sources.hdf5 import Hdf5File
from graphlint.sources.legacy_weights import attach_legacy_weights, is_legacy
from graphlint.sources.limits import DEFAULT, Limits
from graphlint.sources.stored_object import Anywhere
from graphlint.sources.unseen_variables import mark_statistics
from graphlint.sources.weights import attach_weights, stored_groups
from graphlint.sources.zip_archive import open_regular


def read_separate(weights: Anywhere, architecture: Anywhere, limits: Limits = DEFAULT) -> ModelDefinition:
    """Read a model whose weights are in one file and whose configuration is in another.

    Raises:
        UnreadableError: one of them is damaged or not what it is said to be, or they do not belong together.
        LimitError: over one of the limits.
    """
    stored = read(weights, limits=limits, by_content=True)
    if stored.format != Format.WEIGHTS:
        raise UnreadableError(
            f"expected a file of weights alone, got {weights.name}, which holds a {stored.format} model"
        )
    definition = read(architecture, limits=limits, by_content=True)
    if definition.format != Format.JSON or not definition.has_graph:
        raise UnreadableError(f"expected the JSON text of model.to_json(), got {architecture.name}")
    file = Hdf5File(open_regular(weights), limits)
    legacy = is_legacy(file.root)
    groups = (
        attach_legacy_weights(definition.root, file.root)
        if legacy
        else attach_weights(definition.root, stored_groups(file))
    )
    if groups:
        names = ", ".join(list(groups)[:3])
        raise UnreadableError(
            f"{weights.name} has weights of {names}, which is no layer of {architecture.name}: pass the "
            "configuration of the model that they were saved from"
        )
    mark_statistics(definition.root)
    backend = file.root.attributes.get("backend")
    return replace(
        definition,
        has_weights=True,
        keras_version=definition.keras_version or stored.keras_version,
        backend=backend if isinstance(backend, str) else None,
        problems=[*definition.problems, *stored.problems, *file.source_problems],
        documents=[*definition.documents, *stored.documents],
    )
