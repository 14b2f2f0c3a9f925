"""Small models as text, and rules that end the process they run in."""

from __future__ import annotations

import json
from pathlib import Path

from tests.hostile.files import dense, functional, input_layer, tensor

RULES = """
import os, signal, time
from graphlint import Need, Problem, Rule, Severity

class Poison(Rule):
    "Ends or stops its process."
    code, name, severity, needs = "ZP001", "poison", Severity.WARNING, frozenset({Need.GRAPH})

    def check(self, graph):
        if graph.root.name == "killer":
            os.kill(os.getpid(), signal.SIGKILL)
        if graph.root.name == "hanger":
            time.sleep(15)
        if graph.root.name == "marked":
            yield Problem("marked")
"""


def model(name: str) -> str:
    """A clean model of one Dense."""
    return json.dumps(functional([input_layer(), dense("d", tensor("in"))], name=name))


def models(folder: Path, count: int = 12, **odd: str) -> list[str]:
    """Files of models; ``odd`` are names of models at places, as ``at_3="killer"``."""
    names = {int(key.removeprefix("at_")): name for key, name in odd.items()}
    paths = []
    for number in range(count):
        path = folder / f"m{number:02}.json"
        path.write_text(model(names.get(number, "fine")))
        paths.append(str(path))
    return paths


def configuration(folder: Path) -> Path:
    """A configuration with the rules above."""
    (folder / "poisonous_rules.py").write_text(RULES)
    path = folder / "graphlint.toml"
    path.write_text('plugins = ["poisonous_rules"]\nselect = ["ALL", "ZP001"]\n')
    return path
