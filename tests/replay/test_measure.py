"""What a copy is told to do otherwise, at every call of a model. The copies are made by hand here."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from graphlint.errors import CannotClone
from graphlint.knowledge import keras_internals
from graphlint.replay.measure import Measured, NotMeasured, measure, require_alike


class Does(layers.Layer):
    """Does what it is told to."""

    def __init__(self, function: Callable[[Any, Any], Any], **options: Any) -> None:
        super().__init__(**options)
        self.function = function
        self.draws = keras.random.SeedGenerator(3)

    def call(self, x: Any, training: bool | None = None) -> Any:
        return self.function(x, training)


class Random(Does):
    """Draws from the numbers that are its own."""

    def call(self, x: Any, training: bool | None = None) -> Any:
        return x + keras.random.normal((4,), seed=self.draws)


class Shared(Does):
    """Draws from the numbers that all layers share."""

    def call(self, x: Any, training: bool | None = None) -> Any:
        return x + keras.random.normal((4,))


def chain(*parts: keras.Layer) -> keras.Model:
    x = inputs = keras.Input((4,), name="x")
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x, name="net")


def told(found: Measured) -> list[tuple[str, str, str]]:
    return [(one.layer.name, one.address, one.what) for one in found.unlike]


def refuses(x: Any, training: Any) -> Any:
    raise ValueError("not\nme")


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        (lambda x, t: x * 2, lambda x, t: x + x, None),
        (lambda x, t: x, lambda x, t: x + 1e-7, None),
        (lambda x, t: x * 0, lambda x, t: x * 0 + 1, "outputs of its copy differ by 1"),
        (lambda x, t: x * 0, lambda x, t: x * 0 - 0.25, "outputs of its copy differ by 0.25"),
        (lambda x, t: (x, x * 0), lambda x, t: (x, x * 0 + 2), "outputs of its copy differ by 2"),
        (lambda x, t: (x * 0, x), lambda x, t: (x * 0 + 2, x), "outputs of its copy differ by 2"),
        (lambda x, t: (x * 0, x * 0), lambda x, t: (x * 0 + 2, x * 0 + 1), "outputs of its copy differ by 2"),
        (lambda x, t: (x, x), lambda x, t: x, "it returns 2 tensors, and its copy 1"),
        (lambda x, t: x, lambda x, t: x[:, :3], "it returns the shape (3, 4), and its copy (3, 3)"),
        (lambda x, t: x, lambda x, t: ops.expand_dims(x, -1), "it returns the shape (3, 4), and its copy (3, 4, 1)"),
        (lambda x, t: x, refuses, "its copy cannot be called (ValueError: not)"),
        (lambda x, t: x, lambda x, t: None, "its copy leaves out a tensor"),
        (lambda x, t: x * 2 if t else x, lambda x, t: x * 2 if t else x, None),
        (lambda x, t: x * 0 + 1 if t else x, lambda x, t: x * 0 + 3 if t else x, "outputs of its copy differ by 2"),
        (lambda x, t: x, lambda x, t: refuses(x, t) if t else x, "its copy cannot be called (ValueError: not)"),
    ],
)
def test_in_what_a_copy_differs(one: Any, other: Any, what: str | None) -> None:
    layer, copy = Does(one, name="c"), Does(other, name="copy")
    outputs = layer(inputs := keras.Input((4,), name="x"))
    flat = [value for value in keras.tree.flatten(outputs) if value is not None]
    model = keras.Model(inputs, flat)
    found = measure(model, {id(layer): [copy]})
    assert told(found) == ([] if what is None else [("c", "c#0", what)]) and found.unmeasured == []
    if found.unlike:
        assert found.unlike[0].layer is layer and found.unlike[0].copy is copy
        assert str(found.unlike[0]).startswith(f"Does 'c' at c#0 cannot be copied: {what}; ")


def test_each_layer_is_told_once_and_in_the_order_of_the_graph() -> None:
    a, b, c = (Does(lambda x, t: x * 2, name=name) for name in "abc")
    model = chain(b, a, c, a)
    good, bad = Does(lambda x, t: x * 2), Does(lambda x, t: x * 0)
    assert [one[:2] for one in told(measure(model, {id(a): [bad], id(b): [bad], id(c): [good]}))] == [
        ("b", "b#0"),
        ("a", "a#0"),
    ]
    assert [one[:2] for one in told(measure(model, {id(a): [good, bad], id(b): [good]}))] == [("a", "a#0")]
    assert told(measure(model, {id(a): [good, good], id(b): [], id(c): [good]})) == []
    assert measure(model, {}) == Measured()


def test_what_differs_in_training_is_told_where_nothing_differs_before() -> None:
    early, late = Does(lambda x, t: x, name="early"), Does(lambda x, t: x, name="late")
    model = chain(early, late)
    in_training = Does(lambda x, t: x + 1 if t else x)
    always = Does(lambda x, t: x + 1)
    assert [one[0] for one in told(measure(model, {id(early): [in_training], id(late): [in_training]}))] == [
        "early",
        "late",
    ]
    assert [one[0] for one in told(measure(model, {id(early): [in_training], id(late): [always]}))] == ["late"]


def test_layers_of_keras_are_compared_in_inference_alone() -> None:
    drop, code = layers.Dropout(0.5, name="drop"), Does(lambda x, t: x, name="code")
    model = chain(drop, layers.Dense(3, name="dense"), code)
    same = Does(lambda x, t: x)
    other, none = layers.Dropout(0.9), layers.Dropout(0.0)
    assert told(measure(model, {id(drop): [other]})) == []
    assert told(measure(model, {id(drop): [other, none], id(code): [same]})) == []
    dense, wrong = model.get_layer("dense"), layers.Dense(3)
    wrong.build((None, 4))
    assert [one[:2] for one in told(measure(model, {id(dense): [wrong]}))] == [("dense", "dense#0")]
    wrong.set_weights(dense.get_weights())
    assert told(measure(model, {id(dense): [wrong]})) == []


@pytest.mark.parametrize(
    ("make", "in_training"),
    [
        (lambda: Does(lambda x, t: x), True),
        (lambda: layers.Lambda(lambda x: x), True),
        (lambda: keras.Sequential([keras.Input((4,)), Does(lambda x, t: x)]), True),
        (lambda: layers.Dropout(0.5), False),
        (lambda: keras.Sequential([keras.Input((4,)), layers.Dropout(0.5)]), False),
    ],
)
def test_when_a_model_also_runs_in_training(make: Callable[[], keras.Layer], in_training: bool) -> None:
    modes: list[Any] = []
    watched = Does(lambda x, t: [modes.append(t), x][1], name="watched")
    layer = make()
    model = chain(watched, layer)
    modes.clear()
    measure(model, {id(layer): [make()]})
    assert modes == ([False, True] if in_training else [False])
    modes.clear()
    drop = layers.Dropout(0.1)
    measure(chain(drop, watched, layer), {id(drop): [layers.Dropout(0.1)], id(layer): [make()]})
    assert modes[-2 if in_training else -1 :] == ([False, True] if in_training else [False])


def test_operations_and_layers_of_nested_models() -> None:
    inner, code = keras.Input((4,), name="i"), Does(lambda x, t: x, name="code")
    nested = keras.Model(inner, ops.relu(code(inner)), name="nested")
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, nested(ops.multiply(nested(inputs), 0.0)))
    relu, multiply = nested.operations[-1], model.operations[2]
    same, other = type(relu)(), Does(lambda x, t: x + 1)
    assert measure(model, {id(relu): [same], id(code): [Does(lambda x, t: x)], id(multiply): [type(multiply)()]}) == (
        Measured()
    )
    found = measure(model, {id(relu): [other], id(code): [other]})
    assert [one.address for one in found.unlike] == ["nested#0/code#0", f"nested#0/{relu.name}#0"]
    assert [one.address for one in measure(model, {id(multiply): [lambda x, y: x]}).unlike] == [f"{multiply.name}#0"]


def test_every_copy_is_compared_in_training_where_one_is_code() -> None:
    code, in_training = Does(lambda x, t: x, name="c"), Does(lambda x, t: x + 1 if t else x)
    assert [one[1] for one in told(measure(chain(code), {id(code): [layers.Identity(), in_training]}))] == ["c#0"]


def test_random_numbers_are_the_same_for_a_layer_and_its_copies() -> None:
    for kind in (Random, Shared):
        layer = kind(lambda x, t: x, name="c")
        model = chain(Shared(lambda x, t: x), layer, layer)
        copies = [kind(lambda x, t: x) for _ in range(2)]
        assert measure(model, {id(layer): copies}) == Measured(), kind
    other = Random(lambda x, t: x)
    other.draws = keras.random.SeedGenerator(4)
    layer = Random(lambda x, t: x, name="c")
    found = measure(chain(layer), {id(layer): [other]})
    assert [one[0] for one in told(found)] == ["c"] and found.unmeasured == []


def test_what_is_random_by_itself_cannot_be_compared() -> None:
    def noise(x: Any, training: Any) -> Any:
        return x + np.random.default_rng().normal(size=4).astype("float32")

    layer = Does(noise, name="noise")
    found = measure(chain(Does(lambda x, t: x), layer), {id(layer): [Does(noise)]})
    assert found.unlike == [] and set(found.unmeasured) == {
        "noise#0 is random in a way that Keras does not control",
    }
    once: list[int] = []

    def only_once(x: Any, training: Any) -> Any:
        once.append(1)
        if len(once) > 2:
            raise ValueError
        return x

    layer = Does(only_once, name="once")
    model = chain(layer)
    once[:] = [1]
    assert measure(model, {id(layer): [Does(lambda x, t: x + 1)]}).unlike == []


def test_all_states_are_as_before() -> None:
    inputs = keras.Input((4,), name="x")
    norm, code, noisy = (
        layers.BatchNormalization(name="norm"),
        Does(lambda x, t: x, name="code"),
        Random(lambda x, t: x),
    )
    model = keras.Model(inputs, code(noisy(norm(inputs))))
    twin, own = layers.BatchNormalization(), Random(lambda x, t: x)
    twin.build((None, 4))
    keras.random.normal((1,))
    shared = [one.numpy() if hasattr(one, "numpy") else np.array(one) for one in model.variables]
    state = np.array(ops.convert_to_numpy(own.draws.state))
    before = [ops.convert_to_numpy(one) for one in (*model.variables, *twin.variables, noisy.draws.state)]
    assert measure(model, {id(norm): [twin], id(code): [Does(lambda x, t: x)], id(noisy): [own]}) == Measured()
    after = [ops.convert_to_numpy(one) for one in (*model.variables, *twin.variables, noisy.draws.state)]
    assert all(map(np.array_equal, before, after)) and len(shared) == len(model.variables)
    np.testing.assert_array_equal(ops.convert_to_numpy(own.draws.state), state)


def test_masks_are_there_for_every_copy() -> None:
    """Attention takes the masks off what it receives, and a copy that is called after it needs them."""
    words = keras.Input((5,), dtype="int32", name="words")
    table = layers.Embedding(4, 6, mask_zero=True, name="table")
    attention, lstm = layers.MultiHeadAttention(2, 3, name="attention"), layers.LSTM(3, name="lstm")
    x = table(words)
    model = keras.Model(words, [attention(x, x), lstm(x)])
    twins = layers.MultiHeadAttention(2, 3), layers.LSTM(3)
    twins[0].build((None, 5, 6), (None, 5, 6))
    twins[1].build((None, 5, 6))
    for one, other in zip((attention, lstm), twins, strict=True):
        other.set_weights(one.get_weights())
    copies = {id(attention): [twins[0], twins[0]], id(lstm): [twins[1]]}
    assert measure(model, copies) == Measured()
    unmasked = layers.Embedding(4, 6)
    unmasked.build((None, 5))
    unmasked.set_weights(table.get_weights())
    assert told(measure(model, {id(table): [unmasked]})) == [
        ("table", "table#0", "only one of it and its copy hands on a mask")
    ]


def test_masks_are_left_as_the_layer_left_them() -> None:
    seen: list[bool] = []
    words = keras.Input((5,), dtype="int32", name="words")
    attention = layers.MultiHeadAttention(2, 3, name="attention")
    watch = Does(lambda x, t: [seen.append(keras_internals.mask_of(x) is None), x][1], name="watch")
    watch.supports_masking = True
    x = layers.Embedding(4, 6, mask_zero=True, name="table")(words)
    model = keras.Model(words, [attention(x, x), watch(x)])
    seen.clear()
    assert measure(model, {}) == Measured() and seen == [True]
    seen.clear()
    assert told(measure(model, {id(attention): [lambda x, y: x]}))[0][:2] == ("attention", "attention#0")
    assert seen == [True]


# -- models of code ---------------------------------------------------------------------------------------------------


class Net(keras.Model):
    def __init__(self, function: Callable[[Any], Any], shapes: Any, **options: Any) -> None:
        super().__init__(**options)
        self.function, self.shapes = function, shapes
        self.received: list[Any] = []

    def call(self, x: Any) -> Any:
        self.received.append(keras.tree.map_structure(lambda one: (one.dtype, tuple(one.shape)), x))
        return self.function(x)

    def get_build_config(self) -> Any:
        return None if self.shapes is None else {"input_shape": self.shapes}


def accepts(kind: str, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def checked(x: Any) -> Any:
        if kind not in str(x.dtype):
            raise TypeError(f"expected {kind}\nnow")
        return function(x)

    return checked


@pytest.mark.parametrize(
    ("shapes", "received"),
    [
        ((None, 4), ("float32", (2, 4))),
        ((3, 4), ("float32", (3, 4))),
        ((None, None, 2), ("float32", (2, 8, 2))),
        ([[None, 4], [5, None]], [("float32", (2, 4)), ("float32", (5, 8))]),
        ({"a": (None, 4), "b": (1, 2)}, {"a": ("float32", (2, 4)), "b": ("float32", (1, 2))}),
        ([{"a": (None, 1)}], [{"a": ("float32", (2, 1))}]),
        ((), ("float32", ())),
    ],
)
def test_numbers_of_the_shape_that_a_model_was_built_for(shapes: Any, received: Any) -> None:
    nothing = np.zeros((2, 2), "float32")
    model, copy = (Net(lambda x: ops.convert_to_tensor(nothing), shapes, name="net") for _ in range(2))
    assert measure(model, {id(model): [copy]}) == Measured()
    given = [keras.tree.map_structure(lambda one: one, one) for one in model.received]
    assert given[0] == keras.tree.map_structure(lambda one: one, received) == copy.received[0]


def test_models_of_code() -> None:
    def both(function: Callable[[Any], Any], other: Callable[[Any], Any], shapes: Any = (None, 4)) -> Measured:
        model, copy = Net(function, shapes, name="net"), Net(other, shapes, name="net")
        return measure(model, {id(model): [copy]})

    assert told(both(lambda x: x * 0, lambda x: x * 0 + 3)) == [("net", ".", "outputs of its copy differ by 3")]
    assert str(both(lambda x: x * 0, lambda x: x * 0 + 3).unlike[0]).startswith("Net 'net' cannot be copied: outputs")
    assert both(lambda x: x * 3, lambda x: x + x + x).unlike == []
    assert both(lambda x: [x, None], lambda x: [x, None]) == Measured()
    for one, other in ((None, 1.0), (1.0, None)):
        (left,) = told(both(lambda x, one=one: [x, one], lambda x, other=other: [x, other]))
        assert left[2] == "its copy leaves out a tensor"
    assert told(both(lambda x: [None, x * 0], lambda x: [None, x * 0 + 1]))[0][2] == "outputs of its copy differ by 1"
    table = np.array([[1.0], [2.0]], "float32")
    looked_up = accepts("int32", lambda x: ops.convert_to_tensor(table[ops.convert_to_numpy(x)]))
    assert both(looked_up, looked_up, (None, 40)) == Measured()
    indices: set[int] = set()
    ints = accepts("int32", lambda x: [indices.update(ops.convert_to_numpy(x).flat), x][1])
    assert both(ints, ints) == Measured() and indices == {0, 1}
    assert [one[2] for one in told(both(ints, accepts("int32", lambda x: x + 7)))] == [
        "outputs of its copy differ by 7"
    ]
    assert told(both(accepts("float32", lambda x: x), ints))[0][2] == (
        "its copy cannot be called (TypeError: expected int32)"
    )
    neither = accepts("bool", lambda x: x)
    said = "'net' does not run on random numbers (TypeError: expected bool)"
    assert both(neither, neither) == Measured([], [said, said])
    said = "the inputs of 'net' are not known"
    assert both(lambda x: x, lambda x: x, None).unmeasured == [f"ValueError: {said}"]


class Own(keras.Model):
    """Has a graph, and does something else."""

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        self.seen = ops.convert_to_numpy(inputs)
        return super().call(inputs, training, mask) * 2


def test_a_model_with_a_graph_that_does_something_else() -> None:
    inputs = keras.Input((4,), name="x")
    one, other = Own(inputs, inputs * 1.0, name="own"), Own(inputs, inputs * 1.0, name="own")
    assert measure(one, {id(one): [other]}) == Measured()
    assert one.seen.shape == (3, 4) and not one.seen[:2, 2:].any() and one.seen[2:].all()
    wrong = Own(inputs, inputs * 0.0, name="own")
    assert [found[:2] for found in told(measure(one, {id(one): [wrong]}))] == [("own", ".")]


def test_what_is_refused_and_what_is_said() -> None:
    one, other = Does(lambda x, t: x, name="c"), Does(lambda x, t: x + 1)
    with pytest.raises(
        CannotClone, match=r"Does 'c' at c#0 cannot be copied: outputs of its copy differ by 1; "
    ) as raised:
        require_alike(chain(one), {id(one): [other]})
    assert raised.value.layers == [one]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        require_alike(chain(one), {id(one): [Does(lambda x, t: x)]})
    runs: list[Any] = []
    broken = Does(lambda x, t: refuses(x, t) if runs else x, name="broken")
    dense = layers.Dense(4, name="dense")
    model = chain(broken, dense, one)
    runs.append(True)
    with pytest.warns(NotMeasured, match="^the copy was not compared: broken#0 cannot be called on float32"):
        require_alike(model, {id(one): [Does(lambda x, t: x)], id(dense): [layers.Dense(4)]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        require_alike(model, {id(dense): [layers.Dense(4)]})
    runs.clear()
    trained = Does(lambda x, t: refuses(x, t) if t else x, name="trained")
    assert measure(chain(trained, one), {id(one): [Does(lambda x, t: x)]}) == Measured()


def test_what_a_layer_of_keras_carries_over_does_not_keep_it_from_being_compared() -> None:
    inputs = keras.Input(batch_shape=(3, 5, 4), name="x")
    layer, twin, other = (layers.LSTM(2, stateful=True, name="lstm") for _ in range(3))
    model = keras.Model(inputs, layer(inputs))
    for copy in twin, other:
        copy.build((3, 5, 4))
    twin.set_weights(layer.get_weights())
    assert measure(model, {id(layer): [twin]}) == Measured()
    found = measure(model, {id(layer): [other]})
    assert [one[:2] for one in told(found)] == [("lstm", "lstm#0")] and found.unmeasured == []
