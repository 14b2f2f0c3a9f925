"""More rules on definitions: what shapes, kernels, masks and activations say, from both sides, without Keras."""

from __future__ import annotations

import numpy as np
import pytest

from graphlint.model.definition import CallDefinition, OptimizerDefinition, TensorRef, TensorSpec, VariableDefinition
from rules.architecture.constant_initializer import ConstantInitializer
from rules.architecture.stacked_activation import StackedActivation
from rules.parameters.bias_before_batchnorm import BiasBeforeBatchnorm
from rules.shapes.kernel_on_one import KernelOnOne
from rules.shapes.mask_lost import MaskLost
from rules.shapes.pool_on_one import PoolOnOne
from rules.shared_weights.shared_with_different_shapes import SharedWithDifferentShapes
from tests.model.definitions import SPEC, call, input_call, layer, model
from tests.questions.test_statistics import Stored
from tests.rules.test_definitions import chain, conv, dense, entering, graph_of, made, op, places, step, told

# -- A008 stacked-activation --------------------------------------------------------------------------------------


def active(name, activation="relu"):
    return made(name, "Activation", activation=activation)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([dense("a", activation="relu"), active("b")], "b"),
        ([dense("a", activation="relu"), made("b", "ReLU")], "b"),
        ([dense("a", activation="relu"), op("b", "Relu")], "b"),
        ([dense("a", activation="relu"), dense("b", activation="relu", use_bias=True)], None),
        ([dense("a", activation="relu"), made("b", "EinsumDense", activation="relu", bias_axes=None)], None),
        ([dense("a", activation="tanh"), active("b", "tanh")], None),
        ([dense("a", activation="linear"), active("b")], None),
        *(([dense("a", activation=name), active("b")], "b") for name in ("sigmoid", "softmax", "softplus", "relu6")),
        ([dense("a", activation="hard_sigmoid"), active("b")], "b"),
        ([dense("a", activation="sigmoid"), active("b", "sigmoid")], "b"),
        ([dense("a", activation="relu"), active("b", "sigmoid")], None),
        ([dense("a", activation="softmax"), active("b", "softmax")], "b"),
        ([dense("a", activation="softmax"), made("b", "Softmax", axis=1)], None),
        ([dense("a", activation="softmax"), made("r", "Reshape"), active("b", "softmax")], None),
        ([dense("a", activation="softmax"), made("d", "Dropout"), active("b", "softmax")], "b"),
        ([dense("a", activation="relu"), made("r", "Reshape"), active("b")], "b"),
        ([active("b")], None),
    ],
)
def test_an_activation_after_another(parts, expected):
    graph = chain(*parts, dense("end"))
    assert places(StackedActivation(), graph) == ([] if expected is None else [f"{expected}#0"])


@pytest.mark.parametrize(
    ("parts", "fixed"),
    [
        ([dense("a", activation="relu"), active("b"), dense("end")], "remove the second relu"),
        ([dense("a", activation="relu"), active("b")], "remove the relu of 'a'"),
        ([active("a"), active("b")], "remove the relu of 'a'"),
        ([made("a", "ReLU"), active("b")], None),
        ([dense("a", activation="sigmoid"), active("b")], None),
        ([dense("a", activation="sigmoid"), active("b"), dense("end")], "remove the second relu"),
        ([dense("a", activation="relu"), made("d", "Dropout"), active("b"), dense("end")], "remove the second relu"),
        ([dense("a", activation="relu"), made("d", "AlphaDropout"), active("b"), dense("end")], None),
        ([dense("a", activation="relu"), made("d", "GaussianDropout"), active("b"), dense("end")], None),
        ([dense("a", activation="relu"), made("d", "Reshape"), active("b"), dense("end")], "remove the second relu"),
        ([dense("a", activation="softmax"), active("b", "softmax")], "remove the softmax of 'a'"),
    ],
)
def test_which_of_two_activations_goes(parts, fixed):
    (problem,) = StackedActivation().check(chain(*parts))
    assert (problem.fix.title if problem.fix is not None else None) == fixed


def test_activations_that_are_used_elsewhere_stay():
    second, first = active("b"), dense("a", activation="relu", use_bias=True)
    calls = [entering(), step(first, 0), step(second, 1), step(second, 0), step(dense("end"), 2)]
    (problem,) = StackedActivation().check(graph_of(calls, [4, 3]))
    assert problem.fix is None
    calls = [entering(), step(first, 0), step(second, 1), step(dense("c"), 1)]
    (problem,) = StackedActivation().check(graph_of(calls, [2, 3]))
    assert problem.fix is None
    (problem,) = StackedActivation().check(graph_of(calls[:3], [1, 2]))
    assert problem.fix is None
    calls = [entering(), step(first, 0), step(second, 1), step(first, 2), step(second, 3), step(dense("end"), 4)]
    (problem,) = StackedActivation().check(graph_of(calls))
    assert (problem.node, problem.fix) == ("b#0", None)


# -- A011 constant-initializer ------------------------------------------------------------------------------------


def started(name="a", values=(0.0,) * 8, shape=(2, 4), slot="kernel", class_name="Dense", **config):
    config = {"kernel_initializer": "zeros", "units": 4, **config}
    found = layer(name, class_name, config=config)
    stored = Stored(np.array(values, "float32").reshape(shape))
    found.variables = [VariableDefinition(slot, 0, shape, dtype="float32", trainable=True, values=stored)]
    return found


def trained(steps):
    count = VariableDefinition("iteration", 0, (), dtype="int64", trainable=False, values=Stored(np.array(steps)))
    return OptimizerDefinition("SGD", None, {}, variables=[count])


NEAR = (0.01,) * 7 + (0.0,)
CONSTANT_TEXT = {"class_name": "Constant", "config": {"value": "0"}}


@pytest.mark.parametrize(
    ("one", "optimizer", "found"),
    [
        (started(), None, True),
        *((started(kernel_initializer=name), None, True) for name in ("Ones", "constant", "one", "Zeros", "zero")),
        (started(kernel_initializer={"class_name": "Zeros", "config": {}}), None, True),
        (started(kernel_initializer={"class_name": "GlorotUniform"}), None, False),
        (started(kernel_initializer={"class_name": 3}), None, False),
        (started(kernel_initializer=None), None, False),
        (started(values=range(8)), None, False),
        (started(units=1), None, False),
        (started(units="4"), None, False),
        (started(name="my_LoRA_a"), None, False),
        (started(slot="other"), None, False),
        (started(values=(0.0,), shape=(1, 1)), None, False),
        (
            started(
                class_name="SeparableConv1D",
                kernel_initializer=None,
                pointwise_initializer="zeros",
                slot="pointwise_kernel",
            ),
            None,
            True,
        ),
        (started(values=NEAR), trained(10), True),
        (started(values=NEAR), trained(1000), True),
        (started(values=NEAR), trained(1001), False),
        (started(values=NEAR), trained(0), False),
        (started(values=NEAR), None, False),
        (started(values=(0.2,) * 7 + (0.0,)), trained(10), False),
        (started(values=(1.01,) * 7 + (1.0,), kernel_initializer="ones"), trained(10), True),
        (started(values=(1.01,) * 7 + (1.0,)), trained(10), False),
        (started(values=(np.nan, *NEAR[1:])), trained(10), False),
        (
            started(
                values=(0.51,) + (0.5,) * 7, kernel_initializer={"class_name": "Constant", "config": {"value": 0.5}}
            ),
            trained(10),
            True,
        ),
        (started(values=(0.51,) + (0.5,) * 7, kernel_initializer="constant"), trained(10), False),
        (
            started(values=NEAR, kernel_initializer=CONSTANT_TEXT),
            trained(10),
            False,
        ),
    ],
)
def test_kernels_that_are_constant(one, optimizer, found):
    name = one.name
    assert places(ConstantInitializer(), chain(one, dense("next"), optimizer=optimizer)) == ([name] if found else [])
    assert places(ConstantInitializer(), chain(one, optimizer=optimizer)) == []
    one.variables[0].trainable = False
    assert places(ConstantInitializer(), chain(one, dense("next"), optimizer=optimizer)) == []


@pytest.mark.parametrize(
    ("after", "found"),
    [
        ([made("r", "ReLU"), dense("next")], True),
        ([made("r", "ReLU")], False),
        ([layer("m", "Mine", registered_name="x>Mine"), dense("next")], False),
        ([op("o", "Exp"), dense("next")], True),
        ([op("o", "Add"), dense("next")], False),
        ([op("o", "Dot"), dense("next")], False),
        ([made("c", "Concatenate"), dense("next")], True),
        ([made("c", "Multiply"), dense("next")], False),
    ],
)
def test_constant_kernels_on_the_way_to_another_kernel(after, found):
    assert bool(places(ConstantInitializer(), chain(started(), *after))) is found


def test_constant_kernels_of_wrapped_layers_are_found_and_not_fixed():
    wrapper = layer("w", "TimeDistributed", children={"layer": started("inner")})
    (problem,) = ConstantInitializer().check(chain(wrapper, dense("next")))
    assert (problem.node, problem.fix) == ("w/layer", None)
    (problem,) = ConstantInitializer().check(chain(started(), dense("next")))
    assert problem.fix.edits[0].config == {"kernel_initializer": "glorot_uniform"}
    closed = layer("w", "Mine", registered_name="x>Mine", children={"layer": started("inner")})
    assert places(ConstantInitializer(), chain(closed, dense("next"))) == []


# -- P003 bias-before-batchnorm -----------------------------------------------------------------------------------

NORM = {"axis": -1}


def biased(name="a", class_name="Dense", **config):
    found = made(name, class_name, shape=(4, 4), **{"activation": "linear", "units": 4, **config})
    found.variables.append(VariableDefinition("bias", 1, (4,), dtype="float32", trainable=True))
    return found


@pytest.mark.parametrize(
    ("first", "second", "shape", "found"),
    [
        (biased(), made("n", "BatchNormalization", **NORM), (None, 4), True),
        (biased(use_bias=False), made("n", "BatchNormalization", **NORM), (None, 4), False),
        (biased(activation="relu"), made("n", "BatchNormalization", **NORM), (None, 4), False),
        (biased(), made("n", "BatchNormalization", center=False), (None, 4), False),
        (biased(), made("n", "LayerNormalization"), (None, 4), False),
        (biased(), made("n", "BatchNormalization", axis=[1]), (None, 4), True),
        (biased(), made("n", "BatchNormalization", axis=[1, 2]), (None, 5, 4), False),
        (biased(), made("n", "BatchNormalization", axis=1), (None, 5, 4), False),
        (biased(), made("n", "BatchNormalization", axis=2), (None, 5, 4), True),
        (biased(), made("n", "BatchNormalization", axis=1), None, False),
        (biased(), made("n", "BatchNormalization", axis=-1), None, True),
        (
            biased(class_name="Conv1D", data_format="channels_first"),
            made("n", "BatchNormalization", axis=1),
            (None, 4, 5),
            True,
        ),
        (
            biased(class_name="Conv1D", data_format="channels_first"),
            made("n", "BatchNormalization", axis=-1),
            (None, 4, 5),
            False,
        ),
        (biased(class_name="DepthwiseConv1D"), made("n", "BatchNormalization"), (None, 5, 4), True),
        (biased(class_name="Embedding"), made("n", "BatchNormalization"), (None, 4), False),
        (biased(class_name="MaxoutDense"), made("n", "BatchNormalization"), (None, 4), False),
        (biased(class_name="AveragePooling1D"), made("n", "BatchNormalization"), (None, 5, 4), False),
        (biased(class_name="LSTM"), made("n", "BatchNormalization"), (None, 4), False),
        (biased(), made("n", "BatchNormalization", axis=[2, 1]), (None, 5, 4), False),
        (biased(), made("n", "BatchNormalization", axis=[2]), (None, 5, 4), True),
        (biased(), made("n", "BatchNormalization", axis="x"), (None, 4), False),
        (
            biased(class_name="Conv1D", data_format="channels_first"),
            made("n", "BatchNormalization", axis=-2),
            (None, 4, 5),
            True,
        ),
    ],
)
def test_biases_that_are_subtracted(first, second, shape, found):
    graph = chain(first, second, dense("end"), shape=shape)
    assert places(BiasBeforeBatchnorm(), graph) == (["a"] if found else [])
    calls = [entering(shape), step(first, 0, shape=shape), step(second, 1, shape=shape), step(dense("end"), 1)]
    assert places(BiasBeforeBatchnorm(), graph_of(calls, [2, 3])) == []
    assert places(BiasBeforeBatchnorm(), graph_of(calls[:3], [1, 2])) == []


def test_biases_in_words_and_their_fix():
    norm = [made(name, "BatchNormalization") for name in ("n", "m")]
    (problem,) = BiasBeforeBatchnorm().check(chain(biased(), norm[0], biased("b"), norm[1]))
    assert problem.message.startswith("2 layers add biases (8 parameters)") and problem.related == ("b",)
    assert problem.fix.title == "fold 2 biases into the moving means"
    assert problem.fix.edits[0].layers == {"a": "n", "b": "m"}
    unknown = biased()
    unknown.variables.clear()
    (problem,) = BiasBeforeBatchnorm().check(chain(unknown, norm[0]))
    assert problem.message.startswith("adds a bias (4 parameters)")
    assert problem.fix.title == "fold the bias into the moving mean"
    for key in ("bias_regularizer", "activity_regularizer"):
        (problem,) = BiasBeforeBatchnorm().check(chain(biased(**{key: {"l2": 1}}), norm[0]))
        assert problem.fix is None
    frozen = made("n", "BatchNormalization")
    frozen.trainable = False
    (problem,) = BiasBeforeBatchnorm().check(chain(biased(), frozen))
    assert problem.fix is None
    still = biased()
    still.trainable = False
    (problem,) = BiasBeforeBatchnorm().check(chain(still, frozen))
    assert problem.fix is not None
    shared = biased()
    calls = [entering(), step(shared, 0), step(norm[0], 1), step(shared, 2), step(norm[1], 3)]
    (problem,) = BiasBeforeBatchnorm().check(graph_of(calls))
    assert problem.fix is None
    wrapped = layer("w", "TimeDistributed", children={"layer": biased("a")})
    (problem,) = BiasBeforeBatchnorm().check(chain(wrapped, norm[0]))
    assert (problem.node, problem.fix) == ("w/layer", None)


def test_which_biases_can_be_folded():
    norms = [made(name, "BatchNormalization") for name in ("n", "m", "o")]
    wrapped = layer("w", "TimeDistributed", children={"layer": biased("a")})
    (problem,) = BiasBeforeBatchnorm().check(chain(wrapped, norms[0], biased("b"), norms[1], biased("c"), norms[2]))
    assert problem.message.startswith("3 layers add biases (12 parameters)") and problem.related == ("b", "c")
    assert problem.fix.edits[0].layers == {"b": "m", "c": "o"}
    still = layer("w", "TimeDistributed", children={"layer": made("a", "LayerNormalization")})
    assert places(BiasBeforeBatchnorm(), chain(still, norms[0])) == []
    calls = [entering(), step(biased(), 0), step(norms[0], 1), step(norms[0], 2)]
    (problem,) = BiasBeforeBatchnorm().check(graph_of(calls))
    assert problem.fix is None
    odd = biased()
    odd.variables = [VariableDefinition("bias", 0, (2, 3), dtype="float32", trainable=True)]
    for one, size in (
        (odd, 6),
        (made("a", "Dense", units="4"), 0),
        (made("a", "Conv1D", filters=5), 5),
        (made("a", "Dense"), 0),
    ):
        (problem,) = BiasBeforeBatchnorm().check(chain(one, norms[0]))
        assert problem.message.startswith(f"adds a bias ({size} parameters)")


def test_a_bias_counts_only_if_every_call_ends_in_a_normalisation():
    shared, norm = biased(), made("n", "BatchNormalization")
    calls = [entering(), step(shared, 0), step(norm, 1), step(shared, 2), step(dense("end"), 3)]
    assert places(BiasBeforeBatchnorm(), graph_of(calls)) == []
    calls = [entering(), step(shared, 0), step(dense("mid"), 1), step(shared, 2), step(norm, 3)]
    assert places(BiasBeforeBatchnorm(), graph_of(calls)) == []


# -- S006 shared-with-different-shapes ------------------------------------------------------------------------------


def shared_on(one, first, second):
    calls = [entering(first), entering(second, "y"), step(one, 0), step(one, 1), step(made("sum", "Add"), 2, 3)]
    return graph_of(calls)


@pytest.mark.parametrize(
    ("one", "first", "second", "severity"),
    [
        (dense("a"), (None, 4), (None, 4), None),
        (dense("a"), (None, 4), (None, None), None),
        (dense("a"), (None, 4), (None, 5), "warning"),
        (dense("a"), (None, 3, 4), (None, 5, 4), "info"),
        (dense("a"), (None, 3, 4), (None, 4), "info"),
        (dense("a"), (None, 3, 4), (None, 5), "warning"),
        (dense("a"), (7, 4), (8, 4), None),
        (dense("a"), None, (None, 4), None),
        (conv("a", class_name="Conv1D"), (None, 3, 4), (None, 5, 4), None),
        (conv("a", class_name="Conv1D"), (None, 3, 4), (None, 3, 5), "warning"),
        (conv("a", class_name="Conv1D", data_format="channels_first"), (None, 3, 4), (None, 3, 5), None),
        (conv("a", class_name="Conv1D", data_format="channels_first"), (None, 3, 4), (None, 2, 4), "warning"),
        (made("a", "BatchNormalization", 3, axis=1), (None, 3, 4), (None, 5, 4), "warning"),
        (made("a", "BatchNormalization", 3, axis=1), (None, 3, 4), (None, 3, 5), "info"),
        (made("a", "LayerNormalization", 3, axis=[1, 2]), (None, 3, 4), (None, 3, 5), "warning"),
        (made("a", "LayerNormalization", 3, axis=[5]), (None, 3, 4), (None, 3, 5), "info"),
        (made("a", "LayerNormalization", 3, axis=0), (None, 3, 4), (None, 3, 5), "info"),
        (made("a", "Embedding", 3), (None, 3), (None, 5), None),
        (made("a", "LayerNormalization", 3, axis={"config": {"items": [1]}}), (None, 3, 4), (None, 5, 4), "warning"),
        (made("a", "LayerNormalization", 3, axis={"config": 3}), (None, 3, 4), (None, 5, 4), "info"),
        (layer("a", "Mine", 3, registered_name="x>Mine"), (None, 3), (None, 5), "info"),
        (made("a", "ReLU"), (None, 3), (None, 5), None),
        (made("a", "LSTM", 3), (None, 3, 4), (None, 5, 4), None),
        (dense("a"), (None, None, 4), (None, 3, 4), None),
        (dense("a"), (None, None, 4), (None, 3, 5), "warning"),
        (conv("a", class_name="Conv1D"), (None, 3, 4), (None, 2, 3, 4), "info"),
        (conv("a", class_name="Conv1D"), (None, 3, 4), (None, 2, 3, 5), "warning"),
        (dense("a"), (None, 4), (None,), "info"),
        (dense("a"), (None,), (None, 4), "info"),
        (dense("a"), (None, None), (None, 3, 4), "info"),
        (made("a", "LayerNormalization", 3, axis=None), (None, 3, 4), (None, 3, 5), "warning"),
        (made("a", "LayerNormalization", 3, axis="1"), (None, 3, 4), (None, 5, 4), "info"),
        (made("a", "LayerNormalization", 3, axis={"config": {}}), (None, 3, 4), (None, 3, 5), "warning"),
        (made("a", "LayerNormalization", 3, axis={"config": {}}), (None, 3, 4), (None, 5, 4), "info"),
        (made("a", "LayerNormalization", 3, axis=-2), (None, 3, 4), (None, 5, 4), "warning"),
        (made("a", "LayerNormalization", 3, axis=-3), (None, 3, 4), (None, 3, 5), "info"),
        (made("a", "LayerNormalization", 3, axis=-4), (None, 3, 4), (None, 3, 5), "info"),
        (made("a", "LayerNormalization", 3, axis=3), (None, 3, 4), (None, 5, 4), "info"),
        (made("a", "LayerNormalization", 3, axis=2), (None, 3, 4), (None, 3, 5), "warning"),
        (made("a", "LayerNormalization", 3, axis=[0, 1]), (None, 3, 4), (None, 5, 4), "warning"),
        (made("a", "LayerNormalization", 3, axes=[1]), (None, 3, 4), (None, 5, 4), "warning"),
        (made("a", "EinsumDense", 3), (None, 3, 4), (None, 3, 5), "warning"),
        (model("a", [input_call("i"), call(dense("d"), 0)], [0], [1]), (None, 3, 4), (None, 3, 5), None),
    ],
)
def test_one_layer_on_two_shapes(one, first, second, severity):
    found = [str(one.severity or "info") for one in SharedWithDifferentShapes().check(shared_on(one, first, second))]
    assert found == ([] if severity is None else [severity])


def test_shapes_of_shared_layers_in_words():
    def told(*calls):
        problems = SharedWithDifferentShapes().check(graph_of([*calls, step(made("sum", "Add"), *range(len(calls)))]))
        return [(one.node, one.message, one.related, str(one.severity)) for one in problems]

    one, alike, end = dense("a"), dense("b"), entering((None, 4), "z")
    shapes = [(None, 3, 4), (None, None, 4), (None, 5, 4), (None, 3, 5)]
    calls = [entering(shape, f"x{place}") for place, shape in enumerate(shapes)]
    many = [*calls, end, step(alike, 0), step(alike, 0), *(step(one, place) for place in range(4))]
    assert told(*many) == [("a", "called on (?, 3, 4) and on (?, 5, 4)", ("a#0", "a#2"), "None")]
    many = [*calls, end, step(alike, 0), step(alike, 0), *(step(one, place) for place in (1, 0, 3))]
    depends = "called on (?, ?, 4) and on (?, 3, 5), and its weights depend on an axis that differs"
    assert told(*many) == [("a", depends, ("a#0", "a#2"), "warning")]
    again = [*calls, step(one, 0), step(one, 0), step(one, 2), step(one, 2)]
    assert told(*again) == [("a", "called on (?, 3, 4) and on (?, 5, 4)", ("a#0", "a#2"), "None")]
    unknown = [entering(None), entering(None, "y"), step(one, 0, shape=None), step(one, 1, shape=None)]
    assert told(*unknown) == []
    free = [*calls, step(conv("c", class_name="Conv1D"), 0)]
    free.append(step(free[-1].layer, 2))
    both = [*free, step(one, 0), step(one, 2)]
    assert [node for node, *_ in told(*both)] == ["a"]
    constant = CallDefinition(one, (), outputs=(SPEC,))
    assert told(*calls, constant, step(one, 0), step(one, 2)) == [
        ("a", "called on (?, 3, 4) and on (?, 5, 4)", ("a#1", "a#2"), "None")
    ]
    wrapped = made("w", "TimeDistributed")
    wrapped.children = {"layer": dense("d")}
    ((node, _, related, _),) = told(*calls, step(wrapped, 0), step(wrapped, 3))
    assert (node, related) == ("w", ("w#0", "w#1"))
    wrapped.children = {"layer": one}
    assert told(*calls, end, step(one, 4), step(wrapped, 3)) == []
    free = made("r", "ReLU")
    both = [*calls, step(free, 0), step(free, 2), step(one, 0), step(one, 2)]
    assert [node for node, *_ in told(*both)] == ["a"]


# -- H008 pool-on-one, H020 kernel-on-one ---------------------------------------------------------------------------


def pool(class_name="MaxPooling2D", **config):
    return made("pool", class_name, **{"pool_size": [2, 2], "strides": None, **config})


@pytest.mark.parametrize(
    ("one", "shape", "found"),
    [
        (pool(), (None, 1, 8, 3), True),
        (pool(), (None, 8, 1, 3), True),
        (pool(), (None, 8, 8, 1), False),
        (pool(data_format="channels_first"), (None, 1, 8, 8), False),
        (pool(data_format="channels_first"), (None, 3, 1, 8), True),
        (pool(pool_size=[1, 2]), (None, 1, 8, 3), False),
        (pool(strides=[1, 2]), (None, 1, 8, 3), False),
        (pool(strides=1), (None, 1, 8, 3), False),
        (pool(strides=2), (None, 1, 8, 3), True),
        (pool(pool_size=2), (None, 1, 8, 3), True),
        (pool(pool_size=[2]), (None, 8, 1, 3), True),
        (pool(pool_size=["2", 2]), (None, 1, 8, 3), False),
        (pool(), (None, None, 8, 3), False),
        (pool(), None, False),
        (pool(), (None, 1), False),
        (pool("AveragePooling2D"), (None, 1, 8, 3), True),
        (pool("GlobalMaxPooling2D"), (None, 1, 8, 3), False),
        (op("pool", "MaxPool", pool_size=[2, 2]), (None, 1, 8, 3), True),
    ],
)
def test_windows_on_axes_of_size_1(one, shape, found):
    graph = chain(one, dense("end"), shape=shape)
    assert places(PoolOnOne(), graph) == (["pool#0"] if found else [])


def test_the_fix_of_a_window_on_size_1():
    (problem,) = PoolOnOne().check(chain(pool(), dense("end"), shape=(None, 1, 8, 3)))
    assert problem.fix.edits[0].config == {"pool_size": [1, 2], "strides": [1, 2]}
    (problem,) = PoolOnOne().check(chain(pool(), dense("end"), shape=(None, 1, 1, 3)))
    assert problem.fix.title == "remove it" and problem.fix.edits[0].calls == ("pool#0",)
    (problem,) = PoolOnOne().check(chain(pool(), shape=(None, 1, 1, 3)))
    assert problem.fix.edits[0].config == {"pool_size": [1, 1], "strides": [1, 1]}
    (problem,) = PoolOnOne().check(chain(pool(strides=[3, 1]), dense("end"), shape=(None, 1, 8, 3)))
    assert problem.fix.edits[0].config == {"pool_size": [1, 2], "strides": [1, 1]}
    one, shape = pool(), (None, 1, 8, 3)
    calls = [entering(shape), step(one, 0, shape=shape), step(one, 1, shape=shape), step(dense("end"), 2)]
    (problem,) = PoolOnOne().check(graph_of(calls))
    assert (problem.node, problem.fix) == ("pool#0", None)


def same(name="conv", class_name="Conv2D", **config):
    return conv(name, class_name=class_name, **{"kernel_size": [3, 3], "padding": "same", **config})


@pytest.mark.parametrize(
    ("one", "shape", "found"),
    [
        (same(), (None, 1, 8, 3), True),
        (same(), (None, 8, 1, 3), True),
        (same(), (None, 8, 8, 1), False),
        (same(), (None, 1, 1, 3), False),
        (same(padding="valid"), (None, 1, 8, 3), False),
        (same(kernel_size=[1, 3]), (None, 1, 8, 3), False),
        (same(kernel_size=3), (None, 1, 8, 3), True),
        (same(kernel_size=["3", 3]), (None, 1, 8, 3), False),
        (same(data_format="channels_first"), (None, 1, 8, 8), False),
        (same(data_format="channels_first"), (None, 3, 1, 8), True),
        (same(class_name="Conv2DTranspose"), (None, 1, 8, 3), False),
        (same(class_name="Conv1D", kernel_size=[3]), (None, 1, 8), True),
        (same(class_name="Conv1D", kernel_size=[3], padding="causal"), (None, 1, 8), True),
        (same(), None, False),
        (same(class_name="Conv1D", kernel_size=[3]), (None, 1), False),
    ],
)
def test_kernels_on_axes_of_size_1(one, shape, found):
    problems = told(KernelOnOne(), chain(one, dense("end"), shape=shape))
    assert [place for place, _ in problems] == (["conv#0"] if found else [])
    if found:
        assert f"whose axis {shape.index(1)} has size 1" in problems[0][1]


@pytest.mark.parametrize(
    ("before", "shape", "start"),
    [
        (made("r", "ReLU"), (None, 1, 8, 3), "x#0"),
        (made("r", "Reshape"), (None, 8, 3), "r#0"),
        (op("r", "ExpandDims"), (None, 8, 3), "r#0"),
        (made("r", "Permute"), (None, 8, 1, 3), "r#0"),
        (made("r", "RepeatVector"), (None, 8), "r#0"),
        (made("r", "MaxPooling2D"), (None, 2, 8, 3), None),
        (made("r", "ReLU"), None, None),
        (made("r", "ReLU"), (None,), None),
    ],
)
def test_where_an_axis_of_size_1_comes_from(before, shape, start):
    graph = chain((before, (None, 1, 8, 3)), same(), dense("end"), shape=shape)
    found = [one.related for one in KernelOnOne().check(graph)]
    assert found == ([] if start is None else [(start,)])


def test_kernels_of_one_start_are_one_finding():
    graph = chain(same("a"), same("b"), dense("end"), shape=(None, 1, 8, 3))
    (problem,) = KernelOnOne().check(graph)
    assert (problem.node, problem.related) == ("a#0", ("b#0", "x#0"))
    assert problem.message.endswith("covers padding; the same holds for 'b'")
    one, shape = same(), (None, 1, 8, 3)
    calls = [entering(shape), step(one, 0, shape=shape), step(one, 1, shape=shape), step(dense("end"), 2)]
    ((place, message),) = told(KernelOnOne(), graph_of(calls))
    assert place == "conv#0" and "the same holds" not in message


# -- H007 mask-lost -----------------------------------------------------------------------------------------------

STEPS = (None, 5, 4)
LSTM = made("rnn", "LSTM")


@pytest.mark.parametrize(
    ("between", "dropped"),
    [
        ([made("a", "Dropout")], None),
        ([op("a", "Exp")], "a"),
        ([op("a", "Exp"), op("b", "Exp")], "a"),
        ([made("a", "Reshape")], "a"),
        ([made("a", "Conv1D")], None),
        ([op("a", "Mean")], None),
    ],
)
def test_masks_that_are_dropped_before_their_use(between, dropped):
    graph = chain(made("mask", "Masking"), *between, LSTM, shape=STEPS)
    found = [(one.node, one.related) for one in MaskLost().check(graph)]
    assert found == ([] if dropped is None else [(f"{dropped}#0", ("mask#0", "rnn#0"))])
    assert places(MaskLost(), chain(*between, LSTM, shape=STEPS)) == []
    assert places(MaskLost(), chain(made("mask", "Masking"), *between, dense("end"), shape=STEPS)) == []


@pytest.mark.parametrize(
    ("one", "args", "config"),
    [
        (op("a", "Tanh"), (), {"activation": "tanh"}),
        (op("a", "Relu"), (), {"activation": "relu"}),
        (op("a", "Exp"), (), None),
        (op("a", "Multiply"), (2,), {"scale": 2.0, "offset": 0.0}),
        (op("a", "Add"), (0.5,), {"scale": 1.0, "offset": 0.5}),
        (op("a", "Subtract"), (0.5,), None),
        (op("a", "Add"), (0.5, 1.0), None),
        (made("a", "Reshape"), (), None),
    ],
)
def test_layers_in_place_of_operations(one, args, config):
    def graph(dtype="float32", twice=False):
        spec = TensorSpec(STEPS, dtype)
        calls = [entering(STEPS), CallDefinition(made("mask", "Masking"), (TensorRef(0, 0),), outputs=(spec,))]
        calls.append(CallDefinition(one, (TensorRef(1, 0), *args), outputs=(spec,)))
        if twice:
            calls.append(CallDefinition(one, (TensorRef(2, 0), *args), outputs=(spec,)))
        return graph_of([*calls, step(LSTM, len(calls) - 1)])

    (problem,) = MaskLost().check(graph())
    assert (problem.fix.edits[0].config if problem.fix is not None else None) == config
    (problem,) = MaskLost().check(graph("int32"))
    assert problem.fix is None
    (problem,) = MaskLost().check(graph(twice=True))
    assert problem.fix is None


def test_a_recurrent_layer_with_a_state_receives_no_mask():
    def graph(**config):
        calls = [entering(STEPS), entering((None, 4), "s"), step(made("mask", "Masking"), 0, shape=STEPS)]
        state = {"initial_state": [TensorRef(1, 0)] * 2}
        rnn = CallDefinition(made("rnn", "LSTM", **config), (TensorRef(2, 0),), state, outputs=(SPEC,))
        return graph_of([*calls, rnn])

    ((place, message),) = told(MaskLost(), graph())
    assert place == "rnn#0" and message.startswith("the mask of 'mask' does not reach it")
    assert told(MaskLost(), graph(return_sequences=True)) == []


def test_masks_are_lost_in_nested_models_too():
    inner = model("inner", [input_call("i"), call(op("a", "Exp"), 0), call(LSTM, 1)], [0], [2])
    for one in inner.body.calls[:2]:
        one.outputs = (TensorSpec(STEPS, "float32"),)
    graph = chain(made("mask", "Masking"), inner, shape=STEPS)
    assert places(MaskLost(), graph) == ["inner/a#0"]
