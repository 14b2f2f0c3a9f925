"""Measure what graphlint sees inside public models: layers opened and closed, calls, parameters, time, findings.

    python -m tests.benchmarks.inside.run kerashub
    python -m tests.benchmarks.inside.run kerashub bert gemma --findings
    python -m tests.benchmarks.inside.run kerashub --closed

The first argument is a set, a module of this package with `MODELS`; further ones name some of its models. A unit is an
outermost custom layer or subclassed model; it is fully seen if nothing inside is closed and a call reads each of its
variables. With ``--closed`` nothing is opened, as without tracing.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from importlib import import_module

import keras

import graphlint
from graphlint import Report
from graphlint.engine.config import Config
from graphlint.model.graph import Layer


@dataclass(kw_only=True)
class Row:
    name: str
    parameters: int
    visible: int
    read: int
    """Parameters that some call reads."""
    units: int
    opened: int
    full: int
    opaque: int
    calls: int
    seconds: float
    findings: Counter[str]


def measure(name: str, model: keras.Model, *, closed: bool = False) -> tuple[Row, Report]:
    started = time.perf_counter()
    report = graphlint.check(model, config=Config(open_layers=not closed, preview=True))
    seconds = time.perf_counter() - started
    graph = report.graph
    assert graph is not None
    hidden = {variable.id for layer in graph.opaque_layers for variable in graph.variables_below(layer.path)}
    called = {
        variable
        for variable in graph.variables
        if graph.read_by.get(variable) or any(map(graph.call_sites, graph.holders(variable)))
    }
    outermost = [
        layer
        for layer in graph.layers.values()
        if _is_code(layer) and not any(map(_is_code, graph.enclosing(layer.path)))
    ]
    full = [
        unit
        for unit in outermost
        if not any(inner.opaque for inner in graph.layers_below(unit.path))
        and all(variable.id in called for variable in graph.variables_below(unit.path))
    ]
    row = Row(
        name=name,
        parameters=graph.parameters.total,
        visible=sum(variable.size for variable in graph.variables.values() if variable.id not in hidden),
        read=sum(variable.size for variable in graph.variables.values() if variable.id in called - hidden),
        units=len(outermost),
        opened=sum(unit.traced for unit in outermost),
        full=len(full),
        opaque=len(graph.opaque_layers),
        calls=len(graph.calls),
        seconds=seconds,
        findings=Counter(f"{finding.severity}:{finding.code}" for finding in report.findings),
    )
    return row, report


def _is_code(layer: Layer) -> bool:
    return layer.traced or layer.opaque


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("set")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--findings", action="store_true", help="list each finding")
    parser.add_argument("--closed", action="store_true", help="open nothing")
    options = parser.parse_args()
    models = import_module(f"tests.benchmarks.inside.{options.set}").MODELS
    rows = []
    heads = ("parameters", "visible", "read", "units", "opened", "full", "opaque", "calls", "seconds")
    print(f"{'model':36}" + "".join(f"{head:>11}" for head in heads) + "  findings")
    for name in options.names or models:
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(7)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            row, report = measure(name, models[name](), closed=options.closed)
        rows.append(row)
        found = " ".join(f"{code} x{count}" for code, count in sorted(row.findings.items()))
        share, read = (size / max(row.parameters, 1) for size in (row.visible, row.read))
        print(
            f"{name:36}{row.parameters:11,}{share:11.1%}{read:11.1%}{row.units:11}{row.opened:11}{row.full:11}"
            f"{row.opaque:11}{row.calls:11}{row.seconds:11.2f}  {found}",
            flush=True,
        )
        if options.findings:
            for finding in report.findings:
                print(
                    f"    {finding.severity} {finding.code} at {finding.location and finding.location.address}: "
                    f"{finding.message}"
                )
    total = sum(row.parameters for row in rows)
    visible = sum(row.visible for row in rows)
    mean = sum(row.visible / max(row.parameters, 1) for row in rows) / len(rows)
    findings = sum((row.findings for row in rows), Counter[str]())
    print(
        f"{len(rows)} models: {visible:,} of {total:,} parameters visible ({visible / total:.1%}, mean {mean:.1%}), "
        f"{sum(row.read for row in rows):,} read by a call, {sum(row.units for row in rows)} units, "
        f"{sum(row.opened for row in rows)} opened, {sum(row.full for row in rows)} fully, "
        f"{sum(row.opaque for row in rows)} opaque layers, {sum(row.calls for row in rows):,} calls, "
        f"{sum(row.seconds for row in rows):.1f} s"
    )
    print("findings:", ", ".join(f"{code} {count}" for code, count in sorted(findings.items())) or "none")


if __name__ == "__main__":
    main()
