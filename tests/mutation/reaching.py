"""Which tests run the code of a mutant: probes in a copy of the code say so, so that nothing else becomes slower."""

from __future__ import annotations

import ast
import builtins
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.mutation.operators import Mutant
from tests.mutation.patching import Functions

PROBE = "__reached__"


class Probes:
    """Calls that note which mutants a test comes by."""

    def __init__(self) -> None:
        self.reached: set[int] = set()
        setattr(builtins, PROBE, self.reached.add)

    def put(self, tree: Path, mutants: list[Mutant], functions: Functions) -> None:
        """Put the probes of some mutants into this process; a mutant is known by its place in the list."""
        places: dict[str, list[int]] = defaultdict(list)
        for place, mutant in enumerate(mutants):
            places[mutant.file].append(place)
        for file, mine in places.items():
            source = (tree / file).read_bytes()
            functions.replace(tree, file, source, probed(source, {place: mutants[place] for place in mine}))

    def taken(self) -> set[int]:
        """What was reached since the last time."""
        found = set(self.reached)
        self.reached.clear()
        return found


def probed(source: bytes, mutants: dict[int, Mutant]) -> ast.Module:
    """A file with a probe before the statement of each mutant, every line of it where it was.

    Those of a fault outside functions are in the functions that read the names it binds, or if there are none, in all.
    """
    module = ast.parse(source)
    before: dict[ast.stmt, list[int]] = defaultdict(list)
    definitions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    for place, mutant in mutants.items():
        around = [one for one in _statements(definitions) if _contains(one, mutant)]
        if around:
            before[max(around, key=lambda one: (one.lineno, one.col_offset))].append(place)
            continue
        readers = [one for one in definitions if set(mutant.names) & set(_names(one))]
        for one in readers or definitions:
            before[_first(one)].append(place)
    _Insert(before).visit(module)
    return module


class Reached:
    """What the tests of a recording came by, one line for each test."""

    def __init__(self, path: Path) -> None:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        self.seconds: dict[str, float] = {row["test"]: row["seconds"] for row in rows if row["passed"]}
        self.by: dict[int, set[str]] = defaultdict(set)
        for row in rows:
            for place in row["reached"] if row["passed"] else ():
                self.by[place].add(row["test"])

    def tests(self, place: int) -> list[str]:
        """The tests that come by a mutant, the quickest first, so that it meets as many as the time allows."""
        return sorted(self.by[place], key=lambda test: self.seconds[test])


class _Insert(ast.NodeTransformer):
    def __init__(self, before: dict[ast.stmt, list[int]]) -> None:
        self.before = before

    def visit(self, node: ast.AST) -> ast.AST | list[ast.AST]:
        self.generic_visit(node)
        if not isinstance(node, ast.stmt) or node not in self.before:
            return node
        calls: list[ast.AST] = []
        for place in self.before[node]:
            call = ast.Expr(ast.Call(ast.Name(PROBE, ast.Load()), [ast.Constant(place)], []))
            calls.append(ast.fix_missing_locations(ast.copy_location(call, node)))
        return [*calls, node]


def _statements(definitions: list[ast.FunctionDef]) -> Iterator[ast.stmt]:
    for definition in definitions:
        for statement in definition.body:
            yield from (node for node in ast.walk(statement) if isinstance(node, ast.stmt))


def _contains(node: ast.stmt, mutant: Mutant) -> bool:
    assert node.end_lineno is not None and node.end_col_offset is not None
    start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
    return start <= (mutant.line, mutant.column) and (mutant.end_line, mutant.end_column) <= end


def _first(definition: ast.FunctionDef) -> ast.stmt:
    """The first statement after the docstring."""
    body = definition.body
    return body[1] if len(body) > 1 and ast.get_docstring(definition) is not None else body[0]


def _names(definition: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(definition):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
