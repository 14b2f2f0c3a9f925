"""Whole models in HDF5 (``.h5``, ``.hdf5``) of Keras 1, 2 and 3; a file without a configuration is read as weights."""

from __future__ import annotations

from typing import Any

from graphlint.errors import UnreadableError
from graphlint.model.definition import Format, FrontEnd, ModelDefinition, ProblemKind, SourceProblem
from graphlint.sources.configuration import read_configuration
from graphlint.sources.hdf5 import Group, Hdf5File
from graphlint.sources.hidden import hidden_zip
from graphlint.sources.json_model import as_compile_config
from graphlint.sources.json_text import JsonDocument, parse_config
from graphlint.sources.keras_archive import compile_config, optimizer
from graphlint.sources.legacy_weights import attach_legacy_optimizer, attach_legacy_weights
from graphlint.sources.limits import DEFAULT, Limits
from graphlint.sources.stored_object import Anywhere, Depth
from graphlint.sources.unseen_variables import mark_statistics
from graphlint.sources.weights import is_weighted_name
from graphlint.sources.weights_file import no_configuration, read_weights
from graphlint.sources.zip_archive import open_regular


def read_h5(
    path: Anywhere, limits: Limits = DEFAULT, depth: Depth = Depth.WEIGHTS, *, whole: bool = True
) -> ModelDefinition:
    """Read an HDF5 file: a whole model, or only weights. Values stay in the file until a rule asks for them.

    Without ``whole``, calls may be taken out of its configuration.

    Raises:
        UnreadableError: damaged, or neither a Keras model nor Keras weights.
        LimitError: over one of the limits.
    """
    handle = open_regular(path)
    try:
        file = Hdf5File(handle, limits, root_only=depth is Depth.CONFIG)
        definition = _read(file, limits, whole)
    except BaseException:
        handle.close()
        raise
    definition.problems += [SourceProblem(ProblemKind.ARCHIVE, text) for text in hidden_zip(path)]
    return definition


def _read(file: Hdf5File, limits: Limits, whole: bool) -> ModelDefinition:
    attributes = file.root.attributes
    if file.root_only and "model_config" not in attributes:
        raise no_configuration("this HDF5 file")
    stored = file.root.groups.get("model_weights")
    version = attributes.get("keras_version")
    if version is None and stored is not None:
        version = stored.attributes.get("keras_version")
    version = version if isinstance(version, str) else None
    backend = attributes.get("backend")
    if "model_config" not in attributes:
        if stored is not None:
            raise UnreadableError(
                "this HDF5 file has the weights of a model but no model_config: saving was interrupted, or the "
                "configuration was removed; save the model again"
            )
        return read_weights([file], version)
    document = _json(attributes, "model_config", limits)
    config = document.value
    documents: list[tuple[str, Any]] = [("", config)]
    problems = document.source_problems
    if isinstance(attributes.get("training_config"), str):
        training = _json(attributes, "training_config", limits)
        problems += training.source_problems
        documents.append(("", training.value))
        if isinstance(config, dict):
            config = {**config, "compile_config": as_compile_config(training.value)}
    root, structure = read_configuration(config, limits, whole=whole)
    definition = ModelDefinition(
        root,
        FrontEnd.STATIC,
        Format.H5,
        keras_version=version,
        backend=backend if isinstance(backend, str) else None,
        compile_config=compile_config(config),
        optimizer=optimizer(config),
        raw=config,
        documents=documents,
        problems=problems + structure,
    )
    if isinstance(stored, Group):
        definition.has_weights = True
        definition.stray_weights = attach_legacy_weights(root, stored)
        if root.body is None:
            names = [child.name for child in root.children.values() if not child.variables]
            definition.unbuilt_layers = tuple(name for name in names if is_weighted_name(name))
        mark_statistics(root)
        attach_legacy_optimizer(definition.optimizer, file.root)
    definition.problems += file.source_problems
    return definition


def _json(attributes: dict[str, Any], name: str, limits: Limits) -> JsonDocument:
    text = attributes[name]
    if not isinstance(text, str):
        raise UnreadableError(
            f"expected the attribute {name} to be a string, got {type(text).__name__}: the file is damaged or crafted; "
            "save the model again"
        )
    return parse_config(text.encode("utf-8", "surrogateescape"), limits, name)
