"""A rules: what must fire and what must not, in memory and in files."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from graphlint.model.expand import expand
from graphlint.sources.live import read_live
from rules.architecture.activation_with_logits_loss import ActivationWithLogitsLoss
from rules.architecture.categorical_on_one_unit import CategoricalOnOneUnit
from rules.architecture.constant_initializer import ConstantInitializer
from rules.architecture.double_rescaling import DoubleRescaling
from rules.architecture.dropout_before_batchnorm import DropoutBeforeBatchnorm
from rules.architecture.dropout_on_output import DropoutOnOutput
from rules.architecture.linear_sandwich import LinearSandwich
from rules.architecture.logits_without_flag import LogitsWithoutFlag
from rules.architecture.loss_activation_mismatch import LossActivationMismatch
from rules.architecture.regression_activation import RegressionActivation
from rules.architecture.same_seed_siblings import SameSeedSiblings
from rules.architecture.softmax_on_one import SoftmaxOnOne
from rules.architecture.stacked_activation import StackedActivation
from tests.rules.front_ends import both, in_file, live

losses = keras.losses


def sequential(*stack, inputs=(4,), loss=None):
    model = keras.Sequential([keras.Input(inputs), *stack])
    if loss is not None:
        model.compile("sgd", loss)
    return model


def severities(found):
    return [severity for _, severity, _ in found]


# -- A001 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        lambda: sequential(layers.Dense(1, activation="softmax")),
        lambda: sequential(layers.Dense(1), layers.Activation("softmax")),
        lambda: sequential(layers.TimeDistributed(layers.Dense(1, activation="softmax")), inputs=(5, 4)),
        lambda: sequential(layers.Softmax(axis=1), inputs=(1, 7)),
        lambda: sequential(layers.Softmax(axis=(1, 2)), inputs=(1, 1, 7)),
        lambda: sequential(layers.Dense(1, activation="log_softmax")),
    ],
    ids=["dense", "activation", "wrapped", "axis", "axes", "logarithm"],
)
def test_softmax_of_one(model, tmp_path):
    assert severities(both(SoftmaxOnOne(), model(), tmp_path)) == ["error"]


@pytest.mark.filterwarnings("ignore:You are using a softmax:UserWarning")
def test_softmax_operation_over_features_instead_of_time(tmp_path):
    x = keras.Input((5, 4))
    weights = ops.softmax(layers.Dense(1)(x), axis=-1)
    assert severities(both(SoftmaxOnOne(), keras.Model(x, weights * x), tmp_path)) == ["error"]


@pytest.mark.parametrize(
    "model",
    [
        lambda: sequential(layers.Dense(2, activation="softmax")),
        lambda: sequential(layers.Softmax(), inputs=(None,)),
        lambda: sequential(layers.Dense(1), layers.Softmax(axis=1), inputs=(5, 4)),
        lambda: sequential(layers.Dense(1, activation="sigmoid")),
    ],
    ids=["two units", "free axis", "over time", "sigmoid"],
)
def test_softmax_of_more(model, tmp_path):
    assert both(SoftmaxOnOne(), model(), tmp_path) == []


# -- A002, A003, A004, A005, A006 -------------------------------------------------------------------------------


def squared(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


@pytest.mark.parametrize(
    ("stack", "severity"),
    [
        ([layers.Dense(3)], "error"),
        ([layers.Dense(3, activation="relu")], "warning"),
        ([layers.Dense(3), layers.Activation("tanh")], "warning"),
        ([layers.Dense(6), layers.Reshape((2, 3))], "error"),
    ],
    ids=["linear", "relu", "tanh", "reshaped"],
)
def test_logits_for_a_loss_of_probabilities(stack, severity, tmp_path):
    for loss in ("categorical_crossentropy", losses.BinaryCrossentropy()):
        assert severities(both(LogitsWithoutFlag(), sequential(*stack, loss=loss), tmp_path)) == [severity]


@pytest.mark.parametrize(
    "model",
    [
        lambda: sequential(layers.Dense(3), loss=losses.CategoricalCrossentropy(from_logits=True)),
        lambda: sequential(layers.Dense(3, activation="softmax"), loss="categorical_crossentropy"),
        lambda: sequential(layers.Dense(3), loss="mse"),
        lambda: sequential(layers.Dense(3), loss=squared),
        lambda: sequential(layers.Lambda(ops.sigmoid, output_shape=(4,)), loss="binary_crossentropy"),
        lambda: sequential(layers.Dense(3)),
    ],
    ids=["flag", "softmax", "regression", "custom loss", "not known", "not compiled"],
)
def test_no_logits_without_flag(model, tmp_path):
    assert both(LogitsWithoutFlag(), model(), tmp_path) == []


def test_only_the_output_with_the_wrong_loss(tmp_path):
    x = keras.Input((4,))
    good, bad = layers.Dense(2, activation="softmax", name="good")(x), layers.Dense(2, name="bad")(x)
    model = keras.Model(x, {"a": good, "b": bad})
    model.compile("sgd", {"a": "categorical_crossentropy", "b": "categorical_crossentropy"})
    assert [address for address, _, _ in both(LogitsWithoutFlag(), model, tmp_path)] == ["bad#0"]


def test_a_head_inside_a_nested_model(tmp_path):
    x = keras.Input((4,))
    body = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="head")], name="body")
    model = keras.Model(x, body(x))
    model.compile("sgd", "categorical_crossentropy")
    assert [address for address, _, _ in both(LogitsWithoutFlag(), model, tmp_path)] == ["body/head#0"]


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_probabilities_for_a_loss_of_logits(activation, tmp_path):
    model = sequential(layers.Dense(3, activation=activation), loss=losses.CategoricalCrossentropy(from_logits=True))
    assert severities(both(ActivationWithLogitsLoss(), model, tmp_path)) == ["error"]


@pytest.mark.parametrize(
    "model",
    [
        lambda: sequential(layers.Dense(3), loss=losses.CategoricalCrossentropy(from_logits=True)),
        lambda: sequential(layers.Dense(3, activation="softmax"), loss=losses.CategoricalCrossentropy()),
        lambda: sequential(layers.Dense(3, activation="softmax"), loss=squared),
    ],
    ids=["logits", "no flag", "custom loss"],
)
def test_no_activation_with_logits_loss(model, tmp_path):
    assert both(ActivationWithLogitsLoss(), model(), tmp_path) == []


@pytest.mark.parametrize(
    ("activation", "loss"),
    [("sigmoid", "categorical_crossentropy"), ("sigmoid", "sparse_categorical_crossentropy"), ("softmax", "bce")],
)
def test_activation_of_another_loss(activation, loss, tmp_path):
    model = sequential(layers.Dense(3, activation=activation), loss=loss)
    assert severities(both(LossActivationMismatch(), model, tmp_path)) == ["warning"]


def test_the_output_is_named_where_the_activation_is_elsewhere():
    dense, shaped = layers.Dense(3, activation="softmax"), layers.Reshape((3,))
    for stack, related in (([dense], []), ([dense, shaped], [shaped.name])):
        graph = expand(read_live(sequential(*stack, loss="binary_crossentropy")))
        (problem,) = LossActivationMismatch().check(graph)
        assert [graph.layer(one.call).name for one in problem.related] == related


@pytest.mark.parametrize(
    "model",
    [
        lambda: sequential(layers.Dense(3, activation="sigmoid"), loss="binary_crossentropy"),
        lambda: sequential(layers.Dense(1, activation="softmax"), loss="binary_crossentropy"),
        lambda: sequential(layers.Dense(3, activation="softmax"), loss=losses.BinaryCrossentropy(from_logits=True)),
        lambda: sequential(layers.Dense(3, activation="softmax"), loss=squared),
        lambda: sequential(layers.Dense(3, activation="softmax"), loss="kl_divergence"),
    ],
    ids=["right", "one unit", "A003", "custom loss", "another loss"],
)
def test_activation_of_its_loss(model, tmp_path):
    assert both(LossActivationMismatch(), model(), tmp_path) == []


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_one_class(loss, tmp_path):
    model = sequential(layers.Dense(1, activation="sigmoid"), loss=loss)
    assert severities(both(CategoricalOnOneUnit(), model, tmp_path)) == ["error"]


@pytest.mark.parametrize(
    "model",
    [
        lambda: sequential(layers.Dense(1, activation="sigmoid"), loss="binary_crossentropy"),
        lambda: sequential(layers.Dense(2, activation="softmax"), loss="categorical_crossentropy"),
        lambda: sequential(layers.Dense(1, activation="softmax"), loss="categorical_crossentropy"),
        lambda: sequential(layers.Dense(1), loss=squared),
    ],
    ids=["binary", "two classes", "A001", "custom loss"],
)
def test_more_than_one_class(model, tmp_path):
    assert both(CategoricalOnOneUnit(), model(), tmp_path) == []


def test_regression_on_relu(tmp_path):
    assert severities(
        both(RegressionActivation(), sequential(layers.Dense(1, activation="relu"), loss="mae"), tmp_path)
    )
    for activation in ("tanh", "sigmoid", "linear"):
        model = sequential(layers.Dense(1, activation=activation), loss="mae")
        assert both(RegressionActivation(), model, tmp_path) == []


# -- A007 -------------------------------------------------------------------------------------------------------


def test_a_chain_of_linear_layers_is_one_finding(tmp_path):
    model = sequential(layers.Dense(8, name="a"), layers.Dropout(0.1), layers.Dense(8), layers.Dense(2))
    ((address, severity, message),) = both(LinearSandwich(), model, tmp_path)
    assert (address, severity) == ("a#0", "warning") and "8 -> 8 -> 2" in message


def test_linear_layers_behind_code_that_nobody_can_see(tmp_path):
    stack = [layers.Lambda(lambda t: t / 255, name="scale"), layers.Dense(8, name="a"), layers.Dense(2)]
    model = sequential(*stack, inputs=(4,))
    model.save(tmp_path / "model.keras")
    ((address, _, message),) = in_file(LinearSandwich(), tmp_path / "model.keras")
    assert address == "a#0" and "8 -> 2" in message


def test_linear_convolutions_through_padding(tmp_path):
    model = sequential(layers.Conv2D(8, 3), layers.ZeroPadding2D(), layers.Conv2D(8, 3), inputs=(9, 9, 3))
    assert severities(both(LinearSandwich(), model, tmp_path)) == ["warning"]


def convolutions(between, **options):
    return sequential(layers.Conv2D(4, 3, **options), between, layers.Conv2D(8, 3, **options), inputs=(3, 9, 9))


@pytest.mark.parametrize(
    "model",
    [
        lambda: sequential(layers.Dense(8), layers.AlphaDropout(0.1), layers.Activation("linear"), layers.Dense(2)),
        lambda: convolutions(layers.Identity(), data_format="channels_first"),
        lambda: sequential(layers.SeparableConv2D(8, 3), layers.Conv2DTranspose(8, 3), inputs=(9, 9, 3)),
        lambda: sequential(*(layers.TimeDistributed(layers.Dense(8)) for _ in range(2)), inputs=(5, 4)),
    ],
    ids=["dropout", "channels first", "convolutions", "wrapped"],
)
def test_linear_layers_of_all_kinds(model, tmp_path):
    assert severities(both(LinearSandwich(), model(), tmp_path)) == ["warning"]


def test_linear_layers_of_a_model_that_is_called_twice(tmp_path):
    body = keras.Sequential([keras.Input((4,)), layers.Dense(8, name="first"), layers.Dense(2)], name="body")
    x, y = keras.Input((4,)), keras.Input((4,))
    found = both(LinearSandwich(), keras.Model([x, y], layers.Subtract()([body(x), body(y)])), tmp_path)
    assert [address for address, _, _ in found] == ["body#0/first#0"]


@pytest.mark.parametrize(
    "model",
    [
        lambda: sequential(layers.Dense(8, activation="relu"), layers.Dense(2)),
        lambda: sequential(layers.Dense(8), layers.BatchNormalization(), layers.Dense(2)),
        lambda: sequential(layers.DepthwiseConv2D(3), layers.Conv2D(8, 1), inputs=(9, 9, 3)),
        lambda: sequential(layers.Dense(2), layers.Dense(8), inputs=(16,)),
        lambda: sequential(layers.Dense(8, activity_regularizer="l1"), layers.Dense(2)),
        lambda: sequential(layers.Conv2D(6, 3, groups=3), layers.Conv2D(6, 1), inputs=(9, 9, 3)),
    ],
    ids=["activation", "normalised", "depthwise", "bottleneck", "sparse code", "grouped"],
)
def test_linear_layers_with_a_reason(model, tmp_path):
    assert both(LinearSandwich(), model(), tmp_path) == []


def test_a_head_on_an_embedding_model(tmp_path):
    x = keras.Input((8,))
    pretrained = keras.Sequential([keras.Input((8,)), layers.ReLU(), layers.Dense(16)])
    assert both(LinearSandwich(), keras.Model(x, layers.Dense(3)(pretrained(x))), tmp_path) == []
    frozen_first = sequential(layers.Dense(16, trainable=False), layers.Dense(3), inputs=(8,))
    assert both(LinearSandwich(), frozen_first, tmp_path) == []


def test_query_key_value_projections(tmp_path):
    x = keras.Input((5, 4))
    hidden = layers.Dense(8)(x)
    heads = layers.Attention()([layers.Dense(8)(hidden), layers.Dense(8)(hidden), layers.Dense(8)(hidden)])
    assert both(LinearSandwich(), keras.Model(x, heads), tmp_path) == []
    shared = layers.Dense(4)
    assert both(LinearSandwich(), keras.Model(x, shared(shared(x))), tmp_path) == []


# -- A008 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("activation", "severity"), [("relu", "info"), ("softmax", "warning"), ("sigmoid", "warning")])
def test_the_same_activation_twice(activation, severity, tmp_path):
    model = sequential(layers.Dense(3, activation=activation), layers.Dropout(0.1), layers.Activation(activation))
    ((address, found, _),) = both(StackedActivation(), model, tmp_path)
    assert found == severity and address.startswith("activation")


@pytest.mark.parametrize(
    "model",
    [
        lambda: sequential(layers.Dense(3, activation="relu"), layers.Dense(3, activation="relu")),
        lambda: sequential(layers.Dense(3, activation="relu"), layers.Activation("softmax")),
        lambda: sequential(layers.Softmax(axis=1), layers.Softmax(axis=2), inputs=(5, 4)),
        lambda: sequential(layers.Softmax(), layers.Permute((2, 1)), layers.Softmax(), inputs=(5, 4)),
        lambda: sequential(layers.ReLU(), layers.BatchNormalization(), layers.ReLU()),
    ],
    ids=["weights between", "different", "another axis", "axes moved", "normalised"],
)
def test_activations_that_are_not_stacked(model, tmp_path):
    assert both(StackedActivation(), model(), tmp_path) == []


def test_activations_in_wrappers_are_stacked(tmp_path):
    softmax, relu = (layers.TimeDistributed(layers.Activation(name)) for name in ("softmax", "relu"))
    model = sequential(layers.Dense(3, activation="softmax"), softmax, relu, inputs=(5, 4))
    assert severities(both(StackedActivation(), model, tmp_path)) == ["warning", "info"]


def test_attention_softmax_is_not_stacked(tmp_path):
    x = keras.Input((5, 4))
    scores = ops.softmax(ops.matmul(x, ops.transpose(x, (0, 2, 1))))
    mixed = ops.matmul(scores, x)
    assert both(StackedActivation(), keras.Model(x, ops.softmax(mixed)), tmp_path) == []


# -- A009, A010 -------------------------------------------------------------------------------------------------


def test_dropout_into_normalisation(tmp_path):
    model = sequential(layers.Dropout(0.5), layers.BatchNormalization())
    assert severities(both(DropoutBeforeBatchnorm(), model, tmp_path)) == ["info"]
    for stack in (
        [layers.Dropout(0.0), layers.BatchNormalization()],
        [layers.Dropout(0.5), layers.LayerNormalization()],
        [layers.Dropout(0.5), layers.Dense(3), layers.BatchNormalization()],
    ):
        assert both(DropoutBeforeBatchnorm(), sequential(*stack), tmp_path) == []


def test_dropout_at_the_end(tmp_path):
    compiled = sequential(layers.Dense(1), layers.Dropout(0.5), loss="mse")
    assert severities(both(DropoutOnOutput(), compiled, tmp_path)) == ["warning"]
    probabilities = sequential(layers.Dense(3, activation="softmax"), layers.Dropout(0.5))
    assert severities(both(DropoutOnOutput(), probabilities, tmp_path)) == ["warning"]
    reshaped = sequential(
        layers.Dense(4, activation="sigmoid"), layers.Dropout(0.5, name="last"), layers.Reshape((2, 2))
    )
    assert [address for address, _, _ in both(DropoutOnOutput(), reshaped, tmp_path)] == ["last#0"]


def test_one_dropout_before_several_outputs_is_one_finding(tmp_path):
    inputs = keras.Input((4,))
    dropped = layers.Dropout(0.5, name="last")(layers.Dense(4, activation="sigmoid")(inputs))
    model = keras.Model(inputs, [dropped, layers.Reshape((2, 2))(dropped), layers.Flatten()(dropped)])
    assert [address for address, _, _ in both(DropoutOnOutput(), model, tmp_path)] == ["last#0"]


def test_backbone_that_ends_in_dropout(tmp_path):
    backbone = sequential(layers.Dense(8, activation="relu"), layers.Dropout(0.5))
    assert both(DropoutOnOutput(), backbone, tmp_path) == []
    nothing = sequential(layers.Dense(3, activation="softmax"), layers.Dropout(0.0), loss="mse")
    assert both(DropoutOnOutput(), nothing, tmp_path) == []


# -- A011 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("initializer", ["zeros", "ones", keras.initializers.Constant(0.3)])
def test_hidden_kernel_without_differences(initializer, tmp_path):
    model = sequential(layers.Dense(8, kernel_initializer=initializer, name="flat"), layers.ReLU(), layers.Dense(2))
    ((address, severity, _),) = both(ConstantInitializer(), model, tmp_path)
    assert (address, severity) == ("flat", "warning")


def zero(**kwargs):
    return layers.Dense(4, kernel_initializer="zeros", **kwargs)


def trained():
    model = sequential(zero(), layers.Dense(2))
    model.layers[0].kernel.assign(np.random.default_rng(0).normal(size=(4, 4)))
    return model


def residual():
    x = keras.Input((4,))
    return keras.Model(x, layers.Dense(2)(layers.Add()([x, zero()(layers.Dense(4)(x))])))


def frozen():
    return sequential(zero(trainable=False), layers.Dense(2))


def one_unit():
    return sequential(layers.Dense(1, kernel_initializer="zeros"), layers.Dense(2))


def fully_convolutional():
    head = layers.Conv2D(4, 1, kernel_initializer="zeros")
    return sequential(head, layers.GlobalAveragePooling2D(), layers.Softmax(), inputs=(8, 8, 3))


def test_pointwise_kernel_without_differences(tmp_path):
    convolution = layers.SeparableConv1D(8, 3, pointwise_initializer="zeros", name="flat")
    found = both(ConstantInitializer(), sequential(convolution, layers.Conv1D(2, 3), inputs=(9, 4)), tmp_path)
    assert [address for address, _, _ in found] == ["flat"]


@keras.saving.register_keras_serializable("tests")
class Gated(layers.Layer):
    """Scales what it gets by a gate that starts at one half, which nothing outside shows."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.gate = zero(activation="sigmoid")

    def build(self, shape):
        self.gate.build(shape)

    def call(self, x):
        return x * self.gate(x)


@pytest.mark.parametrize(
    "model",
    [
        lambda: sequential(zero()),
        lambda: sequential(Gated(), layers.Dense(2)),
        residual,
        trained,
        frozen,
        one_unit,
        fully_convolutional,
    ],
)
def test_kernels_that_may_be_constant(model, tmp_path):
    assert both(ConstantInitializer(), model(), tmp_path) == []


# -- A012 -------------------------------------------------------------------------------------------------------


def siblings(seeds, inputs=1, meet=True, change=False):
    tensors = [keras.Input((4,)) for _ in range(inputs)]
    found = []
    for index, seed in enumerate(seeds):
        layer = layers.Dense(8, kernel_initializer=keras.initializers.HeNormal(seed=seed), name=f"branch{index}")
        found.append(layer(tensors[index % inputs]))
        if change and index:
            layer.kernel.assign(np.ones((4, 8)))
    return keras.Model(tensors, layers.Add()(found) if meet else found)


def test_branches_that_start_equal(tmp_path):
    ((address, severity, message),) = both(SameSeedSiblings(), siblings([3, 3]), tmp_path)
    assert (address, severity) == ("branch0#0", "warning") and "seed 3" in message


def test_tables_that_start_equal(tmp_path):
    x = keras.Input((5,), dtype="int32")
    tables = [layers.Embedding(9, 4, embeddings_initializer=keras.initializers.RandomUniform(seed=2)) for _ in "ab"]
    model = keras.Model(x, layers.Concatenate()([table(x) for table in tables]))
    assert severities(both(SameSeedSiblings(), model, tmp_path)) == ["warning"]
    tables[0].embeddings.assign(np.ones((9, 4)))
    assert both(SameSeedSiblings(), model, tmp_path) == []


@pytest.mark.parametrize(
    "model",
    [
        lambda: siblings([3, 4]),
        lambda: siblings([None, None]),
        lambda: siblings([3, 3], inputs=2),
        lambda: siblings([3, 3], meet=False),
        lambda: siblings([3, 3], change=True),
    ],
    ids=["other seed", "no seed", "other input", "never meet", "trained apart"],
)
def test_branches_that_differ(model, tmp_path):
    assert both(SameSeedSiblings(), model(), tmp_path) == []


# -- A013 -------------------------------------------------------------------------------------------------------


def rescaled(first, second, *between):
    x = keras.Input((8, 8, 3))
    y = layers.Rescaling(first)(x)
    for layer in between:
        y = layer(y)
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Rescaling(second, name="again")], name="inner")
    return keras.Model(x, inner(y))


def test_scaled_twice(tmp_path):
    model = rescaled(1 / 255, 1 / 127.5, layers.RandomFlip())
    ((address, severity, _),) = both(DoubleRescaling(), model, tmp_path)
    assert (address, severity) == ("inner/again#0", "warning")


def test_scaled_by_an_operation_and_again(tmp_path):
    x = keras.Input((8, 8, 3))
    for scaled in (x / 255.0, x * (1 / 255), ops.divide(x, 255)):
        assert severities(both(DoubleRescaling(), keras.Model(x, layers.Rescaling([1 / 255] * 3)(scaled)), tmp_path))
    for other in (255.0 / x, x / 2.0, x / x):
        assert both(DoubleRescaling(), keras.Model(x, layers.Rescaling(1 / 255)(other)), tmp_path) == []


@pytest.mark.parametrize(
    "model",
    [
        lambda: rescaled(0.09, 0.09),
        lambda: rescaled(1 / 255, 2.0),
        lambda: rescaled(1 / 255, 1 / 255, layers.LayerNormalization()),
        lambda: rescaled(1 / 255, 255.0),
    ],
    ids=["not far", "up", "normalised", "back"],
)
def test_scaled_with_a_reason(model, tmp_path):
    assert both(DoubleRescaling(), model(), tmp_path) == []


def test_message_names_the_shape():
    ((_, _, message),) = live(SoftmaxOnOne(), sequential(layers.Dense(1, activation="softmax")))
    assert "(?, 1)" in message


def test_a_softmax_layer_over_one_number(tmp_path):
    alone = sequential(layers.Dense(1), layers.Softmax(name="soft"))
    ((address, severity, message),) = both(SoftmaxOnOne(), alone, tmp_path)
    assert address == "soft#0" and severity in ("warning", "error") and "size 1" in message
    assert both(SoftmaxOnOne(), sequential(layers.Dense(2), layers.Softmax()), tmp_path) == []
