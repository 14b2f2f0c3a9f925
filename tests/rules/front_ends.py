"""Run one rule over a model as a live object and as a saved file; both must say the same."""

import warnings
from pathlib import Path

import keras

from graphlint.engine.rule import Rule
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph
from graphlint.sources import read
from graphlint.sources.live import read_live


def found(rule: Rule, graph: ModelGraph) -> list[tuple[str, str, str]]:
    """``(address, severity, message)`` of every problem."""
    return [
        (
            "" if problem.node is None else graph.address(problem.node),
            str(problem.severity or rule.severity),
            problem.message,
        )
        for problem in rule.check(graph)
    ]


def in_file(rule: Rule, path: Path) -> list[tuple[str, str, str]]:
    """The problems of a file."""
    return found(rule, expand(read(path)))


def live(rule: Rule, model: keras.Model) -> list[tuple[str, str, str]]:
    """The problems of a model in memory."""
    return found(rule, expand(read_live(model)))


def both(rule: Rule, model: keras.Model, folder: Path) -> list[tuple[str, str, str]]:
    """The problems of a model, the same in memory and in the file it is saved to."""
    path = folder / "model.keras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(path)
    expected = live(rule, model)
    assert in_file(rule, path) == expected
    return expected
