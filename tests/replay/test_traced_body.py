"""What code did, call by call, done again on symbols. The runs are written down here, not recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from graphlint.knowledge import keras_internals
from graphlint.model.definition import (
    Body,
    CallDefinition,
    Constant,
    ConstantKind,
    LayerDefinition,
    TensorRef,
    TensorSpec,
)
from graphlint.replay.held import HeldVariable
from graphlint.replay.symbolic import Stuck
from graphlint.replay.traced_body import BodyRun
from graphlint.tracing.backend import Sources
from graphlint.tracing.bodies import GLUE
from graphlint.tracing.functions import Function
from graphlint.tracing.record import Event
from graphlint.tracing.structure import plain


@dataclass(eq=False)
class Traced:
    """A tensor of a run: what is known of its numbers, and what it was made from by operations."""

    shape: tuple[int | None, ...] | None = (None, 4)
    dtype: str = "float32"
    numbers: Any = None
    made_from: Sources = field(default_factory=Sources)


class Trace:
    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, Traced)

    def spec(self, value: Traced) -> TensorSpec:
        return TensorSpec(value.shape, value.dtype)

    def sources(self, tensor: Traced, known: Any, variables: Callable[[Any], Any]) -> Sources:
        found = tensor.made_from
        return Sources([one for one in found.tensors if id(one) in known], [*map(variables, found.variables)],
                       found.operations)  # fmt: skip


@pytest.fixture(autouse=True)
def _numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    def known(value: Any) -> Any:
        return None if getattr(value, "numbers", None) is None else np.asarray(value.numbers)

    monkeypatch.setattr(keras_internals, "static_value", known)


class Code(layers.Layer):
    def call(self, x: Any, factor: Any = 1.0) -> Any:
        return x


class Three(layers.Layer):
    def call(self, x: Any) -> Any:
        return x, x * 2.0, x * 3.0


def broken(x: Any) -> Any:
    raise ValueError("no\nway")


class Written:
    """A body, and all around it that a run of the body asks for."""

    def __init__(self) -> None:
        self.trace: Any = Trace()
        self.root = Event(Code(name="code"), (), {}, parent=None, begin=0, trace=self.trace, place="here")
        self.calls: list[CallDefinition] = []
        self.inputs: dict[str, TensorRef] = {}
        self.refs: dict[int, TensorRef] = {}
        self.units: dict[int, str] = {}
        self.kept: dict[tuple[str, int], Any] = {}
        self.nodes: dict[str, Any] = {}
        self.lifted: dict[Any, Any] = {}
        self.variable_of: dict[int, Any] = {}
        self.graph = SimpleNamespace(address=lambda unit: f"code#0/{unit}")
        self.twins = SimpleNamespace(with_mode=self.with_mode)
        self.opening: dict[str, Callable[..., Any]] = {}
        self.below: dict[str, list[Any]] = {}
        self.leading: dict[str, Any] = {}

    # -- writing ------------------------------------------------------------------------------------------------

    def input(self, path: str, **spec: Any) -> Traced:
        tensor = Traced(**spec)
        return self._noted(
            tensor,
            CallDefinition(LayerDefinition(path, "InputLayer"), outputs=(self.trace.spec(tensor),), obj=tensor),
            path,
        )

    def _noted(self, tensor: Traced, call: CallDefinition, path: str | None = None) -> Traced:
        ref = self.refs[id(tensor)] = TensorRef(len(self.calls), 0)
        if path is not None:
            self.inputs[path] = ref
        self.units[id(call)] = f"{call.layer.name}#{len(self.calls)}"
        self.calls.append(call)
        return tensor

    def call(
        self,
        target: Any,
        *args: Any,
        returns: Any = None,
        place: str = "here",
        body: Body | None = None,
        captured: tuple[Any, ...] = (),
        modes: Any = None,
        unseen: bool = False,
        **kwargs: Any,
    ) -> Any:
        """A call of a layer or function; returns what it returned when it ran."""
        outputs = Traced() if returns is None else returns
        event = Event(target, args, kwargs, parent=self.root, begin=len(self.calls), trace=self.trace, place=place)
        event.outputs = outputs
        found = [one for one in keras.tree.flatten(outputs) if isinstance(one, Traced)]
        definition = LayerDefinition(target.name, type(target).__name__, body=body)
        extra = {} if modes is None else {"modes": frozenset(modes)}
        known = () if unseen else args
        call = CallDefinition(
            definition, tuple(plain(list(known), self.ref)), plain(kwargs, self.ref), obj=event,
            outputs=tuple(map(self.trace.spec, found)), captured=tuple(map(self.ref, captured)), **extra,
        )  # fmt: skip
        placed = found if body is None else keras.tree.flatten(outputs)
        for index, one in enumerate(placed):
            if isinstance(one, Traced):
                self.refs.setdefault(id(one), TensorRef(len(self.calls), index))
        self.units[id(call)] = f"{definition.name}#{len(self.calls)}"
        self.calls.append(call)
        return outputs

    def glue(self, operations: list[str], *args: Any, kind: str = GLUE, **spec: Any) -> Traced:
        tensor = Traced(**spec)
        layer = LayerDefinition("glue", kind, config={"ops": operations} if operations else {})
        call = CallDefinition(layer, tuple(plain(list(args), self.ref)), outputs=(self.trace.spec(tensor),), obj=tensor)
        return self._noted(tensor, call)

    def ref(self, leaf: Any) -> Any:
        return self.refs.get(id(leaf), leaf)

    # -- what a run asks for --------------------------------------------------------------------------------------

    def unit(self, scope: str, call: CallDefinition) -> str:
        return self.units.get(id(call), scope)

    def keep(self, unit: str, index: int, value: Any) -> None:
        self.kept[unit, index] = value

    def with_mode(self, address: str, event: Event, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in kwargs.items() if key != "training"}

    def opens_unit(self, unit: str) -> bool:
        return unit in self.opening

    def open(self, unit: str, body: Body, args: Any, kwargs: Any, captured: Any, layer: Any) -> Any:
        return self.opening[unit](args, kwargs, captured)

    def exports_below(self, unit: str) -> list[Any]:
        return self.below.get(unit, [])

    def leads_on(self, unit: str) -> bool:
        return unit in self.leading

    def opened_graph(self, unit: str, operation: Any) -> Any:
        return self.leading[unit]

    def run(self, returns: Any, *args: Any, scope: str = "code#0", captured: Any = (), **kwargs: Any) -> Any:
        self.root.outputs = returns
        body = Body([], self.calls, list(self.inputs.values()), outputs=plain(returns, self.ref), traced=True,
                    arguments=tuple(self.inputs))  # fmt: skip
        layer = self.root.target
        anchor = next(one for one in keras.tree.flatten((args, kwargs)) if isinstance(one, keras.KerasTensor))
        opened: Any = self
        return BodyRun(opened, scope, body, layer, anchor).run(args, kwargs, captured)


def shown(value: Any) -> Any:
    """A symbol as the calls that made it, a structure of them, or why there is none."""
    if isinstance(value, Stuck):
        return value.reason
    if isinstance(value, keras.KerasTensor):
        made = keras_internals.producer(value)
        if made is None:
            return "?"
        operation = keras_internals.node_operation(made[0])
        if isinstance(operation, layers.InputLayer):
            return operation.name
        args, kwargs = keras_internals.node_arguments(made[0])
        given = [str(shown(one)) for one in args] + [f"{k}={shown(v)}" for k, v in kwargs.items() if v is not None]
        return f"{operation.name}({', '.join(given)}){f':{made[1]}' if made[1] else ''}"
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: shown(one) for key, one in value.items()}
    return type(value)(map(shown, value)) if isinstance(value, (list, tuple)) else value


def symbol(name: str = "s", shape: tuple[int | None, ...] = (4,), dtype: str = "float32") -> Any:
    return keras.Input(shape, dtype=dtype, name=name)


def dense(name: str) -> keras.Layer:
    return layers.Dense(4, name=name)


def function(name: str, operation: Any = None, is_random: bool = False) -> Function:
    return Function(f"keras.ops.{name}", lambda: None, operation or getattr(ops, name), is_random=is_random)


def test_calls_in_their_order_and_what_they_return() -> None:
    written = Written()
    x, y = written.input("0"), written.input("context")
    first = written.call(dense("a"), x)
    second = written.call(layers.Add(name="sum"), [first, y])
    third = written.call(dense("b"), second)
    found = written.run({"out": third, "all": [first, (second, x)], "number": 3}, symbol(), context=symbol("c"))
    assert shown(found) == {
        "out": "b(sum([a(s), c]))".replace("[a(s), c]", "['a(s)', 'c']"),
        "all": ["a(s)", ("sum(['a(s)', 'c'])", "s")],
        "number": 3,
    }
    kept = {key: shown(value) for key, value in written.kept.items()}
    assert kept == {
        ("0#0", 0): "s",
        ("context#1", 0): "c",
        ("a#2", 0): "a(s)",
        ("sum#3", 0): "sum(['a(s)', 'c'])",
        ("b#4", 0): "b(sum(['a(s)', 'c']))",
    }
    nodes = {unit: keras_internals.node_operation(node).name for unit, node in written.nodes.items()}
    assert nodes == {"a#2": "a", "sum#3": "sum", "b#4": "b"}


def test_what_is_returned_that_no_call_made() -> None:
    written = Written()
    x = written.input("0")
    constant = Constant(ConstantKind.NUMPY, [1.0], (1,), dtype="float32")
    lost = Traced()
    written.refs[id(lost)] = TensorRef(7, 0)
    assert shown(written.run([x, lost], symbol())) == ["s", "code#0/code#0 returns something that is not called"]
    written.root.outputs = None
    body = Body(
        [], written.calls, list(written.inputs.values()), outputs=[constant, None], traced=True, arguments=("0",)
    )
    run = BodyRun(written, ".", body, written.root.target, symbol())  # type: ignore[arg-type]
    assert shown(run.run((symbol(),), {}, ())) == ["Code returns a constant", None]


@pytest.mark.parametrize(
    ("path", "passed", "expected"),
    [
        ("0", ["x"], "x"),
        ("1", ["x"], "stuck"),
        ("context", {"context": "x"}, "x"),
        ("context", ["x"], "stuck"),
        ("mask:0", ["masked"], "mask"),
        ("mask:0", ["x"], "stuck"),
        ("mask:0", [3], "stuck"),
        ("mask:0", ["value"], "stuck"),
        ("mask:1", ["masked"], "stuck"),
        ("mask", ["masked"], "mask"),
        ("query_mask", {"query": "masked"}, "mask"),
        ("query_mask", ["masked"], "mask"),
        ("query_mask", {"query": "x", "0": "masked"}, "stuck"),
        ("query_mask", {"query_mask": "x", "query": "masked"}, "x"),
        ("query_mask", [3], "stuck"),
        ("query_mask", ["value"], "stuck"),
        ("masked", ["masked"], "stuck"),
        ("captured/0", {"captured/0": "x"}, "x"),
    ],
)
def test_what_an_input_of_a_body_stands_for(path: str, passed: Any, expected: str) -> None:
    named = {"x": keras.KerasTensor((2,)), "masked": keras.KerasTensor((2, 3)), "mask": keras.KerasTensor((2,))}
    named["value"] = SimpleNamespace()
    keras_internals.set_mask(named["masked"], named["mask"])
    keras_internals.set_mask(named["value"], named["mask"])
    given = passed if isinstance(passed, dict) else {str(place): one for place, one in enumerate(passed)}
    run = BodyRun(Written(), "code#0", Body([], [], [], outputs=[], traced=True), Code(), None)  # type: ignore[arg-type]
    found = run.bound(path, {key: named.get(one, one) for key, one in given.items()})
    if expected == "stuck":
        assert found == Stuck(f"code#0/code#0 receives {path}, which is not there")
    else:
        assert found is named[expected]


def test_what_a_body_captures() -> None:
    written = Written()
    x, y, z = written.input("0"), written.input("captured/0"), written.input("captured/1")
    total = written.call(layers.Add(name="sum"), [x, y, z])
    assert shown(written.run(total, symbol(), captured=[symbol("a"), symbol("b")])) == "sum(['s', 'a', 'b'])"


def test_what_depends_on_something_that_is_stuck_is_stuck_for_the_same_reason() -> None:
    written = Written()
    x, y = written.input("0"), written.input("1")
    first = written.call(dense("a"), y)
    second = written.call(layers.Add(name="sum"), [x, first], returns=[Traced(), Traced()])
    third = written.call(dense("b"), x)
    reason = "code#0/code#0 receives 1, which is not there"
    _, fourth = written.call(Code(name="inner"), first, returns=[3, Traced()], body=INNER)
    assert shown(written.run([first, second, third, fourth], symbol())) == [reason, [reason, reason], "b(s)", reason]
    stuck = {key: value.reason for key, value in written.kept.items() if isinstance(value, Stuck)}
    places = [("1#1", 0), ("a#2", 0), ("sum#3", 0), ("sum#3", 1), ("inner#5", 0), ("inner#5", 1)]
    assert stuck == dict.fromkeys(places, reason)


def test_calls_of_one_mode_and_in_loops() -> None:
    written = Written()
    x = written.input("0")
    found = [
        written.call(dense("a"), x, modes=["training"]),
        written.call(dense("b"), x, modes=["inference"]),
        written.call(dense("c"), x, modes=["training", "inference"]),
        written.call(dense("d"), x, place="loop"),
        written.call(dense("e"), x, training=False),
    ]
    assert shown(written.run(found, symbol())) == [
        "code#0/a#1 is only called in training, as the code around it decides",
        "code#0/b#2 is only called in inference, as the code around it decides",
        "c(s)",
        "code#0/d#4 is called in a loop or condition of the code around it",
        "e(s)",
    ]


def test_arguments_of_layers() -> None:
    written = Written()
    written.trace = Trace()
    x, y = written.input("0"), written.input("1")
    scale = keras.Variable([1.0, 2.0, 3.0, 4.0], name="scale")
    twice = written.call(layers.Add(name="one"), [x, scale]), written.call(layers.Add(name="two"), [scale, y])
    reading = Traced(made_from=Sources([], [scale], []))
    read = written.call(layers.Add(name="three"), [x, reading])
    same = written.call(dense("four"), Traced(made_from=Sources([x], [], [])))
    known = written.call(Code(name="five"), x, factor=Traced(numbers=2.5))
    array = written.call(Code(name="six"), x, factor=Traced(numbers=[1.0, 2.0, 3.0, 4.0]))
    sizes = [
        written.call(layers.Identity(name="size"), Traced(made_from=made_from))
        for made_from in (
            Sources([x, y]),
            Sources([x], [scale]),
            Sources([x], [], ["Mul"]),
            Sources([], [scale], ["Mul"]),
            Sources([], [scale, scale]),
            Sources(),
        )
    ]
    told = shown(written.run(sizes, symbol(), symbol("t")))
    rest = "receives a number that is only known when it runs, such as a size"
    assert told == [f"code#0/size#{number} {rest}" for number in range(8, 14)]
    found = written.run([*twice, read, same, known, array], symbol(), symbol("t"))
    assert shown(found) == [
        "one(['s', 'code_scale(s)'])",
        "two(['code_scale(s)', 't'])",
        "three(['s', 'code_scale(s)'])",
        "four(s)",
        "five(s, factor=2.5)",
        "six(s, factor=[1.0, 2.0, 3.0, 4.0])",
    ]
    held = keras_internals.node_operation(keras_internals.producer(written.kept["one#2", 0])[0])
    assert isinstance(held, layers.Add)
    _, kwargs = keras_internals.node_arguments(keras_internals.producer(found[4])[0])
    assert type(kwargs["factor"]) is float


def test_arguments_that_are_none_are_left_to_keras() -> None:
    written = Written()
    made = written.call(Code(name="code"), written.input("0"), factor=None)
    node, _ = keras_internals.producer(written.run(made, symbol()))
    assert keras_internals.node_arguments(node)[1] == {}


def test_what_a_definition_says_of_an_argument_comes_first() -> None:
    written = Written()
    written.input("0")
    alias = Traced()
    written.refs[id(alias)] = TensorRef(0, 0)
    assert shown(written.run(written.call(dense("a"), alias), symbol())) == "a(s)"


def test_a_variable_is_held_by_one_layer() -> None:
    written = Written()
    x = written.input("0")
    scale = keras.Variable([1.0, 2.0, 3.0, 4.0], name="scale")
    total = written.call(layers.Add(name="sum"), [x, scale, scale])
    found = written.run(total, symbol())
    args, _ = keras_internals.node_arguments(keras_internals.producer(found)[0])
    assert args[0][1] is args[0][2]
    holder = keras_internals.node_operation(keras_internals.producer(args[0][1])[0])
    assert isinstance(holder, HeldVariable) and holder.held is scale and holder.name == "code_scale"


# -- functions --------------------------------------------------------------------------------------------------------


def test_functions_of_keras() -> None:
    written = Written()
    x = written.input("0")
    low, free = Traced((), "int32", 1), Traced((), "int32")
    take = function("getitem", lambda value, key: value[key])
    found = [
        written.call(function("add"), x, 1.0),
        written.call(function("add"), x, x2=Traced(numbers=2.0)),
        written.call(take, x, (slice(None), slice(low, Traced((), "int32", 3), None)), returns=Traced((None, 2))),
        written.call(take, x, (slice(None), slice(None, free)), returns=Traced((None, 2))),
        written.call(function("normal", ops.add, is_random=True), x, x),
        written.call(function("ones_like"), 3.0),
        written.call(function("broken", broken), x),
        written.call(function("log"), x, returns=Traced((None, 5))),
        written.call(function("split", lambda value: ops.split(value, 2, axis=1)), x,
                     returns=[Traced((None, 2)), Traced((None, 2))]),
        written.call(function("split", lambda value: ops.split(value, 2, axis=1)), x, returns=[Traced((None, 2))]),
    ]  # fmt: skip
    later = written.call(take, x, (slice(None), slice(3, None)), returns=Traced((None, 1)))
    named = written.call(function("reshape"), x=x, newshape=(2, Traced((), "int32", 2)), returns=Traced((2, 2)))
    assert written.run([later, named], keras.Input(batch_shape=(1, 4)))[0].shape == (1, 1)
    assert written.run([later, named], keras.Input(batch_shape=(1, 4)))[1].shape == (2, 2)
    shapes = written.run(found, symbol())
    told = shown(shapes)
    assert told[0].startswith("add") and told[1].startswith("add") and "2.0" in told[1]
    assert shapes[2].shape == (None, 2)
    assert told[3] == "code#0/keras.ops.getitem#4 slices by a size that is only known when it runs"
    assert told[4] == (
        "code#0/keras.ops.normal#5 draws random numbers with keras.ops.normal, for which there is no layer"
    )
    assert told[5] == "code#0/keras.ops.ones_like#6 depends on no input, so that calling it again would fix its numbers"
    assert told[6] == "code#0/keras.ops.broken#7 cannot be called on symbols (ValueError: no)"
    assert told[7] == "code#0/keras.ops.log#8 has the shape (None, 4) on symbols, and (None, 5) when it runs"
    assert [one.endswith(":1") for one in told[8]] == [False, True] and [one.shape for one in shapes[8]] == [
        (None, 2)
    ] * 2
    assert told[9] == ["code#0/keras.ops.split#10 returns 2 tensors on symbols, and 1 when it runs"]


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "returned", "said"),
    [
        ("reshape", [(2, 2)], {}, (2, 2), (2, 2)),
        ("reshape", [(-1, 2)], {}, (None, 2), (None, 2)),
        ("reshape", [("size", 2)], {}, (None, 2), (None, 2)),
        ("reshape", [("four", 2)], {}, (4, 2), (4, 2)),
        ("reshape", ["pair"], {}, (3, 2), (3, 2)),
        ("reshape", [], {"newshape": (-1, 2)}, (None, 2), (None, 2)),
        ("reshape", [("size", "size")], {}, (None, None), (None, 4)),
        ("reshape", [("size",) * 3], {}, (None,) * 3, "reshapes to 3 sizes that are only known when it runs"),
        ("reshape", [("four", 2)], {}, None, (4, 2)),
        ("reshape", ["pair"], {}, None, (3, 2)),
        ("reshape", [("size", 2)], {}, None, "has a shape that is only known when it runs"),
        ("broadcast_to", [(3, 4)], {}, (3, 4), (3, 4)),
        ("broadcast_to", [("size", 4)], {}, (None, 4), "broadcasts to a size that is only known when it runs"),
    ],
)
def test_sizes_that_are_known_when_code_runs(name: str, args: Any, kwargs: Any, returned: Any, said: Any) -> None:
    written = Written()
    sizes = {"size": Traced((), "int32"), "four": Traced((), "int32", 4), "pair": Traced((2,), "int32", [3, 2])}

    def found(value: Any) -> Any:
        return tuple(map(found, value)) if isinstance(value, tuple) else sizes.get(value, value)

    x = written.input("0")
    symbolic = {"reshape": ops.reshape, "broadcast_to": ops.broadcast_to}[name]
    made = written.call(function(name, symbolic), x, *map(found, args), returns=Traced(returned),
                        **{key: found(value) for key, value in kwargs.items()})  # fmt: skip
    if name == "broadcast_to":
        given = keras.Input(batch_shape=(1, 4), name="s")
    else:
        given = keras.Input(batch_shape=(None if returned is None or None in returned else 1, int(np.prod(
            [one or 2 for one in returned or (2, 2)]))), name="s")  # fmt: skip
    result = written.run(made, given)
    if isinstance(said, str):
        assert shown(result) == f"code#0/keras.ops.{name}#1 {said}"
    else:
        assert result.shape == said


def test_functions_of_several_tensors_and_of_none() -> None:
    written = Written()
    x, y = written.input("0"), written.input("1")
    found = [
        written.call(function("add"), x, y),
        written.call(function("reshape"), np.ones(4), (2, 2)),
        written.call(function("pair", lambda value: [3, ops.add(value, 1.0)]), x, returns=[3, Traced()]),
        written.call(function("reshape"), x, (-1, 4), returns=5),
    ]
    later = written.call(function("add"), found[2][1], 2.0)
    told = shown(written.run([*found, later], symbol(), symbol("t")))
    assert told[0].endswith("(s, t)")
    assert told[1] == "code#0/keras.ops.reshape#3 depends on no input, so that calling it again would fix its numbers"
    assert told[2][0] == 3 and told[2][1].endswith("(s, 1.0)") and told[3] == 5
    assert f"({told[2][1]}, 2.0)" in told[4]


def test_functions_of_a_backend() -> None:
    written = Written()
    x = written.input("0")
    found = [
        written.glue(["Cast"], x, dtype="float16"),
        written.glue(["Cast", "Mul"], x),
        written.glue(["Cast"], x, x),
        written.glue(["Cast"], 3.0),
        written.glue([], x),
        written.glue(["A", "B", "C", "D"], x),
        written.glue(["A", "B", "C", "D", "E"], x),
        written.glue(["inference or training"], x),
        written.glue(["inference or training"], x, kind="Other"),
    ]
    given = symbol()
    keras_internals.set_mask(given, symbol("m", (), "bool"))
    first, *others = written.run(found, given)
    assert first.dtype == "float16" and keras_internals.mask_of(first) is keras_internals.mask_of(given)
    assert [shown(one) for one in others] == [
        f"code#0/glue#{number} {said}"
        for number, said in enumerate(
            [
                "is made by functions of the backend (Cast, Mul), not of Keras",
                "is made by functions of the backend (Cast), not of Keras",
                "is made by functions of the backend (Cast), not of Keras",
                "is made by functions of the backend (unknown), not of Keras",
                "is made by functions of the backend (A, B, C, D), not of Keras",
                "is made by functions of the backend (A, B, C, D, ...), not of Keras",
                "is another tensor in training than in inference, as code decides",
                "is made by functions of the backend (inference or training), not of Keras",
            ],
            2,
        )
    ]
    plain_cast = Written()
    x = plain_cast.input("0")
    assert keras_internals.mask_of(plain_cast.run(plain_cast.glue(["Cast"], x, dtype="float16"), symbol())) is None


@pytest.mark.parametrize(
    ("shape", "made", "fits"),
    [
        ((2, 3), (2, 3), True),
        ((None, 3), (2, 3), True),
        ((2, 3), (None, 3), True),
        ((None, None), (2, 3), True),
        (None, (2, 3), True),
        ((), (), True),
        ((2, 3), (2, 4), False),
        ((3, 3), (2, 3), False),
        ((None, 3), (2, 4), False),
        ((2,), (2, 3), False),
        ((2, 3, 1), (2, 3), False),
    ],
)
def test_shapes_on_symbols_and_when_code_runs(shape: Any, made: Any, fits: bool) -> None:
    written = Written()
    x = written.input("0", shape=made)
    result = written.run(
        written.call(layers.Identity(name="i"), x, returns=Traced(shape)), keras.Input(batch_shape=made)
    )
    assert isinstance(result, keras.KerasTensor) == fits
    if not fits:
        assert shown(result) == f"code#0/i#1 has the shape {made} on symbols, and {shape} when it runs"


def test_a_layer_that_returns_numbers() -> None:
    class Fixed(layers.Layer):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return np.ones(4)

    written = Written()
    made = written.call(Fixed(name="fixed"), written.input("0"))
    reason = "code#0/fixed#1 depends on no input, so that calling it again would fix its numbers"
    assert shown(written.run(made, symbol())) == reason and written.nodes == {}


# -- bodies inside ----------------------------------------------------------------------------------------------------


INNER = Body([], [], [], outputs=[TensorRef(0, 0), TensorRef(0, 1)], traced=True)


def test_layers_that_are_opened() -> None:
    written = Written()
    x, y = written.input("0"), written.input("1")
    layer, given = Code(name="inner"), []

    def opening(args: Any, kwargs: Any, captured: Any) -> Any:
        given.append((shown(args), shown(kwargs), shown(list(captured))))
        return [layers.ReLU(name="r")(args[0]), 3]

    written.opening["inner#2"] = opening
    made = written.call(layer, x, other=y, returns=[Traced(), 3], body=INNER, captured=(y, 5.0), training=True)
    assert shown(written.run(made, symbol(), symbol("t"))) == ["r(s)", 3]
    assert given == [(("s",), {"other": "t"}, ["t", 5.0])] and written.nodes == {}


def test_layers_that_read_what_is_no_argument() -> None:
    written = Written()
    x, y = written.input("0"), written.input("1")
    made = [
        written.call(Code(name="c"), x, captured=(y,), returns=[Traced(), Traced()], body=INNER),
        written.call(Code(name="d"), x, captured=(5.0,)),
    ]
    reason = "code#0/c#2 reads tensors that are none of its arguments"
    assert shown(written.run(made, symbol(), symbol("t"))) == [[reason, reason], "d(s)"]


def test_models_around_something_that_is_opened() -> None:
    from graphlint.model.graph import Tensor

    written = Written()
    x = written.input("0")
    made = written.call(Code(name="model"), x, returns=[Traced(), 1], body=INNER)
    written.leading["model#1"] = layers.Softmax(name="in_its_place")
    written.opening["other"] = lambda *given: None
    inside, beside = Tensor("model#1/a", 0), Tensor("model#10/a", 0)
    written.lifted = {inside: 1, beside: 2}
    found = written.run(made, symbol())
    assert shown(found) == ["code#0/model#1 returns 1 tensors on symbols, and 2 when it runs"] * 1 + [1]
    assert written.lifted == {beside: 2} and set(written.nodes) == {"model#1"}


def test_what_is_sought_inside_a_call_needs_not_all_of_its_arguments() -> None:
    for opens, below in ((True, [("a", 0)]), (True, []), (False, [("a", 0)])):
        written = Written()
        x, y = written.input("0"), written.input("1")
        size = Traced((), "int32")
        seen: list[Any] = []

        def opening(args: Any, kwargs: Any, captured: Any, seen: list[Any] = seen) -> Any:
            seen.append(shown(args))
            return [args[0], args[0]]

        if opens:
            written.opening["inner#2"] = opening
        written.below["inner#2"] = below
        made = written.call(Code(name="inner"), x, y, size, returns=[Traced(), Traced()], body=INNER)
        found = shown(written.run(made, symbol()))
        missing, unknown = (
            "code#0/code#0 receives 1, which is not there",
            "code#0/inner#2 receives a number that is only known when it runs, such as a size",
        )
        assert seen == ([("s", missing, unknown)] if opens and below else [])
        assert found == (["s", "s"] if opens and below else [missing, missing])


def test_calls_of_layers_that_are_not_opened() -> None:
    """A layer with a body is called whole, and so is one that the graph around it does not have."""
    written = Written()
    x, y = written.input("0"), written.input("1")
    written.opening["code#0"] = written.leading["code#0"] = broken
    written.below["code#0"] = [("a", 0)]
    whole = written.call(Code(name="whole"), x, body=INNER)
    alone, lost = written.call(dense("alone"), x), written.call(dense("lost"), y)
    written.units = {key: unit for key, unit in written.units.items() if unit not in ("alone#3", "lost#4")}
    reason = "code#0/code#0 receives 1, which is not there"
    assert shown(written.run([whole, alone, lost], symbol())) == ["whole(s)", "alone(s)", reason]


def test_tensors_that_only_the_run_itself_knows() -> None:
    """What a definition says nothing of is found by the tensors themselves: what calls returned, at its place."""
    written = Written()
    x, y = written.input("0"), written.input("1")
    sequence, hidden, cell = written.call(Three(name="three"), x, returns=[Traced(), Traced(), Traced()])
    written.opening["inner#3"] = lambda args, kwargs, captured: [5, layers.ReLU(name="r")(args[0]), args[0]]
    five, first, second = written.call(Code(name="inner"), hidden, returns=[5, Traced(), Traced()], body=INNER)
    lost = written.call(dense("lost"), y)
    written.call(layers.Identity(name="same"), x, returns=x)
    _, last = written.call(function("pair", lambda value: [3, ops.add(value, 5.0)]), x, returns=[3, Traced()])
    glued = written.glue(["Cast"], cell, dtype="float16")
    found = [
        written.call(function("add"), one, 1.0, unseen=True, returns=Traced(dtype=one.dtype))
        for one in (x, hidden, cell, first, second, lost, glued, last)
    ]
    told = shown(written.run([sequence, five, first, *found], symbol()))
    assert told[:3] == ["three(s)", 5, "r(three(s):1)"]
    inner = [one.partition("(")[2] for one in told[3:]]
    reason = "code#0/code#0 receives 1, which is not there"
    assert inner[:5] == ["s, 1.0)", "three(s):1, 1.0)", "three(s):2, 1.0)", "r(three(s):1), 1.0)", "three(s):1, 1.0)"]
    assert told[8] == reason and inner[6].startswith("cast") and inner[7].endswith("(s, 5.0), 1.0)")
