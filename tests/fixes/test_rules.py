"""Every rule fixes what it says it fixes, shown on the bad example of its docstring."""

import keras  # noqa: F401  imported once, not in the first test
import pytest

from graphlint.engine.registry import load_registry
from graphlint.testing import check_fix

RULES = list(load_registry())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.code}-{rule.name}")
def test_a_rule_fixes_its_example_as_its_documentation_says(rule, tmp_path):
    check_fix(rule, tmp_path)
