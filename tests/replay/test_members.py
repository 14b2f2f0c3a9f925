"""What may stand in the place of a layer that code calls. The runs are written down here, not recorded."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import keras
import pytest
from keras import layers, ops

from graphlint.errors import InvalidEdit, ShapeMismatch
from graphlint.knowledge import keras_internals
from graphlint.model.definition import TensorSpec
from graphlint.replay.members import (
    LayersOfCode,
    MemberEdit,
    NotStored,
    build_for,
    chained,
    identity_for,
    put,
    require_only,
    warn_if_lost,
)
from graphlint.tracing.functions import Function
from graphlint.tracing.record import Event


@dataclass(eq=False)
class Traced:
    """A tensor of a run."""

    shape: tuple[int | None, ...] | None = (2, 4)
    dtype: str | None = "float32"


class Trace:
    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, Traced)

    def spec(self, value: Traced) -> TensorSpec:
        return TensorSpec(value.shape, value.dtype)


class Code(layers.Layer):
    def call(self, x: Any) -> Any:
        return x


def function(name: str) -> Function:
    return Function(name, lambda: None, lambda: None)


@cache
def graph(which: str) -> keras.Model:
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.ReLU()(inputs), name="other" if which == OTHER else "g")


A, B, C, NET = layers.Dense(4, name="a"), layers.Dense(4, name="b"), layers.ReLU(name="c"), Code(name="net")
A2, B2, C2, NET2 = layers.Dense(4, name="a2"), layers.Dense(4, name="b2"), layers.ReLU(name="c2"), Code(name="net2")
ADD, TIMES = function("keras.ops.add"), function("keras.ops.multiply")
G, SAME, OTHER = "g", "same", "other"
"""Models that are built when they are needed."""
TWINS = {id(A): A2, id(B): B2, id(C): C2, id(NET): NET2}


@dataclass
class Call:
    """A call by the names of its tensors; what is no name of one is passed as it is."""

    target: Any
    args: Any
    outputs: Any
    kwargs: dict[str, Any] | None = None
    inside: tuple[Call, ...] = ()


def recorded(calls: tuple[Call, ...], tensors: dict[str, Traced], given: Any = ("x", "y")) -> Event:
    """A run of a model that receives two tensors; names that begin with ``t_`` are tensors that functions of the
    backend made."""
    trace: Any = Trace()
    count = 0

    def found(value: Any) -> Any:
        if isinstance(value, str) and (value[:1] in "xyz" or value[:2] == "t_"):
            return tensors.setdefault(value, Traced())
        if isinstance(value, (list, tuple)):
            return type(value)(map(found, value))
        return {key: found(one) for key, one in value.items()} if isinstance(value, dict) else value

    def event(call: Call, parent: Event | None) -> Event:
        nonlocal count
        count += 1
        args = found(call.args if isinstance(call.args, tuple) else (call.args,))
        target = graph(call.target) if isinstance(call.target, str) else call.target
        made = Event(target, args, found(call.kwargs or {}), parent=parent, begin=count, trace=trace)
        made.children = [event(one, made) for one in call.inside]
        made.outputs = found(call.outputs)
        return made

    return event(Call(NET, given, "z", inside=calls), None)


def compared(before: Any, after: Any, edits: dict[int, str] | None = None, **tensors: Any) -> str | None:
    """What is said of a change, where tensors of the second run may be given; None if nothing is."""
    first = recorded(before, {})
    second = recorded(after, dict(tensors))
    try:
        require_only(edits or {}, lambda layer: TWINS.get(id(layer), layer), first, second)
    except InvalidEdit as error:
        return str(error)
    return None


def code(what: str, name: str = "Code 'net'") -> str:
    return (
        f"the code of {name} would do something else after this edit ({what}): that needs other code than the class's "
        "own"
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ((), (), None),
        ((Call(A, "x", "z1"),), (Call(A2, "x", "z1"),), None),
        ((Call(A, "x", "z1"),), (), "1 calls became 0"),
        ((), (Call(A, "x", "z1"),), "0 calls became 1"),
        ((Call(A, "x", "z1"), Call(C, "z1", "z2")), (Call(A2, "x", "z1"),), "2 calls became 1"),
        ((Call(A, "x", "z1"),), (Call(A, "x", "z1"),), "Dense 'a' became Dense 'a'"),
        ((Call(A, "x", "z1"),), (Call(B2, "x", "z1"),), "Dense 'a' became Dense 'b2'"),
        ((Call(A, "x", "z1"), Call(B, "x", "z2")), (Call(A2, "x", "z1"), Call(C2, "x", "z2")),
         "Dense 'b' became ReLU 'c2'"),
        ((Call(ADD, ("x", "y"), "z1"),), (Call(ADD, ("x", "y"), "z1"),), None),
        ((Call(ADD, ("x", "y"), "z1"),), (Call(TIMES, ("x", "y"), "z1"),), "keras.ops.add became keras.ops.multiply"),
        ((Call(ADD, ("x", "y"), "z1"),), (Call(function("keras.ops.add"), ("x", "y"), "z1"),), None),
        ((Call(function("a2"), "x", "z1"),), (Call(A2, "x", "z1"),), "a2 became Dense 'a2'"),
        ((Call(A, "x", "z1"),), (Call(function("a"), "x", "z1"),), "Dense 'a' became a"),
        ((Call(ADD, "x", "z1"),), (Call(A2, "x", "z1"),), "keras.ops.add became Dense 'a2'"),
        ((Call(A, "x", "z1"),), (Call(ADD, "x", "z1"),), "Dense 'a' became keras.ops.add"),
        ((Call(G, "x", "z1"),), (Call(SAME, "x", "z1"),), None),
        ((Call(G, "x", "z1"),), (Call(OTHER, "x", "z1"),), "Functional 'g' became Functional 'other'"),
        ((Call(G, "x", "z1"),), (Call(layers.ReLU(name="g"), "x", "z1"),), "Functional 'g' became ReLU 'g'"),
        ((Call(layers.ReLU(name="g"), "x", "z1"),), (Call(G, "x", "z1"),), "ReLU 'g' became Functional 'g'"),
        ((Call(ADD, ("x", "y"), "z1"),), (Call(ADD, ("y", "x"), "z1"),), "keras.ops.add receives something else"),
        ((Call(ADD, ("x", 1), "z1"),), (Call(ADD, ("x", 2), "z1"),), "keras.ops.add receives something else"),
        ((Call(ADD, ("x", 1), "z1"),), (Call(ADD, ("x", "one"), "z1"),), "keras.ops.add receives something else"),
        ((Call(ADD, ("x", None), "z1"),), (Call(ADD, ("x", False), "z1"),), "keras.ops.add receives something else"),
        ((Call(ADD, ("x", 1.5), "z1"),), (Call(ADD, ("x", 1.5), "z1"),), None),
        ((Call(ADD, ("x", object()), "z1"),), (Call(ADD, ("x", object()), "z1"),), None),
        ((Call(ADD, ("x", object()), "z1"),), (Call(ADD, ("x", {1}), "z1"),), "keras.ops.add receives something else"),
        ((Call(A, "x", "z1"),), (Call(A2, ("x", "y"), "z1"),), "Dense 'a' receives something else"),
        ((Call(A, ["x", "y"], "z1"),), (Call(A2, ["x", "y"], "z1"),), None),
        ((Call(A, "x", "z1", {"training": True}),), (Call(A2, "x", "z1", {"training": False}),), None),
        ((Call(A, "x", "z1", {"mask": None}),), (Call(A2, "x", "z1"),), None),
        ((Call(A, "x", "z1", {"axis": 1}),), (Call(A2, "x", "z1", {"axis": 1}),), None),
        ((Call(A, "x", "z1", {"axis": 1}),), (Call(A2, "x", "z1", {"axis": 0}),), "Dense 'a' receives something else"),
        ((Call(A, "x", "z1", {"axis": 1}),), (Call(A2, "x", "z1"),), "Dense 'a' receives something else"),
        ((Call(A, (), "z1", {"x": "x"}),), (Call(A2, (), "z1", {"x": "y"}),), "Dense 'a' receives something else"),
        ((Call(A, "x", "z1"), Call(B, "x", "z2"), Call(C, "z1", "z3")),
         (Call(A2, "x", "z1"), Call(B2, "x", "z2"), Call(C2, "z2", "z3")), "ReLU 'c' receives something else"),
        ((Call(A, "x", ["z1", "z2"]), Call(C, "z1", "z3")), (Call(A2, "x", ["z1", "z2"]), Call(C2, "z2", "z3")),
         "ReLU 'c' receives something else"),
        ((Call(A, "x", {"a": "z1"}), Call(C, "z1", "z3")), (Call(A2, "x", {"a": "z1"}), Call(C2, "z1", "z3")), None),
        ((Call(A, "t_1", "z1"),), (Call(A2, "t_1", "z1"),), None),
        ((Call(A, "t_1", "z1"),), (Call(A2, "x", "z1"),), "Dense 'a' receives something else"),
    ],
)  # fmt: skip
def test_what_other_code_would_do(before: Any, after: Any, said: str | None) -> None:
    assert compared(before, after) == (None if said is None else code(said))


def test_tensors_that_came_from_elsewhere_are_compared_by_their_form() -> None:
    before, after = (Call(A, "t_1", "z1"),), (Call(A2, "t_1", "z1"),)
    assert compared(before, after, t_1=Traced()) is None
    for other in (Traced((2, 5)), Traced((2,)), Traced(None), Traced((None, 4)), Traced(dtype="int32")):
        assert compared(before, after, t_1=other) == code("Dense 'a' receives something else")


@pytest.mark.parametrize(
    ("tensor", "text"),
    [
        (Traced((2, 5)), "float32[2, 5]"),
        (Traced((None, 4)), "float32[?, 4]"),
        (Traced(None), "float32[?]"),
        (Traced(()), "float32[]"),
        (Traced(dtype="int8"), "int8[2, 4]"),
    ],
)
def test_what_a_call_returns_stays_the_same(tensor: Traced, text: str) -> None:
    before, after = (Call(B, "x", "z0"), Call(A, "z0", "z1")), (Call(B2, "x", "z0"), Call(A2, "z0", "z1"))
    rest = f"returns would change from ['float32[2, 4]'] to ['{text}']: the code around it is written for the first"
    assert compared(before, after, z1=tensor) == f"what Dense 'a' {rest}"
    assert compared(before, after, {id(A): "parts/1"}, z1=tensor) == f"what parts/1 {rest}"


def test_what_a_model_receives_beside_tensors_is_compared_by_its_class() -> None:
    given, others = object(), [object(), {1}]
    before = recorded((Call(ADD, ("x", given), "z1"),), {}, ("x", given))
    for other, fits in zip(others, (True, False), strict=True):
        after = recorded((Call(ADD, ("x", other), "z1"),), {}, ("x", given))
        if fits:
            require_only({}, lambda layer: layer, before, after)
        else:
            with pytest.raises(InvalidEdit, match="receives something else"):
                require_only({}, lambda layer: layer, before, after)


def test_what_a_call_returns_beside_tensors() -> None:
    for one, other, said in (
        (["z1", 1], ["z1", 1], None),
        (["z1", None], ["z1", None], None),
        (["z1", 1], ["z1", 2], "['float32[2, 4]', '1'] to ['float32[2, 4]', '2']"),
        (["z1", "one"], ["z1"], "['float32[2, 4]', \"'one'\"] to ['float32[2, 4]']"),
        (["z1", object()], ["z1", {1}], "['float32[2, 4]', 'object'] to ['float32[2, 4]', 'set']"),
    ):
        found = compared((Call(A, "x", one),), (Call(A2, "x", other),))
        assert found == (said and f"what Dense 'a' returns would change from {said}: the code around it is written for "
                         "the first")  # fmt: skip


def test_what_was_replaced_may_do_anything() -> None:
    new = layers.ReLU(name="new")
    before = (Call(A, "x", "z1", inside=(Call(ADD, ("x", 1), "z1"),)), Call(C, "z1", "z2"))
    after = (Call(new, "x", "z1"), Call(C2, "z1", "z2"))
    assert compared(before, after, {id(A): "a"}) is None
    assert compared(before, after, {id(C): "c"}) == code("Dense 'a' became ReLU 'new'")
    wrong = (Call(new, "y", "z1"), Call(C2, "z1", "z2"))
    assert compared(before, wrong, {id(A): "a"}) == code("Dense 'a' receives something else")


def test_what_happens_inside_other_calls() -> None:
    inner = Code(name="inner")

    def run(target: Any, *inside: Call) -> tuple[Call, ...]:
        return Call(A if target is NET else A2, "x", "z1"), Call(inner, "z1", "z3", inside=inside)

    before = run(NET, Call(B, "z1", "z2"), Call(C, "z2", "z3"))
    assert compared(before, run(NET2, Call(B2, "z1", "z2"), Call(C2, "z2", "z3"))) is None
    within = "Code 'inner'"
    assert compared(before, run(NET2, Call(B2, "z1", "z2"))) == code("2 calls became 1", within)
    assert compared(before, run(NET2, Call(B2, "z1", "z2"), Call(A2, "z2", "z3"))) == code(
        "ReLU 'c' became Dense 'a2'", within
    )
    assert compared(before, run(NET2, Call(B2, "x", "z2"), Call(C2, "z2", "z3"))) == code(
        "Dense 'b' receives something else", within
    )


# -- building -------------------------------------------------------------------------------------------------------


def test_a_new_layer_is_built_for_what_the_old_one_receives() -> None:
    deep = (Call(Code(name="outer"), "x", "z1", inside=(Call(B, "x", "z0"), Call(A, "z0", "z1"))), Call(A, "y", "z2"))
    run = recorded(deep, {"z0": Traced((3, 5)), "y": Traced((3, 7))})
    new = layers.Dense(2)
    build_for(MemberEdit("a", A, lambda copy: new), new, run)
    assert new.built and new.kernel.shape == (5, 2) and keras_internals.inbound_nodes(new) == []
    edit = MemberEdit("parts/1", C, lambda copy: copy)
    with pytest.raises(InvalidEdit, match="expected a layer that is called, got parts/1, which no code of the model"):
        build_for(edit, layers.ReLU(), run)
    with pytest.raises(ShapeMismatch, match=r"LSTM cannot be called as a is \(ValueError: .*ndim=2") as raised:
        build_for(MemberEdit("a", A, lambda copy: copy), layers.LSTM(2), run)
    assert "\n" not in str(raised.value) and str(raised.value).endswith("that takes the same arguments")
    ready = layers.Dense(2)
    ready.build((None, 9))
    build_for(MemberEdit("a", A, lambda copy: ready), ready, run)
    build_for(MemberEdit("a", A, lambda copy: copy), ops.relu, run)
    assert ready.kernel.shape == (9, 2)


# -- putting ----------------------------------------------------------------------------------------------------------


class Holds(layers.Layer):
    def __init__(self, *parts: Any, **options: Any) -> None:
        super().__init__(**options)
        self.parts = list(parts)

    def call(self, x: Any) -> Any:
        return x


def test_what_is_put_in_the_place_of_a_layer() -> None:
    copy, other, new = layers.Dense(4, name="copy"), layers.ReLU(), layers.ReLU(name="new")
    holders = [Holds(other, copy), Holds(other), Holds(copy)]
    assert put(MemberEdit("a", A, lambda one: one), copy, []) is copy
    assert put(MemberEdit("a", A, lambda one: new), copy, holders) is new
    assert [one.parts for one in holders] == [[other, new], [other], [new]]
    with pytest.raises(
        InvalidEdit, match=r"^a is held by no attribute, list or dict of a layer, so nothing can be put"
    ):
        put(MemberEdit("a", A, lambda one: new), copy, holders)
    holder = Holds(copy)
    both = put(MemberEdit("a", A, lambda one: chained(one, new, "both")), copy, [holder])
    assert holder.parts == [both] and both.layers == [copy, new] and both.name == "both"
    around = Holds(copy)
    assert put(MemberEdit("a", A, lambda one: around), copy, [around, outer := Holds(copy)]) is around
    assert around.parts == [copy] and outer.parts == [around]


def test_what_stands_for_nothing() -> None:
    half = identity_for(layers.Dense(2, name="d", dtype="mixed_float16"))
    assert half.name == "d" and half.compute_dtype == "float16" and type(half) is layers.Identity


# -- what files hold --------------------------------------------------------------------------------------------------


class Makes(layers.Layer):
    """Makes its sublayers itself."""

    def __init__(self, units: int = 3, **options: Any) -> None:
        super().__init__(**options)
        self.first, self.second = layers.Dense(units, name="f"), layers.Dense(4, name="s")

    def call(self, x: Any) -> Any:
        return x


class MakesNorm(Makes):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.first = layers.LayerNormalization()


def built(layer: Any) -> Any:
    layer.build((None, 2, 3))
    return layer


class Refuses(Makes):
    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        raise ValueError


class Stores(layers.Layer):
    """Stores its sublayer."""

    def __init__(self, inner: Any, **options: Any) -> None:
        super().__init__(**options)
        self.inner = inner

    def call(self, x: Any) -> Any:
        return x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "inner": keras.saving.serialize_keras_object(self.inner)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(keras.saving.deserialize_keras_object(config.pop("inner")), **config)


class OfGraph(keras.Model):
    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        raise ValueError


def held_by(holder: Any, **attributes: Any) -> Any:
    for name, value in attributes.items():
        setattr(holder, name, value)
    return holder


@pytest.mark.parametrize(
    ("make", "new", "lost"),
    [
        (Makes, {"first": lambda: layers.Dense(5)}, True),
        (Makes, {"first": lambda: layers.Dense(3, activation="tanh")}, True),
        (Makes, {"first": lambda: layers.Dense(3, name="other", trainable=False)}, False),
        (Makes, {"first": lambda: layers.Dense(3), "second": lambda: layers.Dense(5)}, True),
        (Makes, {"first": lambda: layers.Dense(3), "second": lambda: layers.Dense(4)}, False),
        (Makes, {"second": lambda: layers.EinsumDense("ab,bc->ac", 4)}, True),
        (Makes, {"third": lambda: layers.ReLU()}, True),
        (Refuses, {"first": lambda: layers.Dense(3)}, True),
        (lambda: Stores(layers.ReLU()), {"inner": lambda: layers.Softmax()}, False),
        (lambda: layers.TimeDistributed(layers.ReLU()), {"layer": lambda: layers.Softmax()}, False),
        (lambda: layers.TimeDistributed(layers.ReLU()), {"layer": lambda: Code()}, False),
        (lambda: Makes(5), {}, False),
        (Refuses, {}, False),
        (MakesNorm, {"first": lambda: built(layers.LayerNormalization())}, False),
        (MakesNorm, {"first": lambda: built(layers.LayerNormalization(epsilon=0.5))}, True),
    ],
)
def test_which_edits_a_file_holds(make: Callable[[], Any], new: dict[str, Callable[[], Any]], lost: bool) -> None:
    placed = {name: one() for name, one in new.items()}
    holder = held_by(make(), **placed)
    holder.name = "holder"
    model = keras.Sequential([layers.ReLU(), holder, Makes(name="after")], name="all")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        warn_if_lost(model, [*placed.values()])
    said = f"{type(holder).__name__} 'holder' makes its own sublayers when it is loaded, so a .keras file will not hold"
    assert [str(one.message).startswith(said) for one in found] == [True] * lost
    assert all(one.category is NotStored for one in found)


def test_only_the_first_layer_that_loses_something_is_named() -> None:
    new = layers.ReLU()
    model = keras.Sequential(
        [Makes(name="fine"), held_by(Makes(name="b"), first=new), held_by(Makes(name="c"), first=new)]
    )
    with pytest.warns(NotStored, match="Makes 'b'") as found:
        warn_if_lost(model, [new])
    assert len(found) == 1
    inputs = keras.Input((4,))
    inner = Code(name="inner")
    graph_of = OfGraph(inputs, inner(inputs))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_lost(graph_of, [inner])


# -- addresses ------------------------------------------------------------------------------------------------------


class Net(keras.Model):
    def __init__(self) -> None:
        super().__init__(name="net")
        self.blocks, self.named = [Makes(name="one"), Makes(name="two")], {"last": layers.Dense(2, name="d")}
        inputs = keras.Input((4,))
        self.part = keras.Model(inputs, layers.ReLU(name="relu")(inputs + 1.0), name="part")

    def call(self, x: Any) -> Any:
        return x


def test_layers_by_the_attributes_that_hold_them() -> None:
    model = Net()
    code_of = LayersOfCode(model)
    assert code_of.layer("blocks/0") is model.blocks[0] and code_of.layer("blocks/1/second") is model.blocks[1].second
    assert code_of.layer("named/last") is model.named["last"]
    (addition,) = [one.name for one in model.part.operations if not isinstance(one, layers.Layer)]
    assert code_of.layer("part/relu") is model.part.get_layer("relu") and code_of.layer(f"part/{addition}") is None
    assert [code_of.layer(one) for one in ("blocks/2", "nothing", ".", "blocks", "blocks/0/third")] == [None] * 5
