"""Files per second and memory of ``graphlint check`` over many small files: one process, several, and from the cache.

    python tests/benchmarks/fleet.py [--files 1500] [--links 20000] [--jobs 2] [--repeat 3]

The files are copies of tests/data/good.keras (36 KB, 11 layers) of different dates; the links are hard links to 100 of
them. Each figure is
the best of some runs, each a process of its own with a cache of its own; only "cached" has that of the run before.
"cpu" is the processor time of all its processes. Peak memory is that of the first process.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

MODEL = Path(__file__).parents[1] / "data" / "good.keras"
DATED = ("metadata.json",)
with zipfile.ZipFile(MODEL) as model:
    MEMBERS = {name: model.read(name) for name in model.namelist()}
CODE = """
import resource, sys
from graphlint.cli import main
try:
    main(sys.argv[1:])
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


class Run(NamedTuple):
    seconds: float
    processor: float
    memory: float


def run(folder: Path, cache: Path, *arguments: str) -> Run:
    """One check of a folder."""
    command = [sys.executable, "-c", CODE, "check", "--isolated", "--format", "json-lines", *arguments, str(folder)]
    environment = os.environ | {"GRAPHLINT_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": ""}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, check=False)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise SystemExit(process.stderr.decode())
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(seconds, processor, int(process.stderr.split()[-1]) / 1024)


def measured(what: str, count: int, runs: list[Run]) -> Run:
    best = min(runs)
    print(
        f"| {what} | {count:,} | {best.seconds:.2f} s | {count / best.seconds:,.0f} | {best.processor:.2f} s "
        f"| {best.memory:.0f} MB |",
        flush=True,
    )
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1500)
    parser.add_argument("--links", type=int, default=20_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    jobs = str(arguments.jobs)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        cache = root / "cache"

        def fresh(folder: Path, *more: str, repeat: int = arguments.repeat) -> list[Run]:
            found = []
            for _ in range(repeat):
                shutil.rmtree(cache, ignore_errors=True)
                found.append(run(folder, cache, *more))
            return found

        files, links = root / "files", root / "links"
        files.mkdir()
        for number in range(arguments.files):
            with zipfile.ZipFile(files / f"m{number:06}.keras", "w") as archive:
                for name, content in MEMBERS.items():
                    archive.writestr(name, content.replace(b"@", b"@%06d " % number) if name in DATED else content)
        time.sleep(0.1)
        print("| run | files | time | files/s | cpu | memory |\n|---|---:|---:|---:|---:|---:|")
        alone = measured("-j 1", arguments.files, fresh(files))
        several = measured(f"-j {jobs}", arguments.files, fresh(files, "-j", jobs))
        cached = measured("cached", arguments.files, [run(files, cache) for _ in range(arguments.repeat)])
        few = root / "few"
        few.mkdir()
        for number in range(20):
            os.link(files / f"m{number:06}.keras", few / f"m{number}.keras")
        little = measured("-j 1, few", 20, fresh(few))
        measured(f"-j {jobs}, few", 20, fresh(few, "-j", jobs))
        for count in (arguments.links // 10, arguments.links):
            links = root / f"links{count}"
            links.mkdir()
            for number in range(count):
                os.link(files / f"m{number % 100:06}.keras", links / f"m{number:06}.keras")
            measured(f"hard links, -j {jobs}", count, fresh(links, "-j", jobs, repeat=1))
            measured("hard links, cached", count, [run(links, cache)])
        print(f"\n{jobs} processes are {alone.seconds / several.seconds:.2f} times as fast as one.")
        print(f"The second run takes {cached.seconds / alone.seconds:.1%} of the first.")
        print(f"A run over 20 files takes {little.seconds:.2f} s.")


if __name__ == "__main__":
    main()
