"""Load the model of a file for surgery, in Keras's safe mode."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import keras

from graphlint.errors import CannotLoad, Untrusted, one_line
from graphlint.replay.gate import admitted


def load(path: Path, modules: Iterable[str] = ()) -> keras.Model:
    """Load a model without running code from the file; ``modules`` are imported first, for the classes they register.

    Raises:
        CannotLoad: there is no such file or module, or Keras rejects the file.
        Untrusted: a security rule finds something in the file, or it cannot be read.
    """
    if not path.is_file():
        raise CannotLoad(
            f"expected a model file, got {path}, which {'is not a file' if path.exists() else 'does not exist'}"
        )
    import_modules(modules)
    try:
        with admitted(path) as copy, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return keras.models.load_model(copy, compile=False, safe_mode=True)
    except Untrusted:
        raise
    except Exception as error:
        raise CannotLoad(
            f"Keras cannot load {path} in safe mode ({one_line(error)}): name the modules that register its classes "
            "with --import, or run `graphlint check` on it"
        ) from error


def import_modules(names: Iterable[str]) -> None:
    """Import modules that register classes, including those in the current directory.

    Raises:
        CannotLoad: there is no such module, or it raises.
    """
    sys.path.insert(0, "")
    try:
        for name in names:
            try:
                import_module(name)
            except Exception as error:
                raise CannotLoad(f"cannot import {name!r}: {one_line(error)}") from error
    finally:
        sys.path.remove("")
