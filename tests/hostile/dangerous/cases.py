"""All cases, by name."""

from __future__ import annotations

from tests.hostile.dangerous import code, containers, names, operations, paths, saved_models, stored
from tests.hostile.dangerous.case import Case

CASES: dict[str, Case] = {}
for module in (code, names, operations, paths, stored, containers, saved_models):
    for case in module.cases():
        assert case.name not in CASES, case.name
        CASES[case.name] = case
