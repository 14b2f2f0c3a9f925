import json
import sys
from pathlib import Path

import networkx as nx
import pytest
from click.testing import CliRunner
from hypothesis import given, settings

from graphlint.cli import main
from graphlint.engine.linter import Linter
from graphlint.model.expand import expand
from graphlint.reports.drawing import dot, graph_json, graphml, mermaid
from tests.model.definitions import bodies, call, definition, input_call, layer, model

NASTY = 'a"b\\c<d>#1\n[x]'


def nested():
    inner = model("enc", [input_call("x"), call(layer(NASTY, size=4), 0)], [0], [1])
    return expand(definition(model("m", [input_call("a"), call(inner, 0), call(inner, 1)], [0], [2])))


@settings(deadline=None)
@given(bodies())
def test_json_holds_the_whole_graph(root):
    graph = expand(definition(root))
    again = nx.node_link_graph(json.loads(graph_json(graph)), edges="edges")
    assert set(again.nodes) == set(graph.nx.nodes)
    assert again.number_of_edges() == graph.nx.number_of_edges()


@settings(deadline=None)
@given(bodies())
def test_graphml_holds_the_whole_graph(root):
    graph = expand(definition(root))
    again = nx.parse_graphml(graphml(graph))
    assert set(again.nodes) == set(graph.nx.nodes)


@settings(deadline=None)
@given(bodies())
def test_dot_and_mermaid_show_every_call_and_flow(root):
    graph = expand(definition(root))
    flows = sum(data["kind"] in ("tensor", "mask") for *_, data in graph.nx.edges(data=True))
    drawn = dot(graph)
    assert drawn.count(" -> ") == flows
    assert drawn.count("{") == drawn.count("}")
    assert all(f"  n{number} [" in drawn for number in range(len(graph.calls)))
    text = mermaid(graph)
    assert text.count("-->|") + text.count("-.->|") == flows
    assert text.count("subgraph ") == len([line for line in text.splitlines() if line.strip() == "end"])


@pytest.mark.parametrize("draw", [dot, mermaid])
def test_names_cannot_break_out_of_a_drawing(draw):
    text = draw(nested())
    assert '"b' not in text.replace('\\"b', "")
    assert "<d>" not in text or draw is dot
    assert all(line.count('"') % 2 == 0 for line in text.replace('\\"', "").splitlines())


def test_the_command_prints_what_it_is_asked_for(tmp_path):
    config = {
        "class_name": "Sequential",
        "module": "keras",
        "config": {"name": "m", "layers": [{"class_name": "Dense", "config": {"name": "d", "units": 2}}]},
    }
    path = tmp_path / "m.json"
    path.write_text(json.dumps(config))
    result = CliRunner().invoke(main, ["graph", str(path), "--format", "mermaid"])
    assert result.exit_code == 0
    assert "d · Dense" in result.output
    out = tmp_path / "g.dot"
    assert CliRunner().invoke(main, ["graph", str(path), "-o", str(out)]).exit_code == 0
    assert out.read_text().startswith("digraph model {")


@pytest.fixture(scope="module")
def bad():
    return Linter().check_file(Path(__file__).parents[1] / "data" / "bad.keras")


@pytest.mark.parametrize("draw", [dot, mermaid])
def test_drawings_say_what_was_found_and_of_what_state_a_layer_is(draw, bad):
    text = draw(bad.graph, bad.findings)
    lines = {name: next(line for line in text.splitlines() if name in line) for name in ("is_cat", "weekday", "conv")}
    assert "error" in lines["is_cat"] and "softmax" in lines["is_cat"]
    assert "warning" in lines["weekday"] and "dead" in lines["weekday"]
    assert "leaks" in lines["conv"] and "backbone/conv" in lines["conv"]
    assert "#b3140f" in text


@pytest.mark.parametrize("draw", [dot, mermaid])
def test_what_is_deeper_is_one_box_with_the_worst_that_is_in_it(draw, bad):
    text = draw(bad.graph, bad.findings, depth=0)
    assert "conv" not in text
    assert "warning" in next(line for line in text.splitlines() if "backbone" in line)


@pytest.mark.parametrize("draw", [dot, mermaid])
def test_only_what_is_near_findings(draw, bad):
    error = [finding for finding in bad.findings if finding.code == "A001"]
    text = draw(bad.graph, error, only_findings=True)
    assert "is_cat" in text and "pool" in text
    assert "weekday" not in text and "conv" not in text


@pytest.mark.parametrize("draw", [dot, mermaid])
def test_shared_layers_carry_one_number(draw):
    text = draw(nested())
    assert text.count("shared 1") == 2


def test_a_picture_without_its_engine_is_one_clear_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "py_mini_racer", None)
    bad = str(Path(__file__).parents[1] / "data" / "bad.keras")
    result = CliRunner().invoke(main, ["graph", "--isolated", "--format", "svg", bad])
    assert result.exit_code == 2
    assert "keras-graphlint[svg]" in result.output and result.output.count("\n") == 1
