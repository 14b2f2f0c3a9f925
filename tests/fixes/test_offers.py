"""What a report offers as a fix is what `graphlint fix` does."""

import json
import zipfile

import keras
import pytest
from click.testing import CliRunner
from keras import layers

from graphlint.cli import main
from graphlint.engine.linter import Linter
from graphlint.errors import FixError
from graphlint.fixes.files import fix_file
from graphlint.fixes.fixer import Fixer


def dense(name, class_name="Dense", **entry):
    return {"class_name": class_name, "config": {"name": name, "units": 2, "activation": "relu"}, **entry}


def keras_2(folder, *entries, **root):
    """A configuration of Keras 2, which is offered to be rewritten."""
    path = folder / "model.json"
    first = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "name": "x"}}
    config = {"name": "m", "layers": [first, *entries]}
    path.write_text(json.dumps({"class_name": "Sequential", "config": config, "keras_version": "2.12.0", **root}))
    return path


def offers(path):
    return [one.fix for one in Linter().check_file(path).findings if one.fix is not None]


def test_an_offer_is_carried_out(tmp_path):
    path = keras_2(tmp_path, dense("a"))
    assert [(one.applicability.value, one.condition) for one in offers(path)] == [("safe", "")]
    assert fix_file(path, Fixer(Linter())).report


@pytest.mark.parametrize(
    ("entry", "condition"),
    [
        (dense("c", "Tower", module="towers.tall"), "--import towers.tall"),
        (dense("c", "Tower", module=None, registered_name="Towers>Tower"), "--import Towers"),
        (dense("c", "Tower"), "--import of the module that registers 'Tower'"),
    ],
    ids=["module", "package", "unnamed"],
)
def test_an_offer_says_what_it_needs_and_the_refusal_says_the_same(tmp_path, entry, condition):
    path = keras_2(tmp_path, dense("a"), entry)
    found = offers(path)
    assert found and {one.condition for one in found} == {condition}
    text = CliRunner().invoke(main, ["check", "--isolated", str(path)]).output
    assert f"fix, safe with {condition}: " in text
    with pytest.raises(FixError) as raised:
        fix_file(path, Fixer(Linter()))
    assert "--import" in str(raised.value)
    if "of the module" not in condition:
        assert condition in str(raised.value)


def test_nothing_is_offered_for_a_file_that_is_not_trusted(tmp_path):
    code = {"class_name": "Lambda", "config": {"name": "l", "function": ["4wEAAAA=", None, None]}}
    path = keras_2(tmp_path, dense("a"), code)
    found = Linter().check_file(path).findings
    assert any(one.code == "X001" for one in found) and not any(one.fix for one in found)
    with pytest.raises(FixError, match="X001"):
        fix_file(path, Fixer(Linter()))


def test_nothing_is_offered_for_a_file_that_cannot_be_rewritten(tmp_path):
    crop = {"class_name": "RandomCrop", "config": {"name": "crop", "height": 2, "width": 2}}
    path = keras_2(tmp_path, dense("a"), crop)
    assert offers(path) == []
    with pytest.raises(FixError, match="RandomCrop"):
        fix_file(path, Fixer(Linter()))


def test_the_condition_is_that_of_every_fix_of_the_file(tmp_path):
    inputs = keras.Input((4,), name="x")
    x = layers.Dropout(0.0, name="idle")(layers.Dense(3, name="hidden", activation="relu")(inputs))
    keras.Model(inputs, layers.Dense(2, name="out")(x)).save(tmp_path / "good.keras")
    path = tmp_path / "custom.keras"
    with zipfile.ZipFile(tmp_path / "good.keras") as good, zipfile.ZipFile(path, "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            if name == "config.json":
                config = json.loads(data)
                entry = config["config"]["layers"][1]
                entry |= {"class_name": "Mine", "module": "mine", "registered_name": "Mine"}
                data = json.dumps(config).encode()
            bad.writestr(name, data)
    by_code = {one.code: one.fix for one in Linter().check_file(path).findings if one.fix is not None}
    assert by_code["R001"].condition == "--import mine"
