"""TensorFlow SavedModel directories: the configuration that Keras 2 writes to ``keras_metadata.pb``. Nothing is loaded.

``keras_metadata.pb`` is a ``SavedMetadata`` message: field 1 repeats a ``SavedObject`` with its path in field 3
(``root`` is the model), its kind in field 4 and its configuration as JSON in field 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphlint.errors import UnreadableError
from graphlint.knowledge.protobuf import message_fields
from graphlint.model.definition import Format, FrontEnd, ModelDefinition, ProblemKind, SourceProblem
from graphlint.sources.configuration import read_configuration
from graphlint.sources.json_model import as_compile_config
from graphlint.sources.json_text import parse_config
from graphlint.sources.keras_archive import compile_config, optimizer
from graphlint.sources.layout import OTHER_GRAPHS
from graphlint.sources.limits import DEFAULT, Limits
from graphlint.sources.opaque import opaque
from graphlint.sources.saved_graph import SavedGraph, read_graph
from graphlint.sources.stored_object import Anywhere
from graphlint.sources.zip_archive import open_regular

GRAPH = "saved_model.pb"
METADATA = "keras_metadata.pb"
_OBJECT, _PATH, _JSON = 1, 3, 5


def read_saved_model(path: Anywhere, limits: Limits = DEFAULT) -> ModelDefinition:
    """Read what a SavedModel directory contains of its Keras model: its layers and calls or, if it has none, nothing.

    The operations of its graph are looked at for what they do besides computing, and the metadata of each of its
    objects for all that it names. Weights stay unread: they are in TensorFlow's own format.

    Raises:
        UnreadableError: truncated or damaged, or without a configuration of Keras.
        LimitError: over one of the limits.
    """
    graph = SavedGraph()
    if (path / GRAPH).is_file():
        data = _whole(path / GRAPH, "saved_model_bytes", limits)
        if not data:
            raise UnreadableError(f"{GRAPH} is empty (0 bytes): saving it was interrupted; save the model again")
        graph = read_graph(memoryview(data), GRAPH)
    for other in OTHER_GRAPHS if (path / GRAPH).is_file() else ():
        if (path / other).is_file():
            text = f"it holds {GRAPH} and {other}; which of them counts depends on the reader"
            graph.problems.append(SourceProblem(ProblemKind.ARCHIVE, text))
    nodes = graph.metadata
    if (path / METADATA).is_file():
        own = list(_nodes(memoryview(_whole(path / METADATA, "json_bytes", limits))))
        if all(name != "root" for name, _ in own):
            raise UnreadableError(f"{METADATA} describes no root object: it is damaged; save the model again")
        nodes = own + [(f"{name} of {GRAPH}", text) for name, text in nodes]
    parsed = [(name, parse_config(text, limits, f"{name} of the Keras metadata")) for name, text in nodes if text]
    documents = [(name, _plain(document.value)) for name, document in parsed]
    problems = graph.problems + [problem for _, document in parsed for problem in document.source_problems]
    metadata = next((value for name, value in documents if name == "root" and isinstance(value, dict)), {})
    version = metadata.get("keras_version")
    version = version if isinstance(version, str) else None
    config: Any = metadata.get("model_config")
    if not isinstance(config, dict):
        definition = opaque(Format.SAVED_MODEL, problems, version)
        definition.documents = documents
        name = metadata.get("class_name")
        definition.root.class_name = name if isinstance(name, str) else None
        return definition
    config = {**config, "compile_config": as_compile_config(metadata.get("training_config"))}
    root, structure = read_configuration(config)
    return ModelDefinition(
        root,
        FrontEnd.STATIC,
        Format.SAVED_MODEL,
        keras_version=version,
        compile_config=compile_config(config),
        optimizer=optimizer(config),
        raw=config,
        documents=documents,
        problems=problems + structure,
    )


def _whole(path: Anywhere, limit: str, limits: Limits) -> bytes:
    with open_regular(path) as file:
        size = file.seek(0, 2)
        limits.check(limit, size, f"{path.name}, bytes")
        file.seek(0)
        return file.read(size)


def _nodes(data: memoryview) -> Iterator[tuple[str, bytes]]:
    """The path and the configuration of every object in the Keras metadata."""
    try:
        for number, content in message_fields(data):
            if number == _OBJECT and isinstance(content, memoryview):
                fields = dict(message_fields(content))
                path, text = fields.get(_PATH), fields.get(_JSON)
                name = bytes(path).decode("utf-8", "replace") if isinstance(path, memoryview) else ""
                if isinstance(text, memoryview):
                    yield name, bytes(text)
    except ValueError as error:
        raise UnreadableError(
            f"{METADATA} is not a valid protobuf message ({error}): save or download the model again"
        ) from None


def _plain(value: Any) -> Any:
    """Tuples and shapes, which are written here as ``{"class_name": "__tuple__", "items": [...]}``, as lists."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") in ("__tuple__", "TensorShape") and isinstance(value.get("items"), list):
        return [_plain(item) for item in value["items"]]
    return {key: _plain(item) for key, item in value.items()}
