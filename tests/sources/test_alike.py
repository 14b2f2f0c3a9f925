"""Layers whose configurations say the same are judged once, and that changes no answer."""

import gc
import json

import pytest

from graphlint.engine.collection import collection_paused
from graphlint.knowledge.common_objects import NAMES, is_common
from graphlint.knowledge.namespaces import is_part_of_model
from graphlint.model.expand import expand
from graphlint.questions.references import everything_named
from graphlint.sources import configuration, read_text
from tests.hostile.dangerous.case import function, new_lambda
from tests.hostile.files import dense, functional, input_layer, tensor

CHANGES = {
    "nothing": lambda entry: None,
    "its activation": lambda entry: entry["config"].update(activation=function("os", "system")),
    "code": lambda entry: entry["config"].update(kernel_initializer=new_lambda("x")),
    "its name": lambda entry: entry["config"].update(name="../../x"),
    "an address as its name": lambda entry: entry.update(name="http://a/b"),
    "its module": lambda entry: entry.update(module="os"),
    "its registered name": lambda entry: entry.update(registered_name="system"),
    "its build": lambda entry: entry.update(build_config={"x": function("os", "system")}),
    "an argument of its call": lambda entry: entry["inbound_nodes"][0]["kwargs"].update(x=function("os", "system")),
    "another key": lambda entry: entry.update(more=function("os", "system")),
    "its units": lambda entry: entry["config"].update(units=7),
    "its dtype": lambda entry: entry["config"].update(dtype="float16"),
}


def chain(change, place):
    """A chain of equal layers of which one, or with ``place`` None each, is changed."""
    layers = [dense(f"d{number}", tensor(f"d{number - 1}" if number else "in")) for number in range(6)]
    for one in layers if place is None else [layers[place]]:
        change(one)
    return functional([input_layer(), *layers], outputs=[["d5", 0, 0]])


def unlike(definition):
    for layer in definition.root.body.layers:
        layer.likeness = None
    return definition


@pytest.mark.parametrize("place", [0, 1, 2, 5, None])
@pytest.mark.parametrize("name", CHANGES)
def test_the_same_is_named(name, place):
    text = json.dumps(chain(CHANGES[name], place)).encode()
    alike, apart = read_text(text), unlike(read_text(text))
    numbers = [layer.alike for layer in alike.root.body.layers[1:]]
    assert len(set(numbers)) < len(numbers)
    first, second = (
        [(one.kind, one.name, one.names, one.layer, one.where, one.is_layer) for one in everything_named(expand(each))]
        for each in (alike, apart)
    )
    assert first == second


@pytest.mark.parametrize("name", ["nothing", "its units", "its dtype"])
@pytest.mark.parametrize("place", [0, 1, 2, 5, None])
def test_the_same_shapes_are_inferred(name, place, monkeypatch):
    text = json.dumps(chain(CHANGES[name], place)).encode()
    found = [(call.outputs, call.inferred) for call in read_text(text).root.body.calls]
    monkeypatch.setattr(configuration, "_LONGEST_CONFIG", -1)
    body = read_text(text).root.body
    assert all(layer.alike is None for layer in body.layers)
    assert found == [(call.outputs, call.inferred) for call in body.calls]


def test_a_layer_that_is_changed_is_like_no_other():
    first, second = read_text(json.dumps(chain(CHANGES["nothing"], 0)).encode()).root.body.layers[1:3]
    assert first.alike == second.alike is not None
    second.config = {**second.config, "units": 7}
    assert second.alike is None


@pytest.mark.parametrize("name", sorted(NAMES))
def test_what_is_kept_once_is_harmless(name):
    assert is_part_of_model(name)
    module, _, last = name.rpartition(".")
    entry = {"module": module, "class_name": last, "config": {}, "registered_name": None}
    assert is_common(entry)
    for held in ("http://a/b", "../x", "4w" + "A" * 60, {"class_name": "x"}, [1]):
        assert not is_common({**entry, "config": {"name": held}})
        assert not is_common({**entry, "config": {"unknown": 1}})
        assert not is_common({**entry, "shared_object_id": held})


def test_the_collector_is_left_as_it_was():
    assert gc.isenabled()
    with collection_paused(), collection_paused():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ValueError, match="x"), collection_paused():
        raise ValueError("x")
    assert gc.isenabled()
