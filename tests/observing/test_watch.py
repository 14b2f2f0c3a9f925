"""`Watch` sees what happens while a model trains, and changes nothing of it."""

import json
import warnings

import keras
import numpy as np
import pytest
from keras import layers

import graphlint
from graphlint.callbacks import Watch

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(160, 4)).astype("float32"), RANDOM.integers(0, 3, 160)


def model():
    keras.utils.set_random_seed(0)
    made = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax"),
        ]
    )
    made.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def fit(made, x, y, *callbacks, **options):
    return made.fit(x, y, batch_size=16, verbose=0, callbacks=list(callbacks), **options).history


def test_training_is_what_it_would_be():
    plain, watched, watch = model(), model(), Watch(every=3)
    assert fit(plain, X, Y, epochs=2) == fit(watched, X, Y, watch, epochs=2)
    for one, other in zip(plain.get_weights(), watched.get_weights(), strict=True):
        assert (one == other).all()
    assert watch.report.exit_code() == 0 and {"B013", "B022", "B023", "S001"} <= set(watch.report.models[0].ran)
    assert "Steps" not in type(watched.train_function).__name__


@pytest.mark.parametrize("steps", [3, 19])
def test_nan_ends_training_with_the_values_from_before(steps):
    x = X.repeat(2, axis=0)
    x[steps * 16 + 1] = np.nan
    y = Y.repeat(2)
    expected = model()
    fit(expected, x[: steps * 16], y[: steps * 16], shuffle=False)
    made, watch = model(), Watch(fail_on="never")
    fit(made, x, y, watch, epochs=3, shuffle=False)
    found = [one for one in watch.report.findings if one.code == "B013"]
    assert [one.message for one in found] == [f"in step {steps + 1}: the batch holds 4 NaN of 64 numbers"]
    for one, other in zip(made.get_weights(), expected.get_weights(), strict=True):
        assert (one == other).all()


def test_what_is_found_raises_or_warns(tmp_path):
    with pytest.raises(graphlint.WatchError, match="B003"):
        fit(model(), X, Y + 1, Watch("raise"))
    unscaled = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(3)])
    unscaled.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.warns(UserWarning, match="B017"):
        fit(unscaled, X * 100 + 400, Y, Watch(report=tmp_path / "report.json", select=["B017"]))
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [one["code"] for one in report["findings"]] == ["B017"]


def test_the_report_can_be_a_page(tmp_path):
    fit(model(), X, Y, Watch(report=tmp_path / "report.html"))
    assert "<html" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("arguments", [{"action": "stop"}, {"fail_on": "x"}, {"every": 0}])
def test_arguments_are_checked(arguments):
    with pytest.raises(graphlint.GraphlintError, match="expected"):
        Watch(**arguments)


def test_several_steps_per_execution_and_mixed_precision():
    made = keras.Sequential(
        [keras.Input((4,)), layers.Dense(8, dtype="mixed_float16"), layers.Dense(3, dtype="float32")]
    )
    made.compile(
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=4,
    )
    watch = Watch("raise", select=["B"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit(made, X, Y, watch, epochs=2)
    assert int(made.optimizer.inner_optimizer.iterations) + 0 > 0 and watch.report.exit_code() == 0
