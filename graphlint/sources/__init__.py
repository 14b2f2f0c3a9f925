"""Sources: one module for each kind of input, all giving a `ModelDefinition`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graphlint.sources.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from graphlint.graph.definition import ModelDefinition

__all__ = ["read"]


def read(path: str | Path, *, limits: Limits = DEFAULT) -> ModelDefinition:
    """Read a model file, whatever its name: the content decides.

    Raises:
        UnreadableError: the file is missing, damaged, or no Keras model.
        LimitError: it goes over one of the limits.
    """
    from graphlint.sources.keras_archive import read_keras_archive

    return read_keras_archive(Path(path), limits)
