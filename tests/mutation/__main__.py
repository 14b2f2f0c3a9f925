"""Mutation testing: small faults in the code, each of which some test should notice.

python -m tests.mutation --package graphlint/replay --sample 50 --seed 1 tests/replay tests/fixes

One process imports Keras and collects the tests. A fork of it runs them once and notes which faults each comes by;
then each fault is made in a fork of its own, where the tests that come by it run until one fails.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from itertools import islice
from pathlib import Path

from tests.mutation.operators import Mutant, mutants
from tests.mutation.running import ROOT, Outcome, Result, Runner, copy_tree, files_of, lived, prepare


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tests", nargs="+", help="files or folders of tests, in the order in which they run")
    parser.add_argument("--package", action="append", required=True, help="a folder or file to make faults in")
    parser.add_argument("--sample", type=int, help="so many mutants of each package at random; without it, all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60, help="how long the first run of the tests may take")
    parser.add_argument(
        "--each", type=float, default=60, help="how many seconds of tests, the quickest first, one meets"
    )
    parser.add_argument("--again", type=Path, help="only the mutants that lived in this file of an earlier run")
    parser.add_argument(
        "--without-keras", action="store_true", help="only the code and tests that need no Keras: much quicker"
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "mutation", help="where copies and results go")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    tree = folder / "tree"
    copy_tree(tree)
    prepare(tree, keras=not arguments.without_keras)
    chosen, totals = _chosen(tree, arguments)
    results: list[Result] = []
    with (folder / "results.jsonl").open("w") as file:

        def told(result: Result) -> None:
            results.append(result)
            file.write(f"{json.dumps(_row(result))}\n")
            file.flush()
            if result.outcome not in (Outcome.KILLED, Outcome.TIMEOUT):
                print(f"{result.outcome} ({result.tests} tests) {result.mutant}", flush=True)

        limits = {"seconds": 60 * arguments.minutes, "each": arguments.each}
        Runner(tree, folder / "reached.jsonl", chosen, told, **limits).run(arguments.tests)
    if chosen and not results:
        raise SystemExit("no mutant met a test: see above why")
    for package, total in totals.items():
        print(_summary(package, total, [one for one in results if one.mutant.file.startswith(package)]))


def _chosen(tree: Path, arguments: argparse.Namespace) -> tuple[list[Mutant], dict[str, int]]:
    """The mutants to go through, one of each package at a time, and how many each package has."""
    known = lived(arguments.again) if arguments.again else None
    found, totals = [], {}
    for package in arguments.package:
        mine = [one for file in files_of(tree, package) for one in mutants(file, (tree / file).read_bytes())]
        totals[package] = len(mine)
        if known is not None:
            mine = [one for one in mine if (one.file, one.kind, one.old, one.new) in known]
        else:
            random.Random(arguments.seed).shuffle(mine)
        sources = {file: (tree / file).read_bytes() for file in files_of(tree, package)}
        sound = (one for one in mine if one.compiles(sources[one.file]))
        mine = list(islice(sound, arguments.sample if known is None else None))
        found += [(turn, package, one) for turn, one in enumerate(mine)]
    return [mutant for _, _, mutant in sorted(found, key=lambda one: one[:2])], totals


def _summary(package: str, total: int, results: list[Result]) -> str:
    outcomes = Counter(one.outcome for one in results)
    live = outcomes[Outcome.LIVES] + outcomes[Outcome.UNTESTED]
    told = live + outcomes[Outcome.KILLED] + outcomes[Outcome.TIMEOUT]
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
    return f"{package}: {len(results)} of {total} mutants: {counts}; {live / max(told, 1):.0%} live"


def _row(result: Result) -> dict[str, object]:
    mutant = result.mutant
    return {
        "outcome": result.outcome,
        "tests": result.tests,
        "by": result.by,
        "seconds": round(result.seconds, 1),
        "file": mutant.file,
        "line": mutant.line,
        "kind": mutant.kind,
        "old": mutant.old,
        "new": mutant.new,
    }


if __name__ == "__main__":
    main()
