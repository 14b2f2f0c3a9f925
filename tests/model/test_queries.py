"""Named queries on the graph that several rules ask."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers, ops

from graphlint.model.expand import expand
from graphlint.model.graph import Variable
from graphlint.questions.equal_weights import equal
from graphlint.questions.gradients import gradient_reach, value_reach
from graphlint.questions.heads import trace_activation
from graphlint.questions.losses import losses, losses_added, output_names
from graphlint.questions.optimizer_slots import match_slots, optimizer_slots, trainable_variables
from graphlint.questions.sharing import places
from graphlint.questions.towers import towers
from graphlint.questions.unreached import dead_branches, uncalled_layers
from graphlint.sources.live import read_live
from tests.model.definitions import bodies, call, definition, input_call, layer, model


def graph_of(keras_model):
    return expand(read_live(keras_model))


# -- calls ------------------------------------------------------------------------------------------------------


@given(bodies(), st.data())
def test_components_split_the_calls_they_are_given(root, data):
    graph = expand(definition(root))
    chosen = data.draw(st.sets(st.sampled_from(list(graph.calls))))
    groups = graph.components(chosen)
    flat = [name for group in groups for name in group]
    assert sorted(flat) == sorted(chosen)
    member = {name: index for index, group in enumerate(groups) for name in group}
    for name in chosen:
        for edge in graph.in_edges(name):
            assert edge.source not in chosen or member[edge.source] == member[name]
    place = {name: index for index, name in enumerate(graph.calls)}
    assert all(group == sorted(group, key=place.__getitem__) for group in groups)


def test_shared_layers_are_those_called_twice_for_one_call_of_what_holds_them():
    once, twice = layer("once", size=1), layer("twice", size=1)
    inner = model("inner", [input_call("x"), call(once, 0), call(twice, 1), call(twice, 2)], [0], [3])
    root = model("m", [input_call("a"), call(inner, 0), call(inner, 1)], [0], [2])
    assert expand(definition(root)).shared_layers == ["inner", "inner/twice"]


def test_a_layer_in_two_models_is_shared():
    both = layer("both", size=1)
    inner = [model(name, [input_call("x"), call(both, 0)], [0], [1]) for name in ("one", "other")]
    root = model("m", [input_call("a"), call(inner[0], 0), call(inner[1], 1)], [0], [2])
    graph = expand(definition(root))
    assert graph.shared_layers == ["one/both"]
    assert [place.path for place in places(graph)["one/both"]] == ["one/both", "other/both"]


@given(bodies())
def test_dead_branches_and_uncalled_layers_cover_what_is_unreachable(root):
    graph = expand(definition(root))
    said = {variable.id for branch in dead_branches(graph) for variable in branch.variables}
    said |= {v.id for one in uncalled_layers(graph) for v in graph.variables_below(one.path)}
    assert said == {variable.id for variable in graph.variables.values() if variable.id not in graph.live_nodes}


# -- losses -----------------------------------------------------------------------------------------------------


def two_heads(loss, as_dict=False, **kwargs):
    x = keras.Input((4,))
    a, b = layers.Dense(1, name="a")(x), layers.Dense(2, name="b")(x)
    built = keras.Model(x, {"second": b, "first": a} if as_dict else [a, b])
    built.compile(loss=loss, **kwargs)
    return graph_of(built)


def shown(graph):
    found = losses(graph)
    return None if found is None else [(one.name, one.loss, one.built_in, one.from_logits) for one in found]


def own_loss(true, predicted):
    return ops.mean(true - predicted)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("mse", [("a", "mean_squared_error", True, None), ("b", "mean_squared_error", True, None)]),
        (["mse", None], [("a", "mean_squared_error", True, None), ("b", None, False, None)]),
        ({"a": None, "b": "bce"}, [("a", None, False, None), ("b", "binary_crossentropy", True, False)]),
        (
            ["mae", keras.losses.CategoricalCrossentropy(from_logits=True)],
            [("a", "mean_absolute_error", True, None), ("b", "categorical_crossentropy", True, True)],
        ),
        (
            [keras.losses.categorical_crossentropy, own_loss],
            [("a", "categorical_crossentropy", True, False), ("b", "own_loss", False, None)],
        ),
        (None, None),
    ],
)
def test_losses_by_output(loss, expected):
    assert shown(two_heads(loss)) == expected


def test_losses_of_a_dictionary_of_outputs_go_by_key():
    graph = two_heads({"second": "mse"}, as_dict=True)
    assert [(graph.layer(one.output.call).name, one.loss) for one in losses(graph)] == [
        ("a", None),
        ("b", "mean_squared_error"),
    ]


def test_several_losses_on_one_output_and_weights():
    x = keras.Input((4,))
    built = keras.Model(x, layers.Dense(2, name="out")(x))
    built.compile(loss=["mse", "mae"])
    assert [one.loss for one in losses(graph_of(built))] == ["mean_squared_error", "mean_absolute_error"]
    assert [one.weight for one in losses(two_heads(["mse", "mse"], loss_weights=[0.25, 1]))] == [0.25, 1.0]


def test_outputs_of_nested_models_are_named_after_the_model():
    x = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(2)], name="inner")
    built = keras.Model(x, [inner(x), layers.Dense(1, name="head")(x)])
    assert output_names(graph_of(built)) == built.output_names == ["inner", "head"]


def test_losses_added_by_layers():
    x = keras.Input((4,))
    built = keras.Model(x, layers.ActivityRegularization(l2=0.1, name="penalty")(layers.Dense(2)(x)))
    assert losses_added(graph_of(built)) == ["penalty#0"]


# -- heads ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "activation", "axis"),
    [
        (lambda x: layers.Dense(3, activation="softmax")(x), "softmax", -1),
        (lambda x: layers.Flatten()(layers.Dropout(0.1)(layers.Dense(3)(x))), "linear", None),
        (lambda x: layers.Activation("sigmoid")(layers.Dense(3)(x)), "sigmoid", None),
        (lambda x: layers.Activation("linear")(layers.Dense(3, activation="relu")(x)), "relu", None),
        (lambda x: layers.Softmax(axis=1)(x), "softmax", 1),
        (lambda x: ops.softmax(x, axis=1), "softmax", 1),
        (lambda x: ops.sigmoid(x), "sigmoid", None),
        (lambda x: layers.TimeDistributed(layers.Dense(3, activation="tanh"))(x), "tanh", None),
        (lambda x: keras.Sequential([keras.Input((2, 4)), layers.Dense(3, activation="softmax")])(x), "softmax", -1),
        (lambda x: layers.Lambda(ops.abs)(layers.Dense(3, activation="softmax")(x)), None, None),
        (lambda x: layers.Add()([x, x]), None, None),
    ],
)
def test_activations_behind_outputs(end, activation, axis):
    x = keras.Input((2, 4))
    graph = graph_of(keras.Model(x, end(x)))
    head = trace_activation(graph, graph.outputs[0])
    assert (head.activation, head.axis) == (activation, axis)


# -- gradients --------------------------------------------------------------------------------------------------


def test_gradients_stop_where_values_go_on():
    x = keras.Input((4,), name="x")
    hidden = layers.Dense(4, name="hidden")(x)
    graph = graph_of(keras.Model(x, layers.Dense(1, name="head")(ops.round(hidden))))
    assert "hidden#0" not in gradient_reach(graph, graph.outputs, [])
    assert {"hidden#0", "head#0"} <= value_reach(graph, ["x#0"])


# -- optimizers -------------------------------------------------------------------------------------------------


def mixed_layers():
    image = keras.Input((8, 8, 3))
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, name="conv")(image))
    inner = keras.Sequential([keras.Input((6, 24)), layers.Bidirectional(layers.LSTM(2), name="rnn")], name="inner")
    a = inner(layers.Reshape((6, 24))(x))
    return keras.Model(image, layers.Dense(2, name="head")(a))


@pytest.mark.parametrize("name", ["adam", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "ftrl", "lion"])
def test_slots_belong_to_the_variables_that_keras_made_them_for(name):
    built = mixed_layers()
    built.compile(name, "mse")
    built.optimizer.build(built.trainable_variables)
    graph = graph_of(built)
    assert [id(variable.obj) for variable in trainable_variables(graph)] == [id(v) for v in built.trainable_variables]
    matched = match_slots(graph, optimizer_slots(graph))
    for group in matched:
        (variable,) = group.variables
        assert all(variable.obj.path.replace("/", "_") in slot.obj.path for slot, _ in group.slots)


# -- towers and equal weights -----------------------------------------------------------------------------------


def test_towers_are_compared_call_by_call():
    first, last = layers.Dense(8, name="first"), layers.Dense(8, name="last")
    a, b = keras.Input((8,), name="a"), keras.Input((8,), name="b")
    ends = [last(layers.Dense(8, name=name)(first(x))) for x, name in ((a, "left"), (b, "right"))]
    (found,) = towers(graph_of(keras.Model([a, b], layers.Dot(axes=-1)(ends))))
    assert found.merged
    assert ("left#0", "right#0") in found.pairs
    assert ("last#0", "last#1") in found.pairs


class Chunks:
    """Numbers handed out in pieces of a given size."""

    def __init__(self, numbers, size):
        self.numbers = numbers
        self.size = size
        self.read_chunks = 0

    def chunks(self):
        for start in range(0, len(self.numbers), self.size):
            self.read_chunks += 1
            yield self.numbers[start : start + self.size]


@given(
    st.lists(st.integers(0, 3), max_size=20),
    st.lists(st.integers(0, 3), max_size=20),
    st.integers(1, 7),
    st.integers(1, 7),
)
def test_equal_whatever_the_chunks(first, second, one, other):
    def variable(numbers, size):
        array = np.array(numbers, "float32")
        return Variable(
            "v@k", "v", "k", index=0, shape=array.shape, dtype="float32", trainable=True, values=Chunks(array, size)
        )

    assert equal(variable(first, one), variable(second, other)) == (first == second)
    assert equal(variable(first, one), variable(first, other))


def test_comparing_stops_at_the_first_difference():
    left, right = Chunks(np.zeros(100), 10), Chunks(np.ones(100), 10)
    variables = [
        Variable("v@k", "v", "k", index=0, shape=(100,), dtype="float64", trainable=True, values=values)
        for values in (left, right)
    ]
    assert not equal(*variables)
    assert (left.read_chunks, right.read_chunks) == (1, 1)


# -- small ones -------------------------------------------------------------------------------------------------


def test_holders_fed_calls_and_direct_calls():
    shared = layers.Dense(4, name="shared")
    x = keras.Input((3, 4), name="x")
    constant = layers.Dense(4, name="constant")(ops.ones((1, 4)))
    both = layers.Add(name="add")([layers.TimeDistributed(shared, name="steps")(x), constant])
    graph = graph_of(keras.Model(x, both, name="net"))
    assert {call.partition("#")[0] for call in graph.fed_calls} == {"x", "steps", "add"}
    (kernel,) = [one for one in graph.variables if one.endswith("@kernel") and one.startswith("steps")]
    assert graph.holders(kernel) == [graph.variables[kernel].layer]
    inner = graph.variables[kernel].layer
    assert graph.called_directly("steps") and not graph.called_directly(inner)
    assert repr(graph).startswith(f"<ModelGraph 'net': {len(graph.calls)} calls, {len(graph.layers)} layers")
