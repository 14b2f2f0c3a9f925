"""Sources: one module per kind of input, each producing a `ModelDefinition`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlint.sources.limits import DEFAULT, Limits
from graphlint.sources.stored_object import Anywhere, Depth, StoredObject
from graphlint.sources.urls import is_url, shown

if TYPE_CHECKING:
    from graphlint.model.definition import ModelDefinition, Unverified
    from graphlint.sources.detect import Content

__all__ = ["Depth", "is_stored", "located", "read", "read_text"]


def located(source: Any, name: str | None = None) -> Anywhere:
    """What to read of a path, a URL, bytes or an open file. ``name`` is what messages call bytes and files.

    Raises:
        GraphlintError: it is none of them, or there is nothing that reads such a URL.
    """
    from graphlint.errors import GraphlintError

    if isinstance(source, (Path, StoredObject)):
        return source
    if isinstance(source, str):
        if not is_url(source):
            return Path(source)
        from graphlint.sources.remote import RemoteFile

        return RemoteFile(source)
    from graphlint.sources.in_memory import BYTES, Bytes, OpenFile

    if isinstance(source, (bytes, bytearray, memoryview)):
        return Bytes(bytes(source), name or BYTES)
    if hasattr(source, "read") and hasattr(source, "seek"):
        return OpenFile(source, name)
    if hasattr(source, "__fspath__"):
        return located(source.__fspath__())
    raise GraphlintError(f"expected a path, a URL, bytes or a file that is open for reading, got {source!r}")


def shown_as(text: str) -> str:
    """What reports call a path or URL, without what a URL lets its reader in with."""
    return shown(text) if is_url(text) else Path(text).as_posix()


def is_stored(value: Any) -> bool:
    """Whether `located` takes a value, which is then no model in memory."""
    if isinstance(value, (str, bytes, bytearray, memoryview, Path, StoredObject)) or hasattr(value, "__fspath__"):
        return True
    return hasattr(value, "read") and hasattr(value, "seek")


class _Whole:
    """That what was read of a stored object belongs together is looked at last."""

    def __init__(self, inner: Unverified | None, source: StoredObject) -> None:
        self._inner, self._source = inner, source

    def finish(self) -> None:
        if self._inner is not None:
            self._inner.finish()
        self._source.finish()


def read(
    path: Any,
    *,
    limits: Limits = DEFAULT,
    by_content: bool = False,
    verify: bool = True,
    whole: bool = True,
    depth: Depth = Depth.WEIGHTS,
) -> ModelDefinition:
    """Read a model file or a SavedModel directory; the content decides what it is. ``path`` is what `located` takes.

    A file whose name claims another format than its content is refused, as by Keras, unless ``by_content`` is set.
    Without ``verify``, the checksum of stored weights is left to ``ModelDefinition.unverified``. Without ``whole``,
    the calls of layers that hold nothing but tensors of the graph may be missing from ``ModelDefinition.raw``.
    ``depth`` says how much is read; with less than all, ``ModelDefinition.values`` must not be asked for.

    Raises:
        UnreadableError: the file is missing, damaged, misnamed, or not a Keras model.
        LimitError: it exceeds one of the limits.
    """
    from graphlint.errors import UnreadableError
    from graphlint.sources.detect import changed_line_ends, detect, misnamed

    place = located(path)
    try:
        content = detect(place)
        other = misnamed(place, content)
        if other is not None and not by_content:
            raise UnreadableError(other)
        definition = _read(place, content, limits, verify=verify, whole=whole, depth=depth)
    except UnreadableError:
        if isinstance(place, StoredObject):
            place.finish()  # That it changed says more than what did not fit together.
            raise
        changed = changed_line_ends(place) if place.is_file() else None
        if changed is not None:
            raise UnreadableError(changed) from None
        raise
    if isinstance(place, StoredObject):
        definition.unverified = _Whole(definition.unverified, place)
    definition.depth = depth.value
    definition.misnamed = other
    return definition


def _read(
    path: Anywhere, content: Content, limits: Limits, *, verify: bool, whole: bool, depth: Depth
) -> ModelDefinition:
    from graphlint.sources.detect import Content

    if content is Content.ZIP:
        from graphlint.sources.keras_archive import read_keras_archive

        return read_keras_archive(path, limits, verify=verify, whole=whole, depth=depth)
    if content is Content.HDF5:
        from graphlint.sources.h5_model import read_h5

        return read_h5(path, limits, depth, whole=whole)
    if content is Content.SAVED_MODEL:
        from graphlint.sources.saved_model import read_saved_model

        return read_saved_model(path, limits)
    if content is Content.DIRECTORY:
        from graphlint.sources.model_directory import read_model_directory

        return read_model_directory(path, limits, depth)
    if content in (Content.PICKLE, Content.ARRAYS):
        from graphlint.sources.hidden import read_pickle

        return read_pickle(path)
    from graphlint.sources.json_model import load_json, read_json
    from graphlint.sources.weights_file import is_shard_index, no_configuration, read_sharded_weights

    document = load_json(path, limits)
    if is_shard_index(document):
        if depth is Depth.CONFIG:
            raise no_configuration("these weights")
        return read_sharded_weights(path, document, limits)
    return read_json(document, limits, whole=whole)


def read_text(data: bytes, *, limits: Limits = DEFAULT) -> ModelDefinition:
    """Read a configuration as returned by ``model.to_json()``.

    Raises:
        UnreadableError: not JSON, or not the configuration of a model.
        LimitError: it exceeds one of the limits.
    """
    from graphlint.sources.json_model import read_json
    from graphlint.sources.json_text import parse_config

    return read_json(parse_config(data, limits, "the configuration"), limits)
