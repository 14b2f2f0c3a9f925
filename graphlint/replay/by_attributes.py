"""Copies of layers and models that cannot be made from a configuration: attribute by attribute."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

import keras

from graphlint.errors import CannotClone
from graphlint.knowledge import keras_internals
from graphlint.knowledge.origin import is_live_keras_class

_PLAIN = (str, bytes, int, float, complex, bool, type(None), type, ModuleType)
_SHARED = (
    keras.DTypePolicy,
    keras.KerasTensor,
    keras.constraints.Constraint,
    keras.initializers.Initializer,
    keras.losses.Loss,
    keras.optimizers.schedules.LearningRateSchedule,
    keras.regularizers.Regularizer,
)
"""Objects of Keras that keep nothing which a run changes."""


def can_be_copied(operation: Any) -> bool:
    """Whether a layer is one of the user's own code, or holds one, and keeps what it needs in its attributes."""
    return (
        isinstance(operation, keras.Layer)
        and keras_internals.graph_model(operation) is None
        and not isinstance(operation, keras.Sequential)
        and any(not is_live_keras_class(type(layer)) for layer in keras_internals.all_layers(operation))
    )


class Attributes:
    """A layer made like another one, without its constructor.

    What Keras keeps in a layer is made again by Keras's own constructor; every other attribute is copied. Layers
    inside come from ``layer_copy``. Variables have new memory and the same values; optimizers start without a state.
    """

    def __init__(self, old: Any, layer_copy: Callable[[Any], Any]) -> None:
        self.old, self.layer_copy = old, layer_copy
        self.new = keras_internals.without_constructor(old)
        self.known: dict[int, Any] = {id(old): self.new}

    def copy(self) -> Any:
        """
        Raises:
            CannotClone: an attribute holds something of which it is not known how to make another one.
        """
        for variable in keras_internals.own_variables(self.old):
            self.known[id(variable)] = keras_internals.variable_like(variable)
            keras_internals.track(self.new, self.known[id(variable)])
        for name, value in keras_internals.attributes_of_code(self.old):
            setattr(self.new, name, self.value(value, name))
        keras_internals.take_built_state(self.old, self.new)
        return self.new

    def value(self, value: Any, name: str) -> Any:
        """The copy of what an attribute holds."""
        if isinstance(value, (_PLAIN, _SHARED)):
            return value
        if id(value) not in self.known:
            self.known[id(value)] = self.made(value, name)
        return self.known[id(value)]

    def made(self, value: Any, name: str) -> Any:
        inner = partial(self.value, name=name)
        if isinstance(value, keras.Layer):
            return self.layer_copy(value)
        if isinstance(value, keras_internals.VARIABLE):
            return keras_internals.variable_like(value)
        if isinstance(value, keras.metrics.Metric):
            made = type(value).from_config(value.get_config())
            for one, other in zip(value.variables, made.variables, strict=False):
                other.assign(keras_internals.numbers(one))
            return made
        if isinstance(value, keras.random.SeedGenerator):
            made = type(value).from_config(value.get_config())
            made.state.assign(keras_internals.numbers(value.state))
            return made
        if isinstance(value, keras.optimizers.Optimizer):
            return type(value).from_config(value.get_config())
        if isinstance(value, dict):
            return {key: inner(item) for key, item in value.items()}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return value.__class__(*map(inner, value))  # TensorFlow wraps it.
        if isinstance(value, (list, tuple, set, frozenset)):
            kind = next(kind for kind in (list, tuple, frozenset, set) if isinstance(value, kind))
            return kind(map(inner, value))
        if isinstance(value, MethodType):
            return MethodType(value.__func__, inner(value.__self__))
        if isinstance(value, partial):
            return partial(
                inner(value.func), *map(inner, value.args), **{k: inner(v) for k, v in value.keywords.items()}
            )
        return self.other(value, name)

    def other(self, value: Any, name: str) -> Any:
        """Functions and objects of other classes: they may be copied if nothing of the model is in them."""
        held = next(
            (one for one in _reached(value) if isinstance(one, (keras.Operation, keras_internals.VARIABLE))), None
        )
        if held is not None:
            raise CannotClone(
                f"{type(self.old).__name__} {self.old.name!r} has no configuration, and its attribute {name!r} is a "
                f"{type(value).__name__} that holds {type(held).__name__} {held.name!r}: give the class get_config() "
                "and from_config()",
                [self.old],
            )
        try:
            return copy.deepcopy(value)
        except Exception:
            return value


def _reached(value: Any) -> Iterator[Any]:
    """What an object holds, in its attributes, its items and the names that its code encloses."""
    seen: set[int] = set()
    stack = [value]
    while stack:
        one = stack.pop()
        if id(one) in seen or isinstance(one, _PLAIN):
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, FunctionType):
            stack += [cell.cell_contents for cell in one.__closure__ or () if _is_set(cell)]
            stack += [*(one.__defaults__ or ()), *(one.__kwdefaults__ or {}).values()]
        elif isinstance(one, dict):
            stack += [*one.keys(), *one.values()]
        elif isinstance(one, (list, tuple, set, frozenset)):
            stack += one
        elif isinstance(one, MethodType):
            stack += [one.__self__, one.__func__]
        else:
            stack += getattr(one, "__dict__", {}).values()


def _is_set(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True
