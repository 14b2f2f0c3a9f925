"""What values go through on the way to a call: ranks, dtypes and masks, symbolic and not."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from graphlint.errors import ShapeMismatch
from graphlint.knowledge import keras_internals
from graphlint.replay.domains import Eager, Symbolic, adjust_rank, refused, with_masks
from graphlint.replay.live_graph import LiveGraph

mask_of, set_mask = keras_internals.mask_of, keras_internals.set_mask


@pytest.mark.parametrize(
    ("given", "expected", "result"),
    [
        ((2, 4), (None, 4), (2, 4)),
        ((2, 4), (None, 5), (2, 4)),
        ((2, 4, 1), (None, 4), (2, 4)),
        ((2, 4, 2), (None, 4), (2, 4, 2)),
        ((2, 4), (None, 4, 1), (2, 4, 1)),
        ((2, 4), (None, 4, 2), (2, 4)),
        ((2, 4), (None, 4, None), (2, 4)),
        ((2, 1, 1), (None,), (2, 1, 1)),
        ((2,), (None, 1, 1), (2,)),
        ((2, 1), (None,), (2,)),
        ((2,), (None, 1), (2, 1)),
    ],
)
def test_a_last_axis_of_size_one_comes_and_goes(given: Any, expected: Any, result: Any) -> None:
    assert tuple(adjust_rank(np.zeros(given, "float32"), expected).shape) == result
    assert tuple(adjust_rank(keras.KerasTensor(given), expected).shape) == result


def test_calls_that_are_refused_are_told_in_one_line() -> None:
    error = ValueError("Exception encountered when calling A.call().\n\n\x1b[1mbad\nworse\x1b[0m\n\nArguments received")
    tensors = [keras.KerasTensor((None, 4)), 3]
    told = refused("a#0", tensors, {"mask": np.zeros((2, 3), "int32"), "training": True}, error)
    assert isinstance(told, ShapeMismatch) and str(told) == (
        "a#0 cannot be called on float32[None, 4], int32[2, 3] (ValueError: bad): give it inputs that it accepts, or "
        "change it too"
    )
    assert str(refused("a#0", [3], {}, KeyError())).startswith("a#0 cannot be called on nothing (KeyError: ): give")


def bound(domain: Any, value: Any, **options: Any) -> Any:
    return domain.bind(keras.Input(**options)._keras_history.operation, value)


def masked(value: Any, mask: Any) -> Any:
    set_mask(value, mask)
    return value


def test_arrays_for_an_input() -> None:
    domain: Any = Eager(None)  # type: ignore[arg-type]
    assert bound(domain, None, shape=(4,)) is None
    found = bound(domain, np.ones((2, 4), "float64"), shape=(4, 1))
    assert keras.backend.standardize_dtype(found.dtype) == "float32" and tuple(found.shape) == (2, 4, 1)
    assert mask_of(found) is None
    value, mask = ops.ones((2, 4)), ops.ones((2,), "bool")
    assert mask_of(bound(domain, masked(value, mask), shape=(4,), dtype="int32")) is mask
    assert mask_of(domain.attach_mask(value, None)) is None and mask_of(domain.attach_mask(value, mask)) is mask
    with pytest.raises(AssertionError):
        domain.container(None, None, None, None)


def test_symbols_for_an_input() -> None:
    domain: Any = Symbolic()
    assert bound(domain, None, shape=(4,)) is None
    plain, mask = keras.KerasTensor((None, 4)), keras.KerasTensor((None,), dtype="bool")
    assert bound(domain, plain, shape=(4,)) is plain
    cast = bound(domain, plain, shape=(4,), dtype="float16")
    assert cast.dtype == "float16" and cast.shape == (None, 4) and mask_of(cast) is None
    wide = bound(domain, masked(keras.KerasTensor((None, 4)), mask), shape=(4, 1))
    assert wide.shape == (None, 4, 1) and mask_of(wide) is mask
    given = masked(keras.KerasTensor((None, 4)), mask)
    assert bound(domain, given, shape=(4,)) is given and mask_of(given) is mask
    with pytest.raises(AssertionError):
        domain.container(None, None, None, None)


def test_a_mask_is_attached_by_a_model() -> None:
    domain = Symbolic()
    x, mask = keras.Input((3, 4), name="x"), keras.Input((3,), dtype="bool", name="m")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [domain.attach_mask(x, mask) for _ in range(3)]
    made = [keras_internals.producer(one) for one in found]
    assert [keras_internals.node_operation(one[0]).name for one in made if one is not None] == [
        "attach_mask",
        "attach_mask_1",
        "attach_mask_2",
    ]
    assert all(mask_of(one) is mask and one.shape == (None, 3, 4) for one in found)


class Joins(layers.Layer):
    def call(self, inputs: Any, mask: Any = None) -> Any:
        return inputs[0] if isinstance(inputs, list) else inputs


def test_masks_that_keras_would_take_from_tensors() -> None:
    mask = keras.KerasTensor((None, 3), dtype="bool")
    x, y = masked(keras.KerasTensor((None, 3, 4)), mask), keras.KerasTensor((None, 3, 4))
    lstm, attention = layers.LSTM(2), layers.MultiHeadAttention(1, 2)
    assert with_masks(lstm, (x,), {}) == {"mask": mask} and with_masks(lstm, (y,), {}) == {}
    assert with_masks(lstm, (x,), {"training": True}) == {"training": True, "mask": mask}
    assert with_masks(lstm, (x,), {"mask": y}) == {"mask": y}
    assert with_masks(attention, (x, y), {}) == {"query_mask": mask}
    assert with_masks(attention, (y, x), {}) == {"value_mask": mask}
    assert with_masks(Joins(), ([y, x],), {}) == {"mask": [None, mask]} and with_masks(Joins(), ([y, y],), {}) == {}
    given: dict[str, Any] = {}
    assert with_masks(lstm, (x,), given) and given == {}


class Counts(layers.Layer):
    """Counts how often its shapes are asked for."""

    asked = 0

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.supports_masking = True

    def call(self, x: Any, mask: Any = None) -> Any:
        return x

    def compute_output_spec(self, x: Any, mask: Any = None, **options: Any) -> Any:
        type(self).asked += 1
        self.saw = mask
        return keras.KerasTensor(x.shape, dtype=x.dtype)


RAGGED = pytest.mark.skipif(
    "ragged" not in inspect.signature(keras.KerasTensor).parameters, reason="this Keras has no ragged tensors"
)


@pytest.mark.parametrize(
    ("options", "given", "asks"),
    [
        ({}, {"shape": (None, 3)}, False),
        ({}, {"shape": (None, 4)}, True),
        ({}, {"shape": (2, 3)}, True),
        ({}, {"shape": (None, 3), "dtype": "float16"}, True),
        ({}, {"shape": (None, 3), "sparse": True}, True),
        pytest.param({}, {"shape": (None, 3), "ragged": True}, True, marks=RAGGED),
        ({"infer": True}, {"shape": (None, 3)}, True),
    ],
)
def test_when_shapes_are_asked_for_again(options: Any, given: Any, asks: bool) -> None:
    layer, inputs = Counts(name="counts", autocast=False), keras.Input((3,), name="x")
    before = layer(inputs)
    node = keras_internals.inbound_nodes(layer)[0]
    Counts.asked = 0
    value = keras.KerasTensor(**given)
    for recorded in (node, None):
        (found,) = Symbolic(**options).call("counts#0", layer, (value,), {}, recorded)
        assert found is not before and (found.shape, found.dtype) == (value.shape, value.dtype)
    assert Counts.asked == 1 + asks and len(keras_internals.inbound_nodes(layer)) == 3
    made = keras_internals.producer(keras_internals.node_outputs(keras_internals.inbound_nodes(layer)[1])[0])
    assert made is not None and keras_internals.node_operation(made[0]) is layer
    Counts.asked = 0
    mask = keras.KerasTensor((None,), dtype="bool")
    Symbolic(**options).call("counts#0", layer, (masked(keras.KerasTensor(**given), mask),), {}, node)
    assert Counts.asked == 1
    Symbolic(**options).call("counts#0", layer, (keras.KerasTensor(**given),), {"mask": mask}, node)
    assert Counts.asked == 2
    Symbolic(**options).call("counts#0", layer, (keras.KerasTensor(**given),), {"training": False}, node)
    assert Counts.asked == 2 + asks


def test_masks_as_arguments() -> None:
    layer, mask = Counts(name="counts"), keras.KerasTensor((None,), dtype="bool")
    value = masked(keras.KerasTensor((None, 3)), mask)
    kwargs: dict[str, Any] = {}
    Symbolic(explicit_masks=True).call("counts#0", layer, (value,), kwargs, None)
    assert kwargs == {}
    (args, passed) = keras_internals.node_arguments(keras_internals.inbound_nodes(layer)[-1])
    assert passed["mask"] is mask and args[0] is value
    (found,) = Symbolic(explicit_masks=True).call("relu#0", type(ops_relu())(), (value,), {}, None)
    assert found.shape == (None, 3)


def ops_relu() -> Any:
    return keras_internals.node_operation(keras_internals.producer(ops.relu(keras.KerasTensor((2,))))[0])  # type: ignore[index]


def test_a_call_that_fails_names_its_address() -> None:
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2, name="d")(inputs))
    domain = Eager(LiveGraph(model))
    (found,) = domain.call("d#0", model.get_layer("d"), (np.ones((1, 4), "float32"),), {}, None)
    assert tuple(found.shape) == (1, 2)
    with pytest.raises(ShapeMismatch, match=r"^d#0 cannot be called on float32\[1, 5\] \(ValueError: ") as raised:
        domain.call("d#0", model.get_layer("d"), (np.ones((1, 5), "float32"),), {}, None)
    assert "\n" not in str(raised.value)
