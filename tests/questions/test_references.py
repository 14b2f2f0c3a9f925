"""Everything a configuration names, found by one walk."""

import base64
import pickle
from copy import deepcopy

import pytest

from graphlint.model.definition import Body, LayerDefinition, Likeness, ModelDefinition
from graphlint.model.expand import expand
from graphlint.questions.references import (
    Kind,
    everything_named,
    is_lambda,
    last_name,
    node_operations,
    references,
)


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
        ({"config": {}}, None),
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


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"name": "../up"},
        {"name": "a b"},
        {"name": 3},
        {"name": "4wEAAAAA" + "A" * 40},
        {"inbound_nodes": [[CUSTOM]]},
        {"inbound_nodes": []},
        {"module": "mine", "more": CUSTOM},
        {"build_config": {"input_shape": [None, 4]}},
        {"config": {"name": "../up"}},
        {"config": {"name": "other"}},
        {"class_name": "os.system"},
    ],
    ids=str,
)
@pytest.mark.parametrize("common", [{"units": 4}, {"activation": CUSTOM}], ids=["plain", "with a class"])
def test_layers_that_are_alike_are_named_as_if_each_was_read(change, common):
    def told(alike):
        entries, layers = [], []
        for name in ("a", "b", "c", "d"):
            config = {"name": name, **deepcopy(common)}
            entry = {"class_name": "Dense", "module": "keras.layers", "name": name, "config": config}
            if name == "c":
                entry |= {key: deepcopy(value) for key, value in change.items() if key != "config"}
                config |= change.get("config", {})
            likeness = Likeness(1, config) if alike else None
            layers.append(LayerDefinition(name, "Dense", "keras.layers", config=config, likeness=likeness))
            entries.append(entry)
        root = LayerDefinition("net", "Functional", "keras", is_model=True)
        root.body = Body(layers, [], [], outputs=[])
        raw = {"class_name": "Functional", "module": "keras", "config": {"name": "net", "layers": entries}}
        graph = expand(ModelDefinition(root, "static", "keras", raw=raw))
        return [(one.kind, one.name, one.layer, one.where, one.is_layer) for one in everything_named(graph)]

    assert told(True) == told(False)
    assert len(told(True)) >= 5
