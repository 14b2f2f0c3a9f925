"""How a fixed model is compiled, and the state of its optimizer."""

import keras
import numpy as np
import pytest
from keras import layers

from graphlint.fixes.training import carry_training
from graphlint.knowledge import keras_internals


@pytest.fixture(autouse=True)
def names():
    keras.utils.clear_session(free_memory=False)


def chain(*units, start=4, **flags):
    """Layers by name, one after another; ``first=3`` is a Dense of three units."""
    x = inputs = keras.Input((start,), name="x")
    for name, size in units:
        x = layers.Dense(size, name=name, trainable=flags.get(name, True))(x)
    return keras.Model(inputs, x, name="net")


def trained(model, steps=3):
    """Compiled, with an optimizer whose every variable has a number of its own."""
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse", metrics=["mae"], loss_weights=[0.5])
    model.optimizer.build(model.trainable_variables)
    for number, one in enumerate(model.optimizer.momentums, 1):
        one.assign(np.full(one.shape, number, "float32"))
    model.optimizer.iterations.assign(steps)
    model.optimizer.learning_rate = 0.25
    return model


def slots(model):
    """What the optimizer keeps for each variable, which is one number everywhere."""
    held = zip(keras_internals.optimized_variables(model.optimizer), model.optimizer.momentums, strict=True)
    return [(one.path, *np.unique(keras.ops.convert_to_numpy(kept)).tolist()) for one, kept in held]


def steps(model):
    return int(model.optimizer.iterations)


def test_a_model_that_was_not_compiled():
    new = chain(("a", 2))
    assert carry_training(chain(("a", 2)), new) == [] and not new.compiled


def test_state_stays_with_the_variables_that_stay():
    old = trained(chain(("a", 3), ("gone", 3), ("b", 2), ("c", 2)))
    new = chain(("a", 3), ("b", 5), ("c", 2), ("new", 2))
    assert carry_training(old, new) == []
    assert slots(new) == [
        ("a/kernel", 1),
        ("a/bias", 2),
        ("b/kernel", 0),
        ("b/bias", 0),
        ("c/kernel", 0),
        ("c/bias", 8),
        ("new/kernel", 0),
        ("new/bias", 0),
    ]
    assert steps(new) == 3 and float(new.optimizer.learning_rate) == 0.25
    assert new.get_compile_config() == old.get_compile_config() | {"optimizer": new.get_compile_config()["optimizer"]}
    assert [one[1:] for one in slots(old)] == [(number,) for number in range(1, 9)]


def test_what_was_frozen_after_the_training_keeps_its_state():
    old, new = trained(chain(("a", 3), ("b", 2))), chain(("a", 3), ("b", 2), a=False)
    assert carry_training(old, new) == []
    assert slots(new) == slots(old)


def test_layers_of_one_name_in_several_models_are_told_apart():
    def pair(*names):
        x = inputs = keras.Input((4,), name="x")
        for name in names:
            inner = keras.Input((4,), name="i")
            x = keras.Model(inner, layers.Dense(4, name="code", use_bias=False)(inner), name=name)(x)
        return keras.Model(inputs, layers.Dense(4, name="code_kernel", use_bias=False)(x))

    old, new, less = trained(pair("first", "second")), pair("first", "second"), pair("second")
    assert carry_training(old, new) == []
    assert [one[1:] for one in slots(new)] == [(1,), (2,), (3,)] == [one[1:] for one in slots(old)]
    assert carry_training(old, less) == [] and [one[1:] for one in slots(less)] == [(2,), (3,)]


def test_a_layer_that_moved_into_another_model_has_no_state():
    def around(name):
        inputs, inner = keras.Input((4,), name="x"), keras.Input((4,), name="i")
        nested = keras.Model(inner, layers.Dense(4, name="code_kernel", use_bias=False)(inner), name=name)
        return keras.Model(inputs, nested(layers.Dense(4, name="code", use_bias=False)(inputs)))

    old, new = trained(around("one")), around("other")
    assert carry_training(old, new) == []
    assert [one[1:] for one in slots(new)] == [(1,), (0,)]


def test_nothing_left_to_train():
    inputs = keras.Input((4,), name="x")
    new = keras.Model(inputs, layers.ReLU()(inputs))
    assert carry_training(trained(chain(("a", 4))), new) == []
    assert slots(new) == [] and new.compiled and new.optimizer.built


@pytest.mark.parametrize("why", ["asked", "never built", "never used"])
def test_an_optimizer_without_a_state(why):
    old = trained(chain(("a", 2)), 0 if why == "never used" else 3)
    if why == "never built":
        old.compile("sgd", "mse")
        assert not old.optimizer.built
    new = chain(("a", 2))
    assert carry_training(old, new, keep_state=why != "asked") == []
    assert new.compiled and not new.optimizer.built and steps(new) == 0
    assert new.loss == "mse" and new.optimizer is not old.optimizer


def test_a_model_without_an_optimizer_stays_compiled():
    old, new = chain(("a", 2)), chain(("a", 2))
    old.compile(optimizer=None, loss="mae")
    assert carry_training(old, new) == []
    assert new.compiled and new.optimizer is None and new.loss == "mae"


@pytest.mark.parametrize(
    ("given", "losses", "expected"),
    [
        ("mse", None, ["mse"]),
        ("mse", {}, ["mse"]),
        ("mse", {None: "mae"}, ["mae"]),
        (["mse", "mae"], {1: "huber"}, ["mse", "huber"]),
        ({"a": "mse", "b": "mae"}, {"b": "huber"}, {"a": "mse", "b": "huber"}),
    ],
)
def test_losses_are_replaced(given, losses, expected):
    def several():
        inputs = keras.Input((4,))
        made = [layers.Dense(2, name=name)(inputs) for name in ("a", "b")[: 1 if isinstance(given, str) else 2]]
        return keras.Model(inputs, made)

    old, new = several(), several()
    old.compile("sgd", given)
    assert carry_training(old, new, losses) == []
    assert new.loss == (expected[0] if isinstance(given, str) else expected)


def raw(y_true, y_pred):
    return keras.ops.mean(y_true - y_pred)


@pytest.mark.parametrize("mine", [raw, lambda y_true, y_pred: raw(y_true, y_pred)], ids=["function", "lambda"])
@pytest.mark.parametrize("losses", [None, {"a": "huber"}])
def test_functions_of_the_user_are_kept(mine, losses):
    def several():
        inputs = keras.Input((4,))
        return keras.Model(inputs, {name: layers.Dense(2, name=name)(inputs) for name in "ab"})

    old, new = several(), several()
    old.compile("sgd", {"a": "mse", "b": mine}, metrics={"a": [mine, "mae"]})
    assert carry_training(old, new, losses) == []
    assert new.loss == {"a": "huber" if losses else "mse", "b": mine}
    assert new.optimizer is not old.optimizer and type(new.optimizer) is type(old.optimizer)
    held = keras_internals.compile_arguments(new)["metrics"]["a"]
    assert held[0] is mine


@pytest.mark.parametrize("mine", [raw, lambda y_true, y_pred: raw(y_true, y_pred)], ids=["function", "lambda"])
@pytest.mark.parametrize(("given", "place"), [(lambda one: {"a": "mse", "b": one}, "a"), (lambda one: ["mse", one], 0)])
def test_a_loss_is_replaced_beside_a_function_of_the_user(mine, given, place):
    def several():
        inputs = keras.Input((4,))
        made = {name: layers.Dense(2, name=name)(inputs) for name in "ab"}
        return keras.Model(inputs, made if place == "a" else list(made.values()))

    old, new = several(), several()
    old.compile("sgd", given(mine))
    written = keras.saving.serialize_keras_object(keras.losses.BinaryCrossentropy(from_logits=True))
    assert carry_training(old, new, {place: written}) == []
    loss = new.loss[place]
    assert isinstance(loss, keras.losses.BinaryCrossentropy) and loss.get_config()["from_logits"]
    assert new.loss["b" if place == "a" else 1] is mine


def test_a_model_that_says_nothing_of_how_it_was_compiled():
    class Silent(keras.Model):
        def get_compile_config(self):
            return {}

    inputs = keras.Input((4,))
    old, new = Silent(inputs, layers.Dense(2)(inputs)), chain(("a", 2))
    old.compile("adam", "mse")
    assert carry_training(old, new) == []
    assert new.loss == "mse" and type(new.optimizer) is keras.optimizers.Adam


def test_what_cannot_be_compiled_again_is_said():
    class Fixed(keras.Model):
        def compile(self, *args, **kwargs):
            raise TypeError("nobody compiles this")

        def compile_from_config(self, config):
            self.compile(**config)

    inputs = keras.Input((4,))
    old, new = chain(("a", 2)), Fixed(inputs, layers.Dense(2)(inputs))
    old.compile("sgd", "mse")
    assert carry_training(old, new) == ["not compiled: TypeError: nobody compiles this"] and not new.compiled
