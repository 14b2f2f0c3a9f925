"""Random graphs, random cuts: the invariants hold."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers, ops

from graphlint.errors import UnboundedCut
from graphlint.model.graph import Tensor
from graphlint.replay.clone import clone
from graphlint.replay.edit import edit
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.split import split
from graphlint.replay.verify import verify
from tests.replay.invariants import assert_same, batch, call, check_split

WIDTH = 4
QUICK = settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


class Draw:
    """Builds one random model, whose tensors are ``(batch, WIDTH)`` behind the first layers."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.numbers = itertools.count()
        self.shared: list[Any] = []
        self.nested: list[Any] = []

    def choose(self, options: list[Any]) -> Any:
        return self.data.draw(st.sampled_from(options))

    def name(self, kind: str) -> str:
        return f"{kind}_{next(self.numbers)}"

    def layer(self) -> Any:
        kind = self.choose(["dense", "norm", "drop", "shared", "activation"])
        if kind == "shared" and self.shared:
            return self.choose(self.shared)
        made = {
            "norm": lambda: layers.BatchNormalization(name=self.name("norm")),
            "drop": lambda: layers.Dropout(0.5, name=self.name("drop")),
            "activation": lambda: layers.Activation("tanh", name=self.name("act")),
        }.get(kind, lambda: layers.Dense(WIDTH, activation="tanh", name=self.name("dense")))()
        self.shared.append(made)
        return made

    def model(self, depth: int) -> keras.Model:
        if self.nested and self.data.draw(st.booleans()):
            return self.choose(self.nested)
        if self.data.draw(st.booleans()):
            own = [layers.Dense(WIDTH, name=self.name("inner")) for _ in range(2)]
            made = keras.Sequential([keras.Input((WIDTH,)), *own], name=self.name("sequential"))
        else:
            count = self.data.draw(st.integers(1, 2))
            inputs = [keras.Input((WIDTH,), name=self.name("inner_input")) for _ in range(count)]
            inner = Draw(self.data)
            inner.numbers = self.numbers
            # Some releases of Keras refuse an Input that nothing receives.
            first = [layers.Add(name=self.name("both"))(inputs)] if count > 1 else []
            tensors = inner.grow([*inputs, *first], self.data.draw(st.integers(1, 3)), depth - 1)
            outputs = tensors[-2:] if self.data.draw(st.booleans()) and len(tensors) > 1 else tensors[-1]
            made = keras.Model(inputs if count > 1 else inputs[0], outputs, name=self.name("nested"))
        self.nested.append(made)
        return made

    def grow(self, tensors: list[Any], steps: int, depth: int) -> list[Any]:
        for _ in range(steps):
            kind = self.choose(["layer", "layer", "skip", "split", "op", "nested"])
            first, second = self.choose(tensors[-3:]), self.choose(tensors)
            if kind == "skip":
                tensors.append(layers.Add(name=self.name("add"))([first, second]))
            elif kind == "split":
                halves = ops.split(first, 2, axis=-1)
                tensors.append(ops.concatenate([halves[1], ops.multiply(halves[0], 2.0)], axis=-1))
            elif kind == "op":
                tensors.append(ops.where(second > 0, first, first * 0.5))
            elif kind == "nested" and depth > 0:
                model = self.model(depth)
                training = {"training": False} if self.data.draw(st.booleans()) else {}
                result = model([first, second], **training) if len(model.inputs) > 1 else model(first, **training)
                tensors += result if isinstance(result, list) else [result]
            else:
                tensors.append(self.layer()(first))
        return tensors

    def whole(self) -> keras.Model:
        tokens = keras.Input((5,), dtype="int32", name="tokens")
        numbers = keras.Input((WIDTH,), name="numbers")
        embedded = layers.Embedding(6, WIDTH, mask_zero=self.data.draw(st.booleans()), name="embedding")(tokens)
        if self.data.draw(st.booleans()):
            embedded = layers.Dropout(0.5, name="drop_words")(embedded)
        if self.data.draw(st.booleans()):
            embedded = layers.GRU(WIDTH, return_sequences=True, name="gru")(embedded)
        summary = self.choose([layers.LSTM(WIDTH, name="lstm"), layers.GlobalAveragePooling1D(name="pool")])(embedded)
        both = layers.Add(name="both")([numbers, summary])
        tensors = self.grow([numbers, summary, both], self.data.draw(st.integers(3, 8)), 2)
        if tensors[-1] is not summary:
            tensors.append(layers.Add(name="last")([tensors[-1], summary]))
        outputs = tensors[-2:] if self.data.draw(st.booleans()) else tensors[-1]
        return keras.Model([tokens, numbers], outputs)


def shake(model: keras.Model) -> None:
    """Values that show a wrong wiring."""
    random = np.random.default_rng(5)
    for variable in model.weights:
        variable.assign(np.asarray(variable) + random.uniform(0.1, 0.5, variable.shape))


def models(data: st.DataObject) -> keras.Model:
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(3)
    model = Draw(data).whole()
    shake(model)
    return model


@QUICK
@given(st.data())
def test_cuts(data: st.DataObject) -> None:
    model = models(data)
    live = LiveGraph(model)
    live_calls = [one for one in live.graph.calls if one in live.graph.live_nodes and not one.startswith("not_equal")]
    for _ in range(4):
        chosen = data.draw(st.lists(st.sampled_from(live_calls), min_size=1, max_size=3, unique=True))
        at = [live.graph.address(Tensor(one, 0)) for one in chosen]
        try:
            with tempfile.TemporaryDirectory() as folder:
                check_split(model, at, complete=True, path=Path(folder) if data.draw(st.booleans()) else None)
        except UnboundedCut as error:
            assert "no output is reached" in str(error)
        try:
            split(model, at)
        except UnboundedCut as error:
            assert error.side_tensors or "no output is reached" in str(error)


@QUICK
@given(st.data())
def test_copies(data: st.DataObject) -> None:
    model = models(data)
    copy = clone(model)
    found = verify(model, copy)
    assert found and found.exact, str(found)
    assert copy.count_params() == model.count_params()
    undone = clone(model, sharing="undo")
    inputs = batch(model)
    assert_same(call(undone, inputs), call(model, inputs))


@QUICK
@given(st.data())
def test_edits_that_change_nothing(data: st.DataObject) -> None:
    model = models(data)
    live = LiveGraph(model)
    calls = [one for one in live.graph.calls if one in live.graph.live_nodes and not one.startswith("not_equal")]
    editing = edit(model)
    for one in data.draw(st.lists(st.sampled_from(calls), min_size=1, max_size=3, unique=True)):
        editing.insert_after(f"{live.graph.address(one)}:0", layers.Identity())
    changed = editing.build()
    assert verify(model, changed).exact
    again = LiveGraph(changed).graph
    for old, new in editing.addresses.items():
        if "#" in old:
            assert new in {again.address(unit) for unit in (*again.calls, *again.scopes)}, (old, new)
