"""Small faults in a Python file, one at a time: what a mutant is made of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Add,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
CALLS = {"any": "all", "all": "any", "min": "max", "max": "min", "sorted": "list", "startswith": "endswith"}
CALLS |= {"endswith": "startswith", "setdefault": "__setitem__", "issubset": "issuperset", "removeprefix": "strip"}
UNSAID = frozenset({"strict", "stacklevel", "maxsize"})
"""Keyword arguments that hold a promise to the reader and change nothing that is observed."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: a piece of a file and what stands there instead. Lines count from 1, columns in bytes from 0."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    kind: str
    old: str
    new: str
    names: tuple[str, ...] = ()
    """Module-level names that the statement binds; empty inside functions."""

    def __str__(self) -> str:
        old, new = (" ".join(text.split()) for text in (self.old, self.new))
        return f"{self.file}:{self.line}:{self.column} {self.kind}: {old} -> {new}"

    def applied(self, source: bytes) -> bytes:
        """The text of the file with the fault in it."""
        lines = source.splitlines(keepends=True)
        before = b"".join(lines[: self.line - 1]) + lines[self.line - 1][: self.column]
        after = lines[self.end_line - 1][self.end_column :] + b"".join(lines[self.end_line :])
        return before + self.new.encode() + after

    def compiles(self, source: bytes) -> bool:
        """Whether the file with the fault in it is Python at all."""
        try:
            ast.parse(self.applied(source))
        except SyntaxError:
            return False
        return True


def mutants(file: str, source: bytes) -> list[Mutant]:
    """Every mutant of a file, in order of the text."""
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    found: list[Mutant] = []
    for statement in tree.body:
        names = tuple(
            node.id for target in _targets(statement) for node in ast.walk(target) if isinstance(node, ast.Name)
        )
        for node, kind, new in _visit(statement):
            assert node.end_lineno is not None and node.end_col_offset is not None
            place = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
            old = _between(lines, *place)
            if old != new:
                found.append(Mutant(file, *place, kind, old, new, names))
    return list(dict.fromkeys(found))


def _between(lines: list[bytes], line: int, column: int, end_line: int, end_column: int) -> str:
    """The text of a place, as `ast.get_source_segment` has it, without reading the file each time."""
    found = lines[line - 1 : end_line]
    found[-1] = found[-1][:end_column]
    found[0] = found[0][column:]
    return b"".join(found).decode()


def _targets(statement: ast.stmt) -> list[ast.expr]:
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, (ast.AnnAssign, ast.AugAssign)) else []


def _visit(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str, str]]:
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.Assert, ast.Raise, ast.JoinedStr)):
        return
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    yield from _faults(node)
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases") or (field == "keywords" and _is_class(node)):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.keyword) and child.arg in UNSAID:
                continue
            if isinstance(child, ast.AST):
                yield from _visit(child)


def _is_class(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef)


def _faults(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str, str]]:
    match node:
        case ast.Compare():
            for number, operator in enumerate(node.ops):
                ops = [*node.ops[:number], COMPARISONS[type(operator)](), *node.ops[number + 1 :]]
                yield node, "comparison", _text(ast.Compare(node.left, ops, node.comparators))
        case ast.BoolOp():
            for number, operand in enumerate(node.values):
                rest = node.values[:number] + node.values[number + 1 :]
                yield node, f"without {_text(operand)}", _text(ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0])
        case ast.UnaryOp(op=ast.Not()):
            yield node, "not", _text(node.operand)
        case ast.If() | ast.IfExp():
            yield node.test, "condition", "True"
            yield node.test, "condition", "False"
        case ast.comprehension(ifs=[_, *_]):
            for test in node.ifs:
                yield test, "filter", "True"
        case ast.BinOp() if type(node.op) in ARITHMETIC and not _is_text(node.left) and not _is_text(node.right):
            yield node, "arithmetic", _text(ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right))
        case ast.Constant(value=bool() as value):
            yield node, "constant", str(not value)
        case ast.Constant(value=int() as value):
            yield node, "constant", str(value + 1)
        case ast.Constant(value=float() as value):
            yield node, "constant", repr(value * 2 + 1)
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield node, "return", "return None"
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()):
            yield node, "statement", "pass"
        case ast.AugAssign():
            yield node, "statement", "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield node, "statement", "pass"
        case ast.Continue():
            yield node, "loop", "break"
        case ast.Break():
            yield node, "loop", "continue"
        case ast.Call(func=ast.Name(id=name)) if name in CALLS:
            yield node.func, "call", CALLS[name]
        case ast.Call(func=ast.Attribute(attr=name)) if name in CALLS:
            yield node.func, "call", _text(ast.Attribute(node.func.value, CALLS[name]))
        case ast.Set(elts=elements) | ast.Tuple(elts=elements) if len(elements) > 1 and _is_table(elements):
            for number, element in enumerate(elements):
                rest = elements[:number] + elements[number + 1 :]
                yield node, f"without {_text(element)}", _text(type(node)(rest))
        case _:
            pass


def _is_table(elements: list[ast.expr]) -> bool:
    return all(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in elements)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _text(node: ast.expr) -> str:
    text = ast.unparse(ast.fix_missing_locations(node))
    return f"({text})" if isinstance(node, (ast.BoolOp, ast.Compare, ast.BinOp, ast.IfExp)) else text
