"""One setting in several spellings is one setting, and two settings are two: without Keras."""

import base64
import json
import marshal
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphlint.comparison.code import code_text
from graphlint.comparison.comparing import compare
from graphlint.model.expand import expand
from graphlint.sources import read_text

LAYERS = [
    {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "name": "x"}, "name": "x"},
    {"class_name": "Dense", "config": {"name": "a", "units": 4}, "name": "a", "inbound_nodes": [[["x", 0, 0, {}]]]},
]


def model(compiled=None, **settings):
    first, second = LAYERS
    config = {
        "name": "m",
        "layers": [first | {"inbound_nodes": []}, second | {"config": second["config"] | settings}],
        "input_layers": [["x", 0, 0]],
        "output_layers": [["a", 0, 0]],
    }
    document = {"class_name": "Functional", "config": config}
    return expand(read_text(json.dumps(document | ({"compile_config": compiled} if compiled else {})).encode()))


def changes(old, new):
    return [(one.argument, one.before, one.after) for one in compare(old, new).changes]


def keras3(module, name, /, **config):
    return {"module": f"keras.{module}", "class_name": name, "config": config, "registered_name": None}


def function(name, registered="function"):
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": registered}


SAME_LOSSES = [
    "mse",
    "MSE",
    "mean_squared_error",
    "MeanSquaredError",
    function("mean_squared_error"),
    keras3("losses", "MeanSquaredError", name="mean_squared_error", reduction="sum_over_batch_size", dtype="float32"),
    {"class_name": "MeanSquaredError", "config": {"reduction": "auto", "name": "mean_squared_error"}},
]
SAME_METRICS = [
    ["mae"],
    ["MAE"],
    ["MeanAbsoluteError"],
    [function("mean_absolute_error")],
    [keras3("metrics", "MeanAbsoluteError", name="mean_absolute_error_3", dtype="float32")],
]
SAME_OPTIMIZERS = [
    "adam",
    "Adam",
    keras3("optimizers", "Adam", name="adam", learning_rate=0.0010000000474974513, beta_1=0.9, amsgrad=False),
    {"class_name": "Custom>Adam", "config": {"name": "Adam", "learning_rate": 0.001, "decay": 0.0, "epsilon": 1e-07}},
    {"class_name": "Adam", "config": {"lr": 0.001, "jit_compile": True, "is_legacy_optimizer": False}},
]


@pytest.mark.parametrize(
    ("key", "spellings", "other"),
    [
        ("loss", SAME_LOSSES, "mae"),
        ("metrics", SAME_METRICS, ["mse"]),
        ("optimizer", SAME_OPTIMIZERS, "sgd"),
    ],
)
def test_every_spelling_of_what_a_model_is_compiled_with_is_one(key, spellings, other):
    first = model({key: spellings[0]})
    for spelling in spellings:
        assert changes(first, model({key: spelling})) == []
        assert [one for one, *_ in changes(model({key: other}), model({key: spelling}))] == [key]


@pytest.mark.parametrize(
    ("key", "one", "other"),
    [
        ("loss", keras3("losses", "Huber", delta=1.0), keras3("losses", "Huber", delta=2.0)),
        ("loss", {"a": "mse", "b": "mae"}, {"a": "mse", "b": "mse"}),
        ("loss", "mine>mse", "mse"),
        ("loss", function("mse", "mine>mse") | {"module": "mine"}, "mse"),
        ("metrics", ["accuracy"], ["binary_accuracy"]),
        ("metrics", [keras3("metrics", "AUC", name="auc")], [keras3("metrics", "AUC", name="area")]),
        ("optimizer.decay", {"class_name": "SGD", "config": {"decay": 0.1}}, "sgd"),
    ],
)
def test_other_settings_are_a_change(key, one, other):
    compiled = key.partition(".")[0]
    assert [name for name, *_ in changes(model({compiled: one}), model({compiled: other}))] == [key]


def test_spellings_in_structures():
    old = model({"loss": {"a": "mse", "b": ["kld"]}, "metrics": [["acc"], {"b": "MSE"}]})
    new = model({"loss": {"b": ["kl_divergence"], "a": "MSE"}, "metrics": [["accuracy"], {"b": "mean_squared_error"}]})
    assert changes(old, new) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"activation": "swish"}, {"activation": "silu"}),
        ({"activation": function("silu")}, {"activation": "swish"}),
        ({"activation": "linear"}, {}),
        (
            {"kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}}},
            {"kernel_initializer": keras3("initializers", "GlorotUniform", seed=None)},
        ),
        (
            {
                "kernel_initializer": {
                    "class_name": "VarianceScaling",
                    "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None},
                }
            },
            {"kernel_initializer": "glorot_uniform"},
        ),
    ],
)
def test_every_spelling_of_a_setting_of_a_layer_is_one(one, other):
    assert changes(model(**one), model(**other)) == []


def test_a_function_of_somebody_else_is_another_activation():
    own = function("silu") | {"module": "mine", "registered_name": "mine>silu"}
    assert len(changes(model(activation=own), model(activation="silu"))) == 1


# -- byte code --------------------------------------------------------------------------------------------------


def stored(made):
    return base64.b64encode(marshal.dumps(made.__code__)).decode()


def lambda_of(source, line=0):
    return stored(eval(compile("\n" * line + source, f"/somewhere/{line}.py", "eval")))


def test_code_is_what_runs_not_where_it_stands():
    source = "lambda x, k=3: [y * 2 for y in (x, 'a', 'a') if y in {1, 2.5, 'b'}]"
    assert lambda_of(source) == lambda_of(source)
    assert len({code_text(lambda_of(source, line)) for line in (0, 5, 300)}) == 1
    others = ["lambda x: x * 2", "lambda x: x * 3", "lambda x: x + 2", "lambda y: y.a", "lambda y: y.b"]
    assert len({code_text(lambda_of(one)) for one in [source, *others]}) == 6
    again = marshal.loads(base64.b64decode(lambda_of(source)))
    assert code_text(base64.b64encode(marshal.dumps(again)).decode()) == code_text(lambda_of(source))


def test_changed_code_is_a_change():
    def with_code(code, defaults=None):
        config = {"code": code, "defaults": defaults, "closure": None}
        return model(function={"class_name": "__lambda__", "config": config})

    one, other = lambda_of("lambda x: x * 2"), lambda_of("lambda x: x * 3")
    assert changes(with_code(one), with_code(lambda_of("lambda x: x * 2", 7))) == []
    assert [key for key, *_ in changes(with_code(one), with_code(other))] == ["function"]
    assert [key for key, *_ in changes(with_code(one), with_code(one, [2]))] == ["function"]
    assert changes(with_code(one), model(function=[one, None, None])) == []


@given(st.binary(max_size=300) | st.text(max_size=50), st.integers(0, 2**32))
def test_any_bytes_have_a_text(data, seed):
    damaged = bytearray(base64.b64decode(lambda_of("lambda x: [x, (1, 2), 'a']")))
    damaged[random.Random(seed).randrange(len(damaged))] = seed % 256
    nested = b"(\x01\x00\x00\x00" * 5000
    huge = b"(\xff\xff\xff\x7f"
    for one in (data, bytes(damaged), nested, huge):
        text = one if isinstance(one, str) else base64.b64encode(one).decode()
        assert code_text(text).startswith("code ")
