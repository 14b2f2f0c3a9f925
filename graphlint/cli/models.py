"""From what the command line names to the graph of one model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphlint.model.definition import ModelDefinition
    from graphlint.model.graph import ModelGraph


def is_import(text: str) -> bool:
    """Whether a text is MODULE:ATTRIBUTE; an existing path wins, and so does what may be a piece of a file's name."""
    from graphlint.cli.typed import doubt
    from graphlint.sources.importing import is_target

    return not os.path.lexists(text) and is_target(text) and doubt(text, (text,)) is None


def definition_of(text: str, *, open_layers: bool = True) -> ModelDefinition:
    """The model in a file, or the one that MODULE:ATTRIBUTE is or returns.

    Raises:
        GraphlintError: there is none, or it cannot be read.
    """
    from graphlint.sources import read

    if not is_import(text):
        return read(Path(text), by_content=True, verify=False)
    from graphlint.extras import require_keras
    from graphlint.sources.importing import load_attribute

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    require_keras(text)
    model = load_attribute(text, None)
    from graphlint.sources.models import read_model

    return read_model(model, open_layers=open_layers)


def graph_of_all(texts: Sequence[str]) -> ModelGraph:
    """The graph of one model, or of several together: those that are named, or that MODULE:ATTRIBUTE returns.

    Raises:
        GraphlintError: one is missing, or cannot be read.
    """
    from graphlint.model.expand import expand
    from graphlint.model.several import several
    from graphlint.sources.importing import load_models, unique

    found: list[tuple[str, ModelDefinition]] = []
    for text in texts:
        if not is_import(text):
            found.append((Path(text).stem, definition_of(text)))
            continue
        from graphlint.extras import require_keras

        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        require_keras(text)
        from graphlint.sources.models import read_model

        made = load_models(text)
        models = made.items() if isinstance(made, dict) else [(text.rpartition(":")[2], made)]
        found += [(name, read_model(model, open_layers=True)) for name, model in models]
    return expand(found[0][1] if len(found) == 1 else several(unique(found)))


def graph_of(text: str) -> ModelGraph:
    """The graph of what `definition_of` returns.

    Raises:
        GraphlintError: there is none, or it cannot be read.
    """
    from graphlint.model.expand import expand

    return expand(definition_of(text))


def pair_of(old: str, new: str) -> tuple[ModelGraph, ModelGraph]:
    """The graphs of two models; what only one of them could show of its code stays closed in both.

    Raises:
        GraphlintError: one is missing, or cannot be read.
    """
    from graphlint.model.expand import expand

    both = is_import(old) == is_import(new)
    return expand(definition_of(old, open_layers=both)), expand(definition_of(new, open_layers=both))
