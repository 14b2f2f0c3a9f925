"""What a file of an older release was compiled with, as the installed Keras takes it."""

import dataclasses

import keras
import pytest
from keras import layers

from graphlint.fixes.rescue import compile_as_in_file
from graphlint.model.definition import OptimizerDefinition
from tests.model.definitions import definition, layer

SGD = {"class_name": "SGD", "config": {"learning_rate": 0.5}}


def compiled(optimizer=SGD, slots=(), **config):
    """A model of two outputs compiled as a file says, and the notes."""
    keras.utils.clear_session(free_memory=False)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [layers.Dense(2, name="a")(inputs), layers.Dense(2, name="b")(inputs)])
    state = OptimizerDefinition("SGD", None, {}, variables=list(slots))
    settings = {"optimizer": optimizer, **config} if config or optimizer is not SGD else None
    found = dataclasses.replace(definition(layer("net")), compile_config=settings, optimizer=state)
    return model, compile_as_in_file(model, found)


def named(class_name, **config):
    return {"class_name": class_name, "config": config}


def test_a_model_that_was_not_compiled():
    model, notes = compiled()
    assert not model.compiled and notes == []


def test_the_state_of_the_optimizer_is_missed():
    assert compiled(loss="mse")[1] == []
    (note,) = compiled(loss="mse", slots=layer("n", size=2).variables)[1]
    assert note == "the optimizer state is not carried over: training starts with a new one"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("mse", "mean_squared_error"),
        ("huber_loss", "huber"),
        ("kullback_leibler_divergence", "kl_divergence"),
        ("MeanAbsoluteError", "MeanAbsoluteError"),
        (named("function") | {"config": "mae"}, "mean_absolute_error"),
        (["mse", "mae"], ["mean_squared_error", "mean_absolute_error"]),
        ({"a": "mse", "b": "logcosh"}, {"a": "mean_squared_error", "b": "log_cosh"}),
        ({"class_name": "mse", "config": "mae"}, {"class_name": "mean_squared_error", "config": "mean_absolute_error"}),
    ],
)
def test_losses_by_name(given, expected):
    model, notes = compiled(loss=given)
    assert model._compile_config.config["loss"] == expected and notes == []


def test_losses_by_class():
    written = named("CategoricalCrossentropy", reduction="auto", name="c", from_logits=True, fn="categorical")
    model, notes = compiled(loss=[written, written | {"config": written["config"] | {"reduction": "sum"}}])
    first, second = model.loss
    assert isinstance(first, keras.losses.CategoricalCrossentropy) and notes == []
    assert (first.from_logits, first.reduction, second.reduction) == (True, "sum_over_batch_size", "sum")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["accuracy", "acc", "crossentropy", "ce"], ["accuracy", "acc", "crossentropy", "ce"]),
        (["mse", "AUC"], ["mse", "AUC"]),
        ([named("MeanMetricWrapper", name="mae", fn=3)], ["mae"]),
        ([named("MeanMetricWrapper", name="other", fn="mse")], ["mse"]),
        ([None, "mse"], [None, "mse"]),
    ],
)
def test_metrics_by_name(given, expected):
    model, notes = compiled(loss="mse", metrics=[given, given], loss_weights=[1.0, 2.0])
    config = model._compile_config.config
    assert config["metrics"] == [expected, expected] and config["loss_weights"] == [1.0, 2.0] and notes == []
    assert config["weighted_metrics"] is None


def test_metrics_by_class():
    model, notes = compiled(loss="mse", weighted_metrics=[[named("TopKCategoricalAccuracy", k=3, name="top")], []])
    ((metric,), _) = model._compile_config.config["weighted_metrics"]
    assert isinstance(metric, keras.metrics.TopKCategoricalAccuracy) and metric.name == "top" and notes == []


@pytest.mark.parametrize(
    ("config", "note"),
    [
        ({"loss": "theirs"}, "'theirs' is not a built-in loss or metric"),
        ({"loss": "acc"}, "'acc' is not a built-in loss or metric"),
        ({"loss": "mse", "metrics": ["theirs"]}, "'theirs' is not a built-in loss or metric"),
        ({"loss": named("Theirs", x=1)}, "Theirs"),
        ({"loss": named("function", name="mse")}, "function"),
        ({"loss": named("Huber", gone=1)}, "Huber was made with gone=1"),
        ({"optimizer": named("Theirs")}, "optimizer 'Theirs' is not a built-in optimizer"),
        ({"optimizer": named("get")}, "optimizer 'get' is not a built-in optimizer"),
        ({"optimizer": named("SGD", decay=0.5)}, "optimizer SGD was made with decay=0.5"),
        ({"optimizer": named("LossScaleOptimizer", dynamic=True)}, "scales its loss by a fixed number"),
        ({"optimizer": named("LossScaleOptimizer", inner_optimizer=SGD, dynamic=False)}, "scales its loss by a fixed"),
    ],
)
def test_what_is_not_built_in_is_said(config, note):
    model, notes = compiled(**{"loss": "mse", **config})
    assert not model.compiled and len(notes) == 1
    assert notes[0].startswith("not compiled: ") and note in notes[0]


def test_optimizers():
    assert compiled("sgd", loss="mse")[0].optimizer.name == "sgd"
    for rate in ("lr", "learning_rate"):
        model, notes = compiled(
            named("Custom>Adam", **{rate: 0.25, "beta_1": 0.5, "decay": 0.0, "name": "my"}), loss="mse"
        )
        assert (float(model.optimizer.learning_rate), model.optimizer.beta_1, model.optimizer.name) == (0.25, 0.5, "my")
        assert type(model.optimizer) is keras.optimizers.Adam and notes == []
    schedule = named("ExponentialDecay", initial_learning_rate=0.5, decay_steps=10, decay_rate=0.5)
    optimizer = compiled(named("SGD", learning_rate=schedule), loss="mse")[0].optimizer
    assert isinstance(optimizer._learning_rate, keras.optimizers.schedules.ExponentialDecay)


@pytest.mark.parametrize("key", ["inner_optimizer", "optimizer"])
def test_optimizers_that_scale_the_loss(key):
    given = {key: SGD, "initial_scale": 8.0, "dynamic_growth_steps": 7}
    for more, expected in (({}, (8.0, 7)), ({"initial_scale": None, "dynamic": True}, (2.0**15, 7))):
        optimizer = compiled(named("LossScaleOptimizerV1", **given | more), loss="mse")[0].optimizer
        assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        assert (optimizer.initial_scale, optimizer.dynamic_growth_steps) == expected
        assert float(optimizer.inner_optimizer.learning_rate) == 0.5
