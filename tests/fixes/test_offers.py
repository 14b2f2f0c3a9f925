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


def layer(class_name, **config):
    return {"class_name": class_name, "config": {"name": class_name.lower(), **config}}


def image(*stack):
    return ([None, 6, 6, 2], *stack)


def sequence(*stack):
    return ([None, 5, 3], *stack)


def vector(*stack):
    return ([None, 4], *stack)


OF_KERAS_2 = {
    "argument without effect": sequence(layer("LSTM", units=2, time_major=False, implementation=2)),
    "argument with effect": sequence(layer("LSTM", units=2, time_major=True)),
    "renorm off": image(layer("BatchNormalization", renorm=False, fused=True)),
    "renorm on": image(layer("BatchNormalization", renorm=True)),
    "interpolation": image(layer("UpSampling2D", interpolation="bilinear")),
    "interpolation that is gone": image(layer("UpSampling2D", interpolation="mitchellcubic")),
    "groups of one": image(layer("Conv2DTranspose", filters=2, kernel_size=3, groups=1)),
    "groups of two": image(layer("Conv2DTranspose", filters=2, kernel_size=3, groups=2)),
    "unknown argument": vector(layer("Dense", units=2, colour="red")),
    "no such layer": image(layer("LocallyConnected2D", filters=2, kernel_size=3)),
    "renamed argument": vector(layer("LeakyReLU", alpha=0.2)),
    "cuDNN": sequence(layer("CuDNNGRU", units=2)),
    "function that can be kept": sequence(layer("GRU", units=2, recurrent_activation="hard_sigmoid")),
    "function that cannot": sequence(layer("LSTM", units=2, activation="hard_sigmoid")),
    "function of its own layer": vector(layer("Activation", activation="hard_sigmoid")),
    "names of Keras 1": vector(layer("Dense", output_dim=2, init="uniform"), layer("Dropout", p=0.1)),
    "mode of Keras 1": vector(layer("BatchNormalization", mode=1, epsilon=0.001)),
    "layer of Keras 1": vector(layer("MaxoutDense", output_dim=2, nb_feature=4)),
    "no shape": (None, layer("Dense", units=2)),
    "in a wrapper": sequence(layer("TimeDistributed", layer=layer("Dense", units=2, colour="red"))),
    "wrapped without effect": sequence(layer("TimeDistributed", layer=layer("Dense", units=2))),
    "initializer": vector(
        layer("Dense", units=2, kernel_initializer={"class_name": "Zeros", "config": {"dtype": "float32"}})
    ),
    "regularizer": vector(
        layer("Dense", units=2, kernel_regularizer={"class_name": "L1L2", "config": {"l1": 0.0, "l3": 0.5}})
    ),
}


@pytest.mark.parametrize("kind", OF_KERAS_2)
def test_what_is_offered_is_what_is_done(kind, tmp_path):
    """On configurations with and without what Keras 3 still has: an offer exactly where the rescue succeeds."""
    shape, *stack = OF_KERAS_2[kind]
    first = [{"class_name": "InputLayer", "config": {"batch_input_shape": shape, "name": "x"}}] if shape else []
    path = tmp_path / "model.json"
    config = {"name": "m", "layers": [*first, *stack]}
    path.write_text(json.dumps({"class_name": "Sequential", "config": config, "keras_version": "2.12.0"}))
    offered = any(one.code == "K010" and one.fix for one in Linter().check_file(path).findings)
    try:
        fix_file(path, Fixer(Linter())).save(tmp_path / "fixed.keras")
        done = True
    except FixError as error:
        done = False
        assert kind.split()[0] not in ("cuDNN",), error
    assert offered == done
