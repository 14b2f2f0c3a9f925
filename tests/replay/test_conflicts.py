from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from keras import layers

from graphlint.errors import ReplayError, UnreadableError
from graphlint.knowledge import keras_internals
from graphlint.replay.conflicts import find_conflicts
from graphlint.testing.samples import SAMPLES
from tests.replay.invariants import node_counts
from tests.replay.test_split import chain, encoder, siamese


def broken() -> dict:  # type: ignore[type-arg]
    """A configuration with two conflicts, of which Keras reports the first."""
    inputs = keras.Input((8, 8, 3), name="image")
    a = layers.Conv2D(4, 3, padding="same", name="a")(inputs)
    b = layers.Conv2D(4, 3, padding="same", name="b")(inputs)
    x = layers.Flatten(name="flat")(layers.Add(name="add")([a, b]))
    x = layers.Reshape((16, 16), name="grid")(x)
    x = layers.LSTM(3, name="lstm")(x)
    config = json.loads(keras.Model(inputs, layers.Dense(2, name="out")(x)).to_json())
    by_name = {layer["config"]["name"]: layer["config"] for layer in config["config"]["layers"]}
    by_name["b"]["filters"] = 5
    by_name["grid"]["target_shape"] = [7, 7]
    return config


def test_every_conflict_of_a_configuration() -> None:
    config = broken()
    with pytest.raises(ValueError, match="incompatible"):
        keras.models.model_from_json(json.dumps(config))
    found = find_conflicts(config)
    assert [one.address for one in found] == ["add#0", "grid#0"]
    assert found[0].received == "float32[None, 8, 8, 4], float32[None, 8, 8, 5]"
    assert found[1].expected == "49 elements" and "\n" not in str(found[1])
    assert find_conflicts(json.dumps(config)) == found


@pytest.mark.parametrize("name", ["residual_block", "transformer", "siamese", "lstm_tagger", "dictionaries", "unet"])
def test_good_models_have_none(name: str) -> None:
    model = SAMPLES[name]()
    config, nodes = model.get_config(), node_counts(model)
    assert find_conflicts(model) == []
    assert model.get_config() == config and node_counts(model) == nodes
    assert find_conflicts(json.loads(model.to_json())) == []


def test_a_live_model_whose_weights_were_swapped() -> None:
    model = chain()
    for name in ("h2", "h4"):
        layer = model.get_layer(name)
        keras_internals.replace_member(layer, layer._kernel, keras.Variable(np.ones((9, 2), "float32"), name="kernel"))
    found = find_conflicts(model)
    assert [one.address for one in found] == ["h2#0", "h4#0"]
    assert "(9, 2)" in found[0].reason and "axis -1" in found[0].expected


def test_one_conflict_inside_a_model_that_is_called_twice() -> None:
    config = json.loads(siamese().to_json())
    encoder = next(one for one in config["config"]["layers"] if one["config"]["name"] == "encoder")
    hidden = next(one for one in encoder["config"]["layers"] if one["config"]["name"] == "code")
    hidden["class_name"], hidden["registered_name"] = "Conv1D", None
    hidden["config"] = {"name": "code", "filters": 3, "kernel_size": 2}
    assert [one.address for one in find_conflicts(config)] == ["encoder#0/code#0"]


@pytest.mark.parametrize(
    ("inner", "outer", "fits"),
    [((4,), (4,), True), ((4, 1), (4,), True), ((4,), (4, 1), True), ((4, 2), (4,), False), ((5,), (4,), False)],
)
def test_a_nested_input_takes_what_keras_lets_it_take(inner, outer, fits) -> None:  # type: ignore[no-untyped-def]
    """It adds or takes off a last axis of size 1."""
    features = keras.Input(outer, name="features")
    body = keras.Model(features, layers.Activation("relu", name="relu")(features), name="body")
    inputs = keras.Input(outer, name="x")
    config = json.loads(keras.Model(inputs, body(inputs)).to_json())
    nested = next(one for one in config["config"]["layers"] if one["config"]["name"] == "body")
    nested["config"]["layers"][0]["config"]["batch_shape"] = [None, *inner]
    assert [one.address for one in find_conflicts(config)] == ([] if fits else ["body/features#0"])


def test_what_a_custom_layer_gives_to_a_nested_model_is_unknown_and_no_conflict() -> None:
    inputs = keras.Input((4,), name="x")
    odd = layers.Dense(4, name="odd")(inputs)
    config = json.loads(keras.Model(inputs, encoder()(odd)).to_json())
    layer = next(one for one in config["config"]["layers"] if one["config"]["name"] == "odd")
    layer |= {"module": None, "class_name": "Mine", "registered_name": "mine>Mine"}
    assert find_conflicts(config) == []


def test_what_is_neither() -> None:
    with pytest.raises(ReplayError, match="int"):
        find_conflicts(3)  # type: ignore[arg-type]
    with pytest.raises(UnreadableError):
        find_conflicts({"layers": []})


def test_arguments_that_are_no_tensors() -> None:
    inputs = keras.Input((6, 4), name="x")
    part = inputs[..., 1:3] + np.ones((6, 2), "float32")
    config = json.loads(keras.Model(inputs, layers.Dense(2, name="out")(part)).to_json())
    assert find_conflicts(config) == []
    by_name = {layer["config"]["name"]: layer for layer in config["config"]["layers"]}
    add = next(layer for layer in by_name.values() if layer["class_name"] == "Add")
    constant = add["inbound_nodes"][0]["args"][1]["config"]
    constant["value"] = [[1.0, 1.0, 1.0]]
    assert len(find_conflicts(config)) == 1


def test_kernels_and_ranks_that_do_not_fit() -> None:
    first = layers.Conv2D(2, 3, data_format="channels_first", name="conv")
    model = keras.Sequential([keras.Input((4, 8, 8)), first])
    assert find_conflicts(model) == []
    keras_internals.replace_member(
        first, first._kernel, keras.Variable(np.ones((3, 3, 5, 2), "float32"), name="kernel")
    )
    (found,) = find_conflicts(model)
    assert found.address == "conv#0" and "axis 1" in found.expected
    flat = keras.Sequential([keras.Input((4, 3)), layers.Identity(name="same"), layers.LSTM(2, name="lstm")])
    config = json.loads(flat.to_json())
    config["config"]["layers"][1] |= {"class_name": "Flatten", "config": {"name": "same"}}
    (found,) = find_conflicts(config)
    assert found.address == "lstm#0" and "rank 3" in found.expected
