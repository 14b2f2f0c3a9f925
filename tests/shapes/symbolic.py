"""What Keras itself says of the calls of a model, next to what is inferred."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras

from graphlint.model.definition import CallDefinition, TensorRef, TensorSpec, map_leaves
from graphlint.shapes import infer
from graphlint.sources.live import read_live

Spec = tuple[tuple[int | None, ...], str]


def build(function: Callable[..., Any], *specs: Spec) -> keras.Model:
    """A model that calls ``function`` on Inputs of these full shapes and dtypes."""
    inputs = [keras.Input(batch_shape=shape, dtype=dtype) for shape, dtype in specs]
    return keras.Model(inputs, function(*inputs))


def calls(model: keras.Model) -> Iterator[tuple[CallDefinition, tuple[Any, ...], dict[str, Any]]]:
    """The calls of a Functional model with the specs that they receive, Inputs left out."""
    body = read_live(model).root.body
    assert body is not None

    def spec(leaf: Any) -> Any:
        return body.calls[leaf.call].outputs[leaf.output] if isinstance(leaf, TensorRef) else leaf

    for call in body.calls:
        if call.layer.class_name != "InputLayer":
            yield call, tuple(map_leaves(arg, spec) for arg in call.args), map_leaves(call.kwargs, spec)


def compare(model: keras.Model) -> set[str]:
    """Assert that every call infers what Keras recorded. Returns the names of the classes that were called."""
    seen = set()
    for call, args, kwargs in calls(model):
        found = infer(call.layer, args, kwargs)
        assert found is not None, f"{call.layer.class_name}({args}, {kwargs}): nothing inferred"
        assert found == call.outputs, f"{call.layer.class_name}({args}, {kwargs}), config {call.layer.config}"
        assert all(type(one) is TensorSpec for one in found)
        seen.add(str(call.layer.class_name))
    return seen
