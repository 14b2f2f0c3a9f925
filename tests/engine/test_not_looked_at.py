"""Not looked at is not clean: models that are not built, files without a graph, folders that were not searched."""

import json
import os
import warnings

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers

import graphlint
from graphlint.cli import main

register = keras.saving.register_keras_serializable("not_looked_at")


@register
class Pair(keras.Model):
    def __init__(self, units=1, activation="softmax", **kwargs):
        super().__init__(**kwargs)
        self.units, self.activation = units, activation
        self.first = layers.Dense(3, activation="relu")
        self.second = layers.Dense(units, activation=activation)

    def call(self, x):
        return self.second(self.first(x))

    def get_config(self):
        return {**super().get_config(), "units": self.units, "activation": self.activation}


@register
class Weightless(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = layers.Rescaling(2.0)

    def call(self, x):
        return self.scale(x)

    def get_config(self):
        return super().get_config()


@register
class AsksForShapes(layers.Layer):
    """Neither its `build` nor a symbolic call builds the layer inside."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dense(2)

    def build(self, shape):
        pass

    def call(self, x):
        return self.inner(x)

    def compute_output_shape(self, shape):
        return (*shape[:-1], 2)


def chain(*stack, loss=None):
    model = keras.Sequential(list(stack))
    if loss is not None:
        model.compile("adam", loss)
    return model


def built_by_hand():
    model = Pair()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.build((None, 4))
    return model


def backbone_and_head():
    class Classifier(keras.Model):
        def __init__(self):
            super().__init__()
            inputs = keras.Input((4,))
            self.backbone = keras.Model(inputs, layers.Dense(3, activation="relu")(inputs))
            self.head = layers.Dense(2)

        def call(self, x):
            return self.head(self.backbone(x))

    return Classifier()


def shapes_only():
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(1)(AsksForShapes()(inputs)))


UNBUILT = {
    "sequential": lambda: chain(layers.Dense(4, activation="relu"), layers.Dense(2)),
    "empty": keras.Sequential,
    "nested": lambda: chain(keras.Sequential([layers.Dense(4, activation="relu")]), layers.Dense(2)),
    "recurrent": lambda: chain(layers.Embedding(9, 4), layers.LSTM(3), layers.Dense(2)),
    "subclass": Pair,
    "build() of a subclass without one": built_by_hand,
}


def codes(report):
    return {finding.code for finding in report.findings if finding.severity != "info"}


@pytest.mark.parametrize("name", UNBUILT)
def test_a_model_that_is_not_built_does_not_pass(name, tmp_path):
    model = UNBUILT[name]()
    report = graphlint.check(model)
    assert "E005" in codes(report) and report.exit_code("never") == 2
    assert report.parameters is None and "not built" in str(report) and "keras.Input" in str(report)
    with pytest.raises(AssertionError, match="E005 not-built"):
        graphlint.assert_clean(model, fail_on="never")
    if name == "empty":
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / "model.keras")
    report = graphlint.check(tmp_path / "model.keras")
    assert "E005" in codes(report) and "saved before it was built" in str(report)


@pytest.mark.parametrize("name", ["sequential", "subclass"])
def test_a_whole_model_in_hdf5_that_was_saved_before_it_was_built(name, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        UNBUILT[name]().save(tmp_path / "model.h5")
    assert "E005" in codes(graphlint.check(tmp_path / "model.h5"))


@pytest.mark.parametrize("make", [backbone_and_head, shapes_only], ids=["head", "inside a custom layer"])
def test_a_model_that_is_built_in_part(make):
    model = make()
    report = graphlint.check(model)
    assert "E005" in codes(report) and "1 of its layers" in str(report)
    model(np.ones((1, 4), "float32"))
    assert "E005" not in codes(graphlint.check(model))


def test_what_needs_no_shapes_is_checked():
    softmax = layers.Dense(1, activation="softmax")
    assert codes(graphlint.check(chain(layers.Dense(4), layers.ReLU(), softmax))) == {"E005", "A001"}
    assert codes(graphlint.check(Pair(1))) == {"E005", "A001"}
    assert codes(graphlint.check(Pair(1, "sigmoid"))) == codes(graphlint.check(Pair(2))) == {"E005"}
    head = layers.Dense(3, activation="softmax")
    assert codes(graphlint.check(chain(layers.Flatten(), head, loss="binary_crossentropy"))) == {"E005", "A004"}
    one = chain(layers.Dense(1), layers.Activation("sigmoid"), loss="categorical_crossentropy")
    assert codes(graphlint.check(one)) == {"E005", "A005"}
    logits = chain(layers.Dense(3), loss="sparse_categorical_crossentropy")
    assert codes(graphlint.check(logits)) == {"E005", "A002"}


def test_flags_are_checked_before_a_model_is_built():
    frozen = chain(layers.Dense(3), layers.ReLU(), layers.Dense(1))
    frozen.trainable = False
    frozen.compile("adam", "mse")
    assert codes(graphlint.check(frozen)) == {"E005", "T005"}
    inner = keras.Sequential([layers.Dense(3, activation="relu"), layers.LSTM(2)])
    inner.trainable = False
    inner.layers[1].trainable = True
    assert codes(graphlint.check(chain(inner, layers.Dense(1)))) == {"E005", "T001"}


def test_built_models_are_built(tmp_path):
    model = Pair(2)
    model(np.ones((1, 4), "float32"))
    assert codes(graphlint.check(model)) == set()
    model.save(tmp_path / "pair.keras")
    assert codes(graphlint.check(tmp_path / "pair.keras")) == set()
    weightless = Weightless()
    weightless(np.ones((1, 4), "float32"))
    assert codes(graphlint.check(weightless)) == set()
    weightless.save(tmp_path / "weightless.keras")
    assert codes(graphlint.check(tmp_path / "weightless.keras")) == set()


def test_a_training_loop_around_built_models_is_built():
    class Around(keras.Model):
        def __init__(self):
            super().__init__()
            inputs = keras.Input((4,))
            self.generator = keras.Model(inputs, layers.Dense(2)(inputs))
            self.spare = layers.Dropout(0.5)

    assert "E005" not in codes(graphlint.check(Around()))


def test_a_functional_model_in_a_file_whose_weights_are_gone(tmp_path):
    import zipfile

    import h5py

    inputs = keras.Input((4,))
    keras.Model(inputs, layers.Dense(2)(inputs)).save(tmp_path / "good.keras")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with zipfile.ZipFile(tmp_path / "good.keras") as good, zipfile.ZipFile(tmp_path / "bad.keras", "w") as bad:
        bad.writestr("config.json", good.read("config.json"))
        bad.writestr("metadata.json", good.read("metadata.json"))
        bad.write(tmp_path / "empty.h5", "model.weights.h5")
    assert codes(graphlint.check(tmp_path / "bad.keras")) == {"D007"}


def test_custom_layers_without_weights_are_listed_as_not_seen(tmp_path):
    @register
    class Twice(layers.Layer):
        def call(self, x):
            return 2 * x

    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(Twice(name="twice")(inputs)))
    model.save(tmp_path / "model.keras")
    report = graphlint.check(tmp_path / "model.keras")
    assert report.models[0].opaque == ("twice",) and "opaque, not checked inside: twice" in str(report)
    assert graphlint.check(model).models[0].opaque == ()  # In memory it is opened.


# -- files without a graph --------------------------------------------------------------------------------------


def test_a_saved_model_does_not_load_in_keras_3(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    model.export(tmp_path / "exported", verbose=False)
    report = graphlint.check(tmp_path / "exported")
    assert codes(report) == {"K010"} and report.exit_code() == 1


def test_weights_alone_say_what_was_looked_at(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    model.save_weights(tmp_path / "model.weights.h5")
    text = str(graphlint.check(tmp_path / "model.weights.h5"))
    (line,) = [line for line in text.splitlines() if "looked at" in line]
    assert "stored weights alone" in line and "N001" in line
    assert "(need layers, which a file of weights does not describe)" in text


# -- folders ----------------------------------------------------------------------------------------------------


def checked(*paths):
    result = CliRunner().invoke(main, ["check", "--isolated", "--select", "A001", "--format", "json", *map(str, paths)])
    return json.loads(result.stdout), result


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "elsewhere").mkdir()
    for place in ("models", "elsewhere"):
        keras.Sequential([keras.Input((2,)), layers.Dense(2)]).save(tmp_path / place / "net.keras")
    return tmp_path


def test_a_folder_that_cannot_be_read(folder, monkeypatch):
    (folder / "models" / "locked").mkdir()
    scan = os.scandir

    def denied(path):
        if os.fspath(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", denied)
    for path in (folder / "models", folder / "models" / "locked"):
        document, result = checked(path)
        assert [finding["code"] for finding in document["findings"]] == ["E001"] and result.exit_code == 2
        assert document["findings"][0]["model"].endswith("models/locked")
        assert "Permission denied" in document["findings"][0]["message"]
    result = CliRunner().invoke(main, ["check", "--isolated", "--exclude", "locked", str(folder / "models")])
    assert "E001" not in result.stdout


def test_a_symbolic_link_to_a_folder_is_said_and_not_followed(folder):
    (folder / "models" / "more").symlink_to(folder / "elsewhere", target_is_directory=True)
    (folder / "models" / "self").symlink_to(folder / "models", target_is_directory=True)
    document, result = checked(folder / "models")
    assert len(document["models"]) == 1 and result.exit_code == 0
    assert "more is a symbolic link" in result.stderr and "self is" not in result.stderr
    document, result = checked(folder / "models" / "more")
    assert len(document["models"]) == 1
