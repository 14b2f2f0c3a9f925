from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from graphlint.errors import AddressError, ReplayError, ShapeMismatch, UnboundedCut
from graphlint.knowledge import keras_internals
from graphlint.replay.extract import extract, features
from graphlint.replay.run import run
from graphlint.replay.split import split
from tests.replay.invariants import assert_same, batch
from tests.replay.test_split import chain, encoder, residual, siamese, tagger


def test_a_part_between_two_tensors() -> None:
    model = chain()
    part = extract(model, inputs="h2", outputs="h4")
    assert [layer.name for layer in part.layers] == ["h2", "h3", "h4"]
    inputs = batch(model)
    assert_same(part(run(model, inputs, "h2")), run(model, inputs, "h4"))


def test_inputs_to_two_layers_of_a_linear_model() -> None:
    model = chain()
    head, tail = extract(model, outputs="h3"), extract(model, inputs="h3")
    inputs = batch(model)
    assert_same(tail(head(inputs)), model(inputs))


def test_a_part_that_needs_more_inputs_says_which() -> None:
    with pytest.raises(UnboundedCut, match="a#0"):
        extract(residual(), inputs="b", outputs="out")
    assert extract(residual(), inputs=["a"], outputs=["out"]).input_shape == (None, 4)


def test_the_encoder_of_an_autoencoder(tmp_path: Path) -> None:
    inputs = keras.Input((4,), name="x")
    decoder = keras.Sequential([keras.Input((3,)), layers.Dense(4, name="back")], name="decoder")
    model = keras.Model(inputs, decoder(encoder()(inputs)))
    part = extract(model, inputs="encoder/hidden", outputs="decoder/back")
    part.save(tmp_path / "part.keras")
    again = keras.saving.load_model(tmp_path / "part.keras")
    assert_same(part(batch(part)), again(batch(part)))


def test_features_at_any_depth_and_call_site() -> None:
    model = siamese()
    found = features(model, {"left": "encoder#0/hidden", "right": "encoder#1/hidden", "same": "same"})
    inputs = batch(model)
    values = found(inputs)
    assert_same(values["same"], model(inputs))
    assert_same(values["left"], model.get_layer("encoder").get_layer("hidden")(inputs[0]))
    assert_same(values["right"], model.get_layer("encoder").get_layer("hidden")(inputs[1]))


def test_features_of_two_inner_layers_of_a_nested_resnet50() -> None:
    base = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(32, 32, 3))
    inputs = keras.Input((32, 32, 3), name="image")
    model = keras.Model(inputs, layers.GlobalAveragePooling2D(name="pool")(base(inputs)))
    found = features(model, {"c3": "resnet50/conv3_block4_out", "c4": "resnet50/conv4_block6_out"})
    data = batch(model, size=1)
    reference = keras.Model(
        base.input, [base.get_layer("conv3_block4_out").output, base.get_layer("conv4_block6_out").output]
    )
    assert_same(list(found(data).values()), reference(data))


def test_run_fetches_and_overrides() -> None:
    model = chain()
    inputs = batch(model)
    assert_same(run(model, inputs, "out"), model(inputs))
    second = run(model, inputs, "h2")
    assert_same(run(model, None, "out", given={"h2": second}), model(inputs))
    assert not np.array_equal(run(model, inputs, "out", given={"h2": second + 1}), np.asarray(model(inputs)))
    assert set(run(model, {"x": inputs}, {"a": "h1", "b": "h4"})) == {"a", "b"}


@pytest.mark.parametrize("listed", [lambda one: [one], lambda one: (one,), lambda one: [one.tolist()]])
def test_run_accepts_a_list_of_one_input_as_a_call_does(listed: Callable[[Any], Any]) -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, name="out")])
    inputs = batch(model)
    assert_same(run(model, listed(inputs), "out"), run(model, inputs, "out"))
    assert_same(run(model, inputs[:1].tolist(), "out"), run(model, inputs[:1], "out"))


def test_run_overrides_one_call_of_a_nested_model() -> None:
    model = siamese()
    left, right = batch(model)
    hidden = run(model, [left, right], "encoder#1/hidden")
    assert_same(run(model, {"left": left}, "same", given={"encoder#1/hidden": hidden}), model([left, right]))


def test_run_keeps_a_given_value_where_the_call_that_makes_it_runs_all_the_same() -> None:
    """For the state of a recurrence the whole layer runs; the sequence stays the one that was given."""
    inputs = keras.Input((4, 3), name="x")
    sequence, state = layers.GRU(2, return_sequences=True, return_state=True, name="gru")(inputs)
    pooled = layers.GlobalAveragePooling1D(name="pool")(sequence)
    model = keras.Model(inputs, layers.Concatenate(name="out")([pooled, state]))
    data = batch(model)
    given = np.full((len(data), 4, 2), 7.0, "float32")
    found = run(model, data, {"gru": "gru#0:0", "state": "gru#0:1", "out": "out"}, given={"gru#0:0": given})
    state = keras.Model(inputs, state)(data)
    assert_same(found["gru"], given)
    assert_same(found["state"], state)
    assert_same(found["out"], np.concatenate([given[:, 0], state], axis=1))


def test_run_keeps_a_given_value_inside_a_nested_model_that_runs_all_the_same() -> None:
    inputs = keras.Input((4,), name="f")
    a, b = layers.Rescaling(2.0, name="a")(inputs), layers.Rescaling(3.0, name="b")(inputs)
    inner = keras.Model(inputs, [a, b], name="inner")
    x = keras.Input((4,), name="x")
    model = keras.Model(x, layers.Concatenate(name="out")(inner(x)))
    ones = np.ones((1, 4), "float32")
    given = run(model, ones, "out", given={"inner/a": 7 * ones})
    assert_same(given, np.concatenate([7 * ones, 3 * ones], axis=1))


def test_run_keeps_the_mask_of_an_overridden_tensor() -> None:
    model = tagger()
    inputs = np.array([[1, 2, 0, 0], [1, 0, 0, 0]])
    embedded = run(model, inputs, "embedding")
    assert_same(run(model, inputs, "out", given={"embedding": embedded}), model(inputs))


def test_run_keeps_the_masks_of_tensors_overridden_in_a_row() -> None:
    model = tagger()
    inputs = np.array([[1, 2, 0, 0], [1, 0, 0, 0]])
    values = run(model, inputs, {"embedding": "embedding", "drop": "drop"})
    assert_same(run(model, inputs, "out", given=values), model(inputs))


class Drops(layers.Layer):
    """Has no argument for the mode, and a layer that has one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.inner = layers.Dropout(0.5)

    def call(self, x: Any) -> Any:
        return self.inner(x)

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


@pytest.mark.parametrize(
    ("own", "asked", "drops"),
    [(None, None, False), (None, True, True), (False, True, True), (True, None, True), (True, False, False)],
)
def test_the_mode_of_a_run_comes_before_that_of_a_call(own: bool | None, asked: bool | None, drops: bool) -> None:
    inputs = keras.Input((4,), name="i")
    inner = keras.Model(inputs, [layers.Dropout(0.5, name="drop")(inputs), Drops(name="code")(inputs)], name="inner")
    x = keras.Input((4,), name="x")
    model = keras.Model(x, inner(x) if own is None else inner(x, training=own))
    found = run(model, np.ones((64, 4), "float32"), ["inner/drop", "inner/code"], training=asked)
    assert [bool((one == 0).any()) for one in found] == [drops, drops]


def test_run_inside_a_nested_model_that_is_called_on_a_constant() -> None:
    one, other = keras.Input((3,), name="one"), keras.Input((3,), name="other")
    inner = keras.Model([one, other], layers.Add(name="sum")([one, other]), name="inner")
    x = keras.Input((3,), name="x")
    model = keras.Model(x, inner([x, keras.ops.ones((1, 3))]))
    ones = np.ones((2, 3), "float32")
    assert_same(run(model, 4 * ones, "inner/sum"), 5 * ones)
    assert_same(run(model, None, ["inner/sum"], given={"inner/one": 2 * ones}), [3 * ones])


def test_feeds_may_be_in_a_list_of_their_own() -> None:
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    model, ones = keras.Model([a, b], layers.Subtract(name="out")([a, b])), np.ones((1, 2), "float32")
    assert_same(run(model, [[3 * ones, ones]], "out"), 2 * ones)
    assert_same(run(model, [[[3.0, 3.0]], [[1.0, 1.0]]], "out"), 2 * ones)


def test_run_needs_no_feeds_for_masks_of_what_is_given() -> None:
    x = keras.Input((5, 4), name="x")
    masked = layers.Masking(name="masking")(layers.Dense(4, name="a")(x))
    model = keras.Model(x, layers.LSTM(3, name="lstm")(masked))
    ones = np.ones((2, 5, 4), "float32")
    expected = run(model, None, "lstm", given={"a": ones})
    assert_same(run(model, None, "lstm", given={"a": ones, "masking": ones}), expected)
    unread = keras.Model(x, layers.Dense(2, name="d")(masked))
    assert run(unread, None, "d", given={"masking": ones}).shape == (2, 5, 2)


def test_run_trains_where_asked() -> None:
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dropout(0.9, seed=1, name="drop")(inputs))
    ones = np.ones((8, 4), "float32")
    assert_same(run(model, ones, "drop"), ones)
    assert not np.array_equal(run(model, ones, "drop", training=True), ones)


def test_run_says_what_does_not_fit() -> None:
    with pytest.raises(ShapeMismatch, match=r"h3#0 cannot be called on float32\[1, 9\]"):
        run(chain(), None, "out", given={"h2": np.ones((1, 9))})


def test_run_says_which_feed_is_missing() -> None:
    with pytest.raises(UnboundedCut, match="right"):
        run(siamese(), {"left": np.zeros((1, 4))}, "same")
    with pytest.raises(ReplayError, match="middle"):
        run(siamese(), {"middle": np.zeros((1, 4))}, "same")
    with pytest.raises(ReplayError, match="2 inputs"):
        run(siamese(), np.zeros((1, 4)), "same")
    with pytest.raises(AddressError):
        run(siamese(), None, 3)  # type: ignore[arg-type]


def test_run_takes_a_list_of_more_than_one_as_a_value() -> None:
    model, ones = chain(), np.ones((2, 4), "float32")
    assert_same(run(model, [ones], "h1"), run(model, ones, "h1"))
    assert_same(run(model, [[1.0] * 4] * 2, "h1"), run(model, ones, "h1"))
    assert run(model, [ones, ones, ones], "h1").shape == (3, 2, 4)


def test_run_takes_the_inputs_of_a_model_that_takes_a_dict() -> None:
    a, b = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    model = keras.Model({"right": b, "left": a}, layers.Subtract(name="out")([a, b]))
    ones = np.ones((1, 2), "float32")
    assert_same(run(model, {"left": 3 * ones, "right": ones}, "out"), 2 * ones)


# -- what is refused, in full ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("feeds", "fetch", "message"),
    [
        (
            {"left": np.zeros((1, 4))},
            "same",
            (
                "expected values for every input that the result depends on, got none for right#0: feed it, or give "
                "the tensors after it"
            ),
        ),
        (
            None,
            "same",
            (
                "expected values for every input that the result depends on, got none for left#0, right#0: feed it, or "
                "give the tensors after it"
            ),
        ),
        (
            {"middle": 0, "left": 0, 3: 0},
            "same",
            "expected values for inputs among left, right, got middle, 3: use their names",
        ),
        (
            [np.zeros((1, 4))] * 3,
            "same",
            "expected one value for each of the 2 inputs, got 3: feed a list, or a dict by name",
        ),
        (
            np.zeros((2, 1, 4)),
            "same",
            "expected one value for each of the 2 inputs, got 1: feed a list, or a dict by name",
        ),
        (
            np.zeros((1, 4)),
            "encoder#0/hidden",
            "expected one value for each of the 2 inputs, got 1: feed a list, or a dict by name",
        ),
    ],
)
def test_feeds_that_do_not_fit(feeds: Any, fetch: str, message: str) -> None:
    with pytest.raises(ReplayError) as raised:
        run(siamese(), feeds, fetch)
    assert str(raised.value) == message
    if isinstance(raised.value, UnboundedCut):
        assert raised.value.leaking_inputs == message.partition("none for ")[2].partition(":")[0].split(", ")
        assert raised.value.side_tensors == (["encoder#1/code#0"] if feeds else ["same#0"])


@pytest.mark.filterwarnings("ignore:When providing `inputs` as a dict")
def test_what_is_fed_and_fetched_keeps_its_structure() -> None:
    a, b = keras.Input((2,), name="a"), keras.Input((2,), dtype="int32", name="b")
    twice, sums = layers.Rescaling(2.0, name="twice")(a), layers.Add(name="sum")([a, keras.ops.cast(b, "float32")])
    flat = keras.Model([a, b], [twice, sums])
    nested = keras.Model({"pair": [a, b]}, [twice, sums])
    named = keras.Model({"first": a, "b": b}, [twice, sums])
    one, two = np.full((1, 2), 1.5), np.full((1, 2), 2)
    for model, feeds in (
        (flat, [one, two]),
        (flat, (one, two)),
        (flat, {"b": two, "a": one}),
        (nested, {"a": one, "b": two}),
        (nested, [[one, two]]),
        (named, {"first": one, "b": two}),
        (named, {"a": one, "b": two}),
    ):
        for fetch in ("sum", ["sum"], {"s": "sum"}, ["sum", "twice"], ("twice", "sum"), {"t": "twice", "s": "sum"}):
            found = run(model, feeds, fetch)
            known = {"sum": np.full((1, 2), 3.5), "twice": np.full((1, 2), 3.0)}
            if isinstance(fetch, str):
                found, expected = [found], [known[fetch]]
            elif isinstance(fetch, dict):
                assert list(found) == list(fetch)
                found, expected = list(found.values()), [known[one] for one in fetch.values()]
            else:
                assert isinstance(found, list)
                expected = [known[one] for one in fetch]
            assert all(type(one) is np.ndarray and one.dtype == "float32" for one in found)
            assert_same(found, expected)
    assert_same(run(flat, {"a": one}, "twice"), 2 * one)
    assert_same(run(flat, None, ["sum", "twice"], given={"sum": [[1, 2]], "a": one}), [two - [[1, 0]], 2 * one])
    assert_same(run(flat, [one, two], "sum", given={"a": 10 * one}), 10 * one + two)


@pytest.mark.filterwarnings("ignore:.*passed an input with a mask attached.*")
def test_a_part_of_a_nested_model_receives_the_masks_of_its_inputs() -> None:
    one, other = keras.Input((5, 3), name="one"), keras.Input((5, 3), name="other")
    ends = [layers.LSTM(3, name="first")(one), layers.LSTM(3, name="second")(layers.Dense(3, name="d")(other))]
    inner = keras.Model([one, other], layers.Add(name="sum")(ends), name="inner")
    x, keep = keras.Input((5, 3), name="x"), keras.Input((5,), dtype="bool", name="keep")
    model = keras.Model([x, keep], inner([x, x], mask=[keep, None]))

    def masks(part: keras.Model) -> Any:
        (node,) = [node for node in keras_internals.own_nodes(part) if node.operation.name == "inner"]
        mask = keras_internals.node_arguments(node)[1]["mask"]
        return keras.tree.map_structure(lambda one: None if one is None else one.name, mask, none_is_leaf=True)

    assert masks(features(model, "inner/first")) == "keep"
    assert masks(features(model, "inner/second")) is None
    assert masks(features(model, ["inner/first", "inner/second"])) == ["keep", None]
    assert masks(split(model, ["inner/d", "x", "keep"])[1]) == ["keep", None]


def test_parts_have_names_flags_and_inputs() -> None:
    model = chain()
    model.trainable = False
    parts = [
        extract(model),
        extract(model, outputs="h1"),
        extract(model, "h1"),
        extract(model, ["h1"], ["h4", "h2"]),
        features(model, "h2"),
        features(model, ["h2", "out"]),
        features(model, {"deep": "h3"}),
    ]
    kinds = ["features", "features", "part", "part", "features", "features", "features"]
    assert [part.name for part in parts] == [f"{model.name}_{kind}" for kind in kinds]
    assert not any(part.trainable for part in parts)
    assert [keras.tree.map_structure(lambda one: one.shape[1], part.output) for part in parts] == [
        *(2, 4, 2, [7, 5]),
        *({"h2": 5}, {"h2": 5, "out": 2}, {"deep": 6}),
    ]
    assert [[one.name for one in part.inputs] for part in parts] == [
        *([["x"]] * 2),
        *([["h1"]] * 2),
        *([["x"]] * 3),
    ]
    data = batch(model)
    hidden = run(model, data, "h1")
    assert_same(parts[3](hidden), run(model, data, ["h4", "h2"]))
    assert_same(parts[0](data), model(data))
