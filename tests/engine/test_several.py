"""Several models as one graph, and one report of what belongs to which."""

import json

import keras
import numpy as np
import pytest
from keras import layers

import graphlint
from graphlint.cli import main
from graphlint.model.resolve import resolve


def gan():
    discriminator = keras.Sequential(
        [keras.Input((4,)), layers.Dense(1, "sigmoid", name="judge")], name="discriminator"
    )
    generator = keras.Sequential([keras.Input((3,)), layers.Dense(4, name="make")], name="generator")
    noise = keras.Input((3,), name="noise")
    return {
        "gan": keras.Model(noise, discriminator(generator(noise)), name="gan"),
        "discriminator": discriminator,
        "generator": generator,
    }


def test_a_shared_layer_is_one_node_with_calls_in_each_model():
    report = graphlint.check(gan())
    graph = report.graph
    assert graph.aliases == {"gan:discriminator": "discriminator:", "gan:generator": "generator:"}
    assert graph.call_sites("generator:make") == ["gan:generator#0/make#0", "generator:make#0"]
    assert report.parameters.total == 5 + 16 and report.summary.models == 3
    together = report.models[-1].together
    assert [(one.name, one.parameters, one.shared) for one in together.parts] == [
        ("gan", 21, 21),
        ("discriminator", 5, 5),
        ("generator", 16, 16),
    ]
    assert {one.address: dict(one.calls) for one in together.shared} == {
        "discriminator:": {"gan": 1, "discriminator": 1},
        "generator:": {"gan": 1, "generator": 1},
    }
    assert graphlint.to_networkx(gan()).nodes["generator:make@kernel"]["shape"] == (3, 4)
    assert "together: gan, discriminator, generator" in str(report)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("gan:generator/make#0", "gan:generator#0/make#0"),
        ("gan:generator/make", "generator:make"),
        ("generator/make", "generator:make"),
        ("make@kernel", "generator:make@kernel"),
        ("gan:noise", "gan:noise"),
        ("gan", "gan:"),
        ("discriminator:", "discriminator:"),
    ],
)
def test_addresses_carry_the_name_of_a_model(text, node):
    assert resolve(graphlint.check(gan(), select="M").graph, text) == node


def test_an_address_in_two_models_is_ambiguous():
    models = {name: keras.Sequential([keras.Input((4,)), layers.Dense(1, name="dense")]) for name in ("a", "b")}
    with pytest.raises(graphlint.AmbiguousAddress, match="write one of a:dense, b:dense"):
        resolve(graphlint.check(models, select="M").graph, "dense")


def test_a_list_names_models_by_themselves_and_one_model_is_the_case_of_one():
    models = gan()
    assert [one.path for one in graphlint.check(list(models.values())).models][:3] == list(models)
    alone = graphlint.check({"gan": models["gan"]})
    assert len(alone.models) == 1 and alone.models[0].together is None
    with pytest.raises(graphlint.GraphlintError, match="at least one model"):
        graphlint.check([])
    with pytest.raises(AssertionError, match="nothing-trainable"):
        models["discriminator"].compile("adam", "mse")
        models["discriminator"].trainable = False
        graphlint.assert_clean(models)


def test_flags_that_are_for_another_model_are_no_warning():
    models = gan()
    discriminator, combined = models["discriminator"], models["gan"]
    discriminator.compile("adam", "binary_crossentropy")
    discriminator.train_on_batch(np.zeros((2, 4)), np.ones((2, 1)))
    discriminator.trainable = False
    combined.compile("adam", "binary_crossentropy")
    combined.train_on_batch(np.zeros((2, 3)), np.ones((2, 1)))
    for flag in (False, True):
        discriminator.trainable = flag
        assert not [one for one in graphlint.check(models, preview=True).findings if one.severity != "info"]
    assert [one.code for one in graphlint.check(combined).findings if one.severity != "info"] == ["T002"]


def test_files_together_say_what_was_made_from_what(tmp_path, capsys):
    model = keras.Sequential([keras.Input((8,)), layers.Dense(8, "relu", name="base"), layers.Dense(4, name="head")])
    model.save(tmp_path / "before.keras")
    model.get_layer("head").set_weights([np.ones((8, 4)), np.ones(4)])
    model.save(tmp_path / "after.keras")
    files = [str(tmp_path / name) for name in ("before.keras", "after.keras")]
    with pytest.raises(SystemExit) as ended:
        main(["check", "--isolated", "--together", "--fail-on", "never", "--format", "json", *files])
    assert ended.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["summary"]["models"] == 2
    (kin,) = found["models"][-1]["together"]["kin"]
    assert kin["equal"] == [["before:base", "after:base"]] and kin["retrained"] == [["before:head", "after:head"]]


def test_python_code_that_returns_several(tmp_path, capsys, monkeypatch):
    (tmp_path / "made_several.py").write_text(
        "import keras\n"
        "from keras import layers\n"
        "class Agent:\n"
        "    def __init__(self):\n"
        "        self.model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])\n"
        "        self.target_model = self.model\n"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["check", "--isolated", "made_several:Agent"])
    assert ended.value.code == 1
    assert "M009 target-is-online" in capsys.readouterr().out
