"""R rules: what must fire and what must not, in memory and in files."""

import keras
import pytest
from keras import layers

from rules.redundancy.identical_lambdas import IdenticalLambdas
from rules.redundancy.no_op_layer import NoOpLayer
from tests.rules.front_ends import both


def between(*stack, inputs=(4, 6, 3)):
    """A model in which no layer of the stack is the output."""
    return keras.Sequential([keras.Input(inputs), *stack, layers.Flatten(), layers.Dense(2)])


@pytest.mark.parametrize(
    "layer_class, argument",
    [
        (layers.Dropout, 0.0),
        (layers.SpatialDropout2D, 0.0),
        (layers.Activation, "linear"),
        (layers.ZeroPadding2D, 0),
        (layers.Cropping2D, 0),
        (layers.Reshape, (4, 6, 3)),
        (layers.UpSampling2D, 1),
        (layers.MaxPooling2D, 1),
        (layers.GaussianNoise, 0.0),
        (layers.Rescaling, 1.0),
        (layers.Permute, (1, 2, 3)),
    ],
)
def test_layers_that_do_nothing(layer_class, argument, tmp_path):
    ((_, severity, message),) = both(NoOpLayer(), between(layer_class(argument)), tmp_path)
    assert severity == "info" and message.startswith("does nothing")


def test_layers_that_do_nothing_for_one_reason_are_one_finding(tmp_path):
    several = [layers.Dropout(0.0, name=f"drop_{index}") for index in range(4)]
    first, second = both(NoOpLayer(), between(*several, layers.MaxPooling2D(1)), tmp_path)
    assert first == ("drop_0#0", "info", "4 Dropout layers do nothing: the rate is 0")
    assert second[2] == "does nothing: window and strides are 1"
    assert len(both(NoOpLayer(), between(*several[:3]), tmp_path)) == 3


def test_permutations_that_cancel(tmp_path):
    model = between(layers.Permute((2, 3, 1)), layers.Permute((3, 1, 2), name="back"))
    assert [address for address, _, _ in both(NoOpLayer(), model, tmp_path)] == ["back#0"]


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.Dropout(0.5),
        lambda: layers.Activation("relu"),
        lambda: layers.ZeroPadding2D(1),
        lambda: layers.Reshape((6, 4, 3)),
        lambda: layers.MaxPooling2D(1, strides=2),
        layers.Identity,
        lambda: layers.Activation("linear", name="block_identity"),
    ],
    ids=["dropout", "relu", "padding", "reshape", "strides", "Identity", "named"],
)
def test_layers_that_do_something(layer, tmp_path):
    assert both(NoOpLayer(), between(layer()), tmp_path) == []


def test_a_layer_that_names_an_output(tmp_path):
    x = keras.Input((4,))
    model = keras.Model(x, layers.Activation("linear", name="logits")(layers.Dense(2)(x)))
    assert both(NoOpLayer(), model, tmp_path) == []


@keras.saving.register_keras_serializable(package="test_redundancy")
def scaled(tensor, factor=1.0):
    return tensor * factor


def lambdas(*functions, inputs=1, **arguments):
    tensors = [keras.Input((4,)) for _ in range(inputs)]
    parts = [
        layers.Lambda(function, output_shape=(4,), arguments={key: values[i] for key, values in arguments.items()})(
            tensors[i % inputs]
        )
        for i, function in enumerate(functions)
    ]
    return keras.Model(tensors, layers.Concatenate()(parts))


def test_late_binding(tmp_path):
    functions = []
    for i in range(3):
        functions.append(lambda t: t[:, i : i + 1])  # noqa: B023
    ((_, severity, message),) = both(IdenticalLambdas(), lambdas(*functions), tmp_path)
    assert severity == "warning" and message.startswith("3 Lambda layers")


def test_lambdas_that_differ(tmp_path):
    assert both(IdenticalLambdas(), lambdas(lambda t: t + 1.0, lambda t: t + 2.0), tmp_path) == []
    assert both(IdenticalLambdas(), lambdas(scaled, scaled, inputs=2), tmp_path) == []
    assert both(IdenticalLambdas(), lambdas(scaled, scaled, factor=[1.0, 2.0]), tmp_path) == []
    bound = [lambda t, i=i: t[:, i : i + 1] for i in range(2)]
    assert both(IdenticalLambdas(), lambdas(*bound), tmp_path) == []
