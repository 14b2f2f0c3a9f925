"""Why a copy is another layer: what configurations forget, and state that Keras does not track. Nothing is run."""

from __future__ import annotations

import functools
import types
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from graphlint.replay.forgotten import untracked, why

UNKNOWN = "get_config() and from_config() of its class make another layer: let them describe all that call() uses"


class Plain(layers.Layer):
    """Takes what it is given as attributes; a configuration has its name alone."""

    def __init__(self, one: Any = 1, *, two: Any = 2, name: str | None = None, **more: Any) -> None:
        super().__init__(name=name)
        for key, value in more.items():
            setattr(self, key, value)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "one": 1, "two": 2}


class Forgetful(Plain):
    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


class Silent(Forgetful):
    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError


class Bag:
    """A plain object."""

    def __init__(self, **held: Any) -> None:
        vars(self).update(held)

    def method(self) -> None:
        """Bound to the bag."""


class Slotted:
    __slots__ = ()


def pair(cls: type = Plain, /, other: dict[str, Any] | None = None, **given: Any) -> tuple[Any, Any]:
    return cls(name="c", **given), cls(name="c", **(given if other is None else other))


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ({}, {}, "get_config() leaves out the arguments 'one', 'two': add them"),
        ({"two": 2, "_one": 1}, {"two": 2, "_one": 1}, UNKNOWN),
        ({"one": 1}, {"one": 1}, "get_config() leaves out the argument 'two': add it"),
        ({"one": 1, "two": 2}, {"one": 1, "two": 3}, "get_config() leaves out the argument 'two': add it"),
        ({"one": 1, "two": 2}, {"one": 1}, "get_config() leaves out the argument 'two': add it"),
        ({"two": 2}, {"one": 1, "two": 2}, "get_config() leaves out the argument 'one': add it"),
        ({"one": (1, [2]), "two": None}, {"one": [1, (2,)], "two": None}, UNKNOWN),
        ({"one": [1], "two": 2}, {"one": [1, 2], "two": 2}, "get_config() leaves out the argument 'one': add it"),
        ({"one": 1, "_one": 1, "two": 2}, {"_one": 1, "two": 2}, UNKNOWN),
        ({"one": Bag(), "_one": 1, "two": 2}, {"one": 1, "_one": 1, "two": 2}, UNKNOWN),
        ({"one": [Bag()], "two": 2}, {"one": [Bag()], "two": 2}, "get_config() leaves out the argument 'one': add it"),
    ],
)
def test_arguments_that_a_configuration_leaves_out(first: Any, second: Any, reason: str) -> None:
    """An argument is there after all where layer and copy have an attribute of its name with one plain value."""

    def made(held: dict[str, Any]) -> Any:
        layer = Forgetful(name="c")
        for key, value in held.items():
            setattr(layer, key, value)
        return layer

    assert why(made(first), made(second)) == reason


def test_classes_that_say_nothing_and_those_of_keras() -> None:
    assert why(*pair(Silent)) == UNKNOWN
    assert why(layers.Dense(2, name="c"), layers.Dense(3, name="c")).startswith("'units' is 2, and 3 in the copy: ")
    for one in (
        layers.RandomRotation(0.5),
        layers.RandomBrightness(0.5),
        layers.Discretization(num_bins=3),
        layers.SimpleRNN(2),
    ):
        assert why(one, one) == UNKNOWN
    operation = keras.ops.add(keras.KerasTensor((2,)), keras.KerasTensor((2,)))._keras_history.operation
    assert why(operation, operation) == UNKNOWN


def test_what_is_inside_is_looked_at_after_the_layer_itself() -> None:
    def around(inner: Any, **more: Any) -> Any:
        return Plain(name="c", inner=inner, **more)

    assert why(around(Forgetful(name="i")), around(Forgetful(name="i"))).startswith(
        "Forgetful 'i' inside: get_config() leaves out"
    )
    assert why(around(Forgetful(name="i")), around(Plain(name="i"))) == UNKNOWN
    assert why(around(layers.Dense(2)), Plain(name="c")) == UNKNOWN
    deep = [around(around(Plain(name="i", size=size))) for size in (1, 2)]
    assert why(*deep).startswith("Plain 'i' inside: 'size' is 1, and 2 in the copy")
    # Arguments that are left out are said before attributes that differ.
    both = [around(Forgetful(name="i"), size=size) for size in (1, 2)]
    assert why(*both).startswith("Forgetful 'i' inside: get_config() leaves out")


def function_one() -> None:
    """A function."""


def function_two() -> None:
    """Another one."""


@pytest.mark.parametrize(
    ("value", "twin", "said"),
    [
        (1, 1, None),
        (1, 2, "1, and 2"),
        ([1, 2], (1, 2), None),
        ([1, 2], [1, 3], "[1, 2], and [1, 3]"),
        ([1, [2]], [1, [3]], "[1, [2]], and [1, [3]]"),
        ([1], [1, 2], "[1], and [1, 2]"),
        ([1], 1, "[1], and 1"),
        (1, [1], "1, and [1]"),
        (np.ones(2), np.ones(2), None),
        (np.ones(1), [1.0], None),
        ([1.0], np.ones(1), None),
        ([1.0, 1.0], np.ones(2), None),
        (np.ones(2), [1.0, 1.0], None),
        (np.ones(2), np.zeros(2), "array([1., 1.]), and array([0., 0.])"),
        (np.float32(1), np.float32(1), None),
        (None, 1, "None, and 1"),
        (1, None, "1, and None"),
        (function_one, function_one, None),
        (function_one, function_two, "function_one, and function_two"),
        ("a" * 80, "b", f"'{'a' * 59}, and 'b'"),
        ("a\n" * 2, "b", r"'a\na\n', and 'b'"),
        (np.eye(2), 0, "array([[1., 0.], [0., 1.]]), and 0"),
        (Bag(), Bag(), None),
        ([Bag()], [Bag()], None),
        ([1, Bag()], [1, Bag()], None),
        (1, Bag(), None),
        (Bag(), 1, None),
    ],
)
def test_attributes_that_are_not_what_they_were(value: Any, twin: Any, said: str | None) -> None:
    reason = why(*pair(other={"size": twin}, size=value))
    end = " in the copy: let get_config() return it and the constructor take it"
    assert reason == (UNKNOWN if said is None else f"'size' is {said}{end}")


def test_attributes_that_are_nobodys_business() -> None:
    assert why(*pair(other={"_size": 2}, _size=1)) == UNKNOWN
    assert why(*pair(other={}, size=1)) == UNKNOWN
    one, other = pair()
    one.built, other.supports_masking = True, False
    assert why(one, other) == UNKNOWN

    class Later(Plain):
        size = 1

    one, other = pair(Later)
    one.size = 2
    assert why(one, other).startswith("'size' is 2, and 1")
    one, other = pair(other={"z": 2, "_a": 2}, _a=1, z=1)
    assert why(one, other).startswith("'z' is 1, and 2")


# -- state that Keras does not track --------------------------------------------------------------------------------


def variable(name: str = "v") -> Any:
    return keras.Variable(np.zeros(1), name=name)


GLOBAL: Any = None
NUMBER = 3


def reads_a_global() -> Any:
    return GLOBAL, NUMBER, Bag


def closed_over(held: Any) -> Any:
    return lambda: held


def unassigned() -> Any:
    def function() -> Any:
        return later

    if NUMBER < 0:
        later = 1
    return function


def beside_what_was_never_assigned(held: Any) -> Any:
    def function() -> Any:
        return ahead, held

    if NUMBER < 0:
        ahead = 1
    return function


def with_defaults(held: Any) -> Any:
    def function(first: Any = held) -> None:
        """Holds a default."""

    return function


def with_keywords(held: Any) -> Any:
    def function(*, first: Any = held) -> None:
        """Holds a default."""

    return function


def taking(*args: Any, **kwargs: Any) -> None:
    """Takes anything."""


WAYS = {
    "an object": lambda held: Bag(inner=Bag(held=held)),
    "a list in an object": lambda held: Bag(held=[1, "a", held]),
    "a tuple": lambda held: Bag(held=(None, held)),
    "a list before text": lambda held: Bag(held=[held, "a"], text="b"),
    "a set": lambda held: Bag(held={held}),
    "a frozenset": lambda held: Bag(held=frozenset([held])),
    "a dict": lambda held: Bag(held={"k": held}),
    "a partial": lambda held: functools.partial(taking, held),
    "a partial by name": lambda held: functools.partial(taking, a=held),
    "a partial of a function": lambda held: functools.partial(closed_over(held)),
    "a method": lambda held: Bag(held=held).method,
    "a function that is bound": lambda held: types.MethodType(with_defaults(held), 3),
    "a closure": closed_over,
    "a closure beside an empty one": beside_what_was_never_assigned,
    "a default": with_defaults,
    "a keyword": with_keywords,
}


@pytest.mark.parametrize("way", WAYS)
def test_state_that_is_reached_and_not_tracked(way: str) -> None:
    layer, held = layers.Dense(2, name="hidden"), variable()
    for one in (layer, held):
        if "set" not in way or one is layer:  # A variable has no hash.
            assert list(untracked(Plain(name="c", kept=WAYS[way](one)))) == [("kept", one)]
    assert why(*pair(kept=WAYS[way](layer))) == (
        "it holds state that Keras does not track (Dense in 'kept'): make it with add_weight(), or assign layers and "
        "variables to attributes of the layer itself"
    )


def test_a_global_that_a_function_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "GLOBAL", variable())
    assert list(untracked(Plain(name="c", kept=Bag(f=reads_a_global)))) == [("kept", GLOBAL)]
    assert list(untracked(Plain(name="c", kept=Bag(f=unassigned())))) == []
    monkeypatch.setitem(globals(), "GLOBAL", Bag(held=variable()))
    assert list(untracked(Plain(name="c", kept=Bag(f=reads_a_global)))) == []


@pytest.mark.parametrize(
    ("module", "name", "expected"),
    [
        ("tensorflow.python.ops.variables", "Variable", True),
        ("torch.nn.parameter", "Parameter", True),
        ("torch.nn.parameter", "Buffer", False),
        ("elsewhere", "Variable", False),
    ],
)
def test_variables_of_backends(module: str, name: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    base = type(name, (), {"__module__": module})
    held = type("Derived", (base,), {})()
    found = [("kept", held)] if expected else []
    assert list(untracked(Plain(name="c", kept=Bag(v=held)))) == found
    monkeypatch.setitem(globals(), "GLOBAL", held)
    assert list(untracked(Plain(name="c", kept=Bag(f=reads_a_global)))) == found


def test_what_is_no_state_of_its_own() -> None:
    built, plain = layers.Dense(2, name="hidden"), layers.ReLU(name="relu")
    built.build((None, 3))
    plain.built = True
    assert list(untracked(Plain(name="c", kept=Bag(one=built)))) == [("kept", built)]
    assert list(untracked(Plain(name="c", kept=Bag(one=plain)))) == []
    unbuilt = layers.ReLU(name="waits")
    assert unbuilt.built or list(untracked(Plain(name="c", kept=Bag(one=unbuilt)))) == [("kept", unbuilt)]
    owner = Plain(name="c", inner=built, own=variable())
    owner.kept = Bag(layer=built, kernel=built.kernel, own=owner.own, itself=owner, value=built.kernel.value)
    owner.names = Bag(text="a", raw=b"a", array=np.zeros(2), module=np, kind=Bag, slot=Slotted())
    assert list(untracked(owner)) == []
    module, kind = types.ModuleType("module"), type("Kind", (), {"held": layers.Dense(2)})
    module.held = layers.Dense(2)  # type: ignore[attr-defined]
    assert list(untracked(Plain(name="c", kept=Bag(module=module, kind=kind)))) == []
    lstm = layers.LSTM(2, stateful=True)
    lstm(keras.Input(batch_shape=(2, 3, 4)))
    assert list(untracked(lstm)) == []
    of_keras = keras.optimizers.SGD()
    of_keras.build([variable()])
    assert list(untracked(Plain(name="c", kept=Bag(one=of_keras, two=of_keras)))) == []


def test_three_are_named_and_each_once() -> None:
    held = [layers.Dense(2, name=f"d{number}") for number in range(2)]
    layer = Plain(name="c", a=Bag(x=held), b=Bag(x=variable()), d=Bag(x=layers.ReLU()), e=Bag(x=layers.Conv1D(1, 1)))
    (named,) = [why(layer, layer).partition("(")[2].partition(")")[0]]
    assert len(named.split(", ")) == 3 and named.count("Dense in 'a'") <= 1


def test_a_data_set_does_not_take_for_ever() -> None:
    assert list(untracked(Plain(name="c", kept=Bag(data=[variable(), *map(float, range(20_000))])))) == []
    (found,) = untracked(Plain(name="c", kept=Bag(data=[variable(), *map(float, range(5_000))])))
    assert found[0] == "kept"
