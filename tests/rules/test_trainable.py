"""Rules on trainable flags: what fires, and what must not."""

import keras
import numpy as np
import pytest
from keras import layers

from graphlint.model.expand import expand
from graphlint.sources.live import read_live
from rules.trainable.hardcoded_training import HardcodedTraining
from rules.trainable.live_batchnorm_in_frozen_backbone import LiveBatchnormInFrozenBackbone
from rules.trainable.nothing_trainable import NothingTrainable
from rules.trainable.optimizer_mismatch import OptimizerMismatch
from rules.trainable.shared_freeze import SharedFreeze
from rules.trainable.trainable_leak import TrainableLeak
from rules.trainable.variable_flag_lost import VariableFlagLost
from tests.rules.front_ends import both, in_file, live


def with_backbone(*flags, frozen=None, cls="functional"):
    """A model around a backbone of Dense layers with the given flags, set last."""
    inside = [layers.Dense(4, name=f"layer_{place}") for place, _ in enumerate(flags)]
    x = keras.Input((4,))
    if cls == "sequential":
        backbone = keras.Sequential([keras.Input((4,)), *inside], name="backbone")
    else:
        y = x
        for layer in inside:
            y = layer(y)
        backbone = keras.Model(x, y, name="backbone")
    outer = keras.Input((4,))
    model = keras.Model(outer, layers.Dense(1, name="head")(backbone(outer)))
    if frozen is not None:
        backbone.trainable = not frozen
    for layer, flag in zip(inside, flags, strict=True):
        if flag is not None:
            layer.trainable = flag
    return model


# -- T001 trainable-leak ----------------------------------------------------------------------------------------


def test_a_layer_that_trains_in_a_frozen_model(tmp_path):
    model = with_backbone(False, True, frozen=True)
    assert len(model.trainable_variables) == 4
    assert both(TrainableLeak(), model, tmp_path) == [
        (
            "backbone",
            "warning",
            "trainable=False, but 1 of the layers inside, with 20 parameters, are trained by the enclosing model",
        )
    ]


def test_a_leak_in_a_sequential_is_seen_live():
    """A file does not keep the flag of a Sequential."""
    assert len(live(TrainableLeak(), with_backbone(False, True, frozen=True, cls="sequential"))) == 1


def test_a_wrapper_made_frozen_trains_what_is_in_it(tmp_path):
    x = keras.Input((3, 4))
    model = keras.Model(x, layers.TimeDistributed(layers.Dense(4), trainable=False, name="steps")(x))
    assert len(model.trainable_variables) == 2
    assert [finding[0] for finding in both(TrainableLeak(), model, tmp_path)] == ["steps"]


@pytest.mark.parametrize(
    ("flags", "frozen"), [((None, None), True), ((False, True), None), ((False, False), False), ((None, None), None)]
)
def test_flags_that_mean_what_they_say(flags, frozen, tmp_path):
    assert both(TrainableLeak(), with_backbone(*flags, frozen=frozen), tmp_path) == []


def test_a_frozen_root_trains_nothing(tmp_path):
    model = with_backbone(None, True, frozen=True)
    model.trainable = False
    model.get_layer("backbone").layers[-1].trainable = True
    assert model.trainable_variables == []
    assert both(TrainableLeak(), model, tmp_path) == []


# -- T002 optimizer-mismatch ------------------------------------------------------------------------------------


def compiled(optimizer="adam", build=True, before=(), after=(), model=None):
    """A model compiled between two sets of changed flags, given as ``(layer, trainable)``."""
    if model is None:
        model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="a"), layers.Dense(2, name="b")])
    for name, flag in before:
        model.get_layer(name).trainable = flag
    model.compile(optimizer, "mse")
    if build:
        model.optimizer.build(model.trainable_variables)
    for name, flag in after:
        model.get_layer(name).trainable = flag
    return model


def test_frozen_after_compile(tmp_path):
    (finding,) = both(OptimizerMismatch(), compiled(after=[("a", False)]), tmp_path)
    assert finding[1] == "warning"
    assert "Adam keeps state for 4 variables, 2 are trainable: 2 of its variables are no longer trainable" in finding[2]


def test_all_frozen_after_compile_is_one_finding(tmp_path):
    model = compiled(after=[("a", False), ("b", False)])
    assert both(OptimizerMismatch(), model, tmp_path) == []
    assert len(both(NothingTrainable(), model, tmp_path)) == 1


def test_unfrozen_after_compile(tmp_path):
    (finding,) = both(OptimizerMismatch(), compiled(before=[("a", False)], after=[("a", True)]), tmp_path)
    assert "2 trainable variables have no state" in finding[2]


@keras.saving.register_keras_serializable("trainable")
class OwnStep(keras.Model):
    """A model that hands the optimizer what it likes."""

    def train_step(self, data):
        return super().train_step(data)


def test_a_training_step_of_its_own(tmp_path):
    x = keras.Input((4,))
    model = compiled(after=[("a", False)], model=OwnStep(x, layers.Dense(2)(layers.Dense(3, name="a")(x))))
    assert both(OptimizerMismatch(), model, tmp_path) == []


@pytest.mark.filterwarnings("ignore")
def test_an_h5_file_that_holds_a_shared_layer_twice(tmp_path):
    shared, x = layers.Dense(4, name="shared"), keras.Input((4,))
    a, b = (keras.Sequential([keras.Input((4,)), shared], name=name) for name in "ab")
    compiled(model=keras.Model(x, b(a(x)))).save(tmp_path / "model.h5")
    assert in_file(OptimizerMismatch(), tmp_path / "model.h5") == []


@pytest.mark.parametrize(
    "build",
    [
        lambda: compiled(),
        lambda: compiled(before=[("a", False)]),
        lambda: compiled(build=False, after=[("a", False)]),
        lambda: compiled("rmsprop", build=False),
        lambda: compiled("sgd", after=[("a", False)]),
        lambda: compiled(keras.optimizers.Adam(use_ema=True)),
        lambda: compiled(keras.optimizers.Adam(gradient_accumulation_steps=2)),
        lambda: compiled(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())),
        lambda: compiled(keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9))),
        lambda: compiled(keras.optimizers.Nadam()),
        lambda: compiled(keras.optimizers.RMSprop(momentum=0.9, centered=True)),
    ],
)
def test_optimizers_that_fit_or_say_nothing(build, tmp_path):
    assert both(OptimizerMismatch(), build(), tmp_path) == []


def every_kind_of_layer():
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(image)
    x = layers.BatchNormalization()(x)
    x = layers.Reshape((6, 24))(x)
    x = layers.MultiHeadAttention(2, 2)(x, x)
    x = layers.Dropout(0.5)(x)
    x = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(x)
    x = layers.TimeDistributed(layers.Dense(3))(x)
    return keras.Model(image, layers.GRU(2)(x))


def test_layers_with_variables_that_never_train(tmp_path):
    assert both(OptimizerMismatch(), compiled(model=every_kind_of_layer()), tmp_path) == []


@keras.saving.register_keras_serializable("trainable")
class Counting(layers.Layer):
    """A layer with a variable that does not train, which a file does not say."""

    def build(self, shape):
        self.total = self.add_weight(shape=(3,), trainable=False, name="total")
        self.scale = self.add_weight(shape=(shape[-1],), name="scale")

    def call(self, x):
        return x * self.scale


def test_layers_that_are_not_of_keras(tmp_path):
    model = compiled(model=keras.Sequential([keras.Input((4,)), Counting(), layers.Dense(2)]))
    assert both(OptimizerMismatch(), model, tmp_path) == []


def test_lora(tmp_path):
    dense = layers.Dense(8, name="dense")
    model = keras.Sequential([keras.Input((4,)), dense])
    dense.enable_lora(2)
    assert both(OptimizerMismatch(), compiled(model=model), tmp_path) == []


# -- T003 hardcoded-training ------------------------------------------------------------------------------------


def call_with(layer, shape=(4,), **kwargs):
    x = keras.Input(shape)
    return keras.Model(x, layer(x, **kwargs))


@pytest.mark.parametrize(
    ("layer", "shape", "severity"),
    [
        (lambda: layers.Dropout(0.5), (4,), "warning"),
        (lambda: layers.SpatialDropout1D(0.5), (3, 4), "warning"),
        (lambda: layers.GaussianNoise(0.5), (4,), "warning"),
        (lambda: layers.LSTM(2, dropout=0.5), (3, 4), "warning"),
        (lambda: layers.BatchNormalization(), (4,), "info"),
        (lambda: keras.Sequential([keras.Input((4,)), layers.Dense(2), layers.Dropout(0.5)]), (4,), "warning"),
    ],
)
def test_training_written_into_a_call(layer, shape, severity, tmp_path):
    model = call_with(layer(), shape, training=True)
    assert [finding[1] for finding in both(HardcodedTraining(), model, tmp_path)] == [severity]


def test_predict_drops_nothing_all_the_same():
    model = call_with(layers.Dropout(0.5), training=True)
    ones = np.ones((8, 4), "float32")
    assert np.array_equal(model.predict(ones, verbose=0), ones)


@pytest.mark.parametrize(
    ("layer", "kwargs"),
    [
        (lambda: layers.Dropout(0.5), {"training": False}),
        (lambda: layers.Dropout(0.5), {}),
        (lambda: layers.Dropout(0.0), {"training": True}),
        (lambda: layers.BatchNormalization(), {"training": False}),
    ],
)
def test_calls_that_follow_the_model(layer, kwargs, tmp_path):
    assert both(HardcodedTraining(), call_with(layer(), **kwargs), tmp_path) == []


# -- T004 live-batchnorm-in-frozen-backbone ---------------------------------------------------------------------


def convolutional(trainable):
    image = keras.Input((8, 8, 3))
    x = image
    for place in range(9):
        x = layers.Conv2D(4, 3, padding="same", name=f"conv_{place}")(x)
    x = layers.BatchNormalization(name="norm")(x)
    backbone = keras.Model(image, layers.GlobalAveragePooling2D()(x), name="backbone")
    for layer in backbone.layers:
        layer.trainable = layer.name in trainable
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, layers.Dense(2)(backbone(inputs)))


def test_a_batchnorm_that_moves_in_a_frozen_backbone(tmp_path):
    (finding,) = both(LiveBatchnormInFrozenBackbone(), convolutional({"conv_8", "norm"}), tmp_path)
    assert finding[:2] == ("backbone", "info")
    assert finding[2].startswith("8 of 10 layers with weights are frozen, and 1 BatchNormalization")


@pytest.mark.parametrize(
    "trainable",
    [{"norm"}, {"conv_8"}, {"conv_8", "conv_7", "norm"}, set()],
    ids=["only norms", "no norm", "70 %", "all"],
)
def test_backbones_that_are_frozen_well_or_not_enough(trainable, tmp_path):
    assert both(LiveBatchnormInFrozenBackbone(), convolutional(trainable), tmp_path) == []


def test_the_share_is_an_option(tmp_path):
    assert (
        len(both(LiveBatchnormInFrozenBackbone(frozen=0.7), convolutional({"conv_8", "conv_7", "norm"}), tmp_path)) == 1
    )


# -- T005 nothing-trainable -------------------------------------------------------------------------------------


def frozen(loss="mse", compile=True, layer=None):
    model = keras.Sequential([keras.Input((4,)), layer or layers.Dense(2, trainable=False)])
    if compile:
        model.compile("sgd", loss)
    return model


def test_a_compiled_model_without_anything_to_train(tmp_path):
    (finding,) = both(NothingTrainable(), frozen(), tmp_path)
    assert finding[1] == "warning"
    assert "none of the 10 parameters is trainable" in finding[2]


@pytest.mark.parametrize(
    "build",
    [
        lambda: frozen(compile=False),
        lambda: frozen(loss=None),
        lambda: frozen(layer=layers.Dense(2)),
        lambda: frozen(layer=layers.Flatten()),
        lambda: frozen(layer=layers.Normalization()),
    ],
    ids=["not compiled", "no loss", "trainable", "no weights", "preprocessing"],
)
def test_models_that_train_or_never_would(build, tmp_path):
    assert both(NothingTrainable(), build(), tmp_path) == []


# -- T006 shared-freeze -----------------------------------------------------------------------------------------


def extractor(freeze, direct=True, wrapped=False):
    if wrapped:
        x = keras.Input((3, 4))
        dense = layers.Dense(4, name="features")
        steps = layers.TimeDistributed(dense, name="extractor")
        model = keras.Model(x, steps(dense(x)))
        steps.trainable = not freeze
        return model
    x, z = keras.Input((4,), name="x"), keras.Input((4,), name="z")
    features = layers.Dense(4, name="features")(x)
    inner = keras.Model(x, features, name="extractor")
    inner.trainable = not freeze
    outputs = [layers.Dense(1, name="head")(features), inner(z)] if direct else inner(z)
    return keras.Model([x, z] if direct else z, outputs)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_layer_frozen_with_a_part_that_another_uses(wrapped, tmp_path):
    (finding,) = both(SharedFreeze(), extractor(True, wrapped=wrapped), tmp_path)
    assert finding[:2] == ("extractor", "warning")
    assert "one layer (20 parameters) also used outside it: features" in finding[2]


def in_two_models():
    shared, x = layers.Dense(4, name="shared"), keras.Input((4,))
    frozen_model = keras.Sequential([keras.Input((4,)), shared], name="frozen")
    free = keras.Sequential([keras.Input((4,)), shared], name="free")
    x_functional = keras.Input((4,))
    wrapped = keras.Model(x_functional, frozen_model(x_functional), name="outer")
    wrapped.trainable = False
    return keras.Model(x, free(wrapped(x)))


def test_a_layer_that_the_file_holds_twice(tmp_path):
    (finding,) = both(SharedFreeze(), in_two_models(), tmp_path)
    assert finding[1] == "warning"


def frozen_by_itself():
    model = extractor(False)
    model.get_layer("features").trainable = False
    return model


@pytest.mark.parametrize("build", [lambda: extractor(False), lambda: extractor(True, direct=False), frozen_by_itself])
def test_freezing_that_stays_where_it_is_meant(build, tmp_path):
    assert both(SharedFreeze(), build(), tmp_path) == []


# -- T007 variable-flag-lost ------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("trainable")
class OwnDense(layers.Dense):
    """A layer whose code may set the flag itself."""


@keras.saving.register_keras_serializable("trainable")
class Block(layers.Layer):
    """A layer that makes another."""

    def build(self, shape):
        self.made = layers.Dense(4, name="made")
        self.made.build(shape)

    def call(self, x):
        return self.made(x)


def still(layer, *names):
    for name in names:
        getattr(layer, name).trainable = False


def test_flags_of_single_variables():
    parts = {
        "relu": layers.ReLU(name="relu"),
        "free": layers.Dense(4, name="free"),
        "whole": layers.Dense(4, name="whole"),
        "own": OwnDense(4, name="own"),
        "block": Block(name="block"),
        "lora": layers.Dense(4, name="lora"),
        "packed": layers.Dense(4, name="packed"),
        "every": layers.Dense(4, name="every"),
        "norm": layers.BatchNormalization(name="norm"),
        "two": layers.PReLU(name="two"),
        "scaled": layers.LayerNormalization(name="scaled"),
        "steps": layers.GRU(4, name="steps"),
        "last": layers.Dense(4, name="last"),
    }
    x = y = keras.Input((4,))
    for name, part in parts.items():
        y = part(layers.Reshape((2, 2))(y) if name == "steps" else y)
    model = keras.Model(x, y)
    still(parts["whole"], "bias")
    parts["whole"].trainable = False
    parts["whole"].kernel.trainable = True
    still(parts["own"], "bias")
    still(parts["block"].made, "bias")
    parts["lora"].enable_lora(1)
    parts["packed"].quantize("int8")
    still(parts["packed"], "bias")
    still(parts["every"], "kernel", "bias")
    still(parts["two"], "alpha")
    still(parts["steps"].cell, "recurrent_kernel", "bias")
    still(parts["scaled"], "beta")
    still(parts["norm"], "beta")
    still(parts["last"], "bias")
    told = [
        (one.node, one.message.partition(":")[0], one.related)
        for one in VariableFlagLost().check(expand(read_live(model)))
    ]
    lost = "frozen in a trainable layer"
    assert told == [
        ("norm", f"beta is {lost}", ("norm@beta",)),
        ("scaled", f"beta is {lost}", ("scaled@beta",)),
        ("steps/cell", f"recurrent_kernel, bias are {lost}", ("steps/cell@recurrent_kernel", "steps/cell@bias")),
        ("last", f"bias is {lost}", ("last@bias",)),
    ]
