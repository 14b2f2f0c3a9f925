"""Rules on shared weights: what fires, and what must not."""

import json
import warnings
import zipfile

import keras
import numpy as np
import pytest
from keras import layers, ops

import graphlint
from graphlint.model.definition import (
    Body,
    CallDefinition,
    LayerDefinition,
    ModelDefinition,
    TensorRef,
    TensorSpec,
    VariableDefinition,
)
from graphlint.model.expand import expand
from rules.shared_weights.duplicate_computation import DuplicateComputation
from rules.shared_weights.partly_shared_towers import PartlySharedTowers
from rules.shared_weights.shared_across_scopes import SharedAcrossScopesRule
from rules.shared_weights.shared_batchnorm import SharedBatchnorm
from rules.shared_weights.shared_layer import SharedLayer
from rules.shared_weights.shared_with_different_shapes import SharedWithDifferentShapes
from rules.shared_weights.tie_lost import TieLost
from rules.shared_weights.unshared_on_load import UnsharedOnLoad
from rules.shared_weights.untracked_variable import UntrackedVariable
from tests.rules.editing import edited, entry
from tests.rules.front_ends import both, found, in_file, live


def sequential(*inside, shape=(4,), name=None):
    return keras.Sequential([keras.Input(shape), *inside], name=name)


def functional(layer, shape=(4,), name=None):
    inputs = keras.Input(shape)
    return keras.Model(inputs, layer(inputs), name=name)


def dense(name="shared"):
    return layers.Dense(4, name=name)


# -- S001 shared-across-scopes ----------------------------------------------------------------------------------


def two_sequentials():
    shared, x = dense(), keras.Input((4,))
    return keras.Model(x, sequential(shared, name="b")(sequential(shared, name="a")(x)))


def two_functionals():
    shared, x = dense(), keras.Input((4,))
    return keras.Model(x, functional(shared, name="b")(functional(shared, name="a")(x)))


def nested_then_parent():
    shared, x = dense(), keras.Input((4,))
    return keras.Model(x, shared(sequential(shared, name="a")(x)))


def parent_then_nested():
    shared, x = dense(), keras.Input((4,))
    return keras.Model(x, sequential(shared, name="a")(shared(x)))


def wrapper_then_parent():
    shared, x = dense(), keras.Input((3, 4))
    return keras.Model(x, shared(layers.TimeDistributed(shared, name="steps")(x)))


def two_wrappers():
    shared, x = dense(), keras.Input((3, 4))
    return keras.Model(x, layers.TimeDistributed(shared, name="b")(layers.TimeDistributed(shared, name="a")(x)))


def two_rnns_on_one_cell():
    cell, x = layers.LSTMCell(4), keras.Input((3, 4))
    return keras.Model(x, layers.RNN(cell, name="b")(layers.RNN(cell, return_sequences=True, name="a")(x)))


def a_submodel_in_two_models():
    shared, x = sequential(dense(), name="shared"), keras.Input((4,))
    return keras.Model(x, sequential(shared, name="b")(sequential(shared, name="a")(x)))


def model_and_its_features():
    inputs = keras.Input((4,))
    hidden = dense("hidden")(inputs)
    base = keras.Model(inputs, dense("last")(hidden), name="base")
    features = keras.Model(inputs, hidden, name="features")
    x = keras.Input((4,))
    return keras.Model(x, [base(x), features(x)])


BROKEN = [
    two_sequentials,
    two_functionals,
    nested_then_parent,
    parent_then_nested,
    wrapper_then_parent,
    two_wrappers,
    two_rnns_on_one_cell,
    a_submodel_in_two_models,
    model_and_its_features,
]


@pytest.mark.parametrize("build", BROKEN)
def test_a_model_that_cannot_be_loaded_is_reported_once(build, tmp_path):
    model = build()
    path = tmp_path / "model.keras"
    model.save(path)
    with pytest.raises(Exception):  # noqa: B017 - Keras raises several types
        keras.models.load_model(path)
    (in_memory,) = live(SharedAcrossScopesRule(), model)
    (stored,) = in_file(SharedAcrossScopesRule(), path)
    assert in_memory[0] == stored[0]
    assert in_memory[1] == stored[1] == "error"
    assert "20 parameters" in stored[2] or build is two_rnns_on_one_cell


@keras.saving.register_keras_serializable("tests")
class Backbone(keras.Model):
    """Its constructor makes a nested model and uses one of the layers in it again, as KerasHub's BASNet does."""

    def __init__(self, **kwargs):
        inner = sequential(dense(), name="inner")
        inputs = keras.Input((4,))
        super().__init__(inputs, sequential(inner.layers[0], name="outer")(inner(inputs)), **kwargs)

    def get_config(self):
        return {"name": self.name}


def test_what_a_constructor_makes_anew_is_not_reported(tmp_path):
    model = Backbone()
    model.save(tmp_path / "model.keras")
    keras.models.load_model(tmp_path / "model.keras")
    inputs = keras.Input((4,))
    around = keras.Model(inputs, dense("head")(model(inputs)))
    assert [live(SharedAcrossScopesRule(), one) for one in (model, around)] == [[], []]


@keras.saving.register_keras_serializable("tests")
class Block(layers.Layer):
    """Its constructor makes a layer and a wrapper around the same layer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = dense()
        self.steps = layers.TimeDistributed(self.dense)

    def build(self, shape):
        self.dense.build((None, 4))
        super().build(shape)

    def call(self, x):
        return self.steps(self.dense(x))


def test_what_the_code_of_a_layer_makes_anew_is_not_reported(tmp_path):
    inputs = keras.Input((3, 4))
    model = keras.Model(inputs, Block()(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert all(map(np.array_equal, model.get_weights(), loaded.get_weights()))
    assert live(SharedAcrossScopesRule(), model) == []


def called_twice():
    shared, x = sequential(dense(), name="a"), keras.Input((4,))
    return keras.Model(x, shared(shared(x)))


def weightless():
    shared, x = layers.ReLU(), keras.Input((4,))
    return keras.Model(x, sequential(shared, name="b")(sequential(shared, name="a")(x)))


def direct_then_wrapped():
    shared, x = dense(), keras.Input((3, 4))
    return keras.Model(x, layers.TimeDistributed(shared, name="steps")(shared(x)))


def made_from_the_inputs_of_the_parent():
    x, z = keras.Input((4,)), keras.Input((4,))
    hidden = dense("hidden")(x)
    inner = keras.Model(x, hidden, name="inner")
    return keras.Model([x, z], [dense("last")(hidden), inner(z)])


def made_from_the_inputs_of_the_parent_and_called_before():
    x, z = keras.Input((4,)), keras.Input((4,))
    hidden = dense("hidden")(x)
    inner = keras.Model(x, hidden, name="inner")
    return keras.Model([x, z], [hidden, dense("last")(dense("more")(inner(z)))])


def only_initializers_are_shared():
    initializer, x = keras.initializers.HeNormal(seed=1), keras.Input((4,))
    first = layers.Dense(4, kernel_initializer=initializer)
    return keras.Model(x, layers.Dense(4, kernel_initializer=initializer)(first(x)))


@pytest.mark.parametrize(
    "build",
    [
        called_twice,
        weightless,
        direct_then_wrapped,
        made_from_the_inputs_of_the_parent,
        only_initializers_are_shared,
    ],
)
def test_what_loads_is_not_reported(build, tmp_path):
    model = build()
    assert both(SharedAcrossScopesRule(), model, tmp_path) == []
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert len(loaded.weights) == len(model.weights)


def test_a_nested_model_of_the_same_inputs_that_is_written_first(tmp_path):
    model = made_from_the_inputs_of_the_parent_and_called_before()
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="hidden"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras.models.load_model(tmp_path / "model.keras")
    for reported in (
        live(SharedAcrossScopesRule(), model),
        in_file(SharedAcrossScopesRule(), tmp_path / "model.keras"),
    ):
        ((address, severity, message),) = reported
        assert address.endswith("hidden") and severity == "error" and "20 parameters" in message


def test_a_wrapper_mended_by_giving_the_first_occurrence_its_id_is_silent(tmp_path):
    model = wrapper_then_parent()
    model.save(tmp_path / "bad.keras")
    with zipfile.ZipFile(tmp_path / "bad.keras") as bad, zipfile.ZipFile(tmp_path / "good.keras", "w") as good:
        for name in bad.namelist():
            data = bad.read(name)
            if name == "config.json":
                config = json.loads(data)
                entries = config["config"]["layers"]
                entries[1]["config"]["layer"]["shared_object_id"] = entries[2]["shared_object_id"]
                data = json.dumps(config)
            good.writestr(name, data)
    assert in_file(SharedAcrossScopesRule(), tmp_path / "good.keras") == []
    assert len(keras.models.load_model(tmp_path / "good.keras").weights) == 2


# -- S002 unshared-on-load --------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
def test_h5_stores_a_shared_layer_twice(tmp_path):
    two_sequentials().save(tmp_path / "model.h5")
    assert len(keras.models.load_model(tmp_path / "model.h5", compile=False).weights) == 4
    (finding,) = in_file(UnsharedOnLoad(), tmp_path / "model.h5")
    assert finding[:2] == ("a/shared", "warning")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("initializer", ["glorot_uniform", "ones"])
def test_h5_layers_that_differ_or_are_constant_are_silent(initializer, tmp_path):
    first, second = (layers.Dense(4, kernel_initializer=initializer, name="same") for _ in range(2))
    x = keras.Input((4,))
    model = keras.Model(x, sequential(second, name="b")(sequential(first, name="a")(x)))
    model.save(tmp_path / "model.h5")
    assert in_file(UnsharedOnLoad(), tmp_path / "model.h5") == []


# -- S003 shared-layer ------------------------------------------------------------------------------------------


def test_a_shared_tower_is_reported_and_not_what_is_in_it(tmp_path):
    tower = sequential(dense("one"), dense("two"), name="tower")
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    reported = both(SharedLayer(), keras.Model([a, b], layers.Add()([tower(a), tower(b)])), tmp_path)
    assert reported == [("tower", "info", "2 calls share 40 parameters")]


def test_layers_without_weights_are_not_shared_layers(tmp_path):
    relu, x = layers.ReLU(), keras.Input((4,))
    assert both(SharedLayer(), keras.Model(x, relu(dense()(relu(x)))), tmp_path) == []


# -- S004 shared-batchnorm --------------------------------------------------------------------------------------


def normalised(norm, **kwargs):
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    return keras.Model([a, b], layers.Add()([norm(a, **kwargs), norm(b, **kwargs)]))


@pytest.mark.parametrize("kwargs", [{}, {"training": False}])
def test_shared_batchnorm(kwargs, tmp_path):
    (finding,) = both(SharedBatchnorm(), normalised(layers.BatchNormalization(name="norm"), **kwargs), tmp_path)
    assert finding[:2] == ("norm", "warning")


@pytest.mark.parametrize(
    "norm",
    [
        lambda: layers.BatchNormalization(trainable=False),
        lambda: layers.LayerNormalization(),
        lambda: sequential(layers.BatchNormalization(), name="tower"),
    ],
    ids=["frozen", "another norm", "inside a shared submodel"],
)
def test_norms_that_may_be_shared(norm, tmp_path):
    assert both(SharedBatchnorm(), normalised(norm()), tmp_path) == []


def test_batchnorm_twice_on_one_tensor_is_not_two_distributions(tmp_path):
    norm, x = layers.BatchNormalization(), keras.Input((4,))
    assert both(SharedBatchnorm(), keras.Model(x, layers.Add()([norm(x), norm(x)])), tmp_path) == []


# -- S005 partly-shared-towers ----------------------------------------------------------------------------------


def towers(own, merge=True, count=3):
    """Two towers of ``count`` layers of which those at the places in ``own`` are not shared."""
    shared = [layers.Dense(8, activation="relu", name=f"layer_{place}") for place in range(count)]

    def tower(x, name):
        for place, layer in enumerate(shared):
            x = layers.Dense(8, activation="relu", name=f"{name}_{place}")(x) if place in own else layer(x)
        return x

    a, b = keras.Input((8,), name="a"), keras.Input((8,), name="b")
    ends = [tower(a, "left"), tower(b, "right")]
    return keras.Model([a, b], layers.Dot(axes=-1)(ends) if merge else ends)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_layer_that_is_not_shared(place, tmp_path):
    (finding,) = both(PartlySharedTowers(), towers({place}), tmp_path)
    assert finding[:2] == (f"left_{place}", "warning")


@pytest.mark.parametrize(
    ("own", "merge"),
    [((), True), ((1, 2), True), ((0, 1, 2), True), ((2,), False)],
    ids=["all shared", "two own", "none shared", "heads of their own"],
)
def test_towers_that_differ_on_purpose(own, merge, tmp_path):
    assert both(PartlySharedTowers(), towers(set(own), merge), tmp_path) == []


def test_normalisation_may_differ_between_towers(tmp_path):
    first, last = dense("first"), dense("last")
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    ends = [last(layers.BatchNormalization()(first(x))) for x in (a, b)]
    assert both(PartlySharedTowers(), keras.Model([a, b], layers.Dot(axes=-1)(ends)), tmp_path) == []


# -- S006 shared-with-different-shapes --------------------------------------------------------------------------


def on_two(layer, first, second):
    a, b = keras.Input(first, name="a"), keras.Input(second, name="b")
    return keras.Model([a, b], [layer(a), layer(b)])


def test_a_dense_on_two_ranks(tmp_path):
    reported = both(SharedWithDifferentShapes(), on_two(dense(), (4,), (3, 4)), tmp_path)
    assert reported == [("shared", "info", "called on (?, 4) and on (?, 3, 4)")]


@pytest.mark.parametrize(
    ("layer", "first", "second"),
    [
        (lambda: layers.Conv2D(2, 3), (8, 8, 3), (16, 16, 3)),
        (lambda: layers.LSTM(2), (5, 3), (7, 3)),
        (lambda: layers.Bidirectional(layers.GRU(2)), (5, 3), (7, 3)),
        (lambda: layers.Embedding(9, 2), (5,), (7,)),
        (lambda: layers.Dense(2), (None, 3), (7, 3)),
        (lambda: layers.Flatten(), (2, 3), (4, 3)),
    ],
)
def test_layers_made_for_any_length(layer, first, second, tmp_path):
    assert both(SharedWithDifferentShapes(), on_two(layer(), first, second), tmp_path) == []


def test_a_weight_on_the_axis_that_differs_is_a_warning():
    shared = LayerDefinition("shared", "Dense", "keras.layers", config={"units": 2})
    shared.variables.append(VariableDefinition("kernel", 0, (4, 2), dtype="float32", trainable=True))
    calls = [
        CallDefinition(LayerDefinition(f"x{size}", "InputLayer"), outputs=(TensorSpec((None, size), None),))
        for size in (4, 5)
    ]
    calls += [
        CallDefinition(shared, (TensorRef(place, 0),), outputs=(TensorSpec((None, 2), None),)) for place in (0, 1)
    ]
    root = LayerDefinition("m", "Functional", "keras", is_model=True)
    inputs, outputs = [TensorRef(0, 0), TensorRef(1, 0)], [TensorRef(2, 0), TensorRef(3, 0)]
    root.body = Body([call.layer for call in calls[:3]], calls, inputs, outputs=outputs)
    graph = expand(ModelDefinition(root, "static", "keras", has_weights=True))
    (finding,) = found(SharedWithDifferentShapes(), graph)
    assert finding[1] == "warning"


# -- S007 tie-lost ----------------------------------------------------------------------------------------------


def language_model(copy, vocabulary=64):
    inputs = keras.Input((5,), dtype="int32")
    embedding = layers.Embedding(vocabulary, 8, name="tokens")
    head = layers.Dense(vocabulary, use_bias=False, name="logits")
    model = keras.Model(inputs, head(embedding(inputs)))
    head.set_weights([copy(embedding.get_weights()[0])])
    return model


def test_a_table_equal_to_the_head_transposed(tmp_path):
    (finding,) = both(TieLost(), language_model(np.transpose), tmp_path)
    assert finding[:2] == ("tokens", "info")


def change_last(table):
    table = table.T.copy()
    table[-1, -1] += 1
    return table


@pytest.mark.parametrize("copy", [change_last, lambda table: -table.T], ids=["one number differs", "negated"])
def test_a_table_that_is_not_equal(copy, tmp_path):
    assert both(TieLost(), language_model(copy), tmp_path) == []


def test_small_constant_and_reversible_tables(tmp_path):
    assert both(TieLost(), language_model(np.transpose, vocabulary=4), tmp_path) == []
    constant = language_model(np.transpose)
    for layer in constant.layers[1:]:
        layer.set_weights([np.ones_like(layer.get_weights()[0])])
    assert both(TieLost(), constant, tmp_path) == []
    inputs = keras.Input((5,), dtype="int32")
    tokens = layers.ReversibleEmbedding(64, 8)
    assert both(TieLost(), keras.Model(inputs, tokens(tokens(inputs), reverse=True)), tmp_path) == []


# -- S008 untracked-variable ------------------------------------------------------------------------------------


def times(factor):
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(2)(inputs * factor))


NUMBERS = np.array([1.0, 2.0, 3.0, 4.0], "float32")


def test_a_variable_is_a_warning_live_and_a_hint_in_the_file(tmp_path):
    model = times(keras.Variable(NUMBERS))
    assert [finding[1] for finding in live(UntrackedVariable(), model)] == ["warning"]
    model.save(tmp_path / "model.keras")
    assert [finding[1] for finding in in_file(UntrackedVariable(), tmp_path / "model.keras")] == ["info"]


def test_a_trainable_scalar_variable_is_found_live():
    assert [finding[1] for finding in live(UntrackedVariable(), times(keras.Variable(0.5)))] == ["warning"]


def test_the_variable_of_a_layer_loses_its_tie():
    inputs = keras.Input((4,))
    x = dense("owner")(inputs)
    model = keras.Model(inputs, x * x._keras_history.operation.bias)
    (finding,) = live(UntrackedVariable(), model)
    assert finding[1] == "warning"
    assert "the variable owner@bias" in finding[2]


def test_two_numbers_may_have_been_a_variable(tmp_path):
    model = times(ops.convert_to_tensor([0.5, 1.5, 0.5, 1.5]))
    assert [severity for _, severity, _ in both(UntrackedVariable(), model, tmp_path)] == ["info"]


@pytest.mark.parametrize(
    "factor",
    [
        lambda: 2.0,
        lambda: np.float32(2.0),
        lambda: NUMBERS,
        lambda: ops.convert_to_tensor([1.0, 0.0, 1.0, 1.0]),
        lambda: ops.convert_to_tensor([0.0, -1e9, 0.0, 0.0]),
        lambda: keras.Variable(2.0, trainable=False),
        lambda: ops.convert_to_tensor([[0.485], [0.456], [0.406]]),
    ],
    ids=["number", "numpy scalar", "numpy", "mask", "additive mask", "frozen scalar", "means of channels"],
)
def test_constants_that_were_never_trained(factor, tmp_path):
    inputs = keras.Input((3, 4))
    assert both(UntrackedVariable(), keras.Model(inputs, inputs * factor()), tmp_path) == []


# -- S009 duplicate-computation ---------------------------------------------------------------------------------


def added(first, second):
    inputs = keras.Input((4,), name="inputs")
    return keras.Model(inputs, layers.Add()([first(inputs), second(inputs)]))


def test_one_layer_twice_on_one_tensor(tmp_path):
    shared = dense()
    assert both(DuplicateComputation(), added(shared, shared), tmp_path) == [
        ("shared#0", "info", "computed twice from the same input")
    ]


def test_equal_layers_without_weights(tmp_path):
    first, second = layers.Activation("relu", name="first"), layers.Activation("relu", name="second")
    (finding,) = both(DuplicateComputation(), added(first, second), tmp_path)
    assert finding[0] == "first#0"


def test_the_order_in_which_settings_are_written_says_nothing(tmp_path):
    first, second = layers.MaxPooling1D(2, name="first"), layers.MaxPooling1D(2, name="second")
    inputs = keras.Input((4, 3))
    model = keras.Model(inputs, layers.Add()([first(inputs), second(inputs)]))

    def change(config):
        written = entry(config, "second")
        written["config"] = dict(reversed(written["config"].items()))

    assert [address for address, _, _ in in_file(DuplicateComputation(), edited(model, tmp_path, change))] == [
        "first#0"
    ]


def test_a_nested_model_twice_is_one_finding(tmp_path):
    inner = sequential(dense("one"), layers.ReLU(), name="inner")
    model = added(inner, inner)
    reported = both(DuplicateComputation(), model, tmp_path)
    assert [finding[0] for finding in reported] == ["inner"]
    fixed, _ = graphlint.fix(model, select="S009")
    assert live(DuplicateComputation(), fixed) == []
    numbers = np.ones((2, 4), "float32")
    np.testing.assert_array_equal(fixed(numbers), model(numbers))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda: layers.Dropout(0.5, name="a"), lambda: layers.Dropout(0.5, name="b")),
        (lambda: layers.Activation("relu"), lambda: layers.Activation("tanh")),
        (lambda: layers.Dense(4, name="a"), lambda: layers.Dense(4, name="b")),
        (lambda: ops.relu, lambda: ops.relu),
    ],
    ids=["random", "different", "weights of their own", "operations"],
)
def test_what_is_computed_once(first, second, tmp_path):
    assert both(DuplicateComputation(), added(first(), second()), tmp_path) == []
