"""From the specs that a call receives to the specs it returns: the registry and what every family of layers shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import wraps
from typing import Any

from graphlint.model.definition import (
    Constant,
    ConstantKind,
    LayerDefinition,
    Shape,
    TensorRef,
    TensorSpec,
    flat,
    map_leaves,
)
from graphlint.model.dimensions import ShapeError, agree, shape_text
from graphlint.shapes.dtypes import compute_dtype, is_float

Outcome = TensorSpec | Sequence[TensorSpec]

MAX_RANK = 254
"""What TensorFlow allows."""
MAX_DIMENSION = 2**63 - 1
MAX_OUTPUTS = 10_000
"""Outputs of one call; a number in a file must not make a list of that length."""


class Insufficient(Exception):
    """What is known is not enough to infer anything, or the configuration has no form that Keras writes."""


class Strictness:
    """Whether a rule may fail on a configuration that it did not foresee: the tests say no."""

    on = False

    @classmethod
    def forgiven(cls) -> tuple[type[Exception], ...]:
        """What counts as "nothing can be said": a user's check goes on, and a test shows the fault."""
        return () if cls.on else (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)


@dataclass(slots=True)
class LayerCall:
    """One call whose outputs are to be inferred. ``dtype`` is the compute dtype of the layer."""

    layer: LayerDefinition
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    _: KW_ONLY
    dtype: str

    @property
    def config(self) -> dict[str, Any]:
        return self.layer.config

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """A call argument, given by position or by name; else, as operations have it, from the configuration."""
        if position < len(self.args):
            return self.args[position]
        if name in self.kwargs:
            return self.kwargs[name]
        return self.config.get(name, default)

    def tensor(self, position: int = 0, name: str = "inputs") -> TensorSpec:
        """The spec of a tensor argument of known rank."""
        value = self.args[position] if position < len(self.args) else self.kwargs.get(name)
        if value is None and name == "inputs" and not self.args and len(self.kwargs) == 1:
            value = next(iter(self.kwargs.values()))
        while isinstance(value, list) and len(value) == 1:
            value = value[0]
        spec = as_spec(value)
        if spec is None or spec.shape is None:
            raise Insufficient
        return spec

    def shape(self, position: int = 0, name: str = "inputs") -> Shape:
        """The shape of a tensor argument."""
        shape = self.tensor(position, name).shape
        assert shape is not None
        return shape

    def tensors(self, position: int = 0, name: str = "inputs") -> list[TensorSpec]:
        """The specs of an argument that is a list of tensors."""
        value = self.args[position] if position < len(self.args) else self.kwargs.get(name)
        if value is None and len(self.kwargs) == 1:
            value = next(iter(self.kwargs.values()))
        specs = [as_spec(leaf) for leaf in flat(value)]
        found = [spec for spec in specs if spec is not None and spec.shape is not None]
        if not found or len(found) != len(specs):
            raise Insufficient
        return found

    def operand(self, position: int, name: str) -> tuple[Shape, Any]:
        """Shape and dtype of an operand of an operation; a plain number has no axes and its Python type."""
        return operand(self.argument(position, name))

    def axes(self, name: str = "axis", default: Any = None) -> list[int] | None:
        """One axis or several; None for all."""
        value = self.config.get(name, default)
        if value is None:
            return None
        return [integer(axis) for axis in value] if isinstance(value, (list, tuple)) else [integer(value)]

    def axis(self, name: str = "axis", default: int | None = None) -> int | None:
        """One axis; None for all."""
        found = self.axes(name, default)
        if found is not None and len(found) != 1:
            raise Insufficient
        return None if found is None else found[0]

    def returns(self, *shapes: Iterable[int | None]) -> Outcome:
        """Outputs of these shapes in the compute dtype."""
        return [TensorSpec(tuple(shape), self.dtype) for shape in shapes]

    # -- configuration ------------------------------------------------------------------------------------------

    def integer(self, name: str, default: int | None = None) -> int:
        return integer(self.config.get(name, default))

    def positive(self, name: str, default: int | None = None) -> int:
        """An integer of at least 1, as what a stride or a number of groups must be."""
        found = self.integer(name, default)
        if found < 1:
            raise Insufficient
        return found

    def integers(self, name: str, count: int, default: Any = None) -> tuple[int, ...]:
        """A number of integers, or one integer that stands for all."""
        return integers(self.config.get(name, default), count)

    @property
    def channels_first(self) -> bool:
        return self.config.get("data_format") == "channels_first"

    @property
    def channel_axis(self) -> int:
        return 1 if self.channels_first else -1

    def child(self, *names: str) -> LayerDefinition:
        """The sublayer of a wrapper."""
        for name in names:
            if name in self.layer.children:
                return self.layer.children[name]
        for name in names:
            if is_serialized(self.config.get(name)):
                return definition_of(self.config[name])
        raise Insufficient


def as_spec(value: Any) -> TensorSpec | None:
    """The spec of a leaf that is a tensor or an array."""
    if isinstance(value, TensorSpec):
        return value
    if (
        isinstance(value, Constant)
        and value.kind in (ConstantKind.TENSOR, ConstantKind.NUMPY, ConstantKind.VARIABLE)
        and value.shape is not None
    ):
        return TensorSpec(tuple(value.shape), value.dtype)
    return None


def operand(value: Any) -> tuple[Shape, Any]:
    """Shape and dtype of an operand of an operation; a plain number has no axes and its Python type."""
    spec = as_spec(value)
    if spec is not None:
        if spec.shape is None:
            raise Insufficient
        return spec.shape, spec.dtype
    if isinstance(value, (bool, int, float)):
        return (), type(value)
    raise Insufficient


def integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise Insufficient


def integers(value: Any, count: int) -> tuple[int, ...]:
    if isinstance(value, (list, tuple)):
        if len(value) == 1 and count > 1:
            value = list(value) * count
        if len(value) != count:
            raise Insufficient
        return tuple(integer(item) for item in value)
    return (integer(value),) * count


def is_serialized(value: Any) -> bool:
    """Whether a configuration value is a serialized layer."""
    return (
        isinstance(value, dict) and isinstance(value.get("class_name"), str) and isinstance(value.get("config"), dict)
    )


def definition_of(serialized: dict[str, Any]) -> LayerDefinition:
    """A sublayer that only the configuration of its wrapper holds."""
    config = serialized["config"]
    dtype = config.get("dtype")
    build = serialized.get("build_config")
    return LayerDefinition(
        str(config.get("name", "")),
        serialized["class_name"],
        serialized.get("module"),
        registered_name=serialized.get("registered_name"),
        config=config,
        trainable=config.get("trainable") is not False,
        dtype_policy=_policy_name(dtype),
        build_shape=build.get("input_shape") if isinstance(build, dict) else None,
    )


def _policy_name(dtype: Any) -> str | None:
    if isinstance(dtype, dict) and isinstance(dtype.get("config"), dict):
        config = dtype["config"]
        name = config.get("name", config.get("source_name"))
        return name if isinstance(name, str) else None
    return dtype if isinstance(dtype, str) else None


# -- the registry -----------------------------------------------------------------------------------------------

Rule = Callable[[LayerCall], Outcome]
ShapeRule = Callable[[LayerCall, Shape], Iterable[int | None]]


@dataclass(frozen=True, slots=True)
class Entry:
    rule: Rule
    autocast: bool = True
    rank: int | None = None
    least_rank: int = 0


LAYERS: dict[str, Entry] = {}
OPERATIONS: dict[str, Entry] = {}


def layer(*names: str, autocast: bool = True) -> Callable[[Rule], Rule]:
    """Register how layers of these classes infer their outputs. ``autocast``: whether they cast float inputs."""

    def register(rule: Rule) -> Rule:
        for name in names:
            LAYERS[name] = Entry(rule, autocast)
        return rule

    return register


def shape_of(*names: str, rank: int | None = None, least_rank: int = 0) -> Callable[[ShapeRule], ShapeRule]:
    """Register layers with one input and one output in the compute dtype, by their shapes alone."""

    def register(rule: ShapeRule) -> ShapeRule:
        @wraps(rule)
        def infer_one(call: LayerCall) -> Outcome:
            shape = call.shape()
            if rank is not None and len(shape) != rank:
                raise ShapeError(f"got an input of shape {shape_text(shape)}, expected rank {rank}")
            if len(shape) < least_rank:
                raise ShapeError(f"got an input of shape {shape_text(shape)}, expected rank {least_rank} or more")
            return call.returns(rule(call, shape))

        for name in names:
            LAYERS[name] = Entry(infer_one)
        return rule

    return register


def operation(*names: str) -> Callable[[Rule], Rule]:
    """Register how operations (``keras.ops``) of these classes infer their outputs."""

    def register(rule: Rule) -> Rule:
        for name in names:
            OPERATIONS[name] = Entry(rule, autocast=False)
        return rule

    return register


def infer(definition: LayerDefinition, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[TensorSpec, ...] | None:
    """What one call of a layer or operation returns: a spec for each output, flattened in Keras's order.

    ``args`` and ``kwargs`` are the arguments of the call with a `TensorSpec` in place of every tensor. None if the
    class is unknown or not Keras's own, or where too little is known of the inputs.

    Raises:
        ShapeError: the inputs certainly do not fit.

    >>> dense = LayerDefinition("d", "Dense", "keras.layers", config={"units": 3})
    >>> infer(dense, (TensorSpec((None, 4), "float32"),), {})
    (TensorSpec(shape=(None, 3), dtype='float32'),)
    """
    if definition.body is not None:
        return body_outputs(definition)
    entry = entry_of(definition)
    if entry is None:
        return None
    dtype = compute_dtype(definition.dtype_policy)

    def enter(leaf: Any) -> Any:
        if isinstance(leaf, TensorSpec):
            if entry.autocast and is_float(dtype) and is_float(leaf.dtype):
                leaf = TensorSpec(leaf.shape, dtype)
            return leaf
        if isinstance(leaf, Constant) and leaf.kind == ConstantKind.MISSING:
            return TensorSpec(None, None)
        return leaf

    call = LayerCall(definition, tuple(map_leaves(arg, enter) for arg in args), map_leaves(kwargs, enter), dtype=dtype)
    try:
        found = entry.rule(call)
    except Insufficient:
        return None
    except Strictness.forgiven():
        return None
    specs = (found,) if isinstance(found, TensorSpec) else tuple(found)
    return specs if all(map(_is_possible, specs)) else None


def _is_possible(spec: TensorSpec) -> bool:
    """Whether there can be such a tensor: rank and dimensions must not grow without bounds."""
    shape = spec.shape or ()
    return len(shape) <= MAX_RANK and all(
        dim is None or (isinstance(dim, int) and 0 <= dim <= MAX_DIMENSION) for dim in shape
    )


def entry_of(definition: LayerDefinition) -> Entry | None:
    if definition.class_name is None or not definition.is_keras:
        return None
    return (OPERATIONS if definition.is_operation else LAYERS).get(definition.class_name)


def body_outputs(definition: LayerDefinition) -> tuple[TensorSpec, ...] | None:
    """What a Functional or Sequential model returns, as its own calls record it."""
    body = definition.body
    assert body is not None
    found = []
    for ref in flat(body.outputs):
        specs = body.calls[ref.call].outputs if isinstance(ref, TensorRef) and ref.call < len(body.calls) else None
        found.append(specs[ref.output] if specs and ref.output < len(specs) else TensorSpec(None, None))
    return tuple(found)


def check_build(call: LayerCall, shape: Shape, axis: int, what: str) -> None:
    """Compare one dimension of an input with the shape that the layer was built for.

    Raises:
        ShapeError: they differ.
    """
    built = call.layer.build_shape
    if not isinstance(built, (list, tuple)) or not all(dim is None or isinstance(dim, int) for dim in built):
        return
    if len(built) < 2 or not (-len(built) <= axis < len(built)) or not (-len(shape) <= axis < len(shape)):
        return
    if not agree(built[axis], shape[axis]):
        raise ShapeError(
            f"got an input of shape {shape_text(shape)} with {shape[axis]} {what}, expected {built[axis]}: "
            f"the layer was built for {shape_text(built)}"
        )
