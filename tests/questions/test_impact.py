"""What depends on a part, compared with what changes when its numbers do."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

import graphlint
from graphlint.api import read_graph
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


@pytest.mark.parametrize("made", SETS, ids=lambda made: made.__name__)
def test_exactly_what_is_named_stops_moving(made):
    """Every layer is frozen, and taken out of the losses, and one batch is trained on in every model."""
    models = made()
    graph = read_graph(models)
    data = {name: batch(model, 1) for name, model in models.items()}
    for model in models.values():
        _compile(model)
    moving = {name: _moved(model, data[name]) for name, model in models.items()}
    for path in [path for path in graph.layers if graph.variables_of(path)]:
        found = {one.name: one for one in graphlint.impact(models, path).models}
        held = {id(one.obj): one for one in graph.variables_below(path)}
        layer = graph.layers[path].obj
        for name, model in models.items():
            named = found.get(name)
            was, layer.trainable = layer.trainable, False
            frozen = _moved(model, data[name])
            layer.trainable = was
            stopped = moving[name] - frozen
            assert frozen <= moving[name] and stopped <= held.keys(), path
            trains = sum(held[one].size for one in stopped if held[one].trainable)
            still = sum(held[one].size for one in stopped if not held[one].trainable)
            assert (trains, still) == ((named.trains, named.statistics) if named else (0, 0)), (path, name)
            lost = len(named.outputs) if named else 0
            rest = moving[name]
            if lost:
                _compile(model, without={one.rpartition(":")[2] for one in named.outputs}, graph=graph, name=name)
                rest = _moved(model, data[name]) if lost < named.all_outputs else set()
                _compile(model)
            by_id = {id(one): one for one in model.trainable_variables}
            cut = sum(int(np.prod(by_id[one].shape)) for one in moving[name] - rest - held.keys() if one in by_id)
            assert cut == (named.cut_off if named else 0), (path, name)


def _compile(model, without=(), graph=None, name=None):
    """Compile with a loss on every output, but for those at some addresses; eagerly, which costs no tracing."""
    count = len(model.outputs)
    losses = ["mse"] * count
    if without:
        mine = [tensor for tensor in graph.outputs if graph.member_of(tensor.call).name == name]
        losses = [None if graph.address(one).rpartition(":")[2] in without else "mse" for one in mine]
    declared = model.output if not isinstance(model, keras.Sequential) else model.outputs[0]
    loss = keras.tree.pack_sequence_as(declared, losses)
    model.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)


def _moved(model, data):
    """The ids of the variables that one batch moves, which are put back afterwards."""
    before = [ops.convert_to_numpy(one).copy() for one in model.weights]
    declared = model.output if not isinstance(model, keras.Sequential) else model.outputs[0]
    target = keras.tree.pack_sequence_as(declared, [one + 1 for one in outputs(model, data)])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The model does not have any trainable weights")
        warnings.filterwarnings("ignore", message="Gradients do not exist for variables")
        model.train_on_batch(data, target)
    moved = set()
    for variable, old in zip(model.weights, before, strict=True):
        if not np.array_equal(ops.convert_to_numpy(variable), old):
            moved.add(id(variable))
            variable.assign(old)
    return moved


def _layer(models, path):
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
    with pytest.raises(SystemExit):
        main(["impact", str(tmp_path / "one.keras"), "--at", "a", "--format", "html", "-o", str(tmp_path / "one.html")])
    page = (tmp_path / "one.html").read_text()
    assert '"output changes"' in page and "the part" in page and "http-equiv" in page


def test_code_is_opened_and_drawn(tmp_path):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = (layers.Dense(2, name=name) for name in "abc")

        def call(self, x):
            return self.b(self.a(x)), self.c(x)

    called, built = Net(), Net()
    called(np.zeros((1, 3)))
    for layer, size in ((built.a, 3), (built.b, 2), (built.c, 3)):
        layer.build((None, size))
    for net, inputs in ((built, (None, 3)), (called, None)):
        found = graphlint.impact(net, "a", inputs=inputs)
        (only,) = found.models
        assert (len(only.outputs), only.all_outputs, found.opaque) == (1, 2, ())
    page = found.save(tmp_path / "impact.html").read_text()
    assert "what it returns changes with the part" in page and "<iframe" in found._repr_html_()
    assert str(found).startswith("a (layer, Dense): 8 parameters")


def test_a_loss_on_some_outputs_and_averages_that_stay():
    x = keras.Input((4,))
    trunk = layers.BatchNormalization(name="norm")(x)
    first, second = layers.Dense(1, name="first")(trunk), layers.Dense(2, name="second")(trunk)
    model = keras.Model(x, [first, second])
    model.compile("adam", ["mse", None])
    (one,) = graphlint.impact(model, "norm").models
    assert (len(one.outputs), one.losses, one.trains, one.statistics, one.cut_off) == (2, 1, 8, 8, 5)
    assert not any(one.trains for one in graphlint.impact(model, "second").models)
    fixed = keras.Model(x, layers.Dense(1)(layers.BatchNormalization(name="norm")(x, training=False)))
    fixed.compile("adam", "mse")
    assert graphlint.impact(fixed, "norm").models[0].statistics == 0
