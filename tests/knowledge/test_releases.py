"""The tables of released Keras against the installed one."""

import inspect

import keras
import pytest

from graphlint.knowledge.namespaces import is_part_of_model
from graphlint.knowledge.releases import (
    RELEASES,
    has_class,
    is_known_class,
    next_release,
    operation_key,
    release_index,
    releases_with,
    takes_argument,
)
from graphlint.model.expand import expand
from graphlint.portability.obstacles import obstacles
from graphlint.sources.live import read_live
from graphlint.testing.samples import SAMPLES

NEWEST = len(RELEASES) - 1
INSTALLED = release_index(keras.__version__)
KINDS = ("layers", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers")


def classes(kind):
    module = getattr(keras, kind)
    return {name: found for name, found in vars(module).items() if inspect.isclass(found) and not name.startswith("_")}


@pytest.mark.skipif(INSTALLED is None, reason="needs an installed Keras that the tables know")
@pytest.mark.parametrize("kind", KINDS)
def test_every_class_of_the_installed_keras(kind):
    assert [name for name in classes(kind) if not has_class(name, INSTALLED, kind)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_argument_of_the_installed_keras(kind):
    common = {"self", "kwargs", "args", "name", "dtype", "trainable", "autocast", "activity_regularizer", "input_shape"}
    wrong = []
    for name, cls in classes(kind).items():
        for argument in inspect.signature(cls.__init__).parameters:
            if argument not in common and not takes_argument(name, argument, INSTALLED, kind):
                wrong.append(f"{name}.{argument}")
    assert wrong == []


@pytest.mark.skipif(INSTALLED is None, reason="needs an installed Keras that the tables know")
@pytest.mark.parametrize(
    ("kind", "layer", "taken", "refused"),
    [
        ("layers", lambda **more: keras.layers.Conv1D(2, 3, **more), "input_dim", "rank"),
        ("layers", lambda **more: keras.layers.MaxPooling1D(**more), "trainable", "pool_mode"),
        ("layers", lambda **more: keras.layers.GlobalMaxPooling2D(**more), "keepdims", "pool_dimensions"),
        ("layers", lambda **more: keras.layers.LSTM(2, **more), "unroll", "cell"),
        ("layers", lambda **more: keras.layers.StringLookup(**more), "trainable", "vocabulary_dtype"),
        ("layers", lambda **more: keras.layers.IntegerLookup(**more), "trainable", "activity_regularizer"),
        ("layers", lambda **more: keras.layers.Discretization([1.0], **more), "dtype", "trainable"),
        ("layers", lambda **more: keras.layers.SpatialDropout1D(0.5, **more), "seed", "noise_shape"),
        ("layers", lambda **more: keras.layers.Pipeline([], **more), "name", "trainable"),
        ("layers", lambda **more: keras.layers.ActivityRegularization(**more), "l1", "activity_regularizer"),
        ("layers", lambda **more: keras.layers.HashedCrossing(2, **more), "anything", None),
        ("optimizers", lambda **more: keras.optimizers.SGD(**more), "weight_decay", "dtype"),
        (
            "optimizers",
            lambda **more: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), **more),
            "dynamic",
            "learning_rate",
        ),
        ("losses", lambda **more: keras.losses.Poisson(**more), "reduction", "from_logits"),
    ],
)
def test_arguments_that_a_constructor_sets_itself_are_refused(kind, layer, taken, refused):
    name = type(layer()).__name__
    assert takes_argument(name, taken, INSTALLED, kind) and layer(
        **{taken: True if taken in ("dynamic", "trainable") else None}
    )
    if refused is not None:
        assert takes_argument(name, refused, INSTALLED, kind) is False
        with pytest.raises((TypeError, ValueError)):
            layer(**{refused: None})


def test_configurations_of_the_installed_keras_are_taken():
    for layer in (keras.layers.Dense(2), keras.layers.LSTM(2), keras.layers.Conv2D(2, 3), keras.layers.Embedding(3, 2)):
        kept = set(layer.get_config()) - {"name", "trainable", "dtype", "activity_regularizer"}
        name = type(layer).__name__
        assert all(takes_argument(name, argument, INSTALLED) for argument in kept)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_no_obstacle_for_models_of_the_installed_keras(name):
    assert obstacles(expand(read_live(SAMPLES[name]())), INSTALLED) == []


def test_every_public_name_of_the_installed_keras_can_be_part_of_a_model():
    """But for what makes or loads something else: a new operation has to be looked at before a file may name it."""
    unfit = {"Input", "deserialize", "get", "serialize", "TFSMLayer", "TorchModuleWrapper"}
    unknown = [
        f"keras.{package}.{name}"
        for package in (*KINDS, "activations", "ops", "random")
        for name, found in vars(getattr(keras, package)).items()
        if not name.startswith("_") and callable(found) and name not in unfit
        if not is_part_of_model(f"keras.{package}.{name}")
    ]
    assert not unknown, "harmless? Then add to graphlint/knowledge/namespace_tables.py: " + " ".join(unknown)


def test_history():
    assert has_class("LocallyConnected1D", RELEASES.index("2.15")) and not has_class("LocallyConnected1D", NEWEST)
    assert not has_class("RMSNormalization", RELEASES.index("3.8")) and has_class("RMSNormalization", NEWEST)
    assert has_class("Nonsense", NEWEST) is None
    assert releases_with("LSTM", argument="time_major") == "up to 2.15"
    assert releases_with("BatchNormalization", argument="renorm") == "up to 2.15 and since 3.14"
    logdet = operation_key("keras.src.ops.math", "Logdet")
    assert not has_class(logdet, RELEASES.index("3.5"), "operations") and next_release(logdet, 8, "operations") == "3.6"
    assert not takes_argument(logdet, "name", RELEASES.index("3.10"), "operations")
    assert takes_argument(logdet, "name", RELEASES.index("3.11"), "operations")
    assert all(takes_argument("InputLayer", key, RELEASES.index("3.4")) for key in ("ragged", "optional", "anything"))
    assert is_known_class("CuDNNLSTM") and not is_known_class("GarNet")


@pytest.mark.parametrize(
    ("version", "release"), [("3.9.2", "3.9"), ("3.99", "3.15"), ("2.15.0", "2.15"), ("2.2.4", None)]
)
def test_versions(version, release):
    index = release_index(version)
    assert (None if index is None else RELEASES[index]) == release
