"""K001 over every layer of ``keras.layers`` as an argument of a Lambda: file and memory agree, and both are right."""

from __future__ import annotations

import keras
import pytest
from keras import layers

import graphlint
from tests.knowledge.measuring import RECIPES, layer_sample


@keras.saving.register_keras_serializable(package="lambda_arguments")
def ignore(tensor, layer):
    return tensor


@pytest.fixture(scope="module")
def held():
    """Every layer, built, by its class name."""
    return {name: layer_sample(name).operation for name in RECIPES if name != "Lambda"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("built", [True, False])
def test_every_layer_as_an_argument_of_a_lambda(held, built, tmp_path):
    inputs = keras.Input((4,))
    calls = []
    for name, layer in held.items():
        one = layer if built else type(layer).from_config(layer.get_config())
        calls.append(layers.Lambda(ignore, arguments={"layer": one}, output_shape=(4,), name=name)(inputs))
    model = keras.Model(inputs, calls)
    model.save(tmp_path / "m.keras")

    def reported(what):
        report = graphlint.check(what, select=["K001"])
        return {finding.location.layer: finding.message for finding in report.findings}

    live, file = reported(model), reported(tmp_path / "m.keras")
    assert file == live
    assert set(live) == {name for name, layer in held.items() if layer.weights}
