"""Functions of the backend that Keras uses, as code that is written for one backend calls them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

BACKEND = keras.backend.backend()

if BACKEND == "tensorflow":
    import tensorflow as tf

    TENSOR: type = tf.Tensor

    def relu(x: Any) -> Any:
        return tf.nn.relu(x)

    def silu(x: Any) -> Any:
        return tf.nn.silu(x)

    def concatenate(values: list[Any]) -> Any:
        return tf.concat(values, axis=-1)

    def averages(x: Any) -> Any:
        return tf.expand_dims(tf.reduce_mean(x, -1), -1)

    def total(x: Any) -> Any:
        return tf.reduce_sum(x, axis=-1)

    def halves(x: Any) -> Any:
        return tf.split(x, 2, axis=-1)

    def map_rows(function: Callable[[Any], Any], x: Any) -> Any:
        return tf.map_fn(function, x)

    def compiled(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return tf.function(function, reduce_retracing=True)  # type: ignore[no-any-return]

    def numbers(x: Any) -> Any:
        return x.numpy()

elif BACKEND == "jax":
    import jax
    import jax.numpy as jnp

    TENSOR = jax.Array

    def relu(x: Any) -> Any:
        return jax.nn.relu(x)

    def silu(x: Any) -> Any:
        return jax.nn.silu(x)

    def concatenate(values: list[Any]) -> Any:
        return jnp.concatenate(values, axis=-1)

    def averages(x: Any) -> Any:
        return jnp.expand_dims(jnp.mean(x, -1), -1)

    def total(x: Any) -> Any:
        return jnp.sum(x, axis=-1)

    def halves(x: Any) -> Any:
        return jnp.split(x, 2, axis=-1)

    def map_rows(function: Callable[[Any], Any], x: Any) -> Any:
        return jax.lax.map(function, x)

    def compiled(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return jax.jit(function)  # type: ignore[no-any-return]

    def numbers(x: Any) -> Any:
        import numpy as np

        return np.asarray(x)

else:
    import torch

    TENSOR = torch.Tensor

    def relu(x: Any) -> Any:
        return torch.relu(x)

    def silu(x: Any) -> Any:
        return torch.nn.functional.silu(x)

    def concatenate(values: list[Any]) -> Any:
        return torch.cat(values, dim=-1)

    def averages(x: Any) -> Any:
        return torch.unsqueeze(torch.mean(x, -1), -1)

    def total(x: Any) -> Any:
        return torch.sum(x, dim=-1)

    def halves(x: Any) -> Any:
        return torch.split(x, x.shape[-1] // 2, dim=-1)

    def map_rows(function: Callable[[Any], Any], x: Any) -> Any:
        return torch.vmap(function, 1, 1)(x)

    def compiled(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return function

    def numbers(x: Any) -> Any:
        return x.detach().numpy()
