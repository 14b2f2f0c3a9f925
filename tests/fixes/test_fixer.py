"""`graphlint.fix` on models in memory."""

import keras
import numpy as np
import pytest
from keras import layers

import graphlint
from graphlint.engine.linter import Linter
from graphlint.engine.registry import Registry, load_registry
from graphlint.engine.rule import Rule
from graphlint.engine.selection import Selection
from graphlint.errors import FixError, GraphlintError
from graphlint.findings.edits import (
    Configure,
    Freeze,
    Prune,
    Remove,
    Replace,
    SaveAgain,
    ShareIdentity,
    Unshare,
)
from graphlint.findings.finding import Fix, Problem, Severity
from graphlint.fixes import fixer as module
from graphlint.fixes.fixer import Fixer
from graphlint.fixes.live import apply_edits
from graphlint.model.expand import expand
from graphlint.sources.live import read_live


@pytest.fixture(autouse=True)
def seed():
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(5)


def with_idle(count=3):
    x = inputs = keras.Input((4,), name="x")
    for index in range(count):
        x = layers.Dense(4, activation="relu", name=f"dense_{index}")(x)
        x = layers.Dropout(0.0, name=f"idle_{index}")(x)
    return keras.Model(inputs, layers.Dense(1, name="out")(x), name="net")


def codes(report):
    return [one.finding.code for one in report.applied]


def left(report):
    return {one.finding.code: one.reason for one in report.left}


def equal(one, other, *feeds):
    for a, b in zip(keras.tree.flatten(one(*feeds)), keras.tree.flatten(other(*feeds)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_model_stays_as_it_is_and_fixes_are_made_at_once(monkeypatch):
    model = with_idle()
    names = [layer.name for layer in model.layers]
    rounds = []
    monkeypatch.setattr(module, "_measure", lambda *args, real=module._measure: rounds.append(1) or real(*args))
    fixed, report = graphlint.fix(model)
    assert codes(report) == ["R001"] * 3
    assert len(rounds) == 1
    assert report.difference == 0
    assert [layer.name for layer in model.layers] == names
    assert [layer.name for layer in fixed.layers] == ["x", "dense_0", "dense_1", "dense_2", "out"]
    equal(model, fixed, np.ones((2, 4), "float32"))
    assert not {id(one) for one in model.weights} & {id(one) for one in fixed.weights}


def test_nothing_to_fix_gives_the_model_back():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, activation="relu"), layers.Dense(1)])
    fixed, report = graphlint.fix(model)
    assert fixed is model
    assert not report
    assert str(report) == "nothing to fix"


def test_what_is_in_code_is_left_and_says_so():
    class Code(keras.Model):
        def __init__(self):
            super().__init__(name="code")
            self.drop, self.head = layers.Dropout(0.0, name="idle"), layers.Dense(1, name="head")

        def call(self, x):
            return self.head(self.drop(x))

    model = Code()
    model(np.zeros((2, 3), "float32"))
    fixed, report = graphlint.fix(model, select="R001")
    assert fixed is model
    assert [(one.finding.location.layer, one.reason.split(":")[0]) for one in report.left] == [
        (one.location.layer, "no fix, as it is in code") for one in graphlint.check(model, select="R001").findings
    ]
    assert len(report.left) == 1


def test_select_ignore_targets_and_unknown_codes():
    model = with_idle()
    assert not graphlint.fix(model, select="D")[1]
    assert not graphlint.fix(model, ignore=["no-op-layer"])[1]
    fixed, report = graphlint.fix(model, targets=["idle_1"])
    assert codes(report) == ["R001"]
    assert len(fixed.layers) == len(model.layers) - 1
    with pytest.raises(graphlint.UnknownAddress, match="idle_1"):
        graphlint.fix(model, targets=["idle_9"])
    with pytest.raises(GraphlintError):
        graphlint.fix(model, select="Q999")
    with pytest.raises(GraphlintError):
        graphlint.fix("model")


def test_unsafe_fixes_are_named_and_left():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="softmax", name="out")])
    fixed, report = graphlint.fix(model)
    assert fixed is model
    assert left(report)["A001"] == "unsafe fix (outputs are probabilities instead of all 1): pass --unsafe"
    fixed, report = graphlint.fix(model, unsafe=True)
    assert codes(report) == ["A001"]
    assert fixed.get_layer("out").activation is keras.activations.sigmoid


def test_training_goes_on_where_it_was():
    """State of the optimizer belongs to variables, and stays with them when others go."""
    inputs = keras.Input((6,), name="x")
    x = layers.Dense(5, name="first")(inputs)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    model = keras.Model(inputs, layers.Dense(1, name="out")(x))
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse")
    random = np.random.default_rng(0)
    data = random.normal(size=(64, 6)).astype("float32"), random.normal(size=(64, 1)).astype("float32")
    model.fit(*data, epochs=2, verbose=0, shuffle=False)
    fixed, report = graphlint.fix(model, select="P003")
    assert codes(report) == ["P003"]
    assert fixed.count_params() == model.count_params() - 5
    assert int(fixed.optimizer.iterations) == int(model.optimizer.iterations)
    np.testing.assert_allclose(model.predict(data[0], verbose=0), fixed.predict(data[0], verbose=0), atol=1e-5)
    for one in (model, fixed):
        one.fit(*data, epochs=3, verbose=0, shuffle=False)
    # The bias had no part in training, so both go on alike.
    np.testing.assert_allclose(model.predict(data[0], verbose=0), fixed.predict(data[0], verbose=0), atol=1e-3)


def test_training_starts_anew_with_layers_that_do():
    inputs = keras.Input((8, 8, 3), name="x")
    x = layers.BatchNormalization(axis=1, name="norm")(layers.Conv2D(4, 3, padding="same", name="conv")(inputs))
    model = keras.Model(inputs, layers.Dense(1, name="out")(layers.Flatten(name="flat")(x)))
    model.compile("adam", "mse")
    model.fit(np.ones((4, 8, 8, 3)), np.ones((4, 1)), epochs=2, verbose=0)
    fixed, report = graphlint.fix(model, select="H011", unsafe=True)
    assert codes(report) == ["H011"] and fixed.compiled and int(fixed.optimizer.iterations) == 0
    assert report.notes == ("the optimizer state is reset",)
    assert "N003" not in {one.code for one in graphlint.check(fixed).findings}


def test_a_bias_that_has_a_part_in_training_is_left():
    inputs = keras.Input((6,))
    x = layers.Dense(5, bias_regularizer="l2")(inputs)
    regularized = keras.Model(inputs, layers.Dense(1)(layers.ReLU()(layers.BatchNormalization()(x))))
    assert not graphlint.fix(regularized, select="P003")[1]
    x = layers.Dense(5)(inputs)
    norm = layers.BatchNormalization()
    frozen = keras.Model(inputs, layers.Dense(1)(layers.ReLU()(norm(x))))
    norm.trainable = False
    assert not graphlint.fix(frozen, select="P003")[1]


def test_a_dead_branch_with_a_penalty_is_unsafe():
    inputs = keras.Input((4,))
    main = layers.Dense(4, activation="relu", name="main")(inputs)
    spare = layers.Dense(2, kernel_regularizer="l2", name="spare")(inputs)
    inner = keras.Model(inputs, [main, spare], name="inner")
    outer = keras.Input((4,))
    model = keras.Model(outer, layers.Dense(1)(inner(outer)[0]))
    fixed, report = graphlint.fix(model)
    assert not report
    assert "penalties" in left(report)["D002"]
    fixed, report = graphlint.fix(model, unsafe=True)
    assert [layer.name for layer in fixed.get_layer("inner").layers[1:]] == ["main"]


def test_a_variable_without_use_two_models_deep():
    inputs = keras.Input((4,), name="i")
    inner = keras.Model(inputs, layers.Dense(4, name="main")(inputs), name="inner")
    inner.add_weight(shape=(3,), name="idle")
    inputs = keras.Input((4,), name="m")
    middle = keras.Model(inputs, inner(inputs), name="middle")
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    model = keras.Model([x, y], layers.Add(name="add")([middle(x), middle(y)]))
    fixed, report = graphlint.fix(model, select="P004")
    assert codes(report) == ["P004"] and fixed.count_params() == 20 and model.count_params() == 23


def test_models_are_pruned_of_variables_also_beside_models_without():
    inputs = keras.Input((4,), name="i")
    held, plain = (keras.Model(inputs, layers.ReLU(name="main")(inputs), name=name) for name in ("held", "plain"))
    held.add_weight(shape=(3,), name="idle")
    model = keras.Model(inputs, plain(held(inputs)), name="net")
    pruned, _ = apply_edits(model, [Prune(layers=("plain", "held"))])
    assert pruned.count_params() == 0 and model.count_params() == 3


def test_fixes_inside_a_model_that_is_called_twice():
    features = keras.Input((4,), name="features")
    x = layers.Dropout(0.0, name="idle")(layers.Dense(3, activation="relu", name="hidden")(features))
    encoder = keras.Model(features, layers.Dense(2, name="code")(x), name="encoder")
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    model = keras.Model([a, b], layers.Subtract(name="gap")([encoder(a), encoder(b)]))
    fixed, report = graphlint.fix(model)
    assert codes(report) == ["R001"]
    assert fixed.count_params() == model.count_params()
    assert [layer.name for layer in fixed.get_layer("encoder").layers] == ["features", "hidden", "code"]
    random = np.random.default_rng(0)
    equal(model, fixed, [random.normal(size=(3, 4)).astype("float32") for _ in range(2)])


def test_fixes_of_one_layer_are_made_and_measured_one_after_another():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1, activation="softmax", name="out")(layers.Dense(8, name="d")(inputs)))
    fixed, report = graphlint.fix(model, unsafe=True)
    assert {one.finding.code: one.difference > 0.01 for one in report.applied} == {"A001": True, "A007": False}
    np.testing.assert_allclose(
        fixed(np.ones((2, 4))), keras.ops.sigmoid(model.layers[1](np.ones((2, 4))) @ model.weights[2]), atol=1e-6
    )


def test_a_fix_of_a_nested_model_and_one_inside_it_are_made_one_after_another():
    inputs = keras.Input((4,))
    main = layers.Dense(1, activation="softmax", name="main")(inputs)
    spare = layers.Dense(2, kernel_regularizer="l2", name="spare")(inputs)
    inner = keras.Model(inputs, [main, spare], name="inner")
    outer = keras.Input((4,), name="x")
    model = keras.Model(outer, layers.Identity(name="end")(inner(outer)[0]))
    fixed, report = graphlint.fix(model, select=["A001", "D002"], unsafe=True)
    assert {one.finding.code: one.difference for one in report.applied}["D002"] == 0
    assert {one.finding.code for one in report.applied if one.difference} == {"A001"}
    assert [layer.name for layer in fixed.get_layer("inner").layers[1:]] == ["main"]


def test_a_fix_inside_a_nested_model_waits_for_one_of_the_model():
    inputs = keras.Input((8, 8, 3))
    conv = layers.Conv2D(4, 3, padding="same", name="conv")(inputs)
    main = layers.BatchNormalization(axis=1, name="norm")(conv)
    spare = layers.Dense(2, kernel_regularizer="l2", name="spare")(inputs)
    inner = keras.Model(inputs, [main, spare], name="inner")
    outer = keras.Input((8, 8, 3), name="x")
    model = keras.Model(outer, layers.GlobalMaxPooling2D(name="end")(inner(outer)[0]))
    _, report = graphlint.fix(model, select=["D002", "H011"], unsafe=True)
    assert codes(report) == ["D002", "H011"]
    assert report.applied[0].difference == 0


def test_permutes_that_undo_each_other_go_together():
    inputs = keras.Input((3, 4))
    first = layers.Permute((2, 1), name="there")(inputs)
    back = layers.Permute((2, 1), name="back")(first)
    model = keras.Model(inputs, layers.Dense(2)(back))
    fixed, report = graphlint.fix(model)
    assert codes(report) == ["R001"]
    assert [type(layer).__name__ for layer in fixed.layers] == ["InputLayer", "Dense"]
    equal(model, fixed, np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32"))


def test_a_layer_that_ends_a_mask_is_left():
    inputs = keras.Input((6,), dtype="int32")
    x = layers.Embedding(10, 4, mask_zero=True)(inputs)
    with pytest.warns(UserWarning, match="does not support masking"):
        x = layers.Reshape((6, 4), name="idle")(x)
    model = keras.Model(inputs, layers.LSTM(3)(x))
    assert graphlint.fix(model, select="R001")[0] is model


def test_pooling_over_one_axis_only():
    inputs = keras.Input((1, 8, 3))
    model = keras.Model(inputs, layers.Flatten()(layers.MaxPooling2D(2, padding="same", name="pool")(inputs)))
    fixed, report = graphlint.fix(model, select="H008")
    assert codes(report) == ["H008"]
    assert fixed.get_layer("pool").pool_size == (1, 2)
    equal(model, fixed, np.random.default_rng(0).normal(size=(2, 1, 8, 3)).astype("float32"))


def test_three_linear_layers_become_one():
    model = keras.Sequential([keras.Input((8,)), layers.Dense(16), layers.Dense(12, use_bias=False), layers.Dense(9)])
    fixed, report = graphlint.fix(model, select="A007", unsafe=True)
    assert codes(report) == ["A007", "A007"]
    assert [tuple(one.shape) for one in fixed.weights] == [(8, 9), (9,)]
    batch = np.random.default_rng(0).normal(size=(4, 8)).astype("float32")
    np.testing.assert_allclose(model(batch), fixed(batch), atol=1e-5)


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (False, False)])
def test_two_linear_layers_of_which_not_all_have_a_bias(first, second):
    stack = [layers.Dense(16, use_bias=first, bias_initializer="random_normal"), layers.Dense(9, use_bias=second)]
    model = keras.Sequential([keras.Input((8,)), *stack])
    fixed, _ = graphlint.fix(model, select="A007", unsafe=True)
    assert [tuple(one.shape) for one in fixed.weights] == [(8, 9), *[(9,)] * (first or second)]
    batch = np.random.default_rng(0).normal(size=(4, 8)).astype("float32")
    np.testing.assert_allclose(model(batch), fixed(batch), atol=1e-5)


def test_several_outputs_have_their_own_losses():
    inputs = keras.Input((4,))
    a = layers.Dense(3, name="a")(inputs)
    b = layers.Dense(3, activation="softmax", name="b")(inputs)
    model = keras.Model(inputs, [a, b])
    loss = keras.losses.CategoricalCrossentropy
    model.compile(
        "sgd", {"a": loss(label_smoothing=0.1), "b": loss(from_logits=True)}, loss_weights={"a": 2.0, "b": 1.0}
    )
    fixed, report = graphlint.fix(model, unsafe=True)
    assert sorted(codes(report)) == ["A002", "A003"]
    losses = fixed.get_compile_config()["loss"]
    assert losses["a"]["config"]["from_logits"] is True
    assert losses["a"]["config"]["label_smoothing"] == 0.1
    assert losses["b"]["config"]["from_logits"] is False
    equal(model, fixed, np.ones((2, 4), "float32"))


def test_a_custom_class_survives():
    class Twice(layers.Layer):
        def call(self, x):
            return 2 * x

    inputs = keras.Input((4,))
    x = layers.Dropout(0.0)(Twice(name="twice")(inputs))
    fixed, report = graphlint.fix(keras.Model(inputs, layers.Dense(1)(x)), select="R001")
    assert report
    assert type(fixed.get_layer("twice")) is Twice


class Restless(Rule):
    """Always offers a fix that changes nothing."""

    code = "ZZZ001"
    name = "restless"
    severity = Severity.WARNING

    def check(self, graph):
        yield Problem("again", None, fix=Fix.safe("do nothing", SaveAgain()))


class Liar(Rule):
    """Calls a fix safe that is not."""

    code = "ZZZ002"
    name = "liar"
    severity = Severity.WARNING

    def check(self, graph):
        if "relu" in graph.layers:
            yield Problem("remove it", "relu", fix=Fix.safe("remove it", Remove(calls=("relu#0",))))


def only(rule, **options):
    registry = Registry([*load_registry(), rule])
    return Fixer(Linter(None, Selection((rule.code,)), registry=registry), **options)


def test_fixes_without_end_are_an_error():
    with pytest.raises(FixError, match="still found work after 50 rounds"):
        only(Restless).run(keras.Sequential([keras.Input((4,)), layers.Dense(1)]))


def test_a_safe_fix_that_changes_outputs_is_refused():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1)(layers.ReLU(name="relu")(layers.Dense(4)(inputs))))
    fixed, report = only(Liar).run(model)
    assert fixed is model
    assert "the outputs would differ by" in left(report)["ZZZ002"]


def test_one_bad_fix_does_not_stop_the_others():
    class Broken(Rule):
        """Offers one fix that works and one that does not."""

        code = "ZZZ003"
        name = "broken"
        severity = Severity.WARNING

        def check(self, graph):
            if "idle_0" in graph.layers:
                yield Problem("remove it", "idle_0", fix=Fix.safe("remove it", Remove(calls=("idle_0#0",))))
            yield Problem("remove it", "out", fix=Fix.safe("remove it", Remove(calls=("x#0",))), key="no")

    fixed, report = only(Broken).run(with_idle(1))
    assert codes(report) == ["ZZZ003"]
    assert "expected a call to remove, got the Input" in left(report)["ZZZ003"]
    assert "idle_0" not in {layer.name for layer in fixed.layers}


def test_edits_on_files_are_not_made_in_memory():
    with pytest.raises(FixError, match="run `graphlint fix` on the file"):
        apply_edits(with_idle(), [ShareIdentity(layer="dense_0", copy="dense_1")])


@pytest.mark.parametrize("state", ["compiled", "plain"])
def test_the_fixed_model_trains(state):
    model = with_idle()
    if state == "compiled":
        model.compile("adam", "mse", metrics=["mae"], jit_compile=False)
    fixed, _ = graphlint.fix(model)
    if state == "plain":
        fixed.compile("adam", "mse")
    history = fixed.fit(np.ones((8, 4)), np.ones((8, 1)), epochs=1, verbose=0).history
    assert ("mae" in history) == (state == "compiled")
    assert expand(read_live(fixed)).compile_config is not None


def test_losses_in_a_list_are_fixed_where_they_stand():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [layers.Dense(2, name="a")(inputs), layers.Dense(3, name="b")(inputs)])
    model.compile("sgd", ["mse", keras.losses.CategoricalCrossentropy()])
    fixed, report = graphlint.fix(model, select="A002", unsafe=True)
    assert codes(report) == ["A002"]
    first, second = fixed.get_compile_config()["loss"]
    assert first == "mse" and second["config"]["from_logits"] is True


class Claims(Rule):
    """Offers what it is told to as long as the last layer of a model is there."""

    code = "ZZZ004"
    name = "claims"
    severity = Severity.WARNING
    fix = Fix.safe("nothing")

    def check(self, graph):
        if "end" in graph.layers:
            yield Problem("there is an end", "end", fix=self.fix)


def claimed(fix):
    """A fix of a model whose kernel is zero, so that the outputs stay what they are."""
    x = keras.Input((4,), name="x")
    step = layers.Dense(4, name="step", kernel_initializer="zeros")
    end = layers.Identity(name="end")(step(layers.ReLU(name="relu")(step(x))))
    model = keras.Model(x, end, name="net")
    Claims.fix = fix
    fixed, report = only(Claims, unsafe=True).run(model)
    assert (fixed is model) == (not report)
    return report


RESHAPED = Replace(layer="end", class_name="Reshape", config={"name": "shaped", "target_shape": (2, 2)})
HALF = Replace(layer="end", class_name="Identity", config={"name": "half", "dtype": "float16"})


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (Freeze(layers=("step",)), "it would change step@kernel, step@bias, step"),
        (Unshare(calls=("step#1",)), "it would change the calls of step"),
        (HALF, "it would change output 0 float32"),
        (Configure(layer="step", config={"kernel_initializer": "ones"}, fresh=True), "the outputs would differ by"),
        (RESHAPED, "the outputs cannot be compared, so their equality cannot be verified"),
    ],
)
def test_what_is_called_safe_is_measured(edit, reason):
    report = claimed(Fix.safe("do it", edit))
    assert not report and left(report)["ZZZ004"].startswith(f"not fixed: {reason}")


def test_what_is_called_unsafe_is_measured_where_it_can_be():
    assert [one.difference for one in claimed(Fix.unsafe("halve it", "precision", HALF)).applied] == [0]
    assert [one.difference for one in claimed(Fix.unsafe("fold it", "the shape", RESHAPED)).applied] == [None]


def test_where_nothing_can_be_compared_only_unsafe_fixes_are_made(monkeypatch):
    def refuse(*models):
        raise ValueError("no numbers")

    monkeypatch.setattr("graphlint.replay.verify.verify", refuse)
    assert (
        left(claimed(Fix.safe("halve it", HALF)))["ZZZ004"]
        == "not fixed: the outputs cannot be compared: ValueError: no numbers"
    )
    assert [one.difference for one in claimed(Fix.unsafe("halve it", "precision", HALF)).applied] == [None]
