"""What saving or loading will lose is said while the model is in memory, and is what really happens."""

import json
import warnings
import zipfile

import keras
import numpy as np
import pytest
from keras import layers, ops

import graphlint
from tests.models.lossy_layers import Bag, Built, ForgetsActivation, ForgetsScale, InClosure, InObject, OfTheBackend

register = keras.saving.register_keras_serializable("reloading")
GLOBAL_LAYER = layers.Dense(3, name="global_layer")


def around(layer, units=2):
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(units)(layer(inputs)))


def found(model, code):
    return [one for one in graphlint.check(model).findings if one.code == code and one.severity != "info"]


def comes_back(model, tmp_path):
    """Whether a model can be saved and loaded, and computes the same then."""
    data = np.random.default_rng(0).random((3, 4)).astype("float32")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / "model.keras")
        try:
            again = keras.models.load_model(tmp_path / "model.keras", safe_mode=False)
            return bool(np.allclose(np.array(model(data)), np.array(again(data)), atol=1e-6))
        except Exception:
            return False


@register
class NoKwargs(Built):
    def __init__(self, units):
        super().__init__()
        self.dense = layers.Dense(units)


@register
class ForgetsUnits(Built):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units)

    def get_config(self):
        return super().get_config()


@register
class RawLayer(layers.Layer):
    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def build(self, shape):
        self.inner.build(shape)
        self.built = True

    def call(self, x):
        return self.inner(x)

    def get_config(self):
        return {**super().get_config(), "inner": self.inner}


@register
class KeepsEverything(Built):
    def __init__(self, units=3, act="relu", inner=None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.act, self.inner = units, keras.activations.get(act), inner
        self.dense = layers.Dense(units, activation=self.act)

    def get_config(self):
        act = keras.activations.serialize(self.act)
        inner = keras.saving.serialize_keras_object(self.inner)
        return {**super().get_config(), "units": self.units, "act": act, "inner": inner}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "inner": keras.saving.deserialize_keras_object(config["inner"])})


@register
class ReadsItself(Built):
    """Takes what it needs of its configuration, and no more."""

    def __init__(self, units):
        super().__init__()
        self.units = units
        self.dense = layers.Dense(units)

    def get_config(self):
        return {"units": self.units}


@register
class WithTemperature(keras.Model):
    def __init__(self, inputs, outputs, temperature=1.0, **kwargs):
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.temperature = temperature


def with_temperature():
    inputs = keras.Input((4,))
    return WithTemperature(inputs, layers.Dense(2)(inputs), temperature=2.0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: around(NoKwargs(3)), "takes no"),
        (lambda: around(ForgetsUnits(3)), "'units'"),
        (lambda: around(ForgetsActivation(act="tanh")), "'act'"),
        (lambda: around(ForgetsScale(3.0)), "forgets scale"),
        (lambda: around(RawLayer(layers.Dense(3))), "'inner'"),
        (with_temperature, "'inputs', 'outputs'"),
    ],
    ids=["no kwargs", "required", "optional, inside", "optional", "a raw layer", "functional subclass"],
)
def test_what_does_not_come_back(make, words, tmp_path):
    model = make()
    (finding,) = found(model, "K010")
    assert finding.severity == "error" and words in finding.message, finding.message
    assert not comes_back(model, tmp_path)
    with pytest.raises(AssertionError, match="K010"):
        graphlint.assert_clean(model)


@pytest.mark.parametrize(
    "make",
    [
        lambda: around(KeepsEverything(act="tanh", inner=layers.Dense(2))),
        lambda: around(ForgetsActivation()),
        lambda: around(ForgetsScale()),
        lambda: around(ReadsItself(5)),
    ],
    ids=["everything", "a default", "a default, kept", "its own configuration"],
)
def test_what_comes_back(make, tmp_path):
    model = make()
    assert found(model, "K010") == []
    assert comes_back(model, tmp_path)


def test_trying_it_changes_neither_names_nor_random_numbers():
    import random

    model = around(KeepsEverything())
    before = layers.Dense(1).name
    random.seed(1)
    expected = random.random()
    random.seed(1)
    graphlint.check(model, select="K010")
    assert random.random() == expected
    number = int(before.rpartition("_")[2] or 0) if "_" in before else 0
    assert layers.Dense(1).name == f"dense_{number + 1}"


def test_a_loss_that_forgets():
    @register
    class Weighted(keras.losses.Loss):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def call(self, y_true, y_pred):
            return self.factor * ops.mean(ops.square(y_true - y_pred), axis=-1)

    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("adam", Weighted(2.0))
    (finding,) = found(model, "K010")
    assert "loss Weighted" in finding.message


# -- ties and flags ---------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::graphlint.TieNotSaved")
def test_a_tie_is_lost_on_saving(tmp_path):
    inputs = keras.Input((16,))
    hidden = layers.Dense(16, activation="relu", name="a")(inputs)
    tied = graphlint.edit(keras.Model(inputs, layers.Dense(16, name="b")(hidden))).tie("a@kernel", "b@kernel").build()
    tied.compile("adam", "mse")
    tied.fit(np.random.rand(8, 16), np.random.rand(8, 16), verbose=0)
    (finding,) = found(tied, "S007")
    assert finding.severity == "warning" and "after loading there are two" in finding.message
    tied.save(tmp_path / "tied.keras")
    assert len(keras.models.load_model(tmp_path / "tied.keras", compile=False).weights) == len(tied.weights) + 1
    (finding,) = [one for one in graphlint.check(tmp_path / "tied.keras").findings if one.code == "T002"]
    assert "were one variable" in finding.message and "flags" not in finding.message


def test_one_variable_in_a_wrapper_and_inside_is_no_tie():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.SpectralNormalization(layers.Dense(3))(inputs))
    assert found(model, "S007") == []


def test_a_flag_of_one_variable_is_lost_on_saving(tmp_path):
    model = around(layers.Dense(3, activation="relu", name="a"))
    assert found(model, "T007") == []
    model.get_layer("a").bias.trainable = False
    (finding,) = found(model, "T007")
    assert finding.location.layer == "a" and "bias" in finding.message
    model.save(tmp_path / "model.keras")
    assert len(keras.models.load_model(tmp_path / "model.keras").trainable_variables) == 4
    model.get_layer("a").trainable = False
    assert found(model, "T007") == []
    lora = around(layers.Dense(3, activation="relu", name="a"))
    lora.get_layer("a").enable_lora(1)
    assert found(lora, "T007") == []


@register
class Average(layers.Layer):
    def __init__(self, table, **kwargs):
        super().__init__(**kwargs)
        self.table = table

    def build(self, shape):
        if not self.table.built:
            self.table.build(shape)
        self.built = True

    def call(self, x):
        return ops.mean(self.table(x), axis=1)

    def get_config(self):
        return {**super().get_config(), "table": keras.saving.serialize_keras_object(self.table)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "table": keras.saving.deserialize_keras_object(config["table"])})


def test_one_layer_in_two_custom_layers():
    table = layers.Embedding(10, 4, name="words")
    query, document = keras.Input((3,), dtype="int32"), keras.Input((3,), dtype="int32")
    both = [Average(table, name="query")(query), Average(table, name="document")(document)]
    model = keras.Model([query, document], layers.Dot(axes=-1)(both))
    (finding,) = found(model, "S001")
    assert finding.severity == "error"
    one = Average(layers.Embedding(10, 4), name="both")
    assert found(keras.Model([query, document], layers.Dot(axes=-1)([one(query), one(document)])), "S001") == []


# -- weights that Keras does not track --------------------------------------------------------------------------


@register
class FromGlobals(layers.Layer):
    def call(self, x):
        return GLOBAL_LAYER(x)


@register
class NewEachTime(layers.Layer):
    def call(self, x):
        return layers.Dense(3)(x)


@pytest.mark.parametrize("cls", [InObject, InClosure, FromGlobals, OfTheBackend, NewEachTime])
def test_weights_that_keras_does_not_track(cls):
    model = around(cls(name="custom"))
    assert [variable.path for variable in model.weights] == ["dense/kernel", "dense/bias"] or len(model.weights) == 2
    (finding,) = found(model, "K001")
    assert finding.location.layer == "custom" and finding.severity == "error"


@register
class Tracks(layers.Layer):
    """Everything where Keras finds it, and things that are no weights."""

    def __init__(self, other=None, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [layers.Dense(3), {"a": layers.Dense(3)}]
        self.settings = Bag(width=3, activation=layers.ReLU(), back=self)
        self.other = Bag(other=other)

    def call(self, x):
        for layer in (self.blocks[0], self.blocks[1]["a"]):
            x = layer(x) if isinstance(layer, layers.Dense) else layers.Dropout(0.1)(x)
        return self.settings.activation(x[:, : self.settings.width])


@register
class Trainer(keras.Model):
    """A loss that looks at a network which is no part of the model."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(2)
        judge = layers.Dense(1)
        self.criterion = lambda y, p: ops.mean(judge(p))

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        return {"loss": self.criterion(*data)}


def test_what_keras_tracks_is_not_hidden():
    assert found(around(Tracks()), "K001") == []
    trainer = Trainer()
    trainer(np.ones((1, 4), "float32"))
    assert found(trainer, "K001") == []


# -- functions of Lambdas, names of files -----------------------------------------------------------------------


def lambda_config(function):
    lam = {"name": "lam", "trainable": True, "dtype": "float32", "function": function, "arguments": {}}
    entries = [
        ("InputLayer", {"batch_shape": [None, 4], "dtype": "float32", "name": "i"}),
        ("Lambda", lam),
    ]
    return {
        "module": "keras",
        "class_name": "Sequential",
        "registered_name": None,
        "config": {
            "name": "s",
            "layers": [
                {"module": "keras.layers", "class_name": name, "config": config, "registered_name": None}
                for name, config in entries
            ],
        },
    }


def named(name, module="builtins"):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


@pytest.mark.parametrize(
    ("function", "severity", "words"),
    [
        ("double", "error", "only the name 'double', not code"),
        ("lambda x: 2 * x", "error", "no name of a function"),
        (named("lambda x: 2 * x"), "error", "no name of a function"),
        (named("relu"), "info", "Keras's function of that name"),
    ],
)
def test_the_function_of_a_lambda_in_a_file(function, severity, words, tmp_path):
    (tmp_path / "model.json").write_text(json.dumps(lambda_config(function)))
    findings = [one for one in graphlint.check(tmp_path / "model.json").findings if one.code == "K010"]
    assert any(one.severity == severity and words in one.message for one in findings)
    assert not any("Python code" in one.message for one in findings)


def test_the_function_of_a_lambda_in_memory():
    def relu(x):
        return x * 2

    (finding,) = found(around(layers.Lambda(relu)), "K010")
    assert "named 'relu'" in finding.message
    (finding,) = found(around(layers.Lambda(lambda x: ops.abs(x) + np.float32(1))), "K010")
    assert "'ops'" in finding.message and "'np'" in finding.message
    two = 2.0
    assert found(around(layers.Lambda(lambda x: abs(x) * two)), "K010") == []
    assert found(around(layers.Lambda(keras.activations.relu)), "K010") == []


def test_what_a_compilation_needs_is_named(tmp_path):
    @register
    def focal(y_true, y_pred):
        return ops.mean(y_true - y_pred)

    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", focal)
    model.save(tmp_path / "model.keras")
    (finding,) = [one for one in graphlint.check(tmp_path / "model.keras").findings if one.code == "K010"]
    assert finding.severity == "info" and "'reloading>focal' (loss)" in finding.message


def test_files_under_the_name_of_another_format(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="softmax")])
    model.save(tmp_path / "model.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / "other.h5")
    (tmp_path / "model.keras").rename(tmp_path / "zip.h5")
    (tmp_path / "other.h5").rename(tmp_path / "hdf5.keras")
    for name in ("zip.h5", "hdf5.keras"):
        findings = {one.code: one for one in graphlint.check(tmp_path / name).findings if one.severity == "error"}
        assert {"K010", "A001"} <= findings.keys() and "E001" not in findings
        assert "named" in findings["K010"].message and findings["K010"].fix.applicability == "safe"


def test_a_whole_model_in_hdf5_without_weights(tmp_path):
    import h5py

    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "a") as file:
        del file["model_weights"]
    messages = [one.message for one in graphlint.check(tmp_path / "model.h5").findings if one.code == "K010"]
    assert any("no group model_weights" in message for message in messages)


def test_third_party_classes_in_a_file_are_named(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="q")])
    model.save(tmp_path / "good.keras")
    with zipfile.ZipFile(tmp_path / "good.keras") as good, zipfile.ZipFile(tmp_path / "q.keras", "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            if name == "config.json":
                config = json.loads(data)
                config["config"]["layers"][1] |= {"module": "qkeras.qlayers", "class_name": "QDense"}
                config["config"]["layers"][1]["registered_name"] = "QDense"
                data = json.dumps(config)
            bad.writestr(name, data)
    text = " ".join(one.message for one in graphlint.check(tmp_path / "q.keras").findings if one.code == "K010")
    assert "QDense" in text and "qkeras.qlayers" in text
