"""Rules on parameters: what fires, and what must not."""

import keras
import numpy as np
import pytest
from keras import layers

from rules.parameters.bias_before_batchnorm import BiasBeforeBatchnorm
from rules.parameters.double_counted import DoubleCounted
from rules.parameters.duplicate_weights import DuplicateWeights
from rules.parameters.unreachable_parameters import UnreachableParameters
from tests.rules.front_ends import both, live

# -- P001 double-counted ----------------------------------------------------------------------------------------


def test_layers_that_hold_the_same(tmp_path):
    x = keras.Input((3, 4))
    dense = layers.Dense(4, name="dense")
    model = keras.Model(x, layers.TimeDistributed(dense, name="steps")(dense(x)))
    assert both(DoubleCounted(), model, tmp_path) == [
        ("", "info", "the layers add up to 40 parameters, the model has 20: dense and steps both hold 20")
    ]


def test_two_models_with_the_layers_of_one():
    x = keras.Input((4,))
    hidden = layers.Dense(4, name="hidden")(x)
    base = keras.Model(x, layers.Dense(4, name="last")(hidden), name="base")
    features = keras.Model(x, hidden, name="features")
    y = keras.Input((4,))
    model = keras.Model(y, [base(y), features(y)])
    (finding,) = live(DoubleCounted(), model)
    assert "add up to 60 parameters, the model has 40: base and features both hold 20" in finding[2]


def test_a_layer_called_twice_is_counted_once(tmp_path):
    x = keras.Input((4,))
    dense = layers.Dense(4)
    assert both(DoubleCounted(), keras.Model(x, dense(dense(x))), tmp_path) == []


# -- P002 duplicate-weights -------------------------------------------------------------------------------------


def pair(first="first", second="second", units=16, change=None, **kwargs):
    x = keras.Input((units,))
    one = layers.Dense(units, use_bias=False, name=first, **kwargs)
    other = layers.Dense(units, use_bias=False, name=second, **kwargs)
    model = keras.Model(x, other(one(x)))
    kernel = one.get_weights()[0].copy()
    other.set_weights([change(kernel) if change else kernel])
    return model


def test_equal_kernels(tmp_path):
    assert both(DuplicateWeights(), pair(), tmp_path) == [
        ("first@kernel", "info", "kernel [16, 16] (256 values) has a copy elsewhere, equal byte for byte")
    ]


def test_a_copied_submodel_is_one_finding(tmp_path):
    def tower(name):
        inside = [layers.Dense(16, name=f"{name}_{place}") for place in range(3)]
        return keras.Sequential([keras.Input((16,)), *inside], name=name)

    first, second = tower("left"), tower("right")
    second.set_weights(first.get_weights())
    x = keras.Input((16,))
    (finding,) = both(DuplicateWeights(), keras.Model(x, second(first(x))), tmp_path)
    assert finding[2].startswith("3 variables (768 values) have a copy elsewhere")


def last_differs(kernel):
    kernel[-1, -1] += 1e-3
    return kernel


@pytest.mark.parametrize(
    "build",
    [
        lambda: pair(change=last_differs),
        lambda: pair(change=lambda kernel: kernel.T),
        lambda: pair(units=8),
        lambda: pair(kernel_initializer="ones"),
        lambda: pair(second="target_second"),
        lambda: pair(second="ema"),
        lambda: pair("student/dense".replace("/", "_")),
    ],
    ids=["one number", "same numbers elsewhere", "small", "constant", "target network", "average", "student"],
)
def test_kernels_that_differ_or_are_copies_on_purpose(build, tmp_path):
    assert both(DuplicateWeights(), build(), tmp_path) == []


# -- P003 bias-before-batchnorm ---------------------------------------------------------------------------------


def normalised(layer, norm=None, shape=(8, 8, 3), also=False):
    x = keras.Input(shape)
    y = layer(x)
    z = (norm or layers.BatchNormalization())(y)
    return keras.Model(x, [z, layers.ReLU()(y)] if also else z)


def test_all_biases_are_one_finding(tmp_path):
    x = keras.Input((8, 8, 3))
    y = x
    for place in range(3):
        y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", name=f"conv_{place}")(y)))
    assert both(BiasBeforeBatchnorm(), keras.Model(x, y), tmp_path) == [
        ("conv_0", "info", "3 layers add biases (12 parameters) that the following BatchNormalization subtracts")
    ]


@pytest.mark.parametrize(
    ("layer", "norm", "also"),
    [
        (lambda: layers.Conv2D(4, 3, use_bias=False), None, False),
        (lambda: layers.Conv2D(4, 3, activation="relu"), None, False),
        (lambda: layers.Conv2D(4, 3), None, True),
        (lambda: layers.Conv2D(4, 3), lambda: layers.BatchNormalization(center=False), False),
        (lambda: layers.Conv2D(4, 3), lambda: layers.LayerNormalization(), False),
        (lambda: layers.Conv2D(4, 3), lambda: layers.BatchNormalization(axis=1), False),
    ],
    ids=["no bias", "activation between", "other consumer", "no centre", "other norm", "other axis"],
)
def test_biases_that_do_something(layer, norm, also, tmp_path):
    model = normalised(layer(), norm() if norm else None, also=also)
    assert both(BiasBeforeBatchnorm(), model, tmp_path) == []


def test_a_layer_of_which_one_call_goes_elsewhere(tmp_path):
    x, y = keras.Input((4,)), keras.Input((4,))
    dense = layers.Dense(4)
    model = keras.Model([x, y], [layers.BatchNormalization()(dense(x)), layers.ReLU()(dense(y))])
    assert both(BiasBeforeBatchnorm(), model, tmp_path) == []


# -- P004 unreachable-parameters --------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("parameters")
class OwnStep(keras.Model):
    """A model that may use what it holds in its own way."""


def with_variable(variable, cls=keras.Model):
    x = keras.Input((4,))
    model = cls(x, layers.Dense(1)(x))
    model.extra = variable
    return model


def test_a_variable_of_the_model_itself(tmp_path):
    (finding,) = both(UnreachableParameters(), with_variable(keras.Variable(np.ones(5, "float32"))), tmp_path)
    assert finding[1:] == ("warning", "5 of 10 parameters (50%) influence no output")


def test_a_model_of_its_own_class(tmp_path):
    model = with_variable(keras.Variable(np.ones(5, "float32")), OwnStep)
    assert both(UnreachableParameters(), model, tmp_path) == []


def test_a_variable_of_the_model_that_an_operation_receives():
    x, scale = keras.Input((4,)), keras.Variable(np.ones(4, "float32"))
    model = keras.Model(x, layers.Dense(1)(x * scale))
    model.scale = scale
    assert live(UnreachableParameters(), model) == []


def test_what_other_rules_say(tmp_path):
    uncalled = layers.Dense(3)
    uncalled.build((None, 4))
    assert both(UnreachableParameters(), with_variable(uncalled), tmp_path) == []
    x = keras.Input((4,))
    inner = keras.Model(x, [layers.Dense(4)(x), layers.Dense(2)(x)])
    y = keras.Input((4,))
    assert both(UnreachableParameters(), keras.Model(y, inner(y)[0]), tmp_path) == []


def test_frozen_parameters(tmp_path):
    x = keras.Input((4,))
    inner = keras.Model(x, [layers.Dense(4)(x), layers.Dense(2, trainable=False)(x)])
    y = keras.Input((4,))
    assert both(UnreachableParameters(), keras.Model(y, inner(y)[0]), tmp_path) == []
