import gc
import pickle
import sys
import weakref

import keras
import networkx as nx
import numpy as np
import pytest
from keras import layers

import graphlint
from graphlint.errors import GraphlintError, UnreadableError


@pytest.fixture(scope="module")
def model():
    keras.utils.clear_session(free_memory=False)
    x = keras.Input((4,), name="x")
    return keras.Model(x, layers.Dense(1, activation="softmax", name="head")(x), name="net")


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "net.keras"
    model.save(path)
    return path


def test_a_live_model(model):
    report = graphlint.check(model)
    (finding,) = [one for one in report.findings if one.severity == "error"]
    assert (finding.code, finding.model, finding.location.layer) == ("A001", "<live>", "head")
    assert report.parameters.total == model.count_params()
    assert report.graph.root.name == "net"
    assert report.graph.live
    assert report.exit_code() == 1
    assert "A001 softmax-on-one" in str(report)


@pytest.mark.parametrize("as_type", [str, lambda path: path])
def test_a_file(path, as_type):
    report = graphlint.check(as_type(path))
    assert "A001" in [one.code for one in report.findings]
    assert report.models[0].path == path.as_posix()
    assert not report.graph.live


def test_the_keras_that_should_load_a_model(tmp_path):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((4,)), layers.RMSNormalization()]).save(path)
    graphlint.assert_clean(path, select="K010", target_keras="3.9")
    with pytest.raises(AssertionError, match=r"RMSNormalization exists in Keras since 3\.9, not in 3\.8"):
        graphlint.assert_clean(path, select="K010", target_keras="3.8")
    with pytest.raises(GraphlintError, match="target-keras: expected a Keras release"):
        graphlint.check(path, target_keras="5.0")


def test_the_name_and_the_selection_of_a_check(model):
    report = graphlint.check(model, name="nets:build", select="A")
    assert {one.model for one in report.findings} == {"nets:build"}
    assert graphlint.check(model, select=["A", "D"], ignore="softmax-on-one").findings == []
    assert graphlint.check(model, select=[], extend_select="A001").summary.error == 1


def test_no_configuration_is_read_unless_it_is_named(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "graphlint.toml").write_text('ignore = ["A001"]')
    assert graphlint.check(model).summary.error == 1
    assert graphlint.check(model, config="graphlint.toml").summary.error == 0


def test_assert_clean(model, path):
    for target in (model, path):
        with pytest.raises(AssertionError, match="A001 softmax-on-one"):
            graphlint.assert_clean(target)
        graphlint.assert_clean(target, ignore="A001")
        graphlint.assert_clean(target, fail_on="never")
    with pytest.raises(AssertionError, match="E001 unreadable"):
        graphlint.assert_clean("none.keras", fail_on="never")


@pytest.mark.parametrize("thing", [None, 3, np.zeros(3), keras.layers.Dense(1)])
def test_what_is_no_model(thing):
    with pytest.raises(graphlint.GraphlintError, match=r"expected a keras\.Model"):
        graphlint.check(thing)


def test_a_file_that_cannot_be_read_is_a_finding_and_not_an_exception(tmp_path):
    report = graphlint.check(tmp_path / "none.keras")
    assert [one.code for one in report.findings] == ["E001"]
    assert (report.graph, report.parameters) == (None, None)
    with pytest.raises(UnreadableError):
        graphlint.to_networkx(tmp_path / "none.keras")


def test_a_networkx_graph_is_drawn_and_keeps_no_model(path):
    model = keras.models.load_model(path)
    weak = weakref.ref(model)
    network = graphlint.to_networkx(model)
    assert "<iframe" in network._repr_html_()
    copy = pickle.loads(pickle.dumps(network))
    assert nx.utils.graphs_equal(copy, network) and copy._repr_html_() is None
    del model
    gc.collect()
    assert weak() is None


def test_networkx(model, path):
    live, static = graphlint.to_networkx(model), graphlint.to_networkx(path)
    assert nx.utils.graphs_equal(nx.DiGraph(live.edges()), nx.DiGraph(static.edges()))
    assert static.nodes["head"]["class_name"] == "Dense"
    assert static.nodes["head@kernel"] == {
        "kind": "variable",
        "layer": "head",
        "slot": "kernel",
        "shape": (4, 1),
        "dtype": "float32",
        "trainable": True,
    }
    assert static.nodes["head#0"]["shapes"] == [(None, 1)]
    assert static.nodes["head#0"]["args"] == (("x#0", 0),)
    assert static.edges["x#0", "head#0", 0]["dtype"] == "float32"
    assert (static.graph["inputs"], static.graph["outputs"]) == (["x#0"], [("head#0", 0)])
    assert static.graph["format"] == "keras"


def test_the_names_of_the_package():
    for name in graphlint.__all__:
        assert getattr(graphlint, name)
        assert name in dir(graphlint)
    with pytest.raises(AttributeError, match="nonsense"):
        getattr(graphlint, "nonsense")  # noqa: B009


def test_what_needs_keras_says_so_where_there_is_none(monkeypatch, model):
    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.delitem(vars(graphlint), "split", raising=False)
    with pytest.raises(graphlint.GraphlintError, match=r"graphlint\.split needs Keras.*pip install"):
        graphlint.split(model, at="head")
    with pytest.raises(graphlint.GraphlintError, match=r"a live model needs Keras.*pip install"):
        graphlint.check(model)


def test_every_error_that_users_may_catch_is_exported():
    errors = [one for one in vars(graphlint.errors).values() if isinstance(one, type) and issubclass(one, Exception)]
    assert graphlint.GraphlintError in errors
    for error in errors:
        assert issubclass(error, graphlint.GraphlintError)
        assert getattr(graphlint, error.__name__) is error
