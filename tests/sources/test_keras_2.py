"""Models of Keras 2 in memory: `tf_keras` beside Keras 3."""

from __future__ import annotations

import numpy as np
import pytest
import tf_keras as keras_2

import graphlint
from graphlint.errors import GraphlintError
from graphlint.sources.keras_2 import package_of

pytestmark = [
    pytest.mark.backend("tensorflow"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def conv():
    layers = keras_2.layers
    inputs = keras_2.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, name="conv", use_bias=False)(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Activation("relu", name="relu")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras_2.Model(inputs, layers.Dense(3, name="head")(x), name="conv_net")
    model.compile("adam", keras_2.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def recurrent():
    layers = keras_2.layers
    tokens = keras_2.Input((6,), dtype="int32", name="tokens")
    x = layers.Embedding(12, 4, mask_zero=True, name="embed")(tokens)
    x = layers.Bidirectional(layers.LSTM(5, return_sequences=True), name="both_ways")(x)
    x = layers.MultiHeadAttention(2, 4, name="attend")(x, x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    return keras_2.Model(tokens, layers.Dense(2, name="head")(x))


def nested():
    inside = keras_2.Input((5,), name="inside")
    inner = keras_2.Model(inside, keras_2.layers.Dense(4, name="last")(inside), name="inner")
    left, right = keras_2.Input((5,), name="left"), keras_2.Input((5,), name="right")
    x = keras_2.layers.Subtract(name="distance")([inner(left), inner(right)])
    return keras_2.Model([left, right], keras_2.layers.Dense(1, name="head")(x))


def sequential():
    layers = keras_2.layers
    return keras_2.Sequential([keras_2.Input((8,)), layers.Dense(4, activation="relu"), layers.Dense(2)])


@keras_2.saving.register_keras_serializable("tests")
class Code(keras_2.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.head = keras_2.layers.Dense(4, name="hidden"), keras_2.layers.Dense(2, name="head")

    def call(self, x):
        return self.head(self.hidden(x))


def code():
    model = Code()
    model(np.zeros((2, 3), "float32"))
    return model


@pytest.mark.parametrize("build", [conv, recurrent, nested, sequential, code])
def test_a_sound_model_is_read_whole_and_nothing_is_reported(build) -> None:
    model = build()
    report = graphlint.check(model).models[0]
    assert (report.format, report.keras_version) == ("live", keras_2.__version__)
    assert not report.reason
    assert [one for one in report.findings if one.severity != "info"] == []
    assert report.parameters.total == model.count_params()
    assert report.parameters.trainable == sum(int(np.prod(one.shape)) for one in model.trainable_weights)


def test_what_is_wrong_is_found_and_no_fix_is_offered() -> None:
    layers = keras_2.layers
    inputs = keras_2.Input((4,), name="x")
    x = layers.Dropout(0.0, name="nothing")(layers.Dense(3, name="hidden")(inputs))
    model = keras_2.Model(inputs, layers.Dense(1, activation="softmax", name="head")(x))
    model.get_layer("hidden").kernel.assign(np.full((4, 3), np.nan, "float32"))
    findings = graphlint.check(model).models[0].findings
    assert {"A001", "N001", "R001"} <= {one.code for one in findings}
    assert not [one for one in findings if one.fix is not None]


def test_what_a_release_can_load_is_told_where_one_is_named() -> None:
    model = keras_2.Sequential([keras_2.Input((8,)), keras_2.layers.Dense(2)])
    skipped = {one.code: one.reason for one in graphlint.check(model).models[0].skipped_rules}
    assert skipped["K010"] == "needs --target-keras, for a model of Keras 2 in memory"
    ran = graphlint.check(model, target_keras="3.9").models[0].ran
    assert {"K003", "K010"} <= set(ran)


def test_flags_are_those_of_the_model() -> None:
    model = conv()
    model.get_layer("conv").trainable = False
    graph = graphlint.check(model).graph
    frozen = [one.id for one in graph.variables.values() if not one.trainable]
    assert sorted(frozen) == ["conv@kernel", "norm@moving_mean", "norm@moving_variance"]


@pytest.mark.parametrize("name", ["split", "clone", "edit", "fix", "verify", "extract"])
def test_surgery_is_refused_in_one_true_sentence(name) -> None:
    model = conv()
    arguments = {"split": ("relu",), "verify": (model,)}.get(name, ())
    with pytest.raises(
        GraphlintError, match=r"^expected a model of Keras 3, got 'conv_net' of tf_keras 2\.\d+"
    ) as error:
        getattr(graphlint, name)(model, *arguments)
    assert "\n" not in str(error.value)


def test_data_is_refused_as_well() -> None:
    with pytest.raises(GraphlintError, match=r"^expected a model of Keras 3, got 'conv_net' of tf_keras"):
        graphlint.check(conv(), data=(np.zeros((2, 8, 8, 3), "float32"), np.zeros(2)))


def test_what_is_no_model() -> None:
    assert package_of(object()) is None
    with pytest.raises(GraphlintError, match=r"expected a keras.Model, got object"):
        graphlint.check(object())
