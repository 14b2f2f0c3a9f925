"""Rules on shared weights, on definitions that are written down here, without Keras."""

from __future__ import annotations

import pytest

from graphlint.model.definition import CallDefinition, Constant, ConstantKind, FrontEnd, TensorRef
from rules.shared_weights.called_outside import CalledOutside
from rules.shared_weights.duplicate_computation import DuplicateComputation
from rules.shared_weights.partly_shared_towers import PartlySharedTowers
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
        (relu("a"), relu("b", "Softmax"), False),
        (held("a"), held("b"), False),
        (relu("a", "ActivityRegularization"), relu("b", "ActivityRegularization"), False),
        (relu("a", "TimeDistributed"), relu("b", "TimeDistributed"), False),
        (relu("a", "Dropout"), relu("b", "Dropout"), False),
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
