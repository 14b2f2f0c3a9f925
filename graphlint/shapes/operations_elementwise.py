"""Operations of one or two tensors, element by element."""

from __future__ import annotations

from graphlint.model.definition import Constant, TensorSpec
from graphlint.model.dimensions import axis_of, broadcast, multiply, reduced
from graphlint.shapes.dtypes import FLOATX, is_float, result_type, standard
from graphlint.shapes.inference import Insufficient, LayerCall, Outcome, as_spec, operand, operation
from graphlint.shapes.structure import flat_specs

_SMALL_INTEGERS = ("bool", "int8", "int16", "int32", "uint8", "uint16", "uint32")


def first(call: LayerCall, least_rank: int = 0) -> tuple[tuple[int | None, ...], str | None]:
    """Shape and dtype of the first tensor, under whatever name it is passed."""
    spec = as_spec(call.args[0] if call.args else next(iter(call.kwargs.values()), None))
    if spec is None or spec.shape is None or len(spec.shape) < least_rank:
        raise Insufficient
    return spec.shape, spec.dtype


@operation(
    "Absolute",
    "Abs",
    "BitwiseInvert",
    "BitwiseNot",
    "Conj",
    "Conjugate",
    "Copy",
    "Flip",
    "Fliplr",
    "Flipud",
    "Imag",
    "NanToNum",
    "Negative",
    "Real",
    "Roll",
    "Round",
    "Sign",
    "Tril",
    "Triu",
    "Trunc",
    "BitwiseAnd",
    "BitwiseOr",
    "BitwiseXor",
    "BitwiseLeftShift",
    "LeftShift",
    "BitwiseRightShift",
    "RightShift",
    "Relu",
    "Relu6",
    "Sigmoid",
    "SparseSigmoid",
    "Softplus",
    "Softsign",
    "SoftShrink",
    "SparsePlus",
    "Silu",
    "Squareplus",
    "LogSigmoid",
    "LeakyRelu",
    "HardSigmoid",
    "HardSilu",
    "Elu",
    "Selu",
    "Gelu",
    "Celu",
    "TanhShrink",
    "HardTanh",
    "HardShrink",
    "Threshold",
    "Rsqrt",
    "Erf",
    "Erfinv",
    "StopGradient",
    "ScatterUpdate",
    "SliceUpdate",
    "RMSNorm",
    "LayerNorm",
    "BatchNorm",
)
def keeps_spec(call: LayerCall) -> Outcome:
    """Shape and dtype of the first tensor. Mirrors ``compute_output_spec``."""
    return TensorSpec(*first(call))


@operation("Softmax", "LogSoftmax", "Sparsemax")
def softmax(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = first(call)
    for axis in call.axes(default=-1) or []:
        axis_of(axis, len(shape))
    return TensorSpec(shape, dtype)


@operation(
    "Angle",
    "Arccos",
    "Arccosh",
    "Arcsin",
    "Arcsinh",
    "Arctan",
    "Arctanh",
    "Ceil",
    "Cos",
    "Cosh",
    "Exp",
    "Exp2",
    "Expm1",
    "Fabs",
    "Floor",
    "Log",
    "Log10",
    "Log1p",
    "Log2",
    "Sin",
    "Sinc",
    "Sinh",
    "Sqrt",
    "Tan",
    "Tanh",
    "Erfc",
)
def floating(call: LayerCall) -> Outcome:
    """The shape of the first tensor; integers become floats. Mirrors ``compute_output_spec``."""
    shape, dtype = first(call)
    return TensorSpec(shape, result_type(dtype, float))


@operation("Deg2rad", "Rad2deg", "I0")
def degrees(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = first(call)
    if dtype in ("int64", "float64"):
        return TensorSpec(shape, "float64")
    return TensorSpec(shape, dtype if dtype in ("bfloat16", "float16") else FLOATX)


@operation("Cbrt")
def cube_root(call: LayerCall) -> Outcome:
    """Mirrors ``Cbrt.compute_output_spec``."""
    shape, dtype = first(call)
    return TensorSpec(shape, _widened(dtype))


def _widened(dtype: str | None) -> str | None:
    if dtype == "int64":
        return "float64"
    return FLOATX if dtype in _SMALL_INTEGERS else dtype


@operation("Square", "Clip")
def square(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = first(call)
    return TensorSpec(shape, "int32" if dtype == "bool" else dtype)


@operation("Reciprocal", "Normalize", "Polar")
def default_float(call: LayerCall) -> Outcome:
    """The shape of the first tensor in Keras's default float type, whatever its dtype.

    Mirrors ``compute_output_spec``.
    """
    shape, _ = first(call)
    return TensorSpec(shape, FLOATX)


@operation("Isfinite", "Isinf", "Isnan", "Isneginf", "Isposinf", "Isreal", "IsIn", "LogicalNot", "Signbit", "InTopK")
def boolean(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, _ = first(call)
    return TensorSpec(shape, "bool")


@operation("Digitize")
def digitize(call: LayerCall) -> Outcome:
    """Mirrors ``Digitize.compute_output_spec``."""
    shape, _ = first(call)
    return TensorSpec(shape, "int32")


@operation("Cast", "SaturateCast")
def cast(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, _ = first(call)
    return TensorSpec(shape, standard(call.config.get("dtype")))


@operation("Array", "ConvertToTensor", "EmptyLike", "FullLike", "OnesLike", "ZerosLike")
def like(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = first(call)
    declared = call.config.get("dtype")
    return TensorSpec(shape, dtype if declared is None else standard(declared))


# -- two tensors ------------------------------------------------------------------------------------------------


@operation("Add", "Subtract", "Multiply", "Maximum", "Minimum", "Fmax", "Fmin", "Power", "FloorDivide", "Gcd", "Lcm")
def binary(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    (left, one), (right, other) = call.operand(0, "x1"), call.operand(1, "x2")
    return TensorSpec(broadcast(left, right), result_type(one, other))


@operation("Mod", "Fmod")
def modulo(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    (left, one), (right, other) = call.operand(0, "x1"), call.operand(1, "x2")
    dtype = result_type(one, other)
    return TensorSpec(broadcast(left, right), "int32" if dtype == "bool" else dtype)


@operation("Divide", "DivideNoNan", "TrueDivide", "Arctan2", "Ldexp", "Logaddexp", "Logaddexp2", "Nextafter")
def floating_binary(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    (left, one), (right, other) = call.operand(0, "x1"), call.operand(1, "x2")
    return TensorSpec(broadcast(left, right), result_type(one, other, float))


@operation("Hypot", "Heaviside")
def widened_binary(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    (left, one), (right, other) = call.operand(0, "x1"), call.operand(1, "x2")
    dtype = result_type(one, other)
    return TensorSpec(broadcast(left, right), dtype if dtype == "bool" else _widened(dtype))


@operation(
    "Equal",
    "NotEqual",
    "Greater",
    "GreaterEqual",
    "Less",
    "LessEqual",
    "LogicalAnd",
    "LogicalOr",
    "LogicalXor",
    "Isclose",
)
def comparison(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    (left, _), (right, _) = call.operand(0, "x1"), call.operand(1, "x2")
    return TensorSpec(broadcast(left, right), "bool")


@operation("AllClose")
def all_close(call: LayerCall) -> Outcome:
    """Mirrors ``AllClose.compute_output_spec``."""
    return TensorSpec((), "bool")


@operation("Where")
def where(call: LayerCall) -> Outcome:
    """Mirrors ``Where.compute_output_spec``."""
    condition, _ = call.operand(0, "condition")
    given = [call.argument(1, "x1"), call.argument(2, "x2")]
    (left, one), (right, other) = [((), int) if value is None else operand(value) for value in given]
    return TensorSpec(broadcast(broadcast(condition, left), right), result_type(one, other))


@operation("Select")
def select(call: LayerCall) -> Outcome:
    """Mirrors ``Select.compute_output_spec``."""
    return flat_specs(call.argument(1, "choicelist"))[0]


# -- reductions -------------------------------------------------------------------------------------------------


def _reduction(call: LayerCall) -> tuple[tuple[int | None, ...], str | None]:
    shape, dtype = first(call)
    return reduced(shape, call.axes(), call.config.get("keepdims") is True), dtype


@operation("All", "Any")
def boolean_reduction(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    return TensorSpec(_reduction(call)[0], "bool")


@operation("Argmax", "Argmin", "CountNonzero", "Nanargmax", "Nanargmin")
def index_reduction(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    return TensorSpec(_reduction(call)[0], "int32")


@operation("Amax", "Amin", "Max", "Min", "Ptp", "Nanmax", "Nanmin")
def reduction(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    return TensorSpec(*_reduction(call))


@operation("Sum", "Nansum", "Prod", "Nanprod")
def summation(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = _reduction(call)
    declared = call.config.get("dtype")
    return TensorSpec(shape, _accumulated(dtype) if declared is None else standard(declared))


def _accumulated(dtype: str | None) -> str | None:
    """What a sum of small integers is kept in."""
    if dtype in ("bool", "int8", "int16"):
        return "int32"
    return "uint32" if dtype in ("uint8", "uint16") else dtype


@operation("Mean", "Std", "Norm")
def mean(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = _reduction(call)
    return TensorSpec(shape, dtype if is_float(dtype) or dtype is None else FLOATX)


@operation("Var", "Median", "Nanmean", "Nanmedian", "Nanstd", "Nanvar")
def variance(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = _reduction(call)
    return TensorSpec(shape, result_type(dtype, float))


@operation("Logsumexp")
def logsumexp(call: LayerCall) -> Outcome:
    """Mirrors ``Logsumexp.compute_output_spec``."""
    return TensorSpec(_reduction(call)[0], FLOATX)


@operation("Average")
def average(call: LayerCall) -> Outcome:
    """Mirrors ``Average.compute_output_spec``."""
    shape, dtype = first(call)
    weights = call.argument(1, "weights")
    kinds = [dtype, float] if weights is None else [dtype, float, operand(weights)[1]]
    return TensorSpec(reduced(shape, call.axes(), False), result_type(*kinds))


@operation("Moments")
def moments(call: LayerCall) -> Outcome:
    """Mirrors ``Moments.compute_output_spec``."""
    shape, dtype = first(call)
    found = reduced(shape, call.axes("axes"), call.config.get("keepdims") is True)
    return [TensorSpec(found, dtype)] * 2


@operation("Quantile", "Nanquantile", "Percentile", "Nanpercentile")
def quantile(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = _reduction(call)
    given = call.argument(1, "q")
    points = as_spec(given)
    if points is not None and points.shape:
        shape = (points.shape[0], *shape)
    elif isinstance(given, (list, tuple)) and not isinstance(given, TensorSpec):
        percent = (call.layer.class_name or "").lower().endswith("percentile")
        if len(given) > 1 or percent:
            shape = (len(given), *shape)
    elif isinstance(given, Constant) and points is None:
        raise Insufficient
    if is_float(dtype) and call.layer.class_name == "Percentile":
        return TensorSpec(shape, dtype)
    return TensorSpec(shape, result_type(dtype, float))


@operation("Cumsum", "Cumprod", "Nancumsum", "Nancumprod")
def cumulative(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, dtype = first(call)
    declared = call.config.get("dtype")
    kind = dtype if declared is None else standard(declared)
    return TensorSpec(_along(call, shape, None), "int32" if kind == "bool" else kind)


def _along(call: LayerCall, shape: tuple[int | None, ...], default: int | None) -> tuple[int | None, ...]:
    """The shape of an operation along an axis, or on the flattened tensor where there is none."""
    axis = call.axis(default=default)
    if axis is None:
        return (multiply(*shape),)
    axis_of(axis, len(shape))
    return shape


@operation("Sort")
def sort(call: LayerCall) -> Outcome:
    """Mirrors ``Sort.compute_output_spec``."""
    shape, dtype = first(call)
    return TensorSpec(_along(call, shape, -1), dtype)


@operation("Argsort", "Argpartition")
def argsort(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_spec``."""
    shape, _ = first(call)
    return TensorSpec(_along(call, shape, -1), "int32")


@operation("Corrcoef")
def correlation(call: LayerCall) -> Outcome:
    """Mirrors ``Corrcoef.compute_output_spec``."""
    shape, dtype = first(call)
    return TensorSpec(shape, "float64" if dtype == "int64" else result_type(dtype, float))
