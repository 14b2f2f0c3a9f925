"""Configurations as JSON text: ``model.to_json()``, of any Keras version, and the ``model.json`` of TensorFlow.js."""

from __future__ import annotations

from typing import Any

from graphlint.errors import UnreadableError
from graphlint.model.definition import Format, FrontEnd, ModelDefinition, ProblemKind, SourceProblem
from graphlint.sources.configuration import read_configuration
from graphlint.sources.json_text import JsonDocument, parse_config
from graphlint.sources.keras_archive import compile_config, optimizer
from graphlint.sources.limits import DEFAULT, Limits
from graphlint.sources.stored_object import Anywhere
from graphlint.sources.zip_archive import open_regular


def read_json_file(path: Anywhere, limits: Limits = DEFAULT) -> ModelDefinition:
    """Read a configuration from a file.

    Raises:
        UnreadableError: not JSON, or not the configuration of a model.
        LimitError: over one of the limits.
    """
    return read_json(load_json(path, limits), limits)


def load_json(path: Anywhere, limits: Limits = DEFAULT) -> JsonDocument:
    """Parse a JSON file.

    Raises:
        UnreadableError: not a regular file, or not JSON.
        LimitError: over one of the limits.
    """
    with open_regular(path) as file:
        limits.check("json_bytes", file.seek(0, 2), f"{path.name}, bytes")
        file.seek(0)
        return parse_config(file.read(limits.json_bytes + 1), limits, path.name)


def read_json(document: JsonDocument, limits: Limits = DEFAULT, *, whole: bool = True) -> ModelDefinition:
    """Define the model of a parsed configuration; without ``whole``, its calls may be taken out of the document.

    Raises:
        UnreadableError: this is not the configuration of a model.
    """
    config, training, version = _unwrap(document.value)
    root, problems = read_configuration(config, limits, whole=whole)
    roots = _model_roots(document.value)
    if len(roots) > 1:
        text = f"the text holds {len(roots)} models, {', '.join(roots)}; which one counts depends on the reader"
        problems = [SourceProblem(ProblemKind.JSON, text), *problems]
    if training is not None:
        config = {**config, "compile_config": training}
    return ModelDefinition(
        root,
        FrontEnd.STATIC,
        Format.JSON,
        keras_version=version,
        compile_config=compile_config(config),
        optimizer=optimizer(config),
        raw=config,
        documents=[("", document.value)],
        problems=document.source_problems + problems,
    )


def _model_roots(value: Any) -> list[str]:
    """Where in a JSON text readers look for a model and find one."""
    found = []
    inner = value.get("modelTopology") if isinstance(value, dict) else None
    places = {"at its root": value, "under modelTopology": inner}
    for place, held in places.items():
        if isinstance(held, dict):
            found += [place] if isinstance(held.get("class_name"), str) else []
            config = held.get("model_config")
            if isinstance(config, dict) and isinstance(config.get("class_name"), str):
                found.append("under model_config" if held is value else f"{place}/model_config")
    return found


def _unwrap(value: Any) -> tuple[Any, dict[str, Any] | None, str | None]:
    """``(model configuration, training configuration, Keras version)`` of a JSON text."""
    if isinstance(value, dict) and isinstance(value.get("modelTopology"), dict):
        value = value["modelTopology"]
    if not isinstance(value, dict):
        return value, None, None
    version = value.get("keras_version")
    training = value.get("training_config")
    if isinstance(value.get("model_config"), dict):
        config = value["model_config"]
    elif value.get("class_name") == "Tokenizer":
        raise UnreadableError("this is a Tokenizer of Keras 2, which is not a model: pass the model it was made for")
    elif "node" in value and "class_name" not in value:
        raise UnreadableError(
            "this is a TensorFlow graph for TensorFlow.js, which has no Keras layers: check the model it was "
            "converted from"
        )
    else:
        config = value
    return config, as_compile_config(training), version if isinstance(version, str) else None


def as_compile_config(training: Any) -> dict[str, Any] | None:
    """A ``training_config`` of Keras 1 or 2 in the form of a ``compile_config``."""
    if not isinstance(training, dict):
        return None
    found = dict(training)
    if "optimizer_config" in found:
        found["optimizer"] = found.pop("optimizer_config")
    return found
