"""Rules on disconnected parts: what fires, and what must not."""

import json
import warnings
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers, ops

import graphlint
from graphlint.model.expand import expand
from rules.disconnected.constant_output import ConstantOutput
from rules.disconnected.dead_branch import DeadBranchRule
from rules.disconnected.never_received_gradient import NeverReceivedGradient
from rules.disconnected.non_differentiable_cut import NonDifferentiableCut
from rules.disconnected.output_without_loss import OutputWithoutLoss
from rules.disconnected.uncalled_layer import UncalledLayer
from rules.disconnected.unused_input import UnusedInput
from rules.disconnected.weights_without_graph import WeightsWithoutGraph
from tests.model.definitions import call, definition, input_call, layer, model
from tests.rules.editing import edited, entry
from tests.rules.front_ends import both, found, in_file, live


@keras.saving.register_keras_serializable("disconnected")
class Penalty(layers.Layer):
    """A layer that adds a loss of its own."""

    def call(self, x):
        self.add_loss(ops.mean(x))
        return x


@keras.saving.register_keras_serializable("disconnected")
class OwnStep(keras.Model):
    """A model that may train in its own way."""


# -- D001 unused-input ------------------------------------------------------------------------------------------


def two_inputs(**second):
    return keras.Input((4,), name="a"), keras.Input((4,), name="b", **second)


def test_an_input_that_feeds_nothing(tmp_path):
    a, b = two_inputs()
    (finding,) = both(UnusedInput(), keras.Model([a, b], layers.Dense(1)(a)), tmp_path)
    assert finding[:2] == ("b#0", "warning")
    assert "nothing uses it" in finding[2]


def test_an_input_whose_branch_ends(tmp_path):
    x = keras.Input((4,))
    inner = keras.Model(x, [layers.Dense(2)(x), layers.ReLU()(x)], name="inner")
    a, b = two_inputs()
    model = keras.Model([a, b], [inner(a)[0], inner(b)[1]])
    assert both(UnusedInput(), model, tmp_path) == []
    y, z = two_inputs()
    both_in = keras.Model([y, z], [layers.Dense(2)(y), layers.ReLU()(z)], name="pair")
    model = keras.Model([a, b], both_in([a, b])[0])
    (finding,) = both(UnusedInput(), model, tmp_path)
    assert finding[0] == "b#0"


def test_optional_inputs_may_be_unused(tmp_path):
    a, b = two_inputs(optional=True)
    assert both(UnusedInput(), keras.Model([a, b], layers.Dense(1)(a)), tmp_path) == []


def test_an_input_used_only_as_a_mask_is_used(tmp_path):
    x, mask = keras.Input((5, 3), name="x"), keras.Input((5,), dtype="bool", name="mask")
    assert both(UnusedInput(), keras.Model([x, mask], layers.LSTM(2)(x, mask=mask)), tmp_path) == []


# -- D002 dead-branch -------------------------------------------------------------------------------------------


def with_auxiliary(auxiliary, used=0):
    x = keras.Input((4,))
    inner = keras.Model(x, [layers.Dense(4, name="main")(x), auxiliary(x)], name="inner")
    outer = keras.Input((4,))
    outputs = inner(outer)
    return keras.Model(outer, layers.Dense(1, name="head")(outputs[used]) if used is not None else outputs)


def test_an_output_of_a_nested_model_that_nothing_consumes(tmp_path):
    (finding,) = both(DeadBranchRule(), with_auxiliary(layers.Dense(2, name="auxiliary")), tmp_path)
    assert finding[:2] == ("inner/auxiliary#0", "warning")
    assert "10 trainable parameters" in finding[2]
    assert "output 1 of the model inner" in finding[2]


@pytest.mark.parametrize(
    ("auxiliary", "used"),
    [
        (layers.Dense(2, trainable=False), 0),
        (layers.ReLU(), 0),
        (layers.Dense(2), None),
        (lambda x: Penalty()(layers.Dense(2)(x)), 0),
    ],
    ids=["frozen", "no weights", "used", "adds a loss"],
)
def test_branches_that_are_not_dead(auxiliary, used, tmp_path):
    assert both(DeadBranchRule(), with_auxiliary(auxiliary, used), tmp_path) == []


def test_a_layer_that_also_feeds_an_output_is_not_dead(tmp_path):
    shared = layers.Dense(4, name="shared")
    x = keras.Input((4,))
    inner = keras.Model(x, [shared(x), shared(layers.ReLU()(x))], name="inner")
    outer = keras.Input((4,))
    assert both(DeadBranchRule(), keras.Model(outer, inner(outer)[0]), tmp_path) == []


def test_an_unused_output_of_a_model_of_a_class_of_its_own(tmp_path):
    x = keras.Input((4,))
    inner = OwnStep(x, [layers.Dense(4)(x), layers.Dense(2)(x)], name="inner")
    outer = keras.Input((4,))
    assert both(DeadBranchRule(), keras.Model(outer, layers.Dense(1)(inner(outer)[0])), tmp_path) == []


def test_a_model_of_a_class_of_its_own_is_not_rebuilt(tmp_path):
    """The branch lies in a plain model inside it: it is reported, and left."""
    x = keras.Input((4,))
    inner = keras.Model(x, [layers.Dense(4, name="main")(x), layers.Dense(2, name="spare")(x)], name="inner")
    around = keras.Input((4,))
    own = OwnStep(around, inner(around)[0], name="own")
    outer = keras.Input((4,))
    model = keras.Model(outer, layers.Dense(1)(own(outer)))
    (finding,) = both(DeadBranchRule(), model, tmp_path)
    assert finding[0] == "own/inner/spare#0"
    fixed, report = graphlint.fix(model, select="D002", unsafe=True)
    assert fixed is model and [one.finding.code for one in report.left] == ["D002"]
    assert report.left[0].reason.startswith("no fix")


def test_a_nested_model_called_twice_is_one_finding(tmp_path):
    x = keras.Input((4,))
    inner = keras.Model(x, [layers.Dense(4)(x), layers.Dense(2, name="auxiliary")(x)], name="inner")
    outer = keras.Input((4,))
    assert len(both(DeadBranchRule(), keras.Model(outer, inner(inner(outer)[0])[0]), tmp_path)) == 1


# -- D003 output-without-loss -----------------------------------------------------------------------------------


def heads(loss, cls=keras.Model, trunk=None, as_dict=False, **second):
    x = keras.Input((4,))
    h = trunk(x) if trunk else x
    a, b = layers.Dense(1, name="a")(h), layers.Dense(2, name="b", **second)(h)
    compiled = cls(x, {"a": a, "b": b} if as_dict else [a, b])
    compiled.compile(loss=loss)
    return compiled


@pytest.mark.parametrize(
    ("loss", "as_dict"),
    [({"a": "mse", "b": None}, False), (["mse", None], False), ({"a": "mse"}, True)],
    ids=["dict", "list", "dict of outputs"],
)
def test_a_head_without_loss(loss, as_dict, tmp_path):
    (finding,) = both(OutputWithoutLoss(), heads(loss, as_dict=as_dict), tmp_path)
    assert finding[:2] == ("b#0", "warning")
    assert "10 trainable parameters" in finding[2]


def test_a_frozen_head_without_loss_is_information(tmp_path):
    (finding,) = both(OutputWithoutLoss(), heads(["mse", None], trainable=False), tmp_path)
    assert finding[1] == "info"


@pytest.mark.parametrize(
    "build",
    [
        lambda: heads("mse"),
        lambda: heads({"a": "mse", "b": keras.losses.Huber()}),
        lambda: heads(None),
        lambda: heads(["mse", None], cls=OwnStep),
    ],
    ids=["one loss for all", "all named", "no loss at all", "own class"],
)
def test_outputs_with_a_loss_or_another_way_to_train(build, tmp_path):
    assert both(OutputWithoutLoss(), build(), tmp_path) == []


def test_weights_that_feed_an_added_loss_are_trained(tmp_path):
    x = keras.Input((4,))
    a, b = layers.Dense(1, name="a")(x), Penalty(name="b")(layers.Dense(2)(x))
    compiled = keras.Model(x, [a, b])
    compiled.compile(loss=["mse", None])
    assert [finding[1] for finding in both(OutputWithoutLoss(), compiled, tmp_path)] == ["info"]


# -- D004 never-received-gradient -------------------------------------------------------------------------------


def trained(optimizer, steps=50, untouched="cut", build=None):
    """A model as after training: the optimizer saw gradients for all layers but one."""
    if build is None:
        x = keras.Input((4,))
        compiled = keras.Model(x, layers.Dense(2, name="head")(layers.Dense(4, name="cut", activation="relu")(x)))
    else:
        compiled = build()
    compiled.compile(optimizer=optimizer, loss="mse")
    compiled.optimizer.build(compiled.trainable_variables)
    for variable in compiled.optimizer.variables:
        if variable.path.endswith("iteration"):
            variable.assign(steps)
        elif len(variable.shape) and f"{untouched}_" not in variable.path:
            variable.assign(variable + 0.1)
    return compiled


KNOWN = [
    "adam",
    "adamw",
    "nadam",
    "adamax",
    "adadelta",
    "ftrl",
    "lion",
    "rmsprop",
    lambda: keras.optimizers.Lamb(),
    lambda: keras.optimizers.Adam(amsgrad=True),
    lambda: keras.optimizers.SGD(momentum=0.9),
    lambda: keras.optimizers.RMSprop(momentum=0.9, centered=True),
    lambda: keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)),
]


@pytest.mark.parametrize("optimizer", KNOWN)
def test_known_optimizers(optimizer, tmp_path):
    chosen = optimizer if isinstance(optimizer, str) else optimizer()
    (finding,) = both(NeverReceivedGradient(), trained(chosen), tmp_path)
    assert finding[:2] == ("cut", "warning")
    assert "kernel, bias (20 parameters) show no trace of a gradient after 50 steps" in finding[2]


@pytest.mark.parametrize(
    "build",
    [
        lambda: trained("sgd"),
        lambda: trained("adagrad"),
        lambda: trained("adam", steps=9),
        lambda: trained("adam", untouched="nothing"),
        lambda: trained("adam", untouched=""),
        lambda: trained(keras.optimizers.Adam(use_ema=True)),
        lambda: trained(keras.optimizers.Adam(gradient_accumulation_steps=2)),
        lambda: trained(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())),
        lambda: trained("adafactor"),
    ],
    ids=[
        "plain SGD",
        "sums that start above 0",
        "few steps",
        "all touched",
        "none touched",
        "EMA",
        "accumulation",
        "loss scale",
        "unknown layout",
    ],
)
def test_optimizers_that_say_nothing(build, tmp_path):
    assert both(NeverReceivedGradient(), build(), tmp_path) == []


def attention_and_rnn():
    x = keras.Input((3, 4))
    h = layers.MultiHeadAttention(2, 2, name="cut")(x, x)
    h = layers.Bidirectional(layers.LSTM(2, name="rnn"), name="both")(h)
    return keras.Model(x, layers.Dense(2, name="head")(h))


@pytest.mark.parametrize(
    ("untouched", "layer", "variables"),
    [
        ("cut", "cut/", "8 variables of 4 layers"),
        ("both_backward", "both/backward_layer/cell", "kernel, recurrent_kernel"),
    ],
)
def test_sublayers_are_found_whatever_their_order_in_the_file(untouched, layer, variables, tmp_path):
    compiled = trained("adam", untouched=untouched, build=attention_and_rnn)
    (finding,) = both(NeverReceivedGradient(), compiled, tmp_path)
    assert finding[0].startswith(layer)
    assert finding[2].startswith(variables)


def test_a_momentum_that_has_decayed_to_zero_is_not_never(tmp_path):
    compiled = trained("adam")
    for variable in compiled.optimizer.variables:
        if "cut_" in variable.path and "velocity" in variable.path:
            variable.assign(variable + 1e-20)
    assert both(NeverReceivedGradient(), compiled, tmp_path) == []


# -- D005 non-differentiable-cut --------------------------------------------------------------------------------


def cut_by(operation, **compiled):
    x = keras.Input((4,))
    h = layers.Dense(4, name="features")(x)
    model_ = keras.Model(x, layers.Dense(1, name="head")(operation(h)))
    model_.compile(**{"loss": "mse", **compiled})
    return model_


@pytest.mark.parametrize(
    "operation",
    [
        ops.round,
        ops.sign,
        ops.floor,
        ops.stop_gradient,
        lambda h: ops.one_hot(ops.argmax(h, axis=-1), 4),
        lambda h: ops.cast(ops.cast(h, "int32"), "float32"),
        lambda h: ops.cast(h > 0.0, "float32"),
        lambda h: layers.Flatten()(layers.Embedding(4, 2)(ops.argmax(h, axis=-1, keepdims=True))),
    ],
    ids=["round", "sign", "floor", "stop_gradient", "argmax", "integer cast", "comparison", "embedding"],
)
def test_cuts(operation, tmp_path):
    (finding,) = both(NonDifferentiableCut(), cut_by(operation), tmp_path)
    assert finding[1] == "warning"
    assert "one layer before it with 20 trainable parameters" in finding[2]


@pytest.mark.parametrize(
    "operation",
    [
        lambda h: h + ops.stop_gradient(ops.round(h) - h),
        lambda h: ops.where(h > 0.0, h, 0.0),
        lambda h: ops.top_k(h, 2)[0],
        lambda h: h,
    ],
    ids=["straight-through", "where", "top_k values", "nothing"],
)
def test_paths_around_the_cut(operation, tmp_path):
    assert both(NonDifferentiableCut(), cut_by(operation), tmp_path) == []


def test_serving_heads_frozen_layers_and_models_without_loss(tmp_path):
    x = keras.Input((4,))
    h = layers.Dense(4)(x)
    serving = keras.Model(x, [h, ops.argmax(h)])
    serving.compile(loss=["mse", None])
    assert both(NonDifferentiableCut(), serving, tmp_path) == []
    frozen = cut_by(ops.round)
    frozen.get_layer("features").trainable = False
    assert both(NonDifferentiableCut(), frozen, tmp_path) == []
    assert both(NonDifferentiableCut(), cut_by(ops.round, loss=None), tmp_path) == []
    added = cut_by(lambda h: ops.round(Penalty()(h)))
    assert both(NonDifferentiableCut(), added, tmp_path) == []


def test_two_cuts_are_two_findings(tmp_path):
    x = keras.Input((4,))
    a, b = layers.Dense(4, name="a")(x), layers.Dense(4, name="b")(x)
    compiled = keras.Model(x, layers.Dense(1)(layers.Add()([ops.round(a), ops.sign(b)])))
    compiled.compile(loss="mse")
    found_cuts = both(NonDifferentiableCut(), compiled, tmp_path)
    assert [finding[2].partition(" ")[0] for finding in found_cuts] == ["Round", "Sign"]


# -- D006 constant-output ---------------------------------------------------------------------------------------


def test_an_output_that_takes_only_a_shape(tmp_path):
    x = keras.Input((4,))
    (finding,) = both(ConstantOutput(), keras.Model(x, [layers.Dense(1)(x), ops.zeros_like(x)]), tmp_path)
    assert finding[0].startswith("zeros_like") and finding[1] == "error"


def test_an_output_without_any_input():
    calls = [input_call("x"), call(layer("dense", size=4), 0), call(layer("alone", size=4))]
    (finding,) = found(ConstantOutput(), expand(definition(model("m", calls, [0], [1, 2]))))
    assert finding[0] == "alone#0"


def test_opaque_models_and_inputs_as_outputs_are_silent(tmp_path):
    x = keras.Input((4,))
    assert both(ConstantOutput(), keras.Model(x, [x, layers.Dense(1)(x)]), tmp_path) == []
    root = layer("sub", "MyModel", is_model=True, opaque=True)
    assert found(ConstantOutput(), expand(definition(root))) == []


@pytest.mark.parametrize(("width", "axis", "fires"), [(1, -1, True), (3, -1, False), (1, [1, 2], False)])
def test_normalisation_of_one_number(width, axis, fires, tmp_path):
    x = keras.Input((5, width))
    y = layers.LayerNormalization(axis=axis, name="norm")(layers.Dense(width, name="hidden")(x))
    model = keras.Model(x, layers.Dense(1)(layers.GlobalAveragePooling1D()(y)))
    found = both(ConstantOutput(), model, tmp_path)
    assert [message for _, _, message in found if "LayerNormalization" in message] == [one[2] for one in found]
    assert bool(found) == fires


def test_a_branch_behind_a_normalisation_of_one_number(tmp_path):
    x = keras.Input((5, 1))
    y = layers.Add()([x, layers.LayerNormalization(name="norm")(layers.Dense(1, name="hidden")(x))])
    model = keras.Model(x, layers.Dense(1)(y))
    model.compile(loss="mse")
    assert [address for address, _, _ in both(NonDifferentiableCut(), model, tmp_path)] == ["norm#0"]
    assert both(ConstantOutput(), model, tmp_path) == []


# -- D007 weights-without-graph ---------------------------------------------------------------------------------


def without_group(source, target, group=None, config=None):
    """Copy a file without one group of its weights, or with a changed configuration."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "model.weights.h5" and group:
                weights = source.parent / "weights.h5"
                weights.write_bytes(data)
                with h5py.File(weights, "a") as file:
                    del file[group]
                data = weights.read_bytes()
            if name == "config.json" and config:
                data = config(data.decode()).encode()
            new.writestr(name, data)


def two_dense():
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, name="one"), layers.ReLU(), layers.Dense(2, name="two")]
    )


def test_a_layer_without_its_weights(tmp_path):
    two_dense().save(tmp_path / "good.keras")
    without_group(tmp_path / "good.keras", tmp_path / "bad.keras", "layers/dense_1/vars")
    (finding,) = in_file(WeightsWithoutGraph(), tmp_path / "bad.keras")
    assert finding[:2] == ("two", "error")
    assert "kernel, bias" in finding[2]


@pytest.mark.parametrize("flag", [True, False])
def test_a_bias_that_only_the_file_or_only_the_configuration_has(flag, tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="one", use_bias=flag), layers.Dense(2)])

    def change(config):
        entry(config, "one")["config"]["use_bias"] = not flag

    ((address, severity, message),) = in_file(WeightsWithoutGraph(), edited(model, tmp_path, change))
    assert (address, severity) == ("one", "error") and f"but the file has {1 + flag}" in message


def test_an_attention_without_one_of_its_projections(tmp_path):
    x = keras.Input((5, 4))
    keras.Model(x, layers.MultiHeadAttention(2, 3, name="attention")(x, x)).save(tmp_path / "good.keras")
    group = "layers/multi_head_attention/key_dense"
    without_group(tmp_path / "good.keras", tmp_path / "bad.keras", group)
    ((address, _, message),) = in_file(WeightsWithoutGraph(), tmp_path / "bad.keras")
    assert address == "attention" and message.endswith("expected key")


@pytest.mark.parametrize(
    "call",
    [
        lambda x: layers.MultiHeadAttention(2, 3)(x, x),
        lambda x: layers.GroupQueryAttention(2, 2, 1)(x, x),
        lambda x: layers.Bidirectional(layers.GRU(3))(x),
    ],
    ids=["MultiHeadAttention", "GroupQueryAttention", "Bidirectional"],
)
def test_layers_with_all_their_weights(call, tmp_path):
    x = keras.Input((5, 4))
    assert both(WeightsWithoutGraph(), keras.Model(x, call(x)), tmp_path) == []


def test_weights_without_their_layer(tmp_path):
    two_dense().save(tmp_path / "good.keras")
    text = '{"module": "keras.layers", "class_name": "Dense", "config": {"name": "two"'

    def drop_last(config):
        place = config.index(text)
        end = config.index('], "build_input_shape"')
        return config[: place - 2] + config[end:]

    without_group(tmp_path / "good.keras", tmp_path / "bad.keras", config=drop_last)
    (finding,) = in_file(WeightsWithoutGraph(), tmp_path / "bad.keras")
    assert finding[1] == "warning"
    assert "8 values" in finding[2]


def quantize(file):
    """Write the second layer as a wrapper of another package that keeps the weights of what it holds."""
    config = json.loads(file.attrs["model_config"])
    entry = config["config"]["layers"][-1]
    inner = {"class_name": "Dense", "config": {**entry["config"], "name": "inner"}}
    entry.update(class_name="Vendor>Quantize", config={"name": "two", "layer": inner})
    file.attrs["model_config"] = json.dumps(config)
    group = file["model_weights/two"]
    group["extra/kernel_max:0"] = np.float32(1.0)
    group.attrs["weight_names"] = [str(one) for one in group.attrs["weight_names"]] + ["extra/kernel_max:0"]


def test_weights_that_a_custom_wrapper_keeps(tmp_path):
    two_dense().save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "a") as file:
        quantize(file)
    assert in_file(WeightsWithoutGraph(), tmp_path / "model.h5") == []


def shared_across_scopes():
    shared, x = layers.Dense(4, name="shared"), keras.Input((4,))
    a, b = (keras.Sequential([keras.Input((4,)), shared], name=name) for name in "ab")
    return keras.Model(x, b(a(x)))


def compiled_and_fitted():
    built = two_dense()
    built.compile("adam", "mse", metrics=["mae"])
    built.fit(np.ones((2, 4)), np.ones((2, 2)), verbose=0)
    return built


def preprocessing():
    return keras.Sequential([keras.Input((4,)), layers.Normalization(mean=0.0, variance=1.0), layers.Dense(1)])


@pytest.mark.parametrize("build", [two_dense, shared_across_scopes, compiled_and_fitted, preprocessing])
def test_complete_files(build, tmp_path):
    build().save(tmp_path / "model.keras")
    assert in_file(WeightsWithoutGraph(), tmp_path / "model.keras") == []


def test_subclassed_bodies_are_left_alone(tmp_path):
    @keras.saving.register_keras_serializable("disconnected")
    class Sub(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.one = layers.Dense(3)

        def call(self, x):
            return self.one(x)

    sub = Sub()
    sub(np.ones((1, 4)))
    sub.save(tmp_path / "model.keras")
    assert in_file(WeightsWithoutGraph(), tmp_path / "model.keras") == []
    assert live(WeightsWithoutGraph(), sub) == []


# -- D008 uncalled-layer ----------------------------------------------------------------------------------------


def with_attribute(attribute, cls=keras.Model):
    x = keras.Input((4,))
    holder = cls(x, layers.Dense(1)(x))
    holder.spare = attribute
    if isinstance(attribute, layers.Layer) and not attribute.built:
        attribute.build((None, 4))
    return holder


def test_a_layer_that_no_call_uses(tmp_path):
    assert both(UncalledLayer(), with_attribute(layers.Dense(8)), tmp_path) == [
        ("spare", "warning", "it is never called, and it holds 40 parameters")
    ]


def test_weightless_layers_and_models_of_their_own_class(tmp_path):
    assert both(UncalledLayer(), with_attribute(layers.ReLU()), tmp_path) == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert live(UncalledLayer(), with_attribute(layers.Dense(8), OwnStep)) == []


@keras.saving.register_keras_serializable("disconnected")
class TwoOutputs(keras.Model):
    """A backbone whose constructor makes its graph, of which a file says nothing."""

    def __init__(self, **kwargs):
        x = keras.Input((4,))
        super().__init__(x, [layers.Dense(4, name="main")(x), layers.Dense(2, name="pooled")(x)], **kwargs)

    def get_config(self):
        return {"name": self.name}


def test_an_unused_output_of_a_backbone_gets_no_gradient(tmp_path):
    backbone = TwoOutputs(name="backbone")
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(1, name="head")(backbone(x)[0]))
    model.compile("adam", "mse", run_eagerly=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(12):
            model.train_on_batch(np.ones((2, 4)), np.ones((2, 1)))
    assert both(NeverReceivedGradient(), model, tmp_path) == []
