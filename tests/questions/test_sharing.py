"""Layers in several places of a model, on definitions that are written down here, without Keras."""

from __future__ import annotations

import pytest

from graphlint.model.definition import FrontEnd, LayerDefinition, ModelDefinition, VariableDefinition
from graphlint.model.expand import expand
from graphlint.questions.sharing import places, shared_across_scopes, tied_across_layers
from tests.model.definitions import call, input_call, layer, model
from tests.rules.test_definitions_of_training import held, inside, opened


def read(*parts, kind="live", uncalled=(), keras_version="3.9.0"):
    """A model of layers one after another, in memory or in a file of some format."""
    calls = [input_call("x"), *(call(one, place) for place, one in enumerate(parts))]
    root = model("net", calls, [0], [len(parts)])
    root.body.layers += uncalled
    return graph_of(root, kind=kind, keras_version=keras_version)


def graph_of(root, kind="live", keras_version="3.9.0"):
    front_end = FrontEnd.LIVE if kind == "live" else FrontEnd.STATIC
    return expand(ModelDefinition(root, front_end, kind, has_weights=True, keras_version=keras_version))


def wrapper(name, one, class_name="TimeDistributed", **fields):
    return layer(name, class_name, children={"layer": one}, **fields)


def custom(name, one, **fields):
    return LayerDefinition(name, "Mine", "mine", registered_name="mine>Mine", children={"layer": one}, **fields)


def told(graph):
    found = shared_across_scopes(graph)
    return [(one.layer, one.copy, one.first.path, one.second.path, one.disconnects) for one in found]


# -- where a layer occurs -----------------------------------------------------------------------------------------


def test_every_place_of_a_layer_in_the_order_in_which_it_is_written():
    s, t, once = held("s"), held("t"), held("once")
    a, b = inside("a", s, once), inside("b", t, s)
    outer = inside("outer", b, t)
    w = wrapper("w", t)
    graph = read(a, outer, w, s, s)
    found = {path: [(one.holder.name, one.path) for one in several] for path, several in places(graph).items()}
    assert found == {
        "a/s": [("a", "a/s"), ("b", "outer/b/s"), ("net", "s")],
        "outer/b/t": [("b", "outer/b/t"), ("outer", "outer/t"), ("w", "w/layer")],
    }
    assert list(found) == ["a/s", "outer/b/t"]
    twice = read(inside("one", a), inside("two", a))
    assert {path: len(several) for path, several in places(twice).items()} == {"one/a": 2}


# -- one object ---------------------------------------------------------------------------------------------------


def nested(s):
    return [inside("a", s), inside("b", s)]


NESTED = ("a/s", "a/s", "a/s", "b/s", False)
WITHIN = ("w/a", "w/a", "w/a", "w/b/layer", False)
ALL, MEMORY = ("live", "keras"), ("live",)


@pytest.mark.parametrize(
    ("parts", "expected", "kinds"),
    [
        (nested, [NESTED], ALL),
        (lambda s: [inside("a", s), s], [("a/s", "a/s", "a/s", "s", False)], ALL),
        (lambda s: [s, inside("a", s)], [("s", "s", "s", "a/s", True)], ALL),
        (lambda s: [inside("a", s), inside("b", s), inside("c", s)], [NESTED], ALL),
        (lambda s: [inside("out", s, inside("in", s))], [("out/s", "out/s", "out/s", "out/in/s", True)], ALL),
        (lambda s: [s, s], [], ()),
        (lambda s: [held("s"), held("t")], [], ()),
        (lambda s: [wrapper("w", s), s], [("w/layer", "w/layer", "w/layer", "s", False)], MEMORY),
        (lambda s: [s, wrapper("w", s)], [], ()),
        (lambda s: [wrapper("w", s), wrapper("v", s)], [("w/layer", "w/layer", "w/layer", "v/layer", False)], MEMORY),
        (lambda s: [inside("a", s), wrapper("w", s)], [("a/s", "a/s", "a/s", "w/layer", False)], MEMORY),
        (lambda s: [inside("a", s, wrapper("w", s))], [], ()),
        (lambda s: [inside("a", wrapper("w", s)), inside("b", s)], [("a/w/layer",) * 3 + ("b/s", False)], MEMORY),
        (lambda s: [s, wrapper("w", s), inside("b", s)], [("s", "s", "s", "b/s", True)], ALL),
        (lambda s: [layer("w", "Bidirectional", children={"one": s, "two": s})], [], ()),
        (lambda s: [custom("w", s), custom("v", s)], [("w/layer",) * 3 + ("v/layer", False)], MEMORY),
        (lambda s: [custom("w", s), s], [("w/layer",) * 3 + ("s", False)], MEMORY),
        (lambda s: [inside("a", s), custom("v", s)], [("a/s",) * 3 + ("v/layer", False)], MEMORY),
        (lambda s: [custom("w", s, is_model=True), custom("v", s)], [], ()),
        (lambda s: [custom("w", s), custom("v", s, is_model=True)], [], ()),
        (lambda s: [custom("w", s, is_model=True), s, inside("a", s)], [], ()),
        (lambda s: [inside("a", s), custom("w", s, is_model=True), inside("b", s)], [NESTED], ALL),
        (lambda s: [layer("w", "RNN", children={"a": s, "b": s}), s], [("w/a",) * 3 + ("s", False)], MEMORY),
        (lambda s: [layer("w", "RNN", children={"a": s, "b": wrapper("v", s)})], [WITHIN], MEMORY),
        (
            lambda s: [wrapper("w", s), wrapper("v", s), wrapper("u", s)],
            [("w/layer",) * 3 + ("v/layer", False)],
            MEMORY,
        ),
    ],
)
def test_layers_that_a_file_does_not_keep_shared(parts, expected, kinds):
    for kind in ("live", "keras", "h5"):
        assert told(read(*parts(held("s")), kind=kind)) == (expected if kind in kinds else [])
    assert told(read(*parts(layer("s", "ReLU")))) == []


@pytest.mark.parametrize(("version", "count"), [("3.0.0", 1), (None, 1), ("2.15.0", 0), ("", 1)])
def test_only_files_of_keras_3_record_what_is_shared(version, count):
    assert len(told(read(*nested(held("s")), kind="keras", keras_version=version))) == count
    assert told(read(*nested(held("s")), keras_version=version)) == [NESTED]


def test_every_layer_that_is_shared_is_told():
    s, t, relu = held("s"), held("t"), layer("relu", "ReLU")
    found = told(read(inside("a", relu, s, t), inside("b", relu, s, t)))
    assert found == [NESTED, ("a/t", "a/t", "a/t", "b/t", False)]
    u, v = held("u"), wrapper("v", held("d"))
    assert told(read(u, wrapper("w", u), inside("a", s), inside("b", s))) == [NESTED]
    assert told(read(inside("a", s), inside("b", s), held("c"), v, v)) == [NESTED]


def test_of_a_whole_model_only_the_outermost_is_told():
    inner = inside("inner", held("s"))
    assert told(read(inside("a", inner), inside("b", inner))) == [("a/inner",) * 3 + ("b/inner", False)]


@pytest.mark.parametrize(
    ("rebuilt", "reported"),
    [
        ((), True),
        (("around",), False),
        (("a",), True),
        (("b",), True),
        (("other",), True),
        (("other", "around"), False),
    ],
)
def test_what_a_constructor_makes_anew(rebuilt, reported):
    s = held("s")
    around = inside("around", inside("a", s), inside("b", s))
    other = inside("other", held("t"))
    every = {"around": around, "other": other, **{one.layer.name: one.layer for one in around.body.calls}}
    for name in rebuilt:
        every[name].rebuilt = True
    found = told(read(around, other))
    assert found == ([("around/a/s",) * 3 + ("around/b/s", False)] if reported else [])


def test_what_is_inside_and_outside_of_what_a_constructor_makes():
    s, t = held("s"), held("t")
    for first, second in ((True, False), (False, True)):
        a, b = inside("a", s, t), inside("b", s, t)
        a.rebuilt, b.rebuilt = first, second
        assert [one[0] for one in told(read(a, b))] == ["a/s", "a/t"]
    around = inside("around", inside("a", s), inside("b", s))
    around.rebuilt = True
    assert [one[0] for one in told(read(around, inside("c", t), inside("d", t)))] == ["c/t"]
    assert told(read(around, inside("c", s))) == [("around/a/s",) * 3 + ("c/s", False)]


def over(first_inputs, second_inputs, *, first=True):
    """A model inside another one, whose Inputs may be those of the outer one, before or after what both hold."""
    s, t = held("s"), held("t")
    inputs = {name: input_call(name) for name in {*first_inputs, *second_inputs}}
    inner_inputs = [inputs[name] for name in second_inputs]
    inner = model("inner", [*inner_inputs, call(s, 0)], range(len(inner_inputs)), [len(inner_inputs)])
    outer_inputs = [inputs[name] for name in first_inputs]
    count = len(outer_inputs)
    steps = [call(s, 0), call(inner, *([count] * len(inner_inputs)))]
    steps = steps if first else [call(inner, *([0] * len(inner_inputs))), call(s, count)]
    calls = [*outer_inputs, *steps, call(t, count + 1)]
    return model("net", calls, range(count), [count + 2])


@pytest.mark.parametrize(
    ("outer", "inner", "first", "count"),
    [
        ("x", "x", True, 0),
        ("x", "y", True, 1),
        ("x", "x", False, 1),
        ("x", "y", False, 1),
        ("xz", "xy", True, 0),
        ("xz", "y", True, 1),
    ],
)
@pytest.mark.parametrize("kind", ["live", "keras"])
def test_models_over_the_inputs_of_the_one_that_contains_them(outer, inner, first, count, kind):
    graph = graph_of(over(outer, inner, first=first), kind=kind)
    assert len(told(graph)) == count


def test_every_place_of_a_model_counts_as_around_it():
    s = held("s")
    m = inside("m", s)
    z = inside("z", s, inside("a", m))
    q = inside("q", inside("b", m), inside("c", m))
    assert told(read(z, q)) == [("z/s",) * 3 + ("z/a/m/s", True), ("z/a/m",) * 3 + ("q/b/m", False)]
    q = inside("q", m, s)
    q.rebuilt = True
    assert told(read(inside("z", m), q)) == [("z/m",) * 3 + ("q/m", False)]


def test_what_code_makes_it_makes_again():
    def custom_of(**children):
        made = custom("w", held("first"))
        made.children = children
        return made

    s, t = held("s"), held("t")
    assert told(read(custom_of(one=s, more=wrapper("v", s)))) == []
    assert told(read(custom_of(one=wrapper("u", s), more=wrapper("v", s)))) == []
    assert told(read(custom_of(one=inside("a", s), more=inside("b", s)), inside("c", t), inside("d", t))) == [
        ("c/t",) * 3 + ("d/t", False)
    ]
    assert told(read(custom_of(one=wrapper("u", s)), wrapper("v", s))) == [("w/one/layer",) * 3 + ("v/layer", False)]
    for opaque in (True, False):
        block = opened(input_call("i"), call(s, 0), call(wrapper("v", s), 1))
        block.opaque = opaque
        assert told(read(block)) == []
        assert told(read(block, s)) == [("block/s",) * 3 + ("s", False)]
        block.is_model = True
        assert told(read(block, s)) == []
        block = opened(input_call("i"), call(custom("w", s), 0))
        block.opaque = opaque
        assert told(read(block, s)) == []
    around = inside("around", custom("w", s))
    assert told(read(around, s)) == [("around/w/layer",) * 3 + ("s", False)]
    around.rebuilt = True
    assert told(read(around, s)) == []
    a = inside("a", s)
    a.class_name, a.registered_name = "Mine", "mine>Mine"
    for kind in ALL:
        assert told(read(a, inside("b", s), kind=kind)) == [NESTED]


def test_models_that_are_never_called_and_what_is_in_them():
    s, t = held("s"), held("t")
    deep = inside("u", inside("m", s))
    parts = [inside("c", s), inside("a", t), inside("b", t)]
    expected = [("a/t",) * 3 + ("b/t", False)]
    assert told(read(*parts, uncalled=[deep])) == expected
    never = held("never")
    assert told(read(*parts, uncalled=[inside("u", never), inside("v", never)])) == expected


def test_models_beside_each_other_over_the_same_inputs_are_not_inside():
    s, x = held("s"), input_call("x")
    a, b = (model(name, [x, call(s, 0)], [0], [1]) for name in "ab")
    assert told(read(a, b)) == [NESTED]
    t = held("t")
    inner = model("inner", [x, call(s, 0)], [0], [1])
    calls = [x, call(s, 0), call(inner, 1), call(inside("c", s, t), 2), call(inside("d", t), 3)]
    found = told(graph_of(model("net", calls, [0], [4])))
    assert [(one[0], one[3], one[4]) for one in found] == [("s", "c/s", True), ("c/t", "d/t", False)]


def test_opened_layers_are_no_models_with_a_graph():
    s, t = held("s"), held("t")
    block = opened(input_call("i"), call(s, 0))
    assert told(read(s, block, held("end"))) == []
    assert told(read(block, s)) == [("block/s",) * 3 + ("s", False)]
    hidden = LayerDefinition("whole", "Whole", "mine", registered_name="mine>Whole", is_model=True, children={"s": s})
    around = opened(input_call("i"), call(s, 0), call(t, 1))
    assert told(read(hidden, around, inside("a", t), inside("b", t)))[0][0] == "block/t"
    root = opened(input_call("i"), call(inside("a", s), 0), call(inside("b", s), 1))
    root.name, root.is_model = "net", True
    assert told(graph_of(root)) == []
    direct = opened(input_call("i"), call(inside("a", s), 0), call(s, 1))
    direct.is_model = True
    assert told(graph_of(direct)) == []


# -- two in a file that were one ----------------------------------------------------------------------------------


def stored(name="s", class_name="Dense", number=None, **config):
    made = held(name, class_name, **config)
    made.shared_object_id = number
    return made


def lost(name="s", class_name="Dense", number=7, **fields):
    return layer(name, class_name, shared_object_id=number, **fields)


def pair(one, other):
    return [(one, other, one, other, False)]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (lambda: [inside("a", stored()), inside("b", lost())], pair("a/s", "b/s")),
        (lambda: [inside("a", lost()), inside("b", stored())], pair("b/s", "a/s")),
        (lambda: [inside("a", stored()), inside("b", lost(number=0))], pair("a/s", "b/s")),
        (lambda: [inside("a", stored()), inside("b", lost(number=None))], []),
        (lambda: [inside("a", stored()), inside("b", lost("t"))], []),
        (lambda: [inside("a", stored()), inside("b", lost(class_name="Conv1D"))], []),
        (lambda: [inside("a", stored()), inside("b", lost(is_operation=True))], []),
        (lambda: [inside("a", stored("s", "InputLayer")), inside("b", lost("s", "InputLayer"))], []),
        (lambda: [inside("a", stored()), inside("b", stored(number=7))], []),
        (lambda: [inside("a", lost()), inside("b", lost())], []),
        (lambda: [inside("b", lost())], []),
        (lambda: [inside("a", stored()), inside("b", lost()), inside("c", lost())], [*pair("a/s", "b/s")]),
        (
            lambda: [inside("a", stored(units=2)), inside("b", stored()), inside("c", lost())],
            pair("b/s", "c/s"),
        ),
        (
            lambda: [inside("d", inside("a", stored())), inside("b", stored()), inside("c", lost())],
            pair("b/s", "c/s"),
        ),
        (
            lambda: [inside("a", stored(), stored("t")), inside("b", lost(), lost("t"))],
            [*pair("a/s", "b/s"), *pair("a/t", "b/t")],
        ),
        (
            lambda: [wrapper("a", stored(), class_name="Bidirectional"), wrapper("b", lost(), class_name="RNN")],
            pair("a/layer", "b/layer"),
        ),
        (
            lambda: [inside("a", wrapper("s", stored("x"))), inside("b", wrapper("s", held("y"), shared_object_id=3))],
            [],
        ),
        (
            lambda: [inside("a", wrapper("s", stored("x"))), inside("b", wrapper("s", lost("x"), shared_object_id=3))],
            [("a/s", "b/s", "a/s", "b/s", False)],
        ),
    ],
)
def test_layers_without_weights_beside_one_of_their_name_with_weights(parts, expected):
    if len(expected) == 1 and parts()[-1].name == "c" and parts()[1].body.calls[1].layer.shared_object_id == 7:
        expected = [*expected, *pair("a/s", "c/s")]
    for kind in ("keras", "h5"):
        assert told(read(*parts(), kind=kind)) == expected
    assert told(read(*parts())) == []


def test_what_was_built_alike_is_nearer_than_what_lies_nearer():
    for shape, expected in (([None, 4], "d/a/s"), ([None, 5], "b/s")):
        far, near, copy = stored(), stored(), lost()
        far.build_shape, near.build_shape, copy.build_shape = [None, 4], [None, 5], shape
        parts = [inside("d", inside("a", far)), inside("b", near), inside("c", copy)]
        assert [one[:2] for one in told(read(*parts, kind="keras"))] == [(expected, "c/s")]
        far.build_shape, near.build_shape = near.build_shape, far.build_shape
        assert [one[0] for one in told(read(*parts, kind="keras"))] != [expected]


def test_a_layer_that_occurs_elsewhere_too_lost_nothing():
    copy = lost()
    assert told(read(inside("a", stored()), inside("b", copy), inside("c", copy), kind="keras")) == []
    first = read(inside("a", stored()), copy, kind="keras")
    assert told(first) == pair("a/s", "s")


@pytest.mark.parametrize(("count", "found"), [(98, True), (99, False), (100, False)])
def test_a_name_that_many_layers_have_says_nothing(count, found):
    parts = [inside(f"m{place}", stored()) for place in range(count)]
    assert bool(told(read(*parts, inside("b", lost()), kind="keras"))) is found


def test_layers_inside_a_copy_are_not_told_again():
    whole = inside("m", stored("s"))
    copy = inside("m", lost("s"))
    copy.shared_object_id = 5
    more = [inside("c", stored("t")), inside("d", lost("t"))]
    found = told(read(inside("a", whole), inside("b", copy), *more, kind="keras"))
    assert found == [*pair("a/m", "b/m"), *pair("c/t", "d/t")]
    deep = inside("m", inside("n", lost("s")))
    deep.shared_object_id = deep.body.calls[1].layer.shared_object_id = 6
    found = told(read(inside("a", inside("m", inside("n", stored("s")))), inside("b", deep), kind="keras"))
    assert found == pair("a/m", "b/m")


def test_copies_that_are_none_stand_before_one_that_is():
    before = [inside("c", lost("u")), inside("d", wrapper("w", held("x"), shared_object_id=4))]
    found = told(read(*before, inside("a", stored()), inside("b", lost()), kind="keras"))
    assert found == pair("a/s", "b/s")
    own = inside("net", lost("x"))
    own.shared_object_id = 3
    assert told(read(held("end"), own, kind="keras")) == []


# -- variables of two layers --------------------------------------------------------------------------------------


def tied(one, other):
    other.variables = one.variables
    return [one, other]


def ties(*parts, root=None):
    graph = graph_of(root) if root is not None else read(*parts)
    return [(variable.id, one, other) for variable, one, other in tied_across_layers(graph)]


def test_variables_that_two_layers_hold():
    assert ties(*tied(held("a"), held("b"))) == [("a@kernel", "a", "b")]
    one, two = tied(held("a"), held("b"))
    third = held("c")
    third.variables = one.variables
    assert ties(one, two, third) == [("a@kernel", "a", "b"), ("a@kernel", "a", "c")]
    assert ties(held("a"), held("b")) == []
    mine = LayerDefinition("b", "Mine", "mine", registered_name="mine>Mine")
    assert ties(*tied(held("a"), mine)) == []
    assert ties(*tied(mine, held("a"))) == []
    assert ties(inside("m", *tied(held("a"), held("b")))) == [("m/a@kernel", "m/a", "m/b")]
    assert ties(*tied(held("p"), held("q")), *tied(held("a"), held("b"))) == [
        ("p@kernel", "p", "q"),
        ("a@kernel", "a", "b"),
    ]


def test_a_wrapper_that_lists_what_it_holds_ties_nothing():
    cell = held("cell")
    around = layer("w", "RNN", children={"cell": cell})
    around.variables = cell.variables
    assert ties(around) == []
    deep = layer("v", "TimeDistributed", children={"layer": layer("w", "RNN", children={"cell": cell})})
    deep.variables = cell.variables
    assert ties(deep) == []
    later = held("later")
    later.variables = cell.variables
    assert ties(around, later) == [("w@kernel", "w", "later")]
    inner = inside("m", held("s"))
    inner.variables = inner.body.calls[1].layer.variables
    assert ties(inner) == []


def test_variables_in_code_are_tied_by_code():
    one, two = tied(held("a"), held("b"))
    assert ties(opened(input_call("i"), call(one, 0), call(two, 1))) == []
    block = opened(input_call("i"), call(one, 0))
    assert ties(block, two) == []
    made = inside("n", *tied(held("c"), held("d")))
    made.rebuilt = True
    assert ties(made) == []
    spare = VariableDefinition("kernel", 0, (4, 4), dtype="float32", trainable=True)
    loose, bound = held("a"), held("b")
    loose.variables, bound.variables = [spare], [spare]
    made = inside("m", loose, bound)
    made.rebuilt = True
    assert ties(made) == []
