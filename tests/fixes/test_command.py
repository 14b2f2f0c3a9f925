"""`graphlint fix` as people run it."""

import hashlib
import json
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers

from graphlint.cli import main
from graphlint.sources import read
from tests.rules.editing import edited

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def bad(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bad.keras"
    path.write_bytes((DATA / "bad.keras").read_bytes())
    return path


def run(*arguments):
    result = CliRunner().invoke(main, ["fix", "--isolated", *map(str, arguments)])
    assert "Traceback" not in result.output
    assert "internal error" not in result.output
    return result


def codes(path):
    result = CliRunner().invoke(main, ["check", "--isolated", "--format", "json", str(path)])
    return sorted(one["code"] for one in json.loads(result.stdout)["findings"])


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def load(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of every optimizer that is saved before training.
        return keras.models.load_model(path)


def no_op(tmp_path, name="model.keras"):
    inputs = keras.Input((4,), name="x")
    x = layers.Dropout(0.0, name="idle")(layers.Dense(3, name="hidden", activation="relu")(inputs))
    model = keras.Model(inputs, layers.Dense(2, name="out")(x))
    path = tmp_path / name
    model.save(path)
    return model, path


def test_a_place_to_write_is_needed(bad):
    assert run(bad).exit_code == 2
    assert run(bad, "--diff", "--in-place").exit_code == 2
    assert "-o OUT" in run(bad).output


def test_without_unsafe_nothing_unsafe_is_done(bad):
    before = digest(bad)
    result = run(bad, "--in-place")
    assert result.exit_code == 0
    assert "pass --unsafe" in result.output
    assert "is unchanged" in result.output
    assert digest(bad) == before
    assert names(bad.parent) == ["bad.keras"]


def test_unsafe_fixes_everything_and_says_so(bad, tmp_path):
    before = digest(bad)
    result = run(bad, "--unsafe", "-o", tmp_path / "fixed.keras")
    assert result.exit_code == 0
    for code in ("A001", "D001", "T001"):
        assert f"fixed {code}" in result.output
    assert "257 (225 trainable) before, 257 (9 trainable) after" in result.output
    assert digest(bad) == before
    assert codes(bad) == ["A001", "D001", "T001"]
    assert codes(tmp_path / "fixed.keras") == []
    fixed = load(tmp_path / "fixed.keras")
    assert [one.name for one in fixed.inputs] == ["photo"]
    assert fixed.loss == "binary_crossentropy"


def test_diff_shows_and_changes_nothing(bad):
    before = digest(bad)
    result = run(bad, "--unsafe", "--diff")
    assert result.exit_code == 1
    assert "would fix A001" in result.output and "\nfixed" not in result.output
    assert "-is_cat#0 = Dense(units=1, activation=softmax" in result.output
    assert "+is_cat#0 = Dense(units=1, activation=sigmoid" in result.output
    assert "-weekday#0 = InputLayer(" in result.output
    assert digest(bad) == before
    assert names(bad.parent) == ["bad.keras"]


def test_in_place_keeps_the_old_file(bad):
    before = digest(bad)
    result = run(bad, "--unsafe", "--in-place")
    assert result.exit_code == 0
    assert digest(bad.with_name("bad.keras.bak")) == before
    assert codes(bad) == []
    assert run(bad, "--unsafe", "--in-place").exit_code == 0
    assert digest(bad.with_name("bad.keras.bak")) == before
    assert names(bad.parent) == ["bad.keras", "bad.keras.bak"]


def test_select_ignore_and_target(bad, tmp_path):
    out = tmp_path / "fixed.keras"
    run(bad, "--unsafe", "--select", "T001", "-o", out)
    assert codes(out) == ["A001", "D001"]
    run(bad, "--unsafe", "--ignore", "A", "-o", out, "--force")
    assert codes(out) == ["A001"]
    result = run(bad, "--unsafe", "--target", "weekday#0", "-o", out, "--force")
    assert codes(out) == ["A001", "T001"]
    assert "left T001 trainable-leak at backbone: not requested" in result.output
    assert run(bad, "--unsafe", "--select", "Q999", "-o", out, "--force").exit_code == 2


def test_output_is_not_overwritten_without_force(bad, tmp_path):
    out = tmp_path / "there.keras"
    out.write_bytes(b"mine")
    result = run(bad, "--unsafe", "-o", out)
    assert result.exit_code == 2
    assert out.read_bytes() == b"mine"
    assert "--force" in result.output
    assert run(bad, "--unsafe", "-o", out, "--force").exit_code == 0
    assert codes(out) == []


def test_a_safe_fix_reports_the_proof(tmp_path):
    model, path = no_op(tmp_path)
    result = run(path, "-o", tmp_path / "fixed.keras")
    assert result.exit_code == 0
    assert "fixed R001 no-op-layer at idle#0: remove it (outputs equal)" in result.output
    assert "largest output difference: 0" in result.output
    fixed = load(tmp_path / "fixed.keras")
    assert [layer.name for layer in fixed.layers] == ["x", "hidden", "out"]
    batch = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    np.testing.assert_array_equal(model.predict(batch, verbose=0), fixed.predict(batch, verbose=0))


def test_h5_in_and_out(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, path = no_op(tmp_path, "model.h5")
    assert run(path, "-o", tmp_path / "fixed.h5").exit_code == 0
    assert codes(tmp_path / "fixed.h5") == []
    assert run(path, "-o", tmp_path / "fixed.keras").exit_code == 0
    assert codes(tmp_path / "fixed.keras") == []


def test_nothing_to_fix_and_another_format(tmp_path):
    model = keras.Sequential([keras.Input((4,), name="x"), layers.Dense(1, name="out")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / "model.h5")
    assert run(tmp_path / "model.h5", "-o", tmp_path / "other.keras").exit_code == 0
    np.testing.assert_array_equal(load(tmp_path / "other.keras").get_weights()[0], model.get_weights()[0])
    assert run(tmp_path / "model.h5", "-o", tmp_path / "same.h5").exit_code == 0
    assert digest(tmp_path / "same.h5") == digest(tmp_path / "model.h5")


def test_a_file_with_code_is_refused(tmp_path):
    inputs = keras.Input((4,))
    x = layers.Dropout(0.0)(layers.Lambda(lambda x: x * 2)(inputs))
    keras.Model(inputs, layers.Dense(1)(x)).save(tmp_path / "code.keras")
    before = digest(tmp_path / "code.keras")
    for how in (["--in-place"], ["-o", tmp_path / "out.keras"], ["--diff"]):
        result = run(tmp_path / "code.keras", "--unsafe", *how)
        assert result.exit_code == 2
        assert "X001" in result.output
        assert digest(tmp_path / "code.keras") == before
        assert names(tmp_path) == ["code.keras"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04rubbish", b"<html>", b"\x89HDF\r\n\x1a\nrubbish"])
def test_an_unreadable_file_is_refused(content, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    result = run(path, "--in-place", "--unsafe")
    assert result.exit_code == 2
    assert path.read_bytes() == content
    assert names(tmp_path) == ["model.keras"]


def test_a_foreign_module_is_refused_and_not_imported(tmp_path):
    model, _ = no_op(tmp_path)

    def spoil(config):
        config["config"]["layers"][1]["module"] = "antigravity"

    path = edited(model, tmp_path, spoil)
    before = digest(path)
    result = run(path, "--in-place")
    assert result.exit_code == 2
    assert "X002" in result.output
    assert digest(path) == before


def test_import_brings_in_custom_classes(tmp_path, monkeypatch):
    module = tmp_path / "my_layers_for_fix.py"
    module.write_text(
        "import keras\n"
        "@keras.saving.register_keras_serializable('mine')\n"
        "class Twice(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return 2 * x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import my_layers_for_fix

    inputs = keras.Input((4,))
    x = layers.Dropout(0.0)(my_layers_for_fix.Twice()(inputs))
    keras.Model(inputs, layers.Dense(1)(x)).save(tmp_path / "custom.keras")
    result = run(tmp_path / "custom.keras", "--import", "my_layers_for_fix", "-o", tmp_path / "fixed.keras")
    assert result.exit_code == 0, result.output
    assert "fixed R001" in result.output


def test_nothing_to_fix_writes_the_same_bytes(tmp_path):
    good = DATA / "good.keras"
    result = run(good, "-o", tmp_path / "out.keras")
    assert result.exit_code == 0
    assert "nothing to fix" in result.output
    assert (tmp_path / "out.keras").read_bytes() == good.read_bytes()


def test_what_a_fix_does_not_touch_survives(tmp_path):
    """Names, compile configuration, optimizer state and vocabularies."""
    text = keras.Input((), dtype="string", name="text")
    lookup = layers.StringLookup(vocabulary=["a", "b", "c"], output_mode="multi_hot", name="words")
    x = layers.Dense(4, activation="relu", name="hidden")(lookup(keras.ops.expand_dims(text, -1)))
    model = keras.Model(text, layers.Dense(1, name="out")(layers.Dropout(0.0, name="idle")(x)), name="net")
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"], loss_weights=0.5)
    model.fit(keras.ops.convert_to_tensor(["a", "b", "c", "a"]), np.ones((4, 1)), epochs=3, verbose=0)
    path, out = tmp_path / "model.keras", tmp_path / "fixed.keras"
    model.save(path)
    result = run(path, "-o", out)
    assert result.exit_code == 0, result.output
    fixed = load(out)
    assert fixed.name == "net"
    assert [layer.name for layer in fixed.layers][-3:] == ["words", "hidden", "out"]
    assert fixed.get_compile_config() == model.get_compile_config()
    assert fixed.get_layer("words").get_vocabulary() == lookup.get_vocabulary()
    assert int(fixed.optimizer.iterations) == 3
    before, after = read(path).optimizer.variables, read(out).optimizer.variables
    assert len(before) == len(after) == 10
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one.values.read(), other.values.read())


def test_other_members_stay_byte_for_byte_where_the_file_itself_is_edited(tmp_path):
    """K011 edits the configuration; the weights are not written anew."""
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(layers.Dropout(0.5)(inputs)))
    path, out = tmp_path / "model.keras", tmp_path / "fixed.keras"
    model.save(path)
    assert run(path, "--select", "K011", "-o", out).exit_code == 0
    with zipfile.ZipFile(path) as one, zipfile.ZipFile(out) as other:
        assert one.namelist() == other.namelist()
        assert b'"training": false' in one.read("config.json")
        assert b'"training": false' not in other.read("config.json")


def test_unsafe_leaves_sharing_that_may_be_meant(tmp_path):
    inputs = keras.Input((4,))
    dense = layers.Dense(4, name="dense")
    model = keras.Model(inputs, dense(layers.ReLU()(dense(layers.ReLU()(dense(inputs))))))
    path, out = tmp_path / "model.keras", tmp_path / "fixed.keras"
    model.save(path)
    result = run(path, "--unsafe", "-o", out)
    assert "pass --unsafe --select S003" in result.output
    assert load(out).count_params() == 20
    result = run(path, "--unsafe", "--select", "S003", "-o", out, "--force")
    assert "fixed S003" in result.output
    fixed = load(out)
    assert fixed.count_params() == 60
    batch = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    np.testing.assert_array_equal(model.predict(batch, verbose=0), fixed.predict(batch, verbose=0))


def test_the_readme_shows_what_is_printed(bad, tmp_path):
    readme = (DATA.parents[1] / "README.md").read_text(encoding="utf-8")
    result = run(bad, "--unsafe", "-o", tmp_path / "fixed.keras")
    assert f"```\n{result.stdout}```" in readme
    checked = CliRunner().invoke(main, ["check", "--isolated", "fixed.keras"])
    printed = checked.stdout.replace(keras.__version__, "3.15.1")
    assert f"```\n{printed}```" in readme


def test_a_module_that_cannot_be_imported_is_one_line(bad, tmp_path):
    result = run(bad, "--import", "no_such_module_anywhere", "-o", tmp_path / "fixed.keras")
    assert result.exit_code == 2
    assert "cannot import 'no_such_module_anywhere'" in result.output
    assert not (tmp_path / "fixed.keras").exists()


def test_a_diff_exits_as_check_does(bad, tmp_path):
    _, warned = no_op(tmp_path)
    assert run(warned, "--diff").exit_code == 0  # It is only an info.
    assert run(bad, "--diff").exit_code == 1
    assert run(bad, "--diff", "--select", "D001").exit_code == 1
    assert run(bad, "--diff", "--select", "R001").exit_code == 2


def test_what_matches_nothing_is_an_error_and_writes_nothing(bad, tmp_path):
    out, before = tmp_path / "out.keras", digest(bad)
    for arguments in (["--select", "R001"], ["--target", "is_cat#0", "--select", "D001"], ["--target", "photo"]):
        for place in (["-o", out], ["--in-place"], ["--diff"]):
            result = run(bad, "--unsafe", *arguments, *place)
            assert result.exit_code == 2, result.output
            assert "no finding matches" in result.output and arguments[1] in result.output
    assert digest(bad) == before and names(tmp_path) == ["bad.keras"]


def test_a_target_that_does_not_exist_is_an_error(bad, tmp_path):
    before = digest(bad)
    for place in (["-o", tmp_path / "out.keras"], ["--in-place"], ["--diff"]):
        result = run(bad, "--unsafe", "--target", "week", *place)
        assert result.exit_code == 2
        assert "'week'" in result.output and "weekday" in result.output
    assert digest(bad) == before and names(tmp_path) == ["bad.keras"]


def test_many_files(bad, tmp_path):
    _, idle = no_op(tmp_path)
    broken = tmp_path / "broken.keras"
    broken.write_bytes(b"PK")
    result = run(bad, broken, idle, "--unsafe", "--in-place")
    assert result.exit_code == 2
    assert "broken.keras" in result.output
    assert codes(bad) == [] and "R001" not in codes(idle)
    assert names(tmp_path) == ["bad.keras", "bad.keras.bak", "broken.keras", "model.keras", "model.keras.bak"]
    assert run(bad, idle, "-o", tmp_path / "out.keras").exit_code == 2
    assert run(bad, idle, "--select", "R001", "--in-place").exit_code == 2
    assert run(bad, idle, "--in-place").exit_code == 0
