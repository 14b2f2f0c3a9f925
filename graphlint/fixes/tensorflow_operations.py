"""TensorFlow operations that Keras 2 recorded as layers, as the Keras operations that compute the same.

``TFOpLambda`` names a TensorFlow function (``math.add``); ``SlicingOpLambda`` is ``x[...]``. Only operations whose
Keras counterpart takes the same tensors and gives the same numbers are in the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphlint.fixes.errors import Unmendable
from graphlint.graph.definition import CallDefinition, Constant, LayerDefinition

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class KerasOperation:
    """The configuration entry of an operation and the arguments of each of its calls."""

    entry: dict[str, Any]
    arguments: list[Arguments]


@dataclass(frozen=True, slots=True)
class _Operation:
    """A Keras operation: module below ``keras.src.ops``, class, arguments of TensorFlow's function in order.

    ``tensors`` are the arguments that stay call arguments, ``settings`` those that configure the operation, each with
    its Keras name.
    """

    module: str
    class_name: str
    tensors: tuple[str, ...]
    settings: dict[str, str]


_BINARY = ("x", "y")


def _binary(class_name: str) -> _Operation:
    return _Operation("numpy", class_name, _BINARY, {})


def _unary(module: str, class_name: str, argument: str = "x") -> _Operation:
    return _Operation(module, class_name, (argument,), {})


def _reduction(class_name: str) -> _Operation:
    return _Operation("numpy", class_name, ("input_tensor",), {"axis": "axis", "keepdims": "keepdims"})


_TABLE: dict[str, _Operation] = {
    "__operators__.add": _binary("Add"),
    "math.add": _binary("Add"),
    "math.subtract": _binary("Subtract"),
    "math.multiply": _binary("Multiply"),
    "math.truediv": _binary("TrueDivide"),
    "math.divide": _binary("TrueDivide"),
    "math.maximum": _binary("Maximum"),
    "math.minimum": _binary("Minimum"),
    "math.pow": _binary("Power"),
    "math.greater": _binary("Greater"),
    "math.greater_equal": _binary("GreaterEqual"),
    "math.less": _binary("Less"),
    "math.less_equal": _binary("LessEqual"),
    "math.not_equal": _binary("NotEqual"),
    "math.equal": _binary("Equal"),
    "math.abs": _unary("numpy", "Absolute"),
    "math.negative": _unary("numpy", "Negative"),
    "math.exp": _unary("numpy", "Exp"),
    "math.log": _unary("numpy", "Log"),
    "math.sqrt": _unary("numpy", "Sqrt"),
    "math.square": _unary("numpy", "Square"),
    "math.sin": _unary("numpy", "Sin"),
    "math.cos": _unary("numpy", "Cos"),
    "math.tanh": _unary("numpy", "Tanh"),
    "math.sigmoid": _unary("nn", "Sigmoid"),
    "math.rsqrt": _unary("math", "Rsqrt"),
    "nn.relu": _unary("nn", "Relu", "features"),
    "nn.softmax": _Operation("nn", "Softmax", ("logits",), {"axis": "axis"}),
    "math.reduce_mean": _reduction("Mean"),
    "math.reduce_sum": _reduction("Sum"),
    "math.reduce_max": _reduction("Max"),
    "math.reduce_min": _reduction("Min"),
    "reshape": _Operation("numpy", "Reshape", ("tensor",), {"shape": "newshape"}),
    "expand_dims": _Operation("numpy", "ExpandDims", ("input",), {"axis": "axis"}),
    "squeeze": _Operation("numpy", "Squeeze", ("input",), {"axis": "axis"}),
    "concat": _Operation("numpy", "Concatenate", ("values",), {"axis": "axis"}),
    "stack": _Operation("numpy", "Stack", ("values",), {"axis": "axis"}),
    "transpose": _Operation("numpy", "Transpose", ("a",), {"perm": "axes"}),
    "tile": _Operation("numpy", "Tile", ("input",), {"multiples": "repeats"}),
    "cast": _Operation("core", "Cast", ("x",), {"dtype": "dtype"}),
    "linalg.matmul": _Operation("numpy", "Matmul", ("a", "b"), {}),
    "stop_gradient": _unary("core", "StopGradient", "input"),
}


def as_keras_operation(layer: LayerDefinition, calls: list[CallDefinition]) -> KerasOperation | None:
    """The Keras operation for a recorded TensorFlow one; None for a layer that is none.

    Raises:
        Unmendable: there is no Keras operation for it in the table, or its calls differ in a setting.
    """
    if layer.class_name == "SlicingOpLambda":
        entry = _entry(_Operation("numpy", "GetItem", ("x", "key"), {}), layer, {})
        return KerasOperation(entry, [((_first(call), _key(call.kwargs.get("slice_spec"))), {}) for call in calls])
    if layer.class_name not in ("TFOpLambda", "TensorFlowOpLayer"):
        return None
    function = layer.config.get("function", layer.config.get("name"))
    operation = _TABLE.get(function) if isinstance(function, str) else None
    if operation is None or layer.class_name == "TensorFlowOpLayer":
        raise Unmendable(
            f"{layer.class_name} {layer.name!r} is TensorFlow's {function!r}, which has no equal in Keras: "
            "rebuild that part with keras.ops"
        )
    arguments: list[Arguments] = []
    settings: list[dict[str, Any]] = []
    for call in calls:
        given = dict(zip((*operation.tensors, *operation.settings), call.args, strict=False))
        given.update({key: value for key, value in call.kwargs.items() if key != "name"})
        unknown = {
            key: value
            for key, value in given.items()
            if key not in operation.tensors and key not in operation.settings and value not in (None, False)
        }
        if unknown:
            raise Unmendable(f"{layer.name!r} calls {function!r} with {sorted(unknown)}, which Keras does not take")
        arguments.append((tuple(given[name] for name in operation.tensors if name in given), {}))
        settings.append({new: _setting(given[old]) for old, new in operation.settings.items() if old in given})
    if any(one != settings[0] for one in settings):
        raise Unmendable(f"{layer.name!r} is called with different settings: {settings}")
    return KerasOperation(_entry(operation, layer, settings[0] if settings else {}), arguments)


def _entry(operation: _Operation, layer: LayerDefinition, settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "module": f"keras.src.ops.{operation.module}",
        "class_name": operation.class_name,
        "config": {**settings, "name": layer.name},
        "registered_name": operation.class_name,
    }


def _first(call: CallDefinition) -> Any:
    if not call.args:
        raise Unmendable(f"{call.layer.name!r} is called without a tensor: build that part again")
    return call.args[0]


def _setting(value: Any) -> Any:
    return value.value if isinstance(value, Constant) else value


def _key(spec: Any) -> Any:
    """TensorFlow's recorded slices, ``{"start": ..., "stop": ..., "step": ...}``, as Keras's."""
    if isinstance(spec, list):
        return [_key(one) for one in spec]
    if isinstance(spec, dict) and set(spec) == {"start", "stop", "step"}:
        return Constant("slice", [spec["start"], spec["stop"], spec["step"]])
    if isinstance(spec, dict) and spec.get("value") == "Ellipsis":
        return Constant("ellipsis")
    return spec
