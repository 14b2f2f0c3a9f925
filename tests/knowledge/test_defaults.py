"""The table of defaults, against the signatures of Keras."""

import inspect
import json
from importlib.metadata import version

import keras

from graphlint.knowledge.defaults import is_default, layer_defaults
from graphlint.knowledge.releases import RELEASES


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
    known = {name: layer_defaults(name) or {} for name in measured}
    if version("keras").startswith(f"{RELEASES[-1]}."):
        named = {name: {key: known[name].get(key) for key in arguments} for name, arguments in measured.items()}
        assert named == json.loads(json.dumps(measured))
    assert sum(map(bool, known.values())) > 80


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
        assert odd <= {"name", "units", "filters", "kernel_size", "rate", "strides"}  # The size of a pool.
