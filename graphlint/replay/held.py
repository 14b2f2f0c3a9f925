"""Layers that stand in a Functional model for what code reads without a call: a variable of its own, a constant."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable("graphlint")
class HeldVariable(keras.layers.Layer):  # type: ignore[misc]
    """Returns a variable, whatever it is called on.

    >>> layer = HeldVariable((2,), name="scale")
    >>> tuple(layer(keras.ops.zeros((4, 3))).shape)
    (2,)
    """

    def __init__(self, shape: tuple[int, ...], **options: Any) -> None:
        super().__init__(**options)
        self.shape = tuple(shape)
        self.held: keras.Variable | None = None

    @classmethod
    def of(cls, variable: keras.Variable, name: str, dtype: Any, trainable: bool) -> HeldVariable:
        """A layer that holds an existing variable."""
        layer = cls(tuple(variable.shape), name=name, dtype=dtype, trainable=trainable)
        layer.held = variable
        layer.built = True
        return layer

    def build(self, input_shape: Any) -> None:
        if self.held is None:
            self.held = self.add_weight(shape=self.shape, initializer="zeros", name="held")

    def call(self, anchor: Any) -> Any:
        return keras.ops.convert_to_tensor(self.held)

    def compute_output_spec(self, anchor: Any, **options: Any) -> Any:
        dtype = self.compute_dtype if self.held is None or "float" in str(self.held.dtype) else self.held.dtype
        return keras.KerasTensor(self.shape, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shape": self.shape}


@keras.saving.register_keras_serializable("graphlint")
class HeldConstant(keras.layers.Layer):  # type: ignore[misc]
    """Returns fixed numbers, whatever it is called on."""

    def __init__(self, value: Any, value_dtype: str, **options: Any) -> None:
        super().__init__(**options)
        self.value = np.asarray(value, dtype=value_dtype)
        self.built = True

    def call(self, anchor: Any) -> Any:
        return keras.ops.convert_to_tensor(self.value)

    def compute_output_spec(self, anchor: Any, **options: Any) -> Any:
        return keras.KerasTensor(self.value.shape, dtype=self.value.dtype.name)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "value": self.value.tolist(), "value_dtype": self.value.dtype.name}
