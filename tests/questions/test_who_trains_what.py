"""Which model trains which variables, on definitions that are written down here, without Keras."""

from __future__ import annotations

import pytest

from graphlint.model.definition import (
    CallDefinition,
    Constant,
    ConstantKind,
    Effect,
    FlagsRead,
    FrontEnd,
    LayerDefinition,
    ModelDefinition,
    TensorRef,
    TrainingState,
)
from graphlint.model.expand import expand
from graphlint.model.several import several
from graphlint.questions.training import (
    Begun,
    Changed,
    calls_in,
    changed,
    explained,
    flagged,
    held,
    in_order,
    learning,
    moved_statistics,
    named,
    outputs_of,
    owners,
    runs_in_inference,
    shared,
    size,
    stopped,
    trained_nevertheless,
    trainings,
    with_loss,
)
from tests.model.definitions import SPEC, call, input_call, layer, model
from tests.rules.test_definitions_of_several import member, together
from tests.rules.test_definitions_of_training import held as weighted
from tests.rules.test_definitions_of_training import inside, norm, opened

ONCE, EACH_STEP, EACH_FIT = FlagsRead


def alone(calls, *, outputs=None, compiled=True, loss="mse", root=None, **fields):
    """A model in memory of some calls, the last of which is its output, as a graph by itself."""
    root = root or model("net", calls, [0], outputs or [len(calls) - 1])
    compile_config = {"loss": loss} if compiled else None
    return expand(ModelDefinition(root, FrontEnd.LIVE, "live", compile_config=compile_config, **fields))


def passed(target, *sources, captured=(), **kwargs):
    args = tuple(TensorRef(one, 0) for one in sources)
    return CallDefinition(target, args, kwargs, outputs=(SPEC,), captured=captured)


def ids(*names):
    return frozenset(names)


# -- how far training has come ------------------------------------------------------------------------------------


ONE, OTHER = "a:one@kernel", "a:other@kernel"


@pytest.mark.parametrize(
    ("begun", "fields", "expected"),
    [
        (None, {}, (Begun.LATER, {ONE, OTHER}, True, ONCE, 0)),
        (None, {"frozen": True}, (Begun.LATER, set(), True, ONCE, 0)),
        (None, {"compiled": False}, (Begun.NEVER, set(), True, ONCE, 0)),
        (["one"], {}, (Begun.NOW, {ONE}, True, ONCE, 3)),
        (["one"], {"steps": 7, "flags_read": EACH_FIT}, (Begun.NOW, {ONE}, True, EACH_FIT, 7)),
        ([], {}, (Begun.NOW, set(), True, ONCE, 3)),
        (["one", "unknown"], {}, (Begun.NOW, {ONE}, True, ONCE, 3)),
        (["one"], {"compiled": False}, (Begun.NEVER, set(), True, ONCE, 0)),
        (["one"], {"own_step": True}, (Begun.OWN, {ONE}, True, ONCE, 0)),
        ([], {"own_step": True}, (Begun.OWN, set(), False, ONCE, 0)),
        (["one"], {"own_step": True, "compiled": False}, (Begun.OWN, {ONE}, True, ONCE, 0)),
        ([], {"own_step": True, "compiled": False}, (Begun.NEVER, set(), True, ONCE, 0)),
    ],
)
def test_how_far_a_model_has_come(begun, fields, expected):
    parts = {name: weighted(name) for name in ("one", "other", "unknown")}
    built = None if begun is None else [parts[name] for name in begun]
    graph = together(a=member(parts["one"], parts["other"], begun=built, **fields), b=member(weighted("c")))
    first, second = trainings(graph)
    assert (first.begun, first.variables, first.known, first.flags_read, first.steps) == expected
    assert (second.begun, second.variables) == (Begun.LATER, {"b:c@kernel"})
    assert [one.member for one in trainings(graph)] == graph.members


def test_a_state_that_has_not_begun_and_a_class_of_its_own():
    made = member(weighted("one"), weighted("two", frozen=True), begun=[])
    made.training.begun = False
    assert [(one.begun, one.variables) for one in trainings(together(a=made))] == [(Begun.LATER, {ONE})]
    mine = member(weighted("one"))
    mine.root.class_name, mine.root.module, mine.root.registered_name = "Mine", "mine", "mine>Mine"
    graph = together(a=mine)
    assert [(one.begun, one.variables, one.known) for one in trainings(graph)] == [(Begun.OWN, set(), False)]
    assert flagged(graph, graph.members[0]) == {ONE}
    mine.compile_config = None
    assert [one.begun for one in trainings(together(a=mine))] == [Begun.NEVER]


def test_calls_outputs_and_variables_of_each_model():
    base = weighted("base")
    graph = together(a=member(base, weighted("one", frozen=True)), b=member(base))
    first, second = graph.members
    assert calls_in(graph, first) == ["a:x#0", "a:base#0", "a:one#0"]
    assert calls_in(graph, second) == ["b:x#0", "b:base#0"]
    assert [outputs_of(graph, one) for one in graph.members] == [[graph.outputs[0]], [graph.outputs[1]]]
    assert (flagged(graph, first), held(graph, first)) == ({"a:base@kernel"}, {"a:base@kernel", "a:one@kernel"})
    assert held(graph, second) == {"a:base@kernel"}
    assert {one: [member.name for member in members] for one, members in shared(graph).items()} == {
        "a:base@kernel": ["a", "b"]
    }
    single = alone([input_call("x"), call(weighted("a"), 0)], outputs=[0, 1])
    (only,) = single.members
    assert (calls_in(single, only), outputs_of(single, only)) == (["x#0", "a#0"], single.outputs)
    assert len(single.outputs) == 2 and shared(single) == {}
    code = several({"code": ModelDefinition(LayerDefinition("code", "Mine", "mine"), FrontEnd.LIVE, "live")})
    code.members[0].definition.root.registered_name = "mine>Mine"
    closed = expand(code)
    assert calls_in(closed, closed.members[0]) == ["code:#0"] and len(outputs_of(closed, closed.members[0])) == 1
    assert [named(graph.members[:count]) for count in (1, 2)] == ["a", "a and b"]
    assert named([first, second, first]) == "a, b and a"


@pytest.mark.parametrize(
    ("loss", "fields", "expected"),
    [
        ("mse", {}, [0, 1]),
        (["mse", None], {}, [0]),
        ([None, "mse"], {}, [1]),
        ({"two": "mse"}, {}, [1]),
        ({"unknown": "mse"}, {}, [0, 1]),
        (None, {}, [0, 1]),
        ("mse", {"compiled": False}, []),
        ([None, "mse"], {"own": True}, [0, 1]),
    ],
)
def test_the_outputs_that_a_model_trains_on(loss, fields, expected):
    calls = [input_call("x"), call(weighted("one"), 0), call(weighted("two"), 0)]
    root = model("net", calls, [0], [1, 2])
    compile_config = {"loss": loss} if fields.get("compiled", True) else None
    state = TrainingState(False, ONCE, 0, frozenset(), fields.get("own", False), {}, frozenset())
    made = ModelDefinition(root, FrontEnd.LIVE, "live", compile_config=compile_config, training=state)
    for graph in (expand(made), together(a=member(weighted("c")), b=made)):
        training = trainings(graph)[-1]
        assert with_loss(graph, training) == [outputs_of(graph, training.member)[place] for place in expected]


# -- what a loss reaches ------------------------------------------------------------------------------------------


def effect(kind):
    """A custom layer with weights inside, whose code does something beside returning a tensor."""
    block = opened(input_call("i"), call(weighted("deep"), 0), call(layer("loss", "Relu", is_operation=True), 1))
    block.body.effects = (Effect(kind, (TensorRef(2, 0),)),)
    return block


def adding(name):
    return [passed(weighted("side"), 0), passed(layer("end", name), 3)]


MINE = {"class_name": "Mine", "registered_name": "mine>Mine"}
REGULARIZED = {"class_name": "L2", "config": {}}


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (lambda: [passed(weighted("side"), 0)], set()),
        (lambda: [passed(weighted("side", activity_regularizer=REGULARIZED), 0)], {"side@kernel"}),
        (lambda: [passed(weighted("side", activity_regularizer=None), 0)], set()),
        (lambda: [passed(weighted("side", kernel_regularizer=REGULARIZED), 0)], {"side@kernel"}),
        (lambda: [passed(weighted("side", kernel_regularizer=None), 0)], set()),
        (lambda: [passed(weighted("side", bias_regularizer=REGULARIZED), 0)], set()),
        (lambda: [passed(weighted("side", kernel_regularizer=REGULARIZED, frozen=True), 0)], set()),
        (lambda: adding("ReLU"), set()),
        (lambda: adding("ActivityRegularization"), {"side@kernel"}),
        (lambda: [passed(weighted("side"), 0), passed(layer("end", **MINE), 3)], {"side@kernel"}),
        (lambda: [passed(effect("loss"), 0)], {"block/deep@kernel"}),
        (lambda: [passed(effect("metric"), 0)], set()),
        (lambda: [passed(effect("update"), 0)], set()),
    ],
)
def test_variables_that_a_loss_reaches(side, expected):
    calls = [input_call("x"), passed(weighted("a"), 0), passed(weighted("end_of_a"), 1), *side()]
    graph = alone(calls, outputs=[2])
    (training,) = trainings(graph)
    base = {"a@kernel", "end_of_a@kernel"}
    assert learning(graph, training) == base | expected
    assert learning(graph, training, {"a#0"}) == base | expected
    assert learning(graph, training, {"end_of_a#0"}) == expected
    beside = {one for one in graph.calls if one not in ("x#0", "a#0", "end_of_a#0")}
    penalised = expected if any(layer.config.get("kernel_regularizer") for layer in graph.layers.values()) else set()
    assert learning(graph, training, beside) == base | penalised


def test_a_penalty_counts_in_every_holder():
    one, other = weighted("one"), weighted("other", kernel_regularizer=REGULARIZED)
    other.variables = one.variables
    calls = [input_call("x"), passed(weighted("a"), 0), passed(one, 0), passed(other, 0)]
    graph = alone(calls, outputs=[1])
    assert learning(graph, trainings(graph)[0]) == {"a@kernel", "one@kernel"}
    tied = weighted("tied")
    tied.variables = one.variables
    calls = [input_call("x"), passed(one, 0), passed(tied, 0)]
    for end in (1, 2):
        graph = alone(calls, outputs=[end])
        assert learning(graph, trainings(graph)[0]) == set(graph.variables) and len(graph.variables) == 1


def test_variables_that_calls_read_themselves():
    table, other = weighted("table"), weighted("other")
    for one in (table, other):
        one.variables[0].obj = object()
    read = Constant(ConstantKind.VARIABLE, obj=table.variables[0].obj)
    add = layer("add", "Add", is_operation=True)
    calls = [input_call("x"), passed(add, 0, captured=(read,))]
    root = model("net", calls, [0], [1])
    root.body.layers += [table, other]
    graph = alone(calls, root=root)
    assert graph.read_by == {"table@kernel": ["add#0"]}
    (training,) = trainings(graph)
    assert training.variables == {"table@kernel", "other@kernel"}
    assert learning(graph, training) == {"table@kernel"}


def test_of_a_training_step_of_its_own_all_is_known_that_was_built_for():
    one, two, three = (weighted(name) for name in ("one", "two", "three"))
    calls = [input_call("x"), passed(one, 0), passed(two, 1), passed(three, 1), passed(weighted("dead"), 0)]
    root = model("net", calls, [0], [2, 3])
    for part in (one, two, three, calls[-1].layer):
        part.variables[0].obj = object()
    built = frozenset(id(call.layer.variables[0].obj) for call in calls[1:])
    state = TrainingState(True, ONCE, 1, built, True, {}, frozenset())
    graph = alone(calls, root=root, training=state)
    (training,) = trainings(graph)
    every = {"one@kernel", "two@kernel", "three@kernel", "dead@kernel"}
    assert training.begun is Begun.OWN and learning(graph, training) == every
    assert learning(graph, training, {"two#0"}) == every - {"two@kernel"}
    assert learning(graph, training, {"two#0", "three#0"}) == {"dead@kernel"}
    assert learning(graph, training, {"dead#0"}) == every


# -- statistics ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "around", "outer", "fixed"),
    [
        (None, None, None, False),
        (False, None, None, True),
        (True, None, None, False),
        (0, None, None, False),
        (None, False, None, True),
        (None, True, False, False),
        (None, None, False, True),
        (None, None, True, False),
        (True, False, None, False),
        (False, True, None, True),
        (None, 0, False, True),
    ],
)
def test_calls_that_run_in_inference_whatever_the_model_does(own, around, outer, fixed):
    def given(value):
        return {} if value is None else {"training": value}

    inner = model("inner", [input_call("i"), passed(norm("n"), 0, **given(own))], [0], [1])
    middle = model("middle", [input_call("i"), passed(inner, 0, **given(around))], [0], [1])
    calls = [input_call("x"), passed(middle, 0, **given(outer)), passed(norm("last"), 1)]
    graph = alone(calls)
    assert runs_in_inference(graph, "middle#0/inner#0/n#0") is fixed
    assert runs_in_inference(graph, "last#0") is False
    found = moved_statistics(graph, trainings(graph)[0])
    mine = {f"middle/inner/n@{slot}" for slot in ("moving_mean", "moving_variance")}
    assert found == {"last@moving_mean", "last@moving_variance"} | (set() if fixed else mine)


@pytest.mark.parametrize(
    ("one", "fields", "count"),
    [
        (lambda: norm("n"), {}, 2),
        (lambda: norm("n", frozen=True), {}, 0),
        (lambda: norm("n"), {"compiled": False}, 0),
        (lambda: norm("n"), {"frozen": True}, 0),
        (lambda: norm("n", class_name="LayerNormalization"), {}, 0),
        (lambda: weighted("n"), {}, 0),
    ],
)
def test_moving_averages_that_a_model_updates(one, fields, count):
    shared_one = one()
    graph = together(a=member(weighted("c"), shared_one, **fields), b=member(shared_one, compiled=False))
    first, second = trainings(graph)
    assert len(moved_statistics(graph, first)) == count and moved_statistics(graph, second) == set()


# -- flags that changed -------------------------------------------------------------------------------------------


def changes(*, base_frozen=False, begun=("base", "one"), root_frozen=False, read=ONCE, other=None):
    base, one = weighted("base", frozen=base_frozen), weighted("one")
    parts = {"base": base, "one": one}
    a = member(base, one, frozen=root_frozen)
    for part in parts.values():
        part.variables[0].obj = part.variables[0].obj or object()
    built = frozenset(id(parts[name].variables[0].obj) for name in begun)
    a.training = TrainingState(True, read, 1, built, False, {}, frozenset())
    members = {"a": a}
    if other is not None:
        members["b"] = other(base)
    graph = together(**members)
    training = trainings(graph)[0]
    return changed(graph, training), explained(graph, graph.members[0])


BASE, REST = "a:base@kernel", "a:one@kernel"
NOTHING = Changed((), ())


@pytest.mark.parametrize(
    ("fields", "expected", "because"),
    [
        ({}, NOTHING, False),
        ({"base_frozen": True}, Changed((BASE,), ()), False),
        ({"base_frozen": True, "read": EACH_FIT}, Changed((BASE,), ()), False),
        ({"base_frozen": True, "read": EACH_STEP}, NOTHING, True),
        ({"root_frozen": True}, Changed((BASE, REST), ()), False),
        ({"begun": ("one",)}, Changed((), (BASE,)), False),
        ({"begun": ("one",), "read": EACH_STEP}, Changed((), (BASE,)), False),
        ({"begun": ()}, Changed((), (BASE, REST)), False),
        ({"begun": ("one",), "other": lambda base: member(base)}, NOTHING, True),
        ({"begun": ("one",), "other": lambda base: member(base, compiled=False)}, Changed((), (BASE,)), False),
        ({"begun": ("one",), "other": lambda base: member(weighted("c"))}, Changed((), (BASE,)), False),
        ({"begun": ("one",), "other": lambda base: member(base, begun=[base])}, NOTHING, True),
        ({"begun": ("one",), "other": lambda base: member(base, begun=[])}, Changed((), (BASE,)), False),
        ({"begun": ("one",), "other": lambda base: member(base, begun=[], own_step=True)}, NOTHING, True),
        ({"begun": (), "other": lambda base: member(base)}, Changed((), (REST,)), False),
        ({"base_frozen": True, "other": lambda base: member(base)}, NOTHING, True),
        ({"base_frozen": True, "other": lambda base: member(base, compiled=False)}, Changed((BASE,), ()), False),
        ({"base_frozen": True, "other": lambda base: member(base, begun=[])}, NOTHING, True),
        ({"base_frozen": True, "other": lambda base: member(weighted("c"))}, Changed((BASE,), ()), False),
        ({"base_frozen": True, "begun": ("one",)}, NOTHING, False),
    ],
)
def test_flags_that_no_longer_agree_with_what_a_model_trains(fields, expected, because):
    assert changes(**fields) == (expected, because)


def test_only_flags_of_what_a_model_still_holds_count():
    base, one = weighted("base", frozen=True), weighted("one")
    base.variables[0].trainable = True
    a = member(one, begun=[base, one])
    base.variables[0].obj, base.variables[0].trainable = object(), False
    a.training.built_for |= {id(base.variables[0].obj)}
    graph = together(a=a, b=member(base, compiled=False))
    assert trainings(graph)[0].variables == {"a:one@kernel", "b:base@kernel"}
    assert changed(graph, trainings(graph)[0]) == NOTHING


def test_flags_are_explained_of_the_model_that_is_asked_about():
    base, one = weighted("base"), weighted("one")
    graph = together(b=member(base), a=member(base, one, begun=[one]), c=member(weighted("c")))
    assert [explained(graph, one) for one in graph.members] == [False, True, False]
    graph = together(b=member(base), a=member(base, begun=[]))
    assert [explained(graph, one) for one in graph.members] == [False, False]
    graph = together(a=member(base, one, begun=[one], own_step=True), b=member(base))
    assert [explained(graph, one) for one in graph.members] == [False, False]


def test_another_model_that_trains_what_is_frozen_now_is_no_reason():
    def other(base):
        made = member(base)
        key = id(base.variables[0].obj)
        made.training = TrainingState(True, ONCE, 1, frozenset({key}), False, {}, frozenset())
        return made

    assert changes(base_frozen=True, other=other) == (Changed((BASE,), ()), False)


@pytest.mark.parametrize("fields", [{}, {"begun": False}, {"own_step": True}, {"compiled": False}])
def test_flags_of_a_model_that_has_not_begun_are_read_yet(fields):
    base = weighted("base")
    made = member(base, begun=[], **{key: value for key, value in fields.items() if key != "begun"})
    made.training.begun = fields.get("begun", True)
    graph = together(a=made, b=member(weighted("c")))
    expected = ("a:base@kernel",) if not fields else ()
    assert changed(graph, trainings(graph)[0]) == Changed((), expected)
    assert [explained(graph, one) for one in graph.members] == [False, False]


@pytest.mark.parametrize(
    ("begun", "built", "read", "expected"),
    [
        (True, [1], ONCE, True),
        (False, [1], ONCE, False),
        (True, [], ONCE, False),
        (True, [1], EACH_STEP, False),
        (True, [1], EACH_FIT, False),
    ],
)
def test_a_model_that_goes_on_training_what_is_frozen(begun, built, read, expected):
    calls = [input_call("x"), call(weighted("a"), 0)]
    state = TrainingState(begun, read, 1, frozenset(built), False, {}, frozenset())
    assert trained_nevertheless(alone(calls, training=state)) is expected
    assert trained_nevertheless(alone(calls)) is False


# -- a model that another one needs frozen ------------------------------------------------------------------------


class Gan:
    """A generator and a discriminator in one model, the discriminator frozen for it after it was compiled itself."""

    def __init__(self):
        self.judge, self.more = weighted("judge", frozen=True), weighted("more", frozen=True)
        self.discriminator = inside("discriminator", self.judge, self.more, frozen=True)
        self.generator = weighted("generator")
        self.small = member(self.judge)
        self.small.root = self.discriminator
        self.whole = member(self.generator, self.discriminator)
        self.flags = {"small": {}, "whole": {}}
        for one in (self.judge, self.more, self.discriminator, self.generator, self.whole.root):
            one.obj = one.obj or object()
            for variable in one.variables:
                variable.obj = variable.obj or object()
        for one in (self.judge, self.more, self.discriminator, self.generator, self.whole.root):
            self.flags["small"][id(one.obj)] = True
            self.flags["whole"][id(one.obj)] = one.trainable
        learnable = frozenset(id(one.variables[0].obj) for one in (self.judge, self.more, self.generator))
        self.small.training = TrainingState(False, ONCE, 0, frozenset(), False, self.flags["small"], learnable)
        self.whole.training = TrainingState(False, ONCE, 0, frozenset(), False, self.flags["whole"], learnable)

    def told(self, **more):
        graph = together(small=self.small, whole=self.whole, **more)
        return [stopped(graph, one) for one in trainings(graph)]

    def key(self, one):
        return id(one.variables[0].obj)


JUDGE, MORE = "small:judge@kernel", "small:more@kernel"
BOTH = {"whole": (JUDGE, MORE)}


def change(**fields):
    """A change of the state of training of the discriminator (``small``) or of both (``whole``)."""

    def made(gan):
        for name, value in fields.items():
            where, _, field = name.partition("_")
            setattr(getattr(gan, where).training, field, value)

    return made


def begin(gan, *parts, which="small", **fields):
    state = getattr(gan, which).training
    state.begun, state.built_for = True, frozenset(map(gan.key, parts))
    for name, value in fields.items():
        setattr(state, name, value)


def uncompile(gan, which):
    getattr(gan, which).compile_config = None


def lose_state(gan, which):
    getattr(gan, which).training = None


def flag(gan, which, one, value):
    gan.flags[which][id(one.obj)] = value


def thaw(gan, *parts):
    for one in parts:
        one.trainable = True
        for variable in one.variables:
            variable.trainable = True


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda gan: None, BOTH),
        (lambda gan: uncompile(gan, "small"), {}),
        (lambda gan: uncompile(gan, "whole"), {}),
        (lambda gan: lose_state(gan, "small"), {}),
        (lambda gan: lose_state(gan, "whole"), BOTH),
        (change(small_own_step=True), {}),
        (change(whole_own_step=True), {}),
        (change(small_learnable=frozenset()), {}),
        (change(whole_learnable=frozenset()), BOTH),
        (lambda gan: flag(gan, "small", gan.judge, False), {"whole": (MORE,)}),
        (lambda gan: flag(gan, "small", gan.discriminator, False), {}),
        (lambda gan: flag(gan, "whole", gan.judge, True), {"whole": (MORE,)}),
        (lambda gan: gan.flags["small"].clear(), BOTH),
        (lambda gan: gan.flags["whole"].clear(), BOTH),
        (lambda gan: gan.flags["small"].pop(id(gan.judge.obj)), BOTH),
        (lambda gan: gan.flags["small"].pop(id(gan.discriminator.obj)), BOTH),
        (lambda gan: (flag(gan, "whole", gan.judge, True), flag(gan, "whole", gan.whole.root, False)), BOTH),
        (lambda gan: thaw(gan, gan.judge, gan.more, gan.discriminator), {}),
        (lambda gan: thaw(gan, gan.judge, gan.discriminator), {"whole": (MORE,)}),
        (lambda gan: thaw(gan, gan.judge, gan.more), {}),
        (lambda gan: begin(gan, gan.judge, gan.more), {}),
        (lambda gan: begin(gan, gan.judge), {}),
        (lambda gan: begin(gan), BOTH),
        (lambda gan: begin(gan, gan.judge, gan.more, flags_read=EACH_STEP), BOTH),
        (lambda gan: begin(gan, gan.judge, gan.more, flags_read=EACH_FIT), BOTH),
        (lambda gan: (begin(gan), thaw(gan, gan.judge, gan.more, gan.discriminator)), {}),
        (lambda gan: begin(gan, gan.generator, which="whole"), BOTH),
        (lambda gan: begin(gan, gan.generator, gan.judge, which="whole"), {"whole": (MORE,)}),
    ],
)
def test_variables_that_another_model_needs_frozen(made, expected):
    gan = Gan()
    made(gan)
    first, second = gan.told()
    assert first == expected and second == {}


def test_what_is_trainable_now_is_not_lost():
    gan = Gan()
    begin(gan, gan.judge, gan.more, flags_read=EACH_STEP)
    begin(gan, gan.generator, which="whole")
    assert gan.told()[0] == BOTH
    thaw(gan, gan.judge, gan.discriminator)
    assert gan.told()[0] == {"whole": (MORE,)}
    gan.small.training.begun = False
    assert gan.told()[0] == {"whole": (MORE,)}


def test_every_holder_of_a_variable_had_to_be_trainable():
    gan = Gan()
    tied = weighted("tied", frozen=True)
    tied.variables, tied.obj = gan.judge.variables, object()
    gan.discriminator.children["tied"] = tied
    assert [len(lost) for lost in gan.told()[0].values()] == [2]
    flag(gan, "small", tied, False)
    assert gan.told()[0] == {"whole": (MORE,)}


def test_unrecorded_flags_of_the_other_model_say_nothing():
    gan = Gan()
    gan.flags["whole"].clear()
    gan.whole.root.trainable = False
    assert gan.told()[0] == BOTH


def test_unrecorded_flags_say_it_of_what_is_frozen_as_a_whole():
    gan = Gan()
    gan.flags["small"].clear()
    thaw(gan, gan.discriminator)
    assert gan.told()[0] == {}


def test_each_variable_is_told_of_the_first_model_that_needs_it_frozen():
    gan = Gan()
    third = member(gan.judge, gan.more)
    third.training = TrainingState(False, ONCE, 0, frozenset(), False, {}, gan.small.training.learnable)
    flag(gan, "whole", gan.more, True)
    assert gan.told(third=third, other=member(weighted("c")))[0] == {"whole": (JUDGE,), "third": (MORE,)}
    gan = Gan()
    third = member(gan.judge, gan.more)
    assert gan.told(third=third, again=gan.small)[0] == BOTH


def test_what_was_frozen_is_told_where_it_trains_again():
    """A thawed one is lost only where everything was frozen when the flags were read."""
    gan = Gan()
    thaw(gan, gan.judge, gan.more, gan.discriminator)
    gan.flags["whole"].clear()
    begin(gan)
    assert gan.told()[0] == {}
    begin(gan, gan.generator, which="whole")
    assert gan.told()[0] == BOTH


# -- words and order ----------------------------------------------------------------------------------------------


def test_order_and_size():
    graph = together(a=member(weighted("one"), weighted("two", shapes=((2, 3),))))
    assert in_order(graph, ["a:two@kernel", "a:one@kernel", "a:one@kernel"]) == ("a:one@kernel", "a:two@kernel")
    assert in_order(graph, ["unknown"]) == () and size(graph, graph.variables) == 22 and size(graph, []) == 0


def nest():
    one, two, three, spare = (weighted(name) for name in ("one", "two", "three", "spare"))
    two.variables += weighted("x", slots=("bias",), shapes=((4,),)).variables
    two.variables[1].index = 1
    block = inside("block", one, two)
    tied = weighted("tied")
    tied.variables = spare.variables
    return member(block, three, spare, tied)


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        ((), ["a:block", "a:three", "a:spare"]),
        (("a:block/one@kernel",), ["a:block/two", "a:three", "a:spare"]),
        (("a:block/two@kernel",), ["a:block/one", "a:block/two", "a:three", "a:spare"]),
        (("a:block/two@bias", "a:three@kernel"), ["a:block/one", "a:block/two", "a:spare"]),
        (("a:spare@kernel",), ["a:block", "a:three"]),
    ],
)
def test_the_outermost_layers_that_hold_some_variables(without, expected):
    graph = together(a=nest())
    assert owners(graph, [one for one in graph.variables if one not in without]) == expected
    assert owners(graph, []) == owners(graph, ["unknown"]) == []


def test_a_variable_is_named_by_the_first_that_holds_it():
    both = {"slots": ("kernel", "bias"), "shapes": ((4, 4), (4,))}
    one, tied = weighted("one", **both), weighted("tied", **both)
    tied.variables[0] = one.variables[0]
    graph = together(a=member(one, tied))
    assert owners(graph, ["a:one@kernel"]) == ["a:one"]
    assert owners(graph, ["a:one@kernel", "a:tied@bias"]) == ["a:one", "a:tied"]


def test_models_inside_others_are_owners_and_models_by_themselves_are_not():
    one, two = weighted("one"), weighted("two")
    inner = inside("inner", one)
    inner.obj = object()
    small = member(one)
    small.root = inner
    whole = member(inner, two)
    graph = together(small=small, whole=whole)
    assert owners(graph, graph.variables) == ["small:", "whole:two"]
    assert owners(graph, ["small:one@kernel"]) == ["small:"]
    graph = together(whole=whole, small=small)
    assert owners(graph, graph.variables) == [graph.members[1].layer, "whole:two"]
    alone_twice = together(small=small, other=member(weighted("three")))
    assert owners(alone_twice, alone_twice.variables) == ["small:one", "other:three"]
    same = together(first=small, second=small)
    assert owners(same, same.variables) == ["first:"]
    own = member(one)
    own.root.variables = weighted("spare").variables
    graph = together(a=own)
    assert owners(graph, graph.variables) == ["a:", "a:one"] and owners(graph, ["a:one@kernel"]) == ["a:one"]
