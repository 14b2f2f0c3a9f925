from __future__ import annotations

from pathlib import Path

import keras
import pytest
from click.testing import CliRunner, Result
from keras import layers

from graphlint.cli import main
from tests.replay.invariants import assert_same, batch, call
from tests.replay.test_split import residual, tagger


def graphlint(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], standalone_mode=True)


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    residual().save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_split_writes_two_halves(model_file: Path, tmp_path: Path) -> None:
    result = graphlint("split", model_file, "--at", "a", "--at", "b", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "takes a, b" in result.stdout and "safe mode on" in result.stderr
    model = keras.saving.load_model(model_file)
    head, tail = (keras.saving.load_model(tmp_path / "out" / f"{name}.keras") for name in ("head", "tail"))
    assert_same(tail(head(batch(model))), model(batch(model)))
    again = graphlint("split", model_file, "--at", "a", "-o", tmp_path / "out")
    assert again.exit_code == 2 and "--force" in again.stderr
    assert graphlint("split", model_file, "--at", "a", "-o", tmp_path / "out", "--force").exit_code == 0


def test_a_cut_that_does_not_separate_writes_nothing(model_file: Path, tmp_path: Path) -> None:
    result = graphlint("split", model_file, "--at", "b", "-o", tmp_path / "out")
    assert result.exit_code == 2 and "a#0 bypasses it" in result.stderr
    assert not (tmp_path / "out").exists()
    assert graphlint("split", model_file, "--at", "b", "--complete", "-o", tmp_path / "out").exit_code == 0


def test_split_of_a_masked_model(tmp_path: Path) -> None:
    tagger().save(tmp_path / "tagger.keras")
    result = graphlint("split", tmp_path / "tagger.keras", "--at", "embedding", "-o", tmp_path)
    assert result.exit_code == 0, result.stderr
    model = keras.saving.load_model(tmp_path / "tagger.keras")
    head, tail = (keras.saving.load_model(tmp_path / f"{name}.keras") for name in ("head", "tail"))
    assert_same(call(tail, call(head, batch(model))), model(batch(model)))


def test_extract_writes_a_part(model_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "part.keras"
    result = graphlint("extract", model_file, "--inputs", "a", "--outputs", "add", "-o", out)
    assert result.exit_code == 0, result.output
    assert [layer.name for layer in keras.saving.load_model(out).layers] == ["a", "b", "add"]
    again = graphlint("extract", model_file, "--outputs", "add", "-o", out)
    assert again.exit_code == 2 and "exists" in again.stderr


@pytest.mark.parametrize("arguments", [("nothing",), ("a#7",), ("a@kernel",), ("",)])
def test_bad_addresses_are_one_line(model_file: Path, tmp_path: Path, arguments: tuple[str]) -> None:
    result = graphlint("split", model_file, "--at", *arguments, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 2 and "Traceback" not in result.stderr


def test_files_that_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "broken.keras").write_bytes(b"nothing")
    for path in (tmp_path / "broken.keras", tmp_path / "missing.keras", tmp_path):
        result = graphlint("split", path, "--at", "a", "-o", tmp_path / "out")
        assert result.exit_code == 2 and len(result.stderr.strip().splitlines()) == 2
    inputs = keras.Input((4,), name="x")
    keras.Model(inputs, layers.Lambda(lambda x: x + 1, name="code")(inputs)).save(tmp_path / "lambda.keras")
    result = graphlint("extract", tmp_path / "lambda.keras", "--outputs", "code", "-o", tmp_path / "out.keras")
    assert result.exit_code == 2 and "safe mode" in result.stderr
    result = graphlint(
        "extract", tmp_path / "x.keras", "--outputs", "x", "--import", "no_such", "-o", tmp_path / "o.keras"
    )
    assert result.exit_code == 2


def test_modules_register_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_layers_of_test.py").write_text(
        "import keras\n"
        "@keras.saving.register_keras_serializable('own_layers_of_test')\n"
        "class Twice(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return 2 * x\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import own_layers_of_test

    inputs = keras.Input((4,), name="x")
    keras.Model(inputs, layers.Dense(2, name="d")(own_layers_of_test.Twice(name="twice")(inputs))).save(
        tmp_path / "own.keras"
    )
    arguments = (
        "split",
        tmp_path / "own.keras",
        "--at",
        "twice",
        "-o",
        tmp_path / "out",
        "--import",
        "own_layers_of_test",
    )
    assert graphlint(*arguments).exit_code == 0
