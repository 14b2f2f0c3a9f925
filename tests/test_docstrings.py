"""The examples in the docstrings of every module run."""

import doctest
import pkgutil
from importlib import import_module

import keras
import pytest

import graphlint

MODULES = [
    found.name
    for found in pkgutil.walk_packages(graphlint.__path__, "graphlint.")
    if not found.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    keras.utils.clear_session()
    failed, _ = doctest.testmod(import_module(name))
    assert failed == 0
