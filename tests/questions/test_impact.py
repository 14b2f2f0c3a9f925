"""What depends on a part, compared with what changes when its numbers do."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import graphlint
from tests.replay.test_bundle import SETS, batch, outputs


@pytest.mark.parametrize("made", SETS, ids=lambda made: made.__name__)
def test_what_changes_is_named_and_nothing_else_changes(made):
    models = made()
    graph = graphlint.check(models, select="M").graph
    paths = [path for path in graph.layers if graph.variables_of(path)]
    data = {name: batch(model, 1) for name, model in models.items()}
    for path in paths:
        found = graphlint.impact(models, path)
        named = {(one.name, output) for one in found.models for output in one.outputs}
        before = {name: outputs(model, data[name]) for name, model in models.items()}
        layer = _layer(models, path)
        old = layer.get_weights()
        layer.set_weights([value + 0.5 for value in old])
        after = {name: outputs(model, data[name]) for name, model in models.items()}
        layer.set_weights(old)
        changed = {name: sum(map(_differ, before[name], after[name])) for name in models}
        assert changed == {name: sum(one == name for one, _ in named) for name in models}, path


def _layer(models, path):
    from graphlint.api import read_graph

    return read_graph(models).layers[path].obj


def _differ(one, other):
    return not np.array_equal(one, other)


def test_frozen_and_removed():
    x = keras.Input((4,))
    code = layers.Dense(2, "relu", name="code")(x)
    middle = layers.Dense(3, "relu", name="middle")(code)
    full = keras.Model(x, layers.Dense(4, name="end")(middle), name="full")
    full.compile("adam", "mse")
    models = {"encoder": keras.Model(x, code), "full": full}
    found = graphlint.impact(models, "full:middle")
    assert [(one.name, one.trains, one.cut_off, len(one.outputs), one.losses) for one in found.models] == [
        ("full", 9, 26, 1, 1)
    ]
    assert "full: 9 parameters" in str(found) and "26 other parameters stop training" in str(found)
    found = graphlint.impact(models, "encoder:code")
    assert found.shared_by == ("encoder", "full") and {one.name for one in found.models} == {"encoder", "full"}
    alone = graphlint.impact(full, "code@kernel")
    assert (alone.kind, alone.parameters, len(alone.models)) == ("variable", 8, 1)
    assert ops.shape(full(np.zeros((1, 4)))) == (1, 4)


def test_on_the_command_line(tmp_path, capsys):
    from graphlint.cli import main

    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, "relu", name="a"), layers.Dense(1, name="b")])
    model.save(tmp_path / "one.keras")
    for format_, words in (("text", "1 of 1 outputs"), ("json", '"all_outputs": 1'), ("mermaid", "flowchart")):
        with pytest.raises(SystemExit) as ended:
            main(["impact", str(tmp_path / "one.keras"), "--at", "a", "--format", format_])
        assert ended.value.code == 0
        assert words in capsys.readouterr().out
