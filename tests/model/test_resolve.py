import pytest

from graphlint.errors import AddressError
from graphlint.model.definition import Body, CallDefinition, TensorRef, VariableDefinition
from graphlint.model.expand import expand
from graphlint.model.graph import Tensor
from graphlint.model.resolve import resolve, resolve_call, resolve_layer, resolve_tensor, resolve_variable
from graphlint.model.several import several
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
        (resolve_tensor, "enc/dense@kernel", "expected a tensor such as 'encoder/dense#0:0', got the variable"),
        (resolve_variable, "enc/dense", "append @slot"),
        (resolve_variable, "enc/dense@bias", "it has enc/dense@kernel"),
        (resolve_variable, "split@bias", "it has none"),
        (resolve_layer, "enc/dens", "did you mean enc/dense"),
        (resolve_layer, "dense", "did you mean enc/dense"),
        (resolve_layer, "net/enc", "did you mean enc?"),
        (resolve_layer, "zzz", "no layer 'zzz': did you mean"),
        (resolve_layer, "../enc", "no layer"),
        (resolve_layer, "./enc", "no layer './enc': did you mean enc?"),
        (resolve_layer, ".#0/enc", "no layer '.#0/enc': did you mean enc?"),
        (resolve, 3, "expected an address such as 'encoder/dense#0:0', got int 3: pass a string"),
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


# -- several models ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def models():
    """Three models that share a layer, with layers of one name, a model inside, and a name that has to be escaped."""
    shared = layer("shared", size=2)
    inner = model("inner", [input_call("i"), call(layer("deep", size=5), 0)], [0], [1])

    def member(*steps, size=0):
        calls = [input_call("x"), *(call(one, place) for place, one in enumerate(steps))]
        root = model("net", calls, [0], [len(steps)])
        root.variables = layer("own", size=size).variables
        return definition(root)

    gan = member(layer("d", size=1), shared, inner, size=4)
    disc = member(layer("d", size=3), layer("e", size=1), shared, layer("e2"))
    return expand(several({"gan": gan, "disc": disc, "x#y": member(layer("f"), layer("g", size=1))}))


WHOLE = Tensor("gan:inner#0/deep#0", 0)
NO_D = "is in 2 models: write one of gan:"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gan", "gan:"),
        ("gan:", "gan:"),
        ("gan:.", "gan:"),
        ("gan:.:0", WHOLE),
        ("gan@kernel", "gan:@kernel"),
        ("gan:@kernel", "gan:@kernel"),
        ("gan:.@kernel", "gan:@kernel"),
        ("gan:d", "gan:d"),
        ("gan:d#0", "gan:d#0"),
        ("gan:d:0", Tensor("gan:d#0", 0)),
        ("gan:d#0:0", Tensor("gan:d#0", 0)),
        ("gan:d@kernel", "gan:d@kernel"),
        ("gan/d", "gan:d"),
        ("disc/d", "disc:d"),
        ("disc/d@kernel", "disc:d@kernel"),
        ("e", "disc:e"),
        ("e#0", "disc:e#0"),
        ("e@kernel", "disc:e@kernel"),
        ("f", "x%23y:f"),
        ("x%23y", "x%23y:"),
        ("x%23y:f", "x%23y:f"),
        ("shared", "gan:shared"),
        ("disc:shared", "gan:shared"),
        ("disc:shared#0", "disc:shared#0"),
        ("inner/deep", "gan:inner/deep"),
        ("gan:inner#0/deep", "gan:inner#0/deep#0"),
        ("inner:0", WHOLE),
        ("gan#0/d", "gan:d"),
        ("gan/d#0", "gan:d#0"),
        ("gan/inner/deep#0", "gan:inner#0/deep#0"),
        ("gan#0/inner/deep@kernel", "gan:inner/deep@kernel"),
        ("gan#0/d:0", Tensor("gan:d#0", 0)),
        ("gan::0", WHOLE),
    ],
)
def test_an_address_in_several_models_means_what_it_says(models, text, expected):
    assert resolve(models, text) == expected


@pytest.mark.parametrize(
    ("find", "text", "expected"),
    [
        (resolve_layer, "gan#0", "gan:"),
        (resolve_layer, "gan:.:0", "gan:"),
        (resolve_call, "gan", "gan:"),
        (resolve_call, "x%23y:f", "x%23y:f#0"),
        (resolve_call, "shared", "gan:shared#0"),
        (resolve_tensor, "gan", WHOLE),
        (resolve_tensor, "gan:.", WHOLE),
        (resolve_tensor, "inner", WHOLE),
        (resolve_tensor, "x%23y", Tensor("x%23y:g#0", 0)),
        (resolve_call, "gan#0", "no call 'gan#0': the calls there are gan:"),
        (resolve, "d", f"'d' {NO_D}d, disc:d"),
        (resolve, "d@kernel", f"'d@kernel' {NO_D}d@kernel, disc:d@kernel"),
        (resolve_call, "d#0", f"'d#0' {NO_D}d#0, disc:d#0"),
        (resolve, ".", "'.' is in each of 3 models: write one of gan:, disc:, x%23y:"),
        (resolve, ".:0", "'.:0' is in each of 3 models: write one of gan:.:0, disc:.:0, x%23y:.:0"),
        (resolve, "x", "'x' is in 3 models: write one of gan:x, disc:x, x%23y:x"),
        (resolve, "disc:inner", "no layer 'disc:inner': did you mean disc:e or disc:e2 or disc:?"),
        (resolve, "deep", "no layer 'deep': did you mean gan:d or gan:inner/deep or gan:?"),
        (resolve, "gan/zzz", "no layer 'gan/zzz': did you mean gan: or gan:x or gan:d?"),
        (resolve, "nope:d", "expected one whole number after ':', got 'nope:d': write path/to/layer#call:0"),
        (resolve, "gan:./d", "no layer 'gan:./d': did you mean gan:d or gan:?"),
        (resolve, "gan:..", "no layer 'gan:..': did you mean gan: or gan:x or gan:d?"),
        (resolve, "./d", "no layer './d': did you mean gan:d or gan:?"),
        (resolve, "inner/dep", "no layer 'inner/dep': did you mean gan:inner/deep or gan:inner/i or gan:inner?"),
        (resolve, 3, "expected an address such as 'encoder/dense#0:0', got int 3: pass a string"),
        (resolve, "gan:d@bias", "no variable 'gan:d@bias': layer 'gan:d' has no 'bias'; it has gan:d@kernel"),
    ],
)
def test_questions_about_several_models(models, find, text, expected):
    try:
        assert find(models, text) == expected
    except AddressError as error:
        assert str(error) == expected


# -- suggestions ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def deep():
    """Wrappers around layers, aliases of models at several depths, and many layers."""
    cell = layer("cell", "LSTM", size=2)
    wrap = layer("wrap", "Bidirectional", children={"forward_layer": cell})
    leaf = layer("leaf", size=1)
    low = encoder("low", leaf)
    mid = encoder("mid", low)
    top = encoder("top", mid)
    many = [layer(f"step_{place}") for place in range(12)]
    hidden = layer("hold", "Bidirectional", children={"forward_layer": layer("leaf", "LSTM", size=2)})
    far = encoder("a_container_with_a_long_name", layer("tip", size=1))
    calls = [input_call("a")]
    for one in (low, mid, top, far):
        calls.append(CallDefinition(one, ((TensorRef(len(calls) - 1, 0),),), outputs=(SPEC,)))
    for one in (wrap, *many, many[0], hidden):
        calls.append(call(one, len(calls) - 1))
    return expand(definition(model("net", calls, [0], [len(calls) - 1])))


FIRST = ": did you mean a or low or mid or top or a_container_with_a_long_name or wrap or step_0 or step_1?"
"""What is said where nothing is near."""
INSIDE = "runs inside wrap, which has no tensor of its own for it; write wrap"


@pytest.mark.parametrize(
    ("find", "text", "expected"),
    [
        (resolve_layer, "top/mid/low/leaf", "low/leaf"),
        (resolve_layer, "top/mid/low", "low"),
        (resolve_layer, "mid/low/leaf", "low/leaf"),
        (resolve_layer, "top/mid/x", "mid/x"),
        (resolve_call, "top/mid/low/leaf", "top#0/mid#0/low#0/leaf#0"),
        (resolve_call, "top#0/mid/low#0/leaf", "top#0/mid#0/low#0/leaf#0"),
        (resolve_variable, "top/mid/low/leaf@kernel", "low/leaf@kernel"),
        (resolve_call, ".", "."),
        (resolve_call, "step_0#1", "step_0#1"),
        (resolve_call, "wrap/forward_layer", "wrap#0"),
        (resolve_tensor, "wrap/forward_layer", Tensor("wrap#0", 0)),
        (resolve_call, "step_0", "'step_0' matches 2 calls: write one of step_0#0, step_0#1"),
        (resolve_call, "step_0#2", "no call 'step_0#2': the calls there are step_0#0, step_0#1"),
        (
            resolve_call,
            "cell",
            f"no call 'cell': wrap/forward_layer {INSIDE}",
        ),
        (resolve_layer, "cell", f"no layer 'cell'{FIRST}"),
        (resolve_layer, "leaf", "no layer 'leaf': did you mean low/leaf?"),
        (resolve_call, "leaf", "no layer 'leaf': did you mean low/leaf?"),
        (resolve_layer, "tip", "no layer 'tip': did you mean a_container_with_a_long_name/tip?"),
        (
            resolve_layer,
            "hold/forward_laye",
            "no layer 'hold/forward_laye': did you mean hold/forward_layer or wrap/forward_layer?",
        ),
        (resolve_call, "hold/forward_laye", f"no layer 'hold/forward_laye'{FIRST}"),
        (resolve_layer, "top/mid/nope", f"no layer 'top/mid/nope'{FIRST}"),
        (resolve_layer, "net/step_3", "no layer 'net/step_3': did you mean step_3?"),
        (resolve_layer, "net/nope", f"no layer 'net/nope'{FIRST}"),
        (resolve_layer, "step_", "no layer 'step_': did you mean step_9 or step_8 or step_7?"),
        (resolve_call, "qqq", f"no layer 'qqq'{FIRST}"),
        (resolve_layer, "qqq", f"no layer 'qqq'{FIRST}"),
        (resolve_layer, "qqqqqqqqqq/a", f"no layer 'qqqqqqqqqq/a'{FIRST}"),
        (resolve_tensor, "step_1:1", "no output 1 in 'step_1:1': 'step_1#0' has step_1#0:0"),
    ],
)
def test_what_is_suggested(deep, find, text, expected):
    try:
        assert find(deep, text) == expected
    except AddressError as error:
        assert str(error) == expected


def test_a_model_of_code_is_its_own_call():
    graph = expand(definition(layer("net", "Net", size=2, opaque=True)))
    assert resolve_call(graph, ".") == ".#0" and resolve(graph, ".") == "."
    with pytest.raises(AddressError, match=r"^no layer 'zzz'$"):
        resolve_layer(graph, "zzz")


# -- aliases and short names ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tied():
    """Layers with a variable in common, an alias of one letter, layers that are never called, and the root's name."""
    obj = object()

    def variable(slot, index, obj=None):
        return VariableDefinition(slot, index, (2,), dtype="float32", trainable=True, obj=obj)

    first, second, idle = layer("first"), layer("second"), layer("idle", size=1)
    first.variables = [variable("kernel", 0, obj), variable("bias", 1)]
    second.variables = [variable("own", 0), variable("tied", 1, obj)]
    shared = encoder("s", layer("d", size=1))
    tower = encoder("t", shared)
    named = encoder("c", encoder("net", layer("d", size=2)))
    wrap = layer("w", "Bidirectional", children={"forward_layer": layer("cell", "LSTM"), "other": shared})
    calls = [input_call("a"), call(first, 0), call(second, 1), call(shared, 2), call(tower, 3), call(named, 4)]
    calls += [call(wrap, 5), call(wrap, 6), call(layer("d"), 7)]
    root = model("net", calls, [0], [8])
    root.body.layers.append(idle)
    return expand(definition(root))


HELD = "no variable 'second@nope': layer 'second' has no 'nope'; it has first@kernel, second@own, second@tied"


@pytest.mark.parametrize(
    ("find", "text", "expected"),
    [
        (resolve_variable, "second@tied", "first@kernel"),
        (resolve_variable, "second@nope", HELD),
        (
            resolve_variable,
            "first@nope",
            "no variable 'first@nope': layer 'first' has no 'nope'; it has first@kernel, first@bias",
        ),
        (resolve_layer, "t/s/d", "s/d"),
        (resolve_layer, "w/other/d", "s/d"),
        (resolve_layer, "w/other", "s"),
        (resolve_call, "w/other", "'w/other' matches 2 calls: write one of s#0, t/s#0"),
        (resolve_call, "idle", "no call 'idle': layer 'idle' is never called"),
        (resolve_layer, "net/d", "no layer 'net/d': did you mean c/net/d?"),
        (resolve_layer, "net/first", "no layer 'net/first': did you mean first?"),
        (resolve_layer, "bet/first", "no layer 'bet/first': did you mean first?"),
        (resolve_call, "idl", "no layer 'idl': did you mean idle?"),
    ],
)
def test_what_aliases_and_names_lead_to(tied, find, text, expected):
    try:
        assert find(tied, text) == expected
    except AddressError as error:
        assert str(error) == expected


def test_one_model_under_two_names():
    one = definition(model("net", [input_call("x"), call(layer("d", size=1), 0)], [0], [1]))
    graph = expand(several({"b": one, "q": one}))
    assert graph.aliases == {"q:": "b:"}
    found = {text: resolve_layer(graph, text) for text in ("b:d", "q:d", "q", "q:", "d", "q:x")}
    assert found == {"b:d": "b:d", "q:d": "b:d", "q": "b:", "q:": "b:", "d": "b:d", "q:x": "b:x"}
    assert resolve_variable(graph, "q:d@kernel") == "b:d@kernel"


def test_an_alias_of_one_letter():
    inner = encoder("b", layer("d", size=1))
    wrap = layer("w", "Bidirectional", children={"forward_layer": inner})
    graph = expand(definition(model("net", [input_call("a"), call(wrap, 0), call(inner, 1)], [0], [2])))
    assert graph.aliases == {"b": "w/forward_layer"}
    assert [resolve_layer(graph, text) for text in ("b", "b/d", "b/x")] == [
        "w/forward_layer",
        "w/forward_layer/d",
        "w/forward_layer/x",
    ]


def test_a_layer_is_preferred_to_a_model_of_its_name():
    gan = encoder("net", encoder("disc", layer("d", size=1)))
    graph = expand(several({"gan": definition(gan), "disc": definition(encoder("net", layer("d", size=2)))}))
    found = {text: resolve(graph, text) for text in ("disc/d", "disc:d", "disc/x", "gan/disc/d", "disc")}
    assert found == {
        "disc/d": "gan:disc/d",
        "disc:d": "disc:d",
        "disc/x": "gan:disc/x",
        "gan/disc/d": "gan:disc/d",
        "disc": "disc:",
    }


def test_a_layer_named_like_the_root_in_several_models():
    graph = expand(several({name: definition(encoder("net", layer(".", size=1))) for name in ("one", ".")}))
    found = {text: resolve(graph, text) for text in ("one:%2E", "one:.", "one:%2E@kernel", "%2E", "%2E:%2E", "%2E:.")}
    assert found == {
        "one:%2E": "one:%2E",
        "one:.": "one:",
        "one:%2E@kernel": "one:%2E@kernel",
        "%2E": "%2E:",
        "%2E:%2E": "%2E:%2E",
        "%2E:.": "%2E:",
    }


def test_aliases_that_lead_to_each_other():
    dense = layer("dense", size=1)
    second = layer("second", "Second", opaque=True, children={"dense": dense})
    first = layer("first", "First", opaque=True, children={"part": second, "part/dense": dense})
    graph = expand(several({"x": definition(first), "y": definition(second)}))
    assert graph.aliases == {"x:part": "y:", "y:dense": "x:part/dense"}
    assert resolve_layer(graph, "y:dense") == "x:part/dense"
    with pytest.raises(AddressError, match=r"^no layer 'y:dense/nope': did you mean x: or y:\?$"):
        resolve_layer(graph, "y:dense/nope")


def coded():
    """A model whose code calls a layer that the model holds itself."""
    far = layer("far", size=1)
    body = Body(
        [], [input_call("i"), call(far, 0)], [TensorRef(0, 0)], outputs=[TensorRef(1, 0)], traced=True, arguments=("0",)
    )
    calls = [
        input_call("a"),
        call(far, 0),
        CallDefinition(layer("own", "Mine", body=body), (TensorRef(1, 0),), outputs=(SPEC,)),
    ]
    return definition(model("net", calls, [0], [2]))


def test_a_call_that_has_no_path_of_its_own_in_several_models():
    assert resolve_call(expand(coded()), "own/far") == "own#0/far#0"
    one = expand(several({"one": coded(), "other": definition(encoder("net", layer("d")))}))
    assert resolve_call(one, "own/far") == "one:own#0/far#0"
    both = expand(several({"one": coded(), "other": coded()}))
    assert resolve_call(both, "other:own/far") == "other:own#0/far#0"
    with pytest.raises(AddressError, match=r"^'own/far' is in 2 models: write one of one:own/far, other:own/far$"):
        resolve_call(both, "own/far")


def test_what_is_called_itself_is_suggested_though_it_runs_inside_another_layer_too():
    deep = encoder("deep", layer("d", size=1))
    wrap = layer("w", "Bidirectional", children={"forward_layer": deep})
    graph = expand(definition(model("net", [input_call("a"), call(encoder("top", deep), 0), call(wrap, 1)], [0], [2])))
    with pytest.raises(AddressError, match=r"^no layer 'deep': did you mean top/deep\?$"):
        resolve_call(graph, "deep")


def test_three_layers_of_a_name_are_suggested():
    calls = [input_call("a"), *(call(encoder(name, layer("d")), place) for place, name in enumerate("pqrs"))]
    graph = expand(definition(model("net", calls, [0], [4])))
    with pytest.raises(AddressError, match=r"^no layer 'd': did you mean p/d or q/d or r/d\?$"):
        resolve_layer(graph, "d")
