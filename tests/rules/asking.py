"""The page on what a rule may ask: ``python -m tests.rules.asking >rules/ASKING.md``."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import fields
from functools import cached_property
from itertools import pairwise
from typing import Any

import graphlint.questions
from graphlint.findings import edits
from graphlint.knowledge.layers import LayerTraits
from graphlint.knowledge.operations import OperationTraits
from graphlint.model.definition import Constant, TensorSpec
from graphlint.model.graph import Call, Edge, Layer, ModelGraph, Scope, Tensor, Variable

INTRODUCTION = """\
# What a rule may ask

A rule is a query on `ModelGraph`. This page lists what there is to ask, and the edits of which fixes are made. It is
written from the docstrings by `python -m tests.rules.asking >rules/ASKING.md`; a test holds it to the code.

## Settings

`layer.config`, the `args` and `kwargs` of a call, and `graph.compile_config` are what a file says, not what Keras would
write. A setting may be missing, `null`, a number in a text, a list of lists, or an object: in
`LSTM(8, activation=layers.ReLU())` the activation is a `dict` with `class_name` and `config`. So

- read with `.get`, and look at the type before you compare, calculate or look up:
  `isinstance(rate, (int, float)) and rate > 0`, not `rate > 0`;
- a `dict` or `list` is no member of a `set`: `activation in {"relu"}` raises for an object, `activation in ("relu",)`
  and `activation == "relu"` do not;
- ask for what is asked already: `activation_name` reads an activation in each of its forms, `Layer.penalised` the
  regularizers, `vocabulary_size` a lookup, `losses` the compilation.

What has a type below has that type whatever the file says; where it says `Any`, look first. `check_rule` runs each rule
on sample models and on some two hundred configurations with something odd in them, and shows where it raises.
"""
GRAPH = {
    ModelGraph: "The graph",
    Layer: "A layer",
    LayerTraits: "What is known of a layer class",
    OperationTraits: "What is known of an operation",
    Call: "A call",
    Scope: "A call of a nested model",
    Tensor: "A tensor",
    TensorSpec: "Shape and dtype of a tensor",
    Edge: "An edge",
    Variable: "A variable",
    Constant: "An argument that is no tensor of the model",
}


def asking() -> str:
    """The page."""
    parts = [INTRODUCTION]
    for cls, title in GRAPH.items():
        parts.append(f"## {title}: `{cls.__name__}`\n")
        parts.append(_table(members(cls)))
    parts.append("## Questions\n\nWhat several rules ask stands in `graphlint.questions`.\n")
    for module, functions in questions().items():
        parts.append(f"### `graphlint.questions.{module}`\n")
        parts.append(_table({name: first_line(function) for name, function in functions.items()}))
    parts.append(
        "## Edits\n\nA fix is made of these, from `graphlint.findings.edits`; ids are those of the graph that was"
        " checked. `Fix.safe` is for what keeps outputs and training, `Fix.unsafe` for what does not.\n"
    )
    parts.append(_table({_signature(cls): first_line(cls) for cls in made_edits()}))
    return "\n".join(parts)


def members(cls: type) -> dict[str, str]:
    """What a rule may read of an object: ``name: type`` and what it is."""
    found: dict[str, str] = {}
    said = _said(cls)
    for name, value in _members(cls):
        if isinstance(value, (property, cached_property)):
            function = value.fget if isinstance(value, property) else value.func
            found[f"{name}: {_type(function, 'return')}"] = first_line(function) or said.get(name, "")
        elif inspect.isfunction(value):
            found[f"{name}{_arguments(value)}"] = first_line(value)
        else:
            found[f"{name}: {getattr(value, '__forward_arg__', value)}"] = said.get(name, "")
    return found


def questions() -> dict[str, dict[str, Any]]:
    """Module -> its public functions and classes."""
    found: dict[str, dict[str, Any]] = {}
    for one in pkgutil.iter_modules(graphlint.questions.__path__):
        module = importlib.import_module(f"graphlint.questions.{one.name}")
        own = {
            name: value
            for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__ and callable(value)
        }
        if own:
            found[one.name] = own
    return found


def made_edits() -> list[type]:
    """The classes of edits that a rule can make."""
    classes = [value for value in vars(edits).values() if inspect.isclass(value) and issubclass(value, edits.Edit)]
    return [one for one in classes if not one.__subclasses__()]


def first_line(value: Any) -> str:
    """The first sentence, or line, of a docstring."""
    return (inspect.getdoc(value) or "").partition("\n\n")[0].replace("\n", " ")


def _members(cls: type) -> Iterator[tuple[str, Any]]:
    hidden = {"obj", "definition", "nx", "layer_of", "add_edge", "add_edges"}
    if cls is ModelGraph:
        tree = ast.parse(inspect.getsource(cls)).body[0]
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.AnnAssign)
                and isinstance(node.target, ast.Attribute)
                and node.target.attr not in hidden
                and not node.target.attr.startswith("_")
            ):
                yield node.target.attr, ast.unparse(node.annotation)
    else:
        for name, annotation in cls.__annotations__.items():
            if not name.startswith("_") and name not in hidden:
                yield name, annotation
    for name, value in vars(cls).items():
        if (
            not name.startswith("_")
            and name not in hidden
            and (isinstance(value, (property, cached_property)) or inspect.isfunction(value))
        ):
            yield name, value


def _said(cls: type) -> dict[str, str]:
    """The texts that stand below attributes."""
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(inspect.getsource(cls))):
        body = getattr(node, "body", [])
        for one, following in pairwise(body) if isinstance(body, list) else ():
            if isinstance(one, ast.AnnAssign) and isinstance(following, ast.Expr):
                target = one.target
                name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
                if isinstance(following.value, ast.Constant):
                    found[name] = " ".join(str(following.value.value).split())
    return found


def _type(function: Any, name: str) -> str:
    return str(function.__annotations__.get(name, ""))


def _arguments(function: Any) -> str:
    parameters = list(inspect.signature(function).parameters)
    shown = [one for one in parameters if one != "self"]
    return f"({', '.join(shown)}): {_type(function, 'return')}"


def _signature(cls: type) -> str:
    return f"{cls.__name__}({', '.join(one.name for one in fields(cls))})"


def _table(rows: dict[str, str]) -> str:
    lines = [f"| `{name}` | {text} |".replace(" | None", " \\| None") for name, text in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines, ""])


if __name__ == "__main__":
    print(asking(), end="")
