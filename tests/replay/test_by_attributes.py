"""Copies and edits of models whose classes have no configuration."""

import threading
from collections import namedtuple
from functools import partial
from types import MethodType, ModuleType

import keras
import numpy as np
import pytest
from keras import layers, ops

import graphlint
from graphlint.replay.by_attributes import Attributes, can_be_copied


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

    with pytest.warns(graphlint.NotMeasured, match=r"inputs of 'late(_\d+)?' are not known"):
        copy = graphlint.clone(Late(3))
    assert not copy.built and tuple(copy(X).shape) == (6, 3)


# -- attribute by attribute -----------------------------------------------------------------------------------------


class Bag:
    """An object of code that Keras knows nothing of."""

    def __init__(self, **things):
        self.__dict__.update(things)

    def method(self):
        return self


class Empty(layers.Layer):
    """Has what it is given."""

    def call(self, x):
        return x


def copied(**attributes):
    """A layer with some attributes, its copy, and the copy of each layer inside by the ``id`` of the layer."""
    layer = Empty(name="empty")
    for name, value in attributes.items():
        setattr(layer, name, value)
    inside = {}

    def copy_of(one):
        return inside.setdefault(id(one), layers.Identity(name=f"copy_of_{one.name}"))

    return layer, Attributes(layer, copy_of).copy(), inside


@pytest.mark.parametrize(
    "make",
    [
        lambda: "text",
        lambda: b"bytes",
        lambda: 10**30,
        lambda: 1.5,
        lambda: 2j,
        lambda: True,
        lambda: None,
        lambda: Bag,
        lambda: np,
        lambda: keras.DTypePolicy("mixed_float16"),
        lambda: keras.KerasTensor((2,)),
        lambda: keras.constraints.NonNeg(),
        lambda: keras.initializers.Zeros(),
        lambda: keras.losses.MeanSquaredError(),
        lambda: keras.optimizers.schedules.CosineDecay(0.1, 10),
        lambda: keras.regularizers.L2(0.1),
        lambda: ops.relu,
        lambda: lambda x: x + 1,
        lambda: threading.Lock(),
    ],
)
def test_what_both_may_have(make):
    """What nothing changes is one object, and so is what cannot be copied at all."""
    value = make()
    _, copy, _ = copied(one=value, several=[value, (value,)], named={"a": value})
    assert copy.one is value and copy.several[0] is value and copy.several[1][0] is value and copy.named["a"] is value


def test_what_each_has_of_its_own():
    layer, copy, inside = copied(
        array=np.arange(3),
        items=[1, [2, np.ones(2)]],
        pair=(np.ones(1), 2),
        chosen={3, 4},
        frozen=frozenset({5}),
        named={"a": np.ones(1)},
        places=Pair([1], np.ones(1)),
        bag=Bag(numbers=[1, 2]),
        dense=layers.Dense(2, name="d"),
    )
    for name in ("array", "items", "pair", "chosen", "named", "places", "bag", "dense"):
        assert getattr(copy, name) is not getattr(layer, name), name
    assert copy.array.tolist() == [0, 1, 2] and copy.items[0] == 1 and copy.items[1] is not layer.items[1]
    assert copy.items[1][1] is not layer.items[1][1] and copy.items[1][1].tolist() == [1.0, 1.0]
    assert isinstance(copy.pair, tuple) and copy.pair[0] is not layer.pair[0] and copy.pair[1] == 2
    assert copy.chosen == {3, 4} and isinstance(copy.chosen, set) and not isinstance(copy.chosen, frozenset)
    assert copy.frozen == frozenset({5}) and isinstance(copy.frozen, frozenset)
    assert list(copy.named) == ["a"] and copy.named["a"] is not layer.named["a"]
    assert copy.places._fields == ("first", "second") and copy.places.first == [1]
    assert copy.places.second is not layer.places.second
    assert copy.bag.numbers == [1, 2] and copy.bag.numbers is not layer.bag.numbers
    assert copy.dense is inside[id(layer.dense)] and copy.name == "empty" and type(copy) is Empty


def test_what_is_one_object_in_two_places_is_one_in_the_copy():
    array, dense = np.ones(2), layers.Dense(2)
    layer, copy, inside = copied(one=array, other=[array, array], layer=dense, named={"a": dense})
    assert copy.one is copy.other[0] is copy.other[1] and copy.one is not array
    assert copy.layer is copy.named["a"] and list(inside) == [id(dense)]
    layer = Empty()
    layer.me = [layer]
    assert (made := Attributes(layer, lambda one: one).copy()).me[0] is made


def test_functions_with_what_they_hold():
    bag = Bag()
    layer, copy, _ = copied(
        then=partial(np.add, np.ones(1), out=bag), own=bag.method, text=partial(str, "a"), bag=bag, inner=partial(Bag)
    )
    assert copy.then.func is np.add and copy.then.args[0] is not layer.then.args[0]
    assert copy.then.args[0].tolist() == [1.0] and copy.then.keywords["out"] is copy.bag is not bag
    assert copy.own.__self__ is copy.bag and copy.own.__func__ is Bag.method and copy.own() is copy.bag
    assert copy.text.func is str and copy.text.args == ("a",) and copy.text.keywords == {}
    assert copy.inner.func is Bag and copy.inner.args == ()


def test_objects_of_keras_with_a_state():
    mean, seed = keras.metrics.Mean(name="mean"), keras.random.SeedGenerator(7)
    mean.update_state([1.0, 3.0])
    seed.next()
    loose = keras.Variable([1.0, 2.0], name="loose", trainable=False)
    layer, copy, _ = copied(mean=mean, seed=seed, adam=keras.optimizers.Adam(0.25), loose=loose)
    assert copy.mean is not mean and copy.mean.name == "mean" and float(copy.mean.result()) == 2.0
    assert copy.seed is not seed
    np.testing.assert_array_equal(ops.convert_to_numpy(copy.seed.state), ops.convert_to_numpy(seed.state))
    assert copy.adam is not layer.adam and float(copy.adam.learning_rate) == 0.25
    assert copy.loose is not loose and ops.convert_to_numpy(copy.loose).tolist() == [1.0, 2.0]
    assert not copy.loose.trainable and len(copy.variables) == len(layer.variables)


def test_variables_of_a_layer_are_those_that_its_attributes_hold():
    layer = Empty(name="empty")
    layer.kernel = layer.add_weight(shape=(2,), name="kernel", initializer="ones")
    layer.hidden = [layer.add_weight(shape=(1,), name="hidden", trainable=False)]
    layer.add_weight(shape=(1,), name="unheld", trainable=False)
    layer.build((None, 3))
    copy = Attributes(layer, lambda one: one).copy()
    assert copy.built and [one.name for one in copy.weights] == ["kernel", "hidden", "unheld"]
    assert copy.kernel is copy.weights[0] and copy.hidden[0] is copy.weights[1]
    assert [one.trainable for one in copy.weights] == [True, False, False]
    assert not {id(one) for one in copy.weights} & {id(one) for one in layer.weights}
    assert [one.path for one in copy.weights] == [one.path for one in layer.weights]
    assert not Attributes(Empty(), lambda one: one).copy().built


def closing_over(value):
    return lambda: value


def closing_late(sets=False):
    if sets:
        value = 3
    return lambda: value


def defaults(value):
    return lambda x=value: x


def keyword_defaults(value):
    return lambda *, x=value: x


@pytest.mark.parametrize(
    "around",
    [
        closing_over,
        defaults,
        keyword_defaults,
        lambda one: closing_over([1, "a", one]),
        lambda one: closing_over((one,)),
        lambda one: closing_over({Bag(inner=one)}),
        lambda one: closing_over(frozenset({Bag(inner=one)})),
        lambda one: closing_over({"a": 1, "b": one}),
        lambda one: closing_over({Bag(inner=one): 1}),
        lambda one: closing_over(closing_over(one)),
        lambda one: closing_over(Bag(inner=one).method),
        lambda one: closing_over(MethodType(closing_over(one), 3)),
        lambda one: Bag(a=1, inner=one),
        lambda one: Bag(inner=Bag(inner=[one])),
    ],
)
@pytest.mark.parametrize("held", [lambda: layers.Dense(2, name="held"), lambda: keras.Variable(1.0, name="held")])
def test_layers_and_variables_where_they_cannot_be_replaced(around, held):
    value = held()
    with pytest.raises(graphlint.CannotClone) as raised:
        copied(fine=3, thing=around(value))
    kind = type(around(value)).__name__
    assert f"Empty 'empty' has no configuration, and its attribute 'thing' is a {kind} that holds" in str(raised.value)
    assert f"{type(value).__name__} 'held': give the class get_config()" in str(raised.value)
    assert [one.name for one in raised.value.layers] == ["empty"]


def test_a_variable_that_no_layer_tracks():
    variable = keras.Variable([1.0, 2.0], name="v")
    _, copy, _ = copied(then=partial(np.add, variable), again=partial(np.add, variable))
    assert copy.then.args[0] is copy.again.args[0] is not variable
    assert ops.convert_to_numpy(copy.then.args[0]).tolist() == [1.0, 2.0]


def test_objects_that_hold_no_layer():
    module, cls = ModuleType("module"), type("Has", (), {"layer": layers.Dense(2)})
    module.layer = layers.Dense(2)
    of_classes = Bag(module=module, cls=cls)
    _, copy, _ = copied(of_classes=of_classes, fields=Bag(_fields=("a", "b"), a=1))
    assert copy.of_classes is of_classes and copy.fields.a == 1
    ring = Bag(name="ring")
    ring.ring, ring.items = ring, [ring]
    late, nothing = closing_late(), closing_over({"a": [1, (2.0,)], "b": {3}})
    _, copy, _ = copied(ring=ring, late=late, nothing=nothing)
    assert copy.ring is not ring and copy.ring.ring is copy.ring and copy.late is late and copy.nothing is nothing


def test_which_layers_are_copied_by_attributes():
    inputs = keras.Input((4,))
    graph = keras.Model(inputs, Empty()(inputs))
    copied_so = [Empty(), layers.TimeDistributed(Empty()), layers.RNN(Cell(2)), Net(2, 1), type("Of", (Net,), {})(2, 1)]
    others = [layers.Dense(2), layers.TimeDistributed(layers.Dense(2)), graph, keras.Sequential([Empty()]), 3]
    others += [keras.Sequential([keras.Input((4,)), Empty()]), ops.relu, keras.metrics.Mean(), ops.exp(inputs)]
    assert all(map(can_be_copied, copied_so)) and not any(map(can_be_copied, others))
