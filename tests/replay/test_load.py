"""Files that are loaded for surgery: what Keras is asked, what is copied, and what is said of the others."""

from __future__ import annotations

import re
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from graphlint.errors import CannotLoad, Untrusted
from graphlint.replay.gate import admitted
from graphlint.replay.load import import_modules, load
from tests.replay.test_split import chain


@pytest.fixture
def file(tmp_path: Path) -> Path:
    model = chain()
    model.compile("sgd", "mse")
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_a_model_is_loaded_as_it_is_and_not_compiled(file: Path) -> None:
    model = load(file)
    assert [layer.name for layer in model.layers] == ["x", "h1", "h2", "h3", "h4", "out"] and not model.compiled


def test_keras_is_asked_for_a_copy_in_safe_mode_and_says_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def load_model(path: Path, **options: Any) -> str:
        asked.append((path.name, path != file, path.read_bytes() == file.read_bytes(), options))
        warnings.warn("something that the file makes Keras say", stacklevel=1)
        return "a model"

    monkeypatch.setattr(keras.models, "load_model", load_model)
    assert load(file) == "a model"
    assert asked == [("model.keras", True, True, {"compile": False, "safe_mode": True})]


@pytest.mark.filterwarnings("ignore:You are saving a model that has not yet been built")
def test_a_model_that_is_not_built_is_loaded(tmp_path: Path) -> None:
    keras.Sequential([layers.Dense(2, name="d")]).save(tmp_path / "fresh.keras")
    assert [layer.name for layer in load(tmp_path / "fresh.keras").layers] == ["d"]


def test_what_is_no_file(tmp_path: Path) -> None:
    for path, what in ((tmp_path, "is not a file"), (tmp_path / "absent.keras", "does not exist")):
        with pytest.raises(CannotLoad, match=f"^expected a model file, got {re.escape(str(path))}, which {what}$"):
            load(path)


def test_what_the_rules_find_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{")
    for ask in (load, lambda one: admitted(one).__enter__()):
        with pytest.raises(Untrusted, match=r"^refused, nothing was loaded or changed: E\d+ ") as raised:
            ask(path)
        assert "\n" not in str(raised.value)
    with (
        pytest.raises(Untrusted, match=r"^cannot read .*absent\.keras: No such file or directory$"),
        admitted(tmp_path / "absent.keras"),
    ):
        pass


def test_three_of_many_findings_are_told(tmp_path: Path) -> None:
    doubles = [layers.Lambda(lambda x: x * 2, name=f"double_{number}") for number in range(5)]
    keras.Sequential([keras.Input((4,)), *doubles]).save(tmp_path / "model.keras")
    with pytest.raises(Untrusted) as raised:
        load(tmp_path / "model.keras")
    assert str(raised.value).count("; X0") == 2 and "double_3" not in str(raised.value)


def test_an_unpacked_model_is_copied_with_all_that_it_holds(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked.keras"
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    (folder / "assets" / "deep").mkdir(parents=True)
    (folder / "assets" / "deep" / "words.txt").write_text("one\ntwo\n")

    def held(root: Path) -> dict[str, bytes | None]:
        return {
            one.relative_to(root).as_posix(): one.read_bytes() if one.is_file() else None for one in root.rglob("*")
        }

    with admitted(folder) as copy:
        assert copy != folder and copy.name == folder.name and held(copy) == held(folder)
    assert not copy.exists()
    (folder / "assets" / "link").symlink_to(file)
    with (
        pytest.raises(Untrusted, match=r"assets/link is a symbolic link: expected the files of an unpacked model$"),
        admitted(folder),
    ):
        pass


def test_modules_are_imported_from_the_current_directory_first(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("here", "elsewhere"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "graphlint_sample_module.py").write_text(f"place = {place!r}\n")
    (tmp_path / "here" / "graphlint_broken_module.py").write_text("raise ValueError('one\\ntwo')\n")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "here")
    before = list(sys.path)
    try:
        import_modules(["graphlint_sample_module"])
        assert sys.modules["graphlint_sample_module"].place == "here"  # type: ignore[attr-defined]
    finally:
        sys.modules.pop("graphlint_sample_module", None)
    with pytest.raises(CannotLoad, match=r"^cannot import 'graphlint_broken_module': .*one") as raised:
        import_modules(["graphlint_broken_module"])
    assert "\n" not in str(raised.value)
    with pytest.raises(CannotLoad, match=r"^cannot import 'graphlint_absent_module': "):
        import_modules(["graphlint_absent_module"])
    with pytest.raises(CannotLoad, match=r"^cannot import 'graphlint_absent_module': "):
        load(file, ["graphlint_absent_module"])
    assert sys.path == before
