"""Files of Keras 1 and 2: what Keras 3 makes of them after `fix` is what their release computed.

``older_releases.zip`` holds files that Keras 2.15 wrote, each with a sample and the outputs that it gave; the files of
cuDNN and Keras 1 were written in their form, with the outputs of the loader of Keras 2.15.
"""

import functools
import io
import json
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers

from graphlint.cli import main
from graphlint.engine.config import Config
from graphlint.engine.linter import Linter
from graphlint.engine.selection import Selection
from graphlint.errors import FixError
from graphlint.fixes.files import fix_file
from graphlint.fixes.fixer import Fixer
from graphlint.fixes.rescue import rescue
from graphlint.portability.keras_1 import in_keras_2
from graphlint.sources import read

ARCHIVE = Path(__file__).parents[1] / "data" / "older_releases.zip"
NAMES = sorted(name.removesuffix(".npz") for name in zipfile.ZipFile(ARCHIVE).namelist() if name.endswith(".npz"))
BEFORE = {
    "Dense_hard_sigmoid": 0.05,
    "Activation_hard_sigmoid": 0.05,
}
"""Files that load as they are, and the least difference that this makes."""


def unpacked(folder, *names):
    with zipfile.ZipFile(ARCHIVE) as archive:
        for name in names:
            archive.extract(name, folder)
    return [folder / name for name in names]


def expected(name):
    with zipfile.ZipFile(ARCHIVE) as archive:
        return dict(np.load(io.BytesIO(archive.read(f"{name}.npz"))))


def difference(model, known):
    inputs = [known[f"x{index}"] for index in range(len(model.inputs))]
    outputs = keras.tree.flatten(model(inputs if len(inputs) > 1 else inputs[0], training=False))
    found = np.concatenate([keras.ops.convert_to_numpy(one).ravel() for one in outputs])
    return float(np.abs(found - known["y"]).max())


REFUSED = {
    "Add_one_masked_LSTM": "hands masks on",
    "Masked_Rescaling_LSTM": "hands masks on",
    "RandomCrop": "crops in Keras 2",
}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("separate", *REFUSED)])
def test_outputs_stay_as_they_were(name, tmp_path):
    (path,) = unpacked(tmp_path, f"{name}.h5")
    assert difference(rescue(read(path)).model, expected(name)) < 1e-6


@pytest.mark.filterwarnings("ignore:.*structure of `inputs`")
@pytest.mark.parametrize("name", sorted(BEFORE))
def test_a_file_that_would_load_and_compute_something_else_is_rewritten(name, tmp_path):
    (path,) = unpacked(tmp_path, f"{name}.h5")
    assert difference(keras.models.load_model(path, compile=False), expected(name)) > BEFORE[name]
    done = fix_file(path, Fixer(Linter(None, Selection(select=("R001",)))))
    assert done.changed and any("hard_sigmoid" in one for one in done.report.notes)
    done.save(tmp_path / "fixed.keras")
    assert difference(keras.models.load_model(tmp_path / "fixed.keras"), expected(name)) < 1e-6
    again = fix_file(tmp_path / "fixed.keras", Fixer(Linter()))
    assert not again.changed


def test_weights_and_configuration_in_two_files(tmp_path):
    weights, architecture = unpacked(tmp_path, "separate.h5", "separate.json")
    out = tmp_path / "whole.keras"
    arguments = ["fix", str(weights), "--architecture", str(architecture), "-o", str(out)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert difference(keras.models.load_model(out), expected("separate")) < 1e-6
    assert not [one for one in Linter().check_file(out).findings if one.severity != "info"]


def test_weights_of_another_model_are_refused(tmp_path):
    weights, architecture = unpacked(tmp_path, "separate.h5", "separate.json")
    config = json.loads(architecture.read_text())
    config["config"]["layers"][-1]["config"]["name"] = "other"
    architecture.write_text(json.dumps(config))
    result = CliRunner().invoke(main, ["fix", str(weights), "--architecture", str(architecture), "-o", "out.keras"])
    assert result.exit_code == 2 and "no layer of separate.json" in result.output


def test_weights_of_keras_3_with_their_configuration(tmp_path):
    x = keras.Input((4,), name="x")
    model = keras.Model(x, layers.Dense(2, activation="hard_sigmoid", name="d")(x))
    model.save_weights(tmp_path / "model.weights.h5")
    (tmp_path / "model.json").write_text(model.to_json())
    done = fix_file(tmp_path / "model.weights.h5", Fixer(Linter()), tmp_path / "model.json")
    done.save(tmp_path / "whole.keras")
    sample = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "whole.keras")(sample), model(sample))


def test_a_whole_model_has_no_separate_configuration(tmp_path):
    (path,) = unpacked(tmp_path, "Dense_hard_sigmoid.h5")
    _, architecture = unpacked(tmp_path, "separate.h5", "separate.json")
    with pytest.raises(Exception, match="expected a file of weights alone"):
        fix_file(path, Fixer(Linter()), architecture)


def test_a_sequential_without_an_input_shape_does_not_load_and_is_reported(tmp_path):
    (path,) = unpacked(tmp_path, "no_shape.h5")
    with pytest.raises(ValueError, match="layer"):
        keras.models.load_model(path)
    found = rule_findings(path)["K010"]
    assert "no input shape" in found.message and found.fix is not None


# -- what is refused --------------------------------------------------------------------------------------------


def rule_findings(path):
    linter = Linter(Config(), Selection(extend_select=("K013",)))
    return {one.code: one for one in linter.check_file(path).findings if one.code in ("K010", "K013")}


def of_keras_2(model, path, version="2.4.0"):
    """The file of a model of today, said to be of Keras 2."""
    model.save(path)
    with h5py.File(path, "a") as file:
        file.attrs["keras_version"] = version
    return path


def test_check_names_what_loads_and_computes_something_else(tmp_path):
    x = keras.Input((5, 3), name="x")
    y = layers.GRU(4, recurrent_activation="hard_sigmoid", name="gru")(x)
    model = keras.Model(x, layers.Dense(2, activation="hard_sigmoid", name="out")(y))
    path = of_keras_2(model, tmp_path / "old.h5")
    found = rule_findings(path)["K013"]
    assert found.location.layer == "gru" and found.fix is not None
    assert list(found.related) == ["out"]
    model.save(tmp_path / "new.h5")
    model.save(tmp_path / "new.keras")
    (tmp_path / "new.json").write_text(model.to_json())
    for name in ("new.h5", "new.keras", "new.json"):
        assert "K013" not in rule_findings(tmp_path / name)


@keras.saving.register_keras_serializable("older")
class Gate(keras.Layer):
    def __init__(self, activation="hard_sigmoid", **kwargs):
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)

    def call(self, inputs):
        return self.activation(inputs)

    def get_config(self):
        return {**super().get_config(), "activation": keras.activations.serialize(self.activation)}


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (lambda: layers.LSTM(4, activation="hard_sigmoid", name="l"), "to its state as well"),
        (lambda: layers.ConvLSTM1D(2, 2, activation="hard_sigmoid", name="l"), "to its state as well"),
        (lambda: Gate(name="l"), "its own code decides"),
        (lambda: layers.Bidirectional(layers.LSTM(4, activation="hard_sigmoid", name="l")), "to its state as well"),
    ],
    ids=["lstm", "convlstm", "custom", "bidirectional"],
)
def test_what_cannot_be_exact_is_refused_and_not_offered(layer, words, tmp_path):
    built = layer()
    x = keras.Input((5, 4, 3) if "conv" in built.name or isinstance(built, layers.ConvLSTM1D) else (5, 3), name="x")
    path = of_keras_2(keras.Model(x, built(x)), tmp_path / "old.h5")
    found = rule_findings(path)["K013"]
    assert found.fix is None and words in found.hint
    with pytest.raises(FixError, match=words):
        fix_file(path, Fixer(Linter()))


@pytest.mark.parametrize("name", REFUSED)
def test_what_keras_3_computes_otherwise_is_refused_and_named(name, tmp_path):
    (path,) = unpacked(tmp_path, f"{name}.h5")
    found = rule_findings(path)["K013"]
    assert found.fix is None and REFUSED[name] in found.hint
    with pytest.raises(FixError, match=REFUSED[name]):
        fix_file(path, Fixer(Linter()))


def merged(folder, first, second, *after, join=layers.Add):
    """A file of Keras 2 in which two inputs meet, each after the layers that are given."""
    tensors = [keras.Input((4, 6), name=name) for name in "ab"]
    met = [stack[0](one) if stack else one for one, stack in zip(tensors, (first, second), strict=True)]
    joined = join()(met)
    for layer in after:
        joined = layer(joined)
    return of_keras_2(keras.Model(tensors, joined), folder / "old.h5")


def test_masks_that_are_handed_on_alike_are_not_reported(tmp_path):
    def mask():
        return layers.Masking(0.0)

    assert "K013" in rule_findings(merged(tmp_path, [mask()], [mask()], layers.LSTM(3)))
    assert "K013" in rule_findings(merged(tmp_path, [mask()], [], layers.Dropout(0.1), layers.GlobalAveragePooling1D()))
    assert "K013" not in rule_findings(merged(tmp_path, [], [], layers.LSTM(3)))
    assert "K013" not in rule_findings(merged(tmp_path, [mask()], [], layers.Conv1D(3, 2), layers.LSTM(3)))
    assert "K013" not in rule_findings(merged(tmp_path, [mask()], [], layers.Dense(3)))
    assert "K013" in rule_findings(merged(tmp_path, [mask()], [], layers.LSTM(3), join=layers.Concatenate))
    in_a_row = functools.partial(layers.Concatenate, axis=1)
    assert "K013" not in rule_findings(merged(tmp_path, [mask()], [mask()], layers.LSTM(3), join=in_a_row))
    assert "K013" in rule_findings(merged(tmp_path, [], [], layers.Masking(0.0), layers.Rescaling(0.5), layers.LSTM(3)))
    assert "K013" not in rule_findings(merged(tmp_path, [], [], layers.Rescaling(0.5), layers.LSTM(3)))
    x = keras.Input((4, 6), name="x")
    one = layers.Masking(0.0)(x)
    both = layers.LSTM(3)(layers.Add()([layers.Dense(6)(one), one]))
    assert "K013" not in rule_findings(of_keras_2(keras.Model(x, both), tmp_path / "one.h5"))


def clipped(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def test_an_activation_in_several_places(tmp_path):
    """Shared, in a nested model, at each step of time, and after a layer that others read as well."""
    inner = keras.Input((3,), name="i")
    shared = layers.Activation("hard_sigmoid", name="gate")
    nested = keras.Model(inner, shared(layers.Dense(3, name="deep")(inner)), name="nested")
    x = keras.Input((4, 3), name="x")
    h = layers.Dense(3, name="h")(x)
    steps = layers.TimeDistributed(layers.Activation("hard_sigmoid", name="each"), name="steps")(h)
    flat = layers.GlobalAveragePooling1D(name="mean")(layers.Add(name="sum")([steps, h]))
    gate = layers.Activation("hard_sigmoid", name="twice")
    model = keras.Model(x, [gate(flat), gate(nested(flat))])
    path = of_keras_2(model, tmp_path / "old.h5")
    sample = np.random.default_rng(0).normal(size=(6, 4, 3)).astype("float32") * 3
    kernel, bias = (keras.ops.convert_to_numpy(one) for one in model.get_layer("h").weights)
    dense = sample @ kernel + bias
    mean = (clipped(dense) + dense).mean(axis=1)
    kernel, bias = (keras.ops.convert_to_numpy(one) for one in nested.get_layer("deep").weights)
    wanted = clipped(mean), clipped(clipped(mean @ kernel + bias))
    rescued = rescue(read(path))
    for found, one in zip(rescued.model(sample), wanted, strict=True):
        np.testing.assert_allclose(found, one, atol=1e-6)
    assert "'steps'" in " ".join(rescued.notes)


def test_channels_first_in_a_functional_model_and_at_each_step(tmp_path):
    def convolution(name, channels):
        return layers.Conv2D(2, 3, padding="same", data_format=f"channels_{channels}", name=name)

    x, steps = keras.Input((2, 6, 5), name="x"), keras.Input((3, 2, 6, 5), name="steps")
    shared, each = convolution("shared", "first"), layers.TimeDistributed(convolution("inner", "first"), name="each")
    model = keras.Model([x, steps], [shared(layers.Add()([shared(x), x])), each(steps)])
    rescued = rescue(read(of_keras_2(model, tmp_path / "old.h5")))
    random = np.random.default_rng(0)
    image, series = random.normal(size=(2, 2, 6, 5)), random.normal(size=(2, 3, 2, 6, 5))
    image, series = image.astype("float32"), series.astype("float32")

    def last(layer, value):
        twin = convolution("twin", "last")
        twin.build((None, 6, 5, 2))
        twin.set_weights(layer.get_weights())
        return np.moveaxis(keras.ops.convert_to_numpy(twin(np.moveaxis(value, 1, -1))), -1, 1)

    once = last(shared, image) + image
    found = rescued.model([image, series])
    np.testing.assert_allclose(found[0], last(shared, once), atol=1e-6)
    wanted = np.stack([last(each.layer, series[:, step]) for step in range(3)], axis=1)
    np.testing.assert_allclose(found[1], wanted, atol=1e-6)
    assert "'shared', 'each' receive the channels last" in " ".join(rescued.notes)


def test_penalties_see_other_weights_and_that_is_said(tmp_path):
    x = keras.Input((4,), name="x")
    y = layers.Dense(2, activation="hard_sigmoid", kernel_regularizer="l2", name="d")(x)
    rescued = rescue(read(of_keras_2(keras.Model(x, y), tmp_path / "old.h5")))
    assert any("regularizers and constraints of 'd'" in one for one in rescued.notes)


def test_a_configuration_without_weights_says_what_its_weights_need(tmp_path):
    _, architecture = unpacked(tmp_path, "separate.h5", "separate.json")
    notes = " ".join(rescue(read(architecture)).notes)
    assert "--architecture" in notes and "multiplied by 1.2" in notes


@pytest.mark.parametrize(
    ("name", "config", "wanted"),
    [
        ("Merge", {"mode": "sum", "name": "m"}, ("Add", {"name": "m"})),
        ("Merge", {"mode": "concat", "concat_axis": 1}, ("Concatenate", {"axis": 1})),
        ("Merge", {"mode": "cos", "dot_axes": 1}, ("Dot", {"axes": 1, "normalize": True})),
        ("Dropout", {"p": 0.5}, ("Dropout", {"rate": 0.5})),
        (
            "Embedding",
            {"init": "uniform", "input_dim": 3},
            ("Embedding", {"embeddings_initializer": "random_uniform", "input_dim": 3}),
        ),
        (
            "MaxPooling1D",
            {"pool_length": 2, "stride": 1, "border_mode": "same"},
            ("MaxPooling1D", {"pool_size": 2, "strides": 1, "padding": "same"}),
        ),
        (
            "Dense",
            {"output_dim": 2, "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.1}},
            ("Dense", {"units": 2, "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.1}}}),
        ),
        (
            "Dense",
            {"output_dim": 2, "W_constraint": {"name": "MaxNorm", "m": 2, "axis": 0}},
            (
                "Dense",
                {"units": 2, "kernel_constraint": {"class_name": "MaxNorm", "config": {"axis": 0, "max_value": 2}}},
            ),
        ),
        ("BatchNormalization", {"mode": 1, "epsilon": 0.1}, ("BatchNormalization", {"mode": 1, "epsilon": 0.1})),
    ],
)
def test_arguments_of_keras_1(name, config, wanted):
    assert in_keras_2(name, config) == wanted
