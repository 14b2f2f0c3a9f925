"""What a rule is by its page, and that it says nothing of a model in which nothing is wrong; without Keras."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphlint.engine.documentation import reference
from graphlint.engine.registry import load_registry
from graphlint.model.definition import Format, FrontEnd, ModelDefinition
from graphlint.model.expand import expand
from graphlint.model.observations import Movement
from graphlint.model.several import several
from tests.model.definitions import call, input_call, layer, model
from tests.questions.test_observed import seen
from tests.rules.test_definitions_of_training import held

BUILT_IN = [rule for rule in load_registry() if rule.__module__.startswith("graphlint_rules.")]
ASKS_KERAS = ("K012", "T007")
ASKS_FOR_CODE = ("K008", "K010", "X003")
"""They say that a class of the user's own is needed, or that it stays closed."""
PAGES = (Path(__file__).parents[2] / "rules" / "README.md").read_text(encoding="utf-8")


def plain(*names):
    """A model of two layers that fits its weights."""
    hidden, head = (held(name, units=4, use_bias=False, activation="relu") for name in names)
    head.config["activation"] = "linear"
    calls = [input_call(f"x_{names[0]}"), call(hidden, 0), call(head, 1)]
    return ModelDefinition(model(f"net_{names[0]}", calls, [0], [2]), FrontEnd.STATIC, Format.KERAS, has_weights=True)


def closed():
    """A model of a class of its own, of which nothing inside is known."""
    root = layer("sub", "Mine", registered_name="x>Mine", is_model=True, opaque=True)
    return ModelDefinition(root, FrontEnd.STATIC, Format.KERAS, has_weights=True)


@pytest.mark.parametrize("rule", BUILT_IN, ids=lambda rule: rule.code)
def test_a_rule_is_what_its_page_says_and_quiet_on_a_plain_model(rule):
    models = [plain("a", "b"), several({"one": plain("a", "b"), "other": plain("c", "d")})]
    if rule.code not in ASKS_FOR_CODE:
        models += [closed(), several({"one": plain("a", "b"), "other": closed()})]
    for one in models:
        graph = expand(one)
        moves = Movement(steps=3, moved=frozenset(graph.variables), still=frozenset())
        assert rule.code in ASKS_KERAS or list(rule().check(seen(graph, movement=moves))) == []
    table, page = reference([rule]).split(f"\n### {rule.code}")
    assert table.splitlines()[-1] in PAGES.splitlines()
    assert f"### {rule.code}{page}\n" in PAGES
