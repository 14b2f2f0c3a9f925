"""Which tests run which lines, and how long each takes: recorded once with coverage, asked for every mutant."""

from __future__ import annotations

import ast
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import coverage
import pytest

from tests.mutation.operators import Mutant

PACKAGES = ("graphlint", "graphlint_rules", "rules")


class Recorder:
    """A pytest plugin: gives the lines that run to the test that is running."""

    def __init__(self, tree: Path, target: Path) -> None:
        self.target = target
        include = [f"{tree}/{name}/*" for name in PACKAGES]
        self.coverage = coverage.Coverage(str(target.with_suffix(".coverage")), include=include, config_file=False)
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()

    def record(self, arguments: list[str]) -> int:
        """Run tests and write down what they run."""
        self.coverage.start()
        code = pytest.main(["-q", "-p", "no:cacheprovider", "--tb=short", *arguments], plugins=[self])
        self.coverage.stop()
        self.coverage.save()
        passed = {test: seconds for test, seconds in self.seconds.items() if test not in self.failed}
        self.target.with_suffix(".json").write_text(json.dumps(passed))
        return int(code)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.coverage.switch_context(item.nodeid)
        began = time.perf_counter()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.perf_counter() - began
            self.coverage.switch_context("")

    def pytest_runtest_logreport(self, report: Any) -> None:
        if not report.passed:
            self.failed.add(report.nodeid)


class Recorded:
    """What was recorded, of every part."""

    def __init__(self, folder: Path, tree: Path) -> None:
        self.tree = tree
        self.seconds: dict[str, float] = {}
        self.parts = []
        for path in sorted(folder.glob("*.json")):
            self.seconds |= json.loads(path.read_text())
            data = coverage.CoverageData(str(path.with_suffix(".coverage")))
            data.read()
            self.parts.append(data)

    @cache  # noqa: B019  one object for a whole run
    def lines(self, file: str) -> dict[int, set[str]]:
        """Line -> the tests that run it."""
        found: dict[int, set[str]] = defaultdict(set)
        names = [file, f"graphlint_{file}"] if file.startswith("rules/") else [file]
        for data in self.parts:
            for measured in data.measured_files():
                if not measured.endswith(tuple(f"/{name}" for name in names)):
                    continue
                for line, tests in data.contexts_by_lineno(measured).items():
                    found[line].update(test for test in tests if test in self.seconds)
        return found

    def tests(self, mutant: Mutant) -> list[str]:
        """The tests that can tell a mutant from the code, the nearest first.

        A fault outside functions meets the tests that run the functions which read the names it binds, or if there are
        none, all tests that run anything in the file.
        """
        lines = self.lines(mutant.file)
        found: set[str] = set().union(*(lines.get(one, ()) for one in range(mutant.line, mutant.end_line + 1)))
        if not found:
            readers = self._readers(mutant.file, mutant.names)
            found = set().union(*(lines.get(one, ()) for one in readers))
        if not found and not self._inside_function(mutant):
            found = set().union(*lines.values())
        return _nearest_first(found, self.seconds)

    def _readers(self, file: str, names: tuple[str, ...]) -> set[int]:
        found: set[int] = set()
        wanted = set(names)
        for function in self._functions(file):
            if wanted & {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}:
                found |= {node.lineno for node in ast.walk(function) if isinstance(node, ast.stmt)} - {function.lineno}
        return found

    def _inside_function(self, mutant: Mutant) -> bool:
        return any(
            function.body[0].lineno <= mutant.line <= (function.end_lineno or 0)
            for function in self._functions(mutant.file)
        )

    @cache  # noqa: B019
    def _functions(self, file: str) -> list[ast.FunctionDef]:
        tree = ast.parse((self.tree / file).read_bytes())
        return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def _nearest_first(tests: set[str], seconds: dict[str, float]) -> list[str]:
    """First the files of tests most of which reach the fault, each from its quickest test on."""
    all_of = Counter(test.partition("::")[0] for test in seconds)
    these = Counter(test.partition("::")[0] for test in tests)

    def place(test: str) -> tuple[float, str, float]:
        file = test.partition("::")[0]
        return -these[file] / all_of[file], file, seconds[test]

    return sorted(tests, key=place)
