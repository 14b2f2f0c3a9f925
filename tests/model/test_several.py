"""Several models as one definition, and the names under which Keras stores layers."""

from __future__ import annotations

import pytest

from graphlint.model.definition import Format, FrontEnd, LayerDefinition, ModelDefinition
from graphlint.model.expand import expand
from graphlint.model.several import several
from graphlint.model.stored_names import group_name, is_sequential, stored_names
from tests.model.definitions import call, input_call, layer, model

LIVE, STATIC = FrontEnd.LIVE, FrontEnd.STATIC


def one(name="net", front_end=STATIC, **fields):
    root = model(name, [input_call("x"), call(layer("d", size=1), 0)], [0], [1])
    return ModelDefinition(root, front_end, "keras", **{"has_weights": False, "has_graph": False, **fields})


@pytest.mark.parametrize(
    ("ends", "front_end", "format_"),
    [([LIVE, LIVE], LIVE, Format.LIVE), ([LIVE, STATIC], STATIC, Format.SEVERAL), ([STATIC], STATIC, Format.SEVERAL)],
)
def test_several_models_are_live_if_all_are(ends, front_end, format_):
    found = several({f"m{place}": one(front_end=end) for place, end in enumerate(ends)})
    assert (found.front_end, found.format) == (front_end, format_)
    assert [member.name for member in found.members] == [f"m{place}" for place in range(len(ends))]


@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True), (False, False)])
def test_several_models_have_what_any_has(first, second):
    weights = several({"a": one(has_weights=first), "b": one(has_weights=second)})
    graph = several({"a": one(has_graph=first), "b": one(has_graph=second)})
    assert weights.has_weights is graph.has_graph is (first or second)


def test_one_model_of_two_names_is_one_layer():
    only = one()
    graph = expand(several({"a": only, "b": only}))
    assert len(graph.variables) == 1 and [member.layer for member in graph.members] == ["a:", "a:"]
    assert graph.several and {graph.member_of(name).name for name in graph.calls} == {"a", "b"}


def stack(class_name, *layers, **config):
    root = model("net", [input_call("x"), *(call(one, place) for place, one in enumerate(layers))], [0], [1])
    root.class_name, root.config = class_name, config
    return root


def test_layers_are_stored_by_class_and_number():
    parts = layer("a"), layer("b", "Conv2D"), layer("c"), layer("d", "Add", is_operation=True), layer("e")
    for class_name, config, start in (("Functional", {}, ["input_layer"]), ("Sequential", {}, [])):
        names = stored_names(stack(class_name, *parts, **config))
        assert list(names.values()) == [*start, "dense", "conv2d", "dense_1", "dense_2"]
        assert id(parts[3]) not in names
    assert list(stored_names(stack("Mine", layer("a"), build_input_shape=[None, 4])).values()) == ["dense"]
    assert list(stored_names(stack("Mine", layer("a"))).values()) == ["input_layer", "dense"]


def test_layers_without_a_class_have_a_name_too():
    counts = {}
    assert [group_name(LayerDefinition("a", None), counts) for _ in range(2)] == ["", "_1"]


@pytest.mark.parametrize(
    ("class_name", "config", "sequential"),
    [("Sequential", {}, True), ("Functional", {}, False), ("Mine", {"build_input_shape": None}, True)],
)
def test_what_is_a_sequential(class_name, config, sequential):
    assert is_sequential(stack(class_name, **config)) is sequential
