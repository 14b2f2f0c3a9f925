"""The examples in the docstrings of every module run."""

import doctest
import pkgutil
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import keras
import pytest

import graphlint

_OF_BACKENDS = {"graphlint.tracing.jax": "jax", "graphlint.tracing.torch": "torch"}
"""Modules that only a process with this backend imports."""
MODULES = [
    found.name
    for found in pkgutil.walk_packages(graphlint.__path__, "graphlint.")
    if not found.name.endswith("__main__")
    and not (found.name in _OF_BACKENDS and find_spec(_OF_BACKENDS[found.name]) is None)
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    keras.utils.clear_session()
    failed, _ = doctest.testmod(import_module(name))
    assert failed == 0


def test_docstrings_have_one_style():
    """Sections are written as ``Raises:``, and not underlined."""
    underlined = re.compile(r"^ +(Parameters|Returns|Yields|Raises|Notes|Examples)\n +-{3,}$", re.MULTILINE)
    found = [str(path) for path in Path(graphlint.__file__).parent.rglob("*.py") if underlined.search(path.read_text())]
    assert found == []
