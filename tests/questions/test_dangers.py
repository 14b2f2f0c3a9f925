"""What a name in a configuration endangers, name by name, without Keras."""

from __future__ import annotations

import base64
import pickle

import pytest

from graphlint.knowledge.advisories import Danger
from graphlint.model.definition import FrontEnd, LayerDefinition, ModelDefinition
from graphlint.model.expand import expand
from graphlint.questions.dangers import dangers


def found(raw, format_="keras", front_end=FrontEnd.STATIC, **fields):
    root = LayerDefinition("net", "Sequential", "keras", is_model=True, opaque=True)
    return dangers(expand(ModelDefinition(root, front_end, format_, raw=raw, **fields)))


def told(entry, *, as_layer=False, **fields):
    held = entry if as_layer else {"class_name": "Dense", "module": "keras.layers", "config": {"held": entry}}
    return [(one.danger, one.name) for one in found(held, **fields)]


def function(module, name):
    return {"class_name": "function", "module": module, "config": name, "registered_name": name}


def cls(module, name, **fields):
    return {"class_name": name, "module": module, "config": {}, **fields}


FOREIGN, KERAS, TRUSTED = Danger.FOREIGN_NAME, Danger.KERAS_NAME, Danger.TRUSTED_NAME


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (function("os", "system"), [(FOREIGN, "os.system")]),
        (cls("os", "system"), [(FOREIGN, "os.system")]),
        (cls("subprocess", "Popen"), [(FOREIGN, "subprocess.Popen")]),
        (function("builtins", "exec"), [(FOREIGN, "builtins.exec")]),
        (function("builtins", "print"), [(FOREIGN, "builtins.print")]),
        (function("builtins", "relu"), []),
        (function(None, "exec"), [(FOREIGN, "builtins.exec")]),
        (function(None, "print"), []),
        *((function(None, name), [(FOREIGN, f"builtins.{name}")]) for name in ("__import__", "breakpoint", "eval")),
        (cls(None, "keras.layers.Dense"), []),
        (cls(None, "torch.nn.Linear"), [(TRUSTED, "torch.nn.Linear")]),
        (function("keras.made_up", "Dense"), [(FOREIGN, "keras.made_up.Dense")]),
        (function("mine.layers", "Work"), [(FOREIGN, "mine.layers.Work")]),
        (function("transformers.x", "load_file"), [(TRUSTED, "load_file")]),
        (function("transformers.x", "Load"), [(TRUSTED, "Load")]),
        (cls("transformers.x", "load_file"), [(TRUSTED, "load_file")]),
        (cls("transformers.x", "LoadFile"), []),
        (cls("transformers.x", "gelu"), []),
        (cls("transformers.x", "KerasLayer"), [(Danger.HUB_LAYER, "KerasLayer")]),
        (function("__main__", "eval"), [(FOREIGN, "__main__.eval")]),
        (function("__main__", "print"), []),
        (cls("builtins", "mine", registered_name="exec"), [(FOREIGN, "builtins.mine")]),
        (cls("pandas", "DataFrame"), [(FOREIGN, "pandas.DataFrame")]),
        (cls("mine.layers", "Block"), []),
        (cls("mine.layers", "block"), [(FOREIGN, "mine.layers.block")]),
        (cls("mine.layers", "block", registered_name="x>block"), []),
        (cls("mine.layers", "block", registered_name="block"), [(FOREIGN, "mine.layers.block")]),
        (function("mine.layers", "work"), [(FOREIGN, "mine.layers.work")]),
        (function("keras.activations", "relu"), []),
        (function("transformers.modeling", "gelu"), []),
        (cls("keras.layers", "Dense"), []),
        (cls("keras.made_up", "Block"), [(FOREIGN, "keras.made_up.Block")]),
        (cls("keras.made_up", "Dense"), []),
        (function("keras.made_up", "relu"), [(FOREIGN, "keras.made_up.relu")]),
        (cls("keras.callbacks", "LambdaCallback"), None),
        (function("keras.os", "system"), [(FOREIGN, "keras.os.system")]),
        (cls("transformers.utils", "subprocess"), [(FOREIGN, "transformers.utils.subprocess")]),
        (cls("torch.utils.cpp_extension", "Load"), [(FOREIGN, "torch.utils.cpp_extension.Load")]),
        (cls("torch.hub.inner", "Load"), [(FOREIGN, "torch.hub.inner.Load")]),
        (cls("torch.hubs", "Load"), [(TRUSTED, "Load")]),
        (cls("kerаs.layers", "Dense"), [(FOREIGN, "kerаs.layers.Dense")]),  # noqa: RUF001
        (cls("keras layers", "Dense"), [(FOREIGN, "keras layers.Dense")]),
        (cls("keras..layers", "Dense"), [(FOREIGN, "keras..layers.Dense")]),
        (cls("", "Dense"), []),
    ],
)
def test_names_of_modules(entry, expected):
    names = told(entry)
    if expected is None:
        assert not any(danger is FOREIGN for danger, _ in names)
    else:
        assert names == expected


def test_a_layer_of_ones_own_is_no_function():
    own = cls("mine.layers", "block")
    assert told(own, as_layer=True) == []
    assert told(cls("test", "Block"), as_layer=True) == []
    assert told(cls("mine.layers", "os"), as_layer=True) == []
    assert told(cls("transformers", "os"), as_layer=True) == [(FOREIGN, "transformers.os")]
    assert told(function("test.support", "work")) == [(FOREIGN, "test.support.work")]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (cls(None, "TFSMLayer"), [(Danger.SAVED_MODEL_LAYER, "TFSMLayer")]),
        (cls("keras.layers", "TFSMLayer"), [(Danger.SAVED_MODEL_LAYER, "TFSMLayer")]),
        (cls("", "TorchModuleWrapper"), [(Danger.TORCH_PICKLE, "TorchModuleWrapper")]),
        (cls("builtins", "TFSMLayer"), []),
        (cls("__main__", "TFSMLayer"), []),
        (cls("mine", "TFSMLayer"), []),
        (cls("keras.layers", "Mine", registered_name="keras>TFSMLayer"), [(Danger.SAVED_MODEL_LAYER, "TFSMLayer")]),
        (cls("mine", "Mine", registered_name="keras>TFSMLayer"), []),
        (cls("tensorflow_hub", "KerasLayer"), [(Danger.HUB_LAYER, "KerasLayer")]),
        (function("builtins", "get_file"), [(KERAS, "get_file")]),
        (function(None, "load_op_library"), [(KERAS, "load_op_library")]),
        (cls(None, "get_file"), []),
        (cls("builtins", "Mine", registered_name="TFSMLayer"), []),
        (cls("keras.layers", "Dense", registered_name="pkg>Dense"), []),
        (cls("keras.layers", "Dense", registered_name="pkg>Other"), []),
        (cls(None, "Mine", registered_name="keras>TFSMLayer"), [(Danger.SAVED_MODEL_LAYER, "TFSMLayer")]),
        (function(None, "TFSMLayer"), []),
        (function("keras.utils", "get_file"), [(KERAS, "get_file")]),
        (function("keras.activations", "relu"), []),
    ],
)
def test_names_of_gadgets(entry, expected):
    names = told(entry)
    assert [one for one in names if one in expected] == expected
    assert expected or not names


@pytest.mark.parametrize(
    ("held", "danger"),
    [
        ({"class_name": "__lambda__", "config": {"code": "4wE"}}, Danger.LAMBDA),
        ({"class_name": "TensorFlowOpLayer", "config": {"node_def": {"op": "ReadFile"}}}, Danger.OPERATION),
        ({"class_name": "TensorFlowOpLayer", "config": {"node_def": {"op": "AddV2"}}}, None),
        ({"class_name": "TFOpLambda", "config": {"function": "io.read_file"}}, Danger.OPERATION),
        ({"class_name": "TFOpLambda", "config": {"function": "math.add"}}, None),
        ({"class_name": "StringLookup", "config": {"vocabulary": "words"}}, Danger.FILE_PATH),
        ({"class_name": "StringLookup", "config": {"vocabulary": "stored"}}, None),
        ({"class_name": "StringLookup", "config": {"vocabulary": "deep/stored"}}, None),
        ({"class_name": "Dense", "config": {"name": "../up"}}, Danger.PATH_NAME),
        ({"function": "work", "function_type": "function", "module": "mine"}, None),
        ({"function": base64.b64encode(pickle.dumps(list(range(40)), protocol=4)).decode()}, Danger.BARE_PICKLE),
    ],
)
def test_what_is_no_name(held, danger):
    assets = {"asset_names": ("assets/stored", "deep/stored")}
    names = [one.danger for one in found({"inner": [held]}, **assets)]
    assert names == ([] if danger is None else [danger])
    in_memory = [one.danger for one in found({"inner": [held]}, front_end=FrontEnd.LIVE, **assets)]
    assert in_memory == ([] if danger in (None, Danger.FILE_PATH) else [danger])
    if danger is Danger.LAMBDA:
        assert [one.danger for one in found({"inner": [held]}, format_="h5")] == [Danger.LAMBDA_H5]


def test_operations_say_what_they_do():
    def effect(name):
        node = {"class_name": "TensorFlowOpLayer", "config": {"node_def": {"op": name}}}
        return [one.effect for one in found({"inner": [node]})]

    assert effect("ReadFile") == ["reads files"]
    assert effect("Weird") == ["is not an operation on numbers, arrays, images or strings"]


def test_paths_say_what_they_are():
    words = {"class_name": "StringLookup", "config": {"vocabulary": "words"}}
    address = {"class_name": "StringLookup", "config": {"vocabulary": "gs://words"}}
    effects = [one.effect for one in found({"inner": [words, address]})]
    assert effects[0] == "is a file that the model reads" and "an address" in effects[-1]


def test_each_place_is_told_once_and_every_place_is_told():
    bad = {"a": function("os", "system"), "b": function("os", "system")}
    assert [one.reference.where for one in found(bad)] == ["a", "b"]
    assert len(found({"a": [function("os", "system"), function("os", "system")]})) == 1
    once = expand(ModelDefinition(LayerDefinition("n", None, is_model=True, opaque=True), "static", "keras", raw=bad))
    assert dangers(once) is dangers(once)
    assert all(one.endangers for one in dangers(once))
