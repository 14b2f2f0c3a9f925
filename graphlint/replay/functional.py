"""A model that is code as an equal Functional one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from graphlint.errors import OpaqueBody, Unequal, listed
from graphlint.knowledge import keras_internals
from graphlint.knowledge.raised import told
from graphlint.model.address import ROOT
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.opened import Opened
from graphlint.replay.transaction import ONE_AT_A_TIME, Transaction
from graphlint.replay.verify import States, distance, random_values


def as_functional(model: keras.Model, inputs: Any = None) -> keras.Model:
    """A Functional model that is equal to a subclassed one, and shares its layers and variables.

    The model is run once, abstractly, and what its code calls becomes a graph; so does the code of subclassed models
    inside it. Custom layers stay as they are. Both are then compared on two batch sizes, in inference and in training,
    with the same random numbers. A Functional model that holds no subclassed one is returned as it is. What the class
    has beside its call, such as a training step, is not carried over, and the result is not compiled.

    Args:
        model: the model; one that was never called needs ``inputs``.
        inputs: a shape, a ``keras.Input``, a batch, or a list or dict of them: what the model is called with.

    Raises:
        OpaqueBody: the code does something that no Functional model does; the message says what.
        Unequal: the result computes something else.

    >>> import keras
    >>> class Twice(keras.Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.dense = keras.layers.Dense(4, name="dense")
    ...     def call(self, x):
    ...         return self.dense(self.dense(x)) + x
    >>> model = Twice()
    >>> outputs = model(keras.ops.zeros((1, 4)))
    >>> functional = as_functional(model)
    >>> [layer.name for layer in functional.layers], functional.variables[0] is model.variables[0]
    (['x', 'dense'], True)
    """
    with ONE_AT_A_TIME:
        return _functional(model, inputs)


def _functional(model: keras.Model, inputs: Any) -> keras.Model:
    opened = Opened(model, inputs)
    graph = opened.graph
    inside = {
        scope.layer
        for scope in graph.scopes.values()
        if scope.id != ROOT and opened.is_traced(scope.id) and graph.layers[scope.layer].is_model
    }
    if not opened.is_traced(ROOT) and not inside:
        LiveGraph(model)
        return model
    opened.opens = inside
    opened.strict = lambda path: path == ROOT or path in inside
    with Transaction(keras_internals.all_layers(model)):
        functional, _ = opened.build()
        if functional is None:
            raise OpaqueBody(f"{model.name!r} cannot be made Functional: {opened.incomplete}")
        _require_all_variables(model, functional, opened)
        if opened.is_traced(ROOT):
            args, kwargs, structure = opened.declared()
        else:
            args, kwargs, structure = (functional.input,), {}, functional.input
        _prove(_Pair(model, functional, args, kwargs, structure))
    return functional


def _require_all_variables(model: keras.Model, functional: keras.Model, opened: Opened) -> None:
    held = {id(one) for layer in keras_internals.all_layers(functional) for one in _variables(layer)}
    paths = {id(layer.obj): layer.path for layer in opened.graph.layers.values() if layer.obj is not None}
    missing = [
        f"{paths.get(id(layer), layer.name)}@{variable.name}"
        for layer in keras_internals.all_layers(model)
        for variable in _variables(layer)
        if id(variable) not in held
    ]
    if missing:
        raise OpaqueBody(
            f"{model.name!r} cannot be made Functional: it holds {listed(missing, 3)}, which no call of it reads, "
            "and a Functional model holds only what it calls"
        )


def _variables(layer: keras.Layer) -> list[keras.Variable]:
    return [*keras_internals.own_variables(layer), *keras_internals.seed_states(layer)]


@dataclass(frozen=True, slots=True)
class _Pair:
    model: keras.Model
    functional: keras.Model
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    structure: Any

    def batches(self) -> Iterator[tuple[tuple[Any, ...], dict[str, Any], Any]]:
        """Arguments of the model and inputs of the Functional one, with the same numbers."""
        symbols = keras.tree.flatten(self.structure)
        for values in random_values(self.model, symbols):
            arrays = dict(zip(map(id, symbols), values, strict=True))

            def fill(leaf: Any, arrays: dict[int, Any] = arrays) -> Any:
                return keras.ops.convert_to_tensor(arrays[id(leaf)]) if id(leaf) in arrays else leaf

            args, kwargs, structure = keras.tree.map_structure(fill, (self.args, dict(self.kwargs), self.structure))
            yield tuple(args), kwargs, structure


def _prove(pair: _Pair) -> None:
    """Compare a model and its Functional twin.

    Raises:
        Unequal: they differ.
    """
    states = States([pair.model, pair.functional])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for args, kwargs, structure in pair.batches():
            for training in (False, True):
                try:
                    expected = pair.model(*args, **kwargs, training=training)
                except Exception:
                    if training:
                        continue  # A model may need in training what only fit() gives it.
                    raise
                finally:
                    states.restore()
                difference = _difference(expected, lambda t=training, s=structure: pair.functional(s, training=t))
                states.restore()
                if difference is None:
                    continue
                again = _difference(expected, lambda t=training, a=args, k=kwargs: pair.model(*a, **k, training=t))
                states.restore()
                if again is None:
                    mode = "training" if training else "inference"
                    raise Unequal(
                        f"the Functional model does not compute what {pair.model.name!r} does: {difference}, in {mode}"
                    )


def _difference(expected: Any, run: Any) -> str | None:
    """In what something else differs from what was expected; None for something that is random by itself."""
    try:
        actual = run()
    except Exception as error:
        return f"it raises {told(error, 150)}"
    one, other = keras.tree.flatten(expected), keras.tree.flatten(actual)
    if len(one) != len(other):
        return f"{len(one)} outputs became {len(other)}"
    for number, (left, right) in enumerate(zip(one, other, strict=True)):
        if (keras_internals.mask_of(left) is None) != (keras_internals.mask_of(right) is None):
            return f"output {number} carries a mask in only one of them"
        first, second = (np.asarray(keras.ops.convert_to_numpy(value)) for value in (left, right))
        if first.shape != second.shape or first.dtype != second.dtype:
            return f"output {number} is {first.dtype}{list(first.shape)} and {second.dtype}{list(second.shape)}"
        largest, close = distance(first, second)
        if not close:
            return f"output {number} differs by {largest:.2g}"
    return None
