"""The mode in which code calls its layers, where a Functional model hands on its own."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from graphlint.errors import OpaqueBody
from graphlint.knowledge import keras_internals
from graphlint.replay.functional import as_functional
from graphlint.replay.split import split
from tests.replay.invariants import assert_same

SAME, OPPOSITE, UNSAID = "same", "opposite", "unsaid"


class Calls(keras.Model):
    """Calls layers one after another, each in a mode of its own."""

    def __init__(self, *parts: tuple[layers.Layer, Any]) -> None:
        super().__init__(name="net")
        self.parts = [layer for layer, _ in parts]
        self.modes = [mode for _, mode in parts]

    def call(self, x: Any, training: bool = False) -> Any:
        for layer, mode in zip(self.parts, self.modes, strict=True):
            if mode == UNSAID:
                x = layer(x)
            else:
                x = layer(x, training=training if mode == SAME else not training if mode == OPPOSITE else mode)
        return x


class Block(layers.Layer):
    """Calls a layer in a mode of its own."""

    def __init__(self, mode: Any, name: str) -> None:
        super().__init__(name=name)
        self.mode, self.inner = mode, layers.Dropout(0.5, name="inner")

    def call(self, x: Any, training: bool = False) -> Any:
        return self.inner(x, training=training if self.mode == SAME else self.mode)


def made(*modes: Any) -> keras.Model:
    """One layer that is called several times."""
    drop = layers.Dropout(0.5, name="drop")
    model = Calls(*((drop, mode) for mode in modes))
    model(np.ones((2, 4), "float32"))
    return model


@pytest.mark.parametrize(
    ("modes", "address", "value"),
    [
        ([True], "dropout#0", True),
        ([False], "dropout#0", False),
        ([0], "dropout#0", False),
        ([OPPOSITE], "dropout#0", True),
        ([SAME, False], "dropout#1", False),
        ([False, SAME], "dropout#0", False),
        ([SAME, True, SAME], "dropout#1", True),
    ],
)
def test_a_call_that_is_always_in_one_mode(modes: list[Any], address: str, value: bool) -> None:
    with pytest.raises(OpaqueBody) as raised:
        as_functional(made(*modes))
    assert str(raised.value) == (
        f"'net' cannot be made Functional: layers/{address} is called with training={value} in inference and in "
        "training, which a Functional model overrides"
    )


@pytest.mark.parametrize("modes", [[SAME], [SAME, SAME], [UNSAID], [UNSAID, SAME]])
def test_a_call_in_the_mode_of_the_model(modes: list[Any]) -> None:
    model = made(*modes)
    found, x = as_functional(model), np.ones((64, 4), "float32")
    assert_same(found(x), model(x))
    assert np.any(np.asarray(keras.ops.convert_to_numpy(found(x, training=True))) == 0)


class Two(keras.Model):
    def __init__(self, mode: Any) -> None:
        super().__init__(name="net")
        self.first, self.second = Block(SAME, "first"), Block(mode, "second")

    def call(self, x: Any, training: bool = False) -> Any:
        return self.second(self.first(x, training=training), training=training)


@pytest.mark.parametrize("mode", [SAME, False, True])
def test_a_call_inside_a_layer(mode: Any) -> None:
    model, x = Two(mode), np.ones((2, 4), "float32")
    expected = model(x)
    if mode == SAME:
        assert_same(split(model, "second/inner")[0](x), expected)
    else:
        with pytest.raises(OpaqueBody, match=rf"layers/block_1/inner#0 is called with training={mode} "):
            split(model, "second/inner")


class Attends(keras.Model):
    def __init__(self, **given: Any) -> None:
        super().__init__(name="net")
        self.attend, self.given = layers.MultiHeadAttention(1, 2, name="attend"), given

    def call(self, x: Any, training: bool = False) -> Any:
        given = {key: training if value == SAME else value for key, value in self.given.items()}
        return self.attend(x, x, use_causal_mask=True, **given)


@pytest.mark.parametrize("given", [{"training": SAME}, {}])
def test_other_arguments_are_passed_on(given: dict[str, Any]) -> None:
    model, x = Attends(**given), np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    expected = model(x)
    found = as_functional(model)
    assert_same(found(x), expected)
    _, kwargs = keras_internals.node_arguments(keras_internals.inbound_nodes(model.attend)[-1])
    assert kwargs == {"use_causal_mask": True}


class ByMode(keras.Model):
    """Calls a layer in a mode that it names in inference alone, and another one in inference alone."""

    def __init__(self, *, extra: bool) -> None:
        super().__init__(name="net")
        self.drop, self.extra = layers.Dropout(0.5, name="drop"), layers.ReLU(name="relu") if extra else None

    def call(self, x: Any, training: bool = False) -> Any:
        x = self.drop(x) if training else self.drop(x, training=False)
        return x if training or self.extra is None else self.extra(x)


def test_a_mode_that_is_named_in_inference_alone() -> None:
    model, x = ByMode(extra=False), np.ones((64, 4), "float32")
    assert_same(model(x), x)
    found = as_functional(model)
    assert_same(found(x), x)
    assert np.any(np.asarray(keras.ops.convert_to_numpy(found(x, training=True))) == 0)


def test_a_layer_that_is_called_in_inference_alone() -> None:
    model = ByMode(extra=True)
    model(np.ones((2, 4), "float32"))
    with pytest.raises(OpaqueBody, match=r"extra#0 is only called in inference, as the code around it decides"):
        as_functional(model)
