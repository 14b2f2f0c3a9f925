"""`graphlint show`: text that is the same for every save of a model."""

import subprocess
import sys
from pathlib import Path

import keras
import pytest
from click.testing import CliRunner
from keras import layers

from graphlint.cli import main
from graphlint.comparison.showing import show
from graphlint.model.expand import expand
from graphlint.sources import read
from graphlint.sources.live import read_live
from graphlint.testing.samples import SAMPLES
from tests.test_project import imported_by

ROUND_TRIPS = (
    "residual",
    "siamese",
    "recurrent_block",
    "doubly_nested",
    "dict_model",
    "mixed_precision",
    "lstm_tagger",
)


def of_file(path):
    return show(expand(read(path)))


def body(text):
    """All but the line that says who saved it."""
    return text.split("\n", 1)[1]


@pytest.mark.parametrize("name", [name for name in ROUND_TRIPS if name in SAMPLES])
def test_a_file_shows_what_memory_shows_in_every_format(name, tmp_path):
    model = SAMPLES[name]()
    live = show(expand(read_live(model)))
    for file in ("model.keras", "again.keras", "model.h5"):
        model.save(tmp_path / file)
        assert body(of_file(tmp_path / file)) == body(live)


def build(units=4):
    return keras.Sequential([keras.Input((3,)), layers.Dense(units, activation="relu"), layers.Dense(2)])


def test_numbers_that_only_count_do_not_show(tmp_path):
    first, second = build(), build()
    second.set_weights(first.get_weights())
    assert {one.name for one in first.layers}.isdisjoint(one.name for one in second.layers)
    assert show(expand(read_live(first))) == show(expand(read_live(second)))


def test_what_shows_of_a_nested_shared_frozen_model():
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(2, use_bias=False, name="code")], name="encoder")
    inner.trainable = False
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    outputs = layers.Dropout(0.5, name="drop")(layers.Subtract(name="gap")([inner(a), inner(b)]), training=True)
    model = keras.Model([a, b], outputs)
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    lines = show(expand(read_live(model)), weights=False).splitlines()
    assert lines[1:] == [
        "model: Functional",
        "",
        "signature",
        "  in a: (?, 3) float32",
        "  in b: (?, 3) float32",
        "  out drop: (?, 2) float32",
        "",
        "calls",
        "  a: InputLayer() -> (?, 3) float32",
        "  b: InputLayer() -> (?, 3) float32",
        "  encoder#0: Sequential() of a, 6 parameters, frozen",
        "    input_layer: InputLayer() -> (?, 3) float32",
        "    code: Dense(units=2, use_bias=False) -> (?, 2) float32, 6 parameters, frozen",
        "    returns code",
        "  encoder#1: Sequential() of b, shared, as encoder#0",
        "  gap: Subtract() of encoder#0, encoder#1 -> (?, 2) float32",
        "  drop: Dropout(rate=0.5, training: True) -> (?, 2) float32",
        "",
        "compiled with",
        "  loss: 'mean_squared_error'",
        "  metrics: ('mean_absolute_error',)",
        "  optimizer: Adam",
        "  optimizer.learning_rate: 0.01",
        "",
        "variables: 6 parameters, 0 trainable",
        "  encoder/code@kernel (3, 2) float32 not trainable",
    ]
    shallow = show(expand(read_live(model)), weights=False, depth=1)
    assert (
        "encoder#0: Sequential() of a, 6 parameters, frozen, 2 calls inside" in shallow and "code: Dense" not in shallow
    )


def test_a_number_that_changes_changes_one_line(tmp_path):
    model = build()
    before = show(expand(read_live(model)))
    kernel = model.layers[0].kernel
    kernel.assign(kernel + 1)
    changed = set(show(expand(read_live(model))).splitlines()) ^ set(before.splitlines())
    assert {line.split()[0] for line in changed} == {"dense@kernel"}


def test_the_command_needs_no_framework(tmp_path):
    path = tmp_path / "model.keras"
    build().save(path)
    assert not imported_by("from graphlint.cli import main; main()", "show", str(path)) & {
        "keras",
        "tensorflow",
        "h5py",
    }
    printed = CliRunner().invoke(main, ["show", str(path)]).stdout
    assert printed == of_file(path) + "\n"


def test_names_cannot_take_over_a_terminal():
    inputs = keras.Input((3,), name="a\x1b[31m")
    text = show(expand(read_live(keras.Model(inputs, layers.Dense(2, name="b\u202ec")(inputs)))))
    assert text.isascii() and "\x1b" not in text


@pytest.mark.parametrize("target", ["missing.keras", "no_such_module:model", __file__])
def test_what_cannot_be_shown_is_one_line_and_exit_2(target):
    result = CliRunner().invoke(main, ["show", target])
    assert (result.exit_code, result.stdout) == (2, "") and len(result.stderr.splitlines()) == 1


def test_the_readme_shows_what_diff_prints():
    root = Path(__file__).parents[2]
    command = "diff --no-findings tests/data/bad.keras tests/data/good.keras"
    readme = (root / "README.md").read_text(encoding="utf-8")
    printed = subprocess.run(
        [sys.executable, "-m", "graphlint", *command.split()], cwd=root, capture_output=True, text=True, check=False
    ).stdout
    assert f"    $ graphlint {command}\n\n```\n{printed}```" in readme
