"""TensorFlow operations that Keras 2 recorded as layers, as the Keras operations that compute the same.

``TFOpLambda`` names a TensorFlow function (``math.add``); ``SlicingOpLambda`` is ``x[...]``. The table contains only
operations whose Keras counterpart takes the same tensors and returns the same values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from graphlint.errors import Unmendable
from graphlint.model.definition import CallDefinition, Constant, ConstantKind, LayerDefinition, TensorRef, flat
from graphlint.sources.literals import nested_shape

OPERATION_LAYERS = frozenset({"TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"})
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
    its Keras name. ``default`` are settings whose default in TensorFlow differs from Keras, under their Keras names.
    ``only`` are arguments that Keras does not have, with the values that have no effect; None and False never have one.
    """

    module: str
    class_name: str
    tensors: tuple[str, ...]
    settings: dict[str, str] = field(default_factory=dict)
    default: dict[str, Any] = field(default_factory=dict)
    only: dict[str, tuple[Any, ...]] = field(default_factory=dict)


_BINARY = ("x", "y")


def _binary(class_name: str, names: tuple[str, ...] = _BINARY) -> _Operation:
    return _Operation("numpy", class_name, names)


def _unary(module: str, class_name: str, argument: str = "x", **only: tuple[Any, ...]) -> _Operation:
    return _Operation(module, class_name, (argument,), only=only)


def _reduction(class_name: str, module: str = "numpy") -> _Operation:
    return _Operation(module, class_name, ("input_tensor",), {"axis": "axis", "keepdims": "keepdims"})


def _along(class_name: str, tensor: str = "input", module: str = "numpy", **only: tuple[Any, ...]) -> _Operation:
    """An operation along one axis, which in TensorFlow is the first by default."""
    return _Operation(module, class_name, (tensor,), {"axis": "axis"}, {"axis": 0}, only)


def _pool(class_name: str) -> _Operation:
    settings = {"ksize": "pool_size", "strides": "strides", "padding": "padding"}
    return _Operation(
        "nn", class_name, ("input",), settings, {"data_format": "channels_last"}, {"data_format": ("NHWC",)}
    )


_L2_NORMALIZE = _Operation(
    "nn", "Normalize", ("x",), {"axis": "axis"}, {"epsilon": 1e-6}, {"epsilon": (1e-12,), "dim": ()}
)
"""TensorFlow's epsilon is the smallest sum of squares, Keras's the smallest norm."""
_SPLIT = _Operation("numpy", "Split", ("value",), {"num_or_size_splits": "indices_or_sections", "axis": "axis"})
_PAD = _Operation("numpy", "Pad", ("tensor", "constant_values"), {"paddings": "pad_width", "mode": "mode"})
_SLICE = _Operation("numpy", "GetItem", ("input", "key"))
_BAND_PART = _Operation("numpy", "Tril", ("input",))
_IDENTITY = _Operation("layers", "Identity", ("input",))
_TABLE: dict[str, _Operation] = {
    "__operators__.add": _binary("Add"),
    "math.add": _binary("Add"),
    "math.subtract": _binary("Subtract"),
    "math.multiply": _binary("Multiply"),
    "math.truediv": _binary("TrueDivide"),
    "math.divide": _binary("TrueDivide"),
    "math.divide_no_nan": _binary("DivideNoNan"),
    "math.floordiv": _binary("FloorDivide"),
    "floor_div": _binary("FloorDivide"),
    "math.floormod": _binary("Mod"),
    "math.mod": _binary("Mod"),
    "math.maximum": _binary("Maximum"),
    "math.minimum": _binary("Minimum"),
    "math.pow": _binary("Power"),
    "math.atan2": _binary("Arctan2", ("y", "x")),
    "math.greater": _binary("Greater"),
    "math.greater_equal": _binary("GreaterEqual"),
    "math.less": _binary("Less"),
    "math.less_equal": _binary("LessEqual"),
    "math.not_equal": _binary("NotEqual"),
    "math.equal": _binary("Equal"),
    "math.logical_and": _binary("LogicalAnd"),
    "math.logical_or": _binary("LogicalOr"),
    "math.logical_not": _unary("numpy", "LogicalNot"),
    "where": _binary("Where", ("condition", "x", "y")),
    "nn.bias_add": _Operation("numpy", "Add", ("value", "bias"), only={"data_format": ("NHWC", "N...C")}),
    "math.add_n": _Operation("layers", "Add", ("inputs",)),
    "math.abs": _unary("numpy", "Absolute"),
    "math.negative": _unary("numpy", "Negative"),
    "math.exp": _unary("numpy", "Exp"),
    "math.expm1": _unary("numpy", "Expm1"),
    "math.log": _unary("numpy", "Log"),
    "math.log1p": _unary("numpy", "Log1p"),
    "math.sqrt": _unary("numpy", "Sqrt"),
    "math.square": _unary("numpy", "Square"),
    "math.reciprocal": _unary("numpy", "Reciprocal"),
    "math.sign": _unary("numpy", "Sign"),
    "math.floor": _unary("numpy", "Floor"),
    "math.ceil": _unary("numpy", "Ceil"),
    "math.round": _unary("numpy", "Round"),
    "math.rint": _unary("numpy", "Round"),
    "math.sin": _unary("numpy", "Sin"),
    "math.cos": _unary("numpy", "Cos"),
    "math.tan": _unary("numpy", "Tan"),
    "math.asin": _unary("numpy", "Arcsin"),
    "math.acos": _unary("numpy", "Arccos"),
    "math.atan": _unary("numpy", "Arctan"),
    "math.sinh": _unary("numpy", "Sinh"),
    "math.cosh": _unary("numpy", "Cosh"),
    "math.tanh": _unary("numpy", "Tanh"),
    "math.asinh": _unary("numpy", "Arcsinh"),
    "math.acosh": _unary("numpy", "Arccosh"),
    "math.atanh": _unary("numpy", "Arctanh"),
    "math.is_nan": _unary("numpy", "Isnan"),
    "math.is_inf": _unary("numpy", "Isinf"),
    "math.is_finite": _unary("numpy", "Isfinite"),
    "math.sigmoid": _unary("nn", "Sigmoid"),
    "math.log_sigmoid": _unary("nn", "LogSigmoid"),
    "math.softplus": _unary("nn", "Softplus", "features"),
    "math.rsqrt": _unary("math", "Rsqrt"),
    "math.erf": _unary("math", "Erf"),
    "nn.relu": _unary("nn", "Relu", "features"),
    "nn.relu6": _unary("nn", "Relu6", "features"),
    "nn.elu": _unary("nn", "Elu", "features"),
    "nn.selu": _unary("nn", "Selu", "features"),
    "nn.silu": _unary("nn", "Silu", "features", beta=(1.0,)),
    "nn.softsign": _unary("nn", "Softsign", "features"),
    "nn.gelu": _Operation("nn", "Gelu", ("features",), {"approximate": "approximate"}, {"approximate": False}),
    "nn.leaky_relu": _Operation("nn", "LeakyRelu", ("features",), {"alpha": "negative_slope"}),
    "nn.softmax": _Operation("nn", "Softmax", ("logits",), {"axis": "axis"}),
    "nn.log_softmax": _Operation("nn", "LogSoftmax", ("logits",), {"axis": "axis"}),
    "nn.max_pool2d": _pool("MaxPool"),
    "nn.avg_pool2d": _pool("AveragePool"),
    "math.l2_normalize": _L2_NORMALIZE,
    "linalg.l2_normalize": _L2_NORMALIZE,
    "nn.l2_normalize": _L2_NORMALIZE,
    "clip_by_value": _Operation("numpy", "Clip", ("t",), {"clip_value_min": "x_min", "clip_value_max": "x_max"}),
    "math.reduce_mean": _reduction("Mean"),
    "math.reduce_sum": _reduction("Sum"),
    "math.reduce_max": _reduction("Max"),
    "math.reduce_min": _reduction("Min"),
    "math.reduce_prod": _reduction("Prod"),
    "math.reduce_variance": _reduction("Var"),
    "math.reduce_std": _reduction("Std"),
    "math.reduce_any": _reduction("Any"),
    "math.reduce_all": _reduction("All"),
    "math.reduce_logsumexp": _reduction("Logsumexp", "math"),
    "math.reduce_euclidean_norm": _reduction("Norm", "linalg"),
    "math.count_nonzero": _Operation("numpy", "CountNonzero", ("input",), {"axis": "axis"}),
    "math.argmax": _along("Argmax", output_type=("int64", "int32")),
    "math.argmin": _along("Argmin", output_type=("int64", "int32")),
    "math.cumsum": _along("Cumsum", "x"),
    "math.cumprod": _along("Cumprod", "x"),
    "sort": _Operation("numpy", "Sort", ("values",), {"axis": "axis"}, only={"direction": ("ASCENDING",)}),
    "argsort": _Operation("numpy", "Argsort", ("values",), {"axis": "axis"}, only={"direction": ("ASCENDING",)}),
    "math.top_k": _Operation("math", "TopK", ("input",), {"k": "k", "sorted": "sorted"}),
    "reshape": _Operation("numpy", "Reshape", ("tensor",), {"shape": "newshape"}),
    "expand_dims": _Operation("numpy", "ExpandDims", ("input",), {"axis": "axis"}),
    "squeeze": _Operation("numpy", "Squeeze", ("input",), {"axis": "axis"}),
    "broadcast_to": _Operation("numpy", "BroadcastTo", ("input",), {"shape": "shape"}),
    "concat": _Operation("numpy", "Concatenate", ("values",), {"axis": "axis"}),
    "stack": _Operation("numpy", "Stack", ("values",), {"axis": "axis"}),
    "unstack": _Operation("core", "Unstack", ("value",), {"num": "num", "axis": "axis"}),
    "split": _SPLIT,
    "transpose": _Operation("numpy", "Transpose", ("a",), {"perm": "axes"}),
    "tile": _Operation("numpy", "Tile", ("input",), {"multiples": "repeats"}),
    "repeat": _Operation("numpy", "Repeat", ("input",), {"repeats": "repeats", "axis": "axis"}),
    "reverse": _Operation("numpy", "Flip", ("tensor",), {"axis": "axis"}),
    "roll": _Operation("numpy", "Roll", ("input",), {"shift": "shift", "axis": "axis"}),
    "pad": _PAD,
    "slice": _SLICE,
    "strided_slice": _SLICE,
    "gather": _Operation(
        "numpy",
        "Take",
        ("params", "indices"),
        {"axis": "axis"},
        {"axis": 0},
        {"batch_dims": (0,), "validate_indices": ()},
    ),
    "one_hot": _Operation("nn", "OneHot", ("indices",), {"depth": "num_classes", "axis": "axis", "dtype": "dtype"}),
    "zeros_like": _Operation("numpy", "ZerosLike", ("input",), {"dtype": "dtype"}),
    "ones_like": _Operation("numpy", "OnesLike", ("input",), {"dtype": "dtype"}),
    "cast": _Operation("core", "Cast", ("x",), {"dtype": "dtype"}),
    "linalg.matmul": _binary("Matmul", ("a", "b")),
    "linalg.diag_part": _Operation("numpy", "Diagonal", ("input",), default={"axis1": -2, "axis2": -1}),
    "linalg.trace": _Operation("numpy", "Trace", ("x",), default={"axis1": -2, "axis2": -1}),
    "norm": _Operation(
        "linalg", "Norm", ("tensor",), {"axis": "axis", "keepdims": "keepdims"}, only={"ord": ("euclidean",)}
    ),
    "linalg.band_part": _BAND_PART,
    "keras.backend.batch_flatten": _Operation("layers", "Flatten", ("x",)),
    "image.flip_left_right": _Operation("numpy", "Flip", ("image",), default={"axis": -2}),
    "image.flip_up_down": _Operation("numpy", "Flip", ("image",), default={"axis": -3}),
    "image.rgb_to_grayscale": _Operation(
        "image", "RGBToGrayscale", ("images",), default={"data_format": "channels_last"}
    ),
    "image.resize": _Operation(
        "image",
        "Resize",
        ("images",),
        {"size": "size", "method": "interpolation", "antialias": "antialias"},
        {"data_format": "channels_last"},
    ),
    "stop_gradient": _unary("core", "StopGradient", "input"),
    "identity": _IDENTITY,
    "ensure_shape": _IDENTITY,
}
_LISTS = frozenset({"indices_or_sections", "newshape", "pad_width", "repeats", "shape", "size"})
"""Settings that remain a list even with a single entry."""


def as_keras_operation(layer: LayerDefinition, calls: list[CallDefinition]) -> KerasOperation | None:
    """The Keras operation for a recorded TensorFlow one; None for any other layer.

    Raises:
        Unmendable: if the table has no Keras operation for it, or its calls differ in a setting.
    """
    if layer.class_name == "SlicingOpLambda":
        keys = [_key(call.kwargs.get("slice_spec")) for call in calls]
        if any("slice_spec" not in call.kwargs or _computed(call.kwargs["slice_spec"]) for call in calls):
            raise Unmendable(f"{layer.name!r} takes a slice with computed bounds: rebuild that part with keras.ops")
        return KerasOperation(
            _entry(_SLICE, layer, {}), [((_first(call), key), {}) for call, key in zip(calls, keys, strict=True)]
        )
    if layer.class_name not in ("TFOpLambda", "TensorFlowOpLayer"):
        return None
    function = layer.config.get("function", layer.config.get("name"))
    operation = _TABLE.get(function.removeprefix("compat.v1.")) if isinstance(function, str) else None
    if operation is None or layer.class_name == "TensorFlowOpLayer":
        raise Unmendable(
            f"{layer.class_name} {layer.name!r} is TensorFlow's {function!r}, which has no equivalent in Keras: "
            "rebuild that part with keras.ops"
        )
    arguments: list[Arguments] = []
    settings: list[dict[str, Any]] = []
    for call in calls:
        given = dict(zip((*operation.tensors, *operation.settings), call.args, strict=False))
        given.update({key: value for key, value in call.kwargs.items() if key != "name"})
        operation = _turned(operation, given)
        unknown = [
            key
            for key, value in given.items()
            if key not in (*operation.tensors, *operation.settings)
            and not (value is None or value is False or value in operation.only.get(key, ()))
        ]
        if unknown:
            raise Unmendable(f"{layer.name!r} calls {function!r} with {sorted(unknown)}, which Keras does not accept")
        if operation.tensors[0] not in given:
            raise Unmendable(f"the file does not contain the arguments of {layer.name!r}: rebuild it with keras.ops")
        dtype = call.outputs[0].dtype if call.outputs else None
        arguments.append((tuple(_constant(given[name], dtype) for name in operation.tensors if name in given), {}))
        named = {
            new: _setting(new, given[old]) for old, new in operation.settings.items() if given.get(old) is not None
        }
        settings.append({**operation.default, **named})
        if _computed(settings[-1]):
            raise Unmendable(f"{layer.name!r} calls {function!r} with a computed setting: rebuild it in code")
    if any(one != settings[0] for one in settings):
        raise Unmendable(f"{layer.name!r} is called with different settings: {settings}")
    return KerasOperation(_entry(operation, layer, settings[0] if settings else {}), arguments)


def _turned(operation: _Operation, given: dict[str, Any]) -> _Operation:
    """What Keras expresses differently: products with a transposed operand, split sizes, zero padding."""
    turned = [bool(given.pop(f"transpose_{name}", False)) for name in ("a", "b")]
    if any(turned) and operation.class_name in ("Matmul", "Einsum"):
        one, other = ("...ji" if turned[0] else "...ij"), ("...kj" if turned[1] else "...jk")
        return _Operation("numpy", "Einsum", ("a", "b"), default={"subscripts": f"{one},{other}->...ik"})
    if operation is _SPLIT:
        sizes = given.get("num_or_size_splits")
        if isinstance(sizes, list):
            known = sizes[:-1]
            if not all(isinstance(size, int) and size >= 0 for size in known):
                raise Unmendable(f"a tensor is split into parts of sizes {sizes}: rebuild it with keras.ops")
            given["num_or_size_splits"] = list(accumulate(known))
    if operation is _L2_NORMALIZE and given.get("axis") is None:
        raise Unmendable("a tensor is normalized over its batch axis: rebuild that part with keras.ops")
    if operation is _BAND_PART:
        band = given.pop("num_lower", None), given.pop("num_upper", None)
        if band not in ((-1, 0), (0, -1)):
            raise Unmendable(f"a band of {band} diagonals is taken: rebuild that part with keras.ops")
        return _Operation("numpy", "Tril" if band[0] else "Triu", ("input",))
    if operation is _IDENTITY:
        given.pop("shape", None)
    if operation is _SLICE:
        given["key"] = _slices(given)
    if operation is _PAD:
        given["mode"] = str(given.get("mode") or "CONSTANT").lower()
        if given["mode"] != "constant" or given.get("constant_values") == 0:
            given.pop("constant_values", None)
    return operation


def _entry(operation: _Operation, layer: LayerDefinition, settings: dict[str, Any]) -> dict[str, Any]:
    is_layer = operation.module == "layers"
    return {
        "module": "keras.layers" if is_layer else f"keras.src.ops.{operation.module}",
        "class_name": operation.class_name,
        "config": {**settings, "name": layer.name},
        "registered_name": None if is_layer else operation.class_name,
    }


def _first(call: CallDefinition) -> Any:
    if not call.args:
        raise Unmendable(f"{call.layer.name!r} is called without a tensor: rebuild that part with keras.ops")
    return call.args[0]


def _slices(given: dict[str, Any]) -> list[Constant]:
    """The arguments of ``tf.slice`` (begin and size) and ``tf.strided_slice`` (begin, end and strides) as slices."""
    begin, size, end = given.pop("begin", None), given.pop("size", None), given.pop("end", None)
    strides = given.pop("strides", None)
    stop = size if end is None else end
    bounds = (begin, stop, strides or [1] * len(stop or ()))
    numbers = [item for bound in bounds if isinstance(bound, list) for item in bound]
    if not all(isinstance(bound, list) for bound in bounds) or not all(isinstance(item, int) for item in numbers):
        raise Unmendable("a slice has computed bounds: rebuild that part with keras.ops")
    if end is None:
        stop = [None if length == -1 else first + length for first, length in zip(begin, stop, strict=True)]
    return [
        Constant(ConstantKind.SLICE, [first, last, step])
        for first, last, step in zip(begin, stop, bounds[2], strict=True)
    ]


def _computed(value: Any) -> bool:
    return any(isinstance(leaf, TensorRef) for leaf in flat(value))


def _constant(value: Any, dtype: str | None) -> Any:
    """Numbers in lists as an array, which Keras expects as an operand."""
    if not isinstance(value, list) or not value:
        return value
    numbers = list(flat(value))
    if not all(isinstance(number, (int, float)) for number in numbers):
        return value
    if all(isinstance(number, int) for number in numbers):
        kind = "bool" if all(isinstance(number, bool) for number in numbers) else "int32"
    else:
        kind = dtype if dtype is not None and "float" in dtype else "float32"
    return Constant(ConstantKind.NUMPY, value, nested_shape(value), dtype=kind)


def _setting(name: str, value: Any) -> Any:
    if isinstance(value, Constant):
        return value.value
    if name == "padding" and isinstance(value, str):
        return value.lower()
    if name == "newshape" and isinstance(value, list) and -1 not in value:
        # A single computed size follows from the others.
        computed = [isinstance(size, TensorRef) for size in value]
        return [-1 if one else size for one, size in zip(computed, value, strict=True)] if sum(computed) == 1 else value
    if isinstance(value, list) and len(value) == 1 and name not in _LISTS:
        return value[0]
    return value


def _key(spec: Any) -> Any:
    """TensorFlow's recorded slices, ``{"start": ..., "stop": ..., "step": ...}``, as Keras's."""
    if isinstance(spec, list):
        return [_key(one) for one in spec]
    if isinstance(spec, dict) and set(spec) == {"start", "stop", "step"}:
        return Constant(ConstantKind.SLICE, [spec["start"], spec["stop"], spec["step"]])
    if isinstance(spec, dict) and spec.get("value") == "Ellipsis":
        return Constant(ConstantKind.ELLIPSIS)
    return spec
