"""Measure what graphlint sees inside public models: layers opened and closed, calls, parameters, time, findings.

    python -m tests.benchmarks.inside.run kerashub
    python -m tests.benchmarks.inside.run kerashub bert gemma --findings

The first argument is a set, a module of this package with `MODELS`; further ones name some of its models.
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


@dataclass(kw_only=True)
class Row:
    name: str
    parameters: int
    visible: int
    opaque: int
    calls: int
    seconds: float
    findings: Counter[str]


def measure(name: str, model: keras.Model) -> tuple[Row, Report]:
    started = time.perf_counter()
    report = graphlint.check(model)
    seconds = time.perf_counter() - started
    graph = report.graph
    assert graph is not None
    hidden = {variable.id for layer in graph.opaque_layers for variable in graph.variables_below(layer.path)}
    row = Row(
        name=name,
        parameters=graph.parameters.total,
        visible=sum(variable.size for variable in graph.variables.values() if variable.id not in hidden),
        opaque=len(graph.opaque_layers),
        calls=len(graph.calls),
        seconds=seconds,
        findings=Counter(f"{finding.severity}:{finding.code}" for finding in report.findings),
    )
    return row, report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("set")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--findings", action="store_true", help="list each finding")
    options = parser.parse_args()
    models = import_module(f"tests.benchmarks.inside.{options.set}").MODELS
    rows = []
    print(f"{'model':36}{'parameters':>11}{'visible':>9}{'opaque':>8}{'calls':>7}{'seconds':>9}  findings")
    for name in options.names or models:
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(7)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            row, report = measure(name, models[name]())
        rows.append(row)
        found = " ".join(f"{code} x{count}" for code, count in sorted(row.findings.items()))
        share = row.visible / max(row.parameters, 1)
        print(
            f"{name:36}{row.parameters:11,}{share:9.1%}{row.opaque:8}{row.calls:7}{row.seconds:9.2f}  {found}",
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
        f"{sum(row.opaque for row in rows)} opaque layers, {sum(row.calls for row in rows):,} calls, "
        f"{sum(row.seconds for row in rows):.1f} s"
    )
    print("findings:", ", ".join(f"{code} {count}" for code, count in sorted(findings.items())) or "none")


if __name__ == "__main__":
    main()
