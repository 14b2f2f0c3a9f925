from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from graphlint.errors import OpaqueBody, ReplayError
from graphlint.replay.clone import clone
from graphlint.replay.edit import edit
from graphlint.replay.split import split
from graphlint.replay.verify import verify
from tests.replay.test_split import Code, chain, siamese, tagger


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


def test_random_layers_see_the_same_numbers() -> None:
    inputs = keras.Input((4,), name="x")
    noisy = layers.GaussianNoise(1.0, name="noise")
    model = keras.Model(inputs, layers.Dense(2, name="out")(noisy(inputs, training=True)))
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


def test_an_output_that_came() -> None:
    x = keras.Input((4,), name="x")
    a, b = layers.Dense(2, name="a"), layers.Dense(2, name="b")
    assert "1 outputs became 2" in verify(keras.Model(x, a(x)), keras.Model(x, [a(x), b(x)])).specs


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
