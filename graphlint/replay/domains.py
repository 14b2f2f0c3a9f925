"""Value domains: symbolic tensors rebuild a model, arrays run it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import keras

from graphlint.errors import ShapeMismatch
from graphlint.knowledge import keras_internals
from graphlint.knowledge.raised import innermost
from graphlint.replay.interpreter import Environment, Interpreter
from graphlint.replay.live_graph import LiveGraph, filled_masks
from graphlint.replay.plan import Plan


class Eager:
    """Values are arrays of the backend: runs the model."""

    def __init__(self, live: LiveGraph) -> None:
        self.live = live

    def call(
        self, unit: str, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], recorded: Any
    ) -> list[Any]:
        try:
            return list(keras.tree.flatten(operation(*args, **kwargs)))
        except Exception as error:
            raise refused(self.live.graph.address(unit), args, kwargs, error) from error

    def bind(self, operation: Any, value: Any) -> Any:
        if value is None:
            return None
        mask = keras_internals.mask_of(value)
        bound = keras.ops.convert_to_tensor(value, dtype=operation.dtype, sparse=operation.sparse)
        bound = adjust_rank(bound, operation.batch_shape)
        if mask is not None:
            keras_internals.set_mask(bound, mask)
        return bound

    def attach_mask(self, value: Any, mask: Any) -> Any:
        keras_internals.set_mask(value, mask)
        return value

    def container(self, walk: Interpreter, plan: Plan, environment: Environment, context: Mapping[str, Any]) -> None:
        raise AssertionError("plans for running hold no rebuilt containers")


class Symbolic:
    """Values are KerasTensors: records the calls again.

    A call whose inputs are unchanged is recorded without shape inference; ``infer=True`` always infers. With
    ``explicit_masks`` a mask that travels with a tensor is also passed as an argument, for masks that will not be there
    at run time because they come from an Input.
    """

    def __init__(self, *, infer: bool = False, explicit_masks: bool = False) -> None:
        self.infer = infer
        self.explicit_masks = explicit_masks
        self.attached = 0

    def call(
        self, unit: str, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], recorded: Any
    ) -> list[Any]:
        if recorded is not None and not self.infer:
            outputs = _recall(recorded, args, kwargs)
            if outputs is not None:
                keras_internals.record_call(operation, args, kwargs, outputs)
                return outputs
        if self.explicit_masks and isinstance(operation, keras.Layer):
            kwargs = with_masks(operation, args, kwargs)
        return list(keras.tree.flatten(operation(*args, **kwargs)))

    def bind(self, operation: Any, value: Any) -> Any:
        if value is None:
            return None
        mask = keras_internals.mask_of(value)
        bound = value if value.dtype == operation.dtype else keras.ops.cast(value, operation.dtype)
        bound = adjust_rank(bound, operation.batch_shape)
        if mask is not None:
            keras_internals.set_mask(bound, mask)
        return bound

    def attach_mask(self, value: Any, mask: Any) -> Any:
        name = f"attach_mask_{self.attached}" if self.attached else "attach_mask"
        self.attached += 1
        inner = keras.Input(batch_shape=value.shape, dtype=value.dtype, name="unmasked")
        attach = keras.Model(inner, keras.layers.Identity(name="masked")(inner), name=name)
        with warnings.catch_warnings():
            # Keras warns that a nested model drops the mask it receives, and then sets it on the Inputs.
            warnings.simplefilter("ignore")
            masked = attach(value, mask=mask)
        keras_internals.set_mask(masked, mask)
        return masked

    def container(self, walk: Interpreter, plan: Plan, environment: Environment, context: Mapping[str, Any]) -> None:
        raise AssertionError("only a Rebuild can rebuild containers")


def _recall(node: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any] | None:
    """Copies of the outputs a call had, if it receives the same specs now and there are no masks."""
    before = keras_internals.node_inputs(node)
    now = [leaf for leaf in keras.tree.flatten((args, kwargs)) if isinstance(leaf, keras.KerasTensor)]
    outputs = keras_internals.node_outputs(node)
    if len(before) != len(now):
        return None
    for one, other in zip(before, now, strict=True):
        if one.shape != other.shape or one.dtype != other.dtype or one.sparse != other.sparse:
            return None
    for tensor in (*before, *now, *outputs):
        if keras_internals.mask_of(tensor) is not None or getattr(tensor, "ragged", False):
            return None
    return [
        keras.KerasTensor(shape=tensor.shape, dtype=tensor.dtype, sparse=tensor.sparse, name=tensor.name)
        for tensor in outputs
    ]


def with_masks(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments with the masks that Keras would take from the tensors."""
    filled = dict(kwargs)
    for name, masked in filled_masks(operation, args, kwargs).items():
        masks = keras.tree.map_structure(keras_internals.mask_of, masked)
        if any(mask is not None for mask in keras.tree.flatten(masks)):
            filled[name] = masks
    return filled


def refused(address: str, args: Any, kwargs: Any, error: Exception) -> ShapeMismatch:
    """The error for a call that Keras rejects, in one line."""
    tensors = [one for one in keras.tree.flatten((args, kwargs)) if hasattr(one, "shape")]
    shapes = ", ".join(f"{keras.backend.standardize_dtype(one.dtype)}{list(one.shape)}" for one in tensors)
    return ShapeMismatch(
        f"{address} cannot be called on {shapes or 'nothing'} ({type(error).__name__}: {innermost(error)}): "
        "give it inputs that it accepts, or change it too"
    )


def adjust_rank(value: Any, shape: tuple[int | None, ...]) -> Any:
    """Add or drop a last axis of size 1, as a Functional model does with its inputs."""
    rank, expected = len(value.shape), len(shape)
    if rank == expected + 1 and value.shape[-1] == 1:
        return keras.ops.squeeze(value, axis=-1)
    if rank == expected - 1 and shape[-1] == 1:
        return keras.ops.expand_dims(value, axis=-1)
    return value
