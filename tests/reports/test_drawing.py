import json

import networkx as nx
import pytest
from click.testing import CliRunner
from hypothesis import given

from graphlint.cli import main
from graphlint.model.expand import expand
from graphlint.reports.drawing import dot, graph_json, graphml, mermaid
from tests.model.definitions import bodies, call, definition, input_call, layer, model

NASTY = 'a"b\\c<d>#1\n[x]'


def nested():
    inner = model("enc", [input_call("x"), call(layer(NASTY, size=4), 0)], [0], [1])
    return expand(definition(model("m", [input_call("a"), call(inner, 0), call(inner, 1)], [0], [2])))


@given(bodies())
def test_json_holds_the_whole_graph(root):
    graph = expand(definition(root))
    again = nx.node_link_graph(json.loads(graph_json(graph)), edges="edges")
    assert set(again.nodes) == set(graph.nx.nodes)
    assert again.number_of_edges() == graph.nx.number_of_edges()


@given(bodies())
def test_graphml_holds_the_whole_graph(root):
    graph = expand(definition(root))
    again = nx.parse_graphml(graphml(graph))
    assert set(again.nodes) == set(graph.nx.nodes)


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
