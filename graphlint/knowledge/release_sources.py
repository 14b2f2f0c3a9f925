"""Reads what a Keras 3 release has from its sources, which are parsed and never imported.

What a class takes is what its constructor names, what it takes out of its keyword arguments, and what the constructors
take that it hands the rest on to; beside that, what its ``from_config`` takes out of a configuration.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

from graphlint.errors import GraphlintError
from graphlint.knowledge.naming import snake_case
from graphlint.knowledge.tables import ANYTHING, BASE, Defaults, Facts

_CLASSES = ("layers", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers")
_FUNCTIONS = ("activations", "constraints", "initializers", "losses", "metrics", "regularizers")
"""Packages of Keras among whose functions a text in a configuration is looked for."""
_NO_MODELS = re.compile(
    r"^(_tf_keras|api|callbacks|callbacks_v1|backend_config|datasets|distribute|estimator|integration_test|protobuf"
    r"|testing|testing_infra|tests|tree|visualization)(\.|$)|(^|\.)backend(\.|$)|(^|[._])test(_|$)|(^|\.)conftest$"
)
"""Modules that no model is made of."""

_LEGACY = re.compile(r'"keras\.(_legacy(?:\.\w+)+)\.\w+"')
"""Modules that classes are exported as, without being there."""


@dataclass(frozen=True, slots=True)
class _Named:
    """A class, a function or a module of the sources."""

    module: _Module
    node: ast.ClassDef | ast.FunctionDef | None


class _Module:
    """One module: what it defines and imports by name."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self.name = name
        self.nodes: dict[str, ast.ClassDef | ast.FunctionDef] = {}
        self.imports: dict[str, tuple[str, str]] = {}
        self.values: dict[str, ast.expr] = {}
        self.updates: list[ast.expr] = []
        for statement in _statements(tree.body):
            match statement:
                case ast.ClassDef() | ast.FunctionDef():
                    self.nodes.setdefault(statement.name, statement)
                case ast.ImportFrom(module=str(package)):
                    for alias in statement.names:
                        self.imports.setdefault(alias.asname or alias.name, (package, alias.name))
                case ast.Assign(targets=[ast.Name(id=target)], value=value):
                    self.values.setdefault(target, value)
                case ast.Assign(targets=[ast.Subscript(value=ast.Name(id="ALL_OBJECTS_DICT"), slice=key)]):
                    self.updates.append(key)
                case ast.Expr(
                    value=ast.Call(
                        func=ast.Attribute(value=ast.Name(id="ALL_OBJECTS_DICT"), attr="update"),
                        args=[ast.Dict() as new],
                    )
                ):
                    self.updates += [key for key in new.keys if key is not None]


@dataclass(slots=True)
class _Taken:
    """The arguments of a constructor."""

    names: set[str] = field(default_factory=set)
    positional: list[str] = field(default_factory=list)
    anything: bool = False
    base: bool = False


class KerasSources:
    """The sources of one release, from a wheel or from a folder that holds the package ``keras``.

    Raises:
        GraphlintError: there are none, or they are not of Keras 3.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read, names = _files(path)
        self.names = frozenset(names)
        self._modules: dict[str, _Module | None] = {}

    @cached_property
    def version(self) -> str:
        """As the package says it, such as ``3.15.1``."""
        module = self._module("keras.src.version")
        value = module.values.get("__version__") if module is not None else None
        if not isinstance(value, ast.Constant) or not str(value.value).startswith("3."):
            raise GraphlintError(f"{self.path}: expected a Keras 3 release, found no keras/src/version.py of one")
        return str(value.value)

    def facts(self) -> Facts:
        """What the release has, of every kind in `graphlint.knowledge.tables.KINDS`."""
        found: Facts = {kind: self._classes(kind) for kind in _CLASSES}
        found["operations"] = self._operations()
        found["dtype_policies"] = _bare(name for name, one in self._exports("dtype_policies") if _is_class(one))
        found["layer_functions"] = _bare(name for name, one in self._exports("layers") if not _is_class(one))
        found["activations"] = _bare(self._looked_up("activations"))
        found["functions"] = _bare(self._functions())
        found["quantizations"] = _bare(_texts(self._value("dtype_policies.dtype_policy", "QUANTIZATION_MODES")))
        found["reductions"] = _bare(self._reductions())
        found["modules"] = _bare(self._module_names())
        return found

    def defaults(self) -> Defaults:
        """The defaults of the constructors of all classes, where they are literals."""
        operation = self._find("keras.src.ops.operation", "Operation")
        found: Defaults = {}
        for kind in _CLASSES:
            for name, one in self._exports(kind):
                if _is_class(one):
                    found[f"{kind}.{name}"] = self._literals(one)
        for stem in self._operation_modules():
            module = self._module(f"keras.src.ops.{stem}")
            operations = [] if module is None else [_Named(module, node) for node in module.nodes.values()]
            for one in operations:
                if one.node is not None and operation in self._ancestors(one):
                    found[f"operations.{stem}.{one.node.name}"] = self._literals(one)
        return {name: values for name, values in sorted(found.items()) if values}

    def _literals(self, one: _Named) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for ancestor in self._ancestors(one):
            init = _method(ancestor, "__init__")
            if init is None:
                continue
            arguments = [*init.args.posonlyargs, *init.args.args]
            given = [
                *zip(arguments[len(arguments) - len(init.args.defaults) :], init.args.defaults, strict=True),
                *zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True),
            ]
            for argument, default in given:
                if isinstance(default, ast.Name):
                    default = ancestor.module.values.get(default.id)
                try:
                    value = ast.literal_eval(default) if default is not None else None
                except ValueError:
                    continue
                if default is not None and argument.arg not in ("dtype", "name", "trainable"):
                    found.setdefault(argument.arg, value)
        return found

    def _classes(self, kind: str) -> dict[str, frozenset[str]]:
        base = self._find("keras.src.layers.layer", "Layer") if kind == "layers" else None
        return {name: self._arguments(one, base) for name, one in self._exports(kind) if _is_class(one)}

    def _operations(self) -> dict[str, frozenset[str]]:
        operation = self._find("keras.src.ops.operation", "Operation")
        found = {}
        for stem in self._operation_modules():
            module = self._module(f"keras.src.ops.{stem}")
            operations = [] if module is None else [_Named(module, node) for node in module.nodes.values()]
            for one in operations:
                if one.node is not None and operation in self._ancestors(one):
                    found[f"{stem}.{one.node.name}"] = self._arguments(one, None)
        return found

    def _operation_modules(self) -> Iterator[str]:
        for name in self.names:
            package, _, stem = name.removesuffix(".py").rpartition("/")
            if package == "keras/src/ops" and stem not in ("__init__", "operation") and not stem.endswith("_test"):
                yield stem

    def _exports(self, kind: str) -> Iterator[tuple[str, _Named]]:
        """The public classes and functions of a package, under each of their names."""
        for package in (f"keras.{kind}", f"keras.api.{kind}"):
            module = self._module(package)
            if module is not None and module.imports:
                break
        else:
            raise GraphlintError(f"{self.path}: expected a Keras 3 release, found no names of keras.{kind} in it")
        for name in module.imports:
            one = self._find(module.name, name)
            if one is None:
                raise GraphlintError(f"{self.path}: keras.{kind}.{name} is exported, and its source was not found")
            if one.node is not None:
                yield name, one

    def _looked_up(self, kind: str) -> Iterator[str]:
        """The names in ``ALL_OBJECTS_DICT`` of a package, but for those that are made of the names of its classes."""
        module = self._module(f"keras.src.{kind}")
        if module is None:
            return
        objects = module.values.get("ALL_OBJECTS")
        for one in objects.elts if isinstance(objects, ast.Set) else ():
            if isinstance(one, ast.Name):
                yield one.id
        yield from (str(key.value) for key in module.updates if isinstance(key, ast.Constant))

    def _functions(self) -> Iterator[str]:
        for kind in _FUNCTIONS:
            for name in self._looked_up(kind):
                one = self._find(f"keras.src.{kind}", name)
                if one is None or not _is_class(one):
                    yield name
                elif kind != "losses":
                    yield snake_case(name)
            for name, exported in self._exports(kind):
                if not _is_class(exported) and name not in ("deserialize", "get", "serialize"):
                    yield name

    def _reductions(self) -> Iterator[str]:
        loss = self._find("keras.src.losses.loss", "standardize_reduction")
        for node in ast.walk(loss.node) if loss is not None and loss.node is not None else ():
            match node:
                case ast.Assign(targets=[ast.Name(id="allowed")], value=value):
                    yield from _texts(value)

    def _module_names(self) -> Iterator[str]:
        found = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in self.names}
        inner = {name.removeprefix("keras.").removeprefix("src.") for name in found - {"keras", "keras.src"}}
        for name in self.names:
            if name.startswith("keras/src/legacy/"):
                inner.update(_LEGACY.findall(self._read(name).decode()))
        return (name for name in inner if not _NO_MODELS.search(name))

    def _value(self, module: str, name: str) -> ast.expr | None:
        found = self._module(f"keras.src.{module}")
        return found.values.get(name) if found is not None else None

    def _module(self, name: str) -> _Module | None:
        if name not in self._modules:
            path = name.replace(".", "/")
            file = next((file for file in (f"{path}.py", f"{path}/__init__.py") if file in self.names), None)
            self._modules[name] = None if file is None else _Module(name, ast.parse(self._read(file), file))
        return self._modules[name]

    def _find(self, module: str, name: str) -> _Named | None:
        """What a name means in a module, through imports and second names."""
        seen: set[tuple[str, str]] = set()
        while (module, name) not in seen:
            seen.add((module, name))
            inside = self._module(module)
            if inside is None:
                return None
            if name in inside.nodes:
                return _Named(inside, inside.nodes[name])
            if name in inside.imports:
                package, original = inside.imports[name]
                submodule = self._module(f"{package}.{original}")
                if submodule is not None:
                    return _Named(submodule, None)
                module, name = package, original
            elif isinstance(value := inside.values.get(name), ast.Name):
                name = value.id
        return None

    def _resolve(self, module: _Module, expression: ast.expr) -> _Named | None:
        """The class that ``Name`` or ``module.Name`` means."""
        match expression:
            case ast.Name(id=name):
                return self._find(module.name, name)
            case ast.Attribute(value=ast.Name(id=outer), attr=name):
                package = self._find(module.name, outer)
                if package is not None and package.node is None:
                    return self._find(package.module.name, name)
        return None

    def _ancestors(self, one: _Named) -> list[_Named]:
        """A class and its bases, in the order in which Python looks for a method: a common base comes last."""
        found = [one]
        for base in one.node.bases if isinstance(one.node, ast.ClassDef) else ():
            inherited = self._resolve(one.module, base)
            if inherited is not None and _is_class(inherited):
                more = self._ancestors(inherited)
                found = [known for known in found if known not in more] + more
        return found

    def _arguments(self, one: _Named, base: _Named | None) -> frozenset[str]:
        ancestors = self._ancestors(one)
        taken = self._constructor(ancestors, None if one == base else base)
        names = set(taken.names)
        for ancestor in ancestors:
            from_config = _method(ancestor, "from_config")
            if from_config is not None:
                names.update(_popped(from_config, from_config.args.args[1].arg))
                break
        if taken.anything:
            names.add(ANYTHING)
        if taken.base:
            names.add(BASE)
        return frozenset(names)

    def _constructor(self, ancestors: list[_Named], base: _Named | None) -> _Taken:
        """What the first constructor takes; that of ``base`` is not looked into."""
        for place, ancestor in enumerate(ancestors):
            if ancestor == base:
                return _Taken(base=True)
            init = _method(ancestor, "__init__")
            if init is None:
                continue
            order = [argument.arg for argument in (*init.args.posonlyargs, *init.args.args)][1:]
            taken = _Taken({*order, *(argument.arg for argument in init.args.kwonlyargs)}, order)
            if init.args.kwarg is not None:
                rest = init.args.kwarg.arg
                taken.names |= _popped(init, rest)
                if not self._handed_on(init, rest, ancestors[place:], base, taken) and not _refused(init, rest):
                    taken.anything = True
            return taken
        return _Taken()

    def _handed_on(
        self, init: ast.FunctionDef, rest: str, ancestors: list[_Named], base: _Named | None, taken: _Taken
    ) -> bool:
        """Adds what the constructors take that the keyword arguments are handed on to; False if there are none."""
        found = False
        for call in ast.walk(init):
            match call:
                case ast.Call(func=ast.Attribute(value=target, attr="__init__"), args=given, keywords=keywords):
                    pass
                case _:
                    continue
            if not any(
                one.arg is None and isinstance(one.value, ast.Name) and one.value.id == rest for one in keywords
            ):
                continue
            if isinstance(target, ast.Call):
                higher = ancestors[1:]
            else:
                named, given = self._resolve(ancestors[0].module, target), given[1:]
                if named not in ancestors:
                    continue
                higher = ancestors[ancestors.index(named) :]
            found = True
            inherited = self._constructor(higher, base)
            fixed = {one.arg for one in keywords if one.arg is not None}
            fixed.update(inherited.positional[: sum(not isinstance(one, ast.Starred) for one in given)])
            if inherited.base:
                every = self._constructor(higher, None)
                if not fixed & every.names <= taken.names | inherited.names:
                    inherited = every
            taken.names |= inherited.names - fixed
            taken.anything |= inherited.anything
            taken.base |= inherited.base
        return found


def _files(path: Path) -> tuple[Callable[[str], bytes], Iterable[str]]:
    """How to read a file of the package by its name, and the names of all of its Python files."""
    if path.is_file() and is_zipfile(path):
        wheel = ZipFile(path)
        return wheel.read, [name for name in wheel.namelist() if name.startswith("keras/") and name.endswith(".py")]
    if not (path / "keras").is_dir():
        raise GraphlintError(f"{path}: expected a wheel of Keras or a folder that holds the package keras")
    found = (file.relative_to(path).as_posix() for file in (path / "keras").rglob("*.py"))
    return lambda name: (path / name).read_bytes(), found


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module; of a choice, the first branch comes first."""
    for statement in body:
        match statement:
            case ast.If(body=inner, orelse=other):
                yield from _statements([*inner, *other])
            case ast.Try(body=inner, handlers=handlers):
                yield from _statements([*inner, *(one for handler in handlers for one in handler.body)])
            case _:
                yield statement


def _is_class(one: _Named) -> bool:
    return isinstance(one.node, ast.ClassDef)


def _method(one: _Named, name: str) -> ast.FunctionDef | None:
    body = one.node.body if one.node is not None else ()
    return next((part for part in body if isinstance(part, ast.FunctionDef) and part.name == name), None)


def _popped(function: ast.FunctionDef, dictionary: str) -> set[str]:
    """The keys that a function takes out of one of its arguments."""
    found = set()
    for node in ast.walk(function):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="pop"), args=[ast.Constant(value=str(key)), *_]
            ) if name == dictionary:
                found.add(key)
    return found


def _refused(function: ast.FunctionDef, dictionary: str) -> bool:
    """Whether a function looks if any keyword arguments are left, which it does to refuse them."""
    return any(
        isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == dictionary
        for node in ast.walk(function)
    )


def _texts(expression: ast.expr | None) -> Iterator[str]:
    for one in expression.elts if isinstance(expression, (ast.Tuple, ast.List, ast.Set)) else ():
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def _bare(names: Iterable[str]) -> dict[str, frozenset[str]]:
    return dict.fromkeys(names, frozenset())
