import sys
from types import ModuleType

import pytest

from graphlint import Rule, Severity
from graphlint.engine.registry import Registry, load_registry, precision, rules_in
from graphlint.errors import RuleError, UnknownRuleError
from tests.engine import pack


def made(**attributes):
    body = {"code": "QQ001", "name": "some-rule", "severity": Severity.INFO, "check": lambda self, graph: iter(())}
    return type("Made", (Rule,), body | attributes)


def test_built_in_rules_come_through_the_entry_point():
    registry = load_registry()
    assert registry.get("A001").__module__.startswith("graphlint_rules.")
    assert registry.get("softmax-on-one") is registry.get("A001")
    assert [rule.code for rule in registry] == sorted(rule.code for rule in registry)


def test_an_entry_point_is_a_module_a_package_or_an_iterable():
    assert set(rules_in(pack)) == set(pack.RULES)
    assert rules_in((pack.BigLayer,)) == [pack.BigLayer]
    package = ModuleType("some_package")
    package.__path__ = []
    for source in (package, ModuleType("empty"), []):
        with pytest.raises(RuleError, match="no rule in it"):
            rules_in(source)
    with pytest.raises(RuleError, match="got 'BigLayer'"):
        rules_in(["BigLayer"])
    with pytest.raises(RuleError, match="got int"):
        rules_in(3)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"code": "S1"}, "letters and three digits"),
        ({"code": "E009"}, "belongs to graphlint itself"),
        ({"name": "Some_Rule"}, "words joined by dashes"),
        ({"severity": "info"}, "expected severity"),
        ({"needs": {"weights"}}, "expected needs"),
        ({"options": {"a b": 1}}, "expected options"),
    ],
)
def test_a_rule_of_another_form_is_refused(attributes, message):
    with pytest.raises(RuleError, match=message):
        Registry([made(**attributes)])


@pytest.mark.parametrize("attributes", [{"name": "other"}, {"code": "QQ002"}])
def test_two_rules_of_one_code_or_name_are_refused(attributes):
    with pytest.raises(RuleError, match="rename one of them"):
        Registry([made(), made(**attributes)])


@pytest.mark.parametrize(
    ("selector", "expected"),
    [("ALL", 0), ("ZZ", 1), ("ZZ0", 2), ("ZZ00", 3), ("ZZ001", 5), ("big-layer", 5), ("Z", None), ("ZZ1", None)],
)
def test_letters_match_whole_and_digits_by_prefix(selector, expected):
    assert precision(selector, pack.BigLayer) == expected


@pytest.mark.parametrize(
    ("selector", "message"),
    [("ZZ9", "no rule matches 'ZZ9'"), ("big-layr", "did you mean big-layer"), ("zz001", "ZZ001"), ("", "rules")],
)
def test_selectors_that_match_nothing_are_refused(selector, message):
    with pytest.raises(UnknownRuleError, match=message):
        Registry(pack.RULES).check_selector(selector)


def test_a_plugin_may_lie_beside_its_configuration(tmp_path):
    (tmp_path / "house_rules.py").write_text(
        "from graphlint import Rule, Severity\n"
        "class House(Rule):\n"
        "    'A rule of this house.'\n"
        "    code, name, severity = 'HR001', 'house', Severity.INFO\n"
        "    def check(self, graph):\n"
        "        return iter(())\n"
    )
    before = list(sys.path)
    assert load_registry(["house_rules"], tmp_path).get("HR001").name == "house"
    assert sys.path == before


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import nothing_like_this", "ModuleNotFoundError"),
        ("x = 1", "no rule in it"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_a_broken_plugin_is_named(tmp_path, code, message):
    name = f"broken_{len(code)}"
    (tmp_path / f"{name}.py").write_text(code)
    with pytest.raises(RuleError, match=f"'{name}'.*{message}"):
        load_registry([name], tmp_path)
