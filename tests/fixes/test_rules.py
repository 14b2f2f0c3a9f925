"""Every rule fixes what it says it fixes, shown on the bad example of its docstring."""

import keras
import pytest

from graphlint.engine.documentation import EXAMPLE, offered_fix
from graphlint.engine.linter import Linter
from graphlint.engine.registry import load_registry
from graphlint.engine.rule import Need
from graphlint.engine.selection import Selection
from graphlint.fixes.fixer import Fixer
from graphlint.testing import check_fix, run_example

RULES = list(load_registry())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.code}-{rule.name}")
def test_a_rule_fixes_its_example_as_its_documentation_says(rule, tmp_path):
    check_fix(rule, tmp_path)


ON_GRAPHS = [
    rule for rule in RULES if rule.code[0] in "SDTPHAR" and Need.COMPILE not in rule.needs and offered_fix(rule)
]


def twice(inner):
    """A model that calls another on two sets of inputs."""
    inner.name = "inner"
    inputs, outputs = [], []
    for tag in "ab":
        mine = [
            keras.Input(batch_shape=one.shape, dtype=one.dtype, name=f"{tag}_{number}")
            for number, one in enumerate(inner.inputs)
        ]
        inputs += mine
        outputs.append(inner(mine if len(mine) > 1 else mine[0]))
    return keras.Model(inputs, outputs)


NOT_INSIDE = {
    "S001": "the layer is shared two models deep, and is left",
    "S002": "the finding is about a file",
}
"""Rules that offer no fix inside a model that is called twice, and why."""


@pytest.mark.parametrize("rule", ON_GRAPHS, ids=lambda rule: rule.code)
def test_a_fix_holds_inside_a_model_that_is_called_twice(rule, tmp_path):
    made = run_example(rule, EXAMPLE, tmp_path)
    linter = Linter(None, Selection((rule.code,)))
    model = twice(made["model"]) if "model" in made else None
    offered = model is not None and any(one.fix is not None for one in linter.check_model(model).findings)
    assert offered == (rule.code not in NOT_INSIDE)
    if offered:
        fixed, report = Fixer(linter, unsafe=True, asked=(rule.code,)).run(model)
        assert report
        assert not linter.check_model(fixed).findings, str(report)
