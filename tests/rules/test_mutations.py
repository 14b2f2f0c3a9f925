"""A sample of the mutation benchmark: one fault of each kind in each of a few small models."""

import pytest

from graphlint.engine.registry import load_registry
from graphlint.engine.rule import Need
from tests.benchmarks.mutations.clean import TINY
from tests.benchmarks.mutations.mutant import INJECTORS
from tests.benchmarks.mutations.run import run


@pytest.mark.parametrize("name", TINY)
def test_every_fault_is_found_where_it_is_and_nothing_else(name):
    outcomes = run(sorted(INJECTORS), [name], limit=1)
    assert [line for outcome in outcomes.values() for line in outcome.details] == []
    assert sum(outcome.right for outcome in outcomes.values()) > 20


def test_every_rule_on_models_has_an_injector():
    """Rules on data have pairs of a faulty and a healthy program, in ``tests/observing``."""
    built_in = {
        rule.code
        for rule in load_registry()
        if rule.__module__.startswith("graphlint_rules.") and not rule.needs & {Need.DATA, Need.STEPS}
    }
    assert built_in - set(INJECTORS) == set()
