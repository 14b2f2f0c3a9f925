"""Operations of Keras 2, which its files hold as layers named after a TensorFlow function."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from graphlint.model.definition import Constant, LayerDefinition, TensorSpec
from graphlint.model.dimensions import Dim, ShapeError, shape_text
from graphlint.shapes.inference import Insufficient, LayerCall, Outcome, infer, integer, layer
from graphlint.shapes.operations_elementwise import first
from graphlint.shapes.structure import flat_specs

_KEEPS = frozenset(
    {
        "abs",
        "ceil",
        "clip_by_value",
        "cos",
        "crelu",
        "dropout",
        "elu",
        "exp",
        "floor",
        "gelu",
        "identity",
        "l2_normalize",
        "leaky_relu",
        "log",
        "log1p",
        "log_softmax",
        "neg",
        "negative",
        "ones_like",
        "relu",
        "relu6",
        "round",
        "rsqrt",
        "selu",
        "sigmoid",
        "sign",
        "silu",
        "sin",
        "softmax",
        "softplus",
        "sqrt",
        "square",
        "stop_gradient",
        "swish",
        "tanh",
        "zeros_like",
    }
)
_BINARY = {
    "add": "Add",
    "sub": "Subtract",
    "subtract": "Subtract",
    "mul": "Multiply",
    "multiply": "Multiply",
    "truediv": "Divide",
    "divide": "Divide",
    "floordiv": "FloorDivide",
    "mod": "Mod",
    "pow": "Power",
    "maximum": "Maximum",
    "minimum": "Minimum",
    "squared_difference": "Subtract",
}
_COMPARISONS = {
    "equal": "Equal",
    "not_equal": "NotEqual",
    "greater": "Greater",
    "greater_equal": "GreaterEqual",
    "less": "Less",
    "less_equal": "LessEqual",
    "logical_and": "LogicalAnd",
    "logical_or": "LogicalOr",
}
_REDUCTIONS = frozenset(
    {
        "reduce_mean",
        "reduce_sum",
        "reduce_max",
        "reduce_min",
        "reduce_prod",
        "reduce_std",
        "reduce_variance",
        "reduce_any",
        "reduce_all",
        "reduce_logsumexp",
    }
)
_RENAMED = {
    "reshape": ("Reshape", {"shape": "newshape"}),
    "expand_dims": ("ExpandDims", {"axis": "axis"}),
    "squeeze": ("Squeeze", {"axis": "axis"}),
    "transpose": ("Transpose", {"perm": "axes"}),
    "concat": ("Concatenate", {"axis": "axis"}),
    "stack": ("Stack", {"axis": "axis"}),
    "unstack": ("Unstack", {"axis": "axis", "num": "num"}),
    "tile": ("Tile", {"multiples": "repeats"}),
    "cast": ("Cast", {"dtype": "dtype"}),
    "one_hot": ("OneHot", {"depth": "num_classes", "axis": "axis"}),
    "pad": ("Pad", {"paddings": "pad_width"}),
    "cumsum": ("Cumsum", {"axis": "axis"}),
    "argmax": ("Argmax", {"axis": "axis"}),
    "argmin": ("Argmin", {"axis": "axis"}),
}


@layer("TFOpLambda", "TensorFlowOpLayer", autocast=False)
def tensorflow_function(call: LayerCall) -> Outcome:
    """Mirrors the functions of TensorFlow, by those of Keras 3 that do the same."""
    function = call.config.get("function")
    name = function.rpartition(".")[2] if isinstance(function, str) else ""
    if name in _KEEPS:
        return TensorSpec(*first(call))
    if name in _BINARY or name in _COMPARISONS:
        operands = [*call.args, call.kwargs.get("y")][:2]
        dtype = "bool" if name in _COMPARISONS else flat_specs(operands)[0].dtype
        return [TensorSpec(spec.shape, dtype) for spec in _run(call, {**_BINARY, **_COMPARISONS}[name], operands, {})]
    if name in _REDUCTIONS:
        config = {"axis": call.kwargs.get("axis"), "keepdims": call.kwargs.get("keepdims")}
        dtype = first(call)[1]
        return [TensorSpec(spec.shape, dtype) for spec in _run(call, "Amax", call.args[:1], config)]
    if name in ("argmax", "argmin"):
        found = _run(call, "Argmax", call.args[:1], {"axis": call.kwargs.get("axis") or 0})
        return TensorSpec(found[0].shape, str(call.kwargs.get("output_type") or "int64"))
    if name in _RENAMED:
        operation, names = _RENAMED[name]
        config = {ours: _plain(call.kwargs[theirs]) for theirs, ours in names.items() if theirs in call.kwargs}
        return _run(call, operation, call.args[:1], config)
    if name == "split":
        parts = _plain(call.kwargs.get("num_or_size_splits"))
        if isinstance(parts, list) and all(isinstance(part, int) for part in parts):
            parts = list(accumulate(parts[:-1]))
        return _run(call, "Split", call.args[:1], {"indices_or_sections": parts, "axis": call.kwargs.get("axis", 0)})
    if name == "matmul":
        return _run(call, "Matmul", [_turned(call, "a", call.args[0]), _turned(call, "b", call.kwargs.get("b"))], {})
    raise Insufficient


def _run(call: LayerCall, operation: str, args: Any, config: dict[str, Any]) -> tuple[TensorSpec, ...]:
    """What the operation of Keras 3 that does the same returns."""
    definition = LayerDefinition(call.layer.name, operation, "keras.src.ops", config=config, is_operation=True)
    found = infer(definition, tuple(args), {})
    if found is None:
        raise Insufficient
    return found


def _plain(value: Any) -> Any:
    """A list argument without what is known only at run time."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, (TensorSpec, Constant)) else value


def _turned(call: LayerCall, name: str, value: Any) -> TensorSpec:
    spec = flat_specs(value)[0]
    if call.kwargs.get(f"transpose_{name}") is True and spec.shape is not None:
        return TensorSpec((*spec.shape[:-2], spec.shape[-1], spec.shape[-2]), spec.dtype)
    return spec


@layer("SlicingOpLambda", autocast=False)
def slicing(call: LayerCall) -> Outcome:
    """Mirrors ``Tensor.__getitem__`` of TensorFlow."""
    shape, dtype = first(call)
    keys = call.kwargs.get("slice_spec")
    if not isinstance(keys, list):
        keys = [keys]
    rest, found = list(shape), list[Dim]()
    for position, key in enumerate(keys):
        if key is None:
            found.append(1)
        elif isinstance(key, Constant) or key == "...":
            taken = len(rest) - sum(later is not None for later in keys[position + 1 :])
            found += rest[: max(taken, 0)]
            rest = rest[max(taken, 0) :]
        elif not rest:
            raise ShapeError(
                f"got {len(keys)} indices for the shape {shape_text(shape)}, expected at most {len(shape)}"
            )
        elif isinstance(key, dict):
            bounds, size = [key.get("start"), key.get("stop"), key.get("step")], rest.pop(0)
            known = size is not None and all(bound is None or isinstance(bound, int) for bound in bounds)
            found.append(len(range(*slice(*bounds).indices(size))) if known and size is not None else None)
        else:
            integer(key)
            rest.pop(0)
    return TensorSpec((*found, *rest), dtype)
