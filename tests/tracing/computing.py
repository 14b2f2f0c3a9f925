"""Tensors of a trace computed from others, on each backend."""

from __future__ import annotations

from typing import Any, Protocol

import keras

from graphlint.tracing.record import Recording

Given = dict[int, tuple[Any, Any]]
"""Tensors of the trace that have a value, by id."""


class Computing(Protocol):
    any_size: bool
    """Whether what was traced for free sizes can be computed for any size."""

    def lies_in(self, symbol: Any, place: Any) -> bool:
        """Whether a tensor is computed in a place, and not in a loop or condition inside it."""

    def computed(self, symbol: Any, given: Given, known: dict[int, Any], name: str) -> Any:
        """The value of a tensor from given ones alone; of others that are known only the shape may be used."""


def computing(recording: Recording) -> Computing:
    return InGraph(recording) if keras.backend.backend() == "tensorflow" else ByProvenance(recording)


def copied(value: Any) -> Any:
    """The same tensor as another object."""
    return keras.ops.copy(value)


class InGraph:
    """A graph of TensorFlow, pruned to what is wanted."""

    any_size = True

    def __init__(self, recording: Recording) -> None:
        from tensorflow.python.eager import wrap_function

        self.trace: Any = recording.trace
        self.function = wrap_function.WrappedFunction(self.trace.graph, wrap_function.VariableHolder())

    def lies_in(self, symbol: Any, place: Any) -> bool:
        return symbol.graph is place

    def computed(self, symbol: Any, given: Given, known: dict[int, Any], name: str) -> Any:
        import tensorflow as tf

        feeds = dict(given)
        stack, seen = [(symbol, False)], set()
        while stack:
            tensor, shape_only = stack.pop()
            if (id(tensor), shape_only) in seen or id(tensor) in given or tensor.dtype == tf.resource:
                continue
            seen.add((id(tensor), shape_only))
            if id(tensor) in known:
                assert shape_only, f"{name}: {symbol.op.type} needs {tensor.op.type} and does not have it"
                feeds[id(tensor)] = (tensor, known[id(tensor)])
                continue
            inside = shape_only or tensor.op.type in ("Shape", "ShapeN", "Size", "Rank")
            own = [tensor.op.inputs[tensor.value_index]] if tensor.op.type == "IdentityN" else list(tensor.op.inputs)
            stack += [(one, inside or all(one is not other for other in own)) for one in tensor.op.inputs]
        with self.trace.graph.as_default():
            end = tf.identity(symbol)
        used = list(feeds.values())
        run = self.function.prune([tensor for tensor, _ in used], end)
        return run(*[tf.cast(tf.convert_to_tensor(value), tensor.dtype) for tensor, value in used])


class ByProvenance:
    """The operations that made a tensor, run again one by one."""

    any_size = False

    def __init__(self, recording: Recording) -> None:
        self.trace: Any = recording.trace
        self.places: dict[int, Any] = {}

    def lies_in(self, symbol: Any, place: Any) -> bool:
        made = self.trace.provenance.made.get(id(symbol))
        return made is not None and made.again is not None

    def computed(self, symbol: Any, given: Given, known: dict[int, Any], name: str) -> Any:
        provenance = self.trace.provenance

        def number(value: Any) -> Any | None:
            if id(value) in given:
                return given[id(value)][1]
            assert id(value) not in known, f"{name}: a tensor is needed that the body does not have"
            variable = provenance.reads.get(id(value))
            if variable is not None:
                return variable.value
            return None if self.trace.is_tensor(value) else value

        return provenance.computed(symbol, number, 100_000)
