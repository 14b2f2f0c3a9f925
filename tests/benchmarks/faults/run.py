"""Check published faulty programs and their corrected versions, and count the causes that are named.

    python tests/benchmarks/faults/run.py [--fresh] [--only NAME]... [-v]

For each kind of fault: programs; how many have their cause named from the saved file, from a batch, and by Watch while
the program trains for a few steps, and by any of these; and errors and warnings on the corrected versions. Every rule
runs, those in preview and outside the default set as well. Exits with 1 when a corrected version is not silent.

With ``--fresh``, only the programs of `fresh.py`, which were written down before graphlint had looked at them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[3]))

import graphlint
from graphlint.callbacks import Watch
from graphlint.engine.registry import load_registry
from tests.benchmarks.faults import fresh, images, sequences, tables  # noqa: F401  registers the programs
from tests.benchmarks.faults.program import BATCH, KINDS, PROGRAMS, Case, Program

OUTSIDE = [rule.code for rule in load_registry() if not rule.default]
EPOCHS = 12
Findings = list[tuple[str, str, str]]
"""Code, severity and text of each finding."""


def _findings(report: Any) -> Findings:
    found = []
    for one in report.findings:
        address = one.location.address if one.location else "."
        found.append((one.code, str(one.severity), f"{one.code} {one.severity} {address}: {one.message}"))
    return found


def in_file(case: Case) -> Findings:
    """What the saved file tells."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        case[0].save(path)
        return _findings(graphlint.check(path, preview=True, extend_select=OUTSIDE))


def in_batch(case: Case) -> Findings:
    """What the model tells with one batch."""
    model, x, y = case
    return _findings(graphlint.check(model, data=(x, y), preview=True, extend_select=OUTSIDE))


def in_training(case: Case) -> Findings:
    """What is noticed in a few epochs on the batch."""
    model, x, y = case
    model.jit_compile = False  # Compiling takes most of the time, and changes nothing that is looked at.
    watch = Watch(fail_on="never", preview=True, extend_select=OUTSIDE)
    with suppress(Exception):  # Some of the programs cannot be trained, which differs from backend to backend.
        model.fit(x, y, epochs=EPOCHS, batch_size=BATCH, verbose=0, callbacks=[watch])
    return _findings(watch.report)


WAYS: dict[str, Callable[[Case], Findings]] = {"file": in_file, "batch": in_batch, "watch": in_training}


def alarms(program: Program) -> Iterator[str]:
    """Errors and warnings on the corrected version."""
    for way, look in WAYS.items():
        for _, severity, text in look(program.made(True)):
            if severity != "info":
                yield f"{way}: {text}"


def named(program: Program) -> dict[str, bool]:
    """In which ways one of the rules that name the cause fires."""
    return {way: any(code in program.rules for code, *_ in look(program.made(False))) for way, look in WAYS.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="only this program")
    parser.add_argument("--fresh", action="store_true", help="only those written before graphlint looked at them")
    parser.add_argument("-v", "--verbose", action="store_true", help="list each program whose cause is not named")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = {kind: dict.fromkeys(("programs", *WAYS, "any", "alarms"), 0) for kind in KINDS}
    for program in PROGRAMS:
        named_here = program.name in options.only or not options.only
        if not named_here or (not options.only and options.fresh != (program.build.__module__ == fresh.__name__)):
            continue
        row = rows[program.kind]
        row["programs"] += 1
        ways = named(program)
        for way, right in ways.items():
            row[way] += right
        row["any"] += any(ways.values())
        if options.verbose and not any(ways.values()):
            said = sorted({code for look in WAYS.values() for code, *_ in look(program.made(False))})
            print(f"missed {program.name} ({program.kind}, {'/'.join(program.rules) or 'no rule'}): {said}", flush=True)
        for line in alarms(program):
            row["alarms"] += 1
            print(f"alarm on the corrected {program.name}: {line}", flush=True)
    columns = list(next(iter(rows.values())))
    print(f"| kind of fault | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|", sep="\n")
    for kind, row in rows.items():
        print(f"| {kind} | {' | '.join(map(str, row.values()))} |")
    total = {column: sum(row[column] for row in rows.values()) for column in columns}
    print(f"| all | {' | '.join(map(str, total.values()))} |")
    return int(total["alarms"] > 0)


if __name__ == "__main__":
    sys.exit(main())
