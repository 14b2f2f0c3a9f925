"""The gate against false alarms: every error and warning of the default rules on models that are well made.

    python tests/benchmarks/applications_gate.py [--only NAME]... [DIRECTORY|FILE]...

Checks, both in memory and as saved files, every architecture of ``keras.applications`` below 120 MB (random weights)
and every sample model; then the model files under each directory given, which may hold true findings. Exits with 1 when
something was reported on an application or a sample.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras

import graphlint
from graphlint.testing.samples import SAMPLES

LIMIT_MB = 120
GRAPHLINT = [sys.executable, "-c", "import sys; from graphlint.cli import main; sys.exit(main())"]


def applications() -> Iterator[tuple[str, Callable[[], keras.Model]]]:
    """Name and builder of each architecture below the limit; sizes are taken without making the weights."""
    for name, build in inspect.getmembers(keras.applications, inspect.isfunction):
        with keras.StatelessScope(initialize_variables=False):
            megabytes = build(weights=None).count_params() * 4 / 1e6
        keras.utils.clear_session()
        if megabytes < LIMIT_MB:
            yield name, partial(build, weights=None)


def findings(model: keras.Model) -> Iterator[str]:
    """Errors and warnings on the model in memory and on its saved file, one line each."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        for way, target in (("live", model), ("file", path)):
            for found in graphlint.check(target).findings:
                if found.severity != "info":
                    address = found.location.address if found.location else "-"
                    yield f"{way} {found.code} {found.severity} {address}: {found.message}"


def check_built(only: list[str]) -> int:
    count = reported = 0
    for name, build in [*applications(), *SAMPLES.items()]:
        if only and name not in only:
            continue
        lines = list(findings(build()))
        keras.utils.clear_session()
        count += 1
        reported += len(lines)
        print(f"{name}: {len(lines) or 'nothing'}", *lines, sep="\n    ", flush=True)
    print(f"\n{count} models, {reported} errors and warnings")
    return reported


def check_stored(target: str) -> None:
    command = [*GRAPHLINT, "check", "--isolated", "--fail-on", "never", "--format", "json", target]
    report = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout)
    found = [finding for finding in report["findings"] if finding["severity"] != "info"]
    print(f"\n{target}: {dict(Counter(model['status'] for model in report['models']))}")
    for finding in sorted(found, key=lambda finding: (finding["code"], finding["model"])):
        address = finding["location"]["address"] if finding["location"] else "-"
        print(f"    {finding['code']} {finding['severity']} {finding['model']} {address}: {finding['message']}")
    print(f"    {dict(sorted(Counter(finding['code'] for finding in found).items()))}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stored", nargs="*", metavar="DIRECTORY|FILE")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="only this application or sample")
    options = parser.parse_args()
    reported = check_built(options.only)
    for target in options.stored:
        check_stored(target)
    return int(reported > 0)


if __name__ == "__main__":
    sys.exit(main())
