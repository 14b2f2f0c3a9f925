"""Fixing a file: what is written is proven first, and what cannot be proven is not written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keras
import pytest
from keras import layers

from graphlint.engine.linter import Linter
from graphlint.engine.registry import Registry, load_registry
from graphlint.engine.rule import Rule
from graphlint.engine.selection import Selection
from graphlint.errors import FixError
from graphlint.findings.finding import Problem, Severity
from graphlint.fixes.files import fix_file
from graphlint.fixes.fixer import Fixer
from graphlint.model.graph import ModelGraph


class NoDropout(Rule):
    """No layer drops anything."""

    code = "ZZZ010"
    name = "no-dropout"
    severity = Severity.WARNING

    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        if not any(layer.class_name == "Dropout" for layer in graph.layers.values()):
            yield Problem("it may learn by heart")


class NoDropoutNote(NoDropout):
    """The same, as information."""

    code = "ZZZ011"
    name = "no-dropout-note"
    severity = Severity.INFO


def fixer(*rules: type[Rule], select: tuple[str, ...] = ("R001",)) -> Fixer:
    registry = Registry([*load_registry(), *rules])
    return Fixer(Linter(None, Selection((*select, *(one.code for one in rules))), registry=registry))


def idle(path: Path, *more: layers.Layer) -> Path:
    inputs = keras.Input((4,), name="x")
    x = layers.Dense(3, activation="relu", name="hidden")(inputs)
    for layer in (layers.Dropout(0.0, name="idle"), *more):
        x = layer(x)
    keras.Model(inputs, layers.Dense(2, name="out")(x)).save(path)
    return path


def test_a_fix_that_brings_in_a_new_finding_is_refused(tmp_path: Path) -> None:
    fixed = fix_file(idle(tmp_path / "model.keras"), fixer(NoDropout))
    assert [one.finding.code for one in fixed.report.applied] == ["R001"]
    with pytest.raises(FixError, match="ZZZ010"):
        fixed.save(tmp_path / "fixed.keras")


def test_a_finding_that_was_there_and_new_information_are_no_reason(tmp_path: Path) -> None:
    fix_file(idle(tmp_path / "model.keras"), fixer(NoDropoutNote)).save(tmp_path / "fixed.keras")
    assert (tmp_path / "fixed.keras").exists()
    path = idle(tmp_path / "second.keras", layers.Activation("linear", name="line"))

    class NoReLU(Rule):
        """There is no ReLU layer, before as after."""

        code = "ZZZ012"
        name = "no-relu"
        severity = Severity.WARNING

        def check(self, graph: ModelGraph) -> Iterator[Problem]:
            if not any(layer.class_name == "ReLU" for layer in graph.layers.values()):
                yield Problem("there is none")

    fix_file(path, fixer(NoReLU)).save(tmp_path / "second-fixed.keras")
    assert (tmp_path / "second-fixed.keras").exists()


@keras.saving.register_keras_serializable("fixing_files")
class Drifting(layers.Layer):
    """Reads other numbers from a file than it wrote."""

    def build(self, input_shape):  # type: ignore[no-untyped-def]
        self.offset = self.add_weight(shape=(), initializer="zeros", name="offset")

    def load_own_variables(self, store):  # type: ignore[no-untyped-def]
        self.offset.assign(store["0"] + 1.0)

    def call(self, inputs):  # type: ignore[no-untyped-def]
        return inputs + self.offset


@keras.saving.register_keras_serializable("fixing_files")
class Licensed(layers.Layer):
    """Can be loaded until a file goes away that it needs."""

    there = True

    @classmethod
    def from_config(cls, config):  # type: ignore[no-untyped-def]
        if not cls.there:
            raise OSError("the licence is gone")
        return cls(**config)

    def call(self, inputs):  # type: ignore[no-untyped-def]
        return inputs


@pytest.mark.parametrize(
    ("layer", "message"),
    [(Drifting, "the saved model differs by"), (Licensed, "the fixed model cannot be loaded again: .*licence")],
)
def test_what_cannot_be_proven_is_refused(
    layer: type[layers.Layer], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed = fix_file(idle(tmp_path / "model.keras", layer(name="odd")), fixer())
    assert fixed.report
    monkeypatch.setattr(Licensed, "there", False)
    with pytest.raises(FixError, match=message):
        fixed.save(tmp_path / "fixed.keras")


def test_a_fixed_model_as_a_configuration(tmp_path: Path) -> None:
    fixed = fix_file(idle(tmp_path / "model.keras"), fixer())
    fixed.save(tmp_path / "fixed.json")
    again = keras.models.model_from_json((tmp_path / "fixed.json").read_text())
    assert [layer.name for layer in again.layers] == ["x", "hidden", "out"]
    with pytest.raises(FixError, match=r"ending in .*got fixed\.txt"):
        fixed.save(tmp_path / "fixed.txt")
