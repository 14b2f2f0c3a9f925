"""Files of older dialects: after `fix` Keras loads them, every weight is there bit for bit, and outputs are equal.

The configurations are written by hand as older releases wrote them; a model built in code gives the weights.
"""

import json
import warnings
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers, ops

from graphlint.engine.linter import Linter
from graphlint.engine.selection import Selection
from graphlint.errors import FixError
from graphlint.fixes.files import fix_file
from graphlint.fixes.fixer import Fixer


@pytest.fixture(autouse=True)
def seed():
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(3)


def node(*sources, **kwargs):
    """One call as Keras 2 wrote it: sources are names, or (name, node, tensor)."""
    found = []
    for one in sources:
        name, index, output = (one, 0, 0) if isinstance(one, str) else one
        found.append([name, index, output, kwargs])
    return found


def entry(class_name, name, inbound=None, **config):
    written = {"class_name": class_name, "config": {"name": name, **config}, "name": name}
    if inbound is not None:
        written["inbound_nodes"] = inbound
    return written


def given(name, *shape, dtype="float32"):
    shape = [None, *shape]
    return entry("InputLayer", name, [], batch_input_shape=shape, dtype=dtype, sparse=False, ragged=False)


def functional(name, entries, inputs, outputs, class_name="Functional"):
    return {
        "class_name": class_name,
        "config": {
            "name": name,
            "layers": entries,
            "input_layers": [[one, 0, 0] for one in inputs],
            "output_layers": [[one, 0, 0] if isinstance(one, str) else list(one) for one in outputs],
        },
    }


def write_h5(path, config, twin):
    """A whole-model HDF5 file as Keras 2 wrote it, with the weights of a model built in code."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.4.0"
        file.attrs["backend"] = "tensorflow"
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [layer.name.encode() for layer in twin.layers]
        weights.attrs["keras_version"] = b"2.4.0"
        weights.attrs["backend"] = b"tensorflow"
        for layer in twin.layers:
            group = weights.create_group(layer.name)
            names = [f"{layer.name}/{one.path.rpartition('/')[2]}_{index}:0" for index, one in enumerate(layer.weights)]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, one in zip(names, layer.weights, strict=True):
                group[name] = keras.ops.convert_to_numpy(one)


def fixed(path, folder):
    """Fix a file with all rules, save it, and load what was saved with Keras."""
    linter = Linter()
    done = fix_file(path, Fixer(linter))
    assert done.changed
    assert done.report or "rewritten" in " ".join(done.report.notes)
    target = folder / "rescued.keras"
    done.save(target)
    codes = {one.code for one in linter.check_file(target).findings}
    assert not codes & {"K003", "K004", "K010"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return keras.models.load_model(target)


def same(path, twin, folder):
    """The rescued model equals the one built in code."""
    model = fixed(path, folder)
    assert len(model.weights) == len(twin.weights)
    for one, other in zip(model.weights, twin.weights, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))
    random = np.random.default_rng(0)
    feed = []
    for one in twin.inputs:
        shape = [5 if dim is None else dim for dim in one.shape]
        feed.append(random.integers(0, 6, shape) if "int" in one.dtype else random.normal(size=shape).astype("float32"))
    expected = keras.tree.flatten(twin(feed if len(feed) > 1 else feed[0]))
    actual = keras.tree.flatten(model(feed if len(feed) > 1 else feed[0]))
    for one, other in zip(expected, actual, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))
    return model


def randomized(model):
    """Random numbers also where layers start with zeros and ones."""
    random = np.random.default_rng(1)
    model.set_weights([np.abs(random.normal(size=one.shape)).astype(one.dtype) for one in model.weights])
    return model


def test_a_sequential_as_a_bare_list(tmp_path):
    twin = randomized(
        keras.Sequential([keras.Input((4,)), layers.Dense(3, "relu", name="one"), layers.Dense(2, name="two")])
    )
    config = {
        "class_name": "Sequential",
        "config": [
            entry("Dense", "one", batch_input_shape=[None, 4], units=3, activation="relu", use_bias=True),
            entry("Dense", "two", units=2, activation="linear", use_bias=True),
        ],
    }
    write_h5(tmp_path / "model.h5", config, twin)
    same(tmp_path / "model.h5", twin, tmp_path)


def test_calls_as_lists_and_an_hdf5_file_named_keras(tmp_path):
    x = keras.Input((4,), name="x")
    a = layers.Dense(3, activation="relu", name="a")(x)
    b = layers.Dense(3, activation="tanh", name="b")(x)
    twin = randomized(keras.Model(x, layers.Dense(1, name="c")(layers.Concatenate(name="both")([a, b]))))
    entries = [
        given("x", 4),
        entry("Dense", "a", [node("x")], units=3, activation="relu"),
        entry("Dense", "b", [node("x")], units=3, activation="tanh"),
        entry("Concatenate", "both", [node("a", "b")], axis=-1),
        entry("Dense", "c", [node("both")], units=1),
    ]
    path = tmp_path / "model.keras"
    write_h5(path, functional("net", entries, ["x"], ["c"], "Model"), twin)
    same(path, twin, tmp_path)


def test_groups_on_transposed_convolutions_and_dtype_of_initializers(tmp_path):
    x = keras.Input((6, 6, 2), name="x")
    twin = randomized(keras.Model(x, layers.Conv2DTranspose(3, 3, strides=2, name="up")(x)))
    up = entry(
        "Conv2DTranspose",
        "up",
        [node("x")],
        filters=3,
        kernel_size=[3, 3],
        strides=[2, 2],
        groups=1,
        output_padding=None,
        kernel_initializer={"class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"}},
        bias_initializer={"class_name": "Zeros", "config": {"dtype": "float32"}},
    )
    path = tmp_path / "model.h5"
    write_h5(path, functional("net", [given("x", 6, 6, 2), up], ["x"], ["up"]), twin)
    same(path, twin, tmp_path)


def test_recurrent_layers_with_states_among_their_inputs(tmp_path):
    x, h, c = keras.Input((5, 3), name="x"), keras.Input((4,), name="h"), keras.Input((4,), name="c")
    y = layers.LSTM(4, name="lstm")(x, initial_state=[h, c])
    twin = randomized(keras.Model([x, h, c], y))
    lstm = entry(
        "LSTM",
        "lstm",
        [node("x", "h", "c")],
        units=4,
        activation="tanh",
        recurrent_activation="sigmoid",
        time_major=False,
        implementation=2,
        stateful=False,
        return_sequences=False,
    )
    path = tmp_path / "model.h5"
    inputs = [given("x", 5, 3), given("h", 4), given("c", 4)]
    write_h5(path, functional("net", [*inputs, lstm], ["x", "h", "c"], ["lstm"]), twin)
    same(path, twin, tmp_path)


def test_a_nested_model_read_at_its_second_node(tmp_path):
    inner_input = keras.Input((4,), name="inner_input")
    inner = keras.Model(inner_input, layers.Dense(3, name="deep")(inner_input), name="inner")
    x = keras.Input((4,), name="x")
    twin = randomized(keras.Model(x, layers.Dense(1, name="head")(inner(x))))
    nested = functional(
        "inner",
        [given("inner_input", 4), entry("Dense", "deep", [node("inner_input")], units=3)],
        ["inner_input"],
        ["deep"],
    )
    nested |= {"name": "inner", "inbound_nodes": [node("x")]}
    entries = [given("x", 4), nested, entry("Dense", "head", [node(("inner", 1, 0))], units=1)]
    path = tmp_path / "model.h5"
    write_h5(path, functional("net", entries, ["x"], ["head"]), twin)
    same(path, twin, tmp_path)


def test_calls_of_nested_models_are_reported(tmp_path):
    entries = [given("x", 4), entry("Dense", "head", [node(("inner", 1, 0))], units=1)]
    inner = functional("inner", [given("i", 4)], ["i"], ["i"]) | {"name": "inner", "inbound_nodes": [node("x")]}
    x = keras.Input((4,), name="x")
    twin = keras.Model(x, layers.Dense(1, name="head")(x))
    path = tmp_path / "model.h5"
    write_h5(path, functional("net", [*entries, inner], ["x"], ["head"]), twin)
    finding = next(one for one in Linter().check_file(path).findings if one.code == "K010")
    assert "counted from 1" in finding.message and finding.location.address == "inner"


def test_tensors_passed_by_name_and_a_model_that_reads_itself_are_reported(tmp_path):
    x = keras.Input((5, 8), name="x")
    layer = layers.MultiHeadAttention(2, 4, name="attention")
    attention = entry(
        "MultiHeadAttention", "attention", [[["x", 0, 0, {"value": ["x", 0, 0]}]]], num_heads=2, key_dim=4
    )
    path = tmp_path / "attention.h5"
    write_h5(path, functional("net", [given("x", 5, 8), attention], ["x"], ["attention"]), keras.Model(x, layer(x, x)))
    finding = next(one for one in Linter().check_file(path).findings if one.code == "K010")
    assert "value=" in finding.message

    inner = functional("inner", [given("i", 4)], ["i"], ["i"])
    inner |= {"name": "inner", "inbound_nodes": [node("y"), node(("inner", 1, 0))]}
    path = tmp_path / "twice.h5"
    write_h5(path, functional("net", [given("y", 4), inner], ["y"], [("inner", 2, 0)]), keras.Model(x, x))
    finding = next(one for one in Linter().check_file(path).findings if one.code == "K010")
    assert "counted from 1" in finding.message


def test_attention_with_recorded_shapes(tmp_path):
    x = keras.Input((5, 8), name="x")
    y = layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    twin = randomized(keras.Model(x, y))
    attention = entry(
        "MultiHeadAttention",
        "attention",
        [[["x", 0, 0, {"value": ["x", 0, 0]}]]],
        num_heads=2,
        key_dim=4,
        value_dim=4,
        dropout=0.0,
        use_bias=True,
        output_shape=None,
        attention_axes=[1],
        query_shape=[None, 5, 8],
        key_shape=[None, 5, 8],
        value_shape=[None, 5, 8],
    )
    path = tmp_path / "model.h5"
    write_h5(path, functional("net", [given("x", 5, 8), attention], ["x"], ["attention"]), twin)
    same(path, twin, tmp_path)


def test_a_slice_with_an_ellipsis(tmp_path):
    x = keras.Input((6, 4), name="x")
    y = layers.Dense(4, name="dense")(x)
    twin = randomized(keras.Model(x, y[..., None]))
    getitem = entry(
        "SlicingOpLambda",
        "getitem",
        [["dense", 0, 0, {"slice_spec": [{"class_name": "__ellipsis__"}, None]}]],
        function="__operators__.getitem",
    )
    entries = [given("x", 6, 4), entry("Dense", "dense", [node("x")], units=4), getitem]
    path = tmp_path / "model.h5"
    write_h5(path, functional("net", entries, ["x"], ["getitem"]), keras.Model(x, y))
    same(path, twin, tmp_path)


def test_arguments_that_layers_do_not_take(tmp_path):
    x = keras.Input((6, 4), name="x")
    h = layers.SpatialDropout1D(0.5, name="drop")(x)
    twin = randomized(keras.Model(x, layers.SeparableConv1D(3, 2, name="conv")(h)))
    glorot = {"class_name": "GlorotUniform", "config": {"seed": None}}
    entries = [
        given("x", 6, 4),
        entry("SpatialDropout1D", "drop", [node("x")], rate=0.5, trainable=True, dtype="float32", noise_shape=None),
        entry("SeparableConv1D", "conv", [node("drop")], filters=3, kernel_size=[2], kernel_initializer=glorot),
    ]
    path = tmp_path / "model.h5"
    write_h5(path, functional("net", entries, ["x"], ["conv"]), twin)
    assert sum(one.code == "K010" for one in Linter().check_file(path).findings) == 2
    same(path, twin, tmp_path)


def test_several_axes_and_a_list_of_one(tmp_path):
    x = keras.Input((6, 4), name="x")
    h = layers.BatchNormalization(name="batch")(x)
    twin = randomized(keras.Model(x, layers.LayerNormalization(axis=[1, 2], name="norm")(h)))
    entries = [
        given("x", 6, 4),
        entry("BatchNormalization", "batch", [node("x")], axis=[2], momentum=0.9, epsilon=0.001),
        entry("LayerNormalization", "norm", [node("batch")], axis=[1, 2], epsilon=0.001),
    ]
    path = tmp_path / "model.h5"
    write_h5(path, functional("net", entries, ["x"], ["norm"]), twin)
    assert sum(one.code == "K010" for one in Linter().check_file(path).findings) == 1
    same(path, twin, tmp_path)


def test_a_layer_that_changed_its_meaning_is_refused(tmp_path):
    x = keras.Input((6, 6, 3), name="x")
    crop = entry("RandomCrop", "crop", [node("x")], height=4, width=4, nothing=None)
    path = tmp_path / "model.h5"
    write_h5(path, functional("net", [given("x", 6, 6, 3), crop], ["x"], ["crop"]), keras.Model(x, x))
    with pytest.raises(FixError, match="RandomCrop"):
        fix_file(path, Fixer(Linter()))


@pytest.mark.parametrize("module", ["keras.src.engine.functional", "tf_keras.src.engine.functional"])
def test_a_module_of_keras_2_is_reported(module, tmp_path):
    x = keras.Input((4,), name="x")
    config = json.loads(keras.Model(x, layers.Dense(2, name="dense")(x)).to_json()) | {"module": module}
    path = tmp_path / "model.json"
    path.write_text(json.dumps(config))
    finding = next(one for one in Linter().check_file(path).findings if one.code == "K010")
    assert module in finding.message


def test_a_stateful_layer(tmp_path):
    x = keras.Input(batch_shape=(2, 5, 3), name="x")
    twin = randomized(keras.Model(x, layers.Dense(1, name="head")(layers.LSTM(4, stateful=True, name="lstm")(x))))
    lstm = entry("LSTM", "lstm", [node("x")], units=4, stateful=True, time_major=False)
    inputs = entry("InputLayer", "x", [], batch_input_shape=[2, 5, 3], dtype="float32")
    path = tmp_path / "model.h5"
    entries = [inputs, lstm, entry("Dense", "head", [node("lstm")], units=1)]
    write_h5(path, functional("net", entries, ["x"], ["head"]), twin)
    model = fixed(path, tmp_path)
    for one, other in zip(model.weights, twin.weights, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))


def test_adapted_and_random_layers(tmp_path):
    x = keras.Input((6, 6, 3), name="x")
    norm = layers.Normalization(name="norm")
    h = norm(layers.RandomBrightness(0.2, name="bright")(x))
    twin = keras.Model(x, h)
    norm.adapt(np.random.default_rng(0).normal(size=(9, 6, 6, 3)).astype("float32"))
    bright = entry("RandomBrightness", "bright", [node("x")], factor=[-0.2, 0.2], value_range=[0, 255], nothing=None)
    entries = [given("x", 6, 6, 3), bright, entry("Normalization", "norm", [node("bright")], axis=[-1])]
    path = tmp_path / "model.h5"
    write_h5(path, functional("net", entries, ["x"], ["norm"]), keras.Model(x, norm.output))
    model = fixed(path, tmp_path)
    data = np.random.default_rng(1).normal(size=(2, 6, 6, 3)).astype("float32")
    np.testing.assert_allclose(model(data, training=False), twin(data, training=False), rtol=1e-6)


def test_a_short_name_of_a_loss_and_a_scaled_optimizer(tmp_path):
    twin = randomized(keras.Sequential([keras.Input((4,)), layers.Dense(2, name="one")]))
    config = {"class_name": "Sequential", "config": {"name": "net", "layers": [entry("Dense", "one", units=2)]}}
    config["config"]["layers"].insert(0, given("x", 4))
    path = tmp_path / "model.h5"
    write_h5(path, config, twin)
    adam = {"class_name": "Custom>Adam", "config": {"learning_rate": 0.5, "jit_compile": False}}
    scaled = {"class_name": "LossScaleOptimizerV3", "config": {"inner_optimizer": adam, "dynamic": True}}
    with h5py.File(path, "r+") as file:
        file.attrs["training_config"] = json.dumps({"loss": "mse", "metrics": None, "optimizer_config": scaled})
    finding = next(one for one in Linter().check_file(path).findings if one.code == "K010")
    assert "'mse'" in finding.message
    model = same(path, twin, tmp_path)
    assert model.loss == "mean_squared_error"
    assert float(model.optimizer.inner_optimizer.learning_rate) == 0.5


def test_a_model_that_was_compiled_with_a_function_of_somebody_else(tmp_path):
    twin = randomized(keras.Sequential([keras.Input((4,)), layers.Dense(2, name="one")]))
    config = {"class_name": "Sequential", "config": [entry("Dense", "one", batch_input_shape=[None, 4], units=2)]}
    path = tmp_path / "model.h5"
    write_h5(path, config, twin)
    with h5py.File(path, "r+") as file:
        training = {"loss": "theirs>loss", "optimizer_config": {"class_name": "Adam", "config": {"lr": 0.5}}}
        file.attrs["training_config"] = json.dumps(training)
    assert any("theirs>loss" in note for note in fix_file(path, Fixer(Linter())).report.notes)


def test_tensorflow_operations(tmp_path):
    x = keras.Input((6, 4), name="x")
    y = layers.Dense(4, name="dense")(x)
    twin = randomized(keras.Model(x, ops.mean((y * 2.0)[:, 1:4], axis=1)))
    slices = [{"start": None, "stop": None, "step": None}, {"start": 1, "stop": 4, "step": None}]
    entries = [
        given("x", 6, 4),
        entry("Dense", "dense", [node("x")], units=4),
        entry("TFOpLambda", "tf.math.multiply", [node("dense", y=2.0, name=None)], function="math.multiply"),
        entry(
            "SlicingOpLambda",
            "tf.__operators__.getitem",
            [node("tf.math.multiply", slice_spec=slices)],
            function="__operators__.getitem",
        ),
        entry(
            "TFOpLambda",
            "tf.math.reduce_mean",
            [node("tf.__operators__.getitem", axis=1)],
            function="math.reduce_mean",
        ),
    ]
    path = tmp_path / "model.h5"
    config = functional("net", entries, ["x"], ["tf.math.reduce_mean"])
    only_layers = keras.Model(x, y)
    write_h5(path, config, only_layers)
    same(path, twin, tmp_path)


@pytest.mark.parametrize(
    ("function", "arguments", "twin"),
    [
        ("linalg.matmul", {"b": ["x", 0, 0], "transpose_b": True}, lambda y, x: y @ ops.transpose(x, (0, 2, 1))),
        ("compat.v1.transpose", {"perm": [0, 2, 1], "conjugate": False}, lambda y, x: ops.transpose(y, (0, 2, 1))),
        ("compat.v1.gather", {"indices": [0, 2], "axis": 1, "batch_dims": 0}, lambda y, x: ops.take(y, [0, 2], axis=1)),
        ("compat.v1.squeeze", {"axis": [1]}, None),
        ("math.l2_normalize", {"axis": -1}, lambda y, x: y / ops.sqrt(ops.sum(y * y, axis=-1, keepdims=True))),
        ("nn.gelu", {}, lambda y, x: ops.gelu(y, approximate=False)),
        ("clip_by_value", {"clip_value_min": 0.0, "clip_value_max": 0.5}, lambda y, x: ops.clip(y, 0.0, 0.5)),
        ("math.argmax", {"axis": -1, "output_type": "int64"}, lambda y, x: ops.argmax(y, axis=-1)),
        ("math.cumsum", {}, lambda y, x: ops.cumsum(y, axis=0)),
        ("math.cumsum", {"axis": 1}, lambda y, x: ops.cumsum(y, axis=1)),
        ("math.cumsum", {"axis": 1, "exclusive": True}, None),
        ("math.reduce_variance", {"axis": [1, 2], "keepdims": True}, lambda y, x: ops.var(y, (1, 2), keepdims=True)),
        ("compat.v1.pad", {"paddings": [[0, 0], [1, 0], [0, 2]], "mode": "CONSTANT", "constant_values": 0},
         lambda y, x: ops.pad(y, [[0, 0], [1, 0], [0, 2]])),
        ("slice", {"begin": [0, 1, 0], "size": [-1, 2, -1]}, lambda y, x: y[:, 1:3]),
        ("linalg.band_part", {"num_lower": -1, "num_upper": 0}, lambda y, x: ops.tril(y)),
        ("__operators__.add", {"y": [1.0, 2.0, 3.0, 4.0]}, lambda y, x: y + np.arange(1, 5, dtype="float32")),
        ("where", None, None),
        ("nn.silu", {"beta": 2.0}, None),
        ("ensure_shape", {"shape": [None, 6, 4]}, lambda y, x: y),
    ],
)  # fmt: skip
def test_each_tensorflow_operation(function, arguments, twin, tmp_path):
    x = keras.Input((6, 4), name="x")
    y = layers.Dense(4, name="dense")(x)
    call = ["dense", 0, 0, arguments] if arguments is not None else ["_CONSTANT_VALUE", -1, 2.0, {}]
    operation = entry("TFOpLambda", "operation", [call], function=function)
    entries = [given("x", 6, 4), entry("Dense", "dense", [node("x")], units=4), operation]
    path = tmp_path / "model.h5"
    only_layers = randomized(keras.Model(x, y))
    write_h5(path, functional("net", entries, ["x"], ["operation"]), only_layers)
    if twin is None:
        with pytest.raises(FixError):
            fix_file(path, Fixer(Linter()))
        return
    model, data = fixed(path, tmp_path), np.random.default_rng(0).normal(size=(3, 6, 4)).astype("float32")
    np.testing.assert_allclose(model(data), twin(only_layers(data), ops.convert_to_tensor(data)), rtol=1e-5, atol=1e-6)


def test_a_split_and_a_shape_that_is_computed(tmp_path):
    x = keras.Input((6, 4), name="x")
    y = layers.Dense(4, name="dense")(x)
    entries = [
        given("x", 6, 4),
        entry("Dense", "dense", [node("x")], units=4),
        entry("TFOpLambda", "split", [["dense", 0, 0, {"num_or_size_splits": [1, -1], "axis": -1}]], function="split"),
        entry("TFOpLambda", "shape", [["split", 0, 1, {"out_type": "int32"}]], function="compat.v1.shape"),
        entry("SlicingOpLambda", "batch", [["shape", 0, 0, {"slice_spec": 0}]], function="__operators__.getitem"),
        entry("TFOpLambda", "flat", [["split", 0, 1, {"shape": [["batch", 0, 0], 18]}]], function="reshape"),
    ]
    path = tmp_path / "model.h5"
    only_layers = randomized(keras.Model(x, y))
    write_h5(path, functional("net", entries, ["x"], ["flat"]), only_layers)
    model, data = fixed(path, tmp_path), np.random.default_rng(0).normal(size=(3, 6, 4)).astype("float32")
    np.testing.assert_allclose(model(data), only_layers(data)[:, :, 1:].numpy().reshape(3, 18))
    assert [layer.name for layer in model.operations] == ["x", "dense", "split", "flat"]


def test_operators_in_an_hdf5_file_of_keras_3(tmp_path):
    x = keras.Input((4,), name="x")
    y = layers.Dense(4, name="dense")(x)
    twin = randomized(
        keras.Model(x, layers.Add(name="sum")([ops.mean((y * 2.0 - x)[:, None] + y[..., None], axis=1), y]))
    )
    twin.save(tmp_path / "model.h5")
    same(tmp_path / "model.h5", twin, tmp_path)


def test_an_operation_without_equal_is_named(tmp_path):
    x = keras.Input((4,), name="x")
    twin = keras.Model(x, layers.Dense(2, name="dense")(x))
    entries = [
        given("x", 4),
        entry("Dense", "dense", [node("x")], units=2),
        entry("TFOpLambda", "tf.random", [node("dense")], function="random.poisson"),
    ]
    path = tmp_path / "model.h5"
    write_h5(path, functional("net", entries, ["x"], ["tf.random"]), twin)
    before = path.read_bytes()
    with pytest.raises(FixError, match=r"random\.poisson"):
        fix_file(path, Fixer(Linter()))
    assert path.read_bytes() == before


def test_a_class_that_is_missing_is_named(tmp_path):
    x = keras.Input((4,), name="x")
    twin = keras.Model(x, layers.Dense(2, name="mine")(x))
    entries = [given("x", 4), entry("MyOwnDense", "mine", [node("x")], units=2)]
    path = tmp_path / "model.h5"
    write_h5(path, functional("net", entries, ["x"], ["mine"]), twin)
    with pytest.raises(FixError, match="MyOwnDense"):
        fix_file(path, Fixer(Linter()))


def test_a_slash_in_a_name(tmp_path):
    x = keras.Input((4,), name="x")
    twin = randomized(keras.Model(x, layers.Dense(2, name="block_dense")(layers.Dense(3, name="first")(x))))
    first = entry("Dense", "first", [node("x")], units=3)
    entries = [given("x", 4), first, entry("Dense", "block/dense", [node("first")], units=2)]
    path = tmp_path / "model.h5"
    write_h5(path, functional("net", entries, ["x"], ["block/dense"]), twin)
    with h5py.File(path, "r+") as file:
        weights = file["model_weights"]
        weights.attrs["layer_names"] = [b"x", b"first", b"block/dense"]
        weights.move("block_dense", "block/dense")
    model = same(path, twin, tmp_path)
    assert [layer.name for layer in model.layers] == ["x", "first", "block_dense"]


def test_modules_of_an_older_keras_3_file(tmp_path):
    x = keras.Input((4,), name="x")
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="deep")], name="inner")
    twin = randomized(keras.Model(x, layers.Dense(1, name="head")(inner(x)), name="net"))
    twin.save(tmp_path / "new.keras")
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(tmp_path / "new.keras") as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "config.json":
                data = data.replace(b"keras.src.models.functional", b"keras.src.engine.functional")
                assert b"keras.src.engine.functional" in data
            target.writestr(name, data)
    same(path, twin, tmp_path)


def test_a_configuration_alone_has_fresh_weights(tmp_path):
    config = functional("net", [given("x", 4), entry("Dense", "dense", [node("x")], units=2)], ["x"], ["dense"])
    path = tmp_path / "model.json"
    path.write_text(json.dumps(config))
    done = fix_file(path, Fixer(Linter()))
    assert any("freshly initialized" in note for note in done.report.notes)
    done.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").output_shape == (None, 2)


def test_rescue_is_not_made_where_its_rule_is_not_selected(tmp_path):
    x = keras.Input((4,), name="x")
    twin = keras.Model(x, layers.Dense(2, name="dense")(x))
    entries = [given("x", 4), entry("LSTM", "dense", [node("x")], units=2, nonsense=1)]
    path: Path = tmp_path / "model.h5"
    write_h5(path, functional("net", entries, ["x"], ["dense"]), twin)
    with pytest.raises(FixError, match="Keras cannot load"):
        fix_file(path, Fixer(Linter(None, Selection(("R001",)))))


def test_a_compilation_that_keras_cannot_read(tmp_path):
    x = keras.Input((3, 4), name="x")
    y = layers.Attention(name="attention")([layers.Dense(4, name="query")(x), x])
    twin = randomized(keras.Model(x, layers.Dense(1, name="score")(y)))
    twin.compile("adam", "mse", metrics=["mae"])
    twin.save(tmp_path / "model.h5")
    model = same(tmp_path / "model.h5", twin, tmp_path)
    assert model.loss == "mean_squared_error" and model.optimizer.name == "adam"


@pytest.mark.parametrize("structure", [dict, list])
def test_calls_with_structures_of_tensors(structure, tmp_path):
    def arranged(a, b):
        return {"first": a, "second": b} if structure is dict else [[a], b]

    a, b = keras.Input((3,), name="first"), keras.Input((2,), name="second")
    inner = keras.Model(
        arranged(a, b), layers.Dense(2, name="mix")(layers.Concatenate(name="both")([a, b])), name="net"
    )
    x, y = keras.Input((3,), name="x"), keras.Input((2,), name="y")
    twin = randomized(keras.Model([x, y], layers.Dense(1, name="last")(inner(arranged(x, y)))))
    body = functional(
        "net",
        [
            given("first", 3),
            given("second", 2),
            entry("Concatenate", "both", [node("first", "second")], axis=-1),
            entry("Dense", "mix", [node("both")], units=2),
        ],
        [],
        ["mix"],
    )
    body["config"]["input_layers"] = arranged(["first", 0, 0], ["second", 0, 0])
    call = arranged(["x", 0, 0, {}], ["y", 0, 0, {}])
    entries = [
        given("x", 3),
        given("y", 2),
        {**body, "name": "net", "inbound_nodes": [call]},
        entry("Dense", "last", [node(("net", 1, 0))], units=1),
    ]
    path = tmp_path / "model.h5"
    write_h5(path, functional("outer", entries, ["x", "y"], ["last"]), twin)
    found = [one.message for one in Linter().check_file(path).findings if one.code == "K010"]
    assert any("as Keras 2 wrote it" in message for message in found)
    with pytest.raises(Exception, match=r"."):
        keras.models.load_model(path)
    same(path, twin, tmp_path)


@pytest.mark.parametrize(
    ("loss", "metrics", "expected"),
    [("logcosh", ["acc"], "log_cosh"), ("mae", [{"class_name": "function", "config": "own"}], None)],
)
def test_what_a_model_was_compiled_with(loss, metrics, expected, tmp_path):
    """Old names become today's; with a function that nobody knows the model is left uncompiled."""
    twin = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="one")])
    config = {
        "class_name": "Sequential",
        "config": [entry("Dense", "one", batch_input_shape=[None, 4], units=3, activation="linear", use_bias=True)],
    }
    path = tmp_path / "model.h5"
    write_h5(path, config, twin)
    optimizer = {"class_name": "Adam", "config": {"lr": 0.01, "decay": 0.0}}
    with h5py.File(path, "a") as file:
        training = {"optimizer_config": optimizer, "loss": loss, "metrics": metrics}
        file.attrs["training_config"] = json.dumps(training)
    model = same(path, twin, tmp_path)
    assert (model.loss if model.compiled else None) == expected
