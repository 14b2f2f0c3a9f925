"""What has to run for some tensors, and what a cut leaves open; nothing is computed."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers

from graphlint.errors import OpaqueBody
from graphlint.model.graph import Tensor
from graphlint.replay.boundary import boundary
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.plan import Mode, Plan, Planner
from graphlint.replay.targets import tensor_at


def pair(kind: type[keras.Model] = keras.Model) -> keras.Model:
    """A model of two inputs and two outputs, called twice; the second call receives what the first returns."""
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    left, right = layers.Dense(4, name="left")(a), layers.Dense(4, name="right")(b)
    inner = kind([a, b], [left, layers.Add(name="both")([left, right])], name="inner")
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    first = inner([x, y])
    second = inner([first[1], y])
    return keras.Model([x, y], [layers.Dense(2, name="out")(second[1]), layers.Dense(2, name="side")(first[0])])


def tensors(*names: str) -> list[Tensor]:
    return [Tensor(name.partition(":")[0], int(name.partition(":")[2] or 0)) for name in names]


def shown(plan: Plan) -> str:
    """A plan in one line: how it runs, its steps, what it needs of its Inputs, what is given and what it gives."""
    parts = [one if isinstance(one, str) else f"{one.scope}:{shown(one)}" for one in plan.steps]
    found = f"{plan.mode.value}({' '.join(parts)})"
    if plan.inputs and plan.scope != ".":
        found += f" in {' '.join(one.rpartition('/')[2] for one in plan.inputs)}"
    if plan.taken:
        found += f" taking {' '.join(f'{one.call}:{one.output}' for one in plan.taken)}"
    if plan.mode is not Mode.INLINE:
        found += f" giving {' '.join(f'{one.call}:{one.output}' for one in plan.wanted)}"
    return found


@pytest.mark.parametrize(
    ("given", "wanted", "options", "expected"),
    [
        (
            [],
            ["out#0"],
            {},
            "inline(x#0 y#0 inner#0:whole() giving inner#0/both#0:0 inner#1:whole() giving inner#1/both#0:0 out#0)",
        ),
        (
            [],
            ["out#0", "side#0"],
            {},
            (
                "inline(x#0 y#0 inner#0:whole() giving inner#0/left#0:0 inner#0/both#0:0 inner#1:whole() giving "
                "inner#1/both#0:0 out#0 side#0)"
            ),
        ),
        ([], ["side#0"], {}, "inline(x#0 y#0 inner#0:whole() giving inner#0/left#0:0 side#0)"),
        ([], ["inner#0/left#0"], {}, "inline(x#0 y#0 inner#0:whole() giving inner#0/left#0:0)"),
        ([], ["inner#0/both#0"], {}, "inline(x#0 y#0 inner#0:whole() giving inner#0/both#0:0)"),
        (
            [],
            ["inner#1/left#0"],
            {},
            "inline(x#0 y#0 inner#0:whole() giving inner#0/both#0:0 inner#1:whole() giving inner#1/left#0:0)",
        ),
        (
            [],
            ["inner#1/right#0"],
            {},
            "inline(y#0 inner#1:nested(inner#1/b#0 inner#1/right#0) in b#0 giving inner#1/right#0:0)",
        ),
        (
            [],
            ["inner#0/right#0", "side#0"],
            {},
            (
                "inline(x#0 y#0 inner#0:nested(inner#0/a#0 inner#0/b#0 inner#0/left#0 inner#0/right#0) in a#0 b#0 "
                "giving inner#0/left#0:0 inner#0/right#0:0 side#0)"
            ),
        ),
        (
            ["inner#0/both#0"],
            ["out#0"],
            {},
            "inline(y#0 inner#1:whole() giving inner#1/both#0:0 out#0) taking inner#0/both#0:0",
        ),
        (
            ["inner#0/left#0"],
            ["out#0"],
            {},
            (
                "inline(y#0 inner#0:inline(inner#0/b#0 inner#0/right#0 inner#0/both#0) in b#0 taking inner#0/left#0:0"
                " inner#1:inline(@1) in a#0 b#0 out#0) taking inner#0/left#0:0"
            ),
        ),
        (["inner#0/left#0"], ["side#0"], {}, "inline(side#0) taking inner#0/left#0:0"),
        (
            ["inner#1/left#0", "inner#1/right#0"],
            ["out#0"],
            {},
            (
                "inline(inner#1:nested(inner#1/both#0) taking inner#1/left#0:0 inner#1/right#0:0 giving "
                "inner#1/left#0:0 inner#1/both#0:0 out#0) taking inner#1/left#0:0 inner#1/right#0:0"
            ),
        ),
        (
            ["inner#0/both#0", "y#0"],
            ["out#0"],
            {},
            "inline(inner#1:whole() giving inner#1/both#0:0 out#0) taking y#0:0 inner#0/both#0:0",
        ),
        (
            ["x#0", "y#0"],
            ["out#0", "side#0"],
            {},
            (
                "inline(inner#0:whole() giving inner#0/left#0:0 inner#0/both#0:0 inner#1:whole() giving "
                "inner#1/both#0:0 out#0 side#0) taking x#0:0 y#0:0"
            ),
        ),
        (
            ["x#0", "y#0"],
            ["side#0"],
            {},
            "inline(inner#0:whole() giving inner#0/left#0:0 side#0) taking x#0:0 y#0:0",
        ),
        (
            ["x#0", "y#0"],
            ["inner#1/left#0"],
            {},
            (
                "inline(inner#0:whole() giving inner#0/both#0:0 inner#1:whole() giving inner#1/left#0:0) taking "
                "x#0:0 y#0:0"
            ),
        ),
        (
            ["inner#0/both#0"],
            ["inner#1/left#0"],
            {},
            (
                "inline(inner#1:nested(inner#1/a#0 inner#1/left#0) in a#0 giving inner#1/left#0:0) taking "
                "inner#0/both#0:0"
            ),
        ),
        (
            ["y#0"],
            ["inner#1/left#0"],
            {},
            (
                "inline(x#0 inner#0:inline(@0) in a#0 b#0 inner#1:inline(inner#1/a#0 inner#1/left#0) in a#0) taking "
                "y#0:0"
            ),
        ),
        (
            ["inner#1/right#0"],
            ["out#0"],
            {},
            (
                "inline(x#0 y#0 inner#0:inline(@0) in a#0 b#0 inner#1:inline(inner#1/a#0 inner#1/left#0 "
                "inner#1/both#0) in a#0 taking inner#1/right#0:0 out#0) taking inner#1/right#0:0"
            ),
        ),
        (
            [],
            ["out#0"],
            {"whole": True},
            "inline(x#0 y#0 inner#0:whole() giving inner#0/both#0:0 inner#1:whole() giving inner#1/both#0:0 out#0)",
        ),
        (
            [],
            ["side#0"],
            {"whole": True, "opened": ["inner"]},
            "inline(x#0 y#0 inner#0:whole() giving inner#0/left#0:0 side#0)",
        ),
        (
            [],
            ["out#0", "side#0"],
            {"inline_all": True},
            "inline(x#0 y#0 inner#0:inline(@0) in a#0 b#0 inner#1:inline(@1) in a#0 b#0 out#0 side#0)",
        ),
        ([], ["side#0"], {"inline": ["inner"]}, "inline(x#0 inner#0:inline(inner#0/a#0 inner#0/left#0) in a#0 side#0)"),
        (
            [],
            ["out#0"],
            {"opened": ["inner"]},
            (
                "inline(x#0 y#0 inner#0:nested(@0) in a#0 b#0 giving inner#0/left#0:0 inner#0/both#0:0 "
                "inner#1:nested(@1) in a#0 b#0 giving inner#1/left#0:0 inner#1/both#0:0 out#0)"
            ),
        ),
        (
            [],
            ["out#0"],
            {"opened": ["inner"], "prune": True},
            (
                "inline(x#0 y#0 inner#0:nested(@0) in a#0 b#0 giving inner#0/both#0:0 inner#1:nested(@1) in a#0 b#0 "
                "giving inner#1/both#0:0 out#0)"
            ),
        ),
        (
            [],
            ["side#0"],
            {"opened": ["inner"], "prune": True},
            "inline(x#0 inner#0:nested(inner#0/a#0 inner#0/left#0) in a#0 giving inner#0/left#0:0 side#0)",
        ),
        (
            [],
            ["side#0"],
            {"opened": ["inner"]},
            "inline(x#0 inner#0:nested(inner#0/a#0 inner#0/left#0) in a#0 giving inner#0/left#0:0 side#0)",
        ),
        (
            [],
            ["side#0"],
            {"touched": {"inner#0/left#0": "change"}},
            "inline(x#0 inner#0:nested(inner#0/a#0 inner#0/left#0) in a#0 giving inner#0/left#0:0 side#0)",
        ),
        (
            [],
            ["side#0"],
            {"touched": {"inner#0/left#0": "change"}, "keep_outputs": True},
            "inline(x#0 y#0 inner#0:nested(@0) in a#0 b#0 giving inner#0/left#0:0 inner#0/both#0:0 side#0)",
        ),
        (
            [],
            ["out#0", "side#0"],
            {"touched": {"inner#0/left#0": "change"}, "keep_outputs": True},
            "inline(x#0 y#0 inner#0:inline(@0) in a#0 b#0 inner#1:inline(@1) in a#0 b#0 out#0 side#0)",
        ),
        (
            [],
            ["out#0", "side#0"],
            {"touched": {"inner#0/left#0": "change", "inner#1/left#0": "change"}, "keep_outputs": True},
            (
                "inline(x#0 y#0 inner#0:nested(@0) in a#0 b#0 giving inner#0/left#0:0 inner#0/both#0:0 "
                "inner#1:nested(@1) in a#0 b#0 giving inner#1/left#0:0 inner#1/both#0:0 out#0 side#0)"
            ),
        ),
        (
            [],
            ["out#0", "side#0"],
            {"touched": {"inner#0/left#0": 0, "inner#1/left#0": 1}, "keep_outputs": True},
            "inline(x#0 y#0 inner#0:inline(@0) in a#0 b#0 inner#1:inline(@1) in a#0 b#0 out#0 side#0)",
        ),
        (
            [],
            ["out#0", "side#0"],
            {"touched": {"inner#0/a#0": 0, "inner#1/b#0": 0}, "keep_outputs": True},
            "inline(x#0 y#0 inner#0:inline(@0) in a#0 b#0 inner#1:inline(@1) in a#0 b#0 out#0 side#0)",
        ),
        (
            [],
            ["out#0"],
            {"touched": {"out#0": 1}},
            "inline(x#0 y#0 inner#0:whole() giving inner#0/both#0:0 inner#1:whole() giving inner#1/both#0:0 out#0)",
        ),
    ],
)
def test_what_runs(given: list[str], wanted: list[str], options: dict[str, Any], expected: str) -> None:
    """``@0`` are all calls of the first call of the inner model."""
    for number in (0, 1):
        every = " ".join(f"inner#{number}/{name}#0" for name in ("a", "b", "left", "right", "both"))
        expected = expected.replace(f"@{number}", every)
    assert shown(Planner(LiveGraph(pair()), tensors(*given), **options).plan(tensors(*wanted))) == expected


class Own(keras.Model):
    """Has a graph, and calls something else."""

    def call(self, inputs: Any) -> Any:
        return super().call(inputs)


def test_a_model_with_a_call_of_its_own_runs_whole() -> None:
    live = LiveGraph(pair(Own))
    for options in ({}, {"opened": ["inner"]}, {"inline_all": True}):
        found = Planner(live, **options).plan(tensors("side#0"))
        assert shown(found) == "inline(x#0 y#0 inner#0:whole() giving inner#0/left#0:0 side#0)"
    with pytest.raises(OpaqueBody, match="inner#0 has its own call"):
        Planner(live).plan(tensors("inner#0/right#0"))
    assert tensor_at(live, "side") == Tensor("side#0", 0) and tensor_at(live, "inner#0:0").call == "inner#0/left#0"
    with pytest.raises(OpaqueBody, match=r"^inner#0/right lies in inner#0, which has its own call"):
        tensor_at(live, "inner#0/right")
    assert tensor_at(LiveGraph(pair()), "inner#0/right") == Tensor("inner#0/right#0", 0)
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    net = keras.Model([a, b], pair(Own).get_layer("inner")([a, b])[1], name="net")
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    live = LiveGraph(keras.Model([x, y], net([x, y])))
    with pytest.raises(OpaqueBody, match=r"^net/inner/right lies in net/inner#0, which has its own call"):
        tensor_at(live, "net/inner/right")


def test_given_values_inside_are_heeded_where_every_input_is_needed_all_the_same() -> None:
    a = keras.Input((4,), name="a")
    left = layers.Dense(4, name="left")(a)
    inner = keras.Model(a, layers.Add(name="both")([left, a]), name="inner")
    x = keras.Input((4,), name="x")
    live = LiveGraph(keras.Model(x, layers.Dense(2, name="out")(inner(x))))
    assert shown(Planner(live, tensors("inner#0/left#0")).plan(tensors("out#0"))) == (
        "inline(x#0 inner#0:nested(inner#0/a#0 inner#0/both#0) in a#0 taking inner#0/left#0:0 giving inner#0/both#0:0 "
        "out#0) taking inner#0/left#0:0"
    )


def test_a_call_is_computable_if_everything_that_it_receives_is() -> None:
    """A nested model that cannot be called whole has only the inputs that are needed."""
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    inner = keras.Model([a, b], [layers.ReLU(name="left")(a), layers.ReLU(name="right")(b)], name="inner")
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    both = layers.Add(name="sum")([layers.ReLU(name="relu")(x), y])
    live = LiveGraph(keras.Model([x, y], inner([x, both])))
    part = "inner#0:nested(inner#0/a#0 inner#0/left#0) in a#0 giving inner#0/left#0:0"
    assert shown(Planner(live, tensors("x#0")).plan(tensors("inner#0/left#0"))) == f"inline({part}) taking x#0:0"
    whole = "inline(relu#0 sum#0 inner#0:whole() giving inner#0/left#0:0) taking x#0:0 y#0:0"
    assert shown(Planner(live, tensors("x#0", "y#0")).plan(tensors("inner#0/left#0"))) == whole


@pytest.mark.filterwarnings("ignore:.*passed an input with a mask attached.*")
def test_a_mask_passed_to_a_nested_model_is_needed_by_it() -> None:
    x, keep = keras.Input((6, 4), name="x"), keras.Input((6,), dtype="bool", name="keep")
    inner = keras.Input((6, 4), name="i")
    body = keras.Model(inner, layers.LSTM(3, name="deep")(inner), name="body")
    live = LiveGraph(keras.Model([x, keep], body(x, mask=keep)))
    seen = boundary(live, tensors("x#0"), tensors("body#0/deep#0"))
    assert (seen.side_tensors, seen.side_masks, seen.leaking_inputs) == ((), (Tensor("keep#0", 0),), ("keep#0",))
    for options, inside in (({}, "whole()"), ({"opened": ["body"]}, "nested(body#0/i#0 body#0/deep#0) in i#0")):
        found = Planner(live, **options).plan(tensors("body#0/deep#0"))
        assert shown(found) == f"inline(x#0 keep#0 body#0:{inside} giving body#0/deep#0:0)"


def test_calls_that_give_the_same_tensors_are_calls_of_one_model() -> None:
    """The first gives one output that is needed and both, as that costs nothing; the second gives them in its order."""
    a = keras.Input((4,), name="a")
    left = layers.Dense(4, name="left")(a)
    inner = keras.Model(a, [layers.Dense(4, name="right")(left), left], name="inner")
    x = keras.Input((4,), name="x")
    live = LiveGraph(keras.Model(x, layers.Add(name="sum")(inner(inner(x)[0]))))
    found = Planner(live, opened=["inner"]).plan(tensors("sum#0"))
    calls = {one.scope: [tensor.call for tensor in one.wanted] for one in found.plans() if one.mode is Mode.NESTED}
    assert calls == {
        "inner#0": ["inner#0/right#0", "inner#0/left#0"],
        "inner#1": ["inner#1/left#0", "inner#1/right#0"],
    }


def test_calls_that_give_different_tensors_are_not_calls_of_one_model() -> None:
    """However much their names have in common."""
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    inner = keras.Model([a, b], layers.Add(name="sum")([layers.ReLU(name="p")(a), layers.ReLU(name="q")(b)]), name="in")
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    live = LiveGraph(keras.Model([x, y], layers.Add(name="both")([inner([x, y]), inner([y, x])])))
    found = Planner(live).plan(tensors("in#0/p#0", "in#1/q#0"))
    assert shown(found) == ("inline(x#0 in#0:inline(in#0/a#0 in#0/p#0) in a#0 in#1:inline(in#1/b#0 in#1/q#0) in b#0)")
    found = Planner(live).plan(tensors("in#0/p#0", "in#1/p#0"))
    assert [one.mode for one in found.plans() if one.scope != "."] == [Mode.NESTED] * 2


def test_every_plan_below_one() -> None:
    found = Planner(LiveGraph(pair()), opened=["inner"]).plan(tensors("out#0"))
    assert sorted(one.scope for one in found.plans()) == [".", "inner#0", "inner#1"]


@pytest.mark.parametrize(
    ("cuts", "outputs", "live", "side", "leaking", "idle"),
    [
        (["inner#0/left#0"], ["out#0", "side#0"], "+both a1 left1 both1 out side", "right right1", "y", ""),
        (["inner#0/both#0"], ["out#0", "side#0"], "+a1 left1 both1 out", "right1 side", "x y", ""),
        (["inner#0/both#0", "y#0"], ["out#0"], "+a1 b1 left1 right1 both1 out", "", "", ""),
        (["inner#1/both#0"], ["out#0", "side#0"], "+out", "side", "x", ""),
        (["inner#1/both#0", "inner#0/left#0"], ["out#0", "side#0"], "+out side", "", "", ""),
        (["side#0"], ["out#0"], "+", "out", "x y", "side"),
        (["side#0", "out#0"], ["out#0"], "+", "", "", "side"),
        (["inner#1/left#0"], ["out#0"], "+both1 out", "right1", "y", ""),
        (["inner#0/left#0"], ["inner#0/left#0"], "+", "", "", ""),
        (["inner#0/left#0"], ["inner#0/right#0", "side#0"], "+side", "right", "y", ""),
        (["x#0", "y#0"], ["side#0"], "+a left side", "", "", "y"),
    ],
)
def test_what_a_cut_leaves_open(
    cuts: list[str], outputs: list[str], live: str, side: str, leaking: str, idle: str
) -> None:
    """``left1`` is that of the second call of the inner model."""

    def short(call: str) -> str:
        name = call.rpartition("/")[2].removesuffix("#0")
        return f"{name}1" if call.startswith("inner#1") else name

    found = boundary(LiveGraph(pair()), tensors(*cuts), tensors(*outputs))
    assert {short(one) for one in found.live} == set(live[1:].split())
    assert [short(one.call) for one in found.side_tensors] == side.split() and found.side_masks == ()
    assert [short(one) for one in found.leaking_inputs] == leaking.split()
    assert [short(one.call) for one in found.idle] == idle.split()


def test_a_graph_with_many_paths_is_walked_once() -> None:
    x = found = keras.Input((4,), name="x")
    for number in range(40):
        found = layers.Add(name=f"a{number}")([found, found])
    live = LiveGraph(keras.Model(x, found))
    seen = boundary(live, tensors("x#0"), tensors("a39#0"))
    assert len(seen.live) == 40 and seen.idle == seen.leaking_inputs == ()
    assert len(Planner(live).plan(tensors("a39#0")).steps) == 41


@pytest.mark.filterwarnings("ignore:.*passed an input with a mask attached.*")
def test_tensors_that_go_around_as_masks_alone() -> None:
    keras.utils.clear_session(free_memory=False)
    x, keep = keras.Input((6, 4), name="x"), keras.Input((6,), dtype="bool", name="keep")
    cut = layers.Dense(4, name="cut")(x)
    inner = keras.Input((6, 4), name="i")
    body = keras.Model(inner, layers.LSTM(3, name="deep")(inner), name="body")
    found = layers.Add(name="sum")([layers.LSTM(3, name="lstm")(cut, mask=keep), body(cut, mask=keep)])
    live = LiveGraph(keras.Model([x, keep], found))
    seen = boundary(live, tensors("cut#0"), tensors("sum#0"))
    assert (seen.side_tensors, seen.side_masks, seen.leaking_inputs) == ((), (Tensor("keep#0", 0),), ("keep#0",))
    assert shown(Planner(live, tensors("cut#0")).plan(tensors("sum#0"))).startswith("inline(keep#0 lstm#0 ")
    shifted = layers.Add(name="sum")(
        [layers.LSTM(3, name="lstm")(cut, mask=keep), keras.ops.cast(keep, "float32")[:, :3]]
    )
    seen = boundary(LiveGraph(keras.Model([x, keep], shifted)), tensors("cut#0"), tensors("sum#0"))
    assert len(seen.side_tensors) == 1 and seen.side_masks == (Tensor("keep#0", 0),)
    early = layers.Dense(3, name="early")(keras.ops.cast(keep, "float32"))
    late = layers.LSTM(3, name="late")(cut, initial_state=[early, early], mask=early[:, :1] > 0)
    seen = boundary(LiveGraph(keras.Model([x, keep], late)), tensors("cut#0"), tensors("late#0"))
    assert {tensor.call: tensor in seen.side_masks for tensor in (*seen.side_tensors, *seen.side_masks)} == {
        "early#0": False,
        "greater#0": True,
    }
    both = keras.Model([x, keep], [layers.LSTM(3, name="lstm")(cut, mask=keep), keep])
    seen = boundary(LiveGraph(both), tensors("cut#0"), tensors("lstm#0", "keep#0"))
    assert (seen.side_tensors, seen.side_masks) == ((Tensor("keep#0", 0),), ())
