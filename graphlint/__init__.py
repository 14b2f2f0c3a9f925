"""graphlint: find mistakes in Keras models, fix them, and cut models apart.

Importing this package is cheap: what a name needs is imported on first use.
"""

from __future__ import annotations

TYPE_CHECKING = False
"""As type checkers know it. Not from `typing`: `graphlint.__main__` has not cleaned the path yet."""

if TYPE_CHECKING:
    from typing import Any

    from graphlint.api import assert_clean as assert_clean
    from graphlint.api import check as check
    from graphlint.api import check_many as check_many
    from graphlint.api import impact as impact
    from graphlint.api import show as show
    from graphlint.api import to_networkx as to_networkx
    from graphlint.comparison.difference import Difference as Difference
    from graphlint.comparison.python import assert_same_signature as assert_same_signature
    from graphlint.comparison.python import assert_unchanged as assert_unchanged
    from graphlint.comparison.python import diff as diff
    from graphlint.engine.rule import Need as Need
    from graphlint.engine.rule import Option as Option
    from graphlint.engine.rule import Rule as Rule
    from graphlint.errors import AddressError as AddressError
    from graphlint.errors import AmbiguousAddress as AmbiguousAddress
    from graphlint.errors import BaselineError as BaselineError
    from graphlint.errors import CannotClone as CannotClone
    from graphlint.errors import CannotLoad as CannotLoad
    from graphlint.errors import ConfigError as ConfigError
    from graphlint.errors import FixError as FixError
    from graphlint.errors import GraphlintError as GraphlintError
    from graphlint.errors import ImportTargetError as ImportTargetError
    from graphlint.errors import InvalidEdit as InvalidEdit
    from graphlint.errors import LimitError as LimitError
    from graphlint.errors import LostTie as LostTie
    from graphlint.errors import NameCollision as NameCollision
    from graphlint.errors import NoModelError as NoModelError
    from graphlint.errors import NotBuilt as NotBuilt
    from graphlint.errors import OpaqueBody as OpaqueBody
    from graphlint.errors import OutputError as OutputError
    from graphlint.errors import ReplayError as ReplayError
    from graphlint.errors import RuleError as RuleError
    from graphlint.errors import ShapeMismatch as ShapeMismatch
    from graphlint.errors import UnboundedCut as UnboundedCut
    from graphlint.errors import Unequal as Unequal
    from graphlint.errors import UnknownAddress as UnknownAddress
    from graphlint.errors import UnknownKerasError as UnknownKerasError
    from graphlint.errors import UnknownRuleError as UnknownRuleError
    from graphlint.errors import Unmendable as Unmendable
    from graphlint.errors import UnreadableError as UnreadableError
    from graphlint.errors import Untrusted as Untrusted
    from graphlint.errors import WatchError as WatchError
    from graphlint.errors import WriteError as WriteError
    from graphlint.findings.finding import Applicability as Applicability
    from graphlint.findings.finding import Finding as Finding
    from graphlint.findings.finding import Fix as Fix
    from graphlint.findings.finding import Location as Location
    from graphlint.findings.finding import Problem as Problem
    from graphlint.findings.finding import Severity as Severity
    from graphlint.fixes.fixer import fix as fix
    from graphlint.fleet.columns import write_parquet as write_parquet
    from graphlint.fleet.workers import Workers as Workers
    from graphlint.model.graph import ModelGraph as ModelGraph
    from graphlint.replay.bundle import bundle as bundle
    from graphlint.replay.bundle import replace_everywhere as replace_everywhere
    from graphlint.replay.bundle import share as share
    from graphlint.replay.bundle import unbundle as unbundle
    from graphlint.replay.bundle import unshare as unshare
    from graphlint.replay.clone import clone as clone
    from graphlint.replay.edit import TieNotSaved as TieNotSaved
    from graphlint.replay.edit import edit as edit
    from graphlint.replay.extract import extract as extract
    from graphlint.replay.extract import features as features
    from graphlint.replay.functional import as_functional as as_functional
    from graphlint.replay.measure import NotMeasured as NotMeasured
    from graphlint.replay.run import run as run
    from graphlint.replay.split import split as split
    from graphlint.replay.verify import verify as verify
    from graphlint.reports.report import Report as Report

    __version__: str

_HOMES = {
    "graphlint.api": ("assert_clean", "check", "check_many", "show", "to_networkx", "impact"),
    "graphlint.comparison.difference": ("Difference",),
    "graphlint.comparison.python": ("assert_same_signature", "assert_unchanged", "diff"),
    "graphlint.findings.finding": ("Applicability", "Finding", "Fix", "Location", "Problem", "Severity"),
    "graphlint.fleet.columns": ("write_parquet",),
    "graphlint.fleet.workers": ("Workers",),
    "graphlint.reports.report": ("Report",),
    "graphlint.engine.rule": ("Need", "Option", "Rule"),
    "graphlint.errors": (
        "AddressError",
        "AmbiguousAddress",
        "BaselineError",
        "CannotClone",
        "CannotLoad",
        "ConfigError",
        "FixError",
        "GraphlintError",
        "ImportTargetError",
        "InvalidEdit",
        "LimitError",
        "LostTie",
        "NameCollision",
        "NoModelError",
        "NotBuilt",
        "OpaqueBody",
        "OutputError",
        "ReplayError",
        "RuleError",
        "ShapeMismatch",
        "UnboundedCut",
        "Unequal",
        "UnknownAddress",
        "UnknownKerasError",
        "UnknownRuleError",
        "Unmendable",
        "UnreadableError",
        "Untrusted",
        "WatchError",
        "WriteError",
    ),
    "graphlint.model.graph": ("ModelGraph",),
}
_SURGERY = {
    "graphlint.fixes.fixer": ("fix",),
    "graphlint.replay.bundle": ("bundle", "replace_everywhere", "share", "unbundle", "unshare"),
    "graphlint.replay.clone": ("clone",),
    "graphlint.replay.edit": ("TieNotSaved", "edit"),
    "graphlint.replay.extract": ("extract", "features"),
    "graphlint.replay.functional": ("as_functional",),
    "graphlint.replay.measure": ("NotMeasured",),
    "graphlint.replay.run": ("run",),
    "graphlint.replay.split": ("split",),
    "graphlint.replay.verify": ("verify",),
}
"""What works on live models, and therefore needs Keras."""

_HOME = {name: module for module, names in (_HOMES | _SURGERY).items() for name in names}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("keras-graphlint")
    if name == "callbacks":
        from importlib import import_module

        from graphlint.extras import require_keras

        require_keras("graphlint.callbacks")
        return import_module("graphlint.callbacks")
    if name not in _HOME:
        raise AttributeError(f"module 'graphlint' has no attribute {name!r}")
    if _HOME[name] in _SURGERY:
        from graphlint.extras import require_keras

        require_keras(f"graphlint.{name}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
