"""Files that contain only weights: ``.weights.h5``, sharded weights, and the legacy layout."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from graphlint.errors import NoModelError, UnreadableError, quoted
from graphlint.model.definition import Format, FrontEnd, LayerDefinition, ModelDefinition
from graphlint.sources.hdf5 import Hdf5File
from graphlint.sources.hidden import stored_configurations
from graphlint.sources.json_text import JsonDocument
from graphlint.sources.legacy_weights import attach_legacy_weights, is_legacy
from graphlint.sources.limits import DEFAULT, Limits
from graphlint.sources.stored_object import Anywhere
from graphlint.sources.unseen_variables import mark_statistics
from graphlint.sources.weights import LAYERS, VARIABLES, StoredGroup, attach_weights, stored_groups
from graphlint.sources.zip_archive import open_regular


def read_weights(files: Iterable[Hdf5File], version: str | None = None) -> ModelDefinition:
    """Define a model whose weights alone are known, from one file or several shards.

    Raises:
        UnreadableError: these are not weights saved by Keras.
    """
    files = list(files)
    root = LayerDefinition("model", None, is_model=True, opaque=True)
    definition = ModelDefinition(
        root, FrontEnd.STATIC, Format.WEIGHTS, keras_version=version, has_weights=True, has_graph=False
    )
    first = files[0].root
    if is_legacy(first):
        found = first.attributes.get("keras_version")
        definition.keras_version = found if isinstance(found, str) else version
        attach_legacy_weights(root, first)
    elif len(files) > 1 or any(key in first.groups for key in (*LAYERS, VARIABLES)) or _has_variables(first.groups):
        definition.stray_weights = attach_weights(root, merge(files))
    else:
        inside = ", ".join([*first.groups, *first.datasets][:5]) or "nothing"
        raise NoModelError(
            f"this HDF5 file contains no Keras model and no Keras weights, but {inside}: expected an attribute "
            "model_config, or a group layers; save with model.save() or model.save_weights()"
        )
    mark_statistics(root)
    for file in files:
        definition.documents += stored_configurations(file, definition.problems)
        definition.problems += file.source_problems
    return definition


def no_configuration(what: str) -> UnreadableError:
    """The error for weights of which only the configuration was to be read."""
    return UnreadableError(f"{what} has no configuration: check it with --depth structure")


def merge(files: Iterable[Hdf5File]) -> StoredGroup:
    """The groups of several shards as one tree."""
    root = StoredGroup()
    for file in files:
        stack = [(root, stored_groups(file))]
        while stack:
            into, part = stack.pop()
            into.arrays.update(part.arrays)
            into.name = into.name or part.name
            for name, group in part.groups.items():
                stack.append((into.groups.setdefault(name, StoredGroup()), group))
    return root


def shard_pattern(index_name: str) -> re.Pattern[str]:
    """The pattern of the names of the shards of an index called ``index_name``.

    >>> bool(shard_pattern("model.weights.json").fullmatch("model_00001.weights.h5"))
    True
    """
    base = index_name.removesuffix(".json").replace(".weights", "")
    return re.compile(re.escape(base) + r"_\d{5}\.weights\.h5")


def is_shard_index(document: JsonDocument) -> bool:
    """Whether a JSON text is the index of sharded weights."""
    value = document.value
    return isinstance(value, dict) and isinstance(value.get("weight_map"), dict) and "class_name" not in value


def shard_names(document: JsonDocument, index_name: str) -> list[str]:
    """The shards that an index names. Only names that Keras itself gives them are accepted.

    Raises:
        UnreadableError: the index names another file.
    """
    found: dict[str, None] = {}
    for value in document.value["weight_map"].values():
        for name in value if isinstance(value, list) else [value]:
            if not isinstance(name, str) or not shard_pattern(index_name).fullmatch(name):
                raise UnreadableError(
                    f"the index of sharded weights lists the file {quoted(name)}, expected names such as "
                    f"{index_name.removesuffix('.json').replace('.weights', '')}_00000.weights.h5: it is crafted or "
                    "was renamed"
                )
            found[name] = None
    if not found:
        raise UnreadableError("the index of sharded weights lists no shard: save the weights again")
    return sorted(found)


def read_sharded_weights(path: Anywhere, document: JsonDocument, limits: Limits = DEFAULT) -> ModelDefinition:
    """Read the shards next to an index (``model.weights.json``).

    Raises:
        UnreadableError: a shard is missing, damaged, or not named like a shard of Keras.
        LimitError: over one of the limits.
    """
    shards = [path.with_name(name) for name in shard_names(document, path.name)]
    limits.check("zip_members", len(shards), "shards")
    definition = read_weights(Hdf5File(open_regular(shard), limits) for shard in shards)
    definition.problems += document.source_problems
    return definition


def _has_variables(groups: dict[str, Any]) -> bool:
    """Whether a group one level down contains ``vars``: the weights of one subclassed model or layer."""
    return any(VARIABLES in group.groups for group in groups.values())
