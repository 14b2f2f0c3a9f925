"""Mutation testing: small faults in the code, each of which some test should notice.

python -m tests.mutation --record                                 # once: which tests run which lines
python -m tests.mutation --package graphlint/replay --sample 150 --seed 1
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from pathlib import Path

from tests.mutation.operators import Mutant, mutants
from tests.mutation.recorded import Recorded
from tests.mutation.running import ROOT, Outcome, copy_tree, meet, prepare, record

SLOW = ("tests/hostile", "tests/fuzz", "tests/test_docstrings.py", "tests/test_project.py")
"""Left out of a recording: they start processes, or run everything at once and tell little."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--record", nargs="*", metavar="TESTS", help="record which lines tests run, instead")
    parser.add_argument("--part", default="all", help="name of the recording; several are read together")
    parser.add_argument("--package", action="append", default=[], help="a folder or file to make mutants of")
    parser.add_argument("--sample", type=int, help="so many mutants of each package at random; without it, all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", type=Path, help="only the mutants that lived in this file of an earlier run")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "mutation", help="where copies and results go")
    arguments = parser.parse_args()
    tree = arguments.folder / f"tree-{arguments.part}"
    copy_tree(tree)
    prepare(tree)
    if arguments.record is not None:
        chosen = arguments.record or ["tests", *(f"--ignore={one}" for one in SLOW)]
        raise SystemExit(record(tree, arguments.folder / arguments.part, chosen))
    recorded = Recorded(arguments.folder, tree)
    for package in arguments.package:
        _package(package, recorded, tree, arguments)


def _package(package: str, recorded: Recorded, tree: Path, arguments: argparse.Namespace) -> None:
    everything = [one for file in _files(tree, package) for one in mutants(file, (tree / file).read_bytes())]
    chosen = everything
    if arguments.again:
        lived = _lived(arguments.again)
        chosen = [one for one in everything if (one.file, one.kind, one.old, one.new) in lived]
    elif arguments.sample is not None:
        chosen = random.Random(arguments.seed).sample(everything, min(arguments.sample, len(everything)))
    outcomes: Counter[Outcome] = Counter()
    results = arguments.folder / f"{package.replace('/', '-')}-{arguments.seed}.jsonl"
    with results.open("w") as file:
        for mutant in chosen:
            began = time.monotonic()
            outcome, met = meet(mutant, recorded, tree)
            outcomes[outcome] += 1
            row = {"outcome": outcome, "tests": met, "seconds": round(time.monotonic() - began, 1), **_row(mutant)}
            file.write(f"{json.dumps(row)}\n")
            file.flush()
            if outcome in (Outcome.LIVES, Outcome.UNTESTED):
                print(f"{outcome} ({met} tests) {mutant}", flush=True)
    lives = outcomes[Outcome.LIVES] + outcomes[Outcome.UNTESTED]
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
    print(f"{package}: {len(chosen)} of {len(everything)} mutants: {counts}; {lives / max(len(chosen), 1):.1%} live")


def _files(tree: Path, package: str) -> list[str]:
    root = tree / package
    return [str(path.relative_to(tree)) for path in (sorted(root.rglob("*.py")) if root.is_dir() else [root])]


def _row(mutant: Mutant) -> dict[str, object]:
    return {"file": mutant.file, "line": mutant.line, "kind": mutant.kind, "old": mutant.old, "new": mutant.new}


def _lived(path: Path) -> set[tuple[str, str, str, str]]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {
        (row["file"], row["kind"], row["old"], row["new"])
        for row in rows
        if row["outcome"] in (Outcome.LIVES, Outcome.UNTESTED)
    }


if __name__ == "__main__":
    main()
