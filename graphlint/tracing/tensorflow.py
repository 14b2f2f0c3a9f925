"""Tracing on TensorFlow: tensors are those of the graph in which Keras infers shapes, and sources are found in it."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import AbstractContextManager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from graphlint.knowledge import keras_internals
from graphlint.model.definition import TensorSpec
from graphlint.tracing.backend import Sources

_SAME = frozenset({"Identity", "IdentityN", "ReadVariableOp", "EnsureShape", "Snapshot", "PreventGradient"})
"""Operations that return what they receive."""
_SHAPES = frozenset({"Shape", "ShapeN", "Size", "Rank"})
"""Operations whose result depends on the shape of a tensor, and not on its numbers."""
_FUNCTIONS = {
    "While": ("cond", "body"),
    "StatelessWhile": ("cond", "body"),
    "If": ("then_branch", "else_branch"),
    "StatelessIf": ("then_branch", "else_branch"),
    "Case": ("branches",),
    "StatelessCase": ("branches",),
    "PartitionedCall": ("f",),
    "StatefulPartitionedCall": ("f",),
}
"""Operations that run graphs, with the attributes that name them."""
_SMALL = 64
"""Numbers in an array that are worth keeping."""


class GraphTrace:
    """One run in a ``FuncGraph``. Control flow makes further graphs inside it."""

    is_eager = False

    def __init__(self) -> None:
        self.graph = tf.compat.v1.get_default_graph()
        self._captures: dict[int, dict[int, Any]] = {}
        self._owners: dict[int, tuple[Any, int]] | None = None
        """For each inner graph the operation that runs it, and how many of its inputs are none of the graph's."""
        self._stateful: dict[str, bool] = {}

    def running(self) -> AbstractContextManager[None]:
        return keras_internals.replaced([keras_internals.compiled_functions_run_again(self.is_here)])

    def is_here(self) -> bool:
        graph = tf.compat.v1.get_default_graph()
        while graph is not None and graph is not self.graph:
            graph = getattr(graph, "outer_graph", None)
        return graph is self.graph

    def place(self) -> Any:
        return tf.compat.v1.get_default_graph()

    def is_tensor(self, value: Any) -> bool:
        return tf.is_tensor(value) and not hasattr(value, "numpy") and not isinstance(value, tf.Variable)

    def is_size(self, value: Any) -> bool:
        return False

    def now(self, tensor: Any) -> Any:
        return tensor

    def distinct(self, tensor: Any) -> Any:
        mask = keras_internals.mask_of(tensor)
        found = tf.identity(tensor)
        if mask is not None:
            keras_internals.set_mask(found, mask)
        return found

    def unknown(self, tensor: keras.KerasTensor) -> Any:
        return tf.compat.v1.placeholder(tensor.dtype, tensor.shape)

    def spec(self, tensor: Any) -> TensorSpec:
        shape = tensor.shape
        dims = None if shape.rank is None else tuple(None if size is None else int(size) for size in shape)
        dtype = tensor.dtype.name if hasattr(tensor, "dtype") else None
        return TensorSpec(dims, dtype)

    def value(self, tensor: Any) -> Any | None:
        found = tf.get_static_value(tensor) if isinstance(tensor, tf.Tensor) else None
        return found if found is not None and np.size(found) <= _SMALL else None

    def operators(self) -> Iterator[type]:
        yield tf.Tensor

    def sources(self, tensor: Any, known: Container[int], variables: Callable[[Any], Any]) -> Sources:
        found = Sources()
        seen: set[int] = set()
        taken: set[int] = set()
        stack = _parts(tensor)[::-1]
        while stack:
            one = stack.pop()
            if id(one) in seen:
                continue
            seen.add(id(one))
            if id(one) in known:
                found.tensors.append(one)
                continue
            operation = one.op
            kind = operation.type
            if kind == "Placeholder":
                outer = self._outside(one)
                if outer is None:
                    found.tensors.append(one)
                elif isinstance(outer, list):
                    stack += outer[::-1]
                elif self.is_tensor(outer):
                    stack.append(outer)
                else:
                    variable = variables(outer)
                    if variable is not None and id(variable) not in taken:
                        taken.add(id(variable))
                        found.variables.append(variable)
                continue
            if kind == "IdentityN":
                stack.append(operation.inputs[one.value_index])
                continue
            inputs = list(operation.inputs)
            if kind not in _SAME and kind != "Const" and id(operation) not in taken:
                taken.add(id(operation))
                found.operations.append(kind)
            if kind in _SHAPES:
                continue
            graphs = self._graphs(operation)
            if graphs:
                inputs += [output for graph in graphs for output in graph.outputs]
            elif kind not in _SAME and self._is_stateful(operation):
                found.is_random = True
            stack += inputs[::-1]
        return found

    def _is_stateful(self, operation: Any) -> bool:
        kind = operation.type
        if kind not in self._stateful:
            self._stateful[kind] = bool(operation.op_def.is_stateful)
        return self._stateful[kind]

    # -- graphs inside graphs -----------------------------------------------------------------------------------

    def _outside(self, placeholder: Any) -> Any | None:
        """What a placeholder stands for: a tensor or resource outside its graph, or None for an input of the whole run.

        If it is not known, it is a list of everything that it may be.
        """
        graph = placeholder.graph
        if id(graph) not in self._captures:
            self._captures[id(graph)] = {id(inner): outer for outer, inner in graph.captures}
        found = self._captures[id(graph)].get(id(placeholder))
        if found is not None or graph is self.graph:
            return found
        if self._owners is None:
            self._owners = {}
            self._find_owners(self.graph)
        if id(graph) not in self._owners:
            return []
        operation, skipped = self._owners[id(graph)]
        place = next((place for place, one in enumerate(graph.inputs) if one is placeholder), None)
        inputs = list(operation.inputs)
        return inputs if place is None or place + skipped >= len(inputs) else inputs[place + skipped]

    def _find_owners(self, graph: Any) -> None:
        assert self._owners is not None
        for operation in graph.get_operations():
            for inner in self._graphs(operation):
                if id(inner) not in self._owners:
                    self._owners[id(inner)] = operation, int(operation.type in ("If", "StatelessIf", "Case"))
                    self._find_owners(inner)

    def _graphs(self, operation: Any) -> list[Any]:
        found = []
        for attribute in _FUNCTIONS.get(operation.type, ()):
            value = operation.get_attr(attribute)
            for function in value if isinstance(value, list) else [value]:
                graph = keras_internals.function_graph(operation.graph, function.name)
                if graph is not None:
                    found.append(graph)
        return found


def _parts(tensor: Any) -> list[Any]:
    """The dense tensors that a tensor consists of: several for one that is sparse or ragged."""
    return [part for part in tf.nest.flatten(tensor, expand_composites=True) if hasattr(part, "op")]
