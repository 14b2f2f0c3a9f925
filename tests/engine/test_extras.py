"""What a base install lacks, and what to do about it in the environment at hand."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest

from graphlint import extras
from graphlint.errors import GraphlintError, UnknownKerasError
from graphlint.knowledge.supported import OLDEST, text

ROOT = Path(__file__).parents[2]


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """An environment with these packages, in which nobody chose a backend."""
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def set_up(*present: str) -> None:
        for name in ("keras", "tensorflow", "jax", "torch", "openvino"):
            if name not in present:
                monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.setattr(extras, "find_spec", lambda name: True if name in present else None)

    return set_up


def refused() -> str:
    with pytest.raises(GraphlintError) as error:
        extras.require_keras("surgery")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_without_anything_keras_and_tensorflow_are_named(installed) -> None:
    installed()
    found = refused()
    assert found.startswith("surgery needs Keras, and keras is not installed: ")
    assert found.endswith(f"install 'keras>={text(OLDEST)}' tensorflow")


def test_a_backend_that_is_there_is_used(installed) -> None:
    installed("torch")
    assert refused().endswith(f"install 'keras>={text(OLDEST)}', and set KERAS_BACKEND=torch")


def test_the_backend_that_was_chosen_is_named(installed, monkeypatch, tmp_path) -> None:
    installed("torch")
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    assert refused().endswith(f"install 'keras>={text(OLDEST)}' jax")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert refused().endswith(f"install 'keras>={text(OLDEST)}'")


def test_keras_without_its_backend(installed, monkeypatch) -> None:
    installed("keras", "jax")

    def no_backend(name: str) -> types.ModuleType:
        raise ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow")

    monkeypatch.setattr(extras, "import_module", no_backend)
    assert refused().endswith(
        "tensorflow is not installed: " + extras.install("tensorflow") + ", or set KERAS_BACKEND=jax"
    )


@pytest.mark.parametrize("version", ["2.15.0", "3.0.5", "3.2.1"])
def test_an_older_keras_is_one_clear_line(installed, monkeypatch, version) -> None:
    installed("keras")
    monkeypatch.setitem(sys.modules, "keras", types.SimpleNamespace(__version__=version))
    with pytest.raises(
        UnknownKerasError, match=rf"^surgery needs Keras 3\.3 or later, got Keras {version}: .* install"
    ):
        extras.require_keras("surgery")


def test_the_command_installs_into_this_environment() -> None:
    command = extras.install("numpy>=2")
    found = re.fullmatch(r"(\S+) -m pip install 'numpy>=2'|uv pip install --python (\S+) 'numpy>=2'", command)
    assert found is not None
    python = found[1] or found[2]
    run = subprocess.run([python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True)
    assert Path(run.stdout.strip()).samefile(sys.prefix)


def test_the_bounds_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    bounds = {one for name in ("tensorflow", "jax", "torch") for one in optional[name] if one.startswith("keras")}
    assert bounds == {f"keras>={text(OLDEST)}"}
    assert optional["keras"] == ["keras-graphlint[tensorflow]"]
    assert f"Keras ({text(OLDEST)} or later)" in (ROOT / "README.md").read_text(encoding="utf-8")
