"""The gate against false alarms: every error and warning of the default rules on models that are well made.

    python tests/benchmarks/applications_gate.py [--only NAME]... [--preview] [--configurations] [DIRECTORY|FILE]...

Checks, both in memory and as saved files, every architecture of ``keras.applications`` below 120 MB (random weights)
and every sample model; then the model files under each directory given, which may hold true findings. Exits with 1 when
something was reported on an application or a sample. ``--preview`` runs the rules in preview as well;
``--configurations`` checks every application, of any size, and every public architecture of ``tests/models`` by its
configuration alone; applications are compiled as classifiers, and their weights are not made.
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
from tests.models import ARCHITECTURES

LIMIT_MB = 120
GRAPHLINT = [sys.executable, "-c", "import sys; from graphlint.cli import main; sys.exit(main())"]


def applications_of_keras() -> list[tuple[str, Callable[..., keras.Model]]]:
    """Name and builder of each architecture."""
    return inspect.getmembers(keras.applications, inspect.isfunction)


def applications() -> Iterator[tuple[str, Callable[[], keras.Model]]]:
    """Name and builder of each architecture below the limit; sizes are taken without making the weights."""
    for name, build in applications_of_keras():
        with keras.StatelessScope(initialize_variables=False):
            megabytes = build(weights=None).count_params() * 4 / 1e6
        keras.utils.clear_session()
        if megabytes < LIMIT_MB:
            yield name, partial(build, weights=None)


def findings(model: keras.Model, preview: bool) -> Iterator[str]:
    """Errors and warnings on the model in memory and on its saved file, one line each."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        for way, target in (("live", model), ("file", path)):
            for found in graphlint.check(target, preview=preview).findings:
                if found.severity != "info":
                    address = found.location.address if found.location else "-"
                    yield f"{way} {found.code} {found.severity} {address}: {found.message}"


def without_weights(build: Callable[..., keras.Model]) -> keras.Model:
    """An application whose variables have shapes and no numbers, compiled as a classifier."""
    with keras.StatelessScope(initialize_variables=False):
        model = build(weights=None)
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    return model


def configured(model: keras.Model, preview: bool) -> Iterator[str]:
    """Errors and warnings on the configuration of a model, one line each."""
    text = model.to_json()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.json")
        path.write_text(text, encoding="utf-8")
        for found in graphlint.check(path, preview=preview).findings:
            if found.severity != "info":
                address = found.location.address if found.location else "-"
                yield f"configuration {found.code} {found.severity} {address}: {found.message}"


def check_configurations(only: list[str], preview: bool) -> int:
    built = [(name, partial(without_weights, build)) for name, build in applications_of_keras()]
    count = reported = 0
    for name, build in [*built, *ARCHITECTURES.items()]:
        if only and name not in only:
            continue
        lines = list(configured(build(), preview))
        keras.utils.clear_session()
        count += 1
        reported += len(lines)
        print(f"{name}: {len(lines) or 'nothing'}", *lines, sep="\n    ", flush=True)
    print(f"\n{count} configurations, {reported} errors and warnings")
    return reported


def check_built(only: list[str], preview: bool) -> int:
    count = reported = 0
    for name, build in [*applications(), *SAMPLES.items()]:
        if only and name not in only:
            continue
        lines = list(findings(build(), preview))
        keras.utils.clear_session()
        count += 1
        reported += len(lines)
        print(f"{name}: {len(lines) or 'nothing'}", *lines, sep="\n    ", flush=True)
    print(f"\n{count} models, {reported} errors and warnings")
    return reported


def check_stored(target: str, preview: bool) -> None:
    more = ["--preview"] if preview else []
    command = [*GRAPHLINT, "check", "--isolated", "--fail-on", "never", "--format", "json", *more, target]
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
    parser.add_argument("--preview", action="store_true", help="rules in preview as well")
    parser.add_argument("--configurations", action="store_true", help="configurations alone, of models of any size")
    options = parser.parse_args()
    check = check_configurations if options.configurations else check_built
    reported = check(options.only, options.preview)
    for target in options.stored:
        check_stored(target, options.preview)
    return int(reported > 0)


if __name__ == "__main__":
    sys.exit(main())
