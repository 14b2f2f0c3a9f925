"""From what the command line names to the graph of one model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphlint.model.definition import ModelDefinition
    from graphlint.model.graph import ModelGraph


def definition_of(text: str) -> ModelDefinition:
    """The model in a file, or the one that MODULE:ATTRIBUTE is or returns; an existing path wins.

    Raises:
        GraphlintError: there is none, or it cannot be read.
    """
    from graphlint.sources import read
    from graphlint.sources.importing import is_target

    if os.path.lexists(text) or not is_target(text):
        return read(Path(text), by_content=True, verify=False)
    from graphlint.extras import require_keras
    from graphlint.sources.importing import load_attribute

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    require_keras(text)
    model = load_attribute(text, None)
    from graphlint.sources.live import read_live

    return read_live(model, open_layers=True)


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

    return expand(definition_of(old)), expand(definition_of(new))
