"""`.keras` files: a zip of ``config.json``, ``metadata.json`` and ``model.weights.h5``."""

from __future__ import annotations

from typing import Any

from graphlint.errors import UnreadableError
from graphlint.knowledge.advisories import Danger
from graphlint.model.definition import (
    Format,
    FrontEnd,
    ModelDefinition,
    OptimizerDefinition,
    ProblemKind,
    SourceProblem,
)
from graphlint.sources.beside import Beside
from graphlint.sources.configuration import read_configuration
from graphlint.sources.hdf5 import Hdf5File
from graphlint.sources.hidden import array_problems, hidden_hdf5, npz_problems, stored_configurations
from graphlint.sources.json_text import parse_config
from graphlint.sources.layout import ARRAYS, CONFIG, WEIGHTS
from graphlint.sources.limits import DEFAULT, Limits
from graphlint.sources.opaque import opaque
from graphlint.sources.stored_object import Anywhere, Depth
from graphlint.sources.unseen_variables import mark_statistics
from graphlint.sources.vocabularies import attach_vocabularies
from graphlint.sources.weights import attach_optimizer, attach_weights, stored_groups, unbuilt_layers
from graphlint.sources.zip_archive import ZipArchive

METADATA = "metadata.json"


def read_keras_archive(
    path: Anywhere,
    limits: Limits = DEFAULT,
    *,
    verify: bool = True,
    whole: bool = True,
    depth: Depth = Depth.WEIGHTS,
) -> ModelDefinition:
    """Read a `.keras` file of any Keras version. The weights stay in the file until a rule asks for them.

    Without ``verify``, their checksum is compared after the numbers were read, in the same pass. Without ``whole``,
    the parsed configuration loses calls that hold nothing but tensors, which take a third of its memory.

    Raises:
        UnreadableError: the file is damaged or not a Keras model.
        LimitError: it exceeds one of the limits.
    """
    archive = ZipArchive(path, limits)
    if CONFIG not in archive:
        pickles = array_problems(archive, path.name)
        archive.close()
        if pickles:
            return opaque(Format.NPZ, pickles)
        raise UnreadableError(f"expected a Keras model, got a zip archive without {CONFIG}: save it with model.save()")
    document = parse_config(archive.read(CONFIG, limits.json_bytes), limits)
    problems = [
        SourceProblem(ProblemKind.ARCHIVE, text, danger=Danger.ARCHIVE if text in archive.escaping else None)
        for text in archive.problems
    ]
    problems += document.source_problems
    if depth is not Depth.CONFIG:
        problems += [SourceProblem(ProblemKind.ARCHIVE, text) for text in hidden_hdf5(archive, path)]
    if ARRAYS in archive and depth is not Depth.CONFIG:
        problems += npz_problems(archive.view(ARRAYS), ARRAYS, limits)
    root, structure = read_configuration(document.value, limits, whole=whole)
    definition = ModelDefinition(
        root,
        FrontEnd.STATIC,
        Format.KERAS,
        keras_version=_metadata(archive, limits, "keras_version"),
        saved=_metadata(archive, limits, "date_saved"),
        compile_config=compile_config(document.value),
        optimizer=optimizer(document.value),
        raw=document.value,
        problems=problems + structure,
        asset_names=tuple(name for name in archive.members if name not in (CONFIG, METADATA, WEIGHTS, ARRAYS)),
    )
    if depth is not Depth.CONFIG:
        beside = Beside(limits)
        beside.members(archive, definition.asset_names)
        definition.problems += beside.problems
        definition.documents += beside.documents
    definition.asset_checksums = {
        name: (archive.members[name].crc, archive.members[name].size) for name in definition.asset_names
    }
    if WEIGHTS in archive and depth is not Depth.CONFIG:
        view = archive.view(WEIGHTS)
        try:
            file = Hdf5File(view, limits)
            stored = stored_groups(file)
            definition.documents += stored_configurations(file, definition.problems, limits)
        except UnreadableError:
            if depth is Depth.STRUCTURE:
                raise
            view.verify()  # That it is damaged says more than where reading it stopped.
            raise
        definition.problems += file.source_problems
        if depth is Depth.STRUCTURE:
            pass  # Without the numbers there is no checksum.
        elif verify or file.source_problems:
            view.verify()
        else:
            view.read_in_one_pass()
            definition.unverified = view
        definition.has_weights = True
        definition.weights_checksum = archive.members[WEIGHTS].crc, archive.members[WEIGHTS].size
        definition.stray_weights = attach_weights(root, stored)
        if root.body is None:
            definition.unbuilt_layers = unbuilt_layers(stored)
        mark_statistics(root)
        attach_optimizer(definition.optimizer, stored)
        attach_vocabularies(root, archive, limits)
    return definition


def _metadata(archive: ZipArchive, limits: Limits, key: str) -> str | None:
    if METADATA not in archive:
        return None
    metadata = parse_config(archive.read(METADATA, limits.json_bytes), limits, METADATA).value
    found = metadata.get(key) if isinstance(metadata, dict) else None
    return found if isinstance(found, str) else None


def compile_config(config: dict[str, Any]) -> dict[str, Any] | None:
    """What the model was compiled with; None if it was not."""
    found = config.get("compile_config")
    return found if isinstance(found, dict) and found else None


def optimizer(config: dict[str, Any]) -> OptimizerDefinition | None:
    """The optimizer of a compile configuration."""
    found = (compile_config(config) or {}).get("optimizer")
    if isinstance(found, str):
        return OptimizerDefinition(found, None, {})
    if not isinstance(found, dict) or not isinstance(found.get("class_name"), str):
        return None
    module, settings = found.get("module"), found.get("config")
    return OptimizerDefinition(
        found["class_name"], module if isinstance(module, str) else None, settings if isinstance(settings, dict) else {}
    )
