"""Put a fault into modules that are imported already: mutated functions take the place of those that are there."""

from __future__ import annotations

import ast
import gc
import sys
from collections import defaultdict
from collections.abc import Iterator
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tests.mutation.operators import Mutant

Key = tuple[str, str, int]


class Functions:
    """Every function of this process by file, name and line."""

    def __init__(self) -> None:
        self.found: dict[Key, list[FunctionType]] = defaultdict(list)
        for one in gc.get_objects():
            if type(one) is FunctionType:  # Some objects of PyTorch warn when they are asked for their class.
                self.found[_key(one.__code__)].append(one)

    def patch(self, tree: Path, mutant: Mutant) -> bool:
        """Put a mutant into this process; False if there is no way, as for the defaults of arguments."""
        patch = self.prepared(tree, mutant)
        patch.put()
        return bool(patch)

    def prepared(self, tree: Path, mutant: Mutant) -> Patch:
        """What puts a mutant into this process and takes it out again; false if there is no way."""
        source = (tree / mutant.file).read_bytes()
        changed = mutant.applied(source)
        codes = list(self._codes(tree, mutant.file, source, changed))
        return Patch(codes, [] if codes else list(_names(tree, mutant, source, changed)))

    def replace(self, tree: Path, file: str, source: bytes, changed: ast.Module) -> None:
        """Let the functions of a file do what they do in a changed one."""
        Patch(list(self._codes(tree, file, source, changed)), []).put()

    def _codes(
        self, tree: Path, file: str, source: bytes, changed: bytes | ast.Module
    ) -> Iterator[tuple[FunctionType, CodeType]]:
        for path in files(tree, file):
            pairs = zip(_outermost(_compiled(source, path)), _outermost(_compiled(changed, path)), strict=True)
            for old, new in pairs:
                if old != new:
                    yield from ((function, new) for function in self.found[_key(old)])


class Patch:
    """Other code for functions, and other values for names of modules and classes, as long as it is entered."""

    def __init__(self, codes: list[tuple[FunctionType, CodeType]], names: list[tuple[Any, str, Any]]) -> None:
        self.codes, self.names = codes, names

    def __bool__(self) -> bool:
        return bool(self.codes or self.names)

    def __enter__(self) -> None:
        codes = [(function, function.__code__) for function, _ in self.codes]
        self._before = Patch(codes, [(holder, name, vars(holder).get(name)) for holder, name, _ in self.names])
        self.put()

    def __exit__(self, *_: object) -> None:
        self._before.put()

    def put(self) -> None:
        """Put them in for good."""
        for function, code in self.codes:
            function.__code__ = code
        for holder, name, value in self.names:
            setattr(holder, name, value)


def files(tree: Path, file: str) -> list[Path]:
    """The paths under which a file is imported: rules have two names."""
    names = [file, f"graphlint_{file}"] if file.startswith("rules/") else [file]
    return [tree / name for name in names]


def _key(code: CodeType) -> Key:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _compiled(source: bytes | ast.Module, path: Path) -> CodeType:
    return compile(source, str(path), "exec", dont_inherit=True)


def _outermost(code: CodeType) -> Iterator[CodeType]:
    """The functions of a module and of its classes, with all that is inside them."""
    for one in code.co_consts:
        if isinstance(one, CodeType):
            if one.co_flags & CO_OPTIMIZED:
                yield one
            else:
                yield from _outermost(one)


def _names(tree: Path, mutant: Mutant, source: bytes, changed: bytes) -> Iterator[tuple[Any, str, Any]]:
    """The changed value of a table of a module or class, wherever it has been imported: ``(holder, name, value)``."""
    pairs = zip(_bindings(ast.parse(source).body), _bindings(ast.parse(changed).body), strict=True)
    for (owner, name, old), (_, _, new) in pairs:
        if ast.dump(old) == ast.dump(new):
            continue
        for path in files(tree, mutant.file):
            for module in [one for one in list(sys.modules.values()) if getattr(one, "__file__", None) == str(path)]:
                holder: Any = getattr(module, owner) if owner else module
                before = vars(holder).get(name)
                value = eval(compile(ast.Expression(new), str(path), "eval"), vars(module))
                yield holder, name, value
                for other in list(sys.modules.values()) if not owner and before is not None else ():
                    if isinstance(other, ModuleType) and other is not holder and vars(other).get(name) is before:
                        yield other, name, value


def _bindings(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, str, ast.expr]]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not owner:
            yield from _bindings(node.body, node.name)
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(target, ast.Name) and value is not None:
            yield owner, target.id, value
