"""The page on what a rule may ask is what the code is, and what it says of types holds for any file."""

from __future__ import annotations

import types
import typing
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

import graphlint.model.graph as module
from graphlint.model.graph import Call, Layer, Scope, Variable
from graphlint.testing.robustness import odd_graphs, sample_graphs
from tests.rules.asking import asking, made_edits, members, questions

PAGE = Path(__file__).parents[2] / "rules" / "ASKING.md"


def test_the_page_is_what_the_code_is():
    assert PAGE.read_text(encoding="utf-8") == asking(), "run: python -m tests.rules.asking >rules/ASKING.md"


def test_the_page_tells_of_what_is_there():
    text = PAGE.read_text(encoding="utf-8")
    for name in ("ancestors", "activation_name", "dead_branches", "dtype_policy", "MergeLinear", "Remove"):
        assert name in text
    assert len(made_edits()) > 20 and len(questions()) > 10 and all(members(Layer))


def typed(cls: type) -> dict[str, Any]:
    """What the page lists of an object with its type, but for methods."""
    hints = typing.get_type_hints(cls, vars(module) | vars(typing))
    found = {}
    for shown in members(cls):
        name = shown.partition(":")[0]
        if "(" in name:
            continue
        value = vars(cls).get(name)
        function = value.fget if isinstance(value, property) else getattr(value, "func", None)
        if isinstance(value, (property, cached_property)):
            found[name] = typing.get_type_hints(function, vars(module) | vars(typing))["return"]
        else:
            found[name] = hints[name]
    return found


def has_type(value: Any, wanted: Any) -> bool:
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if wanted is Any:
        return True
    if getattr(wanted, "_is_protocol", False):
        return value is not None
    if origin in (typing.Union, types.UnionType):
        return any(has_type(value, one) for one in arguments)
    if origin is tuple:
        if arguments[1:] == (...,):
            return isinstance(value, tuple) and all(has_type(one, arguments[0]) for one in value)
        return isinstance(value, tuple)
    if origin is list:
        return isinstance(value, list) and all(has_type(one, arguments[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(has_type(one, arguments[0]) for one in value)
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return wanted is type(None) and value is None if wanted in (None, type(None)) else isinstance(value, wanted)


@pytest.mark.parametrize("cls", [Layer, Call, Scope, Variable], ids=lambda cls: cls.__name__)
def test_what_has_a_type_has_it_whatever_the_file_says(cls):
    wanted = typed(cls)
    assert len(wanted) > 5
    for what, graph in (*sample_graphs(), *odd_graphs()):
        holders = {Layer: graph.layers, Call: graph.calls, Scope: graph.scopes, Variable: graph.variables}[cls]
        for node in holders.values():
            for name, annotation in wanted.items():
                value = getattr(node, name)
                assert has_type(value, annotation), f"{what}: {cls.__name__}.{name} is {value!r}, not {annotation}"
