"""Optional dependencies."""

from __future__ import annotations

from importlib import import_module

from graphlint.errors import GraphlintError


def require_keras(purpose: str) -> None:
    """Import Keras, which is not part of a base install.

    Raises:
        GraphlintError: Keras or its backend is not installed.
    """
    try:
        import_module("keras")
    except ModuleNotFoundError as error:
        raise GraphlintError(
            f"{purpose} needs Keras, and {error.name} is not installed: pip install 'keras-graphlint[keras]'"
        ) from error
