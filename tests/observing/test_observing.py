"""One batch is run on a copy of the state: what it says, and that nothing remains of it."""

import random

import keras
import numpy as np
import pytest
from keras import layers, ops

import graphlint
from graphlint.observing.batches import take
from graphlint.observing.keeping import all_variables, trained_with
from tests.models import ARCHITECTURES

RANDOM = np.random.default_rng(0)


def codes(report):
    return [one.code for one in report.findings if one.severity != "info"]


def classifier(*, loss="sparse_categorical_crossentropy"):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        "adam", loss, metrics=["accuracy", keras.metrics.AUC(name="area")] if loss[0] == "c" else ["accuracy"]
    )
    return model


def fingerprint(model):
    """All that there is to see of a model: values, bit for bit, and every attribute of each object by identity."""
    values = [(id(one), np.asarray(one).tobytes()) for one in all_variables(model)]
    owners = [*model._flatten_layers(), *trained_with(model)]
    attributes = [(id(one), {key: id(value) for key, value in vars(one).items()}) for one in owners]
    lists = [
        [id(item) for item in value]
        for one in owners
        for value in vars(one).values()
        if isinstance(value, (list, tuple))
    ]
    names = keras.src.backend.common.global_state.get_global_attribute("object_name_uids")
    drawn = np.random.get_state()
    return values, attributes, lists, dict(names or {}), drawn[1].tobytes(), drawn[2], random.getstate()


X, Y = RANDOM.normal(size=(64, 4)).astype("float32"), RANDOM.integers(0, 3, 64)


def test_nothing_remains_of_a_run():
    model = classifier()
    model.fit(X, Y, verbose=0)
    before = fingerprint(model)
    assert codes(graphlint.check(model, data=(X, Y))) == []
    assert fingerprint(model) == before


def test_nothing_remains_of_a_model_that_was_never_built():
    model = keras.Sequential([layers.Dense(8, activation="relu"), layers.BatchNormalization(), layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = fingerprint(model)
    report = graphlint.check(model, data=(X, Y))
    assert codes(report) == [] and len(report.graph.observations.gradients) == 6
    assert fingerprint(model) == before and not model.built
    keras.utils.set_random_seed(0)
    model.fit(X, Y, verbose=0)


class Changes(keras.layers.Layer):
    """Changes all that a layer may hold in each call that is not traced, and then raises if it is asked to."""

    def __init__(self):
        super().__init__()
        self.raises, self.calls, self.seen, self.total = None, 0, [], np.zeros(3)
        self.draws, self.noise = np.random.default_rng(0), keras.random.SeedGenerator(1)
        self.counter = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        if not ops.is_tensor(x) or self.raises is None:
            return x
        self.calls += 1
        self.seen.append(x)
        self.total += self.draws.normal(size=3)
        self.counter.assign_add(1.0)
        x = x + keras.random.normal(ops.shape(x), seed=self.noise) + np.random.normal()
        if self.raises is not Nothing:
            raise self.raises("no")
        return x

    def state(self):
        return self.calls, len(self.seen), self.total.tolist(), self.draws.bit_generator.state


class Nothing(Exception):
    """Stands for no exception."""


ON_JAX_NO_METRIC_RUNS = pytest.mark.backend("tensorflow", "torch")


@pytest.mark.parametrize(
    "where", ["forward", "interrupt", "loss", pytest.param("metric", marks=ON_JAX_NO_METRIC_RUNS), "step"]
)
def test_nothing_remains_after_an_exception(where):
    asked = []

    def loss(y_true, y_pred):
        if "loss" in asked:
            raise ValueError("no loss")
        return ops.mean(ops.square(y_true - y_pred), axis=-1)

    def error(y_true, y_pred):
        if "metric" in asked:
            raise ValueError("no metric")
        return ops.mean(ops.abs(y_true - y_pred), axis=-1)

    class Trainer(keras.Model):
        def train_step(self, *args):
            done = super().train_step(*args)
            if "step" in asked:
                raise RuntimeError("no step")
            return done

    changes, inputs = Changes(), keras.Input((4,))
    x = layers.Dropout(0.5)(layers.BatchNormalization()(changes(layers.Dense(8)(inputs))))
    model = Trainer(inputs, layers.Dense(1)(x))
    model.compile("adam", loss, metrics=[error, "mse"], run_eagerly=True)
    model.fit(X, X[:, :1], verbose=0)
    asked.append(where)
    changes.raises = {"forward": RuntimeError, "interrupt": KeyboardInterrupt}.get(where, Nothing)
    before, held = fingerprint(model), changes.state()
    assert any(np.asarray(one).any() for one in model.optimizer.variables)
    assert any(np.asarray(one).any() for one in model.metrics_variables)
    if where == "interrupt":
        with pytest.raises(KeyboardInterrupt):
            graphlint.check(model, data=(X, X[:, :1]))
    else:
        report = graphlint.check(model, data=(X, X[:, :1]), extend_select=["B001"])
        failure = report.graph.observations.failure
        assert "B001" in codes(report) and failure.stage == ("step" if where == "metric" else where)
        assert f"no {where}" in failure.message or where == "forward"
    assert fingerprint(model) == before and changes.state() == held


@pytest.mark.backend("tensorflow")
def test_variables_and_random_numbers_of_tensorflow_remain():
    import tensorflow as tf

    class Draws(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.generator, self.parts = tf.random.Generator.from_seed(0), {"count": tf.Variable(0.0)}

        def call(self, x):
            if ops.is_tensor(x):
                self.parts["count"].assign_add(1.0)
                x = x + self.generator.normal(tf.shape(x)) + tf.random.normal(tf.shape(x))
                x = x + tf.random.get_global_generator().normal(tf.shape(x))
            return x

        def compute_output_spec(self, x):
            return keras.KerasTensor(x.shape, dtype=x.dtype)

    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1)(Draws()(inputs)))
    model.compile("sgd", "mse")
    drawn, states = [], []
    for looked in (False, True):
        tf.random.set_seed(3)
        tf.random.set_global_generator(tf.random.Generator.from_seed(5))
        if looked:
            assert graphlint.check(model, data=(X, X[:, :1]), select=["B"]).graph.observations.failure is None
        draws = model.layers[1]
        assert draws.parts["count"].numpy() == 0
        drawn.append([tf.random.normal((2,)).numpy(), tf.random.get_global_generator().normal((2,)).numpy()])
        states.append(draws.generator.state.numpy().tolist())
    assert (np.asarray(drawn[0]) == np.asarray(drawn[1])).all() and states[0] == states[1]


def test_gradients_are_those_of_the_optimizer_and_none_is_applied():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, use_bias=False, name="dense")])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    target = RANDOM.normal(size=(8, 3)).astype("float32")
    kernel = np.asarray(model.layers[0].kernel)
    seen = graphlint.check(model, data=(X[:8], target)).graph.observations
    expected = X[:8].T @ (X[:8] @ kernel - target) * 2 / target.size
    assert seen.gradients["dense@kernel"].norm == pytest.approx(np.linalg.norm(expected), rel=1e-4)
    assert seen.loss == pytest.approx(np.mean((X[:8] @ kernel - target) ** 2), rel=1e-5)
    assert (np.asarray(model.layers[0].kernel) == kernel).all() and seen.learning_rate == 1


def test_a_training_step_of_its_own():
    class Two(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.last = layers.Dense(3), layers.Dense(1)

        def call(self, x):
            return self.last(ops.tanh(self.first(x)))

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ops.mean(ops.abs(y_pred - y)) * 2

    model = Two()
    model.compile("adam")
    seen = graphlint.check(model, data=(X, X[:, :1])).graph.observations
    assert set(seen.gradients) == {"first@kernel", "first@bias", "last@kernel", "last@bias"}
    assert [call.layer for call in seen.calls] == ["first", "last", "."] and not model.built


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return X[index * 16 : index * 16 + 16], Y[index * 16 : index * 16 + 16]


def generator():
    yield X[:16], Y[:16]


@pytest.mark.parametrize(
    "data",
    [(X, Y), Batches(), generator(), [(X, Y)], (X.tolist(), Y.tolist())],
    ids=["arrays", "PyDataset", "generator", "list of batches", "lists"],
)
def test_every_kind_of_data(data):
    batch = take(data)
    assert batch.x.shape[1:] == (4,) and batch.x.dtype == "float32" and batch.rows == len(batch.y)


def test_rows_of_arrays_are_taken_from_all_over_them():
    batch = take((np.arange(10000.0)[:, None], np.arange(10000)))
    assert batch.y[0] == 0 and batch.y[-1] == 9999 and batch.rows == 128 and batch.of_rows == 10000


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (3.0, "scalars"),
        ("x", "got str"),
        ((X, Y[:3]), "3 and 64"),
        ((X[:0], Y[:0]), "without rows"),
        (iter(()), "empty"),
        ((X, Y, None, None), "a tuple of 4"),
    ],
)
def test_what_is_no_batch_is_refused(data, said):
    with pytest.raises(graphlint.GraphlintError, match=said):
        graphlint.check(classifier(), data=data)


def test_data_for_a_file_is_refused(tmp_path):
    classifier().save(tmp_path / "model.keras")
    with pytest.raises(graphlint.GraphlintError, match="of which nothing is run"):
        graphlint.check(tmp_path / "model.keras", data=(X, Y))


def test_rules_that_lack_something_say_so():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    skipped = {one.code: one.reason for one in graphlint.check(model, data=X).models[0].skipped_rules}
    assert skipped["B003"] == "needs targets in the batch" and skipped["B011"] == "needs a compiled model"
    assert "B013" in graphlint.check(model, data=X).models[0].ran


def test_assert_clean_takes_data():
    graphlint.assert_clean(classifier(), data=(X, Y))
    with pytest.raises(AssertionError, match="B003"):
        graphlint.assert_clean(classifier(), data=(X, Y + 1))


@pytest.mark.parametrize(
    "name", ["residual_zero_gamma", "mixed_precision_classifier", "attention_pooling", "lora_fine_tuning"]
)
def test_well_made_models_are_silent(name):
    from tests.benchmarks.batch.plausible import plausible

    model = ARCHITECTURES[name]()
    x, y = plausible(model)
    assert codes(graphlint.check(model, data=(x, y), select=["B"])) == []


@pytest.mark.parametrize(
    ("loss", "targets", "expected"),
    [
        ("sparse_categorical_crossentropy", np.eye(3)[Y], ["B002"]),
        ("sparse_categorical_crossentropy", Y / 2, ["B003"]),
        ("sparse_categorical_crossentropy", Y - 1, ["B003"]),
        ("categorical_crossentropy", Y, ["B002"]),
        ("categorical_crossentropy", np.eye(3)[Y] * 2, ["B004"]),
        ("categorical_crossentropy", np.eye(3)[Y], []),
        ("sparse_categorical_crossentropy", Y[:, None], []),
    ],
)
def test_targets(loss, targets, expected):
    assert codes(graphlint.check(classifier(loss=loss), data=(X, targets), select=["B"])) == expected


def test_a_class_that_is_ignored_is_no_odd_index():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1))
    assert codes(graphlint.check(model, data=(X, np.where(Y == 2, -1, Y)), select=["B"])) == []


@pytest.mark.parametrize(
    "before",
    [
        # Only TensorFlow multiplies the infinite slope of the root by the 0 of the relu.
        pytest.param(lambda: layers.ReLU(name="before"), marks=pytest.mark.backend("tensorflow")),
        lambda: layers.Rescaling(0.0, name="before"),
    ],
)
def test_gradients_that_break_on_the_way_back_are_traced_to_the_operation(before):
    inputs = keras.Input((4,))
    x = ops.sqrt(before()(layers.Dense(8)(inputs)))
    model = keras.Model(inputs, layers.Dense(1)(x))
    model.compile("adam", "mse")
    (found,) = graphlint.check(model, data=(X, X[:, :1]), select=["B013"]).findings
    assert found.location.layer.startswith("sqrt") and "before" in found.message
