"""Functions of ``keras.ops`` and ``keras.random``, and the operators of tensors: which they are, and how a call of one
is written as an operation of a Functional model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from functools import cache, wraps
from typing import Any, Protocol

import keras

from graphlint.knowledge import keras_internals
from graphlint.knowledge.origin import is_live_keras_class
from graphlint.tracing.structure import mapped

_UNNAMED = frozenset(
    {
        "cond",
        "while_loop",
        "scan",
        "map",
        "vectorized_map",
        "fori_loop",
        "associative_scan",
        "switch",
        "custom_gradient",
        "custom_jvp",
        "vectorize",
        "is_tensor",
        "shape",
        "dtype",
        "convert_to_numpy",
        "convert_to_tensor",
        "saturate_cast",
        "unstack",
    }
)
"""Functions that run code of the caller, return no tensor, or are not one operation."""

_BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
_OPERATORS = (
    *(f"__{name}__" for name in _BINARY),
    *(f"__r{name}__" for name in _BINARY),
    *(f"__{name}__" for name in ("lt", "le", "gt", "ge", "eq", "ne", "neg", "abs", "invert", "getitem")),
)


@dataclass(frozen=True, slots=True)
class Function:
    """A function or operator as code calls it: ``name`` as one writes it, ``run`` what it does."""

    name: str
    run: Callable[..., Any]
    symbolic: Callable[..., Any]
    """The same on symbolic tensors."""
    _: KW_ONLY
    is_random: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """A call of a function as a call of an operation, with the arguments where the operation has them."""

    operation: keras.Operation
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Recorder(Protocol):
    """Who is told of calls."""

    def in_open_body(self) -> bool: ...

    def operation(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any: ...


def is_open(layer: keras.Layer) -> bool:
    """Whether a call of a layer runs custom code."""
    if keras_internals.graph_model(layer) is not None or isinstance(layer, keras.Sequential):
        return not keras_internals.runs_its_graph(layer)
    return not is_keras(layer) and keras_internals.has_call(layer)


def runs_code(layer: keras.Layer) -> bool:
    """Whether calling a layer itself runs code that is not Keras's own: an opened one, a Lambda."""
    return is_open(layer) or isinstance(layer, keras.layers.Lambda)


def is_keras(layer: keras.Layer) -> bool:
    """Whether the class of a layer is built in."""
    return is_live_keras_class(type(layer))


class _Relay:
    """Whom the functions that stand for others tell of calls: they are made once, and used by every trace."""

    recorder: Recorder | None = None


_RELAY = _Relay()


@contextmanager
def intercepted(recorder: Recorder, classes: Iterable[type] = ()) -> Iterator[None]:
    """A context in which ``recorder`` is told of calls of the functions of ``keras.ops`` and ``keras.random``, and of
    the operators of variables and of further classes."""
    before, _RELAY.recorder = _RELAY.recorder, recorder
    try:
        with keras_internals.replaced(_interceptions(classes)):
            yield
    finally:
        _RELAY.recorder = before


def _interceptions(classes: Iterable[type]) -> Iterator[keras_internals.Replacement]:
    for prefix, modules in keras_internals.operation_modules():
        for name, function in list(vars(modules[0]).items()):
            if name.startswith("_") or name in _UNNAMED or isinstance(function, type) or not callable(function):
                continue
            known = Function(f"{prefix}.{name}", function, function, is_random=prefix == "keras.random")
            wrapper = _intercepted(known)
            for module in modules:
                if getattr(module, name, None) is function:
                    yield module, name, wrapper
    for cls in (keras_internals.VARIABLE, *classes):
        for name in _OPERATORS:
            original = getattr(cls, name, None)
            symbolic = getattr(keras.KerasTensor, name, None)
            if original is None or symbolic is None or original is getattr(object, name, None):
                continue
            if symbolic is getattr(object, name, None):
                continue
            yield cls, name, _intercepted(Function(name, original, symbolic))


@cache
def _intercepted(function: Function) -> Callable[..., Any]:
    run = function.run

    @wraps(run)
    def call(*args: Any, **kwargs: Any) -> Any:
        recorder = _RELAY.recorder
        if recorder is None or not recorder.in_open_body():
            return run(*args, **kwargs)
        return recorder.operation(function, args, kwargs)

    return call


def named(
    function: Function, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any, stand_in: Callable[[Any], Any]
) -> Named | None:
    """The operation that a Functional model would record for a call.

    ``stand_in`` gives the symbolic tensor (or other value) for every leaf of the arguments. None where the function
    makes no operation, several, or one that cannot be written down.
    """
    calls: list[Named] = []
    result = mapped(outputs, lambda leaf: keras.KerasTensor((1,)) if leaf is not None else None)

    def symbolic_call(operation: keras.Operation, *args: Any, **kwargs: Any) -> Any:
        calls.append(Named(operation, args, kwargs))
        return result

    try:
        with keras_internals.replaced([(keras.Operation, "symbolic_call", symbolic_call)]):
            returned = function.symbolic(*mapped(args, stand_in), **mapped(kwargs, stand_in))
    except Exception:
        return None
    if len(calls) != 1 or returned is not result:
        return None
    return calls[0]


def configuration(operation: keras.Operation) -> dict[str, Any] | None:
    """What an operation was made with, as a file would hold it; None where it cannot be written."""
    try:
        config: dict[str, Any] = json.loads(json.dumps(keras.saving.serialize_keras_object(operation)["config"]))
    except Exception:
        return None
    return config
