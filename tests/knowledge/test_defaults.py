"""The table of defaults, against the signatures of Keras. ``python -m tests.knowledge.test_defaults`` writes it."""

import inspect
import json
from importlib.metadata import version
from pathlib import Path

import keras

import graphlint.knowledge
from graphlint.knowledge.defaults import is_default, layer_defaults
from graphlint.knowledge.releases import RELEASES

TABLE = Path(graphlint.knowledge.__file__).with_name("tables") / "defaults.txt"


def signatures():
    """Class -> argument -> default, for every public layer of the installed Keras."""
    found = {}
    for name, cls in sorted(vars(keras.layers).items()):
        if not (isinstance(cls, type) and issubclass(cls, keras.layers.Layer)):
            continue
        arguments = {}
        for argument in inspect.signature(cls.__init__).parameters.values():
            default = argument.default
            default = list(default) if isinstance(default, tuple) else default
            if default is not argument.empty and isinstance(default, (bool, int, float, str, list, type(None))):
                arguments[argument.name] = default
        found[name] = {key: value for key, value in arguments.items() if key not in ("name", "dtype", "trainable")}
    return {name: arguments for name, arguments in found.items() if arguments}


def test_the_table_is_what_the_signatures_say():
    measured = signatures()
    if version("keras").startswith(f"{RELEASES[-1]}."):
        assert layer_defaults() == measured
    shared = layer_defaults().keys() & measured.keys()
    assert len(shared) > 80


def test_a_layer_made_with_its_defaults_has_no_setting_that_differs():
    for layer in (
        keras.layers.Dense(3),
        keras.layers.Conv2D(4, 3),
        keras.layers.BatchNormalization(),
        keras.layers.LSTM(2),
        keras.layers.MaxPooling2D(),
        keras.layers.Dropout(0.3),
    ):
        config = keras.saving.serialize_keras_object(layer)["config"]
        odd = {key for key, value in config.items() if not is_default(type(layer).__name__, key, value)}
        assert odd <= {"name", "units", "filters", "kernel_size", "rate"}


if __name__ == "__main__":
    lines = [f"{name} {json.dumps(arguments)}" for name, arguments in signatures().items()]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
