"""Where the models of this folder are listed."""

from __future__ import annotations

from collections.abc import Callable

import keras

ARCHITECTURES: dict[str, Callable[[], keras.Model]] = {}


def architecture(build: Callable[[], keras.Model]) -> Callable[[], keras.Model]:
    """List a model under the name of its function."""
    ARCHITECTURES[build.__name__] = build
    return build
