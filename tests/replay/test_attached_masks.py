"""Which tensors carry a mask, and which calls after a cut read it; nothing is computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest
from keras import layers

from graphlint.model.graph import Tensor
from graphlint.replay.attached_masks import (
    attached_masks,
    carries_masks,
    changes_masks_unseen,
    mask_readers,
    masks_at_run_time,
    needs_mask,
    reads_mask_unasked,
)
from graphlint.replay.live_graph import LiveGraph
from tests.replay.invariants import node_counts
from tests.replay.test_split import Block

pytestmark = pytest.mark.filterwarnings("ignore:.*passed an input with a mask attached.*")


class Plain(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs


class Masks(Plain):
    """Code that attaches a mask of its own."""

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return keras.ops.any(keras.ops.not_equal(inputs, 0), axis=-1)


class Doubles(keras.Operation):
    """An operation of the user's own."""

    def call(self, x: Any) -> Any:
        return 2 * x

    def compute_output_spec(self, x: Any) -> Any:
        return keras.KerasTensor(x.shape, dtype=x.dtype)


def tensors(*names: str) -> list[Tensor]:
    return [Tensor(f"{name}#0", 0) for name in names]


def words(**options: Any) -> tuple[Any, Any]:
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    return tokens, layers.Embedding(9, 4, name="words", **options)(tokens)


def readers() -> keras.Model:
    """A mask goes through three layers and into a nested model; some calls read it, one has another."""
    tokens, found = words(mask_zero=True)
    keep = keras.Input((6,), dtype="bool", name="keep")
    drop = layers.Dropout(0.5, name="drop")(found)
    dense = layers.Dense(4, name="dense")(drop)
    inner = keras.Input((6, 4), name="i")
    body = keras.Model(inner, layers.LSTM(2, name="deep")(layers.ReLU(name="relu")(inner)), name="body")
    ends = [
        layers.LSTM(3, name="lstm")(dense),
        layers.GRU(3, name="gru")(found, mask=keep),
        layers.GlobalAveragePooling1D(name="pool")(drop),
        Block(name="block")(found),
        body(dense),
    ]
    return keras.Model([tokens, keep], layers.Concatenate(name="out")(ends))


def test_the_tensors_that_carry_a_mask() -> None:
    live = LiveGraph(readers())
    masks = attached_masks(live)
    inside = {"body#0/i#0", "body#0/relu#0"}
    assert {tensor.call for tensor in masks} == {"words#0", "drop#0", "dense#0", "block#0", "out#0", *inside}
    found = [masks[tensor] for tensor in tensors("words", "drop", "dense")]
    assert [(one.dtype, tuple(one.shape)) for one in found] == [("bool", (None, 6))] * 3
    assert masks_at_run_time(live, masks, set(live.graph.calls)) is masks


@pytest.mark.parametrize(
    ("name", "without", "expected"),
    [
        ("words", "", "lstm pool block body#0/deep"),
        ("drop", "", "lstm pool body#0/deep"),
        ("dense", "", "lstm body#0/deep"),
        ("tokens", "", ""),
        ("lstm", "", ""),
        ("keep", "", ""),
        ("words", "block", "lstm pool body#0/deep"),
        ("words", "drop", "block"),
        ("words", "dense", "pool block"),
        ("words", "body#0/i", "lstm pool block"),
        ("words", "body#0/relu lstm", "pool block"),
        ("dense", "lstm", "body#0/deep"),
        ("dense", "lstm body#0/i", ""),
    ],
)
def test_calls_that_read_the_mask_of_a_tensor(name: str, without: str, expected: str) -> None:
    """Each once, of those after the cut alone."""
    live = LiveGraph(readers())
    masks = attached_masks(live)
    behind = set(live.graph.calls) - {f"{one}#0" for one in without.split()}
    found = list(mask_readers(live, *tensors(name), masks, behind))
    assert sorted(found) == sorted(f"{one}#0" for one in expected.split())
    assert needs_mask(live, *tensors(name), masks, behind) == bool(expected)


def joined() -> keras.Model:
    """A mask goes two ways into one call, and does not come out of another."""
    tokens, found = words(mask_zero=True)
    drop, dense = layers.Dropout(0.5, name="drop")(found), layers.Dense(4, name="dense")(found)
    both = layers.LSTM(2, name="lstm")(layers.Concatenate(name="both")([drop, dense]))
    ends = [both, *(layers.GRU(2, name=f"{name}_gru")(one) for name, one in (("drop", drop), ("dense", dense)))]
    code = Plain(name="code")(layers.GlobalAveragePooling1D(name="pool")(found))
    return keras.Model(tokens, layers.Concatenate(name="out")([*ends, code]))


def test_each_call_is_named_once_and_those_behind_the_end_of_a_mask_not_at_all() -> None:
    live = LiveGraph(joined())
    masks = attached_masks(live)
    found = list(mask_readers(live, *tensors("words"), masks, set(live.graph.calls)))
    assert sorted(found) == [f"{one}#0" for one in ("dense_gru", "drop_gru", "lstm", "pool")]
    shared = list(mask_readers(live, *tensors("drop"), masks, set(live.graph.calls)))
    assert sorted(shared) == ["drop_gru#0", "lstm#0"]


@pytest.mark.parametrize("order", [("query", "value", "key"), ("value", "query", "key"), ("key", "value", "query")])
def test_masks_are_read_from_any_argument(order: tuple[str, ...]) -> None:
    tokens, found = words(mask_zero=True)
    x = keras.Input((6, 4), name="x")
    arguments = dict(zip(order, (found, x, x), strict=True))
    attended = layers.MultiHeadAttention(2, 2, name="attend")(arguments.pop("query"), **arguments)
    live = LiveGraph(keras.Model([tokens, x], attended))
    masks = attached_masks(live)
    assert list(mask_readers(live, *tensors("words"), masks, set(live.graph.calls))) == ["attend#0"]


def attends(query: bool) -> keras.Model:
    tokens, found = words(mask_zero=True)
    x = keras.Input((6, 4), name="x")
    both = (found, x) if query else (x, found)
    return keras.Model([tokens, x], layers.MultiHeadAttention(2, 2, name="attend")(*both))


def returns_masked() -> keras.Model:
    tokens, found = words(mask_zero=True)
    inner = keras.Model(tokens, found, name="inner")
    x = keras.Input((6,), dtype="int32", name="x")
    return keras.Model(x, layers.LSTM(2, name="lstm")(inner(x)))


def of(make: Callable[[], Any], shape: tuple[int, ...] = (6, 4)) -> Callable[[], keras.Model]:
    def made() -> keras.Model:
        x = keras.Input(shape, name="x")
        return keras.Model(x, layers.Identity(name="end")(make()(x)))

    return made


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (of(lambda: layers.Masking(name="m")), True),
        (of(lambda: layers.Embedding(9, 4, mask_zero=True, name="m"), (6,)), True),
        (of(lambda: layers.Embedding(9, 4, name="m"), (6,)), False),
        (of(lambda: layers.Dense(3, name="m")), False),
        (of(lambda: layers.LSTM(3, return_sequences=True, name="m")), False),
        (of(lambda: Plain(name="m")), False),
        (of(lambda: Masks(name="m")), True),
        (lambda: keras.Model(x := keras.Input((4,)), keras.ops.exp(x)), False),
        (lambda: keras.Model(x := keras.Input((4,)), Doubles()(x)), False),
    ],
)
def test_models_in_which_masks_are_attached(make: Callable[[], keras.Model], expected: bool) -> None:
    live = LiveGraph(make())
    assert carries_masks(live) == expected
    assert ([tensor for tensor in attached_masks(live) if tensor.call == "m#0"] != []) == expected


class Takes(Plain):
    """Has an argument that ends as those for masks do, and perhaps a layer inside."""

    def __init__(self, inside: bool = False, **options: Any) -> None:
        super().__init__(**options)
        if inside:
            self.inner = layers.ReLU(name="inner")

    def call(self, inputs: Any, padding_mask: Any = None) -> Any:  # type: ignore[override]
        return inputs


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Plain(name="m"), True),
        (lambda: Takes(name="m"), False),
        (lambda: Takes(inside=True, name="m"), True),
        (lambda: Block(name="m"), True),
        (lambda: layers.LSTM(2, name="m"), False),
        (lambda: layers.GlobalMaxPooling1D(name="m"), False),
        (lambda: layers.TimeDistributed(layers.Dense(2), name="m"), False),
        (lambda: keras.Sequential([keras.Input((6, 4)), layers.ReLU()], name="m"), False),
    ],
)
def test_calls_that_can_read_a_mask_as_an_attribute(make: Callable[[], Any], expected: bool) -> None:
    assert reads_mask_unasked(LiveGraph(of(make)()), "m#0") == expected


def test_an_operation_reads_no_attribute() -> None:
    x = keras.Input((4,), name="x")
    for made in (keras.ops.exp(x), Doubles()(x)):
        live = LiveGraph(keras.Model(x, made))
        (call,) = [one for one in live.graph.calls if one != "x#0"]
        assert not reads_mask_unasked(live, call)


@pytest.mark.parametrize(
    ("query", "behind", "expected"),
    [(True, "", {"attend#0"}), (True, "attend#0", {"words#0"}), (False, "", set()), (False, "attend#0", {"words#0"})],
)
def test_attention_takes_masks_off_what_it_receives(query: bool, behind: str, expected: set[str]) -> None:
    """Before the calls behind a cut run."""
    live = LiveGraph(attends(query))
    assert Tensor("words#0", 0) in attached_masks(live)
    assert {one.call for one in masks_at_run_time(live, attached_masks(live), {behind})} == expected


def test_masks_are_looked_for_without_a_trace() -> None:
    model = readers()
    nodes = node_counts(model)
    assert attached_masks(LiveGraph(model)) and node_counts(model) == nodes


@pytest.mark.parametrize(
    ("make", "behind", "expected"),
    [
        (readers, None, False),
        (returns_masked, None, True),
        (returns_masked, {"lstm#0"}, False),
        (returns_masked, {"inner#0/words#0"}, True),
        (returns_masked, set(), False),
        (lambda: attends(True), None, True),
        (lambda: attends(False), set(), True),
        (of(lambda: layers.Dense(3, name="m")), None, False),
    ],
)
def test_masks_that_change_unseen(make: Callable[[], keras.Model], behind: set[str] | None, expected: bool) -> None:
    live = LiveGraph(make())
    found = changes_masks_unseen(live, attached_masks(live), live.graph.calls if behind is None else behind)
    assert found == expected
