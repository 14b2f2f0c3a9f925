"""Models in memory, of Keras 3 or of Keras 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlint.sources.keras_2 import package_of, read_keras_2

if TYPE_CHECKING:
    from graphlint.model.definition import ModelDefinition


def read_model(model: Any, *, open_layers: bool = False, inputs: Any = None) -> ModelDefinition:
    """Define a model in memory. For one of Keras 2 no Keras 3 is needed, and its code is not opened.

    Raises:
        GraphlintError: this is no model, Keras is not installed, or the inputs are none.
        UnreadableError: a layer of Keras 2 does not tell what it is made of.
    """
    if package_of(model) is not None:
        return read_keras_2(model)
    from graphlint.extras import require_keras

    require_keras("a live model")
    from graphlint.sources.live import read_live

    return read_live(model, open_layers=open_layers, inputs=inputs)
