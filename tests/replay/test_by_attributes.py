"""Copies and edits of models whose classes have no configuration."""

from collections import namedtuple
from functools import partial

import keras
import numpy as np
import pytest
from keras import layers, ops

import graphlint


def same(one, other, *inputs, training=False):
    first, second = one(*inputs, training=training), other(*inputs, training=training)
    for left, right in zip(keras.tree.flatten(first), keras.tree.flatten(second), strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(left), ops.convert_to_numpy(right))


def require_apart(model, copy):
    """No variable and no layer in common, and all variables alike, in the same order."""
    assert not {id(one) for one in model.variables} & {id(one) for one in copy.variables}
    mine, its = (list(one._flatten_layers(include_self=True)) for one in (model, copy))
    assert not {id(one) for one in mine} & {id(one) for one in its}
    assert [type(one) for one in mine] == [type(one) for one in its]
    assert [(one.path, one.trainable) for one in model.weights] == [(one.path, one.trainable) for one in copy.weights]
    for one, other in zip(model.variables, copy.variables, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))


class Residual(layers.Layer):
    def __init__(self, units, rate):
        super().__init__()
        self.supports_masking = True
        self.dense, self.drop = layers.Dense(units, activation="relu"), layers.Dropout(rate, seed=3)
        self.scale = self.add_weight(shape=(units,), initializer="ones", name="scale")

    def call(self, x, training=None):
        return x + self.drop(self.dense(x), training=training) * self.scale


class Net(keras.Model):
    def __init__(self, units, depth):
        super().__init__(name="net")
        self.stem = layers.Dense(units)
        self.blocks = [Residual(units, 0.5) for _ in range(depth)]
        self.heads = {"a": layers.Dense(2), "b": layers.Dense(1)}
        self.norm = layers.BatchNormalization()

    def call(self, x, training=None):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x, training=training)
        x = self.norm(x, training=training)
        return {name: head(x) for name, head in self.heads.items()}


X = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")


def built(model, *inputs):
    model(*(inputs or (X,)))
    return model


def test_a_model_without_a_configuration_is_copied():
    model = built(Net(8, 2))
    model.blocks[0].dense.trainable = False
    copy = graphlint.clone(model)
    require_apart(model, copy)
    same(model, copy, X)
    same(model, copy, X, training=True)
    assert copy.blocks[0].supports_masking and copy.blocks[0].drop is not model.blocks[0].drop
    assert [one.name for one in copy.layers] == [one.name for one in model.layers]


def test_a_trained_model_keeps_its_optimizer():
    model = built(Net(8, 1))
    model.compile("adam", {"a": "mse", "b": "mse"})
    targets = {"a": np.zeros((6, 2)), "b": np.zeros((6, 1))}
    model.fit(X, targets, epochs=2, verbose=0)
    copy = graphlint.clone(model)
    assert int(copy.optimizer.iterations) == 2
    for one in (model, copy):
        keras.utils.set_random_seed(1)
        one.fit(X, targets, epochs=2, verbose=0, shuffle=False)
    same(model, copy, X)


@pytest.mark.filterwarnings("ignore::graphlint.replay.members.NotStored")
def test_edits_inside():
    model = built(Net(8, 2))
    wide = graphlint.edit(model).replace("blocks/1/drop", layers.Dropout(0.1)).build()
    assert wide.blocks[1].drop.rate == 0.1 and model.blocks[1].drop.rate == 0.5
    same(model, wide, X)
    frozen = graphlint.edit(model).freeze("blocks/0").build()
    assert not frozen.blocks[0].trainable and model.blocks[0].trainable
    longer = graphlint.edit(model).insert_after("stem", layers.Activation("tanh")).build()
    tanh = longer.stem(X)
    np.testing.assert_allclose(ops.convert_to_numpy(tanh), np.tanh(ops.convert_to_numpy(model.stem(X))), rtol=1e-5)


class Sampling(layers.Layer):
    def __init__(self, size):
        super().__init__()
        self.seed = keras.random.SeedGenerator(7)
        self.table = np.eye(size, dtype="float32")

    def call(self, x):
        return ops.matmul(x, self.table) + keras.random.normal(ops.shape(x), seed=self.seed)


class VAE(keras.Model):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder, self.sampling = encoder, decoder, Sampling(3)
        self.loss_tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.loss_tracker]

    def call(self, x):
        return self.decoder(self.sampling(self.encoder(x)))


def test_models_metrics_and_seeds_inside():
    inputs = keras.Input((5,))
    encoder = keras.Model(inputs, layers.Dense(3)(layers.Dense(4, "relu")(inputs)))
    model = built(VAE(encoder, keras.Sequential([layers.Dense(4, "relu"), layers.Dense(5)])))
    model.loss_tracker.update_state(3.0)
    copy = graphlint.clone(model)
    require_apart(model, copy)
    assert float(copy.loss_tracker.result()) == 3.0 and copy.loss_tracker is not model.loss_tracker
    assert copy.sampling.seed is not model.sampling.seed
    first, second = model(X), copy(X)
    np.testing.assert_array_equal(ops.convert_to_numpy(first), ops.convert_to_numpy(second))


Pair = namedtuple("Pair", "first second")


class Member(layers.Layer):
    """Holds a method of the one that holds it, and a layer of another member."""

    def __init__(self, doubled, other=None):
        super().__init__()
        self.doubled = doubled
        self.inner = other.inner if other is not None else layers.Dense(5)

    def call(self, x):
        return self.doubled(self.inner(x))


class Odd(keras.Model):
    def __init__(self):
        super().__init__()
        first = Member(self.doubled)
        self.pair = Pair(first, Member(self.doubled, first))
        self.again = self.pair.first
        self.activation = ops.tanh
        self.then = partial(ops.clip, x_min=-1.0, x_max=1.0)
        self.own = self.shifted

    def doubled(self, x):
        return x * 2.0

    def shifted(self, x):
        return self.pair.second(x) + 1.0

    def call(self, x):
        return self.then(self.activation(self.own(self.again(x))))


def test_what_is_one_object_stays_one():
    model = built(Odd())
    copy = graphlint.clone(model)
    require_apart(model, copy)
    same(model, copy, X)
    assert copy.pair.first is copy.again and copy.pair.first.inner is copy.pair.second.inner
    assert copy.own.__self__ is copy and copy.pair.first.doubled.__self__ is copy


def test_what_an_unknown_object_holds_is_refused():
    class Closed(keras.Model):
        def __init__(self):
            super().__init__()
            dense = self.dense = layers.Dense(5)
            self.function = lambda x: dense(x)

        def call(self, x):
            return self.function(x)

    with pytest.raises(graphlint.CannotClone, match="its attribute 'function' is a function that holds Dense 'dense"):
        graphlint.clone(built(Closed()))


def test_new_weights_need_a_configuration():
    with pytest.raises(graphlint.CannotClone, match="give it get_config"):
        graphlint.clone(built(Net(4, 1)), weights="init")


class Cell(layers.Layer):
    def __init__(self, size):
        super().__init__()
        self.state_size = size

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.state_size), name="kernel", constraint="non_neg")
        self.used = {"steps": 0, "shape": list(shape)}

    def call(self, x, states):
        state = ops.tanh(ops.matmul(x, self.kernel) + states[0])
        return state, [state]


def test_a_layer_of_a_functional_model():
    inputs = keras.Input((4, 3))
    model = keras.Model(inputs, layers.RNN(Cell(6))(inputs))
    copy = graphlint.clone(model)
    require_apart(model, copy)
    x = np.ones((2, 4, 3), "float32")
    same(model, copy, x)
    one, other = (each.layers[1].cell for each in (model, copy))
    assert other.used == one.used and other.used is not one.used
    assert type(other.kernel.constraint) is type(one.kernel.constraint)


def test_a_layer_that_was_never_built():
    class Late(keras.Model):
        def __init__(self, units):
            super().__init__()
            self.units, self.dense = units, layers.Dense(units)

        def call(self, x):
            return self.dense(x)

    with pytest.warns(graphlint.NotMeasured, match="inputs of 'late' are not known"):
        copy = graphlint.clone(Late(3))
    assert not copy.built and tuple(copy(X).shape) == (6, 3)
