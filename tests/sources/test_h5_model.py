"""Whole models in HDF5, legacy weights, weights files, JSON: the same graph as from the model itself."""

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

from graphlint.errors import UnreadableError
from graphlint.model.expand import expand
from graphlint.projections.canonical import canonical
from graphlint.sources import read, read_text
from graphlint.sources.live import read_live
from graphlint.testing.samples import SAMPLES

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")

SAME = [
    "mlp",
    "cnn",
    "siamese",
    "doubly_nested",
    "frozen_backbone",
    "sequential_in_functional",
    "functional_in_sequential",
    "bidirectional",
    "stacked_cells",
    "conv_lstm",
    "attention_scores",
    "grouped_query_attention",
    "spectral_normalization",
    "adapted_normalization",
    "mixed_precision",
    "quantized",
]


@pytest.mark.parametrize("name", SAME)
def test_same_graph_as_the_model_that_keras_loads(name, tmp_path):
    path = tmp_path / "model.h5"
    SAMPLES[name]().save(path)
    definition = read(path)
    assert (definition.format, definition.keras_version) == ("h5", keras.__version__)
    assert definition.problems == [] and definition.stray_weights == {}
    loaded = keras.saving.load_model(path, compile=False)
    assert canonical(expand(definition)) == canonical(expand(read_live(loaded)))


@pytest.mark.parametrize("name", ["bidirectional", "frozen_backbone", "transformer", "conv_lstm"])
def test_numbers_are_those_of_the_variables(name, tmp_path):
    model = SAMPLES[name]()
    for index, variable in enumerate(model.weights):
        variable.assign(np.full(variable.shape, index + 1))
    model.save(tmp_path / "model.h5")
    model.save(tmp_path / "model.keras")
    stored, expected = (expand(read(tmp_path / f"model.{ending}")).variables for ending in ("h5", "keras"))
    by_place = {(variable.layer, variable.index): variable.values for variable in stored.values()}
    assert len(by_place) == len(stored)
    assert len(by_place) >= len(model.weights)
    for variable in expected.values():
        if "seed_generator" not in variable.layer:
            assert np.array_equal(variable.values.read(), by_place[variable.layer, variable.index].read())


def compiled():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="d"), keras.layers.Dense(1, name="e")])
    model.compile("adam", "mse")
    model.fit(np.ones((2, 4)), np.ones((2, 1)), verbose=0)
    return model


def test_training_configuration_and_optimizer(tmp_path):
    path = tmp_path / "model.h5"
    model = compiled()
    model.save(path)
    definition = read(path)
    assert definition.compile_config["loss"] == "mse"
    assert definition.optimizer.class_name == "Adam"
    assert [variable.shape for variable in definition.optimizer.variables] == [
        tuple(variable.shape) for variable in model.optimizer.variables
    ]


def test_long_lists_of_names_are_joined(tmp_path):
    path = tmp_path / "model.h5"
    compiled().save(path)
    with h5py.File(path, "a") as file:
        group = file["model_weights"]
        names = list(group.attrs["layer_names"])
        del group.attrs["layer_names"]
        for index, name in enumerate(names):
            group.attrs[f"layer_names{index}"] = [name]
    assert sorted(expand(read(path)).variables) == ["d@bias", "d@kernel", "e@bias", "e@kernel"]


def test_weights_of_a_layer_that_the_configuration_lacks(tmp_path):
    path = tmp_path / "model.h5"
    compiled().save(path)
    with h5py.File(path, "a") as file:
        config = json.loads(file.attrs["model_config"])
        del config["config"]["layers"][2]
        file.attrs["model_config"] = json.dumps(config)
    assert read(path).stray_weights == {"e": 4}


def test_a_custom_class_keeps_its_stored_names(tmp_path):
    path = tmp_path / "model.h5"
    compiled().save(path)
    with h5py.File(path, "a") as file:
        config = file.attrs["model_config"].replace('"class_name": "Dense"', '"class_name": "Strange"', 1)
        file.attrs["model_config"] = config
    graph = expand(read(path))
    assert {"d@kernel", "d@bias"} <= set(graph.variables)
    assert graph.layer("d#0").class_name == "Strange" and not graph.layer("d#0").is_keras


def test_weights_alone(tmp_path):
    model = compiled()
    model.save_weights(tmp_path / "model.weights.h5")
    definition = read(tmp_path / "model.weights.h5")
    assert (definition.format, definition.has_graph, definition.has_weights) == ("weights", False, True)
    assert sum(np.prod(variable.shape) for variable in expand(definition).variables.values()) == 19


@pytest.mark.parametrize("name", ["cnn", "trained", "adapted_normalization"])
@pytest.mark.parametrize("ending", ["weights.h5", "legacy.h5"])
def test_running_statistics_in_weights_alone(name, ending, tmp_path):
    model = SAMPLES[name]()
    path = tmp_path / f"model.{ending}"
    if ending == "weights.h5":
        model.save_weights(path)
    else:
        model.save(tmp_path / "model.h5")
        with h5py.File(tmp_path / "model.h5") as file, h5py.File(path, "w") as legacy:
            for layer in file["model_weights"]:
                file.copy(f"model_weights/{layer}", legacy)
            legacy.attrs["layer_names"] = file["model_weights"].attrs["layer_names"]
    trained = sum(variable.size for variable in expand(read(path)).variables.values() if variable.trainable)
    statistics = sum(np.prod(variable.shape) for variable in model.weights if "moving" in variable.path)
    if name == "adapted_normalization" and ending == "weights.h5":
        statistics = sum(np.prod(variable.shape) for variable in model.non_trainable_weights)
    assert trained == sum(np.prod(variable.shape) for variable in model.weights) - statistics


def test_sharded_weights(tmp_path):
    model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(512), keras.layers.Dense(512)])
    model.save_weights(tmp_path / "m.weights.json", max_shard_size=0.0011)
    assert len(list(tmp_path.glob("m_*.weights.h5"))) > 1
    variables = expand(read(tmp_path / "m.weights.json")).variables.values()
    assert sum(np.prod(variable.shape) for variable in variables) == model.count_params()


@pytest.mark.parametrize("name", ["../m_00000.weights.h5", "/etc/passwd", "other.h5", 3])
def test_a_shard_under_another_name_is_not_opened(name, tmp_path):
    path = tmp_path / "m.weights.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": {"/layers/dense/vars": name}}))
    with pytest.raises(UnreadableError, match="lists the file"):
        read(path)


def test_legacy_weights_alone(tmp_path):
    compiled().save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file, h5py.File(tmp_path / "legacy.h5", "w") as legacy:
        for name in file["model_weights"]:
            file.copy(f"model_weights/{name}", legacy)
        for name, value in file["model_weights"].attrs.items():
            legacy.attrs[name] = value
    definition = read(tmp_path / "legacy.h5")
    assert not definition.has_graph and definition.keras_version == keras.__version__
    assert sorted(expand(definition).variables) == ["d@bias", "d@kernel", "e@bias", "e@kernel"]


def test_some_other_hdf5(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["images"] = np.ones(3)
    with pytest.raises(UnreadableError, match="but images"):
        read(tmp_path / "data.h5")


def test_no_configuration(tmp_path):
    compiled().save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "a") as file:
        del file.attrs["model_config"]
    with pytest.raises(UnreadableError, match="no model_config"):
        read(tmp_path / "model.h5")


@pytest.mark.parametrize("name", ["mlp", "siamese", "transformer", "doubly_nested"])
def test_json_has_the_calls_of_the_model(name):
    model = SAMPLES[name]()
    stored, live = (canonical(expand(one)) for one in (read_text(model.to_json().encode()), read_live(model)))
    assert stored["calls"] == live["calls"] and stored["outputs"] == live["outputs"]


def test_model_of_tensorflow_js():
    config = {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {"name": "d", "units": 2}}]}
    topology = {"keras_version": "2.3.1", "model_config": config, "training_config": {"loss": "mse"}}
    definition = read_text(json.dumps({"modelTopology": topology, "weightsManifest": []}).encode())
    assert definition.keras_version == "2.3.1" and definition.compile_config == {"loss": "mse"}
    assert [layer.name for layer in definition.root.body.layers] == ["d_input", "d"]


def test_graph_of_tensorflow_js():
    with pytest.raises(UnreadableError, match="no Keras layers"):
        read_text(b'{"modelTopology": {"node": []}}')
    with pytest.raises(UnreadableError, match="Tokenizer"):
        read_text(json.dumps(json.dumps({"class_name": "Tokenizer", "config": {"num_words": 9}})).encode())


def test_name_and_content_disagree(tmp_path):
    compiled().save(tmp_path / "model.h5")
    (tmp_path / "model.h5").rename(tmp_path / "model.keras")
    with pytest.raises(UnreadableError, match=r"an HDF5 file named \.keras"):
        read(tmp_path / "model.keras")
    assert read(tmp_path / "model.keras", by_content=True).format == "h5"


def test_every_variable_below_the_layers_of_a_model_whose_body_is_not_stored(tmp_path):
    class Pair(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.first, self.second = keras.layers.Dense(3, name="first"), keras.layers.Dense(2, name="second")

        def call(self, x):
            return self.second(self.first(x))

    class Scaled(keras.layers.Layer):
        def build(self, shape):
            self.scale, self.offset = self.add_weight(shape=()), self.add_weight(shape=())

        def call(self, x):
            return x * self.scale + self.offset

    class Backbone(keras.Model):
        def __init__(self):
            inputs = keras.Input((4,))
            super().__init__(inputs, Scaled(name="scaled")(Pair(name="pair")(inputs)))

        def get_config(self):
            return {}

    model = Backbone()
    model.save(tmp_path / "model.keras")
    assert expand(read(tmp_path / "model.keras")).parameters.total == model.count_params()
    model.save(tmp_path / "model.h5")
    graph = expand(read(tmp_path / "model.h5"))
    assert graph.parameters.total == model.count_params()
    assert {"pair/first@kernel", "pair/second@kernel"} <= set(graph.variables)
    assert [layer for layer in graph.layers if graph.layers[layer].opaque] == ["."]


def test_attention_in_an_archive_of_keras_2(tmp_path):
    """Keras 2.13 to 2.15 stored the projections under the names of private attributes."""
    x = keras.Input((5, 4))
    model = keras.Model(x, keras.layers.MultiHeadAttention(2, 3, name="attention")(x, x))
    model.save(tmp_path / "today.keras")
    with zipfile.ZipFile(tmp_path / "today.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    (tmp_path / "weights.h5").write_bytes(members["model.weights.h5"])
    with h5py.File(tmp_path / "weights.h5", "a") as file:
        group = file["layers/multi_head_attention"]
        for part in ("query_dense", "key_dense", "value_dense", "output_dense"):
            group.move(part, f"_{part}")
    members["model.weights.h5"] = (tmp_path / "weights.h5").read_bytes()
    with zipfile.ZipFile(tmp_path / "before.keras", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    before, today = (expand(read(tmp_path / name)) for name in ("before.keras", "today.keras"))
    assert canonical(before) == canonical(today) and len(before.variables) == 8


def test_weights_alone_of_layers_with_sublayers(tmp_path):
    """As Keras 2 saves weights: one name for both directions, but for the path."""
    path = tmp_path / "model_weights.h5"
    names = [f"both/{way}_lstm/lstm_cell/{slot}:0" for way in ("forward", "backward") for slot in ("kernel", "bias")]
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["both"]
        file.attrs["keras_version"] = "2.15.0"
        group = file.create_group("both")
        group.attrs["weight_names"] = names
        for number, name in enumerate(names):
            group[name] = np.full((2, 3), number, "float32")
    graph = expand(read(path))
    assert list(graph.variables) == [
        "both/forward_lstm/lstm_cell@kernel",
        "both/forward_lstm/lstm_cell@bias",
        "both/backward_lstm/lstm_cell@kernel",
        "both/backward_lstm/lstm_cell@bias",
    ]
    assert [variable.values.read()[0, 0] for variable in graph.variables.values()] == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.weights.h5"])
def test_statistics_inside_custom_layers_are_not_trained(name, tmp_path):
    @keras.saving.register_keras_serializable(package="statistics")
    class Block(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.norms = [keras.layers.BatchNormalization(), keras.layers.BatchNormalization()]

        def build(self, shape):
            for norm in self.norms:
                norm.build(shape)

        def call(self, x):
            return self.norms[1](self.norms[0](x))

    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2)(Block(name="block")(inputs)))
    (model.save_weights if name == "model.weights.h5" else model.save)(tmp_path / name)
    parameters = expand(read(tmp_path / name)).parameters
    assert (parameters.total, parameters.trainable) == (model.count_params(), 26)


def test_weights_alone_of_spectral_normalization(tmp_path):
    """The wrapper and the layer inside it store one kernel twice."""
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.SpectralNormalization(keras.layers.Dense(3))(inputs))
    model.save_weights(tmp_path / "model.weights.h5")
    assert expand(read(tmp_path / "model.weights.h5")).parameters.total == model.count_params()
