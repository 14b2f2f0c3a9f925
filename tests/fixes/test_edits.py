"""Edits as data, and their makers."""

import dataclasses

import pytest

from graphlint.engine.registry import load_registry
from graphlint.findings import edits
from graphlint.findings.edits import COMPILATION, Edit, FileEdit, ModelEdit, Remove, TrainingEdit
from graphlint.fixes import live, stored


def kinds(base):
    found = [one for one in vars(edits).values() if isinstance(one, type) and issubclass(one, base)]
    return [one for one in found if one not in (Edit, ModelEdit, FileEdit, TrainingEdit)]


@pytest.mark.parametrize("kind", kinds(Edit), ids=lambda kind: kind.__name__)
def test_an_edit_is_frozen_and_has_one_maker(kind):
    assert kind.__dataclass_params__.frozen
    in_memory, in_file = (make.dispatch(kind) is not make.dispatch(Edit) for make in (live.make, stored.make))
    assert (in_memory, in_file) == (issubclass(kind, ModelEdit), issubclass(kind, FileEdit))


@pytest.mark.parametrize("kind", kinds(ModelEdit) + kinds(FileEdit), ids=lambda kind: kind.__name__)
def test_an_edit_touches_every_layer_that_it_names(kind):
    named = {"config": {"units": 1}, "class_name": "Dense", "argument": "training", "value": 1, "fresh": True}
    given, expected = {}, set()
    for number, field in enumerate(dataclasses.fields(kind)):
        if field.name in named:
            given[field.name] = named[field.name]
            continue
        expected.add(f"block/{number}")
        text = f"block#1/{number}#0"
        several = "tuple" in str(field.type) or "Mapping" in str(field.type)
        given[field.name] = text if not several else {text: text} if "Mapping" in str(field.type) else (text,)
    assert kind(**given).touches() == expected


def test_an_edit_of_training_touches_the_compilation():
    for kind in kinds(TrainingEdit):
        made = kind(**{field.name: {} for field in dataclasses.fields(kind)})
        assert made.touches() == {COMPILATION}


def test_edits_that_can_be_made_at_once_are_joined():
    assert Remove(calls=("a",)).joined(Remove(calls=("b",))) == Remove(calls=("a", "b"))
    assert Remove(calls=("a",)).joined(edits.Freeze(layers=("b",))) is None


def test_rules_that_block_loading_are_errors():
    blocking = [rule for rule in load_registry() if rule.blocks_loading]
    assert {rule.code for rule in blocking} == {"K003", "K004", "K010"}
    assert {rule.severity.value for rule in blocking} == {"error"}
