"""Unpacked models: ``config.json`` beside its weights, as Keras saves with ``zipped=False`` and hubs hold them."""

from __future__ import annotations

from typing import Any

from graphlint.errors import UnreadableError
from graphlint.model.definition import Format, FrontEnd, ModelDefinition, SourceProblem
from graphlint.sources.beside import Beside
from graphlint.sources.configuration import read_configuration
from graphlint.sources.json_text import parse_config
from graphlint.sources.layout import ARRAYS, CONFIG, SHARDS, WEIGHTS
from graphlint.sources.limits import DEFAULT, Limits
from graphlint.sources.stored_object import Anywhere, Depth
from graphlint.sources.zip_archive import open_regular

_ASSETS = "assets"


def read_model_directory(path: Anywhere, limits: Limits = DEFAULT, depth: Depth = Depth.WEIGHTS) -> ModelDefinition:
    """Read an unpacked model, and every other JSON text beside its configuration: tokenizers, preprocessors, tasks.

    Raises:
        UnreadableError: the configuration or the weights are damaged, or the configuration is not one of Keras.
        LimitError: over one of the limits.
    """
    from graphlint.sources.hdf5 import Hdf5File
    from graphlint.sources.hidden import npz_problems, stored_configurations
    from graphlint.sources.keras_archive import compile_config, optimizer
    from graphlint.sources.unseen_variables import mark_statistics
    from graphlint.sources.weights import attach_optimizer, attach_weights, stored_groups
    from graphlint.sources.weights_file import is_shard_index, merge, shard_names

    documents, problems = _documents(path, limits)
    config = documents.pop(CONFIG)
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise UnreadableError(
            f"{CONFIG} in {str(path)!r} is not a configuration of Keras: pass the file of the library that wrote it"
        )
    root, structure = read_configuration(config, limits)
    assets = _assets(path, limits)
    definition = ModelDefinition(
        root,
        FrontEnd.STATIC,
        Format.DIRECTORY,
        keras_version=_version(documents.get("metadata.json")),
        compile_config=compile_config(config),
        optimizer=optimizer(config),
        raw=config,
        documents=list(documents.items()),
        asset_names=assets,
        problems=problems + structure,
    )
    weights, arrays, index = (path / name for name in (WEIGHTS, ARRAYS, SHARDS))
    files = []
    if depth is Depth.CONFIG:
        return definition
    beside = _beside(path, limits)
    definition.problems += beside.problems
    definition.documents += beside.documents
    if weights.is_file():
        files = [Hdf5File(open_regular(weights), limits)]
    elif index.is_file() and is_shard_index(document := _json(index, limits)):
        names = shard_names(document, index.name)
        limits.check("zip_members", len(names), "shards")
        files = [Hdf5File(open_regular(path / name), limits) for name in names]
    if arrays.is_file():
        with open_regular(arrays) as file:
            definition.problems += npz_problems(file, arrays.name, limits)
    if files:
        stored = merge(files) if len(files) > 1 else stored_groups(files[0])
        for one in files:
            definition.documents += stored_configurations(one, definition.problems, limits)
            definition.problems += one.source_problems
        definition.has_weights = True
        definition.stray_weights = attach_weights(root, stored)
        mark_statistics(root)
        attach_optimizer(definition.optimizer, stored)
    return definition


def _documents(path: Anywhere, limits: Limits) -> tuple[dict[str, Any], list[SourceProblem]]:
    """Every JSON text in a directory, by name; that of the model first."""
    found: dict[str, Any] = {}
    problems: list[SourceProblem] = []
    names = sorted(each.name for each in path.iterdir() if each.suffix.lower() == ".json")
    limits.check("zip_members", len(names), f"JSON texts in {str(path)!r}")
    for name in sorted(names, key=lambda name: name != CONFIG):
        document = _json(path / name, limits)
        found[name] = document.value
        problems += document.source_problems
    return found, problems


def _beside(path: Anywhere, limits: Limits) -> Beside:
    """Every other file in a directory, but for weights."""
    found = Beside(limits)
    files = sorted(each.name for each in path.iterdir() if each.is_file() and each.name not in (WEIGHTS, ARRAYS))
    limits.check("zip_members", len(files), f"files in {str(path)!r}")
    for name in (*files, *_assets(path, limits)):
        each = path / name
        if each.is_file() and not name.endswith((".json", ".weights.h5")):
            with open_regular(each) as file:
                found.file(name, file)
    return found


def _json(path: Anywhere, limits: Limits) -> Any:
    with open_regular(path) as file:
        limits.check("json_bytes", file.seek(0, 2), f"{path.name}, bytes")
        file.seek(0)
        return parse_config(file.read(limits.json_bytes + 1), limits, path.name)


def _assets(path: Anywhere, limits: Limits) -> tuple[str, ...]:
    found = []
    folder = path / _ASSETS
    for each in folder.rglob("*") if folder.is_dir() else ():
        found.append(f"{each}".removeprefix(f"{path}").replace("\\", "/").lstrip("/"))
        limits.check("zip_members", len(found), f"files below {str(folder)!r}")
    return tuple(found)


def _version(metadata: Any) -> str | None:
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    return version if isinstance(version, str) else None
