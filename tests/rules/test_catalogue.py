"""Every rule has one form, and its examples do what its documentation says."""

import sys
from collections import Counter
from pathlib import Path

import keras  # noqa: F401  imported once, not in the first test
import pytest

from graphlint.engine.documentation import reference, text
from graphlint.engine.registry import load_registry
from graphlint.engine.rule import Rule
from graphlint.testing import check_rule

RULES = list(load_registry())
BUILT_IN = [rule for rule in RULES if rule.__module__.startswith("graphlint_rules.")]
FAMILIES = {
    "S": "shared_weights",
    "D": "disconnected",
    "T": "trainable",
    "P": "parameters",
    "H": "shapes",
    "A": "architecture",
    "K": "serialization",
    "N": "numbers",
    "R": "redundancy",
    "X": "security",
    "B": "batch",
    "M": "several_models",
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.code}-{rule.name}")
def test_form_and_examples(rule, tmp_path):
    check_rule(rule, tmp_path)


@pytest.mark.parametrize("rule", BUILT_IN, ids=lambda rule: rule.code)
def test_a_rule_lives_in_the_file_of_its_name_in_the_folder_of_its_family(rule):
    family, name = Path(sys.modules[rule.__module__].__file__).parts[-2:]
    assert (family, name) == (FAMILIES[rule.code[:-3]], f"{rule.name.replace('-', '_')}.py")


@pytest.mark.parametrize("rule", BUILT_IN, ids=lambda rule: rule.code)
def test_the_first_line_of_a_rule_module_says_what_it_finds(rule):
    first = (sys.modules[rule.__module__].__doc__ or "").partition("\n")[0]
    assert first.startswith(f"{rule.code}: ") and len(first.split()) > 3, first


@pytest.mark.parametrize("rule", BUILT_IN, ids=lambda rule: rule.code)
def test_the_page_of_a_rule_says_how_it_reads_code(rule):
    assert f"## In code\n{rule.in_code.split()[0]}" in text(rule)
    source = Path(sys.modules[rule.__module__].__file__).read_text(encoding="utf-8")
    asks = any(words in source for words in ("graph.in_code(", "called_by_code(", ".traced", "graph.written("))
    assert not asks or rule.in_code != Rule.in_code, "it treats code differently, and its in_code does not say how"


def test_the_reference_page_is_what_the_docstrings_say():
    written = (Path(__file__).parents[2] / "rules" / "README.md").read_text(encoding="utf-8")
    assert written == f"{reference(BUILT_IN)}\n", "run: graphlint rules --isolated --format markdown >rules/README.md"


def test_every_file_holds_one_rule():
    package = Path(sys.modules["graphlint_rules"].__file__).parent
    files = {path.stem for path in package.glob("*/*.py")} - {"__init__"}
    assert Counter(rule.__module__.rpartition(".")[2] for rule in BUILT_IN) == Counter(files)
