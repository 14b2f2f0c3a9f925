"""N rules: what must fire and what must not, in memory and in files."""

import keras
import numpy as np
import pytest
from keras import layers

from graphlint.model.expand import expand
from graphlint.questions.statistics import statistics, training_steps
from graphlint.sources.live import read_live
from rules.numbers.batchnorm_never_updated import BatchnormNeverUpdated
from rules.numbers.constant_kernel import ConstantKernel
from rules.numbers.negative_variance import NegativeVariance
from rules.numbers.non_finite import NonFinite
from tests.rules.front_ends import both


def model(steps=0, **batchnorm):
    found = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, name="dense"),
            layers.BatchNormalization(name="norm", **batchnorm),
            layers.Dense(2, name="head"),
        ]
    )
    found.compile(keras.optimizers.SGD(momentum=0.9), "mse")
    found.optimizer.build(found.trainable_variables)
    found.optimizer.iterations.assign(steps)
    return found


def put(found, layer, slot, index, value):
    variable = getattr(found.get_layer(layer), slot)
    array = np.array(variable)
    array[index] = value
    variable.assign(array)
    return found


# -- N001 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "kind"), [(np.nan, "1 NaN"), (np.inf, "1 infinite"), (-np.inf, "1 infinite")])
def test_where_the_first_bad_number_is(value, kind, tmp_path):
    ((address, severity, message),) = both(NonFinite(), put(model(), "dense", "kernel", (2, 1), value), tmp_path)
    assert (address, severity) == ("dense@kernel", "error")
    assert kind in message and "of 12 values" in message and "[2, 1]" in message


def test_variables_of_one_layer_are_one_finding(tmp_path):
    bad = put(put(model(), "dense", "kernel", 0, np.nan), "dense", "bias", 1, np.inf)
    ((address, _, message),) = both(NonFinite(), bad, tmp_path)
    assert address == "dense@kernel" and "4 in 2 variables" in message


def test_large_numbers_are_finite(tmp_path):
    assert both(NonFinite(), put(model(), "dense", "kernel", ..., 3e38), tmp_path) == []


def test_half_precision_and_integers(tmp_path):
    embedded = keras.Sequential(
        [keras.Input((2,), dtype="int32"), layers.Embedding(5, 2, dtype="bfloat16", name="words"), layers.Flatten()]
    )
    assert both(NonFinite(), embedded, tmp_path) == []
    words = np.zeros((5, 2), "float32")
    words[4, 1] = np.nan
    embedded.get_layer("words").embeddings.assign(words)
    assert [address for address, _, _ in both(NonFinite(), embedded, tmp_path)] == ["words@embeddings"]


# -- N002 -------------------------------------------------------------------------------------------------------


def test_variance_below_zero(tmp_path):
    ((address, severity, message),) = both(
        NegativeVariance(), put(model(), "norm", "moving_variance", 1, -0.25), tmp_path
    )
    assert (address, severity) == ("norm@moving_variance", "error") and "-0.25" in message
    for value in (0.0, -np.inf):
        assert both(NegativeVariance(), put(model(), "norm", "moving_variance", 1, value), tmp_path) == []


# -- N003 -------------------------------------------------------------------------------------------------------


def frozen():
    found = model(5)
    found.get_layer("norm").trainable = False
    return found


def test_statistics_that_never_moved(tmp_path):
    ((address, severity, message),) = both(BatchnormNeverUpdated(), model(5), tmp_path)
    assert (address, severity) == ("norm", "warning") and "5 training steps" in message


@pytest.mark.parametrize(
    "build",
    [
        lambda: model(0),
        lambda: model(5, momentum=1.0),
        lambda: put(model(5), "norm", "moving_mean", 0, 0.1),
        frozen,
    ],
    ids=["not trained", "momentum 1", "moved", "frozen"],
)
def test_statistics_that_may_be_at_rest(build, tmp_path):
    assert both(BatchnormNeverUpdated(), build(), tmp_path) == []


# -- N004 -------------------------------------------------------------------------------------------------------


def test_kernel_of_one_number(tmp_path):
    ((address, severity, message),) = both(ConstantKernel(), put(model(5), "head", "kernel", ..., 0.5), tmp_path)
    assert (address, severity) == ("head@kernel", "warning") and "all 6 values are 0.5" in message


def frozen_head():
    found = put(model(5), "head", "kernel", ..., 0.5)
    found.get_layer("head").trainable = False
    return found


def dead_end():
    """A kernel that influences no output: D002 and P004 say it."""
    x = keras.Input((4,))
    inner = keras.Model(x, [layers.Dense(2)(x), layers.Dense(2, kernel_initializer="ones")(x)])
    y = keras.Input((4,))
    found = keras.Model(y, inner(y)[0])
    found.compile(keras.optimizers.SGD(momentum=0.9), "mse")
    found.optimizer.build(found.trainable_variables)
    found.optimizer.iterations.assign(3)
    return found


@pytest.mark.parametrize(
    "build",
    [dead_end, lambda: model(5), lambda: put(model(0), "head", "kernel", ..., 0.5), frozen_head],
    ids=["dead end", "random", "not trained", "frozen"],
)
def test_kernels_that_may_be_constant(build, tmp_path):
    assert both(ConstantKernel(), build(), tmp_path) == []


# -- what they share --------------------------------------------------------------------------------------------


class Counted:
    """Values that count how often they are read."""

    def __init__(self, *chunks):
        self.parts, self.reads, self.position = chunks, 0, 0
        self.nbytes = sum(chunk.nbytes for chunk in chunks)

    def read(self):
        raise AssertionError("statistics stream their numbers")

    def chunks(self):
        self.reads += 1
        yield from self.parts


def measured(*chunks):
    graph = expand(read_live(model()))
    variable = graph.variables["dense@kernel"]
    variable.values = Counted(*chunks)
    found = statistics(graph, variable)
    assert statistics(graph, variable) is found and variable.values.reads == 1
    return found


def test_one_pass_over_all_chunks():
    found = measured(np.array([1.0, -2.0]), np.array([np.nan, 3.0]), np.array([np.inf]))
    assert (found.count, found.nan, found.infinite, found.first_nonfinite) == (5, 1, 1, 2)
    assert (found.minimum, found.maximum) == (-2.0, 3.0)


def test_constant_and_empty():
    assert measured(np.zeros(3), np.zeros(2)).constant
    assert not measured(np.zeros(3), np.ones(2)).constant
    assert not measured(np.array([np.nan, np.nan])).constant
    assert not measured(np.array([np.inf, np.inf])).constant
    assert measured(np.array([], "float32")).minimum is None
    assert measured(np.array(["a", "b"])).minimum is None


def test_training_steps():
    assert training_steps(expand(read_live(model(7)))) == 7
    assert training_steps(expand(read_live(keras.Sequential([keras.Input((2,)), layers.Dense(1)])))) is None
