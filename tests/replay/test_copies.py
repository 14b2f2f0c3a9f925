"""What is copied is compared, what no edit touches is not copied, and copies share nothing."""

import functools
import threading

import keras
import numpy as np
import pytest
from keras import layers, ops

import graphlint
from graphlint.errors import CannotClone, FixError
from graphlint.replay.clone import clone, clone_what_can_be
from graphlint.replay.edit import edit
from graphlint.replay.verify import verify
from tests.models.lossy_layers import ForgetsActivation, ForgetsScale, InClosure, InObject, OfTheBackend


class ForgetsRate(layers.Layer):
    """Differs in training only."""

    def __init__(self, rate=0.0, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator(1)

    def call(self, x, training=None):
        return keras.random.dropout(x, self.rate, seed=self.seed_generator) if training else x

    def get_config(self):
        return {"name": self.name}


class SetsLater(layers.Layer):
    factor = 1.0

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.factor = 1.0

    def call(self, x):
        return x * self.factor


class InPartial(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.function = functools.partial(ops.matmul, x2=keras.Variable(np.random.rand(4, 3), dtype="float32"))

    def call(self, x):
        return self.function(x)


class RandomTable(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.table = np.random.rand(4, 3).astype("float32")

    def call(self, x):
        return ops.matmul(x, self.table)


class Faithful(layers.Layer):
    """Holds much that looks like state and is none, or is told in the configuration."""

    def __init__(self, units, offsets=(1.0, 2.0), **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.offsets = list(offsets)
        self.calls = 0
        self.inner = [layers.Dense(units, name="first"), layers.Dropout(0.5, seed=3, name="drop")]
        self.activation = keras.activations.get("relu")
        self.by_name = {"last": layers.Dense(units, name="last")}

    def call(self, x, training=None):
        self.calls += 1
        for layer in self.inner:
            x = layer(x, training=training) if isinstance(layer, layers.Dropout) else layer(x)
        return self.activation(self.by_name["last"](x)) + self.offsets[1]

    def get_config(self):
        return {**super().get_config(), "units": self.units, "offsets": self.offsets}


def around(layer, size=4):
    inputs = keras.Input((size,), name="x")
    x = layers.Dropout(0.0, name="idle")(layer(inputs))
    return keras.Model(inputs, layers.Dense(2, name="out")(x), name="net")


def later():
    layer = SetsLater(name="c")
    layer.factor = 3.0
    return layer


LOSSY = {
    "an argument": (lambda: ForgetsActivation(act="tanh", name="c"), "leaves out the argument 'act'"),
    "a number": (lambda: ForgetsScale(3.0, name="c"), "leaves out the argument 'scale'"),
    "in training": (lambda: ForgetsRate(0.5, name="c"), "leaves out the argument 'rate'"),
    "an attribute": (later, "'factor' is 3.0, and 1.0 in the copy"),
    "an object": (lambda: InObject(name="c"), "Dense in 'bag'"),
    "a closure": (lambda: InClosure(name="c"), "Dense in 'function'"),
    "a partial": (lambda: InPartial(name="c"), "Variable in 'function'"),
    "tf.Variable": (lambda: OfTheBackend(name="c"), "ResourceVariable in 'w'"),
    "an array": (lambda: RandomTable(name="c"), "'table' is"),
}


@pytest.mark.parametrize("kind", LOSSY)
def test_a_copy_that_does_something_else_is_refused_with_the_layer_and_why(kind):
    make, why = LOSSY[kind]
    model = around(make())
    for surgery in (clone, lambda one: clone(one, weights="init"), lambda one: edit(one).freeze("c").build()):
        with pytest.raises(CannotClone) as raised:
            surgery(model)
        assert f"{type(model.get_layer('c')).__name__} 'c' at c#0" in str(raised.value)
        assert why in str(raised.value)
        assert "\n" not in str(raised.value)


@pytest.mark.filterwarnings("ignore::graphlint.TieNotSaved")
@pytest.mark.parametrize("kind", LOSSY)
def test_edits_copy_no_layer_that_they_do_not_touch(kind):
    model = around(LOSSY[kind][0]())
    model.get_layer("out").bias.assign([1.0, 2.0])
    custom = model.get_layer("c")
    for changed in (
        edit(model).freeze("out").build(),
        edit(model).remove("idle").freeze("out").build(),
        edit(model).remove("idle").build(),
        edit(edit(model).insert_after("out", layers.Dense(2, name="two")).build()).tie("out@bias", "two@bias").build(),
    ):
        assert changed.get_layer("c") is custom
    frozen = edit(model).freeze("out").build()
    assert not frozen.get_layer("out").trainable and model.get_layer("out").trainable
    assert all(one.trainable for one in model.get_layer("out").weights)
    assert verify(model, frozen).exact


@pytest.mark.parametrize("kind", LOSSY)
def test_fix_keeps_a_layer_that_it_cannot_copy_and_says_so(kind):
    model = around(LOSSY[kind][0]())
    fixed, report = graphlint.fix(model, select="R001")
    assert [one.finding.code for one in report.applied] == ["R001"]
    assert report.difference == 0
    assert fixed.get_layer("c") is model.get_layer("c")
    assert fixed.get_layer("out") is not model.get_layer("out")
    assert LOSSY[kind][1] in report.notes[0] and "the same layers in both models: c" in report.notes[0]


def test_what_cannot_be_copied_is_in_both():
    layer = InObject(name="c")
    model = around(layer)
    copy, errors = clone_what_can_be(model)
    assert [error.layers for error in errors] == [[layer]]
    assert copy.get_layer("c") is layer and copy.get_layer("out") is not model.get_layer("out")
    frozen = layers.Dense(3, name="frozen", trainable=False)
    whole, errors = clone_what_can_be(around(frozen))
    assert errors == [] and whole.get_layer("frozen") is not frozen and not whole.get_layer("frozen").trainable


def test_fix_does_not_change_what_it_cannot_copy():
    inputs = keras.Input((4,), name="b")
    base = keras.Model(inputs, ForgetsScale(2.0, name="c")(layers.Dense(4, name="d")(inputs)), name="base")
    base.trainable = False
    base.get_layer("d").trainable = True
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2, name="out")(base(inputs)))
    fixed, report = graphlint.fix(model, select="T001", unsafe=True)
    assert fixed is model and not report
    assert "leaves out the argument 'scale'" in report.left[0].reason
    with pytest.raises(FixError):
        raise FixError(report.left[0].reason)


def test_faithful_code_is_copied_without_a_word():
    model = around(Faithful(3, name="c"))
    copy = clone(model)
    found = verify(model, copy)
    assert found and found.exact and found.shared == 0


def test_random_code_that_keras_does_not_control_is_said():
    class Noise(layers.Layer):
        def call(self, x):
            return x + ops.convert_to_tensor(np.random.rand(4).astype("float32"))

    with pytest.warns(graphlint.NotMeasured, match="random in a way"):
        clone(around(Noise(name="c")))


def test_a_subclassed_model_is_compared_too():
    class Scaled(keras.Model):
        def __init__(self, scale=1.0, **kwargs):
            super().__init__(**kwargs)
            self.dense = layers.Dense(3)
            self.scale = scale

        def call(self, x):
            return self.dense(x) * self.scale

        def get_config(self):
            return {}

    model = Scaled(2.0)
    model(np.ones((2, 4)))
    with pytest.raises(CannotClone, match="leaves out the argument 'scale'"):
        clone(model)
    plain = Scaled()
    plain(np.ones((2, 4)))
    np.testing.assert_array_equal(clone(plain)(np.ones((2, 4))), plain(np.ones((2, 4))))


def test_a_lambda_that_reads_its_module_is_copied():
    model = around(layers.Lambda(lambda x: ops.relu(x) * np.float32(2), name="c"))
    assert verify(model, clone(model)).exact


@pytest.mark.filterwarnings("ignore::graphlint.TieNotSaved")
def test_ties_to_layers_that_are_not_copied_stay():
    inputs = keras.Input((4,), name="x")
    x = inputs
    for name in "abc":
        x = layers.Dense(4, name=name)(x)
    model = keras.Model(inputs, x)
    tied = edit(model).tie("a@kernel", "b@kernel").tie("b@kernel", "c@kernel").build()
    assert tied.get_layer("a") is model.get_layer("a")
    assert {id(tied.get_layer(name).kernel) for name in "abc"} == {id(model.get_layer("a").kernel)}
    assert model.count_params() == 60 and tied.count_params() == 28
    biased = edit(tied).tie("a@bias", "b@bias").build()
    assert biased.get_layer("b").kernel is tied.get_layer("a").kernel
    frozen = edit(tied).freeze("b").build()
    assert not frozen.get_layer("a").kernel.trainable and tied.get_layer("a").kernel.trainable
    assert frozen.get_layer("a").kernel is frozen.get_layer("b").kernel is frozen.get_layer("c").kernel
    assert verify(tied, frozen).exact and not verify(tied, frozen).ties


def test_a_layer_of_a_wrapper_and_a_model_inside_are_frozen():
    inner = keras.Input((3, 4), name="i")
    each = layers.TimeDistributed(layers.Dense(4, name="dense"), name="each")
    encoder = keras.Model(inner, each(inner), name="encoder")
    one, two = keras.Input((3, 4), name="one"), keras.Input((3, 4), name="two")
    model = keras.Model([one, two], layers.Dense(2, name="out")(layers.Add(name="add")([encoder(one), encoder(two)])))
    for address in ("encoder", "encoder/each", "encoder/each/layer"):
        frozen = edit(model).freeze(address).build()
        assert len(frozen.trainable_variables) == 2 and len(model.trainable_variables) == 4, address
        assert frozen.get_layer("out") is model.get_layer("out")
        assert verify(model, frozen).exact
    whole = edit(model).freeze(".").build()
    assert not whole.trainable_variables and len(model.trainable_variables) == 4


def trained():
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2, name="out")(layers.Dense(3, name="hidden", activation="relu")(inputs)))
    model.compile("adam", "mse")
    data = np.random.default_rng(0).normal(size=(16, 4)).astype("float32"), np.ones((16, 2), "float32")
    model.fit(*data, epochs=2, verbose=0, shuffle=False)
    return model, data


def optimizer_state(model):
    return [keras.ops.convert_to_numpy(one) for one in model.optimizer.variables]


def test_a_model_that_was_frozen_after_training_keeps_its_optimizer_state():
    model, data = trained()
    model.get_layer("hidden").trainable = False
    copy = clone(model)
    assert len(copy.optimizer.variables) == len(model.optimizer.variables)
    for one, other in zip(optimizer_state(model), optimizer_state(copy), strict=True):
        np.testing.assert_array_equal(one, other)
    before = copy.get_layer("hidden").get_weights()
    copy.fit(*data, verbose=0)
    assert int(copy.optimizer.iterations) == int(model.optimizer.iterations) + 1
    for one, other in zip(before, copy.get_layer("hidden").get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_fix_keeps_the_state_of_what_was_frozen_after_training():
    inputs = keras.Input((4,), name="x")
    x = layers.Dropout(0.0, name="idle")(layers.Dense(3, name="hidden", activation="relu")(inputs))
    model = keras.Model(inputs, layers.Dense(2, name="out")(x))
    model.compile("adam", "mse")
    model.fit(np.ones((8, 4)), np.ones((8, 2)), epochs=2, verbose=0)
    model.get_layer("hidden").trainable = False
    fixed, report = graphlint.fix(model, select="R001")
    assert report
    for one, other in zip(optimizer_state(model), optimizer_state(fixed), strict=True):
        np.testing.assert_array_equal(one, other)


def test_copies_are_given_no_memory_of_the_original(monkeypatch):
    """Where a backend hands out its own buffers, as JAX does, training one model would end the other."""
    model, _ = trained()
    handed_out = {}
    real = keras.ops.convert_to_numpy

    def zero_copy(value):
        if isinstance(value, keras.Variable):
            return handed_out.setdefault(id(value), (value, real(value)))[1]
        return real(value)

    given = []
    assign = keras.Variable.assign

    def watched(self, value):
        given.append(value)
        return assign(self, value)

    monkeypatch.setattr(keras.ops, "convert_to_numpy", zero_copy)
    monkeypatch.setattr(keras.Variable, "assign", watched)
    clone(model)
    graphlint.fix(model, select="P001")
    edit(model).freeze("hidden").build()
    buffers = [array for _, array in handed_out.values()]
    assert given and buffers
    for value in given:
        assert not isinstance(value, keras.Variable)
        if isinstance(value, np.ndarray):
            assert not any(np.shares_memory(value, buffer) for buffer in buffers)


def test_two_threads_may_operate_on_one_model():
    model, _ = trained()
    expected = model.get_weights()
    failures = []

    def work(number):
        try:
            for round_ in range(3):
                copy = clone(model)
                changed = edit(model).insert_after("hidden", layers.ReLU(name=f"relu_{number}_{round_}")).build()
                with pytest.raises(graphlint.ShapeMismatch):
                    edit(model).replace("hidden", layers.Dense(9, name=f"wide_{number}_{round_}")).build()
                assert verify(model, copy).exact and verify(model, changed).exact
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    for one, other in zip(expected, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
