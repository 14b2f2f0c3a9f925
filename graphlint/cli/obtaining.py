"""The model that a command for surgery works on: of a file, or built by Python code."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from graphlint.reports.safe import in_line
from graphlint.sources.importing import is_target, load_attribute

if TYPE_CHECKING:
    import keras


def obtained(model: str, modules: Iterable[str]) -> keras.Model:
    """The model that a path or ``module:attribute`` names; an existing path wins.

    Raises:
        GraphlintError: it cannot be loaded or imported.
    """
    from graphlint.replay.load import import_modules, load

    if not Path(model).exists() and is_target(model):
        import_modules(modules)
        return load_attribute(model)
    click.echo(f"loading {in_line(model)} with Keras, safe mode on", err=True)
    return load(Path(model), modules)
