"""K rules: what must fire and what must not, in memory and in files."""

import json
from functools import partial

import h5py
import keras
import numpy as np
import pytest
from keras import layers, ops

import graphlint
from graphlint.errors import GraphlintError
from graphlint.model.expand import expand
from graphlint.sources import read
from rules.serialization.ambiguous_names import AmbiguousNames
from rules.serialization.baked_training_argument import BakedTrainingArgument
from rules.serialization.custom_compile import CustomCompile
from rules.serialization.lambda_hides_layer import LambdaHidesLayer
from rules.serialization.opaque import Opaque
from rules.serialization.optimizer_shipped import OptimizerShipped
from rules.serialization.slash_in_name import SlashInName
from rules.serialization.tf_op_layer import TfOpLayer
from rules.serialization.unregistered_custom import UnregisteredCustom
from rules.serialization.will_not_load import WillNotLoad
from rules.serialization.will_not_save import WillNotSave
from tests.rules.editing import edited, entry, json_model
from tests.rules.front_ends import both, in_file, live


def sequential(*stack, inputs=(4,)):
    return keras.Sequential([keras.Input(inputs), *stack])


def severities(found):
    return [severity for _, severity, _ in found]


# -- K001 -------------------------------------------------------------------------------------------------------


GLOBAL = layers.Dense(3, name="global_layer")


def hidden_layer():
    layer = layers.Dense(3, name="hidden")
    layer.build((None, 4))
    return layer


def test_a_layer_in_the_closure(tmp_path):
    hidden = hidden_layer()
    model = sequential(layers.Lambda(lambda t: hidden(t), output_shape=(3,), name="trick"))
    ((address, severity, message),) = both(LambdaHidesLayer(), model, tmp_path)
    assert (address, severity) == ("trick", "error") and "Dense 'hidden'" in message


def test_a_layer_among_the_defaults(tmp_path):
    model = sequential(layers.Lambda(lambda t, layer=GLOBAL: layer(t), output_shape=(3,)))
    assert severities(both(LambdaHidesLayer(), model, tmp_path)) == ["error"]


class Projecting:
    """Holds a layer, and something that some methods use instead."""

    def __init__(self):
        self.layer, self.factor = GLOBAL, 2.0

    def __call__(self, tensor):
        return self.layer(tensor)

    def project(self, tensor):
        return self.layer(tensor)

    def scale(self, tensor):
        return tensor * self.factor


def test_a_method_that_does_not_use_the_layer_of_its_object():
    assert live(LambdaHidesLayer(), sequential(layers.Lambda(Projecting().scale, output_shape=(4,)))) == []


def bound(tensor):
    return max((GLOBAL(one) for one in [tensor]), key=id)


@pytest.mark.parametrize(
    "function",
    [
        lambda t: GLOBAL(t),
        bound,
        partial(lambda layer, t: layer(t), GLOBAL),
        Projecting(),
        Projecting().project,
    ],
    ids=["global", "nested code", "partial", "object", "method of an object"],
)
def test_what_only_a_model_in_memory_tells(function):
    model = sequential(layers.Lambda(function, output_shape=(3,)))
    assert severities(live(LambdaHidesLayer(), model)) == ["error"]


def test_the_method_of_a_layer_in_memory():
    model = sequential(layers.Lambda(hidden_layer().call, output_shape=(3,)))
    assert severities(live(LambdaHidesLayer(), model)) == ["error"]


def test_a_variable_in_memory(monkeypatch):
    monkeypatch.setitem(globals(), "VARIABLE", keras.Variable([1.0, 2.0]))
    model = sequential(layers.Lambda(lambda t: t * VARIABLE[0], output_shape=(4,)))  # noqa: F821
    assert severities(live(LambdaHidesLayer(), model)) == ["error"]


@pytest.mark.parametrize(
    "held",
    [2.0, "text", [1, 2], {"a": 1.0}, layers.ReLU(), ops.abs],
    ids=["number", "text", "list", "dictionary", "weightless", "function"],
)
def test_harmless_surroundings(held, tmp_path):
    model = sequential(layers.Lambda(lambda t: t if held is None else t + 0.0, output_shape=(4,)))
    assert live(LambdaHidesLayer(), model) == []
    if not callable(held):
        assert both(LambdaHidesLayer(), model, tmp_path) == []


class Holder(keras.Model):
    """A model whose own Lambdas take a number of it, or a layer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale, self.dense = 2.0, hidden_layer()

    def number(self):
        return sequential(layers.Lambda(lambda t: t * self.scale, output_shape=(4,)))

    def layer(self):
        return sequential(layers.Lambda(lambda t: self.dense(t), output_shape=(3,)))


def test_what_is_taken_of_a_model():
    holder = Holder()
    assert live(LambdaHidesLayer(), holder.number()) == []
    ((_, _, message),) = live(LambdaHidesLayer(), holder.layer())
    assert "Dense 'hidden'" in message


# -- K002 -------------------------------------------------------------------------------------------------------


class Twice(layers.Layer):
    def call(self, inputs):
        return inputs * 2

    def compute_output_shape(self, input_shape):
        return input_shape


class Main(Twice):
    """As defined in a script."""


Main.__module__ = "__main__"


class Zero(keras.initializers.Zeros):
    """An initializer that nobody registered."""


@keras.saving.register_keras_serializable(package="test_serialization")
class Registered(Twice):
    pass


def test_a_class_of_a_script(tmp_path):
    model = sequential(Main(name="one"), Main(name="two"))
    ((address, severity, message),) = both(UnregisteredCustom(), model, tmp_path)
    assert (address, severity) == ("one", "warning") and "2 layers" in message


@pytest.mark.parametrize("layer", [Registered(), Twice(), layers.Dense(2)], ids=["registered", "module", "Keras"])
def test_classes_that_can_be_found(layer, tmp_path):
    assert both(UnregisteredCustom(), sequential(layer), tmp_path) == []


def test_files_of_keras_2_name_no_modules(tmp_path):
    path = json_model(
        tmp_path,
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "name": "x"}},
        {"class_name": "Dense", "config": {"name": "dense", "units": 2}},
        {"class_name": "GarNet", "config": {"name": "custom"}},
    )
    assert [address for address, _, _ in in_file(UnregisteredCustom(), path)] == ["custom"]


# -- K003, K004, K005 -------------------------------------------------------------------------------------------


def operation_layer(**fields):
    return {"class_name": "TFOpLambda", "config": {"name": "add", "function": "math.add"}, "name": "add", **fields}


def test_operation_layers_are_one_finding_for_each_operation(tmp_path):
    first = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "name": "x"}}
    path = json_model(tmp_path, first, operation_layer(), operation_layer(name="again"))
    ((_, severity, message),) = in_file(TfOpLayer(), path)
    assert severity == "error" and "math.add" in message
    assert in_file(TfOpLayer(**{"target-keras": "2.15"}), path) == []
    assert in_file(TfOpLayer(), json_model(tmp_path, first, operation_layer(module="tf_keras.src.layers"))) == []


def test_slash_in_a_name(tmp_path):
    def change(config):
        entry(config, "dense")["config"]["name"] = "block/dense"

    path = edited(sequential(layers.Dense(2, name="dense")), tmp_path, change)
    assert severities(in_file(SlashInName(), path)) == ["error"]
    assert both(SlashInName(), sequential(layers.Dense(2, name="block_dense")), tmp_path) == []


def nested(inner_name, shared=False):
    x = keras.Input((4,), name="x")
    layer = layers.Dense(4, name=inner_name)
    inner = keras.Sequential([keras.Input((4,), name="x"), layer], name="inner")
    return keras.Model(x, inner(layer(x)) if shared else layers.Dense(4, name="dense")(inner(x)))


def test_names_in_several_models(tmp_path):
    ((address, severity, _),) = both(AmbiguousNames(), nested("dense"), tmp_path)
    assert (address, severity) == ("inner/dense", "info")


def test_names_that_are_not_ambiguous(tmp_path):
    assert both(AmbiguousNames(), nested("hidden"), tmp_path) == []
    assert live(AmbiguousNames(), nested("hidden", shared=True)) == []
    x = keras.Input((5, 4))
    wrapped = [layers.TimeDistributed(layers.Dense(2, name="same"), name=name)(x) for name in ("a", "b")]
    assert both(AmbiguousNames(), keras.Model(x, wrapped), tmp_path) == []


# -- K006 -------------------------------------------------------------------------------------------------------


def own_loss(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


class OwnMetric(keras.metrics.Mean):
    pass


@keras.saving.register_keras_serializable(package="test_serialization")
class RegisteredLoss(keras.losses.MeanSquaredError):
    pass


def compiled(loss="mse", metrics=(), optimizer="sgd"):
    model = sequential(layers.Dense(2))
    model.compile(optimizer, loss, metrics=list(metrics))
    return model


@pytest.mark.parametrize(
    "model", [lambda: compiled(own_loss), lambda: compiled([own_loss]), lambda: compiled(metrics=[OwnMetric()])]
)
def test_custom_parts_of_the_compilation(model, tmp_path):
    assert severities(both(CustomCompile(), model(), tmp_path)) == ["warning"]


@pytest.mark.parametrize(
    "model",
    [
        lambda: compiled(
            "mse",
            ["accuracy", "mae", "root_mean_squared_error", keras.metrics.MeanSquaredError()],
            keras.optimizers.Adam(),
        ),
        lambda: compiled(keras.losses.Huber()),
        lambda: compiled(keras.losses.log_cosh),
        lambda: compiled(RegisteredLoss()),
        lambda: compiled(
            "sparse_categorical_crossentropy",
            ["acc"],
            keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)),
        ),
    ],
    ids=["strings", "object", "function", "registered", "schedule"],
)
def test_keras_compilations(model, tmp_path):
    assert both(CustomCompile(), model(), tmp_path) == []


# -- K007, K008, K009, K011 -------------------------------------------------------------------------------------


def lookup():
    x = keras.Input((1,), dtype="string")
    return keras.Model(x, layers.StringLookup(vocabulary=["a", "b"], name="words")(x))


@pytest.mark.parametrize(("value", "fires"), [("/home/me/words.txt", True), (["a", "b"], False), (None, False)])
def test_vocabulary_by_path(value, fires, tmp_path):
    def change(config):
        entry(config, "words")["config"]["vocabulary"] = value

    edited_file = edited(lookup(), tmp_path, change)
    assert [one.code for one in graphlint.check(edited_file).findings if one.severity == "error"] == ["X003"] * fires
    model = lookup()
    model.get_layer("words").input_vocabulary = value
    assert [one.code for one in graphlint.check(model).findings if one.severity == "error"] == ["K007"] * fires


@keras.saving.register_keras_serializable(package="test_serialization")
class Pair(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = layers.Dense(4), layers.Dense(2)

    def build(self, input_shape):
        self.first.build(input_shape)
        self.second.build((None, 4))

    def call(self, inputs):
        return self.second(self.first(inputs))


def test_bodies_that_cannot_be_seen(tmp_path):
    model = sequential(Pair(name="one"), Pair(name="two"))
    model.save(tmp_path / "pairs.keras")
    for problems, guess in ((live(Opaque(), model), False), (in_file(Opaque(), tmp_path / "pairs.keras"), True)):
        ((address, severity, message),) = problems
        assert (address, severity) == ("one", "info") and "30 parameters" in message and "2 layers" in message
        assert ("by their stored names and shapes 2 Dense" in message) is guess
    made = sequential(Registered(name="made"), layers.Dense(2))
    ((address, severity, message),) = both(Opaque(), made, tmp_path)
    assert (address, severity) == ("made", "info") and "no sublayers known" in message
    assert both(Opaque(), sequential(layers.LSTM(2), inputs=(3, 4)), tmp_path) == []


def test_a_body_in_a_body_that_cannot_be_seen(tmp_path):
    outer = Pair(name="outer")
    outer.second = Pair(name="inner")
    model = sequential(outer)
    model.save(tmp_path / "outer.keras")
    for problems in (live(Opaque(), model), in_file(Opaque(), tmp_path / "outer.keras")):
        assert [address for address, _, _ in problems] == ["outer"]


def test_optimizer_state_in_the_file(tmp_path):
    model = compiled(optimizer="adam")
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "trained.keras")
    for problems in (live(OptimizerShipped(), model), in_file(OptimizerShipped(), tmp_path / "trained.keras")):
        ((_, severity, message),) = problems
        assert severity == "info" and "80 bytes, 67%" in message
    assert both(OptimizerShipped(), compiled(), tmp_path) == []


def test_baked_training_arguments(tmp_path):
    x = keras.Input((4,))
    baked = keras.Model(x, layers.Dropout(0.5)(x))
    assert severities(both(BakedTrainingArgument(), baked, tmp_path)) == ["info"]
    free = keras.Model(x, layers.BatchNormalization()(x))
    assert both(BakedTrainingArgument(), free, tmp_path) == []


# -- K010 -------------------------------------------------------------------------------------------------------


def will_not_load(path, target="3.15"):
    return in_file(WillNotLoad(**{"target-keras": target}), path)


@pytest.mark.parametrize(
    ("layer", "argument", "fits"),
    [
        (layers.Conv2DTranspose(2, 3), "groups", "2.15"),
        (layers.BatchNormalization(), "renorm", "3.14"),
        (layers.Conv2D(2, 3), "lora_alpha", "3.10"),
    ],
)
def test_arguments_come_and_go(layer, argument, fits, tmp_path):
    layer.name = "layer"
    model = sequential(layer, inputs=(8, 8, 3))

    def change(config):
        entry(config, "layer")["config"][argument] = None

    path = edited(model, tmp_path, change)

    def refused(release):
        return [message for _, _, message in will_not_load(path, release) if f"'{argument}'" in message]

    assert refused("3.1") and not refused(fits)


@pytest.mark.parametrize(
    ("change", "severity"),
    [
        (lambda config: entry(config, "layer")["config"].update(no_such_argument=1), "error"),
        (lambda config: config["compile_config"]["loss"]["config"].update(reduction="auto"), "warning"),
    ],
    ids=["a layer", "the compilation"],
)
def test_what_loads_without_compiling_is_a_warning(change, severity, tmp_path):
    model = sequential(layers.Dense(2, name="layer"))
    model.compile("adam", keras.losses.MeanSquaredError())
    assert severities(will_not_load(edited(model, tmp_path, change))) == [severity]


def test_todays_files_load(tmp_path):
    model = sequential(layers.Bidirectional(layers.LSTM(3)), layers.Dropout(0.1), layers.Dense(2), inputs=(5, 4))
    model.compile("adam", "mse")
    assert both(WillNotLoad(), model, tmp_path) == []


def test_operations_that_came_later(tmp_path):
    x = keras.Input((4, 4))
    model = keras.Model(x, ops.logdet(x))
    path = edited(model, tmp_path, lambda config: None)
    missing = "Keras 3.5 has no operation ops.math.Logdet"
    assert missing in [message for _, _, message in will_not_load(path, "3.5")]
    assert will_not_load(path) == []


def said(path, release):
    return " ".join(message for _, _, message in will_not_load(path, release))


def test_what_old_releases_ignore(tmp_path):
    x = keras.Input((4,))
    path = edited(keras.Model([x], [layers.ReLU()(x)]), tmp_path, lambda config: None)
    for release in ("3.0", "3.3", "3.8"):
        assert will_not_load(path, release) == []


def test_operations_that_old_releases_cannot_read(tmp_path):
    x = keras.Input((4, 4))
    path = edited(keras.Model(x, ops.mean(ops.relu(x), axis=1)), tmp_path, lambda config: None)
    ((_, severity, message),) = will_not_load(path, "3.10")
    assert severity == "error" and "does not accept the name of an operation" in message
    assert will_not_load(path, "3.11") == []


@pytest.mark.parametrize(
    ("layer", "release", "words"),
    [
        (lambda: layers.Dense(2), "3.12", "Dense of Keras 3.12 does not accept 'quantization_config' (Keras since"),
        (lambda: layers.Activation("celu"), "3.6", "activation 'celu' exists in Keras since 3.7, not in 3.6"),
        (lambda: layers.LSTM(2), "3.3", "initializer Orthogonal exists in Keras up to 2.15 and since 3.4, not in 3.3"),
        (lambda: layers.ReLU(dtype="int8_from_float32"), "3.2", "ReLU has a QuantizedDTypePolicy"),
        (lambda: layers.ReLU(dtype="int4_from_float32"), "3.10", "ReLU is quantized to int4, which Keras since 3.11"),
        (lambda: layers.ReLU(), "3.3", "the inputs are written as a structure: Keras 3.3 expects a list"),
        (lambda: layers.Lambda(Twice.call, output_shape=(5, 4)), "3.15", "Lambda refers to the function 'call'"),
        (lambda: layers.TimeDistributed(Twice()), "3.15", "TimeDistributed refers to the class 'Twice'"),
        (lambda: layers.Dense(2, bias_initializer=Zero()), "3.15", "Dense refers to the class 'Zero'"),
    ],
)
def test_what_a_release_cannot_read(layer, release, words, tmp_path):
    x = keras.Input((5, 4))
    assert words in said(edited(keras.Model(x, layer()(x)), tmp_path, lambda config: None), release)


def test_what_keras_writes_and_never_reads(tmp_path):
    model = sequential(layers.RandomShear(0.1), inputs=(8, 8, 3))
    model.save(tmp_path / "model.keras")
    with pytest.raises(TypeError):
        keras.models.load_model(tmp_path / "model.keras")
    ((_, severity, message),) = will_not_load(tmp_path / "model.keras")
    assert severity == "error" and "RandomShear" in message


@pytest.mark.parametrize(
    ("model", "release", "words"),
    [
        (
            lambda: compiled(optimizer=keras.optimizers.Lamb()),
            "3.4",
            "the optimizer Lamb exists in Keras since 3.5, not in 3.4",
        ),
        (lambda: compiled(keras.losses.Circle()), "3.6", "the loss Circle exists in Keras since 3.7, not in 3.6"),
        (
            lambda: compiled(keras.losses.Hinge(reduction="mean_with_sample_weight")),
            "3.6",
            "reduction 'mean_with_sample_weight', which Keras has since 3.7",
        ),
        (lambda: compiled(metrics=[keras.metrics.PearsonCorrelation()]), "3.6", "the metric PearsonCorrelation exists"),
    ],
)
def test_compilations_that_came_later(model, release, words, tmp_path):
    path = edited(model(), tmp_path, without_quantization)
    assert words in said(path, release)
    assert words not in said(path, "3.15")


def without_quantization(config):
    for layer in config["config"]["layers"]:
        layer["config"].pop("quantization_config", None)
        for key in ("kernel_initializer", "bias_initializer"):
            layer["config"].pop(key, None)


def test_nested_models_of_keras_2(tmp_path):
    first = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "name": "x"}, "inbound_nodes": []}
    inner = {"name": "inner", "layers": [first], "input_layers": [["x", 0, 0]], "output_layers": [["x", 0, 0]]}
    entries = [
        {**first, "name": "x"},
        {"class_name": "Functional", "name": "inner", "config": inner, "inbound_nodes": [[["x", 0, 0, {}]]]},
        {"class_name": "ReLU", "name": "relu", "config": {"name": "relu"}, "inbound_nodes": [[["inner", 1, 0, {}]]]},
    ]
    config = {"name": "m", "layers": entries, "input_layers": [["x", 0, 0]], "output_layers": [["relu", 0, 0]]}
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": config})
        file.create_group("model_weights")
    assert "calls of nested models are counted from 1" in said(path, "3.15")
    assert said(path, "2.15") == ""
    entries[-1]["inbound_nodes"] = [[["inner", 0, 0, {}]]]
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": config})
        file.create_group("model_weights")
    assert "counted from 1" not in said(path, "3.15")


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_dictionaries_of_tensors_in_an_hdf5_file_of_keras_3(tmp_path):
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    inner = keras.Model({"a": a, "b": b}, layers.Add()([a, b]), name="inner")
    x, y = keras.Input((4,)), keras.Input((4,))
    keras.Model([x, y], inner({"a": x, "b": y})).save(tmp_path / "model.h5")
    keras.models.load_model(tmp_path / "model.h5")
    assert will_not_load(tmp_path / "model.h5") == []


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_texts_that_are_functions_of_layers(tmp_path):
    x = keras.Input((5, 4))
    keras.Model(x, layers.Attention()([x, x])).save(tmp_path / "model.h5")
    assert "score_mode='dot'" in said(tmp_path / "model.h5", "3.15")
    assert "score_mode" not in said(tmp_path / "model.h5", "3.12")


def test_parts_of_the_compilation_that_keras_3_dropped(tmp_path):
    def change(config):
        config["compile_config"]["optimizer"]["module"] = "keras.optimizers.legacy"

    assert "Adam is in keras.optimizers.legacy" in said(edited(compiled(optimizer="adam"), tmp_path, change), "3.15")


def test_mixed_precision_of_keras_2(tmp_path):
    def change(config):
        entry(config, "dense")["config"]["dtype"] = {"class_name": "Policy", "config": {"name": "mixed_float16"}}

    path = edited(sequential(layers.Dense(2, name="dense")), tmp_path, change)
    assert "mixed-precision Policy as Keras 2 wrote it" in said(path, "3.15")


def test_a_rewrite_is_no_remedy_for_an_older_keras(tmp_path):
    path = edited(sequential(layers.Dense(2)), tmp_path, lambda config: None)
    rule = WillNotLoad(**{"target-keras": "3.12"})
    problems = {problem.message.split()[0]: problem for problem in rule.check(expand(read(path)))}
    assert "Dense" in problems and not any(problem.fix for problem in problems.values())
    assert problems["Dense"].hint.startswith("Load it with Keras 3.13 or later, or build the model with Keras 3.12")


def legacy(folder, *entries, **root):
    first = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 5, 4], "dtype": "float32", "name": "x"}}
    return json_model(folder, first, *entries, **root)


def test_keras_2_configurations(tmp_path):
    path = legacy(tmp_path, {"class_name": "LSTM", "config": {"name": "lstm", "units": 2, "time_major": False}})
    ((address, severity, message),) = will_not_load(path)
    assert (address, severity) == (".", "error") and "Keras 1 or 2" in message
    assert will_not_load(path, "2.15") == []


def test_a_saved_model_directory(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    ((address, severity, message),) = will_not_load(tmp_path)
    assert (address, severity) == (".", "error") and "SavedModel" in message
    assert will_not_load(tmp_path, "2.15") == []


def test_removed_classes(tmp_path):
    path = legacy(tmp_path, {"class_name": "ThresholdedReLU", "config": {"name": "r", "theta": 1.0}}, module="keras")
    assert [address for address, _, _ in will_not_load(path)] == ["r"]


def test_bare_lists(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(
        json.dumps({"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {"units": 2}}]})
    )
    assert any("bare list" in message for _, _, message in will_not_load(path))


def test_unknown_activations_and_modules_that_are_not_imported(tmp_path):
    model = sequential(layers.Dense(2, name="dense"), Twice(name="custom"))

    def change(config):
        entry(config, "dense")["config"]["activation"] = "mystery"

    path = edited(model, tmp_path, change)
    assert {(address, severity) for address, severity, _ in will_not_load(path)} == {
        ("dense", "warning"),
        ("custom", "warning"),
    }
    assert [address for address, _, _ in will_not_load(path, "3.8") if address == "custom"] == []


def test_optimizer_arguments_of_keras_2(tmp_path):
    def change(config):
        config["compile_config"]["optimizer"]["config"]["is_legacy_optimizer"] = False

    ((address, _, message),) = will_not_load(edited(compiled(optimizer="adam"), tmp_path, change))
    assert address == "." and "is_legacy_optimizer" in message


def test_what_was_registered_is_a_note_on_a_file(tmp_path):
    model = sequential(Registered(name="custom"), layers.Dense(2))
    ((address, severity, message),) = in_file(WillNotLoad(), edited(model, tmp_path, lambda config: None))
    assert (address, severity) == ("custom", "info") and ">Registered'" in message
    assert live(WillNotLoad(), model) == []


def hdf5(model, folder, training=None):
    """A whole-model HDF5 file, with another training configuration where one is given."""
    path = folder / "model.h5"
    model.save(path)
    if training is not None:
        with h5py.File(path, "a") as file:
            file.attrs["training_config"] = json.dumps({"loss_weights": None, "metrics": None, **training})
    return path


ADAM = {"class_name": "Adam", "config": {"name": "Adam", "learning_rate": 0.001}}
OLD_LOSS = {"class_name": "BinaryCrossentropy", "config": {"reduction": "auto", "name": "loss", "from_logits": False}}
OLD_METRIC = {"class_name": "AUC", "config": {"name": "auc", "dtype": "float32", "init_from_logits": True}}


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({"optimizer_config": ADAM, "loss": "mse"}, "'mse'"),
        ({"optimizer_config": ADAM, "loss": {"dense": "mae"}}, "'mae'"),
        ({"optimizer_config": ADAM, "loss": "logcosh"}, "'logcosh'"),
        ({"optimizer_config": ADAM, "loss": "huber_loss"}, "'huber_loss' exists in Keras up to 2.15"),
        ({"optimizer_config": ADAM, "loss": [OLD_LOSS]}, "'auto'"),
        ({"optimizer_config": {"class_name": "adam", "config": {"lr": 0.1}}, "loss": "hinge"}, "'lr'"),
        ({"optimizer_config": ADAM, "loss": "hinge", "metrics": [OLD_METRIC]}, "'init_from_logits'"),
    ],
)
def test_compilations_that_keras_cannot_read(training, expected, tmp_path):
    path = hdf5(sequential(layers.Dense(2, name="dense")), tmp_path, training)
    ((address, severity, message),) = will_not_load(path)
    assert (address, severity) == (".", "warning") and expected in message
    with pytest.raises(Exception, match=r"."):
        keras.models.load_model(path)
    assert keras.models.load_model(path, compile=False)


@pytest.mark.parametrize(
    "training",
    [
        {"optimizer_config": ADAM, "loss": "mean_squared_error", "metrics": ["mse", "acc", {"dense": "auc"}]},
        {"optimizer_config": {"class_name": "adam", "config": {"amsgrad": False}}, "loss": {"dense": "hinge"}},
        {"optimizer_config": ADAM, "loss": {**OLD_LOSS, "config": {"from_logits": True, "reduction": "none"}}},
    ],
)
def test_compilations_that_keras_reads(training, tmp_path):
    path = hdf5(sequential(layers.Dense(2, name="dense")), tmp_path, training)
    assert will_not_load(path) == [] == in_file(CustomCompile(), path)
    assert keras.models.load_model(path).optimizer is not None


def test_texts_that_keras_takes_for_functions(tmp_path):
    x, y = keras.Input((3, 4), name="dot"), keras.Input((5, 4), name="add")
    model = keras.Model([x, y], layers.Attention(name="concatenate")([x, y]))
    path = hdf5(model, tmp_path)
    ((address, severity, message),) = will_not_load(path)
    assert (address, severity) == ("concatenate", "error") and "score_mode='dot'" in message
    with pytest.raises(TypeError):
        keras.models.load_model(path)
    assert both(WillNotLoad(), model, tmp_path) == []


def test_references_that_lead_nowhere(tmp_path):
    x = keras.Input((4,), name="x")
    model = keras.Model(x, layers.Dense(2, name="dense")(x))

    def change(config):
        (node,) = entry(config, "dense")["inbound_nodes"]
        node["args"][0]["config"]["keras_history"][0] = "absent"

    found = will_not_load(edited(model, tmp_path, change))
    assert ("dense", "error") in {(address, severity) for address, severity, _ in found}


def test_unknown_target(tmp_path):
    with pytest.raises(GraphlintError, match=r"2\.3"):
        will_not_load(edited(compiled(), tmp_path, lambda config: None), "2.3")


# -- K012 -------------------------------------------------------------------------------------------------------


class NoConfig(Twice):
    def __init__(self, table, **kwargs):
        super().__init__(**kwargs)
        self.table = table


class OwnConfig(NoConfig):
    def get_config(self):
        return {**layers.Layer.get_config(self), "table": self.table}


@keras.saving.register_keras_serializable(package="test_serialization")
class Made(keras.Model):
    """Its constructor makes what is inside, so that no file has the configuration of that."""

    def __init__(self, **kwargs):
        inputs = keras.Input((4,))
        super().__init__(inputs, NoConfig(object())(Main(name="script")(inputs)), **kwargs)

    def get_config(self):
        return {"name": self.name}


def test_what_a_constructor_makes_needs_no_configuration(tmp_path):
    model = sequential(Made(name="made"))
    model.save(tmp_path / "model.keras")
    for rule in (WillNotSave, UnregisteredCustom, WillNotLoad):
        assert live(rule(), model) == []


@pytest.mark.parametrize(
    ("operation", "loads"),
    [
        (lambda x: x + x, False),
        (lambda x: 2 * x, False),
        (lambda x: ops.mean(x, axis=-1), False),
        (lambda x: ops.concatenate([x, x]), True),
    ],
)
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_k010_operations_in_an_hdf5_file(operation, loads, tmp_path):
    x = keras.Input((4,))
    keras.Model(x, operation(x)).save(tmp_path / "model.h5")
    found = in_file(WillNotLoad(), tmp_path / "model.h5")
    if loads:
        keras.models.load_model(tmp_path / "model.h5")
        assert found == []
        return
    with pytest.raises((ValueError, TypeError)):
        keras.models.load_model(tmp_path / "model.h5")
    assert [severity for _, severity, _ in found] == ["error"]
    assert "keras.ops" in found[0][2]


class FromNothing(keras.Model):
    """A model whose constructor makes its own layers: they are not in the file."""

    def __init__(self, width=4):
        x = keras.Input((width,))
        super().__init__(x, NoConfig(object())(x))


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.1


class CallableObject:
    def __call__(self, *args):
        return args[0]


class SavesBadly(Twice):
    def save_own_variables(self, store):
        raise RuntimeError("no saving")


class Extra(Twice):
    def call(self, inputs, extra=None):
        return inputs


class AddOne(keras.Operation):
    def __init__(self, one, **kwargs):
        super().__init__(**kwargs)
        self.one = one

    def call(self, x):
        return x + 1

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)


def calling(function):
    x = keras.Input((4,), name="x")
    return keras.Model(x, function(x))


def without_activation(layer=None, inputs=(4,)):
    inner = layers.Dense(2, name="head")
    model = sequential(layer(inner) if layer else inner, inputs=inputs)
    inner.activation = None
    return model


def a_lambda_holding(value):
    return sequential(layers.Lambda(lambda t: (t, value)[0], output_shape=(4,)))


UNSAVED = {
    "activation": (without_activation, "its activation is None"),
    "wrapped activation": (lambda: without_activation(layers.TimeDistributed, (3, 4)), "its activation is None"),
    "constructor": (lambda: sequential(NoConfig(object())), "NoConfig received an argument that is not plain data"),
    "cell": (
        lambda: sequential(layers.TimeDistributed(NoConfig(object())), inputs=(3, 4)),
        "TimeDistributed cannot be saved: NoConfig received an argument",
    ),
    "configuration": (lambda: sequential(OwnConfig({1})), "get_config returns 'table' with a set"),
    "keys": (lambda: sequential(OwnConfig({(1, 2): 3})), "keys must be str"),
    "held by Keras": (lambda: sequential(layers.Dense(2, activation=CallableObject())), "holds a CallableObject"),
    "closure": (lambda: a_lambda_holding(CallableObject()), "'function' with a CallableObject"),
    "loss": (lambda: compiled(CallableObject()), "the loss CallableObject cannot be saved"),
    "metric": (lambda: compiled(metrics=[CallableObject()]), "the metric CallableObject cannot be saved"),
    "schedule": (
        lambda: compiled(optimizer=keras.optimizers.SGD(Schedule())),
        "the optimizer SGD cannot be saved: Schedule has no get_config",
    ),
    "argument": (lambda: calling(lambda x: Extra()(x, extra={1})), "argument 'extra' is a set"),
    "keys of an argument": (lambda: calling(lambda x: Extra()(x, extra={(1, 2): 3})), "the model cannot be saved"),
    "operation": (lambda: calling(lambda x: AddOne(object())(x)), "AddOne received an argument that is not plain data"),
    "variables": (lambda: sequential(SavesBadly()), "save_own_variables of SavesBadly fails"),
}


def saves(model, folder):
    try:
        model.save(folder / "model.keras")
    except Exception:
        return False
    return True


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
@pytest.mark.parametrize("what", UNSAVED)
def test_what_cannot_be_saved(what, tmp_path):
    build, said = UNSAVED[what]
    model = build()
    ((_, severity, message),) = live(WillNotSave(), model)
    assert severity == "error" and said in message and "0x" not in message
    assert list(tmp_path.iterdir()) == [] and not saves(model, tmp_path)


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
@pytest.mark.parametrize(
    "build",
    [
        lambda: sequential(Registered()),
        lambda: sequential(Pair()),
        lambda: sequential(NoConfig([1, "two", None]), layers.Rescaling(np.ones(4))),
        lambda: sequential(
            layers.Dense(2, activation=lambda t: t, kernel_initializer=lambda shape, dtype=None: ops.ones(shape))
        ),
        lambda: a_lambda_holding((1, 2.0)),
        lambda: compiled(lambda true, predicted: ops.mean(true - predicted), [own_loss]),
        lambda: calling(lambda x: x[:, 1:3] * keras.Variable([1.0, 2.0])),
        lambda: calling(lambda x: AddOne(1)(x)),
        FromNothing,
    ],
    ids=["registered", "composite", "plain", "lambdas", "closure", "loss", "variable", "operation", "constructor"],
)
def test_what_looks_bad_and_can_be_saved(build, tmp_path):
    model = build()
    assert live(WillNotSave(), model) == [] and saves(model, tmp_path)
