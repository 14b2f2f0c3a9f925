"""The edits of models in memory one by one: what the model is afterwards, and that the one before stays as it was."""

import keras
import numpy as np
import pytest
from keras import layers

from graphlint.errors import FixError
from graphlint.findings.edits import (
    Compile,
    Configure,
    DropArgument,
    DropInputs,
    DropOptimizer,
    FoldBias,
    Freeze,
    InsertAfter,
    InsertBefore,
    MergeCalls,
    MergeLinear,
    Prune,
    Remove,
    Replace,
    SaveAgain,
    Share,
    TieReversed,
    Unfreeze,
    Unshare,
)
from graphlint.fixes.live import apply_edits
from graphlint.model.expand import expand
from graphlint.sources.live import read_live


@pytest.fixture(autouse=True)
def names():
    keras.utils.clear_session(free_memory=False)


def graph(model):
    return expand(read_live(model))


def calls(model):
    """The calls of a model, each with what it receives."""
    found = graph(model)
    return {
        found.address(one): " ".join(found.address(tensor).removesuffix(":0") for tensor in found.producers(one))
        for one in found.calls
        if not found.layer(one).is_input
    }


def flags(model):
    return {path: one.trainable for path, one in graph(model).layers.items() if path != "." and not one.is_input}


def numbers(variable):
    return keras.ops.convert_to_numpy(variable).tolist()


def numbered(model):
    """Every variable filled with a number of its own."""
    for place, one in enumerate(model.weights, 1):
        one.assign(np.full(one.shape, place, one.dtype))
    return model


def edited(model, *changes):
    """The edited model, where the model itself is as before, and notes."""
    before = calls(model), flags(model), [numbers(one) for one in model.weights]
    made, notes = apply_edits(model, changes)
    assert (calls(model), flags(model), [numbers(one) for one in model.weights]) == before
    return made, notes


def dense(name, units=4, **config):
    return layers.Dense(units, name=name, **config)


def chain(*steps, shape=(4,)):
    x = inputs = keras.Input(shape, name="x")
    for one in steps:
        x = one(x)
    return keras.Model(inputs, x, name="net")


def relu(name):
    return layers.ReLU(name=name)


def with_inner(*steps):
    """A model that calls a model of some steps twice, on two Inputs."""
    inner = chain(*steps)
    inner.name = "inner"
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    return keras.Model([a, b], layers.Add(name="sum")([inner(a), inner(b)]), name="net")


# -- calls ----------------------------------------------------------------------------------------------------------


def test_calls_are_removed_wherever_their_model_is_called():
    model = with_inner(dense("d"), relu("r"), dense("e"), relu("s"))
    made, notes = edited(model, Remove(calls=("inner#0/r#0",)), Remove(calls=("inner#1/r#0", "inner#0/s#0")))
    assert notes == [] and [one.name for one in made.get_layer("inner").layers] == ["x", "d", "e"]
    assert calls(made) == {
        "inner#0/d#0": "inner#0/x#0",
        "inner#0/e#0": "inner#0/d#0",
        "inner#1/d#0": "inner#1/x#0",
        "inner#1/e#0": "inner#1/d#0",
        "sum#0": "inner#0/e#0 inner#1/e#0",
    }


def test_edits_of_a_kind_are_made_together_and_others_between_them_once():
    model = chain(dense("d"), relu("r"), dense("e"), relu("s"))
    model.layers[1].trainable = False
    made, _ = edited(
        model, Remove(calls=("r#0",)), Freeze(layers=("e",)), Remove(calls=("s#0",)), Freeze(layers=("d",))
    )
    assert calls(made) == {"d#0": "x#0", "e#0": "d#0"} and flags(made) == {"d": False, "e": False}


def test_calls_are_merged():
    inputs = keras.Input((4,), name="x")
    step = dense("step")
    several = [step(inputs), step(inputs), step(inputs), layers.ReLU(name="r")(inputs)]
    model = keras.Model(inputs, layers.Concatenate(name="end")(several))
    made, _ = edited(model, MergeCalls(keep="step#0", drop=("step#1", "step#2")))
    assert calls(made) == {"step#0": "x#0", "r#0": "x#0", "end#0": "step#0 step#0 step#0 r#0"}
    assert [one.name for one in made.layers] == ["x", "step", "r", "end"]


def test_an_argument_is_dropped():
    inputs = keras.Input((4,), name="x")
    x = inputs
    for name in "abc":
        x = layers.Dropout(0.5, name=name)(x, training=True)
    made, _ = edited(keras.Model(inputs, x), DropArgument(calls=("a#0", "c#0"), argument="training"))
    assert [one.kwargs.get("training") for one in graph(made).calls.values()][1:] == [False, True, False]


@pytest.mark.parametrize(
    ("taken", "config", "expected"),
    [
        ((), {"rate": 0.5}, "dropout"),
        (("dropout",), {"rate": 0.5}, "dropout_1"),
        (("dropout", "dropout_1", "dropout_3"), {"rate": 0.5}, "dropout_2"),
        (("mine",), {"rate": 0.5, "name": "mine"}, "mine_1"),
        (("other",), {"rate": 0.5, "name": "mine"}, "mine"),
    ],
)
def test_layers_are_inserted_under_a_free_name(taken, config, expected):
    model = chain(dense("d"), *(relu(name) for name in taken))
    made, _ = edited(model, InsertAfter(call="d#0", class_name="Dropout", config=config))
    names = ["d", expected, *taken]
    assert calls(made) == {f"{one}#0": f"{before}#0" for one, before in zip(names, ("x", *names), strict=False)}
    assert made.get_layer(expected).rate == 0.5
    made, _ = edited(model, InsertBefore(call="d#0", class_name="Dropout", config=config))
    names = [expected, "d", *taken]
    assert calls(made) == {f"{one}#0": f"{before}#0" for one, before in zip(names, ("x", *names), strict=False)}


def test_a_layer_after_an_inserted_one_keeps_its_weights_or_starts_with_new_ones():
    model = numbered(chain(dense("d", 3), dense("e", 3)))
    pool = {"class_name": "Reshape", "config": {"target_shape": [3], "name": "p"}}
    made, notes = edited(model, InsertBefore(call="e#0", **pool))
    assert numbers(made.get_layer("e").bias) == [4] * 3 and notes == []
    wide = {"class_name": "UnitNormalization", "config": {"name": "p"}}
    made, notes = edited(model, InsertBefore(call="e#0", fresh=True, **wide))
    assert numbers(made.get_layer("e").bias) == [0] * 3 and numbers(made.get_layer("d").bias) == [2] * 3 and notes == []
    assert calls(made) == {"d#0": "x#0", "p#0": "d#0", "e#0": "p#0"}
    step = dense("step")
    with pytest.raises(FixError, match=r"^expected a layer with one call, got step$"):
        apply_edits(chain(step, step), [InsertBefore(call="step#1", fresh=True, **wide)])


# -- layers ---------------------------------------------------------------------------------------------------------


def test_a_layer_gets_other_settings():
    model = numbered(chain(dense("d"), dense("e", 3, activation="relu"), dense("f", 2)))
    model.get_layer("e").trainable = False
    made, _ = edited(model, Configure(layer="e", config={"activation": "tanh"}))
    assert made.get_layer("e").get_config() == model.get_layer("e").get_config() | {"activation": "tanh"}
    assert [numbers(one)[0] for one in made.weights if one.path.endswith("bias")] == [2, 4, 6]
    assert flags(made) == {"d": True, "e": False, "f": True}
    made, _ = edited(model, Configure(layer="e", config={"activation": "tanh"}, fresh=True))
    assert numbers(made.get_layer("e").bias) == [0] * 3 and flags(made) == {"d": True, "e": False, "f": True}
    made, _ = edited(model, Configure(layer="e", config={"use_bias": False}))
    assert [numbers(one) for one in made.get_layer("e").weights] == [numbers(model.get_layer("e").kernel)]


def test_flags_of_variables_are_carried_over():
    model = chain(dense("d"), layers.BatchNormalization(name="n"))
    model.get_layer("d").kernel.trainable = False
    made, _ = edited(
        model, Configure(layer="d", config={"activation": "tanh"}), Configure(layer="n", config={"axis": 1})
    )
    assert [one.trainable for one in made.get_layer("d").weights] == [False, True]
    assert [one.trainable for one in made.get_layer("n").weights] == [True, True, False, False]


def test_a_layer_is_replaced_at_all_of_its_calls():
    step = dense("step")
    model = numbered(chain(step, relu("r"), step))
    made, _ = edited(model, Replace(layer="step", class_name="Dense", config={"units": 4, "name": "other"}))
    assert calls(made) == {"other#0": "x#0", "r#0": "other#0", "other#1": "r#0"}
    assert numbers(made.get_layer("other").bias) == [2] * 4
    made, _ = edited(model, Replace(layer="r", class_name="Dense", config={"units": 4, "name": "r"}))
    assert type(made.get_layer("r")) is layers.Dense and numbers(made.get_layer("r").bias) == [0] * 4


def test_a_layer_is_replaced_on_some_of_its_inputs():
    inputs = keras.Input((4,), name="x")
    both = layers.Concatenate(name="both")([dense("d")(inputs), dense("e")(inputs)])
    model = keras.Model(inputs, both)
    made, _ = edited(model, Replace(layer="both", class_name="ReLU", config={"name": "r"}, inputs=("e#0:0",)))
    assert calls(made) == {"e#0": "x#0", "r#0": "e#0"}


def test_layers_that_the_graph_does_not_call_are_not_replaced():
    inner = dense("inner")
    model = chain(layers.TimeDistributed(inner, name="each"), shape=(3, 4))
    with pytest.raises(FixError, match=r"^expected a layer that the graph calls, got each/layer$"):
        apply_edits(model, [Configure(layer="each/layer", config={"activation": "relu"})])


def test_layers_are_shared_and_no_longer():
    model = numbered(chain(dense("d"), relu("r"), dense("e"), relu("s"), dense("f")))
    made, _ = edited(model, Share(keep="d", drop="e"))
    assert calls(made) == {"d#0": "x#0", "r#0": "d#0", "d#1": "r#0", "s#0": "d#1", "f#0": "s#0"}
    made, _ = edited(made, Share(keep="d", drop="f"))
    apart, _ = edited(made, Unshare(calls=("d#1", "d#2")))
    layers_called = [graph(apart).calls[one].layer for one in calls(apart)]
    assert len(layers_called) == len(set(layers_called)) == 5
    assert [numbers(one)[0] for one in apart.weights if one.path.endswith("bias")] == [2] * 3
    half, _ = edited(made, Unshare(calls=("d#1",)))
    assert len(half.layers) == 5 and half.count_params() == 40


def test_a_table_is_tied_to_a_dense_layer():
    inputs = keras.Input((3,), name="x", dtype="int32")
    table = layers.Embedding(5, 4, name="table", mask_zero=True)
    x = dense("d", 4)(table(inputs))
    model = numbered(keras.Model(inputs, [dense("out", 5, use_bias=False, activation="tanh")(x), table(inputs)]))
    made, _ = edited(model, TieReversed(embedding="table", dense="out"))
    tied = made.get_layer("table")
    assert isinstance(tied, layers.ReversibleEmbedding) and tied.tie_weights and tied.mask_zero
    assert numbers(tied.embeddings) == numbers(model.get_layer("table").embeddings)
    assert calls(made) == {"table#0": "x#0", "d#0": "table#0", "table#1": "d#0", "out#0": "table#1", "table#2": "x#0"}
    kept = graph(made)
    assert [kept.calls[f"table#{place}"].kwargs.get("reverse") for place in range(3)] == [None, True, None]
    assert made.get_layer("out").activation is keras.activations.tanh


def dense_and_norm(**config):
    return [dense("d", **config), layers.BatchNormalization(name="n"), dense("e"), layers.BatchNormalization(name="m")]


def test_a_bias_moves_into_the_normalization():
    model = numbered(chain(*dense_and_norm()))
    made, _ = edited(model, FoldBias(layers={"d": "n", "e": "m"}))
    for name, norm in (("d", "n"), ("e", "m")):
        old, layer = model.get_layer(norm), made.get_layer(name)
        assert not layer.use_bias and numbers(layer.kernel) == numbers(model.get_layer(name).kernel)
        gap = old.moving_mean - model.get_layer(name).bias
        assert numbers(made.get_layer(norm).moving_mean) == numbers(gap)
    batch = np.arange(8, dtype="f4").reshape(2, 4)
    np.testing.assert_allclose(model(batch, training=False), made(batch, training=False), rtol=1e-5)


@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True), (False, False)])
def test_layers_in_a_row_become_one(first, second):
    model = chain(dense("a", 3, use_bias=first), dense("b", 2, use_bias=second, activation="tanh"), relu("r"))
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=one.shape) for one in model.weights])
    model.get_layer("b").trainable = False
    made, _ = edited(model, MergeLinear(first="a", second="b"))
    assert calls(made) == {"b#0": "x#0", "r#0": "b#0"} and flags(made) == {"b": False, "r": True}
    assert made.get_layer("b").use_bias == (first or second) and made.get_layer("b").units == 2
    batch = random.normal(size=(3, 4)).astype("f4")
    np.testing.assert_allclose(model(batch), made(batch), atol=1e-6)


def test_only_dense_layers_become_one():
    for other in ([dense("a"), relu("b")], [relu("a"), dense("b")]):
        with pytest.raises(
            FixError, match=r"^expected two Dense layers to merge, got (Dense and ReLU|ReLU and Dense)$"
        ):
            apply_edits(chain(*other), [MergeLinear(first="a", second="b")])


# -- flags ----------------------------------------------------------------------------------------------------------


def test_layers_are_frozen_with_what_is_inside():
    model = with_inner(dense("d"), dense("e"))
    made, _ = edited(model, Freeze(layers=("inner/d",)))
    assert flags(made) == {"inner": True, "inner/d": False, "inner/e": True, "sum": True}
    assert [one.trainable for one in made.get_layer("inner").weights] == [False, False, True, True]
    frozen, _ = edited(made, Freeze(layers=("inner",)))
    assert flags(frozen) == {"inner": False, "inner/d": False, "inner/e": False, "sum": True}
    assert not any(one.trainable for one in frozen.weights)
    back, _ = edited(frozen, Unfreeze(layers=("inner/e",), containers=("inner",)))
    assert flags(back) == {"inner": True, "inner/d": False, "inner/e": True, "sum": True}
    assert [one.trainable for one in back.get_layer("inner").weights] == [False, False, True, True]
    whole, _ = edited(frozen, Unfreeze(layers=("inner",)))
    assert set(flags(whole).values()) == {True} and all(one.trainable for one in whole.weights)


def test_statistics_are_never_trained():
    model = chain(layers.BatchNormalization(name="n"))
    frozen, _ = edited(model, Freeze(layers=("n",)))
    made, _ = edited(frozen, Unfreeze(layers=("n",)))
    assert [one.trainable for one in made.weights] == [True, True, False, False]


# -- parts of a model -----------------------------------------------------------------------------------------------


def test_inputs_are_dropped_also_of_models_inside():
    def of(structure):
        a, b, c = (keras.Input((4,), name=name) for name in "abc")
        i, j = keras.Input((4,), name="i"), keras.Input((4,), name="j")
        spare = relu("spare")(j)
        inner = keras.Model([i, j], [dense("d")(i), spare], name="inner")
        k = keras.Input((4,), name="k")
        other = keras.Model(k, [dense("e")(k), relu("idle")(k)], name="other")
        end = layers.Add(name="end")([inner([a, b])[0], other(c)[0]])
        return keras.Model(structure(a, b, c), end, name="net")

    made, _ = edited(of(lambda *given: list(given)), DropInputs(inputs=("b",)))
    assert [one.name for one in made.inputs] == ["a", "c"] and isinstance(made._inputs_struct, list)
    assert [one.name for one in made.get_layer("inner").layers] == ["i", "d"]
    assert [one.name for one in made.get_layer("other").layers] == ["k", "e", "idle"]
    made, _ = edited(of(lambda a, b, c: {"a": a, "b": b, "c": c}), DropInputs(inputs=("b",)))
    assert set(made._inputs_struct) == {"a", "c"}
    assert calls(made)["end#0"] == "inner/d#0 other/e#0"


def test_a_single_input_that_is_left_is_the_tensor_itself():
    for structure in (list, tuple):
        a, b, c = (keras.Input((4,), name=name) for name in "abc")
        model = keras.Model(structure((a, b, c)), dense("d")(b))
        made, _ = edited(model, DropInputs(inputs=("a",)), DropInputs(inputs=("c",)))
        assert [one.name for one in made.inputs] == ["b"] and calls(made) == {"d#0": "b#0"}
        assert isinstance(made._inputs_struct, keras.KerasTensor)


def test_models_are_pruned_and_others_stay():
    def inner(name):
        i = keras.Input((4,), name="i")
        return keras.Model(i, [dense("main")(i), dense("spare")(i)], name=name)

    inputs = keras.Input((4,), name="x")
    model = keras.Model([inputs], inner("q")(inner("p")(inputs)[0])[0], name="net")
    made, _ = edited(model, Prune(layers=("p",)))
    assert [one.name for one in made.get_layer("p").layers] == ["i", "main"]
    assert [one.name for one in made.get_layer("q").layers] == ["i", "main", "spare"]
    assert isinstance(made._inputs_struct, list)
    made, _ = edited(model, Prune(layers=(".",)), Prune(layers=("q",)))
    assert [one.name for one in made.get_layer("q").layers] == ["i", "main"]
    assert [one.name for one in made.get_layer("p").layers] == ["i", "main", "spare"]


def test_a_copy_has_what_the_graph_needs():
    model = numbered(chain(dense("d")))
    model.spare = dense("spare")
    made, notes = edited(model, SaveAgain())
    assert made is not model and calls(made) == calls(model) and notes == []
    assert numbers(made.get_layer("d").bias) == [2] * 4


# -- training -------------------------------------------------------------------------------------------------------


def trained(model, optimizer="sgd", steps=3, loss="mse"):
    model.compile(optimizer, loss)
    if optimizer is not None:
        model.optimizer.build(model.trainable_variables)
        model.optimizer.iterations.assign(steps)
    return model


FRESH = Configure(layer="d", config={"activation": "tanh"}, fresh=True)


@pytest.mark.parametrize(
    ("change", "optimizer", "steps", "left", "notes"),
    [
        (FRESH, "sgd", 3, 0, ["the optimizer state is reset"]),
        (FRESH, "sgd", 0, 0, []),
        (FRESH, None, 0, None, []),
        (SaveAgain(), "sgd", 3, 3, []),
        (Configure(layer="d", config={"activation": "tanh"}), "sgd", 3, 3, []),
        (DropOptimizer(), "sgd", 3, 0, []),
        (Compile(losses={None: "mae"}), "sgd", 3, 3, []),
    ],
)
def test_what_becomes_of_the_optimizer(change, optimizer, steps, left, notes):
    model = trained(chain(dense("d"), dense("e")), optimizer, steps)
    made, said = edited(model, change, Freeze(layers=("e",)))
    assert said == notes and made.loss == ("mae" if isinstance(change, Compile) else "mse")
    assert (int(made.optimizer.iterations) if made.optimizer is not None else None) == left


def test_losses_of_several_edits_are_replaced_together():
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, [dense("a")(inputs), dense("b")(inputs)])
    trained(model, loss={"a": "mse", "b": "mse"})
    made, _ = edited(model, Compile(losses={"a": "mae"}), Compile(losses={"b": "huber"}))
    assert made.loss == {"a": "mae", "b": "huber"}
    assert not apply_edits(keras.Model(inputs, model.outputs), [Compile(losses={"a": "mae"}), FRESH_A])[0].compiled


FRESH_A = Configure(layer="a", config={"activation": "tanh"}, fresh=True)


# -- layers that cannot be copied -----------------------------------------------------------------------------------


class Closed(layers.Layer):
    """Does not tell how it is made."""

    def __init__(self, function, **more):
        super().__init__(**more)
        self.function = function

    def call(self, x):
        return self.function(x)


def test_layers_that_cannot_be_copied_are_those_of_both_models():
    held = layers.Rescaling(2.0)
    closed = [Closed(lambda x: held(x), name=name) for name in ("closed", "other")]
    model = chain(dense("d"), closed[0], dense("e"), closed[1])
    made, notes = apply_edits(model, [Freeze(layers=("d",))])
    assert made.get_layer("closed") is model.get_layer("closed") and flags(made)["d"] is False
    assert len(notes) == 2
    for note, name in zip(notes, ("closed", "other"), strict=True):
        assert note.startswith(f"not copied, and so the same layers in both models: {name} (")
    for path in ("closed", "other"):
        with pytest.raises(FixError, match=path):
            apply_edits(model, [Freeze(layers=("d",)), Freeze(layers=(path,))])
    assert flags(model) == {"d": True, "closed": True, "e": True, "other": True}
