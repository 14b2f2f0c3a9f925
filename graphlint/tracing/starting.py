"""Which backend a trace runs on."""

from __future__ import annotations

import keras

from graphlint.tracing.backend import Trace


def start_trace() -> Trace:
    """A trace on the backend that Keras uses. To be called inside the abstract run.

    Raises:
        NotImplementedError: the backend is not one that tracing knows; the message names it.
    """
    name = keras.backend.backend()
    if name == "tensorflow":
        from graphlint.tracing.tensorflow import GraphTrace

        return GraphTrace()
    raise NotImplementedError(f"bodies are not opened on the backend {name} yet")
