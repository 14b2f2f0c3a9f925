"""Sources: one module per kind of input, each producing a `ModelDefinition`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graphlint.sources.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from graphlint.model.definition import ModelDefinition
    from graphlint.sources.detect import Content

__all__ = ["read", "read_text"]


def read(
    path: str | Path,
    *,
    limits: Limits = DEFAULT,
    by_content: bool = False,
    verify: bool = True,
    whole: bool = True,
) -> ModelDefinition:
    """Read a model file or a SavedModel directory; the content decides what it is.

    A file whose name claims another format than its content is refused, as by Keras, unless ``by_content`` is set.
    Without ``verify``, the checksum of stored weights is left to ``ModelDefinition.unverified``. Without ``whole``,
    the calls of layers that hold nothing but tensors of the graph may be missing from ``ModelDefinition.raw``.

    Raises:
        UnreadableError: the file is missing, damaged, misnamed, or not a Keras model.
        LimitError: it exceeds one of the limits.
    """
    from graphlint.errors import UnreadableError
    from graphlint.sources.detect import changed_line_ends, detect, misnamed

    path = Path(path)
    content = detect(path)
    other = misnamed(path, content)
    if other is not None and not by_content:
        raise UnreadableError(other)
    try:
        definition = _read(path, content, limits, verify=verify, whole=whole)
    except UnreadableError:
        changed = changed_line_ends(path)
        if changed is not None:
            raise UnreadableError(changed) from None
        raise
    definition.misnamed = other
    return definition


def _read(path: Path, content: Content, limits: Limits, *, verify: bool, whole: bool) -> ModelDefinition:
    from graphlint.sources.detect import Content

    if content is Content.ZIP:
        from graphlint.sources.keras_archive import read_keras_archive

        return read_keras_archive(path, limits, verify=verify, whole=whole)
    if content is Content.HDF5:
        from graphlint.sources.h5_model import read_h5

        return read_h5(path, limits)
    if content is Content.SAVED_MODEL:
        from graphlint.sources.saved_model import read_saved_model

        return read_saved_model(path, limits)
    if content is Content.DIRECTORY:
        from graphlint.sources.model_directory import read_model_directory

        return read_model_directory(path, limits)
    if content in (Content.PICKLE, Content.ARRAYS):
        from graphlint.sources.hidden import read_pickle

        return read_pickle(path)
    from graphlint.sources.json_model import load_json, read_json
    from graphlint.sources.weights_file import is_shard_index, read_sharded_weights

    document = load_json(path, limits)
    if is_shard_index(document):
        return read_sharded_weights(path, document, limits)
    return read_json(document, limits)


def read_text(data: bytes, *, limits: Limits = DEFAULT) -> ModelDefinition:
    """Read a configuration as returned by ``model.to_json()``.

    Raises:
        UnreadableError: not JSON, or not the configuration of a model.
        LimitError: it exceeds one of the limits.
    """
    from graphlint.sources.json_model import read_json
    from graphlint.sources.json_text import parse_config

    return read_json(parse_config(data, limits, "the configuration"), limits)
