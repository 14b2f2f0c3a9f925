"""Which backend a trace runs on."""

from __future__ import annotations

import keras

from graphlint.tracing.backend import Trace


def start_trace(number: int = 0) -> Trace:
    """A trace on the backend that Keras uses, for the first abstract run of a model or a later one with other sizes.

    To be called inside the run.

    Raises:
        NotImplementedError: the backend is not one that tracing knows; the message names it.
    """
    name = keras.backend.backend()
    if name == "tensorflow":
        from graphlint.tracing.tensorflow import GraphTrace

        return GraphTrace()
    if name == "jax":
        from graphlint.tracing.jax import TracerTrace

        return TracerTrace()
    if name == "torch":
        from graphlint.tracing.torch import MetaTrace

        return MetaTrace(number)
    raise NotImplementedError(f"bodies are not opened on the backend {name}")
