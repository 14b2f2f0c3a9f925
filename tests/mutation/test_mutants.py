"""What mutants are made of, that a patched function is the mutated one, and that probes tell what is reached."""

from __future__ import annotations

import importlib
import sys

import pytest

from tests.mutation.operators import mutants
from tests.mutation.patching import Functions
from tests.mutation.reaching import Probes

SOURCE = '''
"""A module."""

TABLE = ("a", "b")


def known(name, limit=3):
    """Whether a short name is in the table."""
    if name is None:
        raise ValueError(f"{1 + 1}")
    return any(name == one and len(name) < limit for one in TABLE)


class Rule:
    default = False

    def holds(self, value):
        def inner():
            return value + 1

        return inner() >= 2
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "mutated_here.py").write_text(SOURCE)
    yield importlib.import_module("mutated_here")
    del sys.modules["mutated_here"]


def found():
    return {str(one).partition(" ")[2]: one for one in mutants("mutated_here.py", SOURCE.encode())}


def test_every_mutant_is_one_fault_in_a_module_that_compiles():
    names = found()
    assert "comparison: len(name) < limit -> (len(name) <= limit)" in names
    assert "without 'a': (\"a\", \"b\") -> ('b',)" in names
    assert "condition: name is None -> False" in names
    assert "call: any -> all" in names
    assert "constant: False -> True" in names
    assert not [name for name in names if "1 + 1" in name]  # Messages are no behaviour.
    for one in names.values():
        changed = one.applied(SOURCE.encode()).decode()
        assert changed != SOURCE
        compile(changed, "mutated", "exec")


@pytest.mark.parametrize(
    ("name", "asked", "before", "after"),
    [
        ("comparison: len(name) < limit -> (len(name) <= limit)", lambda m: m.known("a", 1), False, True),
        ("arithmetic: value + 1 -> (value - 1)", lambda m: m.Rule().holds(1), True, False),
        ("comparison: inner() >= 2 -> (inner() > 2)", lambda m: m.Rule().holds(1), True, False),
        ("without 'a': (\"a\", \"b\") -> ('b',)", lambda m: m.known("a"), True, False),
        ("constant: False -> True", lambda m: m.Rule.default, False, True),
    ],
)
def test_a_patched_module_does_what_the_mutant_says(name, asked, before, after, module, tmp_path):
    assert asked(module) is before
    assert Functions().patch(tmp_path, found()[name])
    assert asked(module) is after


def test_a_default_of_an_argument_cannot_be_patched(module, tmp_path):
    assert not Functions().patch(tmp_path, found()["constant: 3 -> 4"])


@pytest.mark.parametrize(
    ("name", "reaching", "passing"),
    [
        ("comparison: name is None -> (name is not None)", lambda m: m.known("a"), lambda m: m.Rule().holds(1)),
        (
            "return: return any(name == one and len(name) < limit for one in TABLE) -> return None",
            lambda m: m.known("a"),
            None,
        ),
        ("arithmetic: value + 1 -> (value - 1)", lambda m: m.Rule().holds(1), lambda m: m.known("a")),
        ("without 'a': (\"a\", \"b\") -> ('b',)", lambda m: m.known("a"), lambda m: m.Rule().holds(1)),
        ("constant: False -> True", lambda m: m.Rule().holds(1), None),
    ],
)
def test_a_probe_tells_which_mutants_a_call_comes_by(name, reaching, passing, module, tmp_path):
    mutants = list(found().values())
    place = next(number for number, one in enumerate(mutants) if str(one).partition(" ")[2] == name)
    expected = reaching(module)
    probes = Probes()
    probes.put(tmp_path, mutants, Functions())
    assert probes.taken() == set()
    assert reaching(module) == expected
    assert place in probes.taken()
    assert probes.taken() == set()
    if passing is not None:
        passing(module)
        assert place not in probes.taken()


def test_a_statement_that_is_not_run_is_not_reached(module, tmp_path):
    mutants = list(found().values())
    probes = Probes()
    probes.put(tmp_path, mutants, Functions())
    with pytest.raises(ValueError, match="2"):
        module.known(None)
    reached = {mutants[place].kind for place in probes.taken()}
    assert "comparison" in reached and "return" not in reached
