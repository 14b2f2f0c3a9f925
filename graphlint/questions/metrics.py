"""Which metrics are compiled for which output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphlint.knowledge.metrics import metric_name
from graphlint.model.graph import ModelGraph
from graphlint.questions.losses import output_names

_PLACES = ("metrics", "weighted_metrics")


@dataclass(frozen=True, slots=True)
class CompiledMetric:
    """One metric as it is compiled: its name in snake case, and the class, None where a name or function stands."""

    name: str
    class_name: str | None


def metrics_of(graph: ModelGraph, index: int) -> list[CompiledMetric] | None:
    """The metrics of the output with an index; None if the configuration does not tell which are its own."""
    compiled = graph.compile_config
    names = output_names(graph)
    if not isinstance(compiled, dict) or names is None or not 0 <= index < len(names):
        return None
    found: list[CompiledMetric] = []
    for place in _PLACES:
        own = _of_output(compiled.get(place), names, index)
        if own is None:
            return None
        found += own
    return found


def _of_output(given: Any, names: list[str], index: int) -> list[CompiledMetric] | None:
    if given is None:
        return []
    if _is_metric(given):
        return [_metric(given)] if len(names) == 1 else None
    if isinstance(given, dict):
        if not set(given) <= set(names):
            return None
        return _flat(given.get(names[index]))
    if not isinstance(given, (list, tuple)):
        return None
    if len(names) == 1:
        return _flat(given)
    return _flat(given[index]) if len(given) == len(names) else ([] if not given else None)


def _flat(given: Any) -> list[CompiledMetric] | None:
    found: list[CompiledMetric] = []
    stack = [given]
    while stack:
        one = stack.pop()
        if _is_metric(one):
            found.append(_metric(one))
        elif isinstance(one, (list, tuple)):
            stack.extend(reversed(one))
        elif one is not None:
            return None
    return found


def _is_metric(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, dict) and isinstance(value.get("class_name"), str))


def _metric(given: Any) -> CompiledMetric:
    if isinstance(given, str):
        return CompiledMetric(metric_name(given), None)
    config = given.get("config")
    if given["class_name"] == "function" or isinstance(config, str):
        return CompiledMetric(metric_name(str(config)), None)
    return CompiledMetric(metric_name(given["class_name"]), given["class_name"])
