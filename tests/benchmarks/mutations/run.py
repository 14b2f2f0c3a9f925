"""Inject every rule's fault into clean models, at every place where it fits, and see what is found.

    python tests/benchmarks/mutations/run.py [--rule CODE]... [--model NAME]... [--limit 20] [-v]

For each rule: faults injected; found at the right place; found at a wrong place only; missed; and extra errors and
warnings of other rules. Exits with 1 when anything was missed, misplaced or extra.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[3]))

import keras

from graphlint.engine.linter import Linter
from graphlint.engine.selection import Selection
from graphlint.knowledge.keras_internals import inbound_nodes, outbound_nodes
from graphlint.reports.report import ModelReport
from tests.benchmarks.mutations import (  # noqa: F401  registers the injectors
    architecture,
    disconnected,
    parameters,
    redundancy,
    security,
    serialization,
    several_models,
    shapes,
    shared_weights,
    stored_numbers,
    trainable,
)
from tests.benchmarks.mutations.clean import MODELS
from tests.benchmarks.mutations.mutant import INJECTORS, Clean, Injector, Mutant

SAVED = 3
"""Of the mutants of an injector in one model, so many are checked as files too: saving takes longer than checking."""


@dataclass
class Outcome:
    """What became of the faults of one rule."""

    injected: int = 0
    right: int = 0
    wrong: int = 0
    missed: int = 0
    extra: Counter[str] = field(default_factory=Counter)
    details: list[str] = field(default_factory=list)

    @property
    def perfect(self) -> bool:
        return self.injected == self.right and not self.extra


def reports(linter: Linter, mutant: Mutant, clean: Clean, saved: bool) -> Iterator[tuple[str, ModelReport]]:
    """The reports on a mutant: of the model in memory, of the file, or of both."""
    if mutant.models is not None:
        checked = {
            name: linter.check_file(one) if isinstance(one, Path) else linter.check_model(one, name)
            for name, one in mutant.models.items()
        }
        yield "together", linter.check_several(checked)[-1]
    if mutant.path is not None:
        yield "file", linter.check_file(mutant.path)
    if mutant.model is not None:
        yield "live", linter.check_model(mutant.model)
        if saved and not mutant.live_only:
            path = clean.target(mutant.suffix)
            mutant.model.save(path)
            yield "file", linter.check_file(path)
            path.unlink()


def judge(code: str, mutant: Mutant, report: ModelReport) -> tuple[str, list[str]]:
    """``right``, ``wrong`` or ``missed``, and the errors and warnings of other rules."""
    mine = [one for one in report.findings if one.code == code]
    others = [one for one in report.findings if one.code != code and one.severity != "info"]
    extra = [f"{one.code} at {one.location.address if one.location else '.'}: {one.message}" for one in others]
    if not mine:
        return "missed", extra
    at = {one.location.layer for one in mine if one.location}
    return "right" if not mutant.expected or at & set(mutant.expected) else "wrong", extra


def tried(injector: Injector, clean: Clean, outcome: Outcome) -> Iterator[Mutant]:
    """The mutants of an injector, up to one that Keras refuses to build."""
    try:
        yield from injector(clean)
    except Exception as error:  # What Keras says about an impossible edit differs from release to release.
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        outcome.details.append(f"{clean.name} {injector.__name__}: cannot be built: {reason}")


def inject(code: str, clean: Clean, limit: int, linter: Linter, outcome: Outcome) -> None:
    for injector in INJECTORS[code]:
        operations = clean.functional.operations
        nodes = [nodes for one in operations for nodes in (inbound_nodes(one), outbound_nodes(one))]
        lengths = [len(one) for one in nodes]
        for number, mutant in enumerate(islice(tried(injector, clean, outcome), limit)):
            outcome.injected += 1
            verdicts = []
            for way, report in reports(linter, mutant, clean, number < SAVED):
                verdict, extra = judge(code, mutant, report)
                verdicts.append(verdict)
                outcome.extra.update({line.partition(" ")[0] for line in extra})
                where = f"{code} {clean.name} {injector.__name__} {'|'.join(mutant.expected)} ({way})"
                if verdict != "right":
                    found = [one.location.layer if one.location else "." for one in report.findings if one.code == code]
                    outcome.details.append(f"{where}: {verdict} {found}")
                outcome.details += [f"{where}: extra {line}" for line in extra]
            worst = min(verdicts, key=["missed", "wrong", "right"].index)
            setattr(outcome, worst, getattr(outcome, worst) + 1)
            if mutant.path is not None:
                mutant.path.unlink()
            for one, length in zip(nodes, lengths, strict=True):
                del one[length:]


def run(codes: list[str], models: list[str], limit: int) -> dict[str, Outcome]:
    """Outcomes by rule."""
    outcomes = {code: Outcome() for code in codes}
    linters = {code: Linter(overrides=Selection(extend_select=(code,))) for code in codes}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in models:
            clean = Clean(name, MODELS[name], Path(folder))
            for code in codes:
                inject(code, clean, limit, linters[code], outcomes[code])
            keras.utils.clear_session(free_memory=False)
            print(f"{name}: {sum(outcome.injected for outcome in outcomes.values())} faults", file=sys.stderr)
    return outcomes


def table(outcomes: dict[str, Outcome]) -> Iterator[str]:
    yield "| rule | injected | right place | wrong place | missed | extra findings |"
    yield "|---|---|---|---|---|---|"
    for code, one in outcomes.items():
        extra = ", ".join(f"{name} {count}" for name, count in sorted(one.extra.items())) or "0"
        yield f"| {code} | {one.injected} | {one.right} | {one.wrong} | {one.missed} | {extra} |"
    total = [sum(getattr(one, name) for one in outcomes.values()) for name in ("injected", "right", "wrong", "missed")]
    yield f"| all | {' | '.join(map(str, total))} | {sum(one.extra.total() for one in outcomes.values())} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rule", action="append", default=[], metavar="CODE")
    parser.add_argument("--model", action="append", default=[], metavar="NAME", choices=[*MODELS, []])
    parser.add_argument("--limit", type=int, default=20, help="places per model and injector")
    parser.add_argument("-v", "--verbose", action="store_true", help="list every miss and extra finding")
    options = parser.parse_args()
    codes = options.rule or sorted(INJECTORS)
    outcomes = run(codes, options.model or list(MODELS), options.limit)
    if options.verbose:
        for outcome in outcomes.values():
            print(*outcome.details, sep="\n", end="\n" if outcome.details else "")
    print(*table(outcomes), sep="\n")
    return int(not all(one.perfect for one in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
