"""Everything a configuration names, found by one walk."""

import base64
import json
import pickle
from copy import deepcopy

import pytest

from graphlint.model.definition import (
    Body,
    CallDefinition,
    Constant,
    ConstantKind,
    LayerDefinition,
    Likeness,
    ModelDefinition,
    TensorRef,
)
from graphlint.model.expand import expand
from graphlint.questions.references import (
    Kind,
    everything_named,
    is_lambda,
    last_name,
    node_operations,
    references,
)
from tests.model.definitions import SPEC, call, input_call, layer, model


def named(raw, **fields):
    root = LayerDefinition("model", "Sequential", "keras", is_model=True, opaque=True)
    return references(expand(ModelDefinition(root, "static", "keras", raw=raw, **fields)))


def kinds(found):
    return [(one.kind, one.name, one.where) for one in found]


def test_classes_functions_and_code_with_their_places():
    raw = {
        "class_name": "Sequential",
        "config": {
            "activation": {"module": "builtins", "class_name": "function", "config": "relu"},
            "initializer": {"class_name": "Zeros", "config": {}},
            "function": {"class_name": "__lambda__", "config": {"code": "4wEAAAAA"}},
            "list": [{"deep": {"class_name": "Adam", "config": {}}}],
        },
        "compile_config": {"loss": {"module": "keras.losses", "class_name": "Huber", "config": {}}},
    }
    assert kinds(named(raw)) == [
        (Kind.CLASS, "Sequential", ""),
        (Kind.FUNCTION, "relu", "activation"),
        (Kind.CLASS, "Zeros", "initializer"),
        (Kind.CODE, "lambda", "function"),
        (Kind.CLASS, "Adam", "list/deep"),
        (Kind.CLASS, "Huber", "compile_config/loss"),
    ]


def test_literals_name_nothing():
    for name in ("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"):
        assert named({"a": {"class_name": name, "module": "mine", "registered_name": "x", "config": {}}}) == []
    assert named({"a": {"class_name": "__tensor__", "config": {"value": 1, "dtype": "float32"}}}) == []
    assert named({"module": "only", "text": "a"}) == []


def test_what_is_behind_code_is_still_found():
    config = {"code": "4wEAAAAA", "closure": [{"class_name": "Dense", "module": "keras.layers", "config": {}}]}
    found = named({"class_name": "__lambda__", "config": config})
    assert [one.kind for one in found] == [Kind.CODE, Kind.CLASS]


def test_masked_names_are_read_together():
    (found,) = named({"module": "os.path", "class_name": "Dense", "registered_name": "x>Lambda", "config": {}})
    assert (found.root, found.name, found.registered_name) == ("os", "Dense", "x>Lambda")
    (found,) = named({"class_name": "subprocess.Popen", "config": {}})
    assert found.root == "subprocess"


def test_marshalled_text_anywhere():
    text = "4wEAAAAAAAAAAAAAAAEAAAADAAAA8wgAAACXAHwAZAF6BQAAUwA="
    assert [one.kind for one in named({"a": [{"b": text}]})] == [Kind.CODE]
    assert named({"a": "4wEAAA", "b": "x" * 100}) == []


def test_deep_nesting_needs_no_recursion():
    raw = {"class_name": "Dense", "config": {}}
    for _ in range(20_000):
        raw = {"inner": [raw]}
    assert len(named(raw)) == 1


def test_shared_dictionaries_are_walked_once():
    leaf = {"class_name": "Dense", "config": {}}
    for _ in range(40):
        leaf = {"a": leaf, "b": leaf}
    assert len(named(leaf)) == 1


def test_what_is_there_twice_hides_nothing_that_follows():
    leaf, other = {"class_name": "Dense", "config": {}}, {"class_name": "ReLU", "config": {}}
    assert [one.name for one in named({"a": leaf, "b": leaf, "c": other})] == ["Dense", "ReLU"]
    assert [one.name for one in named({"a": [leaf, leaf, other]})] == ["Dense", "ReLU"]


COMMON = {"module": "keras.initializers", "class_name": "Zeros", "config": {}, "registered_name": None}


def test_what_most_layers_have_is_left_out():
    after = {"class_name": "Mine", "module": "mine", "config": {}}
    config = {"kernel_initializer": COMMON, "dtype": {**COMMON, "module": "keras", "class_name": "DTypePolicy"}}
    raw = {"class_name": "Dense", "config": {**config, "last": after}}
    assert [one.name for one in named(raw)] == ["Dense", "Mine"]
    for change in ({"module": "mine"}, {"class_name": "Other"}, {"config": {"code": "a b"}}):
        raw["config"]["kernel_initializer"] = {**COMMON, **change}
        assert [one.name for one in named(raw)] == ["Dense", change.get("class_name", "Zeros"), "Mine"]


LONG = "4wEAAAAA" + "A" * 40
"""Marshalled code in base64."""


def test_code_inside_code_is_told_once():
    deep = {"class_name": "Mine", "config": {"function": {"class_name": "__lambda__", "config": {"code": LONG}}}}
    code = {"class_name": "__lambda__", "config": {"code": LONG, "closure": [deep, LONG]}}
    after = {"class_name": "Lambda", "config": {"function": [LONG, None, None]}}
    assert [(one.kind, one.name) for one in named({"a": code, "b": after, "c": LONG})] == [
        (Kind.CODE, "lambda"),
        (Kind.CLASS, "Mine"),
        (Kind.CODE, "function"),
        (Kind.CODE, "marshalled code"),
    ]


@pytest.mark.parametrize(("name", "last"), [("a.b.C", "C"), ("Package>C", "C"), ("C", "C")])
def test_last_name(name, last):
    assert last_name(name) == last


# -- what is no entry of its own ----------------------------------------------------------------------------------


def texts(raw, **fields):
    """What a configuration names beside classes, functions and code."""
    root = LayerDefinition("model", "Sequential", "keras", is_model=True, opaque=True)
    found = everything_named(expand(ModelDefinition(root, "static", "keras", raw=raw, **fields)))
    return [(one.kind, one.name, one.where) for one in found if one.kind not in (Kind.CLASS, Kind.FUNCTION, Kind.CODE)]


READ_FROM = ("vocabulary", "vocabulary_file", "vocab_file", "idf_weights", "proto", "merges", "handle", "filepath")
LOOKUPS = ("FeatureSpace", "Hashing", "IndexLookup", "IntegerLookup", "KerasLayer", "StringLookup", "TFSMLayer")
LOOKUPS += ("TextVectorization", "VocabularyFileCategoricalColumn", "Package>StringLookup", "keras.layers.StringLookup")


@pytest.mark.parametrize("class_name", LOOKUPS)
def test_readers_take_any_text_for_a_path(class_name):
    for key in READ_FROM:
        config = {key: "words", "other": "words"}
        assert texts({"class_name": class_name, "config": config}) == [(Kind.PATH, "words", key)]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"class_name": "Mine"}, []),
        ({"class_name": "Mine", "module": "keras_hub.src.models"}, ["words"]),
        ({"class_name": "Mine", "module": "keras_nlp"}, ["words"]),
        ({"class_name": "Mine", "module": "my.keras_hub"}, []),
        ({"class_name": "Mine", "registered_name": "keras_hub>Mine"}, ["words"]),
        ({"class_name": "Mine", "registered_name": "keras_cv"}, ["words"]),
        ({"class_name": "Mine", "registered_name": "mine>keras_hub"}, []),
        ({"class_name": None, "registered_name": "StringLookup"}, ["words"]),
        ({"class_name": None, "registered_name": "keras_hub>Mine"}, ["words"]),
        ({}, []),
        ({"class_name": 3, "registered_name": ["StringLookup"]}, []),
        ({"registered_name": "StringLookup"}, []),
    ],
)
def test_who_reads_a_word(entry, expected):
    assert [name for _, name, _ in texts({**entry, "config": {"vocabulary": "words"}})] == expected


@pytest.mark.parametrize("held", ["", None, ["words"], 3])
def test_only_a_text_is_a_path(held):
    assert texts({"class_name": "StringLookup", "config": {"vocabulary": held}}) == []


@pytest.mark.parametrize(
    ("key", "text", "named"),
    [
        ("proto", "model.spm", True),
        ("proto", "A" * 256, True),
        ("proto", "A" * 257, False),
        ("proto", "A" * 257 + "==", False),
        ("proto", "A" * 257 + "-", True),
        ("vocabulary", "A" * 257, True),
    ],
)
def test_a_sentencepiece_model_itself_is_no_path(key, text, named):
    found = texts({"class_name": "Tokenizer", "module": "keras_hub", "config": {key: text}})
    assert (found != []) is named


PATHS = """
asset_path checkpoint checkpoint_path export_dir file file_path filename filepath handle idf_weights merges model_path
path proto saved_model saved_model_path vocab_file vocabulary vocabulary_file weights_path
""".split()


@pytest.mark.parametrize("key", PATHS)
def test_keys_that_hold_paths(key):
    assert texts({"a": {key: "dir/words.txt"}}) == [(Kind.PATH, "dir/words.txt", f"a/{key}")]
    assert texts({"a": {key: "a word or two"}}) == []
    assert texts({"a": {f"my_{key}": "dir/words.txt"}}) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("~/words", True),
        ("/tmp/words", True),
        ("/", False),
        ("./words", True),
        ("..\\words", True),
        ("C:\\words", True),
        ("\\\\host\\words", True),
        ("//host/words", True),
        ("words.txt", True),
        ("words.t", False),
        ("words.text/more", True),
        ("a/b/c", True),
        ("a b/c", False),
        ("words", False),
        ("0.5", False),
        (" words.txt ", True),
        ("one two.txt", False),
        ("../a\nb", True),
    ],
)
def test_what_looks_like_a_path(text, named):
    assert texts({"a": {"path": text}}) == ([(Kind.PATH, text, "a/path")] if named else [])


@pytest.mark.parametrize(
    ("key", "text", "named"),
    [
        ("anything", "https://host/words", True),
        ("anything", " gs://host/words ", True),
        ("anything", "see https://host/words", False),
        ("anything", "https://host/words and more", False),
        ("anything", "://host", False),
        ("anything", "3s://host", False),
        ("path", "see https://host/words", False),
        *((key, "https://host/words", False) for key in "citation description doc documentation homepage".split()),
        *((key, "https://host/words", False) for key in "license reference references".split()),
    ],
)
def test_addresses(key, text, named):
    assert texts({"a": {key: text}}) == ([(Kind.PATH, text, f"a/{key}")] if named else [])


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("../up", True),
        ("a/../up", True),
        ("/etc/words", True),
        ("https://h/w", True),
        ("C:\\w", True),
        ("\\w", True),
        ("a\0b", True),
        ("group1-shard1of1.bin", False),
        ("a..b", False),
        (3, False),
        ("see https://h/w", False),
    ],
)
def test_weights_elsewhere(path, named):
    expected = [(Kind.PATH, path, "manifest/paths")] if named else []
    assert texts({"manifest": [{"paths": ["good.bin", path]}]}) == expected
    assert texts({"manifest": [{"ways": [path]}]}) == []
    assert "://" in str(path) or texts({"manifest": [{"paths": path}]}) == []
    assert texts({"manifest": [{"paths": {path: "words"}}]}) == []


@pytest.mark.parametrize(
    ("name", "climbs"),
    [
        ("../up", True),
        ("a/../b", True),
        ("..", True),
        ("a/..", True),
        ("C:/a", True),
        ("\\a", True),
        ("a\0", True),
        ("/a/b", False),
        ("a..b", False),
        ("a/b", False),
        ("plain", False),
        ("...", False),
    ],
)
def test_names_that_leave_their_folder(name, climbs):
    found = [(Kind.NAME, name, "name")] if climbs else []
    assert texts({"class_name": "Dense", "name": name, "config": {"name": name}}) == found
    assert texts({"class_name": "Dense", "name": "good", "config": {"name": name}}) == found
    assert texts({"class_name": "Dense", "name": name, "config": {"name": "good"}}) == found
    assert texts({"class_name": "Dense", "name": name, "config": {}}) == found
    assert texts({"class_name": "Dense", "name": name}) == found
    assert texts({"module": "keras", "name": name, "config": {}}) == []
    assert texts({"class_name": None, "name": name, "config": {}}) == []


def test_both_names_of_a_layer_are_told_where_they_differ():
    found = texts({"class_name": "Dense", "name": "../a", "config": {"name": "../b"}})
    assert [name for _, name, _ in found] == ["../a", "../b"]


PICKLED = base64.b64encode(pickle.dumps({"a": list(range(40))}, protocol=4)).decode()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (PICKLED, Kind.PICKLE),
        (f"  {PICKLED}", Kind.PICKLE),
        (PICKLED[:-4] + "AAAA", None),
        (f"x{PICKLED}", None),
        (PICKLED[:36], None),
        ("gA" + "!" * 60, None),
        ("gASV" + "A" * 37, None),
        (base64.b64encode(b"x" * 40 + b".").decode(), None),
        (base64.b64encode(b"\x80\x01" + b"x" * 40 + b".").decode(), None),
        ("4w" + "EAAAAA" + "A" * 32, "code"),
        ("YwEAAAAA" + "A" * 32, "code"),
        ("4wEAAAAA" + "A" * 31, None),
        ("5wEAAAAA" + "A" * 32, None),
    ],
)
def test_code_and_pickles_in_texts(text, kind):
    root = LayerDefinition("model", "Sequential", "keras", is_model=True, opaque=True)
    for raw in ({"a": text}, {"a": ["b", text]}, {"deep": {"a": (text,)}}):
        found = everything_named(expand(ModelDefinition(root, "static", "keras", raw=raw)))
        assert [str(one.kind) for one in found] == ([] if kind is None else [kind])


CALLED = {"function": "tf.math.add"}


@pytest.mark.parametrize(
    ("class_name", "config", "expected"),
    [
        ("TFOpLambda", CALLED, ["math.add"]),
        ("SlicingOpLambda", CALLED, ["math.add"]),
        ("keras>TFOpLambda", CALLED, ["math.add"]),
        ("TFOpLambda", {"function": "math.add"}, ["math.add"]),
        ("TFOpLambda", {"function": 3}, []),
        ("TFOpLambda", {"function": "tf.cast"}, ["cast"]),
        ("ClassMethod", {"function": "tf.cast"}, []),
        ("InstanceMethod", {"function": "tf.cast"}, []),
        ("TFOpLambda", {}, []),
        ("Dense", CALLED, []),
        ("ClassMethod", {"cls_symbol": "tf.data.Dataset"}, ["data.Dataset"]),
        ("ClassMethod", {"cls_ref": "tf.data.Dataset"}, ["data.Dataset"]),
        ("ClassMethod", {"cls_symbol": "a", "cls_ref": "b"}, ["a"]),
        ("ClassMethod", {"cls_symbol": 3}, []),
        ("ClassMethod", {"cls_symbol": "a", "method_name": "_b"}, ["a", "Tensor._b"]),
        ("InstanceMethod", {"cls_symbol": "a"}, []),
        ("InstanceMethod", {"method_name": "__class__"}, ["Tensor.__class__"]),
        ("InstanceMethod", {"method_name": "__getitem__"}, []),
        ("InstanceMethod", {"method_name": "__len__"}, []),
        ("InstanceMethod", {"method_name": "sum"}, []),
        ("InstanceMethod", {"method_name": 3}, []),
        ("InstanceProperty", {"attr_name": "_handle"}, ["Tensor._handle"]),
        ("TFOpLambda", {"attr_name": "_handle"}, []),
    ],
)
def test_symbols_of_tensorflow(class_name, config, expected):
    for entry in ({"class_name": class_name}, {"class_name": class_name, "registered_name": class_name}):
        found = texts({**entry, "config": config})
        assert [name for kind, name, _ in found if kind is Kind.SYMBOL] == expected
    hidden = texts({"class_name": "Dense", "registered_name": class_name, "config": config})
    assert [name for kind, name, _ in hidden if kind is Kind.SYMBOL] == expected
    assert texts({"class_name": None, "registered_name": class_name, "config": config}) == []


def field(number, data):
    return bytes([number << 3 | 2, len(data)]) + data


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"op": "AddV2"}, ["AddV2"]),
        ({"op": 3}, []),
        ({"name": "AddV2"}, []),
        (3, []),
        (None, []),
        ((field(1, b"node") + field(2, b"ReadFile")).decode(), ["ReadFile"]),
        ((field(2, b"One") + field(2, b"Two")).decode(), ["One", "Two"]),
        ('name: "node" op: "ReadFile"', ["ReadFile"]),
        (bytes([2 << 3, 5]).decode(), []),
        ("", []),
    ],
)
def test_operations_of_nodes(node, expected):
    assert node_operations(node) == expected
    if not isinstance(node, (int, type(None))):
        found = texts({"class_name": "TensorFlowOpLayer", "config": {"node_def": node}})
        assert [(kind, name) for kind, name, _ in found] == [(Kind.OPERATION, name) for name in expected]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"function": "work", "function_type": "function", "module": "mine"}, [("work", "mine", "function")]),
        ({"mask": "work", "mask_type": "function", "mask_module": "mine"}, [("work", "mine", "mask")]),
        ({"function": "work", "function_type": "function"}, [("work", None, "function")]),
        ({"function": "work", "function_type": "lambda"}, []),
        ({"function": ["work"], "function_type": "function"}, []),
        ({"kind": "function", "ki": "work"}, []),
        ({"kind-kind": "function", "kind": "work"}, []),
        ({"function": "work", "function_type": "https://host/words"}, []),
    ],
)
def test_functions_named_beside_their_module(config, expected):
    root = LayerDefinition("model", "Sequential", "keras", is_model=True, opaque=True)
    found = everything_named(expand(ModelDefinition(root, "static", "keras", raw={"config": config})))
    named_ones = [(one.name, one.module, one.where) for one in found if one.kind is Kind.NAMED_FUNCTION]
    assert named_ones == expected


CODE = ["4wEAAAAA", None, None]


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ({"class_name": "Lambda", "config": {"function": CODE}}, "function"),
        ({"class_name": "Lambda", "config": {"output_shape": CODE}}, "output_shape"),
        ({"class_name": "Lambda", "config": {"mask": CODE}}, "mask"),
        ({"class_name": "Merge", "config": {"mode": CODE}}, "mode"),
        ({"class_name": "Merge", "config": {"output_mask": CODE}}, "output_mask"),
        ({"class_name": "keras.layers.Lambda", "config": {"function": CODE}}, "function"),
        ({"class_name": "x>Lambda", "config": {"function": CODE}}, "function"),
        ({"class_name": "Mine", "registered_name": "Lambda", "config": {"function": CODE}}, "function"),
        ({"class_name": "MyLambda", "config": {"function": CODE}}, None),
        ({"class_name": "Lambda", "config": {"function": CODE[:2]}}, None),
        ({"class_name": "Lambda", "config": {"function": [None, "4wEA", None]}}, None),
        ({"class_name": "Lambda", "config": {"function": "4wEAAAAA"}}, None),
        ({"class_name": "Mine", "config": {"work": "4wE", "work_type": "lambda"}}, "work"),
        ({"class_name": "Mine", "config": {"work": ["4wE"], "work_type": "lambda"}}, "work"),
        ({"class_name": "Mine", "config": {"work": 3, "work_type": "lambda"}}, None),
        ({"class_name": "Mine", "config": {"work": "4wE", "work_kind": "lambda"}}, None),
        ({"class_name": "Mine", "config": {"work": "4wE", "work_type": "function"}}, None),
        ({"class_name": "Mine", "config": {"a": "lambda", "work": "4wE", "work_type": "function"}}, None),
        ({"config": {"work": "4wE", "work_type": "lambda"}}, "work"),
        ({"code": "4wE", "closure": None}, "code"),
        ({"code": "4wE", "defaults": None}, "code"),
        ({"code": "4wE"}, None),
        ({"code": 3, "closure": None}, None),
        ({"class_name": "__lambda__", "config": {"code": "4wE"}}, "lambda"),
    ],
)
def test_code_of_every_keras(entry, name):
    found = [one.name for one in named(entry) if one.kind is Kind.CODE]
    assert found == ([] if name is None else [name])


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"class_name": "__typespec__", "spec_name": "Ragged"}, (Kind.CLASS, "Ragged")),
        ({"class_name": "function", "config": "relu"}, (Kind.FUNCTION, "relu")),
        ({"class_name": "function", "config": {}}, (Kind.CLASS, "function")),
        ({"class_name": "__numpy__", "config": {}}, None),
        ({"class_name": "__tensor__", "config": {}}, None),
        ({"class_name": "__ellipsis__"}, None),
        ({"module": "mine"}, None),
        ({"module": "mine", "config": {}}, (Kind.CLASS, "")),
        ({"registered_name": "x>C"}, (Kind.CLASS, "x>C")),
        ({"class_name": "C", "registered_name": "x>D"}, (Kind.CLASS, "C")),
        ({"class_name": "C", "config": "relu"}, (Kind.CLASS, "C")),
        ({"config": {}}, None),
        ({"code": 3, "module": "x"}, None),
        ({"class_name": ["C"], "config": {}}, None),
    ],
)
def test_what_an_entry_stands_for(entry, expected):
    assert [(one.kind, one.name) for one in named(entry)] == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("entry", "root", "names"),
    [
        ({"class_name": "C", "module": "a.b"}, "a", ("C",)),
        ({"class_name": "a.b.C"}, "a", ("a.b.C",)),
        ({"class_name": "C"}, None, ("C",)),
        ({"class_name": "C", "module": ""}, None, ("C",)),
        ({"class_name": "C", "registered_name": "D"}, None, ("C", "D")),
        ({"class_name": "C", "registered_name": "C"}, None, ("C",)),
        ({"class_name": "C", "registered_name": "x>D"}, None, ("C",)),
        ({"class_name": "C", "registered_name": ""}, None, ("C",)),
        ({"class_name": "C", "registered_name": "function"}, None, ("C",)),
    ],
)
def test_roots_and_names(entry, root, names):
    (found,) = named(entry)
    assert (found.root, found.names, found.last_name) == (root, names, "C")


@pytest.mark.parametrize(
    ("class_name", "registered", "expected"),
    [
        ("Lambda", None, True),
        ("keras.layers.Lambda", None, True),
        ("Mine", "x>Lambda", True),
        ("Mine", None, False),
        ("MyLambda", "x>MyLambda", False),
        (None, None, False),
        (None, "Lambda", True),
    ],
)
def test_lambdas_however_written(class_name, registered, expected):
    root = LayerDefinition("one", class_name, registered_name=registered, is_model=True, opaque=True)
    assert is_lambda(expand(ModelDefinition(root, "static", "keras")).root) is expected


def test_texts_beside_the_configuration_are_named_apart():
    beside = [("preprocessor.json", {"class_name": "Mine", "config": {"path": "a/b"}}), ("", {"file": "c/d"})]
    raw = {"class_name": "Dense", "config": {}}
    assert [one.name for one in named(raw, documents=beside)] == ["Dense"]
    assert texts(raw, documents=beside) == [
        (Kind.PATH, "a/b", "preprocessor.json/path"),
        (Kind.PATH, "c/d", "file"),
    ]


@pytest.mark.parametrize("layers", [3, None, "text", {"a": 1}, [], [1, 2], [[]]])
def test_layers_that_are_no_list_of_entries(layers):
    inner = {"class_name": "function", "config": "relu"}
    config = {"layers": layers, "activation": inner}
    assert [one.name for one in named({"class_name": "Mine", "config": config})] == ["Mine", "relu"]


def test_paths_and_names_are_no_references():
    raw = {"class_name": "Dense", "name": "../up", "config": {"path": "dir/words.txt"}}
    assert [one.kind for one in named(raw)] == [Kind.CLASS]
    assert {kind for kind, _, _ in texts(raw)} == {Kind.NAME, Kind.PATH}


CUSTOM = {"class_name": "Mine", "module": "mine", "config": {}}


WORD = "YwEAAAAA" + "A" * 32
"""An identifier that is marshalled code too."""


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"c": {"name": "../up"}},
        {"c": {"name": "a b"}},
        {"c": {"name": 3}},
        {"c": {"name": LONG}},
        {"c": {"inbound_nodes": [[CUSTOM]]}},
        {"c": {"inbound_nodes": []}},
        {"c": {"module": "mine", "more": CUSTOM}},
        {"c": {"build_config": {"input_shape": [None, 4]}}},
        {"c": {"config": {"name": "../up"}}},
        {"c": {"config": {"name": "other"}}},
        {"c": {"class_name": "os.system"}},
        *({one: {"name": name, "config": {"name": name}} for one in ("c", "d")} for name in ("../up", WORD, "a b")),
        {"c": {"config": {"name": "other"}}, "d": {"config": {"name": "../up"}}},
        {"b": {"config": {"name": "other"}}, "c": {"config": {"name": "../up"}}},
        {"b": {"inbound_nodes": [[CUSTOM]]}, "d": {"inbound_nodes": [[CUSTOM]]}},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "common",
    [{"units": 4}, {"activation": CUSTOM}, {"class_name": None, "registered_name": "x>Mine"}, {"class_name": None}],
    ids=["plain", "with a class", "registered", "nameless"],
)
def test_layers_that_are_alike_are_named_as_if_each_was_read(changes, common):
    class_name, registered = common.get("class_name", "Dense"), common.get("registered_name")

    def told(alike):
        entries, layers = [], []
        for name in ("a", "b", "c", "d"):
            config = {"name": name, **deepcopy({key: value for key, value in common.items() if "_name" not in key})}
            entry = {"class_name": class_name, "module": "keras.layers", "name": name, "config": config}
            entry |= {"registered_name": registered} if registered is not None else {}
            change = changes.get(name, {})
            entry |= {key: deepcopy(value) for key, value in change.items() if key != "config"}
            config |= change.get("config", {})
            likeness = Likeness(1, config) if alike else None
            known = entry["name"] if isinstance(entry["name"], str) else name
            layers.append(LayerDefinition(known, class_name, "keras.layers", config=config, likeness=likeness))
            entries.append(entry)
        root = LayerDefinition("net", "Functional", "keras", is_model=True)
        root.body = Body(layers, [], [], outputs=[])
        raw = {"class_name": "Functional", "module": "keras", "config": {"name": "net", "layers": entries}}
        graph = expand(ModelDefinition(root, "static", "keras", raw=raw))
        return [
            (one.kind, one.name, one.registered_name, one.layer, one.where, one.is_layer)
            for one in everything_named(graph)
        ]

    assert told(True) == told(False)
    assert len(told(True)) >= 5


# -- layers and their places --------------------------------------------------------------------------------------


def entry(name, class_name="Dense", *, where="both", **config):
    """The entry of a layer in a configuration, whose name stands beside it, in it, or in both."""
    made = {"class_name": class_name, "config": {**config, **({"name": name} if where != "beside" else {})}}
    return {**made, **({"name": name} if where != "inside" else {})}


RELU = {"class_name": "function", "config": "relu"}
INNER = [entry("d", activation=RELU), entry("e")]


@pytest.mark.parametrize("where", ["both", "inside", "beside"])
@pytest.mark.parametrize("listed", [False, True])
def test_layers_of_models_stand_under_their_own_paths(where, listed):
    inner = entry("inner", "Sequential", where=where, first=CUSTOM, layers=INNER, n=3, last=[CUSTOM])
    if listed:
        inner = {"class_name": "Sequential", "name": "inner", "config": INNER}
    entries = [entry("a", where=where, activation=RELU), inner, entry("unknown", "Mine"), entry("b", where=where)]
    raw = {"class_name": "Functional", "config": {"layers": [*entries, None, 3, "a", [CUSTOM]], "metric": CUSTOM}}
    raw = json.loads(json.dumps(raw))
    body = [layer(name) for name in ("a", "b")]
    nested = model("inner", [call(layer("d")), call(layer("e"), 0)], [], [1])
    calls = [input_call("x"), call(body[0], 0), CallDefinition(nested, (), outputs=(SPEC,)), call(body[1], 2)]
    graph = expand(ModelDefinition(model("net", calls, [0], [3]), "static", "keras", raw=raw))
    found = [(one.name, one.layer, one.where, one.is_layer) for one in references(graph)]
    around = [] if listed else [("Mine", "inner", "first", False), ("Mine", "inner", "last", False)]
    assert found == [
        ("Functional", ".", "", True),
        ("Mine", ".", "metric", False),
        ("Dense", "a", "", True),
        ("relu", "a", "activation", False),
        ("Sequential", "inner", "", True),
        *around,
        ("Dense", "inner/d", "", True),
        ("relu", "inner/d", "activation", False),
        ("Dense", "inner/e", "", True),
        ("Mine", ".", "", True),
        ("Dense", "b", "", True),
        ("Mine", ".", "", True),
    ]


def test_entries_without_a_known_name_stand_where_they_are():
    nameless = {"class_name": "Mine", "config": None}
    odd = {"class_name": "Other", "name": 3, "config": {"name": ["a"]}}
    late = {"class_name": "Late", "name": None, "config": {"name": "a"}}
    held = {"class_name": "Net", "config": {"layers": [nameless, odd, late]}}
    raw = {"class_name": "Functional", "config": {"keep": held, "layers": [nameless.copy(), entry("second")]}}
    one = layer("a")
    calls = [input_call("x"), call(one, 0), call(model("m", [call(one)], [], [0]), 1)]
    calls[2].layer.body.layers[0].name = "a"
    graph = expand(ModelDefinition(model("net", calls, [0], [2]), "static", "keras", raw=raw))
    assert [(one.name, one.layer, one.where) for one in references(graph)] == [
        ("Functional", ".", ""),
        ("Net", ".", "keep"),
        ("Mine", ".", "keep"),
        ("Other", ".", "keep"),
        ("Late", "a", ""),
        ("Mine", ".", ""),
        ("Dense", ".", ""),
    ]
    inside = {"class_name": "Functional", "name": "m", "config": {"layers": [late]}}
    raw = {"class_name": "Functional", "config": {"layers": [inside]}}
    shared = expand(ModelDefinition(model("net", calls, [0], [2]), "static", "keras", raw=raw))
    assert ("Late", "a") in [(one.name, one.layer) for one in references(shared)]


def test_a_model_in_memory_names_its_layers_and_what_their_calls_receive():
    wrap = layer("wrap", "TimeDistributed", children={"layer": layer("deep", config={"activation": RELU})})
    wrap.config = {"layer": {"class_name": "Dense", "config": {"activation": RELU}}}
    given = Constant(ConstantKind.OBJECT, {"class_name": "Given", "module": "mine", "config": {}})
    plain = Constant(ConstantKind.TENSOR, {"class_name": "Other", "module": "mine", "config": {}})
    inner = CallDefinition(layer("d"), (TensorRef(0, 0), deepcopy(given)), outputs=(SPEC,))
    nested = model("inner", [input_call("i"), inner], [0], [1])
    calls = [input_call("x"), call(wrap, 0), call(nested, 1)]
    calls.append(CallDefinition(layer("end"), (TensorRef(2, 0), plain), {"by": [given, 3]}, outputs=(SPEC,)))
    root = model("net", calls, [0], [3])
    made = ModelDefinition(root, "live", "live", compile_config={"loss": {"class_name": "Huber", "config": {}}})
    found = [(one.name, one.layer, one.where) for one in references(expand(made))]
    assert sorted(found) == [
        ("Dense", "end", ""),
        ("Dense", "inner/d", ""),
        ("Dense", "wrap", "layer"),
        ("Functional", ".", ""),
        ("Functional", "inner", ""),
        ("Given", "end", "inbound_nodes"),
        ("Given", "inner/d", "inbound_nodes"),
        ("Huber", ".", "compile_config/loss"),
        ("InputLayer", "inner/i", ""),
        ("InputLayer", "x", ""),
        ("TimeDistributed", "wrap", ""),
        ("relu", "wrap", "layer/activation"),
    ]


def test_texts_beside_a_model_that_are_no_json():
    for text, kind in (("plain words, and many of them, so that they might be code", []), (LONG, [Kind.CODE])):
        found = everything_named(
            expand(ModelDefinition(LayerDefinition("m", "Dense"), "static", "keras", documents=[("a.txt", text)]))
        )
        assert [one.kind for one in found if one.where] == kind
