"""The pack of rules that CONTRIBUTING.md shows is what it says."""

import ast
import importlib.util
import re
from pathlib import Path

from graphlint.testing import check_rule

ROOT = Path(__file__).parents[2]
PACK = ROOT / "tests" / "pack"


def test_its_rule_has_the_form_of_a_rule_and_its_examples_hold(tmp_path):
    spec = importlib.util.spec_from_file_location("house_rules", PACK / "house_rules.py")
    pack = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pack)
    check_rule(pack.RawImage, tmp_path)


def test_the_guide_shows_it():
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = re.search(r"^```python\n(from graphlint import .+?)^```$", guide, re.MULTILINE | re.DOTALL)[1]
    tree = ast.parse((PACK / "house_rules.py").read_text(encoding="utf-8"))
    tree.body = tree.body[1:]
    tree.body[-1].body = tree.body[-1].body[1:]
    assert ast.unparse(ast.parse(shown)) == ast.unparse(tree)
    entry = re.search(r"^```toml\n(\[project.entry-points.+?)^```$", guide, re.MULTILINE | re.DOTALL)[1]
    assert entry in (PACK / "pyproject.toml").read_text(encoding="utf-8")
