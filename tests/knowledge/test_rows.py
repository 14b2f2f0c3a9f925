"""Every class of the installed Keras has a row, and does what the row says.

A new release of Keras is a red test here, which prints the line to add.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import fields

import keras
import pytest
from keras import layers

from graphlint.knowledge import rows
from graphlint.knowledge.layers import Family, LayerTraits, layer_names, layer_row
from graphlint.knowledge.losses import loss_names, loss_row
from graphlint.knowledge.operations import Batch, OperationTraits, operation_names, operation_row
from graphlint.knowledge.optimizers import optimizer_layout
from graphlint.knowledge.releases import RELEASES, class_names, has_class
from tests.knowledge.measuring import (
    RECIPES,
    UNMEASURED,
    UNMEASURED_OPERATIONS,
    equal,
    has_gradient,
    layer_classes,
    layer_sample,
    layer_words,
    operation_classes,
    operation_samples,
    operation_words,
)

LAYERS = layer_classes()
OPERATIONS = operation_classes()
JUDGED = {"rank", "states", "cell", "applies", "transposed", "depthwise", "separable", "batch_statistics"}
"""Words of layers that a run does not show as such; tests below compare them with the class."""

UNSETTLED = {
    **{key: {"linear"} for key in ("Lambda", "Pipeline", "TimeDistributed", "SpectralNormalization")},
    "EinsumDense": {"per_step"},
}
"""What one call shows and another would not: it depends on what the layer holds, or on its equation."""
UNSETTLED_OPERATIONS = {
    "HSVToRGB": {"zero_gradient"},  # TensorFlow has none; other backends have.
    "NanToNum": {"same_numbers"},
    "ScaleAndTranslate": {"zero_gradient"},
    "View": {"zero_gradient"},
}

FAMILY_OF_PACKAGE = {
    "activations": {Family.ACTIVATION},
    "attention": {Family.ATTENTION},
    "convolutional": {Family.CONVOLUTION},
    "merging": {Family.MERGE},
    "pooling": {Family.POOLING, Family.GLOBAL_POOLING},
    "regularization": {Family.DROPOUT, Family.NOISE, Family.REGULARIZATION},
    "rnn": {Family.RECURRENT, Family.CELL, Family.WRAPPER},
}


def words_of(row: LayerTraits | OperationTraits) -> set[str]:
    """The traits of a row as words."""
    found = set()
    for field in fields(row):
        value = getattr(row, field.name)
        if value is True:
            found.add(field.name)
        elif value and field.name not in ("name", "family"):
            found.add(f"{field.name}={','.join(value) if isinstance(value, tuple) else value}")
    return found


def names(cases: dict[str, type], unmeasured: dict[str, str]) -> list[str]:
    second = {*rows.aliases("layers"), *rows.aliases("operations")}
    return [name for name in sorted(cases) if name not in unmeasured and name not in second]


def test_every_layer_class_has_a_row():
    missing = []
    for name, cls in LAYERS.items():
        if layer_row(name) is None:
            line = f"{name} = {cls.__name__}" if name != cls.__name__ and layer_row(cls.__name__) else None
            words = " ".join(sorted(layer_words(layer_sample(name)))) if name in RECIPES else "(add a call to RECIPES)"
            missing.append(line or f"{name} FAMILY {words}")
    assert not missing, "add to graphlint/knowledge/rows/layers.txt:\n" + "\n".join(missing)


def test_every_operation_has_a_row():
    missing = []
    for name in OPERATIONS:
        if operation_row(name) is None:
            sample = operation_samples().get(name)
            missing.append(
                f"{name} {' '.join(sorted(operation_words(sample))) if sample else 'NO CALL OF IT IS KNOWN'}"
            )
    assert not missing, "add to graphlint/knowledge/rows/operations.txt:\n" + "\n".join(missing)


def test_every_class_of_every_release_has_a_row():
    assert not set(class_names(("layers",))) - set(layer_names()) - {"InputSpec"}
    released = {name.rpartition(".")[2] for name in class_names(("operations",))}
    assert not released - set(operation_names())


def test_rows_of_classes_that_keras_no_longer_has():
    newest = len(RELEASES) - 1
    internal = {"Functional", "Sequential", "Model", "ConvLSTMCell", "GroupedQueryAttention"}
    gone = set(layer_names()) - set(LAYERS) - internal
    assert not {name for name in gone if has_class(name, newest)}


def test_second_names_are_of_one_class():
    for name, cls in LAYERS.items():
        row = layer_row(name)
        assert row is not None
        assert row == layer_row(cls.__name__)
        assert LAYERS[row.name] is cls
    second = rows.aliases("layers")
    assert (
        {cls.__name__ for cls in LAYERS.values()} - set(LAYERS)
        == set(second) - set(LAYERS)
        == {"GroupedQueryAttention"}
    )
    assert all(LAYERS[name] is LAYERS[other] for name, other in second.items() if name in LAYERS)
    for name, other in rows.aliases("operations").items():
        assert issubclass(OPERATIONS[name], OPERATIONS[other]) or issubclass(OPERATIONS[other], OPERATIONS[name])


def test_no_class_is_measured_that_does_not_exist():
    assert not set(UNMEASURED) - set(LAYERS) - {"InputSpec"}
    assert not set(UNMEASURED_OPERATIONS) - set(OPERATIONS) - {"Function"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", names(LAYERS, UNMEASURED))
def test_a_layer_does_what_its_row_says(name):
    row = layer_row(name)
    assert row is not None
    said = {word for word in words_of(row) if word.partition("=")[0] not in JUDGED | {"weightless_without"}}
    said -= {"weightless_with=mean"}
    measured = layer_words(layer_sample(name)) - UNSETTLED.get(name, set())
    if row.weightless_without or row.weightless_with:
        measured -= {"weightless"}
    assert measured == said


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", names(OPERATIONS, UNMEASURED_OPERATIONS))
def test_an_operation_does_what_its_row_says(name):
    row = operation_row(name)
    assert row is not None
    sample = operation_samples()[name]
    measured = operation_words(sample) - UNSETTLED_OPERATIONS.get(name, set())
    said = {word for word in words_of(row) if not word.startswith("applies")}
    if not has_gradient(sample):
        said -= {"zero_gradient"}
    if row.batch is Batch.DEPENDS:
        said -= {"batch=depends"}
        measured = {word for word in measured if not word.startswith(("batch=", "axis=", "reduction"))}
    assert measured == said


def test_families_are_the_packages_of_keras():
    for name, cls in LAYERS.items():
        families = FAMILY_OF_PACKAGE.get(cls.__module__.removeprefix("keras.src.layers.").partition(".")[0])
        row = layer_row(name)
        assert row is not None
        assert families is None or row.family in families, name


@pytest.mark.parametrize(
    "name, arguments",
    [
        (name, [setting for setting in row.weightless_without if ":" not in setting])
        for name in layer_names()
        if (row := layer_row(name)) is not None and row.weightless_without
    ],
)
def test_weightless_without_its_arguments(name, arguments):
    cls = getattr(layers, name)
    off = {**dict.fromkeys(arguments, False), **({"groups": 2} if "Group" in name else {})}
    layer = cls(**off)
    tensor = keras.ops.ones((2, 4, 4))
    layer([tensor, tensor] if "Attention" in name else tensor)
    assert not layer.weights
    for argument in arguments:
        other = cls(**{**off, argument: True})
        other([tensor, tensor] if "Attention" in name else tensor)
        assert other.weights


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", names(LAYERS, UNMEASURED))
def test_what_a_class_says_of_itself_is_in_its_row(name):
    row = layer_row(name)
    assert row is not None
    layer, inputs = layer_sample(name).operation, layer_sample(name).inputs
    rank = re.search(r"([123])D", name)
    assert row.rank == (int(rank[1]) if rank else 2 if name == "CenterCrop" else None)
    if rank:
        assert len(inputs[0].shape) == int(rank[1]) + (3 if row.recurrent else 2)
    for word in ("transposed", "depthwise", "separable"):
        assert getattr(row, word) == (word.removesuffix("d").removesuffix("able") in name.lower())
    assert row.batch_statistics == hasattr(layer, "moving_mean")
    if row.states is not None:
        # A convolution over time does not tell the shapes of its states before it is called, only how many there are.
        states = layer.get_initial_state(batch_size=2) if row.family is Family.CELL else layer.cell.state_size
        assert len(keras.tree.flatten(states)) == row.states or row.cell == "ConvLSTMCell"
    if row.cell is not None:
        assert type(layer.cell).__name__ == row.cell
    if row.family is Family.LOOKUP:
        assert hasattr(layer, "get_vocabulary")


@pytest.mark.parametrize("name", ["relu", "elu", "softmax"])
def test_layers_that_are_an_activation(name):
    (found,) = [layer for layer in names(LAYERS, UNMEASURED) if layer_row(layer).applies == name]
    sample = layer_sample(found)
    assert equal(sample.outputs[0], getattr(keras.activations, name)(sample.inputs[0]), 1e-6)


@pytest.mark.parametrize("name", [name for name in operation_names() if operation_row(name).applies is not None])
def test_operations_that_are_an_activation(name):
    sample = operation_samples()[name]
    if name == "Threshold":
        assert sample.operation.get_config()["threshold"] == 1.0
        expected = keras.activations.threshold(sample.inputs[0], 1.0, 0.0)
    else:
        expected = getattr(keras.activations, operation_row(name).applies)(sample.inputs[0])
    if name not in ("Celu", "Gelu"):  # By name they approximate otherwise than an activation does without arguments.
        assert equal(sample.outputs[0], expected, 1e-5)


def test_losses_go_by_their_names():
    classes = {cls.__name__ for cls in vars(keras.losses).values() if isinstance(cls, type)} - {"Loss"}
    rows_of_losses = [loss_row(name) for name in loss_names()]
    assert {row.class_name for row in rows_of_losses if row is not None} >= classes
    for row in rows_of_losses:
        assert row is not None
        if row.class_name not in classes:
            continue
        assert row.from_logits == ("from_logits" in inspect.signature(getattr(keras.losses, row.class_name)).parameters)
        found = getattr(keras.losses, row.name)
        for name in row.also:
            known = vars(keras.losses).get(name)
            assert known is None or known is found, name
            assert loss_row(name) is row


@pytest.mark.parametrize(
    "name, arguments",
    [
        *((name, {}) for name in "Adam AdamW Nadam Lamb Adamax Adadelta Adagrad Ftrl Lion RMSprop".split()),
        ("Adam", {"amsgrad": True}),
        ("AdamW", {"amsgrad": True}),
        ("RMSprop", {"momentum": 0.5}),
        ("RMSprop", {"momentum": 0.5, "centered": True}),
        ("SGD", {"momentum": 0.5}),
    ],
)
def test_optimizers_hold_what_their_layout_says(name, arguments):
    optimizer = getattr(keras.optimizers, name)(**arguments)
    trained = [keras.Variable([1.0, 2.0]), keras.Variable([[1.0]])]
    optimizer.build(trained)
    layout = optimizer_layout(name, optimizer.get_config())
    assert layout is not None
    expected = [(slot.name, tuple(variable.shape)) for group in layout.groups for variable in trained for slot in group]
    kept = optimizer.variables[2 : len(optimizer.variables) - layout.trailing]
    assert [tuple(variable.shape) for variable in kept] == [shape for _, shape in expected]
    assert all(variable.name.endswith(slot) for variable, (slot, _) in zip(kept, expected, strict=True))
