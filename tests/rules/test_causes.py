"""Where a code has several causes, message and hint follow the cause; what the hint says, done, ends the finding."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import graphlint
from graphlint.errors import UnreadableError
from graphlint.sources import read


def found(model, code, severity=None):
    findings = [one for one in graphlint.check(model).findings if one.code == code]
    return [one for one in findings if severity is None or one.severity == severity]


def sequential(*stack, inputs=(4,), loss=None):
    model = keras.Sequential([keras.Input(inputs), *stack])
    if loss is not None:
        model.compile("adam", loss)
    return model


# -- trainable --------------------------------------------------------------------------------------------------


def frozen_model():
    model = sequential(layers.Dense(3, activation="relu", name="base"), layers.Dense(2, activation="softmax"))
    model.trainable = False
    model.layers[-1].trainable = True
    return model


def frozen_layers():
    return sequential(layers.Dense(3, activation="relu", trainable=False), layers.Dense(2, trainable=False))


@pytest.mark.parametrize(
    ("make", "hint", "follow"),
    [
        (frozen_model, "Set model.trainable = True", lambda model: setattr(model, "trainable", True)),
        (
            frozen_layers,
            "Set layer.trainable = True",
            lambda model: [setattr(layer, "trainable", True) for layer in model.layers],
        ),
    ],
    ids=["the model", "its layers"],
)
def test_nothing_trainable_says_what_is_frozen(make, hint, follow):
    model = make()
    model.compile("adam", "mse")
    (finding,) = found(model, "T005")
    assert finding.hint.startswith(hint)
    follow(model)
    model.compile("adam", "mse")
    assert found(model, "T005") == []


# -- losses and activations -------------------------------------------------------------------------------------


def test_two_probabilities_under_a_binary_loss_are_right():
    head = layers.Dense(2, activation="softmax")
    assert found(sequential(head, loss="binary_crossentropy"), "A004") == []
    three = layers.Dense(3, activation="softmax")
    assert len(found(sequential(three, loss="binary_crossentropy"), "A004")) == 1


def test_the_state_of_an_optimizer_is_stored_in_a_file_alone(tmp_path):
    model = sequential(layers.Dense(3), loss="mse")
    model.optimizer.build(model.trainable_variables)
    (live,) = found(model, "K009")
    model.save(tmp_path / "model.keras")
    (stored,) = found(tmp_path / "model.keras", "K009")
    assert "that model.save writes" in live.message and "are stored" not in live.message
    assert stored.message.endswith("are stored")


def test_loss_keys_that_are_no_output():
    inputs = keras.Input((4,))
    outputs = [layers.Dense(2, name="a")(inputs), layers.Dense(2, name="b")(inputs)]
    model = keras.Model(inputs, outputs)
    model.compile("adam", {"a": "mse", "c": "mse"})
    (finding,) = found(model, "D003", "error")
    assert "'c'" in finding.message and "'a', 'b'" in finding.message
    with pytest.raises((ValueError, KeyError)):
        model.fit(np.ones((2, 4)), {"a": np.ones((2, 2)), "b": np.ones((2, 2))}, verbose=0)
    model.compile("adam", {"a": "mse", "b": "mse"})
    assert found(model, "D003") == []
    by_key = keras.Model(inputs, {"x": outputs[0], "y": outputs[1]})
    by_key.compile("adam", {"x": "mse", "y": "mse"})
    assert found(by_key, "D003") == []


@pytest.mark.parametrize(("first", "fires"), [("softmax", True), ("sigmoid", True), ("relu", True), ("tanh", False)])
def test_a_relu_after_what_is_never_negative(first, fires):
    model = sequential(layers.Dense(3, activation=first), layers.ReLU(), layers.Dense(1))
    messages = [one.message for one in found(model, "A008")]
    assert len(messages) == fires and all(f"after the {first} of" in message for message in messages)


def test_merging_linear_layers_saves_what_the_message_says():
    model = sequential(layers.Dense(8, name="first"), layers.Dense(3, name="last"))
    (finding,) = found(model, "A007")
    merged = sequential(layers.Dense(3))
    assert f"{merged.count_params():,} parameters can hold instead of {model.count_params():,}" in finding.message


# -- where no gradient arrives ----------------------------------------------------------------------------------


def trained(model, untouched):
    """A model whose optimizer has run, with no trace of a gradient where a path of a slot has one of some words."""
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(100)
    for variable in model.optimizer.variables:
        if len(variable.shape) and not any(word in variable.path for word in untouched):
            variable.assign(variable + 0.1)
    return model


def test_what_another_rule_explains_is_not_said_again():
    inputs = keras.Input((4,))
    cut = layers.Dense(4, name="cut")(inputs)
    model = keras.Model(inputs, layers.Dense(1, name="head")(ops.round(cut)))
    model.compile("adam", "mse")
    model = trained(model, ["cut"])
    assert len(found(model, "D005")) == 1 and found(model, "D004") == []


def test_a_normalisation_of_single_values_is_named(tmp_path):
    inputs = keras.Input((4,))
    one = layers.Dense(1, name="one")(inputs)
    model = keras.Model(inputs, layers.Dense(1, name="head")(layers.LayerNormalization(name="norm")(one) * inputs))
    model.compile("adam", "mse")
    (finding,) = found(model, "D005")
    assert "LayerNormalization over an axis of size 1" in finding.message and "longer than 1" in finding.hint
    skip = layers.Add()([one, layers.LayerNormalization(name="norm_2")(one)])
    model = keras.Model(inputs, layers.Dense(1, name="head_2")(skip))
    model.compile("adam", "mse")
    (finding,) = found(trained(model, ["norm_2_gamma"]), "D004")
    assert "'norm_2'" in finding.hint and "longer than 1" in finding.hint


def test_attention_over_one_position():
    inputs = keras.Input((1, 8))
    attention = layers.MultiHeadAttention(2, 4, name="attention")
    model = keras.Model(inputs, layers.Dense(1)(attention(inputs, inputs)))
    (finding,) = found(model, "P004")
    idle = sum(np.prod(v.shape) for v in attention.weights if "query" in v.path or "key" in v.path)
    assert f"{idle:,} parameters" in finding.message
    before = np.array(model(np.ones((1, 1, 8), "float32")))
    for variable in attention.weights:
        if "query" in variable.path or "key" in variable.path:
            variable.assign(variable * 3.0 + 1.0)
    assert np.allclose(before, np.array(model(np.ones((1, 1, 8), "float32"))))
    longer = keras.Input((5, 8))
    one_query = layers.MultiHeadAttention(2, 4)(longer[:, :1], longer)
    assert found(keras.Model(longer, layers.Dense(1)(one_query)), "P004") == []


# -- masks ------------------------------------------------------------------------------------------------------


def masked(*between):
    ids = keras.Input((6,), dtype="int32")
    x = layers.Embedding(10, 4, mask_zero=True)(ids)
    for one in between:
        x = one(x)
    return keras.Model(ids, layers.LSTM(3)(x))


@pytest.mark.filterwarnings("ignore:Layer 'reshape:UserWarning")
@pytest.mark.parametrize(
    "between",
    [
        [layers.Reshape((6, 4))],
        [lambda x: ops.reshape(x, (-1, 6, 4))],
        [lambda x: ops.squeeze(ops.expand_dims(x, 1), 1)],
    ],
    ids=["layer", "operation", "there and back"],
)
def test_what_keeps_the_shape_and_drops_the_mask(between):
    model = masked(*between)
    (lost,) = found(model, "H007")
    assert "drops the mask" in lost.message
    (finding,) = found(model, "R001")
    assert "stops the mask" in finding.message and finding.hint.startswith("Keep it if") and finding.fix is None


def test_without_a_mask_it_does_nothing():
    inputs = keras.Input((6, 4))
    model = keras.Model(inputs, layers.LSTM(3)(layers.Reshape((6, 4))(inputs)))
    (finding,) = found(model, "R001")
    assert "does nothing" in finding.message and finding.hint.startswith("Remove")


# -- files and addresses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["h5", "keras"])
@pytest.mark.parametrize(("old", "new"), [(b"\n", b"\r\n"), (b"\r\n", b"\n")], ids=["added", "removed"])
def test_files_that_went_through_a_conversion_of_line_ends(ending, old, new, tmp_path):
    path = tmp_path / f"model.{ending}"
    model = sequential(layers.Dense(700), inputs=(700,))
    model.layers[0].kernel.assign(np.random.default_rng(0).standard_normal((700, 700)))
    if ending == "keras":
        model.save(path)
    else:
        model.save_weights(tmp_path / "model.weights.h5")
        (tmp_path / "model.weights.h5").rename(path)
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(UnreadableError, match="conversion of line ends"):
        read(path)


def test_features_by_address_alone():
    model = sequential(layers.Dense(3, name="a"), layers.Dense(2, name="b"))
    assert set(graphlint.features(model, "a").output) == {"a"}
    assert set(graphlint.features(model, ["a", "b"]).output) == {"a", "b"}


def test_a_softmax_that_only_another_dense_layer_uses():
    def hidden(*stack):
        return [one.code for one in graphlint.check(sequential(*stack), select="A014").findings]

    softmax = layers.Dense(8, activation="softmax")
    assert hidden(softmax, layers.Dropout(0.1), layers.Dense(2)) == ["A014"]
    assert hidden(layers.Dense(8, activation="softmax")) == []
    inputs = keras.Input((8,))
    gate = layers.Dense(8, activation="softmax")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(gate * inputs))
    assert graphlint.check(model, select="A014").findings == []


def test_an_address_inside_a_wrapper_is_not_suggested():
    inputs = keras.Input((5, 4))
    frames = layers.TimeDistributed(layers.Dense(3, name="inner"), name="frames")
    model = keras.Model(inputs, layers.Dense(1, name="head")(frames(inputs)))
    with pytest.raises(graphlint.errors.AddressError, match=r"runs inside frames.*write frames"):
        graphlint.features(model, "inner")
    assert graphlint.features(model, "frames").output["frames"].shape == (None, 5, 3)
