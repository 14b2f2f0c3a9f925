"""What code runs, so that what other code found is not taken for what this would find."""

from __future__ import annotations

import hashlib
import json
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlint.fleet.tasks import plain

if TYPE_CHECKING:
    from graphlint.engine.linter import Linter


def code(linter: Linter) -> str:
    """A hash of what runs: the files of graphlint and of every package that has a rule, the rules that run, Python."""
    packages = frozenset(rule.__module__.partition(".")[0] for rule in linter.registry)
    rules = [(rule.code, rule.__module__, plain(linter.settings(rule))) for rule in linter.rules]
    text = json.dumps([files(packages | {"graphlint"}), rules, sys.version, sys.platform])
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def files(packages: frozenset[str]) -> list[list[Any]]:
    """The files of some packages with sizes and times: another version of graphlint, or an edited rule, differs."""
    found: list[list[Any]] = []
    for name in sorted(packages):
        module = sys.modules.get(name)
        origin = getattr(module, "__file__", None)
        folders = list(getattr(module, "__path__", ()))
        paths = sorted(path for folder in folders for path in Path(folder).rglob("*") if path.suffix in (".py", ".txt"))
        if not folders and origin:  # A module beside others that it may import.
            paths = sorted(Path(origin).parent.glob("*.py"))
        for path in paths:
            status = path.stat()
            found.append([name, path.name, status.st_size, status.st_mtime_ns])
    return found


@cache
def versions() -> list[str]:
    """The releases that rules ask for by default."""
    from importlib import metadata

    found = []
    for name in ("keras-graphlint", "keras", "numpy", "pyfive"):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(name)
    return found
