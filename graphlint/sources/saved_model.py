"""TensorFlow SavedModel directories: the configuration that Keras 2 writes to ``keras_metadata.pb``. Nothing is loaded.

``keras_metadata.pb`` is a ``SavedMetadata`` message: field 1 repeats a ``SavedObject`` with its path in field 3
(``root`` is the model), its kind in field 4 and its configuration as JSON in field 5.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphlint.errors import UnreadableError
from graphlint.model.definition import LayerDefinition, ModelDefinition, SourceProblem
from graphlint.sources.configuration import read_configuration
from graphlint.sources.json_model import as_compile_config
from graphlint.sources.json_text import parse_config
from graphlint.sources.keras_archive import compile_config, optimizer
from graphlint.sources.limits import DEFAULT, Limits
from graphlint.sources.zip_archive import open_regular

GRAPH = "saved_model.pb"
METADATA = "keras_metadata.pb"
_OBJECT, _PATH, _JSON = 1, 3, 5
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


def read_saved_model(path: Path, limits: Limits = DEFAULT) -> ModelDefinition:
    """Read what a SavedModel directory contains of its Keras model: its layers and calls or, if it has none, nothing.

    Weights stay unread: they are in TensorFlow's own format.

    Raises:
        UnreadableError: truncated or damaged, or without a configuration of Keras.
        LimitError: over one of the limits.
    """
    if (path / GRAPH).is_file():
        with open_regular(path / GRAPH) as file:
            for _ in _fields(file, GRAPH, skip=True):
                pass
    if not (path / METADATA).is_file():
        return _opaque(None, [])
    text = None
    with open_regular(path / METADATA) as file:
        limits.check("json_bytes", file.seek(0, 2), f"{METADATA}, bytes")
        file.seek(0)
        for number, content in _fields(file, METADATA):
            if number != _OBJECT or not isinstance(content, bytes):
                continue
            fields = dict(_fields(io.BytesIO(content), METADATA))
            found = fields.get(_JSON)
            if fields.get(_PATH) == b"root" and isinstance(found, bytes):
                text = found
    if text is None:
        raise UnreadableError(f"{METADATA} describes no root object: it is damaged; save the model again")
    document = parse_config(text, limits, METADATA)
    metadata = _plain(document.value) if isinstance(document.value, dict) else {}
    problems = document.source_problems
    version = metadata.get("keras_version")
    version = version if isinstance(version, str) else None
    config: Any = metadata.get("model_config")
    if not isinstance(config, dict):
        definition = _opaque(version, problems)
        name = metadata.get("class_name")
        definition.root.class_name = name if isinstance(name, str) else None
        return definition
    config = {**config, "compile_config": as_compile_config(metadata.get("training_config"))}
    root, structure = read_configuration(config)
    return ModelDefinition(
        root,
        "static",
        "saved_model",
        keras_version=version,
        compile_config=compile_config(config),
        optimizer=optimizer(config),
        raw=config,
        problems=problems + structure,
    )


def _plain(value: Any) -> Any:
    """Tuples and shapes, which are written here as ``{"class_name": "__tuple__", "items": [...]}``, as lists."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") in ("__tuple__", "TensorShape") and isinstance(value.get("items"), list):
        return [_plain(item) for item in value["items"]]
    return {key: _plain(item) for key, item in value.items()}


def _opaque(version: str | None, problems: list[SourceProblem]) -> ModelDefinition:
    """An opaque model: a subclassed one, or one that ``model.export()`` wrote."""
    root = LayerDefinition("model", None, is_model=True, opaque=True)
    return ModelDefinition(root, "static", "saved_model", keras_version=version, problems=problems, has_graph=False)


def _fields(file: Any, what: str, skip: bool = False) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message in order; with ``skip``, only whether all are present."""
    size = file.seek(0, 2)
    file.seek(0)
    empty = True
    while (position := file.tell()) < size:
        empty = False
        tag = _varint(file, what)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise _damaged(what, position)
        value: int | bytes
        if kind == _VARINT:
            value = _varint(file, what)
        elif kind in (_FIXED_64, _FIXED_32, _BYTES):
            length = _varint(file, what) if kind == _BYTES else 8 if kind == _FIXED_64 else 4
            if file.tell() + length > size:
                raise UnreadableError(
                    f"{what} is truncated: it holds {size:,} of at least {file.tell() + length:,} bytes; save or "
                    "download the model again"
                )
            if skip:
                file.seek(length, 1)
                value = b""
            else:
                value = file.read(length)
        else:
            raise _damaged(what, position)
        yield number, value
    if empty and skip:
        raise UnreadableError(f"{what} is empty (0 bytes): saving it was interrupted; save the model again")


def _varint(file: Any, what: str) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte: bytes = file.read(1)
        if not byte:
            raise UnreadableError(f"{what} is truncated: save or download the model again")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise _damaged(what, file.tell())


def _damaged(what: str, position: int) -> UnreadableError:
    return UnreadableError(
        f"{what} is not a valid protobuf message at byte {position:,}: save or download the model again"
    )
