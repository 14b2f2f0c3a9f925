"""Rules on shared weights, on definitions that are written down here, without Keras."""

from __future__ import annotations

import pytest

from graphlint.model.definition import CallDefinition, Constant, ConstantKind, FrontEnd, TensorRef
from graphlint.model.expand import expand
from graphlint.model.several import several
from rules.shared_weights.called_outside import CalledOutside
from rules.shared_weights.duplicate_computation import DuplicateComputation
from rules.shared_weights.partly_shared_towers import PartlySharedTowers
from rules.shared_weights.shared_across_scopes import SharedAcrossScopesRule
from rules.shared_weights.shared_batchnorm import SharedBatchnorm
from rules.shared_weights.shared_layer import SharedLayer
from rules.shared_weights.tie_lost import TieLost
from rules.shared_weights.unshared_on_load import UnsharedOnLoad
from rules.shared_weights.untracked_variable import UntrackedVariable
from tests.model.definitions import SPEC, call, input_call, layer, model
from tests.rules.test_definitions_of_training import graph_of, held, inside, nodes, norm, opened, passed


def on_one_input(first, second, *, ends=True, **fields):
    """Two calls on one input, added."""
    calls = [input_call("x"), first, second]
    calls += [call(layer("sum", "Add"), 1, 2)] if ends else []
    return graph_of(calls=calls, outputs=None if ends else [1, 2], **fields)


# -- S009 duplicate-computation -----------------------------------------------------------------------------------


def relu(name, class_name="ReLU", /, **config):
    return layer(name, class_name, config=config)


def told(graph):
    return [(one.node, one.message, one.related) for one in DuplicateComputation().check(graph)]


TWICE = "computed twice from the same input"


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (held("a"), True),
        (relu("a"), True),
        (relu("a", "Dropout"), False),
        (held("a", "LSTM"), True),
        (held("a", "LSTM", dropout=0.5), False),
        (held("a", "LSTM", recurrent_dropout=0.5), False),
        (held("a", "LSTM", stateful=True), False),
        (held("a", "LSTM", dropout=0.0, recurrent_dropout=0.0, stateful=False), True),
        (norm("a"), True),
        (layer("a", "Lambda"), False),
        (layer("a", "Mine", registered_name="x>Mine"), False),
        (layer("a", "Relu", is_operation=True), False),
        (inside("a", held("d")), True),
        (inside("a", held("d"), relu("drop", "Dropout")), False),
        (inside("a", held("d"), layer("op", "Relu", is_operation=True)), True),
        (inside("a", held("d"), layer("op", "Normal", "keras.src.random.random", is_operation=True)), True),
    ],
)
def test_one_layer_called_twice_on_one_input(one, found):
    node, related = ("a", ()) if one.body is not None else ("a#0", ("a#1",))
    assert told(on_one_input(passed(one, 0), passed(one, 0))) == ([(node, TWICE, related)] if found else [])
    assert told(graph_of(calls=[input_call("x"), passed(one, 0), passed(one, 1)])) == []
    other = on_one_input(passed(one, 0), passed(one, 0, mode=1))
    assert told(other) == []


def test_operations_that_draw_random_numbers():
    draws = layer("op", "Normal", is_operation=True)
    for module, found in (("keras.src.random.random", 0), ("keras.src.ops", 1), (None, 1)):
        draws.module = module
        one = inside("a", held("d"), draws)
        assert len(told(on_one_input(passed(one, 0), passed(one, 0)))) == found


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (relu("a"), relu("b"), True),
        (relu("a", max_value=6), relu("b", max_value=6), True),
        (relu("a", max_value=6), relu("b", max_value=5), False),
        (relu("a", name="a"), relu("b", name="b"), True),
        (relu("a", max_value=6, threshold=1), relu("b", threshold=1, max_value=6), True),
        (relu("a"), relu("b", "Softmax"), False),
        (held("a"), held("b"), False),
        (relu("a", "ActivityRegularization"), relu("b", "ActivityRegularization"), False),
        (relu("a", "TimeDistributed"), relu("b", "TimeDistributed"), False),
        (relu("a", "Dropout"), relu("b", "Dropout"), False),
        *(
            (relu("a", name), relu("b", name), False)
            for name in (
                "RNN",
                "Bidirectional",
                "StackedRNNCells",
                "Pipeline",
                "Lambda",
                "GaussianNoise",
                "Mine",
                "StringLookup",
            )
        ),
    ],
)
def test_two_layers_that_compute_the_same(first, second, found):
    class_name = first.class_name
    expected = [("a#0", f"{class_name} computed twice from the same input", ("b#0",))] if found else []
    assert told(on_one_input(passed(first, 0), passed(second, 0))) == expected


def test_many_layers_that_compute_the_same():
    calls = [input_call("x"), *(passed(relu(f"r{place}"), 0) for place in range(3))]
    calls += [passed(relu(f"s{place}", "Softmax"), 0) for place in range(2)]
    graph = graph_of(calls=[*calls, call(layer("sum", "Add"), *range(1, 6))])
    (problem,) = DuplicateComputation().check(graph)
    assert problem.message == "ReLU computed three times from the same input; 3 such calls in the model"
    assert (problem.node, problem.related) == ("r0#0", ("r1#0", "r2#0", "s1#0"))
    assert [(one.keep, one.drop) for one in problem.fix.edits] == [("r0#0", ("r1#0", "r2#0")), ("s0#0", ("s1#0",))]
    one = held("a")
    four = [input_call("x"), *(passed(one, 0) for _ in range(4)), call(layer("sum", "Add"), 1, 2, 3, 4)]
    assert told(graph_of(calls=four))[0][1] == "computed 4 times from the same input"


@pytest.mark.parametrize(
    ("one", "ends", "fix"),
    [
        (held("a"), True, "safe"),
        (held("a"), False, None),
        (held("a", kernel_regularizer={"class_name": "L2"}), True, "unsafe"),
        (norm("a"), True, "unsafe"),
        (inside("a", held("d")), True, "safe"),
        (inside("a", held("d")), False, None),
    ],
)
def test_the_fix_computes_it_once(one, ends, fix):
    (problem,) = DuplicateComputation().check(on_one_input(passed(one, 0), passed(one, 0), ends=ends))
    assert (problem.fix and ("safe" if problem.fix.changes is None else "unsafe")) == fix
    if fix:
        (edit,) = problem.fix.edits
        assert (edit.keep, edit.drop) == ("a#0", ("a#1",))


def test_calls_of_several_outputs_are_not_merged():
    one = held("a")
    calls = [input_call("x")]
    calls += [CallDefinition(one, (TensorRef(0, 0),), outputs=(SPEC, SPEC)) for _ in range(2)]
    (problem,) = DuplicateComputation().check(graph_of(calls=[*calls, call(layer("sum", "Add"), 1, 2)]))
    assert problem.fix is None


def test_a_call_inside_a_model_that_is_called_twice_is_told_once():
    one = held("a")
    inner = model("inner", [input_call("i"), passed(one, 0), passed(one, 0), call(layer("sum", "Add"), 1, 2)], [0], [3])
    graph = graph_of(calls=[input_call("x"), passed(inner, 0), passed(inner, 1)])
    assert [message for _, message, _ in told(graph)] == [TWICE]
    deep = inside("outer", inside("inner", held("d")))
    assert [node for node, _, _ in told(on_one_input(passed(deep, 0), passed(deep, 0)))] == ["outer"]
    constant = Constant(ConstantKind.TENSOR, [1.0])
    same, other = Constant(ConstantKind.TENSOR, [1.0]), passed(one, 0, by=constant)
    assert len(told(on_one_input(other, passed(one, 0, by=constant)))) == 1
    assert told(on_one_input(other, passed(one, 0, by=same))) == []
    assert len(told(on_one_input(passed(one, 0), passed(one, 0, by=None)))) == 1


# -- S001 shared-layer, S003 shared-batchnorm ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (held("a"), "2 calls share 16 parameters"),
        (relu("a"), None),
        (inside("a", held("d"), held("e")), "2 calls share 32 parameters"),
        (inside("a", relu("r")), None),
    ],
)
def test_layers_that_are_called_twice(one, message):
    problems = list(SharedLayer().check(on_one_input(passed(one, 0), passed(one, 0))))
    assert [(found.node, found.message) for found in problems] == ([("a", message)] if message else [])
    assert list(SharedLayer().check(graph_of(one))) == []
    for problem in problems:
        assert problem.related == (("a#0", "a#1") if one.body is None else ())
        (edit,) = problem.fix.edits
        assert len(edit.calls) == 1 and edit.calls[0] not in ("a", "a#0")


def test_calls_that_cannot_be_told_apart_are_not_unshared():
    one = held("a")
    wrap = [layer(name, "TimeDistributed", children={"layer": one}) for name in ("v", "w")]
    (problem,) = SharedLayer().check(on_one_input(passed(wrap[0], 0), passed(wrap[1], 0)))
    assert problem.node.endswith("layer") and problem.fix is None
    inner = model("inner", [input_call("i"), passed(one, 0), passed(one, 1)], [0], [2])
    (problem,) = SharedLayer().check(graph_of(inner))
    assert problem.message == "2 calls share 16 parameters" and len(problem.fix.edits[0].calls) == 1


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (norm("a"), True),
        (norm("a", frozen=True), False),
        (norm("a", class_name="LayerNormalization"), False),
        (layer("a", "TimeDistributed", children={"layer": norm("inner")}), True),
    ],
)
def test_normalisations_of_several_inputs(one, found):
    node = "a/layer" if one.class_name == "TimeDistributed" else "a"
    message = "2 calls on 2 different inputs update one moving mean and variance, which then fit none of them"
    chained = [input_call("x"), passed(one, 0), passed(one, 1)]
    problems = [(p.node, p.message, p.related) for p in SharedBatchnorm().check(graph_of(calls=chained))]
    assert problems == ([(node, message, ("a#0", "a#1"))] if found else [])
    assert nodes(SharedBatchnorm, graph_of(calls=chained, frozen=True)) == []
    assert nodes(SharedBatchnorm, on_one_input(passed(one, 0), passed(one, 0))) == []
    assert nodes(SharedBatchnorm, graph_of(one)) == []


# -- S005 partly-shared-towers ------------------------------------------------------------------------------------


def towers(*pairs, merged=True):
    """Two chains on two inputs, of pairs of layers side by side."""
    calls, ends = [input_call("x"), input_call("y")], [0, 1]
    for pair in pairs:
        for side in (0, 1):
            calls.append(passed(pair[side], ends[side]))
            ends[side] = len(calls) - 1
    if merged:
        calls.append(call(layer("sum", "Add"), *ends))
    root_outputs = [len(calls) - 1] if merged else ends
    return graph_of(calls=calls, outputs=root_outputs)


def both(name, **fields):
    one = held(name, **fields)
    return one, one


def apart(first="own", second="other", class_name="Dense", **config):
    return held(first, class_name, **config), held(second, class_name, **config)


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        ([both("a"), apart(), both("b")], True),
        ([both("a", class_name=None), apart(), both("b")], True),
        ([both("a"), both("b"), apart()], True),
        ([both("a"), apart()], False),
        ([both("a"), both("b")], False),
        ([both("a"), apart(), both("b"), apart("third", "fourth")], False),
        ([both("a"), (norm("own"), norm("other")), both("b")], False),
        ([both("a"), (relu("own"), relu("other")), both("b")], False),
        ([both("a"), (relu("r"), relu("s")), apart(), both("b")], True),
    ],
)
def test_towers_that_share_all_but_one_layer(pairs, found):
    problems = list(PartlySharedTowers().check(towers(*pairs)))
    assert [one.node for one in problems] == (["own"] if found else [])
    for one in problems:
        assert one.message.startswith("2 towers share 2 layers with weights, and each has its own Dense")
        assert one.related == ("other", "a", "b")
        assert (one.fix.edits[0].keep, one.fix.edits[0].drop) == ("own", "other")


def test_towers_that_do_not_meet_count_only_around_their_own_layer():
    assert len(list(PartlySharedTowers().check(towers(both("a"), apart(), both("b"), merged=False)))) == 1
    assert list(PartlySharedTowers().check(towers(both("a"), both("b"), apart(), merged=False))) == []
    assert list(PartlySharedTowers().check(towers(apart(), both("a"), both("b"), merged=False))) == []
    assert len(list(PartlySharedTowers().check(towers(apart(), both("a"), both("b"))))) == 1


# -- S006 tie-lost ------------------------------------------------------------------------------------------------

TABLE = [[float(20 * row + column) for column in range(16)] for row in range(20)]
TURNED = [list(row) for row in zip(*TABLE, strict=True)]
OTHER = [[one + 1.0 for one in row] for row in TABLE]


def table(values=TABLE, class_name="Embedding"):
    return held("table", class_name, slots=("embeddings",), values={"embeddings": values})


def output(values, class_name="Dense", **config):
    return held("out", class_name, values={"kernel": values}, **{"use_bias": False, **config})


@pytest.mark.parametrize(
    ("first", "last", "how", "fixed"),
    [
        (table(), output(TURNED), " transposed", True),
        (table(), output(TABLE), "", False),
        (table(), output(OTHER), None, False),
        (table(), output([list(row) for row in zip(*OTHER, strict=True)]), None, False),
        (table(), output(TURNED, use_bias=True), " transposed", False),
        (table(), output(TURNED, "EinsumDense"), " transposed", False),
        (table(), output(TURNED, "Conv1D"), None, False),
        (table(class_name="Dense"), output(TURNED), None, False),
        (table(TABLE[:15]), output([row[:15] for row in TURNED]), None, False),
        (table([[2.0] * 16] * 20), output([[2.0] * 20] * 16), None, False),
    ],
)
def test_tables_that_equal_a_kernel(first, last, how, fixed):
    (problem,) = list(TieLost().check(graph_of(first, last))) or [None]
    assert (problem is not None) is (how is not None)
    if problem is not None:
        start = f"the table [20, 16] equals the{how} kernel of a Dense layer: 320 values"
        assert problem.message.startswith(start) and (problem.node, problem.related) == ("table", ("out",))
        assert (problem.fix is not None) is fixed
        if fixed:
            assert (problem.fix.edits[0].embedding, problem.fix.edits[0].dense) == ("table", "out")


def test_layers_that_are_not_tied_where_they_cannot_be():
    (problem,) = TieLost().check(graph_of(table(), inside("m", output(TURNED))))
    assert problem.related == ("m/out",) and problem.fix is None
    wrapped = layer("w", "TimeDistributed", children={"layer": output(TURNED)})
    (problem,) = TieLost().check(graph_of(table(), wrapped))
    assert problem.related == ("w/layer",) and problem.fix is None
    assert list(TieLost().check(graph_of(output(TURNED)))) == []


# -- S008 unshared-on-load ----------------------------------------------------------------------------------------


def varied(name="a", values=(1.0, 2.0), class_name="Dense", **config):
    return held(name, class_name, values={"kernel": list(values)}, **config)


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (varied(), varied(), True),
        (varied(), varied(values=(1.0, 3.0)), False),
        (varied(values=(1.0, 1.0)), varied(values=(1.0, 1.0)), False),
        (varied(), varied(values=(1.0, 2.0, 3.0)), False),
        (varied(), varied("b"), False),
        (varied(), varied(class_name="EinsumDense"), False),
        (varied(units=2), varied(units=3), False),
        (varied(units=2, trainable=True), varied(units=2, trainable=False), True),
        (held("a"), held("a"), False),
        (relu("a"), relu("a"), False),
    ],
)
def test_layers_of_one_name_with_equal_weights(first, second, found):
    graph = graph_of(inside("m", first), inside("n", second), format="h5")
    problems = list(UnsharedOnLoad().check(graph))
    assert [one.node for one in problems] == (["m/a"] if found else [])
    for one in problems:
        assert one.message.startswith("one layer (2 parameters) stored in m and again in n, equal byte for byte")
        assert one.related == ("n/a",)
        assert (one.fix is not None) is (first.config == second.config)
        if one.fix is not None:
            assert one.fix.edits[0].keep == "m" and one.fix.edits[0].drop == "n"
    assert list(UnsharedOnLoad().check(graph_of(inside("m", first), inside("n", second)))) == []
    live = graph_of(inside("m", first), inside("n", second), format="h5", front_end=FrontEnd.LIVE)
    assert list(UnsharedOnLoad().check(live)) == []


def test_layers_of_one_name_in_words():
    parts = [varied("a"), varied("b")]
    others = [varied("a"), varied("b"), varied("c")]
    (problem,) = UnsharedOnLoad().check(graph_of(inside("m", *parts), inside("n", *others), format="h5"))
    assert problem.message.startswith("2 layers (4 parameters) stored in m and again in n")
    assert problem.related == ("n/a", "m/b", "n/b") and problem.fix is None
    (problem,) = UnsharedOnLoad().check(graph_of(varied("a"), inside("n", varied("a")), format="h5"))
    assert problem.message.startswith("one layer (2 parameters) stored in the model itself and again in n")
    assert problem.fix is None
    wrapped = [layer(name, "TimeDistributed", children={"a": varied("a")}) for name in ("v", "w")]
    assert nodes(UnsharedOnLoad, graph_of(*wrapped, format="h5")) == []


def test_the_dtype_of_equal_weights():
    second = varied()
    second.variables[0].dtype = "float32"
    assert nodes(UnsharedOnLoad, graph_of(inside("m", varied()), inside("n", second), format="h5")) == []


# -- S004 untracked-variable --------------------------------------------------------------------------------------

TIMES = layer("times", "Multiply", is_operation=True)


def by(argument="0", **fields):
    constant = Constant(**{"kind": ConstantKind.TENSOR, "value": [0.1, 0.2, 0.3, 0.4], "dtype": "float32", **fields})
    args, kwargs = (TensorRef(0, 0),), {argument: constant}
    return CallDefinition(TIMES, args, kwargs, outputs=(SPEC,))


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, True),
        ({"value": [0.1, 0.2, 0.3]}, False),
        ({"value": [[0.1, 0.2], [0.3, 0.4]]}, True),
        ({"value": [0.0, 1.0, 0.0, 1.0, 0.0]}, False),
        ({"value": [0.0, 1.0, 0.5, 1.0, 0.0]}, True),
        ({"value": [0.0, -1e9, 0.0, -1e9]}, False),
        ({"value": [0.0, -999.0, 0.0, 0.0]}, True),
        ({"value": [0.0, -1000.0, 0.0, -1500.0]}, False),
        ({"value": [0.5, 0.0, 1.0, 0.0, 1.0, 0.0]}, True),
        ({"value": [0.0, 1.0, 0.0, 1.0, 0.5]}, True),
        ({"value": [1, 2, 3, 4]}, False),
        ({"value": [True, False, True, False]}, False),
        ({"value": [0.1, 0.2, 0.3, "0.4"]}, False),
        ({"value": []}, False),
        ({"value": 0.1}, False),
        ({"dtype": "int32"}, False),
        ({"dtype": "bfloat16"}, True),
        ({"dtype": None}, True),
        ({"kind": ConstantKind.NUMPY}, False),
        ({"argument": "mask"}, False),
        ({"argument": "attention_mask"}, True),
    ],
)
def test_tensors_in_the_configuration(fields, found):
    calls = [input_call("x"), by(**fields)]
    problems = list(UntrackedVariable().check(graph_of(calls=calls)))
    assert [one.node for one in problems] == (["times#0"] if found else [])
    inner = model("inner", [input_call("i"), by(**fields)], [0], [1])
    twice = graph_of(calls=[input_call("x"), passed(inner, 0), passed(inner, 1)])
    assert len(list(UntrackedVariable().check(twice))) == found
    code = graph_of(calls=[input_call("x"), passed(opened(input_call("i"), by(**fields)), 0)])
    assert list(UntrackedVariable().check(code)) == []


@pytest.mark.parametrize(
    ("fields", "shape"),
    [
        ({}, [4]),
        ({"value": [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]}, [3, 2]),
        ({"shape": (2, 2)}, [2, 2]),
    ],
)
def test_shapes_of_tensors_in_the_configuration(fields, shape):
    (problem,) = UntrackedVariable().check(graph_of(calls=[input_call("x"), by("y", **fields)]))
    assert problem.message.startswith(f"argument y is a constant tensor {shape} baked into") and problem.key == "y"


class Flagged:
    def __init__(self, trainable):
        self.trainable = trainable


@pytest.mark.parametrize(
    ("shape", "trainable", "words"),
    [
        ((4,), False, "argument y is a keras.Variable [4] that belongs to no layer"),
        ((), True, "argument y is a keras.Variable [] that belongs to no layer"),
        ((), False, None),
        (None, False, None),
    ],
)
def test_variables_that_are_arguments(shape, trainable, words):
    obj = Flagged(trainable)
    calls = [input_call("x"), by("y", kind=ConstantKind.VARIABLE, shape=shape, obj=obj)]
    problems = list(UntrackedVariable().check(graph_of(calls=calls)))
    assert len(problems) == (words is not None) and all(one.message.startswith(words) for one in problems)
    owner = held("a")
    owner.variables[0].obj = obj
    (problem,) = UntrackedVariable().check(graph_of(calls=[*calls, passed(owner, 1)]))
    assert problem.message.startswith(f"argument y is the variable a@kernel {list(shape or ())}")
    assert problem.related == ("a@kernel",)


# -- S010 called-outside ------------------------------------------------------------------------------------------


def test_layers_that_are_called_outside_the_model():
    objects = [object() for _ in range(4)]
    parts = [held("a"), held("b"), relu("r")]
    for one, obj in zip(parts, objects, strict=False):
        one.obj = obj
    graph = graph_of(*parts, outside={id(objects[0]): 2, id(objects[2]): 5})
    (problem,) = CalledOutside().check(graph)
    assert problem.message.startswith("1 of its layers are also called or used outside it, 2 times")
    assert problem.related == ("a",)
    graph = graph_of(*parts, outside={id(objects[0]): 2, id(objects[1]): 1})
    (problem,) = CalledOutside().check(graph)
    assert problem.message.startswith("2 of its layers are also called or used outside it, 3 times")
    assert list(CalledOutside().check(graph_of(*parts, outside={id(objects[2]): 5}))) == []
    assert list(CalledOutside().check(graph_of(*parts))) == []


# -- S009 in the order of a model, and of what is inside ------------------------------------------------------------


@pytest.mark.parametrize(
    ("child", "found"),
    [
        (held("d"), True),
        (relu("d", "Dropout", rate=0.5), False),
        (held("d", "LSTM", dropout=0.5), False),
        (layer("d", "Mine", registered_name="x>Mine"), False),
        (held("d", "Dense", kernel_regularizer={"class_name": "L2"}), True),
        (norm("d"), True),
    ],
)
def test_what_a_wrapper_holds_may_differ_from_call_to_call(child, found):
    wrapper = layer("a", "TimeDistributed", children={"layer": child})
    graph = on_one_input(passed(wrapper, 0), passed(wrapper, 0))
    assert told(graph) == ([("a#0", TWICE, ("a#1",))] if found else [])
    counts = child.config or child.class_name == "BatchNormalization"
    for problem in DuplicateComputation().check(graph):
        assert (problem.fix.changes is not None) is bool(counts)


def test_models_of_a_class_of_ones_own():
    for body in (inside("a", held("d")), inside("a", inside("b", held("d")))):
        body.class_name, body.registered_name = "Mine", "x>Mine"
        assert told(on_one_input(passed(body, 0), passed(body, 0))) == [("a", TWICE, ())]


def test_arguments_that_are_equal_and_not_one_object():
    one = held("a")
    first, second = (passed(one, 0, by=float("2.5"), to=[1, (2, "x" * count)]) for count in (3, 3))
    assert told(on_one_input(first, second)) == [("a#0", TWICE, ("a#1",))]
    third = passed(one, 0, by=float("2.5"), to=[1, (3, "xxx")])
    assert told(on_one_input(first, third)) == []
    several = [input_call("x"), input_call("y"), *(call(one, *sources) for sources in ((0, 1), (1, 0), (0, 1)))]
    graph = graph_of(calls=[*several, call(layer("sum", "Add"), 2, 3, 4)])
    assert told(graph) == [("a#0", TWICE, ("a#2",))]


def test_what_is_told_once_does_not_end_what_is_told():
    one, other = held("a"), held("b")
    inner = model("inner", [input_call("i"), passed(one, 0), passed(one, 0), call(layer("sum", "Add"), 1, 2)], [0], [3])
    calls = [input_call("x"), passed(inner, 0), passed(inner, 1), passed(other, 2), passed(other, 2)]
    graph = graph_of(calls=[*calls, call(layer("end", "Add"), 3, 4)])
    assert told(graph) == [("inner#0/a#0", TWICE, ("inner#0/a#1",)), ("b#0", TWICE, ("b#1",))]


def test_calls_that_are_told_and_others_on_the_same_input():
    one, other = held("a"), held("b")
    inner = model("inner", [input_call("i"), passed(one, 0), passed(one, 0), call(layer("sum", "Add"), 1, 2)], [0], [3])
    calls = [input_call("x"), passed(inner, 0), passed(one, 1), passed(one, 1), passed(other, 1), passed(other, 1)]
    graph = graph_of(calls=[*calls, call(layer("end", "Add"), 2, 3, 4, 5)])
    assert told(graph) == [("inner#0/a#0", TWICE, ("inner#0/a#1",)), ("b#0", TWICE, ("b#1",))]


def test_one_model_under_two_names_is_not_computed_twice():
    definition = graph_of(held("a"), held("b")).definition
    assert told(expand(several({"one": definition, "other": definition}))) == []


def test_a_model_in_one_that_is_called_twice_is_told_once():
    m, n = inside("m", held("d")), inside("n", held("e"))
    calls = [input_call("i"), passed(m, 0), passed(m, 0), call(layer("sum", "Add"), 1, 2)]
    inner = model("inner", calls, [0], [3])
    calls = [input_call("x"), passed(inner, 0), passed(inner, 1), passed(n, 2), passed(n, 2)]
    graph = graph_of(calls=[*calls, call(layer("end", "Add"), 3, 4)])
    assert told(graph) == [("inner/m", TWICE, ()), ("n", TWICE, ())]
    (first, second) = DuplicateComputation().check(graph)
    assert [(one.fix.edits[0].keep, one.fix.edits[0].drop) for one in (first, second)] == [
        ("inner#0/m#0", ("inner#0/m#1",)),
        ("n#0", ("n#1",)),
    ]
    varied = inside("v", relu("drop", "Dropout", rate=0.5))
    calls = [input_call("x"), passed(varied, 0), passed(varied, 0), passed(m, 0), passed(m, 0)]
    assert told(graph_of(calls=[*calls, call(layer("end", "Add"), 1, 2, 3, 4)])) == [("m", TWICE, ())]


def test_what_a_model_inside_returns_is_not_merged():
    one = held("a")
    for outputs, fixed in (([3], True), ([2, 3], True), ([1, 2], False), ([2, 1, 3], False)):
        calls = [input_call("i"), passed(one, 0), passed(one, 0), call(layer("sum", "Add"), 1, 2)]
        inner = model("inner", calls, [0], outputs)
        outer = CallDefinition(inner, (TensorRef(0, 0),), outputs=(SPEC,) * len(outputs))
        (problem,) = DuplicateComputation().check(
            graph_of(calls=[input_call("x"), outer, call(layer("end", "ReLU"), 1)])
        )
        assert (problem.fix is not None) is fixed
    two = inside("m", held("d"))
    two.body.outputs = [TensorRef(1, 0), TensorRef(0, 0)]
    calls = [input_call("x"), *(CallDefinition(two, (TensorRef(0, 0),), outputs=(SPEC, SPEC)) for _ in range(2))]
    (problem,) = DuplicateComputation().check(graph_of(calls=[*calls, call(layer("sum", "Add"), 1, 2)]))
    assert problem.node == "m" and problem.fix is None
    single = inside("m", held("d"))
    for ends, fixed in ((True, True), (False, False)):
        (problem,) = DuplicateComputation().check(on_one_input(passed(single, 0), passed(single, 0), ends=ends))
        assert (problem.fix is not None) is fixed
    penalised = inside("m", held("d", kernel_regularizer={"class_name": "L2"}))
    (problem,) = DuplicateComputation().check(on_one_input(passed(penalised, 0), passed(penalised, 0)))
    assert problem.fix.changes == "averages and penalties count once instead of once per call"


# -- S003 shared-layer: what is called again ------------------------------------------------------------------------


def test_which_calls_get_a_layer_of_their_own():
    def said(*calls):
        problems = SharedLayer().check(graph_of(calls=[input_call("x"), *calls]))
        return [(one.node, one.message, one.fix and one.fix.edits[0].calls) for one in problems]

    one = held("a")
    inner = model("inner", [input_call("i"), passed(one, 0), passed(one, 1), passed(one, 2)], [0], [3])
    assert said(passed(inner, 0), passed(inner, 1)) == [
        ("inner", "2 calls share 16 parameters", ("inner#1",)),
        ("inner/a", "6 calls share 16 parameters", ("inner#0/a#1", "inner#0/a#2")),
    ]
    m = inside("m", one)
    assert said(passed(m, 0), passed(one, 1)) == [("m/a", "2 calls share 16 parameters", None)]
    outer = inside("outer", m)
    assert said(passed(outer, 0), passed(outer, 1)) == [("outer", "2 calls share 16 parameters", ("outer#1",))]
    assert said(passed(relu("r"), 0), passed(held("b"), 1), passed(held("c"), 2)) == []
    free, used = relu("r"), held("b")
    assert [node for node, *_ in said(passed(free, 0), passed(free, 1), passed(used, 2), passed(used, 3))] == ["b"]


# -- S001 shared-across-scopes --------------------------------------------------------------------------------------

STORED = "the file stores their weights once, and loading fails on the second"
REFUSED = "on loading, Keras cannot tell their calls apart and refuses"
WRAP = "Share the wrapper instead of the layer inside it: create it once and call it in both places."
SUBMODEL = "Put the shared layers into one submodel and call it in both places, or create a layer for each place."


def across(*parts, **fields):
    return [
        (
            one.node,
            one.message,
            one.hint,
            one.related,
            one.fix and [(type(e).__name__, e.layer, e.copy) for e in one.fix.edits],
        )
        for one in SharedAcrossScopesRule().check(graph_of(*parts, **fields))
    ]


def wrapper(name, one):
    return layer(name, "TimeDistributed", children={"layer": one})


def test_one_layer_of_two_models():
    a, b = held("a"), held("b")
    live = {"front_end": FrontEnd.LIVE}
    for fields in (live, {}):
        copied = None if fields else [("CopyWeights", "m/a", "m/a")]
        said = ("m/a", f"n/a is m/a (16 parameters): {STORED}", SUBMODEL, (), copied)
        assert across(inside("m", a), inside("n", a), **fields) == [said]
        copied = None if fields else [("CopyWeights", f"m/{one}", f"m/{one}") for one in "ab"]
        said = ("m/a", f"2 layers of n are layers of m (32 parameters): {STORED}", SUBMODEL, ("m/b",), copied)
        assert across(inside("m", a, b), inside("n", a, b), **fields) == [said]
        own = ("m/a", f"2 layers of the model itself are layers of m (32 parameters): {STORED}", *said[2:])
        assert across(inside("m", a, b), a, b, **fields) == [own]
        refused = (
            "a",
            f"2 layers of m are layers of the model itself (32 parameters): {REFUSED}",
            SUBMODEL,
            ("b",),
            None,
        )
        assert across(a, b, inside("m", a, b), **fields) == [refused]
        assert across(inside("m", a), inside("n", b), **fields) == []
        pairs = across(inside("m", a), inside("n", b), inside("o", a), inside("p", b), **fields)
        assert [message.partition(" (")[0] for _, message, *_ in pairs] == ["o/a is m/a", "p/b is n/b"]
    said = ("w/layer", f"a is w/layer (16 parameters): {STORED}", WRAP, (), None)
    assert across(wrapper("w", a), a, **live) == [said]
    said = ("w/layer", f"v/layer is w/layer (16 parameters): {STORED}", WRAP, (), None)
    assert across(wrapper("w", a), wrapper("v", a), **live) == [said]
    assert across(wrapper("w", a), wrapper("v", a)) == across(a, wrapper("w", a), **live) == []


def test_one_layer_that_a_file_has_twice():
    one, copy = held("a"), layer("a")
    one.shared_object_id = copy.shared_object_id = 1
    said = f"{{}} is {{}} (16 parameters): {STORED}"
    assert across(inside("m", one), inside("n", copy)) == [
        ("m/a", said.format("n/a", "m/a"), SUBMODEL, ("n/a",), [("CopyWeights", "m/a", "n/a")])
    ]
    for parts, first in (((one, wrapper("w", copy)), "a"), ((wrapper("w", copy), one), "a")):
        assert across(*parts) == [
            (first, said.format("w/layer", first), WRAP, ("w/layer",), [("ShareIdentity", first, "w/layer")])
        ]
    (problem,) = SharedAcrossScopesRule().check(graph_of(one, wrapper("w", copy)))
    assert problem.fix.title == "mark the layers as one, so that the file loads" and problem.fix.changes is None
    (problem,) = SharedAcrossScopesRule().check(graph_of(inside("m", one), inside("n", copy)))
    assert problem.fix.title == "give each place its own weights, so that the file loads"
    assert problem.fix.changes == "the places no longer share their weights"


# -- S005 partly-shared-towers: which pairs count -------------------------------------------------------------------


def test_towers_after_others_that_share_all():
    x, y = input_call("x"), input_call("y")
    whole = held("whole")
    calls = [x, y, passed(whole, 0), passed(whole, 1), call(layer("sum", "Add"), 2, 3), passed(relu("r"), 4)]
    a, own, other, b = held("a"), held("own"), held("other"), held("b")
    calls += [passed(a, 5), passed(a, 4), passed(own, 6), passed(other, 7), passed(b, 8), passed(b, 9)]
    calls += [call(layer("end", "Add"), 10, 11)]
    assert nodes(PartlySharedTowers, graph_of(calls=calls)) == ["own"]


def test_own_layers_that_cannot_be_shared():
    a, own, other, b = held("a"), held("own"), held("other"), held("b")
    for around, fixed in ((other, False), (held("else"), True)):
        m = inside("m", around)
        calls = [
            input_call("x"),
            input_call("y"),
            passed(m, 0),
            passed(a, 2),
            passed(a, 1),
            passed(own, 3),
            passed(other, 4),
        ]
        calls += [passed(b, 5), passed(b, 6), call(layer("end", "Add"), 7, 8)]
        (problem,) = PartlySharedTowers().check(graph_of(calls=calls))
        assert (problem.fix is not None) is fixed
    wrapped = [wrapper(name, held("d")) for name in ("v", "w")]
    (problem,) = PartlySharedTowers().check(towers(both("a"), wrapped, both("b")))
    assert problem.fix is not None
    ends = [passed(wrapper("t", own), 8)]
    calls = [input_call("x"), input_call("y"), passed(a, 0), passed(a, 1), passed(own, 2), passed(other, 3)]
    calls += [passed(b, 4), passed(b, 5), call(layer("end", "Add"), 6, 7), *ends]
    (problem,) = PartlySharedTowers().check(graph_of(calls=calls))
    assert problem.fix is None


def test_three_towers_with_a_layer_each():
    a, b = held("a"), held("b")
    owns = [held(name) for name in ("one", "two", "three")]
    calls = [input_call(name) for name in "xyz"]
    calls += [passed(a, place) for place in range(3)]
    calls += [passed(own, 3 + place) for place, own in enumerate(owns)]
    calls += [passed(b, 6 + place) for place in range(3)]
    (problem,) = PartlySharedTowers().check(graph_of(calls=[*calls, call(layer("end", "Add"), 9, 10, 11)]))
    assert problem.message.startswith("3 towers share 2 layers with weights, and each has its own Dense")
    assert (problem.node, problem.related, problem.fix) == ("one", ("two", "three", "a", "b"), None)
    more = held("more")
    (problem,) = PartlySharedTowers().check(graph_of(calls=[*calls, passed(more, 9), passed(more, 10)]))
    assert problem.message.startswith("3 towers share 2 layers with weights, and each has its own Dense")
    assert sorted((problem.node, *problem.related)) == ["a", "b", "one", "three", "two"]


# -- S007 tie-lost ---------------------------------------------------------------------------------------------------


def test_outputs_that_are_called_in_other_ways():
    first, last = table(), output(TURNED)
    calls = [input_call("x"), passed(first, 0), passed(last, 1), passed(wrapper("w", last), 2)]
    (problem,) = TieLost().check(graph_of(calls=calls))
    assert problem.related == ("out",) and problem.fix is None
    calls = [input_call("x"), passed(first, 0), passed(wrapper("w", first), 1), passed(last, 2)]
    (problem,) = TieLost().check(graph_of(calls=calls))
    assert problem.related == ("out",) and problem.fix is None


def test_tables_and_kernels_of_several_layers():
    tables = [
        held(name, "Embedding", slots=("embeddings",), values={"embeddings": values})
        for name, values in (("s", OTHER), ("t", TABLE))
    ]
    kernels = [
        held(name, values={"kernel": values}, use_bias=False)
        for name, values in (("o", OTHER), ("p", TURNED), ("q", TURNED))
    ]
    problems = list(TieLost().check(graph_of(*tables, *kernels)))
    assert [(one.node, one.related, one.fix is not None) for one in problems] == [
        ("s", ("o",), False),
        ("t", ("p",), True),
    ]
    assert problems[1].fix.changes.startswith("both places train as one variable")


def test_one_variable_of_two_layers_in_memory():
    one, other = held("a"), held("b")
    other.variables = list(one.variables)
    one.variables[0].obj = object()
    live = {"front_end": FrontEnd.LIVE}
    (problem,) = TieLost().check(graph_of(one, other, **live))
    assert (problem.node, problem.related, problem.severity, problem.key) == ("b", ("a",), "warning", "a@kernel")
    assert problem.message.startswith("one variable of 16 values is held by a and by b: saving stores it twice")
    assert list(TieLost().check(graph_of(one, other))) == []


# -- S002 unshared-on-load -------------------------------------------------------------------------------------------


def test_layers_of_several_weights_that_are_equal():
    def two(kernel, bias):
        return held("a", slots=("kernel", "bias"), shapes=((2,), (2,)), values={"kernel": kernel, "bias": bias})

    kernel, zeros = [1.0, 2.0], [0.0, 0.0]
    for ours, theirs, told_ in (
        ((kernel, zeros), (kernel, zeros), True),
        ((zeros, kernel), (zeros, kernel), True),
        ((kernel, zeros), (kernel, [0.0, 1.0]), False),
        ((zeros, kernel), ([0.0, 1.0], kernel), False),
        ((zeros, zeros), (zeros, zeros), False),
    ):
        graph = graph_of(inside("m", two(*ours)), inside("n", two(*theirs)), format="h5")
        assert len(list(UnsharedOnLoad().check(graph))) == told_
    three = graph_of(*(inside(name, varied()) for name in "mno"), format="h5")
    assert [(one.node, one.related) for one in UnsharedOnLoad().check(three)] == [("m/a", ("n/a",)), ("m/a", ("o/a",))]
    mixed = graph_of(
        inside("m", varied("r"), relu("s")),
        inside("k", varied("b"), varied("a")),
        inside("n", varied("a")),
        format="h5",
    )
    assert [(one.node, one.related) for one in UnsharedOnLoad().check(mixed)] == [("k/a", ("n/a",))]


# -- S008 untracked-variable, S010 called-outside --------------------------------------------------------------------


def test_constants_after_a_model_that_is_called_twice():
    inner = model("inner", [input_call("i"), by()], [0], [1])
    last = by()
    last.layer = layer("last", "Multiply", is_operation=True)
    last.args = (TensorRef(2, 0),)
    assert nodes(UntrackedVariable, graph_of(calls=[input_call("x"), passed(inner, 0), passed(inner, 1), last])) == [
        "inner#0/times#0",
        "last#0",
    ]
    code = passed(opened(input_call("i"), by()), 0)
    last.args = (TensorRef(1, 0),)
    assert nodes(UntrackedVariable, graph_of(calls=[input_call("x"), code, last])) == ["last#0"]


def test_what_else_is_called_outside():
    parts = [held(f"d{place}") for place in range(12)]
    for one in parts:
        one.obj = object()
    graph = graph_of(*parts, outside={id(one.obj): 1 for one in parts})
    (problem,) = CalledOutside().check(graph)
    assert problem.message.startswith("12 of its layers are also called or used outside it, 12 times: training there")
    assert problem.node is None and problem.related == tuple(f"d{place}" for place in range(10))
    graph.definition.root.obj = object()
    graph.definition.outside = {id(graph.definition.root.obj): 3}
    (problem,) = CalledOutside().check(graph)
    assert problem.message.startswith("the model itself is also called or used outside it, 3 times")
    assert problem.related == ()
    graph.definition.outside[id(parts[0].obj)] = 1
    (problem,) = CalledOutside().check(graph)
    assert problem.message.startswith("2 of its layers are also called") and problem.related == ("d0",)


def test_which_constants_are_variables_of_a_layer():
    calls = [input_call("x"), by("y", kind=ConstantKind.VARIABLE, shape=(), obj=None)]
    assert list(UntrackedVariable().check(graph_of(calls=[*calls, passed(held("a"), 1)]))) == []
    for value, shape in (
        ([[], [0.1, 0.2, 0.3, 0.4]], [2, 0]),
        ([[0.1, 0.2, 0.3], [0.4]], [2, 3]),
        ([[[0.1], [0.2]], [[0.3], [0.4]]], [2, 2, 1]),
    ):
        (problem,) = UntrackedVariable().check(graph_of(calls=[input_call("x"), by("y", value=value)]))
        assert problem.message.startswith(f"argument y is a constant tensor {shape} baked into")


def test_tables_that_only_look_equal():
    reversed_rows = [list(row) for row in zip(*TABLE[::-1], strict=True)]
    assert list(TieLost().check(graph_of(table(), output(reversed_rows)))) == []
    assert list(TieLost().check(graph_of(table(), output(TABLE[::-1])))) == []
    (problem,) = TieLost().check(graph_of(table(), held("out", values={"kernel": TURNED})))
    assert problem.fix is None
    flat = [one for row in TABLE for one in row]
    assert list(TieLost().check(graph_of(table(flat), output(TURNED)))) == []
    assert len(list(TieLost().check(graph_of(table(), held("first", values={"kernel": flat}), output(TURNED))))) == 1


def test_layers_that_only_look_equal():
    def found(first, second):
        return nodes(UnsharedOnLoad, graph_of(inside("m", *first), inside("n", *second), format="h5"))

    square = held("a", values={"kernel": [[1.0, 2.0], [3.0, 4.0]]})
    assert found([square], [varied(values=(1.0, 2.0, 3.0, 4.0))]) == []
    nothing = [varied(values=(float("nan"), float("nan"))) for _ in range(2)]
    assert found(nothing[:1], nothing[1:]) == []
    one, other = varied(first=1, second=2), varied(second=2, first=1)
    assert found([one], [other]) == found([other], [one]) == ["m/a"]
    assert found([inside("k", varied())], [inside("k", varied())]) == ["m/k/a"]
    assert found([varied(), varied()], [held("b")]) == []


def test_normalisations_after_other_layers_that_are_shared():
    for first in (held("d"), norm("n", frozen=True), relu("r")):
        one = norm("a")
        calls = [input_call("x"), passed(first, 0), passed(first, 1), passed(one, 2), passed(one, 3)]
        assert nodes(SharedBatchnorm, graph_of(calls=calls)) == ["a"]
    same, one = norm("n"), norm("a")
    calls = [input_call("x"), passed(same, 0), passed(same, 0), call(layer("sum", "Add"), 1, 2)]
    assert nodes(SharedBatchnorm, graph_of(calls=[*calls, passed(one, 3), passed(one, 4)])) == ["a"]


def test_one_pair_of_towers_says_nothing_of_the_next():
    norms = norm("n1"), norm("n2")
    for pairs in ([norms, both("a"), apart(), both("b")], [both("a"), norms, apart(), both("b")]):
        assert nodes(PartlySharedTowers, towers(*pairs)) == ["own"]
    a, b, c, d = (held(name) for name in "abcd")
    calls = [input_call(name) for name in "xyzw"]
    calls += [passed(a, 0), passed(a, 1), passed(b, 4), passed(b, 5), passed(held("e"), 6), passed(held("f"), 7)]
    calls += [
        passed(c, 2),
        passed(c, 3),
        passed(held("own"), 10),
        passed(held("other"), 11),
        passed(d, 12),
        passed(d, 13),
    ]
    graph = graph_of(calls=calls, outputs=[8, 9, 14, 15])
    assert nodes(PartlySharedTowers, graph) == ["own"]
