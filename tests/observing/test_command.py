"""``graphlint check MODULE:ATTRIBUTE --data MODULE:ATTRIBUTE``."""

import json
import sys

import pytest
from click.testing import CliRunner

from graphlint.cli import main

MODULE = """
import keras
import numpy as np

def build():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model

def batch():
    return np.random.rand(12, 4), np.arange(12) % 3 + 1

good = np.random.rand(12, 4), np.arange(12) % 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "batch_module.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    yield "batch_module"
    sys.modules.pop("batch_module", None)


def test_data_that_a_function_returns_and_data_as_it_is(module):
    run = CliRunner().invoke(main, ["check", f"{module}:build", "--data", f"{module}:batch", "--format", "json"])
    assert [one["code"] for one in json.loads(run.stdout)["findings"]] == ["B003"] and run.exit_code == 1
    run = CliRunner().invoke(main, ["check", f"{module}:build", "--data", f"{module}:good"])
    assert run.exit_code == 0, run.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["model.keras", "--data", "batch_module:batch"], "nothing of a file is run"),
        (["batch_module:build", "--data", "batch_module:none"], "no attribute 'none'"),
        (["batch_module:build", "--data", "batch.py"], "expected package.module:attribute"),
    ],
)
def test_what_cannot_be_run_is_refused(module, tmp_path, arguments, said):
    (tmp_path / "model.keras").write_bytes(b"")
    run = CliRunner().invoke(main, ["check", *arguments])
    assert run.exit_code == 2 and said in run.output
