"""What the compilation says of each output, as configurations write it."""

from __future__ import annotations

import pytest

from graphlint.model.definition import (
    Body,
    CallDefinition,
    LayerDefinition,
    ModelDefinition,
    TensorRef,
    TensorSpec,
    VariableDefinition,
)
from graphlint.model.expand import expand
from graphlint.questions.learning_rate import compiled_rate, start_scale
from graphlint.questions.losses import (
    adds_loss,
    cut_off,
    kept_arguments,
    losses,
    losses_added,
    one_class,
    output_names,
    stock_training,
    unknown_loss_keys,
    with_loss,
    with_losses,
)
from graphlint.questions.metrics import metrics_of
from tests.model.definitions import SPEC, call, input_call, layer, model

MSE = {"class_name": "MeanSquaredError", "module": "keras.losses", "config": {"reduction": "sum"}}
CROSS = {"class_name": "BinaryCrossentropy", "module": "keras.losses", "config": {"from_logits": True}}


def compiled(outputs, class_name="Functional", **config):
    """A model of outputs ``a``, ``b``, ... in a structure of their numbers, and its compilation."""
    calls = [input_call("x"), *(call(layer(name), 0) for name in "abc")]
    layers = [one.layer for one in calls]

    def refs(structure):
        if isinstance(structure, dict):
            return {key: refs(value) for key, value in structure.items()}
        if isinstance(structure, (list, tuple)):
            return [refs(value) for value in structure]
        return TensorRef(structure, 0)

    body = Body(layers, calls, [TensorRef(0, 0)], outputs=refs(outputs))
    root = layer("net", class_name, is_model=True, body=body)
    root.module = "keras"
    return expand(ModelDefinition(root, "static", "keras", compile_config=config or None))


def told(graph):
    found = losses(graph)
    return None if found is None else [(one.name, one.loss, one.weight) for one in found]


ONE, TWO, THREE = [1], [1, 2], [1, 2, 3]
SQUARED = "mean_squared_error"


@pytest.mark.parametrize(
    ("outputs", "loss", "weights", "expected"),
    [
        (ONE, "mse", None, [("a", SQUARED, None)]),
        (ONE, MSE, 0.5, [("a", SQUARED, 0.5)]),
        (ONE, None, None, None),
        (TWO, "mse", None, [("a", SQUARED, None), ("b", SQUARED, None)]),
        (TWO, "mse", 2, [("a", SQUARED, 2), ("b", SQUARED, 2)]),
        (TWO, "mse", [1, 0.5], [("a", SQUARED, 1), ("b", SQUARED, 0.5)]),
        (TWO, "mse", [1, "half"], [("a", SQUARED, 1), ("b", SQUARED, None)]),
        (TWO, "mse", [1], [("a", SQUARED, None), ("b", SQUARED, None)]),
        (TWO, "mse", "half", [("a", SQUARED, None), ("b", SQUARED, None)]),
        (TWO, "mse", {"b": 3}, [("a", SQUARED, None), ("b", SQUARED, 3)]),
        (TWO, "mse", {"z": 3}, [("a", SQUARED, None), ("b", SQUARED, None)]),
        (TWO, ["mse", None], None, [("a", SQUARED, None), ("b", None, None)]),
        (TWO, ["mse", 3], None, None),
        (TWO, ["mse"], None, [("a", SQUARED, None), ("b", None, None)]),
        (THREE, ["mse"], None, [("a", SQUARED, None), ("b", None, None), ("c", None, None)]),
        ({"p": 1, "q": 2}, ["mse"], None, None),
        (TWO, ["mse", "mse", "mse"], None, None),
        (ONE, ["mse", None, MSE], None, [("a", SQUARED, None), ("a", SQUARED, None)]),
        (ONE, [None], None, [("a", None, None)]),
        (ONE, [], None, [("a", None, None)]),
        (TWO, {"a": "mse"}, None, [("a", SQUARED, None), ("b", None, None)]),
        (TWO, {"a": "mse", "z": "mse"}, None, None),
        (TWO, {"a": ["mse"]}, None, None),
        (TWO, {"a": 0.5}, None, None),
        (TWO, 3, None, None),
        ({"p": 2, "q": 1}, {"p": "mse"}, None, [("b", SQUARED, None), ("a", None, None)]),
        ({"p": 2, "q": 1}, {"a": "mse"}, None, [("b", None, None), ("a", SQUARED, None)]),
        ({"p": 2, "q": 1}, {"a": "mse", "p": "mse"}, None, None),
        ({"p": [2], "q": 1}, {"p": "mse"}, None, None),
        ({"p": [2], "q": 1}, {"b": "mse"}, None, [("b", SQUARED, None), ("a", None, None)]),
        ({"p": 2, "q": 1}, {"p": "mse", "q": None}, None, [("b", SQUARED, None), ("a", None, None)]),
        (TWO, {"a": "mse", "b": "mse"}, None, [("a", SQUARED, None), ("b", SQUARED, None)]),
        (TWO, "mse", {"a": "half", "b": 3}, [("a", SQUARED, None), ("b", SQUARED, 3)]),
        (TWO, "mse", {"a": [1], "b": 3}, [("a", SQUARED, None), ("b", SQUARED, None)]),
        ([1, 1], {"a": "mse"}, None, None),
        ([1, [2]], {"a": "mse"}, None, [("a", SQUARED, None), ("b", None, None)]),
    ],
)
def test_each_output_has_its_loss(outputs, loss, weights, expected):
    assert told(compiled(outputs, loss=loss, loss_weights=weights)) == expected


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("bce", ("binary_crossentropy", True, False)),
        ("mine", ("mine", False, None)),
        (CROSS, ("binary_crossentropy", True, True)),
        ({**CROSS, "config": {}}, ("binary_crossentropy", True, False)),
        ({**CROSS, "config": None}, ("binary_crossentropy", True, False)),
        ({**CROSS, "module": "mine"}, ("BinaryCrossentropy", False, None)),
        ({**CROSS, "module": "builtins"}, ("binary_crossentropy", True, True)),
        ({**CROSS, "module": None}, ("binary_crossentropy", True, True)),
        ({**CROSS, "registered_name": "x>BinaryCrossentropy"}, ("BinaryCrossentropy", False, None)),
        ({**CROSS, "registered_name": "BinaryCrossentropy"}, ("binary_crossentropy", True, True)),
        ({"class_name": "function", "module": "builtins", "config": "mse"}, (SQUARED, True, None)),
        ({"class_name": "Anything", "module": "builtins", "config": "mse"}, (SQUARED, True, None)),
        ({"class_name": "function", "config": "mse", "registered_name": "x>mse"}, ("mse", False, None)),
        ({"class_name": "LossFunctionWrapper", "config": {"fn": "mse"}}, (SQUARED, True, None)),
        ({"class_name": "LossFunctionWrapper", "config": {"fn": None}}, ("LossFunctionWrapper", False, None)),
        ({"class_name": "LossFunctionWrapper", "config": {"fn": 3}}, ("LossFunctionWrapper", False, None)),
        (
            {"class_name": "LossFunctionWrapper", "config": {"fn": {**CROSS, "module": "mine"}}},
            ("BinaryCrossentropy", False, None),
        ),
        (
            {"class_name": "LossFunctionWrapper", "module": "mine", "config": {"fn": "mse"}},
            ("mse", False, None),
        ),
        (
            {"class_name": "LossFunctionWrapper", "config": {"fn": "bce", "from_logits": True}},
            ("binary_crossentropy", True, True),
        ),
    ],
)
def test_how_a_loss_is_written(loss, expected):
    (one,) = losses(compiled(ONE, loss=loss))
    assert (one.loss, one.built_in, one.from_logits) == expected
    assert (one.traits is not None) is one.built_in


def test_models_of_other_classes_may_train_in_their_own_way():
    assert losses(compiled(ONE, class_name="Mine", loss="mse")) is None
    assert losses(compiled(ONE)) is None
    assert output_names(compiled(TWO)) == ["a", "b"]


def test_a_sequential_has_one_loss_for_one_output():
    assert told(compiled(ONE, class_name="Sequential", loss=["mse", "mae"])) == [
        ("a", SQUARED, None),
        ("a", "mean_absolute_error", None),
    ]


@pytest.mark.parametrize(
    ("outputs", "loss", "unknown"),
    [
        (TWO, {"a": "mse", "z": "mse"}, ["z"]),
        (TWO, {"a": "mse", "z": None}, []),
        (TWO, {"z": 3}, []),
        ({"p": 1, "q": 2}, {"p": "mse", "a": "mse", "z": "mse"}, ["z"]),
        (TWO, "mse", []),
        (TWO, ["mse"], []),
        (TWO, MSE, []),
        (TWO, None, []),
        ([], {"z": "mse"}, []),
        (TWO, {"p": "mse"}, ["p"]),
    ],
)
def test_keys_of_losses_that_name_no_output(outputs, loss, unknown):
    assert unknown_loss_keys(compiled(outputs)) == []
    for change in ({"traced": True}, None):
        odd = compiled(outputs, loss=loss)
        if change is None:
            odd.definition.root.body = None
        else:
            odd.definition.root.body.traced = True
        assert unknown_loss_keys(odd) == []
    assert unknown_loss_keys(compiled(outputs, loss=loss)) == unknown
    assert unknown_loss_keys(compiled(outputs, class_name="Mine", loss=loss)) == []


@pytest.mark.parametrize(
    ("outputs", "loss", "index", "place"),
    [
        (ONE, "mse", 0, None),
        (TWO, "mse", 0, "nowhere"),
        (TWO, ["mse", "mae"], 1, 1),
        (ONE, ["mse"], 0, 0),
        (TWO, ["mse"], 0, "nowhere"),
        (TWO, {"b": "mse"}, 1, "b"),
        (TWO, {"1": "mse"}, 1, "1"),
        (TWO, {"a": "mse"}, 1, "nowhere"),
        (TWO, {"b": "mse", "1": "mse"}, 1, "nowhere"),
    ],
)
def test_the_place_of_a_loss_that_changes(outputs, loss, index, place):
    graph = compiled(outputs, loss=loss)
    old = losses(compiled(outputs, loss="mse"))[index]
    edit = with_loss(graph, old, "binary_crossentropy", from_logits=True)
    assert (["nowhere"] if edit is None else list(edit.losses)) == [place]
    if edit is not None:
        (new,) = edit.losses.values()
        assert (new["class_name"], new["config"]) == ("BinaryCrossentropy", {"from_logits": True})
    assert with_loss(compiled(outputs), old, "binary_crossentropy") is None
    assert with_loss(compiled(TWO, loss=3), old, "binary_crossentropy") is None
    assert with_loss(compiled(TWO, loss={"class_name": 3, "config": 4}), old, "binary_crossentropy") is None
    graph.definition.root.body = None
    assert with_loss(graph, old, "binary_crossentropy") is None


@pytest.mark.parametrize(
    ("outputs", "loss", "covered"),
    [
        (ONE, "mse", [0]),
        (TWO, "mse", [0, 1]),
        (TWO, ["mse", None], [0]),
        (TWO, {"b": "mse"}, [1]),
        (TWO, {"z": "mse"}, None),
        (TWO, None, None),
        (ONE, ["mse", "mae"], [0]),
        (ONE, [None, None], []),
    ],
)
def test_outputs_that_a_loss_covers(outputs, loss, covered):
    for bare in (compiled(outputs), compiled([], loss=loss)):
        assert with_losses(bare, bare.members[0], bare.outputs) is None
    graph = compiled(outputs, loss=loss)
    (member,) = graph.members
    found = with_losses(graph, member, graph.outputs)
    assert found == (None if covered is None else [graph.outputs[index] for index in covered])
    assert with_losses(graph, member, [*graph.outputs, graph.outputs[0]]) is None
    graph.definition.root.body.traced = True
    whole = graph.outputs if loss == "mse" and outputs is ONE else None
    assert with_losses(graph, member, graph.outputs) == whole
    assert (losses(graph) is not None) is (whole is not None)
    graph.definition.root.body = None
    assert with_losses(graph, member, graph.outputs) is None


@pytest.mark.parametrize(
    ("loss", "size", "alone"),
    [
        ("categorical_crossentropy", 1, True),
        ("sparse_categorical_crossentropy", 1, True),
        ("categorical_crossentropy", 2, False),
        ("binary_crossentropy", 1, False),
        ("mse", 1, False),
        ("mine", 1, False),
        ("categorical_generalized_cross_entropy", 1, False),
        ({"class_name": "CategoricalCrossentropy", "config": {"axis": 1}}, 1, False),
        ({"class_name": "CategoricalCrossentropy", "config": {"axis": -1}}, 1, True),
    ],
)
def test_one_class_to_choose_from(loss, size, alone):
    graph = compiled(ONE, loss=loss)
    graph.calls["a#0"].outputs = (TensorSpec((None, size), "float32"),)
    (found,) = losses(graph)
    assert one_class(graph, found) is alone


# -- where a loss reaches, and what adds one ----------------------------------------------------------------------


def test_what_influences_a_loss_and_receives_no_gradient():
    stop = layer("stop", "StopGradient", is_operation=True)
    calls = [input_call("x"), call(layer("a"), 0), call(stop, 1), call(layer("b"), 2), call(layer("c"), 1)]
    calls += [call(layer("dead"), 0), call(layer("constant"))]

    def told(outputs, loss, class_name="Functional"):
        root = model("net", calls, [0], outputs)
        root.class_name = class_name
        return cut_off(expand(ModelDefinition(root, "static", "keras", compile_config={"loss": loss})))

    assert told([3], "mse") == (["a#0"], {"b#0", "stop#0"})
    assert told([3, 4], ["mse", None]) == (["a#0"], {"b#0", "stop#0"})
    assert told([3, 4], "mse") == ([], {"x#0", "a#0", "stop#0", "b#0", "c#0"})
    assert told([3, 4], [None, "mse"]) == ([], {"x#0", "a#0", "c#0"})
    assert told([3, 6], "mse") == (["a#0"], {"b#0", "stop#0"})
    assert told([3], {"z": "mse"}) == ([], set())


@pytest.mark.parametrize(
    ("one", "adds"),
    [
        (layer("a", "Dense"), False),
        (layer("a", "ActivityRegularization"), True),
        (layer("a", "Mine", registered_name="x>Mine"), True),
        (layer("a", "Mine", registered_name="x>Mine", is_operation=True), False),
        (layer("a", "Relu", is_operation=True), False),
        (LayerDefinition("a", None), True),
        (layer("a", "Model", opaque=True), True),
    ],
)
def test_layers_that_add_a_loss_of_their_own(one, adds):
    graph = expand(ModelDefinition(model("net", [input_call("x"), call(one, 0)], [0], [1]), "static", "keras"))
    assert adds_loss(graph.layers["a"]) is adds
    assert losses_added(graph) == (["a#0"] if adds else [])


class Own:
    def fit(self):
        """As a class of a user has it."""


BUILT_IN = {name: lambda self: None for name in ("compile", "compute_loss", "fit", "train_step")}
KERAS = type("Model", (), {**BUILT_IN, "__module__": "keras.src.models.model"})


@pytest.mark.parametrize(
    ("cls", "stock"),
    [
        (KERAS, True),
        (type("Net", (KERAS,), {"__module__": "mine"}), True),
        (type("Net", (KERAS,), {"__module__": "mine.keras", "call": 1}), True),
        *((type("Net", (KERAS,), {"__module__": "mine.keras", name: 1}), False) for name in BUILT_IN),
        (type("Net", (Own, KERAS), {"__module__": "mine"}), False),
        (type("Net", (), {"__module__": "keras"}), False),
    ],
)
def test_classes_that_train_as_keras_does(cls, stock):
    body = Body([], [input_call("x")], [TensorRef(0, 0)], outputs=[TensorRef(0, 0)], traced=True)
    root = LayerDefinition("net", "Net", "mine", registered_name="mine>Net", is_model=True, body=body)
    assert stock_training(expand(ModelDefinition(root, "live", "live"))) is False
    root.obj = cls()
    assert stock_training(expand(ModelDefinition(root, "live", "live"))) is stock
    body.traced = False
    assert stock_training(expand(ModelDefinition(root, "live", "live"))) is False


def test_arguments_that_another_loss_takes_too():
    given = {"label_smoothing": 0.1, "reduction": "sum", "axis": -1, "from_logits": True}
    (one,) = losses(compiled(ONE, loss={**CROSS, "config": given}))
    assert kept_arguments(one) == {"label_smoothing": 0.1, "reduction": "sum"}
    assert kept_arguments(one, reduction="none", axis=1) == {"label_smoothing": 0.1, "reduction": "none", "axis": 1}


ACCURACY = {"class_name": "Accuracy", "config": {}}


@pytest.mark.parametrize(
    ("outputs", "given", "first", "second"),
    [
        (ONE, None, [], None),
        (ONE, "mae", ["mean_absolute_error"], None),
        (ONE, ["mae", [ACCURACY]], ["mean_absolute_error", "accuracy"], None),
        (ONE, [["mae", None]], ["mean_absolute_error"], None),
        (ONE, [3], None, None),
        (ONE, 3, None, None),
        (ONE, {"a": "mae"}, ["mean_absolute_error"], None),
        (ONE, {"z": "mae"}, None, None),
        (TWO, "mae", None, None),
        (TWO, {"b": ["mae"]}, [], ["mean_absolute_error"]),
        (TWO, [["mae"], None], ["mean_absolute_error"], []),
        (TWO, [["mae"], ACCURACY], ["mean_absolute_error"], ["accuracy"]),
        (TWO, ["mae"], None, None),
        (TWO, [], [], []),
        (ONE, {"class_name": "function", "config": "mae"}, ["mean_absolute_error"], None),
        (ONE, {"class_name": "Anything", "config": "mae"}, ["mean_absolute_error"], None),
    ],
)
def test_each_output_has_its_metrics(outputs, given, first, second):
    for place, other in (("metrics", "weighted_metrics"), ("weighted_metrics", "metrics")):
        graph = compiled(outputs, **{"loss": "mse", place: given})
        for index, expected in ((0, first), (1, second)):
            found = metrics_of(graph, index)
            assert (None if found is None else [one.name for one in found]) == expected
        both = compiled(
            outputs, **{"loss": "mse", place: given, other: None if first is None else [["mae"]] * len(outputs)}
        )
        found = metrics_of(both, 0)
        assert (None if found is None else sorted(one.name for one in found)) == (
            None if first is None else sorted([*first, "mean_absolute_error"])
        )
    assert metrics_of(compiled(outputs), 0) is None
    assert metrics_of(compiled(outputs, loss="mse"), -1) is None
    assert metrics_of(compiled(outputs, loss="mse", metrics=3), 0) is None
    closed = compiled(outputs, loss="mse")
    closed.definition.root.body = None
    assert metrics_of(closed, 0) is None


def test_metrics_know_their_class_where_it_is_written():
    (one, other) = metrics_of(compiled(ONE, metrics=["mae", ACCURACY]), 0)
    assert (one.class_name, other.class_name) == (None, "Accuracy")
    (odd,) = metrics_of(compiled(ONE, metrics=[{"class_name": "function", "config": {"a": 1}}]), 0)
    assert odd.class_name is None


def optimizer(name="Adam", **config):
    return {"class_name": name, "config": config}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (optimizer(learning_rate=0.1), ("Adam", 0.1, True, False)),
        (optimizer("SGD", learning_rate=1), ("SGD", 1.0, False, False)),
        (optimizer("keras>SGD", lr=0.1), ("SGD", 0.1, False, False)),
        (optimizer(lr=0.2, learning_rate=0.1), ("Adam", 0.1, True, False)),
        (optimizer(learning_rate=0.1, clipnorm=1.0), ("Adam", 0.1, True, True)),
        (optimizer(learning_rate=0.1, clipvalue=1.0), ("Adam", 0.1, True, True)),
        (optimizer(learning_rate=0.1, global_clipnorm=1.0, clipnorm=None), ("Adam", 0.1, True, True)),
        (optimizer(learning_rate={"class_name": "ExponentialDecay"}), None),
        (optimizer(learning_rate=True), None),
        (optimizer(), None),
        ({"class_name": "Adam"}, None),
        ({"class_name": 3, "config": {"lr": 0.1}}, None),
        ({**optimizer(learning_rate=0.1), "registered_name": "x>Adam"}, None),
        ({**optimizer(learning_rate=0.1), "registered_name": None}, ("Adam", 0.1, True, False)),
        (optimizer("LossScaleOptimizer", inner_optimizer=optimizer(learning_rate=0.1)), ("Adam", 0.1, True, False)),
        (optimizer("LossScaleOptimizer", inner_optimizer=3, learning_rate=0.1), None),
        ({"class_name": "LossScaleOptimizer", "config": 3}, None),
        ("adam", None),
        (None, None),
    ],
)
def test_the_learning_rate(written, expected):
    found = compiled_rate(compiled(ONE, optimizer=written))
    made = None if found is None else (found.optimizer, found.value, found.adaptive, found.clipped)
    assert made == expected
    assert compiled_rate(compiled(ONE)) is None


@pytest.mark.parametrize(("shape", "fans"), [((2, 6), (2, 6)), ((3, 3, 2, 6), (18, 54)), ((5, 1, 4), (5, 20))])
def test_the_start_of_a_kernel(shape, fans):
    made = layer("conv")
    made.variables = [VariableDefinition("kernel", 0, shape, dtype="float32", trainable=True)]
    calls = [input_call("x"), CallDefinition(made, (TensorRef(0, 0),), outputs=(SPEC,))]
    body = Body([one.layer for one in calls], calls, [TensorRef(0, 0)], outputs=[TensorRef(1, 0)])
    graph = expand(ModelDefinition(layer("net", "Functional", is_model=True, body=body), "static", "keras"))
    assert start_scale(graph.variables["conv@kernel"]) == pytest.approx((2 / sum(fans)) ** 0.5)
