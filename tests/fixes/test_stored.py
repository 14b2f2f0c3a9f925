"""Edits of `.keras` files, without Keras: what is written again, what is changed in it, and what is kept."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from graphlint.errors import GraphlintError
from graphlint.findings.edits import CopyWeights, DropRecordedArgument, DropVariables, Edit, ShareIdentity
from graphlint.fixes.stored import StoredModel, make
from graphlint.model.address import ROOT
from graphlint.model.expand import expand
from graphlint.sources import read
from tests.hostile.files import dense, functional, input_layer, keras_archive, layer, tensor
from tests.sources.archives import Entry


def numbers(**groups):
    """A weights file: the groups of layers, with variables numbered in order."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["written"] = "by hand"
        for name, values in groups.items():
            variables = file.create_group(f"layers/{name}/vars")
            for index, value in enumerate(values):
                variables[str(index)] = np.asarray(value, "f4")
    return content.getvalue()


def written(path, config, weights, extra=()):
    path.write_bytes(keras_archive(config, weights, list(extra)))
    return path


def after(path, *changes):
    """The configuration and the arrays of a file after edits."""
    graph, model = expand(read(path)), StoredModel(path)
    for change in changes:
        make(change, model, graph)
    target = path.with_name("edited.keras")
    model.save(target)
    again = StoredModel(target)
    arrays = {}
    again.weights.visititems(
        lambda name, item: arrays.update({name: item[()].tolist()}) if hasattr(item, "shape") else None
    )
    return again.config, arrays


def entries(config):
    return {one["config"]["name"]: one for one in config["config"]["layers"]}


KERNEL, BIAS = np.eye(4).tolist(), [0.0] * 4


def test_what_is_not_edited_is_kept(tmp_path):
    config = functional([input_layer(), dense("d", tensor("in"))])
    extra = [Entry("assets/words.txt", b"a\nb"), Entry("packed", b"x" * 1000, deflate=True), Entry("empty")]
    path = written(tmp_path / "model.keras", config, numbers(dense=(KERNEL, BIAS)), extra)
    assert after(path) == (config, {"layers/dense/vars/0": KERNEL, "layers/dense/vars/1": BIAS})
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "edited.keras") as new:
        assert old.namelist() == new.namelist()
        assert [one.compress_type for one in old.infolist()] == [one.compress_type for one in new.infolist()]
        for name in ("metadata.json", "assets/words.txt", "packed", "empty"):
            assert new.read(name) == old.read(name)
        assert h5py.File(io.BytesIO(new.read("model.weights.h5"))).attrs["written"] == "by hand"


def test_variables_that_are_dropped_leave_the_file_smaller(tmp_path):
    config = functional([input_layer(), dense("d", tensor("in")), dense("e", tensor("d"))])
    large = [np.zeros((4, 5000)), np.zeros(5000)]
    weights = numbers(dense=large, dense_1=(KERNEL, BIAS))
    path = written(tmp_path / "model.keras", config, weights)
    found, arrays = after(path, DropVariables(layers=("d",)))
    assert arrays == {"layers/dense_1/vars/0": KERNEL, "layers/dense_1/vars/1": BIAS} and found == config
    with zipfile.ZipFile(tmp_path / "edited.keras") as new:
        assert len(new.read("model.weights.h5")) < len(weights) / 4


def nested(name, source, inner):
    """A model inside a model, called once."""
    return functional([input_layer("i"), inner], name=name) | {
        "name": name,
        "inbound_nodes": [{"args": [source], "kwargs": {}}],
    }


def test_variables_of_models_are_dropped_and_not_those_inside(tmp_path):
    """Only a model that has a group can have variables, and a layer without variables has none."""
    config = functional(
        [
            input_layer(),
            nested("inner", tensor("in"), dense("d", tensor("i"))),
            layer("ReLU", "flat", {}, [tensor("inner")]),
            dense("end", tensor("flat")),
        ]
    )
    content = io.BytesIO(numbers(functional=(), dense=(KERNEL, BIAS)))
    with h5py.File(content, "r+") as file:
        file["layers/functional/vars/0"] = np.ones(3, "f4")
        file["layers/functional/layers/dense/vars/0"] = np.eye(4, dtype="f4")
        file["layers/functional/layers/dense/vars/1"] = np.zeros(4, "f4")
        file["vars/0"] = np.ones(2, "f4")
    path = written(tmp_path / "model.keras", config, content.getvalue())
    inside = {f"layers/functional/layers/dense/vars/{place}": value for place, value in enumerate((KERNEL, BIAS))}
    kept = {"layers/dense/vars/0": KERNEL, "layers/dense/vars/1": BIAS}
    found, arrays = after(path, DropVariables(layers=("flat", "inner")))
    assert arrays == inside | kept | {"vars/0": [1, 1]} and found == config
    arrays = after(path, DropVariables(layers=(ROOT,)))[1]
    assert arrays == inside | kept | {"layers/functional/vars/0": [1, 1, 1]}
    assert set(after(path, DropVariables(layers=("inner/d", ROOT)))[1]) == {*kept, "layers/functional/vars/0"}


def recorded(name, source, *settings, **more):
    """A Dropout that is called once with each of some keywords."""
    nodes = [{"args": [source], "kwargs": one} for one in settings]
    return layer("Dropout", name, {"rate": 0.5}) | {"inbound_nodes": nodes, **more}


def test_recorded_arguments_are_dropped_where_they_have_the_value(tmp_path):
    odd = [
        {"training": False, "seed": 1},
        {"training": True},
        {"seed": False},
        {"training": 0},
        {},
        {"training": False},
    ]
    config = functional(
        [
            input_layer(),
            recorded("a", tensor("in"), *odd),
            recorded("b", tensor("a"), {"training": False}),
            recorded("c", tensor("b"), {"training": False}),
        ]
    )
    config["config"]["layers"][1]["inbound_nodes"].append({"args": [tensor("in")]})
    path = written(tmp_path / "model.keras", config, numbers())
    found, _ = after(path, DropRecordedArgument(layers=("a", "c"), argument="training", value=False))
    layers = entries(found)
    nodes = layers["a"]["inbound_nodes"]
    assert [one.get("kwargs") for one in nodes] == [{"seed": 1}, {"training": True}, {"seed": False}, {}, {}, {}, None]
    assert [one["kwargs"] for name in "bc" for one in layers[name]["inbound_nodes"]] == [{"training": False}, {}]


def test_a_layer_without_calls_has_no_recorded_arguments(tmp_path):
    spare = {key: value for key, value in recorded("spare", None).items() if key != "inbound_nodes"}
    config = functional([input_layer(), spare, recorded("a", tensor("in"), {"training": False})])
    path = written(tmp_path / "model.keras", config, numbers())
    edit = DropRecordedArgument(layers=("spare", "a"), argument="training", value=False)
    assert entries(after(path, edit)[0])["a"]["inbound_nodes"][0]["kwargs"] == {}


def held(one, **more):
    """A layer as a wrapper stores it."""
    return {key: value for key, value in one.items() if key not in ("name", "inbound_nodes")} | more


def wrapping(name, source, inner):
    return layer("TimeDistributed", name, {"layer": inner}, [source])


def with_wrappers(*inner):
    """A Dense, and wrappers of layers one after another."""
    wrappers = [wrapping(name, tensor("d"), one) for name, one in zip("abc", inner, strict=False)]
    return functional([input_layer(shape=[None, 3, 4]), dense("d", tensor("in")), *wrappers], [["d", 0, 0]])


def chain(name, *layers):
    """A Sequential model."""
    return layer("Sequential", name, {"layers": [held(one) for one in layers]}) | {"registered_name": "Sequential"}


MODELS = {
    "a layer": lambda: held(dense("d", None)),
    "a Sequential": lambda: held(chain("net", input_layer("i"), dense("d", None))),
    "a Functional": lambda: held(functional([input_layer("i"), dense("d", tensor("i"))], name="net")),
}


@pytest.mark.parametrize("kind", MODELS)
def test_a_layer_is_marked_as_the_object_that_its_copy_is(kind, tmp_path):
    """Keras gives a layer no number where it stands first, only where it stands again."""
    spare = held(functional([input_layer("i"), dense("d", tensor("i"))], name="spare"))
    config = with_wrappers(MODELS[kind](), MODELS[kind]() | {"shared_object_id": 7}, spare)
    content = numbers(dense=(KERNEL, BIAS), time_distributed=())
    path = written(tmp_path / "model.keras", config, content)
    name = "d" if kind == "a layer" else "net"
    graph = expand(read(path))
    (owner,), (copy,) = ([one for one in graph.layers if one in (f"{at}/layer", f"{at}/{name}")] for at in "ab")
    found, arrays = after(path, ShareIdentity(layer=owner, copy=copy))
    layers = entries(found)
    assert layers["a"]["config"]["layer"].pop("shared_object_id") == 7
    assert layers == entries(config)
    assert arrays == {"layers/dense/vars/0": KERNEL, "layers/dense/vars/1": BIAS}


def test_the_entry_of_every_layer_is_found(tmp_path):
    """Beside what looks like one: a model in the settings of another class, and models that share layers."""
    odd = {"none": {"class_name": "Functional", "config": None}, "name": "net"}
    odd |= {"few": {"class_name": "Functional", "config": {"name": "net", "layers": [3, "d"]}}, "some": [[3, {}]]}
    again = input_layer("i") | {"shared_object_id": 5}
    other = functional([again, dense("d", tensor("i")) | {"shared_object_id": 9}], name="other")
    net = functional([again, dense("d", tensor("i")), dense("e", tensor("d"))], name="net")
    config = with_wrappers(held(chain("list", input_layer("i"), dense("d", None))), held(other), held(net))
    layers = config["config"]["layers"]
    layers[1]["shared_object_id"] = 9
    for place in (1, len(layers) + 1):
        layers.insert(place, layer("Mine", f"mine_{place}", odd, [tensor("in")]) | {"registered_name": "my>Mine"})
    path = written(tmp_path / "model.keras", config, numbers())
    graph, model = expand(read(path)), StoredModel(path)
    expected = {one["name"]: one for one in model.config["config"]["layers"]}
    for at in "abc":
        inner = expected[f"{at}/layer"] = expected[at]["config"]["layer"]
        expected |= {f"{at}/layer/{one['config']['name']}": one for one in inner["config"]["layers"]}
    found = {path: model.entry(graph, one.definition) for path, one in graph.layers.items()}
    assert found.pop(ROOT) is model.config
    assert set(expected) - set(found) == {"b/layer/d", "c/layer/i"}
    assert [path for path in found if found[path] is not expected[path]] == []


def test_weights_are_copied_and_the_copy_is_an_object_of_its_own(tmp_path):
    def twin(at, source, number):
        return nested(at, source, dense("d", tensor("i")) | {"shared_object_id": number})

    config = functional([input_layer(), dense("d", tensor("in")), twin("m", tensor("d"), 7), twin("n", tensor("m"), 8)])
    content = io.BytesIO(numbers(dense=(KERNEL, BIAS), functional=(), functional_1=()))
    with h5py.File(content, "r+") as file:
        file["layers/functional/layers/dense/vars/1"] = np.ones(4, "f4")
        file["layers/functional/layers/dense/vars/2"] = np.ones(1, "f4")
        file.create_group("layers/functional_1/layers/dense")
    path = written(tmp_path / "model.keras", config, content.getvalue())
    found, arrays = after(path, CopyWeights(layer="d", copy="m/d"), CopyWeights(layer="d", copy="n/d"))
    groups = ("dense", "functional/layers/dense", "functional_1/layers/dense")
    assert arrays == {
        f"layers/{one}/vars/{place}": value for one in groups for place, value in enumerate((KERNEL, BIAS))
    }
    for name in ("m", "n"):
        assert "shared_object_id" not in entries(entries(found)[name])["d"]
    found, arrays = after(path, CopyWeights(layer="d", copy="n/d"))
    assert entries(entries(found)["m"])["d"]["shared_object_id"] == 7
    assert not any(name.startswith("layers/functional/") and value == KERNEL for name, value in arrays.items())


def test_what_cannot_be_made_on_a_file(tmp_path):
    config = functional([input_layer(), dense("d", tensor("in")), dense("e", tensor("d"))])
    path = written(tmp_path / "model.keras", config, numbers(dense=(KERNEL, BIAS)))
    with pytest.raises(GraphlintError, match="the edit Edit is not made on files"):
        after(path, Edit())
    for layers in (("d", "e"), ("e", "d")):
        graph, model = expand(read(path)), StoredModel(path)
        graph.layers["e"].definition.stored_at = None
        with pytest.raises(GraphlintError, match=f"expected stored weights for '{layers[0]}', got a layer without"):
            make(CopyWeights(layer=layers[0], copy=layers[1]), model, graph)
    graph, model = expand(read(path)), StoredModel(path)
    graph.layers["e"].definition.config = {}
    graph.layers["e"].definition.shared_object_id = None
    with pytest.raises(GraphlintError, match="expected a layer with a configuration, got 'e', which only has weights"):
        model.entry(graph, graph.layers["e"].definition)
    assert json.loads(json.dumps(model.config)) == config
