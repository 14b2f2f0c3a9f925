"""Edits as data, their makers, and the stages that a file goes through."""

import dataclasses

import pytest

from graphlint.engine.registry import load_registry
from graphlint.errors import FixError
from graphlint.findings import edits
from graphlint.findings.edits import COMPILATION, Edit, FileEdit, ModelEdit, Remove, TrainingEdit
from graphlint.fixes import files, live, stored
from graphlint.fixes.files import PREPARE, WRITE, Job, Stage


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


def test_what_a_stage_requires_an_earlier_one_ensures():
    ensured = set()
    for stage in (*PREPARE, *WRITE):
        assert set(stage.requires) <= ensured, stage.name
        ensured |= set(stage.ensures)


def test_a_condition_that_does_not_hold_stops_the_pipeline(tmp_path):
    def forgets(job):
        """Ensures a file that it does not write."""

    job = Job(path=tmp_path / "model.keras", fixer=None)
    with pytest.raises(FixError, match="is_stored is not true after forgets"):
        files.run([Stage(run=forgets, requires=(), ensures=(files.is_stored,))], job)
    with pytest.raises(FixError, match="is_loaded is not true before forgets"):
        files.run([Stage(run=forgets, requires=(files.is_loaded,), ensures=())], job)


def test_rules_that_block_loading_are_errors():
    blocking = [rule for rule in load_registry() if rule.blocks_loading]
    assert {rule.code for rule in blocking} == {"K003", "K004", "K010"}
    assert {rule.severity.value for rule in blocking} == {"error"}


def test_what_is_written_is_a_file_with_something_in_it(tmp_path):
    job = Job(path=tmp_path / "model.keras", fixer=None)
    assert not files.is_written(job)
    for name, written in (("absent", False), ("folder", False), ("empty", False), ("full", True)):
        job.target = tmp_path / name
        if name == "folder":
            job.target.mkdir()
        elif name != "absent":
            job.target.write_bytes(b"a" if written else b"")
        assert files.is_written(job) == written
