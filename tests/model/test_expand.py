import networkx as nx
import pytest
from hypothesis import given

from graphlint.errors import LimitError
from graphlint.model.definition import (
    Body,
    CallDefinition,
    Constant,
    ConstantKind,
    Effect,
    TensorRef,
    VariableDefinition,
)
from graphlint.model.expand import expand
from graphlint.model.graph import Tensor
from graphlint.model.several import several
from graphlint.projections.canonical import canonical
from tests.model.definitions import SPEC, bodies, call, definition, input_call, layer, model
from tests.model.pictures import picture
from tests.model.test_whole_graphs import closed_layers, nested_models, opened_code, several_models


@given(bodies())
def test_the_graph_is_acyclic_and_calls_follow_what_they_depend_on(root):
    graph = expand(definition(root))
    assert nx.is_directed_acyclic_graph(graph.nx)
    place = {name: number for number, name in enumerate(graph.calls)}
    for name in graph.calls:
        for edge in graph.in_edges(name):
            assert place[edge.source] < place[name]


@given(bodies())
def test_reach_agrees_with_networkx(root):
    graph = expand(definition(root))
    ends = {tensor.call for tensor in graph.outputs}
    expected = set(ends).union(*(nx.ancestors(graph.nx, end) for end in ends))
    assert graph.live_nodes == expected


@given(bodies())
def test_addresses_are_unique_and_every_layer_has_one_path(root):
    graph = expand(definition(root))
    addresses = [graph.address(name) for name in graph.calls]
    assert len(set(addresses)) == len(addresses)
    assert len({id(one.definition) for one in graph.layers.values()}) == len(graph.layers)


@given(bodies())
def test_parameters_add_up(root):
    graph = expand(definition(root))
    counts = graph.parameters
    assert counts.total == sum(variable.size for variable in graph.variables.values())
    assert counts.trainable + counts.non_trainable == counts.total
    assert 0 <= counts.unreachable <= counts.total
    assert counts.counted_per_layer - counts.counted_twice <= counts.total


@given(bodies())
def test_expanding_twice_gives_the_same_graph(root):
    assert canonical(expand(definition(root))) == canonical(expand(definition(root)))


def test_a_nested_model_called_twice_has_its_calls_twice_and_its_layers_once():
    inner = model("enc", [input_call("x"), call(layer("dense", size=4), 0)], [0], [1])
    root = model("m", [input_call("a"), call(inner, 0), call(inner, 1)], [0], [2])
    graph = expand(definition(root))
    assert list(graph.calls) == ["a#0", "enc#0/x#0", "enc#0/dense#0", "enc#1/x#0", "enc#1/dense#0"]
    assert graph.call_sites("enc/dense") == ["enc#0/dense#0", "enc#1/dense#0"]
    assert graph.outputs == [Tensor("enc#1/dense#0", 0)]
    assert [graph.address(name) for name in graph.calls][2:] == [
        "enc#0/dense#0",
        "enc#1/x#0",
        "enc#1/dense#0",
    ]
    assert graph.parameters.total == 4


def test_container_indices_are_left_out_where_there_is_one_call():
    inner = model("enc", [input_call("x"), call(layer("dense"), 0)], [0], [1])
    graph = expand(definition(model("m", [input_call("a"), call(inner, 0)], [0], [1])))
    assert graph.address("enc#0/dense#0") == "enc/dense#0"


def test_calls_are_counted_in_graph_order_whatever_order_is_stored():
    dense = layer("dense")
    calls = [input_call("a"), call(dense, 2), call(dense, 0)]
    graph = expand(definition(model("m", calls, [0], [1])))
    assert [edge.source for edge in graph.in_edges("dense#0")] == ["a#0"]
    assert [edge.source for edge in graph.in_edges("dense#1")] == ["dense#0"]


def test_a_layer_in_two_models_is_known_by_the_first_path():
    dense = layer("dense", size=3)
    first = model("first", [input_call("x"), call(dense, 0)], [0], [1])
    second = model("second", [input_call("x"), call(dense, 0)], [0], [1])
    graph = expand(definition(model("m", [input_call("a"), call(first, 0), call(second, 1)], [0], [2])))
    assert graph.aliases == {"second/dense": "first/dense"}
    assert graph.call_sites("first/dense") == ["first#0/dense#0", "second#0/dense#0"]
    assert graph.parameters.counted_twice == 3


def test_a_deep_chain_needs_no_recursion():
    calls = [input_call("a")]
    for number in range(3000):
        calls.append(call(layer(f"d{number}"), number))
    assert len(expand(definition(model("m", calls, [0], [3000]))).calls) == 3001


def test_nested_doublings_are_refused_before_they_are_expanded():
    inner = model("m0", [input_call("x"), call(layer("dense"), 0)], [0], [1])
    for number in range(25):
        inner = model(f"m{number + 1}", [input_call("x"), call(inner, 0), call(inner, 1)], [0], [2])
    with pytest.raises(LimitError, match="more than the limit graph-calls = 200,000"):
        expand(definition(inner))


def test_paths_and_tensors_are_counted_before_they_are_kept():
    wide = model("wide", [input_call("x"), call(layer("a" * 50), 0), call(layer("b" * 50), 1, 1, outputs=3)], [0], [2])
    assert len(expand(definition(wide), max_calls=3, max_tensors=9, max_characters=300).calls) == 3
    for limits, words in (
        ({"max_calls": 2}, "expands to 3 calls, more than the limit graph-calls = 2"),
        ({"max_tensors": 8}, "have 9 arguments and outputs after expansion, more than the limit graph-tensors = 8"),
        ({"max_characters": 200}, "take more characters, more than the limit graph-characters = 200"),
    ):
        with pytest.raises(LimitError, match=words):
            expand(definition(wide), **limits)
    held = {f"part{number}": layer("part") for number in range(4)}
    with pytest.raises(LimitError, match="contains 6 layers, shared ones counted once per place"):
        expand(definition(model("net", [input_call("x"), call(layer("w", children=held), 0)], [0], [1])), max_calls=5)


def test_tensors_of_nested_models_count_for_each_call():
    inner = model("inner", [input_call("x"), call(layer("a"), 0)], [0], [1])
    outer = model("m", [input_call("i"), call(inner, 0), call(inner, 1)], [0], [2])
    with pytest.raises(LimitError, match="have 14 arguments and outputs"):
        expand(definition(outer), max_tensors=13)
    assert len(expand(definition(outer), max_tensors=14).calls) == 5


def test_inside_closed_layers_models_have_the_names_of_their_groups():
    inner = model("inner", [input_call("x"), call(layer("a", size=1), 0), call(layer("b", size=1), 1)], [0], [2])
    for class_name, below in (("Mine", "layers/dense"), ("TimeDistributed", "a")):
        wrapper = layer("w", "TimeDistributed", children={"layer": inner})
        around = layer("own", class_name, children={"held": wrapper}, opaque=class_name == "Mine")
        graph = expand(definition(model("m", [input_call("i"), call(around, 0)], [0], [1])))
        assert f"own/held/layer/{below}" in graph.layers
        assert graph.variables_below("own/held/layer") == list(graph.variables.values())
        assert len(graph.variables) == 2


def test_variables_that_calls_receive():
    obj = object()
    variable = VariableDefinition("scale", 0, (2,), dtype="float32", trainable=True, obj=obj)
    owner = layer("own", "Mine", registered_name="x>Mine")
    owner.variables.append(variable)
    read, other = (Constant(ConstantKind.VARIABLE, obj=one) for one in (obj, object()))
    missing, tensor = Constant(ConstantKind.VARIABLE), Constant(ConstantKind.TENSOR, obj=obj)
    calls = [
        input_call("i"),
        CallDefinition(layer("mul", "Multiply", is_operation=True), (TensorRef(0, 0), read, read)),
    ]
    calls.append(CallDefinition(layer("add", "Add", is_operation=True), (TensorRef(1, 0), other, missing, tensor)))
    calls.append(CallDefinition(layer("sub", "Subtract", is_operation=True), (TensorRef(2, 0),), captured=(read,)))
    body = Body([one.layer for one in calls], calls, [TensorRef(0, 0)], outputs=[TensorRef(3, 0)], traced=True)
    body.arguments = ("0",)
    owner.body = body
    graph = expand(definition(model("m", [input_call("x"), call(owner, 0)], [0], [1])))
    assert graph.read_by == {"own@scale": ["own#0/mul#0", "own#0/sub#0"]}
    assert "own@scale" in graph.live_nodes and graph.has_code and graph.in_code("own#0/mul#0")
    body.traced = False
    del graph
    plain = expand(definition(model("m", [input_call("x"), call(owner, 0)], [0], [1])))
    assert plain.read_by == {"own@scale": ["own#0/mul#0", "own#0/sub#0"]} and not plain.has_code


def test_a_diamond_chain_is_linear():
    calls = [input_call("a")]
    for number in range(60):
        calls.append(call(layer(f"d{number}"), number, number))
    assert len(expand(definition(model("m", calls, [0], [60]))).calls) == 61


def test_a_cycle_ends():
    calls = [input_call("a"), call(layer("f"), 2), call(layer("g"), 1)]
    assert set(expand(definition(model("m", calls, [0], [2]))).calls) == {"a#0", "f#0", "g#0"}


def test_a_subclassed_model_is_one_opaque_call():
    root = layer("sub", "MyModel", is_model=True, opaque=True)
    root.children["dense"] = layer("dense", size=4)
    graph = expand(definition(root))
    assert list(graph.calls) == [".#0"]
    assert graph.call_sites("dense") == [".#0"]
    assert graph.opaque_layers == [graph.root]
    assert graph.parameters.unreachable == 0


def sizes(root):
    """What messages say of a model that is too large: calls, arguments and outputs, and layers if these are more."""
    found = []
    for limits in ({"max_calls": 0}, {"max_tensors": 0}):
        with pytest.raises(LimitError) as error:
            expand(definition(root), **limits)
        found.append(int("".join(filter(str.isdecimal, str(error.value).partition(", more")[0]))))
    try:
        graph = expand(definition(root), max_calls=found[0], max_tensors=found[1])
    except LimitError as error:
        found.append(int("".join(filter(str.isdecimal, str(error).partition(", shared")[0]))))
    else:
        assert len(graph.calls) <= found[0]
        for limits in ({"max_calls": found[0] - 1}, {"max_tensors": found[1] - 1}):
            with pytest.raises(LimitError):
                expand(definition(root), **limits)
    return found


def sized():
    """Models by name, each with its size."""
    dense, ref = layer("dense"), TensorRef(0, 0)
    entry = input_call("x")
    inner = model("inner", [input_call("i"), call(layer("d"), 0)], [0], [1])
    empty = model("empty", [], [], [])
    parts = {name: layer(name) for name in "abc"}
    wrapper = layer("w", "Bidirectional", children={"one": layer("p", children=parts), "two": inner})
    traced = Body([], [input_call("i"), call(layer("e"), 0), call(layer("f"), 1)], [ref], outputs=[TensorRef(2, 0)])
    traced.traced, traced.arguments = True, ("0",)
    own = layer("own", "Mine", children={"part": layer("part", children=parts)}, body=traced)
    form = Body([], [input_call("i")], [ref], outputs=[ref], traced=True, arguments=("0",))
    formed = CallDefinition(own, (ref,), outputs=(), form=form)
    uncalled = model("m", [entry], [0], [0])
    uncalled.body.layers.append(layer("w", children={"part": layer("p", children=parts)}))
    apart = model("m", [entry, call(inner, 0)], [0], [1])
    apart.body.layers.clear()
    unknown = CallDefinition(dense, (ref, [1, {"a": ref}]), {"b": [ref, None], "c": 3}, captured=(ref, ref))
    only = CallDefinition(dense, captured=(ref,), outputs=())
    named = CallDefinition(dense, (), {"inputs": ref, "scale": 2}, outputs=())
    nested_form = Body([], [input_call("i"), call(inner, 0)], [ref], outputs=[ref], traced=True, arguments=("0",))
    return {
        "plain": (model("m", [entry, call(dense, 0, 0, outputs=3)], [0], [1]), [2, 7]),
        "arguments": (model("m", [entry, unknown, only], [0], [0]), [3, 11]),
        "nested": (model("m", [entry, call(inner, 0), call(inner, 1)], [0], [2]), [7, 14]),
        "empty": (model("m", [entry, call(empty, 0), call(empty, 0)], [0], [0]), [3, 8]),
        "wrapped": (model("m", [entry, call(wrapper, 0)], [0], [1]), [2, 4, 9]),
        "wrapped twice": (
            model("m", [entry, call(layer("v", children={"w": wrapper, "q": inner}), 0)], [0], [1]),
            [2, 4, 13],
        ),
        "code": (model("m", [entry, call(own, 0)], [0], [1]), [5, 10, 6]),
        "not called": (uncalled, [1, 2, 6]),
        "called alone": (apart, [4, 8]),
        "another form": (model("m", [entry, formed], [0], [1]), [3, 5, 6]),
        "by name": (model("m", [entry, named], [0], [0]), [2, 4]),
        "a model in another form": (
            model("m", [entry, CallDefinition(own, (ref,), outputs=(), form=nested_form)], [0], [1]),
            [6, 11],
        ),
    }


def test_sizes_are_known_before_anything_is_expanded():
    cases = sized()
    assert {name: sizes(root) for name, (root, _) in cases.items()} == {name: size for name, (_, size) in cases.items()}


def test_sizes_beyond_any_limit_are_not_told():
    inner = model("m", [input_call("x"), call(layer("d"), 0)], [0], [1])
    held = layer("w")
    ref = TensorRef(0, 0)
    form = Body([], [input_call("i")], [ref], outputs=[ref], traced=True, arguments=("0",))
    for _ in range(44):
        inner = model("m", [input_call("x"), call(inner, 0), call(inner, 1)], [0], [2])
        held = layer("w", children={"a": held, "b": held})
        calls = [input_call("i"), *(CallDefinition(layer("own"), (ref,), outputs=(), form=form) for _ in range(2))]
        form = Body([], calls, [ref], outputs=[ref], traced=True, arguments=("0",))
    formed = CallDefinition(layer("own"), (ref,), outputs=(), form=form)
    for root, message in (
        (inner, "the model expands to over 1,000,000,000,000 calls, more than"),
        (held, "the model contains over 1,000,000,000,000 layers, shared ones counted once per place, more than"),
        (model("m", [input_call("x"), formed], [0], [1]), "the model expands to over 1,000,000,000,000 calls, more"),
    ):
        with pytest.raises(LimitError, match=f"^{message}"):
            expand(definition(root))
    with pytest.raises(LimitError, match=r"^the calls of the model have over 1,000,000,000,000 arguments and outputs"):
        expand(definition(inner), max_calls=10**13)


def test_what_contains_itself_is_told_or_refused():
    own = layer("own", "Mine", opaque=True)
    own.children["me"] = own
    graph = expand(definition(model("net", [input_call("x"), call(own, 0)], [0], [1])))
    assert graph.aliases == {"own/me": "own"} and list(graph.layers_below("own")) == [graph.layers["own"]]
    endless = model("m", [input_call("x")], [0], [0])
    endless.body.calls.append(call(endless, 0))
    with pytest.raises(LimitError, match="more characters"):
        expand(definition(endless), max_characters=1000)


def test_a_layer_alone_is_one_call_in_no_scope():
    only = definition(layer("only", "Mine", size=2))
    graph = expand(only, max_calls=0, max_tensors=1)
    assert picture(graph) == {
        "layers": ["."],
        "variables": [".@kernel 0 (2,) held by ."],
        "calls": [".#0 . in . 0 >1"],
        "outputs": [".#0:0"],
        "calls of": {".": [".#0"]},
        "members": [("only", ".", ".")],
    }
    with pytest.raises(LimitError, match="have 1 arguments and outputs"):
        expand(only, max_tensors=0)


def test_every_path_counts():
    """Layers, calls, scopes and aliases: the limit is what all of them are long together."""
    for of in (nested_models, opened_code, closed_layers, several_models):
        graph = expand(of())
        kept = [*graph.layers, *graph.calls, *graph.scopes, *graph.aliases]
        most = sum(map(len, kept)) - (len(".") if graph.several else 0)
        assert len(expand(of(), max_characters=most).calls) == len(graph.calls)
        with pytest.raises(LimitError, match="take more characters"):
            expand(of(), max_characters=most - 1)


def test_one_object_in_two_models_in_memory():
    """Two definitions of one layer: inside a custom layer of the first model, and the second model itself."""
    obj, part = object(), object()

    def made():
        inner = layer("d", size=1, obj=part)
        return model("gen", [input_call("z"), call(inner, 0)], [0], [1])

    first, second = made(), made()
    first.obj = second.obj = obj
    code = layer("sub", "MyModel", is_model=True, opaque=True, children={"g": first})
    for names in (("code", "gen"), ("gen", "code")):
        of = {"code": definition(code), "gen": definition(second)}
        shown = picture(expand(several({name: of[name] for name in names})))
        assert shown["aliases"] == {"code:g": "gen:"}
        assert sorted(shown["layers"]) == [".", "code: in .", "gen: in . =code:g", "gen:d in gen:", "gen:z in gen:"]
        assert shown["children"] == {".": [f"{name}:" for name in names], "code:": ["gen:"], "gen:": ["gen:z", "gen:d"]}
        assert shown["variables"] == ["gen:d@kernel 0 (1,) held by gen:d"]


def test_every_definition_of_one_layer_leads_to_it():
    """Two models in memory hold one model, in which a layer has one inside: four objects, each defined twice."""
    objects = [object() for _ in range(5)]

    def made():
        cell = layer("cell", "LSTM", size=1, obj=objects[0])
        wrap = layer("wrap", "Bidirectional", obj=objects[1], children={"forward_layer": cell, "layer": cell})
        start = CallDefinition(layer("i", "InputLayer", obj=objects[2]), outputs=(SPEC,))
        inner = model("inner", [start, call(wrap, 0), call(layer("d", obj=objects[3]), 1)], [0], [2])
        inner.obj = objects[4]
        return inner, [cell, wrap, start.layer, inner.body.calls[2].layer, inner]

    (first, ours), (second, theirs) = made(), made()
    roots = [model("net", [input_call("x"), call(inner, 0)], [0], [1]) for inner in (first, second)]
    graph = expand(several({"a": definition(roots[0]), "b": definition(roots[1])}))
    paths = ["a:inner/wrap/forward_layer", "a:inner/wrap", "a:inner/i", "a:inner/d", "a:inner"]
    assert [graph.layer_of[id(one)] for one in ours] == [graph.layer_of[id(one)] for one in theirs] == paths
    assert graph.aliases == {"a:inner/wrap/layer": "a:inner/wrap/forward_layer", "b:inner": "a:inner"}
    assert graph.children["b:"] == ["b:x", "a:inner"]
    assert graph.children["a:inner/wrap"] == ["a:inner/wrap/forward_layer"]


def test_a_layer_that_is_held_twice_is_contained_once():
    far = layer("far", size=1)
    wrap = layer("wrap", "Bidirectional", children={"forward_layer": far, "backward_layer": far})
    graph = expand(definition(model("net", [input_call("x"), call(far, 0), call(wrap, 1)], [0], [2])))
    assert graph.children == {".": ["x", "far", "wrap"], "wrap": ["far"]}
    assert graph.aliases == {"wrap/forward_layer": "far", "wrap/backward_layer": "far"}


def test_code_calls_what_it_holds_by_the_attribute():
    far = layer("far", size=1)
    body = Body([], [input_call("i"), call(far, 0)], [TensorRef(0, 0)], outputs=[TensorRef(1, 0)], traced=True)
    body.arguments = ("0",)
    own = layer("own", "Mine", children={"part": far}, body=body)
    graph = expand(definition(model("net", [input_call("x"), call(far, 0), call(own, 1)], [0], [2])))
    assert graph.calls_of["far"] == ["far#0", "own#0/part#0"] and graph.aliases == {"own/part": "far"}


def test_a_model_that_begins_with_a_model_has_no_inputs_of_its_own():
    inner = model("inner", [input_call("i"), call(layer("d"), 0)], [0], [1])
    graph = expand(definition(model("net", [call(inner), input_call("x")], [1, 0], [0])))
    assert graph.inputs == ["x#0"] and graph.scopes["inner#0"].inputs == ("inner#0/i#0",)


@pytest.mark.parametrize(
    ("names", "expected"), [(("a", "b"), ["y#0", "x#0"]), (("b", "a"), ["x#0", "y#0"]), (("a", "c"), ["x#0", "y#0"])]
)
def test_tensors_passed_by_the_names_of_inputs(names, expected):
    """In the order of the inputs if any name is unknown."""
    inner = model("inner", [input_call("b"), input_call("a"), call(layer("join", "Add"), 0, 1)], [0, 1], [2])
    passed = {name: TensorRef(place, 0) for place, name in enumerate(names)}
    calls = [input_call("x"), input_call("y"), CallDefinition(inner, (passed,), outputs=())]
    graph = expand(definition(model("net", calls, [0, 1], [2])))
    assert [graph.in_edges(f"inner#0/{name}#0")[0].source for name in "ba"] == expected


def test_names_that_are_taken():
    """Of layers that no list of the model has, and of those that code calls."""
    twins = [layer("twin") for _ in range(3)]
    calls = [input_call("x"), call(twins[0], 0), call(twins[0], 1), call(twins[1], 2), call(twins[2], 3)]
    root = model("net", calls, [0], [4])
    root.body.layers.clear()
    assert list(expand(definition(root)).layers) == [".", "x", "twin", "twin~1", "twin~2"]
    inside = [input_call("i"), *(call(layer("p"), place) for place in range(4)), call(layer("p~1"), 4)]
    body = Body([], inside, [TensorRef(0, 0)], outputs=[TensorRef(5, 0)], traced=True, arguments=("0",))
    own = layer("own", "Mine", body=body)
    graph = expand(definition(model("net", [input_call("x"), call(own, 0)], [0], [1])))
    assert graph.children["own"] == ["own/i", "own/p", "own/p~1", "own/p~2", "own/p~3", "own/p~1~1"]


def code(*calls, held=(), arguments=("0",), effects=(), outputs=None):
    """A layer whose code makes some calls, the first of them one of its inputs."""
    ends = [TensorRef(len(calls) - 1, 0)] if outputs is None else outputs
    inputs = [TensorRef(place, 0) for place in range(len(arguments))]
    body = Body([], list(calls), inputs, outputs=ends, traced=True, arguments=arguments, effects=effects)
    return layer("own", "Mine", children=dict(held), body=body)


def around(own, *before):
    """A model that calls some layers in a row."""
    calls = [input_call("x"), *(call(one, place) for place, one in enumerate((*before, own)))]
    return expand(definition(model("net", calls, [0], [len(calls) - 1])))


def test_code_calls_what_lies_deeper_by_its_path():
    cell = layer("cell", size=1)
    block = layer("block", "Bidirectional", children={"down": cell})
    graph = around(code(input_call("i"), call(block, 0), call(cell, 1), held={"block": block}))
    assert graph.calls_of["own/block/down"] == ["own#0/block/down#0"]
    assert list(graph.layers) == [".", "x", "own", "own/block", "own/block/down", "own/i"]


def test_code_calls_a_model_that_it_does_not_hold():
    """The layers in it have the names of their groups, and one that lies elsewhere has no other path here."""
    far, far_again = layer("far", size=1), layer("far", size=1)
    far.obj = far_again.obj = object()
    loose = model("loose", [input_call("x"), call(far_again, 0), call(layer("end"), 1)], [0], [2])
    graph = around(code(input_call("i"), call(loose, 0)), far)
    assert [name for name in graph.calls if "loose" in name] == [
        "own#0/loose#0/layers/input_layer#0",
        "own#0/loose#0/layers/dense#0",
        "own#0/loose#0/layers/dense_1#0",
    ]
    assert graph.children["own/loose"] == ["own/loose/layers/input_layer", "own/loose/layers/dense_1"]
    assert graph.aliases == {} and graph.layer_of[id(far_again)] == "far"


def test_code_that_does_two_things_names_what_it_calls_apart():
    first, second = (code(input_call("i"), call(layer("now"), 0)) for _ in range(2))
    again = CallDefinition(first, (TensorRef(1, 0),), outputs=(SPEC,), form=second.body)
    graph = expand(definition(model("net", [input_call("x"), call(first, 0), again], [0], [2])))
    assert graph.children["own"] == ["own/i", "own/now", "own/i~1", "own/now~1"]
    assert list(graph.calls)[1:] == ["own#0/i#0", "own#0/now#0", "own#1/i~1#0", "own#1/now~1#0"]


def test_code_that_returns_arrays():
    array = Constant(ConstantKind.NUMPY, [1, 2])
    calls = input_call("i"), call(layer("d"), 0)
    effects = (Effect("loss", (array, TensorRef(1, 0))),)
    graph = around(code(*calls, outputs=[array, TensorRef(1, 0)], effects=effects))
    assert graph.scopes["own#0"].outputs == graph.effects[0].tensors == (Tensor("own#0/d#0", 0),)


def test_what_code_receives_by_name():
    own = code(input_call("i"), input_call("m"), call(layer("d"), 0, 1), arguments=("samples", "mask:samples"))
    given = CallDefinition(own, (), {"samples": TensorRef(0, 0)}, outputs=(SPEC,))
    graph = expand(definition(model("net", [input_call("x"), given], [0], [1])))
    assert graph.calls["own#0/i#0"].args == (Tensor("x#0", 0),)
    assert graph.calls["own#0/m#0"].kwargs == {"mask": Tensor("x#0", 0)}


def test_what_is_found_elsewhere_is_called_before():
    late = CallDefinition(layer("late"), (), captured=(TensorRef(2, 0),), outputs=(SPEC,))
    graph = around(code(input_call("i"), late, call(layer("d"), 0), outputs=[TensorRef(1, 0)]))
    assert [name for name in graph.calls if "/" in name] == ["own#0/i#0", "own#0/d#0", "own#0/late#0"]
    assert [(edge.source, edge.argument) for edge in graph.in_edges("own#0/late#0")] == [("own#0/d#0", "captured/0")]


def test_an_input_that_is_no_tensor():
    inner = model("inner", [input_call("i"), input_call("j"), call(layer("join", "Add"), 0, 1)], [0, 1], [2])
    inner.body.inputs.insert(1, None)
    given = CallDefinition(inner, ([TensorRef(0, 0), TensorRef(1, 0)],), outputs=(SPEC,))
    graph = expand(definition(model("net", [input_call("x"), input_call("y"), given], [0, 1], [2])))
    assert graph.scopes["inner#0"].inputs == ("inner#0/i#0", "inner#0/j#0")
    assert [graph.in_edges(f"inner#0/{name}#0")[0].source for name in "ij"] == ["x#0", "y#0"]


def test_inputs_of_a_dictionary_go_by_its_keys():
    inner = model("inner", [input_call("b"), input_call("a"), call(layer("join", "Add"), 0, 1)], [0, 1], [2])
    inner.body.inputs = {"a": TensorRef(0, 0), "b": TensorRef(1, 0)}
    given = CallDefinition(inner, ({"a": TensorRef(0, 0), "b": TensorRef(1, 0)},), outputs=(SPEC,))
    graph = expand(definition(model("net", [input_call("x"), input_call("y"), given], [0, 1], [2])))
    assert [graph.in_edges(f"inner#0/{name}#0")[0].source for name in "ba"] == ["x#0", "y#0"]


def test_a_call_on_a_list():
    both = CallDefinition(layer("join", "Concatenate"), ([TensorRef(0, 0), TensorRef(1, 0)],), outputs=(SPEC,))
    graph = expand(definition(model("net", [input_call("x"), input_call("y"), both], [0, 1], [2])))
    assert [(edge.source, edge.argument) for edge in graph.in_edges("join#0")] == [("x#0", "0/0"), ("y#0", "0/1")]


def test_layers_of_a_model_that_cannot_be_seen_are_hidden_wherever_they_are_called():
    """The list of the model has none of them."""
    wrap = layer("wrap", "Bidirectional", children={"layer": layer("cell", "LSTM")})
    inner = model("inner", [input_call("i"), call(layer("d"), 0), call(wrap, 1)], [0], [2])
    inner.body.layers.clear()
    own = layer("own", "Mine", children={"model": inner}, opaque=True)
    graph = around(inner, own)
    assert {path: one.hidden for path, one in graph.layers.items()} == {
        **dict.fromkeys((".", "x", "own"), False),
        **{f"own/model{name}": True for name in ("", "/i", "/d", "/wrap", "/wrap/layer")},
    }


def test_a_model_in_a_model_in_a_wrapper():
    """Nothing of it is expanded, and what code calls in a wrapper is not told."""
    deep = model("deep", [input_call("i"), call(layer("d"), 0)], [0], [1])
    inner = model("inner", [input_call("x"), call(deep, 0)], [0], [1])
    graph = around(layer("wrap", "TimeDistributed", children={"layer": inner}))
    inside = ["wrap", "wrap/layer", "wrap/layer/x", "wrap/layer/deep", "wrap/layer/deep/i", "wrap/layer/deep/d"]
    assert list(graph.layers) == [".", "x", *inside]
    own = code(input_call("i"), call(layer("d"), 0))
    own.body.layers.append(layer("loose"))
    assert list(around(layer("wrap", "TimeDistributed", children={"layer": own})).layers) == [
        ".",
        "x",
        "wrap",
        "wrap/layer",
    ]


def test_a_model_inside_code_runs_as_the_code_wherever_it_stands_among_several():
    gen = model("gen", [input_call("z"), call(layer("d"), 0)], [0], [1])
    own = layer("sub", "Mine", opaque=True, children={"g": gen})
    plain = model("net", [input_call("x"), call(layer("d"), 0)], [0], [1])
    graph = expand(several({"plain": definition(plain), "code": definition(own), "gen": definition(gen)}))
    assert graph.call_sites("gen:d") == ["code:#0", "gen:d#0"]
    assert graph.running == {"code:": ("code:", "gen:", "gen:z", "gen:d")}


def test_a_second_definition_adds_no_names():
    """The first lies in an opaque layer, so that the layers in it have the names of their groups."""
    objects = [object() for _ in range(3)]

    def made():
        start = CallDefinition(layer("i", "InputLayer", obj=objects[0]), outputs=(SPEC,))
        inner = model("inner", [start, call(layer("d", obj=objects[1]), 0)], [0], [1])
        inner.obj = objects[2]
        return inner

    second = made()
    graph = around(second, layer("own", "Mine", children={"g": made()}, opaque=True))
    assert graph.aliases == {"inner": "own/g"}
    assert list(graph.calls)[2:] == ["inner#0/layers/input_layer#0", "inner#0/layers/dense#0"]
    assert [graph.layer_of[id(one)] for one in second.body.layers] == [
        "own/g/layers/input_layer",
        "own/g/layers/dense",
    ]
