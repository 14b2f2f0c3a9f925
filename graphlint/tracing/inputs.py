"""What a model is called with, if that is known: symbolic tensors of the right structure, shapes and dtypes."""

from __future__ import annotations

import inspect
from typing import Any

import keras

from graphlint.errors import GraphlintError
from graphlint.knowledge import keras_internals
from graphlint.tracing.functions import is_open
from graphlint.tracing.structure import mapped, members

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class InputsError(GraphlintError):
    """``inputs`` cannot be used as the inputs of a model."""


def known_arguments(model: keras.Layer, inputs: Any = None) -> Arguments | None:
    """The arguments of one call of a model; None if nothing is known about them.

    Given ``inputs`` come first; then the Inputs of a Functional or Sequential model, a call that Keras recorded, and
    the shapes that the model was built for, with the batch left free.

    Raises:
        InputsError: the given inputs have no form that can be used.
    """
    if inputs is not None:
        args, kwargs = given_arguments(inputs)
        if isinstance(inputs, dict) and _names_parameters(model, inputs):
            return (), args[0]
        return args, kwargs
    graph = keras_internals.graph_model(model)
    if graph is not None:
        structure = keras_internals.declared_inputs(graph)
        if isinstance(model, keras.Sequential) and isinstance(structure, (list, tuple)) and len(structure) == 1:
            structure = structure[0]
        return (structure,), {}
    nodes = keras_internals.inbound_nodes(model)
    if nodes:
        args, kwargs = keras_internals.node_arguments(nodes[-1])
        return args, {key: value for key, value in kwargs.items() if key != "training"}
    shapes = keras_internals.build_shapes(model)
    if shapes is None or not is_open(model):
        return None
    given = {key.removesuffix("_shape"): _from_shapes(shape) for key, shape in shapes.items()}
    if len(given) == 1:
        return (next(iter(given.values())),), {}
    return (), given


def _names_parameters(model: keras.Layer, inputs: dict[str, Any]) -> bool:
    """Whether a dict has a value for each parameter that a call needs, and for nothing that is none."""
    parameters = dict(inspect.signature(model.call).parameters)
    needed = {name for name, one in parameters.items() if one.default is one.empty and one.kind not in _VARIADIC}
    return needed <= inputs.keys() <= parameters.keys()


def dtypes_unknown(model: keras.Layer) -> bool:
    """Whether `known_arguments` knows the shapes alone, so that it takes all inputs for floats."""
    return keras_internals.graph_model(model) is None and not keras_internals.inbound_nodes(model)


def as_integers(arguments: Arguments, places: set[int]) -> Arguments:
    """The same arguments with indices in the places of some tensors, counted as definitions order leaves."""
    args, kwargs = arguments
    chosen = {id(leaf) for place, leaf in enumerate(members([list(args), kwargs])) if place in places}

    def leaf(value: Any) -> Any:
        return keras.KerasTensor(value.shape, dtype="int32") if id(value) in chosen else value

    return mapped(args, leaf), mapped(kwargs, leaf)


def given_arguments(inputs: Any) -> Arguments:
    """Given inputs as arguments: a shape, a spec or a batch stands for one tensor; a list or a tuple of several of them
    for a structure of tensors, which is what the model receives first; a dict likewise.

    Raises:
        InputsError: there is something else in the structure.

    >>> (tensor,), _ = given_arguments((None, 4))
    >>> tensor.shape, tensor.dtype
    ((None, 4), 'float32')
    """
    return (_symbolic(inputs),), {}


def _symbolic(value: Any) -> Any:
    if isinstance(value, keras.KerasTensor):
        return value
    if _is_shape(value):
        return keras.KerasTensor(tuple(value))
    if isinstance(value, dict):
        return {key: _symbolic(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([_symbolic(item) for item in value])
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        dtype = keras.backend.standardize_dtype(value.dtype)
        shape = tuple(None if size is None else int(size) for size in value.shape)
        is_batch = hasattr(value, "__array__") and not isinstance(value, (keras.InputSpec,))
        return keras.KerasTensor((None, *shape[1:]) if is_batch and shape else shape, dtype=dtype)
    raise InputsError(
        f"expected inputs as shapes such as (None, 28, 28), keras.Input tensors or a batch, got {value!r:.80}: "
        "give one for each tensor that the model receives"
    )


def _is_shape(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and all(size is None or (isinstance(size, int) and not isinstance(size, bool)) for size in value)
        and len(value) > 0
    )


def _from_shapes(value: Any) -> Any:
    if _is_shape(value):
        return keras.KerasTensor((None, *value[1:]))
    if isinstance(value, dict):
        return {key: _from_shapes(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([_from_shapes(item) for item in value])
    return value
