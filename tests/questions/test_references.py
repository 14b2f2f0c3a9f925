"""Everything a configuration names, found by one walk."""

import keras
import pytest
from keras import layers, ops

from graphlint.model.definition import LayerDefinition, ModelDefinition
from graphlint.model.expand import expand
from graphlint.questions.references import Kind, last_name, references
from graphlint.sources import read
from graphlint.sources.live import read_live
from graphlint.testing.samples import SAMPLES


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


@pytest.mark.parametrize("name", ["nested", "bidirectional", "trained", "transformer", "custom_layer"])
def test_file_and_memory_name_the_same(name, tmp_path):
    model = SAMPLES[name]()
    path = tmp_path / "model.keras"
    model.save(path)

    def summary(graph):
        return {(one.kind, one.last_name, one.layer) for one in references(graph) if one.class_name != "DTypePolicy"}

    assert summary(expand(read(path))) == summary(expand(read_live(model)))


def test_objects_among_call_arguments(tmp_path):
    x = keras.Input((4,))
    model = keras.Model(x, ops.cast(layers.Dense(2)(x), "float16"))
    assert {one.last_name for one in references(expand(read_live(model)))} >= {"Dense", "Cast"}
