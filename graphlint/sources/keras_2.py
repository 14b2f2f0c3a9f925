"""From a model of Keras 2 in memory (`tf_keras`, or a Keras before 3) to a `ModelDefinition`. Keras 3 is not needed.

The graph is read from the configuration that the model would write into a file, in which nothing is as it is only in
memory; variables, their flags and their numbers are those of the model. The model is only read, never changed.
"""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from graphlint.errors import UnreadableError, one_line
from graphlint.model.definition import Format, FrontEnd, LayerDefinition, ModelDefinition, VariableDefinition
from graphlint.sources.configuration import read_configuration
from graphlint.sources.keras_archive import compile_config, optimizer
from graphlint.sources.legacy_weights import Array, attach_arrays
from graphlint.sources.limits import DEFAULT

_CHUNK_BYTES = 1 << 20


def package_of(model: Any) -> str | None:
    """The package and version of Keras 2 that a model is of; None for anything else.

    >>> package_of(object())
    """
    for cls in type(model).__mro__:
        if cls.__name__ == "Model" and cls.__module__.endswith(".engine.training"):
            name = cls.__module__.partition(".")[0]
            version = getattr(sys.modules.get(name), "__version__", None)
            return f"{name} {version}" if version else name
    return None


def no_model_of_keras_3(model: Any) -> str:
    """What to tell somebody who passes something else where a ``keras.Model`` of Keras 3 is needed.

    >>> no_model_of_keras_3(3)
    'expected a keras.Model, got int: pass the model itself, not its output'
    """
    package = package_of(model)
    if package is None:
        return f"expected a keras.Model, got {type(model).__name__}: pass the model itself, not its output"
    return (
        f"expected a model of Keras 3, got {model.name!r} of {package}, which graphlint checks, but does not run or "
        "change: graphlint fix makes a model of Keras 3 of a file of it, where that is possible"
    )


class _Numbers:
    """The numbers of one variable, copied from TensorFlow on demand."""

    stored = True
    position = 0

    def __init__(self, variable: Any) -> None:
        self.variable = variable
        self.shape = tuple(int(size) for size in variable.shape)
        self.dtype = str(getattr(variable.dtype, "name", variable.dtype)).removesuffix("_ref")
        self.nbytes = math.prod(self.shape) * int(getattr(variable.dtype, "size", 4) or 1)

    def read(self) -> np.ndarray:
        return np.asarray(self.variable)

    def chunks(self) -> Iterator[np.ndarray]:
        flat = self.read().reshape(-1)
        step = max(1, _CHUNK_BYTES // max(1, flat.itemsize))
        yield from (flat[start : start + step] for start in range(0, flat.size, step))


def read_keras_2(model: Any) -> ModelDefinition:
    """Define a model of Keras 2 in memory.

    Raises:
        UnreadableError: a layer in it does not tell what it is made of.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = _configuration(model)
        compiled = _compiled(model)
    if compiled:
        config = {**config, "compile_config": compiled}
    root, problems = read_configuration(config, DEFAULT)
    definition = ModelDefinition(
        root,
        FrontEnd.STATIC,
        Format.LIVE,
        keras_version=(package_of(model) or "").rpartition(" ")[2] or None,
        has_weights=bool(model.built),
        compile_config=compile_config(config),
        optimizer=optimizer(config),
        problems=problems,
    )
    if model.built:
        _attach(root, model)
    return definition


def _configuration(model: Any) -> dict[str, Any]:
    """What the model would write of itself; for one that is code, its class alone."""
    try:
        text = model.to_json()
    except NotImplementedError as error:
        if getattr(model, "_is_graph_network", False) or hasattr(model, "_build_input_shape"):
            raise UnreadableError(f"{model.name!r} does not tell what it is made of: {one_line(error)}") from None
        return {"class_name": type(model).__name__, "config": {"name": model.name}, **_class_of(model)}
    except Exception as error:  # Whatever the code of a layer raises.
        raise UnreadableError(
            f"{model.name!r} does not tell what it is made of: {type(error).__name__}: {one_line(error)}"
        ) from None
    return {**json.loads(text), **_class_of(model)}


def _class_of(model: Any) -> dict[str, Any]:
    """How a file would name a class of somebody's own: where it is, and the name that it was registered under."""
    cls = type(model)
    name = (package_of(model) or "").partition(" ")[0]
    if cls.__module__.partition(".")[0] == name:
        return {}
    saving: Any = getattr(sys.modules.get(name), "saving", None)
    registered = saving.get_registered_name(cls) if hasattr(saving, "get_registered_name") else cls.__name__
    found = {"module": cls.__module__}
    return {**found, "registered_name": registered} if registered != cls.__name__ else found


def _compiled(model: Any) -> dict[str, Any] | None:
    if getattr(model, "optimizer", None) is None:
        return None
    try:
        found = json.loads(json.dumps(model.get_compile_config(), default=str))
    except Exception:  # Losses and metrics may be of any class.
        return {}
    return found if isinstance(found, dict) else {}


def _attach(root: LayerDefinition, model: Any) -> None:
    """Give every layer its variables, in the order in which the model would save them."""
    held = {layer.name: _arrays(layer) for layer in model.layers}
    inside = {id(array.dataset.variable) for found in held.values() for array in found}  # type: ignore[attr-defined]
    own = [array for array in _arrays(model) if id(array.dataset.variable) not in inside]  # type: ignore[attr-defined]
    attach_arrays(root, held, own)
    seen: set[int] = set()
    stack = [root]
    while stack:
        layer = stack.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        stack += [*layer.children.values(), *(layer.body.layers if layer.body is not None else ())]
        for one in layer.variables:
            _as_it_is(one)


def _as_it_is(definition: VariableDefinition) -> None:
    variable = getattr(definition.values, "variable", None)
    if variable is not None:
        definition.obj = variable
        definition.trainable = definition.trainable and bool(variable.trainable)


def _arrays(layer: Any) -> list[Array]:
    found = [*layer.trainable_weights, *layer.non_trainable_weights]
    return [Array(str(one.name), _Numbers(one)) for one in found]
