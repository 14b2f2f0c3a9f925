"""Time and peak memory of a cold ``graphlint check`` beside a cold ``keras.models.load_model``.

    python tests/benchmarks/cold_check.py [--runs 5] [FILE.keras]...

Without files it builds ResNet50, MobileNetV2 and a model of 2,000 layers (20 branches: Keras recurses with the depth).
Each figure is the median over runs after one that does not count, each run a process of its own, in turn with the
others: files are in the page cache and modules compiled, as after an installation. "imports" is what the libraries that
graphlint needs cost by themselves.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENVIRONMENT = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONDONTWRITEBYTECODE": ""}
BUILD = """
import sys
import keras
name, path = sys.argv[1:]
if name == "layers-2000":
    inputs = keras.Input((16,))
    branches = [inputs] * 20
    for _ in range(50):
        branches = [keras.layers.ReLU()(keras.layers.Dense(16)(x)) for x in branches]
    model = keras.Model(inputs, keras.layers.Add()(branches))
else:
    model = getattr(keras.applications, name)(weights=None)
model.save(path)
"""
IMPORTS = ["-c", "import click, networkx, numpy, pyfive"]
LOAD = ["-c", "import sys, keras; keras.models.load_model(sys.argv[1])"]
GRAPHLINT = ["-c", "import sys; from graphlint.cli import main; sys.exit(main())"]
CHECK = [*GRAPHLINT, "check", "--fail-on", "never", "--format", "json"]


def cold(arguments: list[str]) -> tuple[float, float]:
    """Wall time in seconds and peak resident memory in MB of one Python process."""
    command = [sys.executable, *arguments]
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, env=ENVIRONMENT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            raise SystemExit(f"exit code {process.returncode} from {command}:\n{log.read().decode()}")
    return seconds, peak_megabytes(usage)


def peak_megabytes(usage: resource.struct_rusage) -> float:
    """``ru_maxrss`` is in bytes on macOS and in kilobytes elsewhere."""
    return usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def medians(commands: dict[str, list[str]], runs: int) -> dict[str, tuple[float, float]]:
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, command in commands.items():
            measured[name].append(cold(command))
    return {name: (median(values[1:], 0), median(values[1:], 1)) for name, values in measured.items()}


def median(values: list[tuple[float, float]], column: int) -> float:
    return statistics.median(value[column] for value in values)


def report(path: Path, runs: int) -> None:
    commands = {"imports": IMPORTS, "graphlint check": [*CHECK, str(path)], "load_model": [*LOAD, str(path)]}
    results = medians(commands, runs)
    check, load, imports = results["graphlint check"], results["load_model"], results["imports"]
    print(f"\n{path.stem} ({path.stat().st_size / 1e6:.1f} MB)")
    for name, (seconds, megabytes) in results.items():
        print(f"  {name:16} {seconds:7.3f} s {megabytes:8.1f} MB")
    print(f"  check / load     {check[0] / load[0]:7.3f}   {check[1] / load[1]:8.3f}")
    print(f"  check - imports  {check[0] - imports[0]:7.3f} s {check[1] - imports[1]:8.1f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    for file in options.files:
        report(file, options.runs)
    if options.files:
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in ("ResNet50", "MobileNetV2", "layers-2000"):
            path = Path(folder, f"{name}.keras")
            cold(["-c", BUILD, name, str(path)])
            report(path, options.runs)


if __name__ == "__main__":
    main()
