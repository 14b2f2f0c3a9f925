import pytest

from graphlint.engine.registry import Registry
from graphlint.engine.selection import Selection, selected
from tests.engine.pack import RULES

REGISTRY = Registry(RULES)


def run(*layers, preview=False):
    return {rule.code for rule in selected(REGISTRY, layers, preview=preview)}


DEFAULT = {"Z001", "Z002", "ZZ001"}


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ({}, DEFAULT),
        ({"select": ("ZZ",)}, {"ZZ001"}),
        ({"select": ("ZZ002", "preview-rule")}, {"ZZ002", "ZZ101"}),
        ({"extend_select": ("crash",)}, DEFAULT | {"ZZ002"}),
        ({"extend_select": ("ZZ",)}, DEFAULT),
        ({"ignore": ("Z",)}, {"ZZ001"}),
        ({"ignore": ("ALL",)}, set()),
        ({"select": ("Z", "ZZ001"), "ignore": ("ZZ",)}, {"Z001", "Z002", "ZZ001"}),
        ({"select": ("Z001",), "ignore": ("a-note",)}, set()),
        ({"select": ()}, set()),
    ],
)
def test_the_more_precise_selector_wins_and_ignore_wins_a_draw(layer, expected):
    assert run(Selection(**layer)) == expected


def test_preview_adds_preview_rules_and_not_those_that_are_off():
    assert run(preview=True) == DEFAULT | {"ZZ101"}


def test_the_command_line_wins_over_the_configuration():
    config = Selection(select=("Z",), ignore=("Z001",))
    assert run(config, Selection()) == {"Z002"}
    assert run(config, Selection(select=("Z001",))) == {"Z001"}
    assert run(config, Selection(extend_select=("Z001",))) == {"Z001", "Z002"}
    assert run(config, Selection(ignore=("Z002",))) == set()
