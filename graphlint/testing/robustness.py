"""Whether a rule runs on whatever model there is: small models of many kinds, and configurations nobody expects."""

from __future__ import annotations

import json
import tempfile
import traceback
import warnings
import zipfile
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from graphlint.engine.config import Config
from graphlint.engine.linter import Linter
from graphlint.engine.registry import Registry
from graphlint.engine.rule import Need, Rule
from graphlint.engine.selection import Selection
from graphlint.errors import GraphlintError
from graphlint.findings.tool_findings import RULE_CRASHED
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.sources import read, read_text
from graphlint.testing.oddities import variants

COUNT = 100
"""Odd configurations made from the sample models, and again from a rule's own example."""


def check_robust(rule: type[Rule], example: Path | None) -> None:
    """Run a rule on the sample models, in memory and saved, and on odd configurations of them and of its example.

    Args:
        rule: The class.
        example: A model file on which the rule fires; None if there is none.

    Raises:
        AssertionError: The rule raises, or answers otherwise when it is asked again; says on which model, and shows
            the traceback.
    """
    linter = Linter(Config(), Selection(select=(rule.code,)), registry=Registry([rule]))
    for what, graph in sample_graphs():
        _ask(rule, linter, graph, what)
    for what, graph in odd_graphs():
        _ask(rule, linter, graph, what)
    if Need.SEVERAL in rule.needs:
        for what, graph in sample_sets():
            _ask(rule, linter, graph, what)
    if example is not None:
        with_weights = Need.WEIGHTS in rule.needs
        for what, graph in islice(_odd(example, rule.code, "its example", with_weights), COUNT):
            _ask(rule, linter, graph, what)


def _ask(rule: type[Rule], linter: Linter, graph: ModelGraph, what: str) -> None:
    first, second = (linter.check_graph(graph, "model") for _ in range(2))
    if any(one.code == RULE_CRASHED for one in first.findings):
        raise AssertionError(f"{rule.code}: expected an answer on {what}, got\n{_traceback(rule, graph)}")
    assert first.findings == second.findings, (
        f"{rule.code}: expected the same answer when asked again on {what}: a rule keeps nothing and changes nothing"
    )


def _traceback(rule: type[Rule], graph: ModelGraph) -> str:
    try:
        nodes = [node for problem in rule().check(graph) for node in (problem.node, *problem.related)]
    except Exception:
        return traceback.format_exc()
    known = graph.layers.keys() | graph.calls.keys() | graph.scopes.keys() | graph.variables.keys()
    at = [node.call if isinstance(node, Tensor) else node for node in nodes if node is not None]
    strange = [node for node in at if node not in known]
    return f"a problem at what is no node of the graph: {strange[0]!r}" if strange else "an error in the report"


@cache
def sample_sets() -> tuple[tuple[str, ModelGraph], ...]:
    """Each sample model with the next one, and together with itself."""
    from graphlint.model.several import several

    every = [(what, graph.definition) for what, graph in sample_graphs()]
    pairs = zip(every, every[1:] + every[:1], strict=True)
    return tuple(
        (f"{first} with {second}", expand(several({"one": one, "same": one, "other": other})))
        for (first, one), (second, other) in pairs
    )


@cache
def sample_graphs() -> tuple[tuple[str, ModelGraph], ...]:
    """The sample models, each in memory and saved, with what to call it."""
    from graphlint.sources.live import read_live
    from graphlint.testing.samples import SAMPLES

    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, build in SAMPLES.items():
            model, path = build(), _sample(name)
            model.save(path)
            found.append((f"the sample model {name} in memory", expand(read_live(model))))
            found.append((f"the sample model {name}", expand(read(path))))
    return tuple(found)


def _sample(name: str) -> Path:
    return Path(_folder().name) / f"{name}.keras"


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that lasts as long as the process: graphs read numbers from their files when they are asked for."""
    return tempfile.TemporaryDirectory(prefix="graphlint-samples-")


@cache
def odd_graphs() -> tuple[tuple[str, ModelGraph], ...]:
    """Odd configurations of the sample models, with their weights, with what is odd in them."""
    from graphlint.testing.samples import SAMPLES

    sample_graphs()
    made = [_odd(_sample(name), name, f"the sample model {name}", True) for name in SAMPLES]
    found: list[tuple[str, ModelGraph]] = []
    for turn in range(COUNT):
        found += islice(made[turn % len(made)], 1)
    return tuple(found)


def _odd(path: Path, seed: str, shown: str, with_weights: bool) -> Iterator[tuple[str, ModelGraph]]:
    """The graphs of a file's odd configurations that can be read; no more where few of them can."""
    raw = read(path).raw
    if not isinstance(raw, dict) or not _is_plain(raw):
        return
    archive = with_weights and zipfile.is_zipfile(path)
    for config, what in islice(variants(raw, seed), 10 * COUNT):
        try:
            definition = read(_rewritten(path, config)) if archive else read_text(json.dumps(config).encode())
            graph = expand(definition)
        except GraphlintError:
            continue
        yield f"{shown}, where {what}", graph


def _is_plain(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _rewritten(path: Path, config: dict[str, Any]) -> Path:
    target = Path(tempfile.mkstemp(suffix=".keras", dir=_folder().name)[1])
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as written:
        for name in source.namelist():
            written.writestr(name, json.dumps(config) if name == "config.json" else source.read(name))
    return target
