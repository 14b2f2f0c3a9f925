"""``python -m tests.fuzz --seeds DIR``: 200,000 configurations, 200,000 archives and 100,000 HDF5 files."""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

from tests.fuzz.configurations import configurations
from tests.fuzz.hdf5_files import hdf5_files
from tests.fuzz.running import run
from tests.fuzz.seeds import Seeds
from tests.fuzz.zip_archives import zip_archives

MAKERS = {"config": configurations, "zip": zip_archives, "hdf5": hdf5_files}


def main() -> int:
    """Run, print figures and failures; 1 where there was one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=Path, required=True, help="directory of good .keras, .h5 and .json files")
    parser.add_argument("--keep", type=Path, help="directory for inputs that fail")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", type=int, default=10, help="check every n-th input twice")
    for name, count in (("config", 200_000), ("zip", 200_000), ("hdf5", 100_000)):
        parser.add_argument(f"--{name}", type=int, default=count, metavar="N")
    options = parser.parse_args()
    seeds = Seeds(options.seeds)
    keep = options.keep or Path(tempfile.mkdtemp(prefix="graphlint-fuzz-"))
    failed = False
    for name, maker in MAKERS.items():
        folder = keep / name
        folder.mkdir(parents=True, exist_ok=True)
        outcome = run(maker(random.Random(options.seed), seeds), getattr(options, name), folder, options.again)
        print(f"{name}: {outcome}", flush=True)
        for reason, path in outcome.failures[:50]:
            print(f"    {path}: {reason}", flush=True)
        failed = failed or bool(outcome.failures)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
