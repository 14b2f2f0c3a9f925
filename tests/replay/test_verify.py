from __future__ import annotations

import warnings
from typing import Any

import keras
import ml_dtypes
import numpy as np
import pytest
from keras import layers

from graphlint.errors import OpaqueBody, ReplayError
from graphlint.knowledge import keras_internals
from graphlint.model.definition import LayerDefinition
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph
from graphlint.replay.clone import clone
from graphlint.replay.edit import edit
from graphlint.replay.split import split
from graphlint.replay.verify import (
    Difference,
    Verification,
    calls_that_parted,
    changed_ties,
    distance,
    random_values,
    verify,
)
from tests.model.definitions import call, definition, input_call
from tests.model.definitions import layer as known
from tests.model.definitions import model as body
from tests.replay.test_split import Code, chain, encoder, siamese, tagger


def two_alike() -> tuple[keras.Model, keras.Model]:
    first, second = chain(), chain()
    second.set_weights(first.get_weights())
    return first, second


def test_a_split_is_verified() -> None:
    for model, at in ((chain(), "h2"), (tagger(), "embedding"), (siamese(), ["encoder#0", "encoder#1"])):
        found = verify(model, split(model, at))
        assert found and found.exact and found.largest == 0.0
        assert found.shared == len(model.weights) and not found.lost and not found.added


def test_equal_copies_are_equal() -> None:
    found = verify(*two_alike())
    assert found and found.exact and found.shared == 0 and not found.lost


def test_the_first_difference_is_found() -> None:
    first, second = two_alike()
    second.get_layer("h3").bias.assign_add(np.ones(6, "float32"))
    found = verify(first, second)
    assert not found and not found.close
    assert found.first_difference == "h3#0"
    assert found.lost == ["h3@bias"]
    assert "first difference at h3#0" in str(found)


def test_flags_ties_and_specs() -> None:
    first, second = two_alike()
    second.get_layer("h1").trainable = False
    assert "h1@kernel" in verify(first, second).flags
    inputs = keras.Input((4,), name="x")
    a, b = layers.Dense(4, name="a"), layers.Dense(4, name="b")
    untied = keras.Model(inputs, b(a(inputs)))
    tied = keras.models.clone_model(untied)
    tied.set_weights(untied.get_weights())
    tied.get_layer("b")._tracker.unlock()
    tied.get_layer("b")._kernel = tied.get_layer("a")._kernel
    tied.get_layer("b")._trainable_variables[0] = tied.get_layer("a")._kernel
    assert verify(untied, tied).ties == ["a@kernel = b@kernel"]
    wide = keras.Model(inputs, layers.Dense(5, name="b")(a(inputs)))
    assert verify(untied, wide).specs


def test_ties_through_calls_and_wrappers() -> None:
    model = siamese()
    assert verify(model, clone(model, sharing="undo")).ties == [
        "the calls of encoder/hidden",
        "the calls of encoder/code",
    ]
    inner = layers.Dense(3, name="inner")
    x, y = keras.Input((4, 5), name="x"), keras.Input((5,), name="y")
    pooled = layers.GlobalAveragePooling1D(name="pool")(layers.TimeDistributed(inner, name="each")(x))
    model = keras.Model([x, y], layers.Add(name="add")([pooled, inner(y)]))
    parted = keras.models.clone_model(model)
    for layer in ("each", "inner"):
        parted.get_layer(layer).set_weights(inner.get_weights())
    found = verify(model, parted)
    assert found.exact and not found and found.ties
    assert verify(model, clone(model))


def test_names_and_options_of_inputs() -> None:
    x = keras.Input((4,), name="x", optional=True)
    z = keras.Input((4,), name="z")
    dense = layers.Dense(2, name="dense")
    assert verify(keras.Model(x, dense(x)), keras.Model(z, dense(z))).specs == [
        "input 0 x float32[None, 4] optional became z float32[None, 4]"
    ]


def test_what_a_layer_carries_from_call_to_call_is_put_back() -> None:
    inputs = keras.Input(batch_shape=(2, 3, 4), name="x")
    recurrent = layers.LSTM(3, stateful=True, name="recurrent")
    model = keras.Model(inputs, recurrent(inputs))
    carried = [keras.ops.convert_to_numpy(one) for one in recurrent.states]
    assert verify(model, model).exact
    assert all(map(np.array_equal, carried, recurrent.states))


class Noise(layers.Layer):
    """Adds random numbers of its own, in inference too."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.draws = keras.random.SeedGenerator(3)

    def call(self, x: Any) -> Any:
        return x + keras.random.normal((4,), seed=self.draws)


def test_random_layers_see_the_same_numbers() -> None:
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2, name="out")(Noise(name="noise")(inputs)))
    assert verify(model, split(model, "noise")).exact


def test_texts_are_compared() -> None:
    def words(*vocabulary: str) -> keras.Model:
        inputs = keras.Input((2,), dtype="int32", name="x")
        return keras.Model(inputs, layers.StringLookup(vocabulary=list(vocabulary), invert=True, name="words")(inputs))

    feeds = [np.array([[1, 2], [2, 1]], "int32")]
    assert verify(words("a", "b"), words("a", "b"), batches=feeds).exact
    found = verify(words("a", "b"), words("b", "a"), batches=feeds)
    assert not found.close and found.largest == np.inf


def test_what_cannot_be_compared() -> None:
    with pytest.raises(ReplayError, match="expected"):
        verify(chain(), chain().output)
    model = Code()
    model(np.zeros((1, 4), "float32"))
    assert verify(model, model).exact
    assert verify(model, model, batches=[np.ones((2, 4), "float32")]).exact
    fresh = Code()
    with pytest.raises(OpaqueBody, match="batches="):
        verify(fresh, fresh)


def test_a_model_with_a_graph_that_does_something_else() -> None:
    class Own(keras.Model):
        def call(self, inputs, training=None, mask=None):  # type: ignore[no-untyped-def]
            return super().call(inputs, training, mask) * 2

    inputs = keras.Input((4,), name="x")
    first, second = (Own(inputs, layers.Dense(2, name="d")(inputs), name="own") for _ in range(2))
    second.set_weights(first.get_weights())
    found = verify(first, second)
    assert found and found.exact and len(found.differences) == 3
    second.get_layer("d").bias.assign([1.0, 2.0])
    found = verify(first, second)
    assert round(found.largest, 4) == 4.0 and found.lost == ["d@bias"] and found.first_difference == "d"


def test_an_output_that_came() -> None:
    x = keras.Input((4,), name="x")
    a, b = layers.Dense(2, name="a"), layers.Dense(2, name="b")
    assert verify(keras.Model(x, a(x)), keras.Model(x, [a(x), b(x)])).specs == ["1 outputs became 2"]
    assert verify(keras.Model(x, [a(x), b(x)]), keras.Model(x, a(x))).specs == ["2 outputs became 1"]


@pytest.mark.parametrize("shapes", [[(3,)], [(4,), (4,)]])
def test_models_with_different_inputs_are_refused_in_one_line(shapes: list[tuple[int, ...]]) -> None:
    inputs = [keras.Input(shape) for shape in shapes]
    joined = layers.Concatenate()(inputs) if len(inputs) > 1 else inputs[0]
    other = keras.Model(inputs, layers.Dense(2)(joined), name="other")
    x = keras.Input((4,))
    with pytest.raises(ReplayError, match="on which 'other' cannot run") as raised:
        verify(keras.Model(x, layers.Dense(2)(x)), other)
    assert "\n" not in str(raised.value) and "batches=" in str(raised.value)


@pytest.mark.filterwarnings("ignore::graphlint.replay.edit.TieNotSaved")
def test_a_tie_that_is_lost_while_all_calls_stay() -> None:
    inputs = keras.Input((4,), name="x")
    first, second = layers.Dense(4, name="a"), layers.Dense(4, name="b")
    model = keras.Model(inputs, second(first(inputs)))
    first.set_weights(second.get_weights())
    tied = edit(model).tie("a@kernel", "b@kernel").build()
    assert verify(tied, model).ties == ["a@kernel = b@kernel"]
    assert verify(tied, clone(tied)).ties == []


# -- numbers --------------------------------------------------------------------------------------------------------


INF = float("inf")


@pytest.mark.parametrize(
    ("dtype", "one", "other", "gap", "close"),
    [
        ("float32", [1.0, np.nan, np.inf], [1.0, np.nan, np.inf], 0.0, True),
        ("float32", [1.0, np.nan], [1.0, 2.0], INF, False),
        ("float32", [1.0, 2.0], [1.0, np.nan], INF, False),
        ("float32", [np.inf], [-np.inf], INF, False),
        ("float32", [1.0], [np.inf], INF, False),
        ("float32", [np.inf], [1.0], INF, False),
        ("float32", [0.0, 0.5, 1.0], [0.0, 0.0, 0.75], 0.5, False),
        ("float32", [0.0], [2.0**-17], 2.0**-17, True),
        ("float32", [0.0], [2.0**-16], 2.0**-16, False),
        ("float32", [128.0], [128.0 + 2.0**-13], 2.0**-13, True),
        ("float32", [128.0], [128.0 + 2.0**-12], 2.0**-12, False),
        ("float64", [2.0**14], [2.0**14 + 2.0**-10], 2.0**-10, True),
        ("float64", [2.0**14], [2.0**14 + 2.0**-9], 2.0**-9, False),
        ("float64", [1e-5], [0.0], 1e-5, True),
        ("float16", [8.0], [8.0 + 2.0**-7], 2.0**-7, True),
        ("float16", [8.0], [8.0 + 2.0**-6], 2.0**-6, False),
        ("bfloat16", [128.0], [130.0], 2.0, True),
        ("bfloat16", [128.0], [131.0], 3.0, False),
        ("int32", [100000, 2], [100000, 2], 0.0, True),
        ("int32", [100000], [100001], 1.0, False),
        ("uint8", [1, 9], [1, 5], 4.0, False),
        ("bool", [True, False], [True, True], 1.0, False),
        ("object", ["a", "b"], ["a", "b"], 0.0, True),
        ("object", ["a", "b"], ["a", "c"], INF, False),
        ("S2", [b"a"], [b"b"], INF, False),
        ("V2", [b"ab"], [b"ab"], 0.0, True),
        ("V2", [b"ab"], [b"ac"], INF, False),
        ("float32", [], [], 0.0, True),
    ],
)
def test_the_distance_of_two_arrays(
    dtype: str, one: list[object], other: list[object], gap: float, close: bool
) -> None:
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    assert distance(np.array(one, kind), np.array(other, kind)) == (gap, close)


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((None, 4), "float32", [(2, 4), (3, 4), (3, 4)]),
        ((None, None), "float16", [(2, 8), (3, 8), (3, 8)]),
        ((None, None, 3), "float64", [(2, 7, 3), (3, 7, 3), (3, 7, 3)]),
        ((None, None, None, 3), "bfloat16", [(2, 64, 64, 3), (3, 64, 64, 3), (3, 64, 64, 3)]),
        ((None, 2, None, None, 1), "float32", [(2, 2, 16, 16, 1), (3, 2, 16, 16, 1), (3, 2, 16, 16, 1)]),
        ((None, None, 1, 1, 1, 1), "float32", [(2, 8, 1, 1, 1, 1), (3, 8, 1, 1, 1, 1), (3, 8, 1, 1, 1, 1)]),
        ((5, None), "int32", [(5, 8)] * 3),
        ((4, 6), "float32", [(4, 6)] * 3),
        ((None,), "bool", [(2,), (3,), (3,)]),
        ((), "float32", [()] * 3),
    ],
)
def test_random_batches_fit_the_inputs(shape: tuple[int | None, ...], dtype: str, expected: list[tuple[int]]) -> None:
    symbol, model = keras.KerasTensor(shape, dtype=dtype), keras.Sequential()
    batches = [one for (one,) in random_values(model, [symbol])]
    assert [one.shape for one in batches] == expected
    assert {one.dtype.name for one in batches} == {"float32" if dtype == "bfloat16" else dtype}
    again = [one for (one,) in random_values(model, [symbol])]
    other = [one for (one,) in random_values(model, [symbol], 1)]
    assert all(map(np.array_equal, batches, again))
    assert len(shape) < 2 or not all(map(np.array_equal, batches, other))
    if len(shape) > 1 and "float" in dtype:
        rows, half = (expected[2][0] + 1) // 2, expected[2][1] // 2
        assert not batches[2][:rows, half:].any()
        assert batches[0].all() and batches[1].all() and batches[2][rows:].all() and batches[2][:rows, :half].all()


def test_random_indices_are_those_of_every_vocabulary() -> None:
    symbol = keras.KerasTensor((None, 200), dtype="int64")

    def values(*found: keras.Layer) -> set[int]:
        first, second, padded = (one for (one,) in random_values(keras.Sequential(found), [symbol]))
        assert 0 in padded
        return {*first.flat, *second.flat}

    assert values() == {1, 2, 3, 4, 5, 6, 7, 8, 9}
    assert values(layers.Embedding(5, 2)) == {1, 2, 3, 4}
    assert values(layers.CategoryEncoding(num_tokens=4), layers.Embedding(6, 2)) == {1, 2, 3}
    assert values(layers.Embedding(2, 2)) == {1}
    assert values(layers.Embedding(1, 2)) == {0}


def test_random_indices_are_those_of_every_bin() -> None:
    for layer in layers.HashedCrossing(3), layers.Hashing(3):
        for (batch,) in random_values(keras.Sequential([layer]), [keras.KerasTensor((None, 200), dtype="uint8")]):
            assert {*batch.flat} - {0} == {1, 2}


def test_random_numbers_are_of_the_kind_of_their_dtype() -> None:
    symbols = [keras.KerasTensor((None, 200), dtype=dtype) for dtype in ("float32", "bool", "uint8")]
    numbers, flags, bytes_ = next(iter(random_values(keras.Sequential(), symbols)))
    assert (numbers < 0).any() and (numbers > 0).any() and (numbers != np.round(numbers)).all()
    assert {*flags.flat} == {False, True} and {*bytes_.flat} == set(range(1, 10))


def test_random_texts() -> None:
    found = [one for (one,) in random_values(keras.Sequential(), [keras.KerasTensor((None, 50), dtype="string")])]
    assert [one.shape for one in found] == [(2, 50), (3, 50), (3, 50)] and {*found[0].flat} == {"a", "b"}


# -- reports --------------------------------------------------------------------------------------------------------


def test_a_report_says_what_changed() -> None:
    equal = Difference("out", 0, 0.0, True)
    near, far = Difference("out", 1, 0.25, True), Difference("out", 2, 0.5, False)
    assert Verification().exact and Verification().close and Verification().largest == 0.0 and Verification()
    assert str(Verification([equal], shared=2)) == (
        "outputs equal: largest difference 0 over 1 comparisons\nvariables: 2 shared, 0 lost, 0 added"
    )
    close = Verification([equal, near])
    assert close and close.close and not close.exact and close.largest == 0.25
    assert close.summary == "outputs close: largest difference 0.25 over 2 comparisons"
    different = Verification([equal, far, near], "h#0", lost=["a", "b"], added=["c"], masks=["m"])
    assert not different and not different.close and different.largest == 0.5
    assert str(different).split("\n") == [
        "outputs different: largest difference 0.5 over 3 comparisons",
        "  out, batch 2: 0.5",
        "first difference at h#0",
        "variables: 0 shared, 2 lost, 1 added",
        "lost: a, b",
        "added: c",
        "masks: m",
    ]
    assert Verification(added=["a"]) and Verification(shared=1)
    for name in ("lost", "ties", "flags", "masks", "specs"):
        assert not Verification(**{name: ["a"]}) and f"{name}: a" in str(Verification(**{name: ["a"]}))


# -- ties, on graphs alone ------------------------------------------------------------------------------------------


def of_calls(*called: LayerDefinition) -> ModelGraph:
    """A chain of calls."""
    calls = [input_call("x"), *(call(one, place) for place, one in enumerate(called))]
    return expand(definition(body("net", calls, [0], [len(called)])))


def tied(one: LayerDefinition, other: LayerDefinition) -> LayerDefinition:
    one.variables = other.variables
    return one


def test_ties_that_came_and_went() -> None:
    apart = of_calls(known("a", size=3), known("b", size=3), known("c", size=3))
    first, third = known("a", size=3), known("c", size=3)
    together = of_calls(first, tied(known("b"), first), third)
    assert changed_ties(apart, together) == changed_ties(together, apart) == ["a@kernel = b@kernel"]
    assert changed_ties(apart, apart) == changed_ties(together, together) == []
    assert changed_ties(together, of_calls(known("a", size=3), known("c", size=3))) == []
    elsewhere = of_calls(first, known("b", size=3), tied(known("c"), first))
    assert changed_ties(together, elsewhere) == ["a@kernel = b@kernel", "a@kernel = c@kernel"]


def test_ties_of_many_are_in_order_of_their_names() -> None:
    def of(*names: str) -> list[LayerDefinition]:
        return [known(name, size=3) for name in names]

    first, *others = of(*"fbdace")
    together = of_calls(first, *(tied(one, first) for one in others))
    ties = " = ".join(f"{name}@kernel" for name in "abcdef")
    assert changed_ties(together, of_calls(*of(*"fbdace"))) == [ties]


def test_ties_of_layers_that_have_several_paths() -> None:
    def wrapped(inner: LayerDefinition, own: LayerDefinition) -> ModelGraph:
        return of_calls(own, known("each", "TimeDistributed", children={"layer": inner}))

    inner = known("inner", size=3)
    assert changed_ties(wrapped(inner, inner), wrapped(inner, inner)) == []
    parted = wrapped(known("inner", size=3), known("inner", size=3))
    assert changed_ties(wrapped(inner, inner), parted) == ["each/layer@kernel = inner@kernel"]


def test_ties_of_layers_inside_those_that_have_several_paths() -> None:
    def wrapped(own: LayerDefinition, inner: LayerDefinition) -> ModelGraph:
        return of_calls(own, known("each", "TimeDistributed", children={"layer": inner}))

    def around() -> LayerDefinition:
        return known("own", "TimeDistributed", children={"layer": known("inner", size=3)})

    own = around()
    assert changed_ties(wrapped(own, own), wrapped(around(), around())) == [
        "each/layer/layer@kernel = own/layer@kernel"
    ]


def test_calls_that_share_in_one_graph_only() -> None:
    step, other = known("step", size=3), known("other", size=3)
    shared, apart = of_calls(step, step), of_calls(step, other)
    assert calls_that_parted(shared, apart) == calls_that_parted(apart, shared) == ["the calls of step"]
    assert calls_that_parted(shared, shared) == calls_that_parted(apart, of_calls(other, step)) == []
    assert calls_that_parted(shared, of_calls(step)) == []
    assert calls_that_parted(shared, of_calls(step, known("other", "Conv1D", size=3))) == []
    plain = known("plain", "ReLU")
    assert calls_that_parted(of_calls(plain, plain), of_calls(plain, known("again", "ReLU"))) == []


# -- variables and specs --------------------------------------------------------------------------------------------


def test_values_and_shapes_of_variables() -> None:
    first, second = two_alike()
    for one in (first, second):
        one.get_layer("h1").bias.assign(np.full(one.get_layer("h1").bias.shape, np.nan))
    assert verify(first, second).lost == [] == verify(first, second).added
    second.get_layer("h1").bias.assign(np.zeros(second.get_layer("h1").bias.shape))
    assert verify(first, second).lost == ["h1@bias"]
    x = keras.Input((4,), name="x")
    out = layers.Dense(2, name="out")
    narrow, wide = (keras.Model(x, out(layers.Dense(2, name=name)(x))) for name in ("h", "other"))
    found = verify(narrow, wide)
    assert (found.shared, found.lost, found.added) == (2, ["h@kernel", "h@bias"], ["other@kernel", "other@bias"])


def test_flags_of_layers_and_of_variables() -> None:
    first, second = two_alike()
    second.get_layer("h1").trainable = False
    assert verify(first, second).flags == ["h1@kernel", "h1@bias", "h1"]
    inputs = keras.Input((4,), name="x")
    frozen, free = (keras.Model(inputs, layers.ReLU(name="relu", trainable=flag)(inputs)) for flag in (False, True))
    assert verify(frozen, free).flags == ["relu"]


def test_the_batch_that_differs_is_the_one_that_is_looked_into() -> None:
    first, second = two_alike()
    second.get_layer("h3").kernel.assign(2 * second.get_layer("h3").kernel)
    size = first.input_shape[-1]
    zeros, ones = np.zeros((1, size), "float32"), np.ones((1, size), "float32")
    for batches, at in ([zeros, ones], 1), ([ones, zeros], 0):
        found = verify(first, second, batches=batches)
        assert [one.close for one in found.differences] == [at != 0, at != 1]
        assert found.first_difference == "h3#0"


def test_random_numbers_are_those_of_both_where_the_first_difference_is_looked_for() -> None:
    x = keras.Input((4,), name="x")
    noisy = Noise(name="noise")(x)
    first, second = (layers.Dense(2, name="out") for _ in range(2))
    assert verify(keras.Model(x, first(noisy)), keras.Model(x, second(noisy))).first_difference == "out#0"


def test_specs_that_changed() -> None:
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="x", sparse=True)
    dense = layers.Dense(2, name="dense")
    one, other = keras.Model(x, dense(x)), keras.Model(y, dense(y))
    assert verify(one, one).specs == []
    assert verify(one, other, batches=[np.ones((2, 4), "float32")]).specs == [
        "input 0 x float32[None, 4] became x float32[None, 4] sparse"
    ]
    half = keras.Model(x, layers.Identity(dtype="float16", name="half")(dense(x)))
    assert verify(one, half).specs == ["output 0 float32[None, 2] became float16[None, 2]"]
    folded = keras.Model(x, layers.Reshape((2, 1), name="fold")(dense(x)))
    found = verify(one, folded)
    assert found.specs == ["dense (2, 2) became (2, 2, 1)", "output 0 float32[None, 2] became float32[None, 2, 1]"]
    assert found.differences == [] and found.close


def test_masks_that_came_and_went() -> None:
    def tags(mask_zero: bool) -> keras.Model:
        inputs = keras.Input((6,), dtype="int32", name="x")
        found = layers.Embedding(9, 4, mask_zero=mask_zero, embeddings_initializer="ones", name="table")(inputs)
        return keras.Model(inputs, layers.Dense(2, kernel_initializer="ones", name="out")(found))

    assert verify(tags(True), tags(False)).masks == verify(tags(False), tags(True)).masks == ["table#0", "out#0"]
    assert verify(tags(True), tags(True)).masks == []


# -- what differs first, and what cannot be run -----------------------------------------------------------------------


class Pair(layers.Layer):
    """Code with two layers inside it, that it calls one after the other, the second one twice."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.one, self.two = layers.Dense(4, name="one"), layers.Dense(4, name="two")

    def call(self, x):  # type: ignore[no-untyped-def]
        return self.two(self.two(self.one(x)))


def scaled(factor: float, *blocks: str) -> keras.Model:
    """An operation that multiplies, and after it code in which layers lie."""
    x = keras.Input((4,), name="x")
    found = keras.ops.multiply(x, factor)
    keras_internals.node_operation(keras_internals.producer(found)[0]).name = "times"  # type: ignore[index]
    for name in blocks:
        found = Pair(name=name)(found)
    return keras.Model(x, found, name="scaled")


@pytest.mark.parametrize(
    ("blocks", "factor", "changed", "expected"),
    [
        ([], 2.0, [], None),
        ([], 3.0, [], "times#0"),
        (["a"], 2.0, ["a.one"], "a/one"),
        (["a"], 2.0, ["a.two"], "a/two#0"),
        (["a", "b"], 2.0, ["b.one"], "b/one"),
        (["a", "b"], 2.0, ["b.two", "a.two"], "a/two#0"),
        (["a", "aa"], 2.0, ["aa.one"], "aa/one"),
        (["times_"], 3.0, [], "times#0"),
        (["a"], 3.0, ["a.one"], "times#0"),
    ],
)
def test_the_innermost_call_that_differs_first(
    blocks: list[str], factor: float, changed: list[str], expected: str | None
) -> None:
    first, second = scaled(2.0, *blocks), scaled(factor, *blocks)
    second.set_weights(first.get_weights())
    for block, _, inner in (one.partition(".") for one in changed):
        getattr(second.get_layer(block), inner).bias.assign([3.0, 2.0, 1.0, 4.0])
    found = verify(first, second)
    assert found.first_difference == expected and bool(found) == (expected is None)
    assert found.lost == [f"{path}@bias" for path in sorted(one.replace(".", "/") for one in changed)]


def test_models_and_parts_that_are_none() -> None:
    model = chain()
    for old, new in ((3, model), (model, 3), (model, [model, 3]), (model, (3, model)), (3, [model])):
        with pytest.raises(ReplayError) as raised:
            verify(old, new)  # type: ignore[arg-type]
        assert str(raised.value) == "expected a keras.Model, got int: pass the model itself, not its output"


def test_what_parts_cannot_run_on_is_said() -> None:
    model, wrong = chain(), encoder("wrong", 9)
    with pytest.raises(ReplayError) as raised:
        verify(model, [encoder("first"), wrong], batches=[np.ones((2, 4), "float32")])
    message = str(raised.value)
    assert message.startswith("got inputs of shape (2, 4), on which 'first' and 'wrong' cannot run: ")
    assert message.endswith("; compare models that receive the same inputs, or pass batches= that fit both")
    with pytest.raises(ReplayError, match=r"^got inputs of shape \(2, 4\), \(3,\), on which 'siamese' cannot run: "):
        left, right = keras.Input((4,)), keras.Input((4,))
        pair = keras.Model([left, right], layers.Add()([left, right]), name="siamese")
        verify(pair, pair, batches=[[np.ones((2, 4), "float32"), np.ones(3, "float32")]])


class Two(keras.Model):
    """Code with two arguments."""

    def call(self, x, y):  # type: ignore[no-untyped-def]
        return x + y


@pytest.mark.parametrize("by_keyword", [False, True])
def test_inputs_that_are_not_in_one_argument_are_unknown(by_keyword: bool) -> None:
    model, x, y = Two(name="two"), keras.Input((4,)), keras.Input((4,))
    model(x, y=y) if by_keyword else model(x, y)
    with pytest.raises(OpaqueBody) as raised:
        verify(model, model)
    assert str(raised.value) == "the inputs of 'two' are unknown: pass batches="


def test_what_changed_is_told_once_and_from_the_first_batch_on() -> None:
    x = keras.Input((4,), name="x")
    a, b = layers.Dense(2, name="a"), layers.Dense(3, name="b")
    one, two = keras.Model(x, a(x)), keras.Model(x, [a(x), b(x)])
    other = keras.Model(x, [a(x), layers.Dense(4, name="c")(x)])
    batches = [np.ones((rows, 4), "float32") for rows in (2, 5)]
    for count in (1, 2):
        assert verify(one, two, batches=batches[:count]).specs == ["1 outputs became 2"]
        found = verify(two, other, batches=batches[:count])
        assert found.specs == ["b (2, 3) became (2, 4)", "output 1 float32[None, 3] became float32[None, 4]"]
        assert [(seen.output, seen.batch, seen.largest) for seen in found.differences] == [
            ("a", number, 0.0) for number in range(count)
        ]
    turned = [keras.Model(model.inputs, model.outputs[::-1]) for model in (two, other)]
    assert [(one.output, one.close) for one in verify(*turned, batches=batches[:1]).differences] == [("a", True)]
    found = verify(two, other, batches=[])
    assert found.differences == [] and found.specs == ["output 1 float32[None, 3] became float32[None, 4]"]
    assert found.first_difference is None and found.lost == ["b@kernel", "b@bias"] and found.shared == 2


def test_outputs_without_names_have_their_number() -> None:
    class Twice(Code):
        def call(self, x):  # type: ignore[no-untyped-def]
            found = super().call(x)
            return found, found + 1.0

    model, x = Twice(), np.ones((2, 4), "float32")
    model(x)
    assert [one.output for one in verify(model, model, batches=[x]).differences] == ["0", "1"]


def test_attributes_of_code_that_are_called_as_those_of_a_graph() -> None:
    class Named(Code):
        def __init__(self) -> None:
            super().__init__()
            self.inputs, self.outputs, self.output_names = ["left"], ["right"], 2

    model, x = Named(), np.ones((2, 4), "float32")
    model(x)
    found = verify(model, model, batches=[x])
    assert found and [one.output for one in found.differences] == ["0"] and found.specs == []


def test_flags_and_variables_of_several_parts() -> None:
    model = chain()
    head, tail = split(model, "h2", weights="copy")
    assert [verify(model, (head, tail)).flags, verify(model, [head, tail]).shared] == [[], 0]
    tail.get_layer("h3").trainable = False
    tail.get_layer("out").bias.assign([1.0, 2.0])
    found = verify(model, (head, tail))
    assert found.flags == ["h3@kernel", "h3@bias"] and found.lost == ["out@bias"] and found.ties == []
    assert found.first_difference == "out#0" and not found.specs and not found.masks
    head.get_layer("h1").trainable = False
    assert verify(model, (head, tail)).flags == ["h1@kernel", "h1@bias", "h3@kernel", "h3@bias"]


def test_what_only_one_model_calls_is_no_mask_that_came_or_went() -> None:
    def tags(*names: str) -> keras.Model:
        inputs = keras.Input((6,), dtype="int32", name="x")
        x = layers.Embedding(9, 4, mask_zero=True, embeddings_initializer="ones", name="table")(inputs)
        for name in names:
            x = layers.Identity(name=name)(x)
        return keras.Model(inputs, layers.Dense(2, kernel_initializer="ones", name="out")(x))

    assert verify(tags("same"), tags()).masks == verify(tags(), tags("same")).masks == []


def test_both_run_in_inference() -> None:
    inputs = keras.Input((4,), name="x")
    first, second = (layers.BatchNormalization(name="norm") for _ in range(2))
    models = [keras.Model(inputs, one(inputs)) for one in (first, second)]
    assert verify(*models).close
    second.moving_mean.assign(np.ones(4, "float32"))
    found = verify(*models)
    assert not found.close and found.largest == pytest.approx(1.0, abs=0.01)


def test_another_number_of_inputs() -> None:
    def summed(names: str, units: int) -> keras.Model:
        given = {name: keras.Input((4,), name=name) for name in names}
        total = layers.Add(name="sum")([given["a"], given["b"]])
        dense = layers.Dense(units, kernel_initializer="ones", name="out")
        return keras.Model(given, dense(total))

    old, new = summed("abc", 2), summed("ab", 2)
    batch = dict.fromkeys("abc", np.ones((2, 4), "float32"))
    assert verify(old, new, batches=[batch]).specs == ["3 inputs became 2"]
    assert verify(old, summed("ab", 3), batches=[batch]).specs == [
        "out (2, 2) became (2, 3)",
        "3 inputs became 2",
        "output 0 float32[None, 2] became float32[None, 3]",
    ]


class Holds(layers.Layer):
    """Has a variable of some dtype."""

    def __init__(self, values: np.ndarray) -> None:
        super().__init__(name="holds")
        dtype = "string" if values.dtype == object else values.dtype.name
        self.held = keras.Variable(values, dtype=dtype, trainable=False, name="held")

    def call(self, x: Any) -> Any:
        return x


ONLY_TENSORFLOW = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="has no variables of texts")


@pytest.mark.parametrize(
    ("dtype", "one", "other", "lost"),
    [
        ("int32", [1, 2], [1, 2], []),
        ("int32", [1, 2], [1, 3], ["holds@held"]),
        ("float32", [1, np.nan], [1, np.nan], []),
        ("float32", [1, np.nan], [1, 0], ["holds@held"]),
        ("bfloat16", [1, np.nan], [1, np.nan], []),
        ("bfloat16", [1, np.nan], [2, np.nan], ["holds@held"]),
        pytest.param("object", ["a", "b"], ["a", "b"], [], marks=ONLY_TENSORFLOW),
        pytest.param("object", ["a", "b"], ["a", "c"], ["holds@held"], marks=ONLY_TENSORFLOW),
    ],
)
def test_values_of_variables_of_each_kind(dtype: str, one: list[object], other: list[object], lost: list[str]) -> None:
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    models = [keras.Sequential([keras.Input((2,)), Holds(np.array(values, kind))]) for values in (one, other)]
    assert verify(*models).lost == lost


# -- the first difference -----------------------------------------------------------------------------------------


def test_the_first_difference_may_be_one_of_shape() -> None:
    x = keras.Input((4,), name="x")
    narrow, wide = (keras.Model(x, layers.Dense(2, name="out")(layers.Dense(units, name="h")(x))) for units in (3, 5))
    assert verify(narrow, wide).first_difference == "h#0"


def test_the_first_difference_inside_a_nested_model() -> None:
    first, second = siamese(), siamese()
    second.set_weights(first.get_weights())
    hidden = second.get_layer("encoder").get_layer("hidden")
    hidden.kernel.assign(2 * hidden.kernel)
    assert verify(first, second).first_difference == "encoder#0/hidden#0"


def test_a_layer_is_known_again_in_another_place() -> None:
    dense, x, y = layers.Dense(3, name="dense"), keras.Input((4,), name="x"), keras.Input((4,), name="y")
    nested = keras.Model(y, dense(y), name="nested")
    old = keras.Model(x, layers.Rescaling(2.0, name="twice")(nested(layers.Rescaling(1.0, name="same")(x))))
    new = keras.Model(x, layers.Rescaling(2.0, name="times_2")(dense(layers.Rescaling(3.0, name="times_3")(x))))
    found = verify(old, new)
    assert found.first_difference == "nested/dense" and found.shared == 2 and found.lost == found.added == []


class Returns(layers.Layer):
    """Returns what it receives, so many times."""

    def __init__(self, *factors: float, **options: Any) -> None:
        super().__init__(**options)
        self.factors = factors

    def call(self, x: Any) -> Any:
        return [x * factor for factor in self.factors]


class Warns(Returns):
    """Also warns."""

    def call(self, x: Any) -> Any:
        warnings.warn("careful", stacklevel=2)
        return super().call(x)

    def compute_output_spec(self, x: Any) -> Any:
        return [keras.KerasTensor(x.shape, x.dtype) for _ in self.factors]


@pytest.mark.parametrize("factors", [(2.0,), (2.0, 3.0, 4.0)])
def test_the_first_difference_may_be_one_of_the_number_of_results(factors: tuple[float, ...]) -> None:
    x = keras.Input((4,), name="x")
    old, new = (keras.Model(x, Warns(*given, name="h")(x)[0]) for given in ((1.0, 1.0), factors))
    assert verify(old, new).first_difference == "h#0:0"


def test_the_first_difference_in_the_second_of_two_parts() -> None:
    x = keras.Input((4,), name="x")
    both = layers.Add(name="sum")([layers.Dense(2, name="a")(x), layers.Dense(2, name="b")(x)])
    model = keras.Model(x, layers.Dense(2, name="out")(both))
    head, tail = split(model, ["a", "b"], weights="copy")
    tail.get_layer("out").bias.assign([1.0, 2.0])
    assert verify(model, [head, tail]).first_difference == "out#0"


def test_what_a_later_part_receives_is_no_difference() -> None:
    x, y = keras.Input((4,), name="x"), keras.Input((3,), name="x")
    hidden, out = layers.Dense(3, name="hidden"), layers.Dense(2, name="out")
    parts = [keras.Model(x, hidden(x)), keras.Model(y, layers.Dense(2, name="out")(y))]
    assert verify(keras.Model(x, out(hidden(x))), parts).first_difference == "out#0"


class Block(layers.Layer):
    """Code that adds what a layer inside it returns."""

    def __init__(self, *factors: float, **options: Any) -> None:
        super().__init__(**options)
        self.inner = Returns(*factors, name="inner")

    def call(self, x: Any) -> Any:
        return sum(self.inner(x))


def test_the_first_difference_inside_code_is_one_of_any_result() -> None:
    x = keras.Input((4,), name="x")
    old, new, short = (keras.Model(x, Block(1.0, *more, name="block")(x)) for more in ((1.0,), (2.0,), ()))
    assert verify(old, new).first_difference == verify(old, short).first_difference == "block/inner"


def test_random_numbers_are_those_of_both_where_the_first_difference_inside_code_is_looked_for() -> None:
    x = keras.Input((4,), name="x")
    noisy = Noise(name="noise")(x)
    old, new = (keras.Model(x, Block(factor, name="block")(noisy)) for factor in (1.0, 2.0))
    assert verify(old, new).first_difference == "block/inner"
