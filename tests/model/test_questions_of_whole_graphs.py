"""What graphs with about everything answer: how their layers are called, what encloses, holds and reaches what."""

from __future__ import annotations

import pytest

from graphlint.model.definition import (
    Body,
    Effect,
    Format,
    FrontEnd,
    ModelDefinition,
    OptimizerDefinition,
    TensorRef,
    VariableDefinition,
)
from graphlint.model.expand import expand
from graphlint.model.graph import Call, Layer, ModelGraph, Tensor, Variable
from tests.model.definitions import SPEC, call, definition, input_call, layer, model
from tests.model.test_whole_graphs import closed_layers, nested_models, opened_code, several_models

PART = "own/part/layers"
MODEL = "own/deep/model"


@pytest.fixture(scope="module")
def nested():
    return expand(nested_models())


@pytest.fixture(scope="module")
def opened():
    return expand(opened_code())


@pytest.fixture(scope="module")
def closed():
    return expand(closed_layers())


@pytest.fixture(scope="module")
def many():
    return expand(several_models())


def shorter(graph):
    """The addresses that are not the ids themselves."""
    found = {node: graph.address(node) for node in (*graph.calls, *graph.scopes)}
    return {node: address for node, address in found.items() if address != node}


def test_addresses(nested, opened, closed, many):
    assert shorter(nested) == {}
    assert shorter(opened) == {
        f"own#{number}/part#0/layers/{name}#0": f"own#{number}/part/layers/{name}#0"
        for number in (0, 1)
        for name in ("input_layer", "dense")
    }
    names = ("layers/input_layer#0", "layers/dense#0", "sum#0", "layers/dense_1#0")
    assert shorter(closed) == {f"inner#0/{name}": f"inner/{name}" for name in names}
    assert shorter(many) == {
        f"gan:{model}#0/{name}#0": f"gan:{model}/{name}#0"
        for model, name in (("gen", "z"), ("gen", "g"), ("dis", "i"), ("dis", "d"))
    }
    assert nested.address(Tensor("wide#1/shared#0", 1)) == "wide#1/shared#0:1"
    assert many.address(Tensor("gan:gen#0/g#0", 0)) == "gan:gen/g#0"
    assert (nested.address("wide"), nested.address("."), nested.address("wide#1")) == ("wide", ".", "wide#1")


def test_how_layers_are_called(nested, opened, closed, many):
    assert nested.shared_layers == ["wide", "wide/shared", "twin"]
    assert opened.shared_layers == ["own", "own/held~1"]
    assert closed.shared_layers == [f"{MODEL}/layers/dense", f"{MODEL}/layers/dense_1"]
    assert many.shared_layers == ["gen:", "dis:", "gen:g"]
    direct = {path: nested.called_directly(path, once=True) for path in nested.layers if nested.called_directly(path)}
    once = {"x", "y", "wide/q", "wide/p", "wide/join", "wrap", "twin~1", "twin~2"}
    assert direct == {**dict.fromkeys(once, True), "twin": False}
    assert {path for path in nested.layers if nested.called_once(path)} == {*once, "wide/shared"}
    assert [path for path in many.layers if many.called_directly(path)] == ["a%3Ab:", "gan:z", "dis:i", "dis:d"]
    assert nested.call_sites("wide/shared") == ["wide#0/shared#0", "wrap#0", "wide#1/shared#0"]
    assert closed.call_sites(MODEL) == ["own#0", "open#0"]
    assert closed.call_sites(f"{MODEL}/sum") == ["own#0", "open#0", "inner#0/sum#0"]
    assert many.call_sites("gen:g") == ["a%3Ab:#0", "gan:gen#0/g#0", "gen:g#0"]
    assert nested.call_sites("wide/idle") == nested.call_sites("nothing") == []
    assert nested.container_calls("wide") == ["wide#0", "wide#1"] and nested.container_calls("twin") == []


def test_the_calls_of_some_classes(nested, opened):
    def found(graph, fits):
        return [one.id for one in graph.calls_of_classes(fits)]

    assert found(nested, lambda one: one.class_name == "Dense") == [
        "wide#0/shared#0",
        "twin#0",
        "twin~1#0",
        "wide#1/shared#0",
        "twin~2#0",
        "twin#1",
    ]
    assert found(nested, lambda one: one.class_name != "InputLayer") == [
        "wide#0/join#0",
        "wide#0/shared#0",
        "wrap#0",
        "twin#0",
        "twin~1#0",
        "wide#1/join#0",
        "wide#1/shared#0",
        "twin~2#0",
        "twin#1",
    ]
    assert found(nested, lambda one: one.class_name == "LSTM") == []
    assert found(opened, lambda one: one.is_operation) == [
        f"own#{number}/{name}#0" for number in (0, 1) for name in ("mul", "mul~1")
    ]


def test_classes_are_told_apart_by_all_that_names_them():
    """One class name in two modules, under two registered names, and as a layer and an operation."""
    ones = [
        layer("a", "Add"),
        layer("b", "Add"),
        layer("c", "Add"),
        layer("d", "Add", is_operation=True),
        layer("e", "Add", registered_name="my>Add"),
        layer("f", "Add"),
    ]
    ones[1].module = "elsewhere"
    calls = [input_call("x"), *(call(one, place) for place, one in enumerate(ones))]
    graph = expand(definition(model("net", calls, [0], [len(ones)])))
    asked = []
    assert graph.calls_of_classes(lambda one: asked.append(one.path)) == []
    assert asked == ["x", "a", "b", "d", "e"]
    assert [one.id for one in graph.calls_of_classes(lambda one: one.path == "a")] == ["a#0", "c#0", "f#0"]


def test_what_reaches_what(nested, opened, closed, many):
    def dead(graph):
        return {*graph.layers, *graph.variables, *graph.calls} - graph.live_nodes

    unused = {"wide#1/shared#0", "twin~2", "twin~2#0", "wide/idle@kernel", "wide/idle", "twin#1"}
    assert dead(nested) == {".", "wide", *unused}
    assert dead(opened) == {".", "own", "own/part", "own/block/other", "own/block/other@kernel"}
    assert (dead(closed), dead(many)) == ({"."}, {".", "gan:", "dis:"})
    fed = [set(graph.calls) - graph.fed_calls for graph in (nested, opened, closed, many)]
    assert fed == [{"wide#1/p#0", "twin#1", "twin~2#0"}, {"own#1/b#0", "own#1/c#0"}, set(), {"a%3Ab:#0"}]
    assert opened.ancestors(["own#0/mul#0"]) >= {"own@scale", "own/mul", "own#0/c#0", "z#0", "z"}
    assert "own@scale" not in opened.ancestors(["own#0/held~1#0"])
    assert opened.descendants(["own@scale"]) >= {"own", "own#0/mul#0", "own#1/norm#0", "held#0"}
    assert "own#0/mul#0" not in opened.descendants(["own#0/norm#0"])
    assert opened.ancestors(["own@scale"]) == {"own@scale"}
    assert opened.descendants(["own/held@kernel"]) >= {"own/held", "own#0/held#0", "own#1/held#0"}
    assert nested.ancestors(["twin#0"], known={"wrap#0"}) == {"twin#0", "twin", "twin@kernel"}
    with_masks = set(opened.receivers("own#0/m#0"))
    assert with_masks == {"own#0/norm#0"}


def test_an_effect_is_an_end_too():
    """A call and a variable that reach no output live by the losses and updates of code alone."""
    obj = object()
    body = Body([], [input_call("i"), call(layer("side", size=1), 0), call(layer("main"), 0)], [], outputs=[])
    body.layers = [one.layer for one in body.calls]
    body.inputs, body.outputs = [TensorRef(0, 0)], [TensorRef(2, 0)]
    body.traced, body.arguments = True, ("0",)
    own = layer("own", "Mine", body=body)
    own.variables.append(VariableDefinition("count", 0, (), dtype="float32", trainable=False, obj=obj))

    def live(*effects):
        body.effects = effects
        graph = expand(definition(model("net", [input_call("x"), call(own, 0)], [0], [1])))
        assert graph.live_nodes <= {*graph.calls, *graph.layers, *graph.variables}
        return graph.live_nodes

    side = {"own#0/side#0", "own/side", "own/side@kernel"}
    assert not live() & {*side, "own@count"}
    assert live(Effect("loss", (TensorRef(1, 0),))) >= side
    assert live(Effect("update", (), obj)) & {*side, "own@count"} == {"own@count"}


def test_components(nested, many):
    whole = [one for one in nested.calls if one not in ("twin~2#0", "twin#1")]
    assert nested.components(nested.calls) == [whole, ["twin~2#0"], ["twin#1"]]
    some = ["twin#0", "x#0", "wrap#0", "wide#0/q#0"]
    assert nested.components(some) == [["x#0", "wide#0/q#0"], ["wrap#0", "twin#0"]]
    assert [len(one) for one in many.components(many.calls)] == [1, 5, 2, 2]
    assert nested.components([]) == []


def test_models_of_nodes(nested, many):
    with_ = {node: [one.name for one in many.members_with(node)] for node in (*many.layers, *many.variables)}
    three, two = ["a:b", "gan", "gen"], ["gan", "dis"]
    assert with_ == {
        ".": [],
        **{key: ["a:b"] for key in ("a%3Ab:", "a%3Ab:own", "a%3Ab:own@kernel")},
        **{key: ["gan"] for key in ("gan:", "gan:z")},
        **dict.fromkeys(("gen:", "gen:g", "gen:g@kernel", "gen:z"), three),
        **dict.fromkeys(("dis:", "dis:d", "dis:d@kernel", "dis:i"), two),
    }
    assert [many.member_of(node).name for node in ("a%3Ab:#0", "gan:gen#0/z#0", "gan:", "gen:z#0", "dis:")] == [
        "a:b",
        "gan",
        "gan",
        "gen",
        "dis",
    ]
    assert nested.member_of("x#0") is nested.members[0] and nested.members_with("twin") is nested.members
    assert many.several and not nested.several
    assert repr(many) == "<ModelGraph 'a:b, gan, gen, dis': 10 calls, 11 layers, 3 variables>"


def test_what_code_makes(nested, opened):
    inside = {one for one in (*opened.calls, *opened.scopes) if "/" in one}
    assert {one for one in (*opened.calls, *opened.scopes) if opened.in_code(one)} == inside
    direct = {one for one in inside if "/layers/" not in one}
    assert {one for one in (*opened.calls, *opened.scopes) if opened.called_by_code(one)} == direct
    assert not any(map(nested.called_by_code, nested.calls)) and not nested.in_code("wide#0")
    assert [one.path for one in opened.opened_layers] == ["own"] and opened.opaque_layers == []
    assert opened.has_code and not nested.has_code and nested.opened_layers == []
    closed_to_files = {path for path in opened.layers if not opened.written(path)}
    assert closed_to_files == {path for path in opened.layers if path.startswith("own/")}
    assert all(map(opened.seen, opened.layers))


def test_what_encloses_and_holds(closed, many):
    assert [one.path for one in closed.enclosing(f"{MODEL}/sum")] == [MODEL, "own/deep", "own", "."]
    assert list(closed.enclosing(".")) == []
    assert [one.path for one in many.enclosing("gan:z")] == ["gan:", "."]
    assert [one.path for one in closed.layers_below("own")][:3] == ["own", "own/deep", MODEL]
    assert sorted(one.path for one in many.layers_below(".")) == sorted(many.layers)
    below = {path: [one.id for one in closed.variables_below(path)] for path in ("open", "own/deep", "x")}
    kernels = [f"{MODEL}/layers/dense@kernel", f"{MODEL}/layers/dense_1@kernel"]
    assert below == {"open": kernels, "own/deep": [*kernels, "own/deep/cell@kernel"], "x": []}
    assert not closed.written("own/deep", wrapped=False) and closed.written("own/deep")


def test_variables_come_in_saved_order():
    """One of them is held by two layers, the other way round."""
    obj = object()

    def variable(slot, index, obj=None):
        return VariableDefinition(slot, index, (index + 2, 3), dtype="float32", trainable=True, obj=obj)

    first, second = layer("first"), layer("second")
    first.variables = [variable("tied", 1, obj), variable("bias", 0)]
    second.variables = [variable("own", 0), variable("table/x", 1, obj), variable("again", 2, obj)]
    graph = expand(definition(model("net", [input_call("x"), call(second, 0), call(first, 1)], [0], [2])))
    assert [one.slot for one in graph.variables_of("first")] == ["bias", "table/x"]
    assert [one.id for one in graph.variables_of("second")] == ["second@own", "second@table%2Fx"]
    assert graph.holders("second@table%2Fx") == ["second", "first"]
    assert graph.variable_aliases == {"second@again": "second@table%2Fx", "first@tied": "second@table%2Fx"}
    assert [one.id for one in graph.variables_below(".")] == ["second@own", "second@table%2Fx", "first@bias"]
    assert graph.variables["second@table%2Fx"].size == 9 and graph.variables["first@bias"].size == 6
    assert graph.parameters.total == 21 and graph.parameters is graph.parameters


def test_what_a_layer_says_of_itself():
    values = {"kernel_regularizer": None, "bias_regularizer": {"class_name": "L2"}, "regularizer_x": 1}
    one = layer("d", config=values, dtype_policy="float16", build_shape=(None, 3), trainable=False, obj=[])
    one.guessed_class, one.registered_name, one.vocabulary_size = "Dense", "Dense", 7
    node = Layer("net/d", "net", one)
    assert (node.name, node.module, node.registered_name, node.guessed_class) == (
        "d",
        "keras.layers",
        "Dense",
        "Dense",
    )
    assert (node.trainable, node.dtype_policy, node.build_shape, node.obj) == (False, "float16", (None, 3), [])
    assert node.penalised and not Layer("p", None, layer("p", config={"kernel_regularizer": None})).penalised
    assert not Layer("p", None, layer("p", config={"regularizer_x": 1})).penalised
    assert not node.is_model and Layer("m", None, layer("m", is_model=True)).is_model
    assert node.vocabulary_size == 7
    assert node.is_keras and node.traits.name == "Dense" and node.class_name == "Dense" and node.config is values


BODY = Body([], [], [], outputs=[])
TRACED = Body([], [], [], outputs=[], traced=True)


@pytest.mark.parametrize(
    ("fields", "hidden", "flags"),
    [
        ({}, False, (False, False, False)),
        ({"class_name": "Mine"}, False, (False, False, True)),
        ({"class_name": "Mine"}, True, (False, False, False)),
        ({"class_name": "Mine", "opaque": True}, True, (False, False, True)),
        ({"opaque": True}, False, (False, False, True)),
        ({"class_name": "Mine", "body": BODY}, False, (True, False, False)),
        ({"class_name": "Mine", "body": TRACED}, False, (True, True, False)),
        ({"class_name": "Mine", "is_operation": True}, False, (False, False, False)),
        ({"class_name": None}, False, (False, False, False)),
    ],
)
def test_containers_code_and_what_cannot_be_seen(fields, hidden, flags):
    one = layer("one", fields.pop("class_name", "Dense"), **fields)
    if one.class_name != "Dense":
        one.module = {"Mine": "mine"}.get(one.class_name)
    node = Layer("one", None, one, hidden=hidden)
    assert (node.container, node.traced, node.opaque) == flags


def test_what_a_graph_says_of_its_model():
    root = model("net", [input_call("x")], [0], [0])
    optimizer = OptimizerDefinition("Adam", None, {})
    known = ModelDefinition(root, FrontEnd.LIVE, Format.LIVE, has_weights=True, compile_config={"loss": "mse"})
    known.optimizer = optimizer
    graph = expand(known)
    assert (graph.live, graph.has_weights, graph.compile_config) == (True, True, {"loss": "mse"})
    assert graph.optimizer is optimizer and graph.root.definition is root and graph.members[0].compiled
    other = expand(ModelDefinition(root, FrontEnd.STATIC, Format.KERAS))
    assert (other.live, other.has_weights, other.compile_config, other.optimizer) == (False, False, None, None)
    assert not other.members[0].compiled and other.variables_below(".") == [] and not other.has_code
    assert repr(other) == "<ModelGraph 'net': 1 calls, 2 layers, 0 variables>"


def test_notebooks_show_what_reports_draw(monkeypatch):
    graph = expand(definition(model("net", [input_call("x")], [0], [0])))
    monkeypatch.setattr(ModelGraph, "notebook_view", lambda one: f"drawn {one.root.name}")
    assert graph._repr_html_() == "drawn net"
    monkeypatch.setattr(ModelGraph, "notebook_view", None)
    assert graph._repr_html_() is None


def test_arguments_of_a_call_by_their_paths(nested):
    assert [path for path, _ in nested.leaves("twin~1#0")] == ["inputs", "value/0", "value/1"]
    assert [path for path, _ in nested.leaves("twin#0")] == ["0", "1"]
    assert nested.producers("wide#0/join#0") == [Tensor("wide#0/p#0", 0), Tensor("wide#0/q#0", 0)]
    assert [edge.target for edge in nested.consumers(Tensor("wide#0/shared#0", 1))] == ["wrap#0"]
    assert nested.consumers(Tensor("wide#0/shared#0", 0)) == []
    assert nested.is_output(Tensor("twin~1#0", 0)) and not nested.is_output(Tensor("twin#0", 0))
    assert Tensor("wide#0/shared#0", 1) in nested.returned and Tensor("wide#0/shared#0", 0) not in nested.returned


def test_the_graph_of_networkx(opened):
    flow = opened.nx
    nodes = {node: data["kind"] for node, data in flow.nodes(data=True)}
    assert nodes == {
        **dict.fromkeys(opened.layers, "layer"),
        **dict.fromkeys(opened.variables, "variable"),
        **dict.fromkeys(opened.calls, "call"),
    }
    kinds = {"layer": Layer, "variable": Variable, "call": Call}
    assert all(isinstance(data["data"], kinds[data["kind"]]) for _, data in flow.nodes(data=True))
    into = {
        (source, data["kind"], data.get("argument"), data.get("output"), data.get("position"))
        for source, _, data in flow.in_edges("own#0/mul#0", data=True)
    }
    assert into == {
        ("own@scale", "read by", None, None, None),
        ("own/mul", "runs as", None, None, None),
        ("own#0/part#0/layers/dense#0", "tensor", "0", 0, 0),
        ("own#0/c#0", "tensor", "captured/0", 0, 1),
    }
    mask = next(data for _, _, data in flow.in_edges("own#0/norm#0", data=True) if data["kind"] == "mask")
    assert mask == {
        "kind": "mask",
        "output": 0,
        "argument": "mask",
        "shape": SPEC.shape,
        "dtype": SPEC.dtype,
        "position": 1,
    }
    assert flow.has_edge("own@scale", "own") and opened.nx is flow


def test_scopes_of_a_model_shared_by_two_are_shared():
    """A model in two others; a wrapper whose layer has no other path; a layer twice in one model."""
    inner = model("inner", [input_call("i"), call(layer("d"), 0)], [0], [1])
    outer = [model(name, [input_call("i"), call(inner, 0)], [0], [1]) for name in ("a", "b")]
    wrapped = layer("w", "TimeDistributed", children={"layer": layer("l")})
    plus = layer("plus", "Add", is_operation=True)
    calls = [input_call("x"), call(outer[0], 0), call(outer[1], 1), call(wrapped, 2), call(wrapped, 3)]
    calls += [call(plus, 4), call(plus, 5)]
    graph = expand(definition(model("net", calls, [0], [6])))
    assert graph.shared_layers == ["a/inner", "w"]
