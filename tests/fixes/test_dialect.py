"""What older releases wrote, in the form of the installed Keras; only configurations, nothing is built."""

import keras
import pytest

from graphlint.errors import Unmendable
from graphlint.fixes.dialect import arguments_of, todays_configuration
from graphlint.model.definition import CallDefinition, Constant, ConstantKind, TensorRef, TensorSpec
from tests.model.definitions import SPEC, call, layer, model


def input_call(name):
    return CallDefinition(layer(name, "InputLayer", config={"batch_shape": [None, 4]}), outputs=(SPEC,))


def of(class_name, children=(), **config):
    """The configuration of one built-in layer."""
    one = layer("n", class_name, config={"name": "n", **config}, children=dict(children))
    written = todays_configuration(one)
    assert (written["module"], written["class_name"], written["registered_name"]) == ("keras.layers", class_name, None)
    return {key: value for key, value in written["config"].items() if key != "name"}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"batch_shape": (None, 3), "batch_input_shape": (None, 4), "dtype": "int32"}, {"dtype": "int32"}),
        ({"batch_input_shape": [None, 3], "dtype": None, "sparse": None}, {}),
        ({"batch_shape": [None, 3], "sparse": True, "ragged": False}, {"sparse": True}),
        ({"batch_shape": [None, 3], "ragged": True}, {"ragged": True}),
    ],
)
def test_inputs(config, expected):
    base = {"batch_shape": [None, 3], "dtype": "float32", "sparse": False}
    assert of("InputLayer", **config) == base | expected


def test_an_input_without_a_shape_is_refused():
    with pytest.raises(Unmendable, match="the shape of input 'n' is not in the file"):
        of("InputLayer", dtype="float32")


def test_classes_of_others_stay_as_they_are():
    own = layer("n", "Mine", config={"units": 3, "groups": 9})
    own.module, own.registered_name = "their.module", "their>Mine"
    expected = {"module": "their.module", "class_name": "Mine", "config": own.config, "registered_name": "their>Mine"}
    assert todays_configuration(own) == expected
    own.build_shape = [None, 3]
    assert todays_configuration(own) == expected | {"build_config": {"input_shape": [None, 3]}}
    own.class_name = "Dense"
    assert todays_configuration(own)["config"] == own.config


@pytest.mark.parametrize("module", ["keras.layers", "keras.src.engine.base_layer"])
def test_classes_that_are_gone_are_refused(module):
    gone = layer("n", "ThresholdedReLU")
    gone.module = module
    with pytest.raises(Unmendable, match=rf"ThresholdedReLU 'n' is a layer that Keras {keras.__version__} does not"):
        todays_configuration(gone)
    with pytest.raises(Unmendable, match="Lambda 'n' contains Python code"):
        of("Lambda", function="code")


@pytest.mark.parametrize(
    ("class_name", "config", "expected"),
    [
        ("GRU", {"units": 2}, {"units": 2, "reset_after": False}),
        ("GRU", {"units": 2, "reset_after": True}, {"units": 2, "reset_after": True}),
        ("GRUCell", {"units": 2}, {"units": 2, "reset_after": False}),
        ("LSTM", {"units": 2, "time_major": False, "implementation": 2}, {"units": 2}),
        ("LeakyReLU", {"alpha": 0.25}, {"negative_slope": 0.25}),
        ("ELU", {"alpha": 0.25}, {"alpha": 0.25}),
        ("Dense", {"units": 2, "batch_input_shape": [None, 3], "trainable": True}, {"units": 2, "trainable": True}),
        ("Dense", {"units": 2, "kernel_initializer": "zeros"}, {"units": 2, "kernel_initializer": "zeros"}),
        ("Conv2DTranspose", {"filters": 2, "groups": 1}, {"filters": 2}),
        ("BatchNormalization", {"axis": [3], "fused": None}, {"axis": 3}),
        ("LayerNormalization", {"axis": [2, 3]}, {"axis": [2, 3]}),
        ("LayerNormalization", {"axis": -1}, {"axis": -1}),
        ("Permute", {"dims": [1]}, {"dims": [1]}),
        ("Normalization", {"mean": [[1.0, 2.0]], "variance": 4.0}, {"mean": [[1.0, 2.0]], "variance": [[4.0, 4.0]]}),
        ("Normalization", {"mean": [1.0], "variance": None}, {"mean": [1.0], "variance": None}),
        ("Normalization", {"mean": None, "variance": [1.0]}, {"mean": None, "variance": [1.0]}),
        ("Dropout", {"rate": 0.5, "seed": 3, "noise_shape": None}, {"rate": 0.5, "seed": 3, "noise_shape": None}),
    ],
)
def test_arguments(class_name, config, expected):
    assert of(class_name, **config) == expected


def test_arguments_with_an_effect_are_refused():
    with pytest.raises(Unmendable, match=r"Conv2DTranspose 'n' was made with groups=2, which Conv2DTranspose does not"):
        of("Conv2DTranspose", filters=2, groups=2)

    class Base:
        def __init__(self, one, *, two=2, **more):
            """Takes what its own base does not."""

    class Middle(Base):
        """Has no constructor."""

    class Last(Middle):
        def __init__(self, three, *rest, **more):
            super().__init__(3, **more)

    given = {"one": 1, "two": 2, "three": 3}
    assert arguments_of(Last, given, "it") == given
    for name in ("self", "rest", "more", "args"):
        with pytest.raises(Unmendable, match=f"it was made with {name}=1"):
            arguments_of(Last, {name: 1}, "it")

    class Closed(Base):
        def __init__(self, three):
            super().__init__(three)

    with pytest.raises(Unmendable, match="it was made with one=1"):
        arguments_of(Closed, {"three": 3, "one": 1}, "it")


POLICY = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
TODAY = POLICY | {"module": "keras", "class_name": "DTypePolicy"}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("dtype", "float32", "float32"),
        ("dtype", POLICY, TODAY),
        ("dtype", POLICY | {"class_name": "PolicyV1"}, TODAY),
        (
            "dtype",
            POLICY | {"class_name": "AutoCastVariable"},
            POLICY | {"module": "keras", "class_name": "DTypePolicy"},
        ),
        ("dtype", POLICY | {"class_name": "Other"}, POLICY | {"class_name": "Other"}),
        ("dtype", POLICY | {"config": {}}, POLICY | {"config": {}}),
        ("dtype", POLICY | {"config": "float16"}, POLICY | {"config": "float16"}),
        ("activation", POLICY, POLICY),
        (
            "kernel_initializer",
            {"class_name": "VarianceScaling", "config": {"scale": 2.0, "seed": None, "dtype": "float32"}},
            {
                "module": "keras.initializers",
                "class_name": "VarianceScaling",
                "config": {"scale": 2.0, "seed": None},
                "registered_name": None,
            },
        ),
        (
            "bias_initializer",
            {"class_name": "Zeros", "config": None},
            {"module": "keras.initializers", "class_name": "Zeros", "config": {}, "registered_name": None},
        ),
        (
            "bias_constraint",
            {"class_name": "MaxNorm", "config": {"max_value": 2}, "registered_name": "MaxNorm"},
            {
                "module": "keras.constraints",
                "class_name": "MaxNorm",
                "config": {"max_value": 2},
                "registered_name": None,
            },
        ),
        (
            "kernel_regularizer",
            {"class_name": "L2", "config": {"l2": 0.5}},
            {"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.5}, "registered_name": None},
        ),
        ("kernel_regularizer", *[{"class_name": "L2", "config": {}, "registered_name": "my>L2"}] * 2),
        ("kernel_regularizer", *[{"class_name": "Theirs", "config": {}}] * 2),
        ("kernel_regularizer", *[{"class_name": "get", "config": {}}] * 2),
        ("kernel_regularizer", *[{"class_name": 3, "config": {}}] * 2),
        ("kernel_regularizer", "l2", "l2"),
        ("kernel_regularizer", *[{"config": {}}] * 2),
    ],
)
def test_values_of_arguments(key, value, expected):
    assert of("Dense", units=2, **{key: value})[key] == expected


def test_an_argument_of_a_regularizer_that_is_gone():
    with pytest.raises(Unmendable, match=r"L2 of Dense 'n' was made with gone=1"):
        of("Dense", units=2, kernel_regularizer={"class_name": "L2", "config": {"gone": 1}})


def test_layers_inside_layers():
    inner, back = layer("i", "Dense", config={"units": 1}), layer("b", "Dense", config={"units": 2})
    written = {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {"units": 1},
        "registered_name": None,
    }
    other = written | {"config": {"units": 2}}
    assert of("TimeDistributed", {"layer": inner}, layer={"old": 1}) == {"layer": written}
    both = {"forward_layer": inner, "backward_layer": back}
    old = {"layer": {"old": 1}, "backward_layer": {"old": 2}}
    assert of("Bidirectional", both, **old) == {"layer": written, "backward_layer": other}
    assert of("Bidirectional", both, layer={"old": 1}) == {"layer": written}
    assert of("RNN", {"cell": inner}, cell={"old": 1}) == {"cell": written}
    assert of("RNN", cell={"old": 1}) == {"cell": {"old": 1}} and of("RNN", {"cell": inner}, units=None) == {}
    cells = {"cells/0": inner, "cells/1": back, "other": back}
    assert of("StackedRNNCells", cells, cells=[{"old": 1}]) == {"cells": [written, other]}


# -- models ---------------------------------------------------------------------------------------------------------


def functional(calls, inputs, outputs):
    """The entries of a Functional model by name, and the rest of its configuration."""
    written = todays_configuration(model("net", calls, inputs, outputs))
    assert written["module"] == "keras.src.models.functional" and written["class_name"] == "Functional"
    rest = {key: value for key, value in written["config"].items() if key != "layers"}
    return {one["name"]: one for one in written["config"]["layers"]}, rest


def tensor(name, node=0, output=0):
    config = {"shape": [None, 4], "dtype": "float32", "keras_history": [name, node, output]}
    return {"class_name": "__keras_tensor__", "config": config}


def test_a_model_with_a_shared_layer():
    step, parts = layer("step"), layer("parts", "Identity")
    calls = [input_call("x"), call(step, 0), call(step, 1), call(parts, 2, outputs=2), call(step, (3, 1))]
    entries, rest = functional(calls, [0], [4, 2])
    assert rest == {
        "name": "net",
        "trainable": True,
        "input_layers": [["x", 0, 0]],
        "output_layers": [["step", 2, 0], ["step", 1, 0]],
    }
    assert list(entries) == ["x", "step", "parts"] and entries["x"]["inbound_nodes"] == []
    assert entries["step"]["inbound_nodes"] == [
        {"args": [tensor("x")], "kwargs": {}},
        {"args": [tensor("step")], "kwargs": {}},
        {"args": [tensor("parts", 0, 1)], "kwargs": {}},
    ]


def test_shapes_and_dtypes_of_tensors():
    given = CallDefinition(layer("x", "InputLayer", config={"batch_shape": [2]}), outputs=(TensorSpec((2,), "int8"),))
    bare = CallDefinition(layer("a"), (TensorRef(0, 0),), outputs=(TensorSpec(None, None),))
    entries, _ = functional([given, bare, call(layer("b"), 1)], [0], [2])
    (seen,) = entries["a"]["inbound_nodes"][0]["args"]
    assert seen["config"]["shape"] == [2] and seen["config"]["dtype"] == "int8"
    (seen,) = entries["b"]["inbound_nodes"][0]["args"]
    assert seen["config"]["shape"] == [] and seen["config"]["dtype"] == "float32"


def test_nested_models():
    """Reading an output of a nested Functional model Keras counts one node more than it has."""
    inner = model("inner", [input_call("i"), call(layer("a"), 0)], [0], [1])
    chain = model("chain", [input_call("i"), call(layer("b"), 0)], [0], [1])
    chain.class_name, chain.module = "Sequential", "keras.engine.sequential"
    calls = [input_call("x"), call(inner, 0), call(chain, 1), call(layer("end"), 1)]
    entries, rest = functional(calls, [0], [3, 1, 2])
    assert rest["output_layers"] == [["end", 0, 0], ["inner", 1, 0], ["chain", 0, 0]]
    assert entries["end"]["inbound_nodes"][0]["args"] == [tensor("inner")]
    assert entries["inner"]["config"]["output_layers"] == [["a", 0, 0]]
    written = entries["chain"]
    assert (written["module"], written["class_name"], written["registered_name"]) == (
        "keras",
        "Sequential",
        "Sequential",
    )
    assert [one["class_name"] for one in written["config"]["layers"]] == ["InputLayer", "Dense"]
    old = model("old", [input_call("i")], [0], [0])
    old.class_name, old.module = "Model", "keras.engine.training"
    written = todays_configuration(old)
    assert (written["module"], written["class_name"]) == ("keras.src.models.functional", "Functional")
    own = model("own", [input_call("i")], [0], [0])
    own.class_name, own.module, own.registered_name, own.trainable = "Mine", "my.models", "my>Mine", False
    written = todays_configuration(own)
    assert (written["module"], written["class_name"], written["registered_name"]) == ("my.models", "Mine", "my>Mine")
    assert written["config"]["trainable"] is False


def test_arguments_that_are_no_tensors():
    kinds = ConstantKind
    given = {
        "part": Constant(kinds.SLICE, [1, None, 2]),
        "rest": Constant(kinds.ELLIPSIS),
        "table": Constant(kinds.NUMPY, [[1.0]], (1, 1), dtype="float32"),
        "baked": Constant(kinds.TENSOR, 3, (), dtype="int32"),
        "other": Constant(kinds.OBJECT, {"class_name": "__dtype__"}),
        "plain": [1, "a"],
        "nothing": None,
        "mask": TensorRef(0, 0),
    }
    called = CallDefinition(layer("a"), (TensorRef(0, 0),), given, outputs=(SPEC,))
    entries, _ = functional([input_call("x"), called], [0], [1])
    assert entries["a"]["inbound_nodes"][0]["kwargs"] == {
        "part": {"class_name": "__slice__", "config": {"start": 1, "stop": None, "step": 2}},
        "rest": {"class_name": "__ellipsis__", "config": {}},
        "table": {"class_name": "__numpy__", "config": {"value": [[1.0]], "dtype": "float32"}},
        "baked": {"class_name": "__tensor__", "config": {"value": 3, "dtype": "int32"}},
        "other": {"class_name": "__dtype__"},
        "plain": [1, "a"],
        "mask": tensor("x"),
    }
    missing = CallDefinition(layer("a"), (TensorRef(0, 0), [Constant(kinds.MISSING)]), outputs=(SPEC,))
    with pytest.raises(Unmendable, match="a call of 'a' refers to a tensor that the file does not contain"):
        functional([input_call("x"), missing], [0], [1])
    odd = model("net", [input_call("x")], [0], [0])
    odd.body.outputs = [Constant(kinds.MISSING)]
    with pytest.raises(Unmendable, match="expected every output of 'net' to be a tensor of the model"):
        todays_configuration(odd)


@pytest.mark.parametrize(
    ("class_name", "given", "args", "kwargs"),
    [
        ("LSTM", [[0, 1, 1]], [tensor("x")], {"initial_state": [tensor("y"), tensor("y")]}),
        ("LSTM", [[0, 1]], [tensor("x")], {"initial_state": [tensor("y")]}),
        ("LSTM", [[0, 1], 1], [[tensor("x"), tensor("y")], tensor("y")], {}),
        ("LSTM", [[0]], [[tensor("x")]], {}),
        ("LSTM", [0, 1], [tensor("x"), tensor("y")], {}),
        ("LSTM", [0], [tensor("x")], {}),
        ("Concatenate", [[0, 1]], [[tensor("x"), tensor("y")]], {}),
        ("Add", [[0, 1]], [[tensor("x"), tensor("y")]], {}),
    ],
)
def test_arguments_of_calls(class_name, given, args, kwargs):
    refs = tuple(
        [TensorRef(one, 0) for one in part] if isinstance(part, list) else TensorRef(part, 0) for part in given
    )
    calls = [input_call("x"), input_call("y"), CallDefinition(layer("n", class_name, config={}), refs, outputs=(SPEC,))]
    entries, _ = functional(calls, [0, 1], [2])
    assert entries["n"]["module"] == "keras.layers"
    assert entries["n"]["inbound_nodes"] == [{"args": args, "kwargs": kwargs}]


def test_operators_and_layers_of_one_name():
    def written(class_name, *called):
        one = layer("n", class_name, config={})
        calls = [input_call("x"), *(CallDefinition(one, args, outputs=(SPEC,)) for args in called)]
        return functional(calls, [0], [1])[0]["n"]

    x = TensorRef(0, 0)
    for name in ("Add", "Maximum", "Minimum", "Multiply", "Subtract"):
        operation = {"module": "keras.src.ops", "class_name": name, "config": {"name": "n"}, "registered_name": name}
        found = written(name, (x, 2.0))
        assert {key: found[key] for key in operation} == operation
        assert found["inbound_nodes"] == [{"args": [tensor("x"), 2.0], "kwargs": {}}]
    assert written("Multiply", ([x, x],), (x, x))["module"] == "keras.src.ops"
    one = layer("n", "Add", config={}, is_operation=True)
    one.module = "keras.src.ops.numpy"
    calls = [input_call("x"), CallDefinition(one, (x, 2.0), outputs=(SPEC,))]
    assert functional(calls, [0], [1])[0]["n"]["module"] == "keras.src.ops"
    assert written("Multiply", ([x, x],))["module"] == written("Concatenate", (x, x))["module"] == "keras.layers"


def test_operations_that_nothing_needs_are_left_out():
    def operation(name, function, *args, **kwargs):
        return CallDefinition(layer(name, "TFOpLambda", config={"function": function}), args, kwargs, outputs=(SPEC,))

    x = TensorRef(0, 0)
    used = operation("used", "math.reduce_sum", x, axis=1)
    calls = [input_call("x"), operation("idle", "math.abs", x), used, call(layer("end"), 2), call(layer("spare"), 0)]
    entries, _ = functional(calls, [0], [3])
    assert list(entries) == ["x", "used", "end", "spare"]
    assert (entries["used"]["module"], entries["used"]["class_name"]) == ("keras.src.ops.numpy", "Sum")
    assert entries["used"]["inbound_nodes"] == [{"args": [tensor("x")], "kwargs": {}}]
    entries, _ = functional([*calls[:2], operation("out", "math.exp", TensorRef(1, 0))], [0], [2])
    assert list(entries) == ["x", "idle", "out"]
