"""All cases, by name."""

from __future__ import annotations

from dataclasses import replace

from tests.hostile.dangerous import code, containers, names, operations, paths, saved_models, stored
from tests.hostile.dangerous.case import Case

_KINDS = {
    "code": code,
    "names": names,
    "operations": operations,
    "paths": paths,
    "pickles and HDF5": stored,
    "containers": containers,
    "SavedModels": saved_models,
}
CASES: dict[str, Case] = {}
for kind, module in _KINDS.items():
    for case in module.cases():
        assert case.name not in CASES, case.name
        CASES[case.name] = replace(case, kind=kind)
