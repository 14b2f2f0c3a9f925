"""The gate before Keras: whatever is selected, ignored or configured, and whatever happens to the file meanwhile."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import keras
import pytest
from click.testing import CliRunner
from keras import layers

from graphlint.cli import main
from graphlint.engine.linter import Linter
from graphlint.engine.selection import Selection
from graphlint.errors import FixError, Untrusted
from graphlint.fixes.files import fix_file
from graphlint.fixes.fixer import Fixer
from graphlint.replay import gate
from graphlint.replay.load import load
from tests.hostile.dangerous.cases import CASES


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "model.keras"
    x = keras.Input((4,), name="x")
    keras.Model(x, layers.Dense(2, name="out")(layers.Dropout(0.0, name="idle")(layers.Dense(3, name="a")(x)))).save(
        path
    )
    return path


@pytest.fixture
def loads(monkeypatch):
    """The files that Keras was asked to load."""
    seen = []

    def load_model(path, **options):
        seen.append((Path(path), Path(path).read_bytes()))
        raise ValueError("not in this test")

    monkeypatch.setattr(keras.models, "load_model", load_model)
    return seen


CONFIGURATIONS = (
    "",
    'ignore = ["X"]',
    'select = ["R"]',
    '[per-file-ignores]\n"**" = ["X"]',
    "[rules.X001]\nseverity='info'",
)
COMMANDS = {
    "fix": ["fix", "MODEL", "-o", "OUT"],
    "fix --select": ["fix", "MODEL", "--diff", "--select", "P003"],
    "fix --ignore": ["fix", "MODEL", "--in-place", "--ignore", "X"],
    "split": ["split", "MODEL", "--at", "x", "-o", "OUT"],
    "extract": ["extract", "MODEL", "--outputs", "x", "-o", "OUT"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_loads_a_dangerous_file(command, tmp_path, monkeypatch, loads):
    monkeypatch.chdir(tmp_path)
    chosen = {}
    for case in CASES.values():
        if not case.folder and case.codes:
            chosen.setdefault((case.kind, min(case.codes)), case)
    for number, case in enumerate(chosen.values()):
        path = case.write(tmp_path / f"{number}", tmp_path / "canary")
        Path("graphlint.toml").write_text(CONFIGURATIONS[number % len(CONFIGURATIONS)])
        before = path.read_bytes()
        out = str(tmp_path / "out.keras") if command != "split" else str(tmp_path / "out")
        arguments = [{"MODEL": str(path), "OUT": out}.get(word, word) for word in COMMANDS[command]]
        result = CliRunner().invoke(main, arguments)
        assert (result.exit_code, loads) == (2, []), case.name
        assert any(code in result.stderr for code in case.codes), (case.name, result.stderr)
        assert path.read_bytes() == before
        assert not Path(out).exists() and not (tmp_path / "canary").exists()


def test_the_functions_ask_too(tmp_path, loads):
    case = next(case for case in CASES.values() if "X004" in case.codes and not case.folder)
    path = case.write(tmp_path / "model", tmp_path / "canary")
    with pytest.raises(Untrusted, match="X004"):
        load(path)
    with pytest.raises(FixError, match="X004"):
        fix_file(path, Fixer(Linter(None, Selection(select=("P003",)))))
    assert loads == []


def test_what_was_checked_is_what_is_loaded(good, tmp_path, monkeypatch):
    """The file changes after the check, and before Keras opens it."""
    path = tmp_path / "model.keras"
    shutil.copyfile(good, path)
    checked = gate._require_trust
    loaded = keras.models.load_model

    def swap(copy, original):
        checked(copy, original)
        path.write_bytes(b"something else")

    def load_model(copy, **options):
        assert Path(copy) != path and Path(copy).read_bytes() == good.read_bytes()
        assert Path(copy).parent.stat().st_mode & 0o077 == 0
        return loaded(copy, **options)

    monkeypatch.setattr(gate, "_require_trust", swap)
    monkeypatch.setattr(keras.models, "load_model", load_model)
    assert load(path).count_params() == 23
    shutil.copyfile(good, path)
    assert fix_file(path, Fixer(Linter())).report


def test_only_files_and_folders_of_files(tmp_path):
    fifo = tmp_path / "model.keras"
    os.mkfifo(fifo)
    folder = tmp_path / "folder.keras"
    folder.mkdir()
    (folder / "config.json").symlink_to("/etc/passwd")
    refused = {
        fifo: f"{fifo} is not a regular file: expected a model file",
        folder: f"{folder / 'config.json'} is a symbolic link: expected the files of an unpacked model",
        tmp_path / "absent.keras": f"cannot read {tmp_path / 'absent.keras'}: No such file or directory",
    }
    for path, message in refused.items():
        with pytest.raises(Untrusted) as raised, gate.admitted(path):
            pass
        assert str(raised.value) == message
