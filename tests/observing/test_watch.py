"""`Watch` sees what happens while a model trains, and changes nothing of it."""

import json

import keras
import numpy as np
import pytest
from keras import layers

import graphlint
from graphlint.callbacks import Watch

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(160, 4)).astype("float32"), RANDOM.integers(0, 3, 160)


def model(cls=keras.Model, optimizer=keras.optimizers.Adam, **compiled):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    x = layers.BatchNormalization()(layers.Dense(8, activation="relu")(inputs))
    made = cls(inputs, layers.Dense(3, activation="softmax")(layers.Dropout(0.5)(x)))
    jitted = keras.backend.backend() == "jax" and not compiled.get("run_eagerly")
    options = {"metrics": ["accuracy"], "jit_compile": jitted, **compiled}
    made.compile(optimizer(), "sparse_categorical_crossentropy", **options)
    return made


def fit(made, x, y, *callbacks, **options):
    keras.utils.set_random_seed(1)  # On PyTorch, Dropout draws from the generator that everything shares.
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


def test_a_gradient_that_is_nan_ends_training_before_it_reaches_the_weights():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    x = keras.ops.sqrt(layers.Rescaling(0.0)(layers.Dense(4)(inputs)))
    made = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    made.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    before, watch = made.get_weights(), Watch(fail_on="never")
    fit(made, X, Y, watch, epochs=2)
    assert "B013" in {one.code for one in watch.report.findings}
    for one, other in zip(made.get_weights(), before, strict=True):
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


class OwnStep(keras.Model):
    """A model with a training step of its own."""

    def train_step(self, *arguments):
        return super().train_step(*arguments)


class Rows(keras.utils.PyDataset):
    """Arrays as a dataset, whose batches workers fetch."""

    def __init__(self, x, y, **options):
        super().__init__(**options)
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x) // 16

    def __getitem__(self, place):
        rows = slice(16 * place, 16 * place + 16)
        return self.x[rows], self.y[rows]


def as_arrays(x, y):
    return {"x": x, "y": y, "batch_size": 16, "shuffle": False}


def as_weighted(x, y):
    return {**as_arrays(x, y), "class_weight": {0: 1.0, 1: 2.0, 2: 1.0}, "validation_data": (x[:16], y[:16])}


def as_dataset(x, y):
    return {"x": Rows(x, y, workers=2), "shuffle": False}


def as_generator(x, y):
    def batches():
        while True:
            for place in range(0, len(x), 16):
                yield x[place : place + 16], y[place : place + 16]

    return {"x": batches(), "steps_per_epoch": len(x) // 16, "shuffle": False}


def adam(**options):
    return lambda: keras.optimizers.Adam(**options)


def mixed():
    """A model in float16 with a scaled loss."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    x = layers.Dense(8, activation="relu", dtype="mixed_float16")(inputs)
    made = keras.Model(inputs, layers.Dense(3, activation="softmax", dtype="float32")(x))
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
    made.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    return made


WAYS = {
    "custom step, weights and validation": (lambda: model(OwnStep), as_weighted),
    "PyDataset with workers, moving average": (
        lambda: model(optimizer=adam(use_ema=True, ema_overwrite_frequency=3)),
        as_dataset,
    ),
    "generator, accumulation": (lambda: model(optimizer=adam(gradient_accumulation_steps=2)), as_generator),
    "several steps at once": (lambda: model(steps_per_execution=4), as_arrays),
    "eager": (lambda: model(run_eagerly=True), as_arrays),
    "mixed precision": (mixed, as_arrays),
}


ON_PYTORCH_ONE_STEP_AT_A_TIME = pytest.mark.backend("tensorflow", "jax")


@pytest.mark.parametrize(
    "way",
    [pytest.param(one, marks=ON_PYTORCH_ONE_STEP_AT_A_TIME) if one == "several steps at once" else one for one in WAYS],
)
@pytest.mark.filterwarnings("ignore:Your `PyDataset`")
def test_every_way_to_fit_is_watched_and_stays_what_it_is(way):
    check_way(*WAYS[way])


def check_way(build, data):
    """Training is what it is without Watch, to the last bit, and NaN in step 8 ends it with the weights from before.

    On JAX, Keras once wrote the state from the beginning of `fit` into the variables during a look.
    """
    plain, watched = build(), build()
    watch = Watch("raise", every=3, ignore=["K"])
    histories = []
    for made, callbacks in ((plain, []), (watched, [watch])):
        keras.utils.set_random_seed(1)
        histories.append(made.fit(**data(X, Y), epochs=2, verbose=0, callbacks=callbacks).history)
    assert histories[0] == histories[1]
    for one, other in zip(plain.variables, watched.variables, strict=True):
        assert (keras.ops.convert_to_numpy(one) == keras.ops.convert_to_numpy(other)).all()
    for one, other in zip(plain.optimizer.variables, watched.optimizer.variables, strict=True):
        assert (keras.ops.convert_to_numpy(one) == keras.ops.convert_to_numpy(other)).all()
    assert {"B013", "B017", "B022"} <= set(watch.report.models[0].ran)
    x = X.copy()
    x[16 * 7 + 1] = np.nan
    watch = Watch(fail_on="never")
    broken = build()
    broken.fit(**data(x, Y), epochs=2, verbose=0, callbacks=[watch])
    (found,) = [one for one in watch.report.findings if one.code == "B013"]
    # But for TensorFlow, Keras takes the first batch of a PyDataset to build with, and trains from the second on.
    step = 7 if keras.backend.backend() != "tensorflow" and data is as_dataset else 8
    assert found.message == f"in step {step}: the batch holds 4 NaN of 64 numbers"
    assert all(np.isfinite(one).all() for one in broken.get_weights())


@pytest.mark.backend("jax")
def test_data_in_parallel():
    def build():
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=keras.distribution.list_devices()))
        return model()

    try:
        check_way(build, as_arrays)
    finally:
        keras.distribution.set_distribution(None)
