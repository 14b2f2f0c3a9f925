"""The examples in the docstrings run."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

import graphlint.replay

MODULES = [found.name for found in pkgutil.iter_modules(graphlint.replay.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    failed, _ = doctest.testmod(import_module(f"graphlint.replay.{name}"))
    assert not failed
