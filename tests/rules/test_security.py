"""X rules: what must fire and what must not. Nothing that a file names is imported, unpacked or opened."""

import base64
import json
import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

from rules.security.archive_or_h5_trick import ArchiveOrH5Trick
from rules.security.foreign_reference import ForeignReference
from rules.security.gadget import Gadget
from rules.security.lambda_code import LambdaCode
from tests.rules.editing import edited, entry, json_model
from tests.rules.front_ends import both, in_file

CODE = "4wEAAAAAAAAAAAAAAAEAAAADAAAA8wgAAACXAHwAZAF6BQAAUwA=\n"
INPUT = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "name": "x"}}


def plain():
    return keras.Sequential([keras.Input((4,)), layers.Dense(2, name="dense")])


def with_config(tmp_path, **config):
    return edited(plain(), tmp_path, lambda whole: entry(whole, "dense")["config"].update(config))


def severities(found):
    return [severity for _, severity, _ in found]


def function(module, name, **fields):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name, **fields}


# -- X001 -------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_marshal(monkeypatch):
    import marshal

    def loads(data, load=marshal.loads):
        assert bytes(data) != base64.b64decode(CODE), "the code of a file was unpacked"
        return load(data)

    monkeypatch.setattr(marshal, "loads", loads)


def test_lambda_layers_at_any_depth(tmp_path):
    x = keras.Input((5, 4))
    inner = keras.Sequential([keras.Input((5, 4)), layers.Lambda(lambda t: t + 1.0, name="deep")], name="inner")
    wrapped = layers.TimeDistributed(layers.Lambda(lambda t: t * 2.0, output_shape=(4,)), name="wrapped")
    found = both(LambdaCode(), keras.Model(x, wrapped(inner(x))), tmp_path)
    assert {(address, severity) for address, severity, _ in found} == {("inner/deep", "error"), ("wrapped", "error")}


@pytest.mark.parametrize("class_name", ["Lambda", "keras.layers.Lambda", "Package>Lambda"])
def test_legacy_lambdas_however_they_are_written(class_name, tmp_path, no_marshal):
    config = {"name": "trick", "function": [CODE, None, None], "function_type": "lambda"}
    path = json_model(tmp_path, INPUT, {"class_name": class_name, "config": config})
    assert [address for address, _, _ in in_file(LambdaCode(), path)] == ["trick"]


@pytest.mark.parametrize(
    "config",
    [
        {"activation": {"class_name": "__lambda__", "config": {"value": [CODE, None, None]}}},
        {"kernel_initializer": {"class_name": "Zeros", "config": {"f": {"class_name": "__lambda__", "config": {}}}}},
        {"anything": {"deeply": [{"hidden": {"code": CODE, "defaults": None, "closure": None}}]}},
        {"anything": [CODE]},
    ],
    ids=["activation", "initializer", "bare code", "bare text"],
)
def test_code_in_other_places(config, tmp_path, no_marshal):
    ((address, severity, _),) = in_file(LambdaCode(), with_config(tmp_path, **config))
    assert (address, severity) == ("dense", "error")


def test_code_in_the_compilation(tmp_path):
    model = plain()
    model.compile("sgd", lambda y_true, y_pred: ops.mean(y_pred, axis=-1))
    found = both(LambdaCode(), model, tmp_path)
    assert severities(found) in ([], ["error"])

    def change(whole):
        whole["compile_config"]["loss"] = {"class_name": "__lambda__", "config": {"value": [CODE, None, None]}}

    ((address, _, message),) = in_file(LambdaCode(), edited(model, tmp_path, change))
    assert address == "." and "compile_config/loss" in message


@keras.saving.register_keras_serializable(package="test_security")
def doubled(tensor):
    return tensor * 2.0


def test_named_functions_are_no_code(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Lambda(doubled), layers.Dense(2, activation=ops.relu)])
    assert both(LambdaCode(), model, tmp_path) == []


def test_safe_mode_of_h5(tmp_path):
    path = tmp_path / "model.h5"
    model = keras.Sequential([keras.Input((4,)), layers.Lambda(lambda t: t * 2.0)])
    model.save(path)
    ((_, _, message),) = in_file(LambdaCode(), path)
    assert "safe_mode does not apply" in message


# -- X002 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reference",
    [
        function("os", "system"),
        function("posix", "system"),
        {"module": "subprocess", "class_name": "Popen", "config": {"args": ["true"]}, "registered_name": "Dense"},
        function("builtins", "eval"),
        function("mathutils", "Vector"),
        function("requests", "get"),
        {"module": "joblib", "class_name": "Memory", "config": {}},
        {"module": "antigravity", "class_name": "function", "config": "geohash"},
        {"module": "keras.src.layers.evil", "class_name": "Evil", "config": {}},
    ],
    ids=lambda reference: reference["module"],
)
@pytest.mark.parametrize("place", ["activation", "kernel_initializer"])
def test_foreign_references(reference, place, tmp_path):
    before = set(sys.modules)
    ((address, severity, message),) = in_file(ForeignReference(), with_config(tmp_path, **{place: reference}))
    assert (address, severity) == ("dense", "error") and reference["module"] in message
    assert "antigravity" not in set(sys.modules) - before


def test_foreign_loss_in_the_compilation(tmp_path):
    model = plain()
    model.compile("sgd", "mse")

    def change(whole):
        whole["compile_config"]["loss"] = function("posix", "system")

    ((address, _, message),) = in_file(ForeignReference(), edited(model, tmp_path, change))
    assert address == "." and "compile_config/loss" in message


@pytest.mark.parametrize(
    "reference",
    [
        function("builtins", "relu"),
        function("keras.activations", "relu"),
        function("tensorflow.python.ops.nn_ops", "relu"),
        function("builtins", "my_own_activation"),
        {
            "module": "my_package.layers",
            "class_name": "MyInitializer",
            "config": {},
            "registered_name": "MyInitializer",
        },
        {"module": "mathutils.layers", "class_name": "Spline", "config": {}},
        {"module": "keras_hub.src.layers", "class_name": "Gate", "config": {}},
        {"module": "keras.src.applications.convnext", "class_name": "LayerScale", "config": {}},
        {"module": "keras.src.layers.of_tomorrow", "class_name": "Dense", "config": {}},
        {"module": None, "class_name": "Mine", "config": {}, "registered_name": "os>system"},
    ],
    ids=lambda reference: f"{reference['module']}.{reference['config'] or reference['class_name']}",
)
def test_ordinary_references(reference, tmp_path):
    assert in_file(ForeignReference(), with_config(tmp_path, activation=reference)) == []


class Ordinary(layers.Layer):
    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape


def test_custom_layers_are_ordinary(tmp_path):
    model = keras.Sequential([keras.Input((4,)), Ordinary(), layers.Dense(2)])
    model.compile(keras.optimizers.Adam(), "mse", metrics=[keras.metrics.MeanSquaredError()])
    assert both(ForeignReference(), model, tmp_path) == []
    assert both(Gadget(), model, tmp_path) == []


# -- X003 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reference",
    [
        function("keras.utils", "get_file"),
        function("keras.models", "load_model"),
        function("keras.config", "enable_unsafe_deserialization"),
        function("tensorflow.python.ops.script_ops", "py_function"),
        function("tensorflow.io.gfile", "rmtree"),
        function("numpy", "load"),
        {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {"module": "gASV"}},
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/tmp/evil"}},
        {"module": "keras.layers", "class_name": "Dense", "registered_name": "TFSMLayer", "config": {}},
    ],
    ids=lambda reference: str(reference["config"] if isinstance(reference["config"], str) else reference["class_name"]),
)
def test_gadgets(reference, tmp_path):
    ((address, severity, _),) = in_file(Gadget(), with_config(tmp_path, activation=reference))
    assert (address, severity) == ("dense", "error")


def test_operations_that_read_files(tmp_path):
    config = {"name": "read", "function": "io.read_file"}
    path = json_model(tmp_path, INPUT, {"class_name": "TFOpLambda", "config": config})
    ((address, _, message),) = in_file(Gadget(), path)
    assert address == "read" and "io.read_file" in message


@pytest.mark.parametrize(
    "reference",
    [
        function("my_package.io", "get_file"),
        function("builtins", "load_img"),
        {"module": "my_package", "class_name": "TFSMLayer", "config": {}, "registered_name": "mine>TFSMLayer"},
        function("keras.activations", "relu"),
    ],
    ids=["function", "own function", "class", "activation"],
)
def test_names_of_other_packages_are_no_gadgets(reference, tmp_path):
    assert in_file(Gadget(), with_config(tmp_path, activation=reference)) == []


# -- X004 -------------------------------------------------------------------------------------------------------


def test_members_that_escape(tmp_path):
    import zipfile

    path = tmp_path / "model.keras"
    plain().save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../outside.txt", "x")
    assert "error" in severities(in_file(ArchiveOrH5Trick(), path))
    assert not (tmp_path.parent / "outside.txt").exists()


def test_vocabularies_are_normal_assets(tmp_path):
    x = keras.Input((1,), dtype="string")
    vectorize = layers.TextVectorization()
    vectorize.adapt(np.array(["red green", "blue"]))
    assert both(ArchiveOrH5Trick(), keras.Model(x, vectorize(x)), tmp_path) == []


def test_configuration_texts_need_no_container(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(json.loads(plain().to_json())))
    for rule in (LambdaCode(), ForeignReference(), Gadget(), ArchiveOrH5Trick()):
        assert in_file(rule, path) == []
