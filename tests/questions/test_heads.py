"""What outputs end in, and where gradients and values reach, on definitions without Keras."""

from __future__ import annotations

import pytest

from graphlint.model.definition import CallDefinition, TensorRef, TensorSpec
from graphlint.model.expand import expand
from graphlint.model.graph import Tensor
from graphlint.questions.gradients import cuts_gradient, gradient_reach, normalises_one, value_reach
from graphlint.questions.heads import (
    FAR,
    activation_name,
    activation_of,
    applies_alone,
    innermost,
    last_size,
    trace_activation,
    units,
)
from tests.model.definitions import SPEC, call, definition, input_call, layer, model

UNKNOWN = TensorSpec(None, "float32")


def op(name, class_name=None, **config):
    return layer(name, class_name or name, is_operation=True, config=config)


def dense(name="dense", activation="linear", **config):
    return layer(name, "Dense", config={"activation": activation, **config})


def activation(name):
    return layer("end", "Activation", config={"activation": name})


def chain(*parts, spec=SPEC):
    """A chain of layers; a pair is a layer with the arguments of its call beside the tensor."""
    calls = [CallDefinition(layer("x", "InputLayer"), outputs=(spec,))]
    for place, part in enumerate(parts):
        made, args, kwargs = part if isinstance(part, tuple) else (part, (), {})
        calls.append(CallDefinition(made, (TensorRef(place, 0), *args), kwargs, outputs=(spec,)))
    return expand(definition(model("net", calls, [0], [len(parts)])))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([dense(activation="softmax")], ("dense", "softmax", -1, [])),
        ([dense(activation="sigmoid")], ("dense", "sigmoid", None, [])),
        ([dense(activation={"class_name": "Mine"})], ("dense", None, None, [])),
        ([dense(activation="relu"), layer("drop", "Dropout")], ("dense", "relu", None, ["drop#0"])),
        ([dense(), layer("flat", "Flatten"), layer("end", "Reshape")], ("dense", "linear", None, ["end#0", "flat#0"])),
        (
            [dense(activation="tanh"), layer("end", "Activation", config={"activation": "linear"})],
            ("dense", "tanh", None, ["end#0"]),
        ),
        ([dense(), activation("tanh")], ("end", "tanh", None, [])),
        ([dense(activation="tanh"), dense("end")], ("end", "linear", None, [])),
        ([dense(activation="tanh"), layer("mask", "Masking")], ("dense", "tanh", None, ["mask#0"])),
        ([dense(activation="tanh"), op("cast", "Cast")], ("dense", "tanh", None, ["cast#0"])),
        ([dense(), layer("end", "Softmax", config={"axis": 1})], ("end", "softmax", 1, [])),
        ([dense(), layer("end", "Softmax", config={"axis": [1, 2]})], ("end", "softmax", (1, 2), [])),
        ([dense(), layer("end", "Softmax", config={"axis": [1, "2"]})], ("end", "softmax", None, [])),
        ([dense(), layer("end", "Softmax")], ("end", "softmax", -1, [])),
        ([dense(), layer("end", "ReLU", config={"axis": 1})], ("end", "relu", None, [])),
        ([dense(), op("end", "Softmax")], ("end", "softmax", -1, [])),
        ([dense(), op("end", "Softmax", axis=1)], ("end", "softmax", 1, [])),
        ([dense(), (op("end", "Softmax", axis=1), (2,), {})], ("end", "softmax", 2, [])),
        ([dense(), (op("end", "Softmax", axis=1), (2,), {"axis": 0})], ("end", "softmax", 0, [])),
        ([dense(), op("end", "LogSoftmax", axis=1)], ("end", "log_softmax", 1, [])),
        ([dense(), (layer("end", "Softmax", config={"axis": 1}), (2,), {"axis": 3})], ("end", "softmax", 1, [])),
        ([dense(), op("end", "Sigmoid")], ("end", "sigmoid", None, [])),
        ([dense(), op("end", "Exp")], ("end", None, None, [])),
        ([dense(), layer("end", "Lambda", config={"activation": "relu"})], ("end", None, None, [])),
        ([dense(), layer("end", "Mine", registered_name="x>Mine")], ("end", None, None, [])),
        ([dense(), layer("end", "LSTM", config={"activation": "tanh"})], ("end", None, None, [])),
        ([dense(), layer("end", "Dense", config={"activation": "tanh"}, config_error="no")], ("end", None, None, [])),
        ([layer("end", "Conv2D", config={"activation": "relu"})], ("end", "relu", None, [])),
        ([layer("drop", "Dropout")], ("x", None, None, ["drop#0"])),
    ],
)
def test_the_end_of_an_output(parts, expected):
    graph = chain(*parts)
    head = trace_activation(graph, graph.outputs[0])
    assert (head.layer, head.activation, head.axis, list(head.through)) == expected
    assert head.call == f"{head.layer}#0"
    assert activation_of(graph, head.call) == (head.activation, head.axis)


def test_only_so_far():
    for count, expected in ((FAR - 1, ("dense", "relu")), (FAR, ("drop0", None))):
        graph = chain(dense(activation="relu"), *(layer(f"drop{number}", "Dropout") for number in range(count)))
        head = trace_activation(graph, graph.outputs[0])
        assert (head.layer, head.activation) == expected
    sizes = [layer(f"relu{number}", "ReLU") for number in range(FAR)]
    assert last_size(chain(dense(units=3), *sizes[1:], spec=UNKNOWN), Tensor(f"relu{FAR - 1}#0", 0)) == 3
    assert last_size(chain(dense(units=3), *sizes, spec=UNKNOWN), Tensor(f"relu{FAR - 1}#0", 0)) is None


def test_a_tensor_of_several_sources_ends_there():
    calls = [input_call("x"), call(dense(activation="relu"), 0), call(layer("end", "Dropout"), 1, 0)]
    graph = expand(definition(model("net", calls, [0], [2])))
    assert trace_activation(graph, graph.outputs[0]).layer == "end"


@pytest.mark.parametrize(
    ("children", "inside"),
    [
        ({"layer": dense(activation="softmax")}, "steps/layer"),
        ({"layer": layer("more", "TimeDistributed", children={"layer": dense()})}, "steps/layer/layer"),
        ({}, "steps"),
        ({"layer": dense(), "other": dense()}, "steps"),
        ({"layer": model("inner", [input_call("i"), call(dense(), 0)], [0], [1])}, "steps"),
    ],
)
def test_what_is_inside_a_wrapper_of_steps(children, inside):
    graph = chain(layer("steps", "TimeDistributed", children=children))
    assert innermost(graph, graph.layers["steps"]).path == inside
    around = chain(layer("steps", "Bidirectional", children={"layer": dense()}))
    assert innermost(around, around.layers["steps"]).path == "steps"


@pytest.mark.parametrize(
    ("made", "alone"),
    [
        (layer("end", "Activation"), True),
        (layer("end", "Softmax"), True),
        (op("end", "Softmax"), True),
        (op("end", "Exp"), False),
        (dense("end", "softmax"), False),
        (layer("end", "TimeDistributed", children={"layer": layer("relu", "ReLU")}), True),
    ],
)
def test_what_does_nothing_but_apply_an_activation(made, alone):
    assert applies_alone(chain(made), "end#0") is alone


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("relu", "relu"),
        (None, "linear"),
        ("softmax_v2", "softmax"),
        ({"class_name": "function", "config": "relu"}, "relu"),
        ({"class_name": "function", "config": "softmax_v2"}, "softmax"),
        ({"class_name": "function", "config": "mine", "registered_name": "x>mine"}, None),
        ({"class_name": "function", "config": "relu", "registered_name": "relu"}, "relu"),
        ({"class_name": "function", "config": "relu", "registered_name": 3}, "relu"),
        ({"class_name": "Activation", "config": {"activation": "tanh"}}, "tanh"),
        ({"class_name": "Activation", "config": {}}, "linear"),
        ({"class_name": "ReLU", "config": {}}, "relu"),
        ({"class_name": "Softmax", "config": {}}, "softmax"),
        ({"class_name": "Sigmoid", "config": {}}, "sigmoid"),
        ({"class_name": "Dense", "config": {"activation": "relu"}}, None),
        ({"class_name": "Mine", "config": {}}, None),
        ({"class_name": 3, "config": {}}, None),
        ({"class_name": ["ReLU"], "config": {}}, None),
        ({"class_name": "Activation", "config": 3}, None),
        ({}, None),
        (3, None),
        (["relu"], None),
    ],
)
def test_names_of_activations(written, name):
    assert activation_name(written) == name


@pytest.mark.parametrize(
    ("class_name", "config", "size"),
    [
        ("Dense", {"units": 3}, 3),
        ("Dense", {"units": "3"}, None),
        ("Dense", {"units": True}, None),
        ("Dense", {}, None),
        ("Conv2D", {"filters": 3}, 3),
        ("Conv2D", {"filters": 3, "data_format": "channels_last"}, 3),
        ("Conv2D", {"filters": 3, "data_format": "channels_first"}, None),
        ("DepthwiseConv2D", {"filters": 3}, None),
        ("LocallyConnected1D", {"filters": 3}, 3),
        ("Reshape", {"target_shape": [2, 3]}, 3),
        ("Reshape", {"target_shape": [2, -1]}, None),
        ("Reshape", {"target_shape": []}, None),
        ("Reshape", {"target_shape": 3}, None),
        ("LSTM", {"units": 3}, None),
        ("ConvLSTM2D", {"filters": 3}, None),
    ],
)
def test_sizes_that_the_arguments_tell(class_name, config, size):
    graph = chain(layer("one", class_name, config=config), spec=UNKNOWN)
    assert units(graph.layers["one"]) == size
    assert last_size(graph, graph.outputs[0]) == size


@pytest.mark.parametrize(
    ("end", "size"),
    [
        (layer("end", "ReLU"), 3),
        (layer("end", "LayerNormalization"), 3),
        (layer("end", "Dropout"), 3),
        (op("end", "Exp"), 3),
        (op("end", "Softmax"), 3),
        (op("end", "LogSoftmax"), 3),
        (op("end", "Transpose"), None),
        (layer("end", "Flatten"), None),
        (layer("end", "Lambda"), None),
        (layer("end", "Mine", registered_name="x>Mine"), None),
    ],
)
def test_sizes_behind_what_keeps_the_shape(end, size):
    graph = chain(dense(units=3), end, spec=UNKNOWN)
    assert last_size(graph, graph.outputs[0]) == size
    assert last_size(chain(dense(units=3), end), Tensor("end#0", 0)) == 4
    assert last_size(chain(dense(units=3), end, spec=TensorSpec((), "float32")), Tensor("end#0", 0)) is None


def test_sizes_end_at_what_has_several_sources():
    calls = [CallDefinition(one, outputs=(UNKNOWN,)) for one in (layer("x", "InputLayer"),)]
    calls += [CallDefinition(dense(units=3), (TensorRef(0, 0),), outputs=(UNKNOWN,))]
    calls += [CallDefinition(layer("end", "ReLU"), (TensorRef(1, 0), TensorRef(0, 0)), outputs=(UNKNOWN,))]
    calls += [CallDefinition(layer("alone", "ReLU"), (2.0,), outputs=(UNKNOWN,))]
    graph = expand(definition(model("net", calls, [0], [2, 3])))
    assert [last_size(graph, output) for output in graph.outputs] == [None, None]


# -- gradients ----------------------------------------------------------------------------------------------------


def normalised(shape, axis=-1, class_name="LayerNormalization"):
    spec = TensorSpec(shape, "float32")
    return chain(layer("norm", class_name, config={"axis": axis}), spec=spec)


@pytest.mark.parametrize(
    ("shape", "axis", "one"),
    [
        ((None, 1), -1, True),
        ((None, 4), -1, False),
        ((None, 1, 4), [1], True),
        ((None, 1, 4), [1, 2], False),
        ((None, 1, 1), (1, 2), True),
        ((None, 1), [], False),
        ((None, 1), 2, False),
        ((None, 1), -3, False),
        ((None, 1), -2, False),
        ((1, 4), -2, True),
        ((None, 1), "1", False),
        ((), -1, False),
        (None, -1, False),
    ],
)
def test_normalisations_of_one_number(shape, axis, one):
    assert normalises_one(normalised(shape, axis), "norm#0") is one
    assert cuts_gradient(normalised(shape, axis), "norm#0") is one
    assert not normalises_one(normalised(shape, axis, "BatchNormalization"), "norm#0")
    values = value_reach(normalised(shape, axis), ["x#0"])
    assert ("norm#0" in values) is not one


WITHOUT_GRADIENT = """
floor math.argmax math.argmin math.ceil math.equal math.floor math.greater math.less math.round math.sign one_hot
ones_like round sign stop_gradient zeros_like
""".split()


@pytest.mark.parametrize(
    ("made", "cuts"),
    [
        (op("end", "Round"), True),
        (op("end", "Sign"), True),
        (op("end", "StopGradient"), True),
        (op("end", "Exp"), False),
        (dense("end"), False),
        *((layer("end", "TFOpLambda", config={"function": name}), True) for name in WITHOUT_GRADIENT),
        (layer("end", "TFOpLambda", config={"function": "math.add"}), False),
        (layer("end", "TFOpLambda"), False),
        (layer("end", "Lambda", config={"function": "round"}), False),
    ],
)
def test_what_stops_a_gradient(made, cuts):
    graph = chain(dense(), made)
    assert cuts_gradient(graph, "end#0") is cuts
    assert gradient_reach(graph, graph.outputs, []) == ({"end#0"} if cuts else {"end#0", "dense#0", "x#0"})
    assert gradient_reach(graph, [], ["dense#0"]) == {"dense#0", "x#0"}


@pytest.mark.parametrize(
    ("dtype", "carries"),
    [
        ("float32", True),
        ("bfloat16", True),
        ("float16", True),
        ("complex64", True),
        (None, True),
        ("int32", False),
        ("bool", False),
        ("string", False),
        ("uint8", False),
    ],
)
def test_dtypes_that_carry_gradients(dtype, carries):
    graph = chain(dense(), dense("end"), spec=TensorSpec((None, 4), dtype))
    assert gradient_reach(graph, graph.outputs, []) == ({"x#0", "dense#0", "end#0"} if carries else set())
    assert gradient_reach(graph, [], ["end#0"]) == ({"x#0", "dense#0", "end#0"} if carries else {"end#0"})


def test_values_reach_what_depends_on_more_than_a_shape():
    calls = [input_call("x"), call(op("like", "OnesLike"), 0), call(dense("a"), 1), call(dense("b"), 0)]
    calls += [call(layer("end", "Add"), 2, 3)]
    graph = expand(definition(model("net", calls, [0], [4])))
    assert value_reach(graph, ["x#0"]) == {"x#0", "b#0", "end#0"}
    assert value_reach(graph, ["like#0"]) == {"like#0", "a#0", "end#0"}
    assert value_reach(graph, []) == set()
