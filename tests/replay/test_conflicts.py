from __future__ import annotations

import json
import warnings
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from graphlint.errors import ReplayError, UnknownKerasError, UnreadableError
from graphlint.knowledge import keras_internals
from graphlint.replay.conflicts import Conflict, find_conflicts
from graphlint.testing.samples import SAMPLES
from tests.replay.invariants import node_counts
from tests.replay.test_split import chain, encoder, siamese


def broken() -> dict:  # type: ignore[type-arg]
    """A configuration with two conflicts, of which Keras reports the first."""
    inputs = keras.Input((8, 8, 3), name="image")
    a = layers.Conv2D(4, 3, padding="same", name="a")(inputs)
    b = layers.Conv2D(4, 3, padding="same", name="b")(inputs)
    x = layers.Flatten(name="flat")(layers.Add(name="add")([a, b]))
    x = layers.Reshape((16, 16), name="grid")(x)
    x = layers.LSTM(3, name="lstm")(x)
    config = json.loads(keras.Model(inputs, layers.Dense(2, name="out")(x)).to_json())
    by_name = {layer["config"]["name"]: layer["config"] for layer in config["config"]["layers"]}
    by_name["b"]["filters"] = 5
    by_name["grid"]["target_shape"] = [7, 7]
    return config


def test_every_conflict_of_a_configuration() -> None:
    config = broken()
    with pytest.raises(ValueError, match="incompatible"):
        keras.models.model_from_json(json.dumps(config))
    found = find_conflicts(config)
    assert [one.address for one in found] == ["add#0", "grid#0"]
    assert found[0].received == "float32[None, 8, 8, 4], float32[None, 8, 8, 5]"
    assert found[1].expected == "49 elements" and "\n" not in str(found[1])
    assert find_conflicts(json.dumps(config)) == found


@pytest.mark.parametrize("name", ["residual_block", "transformer", "siamese", "lstm_tagger", "dictionaries", "unet"])
def test_good_models_have_none(name: str) -> None:
    model = SAMPLES[name]()
    config, nodes = model.get_config(), node_counts(model)
    assert find_conflicts(model) == []
    assert model.get_config() == config and node_counts(model) == nodes
    assert find_conflicts(json.loads(model.to_json())) == []


def test_a_live_model_whose_weights_were_swapped() -> None:
    model = chain()
    for name in ("h2", "h4"):
        layer = model.get_layer(name)
        keras_internals.replace_member(layer, layer._kernel, keras.Variable(np.ones((9, 2), "float32"), name="kernel"))
    found = find_conflicts(model)
    assert [one.address for one in found] == ["h2#0", "h4#0"]
    assert "(9, 2)" in found[0].reason and "axis -1" in found[0].expected


def test_one_conflict_inside_a_model_that_is_called_twice() -> None:
    config = json.loads(siamese().to_json())
    encoder = next(one for one in config["config"]["layers"] if one["config"]["name"] == "encoder")
    hidden = next(one for one in encoder["config"]["layers"] if one["config"]["name"] == "code")
    hidden["class_name"], hidden["registered_name"] = "Conv1D", None
    hidden["config"] = {"name": "code", "filters": 3, "kernel_size": 2}
    assert [one.address for one in find_conflicts(config)] == ["encoder#0/code#0"]


@pytest.mark.parametrize(
    ("inner", "outer", "fits"),
    [
        ((4,), (4,), True),
        ((4, 1), (4,), True),
        ((4,), (4, 1), True),
        ((4, 2), (4,), False),
        ((5,), (4,), False),
        ((None,), (4,), True),
        ((4,), (None,), True),
        ((4, 1, 1), (4,), False),
        ((4,), (4, 1, 1), False),
    ],
)
def test_a_nested_input_takes_what_keras_lets_it_take(inner, outer, fits) -> None:  # type: ignore[no-untyped-def]
    """It adds or takes off a last axis of size 1."""
    features = keras.Input(outer, name="features")
    body = keras.Model(features, layers.Activation("relu", name="relu")(features), name="body")
    inputs = keras.Input(outer, name="x")
    config = json.loads(keras.Model(inputs, body(inputs)).to_json())
    nested = next(one for one in config["config"]["layers"] if one["config"]["name"] == "body")
    nested["config"]["layers"][0]["config"]["batch_shape"] = [None, *inner]
    assert [one.address for one in find_conflicts(config)] == ([] if fits else ["body/features#0"])


def test_what_a_custom_layer_gives_to_a_nested_model_is_unknown_and_no_conflict() -> None:
    inputs = keras.Input((4,), name="x")
    odd = layers.Dense(4, name="odd")(inputs)
    config = json.loads(keras.Model(inputs, encoder()(odd)).to_json())
    layer = next(one for one in config["config"]["layers"] if one["config"]["name"] == "odd")
    layer |= {"module": None, "class_name": "Mine", "registered_name": "mine>Mine"}
    assert find_conflicts(config) == []


def test_what_is_neither() -> None:
    with pytest.raises(ReplayError, match="int"):
        find_conflicts(3)  # type: ignore[arg-type]
    with pytest.raises(UnreadableError):
        find_conflicts({"layers": []})


def test_arguments_that_are_no_tensors() -> None:
    inputs = keras.Input((6, 4), name="x")
    part = inputs[..., 1:3] + np.ones((6, 2), "float32")
    config = json.loads(keras.Model(inputs, layers.Dense(2, name="out")(part)).to_json())
    assert find_conflicts(config) == []
    by_name = {layer["config"]["name"]: layer for layer in config["config"]["layers"]}
    add = next(layer for layer in by_name.values() if layer["class_name"] == "Add")
    constant = add["inbound_nodes"][0]["args"][1]["config"]
    constant["value"] = [[1.0, 1.0, 1.0]]
    assert len(find_conflicts(config)) == 1


def test_kernels_and_ranks_that_do_not_fit() -> None:
    first = layers.Conv2D(2, 3, data_format="channels_first", name="conv")
    model = keras.Sequential([keras.Input((4, 8, 8)), first])
    assert find_conflicts(model) == []
    keras_internals.replace_member(
        first, first._kernel, keras.Variable(np.ones((3, 3, 5, 2), "float32"), name="kernel")
    )
    (found,) = find_conflicts(model)
    assert found.address == "conv#0" and "axis 1" in found.expected
    flat = keras.Sequential([keras.Input((4, 3)), layers.Identity(name="same"), layers.LSTM(2, name="lstm")])
    config = json.loads(flat.to_json())
    config["config"]["layers"][1] |= {"class_name": "Flatten", "config": {"name": "same"}}
    (found,) = find_conflicts(config)
    assert found.address == "lstm#0" and "rank 3" in found.expected


def given_to(layer: keras.Layer, built: list[int | None], given: list[int | None]) -> list[Conflict]:
    """The conflicts of a model of one layer, whose configuration says that something else comes in."""
    inputs = keras.Input(batch_shape=built, name="x")
    config = json.loads(keras.Model(inputs, layer(inputs)).to_json())
    source, called = config["config"]["layers"]
    source["config"]["batch_shape"] = called["inbound_nodes"][0]["args"][0]["config"]["shape"] = given
    return find_conflicts(config)


@pytest.mark.parametrize(
    ("make", "built", "given", "expected", "reason"),
    [
        (lambda: layers.Dense(2), [None, 4], [None], "rank 2 or more", "min_ndim=2, found ndim=1"),
        (lambda: layers.LSTM(2), [None, 3, 4], [None, 4], "rank 3", "expected ndim=3, found ndim=2"),
        (lambda: layers.Conv1D(2, 3), [None, 5, 4], [None, 4], "rank 3 or more", "min_ndim=3"),
        (lambda: layers.Conv1D(2, 3), [None, 5, 4], [None, 2, 4], "4 on axis -1", "zero or negative"),
        (lambda: layers.Reshape((2, 2)), [None, 4], [None, 5], "4 elements", "total size of the tensor must be unchan"),
        (
            lambda: layers.Reshape((1,)),
            [None, 1],
            [None, 5],
            "1 elements",
            "total size of the tensor must be unchanged",
        ),
        (
            lambda: layers.Reshape((0, 2)),
            [None, 0],
            [None, 5],
            "0 elements",
            "total size of the tensor must be unchang",
        ),
        (lambda: layers.Reshape((2, -1)), [None, 4], [None, 5], "a multiple of 2 elements", "input_shape=(5,)"),
        (lambda: layers.Cropping1D(2), [None, 6, 3], [None, 4, 3], "rank 3", "must be smaller than the input length"),
        (lambda: layers.BatchNormalization(axis=2), [None, 4, 3], [None, 4], "", "tuple index out of range"),
        (lambda: layers.TimeDistributed(layers.Dense(2)), [None, 4, 3], [None, 4], "", "at least 3 dimensions"),
    ],
)
def test_what_a_layer_expects_and_what_keras_says(  # type: ignore[no-untyped-def]
    make, built, given, expected, reason
) -> None:
    layer = make()
    (found,) = given_to(layer, built, given)
    sizes = ", ".join(map(str, given))
    assert (found.address, found.layer) == (f"{layer.name}#0", type(layer).__name__)
    assert (found.received, found.expected) == (f"float32[{sizes}]", expected)
    assert reason in found.reason and "\x1b" not in found.reason and "Arguments received" not in found.reason
    told = f"expected {expected}, " if expected else ""
    assert str(found) == f"{layer.name}#0 ({found.layer}): {told}received float32[{sizes}]: {found.reason}"
    assert given_to(make(), built, built) == []


class Refuses(layers.Layer):
    """Accepts nothing from some time on."""

    refuses = False

    def call(self, x: Any) -> Any:
        if self.refuses:
            raise ValueError("not me")
        return x


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (None, ""),
        ([], ""),
        ("odd", ""),
        (layers.InputSpec(), ""),
        (layers.InputSpec(dtype="float32"), ""),
        (layers.InputSpec(ndim=2), "rank 2"),
        (layers.InputSpec(min_ndim=2), "rank 2 or more"),
        (layers.InputSpec(ndim=3, min_ndim=2), "rank 3"),
        (layers.InputSpec(axes={-1: 4}), "4 on axis -1"),
        (layers.InputSpec(axes={-1: 4, 1: 2}), "4 on axis -1 with 2 on axis 1"),
        (layers.InputSpec(axes={-1: None}), ""),
        (layers.InputSpec(min_ndim=2, axes={-1: 4}), "4 on axis -1"),
        (layers.InputSpec(min_ndim=2, axes={-1: None}), "rank 2 or more"),
        (layers.InputSpec(ndim=3, axes={-1: 4}), "rank 3 with 4 on axis -1"),
        (layers.InputSpec(shape=(None, 3)), "[None, 3]"),
        (layers.InputSpec(shape=(None, 3), axes={-1: 3}), "[None, 3]"),
        ([layers.InputSpec(ndim=2), None, layers.InputSpec(shape=(2, 3)), layers.InputSpec(ndim=4)],
         "rank 2, [2, 3], rank 4"),
        ((layers.InputSpec(), layers.InputSpec(ndim=4)), "rank 4"),
    ],
)  # fmt: skip
def test_what_a_layer_declares(spec: object, text: str) -> None:
    layer = Refuses(name="declares")
    model = keras.Sequential([keras.Input((4,)), layer])
    layer.input_spec, layer.refuses = spec, True
    (found,) = find_conflicts(model)
    assert found.expected == text
    assert str(found).startswith("declares#0 (Refuses): " + (f"expected {text}, received" if text else "received"))


def test_a_call_goes_on_with_what_a_conflict_should_have_returned() -> None:
    """A layer of which nothing is known takes anything, and what it receives is no conflict."""
    model = chain()
    model.get_layer("h2").input_spec = layers.InputSpec(ndim=5)
    (found,) = find_conflicts(model)
    assert (found.address, found.received, found.expected) == ("h2#0", "float32[None, 4]", "rank 5")


def test_a_conflict_of_several_calls() -> None:
    """Of one call of a nested model that is called twice it is told once, unless it receives another shape."""
    model = siamese()
    dense = model.get_layer("encoder").layers[-1]
    dense.input_spec = layers.InputSpec(ndim=7)
    assert [(one.address, one.expected) for one in find_conflicts(model)] == [(f"encoder#0/{dense.name}#0", "rank 7")]
    layer = Refuses(name="both")
    inputs = keras.Input((4,), name="x")
    wide = keras.Input((5,), dtype="int32", name="y")
    whole = keras.Model([inputs, wide], [layer(inputs), layer(wide), layer(inputs)])
    assert find_conflicts(whole) == []
    layer.refuses = True
    assert [(one.address, one.received) for one in find_conflicts(whole)] == [
        ("both#0", "float32[None, 4]"),
        ("both#1", "int32[None, 5]"),
        ("both#2", "float32[None, 4]"),
    ]


@pytest.mark.parametrize(
    ("options", "kernel", "conflict"),
    [
        ({}, (3, 3, 4, 2), None),
        ({}, (3, 3, 5, 2), "kernel has shape (3, 3, 5, 2), so axis -1 must have 5"),
        ({"groups": 2}, (3, 3, 2, 2), None),
        ({"groups": 2}, (3, 3, 4, 2), "kernel has shape (3, 3, 4, 2), so axis -1 must have 8"),
        ({"data_format": "channels_first"}, (3, 3, 4, 2), None),
        ({"data_format": "channels_first"}, (3, 3, 9, 2), "kernel has shape (3, 3, 9, 2), so axis 1 must have 9"),
        ({"data_format": "channels_last"}, (3, 3, 3, 2), "so axis -1 must have 3"),
    ],
)
def test_kernels_of_another_shape(options: dict[str, Any], kernel: tuple[int, ...], conflict: str | None) -> None:
    layer = layers.Conv2D(2, 3, name="conv", **options)
    shape = (4, 8, 6) if options.get("data_format") == "channels_first" else (8, 6, 4)
    model = keras.Sequential([keras.Input(shape), layer, layers.ReLU(name="after")])
    keras_internals.replace_member(layer, layer._kernel, keras.Variable(np.ones(kernel, "float32"), name="kernel"))
    found = find_conflicts(model)
    assert [one.address for one in found] == ([] if conflict is None else ["conv#0"])
    assert all(conflict in one.reason for one in found if conflict)


def without_specs(model: keras.Model, *custom: str) -> dict[str, Any]:
    """A configuration as Keras 2 writes it, which says of no call what it returns, with classes that nobody has."""

    def tensor(leaf: Any) -> Any:
        return [*leaf["config"]["keras_history"], {}]

    def written(config: dict[str, Any]) -> dict[str, Any]:
        for layer in config["config"].get("layers", ()):
            written(layer)
            for place, node in enumerate(layer.get("inbound_nodes", ())):
                (given,) = node["args"]
                layer["inbound_nodes"][place] = [*map(tensor, given if isinstance(given, list) else [given])]
            if layer["name"] in custom:
                layer |= {"module": None, "class_name": "Mine", "registered_name": "mine>Mine"}
        return config

    return written(json.loads(model.to_json()))


def test_what_nothing_is_known_of_is_no_conflict() -> None:
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    odd = layers.Dense(4, name="odd")(x)
    both = layers.Add(name="both")([odd, y])
    model = keras.Model([x, y], [layers.Dense(2, name="out")(both), encoder()(both), encoder("other")(odd)])
    assert find_conflicts(without_specs(model, "odd")) == []
    assert find_conflicts(without_specs(model)) == []
    config = without_specs(keras.Model([x, y], layers.Reshape((4, 1), name="grid")(both)), "odd")
    next(one for one in config["config"]["layers"] if one["name"] == "grid")["config"]["target_shape"] = [3, 1]
    assert find_conflicts(config) == []


def test_what_follows_a_conflict_without_specs() -> None:
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    dense = layers.Dense(3, name="d")
    grid = layers.Reshape((1, 3), name="grid")(dense(y))
    config = without_specs(keras.Model([x, y], [layers.Add(name="both")([dense(x), dense(x)]), grid]))
    by_name = {layer["name"]: layer for layer in config["config"]["layers"]}
    by_name["x"]["config"]["batch_shape"] = [None, 5]
    by_name["grid"]["config"]["target_shape"] = [2, 2]
    found = find_conflicts(config)
    assert [(one.address.partition("#")[0], one.received, one.expected) for one in found] == [
        ("d", "float32[None, 4]", "5 on axis -1"),
        ("grid", "float32[None, 3]", "4 elements"),
    ]


def received_wider(model: keras.Model, width: int) -> list[Conflict]:
    """The conflicts of a model whose Input is wider than it was, while what calls return is told as it was."""
    config = json.loads(model.to_json())
    source, first, *_ = config["config"]["layers"]
    shape = [*source["config"]["batch_shape"][:-1], width]
    source["config"]["batch_shape"] = first["inbound_nodes"][0]["args"][0]["config"]["shape"] = shape
    return find_conflicts(config)


def test_arguments_are_those_of_the_configuration() -> None:
    inputs = keras.Input((6, 4), name="x")
    model = keras.Model(inputs, inputs[..., 1:] + np.ones((6, 3), "float32"))
    assert received_wider(model, 4) == []
    (found,) = received_wider(model, 5)
    assert found.layer == "Add" and found.received == "float32[None, 6, 4]"
    plain = keras.Model(inputs, layers.Dense(2, name="d")(inputs=inputs * 2.0))
    assert find_conflicts(plain) == find_conflicts(json.loads(plain.to_json())) == []


def test_code_in_a_configuration_does_not_run() -> None:
    inputs = keras.Input((4,), name="x")
    x = layers.Lambda(lambda x: x + 0.0, name="code")(inputs)
    model = keras.Model(inputs, layers.Add(name="sum")([x, layers.Dense(4, name="d")(x)]))
    assert received_wider(model, 5) == []
    same = keras.Model(inputs, layers.Add(name="sum")([y := layers.Identity()(inputs), layers.Dense(4, name="d")(y)]))
    assert [one.address for one in received_wider(same, 5)] == ["sum#0"]


def test_what_a_reshape_declares_comes_first() -> None:
    layer = layers.Reshape((2, 2), name="grid")
    model = keras.Sequential([keras.Input((4,)), layer])
    layer.input_spec = layers.InputSpec(ndim=9)
    assert [one.expected for one in find_conflicts(model)] == ["rank 9"]


@pytest.mark.parametrize(
    ("layer", "conflicts"),
    [(layers.Identity(name="inside"), []), (layers.Dense(4, name="inside"), [("inner/inside#0", "nothing")])],
    ids=["takes nothing", "takes a tensor"],
)
def test_what_a_nested_model_is_not_given(layer: keras.Layer, conflicts: list[tuple[str, str]]) -> None:
    a, b, x = keras.Input((4,)), keras.Input((4,)), keras.Input((4,))
    inner = keras.Model([a, b], layers.Add(name="sum")([a, layer(b)]), name="inner")
    config = json.loads(keras.Model(x, inner([x, x])).to_json())
    config["config"]["layers"][1]["inbound_nodes"][0]["args"][0][1] = None
    assert [(one.address, one.received) for one in find_conflicts(config)] == conflicts


class Warns(layers.Layer):
    """Warns when it is called."""

    def call(self, x: Any) -> Any:
        warnings.warn("careful", stacklevel=2)
        return x


def test_what_warns_is_no_conflict() -> None:
    x = keras.Input((4,), name="x")
    with pytest.warns(UserWarning, match="careful"):
        model = keras.Model(x, layers.Dense(2, name="d")(Warns(name="warns")(x)))
    assert find_conflicts(model) == []


def test_a_mask_that_a_nested_model_is_called_with() -> None:
    x, mask, a = keras.Input((5, 4)), keras.Input((5,), dtype="bool"), keras.Input((5, 4))
    nested = keras.Model(a, layers.LSTM(3, name="lstm")(a), name="nested")
    nested.supports_masking = True
    model = keras.Model([x, mask], nested(x, mask=mask))
    assert find_conflicts(model) == []
    nested.get_layer("lstm").input_spec = layers.InputSpec(ndim=7)
    assert [one.received for one in find_conflicts(model)] == ["float32[None, 5, 4]"]


def test_an_axis_of_any_size_fits_a_kernel() -> None:
    x, y, dense = keras.Input((4,), name="x"), keras.Input((None,), name="y"), layers.Dense(2, name="d")
    assert find_conflicts(keras.Model([x, y], [dense(x), dense(y)])) == []


def test_an_argument_of_an_unknown_class_is_no_conflict() -> None:
    x = keras.Input((4,), name="x")
    config = json.loads(keras.Model(x, layers.Dense(2, name="d")(x + np.ones(4, "float32"))).to_json())
    add = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Add")
    add["inbound_nodes"][0]["args"][1] = {"module": "house", "class_name": "Mine", "config": {"size": 3}}
    assert find_conflicts(config) == []


def test_what_follows_a_conflict_is_what_the_model_says_or_else_what_follows_from_the_shapes() -> None:
    conv = layers.Conv1D(2, 3, name="conv")
    after = [layers.Flatten(name="flat"), layers.Reshape((2, 3), name="grid")]
    model = keras.Sequential([keras.Input((5, 4)), conv, *after])
    conv.input_spec, conv.padding = layers.InputSpec(ndim=7), "same"
    assert [one.address for one in find_conflicts(model)] == ["conv#0"]
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    dense = layers.Dense(3, name="d")
    model = keras.Model([x, y], [dense(x), layers.Reshape((1, 3), name="grid")(dense(y))])
    config = without_specs(model)
    by_name = {layer["name"]: layer for layer in config["config"]["layers"]}
    by_name["y"]["config"]["batch_shape"] = [None, 5]
    by_name["grid"]["config"]["target_shape"] = [2, 2]
    assert [one.layer for one in find_conflicts(config)] == ["Dense", "Reshape"]


def test_a_configuration_is_not_looked_into_with_a_keras_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    config = json.loads(chain().to_json())
    monkeypatch.setattr(keras, "__version__", "3.1.0")
    keras_internals.self_test.cache_clear()
    with pytest.raises(UnknownKerasError, match=r"installed Keras 3\.1\.0"):
        find_conflicts(config)
    monkeypatch.undo()
    keras_internals.self_test.cache_clear()
    assert find_conflicts(config) == []
