"""Time and memory of ``graphlint check`` on large honest files and on hostile ones, each in a process of its own.

    python tests/benchmarks/heavy_files.py [--calls 100000] [--only NAME] [--against FOLDER]

Prints seconds of processor time, peak memory, exit code and what was said first. ``--against`` runs another checkout of
graphlint on the same files as well. Each process may take 8 GB and ten minutes.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.hostile import heavy

ROOT = Path(__file__).parents[2]
RUN = "import sys; from graphlint.cli import main; sys.exit(main())"
MEMORY = 8 << 30
SECONDS = 600


def limited() -> None:
    """In the child: no more memory and time than allowed."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def measure(path: Path, checkout: Path) -> tuple[float, float, int, str]:
    """Seconds of processor time, MB of memory, exit code, and the first line of the report."""
    own = checkout / ".venv/bin/python"
    command = [
        str(own if own.exists() else sys.executable),
        "-c",
        RUN,
        "check",
        "--isolated",
        "--format",
        "concise",
        str(path),
    ]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=checkout,
            env=os.environ | {"PYTHONPATH": str(checkout)},
            preexec_fn=limited,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        lines = output.read().decode(errors="replace").splitlines() or [""]
    megabytes = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    said = lines[-1] if "Traceback" in lines[0] else lines[0]
    return usage.ru_utime + usage.ru_stime, megabytes, process.returncode, said.removeprefix(str(path))[:110]


def honest(make: Callable[[int], str], calls: int) -> bytes:
    """A file of so many calls."""
    return heavy.keras_file(make(calls))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=100_000, help="calls in the honest files")
    parser.add_argument("--only", action="append", default=[], help="names of files")
    parser.add_argument("--against", type=Path, help="another checkout")
    options = parser.parse_args()
    makers = {name: partial(honest, make, options.calls) for name, make in heavy.HONEST.items()}
    makers |= {name: partial(make, size) for name, (make, size, _) in heavy.HOSTILE.items()}
    checkouts = [one.resolve() for one in (options.against, ROOT) if one is not None]
    with tempfile.TemporaryDirectory() as folder:
        for name, make in makers.items():
            if options.only and name not in options.only:
                continue
            path = Path(folder, f"{name}.keras")
            path.write_bytes(make())
            for checkout in checkouts:
                seconds, megabytes, code, said = measure(path, checkout)
                size = path.stat().st_size
                where = checkout.name if len(checkouts) > 1 else ""
                print(
                    f"{name:24} {where:8} {size:>12,} bytes {seconds:8.2f} s {megabytes:8.0f} MB  exit {code}  {said}",
                    flush=True,
                )
            path.unlink()


if __name__ == "__main__":
    main()
