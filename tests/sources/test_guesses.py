"""Classes of layers that only their stored variables show: most guesses are right, and none is held against a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import graphlint
from graphlint.knowledge import keras_internals
from graphlint.model.definition import LayerDefinition, VariableDefinition
from graphlint.model.expand import expand
from graphlint.reports import render
from graphlint.sources import read
from graphlint.sources.guesses import guess


def stored(name: str, *shapes: tuple[int, ...], **children: LayerDefinition) -> LayerDefinition:
    variables = [
        VariableDefinition(str(index), index, shape, dtype="float32", trainable=True)
        for index, shape in enumerate(shapes)
    ]
    return LayerDefinition(name, None, variables=variables, children=children)


@pytest.mark.parametrize(
    ("path", "layer", "expected"),
    [
        ("blocks/dense_3", stored("dense_17", (4, 8), (8,)), "Dense"),
        ("project", stored("project", (4, 8), (8,)), "Dense"),
        ("table", stored("token_table", (500, 8)), "Embedding"),
        ("project", stored("project", (4, 8)), "Dense"),
        ("norm", stored("my_norm", (8,), (8,)), "LayerNormalization"),
        ("scale", stored("scale", (8,), (8,)), None),
        ("bn", stored("bn", (8,), (8,), (8,), (8,)), "BatchNormalization"),
        ("c", stored("c", (3, 3, 4, 8), (8,)), "Conv2D"),
        ("c", stored("c", (3, 3, 8, 4), (8,)), "Conv2DTranspose"),
        ("up", stored("up", (5, 4, 8), (8,)), "Conv1D"),
        ("query", stored("query", (8, 2, 4), (2, 4)), "EinsumDense"),
        ("back", stored("back", cell=stored("cell", (4, 32), (8, 32), (32,))), "LSTM"),
        ("back", stored("back", cell=stored("cell", (4, 24), (8, 24), (2, 24))), "GRU"),
        ("mine", stored("mine", (2, 3, 4, 5, 6, 7)), None),
        ("dense", stored("dense", (3,)), None),
        ("block", stored("block", inner=stored("inner", (4, 8), (8,))), None),
        ("drop", stored("dropout_3", seed_generator=stored("seed_generator", (2,))), "Dropout"),
    ],
)
def test_a_guess(path: str, layer: LayerDefinition, expected: str | None) -> None:
    assert guess(path, layer) == expected


@keras.saving.register_keras_serializable("guesses")
class Mixed(keras.Model):
    """Holds layers of many classes, some in lists and below custom layers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.table = layers.Embedding(40, 8)
        self.first = Branch()
        self.blocks = [Branch(), Branch()]
        self.recurrent = layers.Bidirectional(layers.GRU(4, return_sequences=True))
        self.memory = layers.LSTM(4)
        self.head = keras.Sequential([layers.Dense(4, activation="relu"), layers.BatchNormalization(), layers.Dense(2)])

    def call(self, x: Any) -> Any:
        x = self.first(self.table(x))
        for block in self.blocks:
            x = block(x)
        return self.head(self.memory(self.recurrent(x)))


@keras.saving.register_keras_serializable("guesses")
class Branch(layers.Layer):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.attend = layers.MultiHeadAttention(2, 4)
        self.norm_1, self.norm_2 = layers.LayerNormalization(), layers.LayerNormalization()
        self.wide, self.narrow = layers.Dense(16, use_bias=False), layers.Dense(8)
        self.conv = layers.Conv1D(8, 3, padding="same")

    def call(self, x: Any) -> Any:
        x = self.norm_1(x + self.attend(x, x))
        return self.norm_2(x + self.narrow(self.wide(self.conv(x))))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Path]:
    model = Mixed(name="mixed")
    model(np.zeros((2, 5), "int32"))
    path = tmp_path_factory.mktemp("guesses") / "mixed.keras"
    model.save(path)
    return model, path


def test_most_guesses_are_right(saved: tuple[keras.Model, Path]) -> None:
    model, path = saved
    truth: dict[str, str] = {}
    waiting: list[tuple[str, Any]] = [("", model)]
    while waiting:
        prefix, layer = waiting.pop()
        for inner, one in keras_internals.sublayers(layer):
            truth.setdefault(prefix + inner, type(one).__name__)
            waiting.append((f"{prefix}{inner}/", one))
    graph = expand(read(path))
    guessed = {one.path: one.guessed_class for one in graph.layers.values() if one.class_name is None}
    known = {path: truth[path] for path in guessed if path in truth}
    right = [path for path, name in known.items() if guessed[path] == name]
    wrong = [path for path, name in known.items() if guessed[path] not in (None, name)]
    assert len(known) >= 20
    assert len(right) >= 0.9 * sum(name not in ("Branch",) for name in known.values()), wrong
    assert all(guessed[path] is None for path, name in known.items() if name == "Branch")


def test_a_guess_is_said_to_be_one(saved: tuple[keras.Model, Path]) -> None:
    _, path = saved
    report = graphlint.check(path, select="K008")
    (finding,) = report.findings
    assert "by their stored names and shapes" in finding.message and "LayerNormalization" in finding.message
    document = json.loads(render(report, "json"))
    assert document["models"][0]["guessed_classes"]["blocks/branch/attend"] == "MultiHeadAttention"


def test_a_file_is_checked_as_a_model_in_memory_with_the_classes_of_the_user(
    saved: tuple[keras.Model, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from graphlint.cli import main

    _, path = saved
    ask = ["check", str(path), "--isolated", "--format", "json", "--fail-on", "never"]
    closed = json.loads(CliRunner().invoke(main, ask).stdout)["models"][0]
    assert closed["opaque"] == ["."] and closed["loaded"] is None
    opened = json.loads(CliRunner().invoke(main, [*ask, "--import", "tests.sources.test_guesses"]).stdout)["models"][0]
    assert opened["opaque"] == [] and "." in opened["opened"]
    assert "tests.sources.test_guesses" in opened["loaded"] and opened["parameters"] == closed["parameters"]
    missing = json.loads(CliRunner().invoke(main, [*ask, "--import", "no_such_module"]).stdout)["models"][0]
    assert missing["loaded"].startswith("not loaded: cannot import 'no_such_module'") and missing["opaque"] == ["."]
