"""Inject every rule's fault into clean models, and see whether it is found where code makes the graph.

    python -m tests.benchmarks.mutations.inside [--rule CODE]... [--model NAME]... [--limit 3]

Each mutant that is a Functional model in memory, and in which the rule finds the fault, is written again as a
subclassed
model and as one custom layer, with the same code. The table says how often the rule finds the fault there too.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import keras

from graphlint.engine.linter import Linter
from graphlint.engine.selection import Selection
from graphlint.knowledge import keras_internals
from tests.benchmarks.mutations import run as benchmark
from tests.benchmarks.mutations.clean import MODELS, TINY
from tests.benchmarks.mutations.mutant import INJECTORS, Clean
from tests.tracing.twins import around, twin

OF_FILES = {
    "K": "what a file holds",
    "X": "what a file holds",
    "S001": "what a file keeps shared",
    "S002": "what a file keeps shared",
    "S008": "what a configuration bakes in",
    "D007": "what a file holds",
    "D008": "models of Keras's own classes; D009 in code",
    "H001": "what a configuration records",
    "T003": "models of Keras's own classes; T008 in code",
    "A011": "a kernel of zeros in code may be meant, which its page says",
    "D004": "what the optimizer of the model has stored, which the model written again does not have",
    "N003": "what the optimizer of the model has stored, which the model written again does not have",
    "N004": "what the optimizer of the model has stored, which the model written again does not have",
    "T002": "what the optimizer of the model has stored, which the model written again does not have",
    "T007": "flags that a file does not keep, of layers that code makes",
    "P001": "the layers that a model lists",
    "P004": "models of Keras's own classes; D009 in code",
    "D001": "models of Keras's own classes",
}
"""Rules whose fault makes no sense in code, and why."""


@dataclass
class Recall:
    faults: int = 0
    subclass: int = 0
    block: int = 0
    details: list[str] = field(default_factory=list)


def found(code: str, linter: Linter, model: keras.Model) -> bool:
    return any(one.code == code for one in linter.check_model(model).findings)


def written(change: Callable[[keras.Model], keras.Model], model: keras.Model) -> keras.Model:
    made = change(model)
    if model.compiled:
        made.compile_from_config(model.get_compile_config())
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rule", action="append", default=[], metavar="CODE")
    parser.add_argument("--model", action="append", default=[], metavar="NAME", choices=[*MODELS, []])
    parser.add_argument("--limit", type=int, default=1, help="faults per model and injector")
    options = parser.parse_args()
    codes = [code for code in options.rule or sorted(INJECTORS) if not {code, code[0]} & set(OF_FILES)]
    recall = {code: Recall() for code in codes}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in options.model or TINY:
            clean = Clean(name, MODELS[name], Path(folder))
            for code in codes:
                linter = Linter(overrides=Selection(extend_select=(code,)))
                for injector in INJECTORS[code]:
                    outcome = benchmark.Outcome()
                    for mutant in islice(benchmark.tried(injector, clean, outcome), options.limit):
                        model = mutant.model
                        if model is None or keras_internals.graph_model(model) is None:
                            continue
                        if not keras_internals.runs_its_graph(model) or not found(code, linter, model):
                            continue
                        row = recall[code]
                        row.faults += 1
                        for way, change in (("subclass", twin), ("block", around)):
                            try:
                                right = found(code, linter, written(change, model))
                            except Exception as error:
                                right, why = False, f"{type(error).__name__}: {str(error)[:150]}"
                            else:
                                why = "not found"
                            setattr(row, way, getattr(row, way) + right)
                            if not right:
                                row.details.append(f"{code} {name} {injector.__name__} as {way}: {why}")
            keras.utils.clear_session(free_memory=False)
    print("| rule | faults | in a subclassed model | in a custom layer |\n|---|---|---|---|")
    for code, row in recall.items():
        print(f"| {code} | {row.faults} | {row.subclass} | {row.block} |")
    rows = recall.values()
    print(f"| all | {sum(r.faults for r in rows)} | {sum(r.subclass for r in rows)} | {sum(r.block for r in rows)} |")
    print(*(line for row in rows for line in row.details), sep="\n")


if __name__ == "__main__":
    main()
