"""Code, foreign references, gadgets, names and containers, each dressed up as something else, in every container."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from tests.hostile.files import (
    dense,
    functional,
    h5_model,
    input_layer,
    keras_archive,
    layer,
    model,
    tensor,
    weights,
    write,
)
from tests.hostile.running import check
from tests.sources.archives import Entry

CODE = {"class_name": "__lambda__", "config": {"code": "4wEAAAAA\nAAAA", "defaults": None, "closure": None}}
MARSHALLED = ["4wEAAAA=\nAAA", None, None]


def with_dense(**config):
    return functional([input_layer(), dense("d", tensor("in"), **config)])


def with_layer(class_name, config, **other):
    shape = [None, 4, 4]
    return functional([input_layer(shape=shape), layer(class_name, "x", config, [tensor("in", shape=shape)], **other)])


def compiled(**config):
    return model() | {"compile_config": config}


def wrapped(class_name, config):
    return with_layer("TimeDistributed", {"layer": layer(class_name, "inner", config)})


def function(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def instance(module, name, registered=None):
    return {"module": module, "class_name": name, "config": {}, "registered_name": registered or name}


def found(folder, config):
    """The codes that each container of a configuration gives."""
    contents = {"a.keras": keras_archive(config), "a.h5": h5_model(config), "a.json": json.dumps(config).encode()}
    for name, content in contents.items():
        result = check(write(folder, name, content))
        assert result.code == 1, result.output
        yield result.codes


SCHEDULE = {"module": "keras.optimizers.schedules", "class_name": "X", "config": {"f": CODE}}
CELL = layer("LSTMCell", "c", {"units": 4, "activation": CODE})
LAMBDAS = {
    **{
        key: with_dense(**{key: CODE})
        for key in ("kernel_initializer", "bias_initializer", "kernel_regularizer", "kernel_constraint", "dtype",
                    "quantization_config", "activation")
    },
    "metric": compiled(optimizer="adam", metrics=[[CODE]]),
    "loss by name": compiled(loss={"d": CODE}),
    "weighted metric": compiled(weighted_metrics={"d": [CODE]}),
    "schedule": compiled(optimizer={"class_name": "Adam", "config": {"learning_rate": SCHEDULE}}),
    "cell": with_layer("RNN", {"cell": CELL}),
    "wrapper": with_layer("Bidirectional", {"layer": layer("LSTM", "l", {"units": 4, "recurrent_activation": CODE})}),
    "build configuration": functional([input_layer(), dense("d", tensor("in")) | {"build_config": {"f": [CODE]}}]),
    "argument of a call": functional(
        [input_layer(), dense("d", tensor("in")) | {"inbound_nodes": [{"args": [tensor("in")], "kwargs": {"f": CODE}}]}]
    ),
    "tuple": with_dense(activation={"class_name": "__tuple__", "items": [CODE]}),
    "no configuration of its own": with_dense(activation={"class_name": "__lambda__", "config": "AAAA"}),
    "without a class": with_dense(activation={"code": "AAAA", "defaults": None, "closure": None}),
    "marshalled text": with_dense(activation="4wEAAAAA" + "A" * 40),
    "marshalled text behind a space": with_dense(activation=" 4wEAAAAA" + "A" * 40),
    "marshalled list": with_layer("Lambda", {"function": MARSHALLED}),
    "marshalled mask": with_layer("Lambda", {"function": "f", "mask": MARSHALLED}),
    "marshalled list of another class": with_layer("lambda", {"function": MARSHALLED, "function_type": "lambda"}),
    "registered as a Lambda": with_layer("Foo", {"function": MARSHALLED}, registered_name="pkg>Lambda"),
    "never called": functional(
        [input_layer(), dense("d", tensor("in")), layer("Lambda", "l", {"function": CODE})], outputs=[["d", 0, 0]]
    ),
    "behind the id of another layer": functional(
        [
            input_layer(),
            dense("d", tensor("in")) | {"shared_object_id": 3},
            layer("Lambda", "l", {"function": CODE}, shared_object_id=3),
        ],
        outputs=[["d", 0, 0]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("place", LAMBDAS)
def test_code_in_every_place(place, tmp_path):
    assert all("X001" in codes for codes in found(tmp_path, LAMBDAS[place]))


FOREIGN = {
    "behind a space": with_dense(activation=function(" os", "system")),
    "before a line break": with_dense(activation=function("os\n", "system")),
    "in capitals": with_dense(activation=function("OS", "system")),
    "in full width": with_dense(activation=function("\uff4fs", "system")),
    "with a Cyrillic letter": with_dense(kernel_initializer=instance("k\u0435ras.initializers", "Zeros")),
    "relative": with_dense(activation=function(".os", "system")),
    "empty part": with_dense(activation=function("keras..os", "system")),
    "no module": with_dense(activation=function(None, "eval")),
    "an unknown module of Keras": with_dense(kernel_initializer=instance("keras.src.layers.evil", "Evil")),
    "the root of another package": with_dense(activation=function("kerasx", "relu")),
    "module in the class": with_dense(kernel_initializer=instance(None, "os.system")),
    "registered as a class of Keras": with_dense(kernel_initializer=instance("subprocess", "Popen", "Zeros")),
    "through a module of Keras": with_dense(activation=function("keras.src.utils.file_utils", "os")),
    "through a module of TensorFlow": with_dense(activation=function("tensorflow.python.util.compat", "os")),
    "a compiler of numpy": with_dense(activation=function("numpy.f2py", "compile")),
    "files of numpy": with_dense(activation=function("numpy", "load")),
    "the policy": with_dense(dtype=instance("os", "DTypePolicy")),
    "the learning rate": compiled(
        optimizer={"class_name": "Adam", "config": {"learning_rate": function("shutil", "rmtree")}}
    ),
    "a loss in a loss": compiled(loss={"d": {"a": function("os", "system")}}),
    "a type": with_dense(activation={"class_name": "__typespec__", "module": "os", "spec_name": "system"}),
    "an array": functional(
        [
            input_layer(),
            layer("Add", "a", {}, [[tensor("in"), {"class_name": "__numpy__", "config": function("os", "system")}]]),
        ]
    ),
    "the root": model() | {"module": "os", "class_name": "system"},
    "download": with_dense(activation=function("keras.src.utils.file_utils", "get_file")),
    "download as a builtin": with_dense(activation=function("builtins", "get_file")),
    "another model": with_dense(activation=function("keras.saving", "load_model")),
    "unsafe mode": with_dense(
        activation=function("keras.src.saving.serialization_lib", "enable_unsafe_deserialization")
    ),
    "pickle in a wrapper": wrapped("TorchModuleWrapper", {"module": "AAAA"}),
    "pickle with the class dotted": with_layer("keras.layers.TorchModuleWrapper", {"module": "AAAA"}, module=None),
    "pickle registered": with_layer("Dense", {"units": 4}, registered_name="TorchModuleWrapper"),
    "SavedModel": with_layer("TFSMLayer", {"filepath": "/x"}, module="keras.src.export.tfsm_layer"),
}


@pytest.mark.parametrize("mask", FOREIGN)
def test_references_behind_masks(mask, tmp_path):
    assert all(codes & {"X002", "X003"} for codes in found(tmp_path, FOREIGN[mask]))


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "..", "C:\\x", "a\\b", "a\0b"])
def test_names_that_are_paths(name, tmp_path):
    assert all("K004" in codes for codes in found(tmp_path, functional([input_layer(), dense(name, tensor("in"))])))


@pytest.mark.parametrize(
    "names",
    [
        ["./config.json"],
        ["config.json "],
        ["config.json."],
        ["a//b"],
        ["config\u200b.json"],
        ["\u202egpj.exe"],
        ["\x1b[2J"],
        ["e\u0301.txt", "\u00e9.txt"],
    ],
)
def test_members_that_pass_for_others(names, tmp_path):
    extra = [Entry(name, b"x", flags=0x800) for name in names]
    assert check(write(tmp_path, "model.keras", keras_archive(extra=extra))).codes == {"X004"}


def test_directories_and_vocabularies_are_ordinary_members(tmp_path):
    extra = [Entry("assets/", attributes=0o40755 << 16), Entry("assets/x_vocabulary.txt", b"a\nb")]
    assert check(write(tmp_path, "model.keras", keras_archive(extra=extra))).code == 0


def test_sizes_in_front_of_a_descriptor_that_lie(tmp_path):
    entry = Entry("x", b"{}", flags=8, local={"size": 5, "stored": 5})
    assert check(write(tmp_path, "model.keras", keras_archive(extra=[entry]))).codes == {"X004"}
    entry = Entry("x", b"{}", flags=8, local={"size": 0, "stored": 0, "crc": 0})
    assert check(write(tmp_path, "model.keras", keras_archive(extra=[entry]))).code == 0


def test_numbers_behind_an_unknown_filter_are_not_called_clean(tmp_path):
    def build(file):
        del file["layers/dense/vars/0"]
        file["layers/dense/vars"].create_dataset("0", data=np.full((4, 4), np.nan, "f4"), compression="lzf")

    result = check(write(tmp_path, "model.keras", keras_archive(stored=weights(build))))
    assert "X004" in result.codes


def test_attributes_of_types_that_keras_never_writes(tmp_path):
    def build(file):
        file.attrs["reference"] = file.ref
        file.attrs["compound"] = np.zeros(2, [("a", "f4"), ("b", ">i2")])
        file.attrs["empty"] = h5py.Empty("f4")

    assert check(write(tmp_path, "model.keras", keras_archive(stored=weights(build)))).code == 0
