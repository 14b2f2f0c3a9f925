import pytest

from graphlint.errors import AddressError
from graphlint.model.definition import CallDefinition, TensorRef, VariableDefinition
from graphlint.model.expand import expand
from graphlint.model.graph import Tensor
from graphlint.model.resolve import resolve, resolve_call, resolve_layer, resolve_tensor, resolve_variable
from tests.model.definitions import SPEC, call, definition, input_call, layer, model


def encoder(name, inner):
    return model(name, [input_call("x"), call(inner, 0)], [0], [1])


@pytest.fixture
def graph():
    """``enc`` is called twice and sits in ``tower`` too, ``split`` has two outputs, ``wrap`` has a sublayer."""
    dense = layer("dense", size=3)
    enc = encoder("enc", dense)
    tower = encoder("tower", enc)
    wrap = layer("wrap", "Bidirectional", children={"forward_layer": layer("cell", "LSTM", size=2)})
    unused = layer("unused", size=5)
    root = model(
        "net",
        [
            input_call("a"),
            CallDefinition(enc, ((TensorRef(0, 0),),), outputs=(SPEC,)),
            CallDefinition(enc, ((TensorRef(1, 0),),), outputs=(SPEC,)),
            CallDefinition(tower, ((TensorRef(2, 0),),), outputs=(SPEC,)),
            call(layer("split", "Split"), 3, outputs=2),
            call(wrap, (4, 1)),
        ],
        [0],
        [5],
    )
    root.body.layers.append(unused)
    return expand(definition(root))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "a"),
        ("a#0", "a#0"),
        ("a:0", Tensor("a#0", 0)),
        ("enc", "enc"),
        ("enc#1", "enc#1"),
        ("enc#1:0", Tensor("enc#1/dense#0", 0)),
        ("enc#1/dense", "enc#1/dense#0"),
        ("enc/dense", "enc/dense"),
        ("enc/dense@kernel", "enc/dense@kernel"),
        ("tower/enc/dense", "enc/dense"),
        ("tower/enc/dense@kernel", "enc/dense@kernel"),
        ("wrap/forward_layer@kernel", "wrap/forward_layer@kernel"),
        ("split:1", Tensor("split#0", 1)),
        (".", "."),
    ],
)
def test_an_address_means_what_it_says(graph, text, expected):
    assert resolve(graph, text) == expected


def test_a_call_through_another_path_is_the_call_there(graph):
    assert resolve_call(graph, "tower/enc/dense") == "tower#0/enc#0/dense#0"


def test_a_sublayer_runs_as_the_calls_of_its_layer(graph):
    assert resolve_call(graph, "wrap/forward_layer") == "wrap#0"


def test_a_container_stands_for_what_it_returns(graph):
    assert resolve_tensor(graph, "tower") == Tensor("tower#0/enc#0/dense#0", 0)
    assert resolve_tensor(graph, ".") == Tensor("wrap#0", 0)


def test_a_layer_may_be_given_by_one_of_its_calls(graph):
    assert resolve_layer(graph, "enc#1/dense#0:0") == "enc/dense"


def test_every_address_of_a_call_resolves_to_it(graph):
    for one in graph.calls:
        assert resolve_call(graph, graph.address(one)) == one
        assert resolve_tensor(graph, graph.address(Tensor(one, 0))) == Tensor(one, 0)
    for one in graph.variables:
        assert resolve_variable(graph, one) == one


@pytest.mark.parametrize(
    ("find", "text", "message"),
    [
        (resolve_call, "enc/dense", "matches 2 calls: write one of enc#0/dense#0, enc#1/dense#0"),
        (resolve_call, "enc#7", "the calls there are enc#0, enc#1"),
        (resolve_call, "unused", "layer 'unused' is never called"),
        (resolve_call, "enc/dense@kernel", "drop the slot"),
        (resolve_tensor, "split", "has 2 outputs: write one of split#0:0, split#0:1"),
        (resolve_tensor, "split:2", "no output 2 in 'split:2'"),
        (resolve_tensor, "enc/dense@kernel", "drop the slot"),
        (resolve_variable, "enc/dense", "append @slot"),
        (resolve_variable, "enc/dense@bias", "it has enc/dense@kernel"),
        (resolve_variable, "split@bias", "it has none"),
        (resolve_layer, "enc/dens", "did you mean enc/dense"),
        (resolve_layer, "dense", "did you mean enc/dense"),
        (resolve_layer, "net/enc", "did you mean enc?"),
        (resolve_layer, "zzz", "no layer 'zzz': did you mean"),
        (resolve_layer, "../enc", "no layer"),
    ],
)
def test_errors_say_what_there_is(graph, find, text, message):
    with pytest.raises(AddressError) as error:
        find(graph, text)
    assert message in str(error.value)


def test_names_with_reserved_characters():
    odd = layer("block/conv:1#@%.", size=2)
    dot = layer(".", size=2)
    graph = expand(definition(model("net", [input_call("x"), call(odd, 0), call(dot, 1)], [0], [2])))
    for one in graph.layers:
        assert resolve_layer(graph, one) == one
    for one in graph.calls:
        assert resolve_call(graph, one) == one
    assert resolve_variable(graph, "%2E@kernel") == "%2E@kernel"


def test_variables_known_by_their_index():
    one = layer("one")
    one.variables = [VariableDefinition("0", 0, (3,), dtype="float32", trainable=True)]
    graph = expand(definition(model("net", [input_call("x"), call(one, 0)], [0], [1])))
    assert resolve(graph, "one@0") == "one@0"
