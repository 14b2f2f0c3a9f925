from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from graphlint.errors import (
    AddressError,
    AmbiguousAddress,
    CannotClone,
    InvalidEdit,
    NameCollision,
    OpaqueBody,
    ReplayError,
    ShapeMismatch,
    UnknownAddress,
)
from graphlint.knowledge import keras_internals
from graphlint.replay.edit import Edit, TieNotSaved, edit, sites
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.run import run
from graphlint.replay.split import split
from graphlint.replay.verify import verify
from tests.models.lossy_layers import ForgetsScale
from tests.replay.invariants import assert_same, batch, node_counts
from tests.replay.test_split import chain, encoder, residual, siamese


def names(model: keras.Model) -> list[str]:
    return [layer.name for layer in model.layers]


def saved(model: keras.Model, path: Path) -> keras.Model:
    model.save(path / "edited.keras")
    again = keras.saving.load_model(path / "edited.keras")
    assert_same(again(batch(model)), model(batch(model)))
    return again


def test_insert_after_and_before(tmp_path: Path) -> None:
    model = chain()
    config = model.get_config()
    changed = (
        edit(model)
        .insert_after("h1", layers.Rescaling(2.0, name="twice"))
        .insert_before("h4", layers.Rescaling(3.0, name="thrice"))
        .build()
    )
    assert names(changed) == ["x", "h1", "twice", "h2", "h3", "thrice", "h4", "out"]
    inputs = batch(model)
    after_h1 = run(model, inputs, "h1") * 2
    third = run(model, None, "h3", given={"h1": after_h1})
    assert_same(changed(inputs), run(model, None, "out", given={"h3": third * 3}))
    assert model.get_config() == config
    saved(changed, tmp_path)


def test_insert_after_what_nothing_receives() -> None:
    x = keras.Input((5, 4), name="x")
    _, state, _ = layers.LSTM(3, return_state=True, name="lstm")(x)
    inner = keras.Model(x, [layers.Dense(2, name="used")(state), layers.Dense(2, name="unused")(state)], name="inner")
    model = keras.Model(x, inner(x)[0])
    with pytest.raises(InvalidEdit, match="expected a tensor that is used, got lstm:2"):
        edit(inner).insert_after("lstm:2", layers.ReLU())
    with pytest.raises(InvalidEdit, match="expected a tensor that is used, got inner:1"):
        edit(model).insert_after("inner:1", layers.ReLU())
    assert edit(model).insert_after("inner:0", layers.ReLU(name="last")).build().layers[-1].name == "last"
    edit(model).insert_after("inner/unused", layers.ReLU()).build()


def test_insert_before_one_of_several_arguments() -> None:
    model = residual()
    changed = edit(model).insert_before("add", layers.Rescaling(0.0, name="zero"), argument="0/1").build()
    inputs = batch(model)
    assert_same(changed(inputs), run(model, None, "out", given={"add": run(model, inputs, "a")}))
    with pytest.raises(InvalidEdit, match="0/0, 0/1"):
        edit(model).insert_before("add", layers.ReLU())


def test_after_an_input_and_before_an_output() -> None:
    model = chain()
    changed = edit(model).insert_after("x", layers.Rescaling(2.0, name="twice")).build()
    assert names(changed)[:3] == ["x", "twice", "h1"]
    assert_same(changed(batch(model)), model(2 * batch(model)))
    changed = edit(model).insert_after("out", layers.Softmax(name="probabilities")).build()
    assert changed.output_names == ["probabilities"]


def test_remove_and_replace(tmp_path: Path) -> None:
    inputs = keras.Input((4,), name="x")
    x = layers.Dropout(0.5, name="drop")(layers.Dense(4, name="hidden")(inputs))
    model = keras.Model(inputs, layers.Dense(2, name="out")(x))
    changed = edit(model).remove("drop").replace("out", layers.Dense(7, name="wide")).build()
    assert names(changed) == ["x", "hidden", "wide"] and changed.output_shape == (None, 7)
    assert changed.get_layer("hidden") is model.get_layer("hidden")
    saved(changed, tmp_path)
    with pytest.raises(InvalidEdit, match="Input"):
        edit(model).remove("x")
    changed = edit(residual()).remove("add", argument="0/0").build()
    assert names(changed) == ["x", "a", "out"]


def test_replace_a_block(tmp_path: Path) -> None:
    model = residual()
    changed = edit(model).replace("add", layers.Dense(4, name="one"), inputs="x").build()
    assert names(changed) == ["x", "one", "out"]
    changed = edit(model).replace("add", layers.Multiply(name="product"), inputs=["b", "a"]).build()
    inputs = batch(model)
    a, b = run(model, inputs, ["a", "b"])
    assert_same(changed(inputs), run(model, None, "out", given={"add": a * b}))
    saved(changed, tmp_path)


def test_one_call_of_several() -> None:
    inputs = keras.Input((4,), name="x")
    step = layers.Dense(4, activation="tanh", name="step")
    model = keras.Model(inputs, step(step(step(inputs))))
    editing = edit(model).remove("step#1")
    changed = editing.build()
    values = batch(model)
    assert_same(changed(values), step(step(values)))
    assert editing.addresses["step#2"] == "step#1" and "step#1" not in editing.addresses
    again = edit(changed).insert_after(editing.addresses["step#2"], layers.Rescaling(2.0)).build()
    assert_same(again(values), 2 * step(step(values)))
    with pytest.raises(AddressError, match="step#0"):
        edit(model).remove("step")


def test_inside_a_nested_model_everywhere_it_is_called(tmp_path: Path) -> None:
    model = siamese()
    editing = edit(model).insert_after("encoder/hidden", layers.Rescaling(2.0, name="twice"))
    changed = editing.build()
    assert names(changed) == names(model)
    assert names(changed.get_layer("encoder")) == ["features", "hidden", "twice", "code"]
    assert editing.addresses["encoder#1/code#0"] == "encoder#1/code#0"
    hidden = run(model, batch(model), ["encoder#0/hidden", "encoder#1/hidden"])
    expected = run(model, None, "same", given={f"encoder#{i}/hidden": 2 * hidden[i] for i in range(2)})
    assert_same(changed(batch(model)), expected)
    saved(changed, tmp_path)


def test_inside_one_call_of_a_nested_model(tmp_path: Path) -> None:
    model = siamese()
    changed = edit(model).insert_after("encoder#1/hidden", layers.Rescaling(2.0, name="twice")).build()
    hidden = run(model, batch(model), "encoder#1/hidden")
    expected = run(model, batch(model), "same", given={"encoder#1/hidden": 2 * hidden})
    assert_same(changed(batch(model)), expected)
    assert changed.count_params() == model.count_params()
    saved(changed, tmp_path)


def test_a_dropout_is_removed_from_a_nested_sequential(tmp_path: Path) -> None:
    body = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(4, name="first"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(3, name="last"),
        ],
        name="body",
    )
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2, name="out")(body(inputs)))
    changed = edit(model).remove("body/drop").build()
    assert type(changed.get_layer("body")) is keras.Sequential
    assert names(changed.get_layer("body")) == ["first", "last"]
    assert verify(model, changed).exact
    saved(changed, tmp_path)
    changed = edit(body).remove("drop").build()
    assert type(changed) is keras.Sequential and names(changed) == ["first", "last"]


def test_addresses_in_sequential_models() -> None:
    inner = keras.Sequential([keras.Input((4,), name="y"), layers.Dense(4, name="b"), layers.ReLU(name="c")], name="in")
    model = keras.Sequential([keras.Input((4,), name="x"), layers.Dense(4, name="a"), inner, layers.Dense(2, name="d")])
    editing = edit(model).insert_after("in/b", layers.Identity(name="new"))
    changed = editing.build()
    assert isinstance(changed, keras.Sequential)
    for address in ("a#0", "in#0", "in", "in/b#0", "in/c#0", "d#0"):
        assert editing.addresses[address] == address


def test_an_argument_that_a_sequential_model_cannot_pass(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,), name="x"), layers.Dense(4, name="a"), layers.Dropout(0.5, name="drop")])
    x = keras.ops.ones((8, 4))

    def drops(one: keras.Model) -> bool:
        return bool(keras.ops.any(one(x) == 0.0))

    changed = edit(model).set_argument("drop", "training", True).build()
    changed.save(tmp_path / "m.keras")
    assert drops(changed) and drops(keras.models.load_model(tmp_path / "m.keras"))
    assert not drops(model) and not drops(edit(changed).drop_argument("drop", "training").build())
    assert type(edit(model).insert_after("a", layers.ReLU()).build()) is keras.Sequential
    image = [keras.Input((4, 4, 1), name="y"), layers.RandomFlip(name="flip"), layers.Flatten(name="flat")]
    flipped = edit(keras.Sequential(image)).insert_after("flip", layers.ReLU()).build()
    assert type(flipped) is keras.Sequential


def test_a_replacement_without_an_output_that_is_used() -> None:
    x = keras.Input((5, 4), name="x")
    sequence, hidden, cell = layers.LSTM(4, return_sequences=True, return_state=True, name="rnn")(x)
    both = keras.Model(x, layers.Add(name="sum")([hidden, cell]))
    with pytest.raises(ShapeMismatch, match=r"rnn.*:1 is used"):
        edit(both).replace("rnn", layers.ReLU(name="relu")).build()
    first = keras.Model(x, layers.Dense(2, name="d")(sequence))
    assert names(edit(first).replace("rnn", layers.ReLU(name="relu")).build()) == ["x", "relu", "d"]
    inner = keras.Model(x, [hidden, cell], name="inner")
    y = keras.Input((5, 4), name="y")
    outer = keras.Model(y, layers.Add(name="sum")(inner(y)))
    for address in ("inner:0", "inner:1", "inner/rnn:1"):
        added = edit(outer).insert_after(address, layers.ReLU(name="relu")).build()
        assert outer(batch(outer)).shape == added(batch(outer)).shape
    with pytest.raises(ShapeMismatch, match=r"inner.*:1 is used"):
        edit(outer).replace("inner", layers.GlobalMaxPooling1D(name="pool")).build()


def test_outputs_of_a_replaced_model_that_only_its_inside_or_the_whole_returns() -> None:
    x = keras.Input((4,), name="x")
    deepest = keras.Model(x, layers.ReLU(name="deep")(x), name="deepest")
    shared = deepest(x)
    net = keras.Model(x, [layers.Dense(4, name="first")(shared), shared], name="net")
    y = keras.Input((4,), name="y")
    unused = keras.Model(y, layers.ReLU(name="out")(net(y)[0]))
    assert names(edit(unused).replace("net", layers.Dense(4, name="new")).build()) == ["y", "new", "out"]
    with pytest.raises(ShapeMismatch, match=r"^net#0 returned 2 tensors and would return 1, but net#0:1 is used"):
        edit(keras.Model(y, net(y)[1])).replace("net", layers.Dense(4, name="new")).build()


def test_a_nested_model_is_changed_inside_and_around() -> None:
    model = siamese()
    twice, thrice = layers.Rescaling(2.0, name="twice"), layers.Rescaling(3.0, name="thrice")
    changed = edit(model).insert_after("encoder/hidden", twice).insert_after("encoder#0", thrice).build()
    left, right = batch(model)
    code, same = model.get_layer("encoder").get_layer("code"), model.get_layer("same")
    hidden = [run(model, [left, right], f"encoder#{number}/hidden") for number in (0, 1)]
    assert_same(changed([left, right]), same(3 * code(2 * hidden[0]) - code(2 * hidden[1])))


@pytest.mark.parametrize(
    ("around", "call"),
    [
        (lambda change: change.insert_after("encoder#0", layers.Rescaling(3.0, name="thrice")), "encoder#0"),
        (lambda change: change.insert_before("encoder#0", layers.Rescaling(3.0, name="thrice")), "encoder#0"),
        (lambda change: change.replace("encoder#1", layers.Dense(3, name="other")), "encoder#1"),
        (lambda change: change.set_argument("encoder#1", "training", False), "encoder#1"),
    ],
)
def test_a_call_of_a_nested_model_that_is_dissolved(around: Callable[[Edit], Edit], call: str) -> None:
    """No edit is lost: one of a call that is no longer made is refused, and can be made before."""

    def inside(model: keras.Model) -> Edit:
        return edit(model).insert_after("encoder#0/hidden", layers.Rescaling(2.0, name="twice"))

    with pytest.raises(InvalidEdit) as raised:
        around(inside(siamese())).build()
    assert str(raised.value) == (
        f"{call} is edited as one call, and the calls of that model are edited in different ways inside, so that none "
        f"is left: edit {call} first, and build() in between"
    )
    first = around(edit(siamese())).build()
    assert "twice" in {layer.name for layer in keras_internals.all_layers(inside(first).build())}


def test_what_comes_in_the_place_of_a_nested_model_that_is_changed_inside() -> None:
    y = keras.Input((5, 4), name="x")
    inner = keras.Model(y, [layers.ReLU(name="one")(y), layers.ReLU(name="two")(y)], name="inner")
    x = keras.Input((5, 4), name="x")
    for used in (1, 2):
        found = inner(x)[:used]
        model = keras.Model(x, layers.Concatenate(name="out")([*found, x]))
        change = (
            edit(model).insert_after("inner/one", layers.ReLU(name="more")).replace("inner", layers.ReLU(name="it"))
        )
        if used == 1:
            assert names(change.build()) == ["x", "it", "out"]
        else:
            with pytest.raises(ShapeMismatch, match=r"^inner#0 returned 2 tensors and would return 1, but inner#0:1"):
                change.build()


def test_a_nested_model_is_replaced() -> None:
    model = siamese()
    other = encoder("other")
    changed = edit(model).replace("encoder#1", other).build()
    left, right = batch(model)
    code = model.get_layer("encoder")
    expected = model.get_layer("same")(code(left) - other(right))
    np.testing.assert_allclose(np.asarray(changed([left, right])), np.asarray(expected), rtol=1e-6)


def test_share_and_unshare(tmp_path: Path) -> None:
    inputs = keras.Input((4,), name="x")
    a, b = layers.Dense(4, name="a"), layers.Dense(4, name="b")
    model = keras.Model(inputs, b(a(inputs)))
    editing = edit(model).share("a", "b")
    shared = editing.build()
    assert shared.count_params() == 20 and names(shared) == ["x", "a"]
    assert editing.addresses["b#0"] == "a#1"
    values = batch(model)
    assert_same(shared(values), a(a(values)))
    apart = edit(shared).unshare("a#1").build()
    assert apart.count_params() == 40 and names(apart) == ["x", "a", "a_1"]
    assert_same(apart(values), shared(values))
    saved(apart, tmp_path)
    assert len({variable.path for variable in apart.weights}) == len(apart.weights)
    apart = edit(siamese()).unshare("encoder#1", name="right_encoder").build()
    assert "right_encoder" in names(apart)
    saved(apart, tmp_path)
    with pytest.raises(InvalidEdit, match="one class and shape"):
        edit(chain()).share("h1", "h2")


def test_tie_and_untie() -> None:
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(4, name="b")(layers.Dense(4, name="a")(inputs)))
    before = model.get_weights()
    with pytest.warns(TieNotSaved, match="a@kernel and b@kernel are one variable in memory only"):
        tied = edit(model).tie("a@kernel", "b@kernel").build()
    assert tied.count_params() == 24 and model.count_params() == 40
    assert tied.get_layer("b").kernel is tied.get_layer("a").kernel
    assert_same(before, model.get_weights())
    untied = edit(tied).untie("b@kernel").build()
    assert untied.count_params() == 40
    assert_same(untied(batch(model)), tied(batch(model)))
    with pytest.raises(InvalidEdit, match="only one layer"):
        edit(model).untie("a@kernel")
    with pytest.raises(InvalidEdit, match="one shape"):
        edit(model).tie("a@kernel", "b@bias")


def test_freeze_and_unfreeze() -> None:
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2, name="out")(encoder()(inputs)))
    frozen = edit(model).freeze("encoder").build()
    assert len(frozen.trainable_variables) == 2 and len(model.trainable_variables) == 6
    frozen.get_layer("encoder")._trainable = True
    assert len(edit(frozen).unfreeze("encoder").build().trainable_variables) == 6
    assert verify(model, edit(model).freeze("encoder").build()).exact


def test_freezing_beside_operations() -> None:
    x = keras.Input((3,), name="x", dtype="int32")
    hidden = layers.LSTM(4, name="rnn")(layers.Embedding(5, 4, mask_zero=True, name="words")(x))
    model = keras.Model(x, layers.Dense(2, name="d")(keras.ops.relu(hidden)))
    frozen = edit(model).freeze("rnn").build()
    assert [one.name for one in frozen.layers if one.weights and not one.trainable_weights] == ["rnn"]
    assert model.get_layer("rnn").trainable_weights


def test_structure_and_state_at_once() -> None:
    model = chain()
    changed = edit(model).freeze("h1").remove("h4").replace("out", layers.Dense(3, name="new")).build()
    assert names(changed) == ["x", "h1", "h2", "h3", "new"]
    assert not changed.get_layer("h1").trainable and model.get_layer("h1").trainable
    assert changed.get_layer("h1") is not model.get_layer("h1")


def test_a_compiled_model_stays_compiled() -> None:
    model = chain()
    model.compile("adam", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0)
    changed = edit(model).insert_after("h1", layers.ReLU(name="relu")).build()
    assert changed.compiled and int(changed.optimizer.iterations) == 1


def test_an_edit_that_does_not_fit_changes_nothing() -> None:
    model = chain()
    config, nodes = model.get_config(), node_counts(model)
    with pytest.raises(ShapeMismatch, match=r"h3#0 cannot be called on float32\[None, 9\]") as raised:
        edit(model).replace("h2", layers.Dense(9, name="wide")).build()
    assert "\n" not in str(raised.value)
    assert model.get_config() == config and node_counts(model) == nodes


def test_what_is_refused() -> None:
    model = chain()
    with pytest.raises(AddressError):
        edit(model).remove("nothing")
    with pytest.raises(AddressError):
        edit(model).remove(3)  # type: ignore[arg-type]
    with pytest.raises(InvalidEdit, match="layer"):
        edit(model).insert_after("h1", "relu")
    with pytest.raises(InvalidEdit, match="twice"):
        edit(model).remove("h1").replace("h1", layers.Dense(4)).build()
    with pytest.raises(NameCollision, match="h3"):
        edit(model).insert_after("h1", layers.ReLU(name="h3")).build()
    with pytest.raises(InvalidEdit, match="itself"):
        edit(model).remove(".")
    inputs = keras.Input((3, 4), name="x")
    wrapped = keras.Model(inputs, layers.TimeDistributed(layers.Dense(2, name="inner"), name="each")(inputs))
    with pytest.raises(ReplayError):
        edit(wrapped).remove("each/layer").build()
    inputs = keras.Input((3, 4), name="x")
    both = keras.Model(inputs, layers.Bidirectional(layers.GRU(2), name="both")(inputs))
    with pytest.raises(InvalidEdit, match="inside both"):
        edit(both).share("both/forward_layer", "both/backward_layer")


def test_edits_and_cuts_chain() -> None:
    model = chain()
    changed = edit(model).insert_after("h2", layers.ReLU(name="relu")).build()
    head, tail = split(changed, "relu")
    assert_same(tail(head(batch(model))), changed(batch(model)))
    assert keras_internals.graph_model(edit(head).remove("h1").replace("h2", layers.Dense(5, name="h2")).build())


# -- addresses, and where things go; nothing is computed ------------------------------------------------------------


def wiring(model: keras.Model) -> list[str]:
    """Every call with what it receives."""
    graph = LiveGraph(model).graph
    return [
        f"{graph.address(call)}({', '.join(graph.address(one) for one in graph.producers(call))})"
        for call in graph.calls
    ]


def relu(name: str = "new") -> keras.Layer:
    return layers.ReLU(name=name)


def tower() -> keras.Model:
    """A model that is called twice inside one that is called twice."""
    inputs = keras.Input((4,), name="i")
    inner = keras.Model(inputs, layers.Dense(4, name="d")(inputs), name="inner")
    inputs = keras.Input((4,), name="m")
    middle = keras.Model(inputs, inner(inner(inputs)), name="middle")
    inputs = keras.Input((4,), name="x")
    return keras.Model(inputs, layers.Dense(2, name="out")(middle(middle(inputs))))


def several() -> keras.Model:
    """A layer with two outputs, one with keyword arguments and one with a dict."""
    inputs = keras.Input((6, 4), name="x")
    sequence, state = layers.GRU(4, return_sequences=True, return_state=True, name="gru")(inputs)
    again = layers.GRU(4, name="second")(sequence, initial_state=state)
    return keras.Model(inputs, layers.Dense(2, name="out")(layers.Add(name="sum")([again, state])))


@pytest.mark.parametrize(
    ("address", "units"),
    [
        ("out", ["out#0"]),
        ("middle#1", ["middle#1"]),
        ("middle#0/inner#1", ["middle#0/inner#1"]),
        ("middle#0/inner#1/d", ["middle#0/inner#1/d#0"]),
        ("middle/inner#1", ["middle#0/inner#1", "middle#1/inner#1"]),
        ("middle/inner/d", [f"middle#{a}/inner#{b}/d#0" for a in (0, 1) for b in (0, 1)]),
        ("middle/inner#0/d", [f"middle#{a}/inner#0/d#0" for a in (0, 1)]),
        ("middle#1/inner/d#0", [f"middle#1/inner#{b}/d#0" for b in (0, 1)]),
        ("middle/inner#1/d", [f"middle#{a}/inner#1/d#0" for a in (0, 1)]),
        ("middle/m", ["middle#0/m#0", "middle#1/m#0"]),
        ("middle/inner#1:0", ["middle#0/inner#1", "middle#1/inner#1"]),
    ],
)
def test_the_calls_that_an_address_means(address: str, units: list[str]) -> None:
    assert sites(LiveGraph(tower()), address) == units


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        ("middle", AmbiguousAddress, "middle#0"),
        ("middle/inner", AmbiguousAddress, "inner"),
        ("middle/d", UnknownAddress, "middle/d"),
        ("middle#2/inner", UnknownAddress, "middle"),
        ("middle/inner#2", UnknownAddress, "inner"),
        ("middle/inner/d#1", UnknownAddress, "d"),
        ("d", UnknownAddress, "d"),
        ("out/kernel", AddressError, "out"),
        (".", InvalidEdit, "expected a call inside the model, got ., the model itself"),
    ],
)
def test_addresses_that_mean_no_call(address: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        sites(LiveGraph(tower()), address)


def test_an_address_inside_a_wrapper() -> None:
    inputs = keras.Input((3, 4), name="x")
    model = keras.Model(inputs, layers.TimeDistributed(layers.Dense(2, name="inner"), name="each")(inputs))
    with pytest.raises(OpaqueBody, match="each/layer lies in each#0, whose inside is code"):
        sites(LiveGraph(model), "each/layer")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda one: one.insert_after("gru", relu()),
            AmbiguousAddress,
            "'gru' has 2 outputs: write one of gru:0, gru:1",
        ),
        (lambda one: one.insert_after("gru:2", relu()), UnknownAddress, "no output 2 in 'gru:2': it has 2"),
        (lambda one: one.insert_after("out:1", relu()), UnknownAddress, "out"),
        (lambda one: one.remove("gru", argument="0"), InvalidEdit, "got gru with 2: replace it"),
        (lambda one: one.remove("x", argument="0"), InvalidEdit, "expected a call to remove, got the Input x"),
        (lambda one: one.remove("sum", argument="0"), InvalidEdit, "0/0, 0/1, got argument='0': pass argument='0/0'"),
        (lambda one: one.insert_before("sum", relu()), InvalidEdit, "0/0, 0/1, got no argument"),
        (
            lambda one: one.insert_before("second", relu(), argument="state"),
            InvalidEdit,
            "receives, 0, initial_state, got",
        ),
        (
            lambda one: one.insert_before("x", relu()),
            InvalidEdit,
            "x receives, none, got no argument: pass argument='0'",
        ),
        (lambda one: one.drop_argument("second", "mask"), InvalidEdit, "got 'mask': it is not passed there"),
        (lambda one: one.replace("out", relu(), inputs="nothing"), UnknownAddress, "nothing"),
        (lambda one: one.unshare("out", name="sum"), InvalidEdit, "got 'sum', which another layer of that model has"),
        (lambda one: one.tie("out", "gru@kernel"), AddressError, "got 'out': append @slot"),
        (lambda one: one.tie("out@9", "gru@kernel"), UnknownAddress, "'out' has kernel, bias"),
        (lambda one: one.untie("sum@kernel"), UnknownAddress, "'sum' has no variables"),
        (lambda one: one.quantize("out", "int1"), InvalidEdit, "out cannot be quantized to 'int1'"),
        (lambda one: one.quantize("sum"), InvalidEdit, "expected a layer that Keras can quantize, got sum, a Add"),
    ],
)
def test_edits_that_mean_nothing(change: Callable[[Edit], Edit], error: type[Exception], message: str) -> None:
    model = several()
    nodes = node_counts(model)
    with pytest.raises(error, match=re.escape(message)):
        change(edit(model)).build()
    assert node_counts(model) == nodes


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda one: one.insert_after("gru:1", relu()), {"new": "gru:1", "second": "gru:0, new", "sum": "second, new"}),
        (
            lambda one: one.insert_after("gru:0", relu()),
            {"new": "gru:0", "second": "new, gru:1", "sum": "second, gru:1"},
        ),
        (lambda one: one.insert_before("second", relu(), argument="0"), {"new": "gru:0", "second": "new, gru:1"}),
        (
            lambda one: one.insert_before("second", relu(), argument="initial_state"),
            {"new": "gru:1", "second": "gru:0, new", "sum": "second, gru:1"},
        ),
        (lambda one: one.insert_before("sum", relu(), argument="0/1"), {"new": "gru:1", "sum": "second, new"}),
        (lambda one: one.insert_before("sum", relu(), argument="0/0"), {"new": "second", "sum": "new, gru:1"}),
        (lambda one: one.remove("sum", argument="0/0"), {"out": "second"}),
        (lambda one: one.remove("sum", argument="0/1"), {"out": "gru:1"}),
        (
            lambda one: one.insert_before("sum", relu(), argument="0/1").remove("sum", argument="0/1"),
            {"new": "gru:1", "out": "new"},
        ),
        (lambda one: one.insert_before("sum", relu(), argument="0/0").remove("sum", argument="0/1"), {"out": "gru:1"}),
        (lambda one: one.drop_argument("second", "initial_state"), {"second": "gru:0"}),
        (lambda one: one.replace("sum", relu(), inputs="second"), {"new": "second", "out": "new"}),
        (lambda one: one.replace("sum", relu(), inputs=["gru:1"]), {"new": "gru:1", "out": "new"}),
        (
            lambda one: one.replace("sum", layers.Multiply(name="new"), inputs=["gru:1", "second"]),
            {"new": "gru:1, second"},
        ),
        (
            lambda one: one.insert_before("out", relu()).insert_before("out", relu("more")),
            {"new": "sum", "more": "new"},
        ),
        (lambda one: one.insert_after("sum", relu()).insert_after("sum", relu("more")), {"more": "new", "out": "more"}),
        (lambda one: one.insert_after("x", relu()), {"new": "x", "gru": "new"}),
        (lambda one: one.replace("sum", layers.Average(name="new")), {"new": "second, gru:1", "out": "new"}),
    ],
)
def test_what_calls_receive_after_an_edit(change: Callable[[Edit], Edit], expected: dict[str, str]) -> None:
    found = dict(one[:-1].replace("#0", "").split("(") for one in wiring(change(edit(several())).build()))
    assert {key: found[key] for key in expected} == expected


def same_addresses(model: keras.Model) -> dict[str, str]:
    graph = LiveGraph(model).graph
    found = [graph.address(one) for one in (*graph.calls, *graph.scopes) if one != "."]
    return {one: one for one in [*found, *(path for path in graph.layers if path != ".")]}


def test_where_everything_is_after_an_edit() -> None:
    """Of what is not in the new model nothing is said; in a model with one call that has no number."""
    model = tower()
    everything = same_addresses(model)

    def moved(change: Callable[[Edit], Edit]) -> tuple[dict[str, str], list[str]]:
        """What has another address, and what has none."""
        editing = change(edit(model))
        editing.build()
        found = editing.addresses
        assert found.keys() <= everything.keys()
        return {key: now for key, now in found.items() if key != now}, sorted(everything.keys() - found.keys())

    assert moved(lambda one: one) == ({}, [])
    assert moved(lambda one: one.freeze("out")) == ({}, [])
    assert moved(lambda one: one.freeze("middle/inner/d")) == ({}, [])
    assert moved(lambda one: one.insert_after("middle/inner/d", relu())) == ({}, [])
    assert moved(lambda one: one.insert_after("middle#1", relu())) == ({}, [])
    calls = [f"inner#{number}{rest}" for number in (0, 1) for rest in ("", "/d#0", "/i#0")]
    first, shifted = ["middle#0", *(f"middle#0/{one}" for one in (*calls, "m#0"))], {"middle#1": "middle#0"}
    shifted |= {f"middle#1/{one}": f"middle/{one}" for one in (*calls, "m#0")}
    assert moved(lambda one: one.remove("middle#0")) == (shifted, first)
    replaced = moved(lambda one: one.replace("middle#0", layers.Dense(4, name="new")))
    assert replaced == (shifted | {"middle#0": "new#0"}, first[1:])
    replaced = moved(lambda one: one.replace("out", layers.Dense(2, name="new")))
    assert replaced == ({"out#0": "new#0"}, ["out"])
    ends = {"inner#1": "inner#0", "inner#1/d#0": "inner/d#0", "inner#1/i#0": "inner/i#0"}
    assert moved(lambda one: one.remove("middle/inner#0")) == (
        {f"middle#{one}/{before}": f"middle#{one}/{now}" for one in (0, 1) for before, now in ends.items()},
        [f"middle#{one}/{call}" for one in (0, 1) for call in calls[:3]],
    )
    gone = [f"middle#{one}/inner#{other}/d#0" for one in (0, 1) for other in (0, 1)]
    assert moved(lambda one: one.remove("middle/inner/d")) == ({}, [*gone, "middle/inner/d"])
    opened, lost = moved(lambda one: one.insert_after("middle#0/inner#0/d", relu()))
    assert [opened[call] for call in gone] == ["d#0", "d#1", "d#2", "d#3"] and opened["middle/inner/d"] == "d"
    assert {opened[one] for one in ("middle#0", "middle#1/inner#1", "middle", "middle/inner")} == {"."}
    assert lost == sorted(one for one in everything if one.rpartition("/")[2] in ("i", "m", "i#0", "m#0"))


@pytest.mark.parametrize("method", ["insert_before", "insert_after", "replace"])
def test_what_is_no_layer_is_refused_at_once(method: str) -> None:
    with pytest.raises(InvalidEdit, match="expected a layer, got str 'relu': pass a keras layer, model or operation"):
        getattr(edit(several()), method)("out", "relu")


def test_arguments_that_are_no_tensors_are_not_to_choose_from() -> None:
    inputs = keras.Input((4,), name="x")
    x = keras.ops.add(layers.Dropout(0.5, name="drop")(inputs, training=True), 1.0)
    model = keras.Model(inputs, layers.Dense(2, name="out")(x))
    (add,) = [layer.name for layer in model.operations if layer.name not in ("x", "drop", "out")]
    assert wiring(edit(model).insert_before("drop", relu()).remove(add).build()) == [
        "x#0()",
        "new#0(x#0)",
        "drop#0(new#0)",
        "out#0(drop#0)",
    ]
    with pytest.raises(InvalidEdit, match=r"receives, 0, got argument='training': pass argument='0'"):
        edit(model).remove("drop", argument="training")


class Mixes(layers.Layer):
    """Receives a dict, a list and a tuple."""

    def call(self, inputs: Any, others: Any = None, more: Any = None) -> Any:
        assert type(inputs) is dict and isinstance(others, list) and isinstance(more, tuple)
        return inputs["a"] + 2 * inputs["b"] + 3 * others[0] + 4 * others[1] + 5 * more[0] + 6 * more[1]["c"]


@pytest.mark.parametrize(
    ("argument", "factor"), [("0/a", 1), ("0/b", 2), ("others/0", 3), ("others/1", 4), ("more/0", 5), ("more/1/c", 6)]
)
def test_one_tensor_of_a_structure(argument: str, factor: int) -> None:
    inputs = keras.Input((2,), name="x")
    parts = [layers.Rescaling(float(10**number), name=f"r{number}")(inputs) for number in range(6)]
    a, b, *rest, first, last = parts
    model = keras.Model(inputs, Mixes(name="mix")({"a": a, "b": b}, others=rest, more=(first, {"c": last})))
    ones = np.ones((1, 2), "float32")
    changed = edit(model).insert_before("mix", layers.Rescaling(2.0, name="twice"), argument=argument).build()
    assert_same(changed(ones) - model(ones), ones * factor * 10 ** (factor - 1))
    kept = edit(model).remove("mix", argument=argument).build()
    assert_same(kept(ones), ones * 10 ** (factor - 1))


def test_an_output_of_two_models_that_nothing_receives() -> None:
    x = keras.Input((4,), name="x")
    inner = keras.Model(x, [layers.Dense(2, name="used")(x), layers.Dense(2, name="unused")(x)], name="inner")
    outer = keras.Model(x, inner(x), name="outer")
    model = keras.Model(x, outer(x)[0])
    for address in ("outer:1", "outer/inner:1", "outer/inner/unused"):
        if address == "outer:1":
            with pytest.raises(InvalidEdit, match="got outer:1, which no call and no model output receives"):
                edit(model).insert_after(address, relu())
        else:
            edit(model).insert_after(address, relu()).build()
    assert edit(model).insert_after("outer:0", relu()).build().layers[-1].name == "new"


def test_no_edit_gives_the_model_itself() -> None:
    model = square("a")
    model.compile("adam", "mse")
    before = model.optimizer
    assert edit(model).build() is model and model.optimizer is before


def test_the_state_of_the_optimizer_stays_where_no_variable_is_new() -> None:
    model = square("a", "b")
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    for number, one in enumerate(model.optimizer.variables, 1):
        one.assign(np.full(one.shape, number))
    state = [np.asarray(one) for one in model.optimizer.variables]
    for change in (
        lambda one: one.insert_after("a", relu()),
        lambda one: one.freeze("b"),
        lambda one: one.freeze("b").insert_after("a", relu()),
    ):
        changed = change(edit(model)).build()
        assert changed.optimizer is not model.optimizer
        assert_same([np.asarray(one) for one in changed.optimizer.variables], state)
    anew = edit(model).insert_after("a", layers.Dense(4, name="c")).build()
    assert int(anew.optimizer.iterations) == 0 and len(keras_internals.optimized_variables(anew.optimizer)) == 6
    for one, before in zip(model.optimizer.variables, state, strict=True):
        assert_same(one, before)


def test_a_copy_for_one_call_is_compared() -> None:
    inputs = keras.Input((4,), name="x")
    layer = ForgetsScale(3.0, name="c")
    model = keras.Model(inputs, layer(layer(inputs)))
    with pytest.raises(CannotClone, match=r"ForgetsScale 'c' at c#0 cannot be copied: .* leaves out the argument"):
        edit(model).unshare("c#1").build()


def test_every_layer_inside_has_the_flag() -> None:
    model = tower()
    frozen = edit(model).freeze("middle").build()
    inside = keras_internals.all_layers(frozen.get_layer("middle"))
    assert len(inside) == 5 and not any(one.trainable for one in inside)
    assert all(one.trainable for one in keras_internals.all_layers(model))
    thawed = edit(frozen).unfreeze("middle/inner/d").build()
    assert {one.name for one in keras_internals.all_layers(thawed) if one.weights and one.trainable} == {
        thawed.name,
        "d",
        "out",
    }


@pytest.mark.parametrize("free", [True, False])
def test_a_variable_of_others_that_a_copied_model_uses_stays_theirs(free: bool) -> None:
    dense = layers.Dense(4, name="out")
    dense.build((None, 4))
    kernel = keras.Variable(np.ones((4, 4)), name="free") if free else dense.kernel
    inside = keras.Input((4,), name="i")
    product = layers.Dense(4, name="d")(keras.ops.matmul(inside, kernel))
    body = keras.Model(inside, product, name="body")
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, dense(body(inputs)))
    frozen = edit(model).freeze("body").build()
    assert frozen.get_layer("body") is not body and frozen.get_layer("out") is dense
    kernel.assign(np.full((4, 4), 2.0))
    assert_same(frozen(batch(model)), model(batch(model)))
    both = edit(model).freeze("body").freeze("out").build()
    kernel.assign(np.full((4, 4), 3.0))
    assert np.allclose(both(batch(model)), model(batch(model))) == free


def test_a_variable_of_its_own_that_a_copied_model_uses_is_copied() -> None:
    inside, dense = keras.Input((4,), name="i"), layers.Dense(4, name="d")
    hidden = dense(inside)
    body = keras.Model(inside, keras.ops.matmul(hidden, dense.kernel), name="body")
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2, name="out")(body(inputs)))
    frozen, values = edit(model).freeze("body").build(), batch(model)
    before = np.asarray(frozen(values))
    dense.kernel.assign(np.zeros((4, 4)))
    assert_same(frozen(values), before)
    assert not np.array_equal(model(values), before)


class Chained(layers.Layer):
    """Calls a layer that cannot be quantized before two that can."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.parts = [layers.ReLU(name="r"), layers.Dense(4, name="p"), layers.Dense(4, name="q")]

    def call(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("out", ["out"]),
        ("inner", ["a", "b", "p", "q"]),
        ("inner/a", ["a"]),
        ("inner/chained", ["p", "q"]),
    ],
)
def test_which_layers_are_quantized(address: str, expected: list[str]) -> None:
    inputs = keras.Input((4,), name="i")
    hidden = Chained(name="chained")(layers.ReLU(name="r")(layers.Dense(4, name="a")(inputs)))
    inner = keras.Model(inputs, layers.Dense(4, name="b")(hidden), name="inner")
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2, name="out")(inner(inputs)))
    changed = edit(model).quantize(address).build()
    assert sorted(one.path.split("/")[-2] for one in changed.variables if one.dtype == "int8") == expected
    assert not any(one.dtype == "int8" for one in model.variables)


def test_what_is_quantized_already() -> None:
    changed = edit(square("a")).quantize("a").build()
    with pytest.raises(InvalidEdit, match=r"^a cannot be quantized to 'int8' \(ValueError: .*already quantized"):
        edit(changed).quantize("a").build()


def test_a_model_of_code_and_what_needs_other_code() -> None:
    class Two(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="two")
            self.a, self.b = layers.Dense(4, name="a"), layers.Dense(4, name="b")

        def call(self, x: Any) -> Any:
            return self.b(self.a(x))

    model = Two()
    model(np.ones((2, 4)))
    with pytest.raises(OpaqueBody, match=r"^Two 'two' is code, and this edit needs other code than the class's own"):
        edit(model).share("a", "b")
    for change in (
        lambda one: one.tie("a@kernel", "b@kernel"),
        lambda one: one.replace("b", relu(), inputs="a"),
        lambda one: one.remove("a", argument="0"),
        lambda one: one.insert_before("b", relu(), argument="0"),
    ):
        with pytest.raises(OpaqueBody, match="as_functional"):
            change(edit(model))
    assert edit(model).build() is model


def bodies(model: keras.Model) -> list[str]:
    """The nested model of each call of one."""
    return [scope.layer for name, scope in LiveGraph(model).graph.scopes.items() if name != "."]


def fork() -> keras.Model:
    """A model that is called twice and multiplies by 2 and by 5."""
    inputs = keras.Input((4,), name="i")
    parts = [layers.Rescaling(2.0, name="two")(inputs), layers.Rescaling(5.0, name="five")(inputs)]
    inner = keras.Model(inputs, layers.Add(name="sum")(parts), name="inner")
    inputs = keras.Input((4,), name="x")
    return keras.Model(inputs, [inner(inputs), inner(inputs)])


@pytest.mark.parametrize(
    ("first", "second", "factors"),
    [
        (lambda one, at: one.remove(at, argument="0/0"), lambda one, at: one.remove(at, argument="0/1"), (2, 5)),
        (lambda one, at: one.remove(at, argument="0/1"), lambda one, at: one.remove(at, argument="0/0"), (5, 2)),
        (lambda one, at: one.remove(at, argument="0/1"), lambda one, at: one.remove(at, argument="0/1"), (5, 5)),
        (
            lambda one, at: one.insert_before(at, TENFOLD, argument="0/0"),
            lambda one, at: one.insert_before(at, TENFOLD, argument="0/1"),
            (25, 52),
        ),
        (lambda one, at: one.insert_after(at, TENFOLD), lambda one, at: one, (70, 7)),
        (lambda one, at: one, lambda one, at: one.replace(at, layers.Multiply(name="new")), (7, 10)),
        (lambda one, at: block(one, at, "two"), lambda one, at: block(one, at, "five"), (20, 50)),
        (lambda one, at: block(one, at, "i"), lambda one, at: block(one, at, "five"), (10, 50)),
        (lambda one, at: block(one, at, "five"), lambda one, at: block(one, at, "five"), (50, 50)),
    ],
)
def test_two_calls_of_one_model_are_changed_each_in_its_way(first: Any, second: Any, factors: tuple[int, int]) -> None:
    model = fork()
    changed = second(first(edit(model), "inner#0/sum"), "inner#1/sum").build()
    ones = np.ones((1, 4), "float32")
    assert [float(np.asarray(one)[0, 0]) for one in changed(ones)] == list(factors)
    assert bodies(changed) == (["inner", "inner"] if factors[0] == factors[1] else [])


class Combines(layers.Layer):
    def call(self, x: Any, times: float = 1.0, plus: float = 0.0) -> Any:
        return x * times + plus


@pytest.mark.parametrize("same", [True, False])
def test_arguments_are_set_in_any_order(same: bool) -> None:
    """Calls of one model that have the same arguments stay calls of one model."""
    inputs = keras.Input((4,), name="i")
    inner = keras.Model(inputs, Combines(name="mix")(inputs, times=9.0, plus=9.0), name="inner")
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, [inner(inputs), inner(inputs)])
    first = edit(model).set_argument("inner#0/mix", "times", 2.0).set_argument("inner#0/mix", "plus", 3.0)
    changed = (
        first.set_argument("inner#1/mix", "plus", 3.0 if same else 4.0)
        .set_argument("inner#1/mix", "times", 2.0)
        .build()
    )
    assert [float(np.asarray(one)[0, 0]) for one in changed(np.ones((1, 4), "float32"))] == [5.0, 5.0 if same else 6.0]
    assert bodies(changed) == (["inner", "inner"] if same else [])
    editing = edit(model).drop_argument("inner#0/mix", "times").drop_argument("inner#0/mix", "plus")
    dropped = editing.drop_argument("inner#1/mix", "plus").drop_argument("inner#1/mix", "times").build()
    assert [float(np.asarray(one)[0, 0]) for one in dropped(np.ones((1, 4), "float32"))] == [1.0, 1.0]
    assert bodies(dropped) == ["inner", "inner"]


TENFOLD = layers.Rescaling(10.0, name="tenfold")


def block(editing: Edit, at: str, inputs: str) -> Edit:
    return editing.replace(at, TENFOLD, inputs=f"{at.partition('/')[0]}/{inputs}")


def test_names_of_copies() -> None:
    inputs = keras.Input((4,), name="x")
    step = layers.Dense(4, name="step")
    model = keras.Model(inputs, layers.Dense(4, name="step_1")(step(step(step(inputs)))))
    assert names(edit(model).unshare("step#1").build()) == ["x", "step", "step_2", "step_1"]
    assert names(edit(model).unshare("step#2", name="own").build()) == ["x", "step", "own", "step_1"]
    both = edit(model).unshare("step#1").unshare("step#2", name="own").build()
    assert wiring(both)[1:] == ["step#0(x#0)", "step_2#0(step#0)", "own#0(step_2#0)", "step_1#0(own#0)"]


def test_layers_that_cannot_be_one() -> None:
    inputs = keras.Input((4,), name="x")
    inner = keras.Model(inputs, layers.Dense(4, name="d")(inputs), name="inner")
    x = layers.Dense(4, name="e")(inner(inputs))
    x = layers.Dense(4, use_bias=False, name="f")(x)
    model = keras.Model(inputs, layers.EinsumDense("ab,bc->ac", 4, name="g")(x))
    with pytest.raises(InvalidEdit, match="are in different models"):
        edit(model).share("e", "inner/d")
    for first, second, message in (
        ("e", "f", r"got Dense \[\(4, 4\), \(4,\)\] and Dense \[\(4, 4\)\]"),
        ("f", "g", r"got Dense \[\(4, 4\)\] and EinsumDense \[\(4, 4\)\]"),
    ):
        with pytest.raises(InvalidEdit, match=message):
            edit(model).share(first, second)
    half = keras.Model(inputs, layers.Dense(4, name="h", dtype="float64")(layers.Dense(4, name="s")(inputs)))
    with pytest.raises(InvalidEdit, match=r"got h@kernel float64\[4, 4\] and s@kernel float32\[4, 4\]"):
        edit(half).tie("h@kernel", "s@kernel")
    with pytest.raises(InvalidEdit, match=r"got h@0 float64\[4, 4\] and h@1 float64\[4\]"):
        edit(half).tie("h@0", "h@1")


def test_two_changes_of_one_call() -> None:
    """What replaces a call and what is beside it go together; what replaces it twice does not."""
    model = tower()
    twice = edit(model).replace("out", layers.Dense(3, name="wide")).insert_after("out", relu()).build()
    assert wiring(twice)[-2:] == ["wide#0(middle#1)", "new#0(wide#0)"] or names(twice)[-2:] == ["wide", "new"]
    for change in (
        lambda one: one.replace("out", relu()).replace("out", relu("b")),
        lambda one: one.remove("out").remove("out"),
        lambda one: one.unshare("middle#1").remove("middle#1"),
    ):
        with pytest.raises(InvalidEdit, match="twice: build"):
            change(edit(model)).build()


# -- what is copied ---------------------------------------------------------------------------------------------------


def square(*parts: str) -> keras.Model:
    x = inputs = keras.Input((4,), name="x")
    for name in parts:
        x = layers.Dense(4, name=name)(x)
    return keras.Model(inputs, x, name="square")


@pytest.mark.filterwarnings("ignore::graphlint.TieNotSaved")
@pytest.mark.parametrize("slot", ["kernel", "bias"])
def test_which_variable_is_tied_and_untied(slot: str) -> None:
    other = {"kernel": "bias", "bias": "kernel"}[slot]
    model = square("a", "b", "c")
    tied = edit(model).tie(f"a@{slot}", f"b@{slot}").build()
    first, second, third = (tied.get_layer(name) for name in "abc")
    assert getattr(first, slot) is getattr(second, slot) and getattr(first, other) is not getattr(second, other)
    assert first is model.get_layer("a") and third is model.get_layer("c") and second is not model.get_layer("b")
    assert_same(getattr(second, other), getattr(model.get_layer("b"), other))
    untied = edit(tied).untie(f"b@{slot}").build()
    own, before = getattr(untied.get_layer("b"), slot), getattr(second, slot)
    assert own is not before and own.shape == before.shape and own.trainable and own.name == slot
    assert_same(own, before)
    assert getattr(untied.get_layer("a"), slot) is before
    numbered = edit(model).tie(f"a@{0 if slot == 'kernel' else 1}", f"c@{slot}").build()
    assert getattr(numbered.get_layer("c"), slot) is getattr(model.get_layer("a"), slot)


@pytest.mark.filterwarnings("ignore::graphlint.TieNotSaved")
def test_several_edits_of_variables_and_flags_at_once() -> None:
    model = square("a", "b", "c")
    changed = edit(model).tie("a@kernel", "b@kernel").freeze("c").build()
    assert [one.trainable for one in changed.layers] == [True, True, True, False]
    assert changed.get_layer("b").kernel is changed.get_layer("a").kernel
    changed = edit(changed).freeze("a").untie("b@kernel").build()
    assert [[v.trainable for v in one.weights] for one in changed.layers[1:]] == [
        [False, False],
        [False, True],
        [False, False],
    ]
    assert changed.get_layer("b").kernel is not changed.get_layer("a").kernel
    assert all(one.trainable for one in model.weights)


def test_a_layer_that_another_edit_removes_or_makes_again() -> None:
    with pytest.raises(InvalidEdit, match="expected a layer of the edited model, got 'b', which another edit removes"):
        edit(square("a", "b")).remove("b").freeze("b").build()
    model = siamese()
    changed = edit(model).insert_after("encoder/hidden", relu()).freeze("encoder").build()
    inner = changed.get_layer("encoder")
    assert "new" in names(inner) and not inner.trainable_variables and len(inner.variables) == 4
    assert changed.get_layer("same") is model.get_layer("same") and model.get_layer("encoder").trainable_variables
    whole = edit(model).remove("same").freeze(".").build() if "same" in names(model) else None
    assert whole is None or not whole.trainable_variables


def test_layers_that_are_held_together_are_copied_together() -> None:
    a, d = layers.Dense(4, name="a"), layers.Dense(4, name="d")
    both = layers.TimeDistributed(keras.Sequential([keras.Input((4,)), a, d], name="both"), name="each")
    inputs = keras.Input((3, 4), name="x")
    model = keras.Model(inputs, [d(inputs), both(inputs), a(inputs), layers.Dense(2, name="apart")(inputs)])
    frozen = edit(model).freeze("a").build()
    inside = frozen.get_layer("each").layer.layers
    assert inside[0] is frozen.get_layer("a") and inside[1] is frozen.get_layer("d")
    assert frozen.get_layer("apart") is model.get_layer("apart") and inside[1] is not d
    assert [one.trainable for one in (*inside, a, d)] == [False, True, True, True]


def test_layers_that_are_held_by_what_holds_others_are_copied_too() -> None:
    a, b, c = (layers.Dense(4, name=name) for name in "abc")
    first = layers.TimeDistributed(keras.Sequential([keras.Input((4,)), b, c], name="bc"), name="first")
    second = layers.TimeDistributed(keras.Sequential([keras.Input((4,)), a, b], name="ab"), name="second")
    inputs = keras.Input((3, 4), name="x")
    model = keras.Model(inputs, a(second(first(c(inputs)))))
    frozen = edit(model).freeze("a").build()
    held = [frozen.get_layer(name).layer.layers for name in ("first", "second")]
    assert held[0][0] is held[1][1] and held[0][1] is frozen.get_layer("c") and held[1][0] is frozen.get_layer("a")
    assert not {id(one) for one in keras_internals.all_layers(frozen)} & {id(one) for one in (a, b, c, first, second)}
    assert [one.trainable for one in (*held[0], *held[1])] == [True, True, False, True]
    assert frozen.count_params() == model.count_params()


@pytest.mark.filterwarnings("ignore::graphlint.TieNotSaved")
def test_a_layer_that_a_wrapper_holds_as_well_is_copied_in_both_places() -> None:
    a, b = layers.Dense(4, name="a"), layers.Dense(4, name="b")
    inputs = keras.Input((3, 4), name="x")
    model = keras.Model(inputs, b(layers.TimeDistributed(a, name="each")(a(inputs))))
    for changed in (
        edit(model).tie("b@kernel", "a@kernel").build(),
        edit(model).tie("b@bias", "each/layer@bias").build(),
    ):
        assert changed.get_layer("each").layer is changed.get_layer("a") is not a
        assert changed.get_layer("b") is b and len(changed.weights) == 3


def test_a_nested_model_that_was_made_from_the_same_input_is_copied() -> None:
    inputs = keras.Input((4,), name="x")
    inner = keras.Model(inputs, layers.Dense(4, name="d")(inputs), name="inner")
    model = keras.Model(inputs, layers.Dense(2, name="out")(inner(inputs)))
    frozen = edit(model).freeze("inner").build()
    assert wiring(frozen) == wiring(model) and names(frozen) == ["x", "inner", "out"]
    assert len(frozen.trainable_variables) == 2 and len(model.trainable_variables) == 4
    assert_same(frozen(batch(model)), model(batch(model)))


@pytest.mark.filterwarnings("ignore::graphlint.TieNotSaved")
def test_a_tied_variable_is_frozen_in_the_copy_alone_whatever_else_is_edited() -> None:
    model = edit(square("a", "b", "c", "d")).tie("a@kernel", "c@kernel").build()
    changed = edit(model).tie("b@bias", "d@bias").freeze("a").build()
    assert all(one.trainable for one in model.weights)
    assert [[one.trainable for one in layer.weights] for layer in changed.layers[1:]] == [
        [False, False],
        [True, True],
        [False, True],
        [True, True],
    ]
    assert changed.get_layer("a").kernel is changed.get_layer("c").kernel is not model.get_layer("a").kernel


def test_what_is_beside_a_wrapper_in_a_nested_model_is_not_copied() -> None:
    inputs = keras.Input((3, 4), name="i")
    each = layers.TimeDistributed(layers.Dense(4, name="dense"), name="each")
    inner = keras.Model(inputs, layers.Dense(4, name="beside")(each(inputs)), name="inner")
    inputs = keras.Input((3, 4), name="x")
    frozen = edit(keras.Model(inputs, inner(inputs))).freeze("inner/each/layer").build().get_layer("inner")
    assert frozen.get_layer("beside") is inner.get_layer("beside")
    assert frozen.get_layer("each").layer is not each.layer and not frozen.get_layer("each").layer.trainable


def test_a_nested_model_is_copied_as_a_whole() -> None:
    frozen = edit(siamese()).freeze("encoder").build()
    inside = frozen.get_layer("encoder").layers
    assert [len(keras_internals.inbound_nodes(one)) for one in inside] == [1, 1, 1]
    assert len(keras_internals.inbound_nodes(frozen.get_layer("encoder"))) == 2


@pytest.mark.filterwarnings("ignore::graphlint.TieNotSaved")
def test_the_optimizer_goes_on_with_a_variable_that_a_copy_and_others_hold() -> None:
    model = edit(square("a", "b", "c")).tie("a@kernel", "b@kernel").build()
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(3)
    tied = edit(model).tie("a@bias", "b@bias").build()
    assert tied.get_layer("b") is not model.get_layer("b") and tied.get_layer("b").kernel is model.get_layer("a").kernel
    assert int(tied.optimizer.iterations) == 3
    assert int(edit(model).untie("b@kernel").build().optimizer.iterations) == 0


@pytest.mark.parametrize("given", ["encoder/hidden", "encoder/hidden:0", "encoder/features"])
def test_a_block_inside_a_model_that_is_called_twice(given: str) -> None:
    model, new = siamese(), layers.Dense(3, name="new")
    changed = edit(model).replace("encoder/code", new, inputs=given).build()
    receives = given.rpartition("/")[2].partition(":")[0]
    assert f"encoder#0/new#0(encoder#0/{receives}#0)" in [
        one.replace("left#0", "encoder#0/features#0") for one in wiring(changed)
    ]
    assert names(changed) == names(model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda one: one.replace("encoder/code", relu(), inputs="left"),
            "left matches 0 calls besides encoder#0/code#0",
        ),
        (
            lambda one: one.replace("encoder/code", relu(), inputs="encoder#0/features"),
            "encoder#0/features matches 0 calls besides encoder#1/code#0: write the call index of the last part",
        ),
        (lambda one: one.replace("encoder#0/code", relu(), inputs="left"), "expected a tensor of the model that holds"),
        (
            lambda one: one.replace("same", relu(), inputs="encoder#0/hidden"),
            "expected a tensor of the model that holds",
        ),
    ],
)
def test_blocks_that_begin_elsewhere(change: Callable[[Edit], Edit], message: str) -> None:
    with pytest.raises((InvalidEdit, AddressError), match=message):
        change(edit(siamese()))
