"""What a graph answers about neighbours, containment and reach, beside networkx and the plain definitions."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphlint.model.address import inside
from graphlint.model.definition import CallDefinition, TensorRef
from graphlint.model.expand import expand
from graphlint.model.graph import MASK, TENSOR, EdgeKind, Tensor
from graphlint.model.several import several
from tests.model.definitions import SPEC, bodies, call, definition, input_call, layer, model


def along(graph, *kinds):
    """The part of the networkx graph that has edges of some kinds."""
    return nx.edge_subgraph(graph.nx, [edge for edge in graph.nx.edges if graph.nx.edges[edge]["kind"] in kinds])


def after(graph, node, *kinds):
    part = along(graph, *kinds)
    return set(part.successors(node)) if node in part else set()


@given(bodies())
def test_neighbours_are_those_of_networkx(root):
    graph = expand(definition(root))
    for name, node in graph.calls.items():
        assert graph.layer(name) is graph.layers[node.layer]
        assert after(graph, name, TENSOR, MASK) == set(graph.receivers(name))
        for kind in (TENSOR, MASK):
            received = [edge for edge in graph.nx.in_edges(name, data=True) if edge[2]["kind"] == kind]
            assert Counter(edge.source for edge in graph.in_edges(name, kind)) == Counter(one for one, _, _ in received)
            for _, _, data in received:
                assert data["shape"] == SPEC.shape[: None if kind == TENSOR else -1]
        places = [edge.position for kind in (TENSOR, MASK) for edge in graph.in_edges(name, kind)]
        assert sorted(places) == list(range(len(places)))
        for output in range(len(node.outputs)):
            tensor = Tensor(name, output)
            assert graph.spec(tensor) == SPEC
            carried = [edge for other in graph.calls for edge in graph.in_edges(other) if edge.source == name]
            assert graph.consumers(tensor) == sorted(
                (edge for edge in carried if edge.output == output), key=graph.out_edges(name).index
            )
            assert graph.is_output(tensor) == (tensor in graph.outputs)
            assert (tensor in graph.returned) == any(tensor in scope.outputs for scope in graph.scopes.values())
        leaves = [leaf for _, leaf in graph.leaves(name) if isinstance(leaf, Tensor)]
        assert leaves == graph.producers(name)
    for path in graph.layers:
        assert set(graph.call_sites(path)) == after(graph, path, EdgeKind.RUNS_AS)
        assert graph.call_sites(path) == sorted(graph.call_sites(path), key=list(graph.calls).index)
    for name in graph.variables:
        assert set(graph.holders(name)) == after(graph, name, EdgeKind.HELD_BY)


@given(bodies())
def test_what_contains_what(root):
    graph = expand(definition(root))
    held = nx.DiGraph([(path, child) for path, children in graph.children.items() for child in children])
    held.add_nodes_from(graph.layers)
    for path, one in graph.layers.items():
        found = [inner.path for inner in graph.layers_below(path)]
        assert found[0] == path and len(set(found)) == len(found)
        assert set(found) == {path, *nx.descendants(held, path)}
        variables = [variable.id for inner in found for variable in graph.variables_of(inner)]
        assert sorted(variable.id for variable in graph.variables_below(path)) == sorted(set(variables))
        around = [outer.path for outer in graph.enclosing(path)]
        assert around[:1] == ([] if one.parent is None else [one.parent])
        assert path == "." or around[-1] == "."
        assert set(around) <= nx.ancestors(held, path)
        assert one.container == (one.definition.body is not None) and not one.traced and not one.opaque
        scopes = [scope.id for scope in graph.scopes.values() if scope.layer == path]
        assert graph.container_calls(path) == scopes
        assert bool(scopes) <= one.container
    assert {path for path, one in graph.layers.items() if one.parent is None} == {"."}
    assert graph.opaque_layers == [] and graph.opened_layers == []


@given(bodies(), st.data())
def test_reach_is_that_of_networkx(root, data):
    graph = expand(definition(root))
    flow = graph.nx
    everything = [*graph.layers, *graph.variables, *graph.calls]
    some = data.draw(st.lists(st.sampled_from(everything), max_size=3))
    below = set(some).union(*(nx.descendants(flow, node) for node in some))
    assert graph.descendants(some) == below
    calls = [node for node in some if node in graph.calls]
    above = set(calls).union(*(nx.ancestors(flow, node) for node in calls))
    assert graph.ancestors(calls) == above
    known = data.draw(st.sets(st.sampled_from(everything), max_size=3))
    assert graph.ancestors(calls, known=above) == set(calls)
    left = graph.ancestors(calls, known=known)
    assert left <= above and left & known <= set(calls)
    fed = set(graph.inputs).union(*(nx.descendants(flow, node) for node in graph.inputs))
    assert graph.fed_calls == fed & set(graph.calls)
    chosen = flow.subgraph(graph.calls)
    assert {frozenset(group) for group in graph.components(graph.calls)} == {
        frozenset(group) for group in nx.weakly_connected_components(chosen)
    }


@given(bodies())
def test_how_often_a_layer_is_called(root):
    graph = expand(definition(root))
    assert list(graph.position.items()) == [(name, number) for number, name in enumerate(graph.calls)]
    for path, one in graph.layers.items():
        own = [node for node in graph.calls.values() if node.layer == path]
        sites = [graph.calls[name] for name in graph.call_sites(path)]
        assert graph.called_directly(path) == (bool(sites) and own == sites)
        places = {id(node.definition) for node in own}
        assert graph.called_directly(path, once=True) == (own == sites and len(places) == 1)
        assert graph.called_once(path) == (len(places) == 1)
        if one.parent == "." and one.path in graph.shared_layers and one.container:
            assert len(graph.container_calls(path)) > 1
    operations = graph.calls_of_classes(lambda layer: layer.is_operation)
    dense = graph.calls_of_classes(lambda layer: layer.class_name == "Dense")
    several = graph.calls_of_classes(lambda layer: layer.class_name in ("Dense", "Add", "InputLayer"))
    assert operations == []
    assert dense == [one for one in graph.calls.values() if graph.layers[one.layer].class_name == "Dense"]
    wanted = ("Dense", "Add", "InputLayer")
    assert several == [one for one in graph.calls.values() if graph.layers[one.layer].class_name in wanted]


@given(bodies())
def test_addresses_leave_out_what_is_clear(root):
    graph = expand(definition(root))
    for name, scope in graph.scopes.items():
        if name == ".":
            assert graph.address(name) == "."
            continue
        parent = scope.parent
        assert graph.address(name).endswith(name.removeprefix(inside(parent)))
        inner = next((one for one in graph.calls.values() if one.scope == name), None)
        if inner is not None:
            again = [one for one in graph.scopes.values() if one.parent == parent and one.layer == scope.layer]
            own = inner.id.removeprefix(inside(name))
            part = graph.address(inner.id).removesuffix(own).rstrip("/").rpartition("/")[2]
            assert ("#" in part) == (len(again) > 1)


def test_outputs_are_named_where_there_are_several():
    split = call(layer("split"), 0, outputs=2)
    graph = expand(definition(model("net", [input_call("x"), split, call(layer("end"), (1, 1))], [0], [2])))
    assert [graph.address(Tensor(name, output)) for name, output in (("split#0", 1), ("end#0", 0))] == [
        "split#0:1",
        "end#0",
    ]
    assert [len(graph.consumers(Tensor("split#0", output))) for output in (0, 1)] == [0, 1]


def test_addresses_of_models_inside_models():
    low = model("low", [input_call("x"), call(layer("d"), 0)], [0], [1])
    mid = model("mid", [input_call("x"), call(low, 0), call(low, 1)], [0], [2])
    top = model("top", [input_call("x"), call(mid, 0)], [0], [1])
    graph = expand(definition(model("net", [input_call("x"), call(top, 0)], [0], [1])))
    assert {scope: graph.address(scope) for scope in graph.scopes} == {
        ".": ".",
        "top#0": "top#0",
        "top#0/mid#0": "top/mid#0",
        "top#0/mid#0/low#0": "top/mid/low#0",
        "top#0/mid#0/low#1": "top/mid/low#1",
    }
    assert graph.address("top#0/mid#0/low#1/d#0") == "top/mid/low#1/d#0"


def test_addresses_beside_a_model_that_is_code():
    open_one = definition(model("net", [input_call("x"), call(layer("d"), 0)], [0], [1]))
    graph = expand(several({"open": open_one, "code": definition(layer("net", "Net", opaque=True))}))
    assert {node: graph.address(node) for node in (*graph.calls, *graph.scopes)} == {
        "open:x#0": "open:x#0",
        "open:d#0": "open:d#0",
        "code:#0": "code:#0",
        ".": ".",
        "open:": "open:",
    }


def test_a_layer_that_code_holds_twice():
    both = layer("both", size=1)
    graph = expand(definition(layer("net", "Net", opaque=True, children={"one": both, "other": both})))
    assert graph.aliases == {"other": "one"} and graph.call_sites("one") == [".#0"]
    assert graph.shared_layers == [] and not graph.called_by_code(".#0") and not graph.in_code(".#0")
    assert graph.address(".#0") == ".#0"


def test_a_call_on_two_paths_is_reached_once():
    """Each call receives the one before it twice, so that there are more paths than can be walked."""
    calls = [input_call("x"), *(call(layer(f"add_{place}", "Add"), place, place) for place in range(60))]
    graph = expand(definition(model("net", calls, [0], [60])))
    assert graph.descendants(["x#0"]) == set(graph.calls)
    assert graph.ancestors(["add_59#0"]) == {*graph.calls, *graph.layers} - {"."}


def nested(*uses):
    """A model that holds ``inner``, called on the tensors of some calls, and the layer ``both`` beside and in it."""
    both = layer("both", size=3)
    inner = model("inner", [input_call("x"), call(both, 0), call(layer("own", size=2), 1)], [0], [2])
    calls = [input_call("a"), call(both, 0)]
    calls += [CallDefinition(inner, ((TensorRef(source, 0),),), outputs=(SPEC,)) for source in uses]
    return expand(definition(model("net", calls, [0], [len(calls) - 1])))


@pytest.mark.parametrize(
    ("uses", "shared"),
    [((), []), ((1,), ["both"]), ((0, 2), ["inner", "inner/both"])],
    ids=["alone", "in two models", "called twice"],
)
def test_shared_layers(uses, shared):
    assert nested(*uses).shared_layers == shared


def test_an_input_of_two_models_is_no_shared_layer():
    entry = input_call("i")
    towers = [model(name, [entry, call(layer(name), 0)], [0], [1]) for name in ("a", "b")]
    graph = expand(definition(model("net", [input_call("x"), call(towers[0], 0), call(towers[1], 1)], [0], [2])))
    assert graph.aliases == {"b/i": "a/i"} and graph.shared_layers == []
    assert graph.variables_below(".") == [] and graph.root.is_model


def test_what_a_wrapper_holds_is_shared_if_it_is_somewhere_else_too():
    alone, both = layer("alone", size=2), layer("both", size=3)
    wrapper = layer("wrapper", "Bidirectional", children={"forward_layer": alone, "backward_layer": both})
    calls = [input_call("a"), call(wrapper, 0), call(wrapper, 1), call(both, 2)]
    graph = expand(definition(model("net", calls, [0], [3])))
    assert graph.aliases == {"both": "wrapper/backward_layer"}
    assert graph.shared_layers == ["wrapper", "wrapper/backward_layer"]
    assert graph.call_sites("wrapper/backward_layer") == ["wrapper#0", "wrapper#1", "both#0"]
    assert graph.call_sites("wrapper/forward_layer") == ["wrapper#0", "wrapper#1"]
    assert not graph.called_directly("wrapper/forward_layer")
    assert [graph.called_directly("wrapper", once=once) for once in (False, True)] == [True, False]


def test_what_is_written_and_seen():
    custom = layer("custom", "Mine", children={"deep": layer("deep", size=1)})
    custom.module = "mine"
    wrapper = layer("wrapper", "TimeDistributed", children={"layer": layer("dense", size=2)})
    inner = model("inner", [input_call("x"), call(layer("own", size=2), 0)], [0], [1])
    rebuilt = model("rebuilt", [input_call("x"), call(layer("own", size=2), 0)], [0], [1])
    rebuilt.rebuilt = True
    derived = model("derived", [input_call("x"), call(layer("own", size=2), 0)], [0], [1])
    derived.class_name = derived.module = "mine"
    calls = [input_call("a"), call(custom, 0), call(wrapper, 1), call(inner, 2), call(rebuilt, 3), call(derived, 4)]
    graph = expand(definition(model("net", calls, [0], [5])))
    kinds = {
        path: (graph.seen(path), graph.written(path), graph.written(path, wrapped=False))
        for path in ("custom", "custom/deep", "wrapper/layer", "inner/own", "rebuilt", "rebuilt/own", "derived/own")
    }
    assert kinds == {
        "custom": (True, True, True),
        "custom/deep": (False, False, False),
        "wrapper/layer": (True, True, False),
        "inner/own": (True, True, True),
        "rebuilt": (True, True, True),
        "rebuilt/own": (True, False, False),
        "derived/own": (True, True, True),
    }
    assert [one.path for one in graph.opaque_layers] == ["custom"]
    assert not graph.has_code and not any(map(graph.in_code, chain(graph.calls, graph.scopes)))
